"""The sealed envelope: opened without an account, it shows the emergency sheets and takes emergency entries."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from openkap.dose import events as e
from openkap.dose import selectors, services, store
from openkap.dose.models import DosingSession
from openkap.dose.session import Session
from openkap.dose.types import Phase, Staff
from openkap.kernel.errors import EXIT, UserError
from openkap.people import services_sealed
from openkap.people.once import FIELD
from openkap.people.policy import public, sealed
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.types import Role
from openkap.web.dose.chair import page
from openkap.web.dose.sealed.forms import OpenForm

LONGEST = 1900


@sensitive_post_parameters("word")
@public()
def open_it(request: HttpRequest) -> HttpResponse:
    """Name, why, and the word."""
    form, status = OpenForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row, token = services_sealed.open_seal(**form.cleaned_data, origin=origin_of(request))
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return _let_in(row.until, token)
    return render(request, "dose/sealed/open.html", {"form": form}, status=status)


def _let_in(until: Any, token: str) -> HttpResponse:
    response = redirect("sealed:rooms")
    response.set_signed_cookie(
        settings.SEALED_COOKIE_NAME,
        token,
        max_age=max(1, int((until - timezone.now()).total_seconds())),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


@sealed()
def rooms(request: ClinicRequest) -> HttpResponse:
    """Everybody who is in the house."""
    rows = _in_house(request)
    disclose(request, [row.patient for row in rows])
    with timezone.override(ZoneInfo(request.seal.site.zone)):
        return render(request, "dose/sealed/rooms.html", {"rows": rows, "seal": request.seal})


@sealed()
def sheet(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The emergency sheet of one session; a form charts what happens in the emergency, and nothing else."""
    row = next((one for one in _in_house(request) if one.pk == session_id), None)
    if row is None:
        raise Http404
    disclose(request, [row.patient])
    request.patient = row.patient
    refused, status = "", 200
    if request.method == "POST":
        refused = _charted(request, row)
        if not refused:
            return HttpResponseRedirect(reverse("sealed:sheet", args=[row.pk]))
        status = 409
    with timezone.override(ZoneInfo(request.seal.site.zone)):
        shown = page.sheet_alone(request, row, store.load(row))
        return render(
            request, "dose/sealed/sheet.html", shown | {"seal": request.seal, "refused": refused}, status=status
        )


@sealed()
def end(request: ClinicRequest) -> HttpResponse:
    """The envelope opens nothing any more, on any browser."""
    if request.method == "POST":
        services_sealed.end_seal(request.seal, origin=origin_of(request))
        response = redirect("sealed:open")
        response.delete_cookie(settings.SEALED_COOKIE_NAME, samesite="Strict")
        return response
    return redirect("sealed:rooms")


def _in_house(request: ClinicRequest) -> list[DosingSession]:
    rows = selectors.open_sessions(request.principal.site_id)
    return [row for row in rows if row.phase != Phase.BOOKED.value]


def _charted(request: ClinicRequest, row: DosingSession) -> str:
    """The entry of the form; why it was refused, if it was."""
    key = str(uuid5(NAMESPACE_OID, request.POST[FIELD]))
    # In the session they are one who may watch; what an envelope may enter stands here, and it is two things.
    who = Staff(str(request.principal.user_id), request.principal.name, Role.NURSE)
    text = _words(request.POST)
    if "call" not in request.POST and not text:
        return str(_("Nothing is written: write what was done."))

    def made(by: Staff, session: Session, now: Any) -> e.Event:
        if "call" in request.POST:
            return e.Emergency(key=key, patient=session.patient, by=by)
        return e.Note(key=key, patient=session.patient, by=by, text=text, happened_s=now.elapsed_s)

    acted = services.act(request.principal, row, made, by=who, origin=origin_of(request))
    return acted.refused.text if acted.refused else ""


def _words(said: Any) -> str:
    if stamp := said.get("stamp", "").strip():
        return str(stamp)[:LONGEST]
    if drug := said.get("drug", "").strip():
        return str(_("Drug given")) + f": {drug[:LONGEST]}"
    return str(said.get("text", "").strip())[:LONGEST]
