"""Messages to phones, and each attempt to send one, which is never changed."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("dose", "0006_presence_shows")]

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=40, unique=True)),
                ("alert", models.CharField(max_length=120)),
                ("ring", models.CharField(max_length=12)),
                ("phone", models.CharField(max_length=60)),
                ("text", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("state", models.CharField(default="waiting", max_length=8)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="messages", to="dose.dosingsession"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="messages_to_send")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state__in=["waiting", "failing"], next_at__isnull=False)
                        | Q(state__in=["sent", "failed", "recalled"], next_at__isnull=True),
                        name="a_message_is_tried_until_it_is_over",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageTry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                ("fault", models.CharField(blank=True, max_length=100)),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="dose.message"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["message", "number"], name="one_row_to_an_attempt"),
                ],
            },
        ),
        append_only("dose_messagetry"),
    ]
