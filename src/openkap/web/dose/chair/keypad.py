"""The keypad of the chair page: what can be entered, with which keys, and what is said of a value that leaps."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from openkap.dose.due import newest, shown, valid
from openkap.dose.protocol import Measure
from openkap.dose.session import Session
from openkap.dose.types import Reading
from openkap.kernel.quantity import unit_words
from openkap.web.dose.chair.shown import SHORT, When, figure, in_order

ONE_TAP = 25  # values: a scale with no more of them has a key for each
TENS = 10


@dataclass(frozen=True, slots=True)
class Pad:
    """
    One thing to enter, for the script.

    Args:
        unit, code: as people write it, and as the record does.
        least, most: what the keys can say (`types.Measure`).
        first: the first of the ten keys of tens; 0 where each value has its own key.
        low, high: what the ends of a scale mean.
        last: the last value and when it was taken, said beside the keys.
    """

    name: str
    title: str
    short: str
    unit: str
    code: str
    least: int
    most: int
    single: bool
    first: int
    low: str
    high: str
    last: str
    vital: bool


def pads(session: Session, ends: dict[str, tuple[str, str]], when: When) -> tuple[Pad, ...]:
    """
    What the keypad asks, in a fixed order: the vital signs, then the scales.

    Args:
        ends: words of the low and the high end by measure, from content; when: the clock of the site.
    """
    return tuple(_pad(session, measure, ends, when) for measure in in_order(session.protocol.measures))


def _pad(session: Session, measure: Measure, ends: dict[str, tuple[str, str]], when: When) -> Pad:
    least, most = int(measure.least), int(measure.most)
    single = most - least <= ONE_TAP
    last = newest(session, measure.name)
    low, high = ends.get(measure.name, ("", ""))
    score = measure.unit == "{score}"
    return Pad(
        name=measure.name,
        title=str(measure.title),
        short=str(SHORT.get(measure.name, measure.title)),
        unit="" if score else unit_words(measure.unit),
        code=measure.unit,
        least=least,
        most=most,
        single=single,
        first=0 if single else _first_ten(session, measure, last),
        low=low,
        high=high,
        last=f"{figure(last.quantity.value)}, {when.clock(last.taken_s)}" if last else "",
        vital=measure.check == "vitals",
    )


def _first_ten(session: Session, measure: Measure, last: Reading | None) -> int:
    """
    The first of ten keys that stand still: they hold the alert lines, on the side where a value breaks them last.

    Moved where the last value is off them.
    """
    lines = [one for one in session.lines or session.protocol.lines if one.measure == measure.name]
    highs = [int(one.limit) // TENS for one in lines if one.test in ("at-least", "above")]
    lows = [int(one.limit) // TENS for one in lines if one.test in ("below", "at-most")]
    top = int(measure.most) // TENS - TENS + 1
    if highs and lows:
        first = (min(lows) + max(highs) - TENS + 1) // 2
    elif highs:
        first = max(highs) - TENS + 3
    else:
        first = min(lows) - 2 if lows else int(measure.least) // TENS
    first = max(0, min(first, top))
    if last is not None and not first <= int(last.quantity.value) // TENS < first + TENS:
        first = max(0, min(int(last.quantity.value) // TENS - TENS // 2, top))
    return first


def leap_words(session: Session, key: str) -> str:
    """What is said at the key of a value that leapt: it is measured again; empty where it did not."""
    reading = next((one for one in session.readings if one.id == key), None)
    if reading is None or reading.confirmed or reading.voided:
        return ""
    measure = session.protocol.measures[reading.measure]
    words = {
        "what": f"{SHORT.get(reading.measure, measure.title)} {figure(reading.quantity.value)}",
        "unit": unit_words(measure.unit),
    }
    return _("%(what)s %(unit)s is a leap: measure it again now.") % words


def last_values(session: Session, when: When) -> tuple[tuple[str, str], ...]:
    """Last value of each measure that was read, with its clock time, for the sheets."""
    found = []
    for measure in in_order(session.protocol.measures):
        readings = valid(session, measure.name)
        if readings:
            last, now = readings[-1], shown(session, measure.name)
            unit = "" if measure.unit == "{score}" else f" {unit_words(measure.unit)}"
            old = _(", overdue") if now is not None and now.overdue else ""
            said = f"{figure(last.quantity.value)}{unit}, {when.clock(last.taken_s)}{old}"
            found.append((str(SHORT.get(measure.name, measure.title)), said))
    return tuple(found)
