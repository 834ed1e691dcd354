"""Every place that is offered keeps every rule, and none that keeps them with the same people is left out."""

import json
import time

import msgspec
import pytest

from openkap.schedule.read import read_instance
from openkap.schedule.rules import breaches
from openkap.schedule.solve import solve
from openkap.schedule.tests.make import problem
from openkap.schedule.tests.referee import judge
from openkap.schedule.types import DAY, Plan
from openkap.schedule.where import binds, nearest, options


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_offered_keeps_every_rule_and_nothing_is_left_out(seed: int):
    raw = problem(seed, patients=4, days=7)
    instance = read_instance(raw)
    plan = solve(instance, seconds=1.0, processes=1).plan
    for was in plan.assignments[::5]:
        offered = {one.start: one for places in options(instance, plan, was.activity).values() for one in places}
        others = tuple(one for one in plan.assignments if one is not was)
        for start in range(0, 7 * DAY, 30):
            same = msgspec.structs.replace(was, start=start)
            fits = not breaches(instance, Plan(assignments=(*others, same), groups=plan.groups))
            if fits and start != was.start:
                assert start in offered
            if start in offered:
                moved = Plan(assignments=(*others, offered[start]), groups=plan.groups)
                assert breaches(instance, moved) == []
                assert start % 120 or judge(raw, json.loads(msgspec.json.encode(moved)))[0] == []


def test_the_lags_of_a_session_are_told_with_what_they_are():
    instance = read_instance(problem(1, patients=3, days=10))
    plan = solve(instance, seconds=1.0, processes=1).plan
    told = [bind for one in plan.assignments for bind in binds(instance, plan, one.activity)]
    assert told
    assert all(one.at_least <= one.minutes and (one.at_most is None or one.minutes <= one.at_most) for one in told)


def test_it_answers_while_somebody_holds_a_session_in_the_hand():
    instance = read_instance(problem(5, patients=12, days=10, doses=4))
    plan = solve(instance, seconds=3.0, processes=1).plan
    began = time.process_time()
    places = options(instance, plan, plan.assignments[0].activity)
    assert time.process_time() - began < 2
    for day, found in places.items():
        assert nearest(found, 600).start // DAY == day
