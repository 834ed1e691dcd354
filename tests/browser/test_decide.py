"""The prescriber's journey: screen, ask-list, clear a hold, plan, compare, edit, sign, print; and two at once."""

import re

import pytest
from django.utils import timezone

from openkap.people.types import Role
from openkap.plan.models import Programme, Signature
from openkap.screen.models import Override, Signoff
from openkap.synthetic.case import Case
from tests.browser.surf import Surf
from tests.database import PASSWORD
from tests.people_in_charts import fill

BORN = "1988-04-02"
LOOKS = [("desktop", False), ("desktop", True), ("phone", False), ("phone", True), ("zoom-400", False)]


def held(surf: Surf) -> str:
    """Ida has a pressure that holds, and nobody asked about an aneurysm. Her path."""
    today = timezone.localdate()
    high = {"systolic": [(171, "mm[Hg]", 3, None), (169, "mm[Hg]", 10, None)]}
    person = Case(today, sex="M", disorder="panic", born=surf.clinic.ida.birth_date, measurements=high)
    person.answers["aneurysm"] = None
    fill(surf.clinic, surf.clinic.ida, person)
    return f"/p/{surf.clinic.ida.pk}"


def prove(page) -> None:
    """Step-up, where it is asked for."""
    if "/prove/" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()


@pytest.mark.hazard("HAZ-26", "C2")
@pytest.mark.hazard("HAZ-01", "C1")
@pytest.mark.hazard("HAZ-22", "C2")
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_prescriber_goes_from_the_verdict_to_a_signed_plan(surf: Surf, size):
    ida = held(surf)
    page = surf.open(f"{ida}/screen/", Role.PRESCRIBER, size=size)
    page.set_default_timeout(10_000)
    assert page.get_by_role("heading", name="On hold").is_visible()
    surf.check(page, "screen-held")

    page.get_by_role("button", name="Ask by 1 form").click()
    page.wait_for_url("**/screen/#ask")
    assert page.get_by_text("to the patient, not sent yet").is_visible()
    page.get_by_role("link", name=re.compile("Enter the answer.*aneurysm")).click()
    page.get_by_label("No", exact=True).check()
    page.get_by_role("button").filter(has_text="Save").click()
    page.wait_for_url("**/screen/")
    assert page.get_by_text("Nothing that a rule waits for is missing.").is_visible()

    page.get_by_role("link", name=re.compile("Attach a document.*Uncontrolled")).click()
    prove(page)
    page.get_by_label("Why the hold no longer stands").fill("Readings at home are in range; the cuff was too small.")
    page.get_by_label("Document", exact=True).fill("Dr Berg, cardiology")
    page.get_by_label("Date of the document").fill(timezone.localdate().isoformat())
    surf.check(page, "screen-decide")
    page.get_by_role("button", name="Attach a document").click()
    page.wait_for_url("**/screen/#*")
    assert page.get_by_role("heading", name="Possible with cautions").is_visible()
    assert Override.objects.get().document == "Dr Berg, cardiology"

    page.get_by_role("link", name=re.compile("Record what was arranged.*Panic")).click()
    prove(page)
    page.get_by_label("What was arranged").fill("Therapist in the room for the first two doses.")
    page.get_by_role("button", name="Record what was arranged").click()
    page.wait_for_url("**/screen/#*")
    page.get_by_role("link", name="Sign the verdict").click()
    prove(page)
    surf.check(page, "screen-sign")
    page.get_by_label("The person's date of birth").fill("1980-01-01")
    page.get_by_role("button", name="Sign", exact=True).click()
    assert page.get_by_text("The birth date is not this person's").first.is_visible()
    surf.faults.clear()  # the browser notes the 422
    page.get_by_label("The person's date of birth").fill(BORN)
    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url("**/screen/#signatures")
    assert page.get_by_text("In force").is_visible()
    assert Signoff.objects.get().verdict == "caution"
    surf.check(page, "screen-signed")

    page.goto(f"{surf.url}{ida}/plan/")
    surf.check(page, "plan-none")
    page.get_by_role("link", name="Make a first version").click()
    surf.check(page, "plan-first")
    assert page.get_by_label("No wish: compare all that survive").is_checked()
    page.get_by_label("Why this version").fill("To compare.")
    page.get_by_role("button", name="Compute and keep as a new version").click()
    page.wait_for_url("**/plan/v/1/")
    surf.check(page, "plan-1")
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_text("Move or leave out single sessions").click()
    surf.check(page, "plan-edit")
    session = page.get_by_role("group", name="Cognitive behavioural therapy, day 18")
    session.get_by_label("Change").select_option("leave-out")
    session.get_by_label("Why").fill("She is away that week.")
    page.get_by_label("First day").fill(timezone.localdate().isoformat())
    page.get_by_label("Why this version").fill("One hour less.")
    page.get_by_role("button", name="Compute and keep as a new version").click()
    page.wait_for_url("**/plan/v/2/")
    assert page.get_by_role("heading", name="Changed by a clinician").is_visible()
    surf.check(page, "plan-2")
    page.goto(f"{surf.url}{ida}/plan/v/2/compare/1/")
    surf.check(page, "plan-compare")
    page.goto(f"{surf.url}{ida}/plan/versions/")
    surf.check(page, "plan-versions")

    page.goto(f"{surf.url}{ida}/plan/sign/")
    prove(page)
    surf.check(page, "plan-sign")
    page.get_by_label("The person's date of birth").fill(BORN)
    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url("**/plan/")
    assert page.locator("h1").get_by_text("signed", exact=True).is_visible()
    assert Signature.objects.get().digest == Programme.objects.get(version=2).digest
    surf.check(page, "plan-signed")

    page.goto(f"{surf.url}{ida}/plan/v/2/page/")
    assert page.get_by_text("Version 2. Signed by Prescriber Person, prescriber").first.is_visible()
    surf.check(page, "plan-page")
    reply = page.context.request.get(f"{surf.url}{ida}/plan/v/2/pdf/")
    assert reply.body().startswith(b"%PDF")


@pytest.mark.hazard("HAZ-74", "C1")
def test_the_second_of_two_clinicians_sees_both_and_loses_nothing_typed(surf: Surf):
    today = timezone.localdate()
    fill(surf.clinic, surf.clinic.ida, Case(today, sex="M", born=surf.clinic.ida.birth_date))
    path = f"/p/{surf.clinic.ida.pk}/plan/edit/"
    first = surf.open(path, Role.PRESCRIBER)
    second = surf.open(path, Role.THERAPIST)
    first.get_by_label("Why this version").fill("The prescriber was first.")
    first.get_by_role("button", name="Compute").click()
    first.wait_for_url("**/plan/v/1/")

    second.get_by_label("Start at the low end").check()
    second.get_by_label("Why this version").fill("Zoë ist ängstlich 🌿 مرحبا")
    second.get_by_role("button", name="Compute").click()
    assert second.get_by_text("The prescriber was first.").is_visible()
    assert second.get_by_label("Why this version").input_value() == "Zoë ist ängstlich 🌿 مرحبا"
    assert second.get_by_label("Start at the low end").is_checked()
    surf.check(second, "plan-conflict")
    surf.faults.clear()  # the browser notes the 409
    second.get_by_role("button", name="Compute").click()
    second.wait_for_url("**/plan/v/2/")
    assert [p.author.name for p in Programme.objects.order_by("version")] == ["Prescriber Person", "Therapist Person"]


@pytest.mark.goal("RG-36")
@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_the_pages_have_no_serious_fault_and_fit_the_screen(surf: Surf, size, dark):
    ida = held(surf)
    for name, path, role in [
        ("verdict", "/screen/", Role.PRESCRIBER),
        ("verdict-nurse", "/screen/?dose-day", Role.NURSE),
        ("verdict-print", "/screen/print/", Role.THERAPIST),
        ("edit", "/plan/edit/", Role.PRESCRIBER),
    ]:
        page = surf.open(f"{ida}{path}", role, size=size, dark=dark)
        surf.check(page, name)
        page.context.close()
