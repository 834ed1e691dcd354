"""Marks of reliability goals lead to the list of goals; those of hazards have a file of their own."""

import re

from tests.architecture.repository import marks


def test_every_goal_mark_names_a_reliability_goal():
    wrong = [
        str(mark)
        for mark in marks("goal")
        if len(mark.arguments) != 1 or not re.fullmatch(r"RG-(0[1-9]|[1-3]\d|4[0-8])", mark.arguments[0])
    ]
    assert wrong == []


def test_every_goal_mark_stands_on_a_test_that_runs():
    assert marks("goal")
    assert [str(mark) for mark in marks("goal") if not mark.runs] == []
