"""Messages to phones, written in the transaction of the step that asks for them. What sends them is services_phone."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from django.conf import settings

from openkap.dose.models import DosingSession
from openkap.dose.models_message import Message
from openkap.dose.outlets import SITE_FILE, Outlets, outlets_of
from openkap.dose.types import Alert, Reach
from openkap.kernel.errors import ContentFault
from openkap.plan.types import Drug

log = logging.getLogger("openkap.dose")
UNSAID = (*get_args(Drug), "spravato", "psych")  # what a chair may be called and a message does not say (HAZ-57)


def outlets() -> Outlets:
    """What leaves the screens here; nothing while the site's file is at fault, for no alert waits for that."""
    folder = settings.ENVIRONMENT.site
    path = folder / SITE_FILE if folder else None
    stat = path.stat() if path and path.is_file() else None
    return _outlets(folder, stat.st_mtime_ns if stat else 0, stat.st_size if stat else 0)


@lru_cache(maxsize=4)
def _outlets(folder: Path | None, _changed: int, _size: int) -> Outlets:
    try:
        return outlets_of(folder)
    except ContentFault:
        log.exception("outlets.unreadable")
        return Outlets()


def queue(row: DosingSession, alert: Alert, reach: Reach, at: datetime) -> None:
    """Write the messages that a step asks for: one to each phone that the site has for it."""
    first = not any(r.ring == reach.ring and alert.since_s <= r.at_s < reach.at_s for r in alert.reached)
    if reach.skipped and not first:
        return  # it was told when it was reached
    for phone in outlets().phones:
        if reach.ring in phone.steps:
            named = f"{row.pk} {alert.id} {reach.ring} {reach.at_s} {phone.name}"
            key = hashlib.sha256(named.encode()).hexdigest()[:40]
            values = {
                "session": row,
                "alert": alert.id,
                "ring": reach.ring,
                "phone": phone.name,
                "text": words(row, alert, reach, at),
                "made_at": at,
                "next_at": at,
            }
            Message.objects.get_or_create(key=key, defaults=values)


def words(row: DosingSession, alert: Alert, reach: Reach, at: datetime) -> str:
    """Place, colour, how long. Whose it is and about what is read after signing in (HAZ-57, HAZ-64)."""
    minutes = (reach.at_s - alert.since_s) // 60
    clock = at.astimezone(ZoneInfo(row.site.zone)).strftime("%H:%M")
    return f"{alert.level.capitalize()} alert, {place(row)}: nobody has it for {minutes} min, {clock}. Open OpenKAP."


def place(row: DosingSession) -> str:
    """The chair by its name, or by its number where the name would say what is done there."""
    if row.chair is None:
        return "no chair"
    said = row.chair.name.casefold()
    return f"place {row.chair.place}" if any(word in said for word in UNSAID) else row.chair.name
