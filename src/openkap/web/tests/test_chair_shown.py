"""What the chair page shows of a session, from the pure session alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from openkap.dose import events as e
from openkap.dose.tests.sessions import AWAKE, CALM, DOCTOR, NURSE, SECOND, Case, by_mouth, case
from openkap.dose.types import Phase
from openkap.people.types import Role
from openkap.pkpd.types import Subject
from openkap.web.dose.chair import chart as pictures
from openkap.web.dose.chair import keypad, paper, shown
from openkap.web.dose.chair.forecast import forecast
from openkap.web.dose.chair.happened import event_rows
from openkap.web.dose.chair.shown import Reader, When
from openkap.web.plan.dose_person import Person

NURSE_HERE = Reader(NURSE.id, frozenset({Role.NURSE}))
DOCTOR_HERE = Reader(DOCTOR.id, frozenset({Role.PRESCRIBER}))


def when(made: Case) -> When:
    return When.of(made.session, "Europe/Vienna")


def tile(made: Case, name: str) -> shown.Tile:
    return next(one for one in shown.tiles(made.session, when(made)) if one.name == name)


@pytest.mark.hazard("HAZ-38", "C1", "C2")
def test_a_tile_has_value_and_time_together_or_neither_and_an_old_one_is_overdue():
    made = case()
    made.arrive()
    assert [(one.value, one.at, one.taken_s) for one in shown.tiles(made.session, when(made))] == [("", "", None)] * 6
    made = case().to_dosing()
    made.check()
    fresh = tile(made, "spo2")
    assert (fresh.value, fresh.at, fresh.overdue) == ("98", "09:00", False)
    made.wait(21)
    old = tile(made, "spo2")
    assert (old.value, old.at, old.overdue) == ("98", "09:00", True)  # nothing was carried forward
    assert old.taken_s is not None and made.session.now_s - old.taken_s > old.limit_s


def test_a_pressure_is_no_newer_than_its_older_half():
    made = case().to_dosing()
    made.check()
    made.wait(3)
    made.read(systolic=131)
    pressure = tile(made, "pressure")
    assert (pressure.value, pressure.under, pressure.at) == ("131", "80", "09:03 / 09:00")
    assert pressure.taken_s == 0
    assert pressure.baseline == "baseline 126/80"


def test_a_border_stands_only_where_an_alert_does():
    made = case().to_dosing()
    made.check(systolic=158)
    assert {one.name: one.shape for one in shown.tiles(made.session, when(made)) if one.shape} == {"pressure": "hold"}
    made.read(spo2=85)
    assert tile(made, "spo2").shape == "stop"
    assert tile(made, "spo2").unsure  # a leap that nobody has repeated


@pytest.mark.hazard("HAZ-33", "C1")
def test_an_alert_says_its_owner_and_whom_it_reaches_next_until_somebody_has_it():
    made = case().to_dosing()
    made.check(systolic=158)
    [row] = shown.alert_rows(made.session, NURSE_HERE, when(made))
    assert (row.shape, row.owner, row.first, row.had) == ("hold", NURSE.name, True, "")
    assert "is called at 09:02" in row.next and SECOND.name in row.next
    assert [basis.row for basis in row.basis] == ["ALT-SBP"]
    assert "160" in row.basis[0].text
    made.do(e.Acknowledge, alert=row.id)
    [row] = shown.alert_rows(made.session, NURSE_HERE, when(made))
    assert row.mine and not row.first and row.next == ""
    assert row.had == f"{NURSE.name} has it since 09:00"


def test_who_may_settle_an_alert_is_shown_to_no_other():
    made = case().to_dosing()
    made.check(systolic=158)
    assert [row.settles for row in shown.alert_rows(made.session, NURSE_HERE, when(made))] == [False]
    assert [row.settles for row in shown.alert_rows(made.session, DOCTOR_HERE, when(made))] == [True]
    made = case().to_dosing()
    made.wait(16)  # a late check is settled by doing it
    late = [row for row in shown.alert_rows(made.session, DOCTOR_HERE, when(made)) if "late" in row.text]
    assert late and not any(row.settles for row in late)


@pytest.mark.hazard("HAZ-41", "C1")
def test_a_silence_is_counted_down_and_over_afterwards():
    made = case().to_dosing()
    made.check(systolic=158)
    made.do(e.Silence, alert=made.session.open_alerts()[0].id)
    assert shown.alert_rows(made.session, NURSE_HERE, when(made))[0].silent_until_s == 120
    made.wait(3)
    assert shown.alert_rows(made.session, NURSE_HERE, when(made))[0].silent_until_s == 0


def test_the_due_clock_counts_to_the_next_check_and_names_who_has_a_late_one():
    made = case().to_dosing()
    made.wait(4)
    clock = shown.due_clock(made.session, when(made))
    assert clock is not None
    assert (clock.words, clock.at, clock.left, clock.late) == ("Vital signs, 10 min", "09:10", "6:00", False)
    assert float(clock.ring) == pytest.approx(0.6 * shown.CIRCLE, abs=0.1)
    made.wait(12)
    clock = shown.due_clock(made.session, when(made))
    assert clock is not None and clock.late
    assert (clock.owner, clock.left) == (NURSE.name, "6:00")
    assert DOCTOR.name in clock.then and "09:20" in clock.then
    made.wait(9)
    clock = shown.due_clock(made.session, when(made))
    assert clock is not None and "missed" in clock.then


@pytest.mark.parametrize(
    ("to", "words", "event", "page"),
    [
        (lambda c: c, "The patient is here: I watch from now on", "Arrive", ""),
        (lambda c: c.arrive(), "Checks before the dose", "", "dose:gate"),
        (lambda c: c.to_ready(), "Give the dose", "", "dose:give"),
        (lambda c: c.to_recovery(), "Going home: the criteria", "", "dose:leave"),
    ],
)
def test_one_next_step_in_each_phase(to, words, event, page):
    made = case()
    to(made)
    step = shown.next_step(made.session, NURSE_HERE)
    assert step == shown.Next(words, event, page)


def test_while_a_dose_runs_there_is_nothing_to_do_but_watch_until_its_time_is_over():
    made = case().to_dosing()
    made.watch(39)
    assert shown.next_step(made.session, NURSE_HERE) is None
    made.watch(2, every_min=1)
    assert shown.next_step(made.session, NURSE_HERE) == shown.Next("End of the dose", page="dose:give")


def test_the_minutes_of_a_dose_leave_its_pauses_out():
    made = case().to_dosing()
    made.watch(10)
    made.do(e.Pause, reason="toilet")
    made.watch(5)
    assert shown.head(made.session).minutes == "10 of 40 min"
    made.do(e.Resume)
    made.watch(5)
    assert shown.head(made.session).minutes == "15 of 40 min"


def test_the_order_is_said_in_full_and_after_an_early_stop_what_was_given():
    made = case().to_dosing()
    said = shown.head(made.session).ordered
    assert said == "ketamine into a vein (IV) · 41 mg · 0.5 mg/kg · 0.82 mL of 50 mg/mL · over 40 min"
    made.watch(20)
    made.do(e.Stop, reason="asked to stop", given_mg=replace(made.session.given[0].mg, mg=Decimal(20)))
    assert "20 mg" in shown.head(made.session).ordered
    assert "stopped early, 41 mg was drawn" in shown.head(made.session).ordered


def test_events_stand_newest_first_with_values_of_a_moment_in_one_line_and_struck_ones_apart():
    made = case().to_dosing()
    made.wait(10)
    made.check()
    made.read(systolic=141)
    made.do(e.Correct, reading=made.session.readings[-1].id, reason="cuff slipped")
    rows = event_rows(made.session, when(made))
    struck = [row for row in rows if row.struck]
    assert [row.text for row in struck] == ["Systolic 141 mmHg"]
    check = next(row for row in rows if row.text.startswith("Systolic 126 mmHg, "))
    assert "SpO₂ 98 %" in check.text and check.minute == "+10"
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)


def test_the_pad_asks_in_a_fixed_order_and_its_keys_hold_the_alert_lines():
    made = case().to_dosing()
    pads = {
        pad.name: pad for pad in keypad.pads(made.session, {"moaas": ("loss of consciousness", "awake")}, when(made))
    }
    assert list(pads)[:5] == ["systolic", "diastolic", "heart-rate", "spo2", "respiratory-rate"]
    for name in ("systolic", "heart-rate", "spo2"):
        pad = pads[name]
        limits = [
            line.limit for line in made.session.lines if line.measure == name and line.test not in ("rise", "fall")
        ]
        assert all(pad.first * 10 <= limit < pad.first * 10 + 100 or name == "spo2" for limit in limits), name
    assert pads["moaas"].single and (pads["moaas"].low, pads["moaas"].high) == ("loss of consciousness", "awake")
    assert (pads["rass"].least, pads["rass"].most, pads["rass"].single) == (-5, 4, True)
    made.read(systolic=210)
    first = keypad.pads(made.session, {}, when(made))[0].first
    assert first <= 21 < first + 10


def test_a_leap_is_said_in_one_sentence_and_a_quiet_value_is_not():
    made = case().to_dosing()
    made.read(systolic=190)
    key = made.session.readings[-1].id
    assert keypad.leap_words(made.session, key) == "Systolic 190 mmHg is a leap: measure it again now."
    made.read(spo2=97)
    assert keypad.leap_words(made.session, made.session.readings[-1].id) == ""


@pytest.mark.hazard("HAZ-40", "C2")
def test_the_limits_on_paper_are_those_in_force():
    made = case().to_dosing()
    made.do(e.SetLimit, DOCTOR, row="ALT-SBP", name="amber", value=Decimal(150), reason="stroke in the family")
    rows = {what: (amber, red) for what, amber, red in paper.limits(made.session)}
    assert rows["Systolic, mmHg"][0].startswith("150 or more")
    assert rows["SpO₂, %"] == ("below 94", "below 90")


def test_nothing_runs_nothing_to_pause():
    assert shown.dose_of(case().to_recovery().session, NURSE_HERE) is None
    made = case().to_dosing()
    assert shown.dose_of(made.session, NURSE_HERE) == shown.Dose(True, False, True, "41", "")
    therapist = Reader("t1", frozenset({Role.THERAPIST}))
    stopped = shown.dose_of(made.session, therapist)
    assert stopped is not None and not stopped.may_stop
    assert made.session.phase is Phase.DOSING


# -- the picture -----------------------------------------------------------------------------------------------

PERSON = Person(Subject(weight_kg=82.0, age_y=40.0), Decimal(82), Decimal(82), (), (), (), (), "")


def test_the_chart_draws_readings_marks_of_trials_and_no_curve_between_those():
    made = case().to_dosing()
    made.watch(30, every_min=10)
    cast = forecast(made.session, PERSON, 100)
    drawn = pictures.chart(made.session, cast)
    assert drawn is not None and cast is not None and cast.refusal == ""
    assert [(trial.row, bool(trial.x)) for trial in drawn.trials] == [("VIT-2", True), ("VIT-3", True)]
    assert len(drawn.lines) == 2 and all(len(line.split()) == 4 for line in drawn.lines)
    assert drawn.curve and drawn.band
    assert "Systolic 126 at 0 min" in drawn.said
    assert drawn.rows[0][0] == "30"


def test_a_forecast_that_cannot_be_is_said_and_the_readings_are_drawn_all_the_same():
    made = case().to_dosing()
    made.check()
    cast = forecast(made.session, replace(PERSON, subject=Subject(weight_kg=900.0)), 100)
    assert cast is not None and cast.refusal and not cast.typical
    drawn = pictures.chart(made.session, cast)
    assert drawn is not None and drawn.curve == "" and drawn.lines
    assert forecast(made.session, replace(PERSON, refusal="Pregnancy is recorded."), 100).refusal  # type: ignore[union-attr]
    early = case()
    early.arrive()
    assert forecast(early.session, PERSON, 100) is None
    assert pictures.chart(early.session, None) is None


def test_other_routes_have_marks_and_clocks_of_their_own():
    made = case("sublingual").to_dosing(by_mouth())
    made.check()
    cast = forecast(made.session, PERSON, 100)
    drawn = pictures.chart(made.session, cast)
    assert drawn is not None and drawn.trials == ()
    clock = shown.due_clock(made.session, when(made))
    assert clock is not None and clock.words == "Vital signs, 30 min"


def test_due_times_on_paper_are_minutes_before_and_clock_times_after_the_start():
    early = case()
    early.arrive()
    assert "10, 20, 30" in paper.due_times(early.session, when(early))[0][1]
    made = case().to_dosing()
    made.wait(15)
    assert paper.due_times(made.session, when(made))[0][1].startswith("09:20 (20), 09:30 (30)")


def test_calm_values_of_the_tests_are_calm():
    made = case().to_dosing()
    made.check()
    assert made.session.open_alerts() == ()
    assert set(CALM) | set(AWAKE) <= set(made.session.protocol.measures)
