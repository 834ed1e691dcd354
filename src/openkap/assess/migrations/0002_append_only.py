"""Triggers: requests, events, answers, alerts and decisions only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("assess", "0001_initial")]

    operations = [
        append_only("assess_formrequest"),
        append_only("assess_formevent"),
        append_only("assess_answer"),
        append_only("assess_safetyalert"),
        append_only("assess_alertnotice"),
        append_only("assess_alertaction"),
        append_only("assess_formulationdecision"),
    ]
