"""Programmes and signatures of patients, who must come from `people.selectors.visible_patients`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.db.models import Max, Prefetch, Q, QuerySet

from openkap.assess.models import FormulationDecision
from openkap.chart.models import ChartHead
from openkap.people.models import Patient
from openkap.plan.models import Programme, Signature
from openkap.screen.ground import moved
from openkap.screen.models import Standing
from openkap.screen.types import Standpoint

State = Literal["draft", "unsigned", "signed", "needs-review", "withdrawn", "replaced"]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def document_of(row: Programme) -> dict[str, Any]:
    """The plan document of a version, numbers exact."""
    document: dict[str, Any] = _DECODER.decode(row.document)
    return document


def digest_of(text: str) -> str:
    """What a signature under a plan binds."""
    return hashlib.sha256(text.encode()).hexdigest()


def versions(patient: Patient) -> list[Programme]:
    """Every version, newest first, with who wrote it and its signatures."""
    return list(_with_signatures().filter(patient=patient).order_by("-version"))


def newest(patient: Patient) -> Programme | None:
    """The newest version; None if no plan was made yet."""
    return _with_signatures().filter(patient=patient).order_by("-version").first()


def newest_of(patients: Iterable[UUID]) -> dict[UUID, Programme]:
    """The newest version of each of these patients who has one, by the patient's id."""
    last = Programme.objects.filter(patient__in=list(patients)).order_by().values("patient")
    wanted = Q(pk=None)
    for entry in last.annotate(newest=Max("version")):
        wanted |= Q(patient=entry["patient"], version=entry["newest"])
    return {row.patient_id: row for row in _with_signatures().filter(wanted)}


def version_of(patient: Patient, version: int) -> Programme | None:
    """One version of the patient's plan."""
    return _with_signatures().filter(patient=patient, version=version).first()


def signature_of(row: Programme) -> Signature | None:
    """The signature under a version, also one that was taken back."""
    return next((s for s in row.signatures.all() if s.withdraws_id is None), None)


def withdrawal_of(row: Programme) -> Signature | None:
    """The row by which the signature was taken back."""
    return next((s for s in row.signatures.all() if s.withdraws_id is not None), None)


def moved_ground(row: Programme, now: Standpoint) -> list[str]:
    """
    What a version stood on that is otherwise now, one sentence each; empty: it stands as it was made.

    A record that changes no fact, no finding and no part of the formulation is no ground.
    """
    document = document_of(row)
    found = []
    if row.content_version != now.content_version:
        found.append(f"The content was {row.content_version} and is {now.content_version}.")
    if FormulationDecision.objects.filter(patient=row.patient_id, at__gt=row.at).exists():
        found.append("A clinician took over, or did not take, a part of the formulation since.")
    for name, part in document["summary"]["formulation"].items():
        if part.get("accepted") is not False and part["level"] != now.levels.get(name):
            found.append(
                f"Formulation, {part['words']}: was {_level(part['level'])}, is {_level(now.levels.get(name))}."
            )
    return found + moved(document, now)


def _level(level: int | None) -> str:
    return "not measured" if level is None else f"level {level}"


def state_of(row: Programme, newest_version: int, moved: Iterable[str]) -> State:
    """How a version stands."""
    signed = signature_of(row)
    if row.version != newest_version:
        return "replaced"
    if row.draft:
        return "draft"
    if withdrawal_of(row):
        return "withdrawn"
    if signed:
        return "needs-review" if list(moved) else "signed"
    return "unsigned"


@dataclass(frozen=True)
class PlanStanding:
    """
    The newest plan of a patient, for lists.

    Args:
        version, at: of the newest version.
        signed: it carries a signature that was not taken back.
        draft: it can never be signed.
        moved: something it stands on is otherwise now, as far as is known without judging anew; where the chart was
            written to since the verdict was last computed, that counts.
    """

    version: int
    at: date
    signed: bool
    draft: bool
    moved: bool


def standings(patients: Iterable[Patient]) -> dict[UUID, PlanStanding]:
    """The newest plan of each of these patients who has one, in six queries whatever their number."""
    ids = [patient.pk for patient in patients]
    last = Programme.objects.filter(patient__in=ids).order_by().values("patient").annotate(newest=Max("version"))
    wanted = Q(pk=None)
    for entry in last:
        wanted |= Q(patient=entry["patient"], version=entry["newest"])
    rows = Programme.objects.filter(wanted).defer("document", "changes", "edits", "preferences")
    charts = dict(ChartHead.objects.filter(pk__in=ids).values_list("pk", "version"))
    judged = {row.pk: row for row in Standing.objects.filter(pk__in=ids)}
    said = FormulationDecision.objects.filter(patient__in=ids).order_by().values_list("patient")
    looked_at = dict(said.annotate(newest=Max("at")))
    found = {}
    for row in rows.prefetch_related("signatures"):
        key = row.patient_id
        signed = signature_of(row) is not None and withdrawal_of(row) is None
        since = key in looked_at and looked_at[key] > row.at
        stands = not since and _stands(row, charts.get(key, 0), judged.get(key))
        found[key] = PlanStanding(row.version, row.at.date(), signed, row.draft, not stands)
    return found


def _stands(row: Programme, chart: int, judged: Standing | None) -> bool:
    """Whether a plan stands on what was found when the verdict was last computed, if that was for this chart."""
    if judged is None or judged.chart_version != chart or None in (row.ground, judged.ground):
        return row.chart_version == chart
    return (row.ground, row.content_version) == (judged.ground, judged.content_version)


def _with_signatures() -> QuerySet[Programme]:
    signed = Prefetch("signatures", Signature.objects.select_related("by"))
    return Programme.objects.select_related("author").prefetch_related(signed)
