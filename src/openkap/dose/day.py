"""
The rest of the day, held against what is so: who would stand without a chair, or without anybody to watch.

A booking keeps everybody apart as booked. A session that runs over, or a nurse who falls ill, moves that; what then no
longer fits is named before its dose starts, and not when it does.

Source: WATCH-DAY, RETREAT-WATCH; hazard 55
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Span = tuple[datetime, datetime]
MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sitting:
    """
    A session of the day.

    Args:
        starts_at, ends_at: as booked; began_at: when its first dose was given, None while none was.
        here: the patient is in the house. chair: None while none is chosen; turnover: what the chair needs afterwards.
        ratio: how many like it one person watches; 0: the calendar says nothing of its watch.
    """

    id: str
    starts_at: datetime
    ends_at: datetime
    here: bool = False
    began_at: datetime | None = None
    chair: int | None = None
    turnover: timedelta = timedelta()
    ratio: int = 0


@dataclass(frozen=True, slots=True)
class Stranded:
    """A session that would stand without a chair or a watcher from `at` on; `until` when the chair is expected free."""

    id: str
    lacks: Literal["chair", "watcher"]
    at: datetime
    until: datetime | None = None


def expected(one: Sitting, now: datetime, late: timedelta) -> Span | None:
    """
    From when until when a session is expected to last, as things stand; None for one to which nobody came.

    Args:
        late: less than that later than booked is not counted (WATCH-DAY).
    """
    length = one.ends_at - one.starts_at
    if one.began_at is not None:
        begins, ends = one.began_at, one.began_at + length
        if now >= ends:  # it goes on: for the moment, and once it is late for a while
            ends = now + (late if now >= ends + late else MOMENT)
    elif not one.here and now >= one.ends_at:
        return None
    else:
        begins = max(one.starts_at, now)
        ends = begins + length
    begins = one.starts_at if timedelta() <= begins - one.starts_at < late else begins
    if timedelta() <= ends - one.ends_at < late and now < one.ends_at:
        ends = one.ends_at
    return begins, ends


def stranded(
    sittings: Iterable[Sitting], watchers: Sequence[Sequence[Span]], now: datetime, late: timedelta
) -> list[Stranded]:
    """
    Sessions of the day that would stand without a chair or a watcher as things stand, in order of time.

    Args:
        watchers: for each of those who watch, when they are on duty; absences are taken out.
    """
    spans = [(one, span) for one in sittings if (span := expected(one, now, late)) is not None]
    spans.sort(key=lambda pair: (pair[0].began_at is None, not pair[0].here, pair[1], pair[0].id))
    placed: list[tuple[Sitting, Span]] = []
    found: list[Stranded] = []
    for one, span in spans:
        lacking = _no_chair(one, span, placed) or _no_watcher(one, span, placed, watchers, now)
        if lacking is not None:
            found.append(lacking)
        if lacking is None or one.began_at is not None:  # what is held does not begin; what has begun goes on
            placed.append((one, span))
    return sorted(found, key=lambda one: (one.at, one.id))


def _no_chair(one: Sitting, span: Span, placed: Sequence[tuple[Sitting, Span]]) -> Stranded | None:
    if one.began_at is not None or one.chair is None:
        return None
    for other, (begins, ends) in placed:
        free = ends + other.turnover
        if other.chair == one.chair and begins < span[1] + one.turnover and span[0] < free:
            return Stranded(one.id, "chair", span[0], free)
    return None


def _no_watcher(
    one: Sitting,
    span: Span,
    placed: Sequence[tuple[Sitting, Span]],
    watchers: Sequence[Sequence[Span]],
    now: datetime,
) -> Stranded | None:
    if not one.ratio:
        return None
    first = max(span[0], now)
    edges = {begins for _, (begins, _) in placed} | {edge for spans in watchers for both in spans for edge in both}
    for at in sorted({first, *(edge for edge in edges if first < edge < span[1])}):
        watched = sum(other.ratio > 0 and begins <= at < ends for other, (begins, ends) in placed)
        there = sum(any(begins <= at < ends for begins, ends in spans) for spans in watchers)
        if watched + 1 > one.ratio * there:
            return Stranded(one.id, "watcher", at)
    return None
