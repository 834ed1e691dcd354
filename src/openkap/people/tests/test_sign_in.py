"""Signing in: password, code, passkey; what is refused and what is recorded."""

import time

import pytest
import time_machine
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.hashers import identify_hasher
from django.test import Client, override_settings

from openkap.people import services, sign_in
from openkap.people.models import AuditEvent, User
from openkap.people.types import Role
from tests.database import PASSWORD, Clinic

SIGN_IN = "/account/sign-in/"


@pytest.fixture
def nurse(clinic: Clinic) -> User:
    user = clinic.users[Role.NURSE]
    user.set_password(PASSWORD)
    user.save()
    return user


def enter(client: Client, user: User, password: str = PASSWORD):
    return client.post(SIGN_IN, {"login": user.email, "password": password})


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def outcomes() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(type__in=("sign-in", "sign-out", "step-up")).order_by("sequence")
    return list(found.values_list("type", "outcome", "reason"))


def test_the_right_password_signs_in_and_the_session_gets_a_new_id(nurse: User):
    client = Client()
    client.get(SIGN_IN)
    session = client.session
    session["planted"] = 1
    session.save()
    before = session.session_key
    assert enter(client, nurse).status_code == 302
    assert client.session["_auth_user_id"] == str(nurse.pk)
    assert client.session.session_key != before
    assert outcomes() == [("sign-in", "success", "")]


@pytest.mark.hazard("HAZ-72", "C1")
def test_a_wrong_password_and_an_unknown_address_get_the_same_reply(nurse: User):
    def said(address: str) -> str:
        reply = Client().post(SIGN_IN, {"login": address, "password": "not the password"})
        assert reply.status_code == 200
        return reply.content.decode().replace(address, "").partition("csrfmiddlewaretoken")[0]

    assert said(nurse.email) == said("nobody@clinic.example")
    assert outcomes() == [("sign-in", "denied", "password")] * 2


@pytest.mark.hazard("HAZ-72", "C1")
@pytest.mark.goal("RG-33")
def test_guessing_is_stopped_after_five_tries_and_the_right_password_then_waits_too(nurse: User):
    client = Client()
    for _ in range(5):
        enter(client, nurse, "guess")
    enter(client, nurse)
    assert "_auth_user_id" not in client.session


@pytest.mark.hazard("HAZ-72", "C1")
def test_whoever_has_a_code_must_give_it(nurse: User):
    secret = generate_totp_secret()
    TOTP.activate(nurse, secret)
    client = Client()
    assert enter(client, nurse).headers["Location"].startswith("/account/sign-in/second/")
    assert "_auth_user_id" not in client.session
    assert client.post("/account/sign-in/second/", {"code": "000000"}).status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post("/account/sign-in/second/", {"code": code(secret)}).status_code == 302
    assert client.session["_auth_user_id"] == str(nurse.pk)
    assert outcomes() == [("sign-in", "denied", "second factor"), ("sign-in", "success", "")]


@pytest.mark.hazard("HAZ-72", "C1")
def test_a_code_works_once(nurse: User):
    secret = generate_totp_secret()
    TOTP.activate(nurse, secret)
    with time_machine.travel(1_800_000_000, tick=False):
        for expected in (True, False):
            client = Client()
            enter(client, nurse)
            client.post("/account/sign-in/second/", {"code": code(secret)})
            assert ("_auth_user_id" in client.session) is expected


@override_settings(STAFF_MFA=True)
@pytest.mark.hazard("HAZ-72", "C1")
def test_a_nurse_sets_up_a_code_and_is_then_let_in(nurse: User):
    client = Client()
    enter(client, nurse)
    client.post("/account/prove/", {"password": PASSWORD})
    page = client.get("/account/factors/code/")
    assert page.status_code == 200
    secret = page.context["form"].secret
    assert client.post("/account/factors/code/", {"code": code(secret)}).status_code == 302
    assert Authenticator.objects.filter(user=nurse, type="totp").exists()
    assert AuditEvent.objects.filter(type="account", reason="totp added").exists()
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))


@pytest.mark.goal("RG-29")
def test_proving_who_one_is_gives_the_session_a_new_id(nurse: User):
    client = Client()
    enter(client, nurse)
    before = client.session.session_key
    assert client.post("/account/prove/?next=/", {"password": PASSWORD}).status_code == 302
    assert client.session.session_key != before
    assert ("step-up", "success", "") in outcomes()


@pytest.mark.goal("RG-29")
def test_signing_out_ends_the_session_on_the_server(nurse: User):
    client = Client()
    enter(client, nurse)
    stolen = client.cookies["session"].value
    client.post("/account/sign-out/")
    other = Client()
    other.cookies["session"] = stolen
    assert other.get("/account/factors/").status_code == 302
    assert outcomes()[-1] == ("sign-out", "success", "")


def test_nobody_signs_up(db: None):
    for path in ("/account/signup/", "/account/sign-up/", "/accounts/signup/"):
        assert Client().get(path).status_code == 404


def test_an_invitation_sets_a_password_once(clinic: Clinic):
    user = services.create_user(None, clinic.site, email="new@clinic.example", name="New Person")
    services.grant_role(None, user, clinic.site, Role.NURSE)
    path = sign_in.invitation_path(user)
    client = Client()
    form = client.get(path, follow=True)
    reply = client.post(form.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})
    assert reply.status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert "token_fail" in Client().get(path, follow=True).context


@pytest.mark.parametrize("password", ["short", "password1234", "123456789012", "nurse@clinic.example"])
def test_a_weak_password_is_refused_in_words(clinic: Clinic, password: str):
    with pytest.raises(services.UserError, match="The password cannot be used"):
        services.create_user(
            None, clinic.site, email="nurse2@clinic.example", name="nurse@clinic.example", password=password
        )


def test_passwords_are_kept_by_argon2(nurse: User):
    assert identify_hasher(nurse.password).algorithm == "argon2"


def test_the_secret_of_a_code_is_kept_encrypted():
    assert get_adapter().encrypt("SECRET") != "SECRET"
    assert get_adapter().decrypt(get_adapter().encrypt("SECRET")) == "SECRET"
