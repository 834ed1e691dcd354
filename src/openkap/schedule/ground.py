"""
A planning problem made ready for search: everything by number, times as bits of whole Python integers.

Bit t stands for the minutes [unit * t, unit * (t + 1)). `unit` divides the grid, every duration and every fixed time of
work, so nothing that is placed begins or ends inside a unit; all other times (shifts, absences, lags) are rounded
to the side on which they mean the same for such starts and ends. No rule is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd

from openkap.schedule.objective import THERAPIST
from openkap.schedule.rules import merged
from openkap.schedule.types import DAY, Activity, Instance, Patient, Span


def spread(mask: int, width: int) -> int:
    """
    Starts at which a stretch of `width` bits touches the mask.

    Returns:
        bit s is set where any bit of s ... s + width - 1 is; the union of `width` shifts, by doubling.
    """
    done = 1
    while done * 2 <= width:
        mask |= mask >> done
        done *= 2
    return mask | mask >> (width - done)


def bits(low: int, high: int) -> int:
    """Ones from `low` up to and without `high`; none where they cross."""
    if high <= low or high <= 0:
        return 0
    return (1 << high) - (1 << low) if low > 0 else (1 << high) - 1


def reach(mask: int, low: int | None, high: int | None) -> int:
    """Bits that lie between `low` and `high` after some bit of the mask; None is no limit."""
    if not mask:
        return 0
    if low is not None and high is not None:
        return spread(mask << high if high >= 0 else mask >> -high, high - low + 1) if low <= high else 0
    if low is not None:
        return -1 << max((mask & -mask).bit_length() - 1 + low, 0)
    if high is not None:
        last = mask.bit_length() - 1 + high
        return (2 << last) - 1 if last >= 0 else 0
    return -1


@dataclass(slots=True)
class Need:
    """A requirement: people who may meet it, and when relative to the start (units)."""

    role: str
    begins: int
    ends: int
    people: tuple[int, ...]
    therapist: bool


@dataclass(slots=True)
class Link:
    """A lag seen from one of its ends: start(here) - start(other) is in [low, high]; `high` or `low` may be None."""

    other: int
    low: int | None
    high: int | None
    lag: int


@dataclass(slots=True)
class Item:
    """An activity by number."""

    number: int
    id: str
    patient: int
    length: int
    hold: int  # length with the gap or rest after it
    needs: tuple[Need, ...]
    starts: int  # bits at which it may begin, whatever else is placed
    liked: int  # bits at which it lies inside the preferred hours; -1 where the patient has none
    pools: tuple[tuple[int, int], ...]  # (pool, length with turnover): one of these
    roomed: bool
    watched: tuple[int, ...]  # pools of the monitoring ratio: all of these
    only_with: tuple[int, ...]
    links: list[Link] = field(default_factory=list)
    hopeful: int = 0  # starts that leave every activity bound to it by lags some start, looked at alone
    partners: list[tuple[int, int, int]] = field(default_factory=list)  # (other, low, high): stands or falls with it
    needed_by: list[int] = field(default_factory=list)
    was: tuple[int, tuple[int, ...]] | None = None  # start and people of the published plan
    fixed: bool = False
    vital: bool = False  # something that must stay depends on it
    sole: int = -1  # index of the one therapist requirement, -1 where there is none or more than one
    clash: bool = False  # two requirements may want the same person


@dataclass(slots=True)
class Event:
    """An offered group by number."""

    number: int
    id: str
    start: int
    length: int
    day: int
    capacity: int
    leaders: tuple[int, ...]
    pools: tuple[tuple[int, int], ...]
    open_to: int  # bit p: patient p could come, whatever else is placed
    open: bool


@dataclass(slots=True)
class Pool:
    """Identical rooms, or the places that those on duty can watch, as a count."""

    name: str
    rooms: tuple[int, ...]
    turnover: int
    planes: tuple[int, ...]  # binary count of what is taken, so preset that "full" is all ones


class Ground:
    """What does not change while plans do."""

    def __init__(self, instance: Instance):
        self.instance = instance
        self.unit = _unit(instance)
        self.step = instance.grid_minutes // self.unit
        self.day = DAY // self.unit
        self.days = instance.horizon_days
        self.size = self.days * self.day
        self.whole = (1 << self.size) - 1
        self.day_mask = (1 << self.day) - 1
        self.grid = sum(1 << t for t in range(0, self.size, self.step))
        self.weight = {name: float(value) for name, value in instance.weights.items()}
        self.staff = instance.staff
        self.number = {one.id: n for n, one in enumerate(instance.staff)}
        self.therapists = tuple(n for n, one in enumerate(instance.staff) if one.role == THERAPIST)
        self.shifts = [tuple((self.up(a), self.down(b)) for a, b in one.shifts) for one in instance.staff]
        self.off = [self.cover(one.fixed_breaks) for one in instance.staff]
        self.pauses = [
            tuple(
                (p.window[0] // self.unit, p.window[1] // self.unit, p.minutes // self.unit)
                for p in one.flexible_breaks
            )
            for one in instance.staff
        ]
        # Whoever has a break that fits nowhere cannot work at all.
        self.worn = [any(high - low < minutes for low, high, minutes in pauses) for pauses in self.pauses]
        self.pools: list[Pool] = []
        self.of_kind: dict[str, tuple[int, ...]] = {}
        self.ratio_pool: dict[str, int] = {}
        self._pools()
        self.gap = self.up(instance.patient_min_gap)
        self.patients = instance.patients
        self.items: list[Item] = []
        self.of_patient: list[tuple[int, ...]] = []
        self.preferred = [
            self.number[who.preferred_therapist] if who.preferred_therapist is not None else -1
            for who in instance.patients
        ]
        self._static: dict[tuple[int, int, int], int] = {}
        self._items()
        self._links()
        # Whether something of a published plan may be changed, so that it should not be.
        self.replans = any(item.was is not None and not item.fixed for item in self.items)
        self.wanted = [who.group_sessions for who in instance.patients]
        self.events = self._events()
        self.offered = [
            [one for one in self.events if one.open and one.open_to >> p & 1] for p in range(len(self.patients))
        ]

    # -- time -------------------------------------------------------------------------------------

    def up(self, minutes: int) -> int:
        """Units, rounded up."""
        return -(-minutes // self.unit)

    def down(self, minutes: int) -> int:
        """Units, rounded down."""
        return minutes // self.unit

    def cover(self, spans: tuple[Span, ...]) -> int:
        """Units that the spans touch."""
        found = 0
        for low, high in spans:
            if high > low:
                found |= bits(self.down(low), min(self.up(high), self.size + self.day))
        return found

    def inside(self, spans: tuple[Span, ...], length: int) -> int:
        """Starts at which a stretch lies inside one of the spans."""
        found = 0
        for low, high in spans:
            found |= bits(max(self.up(low), 0), min(self.down(high), self.size) - length + 1)
        return found

    # -- people -----------------------------------------------------------------------------------

    def duty(self, person: int, begins: int, ends: int) -> int:
        """Starts of an activity at which a person on duty could be there from `begins` to `ends`."""
        key = (person, begins, ends)
        found = self._static.get(key)
        if found is None:
            length, found = ends - begins, 0
            if not self.worn[person]:
                for low, high in self.shifts[person]:
                    found |= bits(low, min(high, self.size + self.day) - length + 1)
                found &= ~spread(self.off[person], length)
                found >>= begins
            self._static[key] = found
        return found

    # -- rooms and watching -------------------------------------------------------------------------

    def _pools(self) -> None:
        groups: dict[tuple[str, int, str], list[int]] = {}
        held = _held(self.instance)
        for n, room in enumerate(self.instance.rooms):
            # What holds a room by its name makes it unlike its fellows: they are no count any more.
            own = room.id if room.id in held.values() else ""
            groups.setdefault((room.kind, self.up(room.turnover), own), []).append(n)
        for (kind, turnover, _), rooms in groups.items():
            self.of_kind[kind] = (*self.of_kind.get(kind, ()), len(self.pools))
            full = (1 << (self.size + 2 * self.day + turnover)) - 1
            self.pools.append(Pool(kind, tuple(rooms), turnover, _preset([(len(rooms), full)], len(rooms))))
        for role, ratio in self.instance.monitor_ratio.items():
            there: dict[int, int] = {0: self.whole}
            for person in self.instance.staff:
                if person.role != role:
                    continue
                on = 0
                for low, high in person.shifts:
                    on |= bits(self.up(low), min(self.down(high), self.size))
                on &= ~self.cover(person.fixed_breaks)
                after: dict[int, int] = {}
                for count, mask in there.items():
                    after[count] = after.get(count, 0) | (mask & ~on)
                    after[count + 1] = after.get(count + 1, 0) | (mask & on)
                there = {count: mask for count, mask in after.items() if mask}
            self.ratio_pool[role] = len(self.pools)
            planes = _preset([(ratio * count, mask) for count, mask in there.items()], ratio * max(there))
            self.pools.append(Pool(role, (), 0, planes))

    # -- activities -----------------------------------------------------------------------------------

    def _items(self) -> None:
        instance = self.instance
        numbers = {one.id: n for n, one in enumerate(one for who in instance.patients for one in who.activities)}
        base = instance.baseline
        published = {one.activity: one for one in base.assignments} if base else {}
        held = _held(instance)
        for p, who in enumerate(instance.patients):
            mine = []
            for one in who.activities:
                item = self._item(len(self.items), p, who, one, numbers)
                old = published.get(one.id)
                if base is not None:
                    item.fixed = old is not None and base.frozen(old)
                    if not item.fixed:
                        item.starts &= ~bits(0, max(self.up(base.now), 0))
                    if old is not None and (item.fixed or not old.start % self.unit):
                        people = tuple(self.number.get(name, -1) for name in old.staff)
                        item.was = (old.start // self.unit, people)
                    if one.id in held:
                        own = tuple(pair for pair in item.pools if self._is(pair[0], held[one.id]))
                        item.pools = own or item.pools
                self.items.append(item)
                mine.append(item.number)
            self.of_patient.append(tuple(mine))
        for item in self.items:
            for other in item.only_with:
                self.items[other].needed_by.append(item.number)
        waiting = [item.number for item in self.items if item.fixed]
        while waiting:
            for other in self.items[waiting.pop()].only_with:
                if not self.items[other].vital:
                    self.items[other].vital = True
                    waiting.append(other)

    def _is(self, pool: int, room: str) -> bool:
        return [self.instance.rooms[n].id for n in self.pools[pool].rooms] == [room]

    def _item(self, number: int, p: int, who: Patient, one: Activity, numbers: dict[str, int]) -> Item:
        length = one.duration // self.unit
        low, high = self.instance.opening
        hours = tuple((d * DAY + low, d * DAY + high) for d in range(self.days))
        starts = self.grid & self.inside(hours, length) & self.inside((who.stay,), length)
        starts &= ~spread(self.cover(who.unavailable), length)
        if one.window is not None:
            starts &= self.inside((one.window,), length)
        for role in one.on_site:
            spans = merged([span for person in self.instance.staff if person.role == role for span in person.shifts])
            starts &= self.inside(spans, length)
        needs = []
        for need in one.staff:
            people = tuple(
                n
                for n, person in enumerate(self.instance.staff)
                if person.role == need.role and set(need.credentials) <= set(person.credentials)
            )
            begins, ends = need.begins // self.unit, need.ends // self.unit
            needs.append(Need(need.role, begins, ends, people, need.role == THERAPIST))
            can = 0
            for person in people:
                can |= self.duty(person, begins, ends)
            starts &= can
        liked = -1
        if who.preferred_hours is not None:
            first, last = who.preferred_hours
            liked = self.inside(tuple((d * DAY + first, d * DAY + last) for d in range(self.days)), length)
        pools: tuple[tuple[int, int], ...] = ()
        if one.room_kind:
            pools = tuple((n, length + self.pools[n].turnover) for n in self.of_kind.get(one.room_kind, ()))
        sole = [n for n, need in enumerate(needs) if need.therapist]
        return Item(
            number=number,
            id=one.id,
            patient=p,
            length=length,
            hold=max(self.up(one.duration + max(self.instance.patient_min_gap, one.rest_after)), length),
            needs=tuple(needs),
            starts=starts,
            liked=liked,
            pools=pools,
            roomed=bool(one.room_kind),
            watched=tuple(self.ratio_pool[role] for role in one.monitored_by),
            only_with=tuple(numbers[name] for name in one.only_with),
            sole=sole[0] if len(sole) == 1 else -1,
            clash=len({need.role for need in needs}) < len(needs),
        )

    def _links(self) -> None:
        numbers = {item.id: item.number for item in self.items}
        for n, lag in enumerate(self.instance.lags):
            first, second = self.items[numbers[lag.before]], self.items[numbers[lag.after]]
            shift = first.length if lag.from_point == "end" else 0
            low = shift + self.up(lag.at_least)
            high = None if lag.at_most is None else shift + self.down(lag.at_most)
            second.links.append(Link(first.number, low, high, n))
            first.links.append(Link(second.number, None if high is None else -high, -low, n))
        for item in self.items:
            item.hopeful = item.starts
            item.partners = [
                (link.other, link.low, link.high)
                for link in item.links
                if link.low is not None
                and link.high is not None
                and (link.other in item.only_with or item.number in self.items[link.other].only_with)
            ]
        waiting = [item.number for item in self.items if item.links]
        queued = set(waiting)
        while waiting:
            item = self.items[waiting.pop()]
            queued.discard(item.number)
            for link in item.links:
                other = self.items[link.other]
                # `link` says where `item` may begin relative to `other`; the other one sees it mirrored.
                found = other.hopeful & reach(
                    item.hopeful,
                    None if link.high is None else -link.high,
                    None if link.low is None else -link.low,
                )
                if found != other.hopeful and found:
                    other.hopeful = found
                    if other.number not in queued:
                        queued.add(other.number)
                        waiting.append(other.number)

    # -- groups -----------------------------------------------------------------------------------------

    def _events(self) -> list[Event]:
        base = self.instance.baseline
        low, high = self.instance.opening
        found = []
        for n, one in enumerate(self.instance.group_events):
            start, end = one.start, one.start + one.duration
            day = start // DAY
            fits = day * DAY + low <= start and end <= day * DAY + high and (base is None or start >= base.now)
            can = 0
            for p, who in enumerate(self.patients):
                away = any(start < b and a < end for a, b in who.unavailable)
                if fits and not away and who.stay[0] <= start and end <= who.stay[1]:
                    can |= 1 << p
            leaders = tuple(
                n
                for n, person in enumerate(self.staff)
                if person.role == one.role and self.duty(n, 0, one.duration // self.unit) >> (start // self.unit) & 1
            )
            length = one.duration // self.unit
            pools = tuple((k, length + self.pools[k].turnover) for k in self.of_kind.get(one.room_kind, ()))
            usable = bool(can and leaders and pools and one.capacity)
            found.append(Event(n, one.id, start // self.unit, length, day, one.capacity, leaders, pools, can, usable))
        return found


def _held(instance: Instance) -> dict[str, str]:
    """Rooms that are held by name: by what must stay and nobody of staff takes part in."""
    base = instance.baseline
    if base is None:
        return {}
    rooms = {one.activity: one.room for one in base.assignments if one.room is not None and base.frozen(one)}
    alone = (one for who in instance.patients for one in who.activities if not one.staff and one.room_kind)
    return {one.id: room for one in alone if (room := rooms.get(one.id)) is not None}


def _unit(instance: Instance) -> int:
    """The greatest unit in which everything placed, and every flexible break, begins and ends."""
    found = gcd(instance.grid_minutes, DAY)
    for who in instance.patients:
        for one in who.activities:
            found = gcd(found, one.duration, *(edge for need in one.staff for edge in (need.begins, need.ends)))
    for event in instance.group_events:
        found = gcd(found, event.start, event.duration)
    for person in instance.staff:
        for pause in person.flexible_breaks:
            found = gcd(found, pause.minutes, *pause.window)
    if instance.baseline is not None:
        for old in instance.baseline.assignments:
            if instance.baseline.frozen(old):
                found = gcd(found, old.start)
    return found


def _preset(counts: list[tuple[int, int]], most: int) -> tuple[int, ...]:
    """Planes of a binary count that is all ones where as many as allowed are taken."""
    width = max(most.bit_length(), 1)
    top = (1 << width) - 1
    planes = [0] * width
    for allowed, mask in counts:
        for k in range(width):
            if (top - allowed) >> k & 1:
                planes[k] |= mask
    return tuple(planes)
