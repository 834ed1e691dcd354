"""
Safety items are read before anything else, from whatever of a form can be read.

An unanswered or unreadable safety item is said so; it is never taken for a no.

Source: instruments fact sheet, section 1.1, rule 3, and section 1.3
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite

from openkap.assess.definition import Level, SafetyItem, Screener
from openkap.assess.rulebook import Rulebook

UNANSWERED = "SAFETY_ITEM_UNANSWERED"


def safety_flags(book: Rulebook, answers: Sequence[object]) -> list[str]:
    """Flags of the safety items of a form, which may have the wrong length or wrong answers."""
    screener = book.found.screener
    if screener:
        said = yes_no(answers)
        worst = worst_level(screener, said)
        return ([worst.flag] if worst else []) + ([UNANSWERED] if open_items(book, said) else [])
    flags = [_flag(book, item, answers) for item in book.found.safety]
    return [flag for flag in flags if flag]


def yes_no(answers: Sequence[object]) -> dict[int, bool | None]:
    """Yes, no, or None where nothing can be read, by position."""
    return {k: bool(a) if type(a) in (bool, int) and a in (0, 1) else None for k, a in enumerate(answers, start=1)}


def open_items(book: Rulebook, said: Mapping[int, bool | None]) -> list[int]:
    """Required items without a readable answer; a skipped item is not required."""
    skipped = {k for skip in book.found.skips if said.get(skip.when_item) is False for k in skip.items}
    return [k for k in range(1, book.items + 1) if said.get(k) is None and k not in skipped]


def worst_level(screener: Screener, said: Mapping[int, bool | None]) -> Level | None:
    """The worst level that some yes reaches, or None."""
    return next((level for level in screener.levels if any(said.get(k) for k in level.items)), None)


def _flag(book: Rulebook, item: SafetyItem, answers: Sequence[object]) -> str:
    answer = answers[item.item - 1] if len(answers) >= item.item else None
    # A number that is no allowed answer (2.5, or 7 for 3) makes the form invalid, but it must not read as silence.
    if _is_number(answer) and answer >= item.at_least:  # type: ignore[operator]
        return item.flag
    return "" if type(answer) is int and answer in book.allowed else UNANSWERED


def _is_number(answer: object) -> bool:
    return type(answer) is int or (isinstance(answer, float | Decimal) and isfinite(answer))
