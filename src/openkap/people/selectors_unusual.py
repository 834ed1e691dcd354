"""The weekly list of unusual access, as the audit trail has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from openkap.people.models import AccessReview, AuditEvent, CareTeam, User
from openkap.people.types import Principal, Purpose
from openkap.people.unusual import Look, Mark, lines, unusual

WEEK = timedelta(days=7)
SHOWN = 8  # weeks before this one on the page


@dataclass(frozen=True)
class Person:
    """Somebody on the list, and why."""

    user: User
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Week:
    """
    One week at a site.

    Args:
        monday, sunday: its first and last day.
        is_over: by the clocks of the site.
        people: the list, by name.
        review: who signed it off; None: nobody yet.
    """

    monday: date
    sunday: date
    is_over: bool
    people: tuple[Person, ...]
    review: AccessReview | None

    def plain(self) -> list[dict[str, Any]]:
        """The list as it is kept with a signature."""
        return [
            {"user": str(person.user.pk), "kind": mark.kind, "records": mark.records, "first": mark.first.isoformat()}
            for person in self.people
            for mark in person.marks
        ]


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def last_week(principal: Principal) -> date:
    """The Monday of the newest week that is over."""
    return monday_of(timezone.now().astimezone(ZoneInfo(principal.zone)).date()) - WEEK


def reviewed(principal: Principal, monday: date) -> AccessReview | None:
    """Who signed a week off."""
    return AccessReview.objects.filter(site=principal.site_id, monday=monday).first()


def is_open(principal: Principal) -> bool:
    """Whether the newest week that is over waits for somebody: it has events, and no signature."""
    monday = last_week(principal)
    return reviewed(principal, monday) is None and _events(principal, monday).exists()


def reviews_of(principal: Principal) -> list[AccessReview]:
    """The newest signatures."""
    return list(AccessReview.objects.filter(site=principal.site_id).order_by("-monday")[:SHOWN])


def week_of(principal: Principal, monday: date) -> Week:
    """The list of a week; one look through its events, one through the care teams of those in them."""
    looks = list(_looks(principal, monday))
    users = {look.user for look in looks}
    care: dict[tuple[UUID, UUID], list[tuple[datetime, datetime | None]]] = {}
    teams = CareTeam.objects.filter(user__in=users, patient__site=principal.site_id)
    for user, patient, since, until in teams.values_list("user", "patient", "since", "until"):
        care.setdefault((user, patient), []).append((since, until))
    found = unusual(looks, care, lines())
    people = User.objects.filter(pk__in=found).order_by("name", "pk")
    return Week(
        monday=monday,
        sunday=monday + WEEK - timedelta(days=1),
        is_over=monday <= last_week(principal),
        people=tuple(Person(user, tuple(found[user.pk])) for user in people),
        review=reviewed(principal, monday),
    )


def _events(principal: Principal, monday: date) -> Any:
    zone = ZoneInfo(principal.zone)
    first, after = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (monday, monday + WEEK))
    # Pages about one person have a purpose; lists of many, such as Today, have none.
    one = Q(type="patient-record") & ~Q(purpose="") & Q(patient__isnull=False)
    kinds = one | Q(type="denial", entity__startswith="Patient/") | Q(type="break-glass", outcome="denied")
    return AuditEvent.objects.filter(kinds, site=principal.site_id, user__isnull=False, at__gte=first, at__lt=after)


def _looks(principal: Principal, monday: date) -> Iterator[Look]:
    zone = ZoneInfo(principal.zone)
    rows = _events(principal, monday).exclude(purpose=Purpose.OWN).order_by("sequence")
    for user, record, at, kind, reason, purpose in rows.values_list(
        "user", "patient", "at", "type", "reason", "purpose"
    ).iterator(chunk_size=5000):
        what = {"denial": "refused", "break-glass": "nobody"}.get(kind)
        what = what or ("emergency" if reason == "emergency access" else "opened")
        yield Look(user, record, at.astimezone(zone), what, purpose == Purpose.TREATMENT)  # type: ignore[arg-type]
