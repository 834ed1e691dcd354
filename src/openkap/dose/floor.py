"""Who is on the floor, whose screens are alive, and so whom an alert reaches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from openkap.assess.selectors import rota
from openkap.dose.models import AlertState, DosingSession, Presence, Shift
from openkap.dose.needs import ACUTE_PHASES
from openkap.dose.session import Session
from openkap.dose.types import Duty, Ring, Staff
from openkap.kernel.errors import Conflict, Forbidden
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Membership, Site
from openkap.people.types import CLINICIANS, Principal, Role

ALIVE = timedelta(seconds=30)  # a screen says it is alive every 10 s; two may be lost
LONGEST = timedelta(hours=16)  # a shift that nobody ended is over after this
_RING: dict[Role, Ring] = {Role.PRESCRIBER: "prescriber", Role.NURSE: "room", Role.THERAPIST: "room"}
ON_FLOOR = (Role.PRESCRIBER, Role.NURSE, Role.THERAPIST, Role.COORDINATOR)


def staff_of(principal: Principal) -> Staff:
    """The principal as one who acts in a session: in the first role held of prescriber, nurse, therapist, others."""
    order = [*ON_FLOOR, *sorted(principal.roles)]
    return Staff(str(principal.user_id), principal.name, next(Role(role) for role in order if role in principal.roles))


# -- shifts ----------------------------------------------------------------------------------------------


@transaction.atomic
def begin_shift(principal: Principal, role: Role, *, origin: Origin | None = None) -> Shift:
    """
    Somebody is on the floor from now on, in one of their roles.

    Raises:
        Forbidden: the role is not theirs, or is none of the floor. Conflict: they are on the floor already.
    """
    if role not in ON_FLOOR or not principal.has(role):
        raise Forbidden("You do not hold this role here: choose one of yours.")
    now = timezone.now()
    Site.objects.select_for_update(no_key=True).get(pk=principal.site_id)
    open_ = Shift.objects.filter(site=principal.site_id, user=principal.user_id, until=None)
    for overdue in open_.filter(since__lt=now - LONGEST):
        _over(overdue)
    if open_.exists():
        raise Conflict("You are on the floor already: nothing was changed.")
    row = Shift.objects.create(site_id=principal.site_id, user_id=principal.user_id, role=role, since=now)
    _audit(principal, "C", row, origin)
    return row


@transaction.atomic
def end_shift(principal: Principal, *, origin: Origin | None = None) -> None:
    """
    Somebody leaves the floor.

    Raises:
        Conflict: they are not on the floor, or they watch a session and hand it over first.
    """
    row = Shift.objects.filter(site=principal.site_id, user=principal.user_id, until=None).first()
    if row is None:
        raise Conflict("You are not on the floor: nothing was changed.")
    if open_rows(principal.site_id).filter(observer=principal.user_id).exists():
        raise Conflict("You watch a session: hand the watch over first.")
    if AlertState.objects.filter(session__site=principal.site_id, owner=principal.user_id, ended_at=None).exists():
        raise Conflict("An open alert is yours: somebody else takes it, or it is settled, before you go.")
    row.until = timezone.now()
    row.save(update_fields=["until"])
    _audit(principal, "U", row, origin)


def end_overdue() -> int:
    """
    End every shift that nobody ended in time, and say so in the trail.

    Returns:
        How many there were.
    """
    ended = 0
    late = Shift.objects.filter(until=None, since__lt=timezone.now() - LONGEST)
    for row in late.order_by("pk"):
        with transaction.atomic():
            Site.objects.select_for_update(no_key=True).get(pk=row.site_id)
            if late.filter(pk=row.pk).exists():  # else somebody ended it meanwhile
                _over(row)
                ended += 1
    return ended


def _over(row: Shift) -> None:
    """A shift that nobody ended was over after its longest time. The site is held."""
    row.until = row.since + LONGEST
    row.save(update_fields=["until"])
    hours = int(LONGEST.total_seconds() // 3600)
    event = Event("duty", "U", entity=f"Shift/{row.pk}", reason=f"{row.role}: nobody ended it in {hours} h")
    audit.record(row.site_id, [event])


def shifts(site_id: UUID, now: datetime | None = None) -> list[Shift]:
    """Who is on the floor now, who came first first; one whose role was withdrawn is not."""
    since = (now or timezone.now()) - LONGEST
    found = Shift.objects.filter(site=site_id, until=None, since__gte=since, user__is_active=True)
    held = set(Membership.objects.filter(site=site_id, until=None).values_list("user", "role"))
    rows = found.select_related("user").order_by("since", "pk")
    return [row for row in rows if (row.user_id, row.role) in held]


def on_shift(site_id: UUID) -> frozenset[str]:
    """Ids of the users on the floor who may handle the drug."""
    handlers = (Role.PRESCRIBER, Role.NURSE)
    return frozenset(str(row.user_id) for row in shifts(site_id) if row.role in handlers)


# -- screens ---------------------------------------------------------------------------------------------


def here(principal: Principal, device: str, session: UUID | None = None, *, shows: bool = True) -> None:
    """
    A screen of this person is alive.

    Args:
        session: where it is the tablet of a chair; shows: it shows alerts, as the board and the chair do.
    """
    values = {"site_id": principal.site_id, "session_id": session, "seen_at": timezone.now(), "shows": shows}
    Presence.objects.update_or_create(user_id=principal.user_id, device=device[:64], defaults=values)


def seen(site_id: UUID, now: datetime | None = None, *, anywhere: bool = False) -> dict[str, datetime]:
    """
    When a screen of each user was last alive, by id of the user; those of the last hours.

    Args:
        anywhere: also a screen that shows no alerts.
    """
    since = (now or timezone.now()) - LONGEST
    found = Presence.objects.filter(site=site_id, seen_at__gte=since)
    found = found if anywhere else found.filter(shows=True)
    return {str(user): at for user, at in sorted(found.values_list("user", "seen_at"), key=lambda row: row[1])}


def silent_s(row: DosingSession) -> int | None:
    """Seconds since the tablet at a chair, a screen of whoever watches, was last heard of; None if it never was."""
    last = Presence.objects.filter(session=row, user=row.observer_id).order_by("-seen_at").first()
    return None if last is None else max(0, int((timezone.now() - last.seen_at).total_seconds()))


# -- duty ------------------------------------------------------------------------------------------------


def open_rows(site_id: UUID) -> QuerySet[DosingSession]:
    """Sessions of a site whose patient is in the house."""
    return DosingSession.objects.filter(site=site_id, ended_at=None).exclude(phase="booked")


@dataclass(frozen=True, slots=True)
class Floor:
    """
    Who can be reached at a site.

    Args:
        rings: by ring, but the bedside, which is each session's own observer.
        seen: when a screen of each user that shows alerts was last alive; heard: any screen of theirs; acute: how many
            patients each person on the floor watches in the acute phase; all by id of the user.
    """

    rings: dict[Ring, tuple[Staff, ...]]
    seen: dict[str, datetime]
    acute: dict[str, int]
    now: datetime
    heard: dict[str, datetime]


def floor_of(site_id: UUID) -> Floor:
    """The floor of a site now. The last ring is whoever is on call by the rota, else the coordinators on the floor."""
    now = timezone.now()
    there = shifts(site_id, now)
    rings: dict[Ring, list[Staff]] = {"room": [], "prescriber": [], "site-phone": _last(site_id, there, now)}
    for row in there:
        if (ring := _RING.get(Role(row.role))) is not None:
            rings[ring].append(Staff(str(row.user_id), row.user.name, Role(row.role)))
    acute = open_rows(site_id).filter(phase__in=[p.value for p in ACUTE_PHASES]).values_list("observer", flat=True)
    watched = Counter(str(user) for user in acute)
    counts = {str(row.user_id): watched[str(row.user_id)] for row in there if row.role in CLINICIANS}
    tupled = {ring: tuple(people) for ring, people in rings.items()}
    return Floor(tupled, seen(site_id, now), counts, now, seen(site_id, now, anywhere=True))


@dataclass(frozen=True, slots=True)
class Beyond:
    """Somebody who watches in the acute phase: how many, and whether they are on the floor."""

    name: str
    patients: int
    there: bool


def beyond(site_id: UUID, most: int) -> list[Beyond]:
    """
    Who watches more people in the acute phase now than one may, or is not on the floor (HAZ-55).

    Args:
        most: people whom one may watch (WATCH-ACUTE).
    """
    acute = open_rows(site_id).filter(phase__in=[p.value for p in ACUTE_PHASES], observer__isnull=False)
    watched = Counter(acute.values_list("observer", "observer__name"))
    there = {row.user_id for row in shifts(site_id)} if watched else set()
    found = [Beyond(name, n, user in there) for (user, name), n in sorted(watched.items(), key=lambda row: row[0][1])]
    return [one for one in found if one.patients > most or not one.there]


def duty_for(floor: Floor, session: Session) -> Duty:
    """
    The floor as one session sees it. Its own patient is none of the others; its observer counts as there until the
    screen was silent for WATCH-IDLE, everybody else until their screen has missed two signs of life.
    """
    observer = session.observer.id if session.observer else ""
    idle = timedelta(seconds=session.protocol.seconds("WATCH-IDLE", "idle_min"))
    live = {user for user, at in floor.seen.items() if floor.now - at <= (idle if user == observer else ALIVE)}
    if observer in floor.heard and floor.now - floor.heard[observer] <= ALIVE:
        live.add(observer)  # at another page of the record: there, though no screen of theirs shows an alert
    others = dict(floor.acute)
    if observer in others and session.phase in ACUTE_PHASES:
        others[observer] -= 1
    named = {observer, *(staff.id for ring in floor.rings.values() for staff in ring)}
    return Duty(dict(floor.rings), frozenset(live & named), others, _gone(floor, session))


def _gone(floor: Floor, session: Session) -> frozenset[str]:
    """Who has an alert in their hands and gave no sign of life for WATCH-OWNER: no screen of theirs, and no entry."""
    owners = {alert.acknowledged[0].id for alert in session.open_alerts() if alert.acknowledged is not None}
    if not owners or not session.protocol.knows("WATCH-OWNER"):
        return frozenset()
    limit = timedelta(seconds=session.protocol.seconds("WATCH-OWNER", "owner_min"))
    signs = dict.fromkeys(owners, datetime.min.replace(tzinfo=UTC))
    for entry in session.log:
        if entry.event.by.id in signs:
            signs[entry.event.by.id] = entry.stamp.at
    return frozenset(one for one, at in signs.items() if floor.now - max(at, floor.heard.get(one, at)) >= limit)


def _last(site_id: UUID, floor: list[Shift], now: datetime) -> list[Staff]:
    on_call = [row.user for row in rota(site_id, now) if row.begins <= now]
    held = dict(Membership.objects.filter(site=site_id, until=None, user__in=on_call).values_list("user", "role"))
    found = [Staff(str(user.pk), user.name, Role(held[user.pk])) for user in on_call if user.pk in held]
    desk = [row for row in floor if row.role == Role.COORDINATOR]
    return found or [Staff(str(row.user_id), row.user.name, Role.COORDINATOR) for row in desk]


def _audit(principal: Principal, action: audit.Action, row: Shift, origin: Origin | None) -> None:
    event = Event("duty", action, entity=f"Shift/{row.pk}", reason=row.role)
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
