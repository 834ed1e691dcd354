"""Waste, loss and contra-postings: one asks, a second person confirms on a screen of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from openkap.dose import selectors_ledger as selectors
from openkap.dose import services_witness as services
from openkap.dose.models_ledger import PendingEnd, PendingPosting, Posting
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.sign_in import proved_at
from openkap.web.dose.ledger import words
from openkap.web.dose.ledger.forms import ReasonForm, UndoForm, WasteForm
from openkap.web.dose.ledger.shared import (
    case_choices,
    done,
    handlers,
    handles,
    held_of,
    key_of,
    lot_or_404,
    provers,
)


@provers
def waste(request: ClinicRequest, pk: int) -> HttpResponse:
    """Ask a second person to witness a waste or a loss."""
    lot = lot_or_404(request, pk)
    held = held_of(request, lot)
    from_ = {"source": request.GET.get("from", "")}  # the vial or syringe that was tapped
    form = WasteForm(request.POST or None, initial=from_, held=held, cases=case_choices(request, lot))

    def act() -> str:
        said = form.cleaned_data
        row = services.ask(
            request.principal,
            lot.label,
            kind=said["kind"],
            source=form.account,
            ug=form.ug,
            reason=said["reason"],
            ref=said.get("case", ""),
            key=key_of(request),
            origin=origin_of(request),
        )
        return _page_of(row)

    return done(request, "dose/ledger/waste.html", form, act, {"lot": lot, "held": held})


@provers
def undo(request: ClinicRequest, pk: int) -> HttpResponse:
    """Ask a second person to witness that a posting was a mistake."""
    row = Posting.objects.filter(site=request.principal.site_id, pk=pk).select_related("lot").first()
    if row is None:
        raise Http404
    form = UndoForm(request.POST or None, cases=case_choices(request, row.lot))

    def act() -> str:
        said = form.cleaned_data
        asked = services.ask_reversal(
            request.principal,
            row.pk,
            reason=said["reason"],
            ref=said.get("case", ""),
            key=key_of(request),
            origin=origin_of(request),
        )
        return _page_of(asked)

    ends = words.place(row.source_place, row.source_id), words.place(row.target_place, row.target_id)
    return done(request, "dose/ledger/undo.html", form, act, {"row": row, "lot": row.lot, "ends": ends})


@handlers
def waits(request: ClinicRequest, pending_id: UUID) -> HttpResponse:
    """What waits for a second person: what it is, and what the one who looks can do about it."""
    row = _asked(request, pending_id)
    return render(request, "dose/ledger/waits.html", _shown(request, row) | handles(request))


@provers
def confirm(request: ClinicRequest, pending_id: UUID) -> HttpResponse:
    """The second person confirms, having proved who they are after it was asked, for this one thing."""
    row = _asked(request, pending_id)
    proved = proved_at(request)
    form = Form(request.POST or None)
    if request.method != "POST" and _needs_proof(row, request, proved):
        return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")

    def act() -> str:
        services.confirm(request.principal, row.pk, proved_at=proved, origin=origin_of(request))
        return _page_of(row)

    return done(request, "dose/ledger/confirm.html", form, act, _shown(request, row))


@handlers
def refuse(request: ClinicRequest, pending_id: UUID) -> HttpResponse:
    """The second person saw something else."""
    row = _asked(request, pending_id)
    form = ReasonForm(request.POST or None)

    def act() -> str:
        services.refuse(request.principal, row.pk, origin=origin_of(request), **form.cleaned_data)
        return _page_of(row)

    return done(request, "dose/ledger/end.html", form, act, _shown(request, row) | {"refuse": True})


@handlers
def withdraw(request: ClinicRequest, pending_id: UUID) -> HttpResponse:
    """Who asked takes it back."""
    row = _asked(request, pending_id)
    form = ReasonForm(request.POST or None)

    def act() -> str:
        services.withdraw(request.principal, row.pk, origin=origin_of(request), **form.cleaned_data)
        return _page_of(row)

    return done(request, "dose/ledger/end.html", form, act, _shown(request, row))


@provers
def again(request: ClinicRequest, pending_id: UUID) -> HttpResponse:
    """Who asked asks anew: nobody confirmed it in time."""
    row = _asked(request, pending_id)
    form = Form(request.POST or None)

    def act() -> str:
        made = services.again(request.principal, row.pk, key=key_of(request), origin=origin_of(request))
        return _page_of(made)

    return done(request, "dose/ledger/again.html", form, act, _shown(request, row))


def _needs_proof(row: PendingPosting, request: ClinicRequest, proved: datetime) -> bool:
    """True if the last proof was before this was asked, or was used for something else."""
    used = PendingEnd.objects.filter(proof=services.proof_id(request.principal, proved)).exists()
    return row.by_id != request.principal.user_id and not hasattr(row, "end") and (proved < row.at or used)


def _asked(request: ClinicRequest, pending_id: UUID) -> PendingPosting:
    found = PendingPosting.objects.filter(site=request.principal.site_id, pk=pending_id)
    row = found.select_related("lot", "end", "reverses").first()
    if row is None:
        raise Http404
    return row


def _shown(request: ClinicRequest, row: PendingPosting) -> dict[str, Any]:
    open_ = {one.row.pk: one.lapsed for one in selectors.waiting(request.principal.site_id)}
    end = getattr(row, "end", None)
    known = {lot.label: lot for lot in selectors.lots(request.principal.site_id)}
    return {
        "row": row,
        "lot": row.lot,
        "source": words.place(row.source_place, row.source_id) if row.source_place else "",
        "lines": [(known[label], line[0]) for label, line in row.lines.items()],
        "end": end,
        "end_words": words.ENDS[end.how] if end else "",
        "end_shape": words.SHAPES[end.how] if end else "",
        "lapsed": open_.get(row.pk, False),
        "own": row.by_id == request.principal.user_id,
        "within_min": selectors.rules(row.day).within_min,
    }


def _page_of(row: PendingPosting) -> str:
    return reverse("ledger:waits", args=[row.pk])
