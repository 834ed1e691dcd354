"""Recorded reasons why a datum cannot be had, unfinished screeners, single items, ketamine that is already taken."""

from datetime import date, timedelta

import pytest

from openkap.kernel import coding
from openkap.synthetic.case import questionnaire_response

ON = date(2026, 11, 25)
REASON = {"url": f"{coding.BASE}/StructureDefinition/cannot-be-had", "valueString": "no ECG machine within reach"}
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "not-performed"}
CLINICIAN = {"reference": "Practitioner/synthetic-clinician"}
PATIENT = {"reference": "Patient/synthetic"}
BORN_1970 = date(1970, 3, 1)  # from fifty on an ECG is asked for (MH)


def observation(system, code, ago=3, **more):
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": PATIENT,
        "effectiveDateTime": (ON - timedelta(days=ago)).isoformat(),
    } | more


def no_ecg(ago=3, performer=CLINICIAN, **more):
    reason = {"coding": [{"system": coding.BASE, "code": "not-performed"}], "extension": [REASON]}
    who = {"performer": [performer]} if performer else {}
    return observation(coding.LOINC, "8636-3", ago, dataAbsentReason=reason, **who) | more


def older(case, *extra):
    """Somebody of 56 years without an ECG."""
    return case(born=BORN_1970, measurements={"qtc": []}, extra=list(extra))


@pytest.mark.hazard("HAZ-20", "C2")
def test_a_reason_why_an_mh_datum_cannot_be_had_makes_a_true_caution(case, screened, found):
    assert found(older(case), "SCR-CVD-3") == {"hold": "unknown"}
    assert screened(older(case)).verdict == "insufficient"
    outcome = screened(older(case, no_ecg()))
    finding = next(f for f in outcome.findings if f.rule == "SCR-CVD-3")
    assert (finding.class_, finding.truth.value, outcome.verdict) == ("caution", "true", "caution")
    assert "no ECG machine within reach" in finding.because
    assert finding.would_change == "QTc obtained"


@pytest.mark.parametrize(
    "reason",
    [
        no_ecg(performer=PATIENT),
        no_ecg(performer=None),
        no_ecg(ago=91),  # the look-back of the datum is that of the reason
        no_ecg(status="preliminary"),
        no_ecg(dataAbsentReason={"text": "not done"}),
        no_ecg(dataAbsentReason={"extension": [REASON | {"valueString": " "}]}),
    ],
)
def test_a_reason_nobody_responsible_recorded_lately_leaves_it_unknown(case, found, reason):
    assert found(older(case, reason), "SCR-CVD-3") == {"hold": "unknown"}


def test_the_datum_outranks_the_reason_why_it_cannot_be_had(case, found):
    value = {"value": 520, "system": coding.UCUM, "code": "ms"}
    long_qt = observation(coding.LOINC, "8636-3", 20, id="q", valueQuantity=value)
    assert found(older(case, no_ecg(), long_qt), "SCR-CVD-3") == {"hold": "true"}


def test_a_reason_settles_no_datum_that_only_itself_settles(case, found):
    excuse = observation(coding.LOINC, "8480-6", dataAbsentReason={"extension": [REASON]}, performer=[CLINICIAN])
    assert found(case(measurements={"systolic": []}, extra=[excuse]), "SCR-HTN-1") == {"hold": "unknown"}


def test_of_several_missing_data_each_needs_its_reason(case, found):
    def without_scores(*names):
        excuses = [
            observation(coding.INSTRUMENT, n, id=n, dataAbsentReason={"extension": [REASON]}, performer=[CLINICIAN])
            for n in names
        ]
        return case(instruments={"gad-7": None, "ham-a": None}, extra=excuses)

    assert found(without_scores("gad-7"), "SCR-IND-2") == {"hold": "unknown"}
    assert found(without_scores("gad-7", "ham-a"), "SCR-IND-2") == {"caution": "true"}


def test_the_intake_carries_the_reason_beside_the_missing_value(case, screened):
    bundle = case(born=date(1958, 1, 1), answers={"cognitive-screen": None}).bundle()
    intake = next(e["resource"] for e in bundle["entry"] if e["resource"].get("id") == "intake")
    intake["item"].append({"linkId": "cognitive-screen", "answer": [{"_valueCoding": {"extension": [ABSENT, REASON]}}]})
    findings = {(f.rule, f.class_, f.truth.value) for f in screened(bundle).findings}
    assert ("SCR-NEU-5", "caution", "true") in findings
    intake["author"] = PATIENT
    assert ("SCR-NEU-5", "hold", "unknown") in {(f.rule, f.class_, f.truth.value) for f in screened(bundle).findings}


# -- an unfinished suicide screener ----------------------------------------------------------------


def screener(status, *answers):
    form = questionnaire_response("c-ssrs-screen", list(answers), ON - timedelta(days=1))
    return form | {"id": "screener", "status": status}


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize(
    ("answers", "rule", "class_"),
    [
        ((True, None, None, None, None, None, None), "SCR-SI-3", "caution"),  # thoughts were not asked yet
        ((True, True, False, True, None, None, None), "SCR-SI-2", "hold"),
    ],
)
@pytest.mark.parametrize("status", ["in-progress", "stopped"])
def test_an_unfinished_screener_raises_the_level_it_has_reached(case, found, status, answers, rule, class_):
    assert found(case(extra=[screener(status, *answers)]), rule) == {class_: "true"}


def test_a_finished_screener_with_a_wish_alone_raises_no_plan_of_safety(case, found):
    whole = screener("completed", True, False, None, None, None, False, None)
    assert found(case(suicide_screen=None, extra=[whole]), "SCR-SI-3") == {}


@pytest.mark.hazard("HAZ-20", "C1")
def test_an_unfinished_screener_without_a_yes_clears_nothing_and_is_named(case, screened):
    form = screener("in-progress", False, False, None, None, None, False, None)
    outcome = screened(case(suicide_screen=None, extra=[form]))
    assert outcome.verdict == "insufficient"
    assert [a.reason for a in outcome.ask] == [
        "C-SSRS screen: the form in QuestionnaireResponse/screener is in-progress: complete it"
    ]


@pytest.mark.hazard("HAZ-20", "C1")
def test_one_item_of_the_screener_raises_its_level_and_clears_nothing(case, found):
    yes = observation(coding.INSTRUMENT, "c-ssrs-screen.4", 1, valueBoolean=True)
    no = yes | {"valueBoolean": False}
    assert found(case(extra=[yes]), "SCR-SI-2") == {"hold": "true"}
    assert found(case(suicide_screen=None, extra=[no]), "SCR-SI-2") == {"hold": "unknown"}


# -- totals, medicines -----------------------------------------------------------------------------


@pytest.mark.parametrize(("total", "expected"), [(51, {}), (50, {"hold": "true"})])
def test_an_lsas_total_of_no_said_version_reaches_the_line(case, found, total, expected):
    whole = case(disorder="social-anxiety", instruments={"lsas-sr": None}, scores={"lsas": total})
    assert found(whole, "SCR-IND-2") == expected


@pytest.mark.parametrize("name", ["ketamine 50 mg lozenge", "Spravato 84 mg"])
def test_ketamine_or_esketamine_on_the_list_is_shown(case, found, name):
    assert found(case(medicines=[name]), "DDI-CYP-10") == {"inform": "true"}


def test_a_medicine_with_a_planned_end_is_taken_now(case, found):
    bundle = case(medicines=["sertraline 50 mg"])
    planned = {"effectivePeriod": {"start": "2026-10-01", "end": "2027-03-01"}}
    assert found(with_period(bundle, planned), "DDI-SSRI-1") == {"inform": "true"}
    assert found(with_period(bundle, planned), "SCR-MED-1") == {}
    later = {"effectivePeriod": {"start": "2026-12-01", "end": "2027-03-01"}}
    assert found(with_period(bundle, later), "DDI-SSRI-1") == {}
    assert found(with_period(bundle, later), "SCR-MED-1") == {"hold": "unknown"}


def with_period(whole, period):
    bundle = whole.bundle()
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "MedicationStatement":
            entry["resource"] |= period
    return bundle
