"""Orders: amount, unit, route, strength, signature. The oracle of the arithmetic is written in fractions here."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.dose import orders
from openkap.dose.tests.sessions import (
    BEGIN,
    DAY,
    DOCTOR,
    NURSE,
    OTHER_DOCTOR,
    PER_ML,
    SECOND,
    STEP_ML,
    WEIGHT,
    by_mouth,
    order,
    ward,
)
from openkap.dose.types import Draw, Order
from openkap.kernel.errors import UnitRefused, UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity

D = Decimal


def rows(made: Order, before=(), **changes) -> list[str]:
    """The rows an order breaks, once a doctor has signed it."""
    signed = orders.signed(made, DOCTOR, BEGIN)
    found = orders.faults(replace(signed, **changes), ward(made.route, made.drug), "p1", DAY, before)
    return [finding.row for finding in found]


def test_a_signed_order_within_every_limit_breaks_nothing():
    assert rows(order()) == []
    assert rows(by_mouth()) == []


@pytest.mark.hazard("HAZ-17", "C1")
def test_any_change_of_a_signed_order_voids_its_signature():
    made = orders.signed(order(), DOCTOR, BEGIN)
    for change in (
        {"mg": DoseMg(D("40.9")), "mg_per_kg": DoseMgPerKg(D("0.4"))}, {"version": 2}, {"duration_min": D(45)},
        {"weight": replace(WEIGHT, quantity=Quantity(D(81), "kg"))}, {"reason": "x"}, {"id": "o2"}, {"step": 2},
    ):  # fmt: skip
        assert orders.digest(replace(made, **change)) != made.signature.digest, change
    assert rows(order(), duration_min=D(45)) == ["HAZ-17"]
    assert orders.digest(replace(made, signature=None)) == made.signature.digest


@pytest.mark.parametrize("by", [NURSE, None])
def test_only_a_prescriber_s_signature_counts(by):
    made = orders.signed(order(), by, BEGIN) if by else order()
    assert [f.row for f in orders.faults(made, ward(), "p1", DAY)] == ["ORDER-SIGNED"]


@pytest.mark.hazard("HAZ-01", "C3")
def test_an_order_for_another_patient_is_refused():
    assert rows(order(patient="p2")) == ["HAZ-01"]


@pytest.mark.hazard("HAZ-12", "C1")
@pytest.mark.hazard("HAZ-13", "C1")
@pytest.mark.parametrize("route", ["iv", "im", "sc", "sublingual", "oral", "nasal"])
@pytest.mark.parametrize("drug", ["ketamine", "esketamine"])
def test_an_order_of_another_route_or_drug_than_the_session_s_is_refused(route, drug):
    made = orders.signed(order(route=route, drug=drug), DOCTOR, BEGIN)
    found = orders.faults(made, ward(), "p1", DAY)
    same = (route, drug) == ("iv", "ketamine")
    assert ("ORDER-ROUTE" in [f.row for f in found]) is not same
    if not same:
        assert "Write a new order" in found[0].remedy


@pytest.mark.hazard("HAZ-12", "C2")
def test_the_route_is_written_in_words():
    assert "into a vein (IV)" in orders.said(order())
    assert " IN" not in orders.said(by_mouth(route="nasal", drug="esketamine"))


@pytest.mark.hazard("HAZ-09", "C2")
@pytest.mark.parametrize(("mg_per_kg", "broken"), [("0.5", 0), ("0.51", 1), ("1", 1), ("1.01", 3), ("5", 3)])
def test_the_site_s_limit_the_ceiling_and_what_is_never_given_hold_for_every_role(mg_per_kg, broken):
    assert rows(order(mg_per_kg)) == ["DOS-IV"] * broken


@pytest.mark.parametrize(("minutes", "broken"), [(40, []), (39, ["DOS-IV"]), (None, ["DOS-IV"]), (0, ["DOS-IV"])])
def test_an_infusion_is_never_faster_than_the_site_allows_and_never_a_bolus(minutes, broken):
    assert rows(order(duration_min=None if minutes is None else D(minutes))) == broken


@pytest.mark.hazard("HAZ-10", "C1")
def test_an_amount_that_is_not_its_amount_per_kg_times_the_weight_is_refused():
    assert rows(order(mg=DoseMg(D("0.5")))) == ["DOS-MG-1"]
    assert rows(order(mg=DoseMg(D(0)))) == ["DOS-MG-1"]
    assert rows(by_mouth("0")) == rows(by_mouth("-1")) == ["DOS-MG-1"]
    with pytest.raises(TypeError):
        order().mg < order().mg_per_kg  # type: ignore[operator]  # noqa: B015


def test_where_the_limits_go_by_weight_the_order_does_too():
    assert rows(replace(order(), mg_per_kg=None)) == ["DOS-MG-1"]


@pytest.mark.hazard("HAZ-08", "C1")
@pytest.mark.parametrize(
    ("weight", "broken"),
    [(None, ["PRE-9"]), (replace(WEIGHT, method="reported"), ["PRE-9"]),
     (replace(WEIGHT, method="imported"), ["PRE-9"]),
     (replace(WEIGHT, on=DAY - timedelta(days=30)), []), (replace(WEIGHT, on=DAY - timedelta(days=31)), ["PRE-9"]),
     (replace(WEIGHT, on=DAY + timedelta(days=1)), ["PRE-9"])],
)  # fmt: skip
def test_a_dose_by_weight_needs_a_present_weight_from_a_scale(weight, broken):
    assert rows(order(weight=weight)) == broken


@pytest.mark.hazard("HAZ-07", "C1")
def test_pounds_and_their_kilograms_give_the_same_amount():
    pounds = Quantity(Quantity(D(82), "kg").to("[lb_av]").value, "[lb_av]")
    assert round(DoseMgPerKg(D("0.5")).times(pounds).mg, 12) == 41


# -- typing ----------------------------------------------------------------------------------------------


PLANNED = DoseMg(D(41))


@pytest.mark.hazard("HAZ-09", "C1")
@pytest.mark.parametrize("wrong", ["410", "4.1", "14", "4", "441", "41.1"])
def test_an_amount_beside_the_computed_one_is_typed_twice_or_signed_twice(wrong):
    made = by_mouth(wrong, planned_mg=PLANNED)
    assert rows(made) == ["ORDER-TYPED"]
    assert rows(replace(made, typed=True)) == ["ORDER-TYPED"]
    assert rows(replace(made, typed=True, typed_again=DoseMg(D(1)))) == ["ORDER-TYPED"]
    over = ["DOS-SL"] if D(wrong) > 100 else []
    assert rows(replace(made, typed=True, typed_again=DoseMg(D(wrong))))[: len(over)] == over
    assert rows(replace(made, typed=True), second=DOCTOR) == ["ORDER-TYPED"]
    assert "ORDER-TYPED" not in rows(replace(made, typed=True), second=OTHER_DOCTOR)
    assert "ORDER-TYPED" not in rows(replace(made, typed=True), second=SECOND)


def test_the_ratio_to_the_plan_is_said():
    made = by_mouth("410", planned_mg=PLANNED, typed=True)
    found = orders.faults(orders.signed(made, DOCTOR, BEGIN), ward("sublingual"), "p1", DAY)
    assert "410 mg was typed, 10 times the plan." in found[0].text
    assert orders.ratio(made) == 10
    assert orders.ratio(by_mouth(planned_mg=None)) is None
    bare = orders.faults(by_mouth(typed=True, planned_mg=None), ward("sublingual"), "p1", DAY)
    assert bare[0].text == "100 mg was typed."


@pytest.mark.hazard("HAZ-09", "C1")
@given(st.decimals("1", "400", places=1), st.sampled_from(["shift up", "shift down", "drop", "double"]))
def test_every_slip_of_a_digit_or_of_the_point_is_stopped(amount: Decimal, slip: str):
    text = f"{amount:f}"
    slipped = {
        "shift up": amount * 10, "shift down": amount / 10,
        "drop": D(text[1:] if text[1] != "." else "0" + text[1:]), "double": D(text[0] + text),
    }[slip]  # fmt: skip
    if slipped in (amount, 0):
        return
    assert rows(by_mouth(f"{slipped:f}", planned_mg=DoseMg(amount)))


@pytest.mark.hazard("HAZ-09", "C1")
@pytest.mark.parametrize("made", [by_mouth(planned_mg=None), order(planned_mg=None)])
def test_an_amount_that_no_plan_proposed_was_typed(made):
    assert rows(made) == ["ORDER-TYPED"]
    assert rows(replace(made, typed=True, typed_again=made.mg)) == []


# -- a further dose --------------------------------------------------------------------------------------


def test_a_further_dose_needs_a_reason_and_counts_with_what_was_given():
    second = order("0.1", step=2)
    given_before = [DoseMg(D("36.9"))]
    assert rows(second, given_before) == ["DOS-LATE-1"]
    assert rows(replace(second, reason="little effect"), [DoseMg(D("32.8"))]) == []
    assert rows(replace(second, reason="little effect"), given_before)[0] == "DOS-IV"
    lozenge = by_mouth("60", step=2, reason="little effect")
    assert rows(lozenge, [DoseMg(D(40))]) == []
    assert rows(lozenge, [DoseMg(D(41))]) == ["DOS-SL"]


# -- drawing up ------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-11", "C1")
@pytest.mark.hazard("HAZ-16", "C1")
@pytest.mark.goal("RG-17")
@given(st.decimals("0.5", "100", places=2), st.sampled_from([1, 10, 50, 100]), st.sampled_from(["0.01", "0.1", "0.2"]))
def test_the_volume_is_the_amount_over_the_strength_rounded_once_half_up(mg: Decimal, strength: int, step: str):
    made = order(mg=DoseMg(mg))
    exact = Fraction(mg) / strength
    steps = int(exact / Fraction(step) + Fraction(1, 2))
    if steps == 0:
        with pytest.raises(UserError, match="finer syringe"):
            orders.drawn(made, "L", Quantity(D(strength), "mg/mL"), D(step), NURSE)
        return
    draw = orders.drawn(made, "L", Quantity(D(strength), "mg/mL"), D(step), NURSE)
    assert Fraction(draw.volume_ml) == steps * Fraction(step)
    assert Fraction(draw.mg.mg) == steps * Fraction(step) * strength
    assert abs(Fraction(draw.mg.mg) - Fraction(mg)) <= Fraction(step) * strength / 2
    assert abs(Fraction(draw.unrounded_ml) - exact) < Fraction(1, 10**20)


@pytest.mark.hazard("HAZ-11", "C1")
@pytest.mark.hazard("HAZ-10", "C2")
def test_amount_amount_per_kg_volume_and_strength_stand_together():
    draw = orders.drawn(order(), "L", PER_ML, STEP_ML, NURSE)
    said = orders.said(order(), draw)
    for part in ("41 mg", "0.5 mg/kg of 82 kg", "0.82 mL of 50 mg/mL", "unrounded 0.82 mL", "over 40 min"):
        assert part in said
    assert orders.said(by_mouth(), orders.drawn(by_mouth(), "L", None, None, NURSE)).count("mL") == 0


@pytest.mark.parametrize(
    ("per_ml", "step", "fault"),
    [
        (PER_ML, None, "measurable step"),
        (PER_ML, D(0), "measurable step"),
        (Quantity(D(0), "mg/mL"), STEP_ML, "above 0 mg/mL"),
    ],
)
def test_a_draw_without_a_step_or_strength_is_refused(per_ml, step, fault):
    with pytest.raises(UserError, match=fault):
        orders.drawn(order(), "L", per_ml, step, NURSE)


def test_a_weak_strength_is_a_strength():
    draw = orders.drawn(order(), "L", Quantity(D("0.5"), "mg/mL"), D("0.1"), NURSE)
    assert draw.volume_ml == 82


def test_a_strength_that_is_none_is_refused():
    with pytest.raises(UnitRefused):
        orders.drawn(order(), "L", Quantity(D(50), "mg"), STEP_ML, NURSE)


@pytest.mark.hazard("HAZ-11", "C2")
@pytest.mark.parametrize(
    ("by", "read", "holds"),
    [(SECOND, PER_ML, True), (NURSE, PER_ML, False), (SECOND, Quantity(D(10), "mg/mL"), False), (SECOND, None, False)],
)
def test_a_second_person_reads_the_strength_off_the_vial(by, read, holds):
    draw = orders.drawn(order(), "L", PER_ML, STEP_ML, NURSE)
    found = orders.check_of(draw, by, read)
    assert (found is None) is holds
    assert found is None or (found.text.endswith(".") and found.remedy.endswith("."))


def test_what_has_no_strength_is_checked_without_one():
    draw = orders.drawn(by_mouth(), "L", None, None, NURSE)
    assert orders.check_of(draw, SECOND, None) is None
    assert orders.check_of(draw, SECOND, PER_ML).row == "DOS-MG-1"


def fault(made: Order, draw: Draw, before=()) -> str | None:
    found = orders.draw_fault(made, draw, ward(made.route, made.drug), before)
    return found.row if found else None


@pytest.mark.hazard("HAZ-11", "C1")
@pytest.mark.parametrize("route", ["iv", "im", "sc"])
def test_a_liquid_is_never_drawn_without_a_strength(route):
    made = order(route=route)
    with pytest.raises(UserError, match="strength"):
        orders.drawn(made, "L", None, None, NURSE)
    assert fault(made, Draw(orders.digest(made), "L", made.mg, NURSE)) == "DOS-MG-1"


@pytest.mark.hazard("HAZ-11", "C1")
@pytest.mark.hazard("HAZ-09", "C1")
def test_a_draw_is_worked_out_anew_and_no_number_of_it_is_believed():
    good = orders.drawn(order(), "L", PER_ML, STEP_ML, NURSE)
    assert fault(order(), good) is None
    changed = (
        {"mg": DoseMg(D(410))}, {"volume_ml": D("8.2")}, {"mg": DoseMg(D(410)), "volume_ml": D("8.2")},
        {"unrounded_ml": D(1)}, {"per_ml": Quantity(D(10), "mg/mL")}, {"per_ml": None}, {"step_ml": None},
        {"per_ml": Quantity(D(50), "mg")}, {"step_ml": D(-1)},
    )  # fmt: skip
    for change in changed:
        assert fault(order(), replace(good, **change)) == "DOS-MG-1", change
    assert fault(by_mouth(), replace(orders.drawn(by_mouth(), "L", None, None, NURSE), mg=DoseMg(D(10)))) == "DOS-MG-1"


@pytest.mark.hazard("HAZ-16", "C1")
@pytest.mark.parametrize(
    ("mg", "strength", "step", "row"),
    [("41", 82, "1", "DOS-MG-1"), ("40", 100, "0.01", None), ("19", 100, "0.1", "ORDER-ROUND"),
     ("20", 105, "0.2", None), ("20", 106, "0.2", "ORDER-ROUND"), ("20", 95, "0.2", None),
     ("20", 94, "0.2", "ORDER-ROUND")],
)  # fmt: skip
def test_what_the_syringe_can_measure_is_near_the_order(mg, strength, step, row):
    made = order(str(D(mg) / 82), mg=DoseMg(D(mg)))
    draw = orders.drawn(made, "L", Quantity(D(strength), "mg/mL"), D(step), NURSE)
    assert fault(made, draw) == row


@pytest.mark.hazard("HAZ-16", "C1")
@pytest.mark.hazard("HAZ-09", "C2")
def test_rounding_passes_no_limit_that_the_order_keeps():
    """41 mg is the limit of the site. At 49 mg/mL half up would be 41.16 mg: it is rounded down."""
    weaker = Quantity(D(49), "mg/mL")
    up = orders.drawn(order(), "L", weaker, STEP_ML, NURSE)
    down = orders.drawn(order(), "L", weaker, STEP_ML, NURSE, down=True)
    assert (up.mg, down.mg) == (DoseMg(D("41.16")), DoseMg(D("40.67")))
    assert fault(order(), up) == "DOS-MG-1"
    assert fault(order(), down) is None
    less = order("0.4")
    up, down = (orders.drawn(less, "L", weaker, STEP_ML, NURSE, down=way) for way in (False, True))
    assert (fault(less, up), fault(less, down)) == (None, "DOS-MG-1")
    before = [DoseMg(D("8.2"))]
    assert (fault(less, up, before), fault(less, down, before)) == ("DOS-MG-1", None)
    assert fault(less, down, [DoseMg(D(20))]) == "DOS-IV"


@pytest.mark.hazard("HAZ-11", "C1")
def test_a_draw_whose_strength_is_no_mass_per_volume_is_refused():
    made = orders.drawn(order(), "LOT-7", PER_ML, STEP_ML, NURSE)
    found = orders.draw_fault(order(), replace(made, per_ml=Quantity(Decimal(50), "kg")), ward())
    assert found is not None and found.row == "DOS-MG-1" and "cannot be converted to 'mg/mL'" in found.text


@pytest.mark.hazard("HAZ-09", "C1")
@pytest.mark.parametrize(("mg", "rows"), [("0", {"DOS-MG-1"}), ("-1", {"DOS-MG-1"}), ("0.5", set())])
def test_an_amount_is_above_nought_however_small(mg: str, rows: set[str]):
    made = orders.signed(by_mouth(mg), DOCTOR, BEGIN)
    assert {one.row for one in orders.faults(made, ward("sublingual"), "p1", DAY)} & {"DOS-MG-1"} == rows
