"""
Harm of longer use: which screens are due by exposure, and which pattern of use a prescriber has to review.

Pure. A screen that is overdue counts as missing; a review is of what was known when it was made.

Source: HARM-*, DOS-FREQ-4; hazard 54
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from openkap.dose.rows import HarmFile, ScreenRow
from openkap.dose.types import Finding
from openkap.kernel.clock import Span
from openkap.kernel.quantity import number
from openkap.kernel.truth import Truth
from openkap.plan.book import Book

MAINTENANCE = "DOS-FREQ-4"
Result = Literal["clear", "found", "unsure"]
SignKind = Literal["earlier", "higher", "lost"]
DO = "Do it, and enter it under “Use over time”."
REVIEW = "A prescriber reviews it under “Use over time”."


@dataclass(frozen=True, slots=True)
class Screened:
    """One screen as it was done. `place`: where it stands among screens, signs and reviews, in the order entered."""

    name: str
    on: date
    result: Result
    place: int


@dataclass(frozen=True, slots=True)
class Sign:
    """A request for an earlier or a higher dose, or a supply that was lost."""

    kind: SignKind
    on: date
    place: int


@dataclass(frozen=True, slots=True)
class Dose:
    """A day on which somebody had a dose, and whether it was of a maintenance course."""

    on: date
    maintenance: bool | None


@dataclass(frozen=True, slots=True)
class Due:
    """
    A screen as it stands.

    Args:
        last: None where none is known that says something: unsure is no screen.
        doses: how many were had since.
    """

    row: ScreenRow
    last: date | None
    doses: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """A dose with the days since the one before; `short`: of a maintenance course, and sooner than DOS-FREQ-4."""

    dose: Dose
    days: int | None
    short: bool


def due(screens: Iterable[Screened], doses: Iterable[Dose], file: HarmFile, on: date) -> tuple[Due, ...]:
    """Every screen, as it stands on a day."""
    done = [one for one in screens if one.result != "unsure" and one.on <= on]
    had = [one.on for one in doses if one.on < on]
    found = []
    for row in file.screen:
        last = max((one.on for one in done if one.name == row.name), default=None)
        most = int(row.numbers["every_doses"])
        since = sum(last is None or day >= last for day in had)
        begins = Span(int(row.numbers["every_mo"]), "mo").before(on)
        overdue = last is None or last < begins or bool(most and since >= most)
        found.append(Due(row, last, since, overdue))
    return tuple(found)


def intervals(doses: Sequence[Dose], book: Book) -> tuple[Interval, ...]:
    """Doses in their order with the days between them."""
    least = int(book.statement(MAINTENANCE).number("min_wk")) * 7
    ordered = sorted(doses, key=lambda one: one.on)
    found = []
    for place, dose in enumerate(ordered):
        days = (dose.on - ordered[place - 1].on).days if place else None
        found.append(Interval(dose, days, dose.maintenance is True and days is not None and days < least))
    return tuple(found)


def to_review(
    screens: Iterable[Screened],
    signs: Iterable[Sign],
    doses: Sequence[Dose],
    file: HarmFile,
    book: Book,
    on: date,
    reviewed: tuple[int, date] | None,
) -> tuple[str, ...]:
    """
    Why a prescriber has to review the use; empty where nothing asks for it.

    Args:
        reviewed: the place and day of the newest review: what was entered before it has been seen.
    """
    place, day = reviewed or (-1, date.min)
    (rule,) = file.pattern
    begins = Span(int(rule.numbers["window_mo"]), "mo").before(on)
    titles = {row.name: row.title for row in file.screen}
    why = [
        f"{titles.get(one.name, one.name)}: a finding on {one.on.isoformat()}."
        for one in screens
        if one.result == "found" and one.place > place
    ]
    new = [one for one in signs if one.place > place]
    why += [f"A supply was lost, {one.on.isoformat()}." for one in new if one.kind == "lost"]
    asked = sum(one.kind != "lost" and begins <= one.on <= on for one in new)
    short = sum(one.short and max(begins, day) <= one.dose.on <= on for one in intervals(doses, book))
    if asked + short >= rule.numbers["signs"]:
        mo = number(rule.numbers["window_mo"])
        why.append(f"In {mo} months {asked} requests for earlier or higher doses, and {short} short intervals.")
    return tuple(why)


def lines(standing: Iterable[Due], why: Sequence[str], file: HarmFile) -> tuple[Finding, ...]:
    """What of it shuts the gate: overdue screens, of a maintenance course; a review, of any."""
    found = []
    for one in standing:
        if one.overdue:
            last = f"last done {one.last.isoformat()}, {one.doses} doses since" if one.last else "never done here"
            found.append(Finding(one.row.id, Truth.UNKNOWN, f"{one.row.title}: the screen is overdue ({last}).", DO))
    if why:
        found.append(Finding(file.pattern[0].id, Truth.FALSE, f"The use is to be reviewed: {' '.join(why)}", REVIEW))
    return tuple(found)
