"""Two tabs, the back button, a screen that nobody touches, and the whole way to a signature by keyboard at 200 %."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from openkap.chart.models import Record
from openkap.people.services import assign_care_team
from openkap.people.types import Role
from openkap.plan.models import Signature
from openkap.screen.models import Signoff
from openkap.synthetic.case import Case
from tests.browser.surf import Surf
from tests.database import PASSWORD
from tests.people_in_charts import fill

ENTER = "/p/{}/facts/enter/avm/"


@pytest.mark.hazard("HAZ-02", "C1")
@pytest.mark.hazard("HAZ-02", "C2")
def test_two_tabs_on_two_people_and_the_back_button_write_each_into_their_own_record(surf: Surf):
    ida, noah = surf.clinic.ida, surf.clinic.noah
    assign_care_team(None, noah, surf.clinic.users[Role.NURSE])
    one = surf.open(ENTER.format(ida.pk), Role.NURSE)
    two = one.context.new_page()
    two.goto(f"{surf.url}{ENTER.format(noah.pk)}")
    for page, note in ((one, "of Ida"), (two, "of Noah")):  # the older tab is sent last
        page.get_by_label("No", exact=True).check()
        page.get_by_label("Note").fill(note)
    for page in (two, one):
        page.get_by_role("button", name="Save fact").click()
        page.wait_for_url("**/facts/")
    assert "of Ida" in Record.objects.get(patient=ida).content
    assert "of Noah" in Record.objects.get(patient=noah).content

    one.go_back()
    one.wait_for_url("**/enter/avm/")
    assert one.locator(".ident-name").inner_text() == "Ida Example"
    one.get_by_label("Yes", exact=True).check()
    one.get_by_label("Note").fill("looked again")
    one.get_by_role("button", name="Save fact").click()
    expect(one.get_by_text("looked again").or_(one.get_by_role("heading", name="Facts"))).to_be_visible()
    for record in Record.objects.all():
        assert f"Patient/{record.patient_id}" in record.content
    assert Record.objects.filter(patient=noah).count() == 1
    surf.faults.clear()  # the browser notes a 409 where the old page came back from its memory


@pytest.mark.hazard("HAZ-63", "C1")
def test_a_page_that_nobody_touches_is_covered_and_keeps_what_was_typed(surf: Surf):
    page = surf.open("/account/sign-in/", Role.NURSE)
    page.clock.install()
    page.goto(f"{surf.url}{ENTER.format(surf.clinic.ida.pk)}")
    page.get_by_label("Note").fill("half a sentence")
    page.clock.run_for(14 * 60_000)
    expect(page.get_by_label("Note")).to_be_visible()
    page.clock.run_for(2 * 60_000)
    expect(page.get_by_role("heading", name="Locked")).to_be_visible()
    expect(page.get_by_text("Ida Example")).to_be_hidden()
    expect(page.get_by_label("Note")).to_be_hidden()
    surf.check(page, "locked")

    session = page.context.cookies()
    page.context.clear_cookies()  # the session ended
    page.get_by_role("button", name="Show the page").click()
    expect(page.get_by_text("The session is over")).to_be_visible()
    expect(page.get_by_label("Note")).to_be_hidden()
    page.context.add_cookies(session)  # signed in again in another tab
    page.get_by_role("button", name="Show the page").click()
    expect(page.get_by_label("Note")).to_have_value("half a sentence")


def tab_to(page: Page, role: str, name: str, most: int = 150) -> None:
    """Press Tab until this control has the focus; a focus that cannot be seen fails."""
    wanted = page.get_by_role(role, name=name).first
    for _ in range(most):
        if wanted.evaluate("e => e === document.activeElement"):
            box = wanted.bounding_box()
            assert box and box["width"] > 0, f"{name} has the focus and no place"
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{most} times Tab do not reach {role} {name!r} on {page.url}")


def prove(page: Page) -> None:
    if "/prove/" in page.url:
        tab_to(page, "textbox", "Password")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")


@pytest.mark.hazard("HAZ-81", "C1")
@pytest.mark.goal("RG-36")
def test_from_the_verdict_to_a_signed_plan_by_keyboard_alone_at_200_percent(surf: Surf):
    born = surf.clinic.ida.birth_date
    fill(surf.clinic, surf.clinic.ida, Case(timezone.localdate(), sex="M", born=born))
    person = f"/p/{surf.clinic.ida.pk}"
    page = surf.open(
        f"{person}/screen/", Role.PRESCRIBER, viewport={"width": 640, "height": 450}
    )  # 1280 × 900 at 200 %

    tab_to(page, "link", "Sign the verdict")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign/**")
    prove(page)
    sign(page, born)
    page.wait_for_url("**/screen/#signatures")
    assert Signoff.objects.get().by == surf.clinic.users[Role.PRESCRIBER]

    page.goto(f"{surf.url}{person}/plan/edit/")
    tab_to(page, "textbox", "Why this version")
    page.keyboard.type("first version, by keyboard")
    tab_to(page, "button", "Compute")
    page.keyboard.press("Enter")
    page.wait_for_url("**/plan/v/1/")
    surf.check(page, "plan-keyboard")
    tab_to(page, "link", "Sign", most=300)
    page.keyboard.press("Enter")
    page.wait_for_url("**/plan/sign/**")
    prove(page)
    sign(page, born)
    page.wait_for_url("**/plan/")
    assert Signature.objects.get().name == "Prescriber Person"


def sign(page: Page, born) -> None:
    """Type the birth date, as a date field takes it from keys, and send."""
    field = page.get_by_label("The person's date of birth")
    expect(field).to_be_visible()
    for _ in range(60):
        if field.evaluate("e => e === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type(born.strftime("%m%d%Y") if field.get_attribute("type") == "date" else born.isoformat())
    tab_to(page, "button", "Sign")
    page.keyboard.press("Enter")
