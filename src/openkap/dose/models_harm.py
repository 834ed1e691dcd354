"""Screens for harm, signs in the pattern of use, and reviews of it. Only `services_harm.py` writes these."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from openkap.people.models import Patient, Site, User

KINDS = ("screen", "sign", "review")
RESULTS = ("clear", "found", "unsure")
SIGNS = ("earlier", "higher", "lost")


class UseEntry(models.Model):
    """
    Append-only: one entry about somebody's use of the drug, in the order entered.

    Args:
        kind: a screen (`what`: its name; `result`), a sign (`what`: earlier, higher, lost), or a prescriber's review.
        on: the day it was done, or happened.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="use_entries")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=6)
    what = models.CharField(max_length=20, blank=True)
    result = models.CharField(max_length=6, blank=True)
    on = models.DateField()
    text = models.CharField(max_length=1000)
    key = models.CharField(max_length=80)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "key"], name="a_key_is_one_use_entry"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="use_entry_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="screen", result__in=RESULTS) | (~Q(kind="screen") & Q(result="")),
                name="only_a_screen_has_a_result",
            ),
            models.CheckConstraint(condition=~Q(kind="sign") | Q(what__in=SIGNS), name="a_sign_is_known"),
            models.CheckConstraint(condition=~Q(text=""), name="a_use_entry_says_what"),
        ]
        indexes = [models.Index(fields=["patient", "on"], name="use_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)
