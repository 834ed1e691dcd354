"""Triggers: all but the heads of charts only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("chart", "0001_initial")]

    operations = [
        append_only("chart_import"),
        append_only("chart_importdecision"),
        append_only("chart_record"),
        append_only("chart_review"),
        append_only("chart_resolution"),
        append_only("chart_privatenote"),
    ]
