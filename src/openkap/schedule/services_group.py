"""
What guests of a retreat may know of one another, and lists of guests that leave the screen (HAZ-61).

Guests see nothing of one another but the name that each chose to show; who chose nothing is not shown. A list on paper
or in a file carries who took it, when and until when; one that is old, or older than what it lists, is refused.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.schedule import messages, selectors
from openkap.schedule.models import BOOKED, ROOM, Appointment, Retreat, Work
from openkap.schedule.models_message import ALIAS, FIRST, NOTHING, GroupName, Roster

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is mistaken for something else
PAPER, FILE, DOORS = "paper", "file", "doors"
LONGEST_ALIAS = 40


# -- names in a group --------------------------------------------------------------------------------------


@transaction.atomic
def choose_name(
    principal: Principal | None, patient: Patient, shown: str, alias: str = "", *, origin: Origin | None = None
) -> GroupName:
    """
    What other guests of a group may be told of this patient from now on.

    Args:
        shown: `nothing`, `first` (the first given name) or `alias`.

    Raises:
        Forbidden: by anybody but the patient, or staff who was told. UserError: no such choice, or no other name.
    """
    alias = " ".join(alias.split())
    is_own = principal is not None and principal.has(Role.PATIENT) and principal.user_id == patient.account_id
    is_staff = (
        principal is not None and principal.site_id == patient.site_id and principal.has(Role.COORDINATOR, *CLINICIANS)
    )
    if not (principal is None or is_own or is_staff):
        raise Forbidden("Only the patient, or staff whom the patient told, says what a group may know.")
    if shown not in (NOTHING, FIRST, ALIAS):
        raise UserError("shown: choose nothing, the first name, or another name.")
    if shown == ALIAS and not 1 <= len(alias) <= LONGEST_ALIAS:
        raise UserError(f"alias: write the other name, at most {LONGEST_ALIAS} letters.")
    row = GroupName.objects.create(
        patient=patient,
        shown=shown,
        alias=alias if shown == ALIAS else "",
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )
    event = Event(
        "group-name",
        "C",
        patient_id=patient.pk,
        purpose=Purpose.OWN if is_own else Purpose.ADMINISTRATION,
        reason=shown,
    )
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return row


def group_name_of(patient: Patient) -> GroupName | None:
    """What was chosen last; None: nobody has asked, and nothing is shown."""
    return GroupName.objects.filter(patient=patient).order_by("-pk").first()


def agreed(patients: Iterable[Patient]) -> dict[UUID, str]:
    """What a group may be told of each of these; who agreed to nothing is not among them."""
    wanted = {one.pk: one for one in patients}
    newest = {row.patient_id: row for row in GroupName.objects.filter(patient__in=wanted).order_by("pk")}
    found = {}
    for pk, row in newest.items():
        if row.shown == ALIAS:
            found[pk] = row.alias
        elif row.shown == FIRST and (first := wanted[pk].given.split()[:1]):
            found[pk] = first[0]
    return found


def companions(patient: Patient, groups: Iterable[UUID]) -> dict[UUID, list[str]]:
    """For each of these groups, which this patient attends, the names that others agreed to show, in order."""
    rows = Appointment.objects.filter(within__in=list(groups), state=BOOKED, patient__isnull=False)
    rows = rows.exclude(patient=patient).select_related("patient")
    names = agreed(row.patient for row in rows if row.patient is not None)
    found: dict[UUID, list[str]] = {}
    for row in rows:
        if row.within_id is not None and row.patient_id in names:
            found.setdefault(row.within_id, []).append(names[row.patient_id])
    return {pk: sorted(one) for pk, one in found.items()}


# -- lists of guests ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guest:
    """A guest on a list: first and last hour of the stay, with whom most of it is, and what the group may be told."""

    patient: Patient
    code: str
    comes: datetime | None
    goes: datetime | None
    therapist: str
    in_group: str


def guests_of(retreat: Retreat) -> list[Guest]:
    """Who comes, by code. Who may read which name is judged by who shows it."""
    rows = selectors.guests_of(retreat)
    spans: dict[UUID, tuple[datetime, datetime]] = {}
    booked = Appointment.objects.filter(retreat=retreat, state=BOOKED, patient__isnull=False)
    for patient, begins, ends in booked.values_list("patient", "starts_at", "ends_at"):
        low, high = spans.get(patient, (begins, ends))
        spans[patient] = (min(low, begins), max(high, ends))
    names = agreed(row.patient for row in rows)
    works = Work.objects.filter(appointment__in=booked, resource__sort="therapist")
    hours = Counter(works.values_list("appointment__patient", "resource__name"))
    found = []
    for row in rows:
        comes, goes = spans.get(row.patient_id, (None, None))
        mine = {name: n for (patient, name), n in hours.items() if patient == row.patient_id}
        therapist = max(sorted(mine), key=lambda name: mine[name], default="")
        found.append(Guest(row.patient, row.code, comes, goes, therapist, names.get(row.patient_id, "")))
    return found


def digest_of(retreat: Retreat) -> str:
    """Of everything that a list of this retreat could say: another digest, another list."""
    guests = [
        [str(one.patient.pk), one.patient.version, str(one.comes), str(one.goes), one.therapist, one.in_group]
        for one in guests_of(retreat)
    ]
    rows = Appointment.objects.filter(retreat=retreat, state=BOOKED).order_by("pk")
    booked = [[str(pk), version] for pk, version in rows.values_list("pk", "version")]
    return hashlib.sha256(json.dumps([guests, booked]).encode()).hexdigest()


@transaction.atomic
def take_list(
    principal: Principal,
    retreat: Retreat,
    form: str,
    listed: Iterable[Patient],
    *,
    day: date | None = None,
    initials: bool = False,
    origin: Origin | None = None,
) -> Roster:
    """
    A list of guests is about to leave the screen; each guest whom it names is in the audit trail.

    Args:
        form: `paper`, `file` or `doors`. listed: whom it names. day, initials: of the doors.

    Raises:
        Forbidden: by somebody who needs none.
    """
    if principal.site_id != retreat.site_id or not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician takes a list of guests: ask one of them.")
    now = timezone.now()
    word = "".join(secrets.choice(ALPHABET) for _ in range(8))
    row = Roster.objects.create(
        code=f"{word[:4]}-{word[4:]}",
        retreat=retreat,
        form=form,
        day=day,
        initials=initials,
        digest=digest_of(retreat),
        at=now,
        ends_at=now + timedelta(hours=messages.number("MSG-PAPER", "hours")),
        by_id=principal.user_id,
        name=principal.name,
    )
    kind = "export" if form == FILE else "print"
    events = [
        Event(kind, "E", patient_id=one.pk, purpose=Purpose.ADMINISTRATION, entity=f"Roster/{row.code}")
        for one in listed
    ] or [Event(kind, "E", entity=f"Roster/{row.code}")]
    audit.record(retreat.site_id, events, principal=principal, origin=origin)
    return row


def standing(row: Roster, now: datetime | None = None) -> str:
    """`good`, or why a list is refused: `old`, `changed` (what it lists), `replaced` (by a newer one)."""
    if (now or timezone.now()) >= row.ends_at:
        return "old"
    if row.digest != digest_of(row.retreat):
        return "changed"
    newer = Roster.objects.filter(retreat=row.retreat_id, form=row.form, day=row.day, by=row.by_id, at__gt=row.at)
    return "replaced" if newer.exists() else "good"


def look_up(principal: Principal, code: str) -> Roster | None:
    """The list with this code at this person's site."""
    plain = "".join(c for c in code.upper() if c.isalnum())[:8]
    rows = Roster.objects.filter(retreat__site=principal.site_id, code=f"{plain[:4]}-{plain[4:]}")
    return rows.select_related("retreat__site", "by").first()


# -- doors -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """A room is in use: from, until, and initials, or nothing."""

    begins: datetime
    ends: datetime
    initials: str


def doors(retreat: Retreat, day: date, *, initials: bool, mine: Iterable[UUID] = ()) -> dict[str, list[Use]]:
    """
    The rooms of a day with their hours. No name and no kind of session; initials only where asked for.

    Args:
        mine: patients whose initials the reader may see.
    """
    zone, visible = ZoneInfo(retreat.site.zone), set(mine)
    begins = datetime.combine(day, time(0), tzinfo=zone)
    rooms = {row.pk: row.name for row in selectors.resources(retreat.site_id, ROOM)}
    found: dict[str, list[Use]] = {name: [] for name in rooms.values()}
    rows = Appointment.objects.filter(
        retreat=retreat,
        state=BOOKED,
        room__isnull=False,
        starts_at__gte=begins,
        starts_at__lt=begins + timedelta(days=1),
    )
    for row in rows.select_related("patient").order_by("starts_at"):
        who = row.patient
        word = initials_of(who) if initials and who is not None and who.pk in visible else ""
        if row.room_id in rooms:
            found[rooms[row.room_id]].append(Use(row.starts_at.astimezone(zone), row.ends_at.astimezone(zone), word))
    return found


def initials_of(patient: Patient) -> str:
    """Of the first given and the family name."""
    return " ".join(f"{name[0]}." for name in (patient.given.strip(), patient.family.strip()) if name)
