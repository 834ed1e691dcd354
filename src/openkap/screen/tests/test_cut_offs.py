"""
Both sides of every line, seen from the outside: a bundle goes in, findings come out.

The numbers stand here as the safety and dosing fact sheet prints them; they are not read from content.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

NO: dict[str, str] = {}
HOLD, CAUTION, EXCLUDE = {"hold": "true"}, {"caution": "true"}, {"exclude": "true"}
OPEN = {"hold": "unknown", "caution": "true"}  # a caution already, and a hold until the full AUDIT is known
AUDIT_15, AUDIT_16 = {"scores": {"audit": 15}}, {"scores": {"audit": 16}}


def two(value, unit="mm[Hg]"):
    """The same value on two days, as a mean pressure needs."""
    return [(value, unit, 3, None), (value, unit, 10, None)]


def pressure(systolic, diastolic):
    return {"measurements": {"systolic": two(systolic), "diastolic": two(diastolic)}}


def liver(name, value):
    tops = {"alt": 40, "ast": 40, "alp": 120, "ggt": 55}
    if name == "bilirubin":
        return {"measurements": {name: [(value, "mg/dL", 10, D("1.2"))]}}
    return {"measurements": {name: [(value, "U/L", 10, tops[name])]}}


def body(weight, height):
    return {"measurements": {"weight": [(weight, "kg", 3, None)], "height": [(height, "cm", 3, None)]}}


def one(name, value, unit):
    return {"measurements": {name: [(value, unit, 3, None)]}}


def answered(**answers):
    return {"answers": {name.replace("_", "-"): value for name, value in answers.items()}}


def born(year, month=11, day=25):
    return {"born": date(year, month, day)}


def audit_c(*items):
    return {"instruments": {"audit-c": list(items)}}


def drugs(yes):
    """DAST-10 with so many points; item 3 is reversed, so 1 there scores nothing."""
    items = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    for place in (0, 1, 3, 4, 5, 6, 7, 8, 9)[:yes]:
        items[place] = 1
    return {"instruments": {"dast-10": items}}


def item9(value):
    return {"instruments": {"phq-9": [1, 1, 1, 1, 0, 1, 0, 0, value]}}


def gad7(total):
    return {"instruments": {"gad-7": [min(3, max(0, total - 3 * place)) for place in range(7)]}}


TABLE = [
    # rule, change below the line, expected, change at or beyond it, expected
    ("SCR-HTN-1", pressure(159, 99), NO, pressure(160, 78), HOLD),
    ("SCR-HTN-1", pressure(159, 99), NO, pressure(122, 100), HOLD),
    ("SCR-HTN-2", pressure(140, 90), NO, pressure(141, 90), CAUTION),
    ("SCR-HTN-2", pressure(140, 90), NO, pressure(140, 91), CAUTION),
    ("SCR-HTN-2", pressure(160, 78), NO, pressure(159, 78), CAUTION),
    ("SCR-HEP-3", liver("alt", 120), NO, liver("alt", 121), HOLD),
    ("SCR-HEP-3", liver("ast", 120), NO, liver("ast", 121), HOLD),
    ("SCR-HEP-3", liver("alp", 240), NO, liver("alp", 242), HOLD),
    ("SCR-HEP-3", liver("ggt", 110), NO, liver("ggt", 111), HOLD),
    ("SCR-HEP-3", liver("bilirubin", D("2.4")), NO, liver("bilirubin", D("2.42")), HOLD),
    ("SCR-REN-1", one("egfr", 30, "mL/min/{1.73_m2}"), NO, one("egfr", 29, "mL/min/{1.73_m2}"), CAUTION),
    ("SCR-RES-1", one("spo2", 92, "%"), NO, one("spo2", 91, "%"), HOLD),
    ("SCR-BMI-1", body(D("34.9"), 100), NO, body(35, 100), CAUTION),
    ("SCR-BMI-1", body(D("39.9"), 100), CAUTION, body(40, 100), HOLD),
    ("SCR-WT-1", body(35, 130), NO, body(D("34.9"), 130), HOLD),
    ("SCR-WT-1", body(200, 230), NO, body(D("200.1"), 230), HOLD),
    ("SCR-WT-1", body(52, 200), NO, body(51, 200), HOLD),  # BMI 13 and 12.75
    ("SCR-WT-1", body(60, 100), NO, body(61, 100), HOLD),  # BMI 60 and 61
    ("SCR-AGE-1", born(2008), NO, born(2008, 11, 26), EXCLUDE),
    ("SCR-AGE-2", born(1961, 11, 26), NO, born(1961), CAUTION),
    ("SCR-AGE-3", born(1950, 11, 26), NO, born(1950), HOLD),
    ("SCR-ASA-1", answered(asa_class=D(2)), NO, answered(asa_class=D(3)), HOLD),
    ("SCR-ASA-1", answered(asa_class=D(3)), HOLD, answered(asa_class=D(4)), EXCLUDE),
    ("SCR-AIR-1", answered(mallampati=D(3)), NO, answered(mallampati=D(4)), CAUTION),
    ("SCR-CVD-3", one("qtc", 500, "ms"), NO, one("qtc", 501, "ms"), HOLD),
    ("SCR-SUD-2", audit_c(1, 1, 0), NO, audit_c(1, 1, 1), OPEN),
    (
        "SCR-SUD-2",
        audit_c(1, 1, 1) | {"sex": "M"},
        NO,
        audit_c(2, 1, 1) | {"sex": "M"},
        {"hold": "unknown", "caution": "true"},
    ),
    (
        "SCR-SUD-2",
        audit_c(3, 2, 2) | AUDIT_15,
        CAUTION,
        audit_c(3, 3, 2) | AUDIT_15,
        HOLD,
    ),
    (
        "SCR-SUD-2",
        audit_c(2, 1, 1) | AUDIT_15,
        CAUTION,
        audit_c(2, 1, 1) | AUDIT_16,
        HOLD,
    ),
    ("SCR-SUD-3", drugs(2), NO, drugs(3), CAUTION),
    ("SCR-SUD-3", drugs(5), CAUTION, drugs(6), HOLD),
    ("SCR-SUD-3", {"drug_screen": "negative"}, NO, {"drug_screen": "positive"}, HOLD),
    ("SCR-SI-1", item9(0), NO, item9(1), CAUTION),
    ("SCR-DIS-1", {"instruments": {"des-ii": [20] * 14 + [30] * 14}}, NO, {"instruments": {"des-ii": [30] * 28}}, HOLD),
    ("SCR-IND-2", gad7(10), NO, gad7(9), HOLD),
    ("SCR-IND-2", gad7(9) | {"scores": {"ham-a": 21}}, NO, gad7(9) | {"scores": {"ham-a": 20}}, HOLD),
    ("SCR-URO-2", {"scores": {"ipss": 7}}, NO, {"scores": {"ipss": 8}}, CAUTION),
    ("SCR-URO-2", {"scores": {"ipss": 3, "icsi": 5}}, NO, {"scores": {"ipss": 3, "icsi": 6}}, CAUTION),
    ("SCR-URO-2", {"scores": {"ipss": 3, "icpi": 5}}, NO, {"scores": {"ipss": 3, "icpi": 6}}, CAUTION),
    ("SCR-RES-2", {"scores": {"stop-bang": 2}}, NO, {"scores": {"stop-bang": 3}}, CAUTION),
    ("SCR-BIP-1", {"scores": {"ymrs": 11}}, NO, {"scores": {"ymrs": 12}}, EXCLUDE),
    ("SCR-SI-2", {"suicide_screen": "moderate"}, NO, {"suicide_screen": "high"}, HOLD),
    ("SCR-SI-3", {"suicide_screen": "none_identified"}, NO, {"suicide_screen": "moderate"}, CAUTION),
]


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(("rule", "below", "expected_below", "beyond", "expected_beyond"), TABLE)
def test_each_side_of_a_line_is_judged_as_the_sheet_says(
    case, found, rule, below, expected_below, beyond, expected_beyond
):
    assert found(case(**below), rule) == expected_below
    assert found(case(**beyond), rule) == expected_beyond


DISORDERS = [
    ("panic", "pdss-sr", [1, 1, 1, 1, 1, 1, 1], [2, 1, 1, 1, 1, 1, 1]),
    ("social-anxiety", "lsas-sr", [1] * 24 + [1] * 24 + [], [1] * 21 + [2] * 3 + [1] * 24),
]


@pytest.mark.parametrize(("disorder", "scale", "low", "high"), DISORDERS)
def test_severity_is_judged_by_the_scale_of_the_persons_own_disorder(case, found, disorder, scale, low, high):
    assert found(case(disorder=disorder, instruments={scale: low}), "SCR-IND-2") == HOLD
    assert found(case(disorder=disorder, instruments={scale: high}), "SCR-IND-2") == NO


def test_depression_alone_is_not_severity_of_anxiety(case, found):
    severe = {"gad-7": [1] * 7, "phq-9": [3, 3, 3, 3, 3, 3, 3, 3, 0]}
    assert found(case(instruments=severe), "SCR-IND-2") == HOLD


# event, its date, and (last day inside, first day outside) of each window before 2026-11-25
WINDOWS = [
    ("SCR-HTN-3", "hypertensive-crisis", "hypertensive-crisis-on", date(2026, 5, 25), date(2026, 5, 24), HOLD, NO),
    ("SCR-CVD-1", "coronary-event", "coronary-event-on", date(2026, 10, 14), date(2026, 10, 13), EXCLUDE, HOLD),
    ("SCR-CVD-1", "coronary-event", "coronary-event-on", date(2026, 5, 25), date(2026, 5, 24), HOLD, NO),
    ("SCR-NEU-2", "stroke-tia", "stroke-tia-on", date(2026, 5, 25), date(2026, 5, 24), EXCLUDE, HOLD),
    ("SCR-NEU-3", "head-injury", "head-injury-on", date(2026, 8, 25), date(2026, 8, 24), EXCLUDE, NO),
    ("SCR-NEU-4", "seizure-disorder", "last-seizure-on", date(2026, 5, 25), date(2026, 5, 24), HOLD, CAUTION),
    ("SCR-NEU-5", "delirium", "delirium-on", date(2026, 10, 26), date(2026, 10, 25), EXCLUDE, NO),
    ("SCR-BPD-1", "borderline", "self-harm-or-admission-on", date(2026, 8, 25), date(2026, 8, 24), HOLD, CAUTION),
]


@pytest.mark.parametrize(("rule", "event", "dated", "inside", "outside", "expected_in", "expected_out"), WINDOWS)
def test_both_sides_of_each_event_window(case, found, rule, event, dated, inside, outside, expected_in, expected_out):
    assert found(case(answers={event: True, dated: inside}), rule) == expected_in
    assert found(case(answers={event: True, dated: outside}), rule) == expected_out


@pytest.mark.parametrize(
    ("rule", "event", "class_"),
    [(rule, event, next(iter(expected))) for rule, event, _, _, _, expected, _ in WINDOWS],
)
def test_an_event_without_a_date_leaves_its_window_unknown(case, found, rule, event, class_):
    outcome = found(case(answers={event: True}), rule)
    assert "unknown" in outcome.values(), f"{rule} must not pass an undated {event}"


FLAGS = [
    ("SCR-HTN-4", "bp-hazard", EXCLUDE), ("SCR-VAS-1", "aneurysm", EXCLUDE), ("SCR-VAS-2", "avm", EXCLUDE),
    ("SCR-NEU-1", "intracranial-haemorrhage", EXCLUDE), ("SCR-NEU-3", "raised-icp", EXCLUDE),
    ("SCR-NEU-5", "dementia", HOLD), ("SCR-PSY-1", "psychotic-disorder", EXCLUDE),
    ("SCR-PSY-2", "psychotic-symptoms", EXCLUDE), ("SCR-PSY-3", "schizophrenia-relative", CAUTION),
    ("SCR-BIP-1", "mania-current", EXCLUDE), ("SCR-BIP-2", "bipolar", HOLD), ("SCR-SUD-1", "sud-active", EXCLUDE),
    ("SCR-KET-1", "ketamine-misuse", EXCLUDE), ("SCR-DIS-1", "dissociative-disorder", HOLD),
    ("SCR-PTSD-1", "ptsd", CAUTION), ("SCR-PREG-1", "pregnant", EXCLUDE), ("SCR-LAC-1", "breastfeeding", HOLD),
    ("SCR-REN-1", "dialysis", HOLD), ("SCR-URO-1", "cystitis", HOLD), ("SCR-URO-1", "haematuria-unexplained", HOLD),
    ("SCR-URO-1", "ketamine-cystitis", EXCLUDE), ("SCR-EYE-1", "angle-closure-glaucoma", HOLD),
    ("SCR-EYE-1", "open-globe-injury", HOLD), ("SCR-EYE-2", "open-angle-glaucoma", CAUTION),
    ("SCR-RES-1", "severe-respiratory-disease", HOLD), ("SCR-RES-1", "home-oxygen", HOLD),
    ("SCR-RES-1", "acute-respiratory-infection", HOLD), ("SCR-ALL-1", "ketamine-allergy", EXCLUDE),
    ("SCR-POR-1", "porphyria", HOLD), ("SCR-AIR-1", "difficult-airway", CAUTION),
    ("SCR-AIR-1", "severe-reflux", CAUTION), ("SCR-AIR-1", "gastroparesis", CAUTION),
    ("SCR-IND-4", "caffeine-high", CAUTION), ("SCR-IND-4", "sleep-loss", CAUTION),
    ("SCR-IND-4", "alcohol-or-cannabis-load", CAUTION), ("SCR-IND-4", "wrong-diagnosis", CAUTION),
    ("SCR-CONS-1", "legal-compulsion", EXCLUDE), ("DDI-CYP-4", "supplement-grapefruit", CAUTION),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "fact", "expected"), FLAGS)
def test_a_flag_fires_its_rule_and_its_absence_does_not(case, found, rule, fact, expected):
    assert found(case(), rule) == NO
    assert found(case(answers={fact: True}), rule) == expected


NEEDED = [
    ("SCR-CONS-1", "capacity-attested", EXCLUDE), ("SCR-CONS-1", "teach-back-done", EXCLUDE),
    ("SCR-SUP-1", "adult-reachable-24h", CAUTION), ("SCR-SUP-1", "safe-housing", CAUTION),
    ("SCR-ALT-1", "altered-state-willing", HOLD),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "fact", "expected"), NEEDED)
def test_what_is_needed_and_denied_fires_its_rule(case, found, rule, fact, expected):
    assert found(case(answers={fact: False}), rule) == expected


def test_thin_support_becomes_a_hold_with_a_risk_of_suicide(case, found):
    alone = {"adult-reachable-24h": False}
    assert found(case(answers=alone, suicide_screen="moderate"), "SCR-SUP-1") == HOLD
    open_risk = found(case(answers=alone, suicide_screen=None), "SCR-SUP-1")
    assert open_risk == {"hold": "unknown", "caution": "true"}


def test_heart_failure_is_graded_by_class_valve_and_decompensation(case, found):
    def heart(**details):
        asked = {"heart-failure-valve-hcm": True, "nyha-class": D(2), "valve-severe": False, "hcm": False}
        return case(answers=asked | {name.replace("_", "-"): value for name, value in details.items()})

    assert found(heart(hf_decompensated_on=date(2026, 5, 24)), "SCR-CVD-2") == NO
    assert found(heart(hf_decompensated_on=date(2026, 5, 25)), "SCR-CVD-2") == EXCLUDE
    assert found(heart(nyha_class=D(3)), "SCR-CVD-2") == {"exclude": "unknown", "hold": "true"}
    assert found(heart(hcm=True), "SCR-CVD-2")["hold"] == "true"
    assert found(heart(valve_severe=True), "SCR-CVD-2")["hold"] == "true"


def test_severe_liver_disease_excludes_and_moderate_holds(case, found):
    def liver_disease(grade):
        return case(answers={"liver-disease": True, "child-pugh": grade})

    assert (found(liver_disease("A"), "SCR-HEP-1"), found(liver_disease("A"), "SCR-HEP-2")) == (NO, NO)
    assert found(liver_disease("B"), "SCR-HEP-2") == HOLD
    assert found(liver_disease("C"), "SCR-HEP-1") == EXCLUDE


def test_an_ecg_is_asked_for_from_fifty_on(case, screened):
    def missing(year, **answers):
        made = case(born=date(year, 11, 25), answers=answers)
        made.measurements.pop("qtc")
        return {f.missing for f in screened(made).findings if f.rule == "SCR-CVD-3"}

    assert missing(1976) == {"MH"}
    assert missing(1976 + 1) == set()
    assert missing(1977, **{"arrhythmia": None}) == {"MC"}


def test_a_cognitive_screen_is_asked_for_from_sixty_five_on(case, found):
    def old(year, screen):
        return case(born=date(year, 11, 25), answers={"cognitive-screen": screen})

    assert found(old(1962, None), "SCR-NEU-5") == NO
    assert found(old(1961, None), "SCR-NEU-5") == {"hold": "unknown"}
    assert found(old(1961, "impaired"), "SCR-NEU-5") == HOLD
    assert found(old(1961, "normal"), "SCR-NEU-5") == NO


@pytest.mark.hazard("HAZ-07", "C2")
def test_a_weight_typed_in_pounds_is_stopped_by_the_earlier_weight(case, found, screened):
    rows = [(D("220.5"), "kg", 3, None), (100, "kg", 40, None)]
    typed = case(measurements={"weight": rows, "height": [(180, "cm", 3, None)]})
    assert found(typed, "SCR-WT-1") == HOLD
    changed = {"measurements": {"weight": [(D("68"), "kg", 3, None), (D("61.4"), "kg", 40, None)]}}
    assert found(case(**changed), "SCR-WT-1") == HOLD  # 10.7 %
    steady = {"measurements": {"weight": [(D("67.5"), "kg", 3, None), (D("61.4"), "kg", 40, None)]}}
    assert found(case(**steady), "SCR-WT-1") == NO  # 9.9 %
    long_ago = {"measurements": {"weight": [(D("68"), "kg", 3, None), (D("61.4"), "kg", 91, None)]}}
    assert found(case(**long_ago), "SCR-WT-1") == NO


def test_pregnancy_is_cleared_by_a_test_by_being_impossible_or_by_birth_sex(case, found):
    possible = {"could-become-pregnant": True, "contraception": "effective"}
    assert found(case(answers=possible), "SCR-PREG-1") == {"exclude": "unknown"}
    assert found(case(answers=possible, hcg="negative"), "SCR-PREG-1") == NO
    assert found(case(answers=possible, hcg="positive"), "SCR-PREG-1") == EXCLUDE
    assert found(case(hcg="positive"), "SCR-PREG-1") == EXCLUDE  # a positive test outweighs "cannot be"
    assert found(case(sex="M", answers={"could-become-pregnant": None, "pregnant": None}), "SCR-PREG-1") == NO
    unknown_sex = {"could-become-pregnant": None, "pregnant": None}
    assert found(case(sex="unknown", answers=unknown_sex), "SCR-PREG-1") == {"exclude": "unknown"}


def test_contraception_is_a_caution_and_declining_it_a_hold(case, found):
    def plan(answer):
        return case(answers={"could-become-pregnant": True, "contraception": answer}, hcg="negative")

    assert found(plan("effective"), "SCR-PREG-2") == NO
    assert found(plan("none"), "SCR-PREG-2") == CAUTION
    assert found(plan("declines"), "SCR-PREG-2") == HOLD
    assert found(plan(None), "SCR-PREG-2") == {"hold": "unknown"}


def test_the_thyroid_is_judged_with_its_blood_tests(case, found):
    def thyroid(present, value):
        rows = {"tsh": [(value, "m[IU]/L", 10, 4)]} if value is not None else {}
        made = case(answers={"hyperthyroidism": present}, measurements=rows)
        if value is None:
            made.measurements.pop("tsh")
        return made

    assert found(thyroid(True, 2), "SCR-THY-1") == NO
    assert found(thyroid(True, D("0.1")), "SCR-THY-1") == HOLD
    assert found(thyroid(True, None), "SCR-THY-1") == HOLD
    assert found(thyroid(False, None), "SCR-THY-1") == NO
    assert found(thyroid(None, None), "SCR-THY-1") == {"hold": "unknown"}


def test_the_panic_pathway_is_always_a_caution(case, found):
    assert found(case(disorder="panic"), "SCR-PD-1") == CAUTION
    assert found(case(), "SCR-PD-1") == NO


def test_someone_recorded_as_deceased_is_excluded(case, found):
    bundle = case().bundle()
    assert found(bundle, "SCR-DEC-1") == NO
    bundle["entry"][0]["resource"]["deceasedBoolean"] = True
    assert found(bundle, "SCR-DEC-1") == EXCLUDE


def test_a_birth_year_alone_leaves_the_line_it_falls_on_open(case, found):
    bundle = case().bundle()
    bundle["entry"][0]["resource"]["birthDate"] = "2008"
    assert found(bundle, "SCR-AGE-1") == {"exclude": "unknown"}
    bundle["entry"][0]["resource"]["birthDate"] = "2007"
    assert found(bundle, "SCR-AGE-1") == NO
