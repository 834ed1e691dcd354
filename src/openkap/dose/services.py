"""
The only writers of watched sessions. Each act is one transaction: the session is held, brought up to date, stepped;
the event is written with all that follows from it, audited, and told to every screen once it is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from openkap.chart.selectors import version_of
from openkap.dose import events as e
from openkap.dose import live, store
from openkap.dose.alerts import awaits
from openkap.dose.effects import carry_out
from openkap.dose.floor import Floor, duty_for, floor_of, open_rows, staff_of
from openkap.dose.gate import gate, judged
from openkap.dose.known import clock_off_s, harm_of, holds_due, known_of, plan_fault
from openkap.dose.models import Chair, DosingSession, SessionEvent
from openkap.dose.models_message import Message
from openkap.dose.needs import shut_by
from openkap.dose.selectors_calendar import lines
from openkap.dose.services_filing import file_readings
from openkap.dose.services_posting import hold_site
from openkap.dose.services_state import project
from openkap.dose.services_stock import move_drug
from openkap.dose.session import Session
from openkap.dose.steps import step
from openkap.dose.types import (
    ENDED,
    DoseDay,
    Effect,
    Entry,
    Judged,
    Phase,
    Refused,
    Staff,
    Stamp,
)
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.together import together
from openkap.people.types import Principal, Purpose, Role
from openkap.schedule import services as plans
from openkap.schedule import services_booking
from openkap.schedule.models import BOOKED
from openkap.schedule.services_booking import Booker
from openkap.screen.services import holding

log = logging.getLogger("openkap.dose")
EventOf = Callable[[Staff, Session, Stamp], e.Event]
JudgeOf = Callable[[Patient, date], DoseDay]
SYSTEM = Staff("system", "OpenKAP", Role.SYSTEM)
# What rests on who is on the floor asks anew; for the rest the heartbeat has told it seconds ago.
DUTY_BEFORE = (e.PassGate, e.Start, e.TakeWatch, e.Emergency)
UNJUDGED = "The screening is not judged anew at this door: open the gate of the session and do it there."
JUDGED_BEFORE = (e.PassGate, e.Start)  # what rests on the screening: it is judged anew where the chart has moved


class Busy(Exception):
    """A session is held by another transaction."""


@dataclass(frozen=True, slots=True)
class Acted:
    """
    What came of an act.

    Args:
        session: after it, or as it was; sequence: of its newest event.
        effects: what has to be shown and told; refused: why nothing was written; repeated: it was done before.
    """

    session: Session
    sequence: int
    effects: tuple[Effect, ...] = ()
    refused: Refused | None = None
    repeated: bool = False


# -- acts ------------------------------------------------------------------------------------------------


def act(
    principal: Principal,
    row: DosingSession,
    event_of: EventOf,
    *,
    judge_of: JudgeOf | None = None,
    device_at: datetime | None = None,
    by: Staff | None = None,
    origin: Origin | None = None,
) -> Acted:
    """
    One event by a person. A repeat of an event that was accepted (same key, same words) changes nothing.

    Args:
        row: visible to the principal. event_of: makes the event from who acts, the session as it is, and now.
        by: who acts, where the principal has no role of their own: the sealed envelope.
        judge_of: what the chart says of a patient on a day; without it an event that rests on the screening is refused.

    Returns:
        What came of it; a refusal is a value.

    Raises:
        UserError: the drug ledger refuses what the event would move; nothing was written.
    """
    acts = partial(_act, principal, row, event_of, judge_of, device_at, by or staff_of(principal), origin)
    try:
        return acts(ends=False)
    except _Ends:
        return acts(ends=True)


class _Ends(Exception):
    """The event ends the session, and its calendar is not held yet: it is held before the session, as by who books."""


def _act(
    principal: Principal,
    row: DosingSession,
    event_of: EventOf,
    judge_of: JudgeOf | None,
    device_at: datetime | None,
    by: Staff,
    origin: Origin | None,
    *,
    ends: bool,
) -> Acted:
    with together():
        if ends:
            services_booking.hold(row.site_id)
        held = hold_session(row.pk)
        session, last = store.replayed(held)
        at = store.stamp(held, last, device_at)
        written = _Written(held, session, last)
        event = event_of(by, store.now(session, at), at)
        if (first := next((x for x in session.log if x.event.key == event.key), None)) is None:
            event, why = _asked_before(principal, written, event, at, judge_of, origin)
            if why is not None:
                return Acted(session, held.sequence, refused=why)
        before = written.session
        effects = written.step(event, at)
        over = written.session.phase in ENDED and session.phase not in ENDED and held.appointment is not None
        if over and not ends:
            raise _Ends
        refused = next((one.data for one in effects if one.kind == "refused"), None)
        if refused is not None and session.phase is Phase.READY and before.phase is Phase.GATE:
            refused = shut_by(gate(before, at))  # judged anew a moment ago, which shut the gate: that is the reason
        repeated = first is not None or any(one.kind in ("repeated", "given-before") for one in effects)
        if refused is None and not repeated:
            if type(event) is e.Arrive:
                _tell_duty(written, at)
                _add_holds(written, at)
            move_drug(principal, held, before, written.session, event, origin)
            if type(event) is e.Correct and before.judged is not None:  # what the chart has does not stand there either
                with holding(held.patient):
                    file_readings(principal, held, written.session, origin)
        written.commit()
        if over:
            _give_back(principal, held, origin)
        if refused is None and not repeated:  # last: the trail of a site is one chain, which others wait for
            audited(principal, held, "U", type(event).__name__, origin)
        return Acted(written.session, held.sequence, effects, refused, repeated and refused is None)


def _asked_before(
    principal: Principal, written: _Written, event: e.Event, at: Stamp, judge_of: JudgeOf | None, origin: Origin | None
) -> tuple[e.Event, Refused | None]:
    """What an event rests on is looked up before it; the event with what it is to know, or why it cannot be."""
    held = written.row
    if isinstance(event, e.Arrive | e.Judge):
        event = replace(event, known=known_of(held))
    if isinstance(event, e.Arrive) and (why := _no_room(held, at)) is not None:
        return event, why
    if type(event) in DUTY_BEFORE:
        chart = holding(held.patient) if type(event) in JUDGED_BEFORE else nullcontext()
        with chart:  # held before the site, as by whoever writes in a chart
            hold_site(held.site_id)  # two do not begin to watch at once
        _tell_duty(written, at)
    if type(event) in JUDGED_BEFORE:
        if judge_of is None:
            return event, Refused("HAZ-21", UNJUDGED)
        _add_holds(written, at)
        _judge_anew(principal, written, at, judge_of, origin)
    return event, None


def _give_back(principal: Principal, row: DosingSession, origin: Origin | None) -> None:
    """What a session that is over held in the calendar: a cancelled one all of it, another one what is left of it."""
    booked = row.appointment
    if booked is None or booked.state != BOOKED:
        return
    if row.phase == Phase.CANCELLED.value and booked.retreat is not None:
        plans.left_out(principal, booked, reason="in the dosing room", origin=origin)
    elif row.phase == Phase.CANCELLED.value:
        Booker(principal, row.site, None, "cancelled in the dosing room", origin).drop([booked])
    else:
        services_booking.hand_back(booked, timezone.now())


def judge_now(
    principal: Principal, row: DosingSession, judge_of: JudgeOf, *, key: str, origin: Origin | None = None
) -> Acted:
    """
    Judge the screening of the dose day anew, from the chart as it stands now with the readings of before the dose.
    """

    def event(by: Staff, session: Session, now: Stamp) -> e.Event:
        found = _judged_now(principal, row, session, now, judge_of, origin)
        return e.Judge(key=key, patient=session.patient, by=by, judged=found)

    return act(principal, row, event, origin=origin)


def received(principal: Principal, row: DosingSession, sequence: int, device: str = "") -> bool:
    """
    A screen of this person says by itself that it shows a session as of an entry; whether an alert waited for that.

    It is the word of a machine and no act of a person, so it stands in the log of the session and not in the audit
    trail, and no alert is acknowledged by it.

    Args:
        row: of the principal's site, with `patient` and `site`. device: the screen; a trial waits for its own alone.
    """

    def waiting(session: Session) -> list[str]:
        mine = [a for a in session.open_alerts() if a.since_n <= sequence and a.acknowledged is None]
        found = [alert.id for alert in mine if awaits(session, alert, by.id)]
        trial = session.trial
        if trial is not None and trial.shown_s is None and trial.n <= sequence:
            found += [trial.id] if (trial.by.id, trial.device) == (by.id, device) else []
        return found

    by = staff_of(principal)
    if not waiting(store.replayed(row)[0]):
        return False
    with together():
        held = hold_session(row.pk)
        session, last = store.replayed(held)
        at = store.stamp(held, last)
        written = _Written(held, session, last)
        for alert in waiting(session):
            written.step(e.Receipt(key=f"receipt-{uuid4()}", patient=session.patient, by=by, alert=alert), at)
        written.commit()
    return True


def messaged(message: Message, state: Any, fault: str) -> None:
    """What became of a message to a phone stands in the session. Part of another transaction."""
    held = hold_session(message.session_id)
    session, last = store.replayed(held)
    at = store.stamp(held, last)
    written = _Written(held, session, last)
    said = {"alert": message.alert, "ring": message.ring, "phone": message.phone, "state": state, "fault": fault}
    written.step(_system(e.MessageOut, session, **said), at)
    written.commit()


def hold_next(row: DosingSession, origin: Origin | None = None) -> None:
    """Put on an open session every hold that its patient's unreviewed events ask for. Part of another transaction."""
    held = hold_session(row.pk)
    session, last = store.replayed(held)
    if session.phase in ENDED or session.phase is Phase.BOOKED:
        return  # a booked one gets them when the patient arrives
    written = _Written(held, session, last)
    _add_holds(written, store.stamp(held, last))
    written.commit()


# -- time ------------------------------------------------------------------------------------------------


def beat(row: DosingSession, floor: Floor) -> bool:
    """
    What time alone does to a session: late checks, steps of alerts, who can be reached. Written only where something
    changed; whether it did.

    Raises:
        Busy: somebody else writes to it just now: it is not waited for, the other sessions are looked at.
    """
    session, last = store.replayed(row)
    at = store.stamp(row, last)
    if not _moves(session, at, floor):
        return False
    with together():
        held = _locking(skip_locked=True).filter(pk=row.pk).first()
        if held is None:
            raise Busy
        session, last = store.replayed(held)
        at = store.stamp(held, last)
        written = _Written(held, session, last)
        _tell_duty(written, at, floor)
        written.step(_system(e.Beat, session), at)
        written.commit()
    return True


def beat_all() -> int:
    """
    `beat` for every session in the house, at every site.

    Returns:
        How many could not be looked at: a session that is at fault keeps no other from its alerts.

    Raises:
        OperationalError, InterfaceError: the database is away.
    """
    rows = DosingSession.objects.filter(ended_at=None).exclude(phase=Phase.BOOKED.value)
    by_site: dict[UUID, list[DosingSession]] = {}
    for row in rows.select_related("patient", "site"):
        by_site.setdefault(row.site_id, []).append(row)
    missed = 0
    for site_id, here in by_site.items():
        for row in here:
            try:
                beat(row, floor_of(site_id))
            except Busy:
                missed += 1
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                log.exception("beat.failed")
                missed += 1
    return missed


def _moves(session: Session, at: Stamp, floor: Floor) -> bool:
    if duty_for(floor, session) != session.duty:
        return True
    event = _system(e.Beat, session)
    after, _ = step(session, event, at)
    return len(after.log) > len(session.log)


# -- one transaction -------------------------------------------------------------------------------------


class _Written:
    """The events of one transaction and what follows from them."""

    def __init__(self, row: DosingSession, session: Session, last: SessionEvent | None):
        self.row, self.session, self.last = row, session, last
        self.before = session

    def step(self, event: e.Event, at: Stamp) -> tuple[Effect, ...]:
        """Step the session; an accepted event is written, with what it asks for outside."""
        at = replace(at, elapsed_s=max(at.elapsed_s, self.session.now_s))
        after, effects = step(self.session, event, at)
        if len(after.log) > len(self.session.log):
            self.last = self._keep(after.log[-1])
            self.session = after
            carry_out(self.row, after, effects, after.log[-1])
        return effects

    def commit(self) -> None:
        """Bring what is read off the events up to date; tell every screen after the commit."""
        if self.session is self.before or self.last is None:
            return
        project(self.row, self.before, self.session, self.last)
        pk, session, last = self.row.pk, self.session, self.last
        transaction.on_commit(lambda: store.keep(pk, session, last))
        live.wake(self.row.site_id, pk, last.sequence)

    def _keep(self, entry: Entry) -> SessionEvent:
        boot, monotonic_s = store.anchor(self.row, self.last, entry.stamp.elapsed_s)
        self.row.sequence += 1
        by = entry.event.by
        return SessionEvent.objects.create(
            session=self.row,
            site_id=self.row.site_id,
            sequence=self.row.sequence,
            key=entry.event.key,
            kind=type(entry.event).__name__,
            document=store.written(entry.event),
            elapsed_s=entry.stamp.elapsed_s,
            at=entry.stamp.at,
            day=entry.stamp.day,
            device_at=entry.stamp.device_at,
            unsure_s=entry.stamp.unsure_s,
            sure_from_s=entry.stamp.sure_from_s,
            boot=boot,
            monotonic_s=monotonic_s,
            before=entry.before.value,
            after=entry.after.value,
            by_id=None if by.role is Role.SYSTEM else UUID(by.id),
        )


def hold_session(pk: UUID) -> DosingSession:
    """A session, held until the transaction is over; whoever holds the calendar too holds that first."""
    return _locking().get(pk=pk)


def _locking(*, skip_locked: bool = False) -> QuerySet[DosingSession]:
    rows = DosingSession.objects.select_related("patient", "site", "appointment__retreat", "appointment__room")
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)


def _system(kind: type[e.Event], session: Session, **fields: Any) -> e.Event:
    return kind(key=f"system-{uuid4()}", patient=session.patient, by=SYSTEM, **fields)


def _tell_duty(written: _Written, at: Stamp, floor: Floor | None = None) -> None:
    """Who can be reached, where that has changed."""
    session = written.session
    if session.phase in ENDED or session.phase is Phase.BOOKED:
        return
    duty = duty_for(floor or floor_of(written.row.site_id), session)
    if duty != session.duty:
        written.step(_system(e.DutyNow, session, duty=duty), at)


def _judge_anew(principal: Principal, written: _Written, at: Stamp, judge_of: JudgeOf, origin: Origin | None) -> None:
    """
    Judge again, so that nothing is given on what stood before (HAZ-21): the chart, a decision about a finding, or the
    content may have changed. The values of before the dose are filed first: the screening reads them in the chart.
    """
    session, row = written.session, written.row
    if session.judged is None:
        return
    found = _judged_now(principal, row, store.now(session, at), at, judge_of, origin)
    changed = found != session.judged or session.read_since or harm_of(row.patient, row.day, row) != session.harm
    if changed:
        written.step(_system(e.Judge, session, judged=found, known=known_of(row)), at)


def _judged_now(
    principal: Principal, row: DosingSession, session: Session, at: Stamp, judge_of: JudgeOf, origin: Origin | None
) -> Judged:
    """The dose day from the chart as it stands, with the readings of before the dose; the plan the session is of."""
    file_readings(principal, row, session, origin)
    with holding(row.patient):
        version = version_of(row.patient)
        return judged(
            judge_of(row.patient, at.day),
            at.day,
            session.patient,
            version,
            plan_fault=plan_fault(row.patient, row.plan_session),
            clock_off_s=clock_off_s(row),
            calendar=lines(row),
        )


def _add_holds(written: _Written, at: Stamp) -> None:
    there = {hold.id for hold in written.session.held}  # one that was lifted holds again when its event was reopened
    for hold in holds_due(written.row):
        if hold.id not in there:
            written.step(_system(e.AddHold, written.session, hold=hold), at)


def _no_room(row: DosingSession, at: Stamp) -> Refused | None:
    """Why the patient cannot be received: booked for another day, in another chair, or somebody else is in this one."""
    if at.day != row.day:
        return Refused("DAY", f"This session is booked for {row.day.isoformat()}: book one for today.")
    Patient.objects.select_for_update(no_key=True).get(pk=row.patient_id)  # two do not come at one moment
    if row.chair_id is not None:
        Chair.objects.select_for_update(no_key=True).get(pk=row.chair_id)
    others = open_rows(row.site_id).exclude(pk=row.pk)
    if others.filter(patient=row.patient_id).exists():
        return Refused("HAZ-01", "This person is in another open session: end that one first.")
    if row.chair is not None and taken(row, row.chair):
        return Refused("CHAIR", f"{row.chair.name} is taken: choose another chair for this session.")
    return None


def taken(row: DosingSession, chair: Chair) -> bool:
    """Whether somebody else is in a chair."""
    return open_rows(row.site_id).exclude(pk=row.pk).filter(chair=chair).exists()


def audited(principal: Principal, row: DosingSession, action: audit.Action, reason: str, origin: Origin | None) -> None:
    """Keep what was done with a session in the audit trail."""
    event = Event(
        "dosing",
        action,
        patient_id=row.patient_id,
        purpose=Purpose.TREATMENT,
        entity=f"DosingSession/{row.pk}",
        entity_version=row.sequence,
        reason=reason,
    )
    audit.record(row.site_id, [event], principal=principal, origin=origin)
