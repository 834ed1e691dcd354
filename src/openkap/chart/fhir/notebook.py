"""What the reader has gathered so far: readings, medicines, and what it could not use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from openkap.chart.fhir.bundle import Bundle, references
from openkap.chart.fhir.codes import codings, texts_of
from openkap.chart.types import Medicine, MedicineList, Reading, Response, Trial, Unmapped
from openkap.kernel.plain import without_direction_marks


@dataclass(slots=True)
class Notebook:
    """
    The growing result of reading one bundle.

    Args:
        bundle: for following references.
        zone: calendar in which instants get their day; None keeps the day as written.
    """

    bundle: Bundle
    zone: tzinfo | None = None
    readings: list[Reading] = field(default_factory=list)
    medicines: list[Medicine] = field(default_factory=list)
    lists: list[MedicineList] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    intake: list[Response] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)

    def add(self, reading: Reading) -> None:
        self.readings.append(reading)

    def skip(self, element: Any, name: str, reason: str, *, medicine: bool = False) -> None:
        """List something seen and not used, with the code or words it carried."""
        concept = element.get("code") if isinstance(element, dict) else None
        if concept is None and isinstance(element, dict):
            concept = element.get("medicationCodeableConcept")
        first = next(codings(concept), ("", "", ""))
        text = next(iter(texts_of(concept)), None)
        self.unmapped.append(
            Unmapped(
                first[0] or None,
                first[1] or None,
                without_direction_marks(text) if text else None,
                name,
                reason,
                medicine,
            )
        )

    def may_mean_otherwise(self, resource: dict[str, Any]) -> bool:
        """True if a modifier extension or implicit rules may turn the meaning of a resource round."""
        return bool(resource.get("implicitRules")) or references(resource)[1]

    def by_patient(self, resource: dict[str, Any]) -> bool:
        """True if the patient is among those who gave the value."""
        performers = resource.get("performer")
        for performer in performers if isinstance(performers, list) else ():
            reference = performer.get("reference") if isinstance(performer, dict) else None
            if isinstance(reference, str) and self.bundle.is_patient(reference):
                return True
        return False

    def by_clinician(self, resource: dict[str, Any]) -> bool:
        """True if a Practitioner or PractitionerRole is named as author."""
        return self._is_clinician(resource.get("author"), resource)

    def performed_by_clinician(self, resource: dict[str, Any]) -> bool:
        """True if a Practitioner or PractitionerRole is among those who performed it."""
        performers = resource.get("performer")
        listed = performers if isinstance(performers, list) else ()
        return any(self._is_clinician(performer, resource) for performer in listed)

    def measured_by(self, resource: dict[str, Any]) -> str:
        """The reference of the first Practitioner or PractitionerRole who performed it; empty for none."""
        performers = resource.get("performer")
        for performer in performers if isinstance(performers, list) else ():
            if self._is_clinician(performer, resource) and isinstance(performer.get("reference"), str):
                return str(performer["reference"]).split("/_history/")[0]
        return ""

    def _is_clinician(self, author: Any, resource: dict[str, Any]) -> bool:
        reference = author.get("reference") if isinstance(author, dict) else None
        if not isinstance(reference, str):
            return isinstance(author, dict) and author.get("type") in ("Practitioner", "PractitionerRole")
        target = self.bundle.resolve(reference, resource)
        parts = reference.split("/_history/")[0].split("/")
        kind = target.get("resourceType") if target else parts[-2] if len(parts) > 1 else ""
        return kind in ("Practitioner", "PractitionerRole")
