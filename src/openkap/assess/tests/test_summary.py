"""The whole assessment of a person, from a bundle to the document."""

import json
from datetime import date
from typing import Any

import pytest

from openkap.assess import fhir, intake
from openkap.assess.score_chart import scored
from openkap.assess.summary import assessment
from openkap.assess.treatment import DERIVED
from openkap.chart.fhir.reader import read_chart
from openkap.chart.view import View

ON = date(2026, 11, 25)
PSWQ_71 = [1, 4, 2, 4, 5, 4, 5, 2, 4, 1, 1, 5, 4, 5, 4, 4]  # worked example EX-15


def assess(*resources: dict[str, Any]) -> dict[str, Any]:
    people = [{"resourceType": kind, "id": "p"} for kind in ("Patient", "Practitioner")]
    numbered = [r | {"id": r.get("id", f"r{k}")} for k, r in enumerate(resources)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in people + numbered]}
    chart, records = scored(read_chart(bundle), ON)
    return assessment(View(chart, ON, derived=DERIVED), records)


def form(name: str, answers: list[Any], day: str = "2026-11-20") -> dict[str, Any]:
    return fhir.response(name, answers, authored=day, subject="Patient/p")


def interview(**more: Any) -> dict[str, Any]:
    answers = {"interview-tool": "mini", "interview-on": "2026-11-18", "interview-modules": ["gad", "panic"]}
    return intake.response(
        answers | {"sign-cognitive": 2, "treatment-history-complete": True},
        authored="2026-11-20",
        subject="Patient/p",
        author="Practitioner/p",
        **more,
    )


GAD = {
    "resourceType": "Condition",
    "subject": {"reference": "Patient/p"},
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "verificationStatus": {"coding": [{"code": "confirmed"}]},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F41.1"}]},
}
TRIAL = {
    "trial-kind": "medication",
    "trial-treatment": "sertraline",
    "trial-max-dose": 100,
    "trial-weeks": 10,
    "trial-adherence": 90,
    "trial-outcome": "none",
    "trial-source": "record",
}
BODY = {"body-load": [{"body-load-symptom": "tension", "body-load-bother": 6}]}


def test_an_empty_record_says_in_every_part_that_it_knows_nothing():
    found = assess()
    assert found["scores"] == []
    assert {name: part["level"] for name, part in found["formulation"].items()} == dict.fromkeys(
        ["cognitive", "somatic", "avoidance", "past-event", "imagery", "parts", "social"]
    )
    assert found["treatment_history"]["drug_arm"]["status"] == "unknown"
    assert found["diagnoses"]["target"]["status"] == "unknown"
    assert {"diagnoses", "treatment_history", "formulation.cognitive"} <= {gap["part"] for gap in found["gaps"]}
    assert "TRX-DEF-1" in {gap["fact"] for gap in found["gaps"]}


def test_a_full_record_gives_scores_formulation_diagnosis_and_arms():
    found = assess(form("pswq", PSWQ_71), interview(trials=[TRIAL], inventories=BODY), GAD)
    (score,) = found["scores"]
    assert (score["instrument"], score["total"], score["usable"], score["on"]) == ("pswq", 71, True, "2026-11-20")
    cognitive = found["formulation"]["cognitive"]
    assert cognitive["level"] == 3
    assert any("PSWQ 71" in line for line in cognitive["because"])
    assert found["diagnoses"]["target"]["value"] is True
    gad = next(d for d in found["diagnoses"]["disorders"] if d["name"] == "gad")
    assert gad["confirmed"] is True
    assert found["treatment_history"]["drug_arm"]["value"] == "met"
    assert found["treatment_history"]["therapy_arm"]["value"] == "not-met"
    assert [entry["symptom"] for entry in found["body_load"]["reported"]] == ["tension"]
    assert "heart-rate" in {row["name"] for row in found["body_load"]["measured"]}


@pytest.mark.hazard("HAZ-28", "C2")
def test_the_two_statements_stand_wherever_a_modality_is_suggested():
    texts = [row["text"] for row in assess()["statements"]]
    assert len(texts) == 2
    assert "no trial was found" in texts[0]
    assert "No controlled trial" in texts[1]


def test_a_form_that_is_not_used_is_a_gap_with_its_reason():
    found = assess(form("gad-7", [3] * 7, "2026-01-01"))
    assert found["scores"][0]["usable"] is False
    assert any("at most 30 days old" in gap["text"] for gap in found["gaps"] if gap["part"] == "scores")


def test_the_document_is_plain_json_and_the_same_each_time():
    resources = form("pswq", PSWQ_71), interview(trials=[TRIAL], inventories=BODY), GAD
    once, again = (json.dumps(assess(*resources), allow_nan=False) for _ in range(2))
    assert once == again
