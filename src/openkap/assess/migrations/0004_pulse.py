"""What is asked, answered and decided about a patient raises the beat of the record."""

from django.db import migrations

from openkap.people.pulse import raises_pulse

_OF_THE_REQUEST = "(SELECT r.patient_id FROM assess_formrequest r WHERE r.id = {row}.request_id)"
_OF_THE_ALERT = "(SELECT a.patient_id FROM assess_safetyalert a WHERE a.id = {row}.alert_id)"


class Migration(migrations.Migration):
    dependencies = [("assess", "0003_formdevice_seen_at"), ("people", "0008_pulse")]

    operations = [
        raises_pulse("assess_formrequest", "{row}.patient_id"),
        raises_pulse("assess_formevent", _OF_THE_REQUEST),
        raises_pulse("assess_formlink", _OF_THE_REQUEST),
        raises_pulse("assess_answer", _OF_THE_REQUEST),
        raises_pulse("assess_safetyalert", "{row}.patient_id"),
        raises_pulse("assess_alertnotice", _OF_THE_ALERT),
        raises_pulse("assess_alertaction", _OF_THE_ALERT),
        raises_pulse("assess_formulationdecision", "{row}.patient_id"),
    ]
