"""
A tablet without a screen: sends values to a session in a thread of its own, each with its key, again and again until
somebody says yes.

    with Tablet(port, ward) as tablet:
        tablet.goes_on(10)                       # ten more were acknowledged
    tablet.acknowledged, tablet.longest_s, tablet.faults
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from types import TracebackType
from uuid import uuid4

from django.conf import settings

from openkap.dose.tests.ward import Ward
from openkap.people.types import Role

TOKEN = "a" * 32
NO_ANSWER_S = 5


class Tablet:
    """
    Args:
        port: of the server, or of the line to it, on loopback.
        ward: the session.
        every_s: between an answer and the next value.
    """

    def __init__(self, port: int, ward: Ward, every_s: float = 0.25):
        self._port, self._every_s = port, every_s
        self._path = f"/p/{ward.patient.pk}/dose/{ward.row.pk}/events/"
        self._by = str(ward.clinic.users[Role.NURSE].pk)
        session = ward.clinic.client(Role.NURSE).cookies[settings.SESSION_COOKIE_NAME].value
        self._head = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Content-Type": "application/json",
        }
        self.acknowledged: list[tuple[str, float, int]] = []  # key, seconds of the steady clock, of the session
        self.tries, self.longest_s = 0, 0.0
        self.faults: list[tuple[int, bytes]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Tablet:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(60)

    def goes_on(self, more: int, seconds: float = 30) -> None:
        """Wait until so many more values were acknowledged."""
        wanted, end = len(self.acknowledged) + more, time.monotonic() + seconds
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < end, f"{len(self.acknowledged)} of {wanted}: {self.faults[-3:]}"
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._over.is_set():
            key, began = str(uuid4()), time.monotonic()
            while (session_s := self._send(key)) is None and not self._over.is_set():
                time.sleep(min(0.1, self._every_s))
            if session_s is not None:
                self.longest_s = max(self.longest_s, time.monotonic() - began)
                self.acknowledged.append((key, time.monotonic(), session_s))
                time.sleep(self._every_s)

    def _send(self, key: str) -> int | None:
        """Seconds of the session when it was acknowledged; None where nobody answered."""
        entry = {"key": key, "kind": "Read", "fields": {"measure": "spo2", "value": "98", "unit": "%"}}
        line = http.client.HTTPConnection("localhost", self._port, timeout=NO_ANSWER_S)
        self.tries += 1
        try:
            line.request("POST", self._path, json.dumps({"by": self._by, "events": [entry]}), self._head)
            reply = line.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
        if reply.status != 200:
            self.faults.append((reply.status, body[:200]))
            return None
        return int(json.loads(body)["now_s"])
