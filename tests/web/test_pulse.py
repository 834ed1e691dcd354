"""Whatever is written about a patient raises the beat of that record, so that no page is kept past it."""

import uuid
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from openkap.people import pulse, services
from openkap.people.models import Patient, User
from openkap.people.pulse import beat_of, beats
from openkap.people.services import Identity
from tests.database import Clinic

MigrationLoader(None)  # a loaded migration names its tables

# What leads to a patient and raises nothing, with the reason.
SILENT = {
    "people_pulse": "the beat itself",
    "people_auditevent": "who looked; shown on pages that are never kept",
    "people_patientversion": "written together with the patient",
    "people_patientphoto": "the same: the patient names the one in use",
    "people_emergencyaccess": "who may look, which the gate asks the rows about",
    "people_emergencyreview": "the same",
    "chart_privatenote": "on no page but the author's own, which is never kept",
    "assess_formdevice": "when a phone was last seen; on no page that is kept",
    "assess_openform": "follows from requests and events",
    "screen_standing": "follows from the record",
    "dose_message": "what becomes of it stands in the events of its session",
    "dose_messagetry": "the same",
    "dose_devicebinding": "which device is at a chair, whose page is never kept",
    "dose_devicevalue": "a proposal at the chair; what is filed of it is an event of the session",
    "dose_presence": "whose screen is alive; on no page that is kept",
    **dict.fromkeys(
        (
            "schedule_absence",
            "schedule_guest",
            "schedule_run",
            "schedule_appointment",
            "schedule_work",
            "schedule_appointmentversion",
            "schedule_taken",
            "schedule_feed",
            "schedule_reminder",
            "schedule_waiting",
            "schedule_waitingversion",
            "schedule_contact",
            "schedule_verified",
            "schedule_code",
            "schedule_choice",
            "schedule_message",
            "schedule_said",
            "schedule_attempt",
            "schedule_groupname",
            "schedule_roster",
        ),
        "the calendar, of which no page is kept",
    ),
}
FITTING: dict[str, dict[str, object]] = {
    "assess_formevent": {"kind": "sent"},
    "assess_alertaction": {"outcome": "reached"},
    "assess_formulationdecision": {"dimension": "worry", "level": 1},
    "chart_record": {"origin": "staff", "content": "{}"},
    "dose_dosingsession": {"phase": "booked"},
    "dose_alertstate": {"level": "red"},
    "dose_task": {"outcome": ""},
    "dose_useentry": {"kind": "review", "what": "", "result": ""},
    "screen_override": {"kind": "reason"},
    "screen_signoff": {"verdict": "eligible"},
}


def leads_to_patient(model: type[models.Model], depth: int = 4) -> bool:
    if model is Patient:
        return True
    targets = [f.related_model for f in model._meta.concrete_fields if f.is_relation]
    return depth > 0 and any(t not in (User, model) and leads_to_patient(t, depth - 1) for t in targets)


def test_every_table_about_a_patient_raises_the_beat_or_says_why_not():
    tables = {
        m._meta.db_table for m in apps.get_models() if m.__module__.startswith("openkap.") and leads_to_patient(m)
    }
    assert tables - set(SILENT) == pulse.TABLES
    assert not set(SILENT) & pulse.TABLES


def test_every_trigger_is_there_after_all_migrations_and_a_lost_one_is_seen(db: None):
    assert pulse.silent() == []
    on = " ON people_careteam" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER people_careteam_pulse_update{on}")
    assert pulse.silent() == ["people_careteam"]


def _value(field: models.Field, patient: Patient, user: User) -> object:
    if field.is_relation:
        target = field.related_model
        fixed = {Patient: patient, User: user, type(patient.site): patient.site}
        return fixed.get(target) or made(target, patient, user)
    if field.choices:
        return field.choices[0][0]
    kinds: list[tuple[type[models.Field], object]] = [
        (models.UUIDField, uuid.uuid4()),
        (models.BooleanField, False),
        (models.DateTimeField, timezone.now() + timedelta(days=1)),
        (models.DateField, timezone.localdate()),
        (models.JSONField, {}),
        (models.IntegerField, 7),
        (models.FloatField, 7.0),
        (models.DecimalField, 7),
    ]
    return next((value for kind, value in kinds if isinstance(field, kind)), uuid.uuid4().hex[:12])


def made(model: type[models.Model], patient: Patient, user: User) -> models.Model:
    """A row of the model, about the patient, its fields filled with whatever fits their kind."""
    fitting = FITTING.get(model._meta.db_table, {})
    values = {
        field.name: _value(field, patient, user)
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField) and not field.null and field.name not in fitting
    }
    return model.objects.create(**values | fitting)


@pytest.mark.hazard("HAZ-31", "C1")
@pytest.mark.parametrize("table", sorted(pulse.TABLES - {"people_patient"}))
def test_a_row_about_somebody_raises_their_beat_and_nobody_else_s(clinic: Clinic, table: str):
    model = next(m for m in apps.get_models() if m._meta.db_table == table)
    identity = Identity(family="Other", given="One", birth_date=timezone.localdate())
    patient = services.register_patient(None, clinic.site, identity)
    other = clinic.noah
    before = beats([patient.pk, other.pk])
    row = _about(model, patient, clinic)
    after = beats([patient.pk, other.pk])
    assert after[patient.pk] > before[patient.pk]
    assert after[other.pk] == before[other.pk]
    assert row.pk is not None


def _about(model: type[models.Model], patient: Patient, clinic: Clinic) -> models.Model:
    user = next(iter(clinic.users.values()))
    nullable = {f.name: patient for f in model._meta.concrete_fields if f.null and f.related_model is Patient}
    FITTING.setdefault(model._meta.db_table, {})
    kept = FITTING[model._meta.db_table]
    try:
        FITTING[model._meta.db_table] = kept | nullable
        return made(model, patient, user)
    finally:
        FITTING[model._meta.db_table] = kept


def test_a_change_of_identity_raises_it_too_and_one_undone_does_not(clinic: Clinic):
    before = beat_of(clinic.ida.pk)
    Patient.objects.filter(pk=clinic.ida.pk).update(given="Ida Maria")
    assert beat_of(clinic.ida.pk) > before
    assert beat_of(uuid.uuid4()) == 0
