"""
Links to a calendar in iCalendar form. A feed holds hours and nothing else: no name, no diagnosis, no drug, no kind of
appointment (HAZ-57, HAZ-61). The link is kept as its hash, and ends when somebody takes it back.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from openkap.kernel.errors import Forbidden
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.schedule.models import BOOKED, Appointment, Feed

BACK = timedelta(days=30)  # what is longer ago is in no feed


@transaction.atomic
def make_feed(
    principal: Principal, *, patient: Patient | None = None, origin: Origin | None = None
) -> tuple[Feed, str]:
    """
    A new link: to one's own work, or for a patient of one's own reach. Earlier links end.

    Returns:
        The feed and its token. The token is kept nowhere: show it now, once.

    Raises:
        Forbidden: by someone who makes none.
    """
    if not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician makes a calendar link: ask one of them.")
    end_feeds(principal, patient=patient, origin=origin)
    token = secrets.token_urlsafe(24)
    row = Feed.objects.create(
        site_id=principal.site_id,
        user_id=None if patient else principal.user_id,
        patient=patient,
        token_hash=_hash(token),
        made_at=timezone.now(),
        made_by_id=principal.user_id,
    )
    _audit(principal, row, "C", origin)
    return row, token


@transaction.atomic
def end_feeds(principal: Principal, *, patient: Patient | None = None, origin: Origin | None = None) -> int:
    """End the links to one's own work, or those of a patient of one's own reach; how many there were."""
    rows = feeds_of(principal, patient)
    for row in rows:
        row.ended_at = timezone.now()
        row.save(update_fields=["ended_at"])
        _audit(principal, row, "U", origin)
    return len(rows)


def feeds_of(principal: Principal, patient: Patient | None = None) -> list[Feed]:
    """Links that are open."""
    whose = Q(patient=patient) if patient else Q(user=principal.user_id)
    return list(Feed.objects.filter(whose, site=principal.site_id, ended_at=None))


def feed_of(token: str) -> Feed | None:
    """The open feed of a token, whose patient or user still belongs to it."""
    row = Feed.objects.filter(token_hash=_hash(token), ended_at=None).select_related("site", "user").first()
    return row if row is not None and (row.user is None or row.user.is_active) else None


def calendar(row: Feed) -> str:
    """The feed as iCalendar (RFC 5545). What was cancelled stays for a while, so that it goes from other calendars."""
    since = timezone.now() - BACK
    rows = Appointment.objects.filter(site=row.site_id, ends_at__gt=since)
    if row.patient_id is not None:
        rows = rows.filter(patient=row.patient_id)
        spans = [(str(one.pk), one, one.starts_at, one.ends_at) for one in rows]
    else:
        rows = rows.filter(work__resource__user=row.user_id).prefetch_related("work__resource").distinct()
        spans = [
            (str(one.pk), one, work.starts_at, work.ends_at)
            for one in rows
            for work in one.work.all()
            if work.resource.user_id == row.user_id
        ]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//OpenKAP//calendar//EN", "METHOD:PUBLISH"]
    for uid, one, begins, ends in sorted(spans, key=lambda span: (span[2], span[0])):
        lines += [
            "BEGIN:VEVENT",
            f"UID:{uid}@openkap",
            f"SEQUENCE:{one.version - 1}",
            f"DTSTAMP:{_utc(row.made_at)}",
            f"DTSTART:{_utc(begins)}",
            f"DTEND:{_utc(ends)}",
            "SUMMARY:Appointment",
            "CLASS:PRIVATE",
            f"STATUS:{'CONFIRMED' if one.state == BOOKED else 'CANCELLED'}",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _audit(principal: Principal, row: Feed, action: audit.Action, origin: Origin | None) -> None:
    event = Event(
        "export",
        action,
        patient_id=row.patient_id,
        purpose=Purpose.ADMINISTRATION if row.patient_id else None,
        entity=f"Feed/{row.pk}",
    )
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
