"""The session step by step: the table, the right person, one dose charted once, corrections, holds, emergencies."""

from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from openkap.dose import events as e
from openkap.dose import orders
from openkap.dose.steps import TABLE, admitted, replay, step
from openkap.dose.tests.sessions import (
    BEGIN,
    CLERK,
    DAY,
    DOCTOR,
    DUTY,
    NURSE,
    OTHER_DOCTOR,
    PER_ML,
    PERSON,
    SECOND,
    STEP_ML,
    SYSTEM,
    THERAPIST,
    Case,
    by_mouth,
    case,
    judged,
    order,
)
from openkap.dose.types import ENDED, RUNNING, Administration, Effect, Hold, Phase
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.kernel.truth import Truth


@pytest.fixture
def ready() -> Case:
    return case().to_ready().in_hand()


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


# -- the table -------------------------------------------------------------------------------------------


def test_every_phase_is_reached_and_every_running_one_is_left():
    reached = {row.to for row in TABLE if row.to} | {Phase.BOOKED}
    left = {phase for row in TABLE if row.to for phase in row.phases}
    assert reached == set(Phase)
    assert left == set(Phase) - ENDED


def test_an_ended_session_takes_notes_late_values_marks_corrections_adverse_events_and_nothing_else():
    for phase in ENDED:
        kept = {e.Note, e.Read, e.Correct, e.SetMark, e.Untoward}
        assert set(admitted(replace(case().session, phase=phase))) == kept


def test_a_whole_session_equals_the_replay_of_its_log():
    run = case().to_leaving()
    run.do(e.Discharge)
    run.do(e.Note, text="went home with his sister")
    again = replay(case().session, run.session.log)
    assert replace(again, protocol=run.session.protocol) == run.session
    phases = [entry.after for entry in run.session.log]
    order_seen = list(dict.fromkeys(phases))
    words = ["arrived", "gate", "ready", "dosing", "peak", "recovery", "discharged"]
    assert [phase.value for phase in order_seen] == words


@pytest.mark.parametrize("phase", [p for p in Phase if p is not Phase.BOOKED])
def test_an_event_that_does_not_belong_to_a_phase_says_so(phase: Phase):
    run = Case(replace(case().session, phase=phase, observer=NURSE))
    assert run.refused(e.Arrive).rule == "PHASE"


# Who may do what, decided here by hand and not read from the table.
MAY = {
    "clinician": (
        e.Arrive, e.OpenGate, e.Pause, e.Recover, e.ConfirmPerson, e.Answer, e.TakeWatch, e.Read, e.Correct, e.SetMark,
        e.Note, e.Acknowledge, e.Silence, e.Settle, e.TryScreen, e.Untoward,
    ),
    "doser": (
        e.PassGate, e.Start, e.Resume, e.Stop, e.Finish, e.Discharge, e.Leave, e.Transfer, e.DrawUp, e.CheckDraw,
        e.SetRate, e.UseDevice,
    ),
    "prescriber": (e.SignOrder, e.LiftHold, e.EmergencyOver, e.SetLimit),
    "anyone": (e.Cancel, e.AddHold, e.Emergency, e.Judge, e.Decide, e.DutyNow, e.OfferWatch, e.Beat, e.Receipt,
        e.MessageOut),
}  # fmt: skip
STANDING = {"clinician": {NURSE, DOCTOR, THERAPIST}, "doser": {NURSE, DOCTOR}, "prescriber": {DOCTOR}}


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.phases[0].value}-{row.event.__name__}")
def test_whoever_may_not_is_refused_before_anything_else_is_asked(row):
    """An event with nothing in it: for a role that may not, the role is the first thing that is wrong with it."""
    (who,) = (name for name, kinds in MAY.items() if row.event in kinds)
    if row.event is e.Cancel and Phase.BOOKED not in row.phases:
        who = "clinician"  # the desk cancels what is booked, and nobody who is in the house
    empty = {f.name: None for f in fields_of(row.event) if f.name not in ("key", "patient", "by", "happened_s")}
    for by in () if who == "anyone" else {NURSE, DOCTOR, THERAPIST, CLERK} - STANDING[who]:
        run = Case(replace(case().session, phase=row.phases[0], observer=NURSE))
        assert run.refused(row.event, by, **empty).rule == "ROLE", (by, row)


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.parametrize(
    "row", [r for r in TABLE if "reason" in {f.name for f in fields_of(r.event)}], ids=lambda r: r.event.__name__
)
def test_whatever_asks_for_a_reason_is_refused_without_one(row):
    empty = {f.name: None for f in fields_of(row.event) if f.name not in ("key", "patient", "by", "happened_s")}
    run = Case(replace(case().session, phase=row.phases[0], observer=NURSE))
    assert run.refused(row.event, DOCTOR, **{**empty, "reason": " "}).rule == "REASON"


# -- the right person ------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-01", "C3")
def test_an_event_about_another_patient_changes_nothing_whatever_it_is(dosing: Case):
    before = dosing.session
    for kind, fields in ((e.SetMark, {"name": "chest"}), (e.Beat, {}), (e.Pause, {"reason": "x"}), (e.Emergency, {})):
        effects = dosing.send(dosing.event(kind, patient="p2", **fields))
        assert [(one.kind, one.data.rule) for one in effects] == [("refused", "HAZ-01")]
    assert dosing.session == before


@pytest.mark.hazard("HAZ-01", "C1")
@pytest.mark.parametrize(
    ("name", "born"),
    [("Oskar Brandvold", date(1979, 9, 3)), ("Oskar Brandvald", date(1979, 9, 30)), ("Brandvold", date(1979, 9, 30)),
     ("", date(1979, 9, 30)), ("Oscar Brandvold", date(1979, 9, 30)), ("Oskar Brandvold", date(1997, 9, 30))],
)  # fmt: skip
def test_a_near_namesake_does_not_start_a_session(name, born):
    run = case()
    run.do(e.Arrive)
    assert run.refused(e.ConfirmPerson, name=name, born=born).rule == "HAZ-01"
    assert run.refused(e.OpenGate).rule == "PRE-1"


@pytest.mark.hazard("HAZ-01", "C1")
def test_name_and_birth_date_typed_in_any_case_and_spacing_are_the_person(ready: Case):
    run = case()
    run.do(e.Arrive)
    run.do(e.ConfirmPerson, name="  oskar   BRANDVOLD ", born=PERSON.born)
    assert run.session.identity is not None


@pytest.mark.hazard("HAZ-01", "C1")
def test_at_the_dose_the_person_is_asked_again_after_everything_that_changed_it(ready: Case):
    ready.session = replace(ready.session, dose_identity=None)
    assert ready.refused(e.Start, order="o1", version=1, step=1).rule == "HAZ-01"


# -- the order, the draw, the dose -----------------------------------------------------------------------


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("phase", [Phase.BOOKED, Phase.ARRIVED, Phase.GATE, Phase.READY, Phase.PEAK])
def test_an_order_that_breaks_a_limit_is_refused_in_every_phase_that_takes_orders(phase: Phase):
    run = Case(replace(case().session, phase=phase, observer=NURSE))
    made = orders.signed(order("1.2"), DOCTOR, BEGIN)
    assert run.refused(e.SignOrder, DOCTOR, order=made).rule == "DOS-IV"


def test_without_any_order_there_is_nothing_to_start():
    run = case().to_ready()
    run.session = replace(run.session, orders=())
    assert "(none)" in run.refused(e.Start, order="o1", version=1, step=1).text


@pytest.mark.hazard("HAZ-12", "C2")
@pytest.mark.hazard("HAZ-17", "C1")
def test_versions_of_an_order_follow_each_other_and_another_route_is_another_order():
    run = case("sublingual").arrive()
    run.sign(by_mouth())
    for made, rule in (
        (by_mouth("50"), "HAZ-17"), (by_mouth("50", version=3), "HAZ-17"),
        (by_mouth("50", version=2, route="oral"), "HAZ-12"), (by_mouth("50", id="o2"), "HAZ-14"),
    ):  # fmt: skip
        assert run.refused(e.SignOrder, DOCTOR, order=orders.signed(made, DOCTOR, BEGIN)).rule == rule
    run.sign(by_mouth("50", version=2))
    assert [one.version for one in run.session.orders] == [1, 2]


@pytest.mark.hazard("HAZ-26", "C1")
def test_an_order_is_signed_by_the_prescriber_who_sends_it_and_breaks_no_limit():
    run = case().arrive()
    for by, made, rule in (
        (NURSE, orders.signed(order(), NURSE, BEGIN), "ROLE"), (DOCTOR, order(), "ORDER-SIGNED"),
        (OTHER_DOCTOR, orders.signed(order(), DOCTOR, BEGIN), "ORDER-SIGNED"),
        (DOCTOR, orders.signed(order("1.2"), DOCTOR, BEGIN), "DOS-IV"),
    ):  # fmt: skip
        assert run.refused(e.SignOrder, by, order=made).rule == rule


@pytest.mark.hazard("HAZ-11", "C2")
def test_two_people_are_needed_for_a_draw_and_another_vial_voids_the_check(ready: Case):
    made = ready.session.order
    again = orders.drawn(made, "LOT-8", Quantity(Decimal(10), "mg/mL"), STEP_ML, NURSE)
    ready.do(e.DrawUp, draw=again)
    ready.do(e.ConfirmPerson, name=PERSON.name, born=PERSON.born)
    assert ready.refused(e.Start, order="o1", version=1, step=1).rule == "DOS-MG-1"
    assert ready.refused(e.CheckDraw, NURSE, per_ml=Quantity(Decimal(10), "mg/mL")).rule == "DOS-MG-1"
    assert ready.refused(e.CheckDraw, SECOND, per_ml=PER_ML).rule == "DOS-MG-1"
    assert ready.refused(e.CheckDraw, SECOND, per_ml=Quantity(Decimal(10), "mg")).rule == "DOS-MG-1"
    assert ready.refused(e.CheckDraw, THERAPIST, per_ml=Quantity(Decimal(10), "mg/mL")).rule == "ROLE"
    ready.do(e.CheckDraw, SECOND, per_ml=Quantity(Decimal(10), "mg/mL"))
    assert ready.refused(e.Start, order="o1", version=1, step=1).rule == "HAZ-01"
    ready.do(e.ConfirmPerson, name=PERSON.name, born=PERSON.born)
    ready.start()
    dose = ready.session.given[0]
    assert (dose.lot, dose.volume_ml, dose.mg) == ("LOT-8", Decimal("4.10"), DoseMg(Decimal("41.00")))


def test_a_draw_for_another_order_or_in_another_s_name_or_checked_already_is_refused():
    run = case().to_ready()
    made = run.session.order
    draw = orders.drawn(made, "L", PER_ML, STEP_ML, NURSE)
    for wrong, rule in (
        (replace(draw, digest="other"), "HAZ-17"), (replace(draw, by=SECOND), "DOS-MG-1"),
        (replace(draw, checked_by=SECOND), "DOS-MG-1"),
    ):  # fmt: skip
        assert run.refused(e.DrawUp, draw=wrong).rule == rule
    assert run.refused(e.CheckDraw, SECOND, per_ml=PER_ML).rule == "DOS-MG-1"


@pytest.mark.hazard("HAZ-11", "C1")
def test_ten_times_the_order_is_not_charted_as_drawn_up():
    run = case().to_ready()
    draw = orders.drawn(run.session.order, "L", PER_ML, STEP_ML, NURSE)
    tenfold = replace(draw, mg=DoseMg(Decimal(410)), volume_ml=Decimal("8.2"))
    assert run.refused(e.DrawUp, draw=tenfold).rule == "DOS-MG-1"


@pytest.mark.hazard("HAZ-10", "C2")
def test_what_is_charted_holds_amount_per_kg_volume_and_strength_together(dosing: Case):
    dose = dosing.session.given[0]
    assert (str(dose.mg), str(dose.mg_per_kg), dose.volume_ml, str(dose.per_ml)) == (
        "41 mg",
        "0.5 mg/kg",
        Decimal("0.82"),
        "50 mg/mL",
    )
    assert {"mg", "mg_per_kg", "volume_ml", "per_ml"} <= set(Administration.__slots__)


@pytest.mark.hazard("HAZ-14", "C1")
@pytest.mark.goal("RG-06")
def test_a_dose_is_charted_once_whoever_taps_and_however_often(ready: Case, seed: int, count):
    start = {"order": "o1", "version": 1, "step": 1}
    draw = Random(seed)
    for _ in range(count(2_000)):
        run = Case(ready.session, ready.now_s)
        taps = [
            ready.event(e.Start, draw.choice([NURSE, SECOND, DOCTOR]), key=draw.choice(["a", "b", "c"]), **start)
            for _ in range(6)
        ]
        effects = [one for tap in taps for one in run.send(tap)]
        assert len(run.session.given) == 1
        assert sum(entry.after is Phase.DOSING for entry in run.session.log) == 1
        others = [one for one in effects if one.kind in ("repeated", "given-before", "refused")]
        assert len(others) == 5


@pytest.mark.hazard("HAZ-14", "C2")
def test_a_second_attempt_opens_the_first_record(dosing: Case):
    (effect,) = dosing.send(dosing.event(e.Start, SECOND, order="o1", version=1, step=1))
    assert (effect.kind, effect.data) == ("given-before", dosing.session.given[0])


@pytest.mark.hazard("HAZ-36", "C1")
@pytest.mark.hazard("HAZ-14", "C1")
@pytest.mark.goal("RG-04")
def test_a_repeat_returns_the_first_result_and_a_key_used_for_something_else_is_refused(dosing: Case):
    event = dosing.event(e.Read, key="same", measure="spo2", quantity=Quantity(Decimal(97), "%"), taken_s=dosing.now_s)
    dosing.send(event)
    before = dosing.session
    dosing.now_s += 300
    (effect,) = dosing.send(event)
    assert (effect.kind, effect.data.event) == ("repeated", event)
    (effect,) = dosing.send(replace(event, quantity=Quantity(Decimal(79), "%")))
    assert effect.data.rule == "HAZ-14"
    assert dosing.session == before


# -- during the dose -------------------------------------------------------------------------------------


def test_pause_rate_resume_and_finish_stand_with_their_times(dosing: Case):
    dosing.do(e.SetRate, after_s=60, rate=Quantity(Decimal("1.2"), "mL/h"))
    dosing.do(e.Pause, after_s=60, reason="toilet")
    assert dosing.refused(e.Finish).rule == "PHASE"
    dosing.do(e.Resume, after_s=60)
    dosing.do(e.Finish, after_s=60, note="all in")
    dose = dosing.session.given[0]
    start = dose.started.elapsed_s
    assert [(when - start, str(rate)) for when, rate in dose.rates] == [(60, "1.2 mL/h")]
    assert [(a - start, b - start) for a, b in dose.paused_s] == [(120, 180)]
    assert (dose.given_mg, dose.complete, dose.route_note) == (dose.mg, True, "all in")


def test_pause_and_stop_say_why(dosing: Case):
    assert dosing.refused(e.Pause, reason=" ").rule == "REASON"
    assert dosing.refused(e.Stop, reason="", given_mg=DoseMg(Decimal(1))).rule == "REASON"


def test_an_early_stop_keeps_what_was_given_and_asks_for_the_waste(dosing: Case):
    dosing.do(e.Pause, reason="too much")
    for wrong in ("-1", "41.01"):
        assert dosing.refused(e.Stop, reason="too much", given_mg=DoseMg(Decimal(wrong))).rule == "STOP"
    effects = dosing.do(e.Stop, after_s=30, reason="too much", given_mg=DoseMg(Decimal("20.5")))
    dose = dosing.session.given[0]
    assert (dose.complete, str(dose.given_mg), str(dose.mg)) == (False, "20.5 mg", "41 mg")
    assert dose.paused_s[0][1] is not None
    assert Effect("task", ("waste the rest", "LOT-7")) in effects
    assert dosing.session.phase is Phase.STOPPED
    dosing.do(e.Recover)
    assert dosing.session.phase is Phase.RECOVERY


@pytest.mark.parametrize(("drug", "phase"), [("sublingual", Phase.DOSING), ("oral", Phase.PEAK)])
def test_a_lozenge_is_held_and_a_swallowed_dose_is_given_at_once(drug, phase):
    made = by_mouth(route=drug) if drug == "sublingual" else replace(order(), route="oral", duration_min=None)
    run = case(drug).to_dosing(made)
    assert run.session.phase is phase
    if phase is Phase.DOSING:
        for wrong in (
            {},
            {"held_min": Decimal(10)},
            {"held_min": Decimal(-1), "ended": "swallowed"},
            {"ended": "spat out"},
        ):
            assert run.refused(e.Finish, **wrong).rule == "RTE-SL"
        run.do(e.Finish, after_s=600, held_min=Decimal(10), ended="spat out", note="mouth rinsed")
        assert run.session.given[0].route_note == "held 10 min, spat out · mouth rinsed"
    assert run.session.running is None


def test_a_stop_with_nothing_running_is_refused():
    run = case("oral").to_dosing(replace(order(), route="oral", duration_min=None))
    run.do(e.Emergency)
    assert run.refused(e.Stop, reason="x", given_mg=DoseMg(Decimal(1))).text == "No dose is running."


def test_a_further_dose_is_a_dose_with_all_that_a_dose_needs():
    run = case("sublingual").to_dosing(by_mouth("50")).watch(30)
    run.finish()
    assert run.refused(e.Start, order="o2", version=1, step=2).rule == "HAZ-17"
    run.sign(by_mouth("50", id="o2", step=2, reason="little effect"))
    assert run.refused(e.Start, order="o2", version=1, step=2).rule == "HAZ-11"
    run.in_hand()
    run.read(systolic=128)
    assert run.refused(e.Start, order="o2", version=1, step=2).rule == "SCREEN"
    run.do(e.Judge, SYSTEM, judged=judged())
    run.start()
    assert [dose.step for dose in run.session.given] == [1, 2]
    assert run.session.baseline["systolic"] == 126


@pytest.mark.hazard("HAZ-18", "C1")
def test_a_hold_ordered_first_wins_and_no_drug_goes_on_after_it(dosing: Case):
    ready = case().to_ready().in_hand()
    ready.do(e.AddHold, SYSTEM, hold=Hold("h", "RES-8", "Not reviewed."))
    assert ready.refused(e.Start, order="o1", version=1, step=1).rule == "PHASE"
    effects = dosing.do(e.AddHold, SYSTEM, hold=Hold("h", "RES-8", "Not reviewed."))
    assert {one.kind for one in effects} == {"reopened", "advise"}
    dosing.do(e.Pause, reason="on hold")
    assert dosing.refused(e.Resume).rule == "RES-8"
    dosing.do(e.LiftHold, DOCTOR, hold="h", reason="reviewed")
    dosing.do(e.Resume)


@pytest.mark.hazard("HAZ-18", "C1")
@pytest.mark.hazard("HAZ-26", "C1")
def test_the_gate_is_asked_again_at_the_dose_itself(ready: Case):
    ready.session = replace(ready.session, judged=judged(verdict="hold"))
    assert ready.refused(e.Start, order="o1", version=1, step=1).rule == "SCREEN"


BY_ROUTE = {
    "iv": order(), "sc": order(route="sc", duration_min=None), "im": order("0.4", route="im", duration_min=None),
    "oral": order(route="oral", duration_min=None), "sublingual": by_mouth(),
}  # fmt: skip


@pytest.mark.hazard("HAZ-01", "C1")
@pytest.mark.hazard("HAZ-11", "C2")
@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("route", BY_ROUTE)
def test_by_every_route_a_dose_needs_draw_second_check_person_and_a_green_gate(route: str):
    """Also where it is given in one moment and cannot be stopped."""
    ready = case(route).to_ready(BY_ROUTE[route]).in_hand()
    made = {"order": "o1", "version": 1, "step": 1}
    for changes, rule in (
        ({"draw": None}, "HAZ-11"), ({"draw": replace(ready.session.draw, checked_by=None)}, "DOS-MG-1"),
        ({"draw": replace(ready.session.draw, digest="other")}, "HAZ-11"), ({"dose_identity": None}, "HAZ-01"),
        ({"judged": judged(verdict="hold")}, "SCREEN"), ({"identity": None}, "PRE-1"),
        ({"holds": (Hold("h", "RES-8", "Not reviewed."),)}, "RES-8"),
    ):  # fmt: skip
        run = Case(replace(ready.session, **changes), ready.now_s, keys=ready.keys)
        assert run.refused(e.Start, **made).rule == rule
    ready.start()
    assert ready.session.phase is (Phase.DOSING if route in ("iv", "sublingual") else Phase.PEAK)
    assert (ready.session.running is None) is (route not in ("iv", "sublingual"))


@pytest.mark.hazard("HAZ-18", "C2")
def test_a_hold_shows_on_every_screen_and_only_a_prescriber_ends_it():
    run = case()
    effects = run.do(e.AddHold, SYSTEM, hold=Hold("h", "HAZ-22", "The plan needs review."))
    assert [one.kind for one in effects] == ["reopened"]
    assert run.refused(e.LiftHold, CLERK, hold="h", reason="x").rule == "ROLE"


def test_after_red_no_drug_goes_on(dosing: Case):
    dosing.do(e.SetMark, name="headache")
    dosing.do(e.Pause, reason="red")
    assert dosing.refused(e.Resume).rule == "ALT-CP"
    (alert,) = dosing.session.open_alerts()
    dosing.do(e.Settle, DOCTOR, alert=alert.id, reason="gone")
    assert dosing.refused(e.Resume).rule == "ALT-CP"


# -- emergency -------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-47", "C1")
def test_one_tap_by_anyone_opens_an_emergency_and_asks_for_nothing(dosing: Case):
    effects = dosing.do(e.Emergency, CLERK)
    assert dosing.session.phase is Phase.ESCALATED
    assert {one.kind for one in effects} >= {"advise", "escalate", "incident", "hold-next"}
    assert set(e.Emergency.__slots__) == set()
    (alert,) = dosing.session.open_alerts("red")
    assert (alert.about, alert.owner, [reach.ring for reach in alert.reached][:3]) == (
        "emergency",
        NURSE,
        ["bedside", "room", "prescriber"],
    )
    assert dosing.told("advise")[0] == "Stop the drug first."
    assert "Stop the drug first." not in [one.data for one in case().arrive().do(e.Emergency)]


@pytest.mark.parametrize(("false_alarm", "rule"), [(True, None), (False, "RES-8")])
def test_only_a_false_alarm_lets_the_day_go_on(false_alarm, rule):
    run = case().to_ready()
    run.do(e.Emergency, CLERK)
    run.do(e.EmergencyOver, DOCTOR, reason="tapped by mistake", false_alarm=false_alarm)
    assert run.session.open_alerts() == ()
    run.do(e.OpenGate)
    if rule is None:
        run.do(e.PassGate)
    else:
        assert run.refused(e.PassGate).rule == rule


def test_an_emergency_whose_alert_a_prescriber_settled_before_is_over_all_the_same(dosing: Case):
    dosing.do(e.Stop, reason="calm", given_mg=DoseMg(Decimal(5)))
    dosing.do(e.Emergency)
    (alert,) = dosing.session.open_alerts()
    dosing.do(e.Settle, DOCTOR, alert=alert.id, reason="well")
    dosing.do(e.EmergencyOver, DOCTOR, reason="well")
    assert dosing.session.phase is Phase.RECOVERY


def test_an_emergency_is_ended_by_a_prescriber_with_the_drug_stopped_and_leads_to_recovery(dosing: Case):
    dosing.do(e.Emergency)
    assert dosing.refused(e.EmergencyOver, NURSE, reason="well").rule == "ROLE"
    assert dosing.refused(e.EmergencyOver, DOCTOR, reason=" ").rule == "REASON"
    assert dosing.refused(e.EmergencyOver, DOCTOR, reason="well").rule == "RES-1"
    dosing.do(e.Stop, reason="emergency", given_mg=DoseMg(Decimal(5)))
    dosing.do(e.EmergencyOver, DOCTOR, reason="vagal, well")
    assert dosing.session.phase is Phase.RECOVERY


def test_an_emergency_before_the_dose_leads_back_to_the_start_of_the_checks():
    run = case().to_ready()
    run.do(e.Emergency)
    run.do(e.EmergencyOver, DOCTOR, reason="fainted, well")
    assert run.session.phase is Phase.ARRIVED


# -- the watch -------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-42", "C1")
def test_the_old_observer_stays_until_the_new_one_has_taken_the_watch(dosing: Case):
    offer = {"to": SECOND, "summary": "calm, next check 09:10"}
    assert dosing.refused(e.OfferWatch, SECOND, **offer).rule == "HAZ-42"
    assert dosing.refused(e.OfferWatch, NURSE, to=NURSE, summary="x").rule == "HAZ-42"
    assert dosing.refused(e.OfferWatch, NURSE, to=CLERK, summary="x").rule == "HAZ-42"
    assert dosing.refused(e.TakeWatch, SECOND).rule == "HAZ-42"
    dosing.do(e.OfferWatch, **offer)
    assert dosing.session.observer == NURSE
    assert dosing.refused(e.TakeWatch, THERAPIST).rule == "HAZ-42"
    dosing.do(e.TakeWatch, SECOND)
    assert (dosing.session.observer, dosing.session.offered) == (SECOND, None)


@pytest.mark.hazard("HAZ-42", "C1")
@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.parametrize(("others", "may"), [({"n2": 0}, True), ({"n2": 1}, False), ({}, False)])
def test_in_the_acute_phase_the_watch_goes_to_somebody_who_is_known_to_be_free(dosing: Case, others, may):
    dosing.do(e.OfferWatch, to=SECOND, summary="calm")
    dosing.do(e.DutyNow, SYSTEM, duty=replace(DUTY, others=others))
    if may:
        dosing.do(e.TakeWatch, SECOND)
    else:
        assert dosing.refused(e.TakeWatch, SECOND).rule == "WATCH-ACUTE"
        assert dosing.session.observer == NURSE


def test_outside_the_acute_phase_one_person_may_watch_several():
    run = case().to_recovery()
    run.do(e.OfferWatch, to=SECOND, summary="calm")
    run.do(e.DutyNow, SYSTEM, duty=replace(DUTY, others={"n2": 3}))
    run.do(e.TakeWatch, SECOND)


def test_a_session_begins_with_somebody_who_may_watch():
    assert case().refused(e.Arrive, CLERK).rule == "ROLE"
    run = case()
    assert run.refused(e.Cancel, CLERK, reason="").rule == "REASON"
    run.do(e.Cancel, CLERK, reason="fever")
    assert run.session.phase is Phase.CANCELLED
    assert RUNNING.isdisjoint(ENDED)


@pytest.mark.hazard("HAZ-33", "C1")
def test_who_is_in_the_house_is_cancelled_by_a_clinician_and_not_with_a_red_alert_open():
    run = case().to_gate()
    run.read(systolic=195)
    assert run.refused(e.Cancel, CLERK, reason="went home").rule == "ROLE"
    assert run.refused(e.Cancel, reason="went home").rule == "ALT-SBP"
    (alert,) = run.session.open_alerts("red")
    run.do(e.Settle, DOCTOR, alert=alert.id, reason="own doctor sees him now")
    run.do(e.Cancel, reason="pressure")
    assert run.session.phase is Phase.CANCELLED


def test_a_nurse_and_no_therapist_passes_the_gate():
    run = case().to_gate()
    assert run.refused(e.PassGate, THERAPIST).rule == "ROLE"


@pytest.mark.hazard("HAZ-45", "C2")
@pytest.mark.hazard("HAZ-19", "C2")
def test_a_session_keeps_the_content_it_was_booked_with(dosing: Case):
    kept = dosing.session.protocol
    dosing.watch(20)
    assert dosing.session.protocol is kept
    assert kept.content and dosing.session.lines == kept.lines


def test_answers_of_leaving_may_be_given_by_a_therapist_and_not_by_a_clerk(dosing: Case):
    dosing.do(e.Answer, THERAPIST, name="oriented", truth=Truth.TRUE)
    assert dosing.refused(e.Answer, CLERK, name="oriented", truth=Truth.TRUE).rule == "ROLE"
    assert step(dosing.session, dosing.event(e.Beat, SYSTEM), dosing.stamp())[0].day == DAY
