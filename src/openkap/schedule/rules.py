"""
The hard rules of a schedule: one named function each, with an id that is never reused and a plain sentence.

They judge a whole plan from the instance alone and share nothing with the search, which keeps the same rules on bit
sets. `breaches` runs all of them; a plan without a breach may be published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from openkap.schedule.types import DAY, Activity, GroupEvent, Instance, Patient, Person, Placed, Plan, Room, Span


@dataclass(frozen=True)
class Breach:
    """One rule broken: which, by what, and the sentence."""

    rule: str
    about: str
    because: str


@dataclass(frozen=True)
class Rule:
    """A named rule."""

    id: str
    sentence: str
    look: Callable[[View], Iterator[tuple[str, str]]]


@dataclass(frozen=True)
class Use:
    """Something that takes time of a person, a room or a patient."""

    start: int
    end: int
    about: str
    until: int  # end with gap, rest or turnover


class View:
    """A plan beside its instance, by id."""

    def __init__(self, instance: Instance, plan: Plan):
        self.instance, self.plan = instance, plan
        self.staff: dict[str, Person] = {one.id: one for one in instance.staff}
        self.rooms: dict[str, Room] = {one.id: one for one in instance.rooms}
        self.patients: dict[str, Patient] = {one.id: one for one in instance.patients}
        self.events: dict[str, GroupEvent] = {one.id: one for one in instance.group_events}
        self.activities: dict[str, tuple[Patient, Activity]] = {
            one.id: (who, one) for who in instance.patients for one in who.activities
        }
        self.placed: dict[str, Placed] = {}
        for one in plan.assignments:
            if one.activity in self.activities:
                self.placed.setdefault(one.activity, one)
        self.groups = [one for one in plan.groups if one.event in self.events and one.attendees]

    def items(self) -> Iterator[tuple[str, Placed, Patient, Activity]]:
        """Every placed activity."""
        for name, placed in self.placed.items():
            who, activity = self.activities[name]
            yield name, placed, who, activity

    @cached_property
    def of_patients(self) -> dict[str, list[Use]]:
        """What each patient does, in order of time, with the gap after it."""
        found: dict[str, list[Use]] = defaultdict(list)
        gap = self.instance.patient_min_gap
        for name, placed, who, activity in self.items():
            end = placed.start + activity.duration
            found[who.id].append(Use(placed.start, end, name, end + max(gap, activity.rest_after)))
        for held in self.groups:
            event = self.events[held.event]
            end = event.start + event.duration
            for name in held.attendees:
                found[name].append(Use(event.start, end, event.id, end + gap))
        return _ordered(found)

    @cached_property
    def of_staff(self) -> dict[str, list[Use]]:
        """What each member of staff does."""
        found: dict[str, list[Use]] = defaultdict(list)
        for name, placed, _, activity in self.items():
            for person, need in zip(placed.staff, activity.staff, strict=False):
                end = placed.start + need.ends
                found[person].append(Use(placed.start + need.begins, end, name, end))
        for held in self.groups:
            event = self.events[held.event]
            end = event.start + event.duration
            found[held.staff].append(Use(event.start, end, event.id, end))
        return _ordered(found)

    @cached_property
    def of_rooms(self) -> dict[str, list[Use]]:
        """What happens in each room, with the turnover after it."""
        found: dict[str, list[Use]] = defaultdict(list)
        for name, placed, _, activity in self.items():
            if activity.room_kind and placed.room in self.rooms:
                end = placed.start + activity.duration
                found[placed.room].append(Use(placed.start, end, name, end + self.rooms[placed.room].turnover))
        for held in self.groups:
            event = self.events[held.event]
            if held.room in self.rooms:
                end = event.start + event.duration
                found[held.room].append(Use(event.start, end, event.id, end + self.rooms[held.room].turnover))
        return _ordered(found)


def _ordered(found: dict[str, list[Use]]) -> dict[str, list[Use]]:
    return {name: sorted(uses, key=lambda use: (use.start, use.end)) for name, uses in found.items()}


RULES: list[Rule] = []


def rule(
    name: str, sentence: str
) -> Callable[[Callable[[View], Iterator[tuple[str, str]]]], Callable[[View], Iterator[tuple[str, str]]]]:
    """Register a rule under its id."""

    def keep(look: Callable[[View], Iterator[tuple[str, str]]]) -> Callable[[View], Iterator[tuple[str, str]]]:
        RULES.append(Rule(name, sentence, look))
        return look

    return keep


def breaches(instance: Instance, plan: Plan) -> list[Breach]:
    """
    Everything a plan breaks.

    Args:
        instance: the planning problem.
        plan: any plan, also one of another hand.

    Returns:
        Breaches in the order of `RULES`; none for a plan that may be published.
    """
    view = View(instance, plan)
    return [Breach(one.id, about, because) for one in RULES for about, because in one.look(view)]


def _inside(span: Span, windows: tuple[Span, ...]) -> bool:
    return any(low <= span[0] and span[1] <= high for low, high in windows)


def _meets(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _visits(view: View) -> Iterator[tuple[str, Patient, Span]]:
    """Every time a patient is asked to be there: activities and groups."""
    for name, placed, who, activity in view.items():
        yield name, who, (placed.start, placed.start + activity.duration)
    for held in view.groups:
        event = view.events[held.event]
        for name in held.attendees:
            if name in view.patients:
                yield f"{event.id}/{name}", view.patients[name], (event.start, event.start + event.duration)


def _work(view: View) -> Iterator[tuple[str, str, str, tuple[str, ...], Span]]:
    """Every piece of work: about, person, role, credentials, time."""
    for name, placed, _, activity in view.items():
        for person, need in zip(placed.staff, activity.staff, strict=False):
            span = (placed.start + need.begins, placed.start + need.ends)
            yield name, person, need.role, need.credentials, span
    for held in view.groups:
        event = view.events[held.event]
        yield event.id, held.staff, event.role, (), (event.start, event.start + event.duration)


# -- what is placed ------------------------------------------------------------------------------------


@rule("SCH-KNOWN", "Only activities, groups and patients of the instance are placed.")
def known(view: View) -> Iterator[tuple[str, str]]:
    """Names exist."""
    for one in view.plan.assignments:
        if one.activity not in view.activities:
            yield one.activity, "is no activity of the instance"
    for held in view.plan.groups:
        if held.event not in view.events:
            yield held.event, "is no group of the instance"
        for name in held.attendees:
            if name not in view.patients:
                yield held.event, f"is attended by {name}, who is no patient of the instance"


@rule("SCH-ONCE", "Each activity is placed at most once, each group held at most once.")
def once(view: View) -> Iterator[tuple[str, str]]:
    """No placement twice."""
    for names in ([one.activity for one in view.plan.assignments], [one.event for one in view.plan.groups]):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield name, "is placed more than once"


@rule("SCH-ALL", "Where coverage is `all`, every activity is placed and every group session attended.")
def all_placed(view: View) -> Iterator[tuple[str, str]]:
    """Nothing is left out."""
    if view.instance.coverage != "all":
        return
    for name in view.activities:
        if name not in view.placed:
            yield name, "is not placed"
    attended = attendance(view)
    for who in view.instance.patients:
        if len(attended[who.id]) < who.group_sessions:
            yield who.id, f"attends {len(attended[who.id])} of {who.group_sessions} groups"


@rule("SCH-WITH", "An activity is placed only where everything it depends on is placed too.")
def only_with(view: View) -> Iterator[tuple[str, str]]:
    """No dose without its preparation and its integration."""
    for name, _, _, activity in view.items():
        for other in activity.only_with:
            if other not in view.placed:
                yield name, f"is placed and {other} is not"


@rule(
    "SCH-FROZEN", "What began before now, or is pinned, stays with its time and staff; nothing else begins before now."
)
def frozen(view: View) -> Iterator[tuple[str, str]]:
    """The past is not planned anew."""
    base = view.instance.baseline
    if base is None:
        return
    stay = set()
    for old in base.assignments:
        if old.activity not in view.activities or not base.frozen(old):
            continue
        stay.add(old.activity)
        new = view.placed.get(old.activity)
        if new is None:
            yield old.activity, "must stay and is not placed"
        elif (new.start, new.staff) != (old.start, old.staff):
            yield old.activity, "must stay and was changed"
    for name, placed in view.placed.items():
        if name not in stay and placed.start < base.now:
            yield name, "begins before now"


# -- when ----------------------------------------------------------------------------------------------


@rule("SCH-GRID", "Every start lies on the grid.")
def grid(view: View) -> Iterator[tuple[str, str]]:
    """Starts are multiples of the grid."""
    for name, placed, _, _ in view.items():
        if placed.start % view.instance.grid_minutes:
            yield name, f"starts at minute {placed.start}, off the grid of {view.instance.grid_minutes}"


@rule("SCH-OPEN", "Everything lies on one day, inside opening hours.")
def opening(view: View) -> Iterator[tuple[str, str]]:
    """Nobody is asked in when the clinic is closed."""
    low, high = view.instance.opening
    for name, _, (start, end) in _visits(view):
        day = start // DAY * DAY
        if not (day + low <= start and end <= day + high):
            yield name, "lies outside opening hours"


@rule("SCH-STAY", "A patient is asked in only between arrival and departure.")
def stay(view: View) -> Iterator[tuple[str, str]]:
    """Inside the stay."""
    for name, who, (start, end) in _visits(view):
        if start < who.stay[0] or end > who.stay[1]:
            yield name, f"lies outside the stay of {who.id}"


@rule("SCH-AWAY", "A patient is not asked in when unavailable.")
def unavailable(view: View) -> Iterator[tuple[str, str]]:
    """Not in unavailable times."""
    for name, who, span in _visits(view):
        if any(_meets(span, away) for away in who.unavailable):
            yield name, f"meets a time when {who.id} is unavailable"


@rule("SCH-WINDOW", "An activity lies inside its window.")
def window(view: View) -> Iterator[tuple[str, str]]:
    """Earliest start to latest end."""
    for name, placed, _, activity in view.items():
        if activity.window and not _inside((placed.start, placed.start + activity.duration), (activity.window,)):
            yield name, "lies outside its window"


@rule("SCH-GAP", "A patient does one thing at a time, with the gap between and the rest after it.")
def gap(view: View) -> Iterator[tuple[str, str]]:
    """Gaps and rests."""
    for name, uses in view.of_patients.items():
        for first, second in pairwise(uses):
            if second.start < first.until:
                yield name, f"has {second.about} {second.start - first.end} min after {first.about}"


@rule("SCH-LAG", "Two activities keep the least and the greatest time between them.")
def lag(view: View) -> Iterator[tuple[str, str]]:
    """Learning windows, intervals between doses."""
    for one in view.instance.lags:
        before, after = view.placed.get(one.before), view.placed.get(one.after)
        if before is None or after is None:
            continue
        point = before.start + (view.activities[one.before][1].duration if one.from_point == "end" else 0)
        found = after.start - point
        if found < one.at_least or (one.at_most is not None and found > one.at_most):
            yield one.id, f"{one.before} to {one.after} is {found} min"


# -- who -----------------------------------------------------------------------------------------------


@rule("SCH-COUNT", "Each requirement has one named person.")
def count(view: View) -> Iterator[tuple[str, str]]:
    """As many people as asked for."""
    for name, placed, _, activity in view.items():
        if len(placed.staff) != len(activity.staff):
            yield name, f"needs {len(activity.staff)} staff and has {len(placed.staff)}"
    for about, person, _, _, _ in _work(view):
        if person not in view.staff:
            yield about, f"names {person}, who is not among the staff"


@rule("SCH-ROLE", "A person has the role that is asked for.")
def role(view: View) -> Iterator[tuple[str, str]]:
    """Role of each person."""
    for about, person, wanted, _, _ in _work(view):
        if person in view.staff and view.staff[person].role != wanted:
            yield about, f"{person} is {view.staff[person].role}, needed is {wanted}"


@rule("SCH-CREDENTIAL", "A person holds every credential that is asked for.")
def credential(view: View) -> Iterator[tuple[str, str]]:
    """Trained for it."""
    for about, person, _, wanted, _ in _work(view):
        lacking = set(wanted) - set(view.staff[person].credentials) if person in view.staff else set()
        if lacking:
            yield about, f"{person} lacks {', '.join(sorted(lacking))}"


@rule("SCH-SHIFT", "A person works only inside one shift.")
def shift(view: View) -> Iterator[tuple[str, str]]:
    """On shift throughout."""
    for about, person, _, _, span in _work(view):
        if person in view.staff and not _inside(span, view.staff[person].shifts):
            yield about, f"{person} is not on shift"


@rule("SCH-BREAK", "A person does not work in a fixed break.")
def fixed_break(view: View) -> Iterator[tuple[str, str]]:
    """Breaks are breaks."""
    for about, person, _, _, span in _work(view):
        if person in view.staff and any(_meets(span, one) for one in view.staff[person].fixed_breaks):
            yield about, f"{person} is on a break"


@rule("SCH-FLEX", "Inside each flexible break's window one free stretch of its length remains.")
def flexible_break(view: View) -> Iterator[tuple[str, str]]:
    """Somebody who works also eats."""
    for name, uses in view.of_staff.items():
        for pause in view.staff[name].flexible_breaks if name in view.staff else ():
            low, high = pause.window
            free_from, longest = low, 0
            for use in uses:
                if use.end <= low or use.start >= high:
                    continue
                longest = max(longest, use.start - free_from)
                free_from = max(free_from, use.end)
            if max(longest, high - free_from) < pause.minutes:
                yield name, f"has no {pause.minutes} min free inside [{low}, {high}]"


@rule("SCH-PERSON", "A person does one thing at a time.")
def person_once(view: View) -> Iterator[tuple[str, str]]:
    """No clash of people."""
    for name, uses in view.of_staff.items():
        for first, second in pairwise(uses):
            if second.start < first.end:
                yield name, f"has {first.about} and {second.about} at once"


# -- where, and who watches ----------------------------------------------------------------------------


@rule("SCH-ROOM", "An activity or group is in a room of the kind it asks for.")
def room(view: View) -> Iterator[tuple[str, str]]:
    """The right kind of room."""
    for name, placed, _, activity in view.items():
        if activity.room_kind and (placed.room not in view.rooms or view.rooms[placed.room].kind != activity.room_kind):
            yield name, f"{placed.room} is no {activity.room_kind}"
    for held in view.groups:
        kind = view.events[held.event].room_kind
        if held.room not in view.rooms or view.rooms[held.room].kind != kind:
            yield held.event, f"{held.room} is no {kind}"


@rule("SCH-TURNOVER", "A room holds one thing at a time, with its turnover after each.")
def room_once(view: View) -> Iterator[tuple[str, str]]:
    """No clash of rooms."""
    for name, uses in view.of_rooms.items():
        for first, second in pairwise(uses):
            if second.start < first.until:
                yield name, f"has {first.about} and {second.about} at once, turnover counted"


@rule("SCH-WATCH", "At every minute there are enough people on shift and not on a break for those being watched.")
def watch(view: View) -> Iterator[tuple[str, str]]:
    """The monitoring ratio."""
    for role_name, ratio in view.instance.monitor_ratio.items():
        uses = [
            (placed.start, placed.start + activity.duration)
            for _, placed, _, activity in view.items()
            for one in activity.monitored_by
            if one == role_name
        ]
        people = [one for one in view.instance.staff if one.role == role_name]
        edges = {edge for span in uses for edge in span}
        edges |= {edge for one in people for span in (*one.shifts, *one.fixed_breaks) for edge in span}
        for minute in sorted(edges):
            watched = sum(low <= minute < high for low, high in uses)
            if not watched:
                continue
            there = sum(
                any(low <= minute < high for low, high in one.shifts)
                and not any(low <= minute < high for low, high in one.fixed_breaks)
                for one in people
            )
            if watched > ratio * there:
                yield role_name, f"minute {minute}: {watched} watched, {there} {role_name} x {ratio}"


@rule("SCH-SITE", "Somebody of each role that must be on site is on shift throughout.")
def on_site(view: View) -> Iterator[tuple[str, str]]:
    """A prescriber in the house."""
    for name, placed, _, activity in view.items():
        for wanted in activity.on_site:
            shifts = [span for one in view.instance.staff if one.role == wanted for span in one.shifts]
            if not _inside((placed.start, placed.start + activity.duration), merged(shifts)):
                yield name, f"no {wanted} is on site throughout"


def merged(spans: list[Span]) -> tuple[Span, ...]:
    """The same minutes as disjoint spans in order."""
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


# -- groups --------------------------------------------------------------------------------------------


def attendance(view: View) -> dict[str, list[int]]:
    """Days on which each patient attends a group."""
    found: dict[str, list[int]] = defaultdict(list)
    for held in view.groups:
        for name in held.attendees:
            found[name].append(view.events[held.event].start // DAY)
    return found


@rule("SCH-GROUP-SIZE", "A group has no more attendees than places, each once.")
def group_size(view: View) -> Iterator[tuple[str, str]]:
    """Capacity of a group."""
    for held in view.groups:
        places = view.events[held.event].capacity
        if len(held.attendees) > places or len(set(held.attendees)) < len(held.attendees):
            yield held.event, f"has {len(held.attendees)} attendees for {places} places"


@rule("SCH-GROUP-PROGRAMME", "A patient attends at most one group a day and no more than the programme has.")
def group_programme(view: View) -> Iterator[tuple[str, str]]:
    """Groups of a patient."""
    for name, days in attendance(view).items():
        wanted = view.patients[name].group_sessions if name in view.patients else 0
        if len(days) > wanted:
            yield name, f"attends {len(days)} groups, the programme has {wanted}"
        if len(set(days)) < len(days):
            yield name, "attends two groups on a day"
