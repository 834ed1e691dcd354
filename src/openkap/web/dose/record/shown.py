"""The record of a session as a page and a print show it. Everything is read off the log; nothing is left out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from openkap.dose import events as e
from openkap.dose import record, store
from openkap.dose.form import Form, monitoring_form
from openkap.dose.known import read
from openkap.dose.models import AlertReach, AlertState, DosingSession, SessionNote
from openkap.dose.products import shown as shown_name
from openkap.dose.record import Cell, Grid, Line, Totals
from openkap.dose.selectors import adverse_of, notes_of, tasks_of
from openkap.dose.services_after import written_note
from openkap.dose.session import Session
from openkap.dose.types import ENDED, Decision
from openkap.kernel.quantity import number, unit_words
from openkap.people.models import User
from openkap.plan import selectors as plans
from openkap.plan.words import ROUTE_WORDS
from openkap.web.dose.adverse.shown import Shown as Event
from openkap.web.dose.adverse.shown import shown as event_shown
from openkap.web.dose.chair.alert_words import RING_WORDS
from openkap.web.dose.chair.shown import PHASES
from openkap.web.dose.exposure import Panel, panel
from openkap.web.parts import Words


@dataclass(frozen=True)
class Column:
    """A column of the grid: what was read, in which unit."""

    title: str
    unit: str


@dataclass(frozen=True)
class Row:
    """A row of the grid: minute, clock time, the cells of each column, what had been given by then."""

    minute: int
    at: datetime | None
    cells: tuple[tuple[tuple[str, Cell], ...], ...]
    given: str
    running: str


@dataclass(frozen=True)
class Told:
    """A line of the time table with its clock time, and when it was entered if that was later."""

    line: Line
    at: datetime | None


@dataclass(frozen=True)
class Had:
    """
    An alert: who had it when.

    Args:
        reached: (ring, names, when, how it was skipped: empty, `dark` without a live screen, `unseen` where none
            confirmed in time); shown: (when, whose screen said that it shows it).
    """

    row: AlertState
    reached: tuple[tuple[Words, str, datetime, str], ...]
    shown: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True)
class Written:
    """
    The note.

    Args:
        now: as the record writes it. signed: versions, the newest first, each with its difference from what the
            record had written. moved: the record writes something else than when it was signed.
    """

    now: str
    signed: tuple[tuple[SessionNote, tuple[Piece, ...]], ...]
    moved: bool


@dataclass(frozen=True)
class Piece:
    """One line of a difference: `same`, `old` or `new`."""

    kind: str
    text: str


@dataclass(frozen=True)
class Facts:
    """
    What care needs of a session without anybody's private note: times, treatment, methods, results (HAZ-62).

    Args:
        times: what happened when, by the instants of the record. methods: of the signed plan, each once.
        results: the first and the last value of what was rated, in words.
    """

    times: tuple[tuple[Words, datetime], ...]
    treatment: str
    methods: tuple[str, ...]
    results: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Page:
    """All of a record."""

    facts: Facts
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals: Totals
    doses: tuple[str, ...]
    alerts: tuple[Had, ...]
    decisions: tuple[Decision, ...]
    lines: tuple[Told, ...]
    note: Written
    themes: tuple[Told, ...]
    form: Form
    events: tuple[Event, ...]
    tasks: tuple[Any, ...]
    exposure: Panel
    ended: bool
    phase: Words


def page(row: DosingSession, session: Session) -> Page:
    """The record of a session as it stands."""
    zone = store.zone_of(row.site)
    mine = [one for one in adverse_of(row.patient) if one.session_id == row.pk]
    return Page(
        facts=_facts(row, session),
        columns=tuple(Column(m.title, unit_words(m.unit)) for m in record.grid(session).measures),
        rows=_rows(session, record.grid(session)),
        totals=record.totals(session),
        doses=tuple(record.dose_words(dose, zone) for dose in session.given),
        alerts=_alerts(row, session),
        decisions=session.decisions,
        lines=_lines(session),
        note=note(row, session),
        themes=tuple(_told(session, line) for line in record.themes(session)),
        form=monitoring_form(session, [read(one) for one in mine], zone),
        events=tuple(event_shown(one) for one in mine),
        tasks=tuple(tasks_of(row)),
        exposure=panel(row.patient),
        ended=session.phase in ENDED,
        phase=PHASES[session.phase],
    )


def note(row: DosingSession, session: Session) -> Written:
    """The note as the record writes it, and as it was signed."""
    now = written_note(row, session)
    signed = tuple((one, difference(one.written, one.text)) for one in notes_of(row))
    return Written(now, signed, bool(signed) and signed[0][0].written != now)


def difference(old: str, new: str) -> tuple[Piece, ...]:
    """Line by line: what stands in both, what was taken out, what was written in."""
    before, after = old.splitlines(), new.splitlines()
    pieces: list[Piece] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces += [Piece("same", text) for text in before[a:b]]
        else:
            pieces += [Piece("old", text) for text in before[a:b]]
            pieces += [Piece("new", text) for text in after[c:d]]
    return tuple(pieces)


# -- parts -----------------------------------------------------------------------------------------------


def _facts(row: DosingSession, session: Session) -> Facts:
    came = next((x.stamp.at for x in session.log if type(x.event) is e.Arrive), None)
    over = next((x.stamp.at for x in session.log if x.after in ENDED), None)
    begun = session.given[0].started.at if session.given else None
    last = session.given[-1].ended if session.given else None
    moments: tuple[tuple[Words, datetime | None], ...] = (
        (_("Came"), came),
        (_("First dose begun"), begun),
        (_("Last dose ended"), last.at if last else None),
        (_("Session ended"), over),
    )
    results = []
    for name, measure in session.protocol.measures.items():
        read = [r for r in session.readings if r.measure == name and not r.voided]
        if read and measure.unit == "{score}":
            first, newest = (number(r.quantity.value) for r in (read[0], read[-1]))
            results.append((measure.title, first, newest))
    treatment = f"{shown_name(session.protocol.drug)} {ROUTE_WORDS[session.protocol.route]}"
    times = tuple((words, at) for words, at in moments if at is not None)
    return Facts(times, treatment, _methods(row), tuple(results))


def _methods(row: DosingSession) -> tuple[str, ...]:
    """The methods of therapy in the plan that stands."""
    plan = plans.newest(row.patient)
    if plan is None or plans.signature_of(plan) is None or plans.withdrawal_of(plan) is not None:
        return ()
    sessions = plans.document_of(plan)["programme"]["sessions"]
    return tuple(dict.fromkeys(one["title"] for one in sessions if one.get("modality")))


def _rows(session: Session, grid: Grid) -> tuple[Row, ...]:
    return tuple(
        Row(
            minute=minute.minute,
            at=record.moment(session, minute.at_s),
            cells=tuple(
                tuple((number(cell.value), cell) for cell in minute.cells.get(measure.name, ()))
                for measure in grid.measures
            ),
            given=str(minute.given),
            running=str(minute.running) if minute.running else "",
        )
        for minute in grid.rows
    )


def _lines(session: Session) -> tuple[Told, ...]:
    """The time table; values that one person read at one moment stand in one line."""
    titles = tuple(f"{measure.title} " for measure in session.protocol.measures.values())
    told: list[Told] = []
    for line in record.timetable(session):
        last = told[-1].line if told else None
        alike = last is not None and all(one.text.startswith(titles) and not one.struck for one in (last, line))
        if alike and last and (last.happened_s, last.by, last.late) == (line.happened_s, line.by, line.late):
            told[-1] = replace(told[-1], line=replace(last, text=f"{last.text} · {line.text}"))
        else:
            told.append(_told(session, line))
    return tuple(told)


def _told(session: Session, line: Line) -> Told:
    return Told(line, record.moment(session, line.happened_s))


def _alerts(row: DosingSession, session: Session) -> tuple[Had, ...]:
    rows = list(AlertState.objects.filter(session=row).select_related("owner", "acknowledged_by").order_by("raised_at"))
    reaches = list(AlertReach.objects.filter(session=row).order_by("pk"))
    names = _names(person for reach in reaches for person in reach.people)
    log = [entry for entry in session.log if isinstance(entry.event, e.Receipt)]
    receipts = [(entry.event.alert, entry.stamp.at, entry.event.by.name) for entry in log]
    return tuple(
        Had(
            alert,
            tuple(
                (
                    RING_WORDS[reach.ring],
                    ", ".join(names.get(one, one) for one in reach.people),
                    reach.at,
                    _skipped(reach, reaches),
                )
                for reach in reaches
                if reach.alert == alert.alert
            ),
            tuple((at, name) for about, at, name in receipts if about == alert.alert),
        )
        for alert in rows
    )


def _skipped(reach: AlertReach, reaches: Iterable[AlertReach]) -> str:
    """How a ring was skipped: the first word about it says `dark`, one after it was reached says `unseen`."""
    if not reach.skipped:
        return ""
    of_it = [one for one in reaches if (one.alert, one.ring) == (reach.alert, reach.ring) and one.pk < reach.pk]
    return "unseen" if of_it and not of_it[-1].skipped else "dark"


def _names(people: Iterable[str]) -> dict[str, str]:
    ids = {UUID(one) for one in people}
    return {str(user.pk): user.name for user in User.objects.filter(pk__in=ids)}
