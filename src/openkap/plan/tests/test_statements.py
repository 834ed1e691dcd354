"""The two obligatory statements read the same wherever a modality is suggested."""

from __future__ import annotations

import tomllib
from importlib.resources import files


def test_assessment_and_plan_print_the_same_two_statements():
    rooms = (("assess", "formulation.toml"), ("plan", "modalities.toml"))
    texts = [tomllib.loads(files("openkap").joinpath(room, "content", name).read_text()) for room, name in rooms]
    first, second = ([row["text"] for row in file["statement"]][:2] for file in texts)
    assert first == second
