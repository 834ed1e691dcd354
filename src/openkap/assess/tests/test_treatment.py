"""
Treatment history against the fact sheet: the table below is transcribed from its section 1.5, not from
the content file.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from openkap.assess.treatment import DERIVED, drug_arm, history, judge, resistance, therapy_arm, treatment
from openkap.chart.types import Chart, Patient, Reading, Trial
from openkap.chart.view import View
from openkap.kernel.clock import When

ON = date(2026, 11, 25)

# id, treatment, least mg a day, weeks, counts
DRUGS = [
    ("TRX-DOSE-ESC", "escitalopram", "10", "8", "yes"),
    ("TRX-DOSE-SER", "sertraline", "50", "8", "yes"),
    ("TRX-DOSE-PAR", "paroxetine", "20", "8", "yes"),
    ("TRX-DOSE-CIT", "citalopram", "20", "8", "yes"),
    ("TRX-DOSE-FLX", "fluoxetine", "20", "8", "yes"),
    ("TRX-DOSE-FLV", "fluvoxamine", "100", "8", "yes"),
    ("TRX-DOSE-VEN", "venlafaxine", "75", "8", "yes"),
    ("TRX-DOSE-DUL", "duloxetine", "60", "8", "yes"),
    ("TRX-DOSE-BUS", "buspirone", "15", "6", "second-line"),
    ("TRX-DOSE-PRE", "pregabalin", "150", "6", "second-line"),
    ("TRX-DOSE-CLO", "clomipramine", "75", "8", "second-line"),
    ("TRX-DOSE-IMI", "imipramine", "75", "8", "second-line"),
    ("TRX-DOSE-MOC", "moclobemide", "300", "8", "second-line"),
    ("TRX-DOSE-PHE", "phenelzine", "45", "8", "second-line"),
    ("TRX-DOSE-HYD", "hydroxyzine", "50", "4", "second-line"),
    ("TRX-DOSE-QTP", "quetiapine", "50", "8", "second-line"),
    ("TRX-DOSE-BZD", "clonazepam", "1", "4", "never"),
    ("TRX-DOSE-BZD", "lorazepam", "2", "4", "never"),
    ("TRX-DOSE-BZD", "alprazolam", "1.5", "4", "never"),
    ("TRX-DOSE-BZD", "diazepam", "10", "4", "never"),
]

GOOD = Trial(
    kind="medication",
    treatment="escitalopram",
    max_dose_mg=Decimal(10),
    weeks=Decimal(8),
    sessions=None,
    adherence=Decimal(80),
    outcome="none",
    ended=When.parse("2025-06"),
    told_by="record",
    source="QuestionnaireResponse/intake",
)
CBT = replace(GOOD, kind="psychotherapy", treatment="cbt", max_dose_mg=None, sessions=Decimal(12))


def view(*trials: Trial, complete: bool | None = None, non_adherence: bool | None = None) -> View:
    said = {"treatment-history-complete": complete, "non-adherence": non_adherence}
    readings = {
        name: (Reading(name, value, When.on(ON), f"QuestionnaireResponse/intake#{name}"),)
        for name, value in said.items()
        if value is not None
    }
    return View(Chart(Patient("Patient/p"), readings, trials=trials), ON, derived=DERIVED)


def drug(*trials: Trial, **known: bool | None):
    return view(*trials, **known).state("drug-arm")


def therapy(*trials: Trial, **known: bool | None):
    return view(*trials, **known).state("therapy-arm")


def test_every_row_of_the_sheet_is_in_the_content_and_none_besides():
    rows = {row.id for row in treatment().dose}
    assert rows == {rule for rule, *_ in DRUGS} | {"TRX-DOSE-CBT"}
    assert [row.id for row in treatment().rows[:5]] == [
        "TRX-DEF-1",
        "TRX-DEF-2",
        "TRX-DEF-3",
        "TRX-DEF-4",
        "TRX-ADQ-1",
    ]
    for rule, name, least, weeks, counts in DRUGS:
        row = next(r for r in treatment().dose if r.id == rule)
        assert (row.minimum_mg[name], row.weeks, row.counts) == (Decimal(least), Decimal(weeks), counts)


@pytest.mark.parametrize(("rule", "name", "least", "weeks", "counts"), DRUGS, ids=str)
def test_a_trial_is_adequate_at_the_minimum_dose_and_weeks_and_not_below(rule, name, least, weeks, counts):
    at = replace(GOOD, treatment=name, max_dose_mg=Decimal(least), weeks=Decimal(weeks))
    empty = view()
    judged = judge(at, empty)
    assert judged.row == rule
    assert judged.adequate.is_true
    assert judge(replace(at, max_dose_mg=Decimal(least) - Decimal("0.1")), empty).adequate.is_false
    assert judge(replace(at, weeks=Decimal(weeks) - Decimal("0.1")), empty).adequate.is_false
    assert judged.speaks.is_true == (counts == "yes")
    assert judged.speaks.is_false == (counts != "yes")


def test_escitalopram_at_ten_milligrams_meets_the_arm_and_at_nine_does_not():
    assert drug(GOOD, complete=True).value == "met"
    assert drug(replace(GOOD, max_dose_mg=Decimal(9)), complete=True).value == "not-met"


def test_eight_weeks_meet_the_arm_and_seven_point_nine_do_not():
    assert drug(replace(GOOD, weeks=Decimal("8.0")), complete=True).value == "met"
    assert drug(replace(GOOD, weeks=Decimal("7.9")), complete=True).value == "not-met"


def test_adherence_of_eighty_percent_is_enough_and_seventy_nine_is_not():
    assert drug(replace(GOOD, adherence=Decimal(80)), complete=True).value == "met"
    assert drug(replace(GOOD, adherence=Decimal(79)), complete=True).value == "not-met"


@pytest.mark.parametrize(("non_adherence", "value"), [(False, "met"), (True, "not-met"), (None, None)])
def test_a_trial_without_its_own_adherence_takes_the_answer_on_non_adherence(non_adherence, value):
    state = drug(replace(GOOD, adherence=None), complete=True, non_adherence=non_adherence)
    assert state.value == value
    if value is None:
        assert state.status == "unknown"
        assert state.missing == ("non-adherence",)


def test_a_trial_with_its_own_adherence_ignores_the_answer_on_non_adherence():
    assert drug(GOOD, complete=True, non_adherence=True).value == "met"


@pytest.mark.parametrize(
    ("outcome", "value"),
    [
        ("partial", "met"),
        ("none", "met"),
        ("response", "not-met"),
        ("remission", "not-met"),
        ("intolerance", "not-met"),
        ("stopped-early", "not-met"),
        ("access", "not-met"),
    ],
)
def test_only_partial_and_no_response_are_failures(outcome, value):
    assert drug(replace(GOOD, outcome=outcome), complete=True).value == value
    assert therapy(replace(CBT, outcome=outcome), complete=True).value == value


def test_eleven_sessions_are_too_few_and_twelve_are_enough():
    assert therapy(CBT, complete=True).value == "met"
    assert therapy(replace(CBT, sessions=Decimal(11)), complete=True).value == "not-met"


def test_a_therapy_needs_eight_weeks_too():
    assert therapy(replace(CBT, weeks=Decimal("7.9")), complete=True).value == "not-met"


@pytest.mark.parametrize(
    ("code", "value"), [("cbt", "met"), ("exposure", "met"), ("emdr", "not-met"), ("act", "not-met")]
)
def test_only_cbt_and_exposure_speak_for_the_therapy_arm(code, value):
    assert therapy(replace(CBT, treatment=code), complete=True).value == value


@pytest.mark.parametrize("told_by", ["patient", None])
def test_an_arm_that_rests_on_the_patients_word_only_is_met_by_report(told_by):
    assert drug(replace(GOOD, told_by=told_by), complete=True).value == "met-by-report"
    assert drug(replace(GOOD, told_by=told_by), GOOD, complete=True).value == "met"


@pytest.mark.hazard("HAZ-20", "C1")
def test_no_trial_is_not_met_only_where_the_history_is_said_to_be_complete():
    assert drug(complete=True).value == "not-met"
    for complete in (None, False):
        state = drug(complete=complete)
        assert state.status == "unknown"
        assert state.missing == ("treatment-history-complete",)


def test_an_adequate_failed_trial_meets_the_arm_whether_or_not_the_history_is_complete():
    assert drug(GOOD).value == "met"
    assert therapy(CBT, complete=False).value == "met"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("field", ["max_dose_mg", "weeks", "adherence", "outcome"])
def test_a_trial_that_lacks_a_part_leaves_its_arm_unknown_and_says_which(field):
    words = {"max_dose_mg": "mg/d", "weeks": "weeks", "adherence": "adherence", "outcome": "outcome"}
    state = drug(replace(GOOD, **{field: None}), complete=True)
    assert state.status == "unknown"
    assert "escitalopram (ended 2025-06)" in state.reason
    assert words[field] in state.reason
    assert therapy(replace(GOOD, **{field: None}), complete=True).value == "not-met"


def test_a_missing_part_does_not_matter_where_another_part_already_decides():
    assert drug(replace(GOOD, weeks=None, outcome="intolerance"), complete=True).value == "not-met"
    assert drug(replace(GOOD, weeks=None, max_dose_mg=Decimal(5)), complete=True).value == "not-met"


def test_another_adequate_trial_settles_the_arm_in_spite_of_an_incomplete_one():
    assert (
        drug(replace(GOOD, weeks=None), replace(GOOD, treatment="sertraline", max_dose_mg=Decimal(50))).value == "met"
    )


def test_a_medicine_that_nobody_can_name_leaves_the_drug_arm_unknown():
    nameless = replace(GOOD, treatment="a small white tablet")
    assert drug(nameless, complete=True).status == "unknown"
    assert drug(replace(nameless, treatment=None), complete=True).status == "unknown"
    assert therapy(nameless, complete=True).value == "not-met"
    assert drug(replace(nameless, outcome="remission"), complete=True).value == "not-met"


def test_a_trial_without_kind_and_name_leaves_both_arms_unknown():
    nobody_knows = replace(GOOD, kind=None, treatment=None)
    assert drug(nobody_knows, complete=True).status == "unknown"
    assert therapy(nobody_knows, complete=True).status == "unknown"


def test_a_known_medicine_without_a_row_and_other_treatments_never_speak_for_an_arm():
    assert drug(replace(GOOD, treatment="semaglutide"), complete=True).value == "not-met"
    tms = replace(GOOD, kind="other", treatment="magnetic stimulation")
    assert drug(tms, complete=True).value == "not-met"
    assert therapy(tms, complete=True).value == "not-met"


def test_a_kind_that_contradicts_the_treatment_is_a_conflict():
    assert drug(replace(GOOD, kind="psychotherapy"), complete=True).status == "conflict"


def test_a_trial_that_ends_after_the_day_of_decision_is_not_used_and_listed():
    later = replace(GOOD, ended=When.parse("2026-11-26"))
    assert drug(later, complete=True).value == "not-met"
    assert resistance(view(later))["not_used"] == ["escitalopram ends after 2026-11-25"]
    assert drug(replace(GOOD, ended=When.parse("2026-11-25"))).value == "met"


def test_a_stale_or_conflicting_statement_of_completeness_is_said_to_be_so():
    name = "treatment-history-complete"
    old = Reading(name, True, When.parse("2026-08-26"), "Observation/old")
    now = [Reading(name, value, When.on(ON), f"Observation/{value}") for value in (True, False)]
    chart = Chart(Patient("Patient/p"))
    assert drug_arm(View(chart.with_readings((old,)), ON), None).status == "stale"
    assert drug_arm(View(chart.with_readings(tuple(now)), ON), None).status == "conflict"
    fresh = replace(old, when=When.parse("2026-08-27"))
    assert therapy_arm(View(chart.with_readings((fresh,)), ON), None).value == "not-met"


def test_the_summary_names_the_consensus_as_a_gap_and_gives_no_stage():
    summary = resistance(view(GOOD, CBT, complete=True))
    assert summary["consensus"]["id"] == "TRX-DEF-1"
    assert summary["consensus"]["status"] == "gap"
    assert summary["consensus"]["stage"] is None
    assert summary["consensus"]["supersedes"] == ["TRX-DEF-2"]
    assert summary["rule"]["severity_rule"] == "SCR-IND-2"
    assert "62" in summary["note"]
    assert [t["meets_arm"] for t in summary["trials"]] == ["true", "true"]


def test_every_judged_trial_says_why_with_the_rule_behind_it():
    (judged,) = history(view(replace(GOOD, max_dose_mg=Decimal(9))))
    because = " ".join(judged.document()["because"])
    assert "9 mg/d at most taken, at least 10 count (TRX-DOSE-ESC)" in because
    assert judged.document()["meets_arm"] == "false"
    assert "(TRX-DEF-4)" in because


def test_response_is_a_fall_of_half_on_most_scales_and_of_thirty_five_percent_on_the_lsas():
    assert treatment().failure.response_fall_percent == {"ham-a": 50, "pdss": 50, "lsas-sr": 35, "lsas-ca": 35}
