"""
What one person has had altogether: doses, mg, months. The sum of what was charted, and of what was told of elsewhere.

What was had elsewhere is asked at each gate; while it is not known the sum is a least, and says so.

Source: DOS-FREQ-5; hazard 15
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from openkap.kernel.quantity import DoseMg
from openkap.plan.book import Book
from openkap.plan.types import Drug

LINES = "DOS-FREQ-5"


@dataclass(frozen=True, slots=True)
class Had:
    """One dose that somebody had: here, or told of elsewhere (`mg` None where nobody knows how much)."""

    on: date
    drug: Drug
    mg: DoseMg | None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Exposure:
    """
    The sum.

    Args:
        doses: how many; mg: by drug, never added across drugs; since: the first day.
        least: True where an amount, or what was had elsewhere, is not known.
        passed: the alert lines of DOS-FREQ-5 that are reached; to_next: doses to the next one, None beyond the last.
    """

    doses: int
    mg: tuple[tuple[Drug, DoseMg], ...]
    since: date | None
    least: bool
    passed: tuple[Decimal, ...]
    to_next: Decimal | None


def exposure(had: Iterable[Had], book: Book, on: date, *, asked: bool) -> Exposure:
    """
    The exposure of a person on a day.

    Args:
        asked: what was had elsewhere was asked and answered.
    """
    doses = [one for one in had if one.on <= on]
    amounts: dict[Drug, Decimal] = {}
    for one in doses:
        amounts[one.drug] = amounts.get(one.drug, Decimal(0)) + (one.mg.mg if one.mg else Decimal(0))
    lines = sorted(book.statement(LINES).numbers.values())
    return Exposure(
        doses=len(doses),
        mg=tuple((drug, DoseMg(mg)) for drug, mg in sorted(amounts.items())),
        since=min((one.on for one in doses), default=None),
        least=not asked or any(one.mg is None for one in doses),
        passed=tuple(line for line in lines if len(doses) >= line),
        to_next=next((line - len(doses) for line in lines if len(doses) < line), None),
    )
