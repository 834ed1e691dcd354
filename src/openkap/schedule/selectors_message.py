"""
What patients are still to be told: reminders that are due, and what moved or is off since they were told. It follows
from what is booked and what was said, and from nothing else, so that no step can be missed or done twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from openkap.people.models import Patient, Site
from openkap.schedule import messages
from openkap.schedule.messages import Part
from openkap.schedule.models import BOOKED, SENT, WAITS, Appointment, AppointmentVersion, Reminder
from openkap.schedule.models_message import (
    CHANGE,
    CODE,
    FAILED,
    GONE,
    REMINDER,
    SENDING,
    TOLD,
    UNKNOWN,
    WAITING,
    Message,
    Said,
)
from openkap.schedule.outgoing import Outgoing
from openkap.schedule.services_contact import Reach, reach

REACHED = (SENDING, GONE, UNKNOWN, TOLD)  # the patient may know it


@dataclass(frozen=True)
class Line:
    """One appointment of an item: how it is now (`starts_at` None: off), and what was told before."""

    appointment: Appointment
    starts_at: datetime | None
    was: datetime | None = None

    @property
    def version(self) -> int:
        return self.appointment.version

    @property
    def part(self) -> Part:
        return Part(self.starts_at, self.was, self.appointment.title)


@dataclass
class Item:
    """
    Something that a patient is still to be told.

    Args:
        kind: `reminder` or `change`. day: of a reminder, on the clinic's clocks. message: the one that says it, if one
            was made. why: why no message goes, as a word; empty: one goes, or can.
    """

    kind: str
    patient: Patient
    day: date | None = None
    lines: list[Line] = field(default_factory=list)
    message: Message | None = None
    why: str = ""
    reach: Reach | None = None

    def first(self, now: datetime) -> datetime:
        """The moment before which it must be told: the next that it is about."""
        moments = [at for line in self.lines for at in (line.starts_at, line.was) if at is not None]
        return min((at for at in moments if at > now), default=max(moments))

    def text(self, zone: ZoneInfo, found: Reach) -> str:
        """What a message would say."""
        parts = [line.part for line in self.lines]
        make = messages.reminder if self.kind == REMINDER else messages.change
        return make(parts, zone, detail=found.detail, lives=found.zone)


def items(site: Site, outgoing: Outgoing, now: datetime, *, patient: Patient | None = None) -> list[Item]:
    """
    Everything that patients of a site are still to be told, in order of time, each with its message or why none goes.

    Args:
        patient: this one's alone.
    """
    zone = ZoneInfo(site.zone)
    changed = _changed(site.pk, now, patient)
    due = _due(site.pk, now, patient)
    ids = {line.appointment.pk for line in changed} | {row.appointment_id for row in due}
    said, told = _said(ids), _told(ids)
    found: dict[object, Item] = {}
    covered: set[UUID] = set()
    for line in changed:
        message = said.get((line.appointment.pk, CHANGE, line.version))
        covered.add(line.appointment.pk)
        assert line.appointment.patient is not None
        key: object = message.pk if message else (CHANGE, line.appointment.patient_id)
        item = found.setdefault(key, Item(CHANGE, line.appointment.patient, message=message))
        item.lines.append(line)
    for row in due:
        one = row.appointment
        at = told.get((one.pk, one.starts_at))
        if one.pk in covered or (at is not None and at >= row.due_at):
            continue  # told of this hour so late that it was the reminder too
        message = said.get((one.pk, REMINDER, one.version))
        day = one.starts_at.astimezone(zone).date()
        assert one.patient is not None
        key = message.pk if message else (REMINDER, one.patient_id, day)
        if row.due_at > now and key not in found:
            continue  # nothing else of that day is said now: its own time comes
        item = found.setdefault(key, Item(REMINDER, one.patient, day, [], message))
        item.lines.append(Line(one, one.starts_at))
    rows = sorted(found.values(), key=lambda item: (item.first(now), str(item.patient.pk)))
    _judge(rows, outgoing, now)
    return rows


def _judge(rows: list[Item], outgoing: Outgoing, now: datetime) -> None:
    """Say of each why no message goes."""
    people = {item.patient.pk: item.patient for item in rows}
    ways = reach(people.values(), outgoing, now) if people else {}
    counts = sent_lately(people, now)
    for item in rows:
        item.reach = ways[item.patient.pk]
        if item.message is not None:
            item.why = {FAILED: "failed", UNKNOWN: "unknown"}.get(item.message.state, "")
        elif item.reach.why:
            item.why = item.reach.why
        elif messages.may_go_at(now, item.reach.zone) >= item.first(now):
            item.why = "quiet"
        elif counts.get(item.patient.pk, 0) >= messages.number("MSG-TRIES", "most"):
            item.why = "many"


def sent_lately(patients: Iterable[UUID], now: datetime) -> dict[UUID, int]:
    """How many messages about appointments were made for each within 24 h and not recalled."""
    rows = Message.objects.filter(
        patient__in=list(patients),
        made_at__gt=now - timedelta(hours=24),
        state__in=(WAITING, SENDING, GONE, FAILED, UNKNOWN),
    ).exclude(kind=CODE)
    return dict(rows.values_list("patient").annotate(n=Count("pk")))


def _due(site_id: UUID, now: datetime, patient: Patient | None) -> list[Reminder]:
    """Reminders that wait and are due, then those that may be of the same day: one message says a whole day."""
    rows = Reminder.objects.filter(
        appointment__site=site_id,
        appointment__state=BOOKED,
        appointment__patient__isnull=False,
        appointment__starts_at__gt=now,
        state=WAITS,
        due_at__lte=now + timedelta(hours=25),  # the longest day
    )
    if patient is not None:
        rows = rows.filter(appointment__patient=patient)
    return list(rows.select_related("appointment__patient__site").order_by("due_at"))


def _said(appointments: set[UUID]) -> dict[tuple[UUID, str, int], Message]:
    rows = Said.objects.filter(appointment__in=appointments, live=True).select_related("message__contact")
    return {(row.appointment_id, row.kind, row.version): row.message for row in rows}


def _told(appointments: set[UUID]) -> dict[tuple[UUID, datetime], datetime]:
    """When a patient was last told of an hour of an appointment, in whatever words and whichever version it was of."""
    rows = Said.objects.filter(appointment__in=appointments, live=True, message__state__in=(GONE, TOLD))
    found: dict[tuple[UUID, datetime], datetime] = {}
    for row in rows.select_related("message"):
        if row.starts_at is not None:
            key, at = (row.appointment_id, row.starts_at), row.message.ended_at or row.message.made_at
            found[key] = max(at, found.get(key, at))
    return found


def _changed(site_id: UUID, now: datetime, patient: Patient | None) -> list[Line]:
    """Appointments that are otherwise than their patient was told, by a message or a person."""
    told: dict[UUID, tuple[int, datetime | None]] = {}
    rows: dict[UUID, Appointment] = {}
    ahead = Q(appointment__starts_at__gt=now) | Q(starts_at__gt=now) | Q(was__gt=now)  # also what says that it is off
    said = Said.objects.filter(ahead, live=True, message__site=site_id, message__state__in=REACHED)
    marked = Reminder.objects.filter(
        appointment__site=site_id,
        appointment__starts_at__gt=now,
        appointment__patient__isnull=False,
        state=SENT,
        by__isnull=False,
    )
    if patient is not None:
        said, marked = said.filter(appointment__patient=patient), marked.filter(appointment__patient=patient)
    for row in said.select_related("appointment__patient__site"):
        rows[row.appointment_id] = row.appointment
        if told.get(row.appointment_id, (0, None))[0] < row.version:
            told[row.appointment_id] = (row.version, row.starts_at)
    by_person = []
    for mark in marked.select_related("appointment__patient__site"):
        version = int(mark.key.rpartition(":")[2])
        if mark.appointment.version > version and told.get(mark.appointment_id, (0, None))[0] < version:
            rows[mark.appointment_id] = mark.appointment
            by_person.append((mark.appointment_id, version))
            told[mark.appointment_id] = (version, None)
    told |= _as_it_was(pair for pair in by_person if told[pair[0]][0] == pair[1])
    found = []
    for pk, (version, was) in told.items():
        one = rows[pk]
        # moved to a time that is past by now, and never told: at the time that they know nothing takes place
        current = one.starts_at if one.state == BOOKED and one.starts_at > now else None
        if one.version > version and was is not None and current != was and (current or was) > now:
            found.append(Line(one, current, was))
    return sorted(found, key=lambda line: line.was or now)


def _as_it_was(wanted: Iterable[tuple[UUID, int]]) -> dict[UUID, tuple[int, datetime | None]]:
    pairs = set(wanted)
    rows = AppointmentVersion.objects.filter(appointment__in={pk for pk, _version in pairs})
    return {
        row.appointment_id: (row.version, datetime.fromisoformat(row.document["starts_at"]))
        for row in rows
        if (row.appointment_id, row.version) in pairs
    }


# -- one message -------------------------------------------------------------------------------------------


def lines_of(message: Message) -> list[tuple[Said, Line]]:
    """What a message says, beside how it is now."""
    rows = message.said.select_related("appointment__patient__site").order_by("pk")
    return [(row, Line(row.appointment, row.starts_at, row.was)) for row in rows]


def is_current(row: Said, now: datetime) -> bool:
    """True if what was said of an appointment still is so, and is to come."""
    one = row.appointment
    if not row.live or one.version != row.version:
        return False
    if row.starts_at is None:
        return (one.state != BOOKED or one.starts_at <= now) and row.was is not None and row.was > now
    return one.state == BOOKED and one.starts_at == row.starts_at and one.starts_at > now


def messages_of(patient: Patient, most: int = 30) -> list[Message]:
    """What was sent to a patient or is to be sent, the newest first."""
    rows = Message.objects.filter(patient=patient).select_related("contact", "by").prefetch_related("said")
    return list(rows.order_by("-made_at", "-pk")[:most])


def calls(site_id: UUID) -> list[Message]:
    """Messages whose patient asked to be called and whom nobody has called, the oldest first."""
    rows = Message.objects.filter(site=site_id, call_asked_at__isnull=False, called_at=None)
    return list(rows.select_related("patient__site").prefetch_related("said__appointment").order_by("call_asked_at"))
