"""What stands around the programme in the document: monitoring, measures, consent, alternatives, limits, claims."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from openkap.kernel.content import sources
from openkap.kernel.site import site_values
from openkap.kernel.source import Sourced
from openkap.plan.book import ROOM, Book
from openkap.plan.choices import Candidate
from openkap.plan.library import (
    adverse_events,
    calendars,
    claims,
    modalities,
    options,
    routes,
    statements,
)
from openkap.plan.types import AdverseEvent, Alert, Claim, Disorder, Option, Pathway, Statement

Used = dict[str, Sourced]


def evidence_of(row: Sourced) -> dict[str, Any]:
    """What every row shows: grade, tags with sources, verified, retraction; and what the site has set in it, if so."""
    shown = {
        "evidence": row.evidence,
        "verified": row.verified,
        "basis": [{"what": b.what, "tag": b.tag, "source": b.source} for b in row.basis],
        "retracted": row.retracted,
    }
    return shown | ({"site_values": site_values(row.id, row.set_here)} if row.set_here else {})


def say(row: Statement) -> dict[str, Any]:
    """A statement as the document shows it."""
    return {
        "id": row.id,
        "title": row.title,
        "text": row.text,
        "why": row.why,
        "hypothesis": row.hypothesis,
        **evidence_of(row),
    }


def monitoring_of(candidate: Candidate, book: Book, used: Used) -> dict[str, Any]:
    """The observation of the regimen's route, with alert lines, rescue steps, discharge criteria and what to expect."""
    route, drug = candidate.limit.route, candidate.limit.drug
    file = book.monitoring
    watch, continuous = book.watch_of(candidate.limit), book.continuous()
    fact = next(r for r in routes().route if (r.route, r.drug) == (route, drug))
    alerts = [_note(row, used) for row in file.alert]
    names = ("rescue", "discharge", "driving", "course")
    group = {name: [row for row in file.statement if row.group == name] for name in names}
    for row in (watch, continuous, fact):
        used[row.id] = row
    return {
        "route": route,
        "id": watch.id,
        "vitals_min": list(watch.vitals_min),
        "mind_min": list(watch.mind_min),
        "min_stay_min": watch.min_stay_min,
        "continuous": continuous.text,
        "text": watch.text,
        "limits": [_alert(row) for row in alerts],
        "rescue": [say(_note(row, used)) for row in group["rescue"]],
        "discharge": [say(_note(row, used)) for row in group["discharge"]],
        "driving": [say(_note(row, used)) for row in group["driving"]],
        "expected": [say(_note(row, used)) for row in group["course"] if not row.routes or route in row.routes],
        "route_facts": {
            "id": fact.id,
            "bioavailability": fact.bioavailability,
            "peak": fact.peak,
            "text": fact.text,
            **evidence_of(fact),
        },
        "basis": evidence_of(watch)["basis"],
        "site_values": [v for row in (watch, continuous) for v in site_values(row.id, row.set_here)],
    }


def measures_of(
    sessions: list[dict[str, Any]], pathways: tuple[Pathway, ...], start_on: date | None, used: Used
) -> list[dict[str, Any]]:
    """Every measurement with its day, by the cadence of the content."""
    moments = {row.at: row for row in calendars().moment}
    used.update({row.id: row for row in moments.values()})
    scales = {
        "disorder-scale": tuple(dict.fromkeys(name for p in pathways for name in p.scales)),
        "disorder-weekly": tuple(dict.fromkeys(p.weekly_scale for p in pathways)),
    }
    end = next(s["day"] for s in sessions if s["id"] == "end")
    first = next((s["day"] for s in sessions if s["kind"] == "dose"), None)
    found = [("intake", 0)]
    found += [("weekly", day) for day in range(7, end, 7)]
    for session in sessions:
        if session["kind"] == "dose":
            found += [("before-dose", session["day"]), ("during-dose", session["day"])]
        elif session["kind"] == "integration":
            found.append(("integration", session["day"]))
        elif session["id"] == "end":
            found.append(("end", session["day"]))
        elif session["id"].startswith("follow-up"):
            found.append(("follow-up", session["day"]))
    measures = []
    for at, day in sorted(found, key=lambda pair: pair[1]):
        row = moments[at]  # type: ignore[index]
        names = [name for item in row.instruments for name in scales.get(item, (item,))]
        measure = {
            "when": row.when,
            "at": at,
            "day": day,
            "instruments": list(dict.fromkeys(names)),
            "note": row.note,
            "before_first_dose": first is not None and day <= first,
        }
        if start_on:
            measure["date"] = (start_on + timedelta(days=day)).isoformat()
        measures.append(measure)
    return measures


def consent_of(disorders: tuple[Disorder, ...], used: Used) -> dict[str, list[dict[str, Any]]]:
    """Consent topics with the regulatory frame, preparation topics, and the adverse events consent speaks of."""
    rows = [row for row in statements("consent") if _concerns(row, disorders)]
    return {
        "consent_topics": [say(_note(row, used)) for row in rows if row.group in ("consent", "regulation")],
        "preparation_topics": [say(_note(row, used)) for row in rows if row.group == "preparation"],
        "adverse_events": [_event(_note(row, used)) for row in adverse_events().event],
    }


def alternatives_of(disorders: tuple[Disorder, ...], used: Used) -> list[dict[str, Any]]:
    """The options side by side, in the order of the content, all in one form."""
    return [_option(_note(row, used), disorders) for row in options().option]


def limits_of(disorders: tuple[Disorder, ...], used: Used) -> list[dict[str, Any]]:
    """What the evidence does not show: the two obligatory statements first."""
    of_therapy = modalities().statement
    obligatory = [row for row in of_therapy if row.group == "obligatory"]
    scale = [row for row in of_therapy if row.group == "scale"]
    rest = [row for row in statements("evidence") if row.group in ("limits", "plasticity", "integration", "course")]
    caution = [row for row in statements("benchmarks") if row.group == "caution"]
    return [say(_note(row, used)) for row in (*obligatory, *rest, *scale, *caution) if _concerns(row, disorders)]


def sentences_of(name: str, disorders: tuple[Disorder, ...], used: Used) -> list[dict[str, Any]]:
    """The statements of a file that concern these disorders."""
    return [say(_note(row, used)) for row in statements(name) if _concerns(row, disorders)]


def claims_of(disorders: tuple[Disorder, ...], where: str, used: Used) -> list[dict[str, Any]]:
    """Claims that could be met on a surface, each with its label."""
    return [
        {
            "id": row.id,
            "claim": row.claim,
            "says": row.says,
            "label": row.label,
            "where": list(row.where),
            "rows": list(row.rows),
            **evidence_of(row),
        }
        for row in claims().claim
        if where in row.where and (not row.disorders or set(row.disorders) & set(disorders)) and _note(row, used)
    ]


def claims_in(text: str) -> list[Claim]:
    """The claims whose words stand in a text: each must be labelled where it is met."""
    small = " ".join(text.lower().split())
    return [row for row in claims().claim if any(word in small for word in row.words)]


def citations(used: Used) -> list[dict[str, Any]]:
    """The works behind the rows of a document, with retractions."""
    works = sources(ROOM)
    names = {b.source for row in used.values() for b in row.basis if b.source}
    names |= {e.source for row in used.values() if isinstance(row, Option) for e in row.effect}
    return [
        {"id": w.id, "citation": w.citation, "doi": w.doi, "read_as": w.read_as, "tag": w.tag, "retracted": w.retracted}
        for name, w in works.items()
        if name in names
    ]


def _option(row: Option, disorders: tuple[Disorder, ...]) -> dict[str, Any]:
    effects = [
        {
            "text": e.text,
            "estimate": e.estimate,
            "interval": e.interval,
            "n": e.n,
            "population": e.population,
            "grade": e.grade,
            "source": e.source,
            "state": e.state,
            "borrowed": e.borrowed,
            "disorders": list(e.disorders),
        }
        for e in row.effect
        if not e.disorders or not disorders or set(e.disorders) & set(disorders)
    ]
    return {
        "id": row.id,
        "title": row.title,
        "onset": row.onset,
        "effect": effects[0],
        "effects": effects,
        "burden": row.burden,
        "harm": row.harm,
        "grade": row.evidence,
        "note": row.note,
        **evidence_of(row),
    }


def _alert(row: Alert) -> dict[str, Any]:
    return {"id": row.id, "parameter": row.parameter, "amber": row.amber, "red": row.red, **evidence_of(row)}


def _event(row: AdverseEvent) -> dict[str, Any]:
    return {
        "id": row.id,
        "term": row.term,
        "frequency": row.frequency,
        "course": row.course,
        "action": row.action,
        **evidence_of(row),
    }


def _concerns(row: Statement, disorders: tuple[Disorder, ...]) -> bool:
    return not row.disorders or not disorders or bool(set(row.disorders) & set(disorders))


def _note(row: Any, used: Used) -> Any:
    used[row.id] = row
    return row
