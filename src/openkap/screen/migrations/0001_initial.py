"""Decisions about findings, signed verdicts, standings."""

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
            name="Standing",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="people.patient",
                    ),
                ),
                ("chart_version", models.PositiveIntegerField()),
                ("content_version", models.CharField(max_length=40)),
                ("decisions", models.PositiveBigIntegerField()),
                ("on", models.DateField()),
                ("verdict", models.CharField(max_length=12)),
                ("counts", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("clearance", "clearance"),
                            ("reason", "reason"),
                            ("mitigation", "mitigation"),
                            ("withdrawal", "withdrawal"),
                        ],
                        max_length=12,
                    ),
                ),
                ("rule", models.CharField(max_length=40)),
                ("ground", models.CharField(blank=True, max_length=32)),
                ("reason", models.CharField(max_length=2000)),
                ("document", models.CharField(blank=True, max_length=300)),
                ("document_on", models.DateField(null=True)),
                ("records", models.JSONField(default=list)),
                ("chart_version", models.PositiveIntegerField()),
                ("content_version", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="overrides", to="people.patient"
                    ),
                ),
                (
                    "withdraws",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawn_by",
                        to="screen.override",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["patient", "id"], name="overrides_of_a_patient")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("clearance", "reason", "mitigation", "withdrawal"))),
                        name="override_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "withdrawal"), ("withdraws__isnull", False)),
                            models.Q(models.Q(("kind", "withdrawal"), _negated=True), ("withdraws__isnull", True)),
                            _connector="OR",
                        ),
                        name="only_a_withdrawal_withdraws",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "clearance"), _negated=True),
                            models.Q(models.Q(("document", ""), _negated=True), ("document_on__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_clearance_has_its_document_and_date",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="an_override_has_a_reason"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Signoff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("verdict", models.CharField(max_length=12)),
                ("on", models.DateField()),
                ("chart_version", models.PositiveIntegerField()),
                ("content_version", models.CharField(max_length=40)),
                ("digest", models.CharField(max_length=64)),
                ("document", models.TextField(blank=True)),
                ("meaning", models.CharField(max_length=300)),
                ("reason", models.CharField(blank=True, max_length=2000)),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="signoffs", to="people.patient"
                    ),
                ),
                (
                    "withdraws",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawn_by",
                        to="screen.signoff",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["patient", "id"], name="signoffs_of_a_patient")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("withdraws__isnull", False), ("verdict__in", ["eligible", "caution"]), _connector="OR"
                        ),
                        name="only_a_verdict_that_allows_is_signed",
                    )
                ],
            },
        ),
    ]
