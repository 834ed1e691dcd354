"""Rows of content as the pages list them: what the site's files say of each, and which ones a reader asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from openkap.kernel.content import fingerprint
from openkap.kernel.site import Site
from openkap.kernel.source import Row
from openkap.review.catalogue import Chapter, chapters, limits_of, readings_of, signature_state, tags_of
from openkap.review.page_rows import row_name

PRACTICE = "practice"  # folder below the data folder: signatures of a demonstration, which decide nothing
SHAPES = {"signed": "ok", "unsigned": "plain"}


def folder() -> Path:
    """Where signatures and overrides are written: the site's folder, or in a demonstration one for practice."""
    site: Path | None = settings.ENVIRONMENT.site
    return site or settings.ENVIRONMENT.data / PRACTICE


def is_practice() -> bool:
    """True in a demonstration: what is signed here decides nothing."""
    return settings.ENVIRONMENT.site is None


def site_now() -> Site:
    """What the files say now."""
    here = folder()
    if not is_practice():
        return Site.open(here)
    return replace(Site.open(here), folder=None) if here.is_dir() else Site()


@dataclass(frozen=True)
class Line:
    """
    One row in a list.

    Args:
        state: of its signature; empty where rows are not signed one by one.
        marks: of `MARKS`, what a reviewer should know.
    """

    chapter: Chapter
    row: Row
    name: str
    state: str
    shape: str
    marks: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.row)


def lines(site: Site, on: date | None = None) -> list[Line]:
    """Every row, in the order of the files."""
    day = on or timezone.localdate()
    return [_line(chapter, row, site, day) for chapter in chapters(site) for row in chapter.rows]


def _line(chapter: Chapter, row: Row, site: Site, day: date) -> Line:
    state = signature_state(row, site, day) if chapter.signed else ""
    found = {
        "unverified": chapter.signed and any(tag in ("K", "D") for _, tag, _ in tags_of(row)),
        "reading": bool(readings_of(row)),
        "retracted": bool(getattr(row, "retracted", "")),
        "overridden": row.id in site.overrides,
        "settable": bool(limits_of(row)),
    }
    marks = tuple(name for name, holds in found.items() if holds)
    return Line(chapter, row, row_name(row), state, SHAPES.get(state, "hold"), marks)


@dataclass(frozen=True)
class Wanted:
    """What a reader asks for; empty asks for everything."""

    state: str = ""
    mark: str = ""
    room: str = ""
    chapter: str = ""
    q: str = ""


STATES = {  # as asked for -> of a signature
    "unsigned": ("unsigned", "signed for a later day"),
    "changed": ("changed since it was signed",),
    "overdue": ("review overdue",),
    "open": ("unsigned", "signed for a later day", "changed since it was signed", "review overdue"),
    "signed": ("signed",),
}


def chosen(found: Iterable[Line], wanted: Wanted) -> list[Line]:
    """The lines that fit; every word of `q` must stand somewhere in the row."""
    words = wanted.q.casefold().split()
    return [
        line
        for line in found
        if (not wanted.state or line.state in STATES[wanted.state])
        and (not wanted.mark or wanted.mark in line.marks)
        and (not wanted.room or line.chapter.room == wanted.room)
        and (not wanted.chapter or line.chapter.id == wanted.chapter)
        and (not words or _says(line, words))
    ]


def _says(line: Line, words: list[str]) -> bool:
    text = f"{line.chapter.title} {msgspec.json.encode(line.row, enc_hook=_plain).decode()}".casefold()
    return all(word in text for word in words)


def _plain(value: Any) -> str:
    return str(value)
