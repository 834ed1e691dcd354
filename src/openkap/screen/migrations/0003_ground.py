"""What a verdict stood on, as a digest."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("screen", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="signoff",
            name="ground",
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="standing",
            name="ground",
            field=models.CharField(max_length=64, null=True),
        ),
    ]
