"""Making a retreat; people, rooms and hours that every retreat draws on."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from openkap.kernel.errors import EXIT, UserError
from openkap.people.models import Membership, Patient, Site, User
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.plan import selectors as plans
from openkap.plan.library import modalities, statement
from openkap.schedule import selectors, services, services_house
from openkap.schedule.models import PERSON, ROOM
from openkap.web.schedule.forms import DutyForm, PersonForm, RetreatForm, RoomForm
from openkap.web.schedule.views import planners


@planners
def new(request: ClinicRequest) -> HttpResponse:
    """A retreat of people whose plan is signed."""
    patients = _signed(request)
    form = RetreatForm(request.POST or None, patients=patients, initial={"ratio": int(_ratio())})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                site = Site.objects.get(pk=request.principal.site_id)
                made = services.open_retreat(request.principal, site, form.wish, form.chosen, origin=origin_of(request))
                return HttpResponseRedirect(reverse("retreat:board", args=[made.pk]))
            except UserError as why:
                form.add_error(None, str(why))
                status = EXIT[why.code][1]
    context = {"form": form, "anybody": bool(patients), "ratio": int(_ratio())}
    return render(request, "schedule/new.html", context, status=status)


def _ratio() -> int:
    return int(statement("RETREAT-WATCH").number("most"))


def _signed(request: ClinicRequest) -> list[Patient]:
    """Those in reach whose newest plan is signed and stands."""
    patients = list(visible_patients(request.principal, Purpose.ADMINISTRATION).order_by("family", "given"))
    standing = plans.standings(patients)
    found = [one for one in patients if (plan := standing.get(one.pk)) and plan.signed and not plan.draft]
    disclose(request, found)
    return found


@staff(Role.COORDINATOR, Role.SITE_ADMIN)
def house(request: ClinicRequest) -> HttpResponse:
    """People, rooms, and when who is on duty."""
    site = Site.objects.get(pk=request.principal.site_id)
    people = list(selectors.resources(site.pk, PERSON))
    act = request.POST.get("act", "")
    users = User.objects.filter(
        pk__in=Membership.objects.filter(site=site, role__in=CLINICIANS, until=None).values("user"), is_active=True
    ).order_by("name")
    person = PersonForm(
        request.POST if act == "person" else None,
        users=list(users),
        modalities=[(row.id, row.title) for row in modalities().modality],
        auto_id="person_%s",
    )
    room = RoomForm(request.POST if act == "room" else None, auto_id="room_%s")
    duty = DutyForm(request.POST if act == "duty" else None, people=people, auto_id="duty_%s")
    status = 200
    form = {"person": person, "room": room, "duty": duty}.get(act)
    if request.method == "POST" and form is not None:
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                if act == "person":
                    services_house.add_person(
                        request.principal,
                        site,
                        name=said["name"],
                        role=said["role"],
                        user=person.users.get(said["user"]),
                        credentials=said["credentials"],
                        origin=origin_of(request),
                    )
                elif act == "room":
                    services_house.add_room(
                        request.principal,
                        site,
                        name=said["name"],
                        kind=said["kind"],
                        turnover=said["turnover"],
                        origin=origin_of(request),
                    )
                else:
                    services_house.add_duty(
                        request.principal,
                        duty.people[said["person"]],
                        first=said["first"],
                        last=said["last"],
                        weekdays=[int(day) for day in said["weekdays"]],
                        begins=said["begins"],
                        ends=said["ends"],
                        origin=origin_of(request),
                    )
                return HttpResponseRedirect(reverse("retreat:house"))
            except UserError as why:
                form.add_error(None, str(why))
                status = EXIT[why.code][1]
    there, titles = selectors.duties(people), {row.id: row.title for row in modalities().modality}
    now = timezone.now()
    context = {
        "people": [
            (
                row,
                [titles.get(one, one) for one in row.credentials],
                [span for span in there[row.pk] if span[1] > now][:3],
                sum(span[1] > now for span in there[row.pk]),
            )
            for row in people
        ],
        "rooms": list(selectors.resources(site.pk, ROOM)),
        "person": person,
        "room": room,
        "duty": duty,
        "wrong": form if status != 200 else None,
    }
    return render(request, "schedule/house.html", context, status=status)
