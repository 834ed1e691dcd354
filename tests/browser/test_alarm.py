"""How an alert gets to somebody: the screen that shows it says so, and is heard when it falls silent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as here
from playwright.sync_api import Page, expect

from openkap.dose import events as e
from openkap.dose import gate, services, services_message
from openkap.dose.lines import read_back
from openkap.dose.models import SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.people.types import Role
from tests.browser.surf import Surf
from tests.browser.test_chair import chair, ward

__all__ = ["ward"]  # a fixture


def receipts(ward: Ward) -> list[str]:
    found = SessionEvent.objects.filter(session=ward.row, kind="Receipt").select_related("by")
    return [one.by.name for one in found.order_by("sequence") if one.by]


@pytest.mark.hazard("HAZ-33", "C2")
def test_the_chair_and_the_board_confirm_by_themselves_that_they_show_an_alert(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    board = surf.open("/rooms/", Role.PRESCRIBER)
    expect(board.locator(".tile[data-session]")).to_have_count(1)
    ward.read(systolic=190)
    ward.read(systolic=191)
    expect(page.locator("#part-alerts .alert")).to_have_count(1)
    expect(board.locator(".tile[data-level=red]")).to_have_count(1)
    nurse, prescriber = (surf.clinic.users[role].name for role in (Role.NURSE, Role.PRESCRIBER))
    for _ in range(60):
        if set(receipts(ward)) >= {nurse, prescriber}:
            break
        page.wait_for_timeout(250)
    assert set(receipts(ward)) == {nurse, prescriber}
    [alert] = ward.session.open_alerts()
    assert alert.acknowledged is None
    ward.later(16)  # nobody of the room has a screen that shows it
    services.beat_all()
    [alert] = ward.session.open_alerts()
    assert [(reach.ring, reach.skipped) for reach in alert.reached] == [
        ("bedside", False), ("room", False), ("prescriber", False), ("room", True),
    ]  # fmt: skip
    expect(page.locator("#part-alerts")).to_contain_text("No screen confirmed that it shows this: the room")
    surf.check(page, "chair-unseen")


SOUND = '[sound]\non = true\nreason = "two rooms, one nurse"\nby = "Dr Ines Varga"\ndecided = 2026-11-25\n'
BLOCKED = """
Object.defineProperty(AudioContext.prototype, "state", { value: "suspended" });
AudioContext.prototype.resume = () => new Promise(() => {});
"""


@pytest.fixture
def at_gate(surf: Surf) -> Ward:
    ward = Ward(surf.clinic).arrive()
    ward.read(systolic=126, diastolic=80, heart_rate=72, spo2=98, respiratory_rate=14)
    return ward


@pytest.fixture
def loud(tmp_path: Path, settings) -> Callable[[], None]:
    """The site has chosen sound."""
    (tmp_path / "alerts.toml").write_text(SOUND, encoding="utf-8")
    settings.ENVIRONMENT = replace(here.ENVIRONMENT, site=tmp_path)
    services_message._outlets.cache_clear()
    return services_message._outlets.cache_clear


def answers(ward: Ward) -> list[tuple[str, str, str]]:
    found = SessionEvent.objects.filter(session=ward.row, kind="Answer").order_by("sequence")
    read = [json.loads(one.document) for one in found]
    return [(one["name"], one["truth"], one.get("note", "")) for one in read]


def rang(page: Page) -> int:
    return int(page.evaluate("document.body.dataset.sounded ?? '0'"))


def tried(ward: Ward) -> str:
    session = ward.session
    assert session.clock is not None
    return next(found.met.value for found in gate.gate(session, session.clock) if found.row == "GATE-SOUND")


@pytest.mark.hazard("HAZ-40", "C2")
@pytest.mark.hazard("HAZ-41", "C2")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_limits_are_read_back_and_the_screen_is_tried_before_a_dose(surf: Surf, at_gate: Ward, size, dark: bool):
    page = chair(surf, at_gate, viewport={"width": size[0], "height": size[1]}, dark=dark)
    ready = page.locator("#part-ready")
    expect(ready).to_contain_text("180 or more")
    surf.check(page, "ready-open")
    table = ready.locator(".scroll")  # a limit that has to be scrolled to is not read
    assert table.evaluate("e => e.scrollWidth <= e.clientWidth")
    ready.get_by_role("button", name="I have read these limits aloud").click()
    expect(ready).to_contain_text("Read back: ")
    ready.get_by_role("button", name="Try this screen").click()
    expect(ready).to_contain_text("This is a trial: so an alert looks here")
    surf.check(page, "ready-trial")
    ready.get_by_role("button", name="I saw it").click()
    expect(ready).to_contain_text("limits read back, screen tried")
    assert answers(at_gate) == [
        ("limits-read", "true", read_back(at_gate.session)),
        ("sound-tested", "true", "seen; this site has no sound"),
    ]
    assert at_gate.session.open_alerts() == ()  # a trial is no alert
    reason = "aneurysm in the family"
    at_gate.do(e.SetLimit, Role.PRESCRIBER, row="ALT-SBP", name="red", value=Decimal(170), reason=reason)
    expect(ready).to_contain_text("A limit changed after they were read back: read them again.")
    expect(ready).to_contain_text("170 or more")


@pytest.mark.hazard("HAZ-41", "C2")
@pytest.mark.hazard("HAZ-81", "C1")
def test_where_the_site_has_sound_it_is_tried_and_heard(surf: Surf, at_gate: Ward, loud):
    page = chair(surf, at_gate)
    expect(page.locator("#muted")).to_be_visible()  # nobody has touched the page
    surf.check(page, "ready-muted")
    page.get_by_role("button", name="Try this screen").click()
    expect(page.locator("#muted")).to_be_hidden()
    expect(page.locator("#part-ready")).to_contain_text("This is a trial")
    assert rang(page) == 1
    surf.check(page, "ready-heard")
    page.get_by_role("button", name="I saw and heard it").click()
    expect(page.locator("#part-ready")).to_contain_text("seen and heard")
    assert answers(at_gate) == [("sound-tested", "true", "seen and heard")]


@pytest.mark.hazard("HAZ-41", "C2")
def test_where_the_browser_blocks_sound_nobody_can_say_that_they_heard_it(surf: Surf, at_gate: Ward, loud):
    page = surf.open("/account/sign-in/", Role.NURSE)
    page.add_init_script(BLOCKED)
    page.goto(f"{surf.url}/p/{at_gate.patient.pk}/dose/{at_gate.row.pk}/")
    ready = page.locator("#part-ready")
    ready.get_by_role("button", name="Try this screen").click()
    expect(ready).to_contain_text("The browser blocks sound on this page")
    expect(ready.get_by_role("button", name="I saw and heard it")).to_be_hidden()
    expect(page.locator("#muted")).to_be_visible()
    assert rang(page) == 0
    surf.check(page, "ready-blocked")
    ready.get_by_role("button", name="Not heard: I take another device").click()
    expect(ready).to_contain_text("not heard. Take another device and try that one.")
    assert tried(at_gate) == "false"
    ready.get_by_role("button", name="Try this screen").click()
    ready.get_by_role("button", name="Not heard: I watch the screen").click()
    expect(ready).to_contain_text("seen, not heard: the screen is watched, and the steps reach others")
    assert tried(at_gate) == "true"


@pytest.mark.hazard("HAZ-41", "C1")
@pytest.mark.hazard("HAZ-81", "C1")
def test_a_red_alert_sounds_until_it_is_silenced_for_a_while_and_at_once_when_it_is_worse(surf: Surf, ward: Ward, loud):
    page = chair(surf, ward)
    board = surf.open("/rooms/", Role.PRESCRIBER)
    for one in (page, board):
        one.mouse.click(5, 5)
    ward.read(systolic=158)
    expect(page.locator("#part-alerts .alert")).to_have_count(1)
    page.wait_for_timeout(1500)
    assert (rang(page), rang(board)) == (0, 0)  # amber is seen
    ward.read(systolic=190)
    surf.until(page, "Number(document.body.dataset.sounded ?? 0) >= 1", 20)
    surf.until(board, "Number(document.body.dataset.sounded ?? 0) >= 1", 20)
    surf.until(page, "Number(document.body.dataset.sounded ?? 0) >= 2", 20)
    page.locator("#part-alerts summary").first.click()
    page.get_by_role("button", name="Silence for a short time").click()
    expect(page.locator("#part-alerts")).to_contain_text("Silent for 1:5")
    surf.check(page, "chair-silent")
    quiet = rang(page)
    page.wait_for_timeout(12_000)
    assert rang(page) == quiet
    assert ward.session.open_alerts()[0].acknowledged is None  # silence takes nothing
    ward.read(systolic=195)
    surf.until(page, f"Number(document.body.dataset.sounded) > {quiet}", 20)
    page.get_by_role("button", name="I have it").click()
    expect(page.locator("#part-alerts")).to_contain_text("You have it")
    quiet = rang(page)
    page.wait_for_timeout(11_000)
    assert rang(page) == quiet


@pytest.mark.hazard("HAZ-35", "C2")
def test_the_paper_sheet_is_one_tap_away_though_the_line_is_gone(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    page.wait_for_timeout(3000)  # it has fetched the sheet
    page.context.set_offline(True)
    expect(page.locator("#lost")).to_be_visible()
    page.locator("#lost").get_by_role("link", name="Paper sheet").click()
    sheet = page.locator("#paper-here")
    expect(sheet).to_contain_text("Ida Example")
    expect(sheet).to_contain_text("180 or more")
    expect(sheet).to_contain_text("As of ")
    sheet.get_by_role("button", name="Back to the chair").click()
    expect(page.locator("#keypad")).to_be_visible()
    surf.faults.clear()


@pytest.mark.hazard("HAZ-35", "C1")
@pytest.mark.goal("RG-10")
def test_who_looks_from_elsewhere_is_told_within_ten_seconds_that_the_tablet_at_the_chair_is_silent(
    surf: Surf, ward: Ward
):
    tablet = chair(surf, ward)
    far = chair(surf, ward, Role.PRESCRIBER)
    far.wait_for_timeout(4500)  # the tablet has said that it is alive
    expect(far.locator("#apart")).to_be_hidden()
    tablet.context.set_offline(True)
    began = time.monotonic()
    expect(far.locator("#apart")).to_be_visible()
    assert time.monotonic() - began <= 15  # the live server of tests has no stream: it asks every three seconds
    expect(far.locator("#apart")).to_contain_text("The tablet at the chair was last heard at")
    expect(far.locator("body[data-old]")).to_have_count(1)
    expect(tablet.locator("#lost")).to_be_visible()
    expect(tablet.locator("#apart")).to_be_hidden()
    surf.check(far, "chair-apart")
    tablet.context.set_offline(False)
    expect(far.locator("#apart")).to_be_hidden()
    expect(far.locator("body[data-old]")).to_have_count(0)
    surf.faults.clear()


DEVICE = """
window.awake = 0;
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => { window.awake += 1; } } });
window.cell = new EventTarget();
Object.assign(window.cell, { charging: false, level: 0.5 });
navigator.getBattery = async () => window.cell;
"""


@pytest.mark.hazard("HAZ-35", "C2")
def test_the_screen_is_kept_on_and_a_battery_that_runs_out_is_seen(surf: Surf, ward: Ward):
    page = surf.open("/account/sign-in/", Role.NURSE)
    page.add_init_script(DEVICE)
    page.goto(f"{surf.url}/p/{ward.patient.pk}/dose/{ward.row.pk}/")
    surf.until(page, "window.awake >= 1")
    expect(page.locator("#battery")).to_be_hidden()
    page.evaluate("window.cell.level = 0.12; window.cell.dispatchEvent(new Event('levelchange'))")
    expect(page.locator("#battery")).to_contain_text("The battery of this tablet is at 12 %: plug it in.")
    surf.check(page, "chair-battery")
    page.evaluate("window.cell.charging = true; window.cell.dispatchEvent(new Event('chargingchange'))")
    expect(page.locator("#battery")).to_be_hidden()
    before = page.evaluate("window.awake")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it was away and is back
    surf.until(page, f"window.awake > {before}")
