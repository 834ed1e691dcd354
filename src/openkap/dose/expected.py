"""
What is drawn behind the readings: marks of the pressure that trials found, and the doses for the forecast of the
concentration.

The sources (VIT rows) give a peak, a spread and a time of return. Those marks are drawn and no curve between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openkap.dose.session import Session
from openkap.dose.types import Administration
from openkap.kernel.source import Verified

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Expected:
    """
    One mark behind the pressure.

    Args:
        row, text, evidence, verified: of the VIT row, said beside the mark.
        at_min: minute of the mean peak from the start of the dose; None where the row gives none.
        systolic, diastolic: mean rise there, and with a baseline the pressure it comes to; None where not given.
        back_min: minute by which the pressure was back, from the start; None where not given or not yet known.
    """

    row: str
    text: str
    evidence: str
    verified: Verified
    at_min: int | None = None
    systolic: Decimal | None = None
    diastolic: Decimal | None = None
    systolic_at: Decimal | None = None
    diastolic_at: Decimal | None = None
    back_min: int | None = None


def expected(session: Session) -> tuple[Expected, ...]:
    """The marks for the route of this session; rows that give neither a minute nor a return draw nothing."""
    found = []
    for row in session.protocol.book.monitoring.statement:
        if row.group != "course" or session.protocol.route not in row.routes:
            continue
        peak = row.numbers.get("peak_min", row.numbers.get("at_min"))
        back = _back(session, row.numbers.get("back_min"), row.numbers.get("hours"))
        if peak is None and back is None:
            continue
        rises = {name: row.numbers.get(name) for name in ("systolic", "diastolic")}
        at = {name: _plus(session.baseline.get(name), rise) for name, rise in rises.items()}
        found.append(
            Expected(
                row.id, row.text, row.evidence, row.verified, None if peak is None else int(peak),
                rises["systolic"], rises["diastolic"], at["systolic"], at["diastolic"], back,
            )
        )  # fmt: skip
    return tuple(found)


def doses(session: Session) -> tuple[dict[str, object], ...]:
    """
    What was given, as `openkap simulate` takes it: one entry for each stretch in which the drug ran.

    A running infusion counts to its planned end at the planned rate; one that was stopped with what was really given.
    Minutes are from the start of the first dose. Amounts in mg, floating, for a drawing and for nothing else.
    """
    if not session.given:
        return ()
    start = session.given[0].started.elapsed_s
    return tuple(part for dose in session.given for part in _parts(dose, start))


def _parts(dose: Administration, start: int) -> list[dict[str, object]]:
    begun = dose.started.elapsed_s
    if dose.duration_min is None:
        return [_part(dose, begun - start, 0, dose.given_mg.mg if dose.given_mg else dose.mg.mg)]
    stretches = _stretches(dose)
    ran = sum(until - since for since, until in stretches)
    if dose.given_mg is None:
        rest = max(0, int(dose.duration_min * MINUTE) - ran)
        since, until = stretches[-1]
        stretches[-1], ran = (since, until + rest), ran + rest
    amount = (dose.given_mg or dose.mg).mg
    return [
        _part(dose, since - start, until - since, amount * (until - since) / ran)
        for since, until in stretches
        if until > since
    ]


def _stretches(dose: Administration) -> list[tuple[int, int]]:
    """From when to when the drug ran; an open one up to where it was last known."""
    found, since = [], dose.started.elapsed_s
    for paused, resumed in dose.paused_s:
        found.append((since, paused))
        since = paused if resumed is None else resumed
    return [*found, (since, max(since, dose.ended.elapsed_s) if dose.ended else since)]


def _part(dose: Administration, at_s: int, lasts_s: int, mg: Decimal) -> dict[str, object]:
    return {
        "at_min": at_s / MINUTE,
        "route": dose.route,
        "amount_mg": float(mg),
        "duration_min": lasts_s / MINUTE,
    }


def _back(session: Session, minutes: Decimal | None, hours_after: Decimal | None) -> int | None:
    """The minute of return: as given from the start, or so many hours after the end of the infusion."""
    if minutes is not None:
        return int(minutes)
    if hours_after is None or session.ended_s is None or session.started_s is None:
        return None
    return (session.ended_s - session.started_s) // MINUTE + int(hours_after * MINUTE)


def _plus(base: Decimal | None, rise: Decimal | None) -> Decimal | None:
    return None if base is None or rise is None else base + rise
