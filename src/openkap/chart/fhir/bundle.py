"""
A Bundle as it arrives: decoded, bounded, about exactly one patient, its references resolved.

Whatever is wrong with the document as a whole is said here in one sentence, before anything is read
from it. What is wrong with a single resource is the reader's business.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from openkap.kernel.errors import UnreadableDocument

MAX_BYTES = 64 * 1024 * 1024
TYPES = ("collection", "searchset", "transaction", "document")

# Types and elements that R4 does not have and earlier or later versions do.
_ELSEWHERE = (
    ("MedicationOrder", "", "DSTU2"),
    ("Condition", "patient", "DSTU2"),
    ("AllergyIntolerance", "substance", "DSTU2"),
    ("QuestionnaireResponse", "group", "DSTU2"),
    ("MedicationStatement", "taken", "STU3"),
    ("Consent", "subject", "R5"),
)
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]+")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(data: bytes, what: str = "The document") -> Any:
    """
    Decode JSON; numbers with a point become exact decimals.

    Raises:
        UnreadableDocument: empty, too large, not JSON (NaN is not JSON), nested too deeply, or an object has
            a key twice, of which readers keep one or the other.
    """
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        raise UnreadableDocument(f"{what} is larger than {limit} MB: export one patient at a time.")
    if not data.strip():
        raise UnreadableDocument(f"{what} is empty: give a JSON document.")
    try:
        document = _DECODER.decode(data)
        if twice := _key_given_twice(data, document):
            raise UnreadableDocument(f"{what} has the key {twice!r} twice in one object: keep one of the two.")
        return document
    except RecursionError:
        raise UnreadableDocument(f"{what} is nested too deeply to be a FHIR document: check the export.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UnreadableDocument(f"{what} is not JSON ({fault}): check that the whole file was saved.") from None


def _key_given_twice(data: bytes, document: Any) -> str | None:
    """The first key that one object has twice, or None."""
    # Written again, a document without such keys has as many quotation marks; only escapes hide one.
    if b"\\u" not in data and data.count(b'"') == _ENCODER.encode(document).count(b'"'):
        return None
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            names = [key for key, _ in pairs]
            found.append(next(key for place, key in enumerate(names) if key in names[:place]))
        return result

    json.loads(data, object_pairs_hook=look)
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One resource of the bundle.

    Args:
        resource: as received.
        name: `Type/id`, else its full address, else its place in the bundle.
        full_urls: addresses it is referred to by; a resource sent twice may have two.
        disputed: another entry has the same type and id and other content.
        place: in `Bundle.entry`.
    """

    resource: dict[str, Any]
    name: str
    full_urls: tuple[str, ...] = ()
    disputed: bool = False
    place: int = 0

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])


@dataclass(slots=True)
class Bundle:
    """
    A bundle about one patient.

    Args:
        patient: the Patient entry.
        entries: all other entries that can be read, each once.
        skipped: (name, reason) of entries that are no resource to read.
    """

    patient: Entry
    entries: list[Entry]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    _by_address: dict[str, Entry | None] = field(default_factory=dict)

    def resolve(self, reference: str, inside: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The resource a reference leads to: by full address, `urn:uuid`, `Type/id` or contained `#id`."""
        if reference.startswith("#"):
            contained = (inside or {}).get("contained")
            for resource in contained if isinstance(contained, list) else ():
                if isinstance(resource, dict) and resource.get("id") == reference[1:]:
                    return resource
            return None
        entry = self.entry(reference)
        return entry.resource if entry else None

    def entry(self, reference: str) -> Entry | None:
        """The entry a reference leads to; None if it leads out of the bundle, or to two different records."""
        return self._by_address.get(reference) or self._by_address.get(_tail(reference))

    def is_patient(self, reference: str) -> bool:
        return self.entry(reference) is self.patient


def read_envelope(document: Any) -> Bundle:
    """
    Take a decoded document as a bundle about one patient.

    Raises:
        UnreadableDocument: not a FHIR R4 Bundle of a readable type, no patient, two patients, or a
            resource that belongs to somebody else. Nothing of such a bundle is read.
    """
    if not isinstance(document, dict):
        raise UnreadableDocument("The document is not a JSON object: give a FHIR R4 Bundle.")
    kind = document.get("resourceType")
    if kind != "Bundle":
        said = f"a {kind}" if isinstance(kind, str) else "not a FHIR resource (resourceType is missing)"
        raise UnreadableDocument(f"The document is {said}: give a FHIR R4 Bundle about one patient.")
    if document.get("type") not in TYPES:
        raise UnreadableDocument(
            f"Bundle.type is {document.get('type')!r}: give a {', '.join(TYPES[:-1])} or {TYPES[-1]} bundle."
        )
    if document.get("implicitRules"):
        raise UnreadableDocument("Bundle.implicitRules may change its meaning: export without special rules.")
    entries, skipped = _entries(document)
    patients = [e for e in entries if e.type == "Patient"]
    if not patients:
        raise UnreadableDocument("Bundle has no Patient: include the patient's own resource.")
    if len(patients) > 1:
        names = " and ".join(p.name for p in patients[:2])
        raise UnreadableDocument(f"Bundle has {len(patients)} patients ({names}): send one bundle per patient.")
    patient = patients[0]
    bundle = Bundle(patient, [e for e in entries if e is not patient], skipped)
    for entry in entries:
        for address in _addresses(entry):
            taken = bundle._by_address.setdefault(address, entry)
            if taken is not entry:
                bundle._by_address[address] = None
    for entry in bundle.entries:
        _refuse_foreign(bundle, entry)
    return bundle


def subject_references(resource: dict[str, Any]) -> tuple[str, ...]:
    """The literal references to whom a resource is about: none, one, or (in error) several."""
    found: dict[str, None] = {}
    for key in ("subject", "patient"):
        target = resource.get(key)
        for one in target if isinstance(target, list) else (target,):
            if isinstance(one, dict) and isinstance(one.get("reference"), str):
                found[one["reference"]] = None
    return tuple(found)


def references(resource: dict[str, Any]) -> tuple[list[str], bool]:
    """Every literal reference in a resource, and whether a modifier extension stands anywhere in it."""
    found: list[str] = []
    modified = False
    stack: list[Any] = [resource]
    while stack:  # no recursion: forms nest deeply
        node = stack.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "reference" and isinstance(value, str):
                    found.append(value)
                elif key == "modifierExtension":
                    modified = modified or bool(value)
                elif isinstance(value, (dict, list)):
                    stack.append(value)
        else:
            stack.extend(item for item in node if isinstance(item, (dict, list)))
    return found, modified


def _entries(document: dict[str, Any]) -> tuple[list[Entry], list[tuple[str, str]]]:
    raw = document.get("entry", [])
    if not isinstance(raw, list):
        raise UnreadableDocument("Bundle.entry is not a list: check the export.")
    found: dict[tuple[str, str], list[Entry]] = {}
    loose: list[Entry] = []
    skipped: list[tuple[str, str]] = []
    for place, item in enumerate(raw):
        resource = item.get("resource") if isinstance(item, dict) else None
        here = f"entry[{place}]"
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            skipped.append((here, "no resource to read"))
            continue
        request = item.get("request")
        if isinstance(request, dict) and request.get("method") == "DELETE":
            skipped.append((here, "asks to delete a record; records are never deleted here"))
            continue
        if item.get("modifierExtension"):
            skipped.append((here, "modifierExtension may change its meaning and is not understood"))
            continue
        _refuse_other_versions(resource, f"Bundle.{here}")
        full_urls = (item["fullUrl"],) if isinstance(item.get("fullUrl"), str) else ()
        identity = resource.get("id")
        kind = resource["resourceType"]
        if isinstance(identity, str):
            found.setdefault((kind, identity), []).append(Entry(resource, f"{kind}/{identity}", full_urls, place=place))
        else:
            loose.append(Entry(resource, full_urls[0] if full_urls else f"{kind} at {here}", full_urls, place=place))
    entries = [entry for same in found.values() for entry in (same if len(same) == 1 else _once(same))]
    return entries + loose, skipped


def _once(same: list[Entry]) -> list[Entry]:
    """Entries of one type and id: each content once, disputed where there are several."""
    versions: list[list[Entry]] = []
    for entry in same:
        alike = next((copies for copies in versions if _content(copies[0]) == _content(entry)), None)
        if alike is None:
            versions.append([entry])
        else:
            alike.append(entry)
    chosen = []
    for copies in versions:
        first = max(copies, key=_is_labelled)
        urls = tuple(url for copy in copies for url in copy.full_urls)
        chosen.append(Entry(first.resource, first.name, urls, len(versions) > 1, first.place))
    return chosen


def _content(entry: Entry) -> dict[str, Any]:
    """What a resource says; `meta` tells of the copy (when it was stored, where it came from), not of the patient."""
    return {key: value for key, value in entry.resource.items() if key != "meta"}


def _is_labelled(entry: Entry) -> bool:
    """True for a copy with tags or security labels, which are not to be lost: they mark test records."""
    meta = entry.resource.get("meta")
    return isinstance(meta, dict) and bool(meta.get("tag") or meta.get("security"))


def _addresses(entry: Entry) -> set[str]:
    """What leads to an entry. The tail of a full address counts only where the resource has no other id."""
    found = set(entry.full_urls)
    if isinstance(entry.resource.get("id"), str):
        found.add(f"{entry.type}/{entry.resource['id']}")
    else:
        found |= {_tail(url) for url in entry.full_urls if not url.startswith("urn:")}
    return found


def _tail(reference: str) -> str:
    """`Type/id` of a relative or absolute reference, without its version."""
    parts = reference.split("/_history/", maxsplit=1)[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


def _refuse_foreign(bundle: Bundle, entry: Entry) -> None:
    for reference in subject_references(entry.resource):
        if bundle.is_patient(reference):
            continue
        target = bundle.resolve(reference, entry.resource)
        kind = str(target.get("resourceType")) if target else _tail(reference).split("/")[0]
        if kind != "Patient" and _TYPE_NAME.fullmatch(kind):
            continue  # about a device or a group: the reader lists it
        raise UnreadableDocument(
            f"{entry.name} is about {reference}, not about {bundle.patient.name}: send one bundle per patient."
        )


def _refuse_other_versions(resource: dict[str, Any], where: str) -> None:
    """Say so when a resource is written in another FHIR version than R4."""
    sign = None
    kind = resource["resourceType"]
    if kind in ("Condition", "AllergyIntolerance") and isinstance(resource.get("clinicalStatus"), str):
        sign = f"{kind}.clinicalStatus is a bare code, as in STU3"
    elif kind in ("MedicationStatement", "MedicationRequest") and "medication" in resource:
        sign = f"{kind}.medication is written as in R5"
    for other, element, version in _ELSEWHERE:
        if kind == other and (not element or element in resource):
            sign = f"{kind}{'.' if element else ''}{element} is of {version}"
    if kind == "QuestionnaireResponse" and isinstance(resource.get("questionnaire"), dict):
        sign = "QuestionnaireResponse.questionnaire is a reference, as in STU3"
    if sign:
        raise UnreadableDocument(f"{where}: {sign}; export as FHIR R4 (4.0.1).")
