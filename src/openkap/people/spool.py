"""
A file that has its room on the disk before it is needed, so that it can be written when the disk is full.

Lines are written over its zeros, one after the other, by any process of the deployment; each is on the disk when
`put` returns. `drain` gives all lines to somebody who keeps them elsewhere, and wipes them once that is done: a crash
between the two gives them again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: there one process serves
    fcntl = None  # type: ignore[assignment]

ROOM = 2**20  # bytes
_inside = threading.Lock()  # a lock of the system is the process's, not the thread's


def prepare(path: Path) -> None:
    """
    Take the room for the file, if it has none yet.

    Raises:
        OSError: there is no room, or no folder.
    """
    with _open(path, os.O_RDWR | os.O_CREAT) as file:
        if os.fstat(file).st_size < ROOM:
            os.pwrite(file, b"\0" * (ROOM - os.fstat(file).st_size), os.fstat(file).st_size)
            os.fsync(file)


def put(path: Path, line: bytes) -> None:
    """
    Keep one line.

    Raises:
        OSError: it is not kept: no such file, no room in it, or a disk that takes nothing at all.
    """
    with _open(path, os.O_RDWR) as file:
        used = len(_lines(file))
        if used + len(line) + 2 > os.fstat(file).st_size:  # one zero at the end, always
            raise OSError(f"{path.name} is full")
        os.pwrite(file, line + b"\n", used)
        os.fsync(file)


def is_empty(path: Path) -> bool:
    """True if nothing waits in it, or there is no such file."""
    try:
        with path.open("rb") as file:
            return file.read(1) in (b"", b"\0")
    except OSError:
        return True


def drain(path: Path, keep: Callable[[list[bytes]], None]) -> None:
    """
    Give every line to `keep` and wipe them; what `keep` raises leaves them where they are.

    Raises:
        OSError: the file cannot be read, or not be wiped.
    """
    if is_empty(path):
        return
    with _open(path, os.O_RDWR) as file:
        found = _lines(file)
        if found:
            keep(found.splitlines())
            os.pwrite(file, b"\0" * len(found), 0)
            os.fsync(file)


def _lines(file: int) -> bytes:
    """What is written; a line that a crash cut short is left out, and written over."""
    whole = os.pread(file, os.fstat(file).st_size, 0).partition(b"\0")[0]
    return whole[: whole.rfind(b"\n") + 1]


@contextmanager
def _open(path: Path, flags: int) -> Iterator[int]:
    with _inside:
        file = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)
