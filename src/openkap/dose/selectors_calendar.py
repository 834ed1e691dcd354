"""
What the calendar says of a dosing session: whether its integration is booked inside the window, whether the rest of the
day still has a chair and a watcher for it, and which other doses of the person lie around an hour.

Source: INT-1, INT-4, WATCH-DAY, DOS-FREQ-1, DOS-FREQ-2; hazards 15, 50, 55
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from openkap.dose import day, store
from openkap.dose.gate import DAY, LINK
from openkap.dose.models import DosingSession, Given
from openkap.dose.selectors_ledger import content_now
from openkap.dose.types import Finding, Phase
from openkap.kernel.truth import Truth
from openkap.plan import selectors as plans
from openkap.plan.book import book_of
from openkap.plan.library import statement
from openkap.plan.limits import FrequencyFinding, frequency, limit_for
from openkap.plan.types import Drug
from openkap.schedule.due import Link, link_of
from openkap.schedule.models import BOOKED, PERSON, Appointment
from openkap.schedule.needs import session_of
from openkap.schedule.selectors import on_duty, ratio_of, resources
from openkap.screen.types import Route

INTEGRATION = "integration"


# -- the dose and its integration session ------------------------------------------------------------------


@dataclass(frozen=True)
class Linked:
    """
    The integration session of a dose.

    Args:
        session: its id in the plan; empty: any integration of the person counts. first, last: when it may begin.
        booked: it, if it is booked inside that window.
    """

    dose: DosingSession
    session: str
    first: datetime
    last: datetime
    booked: Appointment | None


def linked(rows: Iterable[DosingSession]) -> list[Linked]:
    """
    The integration session of each of these doses, in a few queries whatever their number.

    A dose counts from when it was given, before that from when it is booked.

    Args:
        rows: with `appointment`; those without one are left out.
    """
    doses = [row for row in rows if row.appointment is not None]
    if not doses:
        return []
    patients = {row.patient_id for row in doses}
    there: dict[UUID, list[Appointment]] = {}
    for one in Appointment.objects.filter(patient__in=patients, kind=INTEGRATION, state=BOOKED).order_by("starts_at"):
        there.setdefault(cast(UUID, one.patient_id), []).append(one)
    sessions = {pk: plans.document_of(row)["programme"]["sessions"] for pk, row in plans.newest_of(patients).items()}
    rule = statement("INT-1")
    otherwise = Link("", int(rule.number("first_min_h")), int(rule.number("first_max_h")))
    found = []
    for row in doses:
        assert row.appointment is not None
        link = otherwise
        if row.plan_session:
            link = link_of(sessions.get(row.patient_id, ()), row.plan_session, otherwise)
        at = row.began_at or row.appointment.starts_at
        first, last = at + timedelta(hours=link.min_h), at + timedelta(hours=link.max_h)
        inside = [one for one in there.get(row.patient_id, ()) if first <= one.starts_at <= last]
        mine = (one for one in inside if not link.session or session_of(one.activity) == link.session)
        found.append(Linked(row, link.session, first, last, next(mine, None)))
    return found


def unlinked(site_id: UUID, since: datetime) -> list[Linked]:
    """Doses of a site, to come or given, whose integration is not booked and may still be, the earliest first."""
    rows = DosingSession.objects.filter(site=site_id, appointment__state=BOOKED, appointment__starts_at__gte=since)
    rows = rows.exclude(phase=Phase.CANCELLED.value).exclude(began_at=None, ended_at__isnull=False)
    now = timezone.now()
    found = linked(rows.select_related("patient__site", "appointment"))
    return sorted((one for one in found if one.booked is None and one.last > now), key=lambda one: one.last)


# -- the lines of the gate ---------------------------------------------------------------------------------


def lines(row: DosingSession) -> tuple[Finding, ...]:
    """What the calendar says at the gate of a session: of its integration, of the one before, of the day."""
    if row.appointment is None:
        text = "This session holds no hours in the calendar, so its integration and its watch are not known there."
        return (Finding(DAY, Truth.UNKNOWN, text, "Book it anew.", decidable=True),)
    return (*_links(row), *_day(row))


def _links(row: DosingSession) -> Iterator[Finding]:
    before = DosingSession.objects.filter(patient=row.patient_id, began_at__isnull=False).exclude(pk=row.pk)
    last = before.select_related("appointment", "site").order_by("-began_at").first()
    for one in linked([row, *([last] if last is not None else [])]):
        if one.booked is not None:
            continue
        zone = store.zone_of(row.site)
        first, until = (at.astimezone(zone) for at in (one.first, one.last))
        window = f"between {first:%A} {first.day} {first:%B}, {first:%H:%M} and {until:%A} {until.day} {until:%B}, "
        window += f"{until:%H:%M}"
        if one.dose.pk == row.pk:
            text = f"No integration session is booked {window}."
        else:
            text = f"After the dose of {one.dose.day.isoformat()} no integration session stands {window}."
        yield Finding(LINK, Truth.FALSE, text, "Book it in the calendar.", decidable=True)


def _day(row: DosingSession) -> Iterator[Finding]:
    mine = next((one for one, who in rest_of_day(row.site_id) if who.pk == row.pk), None)
    if mine is None:
        return
    zone = store.zone_of(row.site)
    if mine.lacks == "chair" and mine.until is not None:
        text = f"Its chair is not free: the session before is expected there until {mine.until.astimezone(zone):%H:%M}."
        yield Finding(DAY, Truth.FALSE, text, "Choose another chair, or wait.")
        return
    text = f"From {mine.at.astimezone(zone):%H:%M} on those on duty cannot watch this session too."
    remedy = "A coordinator enters in the calendar who else is on duty, or the session is moved."
    yield Finding(DAY, Truth.FALSE, text, remedy)


# -- the rest of the day -----------------------------------------------------------------------------------


def rest_of_day(site_id: UUID, now: datetime | None = None) -> list[tuple[day.Stranded, DosingSession]]:
    """Sessions of today that would stand without a chair or a watcher as things stand now, in order of time."""
    now = now or timezone.now()
    soon = now + timedelta(hours=24)
    rows = DosingSession.objects.filter(site=site_id, ended_at=None, appointment__isnull=False)
    rows = rows.filter(~Q(phase=Phase.BOOKED.value) | Q(appointment__ends_at__gt=now, appointment__starts_at__lt=soon))
    there = {
        str(row.pk): row
        for row in rows.select_related("patient", "site", "appointment__room", "appointment__retreat", "chair")
    }
    today = {key: row for key, row in there.items() if _is_of_today(row, now)}
    if not today:
        return []
    late = timedelta(minutes=int(content_now()[1].statement(DAY).numbers["late_min"]))
    sittings = [_sitting(row) for row in today.values()]
    roles = {row.appointment.watched_by for row in today.values() if row.appointment is not None} - {""}
    people = [one.pk for one in resources(site_id, PERSON).filter(sort__in=roles)] if roles else []
    first = min(one.starts_at for one in sittings)
    watchers = list(on_duty(people, min(first, now), soon + timedelta(hours=24)).values())
    return [(one, today[one.id]) for one in day.stranded(sittings, watchers, now, late)]


def _is_of_today(row: DosingSession, now: datetime) -> bool:
    return row.phase != Phase.BOOKED.value or row.day == now.astimezone(store.zone_of(row.site)).date()


def _sitting(row: DosingSession) -> day.Sitting:
    booked = row.appointment
    assert booked is not None
    return day.Sitting(
        id=str(row.pk),
        starts_at=booked.starts_at,
        ends_at=booked.ends_at,
        here=row.phase != Phase.BOOKED.value,
        began_at=row.began_at,
        chair=row.chair_id,
        turnover=timedelta(minutes=booked.room.turnover_min) if booked.room else timedelta(),
        ratio=ratio_of(booked.retreat) if booked.watched_by else 0,
    )


# -- other doses of the person -----------------------------------------------------------------------------


def too_near(
    patient_id: UUID, starts_at: datetime, route: Route, drug: Drug, but: DosingSession | None = None
) -> list[FrequencyFinding]:
    """
    What a dose at this hour would break of DOS-FREQ, with the doses that were given and those that are booked; what
    they break without it is past or known.

    Args:
        but: a session that this dose takes the place of.
    """
    book = book_of(content_now()[0])
    given = Given.objects.filter(patient=patient_id, parenteral=True)
    booked = DosingSession.objects.filter(patient=patient_id, ended_at=None, began_at=None, appointment__state=BOOKED)
    if but is not None:
        given, booked = given.exclude(session=but), booked.exclude(pk=but.pk)
    times = list(given.values_list("started_at", flat=True))
    for at, by, what in booked.values_list("appointment__starts_at", "route", "drug"):
        if limit_for(cast(Route, by), cast(Drug, what), book).parenteral:
            times.append(at)
    before = set(frequency(times, route, drug, book))
    return [one for one in frequency([*times, starts_at], route, drug, book) if one not in before]


def live_session(appointment: Appointment) -> DosingSession | None:
    """The session that an appointment is held for; a cancelled one is none."""
    rows = DosingSession.objects.filter(appointment=appointment).exclude(phase=Phase.CANCELLED.value)
    return rows.select_related("patient", "site", "chair", "appointment").first()
