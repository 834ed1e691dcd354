"""
What a person at a site does with content: sign rows, withdraw a signature, set a limit, end what was set.

Each function reads the folder anew while it is held (folder.py) and compares it with what the person saw:
a row that changed meanwhile is not signed, and a signature of someone else is never lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import msgspec

from openkap.kernel.content import fingerprint
from openkap.kernel.errors import Conflict, ContentFault, UnknownName, UserError
from openkap.kernel.site import Override, Signature, Site
from openkap.kernel.source import Row
from openkap.review.catalogue import Chapter, chapters, limits_of
from openkap.review.folder import Held, entries, entry

SIGNATURES, OVERRIDES = "signatures.toml", "overrides.toml"

_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)


def signable(found: list[Chapter]) -> dict[str, Row]:
    """The rows that are signed one by one, by id."""
    return {row.id: row for chapter in found if chapter.signed for row in chapter.rows}


def sign_rows(
    held: Held,
    rows: Mapping[str, str | None],
    *,
    by: str,
    role: str,
    on: date,
    review_by: date | None = None,
    meaning: str = "",
) -> list[Signature]:
    """
    Sign rows as the site uses them.

    Args:
        rows: the fingerprint that the person saw, by row id; None: signed as it stands.
        by, role, on, review_by, meaning: as in `Signature`.

    Raises:
        UnknownName: a row that does not exist. Conflict: a row is not as the person saw it. Nothing is written.
        UserError: no name, no row, or a review day that is not to come.
    """
    if not by.strip():
        raise UserError("The name is empty: give the name of the person who signs.")
    if not rows:
        raise UserError("No row is chosen: choose at least one to sign.")
    if review_by is not None and review_by <= on:
        raise UserError(f"The review day {review_by} is not to come: choose a later day.")
    known = signable(chapters(held.site()))
    fresh: dict[str, Signature] = {}
    for name, seen in rows.items():
        row = _known(known, name)
        _as_seen(row, seen)
        fresh[name] = Signature(
            row=name, fingerprint=fingerprint(row), by=by, role=role, on=on, review_by=review_by, meaning=meaning
        )
    held.append(SIGNATURES, entries("signature", fresh))
    return list(fresh.values())


def withdraw(held: Held, name: str, *, seen: str, by: str, role: str, on: date, reason: str) -> Signature:
    """
    Take back the signature of a row; both stay in the file.

    Args:
        seen: fingerprint of the signature that the person saw.

    Raises:
        Conflict: the row is signed no more, or anew. UserError: no reason.
    """
    if not reason.strip():
        raise UserError("The reason is empty: say why the signature is withdrawn.")
    former = held.site().signatures.get(name)
    if former is None or former.fingerprint != seen:
        raise Conflict(f"The signature of {name} is not the one you saw: look at it again.")
    taken = msgspec.structs.replace(former, by=by, role=role, on=on, withdrawn=True, reason=reason.strip())
    held.append(SIGNATURES, entry("signature", taken))
    return taken


def set_limit(held: Held, name: str, limit: str, value: str, *, seen: str, by: str, on: date, reason: str) -> Override:
    """
    Put the site's own value in the place of a limit, or in the place of an earlier own value.

    Args:
        value: as typed: a number in the unit of the limit, or a span such as `30 d`.
        seen: fingerprint of the row that the person saw.

    Raises:
        UnknownName: no such row or limit. Conflict: the row is not as the person saw it.
        UserError: no reason, no value of the right kind, or looser than the row allows; the sentence says how far.
    """
    if not reason.strip():
        raise UserError("The reason is empty: say why the site sets another value.")
    here = held.site()
    row = _known(signable(chapters(here)), name)
    _as_seen(row, seen)
    shipped = limits_of(row).get(limit)
    if shipped is None:
        raise UnknownName(f"{name} has no limit {limit!r} that a site may set.")
    fresh = Override(row=name, limit=limit, value=_typed(value, shipped.value), reason=reason.strip(), by=by, on=on)
    _allowed(here, fresh)
    former = here.overrides.get(name, {}).get(limit)
    ended = "" if former is None else entry("override", _end(former, f"another value: {reason}", by, on))
    held.append(OVERRIDES, ended + entry("override", fresh))
    return fresh


def end_limit(held: Held, name: str, limit: str, *, seen: str, by: str, on: date, reason: str) -> Override:
    """
    End the site's own value of a limit; the shipped one holds again.

    Raises:
        UnknownName: no such row. Conflict: there is none, or the row is not as the person saw it.
        UserError: no reason.
    """
    if not reason.strip():
        raise UserError("The reason is empty: say why the site's own value ends.")
    here = held.site()
    _as_seen(_known(signable(chapters(here)), name), seen)
    former = here.overrides.get(name, {}).get(limit)
    if former is None:
        raise Conflict(f"The site sets no {limit} of {name} any more: look at the row again.")
    ended = _end(former, reason, by, on)
    held.append(OVERRIDES, entry("override", ended))
    return ended


# -- parts of the above ------------------------------------------------------------------------------


def _known(known: Mapping[str, Row], name: str) -> Row:
    if name not in known:
        raise UnknownName(f"ROW {name!r} is no row that can be signed: see openkap content page for the ids.")
    return known[name]


def _as_seen(row: Row, seen: str | None) -> None:
    if seen is not None and seen != fingerprint(row):
        raise Conflict(f"{row.id} changed while you looked at it: read it as it stands now, then decide again.")


def _typed(text: str, shipped: Decimal | int | str) -> Decimal | str:
    if isinstance(shipped, str):
        return text.strip()
    if not _NUMBER.fullmatch(text.strip()):
        raise UserError(f"The value {text.strip()!r} is no number: write one like {shipped}.")
    return Decimal(text.strip())


def _allowed(here: Site, fresh: Override) -> None:
    row = here.overrides.get(fresh.row, {}) | {fresh.limit: fresh}
    try:
        chapters(replace(here, overrides=here.overrides | {fresh.row: row}))
    except ContentFault as fault:
        raise UserError(str(fault).removeprefix(f"{OVERRIDES}: ")) from None


def _end(former: Override, reason: str, by: str, on: date) -> Override:
    return msgspec.structs.replace(former, withdrawn=True, reason=reason.strip(), by=by, on=on)
