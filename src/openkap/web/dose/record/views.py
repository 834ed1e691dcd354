"""The record of a session: on screen, on paper, for other systems; its note is corrected in plain sight and signed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from openkap.dose import events as e
from openkap.dose import services_after, store
from openkap.dose.fhir import session_bundle
from openkap.dose.known import read
from openkap.dose.models import DosingSession
from openkap.dose.selectors import adverse_of, note_of
from openkap.dose.session import Session
from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.dose.acts import clinicians, found, happen, to
from openkap.web.dose.record import shown
from openkap.web.dose.record.forms import NoteForm, ThemeForm

signers = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, step_up=True)
therapists = about_patient(Role.THERAPIST, purpose=Purpose.TREATMENT)


@clinicians
def record(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """All of it."""
    row, session = found(request, session_id)
    return render(request, "dose/record/record.html", _page(request, row, session))


@clinicians
def printed(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The same on paper: nothing folded, nothing to press."""
    row, session = found(request, session_id)
    services_after.note_export(request.principal, row, "print", origin=origin_of(request))
    return render(request, "dose/record/print.html", _page(request, row, session) | {"paper": True})


@signers
def note(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Correct the note and sign it; one that was signed gets a new version with a reason."""
    row, session = found(request, session_id)
    last, written = note_of(row), services_after.written_note(row, session)
    start = {
        "text": last.text if last else written,
        "seen": services_after.digest_of(written),
        "version": last.version if last else 0,
    }
    form = NoteForm(request.POST or None, signed=last is not None, initial=start)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                services_after.sign_note(
                    request.principal,
                    row,
                    text=given["text"],
                    seen=given["seen"],
                    expected_version=given["version"],
                    birth_date=given["birth_date"],
                    reason=given.get("reason", ""),
                    origin=origin_of(request),
                )
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(to("dose:record", row) + "#note")
    typed = str(form["text"].value() or "")
    context = {
        "row": row,
        "session": session,
        "form": form,
        "written": written,
        "last": last,
        "changed": shown.difference(written, typed.replace("\r\n", "\n")),
        "note": shown.note(row, session),
        "ended": row.ended_at is not None,
        "meaning": services_after.MEANING,
    }
    return render(request, "dose/record/note.html", context, status=status)


@therapists
def theme(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Write down something that came up."""
    row, session = found(request, session_id)
    form, status = ThemeForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                happen(request, row, e.Note, text=form.cleaned_data["text"])
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(to("dose:record", row) + "#themes")
    return render(request, "dose/record/theme.html", {"row": row, "session": session, "form": form}, status=status)


@signers
def fhir(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The session for another system, as FHIR R4."""
    row, session = found(request, session_id)
    services_after.note_export(request.principal, row, "fhir", origin=origin_of(request))
    mine = [read(one) for one in adverse_of(request.patient) if one.session_id == row.pk]
    synthetic = request.patient.synthetic
    bundle = session_bundle(session, mine, record_number=request.patient.record_number, synthetic=synthetic)
    content = msgspec.json.Encoder(decimal_format="number").encode(bundle)
    response = HttpResponse(content, content_type="application/fhir+json")
    response.headers["Content-Disposition"] = f'attachment; filename="session-{row.day.isoformat()}.fhir.json"'
    return response


def _page(request: ClinicRequest, row: DosingSession, session: Session) -> dict[str, Any]:
    return {
        "row": row,
        "session": session,
        "page": shown.page(row, session),
        "therapist": request.principal.has(Role.THERAPIST),
        "zone": store.zone_of(row.site).key,
    }
