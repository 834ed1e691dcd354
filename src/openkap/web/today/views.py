"""Today: what needs a decision, what is overdue, who is coming; for each role what is its own."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from openkap.people.policy import staff
from openkap.people.request import ClinicRequest
from openkap.people.types import CLINICIANS, Role
from openkap.web.in_hand import alerts_in_hand
from openkap.web.today import items
from openkap.web.today.lists import lists


@staff()
def day(request: ClinicRequest) -> HttpResponse:
    """What this person should look at first."""
    principal, now = request.principal, timezone.localtime()
    urgent, found = items.alerts(alerts_in_hand(request)), lists(principal, now)
    request.disclosed.update(items.people_in(urgent), found.shown)
    context = {
        "now": now,
        "items": [*urgent, *found.todo[: items.MOST]],
        "more": max(len(found.todo) - items.MOST, 0),
        "decisions": len(urgent) + len(found.todo),
        "found": found,
        "with_people": principal.has(*CLINICIANS, Role.COORDINATOR),
        "no_pages": principal.roles <= {Role.BILLING, Role.RESEARCHER},
    }
    return render(request, "today/day.html", context)
