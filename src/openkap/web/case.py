"""One patient on the day of decision, and the site that decides: what pages of several areas begin with."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from openkap.chart.selectors import chart_of
from openkap.kernel.site import Site
from openkap.pathway import Case, open_chart
from openkap.people.models import Patient


def today(patient: Patient) -> date:
    """The day at the patient's site."""
    return timezone.now().astimezone(ZoneInfo(patient.site.zone)).date()


def case_of(patient: Patient, on: date | None = None) -> Case:
    """
    The patient's chart with its forms scored.

    Args:
        patient: from `visible_patients`.
        on: day of decision; None: today at the site.
    """
    return open_chart(chart_of(patient, ZoneInfo(patient.site.zone)), on or today(patient), site_of(patient))


def site_of(patient: Patient) -> Site:
    """What the site has signed and overridden; demonstration mode without a site folder."""
    return Site.open(settings.ENVIRONMENT.site)
