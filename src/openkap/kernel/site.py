"""
The site that decides: its mode, what it has signed, what it has overridden.

Without a site folder OpenKAP runs in demonstration mode: all content counts and shows its tags. With
one it runs in production mode: a row that nobody at the site has signed decides nothing, and a signed
row that has changed since, or is past its review date, counts as unsigned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from openkap.kernel.clock import Span
from openkap.kernel.content import convert, fingerprint, read_site_toml
from openkap.kernel.errors import ContentFault, UserError
from openkap.kernel.source import SetHere

T = TypeVar("T")

Mode = Literal["demonstration", "production"]

_NAMED = 6  # so many unsigned rows are named in one sentence; the content page lists all

_ANY_DAY = date(2026, 1, 1)  # spans of days and months are compared as they would run from one day


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A person's signature under one row of content, or its withdrawal.

    Args:
        row: id of the row.
        fingerprint: of the row as it was signed, overrides included.
        by, role: who, as what.
        on: the day.
        review_by: after this day it no longer counts.
        meaning: what the person says by signing.
        withdrawn: takes back the signature of the row that stands above it in the file.
        reason: why it was withdrawn.
    """

    row: str
    fingerprint: str
    by: str
    role: str
    on: date
    review_by: date | None = None
    meaning: str = ""
    withdrawn: bool = False
    reason: str = ""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A site's own value for a limit of a row.

    Args:
        row, limit: which number.
        value: the new one: a number in the unit of the shipped limit, or a span such as `30 d`.
        reason, by, on: why, who, when.
        withdrawn: ends the override of the limit that stands above it in the file.
    """

    row: str
    limit: str
    value: Any  # Decimal or str: msgspec reads no union of the two, so __post_init__ checks what came
    reason: str
    by: str
    on: date
    withdrawn: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            msgspec.structs.force_setattr(self, "value", Decimal(self.value))
        if not isinstance(self.value, (Decimal, str)) or (
            isinstance(self.value, Decimal) and not self.value.is_finite()
        ):
            raise ValueError(f"value {self.value!r} is neither a number nor a span such as 30 d")
        if isinstance(self.value, str):
            try:
                Span.parse(self.value)
            except UserError as fault:  # as ValueError, msgspec adds which row it was
                raise ValueError(str(fault)) from None


class _Signatures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    signature: tuple[Signature, ...] = ()


class _Overrides(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    override: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Site:
    """
    Where decisions are made.

    Args:
        folder: the site's own content; None in demonstration mode.
        signatures: by row id, the newest of each row, without withdrawn ones.
        overrides: by row id, then limit name, those in force.
        signed_before, overridden_before: all that the files hold, in their order.
    """

    folder: Path | None = None
    signatures: dict[str, Signature] = field(default_factory=dict)
    overrides: dict[str, dict[str, Override]] = field(default_factory=dict)
    signed_before: tuple[Signature, ...] = ()
    overridden_before: tuple[Override, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Changes with what is signed and what is overridden here, and with nothing else."""
        return hashlib.sha256(repr((self.mode, self.signatures, self.overrides)).encode()).hexdigest()[:40]

    @property
    def mode(self) -> Mode:
        return "production" if self.folder else "demonstration"

    @classmethod
    def open(cls, folder: Path | None) -> Site:
        """
        Read a site folder: `signatures.toml` and `overrides.toml`, both optional.

        Raises:
            UserError: the folder does not exist.
            ContentFault: a file has an unknown key, a wrong type or two overrides of one limit.
        """
        if folder is None:
            return cls()
        if not folder.is_dir():
            raise UserError(f"OPENKAP_SITE names {str(folder)!r}, which is not a folder: create it or unset it.")
        signed = _read(folder / "signatures.toml", _Signatures)
        changed = _read(folder / "overrides.toml", _Overrides)
        overrides: dict[str, dict[str, Override]] = {}
        for row in changed.override:
            if not row.reason.strip():
                raise ContentFault(f"overrides.toml: {row.row} {row.limit} gives no reason; add one.")
            here = overrides.setdefault(row.row, {})
            if row.withdrawn is not (row.limit in here):
                fault = "is withdrawn where none is in force; remove" if row.withdrawn else "is overridden twice; keep"
                raise ContentFault(f"overrides.toml: {row.row} {row.limit} {fault} one.")
            if row.withdrawn:
                del here[row.limit]
            else:
                here[row.limit] = row
        newest = {s.row: s for s in signed.signature}
        return cls(
            folder,
            {name: s for name, s in newest.items() if not s.withdrawn},
            {name: here for name, here in overrides.items() if here},
            signed.signature,
            changed.override,
        )

    def signed(self, row: msgspec.Struct, on: date) -> bool:
        """True if this row may decide on this day: always in demonstration mode, else if signed as it stands."""
        return self.mode == "demonstration" or self.has_signed(row, on)

    def has_signed(self, row: msgspec.Struct, on: date) -> bool:
        """True if a person has signed this row as it stands and the signature counts on this day, whatever the mode."""
        signature = self.signatures.get(row.id)  # type: ignore[attr-defined]
        if signature is None or signature.fingerprint != fingerprint(row):
            return False
        return signature.on <= on and (signature.review_by is None or on <= signature.review_by)


def unsigned_words(*rows: str) -> str:
    """Why unsigned rows decide nothing, and who must do what, as a sentence."""
    names = ", ".join(rows[:_NAMED]) + (f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else "")
    are, have, them = ("is", "has", "it") if len(rows) == 1 else ("are", "have", "them")
    return (
        f"{names} {are} not signed at this site, or {have} changed or come up for review since: the medical director "
        f"must review and sign {them} (openkap content page, openkap content sign)."
    )


def site_values(row: str, set_here: Iterable[SetHere]) -> list[dict[str, Any]]:
    """What a site has set in a row, as documents show it: which number, instead of what, by whom, when and why."""
    return [
        {
            "row": row,
            "limit": one.limit,
            "value": one.value,
            "shipped": one.shipped,
            "by": one.by,
            "on": one.on.isoformat(),
            "reason": one.reason,
            "text": f"{row} {one.limit}: {one.value} instead of {one.shipped}, "
            f"set by {one.by} on {one.on.isoformat()}: {one.reason}",
        }
        for one in set_here
    ]


def _read(path: Path, kind: type[T]) -> T:
    if not path.exists():
        return kind()
    return convert(read_site_toml(path), kind, path.name)


def may_override(
    shipped: Decimal | int, wanted: Decimal | int, tighter: Literal["lower", "higher"], loosest: Decimal | int | None
) -> bool:
    """
    True if a site may set `wanted` where content ships `shipped`.

    Args:
        tighter: the direction in which the limit becomes stricter; that way a site is free.
        loosest: how far it may go the other way; None: not at all.
    """
    tightens = wanted <= shipped if tighter == "lower" else wanted >= shipped
    if tightens:
        return True
    if loosest is None:
        return False
    return wanted <= loosest if tighter == "lower" else wanted >= loosest


def set_by(
    change: Override, shipped: Decimal | int | str, tighter: Literal["lower", "higher"], loosest: Any
) -> SetHere:
    """
    A site's own value for one number of a row, if the row allows it.

    Args:
        change: what the site wants.
        shipped: the number, or a span such as `30 d`, that content ships.
        tighter, loosest: as the row's own data has them.

    Raises:
        ContentFault: another kind of value, part of a whole, below zero, or too loose.
    """
    where = f"overrides.toml: {change.row} {change.limit}"
    wanted = change.value
    if isinstance(wanted, str) is not isinstance(shipped, str):
        raise ContentFault(f"{where}: {wanted!r} is not of the kind of {shipped!r}; give one like it.")
    if isinstance(wanted, Decimal) and not isinstance(shipped, str):
        if isinstance(shipped, int) and wanted != wanted.to_integral_value():
            raise ContentFault(f"{where}: {wanted} is not a whole number, as {shipped} is; give one.")
        if wanted < 0 <= shipped:
            raise ContentFault(f"{where}: {wanted} is below zero; give a value that can be meant.")
    if not may_override(_size(shipped), _size(wanted), tighter, None if loosest is None else _size(loosest)):
        far = f"no looser than {loosest}" if loosest is not None else "only stricter values"
        raise ContentFault(f"{where}: {wanted} is looser than allowed ({far}); choose a {tighter} value.")
    return SetHere(limit=change.limit, value=wanted, shipped=shipped, by=change.by, on=change.on, reason=change.reason)


def no_such_limit(change: Override, known: Iterable[str]) -> ContentFault:
    """The fault of an override that names no number of its row that a site may set."""
    names = ", ".join(known) or "it has none"
    return ContentFault(f"overrides.toml: {change.row} {change.limit}: no limit of that name; use one of: {names}.")


def no_such_row(name: str) -> ContentFault:
    """The fault of an override of a row that does not exist or has no number that a site may set."""
    text = f"overrides.toml: {name} is no row whose numbers a site may set"
    return ContentFault(f"{text}; correct the row, or remove the override.")


def _size(value: Decimal | int | str) -> Decimal:
    if isinstance(value, str):
        return Decimal((_ANY_DAY - Span.parse(value).before(_ANY_DAY)).days)
    return Decimal(value)
