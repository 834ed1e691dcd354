"""What a dose of a session moves in the drug ledger, in the transaction of its event."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from openkap.dose import events as e
from openkap.dose.ledger import micrograms
from openkap.dose.models import DosingSession, Task
from openkap.dose.models_ledger import Lot
from openkap.dose.products import forms_for, product_of, shown
from openkap.dose.selectors_ledger import day_at, held
from openkap.dose.services_ledger import session_draw, session_give
from openkap.dose.services_posting import NotPosted
from openkap.dose.session import Session
from openkap.dose.types import Administration, Refused
from openkap.kernel.errors import Conflict, UserError
from openkap.people.audit import Origin
from openkap.people.types import Principal
from openkap.plan.words import ROUTE_WORDS


def move_drug(
    principal: Principal, row: DosingSession, before: Session, after: Session, event: e.Event, origin: Origin | None
) -> None:
    """
    Post what an accepted event took or gave: a draw from the open vial or stock; a dose that has ended.

    A drug that is in a person is charted whatever the ledger says: what it will not take becomes a task.

    Raises:
        UserError: nothing may be drawn or begun, such as of a lot that was recalled, or of a syringe that was wasted;
            then the event must not be either.
    """
    if isinstance(event, e.DrawUp):
        _for_this_route(row, event.draw.lot)
        session_draw(
            principal,
            label=event.draw.lot,
            session=row.pk,
            drug=after.protocol.drug,
            ug=micrograms(event.draw.mg),
            key=event.key,
            origin=origin,
        )
    if isinstance(event, e.Start):
        _in_the_syringe(row, after.given[-1])
    for place, dose in enumerate(after.given):
        was = before.given[place] if place < len(before.given) else None
        if dose.given_mg is None or (was is not None and was.given_mg is not None) or not dose.given_mg.mg:
            continue
        _give(principal, row, dose, f"{event.key}.give", after.log[-1].stamp.at, origin)


def _for_this_route(row: DosingSession, label: str) -> None:
    """The lot is a product of the drug and the route that are ordered (HAZ-12, HAZ-13)."""
    lot = Lot.objects.filter(site=row.site_id, label=label).first()
    if lot is None:
        return  # the ledger says so
    product = product_of(lot.drug, lot.form, lot.unit_ug, lot.ug_per_ml)
    if product is None or product.drug != row.drug or row.route not in product.routes:
        ordered = f"{shown(row.drug)} {ROUTE_WORDS[row.route]}"
        text = f"Lot {label} is no product for {ordered}: that is {forms_for(row.drug, row.route)}."
        raise NotPosted(Refused("HAZ-13", text))


def _in_the_syringe(row: DosingSession, dose: Administration) -> None:
    """A dose that begins is there as it was drawn, of a lot that may be used now (HAZ-60)."""
    found = held(row.site_id, day_at(row.site_id), label=dose.lot)
    if not found:
        raise UserError(f"Lot {dose.lot} is not in the drug ledger: draw the dose up again.")
    if found[0].why_not:
        raise Conflict(f"Lot {dose.lot} must not be used: {found[0].why_not} Draw the dose up from another lot.")
    if dict(found[0].drawn).get(str(row.pk), 0) < micrograms(dose.mg):
        raise Conflict("What was drawn up is no longer in the drug ledger: draw the dose up again.")


def _give(
    principal: Principal, row: DosingSession, dose: Administration, key: str, at: datetime, origin: Origin | None
) -> None:
    assert dose.given_mg is not None
    try:
        with transaction.atomic():
            ug = micrograms(dose.given_mg)
            session_give(
                principal, label=dose.lot, session=row.pk, drug=dose.drug, ug=ug, key=key, is_in=True, origin=origin
            )
    except UserError as why:
        text = f"The drug ledger did not take {dose.given_mg} of lot {dose.lot}: {why} Settle it there."
        Task.objects.create(
            session=row,
            patient_id=row.patient_id,
            site_id=row.site_id,
            kind="ledger",
            text=text[:500],
            due=at,
            made_at=at,
        )
