"""Read-only working: the database takes no write. Nothing says yes, patients are watched on, and it heals by itself."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from openkap.dose import store
from openkap.dose.models import SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.dose.types import Phase
from openkap.people import audit, keeping
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from tests.database import Clinic, make_clinic

SAYS = "Nothing is being kept."
HIDDEN = 'id="unkept" role="alert" data-s="stop" hidden'
WATCHED = ("", "emergency/", "paper/")


@pytest.fixture
def clinic(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Clinic]:
    settings.AUDIT_SPOOL = tmp_path / "spool"
    keeping.forget()
    keeping.prepare()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")  # into pages that earlier tests gave back it would take thousands of entries
    yield make_clinic()
    keeping.forget()


@pytest.fixture
def ward(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Ward:
    monkeypatch.setattr(keeping, "AGAIN_S", 3600.0)  # tries to write only where the test lets it
    return Ward(clinic).to_dosing()


@contextmanager
def full(room: int = 0) -> Iterator[None]:
    """The database takes no write: SQLite after so many pages more, PostgreSQL at once."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + room}")
        else:
            cursor.execute("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            lift = "PRAGMA max_page_count = 4294967294" if connection.vendor == "sqlite" else None
            cursor.execute(lift or "SET default_transaction_read_only = off")
        keeping._here.tried = -1e9  # the time between two tries has passed


@contextmanager
def shut() -> Iterator[None]:
    """It takes none at all."""
    with full(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA query_only = on")
        try:
            yield
        finally:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA query_only = off")


def url(ward: Ward, rest: str = "") -> str:
    return f"/p/{ward.patient.pk}/dose/{ward.row.pk}/{rest}"


def send(ward: Ward, client: Client, key: str, text: str) -> Any:
    entry = {"key": key, "kind": "Note", "fields": {"text": text}}
    body = {"by": str(ward.clinic.users[Role.NURSE].pk), "events": [entry]}
    return client.post(url(ward, "events/"), json.dumps(body), content_type="application/json")


def until_refused(ward: Ward, client: Client, rng: random.Random) -> tuple[set[str], str]:
    """Entries until one is not kept: those that were acknowledged, and that one."""
    kept = set()
    for _ in range(2000):
        key = str(uuid4())
        reply = send(ward, client, key, "x" * rng.randint(1, 1900))
        if reply.status_code == 503:
            return kept, key
        assert [one["state"] for one in reply.json()["results"]] == ["accepted"]
        kept.add(key)
    raise AssertionError("it took everything")


def there() -> set[str]:
    return set(SessionEvent.objects.filter(kind="Note").values_list("key", flat=True))


@pytest.mark.hazard("HAZ-46", "C2")
@pytest.mark.goal("RG-09")
def test_at_any_point_nothing_says_yes_chairs_are_read_on_and_it_heals(
    ward: Ward, seed: int, count: Callable[[int], int]
):
    rng, client = random.Random(seed), ward.clinic.client(Role.NURSE)
    client.get(url(ward))
    for point in range(count(100)):
        with full(rng.randint(0, 12)):
            kept, lost = until_refused(ward, client, rng)
            assert kept <= there() and lost not in there(), point
            with shut():  # the room that is left for something small would say that it is over
                said = AuditEvent.objects.count()
                for path in (*(url(ward, rest) for rest in WATCHED), "/rooms/", "/rooms/downtime/"):
                    reply = client.get(path)
                    assert reply.status_code == 200, (point, path)
                    assert SAYS in reply.content.decode() and HIDDEN not in reply.content.decode(), (point, path)
                    assert "/rooms/downtime/" in reply.content.decode()
                state = client.get(url(ward, "state/")).json()
                assert state["kept"] is False and state["parts"]["vitals"]
                assert AuditEvent.objects.count() == said
        assert client.get(url(ward)).content.decode().count(HIDDEN) == 1, point
        assert send(ward, client, lost, "again").status_code == 200
        assert kept | {lost} <= there()
    assert audit.faults(ward.clinic.site.pk) == []


@pytest.mark.hazard("HAZ-65", "C2")
@pytest.mark.hazard("HAZ-46", "C2")
def test_what_was_read_meanwhile_is_in_the_trail_afterwards_with_its_time_and_reader(ward: Ward):
    client = ward.clinic.client(Role.PRESCRIBER, headers={"User-Agent": "a tablet"})
    before = AuditEvent.objects.count()
    with shut():
        client.get(url(ward, "emergency/"))
        client.get(url(ward))
        assert AuditEvent.objects.count() == before
    assert client.get("/alive/").status_code == 200
    late = AuditEvent.objects.filter(reason__contains="when the trail could not be written").order_by("sequence")
    assert [row.entity for row in late] == ["dose:emergency"] * 2 + ["dose:chair"]  # the first page was made anew
    assert {(row.user, row.patient, row.purpose, row.device) for row in late} == {
        (ward.clinic.users[Role.PRESCRIBER], ward.patient, "treatment", "a tablet")
    }
    assert AuditEvent.objects.filter(entity="Keeping", reason__startswith="nothing was kept from").count() == 2
    assert keeping.works() and audit.faults(ward.clinic.site.pk) == []


@pytest.mark.hazard("HAZ-65", "C2")
def test_reads_that_were_written_into_the_trail_before_a_crash_are_not_written_twice(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    with shut():
        client.get(url(ward))
        waited = keeping._path().read_bytes()
    assert keeping.heal()
    late = AuditEvent.objects.filter(reason__contains="when the trail could not be written")
    n = late.count()
    keeping._path().write_bytes(waited)  # as a crash would have left it
    keeping._here.tried = -1e9
    assert keeping.heal() and late.count() == n


@pytest.mark.hazard("HAZ-46", "C2")
@pytest.mark.hazard("HAZ-65", "C2")
def test_every_other_page_about_a_person_stays_shut_and_says_where_to_look(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    with shut():
        client.get(url(ward))
        for path in (f"/p/{ward.patient.pk}/", url(ward, "record/"), url(ward, "gate/")):
            reply = client.get(path)
            text = reply.content.decode()
            assert reply.status_code == 503, path
            assert "Ida" not in text and reverse("dose:downtime") in text and SAYS in text


@pytest.mark.hazard("HAZ-46", "C2")
def test_a_form_that_was_not_kept_says_so_shows_what_was_typed_and_counts_once_when_sent_again(ward: Ward):
    ward.later(1800)
    client, key = ward.clinic.client(Role.NURSE), str(uuid4())
    at = f"{datetime.now(store.zone_of(ward.row.site)) - timedelta(minutes=10):%H:%M}"
    form = {"idempotency_key": key, "at": at, "spo2": "91", "seen_by": "Tom " + "x" * 90}
    with shut():
        reply = client.post(url(ward, "later/"), form)
        text = reply.content.decode()
        assert reply.status_code == 503
        assert "Not kept" in text and "Tom xxx" in text and f'value="{key}"' in text and SAYS in text
    assert client.post(url(ward, "later/"), form).status_code == 302
    assert client.post(url(ward, "later/"), form).status_code == 302
    assert [one.quantity.value for one in ward.session.readings].count(91) == 1


@pytest.mark.hazard("HAZ-46", "C2")
@pytest.mark.hazard("HAZ-47", "C1")
def test_an_emergency_that_cannot_be_written_shows_its_sheet_and_that_nobody_was_called(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    with shut():
        reply = client.post(url(ward, "emergency/"), {"idempotency_key": str(uuid4())})
        text = reply.content.decode()
        assert reply.status_code == 503
        assert "Nobody was called: nothing can be written now. Call for help yourself." in text
        assert "What to do first" in text and "82 kg" in text
    assert ward.session.phase is not Phase.ESCALATED


@pytest.mark.hazard("HAZ-46", "C2")
def test_nobody_who_watches_is_signed_out_while_nothing_can_be_written_and_everybody_idle_is_afterwards(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    client.get(url(ward))
    session = client.session
    session["seen_at"] -= 3600
    session.save()
    with shut():
        assert client.get(url(ward)).status_code == 200
        assert client.post(url(ward, "events/"), "{}", content_type="application/json").status_code == 401
    assert client.get(url(ward)).status_code == 302


@pytest.mark.parametrize("text", ["database is locked", "database table is locked"])
def test_a_database_that_is_only_busy_takes_writes(text: str):
    assert not keeping.refuses(OperationalError(text))
    assert keeping.refuses(OperationalError("database or disk is full"))
    assert keeping.refuses(OperationalError("attempt to write a readonly database"))


@pytest.mark.hazard("HAZ-65", "C2")
def test_a_line_that_comes_while_others_are_written_waits_on(clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    """Where the file takes none either: what is in memory is given to the trail, and nothing beside it is dropped."""
    keeping._here.lines = [b"before"]
    given: list[list[bytes]] = []

    def keep(lines: list[bytes]) -> None:
        given.append(lines)
        keeping._here.lines.append(b"meanwhile")

    monkeypatch.setattr(keeping, "_keep", keep)
    assert not keeping.heal()
    assert given == [[b"before"]] and keeping._here.lines == [b"meanwhile"]
