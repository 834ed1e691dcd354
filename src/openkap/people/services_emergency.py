"""
Emergency access ("break-glass"): a clinician opens the record of one patient who is not theirs, and says why.

It ends by itself. The privacy lead finds it at once among what is to be looked at, and the patient among those
who looked. Pages that ask for a step-up, and private notes, stay closed.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import AuditEvent, EmergencyAccess, EmergencyReview, Patient
from openkap.people.selectors import open_emergencies
from openkap.people.types import CLINICIANS, Principal, Purpose, Role

LASTS = timedelta(minutes=60)
SHORTEST_REASON = 10  # characters: a word such as "care" is no reason
_TRIES, _WITHIN = 5, timedelta(hours=1)  # of naming nobody: record numbers can be counted through


def open_emergency(
    principal: Principal, *, record_number: str, birth_date: date, reason: str, origin: Origin | None = None
) -> EmergencyAccess:
    """
    Open the record of the patient with this number and birth date for an hour. What failed is recorded too.

    Raises:
        Forbidden: by someone who is no clinician, or after too many tries that named nobody.
        UserError: no reason, or no such patient; the sentence does not say which of the two facts is wrong.
    """
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician opens a record in an emergency: call one.")
    if len(reason.strip()) < SHORTEST_REASON:
        raise UserError("The reason is too short: say in a sentence what the emergency is.")
    with transaction.atomic():
        found = _open(principal, record_number.strip(), birth_date, reason.strip(), origin)
    if found is None:
        raise UserError("No patient of this site has this record number and birth date: check both.")
    return found


def _open(
    principal: Principal, record_number: str, birth_date: date, reason: str, origin: Origin | None
) -> EmergencyAccess | None:
    now = timezone.now()
    tries = AuditEvent.objects.filter(
        site=principal.site_id, user=principal.user_id, type="break-glass", outcome="denied", at__gt=now - _WITHIN
    )
    if tries.count() >= _TRIES:
        raise Forbidden("Too many tries named nobody: ask a coordinator for the record, or wait an hour.")
    patient = Patient.objects.filter(site=principal.site_id, record_number=record_number, birth_date=birth_date).first()
    if patient is None:
        denied = Event("break-glass", "E", "denied", purpose=Purpose.TREATMENT, reason=reason)
        audit.record(principal.site_id, [denied], principal=principal, origin=origin)
        return None
    if (standing := open_emergencies(principal).filter(patient=patient).first()) is not None:
        return standing  # sent twice
    access = EmergencyAccess.objects.create(
        site_id=principal.site_id,
        patient=patient,
        user_id=principal.user_id,
        reason=reason,
        since=now,
        until=now + LASTS,
    )
    event = Event(
        "break-glass",
        "E",
        patient_id=patient.pk,
        purpose=Purpose.TREATMENT,
        entity=f"EmergencyAccess/{access.pk}",
        reason=reason,
    )
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
    return access


@transaction.atomic
def review_emergency(
    principal: Principal, access: EmergencyAccess, *, note: str, origin: Origin | None = None
) -> EmergencyReview:
    """
    A privacy lead says what came of an emergency access.

    Raises:
        Forbidden: by someone else, or of the own access. UserError: no note. Conflict: it was reviewed meanwhile.
    """
    if not principal.has(Role.PRIVACY_LEAD) or access.site_id != principal.site_id:
        raise Forbidden("Only a privacy lead of the site reviews emergency access: ask one.")
    if access.user_id == principal.user_id:
        raise Forbidden("Nobody reviews the own emergency access: ask another privacy lead.")
    if not note.strip():
        raise UserError("The note is empty: say what you found.")
    EmergencyAccess.objects.select_for_update(no_key=True).get(pk=access.pk)
    if EmergencyReview.objects.filter(of=access).exists():
        raise Conflict("Someone else reviewed this meanwhile: look at what was found.")
    row = EmergencyReview.objects.create(of=access, by_id=principal.user_id, at=timezone.now(), note=note.strip())
    event = Event("break-glass", "U", patient_id=access.patient_id, entity=f"EmergencyAccess/{access.pk}")
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
    return row
