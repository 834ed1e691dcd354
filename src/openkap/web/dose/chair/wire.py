"""
What the tablet sends, read strictly: one entry becomes one event of the session, or one sentence why not.

An entry says what was done, with its own key and with seconds of the session's clock; it never says who did it (the
person signed in), for whom (the address) or what time the server has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from openkap.dose import events as e
from openkap.dose.session import Session
from openkap.dose.types import Staff, Stamp
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.kernel.truth import Truth

AHEAD_S = 5  # a tablet counts on between two replies: so far ahead of the server is rounding, and is now
MOST = 50  # entries in one request
FILE_VALUE = "FileValue"  # the nurse takes over a value that a device offers (ADR 0018)
LONGEST = 2000  # characters of a text
EventOf = Callable[[Staff, Session, Stamp], e.Event]
Find = Callable[[str], Staff | None]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One thing that was done at the tablet.

    Args:
        key: made there before the first attempt; kind: name of the event; fields: of that event.
        taken_s: of a value, when it was measured; happened_s: of anything else, when it was done.
        device_at: what the tablet's own clock said, never believed.
    """

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{36}$")]
    kind: str
    fields: dict[str, Any] = {}
    taken_s: int | None = None
    happened_s: int | None = None
    device_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request: who had the page open when the entries were made, and the entries in their order."""

    by: str
    events: tuple[Entry, ...]


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Read`."""

    measure: str
    value: Decimal
    unit: str


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Correct`: the value that counts no more, and why."""

    reading: str
    reason: str


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`SetMark`."""

    name: str
    text: str = ""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Note`."""

    text: str


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Pause`."""

    reason: str


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Acknowledge`, `Silence`."""

    alert: str


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Settle`."""

    alert: str
    reason: str


class Offered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`OfferWatch`: id of the account that is to watch."""

    to: str
    summary: str = ""


class Stopped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Stop`."""

    reason: str
    given_mg: Decimal


class Over(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`EmergencyOver`."""

    reason: str
    false_alarm: bool = False


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`Answer`: what is answered at the chair alone: the limits were read back, this screen was tried."""

    name: Literal["limits-read", "sound-tested"]
    truth: bool
    note: str = ""


class Screen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`TryScreen`."""

    device: Annotated[str, msgspec.Meta(max_length=64)]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that carries nothing."""


# Kind, fields, event. What gives, goes on giving, orders or signs out is not here: it asks for a fresh proof on a page
# of its own (HAZ-63).
KINDS: dict[str, tuple[type[msgspec.Struct], type[e.Event]]] = {
    "Arrive": (Nothing, e.Arrive),
    "Read": (Value, e.Read),
    "Correct": (Taken, e.Correct),
    "SetMark": (Seen, e.SetMark),
    "Untoward": (Nothing, e.Untoward),
    "Note": (Words, e.Note),
    "Acknowledge": (About, e.Acknowledge),
    "Silence": (About, e.Silence),
    "Settle": (Settled, e.Settle),
    "OfferWatch": (Offered, e.OfferWatch),
    "TakeWatch": (Nothing, e.TakeWatch),
    "Answer": (Asked, e.Answer),
    "TryScreen": (Screen, e.TryScreen),
    "Pause": (Why, e.Pause),
    "Stop": (Stopped, e.Stop),
    "Recover": (Nothing, e.Recover),
    "Emergency": (Nothing, e.Emergency),
    "EmergencyOver": (Over, e.EmergencyOver),
}


def sent(body: bytes) -> Sent:
    """
    A request as it came.

    Raises:
        UserError: it is none, or holds too much.
    """
    try:
        found = msgspec.json.decode(body, type=Sent)
    except (msgspec.DecodeError, ValueError):
        raise UserError("This is no list of events: reload the page, what waits on the tablet is kept.") from None
    if not 0 < len(found.events) <= MOST:
        raise UserError(f"{len(found.events)} events came at once: send 1 to {MOST}.")
    return found


def event_of(entry: Entry, patient: str, find: Find) -> EventOf:
    """
    What `services.act` asks for.

    Args:
        patient: of the page; find: a member of the staff of the site by account.

    Raises:
        UserError: kind or fields are none that the chair page sends.
    """
    if entry.kind not in KINDS:
        raise UserError(f"{entry.kind!r} is nothing that is entered on this page.")
    shape, kind = KINDS[entry.kind]
    try:
        fields: Any = msgspec.convert(_plain(entry.fields), shape, strict=False)
    except (msgspec.ValidationError, ValueError):
        raise UserError(f"The entry {entry.kind} is not whole: enter it again.") from None
    if any(isinstance(value, str) and len(value) > LONGEST for value in entry.fields.values()):
        raise UserError(f"The text is longer than {LONGEST} characters: shorten it.")

    def made(staff: Staff, session: Session, now: Stamp) -> e.Event:
        first = next((one.event for one in session.log if one.event.key == entry.key), None)
        common: dict[str, Any] = {"key": entry.key, "patient": patient, "by": staff}
        if kind is e.Read:
            quantity = Quantity(fields.value, fields.unit)
            taken = _moment(entry.taken_s, now, getattr(first, "taken_s", None))
            return e.Read(**common, measure=fields.measure, quantity=quantity, taken_s=taken)
        if entry.happened_s is not None:
            common["happened_s"] = _moment(entry.happened_s, now, getattr(first, "happened_s", None))
        return kind(**common, **_more(fields, find))

    return made


def value_of(entry: Entry) -> UUID:
    """
    Which value of a device the person took over.

    Raises:
        UserError: the entry names none.
    """
    try:
        return UUID(str(entry.fields.get("value", "")))
    except ValueError:
        raise UserError("The entry names no value of a device: take a reading.") from None


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without the character that no database keeps in a text."""
    return {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in fields.items()}


def _moment(said: int | None, now: Stamp, first: int | None) -> int:
    """
    When it was, by the tablet: a little ahead of the server is now.

    Args:
        first: what an entry with the same key was filed with before; a repeat says the same.
    """
    if said is None:
        return now.elapsed_s if first is None else first
    if first is not None and first <= said <= first + AHEAD_S:
        return first
    return now.elapsed_s if now.elapsed_s < said <= now.elapsed_s + AHEAD_S else said


def _more(fields: Any, find: Find) -> Mapping[str, Any]:
    more = msgspec.structs.asdict(fields)
    if "to" in more:
        found = find(more["to"])
        if found is None:
            raise UserError("Nobody here has that account: choose a clinician of the list.")
        more["to"] = found
    if "truth" in more:
        more["truth"] = Truth.TRUE if more["truth"] else Truth.FALSE
    if "given_mg" in more:
        more["given_mg"] = DoseMg(more["given_mg"])
    return more


def state_of(refused: bool, repeated: bool) -> Literal["accepted", "repeated", "refused"]:
    """In one word, what became of an entry."""
    return "refused" if refused else "repeated" if repeated else "accepted"
