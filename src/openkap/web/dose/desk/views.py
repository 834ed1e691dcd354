"""Sessions of one person: those to come, the one that runs, those that were; booking one; receiving somebody."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from openkap.dose import events as e
from openkap.dose import services_book
from openkap.dose.models import DosingSession
from openkap.dose.selectors import chairs, session_or_404, sessions_of
from openkap.dose.selectors_calendar import Linked, linked
from openkap.dose.types import ENDED, Phase
from openkap.kernel.errors import EXIT, UserError
from openkap.people.models import Patient
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.plan import selectors as plans
from openkap.plan.book import book_of
from openkap.plan.site_max import open_routes
from openkap.plan.words import ROUTE_WORDS
from openkap.web.case import site_of, today
from openkap.web.dose import acts
from openkap.web.dose.chair.shown import PHASES
from openkap.web.dose.desk.forms import BookForm, CancelForm, PlaceForm
from openkap.web.judge import plan_moved

arrangers = about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION)
OVER = {phase.value for phase in ENDED}
BEFORE = (Phase.ARRIVED.value, Phase.GATE.value, Phase.READY.value)


@arrangers
def sessions(request: ClinicRequest) -> HttpResponse:
    """Every session, what is to be done first; receive the patient of today or cancel."""
    rows = list(sessions_of(request.patient))
    open_ = {one.dose.pk: one for one in linked(row for row in rows if row.phase not in OVER)}
    form = CancelForm(request.POST if request.POST.get("act") == "cancel" else None)
    status, fault = 200, None
    if request.method == "POST":
        row = session_or_404(request.patient, UUID(request.POST.get("session", "")) if _is_id(request) else UUID(int=0))
        try:
            return HttpResponseRedirect(_done(request, row, form))
        except UserError as why:
            status, fault = EXIT[why.code][1], str(why)
    clinical = request.principal.has(*CLINICIANS)
    context = {
        "now": [_shown(row, clinical, open_.get(row.pk)) for row in rows if row.phase not in OVER],
        "before": [_shown(row, clinical) for row in rows if row.phase in OVER],
        "clinical": clinical,
        "today": today(request.patient),
        "cancel": form,
        "fault": fault,
    }
    return render(request, "dose/desk/sessions.html", context, status=status)


def _is_id(request: ClinicRequest) -> bool:
    try:
        UUID(request.POST.get("session", ""))
    except ValueError:
        return False
    return True


def _done(request: ClinicRequest, row: DosingSession, form: CancelForm) -> str:
    back = reverse("dose:sessions", args=[request.patient.pk])
    if request.POST.get("act") == "arrive":
        acts.happen(request, row, e.Arrive)
        return acts.to("dose:gate", row)
    if not form.is_valid():
        raise UserError(_("Why there is no session: write the reason."))
    acts.happen(request, row, e.Cancel, reason=form.cleaned_data["reason"])
    return back


def _shown(row: DosingSession, clinical: bool, link: Linked | None = None) -> dict[str, Any]:
    zone = ZoneInfo(row.site.zone)
    return {
        "row": row,
        "begins": row.appointment.starts_at.astimezone(zone) if row.appointment else None,
        "integration": link.booked.starts_at.astimezone(zone) if link and link.booked else None,
        "window": (link.first.astimezone(zone), link.last.astimezone(zone)) if link and link.booked is None else None,
        "phase": PHASES[Phase(row.phase)],
        "given": f"{row.drug} {ROUTE_WORDS[row.route]}" if clinical else "",
        "booked": row.phase == Phase.BOOKED.value,
        "before": row.phase in BEFORE,
    }


@arrangers
def book(request: ClinicRequest) -> HttpResponse:
    """Book a session for a day, as the signed plan says."""
    patient = request.patient
    site = site_of(patient)
    open_ = open_routes(site, today(patient))
    limits = [row for row in book_of(site).dose_limits.limit if row.route in open_]
    planned, given = _planned(patient)
    form = BookForm(
        request.POST or None,
        limits=limits,
        planned=planned,
        chairs=list(chairs(patient.site_id)),
        prescribes=request.principal.has(Role.PRESCRIBER),
        initial={"day": today(patient), "given": given},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if form.asked["plan_session"] and (why := plan_moved(patient)):
                    raise UserError(why)
                services_book.book(request.principal, patient, site, origin=origin_of(request), **form.asked)
                return HttpResponseRedirect(reverse("dose:sessions", args=[patient.pk]))
            except UserError as why:
                form.add_error(None, str(why))
                status = EXIT[why.code][1]
    return render(request, "dose/desk/book.html", {"form": form, "planned": bool(planned)}, status=status)


def _planned(patient: Patient) -> tuple[list[str], str]:
    """Dose sessions of the signed plan that were not booked, and its limit row; nothing where none is signed."""
    row = plans.newest(patient)
    if row is None or plans.signature_of(row) is None or plans.withdrawal_of(row) is not None:
        return [], ""
    document = plans.document_of(row)
    taken = {one.plan_session for one in sessions_of(patient)}
    names = [one["id"] for one in document["programme"]["sessions"] if one["kind"] == "dose"]
    return [name for name in names if name not in taken], document["regimen"]["limit"]


@arrangers
def place(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Which chair a session is in."""
    row = session_or_404(request.patient, session_id)
    form = PlaceForm(
        request.POST or None,
        chairs=list(chairs(row.site_id)),
        moves=services_book.moves(row),
        initial={"chair": str(row.chair_id) if row.chair else ""},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                said = dict(form.cleaned_data)
                chair = form.chairs[said.pop("chair")]
                services_book.place_in(request.principal, row, chair, **said, origin=origin_of(request))
                return HttpResponseRedirect(reverse("dose:sessions", args=[request.patient.pk]))
            except UserError as why:
                form.add_error(None, str(why))
                status = EXIT[why.code][1]
    return render(
        request, "dose/desk/place.html", {"form": form, "row": row, "moves": services_book.moves(row)}, status=status
    )
