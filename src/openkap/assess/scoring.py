"""
The scoring contract: a list of answers in, a score out.

Order of the rules, the same for every instrument: safety items are read first and their flags survive
everything; a wrong number of answers, then an answer outside the allowed set, makes the form invalid;
reversed items are turned; missing answers prorate or leave the form without a total; band and flags are
read from the total. Nothing is clipped and no unanswered item is summed as zero.

Source: instruments fact sheet, section 1.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from openkap.assess.rulebook import Reading, Rulebook, context_value, rulebook, thousandths
from openkap.assess.safety import UNANSWERED, open_items, safety_flags, worst_level, yes_no
from openkap.assess.types import Score, ScoreRequest, Status

NOT_APPLICABLE = "NA"

# Flags of a form that stay true when it is refused for another reason.
_KEPT = ("SAFETY_", "OUT_OF_RANGE", "WRONG_ITEM_COUNT")

Values = Sequence[int | None]
_NO_CONTEXT: Mapping[str, object] = {}


class _Sheet(NamedTuple):
    """A form whose answers are all allowed or missing."""

    book: Rulebook
    reading: Reading
    values: Values
    missing: int
    limit: int
    flags: Sequence[str]
    context: Mapping[str, object]


def score(instrument_id: str, answers: Sequence[object], context: Mapping[str, object] | None = None) -> Score:
    """
    Score one form.

    Args:
        instrument_id: lower-case id.
        answers: in the order of the instrument, None for unanswered.
        context: `sex`, `agoraphobia` (bool), `value_set`; each may be missing.

    Returns:
        The score. Wrong answers give status `invalid`, with the safety flags that can still be read.

    Raises:
        UnknownName: no such instrument.
        UserError: a context field that this instrument needs has a value it cannot have.
    """
    book = rulebook(instrument_id)
    context = context or _NO_CONTEXT
    reading = book.readings[context_value(book.found, context)]
    safety = safety_flags(book, answers) if book.has_safety else ()
    if len(answers) != book.items:
        return _refused(book, "invalid", [*safety, "WRONG_ITEM_COUNT"], answers)
    # Type before value: True, 1.0 and Decimal(1) all equal 1, and only 1 is an answer.
    if book.types.issuperset(map(type, answers)) and book.allowed.issuperset(answers):
        sheet = _Sheet(book, reading, answers, 0, 0, safety, context)  # type: ignore[arg-type]
        return _KINDS[book.found.kind](sheet)
    values, wrong, not_applicable = _read(book, answers)
    if wrong:
        return _refused(book, "invalid", [*safety, *wrong], answers)
    missing = values.count(None)
    sheet = _Sheet(book, reading, values, missing, book.found.missing.limit, safety, context)
    if not_applicable and missing == 1:
        sheet = sheet._replace(limit=1, flags=[*safety, not_applicable])
    return _KINDS[book.found.kind](sheet)


def score_request(request: ScoreRequest) -> Score:
    """
    Score a form as it arrived.

    A response with unknown or repeated items is invalid, an unfinished one has no total; the safety
    flags of both stand.
    """
    result = score(request.instrument, request.answers, request.context)
    if not request.faults and request.final:
        return result
    invalid = bool(request.faults) or result.status == "invalid"
    if not invalid and rulebook(request.instrument).found.screener and _raised(result):
        # The level already reached is not lost.
        kept = tuple(sorted([*result.flags, "FORM_NOT_COMPLETED"]))
        return msgspec.structs.replace(result, status="incomplete", flags=kept)
    flags = [flag for flag in result.flags if flag.startswith(_KEPT)]
    flags += [*request.faults, *([] if request.final else ["FORM_NOT_COMPLETED"])]
    return _refused(rulebook(request.instrument), "invalid" if invalid else "incomplete", flags, request.answers)


def _raised(result: Score) -> bool:
    """True if a safety flag names a level: then the band says a risk, not the absence of one."""
    return any(flag.startswith("SAFETY_") and flag != UNANSWERED for flag in result.flags)


def _read(book: Rulebook, answers: Sequence[object]) -> tuple[list[int | None], list[str], str]:
    """Values, flags for what is outside the allowed set, and the flag of a `NA` answer."""
    na = book.found.not_applicable
    values: list[int | None] = []
    wrong, not_applicable = [], ""
    for place, answer in enumerate(answers, start=1):
        if type(answer) in book.types and answer in book.allowed:
            values.append(int(answer))
            continue
        values.append(None)
        if na and place == na.item and answer == NOT_APPLICABLE:
            not_applicable = na.flag
        elif answer is not None:
            wrong.append(f"OUT_OF_RANGE:{place}")
    # A skipped question of a screener is not required; one of a sum counts its zero.
    for skip in book.found.skips if book.found.kind == "sum" else ():
        if values[skip.when_item - 1] == 0:
            values = [0 if v is None and k in skip.items else v for k, v in enumerate(values, start=1)]
    return values, wrong, not_applicable


# --- one function per kind of score ----------------------------------------------------------------


def _sum(sheet: _Sheet) -> Score:
    book, missing = sheet.book, sheet.missing
    if missing > sheet.limit:
        return _incomplete(sheet)
    turned = _turn(sheet) if book.reversed_at else sheet.values
    counted = turned if book.counted is None else [turned[k] for k in book.counted]
    flags: Sequence[str] = sheet.flags
    if missing:
        answered = book.items - missing
        total = _divide(sum(filter(None, counted)) * book.items, answered, book.found.missing.rounding)
        flags = [*flags, "PRORATED"]
    else:
        total = sum(counted)  # type: ignore[arg-type]
    band, raised = sheet.reading.at[total - sheet.reading.low]
    flags = [*flags, *raised]
    if book.has_rules and not missing:
        flags += _rules(book, sheet.values, raised)  # type: ignore[arg-type]
    subscores = _subscores(book, turned, total) if book.subscales else {}
    return _score(sheet, "prorated" if missing else "ok", total, subscores, band=band, flags=flags)


def _mean(sheet: _Sheet) -> Score:
    if sheet.missing:
        return _incomplete(sheet)
    book, found, turned = sheet.book, sheet.book.found, _turn(sheet)
    whole: int = sum(turned)  # type: ignore[arg-type]
    # Bands and lines are compared with the exact mean, not with the rounded one.
    band = next((b.word for listed in found.bands for b in reversed(listed.list) if whole >= b.low * book.items), None)
    if found.all_subscales:
        rule = found.all_subscales
        full = all(_reaches(book, turned, places, rule.at_least) for _, _, places, _ in book.subscales)
        band = rule.yes if full else rule.no
    raised = [line.flag for line in found.lines if line.flag and whole >= line.at_least * book.items]
    total = _decimal(whole, book.items, found.places)
    return _score(sheet, "ok", total, _subscores(book, turned, None), band=band, flags=[*sheet.flags, *raised])


def _subscales(sheet: _Sheet) -> Score:
    if sheet.missing:
        return _incomplete(sheet)
    return _score(sheet, "ok", None, _subscores(sheet.book, _turn(sheet), None), flags=sheet.flags)


def _profile(sheet: _Sheet) -> Score:
    if sheet.missing:
        return _incomplete(sheet)
    book = sheet.book
    levels: Sequence[int] = sheet.values  # type: ignore[assignment]
    chosen = book.value_sets[context_value(book.found, sheet.context)]
    rows = zip(chosen.decrements, levels, strict=True)
    lost = sum(thousandths(row[level - 2], chosen.places) for row, level in rows if level > 1)
    one = 10**chosen.places
    subscores = {"profile": "".join(map(str, levels)), "level_sum": sum(levels)}
    return _score(sheet, "ok", (one - lost) / one, subscores, flags=sheet.flags)


def _screen(sheet: _Sheet) -> Score:
    screener = sheet.book.found.screener
    assert screener
    said = yes_no(sheet.values)
    still_open = open_items(sheet.book, said)
    level = worst_level(screener, said)
    depth: int | None = max((k for k in screener.depth_items if said[k]), default=0)
    if depth == 0 and set(screener.depth_items) & set(still_open):
        depth = None
    word = level.word if level else None if still_open else screener.none
    status: Status = "incomplete" if still_open else "ok"
    return _score(sheet, status, None, {screener.depth_id: depth}, band=word, flags=sheet.flags)


_KINDS = {"sum": _sum, "mean": _mean, "subscales": _subscales, "profile": _profile, "screener": _screen}


# --- parts -----------------------------------------------------------------------------------------


def _score(
    sheet: _Sheet,
    status: Status,
    total: int | float | None,
    subscores: dict[str, Any],
    *,
    flags: Sequence[str],
    band: str | None = None,
) -> Score:
    found = sheet.book.found
    return Score(
        instrument=found.id,
        status=status,
        total=total,
        subscores=subscores,
        band=band,
        flags=tuple(sorted(flags)) if len(flags) > 1 else tuple(flags),
        source=found.citation,
        version=found.version,
        answered=sheet.book.items - sheet.missing,
        items=sheet.book.items,
    )


def _refused(book: Rulebook, status: Status, flags: list[str], answers: Sequence[object]) -> Score:
    """A form without total, band or subscores."""
    return Score(
        instrument=book.found.id,
        status=status,
        total=None,
        subscores={},
        band=None,
        flags=tuple(sorted(flags)),
        source=book.found.citation,
        version=book.found.version,
        answered=sum(answer is not None for answer in answers),
        items=book.items,
    )


def _incomplete(sheet: _Sheet) -> Score:
    """No total; subscores that are complete in themselves stand."""
    rule = sheet.book.found.missing
    subscores = _subscores(sheet.book, _turn(sheet), None)
    if not rule.null_subscales:
        subscores = {name: value for name, value in subscores.items() if value is not None}
    return _score(sheet, "incomplete", None, subscores, flags=[*sheet.flags, rule.flag])


def _turn(sheet: _Sheet) -> Values:
    """Answers with the reversed items turned."""
    turned = list(sheet.values)
    for k in sheet.book.reversed_at:
        answer = turned[k]
        if answer is not None:
            turned[k] = sheet.book.mirror - answer
    return turned


def _subscores(book: Rulebook, turned: Values, total: int | None) -> dict[str, int | float | None]:
    scores: dict[str, int | float | None] = {}
    for name, how, places, decimals in book.subscales:
        if how == "total_per_item":
            scores[name] = None if total is None else _decimal(total, book.items, decimals)
            continue
        picked = [turned[k] for k in places]
        if None in picked:
            scores[name] = None
            continue
        whole: int = sum(picked)  # type: ignore[arg-type]
        if how == "sum":
            scores[name] = whole
        elif how == "mean":
            scores[name] = _decimal(whole, len(places), decimals)
        else:
            scores[name] = _decimal(whole * 100, len(places) * book.found.highest, decimals)
    return scores


def _reaches(book: Rulebook, turned: Values, places: tuple[int, ...], percent: int) -> bool:
    whole: int = sum(turned[k] for k in places)  # type: ignore[misc]
    return whole * 100 >= percent * len(places) * book.found.highest


def _rules(book: Rulebook, values: Sequence[int], raised: tuple[str, ...]) -> list[str]:
    """Flags that look at single items of a complete form."""
    found = book.found
    flags: list[str] = []
    if found.syndrome:
        rule = found.syndrome
        if any(values[k - 1] >= rule.gate_at for k in rule.gate_items):
            count = sum(v >= rule.present_at for v in values)
            count += sum(at <= values[int(key) - 1] < rule.present_at for key, at in rule.own.items())
            flags += [verdict.flag for verdict in rule.verdicts if count >= verdict.at_least][:1]
    if found.clusters:
        least = found.clusters.present_at
        present = {s.id: sum(values[k - 1] >= least for k in s.items) for s in found.subscales}
        if all(present[name] >= need for name, need in found.clusters.need.items()):
            flags.append(found.clusters.flag)
    if found.only_from and any(line.flag in raised for line in found.lines if line.flag):
        elsewhere = any(values[k - 1] for k in found.only_from.zero_items)
        flags += [] if elsewhere else [found.only_from.flag]
    return flags


def _divide(top: int, bottom: int, rounding: str) -> int:
    """Whole quotient of two numbers that are not negative, rounded half up or up."""
    return -(-top // bottom) if rounding == "up" else (2 * top + bottom) // (2 * bottom)


def _decimal(top: int, bottom: int, places: int) -> float:
    """Quotient rounded half up to so many decimal places, exactly."""
    scale: int = 10**places
    return _divide(top * scale, bottom, "half_up") / scale
