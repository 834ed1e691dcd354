"""
A picture of a course: bands, the typical line, doses with their amounts, units; as SVG without script or outside font.

Every colour is written on its shape, so that any rasteriser makes the same PNG of it; `theme` chooses paper or a dark
room. Lines differ by dash and label as well as by colour. The numbers stand in a table elsewhere; the picture's
description tells its gist to a screen reader.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple
from xml.sax.saxutils import escape

from openkap.pkpd.course import sessions
from openkap.pkpd.library import model_named
from openkap.pkpd.types import Course, Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

Theme = Literal["light", "dark", "print"]

MOST_POINTS = 800


class Box(NamedTuple):
    """Size of a picture and of its margins, in user units."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


WHOLE = Box(960, 580, 76, 24, 124, 152)  # with title, legend and notes
INSET = Box(460, 300, 48, 12, 34, 46)  # in a page that says the rest

COLOURS: dict[str, dict[str, str]] = {
    "light": {
        "paper": "#ffffff",
        "ink": "#1a1a1a",
        "grid": "#d9d9d9",
        "main": "#0b5394",
        "other": "#8a3b00",
        "wide": "#6b6b6b",
    },
    "dark": {
        "paper": "#101418",
        "ink": "#e8e6e3",
        "grid": "#3a4148",
        "main": "#7cc4ff",
        "other": "#ffb46b",
        "wide": "#b7bdc3",
    },
    "print": {
        "paper": "#ffffff",
        "ink": "#000000",
        "grid": "#cccccc",
        "main": "#000000",
        "other": "#000000",
        "wide": "#777777",
    },
}

# The tokens of the page that an inset stands in, so that it follows the reader's scheme.
PAGE = {
    "ink": "var(--ink-2)",
    "grid": "var(--line)",
    "main": "var(--accent)",
    "other": "var(--hold)",
    "wide": "var(--ink-3)",
}


def picture(course: Course, *, theme: Theme = "light", warnings: Sequence[str] | None = None) -> str:
    """
    The course as an SVG document.

    Args:
        course: as `simulate` gives it, of at least two times.
        theme: `light`, `dark` for a dark room, `print` in black.
        warnings: shown by number below; the course's own where None.

    Returns:
        The text of the picture, as large as WHOLE.
    """
    colour = COLOURS[theme]
    frame = _Frame.of(course, WHOLE)
    parts = [
        _opening(course, WHOLE, 'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif"', size=True),
        f'<rect width="{WHOLE.width}" height="{WHOLE.height}" fill="{colour["paper"]}"/>',
        _text(WHOLE.left, 26, _title(course), colour["ink"], size=18, weight="bold"),
        _text(WHOLE.left, 48, _doses(course), colour["ink"]),
        *frame.drawn(course, colour),
        *_legend(course, colour),
        *_notes(course.warnings if warnings is None else warnings, colour),
    ]
    return "\n".join([*parts, "</svg>", ""])


def inset(course: Course, *, window: tuple[float, float] | None = None) -> str:
    """
    The course as an SVG element for a page that says title, legend and notes in its own words.

    Args:
        course: as `simulate` gives it, of at least two times.
        window: start and end of what is to be marked, minutes.

    Returns:
        The element, as large as INSET, without size of its own and in the colours of its page.
    """
    frame = _Frame.of(course, INSET)
    marked = [frame.mark(*window, PAGE)] if window else []
    return "\n".join([_opening(course, INSET, 'class="curve"'), *marked, *frame.drawn(course, PAGE), "</svg>"])


def _opening(course: Course, box: Box, more: str, *, size: bool = False) -> str:
    sized = f' width="{box.width}" height="{box.height}"' if size else ""
    return (
        f'<svg {more}{sized} viewBox="0 0 {box.width} {box.height}" role="img" aria-labelledby="pk-title pk-text">\n'
        f'<title id="pk-title">{escape(_title(course))}</title>\n'
        f'<desc id="pk-text">{escape(_description(course))}</desc>'
    )


def _title(course: Course) -> str:
    model = model_named(course.request.model)
    site = "site of samples unstated" if model.site == "unstated" else f"{model.site} samples"
    return f"{course.request.drug.capitalize()} in plasma, expected; set {model.id}, {site}"


def _doses(course: Course) -> str:
    said = []
    for dose in course.request.doses[:3]:
        per_kg = f" ({dose.amount_mg_per_kg:g} mg/kg)" if dose.amount_mg_per_kg is not None else ""
        over = f" over {dose.duration_min:g} min" if dose.duration_min else ""
        said.append(f"{dose.amount_mg:.4g} mg{per_kg} {dose.route}{over} at {dose.at_min:g} min")
    more = len(course.request.doses) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _description(course: Course) -> str:
    line = course.ketamine.typical
    place = int(line.argmax())
    peak = f"Typical peak {line[place]:.3g} ng/mL at {course.request.times_min[place]:g} min."
    band = ""
    if course.ketamine.p05 is not None and course.ketamine.p95 is not None:
        low, high = course.ketamine.p05[place], course.ketamine.p95[place]
        band = f" There 5 to 95 % between people: {low:.3g} to {high:.3g} ng/mL."
    return f"{_doses(course)}. {peak}{band} Not a measurement."


class _Frame:
    """The scales of the picture."""

    def __init__(self, times: Sequence[float], top: float, box: Box):
        self.times, self.box = times, box
        self.first, self.span = times[0], max(times[-1] - times[0], 1.0)
        self.tick = _nice(top / 5)
        self.top = self.tick * math.ceil(top / self.tick) or 1.0
        self.every = max(1, math.ceil(len(times) / MOST_POINTS))

    @classmethod
    def of(cls, course: Course, box: Box) -> _Frame:
        curves = [course.ketamine, course.norketamine, course.ensemble, course.sample]
        tops = [float((c.p95 if c.p95 is not None else c.typical).max()) for c in curves if c is not None]
        tops += [float(course.ketamine.typical.max())]
        return cls(course.request.times_min, max(*tops, 1e-6), box)

    def x(self, minutes: float) -> float:
        return self.box.left + (minutes - self.first) / self.span * (self.box.width - self.box.left - self.box.right)

    def y(self, value: float) -> float:
        return self.foot - value / self.top * (self.foot - self.box.top)

    @property
    def foot(self) -> int:
        return self.box.height - self.box.bottom

    @property
    def end(self) -> int:
        return self.box.width - self.box.right

    def drawn(self, course: Course, colour: dict[str, str]) -> list[str]:
        """Axes, bands, lines and doses; the bands differ by fill and outline as well as by colour."""
        parts = self.axes(colour)
        if course.ensemble is not None:
            parts.append(self.band(course.ensemble, colour["wide"], 0.16))
        if course.ketamine.p05 is not None:
            parts.append(self.band(course.ketamine, colour["main"], 0.28))
        if course.uncertainty is not None:
            parts.append(self.band(course.uncertainty, colour["main"], 0.4))
        for edge in (course.sample.p05, course.sample.p95) if course.sample is not None else ():
            if edge is not None:
                parts.append(self.line(edge, colour["main"], dash="2 4", width=1.2))
        if course.norketamine is not None:
            parts.append(self.line(course.norketamine.typical, colour["other"], dash="7 5"))
        parts.append(self.line(course.ketamine.typical, colour["main"]))
        return parts + self.doses(course, colour)

    def mark(self, start: float, end: float, colour: dict[str, str]) -> str:
        """A bar above the curves from one time to another, as far as they are shown."""
        low, high = (self.x(min(max(at, self.first), self.first + self.span)) for at in (start, end))
        look = f'y="{self.box.top - 8}" height="6" fill="{colour["ink"]}"'
        return f'<rect x="{low:.1f}" width="{max(high - low, 2):.1f}" {look}/>'

    def points(self, line: NDArray) -> list[str]:
        """Points of a line; of every stretch of times too dense to draw, its highest."""
        found = []
        for start in range(0, len(self.times), self.every):
            place = start + int(line[start : start + self.every].argmax())
            found.append(f"{self.x(self.times[place]):.1f},{self.y(float(line[place])):.1f}")
        return found

    def line(self, line: NDArray, colour: str, dash: str = "", width: float = 2.5) -> str:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        points = " ".join(self.points(line))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'

    def band(self, curve: Curve, colour: str, opacity: float) -> str:
        assert curve.p05 is not None and curve.p95 is not None
        around = [*self.points(curve.p95), *reversed(self.points(curve.p05))]
        look = f'fill="{colour}" fill-opacity="{opacity}" stroke="{colour}" stroke-width="0.6"'
        return f'<polygon points="{" ".join(around)}" {look}/>'

    def axes(self, colour: dict[str, str]) -> list[str]:
        found = []
        left, end, foot, top = self.box.left, self.end, self.foot, self.box.top
        steps = round(self.top / self.tick)
        for step in range(steps + 1):
            value, y = step * self.tick, self.y(step * self.tick)
            found.append(f'<line x1="{left}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour["grid"]}"/>')
            found.append(_text(left - 8, y + 4, f"{value:g}", colour["ink"], anchor="end"))
        unit, size = ("d", 1440.0) if self.span > 4 * 1440 else ("h", 60.0) if self.span > 240 else ("min", 1.0)
        tick = _nice(self.span / size / 8)
        first = math.ceil(self.first / size / tick - 1e-9)
        last = math.floor((self.first + self.span) / size / tick + 1e-9)
        for at in (place * tick for place in range(first, last + 1)):
            x = self.x(at * size)
            found.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{foot}" y2="{foot + 5}" stroke="{colour["ink"]}"/>')
            found.append(_text(x, foot + 20, f"{at:g}", colour["ink"], anchor="middle"))
        found.append(_text(left - 8, top - 14, "ng/mL", colour["ink"], anchor="end"))
        found.append(_text(end, foot + 38, f"time, {unit}", colour["ink"], anchor="end"))
        return found

    def doses(self, course: Course, colour: dict[str, str]) -> list[str]:
        """A mark on the axis for each dose, with the amount of each session beside it where there is room."""
        found, free = [], -math.inf
        for group in sessions(course.request.doses):
            x, foot = self.x(group[0].at_min), self.y(0)
            if not self.box.left - 1 <= x <= self.end + 1:
                continue
            end = self.x(min(max(d.at_min + d.duration_min for d in group), self.first + self.span))
            found.append(f'<path d="M{x:.1f} {foot:.1f} l-5 -9 h10 z" fill="{colour["ink"]}"/>')
            if end - x > 2:
                line = f'<line x1="{x:.1f}" x2="{end:.1f}" y1="{foot:.1f}" y2="{foot:.1f}"'
                found.append(f'{line} stroke="{colour["ink"]}" stroke-width="4"/>')
            if x > free:
                words = f"{sum(d.amount_mg for d in group):.3g} mg"
                found.append(_text(x - 5, foot + 38, words, colour["ink"], size=12))
                free = x + 12 + 8 * len(words)
        return found


def _legend(course: Course, colour: dict[str, str]) -> list[str]:
    entries = [("line", "main", "", f"{course.request.drug}, typical person")]
    if course.norketamine is not None:
        entries.append(("line", "other", "7 5", "norketamine, typical person"))
    if course.ketamine.p05 is not None:
        entries.append(("band", "main", "0.28", "5 to 95 % between people"))
    if course.ensemble is not None:
        entries.append(("band", "wide", "0.16", "5 to 95 % over several sets"))
    if course.sample is not None:
        entries.append(("line", "main", "2 4", "5 to 95 % of blood samples"))
    if course.uncertainty is not None:
        entries.append(("band", "main", "0.6", "typical person, 5 to 95 % by standard errors"))
    found: list[str] = []
    x, y, end = float(WHOLE.left), 70, WHOLE.width - WHOLE.right
    for kind, name, how, words in entries:
        wide = 52 + 6.5 * len(words)
        if x + wide > end:
            x, y = float(WHOLE.left), y + 22
        if kind == "line":
            dashed = f' stroke-dasharray="{how}"' if how else ""
            found.append(
                f'<line x1="{x}" x2="{x + 28}" y1="{y}" y2="{y}" stroke="{colour[name]}" stroke-width="2.5"{dashed}/>'
            )
        else:
            look = f'fill="{colour[name]}" fill-opacity="{how}" stroke="{colour[name]}" stroke-width="0.6"'
            found.append(f'<rect x="{x}" y="{y - 7}" width="28" height="14" {look}/>')
        found.append(_text(x + 34, y + 5, words, colour["ink"]))
        x += wide
    return found


def _notes(warnings: Sequence[str], colour: dict[str, str]) -> list[str]:
    lines, room, most = [], 4, 140
    for text in warnings:
        lines.append(text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + " …")
    shown = (
        lines
        if len(lines) <= room
        else [*lines[: room - 1], f"and {len(lines) - room + 1} more notes beside the numbers"]
    )
    y = WHOLE.height - WHOLE.bottom + 60
    return [_text(WHOLE.left, y + 20 * place, text, colour["ink"], size=12) for place, text in enumerate(shown)]


def _text(
    x: float, y: float, words: str, colour: str, *, size: int = 13, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )


def _nice(rough: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
