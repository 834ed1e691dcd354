"""
What is done after a session: calls and other tasks are closed with what came of them, its note is signed.

Each is one transaction with its audit event. A note is never written over: a change is a new version with a reason.
"""

from __future__ import annotations

import hashlib
from datetime import date

from django.utils import timezone

from openkap.dose import store
from openkap.dose.floor import staff_of
from openkap.dose.models import DosingSession, SessionNote, Task
from openkap.dose.record import note
from openkap.dose.selectors import note_of
from openkap.dose.session import Session
from openkap.dose.types import ENDED
from openkap.kernel.errors import Conflict, Forbidden, UnknownName, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.together import together
from openkap.people.types import CLINICIANS, Principal, Purpose
from openkap.screen.services import confirm_person

MEANING = "I have read this note against the record of the session, corrected it where it was wrong, and it is mine."
LONGEST_OUTCOME = 1000


def close_task(principal: Principal, patient: Patient, pk: int, *, outcome: str, origin: Origin | None = None) -> Task:
    """
    Close a task with what came of it.

    Args:
        patient: visible to the principal for treatment.

    Raises:
        Forbidden: not a clinician. UnknownName: the patient has no such task. UserError: no outcome.
        Conflict: somebody has closed it meanwhile.
    """
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician closes a task of a session: ask one of them.")
    said = outcome.strip()
    if not said:
        raise UserError("outcome: write what came of it, also if nobody could be reached.")
    if len(said) > LONGEST_OUTCOME:
        raise UserError(f"outcome: the text is longer than {LONGEST_OUTCOME} characters; shorten it.")
    with together():
        held = Task.objects.select_for_update(no_key=True, of=("self",)).filter(patient=patient, pk=pk).first()
        if held is None:
            raise UnknownName("This person has no such task: go back to the list.")
        if held.done_at is not None:
            raise Conflict("Somebody has closed this task meanwhile: read what came of it on the list.")
        held.done_at, held.done_by_id, held.outcome = timezone.now(), principal.user_id, said
        held.save(update_fields=["done_at", "done_by", "outcome"])
        _record(principal, held.session, "U", f"Task/{held.pk}", f"task closed: {held.kind}", origin)
    return held


def written_note(row: DosingSession, session: Session) -> str:
    """The note as the record writes it now, one sentence to a line; times are the site's."""
    return "\n".join(note(session, store.zone_of(row.site)))


def digest_of(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sign_note(
    principal: Principal,
    row: DosingSession,
    *,
    text: str,
    seen: str,
    expected_version: int,
    birth_date: date | None,
    reason: str = "",
    origin: Origin | None = None,
) -> SessionNote:
    """
    Sign the note of a session that has ended, or its next version.

    Args:
        text: as corrected. seen: digest of what the record had written on the page that was read.
        expected_version: of the note that stood on that page, 0 for none. reason: why a signed note is changed.

    Raises:
        Forbidden: not a clinician. UserError: empty, another birth date, no reason for a change, or not yet over.
        Conflict: the record says something else by now, or somebody signed meanwhile.
    """
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician signs the note of a session: ask one of them.")
    said = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if not said:
        raise UserError("text: the note is empty; write it, or take what the record wrote.")
    confirm_person(row.patient, birth_date)
    with together():
        held = DosingSession.objects.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
        last = note_of(held)
        session, event = store.replayed(row)
        if session.phase not in ENDED:
            raise UserError("note: the session has not ended; sign the note when it has.")
        written = written_note(row, session)
        if digest_of(written) != seen:
            raise Conflict("The record has changed since this page was made: read the note again, then sign.")
        version = last.version if last else 0
        if version != expected_version:
            raise Conflict(f"Version {version} of this note was signed meanwhile: read it, then change that one.")
        if last is not None and not reason.strip():
            raise UserError("reason: the note was signed before; write why it is changed.")
        if last is not None and said == last.text:
            raise UserError("text: nothing was changed from the signed note; change it, or leave it as it is.")
        made = SessionNote.objects.create(
            session=held,
            patient_id=held.patient_id,
            version=version + 1,
            written=written,
            text=said,
            digest=digest_of(said),
            sequence=event.sequence if event else 0,
            meaning=MEANING,
            reason=reason.strip(),
            at=timezone.now(),
            by_id=principal.user_id,
            name=principal.name,
            role=staff_of(principal).role.value,
        )
        _record(principal, held, "C", f"SessionNote/{made.pk}", "note signed", origin)
    return made


def note_export(principal: Principal, row: DosingSession, form: str, *, origin: Origin | None = None) -> None:
    """The record of a session left the program, in this form."""
    event = Event(
        "print" if form == "print" else "export",
        "R",
        patient_id=row.patient_id,
        purpose=Purpose.TREATMENT,
        entity=f"DosingSession/{row.pk}",
        entity_version=row.sequence,
        reason=form,
    )
    audit.record(row.site_id, [event], principal=principal, origin=origin)


def _record(
    principal: Principal, row: DosingSession, action: audit.Action, entity: str, reason: str, origin: Origin | None
) -> None:
    event = Event("dosing", action, patient_id=row.patient_id, purpose=Purpose.TREATMENT, entity=entity, reason=reason)
    audit.record(row.site_id, [event], principal=principal, origin=origin)
