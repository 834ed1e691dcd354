"""The 36 worked examples of the instruments fact sheet, word for word."""

import json
from pathlib import Path

import pytest

from openkap.assess.scoring import score

CASES = json.loads((Path(__file__).parent / "cases" / "worked-examples.json").read_text())["cases"]


def test_there_are_thirty_six_examples():
    assert [case["id"] for case in CASES] == [f"EX-{k:02}" for k in range(1, 37)]


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_published_example_scores_as_printed(case):
    document = score(case["instrument"].lower(), case["answers"], case["context"]).document()
    got = {key: document[key] for key in case["expected"]}
    # As JSON text, so that 10 and 10.0 differ.
    assert json.dumps(got, sort_keys=True) == json.dumps(case["expected"], sort_keys=True)
