"""`openkap score FILE`"""

from __future__ import annotations

import argparse

from openkap.assess.fhir import read_score_document
from openkap.assess.scoring import score_request
from openkap.cli.io import read_json, stamped, write_json


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    document = read_json(arguments.file)
    results = [stamped(score_request(request).document()) for request in read_score_document(document)]
    write_json(results if isinstance(document, list) else results[0])
    return 0
