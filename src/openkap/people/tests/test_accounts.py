"""Accounts of a site, as its admin keeps them."""

import pytest
from django.test import Client

from openkap.kernel.errors import Forbidden, UserError
from openkap.people import services_accounts as accounts
from openkap.people.models import AuditEvent, CareTeam, User
from openkap.people.selectors import principal_of
from openkap.people.selectors_oversight import Asked, accounts_of, events_of
from openkap.people.types import Role
from tests.database import PASSWORD, Clinic

NEW = {"email": "new@clinic.example", "name": "Ines Varga"}


def test_an_invited_person_sets_a_password_once_and_then_holds_the_role(clinic: Clinic):
    admin = clinic.principal(Role.SITE_ADMIN)
    user = accounts.invite(admin, **NEW, roles=[Role.NURSE])
    path = accounts.link_for(admin, user)
    browser = Client()
    page = browser.get(path, follow=True)
    done = browser.post(page.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})
    assert done.status_code == 302
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    again = Client().get(path, follow=True)
    assert b"password1" not in again.content
    found = principal_of(user)
    assert found and found.roles == {Role.NURSE}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SITE_ADMIN}))
def test_nobody_but_a_site_admin_keeps_accounts(clinic: Clinic, role: Role):
    who, user = clinic.principal(role), clinic.users[Role.COORDINATOR if role != Role.COORDINATOR else Role.NURSE]
    for act in (
        lambda: accounts.invite(who, **NEW, roles=[Role.NURSE]),
        lambda: accounts.link_for(who, user),
        lambda: accounts.end_sessions(who, user),
        lambda: accounts.close_account(who, user, reason="left"),
        lambda: accounts.open_account(who, user),
    ):
        with pytest.raises(Forbidden):
            act()
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_nobody_closes_or_enters_the_own_account_here(clinic: Clinic):
    admin, own = clinic.principal(Role.SITE_ADMIN), clinic.users[Role.SITE_ADMIN]
    for act in (accounts.link_for, accounts.end_sessions, accounts.open_account):
        with pytest.raises(Forbidden):
            act(admin, own)


def test_a_patient_or_a_system_is_not_invited_as_staff(clinic: Clinic):
    for roles in ([], [Role.PATIENT], [Role.NURSE, Role.SYSTEM]):
        with pytest.raises(UserError, match="role"):
            accounts.invite(clinic.principal(Role.SITE_ADMIN), **NEW, roles=roles)


@pytest.mark.hazard("HAZ-69", "C1")
@pytest.mark.goal("RG-29")
def test_a_closed_account_is_out_at_once_and_cares_for_nobody(clinic: Clinic):
    admin, nurse = clinic.principal(Role.SITE_ADMIN), clinic.users[Role.NURSE]
    client = clinic.client(Role.NURSE)
    assert client.get("/today/").status_code == 200
    accounts.close_account(admin, nurse, reason="left the clinic")
    assert client.get("/today/").status_code == 302
    assert not CareTeam.objects.filter(user=nurse, until=None).exists()
    accounts.open_account(admin, nurse)
    assert principal_of(nurse) is None  # roles are given anew
    assert AuditEvent.objects.filter(type="account", action="D").count() == 1


@pytest.mark.goal("RG-29")
def test_ending_sessions_ends_every_one_at_once_and_no_other(clinic: Clinic):
    one, two, other = clinic.client(Role.NURSE), clinic.client(Role.NURSE), clinic.client(Role.THERAPIST)
    accounts.end_sessions(clinic.principal(Role.SITE_ADMIN), clinic.users[Role.NURSE])
    assert [c.get("/today/").status_code for c in (one, two, other)] == [302, 302, 200]


def test_the_list_of_accounts_and_the_trail_hold_nothing_of_another_site(clinic: Clinic):
    from openkap.people import services

    stranger = services.create_user(None, clinic.other, email="far@clinic.example", name="Far Admin")
    services.grant_role(None, stranger, clinic.other, Role.SITE_ADMIN)
    found = principal_of(stranger)
    assert found
    assert [user.name for user in accounts_of(found)] == ["Far Admin"]
    assert {event.site_id for event in events_of(found, Asked())} == {clinic.other.pk}
    assert stranger not in accounts_of(clinic.principal(Role.SITE_ADMIN))
    with pytest.raises(Forbidden):
        accounts.close_account(clinic.principal(Role.SITE_ADMIN), stranger, reason="left")
