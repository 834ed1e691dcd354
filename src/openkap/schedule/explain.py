"""
Why there is no plan: a smallest set of named constraints that cannot hold together, in words, with ways out.

Proven by the constraint solver on a few patients where that is enough, else on all; found by leaving constraints out in
chunks, each test a fresh solve; and minimal by test: without any one of them there is a plan for what they bind.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from openkap.schedule.ground import Ground
from openkap.schedule.model import FEASIBLE, INFEASIBLE, UNKNOWN, Model, crowded, names
from openkap.schedule.relax import has_plan, of_some, with_more
from openkap.schedule.search import Search
from openkap.schedule.types import Instance
from openkap.schedule.words import in_number, relaxation, sentence

FEW_LEFT = 60  # constraints that a count is tried without one by one
TRIES = 12  # programmes tried by the search before the solver is asked about one patient
SMALL_S = 0.2  # s for a plain search of the solver, before two
COUNTED = ("room_kind:", "ratio:", "on_site:")  # constraints that give way by one more of something
MANY = 8  # so many more are tried
WAYS_S = 5.0  # s for the least change of each constraint, all together; of one 3 s at most


@dataclass(frozen=True)
class Conflict:
    """Constraints that cannot hold together."""

    ids: tuple[str, ...]
    minimal: bool  # proven: without any one of them they can
    words: tuple[str, ...]
    ways_out: tuple[dict[str, Any], ...] = ()
    solves: int = 0
    patients: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """For the answer."""
        return {
            "conflict": list(self.ids),
            "minimal": self.minimal,
            "because": list(self.words),
            "relaxations": list(self.ways_out),
            "patients": list(self.patients),
            "solves": self.solves,
        }


class _Asker:
    """Asks models under one clock."""

    def __init__(self, ground: Ground, until: float, only: Sequence[str]):
        self.ground, self.until, self.only, self.solves = ground, until, only, 0
        self._alone: dict[int, Instance] = {}

    def left(self) -> float:
        return self.until - time.monotonic()

    def of_all(self, patients: Sequence[int], kept: Sequence[str]) -> str:
        """Whether everybody has a plan: asked of the search, then of a model with fewer people, then of all."""
        if self.left() <= 0.05:
            return UNKNOWN
        if not self.crowded(patients, kept):
            if not self.only and has_plan(self.ground.instance, kept):
                return FEASIBLE
            self.solves += 1
            found = Model(self.ground, patients, kept, only=self.only, narrow=True).solve(min(self.left(), 3.0))
            if found.status == FEASIBLE:
                return FEASIBLE
        return self.status(patients, kept)

    def crowded(self, patients: Sequence[int], kept: Sequence[str]) -> bool:
        """Whether a count alone shows that there is none."""
        return self.left() > 0.05 and crowded(self.ground, patients, kept, self.only)

    def status(self, patients: Sequence[int], kept: Sequence[str], most: float = 1e9) -> str:
        """What the solver says of these patients under these constraints."""
        if self.left() <= 0.05:
            return UNKNOWN
        one = len(patients) == 1
        if one and not self.only and has_plan(self.alone(patients[0]), kept):
            return FEASIBLE
        self.solves += 1
        model = Model(self.ground, patients, kept, only=self.only)
        found = model.solve(SMALL_S, small=True).status if one else UNKNOWN
        return found if found != UNKNOWN else model.solve(min(max(self.left(), 0.05), most)).status

    def alone(self, patient: int) -> Instance:
        """The house with one patient only."""
        if patient not in self._alone:
            self._alone[patient] = of_some(self.ground.instance, [patient])
        return self._alone[patient]


def explain(
    instance: Instance, *, until: float, only: Sequence[str] = (), search: Search | None = None, quick: bool = False
) -> Conflict | None:
    """
    A minimal conflict.

    Args:
        instance: the problem.
        until: monotonic time at which to give up.
        only: ids of activities that must stay and cannot; else everything must be placed.
        search: one that did not place everything; patients it left short are looked at first.
        quick: give up early where neither one patient alone nor a count shows that there is no plan.

    Returns:
        The conflict, or None where nothing was proven in the time.
    """
    ground = Ground(instance)
    ask = _Asker(ground, until, only)
    everyone = list(range(len(ground.patients)))
    if only:
        wanted = set(only)
        everyone = [p for p in everyone if any(ground.items[n].id in wanted for n in ground.of_patient[p])]
    short = [p for p in everyone if search is not None and search.board.missing[p]]
    culprits = _culprits(ask, everyone, short, quick=quick)
    if culprits is None:
        return None
    ids, culprits, sure = _smallest(ask, culprits, everyone)
    ways = _ways_out(ask, culprits, ids)
    return Conflict(
        tuple(ids),
        sure,
        tuple(sentence(ground, name) for name in ids),
        ways,
        ask.solves,
        tuple(ground.patients[p].id for p in culprits),
    )


def _smallest(ask: _Asker, culprits: list[int], everyone: list[int]) -> tuple[list[str], list[int], bool]:
    """
    A conflict of everybody from one of a few.

    What was shown for a few must be shown for all: without any one constraint everybody has a plan. Where others have
    none under what is left, that is a smaller conflict, and it is looked at in its turn.

    Returns:
        the constraints, the patients who cannot be planned under them, and whether every one is needed.
    """
    kept = names(ask.ground, culprits, ask.only)
    if len(culprits) > 1:
        kept = _by_count(ask, culprits, kept)
    while True:
        ids, sure = _shrink(ask, culprits, kept)
        if not sure or len(culprits) == len(everyone):
            return ids, culprits, sure
        fewer = None
        for name in ids:
            rest = [one for one in ids if one != name]
            found = ask.of_all(everyone, rest)
            sure = sure and found == FEASIBLE
            if found == INFEASIBLE:
                fewer = rest
                break
        if fewer is None:
            return ids, culprits, sure
        kept = fewer
        alone = next(([p] for p in everyone if ask.status([p], kept, most=1.0) == INFEASIBLE), None)
        culprits = alone or everyone


def _by_count(ask: _Asker, patients: list[int], kept: list[str]) -> list[str]:
    """Leave out what a count does not need, by kind and then one by one; nothing where no count shows a conflict."""
    if not ask.crowded(patients, kept):
        return kept
    for kind in dict.fromkeys(map(_kind, kept)):
        fewer = [one for one in kept if _kind(one) != kind]
        if ask.crowded(patients, fewer):
            kept = fewer
    if len(kept) < FEW_LEFT:
        for name in list(kept):
            fewer = [one for one in kept if one != name]
            if ask.crowded(patients, fewer):
                kept = fewer
    return kept


def _culprits(ask: _Asker, everyone: list[int], short: list[int], *, quick: bool) -> list[int] | None:
    """Few patients who cannot be planned even by themselves, or None where nothing was proven."""
    ground = ask.ground
    if len(everyone) > 1 and ask.crowded(everyone, names(ground, everyone, ask.only)):
        return everyone
    stop = time.monotonic() + (0.2 if quick else 0.5) * ask.left()
    # Whoever the search placed wholly beside others can be placed alone too.
    for p in short or everyone:
        left = stop - time.monotonic()
        if left <= 0:
            break
        alone = not ask.only and _alone(ground, p)
        if not alone and ask.status([p], names(ground, [p], ask.only), most=min(5.0, left)) == INFEASIBLE:
            return [p]
    most = 1.0 if quick else ask.left() / 2
    found = None
    if 1 < len(short) < len(everyone) and _no(ask, short, most=most / 2):
        found = short
    elif len(everyone) > 1 and _no(ask, everyone, most=most):
        found = everyone
    if found is None or ask.crowded(found, names(ground, found, ask.only)):
        return found
    return _fewer(ask, found)


def _alone(ground: Ground, patient: int) -> bool:
    """Whether the search places a patient with everything else empty; milliseconds in place of a model."""
    search = Search(ground, 1)
    if search.fix():
        return False
    for attempt in range(TRIES):
        search.rebuild(patient, greedy=attempt == 0)
        if not search.board.missing[patient]:
            return True
    return False


def _no(ask: _Asker, patients: list[int], most: float) -> bool:
    return ask.status(patients, names(ask.ground, patients, ask.only), most) == INFEASIBLE


def _fewer(ask: _Asker, whole: list[int]) -> list[int]:
    """Leave patients out in chunks as long as the rest still has no plan; a quarter of the time at most goes here."""
    kept, size = list(whole), max(1, len(whole) // 2)
    stop = ask.until - 0.75 * ask.left()
    while True:
        place = 0
        while place < len(kept):
            fewer = kept[:place] + kept[place + size :]
            left = stop - time.monotonic()
            if fewer and left > 0 and _no(ask, fewer, most=max(0.3, left / 4)):
                kept = fewer
            else:
                place += size
        if size == 1:
            return kept
        size //= 2


def _shrink(ask: _Asker, patients: list[int], kept: list[str]) -> tuple[list[str], bool]:
    """
    The deletion filter: leave some of these constraints out by kind, then in chunks, a quarter, an eighth, ... one.

    Returns:
        what is left, and whether every one of them was seen to be needed: a plan was found without it beside a set that
        contains all the others.
    """
    few = len(kept) < FEW_LEFT and len(patients) > 1  # then the search is likely to find a plan before the solver does
    if (ask.of_all(patients, []) if few else ask.status(patients, [], most=ask.left() / 4)) == INFEASIBLE:
        return [], True
    needed: set[str] = set()

    def drop(some: list[str]) -> bool:
        nonlocal kept
        if not some:
            return False
        fewer = [one for one in kept if one not in some]
        found = ask.of_all(patients, fewer) if few else ask.status(patients, fewer, most=max(0.5, ask.left() / 12))
        if found == INFEASIBLE:
            kept = fewer
        elif found == FEASIBLE and len(some) == 1:
            needed.update(some)
        return found == INFEASIBLE

    for kind in dict.fromkeys(map(_kind, kept)):
        drop([one for one in kept if _kind(one) == kind])
    size = max(1, len(kept) // 4)
    while size > 1:
        place = 0
        while place < len(kept):
            if not drop(kept[place : place + size]):
                place += size
        size = max(1, min(size // 2, len(kept) // 2))
    before = None
    while before != kept and not needed.issuperset(kept) and ask.left() > 0.05:
        before = kept
        for name in kept:
            if name not in needed:
                drop([name])
    return kept, needed.issuperset(kept)


def _kind(name: str) -> str:
    """A kind of constraints that are tried together, such as all that say `lag: min`."""
    head, _, rest = name.partition(":")
    tail = rest.rpartition(":")[2]
    return f"{head}:{tail}" if head in ("patient", "activity", "staff", "lag") else head


def _ways_out(ask: _Asker, patients: list[int], ids: list[str]) -> tuple[dict[str, Any], ...]:
    """How little each constraint would have to give way, in the order in which they stand."""
    stop = min(ask.until, time.monotonic() + WAYS_S)
    found = []
    for n, name in enumerate(ids):
        share = (stop - time.monotonic()) / (len(ids) - n)
        found.append(_way_out(ask, patients, name, min(3.0, max(share, 0.0))))
    return tuple(found)


def _way_out(ask: _Asker, patients: list[int], name: str, most: float) -> dict[str, Any]:
    """How little one constraint would have to give way, all others kept, for those who have no plan."""
    kept = [one for one in names(ask.ground, patients, ask.only) if one != name]
    way: dict[str, Any] = {"constraint": name, "enough": None, "least": False}
    if most <= 0.05:
        return way | {"change": "not looked for: the time ended"}
    if name.startswith(COUNTED):
        return way | _how_many(ask, patients, name, time.monotonic() + most)
    until = time.monotonic() + most
    ask.solves += 1
    found = Model(ask.ground, patients, kept, only=ask.only, soft=name).solve(most / 2 if len(patients) > 1 else most)
    if found.status == FEASIBLE:
        return way | {"enough": True, "least": found.least, "change": relaxation(ask.ground, name, found)}
    if found.status == INFEASIBLE:
        return way | {"enough": False, "change": "not enough by itself: something else stands in the way too"}
    if name.startswith("staff:") and len(patients) > 1:
        return way | _how_many(ask, patients, name, until, most=1) | {"least": False}
    return way | {"change": "not known: the time ended"}


def _how_many(ask: _Asker, patients: list[int], name: str, until: float, most: int = MANY) -> dict[str, Any]:
    """How many more rooms or people would do, all else as it is: the fewest with which the search finds a plan."""
    if ask.only:
        return {"change": "not looked for: the plan stands already"}
    stand = {item.patient for item in ask.ground.items if item.fixed}  # and they take what they take
    house, all_too_few = of_some(ask.ground.instance, stand.union(patients)), True
    for count in range(1, most + 1):
        more = with_more(house, name, count)
        ground = Ground(more)
        every = range(len(more.patients))
        kept = names(ground, every)
        if crowded(ground, every, kept):
            continue
        if has_plan(more, kept, until):
            return {"enough": True, "least": all_too_few, "change": in_number(ask.ground, name, count)}
        all_too_few = False  # so many were neither shown to do nor not to
        if time.monotonic() > until:
            return {"change": "not known: the time ended"}
    if all_too_few:
        return {"enough": False, "change": f"even {in_number(ask.ground, name, most)} would be too few"}
    return {"change": f"not known: no plan was found with {in_number(ask.ground, name, most)}"}
