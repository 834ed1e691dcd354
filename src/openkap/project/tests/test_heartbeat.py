"""One process looks at every session, another takes over when it falls silent, and a fault is never silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from django.db import DatabaseError, OperationalError

from openkap.dose import events as e
from openkap.dose import heart, services, store
from openkap.dose.models import AlertReach, AlertState, Beat, SessionEvent
from openkap.dose.tests.sessions import DOCTOR, SYSTEM, Case, case
from openkap.dose.tests.ward import Ward
from openkap.project import heartbeat
from tests.database import Clinic


class Over(Exception):
    pass


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the server: what the test puts there has passed."""
    seconds, real = [0.0], store.tick
    monkeypatch.setattr(store, "tick", lambda: replace(real(), monotonic_s=real().monotonic_s + seconds[0]))
    return seconds


def test_one_process_beats_and_another_takes_over_within_five_seconds(db: None, passed: list[float]):
    assert heartbeat.beat_once("one")
    passed[0] += 2
    assert not heartbeat.beat_once("two")
    assert heartbeat.beat_once("one")
    assert heart.LEASE_S + heartbeat.EVERY <= 5
    passed[0] += heart.LEASE_S + 0.1  # one is dead
    assert heartbeat.beat_once("two")
    assert not heartbeat.beat_once("one")
    assert Beat.objects.get().holder == "two"


def test_the_age_is_by_the_steady_clock_and_across_a_restart_by_the_wall_clock(db: None, passed: list[float]):
    assert heart.age_s() is None
    heart.stamp("one")
    passed[0] += 7
    assert 7 <= (heart.age_s() or 0) < 9
    Beat.objects.update(boot="another", at=store.tick().at.replace(year=2020))
    assert (heart.age_s() or 0) > 10_000


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.goal("RG-14")
def test_an_alert_that_nobody_takes_climbs_though_nobody_does_anything(clinic: Clinic, passed: list[float]):
    ward = Ward(clinic)
    ward.to_dosing()
    ward.read(systolic=160)
    ward.confirm()
    alert = AlertState.objects.get(about="systolic")
    steps = {step.ring: step.after_s for step in ward.session.protocol.steps if step.level == "amber"}
    raised_s = next(a for a in ward.session.open_alerts()).since_s
    while passed[0] < max(steps.values()) + 10:
        passed[0] += heartbeat.EVERY
        heartbeat.beat_once("one")
        ward.confirm()
    reached = dict(AlertReach.objects.filter(alert=alert.alert).order_by("-pk").values_list("ring", "elapsed_s"))
    for ring, after_s in steps.items():
        assert 0 <= reached[ring] - raised_s - after_s <= 5, ring


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.goal("RG-14")
def test_every_step_is_taken_within_five_seconds_whoever_dies_until_somebody_acknowledges(
    seed: int, count: Callable[[int], int]
):
    """Alerts of either level; processes that beat are killed at random, and somebody acknowledges, or nobody does."""
    random, silent = Random(seed), heart.LEASE_S + heartbeat.EVERY
    start = case().to_dosing().watch(5).session
    ladders = {level: [s.after_s for s in start.protocol.steps if s.level == level] for level in ("amber", "red")}
    taken = missed = 0
    for _ in range(count(10_000)):
        level = random.choice(["amber", "red"])
        here = Case(start, start.now_s, keys=iter(range(10**6, 10**7)))
        here.read(systolic={"amber": 160, "red": 200}[level])
        since, end = here.now_s, here.now_s + 2 * ladders[level][-1] + 10
        taken_at = random.choice([None, since + random.randint(1, end - since)])
        at = float(since)
        while at < end:
            at += silent if random.random() < 0.1 else heartbeat.EVERY
            if taken_at is not None and at >= taken_at:
                here.now_s = taken_at
                alert = next(a for a in here.session.open_alerts() if a.about == "systolic")
                here.do(e.Acknowledge, DOCTOR, alert=alert.id)
                break
            here.now_s = int(at)
            here.send(here.event(e.Beat, SYSTEM))
        alert = next(a for a in here.session.alerts if a.about == "systolic")
        until_s = taken_at if taken_at is not None else end
        told = [reach.at_s for reach in alert.reached]
        due = [since + after for after in ladders[level]]
        while due[-1] < until_s and len(told) >= len(due):
            due.append(told[len(due) - 1] + ladders[level][-1])  # the last ring is told again in the same time
        for n, when in enumerate(due):
            if when + 5 > until_s:
                continue  # it was not to be by then
            taken += 1
            missed += not (n < len(told) and 0 <= told[n] - when <= 5)
    assert (missed, taken > 100) == (0, True)


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.hazard("HAZ-34", "C1")
def test_a_heartbeat_that_changes_nothing_leaves_no_trace(clinic: Clinic):
    ward = Ward(clinic)
    ward.to_dosing()
    before = SessionEvent.objects.count()
    for _ in range(5):
        assert heartbeat.beat_once("one")
    assert SessionEvent.objects.count() == before


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_session_at_fault_keeps_no_other_from_its_alerts_and_stops_the_heartbeat(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, passed: list[float]
):
    sick = Ward(clinic)
    sick.arrive()
    well = Ward(clinic, patient=clinic.noah, chair="Bay 2")
    well.arrive()
    looked, real = [], services.beat

    def beat(row, floor):
        if row.pk == sick.row.pk:
            raise DatabaseError("one row")
        looked.append(row.pk)
        return real(row, floor)

    monkeypatch.setattr(services, "beat", beat)
    assert not heartbeat.beat_once("one")
    assert looked == [well.row.pk]
    assert heart.age_s() is None  # so every screen says that alerts do not work


def test_the_thread_outlives_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch):
    looks = []

    def beat_once(holder):
        looks.append(holder)
        if len(looks) == 1:
            raise OperationalError("away")

    def sleep(seconds):
        if len(looks) == 3:
            raise Over

    monkeypatch.setattr(heartbeat, "beat_once", beat_once)
    monkeypatch.setattr(heartbeat.time, "sleep", sleep)
    monkeypatch.setattr(heartbeat.connection, "close", lambda: None)
    said = []
    monkeypatch.setattr(heartbeat.keeping, "failed", lambda fault: said.append(str(fault)))
    monkeypatch.setattr(heartbeat.keeping, "heal", lambda: said.append("heal"))
    with pytest.raises(Over):
        heartbeat._watch("one")
    assert looks == ["one"] * 3
    assert said == ["away", "heal", "heal", "heal"]
