"""The writers of screens for harm, signs in the pattern of use, and its reviews (HAZ-54)."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from openkap.dose.floor import staff_of
from openkap.dose.library import shipped
from openkap.dose.models_harm import RESULTS, SIGNS, UseEntry
from openkap.dose.selectors_ledger import day_at
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import CLINICIANS, Principal, Purpose, Role

LONGEST = 1000


def enter_screen(
    principal: Principal,
    patient: Patient,
    *,
    screen: str,
    result: str,
    on: date,
    text: str,
    key: str,
    origin: Origin | None = None,
) -> UseEntry:
    """
    A screen for harm that was done.

    Args:
        patient: visible to the principal for treatment. screen: name of a HARM row. result: clear, found or unsure.

    Raises:
        Forbidden: not a clinician. UserError: no such screen or result, no words, or a day to come.
    """
    if screen not in {row.name for row in shipped().harm.screen} or result not in RESULTS:
        raise UserError("screen: choose which screen was done, and what came of it.")
    return _enter(principal, patient, "screen", key=key, origin=origin, what=screen, result=result, on=on, text=text)


def enter_sign(
    principal: Principal, patient: Patient, *, sign: str, on: date, text: str, key: str, origin: Origin | None = None
) -> UseEntry:
    """
    A request for an earlier or a higher dose, or a supply that was lost.

    Raises:
        Forbidden: not a clinician. UserError: no such sign, no words, or a day to come.
    """
    if sign not in SIGNS:
        raise UserError("sign: choose what was asked for, or that a supply was lost.")
    return _enter(principal, patient, "sign", key=key, origin=origin, what=sign, on=on, text=text)


def review_use(
    principal: Principal, patient: Patient, *, seen: int, text: str, key: str, origin: Origin | None = None
) -> UseEntry:
    """
    A prescriber has reviewed the use as it stood; what comes later asks anew.

    Args:
        seen: id of the newest entry on the page that was read, 0 for none.

    Raises:
        Forbidden: not a prescriber. UserError: no words. Conflict: something was entered meanwhile.
    """
    if not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber reviews the use: tell one of them.")
    with transaction.atomic():
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        newest = UseEntry.objects.filter(patient=patient).order_by("-pk").first()
        if newest is not None and newest.pk != seen and newest.key != key:
            raise Conflict("Something was entered since this page was made: read it, then write the review.")
        on = day_at(patient.site_id)
        return _enter(principal, patient, "review", key=key, origin=origin, on=on, text=text)


@transaction.atomic
def _enter(
    principal: Principal,
    patient: Patient,
    kind: str,
    *,
    on: date,
    text: str,
    key: str,
    origin: Origin | None,
    what: str = "",
    result: str = "",
) -> UseEntry:
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician enters this: ask one of them.")
    if not text.strip():
        raise UserError("text: say what was found, asked or decided.")
    if len(text.strip()) > LONGEST:
        raise UserError(f"text: it is longer than {LONGEST} characters; shorten it.")
    if on > day_at(patient.site_id):
        raise UserError("on: this day is still to come; enter the day on which it was.")
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    there = UseEntry.objects.filter(site=patient.site_id, key=key).first()
    if there is not None:
        if (there.patient_id, there.kind, there.what, there.result) != (patient.pk, kind, what, result):
            raise Conflict("This was used before for something else: enter it anew.")
        return there
    staff = staff_of(principal)
    row = UseEntry.objects.create(
        patient=patient,
        site_id=patient.site_id,
        kind=kind,
        what=what,
        result=result,
        on=on,
        text=text.strip(),
        key=key,
        at=timezone.now(),
        by_id=principal.user_id,
        name=principal.name,
        role=staff.role.value,
    )
    entity = f"UseEntry/{row.pk}"
    told = Event("dosing", "C", patient_id=patient.pk, purpose=Purpose.TREATMENT, entity=entity, reason=kind)
    audit.record(patient.site_id, [told], principal=principal, origin=origin)
    return row
