"""
Who a received bundle says it is about, beside who is registered. Matched by identifier, never by name alone. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from openkap.chart.fhir.bundle import Bundle
from openkap.chart.fhir.reader import birth_sex, pronouns

_SEX = {"F": "female", "M": "male"}


@dataclass(frozen=True)
class Match:
    """
    Whether a bundle is about a patient.

    Args:
        kind: `same` (an identifier says so and nothing speaks against it); `doubtful` (a person must say);
            `other` (an identifier is of another patient of this site).
        against: what differs or is missing, in words.
    """

    kind: Literal["same", "doubtful", "other"]
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stated:
    """
    Who a bundle says it is about.

    Args:
        family, given: of the first name.
        born: whole birth date, if it has one.
        birth_sex: `female`, `male` or `unknown`.
        identifiers: (system, value) pairs.
        pronouns: of the one individual-pronouns extension; empty where there is none, or several.
    """

    family: str
    given: str
    born: date | None
    birth_sex: str
    identifiers: tuple[tuple[str, str], ...]
    pronouns: str = ""


def match(stated: Stated, *, born: date, sex: str, known: bool, foreign: bool) -> Match:
    """
    Compare who a bundle says it is about with a registered patient.

    Args:
        born, sex: as registered.
        known: an identifier of the bundle is this patient's.
        foreign: an identifier of the bundle is another patient's.
    """
    if foreign:
        return Match("other")
    against = []
    if not known:
        against.append("it has no identifier that is known for this patient")
    if stated.born is None:
        against.append("it has no whole birth date")
    elif stated.born != born:
        against.append(f"it says born {stated.born}, the register says {born}")
    if stated.birth_sex != sex and "unknown" not in (stated.birth_sex, sex):
        against.append(f"it says birth sex {stated.birth_sex}, the register says {sex}")
    return Match("doubtful" if against else "same", tuple(against))


def stated_in(bundle: Bundle) -> Stated:
    """Who the bundle says it is about."""
    resource = bundle.patient.resource
    names = resource.get("name")
    name: dict[str, Any] = next((n for n in names if isinstance(n, dict)), {}) if isinstance(names, list) else {}
    given = name.get("given")
    first = " ".join(part for part in given if isinstance(part, str)) if isinstance(given, list) else ""
    family = name["family"] if isinstance(name.get("family"), str) else ""
    if not family and not first and isinstance(name.get("text"), str):
        first, _, family = name["text"].rpartition(" ")
    sex = _SEX.get(birth_sex(resource) or "", "unknown")
    born = _whole_date(resource.get("birthDate"))
    return Stated(family, first, born, sex, _identifiers(resource), pronouns(resource))


def _identifiers(resource: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = resource.get("identifier")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    pairs = [(row.get("system"), row.get("value")) for row in rows]
    kept = [(s, v) for s, v in pairs if isinstance(s, str) and isinstance(v, str) and s.strip() and v.strip()]
    return tuple((s, v) for s, v in dict.fromkeys(kept) if len(s) <= 255 and len(v) <= 255)


def _whole_date(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else None
    except ValueError:
        return None
