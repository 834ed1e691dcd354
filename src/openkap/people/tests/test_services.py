"""What may be written, by whom."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import services
from openkap.people.models import AuditEvent, CareTeam, Membership, Patient, PatientVersion
from openkap.people.selectors import visible_patients
from openkap.people.services import Identity
from openkap.people.types import Purpose, Role
from tests.database import Clinic

ADA = Identity("Okonkwo", "Ada", date(1990, 2, 3), "female", (("urn:mrn", "77"),))


def last_event() -> AuditEvent:
    return AuditEvent.objects.order_by("-at", "-sequence").first()


def test_registering_gives_the_next_record_number_and_writes_the_first_version(clinic: Clinic):
    patient = services.register_patient(clinic.principal(Role.COORDINATOR), clinic.site, ADA)
    assert patient.record_number == "000004"
    version = PatientVersion.objects.get(patient=patient)
    assert version.identity["family"] == "Okonkwo"
    assert version.known_by == clinic.users[Role.COORDINATOR]
    assert (last_event().action, last_event().patient, last_event().entity_version) == ("C", patient, 1)


@pytest.mark.hazard("HAZ-78", "C1")
def test_amending_keeps_what_was_known_before_with_who_and_why(clinic: Clinic):
    coordinator = clinic.principal(Role.COORDINATOR)
    patient = services.register_patient(coordinator, clinic.site, ADA)
    right = Identity("Okonkwo-Lee", "Ada", date(1990, 3, 2), "female", (("urn:mrn", "78"),))
    services.amend_patient(coordinator, patient, right, expected_version=1, reason="as in the passport")
    first, second = PatientVersion.objects.filter(patient=patient).order_by("version")
    assert first.identity["birth_date"] == "1990-02-03"
    assert second.identity == {
        "family": "Okonkwo-Lee",
        "given": "Ada",
        "birth_date": "1990-03-02",
        "birth_sex": "female",
        "pronouns": "",
        "identifiers": [["urn:mrn", "78"]],
    }
    assert second.reason == "as in the passport"
    assert Patient.objects.get(pk=patient.pk).version == 2


@pytest.mark.hazard("HAZ-06", "C1")
def test_an_identifier_names_one_patient_of_a_site(clinic: Clinic):
    services.register_patient(None, clinic.site, ADA)
    services.register_patient(None, clinic.other, ADA)
    before = Patient.objects.count()
    with pytest.raises(Conflict, match="belongs to another patient"):
        services.register_patient(None, clinic.site, ADA)
    assert Patient.objects.count() == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"family": " ", "given": ""}, "The name is empty"),
        ({"birth_date": date(1850, 1, 1)}, "The birth date is not between"),
        ({"birth_date": timezone.localdate() + timedelta(days=2)}, "The birth date is not between"),
        ({"birth_sex": "f"}, "The birth sex is none of"),
        ({"identifiers": (("", "7"),)}, "An identifier has no system"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(clinic: Clinic, change: dict, sentence: str):
    before = Patient.objects.count()
    fields = {"family": "A", "given": "B", "birth_date": date(1990, 1, 1), **change}
    with pytest.raises(UserError, match=sentence):
        services.register_patient(clinic.principal(Role.COORDINATOR), clinic.site, Identity(**fields))
    assert Patient.objects.count() == before


def test_names_in_any_script_are_kept_as_written(clinic: Clinic):
    for family in ("大江", "Ōe 🙂", "\u200fعبد الله", "O'Neill-Ødegård", "Nguyễn"):
        patient = services.register_patient(None, clinic.site, Identity(family, "X", date(1990, 1, 1)))
        assert Patient.objects.get(pk=patient.pk).family == family


@pytest.mark.hazard("HAZ-71", "C1")
def test_an_ended_assignment_hides_the_patient_at_once(clinic: Clinic):
    nurse, coordinator = clinic.principal(Role.NURSE), clinic.principal(Role.COORDINATOR)
    assert clinic.ida in visible_patients(nurse, Purpose.TREATMENT)
    services.end_assignment(coordinator, clinic.ida, clinic.users[Role.NURSE], reason="moved")
    assert clinic.ida not in visible_patients(nurse, Purpose.TREATMENT)
    services.assign_care_team(coordinator, clinic.ida, clinic.users[Role.NURSE])
    assert clinic.ida in visible_patients(nurse, Purpose.TREATMENT)


def test_losing_the_last_clinical_role_ends_the_assignments(clinic: Clinic):
    admin, nurse = clinic.principal(Role.SITE_ADMIN), clinic.users[Role.NURSE]
    services.withdraw_role(admin, nurse, clinic.site, Role.NURSE)
    assert not CareTeam.objects.filter(user=nurse, until=None).exists()


@pytest.mark.hazard("HAZ-72", "C1")
@pytest.mark.parametrize("role", Role)
def test_only_a_site_admin_gives_roles_and_nobody_to_themselves(clinic: Clinic, role: Role):
    principal, own = clinic.principal(role), clinic.users[role]
    other = clinic.users[Role.BILLING if role != Role.BILLING else Role.NURSE]
    with pytest.raises(Forbidden):
        services.grant_role(principal, own, clinic.site, Role.RESEARCHER)
    with pytest.raises(Forbidden):
        services.grant_role(principal, other, clinic.other, Role.RESEARCHER)
    if role == Role.SITE_ADMIN:
        services.grant_role(principal, other, clinic.site, Role.RESEARCHER)
    else:
        with pytest.raises(Forbidden):
            services.grant_role(principal, other, clinic.site, Role.RESEARCHER)


@pytest.mark.parametrize("role", Role)
def test_only_a_coordinator_changes_the_care_team(clinic: Clinic, role: Role):
    principal = clinic.principal(role)
    if role == Role.COORDINATOR:
        services.assign_care_team(principal, clinic.noah, clinic.users[Role.NURSE])
        with pytest.raises(Forbidden):
            services.assign_care_team(principal, clinic.far, clinic.users[Role.NURSE])
    else:
        with pytest.raises(Forbidden):
            services.assign_care_team(principal, clinic.noah, clinic.users[Role.NURSE])


def test_only_a_clinician_can_be_on_a_care_team(clinic: Clinic):
    with pytest.raises(UserError, match="no clinician"):
        services.assign_care_team(None, clinic.noah, clinic.users[Role.BILLING])


def test_the_database_itself_refuses_a_role_that_ends_before_it_starts_or_is_held_twice(clinic: Clinic):
    nurse, now = clinic.users[Role.NURSE], timezone.now()
    for fields in (
        {"role": "nurse", "since": now, "until": None},
        {"role": "therapist", "since": now, "until": now - timedelta(days=1)},
        {"role": "king", "since": now, "until": None},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(user=nurse, site=clinic.site, **fields)
