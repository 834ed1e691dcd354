"""
What may be expected of a course: a window of dissociation and the chance of readiness to leave, as distributions.

Expectations for people, never a monitor and never a threshold that acts. Norketamine is not added. Every number comes
from effects.toml.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import msgspec

from openkap.pkpd.course import drawn_blocks, sessions
from openkap.pkpd.draw import flat, normal
from openkap.pkpd.interact import change
from openkap.pkpd.library import effect
from openkap.pkpd.solve import courses
from openkap.pkpd.types import Request
from openkap.pkpd.variant import model_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

READY = (0.50, 0.90, 0.97)
HORIZON_MIN, STEP_MIN = 720, 2
MOST_PEOPLE = 2_000
ENDS = (0.05, 0.50, 0.95)


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """
    What may be expected after the last session of a request; minutes count from that session's first dose.

    Args:
        session_at_min: when that session starts.
        reached: share of people whose effect site passes their own threshold.
        start_min, end_min: of the window, 5, 50 and 95 % among those who reach it; empty where hardly anyone does.
        times_min: shape (T,). ready: chance of readiness at each, shape (T,), never before a person's peak.
        ready_at_min: by share (0.5, 0.9, 0.97) the time from which the chance stays above it; None: not within 12 h.
        not_before_min: the fixed observation where the regimen has one here.
    """

    session_at_min: float
    reached: float
    start_min: tuple[float, ...]
    end_min: tuple[float, ...]
    times_min: NDArray
    ready: NDArray
    ready_at_min: dict[str, float | None]
    not_before_min: float | None

    def chance_at(self, minutes: float) -> float:
        """Chance of readiness so many minutes after the session's first dose; nought before it."""
        import numpy as np

        return float(np.interp(minutes, self.times_min, self.ready, left=0.0))


def expectation(request: Request) -> Expectation:
    """
    Window and readiness after the last session of a request.

    Args:
        request: its population (at most 2,000 of it) is drawn; 1,000 people where it has none.

    Source: PKE-LAG, PKE-WINDOW, PKE-EQUIV, PKE-READY.
    """
    import numpy as np

    model = model_of(request)
    wanted = request.population
    n, seed = (min(wanted.n, MOST_PEOPLE), wanted.seed) if wanted else (1_000, 1)
    rng = np.random.default_rng(seed)
    lag = effect("PKE-LAG")
    applied = change(model, [d.route for d in request.doses], request.interactions)
    blocks = drawn_blocks(
        model, request.subject, request.doses, applied, n, rng, ke0=(lag.number("ke0"), lag.number("log_sd"))
    )
    last = sessions(request.doses)[-1]
    start = last[0].at_min
    grid = np.arange(0.0, HORIZON_MIN + STEP_MIN, STEP_MIN)
    plasma, site = np.empty((len(grid), n)), np.empty((len(grid), n))
    for where, out in courses(blocks, grid + start):
        plasma[where], site[where] = out[0], out[-1]
    equivalent = effect("PKE-EQUIV")
    racemic = request.drug == "ketamine"
    potency = equivalent.number("low") + (equivalent.number("high") - equivalent.number("low")) * flat(n, rng)
    share = 0.5 + 0.5 * potency if racemic else np.ones(n)
    reached, begins, ends = _window(site * share, grid, rng)
    cautious = 0.5 + 0.5 * equivalent.number("readiness") if racemic else 1.0
    ready = _readiness(plasma * cautious)
    nasal = last[0].route == "nasal" and request.drug == "esketamine"
    return Expectation(
        session_at_min=start,
        reached=reached,
        start_min=begins,
        end_min=ends,
        times_min=grid,
        ready=ready,
        ready_at_min={f"{p:g}": _stays_above(ready, grid, p) for p in READY},
        not_before_min=effect("PKE-READY").number("observe_min") if nasal else None,
    )


def _window(site: NDArray, grid: NDArray, rng: Generator) -> tuple[float, tuple[float, ...], tuple[float, ...]]:
    """Share of people above their threshold, and when that begins and ends; site has shape (T, n)."""
    import numpy as np

    row = effect("PKE-WINDOW")
    threshold = row.number("median") * np.exp(row.number("log_sd") * normal(site.shape[1], rng))
    above = site > threshold
    who = above.any(axis=0)
    reached = float(who.mean())
    if reached < 0.05:
        return reached, (), ()
    first = grid[above[:, who].argmax(axis=0)]
    last = grid[len(grid) - 1 - above[::-1, who].argmax(axis=0)]
    begins = tuple(float(q) for q in np.quantile(first, ENDS))
    ends = tuple(float(q) for q in np.quantile(last, ENDS))
    return reached, begins, ends


def _readiness(plasma: NDArray) -> NDArray:
    """Mean over people of the chance that their concentration lies below their threshold, nought before their peak."""
    import numpy as np

    row = effect("PKE-READY")
    after = np.arange(len(plasma))[:, None] >= plasma.argmax(axis=0)
    with np.errstate(divide="ignore"):
        distance = (np.log(row.number("median")) - np.log(plasma)) / row.number("log_sd")
    chance: NDArray = np.where(after, _below(distance), 0.0).mean(axis=1)
    return chance


def _below(z: NDArray) -> NDArray:
    """The normal distribution function, by table: monotone, exact to 1e-6."""
    import math

    import numpy as np

    knots = np.linspace(-6.0, 6.0, 6001)
    values = np.array([0.5 * math.erfc(-x / sqrt(2)) for x in knots])
    return np.asarray(np.interp(z, knots, values))


def _stays_above(ready: NDArray, grid: NDArray, share: float) -> float | None:
    import numpy as np

    below = np.flatnonzero(ready < share)
    if not len(below):
        return float(grid[0])
    return float(grid[below[-1] + 1]) if below[-1] + 1 < len(grid) else None
