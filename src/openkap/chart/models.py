"""
The record of facts: versions of FHIR resources, what a person said about them, and where they came from.

Every table but `ChartHead` is append-only, protected by triggers (people/append_only.py). A correction is a
new version with a reason; "true when" stands in the resource, "known when" and "by whom" beside it. Only
`services.py` writes these; `selectors.py` makes the chart that rules read.
"""

from __future__ import annotations

import uuid

from django.db import models

from openkap.people.models import Patient, Site, User

ORIGINS = ("import", "form", "staff", "amendment")


class ChartHead(models.Model):
    """The version of a patient's chart: raised by each write, locked while one happens."""

    patient = models.OneToOneField(Patient, models.PROTECT, primary_key=True, related_name="chart_head")
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.pk)


class Import(models.Model):
    """Append-only: a bundle as it was received. Nothing of it is in a chart before an `ImportDecision` says so."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="imports")  # null: a new referral
    source = models.CharField(max_length=200)  # the system that sent it; ids are unique within one
    document = models.TextField()
    digest = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    received_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: a demonstration

    class Meta:
        indexes = [models.Index(fields=["site", "received_at"], name="imports_by_day")]

    def __str__(self) -> str:
        return str(self.pk)


class ImportDecision(models.Model):
    """Append-only: what a person decided about a received bundle, and what it changed."""

    of = models.OneToOneField(Import, models.PROTECT, related_name="decision")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="+")  # null: set aside
    new, changed, same = models.PositiveIntegerField(), models.PositiveIntegerField(), models.PositiveIntegerField()
    left_out = models.JSONField()  # [name, reason] of entries that are no record to keep
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    @property
    def taken(self) -> bool:
        return self.patient_id is not None

    def __str__(self) -> str:
        return str(self.pk)


class Record(models.Model):
    """
    Append-only: one version of one FHIR resource about a patient.

    `content` is the resource as JSON text, numbers as they were written, ids and references made local.
    `beside`: came in one bundle with the version before it under the same id; neither holds until a person
    settles which (chart/fhir/bundle.py calls them disputed).
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="records")
    resource_type = models.CharField(max_length=64)
    logical_id = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    beside = models.BooleanField(default=False)
    content = models.TextField()
    digest = models.CharField(max_length=64)  # of what it says, without when it was sent
    label = models.CharField(max_length=24, blank=True)  # people.types.Label
    origin = models.CharField(max_length=10, choices=[(o, o) for o in ORIGINS])
    source = models.CharField(max_length=200, blank=True)  # the system it came from
    received = models.ForeignKey(Import, models.PROTECT, null=True, related_name="records")
    reason = models.CharField(max_length=500, blank=True)
    known_at = models.DateTimeField()
    known_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: the patient, by a form

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "resource_type", "logical_id", "version"], name="one_record_to_a_version"
            ),
            models.CheckConstraint(condition=models.Q(origin__in=ORIGINS), name="record_origin_is_known"),
        ]

    @property
    def name(self) -> str:
        """`Type/id`, as readings name their source."""
        return f"{self.resource_type}/{self.logical_id}"

    def __str__(self) -> str:
        return self.name


class Review(models.Model):
    """Append-only: a person looked at an imported record and takes it as true, or refuses it with a reason."""

    record = models.ForeignKey(Record, models.PROTECT, related_name="reviews")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    accepted = models.BooleanField()
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["patient", "record"], name="reviews_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class Resolution(models.Model):
    """Append-only: a person settled which of several sources holds for one fact."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="resolutions")
    fact = models.CharField(max_length=64)
    kept = models.CharField(max_length=400)  # source of the reading that holds
    dropped = models.JSONField()  # sources that do not; a source not named here opens the question again
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return str(self.pk)


class PrivateNote(models.Model):
    """
    Append-only: a psychotherapy note (45 CFR 164.501), sealed, for its author alone.

    No chart, search, export or other page names one. A correction is a new row that names the former.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    amends = models.OneToOneField("self", models.PROTECT, null=True, related_name="amended_by")
    sealed = models.BinaryField()  # AES-256-GCM; patient and note id are bound to it
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)
