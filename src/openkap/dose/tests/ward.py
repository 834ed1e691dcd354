"""A watched session in the database of a test: people on the floor, and the way through its phases."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import floor, orders, services, services_book, services_ledger, store
from openkap.dose.gate import LIMITS, TRIED
from openkap.dose.lines import read_back
from openkap.dose.models import Chair, DosingSession, Given
from openkap.dose.selectors_calendar import linked
from openkap.dose.selectors_ledger import lots
from openkap.dose.session import Session
from openkap.dose.tests.sessions import AWAKE, CALM, PER_ML, STEP_ML
from openkap.dose.types import DoseDay, Order, Weight
from openkap.kernel.quantity import DoseMgPerKg, Quantity
from openkap.kernel.site import Site
from openkap.kernel.truth import Truth
from openkap.people import services as people
from openkap.people.models import Patient, User
from openkap.people.selectors import principal_of
from openkap.people.types import Principal, Role
from openkap.schedule import services_booking
from openkap.schedule.needs import SINGLE
from openkap.schedule.services_booking import Wanted
from openkap.screen.types import Screening
from tests.database import PASSWORD, Clinic

ON_FLOOR = (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST, Role.COORDINATOR)


def now_s(_: Any, __: Any, now: Any) -> int:
    """For `taken_s`: now."""
    return int(now.elapsed_s)


class Ward:
    """
    A booked session of Ida's, and people who act in it. `second` is another nurse.

    Times can be moved: `later` sets the clocks of everything that is kept back by so many seconds.
    """

    def __init__(self, clinic: Clinic, route: Any = "iv", patient: Patient | None = None, chair: str = "Bay 1"):
        store.forget()
        self.clinic, self.patient = clinic, patient or clinic.ida
        self.chair: Chair = services_book.add_chair(None, clinic.site.pk, chair)
        self.second: User = second_nurse(clinic)
        for principal, role in [(clinic.principal(role), role) for role in ON_FLOOR] + [
            (principal_of(self.second), Role.NURSE)
        ]:
            assert principal is not None
            if not any(row.user_id == principal.user_id for row in floor.shifts(clinic.site.pk)):
                floor.begin_shift(principal, role)
            floor.here(principal, f"screen-{principal.user_id}")
        self.stock()
        self.watcher: Role | User = Role.NURSE
        self.row = self.book(route=route)

    def stock(self) -> None:
        """Two vials of LOT-7, one of them open; once for a clinic."""
        if lots(self.clinic.site.pk).exists():
            return
        self.deliver(2)

    def deliver(self, containers: int = 1) -> None:
        """So many vials more of LOT-7, one of them opened."""
        nurse, expires = self.clinic.principal(Role.NURSE), timezone.localdate() + timedelta(days=200)
        label = services_ledger.Label("LOT-7", "ketamine", "vial", 500_000, 50_000, "base", expires)
        services_ledger.receive(nurse, label, containers=containers, ref="delivery", key=str(uuid4()))
        services_ledger.open_vial(nurse, "LOT-7", key=str(uuid4()))

    def book(self, **changes: Any) -> DosingSession:
        """For now, with its integration session after it; after another dose by the prescriber, who says why."""
        now = timezone.now().astimezone(store.zone_of(self.clinic.site))
        fields = {"day": now.date(), "at": now.time(), "route": "iv", "drug": "ketamine", "chair": self.chair}
        again = Given.objects.filter(patient=self.patient).exists()
        who = self.clinic.principal(Role.PRESCRIBER if again else Role.COORDINATOR)
        fields |= {"maintenance": False, "exception": "talked over with the patient" if again else ""}
        row = services_book.book(who, self.patient, Site(), **{**fields, **changes})
        book_integration(who, row)
        return row

    @property
    def session(self) -> Session:
        self.row.refresh_from_db()
        return store.load(self.row)

    def act(self, kind: type[e.Event], by: Role | User = Role.NURSE, key: str = "", **fields: Any) -> services.Acted:
        """Values that can be called are given who acts, the session and now."""

        def event(staff: Any, session: Any, now: Any) -> e.Event:
            made = {name: value(staff, session, now) if callable(value) else value for name, value in fields.items()}
            return kind(key=key or str(uuid4()), patient=session.patient, by=staff, **made)

        principal = self.clinic.principal(by) if isinstance(by, Role) else principal_of(by)
        assert principal is not None
        return services.act(principal, self.row, event, judge_of=self.judge_of)

    def do(self, kind: type[e.Event], by: Role | User = Role.NURSE, **fields: Any) -> services.Acted:
        """An act that must not be refused."""
        done = self.act(kind, by, **fields)
        assert done.refused is None, (kind, done.refused)
        return done

    def judge_of(self, patient: Any, day: Any) -> DoseDay:
        """A dose day on which the screening finds nothing; the weight is that of `order`."""
        return DoseDay(Screening("eligible", (), (), "demonstration", dose_day=True), self.weight)

    @property
    def weight(self) -> Weight:
        return Weight(Quantity(Decimal(82), "kg"), self.row.day, "scale")

    def read(self, **values: float) -> None:
        for name, value in values.items():
            measure = name.replace("_", "-")
            unit = self.session.protocol.measures[measure].unit
            self.do(e.Read, measure=measure, quantity=Quantity(Decimal(str(value)), unit), taken_s=now_s)

    def check(self, **values: float) -> None:
        """A whole calm check, unless given."""
        self.read(**{**{k.replace("-", "_"): v for k, v in {**CALM, **AWAKE}.items()}, **values})

    def confirm(self) -> None:
        """Everybody's board says that it shows the session as it is now."""
        self.row.refresh_from_db()
        for user in (*self.clinic.users.values(), self.second):
            if (principal := principal_of(user)) is not None and principal.has(*ON_FLOOR):
                services.received(principal, self.row, self.row.sequence)

    def later(self, seconds: float) -> None:
        """So much time passes: every clock of the session is set back."""
        from openkap.dose.models import SessionEvent
        from tests.database import changing

        with changing("dose_sessionevent"):
            for event in SessionEvent.objects.filter(session=self.row):
                SessionEvent.objects.filter(pk=event.pk).update(monotonic_s=event.monotonic_s - seconds)
        DosingSession.objects.filter(pk=self.row.pk).update(monotonic_s=self.row.monotonic_s - seconds)
        store.forget()

    # -- the way through a session -----------------------------------------------------------------------

    def order(self, mg_per_kg: str = "0.5", **changes: Any) -> Order:
        session = self.session
        weight = self.weight
        per_kg = DoseMgPerKg(Decimal(mg_per_kg))
        mg = per_kg.times(weight.quantity)
        fields = {"duration_min": Decimal(40), "planned_mg": mg, **changes}
        return Order(
            "o1", 1, 1, session.patient, session.protocol.drug, session.protocol.route, mg, per_kg, weight, **fields
        )

    def arrive(self) -> Ward:
        self.do(e.Arrive, self.watcher)
        person = self.session.person
        self.do(e.ConfirmPerson, name=person.name, born=person.born)
        self.do(e.OpenGate)
        return self

    def to_gate(self) -> Ward:
        self.arrive()
        for item in self.session.protocol.items:
            number = Decimal(3) if item.name == "fear-asked" else None
            by, note = (self.watcher, "seen") if item.name == TRIED else (Role.NURSE, item.ask and "written down")
            if item.name == TRIED:
                self.do(e.TryScreen, by, device="tablet")
                self.row.refresh_from_db()
                who = self.clinic.principal(by) if isinstance(by, Role) else principal_of(by)
                assert who is not None and services.received(who, self.row, self.row.sequence, "tablet")
            note = read_back(self.session) if item.name == LIMITS else note
            self.do(e.Answer, by, name=item.name, truth=Truth.TRUE, number=number, note=note)
        self.check()
        services.judge_now(self.clinic.principal(Role.NURSE), self.row, self.judge_of, key=str(uuid4()))
        made = self.order()
        self.do(e.SignOrder, Role.PRESCRIBER, order=lambda by, session, now: orders.signed(made, by, now.at))
        return self

    def to_ready(self) -> Ward:
        self.to_gate().do(e.PassGate)
        return self

    def in_hand(self) -> Ward:
        made = self.session.order
        assert made is not None
        self.do(e.DrawUp, draw=lambda by, *_: orders.drawn(made, "LOT-7", PER_ML, STEP_ML, by))
        self.do(e.CheckDraw, self.second, per_ml=PER_ML)
        self.do(e.ConfirmPerson, name=self.session.person.name, born=self.session.person.born)
        return self

    def start(self, by: Role = Role.NURSE, key: str = "") -> services.Acted:
        made = self.session.order
        assert made is not None
        return self.act(e.Start, by, key, order=made.id, version=made.version, step=made.step)

    def to_dosing(self) -> Ward:
        self.to_ready().in_hand()
        done = self.start()
        assert done.refused is None, done.refused
        return self

    def watch(self, minutes: int, every: int = 10) -> Ward:
        """So many minutes pass, with a calm check every few of them."""
        for _ in range(0, minutes, every):
            self.later(every * 60)
            self.check()
        return self

    def to_recovery(self) -> Ward:
        """After an infusion of 40 min, calm."""
        self.to_dosing().watch(40)
        self.do(e.Finish)
        self.do(e.Recover)
        return self

    def answer_leaving(self, **notes: str) -> Ward:
        """Yes to every question before somebody goes home."""
        for item in self.session.protocol.checks:
            note = notes.get(item.name.replace("-", "_"), "written down" if item.ask else "")
            self.do(e.Answer, name=item.name, truth=Truth.TRUE, note=note)
        return self

    def to_leaving(self) -> Ward:
        """Every criterion of the discharge is met."""
        self.to_recovery().watch(70)
        self.read(aldrete=10)
        return self.answer_leaving()

    def to_left(self) -> Ward:
        """A dose that was stopped at once, and a person who left against advice."""
        self.to_dosing()
        self.do(e.Stop, reason="wants to go", given_mg=lambda _by, session, _now: session.given[0].mg)
        self.do(e.Leave, how="against advice", reason="wants to go", advice_given=True)
        self.row.refresh_from_db()
        return self


def book_integration(principal: Principal, row: DosingSession) -> None:
    """An integration session six hours into the window after a dose, where none is booked in it."""
    link = linked([DosingSession.objects.select_related("appointment").get(pk=row.pk)])[0]
    if link.booked is None:
        begins = link.first + timedelta(hours=6)
        ends = begins + timedelta(minutes=90)
        name = f"{SINGLE}-{link.session}" if link.session else "SES-INTEGRATION/ward"
        wanted = Wanted(name, "integration", "Integration", begins, ends, patient=row.patient_id)
        services_booking.book(principal, row.site, wanted)


def at_another_hour(row: DosingSession) -> time:
    """An hour of the day of a session at which its chair is free."""
    assert row.appointment is not None
    return time(0) if row.appointment.starts_at.astimezone(store.zone_of(row.site)).hour >= 6 else time(20)


def second_nurse(clinic: Clinic) -> User:
    """Another nurse of the site, on Ida's care team."""
    found = User.objects.filter(email="second@clinic.example").first()
    if found is not None:
        return found
    user = people.create_user(
        None, clinic.site, email="second@clinic.example", name="Tom Second", password=PASSWORD, synthetic=True
    )
    people.grant_role(None, user, clinic.site, Role.NURSE)
    coordinator: Principal = clinic.principal(Role.COORDINATOR)
    people.assign_care_team(coordinator, clinic.ida, user)
    return user
