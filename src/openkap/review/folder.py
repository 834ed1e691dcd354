"""
The folder of a site while one person changes it: one at a time, a file whole or not at all.

    with holding(folder) as held:        nobody else changes the folder until the end of the block
        held.append("signatures.toml", text)
        held.restore()                   the files as they were, if what belongs to the change failed

Files are appended to and never rewritten, so what a person wrote in them by hand stays as it is.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
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


@dataclass(frozen=True)
class Held:
    """A site folder that nobody else changes meanwhile."""

    folder: Path
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


@contextmanager
def holding(folder: Path) -> Iterator[Held]:
    """
    Hold a site folder; waits until whoever holds it is done.

    Raises:
        UserError: there is no such folder.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise UserError(f"{folder} cannot be opened ({fault.strerror}): check the site's folder.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Held(folder)
    finally:
        os.close(handle)


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
