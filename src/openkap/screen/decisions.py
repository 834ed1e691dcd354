"""
What people decided about findings, laid over what the rules found.

A cleared hold and an explained gap read as cautions that say who, when and why; a caution keeps standing with
its mitigation beside it; an exclusion and a blocking gap are moved by nothing. A decision holds for the ground
it was made on: when a fact behind the finding changes, or the rule itself, it lapses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openkap.kernel.errors import Forbidden, UserError
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth
from openkap.screen.clearing import Kind, Way, shut, way_for
from openkap.screen.document import screening_document
from openkap.screen.rules import blocks, verdict_of
from openkap.screen.types import CLASSES, Ask, Finding, Screening, Taken

_NEEDS = {
    "reason": "the reason: write a full sentence",
    "document": "the document: name it, for example “letter of Dr Berg, cardiology”",
    "document_on": "the date of the document",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What somebody decided about one finding.

    Args:
        id: of the record.
        rule, kind: which finding, and how.
        ground: what the finding rested on, as `ground_of` gives it.
        by, role, at: who, as what, when.
        reason: why, or the mitigation.
        document, document_on: what was attached, and its date.
    """

    id: str
    rule: str
    kind: Kind
    ground: str
    by: str
    role: str
    at: datetime
    reason: str
    document: str = ""
    document_on: date | None = None


def ground_of(finding: Finding) -> str:
    """
    What a finding rests on, as a digest: its rule, class and sentence, and the facts it read.

    An unknown rests on what is missing and on how it is missing, not on its age in days.
    """
    unknown = finding.truth is Truth.UNKNOWN
    whole = {
        "rule": finding.rule,
        "class": finding.was or finding.class_,
        "truth": finding.truth.value,
        "missing": finding.missing,
        "because": "" if unknown else finding.because,
        "facts": sorted(finding.facts),
        "inputs": sorted((_input(part) for part in finding.inputs), key=str),
        "basis": [[part.what, part.tag, part.source] for part in finding.basis],
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=_plain).encode()).hexdigest()[:32]


def decided(screening: Screening, decisions: Iterable[Decision], site: Site, on: date) -> Screening:
    """
    The screening with the decisions that still hold.

    Args:
        screening: as the rules gave it.
        decisions: those not withdrawn, oldest first.
        site: a way of settling that the site has not signed settles nothing.
        on: day of decision.
    """
    by_rule: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_rule.setdefault(decision.rule, []).append(decision)
    findings = [_settled(f, by_rule.get(f.rule, []), site, on) for f in screening.findings]
    findings.sort(key=lambda f: (CLASSES.index(f.class_), f.truth is not Truth.TRUE))
    verdict = verdict_of(findings)
    asks = _still_asked(screening.ask, findings, screening.would_settle if verdict == "insufficient" else frozenset())
    return replace(screening, findings=tuple(findings), verdict=verdict, ask=asks)


def _settled(finding: Finding, decisions: Sequence[Decision], site: Site, on: date) -> Finding:
    way = way_for(finding)
    if way is None or not site.signed(way, on):
        return replace(finding, lapsed=tuple(_taken(d) for d in decisions)) if decisions else finding
    ground = ground_of(finding)
    # A reason that the chart carries has made its finding a caution already; there it stands beside it.
    kinds = ("mitigation", "reason") if way.kind == "mitigation" else (way.kind,)
    holding = [d for d in decisions if d.ground == ground and d.kind in kinds]
    lapsed = tuple(_taken(d) for d in decisions if d not in holding)
    if not holding:
        return replace(finding, lapsed=lapsed)
    marked = replace(finding, decisions=tuple(_taken(d) for d in holding), lapsed=lapsed)
    if way.kind == "mitigation":
        return marked
    last = holding[-1]
    return replace(
        marked,
        class_="caution",
        was=finding.class_,
        truth=Truth.TRUE,
        missing=None,
        because=f"{finding.because}; {_said(way, last)}",
    )


def _said(way: Way, decision: Decision) -> str:
    who = f"{decision.by}, {decision.role}, {decision.at.date().isoformat()}"
    if way.kind == "reason":
        return f"cannot be had ({who}): {decision.reason}"
    when = f" of {decision.document_on.isoformat()}" if decision.document_on else ""
    return f"hold cleared ({who}): {decision.reason} ({decision.document}{when})"


def _taken(decision: Decision) -> Taken:
    return Taken(
        id=decision.id,
        kind=decision.kind,
        by=decision.by,
        role=decision.role,
        at=decision.at.isoformat(),
        reason=decision.reason,
        document=decision.document,
        document_on=decision.document_on.isoformat() if decision.document_on else None,
    )


def _still_asked(asks: Sequence[Ask], findings: Sequence[Finding], decisive: frozenset[str]) -> tuple[Ask, ...]:
    unknown = {f.rule for f in findings if f.truth is Truth.UNKNOWN}
    blocking = {f.rule for f in findings if f.truth is Truth.UNKNOWN and blocks(f)}
    kept = []
    for ask in asks:
        open_ = tuple(rule for rule in ask.rules if rule in unknown)
        if open_:
            kept.append(replace(ask, rules=open_, decisive=ask.fact in decisive and bool(blocking & set(open_))))
    return tuple(sorted(kept, key=lambda ask: not ask.decisive))


# ---------------------------------------------------------------- may it be decided, may it be signed


def allow(finding: Finding, roles: Iterable[str], given: Mapping[str, Any], site: Site, on: date, *, kind: str) -> Way:
    """
    The way in which this decision may be taken.

    Args:
        finding: as the rules gave it today.
        roles: of the person.
        given: `reason`, `document`, `document_on`.
        site: whose policy counts.
        on: day of decision; a document is not of a later day.
        kind: what the person means to do.

    Raises:
        Forbidden: the class or the rule lets nobody do this, or not this person.
        UserError: something that is needed is not given.
    """
    way = way_for(finding)
    if way is None or way.kind != kind:
        closed = shut(finding)
        why = closed.text if closed else "Only the missing fact settles it: obtain it and enter it."
        raise Forbidden(f"{finding.rule} cannot be settled in this way. {why}")
    if not site.signed(way, on):
        raise Forbidden(f"{finding.rule} cannot be settled: this site has not signed {way.id}.")
    if not set(way.roles) & set(roles):
        raise Forbidden(f"{finding.rule}: only a {' or a '.join(way.roles)} may do this. Ask one.")
    missing = [need for need in way.needs if not _given(given.get(need))]
    if missing:
        raise UserError(f"{finding.rule} needs {_NEEDS[missing[0]]}.")
    when = given.get("document_on")
    if when and when > on:
        raise UserError(f"{finding.rule}: the document is dated {when.isoformat()}, after today. Correct the date.")
    return way


def open_points(screening: Screening) -> list[str]:
    """What keeps the screening from being signed, one sentence each; empty: it can be signed."""
    live = [f for f in screening.findings if f.truth is not Truth.FALSE]
    points = [f"{f.title} ({f.rule}): excluded." for f in live if f.class_ == "exclude" and f.truth is Truth.TRUE]
    points += [f"{f.title} ({f.rule}): the hold is open." for f in live if f.class_ == "hold" and f.truth is Truth.TRUE]
    points += [f"{f.title} ({f.rule}): not known." for f in live if f.truth is Truth.UNKNOWN and blocks(f)]
    for f in live:
        way = way_for(f)
        if way and way.kind == "mitigation" and not f.decisions:
            points.append(f"{f.title} ({f.rule}): no mitigation is recorded.")
    return points


def digest_of(screening: Screening) -> str:
    """What a signature under a screening binds: verdict, every finding, and what was decided."""
    text = json.dumps(screening_document(screening), sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def counts_of(screening: Screening) -> dict[str, int]:
    """How many findings stand in each class, and how many facts are missing."""
    live = [f for f in screening.findings if f.truth is not Truth.FALSE]
    found = {name: sum(f.class_ == name and f.truth is Truth.TRUE for f in live) for name in CLASSES}
    blocking = {fact for f in live if f.truth is Truth.UNKNOWN and blocks(f) for fact in (f.facts or (f.rule,))}
    return found | {
        "unknown": sum(f.truth is Truth.UNKNOWN for f in live),
        "blocking": len(blocking),
        "decisive": sum(ask.decisive for ask in screening.ask),
        "conflict": sum(f.conflict for f in live),
        "checked": screening.checked,
    }


def finding_of(screening: Screening, rule: str, ground: str) -> Finding | None:
    """The finding of a rule that rests on this ground; a rule may have two findings."""
    return next((f for f in screening.findings if f.rule == rule and ground_of(f) == ground), None)


def _given(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _input(part: Mapping[str, Any]) -> list[Any]:
    return [part["name"], part["status"], _plain(part["value"]), part["unit"], part["on"]]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
