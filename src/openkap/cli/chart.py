"""`openkap chart CASE.json`"""

from __future__ import annotations

import argparse
from typing import Any

from openkap.chart.document import state_document
from openkap.chart.types import Unmapped
from openkap.chart.vocabulary import facts
from openkap.cli.io import day, read_bytes, site, stamped, write_json, zone
from openkap.pathway import open_case


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    case = open_case(read_bytes(arguments.file), day(arguments.on), zone(), site())
    items = sorted(name for name, readings in case.chart.readings.items() if readings and name not in facts())
    states = (case.view.state(name) for name in (*facts(), *items))
    document = {
        "on": case.view.on.isoformat(),
        "facts": [state_document(s) for s in states if s.status != "unknown"],
        "medicines": [
            {"ingredients": m.ingredients, "standing": m.standing, "daily_mg": m.daily_mg, "source": m.source}
            for m in case.chart.medicines
        ],
        "unmapped": [unmapped_document(u) for u in case.unmapped],
    }
    write_json(stamped(document, case.site.mode))
    return 0


def unmapped_document(entry: Unmapped) -> dict[str, Any]:
    """An entry of `unmapped`."""
    return {
        "system": entry.system,
        "code": entry.code,
        "text": entry.text,
        "resource": entry.resource,
        "reason": entry.reason,
    }
