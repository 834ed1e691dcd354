"""
What is known of a patient, as rules read it. The patient must come from `people.selectors.visible_patients`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any
from uuid import UUID

import msgspec

from openkap.chart import matching
from openkap.chart.fhir.bundle import Bundle, decode, read_envelope
from openkap.chart.fhir.local import local_records
from openkap.chart.fhir.reader import BIRTH_SEX, PRONOUNS, read_chart
from openkap.chart.matching import Match, Stated, stated_in
from openkap.chart.models import ChartHead, Import, Record, Resolution, Review
from openkap.chart.standing import Settled, held_back, with_settled
from openkap.chart.types import Chart, Unmapped
from openkap.people.models import Patient, PatientIdentifier
from openkap.people.selectors import visible_patients
from openkap.people.types import Label, Principal, Purpose

_SYNTHETIC = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
_SEX = {"female": "F", "male": "M"}
_OF_THE_PATIENT = ("deceasedBoolean", "deceasedDateTime", "gender")  # the rest of who someone is stands in `people`


@dataclass(frozen=True)
class Kept:
    """
    The newest records of a patient and how each stands.

    Args:
        records: newest version of each; two where they stand beside each other.
        unreviewed: names of imported records that nobody has looked at.
        refused: names of those a person refused, with the reason.
    """

    records: tuple[Record, ...]
    unreviewed: frozenset[str]
    refused: dict[str, str]


def version_of(patient: Patient) -> int:
    """The version of the patient's chart; 0 if nothing was written yet."""
    return ChartHead.objects.filter(pk=patient.pk).values_list("version", flat=True).first() or 0


def kept_records(patient: Patient) -> Kept:
    """The newest records and their reviews."""
    newest: dict[str, list[Record]] = {}
    for record in Record.objects.filter(patient=patient).order_by("pk"):
        if record.beside:
            newest[record.name].append(record)
        else:
            newest[record.name] = [record]
    records = tuple(record for rows in newest.values() for record in rows)
    reviews = {review.record_id: review for review in Review.objects.filter(patient=patient).order_by("pk")}
    waiting, refused = set(), {}
    for record in records:
        review = reviews.get(record.pk)
        if record.origin == "import" and review is None:
            waiting.add(record.name)
        if review is not None and not review.accepted:
            refused[record.name] = review.reason
    return Kept(records, frozenset(waiting), refused)


def history_of(patient: Patient, resource_type: str, logical_id: str) -> list[Record]:
    """Every version of one record, oldest first."""
    found = Record.objects.filter(patient=patient, resource_type=resource_type, logical_id=logical_id)
    return list(found.select_related("known_by").order_by("version"))


def waiting_imports(patients: Iterable[Patient]) -> list[Import]:
    """Bundles received for these patients that nobody has decided on, newest first."""
    found = Import.objects.filter(patient__in=list(patients), decision=None)
    return list(found.select_related("patient").order_by("-received_at"))


def bundle_of(patient: Patient, kept: Kept | None = None) -> bytes:
    """
    The chart as a FHIR R4 Bundle, JSON bytes.

    Who the patient is comes from the register, not from what was imported. Psychotherapy notes and refused
    records are left out.
    """
    kept = kept or kept_records(patient)
    own = {"resource": _patient_resource(patient, kept)}
    entries = [msgspec.json.encode(own)]
    entries += [b'{"resource":' + record.content.encode() + b"}" for record in _readable(kept)]
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(entries) + b"]}"


def chart_of(patient: Patient, zone: tzinfo | None = None) -> Chart:
    """
    The chart that rules read: unreviewed records may raise and not clear, settled conflicts are settled.

    Args:
        zone: calendar in which instants get their day; None keeps the day as written.
    """
    return chart_from(patient, kept_records(patient), zone)


def chart_from(patient: Patient, kept: Kept, zone: tzinfo | None = None) -> Chart:
    """`chart_of` for who has read the records already."""
    chart = held_back(read_chart(bundle_of(patient, kept), zone), kept.unreviewed)
    refused = [Unmapped(None, None, None, name, f"refused: {reason}") for name, reason in kept.refused.items()]
    return with_settled(replace(chart, unmapped=(*chart.unmapped, *refused)), choices(patient))


def choices(patient: Patient) -> list[Settled]:
    """The settled conflicts of a patient; of one fact the last choice."""
    latest = {row.fact: row for row in Resolution.objects.filter(patient=patient).order_by("pk")}
    return [Settled(row.fact, row.kept, tuple(row.dropped)) for row in latest.values()]


def _readable(kept: Kept) -> Iterable[Record]:
    for record in kept.records:
        hidden = record.label == Label.PSYCHOTHERAPY_NOTE or record.resource_type == "Patient"
        if not hidden and record.name not in kept.refused:
            yield record


def _patient_resource(patient: Patient, kept: Kept) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "id": str(patient.pk),
        "name": [{"family": patient.family, "given": [patient.given]}],
        "birthDate": patient.birth_date.isoformat(),
        "identifier": [{"system": "urn:openkap:record-number", "value": patient.record_number}],
    }
    if patient.synthetic:
        resource["meta"] = {"tag": [_SYNTHETIC]}
    if sex := _SEX.get(patient.birth_sex):
        resource["extension"] = [{"url": BIRTH_SEX, "valueCode": sex}]
    if patient.pronouns:
        said = {"url": "value", "valueCodeableConcept": {"text": patient.pronouns}}
        resource.setdefault("extension", []).append({"url": PRONOUNS, "extension": [said]})
    for record in kept.records:
        if record.resource_type == "Patient" and record.name not in kept.refused:
            said = msgspec.json.decode(record.content)
            resource |= {key: said[key] for key in _OF_THE_PATIENT if key in said}
    return resource


# ---------------------------------------------------------------- what was received and waits for a person


@dataclass(frozen=True)
class Preview:
    """
    What taking a bundle would do.

    Args:
        stated: who it says it is about.
        match: with the patient it is meant for; None: it is meant for none yet.
        candidates: patients that the principal may see and it may be about, where it is meant for none.
        new, changed, same: how many records.
        left_out: (name, reason) of entries that are no record to keep.
        not_understood: what would be kept and is not read.
    """

    stated: Stated
    match: Match | None
    candidates: tuple[Patient, ...]
    new: int
    changed: int
    same: int
    left_out: tuple[tuple[str, str], ...]
    not_understood: tuple[Unmapped, ...]


def preview(principal: Principal, received: Import) -> Preview:
    """What taking a received bundle would do; changes nothing."""
    data = decode(received.document.encode(), "The file")
    bundle = read_envelope(data)
    patient = received.patient
    new, changed, same = _counts(bundle, patient, received.source) if patient else (len(bundle.entries) + 1, 0, 0)
    stated = stated_in(bundle)
    return Preview(
        stated=stated,
        match=match_with(stated, patient) if patient else None,
        candidates=() if patient else _candidates(principal, stated),
        new=new,
        changed=changed,
        same=same,
        left_out=tuple(bundle.skipped),
        not_understood=read_chart(data).unmapped,
    )


def match_with(stated: Stated, patient: Patient) -> Match:
    """Compare who a bundle says it is about with a registered patient."""
    owners = _owners(patient.site_id, stated)
    return matching.match(
        stated,
        born=patient.birth_date,
        sex=patient.birth_sex,
        known=patient.pk in owners,
        foreign=bool(owners - {patient.pk}),
    )


def _counts(bundle: Bundle, patient: Patient, source: str) -> tuple[int, int, int]:
    held = {(record.name, record.digest) for record in kept_records(patient).records}
    names = {name for name, _ in held}
    coming = [(f"{r.type}/{r.id}", r.digest) for r in local_records(bundle, patient.pk, source)]
    same = sum(pair in held for pair in coming)
    new = sum(name not in names for name, _ in coming)
    return new, len(coming) - new - same, same


def _candidates(principal: Principal, stated: Stated) -> tuple[Patient, ...]:
    seen = visible_patients(principal, Purpose.TREATMENT) | visible_patients(principal, Purpose.ADMINISTRATION)
    near = seen.filter(pk__in=_owners(principal.site_id, stated))
    if stated.born:
        near |= seen.filter(birth_date=stated.born)
    return tuple(near.distinct().order_by("family", "given")[:20])


def _owners(site_id: UUID, stated: Stated) -> set[UUID]:
    values = [value for _, value in stated.identifiers]
    rows = PatientIdentifier.objects.filter(site_id=site_id, value__in=values)
    return {row.patient_id for row in rows if (row.system, row.value) in stated.identifiers}
