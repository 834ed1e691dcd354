"""
Case formulation: seven dimensions, each with a level and the signs behind it.

Signs are data (`content/formulation.toml`). A sign is present, absent or not measured; a scale that is
missing or stale never counts against a dimension. The clinician formulates and chooses.

Source: modalities fact sheet, section 1.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import msgspec

from openkap.assess.score_chart import ScoreRecord
from openkap.assess.signs import Sign, check_sign, look, not_measured, where_from
from openkap.chart.types import State
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.kernel.content import Header, load, refuse_dangling, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import number
from openkap.kernel.source import Sourced
from openkap.kernel.truth import Answer, Gap


class Counting(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How signs become a level.

    Args:
        several: signs of one kind from which on the level is 2.
        levels: words for levels 0 to 3; `not_measured` for null.
        not_taken: words for a level that a clinician did not take over.
    """

    several: int
    levels: tuple[str, str, str, str]
    not_measured: str
    not_taken: str


class Statement(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sentence that stands wherever a modality is suggested."""

    text: str


class Dimension(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Args:
        interview: fact that counts the interview signs.
        also: facts that count one interview sign each.
        prompts: what the interview looks for.
        first, next: modalities, as ids; `first_words`, `next_words` for a reader.
        care: what to take care of.
        gates: what must be settled before the first choice.
    """

    words: str
    interview: str
    prompts: tuple[str, ...]
    first: tuple[str, ...]
    first_words: str
    next: tuple[str, ...]
    next_words: str
    care: tuple[str, ...]
    also: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()


class FormulationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/formulation.toml`."""

    content: Header
    counting: Counting
    statement: tuple[Statement, ...]
    dimension: tuple[Dimension, ...]
    sign: tuple[Sign, ...]

    @property
    def rows(self) -> tuple[Sourced, ...]:
        """Every row that carries an id."""
        return (self.counting, *self.statement, *self.dimension, *self.sign)


@cache
def formulation_rules() -> FormulationFile:
    """The rules of formulation, checked."""
    file = load("assess", "formulation.toml", FormulationFile)
    where = "assess/content/formulation.toml"
    refuse_dangling(file.rows, sources("assess"), where)
    names = {d.id for d in file.dimension}
    for sign in file.sign:
        if sign.dimension not in names:
            raise ContentFault(f"{where}: {sign.id} belongs to {sign.dimension!r}, which is no dimension; correct it.")
        check_sign(sign, where)
    for row in file.dimension:
        strange = [fact for fact in (row.interview, *row.also) if fact not in facts()]
        if strange:
            raise ContentFault(f"{where}: {row.id} counts {strange[0]!r}, which is not a fact; correct the name.")
    return file


@dataclass(frozen=True, slots=True)
class Judged:
    """
    One sign, looked for.

    Args:
        id: of the sign, or the fact that counts an interview sign.
        kind: `questionnaire` or `interview`.
        answer: present, absent or not measured, with its reasons.
        count: how many signs it stands for when present.
    """

    id: str
    kind: Literal["questionnaire", "interview"]
    answer: Answer
    count: int = 1

    def document(self) -> dict[str, Any]:
        """As `openkap assess` shows it."""
        present = None if self.answer.is_unknown else self.answer.is_true
        return {
            "sign": self.id,
            "kind": self.kind,
            "present": present,
            "count": self.count if self.answer.is_true else 0,
            "because": list(self.answer.because),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """
    A dimension for one patient.

    Args:
        dimension: its row.
        level: None not measured; 0 none; 1 one sign; 2 several of one kind; 3 signs of both kinds.
        because: the lines that carry the level.
        signs: every sign, also the absent and the unmeasured.
    """

    dimension: Dimension
    level: int | None
    because: tuple[str, ...]
    signs: tuple[Judged, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What was not measured."""
        return tuple(dict.fromkeys(gap for sign in self.signs for gap in sign.answer.gaps))

    def document(self) -> dict[str, Any]:
        """As `openkap assess` shows it."""
        rules, row = formulation_rules().counting, self.dimension
        return {
            "words": row.words,
            "level": self.level,
            "level_words": rules.not_measured if self.level is None else rules.levels[self.level],
            "because": list(self.because),
            "signs": [sign.document() for sign in self.signs],
            "first": list(row.first),
            "first_words": row.first_words,
            "next": list(row.next),
            "next_words": row.next_words,
            "care": list(row.care),
            "gates": list(row.gates),
            "prompts": list(row.prompts),
            "evidence": row.evidence,
            "verified": row.verified,
        }


def with_decisions(
    formulation: Mapping[str, Mapping[str, Any]], taken: Mapping[str, bool]
) -> dict[str, Mapping[str, Any]]:
    """
    The formulation as a clinician took it over: what was not taken points to nothing.

    Args:
        formulation: documents by dimension, as `openkap assess` shows them.
        taken: dimensions that a clinician looked at; a dimension without an entry stays as reasoned.
    """
    words = formulation_rules().counting.not_taken
    refused = {"level": None, "level_words": words, "accepted": False}
    return {
        name: part if name not in taken else {**part, **({"accepted": True} if taken[name] else refused)}
        for name, part in formulation.items()
    }


def formulate(view: View, records: Sequence[ScoreRecord]) -> dict[str, Finding]:
    """
    The seven dimensions of a chart on the view's day.

    Args:
        view: of the chart that `score_chart.scored` returned.
        records: its scored forms.
    """
    rules = formulation_rules()
    return {row.id: _dimension(row, rules, view, records) for row in rules.dimension}


def level(questionnaire: int, interview: int, measured: bool, several: int) -> int | None:
    """The level for so many signs of each kind; None where no sign was measured."""
    if not measured:
        return None
    if questionnaire and interview:
        return 3
    found = questionnaire + interview
    return 2 if found >= several else found


def _dimension(row: Dimension, rules: FormulationFile, view: View, records: Sequence[ScoreRecord]) -> Finding:
    signs = [
        Judged(sign.id, "questionnaire", look(sign, view, records)) for sign in rules.sign if sign.dimension == row.id
    ]
    signs += [_counted(view.state(row.interview)), *(_interview(view.state(fact)) for fact in row.also)]
    present = [s for s in signs if s.answer.is_true]
    measured = [s for s in signs if not s.answer.is_unknown]
    counts = {kind: sum(s.count for s in present if s.kind == kind) for kind in ("questionnaire", "interview")}
    found = level(counts["questionnaire"], counts["interview"], bool(measured), rules.counting.several)
    because = [text for s in present or measured or signs for text in s.answer.because]
    return Finding(row, found, tuple(dict.fromkeys(because)), tuple(signs))


# --- interview signs ---------------------------------------------------------------------------------


def _counted(state: State) -> Judged:
    if state.status != "known" or not isinstance(state.value, Decimal):
        return Judged(state.fact, "interview", not_measured(state))
    count, words = int(state.value), facts()[state.fact].words
    words = words.replace("signs", "sign", 1) if count == 1 else words
    said = f"{number(state.value)} {words} {where_from(state)}"
    return Judged(state.fact, "interview", Answer.true(said) if count else Answer.false(said), count)


def _interview(state: State) -> Judged:
    if not state.settled:
        return Judged(state.fact, "interview", not_measured(state))
    words = facts()[state.fact].words
    answer = Answer.true(f"{words}: yes, record {where_from(state)}") if state.value is True else None
    return Judged(state.fact, "interview", answer or Answer.false(f"{words}: asked, none, record {where_from(state)}"))
