"""
Adverse events: graded, timed, linked, routed, and a hold on the next dose until a prescriber has reviewed them.

Free text may suggest an event and never files one.

Source: AE-* (plan room), GRADE-*, SERIOUS-*, REPORT-*, RES-8; hazard 51
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from openkap.dose.events import Untoward
from openkap.dose.library import Content
from openkap.dose.rows import ReportRow
from openkap.dose.session import Session
from openkap.dose.types import Alert, Hold, Staff
from openkap.kernel.errors import UserError
from openkap.people.types import Role
from openkap.plan.types import AdverseEvent as Term
from openkap.plan.types import Drug

Relation = Literal["not assessed", "unrelated", "unlikely", "possible", "probable", "definite"]

CAUSE = "RES-8"
_WORD = re.compile(r"[a-z]{5,}")
_COMMON = frozenset(
    {"during", "feeling", "session", "increased", "reaction", "events"}
)  # in terms, and everywhere else


@dataclass(frozen=True, slots=True)
class Adverse:
    """
    One event.

    Args:
        id, version: an amendment is a new version; the old ones stay.
        term: AE row, None while nobody chose one; grade: 1-5, None while nobody graded it.
        onset_min, resolved_min: minutes from the start of the dose; None where not known, or not over.
        serious: names of SERIOUS rows that hold; None while nobody asked.
        alert: the alert it came from; red: that alert was red.
        reviewed: by which prescriber, when, with which words.
    """

    id: str
    patient: str
    session: str
    by: Staff
    at: datetime
    drug: Drug
    text: str = ""
    term: str | None = None
    grade: int | None = None
    onset_min: int | None = None
    resolved_min: int | None = None
    relation: Relation = "not assessed"
    action: str = ""
    serious: tuple[str, ...] | None = None
    alert: str = ""
    red: bool = False
    version: int = 1
    reviewed: tuple[Staff, datetime, str] | None = None


def drafted(session: Session, alert: Alert, by: Staff, at: datetime) -> Adverse:
    """An event from an alert, at one tap: what the record knows is filled in, what a person must judge is not."""
    start = session.given[0].started.elapsed_s if session.given else None  # as the record counts: from the first dose
    onset = (alert.raised_s - start) // 60 if start is not None else None
    return Adverse(
        f"ae-{alert.id}", session.patient, session.id, by, at, session.protocol.drug, alert.text,
        onset_min=onset, alert=alert.id, red=alert.level == "red",
    )  # fmt: skip


def tapped(session: Session, event: Untoward, at_s: int, at: datetime) -> Adverse:
    """An event at one tap at the chair: who and when; what it was is entered later."""
    start = session.given[0].started.elapsed_s if session.given else None
    onset = (at_s - start) // 60 if start is not None and at_s >= start else None
    return Adverse(
        f"ae-{event.key}", session.patient, session.id, event.by, at, session.protocol.drug,
        "Seen at the chair, to be described.", onset_min=onset,
    )  # fmt: skip


def missing(event: Adverse) -> tuple[str, ...]:
    """What is still to be entered before a report is complete."""
    asked = {
        "term": event.term,
        "grade": event.grade,
        "onset": event.onset_min,
        "relation": None if event.relation == "not assessed" else event.relation,
        "action": event.action or None,
        "serious": event.serious,
    }
    return tuple(name for name, value in asked.items() if value is None)


def amended(event: Adverse, terms: Mapping[str, Term], content: Content, **changes: object) -> Adverse:
    """
    The next version of an event; a change opens it for review again.

    Raises:
        UserError: a term, grade or kind of seriousness that does not exist, or an end before the onset.
    """
    new: Adverse = replace(event, **changes, version=event.version + 1, reviewed=None)  # type: ignore[arg-type]
    if new.term is not None and new.term not in terms:
        raise UserError(f"term: {new.term} is no adverse event of the list; choose one of it.")
    if new.grade is not None and new.grade not in {row.grade for row in content.adverse.grade}:
        raise UserError(f"grade: {new.grade} is not 1 to 5.")
    known = {row.name for row in content.adverse.serious}
    if strange := sorted(set(new.serious or ()) - known):
        raise UserError(f"serious: {strange[0]} is none of {', '.join(sorted(known))}.")
    if new.onset_min is not None and new.resolved_min is not None and new.resolved_min < new.onset_min:
        raise UserError("resolved: the event ends before it began; correct one of the times.")
    return new


def review(event: Adverse, by: Staff, at: datetime, words: str) -> Adverse:
    """
    The event as a prescriber has reviewed it: the next dose is no longer held for it.

    Raises:
        UserError: not a prescriber, no words, or something is still missing.
    """
    if by.role is not Role.PRESCRIBER:
        raise UserError("review: only a prescriber reviews an adverse event.")
    if not words.strip():
        raise UserError("review: write what was found.")
    if lacking := missing(event):
        raise UserError(f"review: enter {', '.join(lacking)} first.")
    return replace(event, reviewed=(by, at, words))


def holds(events: Iterable[Adverse]) -> tuple[Hold, ...]:
    """One hold on the next dose for each event that no prescriber has reviewed."""
    return tuple(
        Hold(event.id, CAUSE, f"Adverse event not reviewed: {event.text or event.term or event.id}")
        for event in events
        if event.reviewed is None
    )


def told(event: Adverse, content: Content) -> frozenset[str]:
    """
    Who is told: the prescriber always, the medical director by grade and seriousness.

    What nobody has graded or asked is not taken for mild: after a red alert the director is told meanwhile.
    """
    severe = {row.grade for row in content.adverse.grade if row.tell_director}
    unknown = event.red and (event.grade is None or event.serious is None)
    director = event.grade in severe or bool(event.serious) or unknown
    return frozenset({"prescriber", "medical director"} if director else {"prescriber"})


def reports(event: Adverse, content: Content) -> tuple[ReportRow, ...]:
    """Who outside may ask for a report; while seriousness is not known all that could."""
    return tuple(
        row
        for row in content.adverse.report
        if row.drug == event.drug and (not row.serious_only or event.serious is None or event.serious)
    )


def suggested(text: str, terms: Mapping[str, Term]) -> tuple[str, ...]:
    """Rows whose words stand in a free text, for a person to file or not; nothing is filed here."""
    words = set(_WORD.findall(text.lower()))
    found = []
    for row in terms.values():
        own = set(_WORD.findall(row.term.lower())) - _COMMON
        if any(word.startswith(mine[:6]) for word in words for mine in own):
            found.append(row.id)
    return tuple(found)
