"""Reading documents, writing one JSON document, and what the environment says."""

from __future__ import annotations

import codecs
import os
import re
import sys
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from openkap import __version__
from openkap.chart.fhir.bundle import MAX_BYTES, decode
from openkap.kernel.content import content_version
from openkap.kernel.errors import UnreadableDocument, UserError
from openkap.kernel.site import Site

_DAY = re.compile(r"(19|20|21)\d\d-\d\d-\d\d", re.ASCII)  # look-backs and follow-ups stay inside the calendar
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read_bytes(path: str) -> bytes:
    """
    The bytes of a file, or of standard input for `-`, never more than a document may have.

    Raises:
        UserError: the file cannot be read. UnreadableDocument: it is too large, or UTF-16 text.
    """
    what = _name(path)
    try:
        with _opened(path) as file:
            too_large = os.fstat(file.fileno()).st_size > MAX_BYTES  # known before a byte is read; 0 for a pipe
            data = b"" if too_large else file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise UserError(f"{what} cannot be read ({fault.strerror}): check the name and its permissions.") from None
    if too_large or len(data) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        raise UnreadableDocument(f"{what} is larger than {limit} MB: export one patient at a time.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableDocument(f"{what} is UTF-16 text: save it as UTF-8.")
    return data.removeprefix(codecs.BOM_UTF8)


def _opened(path: str) -> BinaryIO:
    """The file; standard input stays open."""
    if path != "-":
        return Path(path).open("rb")
    if sys.stdin is None:
        raise UserError("Standard input is closed: name a file, or send the document to standard input.")
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _name(path: str) -> str:
    return "Standard input" if path == "-" else path


def read_json(path: str) -> Any:
    """The decoded JSON of a file or of standard input."""
    return decode(read_bytes(path), _name(path))


def stamped(document: dict[str, Any], mode: str | None = None) -> dict[str, Any]:
    """The document with the versions that made it."""
    head = {"openkap": __version__, "content": content_version()}
    return head | ({"mode": mode} if mode else {}) | document


def write_json(document: Any) -> None:
    """One JSON document on standard output, whole or not at all; laid out for reading on a terminal."""
    data = _ENCODER.encode(document)
    if sys.stdout is not None and sys.stdout.isatty():
        data = msgspec.json.format(data, indent=2)
    write_bytes(data + b"\n")


def write_bytes(data: bytes) -> None:
    """
    A finished document on standard output.

    Raises:
        UserError: it cannot be written. BrokenPipeError: the reader went away.
    """
    if sys.stdout is None:
        raise UserError("Standard output is closed: send it to a file.")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as fault:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left must not fail again at exit
        raise UserError(f"Standard output cannot be written ({fault.strerror}): send it elsewhere.") from None


def zone() -> tzinfo | None:
    """The zone that `OPENKAP_TZ` names, or None."""
    name = os.environ.get("OPENKAP_TZ")
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(f"OPENKAP_TZ is {name!r}, which is not a time zone: name one such as Europe/Berlin.") from None


def day(text: str | None) -> date:
    """The day of decision: as given, else today in UTC or in the zone of `OPENKAP_TZ`."""
    if text is None:
        return datetime.now(zone() or UTC).date()
    try:
        parsed = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise UserError(f"--on is {text!r}, which is not a date: write it as 2026-11-25.")
    return parsed


def site() -> Site:
    """The site that `OPENKAP_SITE` names; without it, demonstration mode."""
    folder = os.environ.get("OPENKAP_SITE")
    return Site.open(Path(folder) if folder else None)
