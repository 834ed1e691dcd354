"""The same problem with some of its named constraints left out, for the search to show that there is a plan."""

from __future__ import annotations

import math
import time
from collections.abc import Collection

from msgspec.structs import replace

from openkap.schedule.ground import Ground
from openkap.schedule.search import Search
from openkap.schedule.types import DAY, Activity, Instance, Patient, Person, Room

STEPS = 300  # of the search, before the solver is asked


def relaxed(instance: Instance, kept: Collection[str]) -> Instance:
    """
    A problem at least as strict as the constraints that are kept.

    One thing at a time stays for everybody, kept or not: a plan of this problem is one under `kept`, but not the other
    way round.
    """
    days = tuple((day * DAY, day * DAY + DAY) for day in range(instance.horizon_days))
    whole = (0, instance.horizon_days * DAY)
    count = sum(len(who.activities) for who in instance.patients) + len(instance.group_events)

    def activity(one: Activity) -> Activity:
        trained = f"activity:{one.id}:credential" in kept
        return replace(
            one,
            staff=tuple(need if trained else replace(need, credentials=()) for need in one.staff),
            window=one.window if f"activity:{one.id}:window" in kept else None,
            monitored_by=tuple(role for role in one.monitored_by if f"ratio:{role}" in kept),
            on_site=tuple(role for role in one.on_site if f"on_site:{role}" in kept),
        )

    def patient(who: Patient) -> Patient:
        there = f"patient:{who.id}:availability" in kept
        return replace(
            who,
            stay=who.stay if there else whole,
            unavailable=who.unavailable if there else (),
            activities=tuple(map(activity, who.activities)),
        )

    def person(one: Person) -> Person:
        return one if f"staff:{one.id}:shifts" in kept else replace(one, shifts=days)

    asked = {one.room_kind for who in instance.patients for one in who.activities} | {
        one.room_kind for one in instance.group_events
    }
    kinds = sorted(kind for kind in asked if kind and f"room_kind:{kind}:capacity" not in kept)
    more = tuple(Room(id=f"{kind}/{n}", kind=kind) for kind in kinds for n in range(count))
    lags = tuple(
        replace(
            lag,
            at_least=lag.at_least if f"lag:{lag.id}:min" in kept else -2 * whole[1],
            at_most=lag.at_most if f"lag:{lag.id}:max" in kept else None,
        )
        for lag in instance.lags
    )
    return replace(
        instance,
        coverage="all",
        staff=tuple(map(person, instance.staff)),
        rooms=tuple(room for room in instance.rooms if room.kind not in kinds) + more,
        patients=tuple(map(patient, instance.patients)),
        lags=lags,
    )


def of_some(instance: Instance, patients: Collection[int]) -> Instance:
    """The same house with some of its patients only."""
    some = tuple(instance.patients[n] for n in sorted(patients))
    mine = {one.id for who in some for one in who.activities}
    lags = tuple(lag for lag in instance.lags if lag.before in mine and lag.after in mine)
    base = instance.baseline
    if base is not None:
        placed = tuple(one for one in base.assignments if one.activity in mine)
        base = replace(base, assignments=placed, pinned=tuple(name for name in base.pinned if name in mine))
    return replace(instance, patients=some, lags=lags, baseline=base)


def with_more(instance: Instance, name: str, count: int) -> Instance:
    """
    The same house with more of what a constraint says there is too little of.

    Args:
        name: `room_kind:KIND:capacity`, `ratio:ROLE`, `on_site:ROLE`, or `staff:ID:RULE` for more who are like one;
            they are there at all opening hours.
        count: so many more.
    """
    kind, what = name.split(":")[:2]
    if kind == "room_kind":
        alike = next((one for one in instance.rooms if one.kind == what), Room(id="", kind=what))
        return replace(instance, rooms=instance.rooms + tuple(replace(alike, id=f"more/{n}") for n in range(count)))
    low, high = instance.opening
    days = tuple((day * DAY + low, day * DAY + high) for day in range(instance.horizon_days))
    like = next((one for one in instance.staff if kind == "staff" and one.id == what), None)
    role, skills = (like.role, like.credentials) if like else (what, ())
    more = tuple(Person(id=f"more/{n}", role=role, shifts=days, credentials=skills) for n in range(count))
    return replace(instance, staff=instance.staff + more)


def has_plan(instance: Instance, kept: Collection[str], until: float = math.inf) -> bool:
    """Whether the search places everything under the constraints that are kept; False says nothing."""
    search = Search(Ground(relaxed(instance, kept)), 1)
    if search.fix():
        return False
    search.construct()
    search.run(steps=STEPS, tell=lambda one: one.board.gaps == 0 or time.monotonic() > until)
    return search.board.gaps == 0
