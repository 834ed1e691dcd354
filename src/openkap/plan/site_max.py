"""
The highest doses a site has signed: `limits.toml` in the site folder.

    [[site_max]]
    row = "DOS-IV"
    mg_per_kg = 0.5
    mg = 50
    min_duration_min = 40
    signed_by = "Dr Ines Varga, medical director"
    on = 2026-01-02
    reason = "trial dose; anxiety evidence ends at 0.5 mg/kg"

A route without a row is disabled.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from openkap.kernel.content import convert, read_site_toml
from openkap.kernel.errors import ContentFault
from openkap.kernel.site import Site
from openkap.plan.book import book_of, shipped
from openkap.plan.choices import SiteMax
from openkap.plan.limits import site_limits


class SignedMax(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One signed limit of a route."""

    row: str
    signed_by: str
    on: date
    reason: str
    mg_per_kg: Decimal | None = None
    mg: Decimal | None = None
    min_duration_min: Decimal | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    site_max: tuple[SignedMax, ...] = ()


def signed_limits(site: Site, on: date) -> dict[str, SiteMax] | None:
    """
    What the site has signed by this day, by limit row; None in demonstration mode.

    Raises:
        ContentFault: a row twice, without an amount, or for a limit that does not exist.
    """
    if site.folder is None:
        return None
    path = site.folder / "limits.toml"
    if not path.exists():
        return {}
    file = convert(read_site_toml(path), _File, path.name)
    known = {row.id for row in shipped().dose_limits.limit}
    found: dict[str, SiteMax] = {}
    for row in file.site_max:
        if row.row not in known:
            raise ContentFault(f"limits.toml: {row.row} is no dose limit; use one of {', '.join(sorted(known))}.")
        if row.row in found:
            raise ContentFault(f"limits.toml: {row.row} stands twice; keep one.")
        if row.mg is None and row.mg_per_kg is None:
            raise ContentFault(f"limits.toml: {row.row} gives no amount; add mg, mg_per_kg or both.")
        if row.on > on:
            continue  # signed for a later day: not in force yet
        found[row.row] = SiteMax(row.mg_per_kg, row.mg, row.min_duration_min, row.signed_by)
    return found


def open_routes(site: Site, on: date) -> frozenset[str]:
    """The routes for which this site has a limit; the others are disabled."""
    book = book_of(site)
    limits = site_limits(site.mode, signed_limits(site, on), book)
    return frozenset(row.route for row in book.dose_limits.limit if row.id in limits)
