"""What is written about a patient raises the beat of the record."""

from django.db import migrations

from openkap.people.pulse import raises_pulse

_OF_THE_FILE = "(SELECT i.patient_id FROM chart_import i WHERE i.id = {row}.of_id)"


class Migration(migrations.Migration):
    dependencies = [("chart", "0002_append_only"), ("people", "0008_pulse")]

    operations = [
        raises_pulse("chart_charthead", "{row}.patient_id"),
        raises_pulse("chart_import", "{row}.patient_id"),
        raises_pulse("chart_importdecision", "{row}.patient_id", _OF_THE_FILE),
        raises_pulse("chart_record", "{row}.patient_id"),
        raises_pulse("chart_review", "{row}.patient_id"),
        raises_pulse("chart_resolution", "{row}.patient_id"),
    ]
