"""
The only writers of this room. Each is one transaction that holds the chart, judges it anew, writes and audits.

What is judged is what stands in the database at that moment, never what a page sent: `judge` computes the
screening of a patient, and every door hands in the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from openkap.chart import services as chart
from openkap.chart.fhir.values import CANNOT_BE_HAD
from openkap.chart.ground import fact_versions
from openkap.chart.models import ChartHead
from openkap.chart.selectors import history_of, version_of
from openkap.chart.vocabulary import facts
from openkap.kernel.coding import FACT, INSTRUMENT
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.truth import Truth
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import Principal, Purpose, Role
from openkap.screen.clearing import Kind
from openkap.screen.decisions import allow, counts_of, digest_of, finding_of, ground_of, open_points
from openkap.screen.document import screening_document
from openkap.screen.ground import digest as ground_digest
from openkap.screen.models import Override, Signoff, Standing
from openkap.screen.selectors import under
from openkap.screen.types import Finding, Standpoint

Judge = Callable[[Patient], Standpoint]

MEANING = "I have read these findings with their basis, and the person may be treated here under the cautions named."
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CHANGED = "The findings have changed since this page was made: read them again, then decide."


@contextmanager
def holding(patient: Patient) -> Iterator[ChartHead]:
    """Hold a patient's chart, so that nothing is written to it while it is judged."""
    with transaction.atomic():
        ChartHead.objects.get_or_create(pk=patient.pk)
        yield ChartHead.objects.select_for_update(no_key=True).get(pk=patient.pk)


def decide(
    principal: Principal,
    patient: Patient,
    judge: Judge,
    *,
    kind: Kind,
    rule: str,
    ground: str,
    reason: str,
    document: str = "",
    document_on: date | None = None,
    origin: Origin | None = None,
) -> Override:
    """
    Clear a hold, explain why a datum cannot be had, or record the mitigation of a caution.

    Args:
        ground: what the finding rested on when the person saw it.
        document, document_on: what a clearance rests on.

    Raises:
        Conflict: the finding is no longer as the person saw it.
        Forbidden: class or rule do not allow it, or not to this person; an exclusion never.
        UserError: reason, document or its date is not given.
    """
    with holding(patient):
        now = judge(patient)
        finding = finding_of(now.found, rule, ground)
        if finding is None:
            raise Conflict(_CHANGED)
        given = {"reason": reason, "document": document, "document_on": document_on}
        way = allow(finding, principal.roles, given, now.site, now.on, kind=kind)
        records: list[str] = []
        if kind == "reason":
            records = _note_the_gap(principal, patient, finding, reason, now.on, origin)
            now = judge(patient)
            finding = _explained(now, finding)
        row = Override.objects.create(
            patient=patient,
            kind=kind,
            rule=rule,
            ground=ground_of(finding),
            reason=reason.strip(),
            document=document.strip() if "document" in way.needs else "",
            document_on=document_on if "document_on" in way.needs else None,
            records=records,
            chart_version=now.chart_version,
            content_version=now.content_version,
            at=timezone.now(),
            by_id=principal.user_id,
            role=_acting(principal, way.roles),
        )
        _record(principal, patient, "C", f"Override/{row.pk}", f"{kind} {rule}", origin)
        refresh(patient, judge)
    return row


def withdraw_decision(
    principal: Principal,
    patient: Patient,
    judge: Judge,
    decision_id: int,
    *,
    reason: str,
    origin: Origin | None = None,
) -> Override:
    """
    Take a decision back; it stays readable.

    Raises:
        UserError: no reason, or no such decision. Conflict: it was taken back already.
        Forbidden: by someone who could not have taken it.
    """
    if not reason.strip():
        raise UserError("The reason is empty: say why the decision is taken back.")
    with holding(patient):
        row = Override.objects.filter(patient=patient, pk=decision_id).exclude(kind="withdrawal").first()
        if row is None:
            raise UserError("There is no such decision in this record: reload the page.")
        roles = (Role.PRESCRIBER, Role.NURSE) if row.kind == "mitigation" else (Role.PRESCRIBER,)
        if not principal.has(*roles):
            raise Forbidden("Only a prescriber takes this back. Ask one.")
        if Override.objects.filter(withdraws=row).exists():
            raise Conflict("This decision was taken back already: nothing was changed.")
        _take_records_back(principal, patient, row, reason.strip(), origin)
        now = judge(patient)
        back = Override.objects.create(
            patient=patient,
            kind="withdrawal",
            rule=row.rule,
            withdraws=row,
            reason=reason.strip(),
            chart_version=now.chart_version,
            content_version=now.content_version,
            at=timezone.now(),
            by_id=principal.user_id,
            role=_acting(principal, roles),
        )
        _record(principal, patient, "D", f"Override/{row.pk}", f"withdrawn {row.rule}", origin)
        refresh(patient, judge)
    return back


def sign(
    principal: Principal,
    patient: Patient,
    judge: Judge,
    *,
    digest: str,
    birth_date: date | None,
    origin: Origin | None = None,
) -> Signoff:
    """
    Sign the verdict: it binds the content, every finding as it reads now, and every fact under them.

    Args:
        digest: of the screening that the person saw.
        birth_date: as the person typed it, to show that it is this patient.

    Raises:
        Forbidden: by someone who is no prescriber.
        UserError: the birth date is another's, or something is open; the sentence says what.
        Conflict: the screening has changed since the person saw it.
    """
    if not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber signs a verdict. Ask one.")
    confirm_person(patient, birth_date)
    with holding(patient):
        now = judge(patient)
        if digest_of(now.screening) != digest:
            raise Conflict("The findings have changed since this page was made: read them again, then sign.")
        if points := open_points(now.screening):
            raise UserError(f"This verdict cannot be signed yet. {' '.join(points)}")
        row = Signoff.objects.create(
            patient=patient,
            verdict=now.screening.verdict,
            on=now.on,
            chart_version=now.chart_version,
            content_version=now.content_version,
            digest=digest,
            ground=ground_digest(now),
            document=_ENCODER.encode(_document(now)).decode(),
            meaning=MEANING,
            at=timezone.now(),
            by_id=principal.user_id,
            name=principal.name,
            role=Role.PRESCRIBER,
        )
        _record(principal, patient, "C", f"Signoff/{row.pk}", "verdict signed", origin)
    return row


def withdraw_signature(
    principal: Principal, patient: Patient, signoff_id: int, *, reason: str, origin: Origin | None = None
) -> Signoff:
    """
    Take a signature under a verdict back; it stays readable.

    Raises:
        Forbidden: by someone who is no prescriber. UserError: no reason, or no such signature.
        Conflict: it was taken back already.
    """
    if not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber takes a signature back. Ask one.")
    if not reason.strip():
        raise UserError("The reason is empty: say why the signature is taken back.")
    with holding(patient):
        row = Signoff.objects.filter(patient=patient, pk=signoff_id, withdraws=None).first()
        if row is None:
            raise UserError("There is no such signature in this record: reload the page.")
        if Signoff.objects.filter(withdraws=row).exists():
            raise Conflict("This signature was taken back already: nothing was changed.")
        back = Signoff.objects.create(
            patient=patient,
            withdraws=row,
            verdict=row.verdict,
            on=row.on,
            chart_version=row.chart_version,
            content_version=row.content_version,
            digest=row.digest,
            meaning="I take this signature back.",
            reason=reason.strip(),
            at=timezone.now(),
            by_id=principal.user_id,
            name=principal.name,
            role=Role.PRESCRIBER,
        )
        _record(principal, patient, "D", f"Signoff/{row.pk}", "verdict unsigned", origin)
    return back


def refresh(patient: Patient, judge: Judge) -> Standing:
    """Compute and keep the standing of a patient."""
    now = judge(patient)
    values = {
        "chart_version": now.chart_version,
        "content_version": now.content_version,
        "decisions": Override.objects.filter(patient=patient).aggregate(newest=Max("pk"))["newest"] or 0,
        "on": now.on,
        "verdict": now.screening.verdict,
        "counts": counts_of(now.screening),
        "digest": digest_of(now.screening),
        "ground": ground_digest(now),
        "under": under(patient, now.site),
    }
    row, _ = Standing.objects.update_or_create(patient=patient, defaults=values)
    return row


def _document(now: Standpoint) -> dict[str, Any]:
    return screening_document(now.screening) | {"fact_versions": fact_versions(now.view)}


def confirm_person(patient: Patient, birth_date: date | None) -> None:
    """
    Raise UserError unless this is the patient's birth date: who signs has the right person in mind (HAZ-01).
    """
    if birth_date is None:
        raise UserError("The birth date is empty: type it from the letter or the card, for example 1960-03-27.")
    if birth_date != patient.birth_date:
        raise UserError("The birth date is not this person's: check whose record is open.")


def _note_the_gap(
    principal: Principal, patient: Patient, finding: Finding, reason: str, on: date, origin: Origin | None
) -> list[str]:
    """
    Write into the chart that a datum cannot be had, and why, as the fact convention has it; names of the records.

    A fact whose records have another form (a diagnosis, prior treatment) is left to the decision alone.
    """
    names = [name for name in finding.facts if _observable(name)]
    resources = [_absent(name, patient, principal, reason.strip(), on) for name in names]
    if not resources:
        return []
    written = chart.add_records(principal, patient, resources, by="staff", reason=reason.strip()[:500], origin=origin)
    return [record.name for record in written]


def _explained(now: Standpoint, before: Finding) -> Finding:
    """The finding of the same rule once the reason stands in the chart: a caution, or still the gap."""
    return next(f for f in now.found.findings if f.rule == before.rule and f.truth is not Truth.FALSE)


def _take_records_back(
    principal: Principal, patient: Patient, row: Override, reason: str, origin: Origin | None
) -> None:
    """Mark the chart records that were written with a decision as entered in error."""
    for name in row.records:
        kind, _, logical_id = name.partition("/")
        record = history_of(patient, kind, logical_id)[-1]
        content = msgspec.json.decode(record.content) | {"status": "entered-in-error"}
        version = version_of(patient)
        chart.amend(principal, patient, record, content, expected_version=version, reason=reason[:500], origin=origin)


def _observable(name: str) -> bool:
    fact = facts().get(name)
    return fact is not None and fact.asked and fact.kind != "derived"


def _absent(name: str, patient: Patient, principal: Principal, reason: str, on: date) -> dict[str, Any]:
    system = INSTRUMENT if facts()[name].kind == "score" else FACT
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": name}]},
        "subject": {"reference": f"Patient/{patient.pk}"},
        "performer": [{"reference": f"Practitioner/{principal.user_id}"}],
        "effectiveDateTime": on.isoformat(),
        "dataAbsentReason": {
            "extension": [{"url": CANNOT_BE_HAD, "valueString": reason}],
            "coding": [{"system": _ABSENT, "code": "not-performed"}],
        },
    }


def _acting(principal: Principal, roles: tuple[str, ...]) -> str:
    """The role in which somebody acts: the first of those that may, and that is held."""
    return next(role for role in roles if role in principal.roles)


def _record(
    principal: Principal, patient: Patient, action: audit.Action, entity: str, reason: str, origin: Origin | None
) -> None:
    event = Event("decision", action, patient_id=patient.pk, purpose=Purpose.TREATMENT, entity=entity, reason=reason)
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
