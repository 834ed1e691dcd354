"""What is read off the events of a session, kept up to date so that a list need not replay anything."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from openkap.dose.models import AlertReach, AlertState, DosingSession, Given, SessionEvent
from openkap.dose.services_message import queue
from openkap.dose.session import Session
from openkap.dose.types import ENDED, Administration, Alert
from openkap.plan.limits import limit_for


def project(row: DosingSession, before: Session, after: Session, last: SessionEvent) -> None:
    """What the tables say of a session after an entry. Part of the transaction of the entry."""
    row.phase = after.phase.value
    row.observer_id = UUID(after.observer.id) if after.observer else None
    row.began_at = after.given[0].started.at if after.given else None
    row.ended_at = last.at if after.phase in ENDED and row.ended_at is None else row.ended_at
    row.save(update_fields=["phase", "sequence", "observer", "began_at", "ended_at"])
    known = {alert.id: alert for alert in before.alerts}
    for alert in after.alerts:
        if known.get(alert.id) != alert:
            _project_alert(row, known.get(alert.id), alert, last.at)
    for place, dose in enumerate(after.given):
        if place >= len(before.given) or before.given[place] != dose:
            _project_dose(row, dose)


def _project_alert(row: DosingSession, before: Alert | None, alert: Alert, at: datetime) -> None:
    kept = AlertState.objects.filter(session=row, alert=alert.id).first()
    ended = alert.ended is not None
    taken = alert.acknowledged
    values = {
        "about": alert.about,
        "level": alert.level,
        "text": alert.text[:500],
        "owner_id": UUID(alert.owner.id),
        "acknowledged_by_id": UUID(taken[0].id) if taken else None,
        "acknowledged_at": (kept.acknowledged_at if kept and kept.acknowledged_at else at) if taken else None,
        "ended_at": (kept.ended_at if kept and kept.ended_at else at) if ended else None,
        "ended_how": alert.ended[0][:500] if alert.ended else "",
    }
    if kept is None:
        AlertState.objects.create(session=row, alert=alert.id, raised_at=at, **values)
    else:
        AlertState.objects.filter(pk=kept.pk).update(**values)
    for reach in alert.reached[len(before.reached) if before else 0 :]:
        AlertReach.objects.create(
            session=row,
            alert=alert.id,
            ring=reach.ring,
            people=list(reach.people),
            skipped=reach.skipped,
            elapsed_s=reach.at_s,
            at=at,
        )
        queue(row, alert, reach, at)


def _project_dose(row: DosingSession, dose: Administration) -> None:
    limit = limit_for(dose.route, dose.drug)
    Given.objects.update_or_create(
        session=row,
        order=dose.order,
        step=dose.step,
        defaults={
            "patient_id": row.patient_id,
            "version": dose.version,
            "drug": dose.drug,
            "route": dose.route,
            "parenteral": limit.parenteral,
            "lot": dose.lot,
            "mg": dose.mg.mg,
            "given_mg": dose.given_mg.mg if dose.given_mg else None,
            "complete": dose.complete,
            "started_at": dose.started.at,
            "ended_at": dose.ended.at if dose.ended else None,
            "by_id": UUID(dose.by.id),
        },
    )
