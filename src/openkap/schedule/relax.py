"""The same problem with some of its named constraints left out, for the search to show that there is a plan."""

from __future__ import annotations

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


def has_plan(instance: Instance, kept: Collection[str]) -> bool:
    """Whether the search places everything under the constraints that are kept; False says nothing."""
    search = Search(Ground(relaxed(instance, kept)), 1)
    if search.fix():
        return False
    search.construct()
    search.run(steps=STEPS, tell=lambda one: one.board.gaps == 0)
    return search.board.gaps == 0
