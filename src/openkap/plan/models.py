"""
Programmes in their versions, and signatures under them. Both are append-only: a change is a new version, and a
withdrawal is a row that names what it takes back. Only `services.py` writes these.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from openkap.people.models import Patient, User


class Programme(models.Model):
    """
    Append-only: one version of a patient's plan.

    `document` is the plan as it was shown, JSON text with numbers as they were written; `digest` is of that text.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="programmes")
    version = models.PositiveIntegerField()
    document = models.TextField()
    digest = models.CharField(max_length=64)
    preferences = models.JSONField()
    edits = models.JSONField()
    changes = models.JSONField()  # diff.changes against the version before
    draft = models.BooleanField()  # the verdict forbade a plan: never signable
    verdict = models.CharField(max_length=12)
    on = models.DateField()  # day of decision
    chart_version = models.PositiveIntegerField()
    content_version = models.CharField(max_length=40)
    ground = models.CharField(max_length=64, null=True)  # screen.ground.digest; None before it was kept
    decisions = models.PositiveBigIntegerField()  # id of the newest decision about a finding; 0 if there is none
    reason = models.CharField(max_length=2000)
    at = models.DateTimeField()
    author = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "version"], name="one_programme_to_a_version"),
            models.CheckConstraint(condition=~Q(reason=""), name="a_programme_has_a_reason"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Signature(models.Model):
    """Append-only: a signature under one version of a plan, or its withdrawal."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="signatures")
    withdraws = models.OneToOneField("self", models.PROTECT, null=True, related_name="withdrawn_by")
    digest = models.CharField(max_length=64)  # of the document that was signed
    meaning = models.CharField(max_length=300)
    reason = models.CharField(max_length=2000, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as printed
    role = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["programme"], condition=Q(withdraws=None), name="one_signature_to_a_version"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
