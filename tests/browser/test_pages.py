"""Every page of the frame: reachable by keyboard, whole on a phone, without a serious fault, in light and dark."""

import pytest
from django.utils import timezone

from openkap.assess.services import ask_form
from openkap.people.services import assign_care_team
from openkap.people.types import Role
from openkap.synthetic.case import Case
from tests.browser.surf import Surf, weight
from tests.people_in_charts import fill

LOOKS = [("desktop", False), ("desktop", True), ("phone", False), ("phone", True), ("zoom-400", False)]
FIRST_VISIT = 150_000  # bytes

PAGES = [
    ("sign-in", "/account/sign-in/", None),
    ("home", "/", Role.PATIENT),
    ("refused", "/nothing/", Role.NURSE),
    ("today-prescriber", "/today/", Role.PRESCRIBER),
    ("today-coordinator", "/today/", Role.COORDINATOR),
    ("find", "/people/", Role.PRESCRIBER),
    ("pathway", "/p/{ida}/", Role.PRESCRIBER),
    ("pathway-empty", "/p/{otto}/", Role.PRESCRIBER),
    ("desk", "/p/{ida}/desk/", Role.COORDINATOR),
    ("factors", "/account/factors/", Role.PRESCRIBER),
    ("new-passkey", "/account/factors/passkeys/new/", Role.PRESCRIBER),
    ("code", "/account/factors/code/", Role.NURSE),
    ("password", "/account/password/set/", Role.NURSE),
]


@pytest.mark.goal("RG-36")
@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_pages_have_no_serious_fault_and_fit_the_screen(surf: Surf, size, dark):
    fill(surf.clinic, surf.clinic.ida, Case(timezone.localdate()))
    ask_form(None, surf.clinic.ida, "gad-7")
    assign_care_team(None, surf.clinic.otto, surf.clinic.users[Role.PRESCRIBER])
    for name, path, role in PAGES:
        page = surf.open(path.format(ida=surf.clinic.ida.pk, otto=surf.clinic.otto.pk), role, size=size, dark=dark)
        if name == "refused":
            surf.faults.clear()  # the browser notes the 404
        surf.check(page, name)
        page.context.close()


def test_the_first_thing_the_tab_key_reaches_leads_past_the_bar(surf: Surf):
    page = surf.open("/today/", Role.PRESCRIBER)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_slash_goes_to_the_find_box_and_is_a_slash_inside_a_field(surf: Surf):
    page = surf.open("/today/", Role.PRESCRIBER)
    page.keyboard.press("/")
    box = page.get_by_label("Find a person").first
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("a/b")
    assert box.input_value() == "a/b"


def test_the_first_visit_on_a_phone_is_light(surf: Surf):
    page = surf.open("/account/sign-in/", size="phone")
    assert weight(page) <= FIRST_VISIT


def test_two_letters_and_a_wait_show_a_person_without_leaving_the_page(surf: Surf):
    page = surf.open("/today/", Role.COORDINATOR)
    page.keyboard.press("/")
    page.keyboard.type("no")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/")
    assert page.get_by_role("link", name="Noah Example").is_visible()
    page.get_by_label("Find a person").fill("ott")
    page.get_by_role("link", name="Otto Example").wait_for()
    assert "ott" not in page.url
    page.get_by_role("link", name="Otto Example").click()
    page.wait_for_url("**/desk/")
    assert page.get_by_text("born 2 Apr 1988").is_visible()
