"""What is read off a session: time table, totals, note, emergency sheet."""

from dataclasses import replace
from decimal import Decimal

import pytest

from openkap.dose import emergency, record
from openkap.dose import events as e
from openkap.dose.library import shipped
from openkap.dose.tests.sessions import DOCTOR, SECOND, SYSTEM, Case, by_mouth, case
from openkap.dose.types import Duty, Hold
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.kernel.truth import Truth


@pytest.fixture
def whole() -> Case:
    """A session in which much happened."""
    run = case().to_dosing()
    run.do(e.SetRate, after_s=30, rate=Quantity(Decimal("1.2"), "mL/h"))
    run.now_s += 600
    run.check(systolic=158)
    (alert,) = run.session.open_alerts()
    run.do(e.Acknowledge, SECOND, alert=alert.id)
    wrong = run.session.readings[-1]
    run.do(e.Correct, reading=wrong.id, reason="slip", quantity=Quantity(Decimal(4), "{score}"), taken_s=run.now_s)
    run.do(
        e.Correct,
        reading=next(r.id for r in run.session.readings if r.measure == "spo2" and r.taken_s == run.now_s),
        reason="cold finger",
    )
    run.do(e.SetMark, name="vomit", text="a little")
    run.do(e.Note, text="“Floating, a bit scared.”")
    run.do(e.OfferWatch, to=SECOND, summary="amber, taken")
    run.do(e.TakeWatch, SECOND)
    run.do(e.AddHold, SYSTEM, hold=Hold("h", "HAZ-22", "The plan needs review."))
    run.do(e.LiftHold, DOCTOR, hold="h", reason="reviewed")
    run.do(e.SetLimit, DOCTOR, row="ALT-HR", name="red_high", value=Decimal(120), reason="palpitations")
    run.do(e.Pause, reason="on hold")
    run.do(e.Stop, reason="enough", given_mg=DoseMg(Decimal("20.5")))
    run.do(e.Answer, name="walks", truth=Truth.FALSE, note="sways")
    run.do(e.Recover)
    run.do(e.Leave, DOCTOR, how="prescriber agrees", reason="child at home", advice_given=True)
    return run


def test_the_time_table_has_every_entry_with_minute_person_and_change_of_phase(whole: Case):
    lines = record.timetable(whole.session)
    kept = [entry for entry in whole.session.log if type(entry.event) not in (e.Beat, e.DutyNow, e.Receipt)]
    assert len(lines) == len(kept)
    said = {line.text for line in lines}
    for text in (
        "dose 1 begun (ready → dosing)", "rate 1.2 mL/h", "Systolic pressure 158 mmHg", "Vomited a little",
        "draw checked, strength read as 50 mg/mL", "drawn up: 41 mg of lot LOT-7", "“Floating, a bit scared.”",
        "Alertness, MOAA/S 5 points struck, now 4 points: slip", "Oxygen saturation 98 % struck: cold finger",
        "watch offered to Tom Nurse (synthetic): amber, taken", "on hold: The plan needs review.",
        "limit ALT-HR red_high set to 120: palpitations", "Walks unaided? no · sways",
        "drug paused: on hold (dosing → paused)",
        "dose stopped at 20.5 mg: enough (paused → stopped)",
        "hold lifted: reviewed",
        "left early, prescriber agrees: child at home (recovery → left early)",
        "Fear of the session, 0-10, asked today. yes · 3",
    ):  # fmt: skip
        assert text in said, text
    assert [line.minute for line in lines if line.text.startswith("dose 1 begun")] == [0]
    assert any(text.startswith("order signed, version 1: ketamine into a vein (IV) · 41 mg") for text in said)


@pytest.mark.hazard("HAZ-78", "C1")
@pytest.mark.hazard("HAZ-39", "C1")
def test_a_struck_value_stays_in_the_table_with_the_reason(whole: Case):
    (line,) = (x for x in record.timetable(whole.session) if x.text == "Oxygen saturation 98 %" and x.struck)
    assert line.struck == "Ana Nurse (synthetic): cold finger"


@pytest.mark.hazard("HAZ-78", "C1")
@pytest.mark.hazard("HAZ-46", "C2")
def test_an_entry_made_later_stands_where_it_happened_and_is_marked_late():
    run = case().to_dosing()
    measured = run.now_s
    run.do(e.Note, after_s=61, text="a note in between")
    run.read(taken_s=measured, spo2=97)
    run.read(taken_s=run.now_s - 60, spo2=97)
    lines = record.timetable(run.session)
    late = [line for line in lines if line.late]
    assert [(line.happened_s, line.text) for line in late] == [(measured, "Oxygen saturation 97 %")]
    assert [line.text for line in lines].index(late[0].text) < [line.text for line in lines].index("a note in between")
    assert record.timetable(case().arrive().session)[0].minute is None


def test_totals_count_what_was_really_given(whole: Case):
    found = record.totals(whole.session)
    assert (found.doses, str(found.mg), str(found.mg_per_kg), found.complete) == (1, "20.5 mg", "0.25 mg/kg", True)
    assert found.by_lot == (("LOT-7", DoseMg(Decimal("20.5"))),)


def test_a_running_dose_counts_with_what_was_drawn_and_makes_the_sum_incomplete():
    running = record.totals(case().to_dosing().session)
    assert (str(running.mg), running.complete) == ("41 mg", False)
    nothing = record.totals(case().session)
    assert (nothing.doses, str(nothing.mg), nothing.mg_per_kg, nothing.complete) == (0, "0 mg", None, True)
    lozenge = record.totals(case("sublingual").to_dosing(by_mouth()).session)
    assert (str(lozenge.mg), lozenge.mg_per_kg) == ("100 mg", None)


def test_the_note_writes_itself_from_the_record_and_says_what_is_open(whole: Case):
    said = " ".join(record.note(whole.session))
    for text in (
        "left early.", "Ordered: ketamine into a vein (IV) · 41 mg", "Given: ketamine into a vein (IV) · 20.5 mg",
        "stopped early, 41 mg was drawn", "0.82 mL of 50 mg/mL drawn", "Systolic pressure before the dose: 126 mmHg.",
        "taken by Tom Nurse (synthetic)", "2 values were corrected", "taken by nobody; over: left early",
    ):  # fmt: skip
        assert text in said, text
    running = case().to_dosing()
    running.read(systolic=158)
    assert "still running" in " ".join(record.note(running.session))
    assert "still open" in " ".join(record.note(running.session))
    empty = record.note(case().session)
    assert empty[-1] == "No drug was given."


def test_a_decision_and_a_dose_given_whole_stand_in_the_note():
    from openkap.dose.tests.sessions import judged

    run = case("sublingual").to_gate(by_mouth(), judged("SCR-PD-1"))
    run.do(e.Decide, row="SCR-PD-1", reason="prepared")
    run.do(e.PassGate)
    run.in_hand().start()
    run.do(e.Finish, held_min=Decimal(10), ended="spat out")
    said = " ".join(record.note(run.session))
    assert "Decided on SCR-PD-1 by Ana Nurse (synthetic): prepared." in said
    assert "held 10 min, spat out" in said and "mL" not in said
    assert "all of the dose given · held 10 min, spat out (dosing → peak)" in {
        x.text for x in record.timetable(run.session)
    }
    assert "draw checked" in {x.text for x in record.timetable(run.session)}
    run.do(e.Emergency)
    run.do(e.Transfer, to="City hospital", reason="collapse")
    assert "handed over to City hospital: collapse (escalated → transferred)" in {
        x.text for x in record.timetable(run.session)
    }


# -- the emergency sheet ---------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-47", "C1")
def test_the_sheet_has_person_weight_allergies_dose_time_and_contacts_without_a_field_to_fill():
    run = case().to_dosing()
    run.now_s += 600
    run.read(systolic=190)
    found = emergency.sheet(run.session, shipped(), "penicillin", ("Dr Varga 555 01", "911"))
    assert found.who == "Oskar Brandvold, born 1979-09-30"
    assert (found.weight, found.allergies) == ("82 kg, 2026-11-29", "penicillin")
    assert "41 mg · ordered as 0.5 mg/kg · 0.82 mL of 50 mg/mL drawn" in found.given[0]
    assert found.given[0].endswith("10 min ago")
    assert found.contacts == ("Dr Varga 555 01", "911")
    assert "Systolic pressure 190 mmHg, 0 min ago" in found.readings
    assert "Oxygen saturation 98 %, 10 min ago" in found.readings
    assert found.first[0].title == "Pressure red" and found.first[0].now
    assert found.first[0].steps[0].startswith("Into a vein: stop or pause the infusion first.")
    assert not found.first[-1].now
    assert len(found.roles) == 5
    assert found.times


@pytest.mark.hazard("HAZ-47", "C1")
def test_vomiting_brings_the_steps_for_the_airway():
    run = case().to_dosing()
    run.do(e.SetMark, name="vomit")
    first = emergency.sheet(run.session, shipped(), None).first[0]
    assert (first.title, first.now) == ("Vomiting", True)
    assert any("airway" in text for text in first.steps)


@pytest.mark.hazard("HAZ-47", "C1")
@pytest.mark.hazard("HAZ-20", "C1")
def test_what_is_not_known_is_said_to_be_not_known():
    found = emergency.sheet(case().session, shipped(), None)
    assert (found.weight, found.allergies, found.contacts) == ("not known", "not known", ("not known",))
    assert (found.ordered, found.given, found.readings) == ("no order", ("no drug given",), ())


def test_an_overdue_value_says_so_on_the_sheet_and_no_rescue_medicine_has_an_amount():
    run = case().to_dosing()
    run.now_s += 1300
    run.session = replace(run.session, clock=run.stamp())
    found = emergency.sheet(run.session, shipped(), None)
    assert "Systolic pressure 126 mmHg, 21 min ago, overdue" in found.readings
    assert not any(character.isdigit() for _, text in found.drugs for character in text)
    assert Duty().rings == {}
