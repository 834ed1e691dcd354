"""What is done at the chair before a dose: the limits in force are read back, and this screen is tried."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from openkap.dose.gate import LIMITS, TRIED
from openkap.dose.lines import read_back
from openkap.dose.session import Session
from openkap.dose.steps import BEFORE
from openkap.dose.types import Check
from openkap.kernel.truth import Truth
from openkap.web.dose.chair import paper
from openkap.web.dose.chair.shown import Reader, When


@dataclass(frozen=True, slots=True)
class Ready:
    """
    The panel.

    Args:
        limits: what, amber, red; digest: stands for them; read: who read them, empty while nobody did; changed: since.
        may_read: the reader may.
        tried: who tried a screen and what came of it; failed: it was not noticed.
        asked: a trial of the reader waits; came_s: after so many seconds this screen showed it.
        sound: the site has chosen sound.
    """

    limits: tuple[tuple[str, str, str], ...]
    digest: str
    read: str
    changed: bool
    may_read: bool
    tried: str
    failed: bool
    asked: bool
    came_s: int | None
    sound: bool

    @property
    def done(self) -> bool:
        return bool(self.read) and bool(self.tried) and not (self.changed or self.failed or self.asked)


def ready(session: Session, reader: Reader, when: When, *, sound: bool) -> Ready | None:
    """The panel; None once a dose was begun, and before the patient is here."""
    if session.phase not in BEFORE or session.clock is None:
        return None
    read, tried = _today(session, LIMITS), _today(session, TRIED)
    digest, trial = read_back(session), session.trial
    mine = trial is not None and trial.by.id == reader.id
    return Ready(
        limits=paper.limits(session),
        digest=digest,
        read=_said(read, when) if read and read.truth is Truth.TRUE else "",
        changed=read is not None and read.truth is Truth.TRUE and read.note != digest,
        may_read=reader.doses,
        tried=f"{_said(tried, when)}: {tried.note or tried.truth.value}" if tried else "",
        failed=tried is not None and tried.truth is not Truth.TRUE,
        asked=mine,
        came_s=trial.shown_s - trial.asked_s if mine and trial is not None and trial.shown_s is not None else None,
        sound=sound,
    )


def _today(session: Session, name: str) -> Check | None:
    check = session.check(name)
    return check if check is not None and session.clock is not None and check.stamp.day == session.clock.day else None


def _said(check: Check, when: When) -> str:
    return _("%(name)s, %(at)s") % {"name": check.by.name, "at": when.clock(check.happened_s)}
