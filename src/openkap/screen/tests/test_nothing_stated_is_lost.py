"""
A contraindication that stands anywhere in the record is never lost: not to a denial beside it, not to
rounding, not to a later answer, not to a form that cannot be scored.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from openkap.kernel import coding
from openkap.kernel.truth import Truth
from openkap.synthetic.case import condition, measurement

ON = date(2026, 11, 25)

# parent denied, and a detail that cannot be true without it
STATED = [
    ("coronary-event", {"coronary-event-on": date(2026, 11, 15)}),
    ("stroke-tia", {"stroke-tia-on": date(2026, 11, 15)}),
    ("head-injury", {"head-injury-on": date(2026, 11, 15)}),
    ("seizure-disorder", {"last-seizure-on": date(2026, 11, 15)}),
    ("delirium", {"delirium-on": date(2026, 11, 15)}),
    ("hypertensive-crisis", {"hypertensive-crisis-on": date(2026, 11, 15)}),
    ("heart-failure-valve-hcm", {"hf-decompensated-on": date(2026, 11, 15)}),
    ("heart-failure-valve-hcm", {"hcm": True}),
    ("heart-failure-valve-hcm", {"valve-severe": True}),
    ("heart-failure-valve-hcm", {"nyha-class": D(4)}),
    ("arrhythmia", {"arrhythmia-uncontrolled": True}),
    ("liver-disease", {"child-pugh": "C"}),
    ("sleep-apnoea", {"sleep-apnoea-severity": "severe"}),
]


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(("parent", "detail"), STATED)
def test_a_detail_stated_under_a_denied_parent_is_a_conflict(case, screened, parent, detail):
    outcome = screened(case(answers={parent: False, **detail}))
    assert outcome.verdict == "insufficient"
    assert any(f.conflict for f in outcome.findings)
    assert parent in {a.fact for a in outcome.ask}


def test_a_denied_detail_is_no_conflict(case, screened):
    quiet = {"hcm": False, "valve-severe": False, "arrhythmia-uncontrolled": False}
    assert screened(case(answers=quiet)).verdict == "eligible"


def test_a_full_audit_counts_whatever_the_short_one_says(case, found):
    assert found(case(scores={"audit": 16}), "SCR-SUD-2") == {"hold": "true"}
    assert found(case(scores={"audit": 15}), "SCR-SUD-2") == {}


EXACT = [
    ("SCR-HEP-3", {"alt": [(D("120.1"), "U/L", 10, 40)]}, "hold"),
    ("SCR-HEP-3", {"bilirubin": [(D("2.404"), "mg/dL", 10, D("1.2"))]}, "hold"),
    ("SCR-WT-1", {"weight": [(78, "kg", 3, None), (D("86.7"), "kg", 40, None)]}, "hold"),
    ("SCR-WT-1", {"weight": [(D("60.04"), "kg", 3, None)], "height": [(100, "cm", 3, None)]}, "hold"),
    ("SCR-HTN-2", {"diastolic": [(90, "mm[Hg]", 3, None), (D("90.08"), "mm[Hg]", 10, None)]}, "caution"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "readings", "class_"), EXACT)
def test_a_limit_is_compared_with_the_exact_value(case, found, rule, readings, class_):
    assert found(case(measurements=readings), rule).get(class_) == "true"


@pytest.mark.parametrize(("rule", "readings"), [
    ("SCR-BMI-1", {"weight": [(D("34.96"), "kg", 3, None)], "height": [(100, "cm", 3, None)]}),
    ("SCR-HTN-1", {"systolic": [(160, "mm[Hg]", 3, None), (D("159.92"), "mm[Hg]", 10, None)]}),
])  # fmt: skip
def test_a_value_below_the_line_is_not_lifted_to_it(case, found, rule, readings):
    outcome = found(case(measurements=readings), rule)
    assert outcome in ({}, {"caution": "true"}) if rule == "SCR-HTN-1" else outcome == {}


@pytest.mark.parametrize("fact", ["psychotic-symptoms", "sud-active"])
def test_a_positive_inside_its_window_stands_beside_a_later_denial(case, screened, fact):
    def with_earlier(ago):
        bundle = case().bundle()
        earlier = measurement("earlier", "heart-rate", 70, "/min", case().day(ago))
        earlier["code"] = {"coding": [{"system": coding.FACT, "code": fact}]}
        del earlier["valueQuantity"]
        bundle["entry"].append({"resource": {**earlier, "valueBoolean": True}})
        return screened(bundle).verdict

    inside = {"psychotic-symptoms": 30, "sud-active": 90}[fact]
    assert with_earlier(inside) == "insufficient"
    assert with_earlier(inside + 1) == "eligible"


def test_a_form_that_cannot_be_scored_clears_nothing_and_raises_what_it_says(case, found):
    def form(item8, item9):
        return case(instruments={"phq-9": [1, 1, 1, 1, 0, 1, 0, item8, item9]})

    assert found(form(0, 0), "SCR-SI-1") == {}
    assert found(form(9, 0), "SCR-SI-1") == {"caution": "unknown"}
    assert found(form(9, 2), "SCR-SI-1") == {"caution": "true"}


@pytest.mark.parametrize("medicine", ["oxycodone 5 mg tablet", "clonazepam 0.5 mg tablet"])
def test_a_high_sleep_apnoea_score_with_a_sedating_medicine_is_a_hold(case, found, medicine):
    assert found(case(scores={"stop-bang": 3}, medicines=[medicine]), "SCR-RES-2") == {"hold": "true"}
    assert found(case(scores={"stop-bang": 2}, medicines=[medicine]), "SCR-RES-2") == {}


def test_an_impaired_cognitive_screen_counts_at_any_age(case, found):
    assert found(case(answers={"cognitive-screen": "impaired"}), "SCR-NEU-5") == {"hold": "true"}


@pytest.mark.parametrize("born", ["1976", "1976-11"])
def test_an_age_on_the_line_takes_the_stricter_policy(case, screened, born):
    made = case()
    made.measurements.pop("qtc")
    bundle = made.bundle()
    bundle["entry"][0]["resource"]["birthDate"] = born
    assert {f.missing for f in screened(bundle).findings if f.rule == "SCR-CVD-3"} == {"MH"}


@pytest.mark.hazard("HAZ-21", "C1")
@pytest.mark.parametrize("item", ["alcohol-24h", "cannabis-24h", "illicit-stimulant-72h"])
def test_what_was_taken_before_the_dose_raises_the_interval_history(case, screened, item):
    made = case(answers={"interval-change": False, item: True})
    made.today = True
    found = {(f.rule, f.class_) for f in screened(made, dose_day=True).findings if f.truth is Truth.TRUE}
    assert ("PRE-4", "hold") in found


def test_an_unfinished_intake_makes_no_hold_out_of_trials_it_did_not_read(case, screened):
    bundle = case().bundle()
    next(e["resource"] for e in bundle["entry"] if e["resource"]["id"] == "intake")["status"] = "in-progress"
    outcome = screened(bundle)
    assert ("SCR-IND-3", Truth.TRUE) not in {(f.rule, f.truth) for f in outcome.findings}


def test_a_condition_coded_as_a_detail_counts_against_a_denied_parent(case, screened):
    made = case(answers={"heart-failure-valve-hcm": False})
    made.extra.append(condition("hcm", coding.FACT, "hcm", made.day(30)))
    assert screened(made).verdict == "insufficient"


def test_a_provisional_diagnosis_is_asked_about_and_not_taken_as_none(case, screened):
    bundle = case().bundle()
    coded = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Condition")
    coded["verificationStatus"]["coding"][0]["code"] = "provisional"
    outcome = screened(bundle)
    assert ("SCR-IND-1", "unknown") in {(f.rule, f.truth.value) for f in outcome.findings}
    assert outcome.verdict == "insufficient"
