"""
Modalities from the formulation: which dimension points to which, what speaks against, whether the gate is open.

Reasons only: no score, no probability. The order is that of the reasons, strongest dimension first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from openkap.chart.expression import Setting
from openkap.chart.rule_language import parse
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.kernel.site import unsigned_words
from openkap.kernel.source import Sourced
from openkap.plan.book import Book
from openkap.plan.choices import Preferences
from openkap.plan.library import calendars
from openkap.plan.types import Disorder, Formulation, Modality, Pathway

DISORDERS: tuple[Disorder, ...] = ("gad", "panic", "agoraphobia", "social-anxiety")
ROLES = ("first", "next", "adjunct")
ROLE_WORDS = {"first": "First choice", "next": "Helpful next", "adjunct": "Beside another way of working"}
UNSTUDIED = "D"
ACCEPT = "MOD-ACCEPT"


@dataclass(frozen=True, slots=True)
class Match:
    """
    A modality for this person.

    Args:
        row: the modality.
        role: `first`, `next` or `adjunct`.
        reasons: what points to it, each with dimension (or None), level and because.
        against: what speaks against it for this person, and its general care.
        gate: state `open`, `closed` or `unknown`, what is needed, and why.
        avoided: the preferences avoid it; it gets no session.
        wished: the preferences name it.
        later: what is said of a method that no study was found of in the disorders at hand and that nobody has
            accepted yet; it gets no session. Empty for the others.
        strength: level of the strongest dimension behind its role; orders the list and is not shown.
    """

    row: Modality
    role: Literal["first", "next", "adjunct"]
    reasons: tuple[dict[str, Any], ...]
    against: tuple[str, ...]
    gate: dict[str, Any]
    avoided: bool = False
    wished: bool = False
    later: str = ""
    strength: int = field(default=0)

    @property
    def usable(self) -> bool:
        """True if sessions of it may be planned."""
        return self.gate["state"] == "open" and not self.avoided and not self.later


def disorders_of(view: View) -> tuple[Disorder, ...]:
    """The target disorders that are present on the day."""
    return tuple(name for name in DISORDERS if view.state(name).value is True)


def pathways_of(disorders: tuple[Disorder, ...]) -> tuple[Pathway, ...]:
    """The pathways of these disorders, in the order of the content."""
    return tuple(row for row in calendars().pathway if row.id in disorders)


def match(
    view: View, formulation: Formulation, wishes: Preferences, book: Book, signed: Callable[[Sourced], bool]
) -> tuple[Match, ...]:
    """
    The modalities that the formulation, the disorder or the preferences point to.

    Args:
        view: the chart on the day, for gates and care.
        formulation: level (0-3 or None) and because per dimension.
        wishes: preferences.
        book: the rows as the site uses them.
        signed: whether a row may decide; the gate of an unsigned one is not known to be open.

    Returns:
        First choices before helpful next ones before adjuncts, within each the strongest dimension first.
    """
    disorders = disorders_of(view)
    later = book.statement(ACCEPT).text
    found = []
    for row in book.modalities.modality:
        gate = gate_of(row, view) if signed(row) else _unsigned_gate(row)
        judged = _judge(row, view, formulation, disorders, wishes, gate)
        if judged:
            free = judged.wished or not _unstudied(row, disorders) or _accepted(judged, formulation)
            found.append(judged if free else replace(judged, later=later))
    place = {row.id: n for n, row in enumerate(book.modalities.modality)}
    return tuple(sorted(found, key=lambda m: (ROLES.index(m.role), -m.strength, place[m.row.id])))


def _judge(
    row: Modality,
    view: View,
    formulation: Formulation,
    disorders: tuple[Disorder, ...],
    wishes: Preferences,
    gate: dict[str, Any],
) -> Match | None:
    levels = {name: part.get("level") or 0 for name, part in formulation.items()}
    first = [name for name in row.first if levels.get(name, 0) >= 1]
    after = [name for name in row.next if levels.get(name, 0) >= 1]
    reasons = [_reason(name, formulation) for name in sorted([*first, *after], key=lambda n: -levels[n])]
    by_pathway = [name for name in row.pathways if name in disorders]
    reasons += [_other(f"part of the pathway for {name.replace('-', ' ')}") for name in by_pathway]
    if row.always:
        reasons.append(_other("established therapy of anxiety disorders, whatever the formulation"))
    wished = row.id in wishes.modalities
    if wished:
        reasons.append(_other("named in the preferences"))
    if not reasons:
        return None
    role = "first" if first or by_pathway or row.always else "next"
    return Match(
        row=row,
        role="adjunct" if row.adjunct else role,  # type: ignore[arg-type]
        reasons=tuple(reasons),
        against=tuple(_against(row, view, row.id in wishes.avoid)),
        gate=gate,
        avoided=row.id in wishes.avoid,
        wished=wished,
        strength=max((levels[name] for name in first or after), default=0),
    )


def _grades_here(row: Modality, disorders: tuple[Disorder, ...]) -> dict[str, str]:
    """The grades of its evidence in the disorders at hand."""
    columns = {"panic" if name == "agoraphobia" else name for name in disorders}
    return {name: grade for name, grade in row.grades.items() if name in columns}


def _accepted(judged: Match, formulation: Formulation) -> bool:
    """True if a clinician took over a dimension that points to it."""
    pointing = [reason["dimension"] for reason in judged.reasons if reason["dimension"]]
    return any(formulation[name].get("accepted") for name in pointing)


def _unstudied(row: Modality, disorders: tuple[Disorder, ...]) -> bool:
    grades = _grades_here(row, disorders) or row.grades
    return all(grade == UNSTUDIED for grade in grades.values())


def _unsigned_gate(row: Modality) -> dict[str, Any]:
    rule, tag = (row.gate.text, row.gate.tag) if row.gate else ("signed by the medical director", "P")
    return {"state": "unknown", "needs": [], "because": unsigned_words(row.id), "rule": rule, "tag": tag}


def gate_of(row: Modality, view: View) -> dict[str, Any]:
    """Whether a modality may start: open, closed, or unknown with the facts to ask for."""
    if row.gate is None:
        return {"state": "open", "needs": [], "because": "no gate"}
    answer = parse(row.gate.when).evaluate(Setting(view, row.gate.limits, {}))
    state = "open" if answer.is_true else "unknown" if answer.is_unknown else "closed"
    needs = list(dict.fromkeys(gap.fact for gap in answer.gaps))
    because = "; ".join(answer.because)
    return {"state": state, "needs": needs, "because": because, "rule": row.gate.text, "tag": row.gate.tag}


def entry(found: Match, disorders: tuple[Disorder, ...]) -> dict[str, Any]:
    """A match as the plan document shows it."""
    return {
        "id": found.row.id,
        "title": found.row.title,
        "role": found.role,
        "rationale": _rationale(found),
        "for": list(found.reasons),
        "against": list(found.against),
        "gate": found.gate,
        "evidence": dict(found.row.grades),
        "evidence_here": _grades_here(found.row, disorders),
        "numbers": found.row.numbers,
        "wording": found.row.wording,
        "notes": found.row.around_a_dose,
        "order": list(found.row.order),
        "credential": found.row.credential,
        "minutes": found.row.minutes,
        "avoided": found.avoided,
        "offered_once_accepted": bool(found.later),
        "later": found.later or None,
        "source": list(found.row.sources),
        "basis": [{"what": b.what, "tag": b.tag, "source": b.source} for b in found.row.basis],
        "verified": found.row.verified,
    }


def _rationale(found: Match) -> str:
    """Why it is named for this person, in a sentence: the dimensions by level, then the other reasons."""
    reasons = [
        r["because"] if r["dimension"] is None else f"{r['dimension'].replace('-', ' ')} {r['level']} of 3"
        for r in found.reasons
    ]
    return f"{ROLE_WORDS[found.role]}: {'; '.join(reasons)}."


def _reason(name: str, formulation: Formulation) -> dict[str, Any]:
    part = formulation[name]
    return {"dimension": name, "level": part.get("level"), "because": part.get("because")}


def _other(text: str) -> dict[str, Any]:
    return {"dimension": None, "level": None, "because": text}


def _against(row: Modality, view: View, avoided: bool) -> list[str]:
    lines = ["the preferences avoid it"] if avoided else []
    for care in row.care:
        answer = parse(care.when).evaluate(Setting(view, {}, {}))
        if answer.is_true:
            lines.append(care.text)
        elif answer.is_unknown:
            names = ", ".join(dict.fromkeys(facts()[gap.fact].words for gap in answer.gaps))
            lines.append(f"{care.text} (not known: {names})")
    return [*lines, *(f"take care: {text}" for text in row.take_care)]
