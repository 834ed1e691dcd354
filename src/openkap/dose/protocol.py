"""What content says, as one session uses it: fixed when it is booked. Frozen, as all that a session is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from openkap.dose.types import Level, Ring, Test
from openkap.plan.book import Book
from openkap.plan.choices import SiteMax
from openkap.plan.types import Drug
from openkap.screen.types import Route


@dataclass(frozen=True, slots=True)
class Line:
    """
    One limit in force.

    Args:
        row: ALT row; `name` the number of it.
        measure: what is held against it.
        limit: in the unit of the measure.
        tighter: the direction in which the limit becomes stricter.
    """

    row: str
    name: str
    measure: str
    level: Level
    test: Test
    limit: Decimal
    tighter: Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number read at the chair: unit (UCUM), plausible range, check and group it belongs to."""

    name: str
    title: str
    unit: str
    least: Decimal
    most: Decimal
    check: Literal["vitals", "mind", ""]
    group: str


@dataclass(frozen=True, slots=True)
class Item:
    """
    A row that a person answers: what it asks, what to do where the answer is not yes, for which doses only, after
    which mark an earlier answer counts no more, what is written down with a yes, and what a no is.
    """

    row: str
    name: str
    title: str
    remedy: str = ""
    only: str = ""
    after: str = ""
    ask: str = ""
    unmet: Literal["hold", "caution"] = "hold"


@dataclass(frozen=True, slots=True)
class MarkKind:
    """A mark that one key sets, the row that gives it its level."""

    name: str
    title: str
    row: str
    level: Level


@dataclass(frozen=True, slots=True)
class AlertStep:
    """When an alert that nobody acknowledged reaches a ring."""

    level: Level
    ring: Ring
    after_s: int


@dataclass(frozen=True, eq=False)
class Protocol:
    """
    The content that a session runs by, fixed when it is booked: later changes of content do not touch it.

    Args:
        route, drug: for which; content: version of all content; mode: of the site.
        unsigned: rows the session rests on that nobody at the site has signed; the gate names them.
        vitals_min, mind_min: minutes from the start of the dose (MON); `later_min`: how often after the last.
        min_stay_min: from the start; `after_end_min`: from the end of the drug.
        book, site_max: limits of dose and frequency, for orders.
        numbers: numbers of further rows by row and name (DIS, WATCH, ...).
    """

    route: Route
    drug: Drug
    content: str
    mode: str
    unsigned: tuple[str, ...]
    vitals_min: tuple[int, ...]
    mind_min: tuple[int, ...]
    later_min: int
    min_stay_min: int
    after_end_min: int
    lines: tuple[Line, ...]
    measures: Mapping[str, Measure]
    marks: Mapping[str, MarkKind]
    steps: tuple[AlertStep, ...]
    items: tuple[Item, ...]
    checks: tuple[Item, ...]
    book: Book
    site_max: Mapping[str, SiteMax]
    numbers: Mapping[str, Mapping[str, Decimal]]

    def knows(self, row: str) -> bool:
        """False for a row that the content did not have yet when the session was booked."""
        return row in self.numbers

    def number(self, row: str, name: str) -> Decimal:
        """A number of a row, as the site uses it."""
        return self.numbers[row][name]

    def seconds(self, row: str, name: str) -> int:
        """The same in seconds, where the row gives minutes (`_min`) or seconds (`_s`)."""
        return int(self.number(row, name) * (1 if name.endswith("_s") else 60))
