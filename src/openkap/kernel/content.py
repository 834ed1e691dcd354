"""
Clinical content: TOML files beside the rooms that use them, loaded strictly.

A file has a `[content]` header and tables of rows. Loading refuses unknown keys, wrong types,
duplicate ids and sources that do not exist, and names the file, the row and the remedy. The version
of all content together is part of every output, so that a decision can be traced to the numbers that
made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tomli

from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Row, Source, Sourced

T = TypeVar("T")

RELEASE = "2026.1"

ROOMS = ("kernel", "pkpd", "chart", "assess", "screen", "plan", "dose")  # in the order of imports


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The `[content]` table of a file.

    Args:
        title: what the file holds, for a reviewer.
        version: of this file; a change of any clinical value changes it.
        about: how to read it.
        sheet: the fact sheet and section it was transcribed from.
    """

    title: str
    version: str
    about: str = ""
    sheet: str = ""


def content_folder(room: str) -> Path:
    """The folder of a room's content files."""
    return Path(str(files("openkap").joinpath(room, "content")))


def read_toml(package: str, name: str) -> dict[str, Any]:
    """Parse a TOML file of a package; floats are read as exact decimals."""
    path = Path(str(files(package).joinpath(name)))
    return parse_toml(path.read_text(encoding="utf-8"), str(name))


def read_site_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file of a site's own folder; the fault names the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ContentFault(f"{path.name}: not text in UTF-8; save it as UTF-8.") from None
    except OSError as fault:
        raise ContentFault(f"{path.name} cannot be read ({fault.strerror}); check its permissions.") from None
    return parse_toml(text, path.name)


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Parse TOML text; `name` is how a ContentFault calls it."""
    try:
        return tomli.loads(text, parse_float=Decimal)
    except tomli.TOMLDecodeError as fault:
        raise ContentFault(f"{name}: not valid TOML ({fault}); correct that line.") from None


def load(room: str, name: str, kind: type[T]) -> T:
    """
    Load one content file of a room.

    Args:
        room: folder name, as in `ROOMS`.
        name: path below `content/`, such as `eligibility.toml`.
        kind: a msgspec Struct with a `content: Header` field and the file's tables.

    Returns:
        The file as an instance of `kind`.

    Raises:
        ContentFault: unknown key, missing key, wrong type or duplicate id; the message names the
            file, the place and the remedy.
    """
    data = read_toml(f"openkap.{room}", f"content/{name}")
    return convert(data, kind, f"{room}/content/{name}")


def convert(data: dict[str, Any], kind: type[T], where: str) -> T:
    """Turn parsed TOML into `kind`, or say what is wrong where."""
    try:
        loaded = msgspec.convert(data, kind)
    except msgspec.ValidationError as fault:
        raise ContentFault(f"{where}: {_place(data, str(fault))}; correct or remove it.") from None
    for rows in _row_lists(loaded):
        refuse_duplicates(rows, where)
    return loaded


def refuse_duplicates(rows: Iterable[Row], where: str) -> None:
    """Raise ContentFault if two rows share an id."""
    seen = set()
    for row in rows:
        if row.id in seen:
            raise ContentFault(f"{where}: id {row.id} stands twice; ids are used once and never again.")
        seen.add(row.id)


def refuse_dangling(rows: Iterable[Sourced], sources: dict[str, Source], where: str) -> None:
    """Raise ContentFault if a row cites a source that `sources.toml` does not have, or none where it must."""
    for row in rows:
        if not row.basis:
            raise ContentFault(f"{where}: {row.id} has no basis; say how each part was checked.")
        for part in row.basis:
            if part.source and part.source not in sources:
                raise ContentFault(f"{where}: {row.id} cites {part.source!r}, which sources.toml does not have.")
            if part.tag in ("V", "S") and not part.source:
                raise ContentFault(f"{where}: {row.id}, {part.what!r} is tagged {part.tag} but names no source.")


class SourcesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`sources.toml` of a room."""

    content: Header
    source: tuple[Source, ...]


@cache
def sources(room: str) -> dict[str, Source]:
    """The works that a room's content cites, by key."""
    return {s.id: s for s in load(room, "sources.toml", SourcesFile).source}


@cache
def row_ids(room: str) -> frozenset[str]:
    """The ids of a room's rows, read without their types: an earlier room may ask whose row a name is."""
    parsed = (read_toml(f"openkap.{room}", str(path)) for path in sorted(content_folder(room).glob("**/*.toml")))
    tables = (table for file in parsed for table in file.values() if isinstance(table, list))
    return frozenset(row["id"] for table in tables for row in table if isinstance(row, dict) and "id" in row)


@cache
def content_version() -> str:
    """Release and fingerprint of all shipped content: it changes when any byte of content does."""
    digest = hashlib.sha256()
    root = Path(str(files("openkap")))
    for path in sorted(root.glob("*/content/**/*.toml")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{RELEASE}+{digest.hexdigest()[:8]}"


def fingerprint(row: msgspec.Struct) -> str:
    """What a signature is bound to: it changes when any value of the row changes."""
    return hashlib.sha256(msgspec.json.encode(row, order="deterministic")).hexdigest()[:16]


def _row_lists(loaded: Any) -> Iterable[tuple[Row, ...]]:
    for field in msgspec.structs.fields(loaded):
        value = getattr(loaded, field.name)
        if isinstance(value, tuple) and value and isinstance(value[0], Row):
            yield value


def _place(data: dict[str, Any], fault: str) -> str:
    """Name the row by its id instead of by its position."""
    head, _, path = fault.partition(" - at `$.")
    if not path:
        return head
    table, _, rest = path.rstrip("`").partition("[")
    index = rest.partition("]")[0]
    rows = data.get(table)
    if index.isdigit() and isinstance(rows, list) and int(index) < len(rows) and isinstance(rows[int(index)], dict):
        return f"{table} {rows[int(index)].get('id', f'number {int(index) + 1}')}: {head} ({path.rstrip('`')})"
    return f"{head} ({path.rstrip('`')})"
