"""What a clinician may change beyond wishes: a first dose inside every limit, therapy sessions inside their hours."""

import json
from copy import deepcopy
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.kernel.errors import UserError
from openkap.pathway import open_case, plan_case
from openkap.plan.choices import Preferences
from openkap.plan.edits import Edit, edited, plain_edits, read_edits
from openkap.plan.limits import site_limits
from openkap.synthetic.people import people

ON = date(2026, 11, 25)
SITE = site_limits("demonstration")
PANIC = open_case(people(ON)["panic"].bundle(), ON)
PLAN = plan_case(PANIC)  # REG-A1, under the skin, by weight 61.4 kg; site limit 1 mg/kg and 100 mg
FIXED = plan_case(PANIC, preferences=Preferences(regimen="REG-C1", routes=("sublingual",)))


def dose(amount: str, plan=PLAN) -> dict:
    return edited(plan, [Edit(what="first-dose", amount=Decimal(amount), reason="she asked")], SITE)["regimen"]["dose"]


def session(plan: dict, name: str) -> dict:
    return next(s for s in plan["programme"]["sessions"] if s["id"] == name)


def test_another_first_dose_is_computed_by_weight_rounded_once_and_marked_with_was_is_and_reason():
    plan = edited(PLAN, [Edit(what="first-dose", amount=Decimal("0.3"), reason="she asked")], SITE)
    found = plan["regimen"]["dose"]
    assert (found["mg_per_kg"], found["unrounded_mg"], found["mg"]) == (
        Decimal("0.3"),
        Decimal("18.42"),
        Decimal("18.4"),
    )
    assert plan["regimen"]["chosen_by"] == "clinician"
    assert plan["edits"] == [
        {
            "what": "first-dose",
            "session": None,
            "title": "First dose",
            "was": "15.4 mg, 0.25 mg/kg",
            "now": "18.4 mg, 0.3 mg/kg, 1.2 times what was proposed",
            "reason": "she asked",
        }
    ]
    assert any("low start" in text for text in plan["regimen"]["warnings"])


@pytest.mark.hazard("HAZ-09", "C1")
def test_a_slipped_point_shows_as_a_tenth_or_ten_times_what_was_proposed():
    plan = edited(PLAN, [Edit(what="first-dose", amount=Decimal("0.025"), reason="typed")], SITE)
    assert plan["edits"][0]["now"].endswith("0.1 times what was proposed")


def test_steps_of_the_ladder_below_the_new_first_dose_are_left_out():
    assert [s["mg_per_kg"] for s in dose("0.6")["steps"]] == [Decimal("0.6"), Decimal("1.0")]
    assert [s["mg_per_kg"] for s in dose("1")["steps"]] == [Decimal("1")]


@pytest.mark.hazard("HAZ-09", "C2")
@pytest.mark.parametrize("amount", ["1.01", "1.7", "9", "100"])
def test_a_first_dose_beyond_a_limit_is_refused_whoever_asks(amount):
    with pytest.raises(UserError, match=r"first dose: .*Choose a lower amount"):
        dose(amount)


@pytest.mark.parametrize("amount", ["0", "-0.2", "NaN", "Infinity"])
def test_a_first_dose_that_is_no_amount_is_refused(amount):
    with pytest.raises(UserError, match="first dose"):
        dose(amount)


@pytest.mark.hazard("HAZ-09", "C2")
@given(st.decimals(min_value="0.001", max_value="3", places=3))
def test_no_accepted_first_dose_exceeds_the_limit_by_the_weight_it_is_given_by(amount):
    try:
        found = dose(str(amount))
    except UserError:
        assert amount > Decimal("0.999")  # only what is at or over 1 mg/kg may be refused
        return
    assert found["mg"] / Decimal("61.4") <= 1
    assert found["mg"] <= 100
    assert abs(found["mg"] - amount * Decimal("61.4")) <= Decimal("0.1")


def test_without_a_site_limit_for_the_route_no_amount_is_accepted():
    with pytest.raises(UserError, match="disabled"):
        edited(PLAN, [Edit(what="first-dose", amount=Decimal("0.1"), reason="x")], {})


def test_a_session_left_out_is_gone_and_what_waited_for_it_waits_for_what_it_waited_for():
    plan = edited(PLAN, [Edit(what="leave-out", session="closing-2", reason="away")], SITE)
    assert "closing-2" not in [s["id"] for s in plan["programme"]["sessions"]]
    assert [(g["id"], g["min_h"]) for g in session(plan, "closing-3")["after"]] == [("closing-1", 24)]
    named = {g["id"] for s in plan["programme"]["sessions"] for g in s["after"]}
    assert named <= {s["id"] for s in plan["programme"]["sessions"]}


@pytest.mark.parametrize("name", ["prep-1", "dose-1", "check-in-1", "integration-1", "review-end", "end"])
def test_what_doses_and_safety_rest_on_is_neither_moved_nor_left_out(name):
    for what in ("leave-out", "move"):
        with pytest.raises(UserError, match="only therapy and exposure"):
            edited(PLAN, [Edit(what=what, session=name, day=3, reason="x")], SITE)


def test_a_session_is_moved_with_its_date_where_the_hours_allow_it_and_refused_where_they_do_not():
    dated = plan_case(PANIC, preferences=Preferences(start_on=date(2026, 12, 1)))
    plan = edited(dated, [Edit(what="move", session="therapy-1", day=12, reason="away")], SITE)
    assert (session(plan, "therapy-1")["day"], session(plan, "therapy-1")["date"]) == (12, "2026-12-13")
    assert [s["day"] for s in plan["programme"]["sessions"]] == sorted(s["day"] for s in plan["programme"]["sessions"])
    for day in (5, 7, 20):  # before the dose, on its day, after the next dose that waits for it
        with pytest.raises(UserError, match="cannot be moved to that day"):
            edited(dated, [Edit(what="move", session="therapy-1", day=day, reason="away")], SITE)


def test_the_proposal_itself_is_left_as_it_was():
    before = deepcopy(PLAN)
    edited(PLAN, [Edit(what="leave-out", session="closing-2", reason="away")], SITE)
    dose("0.6")
    assert before == PLAN


@pytest.mark.parametrize(
    "data",
    [
        [{"what": "first-dose", "amount": "0.3", "reason": " "}],
        [{"what": "first-dose", "amount": "0.3"}],
        [{"what": "free-text", "reason": "x"}],
        [{"what": "move", "session": "therapy-1", "day": "soon", "reason": "x"}],
        [{"what": "leave-out", "session": "closing-2", "reason": "x", "note": "y"}],
        {"what": "leave-out"},
    ],
)
def test_an_edit_that_is_not_of_the_closed_set_or_has_no_reason_is_refused(data):
    with pytest.raises(UserError):
        read_edits(data)


def test_edits_survive_being_stored():
    edits = (
        Edit(what="first-dose", amount=Decimal("0.300"), reason="a"),
        Edit(what="move", session="t", day=0, reason="b"),
    )
    stored = json.loads(json.dumps(plain_edits(edits)))
    assert read_edits(stored) == edits
    assert msgspec.structs.asdict(read_edits(stored)[0])["amount"] == Decimal("0.300")


def test_a_fixed_amount_is_changed_in_mg():
    found = dose("50", FIXED)
    assert (found["mg"], found["mg_per_kg"]) == (Decimal(50), None)
