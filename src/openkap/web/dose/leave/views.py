"""
Going home: the criteria worked out from the record, the questions one at a time, and the three ways out: signed
discharge, an early end, and hand-over to another place of care.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from openkap.assess import crisis
from openkap.dose import events as e
from openkap.dose.discharge import advice
from openkap.dose.due import ALWAYS
from openkap.dose.library import content_of
from openkap.dose.models import DosingSession
from openkap.dose.selectors import tasks_of
from openkap.dose.selectors_ledger import home_reason
from openkap.dose.session import Session
from openkap.dose.types import ENDED
from openkap.kernel.errors import EXIT, ContentFault, UserError
from openkap.kernel.truth import Truth
from openkap.people.request import ClinicRequest
from openkap.people.selectors import contact_of
from openkap.people.types import Role
from openkap.plan.book import book_of
from openkap.screen.services import confirm_person
from openkap.web.case import site_of
from openkap.web.dose.acts import clinicians, dosers, found, handlers, happen, to
from openkap.web.dose.leave.forms import AnswerForm, DischargeForm, LeaveForm, TransferForm
from openkap.web.dose.leave.shown import Shown, shown

log = logging.getLogger(__name__)


@clinicians
def leave(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The criteria; a POST answers one question."""
    row, session = found(request, session_id)
    status, fault = 200, ""
    if request.method == "POST":
        form = AnswerForm(request.POST)
        if len(request.POST.getlist("item")) != 1 or not form.is_valid():
            status, fault = 422, "answer: one question takes one answer; choose yes, no or not known for one of them."
        else:
            try:
                name, truth = form.cleaned_data["item"], Truth(form.cleaned_data["truth"])
                happen(request, row, e.Answer, name=name, truth=truth, note=form.cleaned_data["note"])
            except UserError as why:
                status, fault = EXIT[why.code][1], str(why)
            else:
                return HttpResponseRedirect(f"{to('dose:leave', row)}#q-{name}")
    context = _context(request, row, session) | {"fault": fault, "typed": request.POST}
    return render(request, "dose/leave/leave.html", context, status=status)


@dosers
def discharge(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Sign that every criterion is met: nothing else sends anybody home."""
    row, session = found(request, session_id)
    form = DischargeForm(request.POST or None)

    def act() -> None:
        confirm_person(request.patient, form.cleaned_data["birth_date"])
        happen(request, row, e.Discharge)

    return _answer(request, row, session, "dose/leave/discharge.html", form, act)


@dosers
def early(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The person leaves before the criteria are met."""
    row, session = found(request, session_id)
    form = LeaveForm(request.POST or None, principal=request.principal)

    def act() -> None:
        given = dict(form.cleaned_data)
        confirm_person(request.patient, given.pop("birth_date"))
        happen(request, row, e.Leave, **given)

    return _answer(request, row, session, "dose/leave/early.html", form, act)


@handlers
def transfer(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Hand the person over to another place of care. No proof is asked for: it may be an emergency."""
    row, session = found(request, session_id)
    form = TransferForm(request.POST or None)

    def act() -> None:
        happen(request, row, e.Transfer, **form.cleaned_data)

    return _answer(request, row, session, "dose/leave/transfer.html", form, act)


@clinicians
def instructions(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """The sheet that goes home, for print."""
    row, session = found(request, session_id)
    site = site_of(request.patient)
    context = {
        "row": row,
        "advice": advice(content_of(site), book_of(site)),
        "contact": contact_of(request.principal.site_id),
        "crisis": _crisis(),
        "page": shown(session),
        "calls": _calls(row),
        "mode": site.mode,
    }
    return render(request, "dose/leave/instructions.html", context)


# -- parts -----------------------------------------------------------------------------------------------


def _context(request: ClinicRequest, row: DosingSession, session: Session) -> dict[str, Any]:
    page: Shown = shown(session)
    return {
        "row": row,
        "session": session,
        "page": page,
        "may_sign": request.principal.has(Role.PRESCRIBER, Role.NURSE),
        "takes_home": bool(home_reason(row.site_id)),
        "contact": contact_of(request.principal.site_id),
        "tasks": list(tasks_of(row)),
        "stale_s": session.protocol.seconds(ALWAYS, "nurse_min"),
    }


def _answer(
    request: ClinicRequest,
    row: DosingSession,
    session: Session,
    template: str,
    form: forms.Form,
    act: Callable[[], None],
) -> HttpResponse:
    """A way out; or what was done, then back to the page. A refusal keeps what was typed and says why on top."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                act()
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(to("dose:leave", row))
    context = _context(request, row, session) | {"form": form, "over": session.phase in ENDED}
    return render(request, template, context, status=status)


def _calls(row: DosingSession) -> list[Any]:
    return [task for task in tasks_of(row) if task.kind in ("check-in", "call") and task.done_at is None]


def _crisis() -> crisis.Help:
    """Help in a crisis as patients of the site read it; a site file at fault leaves the national lines."""
    try:
        return crisis.help_of(settings.ENVIRONMENT.site)
    except ContentFault:
        log.exception("crisis.unreadable")
        return crisis.help_of(None)
