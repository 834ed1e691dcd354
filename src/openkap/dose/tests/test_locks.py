"""Rows are locked in one order, so that two who write at once wait for each other and never both (HAZ-58)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest
from django.db import connection

from openkap.dose import events as e
from openkap.dose import services_book, services_ledger, services_witness
from openkap.dose.ledger import Account
from openkap.dose.tests.stockroom import SESSION, VIAL, Stockroom, stockroom
from openkap.dose.tests.test_calendar import House
from openkap.dose.tests.test_races import together
from openkap.dose.tests.ward import Ward
from openkap.schedule import services_booking
from tests.database import make_clinic

ORDER = (
    "schedule_calendar",
    "dose_dosingsession",
    "people_patient",
    "dose_chair",
    "chart_charthead",
    "people_site",
    "dose_lot",
)
LOCKED = re.compile(r'FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.DOTALL)

on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")


@contextmanager
def watched() -> Iterator[list[str]]:
    """Which locks are taken out of order: each table first locked while one of a later place was held already."""
    held: list[str] = []
    found: list[str] = []

    begins_or_ends = connection.set_autocommit

    def set_autocommit(*args: Any, **more: Any) -> None:
        held.clear()
        begins_or_ends(*args, **more)

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if (lock := LOCKED.search(sql)) is not None and (table := lock[1]) in ORDER and table not in held:
            later = [one for one in held if ORDER.index(one) > ORDER.index(table)]
            found.extend(f"{table} after {one}" for one in later)
            held.append(table)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look), mock.patch.object(connection, "set_autocommit", set_autocommit):
        yield found


@on_postgresql
@pytest.mark.hazard("HAZ-58", "C1")
@pytest.mark.parametrize("route", ["iv", "im"])
def test_a_session_and_its_drug_lock_rows_in_one_order(transactional_db: None, route: str):
    with watched() as found:
        ward = Ward(make_clinic(), route=route)
        ward.to_gate().read(systolic=124)  # filed in the chart, and judged anew, by whoever passes the gate
        ward.do(e.PassGate)
        ward.in_hand()
        assert ward.start().refused is None
        ward.later(60)
        if route == "iv":
            ward.do(e.Finish)
    assert found == []


@on_postgresql
@pytest.mark.hazard("HAZ-58", "C1")
def test_receiving_drawing_and_counting_at_once_never_wait_for_each_other_in_a_ring(
    transactional_db: None, count: Callable[[int], int]
):
    room = stockroom(make_clinic())
    room.receive(containers=200)
    room.open()
    times = count(2_000)

    def often(act: Callable[[], Any]) -> Callable[[], None]:
        return lambda: [act() for _ in range(times)] and None

    ana, tom, ines = room.who("ana"), room.who("tom"), room.who("ines")
    together(
        often(lambda: services_ledger.receive(ana, VIAL, containers=1, ref="note", key=str(uuid4()))),
        often(lambda: _draw(room)),
        often(lambda: services_ledger.open_vial(tom, "K50", key=str(uuid4()))),
        often(
            lambda: services_witness.ask(
                ines, "K50", kind="waste", source=Account("vial", "K50-1"), ug=1_000, reason="rest", key=str(uuid4())
            )
        ),
    )


def _draw(room: Stockroom) -> None:
    services_ledger.session_draw(
        room.who("tom"), label="K50", session=SESSION, drug="ketamine", ug=1_000, key=str(uuid4())
    )


@on_postgresql
@pytest.mark.hazard("HAZ-55", "C1")
def test_calendar_and_dosing_room_lock_rows_in_one_order(transactional_db: None):
    house = House(make_clinic(), patients=3)
    with watched() as found:
        here, there = house.book(0, chair=house.chairs[0]), house.book(1, chair=house.chairs[1])
        assert there.appointment is not None
        services_booking.amend(
            house.coordinator, there.appointment, house.dose(1, house.at(2, 9)), reason="moved to another day"
        )
        services_book.place_in(house.coordinator, here, house.chairs[2])
        services_booking.cancel(house.coordinator, there.appointment, reason="asked to")
        house.calls_off(here)
    assert found == []
