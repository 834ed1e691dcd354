"""
Makes, recalls and sends messages to patients, from a thread of its own that ends with the process: a mail server that
does not answer keeps no alert waiting.

Every process has the thread. A message is claimed before it is sent, so that two processes send it once.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import connection

from openkap.schedule import services_post

EVERY = 15.0  # s between two rounds
log = logging.getLogger("openkap.postman")


def start() -> None:
    """Look after the messages."""
    threading.Thread(target=_watch, name="postman", daemon=True).start()


def _watch() -> None:
    while True:
        time.sleep(EVERY)
        try:
            services_post.round_once()
        except Exception:  # whatever it is: without a thread nobody looks again
            log.exception("messages.unsent")
            connection.close()
