"""The pathway line from counts, with every way a stage can stand."""

import dataclasses

import pytest

from openkap.web.patient.line import Where, state, steps

DONE = Where(
    records=40,
    unreviewed=0,
    arrived=0,
    forms_open=0,
    forms_late=0,
    forms_done=5,
    scored=4,
    verdict="caution",
    missing=0,
    excludes=0,
    holds=0,
    cautions=2,
    verdict_signed="in-force",
    plan="signed",
    plan_version=3,
    sessions=2,
)


def shapes(**changed) -> list[str]:
    return [step.shape for step in steps(dataclasses.replace(DONE, **changed), {})]


def current(**changed) -> list[str]:
    return [str(step.name) for step in steps(dataclasses.replace(DONE, **changed), {}) if step.current]


def test_when_all_is_done_nothing_is_current():
    assert shapes() == ["ok"] * 5
    assert current() == []


@pytest.mark.parametrize(
    ("changed", "stage", "shape"),
    [
        ({"records": 0}, 0, "miss"),
        ({"unreviewed": 3}, 0, "caution"),
        ({"arrived": 1}, 0, "caution"),
        ({"forms_open": 2}, 1, "plain"),
        ({"forms_open": 2, "forms_late": 1}, 1, "caution"),
        ({"scored": 0}, 1, "miss"),
        ({"verdict": "insufficient", "missing": 3}, 2, "miss"),
        ({"verdict": "hold", "holds": 1}, 2, "hold"),
        ({"verdict": "exclude", "excludes": 1}, 2, "stop"),
        ({"verdict_signed": ""}, 2, "info"),
        ({"verdict_signed": "stale"}, 2, "info"),
        ({"plan": ""}, 3, "plain"),
        ({"plan": "draft"}, 3, "plain"),
        ({"plan": "unsigned"}, 3, "info"),
        ({"plan": "needs-review"}, 3, "hold"),
        ({"plan": "withdrawn"}, 3, "hold"),
        ({"sessions": 0}, 4, "plain"),
        ({"booked_on": "3 March"}, 4, "plain"),
        ({"in_house": "dosing"}, 4, "caution"),
    ],
)
def test_a_stage_that_is_not_done_says_so_and_is_the_current_one(changed: dict, stage: int, shape: str):
    assert shapes(**changed)[stage] == shape
    assert current(**changed) == [["Record", "Assess", "Screen", "Plan", "Dose"][stage]]


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize("verdict", ["insufficient", "hold", "exclude"])
def test_a_verdict_that_does_not_allow_is_never_done_whatever_was_signed(verdict: str):
    for signed in ("", "stale", "in-force"):
        line = steps(dataclasses.replace(DONE, verdict=verdict, missing=1, verdict_signed=signed, plan=""), {})
        assert line[2].shape != "ok"
        assert line[3].note == "waits for the verdict"


def test_every_shape_has_a_word_and_a_stage_without_an_address_is_no_link():
    assert all(state(step.shape) for step in steps(DONE, {}))
    assert [step.url for step in steps(DONE, {"plan": "/p/x/plan/"})] == ["", "", "", "/p/x/plan/", ""]
