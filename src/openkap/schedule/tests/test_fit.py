"""Every start at once on bit sets, and one place judged alone: two ways to the same answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from openkap.schedule.fit import (
    Frame,
    Guest,
    Held,
    House,
    Need,
    Person,
    Place,
    Room,
    Search,
    Suits,
    Wants,
    chain,
)
from openkap.schedule.hours import QUARTER_S, slots
from openkap.schedule.place import why_not

ZONE = ZoneInfo("Europe/Zurich")
DAY = date(2027, 3, 15)  # a Monday
HOUSE = House(ratio=2, long_min=360, break_min=30, break_window=(660, 900))
NOBODY = UUID(int=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(DAY + timedelta(days=day), time(hour, minute), tzinfo=ZONE).astimezone(UTC)


def frame(people: tuple[Person, ...], rooms: tuple[Room, ...] = (), days: int = 2, **more: object) -> Frame:
    low, high = int(at(0, 0).timestamp()) // QUARTER_S, int(at(days, 0).timestamp()) // QUARTER_S
    found = Frame(ZONE, at(0, 0), low, high, HOUSE, people, rooms, {})
    return replace(found, **more)  # type: ignore[arg-type]


def therapist(name: int = 1, *there: tuple[datetime, datetime], busy: frozenset[int] = frozenset()) -> Person:
    return Person(name, f"Therapist {name}", "therapist", frozenset({"emdr"}), there or ((at(0, 9), at(0, 12)),), busy)


def talk(minutes: int = 60, **more: object) -> Need:
    found = Need("integration-1", "integration", "Integration", minutes, (Wants("therapist", minutes),), "therapy_room")
    return replace(replace(found, pad_min=15), **more)  # type: ignore[arg-type]


ROOM = Room(7, "Room 1", "therapy_room")


def starts(one: Frame, guest: Guest, need: Need) -> list[str]:
    return [f"{place.starts_at.astimezone(ZONE):%d %H:%M}" for place in Search(one).places(need, guest)]


def test_a_session_fits_where_therapist_room_and_patient_are_free():
    busy = frozenset(slots(at(0, 10), at(0, 10, 15)))
    one = frame((therapist(),), (replace(ROOM, busy=busy),))
    assert starts(one, Guest(NOBODY), talk()) == ["15 09:00", "15 10:15", "15 10:30", "15 10:45", "15 11:00"]


def test_the_patient_has_the_time_between_before_and_after():
    ends = at(0, 9, 30)
    mine = Held("therapy", at(0, 9), ends, ends + timedelta(minutes=15))
    one = frame((therapist(),), (ROOM,))
    assert starts(one, Guest(NOBODY, (mine,)), talk())[0] == "15 09:45"
    later = Held("therapy", at(0, 11), at(0, 12), at(0, 12, 15))
    assert starts(one, Guest(NOBODY, (later,)), talk())[-1] == "15 09:45"  # ends 10:45, and a quarter between


def test_the_window_of_the_plan_holds_at_its_edges():
    one = frame((therapist(),), (ROOM,))
    window = talk(earliest=at(0, 9, 45), latest=at(0, 10, 15))
    assert starts(one, Guest(NOBODY), window) == ["15 09:45", "15 10:00", "15 10:15"]


def test_whoever_works_long_keeps_a_break_around_noon():
    """11:00 to 15:00 with 11:30 to 13:30 taken: before or after must stay free for half an hour."""
    busy = frozenset(slots(at(0, 11, 30), at(0, 13, 30)))
    long = therapist(1, (at(0, 8), at(0, 17)), busy=busy)
    one = frame((long,), (ROOM,))
    found = starts(one, Guest(NOBODY), talk(30))
    assert "15 11:00" in found and "15 13:30" in found
    both = frame((replace(long, busy=busy | frozenset(slots(at(0, 13, 30), at(0, 15)))),), (ROOM,))
    assert "15 11:00" not in starts(both, Guest(NOBODY), talk(30))
    told = why_not(both, Guest(NOBODY), talk(30), Place(at(0, 11), (1,), 7))
    assert told.startswith("Therapist 1 would have no break on Monday 15 March, 11:00")


def test_days_and_hours_that_suit_are_kept():
    one = frame((therapist(1, (at(0, 9), at(0, 12)), (at(1, 9), at(1, 12))),), (ROOM,))
    tuesday = Suits(frozenset({1}), time(10), time(11, 30), DAY + timedelta(days=1))
    found = Search(one).places(talk(), Guest(NOBODY), tuesday)
    assert [f"{place.starts_at.astimezone(ZONE):%d %H:%M}" for place in found] == ["16 10:00", "16 10:15", "16 10:30"]
    assert Search(one).places(talk(), Guest(NOBODY), replace(tuesday, until=DAY)) == []


def test_whom_the_patient_knows_comes_first_and_who_is_asked_for_alone_counts():
    one = frame((therapist(1), therapist(2), therapist(3)), (ROOM,))
    search, guest = Search(one), Guest(NOBODY, knows=(3,))
    assert search.places(talk(), guest)[0].people == (3,)
    assert {place.people for place in search.places(talk(), guest, who=2)} == {(2,)}
    assert search.places(talk(), guest, who=9) == []


def dose(**more: object) -> Need:
    found = Need(
        "dose-1",
        "dose",
        "Dose 1",
        160,
        (Wants("prescriber", 15),),
        "dosing_bay",
        "nurse",
        ("prescriber",),
        60,
        48,
        "iv",
    )
    return replace(found, **more)  # type: ignore[arg-type]


def ward(nurses: int = 1, watched: int = 0) -> Frame:
    all_day = ((at(0, 8), at(0, 17)), (at(1, 8), at(1, 17)), (at(2, 8), at(2, 17)))
    people = [Person(1, "Dr Varga", "prescriber", frozenset(), all_day), therapist(2, *all_day)]
    people += [Person(10 + n, f"Nurse {n}", "nurse", frozenset(), all_day) for n in range(nurses)]
    bays = (Room(1, "Bay 1", "dosing_bay", 15), ROOM)
    taken = dict.fromkeys(slots(at(0, 10), at(0, 12)), watched)
    return frame(tuple(people), bays, days=3, watched={"nurse": taken})


@pytest.mark.hazard("HAZ-55", "C1")
def test_no_dose_is_offered_that_those_on_duty_cannot_watch():
    assert "15 10:00" in starts(ward(1, 1), Guest(NOBODY), dose())
    found = starts(ward(1, 2), Guest(NOBODY), dose())
    assert "15 10:00" not in found and "15 12:00" in found and "15 09:00" not in found
    assert "can watch 2" in why_not(ward(1, 2), Guest(NOBODY), dose(), Place(at(0, 10), (1,), 1))


@pytest.mark.hazard("HAZ-15", "C1")
def test_no_dose_is_offered_nearer_to_another_one_than_the_protocol_allows():
    other = Held("dose", at(-1, 10), at(-1, 12, 40), at(-1, 13, 40))
    found = starts(ward(), Guest(NOBODY, (other,)), dose())
    assert found[0] == "16 10:00"
    assert "less than 48 h" in why_not(ward(), Guest(NOBODY, (other,)), dose(), Place(at(1, 9, 45), (1,), 1))


@pytest.mark.hazard("HAZ-50", "C1")
def test_a_dose_has_its_call_and_its_integration_in_their_windows_or_is_not_offered():
    call = Need("check-in-1", "check-in", "Call", 15, (Wants("nurse", 15),), pad_min=15)
    bound = [(call, 12, 36), (talk(90), 24, 30)]
    place = Place(at(0, 10), (1,), 1)
    found, lacking = chain(Search(ward()), Guest(NOBODY), dose(), place, bound)
    when = {one.session: where.starts_at for one, where in found}
    assert lacking == "" and set(when) == {"dose-1", "check-in-1", "integration-1"}
    assert at(1, 10) <= when["integration-1"] <= at(1, 16) and at(0, 22) <= when["check-in-1"] <= at(1, 22)
    away = replace(ward(), rooms=ward().rooms[:1])
    assert chain(Search(away), Guest(NOBODY), dose(), place, bound)[1] == "Integration"


@pytest.mark.hazard("HAZ-55", "C1")
def test_what_is_offered_is_exactly_what_may_be_whoever_asks(seed: int, count: Callable[[int], int]):
    """Drawn calendars: each quarter with each person and room, judged alone, against the bit sets."""
    rng = Random(seed)
    drawings = offered = 0
    while drawings < count(120) or not offered:  # something fits into one of them
        drawings += 1
        assert drawings < 1_000
        one, guest, need = drawn(rng)
        search = Search(one)
        found = {place.starts_at for place in search.places(need, guest)}
        for place in search.places(need, guest):
            assert why_not(one, guest, need, place) == ""
        people = [()] if not need.people else [(a.id,) for a in one.people if a.role == need.people[0].role]
        rooms = [room.id for room in one.rooms if room.kind == need.room_kind] or [None]
        may = {
            search.at(bit)
            for bit in range(one.high - one.low)
            for team in people
            for room in rooms
            if why_not(one, guest, need, Place(search.at(bit), team, room)) == ""
        }
        assert found == may
        offered += len(found)


def drawn(rng: Random) -> tuple[Frame, Guest, Need]:
    def span(most: int) -> tuple[datetime, datetime]:
        begins = at(rng.randrange(2), 7) + timedelta(minutes=15 * rng.randrange(36))
        return begins, begins + timedelta(minutes=15 * rng.randrange(1, most))

    def taken() -> frozenset[int]:
        return frozenset(slot for _ in range(rng.randrange(3)) for slot in slots(*span(9)))

    def shifts() -> tuple[tuple[datetime, datetime], ...]:
        return tuple(
            (at(d, rng.choice((7, 8, 11))), at(d, rng.choice((12, 17)))) for d in range(2) if rng.random() < 0.8
        )

    skills = [frozenset[str](), frozenset({"emdr"})]
    people = tuple(
        Person(n, f"P{n}", rng.choice(("therapist", "prescriber", "nurse")), rng.choice(skills), shifts(), taken())
        for n in range(6)
    )
    rooms = tuple(
        Room(n, f"R{n}", rng.choice(("therapy_room", "dosing_bay")), rng.choice((0, 15)), taken()) for n in range(3)
    )
    watched = {"nurse": {slot: rng.randrange(3) for slot in slots(*span(20))}}
    held = []
    for _ in range(rng.randrange(3)):
        begins, ends = span(6)
        held.append(Held(rng.choice(("dose", "therapy")), begins, ends, ends + timedelta(minutes=rng.choice((15, 60)))))
    guest = Guest(
        NOBODY, tuple(held), (span(20),) if rng.random() < 0.3 else (), (span(9),) if rng.random() < 0.3 else ()
    )
    need = rng.choice(
        (
            dose(apart_h=rng.choice((2, 20))),
            talk(rng.choice((50, 90))),
            talk(people=(Wants("therapist", 60, skills[1]),)),
        )
    )
    if rng.random() < 0.4:
        need = replace(need, earliest=span(2)[0], latest=span(20)[1])
    now = at(0, 0) if rng.random() < 0.5 else span(2)[0]
    return replace(frame(people, rooms, watched=watched), now=now), guest, need
