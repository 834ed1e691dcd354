"""Screens on a wall that show the board without anybody's sign-in. Only `services_wall.py` writes them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from openkap.people.models import Site, User


class WallScreen(models.Model):
    """A browser that shows initials until an hour, or until somebody takes it back. `digest` is of its token."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)  # where it hangs
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=F("made_at")), name="a_wall_screen_shows_for_a_while"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="a_wall_screen_is_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
