"""A standing says under which identity and which signatures of the site it was computed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("screen", "0004_pulse")]

    operations = [
        migrations.AddField(model_name="standing", name="under", field=models.CharField(max_length=64, null=True)),
    ]
