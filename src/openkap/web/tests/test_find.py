"""Finding a person: whom it finds, whom it never shows, what it leaves behind."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from openkap.people import services
from openkap.people.models import AuditEvent
from openkap.people.services import Identity
from openkap.people.types import CLINICIANS, Role
from openkap.web.find.views import SHOWN
from tests.database import Clinic


def register(clinic: Clinic, family: str, given: str, born: date = date(1990, 1, 1)):
    patient = services.register_patient(None, clinic.site, Identity(family=family, given=given, birth_date=born))
    services.assign_care_team(None, patient, clinic.users[Role.PRESCRIBER])
    return patient


def found(clinic: Clinic, typed: str, role: Role = Role.PRESCRIBER) -> str:
    page = clinic.client(role).post("/people/", {"q": typed}).content.decode()
    return page.partition('id="found"')[2].partition("</main>")[0]


def test_two_letters_find_a_person_whatever_their_order_and_accents(clinic: Clinic):
    register(clinic, "Håkansson", "Björn")
    for typed in ("ha", "bj", "HAKAN bj", "björn"):
        assert "Björn Håkansson" in found(clinic, typed)
    assert "Björn" not in found(clinic, "h")


@pytest.mark.hazard("HAZ-71", "C2")
@pytest.mark.goal("RG-26")
@pytest.mark.parametrize("role", [*sorted(CLINICIANS), Role.COORDINATOR])
def test_nobody_is_found_whom_the_one_who_looks_may_not_see(clinic: Clinic, role: Role):
    for typed in ("example", "ex", "1988-04-02", clinic.far.record_number, "ida", "noah", "otto", "far"):
        page = found(clinic, typed, role)
        assert "Far" not in page
        if role != Role.COORDINATOR:
            assert "Noah" not in page and "Otto" not in page


@pytest.mark.hazard("HAZ-65", "C1")
def test_every_person_shown_is_a_read_in_the_audit_trail_and_nobody_else(clinic: Clinic):
    found(clinic, "ida", Role.COORDINATOR)
    reads = AuditEvent.objects.filter(type="patient-record", action="R", entity="find:people")
    assert list(reads.values_list("patient_id", flat=True)) == [clinic.ida.pk]


@pytest.mark.hazard("HAZ-64", "C2")
def test_what_was_typed_is_in_no_address_and_no_event(clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    assert b"Ida" not in client.get("/people/?q=ida").content.partition(b"<main")[2]
    client.post("/people/", {"q": "zanzibar"})
    assert not [e for e in AuditEvent.objects.all() if "zanzibar" in f"{e.reason}{e.entity}"]


@pytest.mark.hazard("HAZ-01", "C2")
def test_people_whose_names_begin_alike_are_marked(clinic: Clinic):
    register(clinic, "Oduya", "Marisol")
    assert "like name" not in found(clinic, "marisol")
    register(clinic, "Odum", "Marisa")
    assert "1 like name" in found(clinic, "marisol")


def test_an_invisible_like_name_is_not_given_away(clinic: Clinic):
    register(clinic, "Oduya", "Marisol")
    services.register_patient(None, clinic.site, Identity(family="Odum", given="Marisa", birth_date=date(1991, 2, 3)))
    assert "like name" not in found(clinic, "marisol")


def test_the_number_of_queries_does_not_grow_with_the_people(clinic: Clinic):
    def queries() -> int:
        client = clinic.client(Role.PRESCRIBER)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.post("/people/", {"q": "te"})
        return len(caught)

    register(clinic, "Test", "A")
    few = queries()
    for n in range(SHOWN + 5):
        register(clinic, "Test", f"B{n}")
    assert queries() == few
    assert f"The first {SHOWN} are shown" in found(clinic, "te")


@pytest.mark.parametrize(
    "typed", ["%", "_", "' OR 1=1 --", "\\", "\0a", "a" * 10_000, "🙂🙂", "<script>alert(1)</script>"]
)
def test_odd_input_finds_nobody_and_breaks_nothing(clinic: Clinic, typed: str):
    page = found(clinic, typed)
    assert "Ida" not in page and "<script>alert" not in page


def test_a_corrected_name_is_found_and_the_old_one_is_not(clinic: Clinic):
    patient = register(clinic, "Before", "Ada")
    identity = Identity(family="After", given="Ada", birth_date=patient.birth_date)
    services.amend_patient(
        clinic.principal(Role.PRESCRIBER), patient, identity, expected_version=1, reason="was misspelt"
    )
    assert "Ada After" in found(clinic, "after")
    assert "Ada" not in found(clinic, "before")


def test_who_treats_sees_the_own_people_before_anything_is_typed_and_each_is_a_read(clinic: Clinic):
    page = clinic.client(Role.PRESCRIBER).get("/people/").content.decode()
    assert "In your care" in page and "Ida" in page and "Noah" not in page
    reads = AuditEvent.objects.filter(type="patient-record", action="R")
    assert list(reads.values_list("patient", flat=True)) == [clinic.ida.pk]
    assert "In your care" not in clinic.client(Role.COORDINATOR).get("/people/").content.decode()
