"""The waiting list, and what each of its entries was before."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0011_append_only"),
        ("schedule", "0003_reminder"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Waiting",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("session", models.CharField(blank=True, max_length=60)),
                ("row", models.CharField(blank=True, max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("since", models.DateTimeField()),
                ("until", models.DateField()),
                ("weekdays", models.JSONField(default=list)),
                ("begins", models.TimeField(null=True)),
                ("ends", models.TimeField(null=True)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("state", models.CharField(default="waits", max_length=6)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "appointment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="schedule.appointment",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WaitingVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("document", models.JSONField()),
                ("reason", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "waiting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="schedule.waiting"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="waiting",
            index=models.Index(
                condition=models.Q(("state", "waits")), fields=["site", "since"], name="waiting_of_a_site"
            ),
        ),
        migrations.AddConstraint(
            model_name="waiting",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waits", "booked", "ended"))), name="waiting_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="waiting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("session", ""), models.Q(("row", ""), _negated=True)),
                    models.Q(models.Q(("session", ""), _negated=True), ("row", "")),
                    _connector="OR",
                ),
                name="waiting_is_for_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="waiting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("appointment__isnull", False), ("state", "booked")),
                    models.Q(models.Q(("state", "booked"), _negated=True), ("appointment", None)),
                    _connector="OR",
                ),
                name="what_was_waited_for_is_booked",
            ),
        ),
        migrations.AddConstraint(
            model_name="waiting",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waits")), fields=("patient", "session", "row"), name="nobody_waits_twice"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingversion",
            constraint=models.UniqueConstraint(
                fields=("waiting", "version"), name="one_row_to_a_version_of_a_waiting_entry"
            ),
        ),
        append_only("schedule_waitingversion"),
    ]
