"""The beat of a record, raised by triggers."""

import django.db.models.deletion
from django.db import migrations, models

from openkap.people.pulse import raises_pulse


class Migration(migrations.Migration):
    dependencies = [("people", "0007_append_only")]

    operations = [
        migrations.CreateModel(
            name="Pulse",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="people.patient",
                    ),
                ),
                ("beat", models.BigIntegerField()),
            ],
        ),
        raises_pulse("people_patient", "{row}.id"),
        raises_pulse("people_patientidentifier", "{row}.patient_id"),
        raises_pulse("people_careteam", "{row}.patient_id"),
    ]
