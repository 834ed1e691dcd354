"""
Where each activity could stand and who could take it, by the constraints that are kept, before anything is placed.

`Count` shows in milliseconds what the constraint solver would search for in vain: that in some stretch of days more is
wanted of somebody, or of a kind of room, than there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from openkap.schedule.ground import Ground, Item, bits, spread
from openkap.schedule.rules import merged
from openkap.schedule.types import DAY, Activity

Wants = dict[frozenset[int] | str, list[tuple[int, int]]]  # of people or a kind of room: starts it could have, length


@dataclass
class Sieve:
    """
    A problem with some of its named constraints.

    Args:
        kept: ids of constraints that hold. soft: one that may give way.
        may: the only activities that may leave their place in the published plan; None is every one.
    """

    ground: Ground
    kept: frozenset[str]
    soft: str | None = None
    may: Collection[int] | None = None
    _skilled: dict[tuple[str, frozenset[str]], tuple[int, ...]] = field(default_factory=dict)
    _duty: dict[tuple[int, int, int, bool], int] = field(default_factory=dict)
    _on_site: dict[tuple[str, int, str | None], int] = field(default_factory=dict)
    _open: dict[int, int] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a constraint holds."""
        return name in self.kept

    def activity(self, item: Item) -> Activity:
        """What is asked for an activity."""
        who = self.ground.patients[item.patient]
        return who.activities[item.number - self.ground.of_patient[item.patient][0]]

    def stays(self, item: Item) -> bool:
        """Whether an activity has its published place, and no other."""
        return item.fixed or (self.may is not None and item.was is not None and item.number not in self.may)

    def starts(self, item: Item, leave: str | None = None) -> int:
        """Starts that all constraints on a single activity allow, the soft one too, but for `leave`."""
        ground, activity = self.ground, self.activity(item)
        who = ground.patients[item.patient]
        found = self._opening(item.length)
        if self.stays(item):
            assert item.was is not None
            found &= 1 << item.was[0]
        elif ground.instance.baseline is not None:
            found &= ~bits(0, ground.up(ground.instance.baseline.now))
        if self._holds(f"patient:{who.id}:availability", leave):
            found &= ground.inside((who.stay,), item.length) & ~spread(ground.cover(who.unavailable), item.length)
        if activity.window is not None and self._holds(f"activity:{item.id}:window", leave):
            found &= ground.inside((activity.window,), item.length)
        for role in activity.on_site:
            if self._holds(f"on_site:{role}", leave):
                found &= self._there(role, item.length, leave)
        return found

    def _holds(self, name: str, leave: str | None) -> bool:
        return name != leave and (name in self.kept or name == self.soft)

    def _opening(self, length: int) -> int:
        """Starts of the grid inside the opening hours."""
        found = self._open.get(length)
        if found is None:
            low, high = self.ground.instance.opening
            days = tuple((d * DAY + low, d * DAY + high) for d in range(self.ground.days))
            found = self._open[length] = self.ground.grid & self.ground.inside(days, length)
        return found

    def _there(self, role: str, length: int, leave: str | None) -> int:
        """Starts at which one after another of a role is on shift to the end."""
        key = (role, length, leave)
        found = self._on_site.get(key)
        if found is None:
            always = ((0, self.ground.days * DAY),)  # without `staff:ID:shifts` somebody is on shift at all hours
            spans = [
                span
                for one in self.ground.staff
                if one.role == role
                for span in (one.shifts if self._holds(f"staff:{one.id}:shifts", leave) else always)
            ]
            found = self._on_site[key] = self.ground.inside(merged(spans), length)
        return found

    def skilled(self, item: Item, need: int) -> tuple[int, ...]:
        """People of the role, with the credentials where those count, by number."""
        wanted = self.activity(item).staff[need]
        trained = frozenset(wanted.credentials) if self.has(f"activity:{item.id}:credential") else frozenset()
        key = (wanted.role, trained)
        found = self._skilled.get(key)
        if found is None:
            ground = self.ground
            found = self._skilled[key] = tuple(
                n
                for n, person in enumerate(ground.staff)
                if person.role == wanted.role and not ground.worn[n] and trained <= set(person.credentials)
            )
        return found

    def takes(self, item: Item, need: int) -> tuple[int, ...]:
        """Those of them who may take this activity: whoever has it, where it stays."""
        found = self.skilled(item, need)
        if self.stays(item):
            was = item.was[1] if item.was is not None else ()
            return tuple(n for n in found if len(was) > need and was[need] == n)
        return found

    def duty(self, person: int, begins: int, ends: int, *, shifts: bool | None = None) -> int:
        """Starts at which a person is on shift, if shifts count (as kept unless told), and not on a fixed break."""
        if shifts is None:
            shifts = self.has(f"staff:{self.ground.staff[person].id}:shifts")
        key = (person, begins, ends, shifts)
        found = self._duty.get(key)
        if found is None:
            ground = self.ground
            found = ground.whole & ~(spread(ground.off[person], ends - begins) >> begins)
            if shifts:
                found = ground.duty(person, begins, ends)
            self._duty[key] = found
        return found

    def watchers(self, role: str) -> list[int]:
        """For each of a role the units in which they watch: on shift, if shifts count, and on no fixed break."""
        ground, masks = self.ground, []
        for n, person in enumerate(ground.staff):
            if person.role == role:
                on = ground.whole
                if self.has(f"staff:{person.id}:shifts"):
                    on = 0
                    for low, high in ground.shifts[n]:
                        on |= bits(low, min(high, ground.size))
                masks.append(on & ~ground.off[n])
        return masks


class Count:
    """What is wanted of people, rooms and those who watch, beside what there is of them."""

    def __init__(self, sieve: Sieve, items: Iterable[Item]):
        self.sieve = sieve
        self.wants: Wants = {}
        self.seen_by: dict[int, list[tuple[int, int]]] = {}  # pool of those who watch
        self.held: dict[int, int] = {}  # pool of one room: when something holds that room, and no other would do
        for item in items:
            self._add(item)

    def _add(self, item: Item) -> None:
        sieve, activity = self.sieve, self.sieve.activity(item)
        wide = sieve.starts(item, sieve.soft)
        if not wide:
            return
        for k, need in enumerate(item.needs):
            able = frozenset(n for n in sieve.takes(item, k) if sieve.duty(n, need.begins, need.ends) & wide)
            if able:
                self.wants.setdefault(able, []).append((wide << need.begins, need.ends - need.begins))
        if item.fixed and len(item.pools) == 1 and len(sieve.ground.pools[item.pools[0][0]].rooms) == 1:
            pool, length = item.pools[0]
            self.held[pool] = self.held.get(pool, 0) | spread(wide << length - 1, length)
        elif activity.room_kind:
            pools = sieve.ground.of_kind.get(activity.room_kind, ())
            turnover = min((sieve.ground.pools[n].turnover for n in pools), default=0)
            self.wants.setdefault(activity.room_kind, []).append((wide, item.length + turnover))
        for pool in item.watched:
            self.seen_by.setdefault(pool, []).append((wide, item.length))

    def crowded(self) -> bool:
        """Whether some resource is wanted more often than it can be had in some stretch of days."""
        return any(self._people()) or any(self._rooms()) or any(self._watched())

    def _people(self) -> Iterator[bool]:
        sieve, ground = self.sieve, self.sieve.ground
        people = {team: wants for team, wants in self.wants.items() if isinstance(team, frozenset)}
        for team in people:
            if all(sieve.has(f"staff:{ground.staff[n].id}:one_at_a_time") for n in team):
                wants = [one for other, theirs in people.items() if other <= team for one in theirs]
                yield self._too_many(wants, [sieve.duty(n, 0, 1) for n in team])

    def _rooms(self) -> Iterator[bool]:
        ground = self.sieve.ground
        for kind, wants in self.wants.items():
            if isinstance(kind, str) and self.sieve.has(f"room_kind:{kind}:capacity"):
                pools = ground.of_kind.get(kind, ())
                free = [ground.whole & ~self.held.get(n, 0) for n in pools for _ in ground.pools[n].rooms]
                yield self._too_many(wants, free)

    def _watched(self) -> Iterator[bool]:
        """More time to be watched than those on duty can watch together."""
        ground = self.sieve.ground
        for pool, wants in self.seen_by.items():
            role, reached = ground.pools[pool].name, 0
            if self.sieve.has(f"ratio:{role}"):
                for mask, length in wants:
                    reached |= spread(mask << length - 1, length)
                there = sum((mask & reached).bit_count() for mask in self.sieve.watchers(role))
                yield sum(length for _, length in wants) > ground.instance.monitor_ratio[role] * there

    def _too_many(self, wants: list[tuple[int, int]], free: list[int]) -> bool:
        """Whether more is wanted in some days than the free units of all servers together hold."""
        ground = self.sieve.ground
        spans: dict[tuple[int, int], tuple[int, int, int]] = {}  # first and last day: how many, the least, the union
        for mask, length in wants:
            key = ((mask & -mask).bit_length() - 1) // ground.day, (mask.bit_length() - 1) // ground.day
            count, least, union = spans.get(key, (0, length, 0))
            spans[key] = count + 1, min(least, length), union | mask
        packed: dict[tuple[int, int], int] = {}
        for first in {one for one, _ in spans}:
            for last in {one for _, one in spans}:
                inside = [some for (a, b), some in spans.items() if first <= a and b <= last]
                count = sum(n for n, _, _ in inside)
                if count <= len(free):
                    continue
                least, union = min(n for _, n, _ in inside), 0
                for _, _, mask in inside:
                    union |= mask
                places = 0
                for mask in free:
                    there = union & ~spread(~mask & ground.whole, least), least
                    if there not in packed:
                        packed[there] = _packed(*there)
                    places += packed[there]
                if count > places:
                    return True
        return False


def _packed(starts: int, length: int) -> int:
    """How many stretches of a length, one after the other, can begin at these starts."""
    found = 0
    while starts:
        found += 1
        after = (starts & -starts).bit_length() - 1 + length
        starts = starts >> after << after
    return found
