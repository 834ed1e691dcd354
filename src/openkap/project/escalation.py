"""
Writes the steps of alerts as they fall due, from a thread that ends with the process.

Whose hands an alert is in does not depend on it (assess/selectors.py counts by the clock): it keeps the record of
who was told when. Several processes may do the same; each step is written once.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import DatabaseError, connection

from openkap.assess import services

EVERY = 5  # s between two looks
log = logging.getLogger("openkap.escalation")


def start() -> None:
    """Look after the alerts."""
    threading.Thread(target=_watch, name="escalation", daemon=True).start()


def _watch() -> None:
    while True:
        try:
            services.escalate()
        except DatabaseError:
            log.exception("escalation.unwritten")
            connection.close()
        time.sleep(EVERY)
