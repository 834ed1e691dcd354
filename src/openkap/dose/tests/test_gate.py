"""The gate: green, or the reasons; unknown is never green."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from openkap.dose import events as e
from openkap.dose import orders
from openkap.dose.gate import baseline_age_s, decidable, deciders, gate, green, judged, reasons
from openkap.dose.library import protocol
from openkap.dose.lines import read_back
from openkap.dose.tests.sessions import (
    BEGIN,
    CLERK,
    DAY,
    DOCTOR,
    DUTY,
    NURSE,
    OTHER_DOCTOR,
    PERSON,
    SECOND,
    SYSTEM,
    THERAPIST,
    WEIGHT,
    Case,
    by_mouth,
    case,
    order,
)
from openkap.dose.tests.sessions import judged as made
from openkap.dose.types import DoseDay, Duty, Finding, Hold, Phase, Staff, Stamp
from openkap.kernel.quantity import Quantity
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.screen.types import Finding as Found
from openkap.screen.types import Screening


def shut(run: Case) -> dict[str, Truth]:
    """What keeps the gate shut, by row."""
    found = reasons(gate(run.session, run.stamp()))
    for line in found:  # why, and what to do; of content the reason says both
        remedy = line.text if line.row == "CONTENT" else line.remedy
        for said in (line.text, remedy):
            assert isinstance(said, str) and len(said) > 3 and said != said.upper(), line
        assert not remedy[0].islower() and remedy.endswith("."), line
    return {line.row: line.met for line in found}


@pytest.fixture
def at_gate() -> Case:
    return case().to_gate()


def test_with_everything_known_and_good_it_is_green(at_gate: Case):
    assert shut(at_gate) == {}
    assert green(gate(at_gate.session, at_gate.stamp()))
    assert not green(())
    at_gate.do(e.PassGate)
    assert at_gate.session.phase is Phase.READY


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.goal("RG-20")
def test_a_session_of_which_nothing_is_known_is_shut_with_every_reason():
    run = Case(replace(case().session, dose_times=None))
    run.do(e.Arrive)
    found = shut(run)
    items = {item.row for item in run.session.protocol.items if item.only not in ("later", "apart")}
    named = {"PRE-1", "PRE-8", "SCREEN", "ORDER-SIGNED", "WATCH-ACUTE", "WATCH-BASELINE", "DOS-FREQ-1", "LOW-FEAR"}
    assert set(found) == items | named
    assert set(found.values()) == {Truth.UNKNOWN}


# Every single thing that the gate asks, taken away or made unknown from an otherwise green session.
def without(run: Case, **changes) -> Case:
    run.session = replace(run.session, **changes)
    return run


YESTERDAY = DAY - timedelta(days=1)


def lost(field: str, place: int):
    return lambda s: {field: tuple(one for i, one in enumerate(getattr(s, field)) if i != place)}


def changed(field: str, place: int, **changes):
    return lambda s: {
        field: tuple(replace(one, **changes) if i == place else one for i, one in enumerate(getattr(s, field)))
    }


TAKEN = {
    "identity": lambda s: {"identity": None},
    "judgement": lambda s: {"judged": None},
    "a judgement of another day": lambda s: {"judged": made(day=YESTERDAY)},
    "an unfinished judgement": lambda s: {"judged": made(verdict="insufficient")},
    "order": lambda s: {"orders": ()},
    "signature": lambda s: {"orders": (replace(s.orders[-1], signature=None),)},
    "earlier doses": lambda s: {"dose_times": None},
    "fear": lambda s: {"fear": None},
    "watch": lambda s: {"duty": Duty()},
    **{f"no answer {n}": lost("checks", n) for n in range(8)},
    **{f"unknown answer {n}": changed("checks", n, truth=Truth.UNKNOWN) for n in range(8)},
    **{f"answer no {n}": changed("checks", n, truth=Truth.FALSE) for n in range(8)},
    **{f"yesterday's answer {n}": changed("checks", n, stamp=Stamp(0, BEGIN, YESTERDAY)) for n in range(8)},
    **{f"no reading {n}": lost("readings", n) for n in range(6)},
    **{f"void reading {n}": changed("readings", n, voided="x") for n in range(6)},
    **{f"unconfirmed reading {n}": changed("readings", n, confirmed=False) for n in range(5)},
}


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.goal("RG-20")
@pytest.mark.parametrize("what", TAKEN)
def test_anything_missing_unknown_void_or_of_another_day_shuts_it(what: str):
    at_gate = case(maintenance=True, doses=1).to_gate()
    assert green(gate(at_gate.session, at_gate.stamp()))
    without(at_gate, **TAKEN[what](at_gate.session))
    assert not green(gate(at_gate.session, at_gate.stamp()))
    assert at_gate.refused(e.PassGate).text.startswith("The gate is shut: ")


# -- what the chart says ---------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.hazard("HAZ-18", "C1")
@pytest.mark.parametrize("verdict", ["hold", "exclude", "insufficient"])
def test_a_verdict_that_holds_shuts_it_even_where_no_finding_is_named(at_gate: Case, verdict: str):
    at_gate.do(e.Judge, SYSTEM, judged=made(verdict=verdict))
    assert shut(at_gate) == {"SCREEN": Truth.UNKNOWN}


@pytest.mark.hazard("HAZ-26", "C2")
def test_a_blocking_finding_shuts_it_and_nobody_can_decide_it_away(at_gate: Case):
    blocking = [Finding("SCR-PREG-1", Truth.FALSE, "Pregnant.", "No dose.")]
    at_gate.do(e.Judge, SYSTEM, judged=made(blocking=blocking, verdict="exclude"))
    assert shut(at_gate) == {"SCR-PREG-1": Truth.FALSE}
    assert at_gate.refused(e.Decide, DOCTOR, row="SCR-PREG-1", reason="wishes it").rule == "HAZ-26"


@pytest.mark.hazard("HAZ-26", "C2")
def test_a_caution_wants_what_was_done_about_it_in_writing_by_name():
    run = case().to_gate(found=made("SCR-PD-1"))
    assert shut(run) == {"SCR-PD-1": Truth.FALSE}
    assert run.refused(e.Decide, NURSE, row="SCR-PD-1", reason=" ").rule == "REASON"
    assert run.refused(e.Decide, CLERK, row="SCR-PD-1", reason="x").rule == "ROLE"
    run.do(e.Decide, NURSE, row="SCR-PD-1", reason="prepared, therapist in the room")
    assert shut(run) == {}


@pytest.mark.hazard("HAZ-21", "C1")
def test_a_decision_holds_for_the_words_it_was_made_on_and_for_no_other_values():
    raised = Finding("SCR-HTN-2", Truth.FALSE, "Mean pressure 145/92 mmHg.", "")
    run = case().to_gate(found=replace(made(verdict="caution"), cautions=(raised,)))
    run.do(e.Decide, NURSE, row="SCR-HTN-2", reason="own doctor told")
    assert shut(run) == {}
    higher = replace(raised, text="Mean pressure 155/98 mmHg.")
    run.do(e.Judge, SYSTEM, judged=replace(made(verdict="caution"), cautions=(higher,)))
    assert shut(run) == {"SCR-HTN-2": Truth.FALSE}


def finding(class_: str, truth: Truth, missing: str | None = None, *, conflict: bool = False) -> Found:
    return Found("SCR-X", "x", class_, truth, missing, (), "because", "do", (), "NONE", True, False, conflict=conflict)  # type: ignore[arg-type]


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(
    ("found", "verdict", "blocking", "cautions"),
    [
        ((), "eligible", [], []),
        ((finding("caution", Truth.TRUE),), "caution", [], [Truth.FALSE]),
        ((finding("hold", Truth.TRUE),), "hold", [Truth.FALSE], []),
        ((finding("exclude", Truth.TRUE),), "exclude", [Truth.FALSE], []),
        ((finding("hold", Truth.UNKNOWN, "MB"),), "insufficient", [Truth.UNKNOWN], []),
        ((finding("caution", Truth.UNKNOWN, "MC"),), "caution", [], [Truth.UNKNOWN]),
        ((finding("caution", Truth.UNKNOWN, "MC", conflict=True),), "insufficient", [Truth.UNKNOWN], []),
        ((finding("inform", Truth.TRUE), finding("hold", Truth.FALSE)), "eligible", [], []),
    ],
)  # fmt: skip
def test_a_screening_becomes_what_blocks_and_what_wants_a_decision(found, verdict, blocking, cautions):
    result = judged(DoseDay(Screening(verdict, found, (), "demonstration", dose_day=True)), DAY, "p1")
    assert [f.met for f in result.blocking] == blocking
    assert [f.met for f in result.cautions] == cautions
    assert result.verdict == verdict


@pytest.mark.hazard("HAZ-21", "C1")
def test_a_screening_that_is_none_of_the_dose_day_clears_nobody(at_gate: Case):
    result = judged(DoseDay(Screening("eligible", (), (), "demonstration"), WEIGHT), DAY, "p1")
    at_gate.do(e.Judge, SYSTEM, judged=result)
    assert shut(at_gate) == {"SCREEN": Truth.UNKNOWN}


@pytest.mark.hazard("HAZ-21", "C1")
def test_readings_after_the_judgement_ask_for_a_new_one(at_gate: Case):
    at_gate.now_s += 1
    at_gate.read(heart_rate=74)
    assert shut(at_gate) == {"SCREEN": Truth.UNKNOWN}
    at_gate.do(e.Judge, SYSTEM, judged=made())
    assert shut(at_gate) == {}


@pytest.mark.hazard("HAZ-21", "C1")
def test_a_reading_in_the_second_of_the_judgement_asks_for_a_new_one_too(at_gate: Case):
    at_gate.do(e.PassGate)
    at_gate.read(systolic=170)
    assert at_gate.session.phase is Phase.GATE
    assert "SCREEN" in shut(at_gate)


@pytest.mark.hazard("HAZ-21", "C1")
def test_a_value_struck_after_the_judgement_asks_for_a_new_one(at_gate: Case):
    at_gate.now_s += 60
    at_gate.read(systolic=138)
    at_gate.do(e.Judge, SYSTEM, judged=made())
    assert shut(at_gate) == {}
    at_gate.do(e.Correct, reading=at_gate.session.readings[-1].id, reason="arm moved")
    assert shut(at_gate) == {"SCREEN": Truth.UNKNOWN}


@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.hazard("HAZ-01", "C3")
def test_a_judgement_of_another_patient_or_an_older_chart_is_refused(at_gate: Case):
    assert at_gate.refused(e.Judge, SYSTEM, judged=replace(made(), patient="p2")).rule == "HAZ-01"
    at_gate.do(e.Judge, SYSTEM, judged=replace(made(), chart_version=7))
    assert at_gate.refused(e.Judge, SYSTEM, judged=replace(made(), chart_version=6)).rule == "HAZ-21"
    at_gate.do(e.Judge, SYSTEM, judged=replace(made(), chart_version=7))


@pytest.mark.hazard("HAZ-21", "C2")
def test_a_long_wait_reopens_what_was_measured_and_judged_and_not_before_its_limit(at_gate: Case):
    """Baseline minute -5 and the prescriber's 10 min of MON-X: 15 min."""
    assert baseline_age_s(at_gate.session.protocol) == 900
    at_gate.do(e.PassGate)
    at_gate.wait(15)
    assert at_gate.session.phase is Phase.READY
    at_gate.wait(1 / 60, step_s=1)
    assert at_gate.session.phase is Phase.GATE
    assert shut(at_gate) == {"WATCH-BASELINE": Truth.UNKNOWN, "SCREEN": Truth.UNKNOWN}
    line = next(f for f in reasons(gate(at_gate.session, at_gate.stamp())) if f.row == "WATCH-BASELINE")
    assert line.text == "Systolic pressure: 126 mmHg, 15 min old, limit 15 min."


# -- pressure, frequency, fear ---------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-21", "C1")
def test_raised_pressure_is_taken_three_times_ten_minutes_apart_and_then_decided_by_a_prescriber():
    run = case().to_gate(found=made("BPG-2"))
    assert set(shut(run)) == {"BPG-2", "WATCH-GATE-BP"}
    for wait, rest in ((599, 1), (600, 0)):
        run.now_s += wait
        run.read(systolic=144, diastolic=92)
        run.now_s += rest
    run.now_s += 1
    run.check(systolic=143)
    run.do(e.Judge, SYSTEM, judged=made("BPG-2"))
    assert set(shut(run)) == {"BPG-2", "WATCH-GATE-BP"}  # 599 s are not 10 min
    run.now_s += 600
    run.check(systolic=143)
    run.do(e.Judge, SYSTEM, judged=made("BPG-2"))
    assert set(shut(run)) == {"BPG-2"}
    assert run.refused(e.Decide, NURSE, row="BPG-2", reason="proceed").rule == "ROLE"
    run.do(e.Decide, DOCTOR, row="BPG-2", reason="proceed, lower dose")
    assert shut(run) == {}


def earlier(*hours: float):
    return tuple(BEGIN - timedelta(hours=h) for h in hours)


@pytest.mark.hazard("HAZ-15", "C1")
@pytest.mark.parametrize(
    ("hours", "rows"),
    [((), set()), ((48,), set()), ((47.99,), {"DOS-FREQ-2"}), ((50, 100), set()), ((50, 100, 150), {"DOS-FREQ-1"}),
     ((50, 100, 168), set()), ((24, 72, 120, 160), {"DOS-FREQ-1", "DOS-FREQ-2"})],
)  # fmt: skip
def test_doses_too_close_or_too_many_shut_it(at_gate: Case, hours, rows):
    without(at_gate, dose_times=earlier(*hours))
    assert set(shut(at_gate)) == rows


@pytest.mark.hazard("HAZ-15", "C1")
def test_a_fourth_dose_needs_one_prescriber_s_reason_a_fifth_knows_none_and_two_close_ones_need_two(at_gate: Case):
    without(at_gate, dose_times=earlier(50, 100, 150))
    assert at_gate.refused(e.Decide, NURSE, row="DOS-FREQ-1", reason="relapse").rule == "ROLE"
    at_gate.do(e.Decide, DOCTOR, row="DOS-FREQ-1", reason="relapse")
    assert shut(at_gate) == {}
    without(at_gate, dose_times=earlier(24))
    at_gate.do(e.Decide, DOCTOR, row="DOS-FREQ-2", reason="travels")
    assert set(shut(at_gate)) == {"DOS-FREQ-2"}
    at_gate.do(e.Decide, OTHER_DOCTOR, row="DOS-FREQ-2", reason="agreed")
    assert shut(at_gate) == {}
    without(at_gate, dose_times=earlier(50, 100, 130, 160))
    assert at_gate.refused(e.Decide, DOCTOR, row="DOS-FREQ-1", reason="please").rule == "HAZ-26"


def test_earlier_doses_that_broke_a_rule_are_past(at_gate: Case):
    without(at_gate, dose_times=earlier(100, 101))
    assert shut(at_gate) == {}


@pytest.mark.hazard("HAZ-15", "C1")
def test_what_was_taken_elsewhere_is_asked_and_unknown_holds(at_gate: Case):
    without(at_gate, checks=tuple(c for c in at_gate.session.checks if c.name != "exposure-asked"))
    assert shut(at_gate) == {"GATE-EXPOSURE": Truth.UNKNOWN}


@pytest.mark.parametrize(("fear", "rows"), [(6, set()), (7, {"LOW-FEAR"}), (10, {"LOW-FEAR"})])
def test_fear_of_the_session_at_its_line_is_the_prescriber_s_to_decide(at_gate: Case, fear, rows):
    at_gate.do(e.Answer, name="fear-asked", truth=Truth.TRUE, number=Decimal(fear))
    assert set(shut(at_gate)) == rows
    if not rows:
        assert at_gate.refused(e.Decide, DOCTOR, row="LOW-FEAR", reason="x").rule == "HAZ-26"
        return
    at_gate.do(e.Decide, DOCTOR, row="LOW-FEAR", reason="low start, therapist stays")
    assert shut(at_gate) == {}


def test_fear_outside_its_scale_and_a_question_that_is_none_are_refused(at_gate: Case):
    for number in (-1, 11):
        said = at_gate.refused(e.Answer, name="fear-asked", truth=Truth.TRUE, number=Decimal(number))
        assert "not between 0 and 10" in said.text
    assert at_gate.refused(e.Answer, name="bulk", truth=Truth.TRUE).rule == "ANSWER"


# -- holds, watch, content -------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-51", "C1")
@pytest.mark.hazard("HAZ-18", "C1")
@pytest.mark.hazard("HAZ-03", "C2")
@pytest.mark.parametrize("cause", ["RES-8", "HAZ-03", "HAZ-22"])
def test_an_open_hold_shuts_it_until_a_prescriber_lifts_it_with_a_reason(at_gate: Case, cause):
    at_gate.do(e.PassGate)
    effects = at_gate.do(e.AddHold, SYSTEM, hold=Hold("h1", cause, "Not reviewed."))
    assert at_gate.session.phase is Phase.GATE
    assert "reopened" in {one.kind for one in effects}
    assert shut(at_gate) == {cause: Truth.FALSE}
    assert at_gate.refused(e.LiftHold, NURSE, hold="h1", reason="ok").rule == "ROLE"
    assert at_gate.refused(e.LiftHold, DOCTOR, hold="h1", reason="").rule == "REASON"
    assert at_gate.refused(e.LiftHold, DOCTOR, hold="h2", reason="ok").rule == "HOLD"
    at_gate.do(e.LiftHold, DOCTOR, hold="h1", reason="reviewed")
    assert shut(at_gate) == {}


@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.parametrize(("others", "met"), [({"n1": 0}, None), ({"n1": 1}, Truth.FALSE), ({}, Truth.UNKNOWN)])
def test_one_person_watches_one_patient_in_the_acute_phase(at_gate: Case, others, met):
    without(at_gate, duty=Duty(DUTY.rings, DUTY.live, others))
    assert shut(at_gate).get("WATCH-ACUTE") is met


@pytest.mark.hazard("HAZ-24", "C1")
def test_unsigned_content_lets_nobody_through(at_gate: Case, tmp_path: Path):
    without(at_gate, protocol=protocol(Site.open(tmp_path), "iv", "ketamine", DAY))
    assert shut(at_gate)["CONTENT"] is Truth.FALSE
    text = next(f.text for f in gate(at_gate.session, at_gate.stamp()) if f.row == "CONTENT")
    assert "must review and sign them" in text


@pytest.mark.hazard("HAZ-50", "C2")
def test_the_next_dose_asks_how_integration_went_and_the_first_does_not():
    first = case(doses=0).to_gate()
    without(first, checks=tuple(c for c in first.session.checks if c.name != "integration-done"))
    assert shut(first) == {}
    run = case(doses=1).to_gate()
    asked = tuple(c for c in run.session.checks if c.name != "integration-done")
    without(run, checks=asked)
    assert shut(run) == {"GATE-INTEGRATION": Truth.UNKNOWN}
    assert "Write it down" in run.refused(e.Answer, name="integration-done", truth=Truth.TRUE).text
    run.do(e.Answer, name="integration-done", truth=Truth.TRUE, note="She spoke of her father.")
    assert shut(run) == {}
    without(run, checks=asked, doses=None)
    assert shut(run) == {"GATE-INTEGRATION": Truth.UNKNOWN}  # whether there was a dose before is not known


@pytest.mark.hazard("HAZ-50", "C2")
@pytest.mark.parametrize("class_", ["caution", "hold"])
def test_integration_that_did_not_take_place_is_a_caution_or_a_hold_as_the_protocol_says(class_: str):
    run = case(doses=1)
    items = tuple(replace(i, unmet=class_) if i.name == "integration-done" else i for i in run.session.protocol.items)
    assert next(i for i in run.session.protocol.items if i.name == "integration-done").unmet == "caution"  # as it ships
    run.session = replace(run.session, protocol=replace(run.session.protocol, items=items))
    run.to_gate().do(e.Answer, name="integration-done", truth=Truth.FALSE, note="Therapist was ill.")
    assert shut(run) == {"GATE-INTEGRATION": Truth.FALSE}
    if class_ == "hold":
        assert run.refused(e.Decide, DOCTOR, row="GATE-INTEGRATION", reason="she is well").rule == "HAZ-26"
        return
    run.do(e.Decide, NURSE, row="GATE-INTEGRATION", reason="Call with the therapist today, session tomorrow.")
    assert shut(run) == {}


@pytest.mark.hazard("HAZ-40", "C2")
def test_a_changed_limit_asks_for_the_read_back_again(at_gate: Case):
    at_gate.now_s += 1
    limit = {"row": "ALT-SBP", "name": "red", "value": Decimal(170), "reason": "aneurysm in the family"}
    at_gate.do(e.SetLimit, DOCTOR, **limit)
    assert shut(at_gate) == {"GATE-LIMITS": Truth.UNKNOWN}
    before = read_back(replace(at_gate.session, lines=at_gate.session.protocol.lines))
    stale = {"name": "limits-read", "truth": Truth.TRUE, "note": before}
    assert at_gate.refused(e.Answer, **stale).rule == "HAZ-40"  # the page was of before the change
    now = {**stale, "note": read_back(at_gate.session)}
    assert at_gate.refused(e.Answer, THERAPIST, **now).rule == "ROLE"
    at_gate.do(e.Answer, **now)
    assert shut(at_gate) == {}


@pytest.mark.hazard("HAZ-41", "C2")
def test_a_screen_passes_once_it_showed_what_it_was_sent_to_whoever_watches(at_gate: Case):
    yes = {"name": "sound-tested", "truth": Truth.TRUE, "note": "seen"}
    assert at_gate.refused(e.Answer, **yes).rule == "HAZ-41"  # an earlier trial is of an earlier answer
    at_gate.do(e.TryScreen, device="tablet")
    assert at_gate.refused(e.Answer, **yes).rule == "HAZ-41"  # it has not shown anything yet
    trial = at_gate.session.trial.id
    assert at_gate.refused(e.Receipt, SECOND, alert=trial).rule == "RECEIPT"
    at_gate.do(e.Receipt, alert=trial)
    assert at_gate.refused(e.Answer, SECOND, **yes).rule == "HAZ-41"  # it is no screen of hers
    at_gate.do(e.Answer, name="sound-tested", truth=Truth.FALSE, note="not heard")
    assert shut(at_gate) == {"GATE-SOUND": Truth.FALSE}
    at_gate.try_screen()
    at_gate.do(e.Answer, **yes)
    assert shut(at_gate) == {}
    at_gate.do(e.OfferWatch, to=SECOND, summary="calm")
    at_gate.do(e.TakeWatch, SECOND)
    assert shut(at_gate)["GATE-SOUND"] is Truth.UNKNOWN


@pytest.mark.hazard("HAZ-41", "C2")
@pytest.mark.hazard("HAZ-46", "C1")
@pytest.mark.parametrize(
    ("name", "row"),
    [("sound-tested", "GATE-SOUND"), ("sheet-saved", "GATE-SHEET"), ("consent-current", "GATE-CONSENT")],
)
def test_sound_sheet_and_consent_answered_no_shut_it(at_gate: Case, name, row):
    at_gate.do(e.Answer, name=name, truth=Truth.FALSE)
    assert shut(at_gate) == {row: Truth.FALSE}


@pytest.mark.hazard("HAZ-01", "C1")
def test_a_gate_that_shuts_again_says_why_and_asks_anew_who_the_patient_is(at_gate: Case):
    at_gate.do(e.PassGate)
    at_gate.in_hand()
    effects = at_gate.do(e.Answer, name="consent-current", truth=Truth.FALSE)
    (why,) = (one.data for one in effects if one.kind == "reopened")
    assert at_gate.session.phase is Phase.GATE
    assert [f.row for f in reasons(why)] == ["GATE-CONSENT"]
    at_gate.do(e.Answer, name="consent-current", truth=Truth.TRUE)
    at_gate.do(e.PassGate)
    assert at_gate.refused(e.Start, order="o1", version=1, step=1).rule == "HAZ-01"


def test_a_red_alert_before_the_dose_shuts_it_for_the_day(at_gate: Case):
    at_gate.do(e.SetMark, name="chest")
    assert shut(at_gate) == {"ALT-CP": Truth.FALSE}


@pytest.mark.hazard("HAZ-13", "C2")
def test_esketamine_wants_the_site_certified_and_the_patient_enrolled():
    run = case("nasal", "esketamine")
    run.arrive().answer_all().check()
    spray = by_mouth("56", drug="esketamine", route="nasal")
    run.do(e.Judge, SYSTEM, judged=made())
    run.sign(spray)
    assert shut(run) == {}
    run.do(e.Answer, name="patient-enrolled", truth=Truth.FALSE)
    assert shut(run) == {"GATE-ENROLLED": Truth.FALSE}


def test_only_rows_that_stand_there_can_be_decided_on(at_gate: Case):
    assert decidable(at_gate.session, at_gate.stamp()) == {}
    at_gate.do(e.Judge, SYSTEM, judged=made("SCR-PD-1"))
    assert decidable(at_gate.session, at_gate.stamp()) == {"SCR-PD-1": "SCR-PD-1 is a caution."}
    assert deciders("SCR-PD-1") == {Role.PRESCRIBER, Role.NURSE}
    assert deciders("DOS-FREQ-1") == {Role.PRESCRIBER}


def test_an_order_whose_dose_was_given_is_none_for_another():
    assert shut(case().to_dosing())["HAZ-14"] is Truth.FALSE


def test_the_order_is_part_of_the_gate(at_gate: Case):
    assert "over 40 min" in next(f.text for f in gate(at_gate.session, at_gate.stamp()) if f.row == "ORDER-SIGNED")
    late = Staff("d9", "Dr Late (synthetic)", Role.PRESCRIBER)
    without(at_gate, orders=(replace(orders.signed(order(), late, BEGIN), step=2, reason="x"),))
    assert {"HAZ-14", "HAZ-17"} <= set(shut(at_gate))


@pytest.mark.hazard("HAZ-08", "C1")
@pytest.mark.parametrize(("days", "rows"), [(30, set()), (31, {"PRE-9"})])
def test_an_old_weight_shuts_it(at_gate: Case, days, rows):
    weight = replace(order().weight, on=DAY - timedelta(days=days))
    today = replace(made(), weight=weight)
    without(at_gate, judged=today, orders=(orders.signed(order(weight=weight), DOCTOR, BEGIN),))
    assert set(shut(at_gate)) == rows
    assert PERSON.born < date(2000, 1, 1)


@pytest.mark.hazard("HAZ-36", "C1")
def test_an_older_fear_that_comes_in_later_is_not_the_fear_of_now():
    run = case().to_gate()
    run.now_s += 60
    run.do(e.Answer, name="fear-asked", truth=Truth.TRUE, number=Decimal(9))
    run.do(e.Answer, name="fear-asked", truth=Truth.TRUE, number=Decimal(1), happened_s=run.now_s - 60)
    assert run.session.fear == 9


@pytest.mark.hazard("HAZ-37", "C2")
@pytest.mark.goal("RG-11")
@pytest.mark.parametrize(("off_s", "said"), [(60, ""), (61, "ahead by 1 min"), (-86_400, "back by 1440 min")])
def test_a_server_clock_that_was_moved_since_the_last_dose_asks_the_prescriber(at_gate: Case, off_s, said):
    """DOS-FREQ counts on the wall clock: moved ahead, it would let a dose through that comes too early."""
    at_gate.do(e.Judge, SYSTEM, judged=replace(made(), clock_off_s=off_s))
    found = [line for line in reasons(gate(at_gate.session, at_gate.stamp())) if line.row == "HAZ-37"]
    assert bool(found) is bool(said)
    if found:
        assert said in found[0].text
        assert at_gate.refused(e.Decide, NURSE, row="HAZ-37", reason="my watch").rule == "ROLE"
        at_gate.do(e.Decide, DOCTOR, row="HAZ-37", reason="The last dose was nine days ago by the calendar.")
    assert not shut(at_gate)


@pytest.mark.hazard("HAZ-08", "C2")
@pytest.mark.parametrize(
    ("today", "met", "words"),
    [
        (WEIGHT, None, ""),
        (None, Truth.UNKNOWN, "The order was written for 82 kg; the chart has no weight for today: two scales differ"),
        (replace(WEIGHT, quantity=Quantity(Decimal(80), "kg")), Truth.FALSE, "the chart says 80 kg today."),
        (
            replace(WEIGHT, on=DAY + timedelta(days=1)),
            Truth.FALSE,
            "The order was written for 82 kg of 2026-11-29; the chart says 82 kg of 2026-11-30.",
        ),
    ],
)
def test_an_order_is_for_the_weight_that_the_chart_has(at_gate: Case, today, met, words):
    at_gate.do(e.Judge, SYSTEM, judged=replace(made(), weight=today, no_weight="two scales differ"))
    found = {line.row: line for line in reasons(gate(at_gate.session, at_gate.stamp()))}
    assert (found["PRE-9"].met if found else None) is met
    assert not found or words in found["PRE-9"].text


@pytest.mark.hazard("HAZ-22", "C1")
def test_an_order_of_a_plan_that_no_longer_stands_shuts_it(at_gate: Case):
    at_gate.do(e.Judge, SYSTEM, judged=replace(made(), plan_fault="The plan was replaced."))
    assert shut(at_gate) == {"HAZ-22": Truth.FALSE}


@pytest.mark.hazard("HAZ-37", "C2")
def test_a_dose_that_is_recorded_for_later_than_now_is_a_clock_that_is_wrong(at_gate: Case):
    without(at_gate, dose_times=(BEGIN + timedelta(days=2),))
    found = [line for line in reasons(gate(at_gate.session, at_gate.stamp())) if "a clock is wrong" in line.text]
    assert [line.met for line in found] == [Truth.UNKNOWN] and "Set the server's clock right" in found[0].remedy
