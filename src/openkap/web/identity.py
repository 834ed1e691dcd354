"""The dark band: whose record this is. Shown on every page about one patient to those who are not that patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from openkap.people.models import Patient
from openkap.people.types import Purpose
from openkap.web.words import age


@dataclass(frozen=True)
class Band:
    """
    Who someone is, as the band says it.

    Args:
        facts: (label, value) pairs: weight and allergies with their dates, on clinical pages only.
        like: names and birth dates of patients who could be taken for this one.
    """

    name: str
    initials: str
    born: date
    age: int
    record_number: str
    synthetic: bool
    url: str
    facts: tuple[tuple[str | Promise, str | Promise], ...] = ()
    like: str = ""


def band_of(patient: Patient, purpose: Purpose) -> Band:
    """The band of a patient whose page is open for this purpose."""
    return Band(
        name=full_name(patient),
        initials=(patient.given[:1] + patient.family[:1]).upper(),
        born=patient.birth_date,
        age=age(patient.birth_date, timezone.localdate()),
        record_number=patient.record_number,
        synthetic=patient.synthetic,
        url=reverse(page_of(purpose), args=[patient.pk]),
    )


def full_name(patient: Patient) -> str:
    """Given and family name, either of which may be missing."""
    return f"{patient.given} {patient.family}".strip()


def page_of(purpose: Purpose) -> str:
    """The route of the first page about a patient: the pathway for who treats, the desk for who arranges."""
    return "patient:pathway" if purpose == Purpose.TREATMENT else "patient:desk"
