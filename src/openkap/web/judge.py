"""
Verdict and plan of a patient from what stands in the database now: what services are handed, whatever the door.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID

from openkap import __version__
from openkap.assess.formulation import formulate
from openkap.assess.selectors import decisions_of as formulation_decisions
from openkap.dose.types import DoseDay, Weight
from openkap.kernel.clock import zone_data
from openkap.kernel.content import content_version
from openkap.kernel.quantity import Quantity
from openkap.pathway import Case, assess_case, plan_case, screen_case
from openkap.people.models import Patient
from openkap.plan import selectors as plans
from openkap.plan.choices import Preferences
from openkap.plan.services import Proposal
from openkap.screen import services
from openkap.screen.decisions import decided
from openkap.screen.models import Standing
from openkap.screen.selectors import decisions_of, standings
from openkap.screen.types import Standpoint
from openkap.web.case import opened, site_of, today

AT_ONCE = 12  # standings that one page computes; the others are shown with the day they are of


def judged(patient: Patient, *, on: date | None = None, dose_day: bool = False) -> tuple[Standpoint, Case]:
    """The screening on a day, with what it was computed from."""
    chart = opened(patient, on)
    case, site = chart.case, chart.site
    found = chart.following(("screening", dose_day), lambda: screen_case(case, site, dose_day=dose_day))
    screening = decided(found, decisions_of(patient), site, case.view.on)
    findings = chart.following("formulation", lambda: formulate(case.view, case.records))
    levels = {name: finding.level for name, finding in findings.items()}
    return Standpoint(found, screening, chart.version, content_version(), case.view.on, site, case.view, levels), case


def judge(patient: Patient) -> Standpoint:
    """Today's screening."""
    return judged(patient)[0]


def dose_day(patient: Patient, day: date) -> DoseDay:
    """What the chart says on the dose day: the screening, with what was decided about its findings, and the weight."""
    return DoseDay(judged(patient, on=day, dose_day=True)[0].screening, *weight_of(patient, day))


def weight_of(patient: Patient, day: date) -> tuple[Weight | None, str]:
    """
    The weight that doses go by on a day, or why there is none. A known weight is one from a scale: the chart lists a
    stated one and uses it nowhere.
    """
    state = opened(patient, day).case.view.state("weight")
    if state.status != "known" or not isinstance(state.value, Decimal) or state.when is None:
        return None, state.reason or "No weight is known."
    return Weight(Quantity(state.value, "kg"), date.fromisoformat(state.when.text[:10]), "scale"), ""


def propose(patient: Patient, preferences: Preferences, draft: bool = False) -> Proposal:
    """
    Today's plan.

    Raises:
        NoSolution: the verdict or the limits leave none. UserError: a preference that cannot be meant.
    """
    now, case = judged(patient)
    plan = plan_case(
        case,
        now.site,
        preferences=preferences,
        draft=draft,
        decisions=decisions_of(patient),
        taken=_taken(patient, case),
    )
    stamp = {
        "openkap": __version__,
        "content": now.content_version,
        "mode": now.site.mode,
        "zone": f"{patient.site.zone}, data {zone_data()}",
    }
    return Proposal(stamp | dict(plan), now)


def plan_moved(patient: Patient) -> str:
    """Why no new session of a plan is booked now: something under it has changed (HAZ-22); empty where it stands."""
    row = plans.newest(patient)
    if row is None or not plans.moved_ground(row, judge(patient)):
        return ""
    return "The plan needs review, for something under it has changed since it was signed: a prescriber signs it anew."


def _taken(patient: Patient, case: Case) -> dict[str, bool]:
    """What a clinician said of each dimension; a word about another level than today's no longer counts."""
    shown = assess_case(case)["formulation"]
    said = formulation_decisions(patient).items()
    return {name: row.accepted for name, row in said if name in shown and row.level == shown[name]["level"]}


def fresh_standings(patients: Iterable[Patient]) -> tuple[dict[UUID, Standing], bool]:
    """
    The verdict of each of these patients, of one site, and whether each is of now.

    Some that are out of date are computed anew at once; one that is still out of date shows by its `on` or its
    versions, and one never computed is left out.
    """
    people = list(patients)
    if not people:
        return {}, True
    on = today(people[0])
    found = standings(people, on, site_of(people[0]))
    old = [patient for patient in people if not found[patient.pk].current]
    kept = {key: stood.row for key, stood in found.items() if stood.row is not None}
    anew = {patient.pk: services.refresh(patient, judge) for patient in old[:AT_ONCE]}
    return kept | anew, len(old) <= AT_ONCE
