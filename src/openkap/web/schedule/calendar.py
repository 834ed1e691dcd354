"""The calendar by person, room and patient; links to it; what a patient sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from openkap.dose.selectors_calendar import unlinked
from openkap.people.models import Patient, Site
from openkap.people.policy import about_patient, public, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import contact_of, visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.plan.library import statement
from openkap.schedule import (
    selectors,
    selectors_single,
    services_booking,
    services_contact,
    services_feeds,
    services_group,
)
from openkap.schedule.assemble import House
from openkap.schedule.models import PERSON, ROOM, WAITS, Appointment, Resource
from openkap.web.schedule.shown import LETTERS
from openkap.web.schedule.tell import past_of, to_tell
from openkap.web.schedule.views import watchers

arrangers = about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION, once=False)
BY = ("person", "room", "patient")
LEAST = timedelta(minutes=30)  # a shorter time is not shown as free
MONTH = 31  # days back: an integration belongs to a dose of the last days


@dataclass(frozen=True)
class Line:
    """An appointment in the calendar of one person, room or patient."""

    at: str
    until: str
    letter: str
    style: str
    title: str
    who: str
    where: str
    url: str = ""
    free: bool = False


@watchers
def day(request: ClinicRequest) -> HttpResponse:
    """A day or a week, by person, by room or by patient."""
    site = Site.objects.get(pk=request.principal.site_id)
    zone = ZoneInfo(site.zone)
    by = request.GET.get("by") if request.GET.get("by") in BY else "person"
    on = _date(request.GET.get("day", "")) or timezone.now().astimezone(zone).date()
    week = request.GET.get("span") == "week"
    first = on - timedelta(days=on.weekday()) if week else on
    days = [first + timedelta(days=n) for n in range(7 if week else 1)]
    begins = datetime.combine(first, time(0), tzinfo=zone)
    rows = list(selectors.appointments(site.pk, begins, datetime.combine(days[-1], time(23, 59), tzinfo=zone)))
    visible = {one.pk: one for one in visible_patients(request.principal, Purpose.ADMINISTRATION)}
    disclose(request, [visible[row.patient_id] for row in rows if row.patient_id in visible])
    table = _table(str(by), rows, days, zone, visible, list(selectors.resources(site.pk)))
    arranges = request.principal.has(Role.COORDINATOR, *CLINICIANS)
    if arranges and by == "person" and not week:
        _add_free(table, site, on, zone)
    step = timedelta(days=7 if week else 1)
    context = {
        "by": by,
        "on": on,
        "week": week,
        "days": days,
        "table": table,
        "before": first - step,
        "after": first + step,
        "arranges": arranges,
        "tabs": [("person", _("by person")), ("room", _("by room")), ("patient", _("by patient"))],
    }
    return render(request, "schedule/day.html", context)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _table(
    by: str,
    rows: list[Appointment],
    days: list[date],
    zone: ZoneInfo,
    visible: dict[Any, Patient],
    resources: list[Resource],
) -> list[tuple[str, str, list[list[Line]]]]:
    """A row for each person, room or patient: name, what it is, lines by day."""
    found: dict[Any, tuple[str, str, list[list[Line]]]] = {}
    for one in resources:
        if one.what == {"person": PERSON, "room": ROOM}.get(by):
            found[one.pk] = (one.name, one.sort if one.what == PERSON else "", [[] for _day in days])
    for row in rows:
        number = (row.starts_at.astimezone(zone).date() - days[0]).days
        if not 0 <= number < len(days):
            continue
        if by == "person":
            for work in row.work.all():
                if work.resource_id in found:
                    line = _line(row, work.starts_at, work.ends_at, zone, visible)
                    found[work.resource_id][2][number].append(line)
        elif by == "room":
            if row.room_id in found:
                found[row.room_id][2][number].append(_line(row, row.starts_at, row.ends_at, zone, visible))
        elif row.patient_id in visible:
            who = visible[row.patient_id]
            name = f"{who.given} {who.family}".strip()
            entry = found.setdefault(row.patient_id, (name, "", [[] for _day in days]))
            entry[2][number].append(_line(row, row.starts_at, row.ends_at, zone, {}, people=True))
    return sorted(found.values(), key=lambda one: (one[1], one[0])) if by != "room" else list(found.values())


def _add_free(table: list[tuple[str, str, list[list[Line]]]], site: Site, on: date, zone: ZoneInfo) -> None:
    """When each person is on duty and free from now on, with the way to fill it."""
    rows = {row.name: row.pk for row in selectors.resources(site.pk, PERSON)}
    free = selectors_single.free_times(site, on, timezone.now(), LEAST)
    for name, _sort, cells in table:
        for begins, ends in free.get(rows.get(name, 0), ()):
            query = urlencode({"from": begins.isoformat(), "until": ends.isoformat(), "who": rows[name]})
            at, until = (f"{one.astimezone(zone):%H:%M}" for one in (begins, ends))
            url = f"{reverse('retreat:fill')}?{query}"
            cells[0].append(Line(at, until, "", "M", _("free"), "", "", url, free=True))
        cells[0].sort(key=lambda line: line.at)


def _line(
    row: Appointment,
    begins: datetime,
    ends: datetime,
    zone: ZoneInfo,
    visible: dict[Any, Patient],
    *,
    people: bool = False,
) -> Line:
    letter, style = LETTERS.get(row.kind, ("?", "M"))
    if people:
        who = ", ".join(work.resource.name for work in row.work.all())
    elif row.patient_id is None:
        who = ""
    else:
        one = visible.get(row.patient_id)
        who = f"{one.given} {one.family}".strip() if one else _("a guest who is not in your care")
    room = row.room or (row.within.room if row.within else None)
    hidden = not people and row.patient_id is not None and row.patient_id not in visible
    title = _("Session") if hidden else row.title
    mine = row.patient_id is not None and not hidden
    return Line(
        f"{begins.astimezone(zone):%H:%M}",
        f"{ends.astimezone(zone):%H:%M}",
        "" if hidden else letter,
        style if not hidden else "M",
        title,
        who,
        room.name if room else "",
        reverse("retreat:one", args=[row.patient_id, row.pk]) if mine else "",
    )


# -- what is to be done -----------------------------------------------------------------------------------


@staff(Role.COORDINATOR, *CLINICIANS)
def due(request: ClinicRequest) -> HttpResponse:
    """Whom to remind of tomorrow, and what of signed plans is not booked: overdue first."""
    visible = {
        one.pk: one for one in visible_patients(request.principal, Purpose.ADMINISTRATION).select_related("site")
    }
    site = Site.objects.get(pk=request.principal.site_id)
    now = timezone.now()
    if request.method == "POST":
        asked, day = _uuid(request.POST.get("patient", "")), _date(request.POST.get("day", ""))
        patient = visible.get(asked) if asked is not None else None
        if patient is None or day is None:
            raise Http404
        services_booking.told(request.principal, patient, day, origin=origin_of(request))
        return HttpResponseRedirect(reverse("retreat:due"))
    open_ = selectors_single.due(visible, now)
    unheld = [one for one in selectors_single.unheld(site, now) if one.row.patient_id in visible]
    lacking = [one for one in unlinked(site.pk, now - timedelta(days=MONTH)) if one.dose.patient_id in visible]
    shown = {one.patient.pk for one in open_} | {one.row.patient_id for one in unheld}
    shown |= {one.dose.patient_id for one in lacking}
    disclose(request, [visible[pk] for pk in shown if pk is not None])
    context = to_tell(request, site, visible) | {
        "open": open_,
        "unheld": unheld,
        "lacking": lacking,
        "waiting": selectors_single.waiting(site.pk).filter(patient__in=list(visible)).count(),
        "hours": int(statement("RETREAT-REMIND").number("hours")),
    }
    return render(request, "schedule/due.html", context)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# -- links ------------------------------------------------------------------------------------------------


@staff(Role.COORDINATOR, *CLINICIANS, once=False)
def feed(request: ClinicRequest) -> HttpResponse:
    """The link to one's own work: make it, take it back. It is shown once."""
    address = ""
    if request.method == "POST":
        address = _made(request, None)
    rows = services_feeds.feeds_of(request.principal)
    return render(request, "schedule/feed.html", {"rows": rows, "address": address})


def _made(request: ClinicRequest, patient: Patient | None) -> str:
    """The address of a new link; empty where links were ended."""
    if request.POST.get("act") == "end":
        services_feeds.end_feeds(request.principal, patient=patient, origin=origin_of(request))
        return ""
    _row, token = services_feeds.make_feed(request.principal, patient=patient, origin=origin_of(request))
    return request.build_absolute_uri(reverse("retreat:ics", args=[token]))


@public()
def ics(request: ClinicRequest, token: str) -> HttpResponse:
    """
    A calendar for another program. Hours only; whoever has the link learns when, and not about whom or what.

    Raises:
        Http404: the link is not one of ours, or has ended.
    """
    row = services_feeds.feed_of(token)
    if row is None:
        raise Http404
    response = HttpResponse(services_feeds.calendar(row), content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, no-store"
    return response


# -- one patient ------------------------------------------------------------------------------------------


@arrangers
def appointments(request: ClinicRequest) -> HttpResponse:
    """What somebody is booked for, with what it was before, and the link for their own calendar."""
    address = _made(request, request.patient) if request.method == "POST" else ""
    rows = list(selectors.appointments_of(request.patient.pk, timezone.now() - timedelta(days=1)))
    booked = _uuid(request.GET.get("booked", ""))
    context = {
        "patient": request.patient,
        "booked": next((row for row in rows if row.pk == booked), None),
        "waits": list(selectors_single.waiting_of(request.patient).filter(state=WAITS)),
        "rows": [(row, selectors.history_of(row)) for row in rows],
        "feeds": services_feeds.feeds_of(request.principal, request.patient),
        "address": address,
        "choice": services_contact.choice_of(request.patient),
        "past": past_of(request.patient, 3),
    }
    return render(request, "schedule/appointments.html", context)


@about_patient(Role.PATIENT, purpose=Purpose.OWN)
def my_programme(request: ClinicRequest) -> HttpResponse:
    """A patient's own days: when, with whom, where, when to eat before a dose, what to bring. Nobody else is named."""
    zone = ZoneInfo(request.patient.site.zone)
    by_day: dict[date, list[dict[str, Any]]] = {}
    stays: dict[date, House] = {}
    rows = list(selectors.appointments_of(request.patient.pk, timezone.now() - timedelta(hours=12)))
    beside = services_group.companions(request.patient, {row.within_id for row in rows if row.within_id})
    for row in rows:
        room = row.room or (row.within.room if row.within else None)
        house = selectors.house_of(row.retreat) if row.retreat else None
        entry = {
            "at": row.starts_at.astimezone(zone),
            "until": row.ends_at.astimezone(zone),
            "title": row.title,
            "dose": row.kind == "dose",
            "call": row.kind == "check-in",
            "people": [work.resource.name for work in row.work.all()],
            "room": room.name if room else "",
            "food": _food(row, zone),
            "beside": beside.get(row.within_id, []) if row.within_id else [],
            "rest": (row.ends_at + timedelta(minutes=house.rest_min)).astimezone(zone) if house else None,
        }
        day = row.starts_at.astimezone(zone).date()
        by_day.setdefault(day, []).append(entry)
        if house is not None:
            stays[day] = house
    for day, house in stays.items():
        _add_lunch(by_day[day], day, house, zone)
    doses = any(one.get("dose") for day in by_day.values() for one in day)
    context = {
        "given": request.patient.given,
        "past": past_of(request.patient, 3),
        "choice": services_contact.choice_of(request.patient),
        "days": list(by_day.items()),
        "bring": [statement(name).text for name in ("PREP-SETTING", "PREP-BODY", "PREP-DRIVER", "PREP-EVENING")]
        if doses
        else [],
        "contact": contact_of(request.patient.site),
    }
    return render(request, "schedule/mine.html", context)


def _add_lunch(entries: list[dict[str, Any]], day: date, house: House, zone: ZoneInfo) -> None:
    """Lunch in its place; not on a day on which it would lie between the last meal before a dose and its rest."""
    begins, ends = (datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone) for minute in house.lunch)
    for one in entries:  # lunch is not among them yet
        if one["food"] and one["food"]["solids"] < ends and begins < one["rest"]:
            return
    entries.append({"at": begins, "until": ends, "title": _("Lunch")})
    entries.sort(key=lambda one: one["at"])


def _food(row: Appointment, zone: ZoneInfo) -> dict[str, datetime] | None:
    """Until when one may eat and drink before a dose (PREP-FOOD); None where the rule says nothing of its route."""
    if row.kind != "dose":
        return None
    rule = statement("PREP-FOOD")
    begins = row.starts_at.astimezone(zone)
    if row.route == "nasal":
        solids = timedelta(hours=float(rule.number("nasal_solids_h")))
        fluids = timedelta(minutes=float(rule.number("nasal_fluids_min")))
    elif row.route in ("iv", "im", "sc"):
        solids = timedelta(hours=float(rule.number("solids_h")))
        fluids = timedelta(hours=float(rule.number("fluids_h")))
    else:
        return None
    return {"solids": begins - solids, "fluids": begins - fluids}
