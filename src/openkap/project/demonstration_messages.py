"""
Messages of the demonstration: how its guests want to be told, with synthetic addresses, and a call tomorrow for some of
them to be reminded of. A demonstration makes and keeps messages, and nothing leaves the machine.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from openkap.people.models import Patient, Site
from openkap.people.types import Principal
from openkap.schedule import services_booking, services_contact, services_group
from openkap.schedule.services_booking import Wanted

# channel, verified, what a message may say, what a group may know; None: not asked yet
_SAID = (
    ("mail", True, False, "first"),
    ("text", True, False, "first"),
    ("mail", False, False, "nothing"),
    ("text", True, True, "alias"),
    ("none", False, False, "nothing"),
    None,
    ("mail", True, False, "nothing"),
    ("mail", True, False, "first"),
)
CALLED = 7  # of the guests


def fill(site: Site, coordinator: Principal, guests: list[Patient], on: date) -> None:
    """
    Args:
        on: today at the clinic.
    """
    for place, guest in enumerate(guests):
        said = _SAID[place % len(_SAID)]
        if said is None:
            continue
        channel, verified, detail, shown = said
        services_contact.choose(coordinator, guest, channel=channel, detail=detail)
        services_group.choose_name(coordinator, guest, shown, "Heron" if shown == "alias" else "")
        if channel == "none":
            continue
        value = f"guest{place + 1}@post.example" if channel == "mail" else f"+15550100{place + 1:03}"
        contact = services_contact.set_contact(coordinator, guest, channel=channel, value=value)
        if verified:
            services_contact.read_back(coordinator, guest, channel, contact.pk)
    zone = ZoneInfo(site.zone)
    hour = min(max(8, timezone.now().astimezone(zone).hour - 3), 15)  # within a day, and not at night
    first = datetime.combine(on + timedelta(days=1), time(hour), tzinfo=zone)
    for place, guest in enumerate(guests[:CALLED]):
        at = first + timedelta(minutes=15 * place)
        call = Wanted(
            f"call-{place + 1}", "check-in", "Call before the retreat", at, at + timedelta(minutes=15), guest.pk
        )
        services_booking.book(coordinator, site, call, reason="a call before the retreat")
