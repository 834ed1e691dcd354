"""
What a house holds beside a retreat, so that a search goes round it: rooms, and places of those who watch.

The format has its own means for it: each is an activity of somebody who is nobody (`~1`), with no staff, pinned where
it is. People and guests are told apart before, by breaks and times at which they cannot come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from openkap.schedule.ground import Ground
from openkap.schedule.search import Search
from openkap.schedule.types import DAY, Activity, Baseline, Instance, Patient, Placed, Plan

MARK = "~"  # no code of a guest begins with it


@dataclass(frozen=True)
class Hold:
    """Minutes of a retreat in which something is not there for it: a room by its id, a place with a role, or both."""

    begins: int
    ends: int
    room: str | None = None
    watched_by: str = ""


def beside(instance: Instance, holds: Iterable[Hold]) -> Instance:
    """
    The problem with what others hold.

    A place with those who watch that cannot be held, for too few of them are there now, is left out: whose it is must
    mend it.
    """
    cut = [part for one in holds for part in _inside(instance, one)]
    cut = [
        *_merged(instance, cut),
        *(Hold(one.begins, one.ends, None, one.watched_by) for one in cut if one.watched_by),
    ]
    while True:
        found = _with(instance, cut)
        broken = {name for name in Search(Ground(found), 1).fix() if name.startswith(MARK)}
        if not broken:
            return found
        cut = [one for n, one in enumerate(cut) if _name(n) not in broken]


def apart(plan: Plan) -> Plan:
    """A plan without what others hold."""
    return Plan(
        assignments=tuple(one for one in plan.assignments if not one.activity.startswith(MARK)), groups=plan.groups
    )


def held_alone(instance: Instance) -> Instance:
    """The problem with what others hold as all that must stay."""
    base = instance.baseline
    held = tuple(one for one in base.assignments if one.activity.startswith(MARK)) if base is not None else ()
    stays = Baseline(now=0, assignments=held, pinned=tuple(one.activity for one in held)) if held else None
    return msgspec.structs.replace(instance, baseline=stays)


def _name(place: int) -> str:
    return f"{MARK}{place + 1}"


def _inside(instance: Instance, hold: Hold) -> list[Hold]:
    """The parts of a hold in opening hours, widened to the grid: what is booked is booked by the quarter of an hour."""
    kinds = {one.id for one in instance.rooms}
    room = hold.room if hold.room in kinds else None
    watch = hold.watched_by if hold.watched_by in instance.monitor_ratio else ""
    if room is None and not watch:
        return []
    grid, found = instance.grid_minutes, []
    low, high = hold.begins // grid * grid, -(-hold.ends // grid) * grid
    for day in range(max(low // DAY, 0), min(-(-high // DAY), instance.horizon_days)):
        opens = -(-instance.opening[0] // grid) * grid
        begins, ends = max(low, day * DAY + opens), min(high, day * DAY + instance.opening[1])
        if begins < ends:
            found.append(Hold(begins, ends, room, watch))
    return found


def _merged(instance: Instance, holds: Sequence[Hold]) -> list[Hold]:
    """Of each room and day, holds between which nothing would fit for its turnover as one."""
    found: list[Hold] = []
    for room in instance.rooms:
        mine = sorted((one.begins, one.ends) for one in holds if one.room == room.id)
        for begins, ends in mine:
            last = found[-1] if found and found[-1].room == room.id else None
            if last is not None and last.begins // DAY == begins // DAY and begins < last.ends + room.turnover:
                found[-1] = Hold(last.begins, max(last.ends, ends), room.id)
            else:
                found.append(Hold(begins, ends, room.id))
    return found


def _with(instance: Instance, holds: Sequence[Hold]) -> Instance:
    if not holds:
        return instance
    kind = {one.id: one.kind for one in instance.rooms}
    base = instance.baseline or Baseline(now=0)
    whole = (0, instance.horizon_days * DAY)
    nobody = tuple(
        Patient(
            id=_name(n),
            stay=whole,
            activities=(
                Activity(
                    id=_name(n),
                    type="held",
                    duration=one.ends - one.begins,
                    room_kind=kind[one.room] if one.room else None,
                    monitored_by=(one.watched_by,) if one.watched_by else (),
                ),
            ),
        )
        for n, one in enumerate(holds)
    )
    placed = tuple(Placed(activity=_name(n), start=one.begins, room=one.room) for n, one in enumerate(holds))
    pinned = tuple(one.activity for one in placed)
    held = msgspec.structs.replace(base, assignments=base.assignments + placed, pinned=base.pinned + pinned)
    return msgspec.structs.replace(instance, patients=instance.patients + nobody, baseline=held)
