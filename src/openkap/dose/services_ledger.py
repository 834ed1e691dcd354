"""
Lots, what sessions draw and give, and cases of the drug ledger. Each service is one transaction that holds the lot,
judges the posting by the pure ledger, writes it with its seal and audits it; a repeat gives what it gave before.

    session_draw(...)  session_give(...)     what a watched session calls inside its own transaction

What needs a second person stands in `services_witness.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose.floor import staff_of
from openkap.dose.ledger import Account
from openkap.dose.models_ledger import CaseClosing, Discrepancy, HomeRule, LossNotice, Lot, Posting, Recall
from openkap.dose.products import product_of, products, strength
from openkap.dose.services_posting import (
    NotPosted,
    audit_lot,
    custody_of,
    earlier,
    handler,
    hold_site,
    holding,
    lot_of,
    post_once,
    posting_by,
    signed,
    write,
)
from openkap.dose.types import Refused
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.types import Principal, Role
from openkap.plan.types import Drug

SUPPLIER, RETURNED = Account("supplier"), Account("returned")


# -- what a session posts --------------------------------------------------------------------------------


def session_draw(
    principal: Principal,
    *,
    label: str,
    session: UUID | str,
    drug: Drug,
    ug: int,
    key: str,
    origin: Origin | None = None,
) -> list[Posting]:
    """
    What was drawn for a session: from the open vials of the lot, the one opened first first; lozenges and devices
    whole from stock. Call it in the transaction of the event, after the row of the session is locked.

    Args:
        label: number of the lot; session: id of the DosingSession; drug: that of the order; ug: of base.
        key: of the event. A repeat gives the postings that were made.

    Raises:
        NotPosted: the ledger refuses (lot unknown, expired, recalled, another drug, not enough open); nothing was
            written. Conflict: the key was used for something else.
    """
    to = Account("drawn", str(session))
    with holding(principal.site_id, label) as (lot, book):
        if (before := earlier(principal, key, lot, ug=ug, target=to, kind="draw")) is not None:
            return before
        now, balance = timezone.now(), led.balances(book)
        sources = [Account("stock", lot.label)]
        if lot.form == "vial":
            sources = [one for one in _opened(book) if balance[lot.label, one] > 0]
            there = sum(balance[lot.label, one] for one in sources)
            if there < ug:
                raise NotPosted(Refused("HAZ-58", _too_little(lot, there, ug)))
        made: list[Posting] = []
        custody, left, after = custody_of(principal, now), ug, book
        for source in sources:
            part = left if lot.form != "vial" else min(left, balance[lot.label, source])
            name = f"{key}.{len(made) + 1}" if made else key
            posting = posting_by(principal, lot, name, "draw", (source, to), part, at=now, ref=str(session), drug=drug)
            row, after = write(principal, lot, after, posting, custody, origin)
            made.append(row)
            left -= part
            if not left:
                break
    return made


def session_give(
    principal: Principal,
    *,
    label: str,
    session: UUID | str,
    drug: Drug,
    ug: int,
    key: str,
    is_in: bool = True,
    origin: Origin | None = None,
) -> Posting:
    """
    What a session gave of what was drawn for it. What stays in the syringe is wasted before a witness. Call it in the
    transaction of the event.

    Args:
        label, session, drug, ug, key: as in `session_draw`.
        is_in: the drug is in the person already (Finish, Stop): a recall or expiry since the draw keeps it out of no
            record. False at a Start that may still be refused.

    Raises:
        NotPosted: the ledger refuses: more than was drawn, another drug, not on shift. Conflict: as in `session_draw`.
    """
    source, to = Account("drawn", str(session)), Account("given", str(session))
    with holding(principal.site_id, label) as (lot, book):
        if (before := earlier(principal, key, lot, ug=ug, target=to, kind="give")) is not None:
            return before[0]
        now = timezone.now()
        posting = posting_by(principal, lot, key, "give", (source, to), ug, at=now, ref=str(session), drug=drug)
        row, _ = write(principal, lot, book, posting, replace(custody_of(principal, now), is_in=is_in), origin)
    return row


def _opened(book: led.Ledger) -> list[Account]:
    """Vials in the order in which they were opened; one whose opening was undone holds nothing and is among them."""
    return list(dict.fromkeys(one.target for one in book.postings if one.kind == "open"))


def _too_little(lot: Lot, there: int, ug: int) -> str:
    if not there:
        return f"No vial of lot {lot.label} is open: open one, then draw."
    there_mg, mg = led.milligrams(there), led.milligrams(ug)
    return f"Open vials of lot {lot.label} hold {there_mg} mg and not {mg} mg: open another, then draw."


# -- lots ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Label:
    """
    A lot as its label describes it.

    Args:
        basis: what the strength on the label counts: base or hydrochloride.
    """

    label: str
    drug: Drug
    form: led.Form
    unit_ug: int
    ug_per_ml: int | None
    basis: led.Basis
    expires: date


def receive(
    principal: Principal, lot: Label, *, containers: int, ref: str, key: str, origin: Origin | None = None
) -> Posting:
    """
    Containers came from the supplier, of a lot that is new or listed as just so.

    Args:
        ref: the delivery note.

    Raises:
        UserError: no number, no content, a liquid without a strength, no container.
        Conflict: the lot is listed otherwise: one of the two labels was misread.
        NotPosted: no such product (PROD), or not by a nurse or prescriber on shift.
    """
    if not lot.label.strip() or lot.unit_ug <= 0 or containers <= 0:
        raise UserError("Lot number, content of a container and number of containers must be given, above 0.")
    if (lot.form == "vial") is (lot.ug_per_ml is None):
        raise UserError("The strength is that of a liquid: enter it for a vial in mg per mL, and for nothing else.")
    with transaction.atomic():
        now = timezone.now()
        said = {name: getattr(lot, name) for name in ("drug", "form", "unit_ug", "ug_per_ml", "basis", "expires")}
        hold_site(principal.site_id)  # two who list the same lot at once
        row = Lot.objects.filter(site=principal.site_id, label=lot.label).first()
        if row is not None and any(getattr(row, name) != value for name, value in said.items()):
            raise Conflict(
                f"Lot {lot.label} is listed with another product, content, strength or expiry: compare labels."
            )
        if row is None:
            _listed(lot)
            row = Lot.objects.create(
                site_id=principal.site_id, label=lot.label, at=now, by_id=principal.user_id, **said
            )
            audit_lot(principal, row, None, "listed", origin)
        ug = containers * lot.unit_ug
        ends = SUPPLIER, Account("stock", row.label)
        return post_once(principal, row.label, key, "receive", ends, ug, ref=ref, origin=origin)


def _listed(lot: Label) -> None:
    """A lot that may be drawn is of a product (HAZ-13); one labelled in hydrochloride is only counted and returned."""
    if lot.basis == "base" and not product_of(lot.drug, lot.form, lot.unit_ug, lot.ug_per_ml):
        mine = "; ".join(f"{row.shown} {row.title}, {strength(row)}" for row in products() if row.drug == lot.drug)
        raise NotPosted(Refused("HAZ-13", f"No such product is listed: {lot.drug} is {mine}. Read the label again."))


@transaction.atomic
def recall(principal: Principal, label: str, *, notice: str, origin: Origin | None = None) -> Recall:
    """
    Lock a lot at once. Any nurse or prescriber may, on shift or not; there is no way back.

    Raises:
        Forbidden: by somebody else. UserError: no notice named. Conflict: it was recalled already.
    """
    staff = handler(principal)
    if not notice.strip():
        raise UserError("The notice of the recall is empty: write whose it is and its number or day.")
    with holding(principal.site_id, label) as (lot, _):
        if Recall.objects.filter(lot=lot).exists():
            raise Conflict(f"Lot {label} was recalled already: nothing was changed.")
        now = timezone.now()
        row = Recall.objects.create(
            lot=lot,
            on=selectors.day_at(principal.site_id, now),
            notice=notice.strip(),
            at=now,
            by_id=principal.user_id,
            name=staff.name,
        )
        audit_lot(principal, lot, None, "recalled", origin)
    return row


def open_vial(principal: Principal, label: str, *, key: str, origin: Origin | None = None) -> Posting:
    """
    Open one vial; the ledger numbers it, and the number is written on the vial.

    Raises:
        NotPosted: no vial is left, the lot is not used, or not by a nurse or prescriber on shift.
    """
    with holding(principal.site_id, label) as (lot, book):
        stock = Account("stock", lot.label)
        before = earlier(principal, key, lot, ug=lot.unit_ug, kind="open")
        if before is not None:
            return before[0]
        number = sum(posting.kind == "open" for posting in book.postings) + 1
        vial, now = Account("vial", f"{lot.label}-{number}"), timezone.now()
        posting = posting_by(principal, lot, key, "open", (stock, vial), lot.unit_ug, at=now)
        return write(principal, lot, book, posting, custody_of(principal, now), origin)[0]


def give_back(
    principal: Principal, label: str, *, containers: int, ref: str, key: str, origin: Origin | None = None
) -> Posting:
    """
    Return whole containers to the supplier, or to whom destroys them.

    Raises:
        UserError: no container, or not to whom. NotPosted: more than there are.
    """
    if containers <= 0 or not ref.strip():
        raise UserError(
            "The number of containers, or to whom they go and under which number, is not given: enter both."
        )
    row = lot_of(principal.site_id, label)
    ug = containers * row.unit_ug
    ends = Account("stock", label), RETURNED
    return post_once(principal, label, key, "return", ends, ug, ref=ref.strip(), origin=origin)


def send_home(
    principal: Principal, label: str, *, containers: int, session: UUID | str, key: str, origin: Origin | None = None
) -> Posting:
    """
    Whole lozenges go home with somebody, where the site allows it with a reason (LEDGER-HOME); esketamine never.

    Raises:
        NotPosted: the site does not allow it, or not this drug.
    """
    ug = containers * lot_of(principal.site_id, label).unit_ug
    ends = Account("stock", label), Account("home", str(session))
    return post_once(principal, label, key, "send-home", ends, ug, ref=str(session), origin=origin)


@transaction.atomic
def allow_home(principal: Principal, *, allowed: bool, reason: str, origin: Origin | None = None) -> HomeRule:
    """
    A site admin says whether doses go home from this site, and why. Until then they do not.

    Raises:
        Forbidden: by somebody else. UserError: no reason.
    """
    if not principal.has(Role.SITE_ADMIN):
        raise Forbidden("Only a site admin says whether doses go home: ask one.")
    if not reason.strip():
        raise UserError("The reason is empty: say on which policy of the site doses go home, or no longer do.")
    row = HomeRule.objects.create(
        site_id=principal.site_id,
        allowed=allowed,
        reason=reason.strip(),
        by_id=principal.user_id,
        name=principal.name,
        at=timezone.now(),
    )
    event = Event("setting", "U", entity=f"HomeRule/{row.pk}", reason="doses go home" if allowed else "none goes home")
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
    return row


# -- cases -----------------------------------------------------------------------------------------------


def notify(
    principal: Principal, case: str, *, written_on: date, to: str, form_106: str = "", origin: Origin | None = None
) -> LossNotice:
    """
    Record the written notice of a theft or loss, and the number of Form 106, as they were sent.

    Raises:
        Forbidden: by no prescriber or nurse. UserError: no such open case, not to whom, or on a day to come.
    """
    staff = handler(principal)
    row = _case(principal, case)
    if not to.strip():
        raise UserError("To whom the notice went is empty: write the office.")
    with holding(principal.site_id, row.lot.label) as (lot, _):
        now = timezone.now()
        day = selectors.day_at(principal.site_id, now)
        if not row.found <= written_on <= day:
            raise UserError("The day of the notice is before the gap was found, or still to come: enter when it went.")
        if CaseClosing.objects.filter(of=row).exists():
            raise Conflict("This case is closed: nothing was changed.")
        made = LossNotice.objects.create(
            of=row, written_on=written_on, to=to.strip(), form_106=form_106.strip(), at=now, **signed(staff)
        )
        audit_lot(principal, lot, None, "notice recorded", origin)
    return made


def close(principal: Principal, case: str, *, reason: str, origin: Origin | None = None) -> CaseClosing:
    """
    Close a case whose gap is explained.

    Raises:
        UserError: no such case. NotPosted: by the owner or no prescriber, without a reason, unexplained, or a loss
            without its notice.
    """
    row = _case(principal, case)
    with holding(principal.site_id, row.lot.label) as (lot, book):
        made = led.close_case(book, case, staff_of(principal), reason)
        if isinstance(made, Refused):
            raise NotPosted(made)
        closing = CaseClosing.objects.create(
            of=row, by_id=principal.user_id, name=principal.name, reason=reason.strip(), at=timezone.now()
        )
        audit_lot(principal, lot, None, "case closed", origin)
    return closing


def _case(principal: Principal, case: str) -> Discrepancy:
    row = Discrepancy.objects.filter(site=principal.site_id, case=case).select_related("lot").first()
    if row is None:
        raise UserError("There is no such case here: reload the page.")
    return row
