"""
The only writers of this room. Each is one transaction that holds the chart, computes the plan anew, writes and audits.

A plan is never edited in place: preferences and a closed set of changes make the next version. `propose` computes
the plan of a patient from what stands in the database; every door hands in the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from django.db.models import Max
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import Principal, Purpose, Role
from openkap.plan import selectors
from openkap.plan.book import book_of
from openkap.plan.choices import Preferences
from openkap.plan.diff import changes
from openkap.plan.edits import Edit, edited, plain_edits
from openkap.plan.limits import site_limits
from openkap.plan.models import Programme, Signature
from openkap.plan.site_max import signed_limits
from openkap.screen.decisions import open_points
from openkap.screen.ground import digest as ground_digest
from openkap.screen.models import Override
from openkap.screen.services import Judge, confirm_person, holding
from openkap.screen.types import Standpoint

MEANING = "I have read this plan with its reasons, limits and gaps, and propose it to this person. It orders nothing."
_ENCODER = msgspec.json.Encoder(decimal_format="number")
EDITORS = (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST)


@dataclass(frozen=True)
class Proposal:
    """
    A plan as computed now.

    Args:
        document: as `propose.propose` gives it, stamped.
        now: the screening it stands on.
    """

    document: dict[str, Any]
    now: Standpoint


Proposer = Callable[[Patient, Preferences, bool], Proposal]  # the last: print a draft although the verdict forbids it


def write(
    principal: Principal,
    patient: Patient,
    propose: Proposer,
    *,
    expected_version: int,
    preferences: Preferences,
    edits: Sequence[Edit] = (),
    reason: str,
    draft: bool = False,
    origin: Origin | None = None,
) -> Programme:
    """
    Make the next version of a plan; the first where there is none. A signature under the former no longer counts.

    Args:
        expected_version: the version that the person saw; 0 if there was none.
        draft: print it although the verdict forbids a plan; it can never be signed.

    Raises:
        Conflict: someone else made a version meanwhile; nothing was written.
        NoSolution: the verdict or the limits leave no plan; its document says why.
        UserError: a preference or a change that is not allowed, or no reason.
        Forbidden: by someone who is no clinician.
    """
    if not principal.has(*EDITORS):
        raise Forbidden("Only a clinician makes or changes a plan. Ask one of the care team.")
    if not reason.strip():
        raise UserError("The reason is empty: say why this version is made.")
    with holding(patient):
        former = selectors.newest(patient)
        if (former.version if former else 0) != expected_version:
            raise Conflict("Someone else made a new version of this plan meanwhile: compare, then send yours again.")
        proposal = propose(patient, preferences, draft)
        now = proposal.now
        book = book_of(now.site)
        limits = site_limits(now.site.mode, signed_limits(now.site, now.on), book)
        document = edited(proposal.document, edits, limits, book)
        text = _ENCODER.encode(document).decode()
        wishes = msgspec.to_builtins(preferences)
        wishes = {name: value for name, value in wishes.items() if value not in (None, [], {}, False)}
        row = Programme.objects.create(
            patient=patient,
            version=expected_version + 1,
            document=text,
            digest=selectors.digest_of(text),
            preferences=wishes,
            edits=plain_edits(edits),
            changes=changes(selectors.document_of(former), document) if former else [],
            draft=not document["signable"],
            verdict=document["verdict"],
            on=now.on,
            chart_version=now.chart_version,
            content_version=now.content_version,
            ground=ground_digest(now),
            decisions=newest_decision(patient),
            reason=reason.strip(),
            at=timezone.now(),
            author_id=principal.user_id,
        )
        _record(principal, patient, "C", row, "plan written", origin)
    return row


def sign(
    principal: Principal,
    patient: Patient,
    judge: Judge,
    *,
    version: int,
    digest: str,
    birth_date: date | None,
    origin: Origin | None = None,
) -> Signature:
    """
    Sign a version of a plan: it binds exactly the document that the person saw.

    Args:
        judge: today's screening, to compare with what the plan stood on.
        version, digest: of the version that the person saw.
        birth_date: as the person typed it, to show that it is this patient.

    Raises:
        Forbidden: by someone who is no prescriber.
        UserError: the birth date is another's; the version is a draft; something under it has changed or is open.
        Conflict: there is a newer version, another text, or a signature already.
    """
    if not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber signs a plan. Ask one.")
    confirm_person(patient, birth_date)
    with holding(patient):
        row = selectors.newest(patient)
        if row is None or row.version != version:
            raise Conflict("There is a newer version of this plan: read it, then sign that one.")
        if digest != row.digest or selectors.digest_of(row.document) != row.digest:
            raise Conflict("The plan is not the one you read: reload the page and read it again.")
        if row.draft:
            raise UserError("This version is a draft made against the verdict: it can never be signed.")
        if selectors.signature_of(row):
            raise Conflict("This version was signed before: make a new version to sign again.")
        now = judge(patient)
        if moved := selectors.moved_ground(row, now):
            raise UserError(f"This plan stands on something that has changed: make the next version. {' '.join(moved)}")
        if points := open_points(now.screening):
            raise UserError(f"The verdict under this plan is not settled. {' '.join(points)}")
        signature = Signature.objects.create(
            programme=row,
            digest=digest,
            meaning=MEANING,
            at=timezone.now(),
            by_id=principal.user_id,
            name=principal.name,
            role=Role.PRESCRIBER,
        )
        _record(principal, patient, "C", row, "plan signed", origin, kind="Signature")
    return signature


def withdraw(
    principal: Principal, patient: Patient, version: int, *, reason: str, origin: Origin | None = None
) -> Signature:
    """
    Take the signature under a version back; both stay readable.

    Raises:
        Forbidden: by someone who is no prescriber. UserError: no reason, or nothing is signed.
        Conflict: it was taken back already.
    """
    if not principal.has(Role.PRESCRIBER):
        raise Forbidden("Only a prescriber takes a signature back. Ask one.")
    if not reason.strip():
        raise UserError("The reason is empty: say why the signature is taken back.")
    with holding(patient):
        row = selectors.version_of(patient, version)
        signed = selectors.signature_of(row) if row else None
        if row is None or signed is None:
            raise UserError("This version carries no signature: reload the page.")
        if selectors.withdrawal_of(row):
            raise Conflict("This signature was taken back already: nothing was changed.")
        back = Signature.objects.create(
            programme=row,
            withdraws=signed,
            digest=row.digest,
            meaning="I take this signature back.",
            reason=reason.strip(),
            at=timezone.now(),
            by_id=principal.user_id,
            name=principal.name,
            role=Role.PRESCRIBER,
        )
        _record(principal, patient, "D", row, "plan unsigned", origin, kind="Signature")
    return back


def note_export(
    principal: Principal, patient: Patient, row: Programme, form: str, *, origin: Origin | None = None
) -> None:
    """Record that a version left in a form for others (`json`, `fhir`, `pdf`, `html`), before it does."""
    kind = "export" if form in ("json", "fhir") else "print"
    event = Event(
        kind,
        "R",
        patient_id=patient.pk,
        purpose=Purpose.TREATMENT,
        entity=f"CarePlan/{row.pk}",
        entity_version=row.version,
        reason=form,
    )
    audit.record(patient.site_id, [event], principal=principal, origin=origin)


def newest_decision(patient: Patient) -> int:
    """Id of the newest decision about a finding, or 0."""
    return Override.objects.filter(patient=patient).aggregate(newest=Max("pk"))["newest"] or 0


def _record(
    principal: Principal,
    patient: Patient,
    action: audit.Action,
    row: Programme,
    reason: str,
    origin: Origin | None,
    kind: str = "CarePlan",
) -> None:
    event = Event(
        "decision",
        action,
        patient_id=patient.pk,
        purpose=Purpose.TREATMENT,
        entity=f"{kind}/{row.pk}",
        entity_version=row.version,
        reason=reason,
    )
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
