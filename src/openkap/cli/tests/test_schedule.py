"""`openkap schedule`: keys, types and exit codes, as outside checks call it."""

import copy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openkap import __version__
from openkap.cli.tests.command import call, encoded, inside
from openkap.kernel.content import content_version
from openkap.schedule.tests.make import problem, tiny
from openkap.schedule.tests.referee import judge


def validator() -> Draft202012Validator:
    return Draft202012Validator(inside("schema", "schedule").json)


def impossible() -> dict[str, Any]:
    raw = tiny()
    raw["lags"][1]["min"] = 4321
    return raw


def test_a_plan_has_the_keys_of_the_format_and_of_the_contract():
    answer = call("schedule", "-", "--seconds", "2", stdin=encoded(tiny()))
    made = answer.json
    assert answer.status == 0
    assert (made["openkap"], made["content"]) == (__version__, content_version())
    assert (made["instance"], made["status"]) == ("tiny", "feasible")
    assert judge(tiny(), made)[0] == []
    assert made["objective"] == sum(one["cost"] for one in made["terms"].values()) == 0
    assert made["lower_bound"] == made["bound"]["value"] <= made["objective"]
    assert made["search"]["repeatable"] is False
    assert list(validator().iter_errors(made)) == []


def test_progress_is_said_on_standard_error_alone():
    answer = call("schedule", "-", "--seconds", "3", stdin=encoded(problem(1)))
    assert all(line.startswith("openkap schedule: ") for line in answer.err.splitlines())
    assert "objective" in answer.err
    assert judge(problem(1), answer.json)[0] == []


def test_the_same_seed_and_steps_print_the_same_plan(tmp_path: Path):
    words = ("schedule", "-", "--steps", "40", "--seed", "5")
    first, again = (call(*words, stdin=encoded(problem(2))).json for _ in range(2))
    assert first["assignments"] == again["assignments"]
    assert first["groups"] == again["groups"]
    assert first["search"]["repeatable"] is True


def test_a_plan_to_begin_from_is_taken_from_a_file(tmp_path: Path):
    first = inside("schedule", "-", "--seconds", "0.5", stdin=encoded(problem(2)))
    path = tmp_path / "plan.json"
    path.write_bytes(first.out)
    again = inside("schedule", "-", "--seconds", "0.5", "--from", path, stdin=encoded(problem(2))).json
    assert again["repair"]["kept"] == len(first.json["assignments"])
    assert again["objective"] <= first.json["objective"]
    assert list(validator().iter_errors(again)) == []


def test_what_has_no_plan_ends_with_three_and_a_minimal_conflict():
    answer = call("schedule", "-", "--seconds", "10", stdin=encoded(impossible()))
    made = answer.json
    assert answer.status == 3
    assert (made["status"], sorted(made["conflict"])) == ("infeasible", ["lag:L2:max", "lag:L2:min"])
    assert made["minimal"] is True
    assert made["openkap"] == __version__
    assert [one["constraint"] for one in made["relaxations"]] == made["conflict"]
    assert answer.sentence().startswith("there is no plan")
    assert list(validator().iter_errors(made)) == []


def test_without_time_the_answer_is_unknown_with_three():
    raw = problem(5, patients=3, coverage="all")
    raw["rooms"] = [one for one in raw["rooms"] if one["kind"] != "dosing_bay"]
    answer = inside("schedule", "-", "--seconds", "0.001", stdin=encoded(raw))
    assert (answer.status, answer.json["status"]) == (3, "unknown")
    assert "conflict" not in answer.json
    assert list(validator().iter_errors(answer.json)) == []


@pytest.mark.parametrize(
    ("words", "field", "remedy"),
    [
        (("--seconds", "0"), "--seconds", "such as 30"),
        (("--seconds", "soon"), "--seconds", "give seconds"),
        (("--seconds", "nan"), "--seconds", "give seconds"),
        (("--seed", "-1"), "--seed", "whole number"),
        (("--steps", "0"), "--steps", "1 or more"),
        (("--from", "nowhere.json"), "nowhere.json", "check the name"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_refused(words: tuple[str, ...], field: str, remedy: str):
    said = call("schedule", "-", *words, stdin=encoded(tiny())).refusal()
    assert field in said and remedy in said


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"name": NaN}', b"[" * 10_000])
def test_what_is_no_instance_is_refused_whole(data: bytes):
    assert call("schedule", "-", stdin=data).refusal()


def test_a_fault_in_the_instance_names_the_entry():
    raw = tiny()
    raw["patients"][0]["activities"][0]["duration"] = "long"
    assert "activities P001-prep1, duration" in call("schedule", "-", stdin=encoded(raw)).refusal()


def test_a_key_that_is_not_read_is_said_and_the_plan_made():
    raw = tiny() | {"coverag": "all"}
    answer = inside("schedule", "-", "--seconds", "0.3", stdin=encoded(raw))
    assert answer.status == 0
    assert "coverag" in answer.err


def test_the_schema_sees_a_fault():
    made = inside("schedule", "-", "--steps", "5", stdin=encoded(tiny())).json
    for path in (["assignments"], ["terms"], ["search", "seed"], ["bound", "how"], ["assignments", 0, "start"]):
        damaged: Any = copy.deepcopy(made)
        node = damaged
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]
        assert list(validator().iter_errors(damaged)), path
