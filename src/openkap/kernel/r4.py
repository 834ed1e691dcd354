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
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal["structure", "choice", "code", "reference", "id", "date"]

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TYPE_AND_ID = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?$")
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\]")
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


def entries_at_fault(bundle: bytes | dict[str, Any]) -> frozenset[int] | None:
    """
    The places of the entries of a Bundle in which fhirkit finds anything, validating it once as a whole.

    Returns:
        None where it cannot tell entry by entry: each resource has to be validated by itself.
    """
    import fhirkit

    try:
        places = [_ENTRY.match(issue.path) for issue in fhirkit.validate(bundle)]
    except (ValueError, TypeError):
        return None
    return frozenset(int(place[1]) for place in places if place) if all(places) else None


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What one pass over a resource shows, without saying where.

    Args:
        clean: nothing in it is for the tables of this module to find fault with. False: `faults` has to look.
        references: every literal reference in it.
        modified: a modifier extension stands somewhere in it.
    """

    clean: bool
    references: list[str]
    modified: bool


def survey(resource: dict[str, Any]) -> Survey:
    """Go over a resource once; most are clean, and need no second pass that keeps account of paths."""
    references: list[str] = []
    modified = False
    clean = not _odd_id(resource)
    extension = _checks("Extension")
    stack: list[tuple[Any, _Checks]] = [(resource, _checks(str(resource.get("resourceType"))))]
    while stack:  # no recursion: forms nest deeply
        node, table = stack.pop()
        if not isinstance(node, dict):
            stack.extend((item, table) for item in node if isinstance(item, (dict, list)))
            continue
        for key, value in node.items():
            kind = type(value)
            if key == "modifierExtension":
                modified, clean = modified or bool(value), False
            elif kind is str or isinstance(value, str):
                if key == "reference":
                    references.append(value)
                if clean and key in table:
                    clean = table[key].allows(value)
            elif kind not in _SCALARS and isinstance(value, (dict, list)):
                check = table.get(key)
                if clean:
                    clean = bool(value) and (check is None or check.nothing or check.allows_each(value))
                inner = check.inner if check is not None else extension if key == "extension" else _NO_CHECKS
                if isinstance(value, dict):
                    stack.append((value, inner))
                else:
                    stack.extend((item, inner) for item in value if isinstance(item, (dict, list)))
    return Survey(clean, references, modified)


def _odd_id(resource: dict[str, Any]) -> bool:
    own_id = resource.get("id")
    return isinstance(own_id, str) and not _ID.fullmatch(own_id)


class _Check:
    """What the tables ask of one element, ready to be answered yes or no."""

    __slots__ = ("_inner", "_type", "date", "kind", "nothing", "plain", "resource", "systems", "targets")

    def __init__(self, row: dict[str, Any]):
        tables = _tables()
        self._type: str = row.get("type", "")
        self.kind: str = row.get("as", "")
        self.systems: dict[str, frozenset[str]] | None = tables["codes"][row["codes"]] if "codes" in row else None
        self.plain = frozenset().union(*self.systems.values()) if self.systems is not None else None
        self.targets: frozenset[str] | None = row.get("targets")
        self.date = "date" in row
        self.resource = "resource" in row
        self.nothing = self.systems is None and self.targets is None and not self.date and not self.resource
        self._inner: _Checks | None = None

    @property
    def inner(self) -> _Checks:
        """The checks of what lies inside; made when first asked for, because types contain each other."""
        if self._inner is None:
            self._inner = _checks(self._type)
        return self._inner

    def allows(self, value: str) -> bool:
        """True if a text passes."""
        return (self.plain is None or value in self.plain) and (not self.date or _day_exists(value))

    def allows_each(self, value: Any) -> bool:
        """True if an object, or every member of a list, passes; what lies deeper is looked at in its turn."""
        if self.resource:
            return False
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str):
                if not self.allows(item):
                    return False
            elif isinstance(item, dict):
                if self.systems is not None and not _has_code(item, self.kind, self.systems):
                    return False
                if self.targets is not None and not self.fits(item):
                    return False
        return True

    def fits(self, reference: dict[str, Any]) -> bool:
        """True if a reference names a type that may stand there, or none."""
        literal = reference.get("reference")
        if "type" in reference or not isinstance(literal, str) or literal.startswith("#"):
            return False
        named = _TYPE_AND_ID.search(literal)
        return named is None or named[1] in (self.targets or ())


_Checks = dict[str, _Check]
_NO_CHECKS: _Checks = {}
_SCALARS = frozenset((int, bool, float, Decimal, type(None)))


@cache
def _checks(type_name: str) -> _Checks:
    """The checks of a type; only those of extensions where the tables do not know it."""
    rows = _tables()["types"].get(type_name, {})
    return {key: _Check(row) for key, row in {"extension": _EXTENSION, **rows}.items()}


def _has_code(value: dict[str, Any], kind: str, systems: dict[str, frozenset[str]]) -> bool:
    listed = value.get("coding") if kind == "CodeableConcept" else (value,)
    return any(
        isinstance(c, dict) and str(c.get("code")) in systems.get(str(c.get("system")), ())
        for c in (listed if isinstance(listed, (list, tuple)) else ())
    )


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
            if isinstance(named, str) and named in self.resource_types and named not in targets:
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
