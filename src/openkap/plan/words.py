"""
How the plan's values are said to people: dates with the month in letters, numbers with their unit, grades in words.

One place for the page, the paper and the FHIR text, so that they cannot differ. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from openkap.kernel.quantity import number, round_half_up, unit_words
from openkap.kernel.source import GRADE_WORDS, TAG_WORDS

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"

DRAFT = "Draft to compare \N{EM DASH} not an order, not signed"

# Shape first, then word, then colour: the shapes are drawn by the templates under these names.
SHAPES = {"exclude": "stop", "hold": "hold", "caution": "caution", "inform": "info", "missing": "miss", "clear": "ok"}
CLASS_WORDS = {"exclude": "Exclude", "hold": "Hold", "caution": "Caution", "inform": "Inform"}
VERDICT_WORDS = {
    "eligible": "Nothing found that stands against treatment here",
    "caution": "Possible with cautions",
    "hold": "On hold",
    "exclude": "Not to be treated here",
    "insufficient": "Cannot be judged yet: facts are missing",
}
VERDICT_SHAPES = {"eligible": "ok", "caution": "caution", "hold": "hold", "exclude": "stop", "insufficient": "miss"}
MISSING_WORDS = {
    "MB": "only the fact itself settles it",
    "MH": "the fact, or the prescriber's recorded reason why it cannot be had, settles it",
    "MC": "it must be asked",
}
ROUTE_WORDS = {
    "iv": "into a vein (IV)",
    "im": "into a muscle (IM)",
    "sc": "under the skin (SC)",
    "sublingual": "under the tongue (sublingual)",
    "oral": "by mouth (oral)",
    "nasal": "into the nose (nasal)",
}
DISORDER_WORDS = {
    "gad": "generalised anxiety",
    "panic": "panic",
    "agoraphobia": "agoraphobia",
    "social-anxiety": "social anxiety",
}
DIMENSION_WORDS = {
    "cognitive": "Cognitive",
    "somatic": "Somatic",
    "avoidance": "Avoidance",
    "past-event": "Past event",
    "imagery": "Imagery",
    "parts": "Parts",
    "social": "Social",
}
GATE_WORDS = {"open": "Gate open", "closed": "Gate closed", "unknown": "Gate not known to be open, so shut"}
GATE_SHAPES = {"open": "ok", "closed": "hold", "unknown": "miss"}
MODALITY_GRADES = {
    "A": "several randomised trials with meta-analysis in this disorder",
    "B": "one randomised trial in this disorder, or meta-analysis across anxiety",
    "C": "uncontrolled, or other disorders only",
    "D": "none found",
}


def long_date(text: str | None) -> str:
    """`2026-11-25` as `25 November 2026`; a partial date keeps what it has; None is `date not known`."""
    if not text:
        return "date not known"
    parts = text[:10].split("-")
    if len(parts) == 1:
        return text
    if len(parts) == 2:
        return f"{date(int(parts[0]), int(parts[1]), 1):%B} {int(parts[0])}"
    day = date.fromisoformat(text[:10])
    return f"{day.day}{NBSP}{day:%B}{NBSP}{day.year}"


def weekday_date(text: str) -> str:
    """`2026-11-25` as `Wed 25 Nov 2026`."""
    day = date.fromisoformat(text[:10])
    return f"{day:%a}{NBSP}{day.day}{NBSP}{day:%b}{NBSP}{day.year}"


def figure(value: Decimal | int | float, unit: str = "") -> str:
    """A number as `kernel.quantity.number` writes it, its unit beside it and never on another line."""
    said = number(value if isinstance(value, (Decimal, int)) else Decimal(str(value)))
    words = unit_words(unit)
    return f"{said}{NBSP}{words}" if words else said


def dose_words(step: Mapping[str, Any], weight: Decimal | int | float | None) -> tuple[str, str]:
    """
    An amount as mg and as mg/kg, each with its unit.

    Args:
        step: `mg` and `mg_per_kg`, either of which may be None.
        weight: dosing weight in kg, or None.

    Returns:
        The absolute amount and the amount by weight; a missing one says why it is missing.
    """
    mg, per_kg = step["mg"], step["mg_per_kg"]
    absolute = figure(mg, "mg") if mg is not None else "mg not computed: no dosing weight"
    if per_kg is not None:
        return absolute, figure(per_kg, "mg/kg")
    if mg is None or weight is None:
        return absolute, "a fixed amount, not by weight"
    share = round_half_up(Decimal(str(mg)) / Decimal(str(weight)), 2)
    return absolute, f"a fixed amount, not by weight; it is {figure(share, 'mg/kg')} at {figure(weight, 'kg')}"


def weight_words(weight: Mapping[str, Any] | None) -> str:
    """The weight with its date, or that there is none."""
    if weight is None:
        return "not known: no measured weight that is recent enough"
    return f"{figure(weight['value'], weight['unit'])} on {long_date(weight['on'])}"


def hours(count: int) -> str:
    """Hours as people plan: days from four days on, if they are whole."""
    if count >= 96 and count % 24 == 0:
        return f"{count // 24}{NBSP}days"
    return f"{number(count)}{NBSP}h"


def window(least: int | None, most: int | None) -> str:
    """The time between two starts."""
    if most is None:
        return f"at least {hours(least)}" if least else "any time"
    if not least:
        return f"within {hours(most)}"
    return f"{hours(least)} to {hours(most)}"


def verified_words(verified: bool | str) -> str:
    """The `verified` value of a row, said plainly."""
    if verified is True:
        return "read in the source"
    return "secondary source" if verified == "secondary" else "unverified"


def grade_words(grade: str) -> str:
    """The grade with its meaning."""
    return f"{grade}: {GRADE_WORDS[grade]}"


def standing(grade: str, verified: bool | str) -> str:
    """Grade and verification of a row in one phrase."""
    return f"{grade_words(grade)}; {verified_words(verified)}"


def basis_words(basis: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each part of a row with how it was checked."""
    return [f"{part['what']} ({TAG_WORDS[part['tag']]})" for part in basis]


def allergy_words(allergies: Mapping[str, Any]) -> str:
    """What is known of an allergy to the drug, with its day."""
    if allergies["status"] == "conflict":
        return "ketamine: records disagree"
    if allergies["ketamine"] is None:
        return "ketamine: not known"
    found = "allergic" if allergies["ketamine"] else "none"
    return f"ketamine: {found}, {long_date(allergies['on'])}"


def age_words(age: Any) -> str:
    """Whole years, or the span where the birth date is partial."""
    if age is None:
        return "age not known"
    if isinstance(age, Mapping):
        return f"{figure(age['low'])} to {figure(age['high'])} years"
    return f"{figure(age)}{NBSP}years"


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    said = text.strip()
    if not said:
        return ""
    said = said[0].upper() + said[1:]
    return said if said[-1] in ".!?" else f"{said}."
