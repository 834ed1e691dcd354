"""The intake asks everything, can be answered in every way the convention knows, and comes back as it was."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from openkap.assess.intake import DECLINED, NEVER, questionnaire, response
from openkap.assess.intake_form import intake
from openkap.chart.fhir.reader import read_chart
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.kernel import r4
from openkap.kernel.errors import UserError
from tests.reading import grade

ON = date(2026, 11, 25)

# Section 9 of the fact convention, transcribed by hand; scores and the measured `qtc` are not items.
CLINICIAN = """
interview-tool interview-on interview-modules wrong-diagnosis treatment-history-complete capacity-attested
teach-back-done bp-hazard arrhythmia-uncontrolled cognitive-screen child-pugh asa-class mallampati
medication-reconciled-on identity-checked equipment-ready sitter-assigned
""".split()
ANYONE = """
agoraphobia ptsd caffeine-high sleep-loss alcohol-or-cannabis-load non-adherence legal-compulsion escort
adult-reachable-24h safe-housing altered-state-willing hypertensive-crisis hypertensive-crisis-on coronary-event
coronary-event-on heart-failure-valve-hcm hf-decompensated-on nyha-class valve-severe hcm arrhythmia aneurysm avm
intracranial-haemorrhage stroke-tia stroke-tia-on raised-icp head-injury head-injury-on seizure-disorder
last-seizure-on dementia delirium delirium-on psychotic-disorder psychotic-symptoms schizophrenia-relative
mania-current bipolar sud-active ketamine-misuse safety-plan-on dissociative-disorder borderline
self-harm-or-admission-on pregnant could-become-pregnant contraception breastfeeding liver-disease dialysis cystitis
haematuria-unexplained ketamine-cystitis hyperthyroidism angle-closure-glaucoma open-globe-injury
open-angle-glaucoma severe-respiratory-disease home-oxygen acute-respiratory-infection sleep-apnoea
sleep-apnoea-treated sleep-apnoea-severity ketamine-allergy porphyria difficult-airway severe-reflux gastroparesis
supplement-grapefruit alcohol-24h cannabis-24h illicit-stimulant-72h solids-h fluids-h driving-agreement
interval-change sign-cognitive sign-somatic sign-avoidance sign-past-event sign-imagery sign-parts sign-social
index-event recurrent-image parts-language session-fear
""".split()
TRIAL = """
trial-kind trial-treatment trial-max-dose trial-weeks trial-sessions trial-adherence trial-outcome trial-ended-on
trial-source
""".split()


def leaves(node: dict[str, Any]) -> list[dict[str, Any]]:
    below = node.get("item", [])
    return [leaf for child in below for leaf in ([child] if "item" not in child else leaves(child))]


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [found for child in node.get("item", []) for found in (child, *nodes(child))]


def asked(part: str = "all") -> dict[str, dict[str, Any]]:
    return {item["linkId"]: item for item in leaves(questionnaire(part)) if item["type"] != "display"}


def read_back(*resources: dict[str, Any]):
    entries = [{"resource": r | {"id": f"q{k}"}} for k, r in enumerate(resources)]
    people = [{"resource": {"resourceType": kind, "id": "p"}} for kind in ("Patient", "Practitioner")]
    return read_chart({"resourceType": "Bundle", "type": "collection", "entry": people + entries})


def write(answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return response(answers, authored="2026-11-25", subject="Patient/p", author="Practitioner/p", **more)


def test_every_item_of_the_convention_is_asked():
    missing = [name for name in (*CLINICIAN, *ANYONE, *TRIAL) if name not in asked()]
    assert missing == []


def test_what_only_a_clinician_can_answer_stands_in_the_clinician_part():
    assert set(CLINICIAN) <= set(asked("clinician"))
    assert not set(CLINICIAN) & set(asked("patient"))
    assert {f.id for f in facts().values() if f.by == "C"} == set(CLINICIAN)


def test_the_two_parts_together_ask_what_the_whole_asks_and_share_one_address():
    whole, patient, clinician = (questionnaire(p) for p in ("all", "patient", "clinician"))
    assert set(asked("patient")) | set(asked("clinician")) == set(asked())
    assert set(asked("patient")) & set(asked("clinician")) == set(TRIAL)
    addresses = {q["url"] for q in (whole, patient, clinician)}
    assert addresses == {"https://openkap.example/fhir/Questionnaire/intake"}


def test_every_fact_is_asked_or_it_is_said_where_else_it_comes_from():
    elsewhere = [name for row in intake().elsewhere for name in row.facts]
    wanted = {f.id for f in facts().values() if f.kind not in ("derived", "score")}
    assert set(elsewhere) | set(intake().items) == wanted
    assert not set(elsewhere) & set(intake().items)


@pytest.mark.parametrize("part", ["all", "patient", "clinician"])
def test_the_questionnaire_is_good_fhir_with_unique_link_ids_and_conditions_that_lead_somewhere(part):
    form = questionnaire(part)
    assert r4.faults(form) == []
    links = [node["linkId"] for node in nodes(form)]
    assert len(links) == len(set(links))
    conditions = [c["question"] for node in nodes(form) for c in node.get("enableWhen", [])]
    assert set(conditions) <= set(links)


def test_a_detail_is_asked_only_where_its_parent_is_present():
    assert asked()["stroke-tia-on"]["enableWhen"] == [
        {"question": "stroke-tia", "operator": "=", "answerBoolean": True}
    ]
    assert "enableWhen" not in asked()["stroke-tia"]
    assert "enableWhen" not in asked("clinician")["nyha-class"]


def test_kinds_of_question_follow_the_vocabulary():
    items = asked()
    assert items["bipolar"]["type"] == "boolean"
    assert items["interview-on"]["type"] == "date"
    assert items["interview-modules"]["repeats"] is True
    assert [o["valueCoding"]["code"] for o in items["escort"]["answerOption"]] == ["confirmed", "arranged", "none"]
    assert [e.get("valueInteger") for e in items["asa-class"]["extension"]] == [1, 6]
    assert items["trial-max-dose"]["type"] == "quantity"


def test_every_question_to_a_patient_can_be_declined():
    patient = [
        item for item in leaves(questionnaire("patient")) if item["type"] != "display" and item["linkId"] in facts()
    ]
    assert patient
    assert all(any(e["url"].endswith("/may-decline") for e in item["extension"]) for item in patient)


# One good answer for each kind; every item is answered and read back.
def _some_answer(name: str) -> Any:
    fact = facts()[name]
    if fact.is_yes_no:
        return False
    if fact.kind == "date":
        return "2026-11-01"
    if fact.kind == "number":
        return int(fact.least or 0)
    return list(fact.options) if fact.repeats else fact.options[0]


@pytest.mark.hazard("HAZ-20", "C1")
def test_every_item_answered_comes_back_as_a_reading_with_that_answer():
    answers = {name: _some_answer(name) for name in intake().items}
    written = write(answers)
    assert r4.faults(written) == []
    chart = read_back(written)
    assert chart.unmapped == ()
    for name, answer in answers.items():
        (reading,) = [r for r in chart.readings[name] if not r.by_interview]
        value = reading.value
        expected = tuple(answer) if isinstance(answer, list) else answer
        assert (value.text if hasattr(value, "text") else value) == expected, name
        assert reading.standing == "final"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("name", [*intake().items])
def test_every_item_can_be_declined_and_stays_unknown(name):
    written = write({name: [DECLINED] if facts()[name].repeats else DECLINED})
    assert r4.faults(written) == []
    state = View(read_back(written), ON).state(name)
    assert state.status == "unknown"
    assert "declines" in state.reason


def test_an_event_that_never_was_is_known_absent():
    written = write({"self-harm-or-admission-on": NEVER, "hf-decompensated-on": NEVER})
    assert r4.faults(written) == []
    view = View(read_back(written), ON)
    assert {view.state(n).status for n in ("self-harm-or-admission-on", "hf-decompensated-on")} == {"absent"}


def test_a_no_is_known_absent():
    assert View(read_back(write({"aneurysm": False})), ON).state("aneurysm").status == "absent"


def test_prior_treatments_come_back_as_trials():
    trial = {
        "trial-kind": "medication",
        "trial-treatment": {"rxnorm": "36437", "display": "sertraline"},
        "trial-max-dose": 100,
        "trial-weeks": Decimal("8.5"),
        "trial-adherence": 90,
        "trial-outcome": "none",
        "trial-ended-on": "2025-06",
        "trial-source": "record",
    }
    therapy = {"trial-kind": "psychotherapy", "trial-treatment": "cbt", "trial-sessions": 14}
    written = write({}, trials=[trial, therapy])
    assert r4.faults(written) == []
    first, second = read_back(written).trials
    assert (first.treatment, first.max_dose_mg, first.weeks, first.outcome) == (
        "sertraline",
        Decimal(100),
        Decimal("8.5"),
        "none",
    )
    assert (second.treatment, second.sessions, second.outcome) == ("cbt", Decimal(14), None)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"answers": {"colour": True}}, "answers.colour"),
        ({"answers": {"bipolar": "yes"}}, "answers.bipolar"),
        ({"answers": {"escort": "perhaps"}}, "answers.escort"),
        ({"answers": {"interview-on": "25 November"}}, "is not a date"),
        ({"answers": {"bipolar": NEVER}}, "answers.bipolar"),
        ({"answers": {"session-fear": 2.5}}, "answers.session-fear"),
        ({"answers": {}, "trials": [{"trial-colour": 1}]}, "trials.trial-colour"),
        ({"answers": {}, "trials": [{"trial-outcome": "better"}]}, "trials.trial-outcome"),
        ({"answers": {}, "inventories": {"hobbies": []}}, "inventories.hobbies"),
        ({"answers": {}, "inventories": {"trigger": [{"trigger-distress": "high"}]}}, "inventories.trigger-distress"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_its_name(call, says):
    with pytest.raises(UserError, match=re.escape(says)):
        write(**call)


# --- Reading grade ----------------------------------------------------------------------------------


def test_the_formula_of_the_reading_grade_tells_easy_from_hard():
    assert grade(["The cat sat on the mat."]) < 2
    assert grade(["Pharmacological contraindications necessitate individualised multidisciplinary evaluation."]) > 20


def test_what_a_patient_reads_is_at_grade_six_to_eight_or_below():
    texts = [node["text"] for node in nodes(questionnaire("patient")) if node["type"] != "group"]
    options = [o["valueCoding"]["display"] for n in nodes(questionnaire("patient")) for o in n.get("answerOption", [])]
    assert grade(texts) <= 8
    assert grade(options) <= 8


def test_no_sentence_to_a_patient_is_longer_than_forty_words():
    texts = [node["text"] for node in nodes(questionnaire("patient"))]
    sentences = [s for text in texts for s in re.split(r"[.?!]\s", text)]
    assert max(len(s.split()) for s in sentences) <= 40


def test_independent_validators_find_no_fault_in_form_and_answers(referees):
    answers = {name: _some_answer(name) for name in intake().items}
    written = [questionnaire(p) for p in ("all", "patient", "clinician")]
    written += [write(answers), write({name: DECLINED for name in intake().items if not facts()[name].repeats})]
    assert referees.check(written) == []
