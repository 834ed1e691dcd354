"""
Every instrument against an oracle that shares nothing with the product but the fact sheet.

The oracle reads `cases/sheet.toml`, a transcription made for the tests, and works with exact fractions
and bisection where the product uses tables. GAD-7 and PHQ-9 are tried in full, the others sampled.
"""

import random
import tomllib
from bisect import bisect_right
from collections import Counter
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from openkap.assess.instruments import instrument_ids
from openkap.assess.scoring import score

SHEET = tomllib.loads((Path(__file__).parent / "cases" / "sheet.toml").read_text())
CONTEXTS = {
    "pdss": [{}, {"agoraphobia": True}, {"agoraphobia": False}],
    "pdss-sr": [{}, {"agoraphobia": True}, {"agoraphobia": False}],
    "audit-c": [{}, {"sex": "male"}, {"sex": "F"}, {"sex": "unknown"}],
    "eq-5d-5l": [{}, {"value_set": "US"}],
}
US = {
    "mobility": "0 .096 .122 .237 .322",
    "self-care": "0 .089 .107 .220 .261",
    "activities": "0 .068 .101 .255 .255",
    "pain": "0 .060 .098 .318 .414",
    "anxiety": "0 .057 .123 .299 .321",
}


def positions(text):
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def rounded(number, places=0, rounding=ROUND_HALF_UP):
    number = Fraction(number)
    exact = Decimal(number.numerator * 10**12) / Decimal(number.denominator * 10**12)
    return exact.quantize(Decimal(1).scaleb(-places), rounding=rounding)


def word(bands, total):
    return bands[bisect_right([first for first, _ in bands], total) - 1][1]


def oracle(name, answers, context):
    """What the sheet says the score is: status, total, subscores, band, flags."""
    row = SHEET[name]
    low, high, step = row["values"]
    kind = row.get("kind", "sum")
    if kind == "screener":
        return screener(answers)
    bad = [
        f"OUT_OF_RANGE:{k}"
        for k, a in enumerate(answers, 1)
        if a is not None and not (name == "wsas" and k == 1 and a == "NA") and a not in range(low, high + 1, step)
    ]
    flags = set()
    if name == "phq-9":
        if answers[8] is None:
            flags.add("SAFETY_ITEM_UNANSWERED")
        elif answers[8] >= 1:
            flags.add("SAFETY_PHQ9_ITEM9_POSITIVE")
    if bad:
        return "invalid", None, {}, None, flags | set(bad)

    turned = dict(enumerate(answers, 1))
    for k in positions(row["reverse"]) if "reverse" in row else []:
        turned[k] = None if turned[k] is None else {low + i: high - i for i in range(high - low + 1)}[turned[k]]
    if name == "audit-c" and turned[1] == 0:
        turned = {k: a or 0 for k, a in turned.items()}

    def group(text):
        picked = [turned[k] for k in positions(text)]
        return None if None in picked else picked

    subscores = {}
    for key, text in row.get("sums", {}).items():
        subscores[key] = sum(group(text)) if group(text) else None
    for key, text in row.get("means", {}).items():
        subscores[key] = float(rounded(Fraction(sum(group(text)), len(group(text))), 1)) if group(text) else None
    for key, text in row.get("percents", {}).items():
        picked = group(text)
        subscores[key] = float(rounded(Fraction(20 * sum(picked), len(picked)), 1)) if picked else None

    empty = [k for k, a in turned.items() if a is None]
    not_applicable = name == "wsas" and answers[0] == "NA"
    if not_applicable:
        turned[1] = None
        empty = [k for k, a in turned.items() if a is None and k != 1]
    if len(empty) > row.get("limit", 0):
        if kind == "subscales":
            return "incomplete", None, subscores, None, {"INCOMPLETE_SUBSCALE"}
        known = {key: value for key, value in subscores.items() if value is not None}
        return "incomplete", None, known, None, flags | {"INCOMPLETE_NO_TOTAL"}
    if kind == "subscales":
        return "ok", None, subscores, None, flags
    if kind == "mean":
        return mean_score(name, list(turned.values()), subscores)
    if kind == "profile":
        lost = sum(Decimal(US[d].split()[a - 1]) for d, a in zip(US, answers, strict=True))
        profile = {"profile": "".join(str(a) for a in answers), "level_sum": sum(answers)}
        return "ok", float(1 - lost), profile, None, flags

    counted = [turned[k] for k in (positions(row["total"]) if "total" in row else turned)]
    there = [a for a in counted if a is not None]
    status, total = "ok", sum(there)
    if len(there) < len(counted):
        status = "prorated"
        flags.add("PRORATED")
        rounding = ROUND_CEILING if row.get("round_up") else ROUND_HALF_UP
        total = int(rounded(Fraction(sum(there) * len(counted), len(there)), 0, rounding))
    if not_applicable:
        flags.add("WORK_ITEM_NOT_APPLICABLE")
    if "per_item" in row:
        key, places = row["per_item"]
        subscores[key] = float(rounded(Fraction(total, row["items"]), places))
    band = word(row["bands"], total) if "bands" in row else None
    if "average_bands" in row:
        band = row["average_bands"][int(rounded(Fraction(total, 10)))]
    if "line" in row and total >= row["line"]:
        flags.add("SCREEN_POSITIVE")
    if name.startswith("pdss"):
        status_known = context.get("agoraphobia")
        if status_known is None:
            flags.add("AGORAPHOBIA_STATUS_REQUIRED_FOR_BAND")
        else:
            band = word(row["context_bands"][str(status_known).lower()], total)
    if name == "audit-c":
        sex = {"male": "male", "F": "female"}.get(context.get("sex"), "unknown")
        flags |= {"SEX_UNKNOWN_LOWER_CUTOFF_USED"} if sex == "unknown" else set()
        band = word(row["context_bands"][sex], total)
        if band == "positive":
            flags.add("SCREEN_POSITIVE")
            flags |= {"AUDITC_ALL_POINTS_FROM_Q1"} if turned[2] == turned[3] == 0 else set()
    if name == "pcl-5":
        present = Counter("BBBBBCCDDDDDDDEEEEEE"[k - 1] for k, a in turned.items() if a >= 2)
        met = present["B"] >= 1 and present["C"] >= 1 and present["D"] >= 2 and present["E"] >= 2
        flags |= {"PCL5_DSM5_CLUSTER_RULE_MET"} if met else set()
    if name == "phq-9" and status == "ok":
        flags |= syndrome(answers)
    return status, total, subscores, band, flags


def syndrome(answers):
    present = sum(answers[k] in (2, 3) for k in range(8)) + (answers[8] != 0)
    if answers[0] < 2 and answers[1] < 2:
        return set()
    if present >= 5:
        return {"PHQ9_MAJOR_DEPRESSIVE_SYNDROME"}
    return {"PHQ9_OTHER_DEPRESSIVE_SYNDROME"} if present >= 2 else set()


def mean_score(name, answers, subscores):
    exact = Fraction(sum(answers), len(answers))
    if name == "des-ii":
        raised = exact >= 30
        return (
            "ok",
            float(rounded(exact, 1)),
            subscores,
            "at_or_above_30" if raised else "below_30",
            {"ELEVATED_DISSOCIATION"} if raised else set(),
        )
    parts = [answers[:15], answers[15:21], answers[21:27], answers[27:]]
    full = all(Fraction(sum(part), len(part)) >= 3 for part in parts)
    return "ok", float(rounded(exact, 1)), subscores, "complete_mystical" if full else "not_complete", set()


def screener(answers):
    bad = {f"OUT_OF_RANGE:{k}" for k, a in enumerate(answers, 1) if a not in (None, True, False)}
    q1, q2, q3, q4, q5, life, recent = (None if f"OUT_OF_RANGE:{k}" in bad else a for k, a in enumerate(answers, 1))
    level = "none_identified"
    for risk, reasons in (("low", (q1, q2)), ("moderate", (q3, life)), ("high", (q4, q5, recent))):
        if any(reasons):
            level = risk
    needed = [q1, q2, life] + ([] if q2 is False else [q3, q4, q5]) + ([] if life is False else [recent])
    is_open = any(a is None for a in needed)
    flags = set(bad)
    if level != "none_identified":
        flags.add(f"SAFETY_CSSRS_{level.upper()}")
    if is_open:
        flags.add("SAFETY_ITEM_UNANSWERED")
    if bad:
        return "invalid", None, {}, None, flags
    ladder = [k for k, a in enumerate((q1, q2, q3, q4, q5), 1) if a]
    skipped = q2 is False
    whole = q1 is not None and q2 is not None and (skipped or None not in (q3, q4, q5))
    depth = max(ladder) if ladder else 0 if whole else None
    band = level if level != "none_identified" or not is_open else None
    return "incomplete" if is_open else "ok", None, {"ideation_level": depth}, band, flags


def seen(result):
    return result.status, result.total, result.subscores, result.band, set(result.flags)


def assert_same(name, answers, context):
    result = score(name, answers, context)
    expected = oracle(name, answers, context)
    assert seen(result) == expected, f"{name} {answers} {context}"
    assert list(result.flags) == sorted(expected[4])


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.goal("RG-19")
def test_all_gad7_patterns_match_the_oracle():
    for code in range(4**7):
        answers = [code >> 2 * k & 3 for k in range(7)]
        tally = Counter(answers)
        total = tally[1] + 2 * tally[2] + 3 * tally[3]
        expected = "minimal" if total < 5 else "mild" if total < 10 else "moderate" if total < 15 else "severe"
        result = score("gad-7", answers)
        assert (result.status, result.total, result.band) == ("ok", total, expected)
        assert result.flags == (("SCREEN_POSITIVE",) if total > 9 else ())


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.goal("RG-19")
def test_all_phq9_patterns_match_the_oracle():
    words = ["minimal"] * 5 + ["mild"] * 5 + ["moderate"] * 5 + ["moderately_severe"] * 5 + ["severe"] * 8
    for head in product(range(4), repeat=8):
        below, symptoms, gate = sum(head), sum(a > 1 for a in head), max(head[:2]) > 1
        for item9 in range(4):
            total, count = below + item9, symptoms + (item9 > 0)
            flags = []
            if gate and count > 1:
                flags.append("PHQ9_MAJOR_DEPRESSIVE_SYNDROME" if count > 4 else "PHQ9_OTHER_DEPRESSIVE_SYNDROME")
            if item9:
                flags.append("SAFETY_PHQ9_ITEM9_POSITIVE")
            if total > 9:
                flags.append("SCREEN_POSITIVE")
            result = score("phq-9", (*head, item9))
            assert (result.total, result.band, list(result.flags)) == (total, words[total], flags)


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.goal("RG-19")
def test_all_patterns_of_the_suicide_screener_match_the_oracle():
    for answers in product((True, False, None), repeat=7):
        assert_same("c-ssrs-screen", answers, {})


def test_the_test_table_and_the_content_name_the_same_instruments():
    assert sorted(SHEET) == list(instrument_ids())


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.goal("RG-19")
@pytest.mark.parametrize("name", sorted(SHEET))
def test_sampled_forms_match_the_oracle(name, seed, count):
    row = SHEET[name]
    low, high, step = row["values"]
    allowed = [bool(v) for v in range(2)] if name == "c-ssrs-screen" else list(range(low, high + 1, step))
    draw = random.Random(f"{name} {seed}")
    for _ in range(count(100_000)):
        answers = draw.choices(allowed, k=row["items"])
        if draw.random() < 0.5:
            for place in draw.sample(range(row["items"]), k=min(row["items"], draw.choice((1, 1, 2, 3)))):
                answers[place] = None
        if draw.random() < 0.1:
            answers[draw.randrange(row["items"])] = draw.choice((high + 1, low - 1 if low else -1))
        if name == "wsas" and draw.random() < 0.3:
            answers[0] = "NA"
        if name == "phq-9" and answers[8] == -1:
            answers[8] = None
        assert_same(name, answers, draw.choice(CONTEXTS.get(name, [{}])))


@pytest.mark.hazard("HAZ-27", "C1")
@pytest.mark.parametrize("name", sorted(n for n, row in SHEET.items() if "max" in row))
def test_every_total_falls_on_the_right_side_of_every_line(name):
    """Each whole total of each instrument is built once, so both sides of every band and cut-off are seen."""
    row = SHEET[name]
    low, high, _ = row["values"]
    reverse = positions(row["reverse"]) if "reverse" in row else []
    counted = positions(row["total"]) if "total" in row else list(range(1, row["items"] + 1))
    reached = []
    for total in range(low * len(counted), row["max"] + 1):
        left, scored = total - low * len(counted), {}
        for k in counted:
            scored[k] = low + min(left, high - low)
            left -= scored[k] - low
        answers = [high + low - scored[k] if k in reverse else scored.get(k, low) for k in range(1, row["items"] + 1)]
        for context in CONTEXTS.get(name, [{}]):
            assert score(name, answers, context).total == total
            assert_same(name, answers, context)
        reached.append(total)
    assert reached[-1] == row["max"]
