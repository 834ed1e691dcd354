"""Alert lines that a prescriber sets for one person and session."""

from decimal import Decimal

import pytest

from openkap.dose import alerts
from openkap.dose import events as e
from openkap.dose.tests.sessions import DOCTOR, NURSE, Case, case


@pytest.fixture
def dosing() -> Case:
    return case().to_dosing()


def level(session, measure: str, value: float) -> str | None:
    lines = alerts.broken(session, measure, Decimal(str(value)))
    return lines[0].level if lines else None


def widen(**changes):
    return {"row": "ALT-SBP", "name": "amber_rise", "value": Decimal(39), "reason": "labile, known", **changes}


@pytest.mark.hazard("HAZ-40", "C1")
def test_a_limit_for_one_person_is_a_prescriber_s_with_a_reason_and_is_never_widened_while_alerting(dosing: Case):
    assert dosing.refused(e.SetLimit, NURSE, **widen()).rule == "ROLE"
    assert dosing.refused(e.SetLimit, DOCTOR, **widen(reason="")).rule == "REASON"
    assert dosing.refused(e.SetLimit, DOCTOR, **widen(name="crimson")).rule == "LIMIT"
    dosing.read(systolic=158)
    assert dosing.refused(e.SetLimit, DOCTOR, **widen()).rule == "HAZ-40"
    dosing.do(e.SetLimit, DOCTOR, **widen(value=Decimal(20)))
    (alert,) = dosing.session.open_alerts()
    dosing.do(e.Acknowledge, alert=alert.id)
    dosing.now_s += 60
    dosing.read(systolic=130)
    dosing.do(e.SetLimit, DOCTOR, **widen())
    assert level(dosing.session, "systolic", 158) is None
    assert level(case().to_dosing().session, "systolic", 158) == "amber"


@pytest.mark.hazard("HAZ-40", "C1")
@pytest.mark.parametrize(
    ("row", "name", "value", "may"),
    [("ALT-SBP", "red", 1800, False), ("ALT-SPO2", "red", -5, False), ("ALT-SBP", "amber_rise", 0, False),
     ("ALT-SBP", "amber_rise", -30, False), ("ALT-SBP", "red_rise", 331, False), ("ALT-SBP", "red_rise", 330, True),
     ("ALT-SBP", "amber_rise", 1, True), ("ALT-SBP", "red", 350, True), ("ALT-SBP", "red", 351, False),
     ("ALT-SBP", "amber", 179, True),
     ("ALT-SBP", "amber", 180, False), ("ALT-SBP", "red", 160, False), ("ALT-SBP", "red", 161, True),
     ("ALT-SPO2", "red", 93, True), ("ALT-SPO2", "red", 94, False), ("ALT-SPO2", "amber", 90, False)],
)  # fmt: skip
def test_a_limit_stays_inside_the_range_of_its_measure_and_red_beyond_amber(dosing: Case, row, name, value, may):
    event = {"row": row, "name": name, "value": Decimal(value), "reason": "known"}
    if may:
        dosing.do(e.SetLimit, DOCTOR, **event)
    else:
        assert dosing.refused(e.SetLimit, DOCTOR, **event).rule == "LIMIT"


def test_a_limit_of_another_measure_may_be_widened_meanwhile(dosing: Case):
    dosing.read(spo2=93)
    dosing.do(e.SetLimit, DOCTOR, **widen())
