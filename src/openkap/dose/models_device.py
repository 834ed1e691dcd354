"""Devices that send values, whose they are just now, and what they sent. Only `services_device.py` writes them."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q

from openkap.people.models import Site, User


class FeedSwitch(models.Model):
    """Append-only: the site's door for devices was opened or shut, by whom, and why. The newest row holds."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    on = models.BooleanField()
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as printed
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class Device(models.Model):
    """A monitor or a gateway that may send. `digest` is of its token."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], condition=Q(revoked_at=None), name="one_device_to_a_name")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class DeviceBinding(models.Model):
    """A device belongs to one session and its chair, by a person who asked for both identifiers, until it ends."""

    device = models.ForeignKey(Device, models.PROTECT, related_name="bindings")
    session = models.ForeignKey("dose.DosingSession", models.PROTECT, related_name="devices")
    chair = models.ForeignKey("dose.Chair", models.PROTECT, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    heard_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=Q(ended_at=None), name="a_device_is_at_one_chair"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_how="") | (Q(ended_at__isnull=False) & ~Q(ended_how="")),
                name="a_binding_ends_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class DeviceValue(models.Model):
    """
    What a device sent, as it came. `binding` None: nobody's, kept in quarantine for `why`; it is never filed.

    A value of a binding is a proposal until somebody files it (`filed_by`, `event` is the key in the session's log).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    device = models.ForeignKey(Device, models.PROTECT, related_name="values_sent")
    identifier = models.CharField(max_length=200)
    place = models.PositiveSmallIntegerField()  # within the Observation
    digest = models.CharField(max_length=64)  # of the Observation
    measure = models.CharField(max_length=40)
    value = models.DecimalField(max_digits=12, decimal_places=4)
    unit = models.CharField(max_length=20)
    measured_at = models.DateTimeField()  # by the device
    at = models.DateTimeField()  # by the server
    binding = models.ForeignKey(DeviceBinding, models.PROTECT, null=True, related_name="values_sent")
    why = models.CharField(max_length=120, blank=True)
    filed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    filed_at = models.DateTimeField(null=True)
    event = models.CharField(max_length=80, blank=True)

    @property
    def number(self) -> Decimal:
        """The value without zeros that the column added."""
        return Decimal(f"{self.value.normalize():f}")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "identifier", "place"], name="a_device_says_a_thing_once"),
            models.CheckConstraint(
                condition=Q(filed_by=None) | Q(binding__isnull=False), name="nobodys_value_is_not_filed"
            ),
        ]
        indexes = [models.Index(fields=["site", "-at"], name="values_of_devices")]

    def __str__(self) -> str:
        return str(self.pk)
