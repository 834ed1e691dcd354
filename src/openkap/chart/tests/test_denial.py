"""Words that deny what they name are no evidence of presence, and words alone are none of absence."""

import pytest

from openkap.chart.fhir.denial import denies, says_not_taken
from tests.fhir_cases import (
    FACT,
    ICD10CM,
    RXNORM,
    allergy,
    concept,
    condition,
    listed,
    medicine_list,
    read,
    state,
    statement,
    view,
)

NAMES = ("ketamine", "esketamine", "ketalar")
DENIED = (
    """
no known ketamine allergy · denies allergy to ketamine · Patient denies any allergy to ketamine.
No allergy to ketamine
not allergic to ketamine · ketamine allergy: none · Ketamine allergy ruled out · allergy to ketamine - denied
no history of ketamine allergy · history of ketamine allergy: none · no known allergy to penicillin or ketamine
denies ketamine and esketamine allergy · NKDA, no ketamine allergy · Ketamine allergy not confirmed
""".replace("\n", " · ")
    .strip(" ·")
    .split(" · ")
)
STATED = (
    """
ketamine allergy · anaphylaxis to ketamine, no rash · no food allergy; ketamine anaphylaxis
No known allergies except ketamine
no known allergies other than ketamine · no penicillin allergy, ketamine anaphylaxis
no allergy to latex but allergic to ketamine · cannot tolerate ketamine · must not be given ketamine · no ketamine
no ketamine: anaphylaxis 2019 · no doubt allergic to ketamine · ketamine not tolerated · ketamine - not recommended
no known ketamine allergy, ketamine anaphylaxis 2019
""".replace("\n", " · ")
    .strip(" ·")
    .split(" · ")
)


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize("text", DENIED)
def test_a_denied_allergy_in_words_is_neither_present_nor_absent(text):
    assert denies(text, NAMES, allergy=True)
    found = state("ketamine-allergy", allergy({"text": text}))
    assert (found.status, "code the denial" in found.reason) == ("unknown", True)
    assert "code the denial" in listed(read(allergy({"text": text})))


@pytest.mark.parametrize("text", STATED)
def test_a_warning_in_words_stays_an_allergy(text):
    assert not denies(text, NAMES, allergy=True)
    assert state("ketamine-allergy", allergy({"text": text})).value is True


def test_a_code_outranks_the_words_beside_it():
    coded = concept(RXNORM, "6130", text="no known ketamine allergy")
    assert state("ketamine-allergy", allergy(coded)).value is True


def test_a_denial_in_words_leaves_a_coded_denial_standing_and_keeps_a_list_from_clearing():
    coded = allergy(concept(FACT, "ketamine-allergy"), id="b")
    coded["verificationStatus"]["coding"][0]["code"] = "refuted"
    del coded["clinicalStatus"]
    words = allergy({"text": "no known ketamine allergy"})
    assert state("ketamine-allergy", words, coded).status == "absent"
    assert state("ketamine-allergy", words, medicine_list("AllergyIntolerance/a", loinc="48765-2")).status == "unknown"


@pytest.mark.parametrize(("words", "standing"), [("ketamine abuse", "final"), ("LSD, not ketamine", "unconfirmed"),
    ("history of ketamine misuse: none", "unconfirmed"), ("denies ketamine", "unconfirmed")])  # fmt: skip
def test_the_words_that_a_code_needs_must_not_be_denied(words, standing):
    coded = condition(ICD10CM, "F16.10") | {"code": concept(ICD10CM, "F16.10", text=words)}
    assert [r.standing for r in read(coded).readings["ketamine-misuse"]] == [standing]


def test_a_diagnosis_in_words_alone_is_listed_and_never_read():
    chart = read(condition(ICD10CM, "X") | {"code": {"text": "no schizophrenia"}})
    assert "psychotic-disorder" not in chart.readings and "no code of it is in the vocabulary" in listed(chart)


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(
    "text",
    [
        "no longer taking ketamine", "not taking sertraline", "sertraline (stopped)", "oxycodone, discontinued 2024",
        "ketamine: none", "history of: none", "denies oxycodone", "never took lithium", "not on lithium",
    ],
)  # fmt: skip
def test_a_medicine_whose_words_deny_it_is_not_taken_and_leaves_the_list_open(text):
    seen = view(statement(text), medicine_list("MedicationStatement/m"))
    assert seen.current_medicines() == []
    assert seen.state("medication-list").status == "unknown" and seen.taking("opioid").is_unknown


@pytest.mark.parametrize(
    "text",
    ["ondansetron 4 mg, no more than 3 a day", "sertraline 50 mg, do not stop abruptly", "lithium not taken with milk"],
)  # fmt: skip
def test_directions_deny_no_medicine(text):
    assert not says_not_taken(text) and view(statement(text)).current_medicines()


def test_a_coded_medicine_with_words_that_deny_it_counts_and_is_listed():
    coded = statement(None, medicationCodeableConcept=concept(RXNORM, "6813", text="no longer taking methadone"))
    seen = view(coded, medicine_list("MedicationStatement/m"))
    assert seen.taking("opioid").is_true and seen.state("medication-list").status == "unknown"


def test_a_past_trial_may_say_that_it_was_stopped():
    assert [m.ingredients for m in read(statement("sertraline, stopped 2024", "stopped")).medicines] == [
        ("sertraline",)
    ]


# -- entries of lists that are words alone ------------------------------------------------------------


def words_only(display, loinc="10160-0"):
    return medicine_list(loinc=loinc, entry=[{"item": {"display": display}}])


def test_a_list_entry_of_words_alone_is_listed_in_its_words_and_may_raise():
    seen = view(words_only("oxycodone 5 MG Oral Tablet"))
    assert [u.text for u in seen.chart.unmapped] == ["oxycodone 5 MG Oral Tablet"]
    assert seen.taking("opioid").is_true
    assert "oxycodone 5 MG" in seen.state("medication-list").reason
    assert "without words" not in seen.state("medication-list").reason
    assert view(words_only("no longer taking oxycodone")).taking("opioid").is_unknown


@pytest.mark.parametrize(
    ("display", "status"),
    [("Ketamine - anaphylaxis", "known"), ("Penicillin", "unknown"), ("no ketamine allergy", "unknown")],
)
def test_an_allergy_list_entry_of_words_alone_raises_and_never_clears(display, status):
    seen = view(words_only(display, "48765-2"))
    assert seen.state("ketamine-allergy").status == status
    assert [u.text for u in seen.chart.unmapped] == [display]
