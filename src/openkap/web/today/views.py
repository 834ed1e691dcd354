"""Today: what needs a decision, what is overdue, who is coming."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from openkap.people.policy import staff
from openkap.people.request import ClinicRequest


@staff()
def day(request: ClinicRequest) -> HttpResponse:
    """What this person should look at first."""
    return render(request, "today/day.html", {"now": timezone.localtime()})
