"""
How few activities of a published plan a repair must change: counted, and then asked of the constraint solver.

An activity that cannot stay beside what must stay, whatever else is moved, is changed in every repair. Whether these
alone are enough is a small question, for all others stand still; each further one is a question about everything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from msgspec.structs import replace

from openkap.schedule.ground import Ground
from openkap.schedule.model import FEASIBLE, INFEASIBLE, Model, names
from openkap.schedule.placing import Kept
from openkap.schedule.search import Search
from openkap.schedule.types import Instance

WORK = 0.15  # of the solver for all questions, in its own count (a few seconds), by which it is the same every time
LARGE = 700  # activities beyond which the solver is asked only where all but what was hit stands still


@dataclass(frozen=True)
class Least:
    """So many activities change at least; and what does not depend on the search."""

    at_least: int
    forced: tuple[str, ...]  # ids that cannot stay

    def words(self, changed: int) -> str:
        """What is known of a repair that changes so many."""
        return "proven" if changed <= self.at_least else f"smallest found, at least {self.at_least}"


def forced(instance: Instance) -> list[str]:
    """Published activities that can stay in no repair: not even with nothing else there but what must stay."""
    base = instance.baseline
    if base is None:
        return []
    search = Search(Ground(instance), 1)
    search.fix()
    items = {item.id: item for item in search.ground.items}
    found = []
    for old in base.assignments:
        item = items.get(old.activity)
        if item is None or item.fixed:
            continue
        if item.was is None or search.valid(item.number, *item.was) is None:
            found.append(item.id)
    return found


def least(instance: Instance, kept: Kept, until: float | None) -> tuple[Least, Kept | None]:
    """
    How few activities must change, and a repair with fewer changes than this one where the solver found one.

    Args:
        kept: a repair. until: monotonic time at which to stop asking; None asks as long as `WORK` lasts.
    """
    hit = forced(instance)
    shifted = kept.changed + sum(_unread(instance))
    if kept.gaps or shifted <= len(hit):
        return Least(len(hit), tuple(hit)), None
    # Everything stands in this repair, so one with fewer changes need leave nothing out either.
    ground = Ground(replace(instance, coverage="all"))
    numbers = {item.id: item.number for item in ground.items}
    everyone = list(range(len(ground.patients)))
    count, moves = len(hit), {numbers[name] for name in hit}
    fresh = {item.number for item in ground.items if item.was is None}
    work = WORK
    while count < shifted:
        left = 60.0 if until is None else until - time.monotonic()
        if left < 0.2 or work <= 0 or (count > len(hit) and len(ground.items) > LARGE):
            break
        may = moves | fresh if count == len(hit) else None
        model = Model(ground, everyone, names(ground, everyone), may=may, most=count - sum(_unread(instance)))
        found = model.solve(left, work=work)
        work -= found.work
        if found.status == FEASIBLE:
            return Least(count, tuple(hit)), _board(instance, found.starts, found.people, found.going)
        if found.status != INFEASIBLE:
            break
        count += 1
    return Least(count, tuple(hit)), None


def _unread(instance: Instance) -> list[bool]:
    """For each published activity that need not stay, whether it begins at a time at which nothing can begin."""
    base, ground = instance.baseline, Ground(instance)
    items = {item.id: item for item in ground.items}
    if base is None:
        return []
    return [one.activity in items and items[one.activity].was is None for one in base.assignments]


def _board(
    instance: Instance,
    starts: dict[int, int],
    people: dict[int, tuple[int, ...]],
    going: list[tuple[int, int]],
) -> Kept | None:
    """What the solver found, as a plan of the search; None where rooms or leaders of groups do not come out."""
    search = Search(Ground(instance), 1)
    search.fix()
    for n in sorted(starts, key=lambda n: (starts[n], n)):
        if search.board.spot[n] is None:
            spot = search.valid(n, starts[n], people[n])
            if spot is None:
                return None
            search.board.place(n, spot)
    for patient, n in going:
        found = search.chooser.could_join(patient, search.ground.events[n], -1)
        if found is None:
            return None
        search.board.join(patient, n, *found)
    return search.keep()
