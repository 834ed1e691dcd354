"""The weekly list of unusual access: planted snooping is on it, everyday work is not, and it is signed off by name."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit, services
from openkap.people.audit import Event
from openkap.people.models import AccessReview, AuditEvent, CareTeam
from openkap.people.selectors_unusual import is_open, week_of
from openkap.people.services import Identity
from openkap.people.services_emergency import open_emergency
from openkap.people.services_unusual import sign_off
from openkap.people.types import Purpose, Role
from openkap.people.unusual import Look, lines, unusual
from tests.database import Clinic

MONDAY = date(2026, 11, 16)
NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)  # a Tuesday
AFTER = datetime(2026, 11, 25, 9, tzinfo=UTC)


def read(clinic: Clinic, role: Role, patient, *, at: datetime = NOON, **more) -> None:
    event = {"patient_id": patient.pk, "purpose": Purpose.TREATMENT, "entity": "patient:pathway"} | more
    with time_machine.travel(at, tick=False):
        audit.record(clinic.site.pk, [Event("patient-record", "R", **event)], principal=clinic.principal(role))


def found(clinic: Clinic) -> dict[str, list[tuple[str, int]]]:
    with time_machine.travel(AFTER, tick=False):
        people = week_of(clinic.principal(Role.PRIVACY_LEAD), MONDAY).people
    return {person.user.name: [(mark.kind, mark.records) for mark in person.marks] for person in people}


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    """Everybody has cared for Ida since before that week."""
    CareTeam.objects.filter(patient=clinic.ida).update(since=datetime(2026, 11, 1, tzinfo=UTC))
    return clinic


def test_everyday_work_is_not_on_the_list(clinic: Clinic):
    for hour in range(4):
        read(clinic, Role.PRESCRIBER, clinic.ida, at=NOON + timedelta(hours=hour))
    read(clinic, Role.COORDINATOR, clinic.noah, purpose=Purpose.ADMINISTRATION)
    for _ in range(30):  # a list of many is no look into one record
        read(clinic, Role.PRESCRIBER, clinic.noah, purpose=None, entity="today:day")
    assert found(clinic) == {}


@pytest.mark.hazard("HAZ-70", "C2")
def test_planted_snooping_is_on_the_list(clinic: Clinic):
    read(clinic, Role.NURSE, clinic.noah)  # never on the care team
    read(clinic, Role.THERAPIST, clinic.ida, at=NOON + timedelta(hours=14))  # two at night
    read(clinic, Role.THERAPIST, clinic.ida, at=NOON + timedelta(days=5))  # a Sunday
    with time_machine.travel(NOON, tick=False):
        prescriber = clinic.principal(Role.PRESCRIBER)
        with pytest.raises(UserError, match="No patient"):
            open_emergency(prescriber, record_number="0", birth_date=date(1990, 1, 1), reason="collapsed at home")
        denied = Event("denial", "E", "denied", entity=f"Patient/{uuid4()}")
        audit.record(clinic.site.pk, [denied] * 3, principal=clinic.principal(Role.BILLING))
    read(clinic, Role.PRESCRIBER, clinic.noah, reason="emergency access")
    assert found(clinic) == {
        "Billing Person": [("refused", 3)],
        "Nurse Person": [("outside", 1)],
        "Prescriber Person": [("emergency", 1), ("nobody", 1)],
        "Therapist Person": [("hours", 1)],
    }


@pytest.mark.hazard("HAZ-70", "C2")
def test_many_records_within_an_hour_are_on_the_list_and_fewer_are_not(clinic: Clinic):
    many = lines().many
    people = [
        services.register_patient(None, clinic.site, Identity(f"Many{n}", "A", date(1990, 1, 1)))
        for n in range(many.records)
    ]
    for n, patient in enumerate(people):
        at = NOON + timedelta(minutes=n * many.within_min / (many.records - 1))
        read(clinic, Role.COORDINATOR, patient, at=at, purpose=Purpose.ADMINISTRATION)
        read(clinic, Role.NURSE, people[n % (many.records - 1)], at=at, purpose=Purpose.ADMINISTRATION)
    assert found(clinic) == {"Coordinator Person": [("many", many.records)]}


@pytest.mark.hazard("HAZ-70", "C2")
def test_the_end_of_care_ends_the_right_to_look(clinic: Clinic):
    CareTeam.objects.filter(patient=clinic.ida, user=clinic.users[Role.NURSE]).update(until=NOON)
    read(clinic, Role.NURSE, clinic.ida, at=NOON)
    assert found(clinic) == {}
    read(clinic, Role.NURSE, clinic.ida, at=NOON + timedelta(minutes=1))
    assert found(clinic) == {"Nurse Person": [("outside", 1)]}


def test_hours_are_those_of_the_site():
    user, record, file = uuid4(), uuid4(), lines()
    care = {(user, record): [(datetime(2026, 1, 1, tzinfo=UTC), None)]}

    def marks(at: datetime) -> list[str]:
        return [m.kind for m in unusual([Look(user, record, at, "opened", True)], care, file).get(user, [])]

    day = datetime(2026, 11, 17, tzinfo=UTC)
    first, last = file.hours.first, file.hours.last
    hours = [(first, 0), (first - 1, 59), (last - 1, 59), (last, 0)]
    assert [marks(day.replace(hour=h, minute=m)) for h, m in hours] == [[], ["hours"], [], ["hours"]]


@pytest.mark.hazard("HAZ-70", "C2")
@pytest.mark.parametrize("role", [Role.PRIVACY_LEAD, Role.SITE_ADMIN])
def test_a_week_is_signed_off_once_by_name_with_the_list_as_it_stood(clinic: Clinic, role: Role):
    read(clinic, Role.NURSE, clinic.noah)
    who = clinic.principal(role)
    with time_machine.travel(AFTER, tick=False):
        assert is_open(who)
        with pytest.raises(UserError, match="note"):
            sign_off(who, MONDAY, note=" ")
        with pytest.raises(UserError, match="not over"):
            sign_off(who, MONDAY + timedelta(days=7), note="early")
        with pytest.raises(Forbidden):
            sign_off(clinic.principal(Role.PRESCRIBER), MONDAY, note="fine")
        row = sign_off(who, MONDAY, note="asked; a mistaken click")
        assert not is_open(who)
        with pytest.raises(Conflict):
            sign_off(who, MONDAY, note="again")
    assert (row.name, [entry["kind"] for entry in row.found]) == (who.name, ["outside"])
    assert AuditEvent.objects.filter(type="access-review", entity=f"AccessReview/{row.pk}").exists()


@pytest.mark.hazard("HAZ-70", "C2")
def test_nobody_signs_off_a_list_with_the_own_name(clinic: Clinic):
    read(clinic, Role.SITE_ADMIN, clinic.noah, purpose=Purpose.ADMINISTRATION, at=NOON + timedelta(hours=12))
    with time_machine.travel(AFTER, tick=False), pytest.raises(Forbidden, match="yourself"):
        sign_off(clinic.principal(Role.SITE_ADMIN), MONDAY, note="it was me")
    assert not AccessReview.objects.exists()


def test_the_page_names_staff_and_no_patient_and_today_asks_for_it(clinic: Clinic):
    read(clinic, Role.NURSE, clinic.noah)
    with time_machine.travel(AFTER, tick=False):
        admin = clinic.client(Role.SITE_ADMIN)
        assert "access to look at" in admin.get("/today/").content.decode()
        page = admin.get("/audit/unusual/").content.decode()
        assert "Nurse Person" in page and "not in their care" in page
        assert clinic.noah.family not in page and clinic.noah.record_number not in page
        sent = {"note": "asked her", "idempotency_key": str(uuid4())}
        assert admin.post("/audit/unusual/", sent).status_code == 302
        assert "asked her" in admin.get("/audit/unusual/").content.decode()
        assert "access to look at" not in admin.get("/today/").content.decode()
