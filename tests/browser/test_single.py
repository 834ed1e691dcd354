"""One appointment falls out: cancelled, filled by who waits, booked, and the patient sees it. All by the keyboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from openkap.people.types import Role
from openkap.schedule import services_house, services_waiting
from openkap.schedule.models import BOOKED, Appointment, Waiting
from openkap.schedule.needs import Ask
from openkap.schedule.services_waiting import Terms
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from tests.browser.surf import Surf
from tests.database import Clinic


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    signed(clinic.ida, clinic.users[Role.PRESCRIBER], programme(2))
    return Lodge(clinic, guests=3, also=[clinic.ida])


def press(page: Page, name: str | re.Pattern[str], role: str = "button") -> None:
    """Tab to a button or a link, and press Enter."""
    target = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
    expect(target).to_be_visible()
    for _ in range(200):
        if target.evaluate("one => one === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name}")


def test_cancelled_filled_by_who_waits_booked_and_seen_by_the_patient(surf: Surf, lodge: Lodge):
    amara, ida = lodge.patients[0], lodge.clinic.ida
    page = surf.open(f"/p/{amara.pk}/appointments/book/?s=prep-1&day={START.isoformat()}", Role.COORDINATOR)
    surf.check(page, "single-book")
    page.locator(".times.best button").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Booked: Prep 1")).to_be_visible()
    row = Appointment.objects.get(patient=amara, state=BOOKED)

    wait = surf.open(f"/p/{ida.pk}/waiting/", Role.COORDINATOR)
    wait.get_by_role("combobox", name="Waits for").select_option(label="Prep 1")
    wait.get_by_label("Waits until").fill((START + timedelta(days=20)).isoformat())
    wait.get_by_label("Mon", exact=True).check()
    press(wait, "Enter on the waiting list")
    expect(wait.get_by_role("link", name=re.compile("Change or end"))).to_be_visible()
    surf.check(wait, "single-wait")

    page.goto(f"{surf.url}/calendar/?day={START.isoformat()}")
    surf.check(page, "single-day")
    press(page, "Prep 1", "link")
    expect(page.get_by_role("heading", name="Cancel it")).to_be_visible()
    surf.check(page, "single-one")
    page.get_by_label("The patient asked").check()
    press(page, "Cancel the appointment")
    expect(page.get_by_role("heading", name="Who fits into this time")).to_be_visible()
    surf.check(page, "single-fill")
    press(page, re.compile("^Book ?: Ida Example"))
    expect(page.get_by_text("Booked: Prep 1")).to_be_visible()
    made = Appointment.objects.get(patient=ida, state=BOOKED)
    assert (made.starts_at, made.room_id) == (row.starts_at, row.room_id)
    assert Waiting.objects.get().appointment_id == made.pk

    mine = surf.open(f"/p/{ida.pk}/my-programme/", Role.PATIENT, size="phone")
    expect(mine.get_by_text("Prep 1")).to_be_visible()
    assert "Amara" not in mine.content()
    theirs = surf.open(f"/p/{amara.pk}/appointments/", Role.COORDINATOR)
    expect(theirs.get_by_text("Nothing is booked.")).to_be_visible()


def test_the_pages_are_calm_on_every_screen(surf: Surf, lodge: Lodge):
    amara, bjorn, ida = lodge.patients[0], lodge.patients[1], lodge.clinic.ida
    page = surf.open(f"/p/{amara.pk}/appointments/book/?s=prep-1&day={START.isoformat()}", Role.COORDINATOR)
    page.locator(".times.best button").first.click()
    expect(page.get_by_text("Booked: Prep 1")).to_be_visible()
    row = Appointment.objects.get(patient=amara)
    for patient, days in ((bjorn, (0, 2)), (ida, ())):
        services_waiting.enter(
            lodge.coordinator, patient, Ask(session="prep-1"),
            Terms(START + timedelta(days=9), days, note="rings back in the afternoon"),
        )  # fmt: skip
    entry = Waiting.objects.get(patient=bjorn)
    services_house.absent(
        None, lodge.site, kind="ill", resource=row.work.get().resource, starts_at=row.starts_at, ends_at=row.ends_at
    )
    day = f"{START:%Y-%m-%d}"
    slot = f"from={day}T09:00%2B00:00&until={day}T12:00%2B00:00"
    paths = {
        "book": f"/p/{ida.pk}/appointments/book/?s=prep-1&day={day}",
        "what": f"/p/{ida.pk}/appointments/book/",
        "one": f"/p/{amara.pk}/appointments/{row.pk}/",
        "fill": f"/calendar/fill/?{slot}",
        "list": "/calendar/waiting/",
        "wait": f"/p/{ida.pk}/waiting/",
        "entry": f"/p/{bjorn.pk}/waiting/{entry.pk}/",
        "due": "/calendar/due/",
        "absent": "/calendar/away/",
        "day": f"/calendar/?day={day}",
        "appointments": f"/p/{amara.pk}/appointments/",
    }
    for name, path in paths.items():
        surf.check(surf.open(path, Role.COORDINATOR), f"single-{name}")
        surf.check(surf.open(path, Role.COORDINATOR, dark=True), f"single-{name}")
        surf.check(surf.open(path, Role.COORDINATOR, size="phone"), f"single-{name}")
