"""Today and the pathway page of one person: what each role sees first, and that nothing foreign is on it."""

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from openkap.assess import services as forms
from openkap.chart import services as chart
from openkap.chart.selectors import kept_records
from openkap.people import services
from openkap.people.models import AuditEvent
from openkap.people.services import Identity
from openkap.people.types import STAFF, Role
from openkap.synthetic.case import Case
from tests.database import Clinic
from tests.people_in_charts import fill

ENCODER = msgspec.json.Encoder(decimal_format="number")


def page(clinic: Clinic, role: Role, path: str = "/today/") -> str:
    response = clinic.client(role).get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().partition("<main")[2].split())


def another(clinic: Clinic, number: int):
    identity = Identity(
        family=f"Person{number}", given="Test", birth_date=timezone.localdate() - timedelta(days=15_000)
    )
    patient = services.register_patient(None, clinic.site, identity)
    services.assign_care_team(None, patient, clinic.users[Role.PRESCRIBER])
    return patient


def test_a_prescriber_is_told_what_a_verdict_waits_for(clinic: Clinic):
    assert "verdict waits for" in page(clinic, Role.PRESCRIBER)
    assert "verdict waits for" not in page(clinic, Role.NURSE)


def test_imported_records_that_nobody_looked_at_wait_for_a_clinician(clinic: Clinic):
    prescriber = clinic.principal(Role.PRESCRIBER)
    document = ENCODER.encode(Case(timezone.localdate()).bundle())
    received = chart.receive(prescriber, document, source="a referral", patient=clinic.ida)
    assert "1 file arrived" in page(clinic, Role.NURSE)
    chart.take(prescriber, received, clinic.ida, reason="compared by hand in this test")
    assert "imported records not looked at" in page(clinic, Role.NURSE)
    assert "imported records were not looked at" in page(clinic, Role.NURSE, f"/p/{clinic.ida.pk}/")
    chart.review(prescriber, clinic.ida, kept_records(clinic.ida).records, accept=True)
    assert "not looked at" not in page(clinic, Role.NURSE)


def test_a_complete_case_waits_for_the_signature_of_its_verdict(clinic: Clinic):
    fill(clinic, clinic.ida, Case(timezone.localdate()))
    assert "verdict to sign" in page(clinic, Role.PRESCRIBER)


@pytest.mark.parametrize("role", sorted(STAFF))
def test_each_role_has_a_page_of_its_own_that_says_so_when_nothing_waits(clinic: Clinic, role: Role):
    text = page(clinic, role)
    assert "Needs a decision" in text
    assert ("Overdue" in text) == (role in (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST, Role.COORDINATOR))


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.goal("RG-26")
def test_nobody_foreign_is_on_anybodys_page(clinic: Clinic):
    for role in (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST):
        text = page(clinic, role)
        assert not [name for name in ("Noah", "Otto", "Far") if f"{name} Example" in text]
    for role in (Role.BILLING, Role.RESEARCHER, Role.SITE_ADMIN, Role.PRIVACY_LEAD):
        assert "Example" not in page(clinic, role)


def test_a_coordinator_sees_who_is_in_nobodys_care_and_no_verdict(clinic: Clinic):
    text = page(clinic, Role.COORDINATOR)
    assert "Noah Example" in text and "in nobody" in text
    assert "verdict" not in text


def test_a_late_form_is_overdue_for_who_treats_and_for_who_arranges(clinic: Clinic):
    forms.ask_form(clinic.principal(Role.COORDINATOR), clinic.ida, "gad-7", due=timezone.localdate())
    assert "0 forms are overdue" in page(clinic, Role.PRESCRIBER)
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        for role in (Role.PRESCRIBER, Role.COORDINATOR):
            text = page(clinic, role)
            assert "3 days late" in text and "1 form is overdue" in text


@pytest.mark.hazard("HAZ-48", "C3")
@pytest.mark.goal("RG-15")
def test_an_open_safety_answer_stands_first_and_leads_to_where_it_is_closed(clinic: Clinic):
    request = forms.ask_form(None, clinic.ida, "phq-9")
    alert = forms.save_answer(None, request, "9", {"value": ["1"]}, key=uuid4(), sequence=1).alert
    for path in ("/today/", f"/p/{clinic.ida.pk}/"):
        text = page(clinic, Role.PRESCRIBER, path)
        first = text.partition('data-s="stop"')[2].partition("</li>")[0]
        assert "safety answer" in first and f"/alerts/{alert.pk}/" in first
        assert text.index("safety answer") < text.index("Overdue" if path == "/today/" else "Newest scores")
    assert clinic.client(Role.PRESCRIBER).get(f"/alerts/{alert.pk}/").status_code == 200


@pytest.mark.hazard("HAZ-65", "C1")
def test_whoever_is_shown_is_a_read_in_the_audit_trail(clinic: Clinic):
    page(clinic, Role.COORDINATOR)
    reads = AuditEvent.objects.filter(type="patient-record", action="R", entity="today:day")
    assert set(reads.values_list("patient_id", flat=True)) == {clinic.noah.pk}


def test_the_number_of_queries_does_not_grow_with_the_people(clinic: Clinic):
    def queries() -> int:
        client = clinic.client(Role.PRESCRIBER)
        client.get("/today/")  # what is out of date is judged once
        with CaptureQueriesContext(connection) as caught:
            client.get("/today/")
        return len(caught)

    another(clinic, 0)
    few = queries()
    for n in range(1, 6):
        another(clinic, n)
    assert queries() == few


# ---------------------------------------------------------------- the pathway of one person


@pytest.mark.hazard("HAZ-20", "C2")
def test_an_empty_record_is_missing_and_never_clear(clinic: Clinic):
    text = page(clinic, Role.PRESCRIBER, f"/p/{clinic.ida.pk}/")
    assert "nothing is recorded" in text
    assert "Cannot be judged yet" in text
    assert "waits for the verdict" in text
    assert 'data-s="ok"' not in text.partition("</ol></nav>")[0]


def test_a_complete_case_leads_to_the_signature_of_its_verdict(clinic: Clinic):
    fill(clinic, clinic.ida, Case(timezone.localdate()))
    text = page(clinic, Role.THERAPIST, f"/p/{clinic.ida.pk}/")
    current = text.partition('aria-current="step"')[2].partition("</li>")[0]
    assert "Screen" in current and "not signed yet" in current


def test_who_arranges_sees_identity_team_and_forms_and_nothing_clinical(clinic: Clinic):
    fill(clinic, clinic.ida, Case(timezone.localdate()))
    text = page(clinic, Role.COORDINATOR, f"/p/{clinic.ida.pk}/desk/")
    assert all(word in text for word in ("2 April 1988", clinic.ida.record_number, "Prescriber Person"))
    assert not [word for word in ("GAD-7", "verdict", "kg", "Verdict") if word in text]
