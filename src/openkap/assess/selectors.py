"""
What is asked of patients, how far they are, and who must act on an alert.

Lists start from `people.selectors.visible_patients`, with one exception: an alert is open to whoever it has
reached, on the care team or not, because an answer in the night must find somebody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, UUIDField
from django.http import Http404
from django.utils import timezone

from openkap.assess import asking, crisis
from openkap.assess.models import (
    CLOSING,
    TERMINAL,
    AlertAction,
    Answer,
    FormDevice,
    FormEvent,
    FormLink,
    FormRequest,
    FormulationDecision,
    OnCall,
    OpenForm,
    SafetyAlert,
)
from openkap.people.models import CareTeam, Membership, Patient, Site, User
from openkap.people.policy import reaches
from openkap.people.prepared import Prepared
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, STAFF, Principal, Purpose, Relation

Word = Literal["assigned", "sent", "opened", "overdue", "done", "declined", "withdrawn"]
WORDS: tuple[Word, ...] = ("overdue", "opened", "sent", "assigned", "done", "declined", "withdrawn")


# ---------------------------------------------------------------- forms


@dataclass(frozen=True, slots=True)
class FormState:
    """
    How far a form is. It holds no answer.

    Args:
        word: `overdue` stands before sent and opened; `step` is what it would be without the day.
        last: the newest event; None if nothing happened since it was asked for.
    """

    request: FormRequest
    title: str
    word: Word
    step: Word
    days_late: int
    last: FormEvent | None
    events: tuple[FormEvent, ...]

    @property
    def open(self) -> bool:
        return self.step not in TERMINAL


def today_at(site: Site, now: datetime | None = None) -> date:
    """The day at a site."""
    return (now or timezone.now()).astimezone(ZoneInfo(site.zone)).date()


def requests_of(patients: QuerySet[Patient]) -> QuerySet[FormRequest]:
    """
    Every form asked for of these patients, newest first, ready for `state_of`.

    Args:
        patients: from `visible_patients`.
    """
    events = Prefetch("events", FormEvent.objects.select_related("by").order_by("pk"))
    found = FormRequest.objects.filter(patient__in=patients).select_related("patient", "patient__site", "asked_by")
    return found.prefetch_related(events).order_by("-asked_at", "-pk")


def open_requests(patients: QuerySet[Patient]) -> QuerySet[FormRequest]:
    """Those that are neither done nor declined nor withdrawn."""
    return requests_of(patients).filter(waits__isnull=False)


def state_of(request: FormRequest, now: datetime | None = None) -> FormState:
    """How far a form is, on the day at its site."""
    events = tuple(request.events.all())
    kinds = {event.kind for event in events}
    step: Word = "assigned"
    for word in (*TERMINAL, "opened", "sent"):
        if word in kinds:
            step = word  # type: ignore[assignment]
            break
    late = (today_at(request.patient.site, now) - request.due).days
    is_open = step not in TERMINAL
    word = "overdue" if is_open and late > 0 else step
    title = asking.title_of(request.form)
    return FormState(request, title, word, step, max(late, 0) if is_open else 0, events[-1] if events else None, events)


def overdue_forms(patients: QuerySet[Patient], now: datetime | None = None) -> list[FormState]:
    """Open forms past their day, the latest first."""
    states = [state_of(request, now) for request in open_requests(patients)]
    return sorted((s for s in states if s.word == "overdue"), key=lambda s: -s.days_late)


@dataclass(frozen=True, slots=True)
class DueForm:
    """
    An open form and its day, for lists.

    Args:
        given, family: of the patient.
        step: `assigned`, `sent` or `opened`.
        days_late: 0 until the day is over.
    """

    patient_id: UUID
    given: str
    family: str
    form: str
    due: date
    step: Word
    days_late: int


def open_forms(principal: Principal, purpose: Purpose) -> QuerySet[OpenForm]:
    """Open forms of `visible_patients`; the whole site's without asking for each patient."""
    found = OpenForm.objects.filter(site=principal.site_id)
    if Relation.SITE in reaches(principal, purpose):
        return found
    return found.filter(patient__in=visible_patients(principal, purpose))


def due_forms(open_: QuerySet[OpenForm], on: date, until: date, most: int) -> tuple[int, list[DueForm], list[DueForm]]:
    """
    How many open forms are late, the latest of them, and the first that are due by a day.

    Args:
        open_: from `open_forms`.
        on: today. until: the last day of those to come.
        most: rows of each list.
    """
    open_ = open_.order_by("due", "pk")
    late, soon = open_.filter(due__lt=on), open_.filter(due__gte=on, due__lte=until)
    columns = ("pk", "due", "request__form", "patient_id", "patient__given", "patient__family")
    found = [list(rows.values_list(*columns)[:most]) for rows in (late, soon)]
    events: dict[UUID, set[str]] = {}
    ids = [row[0] for rows in found for row in rows]
    for request, kind in FormEvent.objects.filter(request__in=ids).values_list("request_id", "kind"):
        events.setdefault(request, set()).add(kind)

    def shown(pk: UUID, due: date, form: str, patient: UUID, given: str, family: str) -> DueForm:
        kinds = events.get(pk, set())
        step: Word = "opened" if "opened" in kinds else "sent" if "sent" in kinds else "assigned"
        return DueForm(patient, given, family, form, due, step, max((on - due).days, 0))

    late_rows, soon_rows = ([shown(*row) for row in rows] for rows in found)
    return late.count(), late_rows, soon_rows


def request_or_404(patient: Patient, request_id: UUID) -> FormRequest:
    """A form of this patient; the patient must come from the gate."""
    found = requests_of(Patient.objects.filter(pk=patient.pk)).filter(pk=request_id).first()
    if found is None:
        raise Http404
    return found


def answers_of(request: FormRequest) -> dict[str, object]:
    """
    What is answered now, by linkId: of several answers to a question the last one.

    Two answers of one device stand in the order in which it gave them, whenever they arrived.
    """
    current: dict[str, Answer] = {}
    for row in Answer.objects.filter(request=request).order_by("pk"):
        before = current.get(row.link_id)
        if before and before.device_id and before.device_id == row.device_id and before.sequence > row.sequence:
            continue
        current[row.link_id] = row
    return {link: row.value for link, row in current.items()}


# ---------------------------------------------------------------- links


@dataclass(frozen=True, slots=True)
class Door:
    """
    What a token opens.

    Args:
        why_shut: `expired`, `revoked`, `withdrawn`, `done` or `declined`; empty: it is open.
        writer: the browser that shows it, if the link let it in and it was not left: its answers are taken. One
            that was given without signal must arrive however long ago that was.
        device: the same, unless it was idle for long: then nothing is shown to it before the birth date.
    """

    link: FormLink
    why_shut: str
    writer: FormDevice | None
    device: FormDevice | None

    @property
    def request(self) -> FormRequest:
        return self.link.request

    @property
    def is_bound(self) -> bool:
        """True if some device was let in, so that another one must give the birth date."""
        return self.link.devices.exists()


def digest(token: str) -> str:
    """How a token is kept: it has 192 random bits, so that a plain hash tells nothing of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def door(token: str, device_token: str = "", now: datetime | None = None) -> Door | None:
    """What a token opens for the browser that holds `device_token`; None if there is no such link."""
    now = now or timezone.now()
    found = FormLink.objects.filter(digest=digest(token)).select_related("request__patient__site")
    link = found.first()
    if link is None:
        return None
    writer = None
    if device_token:
        writer = FormDevice.objects.filter(link=link, digest=digest(device_token), left_at=None).first()
    since = now - timedelta(minutes=asking.requests().links.idle_min)
    device = writer if writer and writer.seen_at > since else None
    ended = FormEvent.objects.filter(request=link.request, kind__in=TERMINAL).values_list("kind", flat=True).first()
    why = ended or ("revoked" if link.revoked_at else "expired" if link.expires_at <= now else "")
    return Door(link, why, writer, device)


# ---------------------------------------------------------------- alerts


def members(ring: str, patient: Patient, now: datetime) -> list[User]:
    """Who is in a ring at this moment: active accounts that hold a role at the patient's site."""
    held = Membership.objects.filter(site=patient.site_id, until=None)
    staff = held.filter(role__in=STAFF)
    users = User.objects.filter(is_active=True, pk__in=staff.values("user")).order_by("name", "pk")
    if ring == "on-call":
        duty = OnCall.objects.filter(site=patient.site_id, begins__lte=now, ends__gt=now, withdrawn_at=None)
        return list(users.filter(pk__in=duty.values("user")))
    if ring == "staff":
        return list(users)
    clinicians = users.filter(pk__in=held.filter(role__in=CLINICIANS).values("user"))
    if ring == "care-team":
        return list(clinicians.filter(pk__in=CareTeam.objects.filter(patient=patient, until=None).values("user")))
    return list(clinicians)


def reached_at(patient: Patient, number: int, now: datetime) -> tuple[str, list[User]]:
    """The ring that step `number` reaches and who is in it: the first that is not empty, from its own ring on."""
    for ring in crisis.rings_of_step(number):
        if users := members(ring, patient, now):
            return ring, users
    return crisis.RINGS[-1], []


def open_alerts(site_id: UUID) -> QuerySet[SafetyAlert]:
    """Alerts of a site that nobody has closed, oldest first."""
    closed = AlertAction.objects.filter(alert=OuterRef("pk"), outcome__in=CLOSING)
    found = SafetyAlert.objects.filter(~Exists(closed), patient__site=site_id)
    return found.select_related("patient", "patient__site", "request", "answer").order_by("raised_at", "pk")


_OPEN = Prepared(lambda site: open_alerts(site).select_related(None).only("pk"), site=UUIDField())


def alerts_for(principal: Principal, now: datetime | None = None) -> list[SafetyAlert]:
    """
    Open alerts that are in this person's hands now, oldest first.

    It does not wait for the record of a step: what is due by the clock counts, whether or not it was written.
    """
    if not _OPEN.rows(site=principal.site_id):  # nearly always, and on every page
        return []
    now = now or timezone.now()
    return [alert for alert in open_alerts(principal.site_id) if principal.user_id in owners(alert, now)]


def owners(alert: SafetyAlert, now: datetime | None = None) -> dict[UUID, User]:
    """Everyone in whose hands an open alert is now."""
    now = now or timezone.now()
    found = {notice.user_id: notice.user for notice in alert.notices.select_related("user")}
    for number in range(1, min(crisis.step_at(alert.raised_at, now), len(crisis.crisis_rules().step)) + 1):
        found |= {user.pk: user for user in reached_at(alert.patient, number, now)[1]}
    return found


def alert_or_404(principal: Principal, alert_id: UUID, now: datetime | None = None) -> SafetyAlert:
    """
    An alert that has reached this person, or that the person acted on.

    Raises:
        Http404: there is none, or it is somebody else's; the two look alike.
    """
    alert = (
        SafetyAlert.objects.filter(pk=alert_id, patient__site=principal.site_id)
        .select_related("patient__site", "request", "answer")
        .first()
    )
    if alert is None:
        raise Http404
    acted = AlertAction.objects.filter(alert=alert, by=principal.user_id).exists()
    if not acted and principal.user_id not in owners(alert, now):
        raise Http404
    return alert


def is_closed(alert: SafetyAlert) -> bool:
    """True if a person wrote that the patient was reached or handed over."""
    return AlertAction.objects.filter(alert=alert, outcome__in=CLOSING).exists()


def alerts_of(patients: Iterable[Patient]) -> list[SafetyAlert]:
    """Open alerts of these patients, who must come from `visible_patients`; oldest first."""
    ids = [patient.pk for patient in patients]
    closed = AlertAction.objects.filter(alert=OuterRef("pk"), outcome__in=CLOSING)
    found = SafetyAlert.objects.filter(~Exists(closed), patient__in=ids)
    return list(found.select_related("patient", "request", "answer").order_by("raised_at"))


def rota(site_id: UUID, now: datetime | None = None) -> list[OnCall]:
    """Who is on call now and later, in order of time."""
    found = OnCall.objects.filter(site=site_id, ends__gt=now or timezone.now(), withdrawn_at=None)
    return list(found.select_related("user").order_by("begins", "pk"))


# ---------------------------------------------------------------- formulation


def decisions_of(patient: Patient) -> dict[str, FormulationDecision]:
    """The last decision about each dimension."""
    rows: Sequence[FormulationDecision] = list(
        FormulationDecision.objects.filter(patient=patient).select_related("by").order_by("pk")
    )
    return {row.dimension: row for row in rows}
