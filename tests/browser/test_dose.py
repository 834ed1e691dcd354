"""The panel *what would this dose do*, typed into by a prescriber at the desk, on a tablet and on a phone."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from openkap.people.types import Role
from openkap.plan import services as planning
from openkap.plan.choices import Preferences
from openkap.synthetic.case import Case
from openkap.web.judge import propose
from tests.browser.surf import Surf
from tests.people_in_charts import fill


@pytest.fixture
def plan(surf: Surf) -> str:
    """Ida with a plan."""
    ida = surf.clinic.ida
    fill(surf.clinic, ida, Case(timezone.localdate(), sex="F", disorder="gad", born=ida.birth_date))
    prescriber = surf.clinic.principal(Role.PRESCRIBER)
    planning.write(prescriber, ida, propose, expected_version=0, preferences=Preferences(), reason="first")
    return f"/p/{ida.pk}/plan/"


def curve(page: Page):
    return page.locator("#would svg.curve")


@pytest.mark.parametrize(("size", "dark"), [("desktop", False), ("tablet", False), ("tablet", True), ("phone", True)])
def test_a_prescriber_types_a_dose_and_sees_at_once_what_it_would_do(surf: Surf, plan: str, size, dark):
    page = surf.open(plan, Role.PRESCRIBER, size=size, dark=dark)
    expect(curve(page)).to_be_visible()  # this version's own dose, without being asked
    typed = page.get_by_label("Amount", exact=True)
    typed.fill("0.3")
    expect(page.locator("#would")).to_contain_text("(0.3 mg/kg ×")
    page.get_by_label("Starts at").fill("13:00")
    page.get_by_label("Hopes to leave at").fill("15:30")
    expect(page.locator("#would")).to_contain_text("At 15:30, 2 h 30 min after the start:")
    expect(typed).to_have_value("0.3")
    surf.check(page, "plan-dose")

    typed.fill("")
    expect(page.locator("#would")).to_contain_text("Amount: type it.")
    expect(curve(page)).to_have_count(0)
    typed.fill("1.5")
    expect(page.locator("#would")).to_contain_text("is never given")
    expect(curve(page)).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Nothing is computed.")).to_have_count(1)
    expect(typed).to_have_value("1.5")
    surf.check(page, "plan-dose-refused")


def test_everything_behind_one_click_can_be_read_and_other_routes_fit(surf: Surf, plan: str):
    page = surf.open(f"{plan}dose/", Role.NURSE, size="tablet")
    page.get_by_label("Drug and route").select_option(label="Ketamine lozenge under the tongue, observed")
    page.get_by_label("Amount", exact=True).fill("100")
    page.get_by_label("mg", exact=True).check()
    page.get_by_label("Duration, min").fill("")
    expect(page.locator("#would")).to_contain_text("The model: sl-generic")
    for closed in page.locator("#would details > summary").all():
        closed.click()
    surf.check(page, "dose-lozenge-open")


def test_a_dose_that_gets_no_answer_is_said_to_have_none(surf: Surf, plan: str):
    page = surf.open(plan, Role.PRESCRIBER)
    expect(curve(page)).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Amount", exact=True).fill("0.3")
    expect(page.get_by_text("No answer came")).to_be_visible()
    expect(page.locator(".dose-panel[data-old]")).to_have_count(1)
    surf.faults.clear()  # the browser complains of the line
    page.context.set_offline(False)
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.locator("#would")).to_contain_text("(0.3 mg/kg ×")
    expect(page.get_by_text("No answer came")).to_be_hidden()
    expect(page.locator(".dose-panel[data-old]")).to_have_count(0)


def test_without_script_a_button_does_the_same(surf: Surf, plan: str):
    page = surf.open(plan, Role.PRESCRIBER, size="phone", java_script_enabled=False)
    page.get_by_role("button", name="Show what it would do").click()
    expect(curve(page)).to_be_visible()
    page.get_by_label("Amount", exact=True).fill("1.5")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.locator("#would")).to_contain_text("is never given")
    expect(page.get_by_label("Amount", exact=True)).to_have_value("1.5")
    surf.faults.clear()  # a refusal is a 422, of which the browser complains
