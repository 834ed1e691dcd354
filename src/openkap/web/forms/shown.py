"""A question as a page draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openkap.assess import asking
from openkap.assess.asking import Question
from openkap.assess.intake import DECLINED, NEVER
from openkap.web.forms.known import Known


@dataclass(frozen=True)
class Shown:
    """
    A question with what was said.

    Args:
        chosen: codes or words to show as given.
        entries: of a list: (number, words) of each entry, and the number of the next.
        known: what the record says, to be confirmed; never chosen by itself.
        fields: of a list.
    """

    q: Question
    chosen: tuple[str, ...]
    declined: bool
    never: bool
    entries: tuple[tuple[int, str], ...] = ()
    next_number: int = 1
    known: Known | None = None
    fields: tuple[ShownField, ...] = ()

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """(code, words, chosen) of each option."""
        return [(code, words, code in self.chosen) for code, words in self.q.options]

    @property
    def text(self) -> str:
        """The words or number that were given."""
        return next(iter(self.chosen), "")

    @property
    def name(self) -> str:
        """Name of the control."""
        return "value"

    @property
    def after(self) -> str:
        """The question on which it depends."""
        return self.q.only_if[0] if self.q.only_if else ""

    @property
    def after_codes(self) -> str:
        """The codes of that question for which this one is asked."""
        return " ".join(self.q.only_if[1]) if self.q.only_if else ""

    @property
    def alarm(self) -> str:
        """Codes that call for help."""
        return " ".join(self.q.alarm)

    @property
    def said(self) -> str:
        """Codes that were given, for the script; empty: open."""
        if self.declined:
            return DECLINED
        return (
            NEVER if self.never else " ".join(self.chosen) if self.q.kind == "choice" else ("x" if self.chosen else "")
        )


@dataclass(frozen=True)
class ShownField(Shown):
    """
    A question inside an entry.

    Args:
        prefix: of the name of its control.
    """

    prefix: str = "value-"

    @property
    def name(self) -> str:
        return f"{self.prefix}{self.q.link}"


def shown(
    question: Question,
    answers: Mapping[str, object],
    known: Known | None = None,
    *,
    typed: Mapping[str, Sequence[str]] | None = None,
) -> Shown:
    """
    Args:
        typed: fields as they were sent and refused: they are shown again.
    """
    value = answers.get(question.link)
    chosen = tuple(typed.get("value", ())) if typed else _codes(value)
    fields = tuple(
        ShownField(field, tuple((typed or {}).get(f"value-{field.link}", ())), False, False)
        for field in question.fields
    )
    numbered = {
        int(link.partition("/")[2]): entry for link, entry in answers.items() if link.startswith(f"{question.link}/")
    }
    rows = tuple((n, _entry(question, entry)) for n, entry in sorted(numbered.items()) if isinstance(entry, dict))
    return Shown(
        question,
        chosen,
        declined=value == DECLINED,
        never=value == NEVER,
        entries=rows,
        next_number=max(numbered, default=0) + 1,
        known=known,
        fields=fields,
    )


def _codes(value: object) -> tuple[str, ...]:
    if value is None or value in (DECLINED, NEVER):
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _entry(question: Question, entry: Mapping[str, Any]) -> str:
    """An entry in one line, in the words of its options."""
    parts = []
    for field in question.fields:
        if field.link in entry:
            words = dict(field.options).get(str(entry[field.link]), str(entry[field.link]))
            parts.append(words if field.needed else f"{field.text} {words}")
    return "; ".join(parts)


def words_of(question: Question, value: object) -> str:
    """An answer in words, for staff."""
    if value in (DECLINED, NEVER):
        return asking.requests().words.decline if value == DECLINED else question.never
    options = dict(question.options)
    return ", ".join(options.get(code, code) for code in _codes(value))
