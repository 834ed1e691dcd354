"""Bad input: one sentence that names the field and the remedy."""

from collections.abc import Callable
from typing import Any

import pytest

from openkap.kernel.errors import UserError
from openkap.schedule.read import ignored, read_instance, read_plan
from openkap.schedule.tests.make import problem, tiny
from openkap.schedule.tests.test_rules import Change, drop, put

ACT = ("patients", 0, "activities", 0)

FAULTS: list[tuple[Change, str, str]] = [
    (drop("staff"), "staff", "correct"),
    (put("grid_minutes", 7), "grid_minutes", "divisor"),
    (put("grid_minutes", "15"), "grid_minutes", "correct"),
    (put("opening", [1200, 480]), "opening", "give"),
    (put("coverage", "some"), "coverage", "correct"),
    (put("schema", "other/1"), "schema", "openkap-schedule-instance/1"),
    (put("weights", {"idle": 1}), "idle", "use"),
    (put("weights", "patient_idle", -1), "patient_idle", "correct"),
    (put(*ACT, "duration", 0), "P001-prep1", "correct"),
    (put(*ACT, "duration", 1500), "P001-prep1", "give minutes"),
    (put(*ACT, "staff", 0, "to", 0), "P001-prep1", "correct"),
    (put(*ACT, "staff", 0, "from", 70), "P001-prep1", "ascending"),
    (put(*ACT, "window", [500, 400]), "P001-prep1: window", "ascending"),
    (put(*ACT, "only_with", ["P1-x"]), "only_with", "correct"),
    (put(*ACT, "monitored_by", ["assessor"]), "monitored_by", "add its ratio"),
    (put("patients", 0, "stay", [5760, 480]), "P001: stay", "ascending"),
    (put("patients", 0, "preferred_therapist", "T77"), "preferred_therapist", "name somebody"),
    (put("staff", 0, "shifts", [[600, 480]]), "T01: shifts", "ascending"),
    (put("staff", 1, "id", "T01"), "'T01'", "its own id"),
    (put(*ACT, "id", "P001-dose1"), "'P001-dose1'", "its own id"),
    (put("lags", 0, "to", "P001-x"), "L1", "correct"),
    (put("lags", 1, "max", 10**9), "L2", "correct"),
    (put("horizon_days", 0), "horizon_days", "correct"),
    (
        put("group_events", [{"id": "G", "start": 5700, "duration": 75, "capacity": 1, "role": "x", "room_kind": "y"}]),
        "G",
        "correct",
    ),
    (put("baseline", {"now": 0, "assignments": [], "pinned": ["P001-prep1"]}), "pinned", "add it"),
    (put("baseline", {"now": 900, "assignments": [{"activity": "P001-prep1", "start": 480}]}), "baseline", "correct"),
    (
        put("baseline", {"now": 900, "assignments": [{"activity": "P001-prep1", "start": 485, "staff": ["T01"]}]}),
        "baseline",
        "off the grid",
    ),
]


@pytest.mark.parametrize(("change", "field", "remedy"), FAULTS, ids=[f"{f}: {r}" for _, f, r in FAULTS])
def test_a_fault_is_one_sentence_that_names_field_and_remedy(change: Change, field: str, remedy: str):
    raw = tiny()
    change(raw, raw)  # the cases of plans are those of any document
    with pytest.raises(UserError) as said:
        read_instance(raw)
    sentence = str(said.value)
    assert field in sentence and remedy in sentence
    assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize("raw", [[], None, 7, "x"])
def test_what_is_no_object_is_refused(raw: Any):
    with pytest.raises(UserError, match="the instance is not a JSON object"):
        read_instance(raw)


@pytest.mark.parametrize("make", [tiny, lambda: problem(1), lambda: problem(2, odd=True)])
def test_what_fits_the_format_is_read_and_nothing_in_it_is_left_unread(make: Callable[[], dict[str, Any]]):
    raw = make()
    assert len(read_instance(raw).patients) == len(raw["patients"])
    assert ignored(raw) == []


def test_a_key_that_nobody_reads_is_named_and_does_no_harm():
    raw = tiny()
    raw["patients"][0]["activities"][0]["windw"] = [0, 1]
    raw["known_conflict"] = []
    read_instance(raw)
    assert ignored(raw) == ["windw"]


def test_a_plan_of_another_instance_and_a_plan_with_an_entry_twice_are_refused():
    instance = read_instance(tiny())
    with pytest.raises(UserError, match="not 'tiny'"):
        read_plan({"instance": "other", "assignments": []}, instance)
    one = {"activity": "P001-prep1", "start": 480}
    with pytest.raises(UserError, match="stands twice"):
        read_plan({"assignments": [one, one]}, instance)
    with pytest.raises(UserError, match="start"):
        read_plan({"assignments": [{"activity": "x"}]}, instance)
