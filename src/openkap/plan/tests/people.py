"""Synthetic charts, screenings and formulations for the tests of this room, made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from openkap.chart.derive import DERIVED
from openkap.chart.types import Chart, Patient, Reading, State
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import When
from openkap.kernel.truth import Truth
from openkap.screen.types import Ask, Finding, Screening

ON = date(2026, 11, 25)
DIMENSIONS = ("cognitive", "somatic", "avoidance", "past-event", "imagery", "parts", "social")


# Derivations that other rooms add to a view; here none of them knows anything.
ELSEWHERE = {
    name: (lambda _, __, name=name: State(name, "unknown", reason=f"{name}: no record"))
    for name, fact in facts().items()
    if fact.kind == "derived" and name not in DERIVED
}


def reading(fact: str, value: Any, on: date = ON) -> Reading:
    row = facts()[fact]
    if row.kind in ("number", "score") and not row.options:
        value = Decimal(str(value))
    return Reading(fact, value, When.on(on), f"Observation/{fact}-{on}", unit=row.unit or None)


def view(on: date = ON, born: str = "1984-03-02", more: tuple[Reading, ...] = (), **given: Any) -> View:
    """A chart of a woman of 42 who weighs 70 kg; facts by keyword, `_` for `-`."""
    known: dict[str, Any] = {"weight": 70, "height": 170, "gad": True, "panic": False, "agoraphobia": False}
    known |= {"social-anxiety": False, "session-fear": 2, "des-ii": 8, "dissociative-disorder": False}
    known |= {"psychotic-symptoms": False, "mania-current": False, "suicide-screen": None}
    known |= {name.replace("_", "-"): value for name, value in given.items()}
    systolic = known.pop("systolic", 124)
    known.pop("suicide-screen")
    readings = [reading(name, value) for name, value in known.items() if value is not None]
    if systolic is not None:
        for days in (1, 8):
            readings.append(reading("systolic", systolic, ON - timedelta(days=days)))
            readings.append(reading("diastolic", 78, ON - timedelta(days=days)))
    readings += more
    grouped: dict[str, tuple[Reading, ...]] = {}
    for one in readings:
        grouped[one.fact] = (*grouped.get(one.fact, ()), one)
    patient = Patient("Patient/1", "Test Person", When.parse(born), "F", "female", synthetic=True, identifier="T-1")
    return View(Chart(patient, grouped), on, derived=ELSEWHERE)


def finding(
    rule: str, class_: str = "caution", truth: Truth = Truth.TRUE, because: str = "because of a test"
) -> Finding:
    return Finding(
        rule=rule, title=rule, class_=class_, truth=truth, missing=None, facts=("weight",), because=because,
        action="ask", source=("test",), evidence="EXP", verified=False, needs_site_protocol=False,
    )  # fmt: skip


def screening(verdict: str = "eligible", *findings: Finding, ask: tuple[Ask, ...] = ()) -> Screening:
    return Screening(verdict, tuple(findings), ask, "demonstration")


def formulation(**levels: int | None) -> dict[str, dict[str, Any]]:
    given = {name.replace("_", "-"): level for name, level in levels.items()}
    return {name: {"level": given.get(name), "because": [f"sign of {name}"]} for name in DIMENSIONS}
