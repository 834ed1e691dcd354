"""Discharge: each criterion on both sides of its limit, and no way round any of them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest

from openkap.dose import events as e
from openkap.dose.discharge import advice, criteria, earliest_s, ready
from openkap.dose.due import shown
from openkap.dose.library import content_of
from openkap.dose.steps import step
from openkap.dose.tests.sessions import CLERK, DAY, DOCTOR, NURSE, THERAPIST, Case, by_mouth, case
from openkap.dose.types import Check, Effect, Phase
from openkap.kernel.quantity import DoseMg
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth
from openkap.plan.book import book_of


def unmet(run: Case) -> dict[str, Truth]:
    run.session = replace(run.session, clock=run.stamp())
    found = criteria(run.session, run.stamp())
    assert all(f.text and f.remedy.endswith(".") for f in found)
    return {f.row: f.met for f in found if f.met is not Truth.TRUE}


@pytest.fixture
def leaving() -> Case:
    return case().to_leaving()


def test_with_every_criterion_met_the_patient_goes_home_with_a_call_the_next_day(leaving: Case):
    assert unmet(leaving) == {}
    effects = leaving.do(e.Discharge)
    assert leaving.session.phase is Phase.DISCHARGED
    assert effects == (Effect("task", ("check-in", 24)),)


def test_nothing_known_is_nothing_met():
    run = case().arrive()
    assert not ready(())
    found = unmet(run)
    assert set(found) >= {"DIS-1", "DIS-2", "DIS-3", "DIS-4", "DIS-5", "DIS-6", "DIS-8", "DIS-9"}
    assert Truth.FALSE not in found.values()


# -- time ------------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.hazard("HAZ-37", "C2")
@pytest.mark.parametrize(("end_min", "earliest_min"), [(40, 100), (39, 100), (45, 105), (60, 120)])
def test_the_stay_counts_from_the_start_and_from_the_end_whichever_is_later(end_min, earliest_min):
    """Fact sheet 4.3: at least 60 min after the end of the infusion, 100 min in all."""
    run = case().to_dosing().watch(end_min)
    run.do(e.Finish)
    start = run.session.started_s
    assert earliest_s(run.session) == start + earliest_min * 60
    for second, met in ((earliest_min * 60 - 1, Truth.FALSE), (earliest_min * 60, None)):
        run.now_s = start + second
        assert unmet(run).get("DIS-1") is met


@pytest.mark.hazard("HAZ-37", "C2")
@pytest.mark.goal("RG-11")
@pytest.mark.parametrize("jump_h", [-24, -1, 1, 24])
def test_a_wall_clock_that_jumps_shortens_no_stay(jump_h):
    """Only elapsed time counts: the instant moves by a day and the stay is as long as before."""
    run = case().to_recovery()
    left = next(f.text for f in criteria(run.session, run.stamp()) if f.row == "DIS-1")
    jumped = replace(run.stamp(), at=run.stamp().at + timedelta(hours=jump_h))
    assert (
        next(f.text for f in criteria(run.session, jumped) if f.row == "DIS-1") == left == "Shortest stay: 60 min left."
    )


def restarted(run: Case, unsure_s: int) -> dict[str, Truth]:
    """What is unmet when the machine was started anew and the wall clock then says so many seconds have passed."""
    now = replace(run.stamp(), elapsed_s=run.now_s + unsure_s, unsure_s=unsure_s, sure_from_s=run.now_s + unsure_s)
    run.session, _ = step(run.session, run.event(e.Note, text="restarted"), now)
    return {f.row: f.met for f in criteria(run.session, now) if f.met is not Truth.TRUE}


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.goal("RG-11")
@pytest.mark.parametrize("unsure_s", [0, 300, 86_400])
def test_after_a_restart_no_stay_has_passed_that_may_not_have_and_every_value_is_stale(unsure_s):
    run = case().to_recovery().watch(30)
    until = earliest_s(run.session)
    run.read(aldrete=10)
    run.answer_leaving()
    found = restarted(run, unsure_s)
    assert earliest_s(run.session) == until + unsure_s
    assert found["DIS-1"] is Truth.FALSE
    assert {found[row] for row in ("DIS-2", "DIS-3", "DIS-4", "DIS-5", "DIS-6")} == {Truth.UNKNOWN}
    assert shown(run.session, "spo2").overdue
    forgetful = replace(run.stamp(), elapsed_s=run.now_s + unsure_s + 1)
    after, _ = step(run.session, run.event(e.Note, text="the store forgot"), forgetful)
    assert earliest_s(after) == until + unsure_s and shown(after, "spo2").overdue


@pytest.mark.hazard("HAZ-37", "C1")
def test_after_a_restart_the_quiet_after_vomiting_counts_from_then(leaving: Case):
    leaving.do(e.SetMark, name="vomit")
    leaving.now_s += 1
    leaving.do(e.Answer, name="keeps-water", truth=Truth.TRUE)
    assert restarted(leaving, 3600)["DIS-7"] is Truth.FALSE


def test_while_the_drug_runs_nobody_is_near_going_home():
    run = case().to_dosing()
    assert earliest_s(run.session) is None
    assert earliest_s(case().session) is None
    assert unmet(run)["DIS-1"] is Truth.UNKNOWN


def test_after_a_further_dose_the_stay_begins_anew():
    run = case("sublingual").to_dosing(by_mouth("50")).watch(30)
    run.finish()
    run.sign(by_mouth("50", id="o2", step=2, reason="little effect"))
    run.in_hand().start()
    again = run.now_s
    run.watch(30)
    run.finish()
    assert earliest_s(run.session) == again + 120 * 60


# -- pressure and vitals ---------------------------------------------------------------------------------


def end_with(values: list[tuple[int, dict]]) -> Case:
    """In recovery, past the stay, with these readings so many minutes apart at the end; everything else met."""
    run = case().to_recovery().watch(60)
    for wait, changes in values:
        run.now_s += wait * 60
        run.check(**changes)
    run.read(aldrete=10)
    return run.answer_leaving()


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.parametrize(
    ("name", "value", "met"),
    [("systolic", 146, None), ("systolic", 106, None), ("systolic", 147, Truth.FALSE), ("systolic", 105, Truth.FALSE),
     ("diastolic", 99, None), ("diastolic", 60, None), ("diastolic", 59, Truth.FALSE)],
)  # fmt: skip
def test_both_pressures_must_be_within_twenty_of_the_baseline(name, value, met):
    run = end_with([(1, {name: value}), (10, {name: value})])
    assert unmet(run).get("DIS-2") is met


@pytest.mark.parametrize(("value", "met"), [(159, None), (160, Truth.FALSE)])
def test_below_160_even_where_the_baseline_is_high(value, met):
    run = case().to_recovery().watch(60)
    run.session = replace(run.session, baseline={**run.session.baseline, "systolic": Decimal(150)})
    for wait in (1, 600):
        run.now_s += wait
        run.check(systolic=value)
    assert unmet(run).get("DIS-2") is met


@pytest.mark.parametrize(("apart_s", "met"), [(600, None), (599, Truth.UNKNOWN)])
def test_two_readings_ten_minutes_apart_are_wanted_not_nine(apart_s, met):
    run = case().to_dosing().watch(40)
    run.do(e.Finish, after_s=1)
    run.do(e.Recover)
    run.now_s += 60
    run.check()
    run.now_s += apart_s
    run.check()
    assert unmet(run).get("DIS-2") is met


def test_a_high_value_between_the_two_spoils_them():
    run = end_with([(1, {}), (3, {"systolic": 150}), (7, {})])
    assert unmet(run)["DIS-2"] is Truth.FALSE


@pytest.mark.hazard("HAZ-43", "C1")
def test_without_a_baseline_of_the_pressure_it_is_not_known(leaving: Case):
    leaving.session = replace(leaving.session, baseline={"cadss-6": Decimal(0)})
    assert unmet(leaving) == {"DIS-2": Truth.UNKNOWN}


def test_one_pressure_that_is_not_known_hides_nothing_of_the_other(leaving: Case):
    known = {name: value for name, value in leaving.session.baseline.items() if name != "systolic"}
    leaving.session = replace(leaving.session, baseline=known)
    found = [f.met for f in criteria(leaving.session, leaving.stamp()) if f.row == "DIS-2"]
    assert found == [Truth.UNKNOWN, Truth.TRUE]


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.parametrize(
    ("name", "value", "row", "met"),
    [("spo2", 94, "DIS-3", None), ("spo2", 93, "DIS-3", Truth.FALSE), ("respiratory_rate", 10, "DIS-3", None),
     ("respiratory_rate", 9, "DIS-3", Truth.FALSE), ("respiratory_rate", 24, "DIS-3", None),
     ("respiratory_rate", 25, "DIS-3", Truth.FALSE), ("heart_rate", 50, "DIS-3", None),
     ("heart_rate", 49, "DIS-3", Truth.FALSE), ("heart_rate", 110, "DIS-3", None),
     ("heart_rate", 111, "DIS-3", Truth.FALSE),
     ("aldrete", 9, "DIS-4", None), ("aldrete", 8, "DIS-4", Truth.FALSE), ("moaas", 5, "DIS-5", None),
     ("moaas", 4, "DIS-5", Truth.FALSE), ("cadss_6", 0, "DIS-6", None), ("cadss_6", 1, "DIS-6", Truth.FALSE)],
)  # fmt: skip
def test_each_value_is_met_at_its_limit_and_not_beyond(leaving: Case, name, value, row, met):
    leaving.read(**{name: value})
    found = unmet(leaving)
    found.pop("ALERTS", None)
    assert found.get(row) is met


def test_a_low_saturation_that_was_the_baseline_is_enough(leaving: Case):
    leaving.session = replace(leaving.session, baseline={**leaving.session.baseline, "spo2": Decimal(92)})
    leaving.read(spo2=92)
    assert "DIS-3" not in unmet(leaving)
    leaving.read(spo2=91)
    assert unmet(leaving)["DIS-3"] is Truth.FALSE


def test_either_score_is_enough(leaving: Case):
    leaving.read(aldrete=5)
    assert unmet(leaving) == {"DIS-4": Truth.FALSE}
    leaving.read(mpadss=9)
    assert unmet(leaving) == {}


@pytest.mark.parametrize(
    ("base", "value", "met"),
    [
        ({"cadss": 2}, 4, None),
        ({"cadss": 2}, 5, Truth.FALSE),
        ({"cadss": 6}, 6, None),
        ({"cadss": 6}, 7, Truth.FALSE),
        ({}, 4, None),
    ],
)
def test_dissociation_on_the_full_scale_is_four_or_the_baseline(leaving: Case, base, value, met):
    leaving.session = replace(
        leaving.session, baseline={**leaving.session.baseline, **{k: Decimal(v) for k, v in base.items()}}
    )
    leaving.now_s += 1
    leaving.read(cadss=value)
    assert unmet(leaving).get("DIS-6") is met


def test_the_short_scale_without_a_baseline_says_nothing(leaving: Case):
    base = {k: v for k, v in leaving.session.baseline.items() if k != "cadss-6"}
    leaving.session = replace(leaving.session, baseline=base)
    assert unmet(leaving) == {"DIS-6": Truth.UNKNOWN}


# -- old, unconfirmed, missing ---------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.hazard("HAZ-38", "C1")
def test_old_values_and_answers_are_not_known(leaving: Case):
    leaving.now_s += 1200
    assert set(unmet(leaving)) <= {"ALERTS"}
    leaving.now_s += 1
    found = unmet(leaving)
    assert {row: met for row, met in found.items() if row != "ALERTS"} == dict.fromkeys(
        ("DIS-2", "DIS-3", "DIS-4", "DIS-5", "DIS-6"), Truth.UNKNOWN
    )
    assert found["ALERTS"] is Truth.FALSE


def test_a_value_taken_before_the_drug_ended_says_nothing_of_recovery():
    run = case().to_dosing().watch(40)
    run.now_s += 1
    run.do(e.Finish)
    assert unmet(run)["DIS-3"] is Truth.UNKNOWN


def test_an_unconfirmed_value_clears_nothing(leaving: Case):
    last = leaving.session.readings
    leaving.session = replace(leaving.session, readings=tuple(replace(r, confirmed=r.measure != "spo2") for r in last))
    assert unmet(leaving) == {"DIS-3": Truth.UNKNOWN}


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.hazard("HAZ-44", "C1")
@pytest.mark.hazard("HAZ-44", "C2")
@pytest.mark.parametrize("truth", [Truth.FALSE, Truth.UNKNOWN, None])
@pytest.mark.parametrize("name", [item.name for item in case().session.protocol.checks])
def test_each_question_is_asked_singly_and_only_yes_counts(leaving: Case, name, truth):
    row = next(item.row for item in leaving.session.protocol.checks if item.name == name)
    if truth is None:
        kept = tuple(c for c in leaving.session.checks if c.name != name)
        leaving.session = replace(leaving.session, checks=kept)
    else:
        leaving.do(e.Answer, name=name, truth=truth)
    assert unmet(leaving) == {row: truth or Truth.UNKNOWN}
    assert leaving.refused(e.Discharge).rule == row


@pytest.mark.hazard("HAZ-44", "C1")
def test_an_escort_promised_before_the_dose_is_not_one_met_at_the_end():
    run = case().to_ready().answer_leaving().in_hand()
    run.start()
    run.watch(40)
    run.do(e.Finish)
    run.do(e.Recover)
    run.watch(60)
    assert unmet(run)["DIS-9"] is Truth.UNKNOWN
    run.now_s += 1


@pytest.mark.hazard("HAZ-43", "C1")
def test_no_event_carries_two_answers():
    assert {"name", "truth", "note", "number"} == set(e.Answer.__slots__)
    assert "name" in Check.__slots__


@pytest.mark.parametrize(("minutes", "met"), [(30, None), (29.9, Truth.FALSE)])
def test_thirty_minutes_without_vomiting(leaving: Case, minutes, met):
    leaving.do(e.SetMark, name="vomit")
    (alert,) = leaving.session.open_alerts()
    leaving.do(e.Settle, alert=alert.id, reason="once")
    leaving.now_s += round(minutes * 60)
    leaving.check()
    leaving.do(e.Answer, name="keeps-water", truth=Truth.TRUE)
    assert unmet(leaving).get("DIS-7") is met


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.goal("RG-20")
@pytest.mark.parametrize(
    ("mark", "name", "row"), [("suicide", "no-new-suicidal-thoughts", "DIS-8"), ("vomit", "keeps-water", "DIS-7")]
)
def test_an_answer_from_before_the_mark_it_is_about_is_no_answer(leaving: Case, mark, name, row):
    leaving.do(e.SetMark, name=mark)
    (alert,) = leaving.session.open_alerts()
    leaving.do(e.Settle, DOCTOR, alert=alert.id, reason="looked at")
    leaving.now_s += 30 * 60
    leaving.check()
    leaving.read(aldrete=10)
    for again in ("oriented", "walks", "room-air-now"):
        leaving.do(e.Answer, name=again, truth=Truth.TRUE)
    assert unmet(leaving) == {row: Truth.UNKNOWN}
    leaving.do(e.Answer, name=name, truth=Truth.TRUE)
    assert unmet(leaving) == {}


@pytest.mark.hazard("HAZ-36", "C1")
@pytest.mark.hazard("HAZ-43", "C1")
def test_an_older_answer_that_comes_in_later_takes_nothing_back(leaving: Case):
    leaving.do(e.Answer, name="walks", truth=Truth.FALSE)
    leaving.do(e.Answer, name="walks", truth=Truth.TRUE, happened_s=leaving.now_s - 60)
    assert unmet(leaving) == {"DIS-5": Truth.FALSE}
    leaving.do(e.Answer, name="walks", truth=Truth.TRUE)
    assert unmet(leaving) == {}


@pytest.mark.hazard("HAZ-36", "C1")
def test_an_answer_of_before_the_end_of_the_dose_counts_as_that_whenever_it_comes_in(leaving: Case):
    kept = tuple(c for c in leaving.session.checks if c.name != "escort-met")
    leaving.session = replace(leaving.session, checks=kept)
    early = leaving.session.ended_s - 1
    leaving.do(e.Answer, name="escort-met", truth=Truth.TRUE, note="Ana, by call", happened_s=early)
    assert unmet(leaving) == {"DIS-9": Truth.UNKNOWN}


def test_an_open_alert_keeps_the_patient(leaving: Case):
    leaving.read(nausea=5)
    assert unmet(leaving) == {"ALERTS": Truth.FALSE}
    assert "Nausea" in leaving.refused(e.Discharge).text


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.goal("RG-20")
def test_every_combination_of_three_answers_leaves_only_with_three_times_yes(leaving: Case):
    names = ("oriented", "walks", "escort-met")
    for truths in product(Truth, repeat=3):
        run = Case(leaving.session, leaving.now_s)
        for name, truth in zip(names, truths, strict=True):
            run.do(e.Answer, name=name, truth=truth, note="Ana, here", key=f"{name}{truth}")
        assert ready(criteria(run.session, run.stamp())) is all(t is Truth.TRUE for t in truths)


# -- who, and the other ways out -------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-43", "C1")
@pytest.mark.parametrize(("by", "may"), [(NURSE, True), (DOCTOR, True), (THERAPIST, False), (CLERK, False)])
def test_a_prescriber_or_nurse_signs(leaving: Case, by, may):
    if may:
        leaving.do(e.Discharge, by)
    else:
        assert leaving.refused(e.Discharge, by).rule == "ROLE"


@pytest.mark.hazard("HAZ-43", "C2")
def test_an_early_end_is_another_way_out_with_reason_advice_and_two_calls():
    run = case().to_recovery()
    gone = {"how": "prescriber agrees", "reason": "child at home", "advice_given": True}
    assert run.refused(e.Leave, NURSE, **gone).rule == "ROLE"
    assert run.refused(e.Leave, DOCTOR, **{**gone, "reason": ""}).rule == "REASON"
    assert run.refused(e.Leave, DOCTOR, **{**gone, "advice_given": False}).rule == "DIS-10"
    effects = run.do(e.Leave, DOCTOR, **gone)
    assert run.session.phase is Phase.LEFT_EARLY
    assert [one.data for one in effects if one.kind == "task"] == [("call", 2), ("call", 24)]
    assert "incident" in {one.kind for one in effects}


def test_against_advice_a_nurse_may_record_it():
    run = case().to_dosing()
    run.do(e.Stop, reason="wants to go", given_mg=DoseMg(Decimal(20)))
    run.do(e.Leave, NURSE, how="against advice", reason="wants to go", advice_given=True)
    assert run.session.phase is Phase.LEFT_EARLY


@pytest.mark.hazard("HAZ-42", "C1")
def test_a_transfer_names_who_takes_over_and_a_running_dose_is_stopped_first():
    run = case().to_dosing()
    run.do(e.Emergency)
    assert run.refused(e.Transfer, to="City hospital", reason="chest pain").rule == "RES-1"
    run.do(e.Stop, reason="chest pain", given_mg=DoseMg(Decimal(10)))
    assert run.refused(e.Transfer, to=" ", reason="chest pain").rule == "HAZ-42"
    effects = run.do(e.Transfer, to="City hospital, Dr Roe", reason="chest pain")
    assert run.session.phase is Phase.TRANSFERRED
    assert [one.kind for one in effects] == ["task", "incident", "hold-next"]
    assert effects[0].data == ("handover sheet", "City hospital, Dr Roe")
    assert effects[1].data == effects[2].data == run.session.log[-1].event
    assert run.session.day == DAY


@pytest.mark.hazard("HAZ-44", "C1")
@pytest.mark.parametrize("name", ["escort-met", "car-keys-asked"])
def test_a_yes_about_escort_or_keys_is_no_answer_without_the_name_or_the_place(leaving: Case, name):
    before = leaving.session
    (refused,) = leaving.send(leaving.event(e.Answer, NURSE, name=name, truth=Truth.TRUE, note=" "))
    assert refused.kind == "refused" and "Write it down with the answer" in refused.data.text
    assert leaving.session == before
    leaving.do(e.Answer, name=name, truth=Truth.FALSE)  # a no needs no words


def test_a_line_says_when_the_value_behind_it_was_taken(leaving: Case):
    found = {(f.row, f.text.split()[0]): f for f in criteria(leaving.session, leaving.stamp())}
    last = next(r for r in reversed(leaving.session.readings) if r.measure == "systolic")
    assert found["DIS-2", "Systolic"].taken_s == last.taken_s
    assert found["DIS-1", "Shortest"].taken_s is None
    asked = leaving.session.check("walks")
    assert asked is not None and found["DIS-5", "Walks"].taken_s == asked.happened_s


@pytest.mark.hazard("HAZ-43", "C1")
def test_the_sheet_that_goes_home_says_every_line_with_the_numbers_of_its_row():
    said = advice(content_of(Site()), book_of(Site()))
    assert len(said) == 5
    assert not [line for line in said if "{" in line or "}" in line]
    assert any("24 h" in line or "24 hours" in line for line in said)
