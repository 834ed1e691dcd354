"""
From a planning problem to an answer: a plan, a proof that there is none, or neither in the time given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from openkap.schedule.bound import Bound, bound
from openkap.schedule.explain import Conflict, explain
from openkap.schedule.ground import Ground
from openkap.schedule.least import Least, least
from openkap.schedule.objective import objective, staff_idle_minutes, terms
from openkap.schedule.pair import Partner, go
from openkap.schedule.placing import Kept
from openkap.schedule.publish import publish
from openkap.schedule.repair import Repair, mend, repair
from openkap.schedule.rules import View, breaches
from openkap.schedule.search import Search
from openkap.schedule.types import Instance, Plan

Status = Literal["feasible", "infeasible", "unknown"]
VITAL = 2.0  # seconds to say why what must stay cannot be completed
TRIAL = 2.0  # seconds at most that a whole plan is tried for before it is asked why there is none
ALONE = 4.0  # seconds below which a second process does not pay


@dataclass(frozen=True)
class Answer:
    """What came out."""

    status: Status
    plan: Plan = field(default_factory=Plan)
    terms: dict[str, int] = field(default_factory=dict)
    objective: float = 0.0
    bound: Bound | None = None
    conflict: Conflict | None = None
    repair: Repair | None = None
    least: Least | None = None
    seconds: float = 0.0
    steps: int = 0
    processes: int = 1
    left_out: int = 0


def solve(
    instance: Instance,
    *,
    seconds: float = 30.0,
    start: Plan | None = None,
    seed: int = 1,
    steps: int | None = None,
    processes: int = 2,
    tell: Callable[[float, float, int], None] | None = None,
    look: Callable[[Glimpse], bool] | None = None,
) -> Answer:
    """
    Plan.

    Args:
        instance: the problem.
        seconds: bound of the whole run; with `steps` only a proof that there is no plan is bound by it.
        start: a plan to begin from; what of it still keeps the rules is kept, the rest is placed anew. Where the
            instance has a published plan and none is given, that one is begun from.
        seed: of every draw. steps: number of steps of each search; the same seed and steps give the same plan.
        processes: 1 or 2 searches.
        tell: called about once a second with seconds, objective and what is missing.
        look: shown the best plan so far as soon as there is one, and about once a second; true: it is good enough.

    Returns:
        `feasible` with a plan that keeps every rule; `infeasible` with a conflict; `unknown` when the time ended with
        neither.
    """
    began = time.monotonic()
    until = began + seconds
    ground = Ground(instance)
    search = Search(ground, seed)
    broken = search.fix()
    if broken:
        return _unsolved(instance, began, until, only=tuple(broken))
    report = _Reporter(instance, ground, began, tell, look)
    mended = repair(search, start)
    late = until if steps is None else math.inf
    if ground.replans:
        mend(search, late)
    search.construct(lambda: time.monotonic() > until - 0.1 * seconds)
    whole = instance.coverage == "all"
    if whole and search.board.gaps:
        none = _try_or_explain(instance, search, report, began, seconds, steps)
        if none is not None:
            return none
    few = None
    if ground.replans and not report(search):
        few = _fewest(instance, search, None if steps is not None else began + 0.5 * seconds)
    two = processes > 1 and (steps is not None or until - time.monotonic() > ALONE)
    assert search.best is not None
    partner = Partner(instance, search.best, seed + 1_000_003, until, steps) if two else None
    try:
        go(search, until=until, steps=steps, other=partner.pipe if partner else None, tell=report)
    finally:
        if partner:
            partner.end()
    assert search.best is not None
    if search.best.vital and not whole:
        # What must stay depends on something that found no place: then nothing is a plan.
        stand = tuple(item.id for item in ground.items if item.fixed or item.vital)
        return _unsolved(instance, began, max(until, time.monotonic() + VITAL), only=stand)
    if whole and search.best.gaps:
        return Answer("unknown", seconds=time.monotonic() - began, steps=search.steps, left_out=search.best.gaps)
    return _feasible(instance, search, began, mended, few, 2 if two else 1)


def _try_or_explain(
    instance: Instance, search: Search, report: _Reporter, began: float, seconds: float, steps: int | None
) -> Answer | None:
    """Try for a whole plan, quickly and then longer, and after each ask why there is none; None goes on searching."""
    for quick, part in ((True, min(0.1 * seconds, TRIAL)), (False, 0.4 * seconds)):
        trial: dict[str, Any] = {"until": began + part}
        if steps is not None:
            trial = {"steps": max(200, steps // 4)}
        search.run(**trial, tell=lambda one: one.board.gaps == 0 or report(one))
        if report.enough or not search.board.gaps:
            break
        answer = _unsolved(instance, began, began + 0.95 * seconds, search=search, quick=quick)
        if answer.status == "infeasible":
            return answer
    return None


def _feasible(
    instance: Instance, search: Search, began: float, mended: Repair | None, few: Least | None, processes: int
) -> Answer:
    assert search.best is not None
    plan = _clean(instance, search.ground, search.best)
    counted = terms(instance, plan)
    return Answer(
        "feasible",
        plan=plan,
        terms=counted,
        objective=objective(instance, counted),
        bound=bound(search.ground),
        repair=mended,
        least=few,
        seconds=time.monotonic() - began,
        steps=search.steps,
        processes=processes,
        left_out=search.best.gaps,
    )


def _fewest(instance: Instance, search: Search, until: float | None) -> Least | None:
    """How few must change; the search goes on from a repair with fewer changes where the solver finds one."""
    assert search.best is not None
    if search.best.vital:
        return None
    few, better = least(instance, search.best, until)
    if better is not None and better.value < search.best.value:
        search.load(better)
        search.best = better
    return few


def _clean(instance: Instance, ground: Ground, kept: Kept) -> Plan:
    """The plan, judged by the rules: one that breaks any is not given away. None was ever seen."""
    plan = publish(ground, kept)
    if faults := breaches(instance, plan):
        raise AssertionError(f"{faults[0].rule}: {faults[0].about} {faults[0].because}")
    return plan


@dataclass(frozen=True)
class Glimpse:
    """The best plan so far: it keeps every rule, but for `missing` activities that are not placed yet."""

    seconds: float
    plan: Plan
    terms: dict[str, int]
    objective: float
    missing: int


class _Reporter:
    """Says how it goes, about once a second; true once whoever looks has enough."""

    def __init__(
        self,
        instance: Instance,
        ground: Ground,
        began: float,
        tell: Callable[[float, float, int], None] | None,
        look: Callable[[Glimpse], bool] | None,
    ):
        self.instance, self.ground, self.began = instance, ground, began
        self.tell, self.look, self.next, self.glance = tell, look, 1.0, 0.0
        self.enough = False

    def __call__(self, search: Search) -> bool:
        passed = time.monotonic() - self.began
        best = search.best
        if best is None:
            return self.enough
        if self.tell is not None and passed >= self.next:
            self.next = passed + max(1.0, passed / 4)
            self.tell(passed, best.cost, best.gaps)
        if self.look is not None and passed >= self.glance and not self.enough:
            self.glance = passed + 1.0
            self.enough = self.look(self._glimpse(best, passed))
        return self.enough

    def _glimpse(self, best: Kept, passed: float) -> Glimpse:
        # Whole or nothing: what is half placed is not shown.
        if best.vital or (best.gaps and self.instance.coverage == "all"):
            return Glimpse(passed, Plan(), {}, best.cost, best.gaps)
        plan = _clean(self.instance, self.ground, best)
        counted = terms(self.instance, plan)
        return Glimpse(passed, plan, counted, objective(self.instance, counted), best.gaps)


def _unsolved(
    instance: Instance,
    began: float,
    until: float,
    *,
    only: tuple[str, ...] = (),
    search: Search | None = None,
    quick: bool = False,
) -> Answer:
    conflict = explain(instance, until=until, only=only, search=search, quick=quick)
    return Answer("infeasible" if conflict else "unknown", conflict=conflict, seconds=time.monotonic() - began)


def document(instance: Instance, answer: Answer, *, seed: int, steps: int | None) -> dict[str, Any]:
    """What `openkap schedule` prints."""
    how = {
        "seconds": round(answer.seconds, 2),
        "steps": answer.steps,
        "seed": seed,
        "processes": answer.processes,
        "repeatable": steps is not None,
    }
    head: dict[str, Any] = {"instance": instance.name, "status": answer.status}
    if answer.status == "unknown":
        because = f"the time ended with {answer.left_out} not placed and without a proof that they cannot be"
        return (
            head
            | {"because": because if answer.left_out else "the time ended without a plan and without a proof"}
            | {"search": how}
        )
    if answer.status == "infeasible":
        assert answer.conflict is not None
        return {**head, **answer.conflict.document(), "search": how}
    view = View(instance, answer.plan)
    found: dict[str, Any] = head | msgspec.to_builtins(answer.plan)
    assert answer.bound is not None
    found |= {
        "lower_bound": answer.bound.value,
        "bound": {"value": answer.bound.value, "how": answer.bound.how},
        "objective": answer.objective,
        "terms": {
            name: {
                "count": count,
                "weight": instance.weights.get(name, 0),
                "cost": instance.weights.get(name, 0) * count,
            }
            for name, count in answer.terms.items()
        },
        "unplaced": [name for name in view.activities if name not in view.placed],
        "staff_idle_minutes": staff_idle_minutes(view),
        "search": how,
    }
    if answer.repair is not None:
        found["repair"] = answer.repair.document(instance, answer.plan, answer.least)
    return found
