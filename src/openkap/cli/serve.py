"""`openkap serve`: the clinic app. The command knows no framework; it asks for the one that does by name."""

from __future__ import annotations

import argparse
import importlib

from openkap.kernel.errors import UserError


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    try:
        project = importlib.import_module("openkap.project.serve")
    except ModuleNotFoundError as fault:
        raise UserError(f"The clinic app needs {fault.name}: install it with pip install 'openkap[web]'.") from None
    status: int = project.run(arguments.check)
    return status
