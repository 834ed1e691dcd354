"""
The tablet at the chair on a bad line (RG-10), with a clock that is wrong (RG-11), switched off and on again.

Each scenario is a row of readings with faults of the line between them; in the end the server has every reading once,
in order, with the time at which it was tapped.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import BrowserContext, Page, expect

from openkap.dose import store
from openkap.dose.models import Beat, SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.people.types import Role
from tests.browser.surf import Surf
from tests.faults.proxy import Proxy

VITALS = ("systolic", "diastolic", "heart-rate", "spo2", "respiratory-rate")
FAULTS: tuple[dict[str, object], ...] = (
    {"down": True},
    {"frozen": True},
    {"delay_s": 0.4},
    {"drop_reply": True},
    {"drop_reply": True, "chance": 0.3},
    {"cut_reply": 200},
    {"reset": True},
    {"doubled": True},
    {},
)
CLOCKS = """(() => {
  const Real = Date, steady = performance.now.bind(performance);
  let off = 0, stood = 0, since = null;
  window.jump = (ms) => { off = ms; };
  window.sleep = () => { since = steady(); };
  window.wake = () => { stood += steady() - since; since = null; };
  performance.now = () => (since ?? steady()) - stood;
  window.Date = class extends Real {
    constructor(...parts) { if (parts.length) super(...parts); else super(Real.now() + off); }
    static now() { return Real.now() + off; }
  };
})()"""


@pytest.fixture
def ward(surf: Surf, settings) -> Ward:
    """Ida in bay 1, the infusion runs; entries wait encrypted on the tablet."""
    settings.ENVIRONMENT = replace(django_settings.ENVIRONMENT, tablet_store="encrypted")
    clock = store.tick()
    Beat.objects.create(holder="test", boot=clock.boot, monotonic_s=clock.monotonic_s + 36_000, at=clock.at)
    return Ward(surf.clinic).to_dosing()


@pytest.fixture
def line(live_server) -> Iterator[Proxy]:
    with Proxy(int(live_server.url.rpartition(":")[2])) as line:
        yield line


@pytest.fixture
def tablet(surf: Surf, line: Proxy) -> Iterator[BrowserContext]:
    """A browser of the nurse that knows the server only through the bad line."""
    context = surf.browser.new_context(viewport={"width": 1280, "height": 800})
    session = surf.clinic.client(Role.NURSE).cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": line.url}])
    yield context
    context.close()


def opened(tablet: BrowserContext, line: Proxy, ward: Ward, clocks: bool = False) -> Page:
    page = tablet.new_page()
    if clocks:
        page.add_init_script(CLOCKS)
    page.goto(f"{line.url}/p/{ward.patient.pk}/dose/{ward.row.pk}/")
    expect(page.locator("#keys-1 .key").first).to_be_visible()
    page.locator("#keypad").focus()
    return page


def enter(page: Page, measure: str, value: int) -> None:
    page.locator(f'[data-k="step-{measure}"]').click()
    page.locator("#keypad").focus()
    page.keyboard.type(str(value))
    page.keyboard.press("Enter")


def read(ward: Ward, after: int = 7) -> list[tuple[str, int, int]]:
    """Measure, value, taken_s of every reading, in the order in which the server has them."""
    found = SessionEvent.objects.filter(session=ward.row, kind="Read").order_by("sequence")
    said = [json.loads(one.document) for one in found][after:]
    return [(one["measure"], int(str(one["quantity"]["value"])), one["taken_s"]) for one in said]


def drained(page: Page, surf: Surf, seconds: float = 30) -> None:
    empty = "document.getElementById('lost').hidden && document.getElementById('saved').textContent.includes('saved')"
    surf.until(page, empty, seconds)


def _timely(one: tuple[str, int, int], told: tuple[str, int, int], last: tuple[str, int, int]) -> bool:
    """It has the time at which it was tapped; a diastolic one that of the systolic one just before."""
    pair = (one[0], last[0]) == ("diastolic", "systolic") and one[2] == last[2]
    return pair or -1 <= one[2] - told[2] <= 2


def now_s(ward: Ward) -> int:
    return store.load(ward.row).now_s


@pytest.mark.hazard("HAZ-36", "C1")
@pytest.mark.goal("RG-10")
@pytest.mark.goal("RG-04")
def test_whatever_the_line_does_every_reading_arrives_once_in_order_with_its_time(
    surf: Surf, ward: Ward, line: Proxy, tablet: BrowserContext, seed: int, count: Callable[[int], int]
):
    chance = random.Random(seed)
    page, typed = opened(tablet, line, ward), []
    for scenario in range(count(500)):
        for _ in range(chance.randint(2, 5)):
            line.be(**chance.choice(FAULTS))
            measure = chance.choice(VITALS)
            value = chance.randint(100, 139) if measure == "systolic" else chance.randint(60, 99)
            before = now_s(ward)
            enter(page, measure, value)
            typed.append((measure, value, before))
            page.wait_for_timeout(chance.randint(100, 700))
        if chance.random() < 0.4:  # the battery is empty; when there is current again the line is good
            page.close()
            line.be()
            page = opened(tablet, line, ward)
        line.be()
        surf.until(page, "document.getElementById('lost').hidden", 30)
        end = time.monotonic() + 30
        while len(read(ward)) < len(typed):
            assert time.monotonic() < end, f"scenario {scenario}: {len(read(ward))} of {len(typed)} after 30 s"
            page.wait_for_timeout(100)
        got = read(ward)
        assert [one[:2] for one in got] == [one[:2] for one in typed], f"scenario {scenario}"
        pairs = zip(got, typed, [("", 0, 0), *got], strict=False)
        late = [(one, told) for one, told, last in pairs if not _timely(one, told, last)]
        assert late == [], f"scenario {scenario}"
        assert page.locator("#refused > li").count() == 0
    assert line.met  # it was a bad line


@pytest.mark.hazard("HAZ-35", "C1")
@pytest.mark.goal("RG-10")
@pytest.mark.parametrize("fault", [{"down": True}, {"frozen": True}, {"drop_reply": True}])
def test_within_ten_seconds_the_page_says_that_it_hears_nothing(
    surf: Surf, ward: Ward, line: Proxy, tablet: BrowserContext, fault: dict
):
    page = opened(tablet, line, ward)
    began = time.monotonic()
    line.be(**fault)
    expect(page.locator("#lost")).to_be_visible()
    assert time.monotonic() - began <= 10
    expect(page.locator("body[data-old]")).to_have_count(1)
    line.be()
    expect(page.locator("#lost")).to_be_hidden(timeout=30_000)


@pytest.mark.hazard("HAZ-34", "C2")
def test_a_heart_that_stands_still_is_said_though_the_server_answers(surf: Surf, ward: Ward, line, tablet):
    page = opened(tablet, line, ward)
    clock = store.tick()
    Beat.objects.update(monotonic_s=clock.monotonic_s - 60)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("Alerts do not work now.")


@pytest.mark.hazard("HAZ-45", "C2")
@pytest.mark.goal("RG-43")
def test_a_server_that_starts_anew_finds_the_session_where_it_was(surf: Surf, ward: Ward, line, tablet):
    page = opened(tablet, line, ward)
    line.be(down=True)
    enter(page, "systolic", 131)
    store.forget()  # a new process knows nothing but the rows
    line.be()
    drained(page, surf)
    enter(page, "diastolic", 84)
    surf.until(page, "document.querySelector('.vital-2 .figure').textContent === '131/84'")
    assert [one[:2] for one in read(ward)] == [("systolic", 131), ("diastolic", 84)]


def test_what_waits_on_the_disk_cannot_be_read_there_and_goes_on_after_a_reload(surf: Surf, ward: Ward, line, tablet):
    page = opened(tablet, line, ward)
    line.be(down=True)
    enter(page, "heart-rate", 77)
    page.wait_for_timeout(500)
    stored = page.evaluate(
        """() => new Promise((resolve) => {
          indexedDB.open("openkap-tablet", 1).onsuccess = ({ target }) => {
            target.result.transaction("kept").objectStore("kept").getAll().onsuccess = ({ target }) =>
              resolve(target.result.map((one) => new TextDecoder("latin1").decode(one.data)).join(""));
          };
        })"""
    )
    assert len(stored) > 50
    assert not [word for word in ("heart", "Read", "77", ward.patient.given, str(ward.patient.pk)) if word in stored]
    page.close()
    line.be()
    page = opened(tablet, line, ward)
    drained(page, surf)
    assert [one[:2] for one in read(ward)] == [("heart-rate", 77)]


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.goal("RG-11")
@pytest.mark.parametrize("hours", [24, -24])
def test_a_clock_that_jumps_a_day_moves_no_time_and_is_said(surf: Surf, ward: Ward, line, tablet, hours: int):
    page = opened(tablet, line, ward, clocks=True)
    page.evaluate(f"window.jump({hours * 3_600_000})")
    before = now_s(ward)
    enter(page, "systolic", 131)
    drained(page, surf)
    [(_, _, taken)] = read(ward)
    assert abs(taken - before) <= 1
    expect(page.locator("#skewed")).to_contain_text("s off")
    row = SessionEvent.objects.filter(session=ward.row, kind="Read").order_by("-sequence")[0]
    assert row.device_at is not None
    assert abs((row.device_at - row.at).total_seconds()) > 86_000  # what the tablet said is kept beside


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.goal("RG-11")
def test_a_tablet_that_slept_asks_for_the_time_before_it_says_one(surf: Surf, ward: Ward, line, tablet):
    page = opened(tablet, line, ward, clocks=True)
    line.be(down=True)
    page.evaluate("window.sleep()")
    page.wait_for_timeout(5000)
    page.evaluate("window.wake()")
    tapped = now_s(ward)
    enter(page, "systolic", 131)
    page.wait_for_timeout(500)
    line.be()
    drained(page, surf)
    [(_, _, taken)] = read(ward)
    assert abs(taken - tapped) <= 1


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.goal("RG-11")
@pytest.mark.parametrize("again", ["slept", "opened anew"])
def test_a_reading_whose_time_nobody_can_know_is_asked_for_from_paper(surf: Surf, ward, line, tablet, again: str):
    page = opened(tablet, line, ward, clocks=True)
    line.be(down=True)
    page.evaluate("window.sleep()")
    page.wait_for_timeout(3000)
    page.evaluate("window.wake()")
    enter(page, "systolic", 131)
    page.wait_for_timeout(500)
    if again == "slept":
        page.evaluate("window.sleep()")
        page.wait_for_timeout(3000)
        page.evaluate("window.wake()")
        line.be()
    else:
        page.close()
        line.be()
        page = opened(tablet, line, ward, clocks=True)
    row = page.locator("#refused > li")
    expect(row).to_contain_text("When this was measured is not known: enter it from paper.", timeout=30_000)
    expect(row).to_contain_text("Systolic 131 mmHg")
    expect(row.get_by_role("button", name="Send it again")).to_have_count(0)
    assert read(ward) == []


@pytest.mark.hazard("HAZ-36", "C1")
def test_two_pages_of_one_person_keep_what_waits_beside_each_other(surf: Surf, ward: Ward, line, tablet):
    one, other = opened(tablet, line, ward), opened(tablet, line, ward)
    line.be(down=True)
    enter(one, "systolic", 131)
    enter(other, "heart-rate", 77)
    enter(one, "spo2", 97)
    one.wait_for_timeout(500)
    one.close()
    other.close()
    line.be()
    page = opened(tablet, line, ward)
    drained(page, surf)
    assert sorted(said[:2] for said in read(ward)) == [("heart-rate", 77), ("spo2", 97), ("systolic", 131)]
