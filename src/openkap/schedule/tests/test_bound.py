"""The bound is below every plan, and says what it counts."""

import pytest

from openkap.schedule.bound import bound
from openkap.schedule.ground import Ground
from openkap.schedule.read import read_instance
from openkap.schedule.solve import solve
from openkap.schedule.tests.make import problem, tiny


def value(raw: dict) -> float:
    return bound(Ground(read_instance(raw))).value


def test_nothing_to_count_is_nought():
    assert value(tiny()) == 0


def test_what_the_preferred_therapist_cannot_hold_is_counted():
    raw = tiny()
    raw["staff"].append(dict(raw["staff"][0], id="T02", credentials=[]))
    raw["patients"][0]["preferred_therapist"] = "T02"
    assert value(raw) == 3


def test_hours_that_nothing_fits_are_counted():
    raw = tiny()
    raw["patients"][0]["preferred_hours"] = [480, 600]
    assert value(raw) == 2  # the dose is longer


def test_a_second_therapist_that_must_be_is_counted():
    raw = tiny()
    raw["staff"].append(dict(raw["staff"][0], id="T02", credentials=["ART"]))
    raw["patients"][0]["activities"][0]["staff"][0]["credentials"] = ["ART"]
    assert value(raw) == 30


def test_more_things_than_days_must_wait_between():
    raw = tiny()
    raw["patients"][0] |= {"stay": [480, 2400]}
    assert value(raw) == 1


def test_a_patient_whom_it_could_be_cheaper_to_leave_out_counts_as_nought():
    raw = tiny()
    raw["coverage"] = "best_effort"
    raw["patients"][0]["preferred_hours"] = [480, 600]
    raw["weights"]["unscheduled"] = 1
    assert value(raw) == 0


@pytest.mark.parametrize("draw", range(8))
def test_no_plan_is_below_it(draw: int):
    raw = problem(draw, odd=draw % 2 == 1)
    answer = solve(read_instance(raw), steps=60, processes=1)
    assert answer.bound is not None
    assert answer.bound.value <= answer.objective
    assert "as if nobody else were there" in answer.bound.how
