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
from openkap.chart.fhir.bundle import Bundle, Entry, decode, read_envelope, subject_references
from openkap.chart.fhir.codes import codings
from openkap.chart.fhir.conditions import read_allergy, read_condition, read_family_history
from openkap.chart.fhir.forms import read_response
from openkap.chart.fhir.medicines import check_lists, leaves_doubt, read_list, read_request, read_statement
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.observations import read_observation
from openkap.chart.fhir.values import Unusable
from openkap.chart.types import Chart, Patient, Reading, Unmapped
from openkap.chart.vocabulary import consent_version, earliest_birth, facts
from openkap.kernel import coding, r4
from openkap.kernel.clock import When
from openkap.kernel.errors import UnreadableDocument
from openkap.kernel.plain import without_direction_marks

BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
PRONOUNS = "http://hl7.org/fhir/StructureDefinition/individual-pronouns"
CONSENT_POLICY = f"{coding.BASE}/Consent/ketamine-programme"
_CONSENT_DOCUMENT = "59284-0"

# Patient.link: the record is out of use, or more of the patient stands elsewhere.
_OTHER_RECORD = {
    "replaced-by": "another record{} has taken the place of this one: export that one",
    "refer": "more about this patient stands in another record{}: read that one too",
}

_FAULTS_SHOWN = 5
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
    try:
        bundle = read_envelope(data)
        return _read(bundle, zone, r4.entries_at_fault(document))
    except RecursionError:
        raise UnreadableDocument("The bundle is nested too deeply to be a record: check the export.") from None


def _read(bundle: Bundle, zone: tzinfo | None, at_fault: frozenset[int] | None) -> Chart:
    note = Notebook(bundle, zone)
    for name, reason in bundle.skipped:
        note.skip({}, name, reason)
    patient = _patient(bundle, note, at_fault)
    for entry in bundle.entries:
        _read_entry(entry, bundle, note, at_fault)
    check_lists(note)
    _doubt_pregnancy_in_a_man(patient, note)
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


def _read_entry(entry: Entry, bundle: Bundle, note: Notebook, at_fault: frozenset[int] | None) -> None:
    resource, name = entry.resource, entry.name
    reader = _READERS.get(entry.type)
    if reader is None and entry.type != "Consent":
        if entry.type not in _SUPPORTING:
            note.skip(resource, name, f"{entry.type} is not read")
        return
    seen = r4.survey(resource)
    if seen.modified or resource.get("implicitRules"):
        key = "modifierExtension" if seen.modified else "implicitRules"
        note.skip(
            resource, name, f"{key} may change its meaning and is not understood", medicine=leaves_doubt(resource)
        )
        return
    subjects = subject_references(resource)
    if not subjects or not all(map(bundle.is_patient, subjects)):
        reason = f"is about {' and '.join(subjects)}" if subjects else "does not say by reference whom it is about"
        note.skip(resource, name, reason, medicine=leaves_doubt(resource))
        return
    before = len(note.readings), len(note.responses), len(note.lists), len(note.trials)
    (reader or _read_consent)(resource, name, note)
    if entry.disputed:
        _mark_disputed(note, *before)
        reason = "the same id stands in the bundle with other content: settle which holds"
        note.skip(resource, name, reason, medicine=leaves_doubt(resource))
    for target in dict.fromkeys(seen.references):
        if target not in subjects and bundle.resolve(target, resource) is None:
            note.skip({}, name, f"a reference of it leads nowhere ({target})")
    if not seen.clean or at_fault is None or entry.place in at_fault:
        _list_faults(resource, name, note)


def _mark_disputed(note: Notebook, readings: int, responses: int, lists: int, trials: int) -> None:
    """What one of two versions of a record says may raise a finding through a score, and clears nothing."""
    note.readings[readings:] = [replace(r, standing="disputed") for r in note.readings[readings:]]
    note.responses[responses:] = [replace(r, tentative=True) for r in note.responses[responses:]]
    del note.lists[lists:], note.trials[trials:]


def _list_faults(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Breaches of R4 in what was read are listed; what is clear all the same stays read."""
    found = r4.faults(resource)
    for fault in found[:_FAULTS_SHOWN]:
        note.skip({}, name, f"not valid R4: {fault}")
    if len(found) > _FAULTS_SHOWN:
        note.skip({}, name, f"not valid R4: {len(found) - _FAULTS_SHOWN} more faults; validate the export")


def _patient(bundle: Bundle, note: Notebook, at_fault: frozenset[int] | None) -> Patient:
    resource = bundle.patient.resource
    if note.may_mean_otherwise(resource):
        reason = "a modifier extension or implicit rule may change its meaning and is not understood"
        note.skip({}, bundle.patient.name, reason)
        return Patient(source=bundle.patient.name, name=_human_name(resource), synthetic=_is_synthetic(resource))
    if not r4.survey(resource).clean or at_fault is None or bundle.patient.place in at_fault:
        _list_faults(resource, bundle.patient.name, note)
    _list_what_casts_doubt(resource, bundle.patient.name, note)
    born, born_unread = _born(resource), ""
    if isinstance(born, Unusable):
        note.skip({}, bundle.patient.name, f"birthDate: {born.reason}")
        born_unread, born = born.reason, None
    died = values.when(resource.get("deceasedDateTime"), None)
    return Patient(
        source=bundle.patient.name,
        name=_human_name(resource),
        born=born,
        born_unread=born_unread,
        birth_sex=birth_sex(resource),
        gender=resource.get("gender") if isinstance(resource.get("gender"), str) else None,
        deceased=resource.get("deceasedBoolean", False) is not False or "deceasedDateTime" in resource,
        deceased_on=died if isinstance(died, When) else None,
        synthetic=_is_synthetic(resource),
        identifier=without_direction_marks(
            next((str(i["value"]) for i in _listed(resource, "identifier") if i.get("value")), "")
        ),
    )


def _born(resource: dict[str, Any]) -> When | Unusable | None:
    born = values.when(resource.get("birthDate"), None)
    if isinstance(born, When) and born.latest < earliest_birth():
        return Unusable(f"{born.text} is before {earliest_birth().isoformat()}: correct the birth date")
    return born


def _list_what_casts_doubt(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """A record that is no longer in use, or that points to another one, is read and said to be so."""
    if resource.get("active", True) is not True:
        _doubt(name, "the patient record is not active: check that it is the one in use", note)
    for link in _listed(resource, "link"):
        if link.get("type") in _OTHER_RECORD:
            other = link.get("other")
            where = other.get("reference") if isinstance(other, dict) else None
            what = _OTHER_RECORD[link["type"]].format(f" ({where})" if isinstance(where, str) else "")
            _doubt(name, f"link {link['type']}: {what}", note)


def _doubt_pregnancy_in_a_man(patient: Patient, note: Notebook) -> None:
    """The rules take birth sex M for a no; what says otherwise is a sign of a mixed-up record and is listed as that."""
    if patient.birth_sex != "M":
        return
    signs = [r for r in note.readings if (r.fact, r.value) in (("hcg", "positive"), ("pregnant", True))]
    for source, fact in dict.fromkeys((r.source, r.fact) for r in signs):
        what = "a positive pregnancy test" if fact == "hcg" else "a pregnancy"
        reason = f"{what} in a record with birth sex M: one of the two is another person's or is wrong; settle which"
        _doubt(source, reason, note)


def _doubt(name: str, reason: str, note: Notebook) -> None:
    note.unmapped.append(Unmapped(None, None, None, name, reason, whose=True))


def _is_synthetic(resource: dict[str, Any]) -> bool:
    """True if a tag or security label marks a test record."""
    labels = [label for key in ("tag", "security") for label in _listed(resource.get("meta"), key)]
    return any(code in _SYNTHETIC_TAGS for _, code, _ in codings({"coding": labels}))


def birth_sex(resource: dict[str, Any]) -> str | None:
    """`F` or `M` by the US Core extension; None if it says nothing or two things."""
    said = {str(e.get("valueCode")) for e in _listed(resource, "extension") if e.get("url") == BIRTH_SEX}
    only = said.pop() if len(said) == 1 else None
    return only if only in ("F", "M") else None


def pronouns(resource: dict[str, Any]) -> str:
    """As the individual-pronouns extension says; empty if it says nothing, or several things."""
    said = []
    for whole in _listed(resource, "extension"):
        if whole.get("url") == PRONOUNS:
            values = [
                part.get("valueCodeableConcept") for part in _listed(whole, "extension") if part.get("url") == "value"
            ]
            said += [_words(value) for value in values if isinstance(value, dict)]
    only = {text for text in said if text}
    return without_direction_marks(only.pop())[:60] if len(only) == 1 else ""


def _words(concept: dict[str, Any]) -> str:
    if isinstance(concept.get("text"), str):
        return str(concept["text"]).strip()
    return next((display.strip() for _, _, display in codings(concept) if isinstance(display, str) and display), "")


def _human_name(resource: dict[str, Any]) -> str:
    for name in _listed(resource, "name"):
        if isinstance(name.get("text"), str):
            return without_direction_marks(name["text"])
        given = (
            [part for part in name.get("given", []) if isinstance(part, str)]
            if isinstance(name.get("given"), list)
            else []
        )
        family = [name["family"]] if isinstance(name.get("family"), str) else []
        if given or family:
            return without_direction_marks(" ".join(given + family))
    return ""


def _read_consent(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Consent to this programme: signed, not given, or not yet known."""
    ours = [
        policy["uri"]
        for policy in _listed(resource, "policy")
        if isinstance(policy.get("uri"), str) and policy["uri"].split("|")[0] == CONSENT_POLICY
    ]
    scope = {code for _, code, _ in codings(resource.get("scope"))}
    category = {coded[:2] for item in _listed(resource, "category") for coded in codings(item)}
    if not ours or "treatment" not in scope or (coding.LOINC, _CONSENT_DOCUMENT) not in category:
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
    elif isinstance(resource.get("provision"), dict) and resource["provision"].get("type") == "deny":
        reason = "the consent carries a denial that is not understood: settle what was consented to"
    elif status not in ("active", "rejected", "inactive"):
        note.skip(resource, name, f"status {status!r} is not read")
        return
    when = moment if isinstance(moment, When) else None
    if reason:
        note.add(Reading("consent", None, when, name, standing="unreadable", reason=reason))
        note.skip({}, name, reason)
        return
    if status == "active":
        note.add(Reading("consent", "signed", when, name))
        return
    # Without a date a refusal holds today: an earlier signature must not outlive it.
    note.add(Reading("consent", "not-given", when, name, stands_now=when is None))


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
                note.add(Reading(fact.id, False, when, held.source, by_interview=True, written=held.when))


def _by_fact(readings: list[Reading]) -> dict[str, tuple[Reading, ...]]:
    grouped: dict[str, list[Reading]] = {}
    for reading in readings:
        grouped.setdefault(reading.fact, []).append(reading)
    return {name: tuple(rows) for name, rows in grouped.items()}


def _listed(holder: Any, key: str) -> list[dict[str, Any]]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
