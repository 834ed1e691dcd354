"""What pages of single appointments show, as plain values: times that fit, by day, the best first; why none does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.kernel.errors import UserError
from openkap.people.models import Patient, Site
from openkap.plan import selectors as plans
from openkap.plan.library import modalities
from openkap.schedule import fit, needs, selectors_single, services_single
from openkap.schedule.fit import Frame, Guest, Need, Place, Search, Stage, Suits
from openkap.schedule.models import Appointment
from openkap.schedule.selectors_single import Planned
from openkap.web import words
from openkap.web.judge import judge

DAYS = 14  # shown at once
BEST = 3
AROUND = timedelta(days=2)  # before the day of what is to be moved
WEEKDAYS = [gettext_lazy(day) for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")]
ROOMS: Mapping[str, str | Promise] = {
    "dosing_bay": gettext_lazy("a bay for doses"),
    "therapy_room": gettext_lazy("a room for two"),
    "group_room": gettext_lazy("a room for groups"),
}


@dataclass(frozen=True)
class Offer:
    """A time that is offered: what the form sends, and the words."""

    value: str
    day: str
    at: str
    words: str


@dataclass(frozen=True)
class DayOf:
    """A day with its times; or days, to `until`, of which none has one, and why."""

    on: date
    offers: list[Offer]
    why: str
    until: date


@dataclass(frozen=True)
class Offers:
    """What is offered. `nothing`: why there is no time on any of these days; `first`, `last`: the days asked."""

    best: list[Offer]
    same: list[Offer]
    days: list[DayOf]
    nothing: str
    first: date
    last: date


def offers(
    site: Site,
    patient: Patient,
    need: Need,
    plan: Planned | None,
    first: date | None,
    *,
    who: int | None = None,
    room: int | None = None,
    suits: Suits | None = None,
    moves: Appointment | None = None,
) -> Offers:
    """
    Times for one appointment on fourteen days.

    Args:
        first: the first of these days; None: the first on which it may be. who, room: only with, only in.
        suits: days and hours that suit, for the best of them. moves: an appointment that is to be moved.
    """
    now = timezone.now()
    zone = ZoneInfo(site.zone)
    opens = max(now, need.earliest or now)
    if first is None and moves is not None:
        first = moves.starts_at.astimezone(zone).date() - AROUND
    begins = max(datetime.combine(first, time(0), tzinfo=zone), opens) if first else opens
    last = min(begins + timedelta(days=DAYS), (need.latest or begins + timedelta(days=DAYS)) + timedelta(days=1))
    last = max(last, begins + timedelta(hours=1))
    house = services_single.house()
    after = timedelta(days=selectors_single.DAYS if need.kind == "dose" else 1)
    without = moves.pk if moves else None
    frame = selectors_single.frame(site, begins - timedelta(days=1), last + after, house, now, without)
    guest = selectors_single.guests([patient.pk], house, now, without)[patient.pk]
    search = Search(frame)
    shown = replace(need, earliest=begins, latest=min(last, need.latest or last))
    prefer = tuple(work.resource_id for work in moves.work.all()) if moves else ()
    near = moves.room_id if moves else None
    stages = search.stages(shown, guest, None, who, room)
    places = search.places(shown, guest, None, who, room, prefer, near)
    if need.kind == "dose" and plan is not None and moves is None:
        bound = needs.bound_to(need.session, plan.document, house, plan.begins)
        kept = [place for place in places if not fit.chain(search, guest, need, place, bound)[1]]
        if places and not kept:
            stages.append(Stage("together", "", 0))
        places = kept
    if moves is not None:
        places = [one for one in places if one.starts_at != moves.starts_at]
    told = Teller(frame, need)
    by_day: dict[date, list[Place]] = {}
    for place in places:
        by_day.setdefault(place.starts_at.astimezone(zone).date(), []).append(place)
    days: list[DayOf] = []
    on, end = begins.astimezone(zone).date(), last.astimezone(zone).date()
    while on <= end:
        mask = search.day(on)
        if stages[0].left & mask:
            mine = [told.offer(place) for place in by_day.get(on, ())]
            why = "" if mine else told.why(next(_empty(stages, mask), stages[-1]))
            if why and days and days[-1].why == why:
                days[-1] = replace(days[-1], until=on)
            else:
                days.append(DayOf(on, mine, why, on))
        on += timedelta(days=1)
    best = _best(places, guest, suits, need, frame, moves)
    same = _same(search, guest, need, moves, told) if moves else []
    nothing = "" if places else told.why(next(_empty(stages, search.whole), stages[-1]))
    return Offers([told.offer(one, day=True) for one in best], same, days, nothing, begins.astimezone(zone).date(), end)


def _empty(stages: Sequence[Stage], mask: int) -> Iterator[Stage]:
    """Rules after which nothing is left of these quarters."""
    return (one for one in stages if not one.left & mask)


def _best(
    places: Sequence[Place], guest: Guest, suits: Suits | None, need: Need, frame: Frame, moves: Appointment | None
) -> list[Place]:
    """One of each day: what suits, with whom the patient knows; near to the old hour where it is moved, else early."""
    zone = frame.zone
    known = set(guest.knows[:2])
    hour = moves.starts_at.astimezone(zone) if moves else None

    def order(one: Place) -> tuple[bool, bool, int, datetime]:
        begins, ends = one.starts_at.astimezone(zone), need.ends(one.starts_at).astimezone(zone)
        far = abs((begins.hour - hour.hour) * 60 + begins.minute - hour.minute) if hour else 0
        return (
            suits is not None and not suits.fits(begins, ends),
            bool(known) and not known & set(one.people),
            far,
            one.starts_at,
        )

    found: dict[date, Place] = {}
    for one in sorted(places, key=order):
        found.setdefault(one.starts_at.astimezone(zone).date(), one)
    return sorted(found.values(), key=lambda one: (order(one)[:2], one.starts_at))[:BEST]


def _same(search: Search, guest: Guest, need: Need, moves: Appointment, told: Teller) -> list[Offer]:
    """The same hour with somebody else, or in another room."""
    there = tuple(work.resource_id for work in moves.work.all())
    at = replace(need, earliest=moves.starts_at, latest=moves.starts_at)
    found = set[Place]()
    for person in search.frame.people:
        if person.id not in there:
            found |= set(search.places(at, guest, None, person.id, None, there, moves.room_id))
    for room in search.frame.rooms:
        if room.id != moves.room_id:
            found |= set(search.places(at, guest, None, None, room.id, there))
    was = (sorted(there), moves.room_id)
    return [told.offer(one) for one in sorted(found) if (sorted(one.people), one.room) != was]


class Teller:
    """Words for places and rules of one frame."""

    def __init__(self, frame: Frame, need: Need):
        self.frame, self.need = frame, need
        self.people = {one.id: one.name for one in frame.people}
        self.rooms = {one.id: one.name for one in frame.rooms}
        self.titles = {row.id: row.title for row in modalities().modality}

    def offer(self, place: Place, *, day: bool = False) -> Offer:
        """A place as a button."""
        begins = place.starts_at.astimezone(self.frame.zone)
        ends = self.need.ends(place.starts_at).astimezone(self.frame.zone)
        with_ = [self.people.get(one, "") for one in place.people]
        where = self.rooms.get(place.room, "") if place.room else _("by telephone")
        return Offer(
            value_of(place),
            date_format(begins, "D j M") if day else "",
            f"{begins:%H:%M}–{ends:%H:%M}" if day else f"{begins:%H:%M}",
            ", ".join([*with_, where]),
        )

    def why(self, stage: Stage) -> str:
        """Why nothing is left after a rule."""
        skills = sorted({self.titles.get(one, one) for want in self.need.people for one in want.credentials})
        role = str(words.ROLES.get(stage.what, stage.what))
        said = {
            "window": _("It lies outside the window of the plan, or is past."),
            "suits": _("It is not one of the days and hours that suit."),
            "until": _("The last day of the entry is over."),
            "patient": _("The patient has something else, is away, or needs the time between."),
            "apart": _("It is too near to another dose."),
            "people": _("No %(role)s is on duty and free.") % {"role": role},
            "who": _("This person is not on duty and free then."),
            "site": _("No %(role)s is in the house throughout.") % {"role": role},
            "watch": _("Those on duty watch as many as they can."),
            "room": _("No room of this kind is free: it needs %(room)s.") % {"room": ROOMS.get(stage.what, "")},
            "length": _("It needs %(n)s min, which is longer.") % {"n": stage.what},
            "plan": _("Its window is over: a prescriber must change the plan first."),
            "together": _("There is no time for the call or the integration that are booked with it."),
        }
        if stage.name == "people" and stage.what == "therapist" and skills:
            return _("No therapist trained in %(skill)s is on duty and free.") % {"skill": ", ".join(skills)}
        return said[stage.name]


def needed(need: Need) -> str:
    """What an appointment needs, in a line."""
    titles = {row.id: row.title for row in modalities().modality}
    said = [_("%(n)s min") % {"n": need.minutes}]
    for want in need.people:
        role = str(words.ROLES.get(want.role, _("assessor")))
        skills = ", ".join(sorted(titles.get(one, one) for one in want.credentials))
        said.append(_("%(role)s trained in %(skill)s") % {"role": role, "skill": skills} if skills else role)
    said.append(str(ROOMS.get(need.room_kind, _("by telephone"))))
    if need.watched_by:
        said.append(_("watched by a nurse"))
    return ", ".join(said)


def value_of(place: Place) -> str:
    """A place as a form sends it."""
    people = ",".join(str(one) for one in place.people)
    return f"{place.starts_at.astimezone(UTC).isoformat()}|{people}|{place.room or ''}"


def place_of(value: str) -> Place:
    """
    Raises:
        UserError: it is no place.
    """
    try:
        at, people, room = value.split("|")
        starts_at = datetime.fromisoformat(at)
        if starts_at.tzinfo is None or not 2000 <= starts_at.year <= 2200:
            raise ValueError
        return Place(starts_at, tuple(int(one) for one in people.split(",") if one), int(room) if room else None)
    except ValueError:
        raise UserError("time: none was chosen; choose one of those that are offered.") from None


def suits_in_words(suits: Suits) -> str:
    """Days and hours that suit."""
    days = ", ".join(str(WEEKDAYS[day]) for day in sorted(suits.weekdays)) if suits.weekdays else _("any day")
    if suits.begins and suits.ends:
        return _("%(days)s, %(from)s to %(to)s") % {
            "days": days,
            "from": f"{suits.begins:%H:%M}",
            "to": f"{suits.ends:%H:%M}",
        }
    if suits.begins:
        return _("%(days)s, not before %(from)s") % {"days": days, "from": f"{suits.begins:%H:%M}"}
    if suits.ends:
        return _("%(days)s, over by %(to)s") % {"days": days, "to": f"{suits.ends:%H:%M}"}
    return days


def stopped(patient: Patient) -> str:
    """Why nothing of a patient's plan may be booked now (HAZ-22); empty: nothing stands in the way."""
    return all_stopped([patient]).get(patient.pk, "")


def all_stopped(patients: Sequence[Patient]) -> dict[UUID, str]:
    """The same for several; only those whose ground may have moved are judged anew."""
    standings, found = plans.standings(patients), {}
    for patient in patients:
        now = standings.get(patient.pk)
        if now is None or not now.signed or now.draft:
            found[patient.pk] = services_single.NO_PLAN
        elif now.moved and (row := plans.newest(patient)) and plans.moved_ground(row, judge(patient)):
            found[patient.pk] = _("The plan needs review: something under it has changed since it was signed.")
    return found
