"""The content of the plan room, loaded once, with the checks that no single row can make."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from openkap.chart.expression import limits_named
from openkap.chart.rule_language import parse
from openkap.kernel.content import load, refuse_dangling, refuse_duplicates, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Sourced
from openkap.plan.types import (
    AdverseEventsFile,
    CalendarsFile,
    ClaimsFile,
    DoseLimit,
    DoseLimitsFile,
    ModalitiesFile,
    MonitoringFile,
    OptionsFile,
    Regimen,
    RegimensFile,
    RoutesFile,
    Statement,
    StatementsFile,
    TrialsFile,
)

ROOM = "plan"
STATEMENT_FILES = ("evidence", "benchmarks", "consent", "expectations", "adaptive")


@cache
def dose_limits() -> DoseLimitsFile:
    """Limits per route, start-low reasons, rules of dose and frequency."""
    file = load(ROOM, "dose-limits.toml", DoseLimitsFile)
    for row in file.limit:
        _check_limit(row)
    for reason in file.start_low:
        _check_expression(reason.id, reason.when, reason.limits)
    return file


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


@cache
def modalities() -> ModalitiesFile:
    """Modalities with their gates, and what must be said of them."""
    file = load(ROOM, "modalities.toml", ModalitiesFile)
    for row in file.modality:
        if row.gate:
            _check_expression(row.id, row.gate.when, row.gate.limits)
        for care in row.care:
            _check_expression(row.id, care.when, {})
    return file


@cache
def calendars() -> CalendarsFile:
    """Calendars, kinds of session, pathways, moments of measurement."""
    file = load(ROOM, "calendars.toml", CalendarsFile)
    for row in file.calendar:
        if len(row.preparation_days) != row.preparations or row.preparation_days[-1] >= row.first_dose_day:
            raise ContentFault(f"calendars.toml: {row.id} does not end its preparations before the first dose day.")
    return file


@cache
def monitoring() -> MonitoringFile:
    """Observation, alert lines, rescue, discharge."""
    return load(ROOM, "monitoring.toml", MonitoringFile)


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
    return {row.id: row for row in found}


def statement(row: str) -> Statement:
    """A sentence by id, wherever it stands."""
    found = rows()[row]
    if not isinstance(found, Statement):
        raise ContentFault(f"{row} is not a statement: correct the reference.")
    return found


def _all_rows() -> Iterable[Sourced]:
    limits = dose_limits()
    yield from (*limits.limit, *limits.start_low, *limits.statement)
    yield from (*regimens().regimen, *regimens().attribute)
    yield from (*routes().route, *trials().trial, *options().option, *claims().claim)
    yield from (*modalities().modality, *modalities().statement, *adverse_events().event)
    outlines = calendars()
    yield from (*outlines.calendar, *outlines.session, *outlines.pathway, *outlines.moment)
    yield from (*monitoring().watch, *monitoring().alert, *monitoring().statement)
    for name in STATEMENT_FILES:
        yield from statements(name)


def _check_expression(row: str, when: str, limits: dict) -> None:
    if limits_named(parse(when)) != set(limits):
        raise ContentFault(f"plan/content: {row} must name the limits of its condition, no more and no fewer.")


def _check_limit(row: DoseLimit) -> None:
    """The amounts of a route ascend from the low start to the dose that is never given."""
    name = "mg_per_kg" if row.unit == "mg/kg" else "mg"
    ceiling, never = getattr(row.ceiling, name), getattr(row.never, name)
    if ceiling is None or never is None:
        raise ContentFault(f"dose-limits.toml: {row.id} has no ceiling or no never in {row.unit}; add it.")
    ladder = [row.low_start, *row.start, ceiling, never]
    if ladder != sorted(ladder) or row.usual != tuple(sorted(row.usual)) or row.usual[1] > ceiling:
        raise ContentFault(f"dose-limits.toml: {row.id} does not ascend from low start to never; correct the amounts.")
    demo = getattr(row.demo, name)
    if demo is None or demo > ceiling:
        raise ContentFault(f"dose-limits.toml: the demonstration limit of {row.id} is above its ceiling; lower it.")
    if row.site_max is not None:
        raise ContentFault(f"dose-limits.toml: {row.id} has a site_max; only a site's own folder sets it.")


def _check_regimen(row: Regimen, known_trials: set[str], outlines: set[str]) -> None:
    if missing := set(row.trials) - known_trials:
        raise ContentFault(f"regimens.toml: {row.id} cites {missing.pop()}, which trials.toml does not have.")
    if row.offered == "never":
        return
    if row.calendar not in outlines or not row.days or row.min_h is None or row.most is None:
        raise ContentFault(f"regimens.toml: {row.id} needs days, spacing, most and a calendar that exists.")
    gaps = [24 * (b - a) for a, b in zip(row.days, row.days[1:], strict=False)]
    if any(gap < row.min_h or (row.max_h is not None and gap > row.max_h) for gap in gaps):
        raise ContentFault(f"regimens.toml: the days of {row.id} do not keep its own spacing; correct days or hours.")
    by_route = {(limit.route, limit.drug): limit for limit in dose_limits().limit}
    for route in row.routes:
        limit = by_route[route, row.drug]
        ceiling = limit.ceiling.mg_per_kg if row.unit == "mg/kg" else limit.ceiling.mg
        if any(dose > ceiling for dose in row.doses if ceiling is not None):
            raise ContentFault(f"regimens.toml: {row.id} goes beyond the evidence ceiling of {limit.id}; correct it.")
