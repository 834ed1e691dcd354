"""
Dates as clinical records write them: whole, to the month, to the year, or with an instant.

A partial date is a range of days. Rules of freshness read its earliest day, rules of the kind
"event within the last six months" read its latest day, so that neither can be passed by vagueness.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, total_ordering
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import TZPATH

from openkap.kernel.errors import UserError

_FHIR_DATE = re.compile(
    r"(?P<y>\d{4})(-(?P<m>\d{2})(-(?P<d>\d{2})(T(?P<t>\d{2}:\d{2}(:\d{2}(\.\d+)?)?)(?P<z>Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)
_DURATION = re.compile(r"(\d+)\s*(d|wk|mo|a|h)", re.ASCII)


_NO_INSTANT = datetime.min.replace(tzinfo=UTC)


@total_ordering
@dataclass(frozen=True, slots=True)
class When:
    """
    A moment known to some precision. Sorts by day; on one day, what has an instant comes last.

    Args:
        earliest: first day it may be.
        latest: last day it may be; equal to `earliest` for a whole date.
        instant: the exact time in UTC where the record gave one.
        text: as written in the record.
    """

    earliest: date
    latest: date
    instant: datetime | None = None
    text: str = ""

    @classmethod
    def on(cls, day: date) -> When:
        return cls(day, day, None, day.isoformat())

    @classmethod
    def parse(cls, text: str, zone: tzinfo | None = None) -> When:
        """
        Read a FHIR date, dateTime or instant.

        Args:
            text: `2026`, `2026-11`, `2026-11-25` or `2026-11-25T10:30:00+01:00`.
            zone: the calendar in which an instant gets its day. None keeps the day as written,
                which is the day on the wall where it was recorded.

        Raises:
            UserError: not a date of these forms, or a day that does not exist.
        """
        found = _FHIR_DATE.fullmatch(text) if isinstance(text, str) else None
        if not found:
            raise UserError(f"{text!r} is not a date: write it as 2026-11-25.")
        try:
            return cls._from(found, text, zone)
        except (ValueError, OverflowError):
            raise UserError(f"{text!r} is not a day of the calendar: correct the date.") from None

    @classmethod
    def _from(cls, found: re.Match[str], text: str, zone: tzinfo | None) -> When:
        year = int(found["y"])
        if found["m"] is None:
            return cls(date(year, 1, 1), date(year, 12, 31), None, text)
        month = int(found["m"])
        if found["d"] is None:
            return cls(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]), None, text)
        day = date(year, month, int(found["d"]))
        if found["t"] is None:
            return cls(day, day, None, text)
        instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if instant.tzinfo is None:
            return cls(day, day, None, text)
        if zone is not None:
            day = instant.astimezone(zone).date()
        return cls(day, day, instant.astimezone(UTC), text)

    def __lt__(self, other: When) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[date, date, datetime, str]:
        return (self.earliest, self.latest, self.instant or _NO_INSTANT, self.text)

    @property
    def whole(self) -> bool:
        return self.earliest == self.latest


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """
    The instant at which the clocks of a place show this time.

    Args:
        wall: date and time as typed, without a zone.

    Returns:
        In UTC.

    Raises:
        UserError: the clocks never show it, or show it twice, because they are changed that day.
    """
    shown = f"{wall:%Y-%m-%d %H:%M}"
    try:
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        back = first.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise UserError(f"{shown} is not a time of this age: correct the date.") from None
    if back != wall:
        raise UserError(f"The clocks of {zone} skip {shown}, because they are changed then: take another time.")
    if first != second:
        raise UserError(f"The clocks of {zone} show {shown} twice, because they are changed then: take another time.")
    return first


@cache
def zone_data() -> str:
    """Version of the time zone data in use, such as `2026b`: what an instant was shown by. `unknown` if none says."""
    for folder in map(Path, TZPATH):
        for name in ("tzdata.zi", "+VERSION"):  # the first line of the one, the whole of the other
            if (folder / name).is_file():
                with (folder / name).open(encoding="ascii") as file:
                    return file.readline().removeprefix("# version").strip()
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in whole calendar units: days, weeks, months or years."""

    count: int
    unit: str

    @classmethod
    @cache
    def parse(cls, text: str) -> Span:
        """Read `30 d`, `6 wk`, `12 mo` or `1 a` (UCUM letters)."""
        found = _DURATION.fullmatch(text.strip())
        if not found or found[2] == "h":
            raise UserError(f"{text!r} is not a span of days: write it as 30 d, 6 wk, 6 mo or 1 a.")
        return cls(int(found[1]), found[2])

    def before(self, day: date) -> date:
        """The first day inside the span that ends on `day`; both ends are inside."""
        if self.unit == "d":
            return day - timedelta(days=self.count)
        if self.unit == "wk":
            return day - timedelta(weeks=self.count)
        return _months_before(day, self.count * (12 if self.unit == "a" else 1))

    def __str__(self) -> str:
        words = {"d": "day", "wk": "week", "mo": "month", "a": "year"}
        return f"{self.count} {words[self.unit]}{'' if self.count == 1 else 's'}"


def fresh(when: When, span: Span, on: date) -> bool:
    """True if 0 <= age <= span in whole calendar days at `on`, read at the earliest possible day."""
    return span.before(on) <= when.earliest <= on


def years_between(born: date, on: date) -> int:
    """Whole years of age at `on`."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
