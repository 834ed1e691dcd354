"""
Help at once after a suicidality answer: what the patient reads, and who is told after how many minutes.

Texts, numbers and times stand in `content/crisis.toml`; a site's own numbers in `crisis.toml` of its folder.
Help is never withheld for want of a signature.

Source: hazard log, HAZ-48
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from openkap.assess.rulebook import rulebook
from openkap.assess.safety import UNANSWERED, safety_flags
from openkap.kernel.content import Header, convert, load, read_site_toml, refuse_dangling, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Row, Sourced

SITE_FILE = "crisis.toml"  # of a site's folder
Ring = Literal["on-call", "care-team", "clinicians", "staff"]
_ADDRESS = re.compile(r"https://[a-z0-9.-]+(:[0-9]+)?(/[!-~]*)?", re.IGNORECASE)
RINGS: tuple[Ring, ...] = ("on-call", "care-team", "clinicians", "staff")  # each wider than the one before


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sentences of the page, in plain words."""

    title: str
    first: str
    danger: str
    told: str
    not_told: str
    not_yet_sent: str
    plan: str
    plan_link: str
    go_on: str
    change: str
    unset: str


class NationalLine(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number to call where the site has set none of its own."""

    country: str
    name: str
    number: str
    when: str


class Step(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From `after_min` minutes on, the alert is in the hands of everyone in `ring`."""

    after_min: int
    ring: Ring


class Again(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """After the last step the alert reaches the last ring again, every so many minutes."""

    every_min: int


class CrisisFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/crisis.toml`."""

    content: Header
    texts: Texts
    line: tuple[NationalLine, ...]
    step: tuple[Step, ...]
    again: Again

    @property
    def rows(self) -> tuple[Sourced, ...]:
        """Every row that carries an id."""
        return (*self.line, *self.step, self.again)


class SiteLine(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number that the site vouches for: where it was taken from, who entered it, when."""

    name: str
    number: str
    source: str
    by: str
    on: date
    when: str = ""


class SiteFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    `crisis.toml` of a site's folder.

    Args:
        line: numbers, the first one to call first.
        promise: when a person reads such an answer, if the site can promise it; shown to the patient.
        safety_plan: address of the site's page for safety plans, `https://…`; empty if it has none.
    """

    line: tuple[SiteLine, ...]
    promise: str = ""
    safety_plan: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A number as the patient sees it."""

    name: str
    number: str
    when: str

    @property
    def dial(self) -> str:
        """What a phone dials."""
        return "".join(c for c in self.number if c in "+0123456789")


@dataclass(frozen=True, slots=True)
class Help:
    """
    What the page shows.

    Args:
        lines: numbers to tap, in order.
        mark: said beside them where they are the national ones; empty for the site's own.
        promise: when a person reads the answer; empty if the site promises nothing.
        safety_plan: address of the site's page for safety plans; empty if it has none.
    """

    texts: Texts
    lines: tuple[Line, ...]
    mark: str
    promise: str
    safety_plan: str = ""


@cache
def crisis_rules() -> CrisisFile:
    """The shipped texts, numbers and times, checked."""
    file = load("assess", "crisis.toml", CrisisFile)
    where = "assess/content/crisis.toml"
    refuse_dangling(file.rows, sources("assess"), where)
    times = [step.after_min for step in file.step]
    rings = [RINGS.index(step.ring) for step in file.step]
    if times[:1] != [0] or times != sorted(set(times)) or rings != sorted(rings) or file.step[-1].ring != RINGS[-1]:
        raise ContentFault(f"{where}: steps begin at 0 minutes, rise in time, widen, and end with staff; correct them.")
    return file


def help_of(site: Path | None) -> Help:
    """
    Help for patients of a site.

    Args:
        site: the site's folder; its `crisis.toml` goes before the national lines.

    Raises:
        ContentFault: the site's file is malformed or has no number that can be dialled.
    """
    rules = crisis_rules()
    path = site / SITE_FILE if site else None
    if path is None or not path.is_file():
        lines = tuple(Line(f"{row.name} ({row.country})", row.number, row.when) for row in rules.line)
        return Help(rules.texts, lines, rules.texts.unset, "")
    own = convert(read_site_toml(path), SiteFile, path.name)
    lines = tuple(Line(row.name, row.number, row.when) for row in own.line)
    if not lines or not all(line.dial for line in lines):
        raise ContentFault("crisis.toml: a line has no number that a phone can dial, or there is none; add it.")
    if own.safety_plan and not _ADDRESS.fullmatch(own.safety_plan):
        raise ContentFault("crisis.toml: safety_plan is no address of a page; write it as https://clinic.example/plan.")
    return Help(rules.texts, lines, "", own.promise, own.safety_plan)


def flags_of_answer(instrument: str, position: int, answer: object) -> tuple[str, ...]:
    """
    The suicidality flags that one answer raises, whatever else of the form is answered.

    Args:
        instrument: lower-case id.
        position: of the item, from 1.
        answer: as scoring takes it.
    """
    book = rulebook(instrument)
    if not book.has_safety or not 1 <= position <= book.items:
        return ()
    answers: list[object] = [None] * book.items
    answers[position - 1] = answer
    return tuple(flag for flag in safety_flags(book, answers) if flag != UNANSWERED)


def step_at(raised_at: datetime, now: datetime) -> int:
    """How many steps are due: 1 as soon as the answer is saved, more as time passes without anyone's note."""
    rules = crisis_rules()
    passed = now - raised_at
    due = sum(passed >= timedelta(minutes=step.after_min) for step in rules.step)
    last = timedelta(minutes=rules.step[-1].after_min)
    again = timedelta(minutes=rules.again.every_min)
    return max(due, 1) + (int((passed - last) / again) if passed > last else 0)


def due_at(raised_at: datetime, number: int) -> datetime:
    """When step `number` (from 1) is due."""
    rules = crisis_rules()
    beyond = max(number - len(rules.step), 0)
    step = rules.step[min(number, len(rules.step)) - 1]
    return raised_at + timedelta(minutes=step.after_min + beyond * rules.again.every_min)


def rings_of_step(number: int) -> Sequence[Ring]:
    """The ring of step `number` and the wider ones, to be tried in this order until one has people in it."""
    rules = crisis_rules()
    ring = rules.step[min(number, len(rules.step)) - 1].ring
    return RINGS[RINGS.index(ring) :]
