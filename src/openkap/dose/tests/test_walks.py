"""
Random walks through the session engine (RG-08). What must never happen is worked out here from the log alone, in words
of its own: it asks none of the functions that it checks.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from openkap.dose import events as e
from openkap.dose import orders
from openkap.dose.gate import LIMITS, TRIED
from openkap.dose.lines import read_back
from openkap.dose.session import Session
from openkap.dose.steps import replay
from openkap.dose.tests.sessions import (
    AWAKE,
    CALM,
    CLERK,
    DOCTOR,
    DUTY,
    NURSE,
    PER_ML,
    PERSON,
    SECOND,
    STEP_ML,
    SYSTEM,
    THERAPIST,
    case,
    judged,
    order,
)
from openkap.dose.types import Duty, Entry, Hold, Phase
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.kernel.truth import Truth
from openkap.people.types import Role

pytestmark = [
    pytest.mark.goal("RG-08"),
    pytest.mark.hazard("HAZ-42", "C1"),
    pytest.mark.hazard("HAZ-43", "C1"),
    pytest.mark.hazard("HAZ-17", "C1"),
    pytest.mark.hazard("HAZ-14", "C1"),
]

PEOPLE = st.sampled_from([NURSE, NURSE, SECOND, DOCTOR, DOCTOR, THERAPIST, CLERK])
TRUTHS = st.sampled_from([Truth.TRUE, Truth.TRUE, Truth.TRUE, Truth.FALSE, Truth.UNKNOWN])
OVER = {"discharged", "transferred", "left early", "cancelled"}
RED = {"chest", "headache", "seizure", "stop", "apnoea"}


class Walk(RuleBasedStateMachine):
    """Events in any order, by anybody, right and wrong, and now and then the next right one."""

    def __init__(self) -> None:
        super().__init__()
        self.run = case()
        self.sent: list[e.Event] = []

    def send(self, kind: type[e.Event], by: Any, **fields: Any) -> None:
        event = self.run.event(kind, by, **fields)
        self.sent.append(event)
        self.run.send(event)

    # -- the right next thing, so that walks come far ----------------------------------------------------

    @initialize(steps=st.integers(0, 6))
    def begin(self, steps: int) -> None:
        """Walks begin anywhere on the way, so that the end is walked as often as the beginning."""
        for _ in range(steps):
            self.forward()

    @rule(chance=st.integers(0, 2))
    def perhaps_forward(self, chance: int) -> None:
        if chance:
            self.forward()

    @rule()
    def forward(self) -> None:
        """What a good team would do next."""
        run, phase = self.run, self.run.session.phase
        if phase is Phase.BOOKED:
            self.send(e.Arrive, NURSE)
            self.send(e.DutyNow, SYSTEM, duty=DUTY)
        elif phase is Phase.ARRIVED:
            self.send(e.ConfirmPerson, NURSE, name=PERSON.name, born=PERSON.born)
            self.send(e.OpenGate, NURSE)
        elif phase is Phase.GATE:
            for item in run.session.protocol.items:
                by = run.session.observer or NURSE if item.name == TRIED else NURSE
                if item.name == TRIED:
                    self.send(e.TryScreen, by, device="tablet")
                    self.send(e.Receipt, by, alert=run.session.trial.id if run.session.trial else "")
                self.send(
                    e.Answer,
                    by,
                    name=item.name,
                    truth=Truth.TRUE,
                    number=Decimal(2) if "fear" in item.name else None,
                    note=read_back(run.session) if item.name == LIMITS else item.ask and "written down",
                )
            self.calm()
            self.send(e.Judge, SYSTEM, judged=judged())
            version = run.session.order.version + 1 if run.session.order else 1
            self.send(e.SignOrder, DOCTOR, order=orders.signed(order(version=version), DOCTOR, run.stamp().at))
            self.send(e.PassGate, NURSE)
        elif phase is Phase.READY:
            self.draw(NURSE)
            self.send(e.CheckDraw, SECOND, per_ml=PER_ML)
            self.send(e.ConfirmPerson, NURSE, name=PERSON.name, born=PERSON.born)
            self.give(NURSE, 1)
        elif phase is Phase.DOSING:
            self.passing(40)
            self.send(e.Finish, NURSE)
        elif phase in (Phase.PEAK, Phase.STOPPED):
            self.send(e.Recover, NURSE)
        elif phase is Phase.RECOVERY:
            self.passing(65)
            self.run.read(aldrete=10)
            for item in run.session.protocol.checks:
                self.send(e.Answer, NURSE, name=item.name, truth=Truth.TRUE, note="written down")
            self.send(e.Discharge, NURSE)
        elif phase is Phase.ESCALATED:
            self.send(e.Stop, NURSE, reason="emergency", given_mg=DoseMg(Decimal(1)))
            self.send(e.EmergencyOver, DOCTOR, reason="well")

    def calm(self) -> None:
        for name, value in {**CALM, **AWAKE}.items():
            self.value(NURSE, name, value, 0)

    def passing(self, minutes: int) -> None:
        for _ in range(minutes // 5):
            self.run.now_s += 300
            self.calm()

    # -- anything, by anybody ----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 5, 60, 301, 1200, 4000]))
    def beat(self, seconds: int) -> None:
        self.run.now_s += seconds
        self.send(e.Beat, SYSTEM)

    @rule(seconds=st.integers(1, 5000))
    def clock_back(self, seconds: int) -> None:
        self.run.now_s = max(0, self.run.now_s - seconds)

    @rule(by=PEOPLE, name=st.sampled_from([PERSON.name, "Oskar Brandvald"]))
    def person(self, by: Any, name: str) -> None:
        self.send(e.ConfirmPerson, by, name=name, born=PERSON.born)

    @rule(by=PEOPLE, place=st.integers(0, 20), truth=TRUTHS)
    def answer(self, by: Any, place: int, truth: Truth) -> None:
        protocol = self.run.session.protocol
        items = (*protocol.items, *protocol.checks)
        self.send(
            e.Answer, by, name=items[place % len(items)].name, truth=truth, note="written down", number=Decimal(3)
        )

    @rule(verdict=st.sampled_from(["eligible", "eligible", "eligible", "hold", "exclude", "insufficient"]))
    def judge(self, verdict: str) -> None:
        self.send(e.Judge, SYSTEM, judged=judged(verdict=verdict))

    @rule(by=PEOPLE)
    def pass_gate(self, by: Any) -> None:
        self.send(e.PassGate, by)

    @rule(
        by=PEOPLE,
        amount=st.sampled_from(["0.5", "0.4", "0.6", "5"]),
        version=st.integers(1, 4),
        step_=st.integers(1, 2),
        sign=st.booleans(),
    )
    def sign(self, by: Any, amount: str, version: int, step_: int, sign: bool) -> None:
        made = order(amount, version=version, step=step_, id=f"o{step_}", reason="effect is small")
        self.send(e.SignOrder, by, order=orders.signed(made, by, self.run.stamp().at) if sign else made)

    @precondition(lambda self: self.run.session.order)
    @rule(by=PEOPLE)
    def draw(self, by: Any) -> None:
        self.send(e.DrawUp, by, draw=orders.drawn(self.run.session.order, "LOT-7", PER_ML, STEP_ML, by))

    @rule(by=PEOPLE, strength=st.sampled_from([10, 50]))
    def check(self, by: Any, strength: int) -> None:
        self.send(e.CheckDraw, by, per_ml=Quantity(Decimal(strength), "mg/mL"))

    @rule(by=PEOPLE, version=st.integers(1, 4))
    def give(self, by: Any, version: int) -> None:
        made = self.run.session.order
        there = made.version if made and version == 1 else version
        self.send(e.Start, by, order=made.id if made else "o1", version=there, step=made.step if made else 1)

    @rule(by=PEOPLE, kind=st.sampled_from([e.Pause, e.Stop, e.Finish, e.Resume, e.Recover, e.Discharge]))
    def drug(self, by: Any, kind: type[e.Event]) -> None:
        fields = {e.Pause: {"reason": "asked"}, e.Stop: {"reason": "asked", "given_mg": DoseMg(Decimal(7))}}
        self.send(kind, by, **fields.get(kind, {}))

    @rule(
        by=PEOPLE,
        name=st.sampled_from(["systolic", "spo2", "moaas", "nausea"]),
        value=st.sampled_from([0, 2, 5, 88, 97, 126, 158, 190]),
        ago=st.sampled_from([0, 0, 600]),
    )
    def value(self, by: Any, name: str, value: int, ago: int) -> None:
        unit = self.run.session.protocol.measures[name].unit
        self.send(
            e.Read, by, measure=name, quantity=Quantity(Decimal(value), unit), taken_s=max(0, self.run.now_s - ago)
        )

    @rule(by=PEOPLE, name=st.sampled_from(["vomit", *sorted(RED)]))
    def mark(self, by: Any, name: str) -> None:
        self.send(e.SetMark, by, name=name)

    @precondition(lambda self: self.run.session.open_alerts())
    @rule(by=PEOPLE, kind=st.sampled_from([e.Acknowledge, e.Silence, e.Settle]), data=st.data())
    def alert(self, by: Any, kind: type[e.Event], data: Any) -> None:
        alert = data.draw(st.sampled_from(self.run.session.open_alerts()))
        self.send(kind, by, alert=alert.id, **({"reason": "seen"} if kind is e.Settle else {}))

    @precondition(lambda self: self.run.session.readings)
    @rule(by=PEOPLE, place=st.integers(0, 50))
    def strike(self, by: Any, place: int) -> None:
        there = self.run.session.readings
        self.send(e.Correct, by, reading=there[place % len(there)].id, reason="artefact")

    @rule()
    def hold(self) -> None:
        self.send(e.AddHold, SYSTEM, hold=Hold(f"h{len(self.sent)}", "RES-8", "Not reviewed."))

    @precondition(lambda self: self.run.session.held)
    @rule(by=PEOPLE)
    def lift(self, by: Any) -> None:
        self.send(e.LiftHold, by, hold=self.run.session.held[0].id, reason="reviewed")

    @rule(by=PEOPLE, to=PEOPLE)
    def hand_over(self, by: Any, to: Any) -> None:
        self.send(e.OfferWatch, by, to=to, summary="calm")
        self.send(e.TakeWatch, to)

    @rule(
        live=st.sets(st.sampled_from(["n1", "n2", "d1", "c1"])),
        others=st.sampled_from([{}, {"n1": 0, "n2": 0, "d1": 0, "t1": 0}, {"n1": 1}]),
    )
    def duty(self, live: set[str], others: dict[str, int]) -> None:
        self.send(e.DutyNow, SYSTEM, duty=Duty(DUTY.rings, frozenset(live), others))

    @rule(
        by=PEOPLE,
        kind=st.sampled_from([e.Cancel, e.Leave, e.Transfer, e.Emergency, e.EmergencyOver]),
        chance=st.integers(0, 4),
    )
    def out(self, by: Any, kind: type[e.Event], chance: int) -> None:
        if chance:
            return
        fields = {
            e.Cancel: {"reason": "fever"}, e.EmergencyOver: {"reason": "well"},
            e.Transfer: {"to": "ward", "reason": "x"},
            e.Leave: {"how": "against advice", "reason": "x", "advice_given": True},
        }  # fmt: skip
        self.send(kind, by, **fields.get(kind, {}))

    @precondition(lambda self: self.sent)
    @rule(place=st.integers(0, 500))
    def again(self, place: int) -> None:
        """A reply was lost and the device sends the same once more."""
        self.run.send(self.sent[place % len(self.sent)])

    @rule()
    def neighbour(self) -> None:
        """An event meant for another patient."""
        before = self.run.session
        self.run.send(self.run.event(e.SetMark, NURSE, patient="p2", name="chest"))
        assert self.run.session == before

    # -- what must never happen --------------------------------------------------------------------------

    @invariant()
    def nothing_forbidden_is_in_the_log(self) -> None:
        check(self.run.session)

    def teardown(self) -> None:
        """Time that passed after the last entry changed nothing, or it would be in the log."""
        again = replay(case().session, self.run.session.log)
        assert replace(again, clock=None) == replace(self.run.session, clock=None)
        keys = [entry.event.key for entry in self.run.session.log]
        assert len(set(keys)) == len(keys)


def check(session: Session) -> None:
    """The promises of RG-08, read off the log."""
    log = session.log
    assert session.phase.value in OVER | {"booked"} or session.observer is not None
    assert session.observer is None or session.observer.role in (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST)
    for alert in session.alerts:
        assert alert.owner.role in (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST), alert
        assert alert.reached, alert
    assert len({a.id for a in session.alerts}) == len(session.alerts)
    assert len({a.about for a in session.open_alerts()}) == len(session.open_alerts())
    times = [entry.stamp.elapsed_s for entry in log]
    assert times == sorted(times)
    for place, entry in enumerate(log):
        before = log[:place]
        if type(entry.event) in (e.Start, e.Resume):
            no_drug_after_hold_or_red(before)
            assert last(before, e.Answer, name="consent-current").event.truth is Truth.TRUE
        if type(entry.event) is e.Start:
            dose_was_right(entry.event, before)
        if type(entry.event) is e.Discharge:
            stayed_long_enough(entry, before)
        if entry.before.value in OVER:
            assert type(entry.event) in (e.Note, e.Read, e.Correct, e.SetMark)
    steps = [(entry.event.order, entry.event.step) for entry in log if type(entry.event) is e.Start]
    assert len(steps) == len(set(steps)) == len(session.given)


def last(entries: Any, kind: type[e.Event], **fields: Any) -> Entry | None:
    for entry in reversed(entries):
        if type(entry.event) is kind and all(getattr(entry.event, name) == value for name, value in fields.items()):
            return entry
    return None


def no_drug_after_hold_or_red(before: tuple[Entry, ...]) -> None:
    lifted = {entry.event.hold for entry in before if type(entry.event) is e.LiftHold}
    assert [entry for entry in before if type(entry.event) is e.AddHold and entry.event.hold.id not in lifted] == []
    assert [entry for entry in before if type(entry.event) is e.SetMark and entry.event.name in RED] == []


def dose_was_right(event: e.Start, before: tuple[Entry, ...]) -> None:
    """Consent, order, gate, two people, the person asked again, and a verdict of the day that lets it."""
    assert last(before, e.Answer, name="consent-current").event.truth is Truth.TRUE
    signed = last(before, e.SignOrder)
    made = signed.event.order
    assert (made.id, made.version, made.step) == (event.order, event.version, event.step)
    assert made.signature.by.role is Role.PRESCRIBER and made.mg.mg <= 41 * made.step
    drawn = last(before, e.DrawUp)
    checked, asked = last(before, e.CheckDraw), last(before, e.ConfirmPerson)
    assert before.index(signed) < before.index(drawn) < before.index(checked) < before.index(asked)
    assert checked.event.by.id != drawn.event.by.id and checked.event.per_ml == PER_ML
    assert asked.event.name == PERSON.name
    assert event.by.role in (Role.NURSE, Role.PRESCRIBER)
    assert last(before, e.PassGate) is not None
    assert last(before, e.Judge).event.judged.verdict == "eligible"


def stayed_long_enough(entry: Entry, before: tuple[Entry, ...]) -> None:
    """100 min from the start, 60 from the end, every question answered yes after it."""
    began = last(before, e.Start).stamp.elapsed_s
    ends = [x for x in before if type(x.event) in (e.Finish, e.Stop)]
    ended = ends[-1].stamp.elapsed_s
    assert entry.stamp.elapsed_s - began >= 6000 and entry.stamp.elapsed_s - ended >= 3600
    for name in ("oriented", "walks", "keeps-water", "no-new-suicidal-thoughts", "escort-met", "escort-briefed"):
        answer = last(before, e.Answer, name=name)
        assert answer.event.truth is Truth.TRUE and answer.stamp.elapsed_s >= ended
    assert entry.event.by.role in (Role.NURSE, Role.PRESCRIBER)


TestWalk = Walk.TestCase
TestWalk.settings = settings(stateful_step_count=40, max_examples=min(settings.default.max_examples, 1_300))
