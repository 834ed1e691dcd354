"""What is missing, turned into forms: which would answer it, which were asked for, and asking."""

from __future__ import annotations

from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from openkap.assess import asking, services
from openkap.assess.selectors import FormState, open_requests, state_of
from openkap.kernel.errors import UserError
from openkap.kernel.site import Site
from openkap.people.audit import Origin
from openkap.people.models import Patient
from openkap.people.types import Principal
from openkap.screen.types import Screening

STATES: dict[str, str | Promise] = {
    "assigned": _("not sent yet"),
    "sent": _("sent"),
    "opened": _("opened"),
    "overdue": _("overdue"),
}


def wanted(screening: Screening, patient: Patient) -> dict[str, tuple[str, ...]]:
    """The forms that would answer what is missing and are not asked for yet, each with the facts it answers."""
    there = {state.request.form for state in _open(patient)}
    found: dict[str, tuple[str, ...]] = {}
    for ask in screening.ask:
        form = asking.form_that_asks(ask.fact)
        if form and form not in there and not asking.shape_of(form).requires:
            found[form] = (*found.get(form, ()), ask.fact)
    return found


def asked(screening: Screening, patient: Patient) -> dict[str, str | Promise]:
    """By fact: which form was asked for, when, and how far it is."""
    there = {state.request.form: state for state in _open(patient)}
    found = {}
    for ask in screening.ask:
        state = there.get(asking.form_that_asks(ask.fact) or "")
        if state:
            found[ask.fact] = _said(state)
    return found


def send(principal: Principal, patient: Patient, form: str, facts: tuple[str, ...], site: Site, origin: Origin) -> None:
    """Ask the patient, or staff where the form is for trained people or its wording is not installed here."""
    try:
        asking.fit_for_patient(form, site.folder)
        by_staff = False
    except UserError:
        by_staff = True
    why = ", ".join(facts)[:200]
    services.ask_form(principal, patient, form, why=why, by_staff=by_staff, site=site.folder, origin=origin)


def _open(patient: Patient) -> list[FormState]:
    return [state_of(request) for request in open_requests(Patient.objects.filter(pk=patient.pk))]


def _said(state: FormState) -> str | Promise:
    day = formats.date_format(timezone.localtime(state.request.asked_at), "D j M")
    to = _("to staff") if state.request.by_staff else _("to the patient")
    return format_lazy("{}: {} {}, {}", state.title, day, to, STATES.get(state.word, state.word))
