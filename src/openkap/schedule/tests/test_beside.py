"""What others hold in the house: no search takes it, and what two retreats publish stands side by side."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest

from openkap.kernel.errors import Conflict
from openkap.people.types import Role
from openkap.schedule import hours, selectors, services, services_booking
from openkap.schedule.beside import MARK, Hold, apart, beside
from openkap.schedule.models import BOOKED, Appointment
from openkap.schedule.read import read_instance
from openkap.schedule.rules import breaches
from openkap.schedule.services_booking import Wanted
from openkap.schedule.solve import solve
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from openkap.schedule.tests.make import problem
from openkap.schedule.tests.referee import judge
from openkap.schedule.types import DAY, Instance, Plan
from tests.database import Clinic


def drawn(instance: Instance, rng: Random) -> list[Hold]:
    """Rooms and places that somebody else has, at any minutes."""
    found = []
    for _ in range(14):
        begins = rng.randrange(instance.horizon_days) * DAY + rng.randrange(420, 1150)
        room = rng.choice([*(one.id for one in instance.rooms), None])
        watched = "nurse" if room is None or room.startswith("bay") else ""
        found.append(Hold(begins, begins + rng.randrange(20, 300), room, watched))
    return found


def clashes(instance: Instance, plan: Plan, holds: list[Hold]) -> list[str]:
    """Activities of a plan that are in a room while it is held, by the minute."""
    lasting = {one.id: one.duration for who in instance.patients for one in who.activities}
    events = {one.id: one for one in instance.group_events}
    turnover = {one.id: one.turnover for one in instance.rooms}
    uses = [(one.activity, one.start, one.start + lasting[one.activity], one.room) for one in plan.assignments]
    uses += [(one.event, e.start, e.start + e.duration, one.room) for one in plan.groups for e in [events[one.event]]]
    return [
        name
        for name, begins, ends, room in uses
        for hold in holds
        if room is not None
        and hold.room == room
        and begins < hold.ends + turnover[room]
        and hold.begins < ends + turnover[room]
    ]


@pytest.mark.parametrize("draw", range(6))
def test_no_plan_is_where_others_are(draw: int):
    raw = problem(draw, patients=5, odd=draw % 2 == 1)
    instance = read_instance(raw)
    holds = drawn(instance, Random(draw))
    held = beside(instance, holds)
    assert len(held.patients) > len(instance.patients)
    alone = solve(instance, steps=60, processes=1).plan
    plan = solve(held, steps=60, processes=1).plan
    document = json.loads(msgspec.json.encode(held))
    broken, _ = judge(document, json.loads(msgspec.json.encode(plan)))
    assert broken == []
    assert breaches(held, plan) == []
    rooms = {one.activity: one.room for one in plan.assignments}
    stand = held.baseline.assignments
    assert all(rooms[one.activity] == one.room for one in stand), "a room that is held is held by its name"
    mine = apart(plan)
    assert not any(one.activity.startswith(MARK) for one in mine.assignments)
    assert breaches(instance, mine) == []
    kept = [one for one in holds if one.room is not None]
    assert clashes(instance, mine, kept) == []
    if draw == 0:
        assert clashes(instance, alone, kept), "without being told the search takes what is held"


def test_nothing_held_changes_nothing():
    instance = read_instance(problem(1))
    outside = [Hold(-600, 0, "hall"), Hold(0, 480, "hall"), Hold(600, 700, "elsewhere"), Hold(600, 700, None, "cook")]
    assert beside(instance, outside) == instance


def test_a_hold_that_cannot_stand_is_left_to_its_own_house():
    instance = read_instance(problem(1))
    hour = (DAY + 600, DAY + 660)
    found = beside(instance, [Hold(*hour, "hall"), Hold(*hour, "hall"), *[Hold(*hour, None, "nurse")] * 40])
    assert [one.room for one in found.baseline.assignments].count("hall") == 1, "what is held twice is held once"
    assert 1 < len(found.baseline.assignments) < 40, "as many places as those on duty can watch"
    assert solve(found, steps=20, processes=1).status == "feasible"


def test_a_repair_goes_round_what_others_hold():
    raw = problem(2, patients=4)
    plan = solve(read_instance(raw), steps=100, processes=1).plan
    listed = json.loads(msgspec.json.encode(plan.assignments))
    raw |= {"baseline": {"now": DAY, "assignments": listed, "pinned": []}}
    instance = read_instance(raw)
    lasting = {one.id: one.duration for who in instance.patients for one in who.activities}
    hit = next(one for one in plan.assignments if one.start > 3 * DAY and one.room and one.room.startswith("bay"))
    bays = [one.id for one in instance.rooms if one.kind == "dosing_bay"]
    holds = [Hold(hit.start, hit.start + lasting[hit.activity], bay) for bay in bays]
    answer = solve(beside(instance, holds), steps=100, processes=1)
    new = {one.activity: one for one in answer.plan.assignments}
    assert new[hit.activity].start != hit.start
    assert answer.least is not None
    assert answer.least.at_least >= 1
    assert answer.repair is not None
    assert breaches(instance, apart(answer.plan)) == []


# -- in the database ---------------------------------------------------------------------------------------


def second(lodge: Lodge, guests: int) -> Lodge:
    """Another retreat in the same house, in the same days, of other people."""
    other = object.__new__(Lodge)
    other.__dict__ |= lodge.__dict__
    other.patients = [lodge._patient(f"Other {n}") for n in range(guests)]
    for patient in other.patients:
        signed(patient, lodge.clinic.users[Role.PRESCRIBER], programme())
    wish = services.Wish(name="Second retreat", start=START, days=lodge.retreat.days, therapist_stays=False)
    other.retreat = services.open_retreat(lodge.coordinator, lodge.site, wish, other.patients)
    return other


@pytest.mark.django_db
def test_two_retreats_in_the_same_days_are_published_one_after_the_other(clinic: Clinic):
    first = Lodge(clinic, guests=2, days=7)
    other = second(first, 2)
    alone = other.build()
    first.publish()
    with pytest.raises(Conflict):
        other.publish(alone)  # planned before the first was booked: it takes the same rooms and people
    done = other.publish(other.build())
    assert done.new
    rows = Appointment.objects.filter(state=BOOKED)
    assert rows.filter(retreat=first.retreat).exists()
    assert rows.filter(retreat=other.retreat, kind="dose").count() == 4
    run = selectors.last_run(other.retreat)
    assert MARK not in run.plan, "what others hold is nobody's session here"
    assert MARK not in run.instance


@pytest.mark.django_db
def test_a_single_appointment_holds_its_room_against_a_search(clinic: Clinic):
    lodge = Lodge(clinic, guests=1, days=7)
    at = lodge.build()
    _, plan = selectors.problem_of(at)
    bays = [row for name, row in lodge.rooms.items() if name.startswith("bay")]
    dose = next(one for one in plan.assignments if one.activity == "G01-dose-1")
    begins = hours.instant(START, dose.start, ZoneInfo(lodge.site.zone))
    for n, bay in enumerate(bays):
        wanted = Wanted(f"single-{n}", "other", "Repair", begins, begins + timedelta(hours=2), room=bay.pk)
        services_booking.book(lodge.coordinator, lodge.site, wanted, reason="the floor is done")
    assert lodge.publish(lodge.build()).new
    row = Appointment.objects.get(activity="G01-dose-1", state=BOOKED)
    assert not (row.starts_at < begins + timedelta(hours=2) and begins < row.ends_at)
