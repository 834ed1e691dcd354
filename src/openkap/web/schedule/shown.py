"""What the pages of a retreat show, as plain values: the board, a session in the hand, what a repair moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.plan.selectors import document_of
from openkap.schedule import services, where
from openkap.schedule.assemble import NURSE, inside
from openkap.schedule.models import Guest, Retreat, Run, Version
from openkap.schedule.rules import View
from openkap.schedule.types import DAY, Instance, Placed, Plan
from openkap.schedule.where import Hand
from openkap.web.schedule.names import Names, clock, length

# kind -> letter on the board, style of the chip
LETTERS = {
    "preparation": ("P", "P"),
    "dose": ("D", "D"),
    "check-in": ("C", "M"),
    "integration": ("I", "I"),
    "exposure": ("X", "X"),
    "therapy": ("T", "I"),
    "measure": ("M", "M"),
    "review": ("R", "M"),
    "group": ("G", "G"),
}
LEGEND = (
    ("preparation", gettext_lazy("preparation")),
    ("dose", gettext_lazy("dose and watch")),
    ("integration", gettext_lazy("integration")),
    ("exposure", gettext_lazy("exposure")),
    ("therapy", gettext_lazy("therapy")),
    ("group", gettext_lazy("group")),
    ("check-in", gettext_lazy("call")),
    ("review", gettext_lazy("review, M measures")),
)
TERMS = {
    "unscheduled": gettext_lazy("Not placed"),
    "therapist_switch": gettext_lazy("Changes of therapist"),
    "not_preferred": gettext_lazy("Sessions not with the wished therapist"),
    "patient_idle": gettext_lazy("Quarters of an hour that guests wait between things"),
    "off_hours": gettext_lazy("Sessions outside wished hours"),
    "load_spread": gettext_lazy("Quarters of an hour between most and least loaded therapist"),
    "moved_day": gettext_lazy("Sessions moved to another day"),
    "moved_time": gettext_lazy("Sessions moved within the day"),
    "staff_changed": gettext_lazy("Sessions with somebody else"),
    "dropped": gettext_lazy("Sessions left out"),
    "room_changed": gettext_lazy("Sessions in another room"),
}


@dataclass(frozen=True)
class Chip:
    """
    A session on the board.

    Args:
        name: its id in the problem; empty for a group, which is not moved. mark: `was`, `now` or nothing.
    """

    name: str
    letter: str
    style: str
    words: str
    at: str
    minute: int
    mark: str = ""


@dataclass
class Row:
    """A guest with the days."""

    code: str
    name: str
    note: str
    cells: list[list[Chip]]
    touched: bool = False


@dataclass(frozen=True)
class Day:
    """A day of the retreat; `watched` of `places`: the most at once."""

    number: int
    on: date
    watched: int
    places: int
    doses: int


@dataclass(frozen=True)
class Board:
    """Guests by days."""

    rows: list[Row]
    days: list[Day]
    sessions: int


def board(names: Names, instance: Instance, plan: Plan, before: Plan | None = None) -> Board:
    """
    Guests by days; with `before` also where things stood, and only guests of whom something moved are `touched`.
    """
    retreat, view = names.retreat, View(instance, plan)
    old = View(instance, before) if before is not None else None
    rows = []
    for guest in names.guests:
        cells: list[list[Chip]] = [[] for _day in range(retreat.days)]
        row = Row(guest.code, names.of(guest.code), _note(names, view, guest), cells)
        now, was = _uses(view, guest.code), _uses(old, guest.code) if old else {}
        for name, (minute, kind) in now.items():
            changed = old is not None and (was.get(name) != (minute, kind) or _other_people(view, old, name))
            row.touched = row.touched or changed
            cells[minute // DAY].append(_chip(names, name, minute, kind, "now" if changed else ""))
        for name, (minute, kind) in was.items():
            if now.get(name) != (minute, kind):
                row.touched = True
                cells[minute // DAY].append(_chip(names, name, minute, kind, "was"))
        for cell in cells:
            cell.sort(key=lambda chip: (chip.minute, chip.mark))
        rows.append(row)
    days = [_day(retreat, instance, view, number) for number in range(retreat.days)]
    return Board(rows, days, len(plan.assignments) + sum(len(held.attendees) for held in plan.groups))


def _other_people(view: View, old: View | None, name: str) -> bool:
    if old is None or name not in view.placed or name not in old.placed:
        return False
    return view.placed[name].staff != old.placed[name].staff


def _uses(view: View | None, code: str) -> dict[str, tuple[int, str]]:
    """What a guest does, by id: minute and kind."""
    if view is None:
        return {}
    found = {name: (placed.start, activity.type) for name, placed, who, activity in view.items() if who.id == code}
    for held in view.groups:
        if code in held.attendees:
            found[held.event] = (view.events[held.event].start, "group")
    return found


def _chip(names: Names, name: str, minute: int, kind: str, mark: str) -> Chip:
    letter, style = LETTERS.get(kind, ("?", "M"))
    title = _("Group") if kind == "group" else names.titles.get(name, name)
    return Chip(
        "" if kind == "group" else name, letter, style, f"{title}, {clock(minute)}", clock(minute), minute, mark
    )


def _note(names: Names, view: View, guest: Guest) -> str:
    """With whom a guest mostly works."""
    people: dict[str, int] = defaultdict(int)
    for _name, placed, who, activity in view.items():
        if who.id == guest.code:
            for person, need in zip(placed.staff, activity.staff, strict=False):
                people[person] += need.role == "therapist"
    most = max(people, key=lambda one: people[one], default="")
    return names.of(most) if most and people[most] else ""


def _day(retreat: Retreat, instance: Instance, view: View, number: int) -> Day:
    low, high = number * DAY, number * DAY + DAY
    watched = [
        (placed.start, placed.start + activity.duration)
        for _name, placed, _who, activity in view.items()
        if activity.monitored_by and low <= placed.start < high
    ]
    most, places = 0, 0
    ratio = instance.monitor_ratio.get(NURSE, 0)
    for minute in sorted({span[0] for span in watched}):
        there = sum(any(a <= minute < b for a, b in one.shifts) for one in instance.staff if one.role == NURSE)
        count = sum(a <= minute < b for a, b in watched)
        if count > most or not places:
            most, places = count, ratio * there
    return Day(number, retreat.start + timedelta(days=number), most, places, len(watched))


def outside(guest: Guest, days: int) -> list[str]:
    """Titles of what comes after the retreat."""
    _here, later = inside(document_of(guest.programme)["programme"]["sessions"], days)
    return [one["title"] for one in later]


# -- a session in the hand --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Time:
    """A place that is offered: what a form sends, and the words."""

    value: str
    at: str
    words: str


@dataclass(frozen=True)
class Target:
    """A day for a session in the hand: times, the nearest of them, or why not."""

    number: int
    day: str
    times: list[Time]
    nearest: Time | None
    why: list[str]


@dataclass(frozen=True)
class InHand:
    """A session with what holds it and where it could go."""

    name: str
    title: str
    guest: str
    at: str
    until: str
    people: list[str]
    room: str
    binds: list[str]
    targets: list[Target] = field(default_factory=list)


def in_hand(names: Names, version: Version, activity: str) -> InHand | None:
    """A session of a version; None where it has none of this name."""
    hand = services.hand_of(version)
    instance, plan = hand.instance, hand.plan
    view = View(instance, plan)
    if activity not in view.placed:
        return None
    placed, (who, what) = view.placed[activity], view.activities[activity]
    stays = hand.holds(activity)
    found = hand.options(activity) if stays else {}
    return InHand(
        name=activity,
        title=names.titles.get(activity, activity),
        guest=names.of(who.id),
        at=names.moment(placed.start),
        until=clock(placed.start + what.duration),
        people=[names.of(person) for person in placed.staff],
        room=names.of(placed.room) if placed.room else "",
        binds=_binds(names, instance, plan, activity),
        targets=[
            _target(names, hand, placed, number, found.get(number, []))
            for number in range(names.retreat.days if stays else 0)
        ],
    )


def _binds(names: Names, instance: Instance, plan: Plan, activity: str) -> list[str]:
    said = []
    for one in where.binds(instance, plan, activity):
        limits = _("%(least)s or more") % {"least": length(one.at_least)}
        if one.at_most is not None:
            limits = _("%(least)s to %(most)s") % {"least": length(one.at_least), "most": length(one.at_most)}
        title = names.titles.get(one.other, one.other)
        words = _("%(title)s begins %(is)s earlier; the plan wants %(limits)s.")
        if not one.after:
            words = _("%(title)s begins %(is)s later; the plan wants %(limits)s.")
        said.append(words % {"title": title, "is": length(one.minutes), "limits": limits})
    return said


def _target(names: Names, hand: Hand, was: Placed, number: int, places: list[Placed]) -> Target:
    times = [_time(names, was, one) for one in places]
    nearest = _time(names, was, where.nearest(places, was.start)) if places else None
    why = [] if places else why_not(names, hand, was, number * DAY + was.start % DAY)
    return Target(number, names.day(number), times, nearest, why)


def _time(names: Names, was: Placed, one: Placed) -> Time:
    value = "|".join([str(one.start), ",".join(one.staff), one.room or ""])
    other = [names.of(person) for person in one.staff if person not in was.staff]
    if one.room and one.room != was.room:
        other.append(names.of(one.room))
    return Time(value, clock(one.start), ", ".join(other))


def why_not(names: Names, hand: Hand, was: Placed, start: int) -> list[str]:
    """The rules that a session would break at another time with the same people and room."""
    there = Placed(activity=was.activity, start=start, staff=was.staff, room=was.room)
    return list(dict.fromkeys(names.broken(hand.instance, one) for one in hand.faults(there)))


# -- what a search costs, and what a repair moves ---------------------------------------------------------


def costs(instance: Instance, counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """Each term with its count, weight and cost; what weighs nothing and counts nothing is left out."""
    found = []
    for name, words in TERMS.items():
        weight, count = instance.weights.get(name, 0), counted.get(name, 0)
        if weight or count:
            found.append({"words": words, "count": count, "weight": weight, "cost": weight * count})
    return found


@dataclass(frozen=True)
class Change:
    """A session that a repair moves."""

    who: str
    title: str
    was: str
    now: str
    why: str


def changes(names: Names, instance: Instance, before: Plan, after: Plan) -> list[Change]:
    """What stands otherwise, in order of guests and time."""
    found = []
    old, new = View(instance, before), View(instance, after)
    for name, was in sorted(old.placed.items(), key=lambda one: (one[0][:3], one[1].start)):
        now = new.placed.get(name)
        if now is not None and (now.start, now.staff, now.room) == (was.start, was.staff, was.room):
            continue
        who = old.activities[name][0].id
        said = _("left out") if now is None else _said(names, now, was)
        found.append(
            Change(names.of(who), names.titles.get(name, name), _said(names, was, now), said, _only(names, was, now))
        )
    return found + _group_changes(names, old, new)


def _group_changes(names: Names, old: View, new: View) -> list[Change]:
    """Who attends another group, and who leads one that another led."""
    found = []
    for guest in names.guests:
        gone, come = _swapped(old, new, guest.code)
        for was, now in zip_longest(gone, come):
            found.append(
                Change(
                    names.of(guest.code),
                    _("Group"),
                    names.moment(old.events[was].start) if was else "",
                    names.moment(new.events[now].start) if now else "",
                    "",
                )
            )
    leads = {held.event: held.staff for held in old.groups}
    for held in new.groups:
        if leads.get(held.event, held.staff) != held.staff:
            at = names.moment(new.events[held.event].start)
            found.append(Change(_("Group"), at, names.of(leads[held.event]), names.of(held.staff), ""))
    return found


def _swapped(old: View, new: View, code: str) -> tuple[list[str], list[str]]:
    """Groups that a guest attended and does not now, and the reverse, in order."""
    before = {held.event for held in old.groups if code in held.attendees}
    after = {held.event for held in new.groups if code in held.attendees}
    return sorted(before - after), sorted(after - before)


def _said(names: Names, one: Placed, other: Placed | None) -> str:
    parts = [names.moment(one.start)]
    if other is None or one.staff != other.staff:
        parts += [names.of(person) for person in one.staff]
    if one.room and (other is None or one.room != other.room):
        parts.append(names.of(one.room))
    return ", ".join(parts)


def _only(names: Names, was: Placed, now: Placed | None) -> str:
    if now is None or now.start != was.start:
        return ""
    return _("same hour, other people") if now.staff != was.staff else _("same hour and people, another room")


def moved(names: Names, instance: Instance, before: Plan, after: Plan) -> dict[str, int]:
    """How many sessions move and how many people have to be told: guests, and staff of those sessions."""
    old, new = View(instance, before), View(instance, after)
    sessions, guests, staff, rooms = 0, set(), set(), 0
    for name, was in old.placed.items():
        now = new.placed.get(name)
        if now is not None and (now.start, now.staff) == (was.start, was.staff):
            rooms += now.room != was.room
            continue
        sessions += 1
        if now is None or now.start != was.start:
            guests.add(old.activities[name][0].id)
            staff |= set(was.staff) | set(now.staff if now else ())
        else:
            guests.add(old.activities[name][0].id)
            staff |= set(was.staff) ^ set(now.staff)
    for guest in names.guests:
        gone, come = _swapped(old, new, guest.code)
        if gone or come:
            sessions += max(len(gone), len(come))
            guests.add(guest.code)
    leads = {held.event: held.staff for held in old.groups}
    for held in new.groups:
        if leads.get(held.event, held.staff) != held.staff:
            staff |= {held.staff, leads[held.event]}
    return {"sessions": sessions, "guests": len(guests), "staff": len(staff), "rooms": rooms}


def conflict(names: Names, run: Run) -> list[dict[str, Any]]:
    """The smallest set that cannot hold, each with the least change that would do."""
    if run.conflict is None:
        return []
    ways = run.conflict["relaxations"] or [{"change": "", "enough": None}] * len(run.conflict["because"])
    return [
        {
            "because": names.told(because),
            "way": _capital(names.told(way["change"])) if way["enough"] else "",
            "least": way.get("least", False),
            "not": names.told(way["change"]) if not way["enough"] else "",
        }
        for because, way in zip(run.conflict["because"], ways, strict=False)
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def course(run: Run, width: int = 300, height: int = 60) -> str:
    """The objective over time as the points of a line, the best below."""
    points = [(seconds, value) for seconds, value, missing in run.course if not missing or not run.whole]
    if len(points) < 2:
        return ""
    longest = max(seconds for seconds, _value in points) or 1
    low, high = min(value for _s, value in points), max(value for _s, value in points)
    spread = (high - low) or 1
    return " ".join(
        f"{width * seconds / longest:.0f},{2 + (height - 4) * (high - value) / spread:.0f}" for seconds, value in points
    )
