"""
One tile of the board: what a chair says at four metres. Pure; no number of a patient, no name of one.

A tile has one thing to say, the most urgent: an emergency, a red alert, a late check, an amber alert, what the gate
waits for, the next check. The rest is a count. Two wordings of it: `detail` for clinicians, `plain` for a wall and for
the coordinator, who learn that there is an alert and whose it is, and not about what, unless an observer is away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from openkap.dose import discharge
from openkap.dose.alerts import AWAY, CHECKS, ORDER, coming, messages_of
from openkap.dose.day import Stranded
from openkap.dose.due import ALWAYS, due, late, upcoming
from openkap.dose.floor import Beyond
from openkap.dose.gate import ACUTE, BASELINE, DAY, PERSON, PRESSURE, SCREEN, STALE, gate, reasons
from openkap.dose.session import Session
from openkap.dose.types import DOSED, Alert, Finding, Phase, Ring

Shape = Literal["", "stop", "hold", "caution", "ok", "miss"]
Words = str | Promise

PHASES: dict[Phase, Words] = {
    Phase.BOOKED: gettext_lazy("Booked"),
    Phase.ARRIVED: gettext_lazy("Arrived"),
    Phase.GATE: gettext_lazy("At the gate"),
    Phase.READY: gettext_lazy("Ready for the dose"),
    Phase.DOSING: gettext_lazy("Dosing"),
    Phase.PAUSED: gettext_lazy("Paused"),
    Phase.STOPPED: gettext_lazy("Stopped"),
    Phase.PEAK: gettext_lazy("Acute effect"),
    Phase.RECOVERY: gettext_lazy("Recovery"),
    Phase.ESCALATED: gettext_lazy("Emergency"),
    Phase.DISCHARGED: gettext_lazy("Discharged"),
    Phase.TRANSFERRED: gettext_lazy("Transferred"),
    Phase.LEFT_EARLY: gettext_lazy("Left early"),
    Phase.CANCELLED: gettext_lazy("Cancelled"),
}
RINGS: dict[Ring, Words] = {
    "bedside": gettext_lazy("bedside"),
    "room": gettext_lazy("room"),
    "prescriber": gettext_lazy("prescriber"),
    "site-phone": gettext_lazy("on call"),
}
PRESCRIBERS = frozenset({"order", "hold", "decision"})


@dataclass(frozen=True, slots=True)
class Tile:
    """
    One chair.

    Args:
        chair, stage, initials: who is where, and how far; stage of a free chair is empty.
        shape: of the status, after which shape, word and colour go; empty while nothing is wrong.
        main: the one thing to read; detail, plain: what stands beneath it, for clinicians and for everybody.
        more: what else is wrong, in words; silent: that the tablet is not heard, empty while it is.
        free: nobody is in the chair.
        level: of the worst open alert, for screen readers and tests.
    """

    chair: str
    stage: str
    initials: str
    main: str
    detail: str = ""
    plain: str = ""
    shape: Shape = ""
    more: tuple[str, ...] = ()
    silent: str = ""
    free: bool = False
    level: str = ""


def free(chair: str, next_initials: Sequence[str]) -> Tile:
    """A chair in which nobody is, with who is booked into it today."""
    said = _("Today: %(who)s") % {"who": ", ".join(next_initials)} if next_initials else _("nobody booked today")
    return Tile(chair, "", "", _("Free"), said, said, free=True)


def tile(session: Session, chair: str, initials: str, zone: ZoneInfo, heard: timedelta | None = None) -> Tile:
    """
    A chair with somebody in it.

    Args:
        session: as it is now.
        heard: how long ago its tablet was heard of, where that is too long ago; None: it is there.
    """
    shape, main, detail, plain = _say(session, zone)
    open_ = session.open_alerts()
    more = []
    others = len(open_) - (1 if _leading(session) is not None else 0)
    if others > 0:
        more.append(ngettext("%(n)s more alert", "%(n)s more alerts", others) % {"n": others})
    failed = {m.phone for a in open_ if a.acknowledged is None for m in messages_of(a) if m.state != "sent"}
    more += [_("message to %(phone)s failed: call by hand") % {"phone": phone} for phone in sorted(failed)]
    silent = ""
    if heard is not None:
        minutes = int(heard.total_seconds() // 60)
        silent = _("tablet not heard for %(n)s\u00a0min") % {"n": minutes} if minutes else _("tablet not heard")
    level = "red" if session.open_alerts("red") else "amber" if open_ else ""
    if heard is not None and not shape:
        shape = "miss"
    return Tile(chair, stage(session), initials, main, detail, plain, shape, tuple(more), silent, level=level)


def nothing_known(chair: str, initials: str) -> Tile:
    """A session that could not be read: it is said, and the others go on."""
    said = _("Look at the patient and the monitor.")
    return Tile(chair, "", initials, _("Cannot be shown"), said, said, "miss")


def stage(session: Session) -> str:
    """The phase, and the minute: since the dose began, or since the phase did."""
    word = PHASES[session.phase]
    started = session.started_s
    if session.phase in DOSED and started is not None:
        return _("%(phase)s, minute %(n)s") % {"phase": word, "n": (session.now_s - started) // 60}
    return _("%(phase)s, %(n)s min") % {"phase": word, "n": (session.now_s - _since(session)) // 60}


def waits_for(session: Session) -> list[str]:
    """What keeps the gate shut, as kinds of thing in the order of the gate; each kind once."""
    if session.clock is None:
        return []
    found = [_kind(session, finding) for finding in reasons(gate(session, session.clock))]
    return list(dict.fromkeys(found))


# -- the one thing ---------------------------------------------------------------------------------------


def _say(session: Session, zone: ZoneInfo) -> tuple[Shape, str, str, str]:
    """Shape, the one thing, and what stands beneath it."""
    alert = _leading(session)
    if session.phase is Phase.ESCALATED:
        who = _hands(session, alert, zone) if alert else _watcher(session)
        return "stop", _("Emergency"), who, who
    if alert is not None and alert.level == "red":
        who = _hands(session, alert, zone)
        return "stop", _("Red alert"), _about(session, alert, who), who
    if (overdue := late(session)) and alert is not None:
        first = min(overdue, key=lambda d: d.at_s)
        minutes = (session.now_s - first.at_s) // 60
        who = _hands(session, alert, zone)
        shape: Shape = "stop" if any(d.state == "missed" for d in overdue) else "hold"
        return shape, _("Late %(n)s\u00a0min") % {"n": minutes}, _about(session, alert, who), who
    if alert is not None:
        again = next((d for d in due(session) if d.about == f"recheck {alert.about}"), None)
        left = -(-(again.at_s - session.now_s) // 60) if again else 0
        main = _("Recheck in %(n)s\u00a0min") % {"n": left} if again and left > 0 else _("Amber alert")
        if again and left <= 0:
            main = _("Recheck now")
        who = _hands(session, alert, zone)
        said = _about(session, alert, who)
        return "hold", main, said, said if alert.about == AWAY else who
    if session.phase in (Phase.ARRIVED, Phase.GATE):
        return _at_gate(session)
    if session.phase is Phase.READY:
        return "", _("Gate open"), _watcher(session), _watcher(session)
    if session.phase is Phase.RECOVERY and _may_leave(session):
        return "ok", _("May leave"), _("all criteria met"), ""
    return _next_check(session)


def _at_gate(session: Session) -> tuple[Shape, str, str, str]:
    waiting = waits_for(session)
    if not waiting:
        return "", _("All is there"), _watcher(session), _watcher(session)
    main = _("Waits for: %(what)s") % {"what": KINDS[waiting[0]]}
    under = []
    if waiting[0] in PRESCRIBERS:
        names = ", ".join(staff.name for staff in session.duty.rings.get("prescriber", ()))
        under.append(names or _("no prescriber on the floor"))
    rest = len(waiting) - 1
    if rest:
        under.append(ngettext("and %(n)s more thing", "and %(n)s more things", rest) % {"n": rest})
    said = ", ".join(under) or _watcher(session)
    return "", main, said, said


def _next_check(session: Session) -> tuple[Shape, str, str, str]:
    coming_up = upcoming(session)
    who = _watcher(session)
    if coming_up is None:
        return "", _("No check due"), who, who
    left = coming_up.at_s - session.now_s
    if left > 0:
        return "", _("Check in %(n)s\u00a0min") % {"n": -(-left // 60)}, who, who
    over = -left // 60
    return "caution", _("Check late, %(n)s\u00a0min") % {"n": over} if over else _("Check due now"), who, who


def _may_leave(session: Session) -> bool:
    return session.clock is not None and discharge.ready(discharge.criteria(session, session.clock))


def _leading(session: Session) -> Alert | None:
    """The alert that speaks: red before amber, one that nobody has before one that somebody has, late checks first."""
    found = session.open_alerts()
    return min(
        found,
        key=lambda a: (a.level != "red", a.acknowledged is not None, not a.about.startswith(CHECKS), a.raised_s),
        default=None,
    )


def _hands(session: Session, alert: Alert, zone: ZoneInfo) -> str:
    """Whose an alert is, and who comes next."""
    if alert.acknowledged is not None:
        return _("%(who)s has it") % {"who": alert.owner.name}
    then = coming(session, alert)
    if then is None:
        return alert.owner.name
    ring, at_s = then
    words = {"who": alert.owner.name, "next": RINGS[ring], "at": _clock(session, at_s, zone)}
    if alert.lapsed is not None:
        words["who"] = _("nobody, %(name)s is out of reach") % {"name": alert.lapsed[0].name}
    return _("%(who)s, then %(next)s %(at)s") % words


def _about(session: Session, alert: Alert, who: str) -> str:
    """What an alert is about, without any value, and whose it is."""
    name = alert.about.removeprefix("recheck ")
    protocol = session.protocol
    if name in protocol.measures:
        return f"{protocol.measures[name].title}: {who}"
    if name in protocol.marks:
        return f"{protocol.marks[name].title}: {who}"
    if name.startswith("vitals "):
        return _("Vitals: %(who)s") % {"who": who}
    if name.startswith("mind "):
        return _("Mental state: %(who)s") % {"who": who}
    if name == ORDER:
        return _("Order changed: %(who)s") % {"who": who}
    if name == AWAY:
        return _("Observer out of reach: %(who)s") % {"who": who}
    return who


def _watcher(session: Session) -> str:
    return session.observer.name if session.observer else _("nobody watches yet")


def _clock(session: Session, at_s: int, zone: ZoneInfo) -> str:
    now: datetime | None = session.clock.at if session.clock else None
    return (now + timedelta(seconds=at_s - session.now_s)).astimezone(zone).strftime("%H:%M") if now else ""


def _since(session: Session) -> int:
    """When the present phase began."""
    changed = [x.stamp.elapsed_s for x in session.log if x.after is session.phase and x.before is not session.phase]
    return changed[-1] if changed else 0


# -- what the gate waits for, as a kind of thing -----------------------------------------------------------

KINDS: dict[str, Words] = {
    "identity": gettext_lazy("name and birth date"),
    "screening": gettext_lazy("screening"),
    "questions": gettext_lazy("questions to the patient"),
    "order": gettext_lazy("signed order"),
    "readings": gettext_lazy("readings"),
    "watch": gettext_lazy("a free observer"),
    "hold": gettext_lazy("a hold to be settled"),
    "decision": gettext_lazy("a written decision"),
    "content": gettext_lazy("signed content"),
    "day": gettext_lazy("a chair and somebody to watch"),
    "no dose": gettext_lazy("no dose today"),
}
_BY_ROW = {
    PERSON: "identity",
    SCREEN: "screening",
    BASELINE: "readings",
    PRESSURE: "readings",
    STALE: "readings",
    ALWAYS: "readings",
    "PRE-8": "readings",
    ACUTE: "watch",
    DAY: "day",
    "CONTENT": "content",
    "ORDER-SIGNED": "order",
    "HAZ-14": "order",
}


def _kind(session: Session, finding: Finding) -> str:
    if finding.decidable:
        return "decision"
    if finding.row in _BY_ROW:
        return _BY_ROW[finding.row]
    if any(finding.row == item.row for item in session.protocol.items):
        return "questions"
    if any(finding.row == hold.cause for hold in session.held):
        return "hold"
    if any(finding.row in alert.rows for alert in session.alerts):
        return "no dose"
    if session.judged and any(finding.row == one.row for one in session.judged.blocking):
        return "screening"
    return "order"


# -- who is on the floor -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingShown:
    """
    One ring of the floor: its name, whose screen is alive and whose is not; nobody in the last ring is a fault.
    `phones` are those that get a message at it.
    """

    words: Words
    live: tuple[str, ...]
    away: tuple[str, ...]
    last: bool
    phones: tuple[str, ...] = ()

    @property
    def fault(self) -> bool:
        return self.last and not self.live and not self.away


def beyond_words(beyond: Iterable[Beyond], most: int) -> list[str]:
    """Who watches more people in the acute phase than one may, or watches without being on the floor."""
    found = []
    for one in beyond:
        if one.patients > most:
            text = ngettext(
                "%(who)s watches %(n)s person in the acute phase, %(most)s at most.",
                "%(who)s watches %(n)s people in the acute phase, %(most)s at most.",
                one.patients,
            )
            found.append(text % {"who": one.name, "n": one.patients, "most": most})
        if not one.there:
            found.append(_("%(who)s watches in the acute phase and is not on the floor.") % {"who": one.name})
    return found


def day_words(stranded: Iterable[tuple[Stranded, str, str]], zone: ZoneInfo) -> list[str]:
    """
    Sessions of the day that would stand without a chair or a watcher, each with its initials and chair.
    """
    found = []
    for one, who, chair in stranded:
        words = {"who": who, "at": f"{one.at.astimezone(zone):%H:%M}", "chair": chair}
        if one.lacks == "chair" and one.until is not None:
            words["until"] = f"{one.until.astimezone(zone):%H:%M}"
            text = _("%(who)s at %(at)s: %(chair)s is not free before about %(until)s.")
        else:
            text = _("%(who)s: nobody on duty can watch from %(at)s.")
        found.append(text % words)
    return found
