"""
A picture of a course: bands, the typical line, doses with their amounts, units; as SVG without script or outside font.

Every colour is written on its shape, so that any rasteriser makes the same PNG of it; `theme` chooses paper or a dark
room. Lines differ by dash and label as well as by colour. The numbers stand in a table elsewhere; the picture's
description tells its gist to a screen reader.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

from openkap.pkpd.course import sessions
from openkap.pkpd.types import Course, Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

Theme = Literal["light", "dark", "print"]

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 104, 152
MOST_POINTS = 800

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


def picture(course: Course, *, theme: Theme = "light", warnings: Sequence[str] | None = None) -> str:
    """
    The course as an SVG document.

    Args:
        course: as `simulate` gives it, of at least two times.
        theme: `light`, `dark` for a dark room, `print` in black.
        warnings: shown by number below; the course's own where None.

    Returns:
        The text of the picture, WIDTH x HEIGHT user units.
    """
    colour = COLOURS[theme]
    frame = _Frame.of(course)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' role="img" aria-labelledby="pk-title pk-text" font-family="sans-serif">',
        f'<title id="pk-title">{escape(_title(course))}</title>',
        f'<desc id="pk-text">{escape(_description(course))}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colour["paper"]}"/>',
        _text(LEFT, 26, _title(course), colour["ink"], size=18, weight="bold"),
        _text(LEFT, 48, _doses(course), colour["ink"]),
    ]
    parts += frame.axes(colour)
    if course.ensemble is not None:
        parts.append(frame.band(course.ensemble, colour["wide"], 0.16))
    if course.ketamine.p05 is not None:
        parts.append(frame.band(course.ketamine, colour["main"], 0.28))
    if course.norketamine is not None:
        parts.append(frame.line(course.norketamine.typical, colour["other"], dash="7 5"))
    parts.append(frame.line(course.ketamine.typical, colour["main"]))
    parts += frame.doses(course, colour)
    parts += _legend(course, colour)
    parts += _notes(course.warnings if warnings is None else warnings, colour)
    return "\n".join([*parts, "</svg>", ""])


def _title(course: Course) -> str:
    return f"{course.request.drug.capitalize()} in plasma, expected; set {course.request.model}"


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

    def __init__(self, times: Sequence[float], top: float):
        self.times = times
        self.first, self.span = times[0], max(times[-1] - times[0], 1.0)
        self.tick = _nice(top / 5)
        self.top = self.tick * math.ceil(top / self.tick) or 1.0
        self.every = max(1, math.ceil(len(times) / MOST_POINTS))

    @classmethod
    def of(cls, course: Course) -> _Frame:
        curves = [course.ketamine, course.norketamine, course.ensemble]
        tops = [float((c.p95 if c.p95 is not None else c.typical).max()) for c in curves if c is not None]
        tops += [float(course.ketamine.typical.max())]
        return cls(course.request.times_min, max(*tops, 1e-6))

    def x(self, minutes: float) -> float:
        return LEFT + (minutes - self.first) / self.span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)

    def points(self, line: NDArray) -> list[str]:
        """Points of a line; of every stretch of times too dense to draw, its highest."""
        found = []
        for start in range(0, len(self.times), self.every):
            place = start + int(line[start : start + self.every].argmax())
            found.append(f"{self.x(self.times[place]):.1f},{self.y(float(line[place])):.1f}")
        return found

    def line(self, line: NDArray, colour: str, dash: str = "") -> str:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        points = " ".join(self.points(line))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"{dashed}/>'

    def band(self, curve: Curve, colour: str, opacity: float) -> str:
        assert curve.p05 is not None and curve.p95 is not None
        around = [*self.points(curve.p95), *reversed(self.points(curve.p05))]
        look = f'fill="{colour}" fill-opacity="{opacity}" stroke="{colour}" stroke-width="0.6"'
        return f'<polygon points="{" ".join(around)}" {look}/>'

    def axes(self, colour: dict[str, str]) -> list[str]:
        found = []
        steps = round(self.top / self.tick)
        for step in range(steps + 1):
            value, y = step * self.tick, self.y(step * self.tick)
            found.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour["grid"]}"/>'
            )
            found.append(_text(LEFT - 8, y + 4, f"{value:g}", colour["ink"], anchor="end"))
        unit, size = ("d", 1440.0) if self.span > 4 * 1440 else ("h", 60.0) if self.span > 240 else ("min", 1.0)
        tick = _nice(self.span / size / 8)
        first = math.ceil(self.first / size / tick - 1e-9)
        last = math.floor((self.first + self.span) / size / tick + 1e-9)
        for at in (place * tick for place in range(first, last + 1)):
            x, foot = self.x(at * size), HEIGHT - BOTTOM
            found.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{foot}" y2="{foot + 5}" stroke="{colour["ink"]}"/>')
            found.append(_text(x, foot + 20, f"{at:g}", colour["ink"], anchor="middle"))
        found.append(_text(LEFT, TOP - 10, "ng/mL", colour["ink"]))
        found.append(_text(WIDTH - RIGHT, HEIGHT - BOTTOM + 38, f"time, {unit}", colour["ink"], anchor="end"))
        return found

    def doses(self, course: Course, colour: dict[str, str]) -> list[str]:
        """A mark on the axis for each dose, with the amount of each session beside it where there is room."""
        found, free = [], -math.inf
        for group in sessions(course.request.doses):
            x, foot = self.x(group[0].at_min), self.y(0)
            if not LEFT - 1 <= x <= WIDTH - RIGHT + 1:
                continue
            end = self.x(min(max(d.at_min + d.duration_min for d in group), self.first + self.span))
            found.append(f'<path d="M{x:.1f} {foot:.1f} l-5 -9 h10 z" fill="{colour["ink"]}"/>')
            if end - x > 2:
                line = f'<line x1="{x:.1f}" x2="{end:.1f}" y1="{foot:.1f}" y2="{foot:.1f}"'
                found.append(f'{line} stroke="{colour["ink"]}" stroke-width="4"/>')
            if x > free:
                words = f"{sum(d.amount_mg for d in group):.4g} mg"
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
    found, x = [], LEFT
    for kind, name, how, words in entries:
        if kind == "line":
            dashed = f' stroke-dasharray="{how}"' if how else ""
            found.append(
                f'<line x1="{x}" x2="{x + 28}" y1="70" y2="70" stroke="{colour[name]}" stroke-width="2.5"{dashed}/>'
            )
        else:
            look = f'fill="{colour[name]}" fill-opacity="{how}" stroke="{colour[name]}" stroke-width="0.6"'
            found.append(f'<rect x="{x}" y="63" width="28" height="14" {look}/>')
        found.append(_text(x + 34, 75, words, colour["ink"]))
        x += 48 + 7 * len(words)
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
    y = HEIGHT - BOTTOM + 60
    return [_text(LEFT, y + 20 * place, text, colour["ink"], size=12) for place, text in enumerate(shown)]


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
