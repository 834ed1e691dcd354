"""
Django's SQLite, with a queue before the one place to write.

SQLite lets one transaction write at a time; another looks again after a pause that grows to a tenth of a second, so
that with several processes somebody always waits far too long. Here whoever wants to write takes a lock of the system
first, which is asked for every few milliseconds and ends with the process that holds it.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from django.db.backends.sqlite3 import base

try:
    import fcntl
except ImportError:  # not on Windows: SQLite's own pauses are right too, and slower
    fcntl = None  # type: ignore[assignment]


LONGEST_S = 20.0  # as long as SQLite's own busy_timeout
log = logging.getLogger("openkap.sqlite")


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
        try:
            self._turn = _taken(f"{name}.turn")
        except OSError:  # no right to the file, no more files: SQLite's own way of waiting is right too, and slower
            log.exception("turn.untaken")

    def _give_turn_back(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            fcntl.flock(turn, fcntl.LOCK_UN)  # by itself, lest a copy of the file in another process keep it
            os.close(turn)


def _taken(path: str) -> int | None:
    """
    The turn, as a file that is open; None if nobody gave it back in time, and SQLite then says that it is locked.

    Raises:
        OSError: the file cannot be opened or locked.
    """
    turn = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:  # an administrator's command must not shut out the service
            of_database = os.stat(path.removesuffix(".turn"))
            os.fchown(turn, of_database.st_uid, of_database.st_gid)
        end, pause = time.monotonic() + LONGEST_S, 0.0005
        while True:
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return turn
            except BlockingIOError:
                if time.monotonic() > end:
                    os.close(turn)
                    return None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.004)
    except BaseException:
        os.close(turn)
        raise
