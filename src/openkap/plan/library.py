"""
The content of the plan room as it ships, loaded once, with the checks that no single row can make.

Where a site may set numbers of its own, a decision reads `book.book_of(site)` in the place of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from openkap.kernel.content import load, refuse_dangling, refuse_duplicates, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Sourced
from openkap.plan.book import ROOM, shipped
from openkap.plan.files import (
    AdverseEventsFile,
    CalendarsFile,
    ClaimsFile,
    DoseLimitsFile,
    ModalitiesFile,
    MonitoringFile,
    OptionsFile,
    RegimensFile,
    RoutesFile,
    StatementsFile,
    TrialsFile,
)
from openkap.plan.types import Regimen, Statement

STATEMENT_FILES = ("evidence", "benchmarks", "consent", "expectations", "adaptive", "retreat", "messages")


def dose_limits() -> DoseLimitsFile:
    """Limits per route, start-low reasons, rules of dose and frequency."""
    return shipped().dose_limits


@cache
def regimens() -> RegimensFile:
    """Templates, each checked against trials, calendars and ceilings."""
    file = load(ROOM, "regimens.toml", RegimensFile)
    known = {row.id for row in trials().trial}
    outlines = {row.id for row in calendars().calendar}
    for row in file.regimen:
        _check_regimen(row, known, outlines)
    return file


@cache
def routes() -> RoutesFile:
    """Facts about routes."""
    return load(ROOM, "routes.toml", RoutesFile)


@cache
def trials() -> TrialsFile:
    """The trials table."""
    return load(ROOM, "trials.toml", TrialsFile)


@cache
def options() -> OptionsFile:
    """The side-by-side view; no effect without its five fields."""
    file = load(ROOM, "options.toml", OptionsFile)
    for row in file.option:
        for effect in row.effect:
            if effect.source not in sources(ROOM):
                raise ContentFault(f"options.toml: {row.id} cites {effect.source!r}, which sources.toml does not have.")
            if not all((effect.estimate, effect.interval, effect.n, effect.population)):
                raise ContentFault(f"options.toml: {row.id} has an effect without interval, n or population; add them.")
    return file


def modalities() -> ModalitiesFile:
    """Modalities with their gates, and what must be said of them."""
    return shipped().modalities


@cache
def calendars() -> CalendarsFile:
    """Calendars, kinds of session, pathways, moments of measurement."""
    file = load(ROOM, "calendars.toml", CalendarsFile)
    for row in file.calendar:
        if len(row.preparation_days) != row.preparations or row.preparation_days[-1] >= row.first_dose_day:
            raise ContentFault(f"calendars.toml: {row.id} does not end its preparations before the first dose day.")
    return file


def monitoring() -> MonitoringFile:
    """Observation, alert lines, rescue, discharge."""
    return shipped().monitoring


@cache
def adverse_events() -> AdverseEventsFile:
    """Adverse events for consent."""
    return load(ROOM, "adverse-events.toml", AdverseEventsFile)


@cache
def claims() -> ClaimsFile:
    """Claims and their labels."""
    return load(ROOM, "claims.toml", ClaimsFile)


@cache
def statements(name: str) -> tuple[Statement, ...]:
    """The sentences of one of `STATEMENT_FILES`, in the order of the file."""
    return load(ROOM, f"{name}.toml", StatementsFile).statement


@cache
def gaps() -> tuple[Statement, ...]:
    """What the fact sheets name as open: for the review page, decides nothing and is not signed."""
    return load(ROOM, "gaps.toml", StatementsFile).statement


@cache
def rows() -> dict[str, Sourced]:
    """
    Every row of the room by id.

    Raises:
        ContentFault: an id stands twice, or a row cites a source that does not exist.
    """
    found: list[Sourced] = [*_all_rows()]
    refuse_duplicates(found, "plan/content")
    refuse_dangling(found, sources(ROOM), "plan/content")
    for row in found:
        if row.site_may and row.id not in shipped().rows():
            raise ContentFault(f"plan/content: {row.id} has site_may, but no decision reads it there; remove it.")
    return {row.id: row for row in found}


def statement(row: str) -> Statement:
    """A sentence by id, wherever it stands."""
    found = rows()[row]
    if not isinstance(found, Statement):
        raise ContentFault(f"{row} is not a statement: correct the reference.")
    return found


def _all_rows() -> Iterable[Sourced]:
    yield from shipped().rows().values()
    yield from (*regimens().regimen, *regimens().attribute)
    yield from (*routes().route, *trials().trial, *options().option, *claims().claim)
    yield from adverse_events().event
    outlines = calendars()
    yield from (*outlines.calendar, *outlines.session, *outlines.pathway, *outlines.moment)
    for name in STATEMENT_FILES:
        yield from statements(name)


def _check_regimen(row: Regimen, known_trials: set[str], outlines: set[str]) -> None:
    if missing := set(row.trials) - known_trials:
        raise ContentFault(f"regimens.toml: {row.id} cites {missing.pop()}, which trials.toml does not have.")
    if row.offered == "never":
        return
    if row.calendar not in outlines or not row.days or row.min_h is None or row.most is None:
        raise ContentFault(f"regimens.toml: {row.id} needs days, spacing, most and a calendar that exists.")
    if set(row.by_route) != (set(row.routes) if len(row.routes) > 1 else set()):
        raise ContentFault(
            f"regimens.toml: {row.id} leaves the route open and must name itself for each; add by_route."
        )
    gaps = [24 * (b - a) for a, b in zip(row.days, row.days[1:], strict=False)]
    if any(gap < row.min_h or (row.max_h is not None and gap > row.max_h) for gap in gaps):
        raise ContentFault(f"regimens.toml: the days of {row.id} do not keep its own spacing; correct days or hours.")
    by_route = {(limit.route, limit.drug): limit for limit in dose_limits().limit}
    for route in row.routes:
        limit = by_route[route, row.drug]
        ceiling = limit.ceiling.mg_per_kg if row.unit == "mg/kg" else limit.ceiling.mg
        if any(dose > ceiling for dose in row.doses if ceiling is not None):
            raise ContentFault(f"regimens.toml: {row.id} goes beyond the evidence ceiling of {limit.id}; correct it.")
