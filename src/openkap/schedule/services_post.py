"""
Sends what waits for patients, outside of any transaction, at most once (MSG-ONCE).

Whoever sends a message claims it first; then it is `sending`, and no other process takes it. A server that refused it
leaves it to be tried again, later each time. A process that ends between claim and answer, or a server that was handed
the message and does not answer, leaves it `unknown`: nobody sends it again, and a person tells the patient.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from openkap.kernel import post
from openkap.kernel.post import Sent, To
from openkap.people.models import Site
from openkap.schedule import messages
from openkap.schedule.models_message import CHANGE, CODE, FAILED, GONE, SENDING, UNKNOWN, WAITING, Attempt, Message
from openkap.schedule.outgoing import Outgoing
from openkap.schedule.services_contact import new_code, opened, reach
from openkap.schedule.services_message import finish, lock, make_due, outgoing, recall, stands, token_digest

AT_ONCE = 20  # messages in one round


def round_once(now: datetime | None = None) -> int:
    """
    Make and recall for every site, then send what may go.

    Returns:
        How many were tried.
    """
    at, ways = now or timezone.now(), outgoing()
    for site in Site.objects.order_by("pk"):
        make_due(site, ways, at)
    return send_due(ways, at)


def send_due(ways: Outgoing, now: datetime) -> int:
    """Try every message whose time has come; how many were tried."""
    waiting = Message.objects.filter(state=WAITING, next_at__lte=now).order_by("next_at", "made_at", "kind", "pk")
    tried = 0
    for pk in list(waiting.values_list("pk", flat=True)[:AT_ONCE]):
        ready = _claim(pk, ways, now)
        if ready is not None:
            tried += 1
            _keep(ready, _send(ways, ready), now)
    return tried


@dataclass(frozen=True)
class Ready:
    """A message that this process has claimed: to whom, with the secret in its words; `number` of the attempt."""

    pk: UUID
    number: int
    to: To
    text: str


@transaction.atomic
def _claim(pk: UUID, ways: Outgoing, now: datetime) -> Ready | None:
    site_id = Message.objects.values_list("site", flat=True).get(pk=pk)
    lock(site_id)
    row = (
        Message.objects.select_for_update(of=("self",))
        .select_related("contact", "patient__site")
        .filter(pk=pk, state=WAITING, next_at__lte=now)
        .first()
    )
    if row is None:
        return None  # another process has it
    address = opened(row.contact) if row.contact else None
    if address is None or row.contact is None or not stands(row, ways, now):
        recall(row, now)
        return None
    if row.kind != CODE and (_sleeps(row, ways, now) or _comes_after(row)):
        return None
    text = row.text
    if messages.CODE in text:
        text = text.replace(messages.CODE, new_code(row.contact, now))
    if messages.LINK in text:
        token = secrets.token_urlsafe(18)  # the one of an earlier try opens nothing any more
        row.token_digest = token_digest(token)
        text = text.replace(messages.LINK, ways.link + reverse("retreat:reply", args=[token]))
    row.state, row.tries, row.claimed_at, row.next_at = SENDING, row.tries + 1, now, None
    row.save(update_fields=["state", "tries", "claimed_at", "next_at", "token_digest"])
    return Ready(row.pk, row.tries, ways.to(row.contact.channel, address), text)


def _sleeps(row: Message, ways: Outgoing, now: datetime) -> bool:
    """True in the quiet hours: it waits until they are over."""
    at = messages.may_go_at(now, reach([row.patient], ways, now)[row.patient_id].zone)
    if at <= now:
        return False
    row.next_at = at
    row.save(update_fields=["next_at"])
    return True


def _comes_after(row: Message) -> bool:
    """True while a change waits that the same patient must read before a reminder, or the two may be mistaken."""
    if row.kind == CHANGE:
        return False
    return Message.objects.filter(patient=row.patient_id, kind=CHANGE, state__in=(WAITING, SENDING)).exists()


def _send(ways: Outgoing, ready: Ready) -> Sent:
    if ways.nowhere:
        return Sent()
    return post.send(ways.mail, ways.password, ready.to, ready.text, str(ready.pk), subject=messages.subject())


@transaction.atomic
def _keep(ready: Ready, sent: Sent, now: datetime) -> None:
    """Write what came of an attempt, unless it was given up meanwhile and nothing new is known."""
    at = max(now, timezone.now())
    lock(Message.objects.values_list("site", flat=True).get(pk=ready.pk))
    row = Message.objects.select_for_update().get(pk=ready.pk)
    Attempt.objects.create(message=row, number=ready.number, at=at, fault=sent.fault[:100])
    if row.tries != ready.number or row.state not in (SENDING, UNKNOWN):
        return
    if not sent.fault:
        finish(row, GONE, "", at)
    elif sent.perhaps:
        finish(row, UNKNOWN, sent.fault, at)
    elif row.tries >= messages.number("MSG-TRIES", "tries"):
        finish(row, FAILED, sent.fault, at)
    elif row.state == SENDING:
        row.state, row.fault = WAITING, sent.fault[:100]
        row.next_at = now + timedelta(seconds=messages.wait_s(row.tries))
        row.save(update_fields=["state", "fault", "next_at"])
