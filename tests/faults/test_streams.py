"""Streams in a server as a site runs it: many of them cost the pages nothing, and a worker that dies loses no alert."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from openkap.dose import heart, store
from openkap.dose.models import AlertReach, AlertState, Beat, SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.people.types import Role
from tests.database import Clinic, make_clinic
from tests.faults.server import Served
from tests.faults.tablet import Tablet

pytestmark = pytest.mark.slow


@pytest.fixture
def clinic(transactional_db: None) -> Iterator[Clinic]:
    yield make_clinic()
    connections.close_all()


def until(true: Callable[[], bool], seconds: float) -> float:
    """How long it took until it was so."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not come to be so"
        time.sleep(0.05)
    return time.monotonic() - began


def ask(served: Served, clinic: Clinic, path: str, role: Role = Role.NURSE) -> socket.socket:
    """A connection on which this path was asked for."""
    cookie = clinic.client(role).cookies[settings.SESSION_COOKIE_NAME].value
    found = socket.create_connection(("127.0.0.1", served.port), timeout=20)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\n"
    found.sendall(f"{head}Cookie: {settings.SESSION_COOKIE_NAME}={cookie}\r\n\r\n".encode())
    return found


def read_until(found: socket.socket, text: bytes) -> bytes:
    said = b""
    while text not in said:
        more = found.recv(65536)
        assert more, f"the stream ended: {said[-300:]!r}"
        said += more
    return said


@pytest.mark.goal("RG-13")
def test_more_streams_than_the_database_has_connections_leave_the_pages_as_they_are(clinic: Clinic, tmp_path: Path):
    ward = Ward(clinic)
    ward.arrive()
    with Served(tmp_path) as served:
        streams = [ask(served, clinic, "/live/rooms/") for _ in range(24)]  # the pool has eight
        try:
            for stream in streams:
                read_until(stream, b"event: beat")
            page = ask(served, clinic, "/rooms/")
            assert b"200" in read_until(page, b"Bay 1").split(b"\r\n")[0]
            page.close()
            ward.read(spo2=85)
            for stream in streams:
                assert b"Red alert" in read_until(stream, b"Red alert")
        finally:
            for stream in streams:
                stream.close()


@pytest.mark.hazard("HAZ-33", "C1")
@pytest.mark.goal("RG-14")
@pytest.mark.goal("RG-43")
def test_an_alert_climbs_on_time_though_the_process_that_watches_it_is_killed(clinic: Clinic, tmp_path: Path):
    ward = Ward(clinic)
    ward.to_dosing()
    ward.read(systolic=160)
    ward.confirm()
    alert = AlertState.objects.get(about="systolic")
    steps = {step.ring: step.after_s for step in ward.session.protocol.steps if step.level == "amber"}
    with Served(tmp_path, workers=2) as served:
        until(lambda: (heart.age_s() or 99) < 5, 60)
        session = ward.session
        since = next(a for a in session.open_alerts() if a.about == "systolic").since_s
        room = since + steps["room"]
        ward.later(room - session.now_s - 3)  # three seconds before it is due
        holder = Beat.objects.get().holder
        served.kill_worker(int(holder.split("-")[0]))
        reached = AlertReach.objects.filter(alert=alert.alert, ring="room")
        until(reached.exists, 60)
        assert 0 <= reached.get().elapsed_s - room <= 5 + 6  # and the time until another process takes over
        until(lambda: (heart.age_s() or 99) < 5, 30)
        assert Beat.objects.get().holder != holder
    store.forget()


@pytest.mark.goal("RG-43")
def test_a_server_that_is_started_anew_in_a_session_loses_nothing_and_keeps_its_clock(
    clinic: Clinic, tmp_path: Path, rounds: Callable[[int], int]
):
    ward = Ward(clinic)
    ward.to_dosing()
    values = SessionEvent.objects.filter(session=ward.row, kind="Read").order_by("sequence")
    before = values.count()
    with Served(tmp_path) as served:
        with Tablet(served.port, ward) as tablet:
            for _ in range(rounds(200)):
                tablet.goes_on(4)
                served.kill()
                served.start()
            tablet.goes_on(4)
        until(lambda: (heart.age_s() or 99) < 5, 30)
    store.forget()
    kept = [str(key) for key in values.values_list("key", flat=True)[before:]]
    assert kept == [key for key, _, _ in tablet.acknowledged]
    assert tablet.longest_s <= 10
    starts = [session_s - at for _, at, session_s in tablet.acknowledged]
    assert max(starts) - min(starts) <= 2  # seconds of the session run as those of a steady clock do
    assert tablet.faults == []
