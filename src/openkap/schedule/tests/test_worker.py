"""A search that others watch: what it shows keeps every rule at every moment, and it stops when told."""

import time

import msgspec

from openkap.schedule.read import read_instance
from openkap.schedule.rules import breaches
from openkap.schedule.tests.make import problem
from openkap.schedule.types import Plan
from openkap.schedule.worker import STOP, Told, search, searching


def test_every_plan_that_is_shown_keeps_every_rule_and_none_is_worse_than_the_one_before():
    instance = read_instance(problem(1, patients=6, days=8))
    shown: list[Told] = []

    def told(one: Told) -> bool:
        shown.append(one)
        return False

    answer = search(instance, None, 4.0, 1, told, processes=1)
    plans = [msgspec.json.decode(one.plan, type=Plan) for one in [*shown, answer] if one.plan]
    assert len(plans) >= 3 and all(breaches(instance, plan) == [] for plan in plans)
    assert shown[0].seconds < 2
    values = [one.objective for one in shown]
    assert values == sorted(values, reverse=True)


def test_it_stops_as_soon_as_somebody_has_enough():
    instance = read_instance(problem(1, patients=6, days=8))
    began = time.monotonic()
    answer = search(instance, None, 60.0, 1, lambda one: True, processes=1)
    assert answer.status == "feasible" and time.monotonic() - began < 15


def test_a_search_in_another_process_tells_how_far_it_is_and_hears_the_word_to_stop():
    instance = read_instance(problem(1, patients=3, days=8))
    with searching(instance, None, 60.0, 1) as line:
        heard, stopped = [], False
        while True:
            assert line.poll(40)
            one: Told = line.recv()
            heard.append(one)
            if one.status:
                break
            if not stopped:
                line.send(STOP)
                stopped = True
    assert heard[-1].status == "feasible"
    assert breaches(instance, msgspec.json.decode(heard[-1].plan, type=Plan)) == []


def test_two_houses_are_planned_at_once_each_in_a_process_of_its_own():
    houses = [read_instance(problem(seed, patients=3, days=8)) for seed in (1, 2)]
    with searching(houses[0], None, 60.0, 1) as one, searching(houses[1], None, 60.0, 1) as other:
        for line in (one, other):  # both go on before either is told to stop
            assert line.poll(40) and line.recv().status == ""
        for instance, line in zip(houses, (one, other), strict=True):
            line.send(STOP)
            last: Told = line.recv()
            while not last.status:
                last = line.recv()
            assert breaches(instance, msgspec.json.decode(last.plan, type=Plan)) == []
