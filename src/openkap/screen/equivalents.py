"""
Diazepam equivalents of the benzodiazepines a patient takes: both published sums, side by side.

The sums inform (DDI-BZD-EQ) and stand beside the mark of one cohort (DDI-BZD-1). They are never a switching table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from openkap.chart.view import View
from openkap.kernel.quantity import number, round_half_up
from openkap.screen.rulebook import diazepam_equivalents
from openkap.screen.types import Finding, Screening

_SHOWN_WITH = ("DDI-BZD-EQ", "DDI-BZD-1")
_REFERENCE = "diazepam"


@dataclass(frozen=True, slots=True)
class EquivalentSum:
    """
    One table's sum.

    Args:
        title: whose table.
        mg: diazepam mg per day, of all medicines whose dose and equivalent are known; None if there are none.
        unknown: medicines that the sum leaves out, and why.
    """

    title: str
    mg: Decimal | None
    unknown: tuple[str, ...]


def equivalent_sums(view: View) -> tuple[EquivalentSum, ...]:
    """The sum by each table; a dose or an equivalent that is not known is named and never counted as zero."""
    taken = [
        (ingredient, medicine)
        for medicine in view.current_medicines("benzodiazepine")
        for ingredient in medicine.ingredients
    ]
    sums = []
    for table in diazepam_equivalents().table:
        total, unknown = Decimal(0), []
        for ingredient, medicine in taken:
            equal = table.mg.get(ingredient)
            if equal is None:
                unknown.append(f"{ingredient}: equivalent unknown")
            elif medicine.daily_mg is None:
                unknown.append(f"{ingredient}: daily dose unknown")
            else:
                total += medicine.daily_mg / equal * table.mg[_REFERENCE]
        sums.append(EquivalentSum(table.title, round_half_up(total, 1) if total else None, tuple(unknown)))
    return tuple(sums)


def with_equivalents(screening: Screening, view: View) -> Screening:
    """The same screening with the sums written into the benzodiazepine findings."""
    if not any(f.rule in _SHOWN_WITH for f in screening.findings):
        return screening
    sums = equivalent_sums(view)
    if not any(s.mg is not None or s.unknown for s in sums):
        return screening
    text = "; ".join(map(_in_words, sums))
    larger = max((s.mg for s in sums if s.mg is not None), default=None)
    mark = next(m for m in diazepam_equivalents().mark)
    if larger is not None:
        side = "above" if larger > mark.value else "not above"
        text += f"; the larger is {side} {number(mark.value)} mg/d ({mark.title[:1].lower()}{mark.title[1:]})"
    findings = tuple(_noted(f, text) if f.rule in _SHOWN_WITH else f for f in screening.findings)
    return replace(screening, findings=findings)


def _noted(finding: Finding, text: str) -> Finding:
    return replace(finding, because=f"{finding.because}; diazepam equivalents: {text}")


def _in_words(total: EquivalentSum) -> str:
    amount = f"{number(total.mg)} mg/d" if total.mg is not None else "no sum"
    left_out = f" ({', '.join(total.unknown)})" if total.unknown else ""
    return f"{amount} by {total.title}{left_out}"
