"""Reads for those who answer for a site: its accounts, its audit trail, who looked at whom, emergency access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from openkap.people.models import AuditEvent, EmergencyAccess, Membership, Patient, User
from openkap.people.types import Principal


def accounts_of(principal: Principal) -> QuerySet[User]:
    """Everyone who holds or held a role at the principal's site; `held` are the roles held now."""
    here = Membership.objects.filter(site=principal.site_id)
    open_now = Prefetch("memberships", here.filter(until=None).order_by("role"), to_attr="held")
    return (
        User.objects.filter(Exists(here.filter(user=OuterRef("pk")))).prefetch_related(open_now).order_by("name", "pk")
    )


@dataclass(frozen=True)
class Asked:
    """What the reader of the audit trail asks for; None and empty ask for everything."""

    user: UUID | None = None
    patient: UUID | None = None
    type: str = ""
    outcome: str = ""
    first: date | None = None
    last: date | None = None


def events_of(principal: Principal, asked: Asked) -> QuerySet[AuditEvent]:
    """Events of the principal's site, newest first."""
    wanted = Q(site=principal.site_id)
    if asked.user:
        wanted &= Q(user=asked.user)
    if asked.patient:
        wanted &= Q(patient=asked.patient)
    if asked.type:
        wanted &= Q(type=asked.type)
    if asked.outcome:
        wanted &= Q(outcome=asked.outcome)
    if asked.first:
        wanted &= Q(at__gte=_midnight(asked.first))
    if asked.last:
        wanted &= Q(at__lt=_midnight(asked.last + timedelta(days=1)))
    return AuditEvent.objects.filter(wanted).select_related("user", "patient").order_by("-sequence")


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def event_types(principal: Principal) -> list[str]:
    """The types that the trail of the site holds."""
    return sorted(AuditEvent.objects.filter(site=principal.site_id).values_list("type", flat=True).distinct())


@dataclass(frozen=True)
class Look:
    """
    One time that someone opened or changed a patient's record, as the patient may read it.

    Args:
        roles: of the person at that time.
        wrote: the record was changed, not only read.
        emergency: it was opened as an emergency.
    """

    at: datetime
    name: str
    roles: tuple[str, ...]
    purpose: str
    wrote: bool
    emergency: bool


def looks_at(patient: Patient) -> list[Look]:
    """
    Who opened or changed this record, newest first; several pages in one minute are one look.

    The patient must come from `visible_patients`. What was read is not told apart: no page is named, so that the
    list itself tells nothing of what the record holds.
    """
    events = (
        AuditEvent.objects.filter(site=patient.site_id, patient=patient, outcome="success", user__isnull=False)
        .exclude(user=patient.account_id)
        .select_related("user")
        .order_by("-sequence")
    )
    found: dict[tuple[object, ...], Look] = {}
    for event in events.iterator(chunk_size=2000):
        assert event.user is not None
        minute = event.at.replace(second=0, microsecond=0)
        emergency = event.type == "break-glass" or event.reason == "emergency access"
        key = (minute, event.user_id, event.purpose, event.action != "R", emergency)
        found.setdefault(
            key,
            Look(minute, event.user.name, tuple(event.roles.split()), event.purpose, event.action != "R", emergency),
        )
    return list(found.values())


def emergencies_of(principal: Principal) -> QuerySet[EmergencyAccess]:
    """Every emergency access of the site, newest first, with what a privacy lead found."""
    return (
        EmergencyAccess.objects.filter(site=principal.site_id)
        .select_related("user", "patient", "review", "review__by")
        .order_by("-since")
    )


def unreviewed_emergencies(principal: Principal) -> QuerySet[EmergencyAccess]:
    """Those that no privacy lead has looked at yet."""
    return emergencies_of(principal).filter(review=None)
