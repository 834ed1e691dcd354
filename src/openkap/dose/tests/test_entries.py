"""What is entered at the chair: values, marks, corrections, devices, late entries, and the clocks behind them."""

from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from openkap.dose import events as e
from openkap.dose.clock import Anchor, Elapsed, Tick, elapsed, skewed
from openkap.dose.tests.sessions import (
    BEGIN,
    Case,
    by_mouth,
    case,
)
from openkap.kernel.quantity import DoseMg, Quantity


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


# -- nasal devices, late entries -------------------------------------------------------------------------


def test_nasal_devices_are_five_minutes_apart_and_each_has_its_time():
    run = case("nasal", "esketamine").to_dosing(by_mouth("56", drug="esketamine", route="nasal"))
    run.do(e.UseDevice)
    run.now_s += 299
    said = run.refused(e.UseDevice)
    assert (said.rule, said.text) == ("WATCH-DEVICES", "The next device comes in 1 min.")
    run.now_s += 1
    run.do(e.UseDevice)
    first, second = run.session.given[0].devices_s
    assert second - first == 300
    assert case().to_dosing().refused(e.UseDevice).rule == "DEVICE"


@pytest.mark.parametrize(("beats", "level"), [(72, None), (111, "amber")])
def test_a_value_in_another_spelling_of_its_unit_is_filed_in_that_of_its_measure(dosing: Case, beats, level):
    dosing.do(e.Read, measure="heart-rate", quantity=Quantity(Decimal(beats), "min-1"), taken_s=dosing.now_s)
    assert dosing.session.readings[-1].quantity == Quantity(Decimal(beats), "/min")
    assert [a.level for a in dosing.session.open_alerts()] == ([level] if level else [])


@pytest.mark.hazard("HAZ-36", "C2")
@pytest.mark.goal("RG-10")
def test_a_value_that_arrives_after_the_end_is_kept_with_its_own_time_and_followed_up(dosing: Case):
    measured = dosing.now_s
    dosing.now_s += 60
    dosing.do(e.Stop, reason="wishes", given_mg=DoseMg(Decimal(1)))
    dosing.do(e.Leave, how="against advice", reason="bus", advice_given=True)
    ended = dosing.now_s
    dosing.now_s += 3600
    assert dosing.read(taken_s=measured, spo2=97) == []
    assert dosing.read(taken_s=ended, spo2=98) == []
    for value, kinds in ((92, ["task"]), (85, ["task", "incident", "hold-next"])):
        assert [one.kind for one in dosing.read(taken_s=measured, spo2=value)] == kinds
    late = dosing.session.readings[-1]
    assert (late.taken_s, late.entered.elapsed_s) == (measured, dosing.now_s)
    quantity = Quantity(Decimal(97), "%")
    assert dosing.refused(e.Read, measure="spo2", quantity=quantity, taken_s=ended + 1).rule == "HAZ-36"
    dosing.do(
        e.Correct, reading=late.id, reason="typed 85 for 95", quantity=Quantity(Decimal(95), "%"), taken_s=measured
    )
    worse = {"quantity": Quantity(Decimal(80), "%"), "taken_s": measured}
    effects = dosing.do(e.Correct, reading=dosing.session.readings[-1].id, reason="typed 95 for 80", **worse)
    assert [one.kind for one in effects] == ["task", "incident", "hold-next"]
    dosing.do(e.Correct, reading=dosing.session.readings[-1].id, reason="not hers")
    assert [bool(r.voided) for r in dosing.session.readings[-2:]] == [True, True]
    assert dosing.session.open_alerts() == ()


@pytest.mark.hazard("HAZ-36", "C2")
@pytest.mark.hazard("HAZ-37", "C1")
def test_a_mark_made_offline_keeps_the_time_at_which_it_was_made(dosing: Case):
    made = dosing.now_s
    dosing.now_s += 900
    dosing.do(e.SetMark, name="vomit", happened_s=made)
    mark = dosing.session.marks[-1]
    assert (mark.seen_s, mark.stamp.elapsed_s) == (made, made + 900)
    for wrong in (-1, dosing.now_s + 1):
        assert dosing.refused(e.SetMark, name="vomit", happened_s=wrong).rule == "HAZ-37"


# -- readings --------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-39", "C1")
@pytest.mark.parametrize(
    ("measure", "value", "unit", "rule"),
    [("systolic", 19, "mm[Hg]", "HAZ-39"), ("systolic", 351, "mm[Hg]", "HAZ-39"), ("spo2", 101, "%", "HAZ-39"),
     ("spo2", 98, "/min", "HAZ-39"), ("heart-rate", 9, "/min", "HAZ-39"), ("moaas", 6, "{score}", "HAZ-39"),
     ("rass", -6, "{score}", "HAZ-39"), ("nothing", 1, "1", "READING"), ("systolic", 120, "bar", "HAZ-39")],
)  # fmt: skip
def test_what_no_instrument_shows_or_another_unit_is_refused_with_the_remedy(dosing: Case, measure, value, unit, rule):
    said = dosing.refused(e.Read, measure=measure, quantity=Quantity(Decimal(value), unit), taken_s=dosing.now_s)
    assert said.rule == rule


@pytest.mark.hazard("HAZ-39", "C1")
def test_swapped_pressures_are_refused_whichever_comes_first(dosing: Case):
    pressure = lambda v: Quantity(Decimal(v), "mm[Hg]")  # noqa: E731
    dosing.now_s += 1
    dosing.read(systolic=80)
    assert dosing.refused(e.Read, measure="diastolic", quantity=pressure(126), taken_s=dosing.now_s).rule == "HAZ-39"
    dosing.now_s += 1
    dosing.read(diastolic=126)
    assert dosing.refused(e.Read, measure="systolic", quantity=pressure(126), taken_s=dosing.now_s).rule == "HAZ-39"
    dosing.read(systolic=127)


@pytest.mark.hazard("HAZ-37", "C1")
def test_a_value_from_the_future_or_before_the_session_is_refused(dosing: Case):
    quantity = Quantity(Decimal(97), "%")
    for taken in (-1, dosing.now_s + 1):
        assert dosing.refused(e.Read, measure="spo2", quantity=quantity, taken_s=taken).rule == "HAZ-37"


@pytest.mark.hazard("HAZ-39", "C1")
@pytest.mark.hazard("HAZ-78", "C1")
def test_a_correction_keeps_the_first_value_and_puts_the_new_one_beside_it(dosing: Case):
    dosing.read(spo2=89)
    wrong = dosing.session.readings[-1]
    common = {"reading": wrong.id, "reason": "finger cold"}
    good = Quantity(Decimal(97), "%")
    assert dosing.refused(e.Correct, reading="none", reason="x").rule == "READING"
    assert dosing.refused(e.Correct, reading=wrong.id, reason="").rule == "REASON"
    assert dosing.refused(e.Correct, **common, quantity=good).rule == "READING"
    assert (
        dosing.refused(e.Correct, **common, quantity=Quantity(Decimal(970), "%"), taken_s=dosing.now_s).rule == "HAZ-39"
    )
    dosing.do(e.Correct, **common, quantity=good, taken_s=dosing.now_s)
    old, new = (
        r
        for r in dosing.session.readings
        if r.measure == "spo2"
        and r.taken_s == dosing.now_s
        and r.entered.elapsed_s == dosing.now_s
        and r.id in (wrong.id, dosing.session.readings[-1].id)
    )
    assert (old.quantity.value, bool(old.voided), new.replaces) == (89, True, wrong.id)
    assert dosing.refused(e.Correct, **common).rule == "READING"


def test_a_mark_that_is_none_is_refused(dosing: Case):
    assert dosing.refused(e.SetMark, name="tired").rule == "MARK"


# -- clocks ----------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.goal("RG-11")
def test_elapsed_time_follows_the_monotonic_clock_whatever_the_wall_clock_does(seed: int, count):
    draw = Random(seed)
    for _ in range(count(10_000)):
        anchor = Anchor(Tick("boot", draw.uniform(0, 1e6), BEGIN), draw.randrange(0, 20_000))
        passed = draw.uniform(0, 10_000)
        wall = BEGIN + timedelta(seconds=draw.uniform(-86_400, 86_400))
        found = elapsed(anchor, Tick("boot", anchor.tick.monotonic_s + passed, wall))
        assert abs(found.seconds - anchor.elapsed_s - passed) <= 1
        assert (found.unsure_s, found.sure_from_s) == (0, None)


@pytest.mark.hazard("HAZ-37", "C2")
def test_across_a_restart_of_the_machine_the_wall_clock_is_believed_and_marked_and_never_takes_time_back():
    anchor = Anchor(Tick("one", 5000, BEGIN), 600)
    found = elapsed(anchor, Tick("two", 3, BEGIN + timedelta(minutes=5)))
    assert found == Elapsed(900, 300, 900)
    later = Anchor(Tick("two", 3, BEGIN), 900, 300, 900)
    assert elapsed(later, Tick("two", 63, BEGIN)) == Elapsed(960, 300, 900)
    assert elapsed(later, Tick("three", 3, BEGIN + timedelta(seconds=7))) == Elapsed(907, 307, 907)
    assert elapsed(anchor, Tick("two", 3, BEGIN - timedelta(days=1))) == Elapsed(600, 0, 600)
    assert elapsed(anchor, Tick("two", 3, BEGIN - timedelta(days=1))).seconds == 600
    assert elapsed(anchor, Tick("one", 4000, BEGIN)).seconds == 600


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.parametrize(("seconds", "marked"), [(60, False), (-60, False), (61, True), (-61, True)])
def test_a_device_s_clock_beyond_sixty_seconds_is_marked(seconds, marked):
    limit = case().session.protocol.seconds("WATCH-SKEW", "skew_s")
    assert skewed(BEGIN + timedelta(seconds=seconds), BEGIN, limit) is marked


@pytest.mark.hazard("HAZ-37", "C2")
def test_a_clock_that_goes_back_stands_still_in_the_session(dosing: Case):
    dosing.now_s += 600
    dosing.check()
    dosing.now_s -= 300
    dosing.do(e.Note, text="clock went back")
    assert dosing.session.now_s == dosing.now_s + 300
