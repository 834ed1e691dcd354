"""
Who looked into records in a way that somebody should ask about: the weekly list of unusual access. Pure.

Being on it is a question, not a finding of fault. No patient is named here: whoever may read the audit trail finds
there whose record it was.

Source: hazard log, HAZ-70 C2; the lines stand in `content/unusual.toml`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Literal
from uuid import UUID

import msgspec

from openkap.kernel.content import Header, load

Kind = Literal["emergency", "outside", "nobody", "refused", "many", "hours"]
KINDS: tuple[Kind, ...] = ("emergency", "outside", "nobody", "refused", "many", "hours")  # the gravest first


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the site works, in its own time."""

    first: int
    last: int
    weekdays: int


class Many(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many records in how many minutes are many."""

    records: int
    within_min: int


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many records asked for in vain are many."""

    times: int


class UnusualFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/unusual.toml`."""

    content: Header
    hours: Hours
    many: Many
    refused: Refused


@dataclass(frozen=True, slots=True)
class Look:
    """
    One event of the trail that tells of a record of one person.

    Args:
        record: whose; None: nobody was named.
        at: in the time of the site.
        kind: `opened`, `emergency` (opened as one), `refused` (asked for, not shown), `nobody` (an emergency that
            named nobody).
        treats: it was for treatment, which asks for a relation of care.
    """

    user: UUID
    record: UUID | None
    at: datetime
    kind: Literal["opened", "emergency", "refused", "nobody"]
    treats: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """
    Why a person is on the list.

    Args:
        records: how many different records; for `nobody` and `refused` how many times.
        first, last: when.
    """

    kind: Kind
    records: int
    first: datetime
    last: datetime


@cache
def lines() -> UnusualFile:
    """The lines as shipped."""
    return load("people", "unusual.toml", UnusualFile)


Care = Mapping[tuple[UUID, UUID], Sequence[tuple[datetime, datetime | None]]]  # (user, record): from, until


def unusual(looks: Iterable[Look], care: Care, file: UnusualFile) -> dict[UUID, list[Mark]]:
    """
    Who is on the list, and why.

    Args:
        looks: of one week, in order of time.
        care: when each person cared for whom.
    """
    by_user: dict[UUID, list[Look]] = {}
    for look in looks:
        by_user.setdefault(look.user, []).append(look)
    found = {user: _marks(rows, care, file) for user, rows in by_user.items()}
    return {user: marks for user, marks in found.items() if marks}


def _marks(looks: Sequence[Look], care: Care, file: UnusualFile) -> list[Mark]:
    opened = [look for look in looks if look.kind in ("opened", "emergency")]
    nobody = [look for look in looks if look.kind == "nobody"]
    refused = [look for look in looks if look.kind == "refused"]
    groups: dict[Kind, Sequence[Look]] = {
        "emergency": [look for look in opened if look.kind == "emergency"],
        "outside": [look for look in opened if look.kind == "opened" and look.treats and not _cares(look, care)],
        "nobody": nobody,
        "refused": refused if len(refused) >= file.refused.times else [],
        "many": _many(opened, file.many),
        "hours": [look for look in opened if _closed(look.at, file.hours)],
    }
    return [_mark(kind, groups[kind]) for kind in KINDS if groups[kind]]


def _mark(kind: Kind, looks: Sequence[Look]) -> Mark:
    times = kind in ("nobody", "refused")
    return Mark(kind, len(looks) if times else len({look.record for look in looks}), looks[0].at, looks[-1].at)


def _cares(look: Look, care: Care) -> bool:
    assert look.record is not None
    spans = care.get((look.user, look.record), ())
    return any(since <= look.at and (until is None or look.at <= until) for since, until in spans)


def _closed(at: datetime, hours: Hours) -> bool:
    return at.weekday() >= hours.weekdays or not hours.first <= at.hour < hours.last


def _many(opened: Sequence[Look], many: Many) -> Sequence[Look]:
    """The first stretch of so many minutes with the most records, if these are many."""
    span, best, start = timedelta(minutes=many.within_min), list[Look](), 0
    for end in range(len(opened)):
        while opened[end].at - opened[start].at > span:
            start += 1
        stretch = list(opened[start : end + 1])
        if len({look.record for look in stretch}) > len({look.record for look in best}):
            best = stretch
    return best if len({look.record for look in best}) >= many.records else []
