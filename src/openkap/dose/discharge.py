"""
Whether somebody may go home: worked out from the record, never ticked.

Each criterion is met, not met or not known, and only met counts. The earliest time is the later of the shortest stay
and the criteria. A value that is old, unconfirmed or overdue is not known.

Source: DIS-*, MON-*; hazards 37, 38, 43, 44
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from openkap.dose.due import MINUTE, late, newest, stale_after_s, valid
from openkap.dose.library import Content
from openkap.dose.session import Session
from openkap.dose.types import Finding, Reading, Stamp
from openkap.kernel.quantity import number
from openkap.kernel.truth import Truth
from openkap.plan.book import Book

STAY, PRESSURE, VITALS, SCORE, MIND, DISSOCIATION, STOMACH, SAFETY, ESCORT = (f"DIS-{n}" for n in range(1, 10))
VOMIT = "vomit"
FRESH = (
    "room-air-now",
    "oriented",
    "walks",
)  # what may change again in recovery: asked since the last check, not only since the dose
TRUTHS = {True: Truth.TRUE, False: Truth.FALSE}


def criteria(session: Session, now: Stamp) -> tuple[Finding, ...]:
    """Every criterion as it stands now, in the order of the rows; all TRUE: the patient may be discharged."""
    return tuple(
        finding
        for part in (_stay, _pressure, _vitals, _score, _mind, _dissociation, _stomach, _asked, _open)
        for finding in part(session, now)
    )


def ready(findings: tuple[Finding, ...]) -> bool:
    """True if every criterion is met."""
    return bool(findings) and all(finding.met is Truth.TRUE for finding in findings)


def earliest_s(session: Session) -> int | None:
    """
    When the shortest stay ends, from the start of the last dose and from its end; None before it has ended.

    Seconds that only the wall clock says have passed (a restart of the machine) are added: they may not have.
    """
    last = session.given[-1] if session.given else None
    if last is None or last.ended is None:
        return None
    unsure_s, protocol = session.clock.unsure_s if session.clock else 0, session.protocol
    return max(
        stamp.elapsed_s + minutes * MINUTE + unsure_s - stamp.unsure_s
        for stamp, minutes in ((last.started, protocol.min_stay_min), (last.ended, protocol.after_end_min))
    )


# -- the criteria ----------------------------------------------------------------------------------------


def _stay(session: Session, now: Stamp) -> Iterator[Finding]:
    until = earliest_s(session)
    if until is None:
        yield Finding(STAY, Truth.UNKNOWN, "The dose has not ended.", "End it, or record that it ended.")
        return
    left = max(0, until - now.elapsed_s)
    text = f"Shortest stay: {-(-left // MINUTE)} min left." if left else "Shortest stay has passed."
    yield Finding(STAY, TRUTHS[left == 0], text, "Wait.")


def _pressure(session: Session, now: Stamp) -> Iterator[Finding]:
    """The newest pressure and one at least `apart_min` earlier, and every one between them, within the limits."""
    apart = session.protocol.seconds(PRESSURE, "apart_min")
    within = session.protocol.number(PRESSURE, "within")
    for name in ("systolic", "diastolic"):
        title = session.protocol.measures[name].title
        below, base = session.protocol.number(PRESSURE, name), session.baseline.get(name)
        last = _present(session, now, name)
        taken = [r for r in valid(session, name) if _after(session, r)]
        first = next((r for r in reversed(taken) if last and last.taken_s - r.taken_s >= apart), None)
        if last is None or first is None or base is None:
            text = f"{title}: no two present readings {apart // MINUTE} min apart, or no baseline."
            yield Finding(PRESSURE, Truth.UNKNOWN, text, "Take the pressure.", taken_s=last.taken_s if last else None)
            continue
        stretch = [r for r in taken if first.taken_s <= r.taken_s <= last.taken_s]
        good = all(r.confirmed and abs(r.quantity.value - base) <= within and r.quantity.value < below for r in stretch)
        text = f"{title} {first.quantity}, then {last.quantity}; baseline {number(base)}, limit below {number(below)}."
        remedy = f"Wait, and take it twice {apart // MINUTE} min apart."
        yield Finding(PRESSURE, TRUTHS[good], text, remedy, taken_s=last.taken_s)


def _vitals(session: Session, now: Stamp) -> Iterator[Finding]:
    number_of = session.protocol.number
    floor, base = number_of(VITALS, "spo2"), session.baseline.get("spo2")
    for name, least, most in (
        ("spo2", min(floor, base) if base is not None else floor, None),
        ("respiratory-rate", number_of(VITALS, "breath_low"), number_of(VITALS, "breath_high")),
        ("heart-rate", number_of(VITALS, "pulse_low"), number_of(VITALS, "pulse_high")),
    ):
        yield _between(session, now, VITALS, name, least, most)


def _score(session: Session, now: Stamp) -> Iterator[Finding]:
    """Aldrete or MPADSS: one is enough; the better known of the two speaks."""
    found = [
        _between(session, now, SCORE, name, session.protocol.number(SCORE, name), None)
        for name in ("aldrete", "mpadss")
    ]
    order = (Truth.TRUE, Truth.FALSE, Truth.UNKNOWN)
    yield min(found, key=lambda finding: order.index(finding.met))


def _mind(session: Session, now: Stamp) -> Iterator[Finding]:
    yield _between(session, now, MIND, "moaas", session.protocol.number(MIND, "moaas"), None)


def _dissociation(session: Session, now: Stamp) -> Iterator[Finding]:
    last = _present(session, now, "cadss-6", "cadss")
    if last is None:
        yield Finding(DISSOCIATION, Truth.UNKNOWN, "Dissociation: no present rating.", "Rate it.")
        return
    base = session.baseline.get(last.measure)
    line = session.protocol.number(DISSOCIATION, "cadss") if last.measure == "cadss" else None
    if base is None and line is None:
        text = "Dissociation: no baseline on the same scale, and this scale has no cut-off."
        remedy = "Rate it on the scale of the baseline."
        yield Finding(DISSOCIATION, Truth.UNKNOWN, text, remedy, taken_s=last.taken_s)
        return
    most = max(limit for limit in (base, line) if limit is not None)
    text = f"Dissociation {number(last.quantity.value)}, limit {number(most)}."
    met = TRUTHS[last.quantity.value <= most]
    yield Finding(DISSOCIATION, met, text, "Wait, and rate it again.", taken_s=last.taken_s)


def _stomach(session: Session, now: Stamp) -> Iterator[Finding]:
    quiet = session.protocol.seconds(STOMACH, "minutes")
    times = [mark.seen_s for mark in session.marks if mark.name == VOMIT]
    calm = not times or now.surely_since(max(times)) >= quiet
    yield Finding(STOMACH, TRUTHS[calm], f"No vomiting for {quiet // MINUTE} min.", "Wait.")


def _asked(session: Session, now: Stamp) -> Iterator[Finding]:
    for item in session.protocol.checks:
        check = session.check(item.name)
        since = session.ended_s
        seen = max((mark.seen_s for mark in session.marks if mark.name == item.after), default=-1)
        if check is None or since is None or check.happened_s < since:
            yield Finding(item.row, Truth.UNKNOWN, item.title, "Ask, and enter the answer.")
        elif check.happened_s <= seen:
            text = f"{item.title} {session.protocol.marks[item.after].title} was marked after the answer."
            yield Finding(item.row, Truth.UNKNOWN, text, "Ask again.", taken_s=check.happened_s)
        elif item.name in FRESH and _old(session, now, check.happened_s):
            text = f"{item.title} The answer is old."
            yield Finding(item.row, Truth.UNKNOWN, text, "Ask again.", taken_s=check.happened_s)
        else:
            remedy = "Ask again when it may have changed."
            yield Finding(item.row, check.truth, item.title, remedy, taken_s=check.happened_s)


def _open(session: Session, _: Stamp) -> Iterator[Finding]:
    alerts, checks = session.open_alerts(), late(session)
    text = "; ".join([alert.text for alert in alerts] + [f"late: {check.about}" for check in checks])
    yield Finding("ALERTS", TRUTHS[not text], text or "No alert is open, no check is late.", "Settle them first.")


# -- parts -----------------------------------------------------------------------------------------------


def _after(session: Session, reading: Reading) -> bool:
    return session.ended_s is not None and reading.taken_s >= session.ended_s


def _present(session: Session, now: Stamp, *measures: str) -> Reading | None:
    """The newest reading, if it was taken after the dose, is confirmed and is not old."""
    last = newest(session, *measures)
    if last is None or not last.confirmed or not _after(session, last):
        return None
    return None if _old(session, now, last.taken_s) else last


def _old(session: Session, now: Stamp, at_s: int) -> bool:
    return not now.knows_age(at_s) or now.elapsed_s - at_s > stale_after_s(session.protocol)


def _between(session: Session, now: Stamp, row: str, name: str, least: Decimal, most: Decimal | None) -> Finding:
    title = session.protocol.measures[name].title
    last = _present(session, now, name)
    if last is None:
        return Finding(row, Truth.UNKNOWN, f"{title}: no present reading.", "Take it.")
    value = last.quantity.value
    limits = f"{number(least)}" if most is None else f"{number(least)}-{number(most)}"
    good = value >= least and (most is None or value <= most)
    text = f"{title} {last.quantity}, limit {limits}."
    return Finding(row, TRUTHS[good], text, "Wait, and take it again.", taken_s=last.taken_s)


# -- the sheet that goes home ----------------------------------------------------------------------------


def advice(content: Content, book: Book) -> tuple[str, ...]:
    """What stands on the sheet that goes home, in order, with the numbers of the DIS rows as the site uses them."""
    rows = sorted(content.discharge.advice, key=lambda row: row.place)
    numbers = {row.id: {k: number(v) for k, v in row.numbers.items()} for row in book.monitoring.statement}
    return tuple(row.words.format(**numbers[row.row]) for row in rows)
