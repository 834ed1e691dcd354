"""
Every process learns of what was written about a session, and every screen that watches is sent it once.

    wake(site, session, sequence)           in the transaction that writes
    follower.follow(listener)               a thread of this process reads the log on and tells the listener
    fan = Fan(); box = fan.join()           a bounded mailbox for each screen; fan.send([...]) fills them all

On PostgreSQL the transaction notifies and each process listens on a connection of its own. SQLite has no such thing:
there the thread looks at `PRAGMA data_version`, which costs microseconds and changes with every commit of another
connection. In both cases the word is only that there is something new: what it is, is read from the log by its ids, so
that a notice that was lost, doubled or came while the connection was away changes nothing (ADR 0014).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Q

from openkap.dose.models import SessionEvent

CHANNEL = "openkap_live"
LOOK_S = 0.2  # between two looks on SQLite
TURN_S = 1.0  # the longest between two turns of the thread, whatever is or is not written
AWAY_S = 0.5  # before a lost connection is tried again
GAP_S = 120  # an id that is missing may still be committed so long; then it was rolled back
BEHIND = 500  # ids before the newest that are looked through when the thread begins
MOST = 64  # messages that wait for one screen
log = logging.getLogger("openkap.live")


@dataclass(frozen=True, slots=True)
class Woke:
    """One accepted event: whose site, which session, its number there."""

    site: UUID
    session: UUID
    sequence: int


class Listener(Protocol):
    """Who is told, in the follower's thread. What it raises is logged and stops nobody else."""

    def heard(self, new: Sequence[Woke]) -> None:
        """These events were committed; of each at least once, in the order of their ids as far as it is known."""

    def turn(self) -> None:
        """At least every TURN_S."""


def wake(site_id: UUID, session_id: UUID, sequence: int) -> None:
    """
    Wake every process once the present transaction is committed. What it wrote they read for themselves.

    Args:
        site_id, session_id, sequence: what moved; the log says so too, and is believed.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    transaction.on_commit(follower.nudge)


# -- reading the log on ----------------------------------------------------------------------------------


@dataclass
class Position:
    """
    How far the log was read.

    Args:
        last: the highest id that was seen.
        gaps: lower ids that were not there yet, and when that was noticed: PostgreSQL gives ids out before the
            commit, so that a higher one may be committed first.
    """

    last: int = 0
    gaps: dict[int, float] = field(default_factory=dict)

    @classmethod
    def now(cls) -> Position:
        """The end of the log, with what is still on its way."""
        newest = SessionEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
        here = cls(max(0, newest - BEHIND))
        here.read()
        return here

    def read(self) -> list[Woke]:
        """What was committed since."""
        now = time.monotonic()
        self.gaps = {pk: since for pk, since in self.gaps.items() if now - since < GAP_S}
        rows = SessionEvent.objects.filter(Q(pk__gt=self.last) | Q(pk__in=list(self.gaps)))
        found = list(rows.order_by("pk").values_list("pk", "site_id", "session_id", "sequence"))
        seen = {pk for pk, *_ in found}
        highest = max(seen, default=self.last)
        if highest > self.last:
            first = max(self.last + 1, highest - BEHIND)
            self.gaps |= dict.fromkeys(set(range(first, highest)) - seen, now)
            self.last = highest
        for pk in seen:
            self.gaps.pop(pk, None)
        return [Woke(site, session, sequence) for _pk, site, session, sequence in found]


class _Looking:
    """SQLite: has another connection committed since the last look?"""

    def __init__(self, nudged: threading.Event):
        self._nudged, self._version = nudged, self._look()

    def wait(self) -> bool:
        """True if there may be something new; after TURN_S at the latest it is over."""
        for _ in range(round(TURN_S / LOOK_S)):
            said = self._nudged.wait(LOOK_S)
            self._nudged.clear()
            before, self._version = self._version, self._look()
            if said or self._version != before:
                return True
        return False

    def close(self) -> None:
        """Nothing of its own is open."""

    def _look(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            return int(cursor.fetchone()[0])


class _Listening:
    """PostgreSQL: a connection of its own that listens."""

    def __init__(self, nudged: threading.Event):
        import psycopg

        parameters = {k: v for k, v in connection.get_connection_params().items() if k in _ADDRESS}
        self._nudged = nudged
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._connection.execute(f"LISTEN {CHANNEL}")

    def wait(self) -> bool:
        """As `_Looking.wait`."""
        said = any(True for _ in self._connection.notifies(timeout=TURN_S, stop_after=1))
        # A nudge of this process comes with a notice; it counts by itself only where the notice was lost.
        nudged = self._nudged.is_set()
        self._nudged.clear()
        return said or nudged

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


_ADDRESS = ("dbname", "user", "password", "host", "port")


class Follower:
    """One thread in a process; begins with the first listener and ends with the process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._nudged, self._over, self._ready = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def follow(self, listener: Listener) -> None:
        """Tell this listener from now on. What was committed before this returns, it may read for itself."""
        with self._lock:
            if listener not in self._listeners:
                self._listeners.append(listener)
            if self._thread is None or not self._thread.is_alive():
                self._over.clear()
                self._ready.clear()
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        self._ready.wait(10)

    def leave(self, listener: Listener) -> None:
        """Tell this listener no more."""
        with self._lock:
            self._listeners = [one for one in self._listeners if one is not listener]

    def nudge(self) -> None:
        """This process committed something."""
        self._nudged.set()

    def stop(self) -> None:
        """End the thread; for tests, whose database goes away."""
        self._over.set()
        self._nudged.set()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None
        self._listeners = []

    def _run(self) -> None:
        source: _Looking | _Listening | None = None
        position: Position | None = None
        while not self._over.is_set():
            try:
                if source is None:
                    source = (_Listening if connection.vendor == "postgresql" else _Looking)(self._nudged)
                    position = position or Position.now()
                    self._ready.set()
                    self._tell(position)  # what came while the connection was away
                if source.wait():
                    assert position is not None
                    self._tell(position)
                for listener in self._listeners:
                    self._safely(listener.turn)
            except _faults():
                log.exception("live.away")
                if source is not None:
                    source.close()
                source = None
                connection.close()
                self._over.wait(AWAY_S)
        if source is not None:
            source.close()
        connection.close()

    def _tell(self, position: Position) -> None:
        if new := position.read():
            for listener in self._listeners:
                self._safely(listener.heard, new)

    def _safely(self, act: Any, *values: Any) -> None:
        try:
            act(*values)
        except _faults():
            raise
        except Exception:
            log.exception("live.listener")


def _faults() -> tuple[type[Exception], ...]:
    """What means that the database is away."""
    if connection.vendor == "postgresql":
        import psycopg

        return (DatabaseError, psycopg.Error, OSError)
    return (DatabaseError, OSError)


follower: Final = Follower()


# -- to the screens --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What a screen is told beside the messages themselves."""

    word: str


RELOAD: Final = Told("reload")  # it fell behind: send the whole state
GONE: Final = Told("gone")  # whoever watched may watch no more


class Mailbox:
    """What waits for one screen. Only its loop touches it; `Fan` fills it from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self._waiting: deque[bytes] = deque()
        self._behind = self._gone = False
        self._some = asyncio.Event()

    def put(self, messages: Iterable[bytes]) -> None:
        """Add messages; where too many wait, they are dropped and the screen reloads."""
        self._waiting.extend(messages)
        if len(self._waiting) > MOST:
            self._behind = True
            self._waiting.clear()
        self._some.set()

    def end(self) -> None:
        """The screen may not watch any more."""
        self._gone = True
        self._some.set()

    def is_over(self) -> bool:
        """True once `end` was called."""
        return self._gone

    async def next(self, within_s: float) -> bytes | Told | None:
        """All that waits, as one piece; None if nothing came in time."""
        if not self._some.is_set():
            try:
                await asyncio.wait_for(self._some.wait(), within_s)
            except TimeoutError:
                return None
        if self._gone:
            return GONE
        self._some.clear()
        if self._behind:
            self._behind = False
            self._waiting.clear()
            return RELOAD
        whole = b"".join(self._waiting)
        self._waiting.clear()
        return whole


class Fan:
    """The mailboxes of everybody who watches one thing."""

    def __init__(self) -> None:
        self._boxes: set[Mailbox] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._boxes)

    def join(self) -> Mailbox:
        """A mailbox for the loop that runs here."""
        box = Mailbox(asyncio.get_running_loop())
        with self._lock:
            self._boxes.add(box)
        return box

    def leave(self, box: Mailbox) -> None:
        """Nobody reads this mailbox any more."""
        with self._lock:
            self._boxes.discard(box)

    def send(self, messages: Sequence[bytes]) -> None:
        """The same bytes to everybody."""
        if messages:
            self._each(lambda box: box.put(messages), list(self._boxes))

    def end(self, box: Mailbox) -> None:
        """Tell one screen that it may not watch any more."""
        self._each(Mailbox.end, [box])

    def _each(self, act: Any, boxes: list[Mailbox]) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[Mailbox]] = {}
        for box in boxes:
            loops.setdefault(box.loop, []).append(box)
        for loop, here in loops.items():
            try:
                loop.call_soon_threadsafe(_all, act, here)
            except RuntimeError:  # the loop is closed, and whoever watched from it is gone
                for box in here:
                    self.leave(box)


def _all(act: Any, boxes: list[Mailbox]) -> None:
    for box in boxes:
        act(box)


# -- as a stream -----------------------------------------------------------------------------------------


def message(event: str, data: str, number: str = "") -> bytes:
    """One server-sent event. `data` is one line of JSON, in which a line break is written out."""
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {event}\ndata: {data}\n\n".encode()
