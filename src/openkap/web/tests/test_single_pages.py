"""Pages of single appointments: offered times are booked, refusals change nothing, names stay where they belong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from openkap.chart import services as charts
from openkap.dose.models import DosingSession
from openkap.people.models import AuditEvent
from openkap.people.once import FIELD
from openkap.people.types import Role
from openkap.schedule import services_house, services_waiting
from openkap.schedule.models import BOOKED, Appointment, AppointmentVersion, Waiting
from openkap.schedule.needs import Ask
from openkap.schedule.services_waiting import Terms
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from tests.database import Clinic

pytestmark = pytest.mark.django_db
UNTIL = (START + timedelta(days=30)).isoformat()
NOTHING = "Nothing was changed"


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    signed(clinic.ida, clinic.users[Role.PRESCRIBER], programme(2))
    return Lodge(clinic, guests=2, also=[clinic.ida])


def post(client: Client, path: str, **fields: object):
    return client.post(path, {FIELD: str(uuid4()), **fields})


def offered(text: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'name="to" value="([^"]+)"', text)]


def book_page(patient: object) -> str:
    return f"/p/{patient}/appointments/book/"


def booked(lodge: Lodge, clinic: Clinic, session: str = "prep-1", which: int = 0) -> Appointment:
    path = book_page(clinic.ida.pk)
    text = clinic.client(Role.COORDINATOR).get(f"{path}?s={session}&day={START.isoformat()}").content.decode()
    reply = post(clinic.client(Role.COORDINATOR), path, s=session, to=offered(text)[which])
    assert reply.status_code == 302
    return Appointment.objects.get(patient=clinic.ida, activity=f"P-{session}", state=BOOKED)


def test_what_is_offered_is_booked_and_the_patient_sees_it(lodge: Lodge, clinic: Clinic):
    text = clinic.client(Role.COORDINATOR).get(book_page(clinic.ida.pk)).content.decode()
    assert "Prep 1" in text and "waits for Prep 1" in text and "Follow-up" in text
    row = booked(lodge, clinic)
    page = clinic.client(Role.COORDINATOR).get(f"/p/{clinic.ida.pk}/appointments/?booked={row.pk}").content.decode()
    assert "Booked: Prep 1" in page
    mine = clinic.client(Role.PATIENT).get(f"/p/{clinic.ida.pk}/my-programme/").content.decode()
    assert "Prep 1" in mine and f"{row.starts_at:%H:%M}" in mine


def test_a_session_that_is_due_is_one_link_from_its_times(lodge: Lodge, clinic: Clinic):
    booked(lodge, clinic)
    text = clinic.client(Role.COORDINATOR).get("/calendar/due/").content.decode()
    link = re.search(rf'href="({book_page(clinic.ida.pk)}\?s=prep-2)"', text)
    assert link is not None
    page = clinic.client(Role.COORDINATOR).get(link[1]).content.decode()
    assert "The signed plan wants it to begin" in page and offered(page)


@pytest.mark.parametrize(
    ("to", "status", "said"),
    [
        ("", 422, "choose one of those that are offered"),
        ("soon|1|1", 422, "choose one of those that are offered"),
        ("2027-03-15T10:07:00+00:00||", 409, "no whole quarter"),
        ("2020-01-01T10:00:00+00:00||", 409, "is past"),
        ("2027-03-15T10:00:00+00:00|999999|", 409, "not in use here"),
        ("9999-01-01T10:00:00+00:00||", 422, "choose one of those that are offered"),
    ],
)
def test_a_place_that_was_not_offered_is_refused_in_a_sentence(
    lodge: Lodge, clinic: Clinic, to: str, status: int, said: str
):
    reply = post(clinic.client(Role.COORDINATOR), book_page(clinic.ida.pk), s="prep-1", to=to)
    text = reply.content.decode()
    assert (reply.status_code, NOTHING in text, said in text) == (status, True, True)
    assert not Appointment.objects.exists()


@pytest.mark.hazard("HAZ-22", "C1")
def test_a_plan_that_needs_review_is_offered_no_time(lodge: Lodge, clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("openkap.web.schedule.offers.plans.moved_ground", lambda row, now: ["The content was 1."])
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{clinic.ida.pk}"},
        "effectiveDateTime": "2026-11-01",
        "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    charts.add_records(clinic.principal(Role.NURSE), clinic.ida, [weight], by="staff")
    path = book_page(clinic.ida.pk)
    text = clinic.client(Role.COORDINATOR).get(f"{path}?s=prep-1").content.decode()
    assert "The plan needs review" in text and not offered(text)
    reply = post(clinic.client(Role.COORDINATOR), path, s="prep-1", to="2027-03-15T10:00:00+00:00||")
    assert reply.status_code == 422 and not Appointment.objects.exists()
    visit = clinic.client(Role.COORDINATOR).get(f"{path}?k=SES-REVIEW&day={START.isoformat()}").content.decode()
    assert offered(visit)  # a visit beside the plan needs none


def test_where_nothing_fits_the_page_says_which_rule_leaves_nothing(lodge: Lodge, clinic: Clinic):
    for name in ("therapist", "therapist2", "therapist3"):
        services_house.absent(
            None, clinic.site, kind="ill", resource=lodge.people[name],
            starts_at=datetime(2027, 3, 1, tzinfo=UTC), ends_at=datetime(2027, 4, 1, tzinfo=UTC),
        )  # fmt: skip
    text = clinic.client(Role.COORDINATOR).get(f"{book_page(clinic.ida.pk)}?s=prep-1&day={START}").content.decode()
    assert "No time from" in text and "No therapist is on duty and free." in text


def test_it_is_moved_given_to_another_and_cancelled_with_a_reason(lodge: Lodge, clinic: Clinic):
    row = booked(lodge, clinic)
    client, path = clinic.client(Role.THERAPIST), f"/p/{clinic.ida.pk}/appointments/{row.pk}/"
    text = client.get(path).content.decode()
    assert "The same hour with somebody else" in text
    person = row.work.get().resource_id
    same = next(one for one in offered(text) if f"|{person}|" not in one and one.startswith(row.starts_at.isoformat()))
    assert post(client, path, act="move", to=same, reason="is away").status_code == 302
    row.refresh_from_db()
    assert row.version == 2 and row.work.get().resource_id != person
    assert post(client, path, act="cancel").status_code == 422
    reply = post(client, path, act="cancel", why="patient", reason="works that day")
    assert reply.status_code == 302 and reply["Location"] == f"/calendar/fill/?of={row.pk}"
    last = AppointmentVersion.objects.get(appointment=row, version=3)
    assert last.reason == "cancelled: the patient asked: works that day" and last.by == clinic.users[Role.THERAPIST]


def waits(lodge: Lodge, clinic: Clinic) -> list[Waiting]:
    terms = Terms(START + timedelta(days=30))
    people = (lodge.patients[0], lodge.patients[1])
    return [services_waiting.enter(lodge.coordinator, one, Ask(session="prep-1"), terms) for one in people]


def test_from_cancelled_to_booked_again_for_the_first_who_waits(lodge: Lodge, clinic: Clinic):
    row = booked(lodge, clinic)
    first, second = waits(lodge, clinic)
    client = clinic.client(Role.COORDINATOR)
    path = post(client, f"/p/{clinic.ida.pk}/appointments/{row.pk}/", act="cancel", why="patient")["Location"]
    text = client.get(path).content.decode()
    assert "2 fit" in text and not Appointment.objects.filter(state=BOOKED).exists()
    assert text.index("Amara Guest") < text.index("Björn Guest") and "waits since" in text.lower()
    place = offered(text)[0]
    assert place.startswith(row.starts_at.isoformat())
    reply = post(client, path, patient=str(first.patient_id), s="prep-1", to=place)
    assert reply.status_code == 302
    first.refresh_from_db()
    made = Appointment.objects.get(patient=first.patient_id, state=BOOKED)
    assert (first.state, first.appointment) == ("booked", made) and made.starts_at == row.starts_at
    reason = AppointmentVersion.objects.get(appointment=made).reason
    assert reason.startswith("booked: into a free time; waits since") and "1 of " in reason
    again = post(client, path, patient=str(second.patient_id), s="prep-1", to=place)
    assert again.status_code == 409 and "is taken on" in again.content.decode()
    second.refresh_from_db()
    assert second.state == "waits"


def test_whose_time_it_was_is_not_offered_it_again(lodge: Lodge, clinic: Clinic):
    booked(lodge, clinic)
    row = booked(lodge, clinic, "prep-2")  # due again, since what it waits for is booked
    client = clinic.client(Role.COORDINATOR)
    path = post(client, f"/p/{clinic.ida.pk}/appointments/{row.pk}/", act="cancel", why="patient")["Location"]
    text = client.get(path).content.decode()
    assert "It is what was cancelled here" in text[text.index("does not fit") :] and not offered(text)


def test_who_does_not_fit_is_named_with_the_rule(lodge: Lodge, clinic: Clinic):
    first, _second = waits(lodge, clinic)
    terms = Terms(START + timedelta(days=30), weekdays=(4,))
    services_waiting.change(lodge.coordinator, first, terms, expected=1)
    begins = datetime(2027, 3, 16, 9, tzinfo=UTC)
    query = f"from={begins:%Y-%m-%dT%H:%M}%2B00:00&until={begins + timedelta(hours=2):%Y-%m-%dT%H:%M}%2B00:00"
    text = clinic.client(Role.COORDINATOR).get(f"/calendar/fill/?{query}").content.decode()
    rest = text[text.index("does not fit") :]
    assert "Amara Guest" in rest and "not one of the days and hours that suit" in rest
    for bad in ("", "from=x&until=y", "from=2027-03-16T09:00&until=2027-03-16T10:00", "of=1", f"of={uuid4()}"):
        assert clinic.client(Role.COORDINATOR).get(f"/calendar/fill/?{bad}").status_code == 404


@pytest.mark.hazard("HAZ-61", "C2")
def test_a_clinician_is_offered_their_own_patients_alone_and_each_name_is_a_read(lodge: Lodge, clinic: Clinic):
    waits(lodge, clinic)
    terms = Terms(START + timedelta(days=30))
    services_waiting.enter(lodge.coordinator, clinic.ida, Ask(session="prep-1"), terms)
    begins = datetime(2027, 3, 16, 9, tzinfo=UTC)
    query = f"from={begins:%Y-%m-%dT%H:%M}%2B00:00&until={begins + timedelta(hours=2):%Y-%m-%dT%H:%M}%2B00:00"
    for path in (f"/calendar/fill/?{query}", "/calendar/waiting/"):
        text = clinic.client(Role.NURSE).get(path).content.decode()
        assert "Ida Example" in text and "Amara" not in text and "Björn" not in text
    read = AuditEvent.objects.filter(user=clinic.users[Role.NURSE], action="R", patient__isnull=False)
    assert set(read.values_list("patient", flat=True)) == {clinic.ida.pk}
    reply = post(
        clinic.client(Role.NURSE), f"/calendar/fill/?{query}", patient=str(lodge.patients[0].pk), s="prep-1", to="x"
    )
    assert reply.status_code == 422 and not Appointment.objects.exists()


def test_the_waiting_list_is_kept_on_the_page_first_come_first(lodge: Lodge, clinic: Clinic):
    client, path = clinic.client(Role.COORDINATOR), f"/p/{clinic.ida.pk}/waiting/"
    said = {"what": "s:prep-1", "until": UNTIL, "weekdays": ["1", "3"], "begins": "09:00", "note": "not on holidays"}
    assert post(client, path, **said).status_code == 302
    again = post(client, path, **said)
    assert again.status_code == 409 and "waits for Prep 1 already" in again.content.decode()
    text = client.get("/calendar/waiting/").content.decode()
    assert "Ida Example" in text and "Tue, Thu, not before 09:00" in text and "not on holidays" in text
    row = Waiting.objects.get()
    one = f"{path}{row.pk}/"
    reply = post(client, one, act="change", version=1, until=UNTIL, weekdays=["0"])
    assert reply.status_code == 302
    stale = post(client, one, act="change", version=1, until=UNTIL)
    assert stale.status_code == 409 and "changed this entry meanwhile" in stale.content.decode()
    assert post(client, one, act="end", version=2, reason="moved away").status_code == 302
    history = client.get(one).content.decode()
    assert history.index("moved away") < history.index("changed") < history.index("entered")
    assert "Nobody waits." in client.get("/calendar/waiting/").content.decode()


def test_a_free_time_of_the_day_leads_to_who_fits_into_it(lodge: Lodge, clinic: Clinic):
    row = booked(lodge, clinic)
    text = clinic.client(Role.COORDINATOR).get(f"/calendar/?day={START.isoformat()}").content.decode()
    links = [unescape(one) for one in re.findall(r'href="(/calendar/fill/[^"]+)"', text)]
    assert links and clinic.client(Role.COORDINATOR).get(links[0]).status_code == 200
    assert f"/p/{clinic.ida.pk}/appointments/{row.pk}/" in text
    admin = clinic.client(Role.SITE_ADMIN).get(f"/calendar/?day={START.isoformat()}").content.decode()
    assert "/calendar/fill/" not in admin


@pytest.mark.hazard("HAZ-55", "C2")
def test_what_an_absence_hits_is_listed_with_the_way_to_move_it(lodge: Lodge, clinic: Clinic):
    row = booked(lodge, clinic)
    person, day = row.work.get().resource, row.starts_at.date().isoformat()
    client = clinic.client(Role.COORDINATOR)
    wrong = post(client, "/calendar/away/", who=person.pk, first=day, last="2027-03-01")
    assert wrong.status_code == 422 and "it ends before it begins" in wrong.content.decode()
    assert post(client, "/calendar/away/", who=person.pk, first=day, last=day).status_code == 302
    text = client.get("/calendar/due/").content.decode()
    part = text[text.index("Booked, and cannot be held") :]
    assert f"{person.name} not there" in part and f"/p/{clinic.ida.pk}/appointments/{row.pk}/" in part


def test_an_appointment_of_a_retreat_is_moved_on_its_board_and_cancelled_by_a_coordinator(lodge: Lodge, clinic: Clinic):
    lodge.publish()
    row = Appointment.objects.get(activity="G03-check-in-2", state=BOOKED)
    path = f"/p/{clinic.ida.pk}/appointments/{row.pk}/"
    text = clinic.client(Role.COORDINATOR).get(path).content.decode()
    assert f"/retreats/{lodge.retreat.pk}/?s=G03-check-in-2" in text and not offered(text)
    nurse = clinic.client(Role.NURSE).get(path).content.decode()
    assert "Cancel the appointment" not in nurse and "A coordinator moves or cancels it" in nurse
    assert post(clinic.client(Role.NURSE), path, act="cancel", why="patient").status_code == 403
    assert (
        post(clinic.client(Role.COORDINATOR), path, act="move", to=f"{row.starts_at.isoformat()}||").status_code == 409
    )
    assert post(clinic.client(Role.COORDINATOR), path, act="cancel", why="patient").status_code == 302
    board = clinic.client(Role.COORDINATOR).get(f"/retreats/{lodge.retreat.pk}/").content.decode()
    assert "Published." in board and "Ida Example, check in 2 is not placed" in board


def test_a_dose_that_is_booked_moved_and_cancelled_here_is_so_in_the_dosing_room(lodge: Lodge, clinic: Clinic):
    for session in ("prep-1", "prep-2"):
        booked(lodge, clinic, session)
    row = booked(lodge, clinic, "dose-1")
    one = DosingSession.objects.get(patient=clinic.ida)
    assert (one.plan_session, one.day, one.phase) == ("dose-1", row.starts_at.date(), "booked")
    assert Appointment.objects.filter(patient=clinic.ida, activity="P-integration-1", state=BOOKED).exists()
    client, path = clinic.client(Role.COORDINATOR), f"/p/{clinic.ida.pk}/appointments/{row.pk}/"
    page = client.get(path).content.decode()
    assert "Booked and waiting for it: Check in 1, Integration 1" in page
    later = next(value for value in offered(page) if value[:10] == row.starts_at.date().isoformat())
    assert post(client, path, act="move", to=later).status_code == 302
    assert DosingSession.objects.get(patient=clinic.ida).day == row.starts_at.date()
    assert post(client, path, act="cancel", why="patient").status_code == 302
    assert DosingSession.objects.get(patient=clinic.ida).phase == "cancelled"


def test_a_dose_that_is_cancelled_of_a_retreat_is_cancelled_in_the_dosing_room(lodge: Lodge, clinic: Clinic):
    version = lodge.build()
    client = clinic.client(Role.COORDINATOR)
    assert post(client, f"/retreats/{lodge.retreat.pk}/publish/", version=version.number).status_code == 302
    row = Appointment.objects.get(activity="G03-dose-2", state=BOOKED)
    assert post(client, f"/p/{clinic.ida.pk}/appointments/{row.pk}/", act="cancel", why="clinic").status_code == 302
    phases = dict(DosingSession.objects.filter(patient=clinic.ida).values_list("plan_session", "phase"))
    assert phases == {"dose-1": "booked", "dose-2": "cancelled"}


def test_an_appointment_of_somebody_else_is_none(lodge: Lodge, clinic: Clinic):
    row = booked(lodge, clinic)
    other = lodge.patients[0].pk
    assert clinic.client(Role.COORDINATOR).get(f"/p/{other}/appointments/{row.pk}/").status_code == 404


def test_the_lists_ask_the_database_no_more_for_more_people(lodge: Lodge, clinic: Clinic):
    entries = waits(lodge, clinic)
    services_waiting.end(lodge.coordinator, entries[1], reason="for the count", expected=1)
    begins = datetime(2027, 3, 16, 9, tzinfo=UTC)
    query = f"from={begins:%Y-%m-%dT%H:%M}%2B00:00&until={begins + timedelta(hours=2):%Y-%m-%dT%H:%M}%2B00:00"
    paths = ("/calendar/waiting/", f"/calendar/fill/?{query}", "/calendar/due/")
    client = clinic.client(Role.COORDINATOR)

    def asked() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(path)
            reads = [one for one in queries if one["sql"].startswith("SELECT") and "moved" not in one["sql"]]
            found.append(len(reads))
        return found

    asked()
    before = asked()
    services_waiting.enter(
        lodge.coordinator, lodge.patients[1], Ask(session="prep-1"), Terms(START + timedelta(days=9))
    )
    services_waiting.enter(lodge.coordinator, clinic.ida, Ask(session="prep-1"), Terms(START + timedelta(days=9)))
    assert [after - was for was, after in zip(before, asked(), strict=True)] == [0, 0, 0]
