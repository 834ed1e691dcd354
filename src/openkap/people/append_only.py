"""
Tables that only grow. A trigger refuses UPDATE and DELETE (and TRUNCATE where there is one), whoever asks.

    operations = [..., append_only("people_auditevent")]        in a migration of any room
"""

from __future__ import annotations

from typing import Any

from django.db.migrations import RunPython

TABLES: set[str] = set()  # every table that a loaded migration protects

_SQLITE = (
    "CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
)
_POSTGRESQL = (
    "CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def protect(connection: Any, table: str) -> None:
    """Install the triggers on `table`, a name from our own code."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for verb in _verbs(connection):
            text = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
            cursor.execute(text.format(table=table, verb=verb.lower(), VERB=verb))


def release(connection: Any, table: str) -> None:
    """Drop the triggers: to reverse a migration, and to empty a test database."""
    with connection.cursor() as cursor:
        for verb in _verbs(connection):
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {table}_no_{verb.lower()}{on}")


def append_only(table: str) -> RunPython:
    """The migration operation that protects a table."""
    TABLES.add(table)
    return RunPython(
        lambda apps, editor: protect(editor.connection, table), lambda apps, editor: release(editor.connection, table)
    )


def _verbs(connection: Any) -> tuple[str, ...]:
    return ("UPDATE", "DELETE", "TRUNCATE") if connection.vendor == "postgresql" else ("UPDATE", "DELETE")
