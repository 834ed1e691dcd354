"""Pages of the calendar: who reads which name, what goes out by link, what a patient sees, what is refused in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from openkap.chart import services as charts
from openkap.dose import services_book as dosing
from openkap.dose.models import DosingSession, Given
from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import Conflict
from openkap.kernel.site import Site
from openkap.people import services as people
from openkap.people.models import AuditEvent
from openkap.people.once import FIELD
from openkap.people.types import Role
from openkap.plan import services as planning
from openkap.plan.choices import Preferences
from openkap.schedule import selectors, services_booking, services_house, services_runs
from openkap.schedule.models import BOOKED, Appointment, Feed, Reminder
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from openkap.schedule.types import DAY
from openkap.synthetic.case import Case
from openkap.web.judge import judge, propose
from tests.database import Clinic
from tests.people_in_charts import fill

pytestmark = pytest.mark.django_db
NAMES = ("Amara", "Björn", "Clara")


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    signed(clinic.ida, clinic.users[Role.PRESCRIBER], programme(2))
    return Lodge(clinic, guests=2, also=[clinic.ida])


@pytest.fixture
def published(lodge: Lodge) -> Lodge:
    lodge.publish()
    return lodge


def post(client: Client, path: str, **fields: object):
    return client.post(path, {FIELD: str(uuid4()), **fields})


def board(lodge: Lodge) -> str:
    return f"/retreats/{lodge.retreat.pk}/"


@pytest.mark.hazard("HAZ-61", "C2")
def test_a_clinician_reads_the_names_of_their_own_patients_and_of_nobody_else(published: Lodge, clinic: Clinic):
    for path in (board(published), f"/calendar/?day={START.isoformat()}&by=person&span=week"):
        text = clinic.client(Role.NURSE).get(path).content.decode()
        assert "Ida Example" in text and not [name for name in NAMES if name in text]
        everybody = clinic.client(Role.COORDINATOR).get(path).content.decode()
        assert "Amara Guest" in everybody and "Ida Example" in everybody
    assert "Guest 1" in clinic.client(Role.NURSE).get(board(published)).content.decode()
    by_patient = f"/calendar/?day={START.isoformat()}&by=patient&span=week"
    text = clinic.client(Role.THERAPIST).get(by_patient).content.decode()
    assert "Ida Example" in text and "Amara" not in text


@pytest.mark.hazard("HAZ-61", "C2")
def test_each_name_on_the_board_is_a_read_of_that_record(published: Lodge, clinic: Clinic):
    clinic.client(Role.NURSE).get(board(published))
    read = AuditEvent.objects.filter(user=clinic.users[Role.NURSE], action="R", patient__isnull=False)
    assert set(read.values_list("patient", flat=True)) == {clinic.ida.pk}


@pytest.mark.hazard("HAZ-61", "C2")
@pytest.mark.hazard("HAZ-64", "C1")
def test_a_calendar_link_holds_hours_and_no_name_room_or_kind(published: Lodge, clinic: Clinic):
    pages = [
        clinic.client(Role.THERAPIST).post("/calendar/feed/", {"act": "make"}),
        clinic.client(Role.COORDINATOR).post(f"/p/{clinic.ida.pk}/appointments/", {"act": "make"}),
    ]
    words = r"dose|integrat|prepar|ketamin|ida|example|amara|haddad|varga|bay|room|hall|clinic|retreat|fluss"
    for page in pages:
        token = re.search(r"/calendar/([\w-]{20,})\.ics", page.content.decode())
        assert token is not None
        assert token[1] not in repr(list(Feed.objects.values()))
        reply = Client().get(f"/calendar/{token[1]}.ics")
        text = reply.content.decode()
        assert reply["Content-Type"].startswith("text/calendar") and text.count("BEGIN:VEVENT") > 3
        rest = re.sub(r"UID:.*|PRODID:.*", "", text)
        assert not re.search(words, rest, re.IGNORECASE)
        assert set(re.findall(r"SUMMARY:(.*)\r", text)) == {"Appointment"}


def test_the_hours_of_a_link_are_those_that_are_booked_and_move_with_them(published: Lodge, clinic: Clinic):
    page = clinic.client(Role.COORDINATOR).post(f"/p/{clinic.ida.pk}/appointments/", {"act": "make"})
    token = re.search(r"/calendar/([\w-]{20,})\.ics", page.content.decode())[1]  # type: ignore[index]
    row = Appointment.objects.filter(patient=clinic.ida, state=BOOKED).earliest("starts_at")
    begins = f"DTSTART:{row.starts_at:%Y%m%dT%H%M%SZ}"
    text = Client().get(f"/calendar/{token}.ics").content.decode()
    assert begins in text and f"UID:{row.pk}@openkap" in text
    services_booking.cancel(published.coordinator, row, reason="asked to")
    text = Client().get(f"/calendar/{token}.ics").content.decode()
    part = text[text.index(f"UID:{row.pk}") :]
    assert part.index("STATUS:CANCELLED") < part.index("END:VEVENT") and "SEQUENCE:1" in part


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_link_that_was_taken_back_or_is_of_nobody_opens_nothing(published: Lodge, clinic: Clinic):
    nurse = clinic.client(Role.NURSE)
    token = re.search(r"/calendar/([\w-]{20,})\.ics", nurse.post("/calendar/feed/", {"act": "make"}).content.decode())[
        1
    ]  # type: ignore[index]
    assert Client().get(f"/calendar/{token}.ics").status_code == 200
    nurse.post("/calendar/feed/", {"act": "end"})
    assert Client().get(f"/calendar/{token}.ics").status_code == 404
    assert Client().get(f"/calendar/{'x' * 32}.ics").status_code == 404


@pytest.mark.hazard("HAZ-61", "C1")
def test_a_patient_sees_their_own_days_and_nobody_elses_name(published: Lodge, clinic: Clinic):
    text = clinic.client(Role.PATIENT).get(f"/p/{clinic.ida.pk}/my-programme/").content.decode()
    assert "Dose 1" in text and "Group" in text and not [name for name in NAMES if name in text]
    assert clinic.client(Role.PATIENT).get(f"/p/{clinic.noah.pk}/my-programme/").status_code == 404


def test_a_patient_is_told_when_to_stop_eating_by_the_rule_of_the_route(published: Lodge, clinic: Clinic):
    dose = Appointment.objects.get(patient=clinic.ida, activity="G03-dose-1", state=BOOKED)
    text = clinic.client(Role.PATIENT).get(f"/p/{clinic.ida.pk}/my-programme/").content.decode()
    solids, fluids = dose.starts_at - timedelta(hours=6), dose.starts_at - timedelta(hours=2)
    assert f"Nothing to eat after {solids:%a %H:%M}. Clear drinks until {fluids:%a %H:%M}." in text
    Appointment.objects.filter(pk=dose.pk).update(route="sublingual")
    text = clinic.client(Role.PATIENT).get(f"/p/{clinic.ida.pk}/my-programme/").content.decode()
    assert "Ask your clinic when to eat and drink before it." in text


def test_a_move_that_breaks_a_rule_is_refused_in_words_and_changes_nothing(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    _, plan = selectors.problem_of(version)
    was = next(one for one in plan.assignments if one.activity == "G01-integration-1")
    to = f"{was.start - DAY}|{','.join(was.staff)}|{was.room}"
    path = f"{board(lodge)}s/G01-integration-1/"
    reply = post(clinic.client(Role.COORDINATOR), path, version=version.number, to=to)
    text = reply.content.decode()
    assert reply.status_code == 422 and "Nothing was changed" in text and "Amara Guest" in text
    assert lodge.retreat.versions.count() == 1
    reply = post(clinic.client(Role.COORDINATOR), path, version=version.number, to="soon")
    assert reply.status_code == 422 and "no time was chosen" in reply.content.decode()


def test_two_who_move_at_once_the_second_is_shown_what_the_first_did(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    hand = clinic.client(Role.COORDINATOR).get(f"{board(lodge)}s/G01-check-in-1/").content.decode()
    offered = re.findall(r'name="to" value="([^"]+)"', hand)
    assert offered
    path = f"{board(lodge)}s/G01-check-in-1/"
    first = post(clinic.client(Role.COORDINATOR), path, version=version.number, to=offered[0])
    second = post(clinic.client(Role.COORDINATOR), path, version=version.number, to=offered[-1])
    assert first.status_code == 302 and second.status_code == 409
    assert "changed this retreat meanwhile" in second.content.decode()


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_plan_whose_signature_was_taken_back_or_that_is_newer_books_nothing(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    signed(lodge.patients[0], clinic.users[Role.PRESCRIBER], programme(1))
    reply = post(clinic.client(Role.COORDINATOR), f"{board(lodge)}publish/", version=version.number)
    assert reply.status_code == 422 and "Amara Guest has a newer plan" in reply.content.decode()
    assert not Appointment.objects.exists()


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_plan_under_which_something_has_changed_books_nothing_new(clinic: Clinic):
    today, ida = timezone.localdate(), clinic.ida
    fill(clinic, ida, Case(today, sex="M", born=ida.birth_date))
    prescriber = clinic.principal(Role.PRESCRIBER)
    row = planning.write(prescriber, ida, propose, expected_version=0, preferences=Preferences(), reason="first draft")
    planning.sign(prescriber, ida, judge, version=1, digest=row.digest, birth_date=ida.birth_date)
    lodge = Lodge(clinic, guests=0, also=[ida])
    version, path = lodge.build(), f"{board(lodge)}publish/"
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{ida.pk}"},
        "effectiveDateTime": today.isoformat(),
        "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    charts.add_records(clinic.principal(Role.NURSE), ida, [weight], by="staff")
    reply = post(clinic.client(Role.COORDINATOR), path, version=version.number)
    assert reply.status_code == 422 and "The plan of Ida Example needs review" in reply.content.decode()
    assert not Appointment.objects.exists()


def test_who_is_away_must_fit_who_was_chosen(published: Lodge, clinic: Clinic):
    nurse = published.people["nurse"]
    day = START.isoformat()
    said = {"who": f"S{nurse.pk}", "kind": "no-dose", "first": day, "last": day}
    reply = post(clinic.client(Role.COORDINATOR), f"{board(published)}away/", **said)
    assert reply.status_code == 422 and "does not fit who was chosen" in reply.content.decode()


def test_a_retreat_is_made_from_the_page_of_people_whose_plan_is_signed(lodge: Lodge, clinic: Clinic):
    page = clinic.client(Role.COORDINATOR).get("/retreats/new/").content.decode()
    assert "Ida Example" in page and "Noah Example" not in page
    said = {
        "name": "Autumn", "start": "2027-09-06", "days": 5, "opens": "08:00", "closes": "18:00", "lunch_from": "12:00",
        "lunch_to": "13:00", "group_minutes": 60, "group_places": 8, "group_sessions": 2, "group_at": "16:30",
        "ratio": 9, "guests": [str(clinic.ida.pk)],
    }  # fmt: skip
    reply = post(clinic.client(Role.COORDINATOR), "/retreats/new/", **said)
    assert reply.status_code == 422 and "RETREAT-WATCH" in reply.content.decode()
    reply = post(clinic.client(Role.COORDINATOR), "/retreats/new/", **(said | {"ratio": 1}))
    assert reply.status_code == 302
    made = selectors.retreats(clinic.site.pk).get(name="Autumn")
    assert selectors.house_of(made).ratio == 1 and selectors.house_of(made).groups[0].at == 990


def test_people_rooms_and_hours_are_added_on_one_page(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    for said in (
        {"act": "person", "name": "Mara", "role": "nurse"},
        {"act": "room", "name": "Bay 9", "kind": "dosing_bay", "turnover": 15},
    ):
        assert post(client, "/retreats/house/", **said).status_code == 302
    mara = selectors.resources(clinic.site.pk).get(name="Mara")
    hours = {
        "act": "duty", "person": mara.pk, "first": "2027-03-15", "last": "2027-03-19", "weekdays": ["0", "3"],
        "begins": "08:00", "ends": "12:00",
    }  # fmt: skip
    assert post(client, "/retreats/house/", **hours).status_code == 302
    assert [begins for begins, _ in selectors.duties([mara])[mara.pk]] == [
        datetime(2027, 3, 15, 8, tzinfo=UTC),
        datetime(2027, 3, 18, 8, tzinfo=UTC),
    ]
    again = post(client, "/retreats/house/", act="person", name="Mara", role="nurse")
    assert again.status_code == 422 and "choose another name" in again.content.decode()


def test_a_retreat_of_another_site_is_none(lodge: Lodge, clinic: Clinic):
    user = people.create_user(None, clinic.other, email="far@clinic.example", name="Far Coordinator")
    people.grant_role(None, user, clinic.other, Role.COORDINATOR)
    assert clinic.client(user).get(board(lodge)).status_code == 404


@pytest.mark.hazard("HAZ-50", "C1")
@pytest.mark.hazard("HAZ-55", "C2")
def test_the_board_says_what_no_longer_holds_of_what_is_booked_and_offers_to_repair_it(
    published: Lodge, clinic: Clinic
):
    client = clinic.client(Role.COORDINATOR)
    assert "breaks" not in client.get(board(published)).content.decode()
    row = Appointment.objects.get(activity="G01-integration-1", state=BOOKED)
    ill = row.work.get().resource
    services_house.absent(
        published.coordinator, clinic.site, kind="ill", resource=ill, starts_at=row.starts_at, ends_at=row.ends_at
    )
    text = client.get(board(published)).content.decode()
    assert "What is booked breaks" in text
    assert f"{ill.name} is not on shift (Amara Guest, integration 1)." in text
    reply = post(client, f"{board(published)}repair/")
    assert reply.status_code == 302 and "/runs/" in reply["Location"]


def dosing_days(lodge: Lodge) -> dict[tuple[str, str], str]:
    rows = DosingSession.objects.filter(patient__in=lodge.patients, ended_at=None)
    return {(row.patient.given, row.plan_session): row.day.isoformat() for row in rows.select_related("patient")}


def booked_days() -> dict[tuple[str, str], str]:
    rows = Appointment.objects.filter(kind="dose", state=BOOKED).select_related("patient")
    return {(row.patient.given, row.activity[4:]): row.starts_at.date().isoformat() for row in rows}


def test_what_is_published_stands_in_the_dosing_room_and_moves_with_it(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    client = clinic.client(Role.COORDINATOR)
    assert post(client, f"{board(lodge)}publish/", version=version.number).status_code == 302
    before = dosing_days(lodge)
    assert len(before) == 6 and before == booked_days()
    row = Appointment.objects.get(activity="G01-dose-1", state=BOOKED)
    services_house.absent(
        lodge.coordinator, clinic.site, kind="no-dose", patient=lodge.patients[0],
        starts_at=row.starts_at, ends_at=row.starts_at.replace(hour=23),
    )  # fmt: skip
    run = services_runs.run_here(
        services_runs.ask(lodge.coordinator, lodge.retreat, kind="repair", whole=False), seconds=2
    )
    reply = post(client, f"{board(lodge)}runs/{run.pk}/", act="accept")
    assert reply.status_code == 302, reply.content.decode()
    assert dosing_days(lodge) == booked_days() != before
    cancelled = DosingSession.objects.filter(phase="cancelled")
    assert {one.patient_id for one in cancelled} == {lodge.patients[0].pk}


def test_somebody_who_has_another_session_on_that_day_is_named_and_nothing_is_booked(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    _, plan = selectors.problem_of(version)
    dose = next(one for one in plan.assignments if one.activity == "G03-dose-1")
    lodge.on_duty(lodge.people["nurse"], time(18), time(23))
    dosing.book(
        lodge.coordinator,
        clinic.ida,
        Site(),
        day=START + timedelta(days=dose.start // DAY),
        at=time(19),
        route="iv",
        drug="ketamine",
    )
    reply = post(clinic.client(Role.COORDINATOR), f"{board(lodge)}publish/", version=version.number)
    assert reply.status_code == 409 and "Ida Example on" in reply.content.decode()
    assert Appointment.objects.count() == DosingSession.objects.count() == 1


@pytest.mark.hazard("HAZ-57", "C1")
def test_whom_to_remind_stands_on_a_page_whose_words_say_day_and_hour_alone(published: Lodge, clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    assert "Nobody now." in client.get("/calendar/due/").content.decode()
    Reminder.objects.update(due_at=timezone.now())
    text = client.get("/calendar/due/").content.decode()
    said = re.findall(r"“([^”]*)”", text)
    words = r"You have (an appointment|appointments) on \w+ \d+ March at (\d\d:\d\d(, | and )?)+\."
    assert said and all(re.fullmatch(words, one) for one in said)
    day = Appointment.objects.filter(patient=clinic.ida, state=BOOKED).earliest("starts_at").starts_at.date()
    for _ in range(2):
        assert post(client, "/calendar/due/", patient=clinic.ida.pk, day=day).status_code == 302
    sent = Reminder.objects.filter(state="sent")
    assert {row.appointment.patient_id for row in sent} == {clinic.ida.pk}
    assert {row.appointment.starts_at.date() for row in sent} == {day}
    names = clinic.client(Role.NURSE).get("/calendar/due/").content.decode()
    assert "Ida Example" in names and "Amara" not in names


def test_what_of_a_signed_plan_is_not_booked_is_listed_with_its_window(published: Lodge, clinic: Clinic):
    row = Appointment.objects.get(activity="G03-integration-2", state=BOOKED)
    services_booking.cancel(published.coordinator, row, reason="asked to")
    text = clinic.client(Role.COORDINATOR).get("/calendar/due/").content.decode()
    assert "Integration 2" in text and "Ida Example" in text


@pytest.mark.hazard("HAZ-15", "C1")
def test_a_dose_too_near_to_one_that_was_given_is_refused_whoever_gave_it(clinic: Clinic):
    Ward(clinic).to_dosing()
    signed(clinic.ida, clinic.users[Role.PRESCRIBER], programme(2))
    lodge = Lodge(clinic, guests=2, also=[clinic.ida])
    version = lodge.build()
    _, plan = selectors.problem_of(version)
    dose = next(one for one in plan.assignments if one.activity == "G03-dose-1")
    begins = datetime.combine(START, time(0), tzinfo=UTC) + timedelta(minutes=dose.start)
    Given.objects.update(started_at=begins - timedelta(hours=47, minutes=59))
    with pytest.raises(Conflict, match=r"G03 on .*Less than 48 hours between two parenteral doses"):
        lodge.publish(version)
    assert not DosingSession.objects.filter(patient__in=lodge.patients, day__gte=START).exists()
    Given.objects.update(started_at=begins - timedelta(hours=48))
    lodge.publish(version)
    assert DosingSession.objects.filter(patient__in=lodge.patients, day__gte=START).count() == 6
