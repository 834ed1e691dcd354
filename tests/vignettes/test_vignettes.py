"""The bank of vignettes, through the command line: verdict and findings as the fact sheets have them."""

import json
from typing import Any

import pytest

from openkap.cli.tests.command import inside
from tests.vignettes.bank import BANK
from tests.vignettes.people import ON, Vignette


def screened(vignette: Vignette) -> Any:
    words = ["--dose-day"] if vignette.dose_day else []
    data = json.dumps(vignette.bundle(), ensure_ascii=False).encode()
    return inside("screen", "-", "--on", ON, *words, stdin=data).json


@pytest.mark.hazard("HAZ-24", "C2")
@pytest.mark.parametrize("vignette", BANK, ids=lambda one: one.name)
def test_a_vignette_is_judged_as_the_sheet_says(vignette: Vignette):
    document = screened(vignette)
    found = {
        (finding["rule"], f"{finding['class']} {finding['truth']}"): finding["because"]
        for finding in document["findings"]
    }
    assert document["verdict"] == vignette.verdict, found
    expected = {(rule, one) for rule, several in vignette.found.items() for one in several.split("; ")}
    assert expected <= set(found), found
    assert not {rule for rule, _ in found} & set(vignette.never), found


def test_each_vignette_has_a_name_of_its_own():
    assert len({one.name for one in BANK}) == len(BANK)
