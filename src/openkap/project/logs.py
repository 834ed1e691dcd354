"""
Log lines that can hold no health data: one JSON object a line, from a list of allowed fields.

A message text is kept only if it is a name such as `request.done`. Texts of other libraries, arguments
and the text of exceptions may quote a record, so of these only the logger, the type and the places in
the code are written. Ids are random; the patient is in the audit trail and never in a log.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime

ALLOWED = {
    "request_id": str,
    "route": str,
    "method": str,
    "status": int,
    "ms": int,
    "user": str,
    "site": str,
    "count": int,
}
_NAME = re.compile(r"[a-z][a-z_]*(\.[a-z_]+){0,3}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.:<>\-]{1,80}", re.ASCII)


class OneLine(logging.Formatter):
    """Formats a record as described above."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
        }
        for name, kind in ALLOWED.items():
            value = record.__dict__.get(name)
            if isinstance(value, kind) and (not isinstance(value, str) or _WORD.fullmatch(value)):
                line[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["places"] = [f"{f.name}:{f.lineno}" for f in traceback.extract_tb(record.exc_info[2])][-8:]
        return json.dumps(line)


def _event(record: logging.LogRecord) -> str:
    known = record.name.partition(".")[0] == "openkap" and isinstance(record.msg, str) and not record.args
    return record.msg if known and _NAME.fullmatch(record.msg) else "text.withheld"
