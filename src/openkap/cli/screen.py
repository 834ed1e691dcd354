"""`openkap screen CASE.json`"""

from __future__ import annotations

import argparse

from openkap.cli.io import day, read_bytes, site, stamped, write_json, zone
from openkap.pathway import open_case, screen_case
from openkap.screen.document import screening_document


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    case = open_case(read_bytes(arguments.file), day(arguments.on), zone(), site())
    screening = screen_case(case, dose_day=arguments.dose_day, everything=arguments.all)
    document = {"on": case.view.on.isoformat()} | screening_document(screening)
    if doubts := [{"resource": entry.resource, "reason": entry.reason} for entry in case.unmapped if entry.whose]:
        document["whose_record"] = doubts
    write_json(stamped(document, screening.mode))
    return 0
