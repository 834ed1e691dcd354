"""What a prescriber can order in a session: the plan's amounts with today's weight, and the order that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import uuid4

from openkap.dose import orders
from openkap.dose.session import Session
from openkap.dose.types import Draw, Order, Staff, Weight
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, number
from openkap.people.models import Patient
from openkap.plan import selectors as plans
from openkap.plan.limits import limit_for
from openkap.plan.types import DoseLimit
from openkap.web.dose.give.stock import Usable
from openkap.web.judge import weight_of

INFUSED = "iv"


@dataclass(frozen=True)
class Choice:
    """
    What the order page starts from.

    Args:
        limit: of route and drug. weight: the dosing weight, None where none is fresh; why_not: then the reason.
        options: the plan's amounts, each a number in mg/kg or mg, with its words.
        duration: of the plan's infusion. plan: in words which plan they are of; empty where none is signed.
    """

    limit: DoseLimit
    weight: Weight | None
    why_not: str
    options: tuple[tuple[str, str], ...]
    duration: Decimal | None
    plan: str

    @property
    def by_weight(self) -> bool:
        return self.limit.unit != "mg"


def choice(patient: Patient, session: Session, on: date) -> Choice:
    """The amounts of the signed plan, worked out with the weight that stands today."""
    limit = limit_for(session.protocol.route, session.protocol.drug, session.protocol.book)
    weight, why_not = weight_of(patient, on)
    row = plans.newest(patient)
    if row is None or plans.signature_of(row) is None or plans.withdrawal_of(row) is not None:
        return Choice(limit, weight, why_not, (), None, "")
    regimen = plans.document_of(row)["regimen"]
    if regimen["limit"] != limit.id:
        return Choice(limit, weight, why_not, (), None, "")
    dose = regimen["dose"]
    amounts = [dose, *dose.get("steps", ())]
    seen: dict[str, str] = {}
    for one in amounts:
        value = one.get("mg_per_kg") if limit.unit != "mg" else one.get("mg")
        if value is not None:
            seen.setdefault(number(Decimal(value)), _words(Decimal(value), limit, weight))
    minutes = dose.get("duration_min")
    return Choice(
        limit, weight, why_not, tuple(seen.items()), None if minutes is None else Decimal(minutes), f"v{row.version}"
    )


def weighed(weight: Weight | None) -> str:
    """A weight with its day, as the page of the order carries it; empty for none."""
    return f"{weight.quantity}, {weight.on.isoformat()}" if weight else ""


def made(
    session: Session,
    chosen: Choice,
    amount: Decimal,
    *,
    typed: bool,
    duration: Decimal | None,
    reason: str,
) -> Order:
    """
    The order, not yet signed: a new version of the one that stands for this step, or a new one.

    Raises:
        UserError: the dose goes by weight and none is fresh.
    """
    step = len(session.given) + 1
    last = session.order
    same = last is not None and last.step == step
    per_kg: DoseMgPerKg | None = None
    mg = DoseMg(amount)
    if chosen.by_weight:
        if chosen.weight is None:
            raise UserError(f"The dose goes by weight: weigh the person first. {chosen.why_not}".strip())
        per_kg = DoseMgPerKg(amount)
        mg = per_kg.times(chosen.weight.quantity)
    return Order(
        id=last.id if same and last else f"order-{uuid4()}",
        version=last.version + 1 if same and last else 1,
        step=step,
        patient=session.patient,
        drug=session.protocol.drug,
        route=session.protocol.route,
        mg=mg,
        mg_per_kg=per_kg,
        weight=chosen.weight if chosen.by_weight else None,
        duration_min=duration,
        planned_mg=_planned(chosen, amount, typed=typed),
        typed=typed,
        typed_again=mg if typed else None,
        reason=reason,
    )


def drawn(session: Session, lot: Usable, step_ml: Decimal | None, by: Staff) -> Draw:
    """
    What to draw up for the order of a session; rounded down where half up would pass a limit.

    Raises:
        UserError: no strength, no step of the syringe, or a volume that it cannot measure.
    """
    assert session.order is not None
    made_up = orders.drawn(session.order, lot.label, lot.per_ml, step_ml, by)
    before = [dose.given_mg or dose.mg for dose in session.given]
    if orders.draw_fault(session.order, made_up, session.protocol, before) is None:
        return made_up
    return orders.drawn(session.order, lot.label, lot.per_ml, step_ml, by, down=True)


def _planned(chosen: Choice, amount: Decimal, *, typed: bool) -> DoseMg | None:
    """What the plan proposed: the amount chosen, or beside a typed one the first of the plan's; None without a plan."""
    value = amount if not typed else Decimal(chosen.options[0][0]) if chosen.options else None
    if value is None:
        return None
    if not chosen.by_weight:
        return DoseMg(value)
    return DoseMgPerKg(value).times(chosen.weight.quantity) if chosen.weight else None


def _words(value: Decimal, limit: DoseLimit, weight: Weight | None) -> str:
    if limit.unit == "mg":
        return f"{number(value)} mg"
    per_kg = DoseMgPerKg(value)
    mg = f" · {per_kg.times(weight.quantity)} at {weight.quantity}" if weight else ""
    return f"{number(value)} mg/kg{mg}"
