"""
The session as a pure step: (session, event, clock) gives (session, what is to be done).

`TABLE` is the state machine. An event that no row admits in this phase, or whose needs are not met, changes nothing and
says why. A person acts; nothing here gives a dose, stops one, or sends anybody home.

Source: docs/algorithms/dose.md; hazards 01, 14, 17, 18, 42, 43
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from openkap.dose import alerts, changes, needs
from openkap.dose import events as e
from openkap.dose.gate import gate, green
from openkap.dose.session import Session
from openkap.dose.types import ENDED, RUNNING, Effect, Entry, Phase, Refused, Stamp

P = Phase
IN_HOUSE = tuple(phase for phase in Phase if phase in RUNNING)
BEFORE = (P.ARRIVED, P.GATE, P.READY)
DRUG = (P.DOSING, P.PAUSED)
AFTER = (P.STOPPED, P.PEAK, P.RECOVERY)
OVER = tuple(phase for phase in Phase if phase in ENDED)


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of the table.

    Args:
        phases, event: where and what; to: the next phase, None to stay.
        needs: all must be met; change: what it makes of the session.
        when: the row speaks only if this holds; the first row that speaks decides.
    """

    phases: tuple[Phase, ...]
    event: type[e.Event]
    to: Phase | None
    needs: tuple[needs.Need, ...] = ()
    change: changes.Change = changes.nothing
    when: Callable[[Session, Any, Stamp], bool] | None = None


_GIVE = (needs.doser, needs.drug_in_hand, needs.gate_green)  # the gate asks for red alerts and holds too
_GO_ON = (needs.doser, needs.no_red, needs.consents)

TABLE: tuple[Row, ...] = (
    # arrival and gate
    Row((P.BOOKED,), e.Arrive, P.ARRIVED, (needs.clinician,), changes.arrived),
    Row((P.BOOKED,), e.Cancel, P.CANCELLED, (needs.reason,)),
    Row(BEFORE, e.Cancel, P.CANCELLED, (needs.clinician, needs.reason, needs.no_open_red), changes.cancelled),
    Row((P.ARRIVED,), e.OpenGate, P.GATE, (needs.clinician, needs.identified)),
    Row((P.GATE,), e.PassGate, P.READY, (needs.doser, needs.gate_green)),
    Row((P.READY,), e.AddHold, P.GATE, (), changes.hold),
    Row((P.READY,), e.SignOrder, P.GATE, (needs.prescriber, needs.order_stands), changes.order),
    # the dose
    Row((P.READY, P.PEAK), e.Start, P.DOSING, _GIVE, changes.start, needs.takes_time),
    Row((P.READY, P.PEAK), e.Start, P.PEAK, _GIVE, changes.start_at_once),
    Row((P.DOSING,), e.Pause, P.PAUSED, (needs.clinician, needs.reason, needs.not_overtaken), changes.pause),
    Row((P.PAUSED,), e.Resume, P.DOSING, (*_GO_ON, needs.none_late, needs.not_overtaken), changes.resume),
    Row(DRUG, e.Stop, P.STOPPED, (needs.doser, needs.reason, needs.part_given), changes.stop),
    Row((P.DOSING,), e.Finish, P.PEAK, (needs.doser, needs.lozenge_told, needs.all_used), changes.finish),
    Row((P.STOPPED, P.PEAK), e.Recover, P.RECOVERY, (needs.clinician, needs.not_overtaken)),
    # the end
    Row((P.RECOVERY,), e.Discharge, P.DISCHARGED, (needs.doser, needs.may_go), changes.gone_home),
    Row(AFTER, e.Leave, P.LEFT_EARLY, (needs.doser, needs.reason, needs.agreed), changes.left),
    Row(
        (*BEFORE, *AFTER, P.ESCALATED),
        e.Transfer,
        P.TRANSFERRED,
        (needs.doser, needs.reason, needs.taken_over, needs.none_running),
        changes.handed_over,
    ),
    # an emergency
    Row((*BEFORE, *DRUG, *AFTER), e.Emergency, P.ESCALATED, (), changes.emergency),
    Row((P.ESCALATED,), e.Stop, None, (needs.doser, needs.reason, needs.part_given), changes.stop),
    Row(
        (P.ESCALATED,),
        e.EmergencyOver,
        P.RECOVERY,
        (needs.prescriber, needs.reason, needs.none_running, needs.not_overtaken),
        changes.emergency_over,
        needs.dosed,
    ),
    Row(
        (P.ESCALATED,),
        e.EmergencyOver,
        P.ARRIVED,
        (needs.prescriber, needs.reason, needs.not_overtaken),
        changes.emergency_over,
    ),
    # what changes no phase
    Row((P.ARRIVED, P.READY, P.PEAK), e.ConfirmPerson, None, (needs.clinician, needs.right_person), changes.confirmed),
    Row((*BEFORE, P.PEAK), e.Judge, None, (needs.judged_here,), changes.judge),
    Row(
        IN_HOUSE,
        e.Answer,
        None,
        (needs.clinician, needs.known_question, needs.limits_read, needs.screen_tried),
        changes.answer,
    ),
    Row((*BEFORE, P.PEAK), e.Decide, None, (needs.reason, needs.may_decide), changes.decide),
    Row((P.BOOKED, *IN_HOUSE), e.AddHold, None, (), changes.hold),
    Row((P.BOOKED, *IN_HOUSE), e.LiftHold, None, (needs.prescriber, needs.reason, needs.held_there), changes.lift),
    Row(
        (P.BOOKED, P.ARRIVED, P.GATE, P.PEAK), e.SignOrder, None, (needs.prescriber, needs.order_stands), changes.order
    ),
    Row((P.READY, P.PEAK), e.DrawUp, None, (needs.doser, needs.drawn_for_order), changes.draw),
    Row((P.READY, P.PEAK), e.CheckDraw, None, (needs.doser, needs.second_check), changes.check_draw),
    Row((P.DOSING,), e.SetRate, None, (*_GO_ON, needs.rate_makes_sense), changes.rate),
    Row((P.DOSING,), e.UseDevice, None, (*_GO_ON, needs.devices_apart), changes.device),
    Row(IN_HOUSE, e.OfferWatch, None, (needs.observer,), changes.offer),
    Row(IN_HOUSE, e.TakeWatch, None, (needs.clinician, needs.offered, needs.free_to_watch), changes.take),
    Row((P.BOOKED, *IN_HOUSE), e.DutyNow, None, (), changes.duty),
    Row(IN_HOUSE, e.Read, None, (needs.clinician, needs.plausible), changes.read),
    Row(IN_HOUSE, e.Correct, None, (needs.clinician, needs.reason, needs.correctable), changes.correct),
    Row(IN_HOUSE, e.SetMark, None, (needs.clinician, needs.known_mark), changes.mark),
    Row((*IN_HOUSE, *OVER), e.Untoward, None, (needs.clinician,), changes.untoward),
    Row(tuple(Phase), e.Note, None, (needs.clinician,)),
    Row(IN_HOUSE, e.Acknowledge, None, (needs.clinician, needs.open_alert), changes.acknowledge),
    Row(IN_HOUSE, e.Receipt, None, (needs.addressed,), changes.receive),
    Row(IN_HOUSE, e.TryScreen, None, (needs.clinician,), changes.try_screen),
    Row(IN_HOUSE, e.MessageOut, None, (), changes.messaged),
    Row(IN_HOUSE, e.Silence, None, (needs.clinician, needs.open_alert), changes.silence),
    Row(IN_HOUSE, e.Settle, None, (needs.clinician, needs.reason, needs.may_settle), changes.settle),
    Row(IN_HOUSE, e.SetLimit, None, (needs.prescriber, needs.reason, needs.limit_may_change), changes.limit),
    Row(IN_HOUSE, e.Beat, None),
    # what comes in after the end is kept
    Row(OVER, e.Read, None, (needs.clinician, needs.plausible, needs.before_the_end), changes.read_after),
    Row(OVER, e.Correct, None, (needs.clinician, needs.reason, needs.correctable), changes.correct_after),
    Row(OVER, e.SetMark, None, (needs.clinician, needs.known_mark), changes.mark_after),
)


def step(session: Session, event: e.Event, clock: Stamp) -> tuple[Session, tuple[Effect, ...]]:
    """
    One event.

    Args:
        session: as it is; event: what a person or the heartbeat brings; clock: when the server has it.

    Returns:
        The session after it, and what is to be done. A refused event leaves the session as it was, with one effect
        `refused`; a repeated one with `repeated` and the first entry; a dose charted before with `given-before`.
    """
    if event.patient != session.patient:
        return session, (_refuse("HAZ-01", "This session is another patient's: nothing was written."),)
    if (first := _entry(session, event.key)) is not None:
        return session, (_repeat(first, event),)
    if (given := _given(session, event)) is not None:
        return session, (Effect("given-before", given),)
    now = _forward(session, clock)
    if event.happened_s is not None and not 0 <= event.happened_s <= now.elapsed_s:
        return session, (_refuse("HAZ-37", "It did not happen in this session: check the device's clock."),)
    here = replace(session, clock=now)
    row = _row(here, event, now)
    if isinstance(row, Refused):
        return session, (Effect("refused", row),)
    for need in row.needs:
        if (why := need(here, event, now)) is not None:
            return session, (Effect("refused", why),)
    after, told = _done(here, row, event, now)
    if type(event) is e.Beat and after == here:
        return after, told  # nothing happened but time
    return replace(after, log=(*session.log, Entry(event, now, session.phase, after.phase))), told


def again(session: Session, entry: Entry) -> Session:
    """
    What an accepted event made of the session, from its entry. It was judged when it came in and is not judged anew:
    a record is never lost because a rule has changed since.
    """
    here = replace(session, clock=entry.stamp, phase=entry.before)
    row = _row(here, entry.event, entry.stamp)
    after = here if isinstance(row, Refused) else _done(here, row, entry.event, entry.stamp)[0]
    return replace(after, phase=entry.after, log=(*session.log, entry))


def replay(session: Session, log: tuple[Entry, ...]) -> Session:
    """The session that a log makes of a booked one."""
    for entry in log:
        session = again(session, entry)
    return session


def _done(here: Session, row: Row, event: e.Event, now: Stamp) -> tuple[Session, tuple[Effect, ...]]:
    """What a row of the table makes of the session, and what time does after that."""
    changed, effects = row.change(here, event, now)
    after, more = _watched(replace(changed, phase=row.to or here.phase), now)
    return after, (*effects, *more)


def admitted(session: Session) -> tuple[type[e.Event], ...]:
    """The kinds of event that this phase admits, in the order of the table; their needs may still forbid them."""
    return tuple(dict.fromkeys(row.event for row in TABLE if session.phase in row.phases))


def _row(session: Session, event: e.Event, now: Stamp) -> Row | Refused:
    for row in TABLE:
        here = session.phase in row.phases and type(event) is row.event
        if here and (row.when is None or row.when(session, event, now)):
            return row
    return Refused("PHASE", f"{type(event).__name__} does not belong to a session that is {session.phase.value}.")


def _watched(session: Session, now: Stamp) -> tuple[Session, list[Effect]]:
    """What time alone does: late checks, who is out of reach, steps of alerts, a gate that no longer holds."""
    if session.phase in ENDED:
        return alerts.closed(session, session.phase.value), []
    if session.phase is Phase.BOOKED:
        return session, []
    session, effects = alerts.watched_checks(session)
    session, away = alerts.watched_observer(session)
    session, left = alerts.lapsed(session)
    session, more = alerts.escalated(session)
    told = [*effects, *away, *left, *more]
    if session.phase is Phase.READY and not green(gate(session, now)):
        return replace(session, phase=Phase.GATE, dose_identity=None), [*told, Effect("reopened", gate(session, now))]
    return session, told


def _forward(session: Session, clock: Stamp) -> Stamp:
    """Elapsed time never falls: a clock that went back stands still. Nor is what was not sure ever forgotten."""
    old = session.clock or clock
    since = max((s for s in (clock.sure_from_s, old.sure_from_s) if s is not None), default=None)
    unsure = max(clock.unsure_s, old.unsure_s)
    return replace(clock, elapsed_s=max(clock.elapsed_s, session.now_s), unsure_s=unsure, sure_from_s=since)


def _entry(session: Session, key: str) -> Entry | None:
    return next((entry for entry in session.log if entry.event.key == key), None)


def _repeat(first: Entry, event: e.Event) -> Effect:
    if first.event == event:
        return Effect("repeated", first)
    return _refuse("HAZ-14", "This entry was used for something else before: enter it anew.")


def _given(session: Session, event: e.Event) -> Any:
    """The dose that a Start would chart a second time."""
    if not isinstance(event, e.Start):
        return None
    return next((dose for dose in session.given if (dose.order, dose.step) == (event.order, event.step)), None)


def _refuse(rule: str, text: str) -> Effect:
    return Effect("refused", Refused(rule, text))
