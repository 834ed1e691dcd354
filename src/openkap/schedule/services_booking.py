"""
The only writers of appointments. Whoever books holds the calendar of the site until the transaction is over; the
constraint on `Taken` stands behind it (HAZ-55). What is changed is kept as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient, Site
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.plan.library import statement
from openkap.schedule.hours import QUARTER_S, slots
from openkap.schedule.models import (
    BOOKED,
    CANCELLED,
    PERSON,
    RECALLED,
    SENT,
    WAITS,
    Absence,
    Appointment,
    AppointmentVersion,
    Calendar,
    Reminder,
    Resource,
    Retreat,
    Taken,
    Work,
)
from openkap.schedule.selectors import on_duty

NOT_HERE = "It is not an appointment of this calendar: open the calendar again."


@dataclass(frozen=True)
class Part:
    """Somebody of staff for a part of an appointment."""

    person: int  # id of a Resource
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Wanted:
    """
    An appointment as somebody wants it.

    Args:
        room: id of a Resource, or None; turnover is read off it. watched_by: role whose ratio it counts against.
        ratio: people one of that role watches.
        details: what the room that carries it out needs beside this; no business of the calendar.
    """

    activity: str
    kind: str
    title: str
    starts_at: datetime
    ends_at: datetime
    patient: UUID | None = None
    room: int | None = None
    work: tuple[Part, ...] = ()
    watched_by: str = ""
    ratio: int = 0
    route: str = ""
    within: str = ""  # the activity of the group that is attended
    details: Mapping[str, Any] = field(default_factory=dict)


Follower = Callable[["Booker", Sequence[tuple[Wanted | None, Appointment]]], None]
Preparer = Callable[[Iterable[UUID]], None]
_followers: list[tuple[Preparer, Follower]] = []


def follow(prepare: Preparer, one: Follower) -> None:
    """
    Have a room told of whatever is booked, moved or cancelled, by any door, in the same transaction; it may refuse.

    Args:
        prepare: holds what that room keeps of these patients, before the trail of the site is held.
        one: is given who books, and each appointment with what was wanted; None where it was cancelled.
    """
    if (prepare, one) not in _followers:
        _followers.append((prepare, one))


def hold(site_id: UUID) -> Calendar:
    """The calendar of a site, held until the transaction is over."""
    Calendar.objects.get_or_create(site_id=site_id)
    Calendar.objects.filter(pk=site_id).update(revision=F("revision") + 1)  # a write: also SQLite waits for its turn
    return Calendar.objects.select_for_update().get(pk=site_id)


def may_book(principal: Principal | None) -> None:
    """
    Raises:
        Forbidden: by someone who is neither coordinator nor clinician. None is a demonstration.
    """
    if principal is not None and not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician books: ask one of them.")


@transaction.atomic
def book(
    principal: Principal | None,
    site: Site,
    wanted: Wanted,
    *,
    reason: str = "booked",
    retreat: Retreat | None = None,
    origin: Origin | None = None,
) -> Appointment:
    """
    Book one appointment.

    Raises:
        Forbidden: by someone who may not. Conflict: somebody or something is taken or away, or too few can watch.
    """
    may_book(principal)
    hold(site.pk)
    return Booker(principal, site, retreat, reason, origin).take([wanted])[0]


@transaction.atomic
def amend(
    principal: Principal | None, row: Appointment, wanted: Wanted, *, reason: str, origin: Origin | None = None
) -> Appointment:
    """
    Move an appointment, or give it to others; it stays where it was if that cannot be.

    Raises:
        as `book`; UserError: it was cancelled meanwhile.
    """
    may_book(principal)
    hold(row.site_id)
    booker = Booker(principal, row.site, row.retreat, reason, origin)
    booker.free([live(row)])
    return booker.take([wanted], {wanted.activity: row})[0]


@transaction.atomic
def cancel(principal: Principal | None, row: Appointment, *, reason: str, origin: Origin | None = None) -> None:
    """
    Cancel an appointment; what it held is free.

    Raises:
        Forbidden: by someone who may not. UserError: it was cancelled before, or no reason is given.
    """
    may_book(principal)
    if not reason.strip():
        raise UserError("reason: say why it is cancelled.")
    hold(row.site_id)
    Booker(principal, row.site, row.retreat, reason, origin).drop([live(row)])


def live(row: Appointment) -> Appointment:
    """
    The appointment as it is now.

    Raises:
        UserError: it was cancelled.
    """
    found = Appointment.objects.filter(pk=row.pk, state=BOOKED).first()
    if found is None:
        raise UserError(NOT_HERE)
    return found


def hand_back(row: Appointment, at: datetime) -> None:
    """
    What an appointment still holds from an instant on is free; a room keeps its turnover. It stays as it was booked.

    The quarter of an hour in which somebody left is free too: whoever is booked into it now comes after them.
    """
    turnover = timedelta(minutes=row.room.turnover_min) if row.room else timedelta()
    rows = Taken.objects.filter(appointment=row)
    rows.exclude(what__startswith="room:").filter(slot__gte=slots(at, at + timedelta(seconds=1))[0]).delete()
    rows.filter(what__startswith="room:", slot__gte=slots(at, at + turnover + timedelta(seconds=1))[-1] + 1).delete()


@transaction.atomic
def told(principal: Principal, patient: Patient, day: date, *, origin: Origin | None = None) -> int:
    """
    Somebody reminded a patient of what is booked on a day; how many reminders end. Told twice ends none.

    Raises:
        Forbidden: by someone who may not.
    """
    may_book(principal)
    begins = datetime.combine(day, time(0), tzinfo=ZoneInfo(patient.site.zone))
    mine = Appointment.objects.filter(patient=patient, starts_at__gte=begins, starts_at__lt=begins + timedelta(days=1))
    rows = Reminder.objects.filter(appointment__in=mine, state=WAITS)
    ended = rows.update(state=SENT, ended_at=timezone.now(), by_id=principal.user_id)
    if ended:
        event = Event("appointment", "U", patient_id=patient.pk, purpose=Purpose.ADMINISTRATION, reason="reminded")
        audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return ended


class Booker:
    """Books, moves and cancels under a calendar that is held."""

    def __init__(
        self, principal: Principal | None, site: Site, retreat: Retreat | None, reason: str, origin: Origin | None
    ):
        self.principal, self.site, self.retreat, self.reason, self.origin = principal, site, retreat, reason, origin
        self.zone = ZoneInfo(site.zone)
        self.resources = {row.pk: row for row in Resource.objects.filter(site=site, retired_at=None)}
        self.now = timezone.now()

    def prepare(self, patients: Iterable[UUID | None]) -> None:
        """Hold what the rooms keep of these patients; by whoever changes several, of all of them first."""
        known = {one for one in patients if one is not None}
        for prepare, _ in _followers:
            prepare(known)

    def free(self, rows: Sequence[Appointment]) -> None:
        """Give back what appointments hold."""
        ids = [row.pk for row in rows]
        Taken.objects.filter(appointment__in=ids).delete()
        Work.objects.filter(appointment__in=ids).delete()

    def drop(self, rows: Sequence[Appointment]) -> None:
        """Cancel appointments."""
        self.prepare(row.patient_id for row in rows)
        self.free(rows)
        for row in rows:
            row.state, row.version = CANCELLED, row.version + 1
            row.save(update_fields=["state", "version"])
        self._keep(rows, {})
        self._tell([(None, row) for row in rows])

    def take(self, wanted: Sequence[Wanted], rows: dict[str, Appointment] | None = None) -> list[Appointment]:
        """
        Book these, or none of them. `rows`: appointments that these take the place of, by activity; they hold nothing.

        Raises:
            Conflict: one of them cannot be, and why.
        """
        self.prepare(one.patient for one in wanted)
        rows = rows or {}
        made, fresh = [], []
        groups: dict[str, Appointment] = {}
        for one in sorted(wanted, key=lambda one: bool(one.within)):
            row = rows.get(one.activity)
            values = {
                "kind": one.kind,
                "title": one.title,
                "patient_id": one.patient,
                "room_id": one.room,
                "starts_at": one.starts_at,
                "ends_at": one.ends_at,
                "watched_by": one.watched_by,
                "route": one.route,
                "within": groups.get(one.within) or self._group(one.within),
                "state": BOOKED,
            }
            if row is None:
                row = Appointment(site=self.site, retreat=self.retreat, activity=one.activity, **values)
                fresh.append(row)
            else:
                for name, value in values.items():
                    setattr(row, name, value)
                row.version += 1
                row.save()
            groups[one.activity] = row
            made.append((one, row))
        Appointment.objects.bulk_create(fresh)
        self._check([one for one, _ in made])
        self._hold([(one, row) for one, row in made])
        parts = [
            Work(appointment=row, resource_id=part.person, starts_at=part.starts_at, ends_at=part.ends_at)
            for one, row in made
            for part in one.work
        ]
        Work.objects.bulk_create(parts)
        self._keep([row for _, row in made], {row.pk: one for one, row in made})
        self._tell(made)
        return [row for _, row in made]

    def _tell(self, changed: Sequence[tuple[Wanted | None, Appointment]]) -> None:
        for _, one in _followers:
            one(self, changed)

    def rehouse(self, row: Appointment, room: int | None) -> None:
        """
        Another room for an appointment that stays as it is otherwise.

        Raises:
            Conflict: it is taken, or not in use any more.
        """
        if room is not None and room not in self.resources:
            raise Conflict("This room is not in use here any more: choose another one.")
        Taken.objects.filter(appointment=row, what__startswith="room:").delete()
        rows: dict[tuple[str, int, int], Taken] = {}
        self._claim(self._place(room, row), rows)
        self._write(rows)
        row.room_id, row.version = room, row.version + 1
        row.save(update_fields=["room", "version"])
        work = tuple(Part(part.resource_id, part.starts_at, part.ends_at) for part in row.work.all())
        stays = Wanted(row.activity, row.kind, row.title, row.starts_at, row.ends_at, work=work)
        self._keep([row], {row.pk: stays})

    def hold_chair(self, row: Appointment, chair: int | None, name: str = "") -> None:
        """
        A chair is held by itself, beside its room: the calendar may know no room of its name. It holds no other one.

        Raises:
            Conflict: it is taken.
        """
        what = f"chair:{chair}"
        Taken.objects.filter(appointment=row, what__startswith="chair:").delete()
        rows: dict[tuple[str, int, int], Taken] = {}
        if chair is not None:
            self._claim(self._of(what, row.starts_at, row.ends_at, row, name), rows)
        self._write(rows)

    def _group(self, activity: str) -> Appointment | None:
        if not activity:
            return None
        return Appointment.objects.filter(retreat=self.retreat, activity=activity, state=BOOKED).first()

    # -- what may not be ----------------------------------------------------------------------------------

    def _check(self, wanted: Sequence[Wanted]) -> None:
        """Everybody is of this site and on duty throughout; rooms are in use."""
        first, last = min(one.starts_at for one in wanted), max(one.ends_at for one in wanted)
        self.duty = on_duty([row.pk for row in self.resources.values() if row.what == PERSON], first, last)
        patients = {one.patient for one in wanted if one.patient is not None}
        if Patient.objects.filter(pk__in=patients, site=self.site).count() != len(patients):
            raise UserError("patient: this person is not registered here.")
        away = list(Absence.objects.filter(patient__in=patients, ends_at__gt=first, starts_at__lt=last))
        for one in wanted:
            for gone in away:
                hits = gone.patient_id == one.patient and one.starts_at < gone.ends_at and gone.starts_at < one.ends_at
                if hits and (gone.kind != "no-dose" or one.kind == "dose"):
                    what = "is to have no dose" if gone.kind == "no-dose" else "is away"
                    raise Conflict(f"This person {what} until {self._when(gone.ends_at)}: choose a later time.")
            for name in [part.person for part in one.work] + ([one.room] if one.room is not None else []):
                if name not in self.resources:
                    raise Conflict("A person or a room is not in use here any more: plan again.")
            for part in one.work:
                if not any(low <= part.starts_at and part.ends_at <= high for low, high in self.duty[part.person]):
                    who = self.resources[part.person].name
                    raise Conflict(
                        f"{who} is not on duty on {self._when(part.starts_at)}: choose another time or person."
                    )

    def _hold(self, made: Sequence[tuple[Wanted, Appointment]]) -> None:
        """Take every quarter of an hour, each once."""
        rows: dict[tuple[str, int, int], Taken] = {}
        wants: list[tuple[str, int, Appointment, str]] = []
        for one, row in made:
            if one.patient is not None:
                wants += self._of(f"patient:{one.patient}", one.starts_at, one.ends_at, row, "This person")
            wants += self._place(one.room, row)
            for part in one.work:
                who = self.resources[part.person].name
                wants += self._of(f"person:{part.person}", part.starts_at, part.ends_at, row, who)
        self._claim(wants, rows)
        self._watch(made, rows)
        self._write(rows)

    def _place(self, room: int | None, row: Appointment) -> list[tuple[str, int, Appointment, str]]:
        """A room with its turnover."""
        if room is None:
            return []
        until = row.ends_at + timedelta(minutes=self.resources[room].turnover_min)
        return self._of(f"room:{room}", row.starts_at, until, row, self.resources[room].name)

    def _claim(
        self, wants: Sequence[tuple[str, int, Appointment, str]], rows: dict[tuple[str, int, int], Taken]
    ) -> None:
        """Add a row for each that is wanted, or say what is taken."""
        held = self._held({what for what, _, _, _ in wants}, [slot for _, slot, _, _ in wants])
        for what, slot, row, who in wants:
            if (what, slot, 0) in held or (what, slot, 0) in rows:
                at = datetime.fromtimestamp(slot * QUARTER_S, UTC)
                raise Conflict(f"{who} is taken on {self._when(at)}: choose another time.")
            rows[what, slot, 0] = Taken(site=self.site, what=what, slot=slot, appointment=row)

    def _write(self, rows: dict[tuple[str, int, int], Taken]) -> None:
        try:
            with transaction.atomic():
                Taken.objects.bulk_create(rows.values(), batch_size=500)
        except IntegrityError:
            raise Conflict("Somebody booked the same at this moment: look at the calendar and choose again.") from None

    def _of(
        self, what: str, begins: datetime, ends: datetime, row: Appointment, who: str
    ) -> list[tuple[str, int, Appointment, str]]:
        return [(what, slot, row, who) for slot in slots(begins, ends)]

    def _held(self, whats: Iterable[str], wanted: Sequence[int]) -> set[tuple[str, int, int]]:
        if not wanted:
            return set()
        there = Taken.objects.filter(site=self.site, what__in=list(whats), slot__gte=min(wanted), slot__lte=max(wanted))
        return set(there.values_list("what", "slot", "seat"))

    def _watch(self, made: Sequence[tuple[Wanted, Appointment]], rows: dict[tuple[str, int, int], Taken]) -> None:
        """A seat for each who is watched, no more of them than those on duty can watch."""
        watched = [(one, row) for one, row in made if one.watched_by]
        if not watched:
            return
        spans = [slots(one.starts_at, one.ends_at) for one, _ in watched]
        edges = [slot for span in spans for slot in (span[0], span[-1])]
        seats: dict[tuple[str, int], set[int]] = defaultdict(set)
        for what, slot, seat in self._held({f"watch:{one.watched_by}" for one, _ in watched}, edges):
            seats[what, slot].add(seat)
        for (one, row), span in zip(watched, spans, strict=True):
            what = f"watch:{one.watched_by}"
            for slot in span:
                places = one.ratio * self._there(one, slot)
                taken = seats[what, slot]
                if len(taken) >= places:  # counted: where ratios differ, a seat above these places is held too
                    at = self._when(max(datetime.fromtimestamp(slot * QUARTER_S, UTC), one.starts_at))
                    raise Conflict(
                        f"On {at} those on duty can watch {places}, and that many are watched: choose another time, or "
                        f"ask for one more {one.watched_by}."
                    )
                seat = next(n for n in range(places) if n not in taken)
                taken.add(seat)
                rows[what, slot, seat] = Taken(site=self.site, what=what, slot=slot, seat=seat, appointment=row)

    def _there(self, one: Wanted, slot: int) -> int:
        """How many of the role that watches are on duty for all of a quarter of an hour that the appointment needs."""
        begins = datetime.fromtimestamp(slot * QUARTER_S, UTC)
        low, high = max(begins, one.starts_at), min(begins + timedelta(seconds=QUARTER_S), one.ends_at)
        mine = [spans for pk, spans in self.duty.items() if self.resources[pk].sort == one.watched_by]
        return sum(any(begins <= low and high <= ends for begins, ends in spans) for spans in mine)

    # -- what is kept -------------------------------------------------------------------------------------

    def _keep(self, rows: Sequence[Appointment], wanted: dict[UUID, Wanted]) -> None:
        by = self.principal.user_id if self.principal else None
        AppointmentVersion.objects.bulk_create(
            AppointmentVersion(
                appointment=row,
                version=row.version,
                document=_document(row, wanted.get(row.pk)),
                reason=self.reason[:500],
                at=self.now,
                by_id=by,
            )
            for row in rows
        )
        self._remind(rows)
        events = [
            Event(
                "appointment",
                "C" if row.version == 1 else "U",
                patient_id=row.patient_id,
                purpose=Purpose.ADMINISTRATION if row.patient_id else None,
                entity=f"Appointment/{row.pk}",
                entity_version=row.version,  # why stands in the version: somebody may have typed what is clinical
            )
            for row in rows
        ]
        audit.record(self.site.pk, events, principal=self.principal, origin=self.origin)

    def _remind(self, rows: Sequence[Appointment]) -> None:
        """Recall what waits about these appointments; of those that stand, remind once more."""
        waiting = Reminder.objects.filter(appointment__in=[row.pk for row in rows], state=WAITS)
        waiting.update(state=RECALLED, ended_at=self.now)
        before = timedelta(hours=float(statement("RETREAT-REMIND").number("hours")))
        Reminder.objects.bulk_create(
            Reminder(appointment=row, key=f"{row.pk}:{row.version}", due_at=row.starts_at - before)
            for row in rows
            if row.state == BOOKED and row.patient_id is not None and row.starts_at > self.now
        )

    def _when(self, at: datetime) -> str:
        wall = at.astimezone(self.zone)
        return f"{wall:%A} {wall.day} {wall:%B}, {wall:%H:%M}"


def _document(row: Appointment, wanted: Wanted | None) -> dict[str, object]:
    return {
        "state": row.state,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "room": row.room_id,
        "work": [
            [part.person, part.starts_at.isoformat(), part.ends_at.isoformat()]
            for part in (wanted.work if wanted else ())
        ],
    }
