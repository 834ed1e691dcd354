"""What an accepted event asks for outside of its session: tasks for people, drafts of adverse events."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from openkap.dose import adverse
from openkap.dose import events as e
from openkap.dose.changes import happened_s
from openkap.dose.models import AdverseVersion, DosingSession, Task
from openkap.dose.session import Session
from openkap.dose.types import Alert, Effect, Entry, Mark, Reading
from openkap.kernel.quantity import number


def carry_out(row: DosingSession, session: Session, effects: tuple[Effect, ...], entry: Entry) -> None:
    """Write what the effects of one entry ask for. Part of the transaction of the event."""
    at = entry.stamp.at
    for effect in effects:
        if effect.kind == "task":
            _task(row, effect.data, at)
        elif effect.kind == "incident":
            _draft(row, session, effect.data, entry)


def _task(row: DosingSession, data: tuple[object, object], at: datetime) -> None:
    what, detail = data
    if not isinstance(what, str):  # the watch is offered to somebody: shown on the chair, no task of its own
        return
    due = at
    if what in ("check-in", "call"):
        assert isinstance(detail, Decimal)
        due = at + timedelta(hours=float(detail))
        text = f"Call the patient {number(detail)} h after the session."
    elif isinstance(detail, Reading):
        text = f"A value that came in late breaks a limit: {detail.measure} {detail.quantity}."
    elif isinstance(detail, Alert):
        text = f"Confirm that it was an artefact: {detail.text}"
    else:
        text = f"{what[:1].upper()}{what[1:]}: {detail}"
    Task.objects.create(
        session=row,
        patient_id=row.patient_id,
        site_id=row.site_id,
        kind=what,
        text=text[:500],
        due=due,
        made_at=at,
    )


def _draft(row: DosingSession, session: Session, about: object, entry: Entry) -> None:
    """An adverse event as the record knows it; a person judges it. The same alert is drafted once."""
    if isinstance(about, Alert):
        made = adverse.drafted(session, about, entry.event.by, entry.stamp.at)
    elif isinstance(about, e.Untoward):
        made = adverse.tapped(session, about, happened_s(about, entry.stamp), entry.stamp.at)
    else:
        made = adverse.Adverse(
            f"ae-{entry.event.key}", session.patient, session.id, entry.event.by, entry.stamp.at,
            session.protocol.drug, _words(about), red=isinstance(about, Reading | Mark),
        )  # fmt: skip
    kept = AdverseVersion.objects.filter(session=row, event=made.id).order_by("-version").first()
    if kept is not None:
        before = msgspec.json.decode(kept.document, type=adverse.Adverse)
        if not made.red or (before.red and before.reviewed is None):
            return
        made = replace(before, red=True, reviewed=None, version=kept.version + 1)  # it has turned red: reviewed anew
    AdverseVersion.objects.create(
        session=row,
        patient_id=row.patient_id,
        event=made.id,
        version=made.version,
        document=msgspec.json.encode(made).decode(),
        reviewed=False,
        at=entry.stamp.at,
    )


def _words(about: object) -> str:
    if isinstance(about, Reading):
        return f"{about.measure} {about.quantity}, found after the session"
    if isinstance(about, Mark):
        return f"{about.name} seen, and entered after the session"
    if isinstance(about, e.Leave):
        return f"Left early, {about.how}: {about.reason}"
    if isinstance(about, e.Transfer):
        return f"Handed over to {about.to}: {about.reason}"
    return "The infusion went in much faster than ordered."
