"""The dark band: what it says of allergies and weight, to whom, and whom it warns of."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from openkap.chart.services import add_records
from openkap.people import services
from openkap.people.models import AuditEvent
from openkap.people.services import Identity
from openkap.people.types import Role
from tests.database import Clinic


def band(clinic: Clinic, role: Role = Role.PRESCRIBER, page: str = "") -> str:
    text = clinic.client(role).get(f"/p/{clinic.ida.pk}/{page}").content.decode()
    return " ".join(text.partition('class="ident"')[2].partition("</section>")[0].split())


def weight(kg: float, days_ago: int) -> dict:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": (timezone.localdate() - timedelta(days=days_ago)).isoformat(),
        "valueQuantity": {"value": kg, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def allergy(text: str, status: str = "active") -> dict:
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {"coding": [{"system": system, "code": status}]},
        "code": {"text": text},
        "recordedDate": "2025-02-03",
    }


def about(clinic: Clinic, resource: dict) -> dict:
    key = "patient" if resource["resourceType"] == "AllergyIntolerance" else "subject"
    return resource | {key: {"reference": f"Patient/{clinic.ida.pk}"}}


def write(clinic: Clinic, *resources: dict) -> None:
    add_records(
        clinic.principal(Role.PRESCRIBER), clinic.ida, [about(clinic, r) for r in resources], by="staff", reason="asked"
    )


@pytest.mark.hazard("HAZ-20", "C1")
def test_what_nobody_recorded_is_not_known_and_never_none(clinic: Clinic):
    said = band(clinic)
    assert "<dt>Weight</dt><dd>not known" in said
    assert "<dt>Allergies</dt><dd>ketamine: not known" in said


def test_weight_and_allergies_stand_there_with_their_days_as_soon_as_they_are_written(clinic: Clinic):
    assert "penicillin" not in band(clinic)
    write(clinic, weight(61.4, 2), allergy("penicillin"), allergy("latex", "resolved"))
    said = band(clinic)
    assert "61.4" in said and "not current" not in said
    assert "penicillin, 2025-02-03" in said
    assert "latex" not in said


def test_an_old_weight_says_that_it_is_old(clinic: Clinic):
    write(clinic, weight(61.4, 400))
    assert "not current" in band(clinic)


def test_who_arranges_sees_neither_weight_nor_allergies(clinic: Clinic):
    write(clinic, weight(61.4, 2), allergy("penicillin"))
    said = band(clinic, Role.COORDINATOR, "desk/")
    assert "Ida Example" in said
    assert "61.4" not in said and "penicillin" not in said


@pytest.mark.hazard("HAZ-01", "C2")
def test_a_like_name_is_named_and_the_look_at_it_recorded(clinic: Clinic):
    identity = Identity(family="Examplar", given="Ida-Marie", birth_date=date(1991, 2, 3))
    other = services.register_patient(None, clinic.site, identity)
    assert "Like name" not in band(clinic)
    services.assign_care_team(None, other, clinic.users[Role.PRESCRIBER])
    assert "Ida-Marie Examplar, born 3 Feb 1991" in band(clinic)
    assert AuditEvent.objects.filter(action="R", patient=other).count() == 1
