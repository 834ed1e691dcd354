"""Whether a screen that said it is alive is one that shows alerts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dose", "0005_clockjump")]

    operations = [
        migrations.AddField(
            model_name="presence",
            name="shows",
            field=models.BooleanField(default=True),
        ),
    ]
