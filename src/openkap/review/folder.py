"""
The folder of a site while one person changes it: one at a time, a file whole or not at all.

    with holding(folder) as held:        nobody else changes the folder until the end of the block
        held.append("signatures.toml", text)
        held.restore()                   the files as they were, if what belongs to the change failed

Files are appended to and never rewritten, so what a person wrote in them by hand stays as it is.

A change that is also recorded elsewhere (the app's audit trail) has a name. While it goes on, `.unfinished.json` says
how long each file was before; where a process was killed in between, `settle` takes back what was not recorded.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from openkap.kernel.errors import UserError
from openkap.kernel.site import Site

HEADS = {
    "signatures.toml": "# Who signed which row, as it stood. The last entry of a row counts; delete none.\n",
    "overrides.toml": "# The site's own values for limits. An entry with `withdrawn = true` ends the one above it.\n",
}


UNFINISHED = ".unfinished.json"


@dataclass(frozen=True)
class Held:
    """
    A site folder that nobody else changes meanwhile.

    Args:
        change: by which the other record names this change; empty: the files alone hold it.
    """

    folder: Path
    change: str = ""
    _former: dict[str, bytes | None] = field(default_factory=dict)

    def site(self) -> Site:
        """What the folder says now."""
        return Site.open(self.folder)

    def append(self, name: str, text: str) -> None:
        """
        Add text to the end of a file; a reader sees the old file or the new one, never a half.

        Raises:
            UserError: the folder cannot be written; the old file stands.
        """
        path = self.folder / name
        try:
            former = path.read_bytes() if path.exists() else None
            self._former.setdefault(name, former)
            self._mark()
            start = former if former is not None else HEADS[name].encode()
            _replace(path, start + (b"" if start.endswith(b"\n") else b"\n") + text.encode())
        except OSError as fault:
            raise UserError(f"{path} cannot be written ({fault.strerror}): check the folder's permissions.") from None

    def restore(self) -> None:
        """Every file as it was when the folder was taken."""
        for name, former in self._former.items():
            if former is None:
                (self.folder / name).unlink(missing_ok=True)
            else:
                _replace(self.folder / name, former)
        self._former.clear()
        (self.folder / UNFINISHED).unlink(missing_ok=True)

    def _mark(self) -> None:
        if self.change:
            lengths = {name: None if text is None else len(text) for name, text in self._former.items()}
            marked = msgspec.json.encode({"change": self.change, "files": lengths})
            _replace(self.folder / UNFINISHED, marked)


@contextmanager
def holding(folder: Path, change: str = "") -> Iterator[Held]:
    """
    Hold a site folder; waits until whoever holds it is done.

    Args:
        change: as in `Held`; who gives one settles an unfinished change first.

    Raises:
        UserError: there is no such folder, or a change of the app was cut off and is not settled.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise UserError(f"{folder} cannot be opened ({fault.strerror}): check the site's folder.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not change and unfinished(folder):
            raise UserError(f"A change of {folder} in the app was cut off: start openkap serve, which settles it.")
        held = Held(folder, change)
        yield held
        if change:
            (folder / UNFINISHED).unlink(missing_ok=True)
    finally:
        os.close(handle)


def unfinished(folder: Path) -> bool:
    """A change is going on, or was cut off."""
    return (folder / UNFINISHED).is_file()


def settle(held: Held, recorded: Callable[[str], bool]) -> str:
    """
    End a change that was cut off: what was recorded stands, what was not is taken back.

    Args:
        recorded: whether the other record holds the change of this name.

    Returns:
        The name of a change that was taken back; empty if there was none to take back.
    """
    marker = held.folder / UNFINISHED
    if not marker.is_file():
        return ""
    marked = msgspec.json.decode(marker.read_bytes(), type=_Unfinished)
    stands = recorded(marked.change)
    for name, length in marked.files.items() if not stands else ():
        path = held.folder / name
        if length is None:
            path.unlink(missing_ok=True)
        elif path.exists():
            _replace(path, path.read_bytes()[:length])
    marker.unlink()
    return "" if stands else marked.change


class _Unfinished(msgspec.Struct, forbid_unknown_fields=True):
    change: str
    files: dict[str, int | None]


def _replace(path: Path, content: bytes) -> None:
    """The whole file beside the old one, then in its place, on the disk before anyone is told."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".toml")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def entry(table: str, row: msgspec.Struct) -> str:
    """A row as an entry of a TOML table; what has its default is left out."""
    lines = [f"\n[[{table}]]"]
    for item in msgspec.structs.fields(row):
        value = getattr(row, item.name)
        if value != item.default:
            lines.append(f"{item.name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    # A JSON string is a TOML string, but for this one control character.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def entries(table: str, rows: Mapping[str, msgspec.Struct]) -> str:
    """Several rows as entries of one table."""
    return "".join(entry(table, row) for row in rows.values())
