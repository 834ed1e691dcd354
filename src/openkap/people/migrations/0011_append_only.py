"""Triggers: photos only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("people", "0010_photo")]

    operations = [append_only("people_patientphoto")]
