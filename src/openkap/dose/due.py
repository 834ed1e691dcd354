"""
What is to be measured when: the due-clock of a route (MON), rechecks of values that raised an alert, and how old a
value may be before it is shown as overdue.

A check has slots, one for each minute of the schedule; a slot is done when each group of the check has a reading of its
own, taken at most `nurse_min` before the minute. One reading serves one slot.

Source: MON-*, MON-X, WATCH-RECHECK
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from openkap.dose.protocol import Protocol
from openkap.dose.session import Session
from openkap.dose.types import Reading

ALWAYS, RECHECK = "MON-X", "WATCH-RECHECK"
MINUTE = 60

State = Literal["done", "to come", "due", "late", "missed"]


@dataclass(frozen=True, slots=True)
class Due:
    """
    One check.

    Args:
        about: `vitals 10`, `mind 20`, `vitals 10 (dose 2)`, `recheck systolic`: one alert stands for one of these.
        at_s: when it is due; lacking: groups that have no reading yet.
        state: `late` beyond the nurse's minutes, `missed` beyond the prescriber's.
    """

    about: str
    at_s: int
    lacking: tuple[str, ...]
    state: State


def due(session: Session) -> tuple[Due, ...]:
    """
    Every check since the first dose began, up to the next one of each kind, and every recheck.

    A further dose begins a schedule of its own; what was due before it stays due.
    """
    return session.once("due", lambda: _due(session))


def _due(session: Session) -> tuple[Due, ...]:
    found: list[Due] = []
    for kind, minutes in (("vitals", session.protocol.vitals_min), ("mind", session.protocol.mind_min)):
        groups = sorted({m.group for m in session.protocol.measures.values() if m.check == kind})
        checks = _checks(session, kind, minutes)
        lacking = _lacking(session, groups, [at_s for _, at_s in checks])
        for (about, at_s), without in zip(checks, lacking, strict=True):
            found.append(Due(about, at_s, without, _state(session, at_s, bool(without))))
    return (*found, *_rechecks(session))


def upcoming(session: Session) -> Due | None:
    """The check that comes first of those not done: the one that the board shows."""
    return min((d for d in due(session) if d.state != "done"), key=lambda d: d.at_s, default=None)


def late(session: Session) -> tuple[Due, ...]:
    """Checks that are late or missed."""
    return tuple(d for d in due(session) if d.state in ("late", "missed"))


def valid(session: Session, *measures: str) -> list[Reading]:
    """Readings that were not voided, of these measures or of all, in the order in which they were taken."""
    found = session.once("valid", lambda: _valid(session))
    return [r for r in found if r.measure in measures] if measures else list(found)


def _valid(session: Session) -> tuple[Reading, ...]:
    kept = [r for r in session.readings if not r.voided]
    return tuple(sorted(kept, key=lambda r: (r.taken_s, r.entered.elapsed_s)))


def newest(session: Session, *measures: str) -> Reading | None:
    """The last valid reading of these measures."""
    return next(reversed(valid(session, *measures)), None)


def stale_after_s(protocol: Protocol) -> int:
    """
    How old a value may be and still be shown, or read, as present: the longest gap of the later schedule, and what the
    nurse may be late.
    """
    return (protocol.later_min * MINUTE) + protocol.seconds(ALWAYS, "nurse_min")


@dataclass(frozen=True, slots=True)
class Shown:
    """A value with its age: the two are never apart. `overdue` values are struck grey."""

    reading: Reading
    age_s: int
    overdue: bool


def shown(session: Session, measure: str) -> Shown | None:
    """The last value of a measure as a screen may show it; None where there is none."""
    last = newest(session, measure)
    if last is None:
        return None
    age = session.now_s - last.taken_s
    check = session.protocol.measures[measure].check
    overdue = _stale(session, last) or any(d.about.startswith(f"{check} ") for d in late(session))
    return Shown(last, age, overdue)


def _checks(session: Session, kind: str, minutes: Iterable[int]) -> list[tuple[str, int]]:
    """Name and time of every check of a kind: of each dose those before the next dose began."""
    found = []
    starts = [dose.started.elapsed_s for dose in session.given]
    for place, (start, until) in enumerate(zip(starts, (*starts[1:], None), strict=False), 1):
        dose = f" (dose {place})" if place > 1 else ""
        for slot in _slots(minutes, session.protocol.later_min, ((until or session.now_s) - start) // MINUTE):
            at_s = start + slot * MINUTE
            if until is None or at_s < until:
                found.append((f"{kind} {slot}{dose}", at_s))
    return found


def _stale(session: Session, reading: Reading) -> bool:
    known = session.clock is None or session.clock.knows_age(reading.taken_s)
    return not known or session.now_s - reading.taken_s > stale_after_s(session.protocol)


def _slots(minutes: Iterable[int], later_min: int, now_min: int) -> list[int]:
    """Minutes after the start: those of the schedule, then every `later_min` up to the first that is still to come."""
    slots = [minute for minute in minutes if minute >= 0]
    while slots[-1] <= now_min:
        slots.append(slots[-1] + later_min)
    return slots[: next(i for i, minute in enumerate(slots) if minute > now_min) + 1]


def _lacking(session: Session, groups: list[str], times: list[int]) -> list[tuple[str, ...]]:
    early = session.protocol.seconds(ALWAYS, "nurse_min")
    start = session.given[0].started.elapsed_s if session.given else 0
    without: list[list[str]] = [[] for _ in times]
    for group in groups:
        taken = [r.taken_s for r in valid(session) if session.protocol.measures[r.measure].group == group]
        waiting = [t for t in taken if t >= start]
        for place, at_s in enumerate(times):
            serving = next((t for t in waiting if t >= at_s - early), None)
            if serving is None:
                without[place].append(group)
            else:
                waiting = [t for t in waiting if t > serving]
    return [tuple(names) for names in without]


def _state(session: Session, at_s: int, lacks: bool) -> State:
    if not lacks:
        return "done"
    over = session.now_s - at_s
    if over > session.protocol.seconds(ALWAYS, "prescriber_min"):
        return "missed"
    if over > session.protocol.seconds(ALWAYS, "nurse_min"):
        return "late"
    return "due" if over >= 0 else "to come"


def _rechecks(session: Session) -> list[Due]:
    """A value behind an open alert is measured again; there is no grace beyond the minutes of the row."""
    found = []
    for alert in session.open_alerts():
        last = newest(session, alert.about) if alert.about in session.protocol.measures else None
        if last is None:
            continue
        again = 0 if not last.confirmed else session.protocol.seconds(RECHECK, "recheck_min")
        at_s = last.taken_s + again
        late_at = last.taken_s + session.protocol.seconds(RECHECK, "recheck_min")
        state: State = "late" if session.now_s > late_at else "due" if session.now_s >= at_s else "to come"
        found.append(Due(f"recheck {alert.about}", at_s, (alert.about,), state))
    return found
