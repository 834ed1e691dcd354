"""
The audit trail: who did what with whose record, in a chain that shows every later change.

Each event holds the hash of the one before it, so an edit, an insertion, a missing or a moved event breaks
the chain. Cutting the tail, or writing the whole chain anew, leaves a chain that is sound in itself;
these show against checkpoints, which are signed and kept on another machine.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import UUIDField
from django.utils import timezone

from openkap import __version__
from openkap.people.models import AuditEvent, Site
from openkap.people.prepared import Prepared
from openkap.people.types import Principal, Purpose

FIRST = "0" * 64  # what the first event of a site holds as the hash before it
Action = Literal["C", "R", "U", "D", "E"]
Outcome = Literal["success", "denied", "failure"]

_TEXTS = (
    "type", "action", "outcome", "roles", "client", "device", "purpose", "entity", "reason", "request_id", "software",
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Where a request came from: address, device, random id of the request."""

    client: str = ""
    device: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Event:
    """
    What is to be recorded; `record` adds number, time, software and hashes. Never a clinical value.

    Args:
        type: patient-record, sign-in, privilege, care-team, export, print, setting.
        entity: kind and id of the thing, such as `CarePlan/0b6c…`.
    """

    type: str
    action: Action
    outcome: Outcome = "success"
    patient_id: UUID | None = None
    purpose: Purpose | None = None
    entity: str = ""
    entity_version: int | None = None
    reason: str = ""


_FIELDS = [field for field in AuditEvent._meta.local_concrete_fields if not field.primary_key]
_LOCK = Prepared(lambda site: Site.objects.select_for_update(no_key=True).filter(pk=site).only("pk"), site=UUIDField())
_LAST = Prepared(
    lambda site: AuditEvent.objects.filter(site=site).order_by("-sequence").only("sequence", "hash")[:1],
    site=UUIDField(),
)


def record(
    site_id: UUID,
    events: Sequence[Event],
    *,
    principal: Principal | None = None,
    user_id: UUID | None = None,
    origin: Origin | None = None,
) -> None:
    """
    Append events to the chain of a site, in the transaction of the change they tell of.

    The site's row is locked until that transaction ends, so that numbers have no gap and no twin.

    Raises:
        DatabaseError: the trail cannot be written; then the change must not happen and no data may leave.
    """
    if not events:
        return
    origin = origin or Origin()
    with transaction.atomic():
        _LOCK.rows(site=site_id)
        last = _LAST.first(site=site_id)
        sequence, previous = (last.sequence, last.hash) if last else (0, FIRST)
        # One row, filled anew for each event: a list shows thirty people, and thirty objects cost more than their rows.
        row = AuditEvent(
            site_id=site_id,
            at=timezone.now(),
            user_id=principal.user_id if principal else user_id,
            roles=" ".join(sorted(principal.roles)) if principal else "",
            client=origin.client[:64],
            device=origin.device[:200],
            request_id=origin.request_id,
            software=f"openkap {__version__}",
        )
        written = []
        for event in events:
            sequence += 1
            row.sequence, row.previous_hash = sequence, previous
            row.type, row.action, row.outcome = event.type, event.action, event.outcome
            row.purpose, row.patient_id = event.purpose or "", event.patient_id
            row.entity, row.entity_version, row.reason = event.entity, event.entity_version, event.reason
            row.hash = previous = digest(row)
            written.append([getattr(row, field.attname) for field in _FIELDS])
        _insert(written)


def _insert(rows: Sequence[Sequence[Any]]) -> None:
    """What `bulk_create` does, without its query builder, and each value made fit for the database once."""
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in _FIELDS)
    text = f"INSERT INTO {AuditEvent._meta.db_table} ({columns}) VALUES ({', '.join(['%s'] * len(_FIELDS))})"
    fit: dict[tuple[int, Any], Any] = {}
    for row in rows:
        for place, value in enumerate(row):
            if (place, value) not in fit:
                fit[place, value] = _FIELDS[place].get_db_prep_save(value, connection)
    with connection.cursor() as cursor:
        cursor.executemany(text, [[fit[place, value] for place, value in enumerate(row)] for row in rows])


def digest(row: AuditEvent) -> str:
    """SHA-256 over every field of the event, the hash before it included."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in _TEXTS}
    fields |= {
        "site": str(row.site_id),
        "sequence": row.sequence,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "user": str(row.user_id) if row.user_id else None,
        "patient": str(row.patient_id) if row.patient_id else None,
        "entity_version": row.entity_version,
        "previous": row.previous_hash,
    }
    return hashlib.sha256(json.dumps(fields, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


# ---------------------------------------------------------------- checking the chain


@dataclass(frozen=True)
class Checkpoint:
    """What the chain of a site was at an instant, signed with the secret of the deployment."""

    site: str
    sequence: int
    hash: str
    at: str
    signature: str = ""

    def signed(self) -> Checkpoint:
        return Checkpoint(self.site, self.sequence, self.hash, self.at, self._signature())

    @property
    def is_genuine(self) -> bool:
        return hmac.compare_digest(self.signature, self._signature())

    def _signature(self) -> str:
        text = f"{self.site} {self.sequence} {self.hash} {self.at}"
        return hmac.new(f"openkap.checkpoint:{settings.SECRET_KEY}".encode(), text.encode(), hashlib.sha256).hexdigest()


def checkpoint(site_id: UUID) -> Checkpoint:
    """The chain as it stands now."""
    last = AuditEvent.objects.filter(site_id=site_id).order_by("-sequence").values_list("sequence", "hash").first()
    sequence, value = last or (0, FIRST)
    return Checkpoint(str(site_id), sequence, value, datetime.now(UTC).isoformat(timespec="seconds")).signed()


def faults(site_id: UUID, checkpoints: Iterable[Checkpoint] = ()) -> list[str]:
    """
    Everything that is wrong with the chain of a site; empty if it is whole.

    Args:
        checkpoints: those kept on another machine; without them a cut tail cannot be seen.
    """
    hashes = {0: FIRST}
    rows = AuditEvent.objects.filter(site_id=site_id).order_by("sequence").iterator(chunk_size=2000)
    found = _chain_faults(rows, 0, FIRST, hashes)
    return found + _against(checkpoints, site_id, hashes, max(hashes))


def _chain_faults(
    rows: Iterable[AuditEvent], number: int, previous: str, hashes: dict[int, str] | None = None
) -> list[str]:
    """What is wrong within events that follow event `number`; `hashes` takes in the hash of each."""
    found: list[str] = []
    for row in rows:
        if row.sequence != number + 1:
            found.append(f"Events {number + 1} to {row.sequence - 1} are missing.")
        if row.previous_hash != previous:
            found.append(f"Event {row.sequence} does not follow the event before it.")
        if row.hash != digest(row):
            found.append(f"Event {row.sequence} is not as it was written.")
        number, previous = row.sequence, row.hash
        if hashes is not None:
            hashes[number] = row.hash
    return found


def _against(checkpoints: Iterable[Checkpoint], site_id: UUID, hashes: Mapping[int, str], number: int) -> list[str]:
    """What checkpoints say against a chain that ends at event `number`."""
    found: list[str] = []
    for point in checkpoints:
        if point.site != str(site_id) or not point.is_genuine:
            found.append(f"The checkpoint at {point.sequence} of {point.at} is not one of this site.")
        elif point.sequence not in hashes:
            found.append(f"The chain ends at {number}, but it had {point.sequence} events at {point.at}.")
        elif hashes[point.sequence] != point.hash:
            found.append(f"Event {point.sequence} is not the one that the checkpoint of {point.at} saw.")
    return found


def faults_at_the_end(site_id: UUID, checkpoints: Sequence[Checkpoint] = (), events: int = 1000) -> list[str]:
    """
    What is wrong with the last events of a chain, in a time that does not grow with it: for every start.

    Args:
        checkpoints: those kept on another machine, oldest first; the last one is compared.
    """
    last = AuditEvent.objects.filter(site_id=site_id).order_by("-sequence")[:events]
    rows = sorted(last, key=lambda row: row.sequence)
    first = rows[0].sequence if rows else 1
    before = FIRST if first == 1 else rows[0].previous_hash
    hash_of = AuditEvent.objects.filter(site_id=site_id).values_list("hash", flat=True)
    if first > 1 and hash_of.filter(sequence=first - 1).first() != before:
        return [f"Event {first} does not follow the event before it."]
    known = {row.sequence: row.hash for row in rows}
    point = checkpoints[-1:]
    if point and point[0].sequence < first and (old := hash_of.filter(sequence=point[0].sequence).first()):
        known[point[0].sequence] = old
    return _chain_faults(rows, first - 1, before) + _against(point, site_id, known | {0: FIRST}, first + len(rows) - 1)


def keep_checkpoint(folder: Path, site_id: UUID) -> Checkpoint:
    """Append a checkpoint to the site's file in a folder that should be on another machine."""
    point = checkpoint(site_id)
    with (folder / f"{site_id}.jsonl").open("a", encoding="ascii") as file:
        file.write(json.dumps(asdict(point)) + "\n")
    return point


def kept_checkpoints(folder: Path, site_id: UUID) -> list[Checkpoint]:
    """The checkpoints that were kept for a site, oldest first."""
    path = folder / f"{site_id}.jsonl"
    if not path.is_file():
        return []
    return [Checkpoint(**json.loads(line)) for line in path.read_text(encoding="ascii").splitlines()]
