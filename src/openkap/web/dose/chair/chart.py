"""
The picture of a session: pressure as it was read, the marks of trials, and below it the forecast of the concentration.

Readings are joined by lines because they are this person's; the marks of trials are drawn where their sources put them
and nothing is drawn between them. Coordinates are text, so that no language changes a decimal point. A table of the
same numbers stands beside the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from openkap.dose.due import valid
from openkap.dose.expected import Expected, expected
from openkap.dose.session import Session
from openkap.kernel.source import GRADE_WORDS
from openkap.web.dose.chair.forecast import Forecast
from openkap.web.dose.chair.shown import MINUTE, figure

WIDE, HIGH = 740, 312
LEFT, RIGHT = 40, 14
TOP, BASE = 26, 180  # of the pressure
TOP_2, BASE_2 = 206, 272  # of the concentration
STEP = 20  # mmHg between two lines of the grid
Scale = Callable[[float], float]

EVERY = (10, 15, 20, 30, 60)  # minutes between two labels: the first that leaves room


@dataclass(frozen=True, slots=True)
class Trial:
    """A mark of a trial: where its source has the mean peak; x and y are empty where it gives only a time of return."""

    row: str
    text: str
    grade: str
    checked: bool
    x: str = ""
    points: tuple[str, ...] = ()
    name_y: str = ""  # between the two pressures, where no line of readings runs
    back_x: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything in the coordinates of the picture; `said` is what a screen reader hears instead."""

    width: int
    height: int
    left: str
    right: str
    base: str
    base_2: str
    said: str
    grid: tuple[tuple[str, str], ...]
    grid_2: tuple[tuple[str, str], ...]
    minutes: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    dots: tuple[tuple[str, str, str], ...]
    ends: tuple[tuple[str, str, str], ...]
    doses: tuple[tuple[str, str], ...]
    now_x: str
    trials: tuple[Trial, ...]
    curve: str
    band: str
    forecast: Forecast | None
    rows: tuple[tuple[str, str, str], ...]


def chart(session: Session, forecast: Forecast | None) -> Chart | None:
    """
    The picture; None before anything was read and before a dose.

    Args:
        forecast: as `forecast.forecast` gives it; None where no drug was given.
    """
    readings = valid(session, "systolic", "diastolic")
    if not readings:
        return None
    zero = session.given[0].started.elapsed_s if session.given else readings[0].taken_s
    first = min(-5.0, *((r.taken_s - zero) / MINUTE for r in readings))
    last = max(float(horizon_min(session)), (session.now_s - zero) / MINUTE)
    marks = expected(session) if session.given else ()
    values = [r.quantity.value for r in readings]
    values += [v for m in marks for v in (m.systolic_at, m.diastolic_at) if v is not None]
    low, high = _floor(min(values) - 10), _ceil(max(values) + 10)

    def x(minute: float) -> float:
        return LEFT + (minute - first) / max(last - first, 1) * (WIDE - LEFT - RIGHT)

    def y(value: float) -> float:
        return BASE - (value - low) / max(high - low, 1) * (BASE - TOP)

    runs, dots, ends = [], [], []
    for name in ("systolic", "diastolic"):
        mine = [r for r in readings if r.measure == name]
        places = [(x((r.taken_s - zero) / MINUTE), y(float(r.quantity.value)), r) for r in mine]
        runs.append(" ".join(f"{px:.1f},{py:.1f}" for px, py, r in places if r.confirmed))
        dots += [(f"{px:.1f}", f"{py:.1f}", "pt" if r.confirmed else "pt-off") for px, py, r in places]
        if places:
            px, py, r = places[-1]
            ends.append((f"{px:.1f}", f"{py - 4:.1f}", figure(r.quantity.value)))
    return Chart(
        width=WIDE,
        height=HIGH,
        left=str(LEFT),
        right=str(WIDE - RIGHT),
        base=str(BASE),
        base_2=str(BASE_2),
        said=_said(session, zero),
        grid=tuple((f"{y(v):.1f}", str(v)) for v in range(low, high + 1, _grid_step(low, high))),
        grid_2=_grid_2(forecast),
        minutes=tuple((f"{x(m):.1f}", str(m)) for m in _ticks(first, last, bool(session.given))),
        lines=tuple(run for run in runs if run),
        dots=tuple(dots),
        ends=tuple(ends),
        doses=tuple(_doses(session, zero, x)),
        now_x=f"{x((session.now_s - zero) / MINUTE):.1f}",
        trials=tuple(_trial(mark, x, y) for mark in marks),
        curve=_curve(forecast, x),
        band=_band(forecast, x),
        forecast=forecast,
        rows=tuple(_rows(session, zero)),
    )


def horizon_min(session: Session) -> int:
    """Up to which minute the picture goes: the shortest stay, or the last minute of the schedule."""
    return max(session.protocol.min_stay_min, session.protocol.vitals_min[-1])


def _trial(mark: Expected, x: Scale, y: Scale) -> Trial:
    values = [float(v) for v in (mark.systolic_at, mark.diastolic_at) if v is not None]
    at_min = mark.at_min if values else None
    return Trial(
        row=mark.row,
        text=mark.text,
        grade=GRADE_WORDS.get(mark.evidence, mark.evidence),
        checked=mark.verified is True,
        x=f"{x(at_min):.1f}" if at_min is not None else "",
        points=tuple(f"{y(v):.1f}" for v in values) if at_min is not None else (),
        name_y=_name_y([y(v) for v in values]) if at_min is not None else "",
        back_x=f"{x(mark.back_min):.1f}" if mark.back_min is not None else "",
    )


def _name_y(places: Sequence[float]) -> str:
    return f"{sum(places) / len(places) + (4 if len(places) > 1 else 18):.1f}"


def _doses(session: Session, zero: int, x: Scale) -> Iterator[tuple[str, str]]:
    """Begin and end of each dose; a running infusion ends where it was planned to."""
    for dose in session.given:
        begin = (dose.started.elapsed_s - zero) / MINUTE
        end = (dose.ended.elapsed_s - zero) / MINUTE if dose.ended else begin + float(dose.duration_min or 0)
        yield f"{x(begin):.1f}", f"{x(max(begin, end)):.1f}"


def _top(forecast: Forecast) -> float:
    return max((*forecast.high, *forecast.typical), default=0.0) or 1.0


def _y_2(forecast: Forecast, value: float) -> float:
    return BASE_2 - value / _top(forecast) * (BASE_2 - TOP_2)


def _grid_2(forecast: Forecast | None) -> tuple[tuple[str, str], ...]:
    if forecast is None or not forecast.typical:
        return ()
    rough = _top(forecast) / 2
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(factor * power for factor in (1, 2, 5) if factor * power <= rough)
    return tuple((f"{_y_2(forecast, v):.1f}", f"{v:g}") for v in (0, step, 2 * step) if v <= _top(forecast))


def _curve(forecast: Forecast | None, x: Scale) -> str:
    if forecast is None:
        return ""
    return " ".join(
        f"{x(at):.1f},{_y_2(forecast, v):.1f}" for at, v in zip(forecast.times, forecast.typical, strict=True)
    )


def _band(forecast: Forecast | None, x: Scale) -> str:
    if forecast is None or not forecast.low:
        return ""
    up = [f"{x(at):.1f},{_y_2(forecast, v):.1f}" for at, v in zip(forecast.times, forecast.high, strict=True)]
    down = [f"{x(at):.1f},{_y_2(forecast, v):.1f}" for at, v in zip(forecast.times, forecast.low, strict=True)]
    return " ".join([*up, *reversed(down)])


def _ticks(first: float, last: float, dosed: bool) -> Sequence[int]:
    every = next((one for one in EVERY if (last - first) / one <= 12), EVERY[-1])
    begin = math.ceil(first / every) * every
    return [m for m in range(begin, int(last) + 1, every) if dosed or m >= 0]


def _grid_step(low: int, high: int) -> int:
    return STEP if (high - low) / STEP <= 8 else 2 * STEP


def _floor(value: Decimal) -> int:
    return math.floor(value / STEP) * STEP


def _ceil(value: Decimal) -> int:
    return math.ceil(value / STEP) * STEP


def _rows(session: Session, zero: int) -> Iterator[tuple[str, str, str]]:
    """Minute, systolic, diastolic of each moment, the newest first."""
    found: dict[int, dict[str, str]] = {}
    for reading in valid(session, "systolic", "diastolic"):
        found.setdefault(reading.taken_s, {})[reading.measure] = figure(reading.quantity.value)
    for taken_s in sorted(found, reverse=True):
        values = found[taken_s]
        yield str((taken_s - zero) // MINUTE), values.get("systolic", "–"), values.get("diastolic", "–")


def _said(session: Session, zero: int) -> str:
    parts = []
    for name, words in (("systolic", _("Systolic")), ("diastolic", _("diastolic"))):
        values = [
            _("%(value)s at %(min)s min") % {"value": figure(r.quantity.value), "min": (r.taken_s - zero) // MINUTE}
            for r in valid(session, name)[-4:]
        ]
        parts += [f"{words} {', '.join(values)}"] if values else []
    return "; ".join(parts) + ". " + _("All readings are in the table below.")
