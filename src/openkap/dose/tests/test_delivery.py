"""Whether a screen shows an alert, what is skipped where none does, and what becomes of an owner who falls silent."""

from dataclasses import replace

import pytest

from openkap.dose import alerts
from openkap.dose import events as e
from openkap.dose.tests.sessions import CLERK, DOCTOR, DUTY, NURSE, SECOND, SYSTEM, THERAPIST, Case, case
from openkap.dose.types import Duty, Messaged


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


@pytest.fixture
def dark() -> Case:
    """The infusion runs, everybody's screen is alive, and none confirms anything."""
    run = case().to_dosing()
    run.screens = False
    return run


def reaches(run: Case, about: str = "systolic") -> list[tuple[str, int, bool]]:
    alert = next(a for a in run.session.alerts if a.about == about)
    return [(reach.ring, reach.at_s - alert.since_s, reach.skipped) for reach in alert.reached]


@pytest.mark.hazard("HAZ-33", "C2")
def test_a_step_that_no_screen_confirms_in_time_is_skipped_and_stays_on_record(dark: Case):
    dark.read(systolic=158)
    dark.wait(14 / 60, step_s=1)
    assert reaches(dark) == [("bedside", 0, False)]
    dark.wait(1 / 60, step_s=1)
    assert reaches(dark) == [("bedside", 0, False), ("bedside", 15, True), ("room", 15, False)]
    dark.wait(0.5, step_s=1)
    rest = [("room", 30, True), ("prescriber", 30, False), ("prescriber", 45, True), ("site-phone", 45, False)]
    assert reaches(dark)[3:] == rest  # and not again: the last ring has none after it
    alert = dark.session.open_alerts()[0]
    assert alerts.passed_over(alert) == (("bedside", True), ("room", True), ("prescriber", True))


@pytest.mark.hazard("HAZ-33", "C2")
def test_one_screen_of_a_ring_is_enough_and_acknowledges_nothing(dark: Case):
    dark.read(systolic=158)
    alert = dark.session.open_alerts()[0]
    assert dark.refused(e.Receipt, SECOND, alert=alert.id).rule == "RECEIPT"  # it has not reached the room
    dark.do(e.Receipt, NURSE, after_s=3, alert=alert.id)
    assert dark.refused(e.Receipt, NURSE, alert=alert.id).rule == "RECEIPT"  # once
    dark.wait(1.9, step_s=1)
    assert reaches(dark) == [("bedside", 0, False)]
    dark.wait(0.1, step_s=1)
    assert reaches(dark)[1:] == [("room", 120, False)]
    dark.do(e.Receipt, THERAPIST, alert=alert.id)
    assert dark.refused(e.Receipt, SECOND, alert=alert.id).rule == "RECEIPT"
    alert = dark.session.open_alerts()[0]
    assert (alert.acknowledged, alert.owner, [one for one, _ in alert.shown]) == (None, NURSE, ["n1", "t1"])
    dark.wait(3, step_s=1)
    assert reaches(dark)[2:] == [("prescriber", 300, False)]


@pytest.mark.hazard("HAZ-33", "C2")
def test_whoever_watches_is_not_the_room_too(dark: Case):
    alone = {**DUTY.rings, "room": (NURSE,)}
    dark.do(e.DutyNow, SYSTEM, duty=replace(DUTY, rings=alone))
    dark.read(systolic=158)
    dark.do(e.Receipt, NURSE, alert=dark.session.open_alerts()[0].id)
    dark.wait(2, step_s=5)
    assert reaches(dark)[1:] == [("room", 120, True), ("prescriber", 120, False)]


@pytest.mark.hazard("HAZ-33", "C2")
def test_a_screen_that_goes_dark_after_it_confirmed_holds_up_nothing(dark: Case):
    dark.read(systolic=158)
    dark.do(e.Receipt, NURSE, alert=dark.session.open_alerts()[0].id)
    dark.do(e.DutyNow, SYSTEM, after_s=40, duty=Duty(DUTY.rings, DUTY.live - {"n1"}, DUTY.others))
    assert reaches(dark)[1:] == [("bedside", 40, True), ("room", 40, False)]


@pytest.mark.hazard("HAZ-33", "C2")
@pytest.mark.hazard("HAZ-41", "C1")
def test_what_a_screen_showed_before_it_got_worse_is_no_receipt_of_what_it_is_now(dark: Case):
    dark.read(systolic=158)
    alert = dark.session.open_alerts()[0]
    dark.do(e.Receipt, NURSE, alert=alert.id)
    dark.do(e.Acknowledge, alert=alert.id)
    dark.read(systolic=162)
    now = dark.session.open_alerts()[0]
    assert (now.shown, now.since_n) == ((), len(dark.session.log))
    assert now.since_n > alert.since_n


def test_a_session_that_was_booked_before_there_were_receipts_waits_for_none(dark: Case):
    older = {row: said for row, said in dark.session.protocol.numbers.items() if row != "WATCH-RECEIPT"}
    dark.session = replace(dark.session, protocol=replace(dark.session.protocol, numbers=older))
    dark.read(systolic=158)
    dark.wait(1.9, step_s=1)
    assert reaches(dark) == [("bedside", 0, False)]


# -- a message to a phone that was given up -----------------------------------------------------------------


def given_up(run: Case, ring: str, alert: str) -> list[str]:
    """A message about a step was given up: the kinds of what is to be done about it."""
    said = run.do(e.MessageOut, SYSTEM, alert=alert, phone="desk", ring=ring, state="failed", fault="HTTP 503")
    return [one.kind for one in said]


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_message_that_was_given_up_skips_its_own_step_once_and_no_other(dosing: Case):
    dosing.read(systolic=158)
    alert = dosing.session.open_alerts()[0]
    dosing.wait(5, step_s=5)
    before = [("bedside", 0, False), ("room", 120, False), ("prescriber", 300, False)]
    assert reaches(dosing) == before
    assert given_up(dosing, "room", alert.id) == ["escalate"]
    assert reaches(dosing) == [*before, ("room", 300, True)]
    assert given_up(dosing, "room", alert.id) == []
    assert given_up(dosing, "site-phone", alert.id) == ["escalate", "escalate", "escalate", "fault"]
    assert reaches(dosing)[4:] == [("bedside", 300, False), ("room", 300, False), ("prescriber", 300, False)]


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.parametrize("state", ["sent", "failing"])
def test_a_message_stands_at_its_alert_and_calls_nobody_before_it_is_given_up(dosing: Case, state):
    dosing.read(diastolic=102)
    dosing.read(systolic=158)
    alert = dosing.session.open_alerts()[1]
    fields = {"alert": alert.id, "phone": "desk", "ring": "bedside", "state": state, "fault": "HTTP 503"}
    assert dosing.do(e.MessageOut, SYSTEM, after_s=5, **fields) == ()
    said = Messaged("desk", "bedside", state, "HTTP 503", dosing.now_s)
    assert [a.messages for a in dosing.session.open_alerts()] == [(), (said,)]
    assert reaches(dosing) == [("bedside", 0, False)]


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_message_of_before_it_got_worse_moves_nothing_now(dosing: Case):
    dosing.read(systolic=158)
    alert = dosing.session.open_alerts()[0]
    dosing.wait(2, step_s=5)
    dosing.do(e.Acknowledge, alert=alert.id)
    dosing.do(e.Note, text="a second later", after_s=1)
    dosing.read(systolic=162)
    before = dosing.session.open_alerts()[0].reached
    assert given_up(dosing, "room", alert.id) == []
    assert dosing.session.open_alerts()[0].reached == before


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.parametrize("ring", ["room", "site-phone"])
def test_a_message_about_what_somebody_has_or_what_is_over_calls_nobody(dosing: Case, ring):
    dosing.read(systolic=158)
    alert = dosing.session.open_alerts()[0]
    dosing.do(e.Acknowledge, alert=alert.id)
    assert given_up(dosing, ring, alert.id) == []
    dosing.read(systolic=128, taken_s=dosing.now_s)
    assert given_up(dosing, ring, alert.id) == given_up(dosing, ring, "none") == []


# -- whoever has it falls silent ---------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.hazard("HAZ-42", "C1")
def test_an_alert_whose_owner_is_gone_is_nobody_s_again_and_climbs(dosing: Case):
    dosing.read(systolic=158)
    alert = dosing.session.open_alerts()[0]
    dosing.do(e.Acknowledge, DOCTOR, alert=alert.id)
    gone = Duty(DUTY.rings, DUTY.live - {"d1"}, DUTY.others, frozenset({"d1"}))
    effects = dosing.do(e.DutyNow, SYSTEM, after_s=400, duty=gone)
    free = dosing.session.open_alerts()[0]
    assert free.id in [one.data.id for one in effects if one.kind == "alert"]
    assert (free.acknowledged, free.owner, free.lapsed) == (None, NURSE, (DOCTOR, dosing.now_s))
    assert [(r.ring, r.at_s - free.since_s) for r in free.reached if r.at_s >= free.since_s] == [("bedside", 0)]
    dosing.wait(2, step_s=5)
    assert dosing.session.open_alerts()[0].reached[-1].ring == "room"
    dosing.do(e.Acknowledge, DOCTOR, alert=alert.id)  # who takes it is there
    taken = dosing.session.open_alerts()[0]
    assert (taken.owner, taken.lapsed) == (DOCTOR, None)
    dosing.wait(1, step_s=5)
    assert dosing.session.open_alerts()[0].acknowledged is not None


# -- the sound --------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-33", "C2")
def test_a_red_alert_sounds_for_those_whom_it_has_reached_until_somebody_has_it_and_anew_when_it_is_worse(dosing: Case):
    dosing.read(systolic=158)
    assert alerts.sounding(dosing.session, NURSE.id) == {}  # amber
    dosing.read(spo2=85)
    (first,) = alerts.sounding(dosing.session, NURSE.id)
    assert alerts.sounding(dosing.session, CLERK.id) == {}  # it has not reached them
    dosing.wait(1, step_s=5)
    dosing.read(spo2=80)
    (second,) = alerts.sounding(dosing.session, NURSE.id)
    assert second != first
    red = dosing.session.open_alerts("red")[0]
    dosing.do(e.Acknowledge, NURSE, alert=red.id)
    assert alerts.sounding(dosing.session, NURSE.id) == {}
