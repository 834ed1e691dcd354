"""The sixty are what they say they are: synthetic, the same each time, and judged as their stage expects."""

from datetime import date

import pytest

from openkap.pathway import open_case, plan_case, screen_case
from openkap.plan.choices import Preferences
from openkap.synthetic.cohort import SIZE, Member, cohort, guests

ON = date(2026, 11, 25)
MEMBERS = cohort(ON)


def test_there_are_sixty_with_names_and_numbers_of_their_own():
    assert len(MEMBERS) == SIZE == 60
    assert len({member.case.record for member in MEMBERS}) == 60
    assert len({member.case.name for member in MEMBERS}) == 60


def test_the_same_seed_and_day_give_the_same_people():
    assert [m.case.bundle() for m in cohort(ON)] == [m.case.bundle() for m in MEMBERS]
    assert [m.case.bundle() for m in cohort(ON, seed=7)] != [m.case.bundle() for m in MEMBERS]


@pytest.mark.parametrize("member", MEMBERS, ids=[m.case.record for m in MEMBERS])
def test_each_is_labelled_synthetic_and_judged_as_the_stage_expects(member: Member):
    case = open_case(member.case.bundle(), ON)
    assert case.chart.patient.synthetic
    assert screen_case(case).verdict in member.expects


@pytest.mark.parametrize("stage", ["ready", "drafted", "signed", "left"])
def test_whoever_has_or_awaits_a_programme_can_be_planned_for(stage: str):
    for member in (m for m in MEMBERS if m.stage == stage):
        assert plan_case(open_case(member.case.bundle(), ON))["regimen"]


@pytest.mark.slow
@pytest.mark.parametrize("on", [date(2026, 12, 31), date(2027, 3, 1), date(2028, 2, 29)])
def test_the_cohort_holds_on_other_days_too(on: date):
    for member in cohort(on):
        assert screen_case(open_case(member.case.bundle(), on)).verdict in member.expects, member.case.name


def test_twelve_more_can_come_to_a_retreat():
    coming = guests(ON)
    assert len({m.case.name for m in [*MEMBERS, *coming]}) == SIZE + 12
    for member in coming:
        case = open_case(member.case.bundle(), ON)
        assert screen_case(case).verdict in member.expects
        assert plan_case(case, preferences=Preferences(regimen="REG-B1"))["regimen"]["id"] == "REG-B1"
