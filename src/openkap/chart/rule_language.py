"""
The parser of the rule language: from a line in a content file to a tree of `expression` nodes.

Every name is checked while parsing, so a typing error in a rule stops the load and not a patient.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

from openkap.chart.expression import (
    COMPARISONS,
    Among,
    AnyKnown,
    Both,
    Compare,
    Either,
    Flag,
    Node,
    Not,
    Seen,
    Taken,
    Taking,
    Within,
)
from openkap.chart.vocabulary import facts, members
from openkap.kernel.errors import ContentFault

_TOKEN = re.compile(r"\s*(?:(?P<op>>=|<=|>|<|=|\(|\)|,)|\$(?P<limit>[a-z0-9-]+)|(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*))")


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """
    Parse an expression and check every name in it.

    Raises:
        ContentFault: a fact, class or option that does not exist, or a form that is not of the language.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str):
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found:
                raise ContentFault(
                    f"Rule {self.text!r}: cannot read {text[place : place + 12]!r}; see the rule language."
                )
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
        if name == "taken":
            return self.taken()
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

    def taken(self) -> Node:
        self.expect("(")
        named = [self.fact(self.expect_kind("name"), "number", "score", "choice", "result", "derived")]
        while self.take(","):
            named.append(self.fact(self.expect_kind("name"), "number", "score", "choice", "result", "derived"))
        self.expect(")")
        return Taken(facts=tuple(named))

    def about(self, name: str) -> Node:
        kind, token = self.tokens[self.next] if self.next < len(self.tokens) else ("", "")
        if kind == "op" and token in COMPARISONS:
            self.next += 1
            return Compare(
                fact=self.fact(name, "number", "score", "derived"), op=token, limit=self.expect_kind("limit")
            )
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

    def refuse(self, why: str) -> NoReturn:
        raise ContentFault(f"Rule {self.text!r}: {why}; correct the rule.")
