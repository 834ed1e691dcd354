"""
What of the drug ledger needs a second person: waste, loss, contra-postings, counts. One asks; another, signed in as
themselves on a screen of their own, proves anew who they are and confirms; only then is it posted (HAZ-59).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose.floor import on_shift, staff_of
from openkap.dose.ledger import Account
from openkap.dose.models_ledger import Count, Discrepancy, Lot, PendingEnd, PendingPosting, Posting
from openkap.dose.services_posting import (
    CHANGED,
    NotPosted,
    all_held,
    audit_lot,
    custody_of,
    handler,
    holding,
    or_conflict,
    posting_by,
    signed,
    write,
)
from openkap.dose.types import Refused, Staff
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.types import Principal, Role
from openkap.plan.types import Drug

TARGETS: dict[str, Account] = {"waste": Account("waste"), "lose": Account("lost")}


# -- what waits for a second person ----------------------------------------------------------------------


def ask(
    principal: Principal,
    label: str,
    *,
    kind: str,
    source: Account,
    ug: int,
    reason: str,
    ref: str = "",
    key: str,
    origin: Origin | None = None,
) -> PendingPosting:
    """
    Ask a second person to witness a waste or a loss. Nothing is posted before they have.

    Args:
        kind: `waste` or `lose`. source: stock, a vial or what is drawn for a session. ref: the case it is made for.

    Raises:
        UserError: no reason, another kind, or no such open case of the lot. NotPosted: whoever witnessed it, it could
            not be. Conflict: the key was used for something else.
    """
    if kind not in TARGETS:
        raise UserError("What is to be witnessed is not known: waste or loss.")
    with holding(principal.site_id, label) as (lot, book):
        _open_case(lot, ref)
        now = timezone.now()
        posting = posting_by(
            principal, lot, key, kind, (source, TARGETS[kind]), ug, at=now, ref=ref, reason=reason.strip()
        )
        return _ask(principal, lot, book, posting, origin)


def ask_reversal(
    principal: Principal, posting_id: int, *, reason: str, ref: str = "", key: str, origin: Origin | None = None
) -> PendingPosting:
    """
    Ask a second person to witness the contra-posting of a mistake.

    Args:
        ref: the open case that it explains; empty: none.

    Raises:
        UserError: no reason, no such posting or case. NotPosted: it was undone before, or what it moved is gone.
    """
    first = Posting.objects.filter(site=principal.site_id, pk=posting_id).select_related("lot").first()
    if first is None:
        raise UserError("There is no such posting here: reload the page.")
    with holding(principal.site_id, first.lot.label) as (lot, book):
        _open_case(lot, ref)
        pure = selectors.pure_posting(first, lot)
        posting = led.contra(pure, key, staff_of(principal), timezone.now(), reason.strip(), None, ref)
        return _ask(principal, lot, book, posting, origin, reverses=first)


def ask_count(
    principal: Principal,
    counted: Mapping[str, int],
    *,
    moment: str,
    inventory: bool = False,
    key: str,
    origin: Origin | None = None,
) -> PendingPosting:
    """
    Hand in what was counted of each lot, without having seen a balance, for the one who counted with them to confirm.

    Args:
        counted: micrograms by label.
        moment: `open` or `close` of the day.

    Raises:
        UserError: nothing counted, or below 0. NotPosted: a lot that the site has not, or not on shift.
    """
    if not counted or moment not in ("open", "close") or any(ug < 0 for ug in counted.values()):
        raise UserError("Nothing was counted, or below 0: enter what there is of at least one lot, 0 where none is.")
    if (earlier := PendingPosting.objects.filter(site=principal.site_id, key=key).first()) is not None:
        same = earlier.kind == "count" and {label: line[0] for label, line in earlier.lines.items()} == dict(counted)
        return or_conflict(earlier, same and earlier.by_id == principal.user_id)
    if str(principal.user_id) not in on_shift(principal.site_id):
        raise NotPosted(Refused("HAZ-58", "Two different people on shift count together."))
    with all_held(principal.site_id, list(counted)) as rows:
        newest = {row.label: Posting.objects.filter(lot=row).count() for row in rows}
        lines = {label: [ug, newest[label]] for label, ug in counted.items()}
        now, staff = timezone.now(), staff_of(principal)
        row = PendingPosting.objects.create(
            site_id=principal.site_id,
            key=key,
            kind="count",
            lines=lines,
            moment=moment,
            inventory=inventory,
            at=now,
            day=selectors.day_at(principal.site_id, now),
            **signed(staff),
        )
        _audit_asked(principal, row, "count handed in", origin)
    return row


def again(principal: Principal, pending_id: UUID, *, key: str, origin: Origin | None = None) -> PendingPosting:
    """
    Ask anew for what lapsed because nobody confirmed it in time; the former request ends.

    Raises:
        UserError: no such request of the principal's. Conflict: it has ended. NotPosted: as in `ask`.
    """
    row = _own(principal, pending_id)
    if row.kind == "count":
        raise UserError("A count that nobody confirmed in time is counted anew, together.")
    assert row.lot is not None and row.ug is not None
    with holding(principal.site_id, row.lot.label):
        _end(principal, row, "withdrawn", "asked again", origin)
        if row.reverses_id is not None:
            ref = row.ref if row.ref.startswith("case-") else ""
            return ask_reversal(principal, row.reverses_id, reason=row.reason, ref=ref, key=key, origin=origin)
        source = Account(row.source_place, row.source_id)  # type: ignore[arg-type]
        said: dict[str, Any] = {"kind": row.kind, "source": source, "ug": row.ug, "reason": row.reason, "ref": row.ref}
        return ask(principal, row.lot.label, key=key, origin=origin, **said)


def withdraw(principal: Principal, pending_id: UUID, *, reason: str, origin: Origin | None = None) -> PendingEnd:
    """
    Take back what one asked for.

    Raises:
        UserError: no reason, or no such request of the principal's. Conflict: it has ended.
    """
    with _pending(_own(principal, pending_id)) as row:
        return _end(principal, row, "withdrawn", reason, origin)


def refuse(principal: Principal, pending_id: UUID, *, reason: str, origin: Origin | None = None) -> PendingEnd:
    """
    Say that one did not see what one is asked to confirm; nothing is posted.

    Raises:
        Forbidden: by the one who asked, or by no nurse or prescriber. UserError: no reason. Conflict: it has ended.
    """
    handler(principal)
    with _pending(_asked(principal, pending_id)) as row:
        if row.by_id == principal.user_id:
            raise Forbidden("You asked for this yourself: withdraw it instead.")
        return _end(principal, row, "refused", reason, origin)


def confirm(principal: Principal, pending_id: UUID, *, proved_at: datetime, origin: Origin | None = None) -> PendingEnd:
    """
    A second person saw it, signed in as themselves, and proved who they are after it was asked: it is posted.

    Args:
        proved_at: when the principal last proved who they are, by the server. One such act confirms one thing.

    Raises:
        NotPosted: by the one who asked, by no nurse or prescriber on shift, with a proof of before or used before, or
            too late: it is asked again. Conflict: it has ended.
    """
    with _pending(_asked(principal, pending_id)) as row:
        if (end := PendingEnd.objects.filter(of=row).first()) is not None:
            return or_conflict(end, end.how == "posted" and end.by_id == principal.user_id)
        now = timezone.now()
        if principal.user_id == row.by_id:
            raise NotPosted(Refused("HAZ-59", "You cannot witness your own waste: ask a second person."))
        if proved_at < row.at:
            raise NotPosted(Refused("HAZ-59", "Prove who you are anew for this one: your last proof was before it."))
        used = proof_id(principal, proved_at)
        if PendingEnd.objects.filter(proof=used).exists():
            raise NotPosted(Refused("HAZ-59", "You used this proof for something else: prove who you are again."))
        proof = led.Proof(used, staff_of(principal), row.key, proved_at)
        if row.kind == "count":
            _count(principal, row, proof, now, origin)
        else:
            _witnessed(principal, row, proof, now, origin)
        return PendingEnd.objects.create(
            of=row, how="posted", by_id=principal.user_id, name=principal.name, proof=used, at=now
        )


def proof_id(principal: Principal, proved_at: datetime) -> str:
    """The id of one act of proving who one is: whose, and when by the server."""
    at = proved_at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(f"{principal.user_id} {at}".encode()).hexdigest()


def _witnessed(
    principal: Principal, row: PendingPosting, proof: led.Proof, now: datetime, origin: Origin | None
) -> None:
    assert row.lot is not None and row.ug is not None
    book = selectors.ledger_of(row.lot)
    by = Staff(str(row.by_id), row.name, Role(row.role))
    if row.reverses is not None:
        first = selectors.pure_posting(row.reverses, row.lot)
        posting = replace(led.contra(first, row.key, by, row.at, row.reason, proof), ref=row.ref)
    else:
        source = Account(row.source_place, row.source_id)  # type: ignore[arg-type]
        drug: Drug = row.lot.drug  # type: ignore[assignment]
        target, kind = TARGETS[row.kind], row.kind
        posting = led.Posting(
            row.key,
            kind,  # type: ignore[arg-type]
            row.lot.label,
            source,
            target,
            row.ug,
            by,
            row.at,
            drug,
            row.ref,
            row.reason,
            proof,
        )
    write(principal, row.lot, book, posting, custody_of(principal, now), origin)


def _count(principal: Principal, row: PendingPosting, proof: led.Proof, now: datetime, origin: Origin | None) -> None:
    by, custody = Staff(str(row.by_id), row.name, Role(row.role)), custody_of(principal, now)
    if not (proof.staff.role in led.HANDLERS and (now - row.at).total_seconds() <= custody.proof_min * 60):
        raise NotPosted(Refused("HAZ-59", "Nobody confirmed this count in time: count anew, together."))
    rules = selectors.rules(row.day)
    for lot in Lot.objects.filter(site=row.site_id, label__in=list(row.lines)).order_by("pk"):
        ug, number = row.lines[lot.label]
        key = f"{row.key}:{lot.pk}"
        then = selectors.ledger_of(lot, upto=number)  # what was given since is no gap
        count = led.Count(key, lot.label, ug, by, proof.staff, row.at, row.moment, row.inventory)  # type: ignore[arg-type]
        made = led.counted(then, count, replace(custody, day=row.day), rules.business_days)
        if isinstance(made, Refused):
            raise NotPosted(made)
        kept = Count.objects.create(
            site_id=row.site_id,
            lot=lot,
            key=key,
            counted_ug=ug,
            moment=row.moment,
            inventory=row.inventory,
            second_id=principal.user_id,
            second_name=proof.staff.name,
            second_role=proof.staff.role,
            proof=proof.id,
            proof_at=proof.at,
            at=row.at,
            day=row.day,
            number=number,
            seal=led.last_seal(then, lot.label),
            **signed(by),
        )
        audit_lot(principal, lot, None, "counted", origin)
        for case in made.cases[len(then.cases) :]:
            Discrepancy.objects.create(
                count=kept,
                site_id=row.site_id,
                lot=lot,
                case=case.id,
                gap_ug=case.gap_ug,
                found=case.found,
                owner_id=row.by_id,
                owner_name=by.name,
                owner_role=by.role,
                notice_by=case.notice_by,
            )
            audit_lot(principal, lot, None, "case opened", origin)


def _open_case(lot: Lot, case: str) -> None:
    """What explains a gap is posted for a case of the lot that is open."""
    if case.startswith("case-") and not Discrepancy.objects.filter(lot=lot, case=case, closing=None).exists():
        raise UserError("The case is not an open one of this lot: choose one of the list, or none.")


def _ask(
    principal: Principal,
    lot: Lot,
    book: led.Ledger,
    posting: led.Posting,
    origin: Origin | None,
    *,
    reverses: Posting | None = None,
) -> PendingPosting:
    said = {
        "kind": posting.kind,
        "lot": lot,
        "source_place": posting.source.place,
        "source_id": posting.source.id,
        "ug": posting.ug,
        "ref": posting.ref,
        "reason": posting.reason,
        "reverses": reverses,
    }
    if (earlier := PendingPosting.objects.filter(site=lot.site_id, key=posting.key).first()) is not None:
        same = all(getattr(earlier, name) == value for name, value in said.items())
        return or_conflict(earlier, same and earlier.by_id == principal.user_id)
    if not posting.reason:
        raise UserError("The reason is empty: say why, the second person reads it.")
    if (why := led.askable(book, posting, custody_of(principal, posting.at))) is not None:
        raise NotPosted(why)
    if Posting.objects.filter(site=lot.site_id, key=posting.key).exists():
        raise Conflict(CHANGED)
    row = PendingPosting.objects.create(
        site_id=lot.site_id,
        key=posting.key,
        at=posting.at,
        day=selectors.day_at(lot.site_id, posting.at),
        **said,
        **signed(posting.by),
    )
    _audit_asked(principal, row, f"{row.kind} asked", origin)
    return row


def _own(principal: Principal, pending_id: UUID) -> PendingPosting:
    row = _asked(principal, pending_id)
    if row.by_id != principal.user_id:
        raise Forbidden("Somebody else asked for this: they withdraw it, or a second person refuses it.")
    return row


def _asked(principal: Principal, pending_id: UUID) -> PendingPosting:
    found = PendingPosting.objects.filter(site=principal.site_id, pk=pending_id)
    row = found.select_related("lot", "reverses", "reverses__reverses").first()
    if row is None:
        raise UserError("There is nothing here that waits for a second person: reload the page.")
    return row


@contextmanager
def _pending(row: PendingPosting) -> Iterator[PendingPosting]:
    """Hold the lot, or the lots, of what waits: it ends once."""
    labels = list(row.lines) if row.lot is None else [row.lot.label]
    with all_held(row.site_id, labels):
        yield row


def _end(principal: Principal, row: PendingPosting, how: str, reason: str, origin: Origin | None) -> PendingEnd:
    if not reason.strip():
        raise UserError("The reason is empty: say why nothing is posted.")
    if PendingEnd.objects.filter(of=row).exists():
        raise Conflict("This has ended already: nothing was changed.")
    made = PendingEnd.objects.create(
        of=row, how=how, by_id=principal.user_id, name=principal.name, reason=reason.strip(), at=timezone.now()
    )
    _audit_asked(principal, row, f"{row.kind} {how}", origin)
    return made


def _audit_asked(principal: Principal, row: PendingPosting, what: str, origin: Origin | None) -> None:
    event = Event("ledger", "C", entity=f"PendingPosting/{row.pk}", reason=what)
    audit.record(row.site_id, [event], principal=principal, origin=origin)
