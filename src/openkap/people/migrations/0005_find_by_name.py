"""Names folded for search, beside each patient."""

from django.db import migrations, models

from openkap.people import names


def fold(apps, schema_editor):
    """Patients who were registered before the columns existed."""
    patients = apps.get_model("people", "Patient").objects
    for patient in patients.all().iterator():
        patients.filter(pk=patient.pk).update(
            folded=names.folded(patient.family, patient.given, patient.record_number, patient.birth_date),
            like_key=names.like_key(patient.family, patient.given),
        )


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0004_append_only"),
    ]

    operations = [
        migrations.AddField("patient", "folded", models.TextField(default="", editable=False)),
        migrations.AddField("patient", "like_key", models.CharField(default="", editable=False, max_length=16)),
        migrations.RunPython(fold, migrations.RunPython.noop, elidable=False),
        migrations.AddIndex("patient", models.Index(fields=["site", "like_key"], name="patients_by_like_name")),
    ]
