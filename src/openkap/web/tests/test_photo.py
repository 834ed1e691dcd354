"""Photo and pronoun: in the band and at the chair, of nobody else, and nothing that a browser could run."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import UserError
from openkap.people import services_photo
from openkap.people.models import AuditEvent, PatientVersion
from openkap.people.models_photo import PatientPhoto
from openkap.people.tests.test_picture import EXIF, HOSTILE, jpeg, png
from openkap.people.types import Role
from tests.database import Clinic


def url(clinic: Clinic, rest: str = "") -> str:
    return f"/p/{clinic.ida.pk}/photo/{rest}"


def upload(clinic: Clinic, data: bytes, name: str = "ida.jpg", role: Role = Role.NURSE) -> Any:
    form = {"photo": SimpleUploadedFile(name, data, "image/jpeg"), "idempotency_key": str(uuid4())}
    return clinic.client(role).post(url(clinic, "change/"), form)


@pytest.mark.hazard("HAZ-01", "C2")
@pytest.mark.hazard("HAZ-05", "C1")
def test_photo_pronoun_name_and_birth_date_stand_in_the_band_of_every_clinical_page_and_at_the_chair(clinic: Clinic):
    ward = Ward(clinic).to_dosing()
    client = clinic.client(Role.NURSE)
    chair = f"/p/{clinic.ida.pk}/dose/{ward.row.pk}/"
    assert ">IE</span>" in client.get(chair).content.decode()
    assert upload(clinic, jpeg()).status_code == 302
    form = {
        "family": "Example",
        "given": "Ida",
        "birth_date": "1988-04-02",
        "birth_sex": "female",
        "pronouns": "they/them",
    }
    form |= {"reason": "asked", "version": "1", "idempotency_key": str(uuid4())}
    assert client.post(f"/p/{clinic.ida.pk}/identity/", form).status_code == 302
    for path in (chair, f"{chair}emergency/", f"{chair}record/", f"/p/{clinic.ida.pk}/", f"/p/{clinic.ida.pk}/facts/"):
        text = client.get(path).content.decode()
        assert f'<img class="face" src="{url(clinic)}" alt="">' in text, path
        assert "they/them" in text and "Ida Example" in text and "born 2 Apr 1988" in text, path
        assert ">IE</span>" not in text, path
    assert "Bay 1" in client.get(chair).content.decode()
    assert PatientVersion.objects.get(patient=clinic.ida, version=2).identity["pronouns"] == "they/them"


@pytest.mark.hazard("HAZ-01", "C2")
def test_a_like_name_is_named_in_the_band(clinic: Clinic):
    from openkap.people import services

    services.amend_patient(
        clinic.principal(Role.COORDINATOR),
        clinic.noah,
        services.Identity("Exampel", "Ida", clinic.noah.birth_date),
        expected_version=1,
        reason="married",
    )
    services.assign_care_team(None, clinic.noah, clinic.users[Role.NURSE])
    assert "Like name:" in clinic.client(Role.NURSE).get(f"/p/{clinic.ida.pk}/").content.decode()


@pytest.mark.goal("RG-34")
@pytest.mark.goal("RG-35")
def test_a_photo_is_served_as_a_picture_that_can_do_nothing_and_is_kept_by_no_browser(clinic: Clinic):
    assert upload(clinic, jpeg(extra=EXIF) + b"<script>", "x.html").status_code == 302
    reply = clinic.client(Role.THERAPIST).get(url(clinic))
    assert reply.status_code == 200 and reply.headers["Content-Type"] == "image/jpeg"
    assert b"GPS" not in reply.content and b"script" not in reply.content
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-store, private"
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "x.html" not in reply.headers["Content-Disposition"]
    seen = AuditEvent.objects.filter(patient=clinic.ida, entity="people:photo", user=clinic.users[Role.THERAPIST])
    assert seen.count() == 1


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_photo_is_seen_by_those_who_see_the_person_and_through_no_other_record(clinic: Clinic):
    from openkap.people.services import assign_care_team

    assert upload(clinic, png(), "ida.png").status_code == 302
    assign_care_team(None, clinic.noah, clinic.users[Role.NURSE])
    nurse = clinic.client(Role.NURSE)
    assert nurse.get(f"/p/{clinic.noah.pk}/photo/").status_code == 404
    assert f'/p/{clinic.noah.pk}/photo/"' not in nurse.get(f"/p/{clinic.noah.pk}/").content.decode()
    for role in (Role.BILLING, Role.RESEARCHER, Role.SITE_ADMIN, Role.PRIVACY_LEAD, Role.PATIENT):
        assert clinic.client(role).get(url(clinic)).status_code == 404, role
    lead = clinic.client(Role.PRIVACY_LEAD).get(f"/p/{clinic.ida.pk}/looked/").content.decode()
    assert '<img class="face"' not in lead and ">IE</span>" in lead


@pytest.mark.goal("RG-34")
@pytest.mark.parametrize("name", ["svg", "html", "a bomb", "cut in the scan", "too large"])
def test_a_hostile_file_changes_nothing_and_says_what_to_do(clinic: Clinic, name: str):
    reply = upload(clinic, HOSTILE[name])
    text = reply.content.decode()
    assert reply.status_code == 422 and ("choose a JPEG or PNG" in text or "larger than 2 MB" in text)
    assert not PatientPhoto.objects.exists()


def test_another_photo_takes_its_place_and_one_that_is_taken_away_is_shown_no_more_and_kept(clinic: Clinic):
    upload(clinic, jpeg())
    upload(clinic, png(), "b.png")
    client = clinic.client(Role.COORDINATOR)
    assert client.get(url(clinic)).headers["Content-Type"] == "image/png"
    assert client.post(url(clinic, "change/"), {"drop": "1", "idempotency_key": str(uuid4())}).status_code == 302
    assert client.get(url(clinic)).status_code == 404
    assert PatientPhoto.objects.count() == 2
    clinic.ida.refresh_from_db()
    with pytest.raises(UserError, match="no photo"):
        services_photo.drop_photo(clinic.principal(Role.NURSE), clinic.ida)
