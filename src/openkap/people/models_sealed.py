"""The sealed envelope of a site. Only `services_sealed.py` writes it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from openkap.people.models import Site, User


class SealedKey(models.Model):
    """
    A word in a sealed envelope. Once, for some hours, it opens the emergency sheets of the site without an account.

    `secret` is its argon2 hash; `digest` is of the token that the browser which opened it holds. `account` stands in
    the audit trail and under entries for whoever opened it; nobody can sign in with it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    account = models.ForeignKey(User, models.PROTECT, related_name="+")
    secret = models.CharField(max_length=200)
    place = models.CharField(max_length=80)  # where the envelope lies
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: by the command
    opened_at = models.DateTimeField(null=True)
    opened_by = models.CharField(max_length=80, blank=True)  # as typed
    reason = models.CharField(max_length=300, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField(null=True)
    void_at = models.DateTimeField(null=True)  # another was made before it was opened
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site"], condition=Q(opened_at=None, void_at=None), name="one_sealed_envelope_to_a_site"
            ),
            models.CheckConstraint(
                condition=Q(opened_at=None, until=None) | Q(opened_at__isnull=False, until__isnull=False),
                name="an_opened_envelope_ends",
            ),
            models.CheckConstraint(
                condition=Q(void_at=None) | Q(opened_at=None), name="a_void_envelope_was_not_opened"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
