"""Whoever watches is out of reach, a device is silent, a session ends: what becomes of its alerts."""

from dataclasses import replace

import pytest

from openkap.dose import alerts
from openkap.dose import events as e
from openkap.dose.alerts import coming
from openkap.dose.steps import step
from openkap.dose.tests.sessions import (
    CALM,
    DOCTOR,
    DUTY,
    NURSE,
    OTHER_DOCTOR,
    SECOND,
    SYSTEM,
    Case,
    case,
)
from openkap.dose.types import RINGS, Duty, Phase


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


@pytest.mark.hazard("HAZ-42", "C2")
def test_an_observer_out_of_reach_is_an_alert_for_the_room_at_once_and_over_when_back(dosing: Case):
    away = Duty(DUTY.rings, DUTY.live - {"n1"}, DUTY.others)
    dosing.do(e.DutyNow, SYSTEM, duty=away)
    (alert,) = dosing.session.open_alerts()
    assert (alert.about, [reach.ring for reach in alert.reached]) == ("observer", ["bedside", "room"])
    assert alert.text == f"{NURSE.name}, who watches, is out of reach."
    dosing.wait(1)
    assert len(dosing.session.open_alerts()) == 1
    dosing.do(e.DutyNow, SYSTEM, duty=DUTY)
    assert dosing.session.open_alerts() == ()


@pytest.mark.hazard("HAZ-42", "C1")
def test_every_open_alert_of_the_observer_goes_with_the_watch_and_is_acknowledged_anew(dosing: Case):
    dosing.read(systolic=158, diastolic=102)
    first, _ = dosing.session.open_alerts()
    dosing.do(e.Acknowledge, NURSE, alert=first.id)
    dosing.do(e.OfferWatch, to=SECOND, summary="amber twice")
    assert dosing.session.observer == NURSE
    dosing.do(e.TakeWatch, SECOND)
    assert [(a.owner, a.acknowledged) for a in dosing.session.open_alerts()] == [(SECOND, None), (SECOND, None)]


@pytest.mark.hazard("HAZ-42", "C1")
@pytest.mark.hazard("HAZ-33", "C1")
def test_what_the_old_observer_had_taken_climbs_again_and_what_a_prescriber_has_stays(dosing: Case):
    dosing.do(e.SetMark, name="chest")
    dosing.do(e.SetMark, name="headache")
    chest, headache = dosing.session.open_alerts()
    dosing.do(e.Acknowledge, NURSE, alert=chest.id)
    dosing.do(e.Acknowledge, DOCTOR, alert=headache.id)
    dosing.now_s += 60
    dosing.do(e.OfferWatch, to=SECOND, summary="chest pain")
    dosing.do(e.TakeWatch, SECOND)
    taken = dosing.now_s
    dosing.wait(3, step_s=5)
    chest, headache = (next(a for a in dosing.session.open_alerts() if a.about == x) for x in ("chest", "headache"))
    assert (chest.owner, chest.acknowledged, chest.since_s) == (SECOND, None, taken)
    assert [reach.ring for reach in chest.reached if reach.at_s >= taken] == list(RINGS)
    assert (headache.owner, headache.acknowledged[0]) == (DOCTOR, DOCTOR)


@pytest.mark.goal("RG-16")
@pytest.mark.hazard("HAZ-34", "C2")
@pytest.mark.hazard("HAZ-35", "C1")
@pytest.mark.parametrize(("row", "name", "limit"), [("WATCH-BEAT", "lost_s", 15), ("WATCH-CONTACT", "lost_s", 10)])
def test_silence_of_the_alerts_or_of_a_device_is_lost_contact_after_its_limit_and_not_before(row, name, limit):
    seconds = case().session.protocol.seconds(row, name)
    assert seconds == limit
    assert not alerts.lost(100, 100 + limit - 1, seconds)
    assert alerts.lost(100, 100 + limit, seconds)


def test_an_alert_in_a_session_that_nobody_watches_is_a_broken_contract():
    with pytest.raises(ValueError, match="nobody watches"):
        alerts.raised(case().session, "x", "amber", ("ALT-SBP",), "x", "x")


def test_alerts_end_with_the_session_so_that_none_stays_behind(dosing: Case):
    dosing.read(systolic=158)
    dosing.do(e.Stop, reason="patient wishes", given_mg=dosing.session.given[0].mg)
    dosing.do(e.Leave, how="against advice", reason="has to go", advice_given=True)
    assert dosing.session.phase is Phase.LEFT_EARLY
    assert dosing.session.open_alerts() == ()
    assert dosing.session.alerts[0].ended[0] == "left early"


def test_the_heartbeat_alone_leaves_no_trace_in_the_log(dosing: Case):
    before = len(dosing.session.log)
    dosing.wait(1, step_s=5)
    assert len(dosing.session.log) == before
    assert CALM["systolic"] == 126
    assert step(dosing.session, dosing.event(e.Beat, OTHER_DOCTOR), dosing.stamp())[1] == ()


@pytest.mark.hazard("HAZ-33", "C1")
def test_the_ring_that_is_told_next_is_the_first_not_reached_and_after_the_last_the_last_again(dosing: Case):
    dosing.read(systolic=160)
    begun, ladder = dosing.now_s, [s for s in dosing.session.protocol.steps if s.level == "amber"]

    def pressure():
        return next(a for a in dosing.session.alerts if a.about == "systolic")

    for rung in ladder[1:]:
        assert coming(dosing.session, pressure()) == (rung.ring, begun + rung.after_s)
        dosing.wait((begun + rung.after_s - dosing.now_s) / 60, step_s=15)
    ring, at_s = coming(dosing.session, pressure())
    assert ring == ladder[-1].ring and at_s > dosing.now_s
    assert coming(dosing.session, replace(pressure(), ended=("over", dosing.now_s))) is None
    dosing.do(e.Acknowledge, alert=pressure().id)
    assert coming(dosing.session, pressure()) is None
