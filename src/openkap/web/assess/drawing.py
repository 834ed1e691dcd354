"""Scored forms of a chart as series for a picture, and as rows where there is no total to draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from openkap.assess.change import change, measured
from openkap.assess.instruments import instrument
from openkap.assess.score_chart import ScoreRecord
from openkap.assess.types import ChangeResult
from openkap.plan.words import band_words
from openkap.web.parts import Point, Series
from openkap.web.words import figure


@dataclass(frozen=True)
class Line:
    """
    One score in words.

    Args:
        said: total with band, or what stands in its place.
        changed: since the first usable score of the same version; None where there is none.
    """

    title: str
    on: date | None
    said: str
    flags: tuple[str, ...]
    usable: bool
    why_not: str
    changed: ChangeResult | None = None
    since: date | None = None


@dataclass(frozen=True)
class Drawing:
    """A picture with the last score in words."""

    series: Series
    last: Line


def series_of(records: Iterable[ScoreRecord]) -> list[Drawing]:
    """A picture for each instrument that has a total, in the order of the first form."""
    lines = lines_of(records)
    found = []
    for name, rows in _by_instrument(records).items():
        shape = instrument(name)
        totals = [(r, r.score.total) for r in rows if r.score.total is not None and r.when is not None]
        if not totals or shape.total_high is None:
            continue
        points = tuple(
            Point(r.when.earliest, Decimal(str(total)), r.usable or r.past, _note(r))  # type: ignore[union-attr]
            for r, total in totals
        )
        rules: list[tuple[Decimal, str | Promise]] = [
            (Decimal(line.at_least), f"{_short(line.flag)} {line.at_least}") for line in shape.lines
        ]
        if shape.change.remission and shape.change.remission.at_most is not None:
            rules.append((Decimal(shape.change.remission.at_most), _("remission")))
        better = None if shape.higher == "neither" else shape.higher == "worse"
        series = Series(shape.title, Decimal(shape.total_high), points, tuple(rules), lower_is_better=better)
        found.append(Drawing(series, lines[name][-1]))
    return found


def unscored_of(records: Iterable[ScoreRecord]) -> list[Line]:
    """Forms without a total: profiles, scales of subscales, screeners, and what could not be scored."""
    return [
        _line(record)
        for rows in _by_instrument(records).values()
        for record in rows
        if record.score.total is None or instrument(record.instrument).total_high is None
    ]


def lines_of(records: Iterable[ScoreRecord]) -> dict[str, list[Line]]:
    """Every form in words by instrument, oldest first, each with its change from the first usable one."""
    found: dict[str, list[Line]] = {}
    for name, rows in _by_instrument(records).items():
        counted = [r for r in rows if r.status in ("completed", "amended") and r.score.total is not None]
        first = counted[0] if counted else None
        found[name] = [_line(r, first if first is not r and r in counted else None) for r in rows]
    return found


def _line(record: ScoreRecord, first: ScoreRecord | None = None) -> Line:
    score = record.score
    on = record.when.earliest if record.when else None
    changed = None
    if first is not None and first.score.version == score.version:
        changed = change(measured(first.score), measured(score))
    return Line(
        instrument(record.instrument).title,
        on,
        said_of(record),
        score.flags,
        record.usable,
        record.why_not,
        changed,
        first.when.earliest if changed and first and first.when else None,
    )


def said_of(record: ScoreRecord) -> str:
    """Total with band, or what stands in its place."""
    score = record.score
    band = f" ({band_words(score.band)})" if score.band else ""
    if score.total is not None:
        return f"{figure(score.total)}{band}"
    subscores = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in score.subscores.items())
    return f"{score.status}{band}" + (f": {subscores}" if subscores else "")


def _note(record: ScoreRecord) -> str:
    """Beside a score of the course its band; why one does not count."""
    return _word(record) if record.usable or record.past else record.why_not


def _word(record: ScoreRecord) -> str:
    words = [band_words(record.score.band)] if record.score.band else []
    if record.score.status == "prorated":
        words.append(_("some answers missing, total estimated"))
    return ", ".join(words)


def _short(flag: str) -> str:
    return _("cut-off") if not flag or flag == "SCREEN_POSITIVE" else flag.replace("_", " ").lower()


def _by_instrument(records: Iterable[ScoreRecord]) -> dict[str, list[ScoreRecord]]:
    found: dict[str, list[ScoreRecord]] = {}
    for record in sorted(records, key=lambda r: (r.when is not None, r.when.earliest if r.when else date.min)):
        found.setdefault(record.instrument, []).append(record)
    return found
