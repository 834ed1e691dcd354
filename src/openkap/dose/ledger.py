"""
The drug ledger: double entry in whole micrograms, only ever added to.

Every posting takes from one account and gives to another, so that all accounts together are always nought and a balance
is the sum of its postings. A mistake is undone by a contra-posting. Waste has a live second witness. Nothing goes home
unless the site switched it on.

Source: LEDGER-*; hazards 58, 59, 60
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from openkap.dose.types import Refused, Staff
from openkap.kernel.clock import Span
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, number
from openkap.people.types import Role
from openkap.plan.types import Drug

Place = Literal["supplier", "stock", "vial", "drawn", "given", "waste", "returned", "lost", "home"]
Kind = Literal["receive", "open", "draw", "give", "waste", "return", "lose", "send-home", "reverse"]
Form = Literal["vial", "lozenge", "device"]
Basis = Literal["base", "hydrochloride"]

# What each kind takes from and gives to. Lozenges and devices are drawn whole, straight from stock.
MOVES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "receive": (frozenset({"supplier"}), frozenset({"stock"})),
    "open": (frozenset({"stock"}), frozenset({"vial"})),
    "draw": (frozenset({"vial", "stock"}), frozenset({"drawn"})),
    "give": (frozenset({"drawn"}), frozenset({"given"})),
    "waste": (frozenset({"stock", "vial", "drawn"}), frozenset({"waste"})),
    "return": (frozenset({"stock"}), frozenset({"returned"})),
    "lose": (frozenset({"stock", "vial", "drawn"}), frozenset({"lost"})),
    "send-home": (frozenset({"stock"}), frozenset({"home"})),
}
WITNESSED = frozenset({"waste", "lose", "reverse"})
USING = frozenset({"open", "draw", "give", "send-home"})  # a lot that is expired, recalled or unlisted is not used
HANDLERS = frozenset({Role.PRESCRIBER, Role.NURSE})
OPEN_PLACES = ("vial", "drawn")


@dataclass(frozen=True, slots=True)
class Account:
    """Where drug is: `stock` by lot, `vial` by its number, `drawn` and `given` by session, the others as a whole."""

    place: Place
    id: str = ""


@dataclass(frozen=True, slots=True)
class Lot:
    """
    A lot as it was received.

    Args:
        id: its number, as the label says.
        unit_ug: what one container holds; ug_per_ml: its strength.
        expires: its last day; recalled_on: since when it is locked.
        basis: what the label's strength counts. Orders are in base, and nothing is ever converted here: a lot that is
            labelled in hydrochloride is counted, returned and wasted as labelled, and not used.
    """

    id: str
    drug: Drug
    form: Form
    unit_ug: int
    expires: date
    basis: Basis
    ug_per_ml: int | None = None
    recalled_on: date | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A witness's own fresh proof of who they are, made for one posting and used once."""

    id: str
    staff: Staff
    posting: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Posting:
    """
    One movement.

    Args:
        key: made by the device before the first attempt; a repeat is the same posting.
        ug: whole micrograms, above 0.
        ref: session, discrepancy, delivery note.
        reverses: key of the posting that this one undoes.
    """

    key: str
    kind: Kind
    lot: str
    source: Account
    target: Account
    ug: int
    by: Staff
    at: datetime
    drug: Drug
    ref: str = ""
    reason: str = ""
    proof: Proof | None = None
    reverses: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """What two people counted of a lot, without seeing its balance."""

    key: str
    lot: str
    counted_ug: int
    by: Staff
    second: Staff
    at: datetime
    moment: Literal["open", "close"]
    inventory: bool = False


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A gap between count and balance: an open case with an owner and a day by which notice is due."""

    id: str
    lot: str
    gap_ug: int
    found: date
    owner: Staff
    notice_by: date
    closed: str = ""


@dataclass(frozen=True, slots=True)
class LossNotice:
    """The written notice of a theft or loss, and Form 106, as they were sent."""

    case: str
    by: Staff
    written_on: date
    to: str
    form_106: str = ""


@dataclass(frozen=True, slots=True)
class Custody:
    """
    What a posting is judged by.

    Args:
        day: on the site's calendar; on_shift: ids of people on shift and allowed to handle the drug.
        proof_min: how old a witness's proof may be, minutes.
        now: the server's instant; a device's or a person's own time is not believed for a witness.
        home_reason: why the site lets doses go home; empty: it does not.
        is_in: what is charted as given is in the person already. A recall or an expiry that came after it was drawn
            keeps it out of no record.
    """

    day: date
    on_shift: frozenset[str]
    proof_min: int
    now: datetime
    home_reason: str = ""
    is_in: bool = False


@dataclass(frozen=True)
class Ledger:
    """
    Lots, postings, counts, cases and notices, in the order in which they came.

    Args:
        seals: one for each posting, over it and the seal before of the same lot, the first over the lot itself: a
            posting that was changed no longer fits its seal, and without the site's secret nobody makes another.
    """

    lots: Mapping[str, Lot] = field(default_factory=dict)
    postings: tuple[Posting, ...] = ()
    counts: tuple[Count, ...] = ()
    cases: tuple[Discrepancy, ...] = ()
    notices: tuple[LossNotice, ...] = ()
    seals: tuple[str, ...] = ()


def micrograms(dose: DoseMg) -> int:
    """A dose in whole micrograms. Raises UserError where it is not a whole number of them."""
    ug = dose.mg * 1000
    if ug != ug.to_integral_value():
        raise UserError(f"{dose} is no whole number of micrograms: round it at the syringe.")
    return int(ug)


def milligrams(ug: int) -> str:
    """Micrograms in milligrams, as numbers are always shown."""
    return number(Decimal(ug) / 1000)


def balances(ledger: Ledger) -> Counter[tuple[str, Account]]:
    """Micrograms by lot and account, from the postings alone; all together they are nought."""
    found: Counter[tuple[str, Account]] = Counter()
    for posting in ledger.postings:
        found[posting.lot, posting.source] -= posting.ug
        found[posting.lot, posting.target] += posting.ug
    return found


def post(ledger: Ledger, posting: Posting, custody: Custody, secret: bytes) -> Ledger | Refused:
    """
    The ledger with a posting, or why it may not be. A repeat of a posting changes nothing.

    Args:
        secret: of the site, kept where the store is not.
    """
    first = next((p for p in ledger.postings if p.key == posting.key), None)
    if first is not None:
        return ledger if first == posting else Refused("HAZ-14", "This entry was used before: enter it anew.")
    for judge in (*BEFORE_WITNESS, _witness):
        if (why := judge(ledger, posting, custody)) is not None:
            return why
    sealed = seal(ledger.lots[posting.lot], last_seal(ledger, posting.lot), posting, secret)
    return replace(ledger, postings=(*ledger.postings, posting), seals=(*ledger.seals, sealed))


def askable(ledger: Ledger, posting: Posting, custody: Custody) -> Refused | None:
    """Why a posting may not be whoever witnesses it; None: a second person may be asked."""
    found = (judge(ledger, posting, custody) for judge in BEFORE_WITNESS)
    return next((why for why in found if why is not None), None)


def last_seal(ledger: Ledger, lot: str) -> str:
    """The newest seal of a lot; empty before its first posting."""
    own = [one for one, posting in zip(ledger.seals, ledger.postings, strict=True) if posting.lot == lot]
    return own[-1] if own else ""


def seal(lot: Lot, before: str, posting: Posting, secret: bytes) -> str:
    """
    The seal of a posting: over it, the seal before it, and before the first one the lot as it was received.

    Raises:
        ValueError: no secret; a seal that anybody can make seals nothing.
    """
    if not secret:
        raise ValueError("no secret to seal with")
    proof = posting.proof
    said: dict[str, Any] = {
        "before": before or [lot.id, lot.drug, lot.form, lot.unit_ug, lot.ug_per_ml, lot.basis, str(lot.expires)],
        "key": posting.key,
        "kind": posting.kind,
        "lot": posting.lot,
        "from": [posting.source.place, posting.source.id],
        "to": [posting.target.place, posting.target.id],
        "ug": posting.ug,
        "by": _signed(posting.by),
        "at": _instant(posting.at),
        "drug": posting.drug,
        "ref": posting.ref,
        "reason": posting.reason,
        "proof": proof and [proof.id, _signed(proof.staff), proof.posting, _instant(proof.at)],
        "reverses": posting.reverses,
    }
    return hmac.new(secret, json.dumps(said, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def _signed(staff: Staff) -> list[str]:
    return [staff.id, staff.name, str(staff.role)]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def seal_faults(ledger: Ledger, *secrets: bytes) -> tuple[str, ...]:
    """
    What of the postings is not as it was sealed, in sentences; empty where all is whole.

    A posting that was changed, left out or slipped in shows. That the newest ones were cut off shows only against a
    seal that was kept elsewhere: with a count, in the audit trail, on a printed sheet.

    Args:
        secrets: the site's, and those it had before.
    """
    before: dict[str, str] = {}
    number: Counter[str] = Counter()
    found = []
    if len(ledger.seals) != len(ledger.postings):
        return ("Postings and seals are not equally many.",)
    for posting, kept in zip(ledger.postings, ledger.seals, strict=True):
        number[posting.lot] += 1
        lot, last = ledger.lots[posting.lot], before.get(posting.lot, "")
        if not any(hmac.compare_digest(seal(lot, last, posting, secret), kept) for secret in secrets):
            found.append(f"Posting {number[posting.lot]} of lot {posting.lot} is not as it was sealed.")
        before[posting.lot] = kept
    return tuple(found)


def replayed(ledger: Ledger, custody_of: Mapping[str, Custody], secret: bytes) -> Ledger | Refused:
    """The ledger made anew from its postings, each judged as it was then; it equals the one kept, or says why not."""
    made = Ledger(ledger.lots, (), ledger.counts, ledger.cases, ledger.notices)
    for posting in ledger.postings:
        result = post(made, posting, custody_of[posting.key], secret)
        if isinstance(result, Refused):
            return result
        made = result
    if made.seals != ledger.seals:
        return Refused("HAZ-58", "A posting is not as it was sealed: look at the record of the store.")
    return made


def contra(
    posting: Posting, key: str, by: Staff, at: datetime, reason: str, proof: Proof | None, case: str = ""
) -> Posting:
    """The posting that undoes another one; `case` is the discrepancy that it explains."""
    return replace(
        posting,
        key=key,
        kind="reverse",
        source=posting.target,
        target=posting.source,
        by=by,
        at=at,
        reason=reason,
        proof=proof,
        ref=case or posting.ref,
        reverses=posting.key,
    )


def rests(ledger: Ledger) -> dict[tuple[str, Account], int]:
    """What is open at the end of the day: vials and syringes that are not empty; after the last patient none is."""
    return {key: ug for key, ug in balances(ledger).items() if key[1].place in OPEN_PLACES and ug}


def in_house_ug(ledger: Ledger, lot: str) -> int:
    """What of a lot should be in the house: stock, open vials, syringes."""
    places = ("stock", *OPEN_PLACES)
    return sum(ug for (of, account), ug in balances(ledger).items() if of == lot and account.place in places)


def unexplained(ledger: Ledger, session: str, charted: Mapping[str, DoseMg]) -> dict[str, int]:
    """
    What ledger and chart of one session do not agree on, in micrograms by lot; empty where they do.

    Args:
        charted: what the session says was given, by lot (`record.totals`).
    """
    given: Counter[str] = Counter()
    for (lot, account), ug in balances(ledger).items():
        if account == Account("given", session):
            given[lot] += ug
    lots = {*given, *charted}
    gaps = {lot: given[lot] - (micrograms(charted[lot]) if lot in charted else 0) for lot in sorted(lots)}
    return {lot: gap for lot, gap in gaps.items() if gap}


# -- counts, discrepancies, notices, inventory -----------------------------------------------------------


def sheet(ledger: Ledger) -> tuple[tuple[str, Drug, Form], ...]:
    """What the two who count are given: lots with product and form, no balance."""
    return tuple((lot.id, lot.drug, lot.form) for lot in ledger.lots.values())


def counted(
    ledger: Ledger, count: Count, custody: Custody, business_days: int, holidays: frozenset[date] = frozenset()
) -> Ledger | Refused:
    """
    The ledger with a count; a gap of one microgram opens a case that its first counter owns.

    Args:
        business_days: after discovery, by when notice is due (LEDGER-LOSS); holidays: of the site.
    """
    first = next((one for one in ledger.counts if one.key == count.key), None)
    if first is not None:
        return ledger if first == count else Refused("HAZ-14", "This count was entered before: enter it anew.")
    if count.lot not in ledger.lots:
        return Refused("HAZ-60", f"Lot {count.lot} is not in stock: receive it, or correct the lot.")
    if count.by.id == count.second.id or not {count.by.id, count.second.id} <= custody.on_shift:
        return Refused("HAZ-58", "Two different people on shift count together.")
    if count.counted_ug < 0:
        return Refused("HAZ-58", "A count cannot be below 0.")
    made = replace(ledger, counts=(*ledger.counts, count))
    gap = count.counted_ug - in_house_ug(ledger, count.lot)
    if gap == 0:
        return made
    due = business_day(custody.day, business_days, holidays)
    case = Discrepancy(f"case-{count.key}", count.lot, gap, custody.day, count.by, due)
    return replace(made, cases=(*made.cases, case))


def close_case(ledger: Ledger, case: str, by: Staff, reason: str) -> Ledger | Refused:
    """
    A case is closed by a prescriber who did not open it, with the reason, once the gap is explained.

    Explained means that postings made for the case come to the gap, or that a later count of the lot found none. That
    the balance happens to be what was counted explains nothing. A loss also needs its notice.
    """
    found = next((one for one in ledger.cases if one.id == case and not one.closed), None)
    if found is None:
        return Refused("HAZ-58", "There is no such open case.")
    if by.role is not Role.PRESCRIBER or by.id == found.owner.id or not reason.strip():
        return Refused("HAZ-58", "A prescriber other than the owner closes it, with a reason.")
    if not explained(ledger, found):
        return Refused("HAZ-58", "The gap is not explained: post what explains it for this case, or count again.")
    lost = any(p.kind == "lose" and p.ref == case for p in ledger.postings)
    if lost and not any(notice.case == case for notice in ledger.notices):
        return Refused("LEDGER-LOSS", "Record the notice of the loss first.")
    done = replace(found, closed=f"{by.name}: {reason}")
    return replace(ledger, cases=tuple(done if one.id == case else one for one in ledger.cases))


def explained(ledger: Ledger, case: Discrepancy) -> bool:
    """True if postings made for a case come to its gap, or a later count of the lot found none."""
    house = ("stock", *OPEN_PLACES)
    posted = [p for p in ledger.postings if p.ref == case.id and p.lot == case.lot]
    moved = sum(p.ug * ((p.target.place in house) - (p.source.place in house)) for p in posted)
    if posted and moved == case.gap_ug:
        return True
    opened = {one.id for one in ledger.cases}
    keys = [f"case-{one.key}" for one in ledger.counts if one.lot == case.lot]
    return any(key not in opened for key in keys[keys.index(case.id) + 1 :])


def overdue(ledger: Ledger, day: date) -> tuple[Discrepancy, ...]:
    """Open cases whose day of notice has passed without one."""
    noticed = {notice.case for notice in ledger.notices}
    return tuple(one for one in ledger.cases if not one.closed and one.id not in noticed and day > one.notice_by)


def business_day(day: date, days: int, holidays: frozenset[date] = frozenset()) -> date:
    """So many days after this one that are neither at a weekend nor a holiday."""
    for _ in range(days):
        day += timedelta(days=1)
        while day.weekday() >= 5 or day in holidays:
            day += timedelta(days=1)
    return day


def inventory_due(ledger: Ledger, day: date, months: int) -> bool:
    """True if a lot in the house was not in the inventory lately; one that came in since waits for the next."""
    taken = [(one.lot, one.at.date()) for one in ledger.counts if one.inventory]
    oldest = Span(months, "mo").before(day)
    if not taken or max(on for _, on in taken) < oldest:
        return True
    for lot in (one for one in ledger.lots if in_house_ug(ledger, one)):
        came = min(p.at.date() for p in ledger.postings if p.lot == lot)
        counted_on = [on for of, on in taken if of == lot] or [came] * (came > min(on for _, on in taken))
        if not counted_on or max(counted_on) < oldest:
            return True
    return False


def keep_until(posting: Posting, years: int) -> date:
    """Until when a record must stay at hand, at least."""
    return date(posting.at.year + years, 12, 31)


def witnesses(ledger: Ledger) -> Counter[tuple[str, str]]:
    """How often which two wasted together: for the report of patterns (HAZ-59)."""
    return Counter((p.by.id, p.proof.staff.id) for p in ledger.postings if p.kind == "waste" and p.proof)


# -- why a posting may not be ----------------------------------------------------------------------------


def _form(_: Ledger, posting: Posting, __: Custody) -> Refused | None:
    if not isinstance(posting.ug, int) or posting.ug <= 0:
        return Refused("LEDGER", "The amount must be a whole number of micrograms above 0.")
    if posting.kind == "reverse":
        return None
    sources, targets = MOVES[posting.kind]
    if posting.source.place in sources and posting.target.place in targets:
        return _accounts(posting)
    text = f"{posting.kind} does not go from {posting.source.place} to {posting.target.place}."
    return Refused("LEDGER", text)


def _accounts(posting: Posting) -> Refused | None:
    """Stock is the stock of the posting's lot, and what was drawn for one session is given in that one."""
    if any(one.place == "stock" and one.id != posting.lot for one in (posting.source, posting.target)):
        return Refused("LEDGER", "The stock named is not that of the lot.")
    if posting.kind == "give" and posting.source.id != posting.target.id:
        return Refused("HAZ-01", "What was drawn for one session is not given in another.")
    return None


def _person(_: Ledger, posting: Posting, custody: Custody) -> Refused | None:
    if posting.by.role in HANDLERS and posting.by.id in custody.on_shift:
        return None
    return Refused("HAZ-59", "Only a prescriber or nurse on shift handles the drug.")


def _lot(ledger: Ledger, posting: Posting, custody: Custody) -> Refused | None:
    lot = ledger.lots.get(posting.lot)
    if lot is None:
        return Refused("HAZ-60", f"Lot {posting.lot} is not in stock: receive it, or correct the lot.")
    if lot.drug != posting.drug:
        return Refused("HAZ-13", f"Lot {lot.id} is {lot.drug}, not {posting.drug}: take the right product.")
    if posting.kind in USING and lot.basis != "base":
        text = f"Lot {lot.id} is labelled in hydrochloride: enter its strength as the base equivalent on its label."
        return Refused("LEDGER", text)
    if posting.kind == "give" and custody.is_in:
        return None
    if posting.kind in USING and lot.expires < custody.day:
        return Refused("HAZ-60", f"Lot {lot.id} expired on {lot.expires.isoformat()}: take another.")
    if posting.kind in USING and lot.recalled_on is not None:
        return Refused("HAZ-60", f"Lot {lot.id} was recalled on {lot.recalled_on.isoformat()}: lock it away.")
    return None


def _container(ledger: Ledger, posting: Posting, _: Custody) -> Refused | None:
    """A vial is opened whole and once; lozenges and devices are drawn whole, a liquid from an open vial."""
    lot = ledger.lots[posting.lot]
    whole = posting.ug % lot.unit_ug == 0
    if posting.kind == "open" and (lot.form != "vial" or posting.ug != lot.unit_ug):
        return Refused("LEDGER", f"One vial of lot {lot.id} is opened whole: {milligrams(lot.unit_ug)} mg.")
    if posting.kind == "open" and any(p.kind == "open" and p.target == posting.target for p in ledger.postings):
        return Refused("LEDGER", f"Vial {posting.target.id} is open already: give the next one its own number.")
    if posting.kind == "draw" and (posting.source.place == "vial") is not (lot.form == "vial"):
        return Refused("LEDGER", "A liquid is drawn from an open vial, a lozenge or device from stock.")
    if posting.kind in ("receive", "return") and not whole:
        return Refused("LEDGER", f"Lot {lot.id} comes and goes in whole containers of {milligrams(lot.unit_ug)} mg.")
    if posting.kind == "draw" and lot.form != "vial" and not whole:
        return Refused("LEDGER", f"Lot {lot.id} is given whole: {milligrams(lot.unit_ug)} mg each.")
    return None


def _contra(ledger: Ledger, posting: Posting, _: Custody) -> Refused | None:
    """A contra-posting is the exact opposite of one that exists, once, with a reason."""
    if (posting.kind == "reverse") is not bool(posting.reverses):
        return Refused("LEDGER", "Only a contra-posting names the posting that it undoes, and it must.")
    if not posting.reverses:
        return None
    first = next((p for p in ledger.postings if p.key == posting.reverses and p.kind != "reverse"), None)
    if first is None or any(p.reverses == posting.reverses for p in ledger.postings):
        return Refused("LEDGER", "There is no such posting, or it was undone before.")
    opposite = (first.lot, first.target, first.source, first.ug)
    if (posting.lot, posting.source, posting.target, posting.ug) != opposite or not posting.reason.strip():
        return Refused("LEDGER", "A contra-posting is the exact opposite, with a reason.")
    return None


def _home(ledger: Ledger, posting: Posting, custody: Custody) -> Refused | None:
    if posting.kind == "send-home" and (not custody.home_reason or ledger.lots[posting.lot].drug == "esketamine"):
        return Refused("LEDGER-HOME", "No dose goes home from this site.")
    return None


def _witness(ledger: Ledger, posting: Posting, custody: Custody) -> Refused | None:
    """Another person, on shift, allowed, who proved it for this posting just now (HAZ-59)."""
    if posting.kind not in WITNESSED:
        return None
    proof = posting.proof
    if proof is None:
        return Refused("HAZ-59", "A second person must witness this.")
    if proof.staff.id == posting.by.id:
        return Refused("HAZ-59", "You cannot witness your own waste: ask a second person.")
    if proof.staff.role not in HANDLERS or proof.staff.id not in custody.on_shift:
        return Refused("HAZ-59", "The witness must be a prescriber or nurse on shift.")
    if proof.posting != posting.key or any(p.proof and p.proof.id == proof.id for p in ledger.postings):
        return Refused("HAZ-59", "The witness's proof was made for something else: sign this one.")
    most = timedelta(minutes=custody.proof_min)
    if not (timedelta(0) <= custody.now - proof.at <= most and abs(custody.now - posting.at) <= most):
        return Refused("HAZ-59", "The witness's proof is not of now: sign again, beside each other.")
    return None


def _enough(ledger: Ledger, posting: Posting, _: Custody) -> Refused | None:
    if posting.source.place == "supplier":
        return None
    there = balances(ledger)[posting.lot, posting.source]
    if posting.ug <= there:
        return None
    name = f"{posting.source.place} {posting.source.id}".strip()
    return Refused("HAZ-58", f"{name} holds {milligrams(there)} mg, not {milligrams(posting.ug)} mg: count it.")


BEFORE_WITNESS = (_form, _person, _lot, _container, _contra, _home, _enough)
