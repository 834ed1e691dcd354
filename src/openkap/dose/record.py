"""
The record of a session: the time table, the totals, the note that writes itself.

Everything is read off the log; nothing is left out and nothing is smoothed. What was entered late says so, what no
longer counts stays readable with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from openkap.dose import events as e
from openkap.dose import orders
from openkap.dose.changes import happened_s
from openkap.dose.gate import LIMITS
from openkap.dose.library import shipped
from openkap.dose.protocol import Measure
from openkap.dose.session import Session
from openkap.dose.types import Administration, Entry
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, number, round_half_up, unit_words
from openkap.kernel.truth import Truth
from openkap.people.types import Role
from openkap.plan.words import ROUTE_WORDS

LATE = "RECORD-LATE"
PLACES = 3  # of a sum in mg/kg, which is read and not given
SAID = {Truth.TRUE: "yes", Truth.FALSE: "no", Truth.UNKNOWN: "not known"}


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the time table.

    Args:
        minute: from the start of the first dose, before it negative; None where no dose was given.
        happened_s, entered: when it happened on the session's clock; when the server had it.
        late: entered more than a minute after it happened; struck: it no longer counts, with the reason.
    """

    minute: int | None
    happened_s: int
    entered: datetime
    text: str
    by: str
    late: bool = False
    struck: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One value in the grid.

    Args:
        value: in the unit of its column. by: who entered it.
        late: entered more than a minute after it was measured; struck: it no longer counts, with the reason.
        confirmed: False after a leap that nobody has repeated.
    """

    value: Decimal
    by: str
    late: bool = False
    struck: str = ""
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Minute:
    """
    One row of the grid: all that was measured in one minute.

    Args:
        minute: from the start of the first dose, before it negative; without a dose from the arrival.
        at_s: on the session's clock. cells: by measure, struck ones too, in the order of entry.
        given: the sum of the doses that had ended by then; running: the amount drawn of one that had not.
    """

    minute: int
    at_s: int
    cells: Mapping[str, tuple[Cell, ...]]
    given: DoseMg
    running: DoseMg | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Vital values and scales by minute; `measures` are the columns that have a value."""

    measures: tuple[Measure, ...]
    rows: tuple[Minute, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What was given in the session: by lot in mg, altogether in mg and, where a weight counts, in mg/kg."""

    doses: int
    mg: DoseMg
    mg_per_kg: DoseMgPerKg | None
    by_lot: tuple[tuple[str, DoseMg], ...]
    complete: bool


def timetable(session: Session) -> tuple[Line, ...]:
    """Every entry of the log in the order in which it happened; what machines say to each other is left out."""
    return session.once("timetable", lambda: _timetable(session))


def _timetable(session: Session) -> tuple[Line, ...]:
    start = session.given[0].started.elapsed_s if session.given else None
    struck = {reading.id: reading.voided for reading in session.readings if reading.voided}
    lines = []
    for entry in session.log:
        if type(entry.event) in (e.Beat, e.DutyNow, e.Receipt):
            continue
        lines.append(_line(session, entry, start, struck))
    return tuple(sorted(lines, key=lambda line: line.happened_s))


def _line(session: Session, entry: Entry, start: int | None, struck: Mapping[str, str]) -> Line:
    happened = _happened(entry)
    minute = (happened - start) // 60 if start is not None else None
    late = entry.stamp.elapsed_s - happened > session.protocol.seconds(LATE, "late_s")
    why = struck.get(entry.event.key, "")
    return Line(minute, happened, entry.stamp.at, _text(session, entry), entry.event.by.name, late, why)


def grid(session: Session) -> Grid:
    """Every reading by the minute in which it was measured, with what had been given by then; none is left out."""
    start = session.given[0].started.elapsed_s if session.given else 0
    late_s = session.protocol.seconds(LATE, "late_s")
    rows: dict[int, dict[str, list[Cell]]] = {}
    last: dict[int, int] = {}
    for reading in session.readings:
        minute = (reading.taken_s - start) // 60
        late = reading.entered.elapsed_s - reading.taken_s > late_s
        cell = Cell(reading.quantity.value, reading.by.name, late, reading.voided, reading.confirmed)
        rows.setdefault(minute, {}).setdefault(reading.measure, []).append(cell)
        last[minute] = max(last.get(minute, reading.taken_s), reading.taken_s)
    read = {name for cells in rows.values() for name in cells}
    order = [row.name for row in shipped().readings.measure]  # a kept protocol has its measures by the alphabet
    known = [name for name in order if name in read] + sorted(read - set(order))
    return Grid(
        tuple(session.protocol.measures[name] for name in known),
        tuple(_minute(session, minute, last[minute], rows[minute]) for minute in sorted(rows)),
    )


def _minute(session: Session, minute: int, at_s: int, cells: Mapping[str, list[Cell]]) -> Minute:
    done = [d for d in session.given if d.ended is not None and d.ended.elapsed_s <= at_s]
    begun = [d for d in session.given if d.started.elapsed_s <= at_s and d not in done]
    given = sum(((d.given_mg or d.mg).mg for d in done), Decimal(0))
    kept = {name: tuple(found) for name, found in cells.items()}
    return Minute(minute, at_s, kept, DoseMg(given), begun[-1].mg if begun else None)


def moment(session: Session, at_s: int) -> datetime | None:
    """When a second of the session's clock was, by the next entry of the log; None after the last and without one."""
    after = next((x.stamp for x in session.log if x.stamp.elapsed_s >= at_s), None)
    return after.at - timedelta(seconds=after.elapsed_s - at_s) if after else None


def themes(session: Session) -> tuple[Line, ...]:
    """What therapists wrote down of the session: images, parts, themes that came up; in the order it happened."""
    start = session.given[0].started.elapsed_s if session.given else None
    found = [x for x in session.log if type(x.event) is e.Note and x.event.by.role is Role.THERAPIST]
    return tuple(sorted((_line(session, entry, start, {}) for entry in found), key=lambda line: line.happened_s))


def totals(session: Session) -> Totals:
    """The sum of the doses; one that still runs counts with what was drawn up and makes the sum incomplete."""
    by_lot: dict[str, Decimal] = {}
    per_kg: Decimal | None = Decimal(0)
    for dose in session.given:
        given = dose.given_mg or dose.mg
        by_lot[dose.lot] = by_lot.get(dose.lot, Decimal(0)) + given.mg
        order = next(o for o in session.orders if (o.id, o.version) == (dose.order, dose.version))
        kg = order.weight.quantity.to("kg").value if order.weight else None
        per_kg = per_kg + given.mg / kg if per_kg is not None and kg is not None else None
    return Totals(
        len(session.given),
        DoseMg(sum(by_lot.values(), Decimal(0))),
        DoseMgPerKg(round_half_up(per_kg, PLACES)) if per_kg is not None and session.given else None,
        tuple((lot, DoseMg(mg)) for lot, mg in by_lot.items()),
        session.running is None,
    )


def note(session: Session, zone: tzinfo = UTC) -> tuple[str, ...]:
    """The note of the session in sentences, for a person to correct in plain sight and sign; times are of the zone."""
    said = [f"Session of {session.day.isoformat()}, {session.phase.value}."]
    said += [f"Ordered: {orders.said(order)}." for order in session.orders]
    said += [f"Given: {dose_words(dose, zone)}." for dose in session.given] or ["No drug was given."]
    said += [f"{name} before the dose: {value}." for name, value in _baseline(session)]
    for alert in session.alerts:
        who = f"taken by {alert.acknowledged[0].name}" if alert.acknowledged else "taken by nobody"
        how = f"over: {alert.ended[0]}" if alert.ended else "still open"
        said.append(f"{alert.level.capitalize()}: {alert.text}; {who}; {how}.")
    said += [f"Decided on {one.row} by {one.by.name}: {one.reason}." for one in session.decisions]
    corrected = sum(1 for reading in session.readings if reading.voided)
    many = f"{corrected} values were" if corrected > 1 else "1 value was"
    said += [f"{many} corrected; what was entered first stands in the time table."] if corrected else []
    return tuple(said)


def dose_words(dose: Administration, zone: tzinfo = UTC) -> str:
    """A dose in words: product, route, mg, mg/kg, volume and strength, what was really given, and when in the zone."""
    parts = [f"{dose.drug} {ROUTE_WORDS[dose.route]}", str(dose.given_mg or dose.mg)]
    parts += [f"ordered as {dose.mg_per_kg}"] if dose.mg_per_kg else []
    parts += [f"{number(dose.volume_ml)} mL of {dose.per_ml} drawn"] if dose.volume_ml is not None else []
    parts += [f"lot {dose.lot}", f"begun {dose.started.at.astimezone(zone):%H:%M %Z} by {dose.by.name}"]
    parts += [] if dose.ended else ["still running"]
    parts += [] if dose.complete else [f"stopped early, {dose.mg} was drawn"]
    parts += [dose.route_note] if dose.route_note else []
    return " · ".join(parts)


def _baseline(session: Session) -> list[tuple[str, str]]:
    measures = session.protocol.measures
    return [(measures[name].title, _valued(measures[name], value)) for name, value in session.baseline.items()]


def _valued(measure: Measure, value: Decimal) -> str:
    return f"{number(value)} {unit_words(measure.unit)}".rstrip()


def _happened(entry: Entry) -> int:
    taken = getattr(entry.event, "taken_s", None)
    return taken if taken is not None else happened_s(entry.event, entry.stamp)


def _text(session: Session, entry: Entry) -> str:
    said = _SAID.get(type(entry.event))
    text = said(session, entry.event) if said else _plain(entry.event)
    return text if entry.before is entry.after else f"{text} ({entry.before.value} → {entry.after.value})"


def _plain(event: e.Event) -> str:
    """The kind of an event and its reason, where no sentence of its own is needed."""
    name = "".join(f" {c.lower()}" if c.isupper() else c for c in type(event).__name__).strip()
    reason = getattr(event, "reason", "")
    return f"{name}: {reason}" if reason else name


def _reading(session: Session, event: Any) -> str:
    measure = session.protocol.measures[event.measure]
    device = f", from device {event.device}" if event.device else ""
    return f"{measure.title} {_valued(measure, event.quantity.to(measure.unit).value)}{device}"


def _correction(session: Session, event: Any) -> str:
    old = next(reading for reading in session.readings if reading.id == event.reading)
    title = session.protocol.measures[old.measure].title
    new = f", now {event.quantity}" if event.quantity is not None else ""
    return f"{title} {old.quantity} struck{new}: {event.reason}"


def _answer(session: Session, event: Any) -> str:
    items = {item.name: item.title for item in (*session.protocol.items, *session.protocol.checks)}
    extra = "".join(f" · {one}" for one in (event.number, event.note) if one not in (None, ""))
    extra = "" if event.name == LIMITS else extra  # which limits they were stands in the event, for machines
    return f"{items[event.name]} {SAID[event.truth]}{extra}"


def _judgement(_: Session, event: Any) -> str:
    shut = len(event.judged.blocking)
    lines = f", {shut} {'finding' if shut == 1 else 'findings'} in the way" if shut else ""
    return f"screening of the day judged: {event.judged.verdict}{lines}"


def _finish(_: Session, event: Any) -> str:
    held = f"held {number(event.held_min)} min, {event.ended}" if event.held_min is not None else ""
    return " · ".join(one for one in ("all of the dose given", held, event.note) if one)


def _about(session: Session, event: Any) -> str:
    """What an alert is about, as it reads now."""
    return next((alert.text for alert in session.alerts if alert.id == event.alert), "an alert")


_SAID: dict[type[e.Event], Callable[[Session, Any], str]] = {
    e.Arrive: lambda _, event: f"arrived; {event.by.name} watches",
    e.TakeWatch: lambda _, event: f"watch taken by {event.by.name}",
    e.ConfirmPerson: lambda _, event: "name and birth date asked and typed",
    e.OpenGate: lambda _, event: "checks before the dose begun",
    e.Judge: _judgement,
    e.PassGate: lambda _, event: "gate passed",
    e.LiftHold: lambda s, event: f"hold lifted: {event.reason}",
    e.Pause: lambda _, event: f"drug paused: {event.reason}",
    e.Resume: lambda _, event: "drug goes on",
    e.UseDevice: lambda _, event: "a nasal device used",
    e.Recover: lambda _, event: "the acute effect is over",
    e.Acknowledge: lambda s, event: f"alert taken: {_about(s, event)}",
    e.Silence: lambda s, event: f"sound off for a short time: {_about(s, event)}",
    e.Settle: lambda s, event: f"alert settled: {_about(s, event)}: {event.reason}",
    e.Emergency: lambda _, event: "emergency called",
    e.EmergencyOver: lambda _, event: f"{'false alarm' if event.false_alarm else 'emergency over'}: {event.reason}",
    e.Discharge: lambda _, event: "goes home, every criterion met",
    e.Read: _reading,
    e.Correct: _correction,
    e.Answer: _answer,
    e.SetMark: lambda s, event: f"{s.protocol.marks[event.name].title} {event.text}".rstrip(),
    e.Untoward: lambda _, event: "adverse event, to be described",
    e.Note: lambda _, event: event.text,
    e.SignOrder: lambda _, event: f"order signed, version {event.order.version}: {orders.said(event.order)}",
    e.DrawUp: lambda s, event: f"drawn up: {event.draw.mg} of lot {event.draw.lot}",
    e.CheckDraw: lambda _, event: f"draw checked, strength read as {event.per_ml}" if event.per_ml else "draw checked",
    e.Start: lambda _, event: f"dose {event.step} begun",
    e.Finish: _finish,
    e.Stop: lambda _, event: f"dose stopped at {event.given_mg}: {event.reason}",
    e.SetRate: lambda _, event: f"rate {event.rate}",
    e.OfferWatch: lambda _, event: f"watch offered to {event.to.name}: {event.summary}",
    e.Decide: lambda _, event: f"decided on {event.row}: {event.reason}",
    e.SetLimit: lambda _, event: f"limit {event.row} {event.name} set to {number(event.value)}: {event.reason}",
    e.TryScreen: lambda *_: "screen tried",
    e.MessageOut: lambda _, event: f"message to {event.phone} {event.state} {event.fault}".rstrip(),
    e.AddHold: lambda _, event: f"on hold: {event.hold.text}",
    e.Leave: lambda _, event: f"left early, {event.how}: {event.reason}",
    e.Transfer: lambda _, event: f"handed over to {event.to}: {event.reason}",
}
