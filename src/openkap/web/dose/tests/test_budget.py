"""A day of a clinic: how many alerts interrupt somebody, whether every planted danger is one, and what they ask."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from openkap.dose import events as e
from openkap.dose.tests.sessions import AWAKE, NURSE, Case, case
from openkap.people.types import Role
from openkap.web.dose.chair import shown

CHECKS_MIN = (10, 20, 30, 40, 55, 70, 85, 100)  # minutes from the start; written by hand from MON-IV
RISE = {10: 8, 20: 14, 30: 18, 40: 20, 55: 10, 70: 5, 85: 2, 100: 0}  # a typical course: systolic above baseline
DANGERS: dict[str, Callable[[Case], object]] = {
    "systolic": lambda run: run.read(systolic=191),
    "spo2": lambda run: run.read(spo2=87),
    "heart-rate": lambda run: run.read(heart_rate=136),
    "chest": lambda run: run.do(e.SetMark, name="chest"),
    "moaas": lambda run: run.read(moaas=1),
}
READER = shown.Reader(NURSE.id, frozenset({Role.NURSE}))


def session(draw: Random, danger: str) -> Case:
    """One infusion and its watch. A third have a passing amber pressure, a fifth a check that is done too late."""
    run = case().to_dosing()
    begun = run.now_s
    bump = draw.choice(CHECKS_MIN[1:4]) if draw.random() < 1 / 3 else None
    slow = draw.choice(CHECKS_MIN[1:]) if draw.random() < 1 / 5 else None
    when = draw.choice(CHECKS_MIN[:4]) if danger else None
    for minute in CHECKS_MIN:
        at = begun + 60 * (minute + (6 if minute == slow else draw.randint(0, 2)))
        while run.now_s < at:
            run.wait(min(60, at - run.now_s) / 60, step_s=30)
        high = 126 + RISE[minute] + draw.randint(-5, 5)
        values = {"diastolic": 80 + RISE[minute] // 3, "heart_rate": 72 + draw.randint(-4, 9)}
        calm = {"spo2": draw.randint(96, 99), "respiratory_rate": draw.randint(12, 17), "cadss_6": draw.randint(0, 9)}
        run.read(systolic=157 if minute == bump else high, **values, **calm, moaas=AWAKE["moaas"])
        if minute == bump:
            for _ in range(2):  # seen twice, measured again: one alert
                run.read(systolic=157)
            take(run)
            run.now_s += 180
            run.read(systolic=148)
        take(run)
        if minute == when:
            DANGERS[danger](run)
            take(run)
            run.now_s += 60
        if minute == 40 and run.session.running:
            run.finish()
    return run


def take(run: Case) -> None:
    """Somebody takes what is open."""
    for alert in run.session.open_alerts():
        if alert.acknowledged is None:
            run.do(e.Acknowledge, alert=alert.id)


@pytest.mark.hazard("HAZ-25", "C1")
def test_a_day_stays_under_its_budget_and_every_planted_danger_is_red_once_with_what_to_do(
    seed: int, count: Callable[[int], int]
):
    draw = Random(seed)
    plan = [*DANGERS, *[""] * 15] * max(1, count(20) // 20)
    draw.shuffle(plan)
    day = [(danger, session(draw, danger)) for danger in plan]
    budget = int(day[0][1].session.protocol.number("WATCH-BUDGET", "alerts"))
    told = [len(run.told("alert")) for _, run in day]
    assert sum(told) / len(told) <= budget, told
    assert max(n for n, (danger, _) in zip(told, day, strict=True) if not danger) <= 2 * budget
    for danger, run in day:
        red = [alert.about for alert in run.session.alerts if alert.level == "red"]
        assert red == ([danger] if danger else []), (danger, red)
        about = [(alert.about, alert.raised_s) for alert in run.session.alerts]
        assert len(about) == len(set(about))
        when = shown.When.of(run.session, "UTC")
        for row in shown.alert_rows(run.session, READER, when):
            assert row.action.endswith("."), row.text
    raised = [alert for _, run in day for alert in run.session.alerts]
    assert {a.about for a in raised} >= set(DANGERS)
    kinds = {alert.about.split()[0] for alert in raised}
    assert kinds <= {*DANGERS, "systolic", "recheck", "vitals", "mind"}, kinds  # nothing else interrupts a usual day


@pytest.mark.hazard("HAZ-25", "C1")
def test_each_alert_names_its_action_and_the_same_thing_twice_is_one_alert():
    run = case().to_dosing()
    run.read(systolic=157)
    run.read(systolic=157)
    run.do(e.SetMark, name="chest")
    run.do(e.SetMark, name="chest")
    run.do(e.SetMark, name="vomit")
    run.wait(16)
    when = shown.When.of(run.session, "UTC")
    rows = {row.text.split(":")[0].split(",")[0]: row.action for row in shown.alert_rows(run.session, READER, when)}
    assert len([a for a in run.session.alerts if a.about in ("systolic", "chest")]) == 2
    assert rows["Chest pain"] == "Stop or pause the drug. Prescriber to the bedside."
    assert rows["Systolic pressure 157 mmHg"] == "Measure again within 5 min; if it persists, the prescriber is told."
    assert rows["Vomited"] == "Go to the patient and look."
    checks = {row.action for row in shown.alert_rows(run.session, READER, when) if row.text.startswith("Check ")}
    assert checks == {"Do this check now."}
