"""
Where a number, a rule or a text comes from, and how far it can be trusted.

Every row of clinical content derives from `Sourced`. The tags and grades are those of the clinical
fact sheets; a row without them does not load.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import msgspec

# How the statement was checked. V read in the source itself; S read only in a secondary source;
# K general knowledge, unverified; D design default, no published number; P project policy.
Tag = Literal["V", "S", "K", "D", "P"]

# What the engine may do with it: True only for V.
Verified = bool | Literal["secondary"]

# Evidence behind a safety, dosing or screening row.
Grade = Literal["LBL", "GDL", "MA", "RCT", "OPEN", "OBS", "CR", "EXP", "PRE", "NONE"]

GRADE_WORDS: dict[str, str] = {
    "LBL": "regulatory label or alert",
    "GDL": "guideline or formal consensus",
    "MA": "meta-analysis",
    "RCT": "randomised trial",
    "OPEN": "uncontrolled prospective study",
    "OBS": "retrospective study or registry",
    "CR": "case report",
    "EXP": "expert or single-site practice",
    "PRE": "animals or healthy volunteers",
    "NONE": "no evidence: design default",
}

TAG_WORDS: dict[str, str] = {
    "V": "read in the source",
    "S": "read in a secondary source only",
    "K": "general knowledge, unverified",
    "D": "design default, needs a site protocol",
    "P": "project policy, the site may change it",
}

_TRUST = ("V", "S", "K", "P", "D")  # strongest first


def verified(tags: tuple[str, ...] | list[str]) -> Verified:
    """
    The `verified` value of a row whose parts carry these tags: that of its weakest part.

    Returns:
        True if every tag is V; "secondary" if the weakest is S; else False.
    """
    weakest = _weakest(tuple(tags))
    if weakest == "S":
        return "secondary"
    return weakest == "V"


@cache
def _weakest(tags: tuple[str, ...]) -> str:
    return max(tags, key=_TRUST.index)


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row of content. Unknown keys stop the load: a typing error must never pass in silence."""

    id: str


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One part of a row (a threshold, a window, the rationale) and how it was checked.

    Args:
        what: the part, in a few words.
        tag: how it was checked.
        source: key in the room's `sources.toml`; empty only for K, D and P.
    """

    what: str
    tag: Tag
    source: str = ""


class Margin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    How far a site may set a number of a row for itself.

    Args:
        tighter: in which direction the number becomes stricter; that way a site is free.
        loosest: how far it may go the other way; None: not at all.
    """

    tighter: Literal["lower", "higher"]
    loosest: Decimal | None = None


class SetHere(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A number of a row that a site has set for itself.

    Args:
        limit: which number.
        value, shipped: the site's, and the one that content ships.
        by, on, reason: who, when, why.
    """

    limit: str
    value: Any  # Decimal, or str for a span
    shipped: Any
    by: str
    on: date
    reason: str


class Sourced(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A clinical row.

    Args:
        evidence: grade of the evidence behind the row.
        basis: its parts with their tags and sources, at least one.
        reading: how OpenKAP reads what the fact sheet leaves open; listed under "Readings to
            confirm" on the content page.
        retracted: set when a source was retracted or corrected: what happened and when.
        note: anything else that a reviewer should know.
        site_may: numbers of the row that a site may set for itself, by name: a field, a part of a field
            (`ceiling.mg_per_kg`), or an entry of its `numbers` or `limits`.
        set_here: what the site has set; always empty in shipped content.
    """

    evidence: Grade
    basis: tuple[Basis, ...]
    reading: tuple[str, ...] = ()
    retracted: str = ""
    note: str = ""
    site_may: dict[str, Margin] = {}
    set_here: tuple[SetHere, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(b.source for b in self.basis if b.source))

    @property
    def verified(self) -> Verified:
        return verified([b.tag for b in self.basis])

    @property
    def needs_site_protocol(self) -> bool:
        return any(b.tag == "D" for b in self.basis)


class Source(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A work that content cites.

    Args:
        citation: author, year, title or journal, as a reader would look it up.
        doi, pmid, url: identifiers where known.
        read_as: what was read: full text, abstract, label excerpt, registry, secondary page, not read.
        tag: how far reading went.
        retracted: what happened and when, if the work was retracted or corrected.
    """

    citation: str
    read_as: str
    tag: Tag
    doi: str = ""
    pmid: str = ""
    url: str = ""
    retracted: str = ""
    note: str = ""
