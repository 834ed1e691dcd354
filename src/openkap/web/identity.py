"""The dark band: whose record this is. Shown on every page about one patient to those who are not that patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from openkap.chart.view import View
from openkap.people.models import Patient
from openkap.people.names import isolated
from openkap.people.types import Purpose
from openkap.web.case import Opened, following, opened
from openkap.web.words import age, day, figure

_SEES_PHOTO = (Purpose.TREATMENT, Purpose.ADMINISTRATION)
_OVER = frozenset({"inactive", "resolved", "refuted", "entered-in-error"})


@dataclass(frozen=True)
class Band:
    """
    Who someone is, as the band says it.

    Args:
        facts: (label, value) pairs: weight and allergies with their dates, on clinical pages only.
        like: names and birth dates of patients who could be taken for this one.
        photo: its address, empty where there is none or the reader may not see it; it replaces the initials.
        pronouns: as the person says; empty where nobody has asked.
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
    photo: str = ""
    pronouns: str = ""


def band_of(patient: Patient, purpose: Purpose, like: list[Patient]) -> Band:
    """The band of a patient whose page is open for this purpose. `like`: from `people.selectors.taken_for`."""
    on = timezone.now().astimezone(ZoneInfo(patient.site.zone)).date()
    return Band(
        name=full_name(patient),
        initials=(patient.given[:1] + patient.family[:1]).upper(),
        born=patient.birth_date,
        age=age(patient.birth_date, on),
        record_number=patient.record_number,
        synthetic=patient.synthetic,
        url=reverse(page_of(purpose), args=[patient.pk]),
        facts=_clinical(patient) if purpose == Purpose.TREATMENT else (),
        like="; ".join(_("%(name)s, born %(day)s") % {"name": full_name(p), "day": day(p.birth_date)} for p in like),
        photo=reverse("people:photo", args=[patient.pk]) if patient.photo and purpose in _SEES_PHOTO else "",
        pronouns=isolated(patient.pronouns or ""),
    )


def full_name(patient: Patient) -> str:
    """Given and family name, either of which may be missing."""
    return isolated(f"{patient.given} {patient.family}".strip())


def page_of(purpose: Purpose) -> str:
    """The first page about a patient: the pathway for who treats, the trail for who oversees, the desk for others."""
    if purpose == Purpose.OVERSIGHT:
        return "people:looked"
    return "patient:pathway" if purpose == Purpose.TREATMENT else "patient:desk"


# ---------------------------------------------------------------- what the band says of the chart


def _clinical(patient: Patient) -> tuple[tuple[str, str], ...]:
    """Weight and allergies with their dates."""

    def said() -> tuple[tuple[str, str], ...]:
        chart = opened(patient)
        return (
            (_("Weight"), _weight(chart.case.view)),
            (_("Allergies"), "; ".join(_allergies(chart))),
        )

    return following(patient, "band", said)


def _weight(view: View) -> str:
    state = view.state("weight")
    if state.status == "conflict":
        return _("records disagree")
    numbers = [r for r in view.usable("weight") if r.counts and not r.stated and r.when and r.value is not None]
    if not numbers:
        return _("not known")
    newest = max(numbers, key=lambda r: r.when.latest if r.when else date.min)
    value = round(newest.value, 1) if isinstance(newest.value, Decimal) else newest.value  # pounds have many places
    shown = figure(value, newest.unit or "")
    said = f"{shown}, {day(newest.when.latest)}" if newest.when else ""
    return said if state.status == "known" else _("%(weight)s, not current") % {"weight": said}


def _allergies(chart: Opened) -> Iterator[str]:
    for record in chart.allergies:
        content: dict[str, Any] = msgspec.json.decode(record.content)
        if _OVER & {_code(content.get("clinicalStatus")), _code(content.get("verificationStatus"))}:
            continue
        said = [_code(content.get("code"), text=True) or _("unnamed"), str(content.get("recordedDate", ""))[:10]]
        said += [_("nobody has looked at it yet")] if record.name in chart.unreviewed else []
        yield ", ".join(part for part in said if part)
    ketamine = chart.case.view.state("ketamine-allergy")
    if ketamine.status == "known":
        yield _("ketamine: allergic")
    elif ketamine.status == "absent" and ketamine.when:
        yield _("ketamine: none, %(day)s") % {"day": day(ketamine.when.latest)}
    elif ketamine.status == "conflict":
        yield _("ketamine: records disagree")
    else:
        yield _("ketamine: not known")


def _code(concept: Mapping[str, Any] | None, text: bool = False) -> str:
    coding = ((concept or {}).get("coding") or [{}])[0]
    if text:
        return str((concept or {}).get("text") or coding.get("display") or coding.get("code") or "")
    return str(coding.get("code") or "")
