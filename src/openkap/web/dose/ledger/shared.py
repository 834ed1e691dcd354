"""What the pages of the drug ledger share: who may, which lot, which cases, and how a form is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from openkap.dose import selectors_ledger as selectors
from openkap.dose.floor import on_shift
from openkap.dose.ledger import HANDLERS, milligrams
from openkap.dose.models_ledger import Discrepancy, Lot
from openkap.dose.selectors_ledger import Held
from openkap.kernel.site import unsigned_words
from openkap.people.once import FIELD
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest
from openkap.people.types import Role
from openkap.web.dose.ledger.words import Words
from openkap.web.people.tried import answer

readers = staff(Role.PRESCRIBER, Role.NURSE, Role.SITE_ADMIN)
handlers = staff(Role.PRESCRIBER, Role.NURSE)
deciders = staff(Role.SITE_ADMIN, step_up=True)
provers = staff(Role.PRESCRIBER, Role.NURSE, step_up=True)


def today(request: ClinicRequest) -> date:
    """The day at the site."""
    return selectors.day_at(request.principal.site_id)


def lot_or_404(request: ClinicRequest, pk: int) -> Lot:
    """A lot of the site."""
    found = selectors.lots(request.principal.site_id).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def held_of(request: ClinicRequest, lot: Lot) -> Held:
    """A lot with its balances."""
    (found,) = selectors.held(request.principal.site_id, today(request), label=lot.label)
    return found


def case_choices(request: ClinicRequest, lot: Lot) -> list[tuple[str, Words]]:
    """The open cases of a lot, as a choice."""
    found = Discrepancy.objects.filter(site=request.principal.site_id, lot=lot, closing=None).order_by("pk")
    return [(row.case, gap_words(row)) for row in found]


def gap_words(row: Discrepancy) -> Words:
    """A gap and the day it was found."""
    text = _("{mg} mg missing, found {on}") if row.gap_ug < 0 else _("{mg} mg too much, found {on}")
    return format_lazy(text, mg=milligrams(abs(row.gap_ug)), on=row.found.isoformat())


def handles(request: ClinicRequest) -> dict[str, Any]:
    """Whether the person handles the drug at all, and is on the floor; and which rows of custody nobody signed here."""
    principal = request.principal
    unsigned = selectors.rules(today(request)).unsigned
    return {
        "handles": bool(principal.roles & HANDLERS),
        "on_floor": str(principal.user_id) in on_shift(principal.site_id),
        "unsigned": unsigned_words(*unsigned) if unsigned else "",
    }


def key_of(request: ClinicRequest) -> str:
    """The key of the form, made before it was shown: what is sent twice is one posting."""
    return str(request.headers.get("Idempotency-Key") or request.POST[FIELD])


def done(
    request: ClinicRequest,
    template: str,
    form: Form,
    act: Callable[[], str],
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """The page of a form; or what it does, then the address that `act` gives."""
    return answer(request, template, form, lambda: HttpResponseRedirect(act()), (context or {}) | handles(request))


def to_lot(lot: Lot) -> str:
    """The page of a lot."""
    return reverse("ledger:lot", args=[lot.pk])
