"""
How a posting of the drug ledger is judged, kept with its seal and audited: what its services share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose.floor import on_shift, staff_of
from openkap.dose.ledger import Account
from openkap.dose.models_ledger import Lot, Posting
from openkap.dose.types import Refused, Staff
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Site
from openkap.people.types import Principal

T = TypeVar("T")
CHANGED = "This was used before for something else: enter it anew."


class NotPosted(UserError):
    """The ledger does not take it. `refused` has the rule and the sentence."""

    def __init__(self, refused: Refused):
        super().__init__(refused.text)
        self.refused = refused


def hold_site(site_id: UUID) -> None:
    """
    Hold the site until the transaction ends. Whoever posts writes its trail too, which holds it: so it comes before
    every lot, and after sessions, patients, chairs and charts. Rows locked in two orders would wait in a ring.
    """
    Site.objects.select_for_update(no_key=True).get(pk=site_id)


@contextmanager
def holding(site_id: UUID, label: str) -> Iterator[tuple[Lot, led.Ledger]]:
    """
    Hold a lot, so that nothing else is posted to it, with its ledger. The site is held before it.

    Raises:
        NotPosted: the site has no such lot.
    """
    with transaction.atomic():
        hold_site(site_id)
        row = Lot.objects.select_for_update(no_key=True).filter(site=site_id, label=label).first()
        if row is None:
            raise NotPosted(Refused("HAZ-60", f"Lot {label} is not in stock: receive it, or correct the lot."))
        yield row, selectors.ledger_of(row)


@contextmanager
def all_held(site_id: UUID, labels: Sequence[str]) -> Iterator[list[Lot]]:
    """Hold several lots, always in the same order, so that two who hold them do not wait for each other."""
    with transaction.atomic():
        hold_site(site_id)
        found = Lot.objects.select_for_update(no_key=True).filter(site=site_id, label__in=labels).order_by("pk")
        rows = list(found)
        missing = sorted(set(labels) - {row.label for row in rows})
        if missing:
            text = f"Lot {missing[0]} is not in stock: receive it, or correct the lot."
            raise NotPosted(Refused("HAZ-60", text))
        yield rows


def lot_of(site_id: UUID, label: str) -> Lot:
    """A lot of the site. Raises NotPosted where it has none of this number."""
    row = Lot.objects.filter(site=site_id, label=label).first()
    if row is None:
        raise NotPosted(Refused("HAZ-60", f"Lot {label} is not in stock: receive it, or correct the lot."))
    return row


def custody_of(principal: Principal, now: datetime) -> led.Custody:
    """What a posting is judged by at this site, now."""
    day = selectors.day_at(principal.site_id, now)
    home = selectors.home_reason(principal.site_id)
    return led.Custody(day, on_shift(principal.site_id), selectors.rules(day).within_min, now, home)


def handler(principal: Principal) -> Staff:
    """The principal as one who may handle the drug. Raises Forbidden for anybody else."""
    staff = staff_of(principal)
    if staff.role not in led.HANDLERS:
        raise Forbidden("Only a prescriber or nurse does this: ask one.")
    return staff


def posting_by(
    principal: Principal,
    lot: Lot,
    key: str,
    kind: str,
    ends: tuple[Account, Account],
    ug: int,
    *,
    at: datetime,
    ref: str = "",
    reason: str = "",
    drug: str = "",
) -> led.Posting:
    """
    A posting by the principal.

    Args:
        ends: from where to where. drug: that of the order; empty: that of the lot.
    """
    staff = staff_of(principal)
    return led.Posting(key, kind, lot.label, *ends, ug, staff, at, drug or lot.drug, ref, reason)  # type: ignore[arg-type]


def post_once(
    principal: Principal,
    label: str,
    key: str,
    kind: str,
    ends: tuple[Account, Account],
    ug: int,
    *,
    ref: str,
    origin: Origin | None,
) -> Posting:
    """A posting that needs no witness; a repeat gives the first one."""
    with holding(principal.site_id, label) as (lot, book):
        if (before := earlier(principal, key, lot, ug=ug, target=ends[1], kind=kind, ref=ref)) is not None:
            return before[0]
        now = timezone.now()
        posting = posting_by(principal, lot, key, kind, ends, ug, at=now, ref=ref)
        return write(principal, lot, book, posting, custody_of(principal, now), origin)[0]


def earlier(
    principal: Principal,
    key: str,
    lot: Lot,
    *,
    ug: int,
    kind: str,
    target: Account | None = None,
    ref: str | None = None,
) -> list[Posting] | None:
    """
    What was posted under a key; None if nothing was.

    Raises:
        Conflict: it was something else.
    """
    first = Posting.objects.filter(site=principal.site_id, key=key).first()
    if first is None:
        return None
    parts = [first, *Posting.objects.filter(lot=first.lot_id, key__startswith=f"{key}.").order_by("pk")]
    to = target is None or (first.target_place, first.target_id) == (target.place, target.id)
    same = to and (first.lot_id, first.kind, sum(one.ug for one in parts)) == (lot.pk, kind, ug)
    if not same or first.by_id != principal.user_id or (ref is not None and first.ref != ref):
        raise Conflict(CHANGED)
    return parts


def write(
    principal: Principal,
    lot: Lot,
    book: led.Ledger,
    posting: led.Posting,
    custody: led.Custody,
    origin: Origin | None,
) -> tuple[Posting, led.Ledger]:
    """Post, keep with its seal, audit. The lot is held."""
    made = led.post(book, posting, custody, selectors.secrets()[0])
    if isinstance(made, Refused):
        raise NotPosted(made)
    if (
        len(made.postings) == len(book.postings)
        or Posting.objects.filter(lot__site=lot.site_id, key=posting.key).exists()
    ):
        raise Conflict(CHANGED)
    undone = Posting.objects.get(site=lot.site_id, key=posting.reverses) if posting.reverses else None
    proof = posting.proof
    row = Posting.objects.create(
        site_id=lot.site_id,
        lot=lot,
        number=len(made.postings),
        key=posting.key,
        kind=posting.kind,
        source_place=posting.source.place,
        source_id=posting.source.id,
        target_place=posting.target.place,
        target_id=posting.target.id,
        ug=posting.ug,
        at=posting.at,
        day=custody.day,
        ref=posting.ref,
        reason=posting.reason,
        reverses=undone,
        witness_id=proof.staff.id if proof else None,
        witness_name=proof.staff.name if proof else "",
        witness_role=proof.staff.role if proof else "",
        proof=proof.id if proof else None,
        proof_at=proof.at if proof else None,
        seal=made.seals[-1],
        **signed(posting.by),
    )
    audit_lot(principal, lot, row, posting.kind, origin)
    return row, made


def or_conflict(row: T, same: bool) -> T:
    """What was made before under this key. Raises Conflict where it was something else."""
    if not same:
        raise Conflict(CHANGED)
    return row


def signed(staff: Staff) -> dict[str, str]:
    """The columns that say who, by which name, in which role."""
    return {"by_id": staff.id, "name": staff.name, "role": str(staff.role)}


def audit_lot(principal: Principal, lot: Lot, row: Posting | None, what: str, origin: Origin | None) -> None:
    """Number and beginning of the seal stand in the trail too, where the ledger's own writer cannot change them."""
    reason = f"{what} {selectors.seal_shown(row.seal)}" if row else what
    event = Event("ledger", "C", entity=f"Lot/{lot.pk}", entity_version=row.number if row else None, reason=reason)
    audit.record(lot.site_id, [event], principal=principal, origin=origin)
