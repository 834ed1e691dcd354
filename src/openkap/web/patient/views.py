"""One person: the pathway for who treats, identity and team for who arranges."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from openkap.assess import selectors as assess
from openkap.people.models import Patient
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest
from openkap.people.selectors import care_team
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.identity import full_name
from openkap.web.kept import page_about
from openkap.web.navigation import areas
from openkap.web.patient import gather, line


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def pathway(request: ClinicRequest) -> HttpResponse:
    """What is done, what is next, what blocks."""
    patient = request.patient
    return page_about(request, "patient/pathway.html", lambda: _pathway(request), title=full_name(patient))


def _pathway(request: ClinicRequest) -> dict[str, Any]:
    patient, found = request.patient, gather.found(request.patient)
    urls = areas(request.principal, patient.pk)
    stages = {"record": urls.get("chart", ""), "assess": urls.get("assess", urls.get("forms", ""))}
    stages |= {name: urls.get(name, "") for name in ("screen", "plan", "dose")}
    steps, parts = line.steps(found.where, stages), found.assessment["formulation"].values()
    return {
        "name": full_name(patient),
        "found": found,
        "steps": steps,
        "next": next((step for step in steps if step.current), None),
        "measured": [part for part in parts if part["level"] is not None],
        "unmeasured": [part for part in parts if part["level"] is None],
        "blocks": [(block, block.url or urls.get(block.area, "")) for block in gather.blocks(found)],
        "questions": gather.questions(found),
        "scores": gather.score_rows(found),
        "areas": urls,
        "team": care_team(request.principal, patient),
    }


@about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION)
def desk(request: ClinicRequest) -> HttpResponse:
    """Who this is, who cares for them, which forms are out; nothing clinical."""
    patient = request.patient
    forms = [assess.state_of(row) for row in assess.open_requests(Patient.objects.filter(pk=patient.pk))]
    context = {
        "name": full_name(patient),
        "patient": patient,
        "arranges": request.principal.has(Role.COORDINATOR),
        "identifiers": patient.identifiers.order_by("system", "value"),
        "team": care_team(request.principal, patient),
        "forms": sorted(forms, key=lambda form: -form.days_late),
        "areas": areas(request.principal, patient.pk),
    }
    return render(request, "patient/desk.html", context)
