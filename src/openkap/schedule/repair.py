"""
Planning again with as little change as possible: what still holds stays, what was hit is placed anew.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from openkap.schedule.least import Least
from openkap.schedule.rules import View
from openkap.schedule.search import COLD, Search
from openkap.schedule.types import Instance, Placed, Plan

MEND = 400  # steps


@dataclass(frozen=True)
class Repair:
    """What the world did to a plan."""

    kept: int
    hit: tuple[str, ...]  # activities and group attendances that could not stay as they were

    def document(self, instance: Instance, plan: Plan, least: Least | None = None) -> dict[str, Any]:
        """The count of what changed against the published plan, in sessions and in people."""
        found: dict[str, Any] = {"kept": self.kept, "hit": list(self.hit)}
        if instance.baseline is None:
            return found
        view = View(instance, plan)
        moved, patients, staff = [], set(), set()
        for old in instance.baseline.assignments:
            if old.activity not in view.activities:
                continue
            new = view.placed.get(old.activity)
            if new is None or (new.start, new.staff) != (old.start, old.staff):
                moved.append(old.activity)
                patients.add(view.activities[old.activity][0].id)
                people = set(old.staff) ^ set(new.staff) if new is not None else set(old.staff)
                staff |= people if new is None or new.start == old.start else set(old.staff) | set(new.staff)
        found |= {"changed": moved, "patients_told": sorted(patients), "staff_told": sorted(staff)}
        if least is not None:
            found |= {"cannot_stay": list(least.forced), "at_least": least.at_least}
            found["smallest"] = least.words(len(moved))
        return found


def repair(search: Search, start: Plan | None) -> Repair | None:
    """
    Put what still keeps the rules on the board.

    Args:
        search: with what must stay already placed.
        start: the plan to begin from; None takes the published one.

    Returns:
        what was kept and what was hit, or None where there is no plan to begin from.
    """
    ground = search.ground
    base = ground.instance.baseline
    if start is None and base is None:
        return None
    old = start if start is not None else Plan(assignments=base.assignments if base else ())
    given: dict[str, Placed] = {one.activity: one for one in old.assignments}
    kept, hit = 0, []
    for item in sorted(ground.items, key=lambda one: (given[one.id].start if one.id in given else -1, one.number)):
        was = given.get(item.id)
        if was is None or search.board.spot[item.number] is not None:
            continue
        people = tuple(ground.number.get(name, -1) for name in was.staff)
        spot = None if was.start % ground.unit else search.valid(item.number, was.start // ground.unit, people)
        if spot is None:
            hit.append(item.id)
        else:
            search.board.place(item.number, spot)
            kept += 1
    hit += _groups(search, old)
    search.settle()
    search.board.mark()
    return Repair(kept, tuple(hit))


def mend(search: Search, until: float) -> None:
    """
    Place what was hit and found no place beside what stands, and let what was pushed away for it come back.

    Args:
        until: monotonic time at which to stop; it is short in any case.
    """

    def enough(one: Search) -> bool:
        board = one.board
        return (board.gaps == 0 and board.changed <= one.forced) or time.monotonic() > until

    search.run(steps=MEND, heat=(COLD, COLD), tell=enough)


def _groups(search: Search, old: Plan) -> list[str]:
    """Let patients attend the groups they attended, where that still holds."""
    ground, board = search.ground, search.board
    events = {one.id: one for one in ground.events}
    patients = {one.id: n for n, one in enumerate(ground.patients)}
    hit = []
    base = ground.instance.baseline
    for held in old.groups:
        event = events.get(held.event)
        if event is not None and base is not None and event.start * ground.unit < base.now:
            continue  # it was attended, and the programme of the instance counts only what is still to come
        leader = ground.number.get(held.staff, -1)
        for name in held.attendees:
            patient = patients.get(name, -1)
            found = search.chooser.could_join(patient, event, leader) if event is not None and patient >= 0 else None
            if event is None or found is None or len(board.joined[patient]) >= ground.wanted[patient]:
                hit.append(f"{held.event}/{name}")
            else:
                board.join(patient, event.number, *found)
    return hit
