"""
An instrument made ready for scoring: lookups by total, compiled once.

A whole-number total has so few values that its band and flags are tabled in advance; scoring a form
is then one sum and one lookup. Nothing here holds a number of its own: all come from the content file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from openkap.assess.definition import Instrument, ValueSet
from openkap.assess.instruments import allowed_values, instrument
from openkap.kernel.errors import UserError

# Administrative gender and US Core birth sex, as the record may spell them.
SEX = {"male": "male", "m": "male", "female": "female", "f": "female"}
SEX_NOT_KNOWN = ("other", "unknown", "unk", "oth", "asku")


@dataclass(frozen=True, slots=True)
class Reading:
    """
    How totals are read in one context.

    Args:
        low: the lowest total, index 0 of `at`.
        at: per total: band and flags. Empty for instruments without whole totals.
        flags: raised whenever a total is read in this context.
    """

    low: int
    at: tuple[tuple[str | None, tuple[str, ...]], ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """
    An instrument, compiled.

    Args:
        found: the instrument.
        items: number of answers.
        allowed: values an answer may have.
        types: types an answer may have.
        mirror: lowest + highest answer.
        reversed_at: 0-based positions that are scored `mirror` - answer.
        counted: 0-based positions in the total; None for all.
        subscales: name, how, 0-based positions, decimal places.
        has_rules, has_safety: whether single items are looked at, after or before the total.
        readings: by context value (`""` where the instrument has no context).
        value_sets: of a health profile, by id.
    """

    found: Instrument
    items: int
    allowed: frozenset[int]
    types: frozenset[type]
    mirror: int
    reversed_at: tuple[int, ...]
    counted: tuple[int, ...] | None
    subscales: tuple[tuple[str, str, tuple[int, ...], int], ...]
    has_rules: bool
    has_safety: bool
    readings: Mapping[str, Reading]
    value_sets: Mapping[str, ValueSet]


@cache
def rulebook(name: str) -> Rulebook:
    """The compiled instrument; UnknownName if there is none."""
    found = instrument(name)
    keys = {"": ("",), "sex": ("male", "female", "unknown"), "agoraphobia": ("true", "false", "unknown")}
    sets = {s.id: s for s in found.profile.value_sets} if found.profile else {}
    return Rulebook(
        found=found,
        items=found.items,
        allowed=frozenset(allowed_values(found)),
        types=frozenset((int, bool) if found.booleans else (int,)),
        mirror=found.lowest + found.highest,
        reversed_at=tuple(k - 1 for k in found.reverse),
        counted=tuple(k - 1 for k in found.total_items) or None,
        subscales=tuple((s.id, s.how, tuple(k - 1 for k in s.items), s.places) for s in found.subscales),
        has_rules=bool(found.syndrome or found.clusters or found.only_from),
        has_safety=bool(found.safety or found.screener),
        readings={key: _reading(found, key) for key in keys.get(found.context, tuple(sets))},
        value_sets=sets,
    )


def context_value(found: Instrument, context: Mapping[str, object]) -> str:
    """
    The value of the context field an instrument depends on, normalised.

    Raises:
        UserError: the field has a value it cannot have.
    """
    if not found.context:
        return ""
    given = context.get(found.context)
    if found.context == "sex":
        return read_sex(given)
    if found.context == "agoraphobia":
        return read_agoraphobia(given)
    assert found.profile
    known = [s.id for s in found.profile.value_sets]
    if given is None:
        return found.profile.default
    if given not in known:
        raise UserError(f"context.value_set: {given!r} is not held; use {' or '.join(known)}.")
    return str(given)


def read_sex(given: object) -> str:
    """`male`, `female` or `unknown`; UserError for anything that is no sex."""
    word = str(given).lower()
    if given is None or word in SEX_NOT_KNOWN:
        return "unknown"
    if word not in SEX:
        raise UserError(f"context.sex: {given!r} cannot be read; use male, female, M, F or null.")
    return SEX[word]


def read_agoraphobia(given: object) -> str:
    """`true`, `false` or `unknown`; UserError for anything but a boolean or null."""
    if given is None:
        return "unknown"
    if not isinstance(given, bool):
        raise UserError(f"context.agoraphobia: {given!r} cannot be read; use true, false or null.")
    return "true" if given else "false"


def _reading(found: Instrument, key: str) -> Reading:
    flags = (found.unknown_context_flag,) if key == "unknown" else ()
    if found.kind != "sum":
        return Reading(0, (), flags)
    assert found.total_low is not None
    assert found.total_high is not None
    bands = [b for listed in found.bands if listed.when in ("", key) for b in listed.list]
    lines = [line for line in found.lines if line.flag and line.when in ("", key)]
    at = tuple(
        (
            next((b.word for b in bands if b.low <= total <= b.high), None),
            flags + tuple(sorted(line.flag for line in lines if total >= line.at_least)),
        )
        for total in range(found.total_low, found.total_high + 1)
    )
    return Reading(found.total_low, at, flags)


def thousandths(number: Decimal, places: int) -> int:
    """A decimal as a whole number of its last place."""
    return int(number.scaleb(places))
