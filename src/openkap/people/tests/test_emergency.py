"""Emergency access: who opens whose record, for how long, who is told, and what stays closed."""

from datetime import date

import pytest
import time_machine

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.models import AuditEvent, EmergencyAccess
from openkap.people.selectors import emergency_of, visible_patients
from openkap.people.selectors_oversight import looks_at, unreviewed_emergencies
from openkap.people.services_emergency import open_emergency, review_emergency
from openkap.people.types import CLINICIANS, Purpose, Role
from tests.database import Clinic

BORN = date(1988, 4, 2)
WHY = "collapsed in the waiting room"


def opened(clinic: Clinic, role: Role = Role.NURSE, **other) -> EmergencyAccess:
    asked = {"record_number": clinic.noah.record_number, "birth_date": BORN, "reason": WHY} | other
    return open_emergency(clinic.principal(role), **asked)


def seen(clinic: Clinic, role: Role, why: Purpose = Purpose.TREATMENT) -> set[str]:
    return {patient.given for patient in visible_patients(clinic.principal(role), why)}


@pytest.mark.hazard("HAZ-70", "C1")
@pytest.mark.goal("RG-28")
@pytest.mark.parametrize("role", sorted(CLINICIANS))
def test_a_clinician_opens_one_record_for_an_hour_and_no_longer(clinic: Clinic, role: Role):
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        opened(clinic, role)
        assert seen(clinic, role) == {"Ida", "Noah"}
        assert emergency_of(clinic.principal(role), clinic.noah, Purpose.TREATMENT)
        assert emergency_of(clinic.principal(role), clinic.ida, Purpose.TREATMENT) is None
        clock.shift(3599)
        assert seen(clinic, role) == {"Ida", "Noah"}
        clock.shift(1)
        assert seen(clinic, role) == {"Ida"}


@pytest.mark.hazard("HAZ-62", "C1")
@pytest.mark.goal("RG-28")
def test_it_never_opens_private_notes_nor_another_purpose_nor_to_another_person(clinic: Clinic):
    opened(clinic, Role.THERAPIST)
    assert seen(clinic, Role.THERAPIST, Purpose.PRIVATE_NOTE) == {"Ida"}
    assert seen(clinic, Role.THERAPIST, Purpose.OVERSIGHT) == set()
    assert seen(clinic, Role.NURSE) == {"Ida"}


@pytest.mark.hazard("HAZ-70", "C1")
@pytest.mark.parametrize("role", sorted(set(Role) - CLINICIANS))
def test_nobody_but_a_clinician_opens_one(clinic: Clinic, role: Role):
    with pytest.raises(Forbidden):
        opened(clinic, role)


@pytest.mark.parametrize("reason", ["", "   ", "care", "x" * 9])
def test_it_asks_for_a_reason_in_a_sentence(clinic: Clinic, reason: str):
    with pytest.raises(UserError, match="reason"):
        opened(clinic, reason=reason)
    assert not EmergencyAccess.objects.exists()


@pytest.mark.hazard("HAZ-71", "C1")
def test_a_wrong_number_and_a_wrong_birth_date_answer_alike_as_does_a_patient_of_another_site(clinic: Clinic):
    said = set()
    for other in ({"record_number": "999999"}, {"birth_date": date(1988, 4, 3)}, {"record_number": "000001 OR 1=1"}):
        with pytest.raises(UserError) as fault:
            opened(clinic, **other)
        said.add(str(fault.value))
    assert len(said) == 1
    assert AuditEvent.objects.filter(type="break-glass", outcome="denied").count() == 3


@pytest.mark.hazard("HAZ-70", "C1")
def test_guessing_ends_after_five_tries_in_an_hour_even_with_the_right_one(clinic: Clinic):
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for number in range(900, 905):
            with pytest.raises(UserError, match="check both"):
                opened(clinic, record_number=str(number))
        with pytest.raises(Forbidden, match="Too many tries"):
            opened(clinic)
        clock.shift(3601)
        assert opened(clinic)


@pytest.mark.hazard("HAZ-14", "C1")
def test_sent_twice_it_is_one_access(clinic: Clinic):
    assert opened(clinic) == opened(clinic)
    assert AuditEvent.objects.filter(type="break-glass").count() == 1


@pytest.mark.hazard("HAZ-70", "C1")
@pytest.mark.goal("RG-28")
def test_the_privacy_lead_finds_it_at_once_and_reviews_it_once(clinic: Clinic):
    lead = clinic.principal(Role.PRIVACY_LEAD)
    access = opened(clinic)
    assert list(unreviewed_emergencies(lead)) == [access]
    review_emergency(lead, access, note="called the nurse; an ambulance came")
    assert not unreviewed_emergencies(lead).exists()
    with pytest.raises(Conflict):
        review_emergency(lead, access, note="again")
    with pytest.raises(Forbidden):
        review_emergency(clinic.principal(Role.SITE_ADMIN), access, note="fine")


@pytest.mark.hazard("HAZ-70", "C1")
def test_the_patient_reads_who_looked_and_that_it_was_an_emergency(clinic: Clinic):
    opened(clinic)
    clinic.client(Role.PRESCRIBER).get(f"/p/{clinic.noah.pk}/")  # refused, so nobody looked
    looks = looks_at(clinic.noah)
    assert [(look.name, look.emergency) for look in looks] == [("Nurse Person", True)]
    assert audit.faults(clinic.site.pk) == []


@pytest.mark.hazard("HAZ-70", "C1")
def test_pages_opened_by_it_say_so_in_the_audit_trail(clinic: Clinic):
    opened(clinic)
    client = clinic.client(Role.NURSE)
    assert client.get(f"/p/{clinic.noah.pk}/").status_code == 200
    event = AuditEvent.objects.filter(patient=clinic.noah, action="R").latest("sequence")
    assert event.reason == "emergency access"
    client.get(f"/p/{clinic.ida.pk}/")
    assert AuditEvent.objects.filter(patient=clinic.ida, action="R").latest("sequence").reason == ""


@pytest.mark.hazard("HAZ-78", "C1")
def test_an_emergency_access_cannot_be_changed_afterwards(clinic: Clinic):
    from django.db import DatabaseError, transaction

    access = opened(clinic)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        EmergencyAccess.objects.filter(pk=access.pk).update(reason="nothing")
