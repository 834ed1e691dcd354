"""What is decided and signed about a patient raises the beat of the record."""

from django.db import migrations

from openkap.people.pulse import raises_pulse


class Migration(migrations.Migration):
    dependencies = [("screen", "0003_ground"), ("people", "0008_pulse")]

    operations = [
        raises_pulse("screen_override", "{row}.patient_id"),
        raises_pulse("screen_signoff", "{row}.patient_id"),
    ]
