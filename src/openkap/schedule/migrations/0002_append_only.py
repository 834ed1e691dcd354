"""Triggers: what was planned, published, and what an appointment was before only grows."""

from django.db import migrations

from openkap.people.append_only import append_only

_GROW = ("absence", "version", "publication", "appointmentversion")


class Migration(migrations.Migration):
    dependencies = [("schedule", "0001_initial"), ("people", "0002_append_only")]

    operations = [append_only(f"schedule_{name}") for name in _GROW]
