"""Third part of the printed plan: calendar, sessions, ways of working, monitoring, measures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from openkap.plan import library, words
from openkap.plan.blocks import Block, Citations, bullets, cell, facts, heading, item, line, section, table, text

Document = Mapping[str, Any]
Session = Mapping[str, Any]

KINDS = {
    "preparation": ("P", "preparation"),
    "dose": ("D", "dose"),
    "check-in": ("c", "call"),
    "integration": ("I", "integration"),
    "exposure": ("X", "exposure"),
    "therapy": ("T", "therapy"),
    "review": ("R", "review"),
    "measure": ("m", "measures"),
}
WEEK = 7


def calendar(document: Document, cite: Citations) -> dict[str, Any]:
    """A strip of weeks, every session with its window, and what each kind of session needs."""
    programme = document["programme"]
    sessions = programme["sessions"]
    near = [s for s in sessions if not s["id"].startswith("follow-up")]
    common = {kind: _common_needs([s for s in sessions if s["kind"] == kind]) for kind in KINDS}
    titles = {s["id"]: _reference(s) for s in sessions}
    rows = [_session_row(s, titles, common[s["kind"]]) for s in sessions]
    blocks: list[Block] = [
        text(programme["outline"]),
        _strip(near),
        table("Sessions in order", ["Day", "Session", "Length", "When, by the windows"], rows, wide=[3, 6, 2, 8]),
    ]
    pathways = programme.get("pathways", ())
    if pathways:
        blocks.append(heading("What the disorder changes"))
        blocks.append(bullets([item(words.sentence(p["text"]), label=p["title"]) for p in pathways], "Pathways"))
    lead = "Days are a suggestion; the windows are what a calendar must keep. Hours count from start to start."
    return section("calendar", programme["title"], *blocks, lead=lead)


def edits(document: Document) -> dict[str, Any] | None:
    """What a clinician changed in the proposal, with was and is, and why; nothing where nobody did."""
    rows = document.get("edits") or []
    arrow = "\N{RIGHTWARDS ARROW}"
    items = [item(f"{one['was']} {arrow} {one['now']}", label=one["title"], note=one["reason"]) for one in rows]
    return section("edits", "Changed by a clinician", bullets(items, "Changes")) if items else None


def needs(document: Document, cite: Citations) -> dict[str, Any]:
    """What each kind of session needs, who is there, and why it stands in the programme."""
    sessions = document["programme"]["sessions"]
    rows = [_kind_row(kind, sessions, cite) for kind in KINDS if any(s["kind"] == kind for s in sessions)]
    head = ["Kind", "Who", "Needs", "Why", "How sure"]
    return section("needs", "What each kind of session needs", table("Needs", head, rows, wide=[3, 3, 6, 6, 6]))


def _strip(sessions: Sequence[Session]) -> Block:
    last = max(s["day"] for s in sessions)
    start = _start(sessions)
    weeks = []
    for first in range(0, last + 1, WEEK):
        days = []
        for day in range(first, first + WEEK):
            acts = [_act(s) for s in sessions if s["day"] == day]
            days.append({"name": _day_name(day, start), "spoken": f"Day {day + 1}", "acts": acts})
        weeks.append({"name": f"Week {first // WEEK + 1}", "days": days})
    used = {s["kind"] for s in sessions}
    legend = [{"kind": kind, "letter": letter, "word": word} for kind, (letter, word) in KINDS.items() if kind in used]
    return {"kind": "strip", "label": "Calendar of the programme", "weeks": weeks, "legend": legend}


def _start(sessions: Sequence[Session]) -> date | None:
    dated = next((s for s in sessions if "date" in s), None)
    return date.fromisoformat(dated["date"]) - timedelta(days=dated["day"]) if dated else None


def _day_name(day: int, start: date | None) -> str:
    if start is None:
        return str(day + 1)
    on = start + timedelta(days=day)
    return f"{on:%a} {on.day} {on:%b}"


def _act(session: Session) -> dict[str, str]:
    letter, word = KINDS[session["kind"]]
    place = session["id"].removeprefix("dose-") if session["kind"] == "dose" else ""
    return {"kind": session["kind"], "letter": f"{letter}{place}", "word": f"{word} {place}".strip()}


def _common_needs(sessions: Sequence[Session]) -> list[str]:
    """Needs that every session of a kind has; the others are shown with their session."""
    if not sessions:
        return []
    return [need for need in sessions[0]["needs"] if all(need in s["needs"] for s in sessions)]


def _session_row(session: Session, titles: Mapping[str, str], common: Sequence[str]) -> list[dict[str, Any]]:
    day = f"Day{words.NBSP}{session['day'] + 1}"
    on = words.weekday_date(session["date"]) if "date" in session else ""
    own = [need for need in session["needs"] if need not in common]
    windows = [
        f"{words.window(a['min_h'], a['max_h'], a.get('preferred_max_h'))} after {titles[a['id']]}"
        for a in _binding(session["after"])
    ]
    return [
        cell(line(day, "strong"), on),
        cell(line(session["title"], "strong"), line("; ".join(own), "muted")),
        cell(words.figure(session["minutes"], "min")),
        cell(*map(words.sentence, windows)) if windows else cell("First session."),
    ]


def _reference(session: Session) -> str:
    """A session as another one's window names it; therapy sessions share titles, so the day tells them apart."""
    title = re.sub(r" of \d+$", "", session["title"])
    if session["kind"] in ("therapy", "exposure"):
        return f"{title}, day{words.NBSP}{session['day'] + 1}"
    return title[0].lower() + title[1:]


def _binding(after: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The conditions that say something, those on the same ground told once: many preparations need one line."""
    preparations = [a for a in after if a["id"].startswith("prep-")]
    return [a for a in after if a not in preparations[:-1]]


def _kind_row(kind: str, sessions: Sequence[Session], cite: Citations) -> list[dict[str, Any]]:
    here = [s for s in sessions if s["kind"] == kind]
    common = _common_needs(here)
    reasons = dict.fromkeys(s["why"] for s in here)
    parts = {(p["what"], p["tag"], p["source"]): p for s in here for p in s["basis"]}
    letter, word = KINDS[kind]
    roles = dict.fromkeys(role.replace("-", " ") for s in here for role in s["roles"])
    return [
        cell(line(f"{letter} {word}", "strong")),
        cell(", ".join(roles)),
        cell(words.sentence("; ".join(common)) or line("nothing further", "muted")),
        cell(*map(words.sentence, reasons)),
        cell(
            *(line(said, "muted") for said in words.basis_words(list(parts.values()))),
            cite=cite.mark(p[2] for p in parts),
        ),
    ]


# -- ways of working -------------------------------------------------------------------------------


def modalities(document: Document, cite: Citations) -> dict[str, Any]:
    """Ways of working with reasons for and against, gates, grades; the obligatory statements stand with them."""
    said = {row["id"]: row["text"] for row in document["limits"]}
    rows_of = library.modalities().statement
    statements = [said[row.id] for row in rows_of if row.group == "obligatory"]
    scale = [said[row.id] for row in rows_of if row.group == "scale"]
    rows = [_modality(row, cite) for row in document["modalities"]]
    return section(
        "modalities",
        "Ways of working",
        {"kind": "warnings", "label": "Read with this table", "items": statements},
        table(
            "Ways of working, in the order of reasons",
            ["Way", "For", "Against and care", "Gate", "Evidence"],
            rows,
            wide=[4, 4, 4, 3, 7],
        ),
        text("Grades: " + "; ".join(f"{g} {meaning}" for g, meaning in words.MODALITY_GRADES.items()) + ".", "muted"),
        *(text(words_of, "muted") for words_of in scale),
    )


def _modality(row: Mapping[str, Any], cite: Citations) -> list[dict[str, Any]]:
    gate = row["gate"]
    gate_lines = [line(words.GATE_WORDS[gate["state"]], "strong")] if gate.get("rule") else [line("No gate", "muted")]
    if gate.get("rule"):
        gate_lines.append(line(words.sentence(gate["rule"])))
        if gate["state"] != "open":
            gate_lines.append(line(words.sentence(gate["because"]), "muted"))
    shown = row.get("evidence_here") or row["evidence"]
    grades = [
        f"{_column(name)}: {grade if grade == 'not graded' else f'grade {grade}'}" for name, grade in shown.items()
    ]
    return [
        cell(
            line(row["title"], "strong"),
            line({"first": "first choice", "next": "helpful next", "adjunct": "adjunct"}[row["role"]]),
            line(row["wording"], "muted"),
            line("avoided by the preferences: no session is planned" if row["avoided"] else "", "warn"),
            line(row["later"] or "", "warn"),
        ),
        cell(*(words.sentence(_reason(r)) for r in row["for"])),
        cell(*map(words.sentence, row["against"])),
        cell(*gate_lines, shape=words.GATE_SHAPES[gate["state"]] if gate.get("rule") else ""),
        cell(
            *(line(said, "strong") for said in grades),
            words.sentence(row["numbers"]),
            line(words.verified_words(row["verified"], row["basis"]), "muted"),
            cite=cite.of(row),
        ),
    ]


def _reason(reason: Mapping[str, Any]) -> str:
    """A dimension by its level, whose signs stand under Formulation; any other reason in its own words."""
    if reason["dimension"] is None:
        return str(reason["because"])
    return f"{words.DIMENSION_WORDS[reason['dimension']]} {reason['level']} of 3, see Formulation"


def _column(name: str) -> str:
    return {"gad": "GAD", "panic": "Panic", "social-anxiety": "Social anxiety"}[name]


# -- monitoring and measures -----------------------------------------------------------------------


def monitoring(document: Document) -> dict[str, Any] | None:
    """Observation of the route: what is read when, and how long the person stays."""
    watch = document["monitoring"]
    if watch is None:
        return None
    mind = ", ".join(_minute(m) for m in watch["mind_min"])
    observation = facts(
        ("Vital signs", f"minutes from the start of the dose: {', '.join(_minute(m) for m in watch['vitals_min'])}"),
        ("Mind", f"minutes: {mind}" if mind else ""),
        ("Shortest stay", words.figure(watch["min_stay_min"], "min") if watch["min_stay_min"] is not None else ""),
        ("All the time", watch["continuous"]),
        ("Route", words.sentence(watch["text"])),
        ("Peak", words.sentence(watch["route_facts"]["peak"])),
        ("How sure", "; ".join(words.basis_words(watch["basis"]))),
        label="Observation",
    )
    return section("monitoring", f"Monitoring, {words.ROUTE_WORDS[watch['route']]}", observation)


def chair(document: Document, cite: Citations) -> dict[str, Any] | None:
    """For the room: alert lines, what to expect, what to do when it goes wrong, when the person may go home."""
    watch = document["monitoring"]
    if watch is None:
        return None
    alerts = [
        [
            cell(line(row["parameter"], "strong"), line(row["id"], "muted")),
            cell(row["amber"]),
            cell(row["red"]),
            cell(line(words.verified_words(row["verified"], row["basis"]), "muted"), cite=cite.of(row)),
        ]
        for row in watch["limits"]
    ]
    blocks: list[Block] = [table("Alert lines", ["Reading", "Amber", "Red", "How sure"], alerts, wide=[4, 6, 6, 4])]
    titles = {
        "expected": "To be expected",
        "rescue": "If it goes wrong",
        "discharge": "Going home: all of these",
        "driving": "Studies of driving",
    }
    for name, title in titles.items():
        if watch[name]:
            blocks += [heading(title), bullets([statement(row, cite) for row in watch[name]], title)]
    return section("chair", "In the room: alert lines, rescue, going home", *blocks)


def _minute(count: int) -> str:
    return f"{words.MINUS}{-count}" if count < 0 else str(count)


def measures(document: Document) -> dict[str, Any]:
    """When which instrument is due; equal moments stand together."""
    moments: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in document["measures"]:
        on = f" ({words.weekday_date(row['date'])})" if "date" in row else ""
        moments.setdefault((row["when"], tuple(row["instruments"])), []).append(f"{row['day'] + 1}{on}")
    rows = [
        [
            cell(line(when, "strong")),
            cell("Day " + ", ".join(days)),
            cell(", ".join(map(words.instrument_name, instruments))),
        ]
        for (when, instruments), days in moments.items()
    ]
    return section(
        "measures", "Measures", table("Measures and their days", ["When", "Days", "Instruments"], rows, wide=[4, 5, 6])
    )


def statement(row: Mapping[str, Any], cite: Citations, *, why: bool = True) -> dict[str, Any]:
    """A sentence of content with its standing; a hypothesis is said to be one."""
    notes = [words.standing(row["evidence"], row["verified"], row["basis"])]
    if row["hypothesis"]:
        notes.insert(0, "hypothesis, not a finding")
    if row["why"] and why:
        notes.insert(0, words.sentence(row["why"]))
    if row["retracted"]:
        notes.append(f"retracted or corrected: {row['retracted']}")
    return item(
        words.sentence(row["text"]),
        note=" \N{MIDDLE DOT} ".join(notes),
        label=row["title"],
        code=row["id"],
        cite=cite.of(row),
    )
