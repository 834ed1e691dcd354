"""When a browser that answers a form was last seen."""

from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [("assess", "0002_append_only")]

    operations = [
        migrations.AddField(
            "formdevice", "seen_at", models.DateTimeField(default=timezone.now), preserve_default=False
        ),
    ]
