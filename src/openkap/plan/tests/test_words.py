"""How values are said to people."""

from decimal import Decimal

import pytest

from openkap.plan import words


@pytest.mark.hazard("HAZ-09", "C3")
@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (Decimal(".5"), "mg", "0.5 mg"),
        (Decimal("0.50"), "mg", "0.5 mg"),
        (Decimal("15.0"), "mg", "15 mg"),
        (15.35, "mg", "15.35 mg"),
        (Decimal("1E+3"), "mg", "1 000 mg"),
        (12000, "", "12 000"),
        (7, "mg/kg", "7 mg/kg"),
        (Decimal(160), "mm[Hg]", "160 mmHg"),
    ],
)
def test_a_number_has_a_leading_zero_no_trailing_one_and_its_unit_on_the_same_line(value, unit, said):
    assert words.figure(value, unit).replace("\N{NO-BREAK SPACE}", " ") == said
    assert " " not in words.figure(value, unit)


@pytest.mark.hazard("HAZ-80", "C1")
@pytest.mark.parametrize(
    ("iso", "said"),
    [
        ("2026-03-04", "4 March 2026"),
        ("2026-03-04T23:30:00+01:00", "4 March 2026"),
        ("2026-03", "March 2026"),
        ("2026", "2026"),
        (None, "date not known"),
    ],
)
def test_a_date_has_its_month_in_letters(iso, said):
    assert words.long_date(iso).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.hazard("HAZ-80", "C1")
def test_a_date_inside_a_sentence_is_said_too_and_a_number_that_only_looks_like_one_is_left():
    said = words.spoken({"a": ["asked on 2026-11-05, denied", "LOINC 55757-9; id 2026-11-05-x; 12026-11-05"]})
    assert said["a"][0].replace("\N{NO-BREAK SPACE}", " ") == "asked on 5 November 2026, denied"
    assert said["a"][1] == "LOINC 55757-9; id 2026-11-05-x; 12026-11-05"


@pytest.mark.hazard("HAZ-10", "C2")
@pytest.mark.parametrize(
    ("mg", "per_kg", "weight", "said"),
    [
        (Decimal("15.4"), Decimal("0.25"), Decimal("61.4"), ("15.4 mg", "0.25 mg/kg")),
        (None, Decimal("0.25"), None, ("mg not computed: no dosing weight", "0.25 mg/kg")),
        (Decimal(56), None, Decimal(70), ("56 mg", "a fixed amount, not by weight; it is 0.8 mg/kg at 70 kg")),
        (Decimal(56), None, None, ("56 mg", "a fixed amount, not by weight")),
    ],
)
def test_a_dose_is_said_in_mg_and_in_mg_per_kg_or_says_why_not(mg, per_kg, weight, said):
    found = words.dose_words({"mg": mg, "mg_per_kg": per_kg}, weight)
    assert tuple(text.replace("\N{NO-BREAK SPACE}", " ") for text in found) == said


@pytest.mark.parametrize(
    ("least", "most", "preferred", "said"),
    [
        (12, 36, None, "12 to 36 h"),
        (24, 96, 72, "24 to 96 h, preferably within 72 h"),
        (144, 192, None, "6 to 8 days"),
        (24, None, None, "at least 24 h"),
        (168, None, None, "at least 7 days"),
        (0, 168, None, "within 7 days"),
        (0, None, None, "any time"),
        (72, 120, None, "72 to 120 h"),
    ],
)
def test_a_window_is_said_in_one_unit(least, most, preferred, said):
    assert words.window(least, most, preferred).replace("\N{NO-BREAK SPACE}", " ") == said


def test_what_was_not_read_is_called_unverified_and_what_was_read_second_hand_says_so():
    assert words.verified_words(True) == "read in the source"
    assert words.verified_words("secondary") == "secondary source"
    assert words.verified_words(False) == "unverified"


def test_an_allergy_that_nobody_asked_for_is_not_known_and_never_none():
    asked = {"ketamine": False, "status": "known", "on": "2026-11-20"}
    assert words.allergy_words(asked).replace("\N{NO-BREAK SPACE}", " ") == "ketamine: none, 20 November 2026"
    assert words.allergy_words({"ketamine": None, "status": "unknown", "on": None}) == "ketamine: not known"
    assert words.allergy_words({"ketamine": None, "status": "stale", "on": None}) == "ketamine: not known"
    assert words.allergy_words({"ketamine": None, "status": "conflict", "on": None}) == "ketamine: records disagree"


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("INFO.", "For information."),
        ("REVIEW and MONITOR. never stop.", "Prescriber's review and monitor. Never stop."),
        ("MONITOR closely. Alcohol: STOP-DAY, no dose today.", "Monitor closely. Alcohol: no dose today."),
        ("Oral: DOSE and REVIEW. IV: MONITOR.", "Oral: reconsider the dose and prescriber's review. IV: monitor."),
        ("Ask for the DOSES-2 form", "Ask for the DOSES-2 form."),
    ],
)  # fmt: skip
def test_an_action_is_said_without_the_code_words_of_the_interaction_table(action, said):
    assert words.action_words(action) == said


def test_what_stands_under_a_title_does_not_repeat_it():
    assert words.under("Panic disorder", "panic disorder: yes (2026-11-05)") == "yes (2026-11-05)"
    assert words.under("SSRI", "takes sertraline") == "takes sertraline"


@pytest.mark.parametrize(
    ("verified", "tags", "said"),
    [
        (True, "VV", "read in the source"),
        ("secondary", "VS", "secondary source"),
        (False, "", "unverified"),
        (False, "K", "unverified"),
        (False, "VP", "read in part; in part project policy"),
        (False, "SKD", "read in part; in part unverified, design default"),
        (False, "D", "unverified: design default"),
        (False, "P", "unverified: project policy"),
    ],
)
def test_a_row_read_in_part_is_told_from_one_that_was_not_read(verified, tags, said):
    assert words.verified_words(verified, [{"tag": tag} for tag in tags]) == said


def test_an_instrument_has_the_name_that_stands_on_paper():
    assert words.instrument_name("c-ssrs-screen") == "C-SSRS screener"
    assert words.instrument_name("pdss-sr") == "PDSS-SR"
