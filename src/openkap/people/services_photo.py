"""The photo by which a patient is recognised at the chair (HAZ-01): kept, exchanged, taken away."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit, picture
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.models_photo import PatientPhoto
from openkap.people.types import CLINICIANS, Principal, Purpose, Role


@transaction.atomic
def keep_photo(principal: Principal, patient: Patient, data: bytes, *, origin: Origin | None = None) -> PatientPhoto:
    """
    The photo from now on. `patient`: from `visible_patients`.

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician. UserError: the file is no photo.
    """
    _may(principal)
    made = picture.read(data)
    row = PatientPhoto.objects.create(
        patient=patient, kind=made.kind, content=made.content, at=timezone.now(), by_id=principal.user_id
    )
    _use(principal, patient, row.pk, "photo taken", origin)
    return row


@transaction.atomic
def drop_photo(principal: Principal, patient: Patient, *, origin: Origin | None = None) -> None:
    """
    No photo from now on; the earlier one stays kept and is shown nowhere.

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician. UserError: there is none.
    """
    _may(principal)
    if patient.photo is None:
        raise UserError("There is no photo: nothing was changed.")
    _use(principal, patient, None, "photo taken away", origin)


def photo_of(patient: Patient) -> PatientPhoto | None:
    """The photo in use."""
    return None if patient.photo is None else PatientPhoto.objects.filter(pk=patient.photo, patient=patient).first()


def _may(principal: Principal) -> None:
    if not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician keeps a photo: ask one of them.")


def _use(principal: Principal, patient: Patient, photo: UUID | None, what: str, origin: Origin | None) -> None:
    Patient.objects.filter(pk=patient.pk, site=principal.site_id).update(photo=photo)
    patient.photo = photo
    event = Event(
        "patient-record",
        "U",
        patient_id=patient.pk,
        purpose=Purpose.ADMINISTRATION,
        entity=f"PatientPhoto/{photo}" if photo else f"Patient/{patient.pk}",
        reason=what,
    )
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
