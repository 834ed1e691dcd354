"""
Change between two totals of one instrument, by the definitions in its content file.

Percent change is undefined at a baseline of 0 (or of the floor). With a baseline below cut-off c no
recovery is reported, only reliable change. Totals of another instrument, version or language are never
compared.

Source: instruments fact sheet, sections 1.4 and 4.1
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from openkap.assess.definition import Change, Definition
from openkap.assess.instruments import instrument
from openkap.assess.types import ChangeResult, Measured, Score
from openkap.kernel.errors import UserError

Reliable = Literal["improved", "deteriorated", "unchanged"]


def measured(score: Score, language: str = "en") -> Measured:
    """The total of a score, ready to compare; UserError if it has none."""
    if score.total is None:
        raise UserError(f"total: this {score.instrument} form has none ({score.status}); use a form with a total.")
    return Measured(instrument=score.instrument, total=score.total, version=score.version, language=language)


def change(baseline: Measured, now: Measured) -> ChangeResult:
    """
    Judge the change from baseline to now.

    Raises:
        UserError: the two totals are of another instrument, version or language.
        UnknownName: no such instrument.
    """
    for field in ("instrument", "version", "language"):
        before, after = getattr(baseline, field), getattr(now, field)
        if before != after:
            raise UserError(
                f"{field}: {before!r} and {after!r} cannot be compared; compare two readings of one {field}."
            )
    found = instrument(baseline.instrument)
    rules = found.change
    judged = rules.outcome and found.higher == "worse"
    percent = _percent(rules, baseline.total, now.total) if judged and rules.percent else None
    reliable = _reliable(rules, baseline.total, now.total) if judged else None
    return ChangeResult(
        instrument=found.id,
        points=baseline.total - now.total,
        percent=None if percent is None else float(percent),
        response=_met(rules.response, baseline.total, now.total, percent),
        remission=_met(rules.remission, baseline.total, now.total, percent),
        reliable=reliable,
        clinically_significant=_significant(rules, baseline.total, now.total, reliable),
        word=None if percent is None else next((w.word for w in rules.words if percent >= w.low), None),
        because=_because(rules, baseline.total, judged),
    )


def _percent(rules: Change, baseline: int | float, now: int | float) -> Fraction | None:
    above_floor = Fraction(baseline) - rules.floor
    return (Fraction(baseline) - Fraction(now)) / above_floor * 100 if above_floor > 0 else None


def _met(
    definition: Definition | None, baseline: int | float, now: int | float, percent: Fraction | None
) -> bool | None:
    """Any of the definition's parts; None without a definition, or where its percent is undefined."""
    if definition is None:
        return None
    parts: list[bool] = []
    if definition.points is not None:
        parts.append(baseline - now >= definition.points)
    if definition.at_most is not None:
        parts.append(now <= definition.at_most)
    if definition.percent_fall is not None and percent is not None:
        parts.append(percent >= definition.percent_fall)
    return any(parts) if parts else None


def _reliable(rules: Change, baseline: int | float, now: int | float) -> Reliable | None:
    if rules.reliable is None or rules.reliable.points is None:
        return None
    fall = baseline - now
    if fall >= rules.reliable.points:
        return "improved"
    return "deteriorated" if -fall >= rules.reliable.points else "unchanged"


def _significant(rules: Change, baseline: int | float, now: int | float, reliable: Reliable | None) -> bool | None:
    if rules.cutoff_c is None or reliable is None or baseline < rules.cutoff_c:
        return None
    return reliable == "improved" and now < rules.cutoff_c


def _because(rules: Change, baseline: int | float, judged: bool) -> tuple[str, ...]:
    if not judged:
        return (rules.trend_note or "No rule of change is on record for this scale; it is shown as a trend.",)
    lines = []
    for name in ("response", "remission", "reliable"):
        definition = getattr(rules, name)
        lines.append(f"{name}: {definition.words}" if definition else f"{name}: no rule on record")
    if rules.floor:
        lines.append(f"percent change counts from the lowest possible total, {rules.floor}")
    if rules.percent and baseline <= rules.floor:
        lines.append(f"percent change is undefined at a baseline of {rules.floor}")
    if rules.cutoff_c is None:
        lines.append("clinically significant change: no cut-off c on record")
    elif baseline < rules.cutoff_c:
        lines.append(f"baseline below cut-off c {rules.cutoff_c}: reliable change only")
    else:
        lines.append(f"clinically significant change: cut-off c {rules.cutoff_c}")
    return (*lines, rules.trend_note) if rules.trend_note else tuple(lines)
