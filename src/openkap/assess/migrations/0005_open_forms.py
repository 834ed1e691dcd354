"""Forms that are open, kept by triggers from requests and events."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

_ENDED = "('done', 'declined', 'withdrawn')"
_OPENS = (
    "INSERT INTO assess_openform (request_id, patient_id, site_id, due) "
    "SELECT NEW.id, NEW.patient_id, p.site_id, NEW.due FROM people_patient p WHERE p.id = NEW.patient_id;"
)
_ENDS = "DELETE FROM assess_openform WHERE request_id = NEW.request_id;"
_BEFORE = (
    "INSERT INTO assess_openform (request_id, patient_id, site_id, due) "
    "SELECT r.id, r.patient_id, p.site_id, r.due "
    "FROM assess_formrequest r JOIN people_patient p ON p.id = r.patient_id "
    f"WHERE NOT EXISTS (SELECT 1 FROM assess_formevent e WHERE e.request_id = r.id AND e.kind IN {_ENDED}) "
    "ON CONFLICT DO NOTHING"
)
_SQLITE = (
    f"CREATE TRIGGER form_opens AFTER INSERT ON assess_formrequest BEGIN {_OPENS} END",
    f"CREATE TRIGGER form_ends AFTER INSERT ON assess_formevent WHEN NEW.kind IN {_ENDED} BEGIN {_ENDS} END",
)
_FUNCTION = "CREATE OR REPLACE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {1} RETURN NULL; END $$"
_POSTGRESQL = (
    _FUNCTION.format("form_opens", _OPENS),
    _FUNCTION.format("form_ends", _ENDS),
    "CREATE TRIGGER form_opens AFTER INSERT ON assess_formrequest FOR EACH ROW EXECUTE FUNCTION form_opens()",
    "CREATE TRIGGER form_ends AFTER INSERT ON assess_formevent FOR EACH ROW "
    f"WHEN (NEW.kind IN {_ENDED}) EXECUTE FUNCTION form_ends()",
)


def install(apps: Any, editor: Any) -> None:
    for text in (*(_POSTGRESQL if editor.connection.vendor == "postgresql" else _SQLITE), _BEFORE):
        editor.execute(text)


def remove(apps: Any, editor: Any) -> None:
    on = editor.connection.vendor == "postgresql"
    editor.execute("DROP TRIGGER form_opens" + (" ON assess_formrequest" if on else ""))
    editor.execute("DROP TRIGGER form_ends" + (" ON assess_formevent" if on else ""))


class Migration(migrations.Migration):
    dependencies = [("assess", "0004_pulse"), ("people", "0008_pulse")]

    operations = [
        migrations.CreateModel(
            name="OpenForm",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="waits",
                        serialize=False,
                        to="assess.formrequest",
                    ),
                ),
                ("due", models.DateField()),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.site",
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["site", "due"], name="open_forms_of_a_site")]},
        ),
        migrations.RunPython(install, remove),
    ]
