"""What one person does alone: receive, open a vial, return, recall."""

from __future__ import annotations

from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from openkap.dose import services_ledger as services
from openkap.dose.models_ledger import HomeRule
from openkap.dose.selectors_ledger import content_now
from openkap.dose.services_posting import lot_of
from openkap.people.request import ClinicRequest, origin_of
from openkap.web.dose.ledger.forms import HomeForm, RecallForm, ReceiveForm, ReturnForm
from openkap.web.dose.ledger.shared import deciders, done, handlers, held_of, key_of, lot_or_404, provers, to_lot


@handlers
def receive(request: ClinicRequest) -> HttpResponse:
    """A delivery."""
    form = ReceiveForm(request.POST or None)

    def act() -> str:
        said = form.cleaned_data
        services.receive(
            request.principal,
            form.lot,
            containers=said["containers"],
            ref=said["ref"],
            key=key_of(request),
            origin=origin_of(request),
        )
        return to_lot(lot_of(request.principal.site_id, said["label"]))

    return done(request, "dose/ledger/receive.html", form, act)


@handlers
def open_vial(request: ClinicRequest, pk: int) -> HttpResponse:
    """Open one vial; the ledger numbers it."""
    lot = lot_or_404(request, pk)
    form = Form(request.POST or None)

    def act() -> str:
        services.open_vial(request.principal, lot.label, key=key_of(request), origin=origin_of(request))
        return to_lot(lot)

    return done(request, "dose/ledger/open.html", form, act, {"lot": lot, "held": held_of(request, lot)})


@provers
def give_back(request: ClinicRequest, pk: int) -> HttpResponse:
    """Return whole containers."""
    lot = lot_or_404(request, pk)
    form = ReturnForm(request.POST or None)

    def act() -> str:
        services.give_back(
            request.principal, lot.label, key=key_of(request), origin=origin_of(request), **form.cleaned_data
        )
        return to_lot(lot)

    return done(request, "dose/ledger/return.html", form, act, {"lot": lot, "held": held_of(request, lot)})


@deciders
def home(request: ClinicRequest) -> HttpResponse:
    """Whether doses go home from this site, and why; off until a site admin says so."""
    site = request.principal.site_id
    rows = list(HomeRule.objects.filter(site=site).order_by("-pk")[:20])
    allowed = bool(rows) and rows[0].allowed
    form = HomeForm(request.POST or None)

    def act() -> str:
        services.allow_home(
            request.principal, allowed=not allowed, reason=form.cleaned_data["reason"], origin=origin_of(request)
        )
        return reverse("ledger:home")

    rule = content_now()[1].statement("LEDGER-HOME")
    return done(request, "dose/ledger/home.html", form, act, {"rows": rows, "allowed": allowed, "rule": rule})


@handlers
def recall(request: ClinicRequest, pk: int) -> HttpResponse:
    """Lock a lot at once: no proof anew, no shift, no way back."""
    lot = lot_or_404(request, pk)
    form = RecallForm(request.POST or None)

    def act() -> str:
        services.recall(request.principal, lot.label, origin=origin_of(request), **form.cleaned_data)
        return to_lot(lot)

    return done(request, "dose/ledger/recall.html", form, act, {"lot": lot, "held": held_of(request, lot)})
