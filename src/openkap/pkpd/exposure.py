"""
Exposures: highest concentration and area of a dose that somebody has chosen, and what sessions leave for the next.

Exposures by several routes may be put beside each other. No amount follows from them, and none is converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from openkap.pkpd.bands import single
from openkap.pkpd.course import drawn_blocks, sessions, typical_blocks
from openkap.pkpd.interact import change
from openkap.pkpd.types import Request
from openkap.pkpd.variant import model_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_MIN = 1440.0
PEOPLE = 200
JUST_BEFORE = 0.01  # min: what is left before a dose, without the dose
_AFTER_MIN = 720.0  # within it a session's highest concentration, also that of norketamine by mouth


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """
    What reaches the blood within a day of the first dose.

    Args:
        model: the set.
        peak: highest ketamine, ng/mL, of the typical person; peak_low, peak_high: 5 and 95 % of people.
        peak_min: when the typical person reaches it, minutes after the first dose.
        area: under the line over 24 h, ng·h/mL; area_low, area_high: 5 and 95 % of people.
    """

    model: str
    peak: float
    peak_low: float
    peak_high: float
    peak_min: float
    area: float
    area_low: float
    area_high: float


class Accumulation(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a course of sessions adds up to, for the typical person.

    Args:
        sessions: how many.
        peak_ratio: highest ketamine of the last session over that of the first.
        norketamine_ratio: the same of norketamine; None where the set has none.
        left: the most ketamine that is left just before a later session, ng/mL; nought for one session.
    """

    sessions: int
    peak_ratio: float
    norketamine_ratio: float | None
    left: float


def exposure(request: Request) -> Exposure:
    """
    Exposure to a request's doses over the day after its first; its population is drawn, 200 people where it has none.

    Source: the rows of the set and of the agents.
    """
    import numpy as np

    model = model_of(request)
    applied = change(model, [dose.route for dose in request.doses], request.interactions)
    first = min(dose.at_min for dose in request.doses)
    ends = [dose.at_min + dose.duration_min for dose in request.doses]
    times = np.union1d(first + _grid(), [end for end in ends if end <= first + DAY_MIN])  # an infusion peaks at its end
    wanted = request.population
    n, seed = (wanted.n, wanted.seed) if wanted else (PEOPLE, 1)
    line = single(typical_blocks(model, request.subject, request.doses, applied), times)[0]
    rng = np.random.default_rng(seed)
    people = single(drawn_blocks(model, request.subject, request.doses, applied, n, rng), times)[0]
    peaks, areas = people.max(axis=0), _area(people, times)
    return Exposure(
        model=model.id,
        peak=float(line.max()),
        peak_low=float(np.quantile(peaks, 0.05)),
        peak_high=float(np.quantile(peaks, 0.95)),
        peak_min=float(times[line[:, 0].argmax()] - first),
        area=float(_area(line, times)[0]),
        area_low=float(np.quantile(areas, 0.05)),
        area_high=float(np.quantile(areas, 0.95)),
    )


def accumulation(request: Request) -> Accumulation:
    """
    What the sessions of a request leave for each other.

    Source: the rows of the set; PKE-ACCUM says what it means.
    """
    import numpy as np

    model = model_of(request)
    applied = change(model, [dose.route for dose in request.doses], request.interactions)
    blocks = typical_blocks(model, request.subject, request.doses, applied)
    starts = [group[0].at_min for group in sessions(request.doses)]
    after = np.arange(0.0, _AFTER_MIN + 1.0)
    first, last = (single(blocks, start + after)[:, :, 0].max(axis=1) for start in (starts[0], starts[-1]))
    before = np.array(starts[1:]) - JUST_BEFORE
    return Accumulation(
        sessions=len(starts),
        peak_ratio=float(last[0] / first[0]),
        norketamine_ratio=float(last[1] / first[1]) if len(first) > 1 else None,
        left=float(single(blocks, before)[0].max()) if len(before) else 0.0,
    )


def _grid() -> NDArray:
    """Every 2 min for 6 h, then every 15 min to 24 h."""
    import numpy as np

    return np.concatenate([np.arange(0.0, 360.0, 2.0), np.arange(360.0, DAY_MIN + 1.0, 15.0)])


def _area(lines: NDArray, times: NDArray) -> NDArray:
    """ng·h/mL under each column; lines has shape (T, n)."""
    import numpy as np

    return np.asarray(np.trapezoid(lines, times, axis=0) / 60)
