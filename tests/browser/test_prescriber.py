"""
From a file to the verdict, where test_decide goes on; the same by keyboard alone; on paper and in other colours.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from openkap.chart.models import Resolution
from openkap.people.types import Role
from openkap.synthetic.case import Case
from tests.browser.surf import Surf
from tests.people_in_charts import fill

ENCODER = msgspec.json.Encoder(decimal_format="number")
FACT = "https://openkap.example/fhir/CodeSystem/fact"


def person(surf: Surf) -> Case:
    """Ida, with a pressure that holds."""
    high = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}
    born = surf.clinic.ida.birth_date
    return Case(timezone.localdate(), sex="M", disorder="panic", born=born, measurements=high)


def referral(surf: Surf) -> bytes:
    """A file about Ida in which two records disagree about a malformation of vessels."""
    case = person(surf)
    case.answers["avm"] = None
    bundle = case.bundle()
    about = next(e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    for identity, value in (("said-yes", True), ("said-no", False)):
        bundle["entry"].append({"resource": observation(identity, about, value)})
    return ENCODER.encode(bundle)


def observation(identity: str, about: str, value: bool) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": FACT, "code": "avm"}]},
        "subject": {"reference": f"Patient/{about}"},
        "effectiveDateTime": timezone.localdate().isoformat(),
        "valueBoolean": value,
    }


def go_to(page: Page, area: str, size: str) -> None:
    """By the bar of the record, which is a menu on a phone."""
    if size == "phone":
        page.locator(".inside summary").click()
    page.get_by_role("navigation", name="In this record").get_by_role("link", name=area, exact=True).click()


@pytest.mark.hazard("HAZ-06", "C3")
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_prescriber_brings_a_file_looks_through_it_and_settles_a_conflict(surf: Surf, size):
    page = surf.open(f"/p/{surf.clinic.ida.pk}/facts/", Role.PRESCRIBER, size=size)
    page.get_by_role("link", name="Import a file").first.click()
    page.get_by_label("Where it comes from").fill("Harbour Family Practice")
    document = {"name": "export.json", "mimeType": "application/json", "buffer": referral(surf)}
    page.get_by_label("File", exact=True).set_input_files(document)
    surf.check(page, "import-bring")
    page.get_by_role("button", name="Send and look").click()
    page.wait_for_url(re.compile("/imports/[0-9a-f-]{36}/"))
    surf.check(page, "import-received")
    page.get_by_label("How you know that it is about this person").fill("Name and birth date read out on the phone.")
    page.get_by_role("button", name="Take into the record").click()

    page.wait_for_url("**/facts/review/")
    surf.check(page, "import-review")
    assert page.locator("input[name=record]:checked").count() == 0  # nothing is accepted by itself
    page.get_by_role("link", name="Tick all").click()
    page.wait_for_url("**/facts/review/?tick=all")
    page.get_by_role("button", name="Accept the ticked").click()
    page.wait_for_url("**/facts/")
    page.get_by_role("link", name=re.compile("^Settle")).first.click()
    page.wait_for_url("**/facts/settle/**")
    surf.check(page, "import-settle")
    page.get_by_role("radio", name=re.compile("^no,")).check()
    page.get_by_label("Reason").fill("The angiogram of this spring.")
    page.get_by_role("button", name="Settle").click()
    page.wait_for_url("**/facts/")
    expect(page.get_by_role("heading", name="Records disagree")).to_have_count(0)
    assert Resolution.objects.get().reason == "The angiogram of this spring."

    go_to(page, "Verdict", size)
    expect(page.get_by_role("heading", name="On hold")).to_be_visible()
    assert len(page.locator("main .btn-primary").all_inner_texts()) == 1
    surf.check(page, "import-verdict")


def reach(page: Page, words: str) -> None:
    """Press Tab until what has the focus says this."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(f"the Tab key does not reach {words}")


@pytest.mark.goal("RG-36")
def test_by_keyboard_alone_from_today_to_an_answer_entered(surf: Surf):
    case = person(surf)
    case.answers["aneurysm"] = None
    fill(surf.clinic, surf.clinic.ida, case)
    page = surf.open("/today/", Role.PRESCRIBER)
    page.keyboard.press("/")
    page.keyboard.type("ida")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/")
    reach(page, "Ida Example")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/p/{surf.clinic.ida.pk}/")
    reach(page, "Verdict")
    page.keyboard.press("Enter")
    page.wait_for_url("**/screen/")
    reach(page, "Enter the answer: Was an aneurysm")
    page.keyboard.press("Enter")
    page.wait_for_url("**/enter/aneurysm/**")
    page.get_by_role("radio", name="No", exact=True).focus()
    page.keyboard.press("Space")
    reach(page, "Save")
    page.keyboard.press("Enter")
    page.wait_for_url("**/screen/")
    expect(page.get_by_text("Nothing that a rule waits for is missing.")).to_be_visible()


def test_the_menus_of_a_phone_open_without_script_and_by_keyboard(surf: Surf):
    page = surf.open("/today/", Role.NURSE, size="phone", java_script_enabled=False)
    menu = page.locator(".top .menu > summary")
    forms = page.get_by_role("navigation", name="Main").get_by_role("link", name="Forms")
    expect(forms).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(forms).to_be_visible()
    forms.click()
    page.wait_for_url("**/forms/")


def test_escape_closes_a_menu_and_the_focus_stays_with_it(surf: Surf):
    page = surf.open("/today/", Role.NURSE, size="phone")
    page.locator(".top .menu > summary").click()
    surf.check(page, "menu-open")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent").startswith("Menu")
    expect(page.locator(".menu[open]")).to_have_count(0)


STYLE = "getComputedStyle(document.documentElement)"


@pytest.mark.parametrize("path", ["", "screen/", "screen/print/", "assess/first-hour/"])
def test_on_paper_a_page_is_black_on_white_says_whose_it_is_and_has_nothing_to_press(surf: Surf, path):
    fill(surf.clinic, surf.clinic.ida, person(surf))
    page = surf.open(f"/p/{surf.clinic.ida.pk}/{path}", Role.PRESCRIBER, dark=True)
    page.emulate_media(media="print")
    assert page.evaluate(f"[{STYLE}.color, {STYLE}.backgroundColor]") == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    expect(page.get_by_text("Ida Example").first).to_be_visible()
    for part in (".top", ".inside", ".btn"):
        assert page.locator(part).locator("visible=true").count() == 0
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.goal("RG-36")
@pytest.mark.parametrize("colours", [{"forced_colors": "active"}, {"contrast": "more"}])
def test_pages_hold_in_forced_colours_and_in_more_contrast(surf: Surf, colours):
    fill(surf.clinic, surf.clinic.ida, person(surf))
    for path in ("/today/", f"/p/{surf.clinic.ida.pk}/", f"/p/{surf.clinic.ida.pk}/screen/"):
        page = surf.open(path, Role.PRESCRIBER, **colours)
        surf.check(page, f"colours-{'-'.join(colours)}")
        if "contrast" in colours:
            assert page.evaluate(f"{STYLE}.getPropertyValue('--ink-2') === {STYLE}.getPropertyValue('--ink')")
        else:
            assert page.locator(".btn-primary").first.evaluate("e => getComputedStyle(e).borderTopWidth") == "3px"
        page.context.close()
