"""Small FHIR bundles for the tests of the import: one patient, the resources a test is about, nothing else."""

from datetime import date
from typing import Any

from openkap.chart.fhir.reader import read_chart
from openkap.chart.types import Chart, State
from openkap.chart.view import View

ON = date(2026, 11, 25)
BASE = "https://openkap.example/fhir"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
FACT = f"{BASE}/CodeSystem/fact"
INSTRUMENT = f"{BASE}/CodeSystem/instrument"
ANSWER = f"{BASE}/CodeSystem/answer"
DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NEGATIVE, POSITIVE = "260385009", "10828004"

SUBJECT = {"reference": "Patient/p"}
Resource = dict[str, Any]


def patient(**more: Any) -> Resource:
    return {"resourceType": "Patient", "id": "p", "birthDate": "1988-06-14", **more}


def bundle(*resources: Resource, who: Resource | None = None, kind: str = "collection") -> Resource:
    entries = [{"resource": resource} for resource in (who or patient(), *resources)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def read(*resources: Resource, who: Resource | None = None) -> Chart:
    return read_chart(bundle(*resources, who=who))


def view(*resources: Resource, who: Resource | None = None, on: date = ON, tentative: bool = False) -> View:
    return View(read(*resources, who=who), on, tentative=tentative)


def state(fact: str, *resources: Resource, on: date = ON, tentative: bool = False) -> State:
    return view(*resources, on=on, tentative=tentative).state(fact)


def listed(chart: Chart) -> str:
    """Everything that was seen and not used, as text."""
    return "\n".join(f"{row.resource}: {row.reason}" for row in chart.unmapped)


def concept(system: str, code: str, /, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": code}], **more}


def quantity(value: Any, code: str | None, /, **more: Any) -> Resource:
    return {"value": value, **({"system": UCUM, "code": code} if code else {}), **more}


def without(resource: Resource, *keys: str) -> Resource:
    return {key: value for key, value in resource.items() if key not in keys}


def observation(system: str, code: str, /, **more: Any) -> Resource:
    plain = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": concept(system, code),
        "subject": SUBJECT,
        "effectiveDateTime": "2026-11-20",
    }
    return plain | more


def measured(loinc: str, value: Any, unit: str | None, /, **more: Any) -> Resource:
    return observation(LOINC, loinc, valueQuantity=quantity(value, unit), **more)


def pressure(systolic: Any, diastolic: Any, day: str = "2026-11-20", **more: Any) -> Resource:
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, value in (("8480-6", systolic), ("8462-4", diastolic))
    ]
    return observation(LOINC, "85354-9", component=parts, effectiveDateTime=day, **more)


def status(system: str, code: str) -> Resource:
    return concept(f"http://terminology.hl7.org/CodeSystem/{system}", code)


def condition(
    system: str, code: str, /, clinical: str | None = "active", verification: str | None = "confirmed", **more: Any
) -> Resource:
    plain: Resource = {
        "resourceType": "Condition",
        "id": "c",
        "code": concept(system, code),
        "subject": SUBJECT,
        "recordedDate": "2026-11-01",
    }
    if clinical:
        plain["clinicalStatus"] = status("condition-clinical", clinical)
    if verification:
        plain["verificationStatus"] = status("condition-ver-status", verification)
    return plain | more


def allergy(code: Resource, **more: Any) -> Resource:
    plain = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "clinicalStatus": status("allergyintolerance-clinical", "active"),
        "verificationStatus": status("allergyintolerance-verification", "confirmed"),
        "code": code,
        "patient": SUBJECT,
        "recordedDate": "2026-11-01",
    }
    return plain | more


def statement(words: str | None, state: str = "active", **more: Any) -> Resource:
    plain: Resource = {"resourceType": "MedicationStatement", "id": "m", "status": state, "subject": SUBJECT}
    if words is not None:
        plain["medicationCodeableConcept"] = {"text": words}
    return plain | more


def order(words: str, **more: Any) -> Resource:
    plain = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "medicationCodeableConcept": {"text": words},
    }
    return plain | more


def medicine_list(*references: str, loinc: str = "10160-0", **more: Any) -> Resource:
    plain: Resource = {
        "resourceType": "List",
        "id": "l",
        "status": "current",
        "mode": "snapshot",
        "code": concept(LOINC, loinc),
        "subject": SUBJECT,
        "date": "2026-11-24",
    }
    if references:
        plain["entry"] = [{"item": {"reference": reference}} for reference in references]
    return plain | more


NIL_KNOWN = {"emptyReason": concept("http://terminology.hl7.org/CodeSystem/list-empty-reason", "nilknown")}


def item(link: str, *answers: Resource, **answer: Any) -> Resource:
    return {"linkId": link, "answer": [*answers, *([answer] if answer else [])]}


def code_item(link: str, *codes: str) -> Resource:
    return item(link, *({"valueCoding": {"system": ANSWER, "code": code}} for code in codes))


def intake(*items: Resource, by: str | None = "Practitioner/d", **more: Any) -> Resource:
    plain: Resource = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": f"{BASE}/Questionnaire/intake",
        "status": "completed",
        "subject": SUBJECT,
        "authored": "2026-11-20",
        "item": list(items),
    }
    if by:
        plain["author"] = {"reference": by}
    return plain | more


def interview(*modules: str, on: str = "2026-11-15", **more: Any) -> Resource:
    """A structured interview of a day with its modules."""
    said = [
        item("interview-on", valueDate=on),
        code_item("interview-tool", "mini"),
        code_item("interview-modules", *modules),
    ]
    return intake(*said, id="interview", **more)
