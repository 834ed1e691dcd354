"""
What a plan costs: one named function for each term, counted from the instance alone.

The sum over terms of weight times count is the objective; staff idle time is reported and weighs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from openkap.schedule.rules import Use, View, attendance
from openkap.schedule.types import DAY, TERMS, Instance, Placed, Plan

THERAPIST = "therapist"  # the role whose continuity and load count


def unscheduled(view: View) -> int:
    """Activities not placed and group sessions missing."""
    attended = attendance(view)
    missing = sum(max(0, who.group_sessions - len(attended[who.id])) for who in view.instance.patients)
    return len(view.activities) - len(view.placed) + missing


def _individual(view: View) -> dict[str, list[str]]:
    """Therapists of each patient's individual sessions, dosing included."""
    found: dict[str, list[str]] = defaultdict(list)
    for _, placed, who, activity in view.items():
        for person, need in zip(placed.staff, activity.staff, strict=False):
            if need.role == THERAPIST:
                found[who.id].append(person)
    return found


def therapist_switch(view: View) -> int:
    """Different therapists of each patient, minus one."""
    return sum(len(set(people)) - 1 for people in _individual(view).values() if people)


def not_preferred(view: View) -> int:
    """Individual sessions with another than the preferred therapist."""
    wish = {who.id: who.preferred_therapist for who in view.instance.patients}
    return sum(
        bool(wish[name]) and person != wish[name] for name, people in _individual(view).items() for person in people
    )


def _idle(uses: dict[str, list[Use]]) -> int:
    """Minutes between first and last of each day that nothing fills."""
    total = 0
    for one in uses.values():
        days: dict[int, list[Use]] = defaultdict(list)
        for use in one:
            days[use.start // DAY].append(use)
        for found in days.values():
            busy = sum(use.end - use.start for use in found)
            total += max(use.end for use in found) - min(use.start for use in found) - busy
    return total


def patient_idle(view: View) -> int:
    """Time that patients wait between the first and the last of a day, in steps of the grid."""
    return _idle(view.of_patients) // view.instance.grid_minutes


def staff_idle_minutes(view: View) -> int:
    """The same of staff, in minutes; reported and not weighed."""
    return _idle(view.of_staff)


def off_hours(view: View) -> int:
    """Activities outside the hours a patient prefers."""
    found = 0
    for _, placed, who, activity in view.items():
        if who.preferred_hours:
            begins = placed.start % DAY
            low, high = who.preferred_hours
            found += not (low <= begins and begins + activity.duration <= high)
    return found


def load_spread(view: View) -> int:
    """Most loaded minus least loaded therapist over the horizon, groups included, in steps of the grid."""
    loads = [
        sum(use.end - use.start for use in view.of_staff.get(one.id, ()))
        for one in view.instance.staff
        if one.role == THERAPIST
    ]
    return (max(loads) - min(loads)) // view.instance.grid_minutes if loads else 0


def _changes(view: View, differs: Callable[[Placed, Placed], bool]) -> int:
    """Activities of the published plan, still placed, for which old and new differ so."""
    base = view.instance.baseline
    if base is None:
        return 0
    both = ((old, view.placed[old.activity]) for old in base.assignments if old.activity in view.placed)
    return sum(differs(old, new) for old, new in both)


def moved_day(view: View) -> int:
    """Activities moved to another day."""
    return _changes(view, lambda old, new: old.start // DAY != new.start // DAY)


def moved_time(view: View) -> int:
    """Activities moved on the same day."""
    return _changes(view, lambda old, new: old.start // DAY == new.start // DAY and old.start != new.start)


def staff_changed(view: View) -> int:
    """Activities with other people than published."""
    return _changes(view, lambda old, new: old.staff != new.staff)


def room_changed(view: View) -> int:
    """Activities in another room than published."""
    return _changes(view, lambda old, new: old.room != new.room)


def dropped(view: View) -> int:
    """Activities published and no longer placed."""
    base = view.instance.baseline
    published = base.assignments if base else ()
    return sum(old.activity in view.activities and old.activity not in view.placed for old in published)


_COUNT: dict[str, Callable[[View], int]] = {
    "unscheduled": unscheduled,
    "therapist_switch": therapist_switch,
    "not_preferred": not_preferred,
    "patient_idle": patient_idle,
    "off_hours": off_hours,
    "load_spread": load_spread,
    "moved_day": moved_day,
    "moved_time": moved_time,
    "staff_changed": staff_changed,
    "dropped": dropped,
    "room_changed": room_changed,
}
assert tuple(_COUNT) == TERMS


def terms(instance: Instance, plan: Plan) -> dict[str, int]:
    """Every term of a plan, counted and not yet weighed."""
    view = View(instance, plan)
    return {name: look(view) for name, look in _COUNT.items()}


def objective(instance: Instance, counted: dict[str, int]) -> float:
    """The weighted sum of counted terms."""
    return sum(instance.weights.get(name, 0) * value for name, value in counted.items())
