"""Two at once: a dose is charted once, a chair holds one, and no entry is lost or doubled (RG-05, RG-06, RG-08)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction

from openkap.dose import events as e
from openkap.dose import services, services_book, store
from openkap.dose.models import DosingSession, Given, SessionEvent
from openkap.dose.services import Acted
from openkap.dose.tests.ward import Ward, at_another_hour
from openkap.kernel.site import Site
from openkap.people.types import Principal, Role
from tests.database import changing, make_clinic

AT_ONCE = 3


@pytest.fixture
def ward(transactional_db: None) -> Ward:
    return Ward(make_clinic())


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Every act in a thread and a connection of its own, begun at one moment."""
    ready = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        ready.wait()
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def starting(ward: Ward, principal: Principal, key: str) -> Callable[[], Acted]:
    order = ward.session.order
    assert order is not None
    row = DosingSession.objects.select_related("patient", "site").get(pk=ward.row.pk)

    def event(by: Any, session: Any, now: Any) -> e.Event:
        return e.Start(key=key, patient=session.patient, by=by, order=order.id, version=order.version, step=order.step)

    return lambda: services.act(principal, row, event, judge_of=ward.judge_of)


@pytest.mark.goal("RG-06")
@pytest.mark.hazard("HAZ-14", "C1")
@pytest.mark.hazard("HAZ-18", "C1")
def test_two_nurses_a_double_tap_and_a_replay_chart_one_dose(ward: Ward, count: Callable[[int], int]):
    nurse, doctor = ward.clinic.principal(Role.NURSE), ward.clinic.principal(Role.PRESCRIBER)
    for race in range(count(2_000) // 4):
        if race % 10 == 9:
            ward.deliver()  # a vial holds twelve of these doses
        ward.to_ready().in_hand()
        key = str(uuid4())
        acts = [starting(ward, nurse, key), starting(ward, nurse, key), starting(ward, doctor, str(uuid4()))]
        done = together(*acts)
        assert [one.refused for one in done] == [None] * 3
        assert sorted(one.repeated for one in done) == [False, True, True]
        assert Given.objects.filter(session=ward.row).count() == 1
        assert SessionEvent.objects.filter(session=ward.row, kind="Start").count() == 1
        assert len(ward.session.given) == 1
        ward.do(e.Stop, reason="the next race", given_mg=lambda _by, session, _now: session.given[0].mg)
        ward.do(e.Leave, how="against advice", reason="the next race", advice_given=True)
        _reviewed(ward)
        ward.row = ward.book()


def _reviewed(ward: Ward) -> None:
    """What holds the next dose is not what is tried here."""
    with changing("dose_adverseversion"):
        ward.row.adverse.all().delete()
    Given.objects.filter(session=ward.row).update(parenteral=False)


@pytest.mark.hazard("HAZ-14", "C1")
def test_the_database_itself_holds_one_dose_to_a_step(ward: Ward):
    ward.to_dosing()
    row = Given.objects.get(session=ward.row)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.goal("RG-05")
def test_entries_of_several_at_once_are_all_kept_in_one_order(ward: Ward, count: Callable[[int], int]):
    ward.arrive()
    before = ward.row.sequence
    times = count(500)

    def notes(principal: Principal) -> Callable[[], int]:
        row = DosingSession.objects.select_related("patient", "site").get(pk=ward.row.pk)

        def write() -> int:
            accepted = 0
            for number in range(times):

                def event(by: Any, session: Any, _now: Any, number: int = number) -> e.Event:
                    return e.Note(key=f"{principal.user_id}-{number}", patient=session.patient, by=by, text="seen")

                for _again in range(2):  # each is sent twice
                    done = services.act(principal, row, event)
                    accepted += done.refused is None and not done.repeated
            return accepted

        return write

    roles = (Role.NURSE, Role.PRESCRIBER, Role.THERAPIST)
    ward.row.refresh_from_db()
    before = ward.row.sequence
    done = together(*(notes(ward.clinic.principal(role)) for role in roles))
    assert done == [times] * len(roles)
    ward.row.refresh_from_db()
    rows = list(SessionEvent.objects.filter(session=ward.row).order_by("sequence"))
    assert [row.sequence for row in rows] == list(range(1, ward.row.sequence + 1))
    assert ward.row.sequence == before + times * len(roles)
    kept, _ = store.replayed(ward.row)
    store.forget()
    anew, _ = store.replayed(ward.row)
    assert anew.log == kept.log


def test_two_patients_do_not_come_into_one_chair(ward: Ward):
    clinic = ward.clinic
    other = services_book.book(
        clinic.principal(Role.COORDINATOR), clinic.noah, Site(), day=ward.row.day, route="im", drug="ketamine",
        at=at_another_hour(ward.row), chair=ward.chair,
    )  # fmt: skip

    def arrive(pk: Any) -> Callable[[], Any]:
        row = DosingSession.objects.select_related("patient", "site", "chair").get(pk=pk)

        def event(by: Any, session: Any, _now: Any) -> e.Event:
            return e.Arrive(key=str(uuid4()), patient=session.patient, by=by)

        return lambda: services.act(clinic.principal(Role.NURSE), row, event).refused is None

    done = together(arrive(ward.row.pk), arrive(other.pk))
    assert sorted(done) == [False, True]
    assert DosingSession.objects.filter(chair=ward.chair, ended_at=None).exclude(phase="booked").count() == 1


def test_a_session_that_somebody_holds_keeps_no_other_from_its_alerts(ward: Ward):
    """The heartbeat waits for nobody: what it could not look at is counted, and looked at the next time (HAZ-34)."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer: there is no row to wait for")
    ward.to_dosing()
    ward.read(systolic=160)
    ward.later(600)
    looked = list[int]()
    with transaction.atomic():
        DosingSession.objects.select_for_update(no_key=True).get(pk=ward.row.pk)
        looked += together(services.beat_all)
    looked += together(services.beat_all)
    assert looked == [1, 0]
