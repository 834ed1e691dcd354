"""
From a FHIR R4 Bundle to a chart.

`read_chart` is the one door: it decodes, refuses what is no bundle about one patient, reads every
resource it knows, and lists everything else with the reason.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from typing import Any

from openkap.chart.fhir import values
from openkap.chart.fhir.bundle import Bundle, Entry, decode, read_envelope, references, subject_reference
from openkap.chart.fhir.codes import codings
from openkap.chart.fhir.conditions import read_allergy, read_condition, read_family_history
from openkap.chart.fhir.forms import read_response
from openkap.chart.fhir.medicines import read_list, read_request, read_statement
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.observations import read_observation
from openkap.chart.fhir.values import Unusable
from openkap.chart.types import Chart, Patient, Reading
from openkap.chart.vocabulary import consent_version, facts
from openkap.kernel import coding
from openkap.kernel.clock import When

BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
CONSENT_POLICY = f"{coding.BASE}/Consent/ketamine-programme"
_CONSENT_DOCUMENT = "59284-0"

_SYNTHETIC_TAGS = ("HTEST", "synthetic")

_READERS = {
    "Observation": read_observation,
    "Condition": read_condition,
    "AllergyIntolerance": read_allergy,
    "FamilyMemberHistory": read_family_history,
    "MedicationStatement": read_statement,
    "MedicationRequest": read_request,
    "List": read_list,
    "QuestionnaireResponse": read_response,
}
# Read only where another resource refers to them.
_SUPPORTING = ("Practitioner", "PractitionerRole", "Organization", "Medication", "Provenance")


def read_chart(document: bytes | dict[str, Any], zone: tzinfo | None = None) -> Chart:
    """
    Read a FHIR R4 Bundle about one patient.

    Args:
        document: JSON bytes, or the decoded object.
        zone: calendar in which instants get their day; None keeps the day as written in the record.

    Returns:
        The chart: facts with source and date, medicines, prior treatments, forms to be scored, and
        `unmapped`, everything that was seen and not used.

    Raises:
        UnreadableDocument: the document is no bundle about exactly one patient; nothing is read.
    """
    data = decode(document, "The bundle") if isinstance(document, bytes) else document
    bundle = read_envelope(data)
    note = Notebook(bundle, zone)
    for name, reason in bundle.skipped:
        note.skip({}, name, reason)
    patient = _patient(bundle, note)
    for entry in bundle.entries:
        _read_entry(entry, bundle, note)
    _deny_what_interviews_asked(note)
    return Chart(
        patient,
        _by_fact(note.readings),
        tuple(note.medicines),
        tuple(note.lists),
        tuple(note.trials),
        tuple(note.responses),
        tuple(note.intake),
        tuple(note.unmapped),
    )


def _read_entry(entry: Entry, bundle: Bundle, note: Notebook) -> None:
    resource, name = entry.resource, entry.name
    for key in ("modifierExtension", "implicitRules"):
        if resource.get(key):
            note.skip(resource, name, f"{key} may change its meaning and is not understood", medicine=_is_medicine(entry))
            return
    reader = _READERS.get(entry.type)
    if reader is None and entry.type != "Consent":
        if entry.type not in _SUPPORTING:
            note.skip(resource, name, f"{entry.type} is not read")
        return
    reference = subject_reference(resource)
    if reference is None or not bundle.is_patient(reference):
        reason = "does not say by reference whom it is about" if reference is None else f"is about {reference}"
        note.skip(resource, name, reason, medicine=_is_medicine(entry))
        return
    before = len(note.readings)
    if reader:
        reader(resource, name, note)
    else:
        _read_consent(resource, name, note)
    if entry.disputed:
        note.readings[before:] = [replace(r, standing="disputed") for r in note.readings[before:]]
        note.skip(resource, name, "the same id stands in the bundle with other content: settle which holds")
    for target in references(resource):
        if target != reference and bundle.resolve(target, resource) is None:
            note.skip({}, name, f"a reference of it leads nowhere ({target})")


def _patient(bundle: Bundle, note: Notebook) -> Patient:
    resource = bundle.patient.resource
    born = values.when(resource.get("birthDate"), None)
    if isinstance(born, Unusable):
        note.skip({}, bundle.patient.name, f"birthDate: {born.reason}")
        born = None
    died = values.when(resource.get("deceasedDateTime"), None)
    tags = {code for tag in _listed((resource.get("meta") or {}), "tag") for _, code, _ in codings({"coding": [tag]})}
    return Patient(
        source=bundle.patient.name,
        name=_human_name(resource),
        born=born,
        birth_sex=_birth_sex(resource),
        gender=resource.get("gender") if isinstance(resource.get("gender"), str) else None,
        deceased=resource.get("deceasedBoolean") is True or "deceasedDateTime" in resource,
        deceased_on=died if isinstance(died, When) else None,
        synthetic=bool(tags & set(_SYNTHETIC_TAGS)),
        identifier=next((str(i["value"]) for i in _listed(resource, "identifier") if i.get("value")), ""),
    )


def _birth_sex(resource: dict[str, Any]) -> str | None:
    for extension in _listed(resource, "extension"):
        if extension.get("url") == BIRTH_SEX and extension.get("valueCode") in ("F", "M"):
            return str(extension["valueCode"])
    return None


def _human_name(resource: dict[str, Any]) -> str:
    for name in _listed(resource, "name"):
        if isinstance(name.get("text"), str):
            return name["text"]
        given = [part for part in name.get("given", []) if isinstance(part, str)] if isinstance(name.get("given"), list) else []
        family = [name["family"]] if isinstance(name.get("family"), str) else []
        if given or family:
            return " ".join(given + family)
    return ""


def _read_consent(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Consent to this programme: signed, not given, or not yet known."""
    ours = [
        policy["uri"]
        for policy in _listed(resource, "policy")
        if isinstance(policy.get("uri"), str) and policy["uri"].split("|")[0] == CONSENT_POLICY
    ]
    scope = {code for _, code, _ in codings(resource.get("scope"))}
    category = {code for item in _listed(resource, "category") for _, code, _ in codings(item)}
    if not ours or "treatment" not in scope or _CONSENT_DOCUMENT not in category:
        note.skip(resource, name, "not a consent to this programme")
        return
    version = ours[0].partition("|")[2]
    moment = values.when(resource.get("dateTime"), note.zone)
    status = resource.get("status")
    reason = ""
    if isinstance(moment, Unusable):
        reason = moment.reason
    elif version and version != consent_version():
        reason = f"consent to version {version}, and version {consent_version()} is in force: consent again"
    elif status in ("draft", "proposed") or (status == "active" and moment is None):
        reason = "consent is prepared and not signed"
    elif (resource.get("provision") or {}).get("type") == "deny":
        reason = "the consent carries a denial that is not understood: settle what was consented to"
    elif status not in ("active", "rejected", "inactive"):
        note.skip(resource, name, f"status {status!r} is not read")
        return
    when = moment if isinstance(moment, When) else None
    if reason:
        note.add(Reading("consent", None, when, name, standing="unreadable", reason=reason))
        return
    note.add(Reading("consent", "signed" if status == "active" else "not-given", when, name))


def _deny_what_interviews_asked(note: Notebook) -> None:
    """A structured interview denies what its modules asked for, unless a record says otherwise."""
    modules = [r for r in note.readings if r.fact == "interview-modules" and r.standing == "final"]
    dates = [r for r in note.readings if r.fact == "interview-on" and isinstance(r.value, When)]
    if not dates:
        return
    newest = max(dates, key=lambda r: r.value.latest)  # type: ignore[union-attr]
    for reading in modules:
        form = reading.source.split("#")[0]
        own = [r for r in dates if r.source.split("#")[0] == form]
        held = (own or [newest])[0]
        when = held.value
        asked = set(reading.value) if isinstance(reading.value, tuple) else {str(reading.value)}
        if held.standing != "final" or not isinstance(when, When):
            continue
        for fact in facts().values():
            if fact.module in asked:
                note.add(Reading(fact.id, False, when, held.source, by_interview=True))


def _by_fact(readings: list[Reading]) -> dict[str, tuple[Reading, ...]]:
    grouped: dict[str, list[Reading]] = {}
    for reading in readings:
        grouped.setdefault(reading.fact, []).append(reading)
    return {name: tuple(rows) for name, rows in grouped.items()}


def _is_medicine(entry: Entry) -> bool:
    return entry.type in ("MedicationStatement", "MedicationRequest") and entry.resource.get("status") == "active"


def _listed(holder: Any, key: str) -> list[dict[str, Any]]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


