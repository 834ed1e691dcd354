"""
Tables that only grow. A trigger refuses UPDATE and DELETE (and TRUNCATE where there is one), whoever asks.

    operations = [..., append_only("people_auditevent")]        in a migration of any room
"""

from __future__ import annotations

from typing import Any

from django.db import connection
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


def open_to_change() -> list[str]:
    """The protected tables that have lost a trigger, or whose trigger is switched off."""
    installed = (
        "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(installed)
        found = {name for (name,) in cursor.fetchall()}
    wanted = {table: {f"{table}_no_{verb.lower()}" for verb in _verbs(connection)} for table in TABLES}
    return sorted(table for table, names in wanted.items() if not names <= found)


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
