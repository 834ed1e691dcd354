"""Triggers: the audit trail and the versions of an identity only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]

    operations = [append_only("people_auditevent"), append_only("people_patientversion")]
