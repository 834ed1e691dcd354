"""
How much time has passed, whatever the clocks on the wall do (HAZ-37).

One boot of the server has one monotonic clock; across boots only the wall clock is left. What it says of the time
between counts for what may be late, and never for what must have lasted: the seconds that rest on it are kept apart,
and what was measured before the restart has no known age.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """One reading of the server's clocks: which boot, its monotonic seconds, the instant in UTC."""

    boot: str
    monotonic_s: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last moment of a session: clocks, elapsed time, and what of it was not sure (as `Elapsed`)."""

    tick: Tick
    elapsed_s: int
    unsure_s: int = 0
    sure_from_s: int | None = None


@dataclass(frozen=True, slots=True)
class Elapsed:
    """
    Seconds since a session was booked.

    Args:
        unsure_s: how many of them only the wall clock says, over all restarts; they shorten no stay.
        sure_from_s: when the last restart was over; what was measured up to then is stale. None: there was none.
    """

    seconds: int
    unsure_s: int = 0
    sure_from_s: int | None = None


def elapsed(anchor: Anchor, now: Tick) -> Elapsed:
    """The elapsed time of a session now; it never falls."""
    if anchor.tick.boot == now.boot:
        passed = max(0, round(now.monotonic_s - anchor.tick.monotonic_s))
        return Elapsed(anchor.elapsed_s + passed, anchor.unsure_s, anchor.sure_from_s)
    between = max(0, int((now.at - anchor.tick.at).total_seconds()))
    return Elapsed(anchor.elapsed_s + between, anchor.unsure_s + between, anchor.elapsed_s + between)


def skewed(device_at: datetime, at: datetime, limit_s: int) -> bool:
    """True if a device's clock is further from the server's than the limit; its times are then marked."""
    return abs((device_at - at).total_seconds()) > limit_s
