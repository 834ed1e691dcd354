"""A retreat from signed plans to appointments, moved and repaired, in the database."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from openkap.schedule import hours, selectors, services, services_booking, services_house, services_runs
from openkap.schedule.models import BOOKED, CANCELLED, REPAIR, Appointment, AppointmentVersion, Taken, Version
from openkap.schedule.rules import View, breaches
from openkap.schedule.services_booking import Part, Wanted
from openkap.schedule.tests.lodge import START, Lodge
from openkap.schedule.types import DAY
from tests.database import Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    return Lodge(clinic)


def test_a_retreat_is_built_from_signed_plans_and_keeps_every_rule(lodge: Lodge):
    version = lodge.build()
    instance, plan = selectors.problem_of(version)
    assert breaches(instance, plan) == []
    view = View(instance, plan)
    assert {name for name in view.placed if name.startswith("G01")} == {
        "G01-prep-1", "G01-prep-2", "G01-dose-1", "G01-check-in-1", "G01-integration-1", "G01-dose-2",
        "G01-check-in-2", "G01-integration-2",
    }  # fmt: skip
    for n in (1, 2):
        dose, after = view.placed[f"G01-dose-{n}"], view.placed[f"G01-integration-{n}"]
        assert 24 * 60 <= after.start - dose.start <= 96 * 60
        assert "emdr" in view.staff[after.staff[0]].credentials
    assert all(len(held.attendees) <= 12 for held in plan.groups)


@pytest.mark.hazard("HAZ-50", "C1")
def test_a_dose_whose_integration_would_come_after_the_stay_is_not_placed(clinic: Clinic):
    lodge = Lodge(clinic, days=4)
    _, plan = selectors.problem_of(lodge.build())
    placed = {one.activity for one in plan.assignments}
    assert "G01-dose-1" in placed and "G01-dose-2" not in placed and "G01-integration-2" not in placed


def test_what_is_published_is_booked_once_with_people_rooms_and_seats(lodge: Lodge):
    version = lodge.build()
    done = lodge.publish(version)
    rows = Appointment.objects.filter(retreat=lodge.retreat, state=BOOKED)
    assert done.new == rows.count() and (done.moved, done.cancelled, done.kept) == (0, 0, 0)
    dose = rows.get(activity="G01-dose-1")
    assert dose.title == "Dose 1" and dose.route == "iv" and dose.room is not None
    assert (dose.ends_at - dose.starts_at) == timedelta(minutes=160)
    assert Taken.objects.filter(appointment=dose, what="watch:nurse").count() >= 11
    assert lodge.publish(version).kept == done.new
    assert AppointmentVersion.objects.filter(appointment=dose).count() == 1


def test_only_a_coordinator_plans_a_retreat(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    for role in (Role.NURSE, Role.THERAPIST, Role.BILLING):
        who = clinic.principal(role)
        with pytest.raises(Forbidden):
            services_runs.ask(who, lodge.retreat)
        with pytest.raises(Forbidden):
            services.publish(who, version, lambda guests: [])


@pytest.mark.hazard("HAZ-22", "C1")
def test_nothing_is_booked_while_the_plan_of_a_guest_needs_review(lodge: Lodge):
    version = lodge.build()
    with pytest.raises(UserError, match="needs review"):
        services.publish(lodge.coordinator, version, lambda guests: [f"{guests[0].code}: the plan needs review."])
    assert not Appointment.objects.exists()


def elsewhere(lodge: Lodge, version: Version, name: str, minutes: int):
    _, plan = selectors.problem_of(version)
    was = next(one for one in plan.assignments if one.activity == name)
    return msgspec.structs.replace(was, start=was.start + minutes)


def test_moving_against_a_rule_says_which_and_changes_nothing(lodge: Lodge):
    version = lodge.build()
    early = elsewhere(lodge, version, "G01-integration-1", -DAY)
    assert "SCH-LAG" in {one.rule for one in services.hand_of(version).faults(early)}
    with pytest.raises(UserError, match="cannot stand there"):
        services.move(lodge.coordinator, version, early)
    assert lodge.retreat.versions.count() == 1


def test_a_move_is_a_new_version_and_publishing_it_moves_that_appointment_alone(lodge: Lodge):
    version = lodge.build()
    before = lodge.publish(version)
    hand = services.hand_of(version)
    found = next(
        placed
        for minutes in range(-600, 600, 15)
        if minutes and not hand.faults(placed := elsewhere(lodge, version, "G01-check-in-2", minutes))
    )
    newer = services.move(lodge.coordinator, version, found)
    done = lodge.publish(newer)
    assert (done.new, done.moved, done.cancelled, done.kept) == (0, 1, 0, before.new - 1)
    row = Appointment.objects.get(activity="G01-check-in-2", state=BOOKED)
    assert row.version == 2 and row.versions.count() == 2
    with pytest.raises(Conflict):
        services.move(lodge.coordinator, version, found)
    with pytest.raises(Conflict):
        lodge.publish(version)


@pytest.mark.hazard("HAZ-50", "C1")
@pytest.mark.parametrize("what", ["rooms", "people", "guest", "watch"])
def test_what_was_booked_since_is_not_offered_to_a_session_in_the_hand_and_holds_it_off(lodge: Lodge, what: str):
    version = lodge.build()
    name = "G01-dose-1" if what == "watch" else "G01-prep-1"
    offered = [one for places in services.hand_of(version).options(name).values() for one in places]
    spot = offered[len(offered) // 2]
    zone = ZoneInfo(lodge.site.zone)
    begins = hours.instant(lodge.retreat.start, spot.start, zone)
    ends = begins + timedelta(minutes=30)

    count = 0

    def taken(**more) -> None:
        nonlocal count
        count += 1
        wanted = Wanted(f"other-{count}", "other", "Something else", begins, ends, **more)
        services_booking.book(lodge.coordinator, lodge.site, wanted)

    if what == "rooms":
        for room in ("room1", "room2", "room3"):
            taken(room=lodge.rooms[room].pk)
    elif what == "people":
        for person in ("therapist", "therapist2", "therapist3"):
            taken(work=(Part(lodge.people[person].pk, begins, ends),))
    elif what == "guest":
        taken(patient=lodge.patients[0].pk)
    else:
        for _ in range(4):  # two nurses, two each
            taken(watched_by="nurse", ratio=2)
    hand = services.hand_of(version)
    still = [one.start for places in hand.options(name).values() for one in places]
    assert still and spot.start not in still
    assert hand.faults(spot)
    with pytest.raises(UserError, match="cannot stand there"):
        services.move(lodge.coordinator, version, spot)
    assert lodge.retreat.versions.count() == 1
    services.move(lodge.coordinator, version, next(one for n in hand.options(name).values() for one in n))


def test_a_session_that_is_booked_alone_since_is_not_moved_on_the_board(lodge: Lodge):
    version = lodge.build()
    hand = services.hand_of(version)
    spot = next(one for places in hand.options("G01-prep-1").values() for one in places)
    begins = hours.instant(lodge.retreat.start, spot.start, ZoneInfo(lodge.site.zone))
    alone = Wanted(
        "C-prep-1", "preparation", "Prep", begins, begins + timedelta(minutes=90), patient=lodge.patients[0].pk
    )
    services_booking.book(lodge.coordinator, lodge.site, alone)
    assert not services.hand_of(version).holds("G01-prep-1") and services.hand_of(version).holds("G02-prep-1")
    with pytest.raises(UserError, match="is booked alone"):
        services.move(lodge.coordinator, version, spot)
    assert lodge.retreat.versions.count() == 1


def test_somebody_falls_ill_and_little_is_moved(lodge: Lodge):
    version = lodge.build()
    before = lodge.publish(version)
    instance, plan = selectors.problem_of(version)
    integration = next(one for one in plan.assignments if one.activity == "G01-integration-1")
    ill = selectors.resources(lodge.site.pk).get(pk=int(integration.staff[0][1:]))
    day = integration.start // DAY
    begins = datetime.combine(START + timedelta(days=day), time(0), tzinfo=UTC)
    absence = services_house.absent(
        lodge.coordinator, lodge.site, kind="ill", resource=ill, starts_at=begins, ends_at=begins + timedelta(days=1)
    )
    run = services_runs.ask(lodge.coordinator, lodge.retreat, kind=REPAIR, absence=absence)
    run = services_runs.run_here(run, seconds=2)
    assert run.state == "done" and run.plan and run.result is None
    done = services_runs.accept(lodge.coordinator, run, lambda guests: [])
    assert done.kept >= before.new / 2 and done.moved >= 1
    new = selectors.draft_of(lodge.retreat)
    assert new is not None and breaches(*selectors.problem_of(new)) == []
    low, high = day * DAY, day * DAY + DAY
    for held in selectors.problem_of(new)[1].groups:
        assert held.staff != f"S{ill.pk}" or not low <= instance.group_events[0].start < high
    late = Appointment.objects.filter(state=BOOKED, work__resource=ill, starts_at__lt=begins + timedelta(days=1))
    assert not late.filter(starts_at__gte=begins).exists()


def test_a_guest_who_must_have_no_dose_that_day_gets_it_later(lodge: Lodge):
    version = lodge.build()
    lodge.publish(version)
    _, plan = selectors.problem_of(version)
    dose = next(one for one in plan.assignments if one.activity == "G02-dose-1")
    begins = datetime.combine(START + timedelta(days=dose.start // DAY), time(0), tzinfo=UTC)
    absence = services_house.absent(
        lodge.coordinator, lodge.site, kind="no-dose", patient=lodge.patients[1],
        starts_at=begins, ends_at=begins + timedelta(days=1),
    )  # fmt: skip
    run = services_runs.ask(lodge.coordinator, lodge.retreat, kind=REPAIR, absence=absence)
    run = services_runs.run_here(run, seconds=6)
    if run.conflict is not None:
        assert "G02-dose-1" in " ".join(run.conflict["because"])
        return
    new = next(one for one in selectors.plan_of(run.plan).assignments if one.activity == "G02-dose-1")
    assert new.start // DAY > dose.start // DAY


def test_a_problem_without_a_plan_says_which_constraints_cannot_hold(clinic: Clinic):
    lodge = Lodge(clinic, bays=0)
    run = services_runs.run_here(services_runs.ask(lodge.coordinator, lodge.retreat), seconds=6)
    assert run.result is None and run.conflict is not None
    assert any("dosing_bay" in sentence for sentence in run.conflict["because"])


@pytest.mark.hazard("HAZ-55", "C1")
def test_two_retreats_do_not_get_the_same_person_room_or_patient(lodge: Lodge):
    lodge.publish()
    held = set(Taken.objects.filter(what__startswith="person").values_list("what", "slot"))
    house = selectors.house_of(lodge.retreat)
    wish = services.Wish(
        name="Second", start=START, days=6, opening=house.opening, lunch=house.lunch, therapist_stays=False
    )
    other = services.open_retreat(lodge.coordinator, lodge.site, wish, lodge.patients[:1])
    version = services_runs.run_here(services_runs.ask(lodge.coordinator, other), seconds=2)
    busy = {one["id"]: one["fixed_breaks"] for one in selectors.instance_of(other)["staff"]}
    assert any(busy.values())  # it knows what people are booked for
    if version.result is not None:
        with pytest.raises(Conflict):  # a dose nearer than the protocol allows, or the same room
            lodge.publish(version.result)
    assert set(Taken.objects.filter(what__startswith="person").values_list("what", "slot")) == held


@pytest.mark.hazard("HAZ-15", "C1")
def test_a_dose_too_near_to_one_that_another_booked_is_refused(lodge: Lodge):
    lodge.publish()
    dose = Appointment.objects.get(activity="G01-dose-2", state=BOOKED)
    begins = dose.starts_at.replace(hour=5, minute=0) + timedelta(days=1)  # when this person has nothing else
    wanted = services_booking.Wanted(
        activity="single", kind="dose", title="Dose", starts_at=begins, ends_at=begins + timedelta(hours=2),
        patient=dose.patient_id,
    )  # fmt: skip
    with pytest.raises(Conflict, match="Less than 48 hours"):
        services_booking.book(lodge.coordinator, lodge.site, wanted)


def test_a_cancelled_appointment_is_kept_and_frees_what_it_held(lodge: Lodge):
    lodge.publish()
    row = Appointment.objects.get(activity="G01-prep-1", state=BOOKED)
    services_booking.cancel(lodge.coordinator, row, reason="low mood, wants to wait")
    row.refresh_from_db()
    assert not AuditEvent.objects.filter(reason__contains="mood").exists()
    assert row.state == CANCELLED and [one.version for one in selectors.history_of(row)] == [2, 1]
    assert not Taken.objects.filter(appointment=row).exists()


def test_a_person_on_duty_across_midnight_of_a_change_of_clocks_keeps_the_hours_of_the_wall(clinic: Clinic):
    clinic.site.zone = "Europe/Berlin"
    clinic.site.save()
    from zoneinfo import ZoneInfo

    from openkap.schedule import hours

    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2027, 3, 26).date()  # clocks go forward on 28 March
    for day in range(5):
        at = hours.instant(start, day * DAY + 9 * 60, zone)
        assert hours.minute(start, at, zone) == day * DAY + 540 and at.astimezone(zone).hour == 9
    with pytest.raises(UserError, match="skip"):
        hours.instant(start, 2 * DAY + 150, zone)
