"""
What can happen in a session. One event is one intent of one person, with the key that its device made for it.

Every event names the patient it is meant for; a session takes no event about anybody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from openkap.dose.types import Draw, Duty, Hold, Judged, Known, Order, Ring, Staff
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.kernel.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    What all events carry.

    Args:
        key: made by the device before the first attempt; patient: for whom it is meant; by: who acts.
        happened_s: when it happened, where a device was offline meanwhile; None: now. Readings say `taken_s`.
    """

    key: str
    patient: str
    by: Staff
    happened_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrive(Event):
    """The patient is in the house; `by` watches from now on."""

    known: Known | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Event):
    """No dose today; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWatch(Event):
    """The observer offers the watch to somebody, with a summary; nothing changes before it is taken."""

    to: Staff
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeWatch(Event):
    """The person to whom the watch was offered takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyNow(Event):
    """Who is on duty and whose screens are alive."""

    duty: Duty


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPerson(Event):
    """Two identifiers as they were asked and typed."""

    name: str
    born: date


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGate(Event):
    """Checks before the dose begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge(Event):
    """What the screening of the dose day says, computed anew from the chart."""

    judged: Judged
    known: Known | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Event):
    """One question answered; `number` where it asks for one (fear of the session)."""

    name: str
    truth: Truth
    note: str = ""
    number: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Event):
    """A prescriber's written decision on a caution."""

    row: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassGate(Event):
    """Somebody looked at the gate; it opens only if it is green."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddHold(Event):
    """Something forbids a dose."""

    hold: Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftHold(Event):
    """A prescriber settled what forbade the dose."""

    hold: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOrder(Event):
    """A prescriber signs an order, or the next version of one."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawUp(Event):
    """The dose was drawn up."""

    draw: Draw


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDraw(Event):
    """A second person read the strength off the vial: `per_ml`; None for a lozenge or a device."""

    per_ml: Quantity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Event):
    """A person gives the dose, or starts it. `order`, `version`, `step`: as on the nurse's screen or sheet."""

    order: str
    version: int
    step: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRate(Event):
    """The rate of an infusion was set."""

    rate: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Event):
    """The drug is interrupted."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Event):
    """The drug goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Event):
    """The drug is ended early; `given_mg` as the pump or the rest in the syringe shows."""

    reason: str
    given_mg: DoseMg


@dataclass(frozen=True, slots=True, kw_only=True)
class UseDevice(Event):
    """One nasal device was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(Event):
    """The whole dose was given; a lozenge says how many minutes it was held and what became of the rest."""

    note: str = ""
    held_min: Decimal | None = None
    ended: Literal["", "spat out", "swallowed", "not known"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover(Event):
    """A person sees that the acute effect is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Event):
    """One value, measured at `taken_s`; `device`: whose value the person took over, empty where they read it."""

    measure: str
    quantity: Quantity
    taken_s: int
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct(Event):
    """A value no longer counts, with the reason; `quantity` and `taken_s` where another takes its place."""

    reading: str
    reason: str
    quantity: Quantity | None = None
    taken_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMark(Event):
    """What staff saw, by a single key."""

    name: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Untoward(Event):
    """Something untoward was seen: an adverse event is filed with its time, and described later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """Words for the record."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(Event):
    """ "I have it": the person owns the alert from now on."""

    alert: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Event):
    """A screen of this person says by itself that it shows an alert: no act of theirs, it acknowledges nothing."""

    alert: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TryScreen(Event):
    """This screen is tried: what it is sent, it shows and confirms like an alert. What was noticed is an answer."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOut(Event):
    """What became of a message about a step of an alert; `fault` says why it was not taken."""

    alert: str
    ring: Ring
    phone: str
    state: Literal["sent", "failing", "failed"]
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Event):
    """The sound of one alert is off for a short time."""

    alert: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Event):
    """An alert is over, with the reason."""

    alert: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimit(Event):
    """A prescriber sets an alert line for this person and session."""

    row: str
    name: str
    value: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency(Event):
    """One tap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyOver(Event):
    """A prescriber ends the emergency; `false_alarm`: there was none."""

    reason: str
    false_alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharge(Event):
    """Prescriber or nurse signs that the criteria are met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Event):
    """The patient leaves before the criteria are met: against advice, or with the prescriber's consent."""

    how: Literal["against advice", "prescriber agrees"]
    reason: str
    advice_given: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Event):
    """The patient goes to another place of care, handed over to somebody named."""

    to: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Event):
    """The heartbeat of the alerts: nothing happened but time."""
