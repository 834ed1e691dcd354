"""`openkap schema`: what it prints is true of what the commands print, by an independent validator."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openkap import __version__
from openkap.cli.schema import OUTPUTS
from openkap.cli.tests.command import ON, VERDICTS, call, called, encoded
from openkap.kernel import coding
from openkap.synthetic.case import Case, condition, measurement

COMMANDS = ("score", "chart", "assess", "screen", "plan", "simulate", "schedule", "content")


@cache
def validator(command: str) -> Draft202012Validator:
    printed = call("schema", command)
    assert (printed.status, printed.err) == (0, "")
    return Draft202012Validator(printed.json, format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(command: str, document: Any) -> list[str]:
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in validator(command).iter_errors(document)]


SCORES = [
    {"instrument": "gad-7", "answers": [3, 2, None, 1, 1, 1, 1]},
    {"instrument": "gad-7", "answers": [9]},
    {"instrument": "phq-9", "answers": [None] * 9},
    {"instrument": "maia-2", "answers": [None] + [3] * 36},
    {"instrument": "c-ssrs-screen", "answers": [True, True, False, False, False, False, None]},
    {"instrument": "eq-5d-5l", "answers": [1, 2, 3, 4, 5], "context": {"value_set": "US"}},
    {"instrument": "des-ii", "answers": [10] * 27 + [20]},
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_is_a_schema_of_the_2020_draft_and_says_of_which_version(command: str):
    printed = call("schema", command).json
    Draft202012Validator.check_schema(printed)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["openkap"] == __version__ and printed["content"]
    assert printed["$id"].endswith(f"/{command}/{__version__}")


def test_every_documented_command_has_a_schema_and_no_other():
    assert tuple(OUTPUTS) == COMMANDS


@pytest.mark.parametrize("name", ["measure", "demo", "", "SCREEN"])
def test_a_command_without_a_schema_is_refused(name: str):
    said = call("schema", name).refusal()
    assert repr(name) in said and "use one of score, chart" in said


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("command", ["chart", "assess", "screen", "plan"])
def test_what_a_case_command_prints_satisfies_its_schema(command: str, name: str):
    assert faults(command, called(command, name).json) == []


@pytest.mark.parametrize(
    ("command", "name", "flag"),
    [
        ("screen", "eligible", "--all"),
        ("screen", "caution", "--dose-day"),
        ("plan", "hold", "--draft"),
        ("plan", "exclude", "--draft"),
        ("plan", "insufficient", "--draft"),
    ],
)
def test_what_a_flag_adds_satisfies_the_schema_too(command: str, name: str, flag: str):
    assert faults(command, called(command, name, flag).json) == []


def test_one_score_and_a_list_of_scores_satisfy_the_schema_and_nothing_else_does():
    listed = call("score", "-", stdin=encoded(SCORES)).json
    assert faults("score", listed) == []
    assert [faults("score", score) for score in listed] == [[]] * len(listed)
    assert faults("score", []) == []
    assert faults("score", {}) and faults("score", [{}]) and faults("score", 7)


def test_what_content_check_prints_satisfies_the_schema():
    assert faults("content", call("content", "check").json) == []


def test_conflicts_stale_facts_ranges_and_unread_records_satisfy_the_schema():
    case = Case(
        ON,
        measurements={"weight": [(61, "kg", 3, None), (82, "kg", 3, None)], "qtc": [(410, "ms", 400, None)]},
        answers={"aneurysm": False},
        extra=[
            condition("aneurysm", coding.ICD10CM, "I71.4", ON),
            measurement("odd", "weight", 9, "[stone_av]", ON),
            {"resourceType": "Specimen", "id": "s", "subject": {"reference": "Patient/synthetic"}},
        ],
    ).bundle()
    case["entry"][0]["resource"]["birthDate"] = "1988"
    answer = call("chart", "-", "--on", ON, stdin=encoded(case))
    assert {"known", "absent", "stale", "conflict"} == {fact["status"] for fact in answer.json["facts"]}
    assert answer.json["unmapped"]
    assert faults("chart", answer.json) == []
    assert faults("screen", call("screen", "-", "--on", ON, stdin=encoded(case)).json) == []


# -- a schema can say no ---------------------------------------------------------------------------

REQUIRED = {
    "chart": ["facts", "unmapped", "mode", "openkap", "content"],
    "assess": ["scores", "formulation", "mode", "openkap", "content"],
    "screen": ["verdict", "findings", "ask", "mode", "openkap", "content"],
    "plan": [
        "programme",
        "regimen",
        "modalities",
        "alternatives",
        "monitoring",
        "consent_topics",
        "limits",
        "options",
        "mode",
        "openkap",
        "content",
    ],
}


@pytest.mark.parametrize(("command", "key"), [(c, k) for c, keys in REQUIRED.items() for k in keys])
def test_a_document_without_a_key_of_the_contract_is_refused(command: str, key: str):
    document = dict(called(command, "caution").json)
    del document[key]
    assert faults(command, document)


@pytest.mark.parametrize("key", ["verdict", "findings", "ask", "openkap", "content"])
def test_a_refusal_without_a_key_of_the_contract_is_refused(key: str):
    document = dict(called("plan", "hold").json)
    del document[key]
    assert faults("plan", document)


def test_a_refusal_that_carries_a_programme_is_refused():
    document = called("plan", "hold").json | {"programme": called("plan", "caution").json["programme"]}
    assert faults("plan", document)


Change = Callable[[Any], None]


def changes() -> Iterator[tuple[str, str, str, Change]]:
    """Faults that a reader of the output would stumble over: (command, person, what, how)."""

    def put(*path: Any) -> Change:
        *way, key, value = path

        def change(document: Any) -> None:
            for step in way:
                document = document[step]
            document[key] = value

        return change

    def drop(*path: Any) -> Change:
        *way, key = path

        def change(document: Any) -> None:
            for step in way:
                document = document[step]
            del document[key]

        return change

    for key in ("name", "status", "value", "unit", "on", "source"):
        yield "chart", "caution", f"a fact without {key}", drop("facts", 0, key)
    yield "chart", "caution", "an unknown fact", put("facts", 0, "status", "unknown")
    yield "chart", "caution", "a date in words", put("facts", 0, "on", "last week")
    for key in ("instrument", "status", "total", "subscores", "band", "flags", "source"):
        yield "assess", "caution", f"a score without {key}", drop("scores", 0, key)
    yield "assess", "caution", "a total in words", put("scores", 0, "total", "12")
    yield "assess", "caution", "level four", put("formulation", "somatic", "level", 4)
    yield "assess", "caution", "half a level", put("formulation", "somatic", "level", 1.5)
    yield "assess", "caution", "six dimensions", drop("formulation", "parts")
    for key in ("rule", "class", "truth", "missing", "facts", "because", "action", "source", "evidence", "verified"):
        yield "screen", "insufficient", f"a finding without {key}", drop("findings", 0, key)
    yield "screen", "insufficient", "an unheard verdict", put("verdict", "ok")
    yield "screen", "insufficient", "an unheard class", put("findings", 0, "class", "HOLD")
    yield "screen", "insufficient", "a truth that is no word", put("findings", 0, "truth", True)
    yield "screen", "insufficient", "a policy of another name", put("findings", 0, "missing", "M")
    yield "screen", "insufficient", "an unheard grade", put("findings", 0, "evidence", "A")
    yield "screen", "insufficient", "a tag in place of verified", put("findings", 0, "verified", "K")
    yield "screen", "insufficient", "an unheard mode", put("mode", "test")
    for key in ("fact", "question", "rules", "decisive"):
        yield "screen", "insufficient", f"a question without {key}", drop("ask", 0, key)
    for key in ("id", "kind", "modality", "minutes", "after", "roles", "needs"):
        yield "plan", "caution", f"a session without {key}", drop("programme", "sessions", 0, key)
    yield "plan", "caution", "an unheard kind", put("programme", "sessions", 0, "kind", "infusion")
    yield (
        "plan",
        "caution",
        "an open gate in words",
        put("programme", "sessions", 2, "after", [{"id": "x", "min_h": "1"}]),
    )
    for key in ("id", "route", "dose", "basis", "evidence", "chosen_by"):
        yield "plan", "caution", f"a regimen without {key}", drop("regimen", key)
    yield "plan", "caution", "a dose in words", put("regimen", "dose", "mg", "30 mg")
    yield "plan", "caution", "a route of another name", put("regimen", "route", "intravenous")


@pytest.mark.parametrize(
    ("command", "name", "change"),
    [pytest.param(command, name, change, id=f"{command}: {what}") for command, name, what, change in changes()],
)
def test_a_fault_of_the_output_is_seen(command: str, name: str, change: Change):
    document = copy.deepcopy(called(command, name).json)
    change(document)
    assert faults(command, document)
