"""
What the parts of a page are given (`{% load parts %}`): plain values, made by views, drawn by templates.

Nothing here reads the database or decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from django.utils.functional import Promise

from openkap.web import words

Words = str | Promise
Shape = Literal["stop", "hold", "caution", "info", "ok", "miss", "plain"]


@dataclass(frozen=True)
class Step:
    """
    One stage of the pathway line.

    Args:
        name: of the stage.
        shape: ok is done, hold and stop block, miss waits for facts, plain is still to come.
        note: one line under it: what was done when, or what blocks.
        url: where the stage is worked on; empty if this person does not go there.
        current: the stage to work on now.
        state: the shape in one word, for those who do not see it.
        action: what a button that leads there says.
    """

    name: Words
    shape: Shape
    note: Words
    url: str = ""
    current: bool = False
    state: Words = ""
    action: Words = ""


@dataclass(frozen=True)
class AskRow:
    """
    A fact to ask for, in an ask-list.

    Args:
        question: what to ask.
        why: why it counts as not known.
        note: who was asked, when; empty if nobody.
        url, action: a button; none without `url`.
        decisive: it belongs to the shortest list that settles the verdict.
    """

    question: Words
    why: Words = ""
    note: Words = ""
    url: str = ""
    action: Words = ""
    decisive: bool = False
    code: str = ""


@dataclass(frozen=True)
class Evidence:
    """
    An evidence card.

    Args:
        grade: in letters, such as RCT; empty draws a dashed box.
        claim: one sentence.
        source: the work.
        checked: how it was read.
    """

    grade: str
    claim: Words
    source: Words
    checked: Words = ""


@dataclass(frozen=True)
class Change:
    """One line of a diff: what, its old and its new value (None: absent), and the reason."""

    what: Words
    old: Words | None
    new: Words | None
    reason: Words = ""

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


@dataclass(frozen=True)
class Point:
    """
    One score.

    Args:
        counts: False draws it hollow and leaves it out of the line: unfinished, too old, not scored.
        note: why it does not count, or how it was scored.
    """

    on: date
    value: Decimal
    counts: bool = True
    note: Words = ""


@dataclass(frozen=True)
class Series:
    """
    Scores of one instrument over time.

    Args:
        top: the highest possible score; the picture starts at zero.
        points: in any order.
        rules: (value, words) of lines that have a meaning, such as response.
        marks: days to mark, such as doses, with a short label.
        lower_is_better: said beside the picture; nothing is coloured by it.
    """

    name: str
    top: Decimal
    points: tuple[Point, ...]
    rules: tuple[tuple[Decimal, Words], ...] = ()
    marks: tuple[tuple[date, str], ...] = ()
    lower_is_better: bool | None = None


# ---------------------------------------------------------------- the picture of a series

_WIDE, _HIGH = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 96, 14, 34  # room for the labels


@dataclass(frozen=True)
class Drawn:
    """A series in the coordinates of its picture; numbers are text, so that no language changes them."""

    series: Series
    width: int
    height: int
    left: str
    right: str
    base: str
    grid: tuple[tuple[str, str], ...]
    line: str
    dots: tuple[tuple[str, str, str], ...]
    rules: tuple[tuple[str, Words], ...]
    marks: tuple[tuple[str, str], ...]
    days: tuple[tuple[str, str, date], ...]
    last: tuple[str, str, Decimal] | None
    rows: tuple[Point, ...]


def drawn(series: Series) -> Drawn:
    """Where everything of a series goes."""
    rows = tuple(sorted(series.points, key=lambda p: p.on))
    days = [p.on for p in rows] + [on for on, _ in series.marks]
    first, last = (min(days), max(days)) if days else (date.min, date.min)
    span = max((last - first).days, 1)
    right, base = _WIDE - _RIGHT, _HIGH - _BOTTOM

    def x(on: date) -> str:
        middle = (_LEFT + right) / 2
        return f"{middle if first == last else _LEFT + 8 + (right - _LEFT - 16) * (on - first).days / span:.1f}"

    def y(value: Decimal) -> str:
        return f"{base - (base - _TOP) * float(value / series.top):.1f}"

    counted = [p for p in rows if p.counts]
    ends = {first: "start" if first != last else "middle", last: "end" if first != last else "middle"}
    return Drawn(
        series,
        _WIDE,
        _HIGH,
        str(_LEFT),
        str(right),
        str(base),
        tuple((y(v), words.figure(v)) for v in _ticks(series.top)),
        " ".join(f"{x(p.on)},{y(p.value)}" for p in counted),
        tuple((x(p.on), y(p.value), "pt" if p.counts else "pt-off") for p in rows),
        tuple((y(value), text) for value, text in series.rules),
        tuple((x(on), text) for on, text in series.marks),
        tuple((x(on), anchor, on) for on, anchor in ends.items()) if days else (),
        (x(counted[-1].on), y(counted[-1].value), counted[-1].value) if counted else None,
        tuple(reversed(rows)),
    )


def _ticks(top: Decimal) -> list[Decimal]:
    """Zero, the highest score, and the middle where it is a whole number."""
    middle = top / 2
    return [Decimal(0), *([middle] if middle == middle.to_integral_value() else []), top]


# ---------------------------------------------------------------- a verdict and its findings


def tally(document: Mapping[str, Any]) -> list[tuple[str, Words, int]]:
    """
    How many findings of each class, what is not known first; a class without findings stays.

    Args:
        document: of `screen.document.screening_document`.

    Returns:
        (shape, word, count) rows.
    """
    found = [f for f in document["findings"] if f["truth"] != "false"]
    rows = [("miss", words.CLASSES["missing"], sum(f["truth"] == "unknown" for f in found))]
    for name in ("exclude", "hold", "caution", "inform"):
        count = sum(f["truth"] == "true" and f["class"] == name for f in found)
        rows.append((words.SHAPES[name], words.CLASSES[name], count))
    return rows


def by_class(findings: Iterable[Mapping[str, Any]]) -> list[tuple[str, Words, str, list[Mapping[str, Any]]]]:
    """
    Findings as the page shows them: not known, exclude, hold, caution, inform.

    Returns:
        (class, word, shape, findings) rows; empty classes stay.
    """
    kept: Sequence[Mapping[str, Any]] = [f for f in findings if f["truth"] != "false"]
    groups = {name: [f for f in kept if group(f) == name] for name in words.CLASSES}
    return [(name, words.CLASSES[name], words.SHAPES[name], rows) for name, rows in groups.items()]


def group(finding: Mapping[str, Any]) -> str:
    """The heading a finding stands under: its class if true, else `missing`."""
    return "missing" if finding["truth"] == "unknown" else str(finding["class"])
