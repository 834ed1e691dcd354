"""Lots, postings and a day of the pure drug ledger, by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

from openkap.dose import ledger as led
from openkap.dose.ledger import Account, Count, Custody, Ledger, Lot, Posting, Proof
from openkap.dose.tests.sessions import DAY, NURSE, SECOND
from openkap.dose.types import Refused

SECRET = b"of the test site"
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SHIFT = Custody(DAY, frozenset({"n1", "n2", "d1", "d2"}), 5, NOON)
VIAL, LOZENGE, SPRAY = (
    Lot("K50", "ketamine", "vial", 500_000, date(2027, 1, 31), "base", ug_per_ml=50_000),
    Lot("L100", "ketamine", "lozenge", 100_000, date(2027, 1, 31), "base"),
    Lot("E28", "esketamine", "device", 28_000, date(2027, 1, 31), "base"),
)
LOTS = {lot.id: lot for lot in (VIAL, LOZENGE, SPRAY)}
SUPPLIER, WASTE = Account("supplier"), Account("waste")


def stock(lot: str) -> Account:
    return Account("stock", lot)


V1, S1 = Account("vial", "K50-001"), Account("drawn", "s1")


def move(key: str, kind: str, source: Account, target: Account, ug: int, lot: str = "K50", **changes) -> Posting:
    made = Posting(key, kind, lot, source, target, ug, NURSE, NOON, LOTS[lot].drug if lot in LOTS else "ketamine")  # type: ignore[arg-type]
    return replace(made, **changes)


def proof(key: str, staff=SECOND, at=NOON, id_: str = "") -> Proof:
    return Proof(id_ or f"proof-{key}", staff, key, at)


def posted(book: Ledger, *postings: Posting, custody: Custody = SHIFT) -> Ledger:
    for posting in postings:
        made = led.post(book, posting, custody, SECRET)
        assert isinstance(made, Ledger), made
        book = made
    return book


def why(book: Ledger, posting: Posting, custody: Custody = SHIFT) -> str:
    made = led.post(book, posting, custody, SECRET)
    assert isinstance(made, Refused), "it was posted"
    assert re.fullmatch(r"[\w'].+[.]", made.text), made
    return made.rule


def new_book() -> Ledger:
    """Two vials, three lozenges, two sprays in stock."""
    return posted(
        Ledger(LOTS),
        move("r1", "receive", SUPPLIER, stock("K50"), 1_000_000),
        move("r2", "receive", SUPPLIER, stock("L100"), 300_000, "L100"),
        move("r3", "receive", SUPPLIER, stock("E28"), 56_000, "E28"),
    )


def new_day(book: Ledger) -> Ledger:
    """A vial opened, 41 mg drawn and given, the rest wasted before a witness."""
    return posted(
        book,
        move("o1", "open", stock("K50"), V1, 500_000),
        move("d1", "draw", V1, S1, 41_000),
        move("g1", "give", S1, Account("given", "s1"), 41_000),
        move("w1", "waste", V1, WASTE, 459_000, proof=proof("w1")),
    )


def count(ug: int, lot: str = "K50", key: str = "c", moment: str = "close", **changes) -> Count:
    return replace(Count(key, lot, ug, NURSE, SECOND, NOON, moment), **changes)  # type: ignore[arg-type]
