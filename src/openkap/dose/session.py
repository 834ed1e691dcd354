"""A watched session, whole: what `types.py` has in parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from openkap.dose.protocol import Line, Protocol
from openkap.dose.types import (
    ENDED,
    Administration,
    Alert,
    Check,
    Decision,
    Draw,
    Duty,
    Entry,
    Finding,
    Hold,
    Identity,
    Judged,
    Level,
    Mark,
    Order,
    Person,
    Phase,
    Reading,
    Staff,
    Stamp,
    Trial,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """
    A watched session, all of it. It equals the replay of its `log` by `steps.step`.

    Args:
        id, patient: bound for life; day: of the dose, on the site's calendar.
        observer: who watches now; `offered`: to whom the watch was offered and is not yet taken.
        maintenance: of a maintenance course; dose_times: earlier parenteral doses; of both None: not known.
        read_since: a value came or was struck since the screening was judged.
        lines: alert lines in force, those of the protocol with the prescriber's changes for this session.
        baseline: the last readings before the first dose, by measure; amended when one of them is.
        before_dose: how many readings there were when the first dose began.
        peaks: highest dissociation of earlier sessions, by measure.
        harm: what screens for harm and the pattern of use say; doses: how many were had before; None: not known.
        trial: the screen that is tried and of which nobody has said yet what they noticed.
        log: accepted events in order, as written.
    """

    id: str
    patient: str
    person: Person
    day: date
    protocol: Protocol
    phase: Phase = Phase.BOOKED
    clock: Stamp | None = None
    observer: Staff | None = None
    offered: Staff | None = None
    duty: Duty = field(default_factory=Duty)
    identity: Identity | None = None
    dose_identity: Identity | None = None
    judged: Judged | None = None
    judged_s: int = 0
    read_since: bool = False
    checks: tuple[Check, ...] = ()
    decisions: tuple[Decision, ...] = ()
    holds: tuple[Hold, ...] = ()
    maintenance: bool | None = None
    dose_times: tuple[datetime, ...] | None = None
    fear: Decimal | None = None
    lines: tuple[Line, ...] = ()
    orders: tuple[Order, ...] = ()
    draw: Draw | None = None
    given: tuple[Administration, ...] = ()
    readings: tuple[Reading, ...] = ()
    baseline: Mapping[str, Decimal] = field(default_factory=dict)
    before_dose: int = 0
    peaks: Mapping[str, Decimal] = field(default_factory=dict)
    harm: tuple[Finding, ...] | None = None
    doses: int | None = None
    marks: tuple[Mark, ...] = ()
    alerts: tuple[Alert, ...] = ()
    trial: Trial | None = None
    log: tuple[Entry, ...] = ()

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """What follows from this session alone, worked out once: a session never changes."""
        kept: dict[Hashable, T] = self.__dict__.setdefault("kept", {})
        if what not in kept:
            kept[what] = make()
        return kept[what]

    @property
    def now_s(self) -> int:
        return self.clock.elapsed_s if self.clock else 0

    @property
    def started_s(self) -> int | None:
        """When the last dose began: watch and stay count from there."""
        return self.given[-1].started.elapsed_s if self.given else None

    @property
    def running(self) -> Administration | None:
        """The infusion, lozenge or device that is being given now."""
        return self.given[-1] if self.given and self.given[-1].ended is None else None

    @property
    def ended_s(self) -> int | None:
        """When the last drug ended; None while it runs or was never given."""
        last = self.given[-1].ended if self.given else None
        return last.elapsed_s if last else None

    @property
    def over_s(self) -> int | None:
        """When the session ended; None before."""
        return next((x.stamp.elapsed_s for x in self.log if x.after in ENDED and x.before not in ENDED), None)

    @property
    def order(self) -> Order | None:
        """The newest version of the newest order."""
        return self.orders[-1] if self.orders else None

    @property
    def held(self) -> tuple[Hold, ...]:
        return tuple(hold for hold in self.holds if not hold.lifted)

    def open_alerts(self, level: Level | None = None) -> tuple[Alert, ...]:
        """Alerts not ended, of one level or of both."""
        return tuple(a for a in self.alerts if a.open and level in (None, a.level))

    def check(self, name: str) -> Check | None:
        """The answer to a question that was given last, whenever it came in."""
        return max((c for c in reversed(self.checks) if c.name == name), key=lambda c: c.happened_s, default=None)
