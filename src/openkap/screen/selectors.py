"""Decisions, signatures and standings of patients, who must come from `people.selectors.visible_patients`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import Max

from openkap.chart.models import ChartHead
from openkap.kernel.content import content_version
from openkap.kernel.site import Site
from openkap.people.models import Patient
from openkap.screen.decisions import Decision, digest_of
from openkap.screen.ground import moved
from openkap.screen.models import Override, Signoff, Standing
from openkap.screen.types import Standpoint

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def decisions_of(patient: Patient) -> list[Decision]:
    """What people decided about this patient's findings and did not take back, oldest first; in the site's time."""
    zone = ZoneInfo(patient.site.zone)
    rows = Override.objects.filter(patient=patient, withdrawn_by=None).exclude(kind="withdrawal").order_by("pk")
    return [
        Decision(
            id=str(row.pk),
            rule=row.rule,
            kind=row.kind,  # type: ignore[arg-type]
            ground=row.ground,
            by=row.by.name,
            role=row.role,
            at=row.at.astimezone(zone),
            reason=row.reason,
            document=row.document,
            document_on=row.document_on,
        )
        for row in rows.select_related("by")
    ]


def override_history(patient: Patient) -> list[Override]:
    """Every decision and withdrawal, newest first."""
    found = Override.objects.filter(patient=patient).select_related("by", "withdraws", "withdrawn_by__by")
    return list(found.order_by("-pk"))


@dataclass(frozen=True)
class SignedVerdict:
    """
    A signature under a verdict, as it stands now.

    Args:
        row: what was signed.
        state: `in-force`, `stale`, `withdrawn` or `replaced`.
        because: what changed since, in sentences; empty where nothing did.
    """

    row: Signoff
    state: str
    because: tuple[str, ...] = ()


def signed_verdicts(patient: Patient, now: Standpoint | None) -> list[SignedVerdict]:
    """Every signature, newest first; only the newest can be in force, and only if nothing it binds has changed."""
    rows = Signoff.objects.filter(patient=patient, withdraws=None).select_related("by", "withdrawn_by__by")
    found = []
    for place, row in enumerate(rows.order_by("-pk")):
        if hasattr(row, "withdrawn_by"):
            found.append(SignedVerdict(row, "withdrawn", (row.withdrawn_by.reason,)))
        elif place:
            found.append(SignedVerdict(row, "replaced"))
        elif now is None:
            found.append(SignedVerdict(row, "in-force"))
        else:
            because = _changed_since(row, now)
            found.append(SignedVerdict(row, "stale" if because else "in-force", because))
    return found


def _changed_since(row: Signoff, now: Standpoint) -> tuple[str, ...]:
    found = []
    if row.content_version != now.content_version:
        found.append(f"The content was {row.content_version} and is {now.content_version}.")
    document = screening_as_signed(row)
    if "fact_versions" in document:
        found += moved(document, now)
    elif row.chart_version != now.chart_version:  # signed before the facts were kept with a signature
        found.append(f"The chart was version {row.chart_version} and is version {now.chart_version}.")
    elif row.digest != digest_of(now.screening):
        found.append("A finding reads differently now, or a decision about one was taken or withdrawn.")
    return tuple(found)


def screening_as_signed(row: Signoff) -> dict[str, Any]:
    """The screening document as it was signed, numbers exact."""
    document: dict[str, Any] = _DECODER.decode(row.document)
    return document


@dataclass(frozen=True)
class Stood:
    """
    A standing, and whether it still says what would be computed now.

    Args:
        row: None if it was never computed.
    """

    row: Standing | None
    current: bool


def under(patient: Patient, site: Site) -> str:
    """What a standing rests on beside the chart: the version of who this is, and what the site signed and set."""
    return f"{patient.version}.{site.digest}"


def standings(patients: Iterable[Patient], on: date, site: Site) -> dict[UUID, Stood]:
    """
    The standing of each of these patients, in four queries whatever their number; nothing is computed.

    Args:
        site: by which they would be judged now.
    """
    patients = list(patients)
    ids = [patient.pk for patient in patients]
    rows = {row.patient_id: row for row in Standing.objects.filter(pk__in=ids)}
    charts = dict(ChartHead.objects.filter(pk__in=ids).values_list("pk", "version"))
    newest = dict(Override.objects.filter(patient__in=ids).order_by().values_list("patient").annotate(newest=Max("pk")))
    content = content_version()
    found = {}
    for patient in patients:
        key = patient.pk
        row = rows.get(key)
        now = (charts.get(key, 0), newest.get(key, 0), content, on, under(patient, site))
        same = row is not None and (row.chart_version, row.decisions, row.content_version, row.on, row.under) == now
        same = same and row is not None and row.ground is not None
        found[key] = Stood(row, same)
    return found
