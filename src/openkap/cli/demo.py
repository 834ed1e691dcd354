"""`openkap demo`: the synthetic clinic in a browser, or three of its people from bundle to printed plan."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from openkap.cli.io import day, stamped
from openkap.kernel.errors import NoSolution, UserError
from openkap.kernel.quantity import number
from openkap.pathway import Case as OpenCase
from openkap.pathway import assess_case, open_case, plan_case, screen_case
from openkap.plan import words
from openkap.plan.html import plan_html
from openkap.plan.pdf import plan_pdf
from openkap.screen.types import Screening
from openkap.synthetic.people import people

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; the exit status."""
    if arguments.walk or arguments.write:
        return _three(arguments)
    if arguments.on or arguments.out:
        raise UserError("--on and --out belong to --walk: add that, or leave them out.")
    try:
        clinic = importlib.import_module("openkap.project.demo")
    except ModuleNotFoundError as fault:
        raise UserError(
            f"The clinic app needs {fault.name}: install it with pip install 'openkap[web]', or call it with --walk."
        ) from None
    status: int = clinic.run(reset=arguments.reset, serve=not arguments.no_serve)
    return status


def _three(arguments: argparse.Namespace) -> int:
    on = day(arguments.on)
    folder = Path(arguments.write or arguments.out or "demo-out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UserError(f"{folder} cannot be made ({fault.strerror}): name another folder.") from None
    print("Three synthetic people. Demonstration mode: all content counts, also what is unsigned and unverified.")
    for name, case in people(on).items():
        bundle = case.bundle()
        path = folder / f"{name}.json"
        path.write_bytes(msgspec.json.format(_ENCODER.encode(bundle), indent=1))
        if arguments.write:
            print(f"wrote {path}")
        else:
            print("\n" + "\n".join(_walk(name, open_case(bundle, on), folder)))
    return 0


def _walk(name: str, case: OpenCase, folder: Path) -> Iterator[str]:
    """What a prescriber would want to know within a minute, and the printed plan."""
    patient = case.chart.patient
    yield f"== {patient.name} (synthetic), {folder / f'{name}.json'}"
    assessment = assess_case(case)
    levels = {dim: part["level"] for dim, part in assessment["formulation"].items()}
    yield "   assess  " + ", ".join(
        f"{words.instrument_name(s['instrument'])} {_amount(s['total'])}{_band(s['band'])}"
        for s in assessment["scores"]
        if s["total"] is not None
    )
    strong = [f"{dim.replace('-', ' ')} {level} of 3" for dim, level in levels.items() if level]
    yield "           formulation: " + (", ".join(strong) or "no sign measured")
    screening = screen_case(case)
    yield f"   screen  verdict: {screening.verdict} ({screening.checked} rules)"
    yield from _findings(screening)
    try:
        document = stamped(dict(plan_case(case)), screening.mode)
    except NoSolution as refusal:
        yield f"   plan    {refusal}"
        return
    yield from _plan(name, document, folder)


def _findings(screening: Screening) -> Iterator[str]:
    for finding in screening.findings:
        yield f"           {finding.class_:8} {finding.truth.value:8} {finding.rule}: {finding.because}"
    for ask in screening.ask:
        mark = "settles the verdict" if ask.decisive else "also open"
        yield f"           ask ({mark}): {ask.question}"


def _plan(name: str, document: dict[str, Any], folder: Path) -> Iterator[str]:
    regimen = document["regimen"]
    dose = regimen["dose"]
    yield (
        f"   plan    {regimen['id']} {regimen['title']}; first dose {_amount(dose['mg'])} mg"
        f" ({_amount(dose['mg_per_kg'])} mg/kg), {_place(regimen)}"
    )
    sessions = document["programme"]["sessions"]
    yield f"           {len(sessions)} sessions, {sum(s['kind'] == 'dose' for s in sessions)} of them doses"
    (folder / f"{name}.html").write_text(plan_html(document), encoding="utf-8")
    (folder / f"{name}.pdf").write_bytes(plan_pdf(document))
    yield f"           printed: {folder / f'{name}.html'} and {folder / f'{name}.pdf'}"


def _band(band: str | None) -> str:
    return f" ({words.band_words(band)})" if band else ""


def _place(regimen: dict[str, Any]) -> str:
    named = regimen["chosen_by"] == "preferences"
    return "a draft, named in the preferences" if named else "a draft to compare: first in the fixed order, not chosen"


def _amount(value: Any) -> str:
    return "-" if value is None else number(value) if not isinstance(value, float) else f"{value:g}"
