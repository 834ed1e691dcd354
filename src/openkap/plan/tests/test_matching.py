"""Modalities from the formulation: reasons, roles, gates, care, and no score anywhere."""

import pytest

from openkap.plan.book import shipped
from openkap.plan.matching import match
from openkap.plan.preferences import read_preferences
from openkap.plan.propose import propose
from openkap.plan.tests.people import ON, formulation, reading, screening, view

SCREENED = {"more": (reading("c-ssrs-screen", "none_identified"),)}


def matches(levels=None, wishes=None, chart=None):
    levels, wished = formulation(**(levels or {})), read_preferences(wishes, ON)
    found = match(chart or view(**SCREENED), levels, wished, shipped(), lambda _: True)
    return {m.row.id: m for m in found}


def test_cbt_and_exposure_are_always_there_as_the_established_therapy():
    found = matches()
    assert list(found) == ["cbt", "exposure"]
    assert all("established therapy" in m.reasons[-1]["because"] for m in found.values())


def test_a_dimension_points_to_its_first_choice_before_its_next_and_the_strongest_comes_first():
    found = matches({"past_event": 1, "imagery": 3})
    roles = [(name, m.role) for name, m in found.items()]
    assert roles.index(("imagery-rescripting", "first")) < roles.index(("emdr", "first"))
    assert ("art", "next") in roles
    assert found["emdr"].reasons[0]["dimension"] == "imagery"
    assert [r["dimension"] for r in found["emdr"].reasons] == ["imagery", "past-event"]


@pytest.mark.parametrize("level", [None, 0])
def test_a_level_of_none_or_not_measured_points_to_nothing(level):
    assert "emdr" not in matches({"past_event": level})
    assert "emdr" in matches({"past_event": 1})


def test_parts_work_is_an_adjunct():
    assert matches({"parts": 3})["ifs"].role == "adjunct"


@pytest.mark.parametrize(("score", "state"), [(29, "open"), (30, "closed"), (None, "unknown")])
@pytest.mark.parametrize("name", ["emdr", "art", "ifs"])
def test_the_dissociation_screen_is_a_gate_with_three_answers(name, score, state):
    found = matches({"past_event": 1, "parts": 1}, chart=view(des_ii=score, **SCREENED))
    assert found[name].gate["state"] == state
    assert found[name].gate["needs"] == (["des-ii"] if state == "unknown" else [])


@pytest.mark.parametrize("fact", ["psychotic_symptoms", "mania_current", "dissociative_disorder"])
def test_psychosis_mania_and_a_dissociative_disorder_shut_the_gate_of_emdr(fact):
    assert matches({"past_event": 1}, chart=view(**{fact: True}, **SCREENED))["emdr"].gate["state"] == "closed"
    assert matches({"past_event": 1}, chart=view(**{fact: None}, **SCREENED))["emdr"].gate["state"] == "unknown"


def test_acute_suicidal_risk_shuts_the_gate_and_an_unasked_one_does_not_open_it():
    at_risk = view(more=(reading("c-ssrs-screen", "high"),))
    assert matches({"past_event": 1}, chart=at_risk)["emdr"].gate["state"] == "closed"
    assert matches({"past_event": 1}, chart=view())["emdr"].gate["state"] == "unknown"


def test_imagery_work_needs_no_active_psychosis():
    assert matches({"imagery": 1})["imagery-rescripting"].gate["state"] == "open"
    assert matches({"imagery": 1}, chart=view(psychotic_symptoms=True))["imagery-rescripting"].gate["state"] == "closed"


def test_hyperventilation_is_named_against_where_it_is_contraindicated_or_not_known():
    known = {"pregnant": False, "severe_respiratory_disease": False, "coronary_event": False, "arrhythmia": False}
    known |= {"heart_failure_valve_hcm": False}
    seizures = matches({"somatic": 1}, chart=view(seizure_disorder=True, **known))["interoceptive-exposure"].against
    assert "epilepsy: no hyperventilation" in seizures
    assert not any("pregnancy" in a for a in seizures)
    silent = matches({"somatic": 1}, chart=view(seizure_disorder=None, **known))["interoceptive-exposure"].against
    assert any("epilepsy" in a and "not known" in a for a in silent)


def test_wishes_add_a_modality_and_avoided_ones_stay_visible_without_sessions():
    wished = matches(wishes={"modalities": ["yoga"]})
    assert wished["yoga"].wished
    avoided = matches(wishes={"avoid": ["cbt"]})
    assert avoided["cbt"].avoided
    assert not avoided["cbt"].usable
    assert "the preferences avoid it" in avoided["cbt"].against


def test_a_wish_does_not_open_a_gate():
    assert not matches(wishes={"modalities": ["emdr"]}, chart=view(des_ii=30, **SCREENED))["emdr"].usable


def test_panic_and_social_anxiety_bring_their_own_modality():
    assert matches(chart=view(panic=True))["interoceptive-exposure"].role == "first"
    assert matches(chart=view(**{"social-anxiety": True}))["individual-cbt-sad"].role == "first"


@pytest.mark.hazard("HAZ-28", "C2")
def test_the_evidence_shown_is_that_of_the_persons_own_disorder_and_no_number_ranks():
    document = propose(
        view(gad=False, panic=True, **SCREENED), screening(), formulation(past_event=2), read_preferences(None)
    )
    emdr = next(m for m in document["modalities"] if m["id"] == "emdr")
    assert emdr["evidence_here"] == {"panic": "B"}
    assert emdr["evidence"] == {"gad": "C/D", "panic": "B", "social-anxiety": "D"}
    assert emdr["wording"] == "supported for PTSD, limited for panic, little or none for GAD and SAD"
    assert not {"score", "probability", "rank", "weight"} & set(emdr)
