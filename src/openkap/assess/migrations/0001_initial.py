"""Tables of forms, answers, alerts and decisions."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0002_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FormLink",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("wrong_tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FormDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("proved", models.BooleanField(default=False)),
                ("at", models.DateTimeField()),
                ("left_at", models.DateTimeField(null=True)),
                (
                    "link",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="devices", to="assess.formlink"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FormRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("form", models.CharField(max_length=64)),
                ("by_staff", models.BooleanField(default=False)),
                ("why", models.CharField(blank=True, max_length=200)),
                ("due", models.DateField()),
                ("asked_at", models.DateTimeField()),
                (
                    "asked_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="form_requests", to="people.patient"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="formlink",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="links", to="assess.formrequest"
            ),
        ),
        migrations.CreateModel(
            name="FormEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("sent", "sent"),
                            ("opened", "opened"),
                            ("asked-again", "asked-again"),
                            ("chased", "chased"),
                            ("done", "done"),
                            ("declined", "declined"),
                            ("withdrawn", "withdrawn"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("note", models.CharField(blank=True, max_length=500)),
                ("record", models.CharField(blank=True, max_length=130)),
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
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="assess.formrequest"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("link_id", models.CharField(max_length=80)),
                ("value", models.JSONField()),
                ("key", models.UUIDField()),
                ("sequence", models.BigIntegerField()),
                ("given_at", models.DateTimeField(null=True)),
                ("saved_at", models.DateTimeField()),
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
                    "device",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="assess.formdevice"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="assess.formrequest"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FormulationDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dimension", models.CharField(max_length=64)),
                ("level", models.PositiveSmallIntegerField(null=True)),
                ("accepted", models.BooleanField()),
                ("reason", models.CharField(blank=True, max_length=1000)),
                ("chart_version", models.PositiveIntegerField()),
                ("content_version", models.CharField(max_length=32)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="formulation_decisions",
                        to="people.patient",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OnCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("begins", models.DateTimeField()),
                ("ends", models.DateTimeField()),
                ("entered_at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "entered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            name="SafetyAlert",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("flags", models.JSONField()),
                ("raised_at", models.DateTimeField()),
                (
                    "answer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alert", to="assess.answer"
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="safety_alerts", to="people.patient"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="alerts", to="assess.formrequest"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.PositiveIntegerField()),
                (
                    "ring",
                    models.CharField(
                        choices=[
                            ("on-call", "on-call"),
                            ("care-team", "care-team"),
                            ("clinicians", "clinicians"),
                            ("staff", "staff"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="assess.safetyalert"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("not-reached", "not-reached"),
                            ("reached", "reached"),
                            ("handed-over", "handed-over"),
                        ],
                        max_length=12,
                    ),
                ),
                ("what", models.CharField(max_length=1000)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="actions", to="assess.safetyalert"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="formrequest",
            index=models.Index(fields=["patient", "asked_at"], name="form_requests_of_a_patient"),
        ),
        migrations.AddConstraint(
            model_name="formevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ("done", "declined", "withdrawn"))),
                fields=("request",),
                name="a_form_ends_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="formevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("sent", "opened", "asked-again", "chased", "done", "declined", "withdrawn"))
                ),
                name="form_event_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="answer",
            constraint=models.UniqueConstraint(fields=("request", "key"), name="an_answer_is_saved_once"),
        ),
        migrations.AddIndex(
            model_name="formulationdecision",
            index=models.Index(fields=["patient", "dimension"], name="decisions_of_a_dimension"),
        ),
        migrations.AddConstraint(
            model_name="formulationdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("accepted", True), models.Q(("reason", ""), _negated=True), _connector="OR"),
                name="a_rejection_has_its_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="oncall",
            index=models.Index(fields=["site", "ends"], name="on_call_of_a_site"),
        ),
        migrations.AddConstraint(
            model_name="oncall",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends__gt", models.F("begins"))), name="on_call_ends_after_it_begins"
            ),
        ),
        migrations.AddIndex(
            model_name="safetyalert",
            index=models.Index(fields=["patient", "raised_at"], name="safety_alerts_of_a_patient"),
        ),
        migrations.AddConstraint(
            model_name="alertnotice",
            constraint=models.UniqueConstraint(fields=("alert", "step", "user"), name="one_notice_to_a_step"),
        ),
        migrations.AddConstraint(
            model_name="alertaction",
            constraint=models.CheckConstraint(
                condition=models.Q(("what", ""), _negated=True), name="an_action_says_what_was_done"
            ),
        ),
    ]
