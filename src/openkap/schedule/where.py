"""
Where else one session could stand while everything else stays: every start, with people and a room.

The board of the search answers at once for all starts; each answer still goes past `rules` before it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from openkap.schedule.beside import held_alone
from openkap.schedule.choose import Chooser
from openkap.schedule.ground import Ground, Item
from openkap.schedule.repair import repair
from openkap.schedule.rules import Breach, View, breaches
from openkap.schedule.search import Search
from openkap.schedule.types import DAY, Instance, Placed, Plan


@dataclass(frozen=True)
class Bind:
    """A lag that holds a session where it is: the other one, minutes between them as they are, least and most."""

    other: str
    after: bool  # the other one comes first
    minutes: int
    at_least: int
    at_most: int | None


def binds(instance: Instance, plan: Plan, activity: str) -> list[Bind]:
    """The lags between a placed session and others that are placed."""
    view, found = View(instance, plan), []
    for lag in instance.lags:
        if activity not in (lag.before, lag.after) or not {lag.before, lag.after} <= view.placed.keys():
            continue
        point = view.placed[lag.before].start
        if lag.from_point == "end":
            point += view.activities[lag.before][1].duration
        other = lag.before if activity == lag.after else lag.after
        minutes = view.placed[lag.after].start - point
        found.append(Bind(other, other == lag.before, minutes, lag.at_least, lag.at_most))
    return found


def options(instance: Instance, plan: Plan, activity: str) -> dict[int, list[Placed]]:
    """
    Everywhere else that a session could stand, by day, in order of time; the people it has are kept where they can.

    Args:
        activity: one that is placed.
    """
    instance = held_alone(instance)
    ground = Ground(instance)
    search = Search(ground, 1)
    search.fix()
    repair(search, plan)
    item = next(one for one in ground.items if one.id == activity)
    was = next(one for one in plan.assignments if one.activity == activity)
    if search.board.spot[item.number] is not None:
        search.board.remove(item.number)
    view = View(instance, plan)
    found: dict[int, list[Placed]] = {}
    for start in _bits(Chooser(search.board, Random(1)).room_for(item)):
        minute = start * ground.unit
        team = _team(search, item, start, tuple(ground.number[name] for name in was.staff))
        room = _room(view, was, minute) if item.roomed else None
        if team is None or (item.roomed and room is None) or minute == was.start:
            continue
        names = tuple(ground.staff[n].id for n in team)
        found.setdefault(minute // DAY, []).append(Placed(activity=activity, start=minute, staff=names, room=room))
    return found


@dataclass(frozen=True)
class Hand:
    """
    A plan of which one session is to stand elsewhere, judged twice: in the problem it was made for, and in the house as
    it stands now, with what was booked, or who went away, since.
    """

    instance: Instance
    plan: Plan
    now: Instance
    standing: Plan
    _before: dict[tuple[bool, str], frozenset[Breach]] = field(default_factory=dict)

    @cached_property
    def both(self) -> list[tuple[Instance, Plan]]:
        """The problem as it was, and as it is where anything came since."""
        was, now = (self.instance, self.plan), (self.now, self.standing)
        return [now] if was == now else [was, now]

    def holds(self, activity: str) -> bool:
        """Whether a session is one of this plan still."""
        return all(activity in View(*one).placed for one in self.both)

    def faults(self, placed: Placed) -> tuple[Breach, ...]:
        """Rules that would be broken with a session there, and are not without it."""
        found: dict[Breach, None] = {}
        for instance, plan in self.both:
            key = (instance is self.now, placed.activity)
            if key not in self._before:
                self._before[key] = frozenset(breaches(instance, without(plan, placed.activity)))
            after = breaches(instance, moved(plan, placed))
            found |= dict.fromkeys(one for one in after if one not in self._before[key])
        return tuple(found)

    def options(self, activity: str) -> dict[int, list[Placed]]:
        """Everywhere else that a session could stand, by day, in both."""
        found = options(self.now, self.standing, activity)
        if len(self.both) == 1:
            return found
        then = {one.start for places in options(self.instance, self.plan, activity).values() for one in places}
        both = {day: [one for one in places if one.start in then] for day, places in found.items()}
        return {day: places for day, places in both.items() if places}


def moved(plan: Plan, placed: Placed) -> Plan:
    """A plan with one session placed otherwise."""
    return Plan(assignments=(*without(plan, placed.activity).assignments, placed), groups=plan.groups)


def without(plan: Plan, activity: str) -> Plan:
    """A plan with one session taken out."""
    return Plan(assignments=tuple(one for one in plan.assignments if one.activity != activity), groups=plan.groups)


def nearest(places: list[Placed], minute: int) -> Placed:
    """Of places on one day the one nearest to this time of day."""
    return min(places, key=lambda one: (abs(one.start % DAY - minute % DAY), one.start))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _team(search: Search, item: Item, start: int, before: tuple[int, ...]) -> tuple[int, ...] | None:
    """Who could do it then: whoever has it now where that can be, else the first who can, each once."""
    taken: list[int] = []
    for place, need in enumerate(item.needs):
        first = before[place : place + 1]
        order = [*(one for one in first if one in need.people), *need.people]
        free = (one for one in order if one not in taken and search.board.can(one, need.begins, need.ends) >> start & 1)
        person = next(free, None)
        if person is None:
            return None
        taken.append(person)
    return tuple(taken)


def _room(view: View, was: Placed, minute: int) -> str | None:
    """A room of the kind that is free then: the one it has if that can be."""
    _, activity = view.activities[was.activity]
    for room in sorted(view.rooms.values(), key=lambda one: (one.id != was.room, one.id)):
        if room.kind != activity.room_kind:
            continue
        until = minute + activity.duration + room.turnover
        uses = [use for use in view.of_rooms.get(room.id, ()) if use.about != was.activity]
        if all(use.until <= minute or until <= use.start for use in uses):
            return room.id
    return None
