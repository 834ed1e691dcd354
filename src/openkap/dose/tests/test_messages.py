"""A message to a phone: written with the step, sent by real servers, tried again, and never silent where it fails."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as here
from django.db import transaction
from django.utils import timezone

from openkap.dose import alerts, services, services_message, services_phone
from openkap.dose import events as e
from openkap.dose.models import AlertState, Chair, Presence
from openkap.dose.models_message import Message, MessageTry
from openkap.dose.outlets import outlets_of
from openkap.dose.sending import send
from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import ContentFault
from openkap.people.types import Role
from tests.database import Clinic
from tests.postboxes import Post, Smtp

MAIL = """
[mail]
server = "127.0.0.1"
port = {port}
security = "none"
from = "openkap@clinic.example"

[[phone]]
name = "Duty phone"
mail = "4366012345@pager.example"
"""
HOOK = """
[[phone]]
name = "Paging service"
hook = "http://127.0.0.1:{port}/hooks/1?to=duty"
token_file = "token"
"""


@pytest.fixture
def site(tmp_path: Path, settings: Any) -> Path:
    settings.ENVIRONMENT = replace(here.ENVIRONMENT, site=tmp_path)
    services_message._outlets.cache_clear()
    return tmp_path


def write(site: Path, text: str) -> None:
    (site / "alerts.toml").write_text(text, encoding="utf-8")
    (site / "token").write_text("s3cret\n", encoding="utf-8")
    os.chmod(site / "token", 0o600)
    services_message._outlets.cache_clear()


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic).to_dosing()


def red(ward: Ward) -> AlertState:
    """A red alert that nobody takes until the last step has come."""
    ward.read(systolic=190)
    ward.read(systolic=191)
    ward.confirm()
    ward.later(121)
    services.beat_all()
    return AlertState.objects.get(about="systolic")


def due(**more: float) -> int:
    return services_phone.send_due(timezone.now() + timedelta(**more))


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.hazard("HAZ-64", "C1")
def test_a_red_alert_that_nobody_takes_goes_to_a_phone_by_mail_and_by_hook_and_names_nobody(
    ward: Ward, site: Path, smtp: Smtp, post: Post
):
    write(site, MAIL.format(port=smtp.server_address[1]) + HOOK.format(port=post.server_port))
    Chair.objects.update(name="Ketamine bay")
    red(ward)
    assert sorted(Message.objects.values_list("phone", "ring")) == [
        ("Duty phone", "site-phone"),
        ("Paging service", "site-phone"),
    ]
    assert smtp.got == post.got == []  # the step waits for no server
    assert due() == 2
    [mail], [(path, headers, said)] = smtp.got, post.got
    assert said["text"].startswith("Red alert, place 1: nobody has it for 2 min, ")
    assert said["text"].endswith("Open OpenKAP.") and said["text"] in mail.replace("\n ", " ")
    assert (path, headers["Authorization"]) == ("/hooks/1?to=duty", "Bearer s3cret")
    assert headers["Idempotency-Key"] == said["key"]
    told = json.dumps([path, headers, said]) + mail
    for chance in (*Message.objects.values_list("key", flat=True), str(post.server_port)):
        told = told.replace(chance, "")  # digits that mean nothing
    person = (ward.patient.given, str(ward.patient.pk), ward.patient.record_number)
    for unsaid in (*person, "ketamine", "systolic", "191", "mmHg"):
        assert unsaid.casefold() not in told.casefold()
    assert {m.state for m in Message.objects.all()} == {"sent"}
    [alert] = ward.session.open_alerts()
    assert [(m.phone, m.state) for m in alert.messages] == [("Duty phone", "sent"), ("Paging service", "sent")]
    assert alert.acknowledged is None
    assert due(seconds=60) == 0  # once
    ward.later(121)
    services.beat_all()  # the last step is told again
    assert due() == 2 and len(smtp.got) == 2


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_message_that_is_not_taken_is_tried_with_longer_waits_said_on_every_screen_and_moves_the_alert_on(
    ward: Ward, site: Path, post: Post
):
    write(site, HOOK.format(port=post.server_port))
    post.status = 503
    red(ward)
    begun = timezone.now()
    assert due() == 1 and due() == 0
    [alert] = ward.session.open_alerts()
    assert [(m.state, m.fault) for m in alerts.messages_of(alert)] == [("failing", "HTTP 503")]
    message = Message.objects.get()
    waits, at = [], begun
    for _ in range(3):
        waits.append((message.next_at - at).total_seconds())
        at = message.next_at
        if len(waits) < 3:
            assert services_phone.send_due(at) == 1
            message.refresh_from_db()
    assert [round(wait) for wait in waits] == [5, 10, 20]
    before = len(ward.session.open_alerts()[0].reached)
    ward.later(1)
    assert services_phone.send_due(at) == 1
    message.refresh_from_db()
    assert (message.state, message.next_at) == ("failed", None)
    assert list(MessageTry.objects.order_by("number").values_list("number", "fault")) == [
        (number, "HTTP 503") for number in (1, 2, 3, 4)
    ]
    [alert] = ward.session.open_alerts()
    assert [reach.ring for reach in alert.reached[before:]] == ["bedside", "room", "prescriber"]
    said = ward.clinic.client(Role.NURSE).get("/rooms/").content.decode()
    assert "Message to Paging service failed: call by hand" in said
    chair = ward.clinic.client(Role.NURSE).get(f"/p/{ward.patient.pk}/dose/{ward.row.pk}/").content.decode()
    assert "The message to Paging service failed (HTTP 503): call by hand." in chair
    assert due(seconds=900) == 0


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_failed_message_of_an_earlier_step_calls_the_next_at_once(ward: Ward, site: Path):
    write(site, HOOK.format(port=9) + 'steps = ["prescriber"]\n')  # nothing listens there
    ward.read(systolic=190)
    ward.read(systolic=191)
    ward.confirm()
    for minutes in range(5):
        due(minutes=10 * minutes)
    [alert] = ward.session.open_alerts()
    assert Message.objects.get().state == "failed"
    assert alert.messages[-1].fault.startswith("no connection")
    assert [(r.ring, r.skipped) for r in alert.reached[-2:]] == [("prescriber", True), ("site-phone", False)]


@pytest.mark.hazard("HAZ-33", "C1")
def test_what_somebody_has_taken_meanwhile_is_recalled(ward: Ward, site: Path, post: Post):
    write(site, HOOK.format(port=post.server_port))
    alert = red(ward)
    ward.do(e.Acknowledge, Role.PRESCRIBER, alert=alert.alert)
    assert due() == 0
    assert Message.objects.get().state == "recalled" and post.got == []


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.hazard("HAZ-75", "C1")
def test_a_message_is_written_with_its_step_or_not_at_all_and_survives_who_claimed_it(
    ward: Ward, site: Path, post: Post, monkeypatch: pytest.MonkeyPatch
):
    write(site, HOOK.format(port=post.server_port))
    with transaction.atomic():
        red(ward)
        assert Message.objects.count() == 1
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    ward.row.refresh_from_db()
    red(ward)

    def dies(*_: Any) -> str:
        raise SystemExit

    monkeypatch.setattr(services_phone, "send", dies)
    with pytest.raises(SystemExit):
        due()
    monkeypatch.undo()
    assert due() == 0  # it is claimed
    assert due(seconds=6) == 1 and len(post.got) == 1


def test_without_a_phone_every_screen_says_so(ward: Ward, site: Path):
    red(ward)
    assert not Message.objects.exists()
    client = ward.clinic.client(Role.NURSE)
    for path in ("/rooms/", f"/p/{ward.patient.pk}/dose/{ward.row.pk}/"):
        assert "No phone is set up" in client.get(path).content.decode()


def test_a_file_that_is_at_fault_stops_no_alert(ward: Ward, site: Path):
    write(site, "[[phone]]\nname = 3\n")
    Presence.objects.all().delete()
    assert red(ward).level == "red"
    assert "No phone is set up" in ward.clinic.client(Role.NURSE).get("/rooms/").content.decode()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[[phone]]\nname = "A"\nmail = "a@b.example"', "no \\[mail\\] server"),
        ('[[phone]]\nname = "A"', "neither or both"),
        ('[[phone]]\nname = "A"\nhook = "http://pager.example/1"', "not https"),
        ('[[phone]]\nname = "A"\nhook = "https://pager.example/1"\ntoken_file = "none"', "no file none"),
        ('[[phone]]\nname = "A"\nhook = "https://pager.example/1"\ntoken_file = "open"', "others on this machine"),
        ('[[phone]]\nname = "A"\nhook = "https://pager.example/1"\n' * 2, "one name"),
        ('[mail]\nserver = "smtp.example"\nfrom = "a@b.example"\nsecurity = "none"', "unencrypted"),
        ('[mail]\nserver = "smtp.example"\nfrom = "nobody"', "no mail address"),
        ('[mail]\nserver = "smtp.example"\nfrom = "a@b.example"\nuser = "u"', "password_file"),
        ('[sound]\non = true\nreason = ""\nby = "A"\ndecided = 2026-11-25', "no reason"),
        ("[sirens]", "sirens"),
    ],
)
def test_a_site_file_at_fault_says_what_to_correct(tmp_path: Path, text: str, fault: str):
    (tmp_path / "alerts.toml").write_text(text, encoding="utf-8")
    (tmp_path / "open").write_text("x", encoding="utf-8")
    os.chmod(tmp_path / "open", 0o644)
    with pytest.raises(ContentFault, match=fault):
        outlets_of(tmp_path)


@pytest.mark.parametrize(("reply", "said"), [("550 no such user", "SMTP 550"), ("421 later", "SMTP 421")])
def test_why_a_mail_was_not_taken_is_a_code_and_no_address(tmp_path: Path, smtp: Smtp, reply: str, said: str):
    (tmp_path / "alerts.toml").write_text(MAIL.format(port=smtp.server_address[1]), encoding="utf-8")
    found = outlets_of(tmp_path)
    smtp.reply = reply
    assert send(found, found.phones[0], "Red alert", "k") == said


def test_a_site_without_a_file_has_nothing(tmp_path: Path):
    assert outlets_of(None).phones == outlets_of(tmp_path).phones == ()
    assert outlets_of(tmp_path).sound is False
