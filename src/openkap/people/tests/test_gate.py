"""The gate between a request and a view."""

import uuid

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client, override_settings

from openkap.people import audit
from openkap.people.models import AuditEvent, Effect, Patient, User
from openkap.people.policy import about_patient
from openkap.people.types import Purpose, Role
from tests.architecture.test_routes import differences
from tests.database import Clinic
from tests.matrix import routes, table

pytestmark = [pytest.mark.urls("probe")]
PROBES = table()["probe"]


@pytest.fixture(autouse=True)
def _probe_routes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])


def key() -> dict[str, str]:
    return {"idempotency_key": str(uuid.uuid4())}


@pytest.mark.hazard("HAZ-71", "C1", "C2")
@pytest.mark.goal("RG-25")
@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("name", PROBES)
def test_each_kind_of_policy_lets_in_whom_the_table_says_and_nobody_else(clinic: Clinic, name: str, role: Role | None):
    route = next(route for route in routes("probe") if route.name == name)
    assert differences(clinic, route, role, PROBES[name]) == []


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_view_without_a_policy_is_refused(clinic: Clinic):
    for role in (None, Role.PRESCRIBER, Role.SITE_ADMIN):
        response = clinic.client(role).get("/undeclared/")
        assert response.status_code == 403
        assert b"should not be seen" not in response.content


def test_a_policy_that_reaches_no_patient_cannot_be_written():
    with pytest.raises(ValueError, match="reaches no patient"):
        about_patient(Role.SITE_ADMIN, purpose=Purpose.TREATMENT)


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_foreign_patient_answers_exactly_as_one_who_does_not_exist(clinic: Clinic):
    client = clinic.client(Role.PRESCRIBER)
    absent = client.get(f"/patient/{uuid.uuid4()}/chart/")
    assert absent.status_code == 404
    for patient in (clinic.noah, clinic.otto, clinic.far):
        foreign = client.get(f"/patient/{patient.pk}/chart/")
        assert foreign.status_code == 404
        assert foreign.content == absent.content
        assert foreign.headers == absent.headers


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_foreign_patient_takes_as_many_queries_as_one_who_does_not_exist(clinic: Clinic):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = clinic.client(Role.PRESCRIBER)
    counts = set()
    for patient_id in (clinic.noah.pk, clinic.otto.pk, clinic.far.pk, uuid.uuid4()):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/patient/{patient_id}/chart/")
        counts.add(len(queries))
    assert len(counts) == 1


def test_someone_not_signed_in_is_sent_to_sign_in_and_back(db: None):
    response = Client().get("/mine/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/account/sign-in/?next=%2Fmine%2F"


def test_a_form_sent_after_the_session_ended_is_kept_for_sending_again(clinic: Clinic):
    response = Client().post(f"/patient/{clinic.ida.pk}/identity/", {"family": "Ōe 🙂", "version": 1, **key()})
    assert response.status_code == 401
    assert "Ōe 🙂" in response.content.decode()
    assert b"What you typed is kept" in response.content


def test_what_another_site_made_a_browser_send_is_not_shown(db: None):
    response = Client(headers={"Sec-Fetch-Site": "cross-site"}).post("/mine/", {"family": "planted"})
    assert response.status_code == 403
    assert b"planted" not in response.content


# ---------------------------------------------------------------- audit of reads


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.goal("RG-37")
def test_opening_a_record_is_in_the_audit_trail_with_who_why_and_from_where(clinic: Clinic):
    client = clinic.client(Role.PRESCRIBER, headers={"User-Agent": "a tablet"})
    before = AuditEvent.objects.filter(site=clinic.site).count()
    assert client.get(f"/patient/{clinic.ida.pk}/chart/").content == b"Ida"
    event = AuditEvent.objects.filter(site=clinic.site).latest("sequence")
    assert AuditEvent.objects.filter(site=clinic.site).count() == before + 1
    assert (event.type, event.action, event.outcome) == ("patient-record", "R", "success")
    assert (event.patient, event.user, event.roles) == (clinic.ida, clinic.users[Role.PRESCRIBER], "prescriber")
    assert (event.purpose, event.entity, event.device, event.client) == ("treatment", "chart", "a tablet", "127.0.0.1")
    assert event.request_id


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.goal("RG-37")
def test_a_list_writes_one_event_for_each_patient_in_it(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    assert client.get("/people/").content == b"Ida, Noah, Otto"
    read = AuditEvent.objects.filter(type="patient-record", action="R", entity="people")
    assert {event.patient for event in read} == {clinic.ida, clinic.noah, clinic.otto}
    assert audit.faults(clinic.site.pk) == []


@pytest.mark.hazard("HAZ-70", "C1")
def test_a_denied_try_is_in_the_audit_trail(clinic: Clinic):
    clinic.client(Role.PRESCRIBER).get(f"/patient/{clinic.noah.pk}/chart/")
    event = AuditEvent.objects.filter(site=clinic.site).latest("sequence")
    assert (event.type, event.outcome, event.entity) == ("denial", "denied", f"Patient/{clinic.noah.pk}")


@pytest.mark.hazard("HAZ-65", "C2")
def test_nothing_is_shown_when_the_audit_trail_cannot_be_written(clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    client = clinic.client(Role.PRESCRIBER)

    def full(*args: object, **kwargs: object):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    response = client.get(f"/patient/{clinic.ida.pk}/chart/")
    assert response.status_code == 503
    assert b"Ida" not in response.content


# ---------------------------------------------------------------- headers and requests from elsewhere


@pytest.mark.hazard("HAZ-02", "C2")
@pytest.mark.goal("RG-35")
def test_every_reply_carries_the_policies_and_no_page_is_kept(clinic: Clinic):
    client = clinic.client(Role.PRESCRIBER)
    for path in ("/", "/open/", f"/patient/{clinic.ida.pk}/chart/", "/nothing/", "/account/sign-in/", "/undeclared/"):
        headers = client.get(path).headers
        assert headers["Cache-Control"] == "no-store, private", path
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.goal("RG-30")
@pytest.mark.parametrize("token", ["missing", "wrong", "of another browser"])
def test_a_write_without_the_token_of_its_page_is_refused_on_every_route(clinic: Clinic, token: str):
    client = Client(enforce_csrf_checks=True)
    client.force_login(clinic.users[Role.COORDINATOR])
    other = Client()
    other.get("/account/sign-in/")
    value = {"missing": "", "wrong": "x" * 64, "of another browser": other.cookies["csrf"].value}[token]
    for path in ("/desk/", "/mine/", f"/patient/{clinic.ida.pk}/identity/", "/account/sign-out/", "/account/sign-in/"):
        response = client.post(path, {"csrfmiddlewaretoken": value, **key()})
        assert response.status_code == 403, path
    assert Effect.objects.count() == 0


@pytest.mark.goal("RG-30")
def test_a_browser_that_says_the_request_came_from_another_site_is_refused(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR, headers={"Sec-Fetch-Site": "cross-site"})
    assert client.post("/desk/", {"email": "a@clinic.example", **key()}).status_code == 403
    assert not User.objects.filter(email="a@clinic.example").exists()


# ---------------------------------------------------------------- one effect to a request


@pytest.mark.hazard("HAZ-14", "C1")
@pytest.mark.goal("RG-04")
def test_the_same_form_sent_again_takes_effect_once_and_gets_the_same_reply(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    form = {"email": "new@clinic.example", **key()}
    first, again = client.post("/desk/", form), client.post("/desk/", form)
    assert (first.status_code, again.status_code) == (302, 302)
    assert first.headers["Location"] == again.headers["Location"]
    assert again.headers["Idempotent-Replay"] == "true"
    assert User.objects.filter(email="new@clinic.example").count() == 1


def test_a_json_reply_is_the_same_the_second_time(clinic: Clinic):
    client = clinic.client(Role.PRESCRIBER)
    sent = {"headers": {"Idempotency-Key": str(uuid.uuid4())}, "content_type": "application/json", "data": {"a": 1}}
    path = f"/patient/{clinic.ida.pk}/chart/"
    first, again = client.post(path, **sent), client.post(path, **sent)
    assert first.json() == again.json() == {"written": str(clinic.ida.pk)}


def test_a_key_cannot_be_used_for_another_form(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    form = key()
    assert client.post("/desk/", {"email": "one@clinic.example", **form}).status_code == 302
    response = client.post("/desk/", {"email": "two@clinic.example", **form})
    assert response.status_code == 409
    assert b"reload the page" in response.content
    assert not User.objects.filter(email="two@clinic.example").exists()


def test_a_form_without_a_key_is_refused_in_one_sentence(clinic: Clinic):
    response = clinic.client(Role.COORDINATOR).post("/desk/", {"email": "new@clinic.example"})
    assert response.status_code == 422
    assert b"without its key" in response.content


@pytest.mark.hazard("HAZ-65", "C1")
def test_a_refused_form_leaves_nothing_behind_not_even_what_was_written_before_the_refusal(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    before = AuditEvent.objects.filter(action="U").count()
    form = {"family": "fault", "version": 1, **key()}
    assert client.post(f"/patient/{clinic.ida.pk}/identity/", form).status_code == 422
    assert Patient.objects.get(pk=clinic.ida.pk).family == "Example"
    assert AuditEvent.objects.filter(action="U").count() == before
    assert client.post(f"/patient/{clinic.ida.pk}/identity/", {**form, "family": "Right"}).status_code == 302


@pytest.mark.hazard("HAZ-74", "C1")
@pytest.mark.goal("RG-05")
def test_the_second_of_two_people_who_saw_the_same_version_is_told(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    path = f"/patient/{clinic.ida.pk}/identity/"
    assert client.post(path, {"family": "First", "version": 1, **key()}).status_code == 302
    response = client.post(path, {"family": "Second", "version": 1, **key()})
    assert response.status_code == 409
    assert b"Someone else changed this patient" in response.content
    assert Patient.objects.get(pk=clinic.ida.pk).family == "First"


# ---------------------------------------------------------------- how long a session lasts


@pytest.mark.hazard("HAZ-63", "C1")
@pytest.mark.goal("RG-29")
@pytest.mark.parametrize(("minutes", "status"), [(14, 200), (16, 302)])
def test_a_session_ends_after_fifteen_idle_minutes(clinic: Clinic, minutes: int, status: int):
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        client = clinic.client(Role.NURSE)
        clock.shift(minutes * 60)
        assert client.get("/mine/").status_code == status


@pytest.mark.hazard("HAZ-63", "C1")
@pytest.mark.goal("RG-29")
def test_polling_is_never_activity(clinic: Clinic):
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        client = clinic.client(Role.NURSE)
        statuses = []
        for _ in range(16):
            clock.shift(60)
            statuses.append(client.get("/poll/").status_code)
        assert statuses == [200] * 14 + [302] * 2


@pytest.mark.goal("RG-29")
@pytest.mark.parametrize(("role", "hours"), [(Role.NURSE, 12), (Role.PATIENT, 24)])
def test_a_session_ends_at_its_longest_whatever_the_activity(clinic: Clinic, role: Role, hours: int):
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        client = clinic.client(role)
        last = 0
        for step in range(1, 26 * 6):
            clock.shift(600)
            if client.get("/mine/").status_code == 200:
                last = step
        assert last == hours * 6 - 1


@pytest.mark.goal("RG-29")
def test_a_change_of_role_ends_every_session_at_once(clinic: Clinic):
    from openkap.people import services

    client = clinic.client(Role.NURSE)
    assert client.get("/mine/").status_code == 200
    services.grant_role(clinic.principal(Role.SITE_ADMIN), clinic.users[Role.NURSE], clinic.site, Role.THERAPIST)
    assert client.get("/mine/").status_code == 302


@pytest.mark.hazard("HAZ-72", "C1")
def test_signing_asks_for_a_proof_no_older_than_five_minutes(clinic: Clinic):
    path = f"/patient/{clinic.ida.pk}/sign/"
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        client = clinic.client(Role.PRESCRIBER)
        clock.shift(299)
        assert client.get(path).content == b"signed"
        clock.shift(1)
        response = client.get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/account/prove/?next=")
        kept = client.post(path, {"reason": "as discussed", **key()})
        assert kept.status_code == 401
        assert b"as discussed" in kept.content


@pytest.mark.hazard("HAZ-72", "C1")
@override_settings(STAFF_MFA=True)
def test_staff_without_a_second_factor_reach_only_the_pages_that_set_it_up(clinic: Clinic):
    assert clinic.client(Role.PRESCRIBER).get("/mine/").headers["Location"] == "/account/factors/passkeys/new/"
    assert clinic.client(Role.NURSE).get("/mine/").headers["Location"] == "/account/factors/code/"
    assert clinic.client(Role.PATIENT).get("/mine/").status_code == 200
    assert clinic.client(Role.NURSE).get("/account/factors/").status_code == 200
