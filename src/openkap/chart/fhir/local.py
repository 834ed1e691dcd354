"""
Records under ids of our own: what a bundle says, with ids and references that stay unique in a chart.

Two systems may both call something `Observation/1`, so the id of a kept record is made from the system and
the id that system gave. The same record sent again gets the same id, also where it came without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import msgspec

from openkap.chart.fhir.bundle import Bundle, Entry, references
from openkap.people.types import Label

_NAMES = UUID("5a0f1c0e-8c53-4b9e-9e0b-0d2a5a0f6b11")
_SENT = ("versionId", "lastUpdated", "source", "profile")  # of `meta`: when and how it was sent, not what it says
_LABELS = {"42CFRPart2": Label.PART_2, "ETHUD": Label.PART_2, "SUD": Label.PART_2, "PSYTHPN": Label.PSYCHOTHERAPY_NOTE}
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """
    A resource as it is kept.

    Args:
        type, id: of the resource, local.
        content: JSON text.
        digest: SHA-256 of what it says; alike for copies that differ only in when they were sent.
        label: `people.types.Label` or empty.
        disputed: the bundle holds another version under the same id.
        name: as the bundle calls it.
    """

    type: str
    id: str
    content: str
    digest: str
    label: str
    disputed: bool
    name: str


def local_records(bundle: Bundle, owner: UUID, source: str) -> list[LocalRecord]:
    """
    The records of a bundle, the patient's own resource first.

    Args:
        owner: the patient in whose chart they are kept; references to the bundle's patient become this id.
        source: the system they come from.
    """
    entries = [bundle.patient, *bundle.entries]
    ids = {id(entry): _id_of(entry, bundle, owner, source) for entry in entries}
    return [_localised(entry, bundle, ids, owner) for entry in entries]


def own_record(resource: dict[str, Any]) -> LocalRecord:
    """One resource that this clinic writes; its `id` must stand."""
    kind, name = str(resource["resourceType"]), str(resource["id"])
    return LocalRecord(kind, name, _text(resource), digest_of(resource), label_of(resource), False, f"{kind}/{name}")


def digest_of(resource: dict[str, Any]) -> str:
    """SHA-256 of what a resource says, whatever the order of its keys and whenever it was sent."""
    said = dict(resource)
    meta = said.pop("meta", None)
    if isinstance(meta, dict) and (kept := {key: value for key, value in meta.items() if key not in _SENT}):
        said["meta"] = kept
    return hashlib.sha256(_encode(said)).hexdigest()


def label_of(resource: dict[str, Any]) -> str:
    """The strictest label that the resource carries in `meta.security`."""
    meta = resource.get("meta")
    security = meta.get("security") if isinstance(meta, dict) else None
    found = {
        _LABELS[code]
        for item in (security if isinstance(security, list) else ())
        if isinstance(item, dict) and isinstance(code := item.get("code"), str) and code in _LABELS
    }
    return Label.PSYCHOTHERAPY_NOTE if Label.PSYCHOTHERAPY_NOTE in found else "".join(sorted(found)[:1])


def _id_of(entry: Entry, bundle: Bundle, owner: UUID, source: str) -> str:
    if entry is bundle.patient:
        return str(owner)
    given = entry.resource.get("id")
    # Addresses of entries without an id are often made anew with each export, so they do not count.
    own = given if isinstance(given, str) else digest_of(_without_addresses(entry.resource))
    return str(uuid5(_NAMES, f"{owner}|{source}|{entry.type}|{own}"))


def _localised(entry: Entry, bundle: Bundle, ids: dict[int, str], owner: UUID) -> LocalRecord:
    moved = {reference: f"{to.type}/{ids[id(to)]}" for reference, to in _targets(entry, bundle)}
    resource = _with_references(entry.resource, moved)
    resource = {"resourceType": entry.type, "id": ids[id(entry)]} | {
        key: value for key, value in resource.items() if key not in ("resourceType", "id")
    }
    return LocalRecord(
        entry.type,
        ids[id(entry)],
        _text(resource),
        digest_of(resource),
        label_of(resource),
        entry.disputed,
        entry.name,
    )


def _targets(entry: Entry, bundle: Bundle) -> Iterator[tuple[str, Entry]]:
    for reference in set(references(entry.resource)[0]):
        if not reference.startswith("#") and (to := bundle.entry(reference)) is not None:
            yield reference, to


def _with_references(node: Any, moved: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: moved.get(value, value)
            if key == "reference" and isinstance(value, str)
            else _with_references(value, moved)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_with_references(item, moved) for item in node]
    return node


def _without_addresses(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: "urn:uuid:"
            if key == "reference" and isinstance(value, str) and value.startswith("urn:")
            else _without_addresses(value)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_without_addresses(item) for item in node]
    return node


def _text(resource: dict[str, Any]) -> str:
    return _encode(resource).decode()
