"""Triggers: the switch of the door for devices only grows."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("dose", "0009_device")]

    operations = [append_only("dose_feedswitch")]
