"""Each hard rule, by the smallest change that breaks it; and the same plan without the change."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from openkap.schedule.read import read_instance, read_plan
from openkap.schedule.rules import RULES, breaches
from openkap.schedule.tests.make import tiny

GROUP = {
    "id": "G1",
    "start": 1920,
    "duration": 60,
    "capacity": 1,
    "role": "therapist",
    "room_kind": "group_room",
}


def world() -> tuple[dict[str, Any], dict[str, Any]]:
    """The small example with a group, and a plan that keeps every rule."""
    problem = tiny()
    problem["group_events"] = [GROUP, GROUP | {"id": "G2", "start": 2040}]
    problem["rooms"].append({"id": "hall", "kind": "group_room", "turnover": 15})
    problem["patients"][0]["group_sessions"] = 1
    problem["patients"].append({"id": "P002", "stay": [0, 5760], "group_sessions": 0, "activities": []})
    plan = {
        "instance": "tiny",
        "assignments": [
            {"activity": "P001-prep1", "start": 480, "staff": ["T01"], "room": "room-1"},
            {"activity": "P001-dose1", "start": 750, "staff": ["RX1"], "room": "bay-1"},
            {"activity": "P001-int1", "start": 2325, "staff": ["T01"], "room": "room-1"},
        ],
        "groups": [{"event": "G1", "staff": "T01", "room": "hall", "attendees": ["P001"]}],
    }
    return problem, plan


Change = Callable[[dict[str, Any], dict[str, Any]], None]


def put(*path: Any) -> Change:
    """Change the plan at a path."""
    *way, key, value = path

    def change(_: dict[str, Any], plan: dict[str, Any]) -> None:
        node: Any = plan
        for step in way:
            node = node[step]
        node[key] = value

    return change


def world_put(*path: Any) -> Change:
    """Change the problem at a path."""
    change = put(*path)
    return lambda problem, _: change(problem, problem)


def drop(*path: Any) -> Change:
    *way, key = path

    def change(_: dict[str, Any], plan: dict[str, Any]) -> None:
        node: Any = plan
        for step in way:
            node = node[step]
        del node[key]

    return change


def baseline(now: int, *pinned: str, start: int = 480) -> Change:
    old = {"activity": "P001-prep1", "start": start, "staff": ["T01"], "room": "room-1"}
    return world_put("baseline", {"now": now, "assignments": [old], "pinned": list(pinned)})


PREP, DOSE, INT = ("assignments", 0), ("assignments", 1), ("assignments", 2)
PATIENT = ("patients", 0)

BREAKS: list[tuple[str, str, Change]] = [
    ("SCH-KNOWN", "an activity of nobody", put(*PREP, "activity", "P009-prep1")),
    ("SCH-KNOWN", "a group of nobody", put("groups", 0, "event", "G9")),
    ("SCH-KNOWN", "a guest of nobody", put("groups", 0, "attendees", ["P009"])),
    ("SCH-ONCE", "twice", lambda _, plan: plan["assignments"].append(dict(plan["assignments"][0], start=540))),
    ("SCH-ALL", "an activity missing", drop("assignments", 2)),
    ("SCH-ALL", "a group missing", drop("groups", 0)),
    ("SCH-WITH", "a dose without integration", drop("assignments", 2)),
    ("SCH-FROZEN", "the past moved", baseline(500, start=495)),
    ("SCH-FROZEN", "a pin moved", baseline(0, "P001-prep1", start=495)),
    ("SCH-FROZEN", "planned into the past", world_put("baseline", {"now": 500, "assignments": [], "pinned": []})),
    ("SCH-GRID", "off the grid", put(*PREP, "start", 485)),
    ("SCH-OPEN", "before opening", put(*PREP, "start", 465)),
    ("SCH-OPEN", "after closing", put(*DOSE, "start", 1080)),
    ("SCH-STAY", "before arrival", world_put(*PATIENT, "stay", [495, 5760])),
    ("SCH-STAY", "after departure", world_put(*PATIENT, "stay", [480, 2384])),
    ("SCH-AWAY", "when away", world_put(*PATIENT, "unavailable", [[539, 560]])),
    ("SCH-WINDOW", "before its window", world_put(*PATIENT, "activities", 0, "window", [495, 900])),
    ("SCH-WINDOW", "beyond its window", world_put(*PATIENT, "activities", 0, "window", [0, 539])),
    ("SCH-GAP", "no gap", put(*DOSE, "start", 540)),
    ("SCH-GAP", "no rest", world_put(*PATIENT, "activities", 1, "rest_after", 1441)),
    ("SCH-LAG", "too early", world_put("lags", 0, "min", 211)),
    ("SCH-LAG", "too late", world_put("lags", 1, "max", 1439)),
    ("SCH-COUNT", "nobody", put(*PREP, "staff", [])),
    ("SCH-COUNT", "a stranger", put(*PREP, "staff", ["T99"])),
    ("SCH-ROLE", "another role", put(*PREP, "staff", ["N01"])),
    ("SCH-CREDENTIAL", "not trained", world_put("staff", 0, "credentials", ["ART"])),
    ("SCH-SHIFT", "off shift", world_put("staff", 0, "shifts", [[480, 539], [1920, 2460]])),
    ("SCH-SHIFT", "across two shifts", world_put("staff", 0, "shifts", [[480, 500], [500, 1020], [1920, 2460]])),
    ("SCH-BREAK", "in a break", world_put("staff", 0, "fixed_breaks", [[539, 540]])),
    ("SCH-FLEX", "no break left", world_put("staff", 0, "flexible_breaks", [{"minutes": 30, "window": [480, 569]}])),
    ("SCH-PERSON", "two at once", put("groups", 0, "event", "G1")),
    ("SCH-ROOM", "another kind", put(*DOSE, "room", "room-1")),
    ("SCH-ROOM", "a group without a hall", put("groups", 0, "room", "bay-1")),
    ("SCH-TURNOVER", "not turned over", world_put("rooms", 1, "turnover", 1786)),
    ("SCH-WATCH", "nobody watches", world_put("monitor_ratio", {"nurse": 0})),
    ("SCH-WATCH", "the nurse is on a break", world_put("staff", 2, "fixed_breaks", [[884, 900]])),
    ("SCH-WATCH", "the nurse has gone", world_put("staff", 2, "shifts", [[480, 884]])),
    ("SCH-SITE", "the prescriber has gone", world_put("staff", 1, "shifts", [[480, 884]])),
    ("SCH-GROUP-SIZE", "too many", put("groups", 0, "attendees", ["P001", "P002"])),
    ("SCH-GROUP-SIZE", "one twice", put("groups", 0, "attendees", ["P001", "P001"])),
    ("SCH-GROUP-PROGRAMME", "more than the programme", put("groups", 0, "attendees", ["P001", "P002"])),
    (
        "SCH-GROUP-PROGRAMME",
        "two on a day",
        lambda problem, plan: (
            problem["patients"][0].update(group_sessions=2),
            plan["groups"].append({"event": "G2", "staff": "T01", "room": "hall", "attendees": ["P001"]}),
        ),
    ),
]


def broken(change: Change | None = None) -> set[str]:
    problem, plan = copy.deepcopy(world())
    if change is not None:
        change(problem, plan)
    instance = read_instance(json.loads(json.dumps(problem)))
    return {one.rule for one in breaches(instance, read_plan(plan, instance, strict=False))}


def test_the_plan_that_the_cases_start_from_breaks_nothing():
    problem, plan = world()
    problem["patients"][0]["unavailable"] = []
    instance = read_instance(problem)
    assert breaches(instance, read_plan(plan, instance)) == []


@pytest.mark.parametrize(
    ("rule", "change"), [pytest.param(rule, change, id=f"{rule}: {what}") for rule, what, change in BREAKS]
)
def test_a_change_that_breaks_a_rule_is_seen_by_that_rule(rule: str, change: Change):
    def quiet(problem: dict[str, Any], plan: dict[str, Any]) -> None:
        problem["patients"][0]["unavailable"] = []
        change(problem, plan)
        if rule == "SCH-PERSON":
            problem["group_events"][0]["start"] = 2340

    assert rule in broken(quiet)


def test_every_rule_has_a_case_an_id_of_its_own_and_a_sentence():
    ids = [one.id for one in RULES]
    assert len(set(ids)) == len(ids)
    assert {rule for rule, _, _ in BREAKS} == set(ids)
    assert all(one.sentence.endswith(".") and one.look.__doc__ for one in RULES)


EDGES: dict[str, Change] = {
    "touching a time away": world_put(*PATIENT, "unavailable", [[540, 560]]),
    "a window that just fits": world_put(*PATIENT, "activities", 0, "window", [480, 540]),
    "a lag of exactly the least": world_put("lags", 0, "min", 210),
    "a lag of exactly the most": world_put("lags", 1, "max", 1440),
    "a shift that just fits": world_put("staff", 0, "shifts", [[480, 540], [1920, 2460]]),
    "a break that begins at the end": world_put("staff", 0, "fixed_breaks", [[540, 550]]),
    "a flexible break that just fits": world_put(
        "staff", 0, "flexible_breaks", [{"minutes": 30, "window": [480, 570]}]
    ),
    "a turnover that just fits": world_put("rooms", 1, "turnover", 1785),
    "a nurse who leaves at the end": world_put("staff", 2, "shifts", [[480, 885]]),
    "a prescriber relieved by another shift": world_put("staff", 1, "shifts", [[480, 800], [800, 885]]),
    "a stay that just fits": world_put(*PATIENT, "stay", [480, 2385]),
}


@pytest.mark.parametrize("change", EDGES.values(), ids=EDGES)
def test_what_just_fits_is_no_breach(change: Change):
    def quiet(problem: dict[str, Any], plan: dict[str, Any]) -> None:
        problem["patients"][0]["unavailable"] = []
        change(problem, plan)

    assert broken(quiet) == set()
