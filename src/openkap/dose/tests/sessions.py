"""A synthetic session by hand: people, a clock that the test moves, and the way to each phase."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

from openkap.dose import alerts, orders
from openkap.dose import events as e
from openkap.dose.gate import LIMITS, TRIED
from openkap.dose.library import protocol
from openkap.dose.lines import read_back
from openkap.dose.protocol import Protocol
from openkap.dose.session import Session
from openkap.dose.steps import step
from openkap.dose.types import Duty, Effect, Finding, Judged, Order, Person, Refused, Staff, Stamp, Weight
from openkap.kernel.quantity import DoseMg, DoseMgPerKg, Quantity
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth
from openkap.people.types import Role

DAY = date(2026, 11, 29)
BEGIN = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)

NURSE = Staff("n1", "Ana Nurse (synthetic)", Role.NURSE)
SECOND = Staff("n2", "Tom Nurse (synthetic)", Role.NURSE)
DOCTOR = Staff("d1", "Dr Ines Varga (synthetic)", Role.PRESCRIBER)
OTHER_DOCTOR = Staff("d2", "Dr Olu Bell (synthetic)", Role.PRESCRIBER)
THERAPIST = Staff("t1", "Kim Therapist (synthetic)", Role.THERAPIST)
CLERK = Staff("c1", "Pat Desk (synthetic)", Role.COORDINATOR)
SYSTEM = Staff("system", "OpenKAP", Role.SYSTEM)

PERSON = Person("Oskar Brandvold", date(1979, 9, 30))
WEIGHT = Weight(Quantity(Decimal(82), "kg"), DAY, "scale")
PER_ML = Quantity(Decimal(50), "mg/mL")
STEP_ML = Decimal("0.01")

DUTY = Duty(
    {"bedside": (NURSE,), "room": (SECOND, THERAPIST), "prescriber": (DOCTOR,), "site-phone": (CLERK,)},
    frozenset({"n1", "n2", "t1", "d1", "c1"}),
    {"n1": 0, "n2": 0, "t1": 0, "d1": 0},
)
CALM = {"systolic": 126, "diastolic": 80, "heart-rate": 72, "spo2": 98, "respiratory-rate": 14}
AWAKE = {"cadss-6": 0, "moaas": 5}


@cache
def ward(route: Any = "iv", drug: Any = "ketamine") -> Protocol:
    return protocol(Site(), route, drug, DAY)


def judged(*cautions: str, blocking: Sequence[Finding] = (), verdict: str = "", day: date = DAY) -> Judged:
    found = tuple(Finding(row, Truth.FALSE, f"{row} is a caution.", "") for row in cautions)
    return Judged(verdict or ("caution" if cautions else "eligible"), tuple(blocking), found, day, "p1", weight=WEIGHT)


def order(mg_per_kg: str = "0.5", **changes: Any) -> Order:
    made = Order(
        "o1", 1, 1, "p1", "ketamine", "iv", DoseMgPerKg(Decimal(mg_per_kg)).times(WEIGHT.quantity),
        DoseMgPerKg(Decimal(mg_per_kg)), WEIGHT, Decimal(40),
    )  # fmt: skip
    return _planned(made, changes)


def by_mouth(mg: str = "100", **changes: Any) -> Order:
    """A lozenge: by mg alone."""
    made = Order("o1", 1, 1, "p1", "ketamine", "sublingual", DoseMg(Decimal(mg)), None, None)
    return _planned(made, changes)


def _planned(made: Order, changes: dict[str, Any]) -> Order:
    """As the plan proposed it, unless the test says otherwise."""
    made = replace(made, **changes)
    return made if "planned_mg" in changes else replace(made, planned_mg=made.mg)


@dataclass
class Case:
    """
    A session that a test moves.

    `do` brings an event `after_s` seconds later and refuses to be refused; `refused` is what it is refused with.
    `screens`: whoever an alert reaches and has a live screen has one that confirms it at once.
    """

    session: Session
    now_s: int = 0
    screens: bool = True
    effects: list[Effect] = field(default_factory=list)
    keys: Any = field(default_factory=lambda: count(1))

    def stamp(self) -> Stamp:
        return Stamp(self.now_s, BEGIN + timedelta(seconds=self.now_s), DAY)

    def send(self, event: e.Event) -> tuple[Effect, ...]:
        before = self.session
        self.session, effects = step(self.session, event, self.stamp())
        self.effects += effects
        if self.screens and self.session != before:
            self.confirm()
        return effects

    def confirm(self) -> None:
        """What the live screens of whoever an alert has reached say by themselves."""
        people = {staff.id: staff for ring in self.session.duty.rings.values() for staff in ring}
        people |= {self.session.observer.id: self.session.observer} if self.session.observer else {}
        for alert in self.session.open_alerts():
            for person in sorted(self.session.duty.live & set(people)):
                now = alerts.find(self.session, alert.id)
                if now is not None and now.acknowledged is None and alerts.awaits(self.session, now, person):
                    receipt = self.event(e.Receipt, people[person], alert=alert.id)
                    self.session, _ = step(self.session, receipt, self.stamp())

    def event(
        self, kind: type[e.Event], by: Staff = NURSE, key: str = "", patient: str = "p1", **fields: Any
    ) -> e.Event:
        return kind(key=key or f"k{next(self.keys)}", patient=patient, by=by, **fields)

    def do(self, kind: type[e.Event], by: Staff = NURSE, after_s: int = 0, **fields: Any) -> tuple[Effect, ...]:
        self.now_s += after_s
        effects = self.send(self.event(kind, by, **fields))
        assert [one.data for one in effects if one.kind == "refused"] == [], kind
        return effects

    def refused(self, kind: type[e.Event], by: Staff = NURSE, **fields: Any) -> Refused:
        """The refusal of an event; nothing changed."""
        before = self.session
        effects = self.send(self.event(kind, by, **fields))
        assert self.session == before
        assert [one.kind for one in effects] == ["refused"], kind
        why: Refused = effects[0].data
        assert re.fullmatch(r"[A-Z][A-Z0-9-]+", why.rule) and not why.rule.startswith("XX"), why
        assert re.fullmatch(r"['A-Z0-9-].*[.?]", why.text) and why.text != why.text.upper(), why
        return why

    def read(self, by: Staff = NURSE, taken_s: int | None = None, **values: float | str) -> list[Effect]:
        """Values by measure, `_` for `-`."""
        said: list[Effect] = []
        for name, value in values.items():
            measure = name.replace("_", "-")
            unit = self.session.protocol.measures[measure].unit
            quantity = Quantity(Decimal(str(value)), unit)
            when = self.now_s if taken_s is None else taken_s
            said += self.do(e.Read, by, measure=measure, quantity=quantity, taken_s=when)
        return said

    def check(self, **values: float) -> list[Effect]:
        """A whole check: calm vitals and an awake mind, unless given."""
        return self.read(**{**{k.replace("-", "_"): v for k, v in {**CALM, **AWAKE}.items()}, **values})

    def wait(self, minutes: float, step_s: int = 60) -> list[Effect]:
        """Time passes with the heartbeat of the alerts and nothing else."""
        said: list[Effect] = []
        until = self.now_s + round(minutes * 60)
        while self.now_s < until:
            self.now_s = min(until, self.now_s + step_s)
            said += self.send(self.event(e.Beat, SYSTEM))
        return said

    def told(self, kind: str) -> list[Any]:
        return [one.data for one in self.effects if one.kind == kind]

    # -- the way through a session ---------------------------------------------------------------------

    def arrive(self) -> Case:
        self.do(e.Arrive)
        self.do(e.DutyNow, SYSTEM, duty=DUTY)
        self.do(e.ConfirmPerson, name=PERSON.name, born=PERSON.born)
        self.do(e.OpenGate)
        return self

    def answer_all(self) -> Case:
        for item in self.session.protocol.items:
            number = Decimal(3) if item.name == "fear-asked" else None
            if item.name == TRIED:
                self.try_screen()
            note = read_back(self.session) if item.name == LIMITS else item.ask and "written down"
            self.do(e.Answer, name=item.name, truth=Truth.TRUE, number=number, note=note)
        return self

    def try_screen(self, by: Staff = NURSE) -> None:
        """The screen is tried, and shows what it is sent."""
        self.do(e.TryScreen, by, device="tablet")
        assert self.session.trial is not None
        self.do(e.Receipt, by, alert=self.session.trial.id)

    def sign(self, made: Order, by: Staff = DOCTOR, **fields: Any) -> tuple[Effect, ...]:
        return self.do(e.SignOrder, by, order=orders.signed(made, by, BEGIN), **fields)

    def to_gate(self, made: Order | None = None, found: Judged | None = None) -> Case:
        """At the gate, with everything that makes it green."""
        self.arrive().answer_all()
        self.check()
        self.do(e.Judge, SYSTEM, judged=found or judged())
        self.sign(made or order())
        return self

    def to_ready(self, made: Order | None = None, found: Judged | None = None) -> Case:
        self.to_gate(made, found).do(e.PassGate)
        return self

    def in_hand(self) -> Case:
        """Drawn up, checked, and the person identified again; a further dose is screened again."""
        made = self.session.order
        assert made is not None
        liquid = made.route in ("iv", "im", "sc")
        draw = orders.drawn(made, "LOT-7", PER_ML if liquid else None, STEP_ML if liquid else None, NURSE)
        self.do(e.DrawUp, draw=draw)
        self.do(e.CheckDraw, SECOND, per_ml=PER_ML if liquid else None)
        self.do(e.ConfirmPerson, name=PERSON.name, born=PERSON.born)
        if self.session.given:
            self.do(e.Judge, SYSTEM, judged=judged())
        return self

    def start(self, **fields: Any) -> tuple[Effect, ...]:
        made = self.session.order
        assert made is not None
        return self.do(e.Start, order=made.id, version=made.version, step=made.step, **fields)

    def to_dosing(self, made: Order | None = None) -> Case:
        self.to_ready(made).in_hand().start()
        return self

    def finish(self) -> None:
        """The dose is over; a lozenge was held and spat out."""
        held = {"held_min": Decimal(10), "ended": "spat out"} if self.session.protocol.route == "sublingual" else {}
        self.do(e.Finish, **held)

    def watch(self, minutes: int, every_min: int = 5) -> Case:
        """Time passes with a calm check every few minutes."""
        until = self.now_s + minutes * 60
        while self.now_s < until:
            self.now_s = min(until, self.now_s + every_min * 60)
            self.check()
        return self

    def to_recovery(self, made: Order | None = None) -> Case:
        """After an infusion of 40 min, calm."""
        self.to_dosing(made).watch(40)
        if self.session.running:
            self.finish()
        self.do(e.Recover)
        return self

    def answer_leaving(self) -> Case:
        for item in self.session.protocol.checks:
            self.do(e.Answer, name=item.name, truth=Truth.TRUE, note=item.ask and "written down")
        return self

    def to_leaving(self) -> Case:
        """Every criterion met."""
        self.to_recovery().watch(75)
        self.read(aldrete=10)
        return self.answer_leaving()


def case(route: Any = "iv", drug: Any = "ketamine", **changes: Any) -> Case:
    """A booked session."""
    made = Session(
        "s1",
        "p1",
        PERSON,
        DAY,
        ward(route, drug),
        dose_times=(),
        **{"maintenance": False, "harm": (), "doses": 0, **changes},
    )
    return Case(made)
