"""The gate as a page shows it: what keeps it shut first, by what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from openkap.chart.vocabulary import Fact, facts
from openkap.dose.gate import decidable, deciders, gate, green
from openkap.dose.library import shipped
from openkap.dose.protocol import Item
from openkap.dose.session import Session
from openkap.dose.types import Check, Finding, Hold, Phase, Stamp
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.screen.types import Screening
from openkap.web.parts import Shape, Words

SAID: dict[Truth, Words] = {Truth.TRUE: _("Yes"), Truth.FALSE: _("No"), Truth.UNKNOWN: _("Not known")}
SHAPES: dict[Truth, Shape] = {Truth.TRUE: "ok", Truth.FALSE: "stop", Truth.UNKNOWN: "miss"}


@dataclass(frozen=True)
class Line:
    """
    One line of the gate.

    Args:
        shape: stop, miss or ok; decide: somebody may decide on it; mine: the reader may.
        who: by whom it can be decided, where the reader may not.
    """

    finding: Finding
    shape: Shape
    decide: bool = False
    mine: bool = False


@dataclass(frozen=True)
class Asked:
    """A confirmation: the question, its newest answer of today, and whether it wants a number."""

    item: Item
    answer: Check | None
    number: bool

    @property
    def said(self) -> Words:
        return SAID[self.answer.truth] if self.answer else ""

    @property
    def shape(self) -> Shape:
        return SHAPES[self.answer.truth] if self.answer else "miss"


@dataclass(frozen=True)
class Shown:
    """
    The page.

    Args:
        green: the gate is; shut: lines that keep it shut, what nobody asked yet first; met: the others.
        asked: confirmations; facts: of the chart, that the screening of today waits for; apart: those of them that
            want a unit or limits beside them; chair: those that are read at the chair.
    """

    green: bool
    shut: tuple[Line, ...]
    met: tuple[Line, ...]
    asked: tuple[Asked, ...]
    facts: tuple[Fact, ...]
    apart: tuple[Fact, ...]
    chair: tuple[Fact, ...]
    holds: tuple[Hold, ...]
    phase: Phase


def shown(session: Session, now: Stamp, screening: Screening | None, roles: frozenset[Role]) -> Shown:
    """
    Args:
        screening: of the dose day, None where nobody is asked yet; roles: of the reader.
    """
    lines = gate(session, now)
    named = decidable(session, now)
    made = [
        _line(finding, named, roles) for finding in lines if finding.row != "CONTENT" or finding.met is not Truth.TRUE
    ]
    items = {item.title for item in session.protocol.items}
    shut = [line for line in made if line.shape != "ok" and not _is_item(line, items)]
    wanted = [facts()[ask.fact] for ask in screening.ask if ask.fact in facts()] if screening else []
    read = {one.fact for one in shipped().readings.measure if one.fact}
    asked = tuple(
        Asked(item, _today(session.check(item.name), now), item.name == "fear-asked")
        for item in session.protocol.items
        if item.only != "later" or session.doses != 0 or session.given
    )
    return Shown(
        green=green(lines),
        shut=tuple(sorted(shut, key=lambda line: line.shape != "miss")),
        met=tuple(line for line in made if line.shape == "ok"),
        asked=tuple(one for one in asked if one.item.only != "apart" or any(f.text == one.item.title for f in lines)),
        facts=tuple(fact for fact in wanted if fact.id not in read and not _apart(fact)),
        apart=tuple(fact for fact in wanted if fact.id not in read and _apart(fact)),
        chair=tuple(fact for fact in wanted if fact.id in read),
        holds=session.held,
        phase=session.phase,
    )


def _apart(fact: Fact) -> bool:
    """A number that is nothing without the unit, or the limits of the laboratory, that stand beside it."""
    if fact.kind != "number" or fact.unit == "{score}":
        return False
    return bool(fact.codes) or len({fact.unit, *fact.units} - {"1"}) > 1


def _line(finding: Finding, named: Mapping[str, str], roles: frozenset[Role]) -> Line:
    decide = finding.row in named and finding.met is not Truth.TRUE
    return Line(finding, SHAPES[finding.met], decide, decide and bool(roles & deciders(finding.row)))


def _is_item(line: Line, titles: set[str]) -> bool:
    """A confirmation that nobody gave: it stands in its own list, with its answers beside it."""
    return line.finding.text in titles


def _today(check: Check | None, now: Stamp) -> Check | None:
    return check if check is not None and check.stamp.day == now.day else None
