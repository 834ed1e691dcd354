"""The board in real browsers, live: what one enters the others see, and a server that is dead or frozen is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, expect

from openkap.dose import events as e
from openkap.dose.tests.ward import Ward
from openkap.people import services_accounts
from openkap.people.types import Role
from tests.browser.surf import Surf
from tests.database import Clinic
from tests.faults.proxy import Proxy
from tests.faults.server import Served

CONNECTION_FAULTS = ("ERR_", "Failed to load resource")


@pytest.fixture
def served(clinic: Clinic, tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path) as running:
        yield running


@pytest.fixture
def live(chromium: Browser, clinic: Clinic, served: Served) -> Iterator[Surf]:
    """As `surf`, at a server that can stream. A line that is lost may be complained of."""
    surf = Surf(chromium, clinic, served.url)
    yield surf
    surf.close()
    connections.close_all()
    assert [fault for fault in surf.faults if not fault.startswith(CONNECTION_FAULTS)] == []


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def is_live(page: Any) -> None:
    expect(page.locator("#beat")).to_contain_text("Live, alerts looked at")
    expect(page.locator("#alarm")).to_be_hidden()


@pytest.mark.goal("RG-13")
def test_a_reading_that_one_enters_shows_on_the_board_of_the_other(live: Surf, ward: Ward):
    ward.to_dosing()
    nurse, desk = live.open("/rooms/", Role.NURSE), live.open("/rooms/", Role.COORDINATOR, size="phone")
    for page in (nurse, desk):
        expect(page.locator(".tile h2")).to_have_text("Bay 1")
        is_live(page)
    ward.read(spo2=85)
    for page in (nurse, desk):
        expect(page.locator(".tile[data-level=red] .next b")).to_have_text("Red alert")
    expect(nurse.locator(".tile .owner").first).to_contain_text("Oxygen saturation")
    expect(desk.locator(".tile .owner").first).not_to_contain_text("Oxygen")
    live.check(nurse)
    live.check(desk)
    nurse.locator(".tile a").click()
    assert f"/p/{ward.patient.pk}/" in nurse.url


def test_who_is_on_a_tile_with_the_keyboard_stays_there_when_it_changes(live: Surf, ward: Ward):
    ward.to_dosing()
    page = live.open("/rooms/", Role.NURSE)
    is_live(page)
    page.locator(".tile a").focus()
    ward.read(spo2=85)
    expect(page.locator(".tile[data-level=red]")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('.tile') !== null")


@pytest.mark.hazard("HAZ-34", "C2")
@pytest.mark.goal("RG-16")
@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_a_server_that_is_frozen_or_dead_is_said_within_fifteen_seconds(
    live: Surf, ward: Ward, served: Served, how: str, rounds: Callable[[int], int]
):
    ward.arrive()
    page = live.open("/rooms/", Role.NURSE)
    for _ in range(rounds(50)):
        is_live(page)
        began = time.monotonic()
        getattr(served, how)()
        expect(page.locator("#alarm")).to_be_visible(timeout=30_000)
        assert time.monotonic() - began <= 15
        expect(page.locator("#alarm")).to_contain_text("Alerts do not work")
        if how == "freeze":
            served.thaw()
        else:
            served.start()
        expect(page.locator("#alarm")).to_be_hidden(timeout=30_000)
    ward.read(spo2=85)
    expect(page.locator(".tile[data-level=red]")).to_be_visible()


@pytest.mark.goal("RG-10")
@pytest.mark.goal("RG-29")
def test_a_bad_line_heals_and_a_sign_in_that_ended_leaves_the_board(live: Surf, ward: Ward, served: Served):
    ward.arrive()
    with Proxy(served.port) as line:
        surf = Surf(live.browser, live.clinic, line.url)
        page = surf.open("/rooms/", Role.NURSE)
        is_live(page)
        line.be(frozen=True)
        expect(page.locator("#alarm")).to_be_visible(timeout=30_000)
        line.cut_all()
        line.be()
        expect(page.locator("#alarm")).to_be_hidden(timeout=30_000)
        ward.do(e.Emergency)
        expect(page.locator(".tile .next b")).to_have_text("Emergency")
        services_accounts.end_sessions(live.clinic.principal(Role.SITE_ADMIN), live.clinic.users[Role.NURSE])
        expect(page).to_have_url(f"{line.url}/account/sign-in/?next=%2Frooms%2F", timeout=30_000)
        surf.close()


def test_a_wall_is_made_in_two_taps_and_shows_initials_to_nobody_in_particular(live: Surf, ward: Ward):
    ward.to_dosing()
    page = live.open("/rooms/", Role.NURSE, viewport={"width": 1920, "height": 1080})
    page.get_by_role("link", name="Show on this wall").click()
    page.get_by_label("Where it hangs").fill("corridor")
    page.get_by_role("button", name="Show on this wall").click()
    expect(page).to_have_url(f"{live.url}/rooms/wall/")
    is_live(page)
    ward.read(spo2=85)
    expect(page.locator(".tile[data-level=red] .next b")).to_have_text("Red alert")
    assert page.locator(".tile a").count() == 0
    live.check(page, "wall")
    page.goto(f"{live.url}/rooms/")
    assert "/account/sign-in/" in page.url
