"""
Whether what is written is kept. A full disk, a database that takes no write, one that is away: then the clinic works
read-only, says so on every page, and watches on (HAZ-46).

    except DatabaseError as fault:
        if not keeping.refuses(fault): raise
        keeping.failed(fault)                 from here on every page says that nothing is kept

Pages for watching may be read then. That they were is written into a file that has its room already (spool.py) and
into the audit trail as soon as it takes an event (HAZ-65); the trail then also says since when nothing was kept.
What waits there is what tells every process; when it is empty, everything is as before.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from openkap.people import audit, spool
from openkap.people.audit import Event, Origin
from openkap.people.models import AuditEvent, Site, User
from openkap.people.types import Principal, Purpose, Role

AGAIN_S = 1.0  # between two tries of one process to write again
LOOK_BACK = 2000  # events of a trail in which a line is looked for that a crash may have left behind
MOST = 20_000  # lines in the memory of a process, where the file takes none
_STATES = ("08", "25006", "53", "57P", "58")  # PostgreSQL: connection, read-only, resources, shutdown, system
log = logging.getLogger("openkap.keeping")


class _Waiting:
    """What this process knows beside the file: lines that it did not take, and when a write was last tried."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.tried = 0.0
        self.door = threading.Lock()


_here = _Waiting()


def refuses(fault: BaseException) -> bool:
    """True if the database takes no write, or is away; a fault of one statement is neither."""
    state = getattr(fault.__cause__, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_STATES)
    return isinstance(fault, OperationalError | InterfaceError) and "locked" not in str(fault)


def works() -> bool:
    """False while nothing is kept."""
    return not _here.lines and spool.is_empty(_path())


def failed(fault: BaseException) -> None:
    """Nothing is kept from now on, until a write succeeds."""
    if works():
        log.error("keeping.failed", extra={"fault": type(fault).__name__})
        _put({"kind": "refused"})


def spooled(site_id: UUID, events: Sequence[Event], principal: Principal, origin: Origin) -> None:
    """Keep events of reads until the trail takes them."""
    who = {"user": str(principal.user_id), "roles": sorted(principal.roles), "origin": asdict(origin)}
    for event in events:
        _put({"kind": "read", "site": str(site_id), "event": asdict(event), **who})


def heal() -> bool:
    """
    Write what waits, if anything does and it was not tried just now; whether everything is kept again.

    Never raises: whoever asks goes on reading.
    """
    if works():
        return True
    with _here.door:
        if time.monotonic() - _here.tried < AGAIN_S:
            return False
        _here.tried = time.monotonic()
    try:
        spool.drain(_path(), _keep)
        waiting = list(_here.lines)
        _keep(waiting)
        with _here.door:  # those that came meanwhile wait on
            _here.lines = [line for line in _here.lines if line not in waiting]
    except (DatabaseError, InterfaceError, OSError) as fault:
        log.warning("keeping.still_failed", extra={"fault": type(fault).__name__})
        return False
    log.info("keeping.works")
    return works()


def prepare() -> None:
    """Take the room on the disk, at the start of the server."""
    try:
        spool.prepare(_path())
    except OSError:
        log.exception("keeping.no_room")


def forget() -> None:
    """For tests: nothing waits, and the next try is not too early."""
    _here.lines, _here.tried = [], 0.0
    _path().unlink(missing_ok=True)


def _path() -> Path:
    return Path(settings.AUDIT_SPOOL)


def _put(said: dict[str, Any]) -> None:
    line = json.dumps({"id": uuid4().hex, "at": datetime.now(UTC).isoformat(timespec="seconds"), **said}, default=str)
    try:
        spool.put(_path(), line.encode())
    except OSError:
        log.error("keeping.in_memory", extra={"waits": len(_here.lines) + 1})
        with _here.door:
            if len(_here.lines) < MOST:
                _here.lines.append(line.encode())


def _keep(lines: list[bytes]) -> None:
    """Into the trail of each site; all of them, or none."""
    if not lines:
        return
    said = [json.loads(line) for line in lines]
    since = min(one["at"] for one in said)
    with transaction.atomic():
        for site in Site.objects.order_by("pk").values_list("pk", flat=True):
            reads = [one for one in said if one.get("site") == str(site)]
            there = _there(site) if reads else ""
            for one in reads:
                if one["id"] not in there:
                    _write(site, one)
            words = f"nothing was kept from {since} to {datetime.now(UTC).isoformat(timespec='seconds')}"
            audit.record(site, [Event("setting", "U", "failure", entity="Keeping", reason=words)])


def _there(site: UUID) -> str:
    recent = AuditEvent.objects.filter(site=site).order_by("-sequence").values_list("reason", flat=True)[:LOOK_BACK]
    return "\n".join(recent)


def _write(site: UUID, one: dict[str, Any]) -> None:
    fields = {**one["event"]}
    fields["patient_id"] = UUID(fields["patient_id"]) if fields["patient_id"] else None
    fields["purpose"] = Purpose(fields["purpose"]) if fields["purpose"] else None
    late = f"read at {one['at']}, when the trail could not be written; {one['id']}"
    fields["reason"] = f"{fields['reason']}; {late}" if fields["reason"] else late
    name = User.objects.filter(pk=one["user"]).values_list("name", flat=True).first() or ""
    principal = Principal(UUID(one["user"]), site, frozenset(Role(role) for role in one["roles"]), name, "UTC")
    audit.record(site, [Event(**fields)], principal=principal, origin=Origin(**one["origin"]))
