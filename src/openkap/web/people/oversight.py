"""What a privacy lead looks at: the audit trail, whether its chain is whole, who looked at whom, emergencies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from openkap.people import audit
from openkap.people.audit import Event
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.selectors_oversight import (
    Asked,
    accounts_of,
    emergencies_of,
    event_types,
    events_of,
    looks_at,
    unreviewed_emergencies,
)
from openkap.people.selectors_unusual import WEEK, last_week, monday_of, reviews_of, week_of
from openkap.people.services_emergency import review_emergency
from openkap.people.services_unusual import sign_off
from openkap.people.types import Purpose, Role
from openkap.people.unusual import Mark, lines
from openkap.web.people.forms import NoteForm, RecordForm, TrailForm, WeekForm
from openkap.web.people.tried import answer

lead = staff(Role.PRIVACY_LEAD)
PAGE = 100


@lead
def trail(request: ClinicRequest) -> HttpResponse:
    """Events, newest first; a record is found by its number."""
    number = RecordForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if number.is_valid():
            seen = visible_patients(request.principal, Purpose.OVERSIGHT)
            found = seen.filter(record_number=number.cleaned_data["record_number"].strip()).first()
            if found is not None:
                return HttpResponseRedirect(reverse("people:looked", args=[found.pk]))
            number.add_error("record_number", _("No record of this site has this number: check it."))
    people = [(str(user.pk), user.name) for user in accounts_of(request.principal)]
    form = TrailForm(request.GET or None, people=people, types=event_types(request.principal))
    said = form.cleaned_data if form.is_valid() else {}
    asked = Asked(**{name: said[name] for name in _ASKED if said.get(name)})
    events = events_of(request.principal, asked)
    if said.get("before"):
        events = events.filter(sequence__lt=said["before"])
    rows = list(events[: PAGE + 1])
    _note(request, "shown")
    query = request.GET.copy()
    if len(rows) > PAGE:
        query["before"] = str(rows[PAGE - 1].sequence)
    context = {
        "form": form if form.is_bound else TrailForm(people=people, types=event_types(request.principal)),
        "number": number,
        "events": rows[:PAGE],
        "more": query.urlencode() if len(rows) > PAGE else "",
        "waiting": unreviewed_emergencies(request.principal).count(),
    }
    return render(request, "people/trail.html", context, status=status)


_ASKED = ("user", "patient", "type", "outcome", "first", "last")


@lead
def check(request: ClinicRequest) -> HttpResponse:
    """Whether the chain of events is as it was written, and as the checkpoints saw it."""
    site_id = request.principal.site_id
    folder = settings.ENVIRONMENT.checkpoints
    points = audit.kept_checkpoints(folder, site_id) if folder else []
    context = {"faults": audit.faults(site_id, points), "points": points, "kept": folder is not None}
    _note(request, "checked")
    return render(request, "people/check.html", context)


@about_patient(Role.PRIVACY_LEAD, purpose=Purpose.OVERSIGHT)
def looked(request: ClinicRequest) -> HttpResponse:
    """Who opened or changed this record."""
    return render(request, "people/looked.html", {"looks": looks_at(request.patient)[:500]})


@lead
def emergencies(request: ClinicRequest) -> HttpResponse:
    """Every emergency access; those that nobody has looked at stand first."""
    found = list(emergencies_of(request.principal)[:500])
    disclose(request, [access.patient for access in found])
    waiting = [access for access in found if not hasattr(access, "review")]
    seen = [access for access in found if hasattr(access, "review")]
    return render(request, "people/emergencies.html", {"waiting": waiting, "seen": seen})


@lead
def review(request: ClinicRequest, access_id: UUID) -> HttpResponse:
    """Say what came of one."""
    access = get_object_or_404(emergencies_of(request.principal), pk=access_id)
    disclose(request, [access.patient])
    form = NoteForm(request.POST or None)

    def act() -> HttpResponse:
        review_emergency(request.principal, access, note=form.cleaned_data["note"], origin=origin_of(request))
        return HttpResponseRedirect(reverse("people:emergencies"))

    return answer(request, "people/review.html", form, act, {"access": access})


@staff(Role.PRIVACY_LEAD, Role.SITE_ADMIN)
def unusual(request: ClinicRequest) -> HttpResponse:
    """Whose access of a week somebody should ask about; signed off by name."""
    principal = request.principal
    latest = last_week(principal)
    chosen = WeekForm(request.GET or None)
    monday = monday_of(chosen.cleaned_data["week"]) if chosen.is_valid() else latest
    week = week_of(principal, monday)
    form = NoteForm(request.POST or None)

    def act() -> HttpResponse:
        sign_off(principal, monday, note=form.cleaned_data["note"], origin=origin_of(request))
        return HttpResponseRedirect(f"{reverse('people:unusual')}?week={monday.isoformat()}")

    context = {
        "week": week,
        "mine": principal.user_id in {person.user.pk for person in week.people},
        "rows": [(person, [told(mark) for mark in person.marks]) for person in week.people],
        "lines": lines(),
        "reviews": reviews_of(principal),
        "before": monday - WEEK,
        "after": monday + WEEK if monday < latest else None,
        "reads_trail": principal.has(Role.PRIVACY_LEAD),
    }
    return answer(request, "people/unusual.html", form, act, context)


def told(mark: Mark) -> Told:
    """A mark in words."""
    n = mark.records
    words = {
        "emergency": ngettext("opened %d record as an emergency", "opened %d records as an emergency", n),
        "outside": ngettext(
            "opened %d record of a person not in their care", "opened %d records of people not in their care", n
        ),
        "nobody": ngettext(
            "named nobody in %d try of an emergency access", "named nobody in %d tries of an emergency access", n
        ),
        "refused": ngettext("asked for %d record that was not shown", "asked %d times for records not shown", n),
        "many": ngettext("opened %d record within an hour", "opened %d records within an hour", n),
        "hours": ngettext("opened %d record out of hours", "opened %d records out of hours", n),
    }
    shape = "hold" if mark.kind in ("emergency", "outside", "nobody") else "caution"
    return Told(shape, words[mark.kind] % n, mark.first, mark.last)


@dataclass(frozen=True)
class Told:
    """Shape, words and times of one reason to be on the list."""

    shape: str
    words: str
    first: datetime
    last: datetime


def _note(request: ClinicRequest, what: str) -> None:
    """Reading the trail is an event too: one, not one for each patient that it names by number."""
    event = Event("audit-trail", "R", purpose=Purpose.OVERSIGHT, entity="AuditEvent", reason=what)
    audit.record(request.principal.site_id, [event], principal=request.principal, origin=origin_of(request))
