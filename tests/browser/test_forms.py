"""
A patient's phone from the link to the end, and the coordinator who chases (journeys of issue "2. The clinic app").
"""

import re

import pytest
from playwright.sync_api import Page, expect

from openkap.assess import services
from openkap.assess.models import Answer, FormEvent, FormRequest, SafetyAlert
from openkap.assess.selectors import answers_of, state_of
from openkap.people.types import Role
from tests.browser.surf import Surf, weight

pytestmark = pytest.mark.django_db(transaction=True)


def link_to(surf: Surf, form: str = "phq-9", patient=None) -> tuple[FormRequest, str]:
    request = services.ask_form(None, patient or surf.clinic.ida, form)
    _, token = services.make_link(None, request)
    return request, f"/f/{token}/"


def choose(page: Page, words: str) -> None:
    page.get_by_role("radio", name=words, exact=True).check()


def go_offline(surf: Surf, page: Page) -> None:
    page.context.set_offline(True)


def come_back(surf: Surf, page: Page) -> None:
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    surf.faults[:] = [f for f in surf.faults if "ERR_INTERNET_DISCONNECTED" not in f]


@pytest.mark.hazard("HAZ-48", "C1", "C3")
@pytest.mark.goal("RG-15")
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_patient_answers_through_a_tunnel_reads_help_at_once_and_sends(surf: Surf, size):
    request, path = link_to(surf)
    page = surf.open(path, size=size)
    surf.check(page, "form-start")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Question 1 of 10")).to_be_visible()
    surf.check(page, "form-question")
    choose(page, "Several days")
    expect(page.get_by_role("status")).to_contain_text("Saved. 1 answer has reached the clinic.")
    page.get_by_role("button", name="Next").click()

    go_offline(surf, page)
    for _ in range(7):
        choose(page, "Not at all")
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("status")).to_contain_text("7 of your answers wait on this phone")
    assert Answer.objects.count() == 1
    expect(page.get_by_text("Question 9 of 10")).to_be_visible()
    surf.check(page, "form-offline")
    choose(page, "Several days")
    expect(page.get_by_role("link", name="988")).to_be_visible()  # without any signal
    expect(page.get_by_text("Your answer has not reached the clinic yet")).to_be_visible()
    surf.check(page, "form-crisis-offline")
    assert not SafetyAlert.objects.exists()

    come_back(surf, page)
    expect(page.get_by_text("Your clinic has been told")).to_be_visible()
    expect(page.get_by_text("Your answer has not reached the clinic yet")).to_be_hidden()
    assert answers_of(request) == {"1": "1", **{str(k): "0" for k in range(2, 9)}, "9": "1"}
    assert [a.link_id for a in Answer.objects.order_by("pk")] == [str(k) for k in range(1, 10)]  # order kept
    assert SafetyAlert.objects.get().notices.exists()
    surf.until(page, "localStorage.length === 0")

    page.get_by_role("button", name="Go on when you are ready").click()
    choose(page, "Somewhat difficult")  # asked and kept, not scored
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="That was the last question")).to_be_visible()
    surf.check(page, "form-send")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Your answers are with your clinic")).to_be_visible()
    expect(page.get_by_role("link", name="988")).to_be_visible()
    surf.check(page, "form-done")
    assert state_of(request).word == "done"
    page.go_back()
    expect(page.get_by_role("heading", name="Your answers are with your clinic")).to_be_visible()


def test_answers_that_waited_survive_a_reload_and_are_sent_once(surf: Surf):
    _, path = link_to(surf)
    page = surf.open(path, size="phone")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Question 1 of 10")).to_be_visible()
    page.route("**/answer/", lambda route: route.abort())
    choose(page, "Several days")
    expect(page.get_by_role("status")).to_contain_text("wait on this phone")
    page.unroute("**/answer/")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("reached the clinic")
    page.reload()
    expect(page.get_by_text("Question 2 of 10")).to_be_visible()
    assert Answer.objects.count() == 1
    surf.faults.clear()


@pytest.mark.goal("RG-04")
def test_an_answer_whose_reply_was_lost_is_saved_once(surf: Surf):
    _, path = link_to(surf)
    page = surf.open(path, size="phone")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("Question 1 of 10")).to_be_visible()
    lost = []

    def lose(route):
        route.fetch()  # it arrives, and the reply does not
        lost.append(1)
        route.abort()

    page.route("**/answer/", lose, times=1)
    choose(page, "Several days")
    expect(page.get_by_role("status")).to_contain_text("wait on this phone")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("status")).to_contain_text("reached the clinic")
    assert (len(lost), Answer.objects.count()) == (1, 1)
    surf.faults.clear()


def test_a_fast_tap_on_the_last_next_goes_on_when_the_answer_has_arrived(surf: Surf):
    """The answer is still on its way when *Next* is tapped: it is waited for, and nobody has to tap twice."""
    _, path = link_to(surf, "gad-7")
    page = surf.open(path, size="phone")
    page.get_by_role("button", name="Begin").click()
    for _ in range(7):
        choose(page, "Not at all")
        page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Question 8 of 8")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("7 answers have reached the clinic")

    def slow(route):
        page.wait_for_timeout(1500)
        route.continue_()

    page.route("**/answer/", slow, times=1)
    page.get_by_role("radio").first.check(no_wait_after=True)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="That was the last question")).to_be_visible()


def test_arrow_keys_pass_over_an_answer_that_is_not_meant(surf: Surf):
    request, path = link_to(surf)
    page = surf.open(path)
    page.get_by_role("button", name="Begin").click()
    page.goto(f"{surf.url}{path}?q=9")
    page.get_by_role("radio", name="Not at all").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("reached the clinic")
    assert answers_of(request) == {"9": "0"}
    assert not SafetyAlert.objects.exists()


def test_the_intake_with_lists_dates_and_what_depends_on_another_answer(surf: Surf):
    request, path = link_to(surf, "intake", surf.clinic.noah)
    page = surf.open(path, size="phone")
    page.get_by_role("button", name="Begin").click()
    assert weight(page) <= 150 * 1024
    surf.check(page, "intake-list")
    page.locator("[name=value-trigger-label]").first.fill("Volle Busse 🚌 الزحام")
    page.get_by_role("button", name="Add this one").click()
    expect(page.get_by_text("Volle Busse 🚌 الزحام")).to_be_visible()
    page.get_by_role("button", name=re.compile("No more, go on|Nothing to add")).click()
    expect(page.get_by_role("status")).to_contain_text("2 answers have reached")
    page.goto(f"{surf.url}{path}?q=stroke-tia")
    choose(page, "Yes")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("When was the last one?")).to_be_visible()
    surf.check(page, "intake-date")
    page.locator("input[name=value]").fill("last spring")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Write the date as 2019")).to_be_visible()
    page.locator("input[name=value]").fill("2019-03")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="I would rather not say").click()
    expect(page.get_by_role("status")).to_contain_text("reached the clinic")
    surf.until(page, "localStorage.length === 0")
    said = answers_of(request)
    assert said["trigger/1"] == {"trigger-label": "Volle Busse 🚌 الزحام"}
    assert said["stroke-tia-on"] == "2019-03"
    assert said["intracranial-haemorrhage"] == "asked-declined"
    surf.faults[:] = [fault for fault in surf.faults if "422" not in fault]  # the date in words, refused on purpose


def test_without_script_a_phone_gets_to_the_end_too(surf: Surf):
    request, path = link_to(surf, "gad-7")
    page = surf.open(path, size="phone", java_script_enabled=False)
    page.get_by_role("button", name="Begin").click()
    for _ in range(7):
        page.get_by_text("Several days").click()
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="I would rather not say").click()  # how difficult: asked, never required
    page.get_by_role("button", name="Send").click()
    assert page.get_by_role("heading", name="Your answers are with your clinic").is_visible()
    assert state_of(request).word == "done"


@pytest.mark.hazard("HAZ-63", "C2")
def test_a_shared_device_keeps_nothing_after_stop_here(surf: Surf):
    _, path = link_to(surf)
    page = surf.open(path, size="phone")
    page.get_by_role("button", name="Begin").click()
    choose(page, "Several days")
    expect(page.get_by_role("status")).to_contain_text("reached the clinic")
    page.get_by_role("button", name="Stop here, finish later").click()
    expect(page.get_by_role("heading", name="Stopped here")).to_be_visible()
    surf.until(page, "localStorage.length === 0")
    page.go_back()
    expect(page.get_by_label("Your birth date")).to_be_visible()
    surf.check(page, "form-birth-date")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_coordinator_finds_who_is_late_and_chases(surf: Surf, size):
    request, _ = link_to(surf, "gad-7", surf.clinic.noah)
    services.ask_form(None, surf.clinic.ida, "phq-9")
    page = surf.open("/forms/", Role.COORDINATOR, size=size)
    surf.check(page, "forms-work")
    row = page.get_by_role("row").filter(has_text="Noah Example")
    expect(row).to_contain_text("sent")
    row.get_by_role("button", name="New link").click()
    address = page.get_by_label("Give this to the patient").input_value()
    surf.check(page, "forms-link")
    page.get_by_role("link", name="Back to the forms").click()
    page.get_by_text("Note a call, or withdraw").click()
    page.get_by_label("What you did, or why").fill("called, will do it tonight")
    page.get_by_role("button", name="Keep note").click()
    page.get_by_text("What happened").click()
    expect(page.get_by_text("called, will do it tonight")).to_be_visible()
    surf.check(page, "forms-patient")
    assert FormEvent.objects.filter(request=request, kind="chased").count() == 2
    phone = surf.open(
        address.removeprefix(surf.url).removeprefix(surf.url.replace("localhost", "127.0.0.1")), size="phone"
    )
    expect(phone.get_by_role("heading", name="Hello Noah")).to_be_visible()


def test_staff_pages_of_forms_read_well_in_the_dark_and_by_digits(surf: Surf):
    request = services.ask_form(None, surf.clinic.ida, "phq-9", by_staff=True)
    page = surf.open(f"/p/{surf.clinic.ida.pk}/forms/{request.pk}/enter/", Role.NURSE, dark=True)
    surf.check(page, "forms-enter")
    page.get_by_role("radio").first.focus()
    for digit in "122100021":
        page.keyboard.press(digit)
    page.keyboard.press("Enter")
    page.wait_for_url("**/forms/")
    assert state_of(FormRequest.objects.get(pk=request.pk)).word == "done"
    assert answers_of(request) == {str(k): d for k, d in enumerate("122100021", start=1)}
    for role, path in (
        (Role.NURSE, "/alerts/"),
        (Role.NURSE, f"/alerts/{SafetyAlert.objects.get().pk}/"),
        (Role.COORDINATOR, "/on-call/"),
        (Role.THERAPIST, f"/p/{surf.clinic.ida.pk}/assess/"),
        (Role.THERAPIST, f"/p/{surf.clinic.ida.pk}/assess/first-hour/"),
    ):
        for size, dark in (("desktop", False), ("phone", True)):
            surf.check(surf.open(path, role, size=size, dark=dark))
