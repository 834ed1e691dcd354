"""What nobody at the site has signed decides nothing: its route is disabled, its gate is not known to be open."""

from decimal import Decimal

import pytest

from openkap.kernel.errors import NoSolution
from openkap.plan.choices import SiteMax
from openkap.plan.preferences import read_preferences
from openkap.plan.propose import propose
from openkap.plan.tests.people import ON, formulation, screening, view

LIMITS = {
    "DOS-IV": SiteMax(Decimal("0.5"), Decimal(60), Decimal(40), "Dr M"),
    "DOS-SL": SiteMax(None, Decimal(100), None, "Dr M"),
}
# What a dose into a vein rests on, by the safety and dosing fact sheet 3.4, 4.3 and 4.4.
LIMIT_ROWS = [
    "DOS-IV", "DOS-FREQ-1", "DOS-FREQ-2", "DOS-FREQ-3", "DOS-ROUND", "LOW-AGE", "LOW-PANIC", "LOW-SBP", "LOW-FEAR",
    "MON-IV", "MON-X", "ALT-SBP", "ALT-DBP", "ALT-SBP-LO", "ALT-HR", "ALT-SPO2", "ALT-RR", "ALT-SED-M", "ALT-SED-R",
    "ALT-AGI", "ALT-DIS", "ALT-ANX", "ALT-NAUS", "ALT-CP", "ALT-ALG", "ALT-SI", "CAL-3-DAY",
]  # fmt: skip


def plan(*unsigned: str, wishes=None, levels=None, chart=None):
    return propose(
        chart or view(),
        screening(),
        formulation(**(levels or {"cognitive": 1})),
        read_preferences(wishes or {"regimen": "REG-A3"}, ON),
        mode="production",
        site_limits=LIMITS,
        signed=lambda row: row.id not in unsigned,
    )


@pytest.mark.hazard("HAZ-26", "C1")
@pytest.mark.parametrize("row", LIMIT_ROWS)
def test_an_unsigned_limit_disables_its_route_and_says_who_must_sign_what(row):
    assert plan()["regimen"]["id"] == "REG-A3"
    with pytest.raises(NoSolution) as refused:
        plan(row)
    (why,) = [o for o in refused.value.document["refused_options"] if o["id"] == "REG-A3"]
    said = " ".join(why["reasons"])
    assert f"{row} is not signed at this site" in said
    assert "the medical director must review and sign it" in said
    assert "route is disabled" in said


def test_a_route_that_does_not_rest_on_an_unsigned_row_stays_open():
    by_mouth = {"regimen": "REG-C1", "routes": ["sublingual"]}
    assert plan("DOS-FREQ-1", "DOS-FREQ-2", "MON-IV", wishes=by_mouth)["regimen"]["route"] == "sublingual"
    with pytest.raises(NoSolution):
        plan("MON-SL", wishes=by_mouth)


def test_many_unsigned_rows_are_counted_and_not_recited():
    with pytest.raises(NoSolution) as refused:
        plan(*LIMIT_ROWS)
    assert "and 21 more are not signed" in refused.value.document["reason"]


@pytest.mark.hazard("HAZ-26", "C1")
def test_an_unsigned_way_of_working_has_no_open_gate_and_gets_no_session():
    document = plan("cbt")
    (cbt,) = [m for m in document["modalities"] if m["id"] == "cbt"]
    assert cbt["gate"]["state"] == "unknown"
    assert "cbt is not signed at this site" in cbt["gate"]["because"]
    assert "cbt" not in {s["modality"] for s in document["programme"]["sessions"]}


def test_every_row_that_nobody_has_signed_is_marked():
    assert plan()["unsigned"] == []
    assert plan("EVI-1")["unsigned"] == ["EVI-1"]
    given = read_preferences(None, ON)
    demonstration = propose(view(), screening(), formulation(cognitive=1), given)
    assert set(demonstration["unsigned"]) == set(demonstration["content_rows"])
