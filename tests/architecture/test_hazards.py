"""Every control of the hazard log is either shown at work by a marked test or says which issue builds it (RG-48)."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.repository import ROOT, Mark, marks, marks_in, parsed, short

HAZARDS: dict[str, dict[str, Any]] = parsed(ROOT / "tests/architecture/hazards.toml")
CONTROLS = {
    (hazard, control): entry for hazard, row in HAZARDS.items() for control, entry in row.items() if control != "title"
}
MARKS = marks("hazard")
AWAITED = r"(issue [2-9]|a later issue): .+"


def faults(controls: dict[tuple[str, str], dict[str, Any]], found: list[Mark]) -> list[str]:
    """What is wrong between a list of controls and the marks of the tests."""
    wrong = []
    shown: set[tuple[str, str]] = set()
    for mark in found:
        hazard, *named = mark.arguments or ("",)
        unknown = [one for one in named if (hazard, one) not in controls]
        if not named or unknown:
            wrong.append(f"{mark}: the hazard log has no such control; name a hazard and its controls")
        elif not mark.runs:
            wrong.append(f"{mark}: marks nothing that runs; put it on a test that is not skipped")
        else:
            shown |= {(hazard, one) for one in named}
    for place, entry in controls.items():
        name = " ".join(place)
        if not entry or set(entry) - {"tested", "awaits"} or entry.get("tested", True) is not True:
            wrong.append(f"{name}: say `tested = true`, or the issue it awaits")
        if "awaits" in entry and not re.fullmatch(AWAITED, entry["awaits"]):
            wrong.append(f"{name}: awaits no issue: {entry['awaits']!r}")
        if "tested" in entry and place not in shown:
            wrong.append(f"{name}: said to be tested, and no test is marked with it")
    return wrong


def test_every_control_is_shown_by_a_test_or_says_what_it_awaits():
    assert faults(CONTROLS, MARKS) == []


def test_every_hazard_stands_once_in_order_with_a_title_and_controls_without_a_gap():
    assert list(HAZARDS) == [f"HAZ-{n:02}" for n in range(1, 82)]
    for hazard, row in HAZARDS.items():
        assert list(row) == ["title", *(f"C{n}" for n in range(1, len(row)))], hazard
        assert row["title"] and len(row) > 2, hazard


def test_the_controls_are_as_many_as_the_log_has():
    """Counted by hand in the log; a control that goes missing from the list is noticed even at the end of a row."""
    three = {hazard for hazard, row in HAZARDS.items() if "C3" in row}
    assert three == {f"HAZ-{n:02}" for n in (1, 5, 6, 7, 9, 14, 33, 48)}
    assert len(CONTROLS) == 81 * 2 + 8


# -- the check itself can fail ---------------------------------------------------------------------

LIST = {("HAZ-01", "C1"): {"tested": True}, ("HAZ-01", "C2"): {"awaits": "issue 2: the clinic app"}}
GOOD = Mark(Path("t.py"), 1, ("HAZ-01", "C1"), True)


@pytest.mark.parametrize(
    ("controls", "found", "fault"),
    [
        (LIST, [], "no test is marked"),
        (LIST, [Mark(Path("t.py"), 1, ("HAZ-01", "C1"), False)], "marks nothing that runs"),
        (LIST, [GOOD, Mark(Path("t.py"), 2, ("HAZ-01", "C9"), True)], "no such control"),
        (LIST, [GOOD, Mark(Path("t.py"), 2, ("HAZ-99", "C1"), True)], "no such control"),
        (LIST, [GOOD, Mark(Path("t.py"), 2, ("HAZ-01",), True)], "name a hazard and its controls"),
        ({**LIST, ("HAZ-01", "C2"): {}}, [GOOD], "or the issue it awaits"),
        ({**LIST, ("HAZ-01", "C2"): {"tested": False}}, [GOOD], "or the issue it awaits"),
        ({**LIST, ("HAZ-01", "C2"): {"awaits": "later"}}, [GOOD], "awaits no issue"),
    ],
)
def test_each_kind_of_silence_is_a_fault(controls: Any, found: list[Mark], fault: str):
    assert any(fault in one for one in faults(controls, found))
    assert faults(LIST, [GOOD]) == []


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        ("@pytest.mark.hazard('HAZ-01', 'C1')\ndef test_a(): pass", [True]),
        ("class TestA:\n  @pytest.mark.hazard('HAZ-01', 'C1')\n  def test_a(self): pass", [True]),
        ("pytestmark = [pytest.mark.hazard('HAZ-01', 'C1')]\ndef test_a(): pass", [True]),
        ("C = [pytest.param(1, marks=pytest.mark.hazard('HAZ-01', 'C1'))]\ndef test_a(): pass", [True]),
        ("@pytest.mark.hazard('HAZ-01', 'C1')\ndef helper(): pass", [False]),
        ("@pytest.mark.skip\n@pytest.mark.hazard('HAZ-01', 'C1')\ndef test_a(): pass", [False]),
        ("@pytest.mark.hazard('HAZ-01', 'C1')\n@pytest.mark.xfail(reason='x')\ndef test_a(): pass", [False]),
        ("pytest.mark.hazard('HAZ-01', 'C1')", [False]),
        ("x = \"@pytest.mark.hazard('HAZ-01', 'C1')\"", []),
    ],
)
def test_a_mark_counts_only_on_a_test_that_runs(source: str, runs: list[bool]):
    assert [one.runs for one in marks_in(Path("t.py"), ast.parse(source), "hazard")] == runs


def test_marks_are_read_in_files_of_this_repository():
    assert {short(one.path) for one in MARKS} >= {"tests/journeys/test_gates.py", "tests/vignettes/test_vignettes.py"}
