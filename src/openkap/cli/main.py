"""
The command line.

Each command reads a file or `-`, writes one JSON document to standard output and messages to standard
error. Exit status: 0 done, 2 the input is at fault, 3 well formed and without a solution.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from openkap import __version__
from openkap.kernel.errors import EXIT, NoSolution, UserError

_EPILOG = """\
A first look, with synthetic people:
  openkap demo                              walk three people from bundle to printed plan
  openkap demo --write DIR                  write their bundles to a folder
  openkap screen DIR/panic.json             may this person be treated here, and what is still unknown?
  openkap plan DIR/panic.json --as html     a programme to change and sign

Every command reads a file or - (standard input) and writes one JSON document.
Exit status: 0 done, 2 the input is at fault, 3 well formed and without a solution.
OPENKAP_SITE names a site's content folder (without it: demonstration mode); OPENKAP_TZ a time zone."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        print(f"{self.prog}: {message}. Try: {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The argument parser with every command."""
    root = _Parser(
        prog="openkap",
        description="Ketamine-assisted intensive treatment of anxiety disorders: assess, screen, plan.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"openkap {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)

    score = _command(commands, "score", "score a questionnaire", "openkap.cli.score")
    score.add_argument("file", metavar="FILE", help="answers, a QuestionnaireResponse, or a list of these")

    for name, words in (
        ("chart", "list every fact of a case, and everything that could not be used"),
        ("assess", "scores and formulation"),
    ):
        _case_command(commands, name, words)

    screen = _case_command(commands, "screen", "may this person be treated here, and what is still unknown?")
    screen.add_argument(
        "--dose-day", action="store_true", help="also judge the checks of the day, from facts of that day"
    )
    screen.add_argument("--all", action="store_true", help="also list rules that are known to be false")

    plan = _case_command(commands, "plan", "propose a programme for a clinician to change and sign")
    plan.add_argument("--preferences", metavar="FILE", help="wishes of clinician and patient, as JSON")
    plan.add_argument("--draft", action="store_true", help="print it although the verdict forbids it; never signable")
    plan.add_argument(
        "--as", dest="form", choices=("json", "fhir", "html", "pdf"), default="json", help="form of the output"
    )

    content = _command(commands, "content", "check, print or sign the clinical content", "openkap.cli.content")
    actions = content.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("check", help="validate all content, a site's overrides included")
    actions.add_parser("page", help="one HTML page that a medical director can review")
    sign = actions.add_parser("sign", help="sign rows in the site folder (OPENKAP_SITE)")
    sign.add_argument("rows", nargs="+", metavar="ROW", help="row ids, or `all`")
    sign.add_argument("--by", required=True, metavar="NAME", help="who signs")
    sign.add_argument("--role", default="medical director", help="as what (default: medical director)")
    sign.add_argument("--review-by", metavar="DATE", help="after this day the signature no longer counts")

    schema = _command(commands, "schema", "the JSON Schema of a command's output", "openkap.cli.schema")
    schema.add_argument("of", metavar="COMMAND", help="score, chart, assess, screen or plan")

    demo = _command(commands, "demo", "walk three synthetic people from bundle to printed plan", "openkap.cli.demo")
    demo.add_argument("--write", metavar="DIR", help="only write their bundles to this folder")
    demo.add_argument(
        "--out", metavar="DIR", default="demo-out", help="folder for the printed plans (default: demo-out)"
    )
    return root


def _command(commands, name: str, words: str, module: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
    made.set_defaults(module=module)
    return made


def _case_command(commands, name: str, words: str) -> argparse.ArgumentParser:
    made = _command(commands, name, words, f"openkap.cli.{name}")
    made.add_argument("file", metavar="CASE.json", help="a FHIR R4 Bundle about one patient, or -")
    made.add_argument("--on", metavar="DATE", help="day of decision, default today (UTC, or OPENKAP_TZ)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = parser().parse_args(argv)
    try:
        return importlib.import_module(arguments.module).run(arguments)
    except UserError as fault:
        print(f"openkap: {fault}", file=sys.stderr)
        return EXIT[fault.code][0]
    except NoSolution as fault:
        from openkap.cli.io import stamped, write_json

        write_json(stamped(fault.document))
        print(f"openkap: {fault}", file=sys.stderr)
        return EXIT[fault.code][0]
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def entry() -> None:
    """Console script."""
    raise SystemExit(main())
