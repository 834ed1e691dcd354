"""
The only writers of single appointments: book, move, give to others, cancel. What is booked has passed every rule under
the lock of the calendar (`fit.why_not`), beside what `services_booking` asks itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, UserError
from openkap.kernel.site import Site as Content
from openkap.people.audit import Origin
from openkap.people.models import Patient
from openkap.people.types import Principal
from openkap.schedule import fit, needs, selectors_single, services, services_waiting
from openkap.schedule.assemble import House
from openkap.schedule.due import waits_for
from openkap.schedule.fit import Frame, Guest, Need, Place
from openkap.schedule.hours import QUARTER_S
from openkap.schedule.models import Appointment, Waiting
from openkap.schedule.needs import Ask
from openkap.schedule.place import why_not
from openkap.schedule.selectors_single import Planned
from openkap.schedule.services_booking import Booker, Part, Wanted, hold, live, may_book

DAYS_AFTER = selectors_single.DAYS
NO_PLAN = "The plan of this person is not signed: have it signed first."


def house() -> House:
    """How single appointments are held: the numbers of the content, and a therapist who stays for the whole dose."""
    return services.house(services.Wish(name="", start=timezone.localdate(), days=1))


def wanted(
    ask: Ask, patient: Patient, content: Content | None, plan: Planned | None, now: datetime
) -> tuple[Need, bool]:
    """
    What is to be booked, and whether it is late: then its window is over, and only what is not over yet binds.

    Raises:
        UserError: there is no signed plan, or no such session; what must come before is not booked; a dose is late.
    """
    if ask.session and plan is None:
        raise UserError(NO_PLAN)
    need = selectors_single.need_of(ask, plan, house(), services.apart_h(content))
    if need is None:
        raise UserError("session: it is none of the signed plan, and no kind of session: choose one that is listed.")
    if plan is not None and ask.session:
        before = waits_for(plan.document["programme"]["sessions"], ask.session, plan.begins)
        if before:
            raise UserError(f"{need.title} waits for {', '.join(before)}: book that first.")
    late = need.latest is not None and need.latest < now
    if not late:
        return need, False
    if need.kind == "dose":
        raise UserError(f"The window of {need.title} is over: a prescriber must change the plan first.")
    open_ = selectors_single.need_of(ask, plan, house(), services.apart_h(content), now)
    assert open_ is not None
    return open_, True


@transaction.atomic
def book(
    principal: Principal,
    patient: Patient,
    ask: Ask,
    place: Place,
    *,
    reason: str = "",
    entry: Waiting | None = None,
    content: Content | None = None,
    stopped: Callable[[Patient], str] = lambda patient: "",
    origin: Origin | None = None,
) -> Appointment:
    """
    Book one appointment; a dose together with its calls and integrations. Who waited for it waits no more.

    Args:
        reason: why it is booked so; must be given where its window is over. entry: of the waiting list, which it fills.
        stopped: a sentence where nothing may be booked of this plan now, such as one that needs review (HAZ-22).

    Raises:
        Forbidden: by someone who may not. UserError: it cannot be booked. Conflict: the place is not free any more.
    """
    may_book(principal)
    hold(patient.site_id)
    now, why = timezone.now(), reason.strip()
    plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
    if ask.session and plan is not None and ask.session in plan.begins:
        raise Conflict("It is booked already: look at this person's appointments.")
    if entry is not None and not Waiting.objects.filter(pk=entry.pk, state="waits").exists():
        raise Conflict("This person waits for it no more: look at the waiting list as it is now.")
    need, late = wanted(ask, patient, content, plan, now)
    if late and not why:
        raise UserError(f"reason: the window of {need.title} is over; say why it is booked after it.")
    if ask.session and (no := stopped(patient)):
        raise UserError(no)
    frame, guest = _around(patient, place, need, now)
    if no := why_not(frame, guest, need, place):
        raise Conflict(no)
    together = [(need, place)]
    if need.kind == "dose":
        assert plan is not None
        bound = needs.bound_to(ask.session, plan.document, house(), plan.begins)
        together, lacking = fit.chain(fit.Search(frame), guest, need, place, bound)
        if lacking:
            raise Conflict(
                f"{need.title} is booked with {lacking}, and there is no time for that: choose another time."
            )
    told = f"{'booked after its window' if late else 'booked'}{f': {why}' if why else ''}"
    booker = Booker(principal, patient.site, None, told, origin)
    made = booker.take([_wanted(patient, ask, one, where) for one, where in together])
    row = next(one for one in made if one.starts_at == place.starts_at and one.kind == need.kind)
    for one in made:
        services_waiting.filled(principal, one, _ask(one), entry if one.pk == row.pk else None, origin=origin)
    return row


@transaction.atomic
def move(
    principal: Principal,
    row: Appointment,
    place: Place,
    *,
    reason: str = "",
    content: Content | None = None,
    origin: Origin | None = None,
) -> Appointment:
    """
    Move an appointment, or give it to others; it stays as it was if that cannot be.

    Raises:
        as `book`; Conflict: it belongs to a retreat, whose board moves it.
    """
    may_book(principal)
    hold(row.site_id)
    row = live(row)
    if row.retreat is not None or row.patient is None:
        raise Conflict("It belongs to a retreat: move it on the board of the retreat.")
    need, late = need_to_move(row, content)
    now = timezone.now()
    if row.starts_at <= now:
        raise UserError("It has begun already: cancel it, and book another one.")
    if late and not reason.strip():
        raise UserError(f"reason: the window of {need.title} is over; say why it is moved after it.")
    frame, guest = _around(row.patient, place, need, now, row.pk)
    if no := why_not(frame, guest, need, place):
        raise Conflict(no)
    booker = Booker(principal, row.site, None, f"moved{f': {reason.strip()}' if reason.strip() else ''}", origin)
    booker.free([row])
    made = replace(_wanted(row.patient, _ask(row), need, place), activity=row.activity)
    return booker.take([made], {row.activity: row})[0]


def need_to_move(row: Appointment, content: Content | None) -> tuple[Need, bool]:
    """
    What an appointment needs that stands already, and whether its window is over.

    Where its plan is no more the newest that is signed, the kind, length and people are those of the newest.

    Raises:
        UserError: the newest plan has no such session.
    """
    assert row.patient is not None
    ask = _ask(row)
    plan = selectors_single.planned({row.patient.pk: row.patient}).get(row.patient.pk)
    return wanted(ask, row.patient, content, plan, timezone.now())


@transaction.atomic
def cancel(principal: Principal, row: Appointment, *, reason: str, origin: Origin | None = None) -> None:
    """
    Cancel an appointment, or say of one that is over that it did not take place: then its session is due again.

    One of a retreat leaves its published plan and its draft in the same transaction.

    Raises:
        Forbidden: by someone who may not. UserError: it was cancelled before, is a dose that is over, or no reason is
        given.
    """
    may_book(principal)
    if not reason.strip():
        raise UserError("reason: say why it is cancelled.")
    hold(row.site_id)
    row = live(row)
    if row.ends_at <= timezone.now() and row.kind == "dose":
        raise UserError("This dose is over: what became of it is said in the dosing room.")
    if row.retreat is not None:
        services.leave_out(principal, row, reason=reason.strip(), origin=origin)
    else:
        done = "did not take place" if row.ends_at <= timezone.now() else "cancelled"
        Booker(principal, row.site, None, f"{done}: {reason.strip()}", origin).drop([row])


def _ask(row: Appointment) -> Ask:
    return selectors_single.ask_of(row)


def _around(
    patient: Patient, place: Place, need: Need, now: datetime, without: UUID | None = None
) -> tuple[Frame, Guest]:
    """The calendar around a place, and the patient."""
    days = DAYS_AFTER if need.kind == "dose" else 1
    first, last = place.starts_at - timedelta(days=1), place.starts_at + timedelta(days=days)
    frame = selectors_single.frame(patient.site, first, last, house(), now, without)
    return frame, selectors_single.guests([patient.pk], house(), now, without)[patient.pk]


def _wanted(patient: Patient, ask: Ask, need: Need, place: Place) -> Wanted:
    activity = f"{needs.SINGLE}-{need.session}" if need.session else f"{ask.row}/{uuid4().hex[:12]}"
    return Wanted(
        activity=activity,
        kind=need.kind,
        title=need.title,
        starts_at=place.starts_at,
        ends_at=need.ends(place.starts_at),
        patient=patient.pk,
        room=place.room,
        work=tuple(
            Part(person, place.starts_at, place.starts_at + timedelta(minutes=wants.minutes))
            for person, wants in zip(place.people, need.people, strict=True)
        ),
        watched_by=need.watched_by,
        ratio=house().ratio if need.watched_by else 0,
        route=need.route,
    )


def quarter(at: datetime) -> datetime:
    """The next whole quarter of an hour."""
    return datetime.fromtimestamp(-(-int(at.timestamp()) // QUARTER_S) * QUARTER_S, at.tzinfo)
