"""The only writers of people, rooms, hours of duty, and who is away. Every retreat of a site draws on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils import timezone

from openkap.kernel.clock import instant_of
from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient, Site, User
from openkap.people.types import CLINICIANS, Principal, Role
from openkap.schedule.assemble import ROOM_KINDS, STAFF_ROLES
from openkap.schedule.models import PERSON, ROOM, Absence, Duty, Resource
from openkap.schedule.services_booking import hold

MIDNIGHT = time(0)


def coordinates(principal: Principal | None) -> None:
    """
    Raises:
        Forbidden: by someone who plans nothing here. None is a demonstration.
    """
    if principal is not None and not principal.has(Role.COORDINATOR, Role.SITE_ADMIN):
        raise Forbidden("Only a coordinator or a site admin plans here: ask one of them.")


def audited(
    principal: Principal | None,
    site_id: UUID,
    action: audit.Action,
    entity: str,
    reason: str = "",
    origin: Origin | None = None,
) -> None:
    """Keep a change of the calendar in the audit trail."""
    audit.record(
        site_id, [Event("setting", action, entity=entity, reason=reason[:500])], principal=principal, origin=origin
    )


# -- people and rooms ------------------------------------------------------------------------------------


@transaction.atomic
def add_person(
    principal: Principal | None,
    site: Site,
    *,
    name: str,
    role: str,
    user: User | None = None,
    credentials: Iterable[str] = (),
    origin: Origin | None = None,
) -> Resource:
    """
    Somebody who works with patients.

    Raises:
        Forbidden: by someone who may not. UserError: no name, the name or the account stands there already.
    """
    coordinates(principal)
    if role not in STAFF_ROLES:
        raise UserError(f"role: {role!r} is no role of the calendar; choose one of {', '.join(STAFF_ROLES)}.")
    row = _add(site, PERSON, role, name, user=user, credentials=sorted(set(credentials)))
    audited(principal, site.pk, "C", f"Resource/{row.pk}", origin=origin)
    return row


@transaction.atomic
def add_room(
    principal: Principal | None, site: Site, *, name: str, kind: str, turnover: int = 0, origin: Origin | None = None
) -> Resource:
    """
    A room; `turnover`: minutes that it needs after each use.

    Raises:
        as `add_person`.
    """
    coordinates(principal)
    if kind not in ROOM_KINDS:
        raise UserError(f"kind: {kind!r} is no kind of room; choose one of {', '.join(ROOM_KINDS)}.")
    row = _add(site, ROOM, kind, name, turnover_min=turnover)
    audited(principal, site.pk, "C", f"Resource/{row.pk}", origin=origin)
    return row


def _add(site: Site, what: str, sort: str, name: str, **more: object) -> Resource:
    if not name.strip():
        raise UserError("name: it has none; give one, such as Bay 1.")
    try:
        with transaction.atomic():
            return Resource.objects.create(site=site, what=what, sort=sort, name=name.strip(), **more)
    except IntegrityError:
        raise UserError(f"name: {name.strip()} stands in the calendar already; choose another name.") from None


@transaction.atomic
def add_duty(
    principal: Principal | None,
    person: Resource,
    *,
    first: date,
    last: date,
    weekdays: Iterable[int],
    begins: time,
    ends: time,
    origin: Origin | None = None,
) -> int:
    """
    On duty on these weekdays (0 is Monday) from `first` to `last`, at these hours of the site's clocks; how many days.
    An end at 00:00 is midnight.

    Raises:
        Forbidden: by someone who may not. UserError: nobody works then, or the clocks do not show the hour.
    """
    coordinates(principal)
    if ends <= begins and ends != MIDNIGHT:
        raise UserError("ends: the end is not after the beginning; correct the hours.")
    if not first <= last <= first + timedelta(days=400):
        raise UserError("last: the last day is before the first, or more than 400 days later; correct the days.")
    zone, chosen = ZoneInfo(person.site.zone), set(weekdays)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    rows = [
        Duty(
            resource=person,
            starts_at=instant_of(datetime.combine(day, begins), zone),
            ends_at=instant_of(datetime.combine(day + timedelta(days=ends == MIDNIGHT), ends), zone),
            by_id=principal.user_id if principal else None,
        )
        for day in days
        if day.weekday() in chosen
    ]
    if not rows:
        raise UserError("weekdays: none of the chosen weekdays lies between these days; choose others.")
    Duty.objects.bulk_create(rows)
    audited(principal, person.site_id, "C", f"Resource/{person.pk}", f"{len(rows)} days on duty", origin)
    return len(rows)


# -- who is away -----------------------------------------------------------------------------------------


@transaction.atomic
def absent(
    principal: Principal | None,
    site: Site,
    *,
    kind: str,
    starts_at: datetime,
    ends_at: datetime,
    resource: Resource | None = None,
    patient: Patient | None = None,
    origin: Origin | None = None,
) -> Absence:
    """
    Somebody of staff is away, or a patient does not come, or must have no dose until then. Nothing says why.

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician. UserError: it ends before it begins.
    """
    if principal is not None and not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician says who is away: ask one of them.")
    if ends_at <= starts_at:
        raise UserError("until: it ends before it begins; correct the hours.")
    if (resource is None) == (patient is None):
        raise UserError("who: say of one person of staff, or of one guest.")
    hold(site.pk)
    row = Absence.objects.create(
        site=site,
        resource=resource,
        patient=patient,
        kind=kind,
        starts_at=starts_at,
        ends_at=ends_at,
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )
    audited(principal, site.pk, "C", f"Absence/{row.pk}", origin=origin)
    return row
