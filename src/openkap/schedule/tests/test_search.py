"""Whatever is drawn, every plan the search holds keeps every rule, by an independent judge."""

import json
from functools import cache
from typing import Any

import msgspec
import pytest

from openkap.schedule.bound import bound
from openkap.schedule.ground import Ground
from openkap.schedule.objective import objective, terms
from openkap.schedule.pair import CYCLE, MEETINGS, go
from openkap.schedule.publish import publish
from openkap.schedule.read import read_instance
from openkap.schedule.rules import breaches
from openkap.schedule.search import Search
from openkap.schedule.solve import solve
from openkap.schedule.tests.make import problem, tiny
from openkap.schedule.tests.referee import judge
from openkap.schedule.types import Instance, Plan

KINDS = {
    "plain": {},
    "odd": {"odd": True},
    "short": {"short": True, "patients": 6},
    "odd and short": {"odd": True, "short": True},
}


def plain(plan: Plan) -> dict[str, Any]:
    """A plan as it is printed."""
    return json.loads(msgspec.json.encode(plan))


def weighed(raw: dict[str, Any], counted: dict[str, int]) -> float:
    return sum(raw["weights"].get(name, 0) * count for name, count in counted.items())


@cache
def one(seed: int = 3) -> tuple[Instance, Ground]:
    instance = read_instance(problem(seed))
    return instance, Ground(instance)


@pytest.mark.parametrize("kind", KINDS)
def test_every_plan_a_search_passes_through_keeps_every_rule_and_counts_every_term(kind: str, seed: int):
    for draw in range(4):
        raw = problem(seed + draw, **KINDS[kind])
        instance = read_instance(raw)
        ground = Ground(instance)
        search = Search(ground, seed)
        search.construct()
        for _ in range(6):
            search.run(steps=25)
            kept = search.keep()
            plan = publish(ground, kept)
            broken, counted = judge(raw, plain(plan))
            assert broken == [], (seed + draw, kind, broken)
            assert breaches(instance, plan) == []
            assert terms(instance, plan) == counted
            assert objective(instance, counted) == weighed(raw, counted)
            if ground.step == 1:
                assert kept.value == pytest.approx(weighed(raw, counted)), "the running sum has drifted"
            assert bound(ground).value <= weighed(raw, counted)


def test_undoing_a_step_restores_the_board_exactly(seed: int):
    ground = Ground(read_instance(problem(seed % 1000, odd=True)))
    search = Search(ground, seed)
    search.construct()
    board = search.board

    def state() -> Any:
        held = (list(board.spot), list(board.busy), list(board.load), [list(p) for p in board.planes], list(board.nap))
        who = (
            list(board.held),
            list(board.there),
            [sorted(s.items()) for s in board.seen],
            list(board.guests),
            list(board.leader),
        )
        joined = [sorted(one) for one in board.joined]
        return json.dumps([held, who, joined, board.gaps, round(board.soft, 6)], default=str)

    for _ in range(60):
        before = state()
        board.mark()
        search.step()
        board.back()
        assert state() == before
        search.run(steps=1)


def test_the_same_seed_and_steps_give_the_same_plan_and_another_seed_another():
    instance, _ = one()
    first, again, other = (solve(instance, steps=80, seed=s, processes=1).plan for s in (5, 5, 6))
    assert first == again
    assert first != other


def test_two_searches_that_meet_give_the_same_plan_every_time():
    instance, _ = one()
    first, again = (solve(instance, steps=60, seed=5, processes=2) for _ in range(2))
    assert first.processes == 2
    assert first.plan == again.plan


def test_the_small_example_of_the_format_is_solved_to_its_best():
    answer = solve(read_instance(tiny()), steps=200, processes=1)
    assert (answer.status, answer.objective) == ("feasible", 0)


def test_more_steps_are_never_worse_than_the_first_plan():
    _, ground = one(9)
    search = Search(ground, 1)
    search.construct()
    first = search.best.value
    search.run(steps=150)
    assert search.best.value < first


def test_a_plan_given_to_begin_from_is_kept_where_it_holds():
    instance, _ = one()
    good = solve(instance, steps=150, processes=1)
    again = solve(instance, steps=1, processes=1, start=good.plan)
    assert again.objective <= good.objective
    assert again.repair is not None
    assert (again.repair.kept, again.repair.hit) == (len(good.plan.assignments), ())


def test_a_dose_is_never_left_without_its_integration_though_people_are_short():
    for draw in range(6):
        instance = read_instance(problem(draw, patients=7, short=True, days=5))
        plan = solve(instance, steps=30, processes=1).plan
        names = {one.activity for one in plan.assignments}
        doses = {name for name in names if "dose" in name}
        assert {name.replace("dose", "int") for name in doses} <= names
        assert any(one.activities for one in instance.patients)


def test_a_search_can_be_stopped_at_any_time_and_gives_its_best():
    _, ground = one()
    search = Search(ground, 2)
    search.construct()
    search.run(steps=10_000, tell=lambda running: running.steps >= 0 and running.best is not None)
    assert search.steps < 10_000
    assert breaches(ground.instance, publish(ground, search.best)) == []


def test_a_long_run_heats_up_again_and_never_ends_worse_than_its_best(monkeypatch: pytest.MonkeyPatch):
    _, ground = one()
    search = Search(ground, 4)
    search.construct()
    heats: list[tuple[float, float]] = []
    real = search.run

    def run(**asked: Any) -> None:
        heats.append(asked["span"])
        real(**asked)

    monkeypatch.setattr(search, "run", run)
    go(search, until=None, steps=2 * CYCLE * len(ground.items))
    assert heats[0] == (0.0, 1.0), "the first annealing cools down wholly"
    assert heats[1] == (0.0, MEETINGS[0]), "the second begins hot again"
    assert search.board.value() == pytest.approx(search.best.value)
