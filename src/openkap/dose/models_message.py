"""Messages to phones: written with the step of the alert that asks for them, sent afterwards, each once by its key."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Message(models.Model):
    """
    One message to one phone about one step of one alert. It names nobody, no drug and no value.

    `next_at` is when it is tried next; null once it was sent, given up, or recalled because somebody had the alert.
    """

    key = models.CharField(max_length=40, unique=True)  # of session, alert, step and phone; it says nothing by itself
    session = models.ForeignKey("dose.DosingSession", models.PROTECT, related_name="messages")
    alert = models.CharField(max_length=120)
    ring = models.CharField(max_length=12)
    phone = models.CharField(max_length=60)  # as the site names it
    text = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default="waiting")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "failing"], next_at__isnull=False)
                | Q(state__in=["sent", "failed", "recalled"], next_at__isnull=True),
                name="a_message_is_tried_until_it_is_over",
            )
        ]
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="messages_to_send")]

    def __str__(self) -> str:
        return self.key


class MessageTry(models.Model):
    """Append-only: one attempt, and why it failed; empty if the message was taken."""

    message = models.ForeignKey(Message, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    fault = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="one_row_to_an_attempt")]

    def __str__(self) -> str:
        return f"{self.message_id} {self.number}"
