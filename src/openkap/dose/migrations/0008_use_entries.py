"""Screens for harm of longer use, signs in the pattern of use, and their reviews."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from openkap.people.append_only import append_only
from openkap.people.pulse import raises_pulse


class Migration(migrations.Migration):
    dependencies = [
        ("dose", "0007_message"),
        ("people", "0008_pulse"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UseEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=6)),
                ("what", models.CharField(blank=True, max_length=20)),
                ("result", models.CharField(blank=True, max_length=6)),
                ("on", models.DateField()),
                ("text", models.CharField(max_length=1000)),
                ("key", models.CharField(max_length=80)),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="use_entries", to="people.patient"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["patient", "on"], name="use_of_a_patient")],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "key"), name="a_key_is_one_use_entry"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("screen", "sign", "review"))), name="use_entry_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "screen"), ("result__in", ("clear", "found", "unsure"))),
                            models.Q(models.Q(("kind", "screen"), _negated=True), ("result", "")),
                            _connector="OR",
                        ),
                        name="only_a_screen_has_a_result",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "sign"), _negated=True),
                            ("what__in", ("earlier", "higher", "lost")),
                            _connector="OR",
                        ),
                        name="a_sign_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="a_use_entry_says_what"
                    ),
                ],
            },
        ),
        append_only("dose_useentry"),
        raises_pulse("dose_useentry", "{row}.patient_id"),
    ]
