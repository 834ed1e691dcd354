"""
From signed plans, people, rooms and the wishes of a house to a planning problem (`openkap-schedule-instance/1`).

Ids stand for people: `G01` a guest, `G01-dose-1` one of their sessions, `S4` somebody of staff, `R2` a room, `E03` a
group. No name goes in. Hours of a plan are between the starts of two sessions, and so are the lags made from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from openkap.schedule.types import DAY, Span

GRID = 15
BAY, ROOM, HALL = "dosing_bay", "therapy_room", "group_room"
ROOM_KINDS = (BAY, ROOM, HALL)
NURSE, PRESCRIBER, THERAPIST, ASSESSOR = "nurse", "prescriber", "therapist", "assessor"
STAFF_ROLES = (PRESCRIBER, NURSE, THERAPIST, ASSESSOR)
MONITOR = "dose-monitor"  # a role of the plan: it is counted by the ratio and not named
CALLED = ("check-in",)  # takes place by telephone, in no room
# What a change costs. Weights say what a coordinator prefers; none is clinical.
WEIGHTS = {
    "unscheduled": 2000,
    "therapist_switch": 30,
    "not_preferred": 3,
    "patient_idle": 1,
    "off_hours": 2,
    "load_spread": 1,
    "moved_day": 0,
    "moved_time": 0,
    "staff_changed": 0,
    "dropped": 0,
    "room_changed": 0,
}
REPAIR = {"moved_day": 120, "moved_time": 60, "staff_changed": 60, "dropped": 0, "room_changed": 5}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group that is offered every day: minute of the day, minutes, places."""

    at: int
    minutes: int
    places: int


class House(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a retreat is run. Minutes of the day.

    Args:
        opening, lunch: from and to; nobody is asked in at lunch.
        groups: offered daily; group_sessions: how many each guest attends.
        ratio: people watched by one nurse. prescriber_min, rest_min, gap_min: RETREAT-DOSE, RETREAT-DAY.
        therapist_stays: the therapist is with the person for the whole dose; else in the house.
        long_min, break_min, break_window: who works longer than the first has so many minutes free in the window.
    """

    opening: Span
    lunch: Span
    ratio: int
    prescriber_min: int
    rest_min: int
    gap_min: int
    long_min: int
    break_min: int
    break_window: Span
    groups: tuple[Group, ...] = ()
    group_sessions: int = 0
    therapist_stays: bool = False


@dataclass(frozen=True)
class Guest:
    """Somebody who comes: code, sessions of the signed plan, when they are here and cannot come, a wished therapist."""

    code: str
    sessions: Sequence[Mapping[str, Any]]
    stay: Span
    away: tuple[Span, ...] = ()
    therapist: str | None = None
    no_dose: tuple[Span, ...] = ()  # no dose begins before the end of one of these
    booked: Mapping[str, int] = field(default_factory=dict)  # sessions booked outside the retreat: minute of the start


@dataclass(frozen=True)
class Worker:
    """Somebody of staff: shifts, and what else they are booked for."""

    code: str
    role: str
    credentials: tuple[str, ...]
    shifts: tuple[Span, ...]
    busy: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Place:
    """A room."""

    code: str
    kind: str
    turnover: int


def inside(sessions: Sequence[Mapping[str, Any]], days: int) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """
    Which sessions of a plan belong to a stay of so many days, and which come after it.

    A dose whose integration would come after it comes after it too, with all that waits for it (HAZ-50).
    """
    here = {one["id"]: one for one in sessions if one["day"] < days}
    while True:
        gone = {name for name, one in here.items() if any(link["id"] not in here for link in one["after"])}
        for name, one in here.items():
            if one["kind"] == "dose" and not set(bound(sessions, name)) <= set(here):
                gone.add(name)
        if not gone:
            return [one for one in sessions if one["id"] in here], [one for one in sessions if one["id"] not in here]
        here = {name: one for name, one in here.items() if name not in gone}


def bound(sessions: Iterable[Mapping[str, Any]], dose: str) -> list[str]:
    """Ids of what a dose may not be given without: integrations and calls that have a window after it."""
    return [
        one["id"]
        for one in sessions
        if one["kind"] in ("integration", "check-in")
        and any(link["id"] == dose and link["max_h"] is not None for link in one["after"])
    ]


def instance(
    name: str,
    start: str,
    days: int,
    *,
    house: House,
    guests: Sequence[Guest],
    workers: Sequence[Worker],
    places: Sequence[Place],
    baseline: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The problem as a document."""
    lags: list[dict[str, Any]] = []
    patients = [_patient(one, days, house, lags) for one in guests]
    document: dict[str, Any] = {
        "schema": "openkap-schedule-instance/1",
        "name": name,
        "start_date": start,
        "horizon_days": days,
        "grid_minutes": GRID,
        "opening": list(house.opening),
        "coverage": "all",
        "patient_min_gap": house.gap_min,
        "monitor_ratio": {NURSE: house.ratio},
        "weights": WEIGHTS | (REPAIR if baseline else {}),
        "staff": [_worker(one, house) for one in workers],
        "rooms": [{"id": one.code, "kind": one.kind, "turnover": one.turnover} for one in places],
        "group_events": [
            {
                "id": f"E{day * len(house.groups) + n + 1:02}",
                "start": day * DAY + group.at,
                "duration": group.minutes,
                "capacity": group.places,
                "role": THERAPIST,
                "room_kind": HALL,
            }
            for day in range(days)
            for n, group in enumerate(house.groups)
        ],
        "patients": patients,
        "lags": lags,
    }
    if baseline:
        document["baseline"] = dict(baseline)
    return document


def _patient(guest: Guest, days: int, house: House, lags: list[dict[str, Any]]) -> dict[str, Any]:
    here, _ = inside(guest.sessions, days)
    mine = [one for one in here if one["id"] not in guest.booked]
    names = {one["id"] for one in mine}
    for one in mine:
        for link in one["after"]:
            if link["id"] in names:
                lags.append(_lag(guest.code, one["id"], link))
    lunches = [(day * DAY + house.lunch[0], day * DAY + house.lunch[1]) for day in range(days)]
    return {
        "id": guest.code,
        "stay": list(guest.stay),
        "unavailable": [list(span) for span in sorted({*lunches, *guest.away})],
        "preferred_therapist": guest.therapist,
        "preferred_hours": None,
        "group_sessions": house.group_sessions,
        "activities": [_between(guest, one, activity(guest, one, mine, house)) for one in mine],
    }


def _between(guest: Guest, session: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The activity with a window, where the plan ties it to what is booked outside the retreat."""
    lows, highs = [guest.stay[0]], [guest.stay[1]]
    minutes = found["duration"]
    if "window" in found:
        lows.append(found["window"][0])
    for one in guest.sessions:
        for link in one["after"]:
            least, most = int(link["min_h"]) * 60, None if link["max_h"] is None else int(link["max_h"]) * 60
            if one["id"] == session["id"] and link["id"] in guest.booked:
                at = guest.booked[link["id"]]
                lows.append(at + least)
                highs += [at + most + minutes] if most is not None else []
            elif link["id"] == session["id"] and one["id"] in guest.booked:
                at = guest.booked[one["id"]]
                highs.append(at - least + minutes)
                lows += [at - most] if most is not None else []
    if len(lows) + len(highs) > 2:
        low = max(lows)
        found["window"] = [low, max(min(highs), low + 1)]
    return found


def _lag(code: str, name: str, link: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{code}-{link['id']}>{name}",
        "from": f"{code}-{link['id']}",
        "to": f"{code}-{name}",
        "from_point": "start",
        "min": int(link["min_h"]) * 60,
        "max": None if link["max_h"] is None else int(link["max_h"]) * 60,
    }


def activity(
    guest: Guest, session: Mapping[str, Any], mine: Sequence[Mapping[str, Any]], house: House
) -> dict[str, Any]:
    """What a session of a plan needs, as the format wants it; `mine`: what is planned of this guest beside it."""
    minutes, kind = int(session["minutes"]), session["kind"]
    found: dict[str, Any] = {
        "id": f"{guest.code}-{session['id']}",
        "type": kind,
        "duration": minutes,
        "room_kind": BAY if kind == "dose" else None if kind in CALLED else ROOM,
    }
    roles = [role for role in session["roles"] if role != MONITOR]
    if kind != "dose":
        skills = [session["modality"]] if session["modality"] and kind in ("integration", "exposure", "therapy") else []
        return found | {"staff": [_need(role, minutes, skills if role == THERAPIST else []) for role in roles]}
    named = [role for role in roles if role == PRESCRIBER or house.therapist_stays]
    until = {PRESCRIBER: min(house.prescriber_min, minutes)}
    found |= {
        "staff": [_need(role, until.get(role, minutes), []) for role in named],
        "monitored_by": [NURSE],
        "on_site": roles,
        "rest_after": house.rest_min,
        "only_with": [f"{guest.code}-{name}" for name in bound(mine, session["id"])],
    }
    if guest.no_dose:
        found["window"] = [max(end for _, end in guest.no_dose), guest.stay[1]]
    return found


def _need(role: str, minutes: int, skills: list[str]) -> dict[str, Any]:
    return {"role": role, "from": 0, "to": minutes, "credentials": skills}


def _worker(one: Worker, house: House) -> dict[str, Any]:
    pauses = []
    for begins, ends in one.shifts:
        if ends - begins > house.long_min:
            day = begins // DAY * DAY
            window = [max(begins, day + house.break_window[0]), min(ends, day + house.break_window[1])]
            if window[1] - window[0] >= house.break_min:
                pauses.append({"minutes": house.break_min, "window": window})
    return {
        "id": one.code,
        "role": one.role,
        "credentials": list(one.credentials),
        "shifts": [list(span) for span in one.shifts],
        "fixed_breaks": [list(span) for span in one.busy],
        "flexible_breaks": pauses,
    }
