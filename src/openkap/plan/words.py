"""
How the plan's values are said to people: dates with the month in letters, numbers with their unit, grades in words.

One place for the page, the paper and the FHIR text, so that they cannot differ. Nothing here decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from openkap.kernel.quantity import number, round_half_up, unit_words
from openkap.kernel.source import GRADE_WORDS, TAG_WORDS

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_ONE_POINT = re.compile(r"(?<![\d.,])1([ \u00a0])points\b")
_ISO_DATE = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])")

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
# Of a row that says "nothing was found", a design default is not what is meant: its tags tell the two apart.
GRADES = {**GRADE_WORDS, "NONE": "no evidence"}
# Names on paper, where the id in capitals is not one.
INSTRUMENT_NAMES = {
    "c-ssrs-screen": "C-SSRS screener",
    "disorder-scale": "the scale of the disorder",
    "disorder-weekly": "the weekly scale of the disorder",
    "mini-spin": "Mini-SPIN",
    "stop-bang": "STOP-Bang",
}
# Action words of the interaction rules, as a sentence says them.
ACTION_WORDS = {
    "STOP-DAY, no dose today": "no dose today",
    "STOP-DAY": "no dose that day",
    "INFO": "for information",
    "DOSE": "reconsider the dose",
    "REVIEW": "prescriber's review",
    "MONITOR": "monitor",
    "TIMING": "timing",
    "CAUTION": "caution",
    "HOLD": "hold",
}
_ACTION = re.compile("|".join(rf"\b{re.escape(code)}\b" for code in ACTION_WORDS))
_SENTENCE_START = re.compile(r"(?<=[.!?] )[a-z]")
MODALITY_GRADES = {
    "A": "several randomised trials with meta-analysis in this disorder",
    "B": "one randomised trial in this disorder, or meta-analysis across anxiety",
    "C": "uncontrolled, or other disorders only",
    "D": "none found",
    "not graded": "the fact sheet has no such row",
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


def window(least: int | None, most: int | None, preferred: int | None = None) -> str:
    """
    The time between two starts, in hours, or in days where all of it is whole days from four on.

    Args:
        least, most: hours; None or 0 for no limit.
        preferred: hours within which it should be, where that is stricter than `most`.
    """
    given = [count for count in (least, most, preferred) if count]
    if not given:
        return "any time"
    in_days = all(count >= 96 and count % 24 == 0 for count in given)
    size, unit = (24, "days") if in_days else (1, "h")

    def said(count: int) -> str:
        return f"{number(count // size)}{NBSP}{unit}"

    best = f", preferably within {said(preferred)}" if preferred and preferred != most else ""
    if not most:
        return f"at least {said(least or 0)}{best}"
    if not least:
        return f"within {said(most)}{best}"
    return f"{number(least // size)} to {said(most)}{best}"


def verified_words(verified: bool | str, basis: Sequence[Mapping[str, Any]] = ()) -> str:
    """
    The `verified` value of a row, said plainly.

    Args:
        verified: of the row, which is that of its weakest part.
        basis: its parts, where they are at hand: a row read in part is not called unverified as a whole.
    """
    if verified is True:
        return "read in the source"
    if verified == "secondary":
        return "secondary source"
    tags = {part["tag"] for part in basis}
    if tags & {"V", "S"}:
        weak = {"K": "unverified", "D": "design default", "P": "project policy"}
        return "read in part; in part " + ", ".join(said for tag, said in weak.items() if tag in tags)
    if tags and tags <= {"D", "P"}:
        return "unverified: design default" if "D" in tags else "unverified: project policy"
    return "unverified"


def standing(grade: str, verified: bool | str, basis: Sequence[Mapping[str, Any]] = ()) -> str:
    """Grade and verification of a row, said plainly."""
    return f"{GRADES[grade]}; {verified_words(verified, basis)}"


def instrument_name(instrument: str) -> str:
    """An instrument's name on paper: its id in capitals, or the name it goes by."""
    return INSTRUMENT_NAMES.get(instrument, instrument.upper())


def band_words(band: str) -> str:
    """A band's word as a sentence says it; SAD is a disorder and no mood."""
    said = band.replace("_", " ")
    return f"SAD{said[3:]}" if said.startswith("sad ") else said


def action_words(action: str) -> str:
    """The action of a rule without the code words of the interaction table."""
    said = _ACTION.sub(lambda found: ACTION_WORDS[found[0]], action)
    return _SENTENCE_START.sub(lambda found: found[0].upper(), sentence(said))


def under(title: str, because: str) -> str:
    """What is said under a title: a sentence that begins with the title does not repeat it."""
    start = f"{title.lower()}: "
    return because[len(start) :] if because.lower().startswith(start) else because


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
    """The text with a capital letter and a full stop; one point is not called points."""
    said = _ONE_POINT.sub("1 point", text.strip())
    if not said:
        return ""
    said = said[0].upper() + said[1:] if said.split(maxsplit=1)[0].islower() else said
    return said if said[-1] in ".!?" else f"{said}."


def spoken(value: Any) -> Any:
    """The same value with every ISO date in its texts written with the month in letters."""
    if isinstance(value, str):
        return _ISO_DATE.sub(lambda found: long_date(found[0]), value)
    if isinstance(value, Mapping):
        return {key: spoken(part) for key, part in value.items()}
    if isinstance(value, list):
        return [spoken(part) for part in value]
    return value
