"""
The only writers of retreats and their versions. A version is never changed: to move one session is a
new version. What is published is booked in the same transaction, or nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, UserError
from openkap.kernel.site import Site as Content
from openkap.people.audit import Origin
from openkap.people.models import Patient, Site
from openkap.people.types import Principal
from openkap.plan import selectors as plans
from openkap.plan.book import book_of, shipped
from openkap.plan.library import statement
from openkap.plan.limits import APART
from openkap.plan.models import Programme
from openkap.schedule import hours, selectors
from openkap.schedule.assemble import REPAIR, Group, House
from openkap.schedule.beside import beside
from openkap.schedule.models import (
    BOOKED,
    CANCELLED,
    Appointment,
    Guest,
    Publication,
    Resource,
    Retreat,
    Version,
)
from openkap.schedule.objective import objective, terms
from openkap.schedule.read import read_instance
from openkap.schedule.rules import Breach, View, breaches
from openkap.schedule.services_booking import Booker, Part, Wanted, hold
from openkap.schedule.services_house import audited, coordinates
from openkap.schedule.types import DAY, Held, Instance, Placed, Plan
from openkap.schedule.where import Hand, moved

MOST_DAYS = 30


# -- retreats --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """A retreat as somebody wants it; minutes of the day. `ratio` None takes RETREAT-WATCH."""

    name: str
    start: date
    days: int
    opening: tuple[int, int] = (480, 1140)
    lunch: tuple[int, int] = (735, 780)
    groups: tuple[Group, ...] = ()
    group_sessions: int = 0
    therapist_stays: bool = True
    ratio: int | None = None


def house(wish: Wish) -> House:
    """
    How a retreat is run: what was wished, and the numbers of the content.

    Raises:
        UserError: more would be watched by one nurse than the content allows, or hours that cannot be.
    """
    most = int(statement("RETREAT-WATCH").number("most"))
    ratio = most if wish.ratio is None else wish.ratio
    if not 1 <= ratio <= most:
        raise UserError(f"ratio: one nurse watches 1 to {most} people (RETREAT-WATCH); choose a number of these.")
    if not 0 <= wish.opening[0] < wish.lunch[0] < wish.lunch[1] < wish.opening[1] <= DAY:
        raise UserError("opening: lunch lies outside opening hours, or an end before its beginning; correct the hours.")
    dose, day = statement("RETREAT-DOSE"), statement("RETREAT-DAY")
    return House(
        opening=wish.opening,
        lunch=wish.lunch,
        ratio=ratio,
        prescriber_min=int(dose.number("prescriber_min")),
        rest_min=int(dose.number("rest_min")),
        gap_min=int(day.number("gap_min")),
        long_min=int(day.number("long_h") * 60),
        break_min=int(day.number("break_min")),
        break_window=(int(day.number("break_from_h") * 60), int(day.number("break_until_h") * 60)),
        groups=wish.groups,
        group_sessions=wish.group_sessions,
        therapist_stays=wish.therapist_stays,
    )


@transaction.atomic
def open_retreat(
    principal: Principal | None,
    site: Site,
    wish: Wish,
    patients: Sequence[Patient],
    *,
    therapists: Mapping[UUID, Resource] = {},
    origin: Origin | None = None,
) -> Retreat:
    """
    A retreat of these patients; each by the newest version of the plan, which must be signed.

    Raises:
        Forbidden: by someone who may not. UserError: no name, no days, nobody comes, or a plan is not signed.
    """
    coordinates(principal)
    if not wish.name.strip():
        raise UserError("name: the retreat has none; give one, such as Spring retreat.")
    if not 1 <= wish.days <= MOST_DAYS:
        raise UserError(f"days: a retreat has 1 to {MOST_DAYS} days; correct the number.")
    if not patients:
        raise UserError("guests: nobody comes; choose at least one person with a signed plan.")
    for at in (wish.opening[0], wish.opening[1]):
        for day in range(wish.days):
            hours.instant(wish.start, day * DAY + at, ZoneInfo(site.zone))
    retreat = Retreat.objects.create(
        site=site,
        name=wish.name.strip(),
        start=wish.start,
        days=wish.days,
        house=msgspec.json.encode(house(wish)).decode(),
        made_at=timezone.now(),
        made_by_id=principal.user_id if principal else None,
    )
    for place, patient in enumerate(patients, 1):
        row = plans.newest(patient)
        if patient.site_id != site.pk or row is None or not _is_signed(row):
            raise UserError("guests: somebody has no signed plan; have it signed first, or leave this person out.")
        Guest.objects.create(
            retreat=retreat,
            patient=patient,
            code=f"G{place:02}",
            programme=row,
            therapist=therapists.get(patient.pk),
        )
    audited(principal, site.pk, "C", f"Retreat/{retreat.pk}", origin=origin)
    return retreat


def _is_signed(row: Programme) -> bool:
    return not row.draft and plans.signature_of(row) is not None and plans.withdrawal_of(row) is None


@transaction.atomic
def renew_programmes(principal: Principal, retreat: Retreat, *, origin: Origin | None = None) -> list[str]:
    """
    Take the newest signed plan of each guest; the codes of those whose plan is another one than before.

    Raises:
        Forbidden: by someone who may not.
    """
    coordinates(principal)
    changed = []
    for guest in selectors.guests_of(retreat):
        row = plans.newest(guest.patient)
        if row is not None and row.pk != guest.programme_id and _is_signed(row):
            guest.programme = row
            guest.save(update_fields=["programme"])
            changed.append(guest.code)
    if changed:
        audited(principal, retreat.site_id, "U", f"Retreat/{retreat.pk}", f"{len(changed)} newer plans", origin)
    return changed


# -- versions --------------------------------------------------------------------------------------------


@transaction.atomic
def write_version(
    principal: Principal | None,
    retreat: Retreat,
    instance: Instance,
    plan: Plan,
    *,
    reason: str,
    expected: int | None = None,
    origin: Origin | None = None,
) -> Version:
    """
    Keep a plan as the newest version.

    Args:
        expected: number of the version that it was made from, 0 for none; None where that does not matter.

    Raises:
        Conflict: there is a newer version than the expected one. UserError: the plan breaks a rule.
    """
    coordinates(principal)
    hold(retreat.site_id)
    if faults := breaches(instance, plan):
        raise UserError(f"{faults[0].about} {faults[0].because} ({faults[0].rule}).")
    newest = selectors.draft_of(retreat)
    number = newest.number if newest else 0
    if expected is not None and expected != number:
        raise Conflict("Somebody changed this retreat meanwhile: look at the calendar as it is now, then do it again.")
    counted = terms(instance, plan)
    row = Version.objects.create(
        retreat=retreat,
        number=number + 1,
        instance=msgspec.json.encode(instance).decode(),
        plan=msgspec.json.encode(plan).decode(),
        terms=counted,
        objective=objective(instance, counted),
        reason=reason,
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )
    audited(principal, retreat.site_id, "C", f"Retreat/{retreat.pk}", f"version {row.number}", origin)
    return row


def hand_of(version: Version) -> Hand:
    """The plan of a version, for one of its sessions to be moved as things stand now (HAZ-50 C1)."""
    instance, plan = selectors.problem_of(version)
    whole, _ = problem(version.retreat)
    now = beside(whole, selectors.holds(version.retreat))
    held = now.baseline.assignments if now.baseline is not None else ()
    known = {one.id for who in whole.patients for one in who.activities}
    kept = tuple(one for one in plan.assignments if one.activity in known)
    return Hand(instance, plan, now, Plan(assignments=(*kept, *held), groups=plan.groups))


def move(
    principal: Principal, version: Version, placed: Placed, *, reason: str = "moved", origin: Origin | None = None
) -> Version:
    """
    Move one session of the newest version.

    Raises:
        Conflict: there is a newer version. UserError: it would break a rule, or is no session of this plan any more.
    """
    hand = hand_of(version)
    if not hand.holds(placed.activity):
        raise UserError("session: it is not one of this retreat any more, or is booked alone; open the calendar again.")
    if faults := hand.faults(placed):
        raise UserError("It cannot stand there: " + "; ".join(f"{one.about} {one.because}" for one in faults))
    return write_version(
        principal,
        version.retreat,
        hand.instance,
        moved(hand.plan, placed),
        reason=reason,
        expected=version.number,
        origin=origin,
    )


# -- publishing ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """What a publication did: appointments that are new, moved, cancelled, and those that stay."""

    new: int
    moved: int
    cancelled: int
    kept: int


@transaction.atomic
def publish(
    principal: Principal | None,
    version: Version,
    why_not: Callable[[Sequence[Guest]], list[str]],
    *,
    origin: Origin | None = None,
) -> Published:
    """
    Book every session of the newest version; what stays as it was is not touched.

    Args:
        why_not: sentences about guests who may not be booked now, such as a plan that needs review (HAZ-22).

    Raises:
        Forbidden: by someone who may not. UserError: the plan breaks a rule, or a guest may not be booked.
        Conflict: there is a newer version; somebody or something is taken; nothing was booked.
    """
    coordinates(principal)
    retreat = version.retreat
    hold(retreat.site_id)
    newest = selectors.draft_of(retreat)
    if newest is None or newest.pk != version.pk:
        raise Conflict("There is a newer version of this retreat: look at it, then publish that.")
    instance, plan = selectors.problem_of(version)
    if faults := breaches(instance, plan):
        raise UserError(f"{faults[0].about} {faults[0].because} ({faults[0].rule}).")
    guests = selectors.guests_of(retreat)
    if stopped := why_not(guests):
        raise UserError(" ".join(stopped))
    if twice := _booked_twice(retreat, plan, guests):
        raise Conflict(twice)
    wanted = wanted_of(retreat, instance, plan, guests)
    live = {row.activity: row for row in _live(retreat)}
    kept = {name for name, one in wanted.items() if name in live and _same(live[name], one)}
    gone = [row for name, row in live.items() if name not in wanted]
    moved = {name: row for name, row in live.items() if name in wanted and name not in kept}
    booker = Booker(
        principal, retreat.site, retreat, f"{retreat.name}, version {version.number}: {version.reason}", origin
    )
    booker.prepare(guest.patient_id for guest in guests)
    if gone:
        booker.drop(gone)
    booker.free(list(moved.values()))
    off = Appointment.objects.filter(retreat=retreat, state=CANCELLED, starts_at__lte=timezone.now())
    past = set(off.values_list("activity", flat=True)) - live.keys()  # called off, and its hour is over
    taking = [one for name, one in wanted.items() if name not in kept | past]
    if taking:
        booker.take(taking, moved)
    Publication.objects.create(version=version, at=timezone.now(), by_id=principal.user_id if principal else None)
    audited(principal, retreat.site_id, "U", f"Retreat/{retreat.pk}", f"version {version.number} published", origin)
    return Published(len(taking) - len(moved), len(moved), len(gone), len(kept))


def _booked_twice(retreat: Retreat, plan: Plan, guests: Sequence[Guest]) -> str:
    """A session of the plan that is booked alone too."""
    outside, by_code = selectors.booked_outside(retreat), {row.code: row.patient_id for row in guests}
    for one in plan.assignments:
        code, _, name = one.activity.partition("-")
        if name in outside[by_code[code]]:
            return f"{one.activity} is booked alone, outside this retreat: build anew around it, or cancel that first."
    return ""


@transaction.atomic
def leave_out(
    principal: Principal | None, row: Appointment, *, reason: str, origin: Origin | None = None
) -> list[Version]:
    """
    Cancel an appointment of a retreat, and leave it out of what was published and of the draft, all or nothing.

    Each is a new version, and the first of them counts as published: so what is booked is what was published, and no
    later publication books again what was cancelled. That a dose has lost its integration does not hold the
    cancellation up; it holds up every publication until that is planned again (HAZ-50).

    Args:
        row: of one patient, booked. The calendar of the site is held.

    Raises:
        Forbidden: by someone who may not. UserError: it is a group, or nothing of the retreat was published.
    """
    coordinates(principal)
    return left_out(principal, row, reason=reason, origin=origin)


def left_out(
    principal: Principal | None, row: Appointment, *, reason: str, origin: Origin | None = None
) -> list[Version]:
    """`leave_out` by whoever cancels a dose in the dosing room. Part of another transaction, which asked who may."""
    retreat = row.retreat
    if retreat is None or row.patient_id is None:
        raise UserError("It is a group: take it out on the board of the retreat.")
    published, draft = selectors.published_of(retreat), selectors.draft_of(retreat)
    if published is None or draft is None:
        raise UserError("Nothing of this retreat was published: open the calendar again.")
    told = f"{row.title} cancelled: {reason}"
    gone = [row]
    if row.within is not None and not row.within.attended_by.filter(state=BOOKED).exclude(pk=row.pk).exists():
        gone.append(row.within)  # a group that nobody attends is not held
    Booker(principal, retreat.site, retreat, told, origin).drop(gone)
    made = [_without(principal, published, row.activity, told, draft.number + 1)]
    Publication.objects.create(version=made[0], at=timezone.now(), by_id=principal.user_id if principal else None)
    if draft.pk != published.pk:
        made.append(_without(principal, draft, row.activity, told, draft.number + 2))
    audited(
        principal, retreat.site_id, "U", f"Retreat/{retreat.pk}", f"version {made[-1].number}, one left out", origin
    )
    return made


def _without(principal: Principal | None, base: Version, activity: str, reason: str, number: int) -> Version:
    """A version in which one activity, or one who attends a group, is left out. It may break what wants it there."""
    instance, plan = selectors.problem_of(base)
    instance = msgspec.structs.replace(instance, coverage="best_effort")
    event, _, code = activity.partition("/")
    groups = [
        msgspec.structs.replace(one, attendees=tuple(name for name in one.attendees if name != code))
        if one.event == event
        else one
        for one in plan.groups
    ]
    plan = Plan(
        assignments=tuple(one for one in plan.assignments if one.activity != activity),
        groups=tuple(one for one in groups if one.attendees),
    )
    counted = terms(instance, plan)
    return Version.objects.create(
        retreat=base.retreat,
        number=number,
        instance=msgspec.json.encode(instance).decode(),
        plan=msgspec.json.encode(plan).decode(),
        terms=counted,
        objective=objective(instance, counted),
        reason=reason[:500],
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )


def _live(retreat: Retreat) -> list[Appointment]:
    rows = Appointment.objects.filter(retreat=retreat, state=BOOKED).select_related("within").prefetch_related("work")
    return list(rows)


def _same(row: Appointment, one: Wanted) -> bool:
    work = sorted((part.resource_id, part.starts_at, part.ends_at) for part in row.work.all())
    return (
        row.starts_at,
        row.ends_at,
        row.room_id,
        row.patient_id,
        work,
        row.within.activity if row.within else "",
    ) == (
        one.starts_at,
        one.ends_at,
        one.room,
        one.patient,
        sorted((part.person, part.starts_at, part.ends_at) for part in one.work),
        one.within,
    )


def apart_h(content: Content | None) -> int:
    """Hours between the starts of two doses of one person, as the site uses them (DOS-FREQ-2)."""
    book = shipped() if content is None else book_of(content)
    return int(book.statement(APART).number("min_h"))


def wanted_of(retreat: Retreat, instance: Instance, plan: Plan, guests: Sequence[Guest]) -> dict[str, Wanted]:
    """Every appointment that a plan is, by activity; of a group one for itself and one for each who attends."""
    zone, view = ZoneInfo(retreat.site.zone), View(instance, plan)
    by_code = {row.code: row for row in guests}
    documents = {row.code: plans.document_of(row.programme) for row in guests}
    sessions = {
        f"{code}-{one['id']}": one for code, document in documents.items() for one in document["programme"]["sessions"]
    }
    ratio = selectors.house_of(retreat).ratio
    found: dict[str, Wanted] = {}

    def at(minute: int) -> datetime:
        return hours.instant(retreat.start, minute, zone)

    for name, placed, who, activity in view.items():
        starts_at = at(placed.start)
        found[name] = Wanted(
            activity=name,
            kind=activity.type,
            title=sessions[name]["title"],
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=activity.duration),
            patient=by_code[who.id].patient_id,
            room=_pk(placed.room),
            work=tuple(
                Part(_pk(person) or 0, at(placed.start + need.begins), at(placed.start + need.ends))
                for person, need in zip(placed.staff, activity.staff, strict=True)
            ),
            watched_by=activity.monitored_by[0] if activity.monitored_by else "",
            ratio=ratio,
            route=(documents[who.id]["regimen"] or {}).get("route", "") if activity.type == "dose" else "",
        )
    for held in view.groups:
        found |= _group(view, held, by_code, at)
    return found


def _group(view: View, held: Held, guests: Mapping[str, Guest], at: Callable[[int], datetime]) -> dict[str, Wanted]:
    event = view.events[held.event]
    starts_at, ends_at = at(event.start), at(event.start) + timedelta(minutes=event.duration)
    leader = (Part(_pk(held.staff) or 0, starts_at, ends_at),)
    found = {held.event: Wanted(held.event, "group", "Group", starts_at, ends_at, room=_pk(held.room), work=leader)}
    for code in held.attendees:
        name = f"{held.event}/{code}"
        found[name] = Wanted(
            name, "group", "Group", starts_at, ends_at, patient=guests[code].patient_id, within=held.event
        )
    return found


def _pk(code: str | None) -> int | None:
    return int(code[1:]) if code else None


# -- the problem as things stand ---------------------------------------------------------------------------


def problem(retreat: Retreat, base: Version | None = None, now: int | None = None) -> tuple[Instance, Instance]:
    """
    The problem of a retreat as things stand: the whole of it, and what is to be searched.

    Args:
        base: the plan that was published, of which as little as possible is to move. now: minute of the retreat.

    Raises:
        UserError: the plans, people and rooms make no problem that can be read.
    """
    document = selectors.instance_of(retreat)
    whole = read_instance(document)
    if base is None:
        return whole, whole
    since = max(0, now or 0)
    old = selectors.plan_of(base.plan)
    events = {one.id: one.start for one in whole.group_events}
    attended = [code for held in old.groups if events.get(held.event, since) < since for code in held.attendees]
    for one in document["patients"]:
        one["group_sessions"] -= attended.count(one["id"])
    document["baseline"] = {"now": since, "assignments": msgspec.to_builtins(old.assignments), "pinned": []}
    document["weights"] = dict(document["weights"]) | REPAIR
    return whole, read_instance(document)


def since_published(retreat: Retreat) -> tuple[Instance, list[Breach]]:
    """
    What the published plan breaks as things stand now: somebody is away, a room went out of use, other bookings came.

    A plan that held when it was published and holds now breaks nothing (HAZ-55 C2, HAZ-50 C1).
    """
    version = selectors.published_of(retreat)
    whole, _ = problem(retreat)
    if version is None:
        return whole, []
    return whole, breaches(whole, selectors.plan_of(version.plan))


def with_past(whole: Instance, old: Plan, new: Plan, now: int) -> Plan:
    """A plan that was searched from `now` on, with the groups that were held before."""
    events = {one.id: one.start for one in whole.group_events}
    before = [one for one in old.groups if events.get(one.event, now) < now]
    return Plan(assignments=new.assignments, groups=(*before, *new.groups))
