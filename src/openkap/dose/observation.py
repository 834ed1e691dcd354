"""
A FHIR R4 Observation as a device sends it, read strictly: one or two vital signs with their units, or one sentence why
not. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from openkap.chart.vocabulary import facts
from openkap.dose.protocol import Measure
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import Quantity

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
PANEL = "85354-9"  # blood pressure, with its components
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """
    What an Observation says.

    Args:
        identifier: by which the device knows it. at: when it was measured, by the device.
        subject: whose it is by the device ("Patient/..."); empty if it does not know; "?" if it names somebody in a
            way that cannot be compared.
        values: by name of the measure.
    """

    identifier: str
    at: datetime
    subject: str
    values: tuple[tuple[str, Quantity], ...]


def read(document: Any, measures: dict[str, Measure], names: dict[str, str]) -> Sent:
    """
    Args:
        measures: what is read at a chair. names: measure by the fact of the vocabulary that it is.

    Raises:
        UserError: it is no Observation of vital signs, or a field is missing or wrong.
    """
    if not isinstance(document, dict) or document.get("resourceType") != "Observation":
        raise UserError("resourceType: send one FHIR R4 Observation.")
    if document.get("status") != "final":
        raise UserError("status: only a final Observation is taken.")
    _means_what_it_says(document)
    at = _instant(document.get("effectiveDateTime"))
    found = _values(document, measures, names)
    if not found:
        raise UserError("valueQuantity: no vital sign that is read at a chair is in it.")
    return Sent(_identifier(document), at, _subject(document.get("subject")), found)


def _values(document: dict[str, Any], measures: dict[str, Measure], names: dict[str, str]) -> tuple[Any, ...]:
    code = _code(document.get("code"))
    parts = [document]
    if code == PANEL:
        components = document.get("component")
        parts = [one for one in components if isinstance(one, dict)] if isinstance(components, list) else []
        if len(parts) > 4:
            raise UserError("component: more than a pressure has.")
    found: dict[str, Quantity] = {}
    for part in parts:
        _means_what_it_says(part)
        name = names.get(_fact(_code(part.get("code"))))
        if name is None:
            if code == PANEL:
                continue  # a mean pressure: not read at the chair
            raise UserError("code: this is no vital sign that is read at a chair; send its LOINC code.")
        if name in found:
            raise UserError(f"code: {name} is in it twice.")
        found[name] = _quantity(part.get("valueQuantity"), measures[name])
    return tuple(found.items())


def _means_what_it_says(part: dict[str, Any]) -> None:
    """Nothing in it turns its meaning round, and the value is there (HAZ-73)."""
    for key in ("modifierExtension", "implicitRules", "dataAbsentReason"):
        if key in part:
            raise UserError(f"{key}: it may change what the value means: send the Observation without it.")


def _quantity(said: Any, measure: Measure) -> Quantity:
    if not isinstance(said, dict) or said.get("system") != UCUM or not isinstance(said.get("code"), str):
        raise UserError(f"valueQuantity: {measure.title} has no unit by UCUM.")
    if said["code"] != measure.unit:
        raise UserError(f"valueQuantity.code: send {measure.title} in {measure.unit}.")
    _means_what_it_says(said)
    number = said.get("value")
    if isinstance(number, bool) or not isinstance(number, int | Decimal) or said.get("comparator"):
        raise UserError(f"valueQuantity.value: {measure.title} is no single number.")
    value = Decimal(number)
    if not value.is_finite() or not measure.least <= value <= measure.most:
        raise UserError(f"valueQuantity.value: {measure.title} is outside {measure.least} to {measure.most}.")
    return Quantity(value, measure.unit)


def _identifier(document: dict[str, Any]) -> str:
    rows = document.get("identifier")
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    text = f"{first.get('system') or ''}|{first.get('value') or ''}"
    if not isinstance(first.get("value"), str) or not first["value"].strip() or len(text) > LONGEST:
        raise UserError("identifier: give each Observation an identifier of its own, by which it counts once.")
    return text.replace("\0", "")


def _subject(said: Any) -> str:
    """Named by a reference to the record; a name alone, or another system's number, is somebody unknown."""
    if said is None:
        return ""
    reference = said.get("reference") if isinstance(said, dict) else None
    return reference if isinstance(reference, str) and reference.startswith("Patient/") else "?"


def _instant(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # no time at all, or one of no year that there is
    raise UserError("effectiveDateTime: say when it was measured, with the offset of the clock.")


def _code(concept: Any) -> str:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    rows = [one for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    said = {str(one.get("code")) for one in rows if one.get("system") == LOINC}
    return said.pop() if len(said) == 1 else ""


def _fact(loinc: str) -> str:
    found = [fact.id for fact in facts().values() if any(c.system == "loinc" and c.code == loinc for c in fact.codes)]
    return found[0] if loinc and len(found) == 1 else ""
