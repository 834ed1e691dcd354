"""
What an event needs before it may change a session. Each need is a question with one answer: why not, or None.

They are named in the table of `steps.py`; none of them is asked anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from openkap.chart.vocabulary import facts
from openkap.dose import alerts, discharge, orders
from openkap.dose.due import ALWAYS, late, valid
from openkap.dose.events import Acknowledge, Read
from openkap.dose.gate import LIMITS, TRIED, decidable, deciders, gate, green, reasons
from openkap.dose.lines import loosens, read_back
from openkap.dose.protocol import Line
from openkap.dose.session import Session
from openkap.dose.types import Finding, Phase, Refused, Stamp
from openkap.kernel.errors import UnitRefused
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.plan.limits import limit_for

Need = Callable[[Session, Any, Stamp], Refused | None]

DEVICES = "WATCH-DEVICES"
CONSENT, RATE = "consent-current", "mL/h"
ACUTE_PHASES = frozenset({Phase.DOSING, Phase.PAUSED, Phase.STOPPED, Phase.PEAK, Phase.ESCALATED})
DOSERS = frozenset({Role.PRESCRIBER, Role.NURSE})
WATCHERS = frozenset({Role.PRESCRIBER, Role.NURSE, Role.THERAPIST})


def no(rule: str, text: str) -> Refused:
    """A refusal: the rule and one sentence."""
    return Refused(rule, text)


# -- who -------------------------------------------------------------------------------------------------


def clinician(_: Session, event: Any, __: Stamp) -> Refused | None:
    """Prescriber, nurse or therapist."""
    return None if event.by.role in WATCHERS else no("ROLE", "Only a prescriber, nurse or therapist may do this.")


def doser(_: Session, event: Any, __: Stamp) -> Refused | None:
    """Prescriber or nurse: whoever handles the drug or signs somebody out."""
    return None if event.by.role in DOSERS else no("ROLE", "Only a prescriber or a nurse may do this.")


def prescriber(_: Session, event: Any, __: Stamp) -> Refused | None:
    """Prescriber."""
    return None if event.by.role is Role.PRESCRIBER else no("ROLE", "Only a prescriber may do this.")


def reason(_: Session, event: Any, __: Stamp) -> Refused | None:
    """A written reason."""
    return None if event.reason.strip() else no("REASON", "The reason is empty: write one.")


# -- the right person, the watch -------------------------------------------------------------------------


def right_person(session: Session, event: Any, _: Stamp | None) -> Refused | None:
    """Both identifiers as typed are the patient's: full name and birth date (HAZ-01)."""
    typed = " ".join(event.name.split()).casefold()
    if typed == " ".join(session.person.name.split()).casefold() and event.born == session.person.born:
        return None
    return no("HAZ-01", "Name and birth date are not those of this session's patient: ask again, and check the chair.")


def identified(session: Session, _: Any, __: Stamp) -> Refused | None:
    """The patient was identified on arrival."""
    return None if session.identity else no("PRE-1", "Ask for name and birth date and type them first.")


def offered(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The watch was offered to the person who takes it."""
    if session.offered is not None and session.offered.id == event.by.id:
        return None
    away = any(alert.about == alerts.AWAY for alert in session.open_alerts())
    if away and event.by.role in DOSERS:
        return None  # whoever watches is out of reach and can offer nothing
    return no("HAZ-42", "The watch was not offered to you: the observer offers it first.")


def free_to_watch(session: Session, event: Any, _: Stamp) -> Refused | None:
    """In the acute phase one person watches so many patients, and it is known how many (PRE-11)."""
    if session.phase not in ACUTE_PHASES:
        return None
    others = session.duty.others.get(event.by.id)
    if others is None:
        return no("WATCH-ACUTE", "It is not known how many patients you watch: say who is on duty first.")
    most = session.protocol.number("WATCH-ACUTE", "patients")
    if others + 1 <= most:
        return None
    return no("WATCH-ACUTE", f"You watch {others} in the acute phase, limit {most}: somebody who is free takes it.")


def observer(session: Session, event: Any, _: Stamp) -> Refused | None:
    """Only who watches can offer the watch, to somebody else who may."""
    if session.observer is None or session.observer.id != event.by.id:
        return no("HAZ-42", "Only the observer can hand the watch over.")
    if event.to.id == event.by.id or event.to.role not in WATCHERS:
        return no("HAZ-42", "Choose another clinician to hand the watch over to.")
    return None


# -- gate, order, drug -----------------------------------------------------------------------------------


def gate_green(session: Session, _: Any, now: Stamp) -> Refused | None:
    """Every line of the gate is met now."""
    found = gate(session, now)
    if green(found):
        return None
    return shut_by(found)


def shut_by(found: Sequence[Finding]) -> Refused:
    """The first line that keeps a gate shut."""
    first = reasons(tuple(found))[0]
    return no(first.row, f"The gate is shut: {first.text} {first.remedy}".strip())


def may_decide(session: Session, event: Any, now: Stamp) -> Refused | None:
    """The row can be decided on, by this role: an exclusion or a hold cannot (HAZ-26)."""
    if event.row not in decidable(session, now):
        return no("HAZ-26", f"{event.row} cannot be decided away: settle what it says.")
    if event.by.role not in deciders(event.row):
        return no("ROLE", f"{event.row} is for a prescriber to decide.")
    return None


def judged_here(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The judgement is of this patient, and of no older chart than the one that stands."""
    found, last = event.judged, session.judged
    if found.patient != session.patient:
        return no("HAZ-01", "The screening was judged for another patient: judge this patient's.")
    if last is not None and found.chart_version < last.chart_version:
        return no("HAZ-21", "The chart has changed since this was judged: judge the screening again.")
    return None


def known_question(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The question is one of this session's, asked in its place."""
    asked = {item.name: item for item in (*session.protocol.items, *session.protocol.checks)}
    if event.name not in asked:
        return no("ANSWER", f"{event.name!r} is no question of this session.")
    ask = asked[event.name].ask
    if ask and event.truth is Truth.TRUE and not event.note.strip():
        return no("ANSWER", f"{asked[event.name].title} Write it down with the answer: {ask[:1].lower()}{ask[1:]}.")
    fear = facts()["session-fear"]
    if event.number is not None and not (fear.least or 0) <= event.number <= (fear.most or 0):
        return no("ANSWER", f"{event.number} is not between {fear.least} and {fear.most}: enter it again.")
    return None


def limits_read(session: Session, event: Any, _: Stamp) -> Refused | None:
    """Who says that the limits were read back handles the drug, and read those that are in force (HAZ-40)."""
    if event.name != LIMITS or event.truth is not Truth.TRUE:
        return None
    if event.by.role not in DOSERS:
        return no("ROLE", "A prescriber or a nurse reads the limits back.")
    if event.note == read_back(session):
        return None
    return no("HAZ-40", "The limits are read back at the chair, where they stand as they are now: read them there.")


def screen_tried(session: Session, event: Any, _: Stamp) -> Refused | None:
    """Who says that their screen works has just tried it, and it has shown what it was sent (HAZ-41)."""
    if event.name != TRIED or event.truth is not Truth.TRUE:
        return None
    trial = session.trial
    if trial is None or trial.by.id != event.by.id:
        return no("HAZ-41", "A screen is tried at the chair, by whoever uses it: try yours there.")
    if trial.shown_s is None:
        return no("HAZ-41", "The screen has not confirmed that it shows what it was sent: try again, or take another.")
    return None


def order_stands(session: Session, event: Any, now: Stamp) -> Refused | None:
    """An order that breaks no limit, signed as it stands by the person who sends it."""
    order = event.order
    if order.signature is None or order.signature.by != event.by:
        return no("ORDER-SIGNED", "The order must be signed by the prescriber who sends it.")
    newest_order = session.order
    again = newest_order is not None and newest_order.id == order.id
    if newest_order is not None and again and order.version != newest_order.version + 1:
        return no("HAZ-17", f"The order is at version {newest_order.version}: load it and change that one.")
    if newest_order is not None and again and (order.route, order.drug) != (newest_order.route, newest_order.drug):
        return no("HAZ-12", "Another route or drug is another order: write a new one.")
    if newest_order is not None and not again and order.step == newest_order.step:
        return no("HAZ-14", f"Dose {order.step} has an order already: change that one.")
    before = [dose.given_mg or dose.mg for dose in session.given]
    found = orders.faults(order, session.protocol, session.patient, now.day, before)
    return no(found[0].row, f"{found[0].text} {found[0].remedy}") if found else None


def drawn_for_order(session: Session, event: Any, _: Stamp) -> Refused | None:
    """What was drawn up is what the order as it stands comes to, by the person who sends it."""
    order = session.order
    if order is None or event.draw.digest != orders.digest(order):
        return no("HAZ-17", "The draw is not for the order as it stands: draw it up for that one.")
    if event.draw.by != event.by or event.draw.checked_by is not None:
        return no("DOS-MG-1", "The person who draws it up enters it, and a second person checks it afterwards.")
    found = orders.draw_fault(order, event.draw, session.protocol, [dose.given_mg or dose.mg for dose in session.given])
    return no(found.row, f"{found.text} {found.remedy}") if found else None


def second_check(session: Session, event: Any, _: Stamp) -> Refused | None:
    """A second person read the strength off the vial, and it is the lot's."""
    if session.draw is None:
        return no("DOS-MG-1", "Nothing has been drawn up to check.")
    try:
        found = orders.check_of(session.draw, event.by, event.per_ml)
    except UnitRefused:
        return no("DOS-MG-1", "The strength must be in mg/mL.")
    return no(found.row, f"{found.text} {found.remedy}") if found else None


def drug_in_hand(session: Session, event: Any, now: Stamp) -> Refused | None:
    """The dose on the screen is the one ordered, drawn, checked, for the person identified after that, and not held."""
    order, draw = session.order, session.draw
    if order is None or (event.order, event.version, event.step) != (order.id, order.version, order.step):
        return no("HAZ-17", _another_order(session, event))
    if any(alert.about == alerts.ORDER for alert in session.open_alerts()):
        text = "The order was changed and nobody but its prescriber has seen it: look at it, and say that you have."
        return no("HAZ-17", text)
    if draw is None or draw.digest != orders.digest(order):
        return no("HAZ-11", "Nothing is drawn up for the order as it stands.")
    if draw.checked_by is None:
        return no("DOS-MG-1", "A second person has not checked the draw.")
    if session.dose_identity is None:
        return no("HAZ-01", "Ask for name and birth date again at the dose, and type them.")
    return None


def _another_order(session: Session, event: Any) -> str:
    """What screen or sheet say beside what stands: both with their values."""
    order = session.order
    stands = f"version {order.version}, {order.mg}" if order else "none"
    theirs = (
        one for one in session.orders if (one.id, one.version, one.step) == (event.order, event.version, event.step)
    )
    old = next((f"version {one.version}, {one.mg}" for one in theirs), f"version {event.version}, which is not of it")
    return (
        f"The order on the screen or sheet ({old}) is not the one that stands ({stands}): load it, or print it again."
    )


def consents(session: Session, _: Any, __: Stamp) -> Refused | None:
    """The newest answer about consent is yes: who withdraws it gets no more of the drug."""
    last = session.check(CONSENT)
    if last is not None and last.truth is Truth.TRUE:
        return None
    return no("GATE-CONSENT", "The patient's consent does not stand: stop the drug, or ask again and enter the answer.")


def none_late(session: Session, _: Any, __: Stamp) -> Refused | None:
    """No check is late: the drug goes on when it is done."""
    found = late(session)
    return no(ALWAYS, f"Check {found[0].state}: {found[0].about}. Do it first.") if found else None


def no_open_red(session: Session, _: Any, __: Stamp) -> Refused | None:
    """Nobody is sent off with a red alert open."""
    found = session.open_alerts("red")
    return (
        no(found[0].rows[0], f"A red alert is open: {found[0].text}. A prescriber settles it first.") if found else None
    )


def no_red(session: Session, _: Any, __: Stamp) -> Refused | None:
    """No red alert in this session and no hold: red means no more drug."""
    if found := alerts.red_seen(session):
        return no(found[0].rows[0], f"No further drug: {found[0].text}.")
    if session.held:
        return no(session.held[0].cause, f"No further drug: {session.held[0].text}.")
    return None


def part_given(session: Session, event: Any, _: Stamp) -> Refused | None:
    """What was given is between nothing and what was drawn up."""
    dose = session.running
    if dose is None:
        return no("STOP", "No dose is running.")
    if not 0 <= event.given_mg.mg <= dose.mg.mg:
        return no("STOP", f"{event.given_mg} is not between 0 mg and the {dose.mg} drawn up: read the pump again.")
    return None


def lozenge_told(session: Session, event: Any, _: Stamp) -> Refused | None:
    """Under the tongue the exposure depends on how long it was held, and on whether the rest was swallowed."""
    if session.protocol.route != "sublingual":
        return None
    if event.held_min is None or event.held_min < 0 or not event.ended:
        return no("RTE-SL", "Enter how many minutes it was held, and whether it was spat out or swallowed.")
    return None


def all_used(session: Session, _: Any, __: Stamp) -> Refused | None:
    """A nasal dose is finished when every device of it was used; else it was stopped with what was given."""
    if session.protocol.route != "nasal":
        return None
    dose = session.given[-1]
    each = limit_for(dose.route, dose.drug, session.protocol.book).step
    if each is None or len(dose.devices_s) * each == dose.mg.mg:
        return None
    text = f"{len(dose.devices_s)} devices were used, which is not the order of {dose.mg}"
    return no(DEVICES, f"{text}: use the others, or stop the dose and enter what was given.")


def rate_makes_sense(_: Session, event: Any, __: Stamp) -> Refused | None:
    """A volume per time above nought; to interrupt the infusion is a pause."""
    if event.rate.unit != RATE:
        return no("RATE", f"The rate is not a volume per time ({event.rate.unit}): enter it in {RATE}.")
    return None if event.rate.value > 0 else no("RATE", "The rate is not above 0: enter a rate, or pause the infusion.")


def devices_apart(session: Session, _: Any, now: Stamp) -> Refused | None:
    """Nasal devices are used so many minutes apart, and no more of them than the order holds."""
    if session.protocol.route != "nasal":
        return no("DEVICE", "This dose is not given by nasal devices.")
    dose = session.given[-1]
    used, each = dose.devices_s, limit_for(dose.route, dose.drug, session.protocol.book).step
    if each is None or (len(used) + 1) * each > dose.mg.mg:
        return no(DEVICES, f"{len(used)} devices are used and the order is {dose.mg}: no further device.")
    apart = session.protocol.seconds(DEVICES, "apart_min")
    if used and (passed := now.surely_since(used[-1])) < apart:
        left = apart - passed
        return no(DEVICES, f"The next device comes in {-(-left // 60)} min.")
    return None


def before_the_end(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The value was measured while the session ran."""
    last = next(entry.stamp.elapsed_s for entry in reversed(session.log) if entry.before is not entry.after)
    return None if event.taken_s <= last else no("HAZ-36", "The session had ended when this was measured.")


def none_running(session: Session, _: Any, __: Stamp) -> Refused | None:
    """No drug is being given."""
    return None if session.running is None else no("RES-1", "A dose is still running: stop or finish it first.")


# -- readings, alerts ------------------------------------------------------------------------------------


def plausible(session: Session, event: Any, now: Stamp) -> Refused | None:
    """A known measure, in its unit, inside its range, measured in this session and not in the future."""
    measure = session.protocol.measures.get(event.measure)
    if measure is None:
        return no("READING", f"{event.measure!r} is nothing that is read here.")
    try:
        value = event.quantity.to(measure.unit).value
    except UnitRefused:
        return no("HAZ-39", f"{measure.title} is not measured in {event.quantity.unit}: enter it in {measure.unit}.")
    if not measure.least <= value <= measure.most:
        text = f"{measure.title} {value} is outside {measure.least} to {measure.most}: look again, and enter it anew."
        return no("HAZ-39", text)
    if not 0 <= event.taken_s <= now.elapsed_s:
        return no("HAZ-37", "The value was not measured in this session: check the device's clock.")
    return _pressures_apart(session, event.measure, value, event.taken_s)


def _pressures_apart(session: Session, measure: str, value: Any, taken_s: int) -> Refused | None:
    """Systolic is above diastolic where both are of one moment."""
    other = {"systolic": "diastolic", "diastolic": "systolic"}.get(measure)
    beside = [r.quantity.value for r in valid(session, other) if r.taken_s == taken_s] if other else []
    if not beside:
        return None
    high, low = (value, beside[-1]) if measure == "systolic" else (beside[-1], value)
    return None if high > low else no("HAZ-39", "Systolic must be above diastolic: they may be swapped.")


def correctable(session: Session, event: Any, now: Stamp) -> Refused | None:
    """The value exists and counts; what takes its place is plausible."""
    found = next((r for r in session.readings if r.id == event.reading), None)
    if found is None or found.voided:
        return no("READING", "There is no such value that still counts.")
    if (event.quantity is None) is not (event.taken_s is None):
        return no("READING", "Give the new value with the time when it was measured, or neither.")
    if event.quantity is None or event.taken_s is None:
        return None
    new = Read(
        key=event.key,
        patient=event.patient,
        by=event.by,
        measure=found.measure,
        quantity=event.quantity,
        taken_s=event.taken_s,
    )
    return plausible(session, new, now)


def known_mark(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The mark is one of the list."""
    return None if event.name in session.protocol.marks else no("MARK", f"{event.name!r} is no mark of the list.")


def open_alert(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The alert is open, and stands as it did when the person saw it."""
    found = alerts.find(session, event.alert)
    if found is None:
        return no("ALERT", "That alert is not open.")
    order = session.order
    signer = order.signature.by.id if order and order.signature else ""
    if found.about == alerts.ORDER and type(event) is Acknowledge and event.by.id == signer:
        return no("HAZ-17", "You changed this order yourself: somebody else says that they have seen it.")
    if event.happened_s is not None and event.happened_s < found.since_s:
        return no("ALERT", f"The alert has changed since: {found.text}. Look at it and take it again.")
    return None


def addressed(session: Session, event: Any, _: Stamp) -> Refused | None:
    """A trial of this person, or an alert that has reached them in a ring of which no screen confirmed it yet."""
    trial = session.trial
    if trial is not None and trial.id == event.alert:
        waits = trial.shown_s is None and trial.by.id == event.by.id
        return None if waits else no("RECEIPT", "This trial waits for no screen.")
    found = alerts.find(session, event.alert)
    if found is None or not alerts.awaits(session, found, event.by.id):
        return no("RECEIPT", "Nothing is waiting for this screen to confirm it.")
    return None


def not_overtaken(session: Session, event: Any, _: Stamp) -> Refused | None:
    """What a device sends late was not overtaken by another step of the session."""
    turned = next((x.stamp.elapsed_s for x in reversed(session.log) if x.before is not x.after), 0)
    if event.happened_s is None or event.happened_s >= turned:
        return None
    return no("PHASE", f"The session is {session.phase.value} since then: look at it and enter this again.")


def may_settle(session: Session, event: Any, now: Stamp) -> Refused | None:
    """A red alert and one about a value are for a prescriber to settle; a late check is settled by doing it."""
    if (why := open_alert(session, event, now)) is not None:
        return why
    found = alerts.find(session, event.alert)
    assert found is not None
    if found.about.startswith(alerts.CHECKS):
        return no("MON-X", "A late check is settled by doing it.")
    if found.about == alerts.ORDER:
        return no("HAZ-17", "A changed order is not settled: somebody says that they have seen it.")
    if found.level == "red" and event.by.role is not Role.PRESCRIBER:
        return no("ROLE", "A red alert is for a prescriber to settle.")
    if found.about in session.protocol.measures and event.by.role is not Role.PRESCRIBER:
        return no("ROLE", "A value's alert ends with a quiet value; before that a prescriber settles it.")
    return None


def limit_may_change(session: Session, event: Any, _: Stamp) -> Refused | None:
    """A line that exists, inside the range of its measure; it is never widened while its alert is open (HAZ-40)."""
    line = next((one for one in session.lines if (one.row, one.name) == (event.row, event.name)), None)
    if line is None:
        return no("LIMIT", f"{event.row} {event.name} is no alert line of this session.")
    if loosens(line, event.value) and any(
        event.row in a.rows or a.about == line.measure for a in session.open_alerts()
    ):
        return no("HAZ-40", "This limit is not widened while its alert is open.")
    measure = session.protocol.measures[line.measure]
    least, most = measure.least, measure.most
    if line.test in ("rise", "fall"):
        least, most = Decimal(1), most - least
    if not least <= event.value <= most:
        return no("LIMIT", f"{measure.title}: {event.value} is not between {least} and {most}: enter it again.")
    pair = {one.level: one.limit for one in session.lines if (one.row, one.measure, one.test) == _kind(line)}
    pair[line.level] = event.value
    amber, red = pair.get("amber"), pair.get("red")
    if amber is not None and red is not None and not (amber < red if line.tighter == "lower" else amber > red):
        return no("LIMIT", f"{measure.title}: red must lie beyond amber: change the other line first.")
    return None


def _kind(line: Line) -> tuple[str, str, str]:
    return line.row, line.measure, line.test


def held_there(session: Session, event: Any, _: Stamp) -> Refused | None:
    """The hold exists and stands."""
    return None if any(h.id == event.hold for h in session.held) else no("HOLD", "There is no such hold.")


# -- the end ---------------------------------------------------------------------------------------------


def may_go(session: Session, _: Any, now: Stamp) -> Refused | None:
    """Every criterion of the discharge is met now."""
    found = discharge.criteria(session, now)
    if discharge.ready(found):
        return None
    first = next(f for f in found if f.met.value != "true")
    return no(first.row, f"Not yet: {first.text} {first.remedy}".strip())


def agreed(_: Session, event: Any, __: Stamp) -> Refused | None:
    """Written advice was given; only a prescriber agrees to an early end."""
    if not event.advice_given:
        return no("DIS-10", "Give the written advice to patient and escort first, and record it.")
    if event.how == "prescriber agrees" and event.by.role is not Role.PRESCRIBER:
        return no("ROLE", "Only a prescriber can agree to an early end.")
    return None


def taken_over(_: Session, event: Any, __: Stamp) -> Refused | None:
    """Somebody named takes the patient over."""
    return None if event.to.strip() else no("HAZ-42", "Name who takes the patient over.")


def takes_time(session: Session, _: Any, __: Stamp) -> bool:
    """True for a dose that has a beginning and an end: infusion, lozenge, nasal devices."""
    return session.protocol.route in ("iv", "sublingual", "nasal")


def dosed(session: Session, _: Any, __: Stamp) -> bool:
    """True once a dose was begun in this session."""
    return bool(session.given)
