"""
Numbers with units, and the two kinds of dose that must never be confused.

Units are UCUM codes. Arithmetic is decimal. Conversion rests on pint, loaded only when a unit really
has to be converted; the list of UCUM codes that OpenKAP understands is closed (`units.toml`), so that
a unit nobody foresaw is refused instead of guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import NewType

from openkap.kernel.content import read_toml
from openkap.kernel.errors import ContentFault, UnitRefused

UcumUnit = NewType("UcumUnit", str)


@cache
def _units() -> dict[str, dict]:
    table = read_toml(__package__, "units.toml")["unit"]
    for code, row in table.items():
        if set(row) - {"pint", "words", "same_as"}:
            raise ContentFault(f"units.toml: unit {code} has an unknown key; keep to pint, words and same_as.")
    return table


def known_unit(code: str) -> bool:
    """True if OpenKAP can read this UCUM code."""
    return code in _units()


def unit_words(code: str) -> str:
    """The unit as people write it: `mmHg` for `mm[Hg]`."""
    return _units().get(code, {}).get("words", code)


@cache
def _registry():
    import pint  # 0.25 s: loaded only when two different units meet

    registry = pint.UnitRegistry(non_int_type=Decimal)
    registry.define("arbitrary_unit = [arbitrary_unit]")  # UCUM's [IU]: comparable only with itself
    return registry


def _dimensionality_error():
    import pint

    return pint.DimensionalityError


@lru_cache(maxsize=256)
def factor(unit: str, to: str) -> Decimal:
    """
    What to multiply a value in `unit` by to have it in `to`.

    Raises:
        UnitRefused: one of the codes is not in the closed list, or the two measure different things.
    """
    table = _units()
    for code in (unit, to):
        if code not in table:
            raise UnitRefused(f"Unit {code!r} is not one that OpenKAP reads: use {to!r}.")
    if table[unit]["pint"] == table[to]["pint"]:
        return Decimal(1)
    registry = _registry()
    try:
        return Decimal(registry.Quantity(Decimal(1), table[unit]["pint"]).to(table[to]["pint"]).magnitude)
    except _dimensionality_error():
        raise UnitRefused(f"{unit!r} cannot be converted to {to!r}: they measure different things.") from None


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

    def __post_init__(self):
        if not isinstance(self.value, Decimal):
            raise TypeError("a quantity holds a Decimal")
        if not self.value.is_finite():
            raise UnitRefused(f"{self.value} is not a number: give a finite one.")

    def to(self, unit: str) -> Quantity:
        """The same amount in another unit. Raises UnitRefused where that has no meaning."""
        if unit == self.unit:
            return self
        return Quantity(self.value * factor(self.unit, unit), unit)

    def __str__(self) -> str:
        return f"{number(self.value)} {unit_words(self.unit)}"


@dataclass(frozen=True, slots=True)
class DoseMg:
    """An absolute amount of drug in mg. Not comparable with an amount per kg."""

    mg: Decimal

    def __str__(self) -> str:
        return f"{number(self.mg)} mg"


@dataclass(frozen=True, slots=True)
class DoseMgPerKg:
    """An amount of drug per kg of dosing weight. Becomes mg only through `times` a weight."""

    mg_per_kg: Decimal

    def times(self, weight: Quantity) -> DoseMg:
        """
        The absolute dose for this dosing weight, unrounded.

        Raises:
            UnitRefused: `weight` is not a mass.
        """
        return DoseMg(self.mg_per_kg * weight.to("kg").value)

    def __str__(self) -> str:
        return f"{number(self.mg_per_kg)} mg/kg"


def number(value: Decimal | int) -> str:
    """
    A clinical number as it is always shown: a leading zero, no trailing zero, no exponent.

    >>> number(Decimal("0.50")), number(Decimal("1E+3")), number(Decimal(".5"))
    ('0.5', '1000', '0.5')
    """
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_half_up(value: Decimal, places: int = 0) -> Decimal:
    """Round half away from zero, as scoring manuals mean it; Python's round() goes to even."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
