"""
Where one appointment fits while everything else stays.

Every start is looked for at once, on bit sets: bit n is the nth quarter of an hour of the frame. `place.why_not` judges
one place and shares nothing with this search; it is asked again under the lock when the place is booked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from openkap.schedule.hours import QUARTER_S, slots

Moments = tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class Wants:
    """Somebody of staff who is needed from the beginning, for so many minutes."""

    role: str
    minutes: int
    credentials: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Need:
    """
    What one appointment needs.

    Args:
        session: its id in the signed plan, empty where it is none of it. room_kind: empty for a call.
        watched_by: role whose ratio it counts against. on_site: roles of which somebody is on duty throughout.
        pad_min: minutes until the patient's next thing. apart_h: hours between the starts of two doses.
        earliest, latest: of the start, as the signed plan wants it; None: the plan gives no limit.
    """

    session: str
    kind: str
    title: str
    minutes: int
    people: tuple[Wants, ...] = ()
    room_kind: str = ""
    watched_by: str = ""
    on_site: tuple[str, ...] = ()
    pad_min: int = 0
    apart_h: int = 0
    route: str = ""
    earliest: datetime | None = None
    latest: datetime | None = None

    def ends(self, starts_at: datetime) -> datetime:
        """When it is over."""
        return starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Person:
    """Somebody of staff: when they are there (on duty and not away), and the quarters in which they are taken."""

    id: int
    name: str
    role: str
    credentials: frozenset[str] = frozenset()
    there: Moments = ()
    busy: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Room:
    """A room, and the quarters in which it is taken, turnover with it."""

    id: int
    name: str
    kind: str
    turnover_min: int = 0
    busy: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Held:
    """What a patient is booked for already; `free_at`: its end with the gap or the rest after it."""

    kind: str
    starts_at: datetime
    ends_at: datetime
    free_at: datetime


@dataclass(frozen=True)
class Guest:
    """
    The patient: what is booked, when they cannot come, until when there is no dose, whom they know.

    Args:
        knows: ids of staff, whoever sees them most first.
    """

    id: UUID
    held: tuple[Held, ...] = ()
    away: Moments = ()
    no_dose: Moments = ()
    knows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Suits:
    """Days of the week (0 is Monday) and hours that suit somebody, and until which day; empty and None: any."""

    weekdays: frozenset[int] = frozenset()
    begins: time | None = None
    ends: time | None = None
    until: date | None = None

    def fits(self, begins: datetime, ends: datetime) -> bool:
        """Whether a time on the wall suits."""
        return (
            (not self.weekdays or begins.weekday() in self.weekdays)
            and (self.begins is None or begins.time() >= self.begins)
            and (self.ends is None or (ends.date() == begins.date() and ends.time() <= self.ends))
            and (self.until is None or begins.date() <= self.until)
        )


@dataclass(frozen=True)
class House:
    """
    Numbers that every calendar keeps (RETREAT-*): people one nurse watches, and the break around noon.

    Args:
        long_min: who is there longer than this has `break_min` free in `break_window`, minutes of the day.
    """

    ratio: int
    long_min: int
    break_min: int
    break_window: tuple[int, int]


@dataclass(frozen=True)
class Frame:
    """
    The calendar of a site from one instant to another.

    Args:
        low, high: the quarters since 1970 that were read, half open. now: nothing begins before.
        watched: places taken under the eyes of a role, by quarter.
    """

    zone: ZoneInfo
    now: datetime
    low: int
    high: int
    house: House
    people: tuple[Person, ...]
    rooms: tuple[Room, ...]
    watched: Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, order=True)
class Place:
    """When, with whom (in the order of what is needed), where."""

    starts_at: datetime
    people: tuple[int, ...] = ()
    room: int | None = None


@dataclass(frozen=True)
class Stage:
    """A rule that was asked, and the starts that were left after it. `what`: a role or a kind of room."""

    name: str
    what: str
    left: int


# -- every start at once ---------------------------------------------------------------------------------


@dataclass
class Search:
    """Bit sets of one frame; what does not depend on the patient is kept for the next one."""

    frame: Frame
    _kept: dict[tuple[object, ...], int] = field(default_factory=dict)

    @property
    def whole(self) -> int:
        return (1 << (self.frame.high - self.frame.low)) - 1

    def stages(
        self, need: Need, guest: Guest, suits: Suits | None = None, who: int | None = None, room: int | None = None
    ) -> list[Stage]:
        """
        The rules in order, with what each leaves; the last one leaves the starts that fit.

        Args:
            who, room: only with this person of staff, only in this room.
        """
        left, found = self._window(need), list[Stage]()

        def asked(name: str, mask: int, what: str = "") -> None:
            nonlocal left
            left &= mask
            found.append(Stage(name, what, left))

        asked("window", self.whole)
        if suits is not None:
            asked("suits", self._suits(need, suits))
        asked("patient", self._patient(need, guest))
        if need.apart_h:
            asked("apart", self._apart(need, guest))
        for wants in need.people:
            asked("people", self._anybody(wants), wants.role)
        if who is not None:
            asked("who", self._with(need, who))
        for role in need.on_site:
            asked("site", self._site(role, need.minutes), role)
        if need.watched_by:
            asked("watch", self._watch(need.watched_by, need.minutes), need.watched_by)
        if need.room_kind:
            rooms = [one for one in self.frame.rooms if one.kind == need.room_kind and room in (None, one.id)]
            mask = 0
            for one in rooms:
                mask |= self._room(one, need.minutes)
            asked("room", mask, need.room_kind)
        return found

    def places(
        self,
        need: Need,
        guest: Guest,
        suits: Suits | None = None,
        who: int | None = None,
        room: int | None = None,
        prefer: Sequence[int] = (),
        near: int | None = None,
    ) -> list[Place]:
        """
        Every start that fits, with people and room.

        Args:
            prefer: people who come first, before those whom the patient knows. near: the room that comes first.
        """
        left = self.stages(need, guest, suits, who, room)[-1].left
        return list(self._placed(need, left, who, room, (*prefer, *guest.knows), near))

    def first(self, need: Need, guest: Guest, prefer: Sequence[int]) -> Place | None:
        """The earliest start that fits."""
        left = self.stages(need, guest)[-1].left
        return next(self._placed(need, left, None, None, (*prefer, *guest.knows), None), None)

    def _placed(
        self, need: Need, left: int, who: int | None, room: int | None, prefer: Sequence[int], near: int | None
    ) -> Iterator[Place]:
        for bit in _bits(left):
            people = self._team(need, bit, who, prefer)
            where = self._where(need, bit, room, near)
            if people is not None and (where is not None or not need.room_kind):
                yield Place(self.at(bit), people, where)

    def at(self, bit: int) -> datetime:
        """The instant of a bit."""
        return datetime.fromtimestamp((self.frame.low + bit) * QUARTER_S, UTC)

    def day(self, on: date) -> int:
        """The quarters of a day on the wall."""
        begins = datetime.combine(on, time(0), tzinfo=self.frame.zone)
        ends = datetime.combine(on + timedelta(days=1), time(0), tzinfo=self.frame.zone)
        return self._span(begins, ends)

    def _team(self, need: Need, bit: int, who: int | None, prefer: Sequence[int]) -> tuple[int, ...] | None:
        """Who could do it then, each once; the one asked for takes the first place that they can fill."""
        order = {name: place for place, name in reversed(list(enumerate(prefer)))}
        people = sorted(self.frame.people, key=lambda one: (one.id != who, order.get(one.id, len(order)), one.id))
        taken: list[int] = []
        for wants in need.people:
            able = (one.id for one in people if one.id not in taken and self._can(one, wants) >> bit & 1)
            person = next(able, None)
            if person is None:
                return None
            taken.append(person)
        return tuple(taken) if who is None or who in taken else None

    def _where(self, need: Need, bit: int, room: int | None, near: int | None) -> int | None:
        rooms = [one for one in self.frame.rooms if one.kind == need.room_kind and room in (None, one.id)]
        rooms.sort(key=lambda one: one.id != near)
        return next((one.id for one in rooms if self._room(one, need.minutes) >> bit & 1), None)

    # -- what each rule leaves --

    def _window(self, need: Need) -> int:
        first = max(self.frame.now, need.earliest or self.frame.now)
        low = max(0, -(-int(first.timestamp()) // QUARTER_S) - self.frame.low)
        mask = self.whole >> low << low
        if need.latest is not None:
            count = int(need.latest.timestamp()) // QUARTER_S - self.frame.low + 1
            mask &= (1 << max(0, count)) - 1
        return mask

    def _suits(self, need: Need, suits: Suits) -> int:
        mask = 0
        for bit in range(self.frame.high - self.frame.low):
            begins = self.at(bit).astimezone(self.frame.zone)
            if suits.fits(begins, need.ends(self.at(bit)).astimezone(self.frame.zone)):
                mask |= 1 << bit
        return mask

    def _patient(self, need: Need, guest: Guest) -> int:
        mine = timedelta(minutes=need.pad_min)
        blocked = 0
        for one in guest.held:
            blocked |= self._span(one.starts_at - mine, one.free_at)
        for begins, ends in guest.away:
            blocked |= self._span(begins, ends)
        mask = _stretch(self.whole & ~blocked, _width(need.minutes))
        if need.kind == "dose" and guest.no_dose:
            mask &= ~self._span(self.at(0), max(ends for _, ends in guest.no_dose))
        return mask

    def _apart(self, need: Need, guest: Guest) -> int:
        reach, blocked = timedelta(hours=need.apart_h), 0
        for one in guest.held:
            if one.kind == "dose":
                blocked |= self._span(one.starts_at - reach + timedelta(seconds=QUARTER_S), one.starts_at + reach)
        return self.whole & ~blocked

    def _anybody(self, wants: Wants) -> int:
        mask = 0
        for one in self.frame.people:
            mask |= self._can(one, wants)
        return mask

    def _with(self, need: Need, who: int) -> int:
        mask = 0
        for one in self.frame.people:
            if one.id == who:
                for wants in need.people:
                    mask |= self._can(one, wants)
        return mask

    def _can(self, one: Person, wants: Wants) -> int:
        if one.role != wants.role or not wants.credentials <= one.credentials:
            return 0
        key = ("can", one.id, wants.minutes)
        if key not in self._kept:
            width = _width(wants.minutes)
            self._kept[key] = _stretch(self._there(one) & ~self._slots(one.busy), width) & ~self._no_break(one, width)
        return self._kept[key]

    def _there(self, one: Person) -> int:
        key = ("there", one.id)
        if key not in self._kept:
            mask = 0
            for begins, ends in one.there:
                mask |= self._inside(begins, ends)
            self._kept[key] = mask
        return self._kept[key]

    def _no_break(self, one: Person, width: int) -> int:
        """Starts after which no break would be left: those that meet the first and the last place left for it."""
        pause, mask = _width(self.frame.house.break_min), 0
        for begins, ends in _breaks(self.frame, one):
            free = _stretch(self._inside(begins, ends) & ~self._slots(one.busy), pause)
            if free:
                first, last = (free & -free).bit_length() - 1, free.bit_length() - 1
                low, high = max(0, last - width + 1), first + pause
                if low < high:
                    mask |= (1 << high) - (1 << low)
        return mask

    def _site(self, role: str, minutes: int) -> int:
        mask = 0
        for one in self.frame.people:
            if one.role == role:
                mask |= self._there(one)
        return _stretch(mask, _width(minutes))

    def _watch(self, role: str, minutes: int) -> int:
        key = ("watch", role, minutes)
        if key not in self._kept:
            mine = [self._there(one) for one in self.frame.people if one.role == role]
            taken, mask = self.frame.watched.get(role, {}), 0
            for bit in range(self.frame.high - self.frame.low):
                there = sum(one >> bit & 1 for one in mine)
                if taken.get(self.frame.low + bit, 0) < self.frame.house.ratio * there:
                    mask |= 1 << bit
            self._kept[key] = _stretch(mask, _width(minutes))
        return self._kept[key]

    def _room(self, one: Room, minutes: int) -> int:
        key = ("room", one.id, minutes)
        if key not in self._kept:
            self._kept[key] = _stretch(self.whole & ~self._slots(one.busy), _width(minutes + one.turnover_min))
        return self._kept[key]

    # -- bits --

    def _slots(self, taken: frozenset[int]) -> int:
        mask = 0
        for slot in taken:
            if self.frame.low <= slot < self.frame.high:
                mask |= 1 << (slot - self.frame.low)
        return mask

    def _span(self, begins: datetime, ends: datetime) -> int:
        """The quarters that a time touches."""
        touched = slots(begins, ends)
        low = max(0, touched.start - self.frame.low)
        high = min(self.frame.high, touched.stop) - self.frame.low
        return (1 << high) - (1 << low) if low < high else 0

    def _inside(self, begins: datetime, ends: datetime) -> int:
        """The whole quarters inside a time."""
        low = max(0, -(-int(begins.timestamp()) // QUARTER_S) - self.frame.low)
        high = min(self.frame.high, int(ends.timestamp()) // QUARTER_S) - self.frame.low
        return (1 << high) - (1 << low) if low < high else 0


def _width(minutes: int) -> int:
    return -(-minutes * 60 // QUARTER_S)


def _stretch(mask: int, width: int) -> int:
    """Bits at which so many ones in a row begin."""
    have = 1
    while have < width:
        step = min(have, width - have)
        mask &= mask >> step
        have += step
    return mask


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _breaks(frame: Frame, one: Person) -> Iterator[tuple[datetime, datetime]]:
    """Where on each long day a break must be left."""
    house = frame.house
    for begins, ends in one.there:
        if ends - begins <= timedelta(minutes=house.long_min):
            continue
        noon = datetime.combine(begins.astimezone(frame.zone).date(), time(0), tzinfo=frame.zone)
        low = max(begins, _later(noon, house.break_window[0]))
        high = min(ends, _later(noon, house.break_window[1]))
        if high - low >= timedelta(minutes=house.break_min):
            yield low, high


def _later(midnight: datetime, minutes: int) -> datetime:
    """An hour of the wall on this day."""
    return midnight.replace(hour=minutes // 60, minute=minutes % 60).astimezone(UTC)


# -- a dose with what it is not given without --------------------------------------------------------------


def chain(
    search: Search, guest: Guest, need: Need, place: Place, bound: Sequence[tuple[Need, int, int]]
) -> tuple[list[tuple[Need, Place]], str]:
    """
    A dose at a place, with the calls and integrations that are booked together with it (HAZ-50).

    Args:
        bound: each with the hours after the start of the dose between which it begins.

    Returns:
        Each with its place, the earliest that there is, and the title of the first that has none; empty: all have one.
    """
    found = [(need, place)]
    pad = timedelta(minutes=need.pad_min)
    ends = need.ends(place.starts_at)
    guest = replace(guest, held=(*guest.held, Held(need.kind, place.starts_at, ends, ends + pad)))
    for other, least, most in sorted(bound, key=lambda one: one[2]):
        after = replace(
            other,
            earliest=place.starts_at + timedelta(hours=least),
            latest=place.starts_at + timedelta(hours=most),
        )
        where = search.first(after, guest, place.people)
        if where is None:
            return found, other.title
        found.append((after, where))
        ends = after.ends(where.starts_at)
        held = Held(after.kind, where.starts_at, ends, ends + timedelta(minutes=after.pad_min))
        guest = replace(guest, held=(*guest.held, held))
    return found, ""
