"""Triggers: the record of a session only grows, and each row of it raises the beat of the patient's record."""

from django.db import migrations

from openkap.people.append_only import append_only
from openkap.people.pulse import raises_pulse

_GROW = ("protocoltext", "sessionevent", "alertreach", "adverseversion", "sessionnote")
_OF_THE_SESSION = "(SELECT s.patient_id FROM dose_dosingsession s WHERE s.id = {row}.session_id)"


class Migration(migrations.Migration):
    dependencies = [("dose", "0001_initial"), ("people", "0008_pulse")]

    operations = [
        *(append_only(f"dose_{name}") for name in _GROW),
        *(raises_pulse(f"dose_{name}", "{row}.patient_id") for name in ("dosingsession", "given", "task")),
        *(raises_pulse(f"dose_{name}", "{row}.patient_id") for name in ("adverseversion", "sessionnote")),
        *(raises_pulse(f"dose_{name}", _OF_THE_SESSION) for name in ("sessionevent", "alertstate", "alertreach")),
    ]
