"""
Who is here: sites, people with accounts, patients, who cares for whom, and the audit trail.

Only `services.py`, `audit.py` and `once.py` write these. Rows marked append-only are protected by
triggers in the database on both engines (append_only.py).
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from openkap.people.types import Role


class Site(models.Model):
    """A clinic. Everything else belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    zone = models.CharField(max_length=64, default="UTC")  # IANA name

    def __str__(self) -> str:
        return str(self.id)


class UserManager(BaseUserManager["User"]):
    """Finds accounts by address, whatever the case."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """An account of a person. What the person may do stands in `Membership`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)  # as printed under a signature
    is_active = models.BooleanField(default=True)
    synthetic = models.BooleanField(default=False)  # of the demonstration; a production site refuses to start
    session_epoch = models.PositiveIntegerField(default=0)  # raised to end all sessions at once

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    def __str__(self) -> str:
        return str(self.id)

    def get_session_auth_hash(self) -> str:
        """Changes with the password and with the epoch; sessions that hold another value are over."""
        return self._hash()

    def get_session_auth_fallback_hash(self) -> Any:
        from django.conf import settings

        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._hash(secret)

    def _hash(self, secret: str | bytes | None = None) -> str:
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac("openkap.people.session", value, secret=secret, algorithm="sha256").hexdigest()


class Membership(models.Model):
    """A role of a user at a site, from one instant until another."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=[(r.value, r.value) for r in Role])
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: the first run

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "site", "role"], condition=Q(until=None), name="one_open_membership_of_a_role"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="membership_ends_after_start"
            ),
            models.CheckConstraint(condition=Q(role__in=[r.value for r in Role]), name="membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Patient(models.Model):
    """Who a patient is. Clinical facts are in the room `chart`. Earlier versions are kept in `PatientVersion`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    record_number = models.CharField(max_length=32)
    family = models.CharField(max_length=200)
    given = models.CharField(max_length=200)
    birth_date = models.DateField()
    birth_sex = models.CharField(max_length=7, choices=[(s, s) for s in ("female", "male", "unknown")])
    # null and no default: SQLite then adds the column without making the table anew
    pronouns = models.CharField(max_length=60, null=True, blank=True)
    photo = models.UUIDField(null=True, editable=False)  # the PatientPhoto in use
    account = models.OneToOneField(User, models.PROTECT, null=True, blank=True, related_name="patient")
    synthetic = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    folded = models.TextField(default="", editable=False)  # names.folded: what a search looks through
    like_key = models.CharField(max_length=16, default="", editable=False)  # names.like_key

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "record_number"], name="one_patient_to_a_record_number"),
            models.CheckConstraint(
                condition=Q(birth_sex__in=["female", "male", "unknown"]), name="birth_sex_is_one_of_three"
            ),
        ]
        indexes = [
            models.Index(fields=["site", "family", "given"], name="patients_by_name"),
            models.Index(fields=["site", "like_key"], name="patients_by_like_name"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class PatientIdentifier(models.Model):
    """A number by which another system knows the patient: the only thing an import is matched by."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="identifiers")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    system = models.CharField(max_length=255)
    value = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "system", "value"], name="an_identifier_names_one_patient")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PatientVersion(models.Model):
    """Append-only: the identity as it was in each version, who wrote it and why."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    identity = models.JSONField()
    known_at = models.DateTimeField()
    known_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: a demonstration
    reason = models.CharField(max_length=500)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "version"], name="one_row_to_a_patient_version")]

    def __str__(self) -> str:
        return str(self.pk)


class CareTeam(models.Model):
    """A user cares for a patient, from one instant until another."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="care_team")
    user = models.ForeignKey(User, models.PROTECT, related_name="care_for")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "user"], condition=Q(until=None), name="one_open_assignment_to_a_patient"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="assignment_ends_after_start"
            ),
        ]
        indexes = [models.Index(fields=["user", "patient"], condition=Q(until=None), name="open_assignments_of_user")]

    def __str__(self) -> str:
        return str(self.pk)


class Pulse(models.Model):
    """Raised by triggers with every row written about a patient (pulse.py)."""

    patient = models.OneToOneField(Patient, models.PROTECT, primary_key=True, related_name="+")
    beat = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.pk)


class SiteContact(models.Model):
    """Append-only: whom a patient of the site calls in a crisis. The newest row holds."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    crisis_name = models.CharField(max_length=200)
    crisis_phone = models.CharField(max_length=40)
    crisis_note = models.CharField(max_length=300, blank=True)  # such as the hours
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: a demonstration

    class Meta:
        indexes = [models.Index(fields=["site", "-id"], name="newest_contact_of_a_site")]

    def __str__(self) -> str:
        return str(self.pk)


class EmergencyAccess(models.Model):
    """Append-only: a clinician opened the record of one patient, who is not theirs, for an hour ("break-glass")."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="emergency_access")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "patient", "until"], name="emergency_access_of_user")]

    def __str__(self) -> str:
        return str(self.pk)


class EmergencyReview(models.Model):
    """Append-only: a privacy lead looked at an emergency access and says what came of it."""

    of = models.OneToOneField(EmergencyAccess, models.PROTECT, related_name="review")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    note = models.CharField(max_length=500)

    def __str__(self) -> str:
        return str(self.pk)


class AccessReview(models.Model):
    """Append-only: somebody looked through the unusual access of one week and says what came of it."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    monday = models.DateField()  # the first day of the week
    found = models.JSONField()  # the list as it stood: user, kind, number of records, when first
    note = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as printed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "monday"], name="one_review_to_a_week")]

    def __str__(self) -> str:
        return str(self.pk)


class AuditEvent(models.Model):
    """
    Append-only: one event of the audit trail. Fields follow FHIR AuditEvent; none holds a clinical value.

    Events of a site are numbered from 1 without gaps; each holds the hash of the one before it.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    type = models.CharField(max_length=40)  # patient-record, sign-in, privilege, setting, ...
    action = models.CharField(max_length=1)  # FHIR: C R U D E
    outcome = models.CharField(max_length=10)  # success, denied, failure
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    roles = models.CharField(max_length=200, blank=True)
    client = models.CharField(max_length=64, blank=True)  # address
    device = models.CharField(max_length=200, blank=True)
    purpose = models.CharField(max_length=20, blank=True)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="+")
    entity = models.CharField(max_length=100, blank=True)  # kind and id: CarePlan/0b6c…
    entity_version = models.PositiveIntegerField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    software = models.CharField(max_length=40)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "sequence"], name="audit_events_are_numbered")]
        indexes = [models.Index(fields=["patient", "at"], name="audit_events_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class Effect(models.Model):
    """An unsafe request that took effect, and its short reply, by the key that its form carried."""

    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    key = models.UUIDField()
    digest = models.CharField(max_length=64)  # of path and fields: one key is one request
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField(blank=True)  # JSON replies only: ids and versions
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="a_key_takes_effect_once")]

    def __str__(self) -> str:
        return str(self.pk)
