"""A plan knows what it stood on, and says when that ground moves."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest

from openkap.chart.ground import changed
from openkap.chart.types import Medicine
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.plan.preferences import read_preferences
from openkap.plan.propose import propose
from openkap.plan.tests.people import ELSEWHERE, ON, formulation, reading, screening, view

pytestmark = pytest.mark.hazard("HAZ-22", "C1")


def document():
    made = propose(view(), screening(), formulation(), read_preferences(None))
    return json.loads(msgspec.json.Encoder(decimal_format="number").encode(made))


def test_the_same_chart_on_the_same_day_moves_nothing_even_after_the_plan_was_stored():
    assert changed(document(), view()) == []


@pytest.mark.parametrize(
    ("fact", "value"),
    [("weight", 64), ("panic", True), ("session-fear", 9), ("des-ii", 40), ("gad", False), ("mania-current", True)],
)
def test_every_changed_input_is_named_with_what_it_was_and_is(fact, value):
    now = view(**{fact: value})
    moved = {c["fact"]: c for c in changed(document(), now)}
    assert moved[fact]["change"] == "changed"
    assert moved[fact]["was"] != moved[fact]["now"]
    assert facts()[fact].words in moved[fact]["text"]


def test_a_fact_that_nobody_had_recorded_is_new():
    moved = changed(document(), view(**{"stroke-tia": True}))
    assert [(c["fact"], c["change"]) for c in moved] == [("stroke-tia", "new")]


def test_a_fact_that_ages_out_is_named():
    moved = {c["fact"]: c["change"] for c in changed(document(), view(on=ON + timedelta(days=31)))}
    assert moved["weight"] == "aged"
    assert moved["session-fear"] == "aged"
    assert "height" not in moved
    assert "weight" not in {c["fact"] for c in changed(document(), view(on=ON + timedelta(days=30)))}


def test_a_fact_that_is_gone_or_now_disputed_is_named():
    gone = {c["fact"]: c["change"] for c in changed(document(), view(height=None))}
    assert gone["height"] == "lost"
    disputed = view(more=(reading("dissociative-disorder", True, date(2026, 11, 20)),))
    assert {c["fact"]: c["change"] for c in changed(document(), disputed)}["dissociative-disorder"] == "changed"


def test_a_dispute_that_stood_when_the_plan_was_drafted_is_not_news():
    disputed = view(more=(reading("isi", 8), reading("isi", 20)))
    drafted = propose(disputed, screening("insufficient"), formulation(), read_preferences(None), draft=True)
    assert changed(drafted, view(more=(reading("isi", 8), reading("isi", 20)))) == []


def test_a_new_medicine_is_a_change():
    chart = view().chart
    sertraline = Medicine(("sertraline",), "current", Decimal(50), "MedicationStatement/1", None, "Zoloft")
    later = View(replace(chart, medicines=(sertraline,)), ON, derived=ELSEWHERE)
    (moved,) = changed(document(), later)
    assert (moved["fact"], moved["now"]) == ("medicines", ["sertraline 50 mg/d"])
