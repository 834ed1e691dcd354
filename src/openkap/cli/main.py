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
from typing import NoReturn

from openkap import __version__
from openkap.kernel.errors import EXIT, NoSolution, UserError

_LONGEST = 600  # characters of a message: whoever quotes a record in one must not flood the screen
_INTERRUPTED = 130  # what shells report after Ctrl-C

_ROOT = """\
A first look, with synthetic people:
  openkap demo                              open the synthetic clinic in a browser
  openkap demo --walk                       walk three people from bundle to printed plan
  openkap demo --write DIR                  write their bundles to a folder
  openkap screen DIR/panic.json             may this person be treated here, and what is still unknown?
  openkap plan DIR/panic.json --as html     a programme to change and sign

Every command reads a file or - (standard input) and writes one JSON document.
Exit status: 0 done, 2 the input is at fault (one sentence on standard error, nothing on standard output),
3 well formed and without a solution (the reason is in the JSON).
OPENKAP_SITE names a site's content folder (without it: demonstration mode); OPENKAP_TZ a time zone."""

_SCORE = """\
Examples:
  openkap score gad-7.json
  echo '{"instrument": "phq-9", "answers": [1,1,0,0,2,1,0,0,0]}' | openkap score -

FILE is {"instrument", "answers", "context"} with null for an unanswered item, a FHIR QuestionnaireResponse,
or a list of these; then a list comes back.
Exit status: 0 scored, also where the answers are wrong ("status": "invalid"), so that a safety flag on the
same form is never silent; 2 the instrument is unknown or the document is not of this form."""

_CHART = """\
Examples:
  openkap chart case.json
  openkap chart case.json --on 2026-11-25

"facts" holds what is known, absent, stale or in conflict; an unknown fact has no entry.
"unmapped" lists everything that was seen and not used, with the reason.
Exit status: 0 read, 2 the input is at fault."""

_ASSESS = """\
Example:
  openkap assess case.json

A level of null means that no sign was measured; 0 that signs were measured and none was found.
Exit status: 0 read, 2 the input is at fault."""

_SCREEN = """\
Examples:
  openkap screen case.json
  openkap screen case.json --all
  openkap screen case.json --dose-day --on 2026-11-25

"verdict" is eligible, caution, hold, exclude or insufficient; "ask" names every open question, the shortest
list that would settle the verdict first ("decisive": true). "whose_record" stands there only where something
says that the record may be another person's or out of use.
Exit status: 0 for every readable case, whatever the verdict; 2 the input is at fault."""

_PLAN = """\
Examples:
  openkap plan case.json
  openkap plan case.json --as html > plan.html
  openkap plan case.json --preferences wishes.json
  openkap plan case.json --draft --as fhir

wishes.json may hold regimen, routes, modalities, avoid, start_low, start_on, dosing_weight_kg and reasons, such as
  {"routes": ["sc"], "start_low": true}
Exit status: 0 proposed; 2 the input is at fault; 3 the verdict does not allow a plan, or no regimen is left:
the JSON says why and what to ask. With --draft it is printed all the same, marked and never signable."""

_SIMULATE = """\
Examples:
  openkap simulate dose.json
  openkap simulate dose.json --as svg --theme dark > dose.svg
  openkap simulate dose.json --as png --theme print > dose.png

dose.json says who, what and when; no amount is ever proposed:
  {"model": null, "drug": "ketamine", "subject": {"weight_kg": 70, "age_y": 41},
   "doses": [{"at_min": 0, "route": "iv", "amount_mg_per_kg": 0.5, "duration_min": 40}],
   "times_min": [0, 20, 40, 60, 90, 120], "population": {"n": 1000, "seed": 1}, "interactions": []}
"options": {"sex": true, "exponent": true} counts what sources disagree about; both are off unless asked for.
Amounts are mg of free base; concentrations ng/mL. "warnings" says how far each number carries.
Exit status: 0 computed, 2 the input is at fault, outside every set, or beyond the amount never given."""

_SCHEDULE = """\
Examples:
  openkap schedule instance.json --seconds 3
  openkap schedule instance.json --steps 500 --seed 7
  openkap schedule instance.json --from plan.json --seconds 3

instance.json holds people, rooms, programmes and weights (docs/algorithms/schedule.md); plan.json a plan of it to begin
from. Where the instance has a published plan ("baseline"), changes against that are counted. The run is stopped by
time; with --steps the same seed gives the same plan. How it goes is said on standard error.
Exit status: 0 a plan that keeps every rule; 2 the input is at fault; 3 no plan: "status" is infeasible, and "conflict"
names constraints that cannot hold together, or unknown, when the time ended with neither a plan nor a proof."""

_CONTENT = """\
Examples:
  openkap content check
  openkap content page > content.html

Exit status: 0 done; 2 a content file, or a file of the site folder, is at fault."""

_SIGN = """\
Example, which signs all rows:
  OPENKAP_SITE=site openkap content sign all --by "Dr Ines Varga"

Exit status: 0 signed, 2 a row does not exist or the folder cannot be written; then nothing is signed."""

_SCHEMA = """\
Example:
  openkap schema screen > screen.schema.json

Exit status: 0 printed, 2 there is no such command."""

_DEMO = """\
Examples:
  openkap demo --no-serve
  openkap demo --walk
  openkap demo --write people

The first makes the synthetic clinic, prints address and sign-ins, and stops; the second walks three people from bundle
to printed plan without the clinic app; the third only writes their bundles. Without these it opens the clinic in a
browser (needs openkap[web]) and serves until stopped. The clinic is kept in the folder that OPENKAP_DATA names (default
openkap-demo) until --reset makes it anew; OPENKAP_PORT sets the port.
Exit status: 0 done or stopped, 2 it cannot be opened."""


_SERVE = """\
Example, which only says whether it would start; without --check it serves a demonstration on this machine:
  openkap serve --check

Needs the extra openkap[web]. The environment says all, see src/openkap/project/environment.py.
With OPENKAP_SITE it is a production site and refuses to start where that would be unsafe; it names each reason.
Exit status: 0 stopped, 2 refused."""


_SEAL = """\
Examples:
  OPENKAP_DATA=clinic openkap seal --place "resuscitation trolley, top drawer"
  OPENKAP_DATA=clinic openkap seal --state

Prints the word of a new sealed envelope, once; it opens the emergency sheets when nobody can sign in. The word before
opens nothing any more. Run it on the server, with the environment of `openkap serve`; needs the extra openkap[web].
Exit status: 0 done, 2 it could not be made."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _say(self.prog, f"{message}; see {self.prog} --help.")
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The argument parser with every command."""
    root = _Parser(
        prog="openkap",
        description="Ketamine-assisted intensive treatment of anxiety disorders: assess, screen, plan.",
        epilog=_ROOT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"openkap {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)

    score = _command(commands, "score", "score a questionnaire", _SCORE)
    score.add_argument("file", metavar="FILE", help="answers, a QuestionnaireResponse, or a list of these; or -")

    _case_command(commands, "chart", "list every fact of a case, and everything that could not be used", _CHART)
    _case_command(commands, "assess", "scores and formulation", _ASSESS)

    screen = _case_command(commands, "screen", "may this person be treated here, and what is still unknown?", _SCREEN)
    screen.add_argument(
        "--dose-day", action="store_true", help="also judge the checks of the day, from facts of that day"
    )
    screen.add_argument("--all", action="store_true", help="also list rules that are known to be false")

    plan = _case_command(commands, "plan", "propose a programme for a clinician to change and sign", _PLAN)
    plan.add_argument("--preferences", metavar="FILE", help="wishes of clinician and patient, as JSON")
    plan.add_argument("--draft", action="store_true", help="print it although the verdict forbids it; never signable")
    plan.add_argument(
        "--as", dest="form", choices=("json", "fhir", "html", "pdf"), default="json", help="form of the output"
    )

    simulate = _command(commands, "simulate", "what a dose that was chosen would do, with bands", _SIMULATE)
    simulate.add_argument("file", metavar="FILE", help="subject, doses and times as JSON, or -")
    simulate.add_argument(
        "--as", dest="form", choices=("json", "svg", "png"), default="json", help="form of the output"
    )
    simulate.add_argument("--theme", choices=("light", "dark", "print"), default="light", help="of the picture")

    schedule = _command(commands, "schedule", "plan whole programmes: people, rooms, groups, in one solve", _SCHEDULE)
    schedule.add_argument("file", metavar="INSTANCE.json", help="a planning problem, or -")
    schedule.add_argument("--seconds", metavar="S", default="30", help="bound of the whole run (default 30)")
    schedule.add_argument("--from", dest="start", metavar="SOLUTION.json", help="a plan to begin from")
    schedule.add_argument("--steps", metavar="N", help="so many steps of each search in place of the time")
    schedule.add_argument("--seed", metavar="N", default="1", help="of every draw (default 1)")

    content = _command(commands, "content", "check, print or sign the clinical content", _CONTENT)
    actions = content.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("check", help="validate all content, a site's overrides included", allow_abbrev=False)
    actions.add_parser("page", help="one HTML page that a medical director can review", allow_abbrev=False)
    sign = actions.add_parser(
        "sign",
        help="sign rows in the site folder (OPENKAP_SITE)",
        epilog=_SIGN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    sign.add_argument("rows", nargs="+", metavar="ROW", help="row ids, or `all`")
    sign.add_argument("--by", required=True, metavar="NAME", help="who signs")
    sign.add_argument("--role", default="medical director", help="as what (default: medical director)")
    sign.add_argument("--review-by", metavar="DATE", help="after this day the signature no longer counts")

    schema = _command(commands, "schema", "the JSON Schema of a command's output", _SCHEMA)
    schema.add_argument(
        "of", metavar="COMMAND", help="score, chart, assess, screen, plan, simulate, schedule or content"
    )

    demo = _command(commands, "demo", "open the synthetic clinic, or walk three of its people", _DEMO)
    demo.add_argument("--reset", action="store_true", help="make the clinic anew")
    demo.add_argument("--no-serve", action="store_true", help="make the clinic and stop")
    demo.add_argument("--walk", action="store_true", help="three people from bundle to printed plan, in the terminal")
    demo.add_argument("--write", metavar="DIR", help="only write the bundles of the three to this folder")
    demo.add_argument("--on", metavar="DATE", help="with --walk: day of decision, default today")
    demo.add_argument("--out", metavar="DIR", help="with --walk: folder for the printed plans (default: demo-out)")

    serve = _command(commands, "serve", "open the clinic app in a browser", _SERVE)
    serve.add_argument("--check", action="store_true", help="only say whether it would start")

    seal = _command(commands, "seal", "make the word of the sealed envelope for emergencies", _SEAL)
    seal.add_argument("--place", metavar="WORDS", default="", help="where the envelope will lie")
    seal.add_argument("--state", action="store_true", help="only say whether one is shut, and who opened one")
    return root


def _command(
    commands: argparse._SubParsersAction[_Parser], name: str, words: str, epilog: str
) -> argparse.ArgumentParser:
    made = commands.add_parser(
        name,
        help=words,
        description=words[0].upper() + words[1:] + ("" if words.endswith("?") else "."),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.set_defaults(module=f"openkap.cli.{name}")
    return made


def _case_command(
    commands: argparse._SubParsersAction[_Parser], name: str, words: str, epilog: str
) -> argparse.ArgumentParser:
    made = _command(commands, name, words, epilog)
    made.add_argument("file", metavar="CASE.json", help="a FHIR R4 Bundle about one patient, or -")
    made.add_argument("--on", metavar="DATE", help="day of decision, default today (UTC, or OPENKAP_TZ)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = parser().parse_args(argv)
    try:
        return _run(arguments)
    except UserError as fault:
        _say("openkap", str(fault))
        return EXIT[fault.code][0]
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    try:
        status: int = importlib.import_module(arguments.module).run(arguments)
        return status
    except NoSolution as fault:
        from openkap.cli.io import site, stamped, write_json

        write_json(stamped(fault.document, site().mode))
        _say("openkap", str(fault))
        return EXIT[fault.code][0]


def _say(who: str, message: str) -> None:
    """One line on standard error: what a record holds can neither break it nor steer a terminal."""
    line = "".join(c if c.isprintable() else " " for c in f"{who}: {message}")
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST * 2 // 3]} … {line[-_LONGEST // 3 :]}"
    print(line, file=sys.stderr)


def entry() -> None:
    """Console script."""
    raise SystemExit(main())
