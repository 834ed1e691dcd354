"""The due-clock: every minute of the schedule on both sides, late and missed checks, rechecks, age of a value."""

from dataclasses import replace
from decimal import Decimal

import pytest

from openkap.dose import events as e
from openkap.dose.due import Shown, due, late, newest, shown, stale_after_s, upcoming, valid
from openkap.dose.tests.sessions import AWAKE, CALM, DOCTOR, SECOND, Case, by_mouth, case, order


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


def states(run: Case) -> dict[str, str]:
    run.session = replace(run.session, clock=run.stamp())
    return {check.about: check.state for check in due(run.session)}


def at(run: Case, minutes: float) -> dict[str, str]:
    run.now_s = run.session.started_s + round(minutes * 60)
    return states(run)


def test_before_a_dose_nothing_is_due():
    run = case().to_gate()
    assert due(run.session) == ()
    assert upcoming(run.session) is None
    assert late(run.session) == ()


def test_a_check_is_to_come_due_late_and_missed(dosing: Case):
    for minutes, word in (
        (9.99, "to come"),
        (10, "due"),
        (15, "due"),
        (15.02, "late"),
        (20, "late"),
        (20.02, "missed"),
    ):
        assert at(dosing, minutes)["vitals 10"] == word, minutes


def test_only_the_next_check_of_each_kind_is_listed_beside_those_not_done(dosing: Case):
    assert set(at(dosing, 0)) == {"vitals 10", "mind 20"}
    assert set(at(dosing, 10)) == {"vitals 10", "vitals 20", "mind 20"}
    dosing.check()
    dosing.read(**{k.replace("-", "_"): v for k, v in AWAKE.items()})
    assert upcoming(dosing.session).about == "vitals 20"


def test_a_check_is_done_when_every_group_of_it_has_a_reading(dosing: Case):
    at(dosing, 10)
    values = {name.replace("-", "_"): value for name, value in CALM.items()}
    last = values.popitem()
    dosing.read(**values)
    assert states(dosing)["vitals 10"] == "due"
    assert next(c for c in due(dosing.session) if c.about == "vitals 10").lacking == ("respiratory-rate",)
    dosing.read(**dict([last]))
    assert states(dosing)["vitals 10"] == "done"


def test_one_scale_of_sedation_and_one_of_dissociation_are_enough(dosing: Case):
    at(dosing, 20)
    dosing.read(rass=0, cadss=2)
    assert states(dosing)["mind 20"] == "done"


def test_a_reading_serves_one_slot_and_at_most_five_minutes_early(dosing: Case):
    at(dosing, 4.9)
    dosing.check()
    assert states(dosing)["vitals 10"] == "to come"
    at(dosing, 5)
    dosing.check()
    assert at(dosing, 20)["vitals 10"] == "done"
    assert at(dosing, 20)["vitals 20"] == "due"
    dosing.check()
    assert (at(dosing, 29)["vitals 20"], at(dosing, 29)["vitals 30"]) == ("done", "to come")


def test_after_the_schedule_it_goes_on_until_somebody_goes_home():
    run = case().to_recovery()
    assert "vitals 115" in at(run, 114)
    assert "vitals 130" in at(run, 115)
    assert "mind 115" in at(run, 101)
    lozenge = case("sublingual").to_dosing(by_mouth())
    assert {"vitals 150"} <= set(at(lozenge, 120))


def test_voided_values_serve_nothing(dosing: Case):
    at(dosing, 10)
    dosing.check()
    wrong = newest(dosing.session, "systolic")
    dosing.do(e.Correct, reading=wrong.id, reason="arm moved")
    assert states(dosing)["vitals 10"] == "due"
    assert len(valid(dosing.session, "systolic")) == 1


@pytest.mark.hazard("HAZ-38", "C1")
def test_a_late_check_is_an_alert_for_the_nurse_and_a_missed_one_for_the_prescriber_and_pauses_the_infusion(
    dosing: Case,
):
    dosing.wait(15, step_s=5)
    assert dosing.session.alerts == ()
    dosing.wait(5 / 60, step_s=5)
    (alert,) = dosing.session.open_alerts()
    assert (alert.level, alert.text, [r.ring for r in alert.reached]) == (
        "amber",
        "Check late: vitals 10 min",
        ["bedside"],
    )
    dosing.do(e.Acknowledge, SECOND, alert=alert.id)
    assert dosing.refused(e.Settle, DOCTOR, alert=alert.id, reason="later").rule == "MON-X"
    dosing.wait(5, step_s=5)
    (alert,) = (a for a in dosing.session.open_alerts() if a.about == "vitals 10")
    assert alert.text == "Check missed: vitals 10 min"
    assert "prescriber" in {reach.ring for reach in alert.reached}
    assert dosing.told("advise") == ["A check is missed: pause the infusion."]
    dosing.check()
    dosing.read(**{name.replace("-", "_"): value for name, value in CALM.items()})
    assert [a.about for a in dosing.session.open_alerts()] == []
    assert {a.ended[0] for a in dosing.session.alerts} == {"done"}


@pytest.mark.hazard("HAZ-38", "C1")
def test_of_checks_that_are_late_at_one_moment_each_is_said(dosing: Case):
    said = dosing.wait(30, step_s=1800)
    told = [one.data.about for one in said if one.kind == "alert"]
    assert len(told) > 1
    assert sorted(told) == sorted(a.about for a in dosing.session.open_alerts())


def test_a_missed_check_asks_to_pause_once_and_only_while_the_drug_runs():
    run = case().to_recovery()
    run.wait(40, step_s=30)
    assert any(a.text.startswith("Check missed") for a in run.session.alerts)
    assert run.told("advise") == []


def test_after_a_long_silence_a_check_is_missed_at_once(dosing: Case):
    dosing.wait(25, step_s=25 * 60)
    texts = [alert.text for alert in dosing.session.open_alerts()]
    assert texts == ["Check missed: vitals 10 min"]


# -- rechecks --------------------------------------------------------------------------------------------


def test_a_value_behind_an_alert_is_measured_again_within_five_minutes(dosing: Case):
    dosing.read(systolic=158)
    assert states(dosing)["recheck systolic"] == "to come"
    dosing.now_s += 300
    assert states(dosing)["recheck systolic"] == "due"
    dosing.wait(1 / 60, step_s=1)
    (_, again) = dosing.session.open_alerts()
    assert again.text == "Check late: systolic again"
    dosing.read(systolic=150)
    assert [a.about for a in dosing.session.open_alerts()] == ["systolic"]


def test_a_leap_is_measured_again_at_once(dosing: Case):
    dosing.read(systolic=190)
    assert states(dosing)["recheck systolic"] == "due"


def test_a_mark_and_an_alert_whose_values_are_all_struck_ask_for_no_recheck(dosing: Case):
    dosing.do(e.SetMark, name="vomit")
    dosing.read(systolic=158)
    run = replace(dosing.session, readings=tuple(replace(r, voided="x") for r in dosing.session.readings))
    assert [c for c in due(run) if c.about.startswith("recheck")] == []


def test_before_a_dose_a_high_value_is_measured_again_too():
    run = case().arrive()
    run.read(systolic=170)
    assert states(run) == {"recheck systolic": "to come"}


# -- how old a value may be ------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-38", "C1")
@pytest.mark.hazard("HAZ-35", "C1")
def test_every_value_shows_its_age_and_is_overdue_past_its_limit(dosing: Case):
    """15 min of the later schedule and the nurse's 5 min of MON-X; a late check makes its values overdue first."""
    assert stale_after_s(dosing.session.protocol) == 1200
    dosing.watch(100)
    dosing.do(e.Finish)
    begun = dosing.now_s
    dosing.session = replace(dosing.session, clock=replace(dosing.stamp(), elapsed_s=begun + 900))
    found = shown(dosing.session, "systolic")
    assert (found.age_s, found.overdue) == (900, False)
    dosing.session = replace(dosing.session, clock=replace(dosing.stamp(), elapsed_s=begun + 1201))
    assert shown(dosing.session, "systolic").overdue
    assert shown(dosing.session, "distress") is None


@pytest.mark.hazard("HAZ-38", "C1")
@pytest.mark.parametrize(("age_s", "overdue"), [(1200, False), (1201, True)])
def test_a_value_that_no_check_asks_for_is_overdue_from_the_second_past_its_limit(
    dosing: Case, age_s: int, overdue: bool
):
    dosing.read(distress=3)
    dosing.session = replace(dosing.session, clock=replace(dosing.stamp(), elapsed_s=dosing.now_s + age_s))
    assert shown(dosing.session, "distress").overdue is overdue


@pytest.mark.hazard("HAZ-38", "C1")
def test_a_late_check_makes_its_values_overdue(dosing: Case):
    at(dosing, 15)
    assert not shown(dosing.session, "systolic").overdue
    at(dosing, 15.1)
    assert shown(dosing.session, "systolic").overdue
    assert not shown(dosing.session, "moaas").overdue


@pytest.mark.hazard("HAZ-38", "C2")
def test_a_value_is_never_apart_from_its_time_and_none_is_carried_forward(dosing: Case):
    assert {"reading", "age_s", "overdue"} == set(Shown.__dataclass_fields__)
    before = dosing.session.readings
    dosing.wait(60)
    assert dosing.session.readings == before


def test_the_watch_begins_anew_with_a_further_dose():
    run = case("sublingual").to_dosing(by_mouth("50"))
    run.watch(30)
    run.finish()
    run.sign(by_mouth("50", id="o2", step=2, reason="little effect"))
    run.in_hand().start()
    assert run.session.started_s == run.now_s
    assert set(states(run)) == {"vitals 30 (dose 2)", "mind 45 (dose 2)"}
    assert order().mg.mg == Decimal(41)
