"""Photographs of patients. Only `services_photo.py` writes them."""

from __future__ import annotations

import uuid

from django.db import models

from openkap.people.models import Patient, User


class PatientPhoto(models.Model):
    """Append-only: a photo without what it said of place and time. `Patient.photo` names the one in use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="photos")
    kind = models.CharField(max_length=10)  # image/jpeg, image/png
    content = models.BinaryField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return str(self.pk)
