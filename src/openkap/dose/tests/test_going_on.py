"""What must hold before more of the drug goes in: a further dose, the next device, another rate, going on."""

from dataclasses import replace
from decimal import Decimal

import pytest

from openkap.dose import alerts
from openkap.dose import events as e
from openkap.dose.due import due
from openkap.dose.tests.sessions import DOCTOR, DUTY, NURSE, SECOND, SYSTEM, THERAPIST, Case, by_mouth, case, judged
from openkap.dose.types import Effect, Hold
from openkap.kernel.quantity import Quantity
from openkap.kernel.truth import Truth


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.hazard("HAZ-38", "C1")
def test_a_further_dose_is_not_given_blind_and_ends_no_late_check():
    run = case("sublingual").to_dosing(by_mouth("50"))
    run.finish()
    run.wait(90)
    run.sign(by_mouth("50", id="o2", step=2, reason="little effect"))
    run.in_hand()
    late = {alert.about for alert in run.session.open_alerts()}
    assert late == {"vitals 30", "vitals 45", "vitals 60", "mind 45"}
    assert run.refused(e.Start, order="o2", version=1, step=2).rule == "WATCH-STALE"
    run.check()
    run.do(e.Judge, SYSTEM, judged=judged())
    assert run.refused(e.Start, order="o2", version=1, step=2).rule == "MON-X"
    for _ in late:
        run.now_s += 1  # one check serves one minute of the schedule
        run.check()
    run.do(e.Judge, SYSTEM, judged=judged())
    run.start()
    assert run.session.open_alerts() == ()
    run.now_s = run.session.started_s + 20 * 60 + 1
    run.wait(25)
    assert any(alert.about.endswith("(dose 2)") for alert in run.session.open_alerts())


@pytest.mark.hazard("HAZ-38", "C1")
def test_a_check_of_the_first_dose_that_was_due_stays_due_after_the_second():
    run = case("sublingual").to_dosing(by_mouth("50")).watch(22)
    run.finish()
    run.now_s += 9 * 60  # minute 31: the check of minute 30 is due
    run.sign(by_mouth("50", id="o2", step=2, reason="little effect"))
    run.in_hand()
    due_before = {d.about for d in due(run.session) if d.state == "due"}
    assert due_before
    run.start()
    assert due_before <= {d.about for d in due(run.session) if d.state == "due"}
    run.wait(10)
    assert due_before <= {alert.about for alert in run.session.open_alerts()}


@pytest.mark.goal("RG-08")
@pytest.mark.hazard("HAZ-18", "C1")
def test_after_red_or_on_hold_no_further_device_and_no_rate():
    spray = case("nasal", "esketamine").to_dosing(by_mouth("56", drug="esketamine", route="nasal"))
    spray.do(e.UseDevice)
    spray.now_s += 300
    spray.do(e.AddHold, SYSTEM, hold=Hold("h", "RES-8", "Not reviewed."))
    assert spray.refused(e.UseDevice).rule == "RES-8"
    spray.do(e.LiftHold, DOCTOR, hold="h", reason="reviewed")
    spray.read(systolic=190)
    assert spray.refused(e.UseDevice).rule == "ALT-SBP"
    drip = case().to_dosing()
    drip.read(systolic=190)
    assert drip.refused(e.SetRate, rate=Quantity(Decimal(20), "mL/h")).rule == "ALT-SBP"


@pytest.mark.goal("RG-08")
@pytest.mark.hazard("HAZ-18", "C1")
@pytest.mark.parametrize("answer", [Truth.FALSE, Truth.UNKNOWN])
def test_who_withdraws_consent_gets_no_more_of_the_drug(dosing: Case, answer: Truth):
    effects = dosing.do(e.Answer, name="consent-current", truth=answer)
    assert effects == (Effect("advise", "The patient's consent does not stand: stop the drug."),)
    assert dosing.refused(e.SetRate, rate=Quantity(Decimal(20), "mL/h")).rule == "GATE-CONSENT"
    dosing.do(e.Pause, reason="patient wishes")
    assert dosing.refused(e.Resume).rule == "GATE-CONSENT"
    dosing.do(e.Answer, name="consent-current", truth=Truth.TRUE)
    dosing.do(e.Resume)
    assert dosing.do(e.Answer, name="limits-read", truth=Truth.FALSE) == ()


@pytest.mark.hazard("HAZ-18", "C1")
def test_without_consent_no_further_device_is_used():
    run = case("nasal", "esketamine").to_dosing(by_mouth("56", drug="esketamine", route="nasal"))
    run.do(e.UseDevice)
    run.now_s += 300
    run.do(e.Answer, name="consent-current", truth=Truth.FALSE)
    assert run.refused(e.UseDevice).rule == "GATE-CONSENT"


@pytest.mark.hazard("HAZ-38", "C1")
def test_a_paused_drug_does_not_go_on_while_a_check_is_late(dosing: Case):
    dosing.do(e.Pause, reason="toilet")
    dosing.wait(16)
    assert dosing.refused(e.Resume).rule == "MON-X"
    dosing.check()
    dosing.do(e.Resume)


@pytest.mark.hazard("HAZ-14", "C1")
def test_no_more_devices_are_used_than_the_order_holds():
    run = case("nasal", "esketamine").to_dosing(by_mouth("28", drug="esketamine", route="nasal"))
    run.do(e.UseDevice)
    run.now_s += 300
    said = run.refused(e.UseDevice)
    assert (said.rule, said.text) == ("WATCH-DEVICES", "1 devices are used and the order is 28 mg: no further device.")


@pytest.mark.parametrize(("value", "unit"), [("-9999", "kg"), ("20", "mL"), ("0", "mL/h"), ("-1", "mL/h")])
def test_a_rate_is_a_volume_per_time_above_nought(dosing: Case, value: str, unit: str):
    assert dosing.refused(e.SetRate, rate=Quantity(Decimal(value), unit)).rule == "RATE"


@pytest.mark.hazard("HAZ-17", "C1")
def test_a_nasal_dose_is_whole_when_each_of_its_devices_was_used():
    run = case("nasal", "esketamine").to_dosing(by_mouth("56", drug="esketamine", route="nasal"))
    run.do(e.UseDevice)
    said = run.refused(e.Finish)
    assert said.rule == "WATCH-DEVICES"
    assert said.text.startswith("1 devices were used, which is not the order of 56 mg: use the others, or stop")
    run.now_s += 300
    run.do(e.UseDevice)
    run.do(e.Finish)
    assert run.session.given[-1].complete


@pytest.mark.hazard("HAZ-42", "C1")
@pytest.mark.parametrize(("by", "takes"), [(SECOND, True), (DOCTOR, True), (THERAPIST, False)])
def test_who_handles_the_drug_takes_the_watch_of_one_who_is_out_of_reach(dosing: Case, by, takes):
    assert dosing.refused(e.TakeWatch, by).rule == "HAZ-42"
    dosing.do(e.DutyNow, SYSTEM, duty=replace(DUTY, live=DUTY.live - {NURSE.id}))
    assert [a.about for a in dosing.session.open_alerts()] == [alerts.AWAY]
    if not takes:
        assert dosing.refused(e.TakeWatch, by).rule == "HAZ-42"
        return
    dosing.do(e.TakeWatch, by)
    assert dosing.session.observer == by and not dosing.session.open_alerts()


@pytest.mark.hazard("HAZ-33", "C1")
def test_an_alert_that_turned_red_since_is_not_taken_by_a_tap_of_before(dosing: Case):
    dosing.read(systolic=160)
    seen_s, alert = dosing.now_s, dosing.session.open_alerts()[0]
    dosing.now_s += 30
    dosing.read(systolic=190)
    assert dosing.session.open_alerts()[0].level == "red"
    said = dosing.refused(e.Acknowledge, alert=alert.id, happened_s=seen_s)
    assert said.text.startswith("The alert has changed since:")
    dosing.do(e.Acknowledge, alert=alert.id, happened_s=dosing.now_s)


@pytest.mark.hazard("HAZ-39", "C1")
@pytest.mark.parametrize(("number", "taken"), [("-1", False), ("0", True), ("10", True), ("11", False)])
def test_fear_of_the_session_is_a_number_from_nought_to_ten(number: str, taken: bool):
    run = case().arrive()
    said = {"name": "fear-asked", "truth": Truth.TRUE, "number": Decimal(number)}
    if not taken:
        assert run.refused(e.Answer, **said).text == f"{number} is not between 0 and 10: enter it again."
        return
    run.do(e.Answer, **said)
    assert run.session.fear == Decimal(number)
