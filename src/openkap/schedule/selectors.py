"""Retreats, their plans and appointments as they may be read. Who asks is judged before; sites are told apart here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import QuerySet
from django.http import Http404

from openkap.people.types import Principal
from openkap.plan.library import statement
from openkap.plan.selectors import document_of
from openkap.schedule import assemble, hours
from openkap.schedule.assemble import House, Place, Worker
from openkap.schedule.beside import Hold
from openkap.schedule.models import (
    BOOKED,
    PERSON,
    ROOM,
    Absence,
    Appointment,
    AppointmentVersion,
    Duty,
    Guest,
    Publication,
    Resource,
    Retreat,
    Run,
    Version,
    Work,
)
from openkap.schedule.needs import session_of
from openkap.schedule.types import DAY, Instance, Plan, Span

Moments = list[tuple[datetime, datetime]]


def retreats(site_id: UUID) -> QuerySet[Retreat]:
    """Retreats of a site, the latest first."""
    return Retreat.objects.filter(site=site_id).order_by("-start", "name")


def retreat_or_404(principal: Principal, retreat_id: UUID) -> Retreat:
    """
    Raises:
        Http404: there is none at this person's site.
    """
    found = Retreat.objects.filter(site=principal.site_id, pk=retreat_id).select_related("site").first()
    if found is None:
        raise Http404
    return found


def resources(site_id: UUID, what: str | None = None) -> QuerySet[Resource]:
    """People and rooms in use at a site."""
    found = Resource.objects.filter(site=site_id, retired_at=None).order_by("what", "sort", "name")
    return found.filter(what=what) if what else found


def guests_of(retreat: Retreat) -> list[Guest]:
    """Who comes, by code."""
    return list(retreat.guests.select_related("patient__site", "programme", "therapist").order_by("code"))


def draft_of(retreat: Retreat) -> Version | None:
    """The newest version of a retreat's plan."""
    return retreat.versions.order_by("-number").first()


def published_of(retreat: Retreat) -> Version | None:
    """The version that was published last; its appointments are booked."""
    row = Publication.objects.filter(version__retreat=retreat).select_related("version").order_by("-pk").first()
    return row.version if row else None


def last_run(retreat: Retreat) -> Run | None:
    """The search that was asked for last."""
    return retreat.runs.order_by("-asked_at").first()


def run_or_404(retreat: Retreat, run_id: UUID) -> Run:
    """
    Raises:
        Http404: it is no search of this retreat.
    """
    found = retreat.runs.filter(pk=run_id).select_related("base", "absence__resource", "absence__patient").first()
    if found is None:
        raise Http404
    return found


def problem_of(version: Version) -> tuple[Instance, Plan]:
    """The planning problem and the plan of a version."""
    return decoded(version.instance), plan_of(version.plan)


def decoded(text: str) -> Instance:
    """A problem as it was kept."""
    return msgspec.json.decode(text, type=Instance)


def plan_of(text: str) -> Plan:
    """A plan as it was kept."""
    return msgspec.json.decode(text, type=Plan)


def house_of(retreat: Retreat) -> House:
    """How the retreat is run."""
    return msgspec.json.decode(retreat.house, type=House)


def room_named(site_id: UUID, name: str) -> Resource | None:
    """The room of the calendar that has this name."""
    return resources(site_id, ROOM).filter(name=name).first()


def ratio_of(retreat: Retreat | None) -> int:
    """How many one nurse watches: as the retreat is run, else RETREAT-WATCH."""
    return int(statement("RETREAT-WATCH").number("most")) if retreat is None else house_of(retreat).ratio


# -- making the problem -----------------------------------------------------------------------------------


def duties(people: Iterable[Resource]) -> dict[int, Moments]:
    """When each of these people is on duty."""
    found: dict[int, Moments] = defaultdict(list)
    for row in Duty.objects.filter(resource__in=list(people), ended_at=None).order_by("starts_at"):
        found[row.resource_id].append((row.starts_at, row.ends_at))
    return found


def on_duty(people: Iterable[int], first: datetime, last: datetime) -> dict[int, Moments]:
    """When each of these people is there between two instants: absences taken out, joined where one follows another."""
    ids = list(people)
    found: dict[int, Moments] = defaultdict(list)
    there = Duty.objects.filter(resource__in=ids, ended_at=None, ends_at__gt=first, starts_at__lt=last)
    for row in there.order_by("starts_at"):
        mine = found[row.resource_id]
        if mine and row.starts_at <= mine[-1][1]:
            mine[-1] = (mine[-1][0], max(mine[-1][1], row.ends_at))
        else:
            mine.append((row.starts_at, row.ends_at))
    for away in Absence.objects.filter(resource__in=ids, ends_at__gt=first, starts_at__lt=last):
        assert away.resource_id is not None
        found[away.resource_id] = [
            part
            for low, high in found[away.resource_id]
            for part in ((low, min(high, away.starts_at)), (max(low, away.ends_at), high))
            if part[0] < part[1]
        ]
    return found


def instance_of(retreat: Retreat) -> dict[str, Any]:
    """The problem of a retreat as its guests, people, rooms and absences stand now."""
    zone, house = ZoneInfo(retreat.site.zone), house_of(retreat)
    people = list(resources(retreat.site_id, PERSON))
    away, patients_away, no_dose = _absences(retreat, zone)
    there = duties(people)
    busy = _busy(retreat, zone)
    outside = booked_outside(retreat)
    workers = [
        Worker(
            code=f"S{row.pk}",
            role=row.sort,
            credentials=tuple(row.credentials),
            shifts=hours.without(
                _joined(hours.clipped(retreat.start, retreat.days, there[row.pk], zone)), away[row.pk]
            ),
            busy=busy[f"S{row.pk}"],
        )
        for row in people
    ]
    guests = [
        assemble.Guest(
            code=row.code,
            sessions=document_of(row.programme)["programme"]["sessions"],
            stay=(0, retreat.days * DAY),
            away=(*patients_away[row.patient_id], *busy[str(row.patient_id)]),
            therapist=f"S{row.therapist_id}" if row.therapist_id else None,
            no_dose=no_dose[row.patient_id],
            booked={name: hours.minute(retreat.start, at, zone) for name, at in outside[row.patient_id].items()},
        )
        for row in guests_of(retreat)
    ]
    places = [Place(f"R{row.pk}", row.sort, row.turnover_min) for row in resources(retreat.site_id, ROOM)]
    return assemble.instance(
        str(retreat.pk),
        retreat.start.isoformat(),
        retreat.days,
        house=house,
        guests=guests,
        workers=workers,
        places=places,
    )


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    found: list[Span] = []
    for low, high in spans:
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _absences(
    retreat: Retreat, zone: ZoneInfo
) -> tuple[dict[int, tuple[Span, ...]], dict[UUID, tuple[Span, ...]], dict[UUID, tuple[Span, ...]]]:
    staff: dict[int, tuple[Span, ...]] = defaultdict(tuple)
    away: dict[UUID, tuple[Span, ...]] = defaultdict(tuple)
    no_dose: dict[UUID, tuple[Span, ...]] = defaultdict(tuple)
    for row in Absence.objects.filter(site=retreat.site_id):
        spans = hours.clipped(retreat.start, retreat.days, [(row.starts_at, row.ends_at)], zone)
        if row.resource_id is not None:
            staff[row.resource_id] += spans
        elif row.patient_id is not None:
            (no_dose if row.kind == "no-dose" else away)[row.patient_id] += spans
    return staff, away, no_dose


def _busy(retreat: Retreat, zone: ZoneInfo) -> dict[str, tuple[Span, ...]]:
    """What people and guests are booked for beside this retreat."""
    found: dict[str, tuple[Span, ...]] = defaultdict(tuple)
    first = hours.instant(retreat.start, 0, zone)
    last = first + timedelta(days=retreat.days + 1)
    other = Appointment.objects.filter(site=retreat.site_id, state=BOOKED, ends_at__gt=first, starts_at__lt=last)
    other = other.exclude(retreat=retreat)
    for row in other:
        if row.patient_id is not None:
            found[str(row.patient_id)] += _quarters(retreat, row.starts_at, row.ends_at, zone)
    for work in Work.objects.filter(appointment__in=other):
        found[f"S{work.resource_id}"] += _quarters(retreat, work.starts_at, work.ends_at, zone)
    return found


def booked_outside(retreat: Retreat) -> dict[UUID, dict[str, datetime]]:
    """Starts of sessions of guests' plans that are booked alone, by patient and id: the retreat plans around them."""
    found: dict[UUID, dict[str, datetime]] = defaultdict(dict)
    rows = Appointment.objects.filter(patient__in=retreat.guests.values("patient"), retreat=None, state=BOOKED)
    for patient_id, activity, starts_at in rows.values_list("patient", "activity", "starts_at"):
        found[patient_id][session_of(activity)] = starts_at
    return found


def _quarters(retreat: Retreat, begins: datetime, ends: datetime, zone: ZoneInfo) -> tuple[Span, ...]:
    """Minutes of a retreat, widened to the quarters of an hour that a booking takes."""
    spans = hours.clipped(retreat.start, retreat.days, [(begins, ends)], zone)
    return tuple((low // 15 * 15, -(-high // 15) * 15) for low, high in spans)


def holds(retreat: Retreat) -> list[Hold]:
    """Rooms and places with those who watch that are booked for anything else in the days of a retreat."""
    zone = ZoneInfo(retreat.site.zone)
    first = hours.instant(retreat.start, 0, zone)
    other = Appointment.objects.filter(
        site=retreat.site_id, state=BOOKED, ends_at__gt=first, starts_at__lt=first + timedelta(days=retreat.days + 1)
    )
    return [
        Hold(low, high, f"R{row.room_id}" if row.room_id else None, row.watched_by)
        for row in other.exclude(retreat=retreat).order_by("starts_at", "pk")
        if row.room_id is not None or row.watched_by
        for low, high in hours.clipped(retreat.start, retreat.days, [(row.starts_at, row.ends_at)], zone)
    ]


# -- appointments -----------------------------------------------------------------------------------------


def appointments(site_id: UUID, first: datetime, last: datetime) -> QuerySet[Appointment]:
    """What is booked at a site between two instants, in order of time."""
    rows = Appointment.objects.filter(site=site_id, state=BOOKED, starts_at__lt=last, ends_at__gt=first)
    return (
        rows.select_related("patient", "room", "within__room").prefetch_related("work__resource").order_by("starts_at")
    )


def appointments_of(patient_id: UUID, since: datetime) -> QuerySet[Appointment]:
    """What somebody is booked for that is not over, in order of time."""
    rows = Appointment.objects.filter(patient=patient_id, state=BOOKED, ends_at__gt=since)
    return (
        rows.select_related("retreat", "room", "within__room").prefetch_related("work__resource").order_by("starts_at")
    )


def starts_of(patient_ids: Iterable[UUID]) -> dict[UUID, dict[str, datetime]]:
    """When each session of a plan is booked or was, by patient and its id in the plan."""
    found: dict[UUID, dict[str, datetime]] = defaultdict(dict)
    rows = Appointment.objects.filter(patient__in=list(patient_ids), state=BOOKED, within=None)
    for patient_id, activity, starts_at in rows.values_list("patient", "activity", "starts_at"):
        found[patient_id][session_of(activity)] = starts_at
    return found


def history_of(row: Appointment) -> list[AppointmentVersion]:
    """Every version of an appointment, the newest first."""
    return list(row.versions.select_related("by").order_by("-version"))


def last_day(retreat: Retreat) -> date:
    """The day on which a retreat ends."""
    return retreat.start + timedelta(days=retreat.days - 1)
