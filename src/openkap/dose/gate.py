"""
The gate before a dose: green, or the reasons. There is no third way, and one function for every door.

What the chart says is judged by the screen room (PRE, BPG, and every rule of the dose day); here it meets what only the
session knows: who was asked what today, the baseline, the order, holds, the watch.

Source: PRE-*, BPG-*, GATE-*, WATCH-BASELINE, WATCH-GATE-BP, WATCH-ACUTE, WATCH-DAY, INT-4;
hazards 08, 15, 18, 20, 21, 26, 40, 41, 44, 50, 51, 55
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from openkap.dose import orders
from openkap.dose.alerts import red_seen
from openkap.dose.due import ALWAYS, MINUTE, late, newest, shown, stale_after_s, valid
from openkap.dose.lines import read_back
from openkap.dose.protocol import Protocol
from openkap.dose.session import Session
from openkap.dose.types import Check, DoseDay, Finding, Judged, Order, Stamp
from openkap.kernel.site import unsigned_words
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.plan.limits import APART, OFTEN, FrequencyFinding, frequency
from openkap.screen.rules import blocks

HARM = "HARM-REVIEW"
PERSON, SCREEN, RAISED, BASELINE, STALE = "PRE-1", "SCREEN", "BPG-2", "WATCH-BASELINE", "WATCH-STALE"
PRESSURE, ACUTE, FEAR, PLAN = "WATCH-GATE-BP", "WATCH-ACUTE", "LOW-FEAR", "HAZ-22"
CLOCK = "HAZ-37"
LINK, DAY = "INT-4", "WATCH-DAY"  # what the calendar says: of the integration session, of the rest of the day
LIMITS, TRIED = "limits-read", "sound-tested"  # at the chair: the limits in force were read, the screen was tried
VITALS = ("systolic", "diastolic", "heart-rate", "spo2", "respiratory-rate")
UNMET = {Truth.TRUE: Truth.FALSE, Truth.UNKNOWN: Truth.UNKNOWN}  # a finding that fires is a line that is not met
DECIDE = "WATCH-DECIDE"  # doses too close are an exception with more than one sign-off (DOS-FREQ-2)


def judged(
    said: DoseDay,
    day: date,
    patient: str,
    chart_version: int = 0,
    *,
    plan_fault: str = "",
    clock_off_s: int = 0,
    calendar: tuple[Finding, ...] = (),
) -> Judged:
    """The chart on the dose day as the gate uses it; a screening that is none of a dose day clears nobody."""
    screening = said.screening
    live = [f for f in screening.findings if f.truth is not Truth.FALSE and f.class_ != "inform"]
    cautions = [f for f in live if (f.class_ == "caution" if f.truth is Truth.TRUE else not blocks(f))]
    blocking = [f for f in live if f not in cautions]
    if not screening.dose_day:
        blocking, cautions = [], []
    return Judged(
        screening.verdict if screening.dose_day else "insufficient",
        tuple(Finding(f.rule, UNMET[f.truth], f.because, f.action) for f in blocking),
        tuple(Finding(f.rule, UNMET[f.truth], f.because, f.action) for f in cautions),
        day,
        patient,
        chart_version,
        said.weight,
        said.no_weight,
        plan_fault,
        clock_off_s,
        calendar,
    )


def gate(session: Session, now: Stamp) -> tuple[Finding, ...]:
    """
    Every line of the gate as it stands now; it is green when all are TRUE.

    Before a further dose in the same session the baseline, the frequency of sessions and the calendar are not asked
    again; vital values must be present and no check late.
    """
    first = not session.given
    lines = [*_person(session), *_screen(session, now), *_items(session, now), *_harm(session)]
    lines += [*_order(session, now), *_watch(session)]
    if first:
        lines += [*_pressure(session), *_baseline(session, now), *_often(session, now), *_calendar(session)]
    else:
        lines += _present(session, now)
    return tuple(lines)


def green(findings: tuple[Finding, ...]) -> bool:
    """True if every line is met; unknown is not."""
    return bool(findings) and all(finding.met is Truth.TRUE for finding in findings)


def reasons(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The lines that keep the gate shut."""
    return tuple(finding for finding in findings if finding.met is not Truth.TRUE)


def decidable(session: Session, now: Stamp) -> dict[str, str]:
    """The rows on which somebody may decide in writing, with the words to decide on. Never an exclusion or a hold."""
    return {finding.row: finding.text for finding in gate(session, now) if finding.decidable}


def deciders(row: str) -> frozenset[Role]:
    """Whose decision on a row counts: a nurse may record the mitigation of a caution, the rest is the prescriber's."""
    alone = row in (RAISED, FEAR, OFTEN, APART, CLOCK)
    return frozenset({Role.PRESCRIBER}) if alone else frozenset({Role.PRESCRIBER, Role.NURSE})


# -- its lines -------------------------------------------------------------------------------------------


def _person(session: Session) -> Iterator[Finding]:
    known = Truth.TRUE if session.identity else Truth.UNKNOWN
    yield Finding(PERSON, known, "Name and birth date asked and typed.", "Ask for both and type them.")


def _screen(session: Session, now: Stamp) -> Iterator[Finding]:
    found = session.judged
    again = "Judge the screening again, with today's readings."
    if found is None or found.day != now.day:
        yield Finding(SCREEN, Truth.UNKNOWN, "The screening of today has not been judged.", again)
        return
    if not session.given and now.elapsed_s - session.judged_s > baseline_age_s(session.protocol):
        yield Finding(SCREEN, Truth.UNKNOWN, "The screening was judged too long ago.", again)
    if session.read_since:
        yield Finding(SCREEN, Truth.UNKNOWN, "Readings came or were struck after the screening was judged.", again)
    yield from found.blocking
    if found.verdict not in ("eligible", "caution") and not found.blocking:
        yield Finding(SCREEN, Truth.UNKNOWN, f"The verdict of today is {found.verdict}.", again)
    for caution in found.cautions:
        yield _decided(session, caution.row, caution.text, caution.remedy)
    if not found.blocking and found.verdict in ("eligible", "caution"):
        yield Finding(SCREEN, Truth.TRUE, f"Verdict of today: {found.verdict}.")


def _decided(session: Session, row: str, text: str, remedy: str) -> Finding:
    """Met when as many people as the row needs have decided in writing."""
    made = [one for one in session.decisions if (one.row, one.text) == (row, text)]
    signers = {one.by.id for one in made if one.by.role in deciders(row)}
    needed = int(session.protocol.number(DECIDE, "apart_signers")) if row == APART else 1
    met = len(signers) >= needed
    who = f"{needed} prescribers decide" if needed > 1 else "Prescriber or nurse writes what was done"
    if needed == 1 and Role.NURSE not in deciders(row):
        who = "The prescriber decides in writing"
    return Finding(row, Truth.TRUE if met else Truth.FALSE, text, f"{remedy} {who}.".strip(), decidable=True)


def _items(session: Session, now: Stamp) -> Iterator[Finding]:
    for item in session.protocol.items:
        if item.only == "maintenance" and session.maintenance is False:  # of a protocol kept before harm.toml
            continue
        if item.only == "maintenance" and session.maintenance is None:
            text = "It is not known whether this is a maintenance course."
            yield Finding(item.row, Truth.UNKNOWN, text, "Look it up in the plan.")
            continue
        if item.only == "later" and session.doses == 0 and not session.given:
            continue
        if item.only == "apart" and not any(f.rule == APART for f in _frequency(session, now)):
            continue
        check = session.check(item.name)
        if check is None or check.stamp.day != now.day:
            yield Finding(item.row, Truth.UNKNOWN, item.title, item.remedy)
        elif item.name == LIMITS and check.truth is Truth.TRUE and check.note != read_back(session):
            yield Finding(item.row, Truth.UNKNOWN, "A limit changed after the limits were read back.", item.remedy)
        elif item.name == TRIED and check.truth is Truth.TRUE and _other_screen(session, check):
            yield Finding(item.row, Truth.UNKNOWN, "Whoever watches now has not tried their screen.", item.remedy)
        elif item.unmet == "caution" and check.truth is Truth.FALSE:
            yield _decided(session, item.row, f"{item.title} Answered no.", item.remedy)
        else:
            yield Finding(item.row, check.truth, item.title, item.remedy)
    fear, line = session.fear, session.protocol.number(FEAR, "line")
    if fear is None:
        yield Finding(FEAR, Truth.UNKNOWN, "Fear of the session is not known.", "Ask for it, 0-10.")
    elif fear >= line:
        yield _decided(session, FEAR, f"Fear of the session is {fear} of 10, line {line}.", "Start low, or wait.")


def _harm(session: Session) -> Iterator[Finding]:
    """Overdue screens hold the doses of a maintenance course; a pattern that nobody has reviewed holds any (HAZ-54)."""
    if session.harm is None:
        text = "Screens for harm and the pattern of use are not looked up."
        yield Finding(HARM, Truth.UNKNOWN, text, "Judge the screening again.")
        return
    if session.maintenance is None:
        text = "It is not known whether this is a maintenance course, whose screens for harm have to be in date."
        yield Finding(HARM, Truth.UNKNOWN, text, "Look it up in the plan.")
    for found in session.harm:
        if found.met is Truth.FALSE or session.maintenance is True:
            yield found


def _other_screen(session: Session, check: Check) -> bool:
    """True where somebody else than whoever watches tried a screen, before the first dose."""
    return not session.given and session.observer is not None and check.by.id != session.observer.id


def _order(session: Session, now: Stamp) -> Iterator[Finding]:
    order = session.order
    if order is None:
        yield Finding("ORDER-SIGNED", Truth.UNKNOWN, "There is no order.", "The prescriber writes and signs one.")
        return
    before = [dose.given_mg or dose.mg for dose in session.given]
    found = orders.faults(order, session.protocol, session.patient, now.day, before)
    found += _overtaken(order, session.judged)
    yield from found
    if order.step != len(session.given) + 1:
        text = f"The order is for dose {order.step} of the session, which was given."
        yield Finding("HAZ-14", Truth.FALSE, text, "A further dose needs an order of its own.")
    elif not found:
        yield Finding("ORDER-SIGNED", Truth.TRUE, orders.said(order))


def _overtaken(order: Order, today: Judged | None) -> Iterator[Finding]:
    """What the order was written for has moved: the weight of the person, or the plan (HAZ-08, HAZ-22)."""
    if today is None:
        return
    anew = "The prescriber signs it anew."
    if (was := order.weight) is not None and (now := today.weight) != was:
        if now is None:
            text = f"The order was written for {was.quantity}; the chart has no weight for today: {today.no_weight}"
            yield Finding(orders.WEIGHT, Truth.UNKNOWN, text, "Weigh the patient.")
        elif now.quantity == was.quantity:
            days = f"of {was.on.isoformat()}; the chart says {now.quantity} of {now.on.isoformat()}"
            yield Finding(orders.WEIGHT, Truth.FALSE, f"The order was written for {was.quantity} {days}.", anew)
        else:
            text = f"The order was written for {was.quantity}; the chart says {now.quantity} today."
            yield Finding(orders.WEIGHT, Truth.FALSE, text, anew)
    if today.plan_fault:
        yield Finding(PLAN, Truth.FALSE, today.plan_fault, "A prescriber signs a plan first.")


def _watch(session: Session) -> Iterator[Finding]:
    if session.protocol.unsigned:
        yield Finding("CONTENT", Truth.FALSE, unsigned_words(*session.protocol.unsigned), "")
    for hold in session.held:
        yield Finding(hold.cause, Truth.FALSE, hold.text, "A prescriber reviews it and lifts the hold with a reason.")
    for alert in red_seen(session):
        yield Finding(alert.rows[0], Truth.FALSE, f"Red in this session: {alert.text}", "No further dose today.")
    observer = session.observer
    others = session.duty.others.get(observer.id) if observer else None
    most = session.protocol.number(ACUTE, "patients")
    text = f"One person watches {most} patient in the acute phase."
    if others is None:
        who = observer.name if observer else "Nobody"
        text = f"{text} {who} is not on the floor: it is not known whom else they watch."
        yield Finding(ACUTE, Truth.UNKNOWN, text, "Say on the board who is on the floor.")
        return
    met = Truth.TRUE if others + 1 <= most else Truth.FALSE
    yield Finding(ACUTE, met, text, "Hand the watch over to somebody who is free.")


def _pressure(session: Session) -> Iterator[Finding]:
    """In the raised range the pressure is taken again, so many times, so far apart (BPG-2)."""
    if session.judged is None or RAISED not in {finding.row for finding in session.judged.cautions}:
        return
    apart = session.protocol.seconds(PRESSURE, "apart_min")
    wanted = int(session.protocol.number(PRESSURE, "repeats")) + 1
    kept: list[int] = []
    for reading in valid(session, "systolic"):
        if not kept or reading.taken_s - kept[-1] >= apart:
            kept.append(reading.taken_s)
    text = f"Raised pressure: {len(kept)} of {wanted} readings, {apart // MINUTE} min apart."
    met = Truth.TRUE if len(kept) >= wanted else Truth.UNKNOWN
    yield Finding(PRESSURE, met, text, "Wait and take the pressure again, seated, with the correct cuff.")


def baseline_age_s(protocol: Protocol) -> int:
    """How old a baseline may be: the baseline minute of the route and the prescriber's minutes together."""
    return -min(protocol.vitals_min) * MINUTE + protocol.seconds(ALWAYS, "prescriber_min")


def _baseline(session: Session, now: Stamp) -> Iterator[Finding]:
    most = baseline_age_s(session.protocol)
    for name in VITALS:
        last = newest(session, name)
        title = session.protocol.measures[name].title
        if last is None:
            yield Finding(BASELINE, Truth.UNKNOWN, f"{title}: no reading before the dose.", "Take it.")
        elif not last.confirmed:
            yield Finding(BASELINE, Truth.UNKNOWN, f"{title}: a leap that nobody has repeated.", "Take it again.")
        else:
            age = now.elapsed_s - last.taken_s
            met = Truth.TRUE if age <= most and now.knows_age(last.taken_s) else Truth.UNKNOWN
            text = f"{title}: {last.quantity}, {age // MINUTE} min old, limit {most // MINUTE} min."
            yield Finding(BASELINE, met, text, "Take it again.")
    met = Truth.TRUE if newest(session, "cadss-6", "cadss") else Truth.UNKNOWN
    yield Finding("PRE-8", met, "Dissociation before the dose.", "Rate it.")


def _present(session: Session, now: Stamp) -> Iterator[Finding]:
    """Before a further dose: every vital value is present, and no check of the doses before is late."""
    here = replace(session, clock=now)
    for name in VITALS:
        value = shown(here, name)
        title = session.protocol.measures[name].title
        if value is None or not value.reading.confirmed or value.age_s > stale_after_s(session.protocol):
            yield Finding(STALE, Truth.UNKNOWN, f"{title}: no present value.", "Take it.")
    for check in late(here):
        yield Finding(ALWAYS, Truth.UNKNOWN, f"Check {check.state}: {check.about}.", "Do it first.")


def _often(session: Session, now: Stamp) -> Iterator[Finding]:
    if session.dose_times is None:
        yield Finding(OFTEN, Truth.UNKNOWN, "Earlier doses are not known.", "Look them up.")
        return
    if any(at > now.at for at in session.dose_times):
        text = "An earlier dose is recorded for later than now: a clock is wrong."
        yield Finding(OFTEN, Truth.UNKNOWN, text, "Set the server's clock right, then open the gate again.")
    yield from _clock_moved(session)
    for found in _frequency(session, now):
        if found.level == "never":
            yield Finding(found.rule, Truth.FALSE, found.text, "Not today.")
        else:
            yield _decided(session, found.rule, found.text, "")


def _calendar(session: Session) -> Iterator[Finding]:
    """What the calendar said when the screening was judged (HAZ-50, HAZ-55)."""
    for found in session.judged.calendar if session.judged else ():
        yield _decided(session, found.row, found.text, found.remedy) if found.decidable else found


def _clock_moved(session: Session) -> Iterator[Finding]:
    """How long ago the last dose was rests on the server's clock: where that was moved, a person looks (HAZ-37)."""
    off_s = session.judged.clock_off_s if session.judged else 0
    if abs(off_s) <= session.protocol.number("WATCH-SKEW", "skew_s"):
        return
    moved = f"The server's clock was moved {'ahead' if off_s > 0 else 'back'} by {abs(off_s) // MINUTE} min"
    text = f"{moved} since the last dose: it may be another time ago than it looks."
    yield _decided(session, CLOCK, text, "Look at a watch and a calendar, and when the last dose was.")


def _frequency(session: Session, now: Stamp) -> list[FrequencyFinding]:
    """What DOS-FREQ says of a dose now; what it says of earlier doses is past."""
    route, drug, book = session.protocol.route, session.protocol.drug, session.protocol.book
    return [f for f in frequency((*(session.dose_times or ()), now.at), route, drug, book) if f.at == now.at]
