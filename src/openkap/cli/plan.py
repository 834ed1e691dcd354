"""`openkap plan CASE.json`: a programme to change and sign, as JSON, FHIR, a page or paper."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from openkap.cli.io import day, read_bytes, read_json, site, stamped, write_bytes, write_json, zone
from openkap.pathway import open_case, plan_case
from openkap.plan.preferences import read_preferences


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status. The document is complete before its first byte is written."""
    on, here = day(arguments.on), site()
    wishes = read_preferences(read_json(arguments.preferences), on) if arguments.preferences else None
    case = open_case(read_bytes(arguments.file), on, zone(), here)
    document = stamped(dict(plan_case(case, preferences=wishes, draft=arguments.draft)), here.mode)
    if arguments.form == "json":
        write_json(document)
    elif arguments.form == "fhir":
        from openkap.plan.fhir import plan_bundle

        write_json(plan_bundle(document, datetime.now(UTC).replace(microsecond=0)))
    else:
        write_bytes(_printed(document, arguments.form))
    return 0


def _printed(document: dict, form: str) -> bytes:
    if form == "pdf":
        from openkap.plan.pdf import plan_pdf

        return plan_pdf(document)
    from openkap.plan.html import plan_html

    return plan_html(document).encode()
