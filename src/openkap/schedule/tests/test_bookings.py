"""
No double booking, whoever books at once (RG-07, HAZ-55). What is booked is judged from the appointments alone, by a
sweep that shares nothing with the slots.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest
from django.db import IntegrityError, connections, transaction

from openkap.kernel.errors import Conflict, UserError
from openkap.people.models import Patient, Site
from openkap.people.types import Principal
from openkap.schedule import services_booking, services_house
from openkap.schedule.models import BOOKED, Absence, Appointment, Duty, Reminder, Resource, Taken, Work
from openkap.schedule.services_booking import Part, Wanted
from openkap.schedule.tests.lodge import START, Lodge
from tests.database import Clinic, make_clinic

AT_ONCE, RATIO = 4, 2
NOON = datetime.combine(START, time(12), tzinfo=UTC)


def at(day: int, minute: int) -> datetime:
    return datetime.combine(START + timedelta(days=day), time(0), tzinfo=UTC) + timedelta(minutes=minute)


def overlaps() -> list[str]:
    """Two appointments of one person, room or patient at one time; a room's turnover belongs to it."""
    uses: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for row in Appointment.objects.filter(state=BOOKED).select_related("room"):
        if row.room is not None:
            until = row.ends_at + timedelta(minutes=row.room.turnover_min)
            uses[f"room {row.room_id}"].append((row.starts_at, until, str(row.pk)))
        uses[f"patient {row.patient_id}"].append((row.starts_at, row.ends_at, str(row.pk)))
    for work in Work.objects.filter(appointment__state=BOOKED):
        uses[f"person {work.resource_id}"].append((work.starts_at, work.ends_at, str(work.appointment_id)))
    found = []
    for who, spans in uses.items():
        spans.sort()
        until = None
        for begins, ends, _ in spans:
            if until is not None and begins < until:
                found.append(f"{who} at {begins}")
            until = ends if until is None else max(until, ends)
    return found


def unwatched() -> list[str]:
    """Minutes at which more are watched than those on duty can watch."""
    rows = list(Appointment.objects.filter(state=BOOKED, watched_by="nurse"))
    nurses = list(Resource.objects.filter(sort="nurse"))
    duty = [
        (one.resource_id, one.starts_at, one.ends_at) for one in Duty.objects.filter(resource__in=nurses, ended_at=None)
    ]
    away = [(one.resource_id, one.starts_at, one.ends_at) for one in Absence.objects.filter(resource__in=nurses)]
    edges = {row.starts_at for row in rows} | {low for _, low, _ in away} | {high for _, _, high in duty}
    found = []
    for edge in edges:
        watched = sum(row.starts_at <= edge < row.ends_at for row in rows)
        there = {who for who, low, high in duty if low <= edge < high}
        there -= {who for who, low, high in away if low <= edge < high}
        if watched > RATIO * len(there):
            found.append(f"{watched} watched by {len(there)} at {edge}")
    return found


class Drawn:
    """Bookings at random, of a house so small that most of them meet."""

    def __init__(self, lodge: Lodge):
        self.principal, self.site, self.patients = lodge.coordinator, lodge.site, lodge.patients
        self.rooms = [room.pk for room in lodge.rooms.values()]
        self.people = [person.pk for person in lodge.people.values()]

    def wanted(self, rng: Random, name: str) -> Wanted:
        begins = at(rng.randrange(3), 480 + 15 * rng.randrange(36))
        minutes = rng.choice((15, 60, 90, 160))
        ends = begins + timedelta(minutes=minutes)
        people = rng.sample(self.people, rng.randrange(3))
        return Wanted(
            activity=name, kind="therapy", title="Session", starts_at=begins, ends_at=ends,
            patient=rng.choice(self.patients).pk, room=rng.choice([None, *self.rooms]),
            work=tuple(Part(one, begins, min(ends, begins + timedelta(minutes=60))) for one in people),
            watched_by=rng.choice(("", "nurse")), ratio=RATIO,
        )  # fmt: skip


def attempt(principal: Principal, site: Site, wanted: Wanted) -> str:
    try:
        services_booking.book(principal, site, wanted)
    except Conflict as why:
        return type(why).__name__
    return "booked"


@pytest.mark.goal("RG-07")
@pytest.mark.hazard("HAZ-55", "C1")
def test_many_who_book_at_once_get_nothing_twice(transactional_db: None, seed: int, count: Callable[[int], int]):
    drawn = Drawn(Lodge(make_clinic(), guests=6))
    whole = max(count(5_000), 500)

    def books(number: int) -> Counter[str]:
        rng = Random(f"{seed} {number}")
        try:
            return Counter(
                attempt(drawn.principal, drawn.site, drawn.wanted(rng, f"{number}-{n}"))
                for n in range(whole // AT_ONCE)
            )
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = sum(pool.map(books, range(AT_ONCE)), Counter())
    assert done["booked"] == Appointment.objects.count() >= 20 and done["Conflict"] > 0
    assert overlaps() == []
    assert unwatched() == []


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    return Lodge(clinic, guests=6)


@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.hazard("HAZ-57", "C2")
def test_whatever_is_booked_moved_cancelled_and_called_off_nothing_is_held_twice(
    lodge: Lodge, seed: int, count: Callable[[int], int]
):
    drawn, rng, live = Drawn(lodge), Random(seed), dict[str, Appointment]()
    for n in range(count(15_000)):
        try:
            if live and rng.random() < 0.3:
                row = live.pop(rng.choice(sorted(live)))
                services_booking.cancel(lodge.coordinator, row, reason="drawn")
            elif live and rng.random() < 0.4:
                name = rng.choice(sorted(live))
                live[name].refresh_from_db()
                live[name] = services_booking.amend(
                    lodge.coordinator, live[name], drawn.wanted(rng, name), reason="drawn"
                )
            else:
                live[f"{n}"] = services_booking.book(lodge.coordinator, lodge.site, drawn.wanted(rng, f"{n}"))
        except Conflict:
            continue
    assert overlaps() == [] and unwatched() == []
    held = set(Taken.objects.values_list("appointment", flat=True))
    assert held == {row.pk for row in live.values()}
    waiting = {row.key for row in Reminder.objects.filter(state="waits")}
    assert waiting == {f"{row.pk}:{Appointment.objects.get(pk=row.pk).version}" for row in live.values()}
    due = {row.appointment_id: row.due_at for row in Reminder.objects.filter(state="waits")}
    assert all(
        due[row.pk] == Appointment.objects.get(pk=row.pk).starts_at - timedelta(hours=24) for row in live.values()
    )


@pytest.mark.hazard("HAZ-55", "C1")
def test_the_database_itself_holds_a_quarter_of_an_hour_once(lodge: Lodge):
    rng, drawn = Random(1), Drawn(lodge)
    services_booking.book(lodge.coordinator, lodge.site, drawn.wanted(rng, "one"))
    row = Taken.objects.first()
    assert row is not None
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def dose(patient: Patient, begins: datetime) -> Wanted:
    return Wanted(
        activity=str(patient.pk), kind="dose", title="Dose", starts_at=begins, ends_at=begins + timedelta(minutes=160),
        patient=patient.pk, watched_by="nurse", ratio=RATIO,
    )  # fmt: skip


@pytest.mark.hazard("HAZ-55", "C1")
def test_no_more_are_watched_than_those_on_duty_can_watch(lodge: Lodge):
    for patient in lodge.patients[:4]:  # two nurses
        services_booking.book(lodge.coordinator, lodge.site, dose(patient, NOON))
    with pytest.raises(Conflict, match="can watch 4, and that many are watched"):
        services_booking.book(lodge.coordinator, lodge.site, dose(lodge.patients[4], NOON + timedelta(minutes=30)))
    services_booking.book(lodge.coordinator, lodge.site, dose(lodge.patients[4], NOON + timedelta(minutes=165)))


@pytest.mark.hazard("HAZ-55", "C1")
def test_a_nurse_who_is_ill_watches_nobody_and_is_given_nothing(lodge: Lodge):
    nurse = lodge.people["nurse"]
    services_house.absent(
        lodge.coordinator, lodge.site, kind="ill", resource=nurse, starts_at=at(0, 0), ends_at=at(1, 0)
    )
    for patient in lodge.patients[:2]:
        services_booking.book(lodge.coordinator, lodge.site, dose(patient, NOON))
    with pytest.raises(Conflict, match="can watch 2"):
        services_booking.book(lodge.coordinator, lodge.site, dose(lodge.patients[2], NOON))
    call = Wanted(
        activity="call", kind="check-in", title="Call", starts_at=NOON, ends_at=NOON + timedelta(minutes=15),
        patient=lodge.patients[3].pk, work=(Part(nurse.pk, NOON, NOON + timedelta(minutes=15)),),
    )  # fmt: skip
    with pytest.raises(Conflict, match="is not on duty"):
        services_booking.book(lodge.coordinator, lodge.site, call)


def refused(lodge: Lodge) -> Iterator[Wanted]:
    begins, ends = NOON, NOON + timedelta(hours=1)
    common = {"activity": "x", "kind": "therapy", "title": "Session", "starts_at": begins, "ends_at": ends}
    yield Wanted(**common, patient=lodge.clinic.far.pk)  # type: ignore[arg-type]
    yield Wanted(**common, room=0)  # type: ignore[arg-type]
    yield Wanted(**common, work=(Part(0, begins, ends),))  # type: ignore[arg-type]


def test_what_is_of_another_site_or_not_there_is_refused(lodge: Lodge):
    for wanted in refused(lodge):
        with pytest.raises(UserError):
            services_booking.book(lodge.coordinator, lodge.site, wanted)
    assert not Appointment.objects.exists()


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_reminder_is_sent_once_whoever_presses_and_again_only_if_the_hour_moves(lodge: Lodge):
    patient = lodge.patients[0]
    row = services_booking.book(lodge.coordinator, lodge.site, dose(patient, NOON))
    done = [services_booking.told(lodge.coordinator, patient, START) for _ in range(3)]
    assert done == [1, 0, 0] and Reminder.objects.get().state == "sent"
    services_booking.amend(lodge.coordinator, row, dose(patient, NOON + timedelta(hours=1)), reason="moved")
    assert sorted(Reminder.objects.values_list("state", flat=True)) == ["sent", "waits"]
    row.refresh_from_db()
    services_booking.cancel(lodge.coordinator, row, reason="asked to")
    assert sorted(Reminder.objects.values_list("state", flat=True)) == ["recalled", "sent"]
    assert services_booking.told(lodge.coordinator, patient, START) == 0


@pytest.mark.hazard("HAZ-57", "C1")
def test_the_database_itself_keeps_one_reminder_to_a_version(lodge: Lodge):
    services_booking.book(lodge.coordinator, lodge.site, dose(lodge.patients[0], NOON))
    row = Reminder.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
