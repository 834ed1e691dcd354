"""The replay of the pure ledger, its seals, and random walks that replay to the same balance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from openkap.dose import ledger as led
from openkap.dose.ledger import Account, Ledger, Posting
from openkap.dose.tests.drugs import (
    LOTS,
    NOON,
    SECRET,
    SHIFT,
    SUPPLIER,
    VIAL,
    WASTE,
    move,
    new_book,
    new_day,
    proof,
    stock,
)
from openkap.dose.tests.sessions import CLERK, DAY, DOCTOR, NURSE, SECOND, THERAPIST


@pytest.fixture
def book() -> Ledger:
    """Two vials, three lozenges, two sprays in stock."""
    return new_book()


@pytest.fixture
def day(book: Ledger) -> Ledger:
    """A vial opened, 41 mg drawn and given, the rest wasted before a witness."""
    return new_day(book)


def test_the_replay_of_the_postings_is_the_ledger(day: Ledger):
    assert led.replayed(day, dict.fromkeys((p.key for p in day.postings), SHIFT), SECRET) == day


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_posting_that_was_changed_or_slipped_in_does_not_replay(day: Ledger):
    custody = dict.fromkeys(("r1", "r2", "r3", "o1", "d1", "g1", "w1"), SHIFT)
    forged = replace(day, postings=(*day.postings[:-1], replace(day.postings[-1], ug=460_000)))
    assert led.replayed(forged, custody, SECRET).rule == "HAZ-58"
    for ug in (458_000, 1_000):
        edited = replace(day, postings=(*day.postings[:-1], replace(day.postings[-1], ug=ug)))
        assert "sealed" in led.replayed(edited, custody, SECRET).text
    cut = led.replayed(replace(day, postings=day.postings[:-1]), custody, SECRET)
    assert cut.rule == "HAZ-58" and "sealed" in cut.text


@pytest.mark.hazard("HAZ-58", "C1")
def test_without_the_secret_nobody_seals_anew(day: Ledger):
    """Who writes the whole store changes a posting and seals all after it, with a secret of their own."""
    assert led.seal_faults(day, SECRET) == ()
    edited = (*day.postings[:4], replace(day.postings[4], ug=40_000), *day.postings[5:])
    forged = Ledger(LOTS)
    for posting in edited:
        sealed = led.seal(LOTS[posting.lot], led.last_seal(forged, posting.lot), posting, b"another")
        forged = replace(forged, postings=(*forged.postings, posting), seals=(*forged.seals, sealed))
    assert led.seal_faults(forged, b"another") == ()
    assert "Posting 1 of lot K50 is not as it was sealed." in led.seal_faults(forged, SECRET)
    kept = replace(forged, seals=day.seals)
    assert led.seal_faults(kept, SECRET) == ("Posting 3 of lot K50 is not as it was sealed.",)
    with pytest.raises(ValueError, match="no secret"):
        led.seal(VIAL, "", day.postings[0], b"")


@pytest.mark.hazard("HAZ-58", "C1")
def test_the_chain_is_that_of_one_lot_and_holds_the_lot_as_it_was_received(day: Ledger):
    alone = Ledger(
        LOTS,
        tuple(p for p in day.postings if p.lot == "K50"),
        seals=tuple(one for one, p in zip(day.seals, day.postings, strict=True) if p.lot == "K50"),
    )
    assert led.seal_faults(alone, SECRET) == ()
    for change in ({"unit_ug": 577_000}, {"basis": "hydrochloride"}, {"expires": date(2030, 1, 1)}, {"ug_per_ml": 1}):
        other = replace(alone, lots={**LOTS, "K50": replace(VIAL, **change)})
        assert led.seal_faults(other, SECRET) == ("Posting 1 of lot K50 is not as it was sealed.",)
    recalled = replace(alone, lots={**LOTS, "K50": replace(VIAL, recalled_on=DAY)})
    assert led.seal_faults(recalled, SECRET) == ()
    assert led.seal_faults(replace(alone, seals=alone.seals[:-1]), SECRET) != ()


class Day(RuleBasedStateMachine):
    """Random movements, right and wrong; beside them a plain sum by place that knows no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Ledger(LOTS)
        self.sums: Counter[tuple[str, Account]] = Counter()
        self.n = 0

    @rule(
        kind=st.sampled_from(
            ["receive", "receive", "open", "draw", "draw", "give", "waste", "return", "lose", "send-home"]
        ),
        lot=st.sampled_from(list(LOTS)),
        vial=st.sampled_from(["1", "2"]),
        session=st.sampled_from(["s1", "s2"]),
        ug=st.sampled_from([1, 28_000, 41_000, 100_000, 500_000, 459_000]),
        by=st.sampled_from([NURSE, SECOND, THERAPIST]),
        witness=st.sampled_from([NURSE, SECOND, DOCTOR, CLERK, None]),
        from_=st.sampled_from(["stock", "vial", "drawn"]),
    )
    def move(self, kind, lot, vial, session, ug, by, witness, from_) -> None:
        self.n += 1
        key = f"k{self.n}"
        places = {"stock": stock(lot), "vial": Account("vial", vial), "drawn": Account("drawn", session)}
        ends = {
            "receive": (SUPPLIER, places["stock"]), "open": (places["stock"], places["vial"]),
            "draw": (places["vial" if lot == "K50" else "stock"], places["drawn"]),
            "give": (places["drawn"], Account("given", session)), "waste": (places[from_], WASTE),
            "return": (places["stock"], Account("returned")), "lose": (places[from_], Account("lost")),
            "send-home": (places["stock"], Account("home")),
        }[kind]  # fmt: skip
        self.send(move(key, kind, *ends, ug, lot, by=by, proof=proof(key, witness) if witness else None))

    @rule(place=st.integers(0, 60), witness=st.sampled_from([SECOND, NURSE]))
    def undo(self, place: int, witness) -> None:
        if self.book.postings:
            self.n += 1
            first = self.book.postings[place % len(self.book.postings)]
            self.send(led.contra(first, f"k{self.n}", NURSE, NOON, "slip", proof(f"k{self.n}", witness)))

    @rule(place=st.integers(0, 60))
    def again(self, place: int) -> None:
        if self.book.postings:
            before = self.book
            self.send(self.book.postings[place % len(self.book.postings)], new=False)
            assert self.book is before

    def send(self, posting: Posting, *, new: bool = True) -> None:
        made = led.post(self.book, posting, SHIFT, SECRET)
        if isinstance(made, Ledger):
            self.book = made
            if new:
                self.sums[posting.lot, posting.source] -= posting.ug
                self.sums[posting.lot, posting.target] += posting.ug

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        found = led.balances(self.book)
        assert +found == +self.sums and -found == -self.sums
        assert sum(found.values()) == 0
        assert all(ug >= 0 for (_, account), ug in found.items() if account.place != "supplier")
        assert not any(account.place == "home" and ug for (_, account), ug in found.items())
        for posting in self.book.postings:
            assert posting.by.id in SHIFT.on_shift
            if posting.kind in ("waste", "lose", "reverse"):
                assert posting.proof and posting.proof.staff.id not in (posting.by.id, "c1")

    def teardown(self) -> None:
        custody = dict.fromkeys((p.key for p in self.book.postings), SHIFT)
        assert led.replayed(self.book, custody, SECRET) == self.book


TestDay = Day.TestCase
TestDay.settings = settings(stateful_step_count=40, max_examples=min(settings.default.max_examples, 1_000))
