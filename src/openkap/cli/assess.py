"""`openkap assess CASE.json`"""

from __future__ import annotations

import argparse

from openkap.cli.io import day, read_bytes, site, stamped, write_json, zone
from openkap.pathway import assess_case, open_case


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    case = open_case(read_bytes(arguments.file), day(arguments.on), zone(), site())
    write_json(stamped({"on": case.view.on.isoformat()} | assess_case(case), case.site.mode))
    return 0
