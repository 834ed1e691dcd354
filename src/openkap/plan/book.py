"""
The rows of this room in which a site may set numbers of its own: dose limits, observation, ways of working.

A `Book` holds them as one site uses them. Which numbers, and which way is stricter, stands in each row's
own `site_may`. Texts that state such a number hold its name in braces and are filled in here, so that no
sentence contradicts the number beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec

from openkap.chart.expression import limits_named
from openkap.chart.rule_language import parse
from openkap.kernel.content import ROOMS, load, row_ids
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import number
from openkap.kernel.site import Override, Site, no_such_limit, no_such_row, set_by
from openkap.kernel.source import Sourced
from openkap.plan.files import DoseLimitsFile, ModalitiesFile, MonitoringFile
from openkap.plan.types import DoseLimit, Modality, StartLow, Statement, Watch
from openkap.screen.overrides import overridden
from openkap.screen.rulebook import rules
from openkap.screen.types import Rule

F = TypeVar("F", bound=msgspec.Struct)
R = TypeVar("R", bound=Sourced)
Changes = Mapping[str, Mapping[str, Override]]

ROOM = "plan"
TEXTS = ("title", "text", "amber", "red")
NUMBERS = ("numbers", "limits")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """
    Rows as a site uses them.

    Args:
        dose_limits: limits per route, start-low reasons, rules of dose and frequency.
        monitoring: observation, alert lines, rescue, discharge.
        modalities: ways of working with their gates.
    """

    dose_limits: DoseLimitsFile
    monitoring: MonitoringFile
    modalities: ModalitiesFile

    def rows(self) -> dict[str, Sourced]:
        """Every row by id."""
        files = (self.dose_limits, self.monitoring, self.modalities)
        return {row.id: row for file in files for row in _rows_of(file)}

    def watch_of(self, limit: DoseLimit) -> Watch:
        """The observation of a route and drug."""
        route, drug = limit.route, limit.drug
        return next(w for w in self.monitoring.watch if route in w.routes and w.drug in (None, drug) and w.vitals_min)

    def continuous(self) -> Watch:
        """What is observed throughout, whatever the route."""
        return next(w for w in self.monitoring.watch if not w.vitals_min)

    def statement(self, name: str) -> Statement:
        """A rule of dose, of observation or about ways of working, by id."""
        found = self.rows()[name]
        if not isinstance(found, Statement):
            raise ContentFault(f"{name} is not a statement: correct the reference.")
        return found


@cache
def shipped() -> Book:
    """The rows as content ships them."""
    return _made({})


def book_of(site: Site) -> Book:
    """
    The rows as this site uses them.

    Raises:
        ContentFault: an override of a row or number that does not exist or is not the site's to set, that goes
            too far, or that leaves the amounts of a route out of order.
    """
    theirs = frozenset[str]().union(rules(), *(row_ids(room) for room in ROOMS[ROOMS.index(ROOM) + 1 :]))
    changes = {name: listed for name, listed in site.overrides.items() if name not in theirs}
    return _made(changes) if changes else shipped()


def rules_of(site: Site) -> list[Rule]:
    """
    The screening rules as a site uses them, once every override of the site has been found to be allowed.

    Raises:
        ContentFault: an override that may not be, of whichever room.
    """
    book_of(site)
    return overridden(rules(), site)


def _made(changes: Changes) -> Book:
    files: list[Any] = [site_file(ROOM, name, kind, changes) for name, kind in _FILES]
    book = Book(*files)
    known = book.rows()
    for name in changes:
        if name not in known or not known[name].site_may:
            raise no_such_row(name)
    return book


_FILES: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("dose-limits.toml", DoseLimitsFile),
    ("monitoring.toml", MonitoringFile),
    ("modalities.toml", ModalitiesFile),
)


def site_file(room: str, name: str, kind: type[F], changes: Changes) -> F:
    """
    A content file with a site's values in place and its texts filled; a later room reads its own this way too.

    Raises:
        ContentFault: a row at fault, or a change that the row does not allow.
    """
    file: F = _raw(room, name, kind)
    return _with(file, changes)


@cache
def _raw(room: str, name: str, kind: type[F]) -> F:
    """A file with its texts unfilled, each row checked."""
    file = load(room, name, kind)
    for row in _rows_of(file):
        check_row(row, name)
        for limit in row.site_may:
            if not isinstance(number_of(row, limit), (int, Decimal)):
                raise ContentFault(f"{name}: {row.id} lets a site set {limit!r}, which is no number of it; correct it.")
        if row.set_here:
            raise ContentFault(f"{name}: {row.id} has set_here; only a site's own folder sets it.")
    return file


def _with(file: F, changes: Changes) -> F:
    """A file with the site's values and with its texts filled."""
    tables = {
        field.name: tuple(_filled(_changed(row, changes.get(row.id, {}))) for row in rows_)
        for field in msgspec.structs.fields(file)
        if isinstance(rows_ := getattr(file, field.name), tuple)
    }
    return msgspec.structs.replace(file, **tables)


def _changed(row: R, changes: Mapping[str, Override]) -> R:
    here = []
    for change in changes.values():
        margin = row.site_may.get(change.limit)
        if margin is None:
            raise no_such_limit(change, row.site_may) if row.site_may else no_such_row(row.id)
        shipped_ = number_of(row, change.limit)
        made = set_by(change, shipped_, margin.tighter, margin.loosest)
        here.append(made)
        row = _set(row, _path(row, change.limit), type(shipped_)(made.value))
    if not here:
        return row
    check_row(row, "overrides.toml")
    return msgspec.structs.replace(row, set_here=tuple(here))


def _filled(row: R) -> R:
    """The row with its numbers in its texts."""
    numbers = {k: v for name in NUMBERS for k, v in _held(row, name).items()}
    texts: dict[str, Any] = {name: _fill(row.id, getattr(row, name), numbers) for name in TEXTS if hasattr(row, name)}
    if isinstance(row, Modality) and row.gate:
        texts["gate"] = msgspec.structs.replace(row.gate, text=_fill(row.id, row.gate.text, row.gate.limits))
    return msgspec.structs.replace(row, **texts)


def _fill(row: str, text: str, numbers: Mapping[str, Decimal]) -> str:
    def said(match: re.Match[str]) -> str:
        if match[1] not in numbers:
            raise ContentFault(f"plan/content: {row} says {match[0]}, which is none of its numbers; correct the name.")
        return number(numbers[match[1]])

    return _NAME.sub(said, text)


# -- where a number stands ---------------------------------------------------------------------------


def _held(row: Sourced, holder: str) -> dict[str, Decimal]:
    found = getattr(row, holder, None)
    return found if isinstance(found, dict) else {}  # the `numbers` of a way of working are a sentence


def _path(row: Sourced, name: str) -> list[str]:
    for holder in NUMBERS:
        if name in _held(row, holder):
            return [holder, name]
    return name.split(".")


def number_of(row: Sourced, name: str) -> Any:
    """The number of that name, or None."""
    found: Any = row
    for part in _path(row, name):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    return found


def _set(holder: Any, path: list[str], value: Any) -> Any:
    """A copy of a row, or of a part of one, with a number replaced."""
    name, *rest = path
    inner = holder[name] if isinstance(holder, dict) else getattr(holder, name)
    new = _set(inner, rest, value) if rest else value
    return {**holder, name: new} if isinstance(holder, dict) else msgspec.structs.replace(holder, **{name: new})


def _rows_of(file: msgspec.Struct) -> Iterable[Sourced]:
    for field in msgspec.structs.fields(file):
        found = getattr(file, field.name)
        if isinstance(found, tuple):
            yield from (row for row in found if isinstance(row, Sourced))


# -- checks that hold for shipped rows and for those a site changed ------------------------------------


def check_row(row: Sourced, where: str) -> None:
    """Raise ContentFault for amounts out of order, or a condition and its limits that do not fit together."""
    if isinstance(row, DoseLimit):
        check_limit(row, where)
    elif isinstance(row, StartLow):
        check_expression(row.id, row.when, row.limits, where)
    elif isinstance(row, Modality):
        if row.gate:
            check_expression(row.id, row.gate.when, row.gate.limits, where)
        for care in row.care:
            check_expression(row.id, care.when, {}, where)


def check_expression(row: str, when: str, limits: Mapping[str, Decimal], where: str) -> None:
    """Raise ContentFault where a condition names other limits than it is given."""
    if limits_named(parse(when)) != set(limits):
        raise ContentFault(f"{where}: {row} must name the limits of its condition, no more and no fewer.")


def check_limit(row: DoseLimit, where: str) -> None:
    """Raise ContentFault unless the amounts of a route ascend from the low start to the dose that is never given."""
    name = "mg_per_kg" if row.unit == "mg/kg" else "mg"
    ceiling, never = getattr(row.ceiling, name), getattr(row.never, name)
    if ceiling is None or never is None:
        raise ContentFault(f"{where}: {row.id} has no ceiling or no never in {row.unit}; add it.")
    ladder = [row.low_start, *row.start, ceiling, never]
    if ladder != sorted(ladder) or row.usual != tuple(sorted(row.usual)) or row.usual[1] > ceiling:
        raise ContentFault(f"{where}: {row.id} does not ascend from low start to never; correct the amounts.")
    demo = getattr(row.demo, name)
    if where != "overrides.toml" and (demo is None or demo > ceiling):
        raise ContentFault(f"{where}: the demonstration limit of {row.id} is above its ceiling; lower it.")
    if row.site_max is not None:
        raise ContentFault(f"{where}: {row.id} has a site_max; only a site's own folder sets it.")
