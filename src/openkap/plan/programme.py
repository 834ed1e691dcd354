"""
The programme: sessions in order with the hours between them.

Hours are between the starts of two sessions. `day` is a suggestion, counted from the first day (0).
The windows, not the days, are what a calendar must keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from openkap.kernel.source import Sourced
from openkap.plan.book import Book
from openkap.plan.choices import Candidate
from openkap.plan.library import calendars, rows, statement
from openkap.plan.matching import Match
from openkap.plan.types import Calendar, DoseLimit, Pathway, SessionKind, SessionRow
from openkap.screen.types import Route

AFTER_END = "SES-END"


@dataclass(slots=True)
class Builder:
    """Collects sessions; each `add` gives the id that later sessions refer to."""

    start_on: date | None
    sessions: list[dict[str, Any]] = field(default_factory=list)
    used: dict[str, Sourced] = field(default_factory=dict)

    def add(
        self,
        name: str,
        row: SessionRow,
        day: int,
        after: list[dict[str, Any]],
        *,
        title: str = "",
        modality: Match | None = None,
        minutes: int | None = None,
        needs: tuple[str, ...] = (),
        why: str = "",
        kind: SessionKind | None = None,
    ) -> str:
        self.used[row.id] = row
        session: dict[str, Any] = {
            "id": name,
            "kind": kind or row.kind,
            "title": title or row.title,
            "modality": modality.row.id if modality else None,
            "minutes": minutes or row.minutes,
            "day": day,
            "after": after,
            "roles": list(row.roles),
            "needs": [*needs, *row.needs],
            "why": why or row.why,
            "basis": [{"what": b.what, "tag": b.tag, "source": b.source} for b in row.basis],
        }
        if self.start_on:
            session["date"] = (self.start_on + timedelta(days=day)).isoformat()
        self.sessions.append(session)
        return name


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What a programme is made from.

    Args:
        candidate: the regimen; None for a programme without doses.
        matches: modalities, in order.
        pathways: of the person's disorders.
        fearful: the start is low for fear of the session, so preparation is longer.
        exposure_wished: exposure is asked for, or avoidance is part of the formulation.
        extra_contact: a second contact after each dose is due (suicidal thoughts on the record).
        start_on: first day, if chosen.
        book: the rows as the site uses them.
    """

    candidate: Candidate | None
    matches: tuple[Match, ...]
    pathways: tuple[Pathway, ...]
    fearful: bool
    exposure_wished: bool
    extra_contact: bool
    start_on: date | None
    book: Book


def build(shape: Shape) -> tuple[dict[str, Any], dict[str, Sourced]]:
    """The programme, and the content rows it used."""
    calendar = _calendar(shape.candidate)
    builder = Builder(shape.start_on)
    builder.used[calendar.id] = calendar
    for pathway in shape.pathways:
        builder.used[pathway.id] = pathway
    preparations, first_day = _preparations(builder, shape, calendar)
    if shape.candidate:
        last, last_day = _doses(builder, shape, calendar, preparations, first_day)
    else:
        last, last_day = preparations[-1], first_day - 1
    _closing(builder, shape, calendar, last, last_day)
    ordered = sorted(enumerate(builder.sessions), key=lambda pair: (pair[1]["day"], pair[0]))
    programme = {
        "title": _title(shape),
        "template_of_calendar": calendar.id,
        "outline": calendar.outline,
        "combination": combination(shape.matches, shape.pathways, builder.sessions),
        "pathways": [_pathway(p) for p in shape.pathways],
        "sessions": [session for _, session in ordered],
    }
    return programme, builder.used


def dose_minutes(limit: DoseLimit, book: Book) -> int:
    """How long a dose session is planned, by its route: never shorter than the stay that a site asks for."""
    return max(_session("dose", limit.route).minutes, book.watch_of(limit).min_stay_min or 0)


def combination(
    matches: tuple[Match, ...], pathways: tuple[Pathway, ...], sessions: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """
    The combination calendar: for each modality, what of it belongs where around a dose.

    A line is `planned` only where a session of it stands in the calendar.
    """
    given = {s["modality"] for s in sessions}
    exposed = any(s["kind"] == "exposure" for s in sessions)
    lines = [
        {
            "modality": m.row.id,
            "around_a_dose": m.row.around_a_dose,
            "after_dose_min_h": m.row.after_dose_min_h,
            "before_dose_min_h": m.row.before_dose_min_h,
            "order": list(m.row.order),
            "planned": m.row.id in given,
            "later": m.later or None,
        }
        for m in matches
    ]
    return lines + [
        {"modality": None, "around_a_dose": f"{p.title}: {p.exposure}", "planned": exposed, "later": None}
        for p in pathways
    ]


# -- parts of the programme ------------------------------------------------------------------------


def _preparations(builder: Builder, shape: Shape, calendar: Calendar) -> tuple[list[str], int]:
    """One to three preparation sessions, more where the session is feared or panic is met; and the first dose day."""
    row = _session("preparation")
    more = shape.fearful or any(p.extra_preparation for p in shape.pathways)
    days = list(calendar.preparation_days)
    first_day = calendar.first_dose_day
    if more:
        step = row.numbers["extra_after_days"]
        days.append(days[-1] + step)
        first_day = max(first_day, days[-1] + step)
    topics = tuple(line for p in shape.pathways for line in p.preparation)
    emdr = [m for m in shape.matches if m.row.id == "emdr" and m.usable]
    names: list[str] = []
    for place, day in enumerate(days, 1):
        after = [_after(names[-1], row.numbers["next_h"])] if names else []
        last = place == len(days)
        needs = topics if last else ()
        if last and emdr:
            needs = (*needs, f"EMDR phases {emdr[0].row.order[0]} and {emdr[0].row.order[1]}")
        title = f"Preparation {place} of {len(days)}"
        names.append(builder.add(f"prep-{place}", row, day, after, title=title, needs=needs))
    return names, first_day


def _doses(
    builder: Builder, shape: Shape, calendar: Calendar, preparations: list[str], first_day: int
) -> tuple[str, int]:
    assert shape.candidate
    regimen, limit = shape.candidate.row, shape.candidate.limit
    row = _session("dose", limit.route)
    often = shape.book.statement("DOS-FREQ-1")
    builder.used[often.id] = often
    total = len(regimen.days)
    reviews = _reviews(shape, calendar, total)
    prep_gap = _session("preparation").min_h
    gates: list[dict[str, Any]] = [_after(name, prep_gap) for name in preparations]
    for place in range(1, total + 1):
        day = first_day + regimen.days[place - 1]
        after = list(gates)
        if place > 1:
            after.insert(0, _after(f"dose-{place - 1}", regimen.min_h, regimen.max_h))
        most = int(often.number("never")) - 1 if regimen.offered == "reason" else int(often.number("most"))
        if limit.parenteral and place > most:
            after.append(_after(f"dose-{place - most}", int(often.number("window_h"))))
        needs = tuple(n for p in shape.pathways if place <= p.dose_needs_first for n in p.dose_needs)
        title = f"Dose {place} of {total}"
        minutes = dose_minutes(limit, shape.book)
        dose = builder.add(
            f"dose-{place}", row, day, after, title=title, minutes=minutes, needs=(*regimen.needs, *needs)
        )
        gates = _around(builder, shape, calendar, dose, place, day, _room_until(regimen.days, place))
        if place in reviews and place < total:
            review = _review(builder, f"review-{place}", dose, day, f"Review after dose {place}")
            gates.append(_after(review, _session("review").numbers["next_h"]))
    return f"dose-{total}", first_day + regimen.days[-1]


def _around(
    builder: Builder, shape: Shape, calendar: Calendar, dose: str, place: int, day: int, room: int | None
) -> list[dict[str, Any]]:
    """What stands around one dose; returns what the next dose must wait for."""
    timing = statement("INT-1")
    builder.used[timing.id] = timing
    call = _session("check-in")
    builder.add(f"check-in-{place}", call, day + 1, [_after(dose, call.min_h, call.max_h)])
    if shape.extra_contact:
        window = (call.numbers["second_min_h"], call.numbers["second_max_h"])
        builder.add(
            f"check-in-{place}b", call, day + call.numbers["second_day"], [_after(dose, *window)], title="Second call"
        )
    row = _session("integration")
    window = (int(timing.number("first_min_h")), int(timing.number("first_max_h")))
    ways = [m for m in _ways(shape, "therapy") if not m.row.before_dose_min_h]
    integration = builder.add(
        f"integration-{place}",
        row,
        day + 1,
        [{**_after(dose, *window), "preferred_max_h": int(timing.number("first_preferred_max_h"))}],
        title=f"Integration after dose {place}",
        modality=ways[0] if ways else None,
    )
    gates = [_after(integration, row.min_h)]
    if exposure := _exposure(builder, shape, dose, place, day, room):
        gates.append(exposure)
    for turn, extra in enumerate(calendar.therapy_after):
        if room is None or extra < room:
            name = f"therapy-{place}" if len(calendar.therapy_after) == 1 else f"therapy-{place}-{turn + 1}"
            gates.append(_therapy(builder, shape, name, dose, day + extra, place + turn - 1))
    return gates


def _exposure(
    builder: Builder, shape: Shape, dose: str, place: int, day: int, room: int | None
) -> dict[str, Any] | None:
    """An exposure task paired with this dose, where it is wanted and the next dose leaves room for it."""
    row = _session("exposure")
    ways = _ways(shape, "exposure")
    if not shape.exposure_wished or not ways or (room is not None and room < row.numbers["room_days"]):
        return None
    way = ways[(place - 1) % len(ways)]
    name = builder.add(
        f"exposure-{place}",
        row,
        day + row.numbers["day_after_dose"],
        [_after(dose, max(row.min_h or 0, way.row.after_dose_min_h), row.max_h)],
        title=f"{way.row.title}, paired with dose {place}",
        modality=way,
        minutes=way.row.minutes,
        needs=tuple(text for text in way.against if not text.startswith("take care")),
    )
    return _after(name, max(way.row.before_dose_min_h, row.numbers["next_h"]))


def _therapy(builder: Builder, shape: Shape, name: str, anchor: str, day: int, turn: int) -> dict[str, Any]:
    row = _session("therapy")
    ways = _ways(shape, "therapy")
    way = ways[turn % len(ways)] if ways else None
    title = way.row.title if way else row.title
    minutes = way.row.minutes if way else None
    after = [_after(anchor, max(row.min_h or 0, way.row.after_dose_min_h if way else 0))]
    needs = (f"in order: {', '.join(way.row.order)}",) if way and way.row.order else ()
    builder.add(name, row, day, after, title=title, modality=way, minutes=minutes, needs=needs)
    return _after(name, max(way.row.before_dose_min_h if way else 0, row.numbers["next_h"]))


def _closing(builder: Builder, shape: Shape, calendar: Calendar, last: str, last_day: int) -> None:
    """Therapy after the last dose, relapse prevention, review, end and follow-up."""
    anchor = f"integration-{last.removeprefix('dose-')}" if shape.candidate else last
    for place, day in enumerate(calendar.closing, 1):
        gate = _therapy(builder, shape, f"closing-{place}", anchor, last_day + day, place - 1)
        anchor = gate["id"]
    final = last_day + calendar.closing[-1]
    relapse = _by_id("SES-RELAPSE")
    name = builder.add("relapse-prevention", relapse, final, [_after(anchor, _session("therapy").numbers["next_h"])])
    if shape.candidate:
        days = _session("review").numbers["end_day"]
        _review(builder, "review-end", last, last_day, "Review after the last dose", days=days)
    end = builder.add("end", _by_id(AFTER_END), final, [_after(name, relapse.numbers["next_h"])])
    follow = _by_id("SES-FOLLOW-UP")
    month, slack = follow.numbers["days_per_month"], follow.numbers["slack_h"]
    for count in next(m for m in calendars().moment if m.at == "follow-up").months:
        hours = 24 * month * count
        title = f"Follow-up, month {count}"
        after = [_after(end, hours - slack, hours + slack)]
        builder.add(f"follow-up-{count}", follow, final + month * count, after, title=title)


def _review(builder: Builder, name: str, dose: str, day: int, title: str, days: int = 1) -> str:
    row = _session("review")
    return builder.add(name, row, day + days, [_after(dose, row.min_h)], title=title)


def _reviews(shape: Shape, calendar: Calendar, total: int) -> set[int]:
    """Doses after which progress is reviewed before another is given."""
    stop = int(shape.book.statement("DOS-FREQ-3").number("review_after"))
    own = shape.candidate.row.review_after if shape.candidate else ()
    return {n for n in (stop, *calendar.review_after, *own) if n <= total}


# -- small readings --------------------------------------------------------------------------------


def _calendar(candidate: Candidate | None) -> Calendar:
    name = candidate.row.calendar if candidate else "CAL-THERAPY"
    found = rows()[name]
    assert isinstance(found, Calendar)
    return found


def _session(kind: SessionKind, route: Route | None = None) -> SessionRow:
    return next(r for r in calendars().session if r.kind == kind and (route is None or route in r.routes))


def _by_id(name: str) -> SessionRow:
    return next(r for r in calendars().session if r.id == name)


def _ways(shape: Shape, kind: str) -> list[Match]:
    """Modalities whose sessions may be planned: those wished for first, then in the order of reasons."""
    usable = [m for m in shape.matches if m.usable and m.row.kind == kind]
    own = {p.exposure_modality for p in shape.pathways}
    usable.sort(key=lambda m: (not m.wished, -m.strength, m.row.id not in own))
    return [m for m in usable if m.wished or m.role != "adjunct"]


def _room_until(days: tuple[int, ...], place: int) -> int | None:
    """Days until the next dose; None after the last."""
    return days[place] - days[place - 1] if place < len(days) else None


def _after(name: str, min_h: int | None, max_h: int | None = None) -> dict[str, Any]:
    return {"id": name, "min_h": min_h or 0, "max_h": max_h}


def _pathway(row: Pathway) -> dict[str, Any]:
    return {"id": row.id, "title": row.title, "text": row.text, "therapy": row.therapy, "exposure": row.exposure}


def _title(shape: Shape) -> str:
    names = ", ".join(p.title.lower() for p in shape.pathways) or "anxiety"
    return f"Programme for {names}" + ("" if shape.candidate else " (without doses)")
