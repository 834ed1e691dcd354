"""
Is this good FHIR R4 (4.0.1)?

fhirkit answers for structure: elements, types, cardinality, choices. What it does not look at stands
in tables made from the published definitions (`content/r4-tables.json`, by tools/make_r4_tables.py):
codes of required value sets, the types a reference may name, the form of ids, days that do not exist.
Invariants are not checked here; the referees of the tests check them in all that OpenKAP writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["structure", "choice", "code", "reference", "id", "date"]

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TYPE_AND_ID = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?$")
_EXTENSION = {"type": "Extension"}


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One breach of FHIR R4.

    Args:
        path: where, as in `Bundle.entry[3].resource.status`.
        kind: `structure`, `choice` (two values of one choice), `code` (outside a required value set),
            `reference` (to a type that may not stand there), `id`, or `date` (no day of the calendar).
        message: what is wrong, for a reader.
    """

    path: str
    kind: Kind
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def faults(resource: dict[str, Any]) -> list[Fault]:
    """
    Everything that makes a resource, or a Bundle and what it holds, not valid R4.

    Args:
        resource: parsed JSON. Numbers may be Decimal.

    Returns:
        The faults, structural ones first; empty for a good resource. A value that JSON cannot carry
        (NaN, a key that is no text) or that is nested too deeply is one structural fault.

    Source: HL7 FHIR R4, https://hl7.org/fhir/R4/
    """
    import fhirkit  # 13 MB: loaded by those who validate

    try:
        found = [_from_fhirkit(issue) for issue in fhirkit.validate(resource)]
    except (ValueError, TypeError) as refused:
        return [Fault(str(resource.get("resourceType", "Resource")), "structure", str(refused))]
    _Walk(_types_by_full_url(resource)).resource(resource, str(resource.get("resourceType", "Resource")), found)
    return found


def _from_fhirkit(issue: Any) -> Fault:
    kind: Kind = "choice" if issue.message.startswith("only one type may be given") else "structure"
    return Fault(issue.path, kind, issue.message)


@cache
def _tables() -> dict[str, Any]:
    """Tables ready for look-up: value sets as sets, target types as sets."""
    text = files(__package__).joinpath("content/r4-tables.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    for table in tables["types"].values():
        for check in table.values():
            if "targets" in check:
                check["targets"] = frozenset(check["targets"])
    for name, systems in tables["codes"].items():
        tables["codes"][name] = {system: frozenset(codes) for system, codes in systems.items()}
    tables["resource_types"] = frozenset(tables["resource_types"])
    return tables


def _types_by_full_url(resource: dict[str, Any]) -> dict[str, str]:
    """What each `fullUrl` of a Bundle stands for, so that a `urn:uuid` reference has a type."""
    result = {}
    for entry in _objects(resource.get("entry")):
        inner = entry.get("resource")
        if isinstance(entry.get("fullUrl"), str) and isinstance(inner, dict):
            result[entry["fullUrl"]] = str(inner.get("resourceType"))
    return result


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, dict):
            yield item


class _Walk:
    """One pass over a resource. Shapes that fhirkit has already refused are stepped over."""

    def __init__(self, full_urls: dict[str, str]):
        tables = _tables()
        self.types: dict[str, dict[str, dict[str, Any]]] = tables["types"]
        self.codes: dict[str, dict[str, frozenset[str]]] = tables["codes"]
        self.resource_types: frozenset[str] = tables["resource_types"]
        self.full_urls = full_urls
        self.contained: dict[str, str] = {}

    def resource(self, resource: dict[str, Any], path: str, found: list[Fault]) -> None:
        own_id = resource.get("id")
        if isinstance(own_id, str) and not _ID.fullmatch(own_id):
            found.append(
                Fault(f"{path}.id", "id", f"{own_id!r} is not an id: 1 to 64 letters, digits, hyphens and points")
            )
        outer = self.contained
        if "contained" in resource:
            inside = _objects(resource["contained"])
            self.contained = {f"#{r.get('id')}": str(r.get("resourceType")) for r in inside}
        self.element(resource, str(resource.get("resourceType")), path, found)
        self.contained = outer

    def element(self, element: dict[str, Any], type_name: str, path: str, found: list[Fault]) -> None:
        table = self.types.get(type_name, {})
        for key, value in element.items():
            if not value and isinstance(value, (list, dict)):
                self.empty(f"{path}.{key}", found)
            check = table.get(key)
            if check is None:
                if key not in ("extension", "modifierExtension"):
                    continue
                check = _EXTENSION
            if isinstance(value, list):
                for index, item in enumerate(value):
                    self.value(item, check, f"{path}.{key}[{index}]", found)
            else:
                self.value(value, check, f"{path}.{key}", found)

    def empty(self, path: str, found: list[Fault]) -> None:
        """fhirkit refuses most empty arrays, not those of primitives, and no empty object."""
        if not any(fault.path == path for fault in found):
            found.append(Fault(path, "structure", "nothing in it; leave the element out"))

    def value(self, value: Any, check: dict[str, Any], path: str, found: list[Fault]) -> None:
        if isinstance(value, dict):
            if "resource" in check:
                self.resource(value, path, found)
                return
            if "codes" in check and not self.allowed(value, check):
                found.append(Fault(path, "code", f"no code of the required value set {check['codes']}"))
            if "targets" in check:
                self.reference(value, check["targets"], path, found)
            if "type" in check:
                self.element(value, check["type"], path, found)
        elif isinstance(value, str):
            if "codes" in check and not any(value in codes for codes in self.codes[check["codes"]].values()):
                found.append(Fault(path, "code", f"{value!r} is not in the required value set {check['codes']}"))
            if "date" in check and not _day_exists(value):
                found.append(Fault(path, "date", f"{value!r} is not a day of the calendar"))

    def allowed(self, value: dict[str, Any], check: dict[str, Any]) -> bool:
        """True if a Coding, or one Coding of a CodeableConcept, is in the value set, or gives a reason for absence."""
        codings = _objects(value.get("coding")) if check["as"] == "CodeableConcept" else (value,)
        systems = self.codes[check["codes"]]
        if any(str(c.get("code")) in systems.get(str(c.get("system")), ()) for c in codings):
            return True
        return any(str(e.get("url")).endswith("/data-absent-reason") for e in _objects(value.get("extension")))

    def reference(self, value: dict[str, Any], targets: frozenset[str], path: str, found: list[Fault]) -> None:
        for named in (value.get("type"), self.type_of(value.get("reference"))):
            if named in self.resource_types and named not in targets:
                found.append(
                    Fault(path, "reference", f"refers to a {named}; allowed here: {', '.join(sorted(targets))}")
                )
                return

    def type_of(self, reference: Any) -> str | None:
        """The type of resource that a literal reference names, as far as it can be told."""
        if not isinstance(reference, str):
            return None
        known = self.full_urls.get(reference) or self.contained.get(reference)
        if known:
            return known
        found = _TYPE_AND_ID.search(reference)
        return found[1] if found else None


def _day_exists(text: str) -> bool:
    """False for `2026-02-30`; partial dates and texts of another form are fhirkit's to judge."""
    if len(text) < 10:
        return True
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
