"""Values, dates and statuses as FHIR elements carry them, taken apart without guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from openkap.chart.fhir.codes import codings
from openkap.chart.types import Range, Value
from openkap.chart.vocabulary import Fact
from openkap.kernel import coding
from openkap.kernel.clock import When
from openkap.kernel.errors import UnitRefused, UserError
from openkap.kernel.quantity import Quantity, known_unit, number

DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

CANNOT_BE_HAD = f"{coding.BASE}/StructureDefinition/cannot-be-had"

UCUM = (coding.UCUM, "urn:oid:2.16.840.1.113883.6.8")
_LITRE = re.compile(r"((?:^|[/.])[a-z]?)l(?![a-z_\]])")
_LARGEST_EXPONENT = 30  # nothing in medicine has thirty digits; what has them only costs memory

_NEGATIVE = {(coding.SNOMED, "260385009"), (coding.LOINC, "LA6577-6")}
_POSITIVE = {(coding.SNOMED, "10828004"), (coding.LOINC, "LA6576-8")}
_FREQUENCY = {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}  # LOINC answer list LL358-3


@dataclass(frozen=True, slots=True)
class Unusable:
    """A value that is there and cannot be used; `reason` names the field and the remedy."""

    reason: str


def when(value: Any, zone: tzinfo | None) -> When | Unusable | None:
    """A FHIR date, dateTime or instant; None where nothing is written."""
    if value is None:
        return None
    try:
        return When.parse(value, zone)
    except UserError as fault:
        return Unusable(str(fault))


def choice(resource: dict[str, Any], stem: str) -> tuple[str, Any] | Unusable | None:
    """The one `stem[x]` element as (type suffix, value); two at once cannot be used."""
    size = len(stem)
    found = [key for key in resource if key.startswith(stem) and key[size : size + 1].isupper()]
    if not found:
        return None
    if len(found) > 1:
        return Unusable(f"{' and '.join(found)} stand together: keep the one that is meant")
    return found[0][size:], resource[found[0]]


def effective(resource: dict[str, Any], zone: tzinfo | None) -> When | Unusable | None:
    """Date of an observation or medicine statement: `effective[x]`, the end of a period, else `issued`."""
    found = choice(resource, "effective")
    if isinstance(found, Unusable):
        return found
    if found:
        suffix, value = found
        if suffix in ("DateTime", "Instant"):
            return when(value, zone)
        if suffix == "Period" and isinstance(value, dict) and value.get("end"):
            return when(value["end"], zone)
    return when(resource.get("issued"), zone)


def unit_code(raw: str, fact: Fact) -> str | None:
    """
    The unit of `fact.units` that a UCUM code spells, or None.

    UCUM writes the litre `l` or `L` and the arbitrary unit `[iU]` or `[IU]`; annotations in braces do not
    change a unit (`/min{beats}`); `1/min` and `min-1` are `/min`. Case matters otherwise.
    """
    if raw in fact.units:
        return raw
    spelled = _LITRE.sub(r"\1L", raw).replace("[iU]", "[IU]")
    bare = re.sub(r"\{[^}]*\}", "", spelled)
    bare = re.sub(r"^1/", "/", bare)
    bare = re.sub(r"^([a-z]+)-1$", r"/\1", bare)
    return next((unit for unit in (spelled, bare) if unit in fact.units), None)


def quantity(value: Any, fact: Fact) -> tuple[Decimal, str] | Unusable:
    """A FHIR Quantity in the fact's own unit; a unit that is not on the fact's list is refused."""
    if not isinstance(value, dict):
        return Unusable("the quantity is not an object: give value, system and code")
    amount = decimal(value.get("value"))
    if amount is None:
        return Unusable("the quantity has no number: give its value")
    if value.get("comparator"):
        return Unusable(f"the quantity says only {value['comparator']} {number(amount)}: give the value itself")
    code, system = value.get("code"), value.get("system")
    allowed = ", ".join(fact.units)
    if not isinstance(code, str) or not code:
        return Unusable(f"the unit {value.get('unit')!r} is in words only: give it as a UCUM code ({allowed})")
    if system not in UCUM:
        return Unusable(f"the unit {code!r} does not name UCUM as its system: give a UCUM code ({allowed})")
    unit = unit_code(code, fact)
    if unit is None:
        return Unusable(f"the unit {code!r} is not one of {allowed}: record it in one of them")
    if unit != fact.unit and known_unit(unit) and known_unit(fact.unit):
        try:
            return Quantity(amount, unit).to(fact.unit).value, fact.unit
        except UnitRefused:  # a molar result beside a mass one: kept as it came, see the fact's reading
            return amount, unit
    return amount, unit


def decimal(value: Any) -> Decimal | None:
    """A JSON number as a Decimal; booleans, text and amounts beyond all measure are no numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, float)):
        return None
    amount = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return amount if amount.is_finite() and abs(amount.adjusted()) <= _LARGEST_EXPONENT else None


def in_bounds(amount: Decimal, fact: Fact) -> Unusable | None:
    """A number that cannot be (a negative weight) is refused; an abnormal one is not."""
    too_low = fact.least is not None and amount < fact.least
    too_high = fact.most is not None and amount > fact.most
    if too_low or too_high:
        bounds = f"between {number(fact.least or 0)} and {number(fact.most or 0)} {fact.unit}".strip()
        return Unusable(f"{fact.words} {number(amount)} cannot be: give a value {bounds}")
    return None


def test_result(concept: Any) -> str | None:
    """`positive` or `negative` by SNOMED CT or LOINC answer code; None for anything else, words included."""

    found = {(system, code) for system, code, _ in codings(concept)}
    negative, positive = bool(found & _NEGATIVE), bool(found & _POSITIVE)
    if negative == positive:
        return None
    return "negative" if negative else "positive"


def frequency_answer(concept: Any) -> Decimal | None:
    """0-3 for a LOINC answer of the list `Not at all` ... `Nearly every day`."""

    for system, code, _ in codings(concept):
        if system == coding.LOINC and code in _FREQUENCY:
            return Decimal(_FREQUENCY[code])
    return None


def answer_codes(concept: Any, fact: Fact) -> tuple[str, ...]:
    """The options of a choice fact that a concept or coding names, in one of our own systems or in none."""
    listed = {"coding": [concept]} if isinstance(concept, dict) and "code" in concept else concept
    found = (
        code
        for system, code, _ in codings(listed)
        if code in fact.options and (system.startswith(f"{coding.BASE}/") or not system)
    )
    return tuple(dict.fromkeys(found))


def reference_range(resource: dict[str, Any], fact: Fact, unit: str) -> Range | None:
    """The one normal range that came with a result, if its unit is the result's; no therapeutic or critical one."""
    ranges = resource.get("referenceRange")
    usable = []
    for item in ranges if isinstance(ranges, list) else ():
        if not isinstance(item, dict) or any(code != "normal" for _, code, _ in codings(item.get("type"))):
            continue
        low, high = (_limit(item.get(end), resource, fact, unit) for end in ("low", "high"))
        if low is not None or high is not None:
            usable.append(Range(low, high))
    return usable[0] if len(set(usable)) == 1 else None


def _limit(side: Any, resource: dict[str, Any], fact: Fact, unit: str) -> Decimal | None:
    """One end of a reference range in the result's unit; None where its unit is another, or unclear."""
    amount = decimal(side.get("value")) if isinstance(side, dict) else None
    if amount is None or side.get("comparator"):
        return None
    if isinstance(side.get("code"), str):
        spelled = unit_code(side["code"], fact)
        try:
            return None if spelled is None else Quantity(amount, spelled).to(unit).value
        except UnitRefused:
            return None
    result = resource.get("valueQuantity")
    words = (result.get("unit"), result.get("code")) if isinstance(result, dict) else ()
    return amount if "unit" not in side or side["unit"] in words else None


def interpretation(resource: dict[str, Any]) -> str:
    """The HL7 letter of a result's interpretation; empty where none or several differ."""

    listed = resource.get("interpretation")
    letters = {code for item in (listed if isinstance(listed, list) else ()) for _, code, _ in codings(item)}
    return letters.pop() if len(letters) == 1 else ""


def absent_reason(concept_or_element: Any) -> str:
    """Why a value is absent: the code of `dataAbsentReason` or of the extension of that name."""

    if not isinstance(concept_or_element, dict):
        return ""
    extensions = concept_or_element.get("extension")
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and extension.get("url") == DATA_ABSENT_REASON:
            return str(extension.get("valueCode", "unknown"))
    for _, code, _ in codings(concept_or_element):
        return code
    return ""


def cannot_be_had(element: Any) -> str:
    """The recorded reason why a value cannot be had, from the extension of that name; empty where there is none."""
    extensions = element.get("extension") if isinstance(element, dict) else None
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and extension.get("url") == CANNOT_BE_HAD:
            reason = extension.get("valueString")
            return reason.strip() if isinstance(reason, str) else ""
    return ""


Readable = tuple[Value, str | None] | Unusable
