"""
The record of a session: the time table, the totals, the note that writes itself.

Everything is read off the log; nothing is left out and nothing is smoothed. What was entered late says so, what no
longer counts stays readable with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from openkap.dose import events as e
from openkap.dose import orders
from openkap.dose.changes import happened_s
from openkap.dose.session import Session
from openkap.dose.types import Administration, Entry
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, number, unit_words
from openkap.plan.words import ROUTE_WORDS

LATE = "RECORD-LATE"


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
class Totals:
    """What was given in the session: by lot in mg, altogether in mg and, where a weight counts, in mg/kg."""

    doses: int
    mg: DoseMg
    mg_per_kg: DoseMgPerKg | None
    by_lot: tuple[tuple[str, DoseMg], ...]
    complete: bool


def timetable(session: Session) -> tuple[Line, ...]:
    """Every entry of the log in the order in which it happened; the heartbeat is left out."""
    start = session.given[0].started.elapsed_s if session.given else None
    struck = {reading.id: reading.voided for reading in session.readings if reading.voided}
    lines = []
    for entry in session.log:
        if type(entry.event) in (e.Beat, e.DutyNow):
            continue
        happened = _happened(entry)
        minute = (happened - start) // 60 if start is not None else None
        late = entry.stamp.elapsed_s - happened > session.protocol.seconds(LATE, "late_s")
        text = _text(session, entry)
        why = struck.get(entry.event.key, "")
        lines.append(Line(minute, happened, entry.stamp.at, text, entry.event.by.name, late, why))
    return tuple(sorted(lines, key=lambda line: line.happened_s))


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
        DoseMgPerKg(per_kg) if per_kg is not None and session.given else None,
        tuple((lot, DoseMg(mg)) for lot, mg in by_lot.items()),
        session.running is None,
    )


def note(session: Session) -> tuple[str, ...]:
    """The note of the session in sentences, for a person to correct in plain sight and sign."""
    said = [f"Session of {session.day.isoformat()}, {session.phase.value}."]
    said += [f"Ordered: {orders.said(order)}." for order in session.orders]
    said += [f"Given: {dose_words(dose)}." for dose in session.given] or ["No drug was given."]
    said += [f"{name} before the dose: {number(value)}." for name, value in _baseline(session)]
    for alert in session.alerts:
        who = f"taken by {alert.acknowledged[0].name}" if alert.acknowledged else "taken by nobody"
        how = f"over: {alert.ended[0]}" if alert.ended else "still open"
        said.append(f"{alert.level.capitalize()}: {alert.text}; {who}; {how}.")
    said += [f"Decided on {one.row} by {one.by.name}: {one.reason}." for one in session.decisions]
    corrected = sum(1 for reading in session.readings if reading.voided)
    said += [f"{corrected} values were corrected; the first ones stand in the time table."] if corrected else []
    return tuple(said)


def dose_words(dose: Administration) -> str:
    """A dose in words: product, route, mg, mg/kg, volume and strength, what was really given."""
    parts = [f"{dose.drug} {ROUTE_WORDS[dose.route]}", str(dose.given_mg or dose.mg)]
    parts += [f"ordered as {dose.mg_per_kg}"] if dose.mg_per_kg else []
    parts += [f"{number(dose.volume_ml)} mL of {dose.per_ml} drawn"] if dose.volume_ml is not None else []
    parts += [f"lot {dose.lot}", f"begun {dose.started.at:%H:%M} UTC by {dose.by.name}"]
    parts += [] if dose.ended else ["still running"]
    parts += [] if dose.complete else [f"stopped early, {dose.mg} was drawn"]
    parts += [dose.route_note] if dose.route_note else []
    return " · ".join(parts)


def _baseline(session: Session) -> list[tuple[str, Decimal]]:
    return [(session.protocol.measures[name].title, value) for name, value in session.baseline.items()]


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
    return f"{measure.title} {number(event.quantity.to(measure.unit).value)} {unit_words(measure.unit)}".rstrip()


def _correction(session: Session, event: Any) -> str:
    old = next(reading for reading in session.readings if reading.id == event.reading)
    title = session.protocol.measures[old.measure].title
    new = f", now {event.quantity}" if event.quantity is not None else ""
    return f"{title} {old.quantity} struck{new}: {event.reason}"


def _answer(session: Session, event: Any) -> str:
    items = {item.name: item.title for item in (*session.protocol.items, *session.protocol.checks)}
    extra = "".join(f" · {one}" for one in (event.number, event.note) if one not in (None, ""))
    return f"{items[event.name]} {event.truth.value}{extra}"


_SAID: dict[type[e.Event], Callable[[Session, Any], str]] = {
    e.Read: _reading,
    e.Correct: _correction,
    e.Answer: _answer,
    e.SetMark: lambda s, event: f"{s.protocol.marks[event.name].title} {event.text}".rstrip(),
    e.Note: lambda _, event: event.text,
    e.SignOrder: lambda _, event: f"order signed, version {event.order.version}: {orders.said(event.order)}",
    e.DrawUp: lambda s, event: f"drawn up: {event.draw.mg} of lot {event.draw.lot}",
    e.CheckDraw: lambda _, event: f"draw checked, strength read as {event.per_ml}" if event.per_ml else "draw checked",
    e.Start: lambda _, event: f"dose {event.step} begun",
    e.Finish: lambda s, event: f"dose ended {s.given[-1].route_note}".rstrip(),
    e.Stop: lambda _, event: f"dose stopped at {event.given_mg}: {event.reason}",
    e.SetRate: lambda _, event: f"rate {event.rate}",
    e.OfferWatch: lambda _, event: f"watch offered to {event.to.name}: {event.summary}",
    e.Decide: lambda _, event: f"decided on {event.row}: {event.reason}",
    e.SetLimit: lambda _, event: f"limit {event.row} {event.name} set to {number(event.value)}: {event.reason}",
    e.AddHold: lambda _, event: f"on hold: {event.hold.text}",
    e.Leave: lambda _, event: f"left early, {event.how}: {event.reason}",
    e.Transfer: lambda _, event: f"handed over to {event.to}: {event.reason}",
}
