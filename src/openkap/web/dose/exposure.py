"""What one person has had altogether, for a panel of a page: `{% include "dose/_exposure.html" %}` with `exposure`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from openkap.dose import exposure, store
from openkap.dose.exposure import LINES, Exposure
from openkap.dose.harm import Due
from openkap.dose.known import had, use_of
from openkap.dose.selectors import sessions_of
from openkap.dose.types import Phase
from openkap.kernel.truth import Truth
from openkap.people.models import Patient
from openkap.plan.book import book_of
from openkap.web.case import site_of, today

ELSEWHERE = "exposure-asked"
LOOKED = 12  # sessions, the newest first, in which an answer is looked for


@dataclass(frozen=True)
class Panel:
    """
    The sum and what it rests on.

    Args:
        asked_on: when the newest clear yes about doses elsewhere was given. due: the screens for harm as they stand.
        rule: id of the row with the alert lines.
    """

    sum: Exposure
    asked_on: date | None
    due: tuple[Due, ...]
    rule: str = LINES


def panel(patient: Patient, on: date | None = None) -> Panel:
    """The exposure of a patient from `visible_patients`, by default today."""
    day = on or today(patient)
    asked_on = None
    rows = sessions_of(patient).filter(day__lte=day).exclude(phase=Phase.BOOKED.value)[:LOOKED]
    for row in rows:
        check = store.replayed(row)[0].check(ELSEWHERE)
        if check is not None and check.truth is Truth.TRUE:
            asked_on = row.day
            break
    doses = had(patient)
    last = max((one.on for one in doses if one.on <= day), default=None)
    asked = asked_on is not None and (last is None or asked_on >= last)
    book = book_of(site_of(patient))
    return Panel(exposure.exposure(doses, book, day, asked=asked), asked_on, use_of(patient, day).due)
