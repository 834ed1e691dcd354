"""One patient on the day of decision, and the site that decides: what pages of several areas begin with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from openkap.chart.models import Record
from openkap.chart.selectors import chart_from, kept_records, version_of
from openkap.kernel.site import Site
from openkap.pathway import Case, open_chart
from openkap.people.models import Patient
from openkap.people.pulse import beat_of, beats
from openkap.web.remembered import Remembered

V = TypeVar("V")
Stamp = tuple[tuple[str, int, int, int], ...]  # name, time of change, size and number of each file

ANSWERS = 1024  # answers about patients kept in a process; the body of a page has up to 60 kB
MOST = 256  # charts kept open in a process; one of two hundred records takes about half a megabyte


def today(patient: Patient) -> date:
    """The day at the patient's site."""
    return timezone.now().astimezone(ZoneInfo(patient.site.zone)).date()


@dataclass(frozen=True, slots=True)
class Opened:
    """
    A chart that was read and scored.

    Args:
        site: by whose content it was scored.
        version: of the chart.
        records: how many records are kept.
        unreviewed: names of imported records that nobody has looked at.
        waiting: how many of the records are such, and were not refused.
        allergies: records of allergies that were not refused.
        followed: what was computed from this chart and site, by what it is (`following`).
    """

    case: Case
    site: Site
    version: int
    records: int
    unreviewed: frozenset[str]
    waiting: int
    allergies: tuple[Record, ...]
    followed: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def following(self, what: Hashable, compute: Callable[[], V]) -> V:
        """
        What follows from this chart and site alone; computed once.

        Args:
            what: the kind of answer, and all else that it follows from.
        """
        if what not in self.followed:
            self.followed[what] = compute()
        answer: V = self.followed[what]
        return answer


def case_of(patient: Patient, on: date | None = None) -> Case:
    """
    The patient's chart with its forms scored.

    Args:
        patient: from `visible_patients`.
        on: day of decision; None: today at the site.
    """
    return opened(patient, on).case


def opened(patient: Patient, on: date | None = None) -> Opened:
    """`case_of` with what goes with it; computed once for each version of the chart, as long as it is in use."""
    day, zone, version = on or today(patient), patient.site.zone, version_of(patient)
    folder = settings.ENVIRONMENT.site
    stamp = _stamp(folder)
    return _opened.get(
        (patient.pk, patient.version, version, zone, day, folder, stamp),
        lambda: _open(patient, version, zone, day, _site(folder, stamp)),
        lambda: (version_of(patient), _stamp(folder)) == (version, stamp),
    )


def following(patient: Patient, what: Hashable, compute: Callable[[], V]) -> V:
    """
    What follows from the rows about one patient, the site's content and the day; computed once for each of these.

    Args:
        what: the kind of answer, and all else that it follows from.
    """
    # The beat first: rows read after it are at least as new.
    beat, folder = beat_of(patient.pk), settings.ENVIRONMENT.site
    key = (what, patient.pk, patient.version, beat, patient.site.zone, today(patient), folder, _stamp(folder))
    answer: V = _followed.get(key, compute)
    return answer


def following_all(
    patients: Iterable[UUID], zone: str, what: Hashable, compute: Callable[[], V], holds: Callable[[], bool]
) -> V:
    """
    `following` for several patients of one site at once.

    Args:
        zone: of the site.
        holds: asked afterwards: whether the answer may be kept.
    """
    found, folder = beats(patients), settings.ENVIRONMENT.site
    day = timezone.now().astimezone(ZoneInfo(zone)).date()
    key = (what, tuple(found.items()), zone, day, folder, _stamp(folder))
    answer: V = _followed.get(key, compute, holds)
    return answer


_followed: Remembered[Hashable, Any] = Remembered(ANSWERS)
_opened: Remembered[tuple[UUID, int, int, str, date, Path | None, Stamp], Opened] = Remembered(MOST)


def _open(patient: Patient, version: int, zone: str, on: date, site: Site) -> Opened:
    kept = kept_records(patient)
    used = [record for record in kept.records if record.name not in kept.refused]
    return Opened(
        case=open_chart(chart_from(patient, kept, ZoneInfo(zone)), on, site),
        site=site,
        version=version,
        records=len(kept.records),
        unreviewed=kept.unreviewed,
        waiting=sum(record.name in kept.unreviewed for record in used),
        allergies=tuple(record for record in used if record.resource_type == "AllergyIntolerance"),
    )


def site_of(patient: Patient) -> Site:
    """What the site has signed and overridden; demonstration mode without a site folder."""
    return site_now()


def site_now() -> Site:
    """The same, for pages about no one patient."""
    folder = settings.ENVIRONMENT.site
    return _site(folder, _stamp(folder))


def _stamp(folder: Path | None) -> Stamp:
    """What changes when a file of the site changes, is added or goes."""
    if folder is None or not folder.is_dir():
        return ()
    stats = [(path.name, path.stat()) for path in sorted(folder.glob("**/*.toml"))]
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in stats)


@lru_cache(maxsize=2)
def _site(folder: Path | None, stamp: Stamp) -> Site:
    return Site.open(folder)
