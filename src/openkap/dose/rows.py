"""Rows of content of this room and the files that hold them."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from openkap.kernel.content import Header
from openkap.kernel.source import Sourced
from openkap.plan.types import Drug, Statement


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
    """What a person confirms before a dose; `only` for esketamine, a maintenance course, or a dose too close."""

    name: str
    title: str
    remedy: str
    only: Literal["", "esketamine", "maintenance", "apart"] = ""


class CheckRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a person answers before somebody goes home.

    Args:
        row: the DIS row it is part of; after: the mark after which it is asked again.
    """

    name: str
    title: str
    row: str
    after: str = ""


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


class PolicyFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`policy.toml`."""

    statement: tuple[Statement, ...]
    step: tuple[StepRow, ...]


class AdverseFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`adverse.toml`."""

    grade: tuple[GradeRow, ...]
    serious: tuple[SeriousRow, ...]
    report: tuple[ReportRow, ...]


class EmergencyFile(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`emergency.toml`."""

    situation: tuple[SituationRow, ...]
    role: tuple[RoleRow, ...]
    drug: tuple[RescueDrugRow, ...]
    calm: tuple[CalmRow, ...]
