"""Finding a person among those one may see."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from openkap.people.policy import staff
from openkap.people.request import ClinicRequest
from openkap.people.types import CLINICIANS, Role


@staff(Role.COORDINATOR, *CLINICIANS)
def people(request: ClinicRequest) -> HttpResponse:
    """People whose name, record number or birth date begins as asked."""
    return render(request, "find/people.html", {"asked": request.GET.get("q", "")})
