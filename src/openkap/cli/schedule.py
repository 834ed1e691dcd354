"""`openkap schedule INSTANCE.json`: whole programmes of many patients in one plan."""

from __future__ import annotations

import argparse
import math
import sys
import time

from openkap.cli.io import read_json, site, stamped, write_json
from openkap.kernel.errors import NoSolution, UserError
from openkap.schedule.read import ignored, read_instance, read_plan
from openkap.schedule.solve import document, solve

_START_UP = 0.9  # seconds that the interpreter took before, and takes after, on a busy machine
_SLACK = 0.015  # part of the time for a last step and the check, where others want the processor too
_LONGEST = 7 * 24 * 3600


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    began = time.monotonic()
    seconds = _seconds(arguments.seconds)
    seed = _whole(arguments.seed, "--seed", least=0)
    steps = None if arguments.steps is None else _whole(arguments.steps, "--steps", least=1)
    if arguments.file == "-" and arguments.start == "-":
        raise UserError("INSTANCE.json and --from are both -: name a file for one of them.")
    raw = read_json(arguments.file)
    instance = read_instance(raw)
    start = None if arguments.start is None else read_plan(read_json(arguments.start), instance)
    if unread := ignored(raw):
        _tell(f"these keys are not read: {', '.join(unread)}")
    left = seconds - (time.monotonic() - began) - min(_START_UP, 0.4 * seconds) - _SLACK * seconds
    answer = solve(instance, seconds=max(left, 0.05), start=start, seed=seed, steps=steps, tell=_progress)
    made = document(instance, answer, seed=seed, steps=steps)
    if answer.status == "feasible":
        write_json(stamped(made, site().mode))
        return 0
    if answer.status == "infeasible":
        raise NoSolution("there is no plan: see conflict for constraints that cannot hold together.", made)
    raise NoSolution("the time ended with neither a plan nor a proof that there is none: give more --seconds.", made)


def _progress(seconds: float, value: float, missing: int) -> None:
    left_out = f", {missing} not placed yet" if missing else ""
    _tell(f"{seconds:.0f} s, objective {value:.0f}{left_out}")


def _tell(text: str) -> None:
    if sys.stderr is not None:
        print(f"openkap schedule: {text}", file=sys.stderr)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found <= _LONGEST:
        raise UserError(f"--seconds is {text!r}: give seconds above nought, such as 30.")
    return found


def _whole(text: str, flag: str, *, least: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) < 10**12:
        raise UserError(f"{flag} is {text!r}: give a whole number, {least} or more.")
    return int(text)
