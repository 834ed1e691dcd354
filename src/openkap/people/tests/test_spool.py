"""A file that has its room before it is needed: what was put there is given once, whole, whatever happened between."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from openkap.people import spool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    spool.prepare(tmp_path / "spool")
    return tmp_path / "spool"


def drained(path: Path) -> list[bytes]:
    found: list[bytes] = []
    spool.drain(path, found.extend)
    return found


def test_lines_come_out_once_in_their_order_and_the_room_stays(path: Path):
    assert spool.is_empty(path) and path.stat().st_size == spool.ROOM
    for line in (b"one", b"two"):
        spool.put(path, line)
    assert not spool.is_empty(path)
    assert drained(path) == [b"one", b"two"]
    assert spool.is_empty(path) and drained(path) == [] and path.stat().st_size == spool.ROOM
    assert path.stat().st_mode & 0o077 == 0


def test_what_nobody_kept_stays(path: Path):
    spool.put(path, b"one")

    def fails(_: list[bytes]) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        spool.drain(path, fails)
    assert drained(path) == [b"one"]


def test_a_line_cut_short_by_a_crash_is_left_out_and_written_over(path: Path):
    spool.put(path, b"one")
    with path.open("r+b") as file:
        file.seek(4)
        file.write(b"tw")
    spool.put(path, b"three")
    assert drained(path) == [b"one", b"three"]


def test_a_full_or_missing_file_says_so_and_loses_nothing(path: Path, tmp_path: Path):
    rng, kept = random.Random(7), []

    def fill() -> None:
        while True:
            line = b"x" * rng.randint(1, 90_000)
            spool.put(path, line)
            kept.append(line)

    with pytest.raises(OSError, match="full"):
        fill()
    assert drained(path) == kept
    with pytest.raises(FileNotFoundError):
        spool.put(tmp_path / "none", b"one")
    assert spool.is_empty(tmp_path / "none")


def test_many_at_once_lose_no_line(path: Path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: spool.put(path, str(n).encode()), range(200)))
    assert sorted(drained(path), key=int) == [str(n).encode() for n in range(200)]
    assert os.stat(path).st_size == spool.ROOM
