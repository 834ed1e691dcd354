"""Triggers: programmes and signatures only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("plan", "0001_initial")]

    operations = [append_only("plan_programme"), append_only("plan_signature")]
