"""Keys, types and exit codes of each command, as outside checks call them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from openkap import __version__
from openkap.cli.tests.command import ON, VERDICTS, call, called, encoded, person
from openkap.kernel.content import content_version

CASE_COMMANDS = ("chart", "assess", "screen", "plan")
GAD7 = encoded({"instrument": "gad-7", "answers": [3, 2, None, 1, 1, 1, 1]})


def every_string(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from every_string(value)
    elif isinstance(node, list):
        for value in node:
            yield from every_string(value)


def test_the_version_is_name_and_number():
    answer = call("--version")
    assert (answer.status, answer.out.decode().strip(), answer.err) == (0, f"openkap {__version__}", "")


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("command", CASE_COMMANDS)
def test_every_case_command_stamps_its_output_with_versions_and_mode(command: str, name: str):
    document = called(command, name).json
    assert document["openkap"] == __version__
    assert document["content"] == content_version()
    assert document["mode"] == "demonstration"
    instants = [s for s in every_string(document) if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*", s)]
    assert all(re.search(r"(Z|[+-]\d\d:\d\d)$", s) for s in instants)


@pytest.mark.parametrize("name", VERDICTS)
def test_only_a_refused_plan_ends_with_another_status_than_nought(name: str):
    assert [called(command, name).status for command in ("chart", "assess", "screen")] == [0, 0, 0]
    assert called("plan", name).status == (0 if name in ("eligible", "caution") else 3)


# -- score ------------------------------------------------------------------------------------------


def test_a_score_has_the_keys_of_the_contract():
    answer = call("score", "-", stdin=GAD7)
    document = answer.json
    assert answer.status == 0 and answer.err == ""
    assert {"openkap", "content", "instrument", "status", "total", "subscores", "band", "flags", "source"} <= set(
        document
    )
    # 9 of six answers: 9 x 7 / 6 = 10.5, rounded half up
    assert (document["instrument"], document["status"], document["total"]) == ("gad-7", "prorated", 11)
    assert document["band"] == "moderate"
    assert document["flags"] == ["PRORATED", "SCREEN_POSITIVE"]


def test_a_list_comes_back_for_a_list_and_each_element_carries_the_versions():
    form = {"resourceType": "QuestionnaireResponse", "status": "completed"}
    form |= {"questionnaire": "https://openkap.example/fhir/Questionnaire/suds"}
    form |= {"item": [{"linkId": "1", "answer": [{"valueInteger": 4}]}]}
    asked = [{"instrument": "gad-7", "answers": [0] * 7}, form]
    document = call("score", "-", stdin=encoded(asked)).json
    assert [(s["instrument"], s["total"]) for s in document] == [("gad-7", 0), ("suds", 4)]
    assert all({"openkap", "content"} <= set(score) for score in document)
    assert call("score", "-", stdin=b"[]").json == []


@pytest.mark.hazard("HAZ-27", "C1")
def test_wrong_answers_end_with_nought_and_keep_the_safety_flag():
    answers = [0, 0, 0, 0, 0, 0, 0, 7, 2]
    answer = call("score", "-", stdin=encoded({"instrument": "phq-9", "answers": answers}))
    document = answer.json
    assert answer.status == 0
    assert (document["status"], document["total"], document["band"]) == ("invalid", None, None)
    assert {"OUT_OF_RANGE:8", "SAFETY_PHQ9_ITEM9_POSITIVE"} <= set(document["flags"])


def test_eight_answers_for_seven_items_are_invalid_and_say_so():
    document = call("score", "-", stdin=encoded({"instrument": "gad-7", "answers": [1] * 8})).json
    assert (document["status"], document["total"], document["flags"]) == ("invalid", None, ["WRONG_ITEM_COUNT"])


# -- chart ------------------------------------------------------------------------------------------


def test_facts_carry_name_status_value_unit_date_and_source_and_numbers_are_numbers():
    facts = {fact["name"]: fact for fact in called("chart", "eligible").json["facts"]}
    assert all({"name", "status", "value", "unit", "on", "source"} <= set(fact) for fact in facts.values())
    assert {fact["status"] for fact in facts.values()} <= {"known", "absent", "stale", "conflict"}
    weight = facts["weight"]
    assert (weight["value"], weight["unit"], weight["on"], weight["status"]) == (82.6, "kg", "2026-11-21", "known")
    assert (facts["aneurysm"]["status"], facts["aneurysm"]["value"]) == ("absent", False)
    assert "hcg" not in facts, "an unknown fact has no entry"


def test_what_was_seen_and_not_used_is_listed_with_the_five_keys():
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient"}}]}
    strange = {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}}
    strange |= {"code": {"coding": [{"system": "http://loinc.org", "code": "1-8"}], "text": "a strange test"}}
    bundle["entry"][0]["resource"]["id"] = "p"
    bundle["entry"].append({"resource": strange})
    [entry] = call("chart", "-", stdin=encoded(bundle)).json["unmapped"]
    assert {"system", "code", "text", "resource", "reason"} <= set(entry)
    assert (entry["system"], entry["code"], entry["resource"]) == ("http://loinc.org", "1-8", "Observation/o")
    assert entry["reason"]


# -- assess -----------------------------------------------------------------------------------------


def test_the_formulation_has_seven_dimensions_with_level_and_because():
    document = called("assess", "caution").json
    assert set(document["formulation"]) == {
        "cognitive",
        "somatic",
        "avoidance",
        "past-event",
        "imagery",
        "parts",
        "social",
    }
    for dimension in document["formulation"].values():
        assert dimension["level"] in (None, 0, 1, 2, 3)
        assert all(isinstance(line, str) for line in dimension["because"])
    assert {"pcl-5", "asi-3", "pdss-sr"} <= {score["instrument"] for score in document["scores"]}


# -- screen -----------------------------------------------------------------------------------------

FINDING = {"rule", "class", "truth", "missing", "facts", "because", "action", "source", "evidence", "verified"}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_screening_has_verdict_findings_and_questions(name: str):
    document = called("screen", name).json
    assert document["verdict"] == name
    for finding in document["findings"]:
        assert set(finding) >= FINDING
        assert finding["class"] in ("exclude", "hold", "caution", "inform")
        assert finding["truth"] in ("true", "unknown")
        assert finding["missing"] in ("MB", "MH", "MC", None)
        assert finding["verified"] in (True, False, "secondary")
        assert isinstance(finding["facts"], list) and isinstance(finding["source"], list)
    for ask in document["ask"]:
        assert set(ask) >= {"fact", "question", "rules", "decisive"}
    marks = [ask["decisive"] for ask in document["ask"]]
    assert marks == sorted(marks, reverse=True), "the most decisive come first"
    assert any(marks) == (name == "insufficient")


def test_rules_that_are_known_to_be_false_are_left_out_unless_all_are_asked_for():
    few, all_ = called("screen", "eligible").json, called("screen", "eligible", "--all").json
    assert {f["truth"] for f in all_["findings"]} >= {"false"}
    assert "SCR-VAS-1" in {f["rule"] for f in all_["findings"]}
    assert "SCR-VAS-1" not in {f["rule"] for f in few["findings"]}
    assert all_["verdict"] == few["verdict"]


def test_the_checks_of_the_day_are_reported_only_for_a_dose_day():
    plain = {f["rule"] for f in called("screen", "eligible", "--all").json["findings"]}
    of_the_day = called("screen", "eligible", "--dose-day").json
    assert not {rule for rule in plain if rule.startswith(("PRE-", "BPG-"))}
    missing = [f for f in of_the_day["findings"] if f["rule"].startswith(("PRE-", "BPG-"))]
    assert missing and all((f["truth"], f["missing"]) == ("unknown", "MB") for f in missing)
    assert of_the_day["verdict"] == "insufficient"


# -- plan -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["eligible", "caution"])
def test_a_plan_has_the_keys_of_the_contract(name: str):
    document = called("plan", name).json
    assert {
        "programme",
        "regimen",
        "modalities",
        "alternatives",
        "monitoring",
        "consent_topics",
        "limits",
        "options",
    } <= set(document)
    sessions = document["programme"]["sessions"]
    for session in sessions:
        assert {"id", "kind", "modality", "minutes", "after", "roles", "needs"} <= set(session)
        assert session["kind"] in {
            "preparation",
            "dose",
            "integration",
            "exposure",
            "therapy",
            "check-in",
            "measure",
            "review",
        }
        assert all({"id", "min_h", "max_h"} <= set(after) for after in session["after"])
    names = [session["id"] for session in sessions]
    assert len(set(names)) == len(names)
    for place, session in enumerate(sessions):
        assert {after["id"] for after in session["after"]} <= set(names[:place]), "sessions stand in order"
    regimen = document["regimen"]
    assert {"id", "route", "dose", "basis", "evidence"} <= set(regimen)
    assert regimen["chosen_by"] == "order" and regimen["id"] == document["options"][0]["id"]
    assert isinstance(regimen["dose"]["mg"], int | float)
    assert document["draft"] is False
    assert all(m["for"] or m["against"] for m in document["modalities"])


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("hold", "json"),
        ("exclude", "json"),
        ("insufficient", "json"),
        ("hold", "fhir"),
        ("hold", "html"),
        ("hold", "pdf"),
    ],
)
def test_a_refused_plan_says_why_in_json_whatever_form_was_asked_for(name: str, form: str):
    answer = called("plan", name, "--as", form)
    assert answer.status == 3
    assert answer.json["verdict"] == name
    assert answer.json["findings"] == called("screen", name).json["findings"]
    assert answer.json["ask"] == called("screen", name).json["ask"]
    assert "programme" not in answer.json
    assert name in answer.sentence()


@pytest.mark.parametrize("name", ["hold", "exclude", "insufficient"])
def test_a_draft_is_marked_and_never_signable_and_holds_no_dose_where_excluded(name: str):
    answer = called("plan", name, "--draft")
    assert answer.status == 0
    document = answer.json
    assert (document["draft"], document["signable"], document["verdict"]) == (True, False, name)
    kinds = {session["kind"] for session in document["programme"]["sessions"]}
    assert ("dose" in kinds) == (name != "exclude")
    if name == "exclude":
        assert document["regimen"] is None and document["options"] == []


def test_a_plan_is_read_as_a_page_as_paper_and_as_fhir():
    assert called("plan", "eligible", "--as", "html").out.lstrip().lower().startswith(b"<!doctype html")
    assert called("plan", "eligible", "--as", "pdf").out.startswith(b"%PDF-")
    bundle = called("plan", "eligible", "--as", "fhir").json
    assert bundle["resourceType"] == "Bundle"
    assert "CarePlan" in {entry["resource"]["resourceType"] for entry in bundle["entry"]}


# -- where the document comes from -----------------------------------------------------------------


@pytest.mark.parametrize("command", CASE_COMMANDS)
def test_a_file_and_standard_input_give_the_same(command: str, tmp_path):
    path = tmp_path / "case.json"
    path.write_bytes(person("caution"))
    assert call(command, path, "--on", ON.isoformat()) == called(command, "caution")


def test_a_byte_order_mark_is_no_fault():
    assert call("score", "-", stdin=b"\xef\xbb\xbf" + GAD7) == call("score", "-", stdin=GAD7)
