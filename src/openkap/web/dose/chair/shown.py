"""
What the chair page shows of a session: plain frozen values for its templates, made from the pure session alone.

No database, no clock of its own. What a template prints is made here; what a script goes on counting (ages, the time
to the next check, a silence that ends) it gets in seconds of the session beside the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.dose import orders
from openkap.dose.alerts import AWAY, CHECKS, sounding
from openkap.dose.alerts import ORDER as CHANGED
from openkap.dose.due import ALWAYS, Due, due, newest, shown, stale_after_s, upcoming
from openkap.dose.protocol import Measure
from openkap.dose.session import Session
from openkap.dose.types import ENDED, RINGS, Administration, Alert, Phase
from openkap.kernel.quantity import number, unit_words
from openkap.people.types import Role
from openkap.plan.words import MINUS, ROUTE_WORDS
from openkap.web.dose.chair.alert_words import RING_WORDS, action, faults
from openkap.web.parts import Shape, Words

MINUTE = 60
CIRCLE = 201.1  # the ring of the due-clock, once around, in its own units
LEVELS: dict[str, Shape] = {"amber": "hold", "red": "stop"}
LEVEL_WORDS: dict[str, Words] = {"amber": gettext_lazy("Amber"), "red": gettext_lazy("Red")}
SHORT: dict[str, Words] = {
    "systolic": gettext_lazy("Systolic"),
    "diastolic": gettext_lazy("Diastolic"),
    "heart-rate": gettext_lazy("Pulse"),
    "spo2": gettext_lazy("SpO₂"),
    "respiratory-rate": gettext_lazy("Breaths"),
}
PHASES: dict[Phase, Words] = {
    Phase.BOOKED: gettext_lazy("Booked"),
    Phase.ARRIVED: gettext_lazy("Arrived"),
    Phase.GATE: gettext_lazy("Checks before the dose"),
    Phase.READY: gettext_lazy("Ready for the dose"),
    Phase.DOSING: gettext_lazy("Dosing"),
    Phase.PAUSED: gettext_lazy("Dose paused"),
    Phase.STOPPED: gettext_lazy("Dose stopped"),
    Phase.PEAK: gettext_lazy("After the dose"),
    Phase.RECOVERY: gettext_lazy("Recovery"),
    Phase.ESCALATED: gettext_lazy("Emergency"),
    Phase.DISCHARGED: gettext_lazy("Discharged"),
    Phase.TRANSFERRED: gettext_lazy("Transferred"),
    Phase.LEFT_EARLY: gettext_lazy("Left early"),
    Phase.CANCELLED: gettext_lazy("Cancelled"),
}
SMALL = (("heart-rate",), ("spo2",), ("respiratory-rate",), ("cadss-6", "cadss"), ("moaas", "rass"))
NOW_AND_THEN = ("distress", "nausea", "aldrete", "mpadss")  # a tile only once there is a value
ORDER = (
    "systolic",
    "diastolic",
    *(name for names in SMALL for name in names),
    *NOW_AND_THEN,
)  # at the keypad, on paper


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: id of the account and the roles held; what may be pressed follows from it."""

    id: str
    roles: frozenset[Role]

    @property
    def prescribes(self) -> bool:
        return Role.PRESCRIBER in self.roles

    @property
    def doses(self) -> bool:
        return bool(self.roles & {Role.PRESCRIBER, Role.NURSE})


@dataclass(frozen=True, slots=True)
class When:
    """Moments of a session by the clock of the site."""

    now: datetime
    now_s: int
    zone: ZoneInfo

    @classmethod
    def of(cls, session: Session, zone: str) -> When:
        """The clock of a session that has one."""
        assert session.clock is not None
        return cls(session.clock.at, session.now_s, ZoneInfo(zone))

    def at(self, elapsed_s: int) -> datetime:
        """The instant at the site."""
        return (self.now - timedelta(seconds=self.now_s - elapsed_s)).astimezone(self.zone)

    def clock(self, elapsed_s: int) -> str:
        return f"{self.at(elapsed_s):%H:%M}"

    @property
    def day_s(self) -> int:
        """Seconds of the site's clock since midnight, now: with `now_s` a script writes any other moment."""
        here = self.at(self.now_s)
        return (here.hour * 60 + here.minute) * 60 + here.second


# -- the head ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """Order or dose in full, phase with its minutes, weight of the order."""

    ordered: str
    phase: Words
    minutes: str
    weight: str
    ended: bool


def head(session: Session) -> Head:
    """What stands in the band beside the name."""
    order = session.order
    weight = f"{order.weight.quantity}, {order.weight.on:%-d %b %Y}" if order and order.weight else ""
    return Head(_ordered(session), PHASES[session.phase], _minutes(session), weight, session.phase in ENDED)


def _ordered(session: Session) -> str:
    if session.given and (session.order is None or session.order.step <= len(session.given)):
        return given_words(session.given[-1])
    return orders.said(session.order, session.draw) if session.order else _("no order")


def given_words(dose: Administration) -> str:
    """A dose in full: route, mg, mg/kg, mL and strength together; what was really given where it was stopped."""
    parts = [f"{dose.drug} {ROUTE_WORDS[dose.route]}", str(dose.given_mg or dose.mg)]
    parts += [str(dose.mg_per_kg)] if dose.mg_per_kg else []
    if dose.volume_ml is not None and dose.per_ml is not None:
        parts.append(
            _("%(ml)s mL of %(strength)s") % {"ml": number(dose.volume_ml), "strength": _strength(dose.per_ml)}
        )
    parts += [_("over %(min)s min") % {"min": number(dose.duration_min)}] if dose.duration_min else []
    parts += [] if dose.complete else [_("stopped early, %(mg)s was drawn") % {"mg": dose.mg}]
    return " · ".join(parts)


def _strength(per_ml: Any) -> str:
    return str(per_ml)


def ran_s(session: Session) -> int:
    """Seconds that the last dose has run, its pauses left out."""
    dose = session.given[-1]
    end = dose.ended.elapsed_s if dose.ended else session.now_s
    stood = sum((session.now_s if until is None else until) - since for since, until in dose.paused_s)
    return max(0, end - dose.started.elapsed_s - stood)


def _minutes(session: Session) -> str:
    if session.phase in ENDED or not session.given:
        return ""
    dose, since = session.given[-1], (session.now_s - session.given[-1].started.elapsed_s) // MINUTE
    if dose.ended is None and dose.duration_min:
        words = {"ran": ran_s(session) // MINUTE, "whole": number(dose.duration_min)}
        return _("%(ran)s of %(whole)s min") % words
    return _("%(n)s min since the start") % {"n": since}


# -- alerts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Basis:
    """A row behind an alert: what it says, its grade and how far it was checked."""

    row: str
    text: str
    evidence: str
    verified: bool


@dataclass(frozen=True, slots=True)
class AlertRow:
    """
    One open alert.

    Args:
        had: somebody has acknowledged it; mine: the reader has.
        sounds: the key under which it sounds for the reader; empty where it does not.
        next: whom it reaches next if nobody takes it; faults: what went wrong on its way to somebody;
            action: what to do now.
        silent_until_s: end of the silence; 0 where none runs.
        settles: the reader may settle it.
        first: it stands on top and nobody has it: its button is the one primary action of the page.
    """

    id: str
    shape: Shape
    word: Words
    text: str
    owner: str
    raised: str
    had: str
    mine: bool
    next: str
    silent_until_s: int
    settles: bool
    basis: tuple[Basis, ...]
    first: bool = False
    faults: tuple[str, ...] = ()
    sounds: str = ""
    action: str = ""


def alert_rows(session: Session, reader: Reader, when: When, *, sound: bool = False) -> tuple[AlertRow, ...]:
    """
    Open alerts: red before amber, those that nobody has before the others, the newest first.

    Args:
        sound: the site has chosen that red alerts sound.
    """
    keys = {alert.id: key for key, alert in sounding(session, reader.id).items()} if sound else {}
    found = sorted(
        session.open_alerts(),
        key=lambda a: (a.level != "red", a.acknowledged is not None, -a.raised_s),
    )
    untaken = next((a.id for a in found if a.acknowledged is None), "")
    rows = (_alert_row(session, alert, reader, when, alert.id == untaken) for alert in found)
    return tuple(replace(row, sounds=keys.get(row.id, "")) for row in rows)


def _alert_row(session: Session, alert: Alert, reader: Reader, when: When, first: bool) -> AlertRow:
    taken = alert.acknowledged
    had = _("%(name)s has it since %(at)s") % {"name": taken[0].name, "at": when.clock(taken[1])} if taken else ""
    late = alert.about.startswith((*CHECKS, CHANGED))  # settled by doing it, or by having seen it
    value = alert.about in session.protocol.measures
    return AlertRow(
        id=alert.id,
        shape=LEVELS[alert.level],
        word=LEVEL_WORDS[alert.level],
        text=alert.text,
        owner=alert.owner.name,
        raised=when.clock(alert.raised_s),
        had=had,
        mine=taken is not None and taken[0].id == reader.id,
        next="" if taken else _next_ring(session, alert, when),
        silent_until_s=alert.silent_until_s if alert.silent_until_s > session.now_s else 0,
        settles=not late and (reader.prescribes or not (value or alert.level == "red")),
        basis=tuple(_basis(session, alert.rows)),
        first=first,
        faults=() if taken else tuple(faults(alert, when)),
        action=action(session, alert),
    )


def _next_ring(session: Session, alert: Alert, when: When) -> str:
    told = {reach.ring for reach in alert.reached if reach.at_s >= alert.since_s}
    for step in session.protocol.steps:
        if step.level == alert.level and step.ring not in told:
            people = ", ".join(one.name for one in session.duty.rings.get(step.ring, ()))
            ring = str(RING_WORDS[step.ring]) + (f" ({people})" if people else "")
            return _("Nobody has it yet. %(ring)s is called at %(at)s.") % {
                "ring": ring[:1].upper() + ring[1:],
                "at": when.clock(alert.since_s + step.after_s),
            }
    everyone = ", ".join(str(RING_WORDS[ring]) for ring in RINGS if ring in told)
    return _("Nobody has it yet. Called: %(rings)s.") % {"rings": everyone}


def _basis(session: Session, rows: Iterable[str]) -> Iterator[Basis]:
    book = session.protocol.book.monitoring
    said = {row.id: _("Amber: %(amber)s. Red: %(red)s.") % {"amber": row.amber, "red": row.red} for row in book.alert}
    said |= {row.id: row.text for row in book.watch} | {row.id: row.text for row in book.statement}
    every = {row.id: row for row in (*book.alert, *book.watch, *book.statement)}
    for name in rows:
        if name in every:
            yield Basis(name, said[name], every[name].evidence, every[name].verified is True)


# -- tiles -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tile:
    """
    A value with its time, never one without the other (HAZ-38).

    Args:
        name: for the script; title: what it is.
        value, unit: None where nothing was read yet; under: `/92` of a pressure.
        at, taken_s: by the clock and on the session's own.
        overdue: it is shown struck, as no present value; limit_s: from which age on a script strikes it itself.
        scale: its name where one is used; baseline: before the dose; shape: border, only where an alert is open.
        unsure: a leap that nobody has repeated.
    """

    name: str
    title: Words
    value: str
    under: str
    unit: str
    at: str
    taken_s: int | None
    limit_s: int
    overdue: bool
    baseline: str
    shape: Shape | None
    unsure: bool = False
    scale: str = ""

    @property
    def under_line(self) -> str:
        """The small line: scale and baseline."""
        return ", ".join(part for part in (self.scale, self.baseline) if part)


def tiles(session: Session, when: When) -> tuple[Tile, ...]:
    """Pressure, then the rest in the order of the keypad; scales that are read now and then once they were read."""
    found = [_pressure(session, when)]
    for names in SMALL:
        last = newest(session, *names)
        found.append(_tile(session, last.measure if last else names[0], when))
    found += [_tile(session, name, when) for name in NOW_AND_THEN if newest(session, name)]
    return tuple(found)


def _tile(session: Session, name: str, when: When) -> Tile:
    measure, last = session.protocol.measures[name], shown(session, name)
    what, _comma, scale = measure.title.partition(", ")
    base = session.baseline.get(name)
    return Tile(
        name=name,
        title=SHORT.get(name, what),
        value=figure(last.reading.quantity.value) if last else "",
        under="",
        unit=_span(measure) if measure.unit == "{score}" else unit_words(measure.unit),
        scale="" if scale[:1].isdigit() else scale,
        at=when.clock(last.reading.taken_s) if last else "",
        taken_s=last.reading.taken_s if last else None,
        limit_s=stale_after_s(session.protocol),
        overdue=last.overdue if last else False,
        baseline=_("baseline %(base)s") % {"base": figure(base)} if base is not None else "",
        shape=_shape(session, name),
        unsure=bool(last and not last.reading.confirmed),
    )


def _span(measure: Measure) -> str:
    """`of 24`; a scale that begins below nought says both ends."""
    if measure.least < 0:
        return _("of %(least)s to %(most)s") % {"least": figure(measure.least), "most": figure(measure.most)}
    return _("of %(most)s") % {"most": figure(measure.most)}


def _pressure(session: Session, when: When) -> Tile:
    high, low = _tile(session, "systolic", when), _tile(session, "diastolic", when)
    bases = [session.baseline.get(name) for name in ("systolic", "diastolic")]
    base = "/".join(figure(one) if one is not None else "?" for one in bases) if any(bases) else ""
    order = {"stop": 0, "hold": 1, None: 2}
    times = [one for one in (high.taken_s, low.taken_s) if one is not None]
    return Tile(
        name="pressure",
        title=_("Pressure"),
        value=high.value or ("?" if low.value else ""),
        under=low.value or ("?" if high.value else ""),
        unit="mmHg",
        at=" / ".join(dict.fromkeys(one for one in (high.at, low.at) if one)),
        taken_s=min(times) if times else None,  # of the older half: a pressure is no newer than that
        limit_s=high.limit_s,
        overdue=high.overdue or low.overdue,
        baseline=_("baseline %(base)s") % {"base": base} if base else "",
        shape=min((high.shape, low.shape), key=lambda shape: order[shape]),
        unsure=high.unsure or low.unsure,
    )


def in_order(measures: Mapping[str, Measure]) -> list[Measure]:
    """The measures of a session in the order in which they are asked; what the list does not name comes last."""
    place = {name: at for at, name in enumerate(ORDER)}
    return sorted(measures.values(), key=lambda one: (place.get(one.name, len(place)), one.name))


def _place(name: str) -> int:
    """Where a measure, or a group of them, stands in the order."""
    first = {"dissociation": "cadss-6", "sedation": "moaas"}.get(name, name)
    return ORDER.index(first) if first in ORDER else len(ORDER)


def figure(value: Decimal) -> str:
    """A number with a true minus sign."""
    return number(value).replace("-", MINUS)


def _shape(session: Session, name: str) -> Shape | None:
    levels = [alert.level for alert in session.open_alerts() if alert.about == name]
    return LEVELS[levels[0]] if levels else None


# -- the due-clock -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueClock:
    """
    The check that comes next.

    Args:
        words: which; lacking: what of it is still to be read.
        at, at_s, from_s: due at, and from where the ring begins.
        left_s: seconds to go, below zero when it is over; ring: how much of the circle is left.
        late: beyond the minutes that the nurse has; then `owner` has it, and `then` says whose it is next.
    """

    words: str
    lacking: str
    at: str
    at_s: int
    from_s: int
    left_s: int
    ring: str
    late: bool
    late_from_s: int
    owner: str
    then: str

    @property
    def left(self) -> str:
        minutes, seconds = divmod(abs(self.left_s), MINUTE)
        return f"{minutes}:{seconds:02}"


def due_clock(session: Session, when: When) -> DueClock | None:
    """The next check; None before the first dose and after the end."""
    first = upcoming(session)
    if first is None or session.phase in ENDED:
        return None
    every = due(session)
    together = [one for one in every if one.at_s == first.at_s and one.state != "done"]
    before = [one.at_s for one in every if one.at_s < first.at_s]
    begun = session.given[0].started.elapsed_s if session.given else 0
    raised = [a.raised_s for a in session.open_alerts() if first.about == f"recheck {a.about}"]
    from_s = max([begun, *before, *raised]) if max([begun, *before, *raised]) < first.at_s else begun
    left, span = first.at_s - session.now_s, max(1, first.at_s - from_s)
    grace = 0 if first.about.startswith("recheck") else session.protocol.seconds(ALWAYS, "nurse_min")
    late = first.state in ("late", "missed")
    groups = dict.fromkeys(name for one in together for name in one.lacking)
    return DueClock(
        words=", ".join(check_words(session, one) for one in together),
        lacking=", ".join(_group(session, name) for name in sorted(groups, key=_place)),
        at=when.clock(first.at_s),
        at_s=first.at_s,
        from_s=from_s,
        left_s=left,
        ring=f"{max(0.0, min(1.0, left / span)) * CIRCLE:.1f}",
        late=late,
        late_from_s=first.at_s + grace,
        owner=session.observer.name if session.observer else "",
        then=_then(session, first, when) if late else "",
    )


def _then(session: Session, check: Due, when: When) -> str:
    people = ", ".join(one.name for one in session.duty.rings.get("prescriber", ())) or _("the prescriber")
    if check.state == "missed":
        return _("missed: %(people)s was called") % {"people": people}
    if check.about.startswith("recheck"):
        return ""
    at = when.clock(check.at_s + session.protocol.seconds(ALWAYS, "prescriber_min"))
    return _("then %(people)s at %(at)s") % {"people": people, "at": at}


def check_words(session: Session, check: Due) -> str:
    """`vitals 10` as people say it."""
    kind, what, *dose = check.about.split(" ", 2)
    if kind == "recheck":
        measure = session.protocol.measures[what]
        return _("%(measure)s again") % {"measure": SHORT.get(what, measure.title)}
    named = _("Vital signs") if kind == "vitals" else _("Dissociation and alertness")
    return " ".join([_("%(check)s, %(n)s min") % {"check": named, "n": what}, *dose])


def _group(session: Session, name: str) -> str:
    groups = {"dissociation": _("dissociation"), "sedation": _("alertness")}
    measure = session.protocol.measures.get(name)
    return groups.get(name) or str(SHORT.get(name, measure.title if measure else name)).lower().replace("spo₂", "SpO₂")


# -- what to do next, the dose, the watch -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Next:
    """The next right step: an event at one tap, or the page (`dose:` route) on which it is done."""

    words: str
    event: str = ""
    page: str = ""


def next_step(session: Session, reader: Reader) -> Next | None:
    """What a person does next in this phase; None where nothing is to be done but watch."""
    match session.phase:
        case Phase.BOOKED:
            return Next(_("The patient is here: I watch from now on"), event="Arrive")
        case Phase.ARRIVED | Phase.GATE:
            return Next(_("Checks before the dose"), page="dose:gate")
        case Phase.READY:
            return Next(_("Give the dose"), page="dose:give") if session.order else Next(_("Order"), page="dose:order")
        case Phase.DOSING:
            return Next(_("End of the dose"), page="dose:give") if _due_to_end(session) else None
        case Phase.STOPPED | Phase.PEAK:
            return Next(_("The acute effect is over"), event="Recover")
        case Phase.RECOVERY:
            return Next(_("Going home: the criteria"), page="dose:leave")
        case Phase.ESCALATED:
            return Next(_("Open the emergency sheet"), page="dose:emergency")
    return None


def _due_to_end(session: Session) -> bool:
    dose = session.given[-1]
    return dose.duration_min is None or ran_s(session) >= dose.duration_min * MINUTE


@dataclass(frozen=True, slots=True)
class Dose:
    """What may be done with the drug that runs. `most` mg were drawn up: nobody has had more."""

    may_pause: bool
    may_resume: bool
    may_stop: bool
    most: str
    why_not: str


def dose_of(session: Session, reader: Reader) -> Dose | None:
    """None where no drug runs."""
    if session.running is None or session.phase not in (Phase.DOSING, Phase.PAUSED, Phase.ESCALATED):
        return None
    red = session.open_alerts("red")
    return Dose(
        may_pause=session.phase is Phase.DOSING,
        may_resume=session.phase is Phase.PAUSED and reader.doses,
        may_stop=reader.doses,
        most=number(session.running.mg.mg),
        why_not=_("Red means no more drug: %(text)s") % {"text": red[0].text} if red else "",
    )


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches, whether the reader does, to whom the watch was offered, and whether the reader may take it."""

    name: str
    mine: bool
    offered: str
    for_me: bool


def watching(session: Session, reader: Reader) -> Watching:
    """The watch as it stands."""
    observer, to = session.observer, session.offered
    away = any(alert.about == AWAY for alert in session.open_alerts()) and reader.doses
    return Watching(
        name=observer.name if observer else "",
        mine=observer is not None and observer.id == reader.id,
        offered=to.name if to else "",
        for_me=(to is not None and to.id == reader.id) or (away and observer is not None and observer.id != reader.id),
    )
