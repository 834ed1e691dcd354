"""Adverse events of one person: filed at one tap or by hand, changed in versions, reviewed by a prescriber."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from openkap.dose import services_adverse
from openkap.dose.known import read
from openkap.dose.models import AdverseVersion
from openkap.dose.selectors import adverse_of, adverse_or_404, session_or_404, sessions_of
from openkap.dose.types import Phase
from openkap.kernel.errors import EXIT, Conflict, UserError
from openkap.people.once import FIELD
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Purpose, Role
from openkap.web.dose.acts import clinicians
from openkap.web.dose.adverse import shown
from openkap.web.dose.adverse.forms import EventForm, NewEventForm, ReviewForm, initial
from openkap.web.dose.chair.shown import PHASES
from openkap.web.words import day

reviewer = about_patient(Role.PRESCRIBER, purpose=Purpose.TREATMENT, step_up=True)


@clinicians
def events(request: ClinicRequest) -> HttpResponse:
    """Every event in its newest version; those that hold the next dose first."""
    found = [shown.shown(row) for row in adverse_of(request.patient)]
    context = {
        "holding": [one for one in found if one.event.reviewed is None],
        "reviewed": [one for one in found if one.event.reviewed is not None],
        "sessions": sessions_of(request.patient).exclude(phase=Phase.BOOKED.value).exists(),
    }
    return render(request, "dose/adverse/events.html", context)


@clinicians
def new(request: ClinicRequest) -> HttpResponse:
    """File an event by hand."""
    rows = list(sessions_of(request.patient).exclude(phase=Phase.BOOKED.value))
    choices = [(str(row.pk), f"{day(row.day)}, {PHASES[Phase(row.phase)]}") for row in rows]
    start = {"session": request.GET.get("session", ""), "relation": "not assessed"}
    form = NewEventForm(request.POST or None, sessions=choices, initial=start)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            row = next(row for row in rows if str(row.pk) == form.cleaned_data["session"])
            key, origin = request.POST.get(FIELD, ""), origin_of(request)
            try:
                made = services_adverse.file(request.principal, row, key=key, origin=origin, **form.event)
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(_address(made))
    return render(request, "dose/adverse/new.html", {"form": form, "rows": rows}, status=status)


@clinicians
def tap(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """File an event from an alert: what the record knows is filled in, what must be judged is asked for after that."""
    row = session_or_404(request.patient, session_id)
    if request.method != "POST":
        return HttpResponseRedirect(reverse("dose:adverse", args=[request.patient.pk]))
    made = services_adverse.file_alert(request.principal, row, request.POST.get("alert", ""), origin=origin_of(request))
    return HttpResponseRedirect(_address(made))


@clinicians
def event(request: ClinicRequest, pk: int) -> HttpResponse:
    """One event with its versions; a POST makes the next."""
    versions = adverse_or_404(request.patient, pk)
    last = read(versions[0])
    form = EventForm(request.POST or None, initial=initial(last), reviewed=last.reviewed is not None)
    status, theirs = 200, list[tuple[AdverseVersion, Any, Any]]()
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services_adverse.amend(
                    request.principal,
                    versions[0].session,
                    versions[0].event,
                    expected_version=form.cleaned_data["version"] or 0,
                    reason=form.cleaned_data.get("reason", ""),
                    origin=origin_of(request),
                    **form.event,
                )
            except Conflict as fault:
                status, (form, theirs) = 409, _both(request, versions, str(fault))
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(_address(versions[0]) + "#versions")
    return render(
        request, "dose/adverse/event.html", _page(request, versions, form) | {"theirs": theirs}, status=status
    )


@reviewer
def review(request: ClinicRequest, pk: int) -> HttpResponse:
    """A prescriber reviews an event: the next dose is no longer held for it."""
    versions = adverse_or_404(request.patient, pk)
    form = ReviewForm(request.POST or None, initial={"version": versions[0].version})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services_adverse.review(
                    request.principal,
                    versions[0].session,
                    versions[0].event,
                    expected_version=form.cleaned_data["version"],
                    words=form.cleaned_data["words"],
                    origin=origin_of(request),
                )
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(_address(versions[0]) + "#versions")
    return render(request, "dose/adverse/review.html", _page(request, versions, form), status=status)


# -- parts -----------------------------------------------------------------------------------------------


def _page(request: ClinicRequest, versions: list[AdverseVersion], form: Any) -> dict[str, Any]:
    return {
        "form": form,
        "one": shown.shown(versions[0]),
        "first": versions[-1],
        "versions": shown.changes(versions),
        "prescribes": request.principal.has(Role.PRESCRIBER),
    }


def _both(
    request: ClinicRequest, versions: list[AdverseVersion], sentence: str
) -> tuple[EventForm, list[tuple[AdverseVersion, Any, Any]]]:
    """What was made of the event meanwhile, and a form that holds what was typed, upon the newest version."""
    typed = request.POST.copy()
    seen = str(typed.get("version", ""))
    read_version = int(seen) if seen.isascii() and seen.isdigit() else 0
    typed["version"] = str(versions[0].version)
    again = EventForm(typed, reviewed=versions[0].reviewed)
    again.is_valid()
    again.add_error(None, sentence)
    return again, [one for one in shown.changes(versions) if one[0].version > read_version]


def _address(row: AdverseVersion) -> str:
    return reverse("dose:adverse-event", args=[row.patient_id, row.pk])
