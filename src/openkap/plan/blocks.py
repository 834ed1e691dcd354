"""
The parts that a printed plan is built of. Both templates, for the screen and for paper, know exactly these.

A block is a dict with a `kind` and nothing but text in it, so that no template formats, chooses or computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from openkap.kernel.content import sources

Block = dict[str, Any]
Cell = dict[str, Any]
Look = Literal["", "strong", "muted", "warn", "label"]

ROOMS = ("plan", "screen", "assess")  # where a key may be listed, nearest first


@dataclass
class Citations:
    """Numbers the works as they are cited, in order of first use."""

    numbers: dict[str, int] = field(default_factory=dict)

    def mark(self, keys: Iterable[str]) -> list[int]:
        """The numbers of these works; keys that are empty have none."""
        return [self.numbers.setdefault(key, len(self.numbers) + 1) for key in dict.fromkeys(keys) if key]

    def of(self, row: Mapping[str, Any]) -> list[int]:
        """The numbers of the works behind a row with `basis` or `source`."""
        if "basis" in row:
            return self.mark(part["source"] for part in row["basis"])
        source = row.get("source") or ()
        return self.mark([source] if isinstance(source, str) else source)

    def works(self) -> list[dict[str, Any]]:
        """Every cited work with its number, as `sources.toml` of its room lists it."""
        known = [sources(room) for room in ROOMS]
        found = []
        for key, place in self.numbers.items():
            work = next(listed[key] for listed in known if key in listed)
            found.append(
                {
                    "number": place,
                    "citation": work.citation,
                    "doi": work.doi,
                    "pmid": work.pmid,
                    "read_as": work.read_as,
                    "tag": work.tag,
                    "retracted": work.retracted,
                    "note": work.note,
                }
            )
        return found


def section(name: str, title: str, *blocks: Block | None, lead: str = "") -> dict[str, Any]:
    """A titled part of the document; absent blocks are left out."""
    return {"id": name, "title": title, "lead": lead, "blocks": [block for block in blocks if block]}


def text(words: str, look: Look = "", cite: Sequence[int] = ()) -> Block:
    """A paragraph."""
    return {"kind": "text", "text": words, "look": look, "cite": list(cite)}


def heading(words: str, code: str = "") -> Block:
    """A heading inside a section."""
    return {"kind": "heading", "text": words, "code": code}


def bullets(items: Iterable[Mapping[str, Any]], label: str) -> Block:
    """A list; each item as `item` makes it."""
    return {"kind": "list", "label": label, "items": list(items)}


def item(words: str, *, note: str = "", label: str = "", code: str = "", cite: Sequence[int] = ()) -> dict[str, Any]:
    """An entry of a list: a label in bold, the words, a note in small print."""
    return {"text": words, "note": note, "label": label, "code": code, "cite": list(cite)}


def ticks(items: Iterable[Mapping[str, Any]], label: str) -> Block:
    """A list with boxes to tick by hand."""
    return {"kind": "ticks", "label": label, "items": list(items)}


def facts(*pairs: tuple[str, str], label: str) -> Block:
    """Names and values; pairs without a value are left out."""
    return {"kind": "facts", "label": label, "items": [{"name": name, "text": said} for name, said in pairs if said]}


def line(words: str, look: Look = "") -> dict[str, str]:
    """A line of a cell and how it looks."""
    return {"text": words, "look": look}


def cell(*lines: str | dict[str, str], cite: Sequence[int] = (), shape: str = "") -> Cell:
    """A table cell: lines of text, empty ones left out, perhaps after a status shape."""
    said = [line(one) if isinstance(one, str) else one for one in lines]
    return {"lines": [one for one in said if one["text"]], "cite": list(cite), "shape": shape, "effects": []}


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], *, wide: Sequence[int] = ()) -> Block:
    """
    A table whose first column names the rows.

    Args:
        label: what it shows, for screen readers and as caption.
        head: names of the columns.
        rows: cells, as many as `head`.
        wide: relative widths of the columns on paper.
    """
    shares = list(wide or [1] * len(head))
    return {
        "kind": "table",
        "label": label,
        "head": list(head),
        "rows": list(rows),
        "wide": shares,
        "percent": [5 * round(20 * share / sum(shares)) for share in shares],
    }
