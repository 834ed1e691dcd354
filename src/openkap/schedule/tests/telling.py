"""What tests of messages share: a site that has them on, patients who chose them, what real servers got."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings as here

from openkap.people.models import Patient
from openkap.schedule import selectors_message, services_booking, services_contact, services_message, services_post
from openkap.schedule.models import Appointment
from openkap.schedule.models_message import Contact, Verified
from openkap.schedule.services_booking import Wanted
from openkap.schedule.tests.lodge import START, Lodge
from tests.database import changing
from tests.postboxes import Post, Smtp

NOON = datetime.combine(START, time(12), tzinfo=UTC)  # a Monday
MORNING = NOON - timedelta(hours=22)  # within the day before, and not at night
FILE = """
on = true
reason = "patients asked for it"
by = "Dr Ines Varga"
decided = 2026-11-25
link = "https://visits.example/"
address = "River Road 1, second door"
"""
MAIL = """
[mail]
server = "127.0.0.1"
port = {port}
security = "none"
from = "desk@house.example"
"""
TEXT = """
[text]
hook = "http://127.0.0.1:{port}/texts"
"""


def switch_on(folder: Path, settings: Any, smtp: Smtp, post: Post) -> None:
    """Write the site's file: mail and texts go to these servers."""
    settings.ENVIRONMENT = replace(here.ENVIRONMENT, site=folder)
    text = FILE + MAIL.format(port=smtp.server_address[1]) + TEXT.format(port=post.server_port)
    (folder / "messages.toml").write_text(text, encoding="utf-8")
    services_message._outgoing.cache_clear()


def reached(lodge: Lodge, patient: Patient, channel: str = "mail", *, detail: bool = False, zone: str = "") -> Contact:
    """The patient chose a way, and somebody read the address back."""
    place = lodge.patients.index(patient)
    value = f"person{place}@post.example" if channel == "mail" else f"+4366000000{place:02}"
    services_contact.choose(lodge.coordinator, patient, channel=channel, detail=detail, zone=zone)
    contact = services_contact.set_contact(lodge.coordinator, patient, channel=channel, value=value)
    services_contact.read_back(lodge.coordinator, patient, channel, contact.pk)
    return contact


def still_verified(patient: Patient) -> None:
    """Tests live in March 2027; what was read back is of that time."""
    with changing("schedule_verified"):
        Verified.objects.filter(contact__patient=patient).update(at=NOON - timedelta(days=10))


def wanted(patient: Patient, at: datetime, title: str = "Dose 1", minutes: int = 30) -> Wanted:
    return Wanted(str(at), "therapy", title, at, at + timedelta(minutes=minutes), patient=patient.pk)


def book(lodge: Lodge, patient: Patient, at: datetime, title: str = "Dose 1") -> Appointment:
    return services_booking.book(lodge.coordinator, lodge.site, wanted(patient, at, title))


def move(lodge: Lodge, row: Appointment, at: datetime) -> None:
    row.refresh_from_db()
    assert row.patient is not None
    services_booking.amend(
        lodge.coordinator, row, replace(wanted(row.patient, at, row.title), activity=row.activity), reason="moved"
    )


def cancel(lodge: Lodge, row: Appointment) -> None:
    row.refresh_from_db()
    services_booking.cancel(lodge.coordinator, row, reason="asked to")


def round_at(at: datetime) -> int:
    return services_post.round_once(at)


def body(mail: str) -> str:
    return " ".join(email.message_from_string(mail).get_payload(decode=True).decode().split())  # type: ignore[union-attr]


def texts(smtp: Smtp) -> list[str]:
    """What the mails say, without the link."""
    return [re.sub(r" ?Answer here: \S+", "", body(mail)) for mail in smtp.got]


def why(lodge: Lodge, now: datetime = MORNING) -> list[tuple[str, str]]:
    found = selectors_message.items(lodge.site, services_message.outgoing(), now)
    return [(item.kind, item.why) for item in found]


def due_items(lodge: Lodge, now: datetime = MORNING) -> list[selectors_message.Item]:
    """What is still to be told."""
    return selectors_message.items(lodge.site, services_message.outgoing(), now)
