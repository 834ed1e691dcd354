"""
Forms that were asked for, what was answered, who was alerted, and what a clinician said of the formulation.

All but links, devices and the rota is append-only, protected by triggers (people/append_only.py): the state of
a form and of an alert is derived from rows, in `selectors.py`. Only `services.py` writes.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from openkap.people.models import Patient, Site, User

TERMINAL = ("done", "declined", "withdrawn")
EVENTS = ("sent", "opened", "asked-again", "chased", *TERMINAL)
RINGS = ("on-call", "care-team", "clinicians", "staff")
CLOSING = ("reached", "handed-over")
OUTCOMES = ("not-reached", *CLOSING)


class FormRequest(models.Model):
    """Append-only: a patient is to answer a form, or staff are to fill it in with them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="form_requests")
    form = models.CharField(max_length=64)  # pages of the intake or an instrument: asking.form_ids()
    by_staff = models.BooleanField(default=False)  # entered by staff, never sent
    why = models.CharField(max_length=200, blank=True)  # the rule or fact that asks, or words
    due = models.DateField()  # a day at the site
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: a demonstration

    class Meta:
        indexes = [models.Index(fields=["patient", "asked_at"], name="form_requests_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class OpenForm(models.Model):
    """
    A form that is neither done nor declined nor withdrawn, where lists find it without reading every form ever asked.

    Triggers keep it from requests and events (migration 0005); it can be written anew from them at any time.
    """

    request = models.OneToOneField(FormRequest, models.PROTECT, primary_key=True, related_name="waits")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    due = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["site", "due"], name="open_forms_of_a_site")]

    def __str__(self) -> str:
        return str(self.pk)


class FormEvent(models.Model):
    """Append-only: what happened to a form."""

    request = models.ForeignKey(FormRequest, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=[(k, k) for k in EVENTS])
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: the patient
    note = models.CharField(max_length=500, blank=True)
    record = models.CharField(max_length=130, blank=True)  # of the chart, when done: Type/id

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request"], condition=Q(kind__in=TERMINAL), name="a_form_ends_once"),
            models.CheckConstraint(condition=Q(kind__in=EVENTS), name="form_event_is_known"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class FormLink(models.Model):
    """A door to one form. The token itself is nowhere kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(FormRequest, models.PROTECT, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    wrong_tries = models.PositiveSmallIntegerField(default=0)  # at the birth date

    def __str__(self) -> str:
        return str(self.pk)


class FormDevice(models.Model):
    """A browser that a link let in: the first one, and any whose holder gave the birth date."""

    link = models.ForeignKey(FormLink, models.PROTECT, related_name="devices")
    digest = models.CharField(max_length=64, unique=True)
    proved = models.BooleanField(default=False)  # by the birth date: may see what was said before
    at = models.DateTimeField()
    seen_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class Answer(models.Model):
    """Append-only: one answer as it was given. A changed mind is another row."""

    request = models.ForeignKey(FormRequest, models.PROTECT, related_name="answers")
    link_id = models.CharField(max_length=80)
    value = models.JSONField()  # as asking.read_answer gives it
    key = models.UUIDField()  # made before the first try to send it
    sequence = models.BigIntegerField()  # order on the device that gave it
    given_at = models.DateTimeField(null=True)  # by the clock of that device
    saved_at = models.DateTimeField()
    device = models.ForeignKey(FormDevice, models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # null: the patient

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "key"], name="an_answer_is_saved_once")]

    def __str__(self) -> str:
        return str(self.pk)


class OnCall(models.Model):
    """Someone is on call for a site, from one instant until another."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    begins = models.DateTimeField()
    ends = models.DateTimeField()
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ends__gt=F("begins")), name="on_call_ends_after_it_begins")]
        indexes = [models.Index(fields=["site", "ends"], name="on_call_of_a_site")]

    def __str__(self) -> str:
        return str(self.pk)


class SafetyAlert(models.Model):
    """Append-only: an answer was saved that may mean danger."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="safety_alerts")
    request = models.ForeignKey(FormRequest, models.PROTECT, related_name="alerts")
    answer = models.OneToOneField(Answer, models.PROTECT, related_name="alert")
    flags = models.JSONField()  # of the instrument
    raised_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["patient", "raised_at"], name="safety_alerts_of_a_patient")]

    def __str__(self) -> str:
        return str(self.pk)


class AlertNotice(models.Model):
    """Append-only: from this step on the alert is in this person's hands."""

    alert = models.ForeignKey(SafetyAlert, models.PROTECT, related_name="notices")
    step = models.PositiveIntegerField()
    ring = models.CharField(max_length=12, choices=[(r, r) for r in RINGS])
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "step", "user"], name="one_notice_to_a_step")]

    def __str__(self) -> str:
        return str(self.pk)


class AlertAction(models.Model):
    """Append-only: what a person did about an alert. One that closes it ends the escalation."""

    alert = models.ForeignKey(SafetyAlert, models.PROTECT, related_name="actions")
    outcome = models.CharField(max_length=12, choices=[(o, o) for o in OUTCOMES])
    what = models.CharField(max_length=1000)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(what=""), name="an_action_says_what_was_done")]

    def __str__(self) -> str:
        return str(self.pk)


class FormulationDecision(models.Model):
    """Append-only: a clinician takes the finding of a dimension as it is, or not, with the reason."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="formulation_decisions")
    dimension = models.CharField(max_length=64)
    level = models.PositiveSmallIntegerField(null=True)  # as it was shown; null: not measured
    accepted = models.BooleanField()
    reason = models.CharField(max_length=1000, blank=True)
    chart_version = models.PositiveIntegerField()
    content_version = models.CharField(max_length=32)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(accepted=True) | ~Q(reason=""), name="a_rejection_has_its_reason")
        ]
        indexes = [models.Index(fields=["patient", "dimension"], name="decisions_of_a_dimension")]

    def __str__(self) -> str:
        return str(self.pk)
