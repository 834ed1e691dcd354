"""Preferences are read strictly: each fault is one sentence that names the key and the remedy."""

from datetime import date
from decimal import Decimal

import pytest

from openkap.kernel.errors import UserError
from openkap.plan.preferences import read_preferences

ON = date(2026, 11, 25)


def test_no_preferences_are_preferences():
    assert read_preferences(None) == read_preferences({}) == read_preferences({"regimen": None})


def test_every_key_of_the_interface_sheet_is_read():
    given = {
        "regimen": "REG-A1", "routes": ["sc"], "modalities": ["cbt"], "avoid": ["yoga", "iv", "REG-B1"],
        "start_low": True, "start_on": "2026-12-01", "dosing_weight_kg": 62.5, "reasons": {"DOS-FREQ-1": "why"},
    }  # fmt: skip
    wishes = read_preferences(given, ON)
    assert wishes.dosing_weight_kg == Decimal("62.5")
    assert wishes.start_on == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"regimes": "REG-A1"}, "'regimes' is not a key; use regimen, routes"),
        ({"regimen": "REG-Z9"}, "regimen 'REG-Z9' is not known; use one of REG-A1"),
        ({"routes": ["intranasal"]}, "routes 'intranasal' is not known; use one of im, iv, nasal"),
        ({"modalities": ["hypnosis"]}, "modalities 'hypnosis' is not known; use one of art, breathing, cbt"),
        ({"avoid": ["hypnosis"]}, "avoid 'hypnosis' is not known"),
        ({"modalities": ["emdr"], "avoid": ["emdr"]}, "'emdr' stands in modalities and in avoid; keep it in one"),
        ({"start_low": "yes"}, "start_low: Expected `bool`"),
        ({"start_on": "soon"}, "start_on: Invalid"),
        ({"start_on": "2026-11-24"}, "before the day of decision"),
        ({"routes": "sc"}, "routes: Expected `array`"),
        ({"routes": [1]}, "routes: Expected `str`"),
        ({"dosing_weight_kg": 0}, "is not a body weight; give kg between"),
        ({"dosing_weight_kg": -70}, "is not a body weight"),
        ({"dosing_weight_kg": 7000}, "is not a body weight"),
        ({"dosing_weight_kg": float("nan")}, "dosing_weight_kg"),
        ({"dosing_weight_kg": "heavy"}, "dosing_weight_kg is not a number; correct it"),
        ({"dosing_weight_kg": "70"}, "dosing_weight_kg is not a number; correct it"),
        ({"dosing_weight_kg": "NaN"}, "dosing_weight_kg is not a number"),
        ({"dosing_weight_kg": True}, "dosing_weight_kg is not a number"),
        ({"reasons": ["x"]}, "reasons: Expected `object`"),
        (["REG-A1"], "not an object"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(given, words):
    with pytest.raises(UserError) as fault:
        read_preferences(given, ON)
    assert words in str(fault.value)
    assert "\n" not in str(fault.value)
