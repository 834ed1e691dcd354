"""
How much time has passed, whatever the clocks on the wall do (HAZ-37).

One boot of the server has one monotonic clock; across boots only the wall clock is left, and it is read so that it can
never shorten a stay: time that cannot be known counts as not passed.
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
    """The last moment at which the elapsed time of a session was known."""

    tick: Tick
    elapsed_s: int


@dataclass(frozen=True, slots=True)
class Elapsed:
    """
    Seconds since a session was booked.

    Args:
        sure: False across a restart of the machine, where the wall clock had to be believed.
    """

    seconds: int
    sure: bool


def elapsed(anchor: Anchor, now: Tick) -> Elapsed:
    """The elapsed time of a session now; it never falls."""
    if anchor.tick.boot == now.boot:
        return Elapsed(anchor.elapsed_s + max(0, round(now.monotonic_s - anchor.tick.monotonic_s)), True)
    return Elapsed(anchor.elapsed_s + max(0, int((now.at - anchor.tick.at).total_seconds())), False)


def skewed(device_at: datetime, at: datetime, limit_s: int) -> bool:
    """True if a device's clock is further from the server's than the limit; its times are then marked."""
    return abs((device_at - at).total_seconds()) > limit_s
