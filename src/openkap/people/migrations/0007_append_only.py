"""Triggers: reviews of unusual access only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("people", "0006_accessreview")]

    operations = [append_only("people_accessreview")]
