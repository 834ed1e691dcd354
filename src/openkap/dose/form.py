"""
The monitoring form of a session, read off the record: for esketamine what the programme asks, for ketamine the same of
the site's own accord. What the record does not have is named as missing; nothing is filled in.

Source: fact sheet 4.8, MON-IN, GATE-SITE, GATE-ENROLLED, REPORT-*
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo

from openkap.dose.adverse import Adverse
from openkap.dose.due import MINUTE, valid
from openkap.dose.record import dose_words
from openkap.dose.session import Session
from openkap.kernel.quantity import number
from openkap.kernel.truth import Truth

PROGRAMME = {"esketamine": ("site-certified", "patient-enrolled")}
PRESSURE = ("systolic", "diastolic")


@dataclass(frozen=True, slots=True)
class Form:
    """
    One monitoring form.

    Args:
        asked: True for esketamine, where the programme asks for it; False where the site keeps it of its own accord.
        doses: in words; pressures: minute from the start (before it negative) and both values.
        worst_sedation, worst_dissociation: scale and value, or None where nobody rated.
        stay_min: from the start of the last dose to the end of the session, or to now.
        events: adverse events, serious ones marked.
        missing: what the record does not have.
    """

    asked: bool
    doses: tuple[str, ...]
    pressures: tuple[tuple[int, str], ...]
    worst_sedation: str | None
    worst_dissociation: str | None
    stay_min: int | None
    events: tuple[str, ...]
    missing: tuple[str, ...]


def monitoring_form(session: Session, events: Iterable[Adverse] = (), zone: tzinfo = UTC) -> Form:
    """The form of a session as its record stands; times are of the zone."""
    start = session.started_s
    pressures = _pressures(session)
    sedation, dissociation = _worst(session, "moaas", low=True), _worst(session, "cadss-6", "cadss", low=False)
    until = session.now_s if session.over_s is None else session.over_s  # a note of the next day is no longer stay
    stay = (until - start) // MINUTE if start is not None else None
    lacks = [name for name in PROGRAMME.get(session.protocol.drug, ()) if not _yes(session, name)]
    lacks += [] if start is not None else ["dose"]
    lacks += [] if any(minute < 0 for minute, _ in pressures) else ["pressure before the dose"]
    lacks += [f"pressure at about {slot} min" for slot in _unserved(session, pressures)]
    lacks += [] if sedation else ["sedation"]
    lacks += [] if dissociation else ["dissociation"]
    return Form(
        asked=session.protocol.drug in PROGRAMME,
        doses=tuple(dose_words(dose, zone) for dose in session.given),
        pressures=pressures,
        worst_sedation=sedation,
        worst_dissociation=dissociation,
        stay_min=stay,
        events=tuple(_event(event) for event in events),
        missing=tuple(lacks),
    )


def _yes(session: Session, name: str) -> bool:
    check = session.check(name)
    return check is not None and check.truth is Truth.TRUE


def _pressures(session: Session) -> tuple[tuple[int, str], ...]:
    """Pressures of which both values were taken at one moment, by minute from the start of the last dose."""
    start = session.started_s or 0
    taken: dict[int, dict[str, str]] = {}
    for reading in valid(session, *PRESSURE):
        taken.setdefault(reading.taken_s, {})[reading.measure] = number(reading.quantity.value)
    both = {at: values for at, values in taken.items() if set(values) == set(PRESSURE)}
    return tuple(((at - start) // MINUTE, f"{v['systolic']}/{v['diastolic']} mmHg") for at, v in sorted(both.items()))


def _unserved(session: Session, pressures: tuple[tuple[int, str], ...]) -> list[int]:
    """Minutes of the schedule that have passed without a pressure within the nurse's minutes of it."""
    if session.started_s is None:
        return []
    near = session.protocol.seconds("MON-X", "nurse_min") // MINUTE
    passed = ((session.now_s if session.over_s is None else session.over_s) - session.started_s) // MINUTE
    slots = [slot for slot in session.protocol.vitals_min if 0 <= slot <= passed]
    return [slot for slot in slots if not any(abs(minute - slot) <= near for minute, _ in pressures)]


def _worst(session: Session, *measures: str, low: bool) -> str | None:
    start = session.given[0].started.elapsed_s if session.given else None  # every dose of the session counts
    found = [r for r in valid(session, *measures) if start is not None and r.taken_s >= start]
    if not found:
        return None
    pick = min if low else max
    worst = pick(found, key=lambda reading: reading.quantity.value)
    return f"{session.protocol.measures[worst.measure].title} {number(worst.quantity.value)}"


def _event(event: Adverse) -> str:
    grade = f"grade {event.grade}" if event.grade is not None else "not graded"
    serious = "seriousness not asked" if event.serious is None else "serious" if event.serious else "not serious"
    return f"{event.term or 'no term'}: {event.text} ({grade}, {serious})"
