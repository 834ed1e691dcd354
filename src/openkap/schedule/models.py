"""
The calendar as it is kept: people and rooms, retreats with their versions, appointments, and who holds which slot.

`Taken` is the constraint that no race may break: one row for each quarter of an hour that a person, a room, a patient
or a place under a nurse's eyes is held. Only the services of this room write these.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from openkap.people.models import Patient, Site, User
from openkap.plan.models import Programme
from openkap.schedule import models_message  # noqa: F401  a file of its own
from openkap.schedule.assemble import ROOM_KINDS, STAFF_ROLES

PERSON, ROOM = "person", "room"
BUILD, REPAIR = "build", "repair"
WAITS, RUNS, DONE, FAILED, STOPPED = "waits", "runs", "done", "failed", "stopped"
BOOKED, CANCELLED = "booked", "cancelled"
SENT, RECALLED = "sent", "recalled"
ENDED = "ended"
ABSENCES = ("ill", "leave", "no-show", "no-dose")


class Calendar(models.Model):
    """One row to a site, held by whoever books. `revision` grows with every booking."""

    site = models.OneToOneField(Site, models.PROTECT, primary_key=True, related_name="+")
    revision = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.pk)


class Resource(models.Model):
    """Somebody who works with patients, or a room. `sort` is the role of the one, the kind of the other."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    what = models.CharField(max_length=6)
    sort = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    credentials = models.JSONField(default=list)  # ids of modalities
    turnover_min = models.PositiveSmallIntegerField(default=0)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"], condition=Q(retired_at=None), name="one_resource_to_a_name"
            ),
            models.UniqueConstraint(
                fields=["site", "user"], condition=Q(retired_at=None), name="one_resource_to_a_user"
            ),
            models.CheckConstraint(
                condition=Q(what=PERSON, sort__in=STAFF_ROLES) | Q(what=ROOM, sort__in=ROOM_KINDS),
                name="resource_is_a_person_or_a_room",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Duty(models.Model):
    """Somebody is on duty, from one instant to another; taken back, never changed."""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="duties")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="duty_ends_after_start")]
        indexes = [models.Index(fields=["resource", "starts_at"], name="duties_of_a_resource")]

    def __str__(self) -> str:
        return str(self.pk)


class Absence(models.Model):
    """Append-only: somebody of staff is away, or a patient cannot come or must have no dose until then. Never why."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    resource = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="absences")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=10)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_start"),
            models.CheckConstraint(condition=Q(kind__in=ABSENCES), name="absence_is_of_a_known_kind"),
            models.CheckConstraint(
                condition=Q(resource=None, patient__isnull=False) | Q(resource__isnull=False, patient=None),
                name="absence_is_of_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Retreat(models.Model):
    """Guests, days and how the house is run. Its plans are `Version`s."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    start = models.DateField()  # on the site's calendar
    days = models.PositiveSmallIntegerField()
    house = models.TextField()  # assemble.House as JSON
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(days__gte=1, days__lte=60), name="retreat_has_days")]

    def __str__(self) -> str:
        return str(self.pk)


class Guest(models.Model):
    """A patient who comes, by which version of the plan, and what this person is called in planning problems."""

    retreat = models.ForeignKey(Retreat, models.PROTECT, related_name="guests")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    code = models.CharField(max_length=4)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="+")
    therapist = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["retreat", "patient"], name="a_guest_comes_once"),
            models.UniqueConstraint(fields=["retreat", "code"], name="a_code_is_one_guest"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Version(models.Model):
    """Append-only: a plan of a retreat with the problem that it answers. The newest is the draft."""

    retreat = models.ForeignKey(Retreat, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    instance = models.TextField()
    plan = models.TextField()
    terms = models.JSONField()
    objective = models.FloatField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["retreat", "number"], name="one_row_to_a_version_of_a_retreat"),
            models.CheckConstraint(condition=~Q(reason=""), name="a_version_has_a_reason"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Publication(models.Model):
    """Append-only: a version was published; its appointments were booked in the same transaction."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="publications")
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return str(self.pk)


class Run(models.Model):
    """A search that was asked for: how far it is, whether to stop, what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    retreat = models.ForeignKey(Retreat, models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=6)
    state = models.CharField(max_length=8, default=WAITS)
    base = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    absence = models.ForeignKey(Absence, models.PROTECT, null=True, related_name="+")
    instance = models.TextField()
    whole = models.BooleanField(default=True)  # everything must be placed; else what cannot be is left out
    seconds = models.PositiveSmallIntegerField()
    seed = models.PositiveIntegerField(default=1)
    stop = models.BooleanField(default=False)
    course = models.JSONField(default=list)  # [seconds, objective, missing] once a second
    terms = models.JSONField(default=dict)
    plan = models.TextField(blank=True)  # the best so far; empty: none yet
    conflict = models.JSONField(null=True)
    result = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=(BUILD, REPAIR)), name="run_is_of_a_known_kind"),
            models.CheckConstraint(
                condition=Q(state__in=(WAITS, RUNS, DONE, FAILED, STOPPED)), name="run_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Appointment(models.Model):
    """
    Who is where, when. What it was before stands in `AppointmentVersion`.

    A group is a row without a patient; each who attends has one of their own, `within` it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    retreat = models.ForeignKey(Retreat, models.PROTECT, null=True, related_name="appointments")
    activity = models.CharField(max_length=80)  # its id in the problem of the retreat
    kind = models.CharField(max_length=12)
    title = models.CharField(max_length=200)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="+")
    within = models.ForeignKey("self", models.PROTECT, null=True, related_name="attended_by")
    room = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    watched_by = models.CharField(max_length=20, blank=True)  # the role whose ratio it counts against
    route = models.CharField(max_length=12, blank=True)  # of a dose, for what to eat before it
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=9, default=BOOKED)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["retreat", "activity"], condition=Q(state=BOOKED), name="an_activity_is_booked_once"
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="appointment_ends_after_start"),
            models.CheckConstraint(condition=Q(state__in=(BOOKED, CANCELLED)), name="appointment_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["site", "starts_at"], condition=Q(state=BOOKED), name="appointments_of_a_site"),
            models.Index(fields=["patient", "starts_at"], name="appointments_of_a_patient"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Work(models.Model):
    """Somebody of staff is needed at an appointment, for a part of it."""

    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="work")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="work")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="work_ends_after_start")]

    def __str__(self) -> str:
        return str(self.pk)


class AppointmentVersion(models.Model):
    """Append-only: an appointment as it was from then on, who made it so and why."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    document = models.JSONField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appointment", "version"], name="one_row_to_a_version_of_an_appointment")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Taken(models.Model):
    """
    A quarter of an hour that is held: `slot` counts them from 1970. `what` is `person:4`, `room:2`, `patient:…`, or
    `watch:nurse` with a seat for each who is watched. The constraint is the whole of "no double booking" (RG-07).
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    what = models.CharField(max_length=50)
    slot = models.PositiveBigIntegerField()
    seat = models.PositiveSmallIntegerField(default=0)
    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="slots")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "what", "slot", "seat"], name="nothing_is_held_twice"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Reminder(models.Model):
    """
    Somebody is to be reminded of an appointment. One to each version of it: `key` is sent once, or recalled (HAZ-57).
    """

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="reminders")
    key = models.CharField(max_length=60, unique=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8, default=WAITS)
    ended_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=(WAITS, SENT, RECALLED)), name="reminder_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=WAITS, ended_at=None) | (~Q(state=WAITS) & Q(ended_at__isnull=False)),
                name="a_reminder_that_waits_has_not_ended",
            ),
            models.UniqueConstraint(
                fields=["appointment"], condition=Q(state=WAITS), name="one_reminder_of_an_appointment_waits"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Feed(models.Model):
    """A link to a calendar in iCalendar form, kept as its hash; it ends when somebody takes it back."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, patient__isnull=False) | Q(user__isnull=False, patient=None),
                name="a_feed_is_of_one",
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Waiting(models.Model):
    """
    A patient waits for a session of their plan, or for a kind of session. First come is first in order.

    What it was before stands in `WaitingVersion`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    session = models.CharField(max_length=60, blank=True)  # its id in the signed plan
    row = models.CharField(max_length=40, blank=True)  # a kind of session of the content, where it is none of the plan
    title = models.CharField(max_length=200)
    since = models.DateTimeField()
    until = models.DateField()  # the last day, on the site's calendar
    weekdays = models.JSONField(default=list)  # 0 is Monday; none: any
    begins = models.TimeField(null=True)  # not before this hour of the site's clocks
    ends = models.TimeField(null=True)
    note = models.CharField(max_length=200, blank=True)  # says when somebody can come, never why
    state = models.CharField(max_length=6, default=WAITS)
    appointment = models.ForeignKey(Appointment, models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=(WAITS, BOOKED, ENDED)), name="waiting_state_is_known"),
            models.CheckConstraint(
                condition=(Q(session="") & ~Q(row="")) | (~Q(session="") & Q(row="")), name="waiting_is_for_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(state=BOOKED, appointment__isnull=False) | (~Q(state=BOOKED) & Q(appointment=None)),
                name="what_was_waited_for_is_booked",
            ),
            models.UniqueConstraint(
                fields=["patient", "session", "row"], condition=Q(state=WAITS), name="nobody_waits_twice"
            ),
        ]
        indexes = [models.Index(fields=["site", "since"], condition=Q(state=WAITS), name="waiting_of_a_site")]

    def __str__(self) -> str:
        return str(self.pk)


class WaitingVersion(models.Model):
    """Append-only: an entry of the waiting list as it was from then on, who made it so and why."""

    waiting = models.ForeignKey(Waiting, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    document = models.JSONField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["waiting", "version"], name="one_row_to_a_version_of_a_waiting_entry")
        ]

    def __str__(self) -> str:
        return str(self.pk)
