"""What an accepted event makes of a session. Nothing here refuses: that is done before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from openkap.dose import alerts, orders
from openkap.dose.due import MINUTE, newest, valid
from openkap.dose.gate import TRIED, decidable
from openkap.dose.needs import CONSENT
from openkap.dose.session import Session
from openkap.dose.types import (
    Administration,
    Check,
    Decision,
    Effect,
    Identity,
    Mark,
    Messaged,
    Phase,
    Reading,
    Stamp,
    Trial,
)
from openkap.kernel.quantity import DoseMg, number
from openkap.kernel.truth import Truth

Made = tuple[Session, list[Effect]]
Change = Callable[[Session, Any, Stamp], Made]

FEAR = "fear-asked"
CALLS = ("first_call_h", "second_call_h")
FAST = "ORDER-FAST"
EMERGENCY, ANY_RED = "emergency", "RES-8"


def nothing(session: Session, _: Any, __: Stamp) -> Made:
    """The phase alone changes."""
    return session, []


# -- arrival, watch, gate --------------------------------------------------------------------------------


def arrived(session: Session, event: Any, _: Stamp) -> Made:
    """Somebody watches from here on, by the lines of the protocol."""
    return replace(_knowing(session, event), observer=event.by, lines=session.protocol.lines), []


def offer(session: Session, event: Any, _: Stamp) -> Made:
    """The old observer stays until the new one has taken the watch."""
    return replace(session, offered=event.to), [Effect("task", (event.to, event.summary))]


def take(session: Session, event: Any, _: Stamp) -> Made:
    """The watch, and the alerts nobody has acknowledged, are in new hands."""
    moved = alerts.owned_by(session, event.by)
    return replace(moved, observer=event.by, offered=None), []


def duty(session: Session, event: Any, _: Stamp) -> Made:
    """Who can be reached."""
    return replace(session, duty=event.duty), []


def confirmed(session: Session, event: Any, now: Stamp) -> Made:
    """On arrival, or again at the dose."""
    identity = Identity(event.by, now)
    if session.phase in (Phase.READY, Phase.PEAK):
        return replace(session, dose_identity=identity), []
    return replace(session, identity=identity), []


def judge(session: Session, event: Any, now: Stamp) -> Made:
    """The screening of the dose day."""
    return replace(_knowing(session, event), judged=event.judged, judged_s=now.elapsed_s, read_since=False), []


def answer(session: Session, event: Any, now: Stamp) -> Made:
    """One answer; a consent that no longer stands asks to stop the drug that runs."""
    check = Check(event.name, event.truth, event.by, now, happened_s(event, now), event.note)
    session = replace(session, checks=(*session.checks, check))
    stands = session.check(event.name) is check  # an older answer may come in later, and changes nothing of now
    fear = event.number if stands and event.name == FEAR else session.fear
    said = []
    if stands and session.running and event.name == CONSENT and event.truth is not Truth.TRUE:
        said = [Effect("advise", "The patient's consent does not stand: stop the drug.")]
    trial = None if event.name == TRIED else session.trial  # each answer is about a trial of its own
    return replace(session, fear=fear, trial=trial), said


def decide(session: Session, event: Any, now: Stamp) -> Made:
    """One decision on one row, as it reads now."""
    made = Decision(event.row, decidable(session, now)[event.row], event.by, event.reason, now)
    return replace(session, decisions=(*session.decisions, made)), []


def hold(session: Session, event: Any, _: Stamp) -> Made:
    """A hold shows at once and on every screen; a running infusion should pause."""
    said = [Effect("reopened", event.hold)]
    said += [Effect("advise", f"On hold: pause the drug. {event.hold.text}")] if session.running else []
    return replace(session, holds=(*session.holds, event.hold), dose_identity=None), said


def lift(session: Session, event: Any, _: Stamp) -> Made:
    """A prescriber settled it."""
    why = f"{event.by.name}: {event.reason}"
    lifted = (replace(h, lifted=why) if h.id == event.hold and not h.lifted else h for h in session.holds)
    return replace(session, holds=tuple(lifted)), []


# -- order and dose --------------------------------------------------------------------------------------


def order(session: Session, event: Any, _: Stamp) -> Made:
    """A new order, or the next version: the draw and the identity at the dose were for another one and are void."""
    said = [Effect("reopened", event.order), *_void(session)] if session.draw else []
    made, before = replace(session, orders=(*session.orders, event.order), draw=None, dose_identity=None), session.order
    if before is None or before.step != event.order.step or session.observer is None:
        return made, said
    void = f" What was drawn up ({session.draw.mg}) is void." if session.draw else ""
    text = f"Order changed by {event.by.name}: version {event.order.version}, {orders.said(event.order)}; before it"
    text += f" version {before.version}, {before.mg}.{void}"
    made, rung = alerts.raised(made, alerts.ORDER, "amber", (alerts.ORDER_ROW,), text, event.key)
    return made, [*said, *rung]


def draw(session: Session, event: Any, _: Stamp) -> Made:
    """Drawn up, not yet checked; an earlier check and the identity at the dose are void."""
    return replace(session, draw=event.draw, dose_identity=None), _void(session)


def cancelled(session: Session, _: Any, __: Stamp) -> Made:
    """No dose today; what was drawn up is still in the syringe."""
    return replace(session, draw=None), _void(session)


def _void(session: Session) -> list[Effect]:
    """What was drawn up and is not given is wasted before a second person."""
    return [Effect("task", ("waste what was drawn", session.draw.lot))] if session.draw else []


def check_draw(session: Session, event: Any, _: Stamp) -> Made:
    """Checked by a second person; who is to get it is asked after that."""
    assert session.draw is not None
    return replace(session, draw=replace(session.draw, checked_by=event.by), dose_identity=None), []


def start(session: Session, event: Any, now: Stamp) -> Made:
    """The dose is charted, once: what stands in it is the order's and the draw's."""
    assert session.order is not None and session.draw is not None
    begun = Administration(
        order=session.order.id,
        version=session.order.version,
        step=session.order.step,
        drug=session.order.drug,
        route=session.order.route,
        lot=session.draw.lot,
        mg=session.draw.mg,
        mg_per_kg=session.order.mg_per_kg,
        volume_ml=session.draw.volume_ml,
        per_ml=session.draw.per_ml,
        by=event.by,
        started=now,
        duration_min=session.order.duration_min,
        route_note=event.note,
    )
    there = session.before_dose if session.given else len(session.readings)
    made = replace(session, given=(*session.given, begun), draw=None, dose_identity=None, before_dose=there)
    return _based(made, session), []


def start_at_once(session: Session, event: Any, now: Stamp) -> Made:
    """A dose that is given in one moment: it has ended when it began."""
    begun, said = start(session, event, now)
    return _dose(begun, ended=now, given_mg=begun.given[-1].mg), said


def rate(session: Session, event: Any, now: Stamp) -> Made:
    """The rate, with its time."""
    return _dose(session, rates=(*session.given[-1].rates, (now.elapsed_s, event.rate))), []


def pause(session: Session, event: Any, now: Stamp) -> Made:
    """The infusion stands still from the moment it was paused, which a device that was offline tells late."""
    now = _moment(session, event, now)
    return _dose(session, paused_s=(*session.given[-1].paused_s, (now.elapsed_s, None))), []


def resume(session: Session, _: Any, now: Stamp) -> Made:
    """It goes on."""
    return _dose(session, paused_s=_closed(session, now)), []


def stop(session: Session, event: Any, now: Stamp) -> Made:
    """It has ended early, when a person ended it, with the amount that was really given."""
    now = _moment(session, event, now)
    note = f"stopped: {event.reason}"
    stopped = _dose(session, ended=now, given_mg=event.given_mg, complete=False, route_note=note)
    said = [Effect("task", ("waste the rest", session.given[-1].lot)), *_too_fast(session, event, event.given_mg, now)]
    return _dose(stopped, paused_s=_closed(session, now)), said


def device(session: Session, _: Any, now: Stamp) -> Made:
    """One nasal device was used."""
    return _dose(session, devices_s=(*session.given[-1].devices_s, now.elapsed_s)), []


def finish(session: Session, event: Any, now: Stamp) -> Made:
    """All of it was given."""
    held = f"held {number(event.held_min)} min, {event.ended}" if event.held_min is not None else ""
    note = " · ".join(one for one in (held, event.note or session.given[-1].route_note) if one)
    fast = _too_fast(session, event, session.given[-1].mg, now)
    return _dose(session, ended=now, given_mg=session.given[-1].mg, route_note=note), fast


# -- readings, marks, alerts -----------------------------------------------------------------------------


def read(session: Session, event: Any, now: Stamp) -> Made:
    """The value is filed with its own time, and held against the lines in the same breath (HAZ-34, HAZ-36)."""
    return _filed(session, event_reading(event, event.measure, now))


def correct(session: Session, event: Any, now: Stamp) -> Made:
    """The old value stays readable and counts no more; the new one is held against the lines."""
    old = next(r for r in session.readings if r.id == event.reading)
    struck = correct_reading(session, event)
    if event.quantity is None:
        return _rebased(struck, session)
    return _filed(struck, replace(event_reading(event, old.measure, now), replaces=old.id), session)


def mark(session: Session, event: Any, now: Stamp) -> Made:
    """Seen, and amber or red as its row says."""
    made = Mark(event.key, event.name, happened_s(event, now), now, event.by, event.text)
    return alerts.after_mark(replace(session, marks=(*session.marks, made)), made)


def untoward(session: Session, event: Any, _: Stamp) -> Made:
    """An adverse event at one tap: what it was is entered later, and reviewed before the next dose."""
    return session, [Effect("incident", event), Effect("hold-next", event)]


def acknowledge(session: Session, event: Any, now: Stamp) -> Made:
    """The person owns it; if the value is quiet again already, it is over. A struck one is over once it was retaken."""
    here = replace(session, duty=replace(session.duty, gone=session.duty.gone - {event.by.id}))
    changed = _alert(here, event.alert, owner=event.by, acknowledged=(event.by, now.elapsed_s), lapsed=None)
    found = alerts.find(changed, event.alert)
    if found and found.about == alerts.ORDER:
        return alerts.over(changed, found, f"seen by {event.by.name}")
    if found and alerts.struck(changed, found):
        artefact = alerts.proven(changed, found, event.by)
        return alerts.over(changed, found, alerts.ARTEFACT) if artefact else (changed, [])
    last = newest(changed, found.about) if found and found.about in changed.protocol.measures else None
    if found and last and last.confirmed and not alerts.broken(changed, last.measure, last.quantity.value):
        return alerts.over(changed, found, "quiet when acknowledged")
    return changed, []


def receive(session: Session, event: Any, now: Stamp) -> Made:
    """A screen shows it: its ring is not skipped. Nobody has acknowledged anything by that."""
    if session.trial is not None and session.trial.id == event.alert:
        return replace(session, trial=replace(session.trial, shown_s=now.elapsed_s)), []
    found = alerts.find(session, event.alert)
    assert found is not None
    return _alert(session, event.alert, shown=(*found.shown, (event.by.id, now.elapsed_s))), []


def try_screen(session: Session, event: Any, now: Stamp) -> Made:
    """A screen is tried; what came of one before it is nothing any more."""
    return replace(session, trial=Trial(event.key, len(session.log) + 1, event.by, event.device, now.elapsed_s)), []


def messaged(session: Session, event: Any, now: Stamp) -> Made:
    """It stands at its alert; one that was given up moves the alert on."""
    found = next((alert for alert in session.alerts if alert.id == event.alert), None)
    if found is None:
        return session, []
    made = Messaged(event.phone, event.ring, event.state, event.fault, now.elapsed_s)
    changed = _alert(session, found.id, messages=(*found.messages, made))
    return alerts.undelivered(changed, found.id, event.ring) if event.state == "failed" else (changed, [])


def silence(session: Session, event: Any, now: Stamp) -> Made:
    """The sound is off for a short time; the steps go on."""
    until = now.elapsed_s + session.protocol.seconds("WATCH-SILENCE", "silence_s")
    return _alert(session, event.alert, silent_until_s=until), []


def settle(session: Session, event: Any, _: Stamp) -> Made:
    """It is over, and somebody says why."""
    found = alerts.find(session, event.alert)
    assert found is not None
    return alerts.over(session, found, f"{event.by.name}: {event.reason}")


def limit(session: Session, event: Any, _: Stamp) -> Made:
    """A line for this person and session; the read-back of the limits is asked for again."""
    changed = tuple(
        replace(one, limit=event.value) if (one.row, one.name) == (event.row, event.name) else one
        for one in session.lines
    )
    return replace(session, lines=changed), []


# -- after the end ---------------------------------------------------------------------------------------


def read_after(session: Session, event: Any, now: Stamp) -> Made:
    """
    A value measured before the end that came in after it: kept, late by its two times, never lost.

    Nobody is at the chair any more: what it breaks is a task for a person to follow up; if red, an incident and a hold
    on the next dose (RES-8).
    """
    reading = event_reading(event, event.measure, now)
    value = reading.quantity.to(session.protocol.measures[reading.measure].unit)
    kept = _based(replace(session, readings=(*session.readings, replace(reading, quantity=value))), session)
    return kept, _follow_up(kept, kept.readings[-1])


def correct_after(session: Session, event: Any, now: Stamp) -> Made:
    """An amendment of the record: both values stay readable; what the new one breaks is followed up."""
    made = correct_reading(session, event)
    if event.quantity is None:
        return _based(made, session), []
    old = next(r for r in session.readings if r.id == event.reading)
    value = event.quantity.to(session.protocol.measures[old.measure].unit)
    new = replace(event_reading(event, old.measure, now), quantity=value, replaces=old.id)
    made = _based(replace(made, readings=(*made.readings, new)), session)
    return made, _follow_up(made, new)


def mark_after(session: Session, event: Any, now: Stamp) -> Made:
    """What was seen before the end and came in after it: kept, and followed up by a person."""
    made = Mark(event.key, event.name, happened_s(event, now), now, event.by, event.text)
    kind = session.protocol.marks[event.name]
    red = [Effect("incident", made), Effect("hold-next", made)] if kind.level == "red" else []
    said = [Effect("task", ("follow up what was seen", kind.title)), *red]
    return replace(session, marks=(*session.marks, made)), said


def _follow_up(session: Session, reading: Reading) -> list[Effect]:
    """What a value that nobody is at the chair for asks: a task, and if red an incident and the next dose held."""
    lines = alerts.broken(session, reading.measure, reading.quantity.value)
    if not lines:
        return []
    red = [Effect("incident", reading), Effect("hold-next", reading)] if lines[0].level == "red" else []
    return [Effect("task", ("follow up", reading)), *red]


# -- emergency, the end ----------------------------------------------------------------------------------


def emergency(session: Session, event: Any, _: Stamp) -> Made:
    """One tap: a red alert like any other, which calls the prescriber and goes on until somebody has it."""
    called, effects = alerts.raised(session, EMERGENCY, "red", (ANY_RED,), "Emergency", event.key)
    return called, [*([Effect("advise", "Stop the drug first.")] if session.running else []), *effects]


def emergency_over(session: Session, event: Any, _: Stamp) -> Made:
    """A prescriber ends it; only a false alarm is no red event of the session."""
    found = next((alert for alert in session.open_alerts() if alert.about == EMERGENCY), None)
    how = alerts.ARTEFACT if event.false_alarm else f"{event.by.name}: {event.reason}"
    return alerts.over(session, found, how) if found else (session, [])


def gone_home(session: Session, _: Any, __: Stamp) -> Made:
    """Advice on paper, a contact, and a call the next day."""
    hours = session.protocol.number("DIS-8", "hours")
    return session, [Effect("task", ("check-in", hours))]


def left(session: Session, event: Any, _: Stamp) -> Made:
    """Documented, with calls at the hours of DIS-10."""
    hours = [session.protocol.number("DIS-10", name) for name in CALLS]
    return session, [Effect("incident", event), *(Effect("task", ("call", hour)) for hour in hours)]


def handed_over(session: Session, event: Any, _: Stamp) -> Made:
    """The sheet goes with the patient, and the next dose waits for a review."""
    return session, [
        Effect("task", ("handover sheet", event.to)),
        Effect("incident", event),
        Effect("hold-next", event),
    ]


# -- parts -----------------------------------------------------------------------------------------------


def _knowing(session: Session, event: Any) -> Session:
    """With what the rest of the record says of the person, where the event brings it."""
    known = event.known
    if known is None:
        return session
    return replace(
        session,
        person=known.person,
        maintenance=known.maintenance,
        dose_times=known.dose_times,
        peaks=known.peaks,
        harm=known.harm,
        doses=known.doses,
    )


def happened_s(event: Any, now: Stamp) -> int:
    """When it happened: as the device says where it was offline, else now."""
    return now.elapsed_s if event.happened_s is None else event.happened_s


def _moment(session: Session, event: Any, now: Stamp) -> Stamp:
    """When something was done to the running dose: as the device says, and after all else that was done to it."""
    dose = session.given[-1]
    pauses = [moment for pause in dose.paused_s for moment in pause if moment is not None]
    earlier = max((dose.started.elapsed_s, *pauses, *dose.devices_s, *(at_s for at_s, _ in dose.rates)))
    when = max(earlier, happened_s(event, now))
    return replace(now, elapsed_s=when, at=now.at - timedelta(seconds=now.elapsed_s - when))


def event_reading(event: Any, measure: str, now: Stamp) -> Reading:
    """The reading that an event brings."""
    return Reading(event.key, measure, event.quantity, event.taken_s, now, event.by)


def correct_reading(session: Session, event: Any) -> Session:
    """The session with one value struck, by whom and why."""
    why = f"{event.by.name}: {event.reason}"
    kept = tuple(replace(r, voided=why, voided_by=event.by) if r.id == event.reading else r for r in session.readings)
    return replace(session, readings=kept, read_since=True)


def _dose(session: Session, **changes: Any) -> Session:
    return replace(session, given=(*session.given[:-1], replace(session.given[-1], **changes)))


def _too_fast(session: Session, event: Any, given: DoseMg, now: Stamp) -> list[Effect]:
    """An infusion that went in much faster than it was ordered is kept as it was, and is an incident."""
    dose = session.given[-1]
    if dose.duration_min is None:
        return []
    paused = sum(ended - begun for begun, ended in _closed(session, now) if ended is not None)
    ran_s = now.elapsed_s - dose.started.elapsed_s - paused
    ordered_s = dose.duration_min * MINUTE * given.mg / dose.mg.mg
    if ran_s + session.protocol.seconds(FAST, "early_min") >= ordered_s:
        return []
    return [Effect("incident", event), Effect("hold-next", event)]


def _closed(session: Session, now: Stamp) -> tuple[tuple[int, int | None], ...]:
    """The pauses, an open one closed now."""
    return tuple((begun, now.elapsed_s if ended is None else ended) for begun, ended in session.given[-1].paused_s)


def _alert(session: Session, alert: str, **changes: Any) -> Session:
    return replace(session, alerts=tuple(replace(a, **changes) if a.id == alert else a for a in session.alerts))


def _before_dose(session: Session) -> list[Reading]:
    """Values of before the first dose that count: a late or corrected one too, by the time at which it was measured."""
    if not session.given:
        return []
    start, there = session.given[0].started.elapsed_s, session.before_dose
    early: set[str] = set()
    for place, r in enumerate(session.readings):
        if r.taken_s < start or (r.taken_s == start and (place < there or r.replaces in early)):
            early.add(r.id)
    return [r for r in valid(session) if r.id in early and r.confirmed]


def _based(session: Session, before: Session) -> Session:
    """The session with its baseline, the last value of each measure before the first dose, where that has changed."""
    found = _before_dose(session)
    if found == _before_dose(before):
        return session
    return replace(session, baseline={r.measure: r.quantity.value for r in found})


def _rebased(session: Session, before: Session) -> Made:
    """A baseline that was amended moves the lines of a rise or fall: what breaks a worse one now is raised."""
    said: list[Effect] = []
    session = _based(session, before)
    if session.baseline == before.baseline:
        return session, said
    early = _before_dose(session)
    for reading in valid(session):
        if reading not in early and _worst(session, reading) > _worst(before, reading):
            session, more = alerts.after_reading(session, reading)
            said += more
    return session, said


def _worst(session: Session, reading: Reading) -> int:
    """How bad a value is by the lines of a session: 0 quiet, 1 amber, 2 red."""
    lines = alerts.broken(session, reading.measure, reading.quantity.value)
    return (1 if lines[0].level == "amber" else 2) if lines else 0


def _filed(session: Session, reading: Reading, before: Session | None = None) -> Made:
    """The reading in the unit of its measure, unconfirmed after a leap, and what its lines say of it."""
    value = reading.quantity.to(session.protocol.measures[reading.measure].unit)
    sure = not alerts.leaps(session, reading.measure, value.value, reading.taken_s)
    reading = replace(reading, quantity=value, confirmed=sure)
    before = before or session
    filed = _based(replace(session, readings=(*session.readings, reading), read_since=True), before)
    filed, said = alerts.after_reading(filed, reading)
    filed, more = _rebased(filed, before)
    return filed, [*said, *more]
