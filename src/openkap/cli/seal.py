"""`openkap seal`: the sealed envelope of a site, made on the server itself. The framework is asked for by name."""

from __future__ import annotations

import argparse
import importlib

from openkap.kernel.errors import UserError


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    try:
        project = importlib.import_module("openkap.project.seal")
    except ModuleNotFoundError as fault:
        raise UserError(f"The clinic app needs {fault.name}: install it with pip install 'openkap[web]'.") from None
    status: int = project.run(arguments.place, arguments.state)
    return status
