"""Single appointments: booked, moved, cancelled, filled again; the waiting list; a retreat beside it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.utils import DatabaseError

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people.models import AuditEvent, Patient
from openkap.people.types import Role
from openkap.schedule import selectors, selectors_single, services, services_house, services_single, services_waiting
from openkap.schedule.fit import Place, Search
from openkap.schedule.models import BOOKED, Appointment, AppointmentVersion, Reminder, Taken, Waiting, WaitingVersion
from openkap.schedule.needs import Ask
from openkap.schedule.rules import breaches
from openkap.schedule.selectors_single import Slot
from openkap.schedule.services_waiting import Terms
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from openkap.schedule.tests.test_bookings import overlaps, unwatched
from tests.database import Clinic, make_clinic

PREP, REVIEW = Ask(session="prep-1"), Ask(row="SES-REVIEW")
TERMS = Terms(START + timedelta(days=30))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(START + timedelta(days=day), time(hour, minute), tzinfo=UTC)


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    return Lodge(clinic, guests=3)


def offered(lodge: Lodge, patient: Patient, ask: Ask, first: datetime | None = None) -> list[Place]:
    """Places of the days of the lodge, the earliest first."""
    first = first or at(0, 0)
    plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
    now = datetime.now(UTC)
    need, _late = services_single.wanted(ask, patient, None, plan, now)
    frame = selectors_single.frame(lodge.site, first, at(8, 0), services_single.house(), now)
    guest = selectors_single.guests([patient.pk], services_single.house(), now)[patient.pk]
    return Search(frame).places(need, guest)


def book(lodge: Lodge, patient: Patient, ask: Ask, which: int = 0, **more: object) -> Appointment:
    place = offered(lodge, patient, ask)[which]
    return services_single.book(lodge.coordinator, patient, ask, place, **more)  # type: ignore[arg-type]


def through_prep(lodge: Lodge, patient: Patient) -> None:
    for session in ("prep-1", "prep-2"):
        book(lodge, patient, Ask(session=session))


# -- booking ----------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-55", "C1")
def test_a_session_is_booked_with_room_people_version_and_reminder(lodge: Lodge):
    row = book(lodge, lodge.patients[0], PREP)
    assert (row.activity, row.title, row.kind, row.retreat) == ("P-prep-1", "Prep 1", "preparation", None)
    assert row.room is not None and [work.resource.sort for work in row.work.all()] == ["therapist"]
    version = AppointmentVersion.objects.get(appointment=row)
    assert version.reason == "booked" and version.by_id == lodge.coordinator.user_id
    assert Reminder.objects.get(appointment=row).state == "waits" and Taken.objects.filter(appointment=row).exists()
    assert selectors.starts_of([row.patient_id])[row.patient_id] == {"prep-1": row.starts_at}  # type: ignore[list-item, index]


def test_the_same_session_is_not_booked_twice(lodge: Lodge):
    place = offered(lodge, lodge.patients[0], PREP)[20]
    book(lodge, lodge.patients[0], PREP)
    with pytest.raises(Conflict, match="is booked already"):
        services_single.book(lodge.coordinator, lodge.patients[0], PREP, place)


def test_what_must_come_before_is_asked_for_by_name(lodge: Lodge):
    with pytest.raises(UserError, match="Prep 2 waits for Prep 1"):
        offered(lodge, lodge.patients[0], Ask(session="prep-2"))


def test_without_a_signed_plan_nothing_of_it_is_booked_and_other_visits_are(lodge: Lodge, clinic: Clinic):
    with pytest.raises(UserError, match="is not signed"):
        services_single.wanted(PREP, clinic.noah, None, None, datetime.now(UTC))
    row = book(lodge, clinic.noah, REVIEW)
    assert sorted(work.resource.sort for work in row.work.all()) == ["prescriber", "therapist"]
    assert selectors_single.ask_of(row) == REVIEW


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_plan_that_needs_review_books_nothing(lodge: Lodge):
    with pytest.raises(UserError, match="needs review"):
        book(lodge, lodge.patients[0], PREP, stopped=lambda patient: "The plan needs review.")
    assert not Appointment.objects.exists()


@pytest.mark.hazard("HAZ-50", "C1")
def test_a_dose_is_booked_with_its_call_and_its_integration_or_not_at_all(lodge: Lodge):
    patient = lodge.patients[0]
    through_prep(lodge, patient)
    book(lodge, patient, Ask(session="dose-1"))
    begins = selectors.starts_of([patient.pk])[patient.pk]
    assert set(begins) == {"prep-1", "prep-2", "dose-1", "check-in-1", "integration-1"}
    assert timedelta(hours=12) <= begins["check-in-1"] - begins["dose-1"] <= timedelta(hours=36)
    assert timedelta(hours=24) <= begins["integration-1"] - begins["dose-1"] <= timedelta(hours=96)
    assert overlaps() == [] and unwatched() == []
    other = lodge.patients[1]
    through_prep(lodge, other)
    for room in ("room1", "room2", "room3"):  # no room for an integration after Tuesday
        block(lodge, room, 2, 5)
    place = next(one for one in offered(lodge, other, Ask(session="dose-1")) if one.starts_at > at(1, 12))
    before = Appointment.objects.count()
    with pytest.raises(Conflict, match="is booked with Integration 1, and there is no time for that"):
        services_single.book(lodge.coordinator, other, Ask(session="dose-1"), place)
    assert Appointment.objects.count() == before


def block(lodge: Lodge, room: str, first: int, last: int) -> None:
    row = lodge.rooms[room]
    spare = Appointment.objects.create(
        site=lodge.site, activity=f"block-{room}", kind="therapy", title="x", room=row, starts_at=at(first, 0),
        ends_at=at(last + 1, 0),
    )  # fmt: skip
    low, high = int(at(first, 0).timestamp()) // 900, int(at(last + 1, 0).timestamp()) // 900
    Taken.objects.bulk_create(
        Taken(site=lodge.site, what=f"room:{row.pk}", slot=slot, appointment=spare)
        for slot in range(low, high)
        if not Taken.objects.filter(what=f"room:{row.pk}", slot=slot).exists()
    )


def test_after_its_window_a_session_is_booked_with_a_reason_and_a_dose_not_at_all(lodge: Lodge, monkeypatch):
    patient = lodge.patients[0]
    through_prep(lodge, patient)
    book(lodge, patient, Ask(session="dose-1"))
    row = Appointment.objects.get(activity="P-integration-1", patient=patient)
    services_single.cancel(lodge.coordinator, row, reason="asked to")
    now = selectors.starts_of([patient.pk])[patient.pk]["dose-1"] + timedelta(hours=97)
    lodge.last = START + timedelta(days=20)
    for person in lodge.people.values():
        lodge.on_duty(person)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    plan = selectors_single.planned({patient.pk: patient})[patient.pk]
    need, late = services_single.wanted(Ask(session="integration-1"), patient, None, plan, now)
    assert late and need.latest is None and need.earliest is not None
    frame = selectors_single.frame(lodge.site, now, now + timedelta(days=5), services_single.house(), now)
    guest = selectors_single.guests([patient.pk], services_single.house(), now)[patient.pk]
    place = Search(frame).places(need, guest)[0]
    with pytest.raises(UserError, match="reason: the window of Integration 1 is over"):
        services_single.book(lodge.coordinator, patient, Ask(session="integration-1"), place)
    made = services_single.book(lodge.coordinator, patient, Ask(session="integration-1"), place, reason="was ill")
    assert AppointmentVersion.objects.get(appointment=made).reason == "booked after its window: was ill"
    monkeypatch.setattr("django.utils.timezone.now", lambda: now + timedelta(days=30))
    plan = selectors_single.planned({patient.pk: patient})[patient.pk]
    with pytest.raises(UserError, match="The window of Dose 2 is over: a prescriber must change the plan"):
        services_single.wanted(Ask(session="dose-2"), patient, None, plan, now + timedelta(days=30))


@pytest.mark.hazard("HAZ-50", "C1")
def test_a_session_that_did_not_take_place_is_due_again_and_a_dose_that_is_over_is_not_undone(
    lodge: Lodge, monkeypatch: pytest.MonkeyPatch
):
    patient = lodge.patients[0]
    through_prep(lodge, patient)
    dose = book(lodge, patient, Ask(session="dose-1"))
    row = Appointment.objects.get(activity="P-integration-1", patient=patient)
    now = row.ends_at + timedelta(hours=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    assert "integration-1" not in {one.window.session for one in selectors_single.due({patient.pk: patient}, now)}
    services_single.cancel(lodge.coordinator, row, reason="the patient did not come")
    assert row.versions.get(version=2).reason == "did not take place: the patient did not come"
    assert "integration-1" in {one.window.session for one in selectors_single.due({patient.pk: patient}, now)}
    with pytest.raises(UserError, match="This dose is over"):
        services_single.cancel(lodge.coordinator, dose, reason="asked to")
    assert Appointment.objects.get(pk=dose.pk).state == BOOKED


def test_nobody_but_coordinator_and_clinicians_books(lodge: Lodge, clinic: Clinic):
    place = offered(lodge, lodge.patients[0], PREP)[0]
    with pytest.raises(Forbidden):
        services_single.book(clinic.principal(Role.SITE_ADMIN), lodge.patients[0], PREP, place)


# -- moving -----------------------------------------------------------------------------------------------


def test_an_appointment_is_moved_and_given_to_another_and_what_was_stands(lodge: Lodge):
    row = book(lodge, lodge.patients[0], PREP)
    person, room = row.work.get().resource_id, row.room_id
    other = next(one for one in offered(lodge, lodge.patients[1], PREP) if one.people[0] != person)
    free = next(pk for pk in (one.pk for one in lodge.rooms.values() if one.sort == "therapy_room") if pk != room)
    services_single.move(lodge.coordinator, row, Place(row.starts_at, other.people, free), reason="is away")
    row.refresh_from_db()
    assert row.room_id == free and row.work.get().resource_id == other.people[0]
    assert list(row.versions.values_list("version", "reason")) == [(1, "booked"), (2, "moved: is away")]
    assert Taken.objects.filter(appointment=row, what=f"person:{person}").count() == 0


def test_a_move_out_of_what_hangs_on_it_is_refused_and_nothing_moves(lodge: Lodge):
    row = book(lodge, lodge.patients[0], PREP)
    book(lodge, lodge.patients[0], Ask(session="prep-2"))
    late = Place(at(4, 10), (row.work.get().resource_id,), row.room_id)
    with pytest.raises(Conflict, match="must begin by"):
        services_single.move(lodge.coordinator, row, late)
    row.refresh_from_db()
    assert row.version == 1 and row.versions.count() == 1


def test_an_appointment_may_move_into_a_part_of_its_own_time(lodge: Lodge):
    row = book(lodge, lodge.patients[0], PREP)
    place = Place(row.starts_at + timedelta(minutes=15), (row.work.get().resource_id,), row.room_id)
    services_single.move(lodge.coordinator, row, place)
    assert overlaps() == []


# -- the waiting list -------------------------------------------------------------------------------------


def test_an_entry_is_made_changed_and_ended_and_each_version_stays(lodge: Lodge):
    row = services_waiting.enter(lodge.coordinator, lodge.patients[0], PREP, TERMS)
    services_waiting.change(lodge.coordinator, row, replace(TERMS, weekdays=(1, 1, 0)), expected=1)
    with pytest.raises(UserError, match="reason"):
        services_waiting.end(lodge.coordinator, row, reason=" ", expected=2)
    services_waiting.end(lodge.coordinator, row, reason="moved away", expected=2)
    assert list(row.versions.order_by("version").values_list("reason", flat=True)) == [
        "entered",
        "changed",
        "moved away",
    ]
    assert row.versions.get(version=2).document["weekdays"] == [0, 1]
    with pytest.raises(DatabaseError), transaction.atomic():
        WaitingVersion.objects.update(reason="")
    with pytest.raises(Conflict, match="waits no more"):
        services_waiting.change(lodge.coordinator, row, TERMS, expected=3)
    assert AuditEvent.objects.filter(entity=f"Waiting/{row.pk}").count() == 3


def test_nobody_waits_twice_for_one_thing_or_for_what_is_booked(lodge: Lodge):
    services_waiting.enter(lodge.coordinator, lodge.patients[0], PREP, TERMS)
    with pytest.raises(Conflict, match="waits for Prep 1 already"):
        services_waiting.enter(lodge.coordinator, lodge.patients[0], PREP, TERMS)
    row = Waiting.objects.get()
    row.pk, row._state.adding = None, True
    with pytest.raises(IntegrityError), transaction.atomic():
        Waiting.objects.bulk_create(
            [Waiting(site=row.site, patient=row.patient, session="prep-1", title="x", since=row.since, until=row.until)]
        )
    book(lodge, lodge.patients[1], PREP)
    with pytest.raises(Conflict, match="is booked already"):
        services_waiting.enter(lodge.coordinator, lodge.patients[1], PREP, TERMS)


@pytest.mark.parametrize(
    ("ask", "terms", "said"),
    [
        (PREP, Terms(date(2020, 1, 1)), "until"),
        (PREP, replace(TERMS, begins=time(12), ends=time(9)), "ends"),
        (Ask(session="dose-99"), TERMS, "what"),
        (Ask(row="SES-DOSE-IV"), TERMS, "what"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_by_the_name_of_its_field(lodge: Lodge, ask: Ask, terms: Terms, said: str):
    with pytest.raises(UserError, match=f"^{said}:"):
        services_waiting.enter(lodge.coordinator, lodge.patients[0], ask, terms)
    assert not Waiting.objects.exists()


def test_what_is_booked_ends_the_entry_in_the_same_transaction(lodge: Lodge, monkeypatch):
    entry = services_waiting.enter(lodge.coordinator, lodge.patients[0], PREP, TERMS)
    place = offered(lodge, lodge.patients[0], PREP)[0]
    with monkeypatch.context() as broken:
        broken.setattr(services_waiting, "_keep", lambda *a, **k: (_ for _ in ()).throw(RuntimeError()))
        with pytest.raises(RuntimeError):
            services_single.book(lodge.coordinator, lodge.patients[0], PREP, place, entry=entry)
    assert not Appointment.objects.exists() and Waiting.objects.get().state == "waits"
    row = services_single.book(lodge.coordinator, lodge.patients[0], PREP, place, entry=entry)
    entry.refresh_from_db()
    assert (entry.state, entry.appointment_id, entry.version) == ("booked", row.pk, 2)


# -- who fits into a time ----------------------------------------------------------------------------------


def fits(lodge: Lodge, slot: Slot, *patients: Patient):
    rows = {one.pk: one for one in (patients or lodge.patients)}
    now = datetime.now(UTC)
    return selectors_single.candidates(lodge.site, rows, slot, services_single.house(), now, 48)


def test_who_waits_is_offered_first_come_first_and_only_where_every_rule_holds(lodge: Lodge):
    second, first, third = lodge.patients
    for patient, terms in (
        (first, replace(TERMS, weekdays=(1,))),
        (second, TERMS),
        (third, replace(TERMS, begins=time(13))),
    ):
        services_waiting.enter(lodge.coordinator, patient, PREP, terms)
    found = fits(lodge, Slot(at(1, 9), at(1, 11)))
    assert [one.patient for one in found] == [first, second, third]
    assert [one.place.starts_at if one.place else one.no.name for one in found] == [at(1, 9), at(1, 9), "suits"]  # type: ignore[union-attr]
    assert [one.no.name if one.no else "" for one in fits(lodge, Slot(at(0, 9), at(0, 11)))] == ["suits", "", "suits"]
    assert {one.no.name for one in fits(lodge, Slot(at(1, 9), at(1, 10))) if one.no} == {"length"}


def test_a_session_whose_window_closes_comes_before_who_waits_and_keeps_its_window(lodge: Lodge):
    patient, waits, _ = lodge.patients
    through_prep(lodge, patient)
    book(lodge, patient, Ask(session="dose-1"))
    row = Appointment.objects.get(activity="P-integration-1")
    services_single.cancel(lodge.coordinator, row, reason="asked to")
    services_waiting.enter(lodge.coordinator, waits, PREP, TERMS)
    dose = selectors.starts_of([patient.pk])[patient.pk]["dose-1"]
    inside = dose.replace(hour=13) + timedelta(days=2)
    found = fits(lodge, Slot(inside, inside + timedelta(hours=2)))
    assert [(one.title, bool(one.place)) for one in found] == [("Integration 1", True), ("Prep 1", True)]
    early = dose + timedelta(hours=5)
    assert [one.no.name for one in fits(lodge, Slot(early, early + timedelta(hours=2))) if one.no][:1] == ["window"]


@pytest.mark.hazard("HAZ-50", "C1")
def test_a_dose_fits_into_a_freed_time_only_with_what_belongs_to_it(lodge: Lodge):
    patient = lodge.patients[0]
    through_prep(lodge, patient)
    services_waiting.enter(lodge.coordinator, patient, Ask(session="dose-1"), TERMS)
    slot = Slot(at(1, 9), at(1, 12))
    found = fits(lodge, slot, patient)[0]
    assert found.place is not None and set(found.together) == {"Check in 1", "Integration 1"}
    for room in ("room1", "room2", "room3"):
        block(lodge, room, 2, 6)
    found = fits(lodge, slot, patient)[0]
    assert found.place is None and found.no is not None and found.no.name == "together"


@pytest.mark.hazard("HAZ-55", "C1")
@pytest.mark.goal("RG-07")
def test_two_coordinators_at_once_one_wins_and_the_other_is_told(transactional_db: None, count: Callable[[int], int]):
    """One freed time with one room and one therapist, two who wait: both are offered it, both are pressed."""
    lodge = Lodge(make_clinic(), guests=2)
    for name in ("therapist2", "therapist3", "room2", "room3"):
        row = lodge.people.get(name) or lodge.rooms[name]
        type(row).objects.filter(pk=row.pk).update(retired_at=datetime.now(UTC))
    entries = [services_waiting.enter(lodge.coordinator, one, PREP, TERMS) for one in lodge.patients]
    found = fits(lodge, Slot(at(1, 9), at(1, 10, 30)))
    assert all(one.place == found[0].place for one in found)

    def press(number: int) -> str:
        try:
            one = found[number]
            assert one.place is not None
            services_single.book(lodge.coordinator, one.patient, one.ask, one.place, entry=entries[number])
        except Conflict as why:
            return str(why)
        finally:
            connections.close_all()
        return "booked"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(press, range(2)))
    assert told[1] == "booked" and "is taken on Tuesday 16 March, 09:00: choose another time." in told[0]
    assert Appointment.objects.filter(state=BOOKED).count() == 1
    assert sorted(Waiting.objects.values_list("state", flat=True)) == ["booked", "waits"]


# -- beside a retreat -------------------------------------------------------------------------------------


@pytest.fixture
def published(lodge: Lodge) -> Lodge:
    lodge.publish()
    return lodge


@pytest.mark.hazard("HAZ-50", "C1")
def test_what_is_cancelled_of_a_retreat_leaves_plan_and_draft_and_is_not_booked_again(published: Lodge):
    row = Appointment.objects.get(activity="G01-integration-2", state=BOOKED)
    services_single.cancel(published.coordinator, row, reason="asked to")
    draft, now = selectors.draft_of(published.retreat), selectors.published_of(published.retreat)
    assert draft is not None and draft == now and draft.number == 2 and "Integration 2 cancelled" in draft.reason
    assert "G01-integration-2" not in {one.activity for one in selectors.problem_of(draft)[1].assignments}
    told = {one.because for one in services.since_published(published.retreat)[1]}
    assert "is placed and G01-integration-2 is not" in told and "is not placed" in told
    with pytest.raises(UserError, match="G01-integration-2 is not"):  # the dose stands: nothing is published without it
        services.publish(published.coordinator, draft, lambda guests: [])
    assert not Appointment.objects.filter(activity="G01-integration-2", state=BOOKED).exists()


def test_a_draft_that_is_not_published_yet_loses_it_too_and_stays_a_draft(published: Lodge):
    before = selectors.draft_of(published.retreat)
    assert before is not None
    instance, plan = selectors.problem_of(before)
    services.write_version(published.coordinator, published.retreat, instance, plan, reason="worked on")
    row = Appointment.objects.get(activity="G01-check-in-2", state=BOOKED)
    services_single.cancel(published.coordinator, row, reason="asked to")
    draft, now = selectors.draft_of(published.retreat), selectors.published_of(published.retreat)
    assert draft is not None and now is not None and (now.number, draft.number) == (3, 4)
    for one in (draft, now):
        assert "G01-check-in-2" not in {placed.activity for placed in selectors.problem_of(one)[1].assignments}


def test_one_who_leaves_a_group_leaves_it_everywhere_and_the_group_stays(published: Lodge):
    row = Appointment.objects.filter(within__isnull=False, state=BOOKED).first()
    assert row is not None and row.within is not None
    others = row.within.attended_by.filter(state=BOOKED).count() - 1
    event, _, code = row.activity.partition("/")
    services_single.cancel(published.coordinator, row, reason="asked to")
    now = selectors.published_of(published.retreat)
    assert now is not None
    held = [one for one in selectors.problem_of(now)[1].groups if one.event == event]
    assert [code in one.attendees for one in held] == ([False] if others else [])
    assert Appointment.objects.filter(activity=event, state=BOOKED).exists() == bool(others)


def test_a_clinician_cancels_nothing_of_a_retreat(published: Lodge, clinic: Clinic):
    row = Appointment.objects.filter(kind="check-in", state=BOOKED).first()
    assert row is not None
    with pytest.raises(Forbidden, match="coordinator"):
        services_single.cancel(clinic.principal(Role.NURSE), row, reason="asked to")
    assert Appointment.objects.get(pk=row.pk).state == BOOKED and published.retreat.versions.count() == 1


def test_what_is_booked_alone_is_not_planned_again_by_a_retreat(published: Lodge):
    row = Appointment.objects.get(activity="G01-integration-2", state=BOOKED)
    services_single.cancel(published.coordinator, row, reason="asked to")
    ask = Ask(session="integration-2")
    place = offered(published, row.patient, ask)[-1]
    made = services_single.book(published.coordinator, row.patient, ask, place)
    whole, _ = services.problem(published.retreat)
    names = {one.id: one for who in whole.patients for one in who.activities}
    assert "G01-integration-2" not in names
    dose = names["G01-dose-2"]
    assert "G01-integration-2" not in dose.only_with
    minute = int((made.starts_at - at(0, 0)).total_seconds()) // 60
    assert dose.window is not None and dose.window[1] == min(minute - 24 * 60 + 160, 6 * 1440)
    assert services.since_published(published.retreat)[1] == []
    first = published.retreat.versions.get(number=1)
    instance, plan = selectors.problem_of(first)
    again = services.write_version(published.coordinator, published.retreat, instance, plan, reason="undone")
    assert breaches(instance, plan) == []
    with pytest.raises(Conflict, match="G01-integration-2 is booked alone"):
        services.publish(published.coordinator, again, lambda guests: [])


# -- what no longer holds ----------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-55", "C2")
def test_an_absence_names_what_it_hits_and_nothing_else(lodge: Lodge):
    row = book(lodge, lodge.patients[0], PREP)
    other = book(lodge, lodge.patients[1], PREP, which=-1)
    now = datetime.now(UTC)
    assert selectors_single.unheld(lodge.site, now) == []
    services_house.absent(
        lodge.coordinator,
        lodge.site,
        kind="ill",
        resource=row.work.get().resource,
        starts_at=at(0, 0),
        ends_at=at(1, 0),
    )
    services_house.absent(
        lodge.coordinator, lodge.site, kind="no-show", patient=lodge.patients[1], starts_at=at(0, 0), ends_at=at(9, 0)
    )
    found = selectors_single.unheld(lodge.site, now)
    assert [(one.row.pk, one.missing, one.patient_away) for one in found] == [
        (row.pk, (row.work.get().resource.name,), False),
        (other.pk, (), True),
    ]


def test_free_times_are_duty_less_what_is_taken(lodge: Lodge):
    row = book(lodge, lodge.patients[0], PREP)
    person = row.work.get().resource_id
    found = selectors_single.free_times(lodge.site, START, datetime.now(UTC), timedelta(minutes=30))
    assert found[person] == [(row.ends_at, at(0, 18))]
    signed(lodge.patients[0], lodge.clinic.users[Role.PRESCRIBER], programme(1))
