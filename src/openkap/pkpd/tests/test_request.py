"""Bad input: one sentence that names the field and the remedy, and nothing computed."""

from decimal import Decimal
from typing import Any

import pytest

from openkap.kernel.errors import UserError
from openkap.pkpd.request import read_request
from openkap.pkpd.simulate import simulate
from openkap.pkpd.tests.asking import asked, course, request

IV = {"at_min": 0, "route": "iv", "amount_mg": 35, "duration_min": 40}
PER_KG = {"at_min": 0, "route": "oral", "amount_mg_per_kg": 0.5}


def dose(**changes: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in (IV | changes).items() if value is not ...}]


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("amount with its unit as text", {"doses": dose(amount_mg="35 mg")}, r"doses\[0\]\.amount_mg is '35 mg'"),
    (
        "amount in another unit",
        {"doses": dose(amount_mg=..., amount_ug=35000)},
        r"doses\[0\] has the unknown key 'amount_ug'",
    ),
    ("two amounts", {"doses": dose(amount_mg_per_kg=0.5)}, "exactly one of amount_mg and amount_mg_per_kg"),
    ("no amount", {"doses": dose(amount_mg=...)}, "exactly one of amount_mg and amount_mg_per_kg"),
    ("an amount of nought", {"doses": dose(amount_mg=0)}, "amount_mg is 0, which cannot be"),
    ("a negative amount", {"doses": dose(amount_mg=-5)}, "amount_mg is -5"),
    ("true as an amount", {"doses": dose(amount_mg=True)}, "not a number"),
    ("an endless amount", {"doses": dose(amount_mg=float("inf"))}, "cannot be"),
    (
        "per kg without weight",
        {"drug": "ketamine", "model": None, "doses": [PER_KG], "subject": {"weight_kg": None}},
        "needs subject.weight_kg",
    ),
    (
        "vein without weight",
        {"model": "perez-ruixo-2021", "subject": {"weight_kg": None}},
        "subject.weight_kg is missing",
    ),
    (
        "a set that scales, without weight",
        {"model": "im-generic", "doses": dose(route="im", duration_min=0), "subject": {"weight_kg": None}},
        "scales by weight",
    ),
    ("a time before the start", {"times_min": [-1, 5]}, r"times_min\[0\] is -1"),
    ("times out of order", {"times_min": [0, 10, 5]}, r"times_min\[2\] is earlier"),
    ("times that are no numbers", {"times_min": [0, "10"]}, r"times_min\[1\] is '10'"),
    ("no times", {"times_min": []}, "times_min is not a list of at least one"),
    ("a million times", {"times_min": list(range(1_000_000))}, "times_min has 1000000 entries: give at most 100000"),
    ("a negative start", {"doses": dose(at_min=-3)}, r"doses\[0\]\.at_min is -3"),
    ("a negative duration", {"doses": dose(duration_min=-40)}, r"doses\[0\]\.duration_min is -40"),
    (
        "a lozenge that runs",
        {"drug": "ketamine", "model": None, "doses": dose(route="sublingual")},
        "duration_min is for infusions",
    ),
    ("an unknown model", {"model": "wishful-2026"}, "'wishful-2026' is not a parameter set: use one of otto-2021"),
    ("a rejected model", {"model": "hijazi-2003"}, "never used .12 patients in intensive care"),
    ("a model that is no text", {"model": 7}, "model is not a text"),
    ("an unknown route", {"doses": dose(route="rectal")}, r"doses\[0\]\.route is 'rectal'"),
    (
        "a route that the model lacks",
        {"model": "kamp-2020", "doses": dose(route="im", duration_min=0)},
        "not one of model kamp-2020: use iv",
    ),
    (
        "a drug of another model",
        {"model": "otto-2021", "drug": "ketamine"},
        "drug ketamine does not belong to model otto-2021",
    ),
    ("no drug and no model", {"model": None}, "drug is missing"),
    ("an unknown drug", {"drug": "ketamin"}, "drug is 'ketamin'"),
    (
        "a route without any set",
        {"model": None, "drug": "esketamine", "doses": dose(route="im", duration_min=0)},
        "no parameter set is known for esketamine by route im",
    ),
    ("routes of two defaults", {"model": None, "drug": "ketamine", "doses": [IV, PER_KG]}, "different default models"),
    ("a child", {"subject": {"age_y": 17}}, "subject.age_y 17 is outside every set"),
    ("too old", {"subject": {"age_y": 87}}, "subject.age_y 87 is outside every set"),
    ("too light", {"subject": {"weight_kg": 38}}, "subject.weight_kg 38 is outside every set"),
    ("too heavy", {"subject": {"weight_kg": 171}}, "subject.weight_kg 171 is outside every set"),
    ("a failing liver", {"subject": {"child_pugh": "C"}}, "child_pugh is C: Child-Pugh C was not studied"),
    ("metres for centimetres", {"subject": {"height_cm": 1.75}}, "height_cm is 1.75, which cannot be: give it in cm"),
    ("weight in pounds", {"subject": {"weight_lb": 150}}, "subject has the unknown key 'weight_lb'"),
    ("an anaesthetic amount", {"doses": dose(amount_mg=71)}, "anaesthetic amount"),
    (
        "an anaesthetic amount in two halves",
        {"doses": dose(amount_mg=36) + dose(amount_mg=36, at_min=20)},
        "anaesthetic amount",
    ),
    ("nobody", {"population": {"n": 0, "seed": 1}}, "population.n is 0"),
    ("half a person", {"population": {"n": 2.5, "seed": 1}}, "population.n is 2.5"),
    ("a seed of words", {"population": {"n": 100, "seed": "x"}}, "population.seed is 'x'"),
    ("too many points", {"population": {"n": 100_000, "seed": 1}, "times_min": list(range(5000))}, "ask for fewer"),
    ("an unknown agent", {"interactions": ["aspirin"]}, "'aspirin' is not an agent"),
    ("agents that are no list", {"interactions": "rifampicin"}, "interactions is not a list"),
    ("options that are none", {"options": ["sex"]}, "options is not an object"),
    ("an unknown option", {"options": {"dose": True}}, "options has the unknown key 'dose'"),
    ("an option of words", {"options": {"sex": "yes"}}, "options.sex is 'yes': give true or false"),
    ("sex without a sex", {"options": {"sex": True}}, "options.sex needs subject.sex: give female or male"),
    ("an unknown key", {"target": 100}, "unknown key 'target'"),
    ("no doses", {"doses": {}}, "doses is not a list"),
    (
        "a spray of two devices",
        {"model": "perez-ruixo-2021", "doses": dose(route="nasal", amount_mg=56, duration_min=0)},
        "give each device as its own entry",
    ),
    (
        "racemate as device",
        {"model": "perez-ruixo-2021", "drug": "ketamine", "doses": dose(route="nasal", amount_mg=28, duration_min=0)},
        "use nasal-racemic-generic",
    ),
]


@pytest.mark.hazard("HAZ-10", "C1")
@pytest.mark.parametrize(("changes", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_refused_with_field_and_remedy(changes: dict[str, Any], words: str):
    whole = asked("otto-2021") | {key: value for key, value in changes.items() if key != "subject"}
    whole["subject"] = {"weight_kg": 70, "age_y": 40} | changes.get("subject", {})
    with pytest.raises(UserError, match=words) as refused:
        read_request(whole)
    said = str(refused.value)
    assert said.endswith(".") and "\n" not in said and ": " in said


@pytest.mark.parametrize("document", [None, [], 7, "x", {}, {"subject": {}}])
def test_what_is_no_request_is_refused(document: Any):
    with pytest.raises(UserError):
        read_request(document)


def test_two_agents_that_nobody_studied_together_are_refused_and_so_are_two_routes():
    oral = [{"at_min": 0, "route": "oral", "amount_mg": 35}]
    with pytest.raises(UserError, match="never studied together"):
        simulate(request(None, oral, drug="ketamine", interactions=["rifampicin", "grapefruit-juice"]))
    mixed = [*oral, {"at_min": 60, "route": "iv", "amount_mg": 10, "duration_min": 10}]
    with pytest.raises(UserError, match="one route at a time"):
        simulate(request("perez-ruixo-2021", mixed, interactions=["rifampicin"]))


@pytest.mark.hazard("HAZ-10", "C1")
def test_mg_and_mg_per_kg_of_one_person_are_the_same_dose_and_both_are_kept():
    per_kg = request(
        "otto-2021", [{"at_min": 0, "route": "iv", "amount_mg_per_kg": Decimal("0.5"), "duration_min": 40}]
    )
    assert per_kg.doses[0].amount_mg == pytest.approx(35) and per_kg.doses[0].amount_mg_per_kg == 0.5
    assert request("otto-2021").doses[0].amount_mg_per_kg is None


def test_exactly_one_mg_per_kg_into_a_vein_is_still_computed():
    assert request("otto-2021", dose(amount_mg=70)).doses[0].amount_mg == 70


# -- what is computed with a word of warning -----------------------------------------------------------


WARNED = [
    ({"doses": dose(duration_min=0)}, "never ordered"),
    ({"subject": {"age_y": 60}}, "age 60 years lies outside the 18 to 45 years"),
    ({"subject": {"weight_kg": 120}}, "weight 120 kg lies outside the 50 to 100 kg"),
    ({"subject": {"age_y": None}}, "Unknown age"),
    ({"subject": {"weight_kg": 100, "height_cm": 170}}, "no data; mg/kg dosing by actual weight may overshoot"),
    ({"subject": {"child_pugh": "B"}}, "watch longer"),
    ({}, "Sampling site of otto-2021: venous"),
    ({}, "mg of free base"),
    ({"model": "kamp-2020"}, "Norketamine is not part of kamp-2020"),
    ({"model": "kamp-2020", "drug": "esketamine"}, "was fitted on ketamine, and stands here for esketamine"),
    ({"model": "perez-ruixo-2021"}, "uses FPO, KMET"),
    ({"model": "perez-ruixo-2021"}, "1.4 to 1.5 times the published"),
    ({"model": "perez-ruixo-2021"}, "Extrapolated route: iv"),
    ({"model": "sc-generic", "doses": dose(route="sc", duration_min=0)}, "low evidence"),
    ({"model": "sl-generic", "doses": dose(route="sublingual", duration_min=0)}, "lower bound"),
    ({"model": "perez-ruixo-2021", "doses": dose(route="nasal", amount_mg=14, duration_min=0)}, "not one device"),
    ({"model": "domino-1982", "doses": dose(duration_min=0)}, "Near anaesthetic range"),
    ({"population": {"n": 10, "seed": 1}}, "10 virtual people are rough"),
]


@pytest.mark.hazard("HAZ-28", "C2")
@pytest.mark.parametrize(("changes", "words"), WARNED, ids=[case[1] for case in WARNED])
def test_what_carries_less_far_is_computed_and_says_so(changes: dict[str, Any], words: str):
    more = dict(changes)
    found = course(more.pop("model", "otto-2021"), more.pop("doses", None), **more)
    assert any(words in text for text in found.warnings), found.warnings
    assert float(found.ketamine.typical.max()) > 0
