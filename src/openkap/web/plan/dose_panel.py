"""The panel *what would this dose do*: a form and its answer, for the plan and, later, for the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from openkap.people.models import Patient
from openkap.plan import selectors
from openkap.plan.book import book_of
from openkap.plan.models import Programme
from openkap.web.case import opened, site_of
from openkap.web.plan.dose_answer import Answer, Refusal, answer
from openkap.web.plan.dose_form import DoseForm, initial
from openkap.web.plan.dose_person import Person, person_of


@dataclass(frozen=True)
class Panel:
    """A form, the person as the chart has them, and the answer; None where nothing is computed."""

    form: DoseForm
    person: Person
    answer: Answer | None


def empty_form(patient: Patient, row: Programme | None) -> DoseForm:
    """The form with the dose of a version in it, nothing computed."""
    limits = book_of(site_of(patient)).dose_limits.limit
    document = selectors.document_of(row) if row else None
    return DoseForm(initial=initial(document, limits, row.version if row else 0), limits=limits)


def look(patient: Patient, typed: QueryDict | None) -> Panel:
    """
    What was typed and what it would do.

    Args:
        typed: of a form that was sent; None: the dose of the newest version of the plan, if there is one.
    """
    chart = opened(patient)
    limits = book_of(chart.site).dose_limits.limit
    row = _version(patient, typed)
    document = selectors.document_of(row) if row else None
    start = initial(document, limits, row.version if row else 0)
    form = DoseForm(typed if typed is not None else start, limits=limits)
    valid = form.is_valid()
    view = chart.case.view
    person = person_of(view, _chosen_kg(row), form.cleaned_data.get("ancestry"))
    if not valid:
        unasked = typed is None and not start.get("given")
        return Panel(DoseForm(initial=start, limits=limits) if unasked else form, person, None)
    try:
        found = answer(form.asked, person, chart.site, view.on, _days(document))
    except Refusal as refusal:
        form.add_error(refusal.field, refusal.sentence)
        return Panel(form, person, None)
    return Panel(form, person, found)


def _version(patient: Patient, typed: QueryDict | None) -> Programme | None:
    """The version beside which the dose was typed; the newest where none is named."""
    text = typed.get("version", "") if typed is not None else ""
    found = selectors.version_of(patient, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else None
    return found or selectors.newest(patient)


def _chosen_kg(row: Programme | None) -> Decimal | None:
    chosen = row.preferences.get("dosing_weight_kg") if row else None
    return Decimal(str(chosen)) if chosen is not None else None


def _days(document: Mapping[str, Any] | None) -> list[int]:
    """Days of the dose sessions of a plan."""
    sessions = document["programme"]["sessions"] if document else []
    return sorted(session["day"] for session in sessions if session["kind"] == "dose")
