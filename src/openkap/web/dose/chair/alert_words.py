"""What an alert says beside its value: what to do now, and what went wrong on its way to somebody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.dose.alerts import AWAY, CHECKS, ORDER, messages_of, passed_over
from openkap.dose.session import Session
from openkap.dose.types import Alert
from openkap.kernel.quantity import number
from openkap.web.parts import Words

if TYPE_CHECKING:
    from openkap.web.dose.chair.shown import When

RING_WORDS: dict[str, Words] = {
    "bedside": gettext_lazy("the bedside"),
    "room": gettext_lazy("the room"),
    "prescriber": gettext_lazy("the prescriber"),
    "site-phone": gettext_lazy("the site's phone"),
}


def action(session: Session, alert: Alert) -> str:
    """What to do now, in one sentence."""
    if alert.level == "red":
        running = session.running is not None
        return _("Stop or pause the drug. Prescriber to the bedside.") if running else _("Prescriber to the bedside.")
    if alert.about.startswith(CHECKS):
        return _("Do this check now.")
    if alert.about == AWAY:
        return _("Somebody who is free takes the watch.")
    if alert.about == ORDER:
        return _("Read the order as it stands now.")
    if alert.about in session.protocol.measures:
        minutes = number(session.protocol.number("WATCH-RECHECK", "recheck_min"))
        return _("Measure again within %(n)s min; if it persists, the prescriber is told.") % {"n": minutes}
    return _("Go to the patient and look.")


def faults(alert: Alert, when: When) -> Iterator[str]:
    """What went wrong on its way to somebody."""
    if alert.lapsed is not None:
        staff, at_s = alert.lapsed
        words = {"name": staff.name, "at": when.clock(at_s)}
        yield _("%(name)s had it and gives no sign of life: nobody has it since %(at)s.") % words
    for ring, unseen in passed_over(alert):
        words = {"ring": str(RING_WORDS[ring])}
        if unseen:
            yield _("No screen confirmed that it shows this: %(ring)s; the next were called at once.") % words
        else:
            yield _("Nobody with a live screen: %(ring)s; the next were called at once.") % words
    for message in messages_of(alert):
        words = {"phone": message.phone, "why": message.fault, "at": when.clock(message.at_s)}
        if message.state == "sent":
            yield _("Message sent to %(phone)s at %(at)s.") % words
        elif message.state == "failing":
            yield _("The message to %(phone)s is not taken (%(why)s): it is tried again.") % words
        else:
            yield _("The message to %(phone)s failed (%(why)s): call by hand.") % words
