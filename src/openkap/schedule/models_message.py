"""
Messages to patients: where they may go, what was chosen, what was said, what was answered. Only the services
`services_contact`, `services_message` and `services_post` write these.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from openkap.people.models import Patient, Site, User

MAIL, TEXT, NONE = "mail", "text", "none"
CODE, READ_BACK = "code", "read-back"
REMINDER, CHANGE = "reminder", "change"
WAITING, SENDING, GONE, FAILED, UNKNOWN, RECALLED, TOLD = (
    "waiting", "sending", "sent", "failed", "unknown", "recalled", "told",
)  # fmt: skip
COME, CALL = "come", "call"
NOTHING, FIRST, ALIAS = "nothing", "first", "alias"


class Contact(models.Model):
    """An address or number of a patient, sealed. It ends when another takes its place; it is never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    channel = models.CharField(max_length=4)
    sealed = models.BinaryField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "channel"], condition=Q(ended_at=None), name="one_open_contact_of_a_channel"
            ),
            models.CheckConstraint(condition=Q(channel__in=(MAIL, TEXT)), name="contact_is_mail_or_text"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Verified(models.Model):
    """Append-only: this contact is the patient's; how that is known, and who says so."""

    contact = models.ForeignKey(Contact, models.PROTECT, related_name="verified")
    how = models.CharField(max_length=9)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(how__in=(CODE, READ_BACK)), name="verified_in_a_known_way")]

    def __str__(self) -> str:
        return str(self.pk)


class Code(models.Model):
    """A code that was sent to a contact, kept as its hash."""

    contact = models.ForeignKey(Contact, models.PROTECT, related_name="codes")
    digest = models.CharField(max_length=64)
    ends_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class Choice(models.Model):
    """Append-only: how a patient wants to be told, whether messages may say what for, and by which clocks they live."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    channel = models.CharField(max_length=4)
    detail = models.BooleanField()
    zone = models.CharField(max_length=64)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(channel__in=(MAIL, TEXT, NONE)), name="choice_is_known")]
        indexes = [models.Index(fields=["patient", "-id"], name="newest_choice_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class Message(models.Model):
    """
    One message to one patient. `next_at` is when it is tried next, while it waits.

    `text` holds `{link}` or `{code}` where a secret stands when it is sent; the secret itself is kept as a hash. After
    a crash in the middle it is `unknown`, and not sent again (MSG-ONCE).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, models.PROTECT, null=True, related_name="+")  # null: told by a person
    kind = models.CharField(max_length=8)
    text = models.TextField()
    made_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default=WAITING)
    fault = models.CharField(max_length=100, blank=True)
    ended_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # who told it, or settled it
    token_digest = models.CharField(max_length=64, null=True, unique=True)
    answer = models.CharField(max_length=4, blank=True)
    answered_at = models.DateTimeField(null=True)
    call_asked_at = models.DateTimeField(null=True)
    called_at = models.DateTimeField(null=True)
    called_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=(REMINDER, CHANGE, CODE)), name="message_kind_is_known"),
            models.CheckConstraint(
                condition=Q(state=WAITING, next_at__isnull=False)
                | Q(state__in=(SENDING, GONE, FAILED, UNKNOWN, RECALLED, TOLD), next_at=None),
                name="message_waits_or_is_over",
            ),
            models.CheckConstraint(condition=Q(answer__in=("", COME, CALL)), name="answer_is_known"),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="patient_messages_to_send"),
            models.Index(fields=["patient", "-made_at"], name="messages_of_a_patient"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Said(models.Model):
    """
    What a message says of one appointment: that version `version` begins then, or (null) is off; where it was before.

    A version is said once by each kind of message: that is the key of the event (HAZ-57). `live` ends with a recall.
    """

    message = models.ForeignKey(Message, models.PROTECT, related_name="said")
    appointment = models.ForeignKey("schedule.Appointment", models.PROTECT, related_name="said")
    kind = models.CharField(max_length=8)
    version = models.PositiveIntegerField()
    starts_at = models.DateTimeField(null=True)
    was = models.DateTimeField(null=True)
    live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "kind", "version"], condition=Q(live=True), name="an_event_is_said_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Attempt(models.Model):
    """Append-only: one attempt to send, and why it failed; empty if the message was taken."""

    message = models.ForeignKey(Message, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    fault = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="one_row_to_an_attempt_at_a_message")]

    def __str__(self) -> str:
        return str(self.pk)


class GroupName(models.Model):
    """Append-only: what other guests of a group may be told of a patient, as this person chose. No row: nothing."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    shown = models.CharField(max_length=7)
    alias = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(shown__in=(NOTHING, FIRST, ALIAS)), name="group_name_is_known")
        ]
        indexes = [models.Index(fields=["patient", "-id"], name="newest_group_name")]

    def __str__(self) -> str:
        return str(self.pk)


class Roster(models.Model):
    """Append-only: a list of guests left the screen, on paper or in a file; by whom, until when, and what it listed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=9, unique=True)  # as it stands on the sheet
    retreat = models.ForeignKey("schedule.Retreat", models.PROTECT, related_name="rosters")
    form = models.CharField(max_length=5)  # paper, file, doors
    day = models.DateField(null=True)  # of the doors
    initials = models.BooleanField(default=False)  # at the doors
    digest = models.CharField(max_length=64)  # of what it listed
    at = models.DateTimeField()
    ends_at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as printed

    def __str__(self) -> str:
        return str(self.pk)
