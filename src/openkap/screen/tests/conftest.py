"""A case in, its screening out."""

from __future__ import annotations

from datetime import date

import pytest

from openkap.assess import treatment
from openkap.assess.score_chart import scored
from openkap.chart.fhir.reader import read_chart
from openkap.chart.standing import held_back
from openkap.chart.view import View
from openkap.kernel.site import Site
from openkap.screen.overrides import overridden
from openkap.screen.rulebook import rules
from openkap.screen.rules import screen
from openkap.synthetic.case import Case

ON = date(2026, 11, 25)
ROUTES = frozenset(("iv", "im", "sc", "sublingual", "oral", "nasal"))


@pytest.fixture
def on() -> date:
    return ON


@pytest.fixture
def case():
    """A complete, unremarkable case on the day; changes by keyword."""

    def make(**changes) -> Case:
        return Case(ON, **changes)

    return make


@pytest.fixture
def screened():
    """The screening of a case or of a bundle."""

    def run(case_or_bundle, *, site: Site | None = None, routes=ROUTES, on: date = ON, unreviewed=(), **options):
        bundle = case_or_bundle.bundle() if isinstance(case_or_bundle, Case) else case_or_bundle
        chart, _ = scored(held_back(read_chart(bundle), frozenset(unreviewed)), on)
        doubtful = any(r.standing == "tentative" for rows in chart.readings.values() for r in rows)
        site = site or Site()
        return screen(
            overridden(rules(), site),
            View(chart, on, derived=treatment.DERIVED),
            suspicion=View(chart, on, tentative=True, derived=treatment.DERIVED) if doubtful else None,
            routes=routes,
            site=site,
            **options,
        )

    return run


@pytest.fixture
def found(screened):
    """The findings of one rule as {class: truth}."""

    def run(case, rule: str, **options) -> dict[str, str]:
        return {f.class_: f.truth.value for f in screened(case, **options).findings if f.rule == rule}

    return run
