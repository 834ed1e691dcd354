"""Going home as a page shows it: what is missing first, each line with its value, its limit and its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from openkap.dose.discharge import criteria, earliest_s, ready
from openkap.dose.protocol import Item
from openkap.dose.session import Session
from openkap.dose.types import ENDED, Check, Finding, Phase
from openkap.kernel.truth import Truth
from openkap.web.dose.chair.shown import PHASES
from openkap.web.dose.gate.shown import SAID, SHAPES
from openkap.web.parts import Shape, Words

KEYS, MET = "car-keys-asked", "escort-met"


@dataclass(frozen=True)
class Line:
    """
    One criterion.

    Args:
        shape: stop not met, miss not known, ok met. age: of the newest value behind it, in words.
        item: the question it is, if it is one; answer: the newest to it, `said` in a word.
    """

    finding: Finding
    shape: Shape
    age: str = ""
    item: Item | None = None
    answer: Check | None = None

    @property
    def said(self) -> Words:
        return SAID[self.answer.truth] if self.answer else ""


@dataclass(frozen=True)
class Shown:
    """
    The page.

    Args:
        open: lines not met or not known, those not known first; met: the others; may: every line is met, and the
            phase is the one from which somebody is sent home.
        stay: the shortest stay in words; until: when it ends, None while the dose runs or after it has.
        escort, keys: what was written down with the answers.
        at: when this was worked out.
    """

    open: tuple[Line, ...]
    met: tuple[Line, ...]
    may: bool
    over: bool
    recovering: bool
    phase: Words
    stay: str
    until: datetime | None
    escort: str
    keys: str
    at: datetime


def shown(session: Session) -> Shown:
    """The criteria of a session as it is at the moment of its clock."""
    now = session.clock
    assert now is not None
    found = criteria(session, now)
    asked = list(session.protocol.checks)
    lines = []
    for finding in found:
        item = next((one for one in asked if one.row == finding.row and finding.text.startswith(one.title)), None)
        answer = session.check(item.name) if item else None
        age = _age(now.elapsed_s - finding.taken_s) if finding.taken_s is not None else ""
        lines.append(Line(finding, SHAPES[finding.met], age, item, answer))
    left = [line for line in lines if line.finding.met is not Truth.TRUE]
    recovering = session.phase is Phase.RECOVERY
    until_s = earliest_s(session)
    left_s = until_s - now.elapsed_s if until_s is not None else None
    return Shown(
        open=tuple(sorted(left, key=lambda line: line.finding.met is Truth.FALSE)),
        met=tuple(line for line in lines if line.finding.met is Truth.TRUE),
        may=recovering and ready(found),
        over=session.phase in ENDED,
        recovering=recovering,
        phase=PHASES[session.phase],
        stay=_stay(left_s),
        until=now.at + timedelta(seconds=left_s) if left_s is not None and left_s > 0 else None,
        escort=_note(session, MET),
        keys=_note(session, KEYS),
        at=now.at,
    )


def _note(session: Session, name: str) -> str:
    """What was written down with the newest answer, if it was yes and was given after the dose."""
    check = session.check(name)
    since = session.ended_s
    if check is None or check.truth is not Truth.TRUE or since is None or check.happened_s < since:
        return ""
    return check.note


def _stay(left_s: int | None) -> str:
    if left_s is None:
        return _("The shortest stay counts from the end of the dose, which nobody has entered yet.")
    if left_s <= 0:
        return _("The shortest stay has passed.")
    minutes = -(-left_s // 60)
    return ngettext("%d min of the shortest stay left.", "%d min of the shortest stay left.", minutes) % minutes


def _age(seconds: int) -> str:
    minutes = max(0, seconds) // 60
    return _("just now") if minutes == 0 else _("%d min ago") % minutes
