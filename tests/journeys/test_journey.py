"""One person through all stages, by library and by command line alike; and each way to be refused."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from openkap.cli.tests.command import ON, VERDICTS, call, called, encoded, inside, person
from openkap.kernel.errors import NoSolution
from openkap.pathway import assess_case, open_case, plan_case, screen_case
from openkap.plan.html import plan_html
from openkap.screen.document import screening_document
from openkap.synthetic.case import questionnaire_response
from openkap.synthetic.people import people


def plain(document: Any) -> Any:
    """A library document as JSON readers see it."""
    return msgspec.json.decode(encoded(document))


def unstamped(document: dict[str, Any], *stamps: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("openkap", "content", "mode", *stamps)}


def test_a_referral_and_two_forms_become_a_programme(tmp_path: Path):
    """An export that lacks a form; the form is filled in and added; scored, formulated, judged, planned and printed."""
    bundle = people(ON)["panic"].bundle()
    forms = [e for e in bundle["entry"] if e["resource"].get("id") in ("form-pdss-sr", "form-phq-9")]
    thin = bundle | {"entry": [e for e in bundle["entry"] if e not in forms]}
    path = tmp_path / "case.json"
    path.write_bytes(encoded(thin))
    before = call("screen", path, "--on", ON).json
    assert before["verdict"] == "insufficient"
    assert {ask["fact"] for ask in before["ask"] if ask["decisive"]} == {"pdss-sr", "phq-9.9"}
    assert inside("plan", path, "--on", ON).status == 3

    answers = [
        questionnaire_response("pdss-sr", [3, 3, 2, 2, 2, 2, 2], ON),
        questionnaire_response("phq-9", [2, 2, 1, 2, 1, 1, 1, 0, 0], ON),
    ]
    scores = inside("score", "-", stdin=encoded(answers)).json
    assert [(s["instrument"], s["status"], s["total"]) for s in scores] == [("pdss-sr", "ok", 16), ("phq-9", "ok", 10)]
    path.write_bytes(encoded(thin | {"entry": [*thin["entry"], *({"resource": form} for form in answers)]}))

    facts = {fact["name"]: fact for fact in inside("chart", path, "--on", ON).json["facts"]}
    assert (facts["pdss-sr"]["value"], facts["phq-9.9"]["value"]) == (16, 0)
    assessed = inside("assess", path, "--on", ON).json
    [pdss] = [score for score in assessed["scores"] if score["instrument"] == "pdss-sr"]
    assert (pdss["total"], pdss["band"]) == (16, "markedly_ill_or_worse")  # with agoraphobia, which the chart knows
    assert assessed["formulation"]["somatic"]["level"] == 3

    screened = call("screen", path, "--on", ON).json
    assert screened["verdict"] == "caution"
    assert {"SCR-PD-1", "DDI-BZD-1"} & {finding["rule"] for finding in screened["findings"]} >= {"SCR-PD-1"}

    plan = call("plan", path, "--on", ON).json
    assert plan["findings"] == screened["findings"]
    assert plan["summary"]["formulation"] == assessed["formulation"]
    assert plan["regimen"]["dose"]["start_low"], "panic disorder and fear of the session ask for a low start"
    assert plan["signable"] and not plan["draft"]
    page = inside("plan", path, "--on", ON, "--as", "html").out.decode()
    assert "Marisol Oduya" in page and plan["regimen"]["title"] in page
    assert call("plan", path, "--on", ON, "--as", "pdf").out.startswith(b"%PDF-")
    resources = [e["resource"] for e in inside("plan", path, "--on", ON, "--as", "fhir").json["entry"]]
    [care_plan] = [r for r in resources if r["resourceType"] == "CarePlan"]
    assert (care_plan["status"], care_plan["intent"]) == ("draft", "proposal")


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("name", VERDICTS)
def test_library_and_command_line_say_the_same_at_every_stage(name: str):
    case = open_case(person(name), ON)
    assert plain(assess_case(case)) == unstamped(called("assess", name).json, "on")
    screening = screen_case(case)
    assert screening.verdict == name
    assert plain(screening_document(screening)) == unstamped(called("screen", name).json, "on")
    answer = called("plan", name)
    if name in ("eligible", "caution"):
        assert unstamped(answer.json) == plain(plan_case(case))
    else:
        with pytest.raises(NoSolution) as refused:
            plan_case(case)
        assert (answer.status, unstamped(answer.json)) == (3, plain(refused.value.document))
        assert answer.sentence() == str(refused.value)


def test_the_same_call_gives_the_same_bytes_in_another_process():
    for command in ("chart", "assess", "screen", "plan"):
        assert inside(command, "-", "--on", ON, stdin=person("caution")) == called(command, "caution")


def test_a_printed_draft_says_on_its_page_that_it_is_none_to_sign():
    document = called("plan", "hold", "--draft").json
    page = called("plan", "hold", "--draft", "--as", "html").out.decode()
    assert page.lower().count("draft") >= 1
    assert "<html" in page and plan_html(document).lower().count("draft") >= 1
