"""
Watched sessions as they are kept. `SessionEvent` is the record and only grows; what a session *is* follows from its
events (store.py). The other tables about a session are read off them, so that a list need not replay anything.

Only `services.py` and `floor.py` write these.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from openkap.dose import models_device, models_harm, models_ledger, models_message, models_wall  # noqa: F401  files of their own
from openkap.dose.types import ENDED, Phase
from openkap.people.models import Patient, Site, User
from openkap.schedule.models import Appointment

LEVELS = ("amber", "red")


class Chair(models.Model):
    """Where somebody is treated: a bay, a room. `place` orders them on the board."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)
    place = models.PositiveSmallIntegerField(default=0)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], condition=Q(retired_at=None), name="one_chair_to_a_name")
        ]

    def __str__(self) -> str:
        return self.name


class ProtocolText(models.Model):
    """Append-only: the content that sessions run by, word for word, under its SHA-256."""

    digest = models.CharField(max_length=64, primary_key=True)
    document = models.TextField()

    def __str__(self) -> str:
        return self.digest


class DosingSession(models.Model):
    """
    A session that was booked. `phase`, `sequence`, `observer`, `began_at` and `ended_at` are read off its events.

    Clocks of the booking are the anchor of its elapsed time (clock.py).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="dosing_sessions")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    chair = models.ForeignKey(Chair, models.PROTECT, null=True, related_name="+")
    day = models.DateField()  # on the site's calendar
    route = models.CharField(max_length=12)
    drug = models.CharField(max_length=12)
    plan_session = models.CharField(max_length=80, blank=True)  # its id in the signed plan
    # the hours, the chair and the seat under a nurse's eyes that it holds; null: moved away before it was cancelled
    appointment = models.ForeignKey(Appointment, models.PROTECT, null=True, related_name="dosing")
    maintenance = models.BooleanField(null=True)  # of a maintenance course; null: not known
    protocol = models.ForeignKey(ProtocolText, models.PROTECT, related_name="+")
    booked_at = models.DateTimeField()
    booked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    boot = models.CharField(max_length=64)
    monotonic_s = models.FloatField()
    phase = models.CharField(max_length=12, default=Phase.BOOKED.value)
    sequence = models.PositiveIntegerField(default=0)
    observer = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    began_at = models.DateTimeField(null=True)  # the first dose
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(phase__in=[p.value for p in Phase]), name="session_phase_is_known"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(phase__in=sorted(p.value for p in ENDED)),
                name="only_an_ended_session_has_ended",
            ),
            models.UniqueConstraint(
                fields=["chair"],
                condition=Q(ended_at=None) & ~Q(phase=Phase.BOOKED.value),
                name="one_session_in_a_chair",
            ),
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(ended_at=None) & ~Q(phase=Phase.BOOKED.value),
                name="a_patient_is_in_one_chair",
            ),
            models.UniqueConstraint(
                fields=["appointment"], condition=~Q(phase=Phase.CANCELLED.value), name="one_session_of_an_appointment"
            ),
        ]
        indexes = [
            models.Index(fields=["site"], condition=Q(ended_at=None), name="open_sessions_of_a_site"),
            models.Index(fields=["patient", "day"], name="sessions_of_a_patient"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SessionEvent(models.Model):
    """
    Append-only: one accepted event.

    `document` is the event as JSON; `elapsed_s` to `sure_from_s` its stamp; `boot` and `monotonic_s` the clock it was
    read from, the anchor of whatever comes next.
    """

    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="events")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    sequence = models.PositiveIntegerField()
    key = models.CharField(max_length=80)
    kind = models.CharField(max_length=24)
    document = models.TextField()
    elapsed_s = models.PositiveIntegerField()
    at = models.DateTimeField()
    day = models.DateField()
    device_at = models.DateTimeField(null=True)
    unsure_s = models.PositiveIntegerField(default=0)
    sure_from_s = models.PositiveIntegerField(null=True)
    boot = models.CharField(max_length=64)
    monotonic_s = models.FloatField()
    before = models.CharField(max_length=12)
    after = models.CharField(max_length=12)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: the system

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "sequence"], name="events_of_a_session_are_numbered"),
            models.UniqueConstraint(fields=["session", "key"], name="a_key_is_one_event_of_a_session"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Given(models.Model):
    """A dose as it was charted, once for a step of an order (RG-06). Amounts in mg; `given_mg` once it has ended."""

    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="doses")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    order = models.CharField(max_length=80)
    version = models.PositiveSmallIntegerField()
    step = models.PositiveSmallIntegerField()
    drug = models.CharField(max_length=12)
    route = models.CharField(max_length=12)
    parenteral = models.BooleanField()
    lot = models.CharField(max_length=80)
    mg = models.DecimalField(max_digits=12, decimal_places=4)
    given_mg = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    complete = models.BooleanField(default=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "order", "step"], name="a_dose_is_charted_once"),
            models.CheckConstraint(condition=Q(mg__gt=0), name="a_dose_is_above_nought"),
            models.CheckConstraint(
                condition=Q(given_mg=None) | Q(given_mg__lte=F("mg")), name="no_more_given_than_drawn"
            ),
        ]
        indexes = [models.Index(fields=["patient", "started_at"], name="doses_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class AlertState(models.Model):
    """An alert as it stands. Its history is in the events of the session, whom it reached in `AlertReach`."""

    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="alerts")
    alert = models.CharField(max_length=120)
    about = models.CharField(max_length=80)
    level = models.CharField(max_length=5)
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    raised_at = models.DateTimeField()
    acknowledged_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "alert"], name="one_row_to_an_alert"),
            models.UniqueConstraint(
                fields=["session", "about"], condition=Q(ended_at=None), name="one_open_alert_about_a_thing"
            ),
            models.CheckConstraint(condition=Q(level__in=LEVELS), name="alert_is_amber_or_red"),
        ]
        indexes = [models.Index(fields=["session"], condition=Q(ended_at=None), name="open_alerts_of_a_session")]

    def __str__(self) -> str:
        return str(self.pk)


class AlertReach(models.Model):
    """
    Append-only: an alert reached a ring. `people` are ids of users; `skipped`: nobody there had a live screen, or, in a
    second row about a ring, none of their screens confirmed in time that it shows the alert.
    """

    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="reaches")
    alert = models.CharField(max_length=120)
    ring = models.CharField(max_length=12)
    people = models.JSONField(default=list)
    skipped = models.BooleanField()
    elapsed_s = models.PositiveIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class Task(models.Model):
    """What a session asks of somebody: a call the next day, a value to follow up, a rest to waste."""

    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="tasks")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=500)
    due = models.DateTimeField()
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    outcome = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at=None, done_by=None, outcome="")
                | (Q(done_at__isnull=False, done_by__isnull=False) & ~Q(outcome="")),
                name="a_task_is_done_by_somebody_who_says_how",
            )
        ]
        indexes = [models.Index(fields=["site", "due"], condition=Q(done_at=None), name="open_tasks_of_a_site")]

    def __str__(self) -> str:
        return str(self.pk)


class AdverseVersion(models.Model):
    """Append-only: one version of an adverse event (adverse.py); the newest holds."""

    event = models.CharField(max_length=160)
    version = models.PositiveSmallIntegerField()
    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="adverse")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="adverse")
    document = models.TextField()  # adverse.Adverse as JSON
    reason = models.CharField(max_length=1000, blank=True)
    reviewed = models.BooleanField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: drafted by the session

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "event", "version"], name="one_row_to_a_version_of_an_event")
        ]
        indexes = [models.Index(fields=["patient", "event", "version"], name="adverse_events_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class SessionNote(models.Model):
    """Append-only: the note of a session as somebody corrected and signed it; the newest version holds."""

    session = models.ForeignKey(DosingSession, models.PROTECT, related_name="notes")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    version = models.PositiveSmallIntegerField()
    written = models.TextField()  # as the record wrote it
    text = models.TextField()  # as it was signed
    digest = models.CharField(max_length=64)  # of `text`
    sequence = models.PositiveIntegerField()  # of the session when it was signed
    meaning = models.CharField(max_length=300)
    reason = models.CharField(max_length=1000, blank=True)  # why a signed note was changed
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as printed
    role = models.CharField(max_length=20)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "version"], name="one_row_to_a_version_of_a_note")]

    def __str__(self) -> str:
        return str(self.pk)


class Shift(models.Model):
    """Who is on the floor, in which role, from when until when."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "user"], condition=Q(until=None), name="one_open_shift_of_a_person")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Presence(models.Model):
    """
    A screen that said it is alive, of which session if it is a tablet at a chair, and whether it is one that shows
    alerts. Written over; no record.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    device = models.CharField(max_length=64)  # random, made by the page
    session = models.ForeignKey(DosingSession, models.PROTECT, null=True, related_name="+")
    shows = models.BooleanField(default=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "device"], name="one_row_to_a_screen")]
        indexes = [models.Index(fields=["site", "seen_at"], name="screens_of_a_site")]

    def __str__(self) -> str:
        return str(self.pk)


class Beat(models.Model):
    """The heartbeat of the alerts: which process steps the sessions, and when it last did. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    holder = models.CharField(max_length=64)
    boot = models.CharField(max_length=64)
    monotonic_s = models.FloatField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.holder


class ClockJump(models.Model):
    """The server's clock on the wall was moved while the machine ran: what it said before, and says since (HAZ-37)."""

    boot = models.CharField(max_length=64)
    before = models.DateTimeField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)
