"""What the rest of the record says of a person when a session asks: earlier doses, highest ratings, open reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast

import msgspec
from django.db.models import Max

from openkap.dose import adverse, harm, heart, store
from openkap.dose.exposure import Had
from openkap.dose.lines import PRIOR
from openkap.dose.models import AdverseVersion, DosingSession, Given
from openkap.dose.models_harm import UseEntry
from openkap.dose.selectors_ledger import content_now
from openkap.dose.types import Finding, Hold, Known
from openkap.kernel.quantity import DoseMg
from openkap.people.models import Patient
from openkap.plan import selectors as plans
from openkap.plan.book import book_of
from openkap.plan.types import Drug


def known_of(row: DosingSession) -> Known:
    """What the record says of the patient of this session, this session left out."""
    others = DosingSession.objects.filter(patient=row.patient_id).exclude(pk=row.pk)
    return Known(
        person=store.person_of(row.patient),
        maintenance=row.maintenance,
        dose_times=tuple(dose_times(row)),
        peaks=_peaks(others),
        harm=harm_of(row.patient, row.day, row),
        doses=Given.objects.filter(patient=row.patient_id).exclude(session=row).count(),
    )


@dataclass(frozen=True)
class Use:
    """What is known of somebody's use of the drug on a day."""

    entries: tuple[UseEntry, ...]
    screens: tuple[harm.Screened, ...]
    signs: tuple[harm.Sign, ...]
    doses: tuple[harm.Dose, ...]
    due: tuple[harm.Due, ...]
    why: tuple[str, ...]


def use_of(patient: Patient, on: date, but: DosingSession | None = None) -> Use:
    """
    Screens, signs, doses and reviews of a patient, and what follows on this day.

    Args:
        but: a session whose own doses are left out.
    """
    site, content = content_now()
    file, book = content.harm, book_of(site)
    entries = tuple(UseEntry.objects.filter(patient=patient).order_by("pk"))
    screens = tuple(
        harm.Screened(r.what, r.on, cast(harm.Result, r.result), r.pk) for r in entries if r.kind == "screen"
    )
    signs = tuple(harm.Sign(cast(harm.SignKind, r.what), r.on, r.pk) for r in entries if r.kind == "sign")
    given = Given.objects.filter(patient=patient, step=1).order_by("started_at")
    given = given.exclude(session=but) if but is not None else given
    doses = tuple(harm.Dose(*one) for one in given.values_list("session__day", "session__maintenance"))
    reviewed = max(((r.pk, r.on) for r in entries if r.kind == "review"), default=None)
    why = harm.to_review(screens, signs, doses, file, book, on, reviewed)
    return Use(entries, screens, signs, doses, harm.due(screens, doses, file, on), why)


def harm_of(patient: Patient, on: date, but: DosingSession | None = None) -> tuple[Finding, ...]:
    """What of somebody's use shuts the gate on a day."""
    use = use_of(patient, on, but)
    return harm.lines(use.due, use.why, content_now()[1].harm)


def plan_fault(patient: Patient, plan_session: str) -> str:
    """Why the plan that a session is of does not stand now; empty where it stands, or where the session is of none."""
    if not plan_session:
        return ""
    plan = plans.newest(patient)
    if plan is None or plans.signature_of(plan) is None:
        return "The plan that this session is of was replaced by one nobody has signed."
    if plans.withdrawal_of(plan) is not None:
        return "The signature under the plan that this session is of was taken back."
    return ""


def dose_times(row: DosingSession) -> list[datetime]:
    """When parenteral doses were begun in other sessions, as they were charted here."""
    found = Given.objects.filter(patient=row.patient_id, parenteral=True).exclude(session=row)
    return list(found.order_by("started_at").values_list("started_at", flat=True))


def clock_off_s(row: DosingSession) -> int:
    """By how much the server's clock was moved since the last dose of this person; 0 where there was none."""
    times = dose_times(row)
    return heart.moved_since(times[-1]) if times else 0


def had(patient: Patient) -> list[Had]:
    """Every dose that was charted here, for the sum of exposure."""
    rows = Given.objects.filter(patient=patient).select_related("session").order_by("started_at")
    found = []
    for row in rows:
        mg = row.mg if row.given_mg is None else row.given_mg
        found.append(Had(row.session.day, cast(Drug, row.drug), DoseMg(mg)))
    return found


def adverse_events(patient: Patient) -> list[adverse.Adverse]:
    """The adverse events of a patient, each in its newest version, oldest first."""
    newest = AdverseVersion.objects.filter(patient=patient).values("session", "event").annotate(last=Max("pk"))
    rows = AdverseVersion.objects.filter(pk__in=[row["last"] for row in newest]).order_by("pk")
    return [read(row) for row in rows]


def read(row: AdverseVersion) -> adverse.Adverse:
    """An adverse event from its row."""
    return msgspec.json.decode(row.document, type=adverse.Adverse)


def holds_due(row: DosingSession) -> tuple[Hold, ...]:
    """What forbids a dose because an event of an earlier session was not reviewed."""
    return adverse.holds(one for one in adverse_events(row.patient) if one.session != str(row.pk))


def _peaks(others: object) -> dict[str, Decimal]:
    """The highest dissociation of earlier sessions, by measure."""
    measures = {measure for _, measure in PRIOR}
    found: dict[str, Decimal] = {}
    for row in others.exclude(began_at=None).select_related("patient", "site"):  # type: ignore[attr-defined]
        session, _ = store.replayed(row)
        for reading in session.readings:
            if reading.measure in measures and not reading.voided:
                value = reading.quantity.value
                found[reading.measure] = max(found.get(reading.measure, value), value)
    return found
