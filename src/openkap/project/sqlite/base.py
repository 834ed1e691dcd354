"""
Django's SQLite, with a queue before the one place to write.

SQLite lets one transaction write at a time; another looks again after a pause that grows to a tenth of a second, so
that with several processes somebody always waits far too long. Here whoever wants to write waits for a lock of the
system, which wakes the next at once and ends with the process that holds it.
"""

from __future__ import annotations

import os
from typing import Any

from django.db.backends.sqlite3 import base

try:
    import fcntl
except ImportError:  # not on Windows: SQLite's own pauses are right too, and slower
    fcntl = None  # type: ignore[assignment]


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that takes its turn before BEGIN IMMEDIATE and gives it back when the transaction is over."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._turn: int | None = None

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give_turn_back()
            raise

    def _commit(self) -> Any:
        try:
            return super()._commit()  # type: ignore[misc]
        finally:
            if not self._still_open():
                self._give_turn_back()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._give_turn_back()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._give_turn_back()

    def _still_open(self) -> bool:
        """A commit that failed leaves the transaction open, for a rollback to end."""
        return self.connection is not None and bool(self.connection.in_transaction)

    def _take_turn(self) -> None:
        name = str(self.settings_dict["NAME"])
        if fcntl is None or self._turn is not None or ":memory:" in name or "mode=memory" in name:
            return
        turn = os.open(f"{name}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(turn, fcntl.LOCK_EX)
        self._turn = turn

    def _give_turn_back(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            os.close(turn)  # and with it the lock
