"""A passkey from enrolment to sign-in, in a real browser with a virtual authenticator."""

from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Browser, Page

from openkap.people.types import Role
from tests.database import PASSWORD, make_clinic


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page whose browser holds a security key that its owner always touches; faults of the page fail the test."""
    page = chromium.new_page()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = {**key, "isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    yield page
    page.close()
    assert faults == []


@pytest.mark.hazard("HAZ-72", "C1")
@pytest.mark.django_db(transaction=True)
def test_a_prescriber_adds_a_passkey_signs_out_and_signs_in_with_it_alone(page: Page, live_server, settings):
    settings.STAFF_MFA = True
    prescriber = make_clinic().users[Role.PRESCRIBER]
    prescriber.set_password(PASSWORD)
    prescriber.save()
    url = live_server.url.replace("127.0.0.1", "localhost")

    page.goto(f"{url}/account/sign-in/")
    page.get_by_label("Email").fill(prescriber.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto(f"{url}/account/factors/passkeys/new/")
    if "/prove/" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("tablet")
    if page.get_by_label("Passwordless").count():
        page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda address: "passkeys/new" not in address)
    assert Authenticator.objects.filter(user=prescriber, type="webauthn").exists()

    page.goto(url)
    page.get_by_text(prescriber.name).click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{url}/account/sign-in/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{url}/today/")
    assert page.get_by_text(prescriber.name).is_visible()
