"""
Keeps checkpoints of the audit trail on another machine: every five minutes, or sooner after a thousand events.

What was cut from the end of a trail between two checkpoints cannot be seen; this bounds how much that can be.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, connection

from openkap.people import audit
from openkap.people.models import Site

EVERY = timedelta(minutes=5)
EVENTS = 1000
_LOOK = 15  # s between two looks
log = logging.getLogger("openkap.keeper")


def start(folder: Path) -> None:
    """Look after the checkpoints from a thread that ends with the process."""
    threading.Thread(target=_watch, args=(folder,), name="checkpoints", daemon=True).start()


def keep_due(folder: Path, now: datetime) -> int:
    """
    Write the checkpoints that are due; how many.

    Args:
        folder: where they are kept, one file a site.
        now: aware.
    """
    written = 0
    for site_id in Site.objects.values_list("pk", flat=True):
        kept = audit.kept_checkpoints(folder, site_id)
        latest = audit.checkpoint(site_id)
        before = kept[-1].sequence if kept else 0
        age = now - datetime.fromisoformat(kept[-1].at) if kept else EVERY
        if latest.sequence != before and (age >= EVERY or latest.sequence - before >= EVENTS):
            audit.keep_checkpoint(folder, site_id)
            written += 1
    return written


def _watch(folder: Path) -> None:
    while True:
        try:
            keep_due(folder, datetime.now(UTC))
        except (DatabaseError, OSError):
            log.exception("checkpoint.unwritten")
            connection.close()
        time.sleep(_LOOK)
