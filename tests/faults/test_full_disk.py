"""A server whose disk takes no more, at random points: by the limit that the system sets on the size of its files."""

from __future__ import annotations

import http.client
import json
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection, connections

from openkap.dose.models import SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.people import audit, spool
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from tests.database import Clinic, make_clinic
from tests.faults.server import Served

pytestmark = pytest.mark.slow
LIFTED = resource.RLIM_INFINITY


@pytest.fixture
def clinic(transactional_db: None) -> Iterator[Clinic]:
    if connection.vendor != "sqlite":
        pytest.skip("the server's own files are not where PostgreSQL keeps its rows")
    yield make_clinic()
    connections.close_all()


class Tablet:
    """The requests of a chair's page, by hand."""

    def __init__(self, served: Served, ward: Ward):
        self.served, self.ward = served, ward
        client = ward.clinic.client(Role.NURSE)
        client.get("/rooms/")  # sets the cookie of the token
        self.cookie = "; ".join(f"{one.key}={one.value}" for one in client.cookies.values())
        self.token = client.cookies[settings.CSRF_COOKIE_NAME].value
        self.base = f"/p/{ward.patient.pk}/dose/{ward.row.pk}/"

    def ask(self, path: str, body: str | None = None) -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=30)
        head = {"Cookie": self.cookie, "Host": f"localhost:{self.served.port}", "X-CSRFToken": self.token}
        head |= {"Content-Type": "application/json"} if body else {}
        try:
            line.request("POST" if body else "GET", path, body, head)
            reply = line.getresponse()
            return reply.status, reply.read().decode()
        finally:
            line.close()

    def note(self, key: str, text: str) -> int:
        entry = {"key": key, "kind": "Note", "fields": {"text": text}}
        body = {"by": str(self.ward.clinic.users[Role.NURSE].pk), "events": [entry]}
        status, said = self.ask(self.base + "events/", json.dumps(body))
        assert status != 200 or json.loads(said)["results"][0]["state"] in ("accepted", "repeated"), said
        return status


@pytest.mark.hazard("HAZ-46", "C2")
@pytest.mark.goal("RG-09")
def test_a_disk_that_is_full_at_any_point_keeps_what_was_acknowledged_and_the_chair_readable(
    clinic: Clinic, tmp_path: Path, seed: int, count: Callable[[int], int]
):
    rng, ward = random.Random(seed), Ward(clinic).to_dosing()
    kept: set[str] = set()
    with Served(tmp_path) as served:
        tablet = Tablet(served, ward)
        assert tablet.ask(tablet.base)[0] == 200

        def limit(size: int) -> None:
            for pid in served.pids():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, LIFTED))

        for point in range(count(100)):
            limit(spool.ROOM + rng.randint(0, 100_000))
            for _ in range(2000):
                lost = str(uuid4())
                status = tablet.note(lost, "x" * rng.randint(1, 1900))
                if status != 200:
                    break
                kept.add(lost)
            assert status == 503, point
            for path in ("", "emergency/", "state/"):
                status, said = tablet.ask(tablet.base + path)
                assert status == 200, (point, path, said[-500:])
            assert tablet.ask("/rooms/")[0] == 200
            limit(LIFTED)
            began = time.monotonic()
            while tablet.note(lost, "x") != 200:
                assert time.monotonic() - began < 20, "it does not heal"
                time.sleep(0.2)
            kept.add(lost)
        while json.loads(tablet.ask(tablet.base + "state/")[1])["kept"] is False:
            assert time.monotonic() - began < 30
            time.sleep(0.2)
    there = set(SessionEvent.objects.filter(kind="Note").values_list("key", flat=True))
    assert kept <= there
    assert audit.faults(clinic.site.pk) == []
    assert AuditEvent.objects.filter(entity="Keeping").exists()
