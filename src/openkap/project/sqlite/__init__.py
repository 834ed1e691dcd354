"""
SQLite as this project needs it: a repaired version, and a commit that survives a power cut.

Debian 12's SQLite 3.40 can lose data when the write-ahead log is reset (repaired in 3.51.3). The wheel
`pysqlite3` brings its own, and takes the place of the standard module before Django's backend asks for it.
"""

from __future__ import annotations

import sys

REPAIRED = (3, 51, 3)

# FULL: an acknowledged commit is on the disk. IMMEDIATE: two writers queue instead of failing half-way.
OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=0; PRAGMA busy_timeout=20000;",
}


def swap() -> None:
    """Let `import sqlite3` give the repaired SQLite, from here on."""
    import pysqlite3
    import pysqlite3.dbapi2

    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
