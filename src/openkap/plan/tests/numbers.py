"""Every number that a row of content shows or holds, in reading order."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NOT_CLINICAL = {
    "id",
    "basis",
    "source",
    "reading",
    "doi",
    "rows",
    "trials",
    "place",
    "calendar",
    "words",
    "site_may",
    "set_here",
}


def numbers_of(row: msgspec.Struct) -> list[str]:
    found: list[str] = []
    _collect({k: v for k, v in msgspec.structs.asdict(row).items() if k not in _NOT_CLINICAL}, found)
    return found


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, msgspec.Struct):
        _collect(msgspec.structs.asdict(value), found)
    elif isinstance(value, dict):
        for inner in value.values():
            _collect(inner, found)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _collect(inner, found)
    elif isinstance(value, (int, Decimal)):
        found.append(f"{Decimal(value).normalize():f}")
    elif isinstance(value, str):
        found.extend(_NUMBER.findall(value))
