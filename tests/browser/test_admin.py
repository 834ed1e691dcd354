"""A site admin, a medical director and a stranger, in a browser."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as here
from playwright.sync_api import expect

from openkap.kernel.site import Site
from openkap.people.selectors import principal_of
from openkap.people.types import Role
from tests.browser.surf import Surf
from tests.database import PASSWORD

LOOKS = [("desktop", False), ("phone", False), ("desktop", True), ("zoom-400", False)]
PAGES = [
    ("accounts", "/site/", Role.SITE_ADMIN),
    ("invite", "/site/invite/", Role.SITE_ADMIN),
    ("contact", "/site/contact/", Role.SITE_ADMIN),
    ("content", "/content/", Role.PRESCRIBER),
    ("rows", "/content/rows/?state=open", Role.PRESCRIBER),
    ("row", "/content/rows/rules-heart-brain/SCR-HTN-1/", Role.PRESCRIBER),
    ("row-of-plan", "/content/rows/regimens-regimen/REG-A1/", Role.SITE_ADMIN),
    ("sign-content", "/content/sign/?row=SCR-HTN-1&row=DOS-IV", Role.PRESCRIBER),
    ("limit", "/content/rows/rules-heart-brain/SCR-HTN-1/limits/systolic/", Role.SITE_ADMIN),
    ("trail", "/audit/", Role.PRIVACY_LEAD),
    ("looked", "/p/{ida}/looked/", Role.PRIVACY_LEAD),
    ("emergency", "/emergency/", Role.NURSE),
    ("register", "/register/", Role.COORDINATOR),
    ("identity", "/p/{ida}/identity/", Role.COORDINATOR),
    ("team", "/p/{ida}/team/", Role.COORDINATOR),
    ("notes", "/p/{ida}/notes/", Role.THERAPIST),
]


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    settings.ENVIRONMENT = replace(here.ENVIRONMENT, site=site, data=tmp_path)
    return site


@pytest.mark.hazard("HAZ-81", "C1")
@pytest.mark.goal("RG-36")
@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_every_page_is_whole_and_accessible(surf: Surf, folder: Path, size: str, dark: bool):
    for name, path, role in PAGES:
        page = surf.open(path.format(ida=surf.clinic.ida.pk), role, size=size, dark=dark)
        surf.check(page, name)
        page.context.close()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_admin_invites_someone_who_enters_by_the_link_and_is_given_a_role(surf: Surf, size: str):
    page = surf.open("/site/", Role.SITE_ADMIN, size=size)
    page.get_by_role("link", name="Invite someone").click()
    page.get_by_label("Name").fill("Ines Varga")
    page.get_by_label("E-mail address").fill("ines@clinic.example")
    page.get_by_label("nurse", exact=True).check()
    page.get_by_role("button", name="Make account and link").click()
    link = page.locator("code").inner_text()

    other = surf.open(link.removeprefix(surf.url), size=size)
    for name in ("password1", "password2"):
        other.locator(f"[name={name}]").fill(PASSWORD)
    other.locator("main form").get_by_role("button").first.click()
    expect(other.locator("main")).not_to_contain_text("Password (again)")

    page.get_by_role("link", name="Give a role").click()
    page.get_by_label("therapist", exact=True).check()
    page.get_by_role("button", name="Give a role").click()
    expect(page.locator("main")).to_contain_text("Therapist")
    from openkap.people.models import User

    found = principal_of(User.objects.get(email="ines@clinic.example"))
    assert found and found.roles == {Role.NURSE, Role.THERAPIST}


def test_an_admin_sets_a_limit_and_a_medical_director_signs_the_row_and_withdraws(surf: Surf, folder: Path):
    admin = surf.open("/content/", Role.SITE_ADMIN)
    admin.get_by_role("link", name="Rules: Heart, vessels, brain").click()
    admin.get_by_role("row", name="SCR-HTN-1").get_by_role("link").click()
    admin.get_by_role("link", name="systolic", exact=True).click()
    admin.get_by_label("The site's value").fill("999")
    admin.get_by_label("Reason").fill("no anaesthetist on site")
    admin.get_by_role("button", name="Set for this site").click()
    expect(admin.locator(".errsum")).to_contain_text("looser than allowed")
    expect(admin.get_by_label("Reason")).to_have_value("no anaesthetist on site")
    surf.faults.clear()  # a browser says of a 422 that it was one
    admin.get_by_label("The site's value").fill("150")
    admin.get_by_role("button", name="Set for this site").click()
    expect(admin.locator("main")).to_contain_text("no anaesthetist on site")

    page = surf.open("/content/rows/rules-heart-brain/SCR-HTN-1/", Role.PRESCRIBER)
    page.get_by_role("link", name="Sign this row").click()
    expect(page.locator("main")).to_contain_text("You sign as Prescriber Person")
    page.get_by_label("I have read these rows and take them as right for this site.", exact=True).check()
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    site = Site.open(folder)
    assert site.signatures["SCR-HTN-1"].by == "Prescriber Person"
    assert site.overrides["SCR-HTN-1"]["systolic"].value == 150

    page.get_by_role("link", name="Withdraw the signature").click()
    page.get_by_label("Reason").fill("new guideline")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator("main")).to_contain_text("new guideline")
    assert "SCR-HTN-1" not in Site.open(folder).signatures


@pytest.mark.hazard("HAZ-71", "C1", "C2")
def test_a_stranger_sees_nothing_and_a_foreign_record_looks_like_one_that_is_not(surf: Surf):
    page = surf.open("/today/")
    assert "/account/sign-in/" in page.url
    for path in ("/content/", "/site/", "/audit/", f"/p/{surf.clinic.ida.pk}/"):
        page.goto(f"{surf.url}{path}")
        assert "/account/sign-in/" in page.url
        expect(page.locator("body")).not_to_contain_text("Example")

    seen = set()
    page = surf.open("/today/", Role.NURSE)
    for patient in (surf.clinic.noah.pk, surf.clinic.otto.pk, surf.clinic.far.pk, uuid.uuid4()):
        response = page.goto(f"{surf.url}/p/{patient}/")
        assert response and response.status == 404
        seen.add(page.locator("main").inner_html())
    assert len(seen) == 1
    surf.faults.clear()  # a browser says of each 404 that it was one


@pytest.mark.hazard("HAZ-72", "C1")
@pytest.mark.goal("RG-31")
def test_names_and_reasons_that_are_scripts_run_nowhere(surf: Surf):
    from openkap.people.models import Patient
    from openkap.people.services import Identity, amend_patient

    hostile = '"><img src=x onerror="document.title=1"><script>document.title=1</script>'
    ida = Patient.objects.get(pk=surf.clinic.ida.pk)
    named = Identity(hostile, hostile, ida.birth_date, ida.birth_sex)
    amend_patient(surf.clinic.principal(Role.COORDINATOR), ida, named, expected_version=ida.version, reason=hostile)
    for path, role in (
        ("/people/", Role.COORDINATOR),
        (f"/p/{ida.pk}/identity/", Role.COORDINATOR),
        (f"/p/{ida.pk}/team/", Role.COORDINATOR),
        (f"/p/{ida.pk}/", Role.PRESCRIBER),
        ("/audit/", Role.PRIVACY_LEAD),
    ):
        page = surf.open(path, role)
        assert page.title() != "1"
        assert page.locator("img[src=x]").count() == 0
