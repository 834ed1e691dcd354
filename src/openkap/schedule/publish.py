"""From the board to a plan that people read: names for rooms, ids for numbers."""

from __future__ import annotations

from openkap.schedule.ground import Ground
from openkap.schedule.placing import Kept
from openkap.schedule.types import Held, Placed, Plan


def publish(ground: Ground, kept: Kept) -> Plan:
    """
    A plan with a named room for everything that needs one.

    The board counts rooms of one kind and turnover; taken in order of time a free one is always left. The published
    room is kept where it is free.
    """
    published = (
        {one.activity: one.room for one in ground.instance.baseline.assignments} if ground.instance.baseline else {}
    )
    rooms = ground.instance.rooms
    uses: dict[int, list[tuple[int, int, str, str | None]]] = {}
    for item, spot in zip(ground.items, kept.spots, strict=True):
        if spot is not None and spot.pool >= 0:
            end = spot.start + item.length + ground.pools[spot.pool].turnover
            uses.setdefault(spot.pool, []).append((spot.start, end, item.id, published.get(item.id)))
    leaders: dict[int, tuple[int, int]] = {}
    guests: dict[int, list[int]] = {}
    for patient, n, leader, pool in kept.groups:
        guests.setdefault(n, []).append(patient)
        leaders[n] = (leader, pool)
    for n, (_, pool) in leaders.items():
        event = ground.events[n]
        end = event.start + event.length + ground.pools[pool].turnover
        uses.setdefault(pool, []).append((event.start, end, event.id, None))
    named: dict[str, str] = {}
    for pool, here in uses.items():
        named |= _name(sorted(here, key=lambda use: use[:3]), [rooms[n].id for n in ground.pools[pool].rooms])
    staff, unit = ground.staff, ground.unit
    return Plan(
        assignments=tuple(
            Placed(
                activity=item.id,
                start=spot.start * unit,
                staff=tuple(staff[n].id for n in spot.people),
                room=named.get(item.id),
            )
            for item, spot in zip(ground.items, kept.spots, strict=True)
            if spot is not None
        ),
        groups=tuple(
            Held(
                event=ground.events[n].id,
                staff=staff[leaders[n][0]].id,
                room=named[ground.events[n].id],
                attendees=tuple(ground.patients[p].id for p in sorted(guests[n])),
            )
            for n in sorted(guests)
        ),
    )


def _name(uses: list[tuple[int, int, str, str | None]], rooms: list[str]) -> dict[str, str]:
    """Rooms for uses in order of time; as many rooms as uses at once are enough."""
    named: dict[str, str] = {}
    until = dict.fromkeys(rooms, -1)
    for place, (start, end, about, old) in enumerate(uses):
        free = [room for room in rooms if until[room] <= start]
        if old in free:
            room = old
        else:  # one that nobody who comes before it is free again should keep
            soon = {use[3] for use in uses[place + 1 :] if use[0] < end}
            room = min(free, key=lambda one: (one in soon, one != old))
        assert room is not None
        until[room] = end
        named[about] = room
    return named
