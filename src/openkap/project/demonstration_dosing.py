"""
The dosing rooms of the demonstration: chairs, drug in stock, people booked for today, and one session of the day
before, walked through by the services that a site uses. Its times are those of that day; everything is synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock
from uuid import uuid4

from openkap.chart import services as charts
from openkap.chart.fhir.statement import Author, statement
from openkap.chart.vocabulary import facts
from openkap.dose import events as e
from openkap.dose import floor, orders, services, services_book, services_ledger, store
from openkap.dose.clock import Tick
from openkap.dose.gate import LIMITS, TRIED, decidable
from openkap.dose.lines import read_back
from openkap.dose.models import Chair, DosingSession
from openkap.dose.selectors_calendar import linked
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import Quantity
from openkap.kernel.site import Site as Content
from openkap.kernel.truth import Truth
from openkap.people.models import Patient, Site
from openkap.people.types import Principal
from openkap.plan.selectors import document_of, newest
from openkap.schedule import services_booking
from openkap.schedule.needs import SINGLE
from openkap.schedule.services_booking import Wanted
from openkap.web.dose.give.order import choice, made
from openkap.web.judge import dose_day

CHAIRS = ("Bay 1", "Bay 2", "Bay 3", "Bay 4")
VIALS, LOZENGES, SPRAYS = "KET-2611-A", "LOZ-2610-C", "ESK-2609-B"
STRENGTH, STEP_ML = Quantity(Decimal(50), "mg/mL"), Decimal("0.01")
ESCORT = "Jonas Falk (synthetic), met here"
NOTED = 15  # minute of the therapist's note
# What is asked on the day of a dose, as somebody answers for whom nothing stands in the way.
CALM: dict[str, Any] = {
    "escort": "confirmed",
    "acute-respiratory-infection": False,
    "alcohol-24h": False,
    "illicit-stimulant-72h": False,
    "identity-checked": True,
    "solids-h": Decimal(10),
    "fluids-h": Decimal(4),
    "driving-agreement": True,
    "interval-change": False,
    "phq-9.9": Decimal(0),
    "c-ssrs-screen": "none_identified",
    "equipment-ready": True,
    "sitter-assigned": True,
    "session-fear": Decimal(3),
    "ketamine-allergy": False,
    "hcg": "negative",
}
REST = {"systolic": 124, "diastolic": 78, "heart-rate": 70, "spo2": 98, "respiratory-rate": 14}
AWAKE = {"cadss-6": 0, "moaas": 5, "distress": 2}
# Minutes after the dose: pressure, pulse, saturation, breaths, dissociation, alertness. Made up.
COURSE = (
    (5, 132, 82, 78, 98, 14, 5, 5),
    (10, 139, 86, 84, 98, 15, 10, 5),
    (15, 144, 88, 86, 97, 14, 12, 4),
    (30, 141, 86, 82, 97, 14, 8, 5),
    (45, 134, 83, 78, 98, 14, 4, 5),
    (60, 130, 81, 75, 98, 14, 1, 5),
    (75, 128, 80, 72, 98, 14, 0, 5),
    (90, 126, 79, 71, 98, 14, 0, 5),
    (105, 125, 78, 71, 98, 14, 0, 5),
    (120, 124, 78, 70, 98, 14, 0, 5),
)


def chairs(site: Site) -> list[Chair]:
    """Where somebody is treated."""
    return [services_book.add_chair(None, site.pk, name) for name in CHAIRS]


def fill(site: Site, team: dict[str, Principal], there: list[Chair], planned: list[Patient], on: date) -> None:
    """
    Args:
        team: by the local part of their address. there: the chairs. planned: people with a signed plan; the first is
            treated on the day before, the next three are booked for today. on: today at the clinic.
    """
    clock = Clock(datetime.combine(on - timedelta(days=1), time(9, 0), tzinfo=store.zone_of(site)))
    with clock.running():
        people = [team[name] for name in ("nurse", "nurse2", "prescriber", "therapist", "coordinator")]
        for one in people:
            floor.begin_shift(one, next(role for role in floor.ON_FLOOR if role in one.roles))
        _stock(team["nurse"], on)
        row = book_planned(team["coordinator"], planned[0], there[0], clock.now.date())
        Told(team, row, clock).day()
        for one in people:
            floor.end_shift(one)
    for chair, patient in zip(there, planned[1:4], strict=False):
        book_planned(team["coordinator"], patient, chair, on)


def _stock(nurse: Principal, on: date) -> None:
    for label in (
        services_ledger.Label(VIALS, "ketamine", "vial", 500_000, 50_000, "base", on + timedelta(days=200)),
        services_ledger.Label(LOZENGES, "ketamine", "lozenge", 100_000, None, "base", on + timedelta(days=120)),
        services_ledger.Label(SPRAYS, "esketamine", "device", 28_000, None, "base", on + timedelta(days=300)),
    ):
        services_ledger.receive(nurse, label, containers=20, ref="delivery 118 (synthetic)", key=str(uuid4()))
    services_ledger.open_vial(nurse, VIALS, key=str(uuid4()))


def book_planned(
    coordinator: Principal, patient: Patient, chair: Chair, day: date, at: time = time(10)
) -> DosingSession:
    """A session by route and drug of the newest plan, with its integration session on the next day."""
    row = newest(patient)
    assert row is not None
    regimen = document_of(row)["regimen"]
    session = services_book.book(
        coordinator,
        patient,
        Content(),
        day=day,
        at=at,
        route=regimen["route"],
        drug=regimen["drug"],
        chair=chair,
        plan_session="dose-1",
        maintenance=False,
    )
    link = linked([session])[0]
    if link.booked is None:
        ends = link.first + timedelta(minutes=90)
        title = f"Integration after {session.appointment.title.lower()}" if session.appointment else ""
        wanted = Wanted(f"{SINGLE}-{link.session}", "integration", title, link.first, ends, patient=patient.pk)
        services_booking.book(coordinator, patient.site, wanted)
    return session


class Told:
    """One session, told from arrival to the way home."""

    def __init__(self, team: dict[str, Principal], row: DosingSession, clock: Clock):
        self.team, self.row, self.patient, self.clock = team, row, row.patient, clock

    def day(self) -> None:
        """From arrival to the way home."""
        self.until(COURSE[-1][0])
        self._goes_home()

    def until(self, minute: int) -> None:
        """From arrival to so many minutes after the dose."""
        self.to_the_order()
        self._gets_the_dose()
        self._is_watched(minute)

    def to_the_order(self) -> None:
        """Received, named, asked; nothing is ordered yet."""
        self._arrives()
        self._is_asked()

    def does(self, who: str, kind: type[e.Event], **fields: Any) -> None:
        """One act, half a minute after the one before."""
        self.clock.go(0.5)
        floor.here(self.team["nurse"], "tablet of Bay 1")  # whose screen is silent is missed

        def event(by: Any, session: Any, now: Any) -> e.Event:
            said = {name: value(by, session, now) if callable(value) else value for name, value in fields.items()}
            return kind(key=str(uuid4()), patient=session.patient, by=by, **said)

        done = services.act(self.team[who], self.row, event, judge_of=dose_day)
        if done.refused is not None:
            raise ContentFault(f"demonstration: {kind.__name__}: {done.refused.text}")

    def reads(self, **values: Any) -> None:
        measures = store.load(self.row).protocol.measures
        for name, value in values.items():
            measure = measures[name.replace("_", "-")]
            quantity = Quantity(Decimal(value), measure.unit)
            self.does("nurse", e.Read, measure=measure.name, quantity=quantity, taken_s=_now)
            self.clock.go(-0.5)  # the values of one check are of one moment

    def _arrives(self) -> None:
        self.does("nurse", e.Arrive)
        self._is_named()
        self.does("nurse", e.OpenGate)

    def _is_named(self) -> None:
        person = store.person_of(self.patient)
        self.does("nurse", e.ConfirmPerson, name=person.name, born=person.born)

    def _is_asked(self) -> None:
        nurse, day = self.team["nurse"], self.clock.now.date()
        self.reads(**REST, **AWAKE)
        services.judge_now(nurse, self.row, dose_day, key=str(uuid4()))  # its readings are filed, the rest is asked
        author = Author(str(nurse.user_id), nurse.name)
        wanted = [ask.fact for ask in dose_day(self.patient, day).screening.ask if ask.fact in CALM]
        said = [
            statement(str(self.patient.pk), name, CALM[name], day, author, unit=facts()[name].unit or "")
            for name in wanted
        ]
        if said:
            charts.add_records(nurse, self.patient, said, by="staff", reason="asked at the gate")
        for item in store.load(self.row).protocol.items:
            number = CALM["session-fear"] if item.name == "fear-asked" else None
            note = "It was hard and it helped." if item.ask else ""
            if item.name == LIMITS:
                note = read_back(store.load(self.row))
            if item.name == TRIED:
                self.does("nurse", e.TryScreen, device="tablet")
                self.row.refresh_from_db()
                services.received(nurse, self.row, self.row.sequence, "tablet")
                note = "seen"
            self.does("nurse", e.Answer, name=item.name, truth=Truth.TRUE, number=number, note=note)
        self.clock.go(1)
        services.judge_now(nurse, self.row, dose_day, key=str(uuid4()))

    def _gets_the_dose(self) -> None:
        session = store.load(self.row)
        assert session.clock is not None
        chosen = choice(self.patient, session, self.clock.now.date())
        order = made(session, chosen, Decimal(chosen.options[0][0]), typed=False, duration=chosen.duration, reason="")
        self.does("prescriber", e.SignOrder, order=lambda by, _s, now: orders.signed(order, by, now.at))
        for row in decidable(store.load(self.row), session.clock):
            self.does("prescriber", e.Decide, row=row, reason="Talked over with the patient; the team knows.")
        self.does("nurse", e.PassGate)
        self.does("nurse", e.DrawUp, draw=lambda by, s, _n: orders.drawn(s.order, VIALS, STRENGTH, STEP_ML, by))
        self.does("nurse2", e.CheckDraw, per_ml=STRENGTH)
        self._is_named()
        self.does("nurse", e.Start, order=order.id, version=order.version, step=order.step)

    def _is_watched(self, until: int = COURSE[-1][0]) -> None:
        """The course of the values, up to a minute after the dose."""
        names = ("systolic", "diastolic", "heart-rate", "spo2", "respiratory-rate", "cadss-6", "moaas")
        begun = self.clock.now
        for minute, *values in (row for row in COURSE if row[0] <= until):
            self.clock.now = begun + timedelta(minutes=minute)
            self.reads(**dict(zip(names, values, strict=True)))
            if minute == NOTED:
                self.does("therapist", e.Note, text="Says: floating, a little afraid, then calm. Wants to talk later.")

    def _goes_home(self) -> None:
        self.does("nurse", e.Recover)
        self.reads(**{**REST, **AWAKE, "aldrete": 10})
        for item in store.load(self.row).protocol.checks:
            self.does("nurse", e.Answer, name=item.name, truth=Truth.TRUE, note=ESCORT if item.ask else "")
        self.does("nurse", e.Discharge)


def _now(_by: Any, _session: Any, now: Any) -> int:
    return int(now.elapsed_s)


class Clock:
    """The clocks of a day that is over: they stand at its beginning and go on as the day is told."""

    def __init__(self, begin: datetime):
        self.now = begin
        self.real = store.tick()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Every clock of the product shows this one."""
        with mock.patch("django.utils.timezone.now", self._now), mock.patch.object(store, "tick", self._tick):
            yield

    def _now(self) -> datetime:
        return self.now

    def _tick(self) -> Tick:
        return Tick(self.real.boot, self.real.monotonic_s + (self.now - self.real.at).total_seconds(), self.now)

    def go(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)
