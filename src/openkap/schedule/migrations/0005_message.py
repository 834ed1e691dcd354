"""Messages to patients: contacts, choices, what was said; names in a group; lists that leave the screen."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0011_append_only"),
        ("schedule", "0004_waiting"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("channel", models.CharField(max_length=4)),
                ("sealed", models.BinaryField()),
                ("at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
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
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Code",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("ends_at", models.DateTimeField()),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="codes", to="schedule.contact"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GroupName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("shown", models.CharField(max_length=7)),
                ("alias", models.CharField(blank=True, max_length=40)),
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
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=8)),
                ("text", models.TextField()),
                ("made_at", models.DateTimeField()),
                ("next_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("state", models.CharField(default="waiting", max_length=8)),
                ("fault", models.CharField(blank=True, max_length=100)),
                ("ended_at", models.DateTimeField(null=True)),
                ("token_digest", models.CharField(max_length=64, null=True, unique=True)),
                ("answer", models.CharField(blank=True, max_length=4)),
                ("answered_at", models.DateTimeField(null=True)),
                ("call_asked_at", models.DateTimeField(null=True)),
                ("called_at", models.DateTimeField(null=True)),
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
                    "called_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="schedule.contact"
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
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                ("fault", models.CharField(blank=True, max_length=100)),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="schedule.message"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Roster",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=9, unique=True)),
                ("form", models.CharField(max_length=5)),
                ("day", models.DateField(null=True)),
                ("initials", models.BooleanField(default=False)),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("name", models.CharField(max_length=200)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "retreat",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rosters", to="schedule.retreat"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Said",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=8)),
                ("version", models.PositiveIntegerField()),
                ("starts_at", models.DateTimeField(null=True)),
                ("was", models.DateTimeField(null=True)),
                ("live", models.BooleanField(default=True)),
                (
                    "appointment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="said", to="schedule.appointment"
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="said", to="schedule.message"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Verified",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("how", models.CharField(max_length=9)),
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
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="verified", to="schedule.contact"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Choice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=4)),
                ("detail", models.BooleanField()),
                ("zone", models.CharField(max_length=64)),
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
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["patient", "-id"], name="newest_choice_of_a_patient")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ("mail", "text", "none"))), name="choice_is_known"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("patient", "channel"),
                name="one_open_contact_of_a_channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", ("mail", "text"))), name="contact_is_mail_or_text"
            ),
        ),
        migrations.AddIndex(
            model_name="groupname",
            index=models.Index(fields=["patient", "-id"], name="newest_group_name"),
        ),
        migrations.AddConstraint(
            model_name="groupname",
            constraint=models.CheckConstraint(
                condition=models.Q(("shown__in", ("nothing", "first", "alias"))), name="group_name_is_known"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False)), fields=["next_at"], name="patient_messages_to_send"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["patient", "-made_at"], name="messages_of_a_patient"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("reminder", "change", "code"))), name="message_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_at__isnull", False), ("state", "waiting")),
                    models.Q(
                        ("next_at", None), ("state__in", ("sending", "sent", "failed", "unknown", "recalled", "told"))
                    ),
                    _connector="OR",
                ),
                name="message_waits_or_is_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("answer__in", ("", "come", "call"))), name="answer_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("message", "number"), name="one_row_to_an_attempt_at_a_message"),
        ),
        migrations.AddConstraint(
            model_name="said",
            constraint=models.UniqueConstraint(
                condition=models.Q(("live", True)),
                fields=("appointment", "kind", "version"),
                name="an_event_is_said_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="verified",
            constraint=models.CheckConstraint(
                condition=models.Q(("how__in", ("code", "read-back"))), name="verified_in_a_known_way"
            ),
        ),
        *(append_only(f"schedule_{name}") for name in ("verified", "choice", "attempt", "groupname", "roster")),
    ]
