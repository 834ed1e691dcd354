"""The baseline follows the values it rests on."""

from decimal import Decimal

import pytest

from openkap.dose import events as e
from openkap.dose.tests.sessions import SYSTEM, case, judged
from openkap.kernel.quantity import Quantity


@pytest.mark.hazard("HAZ-34", "C1")
def test_a_baseline_that_is_corrected_after_the_start_moves_the_lines():
    """158 was typed for 108: a pressure of 155 is 47 above it and red."""
    run = case().to_gate()
    run.read(systolic=158)
    typed = run.session.readings[-1]
    run.now_s += 60
    run.do(e.Judge, SYSTEM, judged=judged())
    run.do(e.PassGate)
    run.in_hand().start()
    assert run.session.baseline["systolic"] == 158
    run.now_s += 300
    run.read(systolic=155)
    run.now_s += 60
    run.read(systolic=120)
    assert run.session.open_alerts("red") == ()
    fields = {"quantity": Quantity(Decimal(108), "mm[Hg]"), "taken_s": typed.taken_s}
    effects = run.do(e.Correct, reading=typed.id, reason="typed 158 for 108", **fields)
    assert run.session.baseline["systolic"] == 108
    assert [a.about for a in run.session.open_alerts("red")] == ["systolic"]
    assert {"incident", "hold-next"} <= {one.kind for one in effects}


@pytest.mark.hazard("HAZ-34", "C1")
@pytest.mark.parametrize(("typed", "level"), [(118, "red"), (124, "amber")])
def test_an_amber_value_turns_red_where_the_corrected_baseline_makes_it_so_and_rings_for_nothing_less(typed, level):
    """159 is 33 above 126 and amber; 41 above 118 is red, 35 above 124 is amber still."""
    run = case().to_dosing()
    only = next(r for r in run.session.readings if r.measure == "systolic")
    run.now_s += 300
    run.read(systolic=159)
    assert [a.level for a in run.session.open_alerts()] == ["amber"]
    fields = {"quantity": Quantity(Decimal(typed), "mm[Hg]"), "taken_s": only.taken_s}
    effects = run.do(e.Correct, reading=only.id, reason="typed wrong", **fields)
    assert [a.level for a in run.session.open_alerts()] == [level]
    assert ("alert" in {one.kind for one in effects}) is (level == "red")


def test_a_baseline_that_is_struck_after_the_start_falls_back_to_the_one_before_or_to_none():
    run = case().to_ready()
    run.now_s += 60
    run.in_hand().start()
    only = next(r for r in run.session.readings if r.measure == "systolic")
    run.now_s += 300
    run.read(systolic=140)
    run.do(e.Correct, reading=only.id, reason="other arm")
    assert "systolic" not in run.session.baseline
    run.read(taken_s=only.taken_s + 1, systolic=130)
    assert run.session.baseline["systolic"] == 130
    run.read(taken_s=only.taken_s, systolic=118)
    assert run.session.baseline["systolic"] == 130


@pytest.mark.hazard("HAZ-34", "C1")
def test_a_value_of_the_second_in_which_the_dose_began_is_baseline_only_if_it_stood_there_before():
    run = case().to_dosing()
    only = next(r for r in run.session.readings if r.measure == "systolic")
    assert only.taken_s == run.session.started_s
    run.read(systolic=150)
    assert run.session.baseline["systolic"] == 126
    fields = {"quantity": Quantity(Decimal(118), "mm[Hg]"), "taken_s": only.taken_s}
    run.do(e.Correct, reading=only.id, reason="typed 126 for 118", **fields)
    assert run.session.baseline["systolic"] == 118
    assert [a.about for a in run.session.open_alerts("amber")] == ["systolic"]
