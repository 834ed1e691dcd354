"""Each kind of fault, planted in good resources of every type in the tables, is found where it stands."""

import copy
import json
from decimal import Decimal
from typing import Any

import carebundle
import pytest

from openkap.kernel import r4
from openkap.kernel.content import content_folder
from openkap.kernel.r4 import Fault, faults

TABLES = json.loads((content_folder("kernel") / "r4-tables.json").read_text(encoding="utf-8"))
CODING = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
PATIENT = {"reference": "Patient/p1"}

ENTERED_IN_ERROR = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "entered-in-error"}
    ]
}

# The least that each type needs; written from the published definitions by hand.
LEAST: dict[str, dict[str, Any]] = {
    "ActivityDefinition": {"status": "draft"},
    "AllergyIntolerance": {"patient": PATIENT, "verificationStatus": ENTERED_IN_ERROR},
    "Bundle": {"type": "collection"},
    "CarePlan": {"status": "draft", "intent": "plan", "subject": PATIENT},
    "CareTeam": {"status": "active", "subject": PATIENT},
    "ClinicalImpression": {"status": "completed", "subject": PATIENT},
    "Condition": {"subject": PATIENT},
    "Consent": {"status": "active", "scope": CODING, "category": [CODING], "policyRule": CODING},
    "DetectedIssue": {"status": "final"},
    "FamilyMemberHistory": {"status": "completed", "patient": PATIENT, "relationship": CODING},
    "Goal": {"lifecycleStatus": "active", "description": CODING, "subject": PATIENT},
    "List": {"status": "current", "mode": "working"},
    "Medication": {},
    "MedicationRequest": {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": CODING,
        "subject": PATIENT,
    },
    "MedicationStatement": {"status": "active", "medicationReference": {"reference": "#m"}, "subject": PATIENT},
    "Observation": {"status": "final", "code": CODING},
    "Organization": {"name": "Clinic"},
    "Patient": {},
    "PlanDefinition": {"status": "draft"},
    "Practitioner": {},
    "PractitionerRole": {},
    "Procedure": {"status": "completed", "subject": PATIENT},
    "Provenance": {
        "target": [PATIENT],
        "recorded": "2026-11-25T10:00:00Z",
        "agent": [{"who": {"reference": "Device/d"}}],
    },
    "Questionnaire": {"status": "active"},
    "QuestionnaireResponse": {"status": "completed"},
    "RequestGroup": {"status": "active", "intent": "plan"},
    "RiskAssessment": {"status": "final", "subject": PATIENT},
    "ServiceRequest": {"status": "active", "intent": "order", "subject": PATIENT},
    "Task": {"status": "requested", "intent": "order"},
}


def least(name: str, /, **changes: Any) -> dict[str, Any]:
    return {"resourceType": name, "id": "x-1.y"} | copy.deepcopy(LEAST[name]) | changes


def kinds(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f.kind, f.path) for f in faults(resource)]


def test_every_type_in_the_tables_has_a_good_example_here():
    assert set(LEAST) == set(TABLES["types"]) & set(TABLES["resource_types"]) - {"OperationOutcome"}


@pytest.mark.parametrize("name", LEAST)
def test_the_least_resource_of_each_type_is_good(name: str):
    assert faults(least(name)) == []


@pytest.mark.parametrize("profile", carebundle.PROFILES)
def test_people_that_others_made_have_no_fault(profile: str):
    bundle = json.loads(carebundle.to_json(carebundle.generate_bundle(profile=profile, seed=7)))
    assert faults(bundle) == []


def top_level(wanted: str) -> list[Any]:
    """(type, property, check) for each property of a resource that has this kind of check."""
    return [
        pytest.param(name, key, check, id=f"{name}.{key}")
        for name in LEAST
        for key, check in TABLES["types"][name].items()
        if wanted in check
    ]


def as_wrong_as_right(name: str, key: str, value: Any) -> tuple[dict[str, Any], str]:
    """The resource with this value, as an array where fhirkit says that the element repeats."""
    single = least(name, **{key: value})
    if any("expected an array" in f.message for f in faults(single)):
        return least(name, **{key: [value]}), f"{name}.{key}[0]"
    return single, f"{name}.{key}"


@pytest.mark.parametrize(("name", "key", "check"), top_level("codes"))
def test_a_code_is_one_of_the_required_value_set(name: str, key: str, check: dict[str, Any]):
    def shaped(system: str, code: str) -> Any:
        coding = {"system": system, "code": code}
        return {"code": code, "Coding": coding, "CodeableConcept": {"coding": [{"code": "other"}, coding]}}[check["as"]]

    for system, codes in TABLES["codes"][check["codes"]].items():
        good, path = as_wrong_as_right(name, key, shaped(system, codes[-1]))
        assert ("code", path) not in kinds(good)
        bad, path = as_wrong_as_right(name, key, shaped(system, "no-such-code"))
        assert ("code", path) in kinds(bad)


@pytest.mark.parametrize(("name", "key", "check"), top_level("targets"))
def test_a_reference_names_a_type_that_may_stand_there(name: str, key: str, check: dict[str, Any]):
    wrong = next(t for t in ("Slot", "Account") if t not in check["targets"])
    for target in (*check["targets"], wrong):
        for reference in (f"{target}/1", f"https://ehr.example/r4/{target}/1", f"{target}/1/_history/2"):
            resource, path = as_wrong_as_right(name, key, {"reference": reference})
            assert (("reference", path) in kinds(resource)) == (target == wrong), reference
    resource, path = as_wrong_as_right(name, key, {"type": wrong, "identifier": {"value": "1"}})
    assert ("reference", path) in kinds(resource)


@pytest.mark.parametrize(("name", "key", "check"), top_level("date"))
def test_a_date_is_a_day_of_the_calendar(name: str, key: str, check: dict[str, Any]):
    for suffix in ("", "T10:00:00Z"):
        good, path = as_wrong_as_right(name, key, f"2024-02-29{suffix}")
        assert ("date", path) not in kinds(good)
        bad, path = as_wrong_as_right(name, key, f"2026-02-29{suffix}")
        assert ("date", path) in kinds(bad)
    assert faults(least(name, id="ok")) == []


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("own_id", ["", "a b", "a_b", "x" * 65, "é", "a/b", "urn:uuid:1"])
def test_an_id_has_the_form_of_an_id(name: str, own_id: str):
    assert any(f.path == f"{name}.id" for f in faults(least(name, id=own_id)))


@pytest.mark.parametrize("name", LEAST)
def test_an_unknown_element_and_a_missing_type_are_structural(name: str):
    assert ("structure", f"{name}.colour") in kinds(least(name, colour="red"))
    assert [k for k, _ in kinds({"id": "x"})] == ["structure"]


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (least("Observation", valueString="a", valueBoolean=True), "Observation.value[x]"),
        (least("Patient", deceasedBoolean=True, deceasedDateTime="2026"), "Patient.deceased[x]"),
        (
            least("Observation", component=[{"code": CODING, "valueInteger": 1, "valueString": "1"}]),
            "Observation.component[0].value[x]",
        ),
        (
            least("QuestionnaireResponse", item=[{"linkId": "1", "answer": [{"valueInteger": 1, "valueString": "1"}]}]),
            "QuestionnaireResponse.item[0].answer[0].value[x]",
        ),
        (
            least("MedicationRequest", medicationReference={"reference": "Medication/1"}),
            "MedicationRequest.medication[x]",
        ),
        (
            least("Patient", extension=[{"url": "u", "valueString": "a", "valueInteger": 1}]),
            "Patient.extension[0].value[x]",
        ),
    ],
)
def test_a_choice_has_one_value(resource: dict[str, Any], path: str):
    assert ("choice", path) in kinds(resource)


def test_faults_are_found_inside_bundles_contained_resources_extensions_and_datatypes():
    gender = least("Patient", gender="f")
    bundle = least("Bundle", entry=[{"resource": least("Patient")}, {"resource": least("List", contained=[gender])}])
    assert kinds(bundle) == [("code", "Bundle.entry[1].resource.contained[0].gender")]
    name = least("Patient", name=[{"use": "official"}, {"use": "stage", "period": {"start": "2026-04-31"}}])
    assert kinds(name) == [("code", "Patient.name[1].use"), ("date", "Patient.name[1].period.start")]
    deep = {"url": "a", "extension": [{"url": "b", "valueDate": "2026-02-30"}]}
    assert kinds(least("Patient", extension=[deep])) == [("date", "Patient.extension[0].extension[0].valueDate")]
    item = {"linkId": "1", "item": [{"linkId": "2", "answer": [{"valueDate": "2026-02-30"}]}]}
    assert kinds(least("QuestionnaireResponse", item=[item])) == [
        ("date", "QuestionnaireResponse.item[0].item[0].answer[0].valueDate")
    ]


def test_urn_and_contained_references_are_judged_by_what_they_lead_to():
    entries = [
        {"fullUrl": "urn:uuid:p", "resource": least("Patient")},
        {"fullUrl": "urn:uuid:m", "resource": least("Medication")},
        {"fullUrl": "urn:uuid:a", "resource": least("Observation", subject={"reference": "urn:uuid:p"})},
        {"fullUrl": "urn:uuid:b", "resource": least("Observation", subject={"reference": "urn:uuid:m"})},
        {"fullUrl": "urn:uuid:c", "resource": least("Observation", subject={"reference": "urn:uuid:elsewhere"})},
    ]
    assert kinds(least("Bundle", entry=entries)) == [("reference", "Bundle.entry[3].resource.subject")]
    inside = [least("Medication", id="m")]
    assert faults(least("MedicationStatement", contained=inside)) == []
    assert kinds(least("MedicationStatement", contained=inside, subject={"reference": "#m"})) == [
        ("reference", "MedicationStatement.subject")
    ]


def test_a_required_code_may_be_absent_with_a_reason():
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert faults(least("Condition", clinicalStatus={"extension": [reason]})) == []
    assert kinds(least("Condition", clinicalStatus={"text": "active"})) == [("code", "Condition.clinicalStatus")]


def test_numbers_may_be_decimals():
    assert faults(least("Observation", valueQuantity={"value": Decimal("72.50"), "unit": "kg"})) == []


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"url": "u"}
    for _ in range(depth):
        inner = {"url": "u", "extension": [inner]}
    return least("Patient", extension=[inner])


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (least("Observation", valueQuantity={"value": float("nan")}), "NaN"),
        (least("Observation") | {3: 4}, "keys must be str"),
        (nested(10_000), "nested too deeply"),
    ],
)
def test_what_json_cannot_carry_or_is_too_deep_is_one_fault(resource: dict[str, Any], words: str):
    (fault,) = faults(resource)
    assert (fault.kind, fault.path) == ("structure", resource["resourceType"])
    assert words in fault.message


@pytest.mark.parametrize(
    "junk", [None, 3, "x", [], {}, [[]], [None], [3], [{"a": [3]}], {"coding": 3}, {"coding": [None]}]
)
@pytest.mark.parametrize("name", LEAST)
def test_an_element_of_any_wrong_shape_is_a_fault_and_no_crash(name: str, junk: Any):
    for key in TABLES["types"][name]:
        assert faults(least(name, **{key: junk})) != [], key


@pytest.mark.parametrize("empty", [[], {}])
def test_an_empty_element_is_one_fault(empty: Any):
    assert [f.path for f in faults(least("Patient", link=empty))] == ["Patient.link"]
    assert [f.path for f in faults(least("AllergyIntolerance", category=[]))] == ["AllergyIntolerance.category"]


@pytest.mark.parametrize("birth", ["1980", "1980-02", "1980-02-29"])
def test_a_partial_date_is_good(birth: str):
    assert faults(least("Patient", birthDate=birth)) == []


def test_a_fault_reads_as_a_place_and_a_sentence():
    assert str(Fault("Patient.gender", "code", "'f' is not a gender")) == "Patient.gender: 'f' is not a gender"


@pytest.mark.slow
def test_the_tables_are_those_that_the_published_definitions_give():
    from tools.make_r4_tables import text

    assert (content_folder("kernel") / "r4-tables.json").read_text(encoding="utf-8") == text()


def test_the_tables_are_read_once():
    assert r4._tables() is r4._tables()


def test_the_referees_agree_with_the_least_resources(referees):
    contained = {"MedicationStatement": {"contained": [least("Medication", id="m")]}}
    assert referees.check([least(name, **contained.get(name, {})) for name in LEAST]) == []
