"""
Which values, marks and missed checks a person must see, who has them, and whom they reach next.

An alert is stored state: it has an owner from the moment it is raised, one open alert stands for one thing, only a
person's acknowledgement stops its steps, and a new or worse value begins them anew. It is a secondary aid: the bedside
monitor's own alarm comes first.

Source: ALT-*, RES-8, WATCH-*, STEP-*; hazards 25, 33, 40, 41
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from openkap.dose.due import ALWAYS as EVERY
from openkap.dose.due import late, newest, valid
from openkap.dose.lines import PRIOR
from openkap.dose.protocol import AlertStep, Line
from openkap.dose.session import Session
from openkap.dose.types import RINGS, Alert, Effect, Level, Mark, Messaged, Reach, Reading, Ring, Staff
from openkap.kernel.quantity import number, unit_words
from openkap.people.types import Role

SECONDARY = "OpenKAP is a second pair of eyes. The bedside monitor's own alarm comes first."
SEDATION = ("ALT-SED-M", "ALT-SED-R")
VOMIT, NAUSEA = "vomit", "ALT-NAUS"
ARTEFACT = "artefact"
AWAY = "observer"
ORDER, ORDER_ROW = "order", "ORDER-CHANGED"  # a signed order was changed: it rings until somebody else has seen it
MISSED = "Check missed"
RECEIPT = "WATCH-RECEIPT"
CHECKS = ("vitals ", "mind ", "recheck ")

_WORDS = {
    "at-least": "at or above {limit}",
    "above": "above {limit}",
    "below": "below {limit}",
    "at-most": "at or below {limit}",
    "rise": "up {size} from baseline, limit {limit}",
    "fall": "down {size} from baseline, limit {limit}",
    "beyond-peak": "above the highest of earlier sessions, {limit}",
}


# -- which lines a value breaks --------------------------------------------------------------------------


def lines_for(session: Session, measure: str) -> list[Line]:
    """The lines in force for a measure, with that of earlier sessions where there were any."""
    found = [line for line in session.lines if line.measure == measure]
    peak = session.peaks.get(measure)
    if peak is not None:
        found += [Line(row, "peak", measure, "amber", "beyond-peak", peak, "lower") for row, m in PRIOR if m == measure]
    return found


def broken(session: Session, measure: str, value: Decimal) -> list[Line]:
    """The lines that a value breaks, worst first."""
    baseline = session.baseline.get(measure)
    found = [line for line in lines_for(session, measure) if _breaks(line, value, baseline)]
    return sorted(found, key=lambda line: line.level != "red")


def _breaks(line: Line, value: Decimal, baseline: Decimal | None) -> bool:
    match line.test:
        case "at-least":
            return value >= line.limit
        case "above" | "beyond-peak":
            return value > line.limit
        case "below":
            return value < line.limit
        case "at-most":
            return value <= line.limit
        case "rise":
            return baseline is not None and value - baseline >= line.limit
        case _:  # "fall"
            return baseline is not None and baseline - value >= line.limit


def leaps(session: Session, measure: str, value: Decimal, taken_s: int) -> bool:
    """True for a red value after a quiet one: it is measured again before it may clear anything."""
    before = [r for r in valid(session, measure) if r.taken_s <= taken_s]
    if not before:
        return False
    lines = broken(session, measure, value)
    return bool(lines) and lines[0].level == "red" and not broken(session, measure, before[-1].quantity.value)


def sedated(session: Session) -> bool:
    """True where the newest sedation score is at its amber line or beyond."""
    last = newest(session, "moaas", "rass")
    return last is not None and any(line.row in SEDATION for line in broken(session, last.measure, last.quantity.value))


# -- raising, ending -------------------------------------------------------------------------------------


def after_reading(session: Session, reading: Reading) -> tuple[Session, list[Effect]]:
    """The alerts after a new value: raised, persisting, worse, or over."""
    value = reading.quantity.value
    lines = broken(session, reading.measure, value)
    standing = _standing(session, reading.measure)
    vomited = _standing(session, VOMIT)
    if vomited is not None and vomited.level == "amber" and any(line.row in SEDATION for line in lines):
        session, said = raised(session, VOMIT, "red", vomited.rows, vomited.text, vomited.id)
        session, more = after_reading(session, reading)
        return session, [*said, *more]
    if not lines:
        return _quiet(session, standing, reading)
    measure = session.protocol.measures[reading.measure]
    text = f"{measure.title} {number(value)} {unit_words(measure.unit)}: {_why(session, lines[0], value)}".rstrip()
    if late_min := (reading.entered.elapsed_s - reading.taken_s) // 60:
        text += f", measured {late_min} min ago"
    rows = tuple(dict.fromkeys(line.row for line in lines if line.level == lines[0].level))
    return raised(
        session,
        reading.measure,
        lines[0].level,
        rows,
        text,
        reading.id,
        value=value,
        high=_high(lines[0]),
        persists=True,
    )


def after_mark(session: Session, mark: Mark) -> tuple[Session, list[Effect]]:
    """The alert that a mark raises; vomiting is red from a number on, or while sedated."""
    kind = session.protocol.marks[mark.name]
    level = kind.level
    if mark.name == VOMIT:
        times = sum(m.name == VOMIT for m in session.marks)
        if times >= session.protocol.number(NAUSEA, "red_vomits") or sedated(session):
            level = "red"
    return raised(
        session, mark.name, level, (kind.row,), f"{kind.title}{': ' + mark.text if mark.text else ''}", mark.id
    )


def raised(
    session: Session,
    about: str,
    level: Level,
    rows: tuple[str, ...],
    text: str,
    source: str,
    *,
    value: Decimal | None = None,
    high: bool = True,
    persists: bool = False,
) -> tuple[Session, list[Effect]]:
    """
    Raise an alert, or add to the one that stands about the same thing.

    Args:
        source: id of the reading, mark or check behind it.
        value, high: for a value, and whether higher is worse.
        persists: it stands for a value measured again: the prescriber is told at once.

    Returns:
        The session, and what is to be shown and told.
    """
    now = session.now_s
    old = _standing(session, about)
    if old is None:
        new = Alert(source, about, level, rows, text, _owner(session), now, now, (source,), value)
        new = replace(new, since_n=_next_entry(session))
        session = replace(session, alerts=(*session.alerts, new))
        return escalated(session, [Effect("alert", new), *_red(new)])
    rises = level == "red" and old.level == "amber"
    worse = rises or _beyond(value, old.worst, high)
    seen_again = value is None  # a mark, or a check that is missed now: it is new whoever had the one before
    taken_by = old.acknowledged[0].role if old.acknowledged else None
    anew = rises or (taken_by is not None and (worse or seen_again or taken_by is not Role.PRESCRIBER))
    new = replace(old, level="red" if rises else old.level, text=text, readings=(*old.readings, source))
    new = replace(
        new, retake="", rows=rows if worse else old.rows, worst=value if worse and value is not None else old.worst
    )
    if anew:
        new = _anew(session, new)
    if anew or worse or seen_again:
        new = replace(new, silent_until_s=0)
    tell = persists and new.acknowledged is None and not _told(new, "prescriber")
    told = (_reach_of(session, "prescriber"),) if tell else ()
    new = replace(new, reached=(*new.reached, *told))
    effects = [Effect("alert", new), *(_red(new) if rises else []), *(Effect("escalate", (new, r)) for r in told)]
    return escalated(_put(session, new), effects)


def over(session: Session, alert: Alert, how: str) -> tuple[Session, list[Effect]]:
    """End an alert, saying how."""
    ended = replace(alert, ended=(how, session.now_s))
    return _put(session, ended), [Effect("ended", ended)]


def watched_checks(session: Session) -> tuple[Session, list[Effect]]:
    """
    Alerts about late checks: raised when one is late, over when it is done.

    A check that is missed is the prescriber's too, whoever acknowledged it before, and a running infusion should pause.
    """
    effects: list[Effect] = []
    open_ = {d.about: d for d in late(session)}
    for alert in session.open_alerts():
        if alert.about.startswith(CHECKS) and alert.about not in open_:
            session, more = over(session, alert, "done")
            effects += more
    for about, check in open_.items():
        standing = _standing(session, about)
        missed = check.state == "missed" and (standing is None or MISSED not in standing.text)
        if standing is not None and not missed:
            continue
        kind, what, *dose = about.split(" ", 2)
        name = f"{what} again" if kind == "recheck" else " ".join([kind, what, "min", *dose])
        text = f"{MISSED if missed else 'Check late'}: {name}"
        session, more = raised(session, about, "amber", (EVERY,), text, _source(session, about), persists=missed)
        effects += more
        if missed and session.running:
            effects.append(Effect("advise", "A check is missed: pause the infusion."))
    return session, effects


def watched_observer(session: Session) -> tuple[Session, list[Effect]]:
    """An alert while the observer's screen is not alive: it goes past the bedside at once (HAZ-42)."""
    if not session.duty.rings:
        return session, []  # nobody has said yet who can be reached
    away = _owner(session).id not in session.duty.live
    standing = _standing(session, AWAY)
    if standing is not None and not away:
        return over(session, standing, "the observer is back")
    if standing is not None or not away:
        return session, []
    text = f"{_owner(session).name}, who watches, is out of reach."
    return raised(session, AWAY, "amber", ("WATCH-IDLE",), text, _source(session, AWAY))


def lapsed(session: Session) -> tuple[Session, list[Effect]]:
    """
    What somebody had taken whose screens are silent for too long is nobody's again, and climbs anew (WATCH-OWNER).

    The observer is its owner meanwhile: there always is one.
    """
    said: list[Effect] = []
    for alert in session.open_alerts():
        if alert.acknowledged is not None and alert.acknowledged[0].id in session.duty.gone:
            had = alert.acknowledged[0]
            free = replace(_anew(session, alert), owner=_owner(session), silent_until_s=0, lapsed=(had, session.now_s))
            session = _put(session, free)
            said.append(Effect("alert", free))
    return session, said


def _anew(session: Session, alert: Alert) -> Alert:
    """Its ladder begins from here: nobody has it, and no screen has shown this."""
    return replace(alert, since_s=session.now_s, since_n=_next_entry(session), shown=(), acknowledged=None)


def _next_entry(session: Session) -> int:
    """The number that the entry of this step will have."""
    return len(session.log) + 1


def _quiet(session: Session, standing: Alert | None, reading: Reading) -> tuple[Session, list[Effect]]:
    """A quiet value ends an alert that somebody has acknowledged, if it is newer than what raised it."""
    if standing is None or not reading.confirmed:
        return session, []
    behind = _behind(session, standing)
    if any(r.taken_s >= reading.taken_s and not r.voided for r in behind):
        return session, []
    if struck(session, standing):
        return _retaken(session, standing, reading)
    if standing.acknowledged is None:
        return session, []
    return over(session, standing, "quiet at the recheck")


def struck(session: Session, alert: Alert) -> bool:
    """True where every value behind an alert was struck: it waits for a retake."""
    behind = _behind(session, alert)
    return bool(behind) and all(r.voided for r in behind)


def proven(session: Session, alert: Alert, by: Staff | None = None) -> bool:
    """
    True where what was struck is shown to be an artefact: retaken, and, if red, confirmed by a prescriber.

    Args:
        by: who confirms it now; None: nobody does, so the prescriber must have struck it.
    """
    if not any(r.id == alert.retake and not r.voided for r in session.readings):
        return False
    people = [by] if by else [r.voided_by for r in _behind(session, alert)]
    return alert.level == "amber" or all(one is not None and one.role is Role.PRESCRIBER for one in people)


def _retaken(session: Session, alert: Alert, reading: Reading) -> tuple[Session, list[Effect]]:
    """A retake is a value of its own, measured later than what was struck; a correction is none."""
    if reading.replaces or any(r.taken_s >= reading.taken_s for r in _behind(session, alert)):
        return session, []
    alert = replace(alert, retake=reading.id)
    session = _put(session, alert)
    if proven(session, alert):
        return over(session, alert, ARTEFACT)
    return session, [Effect("task", ("confirm the artefact", alert))]


def _behind(session: Session, alert: Alert) -> list[Reading]:
    return [r for r in session.readings if r.id in alert.readings]


# -- whom it reaches -------------------------------------------------------------------------------------


def escalated(session: Session, effects: Sequence[Effect] = ()) -> tuple[Session, list[Effect]]:
    """
    Every alert that nobody acknowledged, on its next ring if the time has come.

    A ring in which nobody has a live screen is skipped at once, and one of which no screen says in time that it shows
    the alert as soon as that time is over (WATCH-RECEIPT). After the last ring it is told again in the same time. A
    last ring with nobody in it reaches nobody: that is a fault of the site, and is said as one.
    """
    said = list(effects)
    for alert in session.open_alerts():
        if alert.acknowledged is None:
            moved, reaches = _climb(session, alert)
            session = _put(session, moved) if reaches else session
            said += [Effect("escalate", (moved, reach)) for reach in reaches]
            said += [Effect("fault", moved) for reach in reaches if reach.ring == RINGS[-1] and not reach.people]
    return session, said


def _climb(session: Session, alert: Alert) -> tuple[Alert, list[Reach]]:
    ladder = [step for step in session.protocol.steps if step.level == alert.level]
    new: list[Reach] = []
    for step in ladder:
        here = [r for r in (*alert.reached, *new) if r.at_s >= alert.since_s]
        if told := [r for r in here if r.ring == step.ring]:
            if not any(r.skipped for r in told) and _unseen(session, alert, told[-1]):
                new.append(replace(told[-1], at_s=session.now_s, skipped=True))
            continue
        skip = any(r.skipped and _next(r.ring) == step.ring for r in here)
        if not skip and session.now_s < alert.since_s + step.after_s:
            break
        new.append(_reach_of(session, step.ring))
    new += _again(session, alert, ladder[-1], new)
    return replace(alert, reached=(*alert.reached, *new)), new


def coming(session: Session, alert: Alert) -> tuple[Ring, int] | None:
    """The ring that an open alert reaches next, and when, if nobody acknowledges it; None where somebody did."""
    if not alert.open or alert.acknowledged is not None:
        return None
    ladder = [step for step in session.protocol.steps if step.level == alert.level]
    here = [r for r in alert.reached if r.at_s >= alert.since_s]
    for step in ladder:
        if not any(r.ring == step.ring for r in here):
            return step.ring, alert.since_s + step.after_s
    last = ladder[-1]
    return last.ring, max(r.at_s for r in here if r.ring == last.ring) + last.after_s


def _again(session: Session, alert: Alert, last: AlertStep, new: list[Reach]) -> list[Reach]:
    told = [r.at_s for r in (*alert.reached, *new) if r.ring == last.ring and r.at_s >= alert.since_s]
    if told and session.now_s >= told[-1] + last.after_s:
        return [_reach_of(session, last.ring)]
    return []


def _reach_of(session: Session, ring: Ring) -> Reach:
    people = _ids(session, ring)
    live = [one for one in people if one in session.duty.live]
    return Reach(ring, session.now_s, people, skipped=not live and ring != RINGS[-1])


def _unseen(session: Session, alert: Alert, reach: Reach) -> bool:
    """True where nobody of the ring has a live screen any more, or none has confirmed the alert in time."""
    if reach.ring == RINGS[-1] or not session.protocol.knows(RECEIPT):
        return False  # after the last ring there is none to go to
    live = {one for one in reach.people if one in session.duty.live}
    if live & {person for person, _ in alert.shown}:
        return False
    return not live or session.now_s >= reach.at_s + session.protocol.seconds(RECEIPT, "receipt_s")


def awaits(session: Session, alert: Alert, person: str) -> bool:
    """True if the alert has reached this person, in a ring of which no live screen has confirmed it yet."""
    confirmed = {one for one, _ in alert.shown} & session.duty.live
    mine = [r for r in alert.reached if r.at_s >= alert.since_s and person in r.people]
    return person not in confirmed and any(not confirmed & set(reach.people) for reach in mine)


def undelivered(session: Session, alert_id: str, ring: Ring) -> tuple[Session, list[Effect]]:
    """
    A message to a phone was given up. Where a step comes after that one it is taken at once; after the last one
    everybody before it is called again.
    """
    alert = find(session, alert_id)
    if alert is None or alert.acknowledged is not None:
        return session, []
    if ring == RINGS[-1]:
        again = tuple(_reach_of(session, one) for one in RINGS[:-1])
    else:
        told = [r for r in alert.reached if r.ring == ring and r.at_s >= alert.since_s]
        again = () if not told or told[-1].skipped else (replace(told[-1], at_s=session.now_s, skipped=True),)
    moved = replace(alert, reached=(*alert.reached, *again))
    said = [Effect("escalate", (moved, reach)) for reach in again]
    return _put(session, moved), [*said, *([Effect("fault", moved)] if ring == RINGS[-1] else [])]


def sounding(session: Session, person: str) -> dict[str, Alert]:
    """
    Red alerts that nobody has and that have reached this person, by a key that changes with every new or worse value.
    """
    found = {}
    for alert in session.open_alerts("red"):
        mine = any(person in r.people for r in alert.reached if r.at_s >= alert.since_s)
        if mine and alert.acknowledged is None:
            found[f"{alert.since_n}.{len(alert.readings)}.{alert.raised_s}"] = alert
    return found


def messages_of(alert: Alert) -> tuple[Messaged, ...]:
    """What became of the newest message to each phone since the ladder began."""
    newest = {message.phone: message for message in alert.messages if message.at_s >= alert.since_s}
    return tuple(newest.values())


def passed_over(alert: Alert) -> tuple[tuple[Ring, bool], ...]:
    """The rings that were skipped since the ladder began; True where screens were live and none confirmed in time."""
    here = [r for r in alert.reached if r.at_s >= alert.since_s]
    return tuple((r.ring, any(o.ring == r.ring and not o.skipped for o in here)) for r in here if r.skipped)


def _told(alert: Alert, ring: Ring) -> bool:
    return any(r.ring == ring and r.at_s >= alert.since_s for r in alert.reached)


def _next(ring: Ring) -> Ring | None:
    place = RINGS.index(ring) + 1
    return RINGS[place] if place < len(RINGS) else None


def _ids(session: Session, ring: Ring) -> tuple[str, ...]:
    if ring == "bedside":
        return (_owner(session).id,)
    there = session.duty.rings.get(ring, ())
    if ring == "room":  # whoever watches has been reached at the bedside: the room is everybody else in it
        there = tuple(staff for staff in there if staff.id != _owner(session).id)
    return tuple(staff.id for staff in there)


# -- parts ------------------------------------------------------------------------------------------------


def lost(last_s: int, now_s: int, limit_s: int) -> bool:
    """
    True where nothing was heard for too long: of the alerts' own heartbeat (WATCH-BEAT: screens then say that alerts do
    not work), of a device (WATCH-CONTACT), of an observer (WATCH-IDLE).
    """
    return now_s - last_s >= limit_s


def find(session: Session, alert: str) -> Alert | None:
    """An open alert by id."""
    return next((a for a in session.open_alerts() if a.id == alert), None)


def red_seen(session: Session) -> tuple[Alert, ...]:
    """Red alerts of the session, those over included; what was shown to be an artefact is none."""
    return tuple(a for a in session.alerts if a.level == "red" and (a.ended is None or a.ended[0] != ARTEFACT))


def closed(session: Session, how: str) -> Session:
    """The session with every open alert ended, because the session has: none stays behind without an owner."""
    for alert in session.open_alerts():
        session, _ = over(session, alert, how)
    return session


def owned_by(session: Session, staff: Staff) -> Session:
    """
    The session with every open alert of the old observer in the hands of a new one, who has acknowledged none of them:
    what the old one had taken begins its steps anew.
    """

    def moved(alert: Alert) -> Alert:
        if not alert.open or alert.owner != session.observer:
            return alert
        return replace(alert if alert.acknowledged is None else _anew(session, alert), owner=staff)

    return replace(session, alerts=tuple(moved(alert) for alert in session.alerts))


def _source(session: Session, about: str) -> str:
    """What stands for the entry behind an alert that time alone raised; like an entry's key it is used once."""
    return f"{about}@{session.now_s}#{len(session.alerts)}"


def _red(alert: Alert) -> list[Effect]:
    """What a red alert asks for: no more drug, an incident, the next dose held until a prescriber has reviewed it."""
    if alert.level != "red":
        return []
    return [
        Effect("advise", "Stop or pause the drug. Prescriber to the bedside."),
        Effect("incident", alert),
        Effect("hold-next", alert),
    ]


def _standing(session: Session, about: str) -> Alert | None:
    return next((a for a in session.open_alerts() if a.about == about), None)


def _put(session: Session, alert: Alert) -> Session:
    return replace(session, alerts=tuple(alert if a.id == alert.id else a for a in session.alerts))


def _owner(session: Session) -> Staff:
    if session.observer is None:
        raise ValueError("an alert was raised in a session that nobody watches")
    return session.observer


def _beyond(value: Decimal | None, worst: Decimal | None, high: bool) -> bool:
    if value is None or worst is None:
        return False
    return value > worst if high else value < worst


def _high(line: Line) -> bool:
    return line.tighter == "lower" and line.test != "fall"


def _why(session: Session, line: Line, value: Decimal) -> str:
    size = abs(value - session.baseline.get(line.measure, value))
    return _WORDS[line.test].format(limit=number(line.limit), size=number(size))
