"""
A value that no plan can beat, by counting alone: cheap, proven, and far from tight where people compete for time.

Nothing here is called near-optimal: `bound` says how it was made, and the gap stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from openkap.schedule.ground import Ground, Item

HOW = (
    "counted for each patient as if nobody else were there: sessions the preferred therapist cannot hold,"
    " activities that fit no preferred hour, the fewest therapists who between them hold every credential, and the gaps"
    " of days that must hold more than one thing; load and people who compete are left out"
)


@dataclass(frozen=True)
class Bound:
    """A proven lower bound and how it was made."""

    value: float
    how: str


def bound(ground: Ground) -> Bound:
    """
    A lower bound of the objective.

    Patients are looked at apart, which is valid because every term counted here is a sum over patients, and each can
    only grow when others are there. Where leaving an activity out could be cheaper than what it costs, the patient
    counts as nought.
    """
    weight = ground.weight
    missing = weight.get("unscheduled", 0.0)
    total, waits = 0.0, 0
    for patient in range(len(ground.patients)):
        items = [ground.items[n] for n in ground.of_patient[patient]]
        single = [_single(ground, item, patient) for item in items]
        switch = (_fewest(ground, items) - 1) * weight.get("therapist_switch", 0.0)
        units = _waits(ground, items, patient)
        per_gap = weight.get("patient_idle", 0.0) * ground.gap / ground.step
        dearest = max(single, default=0.0) + weight.get("therapist_switch", 0.0) + per_gap
        if ground.instance.coverage == "all" or missing >= dearest:
            total += sum(single) + max(switch, 0.0)
            waits += units
    total += waits // ground.step * weight.get("patient_idle", 0.0)
    return Bound(total, HOW)


def _single(ground: Ground, item: Item, patient: int) -> float:
    """What an activity costs at least, wherever it is placed."""
    found = 0.0
    if item.starts and not item.starts & item.liked:
        found += ground.weight.get("off_hours", 0.0)
    preferred = ground.preferred[patient]
    if preferred >= 0:
        for need in item.needs:
            if need.therapist and (
                preferred not in need.people or not item.starts & ground.duty(preferred, need.begins, need.ends)
            ):
                found += ground.weight.get("not_preferred", 0.0)
    return found


def _fewest(ground: Ground, items: list[Item]) -> int:
    """The fewest therapists who could between them hold every session."""
    sets = set()
    for item in items:
        for need in item.needs:
            if need.therapist:
                sets.add(
                    frozenset(one for one in need.people if item.starts & ground.duty(one, need.begins, need.ends))
                )
    sets = {one for one in sets if one}
    if not sets:
        return 1
    everyone = sorted(set().union(*sets))
    for size in (1, 2):
        if any(all(set(team) & one for one in sets) for team in combinations(everyone, size)):
            return size
    return 3


def _waits(ground: Ground, items: list[Item], patient: int) -> int:
    """Units of waiting at least: things on one day have a gap between them, and there are only so many days."""
    days = 0
    for day in range(ground.days):
        window = ground.day_mask << day * ground.day
        some = any(item.starts & window for item in items)
        some = some or any(one.open and one.day == day and one.open_to >> patient & 1 for one in ground.events)
        days += bool(some)
    return max(0, len(items) + ground.wanted[patient] - days) * ground.gap
