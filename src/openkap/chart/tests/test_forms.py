"""The intake response and other forms: who answered, what was declined, and what a form may never clear."""

from datetime import date
from decimal import Decimal

import pytest

from tests.fhir_cases import (
    ANSWER,
    BASE,
    DATA_ABSENT,
    FACT,
    ICD10CM,
    ON,
    RXNORM,
    SUBJECT,
    code_item,
    condition,
    intake,
    interview,
    item,
    listed,
    observation,
    quantity,
    read,
    state,
    view,
    without,
)

# -- every kind of item ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "fact", "status", "value"),
    [
        (item("aneurysm", valueBoolean=True), "aneurysm", "known", True),
        (item("aneurysm", valueBoolean=False), "aneurysm", "absent", False),
        (item("sleep-loss", valueBoolean=False), "sleep-loss", "absent", False),
        (code_item("escort", "confirmed"), "escort", "known", "confirmed"),
        (code_item("child-pugh", "B"), "child-pugh", "known", "B"),
        (code_item("interview-modules", "gad", "panic"), "interview-modules", "known", ("gad", "panic")),
        (item("asa-class", valueInteger=2), "asa-class", "known", 2),
        (item("asa-class", valueDecimal=Decimal("2.0")), "asa-class", "known", 2),
        (item("solids-h", valueInteger=8), "solids-h", "stale", None),
    ],
)
def test_booleans_codes_and_numbers_are_read(answered, fact, status, value):
    found = state(fact, intake(answered))
    assert (found.status, found.value) == (status, value)


def test_a_dose_day_item_holds_on_its_day():
    assert state("solids-h", intake(item("solids-h", valueInteger=8), authored="2026-11-25")).value == 8


@pytest.mark.parametrize("answer", [{"valueDate": "2026-03-02"}, {"valueDateTime": "2026-03-02T10:00:00Z"}])
def test_a_date_is_read(answer):
    value = state("stroke-tia-on", intake(item("stroke-tia-on", **answer))).value
    assert value.earliest == date(2026, 3, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("link", "answer"),
    [
        ("aneurysm", {"valueString": "no"}),
        ("aneurysm", {"valueBoolean": "false"}),
        ("aneurysm", {"valueBoolean": 0}),
        ("aneurysm", {"valueInteger": 0}),
        ("aneurysm", {"valueCoding": {"code": "no"}}),
        ("aneurysm", {"valueBoolean": False, "valueString": "yes"}),
        ("aneurysm", {}),
        ("escort", {"valueCoding": {"system": ANSWER, "code": "maybe"}}),
        ("escort", {"valueCoding": {"system": "http://a", "code": "confirmed"}}),
        ("escort", {"valueCoding": "confirmed"}),
        ("escort", {"valueCoding": None}),
        ("escort", {"valueString": "confirmed"}),
        ("escort", {"valueBoolean": True}),
        ("asa-class", {"valueInteger": 0}),
        ("asa-class", {"valueInteger": 7}),
        ("asa-class", {"valueInteger": "2"}),
        ("asa-class", {"valueString": "II"}),
        ("asa-class", {"valueQuantity": quantity(2, "kg")}),
        ("stroke-tia-on", {"valueDate": "last year"}),
        ("stroke-tia-on", {"valueDate": "2026-02-30"}),
        ("stroke-tia-on", {"valueString": "2026-03-02"}),
        ("stroke-tia-on", {"valueDate": None}),
    ],
)
def test_an_answer_of_another_kind_is_unknown_and_listed(link, answer):
    form = intake({"linkId": link, "answer": [answer]})
    assert state(link, form).status == "unknown"
    assert f"QuestionnaireResponse/q#{link}" in listed(read(form))


def test_two_answers_to_one_question_are_unknown_and_listed():
    twice = intake(item("aneurysm", {"valueBoolean": False}, {"valueBoolean": True}))
    assert state("aneurysm", twice).status == "unknown" and "answered more than once" in listed(read(twice))


def test_an_item_that_stands_twice_with_two_answers_is_a_conflict():
    twice = intake(item("aneurysm", valueBoolean=False), item("aneurysm", valueBoolean=True))
    assert state("aneurysm", twice).status == "conflict"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(
    "unanswered", [{"linkId": "aneurysm"}, {"linkId": "aneurysm", "answer": []}, {"answer": [{"valueBoolean": False}]}]
)
def test_a_question_without_an_answer_is_unknown(unanswered):
    assert state("aneurysm", intake(unanswered)).reason.endswith("no record")


@pytest.mark.parametrize(
    "link",
    [
        "weight",
        "systolic",
        "gad-7",
        "phq-9.9",
        "hcg",
        "urine-drug-screen",
        "qtc",
        "panic",
        "gad",
        "copd",
        "consent",
        "age",
        "medication-list",
        "unheard-of",
    ],
)
def test_what_is_no_item_of_the_intake_is_listed_and_not_read(link):
    form = intake(item(link, valueInteger=1), item(link, valueBoolean=False))
    assert link not in read(form).readings and "not an item of the intake" in listed(read(form))


# -- declined --------------------------------------------------------------------------------------


def declined(reason="asked-declined"):
    return {"extension": [{"url": DATA_ABSENT, "valueCode": reason}]}


@pytest.mark.parametrize(
    ("link", "answer"),
    [
        ("aneurysm", {"_valueBoolean": declined()}),
        ("escort", {"valueCoding": declined()}),
        ("stroke-tia-on", {"_valueDate": declined()}),
        ("nyha-class", {"_valueInteger": declined()}),
        ("aneurysm", {"valueBoolean": False, "_valueBoolean": declined()}),
    ],
)
def test_a_declined_question_is_unknown_and_asked(link, answer):
    form = intake(item(link, **answer))
    assert state(link, form).status == "unknown" and "declines to say" in state(link, form).reason
    assert f"#{link}" not in listed(read(form)), "it was understood"


@pytest.mark.parametrize("reason", ["unknown", "not-asked", "error"])
def test_another_reason_for_absence_is_unknown_and_listed(reason):
    form = intake(item("aneurysm", _valueBoolean=declined(reason)))
    assert state("aneurysm", form).status == "unknown" and reason in listed(read(form))


# -- who answered ----------------------------------------------------------------------------------

CLINICIAN_ONLY = [
    "wrong-diagnosis",
    "treatment-history-complete",
    "capacity-attested",
    "teach-back-done",
    "bp-hazard",
    "arrhythmia-uncontrolled",
    "identity-checked",
    "equipment-ready",
    "sitter-assigned",
]


@pytest.mark.parametrize("link", CLINICIAN_ONLY)
@pytest.mark.parametrize(
    "author",
    [
        None,
        {"reference": "Patient/p"},
        {"reference": "RelatedPerson/r"},
        {"reference": "Device/d"},
        {"display": "Dr Who"},
        {"type": "Patient"},
        "Practitioner/d",
        [],
    ],
)
def test_a_clinician_s_item_from_anyone_else_is_listed_and_not_read(link, author):
    form = intake(item(link, valueBoolean=True), by=None, author=author)
    assert link not in read(form).readings and "only when a clinician answers" in listed(read(form))


@pytest.mark.parametrize("link", CLINICIAN_ONLY)
@pytest.mark.parametrize(
    "author",
    [
        {"reference": "Practitioner/d"},
        {"reference": "PractitionerRole/d"},
        {"reference": "http://a/Practitioner/d/_history/2"},
        {"type": "Practitioner"},
        {"reference": "#dr"},
    ],
)
def test_a_clinician_s_item_counts_from_a_practitioner_or_a_role(link, author):
    inner = [{"resourceType": "Practitioner", "id": "dr"}]
    form = intake(item(link, valueBoolean=True), by=None, author=author, contained=inner, authored="2026-11-25")
    assert state(link, form).value is True


def test_an_item_of_anyone_counts_from_the_patient_and_without_an_author():
    assert state("aneurysm", intake(item("aneurysm", valueBoolean=False), by="Patient/p")).status == "absent"
    assert state("aneurysm", intake(item("aneurysm", valueBoolean=False), by=None)).status == "absent"


# -- the form --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["completed", "amended"])
def test_a_finished_form_counts(status):
    assert state("aneurysm", intake(item("aneurysm", valueBoolean=False), status=status)).status == "absent"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("status", ["in-progress", "stopped"])
def test_an_unfinished_form_may_raise_and_never_clears(status):
    form = intake(item("aneurysm", valueBoolean=True), item("avm", valueBoolean=False), status=status)
    assert state("aneurysm", form).status == state("avm", form).status == "unknown"
    assert state("aneurysm", form, tentative=True).value is True


@pytest.mark.parametrize("status", ["entered-in-error", "draft", None, ["completed"]])
def test_a_form_of_another_status_is_listed(status):
    form = intake(item("aneurysm", valueBoolean=True), status=status)
    assert not read(form).readings and "QuestionnaireResponse/q" in listed(read(form))


@pytest.mark.parametrize("canonical", [None, "", 7, ["x"]])
def test_a_form_that_names_no_questionnaire_is_listed(canonical):
    assert "which questionnaire" in listed(read(intake(item("aneurysm", valueBoolean=True), questionnaire=canonical)))


def test_the_version_of_the_questionnaire_is_optional():
    form = intake(item("aneurysm", valueBoolean=True), questionnaire=f"{BASE}/Questionnaire/intake|2026.1")
    assert state("aneurysm", form).value is True


def test_another_questionnaire_waits_to_be_scored():
    chart = read(intake(item("1", valueInteger=3), questionnaire=f"{BASE}/Questionnaire/gad-7"))
    assert [r.source for r in chart.responses] == ["QuestionnaireResponse/q"] and not chart.readings


def test_groups_may_nest_the_items_freely_also_below_an_answer():
    inside = {"linkId": "g", "item": [{"linkId": "h", "item": [item("aneurysm", valueBoolean=True)]}]}
    below = {"linkId": "avm", "answer": [{"valueBoolean": True, "item": [item("porphyria", valueBoolean=True)]}]}
    chart = view(intake(inside, below))
    assert all(chart.state(fact).value is True for fact in ("aneurysm", "avm", "porphyria"))


def test_several_forms_may_each_hold_a_part():
    chart = view(intake(item("aneurysm", valueBoolean=True)), intake(item("avm", valueBoolean=False), id="q2"))
    assert chart.state("aneurysm").value is True and chart.state("avm").status == "absent"


def test_several_forms_may_each_hold_a_module_of_the_interview():
    parts = [intake(code_item("interview-modules", module), id=module) for module in ("gad", "panic")]
    assert set(state("interview-modules", *parts).value) == {"gad", "panic"}  # type: ignore[arg-type]


def test_a_form_without_a_date_denies_nothing():
    undated = without(intake(item("aneurysm", valueBoolean=False)), "authored")
    assert state("aneurysm", undated).status == "stale"


@pytest.mark.parametrize(
    "items",
    [
        "x",
        {},
        [None],
        [7],
        [[]],
        [{"item": "x"}],
        [{"linkId": 7, "answer": [{"valueBoolean": True}]}],
        [{"linkId": "aneurysm", "answer": "x"}],
        [{"linkId": "aneurysm", "answer": [7]}],
    ],
)
def test_misshapen_items_are_no_crash_and_no_fact(items):
    assert not read(intake() | {"item": items}).readings


# -- the structured interview ----------------------------------------------------------------------

# The convention, section 2: what each module makes known-absent.
MODULES = {
    "gad": {"gad"},
    "panic": {"panic"},
    "agoraphobia": {"agoraphobia"},
    "social-anxiety": {"social-anxiety"},
    "ptsd": {"ptsd"},
    "mania": {"mania-current", "bipolar"},
    "psychosis": {"psychotic-disorder", "psychotic-symptoms"},
    "substance": {"sud-active"},
    "borderline": {"borderline"},
    "dissociative": {"dissociative-disorder"},
    "depression": set(),
}
DENIABLE = sorted(set().union(*MODULES.values()))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_denies_exactly_what_it_asks(module):
    chart = view(interview(module))
    assert {fact for fact in DENIABLE if chart.state(fact).status == "absent"} == MODULES[module]


CODED = [
    ("gad", "F41.1"),
    ("panic", "F41.0"),
    ("panic", "F40.01"),
    ("agoraphobia", "F40.00"),
    ("social-anxiety", "F40.10"),
    ("ptsd", "F43.12"),
    ("mania-current", "F31.13"),
    ("bipolar", "F31.81"),
    ("psychotic-disorder", "F25.1"),
    ("psychotic-symptoms", "F32.3"),
    ("sud-active", "F11.20"),
    ("borderline", "F60.3"),
    ("dissociative-disorder", "F44.81"),
]


@pytest.mark.parametrize(("fact", "code"), CODED)
def test_what_is_coded_present_stays_present(fact, code):
    assert state(fact, interview(*MODULES), condition(ICD10CM, code)).value is True


@pytest.mark.parametrize("fact", DENIABLE)
def test_each_denied_fact_keeps_its_own_look_back(fact):
    # The convention, section 9; where it gives none, a denial holds for twelve months.
    days = {"mania-current": 30, "psychotic-symptoms": 30, "sud-active": 90}.get(fact, 365)
    held = date.fromordinal(ON.toordinal() - days).isoformat()
    lost = date.fromordinal(ON.toordinal() - days - 1).isoformat()
    assert state(fact, interview(*MODULES, on=held)).status == "absent"
    assert state(fact, interview(*MODULES, on=lost)).status == "stale"


@pytest.mark.parametrize(
    "form",
    [
        interview(*MODULES, by="Patient/p"),
        interview(*MODULES, status="in-progress"),
        interview(*MODULES, on="2093-01-01"),
        interview(*MODULES, authored="2093-01-01"),
        intake(code_item("interview-modules", *MODULES)),
        intake(item("interview-on", valueDate="2026-11-15")),
    ],
)
def test_no_other_interview_denies(form):
    chart = view(form)
    assert not [fact for fact in DENIABLE if chart.state(fact).status == "absent"]


# -- prior treatment -------------------------------------------------------------------------------


def trial(**changes):
    answers = {
        "trial-kind": {"valueCoding": {"system": ANSWER, "code": "medication"}},
        "trial-treatment": {"valueCoding": {"system": RXNORM, "code": "36437"}},
        "trial-max-dose": {"valueQuantity": quantity(100, "mg/d")},
        "trial-weeks": {"valueDecimal": Decimal("12.5")},
        "trial-sessions": {"valueInteger": 14},
        "trial-adherence": {"valueInteger": 90},
        "trial-outcome": {"valueCoding": {"system": ANSWER, "code": "none"}},
        "trial-ended-on": {"valueDate": "2026-06-30"},
        "trial-source": {"valueCoding": {"system": ANSWER, "code": "record"}},
    }
    answers |= {f"trial-{key.replace('_', '-')}": value for key, value in changes.items()}
    return {"linkId": "prior-treatment", "item": [item(link, **answer) for link, answer in answers.items() if answer]}


def test_every_child_of_a_prior_treatment_is_read():
    (found,) = read(intake(trial())).trials
    assert (found.kind, found.treatment, found.max_dose_mg, found.weeks) == (
        "medication",
        "sertraline",
        100,
        Decimal("12.5"),
    )
    assert (found.sessions, found.adherence, found.outcome, found.told_by) == (14, 90, "none", "record")
    assert found.ended is not None and found.ended.text == "2026-06-30"


@pytest.mark.parametrize("therapy", ["cbt", "exposure", "emdr", "act", "psychodynamic", "mindfulness", "other-therapy"])
def test_a_therapy_is_read_by_its_code(therapy):
    (found,) = read(intake(trial(treatment={"valueCoding": {"system": ANSWER, "code": therapy}}))).trials
    assert found.treatment == therapy


@pytest.mark.parametrize(("words", "treatment"), [("Zoloft", "sertraline"), ("CBT", "cbt"), ("blue pill", "blue pill")])
def test_a_treatment_in_words_is_read_and_listed_where_it_is_not_understood(words, treatment):
    chart = read(intake(trial(treatment={"valueString": words})))
    assert chart.trials[0].treatment == treatment
    assert ("not understood" in listed(chart)) == (words == "blue pill")


@pytest.mark.parametrize(
    ("link", "answer", "field"),
    [
        ("max_dose", {"valueQuantity": quantity(100, "g/d")}, "max_dose_mg"),
        ("max_dose", {"valueQuantity": quantity(100, "mg")}, "max_dose_mg"),
        ("max_dose", {"valueQuantity": {"value": 100, "unit": "mg/d"}}, "max_dose_mg"),
        ("max_dose", {"valueQuantity": quantity(100, "mg/d", comparator=">")}, "max_dose_mg"),
        ("max_dose", {"valueInteger": 100}, "max_dose_mg"),
        ("weeks", {"valueString": "12"}, "weeks"),
        ("weeks", {"valueDecimal": "12"}, "weeks"),
        ("adherence", {"valueBoolean": True}, "adherence"),
        ("outcome", {"valueString": "none"}, "outcome"),
        ("ended_on", {"valueDate": "in June"}, "ended"),
        ("source", {"valueCoding": "record"}, "told_by"),
    ],
)
def test_a_child_of_another_kind_or_unit_is_unknown_and_listed(link, answer, field):
    chart = read(intake(trial(**{link: answer})))
    assert getattr(chart.trials[0], field) is None
    assert f"#trial-{link.replace('_', '-')}" in listed(chart)


def test_a_child_that_stands_twice_is_unknown_and_listed():
    doubled = trial()
    doubled["item"].append(item("trial-weeks", valueDecimal=99))
    chart = read(intake(doubled))
    assert chart.trials[0].weeks is None and "answered more than once" in listed(chart)


def test_each_repetition_is_a_trial_and_an_unfinished_form_holds_none():
    assert len(read(intake(trial(), {"linkId": "g", "item": [trial()]})).trials) == 2
    assert read(intake(trial(), status="in-progress")).trials == ()


def test_a_medicine_list_alone_is_no_trial():
    taken = {"resourceType": "MedicationStatement", "id": "m", "status": "completed", "subject": SUBJECT}
    assert read(taken | {"medicationCodeableConcept": {"text": "sertraline"}}).trials == ()


def test_a_date_fact_after_the_day_of_decision_is_not_used_and_listed():
    chart = view(intake(item("stroke-tia-on", valueDate="2093-01-01")))
    assert chart.state("stroke-tia-on").status != "known" and "2093-01-01" in chart.from_the_future()[0].reason


# -- presence and absence from several sources -----------------------------------------------------


@pytest.mark.hazard("HAZ-20", "C1")
def test_absence_comes_in_three_ways():
    ways = [
        intake(item("aneurysm", valueBoolean=False)),
        observation(FACT, "aneurysm", valueBoolean=False),
        condition(FACT, "aneurysm", None, "refuted"),
    ]
    assert [state("aneurysm", way).status for way in ways] == ["absent"] * 3
    assert state("aneurysm").status == "unknown"


def test_a_history_fact_present_in_one_source_and_denied_in_another_is_a_conflict():
    assert (
        state("aneurysm", intake(item("aneurysm", valueBoolean=False)), condition(ICD10CM, "I71.4")).status
        == "conflict"
    )


def test_a_current_condition_outweighs_an_older_denial_of_a_state():
    assert state("cystitis", intake(item("cystitis", valueBoolean=False)), condition(ICD10CM, "N30.00")).value is True
