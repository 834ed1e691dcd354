"""Photo and pronouns of a patient. Both columns may be null, so that SQLite keeps the table and its triggers."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0009_sealed"),
    ]

    operations = [
        migrations.AddField(
            model_name="patient",
            name="photo",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="patient",
            name="pronouns",
            field=models.CharField(blank=True, max_length=60, null=True),
        ),
        migrations.CreateModel(
            name="PatientPhoto",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=10)),
                ("content", models.BinaryField()),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="photos", to="people.patient"
                    ),
                ),
            ],
        ),
    ]
