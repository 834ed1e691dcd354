"""What changed between two plans: complete, in words, and silent where nothing did."""

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from openkap.pathway import open_case, plan_case
from openkap.plan.choices import Preferences
from openkap.plan.diff import changes, said
from openkap.plan.edits import Edit, edited
from openkap.plan.limits import site_limits
from openkap.synthetic.people import people

ON = date(2026, 11, 25)
PANIC = open_case(people(ON)["panic"].bundle(), ON)
PLAN = dict(plan_case(PANIC))


def planned(**wishes: Any) -> dict[str, Any]:
    return dict(plan_case(PANIC, preferences=Preferences(**wishes)))


def found(new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {f"{c['part']}: {c['title']}": (c["was"], c["now"]) for c in changes(PLAN, new)}


def test_a_plan_does_not_differ_from_itself_nor_from_itself_read_back():
    stored = msgspec.json.Decoder(float_hook=Decimal).decode(msgspec.json.Encoder(decimal_format="number").encode(PLAN))
    assert changes(PLAN, PLAN) == []
    assert changes(PLAN, stored) == []


def test_another_regimen_is_said_with_both_names_both_doses_and_both_routes():
    diff = found(planned(regimen="REG-B2"))
    assert "(REG-A1)" in diff["regimen: regimen"][0] and "(REG-B2)" in diff["regimen: regimen"][1]
    assert diff["regimen: route"] == ("sc", "iv")
    assert diff["dose: first dose"][0] == "15.4 mg, 0.25 mg/kg"
    assert diff["dose: duration"] == ("none", "40 min")


def test_a_first_day_is_said_once_and_not_for_every_session():
    diff = found(planned(start_on=date(2026, 12, 1)))
    assert diff == {"calendar: first day": (None, "2026-12-01")}


def test_sessions_added_left_out_and_moved_are_each_said():
    edits = [
        Edit(what="leave-out", session="closing-2", reason="x"),
        Edit(what="move", session="therapy-1", day=12, reason="y"),
    ]
    new = edited(PLAN, edits, site_limits("demonstration"))
    listed = [c for c in changes(PLAN, new) if c["part"] == "session"]
    assert [(c["how"], c["was"], c["now"]) for c in listed if c["how"] == "removed"] == [("removed", "day 39", None)]
    assert ("changed", "day 11", "day 12") in [(c["how"], c["was"], c["now"]) for c in listed]
    back = [c for c in changes(new, PLAN) if c["how"] == "added"]
    assert [(c["part"], c["now"]) for c in back] == [("session", "day 39")]


def test_a_modality_avoided_is_said():
    diff = found(planned(avoid=("exposure",)))
    assert any(key.startswith("modality:") and now == "avoided" for key, (_, now) in diff.items())


def mutations() -> list[tuple[str, Any]]:
    """One change in each part of a plan that a reader acts on."""

    def put(path: list[Any], value: Any) -> Any:
        new = deepcopy(PLAN)
        spot: Any = new
        for step in path[:-1]:
            spot = spot[step]
        spot[path[-1]] = value
        return new

    return [
        ("verdict", put(["verdict"], "hold")),
        ("draft", put(["draft"], True)),
        ("mg", put(["regimen", "dose", "mg"], Decimal("15.5"))),
        ("step", put(["regimen", "dose", "steps", 1, "mg"], Decimal(31))),
        ("weight", put(["regimen", "dose", "weight_kg"], Decimal(60))),
        ("doses", put(["regimen", "doses"], 4)),
        ("minutes", put(["programme", "sessions", 3, "minutes"], 999)),
        ("roles", put(["programme", "sessions", 3, "roles"], ["nobody"])),
        ("needs", put(["programme", "sessions", 3, "needs"], [])),
        ("gate", put(["programme", "sessions", 8, "after", 0, "min_h"], 1)),
        ("finding", put(["findings", 0, "because"], "other")),
        ("finding gone", put(["findings"], PLAN["findings"][1:])),
        ("option gone", put(["options"], PLAN["options"][1:])),
        ("consent", put(["consent_topics", 0, "text"], "other")),
        ("limit", put(["limits", 0, "text"], "other")),
        ("fact", put(["fact_versions", "weight", "value"], "60")),
    ]


@pytest.mark.hazard("HAZ-22", "C2")
@pytest.mark.parametrize(("name", "new"), mutations(), ids=[name for name, _ in mutations()])
def test_no_change_that_a_reader_acts_on_is_left_out(name, new):
    diff = changes(PLAN, new)
    assert diff, name
    assert all(c["how"] in ("added", "removed", "changed") and c["was"] != c["now"] for c in diff)
    assert all(said(c).endswith((".", "None")) or c["title"] in said(c) for c in diff)
