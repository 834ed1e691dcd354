"""
The only writers of the chart. Each is one transaction: lock, check the version, write, read back, audit.

A write after which the chart could not be read is undone. A first argument `principal` is who does it; None is
the patient by a form, or a demonstration. Patients come from `people.selectors.visible_patients`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Literal
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from openkap.chart.fhir.bundle import Bundle, decode, read_envelope
from openkap.chart.fhir.local import LocalRecord, label_of, local_records, own_record
from openkap.chart.fhir.reader import read_chart
from openkap.chart.matching import stated_in
from openkap.chart.models import ChartHead, Import, ImportDecision, Record, Resolution, Review
from openkap.chart.selectors import bundle_of, chart_of, kept_records, match_with
from openkap.chart.view import View
from openkap.kernel import r4
from openkap.kernel.errors import Conflict, Forbidden, UnreadableDocument, UserError
from openkap.people import audit
from openkap.people import services as people
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.services import Identity
from openkap.people.types import CLINICIANS, Label, Principal, Purpose

WrittenBy = Literal["form", "staff"]


@contextmanager
def writing(patient: Patient, expected_version: int | None = None) -> Iterator[ChartHead]:
    """
    Hold the chart of a patient for one change; its version is raised at the end.

    Raises:
        Conflict: someone wrote since `expected_version`.
        UnreadableDocument: the chart could not be read after the change; nothing was written.
    """
    with transaction.atomic():
        ChartHead.objects.get_or_create(pk=patient.pk)
        head = ChartHead.objects.select_for_update(no_key=True).get(pk=patient.pk)
        if expected_version is not None and head.version != expected_version:
            raise Conflict("Someone else wrote in this record meanwhile: look at what is new, then do this again.")
        yield head
        read_chart(bundle_of(patient))
        head.version += 1
        head.save(update_fields=["version"])


# ---------------------------------------------------------------- what arrives from another system


def receive(
    principal: Principal, document: bytes, *, source: str, patient: Patient | None = None, origin: Origin | None = None
) -> Import:
    """
    Keep a bundle as it came, for a person to look at; nothing enters a chart yet.

    Args:
        document: FHIR R4 Bundle as JSON bytes.
        source: the system that sent it, in the words of whoever imports.
        patient: whose chart it is meant for; None: a new referral.

    Raises:
        UnreadableDocument: no bundle about exactly one patient; nothing is kept.
        UserError: the source is empty.
    """
    if not source.strip():
        raise UserError("The source is empty: name the system that this record comes from.")
    data = decode(document, "The file")
    if _holds_nul(data):  # FHIR strings hold no control characters, and PostgreSQL stores none of this one
        raise UnreadableDocument("The file holds a NUL character inside a text: export it anew.")
    read_chart(data)
    with transaction.atomic():
        row = Import.objects.create(
            site_id=principal.site_id,
            patient=patient,
            source=source.strip()[:200],
            document=document.decode(),
            digest=hashlib.sha256(document).hexdigest(),
            received_at=timezone.now(),
            received_by_id=principal.user_id,
        )
        event = _event("C", patient, f"Import/{row.pk}", None, "")
        audit.record(principal.site_id, [event], principal=principal, origin=origin)
    return row


def take(
    principal: Principal | None,
    received: Import,
    patient: Patient,
    *,
    reason: str = "",
    origin: Origin | None = None,
) -> ImportDecision:
    """
    Let a received bundle into the chart of a patient; what is in it already changes nothing.

    Args:
        reason: why it is this patient's; must be given where the match is doubtful.

    Raises:
        Conflict: it was decided on already, or it carries an identifier of another patient.
        UserError: the match is doubtful and no reason is given.
    """
    if received.site_id != patient.site_id or received.patient_id not in (None, patient.pk):
        raise Conflict("This file was received for somebody else: open the right record.")
    bundle = _opened(received)
    match = match_with(stated_in(bundle), patient)
    if match.kind == "other":
        raise Conflict("This file carries an identifier of another patient of this site: open the right record.")
    if match.kind == "doubtful" and not reason.strip():
        raise UserError("The reason is empty: say how you know that this file is about this patient.")
    with writing(patient):
        _undecided(received)
        new, changed, same = _keep(patient, local_records(bundle, patient.pk, received.source), principal, received)
        decision = ImportDecision.objects.create(
            of=received,
            patient=patient,
            new=new,
            changed=changed,
            same=same,
            left_out=[list(row) for row in bundle.skipped],
            reason=reason.strip(),
            at=timezone.now(),
            by_id=principal.user_id if principal else None,
        )
        event = _event("U", patient, f"Import/{received.pk}", None, reason)
        audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return decision


@transaction.atomic
def register(principal: Principal, received: Import, *, reason: str, origin: Origin | None = None) -> Patient:
    """
    Make a patient from a received bundle, and take it.

    Raises:
        UserError: name or whole birth date is missing in the bundle. Conflict: an identifier is taken.
    """
    stated = stated_in(_opened(received))
    if stated.born is None:
        raise UserError("Patient.birthDate is missing or not a whole day: register the patient by hand first.")
    identity = Identity(stated.family, stated.given, stated.born, stated.birth_sex, stated.identifiers, stated.pronouns)
    patient = people.register_patient(
        principal,
        principal.site_id,
        identity,
        reason=reason or "referral",
        synthetic=read_chart(received.document.encode()).patient.synthetic,
        origin=origin,
    )
    take(principal, received, patient, reason=reason, origin=origin)
    return patient


@transaction.atomic
def set_aside(principal: Principal, received: Import, *, reason: str, origin: Origin | None = None) -> ImportDecision:
    """
    Decide that a received bundle enters no chart. It stays readable.

    Raises:
        UserError: no reason. Conflict: it was decided on already.
    """
    if not reason.strip():
        raise UserError("The reason is empty: say why this file is set aside.")
    _undecided(received)
    decision = ImportDecision.objects.create(
        of=received,
        new=0,
        changed=0,
        same=0,
        left_out=[],
        reason=reason.strip(),
        at=timezone.now(),
        by_id=principal.user_id,
    )
    event = _event("D", received.patient, f"Import/{received.pk}", None, reason)
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
    return decision


# ---------------------------------------------------------------- what is written here


def add_records(
    principal: Principal | None,
    patient: Patient,
    resources: Sequence[dict[str, Any]],
    *,
    by: WrittenBy,
    reason: str = "",
    expected_version: int | None = None,
    origin: Origin | None = None,
) -> list[Record]:
    """
    Write resources of our own about a patient: an answered form, a finding entered by staff.

    Args:
        resources: valid FHIR R4, `subject` or `patient` being `Patient/<id of the patient>`; `id` is made if absent.
        by: `form` (the patient answered) or `staff`.

    Raises:
        UserError: a resource is not valid, or is about somebody else. Conflict: see `writing`, or the id is taken.
    """
    ready = [_own(patient, resource) for resource in resources]
    with writing(patient, expected_version):
        rows = []
        for record in ready:
            if Record.objects.filter(patient=patient, resource_type=record.type, logical_id=record.id).exists():
                raise Conflict(f"{record.name} is in the record already: amend it instead.")
            rows.append(_row(patient, record, 1, principal, origin=by, reason=reason))
        Record.objects.bulk_create(rows)
        events = [_event("C", patient, row.name, 1, reason) for row in rows]
        audit.record(patient.site_id, events, principal=principal, origin=origin)
    return rows


def amend(
    principal: Principal,
    patient: Patient,
    record: Record,
    content: dict[str, Any],
    *,
    expected_version: int,
    reason: str,
    origin: Origin | None = None,
) -> Record:
    """
    Correct a record by a new version; the former stays readable.

    Args:
        expected_version: of the chart, as the person saw it.

    Raises:
        Forbidden: by someone who is no clinician. UserError: no reason, or the content is not valid.
        Conflict: someone wrote meanwhile.
    """
    _clinician(principal)
    if not reason.strip():
        raise UserError("The reason is empty: say why the record is corrected.")
    ready = _own(patient, content | {"resourceType": record.resource_type, "id": record.logical_id})
    with writing(patient, expected_version):
        last = Record.objects.filter(
            patient=patient, resource_type=record.resource_type, logical_id=record.logical_id
        ).latest("version")
        row = _row(patient, ready, last.version + 1, principal, origin="amendment", reason=reason.strip())
        row.source = last.source
        row.save(force_insert=True)
        event = _event("U", patient, row.name, row.version, reason)
        audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return row


def review(
    principal: Principal | None,
    patient: Patient,
    records: Iterable[Record],
    *,
    accept: bool,
    reason: str = "",
    origin: Origin | None = None,
) -> int:
    """
    Say of records that they are true, or that they are not to be used; how many.

    Raises:
        Forbidden: by someone who is no clinician. UserError: a refusal has no reason.
    """
    _clinician(principal)
    if not accept and not reason.strip():
        raise UserError("The reason is empty: say why these records are not used.")
    now = timezone.now()
    rows = [
        Review(
            record=record,
            patient=patient,
            accepted=accept,
            reason=reason.strip(),
            at=now,
            by_id=principal.user_id if principal else None,
        )
        for record in records
        if record.patient_id == patient.pk
    ]
    with writing(patient):
        Review.objects.bulk_create(rows)
        events = [_event("U", patient, row.record.name, row.record.version, reason) for row in rows]
        audit.record(patient.site_id, events, principal=principal, origin=origin)
    return len(rows)


def resolve(
    principal: Principal,
    patient: Patient,
    fact: str,
    *,
    keep: str,
    reason: str,
    on: date,
    expected_version: int,
    origin: Origin | None = None,
) -> Resolution:
    """
    Settle which source holds for a fact on which records disagree.

    Args:
        keep: source of the reading that holds.
        on: day on which the conflict was seen.

    Raises:
        Forbidden: by someone who is no clinician. Conflict: someone wrote meanwhile.
        UserError: no reason, no conflict, or `keep` is none of its sources.
    """
    _clinician(principal)
    if not reason.strip():
        raise UserError("The reason is empty: say how you know which holds.")
    with writing(patient, expected_version):
        state = View(chart_of(patient), on).state(fact)
        if state.status != "conflict":
            raise UserError("The records no longer disagree on this: nothing was changed.")
        if keep not in state.sources or len(set(state.sources)) < 2:
            raise UserError("The source to keep is none of those that disagree: choose one of the list.")
        row = Resolution.objects.create(
            patient=patient,
            fact=fact,
            kept=keep,
            dropped=sorted(set(state.sources) - {keep}),
            reason=reason.strip(),
            at=timezone.now(),
            by_id=principal.user_id,
        )
        event = _event("U", patient, f"Fact/{fact}", None, reason)
        audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return row


def new_id() -> str:
    """An id for a resource that is about to be written."""
    return str(uuid4())


# ---------------------------------------------------------------- parts of the above


def _holds_nul(data: Any) -> bool:
    if isinstance(data, str):
        return "\0" in data
    if isinstance(data, dict):
        return any("\0" in key or _holds_nul(value) for key, value in data.items())
    return isinstance(data, list) and any(_holds_nul(value) for value in data)


def _opened(received: Import) -> Bundle:
    return read_envelope(decode(received.document.encode(), "The file"))


def _undecided(received: Import) -> None:
    if ImportDecision.objects.filter(of=received).exists():
        raise Conflict("This file was decided on already: nothing was changed.")


def _keep(
    patient: Patient, records: list[LocalRecord], principal: Principal | None, received: Import
) -> tuple[int, int, int]:
    """Write what is new or says something new; counts of new, changed and same."""
    held = {record.name: record for record in kept_records(patient).records if not record.beside}
    beside = {(record.name, record.digest) for record in kept_records(patient).records}
    counts = {"new": 0, "changed": 0, "same": 0}
    rows: list[Record] = []
    for record in records:
        name = f"{record.type}/{record.id}"
        former = held.get(name)
        if (name, record.digest) in beside or (former and former.digest == record.digest):
            counts["same"] += 1
            continue
        row = _row(patient, record, former.version + 1 if former else 1, principal, origin="import", received=received)
        row.beside = record.disputed and former is not None and former.received_id == received.pk
        held[name] = row
        rows.append(row)
        counts["changed" if former else "new"] += 1
    Record.objects.bulk_create(rows, batch_size=500)
    return counts["new"], counts["changed"], counts["same"]


def _row(
    patient: Patient,
    record: LocalRecord,
    version: int,
    principal: Principal | None,
    *,
    origin: str,
    reason: str = "",
    received: Import | None = None,
) -> Record:
    return Record(
        patient=patient,
        resource_type=record.type,
        logical_id=record.id,
        version=version,
        content=record.content,
        digest=record.digest,
        label=record.label,
        origin=origin,
        source=received.source if received else "",
        received=received,
        reason=reason,
        known_at=timezone.now(),
        known_by_id=principal.user_id if principal else None,
    )


def _own(patient: Patient, resource: dict[str, Any]) -> LocalRecord:
    kind = resource.get("resourceType")
    about = resource.get("subject") or resource.get("patient")
    if not isinstance(about, dict) or about.get("reference") != f"Patient/{patient.pk}":
        raise UserError(f"{kind} is not about this patient: open the form again from the patient's page.")
    whole = {"id": new_id(), **resource}
    if label_of(whole) == Label.PSYCHOTHERAPY_NOTE:
        raise UserError("A psychotherapy note is kept apart from the chart: write it under private notes.")
    if faults := r4.faults(whole):
        raise UserError(f"{kind} is not valid: {faults[0]}; correct it and send it again.")
    return own_record(whole)


def _clinician(principal: Principal | None) -> None:
    if principal and not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician decides on facts of a record: ask one of the care team.")


def _event(action: audit.Action, patient: Patient | None, entity: str, version: int | None, reason: str) -> Event:
    return Event(
        "patient-record",
        action,
        patient_id=patient.pk if patient else None,
        purpose=Purpose.TREATMENT,
        entity=entity[:100],
        entity_version=version,
        # The person's own words may say something clinical: they stand with the record, not here.
        reason="reason given" if reason else "",
    )
