"""The drug ledger: conservation, witness, lots, counts, cases."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from openkap.dose import ledger as led
from openkap.dose.ledger import Account, Ledger, LossNotice, Posting
from openkap.dose.tests.drugs import (
    LOTS,
    LOZENGE,
    NOON,
    S1,
    SECRET,
    SHIFT,
    SUPPLIER,
    V1,
    VIAL,
    WASTE,
    count,
    move,
    new_book,
    new_day,
    posted,
    proof,
    stock,
    why,
)
from openkap.dose.tests.sessions import CLERK, DAY, DOCTOR, NURSE, OTHER_DOCTOR, SECOND, THERAPIST
from openkap.dose.types import Refused
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg


@pytest.fixture
def book() -> Ledger:
    """Two vials, three lozenges, two sprays in stock."""
    return new_book()


@pytest.fixture
def day(book: Ledger) -> Ledger:
    """A vial opened, 41 mg drawn and given, the rest wasted before a witness."""
    return new_day(book)


def test_a_vial_reconciles_to_the_microgram_and_nothing_is_left_open(day: Ledger):
    found = led.balances(day)
    assert found["K50", V1] == found["K50", S1] == 0
    assert found["K50", Account("given", "s1")] + found["K50", WASTE] == 500_000
    assert led.rests(day) == {}
    assert led.in_house_ug(day, "K50") == 500_000


@pytest.mark.hazard("HAZ-58", "C1")
def test_onto_a_ledger_that_lacks_a_seal_nothing_is_sealed(day: Ledger):
    with pytest.raises(ValueError, match="longer"):
        led.last_seal(replace(day, seals=day.seals[:-1]), "K50")


@pytest.fixture(params=["UTC", "Asia/Tokyo"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """The zone of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.usefixtures("zone")
def test_a_seal_is_over_the_same_words_in_every_version_and_zone_or_what_was_kept_before_would_not_fit(day: Ledger):
    nurse = ["n1", "Ana Nurse (synthetic)", "nurse"]
    received = {
        "before": ["K50", "ketamine", "vial", 500_000, 50_000, "base", "2027-01-31"],
        "key": "r1",
        "kind": "receive",
        "lot": "K50",
        "from": ["supplier", ""],
        "to": ["stock", "K50"],
        "ug": 1_000_000,
        "by": nurse,
        "at": "2026-11-29T12:00:00.000000+00:00",
        "drug": "ketamine",
        "ref": "",
        "reason": "",
        "proof": None,
        "reverses": "",
    }
    witness = ["proof-w1", ["n2", "Tom Nurse (synthetic)", "nurse"], "w1", "2026-11-29T12:00:00.000000+00:00"]
    wasted = received | {"before": day.seals[-2], "key": "w1", "kind": "waste", "ug": 459_000, "proof": witness}
    wasted |= {"from": ["vial", "K50-001"], "to": ["waste", ""]}
    for said, kept in ((received, day.seals[0]), (wasted, day.seals[-1])):
        assert hmac.new(SECRET, json.dumps(said, sort_keys=True).encode(), hashlib.sha256).hexdigest() == kept
    elsewhere = replace(day.postings[0], at=NOON.astimezone(timezone(timedelta(hours=-5))))
    assert led.seal(VIAL, "", elsewhere, SECRET) == day.seals[0]


def test_a_vial_that_is_not_empty_is_named_at_the_end_of_the_day(book: Ledger):
    opened = posted(book, move("o1", "open", stock("K50"), V1, 500_000), move("d1", "draw", V1, S1, 41_000))
    assert led.rests(opened) == {("K50", V1): 459_000, ("K50", S1): 41_000}


@pytest.mark.hazard("HAZ-58", "C1")
def test_all_accounts_together_are_nought_and_the_balance_is_the_sum(day: Ledger):
    assert sum(led.balances(day).values()) == 0


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_posting_is_made_once_and_its_key_is_for_nothing_else(day: Ledger):
    again = next(p for p in day.postings if p.key == "d1")
    assert led.post(day, again, SHIFT, SECRET) is day
    assert why(day, replace(again, ug=42_000)) == "HAZ-14"


@pytest.mark.hazard("HAZ-58", "C1")
def test_more_than_there_is_cannot_be_taken(book: Ledger):
    assert why(book, move("x", "return", stock("K50"), Account("returned"), 1_500_000)) == "HAZ-58"
    opened = posted(book, move("o1", "open", stock("K50"), V1, 500_000))
    assert why(opened, move("x", "draw", V1, S1, 500_001)) == "HAZ-58"
    posted(opened, move("x", "draw", V1, S1, 500_000))


@pytest.mark.parametrize(
    ("kind", "source", "target", "ug", "lot"),
    [
        ("draw", stock("K50"), S1, 41_000, "K50"), ("draw", V1, S1, 0, "K50"), ("draw", V1, S1, -1, "K50"),
        ("draw", V1, S1, 1.5, "K50"), ("give", V1, Account("given", "s1"), 1, "K50"),
        ("receive", stock("K50"), V1, 500_000, "K50"), ("receive", SUPPLIER, stock("K50"), 499_999, "K50"),
        ("open", stock("K50"), V1, 250_000, "K50"), ("open", stock("L100"), V1, 100_000, "L100"),
        ("draw", stock("L100"), S1, 50_000, "L100"), ("receive", SUPPLIER, stock("L100"), 500_000, "K50"),
    ],
)  # fmt: skip
def test_drug_moves_only_the_ways_it_can_move(book: Ledger, kind, source, target, ug, lot):
    assert why(book, move("x", kind, source, target, ug, lot)) == "LEDGER"


def test_a_vial_number_is_used_once(book: Ledger):
    opened = posted(book, move("o1", "open", stock("K50"), V1, 500_000))
    assert why(opened, move("o2", "open", stock("K50"), V1, 500_000)) == "LEDGER"
    posted(opened, move("o2", "open", stock("K50"), Account("vial", "K50-002"), 500_000))


def test_lozenges_and_devices_are_given_whole(book: Ledger):
    given = Account("given", "s1")
    posted(book, move("d", "draw", stock("L100"), S1, 100_000, "L100"), move("g", "give", S1, given, 100_000, "L100"))
    posted(book, move("d", "draw", stock("E28"), S1, 56_000, "E28"))


@pytest.mark.hazard("HAZ-01", "C3")
def test_what_was_drawn_for_one_session_is_not_given_in_another(book: Ledger):
    drawn = posted(book, move("d", "draw", stock("L100"), S1, 100_000, "L100"))
    assert why(drawn, move("g", "give", S1, Account("given", "s2"), 100_000, "L100")) == "HAZ-01"


@pytest.mark.hazard("HAZ-13", "C1")
def test_the_product_of_a_posting_is_that_of_its_lot(book: Ledger):
    assert why(book, move("d", "draw", stock("E28"), S1, 28_000, "E28", drug="ketamine")) == "HAZ-13"


@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.parametrize(
    ("charted", "gaps"),
    [
        ({"K50": "41"}, {}),
        ({"K50": "40.9"}, {"K50": 100}),
        ({}, {"K50": 41_000}),
        ({"K50": "41", "L100": "100"}, {"L100": -100_000}),
    ],
)
def test_chart_and_ledger_of_a_session_agree_or_the_gap_is_named(day: Ledger, charted, gaps):
    """A dose that was given and never charted, or charted and never given, is found here (HAZ-14)."""
    assert led.unexplained(day, "s1", {lot: DoseMg(Decimal(mg)) for lot, mg in charted.items()}) == gaps


# -- lots ------------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-60", "C1")
@pytest.mark.parametrize(("on", "rule"), [(date(2027, 1, 31), None), (date(2027, 2, 1), "HAZ-60")])
def test_a_lot_is_used_to_its_last_day_and_not_beyond(book: Ledger, on, rule):
    then = replace(SHIFT, day=on)
    posting = move("o1", "open", stock("K50"), V1, 500_000)
    made = led.post(book, posting, then, SECRET)
    assert (made.rule if isinstance(made, Refused) else None) == rule


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_recall_locks_a_lot_at_once_even_a_drawn_syringe_and_lets_it_be_returned_or_wasted(book: Ledger):
    drawn = posted(book, move("o1", "open", stock("K50"), V1, 500_000), move("d1", "draw", V1, S1, 41_000))
    recalled = replace(drawn, lots={**LOTS, "K50": replace(VIAL, recalled_on=DAY)})
    for posting in (move("g1", "give", S1, Account("given", "s1"), 41_000), move("d2", "draw", V1, S1, 1_000)):
        assert why(recalled, posting) == "HAZ-60"
    posted(recalled, move("w", "waste", S1, WASTE, 41_000, proof=proof("w")))
    posted(recalled, move("r", "return", stock("K50"), Account("returned"), 500_000))


def test_a_lot_labelled_in_hydrochloride_is_counted_and_returned_and_never_used(book: Ledger):
    """57.7 mg of hydrochloride are 50 mg of base: drawn as if it were base, the dose would be a seventh too small."""
    salt = replace(book, lots={**LOTS, "K50": replace(VIAL, basis="hydrochloride"),
                               "L100": replace(LOZENGE, basis="hydrochloride")})  # fmt: skip
    for posting in (
        move("o", "open", stock("K50"), V1, 500_000),
        move("d", "draw", stock("L100"), S1, 100_000, "L100"),
    ):
        said = led.post(salt, posting, SHIFT, SECRET)
        assert isinstance(said, Refused) and "base equivalent" in said.text
    posted(
        salt,
        move("r", "return", stock("K50"), Account("returned"), 500_000),
        move("w", "waste", stock("K50"), WASTE, 500_000, proof=proof("w")),
    )
    assert isinstance(led.counted(salt, count(1_000_000), SHIFT, 1), Ledger)


@pytest.mark.hazard("HAZ-60", "C1")
def test_what_is_in_the_person_already_is_charted_whatever_became_of_the_lot(book: Ledger):
    drawn = posted(book, move("o1", "open", stock("K50"), V1, 500_000), move("d1", "draw", V1, S1, 41_000))
    recalled = replace(drawn, lots={**LOTS, "K50": replace(VIAL, recalled_on=DAY)})
    give = move("g1", "give", S1, Account("given", "s1"), 41_000)
    assert why(recalled, give) == "HAZ-60"
    posted(recalled, give, custody=replace(SHIFT, is_in=True))
    assert why(recalled, move("d2", "draw", V1, S1, 1), replace(SHIFT, is_in=True)) == "HAZ-60"


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_lot_that_is_not_listed_is_not_there(book: Ledger):
    assert why(book, move("o", "open", stock("K99"), V1, 500_000, "K99")) == "HAZ-60"


# -- witness ---------------------------------------------------------------------------------------------


def waste(**changes) -> Posting:
    made = move("w1", "waste", V1, WASTE, 459_000, proof=proof("w1"))
    return replace(made, **changes)


@pytest.fixture
def opened(book: Ledger) -> Ledger:
    return posted(book, move("o1", "open", stock("K50"), V1, 500_000), move("d1", "draw", V1, S1, 41_000))


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.parametrize(
    "witness",
    [
        None, proof("w1", NURSE), proof("w1", THERAPIST), proof("w1", CLERK), proof("w1", replace(SECOND, id="n9")),
        proof("other"), proof("w1", at=NOON - timedelta(minutes=5, seconds=1)),
        proof("w1", at=NOON + timedelta(seconds=1)),
    ],
)  # fmt: skip
def test_a_witness_is_another_person_on_shift_allowed_with_a_fresh_proof_of_their_own(opened: Ledger, witness):
    assert why(opened, waste(proof=witness)) == "HAZ-59"


@pytest.mark.hazard("HAZ-59", "C1")
def test_a_proof_is_used_once_and_five_minutes_old_is_still_now(opened: Ledger):
    on_time = proof("w1", at=NOON - timedelta(minutes=5))
    once = posted(opened, waste(ug=400_000, proof=on_time))
    replayed = waste(key="w2", ug=59_000, proof=replace(on_time, posting="w2"))
    assert why(once, replayed) == "HAZ-59"
    posted(once, replace(replayed, proof=proof("w2", DOCTOR)))


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.parametrize("off_min", [-6, 6])
def test_waste_and_proof_dated_together_to_another_time_are_not_of_now(opened: Ledger, off_min):
    then = NOON + timedelta(minutes=off_min)
    assert why(opened, waste(at=then, proof=proof("w1", at=then))) == "HAZ-59"
    assert why(opened, waste(at=then)) == "HAZ-59"
    posted(opened, waste(at=NOON + timedelta(minutes=5)))


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.parametrize("by", [THERAPIST, CLERK, replace(NURSE, id="n9")])
def test_only_a_nurse_or_prescriber_on_shift_handles_the_drug(opened: Ledger, by):
    assert why(opened, waste(by=by)) == "HAZ-59"


@pytest.mark.hazard("HAZ-59", "C2")
def test_who_wastes_with_whom_is_counted(day: Ledger):
    assert led.witnesses(day) == Counter({("n1", "n2"): 1})


# -- contra-postings -------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_mistake_is_undone_once_by_its_exact_opposite_with_a_witness_and_a_reason(opened: Ledger):
    drawn = next(p for p in opened.postings if p.key == "d1")
    good = led.contra(drawn, "c1", NURSE, NOON, "wrong syringe", proof("c1"))
    assert why(opened, replace(good, ug=40_000)) == "LEDGER"
    assert why(opened, replace(good, reason=" ")) == "LEDGER"
    assert why(opened, replace(good, reverses="none")) == "LEDGER"
    assert why(opened, replace(good, reverses="")) == "LEDGER"
    assert why(opened, replace(good, proof=None)) == "HAZ-59"
    assert why(opened, replace(drawn, key="c2", reverses="d1")) == "LEDGER"
    undone = posted(opened, good)
    assert led.balances(undone)["K50", V1] == 500_000
    assert why(undone, replace(good, key="c3", proof=proof("c3"))) == "LEDGER"
    again = led.contra(good, "c4", NURSE, NOON, "back again", proof("c4"))
    assert why(undone, again) == "LEDGER"
    assert len(undone.postings) == len(opened.postings) + 1


def test_there_is_no_way_to_take_a_posting_away():
    assert [name for name in dir(led) if name.startswith(("delete", "remove", "edit", "amend"))] == []
    with pytest.raises(AttributeError):
        Ledger().postings = ()  # type: ignore[misc]


# -- nothing goes home -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lot", "reason", "rule"),
    [("L100", "", "LEDGER-HOME"), ("L100", "written policy 7", None), ("E28", "written policy 7", "LEDGER-HOME")],
)
def test_nothing_goes_home_unless_the_site_says_why_and_esketamine_never(book: Ledger, lot, reason, rule):
    posting = move("h", "send-home", stock(lot), Account("home", "p1"), LOTS[lot].unit_ug, lot)
    made = led.post(book, posting, replace(SHIFT, home_reason=reason), SECRET)
    assert (made.rule if isinstance(made, Refused) else None) == rule


# -- counts and cases ------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-58", "C2")
@pytest.mark.parametrize("gap", [-1, 1, -500_000])
def test_a_gap_of_one_microgram_opens_a_case_with_an_owner_and_a_day_of_notice(day: Ledger, gap):
    found = led.counted(day, count(500_000 + gap), SHIFT, 1)
    assert isinstance(found, Ledger)
    (case,) = found.cases
    assert (case.gap_ug, case.owner, case.found) == (gap, NURSE, DAY)
    assert case.notice_by == date(2026, 11, 30)
    assert led.overdue(found, date(2026, 11, 30)) == ()
    assert led.overdue(found, date(2026, 12, 1)) == (case,)


def test_the_day_of_notice_leaves_out_the_holidays_of_the_site(day: Ledger):
    (case,) = led.counted(day, count(1), SHIFT, 1, frozenset({date(2026, 11, 30)})).cases
    assert case.notice_by == date(2026, 12, 1)


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_right_count_opens_none_and_is_kept_once(day: Ledger):
    once = led.counted(day, count(500_000), SHIFT, 1)
    assert once.cases == ()
    alone = replace(SHIFT, on_shift=frozenset({"n1", "n2"}))
    assert isinstance(led.counted(day, count(500_000), alone, 1), Ledger)
    assert led.counted(once, count(500_000), SHIFT, 1) is once
    assert led.counted(once, count(1), SHIFT, 1).rule == "HAZ-14"
    assert len(once.counts) == 1


@pytest.mark.hazard("HAZ-58", "C2")
def test_the_sheet_of_those_who_count_shows_no_balance(day: Ledger):
    assert led.sheet(day) == (
        ("K50", "ketamine", "vial"),
        ("L100", "ketamine", "lozenge"),
        ("E28", "esketamine", "device"),
    )


@pytest.mark.hazard("HAZ-58", "C2")
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"second": NURSE}, "HAZ-58"),
        ({"second": CLERK}, "HAZ-58"),
        ({"counted_ug": -1}, "HAZ-58"),
        ({"lot": "K99"}, "HAZ-60"),
    ],
)
def test_two_different_people_on_shift_count_a_lot_that_exists(day: Ledger, changes, rule):
    made = led.counted(day, count(500_000, **changes), SHIFT, 1)
    assert made.rule == rule


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_case_is_closed_when_the_books_agree_by_somebody_else_and_a_loss_has_its_notice(day: Ledger):
    short = led.counted(day, count(400_000), SHIFT, 1)
    case = short.cases[0].id
    assert led.close_case(short, "none", DOCTOR, "x").rule == "HAZ-58"
    assert led.close_case(short, case, NURSE, "x").rule == "HAZ-58"
    assert led.close_case(short, case, DOCTOR, " ").rule == "HAZ-58"
    assert (
        led.close_case(replace(short, cases=(replace(short.cases[0], owner=DOCTOR),)), case, DOCTOR, "x").rule
        == "HAZ-58"
    )
    assert led.close_case(short, case, DOCTOR, "not found").rule == "HAZ-58"
    lost = posted(short, move("l", "lose", stock("K50"), Account("lost"), 100_000, ref=case, proof=proof("l")))
    assert led.close_case(lost, case, DOCTOR, "vial broken").rule == "LEDGER-LOSS"
    notice = LossNotice(case, DOCTOR, DAY, "field office", "106-1")
    noticed = replace(lost, notices=(notice,))
    owned = replace(noticed, cases=(replace(noticed.cases[0], owner=DOCTOR),))
    for book, by, reason in (
        (noticed, NURSE, "x"),
        (noticed, SECOND, "x"),
        (noticed, DOCTOR, " "),
        (owned, DOCTOR, "x"),
    ):
        refused = led.close_case(book, case, by, reason)
        assert (refused.rule, refused.text[:12]) == ("HAZ-58", "A prescriber")
    closed = led.close_case(noticed, case, DOCTOR, "vial broken")
    assert closed.cases[0].closed.endswith("vial broken")
    assert led.close_case(closed, case, OTHER_DOCTOR, "again").rule == "HAZ-58"
    assert led.overdue(closed, date(2027, 1, 1)) == led.overdue(noticed, date(2027, 1, 1)) == ()


def test_a_case_is_closed_when_a_second_count_finds_the_gap_was_a_slip(day: Ledger):
    short = led.counted(day, count(400_000), SHIFT, 1)
    other = led.counted(short, count(300_000, "L100", key="c1"), SHIFT, 1)
    right = led.counted(other, count(500_000, key="c2"), SHIFT, 1)
    assert led.close_case(right, right.cases[0].id, OTHER_DOCTOR, "miscounted").cases[0].closed


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_balance_that_happens_to_meet_an_old_count_explains_no_gap(book: Ledger):
    """Counted 900 mg of 1 000; then 100 mg are given to somebody: the 100 mg that were missing still are."""
    short = led.counted(book, count(900_000), SHIFT, 1)
    given = Account("given", "s1")
    later = posted(
        short,
        move("o1", "open", stock("K50"), V1, 500_000),
        move("d1", "draw", V1, S1, 100_000),
        move("g1", "give", S1, given, 100_000),
    )
    assert led.in_house_ug(later, "K50") == 900_000
    assert led.close_case(later, short.cases[0].id, DOCTOR, "fits now").rule == "HAZ-58"
    assert (
        led.close_case(led.counted(later, count(800_000, key="c2"), SHIFT, 1), "case-c", DOCTOR, "x").rule == "HAZ-58"
    )
    right = led.counted(later, count(900_000, key="c3"), SHIFT, 1)
    assert led.close_case(right, "case-c", DOCTOR, "found behind the box").cases[0].closed


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_contra_posting_for_the_case_explains_a_gap_of_its_size_and_no_other(book: Ledger):
    """A delivery of two vials was booked twice."""
    twice = posted(book, move("r9", "receive", SUPPLIER, stock("K50"), 1_000_000))
    short = led.counted(twice, count(1_000_000), SHIFT, 1)
    booked = twice.postings[-1]
    undone = posted(short, led.contra(booked, "u", NURSE, NOON, "booked twice", proof("u"), "case-c"))
    assert led.close_case(undone, "case-c", DOCTOR, "booked twice").cases[0].closed
    apart = posted(short, led.contra(booked, "u", NURSE, NOON, "booked twice", proof("u")))
    assert led.close_case(apart, "case-c", DOCTOR, "booked twice").rule == "HAZ-58"
    less = led.counted(twice, count(900_000), SHIFT, 1)
    part = posted(less, led.contra(booked, "u", NURSE, NOON, "booked twice", proof("u"), "case-c"))
    assert led.close_case(part, "case-c", DOCTOR, "booked twice").rule == "HAZ-58"


@pytest.mark.parametrize(
    ("day_", "days", "holidays", "due"),
    [(date(2026, 11, 27), 1, [], date(2026, 11, 30)), (date(2026, 11, 30), 1, [], date(2026, 12, 1)),
     (date(2026, 11, 27), 1, [date(2026, 11, 30)], date(2026, 12, 1)), (date(2026, 11, 27), 2, [], date(2026, 12, 1))],
)  # fmt: skip
def test_business_days_leave_out_weekends_and_holidays(day_, days, holidays, due):
    assert led.business_day(day_, days, frozenset(holidays)) == due


@pytest.mark.hazard("HAZ-60", "C1")
@pytest.mark.parametrize(("on", "due"), [(date(2028, 11, 29), False), (date(2028, 11, 30), True)])
def test_the_inventory_is_due_after_two_years_and_at_once_where_there_was_none(day: Ledger, on, due):
    assert led.inventory_due(day, DAY, 24)
    taken = day
    for lot, ug in (("K50", 500_000), ("L100", 300_000), ("E28", 56_000)):
        assert led.inventory_due(taken, DAY, 24)
        taken = led.counted(taken, count(ug, lot, key=lot, inventory=True), SHIFT, 1)
    assert led.inventory_due(taken, on, 24) is due


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_lot_that_came_in_after_the_inventory_waits_for_the_next_one(day: Ledger):
    taken = day
    for lot, ug in (("K50", 500_000), ("L100", 300_000), ("E28", 56_000)):
        taken = led.counted(taken, count(ug, lot, key=lot, inventory=True), SHIFT, 1)
    taken = replace(taken, lots={**LOTS, "K51": replace(VIAL, id="K51")})
    new = move("r9", "receive", SUPPLIER, stock("K51"), 500_000, "K51", at=NOON + timedelta(days=40))
    taken = posted(taken, new)
    assert not led.inventory_due(taken, date(2028, 11, 29), 24)
    for lot, ug in (("K50", 500_000), ("L100", 300_000), ("E28", 56_000)):
        again = count(ug, lot, key=f"{lot}-2", inventory=True, at=datetime(2028, 11, 29, 12, tzinfo=UTC))
        taken = led.counted(taken, again, SHIFT, 1)
    assert not led.inventory_due(taken, date(2029, 1, 8), 24)
    assert led.inventory_due(taken, date(2029, 1, 9), 24)


@pytest.mark.hazard("HAZ-60", "C2")
def test_records_stay_two_years_and_to_the_end_of_that_year(day: Ledger):
    assert led.keep_until(day.postings[0], 2) == date(2028, 12, 31)


def test_a_dose_is_a_whole_number_of_micrograms_or_none():
    assert led.micrograms(DoseMg(Decimal("41.25"))) == 41_250
    with pytest.raises(UserError, match="round it at the syringe"):
        led.micrograms(DoseMg(Decimal("0.0001")))


@pytest.mark.hazard("HAZ-59", "C1")
def test_a_second_person_is_asked_only_for_what_may_be(book: Ledger):
    """What would be refused whoever witnesses it is refused before somebody is called to the cupboard."""
    book = posted(book, move("o1", "open", stock("K50"), V1, 500_000))
    assert led.askable(book, move("w1", "waste", V1, WASTE, 10_000), SHIFT) is None
    refused = led.askable(book, move("w2", "waste", V1, WASTE, 600_000), SHIFT)
    assert refused is not None and isinstance(
        led.post(book, move("w1", "waste", V1, WASTE, 10_000), SHIFT, SECRET), Refused
    )
