"""Rows of content of this room and the files that hold them."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from openkap.kernel.content import Header
from openkap.kernel.source import Sourced
from openkap.plan.types import Drug, Statement
from openkap.screen.types import Route


class MeasureRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A number that is read at the chair.

    Args:
        name: in readings and alerts.
        fact: whose unit and plausible range in the vocabulary it takes; else `unit`, `least` and `most` are its own.
        low_words, high_words: what the ends of a scale mean.
        check: which check it belongs to; empty where it is read as needed.
        group: readings of one group stand for each other in a check.
        alerts: the alert rows (ALT) whose lines it is held against.
    """

    name: str
    title: str
    fact: str = ""
    unit: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    low_words: str = ""
    high_words: str = ""
    check: Literal["vitals", "mind", ""] = ""
    group: str = ""
    alerts: tuple[str, ...] = ()


class MarkRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What staff see and one key sets: `row` is the ALT or RES row that makes it amber or red."""

    name: str
    key: str
    title: str
    row: str
    level: Literal["amber", "red"]


class GateRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a person confirms before a dose.

    Args:
        only: for esketamine, a dose too close, or a dose later than the first.
        unmet: what a no is: a hold, or a caution on which somebody decides in writing.
        ask: what is written down with a yes; empty: nothing.
    """

    name: str
    title: str
    remedy: str
    only: Literal["", "esketamine", "apart", "later"] = ""
    unmet: Literal["hold", "caution"] = "hold"
    ask: str = ""


class CheckRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a person answers before somebody goes home.

    Args:
        row: the DIS row it is part of; after: the mark after which it is asked again.
        ask: what is written down with a yes; empty: nothing.
    """

    name: str
    title: str
    row: str
    after: str = ""
    ask: str = ""


class AdviceRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A sentence of the sheet that somebody takes home, in order of `place`.

    Args:
        row: the DIS row it says in plain words; `{name}` in `words` is a number of it.
    """

    place: int
    words: str
    row: str


class StepRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """After `after_s` seconds without acknowledgement an alert of this level reaches everyone in `ring`."""

    level: Literal["amber", "red"]
    ring: Literal["bedside", "room", "prescriber", "site-phone"]
    after_s: Decimal


class GradeRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One grade of an adverse event, and whether the medical director is told."""

    grade: int
    title: str
    text: str
    tell_director: bool


class SeriousRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that makes an event serious."""

    name: str
    title: str


class ReportRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who outside asks for a report of an event."""

    title: str
    text: str
    drug: Drug
    serious_only: bool


class SituationRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do first: `steps` are RES rows, `alerts` the rows that lead here."""

    title: str
    steps: tuple[str, ...]
    alerts: tuple[str, ...]


class RoleRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who does what in an emergency."""

    title: str
    text: str


class RescueDrugRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is at hand; never with an amount. `row` names where the fact sheet has it."""

    title: str
    text: str
    row: str


class CalmRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sentence of the calm-down script, in order."""

    place: int
    text: str


class ScreenRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A screen for harm of longer use: `every_mo` months after the last, or after `every_doses` doses (0: no count)."""

    name: str
    title: str
    ask: str
    numbers: dict[str, Decimal]


class PatternRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a prescriber reviews the pattern of use: `signs` within `window_mo` months, a loss, or a finding."""

    title: str
    text: str
    numbers: dict[str, Decimal]


class ProductRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A product: form of a drug, and by which routes it is given.

    Args:
        shown: name with distinguishing capitals. per_ml: strengths in mg/mL; unit: mg of one container; empty: any.
    """

    drug: Drug
    form: Literal["vial", "lozenge", "device"]
    shown: str
    title: str
    routes: tuple[Route, ...]
    per_ml: tuple[Decimal, ...] = ()
    unit: tuple[Decimal, ...] = ()


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A content file of this room."""

    content: Header


class ReadingsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`readings.toml`."""

    measure: tuple[MeasureRow, ...]


class MarksFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`marks.toml`."""

    mark: tuple[MarkRow, ...]


class GateFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`gate.toml`."""

    item: tuple[GateRow, ...]


class DischargeFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`discharge.toml`."""

    check: tuple[CheckRow, ...]
    advice: tuple[AdviceRow, ...]


class PolicyFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`policy.toml`."""

    statement: tuple[Statement, ...]
    step: tuple[StepRow, ...]


class AdverseFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`adverse.toml`."""

    grade: tuple[GradeRow, ...]
    serious: tuple[SeriousRow, ...]
    report: tuple[ReportRow, ...]


class HarmFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`harm.toml`."""

    screen: tuple[ScreenRow, ...]
    pattern: tuple[PatternRow, ...]


class ProductsFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`products.toml`."""

    product: tuple[ProductRow, ...]


class EmergencyFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`emergency.toml`."""

    situation: tuple[SituationRow, ...]
    role: tuple[RoleRow, ...]
    drug: tuple[RescueDrugRow, ...]
    calm: tuple[CalmRow, ...]
