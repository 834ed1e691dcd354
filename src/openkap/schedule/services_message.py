"""
Messages to patients are made here, recalled, and told by a person where none can go. What sends them is services_post.

A round makes what is missing and recalls what is no longer so. It holds the calendar of the site, as whoever books
does, so that it never sees a booking half done; the constraint on `Said` stands behind it: an event is said once
(HAZ-57).
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, ContentFault, Forbidden
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient, Site
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.schedule import messages, selectors_message
from openkap.schedule.models import SENT, WAITS, Calendar, Reminder
from openkap.schedule.models_message import (
    CALL,
    CHANGE,
    CODE,
    COME,
    RECALLED,
    REMINDER,
    SENDING,
    TOLD,
    UNKNOWN,
    WAITING,
    Message,
    Said,
)
from openkap.schedule.outgoing import NOWHERE, SITE_FILE, Outgoing, outgoing_of
from openkap.schedule.selectors_message import REACHED, Item, Line, is_current, items, lines_of
from openkap.schedule.services_contact import reach

log = logging.getLogger("openkap.messages")


def outgoing() -> Outgoing:
    """What leaves here: nothing unless the site says so, and nothing while its file is at fault."""
    if not settings.PRODUCTION and settings.ENVIRONMENT.site is None:
        return NOWHERE
    folder = settings.ENVIRONMENT.site
    path = folder / SITE_FILE if folder else None
    stat = path.stat() if path and path.is_file() else None
    return _outgoing(folder, stat.st_mtime_ns if stat else 0, stat.st_size if stat else 0)


@lru_cache(maxsize=4)
def _outgoing(folder: Path | None, _changed: int, _size: int) -> Outgoing:
    try:
        return outgoing_of(folder)
    except ContentFault:
        log.exception("messages.unreadable")
        return Outgoing()


def lock(site_id: UUID) -> None:
    """Hold the calendar of a site until the transaction is over. On SQLite every transaction has its turn already."""
    Calendar.objects.get_or_create(site_id=site_id)
    Calendar.objects.select_for_update().get(pk=site_id)


# -- a round ----------------------------------------------------------------------------------------------


@transaction.atomic
def make_due(site: Site, ways: Outgoing, now: datetime) -> int:
    """
    Recall what is no longer so, say of what a crash has left that nobody knows, and make what is missing.

    Returns:
        How many messages were made.
    """
    lock(site.pk)
    _give_up(site.pk, now)
    waiting = Message.objects.filter(site=site.pk, state=WAITING).select_related("contact", "patient__site")
    for message in waiting:
        if not stands(message, ways, now):
            recall(message, now)
    made = 0
    for item in items(site, ways, now):
        if item.message is None and not item.why:
            made += _make(site, item, ways, now)
    return made


def _make(site: Site, item: Item, ways: Outgoing, now: datetime) -> int:
    found = item.reach
    assert found is not None and found.contact is not None
    if selectors_message.sent_lately([item.patient.pk], now).get(item.patient.pk, 0) >= messages.number(
        "MSG-TRIES", "most"
    ):
        return 0  # those of this round count
    message = Message.objects.create(
        site=site,
        patient=item.patient,
        contact=found.contact,
        kind=item.kind,
        text=item.text(ZoneInfo(site.zone), found),
        made_at=now,
        next_at=messages.may_go_at(now, found.zone),
    )
    _say(message, item.lines)
    return 1


def _say(message: Message, lines: list[Line]) -> None:
    Said.objects.bulk_create(
        Said(
            message=message,
            appointment=line.appointment,
            kind=message.kind,
            version=line.version,
            starts_at=line.starts_at,
            was=line.was,
        )
        for line in lines
    )


def stands(message: Message, ways: Outgoing, now: datetime) -> bool:
    """True if a message that waits may still go as it is: to that contact, with those words, about what still is so."""
    contact = message.contact
    if contact is None or contact.ended_at is not None or not ways.has(contact.channel):
        return False
    if message.kind == CODE:
        return now < message.made_at + timedelta(minutes=messages.number("MSG-VERIFY", "code_min"))
    found = reach([message.patient], ways, now)[message.patient_id]
    said = lines_of(message)
    if found.contact is None or found.contact.pk != contact.pk or not all(is_current(row, now) for row, _line in said):
        return False
    if message.kind == REMINDER and _waiting(message) < len(said):
        return False  # a person told it meanwhile
    again = Item(message.kind, message.patient, lines=[line for _row, line in said])
    return again.text(ZoneInfo(message.patient.site.zone), found) == message.text


def _keys(message: Message) -> list[str]:
    return [f"{row.appointment_id}:{row.version}" for row in message.said.all()]


def _waiting(message: Message) -> int:
    return Reminder.objects.filter(key__in=_keys(message), state=WAITS).count()


def recall(message: Message, now: datetime) -> None:
    """Take back a message that was not sent."""
    Message.objects.filter(pk=message.pk).update(state=RECALLED, next_at=None, ended_at=now, token_digest=None)
    Said.objects.filter(message=message).update(live=False)


def _give_up(site_id: UUID, now: datetime) -> None:
    """What was being sent when its process ended: nobody knows whether it went, and it is not sent again."""
    since = now - timedelta(seconds=messages.number("MSG-ONCE", "lease_s"))
    for message in Message.objects.filter(site=site_id, state=SENDING, claimed_at__lt=since).select_for_update():
        finish(message, UNKNOWN, "the server ended while it was sent", now)


def finish(message: Message, state: str, fault: str, now: datetime) -> None:
    """Keep what became of a message; a reminder that went ends with it, and so does one that a change has told."""
    message.state, message.fault, message.ended_at = state, fault[:100], now
    message.save(update_fields=["state", "fault", "ended_at"])
    if state == "sent":
        reminders = Reminder.objects.filter(key__in=_keys(message), state=WAITS)
        if message.kind == CHANGE:
            reminders = reminders.filter(due_at__lte=now)
        reminders.update(state=SENT, ended_at=now)
    outcome: audit.Outcome = "success" if state == "sent" else "failure"
    event = Event(
        "message",
        "E",
        outcome,
        patient_id=message.patient_id,
        purpose=Purpose.ADMINISTRATION,
        entity=f"Message/{message.pk}",
        reason=f"{message.kind} {state}",
    )
    audit.record(message.site_id, [event])


# -- a person does it --------------------------------------------------------------------------------------


@transaction.atomic
def told_change(
    principal: Principal,
    patient: Patient,
    ways: Outgoing,
    *,
    now: datetime | None = None,
    origin: Origin | None = None,
) -> int:
    """
    Somebody told a patient what moved or is off; how many appointments. What waits is recalled.

    Raises:
        Forbidden: by somebody who does not arrange.
    """
    _arranges(principal, patient)
    lock(patient.site_id)
    now, told = now or timezone.now(), 0
    for item in items(patient.site, ways, now, patient=patient):
        if item.kind != CHANGE or (item.message is not None and item.message.state == SENDING):
            continue
        row = _told(principal, item, now)
        Reminder.objects.filter(key__in=_keys(row), state=WAITS, due_at__lte=now).update(
            state=SENT, ended_at=now, by_id=principal.user_id
        )
        told += len(item.lines)
    if told:
        _audit(principal, patient, "told what moved or is off", origin)
    return told


def _told(principal: Principal, item: Item, now: datetime) -> Message:
    """The row that says so: the message that did not go, or one of its own."""
    row = item.message
    if row is not None and row.state != WAITING:
        row.state, row.by_id, row.ended_at = TOLD, principal.user_id, now
        row.save(update_fields=["state", "by", "ended_at"])
        return row
    if row is not None:
        recall(row, now)
    made = Message.objects.create(
        site_id=item.patient.site_id,
        patient=item.patient,
        kind=item.kind,
        text="",
        made_at=now,
        ended_at=now,
        state=TOLD,
        by_id=principal.user_id,
    )
    _say(made, item.lines)
    return made


@transaction.atomic
def called(principal: Principal, message: Message, *, origin: Origin | None = None) -> None:
    """
    Somebody called a patient who asked for it.

    Raises:
        Forbidden: by somebody who does not arrange. Conflict: somebody else did.
    """
    _arranges(principal, message.patient)
    done = Message.objects.filter(pk=message.pk, called_at=None, call_asked_at__isnull=False)
    if not done.update(called_at=timezone.now(), called_by_id=principal.user_id):
        raise Conflict("Somebody else has called meanwhile: look at the list again.")
    _audit(principal, message.patient, "called", origin)


def _arranges(principal: Principal, patient: Patient) -> None:
    if principal.site_id != patient.site_id or not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician tells a patient: ask one of them.")


def _audit(principal: Principal, patient: Patient, reason: str, origin: Origin | None) -> None:
    event = Event("message", "U", patient_id=patient.pk, purpose=Purpose.ADMINISTRATION, reason=reason)
    audit.record(patient.site_id, [event], principal=principal, origin=origin)


# -- the patient answers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Door:
    """A link of a message: what it shows is day, hour and where. `starts`: of what is still so, in order."""

    message: Message
    starts: tuple[datetime, ...]


def token_digest(token: str) -> str:
    """As a token is kept."""
    return hashlib.sha256(f"message:{token}".encode()).hexdigest()


def door(token: str, now: datetime | None = None) -> Door | None:
    """
    What a link opens: None if it is none of ours, if it is over, or if anything that it was about has changed since.
    """
    at = now or timezone.now()
    rows = Message.objects.filter(token_digest=token_digest(token), state__in=REACHED)
    message = rows.select_related("patient__site").first()
    if message is None:
        return None
    said = [row for row, _line in lines_of(message)]
    if not said or not all(is_current(row, at) for row in said if row.starts_at is not None):
        return None
    starts = tuple(sorted(row.starts_at for row in said if row.starts_at is not None))
    return Door(message, starts) if starts else None


@transaction.atomic
def answer(token: str, said: str, *, origin: Origin | None = None) -> Door | None:
    """
    Somebody who has the link says that they come, or that they cannot and want to be called. Said twice it is once.

    Returns:
        None if the link opens nothing (any more).
    """
    found = door(token)
    if found is None or said not in (COME, CALL):
        return None
    lock(found.message.site_id)
    found = door(token)
    if found is None:
        return None
    row = Message.objects.select_for_update().get(pk=found.message.pk)
    if row.answer == said and (said == COME or row.called_at is None):
        return found
    row.answer, row.answered_at = said, timezone.now()
    if said == CALL:
        row.call_asked_at, row.called_at, row.called_by = row.answered_at, None, None
    row.save(update_fields=["answer", "answered_at", "call_asked_at", "called_at", "called_by"])
    event = Event(
        "message", "U", patient_id=row.patient_id, purpose=Purpose.OWN, entity=f"Message/{row.pk}", reason=said
    )
    audit.record(row.site_id, [event], origin=origin)
    return Door(row, found.starts)
