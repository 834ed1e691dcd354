"""
Events of reads, several replies' in one transaction.

Each reply waits until its events are on the disk. A disk takes milliseconds for that however many events there are, and
the chain lets one transaction write at a time: so whoever comes while another writes is written together with all the
others who wait, by the first of them whose turn it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from openkap.people import audit, keeping
from openkap.people.audit import Event, Origin
from openkap.people.types import Principal


@dataclass
class _Reply:
    """One reply's events, and whether another has written them."""

    site_id: UUID
    events: Sequence[Event]
    principal: Principal
    origin: Origin
    written: bool = field(default=False)

    def write(self) -> None:
        audit.record(self.site_id, self.events, principal=self.principal, origin=self.origin)


_waiting: list[_Reply] = []
_door, _turn = Lock(), Lock()  # to the list; to write


def record_read(
    site_id: UUID, events: Sequence[Event], *, principal: Principal, origin: Origin, watches: bool = False
) -> None:
    """
    Record that a reply shows something; on the disk when it returns.

    Args:
        watches: patients are watched by it: while the trail cannot be written, its events wait for it (keeping.py).

    Raises:
        DatabaseError: the trail cannot be written, and nothing may be shown.
    """
    try:
        _record(site_id, events, principal, origin)
    except DatabaseError as fault:
        if connection.in_atomic_block or not keeping.refuses(fault):
            raise
        keeping.failed(fault)
        if not watches:
            raise
        keeping.spooled(site_id, events, principal, origin)


def _record(site_id: UUID, events: Sequence[Event], principal: Principal, origin: Origin) -> None:
    mine = _Reply(site_id, events, principal, origin)
    if connection.in_atomic_block:
        mine.write()
        return
    with _door:
        _waiting.append(mine)
    with _turn:
        if mine.written:
            return
        with _door:
            others = [reply for reply in _waiting if reply is not mine]
            _waiting.clear()
        _write_all(mine, others)


def _write_all(mine: _Reply, others: Sequence[_Reply]) -> None:
    """Whoever is not written here, for whatever reason, is not marked so and writes when its own turn comes."""
    try:
        with transaction.atomic():
            for reply in sorted([mine, *others], key=lambda reply: reply.site_id):  # sites are locked in one order
                reply.write()
    except Exception:
        if not others:
            raise
        mine.write()  # perhaps it was for the sake of another
        return
    for reply in others:
        reply.written = True
