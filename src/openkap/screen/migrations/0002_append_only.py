"""Triggers: decisions and signatures only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("screen", "0001_initial")]

    operations = [append_only("screen_override"), append_only("screen_signoff")]
