"""The scoring contract, rule by rule (instruments fact sheet, section 1.1)."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.assess.instruments import instrument_ids
from openkap.assess.scoring import score
from openkap.kernel.errors import UnknownName, UserError

SHEET = tomllib.loads((Path(__file__).parent / "cases" / "sheet.toml").read_text())
UNREVERSED_SUMS = sorted(n for n, row in SHEET.items() if "max" in row and "reverse" not in row)


def lowest(name):
    return [SHEET[name]["values"][0]] * SHEET[name]["items"]


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("name", sorted(SHEET))
@pytest.mark.parametrize("extra", [-1, 1])
def test_one_answer_too_few_or_too_many_is_invalid(name, extra):
    answers = lowest(name)[:-1] if extra < 0 else [*lowest(name), SHEET[name]["values"][0]]
    result = score(name, answers)
    assert (result.status, result.total, result.band, result.subscores) == ("invalid", None, None, {})
    assert "WRONG_ITEM_COUNT" in result.flags
    assert not any(flag.startswith("OUT_OF_RANGE") for flag in result.flags)


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("name", sorted(SHEET))
@pytest.mark.parametrize("wrong", ["2", 1.0, Decimal("2.0"), 2.5, -1, 101, "", [], {}, "NA"], ids=repr)
def test_what_is_no_allowed_answer_is_never_clipped(name, wrong):
    answers = lowest(name)
    answers[-1] = wrong
    result = score(name, answers)
    assert (result.status, result.total, result.band, result.subscores) == ("invalid", None, None, {})
    assert f"OUT_OF_RANGE:{len(answers)}" in result.flags


@pytest.mark.parametrize("name", sorted(set(SHEET) - {"dast-10", "c-ssrs-screen"}))
def test_a_boolean_is_no_number(name):
    answers = lowest(name)
    answers[0] = True
    assert "OUT_OF_RANGE:1" in score(name, answers).flags


def test_a_drug_screen_takes_yes_and_no_as_numbers_or_booleans():
    assert score("dast-10", [True, False, False] + [0] * 7).total == score("dast-10", [1, 0, 0] + [0] * 7).total == 2


def test_every_wrong_position_is_flagged_once_in_order():
    assert score("gad-7", [9, 0, "x", 0, 0, -1, None]).flags == ("OUT_OF_RANGE:1", "OUT_OF_RANGE:3", "OUT_OF_RANGE:6")


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("name", sorted(n for n, row in SHEET.items() if row.get("kind", "sum") == "sum"))
def test_one_missing_answer_more_than_allowed_leaves_no_total(name):
    limit = SHEET[name].get("limit", 0)
    answers = lowest(name)
    answers[:limit] = [None] * limit
    assert score(name, answers).status == ("prorated" if limit else "ok")
    answers[limit] = None
    result = score(name, answers)
    assert (result.status, result.total, result.band) == ("incomplete", None, None)
    assert "INCOMPLETE_NO_TOTAL" in result.flags


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("name", instrument_ids())
def test_a_blank_form_has_neither_total_nor_band(name):
    result = score(name, [None] * SHEET[name]["items"])
    assert (result.status, result.total, result.band, result.answered) == ("incomplete", None, None, 0)


def test_subscores_that_are_complete_stand_on_an_incomplete_form():
    assert score("ham-a", [None] + [1] * 13).subscores == {"somatic": 7}


def test_an_incomplete_subscale_of_maia_is_null_and_the_others_stand():
    result = score("maia-2", [None] + [3] * 36)
    assert (result.status, result.subscores["noticing"], result.subscores["trusting"]) == ("incomplete", None, 3.0)
    assert result.flags == ("INCOMPLETE_SUBSCALE",)


# --- rounding --------------------------------------------------------------------------------------


def test_half_rounds_up_and_not_to_even():
    # 7 x 15 / 6 = 17.5 on GAD-7; 10 x 5 / 8 = 6.25 and 10 x 18 / 8 = 22.5 on an APA measure.
    assert score("gad-7", [3, 3, 3, 3, 3, 0, None]).total == 18
    assert score("apa-gad", [4, 4, 4, 4, 2, 0, 0, 0, None, None]).total == 23
    assert score("apa-gad", [4, 1, 0, 0, 0, 0, 0, 0, None, None]).total == 6


def test_the_state_anxiety_total_is_rounded_up():
    answers = [4, 4, 2, 2, 4, 2, 2, 4, 2, 4, 4, 2, 2, 2, 4, 4, 2, 3, 4, None]
    turned = [5 - a if k in (1, 2, 5, 8, 10, 11, 15, 16, 19) else a for k, a in enumerate(answers[:-1], 1)]
    assert sum(turned) * 20 % 19
    assert score("stai-s", answers).total == sum(turned) * 20 // 19 + 1


# --- safety ----------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([0, 0, 0, 0, 0, 0, 0, "typo", 2], "invalid"),
        ([None] * 8 + [1], "incomplete"),
        ([0] * 8 + [3, 1], "invalid"),
        ([0] * 8 + [7], "invalid"),
        ([0] * 8 + [2.5], "invalid"),
    ],
    ids=["typing error elsewhere", "nearly blank", "difficulty question sent along", "out of range", "decimal"],
)
def test_a_positive_item_9_is_never_silent(answers, status):
    result = score("phq-9", answers)
    assert result.status == status
    assert "SAFETY_PHQ9_ITEM9_POSITIVE" in result.flags


@pytest.mark.parametrize("ninth", [None, "no", True, -1, float("nan"), Decimal("NaN"), 0.5, [2]], ids=repr)
def test_an_item_9_that_cannot_be_read_counts_as_unanswered(ninth):
    assert "SAFETY_ITEM_UNANSWERED" in score("phq-9", [0] * 8 + [ninth]).flags


def test_an_item_9_that_is_not_there_counts_as_unanswered():
    assert score("phq-9", [0] * 8).flags == ("SAFETY_ITEM_UNANSWERED", "WRONG_ITEM_COUNT")


def test_item_9_answered_with_zero_raises_nothing():
    assert score("phq-9", [0] * 9).flags == ()


def test_a_syndrome_is_not_counted_on_a_prorated_form():
    assert score("phq-9", [3, 3, 3, 3, 3, 3, 3, None, 0]).flags == ("PRORATED", "SCREEN_POSITIVE")


@pytest.mark.parametrize("q1", [None, "x"])
def test_the_suicide_screener_never_says_none_identified_from_an_incomplete_form(q1):
    result = score("c-ssrs-screen", [q1, False, None, None, None, False, None])
    assert (result.band, "SAFETY_ITEM_UNANSWERED" in result.flags) == (None, True)


def test_the_suicide_screener_keeps_its_level_on_an_invalid_form():
    assert score("c-ssrs-screen", ["?", True, True, False, True, False, None]).flags == (
        "OUT_OF_RANGE:1",
        "SAFETY_CSSRS_HIGH",
        "SAFETY_ITEM_UNANSWERED",
    )
    assert "SAFETY_CSSRS_MODERATE" in score("c-ssrs-screen", [False, False, True]).flags


def test_the_suicide_screener_reads_one_and_zero_as_yes_and_no():
    assert score("c-ssrs-screen", [1, 0, None, None, None, 0, None]).band == "low"


# --- form rules ------------------------------------------------------------------------------------


def test_work_not_applicable_prorates_the_other_four():
    result = score("wsas", ["NA", 3, 3, 4, 4])
    assert (result.status, result.total) == ("prorated", 18)  # 14 x 5 / 4 = 17.5
    assert result.flags == ("PRORATED", "WORK_ITEM_NOT_APPLICABLE")
    assert score("wsas", ["NA", 3, 3, 4, None]).status == "incomplete"
    assert score("wsas", [None, 3, 3, 4, 4]).status == "incomplete"


def test_questions_skipped_after_never_count_zero():
    result = score("audit-c", [0, None, None], {"sex": "male"})
    assert (result.status, result.total, result.flags) == ("ok", 0, ())
    assert score("audit-c", [1, None, 0], {"sex": "male"}).status == "incomplete"


def test_drinking_often_but_little_is_said_so():
    assert score("audit-c", [4, 0, 0], {"sex": "M"}).flags == ("AUDITC_ALL_POINTS_FROM_Q1", "SCREEN_POSITIVE")
    assert score("audit-c", [3, 0, 0], {"sex": "M"}).flags == ()


def test_a_value_set_that_is_not_held_is_refused():
    with pytest.raises(UserError, match=r"context\.value_set: 'UK'"):
        score("eq-5d-5l", [1, 1, 1, 1, 1], {"value_set": "UK"})


@pytest.mark.parametrize(
    ("name", "context"), [("audit-c", {"sex": "yes"}), ("pdss", {"agoraphobia": "yes"}), ("audit-c", {"sex": 1})]
)
def test_a_context_that_cannot_be_read_is_refused(name, context):
    with pytest.raises(UserError, match=f"context.{next(iter(context))}"):
        score(name, lowest(name), context)


def test_an_unknown_instrument_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'gad7' is not known; did you mean gad-7"):
        score("gad7", [0] * 7)
    with pytest.raises(UnknownName, match="known by its total only"):
        score("ymrs", [0] * 11)


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("name", instrument_ids())
def test_a_score_says_how_many_were_answered_by_which_version(name):
    document = score(name, lowest(name)).document()
    assert (document["answered"], document["items"]) == (SHEET[name]["items"], SHEET[name]["items"])
    assert document["version"] == "1"
    assert document["source"]


# --- properties ------------------------------------------------------------------------------------


@given(st.data())
def test_raising_an_answer_never_lowers_an_unreversed_sum(data):
    name = data.draw(st.sampled_from(UNREVERSED_SUMS))
    low, high, step = SHEET[name]["values"]
    answers = data.draw(st.lists(st.integers(low, high), min_size=SHEET[name]["items"], max_size=SHEET[name]["items"]))
    place = data.draw(st.integers(0, len(answers) - 1))
    raised = [*answers]
    raised[place] = min(high, raised[place] + step)
    assert score(name, raised).total >= score(name, answers).total


@given(st.data())
def test_a_prorated_total_lies_between_missing_as_lowest_and_missing_as_highest(data):
    name = data.draw(st.sampled_from(sorted(n for n, row in SHEET.items() if row.get("limit"))))
    row = SHEET[name]
    low, high, _ = row["values"]
    answers = data.draw(st.lists(st.integers(low, high), min_size=row["items"], max_size=row["items"]))
    gaps = data.draw(st.sets(st.integers(0, row["items"] - 1), min_size=1, max_size=row["limit"]))

    def total(filled):
        return score(name, [filled(k) if k in gaps else a for k, a in enumerate(answers)]).total

    whole = score(name, [low] * row["items"]).total
    turned = {k for k in gaps if score(name, [high if n == k else low for n in range(row["items"])]).total < whole}
    least = total(lambda k: high if k in turned else low)  # a reversed item counts least where it is answered highest
    most = total(lambda k: low if k in turned else high)
    assert least <= total(lambda _: None) <= most
