"""The referees themselves: they find what they are there to find, and pass what is good."""

import copy
from typing import Any

import pytest

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-02"}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "weight"},
    "subject": {"reference": "Patient/p1"},
    "valueQuantity": {"value": 72.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}


@pytest.mark.parametrize("reference", ["Patient/p1", "#p1", "https://ehr.example/fhir/Patient/p1", "urn:uuid:0c31"])
def test_good_resources_pass_whatever_way_they_refer(referees, reference: str):
    observation = OBSERVATION | {"subject": {"reference": reference}}
    if reference.startswith("#"):
        observation |= {"contained": [PATIENT]}
    assert referees.check([PATIENT, observation]) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"status": "nope"}, "nope"),
        ({"status": None}, "status"),
        ({"colour": "red"}, "colour"),
        ({"valueString": "x"}, "choice"),
        ({"subject": {"reference": "Medication/m1"}}, "reference"),
        ({"code": "weight"}, "code"),
        ({"dataAbsentReason": {"text": "not asked"}}, "obs-6"),
    ],
)
def test_each_kind_of_fault_is_found_also_inside_a_bundle(referees, change: dict[str, Any], word: str):
    bad = {k: v for k, v in (copy.deepcopy(OBSERVATION) | change).items() if v is not None}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": PATIENT}, {"resource": bad}]}
    faults = [f for f in referees.check(bundle) if f.resource == "Observation/o1"]
    assert any(word.lower() in f"{f.path} {f.message}".lower() for f in faults), faults
