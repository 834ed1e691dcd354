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

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from openkap.chart.types import Interval, State
from openkap.chart.view import View, show
from openkap.chart.vocabulary import facts, members
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
class Node:
    """One node of a parsed expression. `parts` are its children."""

    parts: tuple[Node, ...] = ()

    def evaluate(self, setting: Setting) -> Answer:
        raise NotImplementedError  # pragma: no cover - every concrete node has its own

    def words(self, limits: Mapping[str, Limit], negated: bool = False) -> str:
        raise NotImplementedError  # pragma: no cover - every concrete node has its own

    def atoms(self) -> Iterator[Node]:
        """The leaves, left to right."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.atoms()


@dataclass(frozen=True, slots=True)
class Both(Node):
    def evaluate(self, setting: Setting) -> Answer:
        return conjunction(*(part.evaluate(setting) for part in self.parts))

    def words(self, limits, negated=False):
        return (" or " if negated else " and ").join(part.words(limits, negated) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Either(Node):
    def evaluate(self, setting: Setting) -> Answer:
        return disjunction(*(part.evaluate(setting) for part in self.parts))

    def words(self, limits, negated=False):
        return (" and " if negated else " or ").join(part.words(limits, negated) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Node):
    def evaluate(self, setting: Setting) -> Answer:
        return negation(self.parts[0].evaluate(setting))

    def words(self, limits, negated=False):
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

    def words(self, limits, negated=False):
        return f"{'no ' if negated else ''}{facts()[self.fact].words}"


_COMPARE: dict[str, tuple[Callable[[Decimal, Decimal], bool], str, str]] = {
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
        test, above, below = _COMPARE[self.op]
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

    def words(self, limits, negated=False):
        _, above, below = _COMPARE[self.op]
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

    def words(self, limits, negated=False):
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
        return Answer.true(text, self.fact) if inside else Answer.false(f"{text} ago", self.fact)

    def words(self, limits, negated=False):
        return f"{facts()[self.fact].words} {'more than' if negated else 'within'} {limits[self.limit]}{' ago' if negated else ''}"


@dataclass(frozen=True, slots=True)
class Taking(Node):
    """A current medicine of a class."""

    group: str = ""

    def evaluate(self, setting: Setting) -> Answer:
        return setting.view.taking(self.group)

    def words(self, limits, negated=False):
        return f"{'not ' if negated else ''}taking {self.group.replace('-', ' ')}"


@dataclass(frozen=True, slots=True)
class Seen(Node):
    """
    Redundant evidence: raises when it is there, waits when it is doubtful, is silent when it is missing.

    Not allowed under `not`, where silence would clear. Each use is explained under the rule's `reading`.
    """

    def evaluate(self, setting: Setting) -> Answer:
        answer = self.parts[0].evaluate(setting)
        if answer.is_unknown and not any(gap.reason in ("conflict", "unconfirmed") for gap in answer.gaps):
            return Answer.false()
        return answer

    def words(self, limits, negated=False):
        return self.parts[0].words(limits, negated)


@dataclass(frozen=True, slots=True)
class AnyKnown(Node):
    """
    Several measures of one thing, of which those at hand decide: true if any is true, false if at least
    one is known and none is true, unknown if none is at hand or a conflict stands among them.
    """

    def evaluate(self, setting: Setting) -> Answer:
        answers = [part.evaluate(setting) for part in self.parts]
        if any(a.is_true for a in answers) or any(a.in_conflict for a in answers) or all(a.is_unknown for a in answers):
            return disjunction(*answers)
        return disjunction(*(a for a in answers if a.is_false))

    def words(self, limits, negated=False):
        return (" and " if negated else " or ").join(part.words(limits, negated) for part in self.parts)


_TOKEN = re.compile(r"\s*(?:(?P<op>>=|<=|>|<|=|\(|\)|,)|\$(?P<limit>[a-z0-9-]+)|(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*))")


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """
    Parse an expression and check every name in it.

    Raises:
        ContentFault: a fact, class or option that does not exist, or a form that is not of the language.
    """
    return _Parser(text).whole()


def limits_named(node: Node) -> set[str]:
    """The limits that an expression uses."""
    return {atom.limit for atom in node.atoms() if isinstance(atom, (Compare, Within))}


def facts_named(node: Node) -> tuple[str, ...]:
    """The facts that an expression reads, in order; `medication-list` for a class of medicines."""
    return tuple(
        dict.fromkeys(
            "medication-list" if isinstance(atom, Taking) else atom.fact  # type: ignore[attr-defined]
            for atom in node.atoms()
        )
    )


class _Parser:
    def __init__(self, text: str):
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found:
                raise ContentFault(f"Rule {self.text!r}: cannot read {text[place:place + 12]!r}; see the rule language.")
            kind = found.lastgroup or ""
            self.tokens.append((kind, found[kind]))
            place = found.end()
        self.next = 0

    def whole(self) -> Node:
        node = self.either()
        if self.next != len(self.tokens):
            self.refuse(f"ends before {self.tokens[self.next][1]!r}")
        self.check_seen(node, negated=False)
        return node

    def check_seen(self, node: Node, negated: bool) -> None:
        """Under `not`, silence would clear: there `seen` must not stand."""
        if isinstance(node, Seen) and negated:
            self.refuse("seen(...) may not stand under `not`, where silence would clear")
        for part in node.parts:
            self.check_seen(part, negated or isinstance(node, Not))

    def either(self) -> Node:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Node:
        parts = [self.single()]
        while self.take("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def single(self) -> Node:
        if self.take("not"):
            return Not((self.single(),))
        if self.take("("):
            node = self.either()
            self.expect(")")
            return node
        name = self.expect_kind("name")
        if name == "taking":
            self.expect("(")
            group = self.expect_kind("name")
            members(group)
            self.expect(")")
            return Taking(group=group)
        if name in ("seen", "any-known"):
            return self.group(name)
        if name == "within":
            self.expect("(")
            fact = self.fact(self.expect_kind("name"), "date")
            self.expect(",")
            limit = self.expect_kind("limit")
            self.expect(")")
            return Within(fact=fact, limit=limit)
        return self.about(name)

    def group(self, name: str) -> Node:
        self.expect("(")
        parts = [self.either()]
        while name == "any-known" and self.take(","):
            parts.append(self.either())
        self.expect(")")
        return Seen(tuple(parts)) if name == "seen" else AnyKnown(tuple(parts))

    def about(self, name: str) -> Node:
        kind, token = self.tokens[self.next] if self.next < len(self.tokens) else ("", "")
        if kind == "op" and token in _COMPARE:
            self.next += 1
            return Compare(fact=self.fact(name, "number", "score", "derived"), op=token, limit=self.expect_kind("limit"))
        if token == "=":
            self.next += 1
            return self.among(name, (self.expect_kind("name"),))
        if (kind, token) == ("name", "in"):
            self.next += 1
            self.expect("(")
            options = [self.expect_kind("name")]
            while self.take(","):
                options.append(self.expect_kind("name"))
            self.expect(")")
            return self.among(name, tuple(options))
        return Flag(fact=self.fact(name, "history", "state", "derived"))

    def among(self, name: str, options: tuple[str, ...]) -> Node:
        fact = facts()[self.fact(name, "choice", "result", "score", "derived")]
        allowed = fact.options or (("positive", "negative") if fact.kind == "result" else ())
        for option in options:
            if option not in allowed:
                self.refuse(f"{option!r} is no answer of {name}")
        return Among(fact=name, options=options)

    def fact(self, name: str, *kinds: str) -> str:
        if name not in facts():
            self.refuse(f"{name!r} is not a fact of the vocabulary")
        if facts()[name].kind not in kinds:
            self.refuse(f"{name} is a {facts()[name].kind}, which cannot stand there")
        return name

    def take(self, token: str) -> bool:
        if self.next < len(self.tokens) and self.tokens[self.next] in (("op", token), ("name", token)):
            self.next += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            self.refuse(f"{token!r} is missing")

    def expect_kind(self, kind: str) -> str:
        if self.next >= len(self.tokens) or self.tokens[self.next][0] != kind:
            self.refuse(f"a {kind} is missing")
        self.next += 1
        return self.tokens[self.next - 1][1]

    def refuse(self, why: str) -> None:
        raise ContentFault(f"Rule {self.text!r}: {why}; correct the rule.")


def _unknown(state: State, setting: Setting) -> Answer:
    reason = "unconfirmed" if "not confirmed" in state.reason else "declined" if "declines" in state.reason else state.status
    missing = state.missing or (_to_ask(state, setting),)
    return Answer.unknown(*(Gap(fact, reason, state.reason) for fact in missing))


def _amount(limit: Limit, unit: str) -> str:
    return f"{number(limit)} {unit_words(unit)}".strip() if isinstance(limit, Decimal) else str(limit)


def _to_ask(state: State, setting: Setting) -> str:
    """The fact to ask for: the parent whose denial would deny this one, unless the parent is known to be present."""
    if state.status == "conflict" or "not confirmed" in state.reason:
        return state.fact
    parents = facts()[state.fact].denied_by
    return next((parent for parent in parents if setting.view.state(parent).value is not True), state.fact)
