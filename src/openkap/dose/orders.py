"""
What is wrong with an order, what volume it is, and what binds a signature to it.

Amount, amount per kg, volume and strength are different types and stand together. Nothing here chooses an amount.

Source: DOS-* (plan room); hazards 07-17
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from openkap.dose.protocol import Protocol
from openkap.dose.types import Draw, Finding, Order, Signature, Staff
from openkap.kernel.clock import Span, When, fresh
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity, number
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.plan.limits import LimitBreach, limit_for, within_limits
from openkap.plan.words import ROUTE_WORDS
from openkap.screen.rulebook import rules

AMOUNT, ROUTE, WEIGHT, TYPED, TOP_UP = "DOS-MG-1", "ORDER-ROUTE", "PRE-9", "ORDER-TYPED", "DOS-LATE-1"
ROUND = "ORDER-ROUND"
LIQUID = frozenset({"iv", "im", "sc"})  # drawn by volume: nothing is given by these routes without a strength
_FREE = ("signature", "second", "typed_again")  # what a signature does not bind: it comes later, or with it


def digest(order: Order) -> str:
    """What signatures and the draw check are bound to: it changes when any part of the order does."""
    parts = [f"{field.name}={getattr(order, field.name)!r}" for field in fields(order) if field.name not in _FREE]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def signed(order: Order, by: Staff, at: datetime) -> Order:
    """The order with a prescriber's signature under it as it stands."""
    return replace(order, signature=Signature(by, at, digest(order), "I order this dose."))


def faults(order: Order, protocol: Protocol, patient: str, on: date, before: Sequence[DoseMg] = ()) -> list[Finding]:
    """
    Everything that forbids an order; empty if none does.

    Args:
        order: as it was signed, or is to be.
        protocol: of the session; route and drug are the session's and no default.
        patient: of the session.
        on: the day of the dose.
        before: what was given in this session already: it counts towards the limits.
    """
    found = []
    if order.patient != patient:
        found.append(_no("HAZ-01", "The order is for another patient.", "Open that patient's session."))
    if (order.route, order.drug) != (protocol.route, protocol.drug):
        theirs = f"{protocol.drug} {ROUTE_WORDS[protocol.route]}"
        text = f"The order is {order.drug} {ROUTE_WORDS[order.route]}, the session {theirs}."
        found.append(_no(ROUTE, text, "Write a new order, or book the session for that route and drug."))
    if found:
        return found
    found += [
        _no(row, text, remedy) for row, text, remedy in (*_weighing(order, protocol, on), *_typing(order)) if text
    ]
    if order.step > 1 and not order.reason.strip():
        text = "A further dose in a session is not in trials and needs the prescriber's reason."
        found.append(_no(TOP_UP, text, "Write the reason."))
    if found:
        return found
    breaches = _breaches(order, order.mg, protocol, before)
    found += [_no(breach.row, breach.text, "Order less, or another route.") for breach in breaches]
    signature = order.signature
    if signature is None or signature.by.role is not Role.PRESCRIBER:
        found.append(_no("ORDER-SIGNED", "No prescriber has signed the order.", "Sign it."))
    elif signature.digest != digest(order):
        found.append(_no("HAZ-17", "The order changed after it was signed.", "Sign it as it stands."))
    return found


def drawn(
    order: Order,
    lot: str,
    per_ml: Quantity | None,
    syringe_step_ml: Decimal | None,
    by: Staff,
    *,
    down: bool = False,
) -> Draw:
    """
    What to draw up for an order from a lot.

    Args:
        per_ml: strength of the lot, a mass per volume; None for lozenges and devices, which are given whole.
        syringe_step_ml: the measurable step of the syringe: the one rounding is made there, half up.
        down: rounded down instead, where half up would pass a limit.

    Raises:
        UserError: no strength for a liquid, a strength or a step of nought or less, or a volume that rounds to nought.
        UnitRefused: `per_ml` is not mg/mL.
    """
    if per_ml is None:
        if order.route in LIQUID:
            raise UserError("strength: a liquid has one; pick a lot with its strength in mg/mL.")
        return Draw(digest(order), lot, order.mg, by)
    if syringe_step_ml is None or syringe_step_ml <= 0:
        raise UserError("syringe: give its measurable step in mL, above 0.")
    strength = per_ml.to("mg/mL").value
    if strength <= 0:
        raise UserError("strength: the lot's strength must be above 0 mg/mL; correct the lot.")
    exact = order.mg.mg / strength
    steps = (exact / syringe_step_ml).quantize(Decimal(1), rounding=ROUND_DOWN if down else ROUND_HALF_UP)
    if steps == 0:
        raise UserError(f"syringe: {number(exact)} mL is less than it can measure; take a finer syringe.")
    volume = steps * syringe_step_ml
    return Draw(digest(order), lot, DoseMg(volume * strength), by, per_ml, volume, exact, syringe_step_ml)


def draw_fault(order: Order, draw: Draw, protocol: Protocol, before: Sequence[DoseMg] = ()) -> Finding | None:
    """
    Why a draw is not the order's; None if it is. It is worked out anew: no number of the draw is believed.

    What it really holds is held against the limits again, and may differ from the order by no more than ORDER-ROUND.
    """
    try:
        made = drawn(order, draw.lot, draw.per_ml, draw.step_ml, draw.by)
        if _breaches(order, made.mg, protocol, before):
            made = drawn(order, draw.lot, draw.per_ml, draw.step_ml, draw.by, down=True)
    except UserError as fault:
        return _no(AMOUNT, f"{fault}", "Draw it up again.")
    if replace(draw, checked_by=None) != made:
        text = f"{draw.mg} in {_ml(draw)} was entered; the order of {order.mg} is {made.mg} in {_ml(made)}."
        return _no(AMOUNT, text, "Draw it up again.")
    if breaches := _breaches(order, made.mg, protocol, before):
        return _no(breaches[0].row, f"Rounded to {made.mg}: {breaches[0].text}", "Take a finer syringe.")
    most = protocol.number(ROUND, "most_pct")
    off = abs(made.mg.mg - order.mg.mg) / order.mg.mg * 100
    if off > most:
        text = f"Rounded to {made.mg}, {number(round(off, 1))} % off the order of {order.mg}; limit {number(most)} %."
        return _no(ROUND, text, "Take a finer syringe, or a weaker strength.")
    return None


def check_of(draw: Draw, by: Staff, read_per_ml: Quantity | None) -> Finding | None:
    """Why a second check does not hold: the same person, or another strength read off the vial; None if it holds."""
    if by.id == draw.by.id:
        return _no(AMOUNT, "The person who drew it up cannot check it.", "Ask a second person.")
    if (read_per_ml is None) is not (draw.per_ml is None):
        return _no(AMOUNT, "The strength on the vial was not read.", "Read it off the vial and enter it in mg/mL.")
    if read_per_ml is not None and draw.per_ml is not None and read_per_ml.to("mg/mL") != draw.per_ml.to("mg/mL"):
        text = f"The vial says {read_per_ml}, the lot {draw.per_ml}."
        return _no(AMOUNT, text, "Do not give it. Take the right vial and draw it up again.")
    return None


def ratio(order: Order) -> Decimal | None:
    """How many times the plan's amount the order is; None where the plan names none."""
    return order.mg.mg / order.planned_mg.mg if order.planned_mg and order.planned_mg.mg > 0 else None


def said(order: Order, draw: Draw | None = None) -> str:
    """The order in words: mg, mg/kg, volume and strength together, each with its unit, the route spelled out."""
    parts = [f"{order.drug} {ROUTE_WORDS[order.route]}", str(order.mg)]
    parts += [f"{order.mg_per_kg} of {order.weight.quantity}"] if order.mg_per_kg and order.weight else []
    if draw and draw.volume_ml is not None and draw.per_ml is not None:
        parts.append(f"{number(draw.volume_ml)} mL of {draw.per_ml} (unrounded {number(draw.unrounded_ml or 0)} mL)")
    parts += [f"over {number(order.duration_min)} min"] if order.duration_min else []
    return " · ".join(parts)


def _weighing(order: Order, protocol: Protocol, on: date) -> list[tuple[str, str, str]]:
    """A dose by weight needs a weight from a scale inside the look-back of PRE-9, and must be what it says it is."""
    if order.mg.mg <= 0:
        return [(AMOUNT, "The amount is not above 0 mg.", "Enter the amount.")]
    if order.mg_per_kg is None:
        if limit_for(order.route, order.drug, protocol.book).unit == "mg":
            return []
        return [(AMOUNT, "By this route the dose goes by weight.", "Enter the amount per kg and the weight.")]
    weight = order.weight
    if weight is None or weight.method != "scale":
        return [(WEIGHT, "A dose by weight needs a weight from a scale.", "Weigh the patient.")]
    span = Span.parse(rules()[WEIGHT].look_back["weight"])
    if not fresh(When.on(weight.on), span, on):
        return [(WEIGHT, f"The weight is of {weight.on.isoformat()}, older than {span}.", "Weigh the patient.")]
    if order.mg_per_kg.times(weight.quantity) != order.mg:
        text = f"{order.mg_per_kg} of {weight.quantity} is {order.mg_per_kg.times(weight.quantity)}, not {order.mg}."
        return [(AMOUNT, text, "Correct the amount or the amount per kg.")]
    return []


def _typing(order: Order) -> list[tuple[str, str, str]]:
    """An amount outside the computed options is entered twice, or checked by a second signer."""
    if not order.typed:
        if order.planned_mg == order.mg:
            return []
        return [(TYPED, f"{order.mg} is not one of the computed options.", "Enter it as a typed amount, twice.")]
    twice = order.typed_again == order.mg
    signer = order.signature.by.id if order.signature else ""
    second = (
        order.second is not None and order.second.id != signer and order.second.role in (Role.PRESCRIBER, Role.NURSE)
    )
    if twice or second:
        return []
    times = ratio(order)
    much = f", {number(round(times, 2))} times the plan" if times is not None else ""
    return [(TYPED, f"{order.mg} was typed{much}.", "Enter it a second time, or ask a second person to sign.")]


def _breaches(order: Order, mg: DoseMg, protocol: Protocol, before: Sequence[DoseMg]) -> tuple[LimitBreach, ...]:
    """The limits that this amount of an order breaks, together with what was given before."""
    total = DoseMg(mg.mg + sum((one.mg for one in before), Decimal(0)))
    per_kg = _per_kg(order, mg, before)
    return within_limits(
        order.route, order.drug, total, per_kg, order.duration_min, site=protocol.site_max, book=protocol.book
    )


def _per_kg(order: Order, mg: DoseMg, before: Sequence[DoseMg]) -> DoseMgPerKg | None:
    if order.mg_per_kg is None or order.weight is None:
        return None
    kg = order.weight.quantity.to("kg").value
    now = order.mg_per_kg.mg_per_kg if mg == order.mg else mg.mg / kg
    return DoseMgPerKg(now + sum((one.mg / kg for one in before), Decimal(0)))


def _ml(draw: Draw) -> str:
    return f"{number(draw.volume_ml)} mL" if draw.volume_ml is not None else "no volume"


def _no(row: str, text: str, remedy: str) -> Finding:
    return Finding(row, Truth.FALSE, text, remedy)
