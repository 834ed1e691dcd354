"""A session is what an appointment of the calendar is held for."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("dose", "0010_append_only_feed"), ("schedule", "0003_reminder")]

    operations = [
        migrations.AddField(
            "dosingsession",
            "appointment",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="dosing",
                to="schedule.appointment",
            ),
        ),
        migrations.AddConstraint(
            "dosingsession",
            models.UniqueConstraint(
                fields=["appointment"], condition=~Q(phase="cancelled"), name="one_session_of_an_appointment"
            ),
        ),
    ]
