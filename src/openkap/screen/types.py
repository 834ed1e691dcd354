"""
Screening rules as data, and what they find.

A rule has arms, worst class first. Each arm says in the rule language when it fires, which class it
then has, and what a missing fact means for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec

from openkap.chart.expression import Limit
from openkap.chart.view import View
from openkap.kernel.clock import Span
from openkap.kernel.content import Header
from openkap.kernel.errors import UserError
from openkap.kernel.site import Site
from openkap.kernel.source import Basis, SetHere, Sourced, Tag, Verified
from openkap.kernel.truth import Truth

RuleClass = Literal["exclude", "hold", "caution", "inform"]
CLASSES: tuple[RuleClass, ...] = ("exclude", "hold", "caution", "inform")  # worst first

# What a missing fact means: MB only the datum settles it; MH also the prescriber's recorded reason
# why it cannot be had; MC it must be asked.
Missing = Literal["MB", "MH", "MC"]

Route = Literal["iv", "im", "sc", "sublingual", "oral", "nasal"]

VerdictWord = Literal["eligible", "caution", "hold", "exclude", "insufficient"]


class NamedLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A number of a rule.

    Args:
        value: the number, or a span such as `30 d`.
        unit: UCUM code of the number; empty for a span.
        tighter: in which direction the limit becomes stricter: `lower` or `higher`.
        loosest: how far a site may loosen it; without it the site may only tighten.
        tag: how it was checked.
    """

    value: Any  # Decimal or str: msgspec reads no union of the two, so __post_init__ checks what came
    tighter: Literal["lower", "higher"]
    tag: Tag
    unit: str = ""
    loosest: Any = None

    def __post_init__(self) -> None:
        for field_, given in (("value", self.value), ("loosest", self.loosest)):
            if isinstance(given, int) and not isinstance(given, bool):
                msgspec.structs.force_setattr(self, field_, Decimal(given))
            elif isinstance(given, str):
                try:
                    Span.parse(given)
                except UserError as fault:  # as ValueError, msgspec adds which row it was
                    raise ValueError(str(fault)) from None
            elif not isinstance(given, Decimal) and (field_ == "value" or given is not None):
                raise ValueError(f"{field_} {given!r} is neither a number nor a span such as 30 d")

    @property
    def limit(self) -> Limit:
        return Span.parse(self.value) if isinstance(self.value, str) else self.value


class MissingIf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another missing policy where a condition holds: an ECG is asked for from fifty on."""

    when: str
    policy: Missing


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One way in which a rule can fire.

    Args:
        class_: the class it then has.
        when: the condition, in the rule language.
        missing: what an unknown answer means; None only where silence is documented to mean no.
        missing_if: conditions under which another policy holds, first that is true.
        on_dose_day: `never`, `only`, or `also` (the default): whether the arm counts on a dose day,
            with only that day's facts for `only`.
        dose_day_class: another class on the dose day (an action "do not dose today").
        routes: the arm speaks of these routes only; it is dropped where none of them is open.
    """

    class_: RuleClass = msgspec.field(name="class")
    when: str
    missing: Missing | None = None
    missing_if: tuple[MissingIf, ...] = ()
    on_dose_day: Literal["also", "only", "never"] = "also"
    dose_day_class: RuleClass | None = None
    routes: tuple[Route, ...] = ()


class Rule(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A screening rule.

    Args:
        title: the condition in a few words.
        text: the rule as the fact sheet states it, for the reader.
        action: what to do when it fires; never an instruction to stop a medicine.
        rationale: why.
        arms: worst class first.
        limits: its numbers by name.
        look_back: replacement look-backs by fact.
        ladder: rules of one ladder exclude each other: at most one is true.
        group: `indication`, `heart-brain`, `mind`, `medical`, `interaction`, `checklist`, `pressure-gate`.
        mitigation: facts or records that a caution wants beside it.
        for_whom: personal attributes the rule uses, with the reason (age, sex), for the bias review.
    """

    title: str
    text: str
    action: str
    group: Literal["indication", "heart-brain", "mind", "medical", "interaction", "checklist", "pressure-gate"]
    arm: tuple[Arm, ...]
    rationale: str = ""
    limits: dict[str, NamedLimit] = {}
    look_back: dict[str, str] = {}
    ladder: str = ""
    mitigation: tuple[str, ...] = ()
    for_whom: tuple[str, ...] = ()
    dose_day: bool = False


class RulesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of rules."""

    content: Header
    rule: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision somebody took about a finding, as it is shown beside it; see decisions.py."""

    id: str
    kind: str
    by: str
    role: str
    at: str
    reason: str
    document: str = ""
    document_on: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one rule says of one patient at one class.

    Args:
        rule: its id.
        class_: the class of the arm; for an unknown, the worst class still possible.
        truth: true, unknown, or (only when all are asked for) false.
        missing: the policy of an unknown.
        facts: names of the facts it rests on or waits for.
        inputs: those facts with value, unit, date, source and status.
        because: why, in one sentence.
        would_change: what would have to be different.
        basis: each part of the rule with how it was checked and its source.
        reading: how open points of the fact sheet are read.
        was: the class before a decision made it a caution.
        decisions: decisions that hold for it.
        lapsed: decisions made on other facts than today's.
        set_here: limits of the rule that the site has set for itself.
    """

    rule: str
    title: str
    class_: RuleClass
    truth: Truth
    missing: Missing | None
    facts: tuple[str, ...]
    because: str
    action: str
    source: tuple[str, ...]
    evidence: str
    verified: Verified
    needs_site_protocol: bool
    would_change: str = ""
    inputs: tuple[dict[str, Any], ...] = ()
    mitigation: tuple[str, ...] = ()
    gaps: tuple[Any, ...] = ()
    conflict: bool = False
    retracted: str = ""
    basis: tuple[Basis, ...] = ()
    reading: tuple[str, ...] = ()
    was: RuleClass | None = None
    decisions: tuple[Taken, ...] = ()
    lapsed: tuple[Taken, ...] = ()
    set_here: tuple[SetHere, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """
    A fact to ask for.

    Args:
        fact: its name.
        question: what to ask.
        rules: the rules that wait for it.
        decisive: it belongs to the shortest list that would settle the verdict.
        reason: why it counts as unknown.
    """

    fact: str
    question: str
    rules: tuple[str, ...]
    decisive: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Screening:
    """
    The outcome of screening.

    Args:
        verdict: by the verdict table.
        findings: worst first; false ones only when all were asked for.
        ask: every unknown fact behind an unknown finding, most decisive first.
        mode: `demonstration` or `production`.
        would_settle: the shortest list of facts that would settle everything that blocks, whatever the verdict.
    """

    verdict: VerdictWord
    findings: tuple[Finding, ...]
    ask: tuple[Ask, ...]
    mode: Literal["demonstration", "production"]
    dose_day: bool = False
    checked: int = 0
    false_rules: tuple[str, ...] = field(default=())
    would_settle: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standpoint:
    """
    A screening with what it was computed from.

    Args:
        found: as the rules gave it.
        screening: with the decisions that hold.
        chart_version, content_version, on: of chart, content and day.
        site: whose content and limits counted.
        view: the chart on the day.
        levels: of the formulation, as reasoned; None where a dimension was not measured.
    """

    found: Screening
    screening: Screening
    chart_version: int
    content_version: str
    on: date
    site: Site
    view: View
    levels: Mapping[str, int | None]
