"""Every commit reaches every process, none is lost, and a slow screen costs nobody anything."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, connection

from openkap.dose import events as e
from openkap.dose import live
from openkap.dose.live import GONE, MOST, RELOAD, Fan, Follower, Mailbox, Position, Woke
from openkap.dose.models import SessionEvent
from openkap.dose.tests.ward import Ward
from tests.database import Clinic


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.01)


def in_a_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives, in a thread and a loop of its own: the browser of other tests has one in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.got: list[Woke] = []
        self.turns = 0

    def heard(self, new) -> None:
        self.got += new

    def turn(self) -> None:
        self.turns += 1


@pytest.fixture
def ward(transactional_db: None) -> Ward:
    from tests.database import make_clinic

    return Ward(make_clinic())


@pytest.fixture
def follower(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follower]:
    found = Follower()
    monkeypatch.setattr(live, "follower", found)
    yield found
    found.stop()


# -- the log, read on ------------------------------------------------------------------------------------


@pytest.mark.goal("RG-13")
def test_what_another_thread_commits_is_heard_once_each_in_order(ward: Ward, follower: Follower):
    ear = Ear()
    follower.follow(ear)
    ward.arrive()
    until(lambda: len(ear.got) >= ward.row.sequence or not ward.row.refresh_from_db())
    ward.row.refresh_from_db()
    until(lambda: len(ear.got) == ward.row.sequence)
    assert [one.sequence for one in ear.got] == list(range(1, ward.row.sequence + 1))
    assert {(one.site, one.session) for one in ear.got} == {(ward.clinic.site.pk, ward.row.pk)}


def test_it_is_heard_without_a_word_from_the_process_that_wrote_it(ward: Ward, follower: Follower, monkeypatch):
    """As from another process, whose nudge does not reach this one."""
    ear = Ear()
    follower.follow(ear)
    monkeypatch.setattr(follower, "nudge", lambda: None)
    ward.do(e.Arrive)
    until(lambda: len(ear.got) > 0)


def test_time_passes_for_listeners_though_nothing_is_written(follower: Follower):
    ear = Ear()
    follower.follow(ear)
    until(lambda: ear.turns >= 2)


def test_what_was_committed_while_the_connection_was_away_is_heard_afterwards(
    ward: Ward, follower: Follower, monkeypatch: pytest.MonkeyPatch
):
    ear, away = Ear(), threading.Event()
    follower.follow(ear)
    kind = live._Listening if connection.vendor == "postgresql" else live._Looking
    wait, lost = kind.wait, []

    def broken(self) -> bool:
        if away.is_set():
            lost.append(1)
            raise DatabaseError("away")
        return wait(self)

    monkeypatch.setattr(kind, "wait", broken)
    monkeypatch.setattr(live, "AWAY_S", 0.3)
    away.set()
    until(lambda: len(lost) > 0)
    ear.got.clear()
    with monkeypatch.context() as no_word:
        no_word.setattr(follower, "nudge", lambda: None)
        ward.do(e.Arrive)
    away.clear()
    ward.row.refresh_from_db()
    until(lambda: {one.sequence for one in ear.got} == set(range(1, ward.row.sequence + 1)))


def test_a_listener_that_fails_stops_no_other(ward: Ward, follower: Follower):
    class Broken(Ear):
        def heard(self, new) -> None:
            raise ValueError

        turn = heard  # type: ignore[assignment]

    ear = Ear()
    follower.follow(Broken())
    follower.follow(ear)
    ward.do(e.Arrive)
    until(lambda: len(ear.got) > 0 and ear.turns > 0)


def test_ids_that_are_committed_out_of_order_are_not_lost(clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    ward = Ward(clinic)
    here = Position.now()
    ward.do(e.Arrive)
    rows = list(SessionEvent.objects.order_by("pk").values_list("pk", flat=True))
    assert len(rows) >= 2
    hidden, real = {rows[0]}, SessionEvent.objects.filter

    def committed(*q, **kw):
        return real(*q, **kw).exclude(pk__in=hidden)

    with monkeypatch.context() as patch:
        patch.setattr(SessionEvent.objects, "filter", committed)
        assert [one.sequence for one in here.read()] == list(range(2, len(rows) + 1))
    assert [one.sequence for one in here.read()] == [1]  # it was given its id before the others, and committed after
    assert here.read() == []


def test_an_id_that_was_rolled_back_is_not_waited_for_for_ever(clinic: Clinic):
    here = Position(last=0, gaps={1: time.monotonic() - live.GAP_S - 1, 2: time.monotonic()})
    here.read()
    assert set(here.gaps) == {2}


# -- to the screens --------------------------------------------------------------------------------------


def test_everybody_gets_the_same_bytes_in_order():
    async def watch() -> list[bytes]:
        fan = Fan()
        boxes = [fan.join() for _ in range(3)]
        threading.Thread(target=lambda: [fan.send([b"a", b"b"]), fan.send([b"c"])]).start()
        await asyncio.sleep(0.05)
        return [await box.next(1) for box in boxes]

    assert in_a_loop(watch()) == [b"abc"] * 3


def test_a_slow_screen_is_told_to_reload_and_its_mailbox_does_not_grow():
    async def watch() -> list[object]:
        fan = Fan()
        box = fan.join()
        for n in range(MOST * 50):
            fan.send([str(n).encode()])
        await asyncio.sleep(0.05)
        assert len(box._waiting) <= MOST
        said = [await box.next(1)]
        fan.send([b"next"])
        await asyncio.sleep(0.01)
        return [*said, await box.next(1), await box.next(0.01)]

    assert in_a_loop(watch()) == [RELOAD, b"next", None]


def test_a_screen_that_may_watch_no_more_gets_nothing_that_waited_for_it():
    async def watch() -> object:
        fan = Fan()
        box = fan.join()
        fan.send([b"secret"])
        fan.end(box)
        await asyncio.sleep(0.01)
        return await box.next(1)

    assert in_a_loop(watch()) is GONE


def test_a_screen_whose_loop_is_closed_is_forgotten():
    fan = Fan()

    async def join() -> Mailbox:
        return fan.join()

    in_a_loop(join())
    assert len(fan) == 1
    fan.send([b"a"])
    assert len(fan) == 0


def test_a_message_is_one_event_of_one_line():
    assert live.message("session", '{"a": 1}', "7") == b'id: 7\nevent: session\ndata: {"a": 1}\n\n'
