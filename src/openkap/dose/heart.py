"""
The heartbeat of the alerts: one row that says when every session in the house was last looked at, and by which process.

Screens show its age and say, when it is too old, that alerts do not work (WATCH-BEAT; RG-16).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Q

from openkap.dose import store
from openkap.dose.clock import Tick
from openkap.dose.models import Beat, ClockJump

LEASE_S = 3.0  # a process that has not beaten for so long has lost its turn to whoever looks next
NOISE_S = 5.0  # a clock that is held right by small steps is not moved; a machine that stood still neither


def stamp(holder: str) -> None:
    """Every session was looked at just now, by this process. What moved the clock since the last look is written."""
    now = store.tick()
    if moved := _moved(Beat.objects.filter(pk=1).first(), now):
        ClockJump.objects.create(boot=now.boot, before=now.at - moved, at=now.at)
    values = {"holder": holder, "boot": now.boot, "monotonic_s": now.monotonic_s, "at": now.at}
    Beat.objects.update_or_create(pk=1, defaults=values)


def age_s() -> float | None:
    """Seconds since the last beat; None if there never was one. Across a restart only the wall clock knows."""
    row = Beat.objects.filter(pk=1).first()
    return None if row is None else _age(row)


def moved_since(at: datetime) -> int:
    """Seconds by which the clock on the wall was moved since a moment; ahead is above 0. Across a restart: unknown."""
    jumps = ClockJump.objects.filter(Q(at__gt=at) | Q(before__gt=at))
    total = sum((jump.at - jump.before for jump in jumps), timedelta())
    total += _moved(Beat.objects.filter(pk=1).first(), store.tick())  # one of a moment ago, not yet written
    return round(total.total_seconds())


def _moved(last: Beat | None, now: Tick) -> timedelta:
    """By how much the clock on the wall was moved since the last beat, against the one that only goes forward."""
    if last is None or last.boot != now.boot or now.monotonic_s < last.monotonic_s:
        return timedelta()
    moved = now.at - last.at - timedelta(seconds=now.monotonic_s - last.monotonic_s)
    return moved if abs(moved.total_seconds()) > NOISE_S else timedelta()


def is_mine(holder: str) -> bool:
    """True if this process is the one to beat: it did so last, or whoever did is silent for longer than the lease."""
    row = Beat.objects.filter(pk=1).first()
    return row is None or row.holder == holder or _age(row) > LEASE_S


def _age(row: Beat) -> float:
    now = store.tick()
    if row.boot == now.boot:
        return max(0.0, now.monotonic_s - row.monotonic_s)
    return max(0.0, (datetime.now(UTC) - row.at).total_seconds())
