"""
What people decided about findings, what they signed, and a cache of each patient's verdict.

`Override` and `Signoff` are append-only; a withdrawal is a row that names what it takes back. `Standing` holds
nothing that cannot be computed again. Only `services.py` writes these.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from openkap.people.models import Patient, User

KINDS = ("clearance", "reason", "mitigation", "withdrawal")


class Override(models.Model):
    """Append-only: a decision about one finding (decisions.py), or the withdrawal of one."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="overrides")
    kind = models.CharField(max_length=12, choices=[(k, k) for k in KINDS])
    rule = models.CharField(max_length=40)
    ground = models.CharField(max_length=32, blank=True)  # what the finding rested on
    withdraws = models.OneToOneField("self", models.PROTECT, null=True, related_name="withdrawn_by")
    reason = models.CharField(max_length=2000)
    document = models.CharField(max_length=300, blank=True)
    document_on = models.DateField(null=True)
    records = models.JSONField(default=list)  # chart records that were written with it: `Type/id`
    chart_version = models.PositiveIntegerField()
    content_version = models.CharField(max_length=40)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="override_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="withdrawal", withdraws__isnull=False)
                | (~Q(kind="withdrawal") & Q(withdraws__isnull=True)),
                name="only_a_withdrawal_withdraws",
            ),
            models.CheckConstraint(
                condition=~Q(kind="clearance") | (~Q(document="") & Q(document_on__isnull=False)),
                name="a_clearance_has_its_document_and_date",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="an_override_has_a_reason"),
        ]
        indexes = [models.Index(fields=["patient", "id"], name="overrides_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class Signoff(models.Model):
    """
    Append-only: a signature under a verdict, or its withdrawal.

    It binds the content, the digest of the screening and the facts under it; `document` is the screening as it was
    signed, with these facts.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="signoffs")
    withdraws = models.OneToOneField("self", models.PROTECT, null=True, related_name="withdrawn_by")
    verdict = models.CharField(max_length=12)
    on = models.DateField()  # day of decision
    chart_version = models.PositiveIntegerField()
    content_version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    ground = models.CharField(max_length=64, null=True)  # ground.digest; None before it was kept
    document = models.TextField(blank=True)
    meaning = models.CharField(max_length=300)
    reason = models.CharField(max_length=2000, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as printed
    role = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(withdraws__isnull=False) | Q(verdict__in=["eligible", "caution"]),
                name="only_a_verdict_that_allows_is_signed",
            )
        ]
        indexes = [models.Index(fields=["patient", "id"], name="signoffs_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class Standing(models.Model):
    """A patient's verdict as it was last computed. May be deleted at any time."""

    patient = models.OneToOneField(Patient, models.PROTECT, primary_key=True, related_name="standing")
    chart_version = models.PositiveIntegerField()
    content_version = models.CharField(max_length=40)
    decisions = models.PositiveBigIntegerField()  # id of the newest override; 0 if there is none
    on = models.DateField()
    verdict = models.CharField(max_length=12)
    counts = models.JSONField()  # decisions.counts_of
    digest = models.CharField(max_length=64)
    ground = models.CharField(max_length=64, null=True)  # ground.digest
    under = models.CharField(max_length=64, null=True)  # selectors.under: whose sex and birth date, which signatures

    def __str__(self) -> str:
        return str(self.pk)
