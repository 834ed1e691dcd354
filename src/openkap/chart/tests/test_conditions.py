"""Diagnoses, allergies, family: the table of the convention, row by row, for every way of coding."""

from datetime import date

import pytest

from tests.fhir_cases import (
    FACT,
    ICD10CM,
    NIL_KNOWN,
    RXNORM,
    SNOMED,
    SUBJECT,
    allergy,
    concept,
    condition,
    listed,
    medicine_list,
    read,
    state,
    status,
    view,
    without,
)

# A history fact and a state fact, each by every system that can name it.
HISTORY = [(ICD10CM, "F20.0"), (ICD10CM, "F200"), (SNOMED, "58214004"), (FACT, "psychotic-disorder")]
STATE = [
    (ICD10CM, "F43.10"),
    (ICD10CM, "F4310"),
    (ICD10CM, "f43.1"),
    (FACT, "ptsd"),
    ("urn:oid:2.16.840.1.113883.6.90", "F43.1"),
]

CURRENT = [("active", "confirmed"), ("recurrence", "confirmed"), ("relapse", None), (None, "confirmed"), (None, None)]
OVER = [("inactive", "confirmed"), ("remission", "confirmed"), ("resolved", None)]
DOUBTED = [(c, v) for v in ("unconfirmed", "provisional", "differential") for c in ("active", "resolved", None)]


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize(("system", "code"), HISTORY)
@pytest.mark.parametrize(("clinical", "verification"), CURRENT + OVER)
def test_a_history_fact_holds_for_life(system, code, clinical, verification):
    assert state("psychotic-disorder", condition(system, code, clinical, verification)).status == "known"


@pytest.mark.parametrize(("system", "code"), STATE)
@pytest.mark.parametrize(("clinical", "verification"), CURRENT)
def test_a_current_state_without_onset_is_now(system, code, clinical, verification):
    long_known = condition(system, code, clinical, verification, recordedDate="2019-01-01")
    assert state("ptsd", long_known).status == "known"


@pytest.mark.parametrize(("system", "code"), STATE)
@pytest.mark.parametrize(("clinical", "verification"), OVER)
def test_a_state_that_is_over_says_nothing_about_now(system, code, clinical, verification):
    found = state("ptsd", condition(system, code, clinical, verification))
    assert found.value is None and found.status != "absent"


@pytest.mark.parametrize(("system", "code"), STATE + HISTORY)
@pytest.mark.parametrize(("clinical", "verification"), DOUBTED)
def test_a_suspicion_is_unknown_and_asks_to_confirm(system, code, clinical, verification):
    chart = view(condition(system, code, clinical, verification))
    fact = next(iter(chart.chart.readings))
    assert chart.state(fact).status == "unknown" and "not confirmed" in chart.state(fact).reason


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(("system", "code"), [pair for pair in HISTORY + STATE if pair[0] != FACT])
def test_a_refuted_code_is_no_evidence_either_way(system, code):
    chart = read(condition(system, code, None, "refuted"))
    assert not chart.readings and "refuted" in listed(chart)


def test_a_refuted_fact_is_known_absent_on_the_day_it_was_recorded():
    found = state("psychotic-disorder", condition(FACT, "psychotic-disorder", None, "refuted"))
    assert found.status == "absent" and found.when is not None and found.when.earliest == date(2026, 11, 1)


def test_a_refuted_fact_without_a_date_is_stale():
    undated = without(condition(FACT, "psychotic-disorder", None, "refuted"), "recordedDate")
    assert state("psychotic-disorder", undated).status == "stale"


def test_a_refuted_fact_denies_only_what_it_names():
    both = {"coding": [{"system": FACT, "code": "arrhythmia"}, {"system": ICD10CM, "code": "I21.9"}]}
    chart = read(condition(FACT, "arrhythmia", None, "refuted") | {"code": both})
    assert set(chart.readings) == {"arrhythmia"}


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ({"verificationStatus": status("condition-ver-status", "entered-in-error")}, "entered in error"),
        ({"verificationStatus": status("condition-ver-status", "sure")}, "not known"),
        ({"verificationStatus": {"text": "confirmed"}}, "not known"),
        ({"verificationStatus": "confirmed"}, "not known"),
        (
            {
                "verificationStatus": {
                    "coding": [
                        *status("condition-ver-status", "confirmed")["coding"],
                        *status("condition-ver-status", "refuted")["coding"],
                    ]
                }
            },
            "not known",
        ),
        ({"clinicalStatus": status("condition-clinical", "better")}, "not known"),
        ({"clinicalStatus": {"text": "active"}}, "not known"),
    ],
)
def test_an_error_or_an_unreadable_status_is_not_read_and_is_listed(statuses, word):
    chart = read(condition(ICD10CM, "F20.0") | statuses)
    assert not chart.readings and word in listed(chart)


def test_a_second_coding_of_the_status_by_another_system_does_not_disturb():
    both = {"coding": [*status("condition-ver-status", "confirmed")["coding"], {"system": SNOMED, "code": "410605003"}]}
    assert read(condition(ICD10CM, "F41.1", verificationStatus=both)).readings["gad"][0].confirmed


@pytest.mark.parametrize(("verification", "confirmed"), [("confirmed", True), (None, False)])
def test_only_the_word_confirmed_confirms(verification, confirmed):
    assert read(condition(ICD10CM, "F41.1", "active", verification)).readings["gad"][0].confirmed is confirmed


# -- abatement -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("abatement", "current"),
    [
        ({"abatementDateTime": "2026-11-25"}, False),
        ({"abatementDateTime": "2026-01-01"}, False),
        ({"abatementDateTime": "2026-11-26"}, True),
        ({"abatementDateTime": "2026"}, True),
        ({"abatementDateTime": "2025"}, False),
        ({"abatementPeriod": {"start": "2025-01-01", "end": "2025-02-01"}}, False),
        ({"abatementPeriod": {"start": "2025-01-01"}}, True),
        ({"abatementString": "years ago"}, False),
        ({"abatementAge": {"value": 30}}, False),
        ({"abatementDateTime": "long ago"}, True),
    ],
)
def test_an_abatement_surely_in_the_past_ends_a_state(abatement, current):
    found = state("ptsd", condition(ICD10CM, "F43.10", None, "confirmed", **abatement))
    assert (found.value is True) is current


def test_an_abatement_that_is_no_date_is_listed():
    assert "abatement" in listed(read(condition(ICD10CM, "F43.10", abatementDateTime="long ago")))


# -- remission, prefixes, words --------------------------------------------------------------------


@pytest.mark.parametrize("code", ["F31.70", "F31.71", "F31.73", "F31.78", "F30.3", "F30.4", "F3178"])
def test_mania_in_remission_is_history_whatever_the_status_says(code):
    chart = view(condition(ICD10CM, code, "active"))
    assert chart.state("bipolar").value is True and chart.state("mania-current").value is None


@pytest.mark.parametrize("code", ["F10.11", "F11.21", "F16.21", "F19.21", "F1021"])
def test_a_substance_use_disorder_in_remission_is_not_active(code):
    assert state("sud-active", condition(ICD10CM, code, "active")).value is None


@pytest.mark.parametrize("code", ["F16.11", "F16.21"])
def test_ketamine_misuse_in_remission_is_lifetime_misuse(code):
    worded = concept(ICD10CM, code, text="Ketamine use disorder, in remission")
    assert state("ketamine-misuse", condition(ICD10CM, code) | {"code": worded}).value is True


@pytest.mark.parametrize(
    "code", ["F10.20", "F11.20", "F12.220", "F13.20", "F14.20", "F15.20", "F16.20", "F18.20", "F19.20", "F10.239"]
)
def test_dependence_on_any_substance_is_active(code):
    assert state("sud-active", condition(ICD10CM, code)).value is True


@pytest.mark.parametrize("code", ["F17.200", "F17.210", "F17.290", "F17.201", "F10.10", "F11.90"])
def test_nicotine_and_mild_use_are_not_active_moderate_or_severe_use(code):
    assert state("sud-active", condition(ICD10CM, code)).value is None


@pytest.mark.parametrize("code", ["F10.150", "F10.25", "F15.951", "F19.959", "F1225"])
def test_psychosis_by_any_substance_is_found_by_the_pattern_with_x(code):
    assert state("psychotic-symptoms", condition(ICD10CM, code)).value is True


@pytest.mark.parametrize(
    ("code", "fact", "unless"),
    [
        ("G45.9", "stroke-tia", False),
        ("G45.4", "stroke-tia", True),
        ("F30.2", "mania-current", False),
        ("F30.3", "mania-current", True),
    ],
)
def test_an_exception_below_a_prefix_does_not_mean_the_fact(code, fact, unless):
    assert (state(fact, condition(ICD10CM, code)).value is True) is not unless


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"text": "Personal history of intracranial haemorrhage"}, "known"),
        ({"text": "History of subarachnoid hemorrhage"}, "known"),
        ({"text": "History of cardiac surgery"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_z86_79_needs_its_words(words, status):
    coded = condition(ICD10CM, "Z86.79") | {"code": concept(ICD10CM, "Z86.79", **words)}
    assert state("intracranial-haemorrhage", coded).status == status


@pytest.mark.parametrize("code", ["F99", "Z00.00", "F41.9", "", "F", "G44.1", "XYZ"])
def test_a_code_outside_the_vocabulary_is_listed(code):
    chart = read(condition(ICD10CM, code))
    assert not chart.readings and "no code of it is in the vocabulary" in listed(chart)


@pytest.mark.parametrize(
    "coded",
    [
        {"text": "Schizophrenia"},
        {"coding": [{"code": "F20.0"}]},
        concept("http://hl7.org/fhir/sid/icd-9-cm", "295.3"),
        {},
        "F20",
        None,
    ],
)
def test_words_and_other_systems_are_listed_and_not_read(coded):
    assert "Condition/c" in listed(read(condition(ICD10CM, "F20.0") | {"code": coded}))
    assert not read(condition(ICD10CM, "F20.0") | {"code": coded}).readings


def test_several_codings_of_one_concept_add_up():
    both = {"coding": [{"system": ICD10CM, "code": "F31.2"}, {"system": SNOMED, "code": "13746004"}]}
    chart = view(condition(ICD10CM, "F31.2") | {"code": both})
    assert all(chart.state(fact).value is True for fact in ("bipolar", "mania-current", "psychotic-symptoms"))


# -- events ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "fact", "dated"),
    [
        ("I16.0", "hypertensive-crisis", "hypertensive-crisis-on"),
        ("I21.9", "coronary-event", "coronary-event-on"),
        ("I63.9", "stroke-tia", "stroke-tia-on"),
        ("S06.0X0A", "head-injury", "head-injury-on"),
        ("R56.9", "seizure-disorder", "last-seizure-on"),
        ("F05", "delirium", "delirium-on"),
    ],
)
def test_the_onset_of_an_event_is_its_date_and_an_event_without_one_has_none(code, fact, dated):
    dated_event = view(condition(ICD10CM, code, "resolved", onsetDateTime="2026-03-02"))
    assert dated_event.state(fact).value is True
    assert dated_event.state(dated).when.earliest == date(2026, 3, 2)  # type: ignore[union-attr]
    undated = view(condition(ICD10CM, code, "resolved"))
    assert undated.state(fact).value is True and undated.state(dated).status == "unknown"


def test_the_onset_of_epilepsy_is_not_the_date_of_the_last_seizure():
    assert state("last-seizure-on", condition(ICD10CM, "G40.909", onsetDateTime="2009-01-01")).status == "unknown"


@pytest.mark.parametrize(
    ("onset", "latest"),
    [
        ({"onsetDateTime": "2026"}, date(2026, 12, 31)),
        ({"onsetPeriod": {"start": "2026-02-01", "end": "2026-02-10"}}, date(2026, 2, 10)),
        ({"onsetPeriod": {"start": "2026-02"}}, date(2026, 2, 28)),
    ],
)
def test_a_vague_onset_counts_at_its_latest_day(onset, latest):
    value = state("stroke-tia-on", condition(ICD10CM, "I63.9", **onset)).value
    assert value.latest == latest  # type: ignore[union-attr]


@pytest.mark.parametrize("onset", [{"onsetAge": {"value": 50}}, {"onsetString": "last year"}, {"onsetRange": {}}])
def test_an_onset_in_words_or_as_an_age_gives_no_date(onset):
    assert state("stroke-tia-on", condition(ICD10CM, "I63.9", **onset)).status == "unknown"


@pytest.mark.parametrize("onset", [{"onsetDateTime": "last year"}, {"onsetDateTime": "2026-01-01", "onsetString": "x"}])
def test_an_unusable_onset_is_listed(onset):
    assert "date:" in listed(read(condition(ICD10CM, "I63.9", **onset)))


def test_delirium_that_is_present_is_today_and_one_that_ended_is_of_its_end():
    assert state("delirium-on", condition(ICD10CM, "F05")).value.earliest == date(2026, 11, 25)  # type: ignore[union-attr]
    ended = condition(ICD10CM, "F05", None, "confirmed", abatementDateTime="2026-02-01")
    assert state("delirium-on", ended).value.latest == date(2026, 2, 1)  # type: ignore[union-attr]


def test_an_onset_after_the_day_of_decision_is_not_used_and_listed():
    chart = view(condition(ICD10CM, "F20.0", onsetDateTime="2093-01-01"))
    assert chart.state("psychotic-disorder").status == "unknown" and chart.from_the_future()


@pytest.mark.hazard("HAZ-20", "C1")
def test_a_silent_problem_list_is_unknown():
    assert state("psychotic-disorder", condition(ICD10CM, "F41.1")).status == "unknown"


# -- family ----------------------------------------------------------------------------------------


def family(relation="MTH", code="F20.9", **more):
    plain = {
        "resourceType": "FamilyMemberHistory",
        "id": "f",
        "status": "completed",
        "patient": SUBJECT,
        "relationship": concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", relation),
        "condition": [{"code": concept(ICD10CM, "Z00")}, {"code": concept(ICD10CM, code)}],
        "date": "2026-11-01",
    }
    return plain | more


@pytest.mark.parametrize(
    "relation",
    "MTH FTH PRN BRO SIS SIB SON DAU CHILD NMTH NFTH NPRN NBRO NSIS NSIB NCHILD SONC DAUC TWINBRO ITWINSIS".split(),
)
@pytest.mark.parametrize("code", ["F20.9", "F25.0", "F29"])
def test_a_first_degree_relative_with_schizophrenia_is_found(relation, code):
    assert state("schizophrenia-relative", family(relation, code)).value is True


@pytest.mark.parametrize("relation", ["GRMTH", "AUNT", "COUSN", "HBRO", "STPMTH", "SPS", "ADOPTP", "INLAW"])
def test_another_relative_is_listed_and_not_read(relation):
    chart = read(family(relation))
    assert not chart.readings and "first degree" in listed(chart)


@pytest.mark.parametrize(
    "more",
    [
        {"status": "partial"},
        {"status": "entered-in-error"},
        {"status": "health-unknown"},
        {"condition": []},
        {"condition": [{"code": {"text": "schizophrenia"}}]},
        {"condition": [{"code": concept(ICD10CM, "F31.9")}]},
        {"condition": "x"},
        {"date": "once"},
    ],
)
def test_less_than_a_completed_history_with_a_code_is_listed_and_never_a_denial(more):
    chart = read(family(**more))
    assert not chart.readings and "FamilyMemberHistory/f" in listed(chart)


# -- allergies -------------------------------------------------------------------------------------

NONE_KNOWN = [concept(SNOMED, "716186003"), concept(SNOMED, "409137002")]


@pytest.mark.parametrize(
    "coded",
    [
        concept(RXNORM, "6130"),
        concept(RXNORM, "2119365"),
        concept(FACT, "ketamine-allergy"),
        {"text": "Ketamine"},
        {"text": "esketamine nasal spray"},
        {"text": "Ketalar"},
        {"coding": [{"system": SNOMED, "code": "1", "display": "Allergy to SPRAVATO"}]},
    ],
)
def test_an_allergy_to_ketamine_is_found_by_code_word_or_brand(coded):
    assert state("ketamine-allergy", allergy(coded)).value is True


def test_an_allergy_to_what_a_reaction_followed_is_found():
    coded = allergy(
        {"text": "anaesthetic"}, reaction=[{"substance": {"text": "ketamine"}, "manifestation": [{"text": "rash"}]}]
    )
    assert state("ketamine-allergy", coded).value is True


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize(
    ("verification", "clinical", "found"),
    [
        ("confirmed", "active", "known"),
        ("confirmed", "resolved", "known"),
        ("unconfirmed", "active", "unknown"),
        ("refuted", None, "unknown"),
        ("entered-in-error", None, "unknown"),
        ("presumed", "active", "unknown"),
    ],
)
def test_an_allergy_is_read_with_the_table_of_conditions(verification, clinical, found):
    more = {"verificationStatus": status("allergyintolerance-verification", verification)}
    more["clinicalStatus"] = status("allergyintolerance-clinical", clinical) if clinical else None
    assert state("ketamine-allergy", allergy({"text": "Ketamine"}, **more)).status == found


def test_a_refuted_allergy_by_the_fact_s_own_code_is_known_absent():
    refuted = allergy(
        concept(FACT, "ketamine-allergy"), verificationStatus=status("allergyintolerance-verification", "refuted")
    )
    assert state("ketamine-allergy", without(refuted, "clinicalStatus")).status == "absent"


@pytest.mark.parametrize("coded", NONE_KNOWN)
def test_no_known_allergy_is_a_denial_of_its_day(coded):
    assert state("ketamine-allergy", allergy(coded)).status == "absent"
    assert state("ketamine-allergy", without(allergy(coded), "recordedDate")).status == "stale"


def test_no_known_allergy_that_is_not_confirmed_is_listed_and_denies_nothing():
    doubted = allergy(NONE_KNOWN[0], verificationStatus=status("allergyintolerance-verification", "unconfirmed"))
    assert state("ketamine-allergy", doubted).status == "unknown" and "no allergy is known" in listed(read(doubted))


def test_no_known_allergy_beside_one_to_ketamine_is_a_conflict():
    assert state("ketamine-allergy", allergy(NONE_KNOWN[0]), allergy({"text": "ketamine"}, id="b")).status == "conflict"


def allergies(*references, **more):
    return medicine_list(*references, loinc="48765-2", **more)


def test_a_list_of_allergies_without_ketamine_is_a_denial():
    assert (
        state("ketamine-allergy", allergies("AllergyIntolerance/a"), allergy({"text": "Penicillin"})).status == "absent"
    )
    assert state("ketamine-allergy", allergies(**NIL_KNOWN)).status == "absent"


def test_loose_allergies_without_a_list_clear_nothing():
    assert state("ketamine-allergy", allergy({"text": "Penicillin"})).status == "unknown"


def test_a_list_with_ketamine_on_it_raises():
    assert state("ketamine-allergy", allergies("AllergyIntolerance/a"), allergy({"text": "Ketamine"})).value is True


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(
    "given",
    [
        [allergies("AllergyIntolerance/gone")],
        [allergies("AllergyIntolerance/a"), allergy(concept(SNOMED, "419199007"))],
        [allergies("AllergyIntolerance/a"), allergy({})],
        [allergies("Condition/c"), condition(ICD10CM, "F41.1")],
        [allergies()],
        [allergies(emptyReason=concept("http://terminology.hl7.org/CodeSystem/list-empty-reason", "notasked"))],
        [allergies(emptyReason=concept("http://a", "nilknown"))],
        [allergies(status="retired", **NIL_KNOWN)],
        [allergies(status="entered-in-error", **NIL_KNOWN)],
        [allergies(mode="changes", **NIL_KNOWN)],
        [allergies("AllergyIntolerance/a", **NIL_KNOWN), allergy({"text": "Penicillin"})],
        [allergies(date="soon", **NIL_KNOWN)],
        [without(allergies(**NIL_KNOWN), "subject")],
    ],
)
def test_a_list_that_is_not_wholly_understood_clears_nothing(given):
    assert state("ketamine-allergy", *given).status not in ("absent", "known")
    assert "List/l" in listed(read(*given))
