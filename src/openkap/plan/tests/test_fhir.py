"""The plan in FHIR: valid, and never to be taken for an order."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from openkap.kernel import coding
from openkap.kernel.content import content_version
from openkap.kernel.r4 import faults
from openkap.plan.fhir import SYNTHETIC, plan_bundle
from openkap.plan.tests.documents import PEOPLE, document, from_json

NAMES = sorted(PEOPLE)
anybody = pytest.mark.parametrize("name", NAMES)


def resources(name: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in plan_bundle(document(name))["entry"]]


def of(name: str, kind: str) -> list[dict[str, Any]]:
    return [r for r in resources(name) if r["resourceType"] == kind]


def every(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from every(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner, key)


@anybody
def test_every_bundle_is_valid_r4(name):
    assert faults(plan_bundle(document(name))) == []
    assert faults(plan_bundle(from_json(document(name)))) == []


def test_every_bundle_satisfies_the_referees(referees):
    assert referees.check([plan_bundle(from_json(document(name))) for name in NAMES]) == []


@pytest.mark.hazard("HAZ-18", "C1")
@pytest.mark.hazard("HAZ-31", "C1")
@anybody
def test_nothing_in_a_bundle_could_be_carried_out_as_an_order(name):
    for resource in resources(name):
        kind = resource["resourceType"]
        if kind in ("CarePlan", "RequestGroup", "ServiceRequest", "MedicationRequest", "Task"):
            assert (resource["status"], resource["intent"]) == ("draft", "proposal")
        assert resource.get("status") in (None, "draft", "preliminary", "success", "data-required")
        assert resource.get("intent") in (None, "proposal")
    assert {goal["lifecycleStatus"] for goal in of(name, "Goal")} == {"proposed"}


@pytest.mark.hazard("HAZ-79", "C1")
@anybody
def test_every_resource_about_a_synthetic_person_carries_the_test_record_tag(name):
    bundle = plan_bundle(document(name))
    assert all(SYNTHETIC in r["meta"]["tag"] for r in [bundle, *resources(name)])


@pytest.mark.hazard("HAZ-79", "C1")
def test_no_resource_about_a_real_person_carries_it():
    made = document("panic")
    made["patient"]["synthetic"] = False
    assert "HTEST" not in str(plan_bundle(made))


@anybody
def test_every_reference_leads_to_a_resource_of_the_bundle(name):
    bundle = plan_bundle(document(name))
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    assert {r for r in every(bundle, "reference") if isinstance(r, str) and r != "#out"} <= set(urls)


def test_an_excluded_person_gets_no_medicine_and_no_dosing_session():
    assert of("excluded", "MedicationRequest") == []
    kinds = {s["category"][0]["coding"][0]["code"] for s in of("excluded", "ServiceRequest")}
    assert kinds
    assert "dose" not in kinds


@pytest.mark.hazard("HAZ-10", "C2")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "excluded"])
def test_a_dosage_says_mg_and_mg_per_kg_and_the_weight_with_its_date(name):
    made = document(name)
    (medicine,) = of(name, "MedicationRequest")
    dose = made["regimen"]["dose"]
    assert len(medicine["dosageInstruction"]) == len(dose["steps"])
    for dosage, step in zip(medicine["dosageInstruction"], dose["steps"], strict=True):
        said = dosage["text"].replace("\N{NO-BREAK SPACE}", " ")
        assert "mg" in said
        if step["mg"] is None:
            assert "doseAndRate" not in dosage
            assert "not known" in said
        else:
            assert dosage["doseAndRate"][0]["doseQuantity"] == {
                "value": step["mg"],
                "unit": "mg",
                "system": coding.UCUM,
                "code": "mg",
            }
            assert re.search(r"dosing weight [\d.]+ kg, measured on \d+ \w+ \d{4}", said)
        if step["mg_per_kg"] is not None:
            assert f"{step['mg_per_kg'].normalize():f} mg/kg" in said


def test_routes_and_medicines_are_coded_and_snomed_ct_comes_without_descriptions():
    for name in ("panic", "agoraphobia", "nasal"):
        (medicine,) = of(name, "MedicationRequest")
        for found in every(medicine, "coding"):
            for code in found:
                coding.Code(code["system"], code["code"])
                assert "display" not in code
    route = of("nasal", "MedicationRequest")[0]["dosageInstruction"][0]["route"]
    assert route["coding"][0]["system"] == coding.SNOMED


@pytest.mark.parametrize("route", ["iv", "im", "sc", "sublingual", "oral", "nasal"])
def test_every_route_has_a_code_that_exists(route):
    from openkap.plan.fhir import ROUTES

    coding.Code(coding.SNOMED, ROUTES[route])


@anybody
def test_the_group_holds_every_session_with_its_windows_from_start_to_start(name):
    (group,) = of(name, "RequestGroup")
    sessions = document(name)["programme"]["sessions"]
    assert [a["id"] for a in group["action"]] == [s["id"] for s in sessions]
    for action, session in zip(group["action"], sessions, strict=True):
        windows = [
            (
                r["actionId"],
                r["relationship"],
                r["offsetRange"]["low"]["value"],
                r["offsetRange"].get("high", {}).get("value"),
            )
            for r in action.get("relatedAction", [])
        ]
        assert windows == [(a["id"], "after-start", a["min_h"], a["max_h"]) for a in session["after"]]


@anybody
def test_the_verdict_and_every_finding_travel_along(name):
    made = document(name)
    (verdict,) = of(name, "GuidanceResponse")
    assert verdict["contained"][0]["parameter"] == [{"name": "verdict", "valueCode": made["verdict"]}]
    assert (verdict["status"] == "data-required") is (made["verdict"] == "insufficient")
    issues = {i["id"] for i in of(name, "DetectedIssue")}
    assert issues == {f"{f['rule']}-{f['class']}" for f in made["findings"]}
    assert len(of(name, "Task")) == len(made["missing"])


def test_the_bundle_says_which_content_made_it_and_when():
    at = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    entries = [e["resource"] for e in plan_bundle(document("panic"), at)["entry"]]
    origin = entries[-1]
    assert origin["resourceType"] == "Provenance"
    assert origin["recorded"] == "2026-11-25T09:30:00+00:00"
    marks = [e["what"]["identifier"]["value"] for e in origin["entity"]]
    assert marks[0] == content_version()
    assert set(marks[1:]) == {f"{row}#{mark}" for row, mark in document("panic")["content_rows"].items()}


@pytest.mark.hazard("HAZ-28", "C1")
@anybody
def test_a_statement_on_a_retracted_paper_never_travels_without_that_remark(name):
    notes = [note["text"] for note in of(name, "CarePlan")[0]["note"]]
    resting = next(text for text in notes if text.startswith("The effect on anxiety may ride on depression"))
    assert "Retracted or corrected:" in resting
    assert "31 March 2026" in resting
