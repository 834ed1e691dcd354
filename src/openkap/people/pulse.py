"""
The beat of a record: a number that grows with every row written about a patient, whoever writes it.

Triggers raise it in the transaction of the write, so that what was computed from the rows can be kept under it
(web/remembered.py) and is never shown older than they are.

    operations = [..., raises_pulse("chart_record", "{row}.patient_id")]        in a migration of any room
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.migrations import RunPython

from openkap.people.models import Pulse

TABLES: set[str] = set()  # every table whose rows raise the beat

_RAISED = "ON CONFLICT (patient_id) DO UPDATE SET beat = people_pulse.beat + 1"
_SQLITE = (
    "CREATE TRIGGER {table}_pulse_{verb} AFTER {verb} ON {table} BEGIN {raises} END",
    "INSERT INTO people_pulse (patient_id, beat) SELECT {path}, 1 WHERE {path} IS NOT NULL {raised};",
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION {table}_pulse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN {raises} RETURN NULL; END $$",
    "INSERT INTO people_pulse (patient_id, beat) "
    "SELECT DISTINCT {path}, 1 FROM written WHERE {path} IS NOT NULL ORDER BY 1 {raised};",
    "CREATE TRIGGER {table}_pulse_{verb} AFTER {verb} ON {table} REFERENCING NEW TABLE AS written "
    "FOR EACH STATEMENT EXECUTE FUNCTION {table}_pulse()",
)
_VERBS = ("insert", "update")  # nothing about a patient is ever deleted but what is written anew


def beats(patients: Iterable[UUID]) -> dict[UUID, int]:
    """The beat of each of these patients; 0 where nothing was written yet. Ask for it before the rows it stands for."""
    ids = list(patients)
    found = dict.fromkeys(ids, 0)
    column = Pulse._meta.pk
    # Written out: this runs before every page about somebody, and the query builder costs more than the query.
    text = f"SELECT patient_id, beat FROM people_pulse WHERE patient_id IN ({', '.join(['%s'] * len(ids))})"
    with connection.cursor() as cursor:
        cursor.execute(text, [column.get_db_prep_value(key, connection) for key in ids])
        found |= {column.to_python(key): beat for key, beat in cursor.fetchall()}
    return found


def beat_of(patient: UUID) -> int:
    """The beat of one patient."""
    return beats([patient])[patient]


def silent() -> list[str]:
    """The tables that have lost a trigger, or whose trigger is off: pages would go on showing what stood before."""
    postgresql = connection.vendor == "postgresql"
    on = "tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    names = on if postgresql else "name FROM sqlite_master WHERE type = 'trigger'"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names}")
        found = {name for (name,) in cursor.fetchall()}
    wanted = {table: {f"{table}_pulse_{verb}" for verb in _VERBS} for table in TABLES}
    wanted |= {"assess_openform": {"form_opens", "form_ends"}}  # kept by triggers too (assess, migration 0005)
    return sorted(table for table, triggers in wanted.items() if not triggers <= found)


def raises_pulse(table: str, *paths: str) -> RunPython:
    """
    The migration operation by which the rows of a table raise the beat.

    Args:
        table: a name from our own code.
        paths: SQL for the patients whom a row is about, `{row}` standing for the row.
    """
    TABLES.add(table)

    def install(apps: Any, editor: Any) -> None:
        for text in _statements(editor.connection, table, paths):
            editor.execute(text)

    def remove(apps: Any, editor: Any) -> None:
        on = f" ON {table}" if editor.connection.vendor == "postgresql" else ""
        for verb in _VERBS:
            editor.execute(f"DROP TRIGGER {table}_pulse_{verb}{on}")

    return RunPython(install, remove)


def _statements(connection: Any, table: str, paths: Iterable[str]) -> list[str]:
    if connection.vendor == "postgresql":
        function, each, trigger = _POSTGRESQL
        raises = " ".join(each.format(path=path.format(row="written"), raised=_RAISED) for path in paths)
        return [function.format(table=table, raises=raises), *(trigger.format(table=table, verb=v) for v in _VERBS)]
    trigger, each = _SQLITE
    raises = " ".join(each.format(path=path.format(row="NEW"), raised=_RAISED) for path in paths)
    return [trigger.format(table=table, verb=verb, raises=raises) for verb in _VERBS]
