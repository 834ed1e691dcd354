"""A signed order that is changed: what was done for it is void, and somebody has to see that it was (HAZ-17)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from openkap.dose import alerts
from openkap.dose import events as e
from openkap.dose.tests.sessions import DOCTOR, NURSE, SECOND, Case, case, order
from openkap.dose.types import Phase


@pytest.fixture
def ready() -> Case:
    return case().to_ready().in_hand()


@pytest.mark.hazard("HAZ-17", "C1")
def test_a_changed_order_voids_draw_check_and_identity_and_rings_on_the_nurse_s_screen(ready: Case):
    effects = ready.sign(order("0.4", version=2))
    assert ready.session.phase is Phase.GATE
    assert (ready.session.draw, ready.session.dose_identity) == (None, None)
    assert {"reopened", "alert"} <= {one.kind for one in effects}
    (rings,) = ready.session.open_alerts()
    assert rings.about == alerts.ORDER and rings.owner == NURSE and rings.reached[0].people == (NURSE.id,)
    assert "version 2" in rings.text and "0.4 mg/kg" in rings.text and "version 1, 41 mg" in rings.text
    assert rings.text.endswith("What was drawn up (41 mg) is void.")
    ready.do(e.PassGate)
    ready.in_hand()
    assert "nobody but its prescriber has seen it" in ready.refused(e.Start, order="o1", version=2, step=1).text
    assert ready.refused(e.Settle, DOCTOR, alert=rings.id, reason="known").rule == "HAZ-17"
    assert ready.refused(e.Acknowledge, DOCTOR, alert=rings.id).rule == "HAZ-17"  # who changed it
    ready.do(e.Acknowledge, SECOND, alert=rings.id)
    assert ready.session.alerts[-1].ended == (f"seen by {SECOND.name}", ready.session.now_s)
    ready.start()


@pytest.mark.hazard("HAZ-17", "C1")
def test_a_changed_order_asks_for_another_draw_and_a_first_one_rings_nobody(ready: Case):
    assert not ready.session.alerts
    ready.sign(order("0.4", version=2))
    ready.do(e.PassGate)
    ready.do(e.Acknowledge, alert=ready.session.open_alerts()[0].id)
    assert ready.refused(e.Start, order="o1", version=2, step=1).rule == "HAZ-11"
    ready.sign(order("0.45", version=3))
    (rings,) = ready.session.open_alerts()  # it rings anew
    assert rings.text.endswith("before it version 2, 32.8 mg.")  # and nothing was drawn up


@pytest.mark.hazard("HAZ-17", "C2")
def test_a_dose_is_charted_only_against_the_order_that_stands_and_both_are_said(ready: Case):
    ready.sign(order("0.4", version=2))
    ready.do(e.PassGate)
    ready.do(e.Acknowledge, alert=ready.session.open_alerts()[0].id)
    ready.in_hand()
    said = ready.refused(e.Start, order="o1", version=1, step=1)
    assert said.rule == "HAZ-17"
    assert "(version 1, 41 mg)" in said.text and "(version 2, 32.8 mg)" in said.text
    assert ready.refused(e.Start, order="o9", version=2, step=1).rule == "HAZ-17"
    ready.start()
    assert ready.session.given[0].mg.mg == Decimal(33)
