"""Finding the place of an activity, or the group of a patient, that costs least as the board stands."""

from __future__ import annotations

from random import Random

from openkap.schedule.board import Board, Spot
from openkap.schedule.ground import Event, Item, reach

NOISE = 0.05  # breaks ties between places that cost the same


class Chooser:
    """Places things on a board, each where it costs least, with a seeded shake of ties."""

    def __init__(self, board: Board, rng: Random):
        self.board, self.ground, self.rng = board, board.ground, rng
        self.noise = NOISE
        self.main = -1  # the therapist whom a patient shall have where nobody has begun
        self.barred = -1  # a therapist who shall not be taken if another can
        self.early = 0.0  # cost of each day that passes, so that a programme begins early
        self.pending: set[int] = set()  # what this move still has to place; others are left out of look-ahead

    # -- activities -----------------------------------------------------------------------------------

    def room_for(self, item: Item) -> int:
        """Starts at which an activity could be placed with somebody."""
        found = self.board.starts(item)
        if found:
            for need in item.needs:
                found &= self.anyone(need.people, need.begins, need.ends)
                if not found:
                    break
        return found

    def anyone(self, people: tuple[int, ...], begins: int, ends: int) -> int:
        """Starts at which one of these people is free."""
        found, can = 0, self.board.can
        for person in people:
            found |= can(person, begins, ends)
        return found

    def ahead(self, item: Item, found: int) -> int:
        """Leave only starts that leave a start to whatever must stand beside it and is still to be placed."""
        found &= item.hopeful
        for other, low, high in item.partners:
            if other in self.pending:
                theirs = self.room_for(self.ground.items[other])
                found &= reach(theirs & self.ground.items[other].hopeful or theirs, low, high)
        return found

    def find(self, item: Item) -> tuple[float, Spot] | None:
        """
        The cheapest spot.

        Returns:
            what it adds to the objective (nearly: ties are shaken and load is looked at by itself) and the spot; None
            where there is none.
        """
        board = self.board
        found = board.starts(item)
        if not found:
            return None
        for n, need in enumerate(item.needs):
            if n != item.sole:
                found &= self.anyone(need.people, need.begins, need.ends)
        if not found:
            return None
        found = self.ahead(item, found) or found
        best, spot = float("inf"), None
        for extra, person in self.tiers(item):
            if extra - board.w_idle * item.length >= best:
                break
            mask = found
            if person >= 0:
                need = item.needs[item.sole]
                mask &= board.can(person, need.begins, need.ends)
            while mask:
                cost, start = self.start(item, mask)
                if extra + cost >= best:
                    break
                team = self.team(item, start, person)
                if team is not None:
                    best, spot = extra + cost, Spot(start, team, self.pool(item.pools, start))
                    break
                mask &= ~(1 << start)
        return None if spot is None else (best, spot)

    def tiers(self, item: Item) -> list[tuple[float, int]]:
        """What each therapist would cost, cheapest first; -1 where the choice is not of one therapist."""
        if item.sole < 0:
            return [(0.0, -1)]
        board, need = self.board, item.needs[item.sole]
        seen, preferred = board.seen[item.patient], self.ground.preferred[item.patient]
        old = item.was[1][item.sole] if item.was is not None and len(item.was[1]) > item.sole else -1
        length, load, random = need.ends - need.begins, board.load, self.rng.random
        loads = sorted([load[n] for n in self.ground.therapists])
        most, least, second = loads[-1], loads[0], loads[1] if len(loads) > 1 else loads[0]
        tiers = []
        for person in need.people:
            extra = random() * self.noise
            if preferred >= 0 and person != preferred:
                extra += board.w_other
            if person not in seen and (seen or (self.main >= 0 and person != self.main)):
                extra += board.w_switch
            if old >= 0 and person != old:
                extra += board.w_staff + board.w_changed
            if person == self.barred:
                extra += 1000.0
            if load[person] + length > most:
                extra += board.w_spread * (load[person] + length - most)
            elif load[person] == least:
                extra -= board.w_spread * (min(second, load[person] + length) - least)
            tiers.append((extra, person))
        tiers.sort()
        return tiers

    def start(self, item: Item, mask: int) -> tuple[float, int]:
        """The start that costs least by waiting, hours and changes, day by day: the inner loop of all."""
        board, ground, random = self.board, self.ground, self.rng.random
        there, liked, length, day_bits = board.there[item.patient], item.liked, item.length, ground.day
        w_idle, noise, early = board.w_idle, self.noise, self.early
        best, at = float("inf"), -1
        was = item.was[0] if item.was is not None else -1
        if was >= 0 and mask >> was & 1:
            day = was // day_bits
            taken = there >> day * day_bits & ground.day_mask
            best, at = self._waits(taken, was - day * day_bits, length) * w_idle, was
            if not liked >> was & 1:
                best += board.w_off
        while mask:
            day = ((mask & -mask).bit_length() - 1) // day_bits
            base = day * day_bits
            here = mask >> base & ground.day_mask
            mask = mask >> base + day_bits << base + day_bits
            ground_cost = random() * noise + early * day
            if was >= 0:
                ground_cost += board.w_changed + (board.w_time if was // day_bits == day else board.w_day)
            if ground_cost - w_idle * length >= best:
                continue
            taken = there >> base & ground.day_mask
            nice = here if liked < 0 else here & (liked >> base)
            rest = here & ~nice
            for these, off in ((nice, 0.0), (rest, board.w_off)):
                if not these:
                    continue
                cost = ground_cost + off
                if not taken:
                    if cost < best:
                        shake = random()
                        if shake < 0.4:
                            place = (these & -these).bit_length() - 1
                        elif shake < 0.8:
                            place = these.bit_length() - 1
                        else:
                            place = self._any(these)
                        best, at = cost, base + place
                    continue
                first, last = (taken & -taken).bit_length() - 1, taken.bit_length()
                before = these & ((2 << first - length) - 1) if first >= length else 0
                if before:
                    place = before.bit_length() - 1
                    total = cost + w_idle * (first - place - length)
                    if total < best:
                        best, at = total, base + place
                after = these >> last << last
                if after:
                    place = (after & -after).bit_length() - 1
                    total = cost + w_idle * (place - last)
                    if total < best:
                        best, at = total, base + place
                between = these & ~before & ~after
                if between and cost - w_idle * length < best:
                    best, at = cost - w_idle * length, base + (between & -between).bit_length() - 1
        return best, at

    def _any(self, mask: int) -> int:
        """One of the bits, by chance."""
        low = (mask & -mask).bit_length() - 1
        high = mask.bit_length()
        cut = low + int(self.rng.random() * (high - low))
        rest = mask >> cut << cut
        return (rest & -rest).bit_length() - 1 if rest else low

    @staticmethod
    def _waits(taken: int, place: int, length: int) -> int:
        """Change of waiting on a day when a stretch is added."""
        if not taken:
            return 0
        first, last = (taken & -taken).bit_length() - 1, taken.bit_length()
        return max(0, first - place) + max(0, place + length - last) - length

    def team(self, item: Item, start: int, therapist: int) -> tuple[int, ...] | None:
        """Somebody for every requirement, the same as published where possible."""
        if item.clash:
            return self._team(item, start, [])
        board, team = self.board, []
        old = item.was[1] if item.was is not None else ()
        for n, need in enumerate(item.needs):
            if n == item.sole:
                team.append(therapist)
                continue
            free = [one for one in need.people if board.can(one, need.begins, need.ends) >> start & 1]
            if not free:
                return None
            if n < len(old) and old[n] in free:
                team.append(old[n])
            else:
                team.append(free[int(self.rng.random() * len(free))] if len(free) > 1 else free[0])
        return tuple(team)

    def _team(self, item: Item, start: int, team: list[int]) -> tuple[int, ...] | None:
        """The same where two requirements may want one person: each is given the work before the next is asked for."""
        n, board = len(team), self.board
        if n == len(item.needs):
            return tuple(team)
        need = item.needs[n]
        people = list(need.people)
        self.rng.shuffle(people)
        seen = board.seen[item.patient]
        people.sort(key=lambda one: (bool(need.therapist) and one not in seen and one != self.main,))
        for person in people:
            if not board.can(person, need.begins, need.ends) >> start & 1:
                continue
            board._work(person, start + need.begins, start + need.ends, 1)
            found = self._team(item, start, [*team, person])
            board._work(person, start + need.begins, start + need.ends, -1)
            if found is not None:
                return found
        return None

    def pool(self, pools: tuple[tuple[int, int], ...], start: int) -> int:
        """The first pool of rooms with one free, -1 where none is asked for."""
        for pool, length in pools:
            if not self.board.closed(pool, length) >> start & 1:
                return pool
        return -1

    # -- groups ---------------------------------------------------------------------------------------

    def group(self, patient: int) -> tuple[float, int, int, int] | None:
        """
        The cheapest group a patient can attend.

        Returns:
            (cost, event, leader, pool), or None.
        """
        board, ground, random = self.board, self.ground, self.rng.random
        held, there = board.held[patient], board.there[patient]
        days = {ground.events[n].day for n in board.joined[patient]}
        best: tuple[float, int, int, int] | None = None
        for event in ground.offered[patient]:
            n = event.number
            if event.day in days or held >> event.start & ((1 << event.length + ground.gap) - 1):
                continue
            taken = there >> event.day * ground.day & ground.day_mask
            cost = random() * self.noise
            cost += board.w_idle * self._waits(taken, event.start - event.day * ground.day, event.length)
            if not board.guests[n]:
                cost += 2 * random()
            if best is not None and cost >= best[0]:
                continue
            leader, pool = board.leader[n], board.group_pool[n]
            if board.guests[n]:
                if board.guests[n].bit_count() >= event.capacity:
                    continue
            else:
                pool = self.pool(event.pools, event.start)
                if pool < 0:
                    continue
                free = [one for one in event.leaders if board.can(one, 0, event.length) >> event.start & 1]
                if not free:
                    continue
                leader = min(free, key=lambda one: board.load[one] + 6 * random())
            best = (cost, n, leader, pool)
        return best

    def could_join(self, patient: int, event: Event, leader: int) -> tuple[int, int] | None:
        """Leader and pool with which a patient can attend this group, the given leader if possible, or None."""
        board, ground, n = self.board, self.ground, event.number
        if not event.open or not event.open_to >> patient & 1:
            return None
        if any(ground.events[one].day == event.day for one in board.joined[patient]):
            return None
        if board.held[patient] >> event.start & ((1 << event.length + ground.gap) - 1):
            return None
        if board.guests[n]:
            full = board.guests[n].bit_count() >= event.capacity
            return None if full else (board.leader[n], board.group_pool[n])
        pool = self.pool(event.pools, event.start)
        free = [one for one in event.leaders if board.can(one, 0, event.length) >> event.start & 1]
        if pool < 0 or not free:
            return None
        return (leader if leader in free else min(free, key=lambda one: board.load[one])), pool
