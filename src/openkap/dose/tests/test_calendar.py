"""
The dosing room and the calendar are one: what either books, moves, cancels or ends, the other has (HAZ-15, HAZ-50,
HAZ-55, RG-07). What is booked is judged from rows by sweeps that share nothing with the slots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import floor, services, services_book
from openkap.dose.gate import DAY, LINK
from openkap.dose.models import DosingSession, Given
from openkap.dose.selectors_calendar import lines, rest_of_day, unlinked
from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth
from openkap.people import services as people
from openkap.people.models import Patient
from openkap.people.services import Identity
from openkap.people.types import Role
from openkap.schedule import services_booking, services_house
from openkap.schedule.assemble import BAY
from openkap.schedule.hours import QUARTER_S
from openkap.schedule.models import Appointment, Resource, Taken
from openkap.schedule.services_booking import Wanted
from openkap.schedule.tests.lodge import programme, signed
from tests.database import Clinic, changing

pytestmark = pytest.mark.django_db
DAYS, RATIO, MINUTES = 6, 2, 160
TURN = timedelta(minutes=15)


class House:
    """A calendar from yesterday on, round the clock: two nurses who watch two each, two bays that are chairs too."""

    def __init__(self, clinic: Clinic, patients: int = 6, nurses: int = 2, doses: int = 2):
        self.clinic, self.site = clinic, clinic.site
        self.coordinator, self.today = clinic.principal(Role.COORDINATOR), timezone.now().date()
        self.patients = [self._patient(n, doses) for n in range(patients)]
        self.nurses = [
            services_house.add_person(None, self.site, name=f"Nurse {n + 1}", role="nurse") for n in range(nurses)
        ]
        for nurse in self.nurses:
            self.on_duty(nurse)
        add = services_house.add_room
        self.rooms = [add(None, self.site, name=f"Bay {n}", kind=BAY, turnover=15) for n in (1, 2)]
        self.chairs = [services_book.add_chair(None, self.site.pk, f"Bay {n}") for n in (1, 2, 3, 4)]  # no room: 3, 4

    def _patient(self, n: int, doses: int) -> Patient:
        who = Identity(family="Guest", given=f"Guest{n}", birth_date=date(1990, 5, 4))
        patient = people.register_patient(None, self.site, who)
        signed(patient, self.clinic.users[Role.PRESCRIBER], programme(doses))
        return patient

    def on_duty(self, nurse: Resource) -> None:
        first, last = self.today - timedelta(days=1), self.today + timedelta(days=DAYS)
        services_house.add_duty(None, nurse, first=first, last=last, weekdays=range(7), begins=time(0), ends=time(0))

    def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(self.today + timedelta(days=day), time(hour, minute), tzinfo=UTC)

    def book(self, patient: int, day: int = 1, at: time = time(12), **more: Any) -> DosingSession:
        fields = {"day": self.today + timedelta(days=day), "at": at, "route": "iv", "drug": "ketamine"}
        principal = more.pop("by", self.coordinator)
        return services_book.book(principal, self.patients[patient], Site(), **{**fields, "maintenance": False, **more})

    def dose(self, patient: int, begins: datetime, name: str = "dose-1", room: Resource | None = None) -> Wanted:
        return Wanted(
            activity=f"C-{name}", kind="dose", title="Dose", starts_at=begins,
            ends_at=begins + timedelta(minutes=MINUTES), patient=self.patients[patient].pk,
            room=room.pk if room else None, watched_by="nurse", ratio=RATIO, route="iv",
        )  # fmt: skip

    def integration(self, patient: int, begins: datetime, name: str = "integration-1") -> Appointment:
        wanted = Wanted(
            f"C-{name}", "integration", "Integration", begins, begins + timedelta(minutes=90),
            patient=self.patients[patient].pk,
        )  # fmt: skip
        return services_booking.book(self.coordinator, self.site, wanted)

    def calls_off(self, row: DosingSession) -> None:
        def event(by: Any, session: Any, _: Any) -> e.Event:
            return e.Cancel(key=str(uuid4()), patient=session.patient, by=by, reason="ill at home")

        assert services.act(self.coordinator, row, event).refused is None


@pytest.fixture
def house(clinic: Clinic) -> House:
    return House(clinic)


def live(appointment: Appointment) -> DosingSession | None:
    return DosingSession.objects.filter(appointment=appointment).exclude(phase="cancelled").first()


# -- one way to book a dose ----------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-55", "C1")
def test_a_session_that_the_dosing_room_books_holds_its_patient_chair_room_and_a_seat(house: House):
    row = house.book(0, chair=house.chairs[0])
    held = Counter(Taken.objects.filter(appointment=row.appointment).values_list("what", flat=True))
    slots, patient = -(-MINUTES // 15), house.patients[0].pk
    assert held == {
        f"patient:{patient}": slots,
        f"room:{house.rooms[0].pk}": -(-(MINUTES + 15) // 15),
        f"chair:{house.chairs[0].pk}": slots,
        "watch:nurse": slots,
    }


@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.parametrize("chair", [0, 2], ids=["a chair that is a room too", "a chair alone"])
def test_neither_books_a_chair_that_the_other_holds(house: House, chair: int):
    house.book(0, chair=house.chairs[chair])
    with pytest.raises(Conflict, match=f"{house.chairs[chair].name} is taken on"):
        house.book(1, at=time(14), chair=house.chairs[chair])
    house.book(1, at=time(15), chair=house.chairs[chair])
    services_booking.book(house.coordinator, house.site, house.dose(2, house.at(1, 19), room=house.rooms[1]))
    with pytest.raises(Conflict, match="Bay 2 is taken on"):
        house.book(3, at=time(20), chair=house.chairs[1])
    assert not DosingSession.objects.filter(patient=house.patients[3]).exists()


@pytest.mark.hazard("HAZ-55", "C1")
def test_both_together_let_no_more_be_watched_than_those_on_duty_can_watch(house: House):
    for patient in (0, 1):
        house.book(patient)
    for patient in (2, 3):
        services_booking.book(house.coordinator, house.site, house.dose(patient, house.at(1, 13)))
    with pytest.raises(Conflict, match="can watch 4, and that many are watched"):
        house.book(4, at=time(14))
    with pytest.raises(Conflict, match="can watch 4, and that many are watched"):
        services_booking.book(house.coordinator, house.site, house.dose(4, house.at(1, 14)))
    house.book(4, at=time(14, 45))


def test_where_the_calendar_knows_nobody_who_watches_a_session_takes_no_seat_and_the_chair_is_held_still(
    clinic: Clinic,
):
    house = House(clinic, nurses=0)
    row = house.book(0, chair=house.chairs[0])
    assert row.appointment is not None and row.appointment.watched_by == ""
    assert rest_of_day(clinic.site.pk) == []
    with pytest.raises(Conflict, match="Bay 1 is taken"):
        house.book(1, chair=house.chairs[0])


@pytest.mark.hazard("HAZ-55", "C1")
def test_a_dose_of_the_calendar_is_a_session_by_the_signed_plan_in_the_chair_of_its_room(house: House):
    made = services_booking.book(house.coordinator, house.site, house.dose(0, house.at(1, 12), room=house.rooms[1]))
    row = live(made)
    assert row is not None
    assert (row.route, row.drug, row.plan_session, row.chair) == ("iv", "ketamine", "dose-1", house.chairs[1])
    assert (row.day, row.maintenance) == (house.today + timedelta(days=1), False)
    with pytest.raises(Conflict, match="session of the plan is booked already"):
        house.book(0, day=4, plan_session="dose-1")
    assert Appointment.objects.count() == 1


def test_a_dose_of_the_calendar_without_a_signed_plan_is_refused_and_nothing_is_held(house: House, clinic: Clinic):
    wanted = Wanted("C-dose-1", "dose", "Dose", house.at(1, 12), house.at(1, 14), patient=clinic.noah.pk)
    with pytest.raises(UserError, match="No signed plan says what this person is given"):
        services_booking.book(house.coordinator, house.site, wanted)
    assert not Appointment.objects.exists() and not Taken.objects.exists()


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_session_of_a_plan_that_does_not_stand_is_not_booked(house: House):
    newer = signed(house.patients[0], house.clinic.users[Role.PRESCRIBER], programme(2))
    with changing("plan_signature"):
        newer.signatures.all().delete()  # as if nobody had signed it
    with pytest.raises(UserError, match="replaced by one nobody has signed"):
        house.book(0, plan_session="dose-1")
    assert not Appointment.objects.exists()


def test_a_dose_that_is_moved_in_the_calendar_moves_in_the_dosing_room(house: House):
    row = house.book(0, chair=house.chairs[0])
    booked = row.appointment
    assert booked is not None
    same = house.dose(0, house.at(1, 16), room=house.rooms[1])
    services_booking.amend(house.coordinator, booked, same, reason="asked to")
    row.refresh_from_db()
    assert (row.phase, row.chair) == ("booked", house.chairs[1])
    services_booking.amend(house.coordinator, booked, house.dose(0, house.at(2, 9)), reason="asked to")
    row.refresh_from_db()
    after = live(booked)
    assert row.phase == "cancelled" and row.appointment is None
    assert after is not None and (after.day, after.chair) == (house.today + timedelta(days=2), house.chairs[1])
    assert after.plan_session == row.plan_session and after.drug == "ketamine"
    held = set(Taken.objects.filter(appointment=booked).values_list("what", flat=True))
    assert f"chair:{house.chairs[1].pk}" in held and f"chair:{house.chairs[0].pk}" not in held


@pytest.mark.hazard("HAZ-55", "C1")
def test_whoever_cancels_gives_back_all_of_it_at_both(house: House):
    here = house.book(0, chair=house.chairs[0])
    house.calls_off(here)
    there = house.book(1, chair=house.chairs[1])
    assert there.appointment is not None
    services_booking.cancel(house.coordinator, there.appointment, reason="asked to")
    assert set(DosingSession.objects.values_list("phase", flat=True)) == {"cancelled"}
    assert set(Appointment.objects.values_list("state", flat=True)) == {"cancelled"} and not Taken.objects.exists()
    house.book(2, chair=house.chairs[0])


def test_the_chair_is_changed_at_both_or_at_neither(house: House):
    row = house.book(0, chair=house.chairs[0])
    house.book(1, chair=house.chairs[1])
    with pytest.raises(Conflict, match="Bay 2 is taken on"):
        services_book.place_in(house.coordinator, row, house.chairs[1])
    row.refresh_from_db()
    assert row.chair == house.chairs[0]
    services_book.place_in(house.coordinator, row, house.chairs[2])
    row.refresh_from_db()
    assert row.chair == house.chairs[2] and row.appointment is not None and row.appointment.room is None
    house.book(2, chair=house.chairs[0])


def test_who_is_to_have_no_dose_or_is_away_is_booked_for_none(house: House):
    for kind, patient in (("no-dose", 0), ("no-show", 1)):
        services_house.absent(
            house.coordinator, house.site, kind=kind, patient=house.patients[patient],
            starts_at=house.at(1, 0), ends_at=house.at(2, 0),
        )  # fmt: skip
    with pytest.raises(Conflict, match="is to have no dose until"):
        house.book(0)
    with pytest.raises(Conflict, match="is away until"):
        house.book(1)
    house.integration(0, house.at(1, 12))
    house.book(0, day=2)


# -- limits at booking (HAZ-15) ------------------------------------------------------------------------------


def given(house: House, patient: int, at: datetime) -> None:
    """A dose that was charted, in a session that is over."""
    row = house.book(patient, day=0, at=time(0))
    DosingSession.objects.filter(pk=row.pk).update(phase="discharged", began_at=at, ended_at=at)
    Given.objects.create(
        session=row, patient=row.patient, order="o", version=1, step=1, drug="ketamine", route="iv", parenteral=True,
        lot="L", mg=40, started_at=at, by=house.clinic.users[Role.NURSE],
    )  # fmt: skip


@pytest.mark.hazard("HAZ-15", "C1")
@pytest.mark.parametrize("door", ["dosing room", "calendar"])
@pytest.mark.parametrize("before", ["given", "booked"])
def test_a_dose_nearer_than_the_interval_to_one_given_or_booked_is_refused_at_every_door(
    house: House, door: str, before: str
):
    if before == "given":
        given(house, 0, house.at(1, 12))
    else:
        house.book(0, day=1)

    def book(at: time) -> Any:
        if door == "dosing room":
            return house.book(0, day=3, at=at)
        return services_booking.book(house.coordinator, house.site, house.dose(0, house.at(3, at.hour, at.minute)))

    with pytest.raises(Conflict, match="Less than 48 hours between two parenteral doses"):
        book(time(11, 45))
    book(time(12))


@pytest.mark.hazard("HAZ-15", "C1")
def test_one_that_is_booked_before_another_is_held_against_it_too(house: House):
    house.book(0, day=3)
    with pytest.raises(Conflict, match="Less than 48 hours"):
        house.book(0, day=1, at=time(12, 15))
    house.book(0, day=1)


@pytest.mark.hazard("HAZ-15", "C1")
def test_nearer_is_booked_by_a_prescriber_with_a_reason_alone_and_five_within_a_week_by_nobody(house: House):
    prescriber = house.clinic.principal(Role.PRESCRIBER)
    house.book(0, day=1, at=time(9))
    with pytest.raises(Forbidden, match="Only a prescriber"):
        house.book(0, day=2, at=time(9), exception="asked to")
    row = house.book(0, day=2, at=time(9), exception="two days in a row, as talked over", by=prescriber)
    assert row.appointment is not None
    assert row.appointment.versions.get().reason == "two days in a row, as talked over"
    for day in (3, 4):
        house.book(0, day=day, at=time(9), exception="as talked over", by=prescriber)
    with pytest.raises(Conflict, match="5 or more are not offered"):
        house.book(0, day=5, at=time(9), exception="as talked over", by=prescriber)


@pytest.mark.hazard("HAZ-15", "C1")
def test_more_than_three_within_a_week_need_the_reason_that_a_signed_plan_has(clinic: Clinic):
    house = House(clinic, patients=1)
    for n, day in enumerate((0, 2, 4)):
        house.book(0, day=day, at=time(0), plan_session=f"dose-{n + 1}" if n < 2 else "")
    for patient in house.patients:
        signed(patient, clinic.users[Role.PRESCRIBER], programme(4))
    with pytest.raises(Conflict, match="more than 3 need the prescriber's reason"):
        house.book(0, day=6, at=time(0))
    assert house.book(0, day=6, at=time(0), plan_session="dose-4").plan_session == "dose-4"


# -- the integration session (HAZ-50) ------------------------------------------------------------------------


def shut(row: DosingSession) -> dict[str, str]:
    return {one.row: one.text for one in lines(row)}


@pytest.mark.hazard("HAZ-50", "C1")
@pytest.mark.parametrize("door", ["dosing room", "calendar"])
def test_a_dose_is_confirmed_by_its_integration_inside_the_window_alone(house: House, door: str):
    """The plan of this house ties integration-1 to dose-1, 24 to 96 hours after it."""
    if door == "dosing room":
        row = house.book(0, plan_session="dose-1")
    else:
        found = live(services_booking.book(house.coordinator, house.site, house.dose(0, house.at(1, 12))))
        assert found is not None
        row = found
    assert LINK in shut(row) and [one.dose.pk for one in unlinked(house.site.pk, house.at(-1, 0))] == [row.pk]
    early = house.integration(0, house.at(2, 11, 45))
    assert LINK in shut(row)
    services_booking.cancel(house.coordinator, early, reason="too early")
    other = house.integration(0, house.at(2, 12), name="integration-2")
    assert LINK in shut(row)  # it is that of another dose
    services_booking.cancel(house.coordinator, other, reason="of another dose")
    mine = house.integration(0, house.at(2, 12))
    assert shut(row) == {} and unlinked(house.site.pk, house.at(-1, 0)) == []
    services_booking.cancel(house.coordinator, mine, reason="therapist ill")
    assert "No integration session is booked between" in shut(row)[LINK]


@pytest.mark.hazard("HAZ-50", "C1")
def test_the_gate_of_a_dose_without_its_integration_opens_by_a_written_decision_alone(clinic: Clinic):
    ward = Ward(clinic)
    ward.to_gate()
    integration = Appointment.objects.get(patient=ward.patient, kind="integration")
    services_booking.cancel(clinic.principal(Role.COORDINATOR), integration, reason="therapist ill")
    done = ward.act(e.PassGate)
    assert done.refused is not None and "No integration session is booked between" in done.refused.text
    ward.do(e.Decide, Role.PRESCRIBER, row=LINK, reason="Seen by the therapist at home, agreed today.")
    ward.do(e.PassGate)


@pytest.mark.hazard("HAZ-50", "C1")
def test_an_integration_that_is_lost_before_the_dose_begins_shuts_the_gate_again(clinic: Clinic):
    ward = Ward(clinic)
    ward.to_ready().in_hand()
    integration = Appointment.objects.get(patient=ward.patient, kind="integration")
    services_booking.cancel(clinic.principal(Role.COORDINATOR), integration, reason="therapist ill")
    done = ward.start()
    assert done.refused is not None and done.refused.rule == LINK
    assert ward.session.phase == "gate" and not Given.objects.exists()


@pytest.mark.hazard("HAZ-50", "C1")
def test_the_lost_integration_of_the_dose_before_warns_at_the_next(clinic: Clinic):
    ward = Ward(clinic)
    ward.to_left()
    before = Appointment.objects.get(patient=ward.patient, kind="integration")
    services_booking.cancel(clinic.principal(Role.COORDINATOR), before, reason="therapist ill")
    ward.row = ward.book(day=ward.row.day + timedelta(days=3))
    said = [one.text for one in lines(ward.row)]
    assert len(said) == 1 and said[0].startswith("After the dose of") and "no integration session stands" in said[0]


@pytest.mark.hazard("HAZ-50", "C1")
def test_whatever_is_booked_and_cancelled_tasks_and_gates_name_the_doses_without_integration(
    house: House, seed: int, count: Callable[[int], int]
):
    rng, booked = Random(seed), dict[int, Appointment]()
    rows = {n: house.book(n, at=time(6 + 3 * n), plan_session="dose-1") for n in range(4)}
    for _ in range(count(400)):
        n = rng.randrange(4)
        if n in booked:
            services_booking.cancel(house.coordinator, booked.pop(n), reason="drawn")
        else:
            at = house.at(1, 6 + 3 * n) + timedelta(hours=rng.choice((23, 24, 48, 95, 96, 97)))
            booked[n] = house.integration(n, at)
        starts = {n: (one.starts_at - house.at(1, 6 + 3 * n)).total_seconds() / 3600 for n, one in booked.items()}
        missing = {n for n in rows if not 24 <= starts.get(n, 0) <= 96}
        assert {one.dose.pk for one in unlinked(house.site.pk, house.at(-1, 0))} == {rows[n].pk for n in missing}
        assert all((LINK in shut(row)) is (n in missing) for n, row in rows.items())


# -- the rest of the day (HAZ-55 C2) -------------------------------------------------------------------------


def runs(row: DosingSession, since: datetime) -> None:
    """As if its dose had begun then."""
    assert row.appointment is not None
    length = row.appointment.ends_at - row.appointment.starts_at
    Appointment.objects.filter(pk=row.appointment_id).update(starts_at=since, ends_at=since + length)
    DosingSession.objects.filter(pk=row.pk).update(phase="recovery", began_at=since, chair=None)


def crowd(clinic: Clinic) -> tuple[Ward, list[DosingSession], House]:
    """Ida with her dose in hand; two others whose sessions run and end as she is to begin; one nurse on duty."""
    house = House(clinic, patients=2, nurses=1)
    ward = Ward(clinic, chair="Bay 9")
    now = ward.row.appointment.starts_at  # type: ignore[union-attr]
    others = []
    for n in range(2):
        row = house.book(n, day=1)
        DosingSession.objects.filter(pk=row.pk).update(day=house.today)
        runs(row, now - timedelta(minutes=MINUTES + 1))
        DosingSession.objects.filter(pk=row.pk).update(phase="discharged", ended_at=now)
        others.append(row)
    ward.to_ready().in_hand()
    return ward, others, house


@pytest.mark.hazard("HAZ-55", "C2")
def test_a_live_overrun_holds_the_next_dose(clinic: Clinic):
    ward, others, _ = crowd(clinic)
    for row in others:  # they are not over: they run on, two under the eyes of the one nurse
        DosingSession.objects.filter(pk=row.pk).update(phase="recovery", ended_at=None)
    done = ward.start()
    assert done.refused is not None and done.refused.rule == DAY
    assert "those on duty cannot watch this session too" in done.refused.text
    assert ward.session.phase == "gate" and not Given.objects.exists()
    assert [(one.lacks, row.pk) for one, row in rest_of_day(clinic.site.pk)] == [("watcher", ward.row.pk)]


@pytest.mark.hazard("HAZ-55", "C2")
def test_an_absence_holds_the_next_dose_until_somebody_else_is_on_duty(clinic: Clinic):
    ward, _, house = crowd(clinic)
    now = timezone.now()
    services_house.absent(
        house.coordinator, house.site, kind="ill", resource=house.nurses[0], starts_at=now - timedelta(minutes=5),
        ends_at=now + timedelta(hours=8),
    )  # fmt: skip
    done = ward.start()
    assert done.refused is not None and done.refused.rule == DAY
    second = services_house.add_person(None, house.site, name="Nurse 2", role="nurse")
    house.on_duty(second)
    ward.do(e.PassGate)
    ward.do(e.ConfirmPerson, name=ward.session.person.name, born=ward.session.person.born)
    assert ward.start().refused is None


@pytest.mark.hazard("HAZ-55", "C2")
def test_as_the_day_was_booked_the_next_dose_begins(clinic: Clinic):
    ward, _, _ = crowd(clinic)
    assert ward.start().refused is None


@pytest.mark.hazard("HAZ-55", "C2")
def test_a_chair_that_is_not_left_in_time_is_named_with_who_was_to_have_it(house: House):
    now = timezone.now()
    first = house.book(0, day=1, at=time(1), chair=house.chairs[2])
    later = house.book(1, day=1, at=time(8), chair=house.chairs[2])
    runs(first, now - timedelta(minutes=MINUTES + 20))
    DosingSession.objects.filter(pk=first.pk).update(chair=house.chairs[2], day=house.today)
    Appointment.objects.filter(pk=later.appointment_id).update(
        starts_at=now + timedelta(minutes=5), ends_at=now + timedelta(minutes=165)
    )
    DosingSession.objects.filter(pk=later.pk).update(day=timezone.now().date())
    later.refresh_from_db()
    assert [(one.lacks, row.pk) for one, row in rest_of_day(house.site.pk)] == [("chair", later.pk)]
    found = {one.row: one for one in lines(later)}
    assert found[DAY].met is Truth.FALSE and not found[DAY].decidable
    assert "Its chair is not free" in found[DAY].text
    house.calls_off(later)
    assert rest_of_day(house.site.pk) == []


@pytest.mark.hazard("HAZ-55", "C1")
def test_who_watches_too_many_in_the_acute_phase_or_left_the_floor_is_named_while_it_is_so(clinic: Clinic):
    ward = Ward(clinic)
    ward.to_dosing()
    nurse = clinic.users[Role.NURSE]
    assert floor.beyond(clinic.site.pk, 1) == []
    row = services_book.book(
        clinic.principal(Role.COORDINATOR), clinic.noah, Site(), day=ward.row.day, at=time(12), route="iv",
        drug="ketamine",
    )  # fmt: skip
    DosingSession.objects.filter(pk=row.pk).update(phase="dosing", observer=nurse)
    assert floor.beyond(clinic.site.pk, 1) == [floor.Beyond(nurse.name, 2, True)]
    DosingSession.objects.filter(pk=row.pk).update(observer=ward.second)
    assert floor.beyond(clinic.site.pk, 1) == []
    floor.Shift.objects.filter(user=nurse).update(until=timezone.now())
    assert floor.beyond(clinic.site.pk, 1) == [floor.Beyond(nurse.name, 1, False)]


@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.parametrize("minute", [15, 20, 44])
def test_who_has_left_gives_back_the_quarter_of_an_hour_they_left_in_and_a_room_its_turnover_later(
    house: House, minute: int
):
    begins = house.at(1, 17)
    row = services_booking.book(house.coordinator, house.site, house.dose(0, begins, room=house.rooms[0]))
    left = house.at(1, 17, minute)
    services_booking.hand_back(row, left)
    held = Taken.objects.filter(appointment=row)

    def until(what: str) -> datetime:
        slot = max(held.filter(what__startswith=what).values_list("slot", flat=True))
        return datetime.fromtimestamp((slot + 1) * QUARTER_S, UTC)

    assert until("watch:") == until("patient:") == house.at(1, 17, minute // 15 * 15)
    assert until("room:") >= left + TURN > until("room:") - timedelta(minutes=30)
