"""
Choice of regimen template: which survive, in which order, with which first dose, and why others do not.

The order is that of the interface sheet. Nothing is chosen for anybody: the first survivor is a draft to
compare. A dose is always a template's or a limit row's own amount times a weight; no function here takes
an aim and returns an amount.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from openkap.chart.expression import Setting, facts_named
from openkap.chart.rule_language import parse
from openkap.chart.view import View
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity, number
from openkap.kernel.site import unsigned_words
from openkap.kernel.source import Sourced
from openkap.kernel.truth import Answer
from openkap.plan.book import Book
from openkap.plan.choices import Candidate, Preferences, Refused, SiteMax, Weight
from openkap.plan.library import regimens, rows
from openkap.plan.limits import APART, OFTEN, LimitBreach, frequency, limit_for, within_limits
from openkap.plan.matching import disorders_of
from openkap.plan.types import DoseLimit, Regimen
from openkap.screen.rulebook import rules
from openkap.screen.types import Finding, Route, Screening

FREQUENCY_REASON = OFTEN
ROUND, STOP = "DOS-ROUND", "DOS-FREQ-3"
WEIGHT_REASON = "dosing_weight_kg"
NEXT_STEP = (
    "not before this dose, and only if the last was tolerated and the response was too small; the prescriber decides"
)


class StartLowReasons:
    """
    Why the first dose is the low one.

    Args:
        because: the reasons that hold, in words.
        rows: their rows.
        open: reasons that cannot be judged, with the facts they wait for.
    """

    def __init__(self, view: View, wishes: Preferences, book: Book):
        self.because: list[str] = []
        self.rows: list[str] = []
        self.open: list[dict[str, Any]] = []
        self.facts: list[str] = []
        for row in book.dose_limits.start_low:
            node = parse(row.when)
            answer: Answer = node.evaluate(Setting(view, row.limits, {}))
            self.facts.extend(facts_named(node))
            if answer.is_true:
                self.because.append(titled(row.title, "; ".join(answer.because)))
                self.rows.append(row.id)
            elif answer.is_unknown:
                self.open.extend({"row": row.id, "fact": gap.fact, "text": gap.text} for gap in answer.gaps)
        if wishes.start_low:
            self.because.append("asked for in the preferences")

    @property
    def holds(self) -> bool:
        return bool(self.because)


def dosing_weight(view: View, wishes: Preferences, book: Book) -> Weight:
    """
    The weight that doses are computed with: the fresh measured one, or the one the preferences name.

    Raises:
        UserError: the preferences name a weight above the measured one without a reason.
    """
    state = view.state("weight")
    measured = state.value if state.status == "known" and isinstance(state.value, Decimal) else None
    on = state.when.text[:10] if measured is not None and state.when else None
    notes = [] if measured is not None else ["No fresh measured weight: " + (state.reason or "weight: no record") + "."]
    bmi, line = view.state("bmi"), book.statement("DOS-WT-2")
    if isinstance(bmi.value, Decimal) and bmi.value >= line.number("bmi"):
        notes.append(f"Body-mass index {number(Decimal(f'{bmi.value:.1f}'))}: {line.text} (DOS-WT-2)")
    chosen = wishes.dosing_weight_kg
    if chosen is None:
        return Weight(measured, measured, on, False, tuple(notes))
    if measured is not None and chosen > measured and not wishes.reasons.get(WEIGHT_REASON, "").strip():
        raise UserError(
            f"preferences: dosing_weight_kg {number(chosen)} is above the measured weight of {number(measured)} kg; "
            f"give the reason under reasons.{WEIGHT_REASON}."
        )
    notes.append(f"Dosing weight {number(chosen)} kg chosen by the prescriber; measured {_kg(measured)}.")
    return Weight(chosen, measured, on, True, tuple(notes))


@dataclass(frozen=True, slots=True)
class Situation:
    """
    What a choice of regimen looks at.

    Args:
        view: the chart on the day.
        screening: its findings; those that speak of routes stand for or against.
        wishes: preferences.
        site: highest doses, as `site_limits` gives them.
        weight: as `dosing_weight` gives it.
        low: start-low reasons.
        signed: whether the site has signed a row; an unsigned template or limit decides nothing.
        book: the rows as the site uses them.
    """

    view: View
    screening: Screening
    wishes: Preferences
    site: Mapping[str, SiteMax]
    weight: Weight
    low: StartLowReasons
    signed: Callable[[Sourced], bool]
    book: Book

    @property
    def reason(self) -> str:
        """The prescriber's reason for more doses in a week than DOS-FREQ-1 allows; empty if none is given."""
        return self.wishes.reasons.get(FREQUENCY_REASON, "").strip()


def choose(at: Situation) -> tuple[list[Candidate], list[Refused]]:
    """Every template that survives, in the order of choice, and every one that does not with its reasons."""
    kept: list[Candidate] = []
    refused: list[Refused] = []
    for row in sorted(regimens().regimen, key=lambda r: r.place):
        reasons = _not_offered(row, at)
        candidates = []
        if not reasons:
            for route in row.routes:
                found, why = _by_route(row, route, at)
                reasons.extend(why)
                if found:
                    candidates.append(found)
        if candidates:
            kept.extend(_with_other_route(c, reasons, len(candidates)) for c in candidates)
        else:
            refused.append(Refused(row, tuple(dict.fromkeys(reasons))))
    return kept, refused


def rests_on(row: Regimen, limit: DoseLimit, book: Book) -> list[Sourced]:
    """Every row that a dose by this template and route rests on: amounts, start, frequency, observation, outline."""
    frequent = (OFTEN, APART) if limit.parenteral else ()
    limits = [limit, *book.dose_limits.start_low, *(book.statement(n) for n in (ROUND, STOP, *frequent))]
    watched = [book.watch_of(limit), book.continuous(), *book.monitoring.alert]
    return [*limits, *watched, rows()[row.calendar]]


def _not_offered(row: Regimen, at: Situation) -> list[str]:
    if row.id in at.wishes.avoid:
        return ["The preferences avoid it."]
    if row.offered == "never":
        return [f"{sentence(row.result)} It is not a template: {row.contra[-1]}."]
    if row.offered == "responders":
        return ["For recorded responders only, and no fact records a response to an earlier course."]
    if row.offered == "named" and at.wishes.regimen != row.id:
        return ["It is compared only where the preferences name it as the regimen."]
    if row.offered == "reason" and not at.reason:
        return [f"{sentence(row.contra[-1])} Only with the prescriber's written reason ({FREQUENCY_REASON})."]
    if not at.signed(row):
        return [f"The site has not signed this template. {unsigned_words(row.id)}"]
    return []


def _by_route(row: Regimen, route: Route, at: Situation) -> tuple[Candidate | None, list[str]]:
    limit = limit_for(route, row.drug, at.book)
    against, reasons = _findings_against(at.screening.findings, route)
    if limit.id not in at.site:
        reasons.append(
            f"{limit.title}: no highest dose is signed for it, so the route is disabled. "
            f"The medical director must set and sign it (row {limit.id})."
        )
    elif unsigned := [r.id for r in rests_on(row, limit, at.book) if not at.signed(r)]:
        reasons.append(
            f"{limit.title}: limits that a dose rests on are not signed, so the route is disabled. "
            f"{unsigned_words(*unsigned)}"
        )
    if _left_out(route, at.wishes):
        reasons.append(f"{limit.title}: the preferences leave this route out.")
    often = _pattern_frequency(row, route, at.book)
    reasons.extend(f.text for f in often if f.level != "needs-reason" or not at.reason)
    if reasons:
        return None, reasons
    dose, forbidden, warnings = _dose(row, limit, at)
    if forbidden:
        return None, forbidden
    warnings.extend(at.weight.notes)
    warnings.extend(against)
    if row.retracted:
        warnings.append(f"Retraction: {row.retracted}")
    if often:
        warnings.append(f"{sentence(row.contra[-1])} The prescriber's reason: {at.reason}")
    if at.low.open:
        warnings.append("Not known, and would start lower: " + "; ".join(g["text"] for g in at.low.open) + ".")
    used: list[Sourced] = [row, *rests_on(row, limit, at.book)]
    if at.low.holds and row.doses and dose["mg_per_kg"] is not None and dose["mg_per_kg"] < row.doses[0]:
        warnings.append("The first dose is below the one that was studied; the result shown does not speak for it.")
    borrowed = row.borrowed or _studied_elsewhere(row, at.view)
    contra = (*row.contra, *against, *((f"borrowed from {borrowed}",) if borrowed else ()))
    left_out = [r for r in row.routes if _left_out(r, at.wishes)]
    if len(row.routes) - len(left_out) > 1:
        warnings.append("The template leaves the route open: the prescriber names it; none is a default.")
    return Candidate(row, limit, dose, row.pro, contra, tuple(warnings), borrowed, tuple(used)), []


def _left_out(route: Route, wishes: Preferences) -> bool:
    return bool(wishes.routes and route not in wishes.routes) or route in wishes.avoid


def _with_other_route(found: Candidate, reasons: Sequence[str], kept: int) -> Candidate:
    """A template that survives by one route only says why it does not by the other."""
    if kept > 1 or not reasons:
        return found
    return replace(found, warnings=(*found.warnings, *(f"The other route is refused. {text}" for text in reasons)))


def _studied_elsewhere(row: Regimen, view: View) -> str:
    """The population of a template, for a person who has none of the disorders it was studied in."""
    present = disorders_of(view)
    if not present or set(present) & set(row.studied):
        return ""
    return f"{row.population}; not studied in {' or '.join(name.replace('-', ' ') for name in present)}"


def routes_of(finding: Finding) -> frozenset[Route]:
    """The routes that a finding speaks of; empty if it speaks of all."""
    rule = rules().get(finding.rule)
    arms = [a for a in rule.arm if finding.class_ in (a.class_, a.dose_day_class)] if rule else []
    return frozenset(route for a in arms for route in a.routes) if all(a.routes for a in arms) else frozenset()


def _findings_against(findings: Sequence[Finding], route: Route) -> tuple[list[str], list[str]]:
    """Sentences that stand against a route, and those that remove it (class hold or exclude)."""
    against: list[str] = []
    removing: list[str] = []
    for finding in findings:
        if finding.truth.value == "false" or route not in routes_of(finding):
            continue
        removes = finding.class_ in ("hold", "exclude") and finding.truth.value == "true"
        (removing if removes else against).append(_said(finding))
    return against, removing


def _said(finding: Finding) -> str:
    """A finding as a prescriber reads it beside a regimen: what, why, and what to do."""
    because = finding.because.rstrip(".")
    known = "" if finding.truth.value == "true" else "not known whether it applies: "
    return (
        f"{finding.title[:1].upper()}{finding.title[1:]} ({finding.rule}): {known}{because}. {finding.action}".strip()
    )


def _pattern_frequency(row: Regimen, route: Route, book: Book) -> tuple:
    start = datetime(2000, 1, 3, 9, tzinfo=UTC)
    return frequency([start + timedelta(days=day) for day in row.days], route, row.drug, book)


def _dose(row: Regimen, limit: DoseLimit, at: Situation) -> tuple[dict[str, Any], list[str], list[str]]:
    """The dose of a template with its ladder; what forbids its first dose; what to warn of."""
    duration = row.duration_min or limit.duration_min
    steps: list[dict[str, Any]] = []
    warnings: list[str] = []
    for place, amount in enumerate(_ladder(row, limit, at.low.holds)):
        exact, per_kg = _amounts(amount, limit, at.weight)
        shown = _rounded(exact, at.book)
        if _breaks(shown, limit, at, duration) and not _breaks(exact, limit, at, duration):
            shown = _rounded(exact, at.book, ROUND_DOWN)  # at a limit the one rounding goes down
        broken = [
            *within_limits(limit.route, limit.drug, exact, per_kg, duration, site=at.site, book=at.book),
            *_breaks(exact, limit, at, duration),
            *_breaks(shown, limit, at, duration),
        ]
        texts = list(dict.fromkeys(b.text for b in broken))
        if broken and not steps:
            return {}, [f"{text} {_remedy(limit, at)}".strip() for text in texts], []
        if broken:
            warnings.append(f"The step to {number(amount)} {limit.unit} is not drafted: {' '.join(texts)}")
            break
        steps.append(
            {
                "dose": place * row.every + 1,
                "mg_per_kg": per_kg.mg_per_kg if per_kg else None,
                "mg": shown.mg if shown else None,
                "unrounded_mg": exact.mg if exact else None,
                "condition": NEXT_STEP if steps else "first dose",
            }
        )
    dose = {
        "mg_per_kg": steps[0]["mg_per_kg"],
        "mg": steps[0]["mg"],
        "unrounded_mg": steps[0]["unrounded_mg"],
        "unit": limit.unit,
        "weight_kg": at.weight.kg,
        "weight_on": at.weight.measured_on,
        "measured_weight_kg": at.weight.measured_kg,
        "duration_min": duration,
        "start_low": at.low.holds,
        "start_low_because": list(at.low.because),
        "steps": steps,
        "next_step": limit.step_text,
    }
    return dose, [], warnings


def _ladder(row: Regimen, limit: DoseLimit, start_low: bool) -> list[Decimal]:
    """The template's own doses; below them, where the start is low, the low start and the row's steps."""
    own = list(row.doses) or [limit.start[0]]
    if not start_low or limit.low_start >= own[0]:
        return own
    rungs = [limit.low_start]
    while limit.step is not None and rungs[-1] + limit.step < own[0]:
        rungs.append(rungs[-1] + limit.step)
    return rungs + own


def _amounts(amount: Decimal, limit: DoseLimit, weight: Weight) -> tuple[DoseMg | None, DoseMgPerKg | None]:
    if limit.unit == "mg":
        return DoseMg(amount), None
    per_kg = DoseMgPerKg(amount)
    return (per_kg.times(Quantity(weight.kg, "kg")) if weight.kg is not None else None), per_kg


def _rounded(mg: DoseMg | None, book: Book, rounding: str = ROUND_HALF_UP) -> DoseMg | None:
    """The one rounding of a plan's dose (DOS-ROUND)."""
    places = int(book.statement(ROUND).number("places"))
    return DoseMg(mg.mg.quantize(Decimal(1).scaleb(-places), rounding=rounding)) if mg else None


def _breaks(mg: DoseMg | None, limit: DoseLimit, at: Situation, duration: Decimal | None) -> list[LimitBreach]:
    """Limits that an amount breaks by any weight at hand: the dosing weight and the measured one."""
    if mg is None:
        return []
    weights = [w for w in (at.weight.kg, at.weight.measured_kg) if w]
    amounts = [DoseMgPerKg(mg.mg / w) for w in dict.fromkeys(weights)] if limit.unit == "mg/kg" else [None]
    return [
        breach
        for per_kg in amounts or [None]
        for breach in within_limits(limit.route, limit.drug, mg, per_kg, duration, site=at.site, book=at.book)
    ]


def _remedy(limit: DoseLimit, at: Situation) -> str:
    own = at.site.get(limit.id)
    if limit.unit != "mg/kg" or own is None or own.mg is None:
        return ""
    return "Consider a lower dosing weight, or another template."


def titled(title: str, because: str) -> str:
    """A reason under its title, which is not said twice where the reason begins with it."""
    return because if because.lower().startswith(title.lower()) else f"{title}: {because}"


def sentence(text: str) -> str:
    """A phrase of the content as a sentence."""
    return text[0].upper() + text[1:] + "."


def _kg(value: Decimal | None) -> str:
    return "not known" if value is None else f"{number(value)} kg"
