"""Reading documents, writing one JSON document, and what the environment says."""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from openkap import __version__
from openkap.chart.fhir.bundle import MAX_BYTES, decode
from openkap.kernel.content import content_version
from openkap.kernel.errors import UnreadableDocument, UserError
from openkap.kernel.site import Site

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read_bytes(path: str) -> bytes:
    """
    The bytes of a file, or of standard input for `-`, never more than a document may have.

    Raises:
        UserError: the file cannot be read. UnreadableDocument: it is too large.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise UserError(f"{path} cannot be read ({fault.strerror}): check the name and its permissions.") from None
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        raise UnreadableDocument(f"{path} is larger than {limit} MB: export one patient at a time.")
    return data


def read_json(path: str) -> Any:
    """The decoded JSON of a file or of standard input."""
    return decode(read_bytes(path), path if path != "-" else "The document")


def stamped(document: dict[str, Any], mode: str | None = None) -> dict[str, Any]:
    """The document with the versions that made it."""
    head = {"openkap": __version__, "content": content_version()}
    return head | ({"mode": mode} if mode else {}) | document


def write_json(document: Any) -> None:
    """One JSON document on standard output, whole or not at all."""
    data = _ENCODER.encode(document)
    if sys.stdout.isatty():
        data = msgspec.json.format(data, indent=2)
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.buffer.flush()


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
        parsed = date.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or len(text) != len("2026-11-25"):
        raise UserError(f"--on is {text!r}, which is not a date: write it as 2026-11-25.")
    return parsed


def site() -> Site:
    """The site that `OPENKAP_SITE` names; without it, demonstration mode."""
    folder = os.environ.get("OPENKAP_SITE")
    return Site.open(Path(folder) if folder else None)
