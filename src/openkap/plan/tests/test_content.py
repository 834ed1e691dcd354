"""The room's content: every row there, no number changed, evidence carried with every effect."""

import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import tomli

from openkap.kernel.content import convert, fingerprint, sources
from openkap.kernel.errors import ContentFault
from openkap.plan import library
from openkap.plan.book import check_limit
from openkap.plan.files import DoseLimitsFile, RegimensFile
from openkap.plan.surroundings import claims_in
from openkap.plan.tests.numbers import numbers_of
from openkap.plan.types import Regimen, Statement

TABLE = tomli.loads((Path(__file__).parent / "cases" / "numbers.toml").read_text(encoding="utf-8"))

ROWS = {**library.rows(), **{row.id: row for row in library.gaps()}}

# How many rows of each family the fact sheets have.
FAMILIES = {
    "REG": 10, "MKT": 15, "EVI": 7, "BMK": 16, "REGUL": 8, "TRL": 28, "RTE": 8, "INT": 6, "NEU": 8, "TIM": 8,
    "MON": 6, "ALT": 15, "DIS": 10, "RES": 8, "VIT": 8, "AE": 26, "EPI": 6, "GAP": 9, "DRIVE": 2,
}  # fmt: skip
DOSE_RULES = ["DOS-MG-1", "DOS-WT-1", "DOS-WT-2", "DOS-DEMO", *[f"DOS-FREQ-{n}" for n in range(1, 6)], "DOS-LATE-1"]

# route, unit, start, low start, usual, step, ceiling, never, never inclusive, demonstration (per kg, mg, shortest).
LIMITS = {
    "DOS-IV": ("iv", "mg/kg", "0.5-0.5", "0.3", "0.5-0.5", "0.1", "1.0", "1.0", False, ("0.5", "50", "40")),
    "DOS-SC": ("sc", "mg/kg", "0.25-0.5", "0.25", "0.5-1.0", None, "1.0", "1.0", False, ("1.0", "100", None)),
    "DOS-IM": ("im", "mg/kg", "0.25-0.5", "0.25", "0.5-1.0", "0.1", "1.0", "2.0", True, ("0.5", "50", None)),
    "DOS-SL": ("sublingual", "mg", "50-100", "50", "50-400", "50", "400", "400", False, (None, "100", None)),
    "DOS-PO": ("oral", "mg/kg", "0.5-0.5", "0.5", "0.5-2.0", None, "2.0", "2.5", False, ("0.5", "50", None)),
    "DOS-IN": ("nasal", "mg", "56-56", "28", "56-84", "28", "84", "84", False, (None, "84", None)),
}

# drug, route, doses, days, hours between doses, most, offered, place, n.
REGIMENS = {
    "REG-A1": ("ketamine", "sc", "0.25 0.5 1.0", "0 7 14", (144, 192), 3, "order", 1, 12),
    "REG-A2": ("ketamine", "sc", "1.0", " ".join(str(7 * n) for n in range(12)), (72, 192), 24, "responders", 7, 20),
    "REG-A3": ("ketamine", "iv", "0.5", "0", (48, None), 1, "order", 2, 18),
    "REG-B1": ("ketamine", "iv", "0.5", "0 2 4 7 9 11", (48, 96), 6, "order", 4, 30),
    "REG-B2": ("ketamine", "iv", "0.5", "0 3 7 10 14 17", (72, 120), 8, "order", 3, 67),
    "REG-B3": ("ketamine", "sc", "0.5 0.6 0.75 0.9", "0 3 7 10 14 17 21 24", (72, 120), 8, "order", 5, 174),
    "REG-B4": ("ketamine", "iv", "0.5", "0 2 4 6 8", (48, 72), 5, "reason", 6, 49),
    "REG-C1": ("ketamine", "im sublingual", "", "0 7 14 21", (144, 192), 6, "named", 8, 1806),
    "REG-C2": ("esketamine", "nasal", "", "0 3 7 10 14 17 21 24", (72, 120), 8, "named", 9, None),
    "REG-X1": ("ketamine", "", "", "", (None, None), None, "never", 99, None),
}

# first choice and helpful next of each dimension, as the modalities fact sheet's summary has them.
POINTERS = {
    "cognitive": (["cbt"], ["exposure"]),
    "somatic": (["interoceptive-exposure"], ["pmr", "breathing", "yoga"]),
    "avoidance": (["exposure"], ["cbt"]),
    "past-event": (["emdr"], ["art", "imagery-rescripting"]),
    "imagery": (["imagery-rescripting"], ["emdr", "art"]),
    "parts": (["ifs"], ["compassion"]),
    "social": (["individual-cbt-sad"], ["exposure", "imagery-rescripting"]),
}
GRADES = {
    "cbt": "A A A", "exposure": "B A A", "emdr": "C/D B D", "art": "D D D", "ifs": "D D D", "pmr": "B B C",
    "imagery-rescripting": "D D B", "breathing": "C B C", "yoga": "B C C",
    "interoceptive-exposure": "B A A",
}  # fmt: skip
LABELS = {
    "MKT-1": "FALSE", "MKT-2": "NOT SUPPORTED", "MKT-3": "WEAK", "MKT-4": "NOT SUPPORTED", "MKT-5": "NOT SUPPORTED",
    "MKT-6": "NOT SUPPORTED", "MKT-7": "HYPOTHESIS", "MKT-8": "WEAK/ALERT", "MKT-9": "FALSE",
    "MKT-10": "NOT SUPPORTED", "MKT-11": "PARTLY", "MKT-12": "NOT SUPPORTED", "MKT-13": "PLAUSIBLE",
    "MKT-14": "MISLEADING", "MKT-15": "PARTIAL",
}  # fmt: skip


@pytest.mark.hazard("HAZ-19", "C1")
@pytest.mark.parametrize("row", TABLE)
def test_every_number_of_a_row_is_the_one_transcribed_from_its_fact_sheet(row: str):
    assert " ".join(numbers_of(ROWS[row])) == re.sub(r"[\[\]]", "", TABLE[row])


@pytest.mark.parametrize("row", [row for row, numbers in TABLE.items() if "[" in numbers])
def test_a_number_that_no_fact_sheet_has_stands_in_a_row_that_owns_up_to_it(row: str):
    assert ROWS[row].reading or {part.tag for part in ROWS[row].basis} & {"P", "D", "K"}


def test_the_table_of_numbers_names_every_row_of_every_family():
    families = (*FAMILIES, "DOS", "LOW", "CAL", "OPT", "EXP", "MOD", "MEA", "SES")
    assert {n for n in ROWS if n.split("-")[0] in families} <= set(TABLE)
    assert {m.id for m in library.modalities().modality} | {p.id for p in library.calendars().pathway} <= set(TABLE)


@pytest.mark.parametrize(("family", "count"), FAMILIES.items())
def test_a_family_has_as_many_rows_as_its_fact_sheet(family: str, count: int):
    assert len([n for n in ROWS if re.fullmatch(rf"{family}-[A-Z0-9-]+", n)]) == count


@pytest.mark.parametrize("rule", DOSE_RULES)
def test_every_rule_of_dose_is_there(rule: str):
    assert isinstance(library.rows()[rule], Statement)


def test_dose_limits_are_those_of_the_fact_sheet():
    assert {row.id for row in library.dose_limits().limit} == set(LIMITS)
    for row in library.dose_limits().limit:
        route, unit, start, low, usual, step, ceiling, never, inclusive, demo = LIMITS[row.id]
        name = "mg_per_kg" if unit == "mg/kg" else "mg"
        assert (row.route, row.unit) == (route, unit)
        assert "-".join(map(str, row.start)) == "-".join(map(str, map(Decimal, start.split("-"))))
        assert row.low_start == Decimal(low)
        assert list(row.usual) == [Decimal(x) for x in usual.split("-")]
        assert row.step == (Decimal(step) if step else None)
        assert getattr(row.ceiling, name) == Decimal(ceiling)
        assert getattr(row.never, name) == Decimal(never)
        assert row.never.inclusive is inclusive
        found = (row.demo.mg_per_kg, row.demo.mg, row.demo.min_duration_min)
        assert found == tuple(Decimal(x) if x else None for x in demo)
        assert row.site_max is None


def test_the_vein_has_its_two_further_limits():
    row = next(r for r in library.dose_limits().limit if r.id == "DOS-IV")
    assert row.bolus is False
    assert row.anxiety_ceiling
    assert row.anxiety_ceiling.mg_per_kg == Decimal("0.5")
    assert row.never_fast
    assert (row.never_fast.mg_per_kg, row.never_fast.min_duration_min) == (Decimal("1.0"), 40)
    assert row.never_fast.inclusive
    assert row.ceiling.min_duration_min == 40


@pytest.mark.parametrize("row", library.regimens().regimen, ids=lambda r: r.id)
def test_regimen_templates_are_those_of_the_fact_sheet(row: Regimen):
    drug, routes, doses, days, hours, most, offered, place, n = REGIMENS[row.id]
    assert (row.drug, " ".join(row.routes), " ".join(map(str, row.doses))) == (drug, routes, doses)
    assert " ".join(map(str, row.days)) == days
    assert (row.min_h, row.max_h) == hours
    assert (row.most, row.offered, row.place, row.n) == (most, offered, place, n)


def test_only_templates_of_depression_or_ptsd_are_marked_as_borrowed():
    assert {r.id for r in library.regimens().regimen if r.borrowed} == {
        "REG-B1",
        "REG-B2",
        "REG-B3",
        "REG-B4",
        "REG-C2",
    }


@pytest.mark.parametrize("dimension", POINTERS)
def test_a_dimension_points_to_the_modalities_of_the_fact_sheet(dimension: str):
    rows = library.modalities().modality
    first, following = POINTERS[dimension]
    assert [m.id for m in rows if dimension in m.first] == first
    assert sorted(m.id for m in rows if dimension in m.next) == sorted(following)


def test_modalities_carry_the_grades_of_the_fact_sheet():
    found = {m.id: m.grades for m in library.modalities().modality}
    assert list(found["compassion"].values()) == ["not graded"] * 3
    assert list(found["individual-cbt-sad"].values()) == ["not graded", "not graded", "A"]
    assert set(found) == {*GRADES, "compassion", "individual-cbt-sad"}
    for name, letters in GRADES.items():
        assert list(found[name].values()) == letters.split(), name
        assert list(found[name]) == ["gad", "panic", "social-anxiety"]


@pytest.mark.parametrize("claim", LABELS)
def test_a_claim_carries_its_label(claim: str):
    row = next(c for c in library.claims().claim if c.id == claim)
    assert row.label.startswith(LABELS[claim])
    assert row.says
    assert row.words
    assert set(row.rows) <= set(library.rows())


def test_a_text_that_makes_a_claim_is_recognised_wherever_it_stands():
    found = claims_in("Our ketamine is FDA-approved   for anxiety, non-addictive, and resets the brain.")
    assert [c.id for c in found] == ["MKT-1", "MKT-4", "MKT-9"]
    assert claims_in("Ketamine is used off-label.") == []


@pytest.mark.hazard("HAZ-28", "C1")
def test_every_effect_of_the_side_by_side_view_has_its_five_fields_or_says_that_there_is_none():
    for row in library.options().option:
        assert row.effect[-1].disorders == () or {d for e in row.effect for d in e.disorders} == {
            "gad", "panic", "agoraphobia", "social-anxiety",
        }  # fmt: skip
        for effect in row.effect:
            assert all((effect.estimate, effect.interval, effect.n, effect.population, effect.grade, effect.source))
            if effect.state != "found":
                assert effect.estimate == "none"
                assert effect.state in effect.text or effect.state.startswith("no figure")


def test_the_beta_blocker_stands_in_the_view_with_no_figure():
    row = next(o for o in library.options().option if o.id == "OPT-BETA-BLOCKER")
    assert [e.state for e in row.effect] == ["no figure in the fact sheets"]


@pytest.mark.hazard("HAZ-28", "C1")
def test_the_retraction_stands_in_every_row_that_rests_on_the_retracted_paper():
    assert sources("plan")["mills-2025"].retracted
    rows = library.rows().values()
    citing = {r.id for r in rows if "mills-2025" in r.sources}
    assert citing == {"EVI-6", "EVI-7"}
    assert {r.id for r in rows if r.retracted} == citing | {"REG-B3", "TRL-MIX-10"}


def test_what_is_not_read_in_its_source_is_not_marked_as_verified():
    rows = library.rows()
    assert rows["BMK-14"].verified is False
    assert rows["EPI-4"].verified == "secondary"
    assert rows["TRL-SAD-1"].verified is True
    assert rows["DOS-FREQ-2"].needs_site_protocol


@pytest.mark.parametrize("row", [r for r in library.rows().values() if isinstance(r, Statement)], ids=lambda r: r.id)
def test_neuroplasticity_and_the_integration_window_are_labelled_as_hypotheses(row: Statement):
    assert row.hypothesis is (row.id.startswith("NEU-") or row.id in {"INT-1", "INT-2"})


def test_the_two_statements_that_must_be_printed_are_there():
    first, second = (library.statement(n).text for n in ("MOD-SAY-1", "MOD-SAY-2"))
    assert "reasoned, not proven" in first
    assert "No controlled trial of ketamine combined" in second


def tampered(file: str, old: str, new: str) -> dict:
    text = (Path(library.__file__).parent / "content" / file).read_text(encoding="utf-8")
    assert text.count(old) >= 1
    return tomli.loads(text.replace(old, new, 1), parse_float=Decimal)


@pytest.mark.hazard("HAZ-19", "C2")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("low_start = 0.3", "low_start = 3"),
        ("start = [0.5, 0.5]", "start = [5, 5]"),
        ("usual = [0.5, 0.5]", "usual = [0.5, 5]"),
        ("ceiling = { mg_per_kg = 1.0, min_duration_min = 40 }", "ceiling = { mg_per_kg = 10, min_duration_min = 40 }"),
        ("demo = { mg_per_kg = 0.5, mg = 50, min_duration_min = 40 }", "demo = { mg_per_kg = 5, mg = 50 }"),
        ("never = { mg_per_kg = 1.0 }", "never = { mg_per_kg = 0.1 }"),
    ],
)
def test_a_dose_limit_moved_by_a_digit_does_not_load(old: str, new: str):
    file = convert(tampered("dose-limits.toml", old, new), DoseLimitsFile, "dose-limits.toml")
    with pytest.raises(ContentFault):
        [check_limit(row, "dose-limits.toml") for row in file.limit]


@pytest.mark.hazard("HAZ-19", "C2")
@pytest.mark.parametrize(
    ("old", "new"), [("doses = [0.25, 0.5, 1.0]", "doses = [2.5, 5, 10]"), ("days = [0, 7, 14]", "days = [0, 1, 2]")]
)
def test_a_template_beyond_its_ceiling_or_off_its_own_spacing_does_not_load(old: str, new: str):
    file = convert(tampered("regimens.toml", old, new), RegimensFile, "regimens.toml")
    trials, outlines = {t.id for t in library.trials().trial}, {c.id for c in library.calendars().calendar}
    with pytest.raises(ContentFault):
        [library._check_regimen(row, trials, outlines) for row in file.regimen]


@pytest.mark.hazard("HAZ-19", "C1")
def test_a_changed_number_changes_the_fingerprint_that_a_signature_is_bound_to():
    row = library.regimens().regimen[0]
    assert fingerprint(row) != fingerprint(msgspec.structs.replace(row, doses=(Decimal("2.5"),)))


@pytest.mark.hazard("HAZ-30", "C1")
def test_the_room_says_which_personal_attributes_it_reads_and_who_was_not_in_the_evidence():
    rows = library.regimens().attribute
    assert {r.id for r in rows} == {"ATTRIBUTE-AGE", "ATTRIBUTE-WEIGHT"}
    assert "not read" in rows[-1].note
