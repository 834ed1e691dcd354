"""
How far a kept record may be used: what nobody has reviewed may raise a finding and clears nothing, and
where a person settled a conflict, only what was kept counts. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from openkap.chart.types import Chart, Reading, Unmapped

NOT_REVIEWED = "imported and not yet reviewed"
# It says that nothing is missing from the trials; while those wait, it would make an arm "not met" that nobody judged.
_COMPLETE = "treatment-history-complete"


@dataclass(frozen=True, slots=True)
class Settled:
    """
    A person's choice between sources of one fact.

    Args:
        fact: name in the vocabulary.
        kept: source of the reading that holds.
        dropped: sources that do not.
    """

    fact: str
    kept: str
    dropped: tuple[str, ...]


def record_of(source: str) -> str:
    """`Type/id` of a reading's source, which may go on with `#link-id`."""
    return source.partition("#")[0]


def held_back(chart: Chart, unreviewed: frozenset[str]) -> Chart:
    """
    The chart in which records that nobody has reviewed may raise and not clear (HAZ-06).

    Args:
        unreviewed: records as `Type/id`.
    """
    if not unreviewed:
        return chart

    def waits(source: str) -> bool:
        return record_of(source) in unreviewed

    lost = [row.source for rows in (chart.lists, chart.trials) for row in rows if waits(row.source)]
    listed = [Unmapped(None, None, None, source, NOT_REVIEWED) for source in dict.fromkeys(lost)]
    return replace(
        chart,
        readings={
            fact: tuple(
                _tentative(r) if waits(r.source) else r for r in rows if fact != _COMPLETE or not waits(r.source)
            )
            for fact, rows in chart.readings.items()
        },
        lists=tuple(row for row in chart.lists if not waits(row.source)),
        trials=tuple(row for row in chart.trials if not waits(row.source)),
        responses=tuple(replace(r, tentative=True) if waits(r.source) else r for r in chart.responses),
        unmapped=(*chart.unmapped, *listed),
    )


def _tentative(reading: Reading) -> Reading:
    if reading.standing != "final":
        return reading
    return replace(reading, standing="tentative", reason=NOT_REVIEWED)


def with_settled(chart: Chart, choices: Iterable[Settled]) -> Chart:
    """
    The chart in which settled conflicts are settled.

    A reading is left out if the choice dropped its source; one that came later, from a source the person did
    not see, stays and opens the conflict again.
    """
    readings = dict(chart.readings)
    for choice in choices:
        rows = readings.get(choice.fact, ())
        if any(row.source == choice.kept for row in rows):
            readings[choice.fact] = tuple(row for row in rows if row.source not in choice.dropped)
    return replace(chart, readings=readings)
