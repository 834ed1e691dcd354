"""Minutes of a retreat as instants and back: the clocks of the site decide, and a change of clocks moves no hour."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from openkap.kernel.clock import instant_of
from openkap.schedule.types import DAY, Span

QUARTER_S = 900


def instant(start: date, minute: int, zone: tzinfo) -> datetime:
    """
    The instant of a minute of a retreat that begins on this day.

    Raises:
        UserError: the clocks of the place skip it or show it twice.
    """
    day, rest = divmod(minute, DAY)
    return instant_of(datetime.combine(start + timedelta(days=day), time(rest // 60, rest % 60)), zone)


def minute(start: date, at: datetime, zone: tzinfo) -> int:
    """The minute of a retreat at which the clocks of the place show this instant; before it, below nought."""
    wall = at.astimezone(zone)
    return (wall.date() - start).days * DAY + wall.hour * 60 + wall.minute


def clipped(start: date, days: int, spans: list[tuple[datetime, datetime]], zone: tzinfo) -> tuple[Span, ...]:
    """What of these times lies inside the days of a retreat, in minutes, in order."""
    found = []
    for begins, ends in spans:
        low, high = max(minute(start, begins, zone), 0), min(minute(start, ends, zone), days * DAY)
        if low < high:
            found.append((low, high))
    return tuple(sorted(found))


def without(spans: tuple[Span, ...], away: tuple[Span, ...]) -> tuple[Span, ...]:
    """Spans less others."""
    left = list(spans)
    for low, high in away:
        left = [part for a, b in left for part in ((a, min(b, low)), (max(a, high), b)) if part[0] < part[1]]
    return tuple(left)


def slots(begins: datetime, ends: datetime) -> range:
    """The quarters of an hour since 1970 that a time touches."""
    return range(int(begins.timestamp()) // QUARTER_S, -(-int(ends.timestamp()) // QUARTER_S))
