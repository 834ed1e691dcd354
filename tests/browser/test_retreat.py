"""The coordinator's morning: build a retreat, move a session, somebody is ill, repair, publish; the patient sees it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from openkap.people.types import Role
from openkap.schedule import selectors, services, services_runs, where
from openkap.schedule.models import BOOKED, Appointment
from openkap.schedule.rules import breaches
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from openkap.schedule.types import DAY, Placed
from tests.browser.surf import Surf
from tests.database import Clinic

WAIT = 60_000  # ms, for a search on a machine that others use


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    signed(clinic.ida, clinic.users[Role.PRESCRIBER], programme(3))
    return Lodge(clinic, guests=11, days=10, doses=3, bays=4, also=[clinic.ida])


def plan_of(lodge: Lodge):
    version = selectors.draft_of(lodge.retreat)
    assert version is not None
    return selectors.problem_of(version)


def test_the_coordinators_morning(surf: Surf, lodge: Lodge):
    page = surf.open(f"/retreats/{lodge.retreat.pk}/", Role.COORDINATOR)
    surf.check(page, "retreat-empty")
    build(surf, page)
    surf.check(page, "retreat-board")
    everything_on_one_screen(page, lodge)
    dragged(surf, page, lodge)
    by_keyboard(page, lodge)
    page.get_by_role("button", name=re.compile("Publish version")).click()
    expect(page.get_by_text("Published.")).to_be_visible(timeout=WAIT)
    booked = Appointment.objects.filter(retreat=lodge.retreat, state=BOOKED)
    assert booked.count() > 100
    repaired(surf, page, lodge)
    mine = surf.open(f"/p/{lodge.clinic.ida.pk}/my-programme/", Role.PATIENT, size="phone")
    expect(mine.get_by_role("heading", name="Your days, Ida")).to_be_visible()
    expect(mine.get_by_text("Nothing to eat after").first).to_be_visible()
    assert "Amara" not in mine.content()
    surf.check(mine, "retreat-mine")
    surf.check(surf.open(mine.url.removeprefix(surf.url), Role.PATIENT, size="phone", dark=True), "retreat-mine")


def build(surf: Surf, page: Page) -> None:
    page.get_by_role("link", name="Build the plan").click()
    page.get_by_label("10 s", exact=True).check()
    surf.check(page, "retreat-build")
    page.get_by_role("button", name="Build").click()
    expect(page.get_by_text("a whole plan that keeps every rule")).to_be_visible(timeout=WAIT)
    surf.check(page, "retreat-run")
    page.get_by_role("button", name="Good enough: stop").click()
    page.get_by_role("link", name="To the plan").click(timeout=WAIT)
    expect(page.get_by_text("Not published: nothing is booked.")).to_be_visible()


def everything_on_one_screen(page: Page, lodge: Lodge) -> None:
    instance, plan = plan_of(lodge)
    assert breaches(instance, plan) == []
    assert page.locator(".cal tbody tr").count() == 12 and page.locator(".cal thead th").count() == 11
    assert page.locator("a[data-session]").count() == len(plan.assignments)
    box = page.locator(".cal").bounding_box()
    assert box is not None and box["width"] <= 1280 and box["y"] + box["height"] <= 1000


def dragged(surf: Surf, page: Page, lodge: Lodge) -> None:
    """A call whose last day is no, and why; then a session that another day has room for: there, and back."""
    page.locator('a[data-session="G01-prep-1"]').click()
    expect(page.locator("[data-hand='G01-prep-1']")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("What holds it where it is")).to_be_visible()
    surf.check(page, "retreat-hand")
    no = page.locator(".targets > li").nth(9)  # its doses would come before it
    no.locator("summary").click()
    expect(no.get_by_text(re.compile("at least")).first).to_be_visible()
    was, day = movable(lodge)
    target = page.locator(f'td[data-guest="{was.activity[:3]}"][data-day="{day}"]')
    page.locator(f'a[data-session="{was.activity}"]').drag_to(target)
    expect(page.locator(".page-head p", has_text="moved: ")).to_be_visible(timeout=WAIT)
    instance, after = plan_of(lodge)
    now = next(one for one in after.assignments if one.activity == was.activity)
    assert now.start // DAY == day and breaches(instance, after) == []
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".page-head p", has_text="undone: ")).to_be_visible(timeout=WAIT)
    assert next(one for one in plan_of(lodge)[1].assignments if one.activity == was.activity) == was


def movable(lodge: Lodge) -> tuple[Placed, int]:
    """A session of the plan, and another day that has room for it: which ones do hangs on how far a search came."""
    instance, plan = plan_of(lodge)
    for one in plan.assignments:
        for day, places in where.options(instance, plan, one.activity).items():
            if places and day != one.start // DAY:
                return one, day
    raise AssertionError("no session of this plan can go to another day")


def by_keyboard(page: Page, lodge: Lodge) -> None:
    """Picked up, carried over a day that is no, and put back."""
    link = page.locator('a[data-session="G02-dose-1"]')
    link.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-lifted]")).to_have_count(1)
    expect(page.locator("td[data-over]")).to_have_count(1, timeout=WAIT)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#said")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect(page.locator("[data-lifted]")).to_have_count(0)


def repaired(surf: Surf, page: Page, lodge: Lodge) -> None:
    """The nurse is ill on day three: little moves, and it is shown before it is done."""
    _, before = plan_of(lodge)
    page.get_by_role("link", name="Somebody is away").click()
    page.get_by_label("Who").select_option(label="Leila Haddad")
    page.get_by_label("Of staff: is away").check()
    third = START.replace(day=START.day + 2).isoformat()
    page.get_by_label("From", exact=True).fill(third)
    page.get_by_label("To, this day with it").fill(third)
    surf.check(page, "retreat-away")
    page.get_by_role("button", name="Find the smallest repair").click()
    expect(page.get_by_role("button", name="Accept and publish")).to_be_visible(timeout=WAIT)
    surf.check(page, "retreat-repair")
    page.get_by_role("button", name="Accept and publish").click()
    expect(page.get_by_text("Published.")).to_be_visible(timeout=WAIT)
    instance, after = plan_of(lodge)
    assert breaches(instance, after) == []
    same = {one.activity: one.start for one in before.assignments}
    moved = sum(same[one.activity] != one.start for one in after.assignments)
    assert moved < len(after.assignments) / 3


def test_every_page_of_the_calendar_is_calm_on_every_screen(surf: Surf, lodge: Lodge):
    version = lodge.build(seconds=6)
    services.publish(lodge.coordinator, version, lambda guests: [])
    run = services_runs.ask(lodge.coordinator, lodge.retreat, seconds=5)
    day = f"day={START.isoformat()}"
    paths = {
        "board": f"/retreats/{lodge.retreat.pk}/?s=G03-dose-1",
        "run": f"/retreats/{lodge.retreat.pk}/runs/{run.pk}/",
        "house": "/retreats/house/",
        "new": "/retreats/new/",
        "all": "/retreats/",
        "day": f"/calendar/?{day}&by=person",
        "week": f"/calendar/?{day}&by=patient&span=week",
        "due": "/calendar/due/",
        "feed": "/calendar/feed/",
        "appointments": f"/p/{lodge.clinic.ida.pk}/appointments/",
    }
    for name, path in paths.items():
        for size, dark in (("desktop", True), ("phone", False)):
            surf.check(surf.open(path, Role.COORDINATOR, size=size, dark=dark), f"retreat-{name}")
