"""
Three-valued truth that remembers why.

An `Answer` is TRUE, FALSE or UNKNOWN (Kleene's strong logic) together with the sentences that
support it and, where it is unknown, the facts that would have to be known. UNKNOWN is contagious
exactly as far as it must be: `FALSE and UNKNOWN` is FALSE, `TRUE and UNKNOWN` is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Truth(Enum):
    """Yes, no, or not yet known."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Gap:
    """
    One fact that an unknown answer waits for.

    Args:
        fact: name in the vocabulary.
        reason: why it counts as unknown: `no record`, `stale`, `conflict`, `unconfirmed`,
            `declined`, `unit`, `unsigned` ...
        text: the same for a reader ("TSH is 120 days old, the limit is 90").
    """

    fact: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A truth value with its reasons.

    Args:
        value: the truth.
        because: sentences, in reading order, that carry the value.
        facts: names of the facts that carry the value.
        gaps: what is missing; empty unless the value is UNKNOWN.
    """

    value: Truth
    because: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def true(cls, because: str = "", *facts: str) -> Answer:
        return cls(Truth.TRUE, (because,) if because else (), facts)

    @classmethod
    def false(cls, because: str = "", *facts: str) -> Answer:
        return cls(Truth.FALSE, (because,) if because else (), facts)

    @classmethod
    def unknown(cls, *gaps: Gap) -> Answer:
        return cls(Truth.UNKNOWN, tuple(g.text for g in gaps), tuple(g.fact for g in gaps), gaps)

    @property
    def is_true(self) -> bool:
        return self.value is Truth.TRUE

    @property
    def is_false(self) -> bool:
        return self.value is Truth.FALSE

    @property
    def is_unknown(self) -> bool:
        return self.value is Truth.UNKNOWN

    @property
    def in_conflict(self) -> bool:
        """True when the answer waits for a conflict between two records to be resolved."""
        return any(gap.reason == "conflict" for gap in self.gaps)


def negation(answer: Answer) -> Answer:
    """NOT: swaps true and false, keeps unknown; the reasons stay."""
    if answer.is_unknown:
        return answer
    flipped = Truth.FALSE if answer.is_true else Truth.TRUE
    return Answer(flipped, answer.because, answer.facts)


def conjunction(*answers: Answer) -> Answer:
    """AND: false if any is false, else unknown if any is unknown, else true. Empty is true."""
    return _combine(answers, decisive=Truth.FALSE, otherwise=Truth.TRUE)


def disjunction(*answers: Answer) -> Answer:
    """OR: true if any is true, else unknown if any is unknown, else false. Empty is false."""
    return _combine(answers, decisive=Truth.TRUE, otherwise=Truth.FALSE)


def _combine(answers: tuple[Answer, ...], decisive: Truth, otherwise: Truth) -> Answer:
    for value in (decisive, Truth.UNKNOWN, otherwise):
        chosen = [a for a in answers if a.value is value]
        if chosen or value is otherwise:
            return Answer(
                value,
                _unique(text for a in chosen for text in a.because),
                _unique(fact for a in chosen for fact in a.facts),
                _unique(gap for a in chosen for gap in a.gaps),
            )
    raise AssertionError("unreachable: every truth value was tried")


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
