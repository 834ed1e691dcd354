"""The only writers of the waiting list: entered, changed, ended with a reason; what was booked ends it (first come)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.schedule import needs, selectors_single
from openkap.schedule.models import BOOKED, ENDED, WAITS, Appointment, Waiting, WaitingVersion
from openkap.schedule.needs import Ask
from openkap.schedule.services_booking import hold

NOT_HERE = "This entry waits no more: look at the waiting list as it is now."


@dataclass(frozen=True)
class Terms:
    """
    Until when somebody waits, and when they can come.

    Args:
        until: the last day. weekdays: 0 is Monday; none: any. begins, ends: hours of the site's clocks; None: any.
        note: says when, never why.
    """

    until: date
    weekdays: tuple[int, ...] = ()
    begins: time | None = None
    ends: time | None = None
    note: str = ""


def _may(principal: Principal | None) -> None:
    if principal is not None and not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician keeps the waiting list: ask one of them.")


def _checked(patient: Patient, terms: Terms) -> None:
    if terms.until < timezone.now().astimezone(ZoneInfo(patient.site.zone)).date():
        raise UserError("until: this day is past; choose today or a later day.")
    if terms.begins is not None and terms.ends is not None and terms.ends <= terms.begins:
        raise UserError("ends: the end is not after the beginning; correct the hours.")


@transaction.atomic
def enter(
    principal: Principal | None, patient: Patient, ask: Ask, terms: Terms, *, origin: Origin | None = None
) -> Waiting:
    """
    A patient waits from now on.

    Raises:
        Forbidden: by someone who may not. UserError: it is no session that could be booked, or the days are wrong.
        Conflict: they wait for it already, or it is booked.
    """
    _may(principal)
    hold(patient.site_id)
    _checked(patient, terms)
    title = _title(patient, ask)
    if Waiting.objects.filter(patient=patient, session=ask.session, row=ask.row, state=WAITS).exists():
        raise Conflict(f"This person waits for {title} already: change that entry.")
    row = Waiting(
        site=patient.site, patient=patient, session=ask.session, row=ask.row, title=title, since=timezone.now()
    )
    _put(row, terms)
    row.save(force_insert=True)
    _keep(principal, row, "entered", origin)
    return row


def _title(patient: Patient, ask: Ask) -> str:
    if ask.row:
        kind = needs.kind(ask.row)
        if kind is None:
            raise UserError("what: it is no kind of session: choose one that is listed.")
        return kind.title
    plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
    session = needs.session_in(plan.document, ask.session) if plan else None
    if plan is None or session is None:
        raise UserError("what: it is no session of a signed plan: choose one that is listed.")
    if ask.session in plan.begins:
        raise Conflict(f"{session['title']} is booked already: look at this person's appointments.")
    return str(session["title"])


@transaction.atomic
def change(
    principal: Principal | None, row: Waiting, terms: Terms, *, expected: int, origin: Origin | None = None
) -> Waiting:
    """
    Change until when, and when they can come. The place in the order stays.

    Raises:
        as `enter`; Conflict: somebody changed it meanwhile.
    """
    _may(principal)
    hold(row.site_id)
    row = _live(row, expected)
    _checked(row.patient, terms)
    _put(row, terms)
    row.version += 1
    row.save()
    _keep(principal, row, "changed", origin)
    return row


@transaction.atomic
def end(
    principal: Principal | None, row: Waiting, *, reason: str, expected: int, origin: Origin | None = None
) -> Waiting:
    """
    They wait no more.

    Raises:
        as `change`; UserError: no reason is given.
    """
    _may(principal)
    if not reason.strip():
        raise UserError("reason: say why this person waits no more.")
    hold(row.site_id)
    row = _live(row, expected)
    row.state, row.version = ENDED, row.version + 1
    row.save()
    _keep(principal, row, reason.strip(), origin)
    return row


def filled(
    principal: Principal | None, booked: Appointment, ask: Ask, entry: Waiting | None, *, origin: Origin | None = None
) -> int:
    """What was booked ends what this patient waited for, in the transaction of the booking; how many entries end."""
    rows = list(
        Waiting.objects.filter(patient=booked.patient, session=ask.session, row=ask.row, state=WAITS).select_related(
            "patient"
        )
    )
    if entry is not None and entry.pk not in {row.pk for row in rows}:
        raise Conflict(NOT_HERE)
    for row in rows:
        row.state, row.appointment, row.version = BOOKED, booked, row.version + 1
        row.save()
        _keep(principal, row, "booked", origin)
    return len(rows)


def _live(row: Waiting, expected: int) -> Waiting:
    found = Waiting.objects.filter(pk=row.pk, state=WAITS).select_related("patient__site").first()
    if found is None:
        raise Conflict(NOT_HERE)
    if found.version != expected:
        raise Conflict("Somebody changed this entry meanwhile: look at it as it is now, then do it again.")
    return found


def _put(row: Waiting, terms: Terms) -> None:
    row.until, row.weekdays, row.note = terms.until, sorted(set(terms.weekdays)), terms.note.strip()[:200]
    row.begins, row.ends = terms.begins, terms.ends


def _keep(principal: Principal | None, row: Waiting, reason: str, origin: Origin | None) -> None:
    WaitingVersion.objects.create(
        waiting=row,
        version=row.version,
        document={
            "state": row.state,
            "until": row.until.isoformat(),
            "weekdays": row.weekdays,
            "begins": row.begins.isoformat() if row.begins else None,
            "ends": row.ends.isoformat() if row.ends else None,
            "note": row.note,
            "appointment": str(row.appointment_id) if row.appointment_id else None,
        },
        reason=reason[:500],
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )
    event = Event(
        "appointment",
        "C" if row.version == 1 else "U",
        patient_id=row.patient_id,
        purpose=Purpose.ADMINISTRATION,
        entity=f"Waiting/{row.pk}",
        entity_version=row.version,
    )
    audit.record(row.site_id, [event], principal=principal, origin=origin)
