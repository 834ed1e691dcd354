"""The sealed envelope: opens once, shows the emergency sheets and charts an emergency, without account or network."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django.utils import timezone

from openkap.dose.models import SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.dose.types import Phase
from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit, services_sealed
from openkap.people.audit import Origin
from openkap.people.models import AuditEvent, User
from openkap.people.models_sealed import SealedKey
from openkap.people.types import Role
from tests.database import Clinic

REASON = "the patient in bay 1 does not breathe"


@pytest.fixture
def word(clinic: Clinic) -> str:
    return services_sealed.make_seal(clinic.principal(Role.SITE_ADMIN), clinic.site, "trolley")[1]


def opened(word: str, name: str = "Tom Typed") -> Client:
    client = Client()
    reply = client.post("/sealed/", {"name": name, "reason": REASON, "word": word})
    assert reply.status_code == 302 and reply.headers["Location"] == "/sealed/rooms/", reply.content.decode()
    return client


def key() -> dict[str, str]:
    return {"idempotency_key": str(uuid4())}


@pytest.mark.hazard("HAZ-47", "C2")
def test_with_no_account_no_sign_in_and_no_network_the_word_opens_the_sheets_and_charts_the_emergency(
    clinic: Clinic, word: str, monkeypatch: pytest.MonkeyPatch
):
    ward = Ward(clinic).to_dosing()

    def away(*_: Any, **__: Any) -> None:
        raise OSError("no network, no identity provider")

    monkeypatch.setattr(socket.socket, "connect", away)
    monkeypatch.setattr("allauth.account.auth_backends.AuthenticationBackend.authenticate", away)
    monkeypatch.setattr("openkap.people.middleware.principal_of", away)
    client = opened(word.lower().replace("-", " "))
    assert "Ida" in client.get("/sealed/rooms/").content.decode()
    path = f"/sealed/rooms/{ward.row.pk}/"
    text = client.get(path).content.decode()
    for words in ("Ida Example", "82 kg", "41 mg", "What to do first", "Prescriber Person", "Tom Typed"):
        assert words in text, words
    called = {"call": "1", **key()}
    assert client.post(path, called).status_code == 302
    assert client.post(path, called).status_code == 302
    assert ward.session.phase is Phase.ESCALATED
    assert client.post(path, {"stamp": "CPR begun", **key()}).status_code == 302
    assert client.post(path, {"drug": "as ordered", **key()}).status_code == 302
    text = client.get(path).content.decode()
    assert "CPR begun" in text and "Drug given: as ordered" in text
    by = [x.event.by.name for x in ward.session.log][-3:]
    assert by == ["Tom Typed (sealed envelope)"] * 3
    assert SessionEvent.objects.filter(session=ward.row, kind="Emergency").count() == 1


@pytest.mark.hazard("HAZ-47", "C2")
@pytest.mark.goal("RG-37")
def test_opening_reading_charting_and_a_wrong_word_are_in_the_trail_with_the_typed_name(clinic: Clinic, word: str):
    ward = Ward(clinic).to_dosing()
    with pytest.raises(UserError):
        services_sealed.open_seal("WRONG", "Tom", REASON, origin=Origin("10.0.0.9"))
    client = opened(word)
    client.get(f"/sealed/rooms/{ward.row.pk}/")
    client.post(f"/sealed/rooms/{ward.row.pk}/", {"text": "calm again", **key()})
    seen = AuditEvent.objects.filter(site=clinic.site)
    assert seen.filter(type="sealed-key", outcome="denied", client="10.0.0.9").exists()
    assert seen.filter(type="sealed-key", outcome="success", reason=f"opened by Tom Typed: {REASON}").exists()
    account = SealedKey.objects.get().account
    assert seen.filter(type="patient-record", entity="sealed:sheet", patient=clinic.ida, user=account).exists()
    assert seen.filter(type="dosing", user=account, roles="").exists()
    assert audit.faults(clinic.site.pk) == []
    for role in (Role.PRIVACY_LEAD, Role.SITE_ADMIN):
        assert "Tom Typed" in clinic.client(role).get("/today/").content.decode(), role
        assert REASON in clinic.client(role).get("/site/sealed/").content.decode(), role


@pytest.mark.hazard("HAZ-47", "C2")
def test_a_word_opens_once_for_some_hours_in_one_browser_and_nothing_else_opens_with_it(clinic: Clinic, word: str):
    ward = Ward(clinic).to_dosing()
    client = opened(word)
    with pytest.raises(UserError, match="not the word"):
        services_sealed.open_seal(word, "Tom", REASON, origin=Origin())
    assert client.get(f"/p/{clinic.ida.pk}/").status_code == 302  # to the sign-in
    assert client.get(f"/p/{clinic.ida.pk}/dose/{ward.row.pk}/").status_code == 302
    assert client.get("/rooms/").status_code == 302
    assert Client().get("/sealed/rooms/").headers["Location"] == "/sealed/"
    for role in Role:
        assert clinic.client(role).get("/sealed/rooms/").headers["Location"] == "/sealed/"
    account = SealedKey.objects.get().account
    assert not account.is_active and not account.has_usable_password()
    assert authenticate(email=account.email, password="") is None
    SealedKey.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert client.get("/sealed/rooms/").headers["Location"] == "/sealed/"


@pytest.mark.hazard("HAZ-47", "C2")
def test_only_emergency_entries_are_taken_and_those_of_another_site_are_not_there(clinic: Clinic, word: str):
    ward = Ward(clinic).to_dosing()
    client, before = opened(word), SessionEvent.objects.count()
    path = f"/sealed/rooms/{ward.row.pk}/"
    assert client.post(path, {"kind": "Stop", "reason": "x", "given_mg": "1", **key()}).status_code == 409
    assert SessionEvent.objects.count() == before
    _row, other = services_sealed.make_seal(None, clinic.other, "elsewhere")
    assert opened(other).get(path).status_code == 404
    assert b"Ida" not in opened(services_sealed.make_seal(None, clinic.other, "here")[1]).get("/sealed/rooms/").content


@pytest.mark.hazard("HAZ-47", "C2")
@pytest.mark.goal("RG-33")
def test_wrong_words_are_limited_by_address_and_a_stranger_shuts_nobody_else_out(clinic: Clinic, word: str):
    client = Client(REMOTE_ADDR="10.1.1.1")
    wrong = {"name": "Tom", "reason": REASON, "word": "AAAA-BBBB"}
    said = [client.post("/sealed/", wrong) for _ in range(7)]
    assert [reply.status_code for reply in said] == [422] * 5 + [403] * 2
    assert client.post("/sealed/", {**wrong, "word": word}).status_code == 403
    opened(word)


def test_without_name_or_reason_the_word_stays_good(clinic: Clinic, word: str):
    for fields in ({"name": " ", "reason": REASON}, {"name": "Tom", "reason": "help"}):
        with pytest.raises(UserError):
            services_sealed.open_seal(word, **fields, origin=Origin())
    opened(word)


def test_a_site_admin_makes_a_word_that_is_shown_once_and_ends_the_one_before(clinic: Clinic, word: str):
    client, form = clinic.client(Role.SITE_ADMIN), {"place": "top drawer", **key()}
    text = client.post("/site/sealed/new/", form).content.decode()
    [new] = re.findall(r"(?:[2-9A-HJ-NP-Z]{4}-){4}[2-9A-HJ-NP-Z]{4}", text)
    assert new not in client.post("/site/sealed/new/", form).content.decode()
    assert "top drawer" in client.get("/site/sealed/").content.decode()
    assert new.replace("-", "") not in "".join(SealedKey.objects.values_list("secret", flat=True))
    assert all(row.secret.startswith("argon2") for row in SealedKey.objects.all())
    with pytest.raises(UserError):
        services_sealed.open_seal(word, "Tom", REASON, origin=Origin())
    opened(new)
    with pytest.raises(Forbidden):
        services_sealed.make_seal(clinic.principal(Role.NURSE), clinic.site, "x")
    assert not User.objects.filter(email__contains="sealed.invalid", is_active=True).exists()


def test_whoever_opened_it_closes_it_and_the_privacy_lead_writes_what_came_of_it(clinic: Clinic, word: str):
    client = opened(word)
    assert client.post("/sealed/end/", key()).headers["Location"] == "/sealed/"
    assert client.get("/sealed/rooms/").headers["Location"] == "/sealed/"
    lead, row = clinic.client(Role.PRIVACY_LEAD), SealedKey.objects.get()
    path = f"/site/sealed/{row.pk}/review/"
    assert lead.post(path, {"note": "a true arrest", **key()}).status_code == 302
    assert lead.post(path, {"note": "again", **key()}).status_code == 409
    assert "the sealed envelope was opened" not in lead.get("/today/").content.decode()
    assert "no sealed envelope" in clinic.client(Role.SITE_ADMIN).get("/today/").content.decode()


def test_the_sign_in_page_leads_to_the_envelope(clinic: Clinic):
    assert 'href="/sealed/"' in Client().get("/account/sign-in/").content.decode()
