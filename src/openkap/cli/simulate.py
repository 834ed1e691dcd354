"""`openkap simulate FILE`: what a dose that somebody has chosen would do."""

from __future__ import annotations

import argparse
from decimal import Decimal

from openkap.cli.io import day, read_json, site, stamped, write_bytes, write_json
from openkap.kernel.errors import UserError
from openkap.kernel.quantity import DoseMg, DoseMgPerKg
from openkap.pkpd.course import sessions
from openkap.pkpd.effect import expectation
from openkap.pkpd.library import say
from openkap.pkpd.picture import picture
from openkap.pkpd.png import png
from openkap.pkpd.request import read_request
from openkap.pkpd.simulate import document, simulate, unsigned
from openkap.pkpd.types import Dose, Request
from openkap.plan.book import Book, book_of
from openkap.plan.limits import beyond_never


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    here = site()
    request = read_request(read_json(arguments.file))
    more = refuse_beyond_never(request, book_of(here))
    course = simulate(request)
    found = document(course, expectation(request))
    found["warnings"] += [*more, *unsigned(request, here, day(None))]
    if arguments.form == "json":
        write_json(stamped(found, here.mode))
    else:
        svg = picture(course, theme=arguments.theme, warnings=found["warnings"])
        write_bytes(png(svg) if arguments.form == "png" else svg.encode())
    return 0


def refuse_beyond_never(request: Request, book: Book) -> list[str]:
    """
    Refuse an amount that is never given (DOS-*); amounts of one session count together.

    Returns:
        What to say where the drug has no limit by this route; the limit of the other drug then stands in, to refuse.

    Raises:
        UserError: the amount is beyond the line.
    """
    found: list[str] = []
    for group in sessions(request.doses):
        for route in dict.fromkeys(dose.route for dose in group):
            doses = [dose for dose in group if dose.route == route]
            place = request.doses.index(doses[0])
            drug, known = request.drug, True
            try:
                text = _beyond(request, doses, book, other=False)
            except UserError:
                known = False
                text = _beyond(request, doses, book, other=True)
            if text:
                raise UserError(f"doses[{place}]: {text}: give less.")
            if not known:
                found.append(say("PKW-NO-LIMIT", drug=drug, route=route))
    return list(dict.fromkeys(found))


def _beyond(request: Request, doses: list[Dose], book: Book, *, other: bool) -> str:
    drug = request.drug
    if other:
        drug = "esketamine" if drug == "ketamine" else "ketamine"
    mg = sum((Decimal(repr(dose.amount_mg)) for dose in doses), Decimal(0))
    per_kg = None
    if request.subject.weight_kg is not None:
        asked = [dose.amount_mg_per_kg for dose in doses]
        kg = Decimal(repr(request.subject.weight_kg))
        each = sum((Decimal(repr(one)) for one in asked if one is not None), Decimal(0)) if all(asked) else mg / kg
        per_kg = DoseMgPerKg(round(each, 9))
    return beyond_never(doses[0].route, drug, DoseMg(round(mg, 9)), per_kg, book)
