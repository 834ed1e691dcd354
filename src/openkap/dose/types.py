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
from openkap.plan.types import Drug
from openkap.screen.types import Route, Screening

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
class Known:
    """
    What the rest of the record says of the person as it stands; it comes with the arrival and with every judgement.

    Args:
        maintenance: of a maintenance course; dose_times: earlier parenteral doses; of both None: not known.
        peaks: highest dissociation of earlier sessions, by measure.
        harm: what screens for harm and the pattern of use say; doses: how many were had before; None: not known.
    """

    person: Person
    maintenance: bool | None = None
    dose_times: tuple[datetime, ...] | None = None
    peaks: Mapping[str, Decimal] = field(default_factory=dict)
    harm: tuple[Finding, ...] | None = None
    doses: int | None = None


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
    """
    Whom an alert reached, and when.

    Args:
        skipped: the next ring was reached at once, because nobody of this one had a live screen, or, where it was
            reached before, because none of their screens confirmed in time that it shows the alert.
    """

    ring: Ring
    at_s: int
    people: tuple[str, ...]
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """
    A screen is tried before a session as an alert would reach it.

    Args:
        id: of the entry; n: its number; device: the screen; shown_s: when that screen said that it shows it.
    """

    id: str
    n: int
    by: Staff
    device: str
    asked_s: int
    shown_s: int | None = None


@dataclass(frozen=True, slots=True)
class Messaged:
    """What became of a message to a phone: to which, for which step, `sent`, `failing` or `failed`, why, and when."""

    phone: str
    ring: Ring
    state: Literal["sent", "failing", "failed"]
    fault: str
    at_s: int


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
        since_s: when the present ladder began; a new or worse value begins it anew. `since_n`: the number of the entry
            that began it: a screen that shows the session as of an earlier one does not show this.
        shown: whose screens said by themselves that they show it, since when; it acknowledges nothing.
        messages: what became of messages to phones, the newest last.
        lapsed: who had it until their screens fell silent, and since when nobody has it for that.
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
    since_n: int = 0
    shown: tuple[tuple[str, int], ...] = ()
    messages: tuple[Messaged, ...] = ()
    lapsed: tuple[Staff, int] | None = None
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
        gone: ids of people who have an alert in their hands and whose screens are silent for too long (WATCH-OWNER).
        others: how many other patients in the acute phase each person watches; who is not in it is not known.
    """

    rings: Mapping[Ring, tuple[Staff, ...]] = field(default_factory=dict)
    live: frozenset[str] = frozenset()
    others: Mapping[str, int] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


# -- what is found, decided, done -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One line of the gate or of the discharge.

    Args:
        row: the rule; `met`: TRUE passes, FALSE and UNKNOWN do not.
        text: why; `remedy`: what to do.
        decidable: somebody may decide on it in writing.
        taken_s: when the newest value behind it was measured, or the answer given; None where it rests on neither.
    """

    row: str
    met: Truth
    text: str
    remedy: str = ""
    decidable: bool = False
    taken_s: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """
    The screening of the dose day as the gate uses it: verdict, what blocks, cautions that want a decision.

    Args:
        patient, day, chart_version: whose chart, on which day, in which version.
        weight: that doses go by on that day; None: none is known, and `no_weight` says why.
        plan_fault: why the plan that the session is of does not stand; empty: it stands, or the session is of none.
        clock_off_s: by how much the server's clock was moved since the last dose; ahead is above 0.
        calendar: what the calendar says against a dose now: no integration session, no chair, nobody to watch.
    """

    verdict: str
    blocking: tuple[Finding, ...]
    cautions: tuple[Finding, ...]
    day: date
    patient: str
    chart_version: int = 0
    weight: Weight | None = None
    no_weight: str = ""
    plan_fault: str = ""
    clock_off_s: int = 0
    calendar: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class DoseDay:
    """What the chart says of a patient on the day of a dose: the screening; the dosing weight, or why there is none."""

    screening: Screening
    weight: Weight | None = None
    no_weight: str = ""


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
