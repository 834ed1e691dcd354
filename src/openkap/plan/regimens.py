"""
Choice of regimen template: which survive, in which order, with which first dose, and why others do not.

The order is that of the interface sheet. Nothing is chosen for anybody: the first survivor is a draft to
compare. A dose is always a template's or a limit row's own amount times a weight; no function here takes
an aim and returns an amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from openkap.chart.expression import Setting, facts_named
from openkap.chart.rule_language import parse
from openkap.chart.view import View
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity, number, round_half_up
from openkap.kernel.source import Sourced
from openkap.kernel.truth import Answer
from openkap.plan.library import dose_limits, regimens, rows, statement
from openkap.plan.limits import frequency, limit_for, within_limits
from openkap.plan.types import Candidate, DoseLimit, Preferences, Refused, Regimen, SiteMax, Weight
from openkap.screen.types import Finding, Route, Screening

FREQUENCY_REASON = "DOS-FREQ-1"
WEIGHT_REASON = "dosing_weight_kg"


class StartLowReasons:
    """
    Why the first dose is the low one.

    Args:
        because: the reasons that hold, in words.
        rows: their rows.
        open: reasons that cannot be judged, with the facts they wait for.
    """

    def __init__(self, view: View, wishes: Preferences):
        self.because: list[str] = []
        self.rows: list[str] = []
        self.open: list[dict[str, Any]] = []
        self.facts: list[str] = []
        for row in dose_limits().start_low:
            node = parse(row.when)
            answer: Answer = node.evaluate(Setting(view, row.limits, {}))
            self.facts.extend(facts_named(node))
            if answer.is_true:
                self.because.append(f"{row.title}: {'; '.join(answer.because)}")
                self.rows.append(row.id)
            elif answer.is_unknown:
                self.open.extend({"row": row.id, "fact": gap.fact, "text": gap.text} for gap in answer.gaps)
        if wishes.start_low:
            self.because.append("asked for in the preferences")

    @property
    def holds(self) -> bool:
        return bool(self.because)


def dosing_weight(view: View, wishes: Preferences) -> Weight:
    """
    The weight that doses are computed with: the fresh measured one, or the one the preferences name.

    Raises:
        UserError: the preferences name a weight above the measured one without a reason.
    """
    state = view.state("weight")
    measured = state.value if state.status == "known" and isinstance(state.value, Decimal) else None
    on = state.when.text[:10] if measured is not None and state.when else None
    notes = [] if measured is not None else ["No fresh measured weight: " + (state.reason or "weight: no record") + "."]
    bmi, line = view.state("bmi"), statement("DOS-WT-2")
    if isinstance(bmi.value, Decimal) and bmi.value >= line.number("bmi"):
        notes.append(f"Body-mass index {number(bmi.value)}: {line.text} (DOS-WT-2)")
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


def choose(
    view: View,
    screening: Screening,
    wishes: Preferences,
    site: Mapping[str, SiteMax],
    weight: Weight,
    low: StartLowReasons,
) -> tuple[list[Candidate], list[Refused]]:
    """
    Every template that survives, in the order of choice, and every one that does not with its reasons.

    Args:
        view: the chart on the day.
        screening: its findings; those that speak of routes stand for or against.
        wishes: preferences.
        site: highest doses, as `site_limits` gives them.
        weight: as `dosing_weight` gives it.
        low: start-low reasons.
    """
    kept, refused = [], []
    for row in sorted(regimens().regimen, key=lambda r: r.place):
        reasons = _not_offered(row, wishes)
        candidates = []
        if not reasons:
            for route in row.routes:
                found, why = _by_route(row, route, view, screening, wishes, site, weight, low)
                reasons.extend(why)
                if found:
                    candidates.append(found)
        if candidates:
            kept.extend(candidates)
        else:
            refused.append(Refused(row, tuple(dict.fromkeys(reasons))))
    return kept, refused


def _not_offered(row: Regimen, wishes: Preferences) -> list[str]:
    if row.id in wishes.avoid:
        return ["The preferences avoid it."]
    if row.offered == "never":
        return [f"{row.result}: not a template; {row.contra[-1]}."]
    if row.offered == "responders":
        return ["For recorded responders only, and no fact records a response to an earlier course."]
    if row.offered == "named" and wishes.regimen != row.id:
        return ["Only where the preferences name it."]
    if row.offered == "reason" and not _reason(wishes):
        return [f"Four doses fall within 168 hours: only with the prescriber's reason under reasons.{FREQUENCY_REASON}."]
    return []


def _reason(wishes: Preferences) -> str:
    return wishes.reasons.get(FREQUENCY_REASON, "").strip()


def _by_route(
    row: Regimen,
    route: Route,
    view: View,
    screening: Screening,
    wishes: Preferences,
    site: Mapping[str, SiteMax],
    weight: Weight,
    low: StartLowReasons,
) -> tuple[Candidate | None, list[str]]:
    limit = limit_for(route, row.drug)
    against, reasons = _findings_against(screening.findings, route)
    if limit.id not in site:
        reasons.append(f"{limit.title}: no site_max is signed, so the route is disabled.")
    if (wishes.routes and route not in wishes.routes) or route in wishes.avoid:
        reasons.append(f"{limit.title}: the preferences leave this route out.")
    often = _pattern_frequency(row, route)
    reasons.extend(f.text for f in often if f.level != "needs-reason" or not _reason(wishes))
    if reasons:
        return None, reasons
    dose, breaches, warnings = _dose(row, limit, weight, low, site)
    if breaches:
        return None, breaches
    warnings.extend(weight.notes)
    if row.retracted:
        warnings.append(f"Retraction: {row.retracted}")
    if often:
        warnings.append(f"More than three doses in 168 hours; the prescriber's reason: {_reason(wishes)}")
    if low.open:
        warnings.append("Not known, and would start lower: " + "; ".join(g["text"] for g in low.open) + ".")
    if len(row.routes) > 1:
        warnings.append("The template leaves the route open: the prescriber names it; none is a default.")
    used: list[Sourced] = [row, limit, *(rows()[name] for name in low.rows)]
    contra = (*row.contra, *against, *((f"borrowed from {row.borrowed}",) if row.borrowed else ()))
    return Candidate(row, limit, dose, row.pro, contra, tuple(warnings), tuple(used)), []


def _findings_against(findings: Sequence[Finding], route: Route) -> tuple[list[str], list[str]]:
    """Sentences that stand against a route, and those that remove it (class hold or exclude)."""
    concern = {row.id.removeprefix("CONCERN-"): row for row in regimens().concern}
    against, removing = [], []
    for finding in findings:
        row = concern.get(finding.rule)
        if row is None or route not in row.routes or finding.truth.value == "false":
            continue
        sentence = f"{finding.rule}: {finding.because}"
        removes = finding.class_ in ("hold", "exclude") and finding.truth.value == "true"
        (removing if removes else against).append(sentence)
    return against, removing


def _pattern_frequency(row: Regimen, route: Route) -> tuple:
    start = datetime(2000, 1, 3, 9, tzinfo=UTC)
    return frequency([start + timedelta(days=day) for day in row.days], route, row.drug)


def _dose(
    row: Regimen, limit: DoseLimit, weight: Weight, low: StartLowReasons, site: Mapping[str, SiteMax]
) -> tuple[dict[str, Any], list[str], list[str]]:
    """The dose of a template with its ladder; what forbids its first dose; what to warn of."""
    ladder = _ladder(row, limit, low.holds)
    duration = row.duration_min or limit.duration_min
    steps: list[dict[str, Any]] = []
    breaches: list[str] = []
    warnings: list[str] = []
    for place, amount in enumerate(ladder):
        mg, per_kg = _amounts(amount, limit, weight)
        broken = within_limits(limit.route, limit.drug, mg, per_kg, duration, site=site)
        step = _step(place * row.every + 1, mg, per_kg, first=place == 0)
        if broken:
            texts = [b.text for b in broken]
            if not steps:
                return {}, [f"{t} {_remedy(limit, amount, weight, site)}".strip() for t in texts], []
            warnings.append(f"The step to {number(amount)} {limit.unit} is not drafted: {' '.join(texts)}")
            break
        steps.append(step)
    first = steps[0]
    dose = {
        "mg_per_kg": first["mg_per_kg"],
        "mg": first["mg"],
        "unrounded_mg": first["unrounded_mg"],
        "unit": limit.unit,
        "weight_kg": weight.kg,
        "weight_on": weight.measured_on,
        "measured_weight_kg": weight.measured_kg,
        "duration_min": duration,
        "start_low": low.holds,
        "start_low_because": list(low.because),
        "steps": steps,
        "next_step": limit.step_text,
    }
    return dose, breaches, warnings


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


def _step(dose: int, mg: DoseMg | None, per_kg: DoseMgPerKg | None, *, first: bool) -> dict[str, Any]:
    places = int(statement("DOS-ROUND").number("places"))
    return {
        "dose": dose,
        "mg_per_kg": per_kg.mg_per_kg if per_kg else None,
        "mg": round_half_up(mg.mg, places) if mg else None,
        "unrounded_mg": mg.mg if mg else None,
        "condition": (
            "first dose"
            if first
            else "not before this dose, only if the last was tolerated and the response was too small; the prescriber decides"
        ),
    }


def _remedy(limit: DoseLimit, amount: Decimal, weight: Weight, site: Mapping[str, SiteMax]) -> str:
    own = site.get(limit.id)
    if limit.unit != "mg/kg" or weight.kg is None or own is None or own.mg is None:
        return ""
    return "Consider a lower dosing weight (dosing_weight_kg in the preferences), or another template."


def _kg(value: Decimal | None) -> str:
    return "not known" if value is None else f"{number(value)} kg"
