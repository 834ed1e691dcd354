"""The crisis contact of a site."""

import pytest

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people.models import AuditEvent, SiteContact
from openkap.people.selectors import contact_of
from openkap.people.services_site import set_contact
from openkap.people.types import Role
from tests.database import Clinic

CALLS = {"crisis_name": "Crisis team of Am Fluss", "crisis_phone": "+43 1 404 00"}


def test_a_site_without_a_contact_has_none(clinic: Clinic):
    assert contact_of(clinic.site) is None


@pytest.mark.hazard("HAZ-65", "C1")
def test_the_newest_contact_holds_and_the_former_stays_readable(clinic: Clinic):
    admin = clinic.principal(Role.SITE_ADMIN)
    first = set_contact(admin, clinic.site, **CALLS)
    set_contact(admin, clinic.site, crisis_name="Night desk", crisis_phone="988", seen=first.pk)
    found = contact_of(clinic.site)
    assert found and (found.crisis_name, found.crisis_phone) == ("Night desk", "988")
    assert SiteContact.objects.count() == 2
    assert contact_of(clinic.other) is None
    assert list(AuditEvent.objects.filter(type="setting").values_list("action", flat=True)) == ["C", "U"]


@pytest.mark.hazard("HAZ-74", "C1")
def test_the_second_of_two_admins_who_saw_the_same_contact_is_told(clinic: Clinic):
    admin = clinic.principal(Role.SITE_ADMIN)
    set_contact(admin, clinic.site, **CALLS)
    with pytest.raises(Conflict, match="look at the new one"):
        set_contact(admin, clinic.site, crisis_name="Other", crisis_phone="988")


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SITE_ADMIN}))
def test_nobody_but_a_site_admin_sets_it(clinic: Clinic, role: Role):
    with pytest.raises(Forbidden):
        set_contact(clinic.principal(role), clinic.site, **CALLS)


def test_the_admin_of_another_site_does_not_set_it(clinic: Clinic):
    with pytest.raises(Forbidden):
        set_contact(clinic.principal(Role.SITE_ADMIN), clinic.other, **CALLS)


@pytest.mark.parametrize("phone", ["", "call us", "+43 1 404 ext", "1", "<b>988</b>", "1234567890123456"])
def test_a_telephone_number_that_is_none_is_refused_in_one_sentence(clinic: Clinic, phone: str):
    with pytest.raises(UserError, match="telephone number"):
        set_contact(None, clinic.site, crisis_name="Somebody", crisis_phone=phone)
    assert contact_of(clinic.site) is None
