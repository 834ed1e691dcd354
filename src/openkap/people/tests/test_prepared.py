"""A prepared query gives what the query itself gives, and refuses what would make it give something else."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import DateTimeField, UUIDField
from django.utils import timezone

from openkap.people.models import CareTeam, EmergencyAccess, Patient
from openkap.people.prepared import Prepared
from openkap.people.selectors import taken_for, visible_ids, visible_patient, visible_patients
from openkap.people.types import Principal, Purpose, Role
from tests.database import Clinic

IN_CARE = Prepared(
    lambda user, now: CareTeam.objects.filter(user=user, since__lt=now, until=None).order_by("pk"),
    user=UUIDField(),
    now=DateTimeField(),
)


def test_it_asks_with_the_values_of_each_call(clinic: Clinic):
    user, later = clinic.users[Role.NURSE].pk, timezone.now() + timedelta(minutes=1)
    expected = list(CareTeam.objects.filter(user=user, until=None).order_by("pk"))
    assert expected
    assert IN_CARE.rows(user=user, now=later) == expected
    assert IN_CARE.first(user=user, now=later) == expected[0]
    assert IN_CARE.rows(user=user, now=later - timedelta(days=9)) == []
    assert IN_CARE.rows(user=uuid4(), now=later) == []


def test_a_query_that_nothing_can_answer_stays_one(clinic: Clinic):
    nothing = Prepared(lambda user: CareTeam.objects.filter(user=user, pk__in=()), user=UUIDField())
    assert nothing.rows(user=clinic.users[Role.NURSE].pk) == []


def test_a_moment_of_writing_it_down_is_not_written_into_it(clinic: Clinic):
    """Else an emergency access would stay open for as long as the process runs."""
    aged = Prepared(lambda user: EmergencyAccess.objects.filter(user=user, until__gt=timezone.now()), user=UUIDField())
    with pytest.raises(ValueError, match="changes"):
        aged.rows(user=clinic.users[Role.NURSE].pk)


def test_a_text_that_hangs_on_the_values_is_refused(clinic: Clinic):
    def either(user):
        rows = CareTeam.objects.filter(user=user)
        return rows if user.int % 2 else rows.order_by("pk")

    with pytest.raises(ValueError, match="depends on its values"):
        Prepared(either, user=UUIDField()).rows(user=clinic.users[Role.NURSE].pk)


@pytest.mark.hazard("HAZ-66", "C1")
@pytest.mark.parametrize("purpose", list(Purpose))
def test_for_every_role_and_purpose_it_is_the_same_reach(clinic: Clinic, purpose: Purpose):
    everyone = [*Patient.objects.all(), Patient(id=uuid4())]
    for role in Role:
        principal: Principal = clinic.principal(role)
        for emergency in (True, False):
            seen = set(visible_patients(principal, purpose, emergency=emergency))
            for patient in everyone:
                found = visible_patient(principal, patient.pk, purpose, emergency=emergency)
                assert found == (patient if patient in seen else None)
        assert set(visible_ids(principal, purpose)) == {p.pk for p in visible_patients(principal, purpose)}
        for patient in everyone[:-1]:
            alike = visible_patients(principal, purpose).filter(like_key=patient.like_key).exclude(pk=patient.pk)
            assert set(taken_for(principal, purpose, patient)) == set(alike)
