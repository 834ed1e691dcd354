"""What is planned and signed for a patient raises the beat of the record."""

from django.db import migrations

from openkap.people.pulse import raises_pulse

_OF_THE_PROGRAMME = "(SELECT p.patient_id FROM plan_programme p WHERE p.id = {row}.programme_id)"


class Migration(migrations.Migration):
    dependencies = [("plan", "0003_ground"), ("people", "0008_pulse")]

    operations = [
        raises_pulse("plan_programme", "{row}.patient_id"),
        raises_pulse("plan_signature", _OF_THE_PROGRAMME),
    ]
