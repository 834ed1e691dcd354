"""`openkap content check|page|sign`: validate all content, print it for review, sign it for a site."""

from __future__ import annotations

import argparse
from datetime import date

from openkap.cli.io import day, site, stamped, write_bytes, write_json
from openkap.kernel.errors import UserError
from openkap.kernel.site import Site
from openkap.review.catalogue import (
    chapters,
    cited_sources,
    content_files,
    readings_of,
    signature_state,
    tags_of,
)
from openkap.review.folder import holding
from openkap.review.signing import sign_rows, signable

ALL = "all"


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    return {"check": _check, "page": _page, "sign": _sign}[arguments.action](arguments)


def _check(_: argparse.Namespace) -> int:
    write_json(stamped(check_document(site(), day(None)), site().mode))
    return 0


def check_document(here: Site, on: date) -> dict:
    """
    What all content amounts to.

    Raises:
        ContentFault: the first thing that is broken; the sentence names file, row and remedy.
    """
    found = chapters(here)
    signed_singly = signable(found).values()
    every = [row for chapter in found for row in chapter.rows]
    works = [work for listed in cited_sources().values() for work in listed.values()]
    return {
        "ok": True,
        "files": content_files(),
        "rows": len(every),
        "signable": len(signed_singly),
        "unsigned": sum(signature_state(row, here, on) != "signed" for row in signed_singly),
        "unverified": [row.id for row in signed_singly if any(tag in ("K", "D") for _, tag, _ in tags_of(row))],
        "readings": sum(len(readings_of(row)) for row in every),
        "retracted": [row.id for row in every if getattr(row, "retracted", "")] + [w.id for w in works if w.retracted],
        "sources": len(works),
        "overrides": sum(map(len, here.overrides.values())),
        "chapters": [{"id": c.id, "title": c.title, "room": c.room, "rows": len(c.rows)} for c in found],
    }


def _page(_: argparse.Namespace) -> int:
    from openkap.cli.page import content_page

    write_bytes(content_page(site()).encode())
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    here = site()
    if here.folder is None:
        raise UserError("OPENKAP_SITE is not set, so there is no site to sign for: name the site's folder in it.")
    on = day(None)
    review_by = _review_by(arguments.review_by, on)
    signed = sign(here, arguments.rows, by=arguments.by, role=arguments.role, on=on, review_by=review_by)
    write_json(stamped({"signed": signed, "by": arguments.by, "role": arguments.role, "on": on.isoformat()}, here.mode))
    return 0


def _review_by(text: str | None, on: date) -> date | None:
    if text is None:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--review-by is {text!r}, which is not a date: write it as 2027-11-25.") from None
    if found < on:
        raise UserError(f"--review-by {text} is in the past: choose a later day.")
    return found


def sign(
    here: Site, rows: list[str], *, by: str, role: str = "medical director", on: date, review_by: date | None = None
) -> list[str]:
    """
    Sign rows in the site's folder, as the site uses them, and give their ids.

    Args:
        here: a site with a folder.
        rows: ids, or `all`.
        by, role, on, review_by: who, as what, when, and until when it counts.

    Raises:
        UnknownName: a row that does not exist; then nothing is written.
        UserError: no name, or the folder cannot be written.
    """
    if not by.strip():
        raise UserError("--by is empty: give the name of the person who signs.")
    assert here.folder
    with holding(here.folder) as held:
        wanted = signable(chapters(held.site())) if ALL in rows else rows
        signed = sign_rows(held, dict.fromkeys(wanted), by=by, role=role, on=on, review_by=review_by)
    return [one.row for one in signed]
