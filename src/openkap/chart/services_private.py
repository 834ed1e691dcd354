"""
Psychotherapy notes (45 CFR 164.501): written and read by their author, and by nobody else.

The only module that opens them; no chart, search, export or document knows the table (a test looks). What care
needs (times, medicines, results, diagnosis, plan, summary) belongs in the chart instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from openkap.chart.models import PrivateNote
from openkap.chart.sealed import seal, unseal
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import Principal, Purpose, Role

LONGEST = 20_000  # characters


@dataclass(frozen=True)
class Note:
    """
    A note as its author reads it.

    Args:
        text: None if its secret is no longer configured.
        amends: the note that this one corrects.
        amended: a newer note corrects this one.
    """

    id: UUID
    at: datetime
    text: str | None
    amends: UUID | None
    amended: bool


@transaction.atomic
def write_note(
    principal: Principal, patient: Patient, text: str, *, amends: UUID | None = None, origin: Origin | None = None
) -> UUID:
    """
    Keep a note; a correction is a new note, and the former stays.

    Args:
        patient: from `visible_patients` for `Purpose.PRIVATE_NOTE`.
        amends: an own note about this patient.

    Raises:
        Forbidden: by someone who is no therapist. UserError: the text is empty or too long.
        Conflict: the note was corrected already.
    """
    if not principal.has(Role.THERAPIST) or principal.site_id != patient.site_id:
        raise Forbidden("Only a therapist of the site keeps private notes.")
    if not text.strip():
        raise UserError("The note is empty: write it, or go back.")
    if len(text) > LONGEST:
        raise UserError(f"The note has more than {LONGEST} characters: keep it shorter, or write two.")
    former = None if amends is None else _own(principal, patient).filter(pk=amends).first()
    if amends is not None and former is None:
        raise UserError("The note to correct is none of yours: reload the page.")
    note_id = uuid4()
    sealed = seal(text, settings.SECRET_KEY, author=principal.user_id, patient=patient.pk, note=note_id)
    try:
        with transaction.atomic():
            PrivateNote.objects.create(
                id=note_id,
                patient=patient,
                author_id=principal.user_id,
                amends=former,
                sealed=sealed,
                at=timezone.now(),
            )
    except IntegrityError:
        raise Conflict("This note was corrected already: look at the newer one.") from None
    event = Event("private-note", "C", patient_id=patient.pk, purpose=Purpose.PRIVATE_NOTE)
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return note_id


def notes_of(principal: Principal, patient: Patient) -> list[Note]:
    """The principal's own notes about a visible patient, newest first."""
    rows = _own(principal, patient).select_related("amended_by").order_by("-at", "-pk")
    return [_read(row, hasattr(row, "amended_by")) for row in rows]


def _own(principal: Principal, patient: Patient) -> QuerySet[PrivateNote]:
    return PrivateNote.objects.filter(author=principal.user_id, patient=patient, patient__site=principal.site_id)


def _read(row: PrivateNote, amended: bool) -> Note:
    secrets = [str(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    text = unseal(bytes(row.sealed), secrets, author=row.author_id, patient=row.patient_id, note=row.pk)
    return Note(row.pk, row.at, text, row.amends_id, amended)
