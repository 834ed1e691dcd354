"""What a step of the search takes away: each way returns the patients who then miss something."""

from __future__ import annotations

from openkap.schedule.ground import Item, bits
from openkap.schedule.placing import Placing

PUSHES = 6  # starts looked at before something is pushed in where least stands in its way


class Ruin(Placing):
    """Ways to take some of a plan away."""

    def take_patients(self, patient: int) -> list[int]:
        """One to three patients who share therapists lose their whole programme."""
        rng, board = self.rng, self.board
        chosen = [patient]
        size = rng.choice((1, 1, 1, 2, 2, 3)) if not board.missing[patient] else rng.choice((1, 2, 3, 4))
        if size > 1:
            mine = set(board.seen[patient])
            near = [p for p in self.loose if p != patient and mine & board.seen[p].keys()] or self.loose
            for _ in range(size - 1):
                other = rng.choice(near)
                if other not in chosen:
                    chosen.append(other)
        for one in chosen:
            self.strip(one)
        rng.shuffle(chosen)
        return chosen

    def take_push(self, patient: int) -> list[int]:
        """Something that is missing is placed at a drawn start; what stands in its way there is taken away."""
        rng, board, ground = self.rng, self.board, self.ground
        lost = [n for n in ground.of_patient[patient] if board.spot[n] is None]
        if not lost:
            return self.take_patients(patient)
        item = ground.items[rng.choice(lost)]
        best: tuple[list[int], int, tuple[int, ...]] | None = None
        for _ in range(PUSHES if item.starts else 0):
            start = self.chooser._any(item.hopeful or item.starts)
            people = self._crew(item, start)
            way = None if people is None else self._in_the_way(item, start, people)
            if people is not None and way is not None and (best is None or len(way) < len(best[0])):
                best = way, start, people
        if best is None:
            return self.take_patients(patient)
        return self._push(item, *best)

    def take_return(self, number: int) -> list[int]:
        """An activity goes back to its published place, and what stands in its way there is taken away."""
        item = self.ground.items[number]
        assert item.was is not None
        self.board.remove(number)
        way = self._in_the_way(item, *item.was)
        return [item.patient] if way is None else self._push(item, way, *item.was)

    def _push(self, item: Item, way: list[int], start: int, people: tuple[int, ...]) -> list[int]:
        board, ground, touched = self.board, self.ground, [item.patient]
        for n in way:
            board.remove(n)
            touched.append(ground.items[n].patient)
        for n in list(board.joined[item.patient]):
            event = ground.events[n]
            if event.start < start + item.hold and start < event.start + event.length + ground.gap:
                board.leave(item.patient, n)
        for n in self._sharers(item, start):
            if board.starts(item) >> start & 1:
                break
            board.remove(n)
            touched.append(ground.items[n].patient)
        spot = self.valid(item.number, start, people)
        if spot is not None:
            board.place(item.number, spot)
        return list(dict.fromkeys(touched))

    def strayed(self) -> list[int]:
        """What stands elsewhere than published and need not."""
        return [
            n
            for n, spot in enumerate(self.board.spot)
            if spot is not None and n in self.could_stay and spot[:2] != self.ground.items[n].was
        ]

    def _crew(self, item: Item, start: int) -> tuple[int, ...] | None:
        """Somebody on duty for every requirement, free if possible."""
        found: list[int] = []
        for need in item.needs:
            there = [
                one
                for one in need.people
                if one not in found and self.ground.duty(one, need.begins, need.ends) >> start & 1
            ]
            if not there:
                return None
            free = [one for one in there if self.board.can(one, need.begins, need.ends) >> start & 1]
            found.append(self.rng.choice(free or there))
        return tuple(found)

    def _in_the_way(self, item: Item, start: int, people: tuple[int, ...]) -> list[int] | None:
        """What keeps a patient or these people from an activity at this start; None where it must stay."""
        board, items, found = self.board, self.ground.items, []
        bound = {link.other: link for link in item.links}
        work = {one: bits(start + need.begins, start + need.ends) for need, one in zip(item.needs, people, strict=True)}
        for n, spot in enumerate(board.spot):
            if spot is None:
                continue
            other = items[n]
            hit = other.patient == item.patient and spot.start < start + item.hold and start < spot.start + other.hold
            if not hit and n in bound:
                link, gap = bound[n], start - spot.start
                hit = (link.low is not None and gap < link.low) or (link.high is not None and gap > link.high)
            if not hit and not work.keys().isdisjoint(spot.people):
                for need, one in zip(other.needs, spot.people, strict=True):
                    hit = hit or bool(work.get(one, 0) & bits(spot.start + need.begins, spot.start + need.ends))
            if hit:
                if other.fixed:
                    return None
                found.append(n)
        return found

    def _sharers(self, item: Item, start: int) -> list[int]:
        """What shares rooms or watching with an activity at this start, in drawn order."""
        items, found = self.ground.items, []
        pools = {pool for pool, _ in item.pools}
        for n, spot in enumerate(self.board.spot):
            if spot is None or items[n].fixed:
                continue
            meets = spot.start < start + item.hold and start < spot.start + items[n].hold
            if meets and (spot.pool in pools or not set(items[n].watched).isdisjoint(item.watched)):
                found.append(n)
        self.rng.shuffle(found)
        return found

    def _placed(self, patient: int) -> list[int]:
        """What of a patient's programme may move, in order of time."""
        spot, items = self.board.spot, self.ground.items
        mine = [n for n in self.ground.of_patient[patient] if spot[n] is not None and not items[n].fixed]
        mine.sort(key=lambda n: spot[n].start)  # type: ignore[union-attr]
        return mine

    def take_run(self, patient: int) -> list[int]:
        """A few activities of one patient that follow each other."""
        mine = self._placed(patient)
        if mine:
            size = min(len(mine), self.rng.choice((2, 2, 3, 3, 4, 5, 6)))
            at = int(self.rng.random() * (len(mine) - size + 1))
            for n in mine[at : at + size]:
                self.board.remove(n)
        return [patient]

    def take_day(self, patient: int) -> list[int]:
        """All that a patient does on one day, groups included."""
        board, day = self.board, self.ground.day
        mine = self._placed(patient)
        if mine:
            chosen = board.spot[self.rng.choice(mine)].start // day  # type: ignore[union-attr]
            for n in mine:
                if board.spot[n].start // day == chosen:  # type: ignore[union-attr]
                    board.remove(n)
            for n in list(board.joined[patient]):
                if self.ground.events[n].day == chosen:
                    board.leave(patient, n)
        return [patient]

    def take_therapist(self, patient: int) -> list[int]:
        """All sessions of a patient with one therapist, who shall not have them again; another may be drawn as main."""
        board, items, rng = self.board, self.ground.items, self.rng
        seen = board.seen[patient]
        if not seen:
            return [patient]
        people = sorted(seen, key=lambda one: (seen[one], one))
        leaver = people[0] if rng.random() < 0.6 else rng.choice(people)
        for n in self._placed(patient):
            item, spot = items[n], board.spot[n]
            if spot is None:
                continue
            if any(need.therapist and one == leaver for need, one in zip(item.needs, spot.people, strict=True)):
                board.remove(n)
                if rng.random() < 0.5:  # with the partners whose windows bind it
                    for link in item.links:
                        other = link.other
                        bound = link.low is not None and link.high is not None and not items[other].fixed
                        if bound and board.spot[other] is not None and rng.random() < 0.5:
                            board.remove(other)
        self.chooser.barred = leaver
        if not board.seen[patient]:
            self.chooser.main = self.draw_therapist(patient)
        return [patient]

    def take_wish(self, patient: int) -> list[int]:
        """All sessions of a patient whose therapist is not the one to be, and those of others with that one."""
        rng, board, items = self.rng, self.board, self.ground.items
        chosen = self.ground.preferred[patient]
        if chosen < 0 or rng.random() < 0.3:
            chosen = self.draw_therapist(patient)
        if chosen < 0:
            return [patient]
        for n in self._placed(patient):
            spot = board.spot[n]
            wants = any(need.therapist and chosen in need.people for need in items[n].needs)
            if spot is not None and wants and chosen not in spot.people:
                board.remove(n)
        touched = [patient]
        others = [
            p for p in self.loose if p != patient and chosen in board.seen[p] and self.ground.preferred[p] != chosen
        ]
        if not others:
            others = [p for p in self.loose if p != patient and chosen in board.seen[p]]
        if others and rng.random() < 0.8:
            for other in rng.sample(others, min(len(others), rng.choice((1, 1, 2)))):
                for n in self._placed(other):
                    spot = board.spot[n]
                    if spot is not None and chosen in spot.people:
                        board.remove(n)
                touched.append(other)
        return touched

    def take_one(self, patient: int) -> list[int]:
        """One or two activities, rather those that cost something."""
        mine = self._placed(patient)
        if mine:
            costly = [n for n in mine if self.board.own[n] > 0]
            chosen = self.rng.choice(costly if costly and self.rng.random() < 0.6 else mine)
            self.board.remove(chosen)
            if self.rng.random() < 0.5:
                partners = [
                    link.other
                    for link in self.ground.items[chosen].links
                    if self.board.spot[link.other] is not None and not self.ground.items[link.other].fixed
                ]
                if partners:
                    self.board.remove(self.rng.choice(partners))
        return [patient]

    def take_bench(self) -> list[int]:
        """Sessions of a few patients with the most loaded therapist, or that the least loaded could take."""
        board, ground, rng = self.board, self.ground, self.rng
        people = ground.therapists
        if not people:
            return []
        load = board.load
        if rng.random() < 0.5:
            chosen = max(people, key=lambda one: load[one] + 4 * rng.random())
            self.chooser.barred = chosen
        else:
            chosen = rng.choice(people)
        day = int(rng.random() * ground.days)
        theirs = [p for p in self.loose if chosen in board.seen[p]]
        if not theirs:
            return []
        everywhere = rng.random() < 0.5
        found: list[int] = []
        for patient in theirs if not everywhere else [rng.choice(theirs)]:
            for n in self._placed(patient):
                spot = board.spot[n]
                assert spot is not None
                near = everywhere or spot.start // ground.day == day
                if near and chosen in spot.people and len(found) < 5 and rng.random() < 0.7:
                    board.remove(n)
                    found.append(patient)
        touched = list(dict.fromkeys(found))
        rng.shuffle(touched)
        return touched

    def take_groups(self, patient: int) -> list[int]:
        """All who attend one group, or the groups of one patient."""
        board, rng = self.board, self.rng
        held = [n for n, guests in enumerate(board.guests) if guests]
        if held and rng.random() < 0.6:
            n = rng.choice(held)
            touched = [p for p in range(len(self.ground.patients)) if board.guests[n] >> p & 1]
            for p in touched:
                board.leave(p, n)
            rng.shuffle(touched)
            return touched
        for n in list(board.joined[patient]):
            board.leave(patient, n)
        return [patient]
