"""Last part of the printed plan: alternatives, consent, expectations, limits of the evidence, claims, works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openkap.kernel.source import TAG_WORDS
from openkap.plan import words
from openkap.plan.blocks import Citations, bullets, cell, item, line, section, table, text, ticks
from openkap.plan.sheet_course import statement

Document = Mapping[str, Any]

NOT_A_RACE = "The studies differ in people, length and comparison: a row is not a race."


def alternatives(document: Document, cite: Citations) -> dict[str, Any]:
    """Treatments side by side in one form, each effect with its five fields."""
    rows = [_alternative(row, cite) for row in document["alternatives"]]
    return section(
        "alternatives",
        "Alternatives side by side",
        table(
            "Treatments side by side",
            ["Treatment", "First effect", "Effect", "Burden", "Harm"],
            rows,
            wide=[5, 3, 7, 4, 4],
        ),
        lead=f"In a fixed order, not by merit. {NOT_A_RACE}",
    )


def _alternative(row: Mapping[str, Any], cite: Citations) -> list[dict[str, Any]]:
    effects = cell()
    effects["effects"] = [effect(e, cite) for e in row["effects"]]
    return [
        cell(
            line(row["title"], "strong"),
            line(words.standing(row["grade"], row["verified"], row["basis"]), "muted"),
            line(words.sentence(row["note"]), "muted"),
            cite=cite.of(row),
        ),
        cell(row["onset"]),
        effects,
        cell(row["burden"]),
        cell(row["harm"]),
    ]


def effect(found: Mapping[str, Any], cite: Citations) -> dict[str, Any]:
    """
    An effect with its interval, n, population, grade and source.

    No effect number is made without them: a document that lacks one is a KeyError, not a thinner table.
    """
    return {
        "text": found["text"],
        "borrowed": "Borrowed: studied in another population" if found["borrowed"] else "",
        "state": "" if found["state"] == "found" else found["state"],
        "fields": [
            {"name": "Estimate", "text": found["estimate"]},
            {"name": "Interval", "text": found["interval"]},
            {"name": "n", "text": found["n"]},
            {"name": "Population", "text": found["population"]},
            {"name": "Grade", "text": words.GRADES[found["grade"]]},
        ],
        "cite": cite.mark([found["source"]]),
    }


def consent(document: Document, cite: Citations) -> dict[str, Any]:
    """Topics to talk through, each with a box to tick by hand."""
    return section(
        "consent",
        "Consent: topics to talk through",
        ticks([statement(row, cite) for row in document["consent_topics"]], "Consent topics"),
        lead="A ticked box means that the topic was talked through. It is not the signed consent.",
    )


def preparation(document: Document, cite: Citations) -> dict[str, Any]:
    """Topics of the preparation sessions, with boxes."""
    return section(
        "preparation",
        "Preparation",
        ticks([statement(row, cite) for row in document["preparation_topics"]], "Preparation topics"),
    )


def expectations(document: Document, cite: Citations) -> dict[str, Any]:
    """What to expect, in plain numbers."""
    rows = document["expectations"]
    return section(
        "expectations", "What to expect, in plain numbers", bullets([statement(r, cite) for r in rows], "Expectations")
    )


def adverse(document: Document, cite: Citations) -> dict[str, Any] | None:
    """Unwanted effects with the frequencies found."""
    events = document.get("adverse_events")
    if not events:
        return None
    rows = [
        [
            cell(line(row["term"], "strong")),
            cell(row["frequency"]),
            cell(row["course"]),
            cell(row["action"]),
            cell(line(words.standing(row["evidence"], row["verified"], row["basis"]), "muted"), cite=cite.of(row)),
        ]
        for row in events
    ]
    head = ["Effect", "How often", "Course", "What is done", "Evidence"]
    return section("adverse", "Unwanted effects", table("Unwanted effects", head, rows, wide=[4, 5, 4, 5, 4]))


def adaptive(document: Document, cite: Citations) -> dict[str, Any]:
    """Anxiety that fits its cause is no target."""
    rows = [statement(row, cite) for row in document["adaptive_anxiety"]]
    return section("adaptive", "Anxiety that helps, anxiety that hinders", bullets(rows, "Adaptive anxiety"))


def limits(document: Document, cite: Citations) -> dict[str, Any]:
    """What the evidence does not show; the two obligatory statements stand first in the document."""
    rows = [statement(row, cite) for row in document["limits"]]
    return section("limits", "What the evidence does not show", bullets(rows, "Limits of the evidence"))


def claims(document: Document, cite: Citations) -> dict[str, Any]:
    """Claims often made, each with its label."""
    rows = [
        item(
            words.sentence(row["says"]),
            label=f"\N{LEFT DOUBLE QUOTATION MARK}{row['claim']}\N{RIGHT DOUBLE QUOTATION MARK}: {row['label']}",
            note=words.standing(row["evidence"], row["verified"], row["basis"]),
            code=row["id"],
            cite=cite.of(row),
        )
        for row in document["claims"]
    ]
    body = bullets(rows, "Claims") if rows else text("None that could be met here.", "muted")
    return section("claims", "Claims that the evidence does not carry", body)


def works(cite: Citations) -> dict[str, Any]:
    """Every work cited above, with what was read of it."""
    items = [
        {
            "number": work["number"],
            "text": work["citation"],
            "doi": work["doi"],
            "pmid": work["pmid"],
            "read": f"{work['read_as']}; {TAG_WORDS[work['tag']]}",
            "retracted": work["retracted"],
        }
        for work in cite.works()
    ]
    return {**section("works", "Sources", {"kind": "works", "items": items}), "annex": True}
