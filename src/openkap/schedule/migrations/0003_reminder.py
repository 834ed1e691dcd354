"""Reminders: one to each version of an appointment, sent once or recalled."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("schedule", "0002_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Reminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=60, unique=True)),
                ("due_at", models.DateTimeField()),
                ("state", models.CharField(default="waits", max_length=8)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "appointment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reminders", to="schedule.appointment"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("waits", "sent", "recalled"))), name="reminder_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "waits")),
                            models.Q(models.Q(("state", "waits"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_reminder_that_waits_has_not_ended",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waits")),
                        fields=("appointment",),
                        name="one_reminder_of_an_appointment_waits",
                    ),
                ],
            },
        ),
    ]
