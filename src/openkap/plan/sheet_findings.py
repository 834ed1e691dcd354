"""First part of the printed plan: what is missing, the verdict with its findings, the formulation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openkap.chart.vocabulary import facts as facts_known
from openkap.plan import words
from openkap.plan.blocks import Block, Citations, bullets, facts, item, section, text

Document = Mapping[str, Any]

CLASSES = ("exclude", "hold", "caution", "inform")


def missing(document: Document) -> dict[str, Any]:
    """Every fact that is not known, most decisive first; unknown is never a no."""
    asks = sorted(document["missing"], key=lambda ask: not ask["decisive"])
    items = [
        {
            "title": ask["question"],
            "code": ", ".join(ask["rules"]),
            "text": words.sentence(ask["reason"]),
            "decisive": ask["decisive"],
        }
        for ask in asks
    ]
    blocks: list[Block | None] = [{"kind": "asks", "items": items} if items else None]
    if not items:
        blocks.append(text("Nothing: every rule that was read has its facts.", "muted"))
    if unmeasured := _unmeasured(document):
        blocks.append(text(f"Not measured, so not part of the reasoning: {', '.join(unmeasured)}.", "muted"))
    title = "What is missing: ask for these first" if items else "What is missing"
    return section("missing", title, *blocks, lead=_missing_lead(asks))


def _missing_lead(asks: list[Mapping[str, Any]]) -> str:
    decisive = sum(ask["decisive"] for ask in asks)
    lead = f"{len(asks)} not known. Unknown never counts as no." if asks else ""
    if decisive:
        lead += f" The first {decisive} would settle the verdict." if decisive > 1 else " The first would settle it."
    return lead


def _unmeasured(document: Document) -> list[str]:
    parts = document["summary"]["formulation"].items()
    return [words.DIMENSION_WORDS[name].lower() for name, part in parts if _level(part) == "not measured"]


def site(document: Document) -> dict[str, Any]:
    """What the site has set for itself, by whom and why; at a site also which rows shown here nobody has signed."""
    values = [item(words.sentence(value["text"])) for value in document["site_values"]]
    unsigned = document["unsigned"] if document.get("mode") == "production" else []
    if not values and not unsigned:
        return {}
    said = f"Shown here and not signed, so they inform and decide nothing: {', '.join(unsigned)}." if unsigned else ""
    return section(
        "site",
        "Set by this site",
        bullets(values, "Numbers that this site has set for itself") if values else None,
        text(said, "warn") if said else None,
    )


def verdict(document: Document, cite: Citations) -> dict[str, Any]:
    """The verdict and every finding by class; a class without findings stays, and says so."""
    findings = [f for f in document["findings"] if f["truth"] != "false"]
    blocks: list[Block] = [_verdict_line(document, findings)]
    for name in CLASSES:
        here = [f for f in findings if f["class"] == name]
        blocks.append(
            {
                "kind": "findings",
                "shape": words.SHAPES[name],
                "word": words.CLASS_WORDS[name],
                "tally": _tally(here),
                "items": [_finding(f, cite) for f in here],
            }
        )
    return section("verdict", "Verdict and findings", *blocks)


def _tally(findings: list[Mapping[str, Any]]) -> str:
    """How many of a class are found, and how many of that class are still possible."""
    known = sum(f["truth"] == "true" for f in findings)
    parts = [f"{known} found" if known else "", f"{len(findings) - known} not known" if known < len(findings) else ""]
    return ", ".join(part for part in parts if part) or "none found"


def _verdict_line(document: Document, findings: list[Mapping[str, Any]]) -> Block:
    known = [f for f in findings if f["truth"] == "true"]
    tally = [
        {"shape": words.SHAPES[name], "text": f"{count} {words.CLASS_WORDS[name].lower()}"}
        for name in CLASSES
        if (count := sum(f["class"] == name for f in known))
    ]
    if open_ := len(findings) - len(known):
        tally.insert(0, {"shape": "miss", "text": f"{open_} not known"})
    return {
        "kind": "verdict",
        "shape": words.VERDICT_SHAPES[document["verdict"]],
        "word": document["verdict"],
        "text": words.VERDICT_WORDS[document["verdict"]],
        "tally": tally,
    }


def _finding(finding: Mapping[str, Any], cite: Citations) -> dict[str, Any]:
    unknown = finding["truth"] == "unknown"
    notes = [words.standing(finding["evidence"], finding["verified"])]
    if finding["mitigation"]:
        notes.append("wants beside it: " + ", ".join(facts_known()[name].words for name in finding["mitigation"]))
    if finding.get("retracted"):
        notes.append(f"retracted or corrected source: {finding['retracted']}")
    return {
        "title": finding["title"],
        "code": finding["rule"],
        "shape": "miss" if unknown else words.SHAPES[finding["class"]],
        "state": f"Not known: {words.MISSING_WORDS[finding['missing']]}" if unknown and finding["missing"] else "",
        "text": words.sentence(words.under(finding["title"], finding["because"])),
        "lead": "If it is so" if unknown else "Action",
        "action": words.action_words(finding["action"]),
        "notes": notes,
        "cite": cite.of(finding),
    }


def formulation(document: Document) -> dict[str, Any]:
    """Disorders, severity and the seven dimensions, each with its level and why."""
    summary = document["summary"]
    named = ", ".join(words.DISORDER_WORDS[name] for name in summary["disorders"]) or "no target disorder is confirmed"
    scores = "; ".join(
        f"{words.instrument_name(s['instrument'])} {words.figure(s['total'])} ({words.long_date(s['on'])})"
        for s in summary["severity"]
    )
    levels = [
        {
            "name": words.DIMENSION_WORDS[name],
            "level": part["level"],
            "word": _level(part),
            "text": words.sentence(_because(part["because"])),
        }
        for name, part in summary["formulation"].items()
    ]
    return section(
        "formulation",
        "Formulation",
        facts(("Disorders", named), ("Scores", scores or "none on record"), label="Disorders and scores"),
        {"kind": "levels", "items": levels},
        lead="Reasoned from signs, for the clinician to accept or reject. Not measured does not mean absent.",
    )


# Where in the record a sign stands is in the document; the reader of a page needs the sign and its day.
_RESOURCE = re.compile(r" \((?:[A-Z][A-Za-z]+/[^()\s]+|[A-Z]+-[A-Z0-9-]+)\)")


def _level(part: Mapping[str, Any]) -> str:
    if part.get("accepted") is False:
        return "not taken over"
    said = "not measured" if part["level"] is None else f"{part['level']} of 3"
    return f"{said}, taken over" if part.get("accepted") else said


def _because(because: Any) -> str:
    return _RESOURCE.sub("", because if isinstance(because, str) else "; ".join(because))


def attributes(document: Document, cite: Citations) -> dict[str, Any] | None:
    """Which personal attributes were read, and for what."""
    rows = document.get("attributes")
    if not rows:
        return None
    items = [
        item(
            words.sentence(row["used_for"]),
            note=words.standing(row["evidence"], row["verified"], row["basis"]),
            code=row["row"],
            cite=cite.of(row),
        )
        for row in rows
    ]
    return section(
        "attributes", "Personal attributes that were used", {"kind": "list", "label": "Attributes", "items": items}
    )
