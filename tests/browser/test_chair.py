"""The chair page in a browser: readings by two taps, by keyboard, without a line, and after a sign-in anew."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from openkap.dose import events as e
from openkap.dose import store
from openkap.dose.models import Beat, SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.people.types import Role
from tests.browser.surf import Surf


@pytest.fixture
def ward(surf: Surf) -> Ward:
    """Ida in bay 1, the infusion runs; the alerts are looked at, as far as the page can tell."""
    clock = store.tick()
    Beat.objects.create(holder="test", boot=clock.boot, monotonic_s=clock.monotonic_s + 3600, at=clock.at)
    return Ward(surf.clinic).to_dosing()


def url(ward: Ward, rest: str = "") -> str:
    return f"/p/{ward.patient.pk}/dose/{ward.row.pk}/{rest}"


def chair(surf: Surf, ward: Ward, role: Role = Role.NURSE, **more) -> Page:
    page = surf.open(url(ward), role, **more)
    expect(page.locator("#keys-1 .key").first).to_be_visible()
    return page


def tap(page: Page, tens: int, ones: int) -> None:
    page.locator(f'[data-k="t-{tens}"]').click()
    page.locator(f'[data-k="o-{ones}"]').click()


def values(ward: Ward) -> list[tuple[str, str]]:
    """What was read, in the order in which the server has it, without the check before the dose."""
    found = SessionEvent.objects.filter(session=ward.row, kind="Read").order_by("sequence")
    read = [json.loads(one.document) for one in found][7:]
    return [(one["measure"], str(one["quantity"]["value"])) for one in read]


def test_two_taps_chart_a_reading_and_the_pad_moves_on(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    tap(page, 12, 8)
    expect(page.locator("#saved")).to_contain_text("saved")
    expect(page.locator("#steps [aria-current]")).to_have_text("Diastolic")
    tap(page, 8, 1)
    expect(page.locator("#steps [aria-current]")).to_have_text("Pulse")
    expect(page.locator(".vital-2 .figure")).to_have_text("128/81")
    assert values(ward) == [("systolic", "128"), ("diastolic", "81")]


def test_the_whole_pad_by_keyboard_alone(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    page.locator("#keypad").focus()
    for typed in ("131", "84", "77", "97", "15"):
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    expect(page.locator("#steps [aria-current]")).to_have_text("More")
    expect(page.locator("#said")).to_contain_text("saved")
    page.get_by_role("button", name="Sedation and agitation, RASS", exact=True).press("Enter")
    page.keyboard.type("-1")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Sedation and agitation, RASS −1")
    expect(page.locator("#saved")).to_contain_text("saved")
    assert [value for _, value in values(ward)] == ["131", "84", "77", "97", "15", "-1"]


@pytest.mark.hazard("HAZ-39", "C2")
def test_what_cannot_be_is_not_taken_and_a_leap_is_asked_for_again(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    page.locator("#keypad").focus()
    page.keyboard.type("999")
    page.keyboard.press("Enter")
    expect(page.locator("#warned")).to_contain_text("Systolic pressure 999 is outside 20 to 350: look again")
    page.keyboard.type("188")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("Systolic 188 mmHg is a leap: measure it again now.")
    page.keyboard.type("190")  # above the systolic of the same moment: perhaps they were swapped
    page.keyboard.press("Enter")
    expect(page.locator("#refused")).to_contain_text("Systolic must be above diastolic")
    page.get_by_role("button", name="I have read it").click()
    expect(page.locator("#refused > li")).to_have_count(0)
    assert values(ward) == [("systolic", "188")]


def test_undo_takes_back_what_the_server_has_with_a_reason_on_record(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    tap(page, 14, 1)
    expect(page.locator("#saved")).to_contain_text("saved")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#steps [aria-current]")).to_have_text("Systolic")
    surf.until(page, "document.querySelector('.vital-2 .figure').textContent === '126/80'")
    event = json.loads(SessionEvent.objects.get(session=ward.row, kind="Correct").document)
    assert event["reason"] == "entered by mistake at the keypad"
    assert values(ward) == [("systolic", "141")]  # it stays in the record


@pytest.mark.hazard("HAZ-35", "C1", "C2")
@pytest.mark.hazard("HAZ-36", "C1")
def test_ten_taps_without_a_line_are_kept_in_order_with_their_times(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    page.context.set_offline(True)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("No contact with the server since")
    expect(page.locator("#lost")).to_contain_text("bedside monitor")
    typed = ["131", "84", "77", "97", "15", "132", "85", "78", "98", "16"]
    page.locator("#keypad").focus()
    for place, value in enumerate(typed):
        if place == 5:
            page.locator('[data-k="step-systolic"]').click()
            page.locator("#keypad").focus()
        page.keyboard.type(value)
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
    expect(page.locator("#lost")).to_contain_text("10 wait on this tablet")
    stamped = page.evaluate("document.querySelector('#lost').textContent")
    assert "Systolic 131 mmHg" in stamped
    expect(page.locator("#lost").get_by_role("link", name="Paper sheet")).to_be_visible()
    assert values(ward) == []
    page.context.set_offline(False)
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("saved")
    assert [value for _, value in values(ward)] == typed
    events = SessionEvent.objects.filter(session=ward.row, kind="Read").order_by("sequence")
    taken = [json.loads(one.document)["taken_s"] for one in events][7:]
    assert taken == sorted(taken)
    late = [one.elapsed_s - at for one, at in zip(list(events)[7:], taken, strict=True)]
    assert late[0] >= 2 and min(late) >= 0  # each has the time at which it was tapped
    surf.faults.clear()  # the browser complains of the line


@pytest.mark.hazard("HAZ-38", "C1")
def test_a_value_that_no_stream_refreshes_is_struck_at_its_limit(surf: Surf, ward: Ward):
    page = surf.open("/account/sign-in/", Role.NURSE)
    page.clock.install()
    page.goto(f"{surf.url}{url(ward)}")
    expect(page.locator(".vital-2[data-overdue]")).to_have_count(0)
    page.context.set_offline(True)
    page.clock.run_for(21 * 60_000)
    expect(page.locator(".vital-2[data-overdue]")).to_have_count(1)
    expect(page.locator(".vital-2")).to_contain_text("overdue")
    surf.faults.clear()


@pytest.mark.hazard("HAZ-47", "C1")
@pytest.mark.parametrize("offline", [False, True])
def test_one_tap_shows_the_emergency_sheet_with_and_without_a_line(surf: Surf, ward: Ward, offline: bool):
    page = chair(surf, ward)
    page.context.set_offline(offline)
    page.get_by_role("button", name="Emergency", exact=True).click()
    sheet = page.locator("#sheet")
    expect(sheet).to_be_visible()
    for words in ("41 mg", "82 kg", "What to do first", "Who does what", "ketamine: not known"):
        expect(sheet).to_contain_text(words)
    expect(sheet.locator(".sheet-timer")).to_contain_text(re.compile(r"0:0\d"))
    page.get_by_role("button", name="CPR begun").click()
    page.context.set_offline(False)
    surf.until(page, "document.querySelector('#part-events').textContent.includes('CPR begun')", 30)
    kinds = SessionEvent.objects.filter(session=ward.row, kind__in=["Emergency", "Note"]).order_by("sequence")
    assert [one.kind for one in kinds] == ["Emergency", "Note"]
    surf.faults.clear()


@pytest.mark.hazard("HAZ-47", "C1")
def test_an_emergency_that_was_refused_says_so_and_the_next_tap_calls(surf: Surf, ward: Ward):
    page = chair(surf, ward)

    def refuse(route):
        [one] = route.request.post_data_json["events"]
        result = {"key": one["key"], "state": "refused", "rule": "", "text": "Not today."}
        reply = page.request.get(f"{surf.url}{url(ward, 'state/')}").json()
        route.fulfill(json={**reply, "results": [result], "skew_s": None})

    page.route("**/events/", refuse, times=1)
    page.get_by_role("button", name="Emergency", exact=True).click()
    expect(page.locator("#not-called")).to_have_text("Nobody was called: Not today.")
    assert not SessionEvent.objects.filter(session=ward.row, kind="Emergency").exists()
    page.get_by_role("button", name="Emergency", exact=True).click()
    expect(page.locator("#not-called")).to_be_hidden()
    surf.until(page, "document.body.hasAttribute('data-emergency')")
    assert SessionEvent.objects.filter(session=ward.row, kind="Emergency").count() == 1


@pytest.mark.hazard("HAZ-36", "C1")
def test_the_words_of_a_refused_note_can_be_read_before_they_are_put_away(surf: Surf, ward: Ward):
    page = chair(surf, ward)

    def refuse(route):
        [one] = route.request.post_data_json["events"]
        result = {"key": one["key"], "state": "refused", "rule": "", "text": "Not now."}
        reply = page.request.get(f"{surf.url}{url(ward, 'state/')}").json()
        route.fulfill(json={**reply, "results": [result], "skew_s": None})

    page.route("**/events/", refuse, times=1)
    page.get_by_label("Words").fill("She hums a song of her childhood")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#refused > li")).to_contain_text("She hums a song of her childhood")
    surf.check(page, "chair-refused")


def test_a_false_alarm_stays_ticked_and_alerts_stay_visible_beside_the_sheet(surf: Surf, ward: Ward):
    ward.do(e.Emergency)
    ward.read(systolic=190)
    ward.read(systolic=191)
    page = chair(surf, ward, Role.PRESCRIBER)
    page.get_by_role("button", name="Emergency", exact=True).click()
    expect(page.locator("#sheet")).to_be_visible()
    expect(page.locator("#part-alerts .alert").first).to_be_visible()
    page.get_by_label("There was none: a false alarm").check()
    ward.do(e.Note, text="help is here")
    surf.until(page, "document.querySelector('#part-sheet').textContent.includes('elp is here')", 20)
    expect(page.get_by_label("There was none: a false alarm")).to_be_checked()
    surf.check(page, "chair-sheet")


@pytest.mark.hazard("HAZ-47", "C1")
@pytest.mark.hazard("HAZ-63", "C1")
def test_the_lock_leaves_alerts_visible_opens_without_a_server_and_not_at_all_in_an_emergency(surf: Surf, ward: Ward):
    ward.read(systolic=190)
    ward.read(systolic=191)
    page = surf.open("/account/sign-in/", Role.NURSE)
    page.clock.install()
    page.goto(f"{surf.url}{url(ward)}")
    expect(page.locator("#part-alerts .alert").first).to_be_visible()
    page.context.set_offline(True)
    idle = int(page.locator("body").get_attribute("data-idle") or "0")
    page.clock.fast_forward((idle + 10) * 1000)
    expect(page.locator("#lock")).to_be_visible()
    expect(page.locator("#part-alerts h2").first).to_be_visible()
    surf.check(page, "chair-locked")
    expect(page.locator("#part-alerts button:visible, #keypad:visible, #part-vitals:visible")).to_have_count(0)
    page.get_by_role("button", name="Show the page").click()
    expect(page.locator("#lock")).to_be_hidden()
    expect(page.locator("#keypad")).to_be_visible()
    page.context.set_offline(False)
    ward.do(e.Emergency)
    page.clock.run_for(16_000)
    surf.until(page, "document.body.hasAttribute('data-emergency')")
    page.clock.fast_forward((idle + 10) * 1000)
    expect(page.locator("#lock")).to_be_hidden()
    surf.faults.clear()


@pytest.mark.hazard("HAZ-36", "C1")
def test_a_session_that_ended_asks_to_sign_in_and_sends_on_afterwards(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    kept = page.context.cookies()
    page.context.clear_cookies()
    tap(page, 13, 2)
    expect(page.locator("#signed-out")).to_contain_text("1 readings wait on this tablet")
    assert values(ward) == []
    page.context.add_cookies(kept)  # signed in again in another tab
    expect(page.locator("#signed-out")).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("saved")
    assert values(ward) == [("systolic", "132")]
    surf.faults.clear()


@pytest.mark.hazard("HAZ-63", "C1")
def test_nothing_is_sent_under_the_name_of_whoever_signs_in_next(surf: Surf, ward: Ward):
    page = chair(surf, ward)
    page.context.clear_cookies()
    tap(page, 13, 2)
    expect(page.locator("#signed-out")).to_be_visible()
    session = surf.clinic.client(Role.PRESCRIBER).cookies["session"].value
    page.context.add_cookies([{"name": "session", "value": session, "url": surf.url}])
    expect(page.locator("#signed-out")).to_contain_text("Somebody else has signed in")
    expect(page.locator("#signed-out")).to_contain_text("This page shows nothing new: look at the monitor.")
    expect(page.locator("body[data-old]")).to_have_count(1)
    expect(page.locator("#contact")).to_have_text("No contact")
    page.wait_for_timeout(1500)
    assert values(ward) == []
    surf.faults.clear()


@pytest.mark.goal("RG-36")
@pytest.mark.parametrize("size", [(1280, 800), (1024, 768), (640, 400), (390, 844)])
def test_the_page_fits_every_screen_also_at_200_percent(surf: Surf, ward: Ward, size: tuple[int, int]):
    page = chair(surf, ward, viewport={"width": size[0], "height": size[1]})
    small = page.evaluate(
        "[...document.querySelectorAll('#keypad .key, #part-next .btn, .sos, #marks .btn')]"
        ".map(e => e.getBoundingClientRect()).filter(b => b.width && (b.height < 55.5 || b.width < 44)).length"
    )
    assert small == 0
    surf.check(page, f"chair-{size[0]}")
