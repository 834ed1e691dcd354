"""
Numbers with units, and the two kinds of dose that must never be confused.

Units are UCUM codes. Arithmetic is decimal. Conversion rests on pint, loaded only when a unit really
has to be converted; the list of UCUM codes that OpenKAP understands is closed (`units.toml`), so that
a unit nobody foresaw is refused instead of guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NewType

from openkap.kernel.content import read_toml
from openkap.kernel.errors import ContentFault, UnitRefused

if TYPE_CHECKING:
    import pint

UcumUnit = NewType("UcumUnit", str)


@cache
def _units() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = read_toml(__package__, "units.toml")["unit"]
    for code, row in table.items():
        if set(row) not in ({"pint", "words"}, {"same_as"}):
            raise ContentFault(f"units.toml: unit {code} must have pint and words, or same_as alone.")
        if row.get("same_as", code) not in table:
            raise ContentFault(f"units.toml: unit {code} is the same as {row['same_as']}, which has no row.")
    return {code: table[row.get("same_as", code)] for code, row in table.items()}


def known_unit(code: str) -> bool:
    """True if OpenKAP can read this UCUM code."""
    return code in _units()


def unit_words(code: str) -> str:
    """The unit as people write it: `mmHg` for `mm[Hg]`."""
    row = _units().get(code)
    return row["words"] if row else code


# Measures of a kind of their own, which dimensional analysis would take for pure numbers:
# UCUM's [IU]; drug per kg of body weight; a percentage. None converts into a number or into another.
_OWN_KINDS = ("arbitrary_unit = [arbitrary_unit]", "body_kilogram = [body_weight]", "percentage = [percentage]")


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint  # 0.25 s: loaded only when two different units meet

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(non_int_type=Fraction)
    for kind in _OWN_KINDS:
        registry.define(kind)
    return registry


@lru_cache(maxsize=512)
def _ratio(unit: str, to: str) -> Fraction:
    table = _units()
    for code in (unit, to):
        if code not in table:
            raise UnitRefused(f"Unit {code!r} is not one that OpenKAP reads: use {to!r}.")
    if table[unit]["pint"] == table[to]["pint"]:
        return Fraction(1)
    registry = _registry()
    ours, theirs = registry.Unit(table[unit]["pint"]), registry.Unit(table[to]["pint"])
    if ours.dimensionality != theirs.dimensionality:
        raise UnitRefused(f"{unit!r} cannot be converted to {to!r}: they measure different things.")
    return Fraction(registry.Quantity(Fraction(1), ours).to(theirs).magnitude)


def factor(unit: str, to: str) -> Decimal:
    """
    What to multiply a value in `unit` by to have it in `to`.

    Raises:
        UnitRefused: one of the codes is not in the closed list, or the two measure different things.
    """
    ratio = _ratio(unit, to)
    return Decimal(ratio.numerator) / ratio.denominator


@dataclass(frozen=True, slots=True)
class Quantity:
    """
    A number with its UCUM unit.

    Args:
        value: decimal, finite.
        unit: UCUM code; `1` for a pure number.
    """

    value: Decimal
    unit: str

    def __post_init__(self) -> None:
        _refuse_inexact(self.value)

    def to(self, unit: str) -> Quantity:
        """The same amount in another unit. Raises UnitRefused where that has no meaning."""
        if unit == self.unit:
            return self
        ratio = _ratio(self.unit, unit)  # multiply first, divide last: 60 min are 1 h, not 0.999...
        return Quantity(self.value * ratio.numerator / ratio.denominator, unit)

    def __str__(self) -> str:
        return f"{number(self.value)} {unit_words(self.unit)}"


@dataclass(frozen=True, slots=True)
class DoseMg:
    """An absolute amount of drug in mg. Not comparable with an amount per kg."""

    mg: Decimal

    def __post_init__(self) -> None:
        _refuse_inexact(self.mg)

    def __str__(self) -> str:
        return f"{number(self.mg)} mg"


@dataclass(frozen=True, slots=True)
class DoseMgPerKg:
    """An amount of drug per kg of dosing weight. Becomes mg only through `times` a weight."""

    mg_per_kg: Decimal

    def __post_init__(self) -> None:
        _refuse_inexact(self.mg_per_kg)

    def times(self, weight: Quantity) -> DoseMg:
        """
        The absolute dose for this dosing weight, unrounded.

        Raises:
            UnitRefused: `weight` is not a mass.
        """
        return DoseMg(self.mg_per_kg * weight.to("kg").value)

    def __str__(self) -> str:
        return f"{number(self.mg_per_kg)} mg/kg"


def _refuse_inexact(value: Decimal) -> None:
    if not isinstance(value, Decimal):
        raise TypeError("quantities and doses hold a Decimal")
    if not value.is_finite():
        raise UnitRefused(f"{value} is not a number: give a finite one.")


def number(value: Decimal | int) -> str:
    """
    A clinical number as it is always shown: a leading zero, no trailing zero, no exponent, and
    thousands set apart by a no-break space.

    >>> number(Decimal("0.50")), number(Decimal("1E+3")), number(Decimal(".5"))
    ('0.5', '1\\xa0000', '0.5')
    """
    text = format(Decimal(value), ",f").replace(",", "\N{NO-BREAK SPACE}")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def round_half_up(value: Decimal, places: int = 0) -> Decimal:
    """Round half away from zero, as scoring manuals mean it; Python's round() goes to even."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
