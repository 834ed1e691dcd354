"""Triggers: contacts and emergency access only grow."""

from django.db import migrations

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("people", "0003_site_contact_and_emergency")]

    operations = [
        append_only("people_sitecontact"),
        append_only("people_emergencyaccess"),
        append_only("people_emergencyreview"),
    ]
