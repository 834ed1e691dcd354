"""A screening as its page shows it: each finding with what may be done about it, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openkap.chart.fhir.statement import can_state
from openkap.chart.vocabulary import facts
from openkap.people.models import Patient
from openkap.people.types import Principal
from openkap.screen.clearing import Way, shut, way_for
from openkap.screen.decisions import ground_of
from openkap.screen.document import finding_document
from openkap.screen.rulebook import rules
from openkap.screen.types import Finding, Standpoint, Taken
from openkap.web import parts, words
from openkap.web.parts import AskRow

ACTIONS: dict[str, str | Promise] = {
    "clearance": _("Attach a document"),
    "reason": _("Say why it cannot be had"),
    "mitigation": _("Record what was arranged"),
}
TAKEN: dict[str, str | Promise] = {
    "clearance": _("Hold cleared"),
    "reason": _("Cannot be had"),
    "mitigation": _("Arranged"),
}


@dataclass(frozen=True)
class Done:
    """A decision beside its finding."""

    taken: Taken
    word: str | Promise
    url: str


@dataclass(frozen=True)
class Shown:
    """
    A finding on the page.

    Args:
        f: its document.
        action, url: what this person may do about it; empty if nothing.
        who: who may, where this person may not.
        closed: why nobody may.
        done, lapsed: decisions that hold, and those made on other facts.
        text, why: the rule as the fact sheet states it, and its rationale.
        signed: who signed the rule at this site; empty if nobody did.
    """

    f: dict[str, Any]
    action: str | Promise = ""
    url: str = ""
    who: str = ""
    closed: str = ""
    done: tuple[Done, ...] = ()
    lapsed: tuple[Done, ...] = ()
    text: str = ""
    why: str = ""
    signed: str = ""


@dataclass(frozen=True)
class Group:
    """Findings under one heading; an empty class stays, with its count."""

    name: str
    word: str | Promise
    shape: str
    rows: tuple[Shown, ...]


def groups(now: Standpoint, patient: Patient, principal: Principal) -> list[Group]:
    """Not known first, then exclude, hold, caution, inform."""
    live = [f for f in now.screening.findings if f.truth.value != "false"]
    raw = {(f.rule, ground_of(f)) for f in now.found.findings}
    made = [(parts.group(finding_document(f)), _shown(f, raw, patient, principal, now)) for f in live]
    return [
        Group(name, words.CLASSES[name], words.SHAPES[name], tuple(s for group, s in made if group == name))
        for name in words.CLASSES
    ]


def asks(now: Standpoint, patient: Patient, asked: dict[str, str | Promise]) -> list[AskRow]:
    """
    What is not known, most decisive first, each with where the answer is entered.

    Args:
        asked: by fact: who was asked for it, when.
    """
    back = reverse("screen:verdict", args=[patient.pk])
    rows = []
    for ask in now.screening.ask:
        fact = facts().get(ask.fact)
        can = fact is not None and can_state(fact)
        rows.append(
            AskRow(
                question=ask.question,
                why=words.sentence(ask.reason),
                note=asked.get(ask.fact, ""),
                url=f"{reverse('chart:enter', args=[patient.pk, ask.fact])}?{urlencode({'next': back})}" if can else "",
                action=_("Enter the answer") if can else "",
                decisive=ask.decisive,
                code=", ".join(ask.rules),
            )
        )
    return rows


def lead(asks: list[AskRow], made: list[Group]) -> str:
    """Where the next right step is done: the first open question, else the first finding that waits for a person."""
    waiting = [row.url for row in asks] + [row.url for group in made for row in group.rows if not row.done]
    return next((url for url in waiting if url), "")


def _shown(f: Finding, raw: set[tuple[str, str]], patient: Patient, principal: Principal, now: Standpoint) -> Shown:
    way = None if f.was else way_for(f)
    ground = ground_of(f)
    may = way is not None and bool(set(way.roles) & principal.roles) and (f.rule, ground) in raw
    closed = shut(f) if f.class_ in ("exclude", "hold") and f.truth.value == "true" else None
    url = reverse("screen:decide", args=[patient.pk, way.kind, f.rule, ground]) if way and may else ""
    rule, signature = rules().get(f.rule), now.site.signatures.get(f.rule)
    return Shown(
        f=finding_document(f),
        action=ACTIONS[way.kind] if way and may else "",
        url=url,
        who=_who(way) if way and not may else "",
        closed=closed.text if closed else "",
        done=tuple(_done(t, patient, principal) for t in f.decisions),
        lapsed=tuple(_done(t, patient, principal) for t in f.lapsed),
        text=rule.text if rule else "",
        why=rule.rationale if rule else "",
        signed=f"{signature.by}, {signature.role}, {signature.on.isoformat()}" if signature else "",
    )


def _who(way: Way) -> str:
    return ", ".join(str(words.ROLES[role]) for role in way.roles)


def _done(taken: Taken, patient: Patient, principal: Principal) -> Done:
    may = "prescriber" in principal.roles or (taken.kind == "mitigation" and "nurse" in principal.roles)
    url = reverse("screen:withdraw", args=[patient.pk, int(taken.id)]) if may else ""
    return Done(taken, TAKEN[taken.kind], url)
