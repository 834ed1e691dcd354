"""Plan documents of synthetic people, made by the whole pathway, for the tests of what is printed of them."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from openkap.pathway import open_case, plan_case
from openkap.plan.preferences import read_preferences
from openkap.synthetic.case import Case
from openkap.synthetic.people import people

ON = date(2026, 11, 25)


def _without_weight() -> Case:
    case = Case(ON, disorder="social-anxiety", answers={"aneurysm": None})
    case.measurements.pop("weight")
    return case


PEOPLE = {
    "panic": (lambda: people(ON)["panic"], None, False),
    "worry": (lambda: people(ON)["worry"], {"start_on": "2026-12-07"}, False),
    "agoraphobia": (lambda: Case(ON, disorder="agoraphobia"), {"regimen": "REG-B2"}, False),
    "nasal": (lambda: Case(ON, disorder="gad"), {"regimen": "REG-C2"}, False),
    "open": (_without_weight, None, True),
    "excluded": (lambda: Case(ON, disorder="panic", answers={"aneurysm": True}), None, True),
    "heavier": (
        lambda: Case(ON, measurements={"weight": [(Decimal("98.45"), "kg", 3, None)]}),
        {"regimen": "REG-A3"},
        False,
    ),
}


@cache
def _document(name: str) -> dict[str, Any]:
    make, wishes, draft = PEOPLE[name]
    case = open_case(make().bundle(), ON)
    return dict(plan_case(case, preferences=read_preferences(wishes, ON), draft=draft))


def document(name: str) -> dict[str, Any]:
    """A copy that a test may change."""
    return copy.deepcopy(_document(name))


def from_json(made: dict[str, Any]) -> dict[str, Any]:
    """The document as another program reads it back: decimals have become floats."""
    return json.loads(msgspec.json.Encoder(decimal_format="number").encode(made))
