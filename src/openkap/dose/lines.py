"""
How the numbers of the alert rows (ALT) are held against a reading.

The rows say in words what each number means ("{amber} mmHg or more, or a rise of {amber_rise} or more"); this table is
those words as comparisons, and loading fails where a row has a number that it does not name.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Literal

from openkap.dose.protocol import Line
from openkap.dose.rows import ReadingsFile
from openkap.dose.session import Session
from openkap.dose.types import Level, Test
from openkap.kernel.errors import ContentFault
from openkap.plan.book import Book

_LOWER, _HIGHER = "lower", "higher"

# row, number, level, comparison
TABLE: tuple[tuple[str, str, Level, Test], ...] = (
    ("ALT-SBP", "amber", "amber", "at-least"),
    ("ALT-SBP", "amber_rise", "amber", "rise"),
    ("ALT-SBP", "red", "red", "at-least"),
    ("ALT-SBP", "red_rise", "red", "rise"),
    ("ALT-DBP", "amber", "amber", "at-least"),
    ("ALT-DBP", "amber_rise", "amber", "rise"),
    ("ALT-DBP", "red", "red", "at-least"),
    ("ALT-DBP", "red_rise", "red", "rise"),
    ("ALT-SBP-LO", "amber", "amber", "below"),
    ("ALT-SBP-LO", "amber_fall", "amber", "fall"),
    ("ALT-SBP-LO", "red", "red", "below"),
    ("ALT-HR", "amber_high", "amber", "above"),
    ("ALT-HR", "amber_low", "amber", "below"),
    ("ALT-HR", "red_high", "red", "above"),
    ("ALT-HR", "red_low", "red", "below"),
    ("ALT-SPO2", "amber", "amber", "below"),
    ("ALT-SPO2", "red", "red", "below"),
    ("ALT-RR", "amber_low", "amber", "below"),
    ("ALT-RR", "amber_high", "amber", "above"),
    ("ALT-RR", "red_low", "red", "below"),
    ("ALT-SED-M", "amber", "amber", "at-most"),
    ("ALT-SED-M", "red", "red", "at-most"),
    ("ALT-SED-R", "amber", "amber", "at-most"),
    ("ALT-SED-R", "red", "red", "at-most"),
    ("ALT-AGI", "amber", "amber", "at-least"),
    ("ALT-AGI", "red", "red", "at-least"),
    ("ALT-DIS", "amber_distress", "amber", "at-least"),
    ("ALT-ANX", "amber_distress", "amber", "at-least"),
    ("ALT-ANX", "red_distress", "red", "at-least"),
    ("ALT-NAUS", "amber", "amber", "at-least"),
)

# Numbers that no single reading is held against: seconds without breath or saturation are marks, vomits are counted.
ELSEWHERE = {("ALT-SPO2", "red_s"), ("ALT-RR", "red_apnoea_s"), ("ALT-NAUS", "red_vomits")}

# Lines that compare with an earlier session and have no number.
PRIOR = (("ALT-DIS", "cadss-6"), ("ALT-DIS", "cadss"))

_TIGHTER: dict[Test, Literal["lower", "higher"]] = {
    "at-least": "lower",
    "above": "lower",
    "rise": "lower",
    "fall": "lower",
    "below": "higher",
    "at-most": "higher",
}


def lines_of(book: Book, readings: ReadingsFile) -> tuple[Line, ...]:
    """
    Every line with the measure it is held against.

    Raises:
        ContentFault: an alert row has a number that no comparison stands for, or a row lacks a number of the table.
    """
    rows = {row.id: row for row in book.monitoring.alert}
    named = {(row, number) for row, number, _, _ in TABLE} | ELSEWHERE
    held = {(row.id, number) for row in rows.values() for number in row.numbers}
    if strange := sorted(held ^ named):
        row, number = strange[0]
        raise ContentFault(f"monitoring.toml: {row} {number} and the table of comparisons do not agree; correct one.")
    found = []
    for row, number, level, test in TABLE:
        for measure in _measures(row, readings):
            found.append(Line(row, number, measure, level, test, rows[row].numbers[number], _TIGHTER[test]))
    return tuple(found)


def _measures(row: str, readings: ReadingsFile) -> list[str]:
    """The measures that an alert row speaks of; a distress line of ALT-DIS is held against distress alone."""
    named = [one.name for one in readings.measure if row in one.alerts]
    prior = {measure for other, measure in PRIOR if other == row}
    return [name for name in named if name not in prior]


def read_back(session: Session) -> str:
    """What stands for the lines in force now, word for word: whoever reads them back says which they read (HAZ-40)."""
    lines = session.lines or session.protocol.lines
    said = sorted(f"{one.row} {one.name} {one.measure} {one.test} {one.limit.normalize()}" for one in lines)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def loosens(line: Line, value: Decimal) -> bool:
    """True if a new value makes a line break later."""
    return value > line.limit if line.tighter == "lower" else value < line.limit
