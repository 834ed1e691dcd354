"""
Events to JSON and back, and the session that its events make.

A session is replayed once in a process and kept under its sequence; what came since is added. The clock of a kept
session is that of its last event: `now` moves it.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import F

from openkap.dose import events as e
from openkap.dose.clock import Anchor, Tick, elapsed
from openkap.dose.models import DosingSession, ProtocolText, SessionEvent
from openkap.dose.protocol import Protocol
from openkap.dose.session import Session
from openkap.dose.steps import again
from openkap.dose.types import Entry, Person, Phase, Stamp
from openkap.people.models import Patient, Site

KINDS: dict[str, type[e.Event]] = {
    name: kind for name, kind in inspect.getmembers(e, inspect.isclass) if issubclass(kind, e.Event)
}
MOST = 512  # sessions kept in a process; one of two hundred events takes about half a megabyte
_BOOT = Path("/proc/sys/kernel/random/boot_id")


# -- clocks ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def boot() -> str:
    """Which boot of the machine this is; without one to ask, which process: then a restart makes times unsure."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"process-{time.time_ns()}"


def tick() -> Tick:
    """The server's clocks now. The monotonic one goes on while the machine sleeps, where there is such a clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Tick(boot(), time.clock_gettime(clock), datetime.now(UTC))


def stamp(row: DosingSession, last: SessionEvent | None, device_at: datetime | None = None) -> Stamp:
    """The moment of now in a session, from its last event or, without one, from its booking."""
    now = tick()
    then: DosingSession | SessionEvent = last or row
    at = last.at if last else row.booked_at
    anchor = Anchor(
        Tick(then.boot, then.monotonic_s, at),
        last.elapsed_s if last else 0,
        last.unsure_s if last else 0,
        last.sure_from_s if last else None,
    )
    passed = elapsed(anchor, now)
    day = now.at.astimezone(zone_of(row.site)).date()
    return Stamp(passed.seconds, now.at, day, device_at, passed.unsure_s, passed.sure_from_s)


def anchor(row: DosingSession, last: SessionEvent | None, elapsed_s: int) -> tuple[str, float]:
    """
    The clock from which what comes after an event is counted: boot and monotonic seconds.

    In the same boot it moves by whole seconds with the elapsed time, so that rounding never adds up.
    """
    then: DosingSession | SessionEvent = last or row
    if then.boot == boot():
        return then.boot, then.monotonic_s + elapsed_s - (last.elapsed_s if last else 0)
    clocks = tick()
    return clocks.boot, clocks.monotonic_s


def zone_of(site: Site) -> ZoneInfo:
    """The zone of a site's calendar."""
    return ZoneInfo(site.zone)


# -- words of the record ---------------------------------------------------------------------------------


def written(event: e.Event) -> str:
    """An event as JSON text."""
    return msgspec.json.encode(event, order="deterministic").decode()


def read(row: SessionEvent) -> Entry:
    """An entry of the log, from its row."""
    event = msgspec.json.decode(row.document, type=KINDS[row.kind])
    at = Stamp(row.elapsed_s, row.at, row.day, row.device_at, row.unsure_s, row.sure_from_s)
    return Entry(event, at, Phase(row.before), Phase(row.after))


def keep_protocol(protocol: Protocol) -> ProtocolText:
    """The content a session runs by, kept word for word; the same content is kept once."""
    text = msgspec.json.encode(protocol, order="deterministic").decode()
    row, _ = ProtocolText.objects.get_or_create(
        digest=hashlib.sha256(text.encode()).hexdigest(), defaults={"document": text}
    )
    return row


@lru_cache(maxsize=64)
def protocol_of(digest: str) -> Protocol:
    """The content under a digest."""
    return msgspec.json.decode(ProtocolText.objects.get(pk=digest).document, type=Protocol)


# -- sessions --------------------------------------------------------------------------------------------

_kept: OrderedDict[UUID, tuple[int, Session, SessionEvent | None]] = OrderedDict()
_lock = Lock()


def person_of(patient: Patient) -> Person:
    """Who identifies as the patient of a session."""
    return Person(f"{patient.given} {patient.family}", patient.birth_date)


def booked(row: DosingSession) -> Session:
    """The session before its first event."""
    return Session(str(row.pk), str(row.patient_id), person_of(row.patient), row.day, protocol_of(row.protocol_id))


def replayed(row: DosingSession) -> tuple[Session, SessionEvent | None]:
    """
    The session after its newest event, and that event.

    Args:
        row: with `patient` and `site`; its `sequence` is not believed, the events are read.
    """
    with _lock:
        sequence, session, last = _kept.get(row.pk, (0, None, None))
    new = list(SessionEvent.objects.filter(session=row, sequence__gte=sequence).order_by("sequence"))
    if last is not None and (not new or new[0].key != last.key):  # kept in a transaction that was undone
        session, last = None, None
        new = list(SessionEvent.objects.filter(session=row).order_by("sequence"))
    elif last is not None:
        new = new[1:]
    made = session or booked(row)
    for event in new:
        made, last = again(made, read(event)), event
    if last is not None:
        keep(row.pk, made, last)
    return made, last


def keep(pk: UUID, session: Session, last: SessionEvent) -> None:
    """Keep what an event made of a session. Whoever uses it asks whether that event is still the one in the log."""
    with _lock:
        _kept[pk] = (last.sequence, session, last)
        _kept.move_to_end(pk)
        while len(_kept) > MOST:
            _kept.popitem(last=False)


def forget() -> None:
    """Forget every kept session: for tests that empty the database."""
    with _lock:
        _kept.clear()
    protocol_of.cache_clear()


def load(row: DosingSession) -> Session:
    """The session as it is now: its clock moved to this moment, nothing written."""
    session, last = replayed(row)
    return now(session, stamp(row, last))


def now(session: Session, at: Stamp) -> Session:
    """The session with its clock at this moment."""
    return replace(session, clock=at)


def load_all(rows: Iterable[DosingSession]) -> list[tuple[DosingSession, Session]]:
    """`load` for several: one query for all that have no newer event than what is kept."""
    wanted = list(rows)
    newest = SessionEvent.objects.filter(session__in=wanted, sequence=F("session__sequence"))
    keys = dict(newest.values_list("session", "key"))
    found = []
    for row in wanted:
        with _lock:
            _, session, last = _kept.get(row.pk, (0, None, None))
        if session is None or last is None or last.key != keys.get(row.pk):
            session, last = replayed(row)
        found.append((row, now(session, stamp(row, last))))
    return found
