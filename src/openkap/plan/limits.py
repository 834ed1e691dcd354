"""
Governed limits of dose and frequency.

Three levels per route: what the site allows, what was ever published (ceiling), what is never given.
A function here says whether an amount that somebody chose is allowed. None of them chooses an amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, number
from openkap.plan.book import Book, shipped
from openkap.plan.choices import SiteMax
from openkap.plan.types import Bound, DoseLimit, Drug, Mode
from openkap.screen.types import Route

OFTEN, APART = "DOS-FREQ-1", "DOS-FREQ-2"

Level = Literal["never", "ceiling", "site-max", "disabled", "bolus", "duration"]


@dataclass(frozen=True, slots=True)
class LimitBreach:
    """
    One limit that an amount breaks.

    Args:
        row: the limit's row.
        level: which limit. `never` and `bolus` know no override.
        text: the sentence for the reader.
    """

    row: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class FrequencyFinding:
    """
    What the frequency rules say of a list of dose times.

    Args:
        rule: DOS-FREQ-1 or DOS-FREQ-2.
        level: `never` (no override), `needs-reason` (with the prescriber's reason), `interval` (too close).
        text: the sentence for the reader.
        at: the dose that breaks the rule.
    """

    rule: str
    level: Literal["never", "needs-reason", "interval"]
    text: str
    at: datetime


def limit_for(route: Route, drug: Drug, book: Book | None = None) -> DoseLimit:
    """
    The limit row of a route and drug. There is no fallback row.

    Args:
        route, drug: which row.
        book: the rows as the site uses them; as shipped where it is None.

    Raises:
        UserError: the drug is not given by this route.
    """
    for row in (book or shipped()).dose_limits.limit:
        if (row.route, row.drug) == (route, drug):
            return row
    raise UserError(f"{drug} by route {route} has no limits: choose a route and drug that belong together.")


def site_limits(
    mode: Mode, signed: Mapping[str, SiteMax] | None = None, book: Book | None = None
) -> dict[str, SiteMax]:
    """
    The site's highest doses by limit row id (`DOS-IV`, ...). A row that is missing disables its route.

    Args:
        mode: in demonstration mode DOS-DEMO counts where nothing is given; in production only what was signed.
        signed: what the site's medical director signed.
        book: the rows as the site uses them; as shipped where it is None.

    Raises:
        UserError: a limit above the evidence ceiling, of a route that does not exist, without an amount, or,
            in production, without a signature.
    """
    rows = (book or shipped()).dose_limits.limit
    if signed is None:
        return {} if mode == "production" else {row.id: _site_max(row.demo) for row in rows}
    known = {row.id: row for row in rows}
    for name, limit in signed.items():
        if name not in known:
            raise UserError(f"limits.toml: site_max {name!r} is not a limit row: use one of {', '.join(known)}.")
        _check_site_max(known[name], limit, mode)
    return dict(signed)


def within_limits(
    route: Route,
    drug: Drug,
    mg: DoseMg | None,
    mg_per_kg: DoseMgPerKg | None,
    duration_min: Decimal | None = None,
    *,
    site: Mapping[str, SiteMax],
    book: Book | None = None,
) -> tuple[LimitBreach, ...]:
    """
    The limits that an amount breaks; empty if it is allowed.

    Args:
        route, drug: part of the order's identity, never a default.
        mg: absolute amount, unrounded; None where no weight is known.
        mg_per_kg: amount per kg of dosing weight; None where the dose is given in mg only.
        duration_min: of the infusion; None or 0 is an instantaneous dose.
        site: as `site_limits` gives it.
        book: the rows as the site uses them; as shipped where it is None.

    Raises:
        UserError: route and drug do not belong together, or no amount is given.
    """
    row = limit_for(route, drug, book)
    if mg is None and mg_per_kg is None:
        raise UserError("dose: give mg or mg/kg.")
    if not isinstance(mg, DoseMg | None) or not isinstance(mg_per_kg, DoseMgPerKg | None):
        raise TypeError("mg is a DoseMg and mg_per_kg a DoseMgPerKg; one is never taken for the other")
    breaches = []
    minutes = duration_min or Decimal(0)
    if not row.bolus and minutes == 0:
        text = f"{row.title}: never as a bolus; give the duration of the infusion."
        breaches.append(LimitBreach(row.id, "bolus", text))
    if text := _beyond(row.never, mg, mg_per_kg):
        breaches.append(LimitBreach(row.id, "never", f"{row.title}: {text} is never given ({_words(row.never)})."))
    fast = row.never_fast
    if fast and fast.min_duration_min is not None and minutes < fast.min_duration_min and _beyond(fast, mg, mg_per_kg):
        text = f"{row.title}: {_words(fast)} is never given in less than {number(fast.min_duration_min)} min."
        breaches.append(LimitBreach(row.id, "never", text))
    if text := _beyond(row.ceiling, mg, mg_per_kg):
        text = f"{row.title}: {text} is above all published ({_words(row.ceiling)})."
        breaches.append(LimitBreach(row.id, "ceiling", text))
    own = site.get(row.id)
    if own is None:
        text = f"{row.title}: the site has set no limit, so the route is disabled."
        breaches.append(LimitBreach(row.id, "disabled", text))
        return tuple(breaches)
    bound = Bound(mg_per_kg=own.mg_per_kg, mg=own.mg)
    if text := _beyond(bound, mg, mg_per_kg):
        text = f"{row.title}: {text} is above the site's limit ({_words(bound)})."
        breaches.append(LimitBreach(row.id, "site-max", text))
    if own.min_duration_min is not None and 0 < minutes < own.min_duration_min:
        shortest = number(own.min_duration_min)
        text = f"{row.title}: {number(minutes)} min is shorter than the site's limit of {shortest} min."
        breaches.append(LimitBreach(row.id, "duration", text))
    return tuple(breaches)


def beyond_never(
    route: Route, drug: Drug, mg: DoseMg | None, mg_per_kg: DoseMgPerKg | None, book: Book | None = None
) -> str:
    """Why this amount is never given, as a sentence; empty if it is below that line."""
    row = limit_for(route, drug, book)
    text = _beyond(row.never, mg, mg_per_kg)
    return f"{text} by {row.title} is beyond the dose never given ({_words(row.never)})" if text else ""


def frequency(
    dose_times: Sequence[datetime], route: Route, drug: Drug = "ketamine", book: Book | None = None
) -> tuple[FrequencyFinding, ...]:
    """
    What DOS-FREQ-1 and DOS-FREQ-2 say of these doses; nothing for routes that are not parenteral.

    Args:
        dose_times: in any order; all parenteral doses count together.
        route, drug: of the doses.
        book: the rows as the site uses them; as shipped where it is None.

    Source: DOS-FREQ-1, DOS-FREQ-2.
    """
    book = book or shipped()
    if not limit_for(route, drug, book).parenteral:
        return ()
    often, close = book.statement(OFTEN), book.statement(APART)
    window = timedelta(hours=int(often.number("window_h")))
    apart = timedelta(hours=int(close.number("min_h")))
    most, never = often.number("most"), often.number("never")
    times = sorted(dose_times)
    findings = []
    for place, at in enumerate(times):
        count = sum(at - window < other for other in times[: place + 1])
        said = f"{count} parenteral doses within {number(often.number('window_h'))} hours"
        if count >= never:
            text = f"{said}: {number(never)} or more are not offered."
            findings.append(FrequencyFinding(OFTEN, "never", text, at))
        elif count > most:
            text = f"{said}: more than {number(most)} need the prescriber's reason."
            findings.append(FrequencyFinding(OFTEN, "needs-reason", text, at))
        if place and at - times[place - 1] < apart:
            text = f"Less than {number(close.number('min_h'))} hours between two parenteral doses."
            findings.append(FrequencyFinding(APART, "interval", text, at))
    return tuple(findings)


def _beyond(bound: Bound, mg: DoseMg | None, mg_per_kg: DoseMgPerKg | None) -> str:
    """The amount that is beyond the bound, in words; empty if none is. Each kind meets its own kind only."""
    if bound.mg_per_kg is not None and mg_per_kg is not None and _over(mg_per_kg.mg_per_kg, bound.mg_per_kg, bound):
        return str(mg_per_kg)
    if bound.mg is not None and mg is not None and _over(mg.mg, bound.mg, bound):
        return str(mg)
    return ""


def _over(amount: Decimal, limit: Decimal, bound: Bound) -> bool:
    return amount >= limit if bound.inclusive else amount > limit


def _words(bound: Bound) -> str:
    parts = []
    if bound.mg_per_kg is not None:
        parts.append(f"{number(bound.mg_per_kg)} mg/kg")
    if bound.mg is not None:
        parts.append(f"{number(bound.mg)} mg")
    return ("from " if bound.inclusive else "limit ") + " and ".join(parts)


def _site_max(bound: Bound) -> SiteMax:
    return SiteMax(bound.mg_per_kg, bound.mg, bound.min_duration_min)


def _check_site_max(row: DoseLimit, own: SiteMax, mode: Mode) -> None:
    amount, ceiling = (own.mg_per_kg, row.ceiling.mg_per_kg) if row.unit == "mg/kg" else (own.mg, row.ceiling.mg)
    if amount is None or ceiling is None or amount <= 0:
        raise UserError(f"limits.toml: site_max of {row.id} has no amount in {row.unit}: give one.")
    if amount > ceiling:
        top = f"{number(ceiling)} {row.unit}"
        raise UserError(f"limits.toml: site_max of {row.id} is above the evidence ceiling of {top}: lower it.")
    if mode == "production" and not own.signed_by:
        raise UserError(f"limits.toml: site_max of {row.id} is not signed: the medical director must sign it.")
