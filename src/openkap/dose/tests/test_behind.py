"""What stands behind the readings and on the form: marks of trials, doses for the forecast, the monitoring form."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from openkap.dose import adverse as ae
from openkap.dose import events as e
from openkap.dose.expected import doses, expected
from openkap.dose.exposure import Had, exposure
from openkap.dose.form import monitoring_form
from openkap.dose.tests.sessions import BEGIN, DAY, NURSE, Case, by_mouth, case, order
from openkap.kernel.quantity import DoseMg
from openkap.kernel.truth import Truth
from openkap.pkpd.request import read_request
from openkap.plan.book import shipped


def test_an_infusion_has_the_peaks_and_the_return_of_its_rows_and_nothing_between():
    """VIT-2, VIT-3, VIT-8 of the fact sheet: +3.3/+3.2 at 30 min, +16.0/+11.0 at 40 min, back by 1.5 h after it."""
    run = case().to_recovery()
    marks = {mark.row: mark for mark in expected(run.session)}
    assert {name: (m.at_min, m.systolic, m.diastolic) for name, m in marks.items()} == {
        "VIT-2": (30, Decimal("3.3"), Decimal("3.2")), "VIT-3": (40, Decimal("16.0"), Decimal("11.0")),
        "VIT-8": (None, None, None)
    }  # fmt: skip
    assert (marks["VIT-3"].systolic_at, marks["VIT-3"].diastolic_at) == (Decimal("142.0"), Decimal("91.0"))
    assert marks["VIT-8"].back_min == 130
    assert all(mark.text and mark.evidence for mark in marks.values())


def test_without_a_baseline_only_the_rise_is_known_and_before_its_end_an_infusion_has_no_return():
    run = case().arrive()
    marks = {mark.row: mark for mark in expected(run.session)}
    assert set(marks) == {"VIT-2", "VIT-3"}
    assert marks["VIT-3"].systolic_at is None


@pytest.mark.parametrize(
    ("route", "drug", "rows"),
    [
        ("sc", "ketamine", {"VIT-7": (30, None)}),
        ("nasal", "esketamine", {"VIT-5": (40, 90)}),
        ("sublingual", "ketamine", {}),
    ],
)
def test_each_route_has_its_own_marks_and_a_route_without_a_row_has_none(route, drug, rows):
    found = expected(case(route, drug).session)
    assert {mark.row: (mark.at_min, mark.back_min) for mark in found} == rows


# -- doses for the forecast --------------------------------------------------------------------------------


def test_nothing_given_is_no_dose():
    assert doses(case().session) == ()


def test_a_running_infusion_counts_to_its_planned_end():
    (one,) = doses(case().to_dosing().session)
    assert one == {"at_min": 0.0, "route": "iv", "amount_mg": 41.0, "duration_min": 40.0}


def test_a_pause_splits_an_infusion_and_the_amounts_add_up_to_what_was_given():
    run = case().to_dosing()
    run.do(e.Pause, after_s=600, reason="toilet")
    paused = doses(run.session)
    assert [(part["at_min"], part["duration_min"]) for part in paused] == [(0.0, 10.0), (10.0, 30.0)]
    run.do(e.Resume, after_s=300)
    run.do(e.Stop, after_s=600, reason="enough", given_mg=DoseMg(Decimal("20.5")))
    parts = doses(run.session)
    assert [(p["at_min"], p["duration_min"], p["amount_mg"]) for p in parts] == [
        (0.0, 10.0, 10.25),
        (15.0, 10.0, 10.25),
    ]
    asked = {
        "model": None,
        "drug": "ketamine",
        "subject": {"weight_kg": 82},
        "doses": list(parts),
        "times_min": [0, 40, 80],
    }
    assert len(read_request(asked).doses) == 2


def test_doses_given_at_once_stand_at_their_minutes():
    run = case("sublingual").to_dosing(by_mouth("50")).watch(30)
    assert doses(run.session)[0]["amount_mg"] == 50.0
    run.finish()
    run.sign(by_mouth("50", id="o2", step=2, reason="little effect"))
    run.in_hand().start()
    assert [(d["at_min"], d["amount_mg"], d["duration_min"]) for d in doses(run.session)] == [
        (0.0, 50.0, 0.0),
        (30.0, 50.0, 0.0),
    ]


def test_an_infusion_stopped_in_the_second_it_began_is_no_stretch_at_all():
    run = case().to_dosing(order())
    run.do(e.Stop, reason="wrong arm", given_mg=DoseMg(Decimal(0)))
    assert doses(run.session) == ()


# -- exposure of one person ------------------------------------------------------------------------------


def had(days: int, mg: str | None = "41", drug="ketamine", *, elsewhere: bool = False) -> Had:
    return Had(DAY - timedelta(days=days), drug, DoseMg(Decimal(mg)) if mg else None, elsewhere)


@pytest.mark.hazard("HAZ-15", "C2")
@pytest.mark.parametrize(
    ("count", "passed", "to_next"),
    [(0, 0, 12), (11, 0, 1), (12, 1, 12), (23, 1, 1), (24, 2, 26), (49, 2, 1), (50, 3, None)],
)
def test_the_lines_of_a_lifetime_are_at_12_24_and_50_doses(count, passed, to_next):
    found = exposure([had(day) for day in range(count)], shipped(), DAY, asked=True)
    assert (found.doses, len(found.passed), found.to_next) == (count, passed, to_next)
    assert sum((mg.mg for _, mg in found.mg), Decimal(0)) == 41 * count


@pytest.mark.hazard("HAZ-15", "C2")
def test_drugs_are_never_added_and_what_is_not_known_makes_the_sum_a_least():
    doses_ = [had(9), had(5, "56", "esketamine"), had(2, None, elsewhere=True), had(-1)]
    found = exposure(doses_, shipped(), DAY, asked=True)
    assert [(drug, str(mg)) for drug, mg in found.mg] == [("esketamine", "56 mg"), ("ketamine", "41 mg")]
    assert (found.doses, found.since, found.least) == (3, DAY - timedelta(days=9), True)
    assert exposure([had(1)], shipped(), DAY, asked=False).least
    assert not exposure([had(1)], shipped(), DAY, asked=True).least


# -- the form --------------------------------------------------------------------------------------------


def spray() -> Case:
    return case("nasal", "esketamine").to_dosing(by_mouth("56", drug="esketamine", route="nasal"))


def test_the_form_of_esketamine_is_complete_when_the_record_is():
    run = spray()
    run.now_s += 60
    run.do(e.UseDevice)
    run.watch(45)
    run.read(moaas=4, cadss_6=9)
    found = monitoring_form(run.session)
    assert found.asked
    assert found.missing == ("pressure before the dose",)
    assert ("126/80 mmHg", 46) in [(said, minute) for minute, said in found.pressures]
    assert (found.worst_sedation, found.worst_dissociation) == ("Alertness, MOAA/S 4", "Dissociation, CADSS-6 9")
    assert (found.stay_min, len(found.doses)) == (46, 1)


def test_a_pressure_before_the_dose_is_one():
    run = case("nasal", "esketamine")
    run.to_ready(by_mouth("56", drug="esketamine", route="nasal"))
    run.now_s += 120
    run.in_hand().start()
    assert "pressure before the dose" not in monitoring_form(run.session).missing
    assert monitoring_form(run.session).pressures == ((-2, "126/80 mmHg"),)


@pytest.mark.hazard("HAZ-20", "C1")
def test_what_the_record_does_not_have_is_named_and_nothing_is_filled_in():
    run = spray()
    run.do(e.Answer, name="patient-enrolled", truth=Truth.UNKNOWN)
    run.now_s += 46 * 60
    run.session = replace(run.session, clock=run.stamp(), readings=run.session.readings[:1])
    found = monitoring_form(run.session)
    assert found.missing == (
        "patient-enrolled", "pressure before the dose", "pressure at about 40 min", "sedation", "dissociation"
    )  # fmt: skip
    assert (found.worst_sedation, found.worst_dissociation, found.pressures) == (None, None, ())


def test_ketamine_keeps_the_same_form_of_the_site_s_own_accord():
    run = case()
    found = monitoring_form(run.session)
    assert (found.asked, found.stay_min) == (False, None)
    assert found.missing == ("dose", "pressure before the dose", "sedation", "dissociation")


def test_events_stand_on_the_form_with_grade_and_seriousness_or_that_nobody_asked():
    run = case().to_dosing()
    run.read(systolic=190)
    made = ae.drafted(run.session, run.session.open_alerts()[0], NURSE, BEGIN)
    graded = replace(made, term="AE-BP", grade=2, serious=())
    said = monitoring_form(run.session, [made, graded, replace(graded, serious=("life",))]).events
    assert said[0].startswith("no term: Systolic pressure 190 mmHg") and said[0].endswith(
        "(not graded, seriousness not asked)"
    )
    assert said[1].endswith("(grade 2, not serious)") and said[2].endswith("(grade 2, serious)")
