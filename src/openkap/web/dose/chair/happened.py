"""What happened in a session, as lines of the chair page."""

from __future__ import annotations

from dataclasses import dataclass, replace

from openkap.dose.record import timetable
from openkap.dose.session import Session
from openkap.plan.words import MINUS
from openkap.web.dose.chair.shown import SHORT, When, in_order


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of what happened; several values of one moment stand in one line."""

    at: str
    minute: str
    text: str
    by: str
    late: bool
    entered: str
    struck: str


def event_rows(session: Session, when: When) -> tuple[EventRow, ...]:
    """What happened, the newest first; values that one person read in one minute stand in one line."""
    titles = {one.title: str(SHORT.get(one.name, one.title)) for one in in_order(session.protocol.measures)}
    rows: list[EventRow] = []
    held: set[str] = set()  # measures in the last row; empty: it is no row of values
    for line in timetable(session):
        title = next((one for one in titles if line.text.startswith(f"{one} ")), "")
        text = line.text.replace(title, titles[title], 1) if title else line.text
        if line.struck or " struck" in text:
            title = ""  # it stands alone
        row = EventRow(
            at=when.clock(line.happened_s),
            minute="" if line.minute is None else f"{line.minute:+d}".replace("-", MINUS),
            text=text[:1].upper() + text[1:],
            by=line.by,
            late=line.late,
            entered=f"{line.entered.astimezone(when.zone):%H:%M}",
            struck=line.struck,
        )
        if title and held and title not in held and _same(rows[-1], row):
            rows[-1] = replace(row, text=f"{rows[-1].text}, {row.text}")
            held.add(title)
        else:
            rows.append(row)
            held = {title} if title else set()
    return tuple(reversed(rows))


def _same(one: EventRow, other: EventRow) -> bool:
    return (one.at, one.by, one.late, one.entered, one.struck) == (
        other.at,
        other.by,
        other.late,
        other.entered,
        other.struck,
    )
