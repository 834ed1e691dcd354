"""
The only writers of adverse events beside the drafts of the session itself (effects.py): filed at one tap from an alert
or by hand, changed in a new version, reviewed by a prescriber. What nobody has reviewed holds the next dose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.db.models import Q
from django.utils import timezone

from openkap.dose import adverse, store
from openkap.dose import events as e
from openkap.dose.adverse import Adverse
from openkap.dose.floor import staff_of
from openkap.dose.known import read
from openkap.dose.library import shipped
from openkap.dose.models import AdverseVersion, DosingSession
from openkap.dose.services import act, hold_next
from openkap.dose.session import Session
from openkap.dose.types import ENDED, Phase, Staff, Stamp
from openkap.kernel.errors import Conflict, Forbidden, UnknownName, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.together import together
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.plan.library import adverse_events
from openkap.plan.types import AdverseEvent as Term

CHANGES = frozenset(
    {"text", "term", "grade", "onset_min", "resolved_min", "relation", "action", "serious"}
)  # what a person enters; the rest follows from session and alert


@cache
def terms() -> Mapping[str, Term]:
    """The list of terms by id: AE rows of the plan room."""
    return {row.id: row for row in adverse_events().event}


def file_alert(principal: Principal, row: DosingSession, alert: str, *, origin: Origin | None = None) -> AdverseVersion:
    """
    An event from an alert of the session, at one tap; the same alert is filed once.

    Raises:
        Forbidden: not a clinician. UnknownName: the session has no such alert.
    """
    by = _clinician(principal)
    with together():
        held = _held(row)
        session, _ = store.replayed(row)
        found = next((one for one in session.alerts if one.id == alert), None)
        if found is None:
            raise UnknownName("This session has no such alert: go back and choose one of the list.")
        made = adverse.drafted(session, found, by, timezone.now())
        if (there := newest(held, made.id)) is not None:
            return there
        return _write(principal, held, made, "filed from an alert", origin)


def file(
    principal: Principal, row: DosingSession, *, key: str = "", origin: Origin | None = None, **fields: Any
) -> AdverseVersion:
    """
    An event by hand, as far as it is known.

    Args:
        key: of the form; the same key is one event. fields: of `Adverse`, those in CHANGES.

    Raises:
        Forbidden: not a clinician. UserError: nothing says what happened, or a field is not of its list.
    """
    by = _clinician(principal)
    given = _known(fields)
    if not str(given.get("text", "")).strip() and given.get("term") is None:
        raise UserError("text: write what happened, or choose a term.")
    with together():
        held = _held(row)
        session, _ = store.replayed(row)
        name = f"ae-hand-{key or uuid4()}"
        if (there := newest(held, name)) is not None:
            return there
        blank = Adverse(name, session.patient, session.id, by, timezone.now(), session.protocol.drug, version=0)
        made = adverse.amended(blank, terms(), shipped(), **given)
        return _write(principal, held, made, "filed by hand", origin)


def amend(
    principal: Principal,
    row: DosingSession,
    event: str,
    *,
    expected_version: int,
    reason: str = "",
    origin: Origin | None = None,
    **fields: Any,
) -> AdverseVersion:
    """
    The next version of an event. It is open for review again, and holds the next dose until then.

    Args:
        event: its id. expected_version: the one on the page. reason: needed once the event was reviewed.

    Raises:
        Forbidden: not a clinician. UnknownName: no such event. Conflict: somebody changed it meanwhile.
        UserError: a field is not of its list, nothing is changed, or a reviewed event is changed without a reason.
    """
    by = _clinician(principal)
    given = _known(fields)
    with together():
        held = _held(row)
        last = _expected(held, event, expected_version)
        was = read(last)
        if all(getattr(was, name) == value for name, value in given.items()):
            raise UserError("event: nothing was changed; change a field, or leave it as it is.")
        if was.reviewed and not reason.strip():
            raise UserError("reason: the event was reviewed; write why it is changed.")
        made = replace(adverse.amended(was, terms(), shipped(), **given), by=by, at=timezone.now())
        return _write(principal, held, made, reason.strip() or "completed", origin)


def review(
    principal: Principal,
    row: DosingSession,
    event: str,
    *,
    expected_version: int,
    words: str,
    origin: Origin | None = None,
) -> AdverseVersion:
    """
    A prescriber has reviewed an event: it holds the next dose no longer, also in a session that is open now.

    Raises:
        Conflict: somebody changed it meanwhile, or it was reviewed. UnknownName: no such event.
        Forbidden: not a prescriber. UserError: no words, or something is still missing.
    """
    if not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber reviews an adverse event: tell one of them.")
    by = Staff(str(principal.user_id), principal.name, Role.PRESCRIBER)
    with together():
        held = _held(row)
        was = read(_expected(held, event, expected_version))
        if was.reviewed:
            raise Conflict(f"{was.reviewed[0].name} has reviewed this event: read it again.")
        seen = adverse.review(was, by, timezone.now(), words.strip())
        made = _write(principal, held, replace(seen, version=was.version + 1), "reviewed", origin)
        _lift(principal, held.patient_id, was, words.strip(), origin)
        return made


def newest(row: DosingSession, event: str) -> AdverseVersion | None:
    """The newest version of an event of a session."""
    return AdverseVersion.objects.filter(session=row, event=event).order_by("-version").first()


# -- parts -----------------------------------------------------------------------------------------------


def _clinician(principal: Principal) -> Staff:
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician files or changes an adverse event: tell one of them.")
    return staff_of(principal)


def _held(row: DosingSession) -> DosingSession:
    """The session of the event, held; with it every open one of the patient, whose doses it may hold."""
    rows = DosingSession.objects.select_related("patient", "site").select_for_update(of=("self",), no_key=True)
    mine = rows.filter(Q(pk=row.pk) | Q(patient=row.patient_id, ended_at=None)).order_by("pk")
    return next(one for one in mine if one.pk == row.pk)


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    if strange := sorted(set(fields) - CHANGES):
        raise UserError(f"event: {strange[0]} is nothing that is entered here.")
    return dict(fields)


def _expected(row: DosingSession, event: str, version: int) -> AdverseVersion:
    last = newest(row, event)
    if last is None:
        raise UnknownName("This session has no such event: go back to the list.")
    if last.version != version:
        raise Conflict(
            f"This event is at version {last.version}, you read version {version}: read it again, then change it."
        )
    return last


def _write(
    principal: Principal, row: DosingSession, made: Adverse, reason: str, origin: Origin | None
) -> AdverseVersion:
    """Keep a version; what is not reviewed holds the dose of every session of this patient that is open now."""
    kept = AdverseVersion.objects.create(
        session=row,
        patient_id=row.patient_id,
        event=made.id,
        version=made.version,
        document=msgspec.json.encode(made).decode(),
        reason=reason,
        reviewed=made.reviewed is not None,
        at=timezone.now(),
        by_id=principal.user_id,
    )
    told = Event(
        "dosing",
        "C" if made.version == 1 else "U",
        patient_id=row.patient_id,
        purpose=Purpose.TREATMENT,
        entity=f"AdverseVersion/{kept.pk}",
        entity_version=made.version,
        reason="adverse event reviewed" if made.reviewed else "adverse event",
    )
    audit.record(row.site_id, [told], principal=principal, origin=origin)
    if made.reviewed is None:
        for other in _open(row.patient_id):
            hold_next(other, origin)
    return kept


def _open(patient_id: UUID) -> list[DosingSession]:
    rows = DosingSession.objects.filter(patient=patient_id, ended_at=None).exclude(phase=Phase.BOOKED.value)
    return list(rows.select_related("patient", "site").order_by("pk"))


def _lift(principal: Principal, patient_id: UUID, event: Adverse, words: str, origin: Origin | None) -> None:
    """Lift what the event holds in a session that is open, with the words of the review."""
    for other in _open(patient_id):
        session, _ = store.replayed(other)
        if session.phase in ENDED or event.id not in {hold.id for hold in session.held}:
            continue

        def lifted(by: Staff, now: Session, _: Stamp) -> e.Event:
            who = Staff(by.id, by.name, Role.PRESCRIBER)
            return e.LiftHold(
                key=f"review-{uuid4()}", patient=now.patient, by=who, hold=event.id, reason=f"Reviewed: {words}"
            )

        done = act(principal, other, lifted, origin=origin)
        if done.refused is not None:
            raise UserError(f"review: the hold stays ({done.refused.text}); nothing was kept.")
