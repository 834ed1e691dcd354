"""
All clinical content in one list: every row of every room, as this site uses it, with its signature.

Assembles what the rooms load; a fault in any file surfaces here as a ContentFault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import msgspec

from openkap.assess.crisis import crisis_rules
from openkap.assess.formulation import formulation_rules
from openkap.assess.instruments import instruments, totals_only
from openkap.assess.intake_form import intake
from openkap.assess.inventories import inventory_rules
from openkap.assess.treatment import treatment
from openkap.chart import vocabulary
from openkap.dose.library import content_of
from openkap.kernel.content import ROOMS, content_folder, fingerprint, refuse_duplicates, sources
from openkap.kernel.site import Site
from openkap.kernel.source import Row, Source, Sourced, Tag
from openkap.pkpd import library as pharmacology
from openkap.plan import library
from openkap.plan.book import book_of, number_of, rules_of
from openkap.plan.limits import site_limits
from openkap.plan.site_max import signed_limits
from openkap.screen import rulebook
from openkap.screen.clearing import clearing
from openkap.screen.types import Rule

SignatureState = Literal[
    "signed", "unsigned", "changed since it was signed", "review overdue", "signed for a later day"
]

GROUPS = {
    "indication": "Indication, consent, support",
    "heart-brain": "Heart, vessels, brain",
    "mind": "Mind and substances",
    "medical": "Medical conditions",
    "interaction": "Interactions",
    "checklist": "Checklist of the dose day",
    "pressure-gate": "Pressure gate of the dose day",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """
    Rows that belong together.

    Args:
        id: anchor on the page.
        title: for a reader.
        room: whose rows, and whose sources.
        rows: in the order of the files, overrides in place.
        signed: whether rows are signed one by one; facts and wordings are not, they decide nothing alone.
    """

    id: str
    title: str
    room: str
    rows: tuple[Row, ...]
    signed: bool = True


def chapters(site: Site) -> list[Chapter]:
    """
    Every row of content by chapter.

    Raises:
        ContentFault: a file that does not load, a rule that is not well formed, an override of something that
            does not exist or that the row does not allow.
    """
    rulebook.check()
    site_limits(site.mode, signed_limits(site, date.max), book_of(site))  # every row is checked, whatever its day
    rules = rules_of(site)
    found = [
        Chapter(f"rules-{name}", f"Rules: {title}", "screen", tuple(r for r in rules if r.group == name))
        for name, title in GROUPS.items()
    ]
    equivalents = rulebook.diazepam_equivalents()
    found.append(
        Chapter("equivalents", "Benzodiazepine equivalents", "screen", (*equivalents.table, *equivalents.mark))
    )
    ways = clearing()
    found.append(Chapter("clearing", "Who may settle what", "screen", (*ways.way, *ways.only_the_fact)))
    found += [*_assess(), *_plan(site), *_dose(site), *_pharmacology(), *_chart()]
    refuse_duplicates((row for chapter in found if chapter.signed for row in chapter.rows), "all content")
    return found


def _assess() -> Iterator[Chapter]:
    history, formulation = treatment(), formulation_rules()
    yield Chapter("instruments", "Instruments", "assess", tuple(instruments().values()))
    yield Chapter("totals", "Instruments known by their total", "assess", tuple(totals_only().values()))
    yield Chapter("treatment", "Earlier treatment: definitions", "assess", tuple(history.rows[: -len(history.dose)]))
    yield Chapter("adequacy", "Earlier treatment: adequate trials", "assess", history.dose)
    yield Chapter("signs", "Formulation: signs", "assess", formulation.sign)
    yield Chapter(
        "dimensions",
        "Formulation: dimensions",
        "assess",
        (formulation.counting, *formulation.statement, *formulation.dimension),
    )
    yield Chapter("inventories", "Inventories", "assess", inventory_rules().inventory)
    yield Chapter("crisis", "Help after a suicidality answer", "assess", crisis_rules().rows)
    yield Chapter("intake", "Intake form", "assess", tuple(_rows_of(intake())), signed=False)


def _plan(site: Site) -> Iterator[Chapter]:
    """Every table of every file of the plan room, whatever it is called, so that none can be forgotten."""
    library.rows()  # checks that ids are single and sources exist
    book = book_of(site)
    for file in (
        book.dose_limits,
        library.regimens(),
        library.routes(),
        book.modalities,
        library.calendars(),
        book.monitoring,
        library.options(),
        library.trials(),
        library.adverse_events(),
        library.claims(),
    ):
        for field in msgspec.structs.fields(file):
            rows = getattr(file, field.name)
            if isinstance(rows, tuple) and rows and isinstance(rows[0], Row):
                name = f"{type(file).__name__.removesuffix('File')}-{field.name}".lower()
                title = TITLES.get(name, f"{file.content.title}: {field.name.replace('_', ' ')}")
                yield Chapter(name, title, "plan", rows)
    for name in library.STATEMENT_FILES:
        yield Chapter(name, TITLES.get(name, name.capitalize()), "plan", library.statements(name))


TITLES = {
    "doselimits-limit": "Dose limits",
    "doselimits-start_low": "Reasons to start low",
    "doselimits-statement": "Frequency, rounding and weight",
    "regimens-regimen": "Regimen templates",
    "regimens-attribute": "Personal attributes used",
    "routes-route": "Routes",
    "modalities-modality": "Ways of working",
    "modalities-statement": "Statements beside every suggestion",
    "calendars-calendar": "Calendars",
    "calendars-session": "Sessions",
    "calendars-pathway": "Pathways",
    "calendars-moment": "Moments of measurement",
    "monitoring-watch": "Monitoring",
    "monitoring-alert": "Alert lines",
    "monitoring-statement": "Rescue, discharge, course",
    "options-option": "Treatments side by side",
    "trials-trial": "Trials",
    "adverseevents-event": "Unwanted effects",
    "claims-claim": "Claims that the evidence does not carry",
    "evidence": "Evidence and its limits",
    "benchmarks": "Standard care: benchmarks",
    "consent": "Consent and preparation topics",
    "expectations": "Expectations",
    "adaptive": "Adaptive anxiety",
    "retreat": "Retreats: what a calendar keeps",
}


def _dose(site: Site) -> Iterator[Chapter]:
    """Every table of every file of the dose room."""
    for name, file in content_of(site).files():
        for field in msgspec.structs.fields(file):
            rows = getattr(file, field.name)
            if isinstance(rows, tuple):
                yield Chapter(f"dose-{name}-{field.name}", DOSE_TITLES[f"{name}-{field.name}"], "dose", rows)


DOSE_TITLES = {
    "readings-measure": "Dosing room: readings and scales",
    "marks-mark": "Dosing room: marks by a single key",
    "gate-item": "Dosing room: confirmed before a dose",
    "discharge-check": "Dosing room: asked before going home",
    "discharge-advice": "Dosing room: the sheet that goes home",
    "policy-statement": "Dosing room: times of watching, rules of custody",
    "policy-step": "Dosing room: whom an alert reaches, and when",
    "adverse-grade": "Adverse events: grades",
    "adverse-serious": "Adverse events: what makes one serious",
    "adverse-report": "Adverse events: reports",
    "emergency-situation": "Emergency: what to do first",
    "emergency-role": "Emergency: who does what",
    "emergency-drug": "Emergency: what is at hand",
    "emergency-calm": "Calm-down script",
    "harm-screen": "Harm of longer use: screens",
    "harm-pattern": "Harm of longer use: when it is reviewed",
    "products-product": "Products: form, strength, route",
}


def _pharmacology() -> Iterator[Chapter]:
    pharmacology.every_row()  # checks that ids are single, sources exist and every number says how it was read
    found = pharmacology.interactions()
    for name, title, rows in (
        ("models", "Parameter sets: usable", tuple(pharmacology.models().values())),
        ("rejected", "Parameter sets: never used, and why", tuple(pharmacology.rejected().values())),
        ("routes", "Parameter sets: which stands for a route", pharmacology.route_rows()),
        ("interactions", "Exposure: interactions by route", found.interaction),
        ("capacities", "Exposure: capacities where no trial exists", found.capacity),
        ("covariates", "Exposure: attributes of a person", tuple(pharmacology.statements("covariates").values())),
        ("effects", "From concentration to expectation", tuple(pharmacology.statements("effects").values())),
        ("warnings", "What a simulation says of itself", tuple(pharmacology.warning_rows().values())),
    ):
        yield Chapter(f"pkpd-{name}", title, "pkpd", tuple(rows))


def _chart() -> Iterator[Chapter]:
    medicines = vocabulary.medicines()
    yield Chapter("facts", "Vocabulary of facts", "chart", tuple(vocabulary.facts().values()), signed=False)
    yield Chapter("medicines", "Medicine ingredients", "chart", tuple(medicines.ingredient), signed=False)
    yield Chapter("drug-classes", "Medicine classes", "chart", tuple(medicines.drug_class), signed=False)


def _rows_of(file: msgspec.Struct) -> Iterator[Row]:
    for field in msgspec.structs.fields(file):
        value = getattr(file, field.name)
        if isinstance(value, tuple):
            yield from (row for row in value if isinstance(row, Row))


# -- signatures, tags, readings ----------------------------------------------------------------------


def signature_state(row: Row, site: Site, on: date) -> SignatureState:
    """Whether a person at the site has signed this row as it stands, today."""
    signature = site.signatures.get(row.id)
    if signature is None:
        return "unsigned"
    if signature.fingerprint != fingerprint(row):
        return "changed since it was signed"
    if signature.on > on:
        return "signed for a later day"
    if signature.review_by is not None and signature.review_by < on:
        return "review overdue"
    return "signed"


def tags_of(row: Row) -> list[tuple[str, Tag, str]]:
    """Every part of a row with its tag and source: what, tag, source."""
    found: list[tuple[str, Tag, str]] = [(b.what, b.tag, b.source) for b in getattr(row, "basis", ())]
    for name, limit in getattr(row, "limits", {}).items():
        if hasattr(limit, "tag"):
            found.append((f"limit {name}", limit.tag, ""))
    if not found and hasattr(row, "tag"):
        found.append(("the row", row.tag, ""))
    return found


@dataclass(frozen=True, slots=True)
class Settable:
    """
    A number of a row that a site may set.

    Args:
        value: in force now: a number, or a span such as `30 d`.
        unit: UCUM; empty where the name of the number says it.
        tighter, loosest: as in `kernel.source.Margin`.
    """

    value: Any
    unit: str
    tighter: str
    loosest: Any


def limits_of(row: Row) -> dict[str, Settable]:
    """The numbers of a row that a site may set, by name."""
    if isinstance(row, Rule):
        return {name: Settable(one.value, one.unit, one.tighter, one.loosest) for name, one in row.limits.items()}
    if not isinstance(row, Sourced):
        return {}
    return {
        name: Settable(number_of(row, name), "", margin.tighter, margin.loosest)
        for name, margin in row.site_may.items()
    }


def readings_of(row: Row) -> tuple[str, ...]:
    """How OpenKAP reads what the fact sheet leaves open."""
    reading: Any = getattr(row, "reading", ())
    return ((reading,) if reading else ()) if isinstance(reading, str) else tuple(reading)


def cited_sources() -> dict[str, dict[str, Source]]:
    """The works of each room that lists any."""
    return {room: sources(room) for room in ROOMS if (content_folder(room) / "sources.toml").exists()}


def content_files() -> int:
    """How many content files there are."""
    return sum(1 for room in ROOMS for _ in content_folder(room).glob("**/*.toml"))
