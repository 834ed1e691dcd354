"""
The language in which clinical rules are written in content files.

    systolic-mean >= $systolic or diastolic-mean >= $diastolic
    stroke-tia and within(stroke-tia-on, $recent)
    taking(opioid) and sleep-apnoea
    child-pugh = B          contraception in (none, declines)

A bare name asks whether a yes/no fact is present. `$name` is a limit of the rule, so that every number
stands in one reviewable place. `and`, `or`, `not` follow Kleene's three-valued logic. There is nothing
else: no arithmetic, no default, no way to ask "is it missing", so a rule cannot turn silence into a no.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from openkap.chart.types import Interval, State
from openkap.chart.view import View, show
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import Span, When
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import number, unit_words
from openkap.kernel.truth import Answer, Gap, conjunction, disjunction, negation

Limit = Decimal | Span


@dataclass(frozen=True, slots=True)
class Setting:
    """
    What an expression is evaluated in.

    Args:
        view: the chart on the day.
        limits: the rule's limits by name.
        look_back: replacement look-backs by fact name.
        all_look_back: replaces every look-back, as on a dose day.
    """

    view: View
    limits: Mapping[str, Limit]
    look_back: Mapping[str, Span]
    all_look_back: Span | None = None

    def state(self, fact: str) -> State:
        return self.view.state(fact, self.look_back.get(fact, self.all_look_back))


@dataclass(frozen=True, slots=True)
class Node(ABC):
    """One node of a parsed expression. `parts` are its children."""

    parts: tuple[Node, ...] = ()

    @abstractmethod
    def evaluate(self, setting: Setting) -> Answer:
        """The answer of this condition in a setting."""

    @abstractmethod
    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        """The condition, or its opposite, as a reader would say it."""

    def atoms(self) -> Iterator[Node]:
        """The leaves, left to right."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.atoms()


def _joined(word: str, parts: tuple[Node, ...], limits: Mapping[str, Limit], negated: bool) -> str:
    """Parts in words; a part that is itself several gets brackets, so that "A or B and C" cannot be misread."""
    texts = (part.words(limits, negated) for part in parts)
    return word.join(f"({text})" if len(part.parts) > 1 else text for part, text in zip(parts, texts, strict=True))


@dataclass(frozen=True, slots=True)
class Both(Node):
    """AND."""

    def evaluate(self, setting: Setting) -> Answer:
        return conjunction(*(part.evaluate(setting) for part in self.parts))

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return _joined(" or " if negated else " and ", self.parts, limits, negated)


@dataclass(frozen=True, slots=True)
class Either(Node):
    """OR."""

    def evaluate(self, setting: Setting) -> Answer:
        return disjunction(*(part.evaluate(setting) for part in self.parts))

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return _joined(" and " if negated else " or ", self.parts, limits, negated)


@dataclass(frozen=True, slots=True)
class Not(Node):
    """NOT."""

    def evaluate(self, setting: Setting) -> Answer:
        return negation(self.parts[0].evaluate(setting))

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return self.parts[0].words(limits, not negated)


@dataclass(frozen=True, slots=True)
class Flag(Node):
    """A yes/no fact."""

    fact: str = ""

    def evaluate(self, setting: Setting) -> Answer:
        state = setting.state(self.fact)
        if not state.settled:
            return _unknown(state, setting)
        words = facts()[self.fact].words
        if state.value is True:
            return Answer.true(f"{words}: {show(state)}", self.fact)
        return Answer.false(f"{words}: {show(state)}", self.fact)

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return f"{'no ' if negated else ''}{facts()[self.fact].words}"


COMPARISONS: dict[str, tuple[Callable[[Decimal, Decimal], bool], str, str]] = {
    ">=": (lambda a, b: a >= b, "at or above", "below"),
    ">": (lambda a, b: a > b, "above", "at or below"),
    "<=": (lambda a, b: a <= b, "at or below", "above"),
    "<": (lambda a, b: a < b, "below", "at or above"),
}


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A number against a limit. A derived fact may be a range; then both ends must agree."""

    fact: str = ""
    op: str = ""
    limit: str = ""

    def evaluate(self, setting: Setting) -> Answer:
        state = setting.state(self.fact)
        if not state.settled:
            return _unknown(state, setting)
        test, above, below = COMPARISONS[self.op]
        limit = setting.limits[self.limit]
        fact = facts()[self.fact]
        if not isinstance(limit, Decimal):
            raise ContentFault(f"{self.fact} {self.op} ${self.limit}: the limit is not a number; correct the rule.")
        if isinstance(state.value, Interval):
            holds = test(state.value.low, limit)
            if holds is not test(state.value.high, limit):
                text = f"{fact.words} is {show(state)}, and {_amount(limit, fact.unit)} lies between"
                return Answer.unknown(*(Gap(name, "range", text) for name in state.missing or (self.fact,)))
        elif isinstance(state.value, Decimal):
            holds = test(state.value, limit)
        else:
            raise ContentFault(f"{self.fact} is not a number: correct the rule that compares it.")
        text = f"{fact.words} {show(state)} is {above if holds else below} {_amount(limit, fact.unit)}"
        return Answer.true(text, self.fact) if holds else Answer.false(text, self.fact)

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        _, above, below = COMPARISONS[self.op]
        fact = facts()[self.fact]
        return f"{fact.words} {below if negated else above} {_amount(limits[self.limit], fact.unit)}"


@dataclass(frozen=True, slots=True)
class Among(Node):
    """An answer code, or a test result, among some options."""

    fact: str = ""
    options: tuple[str, ...] = ()

    def evaluate(self, setting: Setting) -> Answer:
        state = setting.state(self.fact)
        if not state.settled:
            return _unknown(state, setting)
        text = f"{facts()[self.fact].words}: {show(state)}"
        return Answer.true(text, self.fact) if state.value in self.options else Answer.false(text, self.fact)

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return f"{facts()[self.fact].words} {'other than' if negated else 'being'} {' or '.join(self.options)}"


@dataclass(frozen=True, slots=True)
class Within(Node):
    """An event at most so long ago, read at the latest day it may have been."""

    fact: str = ""
    limit: str = ""

    def evaluate(self, setting: Setting) -> Answer:
        state = setting.view.state(self.fact)
        span = setting.limits[self.limit]
        if not isinstance(span, Span):
            raise ContentFault(f"within({self.fact}, ${self.limit}) needs a span of days: correct the rule.")
        if not state.settled:
            return _unknown(state, setting)
        if not isinstance(state.value, When):
            return Answer.false(f"{facts()[self.fact].words}: never", self.fact)
        inside = state.value.latest >= span.before(setting.view.on)
        text = f"{facts()[self.fact].words} {show(state)}, {'within' if inside else 'more than'} {span}"
        if not inside and state.missing:  # another one may have been later
            return Answer.unknown(*(Gap(name, "undated", state.reason) for name in state.missing))
        return Answer.true(text, self.fact) if inside else Answer.false(f"{text} ago", self.fact)

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        how_long = f"more than {limits[self.limit]} ago" if negated else f"within {limits[self.limit]}"
        return f"{facts()[self.fact].words} {how_long}"


@dataclass(frozen=True, slots=True)
class Taking(Node):
    """A current medicine of a class."""

    group: str = ""

    def evaluate(self, setting: Setting) -> Answer:
        return setting.view.taking(self.group)

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return f"{'not ' if negated else ''}taking {self.group.replace('-', ' ')}"


@dataclass(frozen=True, slots=True)
class Seen(Node):
    """
    Redundant evidence: raises when it is there, waits when it is doubtful or cannot be read, is silent when it
    is missing.

    Not allowed under `not`, where silence would clear. Each use is explained under the rule's `reading`.
    """

    def evaluate(self, setting: Setting) -> Answer:
        answer = self.parts[0].evaluate(setting)
        return answer if not answer.is_unknown or _doubtful(answer, "unread") else Answer.false()

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return self.parts[0].words(limits, negated)


@dataclass(frozen=True, slots=True)
class AnyKnown(Node):
    """
    Several measures of one thing, of which those at hand decide: true if any is true, false if at least
    one is known and none is true, unknown if none is at hand or a conflict or doubt stands among them.
    """

    def evaluate(self, setting: Setting) -> Answer:
        answers = [part.evaluate(setting) for part in self.parts]
        if any(a.is_true or _doubtful(a) for a in answers) or all(a.is_unknown for a in answers):
            return disjunction(*answers)
        return disjunction(*(a for a in answers if a.is_false))

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        return _joined(" and " if negated else " or ", self.parts, limits, negated)


@dataclass(frozen=True, slots=True)
class Taken(Node):
    """
    A reading was taken, whatever it shows: true if any of the facts is known, else unknown.

    Never false, so a completeness check can be open or settled and nothing else.
    """

    facts: tuple[str, ...] = ()

    def evaluate(self, setting: Setting) -> Answer:
        states = [setting.state(fact) for fact in self.facts]
        known = [state for state in states if state.settled]
        if known:
            return Answer.true(f"{facts()[known[0].fact].words}: {show(known[0])}", known[0].fact)
        return disjunction(*(_unknown(state, setting) for state in states))

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        named = " or ".join(facts()[fact].words for fact in self.facts)
        return f"{named} {'not taken' if negated else 'taken'}"


def limits_named(node: Node) -> set[str]:
    """The limits that an expression uses."""
    return {atom.limit for atom in node.atoms() if isinstance(atom, (Compare, Within))}


def facts_named(node: Node) -> tuple[str, ...]:
    """The facts that an expression reads, in order; `medication-list` for a class of medicines."""
    named: dict[str, None] = {}
    for atom in node.atoms():
        if isinstance(atom, Taking):
            named["medication-list"] = None
        elif isinstance(atom, Taken):
            named.update(dict.fromkeys(atom.facts))
        else:
            named[atom.fact] = None  # type: ignore[attr-defined]
    return tuple(named)


def _unknown(state: State, setting: Setting) -> Answer:
    reason = (
        "unconfirmed"
        if "not confirmed" in state.reason
        else "declined"
        if "declines" in state.reason
        else "unread"
        if state.unread
        else state.status
    )
    missing = state.missing or (_to_ask(state, setting),)
    return Answer.unknown(
        *(Gap(fact, "unobtainable" if setting.state(fact).excused else reason, state.reason) for fact in missing)
    )


def _amount(limit: Limit, unit: str) -> str:
    return f"{number(limit)} {unit_words(unit)}".strip() if isinstance(limit, Decimal) else str(limit)


def _doubtful(answer: Answer, *also: str) -> bool:
    """True if the answer waits for a conflict or an unconfirmed record, which silence must never cover."""
    return any(gap.reason in ("conflict", "unconfirmed", *also) for gap in answer.gaps)


def _to_ask(state: State, setting: Setting) -> str:
    """The fact to ask for: the parent whose denial would deny this one, unless the parent is known to be present."""
    if state.status == "conflict" or "not confirmed" in state.reason:
        return state.fact
    parents = facts()[state.fact].denied_by
    return next((parent for parent in parents if setting.view.state(parent).value is not True), state.fact)
