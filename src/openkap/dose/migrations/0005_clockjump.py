"""The server's clock on the wall as it was moved; kept for good."""

from django.db import migrations, models

from openkap.people.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("dose", "0004_wall")]

    operations = [
        migrations.CreateModel(
            name="ClockJump",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("boot", models.CharField(max_length=64)),
                ("before", models.DateTimeField()),
                ("at", models.DateTimeField()),
            ],
        ),
        append_only("dose_clockjump"),
    ]
