"""Random days in the ledger's database, right and wrong; beside them a plain sum by place that knows no rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from openkap.dose import ledger as led
from openkap.dose import selectors_ledger as selectors
from openkap.dose import services_ledger, services_witness
from openkap.dose.models_ledger import Count, Discrepancy, Lot, PendingEnd, PendingPosting, Posting
from openkap.dose.tests.stockroom import LOZENGE, SPRAY, VIAL, stockroom
from openkap.kernel.errors import UserError
from tests.database import make_clinic

LOTS = {lot.label: lot for lot in (VIAL, LOZENGE, SPRAY)}
LABELS = st.sampled_from(list(LOTS))
AMOUNTS = st.sampled_from([1, 28_000, 41_000, 100_000, 459_000, 500_000])
PEOPLE = st.sampled_from(["ana", "tom", "ines", "ana", "tom", "ines", "kim", "gil"])
WITNESSES = st.sampled_from(["tom", "ines", "ana", "kim"])
SESSIONS = st.sampled_from(["s1", "s2"])


class Days(RuleBasedStateMachine):
    """Each walk is a clinic of its own, rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.room = stockroom(make_clinic())
        self.site = self.room.clinic.site.pk
        self.sums: Counter[tuple[str, str]] = Counter()  # by label and place
        self.repeats: list[Callable[[], object]] = []
        for label in LOTS:  # a morning: each lot came, a vial is open, something is drawn
            self.receive(label, 3, "ana")
        self.open("K50", "ana")
        for label, ug in (("K50", 100_000), ("L100", 100_000), ("E28", 28_000)):
            self.draw(label, ug, "s1", "ana")
        assert len(self.repeats) == 7

    def teardown(self) -> None:
        try:
            assert selectors.faults(self.site) == []
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    def move(self, act: Callable[[], object], label: str, source: str, target: str, ug: int) -> None:
        """Do it; if the ledger takes it, the plain sum does, and a repeat changes nothing."""
        try:
            with transaction.atomic():
                act()
        except UserError:
            return
        self.sums[label, source] -= ug
        self.sums[label, target] += ug
        self.repeats.append(act)

    @rule(label=LABELS, containers=st.integers(0, 3), by=PEOPLE)
    def receive(self, label: str, containers: int, by: str) -> None:
        key = self.room.key()
        ug = containers * LOTS[label].unit_ug
        act = lambda: self.room.receive(LOTS[label], containers, by, key=key)  # noqa: E731
        self.move(act, label, "supplier", "stock", ug)

    @rule(label=LABELS, by=PEOPLE)
    def open(self, label: str, by: str) -> None:
        key = self.room.key()
        act = lambda: services_ledger.open_vial(self.room.who(by), label, key=key)  # noqa: E731
        self.move(act, label, "stock", "vial", LOTS[label].unit_ug)

    @rule(label=LABELS, ug=AMOUNTS, session=SESSIONS, by=PEOPLE)
    def draw(self, label: str, ug: int, session: str, by: str) -> None:
        key = self.room.key()
        act = lambda: self.room.draw(ug, label, by, session, key=key)  # noqa: E731
        self.move(act, label, "vial" if label == "K50" else "stock", "drawn", ug)

    @rule(label=LABELS, ug=AMOUNTS, session=SESSIONS, by=PEOPLE)
    def give(self, label: str, ug: int, session: str, by: str) -> None:
        key = self.room.key()
        act = lambda: self.room.give(ug, label, by, session, key=key)  # noqa: E731
        self.move(act, label, "drawn", "given", ug)

    @rule(label=LABELS, containers=st.integers(0, 2), by=PEOPLE)
    def give_back(self, label: str, containers: int, by: str) -> None:
        key = self.room.key()
        act = lambda: services_ledger.give_back(  # noqa: E731
            self.room.who(by), label, containers=containers, ref="RMA", key=key
        )
        self.move(act, label, "stock", "returned", containers * LOTS[label].unit_ug)

    @rule(
        label=LABELS, ug=AMOUNTS, by=PEOPLE, witness=WITNESSES, kind=st.sampled_from(["waste", "lose"]),
        place=st.sampled_from(["stock", "vial", "drawn"]), session=SESSIONS, vial=st.sampled_from(["1", "2"]),
    )  # fmt: skip
    def waste(self, label, ug, by, witness, kind, place, session, vial) -> None:
        id_ = {"stock": label, "vial": f"{label}-{vial}", "drawn": session}[place]
        key = self.room.key()

        def act() -> None:
            row = self.room.ask(ug, place, id_, by, label=label, kind=kind, key=key)
            if not PendingEnd.objects.filter(of=row).exists():
                self.room.confirm(row, witness)

        self.move(act, label, place, "waste" if kind == "waste" else "lost", ug)

    @rule(which=st.integers(0, 40), by=PEOPLE, witness=WITNESSES)
    @precondition(lambda self: self.repeats)
    def undo(self, which: int, by: str, witness: str) -> None:
        rows = list(Posting.objects.filter(site=self.site).select_related("lot").order_by("pk"))
        row = rows[which % len(rows)]
        key = self.room.key()

        def act() -> None:
            asked = services_witness.ask_reversal(self.room.who(by), row.pk, reason="slip", key=key)
            if not PendingEnd.objects.filter(of=asked).exists():
                self.room.confirm(asked, witness)

        self.move(act, row.lot.label, row.target_place, row.source_place, row.ug)

    @rule(which=st.integers(0, 40))
    @precondition(lambda self: self.repeats)
    def again(self, which: int) -> None:
        before = Posting.objects.count(), PendingPosting.objects.count()
        self.repeats[which % len(self.repeats)]()
        assert (Posting.objects.count(), PendingPosting.objects.count()) == before

    @rule(label=LABELS, gap=st.sampled_from([0, 0, 1, -1]), by=PEOPLE, second=WITNESSES)
    def count(self, label: str, gap: int, by: str, second: str) -> None:
        there = sum(self.sums[label, place] for place in ("stock", "vial", "drawn"))
        if there + gap < 0:
            return
        before = Discrepancy.objects.count()
        try:
            with transaction.atomic():
                self.room.count(by, second, **{label: there + gap})
        except UserError:
            return
        assert Discrepancy.objects.count() - before == (gap != 0)

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        rows = list(Lot.objects.filter(site=self.site))
        places: Counter[tuple[str, str]] = Counter()
        for row in rows:
            sums = selectors.balances(self.site, [row])[row.pk]
            assert sum(sums.values()) == 0
            assert all(ug >= 0 for (place, _), ug in sums.items() if place != "supplier")
            pure = led.balances(selectors.ledger_of(row))
            assert {(one.place, one.id): ug for (_, one), ug in pure.items()} == sums
            for (place, _), ug in sums.items():
                places[row.label, place] += ug
        assert {key: ug for key, ug in places.items() if ug} == {key: ug for key, ug in self.sums.items() if ug}

    @invariant()
    def whoever_witnesses_is_somebody_else(self) -> None:
        allowed = {self.room.users[name].pk for name in ("ana", "tom", "ines")}
        for row in Posting.objects.filter(site=self.site):
            assert row.by_id in allowed
            assert (row.witness_id is not None) == (row.kind in led.WITNESSED)
            assert row.witness_id != row.by_id and row.witness_id in {*allowed, None}
        for one in Count.objects.filter(site=self.site):
            assert one.by_id != one.second_id and {one.by_id, one.second_id} <= allowed


def test_random_days_balance_replay_and_are_sealed(db: None):
    assert connection.in_atomic_block and timezone.now()
    counts = settings(
        stateful_step_count=20,
        max_examples=min(settings.default.max_examples // 4, 200),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Days, settings=counts)
