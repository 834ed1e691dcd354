"""
Booking a dose: one way, whichever door. What the dosing room books is an appointment of the calendar; whatever dose the
calendar books, moves or cancels becomes, moves or ends a session here (`follow`), in the same transaction (ADR 0016).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import live, store
from openkap.dose.floor import staff_of
from openkap.dose.known import plan_fault
from openkap.dose.library import protocol
from openkap.dose.models import Chair, DosingSession
from openkap.dose.models_device import DeviceBinding
from openkap.dose.needs import right_person
from openkap.dose.selectors_calendar import live_session, too_near
from openkap.dose.selectors_ledger import content_now
from openkap.dose.services import act, audited, hold_session, taken
from openkap.dose.session import Session
from openkap.dose.types import Phase, Staff, Stamp
from openkap.kernel.clock import instant_of
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.site import Site as SiteContent
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import CLINICIANS, Principal, Role
from openkap.plan import selectors as plans
from openkap.plan.book import book_of
from openkap.plan.limits import limit_for
from openkap.plan.programme import dose_minutes
from openkap.plan.types import Drug
from openkap.schedule import selectors as calendars
from openkap.schedule import services_booking
from openkap.schedule.assemble import NURSE
from openkap.schedule.models import BOOKED, PERSON, Appointment
from openkap.schedule.needs import SINGLE, session_of
from openkap.schedule.services_booking import Booker, Wanted
from openkap.screen.types import Route


@transaction.atomic
def add_chair(principal: Principal | None, site_id: UUID, name: str, *, origin: Origin | None = None) -> Chair:
    """
    A place where somebody is treated, after those that are there. `principal` is None for a demonstration.

    Raises:
        Forbidden: by someone who is neither coordinator nor site admin. UserError: no name, or it is taken.
    """
    if principal is not None and not principal.has(Role.COORDINATOR, Role.SITE_ADMIN):
        raise Forbidden("Only a coordinator or a site admin adds a chair: ask one of them.")
    if not name.strip():
        raise UserError("name: the chair has no name; give it one, such as Bay 1.")
    if Chair.objects.filter(site=site_id, name=name.strip(), retired_at=None).exists():
        raise UserError(f"name: there is a chair {name.strip()} already; choose another name.")
    row = Chair.objects.create(site_id=site_id, name=name.strip(), place=Chair.objects.filter(site=site_id).count() + 1)
    audit.record(site_id, [Event("setting", "C", entity=f"Chair/{row.pk}")], principal=principal, origin=origin)
    return row


@transaction.atomic
def book(
    principal: Principal,
    patient: Patient,
    content: SiteContent,
    *,
    day: date,
    at: time,
    route: Route,
    drug: Drug,
    chair: Chair | None = None,
    plan_session: str = "",
    maintenance: bool | None = None,
    exception: str = "",
    origin: Origin | None = None,
) -> DosingSession:
    """
    Book a session: an appointment of the calendar, which holds patient, chair and a seat under the eyes of those who
    watch (ADR 0016); `follow` makes the session of it.

    Args:
        at: when the dose is to begin, by the clocks of the site. content: of the site.
        plan_session: id of the session in the signed plan, if it is one of it.
        maintenance: whether it is of a maintenance course; None where that is not known, and the gate asks.
        exception: why a prescriber books nearer to other doses than the interval allows; the gate holds it still.

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician.
        UserError: the drug is not given by this route, or the day is past.
        Conflict: the patient has an open session on that day; somebody or something is taken, or too few can watch.
    """
    if not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician books a session: ask one of them.")
    if exception and not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber books nearer to other doses than the interval allows: ask one of them.")
    limit = limit_for(route, drug)
    zone, site = store.zone_of(patient.site), patient.site
    if day < store.tick().at.astimezone(zone).date():
        raise UserError("day: this day is past; choose today or a later day.")
    starts_at = instant_of(datetime.combine(day, at), zone)
    room = calendars.room_named(site.pk, chair.name) if chair else None
    watched = calendars.resources(site.pk, PERSON).filter(sort=NURSE).exists()
    appointment = services_booking.book(
        principal,
        site,
        Wanted(
            activity=f"{SINGLE}-{plan_session}" if plan_session else f"dose/{uuid4().hex[:12]}",
            kind="dose",
            title=_title(patient, plan_session),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=dose_minutes(limit, book_of(content))),
            patient=patient.pk,
            room=room.pk if room else None,
            watched_by=NURSE if watched else "",
            ratio=calendars.ratio_of(None),
            route=route,
            details={
                "content": content,
                "route": route,
                "drug": drug,
                "chair": chair,
                "plan_session": plan_session,
                "maintenance": maintenance,
                "exception": exception,
            },
        ),
        reason=exception or "booked in the dosing room",
        origin=origin,
    )
    row = live_session(appointment)
    assert row is not None, "the dosing room is not told of what is booked"
    return row


def _title(patient: Patient, plan_session: str) -> str:
    plan = plans.newest(patient) if plan_session else None
    sessions = plans.document_of(plan)["programme"]["sessions"] if plan is not None else []
    return next((one["title"] for one in sessions if one["id"] == plan_session), "Dose")


def prepare(patients: Iterable[UUID]) -> None:
    """Hold the open sessions of these people, then the people: in the order in which an act at a chair holds them."""
    ids = list(patients)
    rows = DosingSession.objects.filter(patient__in=ids, ended_at=None).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))
    list(Patient.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def follow(booker: Booker, changed: Sequence[tuple[Wanted | None, Appointment]]) -> None:
    """
    The dosing room agrees with the calendar, whoever booked and by which door. Part of the transaction of the booking.

    Raises:
        Conflict: too near to other doses, already booked, or somebody has arrived for it.
        UserError: no signed plan says what is given.
    """
    doses = [(wanted, row) for wanted, row in changed if row.kind == "dose" and row.patient_id is not None]
    for wanted, row in doses:
        if wanted is None:
            with _named(booker, row):
                _called_off(booker, row)
    coming = [(row, live_session(row), wanted) for wanted, row in doses if wanted is not None]
    told = [(row, session, _said(wanted, row, session)) for row, session, wanted in coming]
    for row, session, _ in told:  # first, so that one may take the day of another that moves too
        if session is not None and session.day != _day(booker, row):
            with _named(booker, row):
                _leave_day(booker, session)
    for row, session, said in told:
        with _named(booker, row):
            _booked(booker, row, session, said)


@contextmanager
def _named(booker: Booker, row: Appointment) -> Iterator[None]:
    """A refusal names the guest and the day, where many are booked at once."""
    try:
        yield
    except UserError as why:
        if row.retreat_id is None:
            raise
        on, guest = _day(booker, row), row.activity.partition("-")[0]
        raise type(why)(f"{guest} on {on:%A} {on.day} {on:%B}: {why}") from None


def _day(booker: Booker, row: Appointment) -> date:
    return row.starts_at.astimezone(booker.zone).date()


def _called_off(booker: Booker, row: Appointment) -> None:
    session = live_session(row)
    if session is None or session.ended_at is not None:
        return
    if session.phase != Phase.BOOKED.value:
        raise Conflict("This person is here for it: cancel or end the session at the chair.")
    _cancel(booker, session, booker.reason)


def _leave_day(booker: Booker, session: DosingSession) -> None:
    """A session is of one day: one that moves to another is cancelled, without its appointment, and booked anew."""
    if session.phase != Phase.BOOKED.value:
        raise Conflict("Somebody has arrived for this dose: it is not moved to another day.")
    DosingSession.objects.filter(pk=session.pk).update(appointment=None)
    _cancel(booker, session, "moved in the calendar")


def _cancel(booker: Booker, session: DosingSession, reason: str) -> None:
    assert booker.principal is not None
    said = reason or "cancelled in the calendar"

    def event(by: Staff, of: Session, _: Stamp) -> e.Event:
        return e.Cancel(key=str(uuid4()), patient=of.patient, by=by, reason=said)

    done = act(booker.principal, session, event, origin=booker.origin)
    if done.refused is not None:
        raise Conflict(done.refused.text)


def _booked(booker: Booker, row: Appointment, session: DosingSession | None, said: Mapping[str, Any]) -> None:
    """A session for a dose that was booked, or moved."""
    assert row.patient is not None
    stays = session is not None and session.day == _day(booker, row)
    if session is not None and session.phase != Phase.BOOKED.value:
        return  # somebody has arrived: what is so at the chair stands
    if not stays and _day(booker, row) < store.tick().at.astimezone(booker.zone).date():
        return  # of a plan that is published late: nobody arrives for a day that is over
    if not stays:
        if fault := plan_fault(row.patient, said["plan_session"]):
            raise UserError(fault)
        _refuse_open(row, _day(booker, row), said["plan_session"])
    _refuse_near(row, said, session)
    chair: Chair | None = said["chair"]
    booker.hold_chair(row, chair.pk if chair else None, chair.name if chair else "")
    if session is not None and stays:
        DosingSession.objects.filter(pk=session.pk).update(chair=chair)
    else:
        _make(booker, row, _day(booker, row), said)


def _said(wanted: Wanted, row: Appointment, session: DosingSession | None) -> Mapping[str, Any]:
    """What is given, and in which chair: as the dosing room wants it, as the session has it, else by the plan."""
    if wanted.details:
        return wanted.details
    named = Chair.objects.filter(site=row.site_id, name=row.room.name, retired_at=None).first() if row.room else None
    if session is not None:
        kept = ("route", "drug", "plan_session", "maintenance")
        return {name: getattr(session, name) for name in kept} | {"chair": named if row.room else session.chair}
    assert row.patient is not None
    plan = plans.newest(row.patient)
    if plan is None or plans.signature_of(plan) is None or plans.withdrawal_of(plan) is not None:
        raise UserError("No signed plan says what this person is given: book the dose in the dosing room.")
    document = plans.document_of(plan)
    name = session_of(row.activity)
    known = name in {one["id"] for one in document["programme"]["sessions"]}
    given = {"route": document["regimen"]["route"], "drug": document["regimen"]["drug"], "chair": named}
    return given | {"plan_session": name if known else "", "maintenance": False}


def _refuse_open(row: Appointment, day: date, plan_session: str) -> None:
    """One open session to a person and a day, and one to a session of the plan."""
    assert row.patient_id is not None
    open_ = DosingSession.objects.filter(patient=row.patient_id, ended_at=None)
    if open_.filter(day=day).exists():
        raise Conflict("This person has an open session on that day: open that one, or cancel it.")
    if plan_session and open_.filter(plan_session=plan_session).exists():
        raise Conflict("This session of the plan is booked already: move that one, or cancel it.")


def _refuse_near(row: Appointment, said: Mapping[str, Any], session: DosingSession | None) -> None:
    """
    No dose nearer to others than the interval, or more of them than the rule offers, whoever books (HAZ-15).

    The prescriber's reason, where more are offered with one, stands under a signed plan; nearer needs one of its own.
    """
    assert row.patient_id is not None
    exception, planned = bool(said.get("exception")), bool(said["plan_session"])
    for one in too_near(row.patient_id, row.starts_at, said["route"], said["drug"], session):
        if one.level == "never":
            raise Conflict(f"{one.text} Choose a later day.")
        if not exception and (one.level == "interval" or not planned):
            raise Conflict(f"{one.text} Choose a later day, or a prescriber books it and writes why.")


def _make(booker: Booker, row: Appointment, day: date, said: Mapping[str, Any]) -> None:
    principal = booker.principal
    if principal is None:
        raise Forbidden("A dose is booked by somebody who is signed in.")
    patient = row.patient
    assert patient is not None
    content = said.get("content") or content_now()[0]
    clocks = store.tick()
    made = DosingSession.objects.create(
        patient=patient,
        site_id=patient.site_id,
        chair=said["chair"],
        day=day,
        route=said["route"],
        drug=said["drug"],
        plan_session=said["plan_session"],
        appointment=row,
        maintenance=said["maintenance"],
        protocol=store.keep_protocol(protocol(content, said["route"], said["drug"], day)),
        booked_at=clocks.at,
        booked_by_id=principal.user_id,
        boot=clocks.boot,
        monotonic_s=clocks.monotonic_s,
    )
    audited(principal, made, "C", "booked", booker.origin)
    live.wake(made.site_id, made.pk, 0)


@transaction.atomic
def place_in(
    principal: Principal,
    row: DosingSession,
    chair: Chair,
    *,
    name: str = "",
    born: date | None = None,
    origin: Origin | None = None,
) -> None:
    """
    The chair of a session. Once its patient sits in one, another is entered only with both identifiers as asked at the
    new chair; the log of the session says so (HAZ-05).

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician; of a patient in a chair, by a coordinator.
        UserError: the chair is not in use here, or name or birth date are not the patient's.
        Conflict: somebody else is in it, or the session is over.
    """
    if not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician chooses the chair: ask one of them.")
    if chair.site_id != row.site_id or chair.retired_at is not None:
        raise UserError("chair: this chair is not in use here; choose another one.")
    services_booking.hold(row.site_id)  # before the session, as by whoever books
    held = hold_session(row.pk)
    if held.ended_at is not None:
        raise Conflict("This session is over: its chair is not changed any more.")
    before = held.chair if moves(held) else None
    if before is not None:
        if not principal.has(*CLINICIANS):
            raise Forbidden(
                "The patient is in a chair: a clinician asks for both identifiers there and enters the move."
            )
        session, _last = store.replayed(held)
        asked = e.ConfirmPerson(
            key="", patient=session.patient, by=staff_of(principal), name=name, born=born or date.min
        )
        if (why := right_person(session, asked, None)) is not None:
            raise UserError(why.text)
    Chair.objects.select_for_update(no_key=True).get(pk=chair.pk)
    if taken(held, chair):
        raise Conflict(f"{chair.name} is taken: choose another chair.")
    _hold_place(principal, held, chair, origin)
    held.chair = chair
    held.save(update_fields=["chair"])
    if before is None or before.pk != chair.pk:
        # ended here and not only worked out: who comes back to the first chair was not asked for anything there
        over = DeviceBinding.objects.filter(session=held, ended_at=None)
        over.update(ended_at=timezone.now(), ended_how="the patient sits in another chair")
    if before is not None and before.pk != chair.pk:
        said = f"Moved from {before.name} to {chair.name}; name and birth date asked there."
        done = act(principal, held, lambda by, of, _: e.Note(key=str(uuid4()), patient=of.patient, by=by, text=said))
        if done.refused is not None:
            raise Conflict(done.refused.text)
    audited(principal, held, "U", f"chair {chair.pk}", origin)
    live.wake(held.site_id, held.pk, held.sequence)


def _hold_place(principal: Principal, row: DosingSession, chair: Chair, origin: Origin | None) -> None:
    """
    The calendar holds the chair that is chosen. Where a patient is here the chair at hand is taken whatever is booked
    into it later: whom that leaves without one, `rest_of_day` names.

    Raises:
        Conflict: it is booked for somebody else, and nobody has arrived yet.
    """
    if row.appointment is None or row.appointment.state != BOOKED:
        return
    booker = Booker(principal, row.site, row.appointment.retreat, f"chair: {chair.name}", origin)
    room = calendars.room_named(row.site_id, chair.name)
    try:
        with transaction.atomic():
            booker.hold_chair(row.appointment, chair.pk, chair.name)
            booker.rehouse(row.appointment, room.pk if room else None)
    except Conflict:
        if row.phase == Phase.BOOKED.value:
            raise


def moves(row: DosingSession) -> bool:
    """True if another chair moves a patient who sits in one."""
    return row.phase != Phase.BOOKED.value and row.chair_id is not None and row.ended_at is None
