"""
What goes wrong in a clinic: twice, back, too late, too much, somebody else's.

One sentence each time, nothing lost, nothing half done.
"""

import json
import re
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape

from openkap.chart.models import Import, Record
from openkap.chart.selectors import version_of
from openkap.people import audit
from openkap.people.models import Patient
from openkap.people.types import Role
from openkap.plan.models import Programme
from tests.database import Clinic

ENTER = "/p/{}/facts/enter/avm/"


def fields(clinic: Clinic, **more) -> dict:
    start = {"idempotency_key": str(uuid4()), "value": "no", "on": "2026-11-24", "version": version_of(clinic.ida)}
    return start | more


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the page that keeps what was typed."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))


# ---------------------------------------------------------------- twice, back, too late


def test_a_fact_saved_twice_is_one_record_and_the_second_tap_sees_it_saved(clinic: Clinic):
    client, path, form = clinic.client(Role.NURSE), ENTER.format(clinic.ida.pk), fields(clinic)
    first, second = client.post(path, form), client.post(path, form)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    assert Record.objects.count() == 1


def test_an_old_page_changed_and_sent_again_is_told_so_and_keeps_what_was_typed(clinic: Clinic):
    client, path, form = clinic.client(Role.NURSE), ENTER.format(clinic.ida.pk), fields(clinic)
    client.post(path, form)
    again = client.post(path, form | {"note": "Zoë 🌿 مرحبا"})
    page = again.content.decode()
    assert again.status_code == 409
    assert "used before for something else" in page and "Zoë 🌿 مرحبا" in page
    kept = hidden(page)
    assert kept["idempotency_key"] != form["idempotency_key"]
    fresh = client.post(path, kept)  # the button of that page: now the form itself says what is new
    assert fresh.status_code == 409 and "Zoë 🌿 مرحبا" in fresh.content.decode()
    assert Record.objects.count() == 1


@pytest.mark.hazard("HAZ-63", "C1")
def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(clinic: Clinic):
    path, form = ENTER.format(clinic.ida.pk), fields(clinic, note="long thoughts, Ōe 🙂")
    late = Client().post(path, form)
    page = late.content.decode()
    assert late.status_code == 401 and "What you typed is kept" in page and "long thoughts" in page
    assert "Ida" not in page and Record.objects.count() == 0
    kept = hidden(page)
    assert kept["idempotency_key"] == form["idempotency_key"]
    assert clinic.client(Role.NURSE).post(path, kept).status_code == 302
    assert "long thoughts, Ōe 🙂" in Record.objects.get().content


def test_a_page_that_keeps_what_was_typed_never_repeats_a_secret(clinic: Clinic):
    client = Client(enforce_csrf_checks=True)
    for path in ("/account/sign-in/", "/account/password/set/", "/account/sign-in/second/"):
        sent = {"login": "a@b.example", "password": "canary-1", "password1": "canary-2", "code": "canary-3"}
        answer = client.post(path, sent)
        assert answer.status_code == 403 and "a@b.example" in answer.content.decode()
        assert "canary" not in answer.content.decode()


# ---------------------------------------------------------------- two tabs


@pytest.mark.hazard("HAZ-02", "C1")
def test_a_form_of_one_person_sent_to_another_writes_nothing(clinic: Clinic):
    from openkap.people.services import assign_care_team

    assign_care_team(None, clinic.noah, clinic.users[Role.NURSE])
    client = clinic.client(Role.NURSE)
    client.post(ENTER.format(clinic.ida.pk), fields(clinic))
    old = fields(clinic)  # made on the page of Ida, whose chart has a version of its own
    moved = client.post(ENTER.format(clinic.noah.pk), old)
    assert moved.status_code == 409
    assert Record.objects.filter(patient=clinic.noah).count() == 0


# ---------------------------------------------------------------- too much, odd letters


@pytest.mark.parametrize("role", [Role.NURSE])
def test_ten_megabytes_in_a_field_are_refused_in_one_sentence_and_written_nowhere(clinic: Clinic, role: Role):
    client, paste = clinic.client(role), "ä" * (5 * 2**20)
    answer = client.post(ENTER.format(clinic.ida.pk), fields(clinic, note=paste))
    assert answer.status_code == 422
    assert "at most 500 characters" in answer.content.decode()
    assert paste in answer.content.decode()
    for path, name in (("/people/", "q"), ("/account/sign-in/", "login")):
        assert client.post(path, {name: paste}).status_code < 500
    assert (
        clinic.client(Role.PRESCRIBER)
        .post(f"/p/{clinic.ida.pk}/plan/edit/", {"idempotency_key": str(uuid4()), "version": 0, "reason": paste})
        .status_code
        == 422
    )
    assert Record.objects.count() == Programme.objects.count() == 0
    assert audit.faults(clinic.site.pk) == []


def test_more_than_a_request_may_hold_is_refused_in_one_sentence(clinic: Clinic):
    answer = clinic.client(Role.NURSE).post(ENTER.format(clinic.ida.pk), fields(clinic, note="a" * (13 * 2**20)))
    assert answer.status_code in (400, 413)
    assert "too large" in answer.content.decode()
    assert Record.objects.count() == 0


NAMES = ["مريم", "Zoë-Marie 🌿", "אבג דהו", "Nguyễn Thị Ánh", "O'Brien-Ñandú", "李小龍", "👩🏽‍🚀"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_script_is_registered_found_and_shown(clinic: Clinic, name: str):
    client = clinic.client(Role.COORDINATOR)
    sent = {"family": name, "given": "Ida", "birth_date": "1990-01-31", "birth_sex": "female"}
    assert client.post("/register/", {"idempotency_key": str(uuid4()), **sent}).status_code == 302
    patient = Patient.objects.get(family=name)
    page = client.get(f"/p/{patient.pk}/desk/").content.decode()
    assert escape(name) in page
    if name in ("مريم", "אבג דהו"):  # what stands beside it keeps its place
        assert f"\u2068Ida {name}\u2069" in page


@pytest.mark.hazard("HAZ-01", "C2")
@pytest.mark.parametrize("name", ["Ida\u202eelpmaxE", "Ida\x00", "Ida\u2066", "I" * 201, "Ida\ngarb"])
def test_a_name_that_turns_or_breaks_the_line_around_it_is_refused(clinic: Clinic, name: str):
    before = Patient.objects.count()
    sent = {"family": f"X{name}X", "given": "Ida", "birth_date": "1990-01-31", "birth_sex": "female"}
    answer = clinic.client(Role.COORDINATOR).post("/register/", {"idempotency_key": str(uuid4()), **sent})
    assert answer.status_code == 422
    assert Patient.objects.count() == before


# ---------------------------------------------------------------- hostile files

PERSON = {
    "resourceType": "Patient",
    "id": "p",
    "birthDate": "1990-01-31",
    "name": [{"family": "Example", "given": ["Ida"]}],
    "identifier": [{"system": "urn:x", "value": "Z-9"}],
}


def bundle(*resources: dict, **person) -> bytes:
    entries = [{"resource": one} for one in (PERSON | person, *resources)]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def condition(**more) -> dict:
    return {
        "resourceType": "Condition",
        "id": "c",
        "code": {"text": "panic"},
        "subject": {"reference": "Patient/p"},
        **more,
    }


HOSTILE = {
    "no json": b"\x89PNG\r\n",
    "other encoding": bundle(name=[{"family": "Ex", "given": ["Zo\u00eb"]}]).decode().encode("utf-16"),
    "half a letter": bundle().replace(b"Ida", b"Id\\ud800"),
    "nothing": b"",
    "deep": b'{"resourceType":"Bundle","type":"collection","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nul in the name": bundle(name=[{"family": "Ex\x00ample", "given": ["Ida"]}]),
    "turned name": bundle(name=[{"family": "\u202eelpmaxE", "given": ["Ida"]}]),
    "long name": bundle(name=[{"family": "E" * 5000, "given": ["Ida"]}]),
    "long identifier": bundle(identifier=[{"system": "urn:x", "value": "9" * 5000}]),
    "nul in the identifier": bundle(identifier=[{"system": "urn:x", "value": "9\x00"}]),
    "long id": bundle(condition(id="c" * 5000)),
    "path as id": bundle(condition(id="../../etc/passwd")),
    "nul in the chart": bundle(condition(code={"text": "pan\x00ic"})),
    "nul in a type": bundle({**condition(), "resourceType": "Cond\x00ition"}),
    "huge number": bundle(condition()).replace(b'"panic"', b"1e400"),
    "script": bundle(condition(code={"text": "<script>alert(1)</script>"})),
    "born tomorrow": bundle(birthDate="2990-01-01"),
    "born in the year nought": bundle(birthDate="0000-01-01"),
    "two people": bundle({**PERSON, "id": "q"}),
    "name of another kind": bundle(name="Ida"),
    "an entry of nothing": b'{"resourceType":"Bundle","type":"collection","entry":[null,{"resource":null},7]}',
}


@pytest.mark.hazard("HAZ-06", "C2")
@pytest.mark.parametrize("file", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_taken_as_text_or_refused_in_one_sentence_and_never_half(clinic: Clinic, file: bytes):
    client, before = clinic.client(Role.COORDINATOR), Patient.objects.count()
    upload = SimpleUploadedFile("../../x.json", file, "application/json")
    key = str(uuid4())
    answer = client.post("/referrals/", {"idempotency_key": key, "source": "Referring clinic", "file": upload})
    assert answer.status_code in (302, 400, 409, 422), answer.status_code
    if answer.status_code != 302:
        assert re.search(r'class="err(sum)?', answer.content.decode())
        assert "Referring clinic" in answer.content.decode()
        assert not Import.objects.exists()
        return
    shown = client.get(answer["Location"])
    assert shown.status_code == 200 and "<script>alert" not in shown.content.decode()
    taken = client.post(answer["Location"], {"idempotency_key": str(uuid4()), "who": "new", "reason": "by telephone"})
    assert taken.status_code in (302, 400, 409, 422)
    if taken.status_code == 302:
        patient = Patient.objects.exclude(record_number="").latest("record_number")
        assert client.get(taken["Location"]).status_code == 200
        assert Record.objects.filter(patient=patient).exists()
    else:
        assert Patient.objects.count() == before and not Record.objects.exists()
    assert audit.faults(clinic.site.pk) == []
