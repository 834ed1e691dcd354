"""
What goes into a planning problem and what comes out, in the words of the format.

Times are whole minutes from 00:00 of day 0; intervals are half-open pairs. No clinical value stands here: durations,
gaps and ratios come with the instance.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

DAY = 1440  # minutes of a planning day; clocks and zones are the business of whoever shows a plan

Span = tuple[int, int]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Coverage = Literal["all", "best_effort"]
Point = Literal["end", "start"]

TERMS = (
    "unscheduled",
    "therapist_switch",
    "not_preferred",
    "patient_idle",
    "off_hours",
    "load_spread",
    "moved_day",
    "moved_time",
    "staff_changed",
    "dropped",
    "room_changed",
)


class Requirement(msgspec.Struct, frozen=True, kw_only=True, rename={"begins": "from", "ends": "to"}):
    """One named person that an activity needs, for minutes counted from its start."""

    role: Name
    begins: Natural
    ends: Positive
    credentials: tuple[str, ...] = ()


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Something a patient takes part in once."""

    id: Name
    type: str
    duration: Positive
    staff: tuple[Requirement, ...] = ()
    window: Span | None = None
    room_kind: str | None = None
    monitored_by: tuple[str, ...] = ()
    on_site: tuple[str, ...] = ()
    rest_after: Natural = 0
    only_with: tuple[str, ...] = ()


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody can come, what they wish, and their programme."""

    id: Name
    stay: Span
    activities: tuple[Activity, ...]
    unavailable: tuple[Span, ...] = ()
    preferred_therapist: str | None = None
    preferred_hours: Span | None = None
    group_sessions: Natural = 0


class FlexibleBreak(msgspec.Struct, frozen=True, kw_only=True):
    """One free stretch of so many minutes must remain inside the window."""

    minutes: Positive
    window: Span


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff."""

    id: Name
    role: Name
    shifts: tuple[Span, ...]
    credentials: tuple[str, ...] = ()
    fixed_breaks: tuple[Span, ...] = ()
    flexible_breaks: tuple[FlexibleBreak, ...] = ()


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A room, and the minutes it needs after each use."""

    id: Name
    kind: str
    turnover: Natural = 0


class Lag(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"before": "from", "after": "to", "at_least": "min", "at_most": "max"},
):
    """Minutes between a point of one activity and the start of another, where both are placed."""

    id: Name
    before: str
    after: str
    at_least: int
    at_most: int | None = None
    from_point: Point = "end"


class GroupEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An offered group at a fixed time; it is held when somebody attends."""

    id: Name
    start: Natural
    duration: Positive
    capacity: Natural
    role: str
    room_kind: str


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """When an activity takes place, with whom, where. `staff` follows the order of the requirements."""

    activity: str
    start: int
    staff: tuple[str, ...] = ()
    room: str | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A group that is held."""

    event: str
    staff: str
    room: str
    attendees: tuple[str, ...]


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The published plan: what starts before `now` or is pinned stays."""

    now: int
    assignments: tuple[Placed, ...] = ()
    pinned: tuple[str, ...] = ()

    def frozen(self, placed: Placed) -> bool:
        """Whether this placement of the published plan must stay as it is."""
        return placed.start < self.now or placed.activity in self.pinned


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One planning problem."""

    name: Name
    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=400)]
    grid_minutes: Annotated[int, msgspec.Meta(ge=1, le=DAY)]
    opening: Span
    coverage: Coverage
    patient_min_gap: Natural
    weights: dict[str, float]
    staff: tuple[Person, ...]
    rooms: tuple[Room, ...]
    patients: tuple[Patient, ...]
    start_date: str = ""
    monitor_ratio: dict[str, Natural] = {}
    lags: tuple[Lag, ...] = ()
    group_events: tuple[GroupEvent, ...] = ()
    baseline: Baseline | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule: what is placed and which groups are held."""

    assignments: tuple[Placed, ...] = ()
    groups: tuple[Held, ...] = ()
