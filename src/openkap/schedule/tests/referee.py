"""
An independent judge of plans, from the text of the format: minute by minute, in plain dictionaries, slow.

It shares no code with the room. Every busy minute of a person, room and patient is written down; a clash is a minute
written twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

DAY = 1440


def judge(problem: dict[str, Any], plan: dict[str, Any]) -> tuple[list[str], dict[str, int]]:
    """Codes of the hard rules that are broken (H1 ... H10), and every term."""
    broken: list[str] = []
    activity_of = {one["id"]: (who, one) for who in problem["patients"] for one in who["activities"]}
    event_of = {one["id"]: one for one in problem["group_events"]}
    person_of = {one["id"]: one for one in problem["staff"]}
    room_of = {one["id"]: one for one in problem["rooms"]}
    placed = {one["activity"]: one for one in plan["assignments"]}
    if len(placed) != len(plan["assignments"]):
        broken.append("H1")
    if problem["coverage"] == "all" and set(placed) != set(activity_of):
        broken.append("H1")

    work: dict[str, Counter[int]] = defaultdict(Counter)
    watched: dict[str, Counter[int]] = defaultdict(Counter)
    occupied: dict[str, Counter[int]] = defaultdict(Counter)
    visits: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    seen: dict[str, list[str]] = defaultdict(list)
    off = other = 0

    def come(who: dict[str, Any], begins: int, ends: int, free: int) -> None:
        low, high = problem["opening"]
        minutes = range(begins, ends)
        if begins // DAY != (ends - 1) // DAY:
            broken.append("H2")
        if any(not low <= minute % DAY < high for minute in minutes):
            broken.append("H2")
        if any(not who["stay"][0] <= minute < who["stay"][1] for minute in minutes):
            broken.append("H2")
        if any(a <= minute < b for minute in minutes for a, b in who["unavailable"]):
            broken.append("H2")
        visits[who["id"]].append((begins, ends, ends + free))

    def serve(name: str, role: str, credentials: list[str], begins: int, ends: int) -> None:
        person = person_of.get(name)
        if person is None or person["role"] != role or any(one not in person["credentials"] for one in credentials):
            broken.append("H4")
            return
        if not any(all(a <= minute < b for minute in range(begins, ends)) for a, b in person["shifts"]):
            broken.append("H4")
        if any(a <= minute < b for minute in range(begins, ends) for a, b in person["fixed_breaks"]):
            broken.append("H4")
        work[name].update(range(begins, ends))

    def use(name: str | None, kind: str, begins: int, ends: int) -> None:
        if name not in room_of or room_of[name]["kind"] != kind:
            broken.append("H5")
            return
        occupied[name].update(range(begins, ends + room_of[name]["turnover"]))

    for name, one in placed.items():
        who, activity = activity_of[name]
        begins = one["start"]
        ends = begins + activity["duration"]
        if begins % problem["grid_minutes"]:
            broken.append("H2")
        window = activity.get("window")
        if window and (begins < window[0] or ends > window[1]):
            broken.append("H2")
        come(who, begins, ends, max(problem["patient_min_gap"], activity.get("rest_after", 0)))
        if len(one["staff"]) != len(activity["staff"]):
            broken.append("H4")
        for person, wanted in zip(one["staff"], activity["staff"], strict=False):
            serve(person, wanted["role"], wanted["credentials"], begins + wanted["from"], begins + wanted["to"])
            if wanted["role"] == "therapist":
                seen[who["id"]].append(person)
                other += who["preferred_therapist"] not in (None, person)
        if activity.get("room_kind"):
            use(one["room"], activity["room_kind"], begins, ends)
        for role in activity.get("monitored_by", []):
            watched[role].update(range(begins, ends))
        for role in activity.get("on_site", []):
            there = {m for p in problem["staff"] if p["role"] == role for a, b in p["shifts"] for m in range(a, b)}
            if not there.issuperset(range(begins, ends)):
                broken.append("H6")
        if any(name_ not in placed for name_ in activity.get("only_with", [])):
            broken.append("H7")
        if who["preferred_hours"]:
            low, high = who["preferred_hours"]
            off += begins % DAY < low or begins % DAY + activity["duration"] > high

    for lag in problem["lags"]:
        if lag["from"] in placed and lag["to"] in placed:
            point = placed[lag["from"]]["start"]
            if lag["from_point"] == "end":
                point += activity_of[lag["from"]][1]["duration"]
            found = placed[lag["to"]]["start"] - point
            if found < lag["min"] or (lag["max"] is not None and found > lag["max"]):
                broken.append("H8")

    attended: dict[str, list[int]] = defaultdict(list)
    for one in plan["groups"]:
        event = event_of[one["event"]]
        begins, ends = event["start"], event["start"] + event["duration"]
        if len(one["attendees"]) > event["capacity"] or len(set(one["attendees"])) < len(one["attendees"]):
            broken.append("H9")
        serve(one["staff"], event["role"], [], begins, ends)
        use(one["room"], event["room_kind"], begins, ends)
        for who in problem["patients"]:
            if who["id"] in one["attendees"]:
                come(who, begins, ends, problem["patient_min_gap"])
                attended[who["id"]].append(begins // DAY)
    missing = len(activity_of) - len(placed)
    for who in problem["patients"]:
        days = attended[who["id"]]
        if len(days) > who["group_sessions"] or len(set(days)) < len(days):
            broken.append("H9")
        short = who["group_sessions"] - len(days)
        missing += max(0, short)
        if short > 0 and problem["coverage"] == "all":
            broken.append("H1")

    idle = 0
    for mine in visits.values():
        for begins, ends, _ in mine:
            for later, _, _ in mine:
                if (begins, ends) != (later, later) and begins < later < _until(mine, begins):
                    broken.append("H3")
        if len({begins for begins, _, _ in mine}) < len(mine):
            broken.append("H3")
        for day in {begins // DAY for begins, _, _ in mine}:
            busy = {m for a, b, _ in mine if a // DAY == day for m in range(a, b)}
            idle += max(busy) - min(busy) + 1 - len(busy)
    for name, minutes in work.items():
        if max(minutes.values()) > 1:
            broken.append("H4")
        for pause in person_of[name]["flexible_breaks"]:
            low, high = pause["window"]
            free = ["." if m not in minutes else "x" for m in range(low, high)]
            if "." * pause["minutes"] not in "".join(free):
                broken.append("H4")
    if any(max(minutes.values()) > 1 for minutes in occupied.values()):
        broken.append("H5")
    for role, minutes in watched.items():
        for minute, count in minutes.items():
            there = sum(
                any(a <= minute < b for a, b in one["shifts"])
                and not any(a <= minute < b for a, b in one["fixed_breaks"])
                for one in problem["staff"]
                if one["role"] == role
            )
            if count > there * problem["monitor_ratio"][role]:
                broken.append("H6")

    changes = Counter()
    base = problem.get("baseline")
    if base:
        stay = set()
        for old in base["assignments"]:
            new = placed.get(old["activity"])
            if old["start"] < base["now"] or old["activity"] in base["pinned"]:
                stay.add(old["activity"])
                if new is None or (new["start"], new["staff"]) != (old["start"], old["staff"]):
                    broken.append("H10")
            if new is None:
                changes["dropped"] += 1
                continue
            if new["start"] // DAY != old["start"] // DAY:
                changes["moved_day"] += 1
            elif new["start"] != old["start"]:
                changes["moved_time"] += 1
            changes["staff_changed"] += new["staff"] != old["staff"]
            changes["room_changed"] += new.get("room") != old.get("room")
        if any(one["start"] < base["now"] and name not in stay for name, one in placed.items()):
            broken.append("H10")

    loads = [sum(work[one["id"]].values()) for one in problem["staff"] if one["role"] == "therapist"]
    terms = {
        "unscheduled": missing,
        "therapist_switch": sum(len(set(people)) - 1 for people in seen.values()),
        "not_preferred": other,
        "patient_idle": idle // problem["grid_minutes"],
        "off_hours": off,
        "load_spread": (max(loads) - min(loads)) // problem["grid_minutes"] if loads else 0,
        **{name: changes[name] for name in ("moved_day", "moved_time", "staff_changed", "dropped", "room_changed")},
    }
    return broken, terms


def _until(mine: list[tuple[int, int, int]], begins: int) -> int:
    """When a visit that begins so has its gap behind it."""
    return max(until for start, _, until in mine if start == begins)
