"""
The judgement of one place for one appointment, in plain words; nothing of the search that offers places is used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from openkap.schedule.fit import Frame, Guest, Need, Person, Place
from openkap.schedule.hours import QUARTER_S, slots


def why_not(frame: Frame, guest: Guest, need: Need, place: Place) -> str:
    """The first rule that a place breaks, as a sentence; empty: none."""
    for told in (_when(frame, need, place), _guest(frame, guest, need, place), _people(frame, need, place)):
        if told:
            return told
    return _room_and_watch(frame, need, place)


def _when(frame: Frame, need: Need, place: Place) -> str:
    begins = place.starts_at
    if begins.timestamp() % QUARTER_S:
        return "The time is no whole quarter of an hour: choose one of those that are offered."
    if begins < frame.now:
        return f"{_on(frame, begins)} is past: choose a later time."
    if need.earliest is not None and begins < need.earliest:
        return f"{need.title} may begin on {_on(frame, need.earliest)} or later: choose a later time."
    if need.latest is not None and begins > need.latest:
        return f"{need.title} must begin by {_on(frame, need.latest)}: choose an earlier time."
    return ""


def _guest(frame: Frame, guest: Guest, need: Need, place: Place) -> str:
    begins, ends = place.starts_at, need.ends(place.starts_at)
    for low, high in guest.away:
        if begins < high and low < ends:
            return f"This person cannot come on {_on(frame, begins)}: choose another time."
    if need.kind == "dose" and any(begins < high for _, high in guest.no_dose):
        until = max(high for _, high in guest.no_dose)
        return f"There is no dose for this person before {_on(frame, until)}: choose a later time."
    for one in guest.held:
        if begins < one.free_at and one.starts_at < ends + timedelta(minutes=need.pad_min):
            return (
                f"This person has something else at {_on(frame, one.starts_at)}, and needs the time between: "
                "choose another time."
            )
        if need.apart_h and one.kind == "dose" and abs(begins - one.starts_at) < timedelta(hours=need.apart_h):
            return (
                f"A dose on {_on(frame, begins)} is less than {need.apart_h} h from the one on "
                f"{_on(frame, one.starts_at)}: choose another day."
            )
    return ""


def _people(frame: Frame, need: Need, place: Place) -> str:
    named = {one.id: one for one in frame.people}
    if len(place.people) != len(need.people) or len(set(place.people)) != len(place.people):
        return f"{need.title} needs {len(need.people)} people, each once: choose one of the times that are offered."
    for name, wants in zip(place.people, need.people, strict=True):
        one = named.get(name)
        if one is None:
            return "A person is not in use here any more: choose again."
        ends = place.starts_at + timedelta(minutes=wants.minutes)
        if one.role != wants.role:
            return f"{one.name} is {one.role}, and {need.title} needs a {wants.role}: choose somebody else."
        if wants.credentials - one.credentials:
            lacking = ", ".join(sorted(wants.credentials - one.credentials))
            return f"{one.name} is not trained in {lacking}: choose somebody else."
        if not any(low <= place.starts_at and ends <= high for low, high in one.there):
            return f"{one.name} is not on duty on {_on(frame, place.starts_at)}: choose another time or person."
        mine = set(slots(place.starts_at, ends))
        if mine & one.busy:
            return f"{one.name} is taken on {_on(frame, place.starts_at)}: choose another time."
        for low, high in _long_days(frame, one):
            if _pause(frame, low, high, one.busy) and not _pause(frame, low, high, one.busy | mine):
                return f"{one.name} would have no break on {_on(frame, place.starts_at)}: choose another time."
    return ""


def _long_days(frame: Frame, one: Person) -> Iterator[tuple[datetime, datetime]]:
    """The hours around noon in which whoever is there for long has a break."""
    for begins, ends in one.there:
        if (ends - begins).total_seconds() <= frame.house.long_min * 60:
            continue
        on = begins.astimezone(frame.zone).date()
        low, high = (
            datetime.combine(on, time(minute // 60, minute % 60), tzinfo=frame.zone)
            for minute in frame.house.break_window
        )
        if min(high, ends) - max(low, begins) >= timedelta(minutes=frame.house.break_min):
            yield max(low, begins), min(high, ends)


def _pause(frame: Frame, low: datetime, high: datetime, busy: frozenset[int] | set[int]) -> bool:
    """Whether a break is left inside a time."""
    quarters, run = slots(low, high), 0
    for slot in quarters:
        whole = low.timestamp() <= slot * QUARTER_S and (slot + 1) * QUARTER_S <= high.timestamp()
        run = run + 1 if whole and slot not in busy else 0
        if run * QUARTER_S >= frame.house.break_min * 60:
            return True
    return False


def _room_and_watch(frame: Frame, need: Need, place: Place) -> str:
    begins, ends = place.starts_at, need.ends(place.starts_at)
    room = next((one for one in frame.rooms if one.id == place.room), None)
    if need.room_kind and (room is None or room.kind != need.room_kind):
        return f"{need.title} needs another kind of room: choose one of the times that are offered."
    if not need.room_kind and place.room is not None:
        return f"{need.title} takes place in no room: choose one of the times that are offered."
    if room is not None and set(slots(begins, ends + timedelta(minutes=room.turnover_min))) & room.busy:
        return f"{room.name} is taken on {_on(frame, begins)}: choose another time."
    for role in need.on_site:
        for slot in slots(begins, ends):
            if not _there(frame, role, slot, begins, ends):
                return f"No {role} is in the house on {_on(frame, begins)}: choose another time."
    if need.watched_by:
        taken = frame.watched.get(need.watched_by, {})
        for slot in slots(begins, ends):
            places = frame.house.ratio * _there(frame, need.watched_by, slot, begins, ends)
            if taken.get(slot, 0) >= places:
                at = max(datetime.fromtimestamp(slot * QUARTER_S, UTC), begins)
                return (
                    f"On {_on(frame, at)} those on duty can watch {places}, and that many are watched: choose another "
                    "time."
                )
    return ""


def _there(frame: Frame, role: str, slot: int, begins: datetime, ends: datetime) -> int:
    """How many of a role are there for all of a quarter that is needed."""
    low = max(datetime.fromtimestamp(slot * QUARTER_S, UTC), begins)
    high = min(datetime.fromtimestamp((slot + 1) * QUARTER_S, UTC), ends)
    return sum(any(a <= low and high <= b for a, b in one.there) for one in frame.people if one.role == role)


def _on(frame: Frame, at: datetime) -> str:
    wall = at.astimezone(frame.zone)
    return f"{wall:%A} {wall.day} {wall:%B}, {wall:%H:%M}"
