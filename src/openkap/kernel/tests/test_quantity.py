"""Units, doses and how numbers are shown. The oracle for units is ucumvert, which reads UCUM's own grammar."""

import itertools
from dataclasses import FrozenInstanceError, fields
from decimal import Decimal
from fractions import Fraction
from functools import cache
from random import Random

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from openkap.kernel import quantity
from openkap.kernel.content import content_folder
from openkap.kernel.errors import ContentFault, UnitRefused
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity, factor, known_unit, number, round_half_up, unit_words

ROWS = tomli.loads((content_folder("kernel").parent / "units.toml").read_text(encoding="utf-8"))["unit"]
CODES = sorted(ROWS)

# Kinds that dimensional analysis cannot tell from others; written down here by hand.
KINDS = {
    "percent": {"%"},
    "per body weight": {"mg/kg"},
    "hormone units": {c for c in CODES if "[IU]" in c or "[iU]" in c},
}

amounts = st.decimals(min_value="0.001", max_value=100_000, places=3)


@cache
def ucum_registry():
    from ucumvert import PintUcumRegistry  # 0.7 s

    return PintUcumRegistry()


@cache
def ucum(code: str):
    return ucum_registry().from_ucum("1" if code == "{score}" else code)  # an annotation alone is the number one


def kind(code: str):
    return next((name for name, codes in KINDS.items() if code in codes), ucum(code).dimensionality)


@pytest.mark.hazard("HAZ-07", "C1")
@pytest.mark.hazard("HAZ-73", "C1")
@pytest.mark.parametrize("unit", CODES)
def test_each_pair_of_units_converts_as_ucum_says_or_is_refused(unit: str):
    for to in CODES:
        if kind(unit) == kind(to):
            expected = (ucum(unit) / ucum(to)).to_base_units().magnitude
            assert float(factor(unit, to)) == pytest.approx(expected, rel=1e-12), (unit, to)
        else:
            with pytest.raises(UnitRefused, match="measure different things"):
                factor(unit, to)


@pytest.mark.parametrize(
    ("unit", "to", "expected"),
    [
        ("[lb_av]", "kg", "0.45359237"),  # international yard and pound agreement, 1959
        ("[in_i]", "cm", "2.54"),
        ("a", "d", "365.25"),  # UCUM: the Julian year
        ("wk", "d", "7"),
        ("g", "kg", "0.001"),
        ("mg/mL", "mg/dL", "100"),
        ("u[IU]/mL", "m[IU]/L", "1"),
        ("kg.m-2", "kg/m2", "1"),
    ],
)
def test_known_factors_are_exact(unit: str, to: str, expected: str):
    assert factor(unit, to) == Decimal(expected)


def test_sixty_minutes_are_one_hour_exactly():
    assert Quantity(Decimal(60), "min").to("h") == Quantity(Decimal(1), "h")
    assert all(Quantity(Decimal(60 * n), "min").to("h").value == n for n in range(1, 500))


@pytest.mark.hazard("HAZ-07", "C1")
@given(pounds=amounts, per_kg=amounts)
def test_a_weight_in_pounds_gives_the_dose_of_its_kilograms(pounds: Decimal, per_kg: Decimal):
    kilograms = Quantity(pounds * Decimal("0.45359237"), "kg")
    dose = DoseMgPerKg(per_kg)
    assert dose.times(Quantity(pounds, "[lb_av]")) == dose.times(kilograms)


@pytest.mark.hazard("HAZ-07", "C1")
def test_a_weight_without_a_unit_cannot_be_made():
    with pytest.raises(TypeError):
        Quantity(Decimal(80))  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        DoseMgPerKg(Decimal("0.5")).times(Decimal(80))  # type: ignore[arg-type]


@pytest.mark.hazard("HAZ-07", "C3")
@pytest.mark.parametrize("unit", ["lb", "lbs", "KG", "kgs", "[stone_av]", "stone", "", "kg ", "mmHg", "[lb_tr]"])
def test_a_unit_outside_the_list_is_refused_with_the_one_to_use(unit: str):
    assert not known_unit(unit)
    with pytest.raises(UnitRefused, match="use 'kg'"):
        Quantity(Decimal(80), unit).to("kg")


@pytest.mark.hazard("HAZ-10", "C1")
@pytest.mark.parametrize("unit", [c for c in CODES if c not in {"kg", "g", "mg", "ug", "[lb_av]"}])
def test_a_dose_per_kg_becomes_mg_only_through_a_mass(unit: str):
    with pytest.raises(UnitRefused):
        DoseMgPerKg(Decimal("0.5")).times(Quantity(Decimal(80), unit))


@pytest.mark.hazard("HAZ-10", "C1")
@given(value=amounts)
def test_mg_and_mg_per_kg_never_mix(value: Decimal):
    mg, per_kg = DoseMg(value), DoseMgPerKg(value)
    assert mg != per_kg
    for operation in (lambda: mg + per_kg, lambda: mg < per_kg, lambda: per_kg > mg, lambda: mg + mg):
        with pytest.raises(TypeError):
            operation()
    for one, other in itertools.permutations(("mg", "mg/kg")):
        with pytest.raises(UnitRefused):
            Quantity(value, one).to(other)


@pytest.mark.hazard("HAZ-16", "C1")
@pytest.mark.goal("RG-17")
def test_doses_equal_those_of_exact_fractions(seed, count):
    draw = Random(seed)
    for _ in range(count(1_000_000)):
        per_kg, weight = draw.randrange(1, 5_000), draw.randrange(20_000, 250_000)
        dose = DoseMgPerKg(Decimal(per_kg).scaleb(-3)).times(Quantity(Decimal(weight).scaleb(-3), "kg"))
        assert Fraction(dose.mg) == Fraction(per_kg, 1000) * Fraction(weight, 1000)


@pytest.mark.hazard("HAZ-16", "C1")
@pytest.mark.parametrize("make", [lambda v: Quantity(v, "mg"), DoseMg, DoseMgPerKg])
def test_binary_floats_and_what_is_no_number_are_refused(make):
    with pytest.raises(TypeError):
        make(0.1)
    for text in ("NaN", "Infinity", "-Infinity", "sNaN"):
        with pytest.raises(UnitRefused, match="not a number"):
            make(Decimal(text))


@pytest.mark.hazard("HAZ-09", "C3")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.50", "0.5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.0", "5"),
        ("5", "5"),
        ("50", "50"),
        ("100", "100"),
        ("1E+2", "100"),
        ("1E-7", "0.0000001"),
        ("0.000", "0"),
        ("-0.0", "0"),
        ("0E+5", "0"),
        ("999.90", "999.9"),
        ("1000", "1\u00a0000"),
        ("1.5E+3", "1\u00a0500"),
        ("1234567.250", "1\u00a0234\u00a0567.25"),
    ],
)
def test_numbers_have_a_leading_zero_no_trailing_zero_and_spaced_thousands(value: str, shown: str):
    assert number(Decimal(value)) == shown


@pytest.mark.hazard("HAZ-09", "C3")
@pytest.mark.hazard("HAZ-80", "C1")
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_a_number_shown_reads_back_as_the_same_number(value: Decimal):
    shown = number(value)
    assert Decimal(shown.replace("\u00a0", "")) == value
    assert not shown.startswith((".", "-."))
    assert "." not in shown or shown[-1] not in "0."


@pytest.mark.hazard("HAZ-10", "C2")
def test_every_dose_and_quantity_shows_its_unit():
    assert str(DoseMg(Decimal("35.0"))) == "35 mg"
    assert str(DoseMgPerKg(Decimal("0.50"))) == "0.5 mg/kg"
    assert str(Quantity(Decimal("128.0"), "mm[Hg]")) == "128 mmHg"


def test_every_unit_has_words_and_other_spellings_share_them():
    assert [c for c in CODES if c != "1" and not unit_words(c)] == []
    assert unit_words("ml/min/{1.73_m2}") == unit_words("mL/min/{1.73_m2}") == "mL/min/1.73 m²"


@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_halves_round_away_from_zero(thousandths: int, places: int):
    value = Fraction(thousandths, 1000)
    step = Fraction(1, 10**places)
    whole, rest = divmod(abs(value), step)
    expected = (whole + (2 * rest >= step)) * step * (1 if value >= 0 else -1)
    assert Fraction(round_half_up(Decimal(thousandths).scaleb(-3), places)) == expected


def test_without_places_a_value_rounds_to_a_whole_number():
    assert str(round_half_up(Decimal("2.5"))) == "3"


@pytest.mark.hazard("HAZ-10", "C1")
@pytest.mark.parametrize(
    "value", [Quantity(Decimal(1), "mg"), DoseMg(Decimal(1)), DoseMgPerKg(Decimal(1))], ids=lambda v: type(v).__name__
)
def test_a_quantity_or_dose_cannot_be_changed_after_it_was_checked(value: object):
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, Decimal(10))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"pint": "gram", "words": "g", "wrods": "g"}, "must have pint and words, or same_as alone"),
        ({"pint": "gram"}, "must have pint and words"),
        ({"same_as": "nothing"}, "which has no row"),
    ],
)
def test_a_wrong_row_in_the_list_of_units_stops_the_load(monkeypatch, row, complaint):
    monkeypatch.setattr(quantity, "read_toml", lambda *_: {"unit": {"g2": row}})
    with pytest.raises(ContentFault, match=complaint):
        quantity._units.__wrapped__()
