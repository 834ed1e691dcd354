"""Counts by two people, and the cases that their gaps open."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose import services_ledger as services
from openkap.dose import services_witness
from openkap.dose.models_ledger import Discrepancy, Posting
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Role
from openkap.web.dose.ledger.forms import CountForm, NoticeForm, ReasonForm
from openkap.web.dose.ledger.shared import (
    done,
    gap_words,
    handlers,
    handles,
    key_of,
    lot_or_404,
    provers,
    readers,
    today,
)


@handlers
def count(request: ClinicRequest) -> HttpResponse:
    """What was counted, without a balance in sight; `lot` in the address: a lot that the ledger holds to be used up."""
    site = request.principal.site_id
    lots = [one.lot for one in selectors.held(site, today(request)) if one.in_house_ug]
    named = request.GET.get("lot", "")
    if named.isdecimal() and int(named) not in {lot.pk for lot in lots}:
        lots.append(lot_or_404(request, int(named[:18])))
    form = CountForm(request.POST or None, lots=lots)

    def act() -> str:
        said = form.cleaned_data
        row = services_witness.ask_count(
            request.principal,
            form.counted,
            moment=said["moment"],
            inventory=said["inventory"],
            key=key_of(request),
            origin=origin_of(request),
        )
        return reverse("ledger:waits", args=[row.pk])

    return done(request, "dose/ledger/count.html", form, act, {"lines": form.lines()})


@readers
def cases(request: ClinicRequest) -> HttpResponse:
    """Open cases, what is due first first, and those that were closed."""
    site, day = request.principal.site_id, today(request)
    context = {"open": selectors.cases(site, day), "closed": selectors.cases(site, day, closed=True)[:100]}
    return render(request, "dose/ledger/cases.html", context)


@readers
def case(request: ClinicRequest, pk: int) -> HttpResponse:
    """One case: the gap, what was posted for it, its notices, how it was closed."""
    return render(request, "dose/ledger/case.html", _shown(request, pk) | handles(request))


@provers
def notice(request: ClinicRequest, pk: int) -> HttpResponse:
    """Record the notice of a loss as it was sent."""
    context = _shown(request, pk)
    form = NoticeForm(request.POST or None)

    def act() -> str:
        services.notify(request.principal, context["row"].case, origin=origin_of(request), **form.cleaned_data)
        return reverse("ledger:case", args=[pk])

    return done(request, "dose/ledger/notice.html", form, act, context)


@provers
def close(request: ClinicRequest, pk: int) -> HttpResponse:
    """Close a case whose gap is explained."""
    context = _shown(request, pk)
    form = ReasonForm(request.POST or None)

    def act() -> str:
        services.close(request.principal, context["row"].case, origin=origin_of(request), **form.cleaned_data)
        return reverse("ledger:case", args=[pk])

    return done(request, "dose/ledger/close.html", form, act, context)


def _shown(request: ClinicRequest, pk: int) -> dict[str, Any]:
    site, day = request.principal.site_id, today(request)
    row = Discrepancy.objects.filter(site=site, pk=pk).select_related("lot", "count", "closing").first()
    if row is None:
        raise Http404
    own = row.owner_id == request.principal.user_id
    explained = led.explained(selectors.ledger_of(row.lot), selectors.pure_case(row, row.lot))
    notices = list(row.notices.order_by("pk"))
    return {
        "row": row,
        "lot": row.lot,
        "gap": gap_words(row),
        "postings": Posting.objects.filter(lot=row.lot, ref=row.case).order_by("number"),
        "notices": notices,
        "overdue": not notices and not hasattr(row, "closing") and day > row.notice_by,
        "explained": explained,
        "may_close": explained and request.principal.has(Role.PRESCRIBER) and not own,
        "own": own,
    }
