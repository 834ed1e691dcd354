"""One tile says the most urgent thing of a chair, whose it is and who comes next, and no number of the patient."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from openkap.dose import alerts
from openkap.dose import events as e
from openkap.dose.tests.sessions import CLERK, DOCTOR, NURSE, SECOND, SYSTEM, Case, case, judged
from openkap.dose.types import Duty
from openkap.web.dose.board import shown
from openkap.web.dose.board.shown import Tile

ZONE = ZoneInfo("Europe/Vienna")  # an hour before UTC in November; the cases begin at 08:00 UTC


def tile(case: Case, heard: timedelta | None = None) -> Tile:
    return shown.tile(case.session, "Bay 1", "O. B.", ZONE, heard)


def test_a_calm_chair_says_when_the_next_check_is_and_who_watches():
    dosing = case().to_dosing()
    dosing.wait(2)
    found = tile(dosing)
    assert (found.stage, found.initials, found.shape, found.level) == ("Dosing, minute 2", "O. B.", "", "")
    assert (found.main, found.detail) == ("Check in 8\u00a0min", NURSE.name)


def test_a_check_that_is_due_is_said_before_it_is_late():
    dosing = case().to_dosing()
    dosing.wait(11)
    assert (tile(dosing).main, tile(dosing).shape) == ("Check late, 1\u00a0min", "caution")


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_late_check_says_for_how_long_whose_it_is_and_who_comes_next_when():
    dosing = case().to_dosing()
    begun = dosing.now_s
    dosing.wait(17)
    found = tile(dosing)
    alert = next(a for a in dosing.session.open_alerts() if a.about == "vitals 10")
    ring, at_s = alerts.coming(dosing.session, alert)
    minute = (at_s - begun) // 60
    assert found.main == "Late 7\u00a0min"
    assert found.detail == f"Vitals: {NURSE.name}, then {shown.RINGS[ring]} 09:{minute:02}"
    assert found.plain == f"{NURSE.name}, then {shown.RINGS[ring]} 09:{minute:02}"
    assert found.shape in ("hold", "stop") and found.level == "amber"


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_red_alert_comes_before_everything_and_its_owner_is_named():
    dosing = case().to_dosing()
    dosing.wait(17)
    dosing.read(spo2=85)
    found = tile(dosing)
    assert (found.main, found.shape, found.level) == ("Red alert", "stop", "red")
    assert found.detail.startswith("Oxygen saturation: " + NURSE.name)
    assert any("more alert" in words for words in found.more)
    red = dosing.session.open_alerts("red")[0]
    dosing.do(e.Acknowledge, DOCTOR, alert=red.id)
    assert tile(dosing).detail == f"Oxygen saturation: {DOCTOR.name} has it"


def test_an_amber_value_says_when_it_is_measured_again():
    dosing = case().to_dosing()
    dosing.watch(10)
    dosing.read(systolic=160)
    assert (tile(dosing).main, tile(dosing).shape) == ("Recheck in 5\u00a0min", "hold")


def test_an_emergency_is_one_word():
    dosing = case().to_dosing()
    dosing.do(e.Emergency)
    assert (tile(dosing).main, tile(dosing).shape) == ("Emergency", "stop")


@pytest.mark.parametrize(
    ("way", "waits"),
    [
        (lambda c: c.do(e.Arrive), "name and birth date"),
        (lambda c: c.arrive(), "screening"),
        (lambda c: c.to_gate(found=judged("BPG-1")), "a written decision"),
    ],
)
def test_the_gate_says_what_kind_of_thing_it_waits_for(way, waits):
    here = case()
    way(here)
    found = tile(here)
    assert found.main == f"Waits for: {waits}"
    assert found.detail == found.plain


def test_what_only_the_prescriber_gives_names_the_prescriber_on_the_floor():
    here = case().to_gate(found=judged("BPG-1"))
    assert DOCTOR.name in tile(here).detail
    nobody = Duty({"room": (SECOND,), "site-phone": (CLERK,)}, here.session.duty.live, here.session.duty.others)
    here.do(e.DutyNow, SYSTEM, duty=nobody)
    assert "no prescriber on the floor" in tile(here).detail


def test_who_may_leave_is_quiet_and_a_tick():
    here = case().to_leaving()
    assert (tile(here).main, tile(here).shape) == ("May leave", "ok")


def test_a_tablet_that_fell_silent_is_said_on_a_calm_chair_and_beside_an_alert():
    here = case().to_dosing()
    assert tile(here).silent == ""
    assert tile(here, timedelta(seconds=12)).silent == "tablet not heard"
    assert tile(here, timedelta(seconds=130)).silent == "tablet not heard for 2\u00a0min"
    assert tile(here, timedelta(seconds=12)).shape == "miss"
    here.read(spo2=85)
    assert (tile(here, timedelta(seconds=12)).shape, tile(here, timedelta(seconds=12)).silent) == (
        "stop",
        "tablet not heard",
    )


def test_a_free_chair_says_who_is_booked_and_invents_no_hour():
    assert shown.free("Bay 4", ["S. K.", "L. M."]).main == "Free"
    assert shown.free("Bay 4", ["S. K.", "L. M."]).detail == "Today: S. K., L. M."
    assert shown.free("Bay 4", []).detail == "nobody booked today"


@pytest.mark.parametrize("values", [{"systolic": 200}, {"spo2": 85}, {"heart_rate": 140}, {"moaas": 1}])
def test_no_number_of_a_patient_and_no_name_stands_on_a_tile(values: dict[str, float]):
    here = case().to_dosing()
    here.watch(10)
    here.read(**values)
    found = tile(here)
    said = " ".join([found.stage, found.main, found.detail, found.plain, *found.more])
    assert "Brandvold" not in said and "Oskar" not in said
    assert str(next(iter(values.values()))) not in said.split()
    title = here.session.protocol.measures[next(iter(values)).replace("_", "-")].title
    assert title in found.detail and title not in found.plain  # on a wall nobody learns about what it is


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.parametrize("value", [{"systolic": 160}, {"spo2": 85}])
def test_the_time_that_a_tile_names_is_the_time_at_which_the_next_ring_is_reached(value):
    here = case().to_dosing()
    here.watch(10)
    here.read(**value)
    name = next(iter(value))
    for _ in range(4):
        alert = next(a for a in here.session.open_alerts() if a.about == name)
        ring, at_s = alerts.coming(here.session, alert)
        before = len(alert.reached)
        here.now_s = at_s - 1
        here.send(here.event(e.Beat, SYSTEM))
        assert len(next(a for a in here.session.open_alerts() if a.about == name).reached) == before
        here.now_s = at_s
        here.send(here.event(e.Beat, SYSTEM))
        reached = next(a for a in here.session.open_alerts() if a.about == name).reached
        assert (reached[before].ring, reached[before].at_s) == (ring, at_s)


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_tile_says_that_nobody_has_an_alert_any_more_because_its_owner_is_out_of_reach():
    here = case().to_dosing()
    here.read(spo2=85)
    here.do(e.Acknowledge, DOCTOR, alert=here.session.open_alerts()[0].id)
    gone = replace(here.session.duty, live=here.session.duty.live - {DOCTOR.id}, gone=frozenset({DOCTOR.id}))
    here.do(e.DutyNow, SYSTEM, duty=gone)
    found = tile(here)
    assert f"nobody, {DOCTOR.name} is out of reach" in found.detail
    assert f"nobody, {DOCTOR.name} is out of reach" in found.plain
