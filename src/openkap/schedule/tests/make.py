"""Synthetic planning problems with a fixed seed: clinics and programmes that nobody has, in the format."""

from __future__ import annotations

from random import Random
from typing import Any

DAY = 1440
SKILLS = ("EMDR", "ART", "IFS", "CBT")
WEIGHTS = {
    "unscheduled": 2000,
    "therapist_switch": 30,
    "not_preferred": 3,
    "patient_idle": 1,
    "off_hours": 2,
    "load_spread": 1,
    "moved_day": 40,
    "moved_time": 10,
    "staff_changed": 15,
    "room_changed": 1,
}


def need(role: str, begins: int, ends: int, *credentials: str) -> dict[str, Any]:
    return {"role": role, "from": begins, "to": ends, "credentials": list(credentials)}


def problem(
    seed: int,
    *,
    patients: int = 4,
    days: int = 7,
    doses: int = 2,
    coverage: str = "best_effort",
    odd: bool = False,
    short: bool = False,
) -> dict[str, Any]:
    """
    A clinic and its programmes.

    Args:
        odd: with durations off the grid, rooms of unlike turnover, shifts that begin at odd minutes, a requirement that
            wants one person twice, negative lags. short: with fewer people than comfortable.
    """
    rng = Random(seed)
    size = max(1, round(patients * doses / (6 if short else 4)))
    staff: list[dict[str, Any]] = []

    def people(role: str, count: int, letter: str) -> None:
        for n in range(max(1, count)):
            off = {rng.randrange(7), rng.randrange(7)} if count > 1 else set()
            shifts, fixed, flexible = [], [], []
            for day in range(days):
                if day % 7 in off:
                    continue
                begins = day * DAY + (480 if n % 2 == 0 else 600) + (rng.choice((0, 5, 10)) if odd else 0)
                shifts.append([begins, begins + 540])
                if role == "nurse" and count > 1:
                    at = begins + 180 + 30 * (n % 4)
                    fixed.append([at, at + 30])
                if role == "therapist":
                    flexible.append({"minutes": 30, "window": [begins + 180, begins + 360]})
            staff.append(
                {
                    "id": f"{letter}{n + 1:02}",
                    "role": role,
                    "credentials": sorted(rng.sample(SKILLS, 2)) if role == "therapist" else [],
                    "shifts": shifts,
                    "fixed_breaks": fixed,
                    "flexible_breaks": flexible,
                }
            )

    people("therapist", size + 2, "T")
    people("prescriber", 1 + size // 3, "R")
    people("nurse", 1 + size // 2, "N")
    people("assessor", 1 + size // 4, "A")
    rooms = [
        *({"id": f"room-{n}", "kind": "therapy_room", "turnover": 0} for n in range(1 + size // 2)),
        *(
            {"id": f"bay-{n}", "kind": "dosing_bay", "turnover": 15 * (n % 2 + 1) if odd else 15}
            for n in range(1 + size // 2)
        ),
        {"id": "hall", "kind": "group_room", "turnover": 15},
    ]
    events = [
        {
            "id": f"G{day:02}-{hour}",
            "start": day * DAY + hour * 60,
            "duration": 75,
            "capacity": 3,
            "role": "therapist",
            "room_kind": "group_room",
        }
        for day in range(days)
        for hour in (10, 15)
    ]
    therapists = [one for one in staff if one["role"] == "therapist"]
    held = sorted({skill for one in therapists for skill in one["credentials"]})
    people_in: list[dict[str, Any]] = []
    lags: list[dict[str, Any]] = []
    for n in range(patients):
        name = f"P{n + 1:03}"
        activities: list[dict[str, Any]] = []

        def add(
            what: str, kind: str, minutes: int, staff_needs: list, mine: list = activities, who: str = name, **more: Any
        ):
            mine.append({"id": f"{who}-{what}", "type": kind, "duration": minutes, "staff": staff_needs, **more})

        def lag(before: str, after: str, low: int, high: int | None = None, who: str = name, point: str = "end"):
            lags.append(
                {
                    "id": f"L{len(lags) + 1:04}",
                    "from": f"{who}-{before}",
                    "to": f"{who}-{after}",
                    "from_point": point,
                    "min": low,
                    "max": high,
                }
            )

        minutes = rng.choice((50, 55)) if odd else 60
        add("check", "medical_check", 30, [need("prescriber", 0, 30)], room_kind="therapy_room")
        add("measure0", "measurement", 45, [need("assessor", 0, 45)])
        add("prep1", "preparation", minutes, [need("therapist", 0, minutes)], room_kind="therapy_room")
        skill = rng.choice(held)
        together = rng.random() < 0.5
        for k in range(1, doses + 1):
            length = rng.choice((135, 150, 165))
            wanted = [need("prescriber", 0, 15)]
            if together:
                wanted.append(need("therapist", 0, 90))
            if odd and rng.random() < 0.5:
                wanted.append(need("prescriber", length - 15, length))
            add(
                f"dose{k}",
                "dosing",
                length,
                wanted,
                room_kind="dosing_bay",
                monitored_by=["nurse"],
                on_site=["prescriber"],
                rest_after=60,
                only_with=[f"{name}-{one}" for one in ("check", "measure0", "prep1", f"int{k}")],
            )
            add(
                f"int{k}",
                "integration",
                minutes,
                [need("therapist", 0, minutes, skill)],
                room_kind="therapy_room",
                only_with=[f"{name}-dose{k}"],
            )
            lag(f"dose{k}", f"int{k}", 1440, 4320)
            if k > 1:
                lag(f"dose{k - 1}", f"dose{k}", 1440, 7200)
        lag("check", "dose1", 60)
        lag("measure0", "dose1", 60, point="start" if odd else "end")
        lag("prep1", "dose1", 60, 4320)
        if odd:
            lag("check", "prep1", -2880, 2880)
            activities[1]["window"] = [0, (days - 2) * DAY + 17]
        unavailable = []
        for _ in range(rng.randrange(3)):
            at = rng.randrange(days) * DAY + 480 + 30 * rng.randrange(20) + (7 if odd else 0)
            unavailable.append([at, at + 180])
        people_in.append(
            {
                "id": name,
                "stay": [rng.choice((480, 480 + DAY)), days * DAY],
                "unavailable": unavailable,
                "preferred_therapist": rng.choice([None, *(one["id"] for one in therapists)]),
                "preferred_hours": rng.choice([None, [480, 900], [720, 1200]]),
                "group_sessions": rng.randrange(3),
                "activities": activities,
            }
        )
    return {
        "schema": "openkap-schedule-instance/1",
        "name": f"synthetic-{seed}-{patients}",
        "start_date": "2027-03-01",
        "horizon_days": days,
        "grid_minutes": 15,
        "opening": [480, 1200],
        "coverage": coverage,
        "patient_min_gap": 10 if odd else 15,
        "monitor_ratio": {"nurse": 3},
        "weights": dict(WEIGHTS),
        "staff": staff,
        "rooms": rooms,
        "patients": people_in,
        "lags": lags,
        "group_events": events,
    }


def tiny() -> dict[str, Any]:
    """The small example of the format: one patient, three activities; its best objective is 0."""
    shifts = [[480, 1020], [1920, 2460], [3360, 3900]]
    return {
        "schema": "openkap-schedule-instance/1",
        "name": "tiny",
        "start_date": "2027-03-01",
        "horizon_days": 4,
        "grid_minutes": 15,
        "opening": [480, 1200],
        "coverage": "all",
        "patient_min_gap": 15,
        "monitor_ratio": {"nurse": 3},
        "weights": {k: WEIGHTS[k] for k in list(WEIGHTS)[:6]},
        "staff": [
            {
                "id": "T01",
                "role": "therapist",
                "credentials": ["EMDR"],
                "shifts": shifts,
                "fixed_breaks": [],
                "flexible_breaks": [{"minutes": 30, "window": [660, 840]}],
            },
            {
                "id": "RX1",
                "role": "prescriber",
                "credentials": [],
                "shifts": shifts,
                "fixed_breaks": [],
                "flexible_breaks": [],
            },
            {
                "id": "N01",
                "role": "nurse",
                "credentials": [],
                "shifts": shifts,
                "fixed_breaks": [[660, 690]],
                "flexible_breaks": [],
            },
        ],
        "rooms": [
            {"id": "bay-1", "kind": "dosing_bay", "turnover": 15},
            {"id": "room-1", "kind": "therapy_room", "turnover": 0},
        ],
        "group_events": [],
        "patients": [
            {
                "id": "P001",
                "stay": [480, 5760],
                "unavailable": [[1980, 2100]],
                "preferred_therapist": None,
                "preferred_hours": None,
                "group_sessions": 0,
                "activities": [
                    {
                        "id": "P001-prep1",
                        "type": "preparation",
                        "duration": 60,
                        "staff": [need("therapist", 0, 60)],
                        "room_kind": "therapy_room",
                    },
                    {
                        "id": "P001-dose1",
                        "type": "dosing",
                        "duration": 135,
                        "staff": [need("prescriber", 0, 15)],
                        "room_kind": "dosing_bay",
                        "monitored_by": ["nurse"],
                        "on_site": ["prescriber"],
                        "rest_after": 60,
                        "only_with": ["P001-prep1", "P001-int1"],
                    },
                    {
                        "id": "P001-int1",
                        "type": "integration",
                        "modality": "EMDR",
                        "duration": 60,
                        "staff": [need("therapist", 0, 60, "EMDR")],
                        "room_kind": "therapy_room",
                        "only_with": ["P001-dose1"],
                    },
                ],
            }
        ],
        "lags": [
            {"id": "L1", "from": "P001-prep1", "to": "P001-dose1", "from_point": "end", "min": 60, "max": None},
            {"id": "L2", "from": "P001-dose1", "to": "P001-int1", "from_point": "end", "min": 1440, "max": 4320},
        ],
    }
