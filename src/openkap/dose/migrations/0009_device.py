"""Devices that send values, whose they are, what they sent."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dose", "0008_use_entries"),
        ("people", "0011_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Device",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DeviceBinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("heard_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_how", models.CharField(blank=True, max_length=60)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "chair",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="dose.chair"),
                ),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bindings", to="dose.device"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="devices", to="dose.dosingsession"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DeviceValue",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("identifier", models.CharField(max_length=200)),
                ("place", models.PositiveSmallIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("measure", models.CharField(max_length=40)),
                ("value", models.DecimalField(decimal_places=4, max_digits=12)),
                ("unit", models.CharField(max_length=20)),
                ("measured_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("why", models.CharField(blank=True, max_length=120)),
                ("filed_at", models.DateTimeField(null=True)),
                ("event", models.CharField(blank=True, max_length=80)),
                (
                    "binding",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="values_sent",
                        to="dose.devicebinding",
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="values_sent", to="dose.device"
                    ),
                ),
                (
                    "filed_by",
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
            ],
        ),
        migrations.CreateModel(
            name="FeedSwitch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.BooleanField()),
                ("reason", models.CharField(max_length=500)),
                ("name", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="device",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at", None)), fields=("site", "name"), name="one_device_to_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="devicebinding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("device",), name="a_device_is_at_one_chair"
            ),
        ),
        migrations.AddConstraint(
            model_name="devicebinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("ended_how", "")),
                    models.Q(("ended_at__isnull", False), models.Q(("ended_how", ""), _negated=True)),
                    _connector="OR",
                ),
                name="a_binding_ends_for_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="devicevalue",
            index=models.Index(fields=["site", "-at"], name="values_of_devices"),
        ),
        migrations.AddConstraint(
            model_name="devicevalue",
            constraint=models.UniqueConstraint(
                fields=("device", "identifier", "place"), name="a_device_says_a_thing_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="devicevalue",
            constraint=models.CheckConstraint(
                condition=models.Q(("filed_by", None), ("binding__isnull", False), _connector="OR"),
                name="nobodys_value_is_not_filed",
            ),
        ),
    ]
