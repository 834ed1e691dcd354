"""The pages on people: registering, correcting, caring, inviting, overseeing."""

from uuid import uuid4

import pytest

from openkap.people.models import Membership, Patient, User
from openkap.people.selectors import contact_of
from openkap.people.services_emergency import open_emergency
from openkap.people.types import Role
from tests.database import Clinic


def key(**more: object) -> dict[str, object]:
    return {"idempotency_key": str(uuid4()), **more}


WHO = {"family": "Novak", "given": "Éva", "birth_date": "1990-01-31", "birth_sex": "female"}


def test_a_coordinator_registers_someone_and_comes_to_the_care_team(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    response = client.post("/register/", key(**WHO, identifiers="urn:other 77\n"))
    patient = Patient.objects.get(family="Novak")
    assert response.headers["Location"] == f"/p/{patient.pk}/team/"
    assert patient.identifiers.get().value == "77"


@pytest.mark.hazard("HAZ-03", "C1")
def test_people_who_could_be_the_same_are_shown_before_anyone_is_registered(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    asked = {"family": "example", "given": "Idda", "birth_date": "1988-04-02", "birth_sex": "unknown"}
    response = client.post("/register/", key(**asked))
    page = response.content.decode()
    assert response.status_code == 422 and "could be the same" in page and "Ida Example" in page
    assert "Far Example" not in page
    assert not Patient.objects.filter(given="Idda").exists()
    assert client.post("/register/", key(**asked, another="on")).status_code == 302


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_clinician_is_shown_nobody_whom_she_does_not_treat(clinic: Clinic):
    asked = {"family": "Example", "given": "Noah", "birth_date": "1988-04-02", "birth_sex": "unknown"}
    page = clinic.client(Role.NURSE).post("/register/", key(**asked)).content.decode()
    assert "Ida Example" in page and "Noah Example</a>" not in page


@pytest.mark.hazard("HAZ-74", "C1")
def test_an_identity_is_corrected_with_a_reason_and_the_second_to_save_is_told(clinic: Clinic):
    client, path = clinic.client(Role.COORDINATOR), f"/p/{clinic.ida.pk}/identity/"
    sent = {"family": "Beispiel", "given": "Ida", "birth_date": "1988-04-02", "birth_sex": "female", "version": 1}
    assert client.post(path, key(**sent)).status_code == 422
    assert client.post(path, key(**sent, reason="marriage")).status_code == 302
    late = client.post(path, key(**{**sent, "family": "Anders"}, reason="spelling"))
    assert late.status_code == 409 and 'value="Anders"' in late.content.decode()
    page = client.get(path).content.decode()
    assert "marriage" in page and "Ida Example" in page and "Version 2" in page


def test_a_coordinator_changes_the_care_team_and_a_clinician_only_reads_it(clinic: Clinic):
    path, nurse = f"/p/{clinic.noah.pk}/team/", clinic.users[Role.NURSE]
    client = clinic.client(Role.COORDINATOR)
    assert client.post(path, key(user=str(nurse.pk))).status_code == 302
    page = clinic.client(Role.NURSE).get(path).content.decode()
    assert "Nurse Person" in page and "Add to care team" not in page
    assert clinic.client(Role.NURSE).post(path, key(end=str(nurse.pk), reason="x")).status_code == 403
    assert client.post(path, key(end=str(nurse.pk), reason="")).status_code == 422
    assert client.post(path, key(end=str(nurse.pk), reason="leave")).status_code == 302
    assert clinic.client(Role.NURSE).get(path).status_code == 404


def test_an_invitation_makes_an_account_and_shows_its_link_to_the_admin_alone(clinic: Clinic):
    client = clinic.client(Role.SITE_ADMIN)
    sent = key(name="Ines Varga", email="ines@clinic.example", roles=["nurse", "therapist"])
    response = client.post("/site/invite/", sent)
    user = User.objects.get(email="ines@clinic.example")
    assert response.headers["Location"] == f"/site/accounts/{user.pk}/"
    page = client.get(f"/site/accounts/{user.pk}/").content.decode()
    assert "/account/invitation/" in page
    assert (
        "/account/invitation/" not in clinic.client(Role.SITE_ADMIN).get(f"/site/accounts/{user.pk}/").content.decode()
    )
    assert set(Membership.objects.filter(user=user, until=None).values_list("role", flat=True)) == {
        "nurse",
        "therapist",
    }
    again = client.post("/site/invite/", key(name="X", email="ines@clinic.example", roles=["nurse"]))
    assert again.status_code == 422 and "has an account already" in again.content.decode()


def test_roles_are_given_and_taken_and_the_own_never(clinic: Clinic):
    client = clinic.client(Role.SITE_ADMIN)
    nurse, own = clinic.users[Role.NURSE], clinic.users[Role.SITE_ADMIN]
    change = f"/site/accounts/{nurse.pk}"
    assert client.post(f"{change}/grant/", key(role="billing")).status_code == 302
    assert client.post(f"{change}/grant/", key(role="patient")).status_code == 422
    assert client.post(f"{change}/withdraw/", key(role="billing")).status_code == 302
    assert client.post(f"/site/accounts/{own.pk}/grant/", key(role="privacy-lead")).status_code == 403
    assert client.get(f"{change}/anything/").status_code == 404
    assert client.post(f"{change}/close/", key(reason="left")).status_code == 302
    assert "Closed" in client.get(f"{change}/").content.decode()


def test_the_crisis_contact_is_set_and_the_second_admin_who_saw_the_old_one_is_told(clinic: Clinic):
    client = clinic.client(Role.SITE_ADMIN)
    sent = {"crisis_name": "Night desk", "crisis_phone": "+43 1 404 00"}
    assert client.post("/site/contact/", key(**sent)).status_code == 302
    found = contact_of(clinic.site)
    assert found and found.crisis_phone == "+43 1 404 00"
    assert client.post("/site/contact/", key(**sent)).status_code == 409
    assert client.post("/site/contact/", key(**{**sent, "crisis_phone": "call"}, seen=found.pk)).status_code == 422


@pytest.mark.hazard("HAZ-70", "C1")
@pytest.mark.goal("RG-28")
def test_an_emergency_from_the_form_to_the_banner_to_the_privacy_lead(clinic: Clinic):
    nurse, noah = clinic.client(Role.NURSE), clinic.noah
    asked = {"record_number": noah.record_number, "birth_date": "1988-04-02", "reason": "collapsed at the door"}
    response = nurse.post("/emergency/", asked)
    assert response.headers["Location"] == f"/p/{noah.pk}/"
    page = nurse.get(f"/p/{noah.pk}/").content.decode()
    assert "Emergency access until" in page and "collapsed at the door" in page
    lead = clinic.client(Role.PRIVACY_LEAD)
    assert "collapsed at the door" in lead.get("/audit/emergency/").content.decode()
    looked = lead.get(f"/p/{noah.pk}/looked/").content.decode()
    assert "Nurse Person" in looked and "emergency" in looked


def test_a_wrong_number_keeps_what_was_typed_and_says_no_more_than_that(clinic: Clinic):
    sent = {"record_number": "000777", "birth_date": "1988-04-02", "reason": "collapsed at the door"}
    response = clinic.client(Role.NURSE).post("/emergency/", sent)
    assert response.status_code == 422
    assert "collapsed at the door" in response.content.decode()


@pytest.mark.hazard("HAZ-65", "C1")
def test_the_trail_is_filtered_paged_and_checked(clinic: Clinic):
    clinic.client(Role.PRESCRIBER).get(f"/p/{clinic.ida.pk}/")
    lead = clinic.client(Role.PRIVACY_LEAD)
    user = clinic.users[Role.PRESCRIBER].pk
    page = lead.get(f"/audit/?user={user}&type=patient-record").content.decode()
    assert "patient:pathway" in page and "privilege" not in page.partition("<tbody>")[2]
    assert "No event fits" in lead.get("/audit/?first=2099-01-01").content.decode()
    assert "as it was written" in lead.get("/audit/check/").content.decode()
    found = lead.post("/audit/", key(record_number=clinic.ida.record_number))
    assert found.headers["Location"] == f"/p/{clinic.ida.pk}/looked/"
    assert lead.post("/audit/", key(record_number=clinic.far.record_number + "9")).status_code == 422
    assert lead.get("/audit/?first=soon&user=x").status_code == 200


def test_a_privacy_lead_reviews_an_emergency_once(clinic: Clinic):
    access = open_emergency(
        clinic.principal(Role.NURSE),
        record_number=clinic.noah.record_number,
        birth_date=clinic.noah.birth_date,
        reason="collapsed at the door",
    )
    lead = clinic.client(Role.PRIVACY_LEAD)
    assert lead.post(f"/audit/emergency/{access.pk}/", key(note="as it should be")).status_code == 302
    assert lead.post(f"/audit/emergency/{access.pk}/", key(note="again")).status_code == 409
