"""One person: the pathway for who treats, identity and team for who arranges."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.identity import full_name


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def pathway(request: ClinicRequest) -> HttpResponse:
    """What is done, what is next, what blocks."""
    return render(request, "patient/pathway.html", {"name": full_name(request.patient)})


@about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION)
def desk(request: ClinicRequest) -> HttpResponse:
    """Who this is and who cares for them; nothing clinical."""
    return render(request, "patient/desk.html", {"name": full_name(request.patient)})
