"""Placing what programmes miss on a board, each thing where it costs least; keeping a plan, and going back to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from openkap.schedule.board import Board, Spot
from openkap.schedule.choose import Chooser
from openkap.schedule.ground import Ground

LADEN = 0.1  # a main therapist with ten units less of work outweighs one session more that another could hold


@dataclass(slots=True)
class Kept:
    """A whole plan, to go back to."""

    value: float  # by which plans are compared
    cost: float  # the objective, but for changes of room
    gaps: int
    vital: int  # of these, without which something that must stay would stand alone
    changed: int  # of a published plan
    spots: list[Spot | None]
    groups: list[tuple[int, int, int, int]]  # patient, event, leader, pool


class Placing:
    """A board, and whoever puts things on it."""

    def __init__(self, ground: Ground, seed: int):
        self.ground, self.rng = ground, Random(seed)
        self.board = Board(ground)
        self.chooser = Chooser(self.board, self.rng)
        self.steps = 0
        self.best: Kept | None = None
        self.loose = [p for p in range(len(ground.patients)) if self._moves(p)]
        self.rank = _ranks(ground)
        self.could_stay: frozenset[int] = frozenset()  # of a published plan, beside what must stay
        self.forced = 0  # so many of it cannot

    def _moves(self, patient: int) -> bool:
        ground = self.ground
        return ground.wanted[patient] > 0 or any(not ground.items[n].fixed for n in ground.of_patient[patient])

    # -- keeping ------------------------------------------------------------------------------------------

    def keep(self) -> Kept:
        """The plan as it stands."""
        board = self.board
        groups = [
            (patient, n, board.leader[n], board.group_pool[n])
            for patient, joined in enumerate(board.joined)
            for n in joined
        ]
        return Kept(board.value(), board.cost(), board.gaps, board.vital, board.changed, list(board.spot), groups)

    def load(self, kept: Kept) -> None:
        """Put a kept plan on the board in place of what stands there."""
        board = self.board
        held = {(patient, n, leader, pool) for patient, n, leader, pool in kept.groups}
        for patient, joined in enumerate(board.joined):
            for n in list(joined):
                if (patient, n, board.leader[n], board.group_pool[n]) not in held:
                    board.leave(patient, n)
        for n, spot in enumerate(board.spot):
            if spot is not None and kept.spots[n] != spot:
                board.remove(n)
        for n, spot in enumerate(kept.spots):
            if spot is not None and board.spot[n] is None:
                board.place(n, spot)
        for patient, n, leader, pool in kept.groups:
            if n not in board.joined[patient]:
                board.join(patient, n, leader, pool)
        board.mark()

    # -- placing ------------------------------------------------------------------------------------------

    def fix(self) -> list[str]:
        """
        Put what must stay on an empty board.

        Returns:
            ids of activities that cannot stay, for a rule forbids it.
        """
        broken = []
        for item in self.ground.items:
            if not item.fixed:
                continue
            assert item.was is not None
            spot = self.valid(item.number, item.was[0], item.was[1])
            if spot is None:
                broken.append(item.id)
            else:
                self.board.place(item.number, spot)
        could = [
            item.number
            for item in self.ground.items
            if item.was is not None and not item.fixed and self.valid(item.number, *item.was) is not None
        ]
        self.could_stay, self.forced = frozenset(could), self.board.changed - len(could)
        self.board.mark()
        return broken

    def valid(self, number: int, start: int, people: tuple[int, ...]) -> Spot | None:
        """The spot of an activity with this start and these people, if the board allows it."""
        item, board = self.ground.items[number], self.board
        if start < 0 or len(people) != len(item.needs) or not board.starts(item) >> start & 1:
            return None
        given: list[tuple[int, int, int]] = []
        for need, person in zip(item.needs, people, strict=True):
            fits = person in need.people and board.can(person, need.begins, need.ends) >> start & 1
            if not fits:
                break
            given.append((person, start + need.begins, start + need.ends))
            board._work(*given[-1], 1)
        whole = len(given) == len(item.needs)
        for one in given:
            board._work(*one, -1)
        return Spot(start, people, self.chooser.pool(item.pools, start)) if whole else None

    def construct(self, stop: Callable[[], bool] = lambda: False) -> None:
        """A first plan: patients in the order of how little room they have, each programme from its beginning."""
        ground = self.ground
        room = {p: sum(ground.items[n].starts.bit_count() for n in ground.of_patient[p]) for p in self.loose}
        short = [p for p in self.loose if self.board.missing[p]]
        for patient in sorted(short, key=lambda p: (room[p] / (1 + len(ground.of_patient[p])), p)):
            best = self.keep()
            for attempt in range(8):
                if attempt and stop():
                    break
                self.rebuild(patient, greedy=attempt == 0)
                if self.board.value() < best.value:
                    best = self.keep()
                if not best.gaps or not self.board.missing[patient]:
                    break
            self.load(best)
        self.board.mark()
        self.best = self.keep()

    def rebuild(self, patient: int, *, greedy: bool = False) -> None:
        """Take a patient's whole programme away and place it anew around one drawn therapist."""
        self.strip(patient)
        self.chooser.main = self.draw_therapist(patient)
        self.chooser.early = self.rng.choice((0.5, 2.0, 5.0, 12.0)) if not greedy else 2.0
        self.fill([patient])

    def strip(self, patient: int) -> None:
        """Take away all that may move of a patient."""
        board, items = self.board, self.ground.items
        for n in list(board.joined[patient]):
            board.leave(patient, n)
        for n in self.ground.of_patient[patient]:
            if board.spot[n] is not None and not items[n].fixed:
                board.remove(n)

    def draw_therapist(self, patient: int) -> int:
        """Around whom to build: mostly the preferred one, else by chance who can do most and has less work."""
        preferred, rng, load = self.ground.preferred[patient], self.rng, self.board.load
        if preferred >= 0 and rng.random() < 0.7:
            return preferred
        counts: dict[int, float] = {}
        for n in self.ground.of_patient[patient]:
            item = self.ground.items[n]
            if item.sole >= 0:
                for person in item.needs[item.sole].people:
                    counts[person] = counts.get(person, 0) + 1
        if not counts:
            return -1
        return max(counts, key=lambda one: counts[one] + 4 * rng.random() - LADEN * load[one])

    def fill(self, patients: list[int], *, shuffle: float = 0.0, groups_first: bool | None = None) -> bool:
        """
        Place everything that these patients miss.

        Returns:
            whether nothing is missing any more.
        """
        board, items, chooser, rng = self.board, self.ground.items, self.chooser, self.rng
        order = [
            (self.rank[n] + shuffle * rng.random(), n)
            for patient in patients
            for n in self.ground.of_patient[patient]
            if board.spot[n] is None
        ]
        order.sort()
        chooser.pending = {n for _, n in order}
        first = rng.random() < 0.3 if groups_first is None else groups_first
        whole = True
        if first:
            whole = self.gather(patients)
        for _, n in order:
            chooser.pending.discard(n)
            found = chooser.find(items[n])
            if found is None:
                whole = False
                if self.hopeless:
                    return False
            else:
                board.place(n, found[1])
                if self.hopeless and board.least() > self.limit + self.slack:
                    return False  # whatever comes, it will cost too much
        if not first:
            whole = self.gather(patients) and whole
        if not whole:
            self.close(patients)
        return whole

    hopeless = False  # whether one thing left out already decides against a step
    limit = math.inf  # and what the plan may cost after it
    slack = 0.0  # what a sweep may still gain

    def gather(self, patients: list[int]) -> bool:
        """Let patients attend the groups they miss."""
        board, wanted, whole = self.board, self.ground.wanted, True
        for patient in patients:
            while len(board.joined[patient]) < wanted[patient]:
                found = self.chooser.group(patient)
                if found is None:
                    whole = False
                    break
                _, n, leader, pool = found
                board.join(patient, n, leader, pool)
        return whole

    def settle(self) -> None:
        """Place what is missing beside what stands; then take away what stands without what it depends on."""
        short = [p for p in self.loose if self.board.missing[p]]
        self.chooser.early = 0.0
        self.fill(short, groups_first=False)
        self.close(list(range(len(self.ground.patients))))

    def close(self, patients: list[int]) -> None:
        """Take away what stands without what it depends on."""
        board, items = self.board, self.ground.items
        waiting = [n for patient in patients for n in self.ground.of_patient[patient]]
        while waiting:
            n = waiting.pop()
            if board.spot[n] is None:
                for m in items[n].needed_by:
                    if board.spot[m] is not None and not items[m].fixed:
                        board.remove(m)
                        waiting.append(m)


def _ranks(ground: Ground) -> list[float]:
    """A place in order for each activity such that what must come first is placed first."""
    rank = [0.0] * len(ground.items)
    for mine in ground.of_patient:
        for _ in mine:
            moved = False
            for n in mine:
                for link in ground.items[n].links:
                    after = rank[link.other] + 1
                    if link.low is not None and link.low > 0 and rank[n] < after <= len(mine):
                        rank[n], moved = after, True
            if not moved:
                break
    return rank
