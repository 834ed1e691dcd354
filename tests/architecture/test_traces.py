"""Marks lead somewhere: hazards and controls of the hazard log, goals of the reliability list."""

import re

from tests.architecture.repository import ROOT, marks, parsed, short

CONTROLS: dict[str, list[str]] = parsed(ROOT / "tests/architecture/hazards.toml")["controls"]


def test_every_hazard_mark_names_a_hazard_and_controls_that_exist():
    wrong = [
        f"{short(path)}:{line} {arguments}"
        for path, line, arguments in marks("hazard")
        if len(arguments) < 2 or not set(arguments[1:]) <= set(CONTROLS.get(arguments[0], ()))
    ]
    assert wrong == []


def test_the_list_of_hazards_has_each_id_once_in_order_with_its_controls():
    assert list(CONTROLS) == [f"HAZ-{n:02}" for n in range(1, len(CONTROLS) + 1)]
    assert all(controls == [f"C{n}" for n in range(1, len(controls) + 1)] for controls in CONTROLS.values())


def test_every_goal_mark_names_a_reliability_goal():
    wrong = [
        f"{short(path)}:{line} {arguments}"
        for path, line, arguments in marks("goal")
        if len(arguments) != 1 or not re.fullmatch(r"RG-(0[1-9]|[1-3]\d|4[0-8])", arguments[0])
    ]
    assert wrong == []


def test_marks_are_found_at_all():
    assert marks("hazard")
    assert marks("goal")
