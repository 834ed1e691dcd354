"""Sessions, their events and alerts, what is read off them, and who is on the floor."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0008_pulse"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Beat",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("holder", models.CharField(max_length=64)),
                ("boot", models.CharField(max_length=64)),
                ("monotonic_s", models.FloatField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ProtocolText",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("document", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Chair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("place", models.PositiveSmallIntegerField(default=0)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DosingSession",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("route", models.CharField(max_length=12)),
                ("drug", models.CharField(max_length=12)),
                ("plan_session", models.CharField(blank=True, max_length=80)),
                ("maintenance", models.BooleanField(null=True)),
                ("booked_at", models.DateTimeField()),
                ("boot", models.CharField(max_length=64)),
                ("monotonic_s", models.FloatField()),
                (
                    "phase",
                    models.CharField(
                        default="booked",
                        max_length=12,
                    ),
                ),
                ("sequence", models.PositiveIntegerField(default=0)),
                ("began_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "booked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "chair",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="dose.chair"
                    ),
                ),
                (
                    "observer",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="dosing_sessions", to="people.patient"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
                (
                    "protocol",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="dose.protocoltext"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("alert", models.CharField(max_length=120)),
                ("about", models.CharField(max_length=80)),
                ("level", models.CharField(max_length=5)),
                ("text", models.CharField(max_length=500)),
                ("raised_at", models.DateTimeField()),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_how", models.CharField(blank=True, max_length=500)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="dose.dosingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertReach",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("alert", models.CharField(max_length=120)),
                ("ring", models.CharField(max_length=12)),
                ("people", models.JSONField(default=list)),
                ("skipped", models.BooleanField()),
                ("elapsed_s", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reaches", to="dose.dosingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AdverseVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event", models.CharField(max_length=160)),
                ("version", models.PositiveSmallIntegerField()),
                ("document", models.TextField()),
                ("reason", models.CharField(blank=True, max_length=1000)),
                ("reviewed", models.BooleanField()),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="adverse", to="people.patient"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="adverse", to="dose.dosingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Given",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("order", models.CharField(max_length=80)),
                ("version", models.PositiveSmallIntegerField()),
                ("step", models.PositiveSmallIntegerField()),
                ("drug", models.CharField(max_length=12)),
                ("route", models.CharField(max_length=12)),
                ("parenteral", models.BooleanField()),
                ("lot", models.CharField(max_length=80)),
                ("mg", models.DecimalField(decimal_places=4, max_digits=12)),
                ("given_mg", models.DecimalField(decimal_places=4, max_digits=12, null=True)),
                ("complete", models.BooleanField(default=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="doses", to="dose.dosingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Presence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device", models.CharField(max_length=64)),
                ("seen_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="dose.dosingsession",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SessionEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=80)),
                ("kind", models.CharField(max_length=24)),
                ("document", models.TextField()),
                ("elapsed_s", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("day", models.DateField()),
                ("device_at", models.DateTimeField(null=True)),
                ("unsure_s", models.PositiveIntegerField(default=0)),
                ("sure_from_s", models.PositiveIntegerField(null=True)),
                ("boot", models.CharField(max_length=64)),
                ("monotonic_s", models.FloatField()),
                (
                    "before",
                    models.CharField(
                        max_length=12,
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        max_length=12,
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
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="dose.dosingsession"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SessionNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField()),
                ("written", models.TextField()),
                ("text", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                ("sequence", models.PositiveIntegerField()),
                ("meaning", models.CharField(max_length=300)),
                ("reason", models.CharField(blank=True, max_length=1000)),
                ("at", models.DateTimeField()),
                ("name", models.CharField(max_length=200)),
                ("role", models.CharField(max_length=20)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="dose.dosingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(max_length=20)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("text", models.CharField(max_length=500)),
                ("due", models.DateTimeField()),
                ("made_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=1000)),
                (
                    "done_by",
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
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="dose.dosingsession"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="chair",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at", None)), fields=("site", "name"), name="one_chair_to_a_name"
            ),
        ),
        migrations.AddIndex(
            model_name="alertstate",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["session"], name="open_alerts_of_a_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertstate",
            constraint=models.UniqueConstraint(fields=("session", "alert"), name="one_row_to_an_alert"),
        ),
        migrations.AddConstraint(
            model_name="alertstate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("session", "about"), name="one_open_alert_about_a_thing"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__in", ("amber", "red"))), name="alert_is_amber_or_red"
            ),
        ),
        migrations.AddIndex(
            model_name="adverseversion",
            index=models.Index(fields=["patient", "event", "version"], name="adverse_events_of_a_patient"),
        ),
        migrations.AddConstraint(
            model_name="adverseversion",
            constraint=models.UniqueConstraint(
                fields=("session", "event", "version"), name="one_row_to_a_version_of_an_event"
            ),
        ),
        migrations.AddIndex(
            model_name="given",
            index=models.Index(fields=["patient", "started_at"], name="doses_of_a_patient"),
        ),
        migrations.AddConstraint(
            model_name="given",
            constraint=models.UniqueConstraint(fields=("session", "order", "step"), name="a_dose_is_charted_once"),
        ),
        migrations.AddConstraint(
            model_name="given",
            constraint=models.CheckConstraint(condition=models.Q(("mg__gt", 0)), name="a_dose_is_above_nought"),
        ),
        migrations.AddConstraint(
            model_name="given",
            constraint=models.CheckConstraint(
                condition=models.Q(("given_mg", None), ("given_mg__lte", models.F("mg")), _connector="OR"),
                name="no_more_given_than_drawn",
            ),
        ),
        migrations.AddIndex(
            model_name="presence",
            index=models.Index(fields=["site", "seen_at"], name="screens_of_a_site"),
        ),
        migrations.AddConstraint(
            model_name="presence",
            constraint=models.UniqueConstraint(fields=("user", "device"), name="one_row_to_a_screen"),
        ),
        migrations.AddIndex(
            model_name="dosingsession",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["site"], name="open_sessions_of_a_site"),
        ),
        migrations.AddIndex(
            model_name="dosingsession",
            index=models.Index(fields=["patient", "day"], name="sessions_of_a_patient"),
        ),
        migrations.AddConstraint(
            model_name="dosingsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "phase__in",
                        [
                            "booked",
                            "arrived",
                            "gate",
                            "ready",
                            "dosing",
                            "paused",
                            "stopped",
                            "peak",
                            "recovery",
                            "escalated",
                            "discharged",
                            "transferred",
                            "left early",
                            "cancelled",
                        ],
                    )
                ),
                name="session_phase_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="dosingsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at", None),
                    ("phase__in", ["cancelled", "discharged", "left early", "transferred"]),
                    _connector="OR",
                ),
                name="only_an_ended_session_has_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="dosingsession",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None), models.Q(("phase", "booked"), _negated=True)),
                fields=("chair",),
                name="one_session_in_a_chair",
            ),
        ),
        migrations.AddConstraint(
            model_name="dosingsession",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None), models.Q(("phase", "booked"), _negated=True)),
                fields=("patient",),
                name="a_patient_is_in_one_chair",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessionevent",
            constraint=models.UniqueConstraint(fields=("session", "sequence"), name="events_of_a_session_are_numbered"),
        ),
        migrations.AddConstraint(
            model_name="sessionevent",
            constraint=models.UniqueConstraint(fields=("session", "key"), name="a_key_is_one_event_of_a_session"),
        ),
        migrations.AddConstraint(
            model_name="sessionnote",
            constraint=models.UniqueConstraint(fields=("session", "version"), name="one_row_to_a_version_of_a_note"),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until", None)), fields=("site", "user"), name="one_open_shift_of_a_person"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("done_at", None)), fields=["site", "due"], name="open_tasks_of_a_site"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at", None), ("done_by", None), ("outcome", "")),
                    models.Q(
                        ("done_at__isnull", False), ("done_by__isnull", False), models.Q(("outcome", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="a_task_is_done_by_somebody_who_says_how",
            ),
        ),
    ]
