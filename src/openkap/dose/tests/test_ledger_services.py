"""The drug ledger in the database: a day of it, lots, the second person, counts and cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from openkap.dose import floor, services_ledger, services_witness
from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose.ledger import Account
from openkap.dose.models_ledger import (
    APPEND_ONLY,
    Count,
    Discrepancy,
    LossNotice,
    Lot,
    PendingEnd,
    Posting,
    Recall,
)
from openkap.dose.services_posting import NotPosted
from openkap.dose.tests.stockroom import LOZENGE, SESSION, SPRAY, VIAL, Stockroom, stockroom
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.quantity import DoseMg
from openkap.people.models import AuditEvent
from tests.database import Clinic


@pytest.fixture
def room(clinic: Clinic) -> Stockroom:
    return stockroom(clinic)


@pytest.fixture
def day(room: Stockroom) -> Stockroom:
    """Two vials came, one was opened, 41 mg drawn and given; 459 mg are in the vial."""
    room.receive()
    room.open()
    room.draw(41_000)
    room.give(41_000)
    return room


def book(room: Stockroom, label: str = "K50") -> led.Ledger:
    return selectors.ledger_of(*Lot.objects.filter(site=room.clinic.site, label=label))


def refused(act: Callable[[], object]) -> str:
    """The rule by which it is refused; nothing was written."""
    before = [model.objects.count() for model in APPEND_ONLY], AuditEvent.objects.count()
    with pytest.raises(NotPosted) as found, transaction.atomic():
        act()
    assert ([model.objects.count() for model in APPEND_ONLY], AuditEvent.objects.count()) == before
    return found.value.refused.rule


# -- a day -----------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_vial_reconciles_to_the_milligram(day: Stockroom):
    site = day.clinic.site.pk
    assert [(row.label, account.place, ug) for row, account, ug in selectors.rests(site)] == [("K50", "vial", 459_000)]
    day.confirm(day.ask(459_000))
    assert selectors.rests(site) == []
    (held,) = selectors.held(site, selectors.day_at(site))
    assert (held.stock_ug, held.containers, held.vials, held.drawn) == (500_000, 1, (), ())
    sums = selectors.balances(site, [held.lot])[held.lot.pk]
    assert sums["given", SESSION] + sums["waste", ""] == 500_000
    assert sum(sums.values()) == 0
    assert selectors.unexplained(site, SESSION, {"K50": DoseMg(Decimal(41))}) == {}
    assert selectors.unexplained(site, SESSION, {"K50": DoseMg(Decimal(40))}) == {"K50": 1_000}
    assert selectors.faults(site) == []


@pytest.mark.hazard("HAZ-58", "C1")
def test_what_the_database_keeps_is_the_pure_ledger_word_for_word(day: Stockroom):
    day.confirm(day.ask(459_000))
    kept = book(day)
    custody = {
        p.key: led.Custody(selectors.day_at(day.clinic.site.pk), floor.on_shift(day.clinic.site.pk), 5, p.at)
        for p in kept.postings
    }
    witnessed = kept.postings[-1]
    assert witnessed.proof is not None
    custody[witnessed.key] = replace(custody[witnessed.key], now=witnessed.proof.at)
    assert led.replayed(kept, custody, selectors.secrets()[0]) == kept


def test_a_dose_may_come_out_of_two_vials_the_one_opened_first_first(day: Stockroom):
    day.open()
    made = day.draw(470_000, session="s2")
    assert [(p.source_id, p.ug) for p in made] == [("K50-1", 459_000), ("K50-2", 11_000)]
    again = services_ledger.session_draw(
        day.who("ana"), label="K50", session="s2", drug="ketamine", ug=470_000, key=made[0].key
    )
    assert again == made
    assert Posting.objects.filter(kind="draw").count() == 3
    assert refused(lambda: day.draw(489_001)) == "HAZ-58"
    assert refused(lambda: day.draw(0)) == "LEDGER"


def test_lozenges_and_devices_are_drawn_whole_from_stock_and_nothing_is_drawn_from_a_closed_vial(room: Stockroom):
    for lot in (VIAL, LOZENGE, SPRAY):
        room.receive(lot)
    assert [p.source_place for p in room.draw(200_000, "L100")] == ["stock"]
    assert room.give(200_000, "L100").target_id == SESSION
    room.draw(56_000, "E28")
    assert refused(lambda: room.draw(50_000, "L100")) == "LEDGER"
    with pytest.raises(NotPosted, match="No vial of lot K50 is open"):
        room.draw(41_000)


@pytest.mark.hazard("HAZ-01", "C3")
def test_what_was_drawn_for_one_session_is_not_given_in_another_and_no_more_than_was_drawn(day: Stockroom):
    day.draw(10_000)
    assert refused(lambda: day.give(10_000, session="another")) == "HAZ-58"
    assert refused(lambda: day.give(10_001)) == "HAZ-58"
    day.give(9_000)
    assert selectors.rests(day.clinic.site.pk)[0][1:] == (Account("drawn", SESSION), 1_000)


@pytest.mark.hazard("HAZ-13", "C1")
def test_the_drug_of_the_order_is_that_of_the_lot(room: Stockroom):
    room.receive(SPRAY)
    assert refused(lambda: room.draw(28_000, "E28", drug="ketamine")) == "HAZ-13"


@pytest.mark.hazard("HAZ-14", "C1")
def test_a_repeat_posts_once_and_a_used_key_is_for_nothing_else(room: Stockroom):
    first = room.receive(key="a")
    assert room.receive(key="a") == first
    for other in ({"containers": 3}, {"ref": "note 8"}, {"by": "tom"}):
        with pytest.raises(Conflict):
            room.receive(**{"key": "a", **other})
    with pytest.raises(Conflict):
        services_ledger.open_vial(room.who("ana"), "K50", key="a")
    assert services_ledger.open_vial(room.who("ana"), "K50", key="b").target_id == "K50-1"
    assert services_ledger.open_vial(room.who("ana"), "K50", key="b").target_id == "K50-1"
    assert room.open().target_id == "K50-2"
    (once,) = room.draw(41_000, key="c")
    assert room.draw(41_000, key="c") == [once]
    assert room.give(41_000, key="d") == room.give(41_000, key="d")
    with pytest.raises(Conflict):
        room.draw(40_000, key="c")
    assert Posting.objects.count() == 5


def test_every_change_is_in_the_trail_and_says_no_amount(day: Stockroom):
    day.confirm(day.ask(459_000))
    told = AuditEvent.objects.filter(type="ledger").values_list("reason", "entity_version")
    assert [(reason.split()[0], number) for reason, number in told] == [
        ("listed", None), ("receive", 1), ("open", 2), ("draw", 3), ("give", 4), ("waste", None), ("waste", 5),
    ]  # fmt: skip
    assert not [reason for reason, _ in told if "459" in reason]


@pytest.mark.hazard("HAZ-65", "C1")
def test_without_its_trail_nothing_is_posted(day: Stockroom, monkeypatch):
    row = day.ask(459_000)
    before = [model.objects.count() for model in APPEND_ONLY]

    def full(*_: object, **__: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr("openkap.people.audit.record", full)
    for act in (day.receive, day.open, lambda: day.draw(1_000), lambda: day.confirm(row), lambda: day.ask(1_000)):
        with pytest.raises(DatabaseError, match="disk full"), transaction.atomic():
            act()
    assert [model.objects.count() for model in APPEND_ONLY] == before


# -- lots ------------------------------------------------------------------------------------------------


def test_a_lot_is_listed_once_as_its_label_says(room: Stockroom):
    room.receive()
    room.receive(containers=1)
    assert Lot.objects.count() == 1
    for change in ({"unit_ug": 200_000}, {"expires": date(2030, 1, 1)}, {"basis": "hydrochloride"}, {"ug_per_ml": 1}):
        with pytest.raises(Conflict, match="compare labels"):
            room.receive(replace(VIAL, **change))
    for wrong in (replace(VIAL, ug_per_ml=None), replace(LOZENGE, ug_per_ml=1), replace(VIAL, label=" ")):
        with pytest.raises(UserError):
            room.receive(wrong)
    with pytest.raises(UserError):
        room.receive(containers=0)


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_recall_locks_a_lot_at_once_by_anybody_who_handles_it_and_stops_no_record(day: Stockroom):
    day.draw(10_000)
    row = services_ledger.recall(day.who("gil"), "K50", notice="recall 2026-7")  # who is at home
    assert Recall.objects.get() == row
    for act in (lambda: day.draw(1_000), day.open, lambda: day.give(10_000, is_in=False)):
        assert refused(act) == "HAZ-60"
    day.give(10_000)  # it is in the person already
    day.confirm(day.ask(449_000))
    services_ledger.give_back(day.who("ana"), "K50", containers=1, ref="RMA 4", key="back")
    assert selectors.held(day.clinic.site.pk, row.on)[0].in_house_ug == 0
    with pytest.raises(Conflict):
        services_ledger.recall(day.who("ana"), "K50", notice="again")
    with pytest.raises(UserError, match="notice"):
        services_ledger.recall(day.who("ana"), "K50", notice=" ")
    for other in ("kim", "adam"):
        with pytest.raises(Forbidden):
            services_ledger.recall(day.who(other), "K50", notice="x")


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_lot_is_used_to_its_last_day_at_the_site_and_not_beyond(room: Stockroom, time_machine):
    room.clinic.site.zone = "America/Los_Angeles"
    room.clinic.site.save()
    time_machine.move_to("2027-02-01T07:30:00+00:00", tick=False)  # 23:30 on 31 January there
    floor.begin_shift(room.who("gil"), "nurse")  # type: ignore[arg-type]
    room.receive(replace(VIAL, expires=date(2027, 1, 31)), by="gil")
    room.open(by="gil")
    time_machine.move_to("2027-02-01T08:30:00+00:00", tick=False)
    assert refused(lambda: room.open(by="gil")) == "HAZ-60"
    (held,) = selectors.held(room.clinic.site.pk, date(2027, 2, 1))
    assert "Expired on 2027-01-31" in held.why_not


@pytest.mark.hazard("HAZ-60", "C1")
def test_a_lot_that_is_not_listed_here_is_not_there(room: Stockroom):
    for act in (lambda: room.open("K99"), lambda: room.draw(1, "K99"), lambda: room.hand_in(K99=1)):
        assert refused(act) == "HAZ-60"
    room.receive()
    stranger = replace(room.who("ana"), site_id=room.clinic.other.pk)
    assert refused(lambda: services_ledger.open_vial(stranger, "K50", key="x")) == "HAZ-60"


def test_a_lot_labelled_in_hydrochloride_is_kept_and_not_used(room: Stockroom):
    room.receive(replace(VIAL, basis="hydrochloride"))
    with pytest.raises(NotPosted, match="base equivalent"):
        room.open()
    services_ledger.give_back(room.who("ana"), "K50", containers=1, ref="RMA 4", key="back")
    room.count(K50=500_000)
    assert Discrepancy.objects.count() == 0


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.parametrize("by", ["kim", "gil", "adam"])
def test_only_a_nurse_or_prescriber_on_shift_handles_the_drug(room: Stockroom, by: str):
    assert refused(lambda: room.receive(by=by)) == "HAZ-59"
    room.receive()
    room.open()
    for act in (
        lambda: room.open(by=by),
        lambda: room.draw(1_000, by=by),
        lambda: room.ask(1_000, by=by),
        lambda: services_ledger.give_back(room.who(by), "K50", containers=1, ref="RMA", key="x"),
    ):
        assert refused(act) == "HAZ-59"
    assert refused(lambda: room.hand_in(by, K50=1_000_000)) == "HAZ-58"


def test_nothing_goes_home_before_a_site_admin_says_why_and_esketamine_never(room: Stockroom):
    room.receive(LOZENGE)
    room.receive(SPRAY)
    home = services_ledger.send_home
    nurse, admin = room.who("ana"), room.who("adam")
    assert refused(lambda: home(nurse, "L100", containers=1, session=SESSION, key="h")) == "LEDGER-HOME"
    with pytest.raises(Forbidden):
        services_ledger.allow_home(room.who("ines"), allowed=True, reason="x")
    with pytest.raises(UserError):
        services_ledger.allow_home(admin, allowed=True, reason=" ")
    services_ledger.allow_home(admin, allowed=True, reason="policy 7")
    assert home(nurse, "L100", containers=1, session=SESSION, key="h").target_place == "home"
    assert refused(lambda: home(nurse, "E28", containers=1, session=SESSION, key="e")) == "LEDGER-HOME"
    services_ledger.allow_home(admin, allowed=False, reason="policy ended")
    assert refused(lambda: home(nurse, "L100", containers=1, session=SESSION, key="h2")) == "LEDGER-HOME"


# -- the second person -----------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-59", "C1")
def test_nothing_is_posted_before_a_second_person_confirms(day: Stockroom):
    row = day.ask(459_000)
    assert Posting.objects.filter(kind="waste").count() == 0
    assert [(one.row, one.lapsed) for one in selectors.waiting(day.clinic.site.pk)] == [(row, False)]
    end = day.confirm(row)
    posting = Posting.objects.get(kind="waste")
    assert (posting.name, posting.witness_name, posting.at) == ("Ana", "Tom", row.at)
    assert posting.proof == end.proof
    assert selectors.waiting(day.clinic.site.pk) == []


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.parametrize("by", ["ana", "kim", "gil", "adam"])
def test_the_witness_is_another_nurse_or_prescriber_on_shift(day: Stockroom, by: str):
    row = day.ask(459_000)
    assert refused(lambda: day.confirm(row, by)) == "HAZ-59"
    floor.end_shift(day.who("tom"))
    assert refused(lambda: day.confirm(row)) == "HAZ-59"
    day.confirm(row, "olu")


@pytest.mark.hazard("HAZ-59", "C1")
def test_the_proof_is_of_after_the_asking_and_each_confirms_one_thing(day: Stockroom):
    first, second = day.ask(400_000), day.ask(59_000)
    assert refused(lambda: day.confirm(first, proved_at=first.at - timedelta(microseconds=1))) == "HAZ-59"
    once = timezone.now()
    day.confirm(first, proved_at=once)
    assert refused(lambda: day.confirm(second, proved_at=once)) == "HAZ-59"
    counted = day.hand_in(K50=500_000)
    assert refused(lambda: day.confirm(counted, proved_at=counted.at - timedelta(seconds=1))) == "HAZ-59"
    day.receive(LOZENGE)
    elsewhere, again = day.ask(100_000, "stock", "L100", label="L100"), timezone.now()
    day.confirm(elsewhere, proved_at=again)  # of another lot, whose ledger knows nothing of this one
    assert refused(lambda: day.confirm(counted, proved_at=again)) == "HAZ-59"
    assert refused(lambda: day.confirm(second, proved_at=again)) == "HAZ-59"
    day.confirm(second, proved_at=timezone.now())


@pytest.mark.hazard("HAZ-59", "C1")
@pytest.mark.parametrize(("late_s", "rule"), [(300, None), (301, "HAZ-59")])
def test_late_is_asked_again(day: Stockroom, time_machine, late_s: int, rule: str | None):
    time_machine.move_to(timezone.now(), tick=False)
    row, counted = day.ask(459_000), day.hand_in(K50=959_000)
    time_machine.shift(timedelta(seconds=late_s))
    waits = {one.row.kind: one.lapsed for one in selectors.waiting(day.clinic.site.pk)}
    assert waits == {"waste": rule is not None, "count": rule is not None}
    if rule is None:
        day.confirm(row)
        day.confirm(counted, proved_at=timezone.now() - timedelta(seconds=1))
        return
    assert refused(lambda: day.confirm(row)) == rule
    assert refused(lambda: day.confirm(counted)) == rule
    with pytest.raises(Forbidden):
        services_witness.again(day.who("tom"), row.pk, key="again")
    anew = services_witness.again(day.who("ana"), row.pk, key="again")
    assert (anew.ug, anew.source_id, anew.reason) == (row.ug, row.source_id, row.reason)
    with pytest.raises(Conflict):
        day.confirm(row)
    day.confirm(anew)
    with pytest.raises(UserError, match="counted anew"):
        services_witness.again(day.who("ana"), counted.pk, key="again2")


@pytest.mark.hazard("HAZ-59", "C1")
def test_what_waits_ends_once(day: Stockroom):
    row = day.ask(459_000)
    end = day.confirm(row)
    assert day.confirm(row) == end
    with pytest.raises(Conflict):
        day.confirm(row, "olu")
    for act in (services_witness.withdraw, services_witness.refuse):
        with pytest.raises((Conflict, Forbidden)):
            act(day.who("ana"), row.pk, reason="x")
    with pytest.raises(Conflict):
        services_witness.refuse(day.who("olu"), row.pk, reason="I saw less")
    assert Posting.objects.filter(kind="waste").count() == PendingEnd.objects.count() == 1


def test_a_witness_who_saw_something_else_refuses_and_the_asker_withdraws(day: Stockroom):
    row, other = day.ask(459_000), day.ask(1_000)
    with pytest.raises(Forbidden, match="withdraw it"):
        services_witness.refuse(day.who("ana"), row.pk, reason="x")
    with pytest.raises(Forbidden):
        services_witness.withdraw(day.who("tom"), row.pk, reason="x")
    with pytest.raises(Forbidden):
        services_witness.refuse(day.who("kim"), row.pk, reason="x")
    with pytest.raises(UserError, match="reason"):
        services_witness.refuse(day.who("tom"), row.pk, reason=" ")
    services_witness.refuse(day.who("tom"), row.pk, reason="I saw 400 mg")
    services_witness.withdraw(day.who("ana"), other.pk, reason="wrong vial")
    assert {end.how for end in PendingEnd.objects.all()} == {"refused", "withdrawn"}
    with pytest.raises(Conflict):
        day.confirm(row)
    assert Posting.objects.filter(kind="waste").count() == 0


def test_what_could_not_be_is_refused_before_anybody_is_asked(day: Stockroom):
    assert refused(lambda: day.ask(459_001)) == "HAZ-58"
    assert refused(lambda: day.ask(0)) == "LEDGER"
    assert refused(lambda: day.ask(1, "given", SESSION)) == "LEDGER"
    for wrong in ({"reason": " "}, {"kind": "send-home"}, {"ref": "case-none"}):
        with pytest.raises(UserError), transaction.atomic():
            day.ask(1_000, **wrong)
    row = day.ask(459_000, key="w")
    assert day.ask(459_000, key="w") == row
    with pytest.raises(Conflict):
        day.ask(458_000, key="w")
    day.draw(1_000)
    assert refused(lambda: day.confirm(row)) == "HAZ-58"  # the vial holds less by now


@pytest.mark.hazard("HAZ-58", "C1")
def test_a_mistake_is_undone_by_a_witnessed_contra_posting_once(day: Stockroom):
    (wrong,) = day.draw(10_000)
    back = services_witness.ask_reversal(day.who("ana"), wrong.pk, reason="wrong syringe", key="r")
    assert services_witness.ask_reversal(day.who("ana"), wrong.pk, reason="wrong syringe", key="r") == back
    assert refused(lambda: day.confirm(back, "ana")) == "HAZ-59"
    day.confirm(back)
    undone = Posting.objects.get(kind="reverse")
    assert (undone.reverses, undone.source_place, undone.target_id, undone.ug) == (wrong, "drawn", "K50-1", 10_000)
    assert refused(lambda: services_witness.ask_reversal(day.who("tom"), wrong.pk, reason="x", key="r2")) == "LEDGER"
    with pytest.raises(UserError), transaction.atomic():
        services_witness.ask_reversal(day.who("tom"), 0, reason="x", key="r3")
    assert selectors.faults(day.clinic.site.pk) == []


@pytest.mark.hazard("HAZ-59", "C2")
def test_who_wastes_before_whom_and_when_is_told(day: Stockroom, time_machine):
    since = timezone.now().date() + timedelta(days=3)  # the shifts of today are over
    time_machine.move_to(datetime.combine(since, time(2, 10), tzinfo=UTC))
    for name in ("ana", "tom", "olu"):
        floor.begin_shift(day.who(name), day.users[name].memberships.get().role)
    for witness in ("tom", "tom", "olu"):
        day.confirm(day.ask(100_000), witness)
        time_machine.shift(60)
    site = day.clinic.site.pk
    found = [(one.by, one.witness, one.times, one.ug, one.share) for one in selectors.pairs(site, since)]
    assert found == [("Ana", "Tom", 2, 200_000, 67), ("Ana", "Olu", 1, 100_000, 33)]
    assert selectors.pairs(site, since + timedelta(days=1)) == []
    (ana,) = selectors.wasters(site, since, "UTC")
    assert (ana.name, ana.times, ana.ug, ana.hours) == ("Ana", 3, 300_000, (2,))


# -- counts and cases ------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-58", "C2")
@pytest.mark.parametrize("gap", [-1, 1])
def test_two_count_and_a_gap_of_one_microgram_opens_a_case(day: Stockroom, time_machine, gap: int):
    time_machine.move_to("2026-11-27T16:00:00+00:00")  # a Friday
    asked = day.hand_in(K50=959_000 + gap)
    assert Count.objects.count() == 0
    assert refused(lambda: day.confirm(asked, "ana")) == "HAZ-59"
    day.confirm(asked)
    case = Discrepancy.objects.get()
    assert (case.gap_ug, case.owner_name, case.notice_by) == (gap, "Ana", date(2026, 11, 30))
    site = day.clinic.site.pk
    assert [one.overdue for one in selectors.cases(site, date(2026, 11, 30))] == [False]
    assert [one.overdue for one in selectors.cases(site, date(2026, 12, 1))] == [True]


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_right_count_opens_no_case_and_says_which_lots_were_counted(day: Stockroom):
    day.count(K50=959_000)
    site = day.clinic.site.pk
    assert Discrepancy.objects.count() == 0
    assert selectors.counted_today(site, selectors.day_at(site)) == {
        "open": frozenset(), "close": frozenset({Lot.objects.get().pk}),
    }  # fmt: skip


@pytest.mark.hazard("HAZ-58", "C2")
def test_what_is_given_between_counting_and_confirming_is_no_gap_and_hides_none(day: Stockroom):
    day.draw(10_000)
    asked = day.hand_in(K50=959_000)
    day.give(10_000)
    day.confirm(asked)
    assert Discrepancy.objects.count() == 0
    short = day.hand_in(K50=939_000)  # 10 mg are missing
    day.draw(10_000)
    day.give(10_000)
    day.confirm(short)
    assert Discrepancy.objects.get().gap_ug == -10_000


def test_a_count_is_handed_in_once_and_bad_ones_are_refused(day: Stockroom):
    who, ask = day.who("ana"), services_witness.ask_count
    row = ask(who, {"K50": 1}, moment="open", key="c")
    assert ask(who, {"K50": 1}, moment="open", key="c") == row
    with pytest.raises(Conflict):
        ask(who, {"K50": 2}, moment="open", key="c")
    wrong: Any
    for wrong in ({}, {"K50": -1}):
        with pytest.raises(UserError):
            ask(who, wrong, moment="open", key="d")
    with pytest.raises(UserError):
        ask(who, {"K50": 1}, moment="noon", key="e")


@pytest.mark.hazard("HAZ-58", "C2")
def test_a_loss_is_posted_noticed_and_its_case_closed_by_somebody_else(day: Stockroom):
    day.count(K50=949_000)
    case, close = Discrepancy.objects.get().case, services_ledger.close
    assert refused(lambda: close(day.who("ines"), case, reason="gone")) == "HAZ-58"
    day.confirm(day.ask(10_000, kind="lose", ref=case, reason="broken"))
    assert refused(lambda: close(day.who("ines"), case, reason="broken")) == "LEDGER-LOSS"
    today = selectors.day_at(day.clinic.site.pk)
    notify = services_ledger.notify
    for wrong in ({"to": " "}, {"written_on": today + timedelta(days=1)}, {"written_on": today - timedelta(days=1)}):
        with pytest.raises(UserError), transaction.atomic():
            notify(day.who("ana"), case, **{"written_on": today, "to": "field office", **wrong})
    with pytest.raises(Forbidden):
        notify(day.who("kim"), case, written_on=today, to="x")
    notify(day.who("ana"), case, written_on=today, to="field office", form_106="106-1")
    assert refused(lambda: close(day.who("tom"), case, reason="broken")) == "HAZ-58"
    close(day.who("ines"), case, reason="broken at the chair")
    with pytest.raises(NotPosted):
        close(day.who("olu"), case, reason="again")
    with pytest.raises(Conflict):
        notify(day.who("ana"), case, written_on=today, to="field office")
    assert selectors.cases(day.clinic.site.pk, today) == []
    assert LossNotice.objects.count() == len(selectors.cases(day.clinic.site.pk, today, closed=True)) == 1


@pytest.mark.hazard("HAZ-60", "C1")
def test_the_inventory_is_due_first_at_once_and_then_after_two_years(room: Stockroom):
    site = room.clinic.site.pk
    today = selectors.day_at(site)
    assert not selectors.inventory_due(site, today)
    room.receive()
    assert selectors.inventory_due(site, today)
    room.count(K50=1_000_000)
    assert selectors.inventory_due(site, today)
    room.count(K50=1_000_000, inventory=True)
    assert not selectors.inventory_due(site, today)
    assert not selectors.inventory_due(site, today.replace(year=today.year + 2))
    assert selectors.inventory_due(site, today.replace(year=today.year + 2) + timedelta(days=1))
