"""A supply that somebody takes home after a session: off unless the site says otherwise, always in the drug ledger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from openkap.dose.models_ledger import Lot
from openkap.dose.selectors_home import sent_home
from openkap.dose.selectors_ledger import day_at, held, home_reason
from openkap.dose.services_ledger import send_home
from openkap.dose.types import Phase
from openkap.kernel.errors import UserError
from openkap.people.once import FIELD, new_key
from openkap.people.request import ClinicRequest, origin_of
from openkap.plan.library import statement
from openkap.screen.services import confirm_person
from openkap.web.dose import acts
from openkap.web.dose.ledger.forms import SendHomeForm
from openkap.web.dose.ledger.words import product

RISK = "REGUL-3"  # a breathing emergency at home
FORM = "lozenge"  # whole, and of ketamine: nothing else goes home
NOT_HERE = (Phase.BOOKED.value, Phase.CANCELLED.value)


@acts.dosers
def home(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """What goes home after this session, and what went before."""
    row, _session = acts.found(request, session_id)
    reason = home_reason(row.site_id)
    there = [one for one in held(row.site_id, day_at(row.site_id)) if not one.why_not and one.containers]
    lots = [one for one in there if (one.lot.drug, one.lot.form) == ("ketamine", FORM)]
    may = bool(reason) and row.phase not in NOT_HERE
    form = SendHomeForm(request.POST or None, lots=[(one.lot.label, _words(one.lot, one.containers)) for one in lots])

    def act(_name: str) -> str:
        if not may:
            raise UserError(_("No dose goes home from here: the site has not allowed it, or nobody is here."))
        said: dict[str, Any] = form.cleaned_data
        confirm_person(request.patient, said["born"])
        key = request.headers.get("Idempotency-Key") or request.POST.get(FIELD) or new_key()
        send_home(
            request.principal,
            said["lot"],
            containers=said["containers"],
            session=row.pk,
            key=key,
            origin=origin_of(request),
        )
        return acts.to("dose:home", row)

    def context() -> dict[str, Any]:
        shown = {"row": row, "may": may, "reason": reason, "lots": lots, "warning": statement(RISK)}
        return {**shown, "home": sent_home(request.patient)}

    return acts.answer(request, "dose/give/home.html", {"form": form}, act, context)


def _words(lot: Lot, containers: int) -> str:
    return f"{lot.label}: {product(lot)}, {containers} {_('in stock')}"
