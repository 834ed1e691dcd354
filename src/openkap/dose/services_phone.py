"""
Sends the messages that wait, outside of any transaction, and writes what became of each attempt.

Whoever sends one claims it first by moving its next try, so that two processes never send one at once; if the process
dies meanwhile it is tried again. So a phone may get a message twice after a crash, with the same key, and never none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from openkap.dose import services
from openkap.dose.library import shipped
from openkap.dose.models import AlertState
from openkap.dose.models_message import Message, MessageTry
from openkap.dose.sending import send
from openkap.dose.services_message import outlets
from openkap.dose.store import protocol_of
from openkap.people.together import together

PHONE = "WATCH-PHONE"
AT_ONCE = 20  # messages in one round


def send_due(now: datetime | None = None) -> int:
    """
    Try every message whose time has come.

    Returns:
        How many were tried.
    """
    at = now or timezone.now()
    waiting = Message.objects.filter(next_at__lte=at).select_related("session", "session__chair")
    return sum(_try(message, at) for message in waiting.order_by("next_at", "pk")[:AT_ONCE])


def _try(message: Message, at: datetime) -> bool:
    numbers = _numbers(message)
    wait_s = float(numbers["wait_s"]) * 2**message.tries
    mine = Message.objects.filter(pk=message.pk, tries=message.tries, next_at=message.next_at)
    if _taken(message):
        mine.update(next_at=None, state="recalled")
        return False
    if not mine.update(tries=message.tries + 1, next_at=at + timedelta(seconds=wait_s)):
        return False  # another process has it
    here = outlets()
    phone = next((one for one in here.phones if one.name == message.phone), None)
    fault = send(here, phone, message.text, message.key) if phone else "the site has no such phone any more"
    over = not fault or phone is None or message.tries + 1 >= numbers["tries"]
    state = "sent" if not fault else "failed" if over else "failing"
    with together():
        MessageTry.objects.create(message=message, number=message.tries + 1, at=timezone.now(), fault=fault)
        done = {"next_at": None} if over else {}
        Message.objects.filter(pk=message.pk).update(state=state, **done)
        if state != message.state:
            services.messaged(message, state, fault)
    return True


def _taken(message: Message) -> bool:
    """Somebody has the alert meanwhile, or it is over: what waits is recalled."""
    alert = AlertState.objects.filter(session=message.session_id, alert=message.alert).first()
    return alert is not None and (alert.acknowledged_at is not None or alert.ended_at is not None)


def _numbers(message: Message) -> dict[str, Decimal]:
    protocol = protocol_of(message.session.protocol_id)
    return dict(protocol.numbers[PHONE] if protocol.knows(PHONE) else shipped().statement(PHONE).numbers)
