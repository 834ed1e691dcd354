"""
The plan room's rows of content.

Hours are between the starts of two sessions. Days are counted from the first day of the programme, 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from openkap.kernel.source import Sourced, Tag
from openkap.screen.types import Route

Drug = Literal["ketamine", "esketamine"]
Disorder = Literal["gad", "panic", "agoraphobia", "social-anxiety"]
Dimension = Literal["cognitive", "somatic", "avoidance", "past-event", "imagery", "parts", "social"]
SessionKind = Literal["preparation", "dose", "integration", "exposure", "therapy", "check-in", "measure", "review"]
ModalityGrade = Literal["A", "B", "C", "D", "C/D", "not graded"]
Mode = Literal["demonstration", "production"]

Formulation = Mapping[str, Mapping[str, Any]]
Document = dict[str, Any]


class Statement(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A sentence of clinical content.

    Args:
        text: the statement.
        title: its subject in a few words.
        group: where it belongs in its file.
        why: why it is said, for topics of consent and preparation.
        disorders: whom it concerns; empty for all.
        routes: which routes it concerns; empty for all.
        hypothesis: must be shown as a hypothesis.
        numbers: its numbers by name, where a rule reads them.
    """

    text: str
    title: str = ""
    group: str = ""
    why: str = ""
    disorders: tuple[Disorder, ...] = ()
    routes: tuple[Route, ...] = ()
    hypothesis: bool = False
    numbers: dict[str, Decimal] = {}

    def number(self, name: str) -> Decimal:
        return self.numbers[name]


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a study found, with the five fields no effect number may be shown without.

    Args:
        disorders: whom it speaks of; empty for all.
        text: the effect in a sentence.
        estimate: the number, or `none` where no trial was found or nothing was read.
        interval: its interval, or `not read`.
        n: people or trials behind it, or `not read`.
        population: who was studied.
        grade: of the evidence.
        source: key in sources.toml.
        state: `found`, `no trial found`, or `no figure in the fact sheets`.
        borrowed: the population is not the disorder it is shown under.
    """

    text: str
    estimate: str
    interval: str
    n: str
    population: str
    grade: Literal["LBL", "GDL", "MA", "RCT", "OPEN", "OBS", "CR", "EXP", "PRE", "NONE"]
    source: str
    state: Literal["found", "no trial found", "no figure in the fact sheets"] = "found"
    disorders: tuple[Disorder, ...] = ()
    borrowed: bool = False


class Option(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One treatment of the side-by-side view: standard care, ketamine and combinations, in one form."""

    title: str
    onset: str
    burden: str
    harm: str
    effect: tuple[Effect, ...]


class Trial(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A study of the trials table; `n` is None where the table gives none."""

    study: str
    population: str
    n: int | None = None
    design: str
    dose: str
    comparator: str
    result: str
    durability: str
    adverse: str


class RouteFact(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of a route. Percentages are for reading: nothing converts a dose between routes."""

    title: str
    route: Route | None = None
    drug: Drug = "ketamine"
    bioavailability: str
    peak: str
    text: str


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    An upper limit of a dose; at least one of the two amounts is given.

    Args:
        mg_per_kg, mg: the amounts.
        min_duration_min: an infusion must take at least this long.
        inclusive: the amount itself is already beyond it ("2 mg/kg or more").
    """

    mg_per_kg: Decimal | None = None
    mg: Decimal | None = None
    min_duration_min: Decimal | None = None
    inclusive: bool = False


class DoseLimit(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    The limits of one route and drug.

    Args:
        unit: how its doses are given.
        start: ends of the start range, low and high; the same twice for one value.
        low_start: first dose where a start-low reason holds.
        usual: ends of the range inside published trials.
        step: next higher dose, if no response and tolerated; empty where the row gives a ladder or none.
        ceiling: highest published for the route.
        anxiety_ceiling: highest in trials of anxiety disorders, where the row names it.
        never: refused without override.
        never_fast: an amount that is refused when given faster than its duration.
        bolus: whether an instantaneous dose is possible by this route at all.
        demo: DOS-DEMO, for the synthetic clinic only.
        site_max: always empty in shipped content: the medical director of a site sets it.
        parenteral: counts for DOS-FREQ.
    """

    title: str
    route: Route
    drug: Drug
    unit: Literal["mg/kg", "mg"]
    start: tuple[Decimal, Decimal]
    low_start: Decimal
    usual: tuple[Decimal, Decimal]
    step: Decimal | None = None
    step_text: str
    ceiling: Bound
    anxiety_ceiling: Bound | None = None
    never: Bound
    never_fast: Bound | None = None
    bolus: bool
    demo: Bound
    site_max: Bound | None = None
    parenteral: bool
    duration_min: Decimal | None = None


class StartLow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reason to start at the low end: a condition in the rule language with its limits."""

    title: str
    when: str
    limits: dict[str, Decimal] = {}


class Regimen(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A regimen template.

    Args:
        drug, routes: what it gives and how; several routes only where the row leaves the choice.
        doses: the doses of its ladder in `unit`, in order; empty: starts by the route's limit row.
        every: doses given at one step of the ladder before the next is considered.
        duration_min: of an infusion.
        days: pattern of dosing days; the first is 0.
        min_h, max_h: hours between two doses.
        most: the largest number of doses the row speaks of.
        offered: `order` (by the order of choice), `responders` (recorded responders only), `reason`
            (only with the DOS-FREQ-1 reason), `named` (only when the preferences name it), `never`.
        place: place in the order of choice.
        interval: spacing in words.
        evidence_class, population, n, result: what stands behind it.
        borrowed: the population it is borrowed from; empty where it was studied in anxiety disorders.
        studied: the target disorders it was studied in; for a person with none of them it is borrowed too.
        pro, contra: reasons for and against, shown with it.
        trials: rows of the trials table.
        needs: what must be in place besides what every dose session needs.
        calendar: row of calendars.toml whose therapy surrounds it.
        review_after: dose numbers after which the next step is reviewed.
        by_route: its title by one route, where the row leaves the choice between several.
    """

    title: str
    drug: Drug
    routes: tuple[Route, ...]
    unit: Literal["mg/kg", "mg"]
    doses: tuple[Decimal, ...] = ()
    every: int = 1
    duration_min: Decimal | None = None
    days: tuple[int, ...] = ()
    min_h: int | None = None
    max_h: int | None = None
    most: int | None = None
    offered: Literal["order", "responders", "reason", "named", "never"]
    place: int
    interval: str
    evidence_class: str
    population: str
    n: int | None = None
    result: str
    borrowed: str = ""
    studied: tuple[Disorder, ...] = ()
    pro: tuple[str, ...] = ()
    contra: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    calendar: str = ""
    review_after: tuple[int, ...] = ()
    by_route: dict[Route, str] = {}


class Attribute(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A personal attribute that the choice of regimen and start dose reads, and why."""

    used_for: str
    row: str


class Care(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to take care with a modality: a condition in the rule language and the sentence it brings."""

    when: str
    text: str
    tag: Tag


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition that must be true before a modality starts; unknown keeps it shut."""

    when: str
    text: str
    tag: Tag
    limits: dict[str, Decimal] = {}


class Modality(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A way of working.

    Args:
        kind: kind of the sessions it makes.
        minutes: of a session.
        adjunct: used beside another modality, not alone.
        always: shown for everyone as the established therapy.
        pathways: disorders for which it is shown even without a dimension that points to it.
        first, next: dimensions that name it as first choice, or as helpful next.
        grades: of its evidence by disorder (A several trials with meta-analysis, B, C, D none found), or `not graded`
            where the fact sheet has no row for it.
        wording: how it may be spoken of.
        take_care: general care, always shown.
        around_a_dose: what of it belongs where around a dose.
        after_dose_min_h: its active work starts this long after a dose at the earliest.
        before_dose_min_h: and keeps this distance from the next dose.
        order: its phases where an order is obligatory.
        credential: who may do it.
    """

    title: str
    kind: Literal["therapy", "exposure"]
    minutes: int
    adjunct: bool = False
    always: bool = False
    pathways: tuple[Disorder, ...] = ()
    first: tuple[Dimension, ...] = ()
    next: tuple[Dimension, ...] = ()
    grades: dict[Literal["gad", "panic", "social-anxiety"], ModalityGrade]
    numbers: str
    wording: str
    take_care: tuple[str, ...] = ()
    care: tuple[Care, ...] = ()
    gate: Gate | None = None
    around_a_dose: str
    after_dose_min_h: int
    before_dose_min_h: int
    order: tuple[str, ...] = ()
    credential: str


class Calendar(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    An outline of therapy around doses.

    Args:
        preparations: how many preparation sessions.
        preparation_days: their days; the first dose falls on `first_dose_day`.
        therapy_after: days after each dose on which a therapy session stands.
        closing: days after the last dose on which closing therapy stands.
        review_after: doses after which progress is reviewed.
    """

    title: str
    outline: str
    preparations: int
    preparation_days: tuple[int, ...]
    first_dose_day: int
    therapy_after: tuple[int, ...] = ()
    closing: tuple[int, ...]
    review_after: tuple[int, ...] = ()


class SessionRow(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a kind of session needs: minutes, roles, what must be in place, and why it is there."""

    kind: SessionKind
    minutes: int
    title: str
    roles: tuple[str, ...]
    needs: tuple[str, ...] = ()
    why: str
    routes: tuple[Route, ...] = ()
    min_h: int | None = None
    max_h: int | None = None
    numbers: dict[str, int] = {}


class Pathway(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    What a disorder changes in the programme.

    Args:
        scales: measure the disorder at intake, end and follow-up.
        weekly_scale: measures it each week.
    """

    title: str
    preparation: tuple[str, ...]
    extra_preparation: bool = False
    dose_needs: tuple[str, ...] = ()
    dose_needs_first: int = 0
    therapy: str
    exposure: str
    exposure_modality: str
    scales: tuple[str, ...]
    weekly_scale: str
    text: str


class Moment(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A moment of measurement.

    Args:
        at: `intake`, `weekly`, `before-dose`, `during-dose`, `integration`, `end` or `follow-up`.
        instruments: ids; `disorder-scale` and `disorder-weekly` stand for those of the person's disorders.
        months: months after the end, for follow-up.
    """

    at: Literal["intake", "weekly", "before-dose", "during-dose", "integration", "end", "follow-up"]
    when: str
    instruments: tuple[str, ...]
    months: tuple[int, ...] = ()


class Watch(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Observation of a route: minutes from the start of the dose, -5 for the baseline."""

    routes: tuple[Route, ...]
    drug: Drug | None = None
    vitals_min: tuple[int, ...] = ()
    mind_min: tuple[int, ...] = ()
    min_stay_min: int | None = None
    text: str
    numbers: dict[str, Decimal] = {}


class Alert(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An alert line, for print: what makes it amber, what red; `numbers` are those of the two texts."""

    parameter: str
    amber: str
    red: str
    numbers: dict[str, Decimal] = {}


class AdverseEvent(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An adverse event with the frequency found, as consent needs it."""

    term: str
    frequency: str
    course: str
    action: str


class Claim(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A claim often made, and what the evidence says.

    Args:
        label: the verdict in capitals, as it must stand beside the claim.
        where: surfaces where the claim could be met: `plan`, `consent`, `portal`, `website`, `report`.
        words: phrases by which the claim is recognised in a text, lower case.
        rows: content rows that carry the verdict.
    """

    claim: str
    says: str
    label: str
    where: tuple[Literal["plan", "consent", "portal", "website", "report"], ...]
    words: tuple[str, ...]
    rows: tuple[str, ...] = ()
    disorders: tuple[Disorder, ...] = ()
