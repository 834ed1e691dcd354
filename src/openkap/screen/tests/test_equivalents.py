"""Diazepam equivalents: both sums, worked by hand from the two published tables."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from openkap.chart.fhir.reader import read_chart
from openkap.chart.view import View
from openkap.screen.equivalents import equivalent_sums, with_equivalents

ON = date(2026, 11, 25)

# medicine, mg a day, sum by the NHS/Ashton table, sum by the VA/DoD table
TABLE = [
    ("lorazepam", D(1), D(10), D(5)),
    ("alprazolam", D("1.5"), D(30), D(15)),
    ("clonazepam", D("0.5"), D(10), D(5)),
    ("oxazepam", D(30), D(15), D(10)),
    ("temazepam", D(15), D("7.5"), D(10)),
    ("diazepam", D(10), D(10), D(10)),
    ("chlordiazepoxide", D(25), D(10), None),
    ("nitrazepam", D(5), D(5), None),
]


def sums(case, *medicines):
    return equivalent_sums(View(read_chart(case(medicines=list(medicines)).bundle()), ON))


@pytest.mark.parametrize(("name", "daily", "ashton", "va"), TABLE)
def test_each_medicine_is_summed_by_each_table(case, name, daily, ashton, va):
    first, second = sums(case, (f"{name} tablet", daily))
    assert (first.mg, second.mg) == (ashton, va)
    assert bool(second.unknown) is (va is None)


def test_several_medicines_add_up(case):
    first, second = sums(case, ("lorazepam", D(1)), ("diazepam", D(5)))
    assert (first.mg, second.mg) == (D(15), D(10))


def test_a_dose_nobody_recorded_is_named_and_not_counted_as_zero(case):
    first, _ = sums(case, "lorazepam 1 mg tablet")
    assert (first.mg, first.unknown) == (None, ("lorazepam: daily dose unknown",))


def test_the_sums_stand_in_the_findings_with_the_mark_of_the_cohort(case, screened):
    made = case(medicines=[("lorazepam 1 mg tablet", 1)])
    view = View(read_chart(made.bundle()), ON)
    because = {f.rule: f.because for f in with_equivalents(screened(made), view).findings}
    for rule in ("DDI-BZD-1", "DDI-BZD-EQ"):
        assert "10 mg/d by NHS pages" in because[rule]
        assert "5 mg/d by US VA/DoD" in because[rule]
        assert "above 8 mg/d" in because[rule]
    assert "equivalents" not in because["DDI-BZD-2"]
