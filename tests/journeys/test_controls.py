"""Controls of the hazard log that no single room holds: what is printed, what is collapsed, what is never silent."""

import json
import re
import sys
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from openkap.cli.tests.command import ON, encoded, inside
from openkap.pathway import open_case, screen_case
from openkap.plan.pdf import plan_pdf
from openkap.plan.tests.documents import PEOPLE, document
from openkap.synthetic.case import Case, medicine, questionnaire_response

PLANNED = sorted(name for name in PEOPLE if document(name)["regimen"])
INSTRUMENTS_WITH_A_SAFETY_ITEM = {"phq-9": (9, 3, 9), "c-ssrs-screen": (7, True, 4)}  # length, worst, its place


class _Page(HTMLParser):
    """Text of a page, and of the elements that carry a shape."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.shaped: list[tuple[str, list[str]]] = []
        self.open: list[tuple[str, list[str] | None]] = []
        self.hover_only: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if "title" in named and tag not in ("abbr",):
            self.hover_only.append(f"{tag}: {named['title']}")
        if tag in ("use", "meta", "link", "br", "img", "hr", "path", "input", "circle", "rect", "line"):
            return
        shaped = None
        if named.get("data-s") and tag not in ("svg",):
            shaped = []
            self.shaped.append((f"{tag} {named['data-s']}", shaped))
        self.open.append((tag, shaped))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Holds no text."""

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            continue

    def handle_data(self, data: str) -> None:
        if any(tag in ("style", "title", "symbol") for tag, _ in self.open):
            return
        self.text.append(data)
        for _, shaped in self.open:
            if shaped is not None:
                shaped.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


def page(name: str) -> _Page:
    from openkap.plan.html import plan_html

    read = _Page()
    read.feed(plan_html(document(name)))
    return read


def amount(value: Any) -> str:
    return f"{Decimal(str(value)).normalize():f} mg"


def every_text(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in every_text(one)]
    if isinstance(value, list):
        return [text for one in value for text in every_text(one)]
    return [value] if isinstance(value, str) else []


# -- doses -----------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-08", "C2")
@pytest.mark.parametrize("name", ["panic", "worry", "heavier"])
def test_beside_the_doses_stand_the_weight_its_day_and_how_it_was_had(name: str):
    dose = document(name)["regimen"]["dose"]
    day = f"{int(dose['weight_on'][8:])} November 2026"
    kilograms = f"{Decimal(str(dose['weight_kg'])).normalize():f} kg"
    words = page(name).words
    assert f"{kilograms}, measured on {day}" in words
    for step in dose["steps"]:
        assert re.search(rf"{re.escape(amount(step['mg']))}.{{0,80}}{re.escape(f'{kilograms}, {day}')}", words)


def test_a_computed_number_in_a_warning_is_short():
    case = Case(ON, measurements={"weight": [(Decimal(100), "kg", 3, None)]}).bundle()
    warnings = inside("plan", "-", "--on", ON, stdin=encoded(case)).json["regimen"]["warnings"]
    assert any("36.3" in one for one in warnings)
    assert not any(re.search(r"\.\d{3}", one) for one in warnings), warnings


@pytest.mark.hazard("HAZ-08", "C2")
def test_a_weight_that_the_patient_only_states_prints_no_amount():
    case = Case(ON).bundle()
    for entry in case["entry"]:
        if entry["resource"].get("id") == "weight-0":
            entry["resource"]["code"]["coding"][0]["code"] = "3142-7"
    draft = inside("plan", "-", "--on", ON, "--draft", stdin=encoded(case)).json
    assert draft["verdict"] == "insufficient"
    assert not re.search(r'"mg": ?\d', json.dumps(draft))


@pytest.mark.hazard("HAZ-16", "C2")
@pytest.mark.parametrize("name", [name for name in PLANNED if document(name)["regimen"]["dose"]["mg"] is not None])
def test_document_page_paper_and_fhir_say_the_same_amounts(name: str, monkeypatch: pytest.MonkeyPatch):
    from openkap.plan.fhir import plan_bundle

    made = document(name)
    amounts = [step["mg"] for step in made["regimen"]["dose"]["steps"]]
    assert amounts
    shown = [amount(one) for one in amounts]
    words = page(name).words
    assert all(re.search(rf"(?<![\d.]){re.escape(one)}(?!/)", words) for one in shown)

    sheets: list[Any] = []
    compiler = SimpleNamespace(compile=lambda *_, sys_inputs, **__: sheets.append(sys_inputs["sheet"]) or b"%PDF-")
    monkeypatch.setitem(sys.modules, "typst", compiler)
    plan_pdf(made)
    paper = " ".join(every_text(json.loads(sheets[0]))).replace("\u00a0", " ")
    assert all(re.search(rf"(?<![\d.]){re.escape(one)}(?!/)", paper) for one in shown)

    requests = [
        e["resource"] for e in plan_bundle(made)["entry"] if e["resource"]["resourceType"] == "MedicationRequest"
    ]
    doses = [d["doseAndRate"][0]["doseQuantity"] for r in requests for d in r["dosageInstruction"]]
    assert [(Decimal(str(d["value"])), d["code"]) for d in doses] == [(Decimal(str(one)), "mg") for one in amounts]


ROUTE_WORDS = {
    "sc": "under the skin",
    "iv": "into a vein",
    "im": "into a muscle",
    "nasal": "nose",
    "sublingual": "under the tongue",
}
BARE = re.compile(r"(?<![\w(-])(IN|IV|IM|SC|SL|PO)(?![\w)-])")


@pytest.mark.hazard("HAZ-12", "C2")
@pytest.mark.parametrize("name", PLANNED)
def test_the_route_is_written_in_words_wherever_it_is_said(name: str):
    made = document(name)
    words = page(name).words
    assert f"{made['regimen']['drug']}, " in words
    assert ROUTE_WORDS[made["regimen"]["route"]] in words
    assert not re.search(r"(?<![\w-])IN(?![\w-])", words)
    drafted = words[words.index("Regimen drafted for comparison", words.index("What is missing") + 500) :]
    first = drafted[: drafted.index("Basis")]
    assert not BARE.search(first), BARE.search(first)


@pytest.mark.hazard("HAZ-50", "C1")
@pytest.mark.parametrize("name", PLANNED)
def test_every_dose_has_an_integration_inside_its_window_before_the_next_dose(name: str):
    """The window is that of INT-1 of the safety and dosing fact sheet: 24 to 96 hours, preferably to 72."""
    sessions = document(name)["programme"]["sessions"]
    doses = [s["id"] for s in sessions if s["kind"] == "dose"]
    assert doses
    for place, dose in enumerate(doses):
        linked = [
            (s["id"], gap)
            for s in sessions
            if s["kind"] == "integration"
            for gap in s["after"]
            if gap["id"] == dose and gap["max_h"] is not None
        ]
        assert linked, dose
        assert all(gap["min_h"] >= 24 and gap["max_h"] <= 96 for _, gap in linked)
        if place + 1 < len(doses):
            following = next(s for s in sessions if s["id"] == doses[place + 1])
            assert {one for one, _ in linked} & {gap["id"] for gap in following["after"]}, following["id"]


# -- what a clinician is told ----------------------------------------------------------------------


@pytest.mark.hazard("HAZ-22", "C2")
def test_the_changes_since_a_plan_was_made_are_one_list_by_name_with_old_and_new():
    from openkap.chart.ground import changed

    plan = inside("plan", "-", "--on", ON, stdin=encoded(Case(ON).bundle())).json
    later = Case(
        ON,
        answers={"aneurysm": True, "session-fear": Decimal(9)},
        measurements={"weight": [(Decimal("64.0"), "kg", 1, None)]},
        medicines=["phenelzine 15 mg"],
    )
    found = {one["fact"]: one for one in changed(plan, open_case(later.bundle(), ON).view)}
    assert {"aneurysm", "session-fear", "weight", "medicines"} <= set(found)
    assert "61.4" in json.dumps(found["weight"], default=str) and "64" in json.dumps(found["weight"], default=str)
    assert "phenelzine" in json.dumps(found["medicines"], default=str)
    assert "height" not in found


@pytest.mark.hazard("HAZ-25", "C1")
def test_each_rule_speaks_once_in_a_class_and_names_its_action():
    """The same medicine three times over, by word and by form, is one finding and not three."""
    case = Case(ON, medicines=["phenelzine 15 mg", "sertraline 50 mg"], answers={"aneurysm": True, "asa-class": None})
    case.extra += [medicine("again", "Phenelzine 15 MG Oral Tablet"), medicine("thrice", "NARDIL")]
    findings = inside("screen", "-", "--on", ON, stdin=encoded(case.bundle())).json["findings"]
    assert {f["rule"] for f in findings} >= {"DDI-MAO-1", "SCR-VAS-1", "SCR-ASA-1"}
    assert len({(f["rule"], f["class"], f["truth"]) for f in findings}) == len(findings)
    assert [f["rule"] for f in findings].count("DDI-MAO-1") == 1
    assert all(f["action"].strip() for f in findings)
    order = ["exclude", "hold", "caution", "inform"]
    assert [order.index(f["class"]) for f in findings] == sorted(order.index(f["class"]) for f in findings)


@pytest.mark.hazard("HAZ-81", "C1")
@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_nothing_on_the_page_is_said_by_a_shape_or_by_hovering_alone(name: str):
    read = page(name)
    assert read.shaped
    assert [where for where, text in read.shaped if not re.search(r"[a-z]{3}", " ".join(text))] == []
    assert read.hover_only == []


@pytest.mark.hazard("HAZ-44", "C1")
@pytest.mark.parametrize(
    ("said", "age", "truths"),
    [("confirmed", 0, set()), ("confirmed", 1, {"unknown"}), ("arranged", 0, {"true"}), ("none", 0, {"true"})],
)
def test_a_promised_escort_does_not_open_the_day_of_the_dose(said: str, age: int, truths: set[str]):
    """ESC-1: a hold until the named person or transport is confirmed on the day itself, and not on the day before."""
    case = Case(ON, today=age == 0, answers={"escort": said}).bundle()
    findings = inside("screen", "-", "--on", ON, "--dose-day", stdin=encoded(case)).json["findings"]
    assert {f["truth"] for f in findings if f["rule"] == "SCR-ESC-1"} == truths


# -- an answer about suicide -----------------------------------------------------------------------


@pytest.mark.hazard("HAZ-48", "C2")
@pytest.mark.parametrize("name", INSTRUMENTS_WITH_A_SAFETY_ITEM)
@pytest.mark.parametrize("damage", ["none", "others unanswered", "another out of range", "one answer too many"])
def test_the_item_about_suicide_is_never_dropped_from_a_form(name: str, damage: str):
    length, worst, place = INSTRUMENTS_WITH_A_SAFETY_ITEM[name]
    low = False if worst is True else 0
    answers: list[Any] = [low] * length
    if damage == "others unanswered":
        answers = [None] * length
    answers[place - 1] = worst
    if damage == "another out of range":
        answers[0] = 77
    if damage == "one answer too many":
        answers.append(low)
    scored = inside("score", "-", stdin=json.dumps({"instrument": name, "answers": answers}).encode())
    assert scored.status == 0
    flags = scored.json["flags"]
    assert any(f.startswith("SAFETY_") and f != "SAFETY_ITEM_UNANSWERED" for f in flags), flags

    answers = [low] * length
    answers[place - 1] = None
    silent = inside("score", "-", stdin=json.dumps({"instrument": name, "answers": answers}).encode()).json
    if name == "phq-9":  # the screener's own skip rule lets questions 3 to 5 go when question 2 is no
        assert "SAFETY_ITEM_UNANSWERED" in silent["flags"]


@pytest.mark.hazard("HAZ-48", "C3")
@pytest.mark.parametrize("status", ["in-progress", "stopped"])
@pytest.mark.parametrize("days", [0, 4])
def test_an_answer_about_suicide_counts_as_soon_as_it_is_saved(status: str, days: int):
    """One item of a form that nobody finished, later than the last C-SSRS: raised, and the C-SSRS is due again."""
    case = Case(ON).bundle()
    form = questionnaire_response("phq-9", [None] * 8 + [1], ON - timedelta(days=days))
    case["entry"].append({"resource": form | {"id": "begun", "status": status}})
    screening = screen_case(open_case(case, ON))
    found = {f.rule: str(f.truth.value) for f in screening.findings}
    assert found["SCR-SI-1"] == "true"
    assert found["SCR-SI-2"] == "unknown"
    assert screening.verdict == "insufficient"
    assert any("c-ssrs" in ask.fact or "suicide" in ask.fact for ask in screening.ask if ask.decisive)
