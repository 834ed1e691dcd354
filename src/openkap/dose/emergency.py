"""
The emergency sheet: everything on one page at one tap, no field to fill, nothing to look up.

What is not known is said to be not known. No amount of a rescue medicine is ever shown but the site's own.

Source: EMR-*, RES-*, MON-X; hazards 46, 47
"""

from __future__ import annotations

from dataclasses import dataclass

from openkap.dose import orders
from openkap.dose.due import Shown, shown
from openkap.dose.library import Content
from openkap.dose.record import Line, dose_words, timetable
from openkap.dose.session import Session
from openkap.kernel.quantity import unit_words

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class First:
    """A situation and its steps, in order."""

    title: str
    steps: tuple[str, ...]
    now: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    What stands on the sheet.

    Args:
        who: name and birth date; weight, allergies, contacts: or that they are not known.
        ordered, given: the order, and each dose with time, amount and how long ago.
        readings: last values with their age.
        first: situations with their steps, those of open alerts before the others.
        roles, drugs: who does what, what is at hand.
        times: the time table, for whoever takes over.
    """

    who: str
    weight: str
    allergies: str
    contacts: tuple[str, ...]
    phase: str
    ordered: str
    given: tuple[str, ...]
    readings: tuple[str, ...]
    alerts: tuple[str, ...]
    first: tuple[First, ...]
    roles: tuple[tuple[str, str], ...]
    drugs: tuple[tuple[str, str], ...]
    times: tuple[Line, ...]


def sheet(session: Session, content: Content, allergies: str | None, contacts: tuple[str, ...] = ()) -> Sheet:
    """
    The sheet of a session as it stands, in any phase.

    Args:
        allergies: as the chart says; None where it does not.
        contacts: prescriber on duty, emergency service, escort, in the order to call.
    """
    order = session.order
    weight = f"{order.weight.quantity}, {order.weight.on.isoformat()}" if order and order.weight else UNKNOWN
    rescue = {row.id: row.text for row in session.protocol.book.monitoring.statement if row.group == "rescue"}
    about = {row for alert in session.open_alerts() for row in alert.rows}
    first = [
        First(row.title, tuple(rescue[step] for step in row.steps), bool(about & set(row.alerts)))
        for row in content.emergency.situation
    ]
    given = tuple(
        f"{dose_words(one)}, {(session.now_s - one.started.elapsed_s) // 60} min ago" for one in session.given
    )
    values = (shown(session, name) for name in session.protocol.measures)
    return Sheet(
        who=f"{session.person.name}, born {session.person.born.isoformat()}",
        weight=weight,
        allergies=allergies or UNKNOWN,
        contacts=contacts or (UNKNOWN,),
        phase=session.phase.value,
        ordered=orders.said(order) if order else "no order",
        given=given or ("no drug given",),
        readings=tuple(_value(session, one) for one in values if one),
        alerts=tuple(alert.text for alert in session.open_alerts()),
        first=tuple(sorted(first, key=lambda one: not one.now)),
        roles=tuple((row.title, row.text) for row in content.emergency.role),
        drugs=tuple((row.title, row.text) for row in content.emergency.drug),
        times=timetable(session),
    )


def _value(session: Session, value: Shown) -> str:
    measure = session.protocol.measures[value.reading.measure]
    old = ", overdue" if value.overdue else ""
    unit = unit_words(measure.unit)
    return f"{measure.title} {value.reading.quantity.value} {unit}, {value.age_s // 60} min ago{old}"
