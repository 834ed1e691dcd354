"""
One case through the first stages of the pathway: read, score, judge, propose.

The library's front door. Every other door (command line, and later the clinic app and the FHIR
interface) calls these functions, so that no door can skip a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import TYPE_CHECKING, Any

from openkap.assess import treatment
from openkap.assess.formulation import with_decisions
from openkap.assess.inventories import understood
from openkap.assess.score_chart import ScoreRecord, scored
from openkap.assess.summary import assessment
from openkap.chart.fhir.reader import read_chart
from openkap.chart.types import Chart, Unmapped
from openkap.chart.view import View
from openkap.kernel.site import Site
from openkap.screen.decisions import Decision, decided
from openkap.screen.equivalents import with_equivalents
from openkap.screen.rules import screen
from openkap.screen.types import Screening

if TYPE_CHECKING:
    from openkap.plan.choices import Preferences


@dataclass(frozen=True, slots=True)
class Case:
    """
    A patient's chart on the day of decision, as one site reads it.

    Args:
        record: the chart as it was read.
        chart: its facts, with the scores of filled-in instruments added.
        view: the chart on the day.
        suspicion: the same with what may raise a finding and never clear one: preliminary results, unfinished
            forms, forms scored by an instrument that the site has not signed; None where there are none.
        records: every scored form.
        site: whose signatures counted.
    """

    record: Chart
    chart: Chart
    view: View
    suspicion: View | None
    records: tuple[ScoreRecord, ...]
    site: Site

    @property
    def unmapped(self) -> list[Unmapped]:
        """Everything seen and not used, what is dated after the day of decision included."""
        left = [entry for entry in self.chart.unmapped if not understood(entry)]
        return [*left, *self.view.from_the_future()]

    def at(self, site: Site | None) -> Case:
        """The same case as another site reads it."""
        return self if site is None or site == self.site else open_chart(self.record, self.view.on, site)


def open_case(document: bytes | dict[str, Any], on: date, zone: tzinfo | None = None, site: Site | None = None) -> Case:
    """
    Read a FHIR R4 Bundle about one patient and score its forms.

    Args:
        document: JSON bytes or the decoded bundle.
        on: day of decision.
        zone: calendar of instants; None keeps the day as written in the record.
        site: whose signatures count; None for demonstration mode.

    Raises:
        UnreadableDocument: no bundle about exactly one patient.
    """
    return open_chart(read_chart(document, zone), on, site)


def open_chart(record: Chart, on: date, site: Site | None = None) -> Case:
    """
    Score the forms of a chart that was read before.

    Args:
        record: the chart as it was read.
        on: day of decision.
        site: whose signatures count; None for demonstration mode.
    """
    site = site or Site()
    chart, records = scored(record, on, site)
    view = View(chart, on, derived=treatment.DERIVED)
    doubtful = any(r.standing == "tentative" for readings in chart.readings.values() for r in readings)
    suspicion = View(chart, on, tentative=True, derived=treatment.DERIVED) if doubtful else None
    return Case(record, chart, view, suspicion, tuple(records), site)


def assess_case(case: Case) -> dict[str, Any]:
    """Scores and formulation: the document of `openkap assess`."""
    return assessment(case.view, case.records)


def screen_case(
    case: Case,
    site: Site | None = None,
    *,
    dose_day: bool = False,
    everything: bool = False,
    decisions: Iterable[Decision] = (),
) -> Screening:
    """Findings, verdict and the questions that would settle it; with what people decided about findings.

    `site` is that of the case where it is None.
    """
    from openkap.plan.book import rules_of  # the plan room loads only for who asks what it knows
    from openkap.plan.site_max import open_routes

    case = case.at(site)
    screening = screen(
        rules_of(case.site),
        case.view,
        suspicion=case.suspicion,
        dose_day=dose_day,
        routes=open_routes(case.site, case.view.on),
        site=case.site,
        everything=everything,
    )
    return decided(with_equivalents(screening, case.view), decisions, case.site, case.view.on)


def plan_case(
    case: Case,
    site: Site | None = None,
    *,
    preferences: Preferences | None = None,
    draft: bool = False,
    decisions: Iterable[Decision] = (),
    taken: Mapping[str, bool] | None = None,
) -> Mapping[str, Any]:
    """
    A proposed programme for a clinician to change and sign; `site` is that of the case where it is None.

    Args:
        preferences: what is wished for.
        draft: print a plan although the verdict forbids it.
        decisions: what people decided about findings.
        taken: dimensions of the formulation that a clinician took over, or not; without it none was looked at.

    Raises:
        NoSolution: the verdict does not allow one, or no regimen is left; the document says why.
    """
    from openkap.plan.book import book_of
    from openkap.plan.choices import Preferences
    from openkap.plan.propose import propose
    from openkap.plan.site_max import signed_limits

    case = case.at(site)
    site = case.site
    return propose(
        case.view,
        screen_case(case, decisions=decisions),
        with_decisions(assess_case(case)["formulation"], taken or {}),
        preferences or Preferences(),
        draft=draft,
        site_limits=signed_limits(site, case.view.on),
        mode=site.mode,
        signed=lambda row: site.signed(row, case.view.on),
        book=book_of(site),
    )
