"""What the drug ledger of a site says: stock, one lot, the sheet to count by, patterns of waste, seals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose.models_ledger import Count, PendingPosting, Posting
from openkap.dose.products import found, strength
from openkap.kernel.site import Site as SiteContent
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest
from openkap.people.types import Role
from openkap.plan.book import book_of
from openkap.web.dose.ledger import words
from openkap.web.dose.ledger.shared import handles, lot_or_404, readers, today

READ_PATTERNS = (Role.PRESCRIBER, Role.SITE_ADMIN)
_DAYS = 90  # so far the page of patterns looks back
_ON_PAGE = 200  # postings of a lot shown at once, the newest


@readers
def stock(request: ClinicRequest) -> HttpResponse:
    """What is here, what waits for a second person, open cases, what is due."""
    site, day = request.principal.site_id, today(request)
    held = selectors.held(site, day)
    counted = selectors.counted_today(site, day)
    rows = [
        {"held": one, "open": one.lot.pk in counted["open"], "close": one.lot.pk in counted["close"]}
        for one in held
        if one.in_house_ug
    ]
    context = {
        "rows": rows,
        "used_up": [one.lot for one in held if not one.in_house_ug],
        "waiting": selectors.waiting(site),
        "cases": selectors.cases(site, day),
        "inventory": selectors.inventory_due(site, day),
        "rests": selectors.rests(site),
        "day": day,
        "months": selectors.rules(day).months,
        "reads_patterns": request.principal.has(*READ_PATTERNS),
    }
    return render(request, "dose/ledger/stock.html", context | handles(request))


@dataclass(frozen=True)
class Line:
    """A posting with what the lot held in the house after it."""

    row: Posting
    balance_ug: int
    source: words.Words
    target: words.Words
    undone: bool


@readers
def lot(request: ClinicRequest, pk: int) -> HttpResponse:
    """One lot: its postings with the running balance, its counts, what can be done."""
    row = lot_or_404(request, pk)
    site = request.principal.site_id
    (held,) = selectors.held(site, today(request), label=row.label)
    lines = _lines(row.pk)
    whole = "all" in request.GET
    context = {
        "lot": row,
        "held": held,
        "lines": list(reversed(lines if whole else lines[-_ON_PAGE:])),
        "earlier": 0 if whole else max(len(lines) - _ON_PAGE, 0),
        "counts": Count.objects.filter(lot=row).select_related("case").order_by("-pk")[:20],
        "waiting": [one for one in selectors.waiting(site) if one.row.lot_id == row.pk],
        "keep_until": led.keep_until(selectors.pure_posting(lines[-1].row, row), selectors.rules(today(request)).years)
        if lines
        else None,
        "seal": lines[-1].row.seal if lines else "",
    }
    return render(request, "dose/ledger/lot.html", context | handles(request))


def _lines(lot_pk: int) -> list[Line]:
    found, balance = [], 0
    rows = Posting.objects.filter(lot=lot_pk).select_related("reverses", "reversed_by").order_by("number")
    for row in rows:
        there = [end in selectors.HOUSE for end in (row.source_place, row.target_place)]
        balance += row.ug * (there[1] - there[0])
        source, target = words.place(row.source_place, row.source_id), words.place(row.target_place, row.target_id)
        found.append(Line(row, balance, source, target, hasattr(row, "reversed_by")))
    return found


@readers
def products(request: ClinicRequest) -> HttpResponse:
    """Which drug comes in which form and strength, by which routes, and its order sets: found by a part of a word."""
    typed = request.GET.get("q", "").strip()[:60]
    site, day = request.principal.site_id, today(request)
    usable = [one.lot for one in selectors.held(site, day) if one.in_house_ug and not one.why_not]
    limits = book_of(SiteContent.open(settings.ENVIRONMENT.site)).dose_limits.limit
    rows = [
        {
            "product": row,
            "strength": strength(row),
            "sets": [one for one in limits if one.drug == row.drug and one.route in row.routes],
            "lots": [one.label for one in usable if (one.drug, one.form) == (row.drug, row.form)],
        }
        for row in found(typed)
    ]
    return render(request, "dose/ledger/products.html", {"rows": rows, "typed": typed})


@readers
def sheet(request: ClinicRequest) -> HttpResponse:
    """A sheet of paper to count by: lots without a balance, the last seal of each, lines for two names."""
    site = request.principal.site_id
    held = [one for one in selectors.held(site, today(request)) if one.in_house_ug]
    newest: dict[int, tuple[int, str]] = {}
    for lot_id, number, seal in (
        Posting.objects.filter(site=site).order_by("number").values_list("lot", "number", "seal")
    ):
        newest[lot_id] = number, seal
    rows = [(one.lot, *newest[one.lot.pk]) for one in held]
    return render(request, "dose/ledger/sheet.html", {"rows": rows, "day": today(request)})


@staff(*READ_PATTERNS)
def patterns(request: ClinicRequest) -> HttpResponse:
    """Who wastes before whom, how much, at which hours; what was refused, withdrawn or never confirmed."""
    site, since = request.principal.site_id, today(request) - timedelta(days=_DAYS)
    asked = PendingPosting.objects.filter(site=site, day__gte=since).exclude(kind="count").select_related("lot", "end")
    context = {
        "pairs": selectors.pairs(site, since),
        "wasters": selectors.wasters(site, since, request.principal.zone),
        "unposted": [row for row in asked.order_by("-at") if not hasattr(row, "end") or row.end.how != "posted"][:50],
        "since": since,
    }
    return render(request, "dose/ledger/patterns.html", context)


@readers
def seals(request: ClinicRequest) -> HttpResponse:
    """Hold each posting against its seal, and each lot against counts and the audit trail."""
    site = request.principal.site_id
    context = {"faults": selectors.faults(site), "postings": Posting.objects.filter(site=site).count()}
    return render(request, "dose/ledger/seals.html", context)
