"""Change between two totals (instruments fact sheet, sections 1.4 and 4.1)."""

from math import sqrt

import pytest

from openkap.assess.change import change, measured
from openkap.assess.instruments import instrument, instrument_ids
from openkap.assess.scoring import score
from openkap.assess.types import Measured
from openkap.kernel.errors import UserError


def between(name, baseline, now):
    version = instrument(name).version
    return change(*(Measured(instrument=name, total=total, version=version) for total in (baseline, now)))


# id, baseline, last total that is a response, last that is remission, points of reliable change
# (0: no rule), transcribed from section 1.4.
RULES = [
    ("gad-7", 20, 10, 4, 6),
    ("phq-9", 20, 10, 4, 6),
    ("pdss", 20, 12, 5, 5),
    ("pdss-sr", 20, 12, 5, 5),
    ("lsas-sr", 100, 72, 35, 16),
    ("lsas-ca", 100, 71, 30, 16),
    ("spin", 40, 20, 18, 10),
    ("oasis", 16, 8, 7, 5),
    ("ham-a", 30, 15, 7, 8),
    ("pswq", 70, None, 44, 10),
    ("asi-3", 40, None, 16, 12),
    ("pcl-5", 60, 50, 30, 15),
    ("isi", 20, 12, 7, 6),
    ("wsas", 30, None, 9, 8),
    ("suds", 8, 6, 1, 0),
    ("cgi-i", 4, 2, None, 0),
    ("pgic", 4, 2, None, 0),
    ("cgi-s", 5, None, 2, 0),
]


@pytest.mark.parametrize(("name", "baseline", "response", "remission", "reliable"), RULES)
def test_both_sides_of_each_line_of_change(name, baseline, response, remission, reliable):
    if response is None:
        assert between(name, baseline, 1).response is None
    else:
        assert between(name, baseline, response).response is True
        assert between(name, baseline, response + 1).response is False
    if remission is None:
        assert between(name, baseline, 1).remission is None
    else:
        assert between(name, baseline, remission).remission is True
        assert between(name, baseline, remission + 1).remission is False
    if not reliable:
        assert between(name, baseline, 1).reliable is None
    else:
        assert between(name, baseline, baseline - reliable).reliable == "improved"
        assert between(name, baseline, baseline - reliable + 1).reliable == "unchanged"
        assert between(name, baseline - reliable, baseline).reliable == "deteriorated"
        assert between(name, baseline - reliable + 1, baseline).reliable == "unchanged"


def test_instruments_without_a_row_of_change_get_no_verdict():
    for name in set(instrument_ids()) - {row[0] for row in RULES}:
        result = between(name, 3, 2)
        assert (result.response, result.remission, result.reliable) == (None, None, None), name


def test_percent_change_is_a_fall_from_baseline():
    assert between("gad-7", 16, 4).percent == 75.0
    assert between("gad-7", 10, 12).percent == -20.0


def test_percent_change_from_zero_is_undefined():
    result = between("gad-7", 0, 3)
    assert (result.percent, result.response) == (None, None)
    assert any("undefined" in line for line in result.because)


@pytest.mark.parametrize(("name", "floor"), [("pswq", 16), ("stai-s", 20), ("stai-t", 20)])
def test_percent_change_counts_from_the_floor(name, floor):
    assert between(name, floor + 40, floor + 10).percent == 75.0
    assert between(name, floor, floor + 4).percent is None
    assert any(str(floor) in line for line in between(name, floor + 40, floor + 10).because)


@pytest.mark.parametrize("name", ["cadss", "cadss-6", "des-ii", "wai-sr", "voc", "eq-5d-5l"])
def test_a_trend_scale_reports_no_percent_and_says_why(name):
    result = between(name, 4, 2)
    assert result.percent is None
    assert result.because


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (5, "very much improved"),
        (6, "much improved"),
        (12, "much improved"),
        (13, "minimally improved"),
        (18, "minimally improved"),
        (19, None),
        (25, None),
    ],
)
def test_the_words_of_change_of_the_panic_scale(now, word):
    assert between("pdss", 20, now).word == word


@pytest.mark.parametrize(
    ("name", "sick", "well"), [("gad-7", 14, 7), ("phq-9", 16, 8), ("spin", 41, 25), ("pswq", 70, 56)]
)
def test_clinically_significant_change_crosses_the_cut_off(name, sick, well):
    assert between(name, sick, well).clinically_significant is True
    assert between(name, sick, well + 1).clinically_significant is False


def test_crossing_without_reliable_change_is_not_significant():
    assert between("gad-7", 10, 6).clinically_significant is False


def test_a_baseline_below_the_cut_off_reports_no_recovery():
    result = between("gad-7", 7, 0)
    assert (result.clinically_significant, result.reliable) == (None, "improved")
    assert any("reliable change only" in line for line in result.because)


@pytest.mark.hazard("HAZ-27", "C2")
@pytest.mark.parametrize(("field", "value"), [("instrument", "pdss-sr"), ("version", "0"), ("language", "de")])
def test_totals_of_another_instrument_version_or_language_are_never_compared(field, value):
    same = {"instrument": "pdss", "total": 12, "version": "1", "language": "en"}
    with pytest.raises(UserError, match=f"^{field}: "):
        change(Measured(**same), Measured(**same | {field: value}))


def test_a_form_without_a_total_has_nothing_to_compare():
    with pytest.raises(UserError, match=r"total: .*incomplete"):
        measured(score("isi", [None] * 7))
    assert measured(score("isi", [1] * 7)).total == 7


def test_computed_reliable_changes_follow_from_their_inputs():
    seen = 0
    for name in instrument_ids():
        for row in instrument(name).change.values:
            if row.what == "rci":
                computed = 1.96 * float(row.sd) * sqrt(2) * sqrt(1 - float(row.r))
                assert computed == pytest.approx(float(row.value), rel=0.005), f"{name}: {row.words}"
                seen += 1
    assert seen == 27


def test_computed_cut_offs_follow_from_their_inputs():
    seen = 0
    for name in instrument_ids():
        for row in instrument(name).change.values:
            if row.what == "c":
                (mean_clin, sd_clin), (mean_norm, sd_norm) = map(float, row.clinical), map(float, row.normal)
                computed = (sd_norm * mean_clin + sd_clin * mean_norm) / (sd_norm + sd_clin)
                assert computed == pytest.approx(float(row.value), abs=0.06), f"{name}: {row.words}"
                seen += 1
    assert seen == 5
