"""
What one appointment is planned from: the calendar of some days, the patient, what is needed; who waits; what no longer
holds. Who asks is judged before; sites are told apart here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Max, Q, QuerySet

from openkap.people.models import Patient, Site
from openkap.plan import selectors as plans
from openkap.plan.models import Programme
from openkap.schedule import needs, selectors
from openkap.schedule.assemble import House
from openkap.schedule.due import ORDER, State, Window, waits_for, windows
from openkap.schedule.fit import Frame, Guest, Held, Need, Person, Place, Room, Search, Stage, Suits, chain
from openkap.schedule.hours import QUARTER_S
from openkap.schedule.models import BOOKED, PERSON, ROOM, WAITS, Absence, Appointment, Taken, Waiting, Work
from openkap.schedule.needs import Ask

BACK = timedelta(days=60)  # what somebody was booked for longer ago says nothing of whom they know
Moments = list[tuple[datetime, datetime]]


# -- the calendar of some days -----------------------------------------------------------------------------


def frame(
    site: Site, first: datetime, last: datetime, house: House, now: datetime, without: UUID | None = None
) -> Frame:
    """
    People, rooms and what is taken between two instants; in eight queries.

    Args:
        without: an appointment that counts as if it were not there, since it is to be moved.
    """
    low, high = int(first.timestamp()) // QUARTER_S, -(-int(last.timestamp()) // QUARTER_S)
    taken = Taken.objects.filter(site=site, slot__gte=low, slot__lt=high).exclude(what__startswith="patient:")
    busy: dict[str, set[int]] = defaultdict(set)
    watched: dict[str, Counter[int]] = defaultdict(Counter)
    if without is not None:
        taken = taken.exclude(appointment=without)
    for what, slot in taken.values_list("what", "slot"):
        sort, _, name = what.partition(":")
        if sort == "watch":
            watched[name][slot] += 1
        else:
            busy[what].add(slot)
    people = list(selectors.resources(site.pk, PERSON))
    there = present(site, {row.pk for row in people}, first, last)
    return Frame(
        zone=ZoneInfo(site.zone),
        now=now,
        low=low,
        high=high,
        house=needs.numbers(house),
        people=tuple(
            Person(
                row.pk,
                row.name,
                row.sort,
                frozenset(row.credentials),
                tuple(there[row.pk]),
                frozenset(busy[f"person:{row.pk}"]),
            )
            for row in people
        ),
        rooms=tuple(
            Room(row.pk, row.name, row.sort, row.turnover_min, frozenset(busy[f"room:{row.pk}"]))
            for row in selectors.resources(site.pk, ROOM)
        ),
        watched=watched,
    )


def present(site: Site, people: Iterable[int], first: datetime, last: datetime) -> dict[int, Moments]:
    """As `on_duty`, of those of these people who work here."""
    here = selectors.resources(site.pk, PERSON).filter(pk__in=set(people))
    return selectors.on_duty(here.values_list("pk", flat=True), first, last)


# -- patients ---------------------------------------------------------------------------------------------


def guests(patients: Iterable[UUID], house: House, now: datetime, without: UUID | None = None) -> dict[UUID, Guest]:
    """These patients with what they are booked for, when they cannot come, and whom they know; in three queries."""
    ids = list(patients)
    held: dict[UUID, list[Held]] = defaultdict(list)
    rows = Appointment.objects.filter(patient__in=ids, state=BOOKED, ends_at__gt=now - BACK)
    if without is not None:
        rows = rows.exclude(pk=without)
    for row in rows.order_by("starts_at"):
        assert row.patient_id is not None
        pad = max(house.gap_min, house.rest_min if row.kind == "dose" else 0)
        held[row.patient_id].append(Held(row.kind, row.starts_at, row.ends_at, row.ends_at + timedelta(minutes=pad)))
    knows: dict[UUID, Counter[int]] = defaultdict(Counter)
    for who, person in Work.objects.filter(appointment__in=rows).values_list("appointment__patient", "resource"):
        knows[who][person] += 1
    away: dict[UUID, Moments] = defaultdict(list)
    no_dose: dict[UUID, Moments] = defaultdict(list)
    for absence in Absence.objects.filter(patient__in=ids, ends_at__gt=now):
        assert absence.patient_id is not None
        kept = no_dose if absence.kind == "no-dose" else away
        kept[absence.patient_id].append((absence.starts_at, absence.ends_at))
    return {
        pk: Guest(
            pk,
            tuple(held[pk]),
            tuple(away[pk]),
            tuple(no_dose[pk]),
            tuple(person for person, _ in sorted(knows[pk].items(), key=lambda one: (-one[1], one[0]))),
        )
        for pk in ids
    }


@dataclass(frozen=True)
class Planned:
    """The newest plan of a patient, if it is signed and stands, with the starts of its sessions that are booked."""

    row: Programme
    document: Mapping[str, Any]
    begins: Mapping[str, datetime]


def planned(patients: Mapping[UUID, Patient]) -> dict[UUID, Planned]:
    """
    The signed plans of these patients; none where the newest is a draft, unsigned or taken back. In four queries.
    """
    last = (
        Programme.objects.filter(patient__in=list(patients))
        .order_by()
        .values("patient")
        .annotate(newest=Max("version"))
    )
    wanted = Q(pk=None)
    for entry in last:
        wanted |= Q(patient=entry["patient"], version=entry["newest"])
    begins = selectors.starts_of(patients)
    found = {}
    for row in Programme.objects.filter(wanted).prefetch_related("signatures"):
        if not row.draft and plans.signature_of(row) is not None and plans.withdrawal_of(row) is None:
            found[row.patient_id] = Planned(row, plans.document_of(row), begins.get(row.patient_id, {}))
    return found


def need_of(ask: Ask, plan: Planned | None, house: House, apart_h: int, since: datetime | None = None) -> Need | None:
    """What is needed; None where the plan has no such session, or there is no such kind. `since`: see `bounds`."""
    if ask.row:
        row = needs.kind(ask.row)
        return needs.of_kind(row, house) if row else None
    session = needs.session_in(plan.document, ask.session) if plan else None
    if session is None or plan is None:
        return None
    begins = {name: at for name, at in plan.begins.items() if name != ask.session}
    return needs.of_session(session, plan.document, house, begins, apart_h, since)


def ask_of(row: Appointment) -> Ask:
    """What an appointment was booked as: a session of a plan, or a kind; neither for a dose of no plan."""
    if row.retreat_id is None and "/" in row.activity:
        return Ask(row=row.activity.partition("/")[0])
    return Ask(session=needs.session_of(row.activity))


# -- who waits --------------------------------------------------------------------------------------------


def waiting(site_id: UUID) -> QuerySet[Waiting]:
    """Who waits at a site, first come first."""
    rows = Waiting.objects.filter(site=site_id, state=WAITS).select_related("patient__site")
    return rows.order_by("since", "pk")


def waiting_of(patient: Patient) -> QuerySet[Waiting]:
    """Every entry of a patient, the newest first."""
    return Waiting.objects.filter(patient=patient).select_related("appointment").order_by("-since")


def suits(row: Waiting) -> Suits:
    """When an entry can be filled."""
    return Suits(frozenset(row.weekdays), row.begins, row.ends, row.until)


@dataclass(frozen=True)
class Due:
    """A session of somebody's signed plan that is not booked although all that it waits for is."""

    patient: Patient
    window: Window
    state: State


def due(patients: Mapping[UUID, Patient], now: datetime, plans_of: Mapping[UUID, Planned] | None = None) -> list[Due]:
    """What of signed plans is due, where something of them is booked: overdue first, then by the end of its window."""
    found = []
    for pk, plan in (planned(patients) if plans_of is None else plans_of).items():
        for window in windows(plan.document["programme"]["sessions"], plan.begins):
            found.append(Due(patients[pk], window, window.state(now)))
    found.sort(key=lambda one: (ORDER.index(one.state), one.window.latest or one.window.earliest))
    return found


# -- who fits into a time ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slot:
    """A time that is free: with whom and where, if it was somebody's appointment."""

    begins: datetime
    ends: datetime
    people: tuple[int, ...] = ()
    room: int | None = None

    @property
    def minutes(self) -> int:
        return int((self.ends - self.begins).total_seconds()) // 60


@dataclass(frozen=True)
class Candidate:
    """
    Somebody who waits, or whose plan has something due, and their place in a slot.

    Args:
        entry: of the waiting list. due: the session of the plan. late: its window is over.
        place: None: it does not fit, and `no` is the rule that leaves nothing.
    """

    patient: Patient
    ask: Ask
    need: Need
    entry: Waiting | None
    due: Due | None
    late: bool
    place: Place | None
    no: Stage | None
    together: tuple[str, ...] = ()  # what is booked with it

    @property
    def title(self) -> str:
        return self.need.title


Asked = tuple[Patient, Ask, Waiting | None, Due | None]


def candidates(
    site: Site, patients: Mapping[UUID, Patient], slot: Slot, house: House, now: datetime, apart_h: int
) -> list[Candidate]:
    """
    Who fits into a slot, every rule asked of each; whoever does not fit comes with the rule that says no.

    The order is that of the plans and of the list, no other: what has a window that ends, the first end first; then who
    waits, first come first; then what has no such end.
    """
    plans_of = planned(patients)
    begins = {pk: one.begins for pk, one in plans_of.items()}
    waits = {(row.patient_id, row.session, row.row): row for row in waiting(site.pk) if row.patient_id in patients}
    asked: list[Asked] = []
    for one in due(patients, now, plans_of):
        entry = waits.pop((one.patient.pk, one.window.session, ""), None)
        asked.append((one.patient, Ask(session=one.window.session), entry, one))
    asked += [(row.patient, Ask(row.session, row.row), row, None) for row in waits.values()]
    asked.sort(key=_order)
    search = Search(frame(site, slot.begins - timedelta(days=1), slot.begins + timedelta(days=DAYS), house, now))
    known = guests({patient.pk for patient, _, _, _ in asked}, house, now)
    found = []
    for one_asked in asked:
        patient, ask, _entry, _due = one_asked
        plan = plans_of.get(patient.pk)
        need = need_of(ask, plan, house, apart_h, now)
        if need is None or (ask.session and plan and waits_for(_sessions(plan), ask.session, begins[patient.pk])):
            continue
        found.append(_candidate(search, known[patient.pk], one_asked, need, plan, slot, house))
    return found


DAYS = 8  # of the calendar that are read, for what is booked together with a dose


def _order(one: Asked) -> tuple[int, datetime]:
    _patient, _ask, entry, mine = one
    if mine is not None and mine.window.latest is not None:
        return 0, mine.window.latest
    if entry is not None:
        return 1, entry.since
    assert mine is not None
    return 2, mine.window.earliest


def _sessions(plan: Planned) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = plan.document["programme"]["sessions"]
    return rows


def _candidate(
    search: Search, guest: Guest, asked: Asked, need: Need, plan: Planned | None, slot: Slot, house: House
) -> Candidate:
    patient, ask, entry, mine = asked
    late = mine is not None and mine.state == "late"
    last = slot.ends - timedelta(minutes=need.minutes)
    low = max(slot.begins, need.earliest or slot.begins)
    high = last if need.latest is None else min(last, need.latest)
    no: Stage | None = None
    if late and need.kind == "dose":
        no = Stage("plan", "", 0)
    elif last < slot.begins:
        no = Stage("length", str(need.minutes), 0)
    elif entry is not None and entry.until < slot.begins.astimezone(search.frame.zone).date():
        no = Stage("until", "", 0)
    inside = replace(need, earliest=low, latest=high)
    places: list[Place] = []
    if no is None:
        stages = search.stages(inside, guest, suits(entry) if entry else None)
        no = next((one for one in stages if not one.left), None)
    if no is None:
        places = search.places(inside, guest, suits(entry) if entry else None, prefer=slot.people, near=slot.room)
        no = None if places else Stage("people", "", 0)
    together: tuple[str, ...] = ()
    if places and need.kind == "dose":
        assert plan is not None
        bound = needs.bound_to(ask.session, plan.document, house, plan.begins)
        for place in places:
            made, lacking = chain(search, guest, need, place, bound)
            if not lacking:
                places, together = [place], tuple(one.title for one, _ in made[1:])
                break
        else:
            places, no = [], Stage("together", "", 0)
    best = places[0] if places else None
    return Candidate(patient, ask, need, entry, mine, late, best, no, together)


# -- what no longer holds ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unheld:
    """An appointment that is booked and cannot be held as it is: who is not there."""

    row: Appointment
    missing: tuple[str, ...]  # names of staff and rooms
    patient_away: bool


def unheld(site: Site, now: datetime) -> list[Unheld]:
    """What is booked from now on and somebody of it is away or not on duty any more, or its room is out of use."""
    rows = list(
        Appointment.objects.filter(site=site, state=BOOKED, ends_at__gt=now)
        .select_related("patient__site", "room", "retreat", "within")
        .prefetch_related("work__resource")
        .order_by("starts_at")
    )
    if not rows:
        return []
    first, last = min(row.starts_at for row in rows), max(row.ends_at for row in rows)
    there = present(site, {work.resource_id for row in rows for work in row.work.all()}, first, last)
    ids = {row.patient_id for row in rows if row.patient_id is not None}
    away: dict[UUID, list[Absence]] = defaultdict(list)
    for absence in Absence.objects.filter(Q(patient__in=ids), ends_at__gt=now):
        assert absence.patient_id is not None
        away[absence.patient_id].append(absence)
    found = []
    for row in rows:
        missing = [
            work.resource.name
            for work in row.work.all()
            if not any(a <= work.starts_at and work.ends_at <= b for a, b in there[work.resource_id])
        ]
        if row.room is not None and row.room.retired_at is not None:
            missing.append(row.room.name)
        gone = any(
            row.starts_at < one.ends_at
            and one.starts_at < row.ends_at
            and (one.kind != "no-dose" or row.kind == "dose")
            for one in (away[row.patient_id] if row.patient_id is not None else ())
        )
        if missing or gone:
            found.append(Unheld(row, tuple(missing), gone))
    return found


# -- free times of the day ---------------------------------------------------------------------------------


def free_times(site: Site, on: date, now: datetime, least: timedelta) -> dict[int, Moments]:
    """When on a day each person is there and nothing of them is taken, for at least so long, from now on."""
    zone = ZoneInfo(site.zone)
    first = datetime.combine(on, time(0), tzinfo=zone)
    last = datetime.combine(on + timedelta(days=1), time(0), tzinfo=zone)
    people = {row.pk for row in selectors.resources(site.pk, PERSON)}
    work: dict[int, Moments] = defaultdict(list)
    rows = Work.objects.filter(
        resource__in=people, appointment__state=BOOKED, starts_at__lt=last, ends_at__gt=first
    ).order_by("starts_at")
    for one in rows:
        work[one.resource_id].append((one.starts_at, one.ends_at))
    found: dict[int, Moments] = {}
    quarter = -(-int(now.timestamp()) // QUARTER_S) * QUARTER_S
    begin = max(first, datetime.fromtimestamp(quarter, UTC))
    for who, spans in present(site, people, first, last).items():
        free = []
        for a, b in spans:
            at, end = max(a, begin), min(b, last)
            for low, high in [*work[who], (end, end)]:
                if min(low, end) - at >= least:
                    free.append((at, min(low, end)))
                at = max(at, high)
        found[who] = free
    return found
