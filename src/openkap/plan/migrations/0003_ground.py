"""What a plan stood on, as a digest."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plan", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="programme",
            name="ground",
            field=models.CharField(max_length=64, null=True),
        ),
    ]
