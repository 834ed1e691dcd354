"""What may be read of sessions. Patients come from `people.selectors.visible_patients`, sites from the principal."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Max, QuerySet
from django.http import Http404

from openkap.dose.models import AdverseVersion, AlertState, Chair, DosingSession, SessionNote, Task
from openkap.people.models import Patient
from openkap.people.types import Principal

_WITH = ("patient", "patient__site", "site", "chair", "observer", "booked_by", "appointment")


def sessions_of(patient: Patient) -> QuerySet[DosingSession]:
    """Every session of a patient, the newest first."""
    return DosingSession.objects.filter(patient=patient).select_related(*_WITH).order_by("-day", "-booked_at")


def session_or_404(patient: Patient, session_id: UUID) -> DosingSession:
    """A session of this patient. Raises Http404 for another's and for none; the two look alike."""
    row = sessions_of(patient).filter(pk=session_id).first()
    if row is None:
        raise Http404
    return row


def open_sessions(site_id: UUID) -> QuerySet[DosingSession]:
    """Sessions of a site that have not ended, in the house or still to come, by chair."""
    found = DosingSession.objects.filter(site=site_id, ended_at=None)
    return found.select_related(*_WITH).order_by("chair__place", "day", "booked_at")


def chairs(site_id: UUID) -> QuerySet[Chair]:
    """The chairs in use at a site, in their order."""
    return Chair.objects.filter(site=site_id, retired_at=None).order_by("place", "pk")


def alerts_for(principal: Principal) -> QuerySet[AlertState]:
    """Open alerts that this person owns, red ones first, then the oldest."""
    mine = AlertState.objects.filter(session__site=principal.site_id, owner=principal.user_id, ended_at=None)
    return mine.select_related("session", "session__patient", "session__chair").order_by("-level", "raised_at")


def open_tasks(site_id: UUID) -> QuerySet[Task]:
    """Tasks of sessions that nobody has done, the earliest due first."""
    return Task.objects.filter(site=site_id, done_at=None).select_related("session", "patient").order_by("due", "pk")


def tasks_of(row: DosingSession) -> QuerySet[Task]:
    """Tasks of a session, open and done, by when they are due."""
    return Task.objects.filter(session=row).select_related("done_by").order_by("due", "pk")


def closed_tasks(site_id: UUID, since: datetime) -> QuerySet[Task]:
    """Tasks that somebody has done since, the newest first."""
    done = Task.objects.filter(site=site_id, done_at__gte=since)
    return done.select_related("session", "patient", "done_by").order_by("-done_at", "pk")


def notes_of(row: DosingSession) -> QuerySet[SessionNote]:
    """Every signed version of the note of a session, the newest first."""
    return SessionNote.objects.filter(session=row).order_by("-version")


def adverse_of(patient: Patient) -> list[AdverseVersion]:
    """The adverse events of a patient, each in its newest version, the one that began last first."""
    newest = AdverseVersion.objects.filter(patient=patient).values("session", "event").annotate(last=Max("pk"))
    rows = AdverseVersion.objects.filter(pk__in=[row["last"] for row in newest])
    return list(rows.select_related("session", "patient", "patient__site", "by").order_by("-session__day", "-pk"))


def adverse_or_404(patient: Patient, pk: int) -> list[AdverseVersion]:
    """Every version of the event that this row is a version of, the newest first. Raises Http404 for none of theirs."""
    row = AdverseVersion.objects.filter(patient=patient, pk=pk).first()
    if row is None:
        raise Http404
    rows = AdverseVersion.objects.filter(session=row.session_id, event=row.event).order_by("-version")
    return list(rows.select_related("session", "session__site", "session__patient", "by"))


def note_of(row: DosingSession) -> SessionNote | None:
    """The newest signed note of a session; None while nobody signed one."""
    return SessionNote.objects.filter(session=row).order_by("-version").first()
