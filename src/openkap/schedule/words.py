"""Constraints and ways out in words, with days and hours that people can read."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from openkap.schedule.ground import Ground
from openkap.schedule.model import Found
from openkap.schedule.types import DAY, Activity, Patient, Person


def moment(ground: Ground, minute: int) -> str:
    """A minute of the plan as day and hour, such as `Tuesday 2 March 2027, 14:15`."""
    day, rest = divmod(minute, DAY)
    try:
        on = date.fromisoformat(ground.instance.start_date) + timedelta(days=day)
        said = f"{on:%A} {on.day} {on:%B %Y}"
    except ValueError:
        said = f"day {day}"
    return f"{said}, {rest // 60:02}:{rest % 60:02}"


def _length(minutes: int) -> str:
    days, rest = divmod(abs(minutes), DAY)
    hours, mins = divmod(rest, 60)
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{mins} min"] * bool(mins)
    return ("-" if minutes < 0 else "") + (" ".join(parts) or "0 min")


def _find(ground: Ground, name: str) -> tuple[Patient, Activity]:
    return next((who, one) for who in ground.patients for one in who.activities if one.id == name)


def sentence(ground: Ground, name: str) -> str:
    """What a constraint says, in one sentence."""
    kind, rest = name.split(":", 1)
    about, _, what = rest.rpartition(":")
    instance = ground.instance
    if kind == "patient":
        if what == "one_at_a_time":
            return f"{about} does one thing at a time, with gaps and rest."
        who = next(one for one in instance.patients if one.id == about)
        away = "".join(f", not from {moment(ground, a)} to {moment(ground, b)}" for a, b in who.unavailable)
        return f"{about} is here from {moment(ground, who.stay[0])} to {moment(ground, who.stay[1])}{away}."
    if kind == "activity":
        _, one = _find(ground, about)
        if what == "window":
            assert one.window is not None
            return f"{about} lies between {moment(ground, one.window[0])} and {moment(ground, one.window[1])}."
        asked = "; ".join(f"{need.role} with {', '.join(need.credentials)}" for need in one.staff if need.credentials)
        wanted = [need for need in one.staff if need.credentials]
        holding = [
            person.id
            for person in instance.staff
            if any(person.role == need.role and set(need.credentials) <= set(person.credentials) for need in wanted)
        ]
        holders = f"only {', '.join(holding)}" if holding else "nobody here"
        return f"{about} needs a {asked} ({holders})."
    if kind == "staff":
        person = next(one for one in instance.staff if one.id == about)
        if what == "one_at_a_time":
            return f"{about} ({person.role}) does one thing at a time."
        days = sorted({start // DAY for start, _ in person.shifts})
        on = ", ".join(moment(ground, day * DAY).rpartition(",")[0] for day in days)
        return (
            f"{about} ({person.role}) is on shift only on {on}." if days else f"{about} ({person.role}) has no shift."
        )
    if kind == "lag":
        lag = next(one for one in instance.lags if one.id == about)
        limit = lag.at_least if what == "min" else lag.at_most or 0
        bound = "at least" if what == "min" else "at most"
        return f"{lag.after} begins {bound} {_length(limit)} after the {lag.from_point} of {lag.before}."
    if kind == "room_kind":
        count = sum(one.kind == about for one in instance.rooms)
        return f"There are {count} rooms of the kind {about}."
    if kind == "ratio":
        return f"One {rest} watches at most {instance.monitor_ratio[rest]} patients at a time."
    return f"A {rest} is on site throughout."


def relaxation(ground: Ground, name: str, found: Found) -> str:
    """The least change of one constraint that a solution without it shows."""
    kind, rest = name.split(":", 1)
    about, _, what = rest.rpartition(":")
    instance, unit = ground.instance, ground.unit
    if kind == "lag":
        lag = next(one for one in instance.lags if one.id == about)
        items = {item.id: item for item in ground.items}
        before, after = items[lag.before], items[lag.after]
        gap = (
            found.starts[after.number] - found.starts[before.number] - (before.length if lag.from_point == "end" else 0)
        )
        way = "already" if what == "min" else "as late as"
        side = "before" if gap < 0 else "after"
        return f"let {lag.after} begin {way} {_length(abs(gap) * unit)} {side} the {lag.from_point} of {lag.before}"
    if kind == "activity" and what == "window":
        item = next(one for one in ground.items if one.id == about)
        return f"let {about} begin on {moment(ground, found.starts[item.number] * unit)}"
    if kind == "activity":
        item = next(one for one in ground.items if one.id == about)
        _, one = _find(ground, about)
        lacking = [
            f"{ground.staff[n].id} holding {', '.join(sorted(lacks))}"
            for n, need in zip(found.people[item.number], one.staff, strict=True)
            if (lacks := set(need.credentials) - set(ground.staff[n].credentials))
        ]
        at = moment(ground, found.starts[item.number] * unit)
        return f"{' and '.join(lacking) or 'somebody else'} for {about} on {at}"
    if kind == "patient" and what == "availability":
        who = next(one for one in instance.patients if one.id == about)
        outside = [
            f"{item.id} on {moment(ground, found.starts[item.number] * unit)}"
            for item in ground.items
            if item.number in found.starts
            and ground.patients[item.patient].id == about
            and _outside(ground, who, item, found)
        ]
        return f"{about} here for {', '.join(outside)}" if outside else f"{about} here for one more group"
    if kind == "patient":
        return f"let {about} have less time between two things on one day"
    return _person(ground, about, what, found)


def in_number(ground: Ground, name: str, count: int) -> str:
    """So many more rooms of a kind, or people of a role, or like one, at all opening hours."""
    kind, what = name.split(":")[:2]
    more = "one more" if count == 1 else f"{count} more"
    if kind == "staff":
        return f"{more} {_like(next(one for one in ground.staff if one.id == what))} at all opening hours"
    if kind == "room_kind":
        return f"{more} {what} (there are {sum(one.kind == what for one in ground.instance.rooms)})"
    return f"{more} {what} {'on duty' if kind == 'ratio' else 'on site'} at all opening hours"


def _outside(ground: Ground, who: Patient, item: Any, found: Found) -> bool:
    start = found.starts[item.number] * ground.unit
    end = start + item.length * ground.unit
    return start < who.stay[0] or end > who.stay[1] or any(start < b and a < end for a, b in who.unavailable)


def _like(person: Person) -> str:
    return person.role + (f" with {', '.join(person.credentials)}" if person.credentials else "")


def _person(ground: Ground, about: str, what: str, found: Found) -> str:
    """Which work one person would have to take, or somebody like them."""
    number = ground.number[about]
    person = ground.staff[number]
    work = []
    for n, people in found.people.items():
        item = ground.items[n]
        for need, one in zip(item.needs, people, strict=True):
            if one == number:
                work.append((found.starts[n] + need.begins, found.starts[n] + need.ends, item.id))
    work.sort()
    like = f"one more {_like(person)}"
    if what == "shifts":
        late = [
            f"{moment(ground, low * ground.unit)} for {name}"
            for low, high, name in work
            if not any(a <= low and high <= b for a, b in ground.shifts[number])
        ]
        return f"{about} or {like} on {'; '.join(late) or 'one more shift'}"
    twice = [moment(ground, second[0] * ground.unit) for first, second in pairwise(work) if second[0] < first[1]]
    return f"{like} on {'; '.join(twice) or 'one more shift'}"
