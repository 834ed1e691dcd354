"""
Questionnaire signs of the formulation: a small vocabulary of what can be read from a score.

A sign is present, absent or not measured. Totals may come from a record; items and subscales need answers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal

from openkap.assess.instruments import instrument
from openkap.assess.score_chart import ScoreRecord, newest
from openkap.chart.types import State
from openkap.chart.view import View
from openkap.chart.vocabulary import fact_of, facts
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import number
from openkap.kernel.source import Sourced
from openkap.kernel.truth import Answer, Gap, conjunction, disjunction

SignKind = Literal["total", "item", "subscale", "subscale-max", "subscale-compare"]
_COMPARE: dict[str, Callable[[Decimal, Decimal], bool]] = {"above": operator.gt, "at-least": operator.ge}
_COMPARE_WORDS = {"above": ("above", "not above"), "at-least": ("not below", "below")}


class Sign(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A questionnaire sign.

    Args:
        kind: `total` and `item` against `at_least`; `subscale` against `above`; `subscale-max` is highest
            `among` (ties included); `subscale-compare` stands in `relation` to `other`.
        instruments: the newest usable of them is read.
        total_at_least: least total for which a comparison of subscales counts.
        or_flag: flag of the score that is the sign as well; `or_words` says what it means.
    """

    dimension: str
    kind: SignKind
    instruments: tuple[str, ...]
    at_least: int | None = None
    above: int | None = None
    item: int | None = None
    subscale: str = ""
    among: tuple[str, ...] = ()
    other: str = ""
    relation: Literal["above", "at-least"] = "above"
    total_at_least: int | None = None
    or_flag: str = ""
    or_words: str = ""


_NEEDS: dict[str, tuple[str, ...]] = {
    "total": ("at_least",),
    "item": ("item", "at_least"),
    "subscale": ("subscale", "above"),
    "subscale-max": ("subscale", "among", "total_at_least"),
    "subscale-compare": ("subscale", "other", "total_at_least"),
}


def check_sign(sign: Sign, where: str) -> None:
    """Raise ContentFault if the sign lacks what its kind needs, or reads a subscale that does not exist."""
    for field in _NEEDS[sign.kind]:
        if getattr(sign, field) in (None, "", ()):
            raise ContentFault(f"{where}: {sign.id} is a {sign.kind} sign without {field}; add it.")
    for name in sign.instruments:
        scales = {s.id for s in instrument(name).subscales}
        strange = {s for s in (sign.subscale, sign.other, *sign.among) if s} - scales
        if strange:
            raise ContentFault(f"{where}: {sign.id} reads {sorted(strange)[0]!r}, no subscale of {name}; correct it.")


def look(sign: Sign, view: View, records: Sequence[ScoreRecord]) -> Answer:
    """Is the sign present, absent or not measured? The newest usable form of its instruments is read."""
    record = newest(records, *sign.instruments)
    if sign.kind == "total":
        total = _total(sign, sign.at_least, view)
        return disjunction(total, _flag(sign, record)) if sign.or_flag else total
    conflict = [s for s in map(view.state, sign.instruments) if s.status == "conflict"]
    if conflict:
        return not_measured(conflict[0])
    if sign.kind == "item":
        return _item(sign, record, view)
    if sign.kind == "subscale":
        return _subscale(sign, record)
    floor = _own_total(sign, record) if record else _total(sign, sign.total_at_least, view)
    return conjunction(floor, _highest(sign, record) if sign.kind == "subscale-max" else _compared(sign, record))


def _total(sign: Sign, least: int | None, view: View) -> Answer:
    """The newest known total of the instruments, against the line."""
    assert least is not None
    states = [view.state(name) for name in sign.instruments]
    known = [s for s in states if s.status == "known" and isinstance(s.value, Decimal) and s.when]
    if not known or any(s.status == "conflict" for s in states):
        return not_measured(next((s for s in states if s.status in ("conflict", "stale")), states[0]))
    best = max(known, key=lambda s: s.when.earliest if s.when else view.on)
    assert isinstance(best.value, Decimal)
    said = f"{facts()[best.fact].words} {number(best.value)} {where_from(best)}"
    if best.value >= least:
        return Answer.true(f"{said}: {least} or more ({sign.id})")
    return Answer.false(f"{said}: below {least} ({sign.id})")


def _own_total(sign: Sign, record: ScoreRecord) -> Answer:
    """The total of the form whose subscales are compared."""
    assert sign.total_at_least is not None
    total = Decimal(str(record.score.total))
    if total >= sign.total_at_least:
        return Answer.true()
    return Answer.false(f"{_title(record)}: total {number(total)}, below {sign.total_at_least} ({sign.id})")


def _flag(sign: Sign, record: ScoreRecord | None) -> Answer:
    if record is None:
        return _without_answers(sign)
    present = sign.or_flag in record.score.flags
    said = f"{_title(record)}: {sign.or_words} {'met' if present else 'not met'} ({sign.id})"
    return Answer.true(said) if present else Answer.false(said)


def _item(sign: Sign, record: ScoreRecord | None, view: View) -> Answer:
    """The item from the newest form, or from an observation of the item alone where that is newer."""
    assert sign.item is not None
    assert sign.at_least is not None
    answer = record.answers[sign.item - 1] if record else None
    alone = [s for s in (view.state(f"{name}.{sign.item}") for name in sign.instruments) if s.status != "unknown"]
    doubted = [s for s in alone if s.status == "conflict"]
    if doubted:
        return not_measured(doubted[0])
    known = [s for s in alone if isinstance(s.value, Decimal) and s.when]
    newest_alone = max(known, key=lambda s: s.when.earliest if s.when else view.on, default=None)
    if newest_alone and (not isinstance(answer, int) or _is_newer(newest_alone, record)):
        said = f"{fact_of(newest_alone.fact).words} is {number(newest_alone.value)} {where_from(newest_alone)}"  # type: ignore[arg-type]
        answer = int(newest_alone.value)  # type: ignore[arg-type]
    elif record is None or not isinstance(answer, int):
        return _without_answers(sign)
    else:
        said = f"{_title(record)}: item {sign.item} is {answer}"
    if answer >= sign.at_least:
        return Answer.true(f"{said}, {sign.at_least} or more ({sign.id})")
    return Answer.false(f"{said}, below {sign.at_least} ({sign.id})")


def _is_newer(state: State, record: ScoreRecord | None) -> bool:
    return not (record and record.when and state.when and state.when.earliest <= record.when.latest)


def _subscale(sign: Sign, record: ScoreRecord | None) -> Answer:
    assert sign.above is not None
    values = _subscores(record, sign.subscale)
    if record is None or values is None:
        return _without_answers(sign)
    said = f"{_title(record)}: {sign.subscale} {number(values[0])}"
    if values[0] > sign.above:
        return Answer.true(f"{said}, above {sign.above} ({sign.id})")
    return Answer.false(f"{said}, not above {sign.above} ({sign.id})")


def _highest(sign: Sign, record: ScoreRecord | None) -> Answer:
    values = _subscores(record, *sign.among)
    if record is None or values is None:
        return _without_answers(sign)
    said = f"{_title(record)}: " + ", ".join(f"{name} {number(v)}" for name, v in zip(sign.among, values, strict=True))
    top = [name for name, v in zip(sign.among, values, strict=True) if v == max(values)]
    if sign.subscale not in top:
        return Answer.false(f"{said}; {sign.subscale} is not the highest ({sign.id})")
    tied = " together with " + " and ".join(n for n in top if n != sign.subscale) if len(top) > 1 else ""
    return Answer.true(f"{said}; {sign.subscale} is the highest{tied} ({sign.id})")


def _compared(sign: Sign, record: ScoreRecord | None) -> Answer:
    values = _subscores(record, sign.subscale, sign.other)
    if record is None or values is None:
        return _without_answers(sign)
    ours, theirs = values
    holds = _COMPARE[sign.relation](ours, theirs)
    said = (
        f"{_title(record)}: {sign.subscale} {number(ours)} is "
        f"{_COMPARE_WORDS[sign.relation][0 if holds else 1]} {sign.other} {number(theirs)} ({sign.id})"
    )
    return Answer.true(said) if holds else Answer.false(said)


def _subscores(record: ScoreRecord | None, *names: str) -> list[Decimal] | None:
    """The named subscores as decimals, or None if one is missing."""
    found = [record.score.subscores.get(name) for name in names] if record else [None]
    return None if any(v is None for v in found) else [Decimal(str(v)) for v in found]


def _title(record: ScoreRecord) -> str:
    words = facts()[record.instrument].words
    day = f"of {record.when.text[:10]}" if record.when else "without date"
    return f"{words} {day} ({record.source})"


def _without_answers(sign: Sign) -> Answer:
    names = " or ".join(facts()[name].words for name in sign.instruments)
    return Answer.unknown(Gap(sign.instruments[0], "no record", f"{names}: no usable answers ({sign.id})"))


def not_measured(state: State) -> Answer:
    """Unknown, for the reason that the state gives."""
    reason = state.status if state.status in ("stale", "conflict") else "no record"
    return Answer.unknown(Gap(state.fact, reason, state.reason))


def where_from(state: State) -> str:
    """Date and records of a state, for a sentence."""
    day = f"of {state.when.text[:10]}" if state.when else "without date"
    return f"{day} ({', '.join(state.sources)})"
