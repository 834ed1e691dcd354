"""
The plan under search: what is placed, as bits, and what it costs, kept up to date with every change.

Everything that is asked of the board can be undone exactly: `mark` and `back` return to an earlier state. What a change
touches for the first time since the mark is set aside whole, with the free starts that were worked out for it, and laid
back: most steps of a search are undone, and nothing is reckoned twice for them.
"""

from __future__ import annotations

from typing import NamedTuple

from openkap.schedule.ground import Ground, Item, bits, spread


class Spot(NamedTuple):
    """A place for an activity: start, people in the order of requirements, pool of rooms or -1."""

    start: int
    people: tuple[int, ...]
    pool: int


class Board:
    """A plan that keeps every rule at every moment, unless something is forced onto it."""

    def __init__(self, ground: Ground):
        self.ground = ground
        items, staff, patients = len(ground.items), len(ground.staff), len(ground.patients)
        self.spot: list[Spot | None] = [None] * items
        self.busy = [0] * staff
        self.free: list[dict[tuple[int, int], int]] = [{} for _ in range(staff)]
        # Of each break's window: end of the first place left for the break, start of the last.
        self.nap = [[(low + minutes, high - minutes) for low, high, minutes in ground.pauses[n]] for n in range(staff)]
        self.load = [0] * staff
        self.planes = [list(pool.planes) for pool in ground.pools]
        self.shut: list[dict[int, int]] = [{} for _ in ground.pools]
        self.held = [0] * patients  # with gaps and rests
        self.there = [0] * patients  # without
        self.seen: list[dict[int, int]] = [{} for _ in range(patients)]  # therapist -> sessions
        self.joined: list[list[int]] = [[] for _ in range(patients)]  # groups of a patient
        self.guests: list[int] = [0] * len(ground.events)  # bit p
        self.leader = [-1] * len(ground.events)
        self.group_pool = [-1] * len(ground.events)
        self.soft = 0.0  # all terms but what is missing and the spread of load
        self.missing = [len(ground.of_patient[p]) + ground.wanted[p] for p in range(patients)]
        self.gaps = sum(self.missing)
        # What is not placed could save at most so many units of waiting.
        self.longest = max((one.length for one in ground.events), default=0)
        self.out = sum(item.length for item in ground.items) + self.longest * sum(ground.wanted)
        self.changed = sum(item.was is not None and not item.fixed for item in ground.items)
        self.vital = sum(item.vital and not item.fixed for item in ground.items)
        self.own: list[float] = [0.0] * items
        self.windows = [tuple((one.other, one.low, one.high) for one in item.links) for item in ground.items]
        # What stood at the last `mark` of whatever was touched since, for `back`.
        self.old_spots: dict[int, tuple[Spot | None, float]] = {}
        self.old_patients: dict[int, tuple[int, int, dict[int, int], list[int], int]] = {}
        self.old_people: dict[int, tuple[int, int, list[tuple[int, int]], dict[tuple[int, int], int]]] = {}
        self.old_pools: dict[int, tuple[list[int], dict[int, int]]] = {}
        self.old_events: dict[int, tuple[int, int, int]] = {}
        self.old_sums = (self.soft, self.gaps, self.vital, self.out, self.changed)
        w = ground.weight
        self.w_switch, self.w_other = w.get("therapist_switch", 0.0), w.get("not_preferred", 0.0)
        self.w_idle, self.w_off = w.get("patient_idle", 0.0) / ground.step, w.get("off_hours", 0.0)
        self.w_spread = w.get("load_spread", 0.0) / ground.step
        self.w_missing, self.w_dropped = w.get("unscheduled", 0.0), w.get("dropped", 0.0)
        # A published plan is left alone before anything in it is made better; nothing outweighs a plan that is whole.
        self.w_changed = 0.0
        if ground.replans:
            self.w_changed = 1000.0 * (1 + max(w.values(), default=0.0))
        if ground.instance.coverage == "all" or self.w_changed:
            self.w_missing = max(self.w_missing, 1000.0 * max(1 + max(w.values(), default=0.0), self.w_changed))
        self.w_day, self.w_time, self.w_staff = (
            w.get("moved_day", 0.0),
            w.get("moved_time", 0.0),
            w.get("staff_changed", 0.0),
        )

    # -- what is free ---------------------------------------------------------------------------------

    def can(self, person: int, begins: int, ends: int) -> int:
        """Starts of an activity at which a person is free from `begins` to `ends`, breaks kept."""
        key = (begins, ends)
        found = self.free[person].get(key)
        if found is None:
            length = ends - begins
            taken = spread(self.busy[person], length)
            for end, last in self.nap[person]:
                if last - length + 1 < end:  # there one stretch would take every place that is left for the break
                    taken |= bits(last - length + 1, end)
            found = self.ground.duty(person, begins, ends) & ~(taken >> begins)
            self.free[person][key] = found
        return found

    def closed(self, pool: int, length: int) -> int:
        """Starts at which a stretch of this length finds no place in the pool."""
        found = self.shut[pool].get(length)
        if found is None:
            planes = self.planes[pool]
            full = planes[0]
            for plane in planes[1:]:
                full &= plane
            found = self.shut[pool][length] = spread(full, length)
        return found

    def starts(self, item: Item) -> int:
        """Starts that patient, rooms, watching and lags leave; people come after."""
        found = item.starts & ~spread(self.held[item.patient], item.hold)
        if not found:
            return 0
        spot = self.spot
        for other, low, high in self.windows[item.number]:
            at = spot[other]
            if at is None:
                continue
            if high is not None:
                last = at.start + high
                if last < 0:
                    return 0
                found &= (2 << last) - 1
            if low is not None:
                first = at.start + low
                if first > 0:
                    found = found >> first << first
        for pool in item.watched:
            found &= ~self.closed(pool, item.length)
        if item.roomed and found:
            rooms = 0
            for pool, length in item.pools:
                rooms |= ~self.closed(pool, length)
            found &= rooms
        return found

    # -- what it costs ----------------------------------------------------------------------------------

    def value(self) -> float:
        """What the search makes small: first what is missing, then what is changed of a published plan, then `cost`."""
        first = self.w_missing * (self.gaps + 1000.0 * self.vital) + self.w_changed * self.changed
        return self.soft + first + self.w_spread * self.uneven()

    def cost(self) -> float:
        """The objective, but for changes of room (rooms get names at the end)."""
        missing = self.ground.weight.get("unscheduled", 0.0)
        return self.soft + missing * self.gaps + self.w_spread * self.uneven()

    def least(self) -> float:
        """What the plan will be worth at least, once all that is not placed now is placed."""
        saved = self.w_idle * self.out + self.w_dropped * self.gaps
        return self.soft - saved + self.w_changed * (self.changed - self.gaps)

    def uneven(self) -> int:
        """Most loaded minus least loaded therapist, units."""
        loads = [self.load[n] for n in self.ground.therapists]
        return max(loads) - min(loads) if loads else 0

    def price(self, item: Item, start: int, people: tuple[int, ...]) -> float:
        """What a placement costs by itself: hours, therapist, changes against the published plan."""
        found = 0.0
        if not item.liked >> start & 1:
            found += self.w_off
        preferred = self.ground.preferred[item.patient]
        if preferred >= 0:
            for need, person in zip(item.needs, people, strict=True):
                if need.therapist and person != preferred:
                    found += self.w_other
        if item.was is not None:
            old, team = item.was
            if old != start:
                day = self.ground.day
                found += self.w_day if old // day != start // day else self.w_time
            if team != people:
                found += self.w_staff
        return found

    def idle(self, patient: int, day: int) -> int:
        """Units between first and last of a day that nothing fills."""
        seen = self.there[patient] >> day * self.ground.day & self.ground.day_mask
        return seen.bit_length() - (seen & -seen).bit_length() + 1 - seen.bit_count() if seen else 0

    # -- change -------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Forget how to undo; `back` returns to here."""
        self.old_spots.clear()
        self.old_patients.clear()
        self.old_people.clear()
        self.old_pools.clear()
        self.old_events.clear()
        self.old_sums = (self.soft, self.gaps, self.vital, self.out, self.changed)

    def back(self) -> None:
        """Undo everything since `mark`, exactly."""
        for number, (spot, own) in self.old_spots.items():
            self.spot[number], self.own[number] = spot, own
        for n, (held, there, seen, joined, missing) in self.old_patients.items():
            self.held[n], self.there[n], self.seen[n] = held, there, seen
            self.joined[n], self.missing[n] = joined, missing
        for n, (busy, load, nap, free) in self.old_people.items():
            self.busy[n], self.load[n], self.nap[n], self.free[n] = busy, load, nap, free
        for n, (planes, shut) in self.old_pools.items():
            self.planes[n], self.shut[n] = planes, shut
        for n, (guests, leader, pool) in self.old_events.items():
            self.guests[n], self.leader[n], self.group_pool[n] = guests, leader, pool
        self.soft, self.gaps, self.vital, self.out, self.changed = self.old_sums
        self.mark()

    def _set_aside(self, patient: int) -> None:
        """Keep what a patient has, before the first change to it since the mark."""
        seen, joined = self.seen[patient], self.joined[patient]
        self.old_patients[patient] = (self.held[patient], self.there[patient], seen, joined, self.missing[patient])
        self.seen[patient], self.joined[patient] = dict(seen), list(joined)

    def place(self, number: int, spot: Spot) -> None:
        """Put an activity on the board; the spot keeps every rule."""
        item = self.ground.items[number]
        start, people, pool = spot
        patient, end = item.patient, start + item.length
        if patient not in self.old_patients:
            self._set_aside(patient)
        if number not in self.old_spots:
            self.old_spots[number] = (None, self.own[number])
        self.spot[number] = spot
        mask = bits(start, end)
        day = start // self.ground.day
        before = self.idle(patient, day)
        self.there[patient] ^= mask
        self.held[patient] ^= bits(start, start + item.hold)
        seen = self.seen[patient]
        change = self.price(item, start, people)
        self.own[number] = change
        change += self.w_idle * (self.idle(patient, day) - before)
        for need, person in zip(item.needs, people, strict=True):
            self._work(person, start + need.begins, start + need.ends, 1)
            if need.therapist:
                if person in seen:
                    seen[person] += 1
                else:
                    if seen:
                        change += self.w_switch
                    seen[person] = 1
        if pool >= 0:
            self._take(pool, bits(start, end + self.ground.pools[pool].turnover))
        for one in item.watched:
            self._take(one, mask)
        if item.was is not None:
            change -= self.w_dropped
            if item.was == (start, people) and not item.fixed:
                self.changed -= 1
        self.out -= item.length
        if item.vital and not item.fixed:
            self.vital -= 1
        self.soft += change
        self.missing[patient] -= 1
        self.gaps -= 1

    def remove(self, number: int) -> None:
        """Take an activity off the board."""
        item, spot = self.ground.items[number], self.spot[number]
        assert spot is not None
        start, people, pool = spot
        patient, end = item.patient, start + item.length
        if patient not in self.old_patients:
            self._set_aside(patient)
        if number not in self.old_spots:
            self.old_spots[number] = (spot, self.own[number])
        self.spot[number] = None
        mask = bits(start, end)
        day = start // self.ground.day
        before = self.idle(patient, day)
        self.there[patient] ^= mask
        self.held[patient] ^= bits(start, start + item.hold)
        seen = self.seen[patient]
        change = self.w_idle * (self.idle(patient, day) - before) - self.own[number]
        for need, person in zip(item.needs, people, strict=True):
            self._work(person, start + need.begins, start + need.ends, -1)
            if need.therapist:
                if seen[person] > 1:
                    seen[person] -= 1
                else:
                    del seen[person]
                    if seen:
                        change -= self.w_switch
        if pool >= 0:
            self._give(pool, bits(start, end + self.ground.pools[pool].turnover))
        for one in item.watched:
            self._give(one, mask)
        if item.was is not None:
            change += self.w_dropped
            if item.was == (start, people) and not item.fixed:
                self.changed += 1
        self.out += item.length
        if item.vital and not item.fixed:
            self.vital += 1
        self.soft += change
        self.missing[patient] += 1
        self.gaps += 1

    def join(self, patient: int, number: int, leader: int, pool: int) -> None:
        """Let a patient attend a group; leader and pool count where it was not held before."""
        event = self.ground.events[number]
        if number not in self.old_events:
            self.old_events[number] = (self.guests[number], self.leader[number], self.group_pool[number])
        if patient not in self.old_patients:
            self._set_aside(patient)
        if not self.guests[number]:
            self._work(leader, event.start, event.start + event.length, 1)
            self._take(pool, bits(event.start, event.start + event.length + self.ground.pools[pool].turnover))
            self.leader[number], self.group_pool[number] = leader, pool
        self.guests[number] |= 1 << patient
        self.joined[patient].append(number)
        self._attend(patient, event.start, event.length, event.day, -1)

    def leave(self, patient: int, number: int) -> None:
        """Let a patient no longer attend a group."""
        event = self.ground.events[number]
        leader, pool = self.leader[number], self.group_pool[number]
        if number not in self.old_events:
            self.old_events[number] = (self.guests[number], leader, pool)
        if patient not in self.old_patients:
            self._set_aside(patient)
        self.guests[number] &= ~(1 << patient)
        self.joined[patient].remove(number)
        self._attend(patient, event.start, event.length, event.day, 1)
        if not self.guests[number]:
            self._work(leader, event.start, event.start + event.length, -1)
            self._give(pool, bits(event.start, event.start + event.length + self.ground.pools[pool].turnover))
            self.leader[number] = self.group_pool[number] = -1

    def _attend(self, patient: int, start: int, length: int, day: int, missing: int) -> None:
        before = self.idle(patient, day)
        self.there[patient] ^= bits(start, start + length)
        self.held[patient] ^= bits(start, start + max(length + self.ground.gap, length))
        self.soft += self.w_idle * (self.idle(patient, day) - before)
        self.missing[patient] += missing
        self.gaps += missing
        self.out += missing * self.longest

    def _work(self, person: int, low: int, high: int, sign: int) -> None:
        """Give a person work, or take it away."""
        if person in self.old_people:
            self.free[person].clear()
        else:
            self.old_people[person] = (self.busy[person], self.load[person], self.nap[person], self.free[person])
            self.nap[person], self.free[person] = list(self.nap[person]), {}
        self.busy[person] ^= (1 << high) - (1 << low)
        self.load[person] += sign * (high - low)
        for n, (first, last, minutes) in enumerate(self.ground.pauses[person]):
            if first < high and low < last:
                taken = self.busy[person] >> first & ((1 << last - first) - 1)
                # Places for the break: starts at which `minutes` units are free inside the window.
                fits = ~spread(taken, minutes) & ((1 << last - first - minutes + 1) - 1)
                if fits:
                    near = first + (fits & -fits).bit_length() - 1
                    self.nap[person][n] = (near + minutes, first + fits.bit_length() - 1)
                else:
                    self.nap[person][n] = (self.ground.size, 0)

    def _take(self, pool: int, mask: int) -> None:
        """One more of the pool in use during the mask: add one to the binary count."""
        planes = self._planes(pool)
        for k, was in enumerate(planes):
            planes[k] = was ^ mask
            mask &= was
            if not mask:
                break

    def _give(self, pool: int, mask: int) -> None:
        """One less of the pool in use during the mask: subtract one from the binary count."""
        planes = self._planes(pool)
        for k, was in enumerate(planes):
            planes[k] = was ^ mask
            mask &= ~was
            if not mask:
                break

    def _planes(self, pool: int) -> list[int]:
        """The planes of a pool, about to change."""
        if pool in self.old_pools:
            self.shut[pool].clear()
        else:
            self.old_pools[pool] = (self.planes[pool], self.shut[pool])
            self.planes[pool], self.shut[pool] = list(self.planes[pool]), {}
        return self.planes[pool]
