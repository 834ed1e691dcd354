"""
Looks at every session in the house every two seconds, from a thread that ends with the process: what time alone does
to a session (late checks, steps of alerts, an observer out of reach) is written by it and by nobody else. Shifts that
nobody ended are ended here too.

Every process has the thread; the one that beat last goes on, and another takes over a few seconds after it falls
silent. Two at once do no harm: each step is taken under the lock of its session, and once.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time

from django.db import connection

from openkap.dose import floor, heart, services, services_phone
from openkap.people import keeping

EVERY = 2.0  # s between two looks
LOOK = 1.0  # s between two looks at the messages
log = logging.getLogger("openkap.heartbeat")


def start() -> None:
    """Look after the sessions, and send what they ask for; the phones have a thread of their own that may wait."""
    holder = f"{os.getpid()}-{secrets.token_hex(8)}"  # two machines on one database may share a number
    for act in (_watch, _send):
        threading.Thread(target=act, args=(holder,), name="heartbeat", daemon=True).start()


def beat_once(holder: str) -> bool:
    """
    One look, if it is this process's turn; whether it was made and reached every session.

    Where one session could not be looked at there is no beat: the others go on, and every screen says that alerts do
    not work, which for that one is so.
    """
    if not heart.is_mine(holder):
        return False
    missed = services.beat_all()
    if missed:
        log.error("heartbeat.incomplete", extra={"missed": missed})
        return False
    heart.stamp(holder)
    floor.end_overdue()
    return True


def _watch(holder: str) -> None:
    while True:
        try:
            beat_once(holder)
        except Exception as fault:  # whatever it is: the next look may succeed, and without a thread nobody looks again
            log.exception("heartbeat.unwritten")
            if keeping.refuses(fault):
                keeping.failed(fault)
            connection.close()
        keeping.heal()
        time.sleep(EVERY)


def _send(holder: str) -> None:
    while True:
        try:
            if heart.is_mine(holder):
                services_phone.send_due()
        except Exception:  # as above: what waits is tried again
            log.exception("messages.unsent")
            connection.close()
        time.sleep(LOOK)
