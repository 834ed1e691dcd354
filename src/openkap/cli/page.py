"""
The page that a medical director reviews and signs: all clinical content, readable without Python.

First what needs a decision (readings, unverified numbers, retractions, gaps), then every row.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from openkap import __version__
from openkap.assess.instruments import SHIPPED, instruments
from openkap.kernel.content import content_version
from openkap.kernel.quantity import unit_words
from openkap.kernel.site import Site
from openkap.kernel.source import TAG_WORDS, Row, Source
from openkap.plan import words
from openkap.plan.book import book_of
from openkap.plan.html import environment, page_style, render
from openkap.plan.library import gaps
from openkap.plan.limits import site_limits
from openkap.plan.site_max import signed_limits
from openkap.review.catalogue import Chapter, chapters, cited_sources, readings_of, signature_state, tags_of
from openkap.review.page_rows import Reviewer, chapter_view, value_words
from openkap.screen.types import Rule


def content_page(site: Site, on: date | None = None) -> str:
    """
    The review page as one self-contained HTML document.

    Args:
        site: whose overrides and signatures are shown.
        on: the day for which signatures are judged; today in UTC by default.

    Raises:
        ContentFault: content or an override is broken.
    """
    day = on or datetime.now(UTC).date()
    found = chapters(site)
    who = Reviewer(site, day)
    views = [chapter_view(chapter, who) for chapter in found if chapter.rows]
    signable = [row for chapter in found if chapter.signed for row in chapter.rows]
    unsigned = sum(signature_state(row, site, day) != "signed" for row in signable)
    running = f"OpenKAP clinical content {content_version()}, {words.long_date(day.isoformat())}, {site.mode}"
    return render(
        environment("openkap.cli"),
        "content.html.j2",
        page_style(running, "content.css", package="openkap.cli"),
        version=content_version(),
        program=__version__,
        mode=site.mode,
        on=words.long_date(day.isoformat()),
        signable=len(signable),
        unsigned=unsigned,
        readings=_readings(found),
        unverified=_unverified(found),
        retracted=_retracted(found),
        gaps=_gaps(found, who),
        routes=_routes(who),
        chapters=views,
        works=_works(),
    )


def _readings(found: list[Chapter]) -> list[dict[str, Any]]:
    """Every reading of every row, to confirm or correct."""
    return [
        {"id": row.id, "anchor": f"row-{chapter.room}-{row.id}", "chapter": chapter.title, "texts": texts}
        for chapter in found
        for row in chapter.rows
        if (texts := readings_of(row))
    ]


def _unverified(found: list[Chapter]) -> list[dict[str, Any]]:
    """Every part that was not read anywhere (K) or has no published number (D)."""
    return [
        {
            "id": row.id,
            "anchor": f"row-{chapter.room}-{row.id}",
            "chapter": chapter.title,
            "parts": [{"what": _part(row, what), "tag": TAG_WORDS[tag]} for what, tag in parts],
        }
        for chapter in found
        if chapter.signed
        for row in chapter.rows
        if (parts := [(what, tag) for what, tag, _ in tags_of(row) if tag in ("K", "D")])
    ]


def _part(row: Row, what: str) -> str:
    """A limit with its value; any other part as the row says it."""
    name = what.removeprefix("limit ")
    if not isinstance(row, Rule) or name == what:
        return what
    limit = row.limits[name]
    said = (
        f"{value_words(limit.value)} {unit_words(limit.unit)}".strip()
        if limit.unit != "1"
        else value_words(limit.value)
    )
    return f"limit {name.replace('-', ' ')}: {said}"


def _retracted(found: list[Chapter]) -> list[dict[str, str]]:
    rows = [
        {"id": row.id, "anchor": f"row-{c.room}-{row.id}", "text": said}
        for c in found
        for row in c.rows
        if (said := getattr(row, "retracted", ""))
    ]
    works = [
        {"id": work.id, "anchor": f"work-{room}-{work.id}", "text": f"{work.citation}: {work.retracted}"}
        for room, listed in cited_sources().items()
        for work in listed.values()
        if work.retracted
    ]
    return works + rows


def _gaps(found: list[Chapter], who: Reviewer) -> list[dict[str, Any]]:
    """What is known to be missing, by kind."""
    rows = [row for chapter in found for row in chapter.rows]
    named = [f"{row.id}: {gap}" for row in rows if (gap := getattr(row, "gap", ""))]
    disabled = [line["title"] for line in _routes(who) if line["state"] != "open"]
    without_text = [i.title for i in instruments().values() if i.licence.ship not in SHIPPED]
    unread = [w.citation for listed in cited_sources().values() for w in listed.values() if w.tag == "K"]
    no_evidence = [row.id for row in rows if getattr(row, "evidence", "") == "NONE"]
    kinds = [
        ("To close before use, as the fact sheets name them", [f"{row.id}: {row.text}" for row in gaps()]),
        ("Named in the content", named),
        ("Routes without a signed maximum: disabled at a site", disabled),
        ("Instruments whose wording does not ship: a site installs it under its own licence", without_text),
        ("Works that are cited and were not read", unread),
        ("Rows without evidence: design defaults and policy", no_evidence),
    ]
    return [{"title": title, "items": items} for title, items in kinds if items]


def _routes(who: Reviewer) -> list[dict[str, str]]:
    """Each route with its maximum at this site; an empty one disables the route."""
    signed = signed_limits(who.site, who.on)
    book = book_of(who.site)
    limits = site_limits(who.site.mode, signed, book)
    found = []
    for row in book.dose_limits.limit:
        limit = limits.get(row.id)
        if limit is None:
            state, said, by = "disabled", "none: the route is disabled", ""
        else:
            amounts = [value_words(limit.mg_per_kg, "mg/kg"), value_words(limit.mg, "mg")]
            if limit.min_duration_min is not None:
                amounts.append(f"over at least {value_words(limit.min_duration_min, 'min')}")
            said = ", ".join(amount for amount in amounts if amount)
            by = limit.signed_by or "for the synthetic clinic only"
            state = "open" if signed is not None else "demonstration"
        found.append({"id": row.id, "title": row.title, "state": state, "maximum": said, "by": by})
    return found


def _works() -> list[dict[str, Any]]:
    return [
        {"room": room, "rows": [_work(room, work) for work in listed.values()]}
        for room, listed in cited_sources().items()
        if listed
    ]


def _work(room: str, work: Source) -> dict[str, str]:
    marks = [f"doi {work.doi}" if work.doi else "", f"PMID {work.pmid}" if work.pmid else "", work.url]
    return {
        "id": work.id,
        "anchor": f"work-{room}-{work.id}",
        "citation": work.citation,
        "marks": ", ".join(mark for mark in marks if mark),
        "read": f"{work.read_as}; {TAG_WORDS[work.tag]}",
        "retracted": work.retracted,
        "note": work.note,
    }
