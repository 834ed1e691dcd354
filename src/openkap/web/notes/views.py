"""Psychotherapy notes of the one who is signed in, about one patient; nobody else reaches them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from openkap.chart.services_private import Note, notes_of, write_note
from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Purpose, Role
from openkap.web.notes.forms import NoteForm

author = about_patient(Role.THERAPIST, purpose=Purpose.PRIVATE_NOTE)


@author
def notes(request: ClinicRequest) -> HttpResponse:
    """Own notes about this patient, and a new one."""
    return _page(request, "notes/own.html", {"notes": notes_of(request.principal, request.patient)})


@author
def amend(request: ClinicRequest, note_id: UUID) -> HttpResponse:
    """Correct an own note; the former stays."""
    note = next((n for n in notes_of(request.principal, request.patient) if n.id == note_id), None)
    if note is None:
        raise Http404
    return _page(request, "notes/amend.html", {"note": note}, note)


def _page(request: ClinicRequest, template: str, context: dict[str, Any], note: Note | None = None) -> HttpResponse:
    form = NoteForm(request.POST or None, initial={"text": note.text} if note else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                write_note(
                    request.principal,
                    request.patient,
                    form.cleaned_data["text"],
                    amends=note.id if note else None,
                    origin=origin_of(request),
                )
                return HttpResponseRedirect(reverse("notes:own", args=[request.patient.pk]))
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
    return render(request, template, {"form": form, **context}, status=status)
