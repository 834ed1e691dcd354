"""
What a watched session is made of. Frozen: a step makes a new session and never changes one.

Times inside a session are whole seconds since it was booked on the monotonic clock of the server (`elapsed_s`), so
that a clock that jumps shortens nothing; the instant in UTC and the device's own time stand beside them for the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.plan.book import Book
from openkap.plan.choices import SiteMax
from openkap.plan.types import Drug
from openkap.screen.types import Route

Level = Literal["amber", "red"]
Ring = Literal["bedside", "room", "prescriber", "site-phone"]
RINGS: tuple[Ring, ...] = ("bedside", "room", "prescriber", "site-phone")

# How a value is held against a line: `rise` and `fall` from the baseline, `beyond-peak` above the highest earlier one.
Test = Literal["at-least", "above", "below", "at-most", "rise", "fall", "beyond-peak"]


class Phase(StrEnum):
    """Where a session is."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    GATE = "gate"
    READY = "ready"
    DOSING = "dosing"
    PAUSED = "paused"
    STOPPED = "stopped"
    PEAK = "peak"
    RECOVERY = "recovery"
    ESCALATED = "escalated"
    DISCHARGED = "discharged"
    TRANSFERRED = "transferred"
    LEFT_EARLY = "left early"
    CANCELLED = "cancelled"


ENDED = frozenset({Phase.DISCHARGED, Phase.TRANSFERRED, Phase.LEFT_EARLY, Phase.CANCELLED})
RUNNING = frozenset(Phase) - ENDED - {Phase.BOOKED}
DOSED = frozenset({Phase.DOSING, Phase.PAUSED, Phase.STOPPED, Phase.PEAK, Phase.RECOVERY})


@dataclass(frozen=True, slots=True)
class Staff:
    """A person who acts: id of the account, name for the record, role held now."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Stamp:
    """
    When something happened.

    Args:
        elapsed_s: seconds since the session was booked, from the monotonic clock; never falls.
        at: the server's instant, UTC.
        day: the same on the site's calendar.
        device_at: what the device's clock said, if it was asked.
        unsure_s, sure_from_s: as `clock.Elapsed`.
    """

    elapsed_s: int
    at: datetime
    day: date
    device_at: datetime | None = None
    unsure_s: int = 0
    sure_from_s: int | None = None

    def knows_age(self, at_s: int) -> bool:
        """False for what is of before the machine's last restart: how long ago it is nobody knows."""
        return self.sure_from_s is None or at_s > self.sure_from_s

    def surely_since(self, at_s: int) -> int:
        """Seconds that have passed for sure."""
        return self.elapsed_s - (at_s if self.knows_age(at_s) else self.sure_from_s or 0)


# -- what content says, as this session uses it --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """
    One limit in force.

    Args:
        row: ALT row; `name` the number of it.
        measure: what is held against it.
        limit: in the unit of the measure.
        tighter: the direction in which the limit becomes stricter.
    """

    row: str
    name: str
    measure: str
    level: Level
    test: Test
    limit: Decimal
    tighter: Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number read at the chair: unit (UCUM), plausible range, check and group it belongs to."""

    name: str
    title: str
    unit: str
    least: Decimal
    most: Decimal
    check: Literal["vitals", "mind", ""]
    group: str


@dataclass(frozen=True, slots=True)
class Item:
    """
    A row that a person answers: what it asks, what to do where the answer is not yes, for which courses only, and after
    which mark an earlier answer counts no more.
    """

    row: str
    name: str
    title: str
    remedy: str = ""
    only: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class MarkKind:
    """A mark that one key sets, the row that gives it its level."""

    name: str
    title: str
    row: str
    level: Level


@dataclass(frozen=True, slots=True)
class AlertStep:
    """When an alert that nobody acknowledged reaches a ring."""

    level: Level
    ring: Ring
    after_s: int


@dataclass(frozen=True, eq=False)
class Protocol:
    """
    The content that a session runs by, fixed when it is booked: later changes of content do not touch it.

    Args:
        route, drug: for which; content: version of all content; mode: of the site.
        unsigned: rows the session rests on that nobody at the site has signed; the gate names them.
        vitals_min, mind_min: minutes from the start of the dose (MON); `later_min`: how often after the last.
        min_stay_min: from the start; `after_end_min`: from the end of the drug.
        book, site_max: limits of dose and frequency, for orders.
        numbers: numbers of further rows by row and name (DIS, WATCH, ...).
    """

    route: Route
    drug: Drug
    content: str
    mode: str
    unsigned: tuple[str, ...]
    vitals_min: tuple[int, ...]
    mind_min: tuple[int, ...]
    later_min: int
    min_stay_min: int
    after_end_min: int
    lines: tuple[Line, ...]
    measures: Mapping[str, Measure]
    marks: Mapping[str, MarkKind]
    steps: tuple[AlertStep, ...]
    items: tuple[Item, ...]
    checks: tuple[Item, ...]
    book: Book
    site_max: Mapping[str, SiteMax]
    numbers: Mapping[str, Mapping[str, Decimal]]

    def number(self, row: str, name: str) -> Decimal:
        """A number of a row, as the site uses it."""
        return self.numbers[row][name]

    def seconds(self, row: str, name: str) -> int:
        """The same in seconds, where the row gives minutes (`_min`) or seconds (`_s`)."""
        return int(self.number(row, name) * (1 if name.endswith("_s") else 60))


# -- what people enter ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """One answer by one person: never several at once; `happened_s` is when it was given, `stamp` when it came in."""

    name: str
    truth: Truth
    by: Staff
    stamp: Stamp
    happened_s: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What identifies the patient of a session: full name and birth date, never one of them alone."""

    name: str
    born: date


@dataclass(frozen=True, slots=True)
class Identity:
    """Who entered the two identifiers that agree with those of the patient, and when."""

    by: Staff
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Reading:
    """
    One value.

    Args:
        id: key of the entry.
        quantity: value and unit; never without one.
        taken_s: when it was measured; `entered`: when the server got it.
        confirmed: False after a leap that nobody has repeated: it raises and clears nothing.
        voided: why it no longer counts, `voided_by` whom; the value stays readable.
        replaces: id of the reading it corrects.
    """

    id: str
    measure: str
    quantity: Quantity
    taken_s: int
    entered: Stamp
    by: Staff
    confirmed: bool = True
    voided: str = ""
    voided_by: Staff | None = None
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What staff saw, at one tap; `seen_s` is when, `stamp` when the server had it."""

    id: str
    name: str
    seen_s: int
    stamp: Stamp
    by: Staff
    text: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """What forbids a dose until somebody settles it: cause, words, and who may."""

    id: str
    cause: str
    text: str
    lifted: str = ""


# -- order and dose --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weight:
    """A dosing weight: never without unit, day and how it was had."""

    quantity: Quantity
    on: date
    method: Literal["scale", "reported", "imported"]


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed what: the digest binds the signature to the order as it stood."""

    by: Staff
    at: datetime
    digest: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Order:
    """
    What a prescriber orders: drug and route are part of its identity.

    Args:
        id, version: a change is a new version, without signatures.
        step: which dose of the session: 1, then boosters 2, 3, ...
        mg: unrounded; `mg_per_kg` with the weight, None where the dose goes by mg alone.
        duration_min: of an infusion; None where it is given at once.
        planned_mg: what the plan proposed, None where every amount was typed; `typed`: chosen outside its options.
        typed_again: the number entered a second time, where it was typed.
        second: another prescriber or nurse who checked a typed number.
        signature: by a prescriber.
    """

    id: str
    version: int
    step: int
    patient: str
    drug: Drug
    route: Route
    mg: DoseMg
    mg_per_kg: DoseMgPerKg | None
    weight: Weight | None
    duration_min: Decimal | None = None
    planned_mg: DoseMg | None = None
    typed: bool = False
    typed_again: DoseMg | None = None
    second: Staff | None = None
    reason: str = ""
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Draw:
    """
    What was drawn up for one version of an order.

    Args:
        digest: of the order it was drawn for.
        lot, per_ml: as picked from stock: the strength is the lot's and is typed nowhere.
        volume_ml: at the measurable step of the syringe; `unrounded_ml` beside it. None for a lozenge or a device.
        step_ml: the measurable step of the syringe.
        mg: what that volume holds.
        by, checked_by: two people.
    """

    digest: str
    lot: str
    mg: DoseMg
    by: Staff
    per_ml: Quantity | None = None
    volume_ml: Decimal | None = None
    unrounded_ml: Decimal | None = None
    step_ml: Decimal | None = None
    checked_by: Staff | None = None


@dataclass(frozen=True, slots=True)
class Administration:
    """
    A dose that was given: mg, mg/kg, volume and strength together, charted once per step of an order.

    Args:
        started, ended: when; `ended` is None while an infusion runs.
        given_mg: what was really given, where it was stopped early; else the amount drawn.
        devices_s: when each nasal device was used.
        route_note: how long a lozenge was held and whether it was spat out or swallowed.
    """

    order: str
    version: int
    step: int
    drug: Drug
    route: Route
    lot: str
    mg: DoseMg
    mg_per_kg: DoseMgPerKg | None
    volume_ml: Decimal | None
    per_ml: Quantity | None
    by: Staff
    started: Stamp
    duration_min: Decimal | None = None
    paused_s: tuple[tuple[int, int | None], ...] = ()
    rates: tuple[tuple[int, Quantity], ...] = ()
    devices_s: tuple[int, ...] = ()
    ended: Stamp | None = None
    given_mg: DoseMg | None = None
    complete: bool = True
    route_note: str = ""


# -- alerts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an alert reached, and when. `skipped`: nobody of the ring had a live screen."""

    ring: Ring
    at_s: int
    people: tuple[str, ...]
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """
    Something that a person must see.

    Args:
        id: of the entry that raised it; `about`: measure, mark, or check; one open alert per `about`.
        rows: the lines behind it.
        owner: who has it now; there always is one.
        readings: ids of the readings behind it; `worst`: the worst of their values.
        retake: id of the quiet value that was measured anew after all of them were struck.
        since_s: when the present ladder began; a new or worse value begins it anew.
        acknowledged, ended: who and when; None while nobody did.
        silent_until_s: silence of the sound, no more.
    """

    id: str
    about: str
    level: Level
    rows: tuple[str, ...]
    text: str
    owner: Staff
    raised_s: int
    since_s: int
    readings: tuple[str, ...] = ()
    worst: Decimal | None = None
    retake: str = ""
    reached: tuple[Reach, ...] = ()
    acknowledged: tuple[Staff, int] | None = None
    silent_until_s: int = 0
    ended: tuple[str, int] | None = None

    @property
    def open(self) -> bool:
        return self.ended is None


@dataclass(frozen=True, slots=True)
class Duty:
    """
    Who can be reached: people by ring, and whose screen said it is alive lately.

    Args:
        rings: on duty now; the observer is the bedside.
        live: ids of people with a live screen.
        others: how many other patients in the acute phase each person watches; who is not in it is not known.
    """

    rings: Mapping[Ring, tuple[Staff, ...]] = field(default_factory=dict)
    live: frozenset[str] = frozenset()
    others: Mapping[str, int] = field(default_factory=dict)


# -- what is found, decided, done -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One line of the gate or of the discharge.

    Args:
        row: the rule; `met`: TRUE passes, FALSE and UNKNOWN do not.
        text: why; `remedy`: what to do.
        decidable: somebody may decide on it in writing.
    """

    row: str
    met: Truth
    text: str
    remedy: str = ""
    decidable: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """
    The screening of the dose day as the gate uses it: verdict, what blocks, cautions that want a decision.

    Args:
        patient, day, chart_version: whose chart, on which day, in which version.
    """

    verdict: str
    blocking: tuple[Finding, ...]
    cautions: tuple[Finding, ...]
    day: date
    patient: str
    chart_version: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """A written decision on one line of the gate, bound to the words it was made on: other values, another decision."""

    row: str
    text: str
    by: Staff
    reason: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted event: what, when the server had it, and the phases before and after."""

    event: Any
    stamp: Stamp
    before: Phase
    after: Phase


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an event changed nothing: rule and sentence. A value, not an error."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """
    What has to be done outside: written, shown, told. `kind` says which, `data` what.

    Kinds: `repeated` (done before; `data` is the first entry), `refused`, `given-before`, `alert`, `escalate`,
    `advise`, `incident`, `hold-next`, `task`, `reopened`, `ended`, `fault` (an alert that its last ring cannot reach).
    """

    kind: str
    data: Any = None
