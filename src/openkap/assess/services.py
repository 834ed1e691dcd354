"""
The only writers of this room's tables. Each is one transaction that also holds its audit event.

A first argument `principal` is who does it; None is the patient by a link, or a demonstration. Patients come
from `people.selectors.visible_patients` or from a link's door.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils import timezone

from openkap.assess import asking, crisis
from openkap.assess.formulation import formulation_rules
from openkap.assess.models import (
    CLOSING,
    OUTCOMES,
    TERMINAL,
    AlertAction,
    AlertNotice,
    Answer,
    FormDevice,
    FormEvent,
    FormLink,
    FormRequest,
    FormulationDecision,
    OnCall,
    SafetyAlert,
)
from openkap.assess.selectors import Door, answers_of, digest, open_alerts, open_requests, owners, reached_at, today_at
from openkap.chart.services import add_records
from openkap.kernel.content import content_version
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Action, Event, Origin
from openkap.people.models import Membership, Patient, Site, User
from openkap.people.types import CLINICIANS, STAFF, Principal, Purpose, Role

# ---------------------------------------------------------------- asking

_STEP = timedelta(seconds=15)  # it is noted at most this often that a phone is there


@transaction.atomic
def ask_form(
    principal: Principal | None,
    patient: Patient,
    form: str,
    *,
    why: str = "",
    due: date | None = None,
    by_staff: bool = False,
    requirement_met: bool = False,
    site: Path | None = None,
    origin: Origin | None = None,
) -> FormRequest:
    """
    Ask a patient for a form, or staff to fill it in with them.

    Args:
        form: one of `asking.form_ids()`.
        why: the rule or fact that asks, or words.
        due: last day, at the site; None takes the policy's.
        by_staff: it is not sent; a form for trained people always is entered by staff.
        requirement_met: what the form needs first (as PCL-5 an index event) is recorded.
        site: the site's folder, for its own wordings.

    Returns:
        The request; the open one, if this form is asked for already.

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician.
        UnknownName: no such form. UserError: it cannot be sent, its day is past, or its requirement is not met.
    """
    if principal and not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician asks for forms: ask one of them.")
    shape = asking.shape_of(form, site)
    by_staff = by_staff or shape.by == "staff"
    if not by_staff:
        asking.fit_for_patient(form, site)
    if shape.requires and not requirement_met:
        raise UserError(f"form: {shape.title} needs this first: {shape.requires}. Record it, then ask and say so.")
    today = today_at(patient.site)
    due = due or today + timedelta(days=asking.requests().links.due_days)
    if due < today:
        raise UserError("due: this day is past; choose today or a later day.")
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)  # the same form is not asked for twice at once
    already = open_requests(Patient.objects.filter(pk=patient.pk)).filter(form=form, by_staff=by_staff).first()
    if already:
        _event(already, "asked-again", principal, why)
        _audit(principal, patient, "U", already, origin)
        return already
    request = FormRequest.objects.create(
        patient=patient,
        form=form,
        by_staff=by_staff,
        why=why[:200],
        due=due,
        asked_at=timezone.now(),
        asked_by_id=principal.user_id if principal else None,
    )
    _audit(principal, patient, "C", request, origin)
    return request


@transaction.atomic
def make_link(
    principal: Principal | None, request: FormRequest, *, note: str = "", origin: Origin | None = None
) -> tuple[FormLink, str]:
    """
    A new link to a form; earlier ones end.

    Returns:
        The link and its token. The token is kept nowhere: show it now, once.

    Raises:
        UserError: the form is done, declined or withdrawn, or staff fill it in.
    """
    _locked(request)
    if request.by_staff:
        raise UserError("This form is filled in by staff and has no link: enter the answers.")
    now = timezone.now()
    first = not FormLink.objects.filter(request=request).exists()
    FormLink.objects.filter(request=request, revoked_at=None).update(revoked_at=now)
    token = secrets.token_urlsafe(24)
    link = FormLink.objects.create(
        request=request,
        digest=digest(token),
        made_at=now,
        made_by_id=principal.user_id if principal else None,
        expires_at=now + timedelta(days=asking.requests().links.days),
    )
    _event(request, "sent" if first else "chased", principal, note)
    _audit(principal, request.patient, "U", request, origin)
    return link, token


@transaction.atomic
def chase(principal: Principal, request: FormRequest, note: str, *, origin: Origin | None = None) -> FormEvent:
    """
    Write down what was done to get a form back, such as a call.

    Raises:
        UserError: the note is empty, or the form has ended.
    """
    if not note.strip():
        raise UserError("The note is empty: say what you did, such as whom you called.")
    _locked(request)
    _audit(principal, request.patient, "U", request, origin)
    return _event(request, "chased", principal, note)


@transaction.atomic
def withdraw(principal: Principal, request: FormRequest, reason: str, *, origin: Origin | None = None) -> FormEvent:
    """
    Take a request back; its links end. Answers given so far stay.

    Raises:
        UserError: the reason is empty, or the form has ended.
    """
    if not reason.strip():
        raise UserError("The reason is empty: say why this form is not needed any more.")
    _locked(request)
    FormLink.objects.filter(request=request, revoked_at=None).update(revoked_at=timezone.now())
    _audit(principal, request.patient, "D", request, origin)
    return _event(request, "withdrawn", principal, reason)


# ---------------------------------------------------------------- the door of a link


def enter(door: Door, birth_date: date | None = None, *, origin: Origin | None = None) -> str:
    """
    Let a browser in: the first one, or one whose holder gives the birth date.

    Returns:
        The token by which the browser is known from now on.

    Raises:
        Forbidden: the birth date is missing or wrong; after too many tries the link ends.
    """
    with transaction.atomic():
        link = FormLink.objects.select_for_update(no_key=True).get(pk=door.link.pk)
        is_first = not link.devices.exists()
        ended = link.wrong_tries >= asking.requests().links.birth_date_tries
        proved = not ended and birth_date == door.request.patient.birth_date
        if proved or (birth_date is None and is_first):
            token = secrets.token_urlsafe(24)
            now = timezone.now()
            FormDevice.objects.create(link=link, digest=digest(token), proved=proved, at=now, seen_at=now)
            if is_first:
                _event(door.request, "opened", None)
            _audit(None, door.request.patient, "E", door.request, origin)
            return token
        if birth_date is not None:
            link.wrong_tries += 1
            link.revoked_at = link.revoked_at or (timezone.now() if ended else None)
            link.save(update_fields=["wrong_tries", "revoked_at"])
            event = Event("denial", "E", "denied", entity=f"FormLink/{link.pk}", reason="birth date")
            audit.record(door.request.patient.site_id, [event], origin=origin)
    if birth_date is None:
        raise Forbidden("This link was opened on another device: give your birth date to go on here.")
    if ended:
        raise Forbidden(
            "The birth date did not match too often, so this link has ended: ask your clinic for a new one."
        )
    raise Forbidden("This birth date does not match: try again, or ask your clinic for a new link.")


def seen(door: Door) -> None:
    """Note that somebody is there."""
    now = timezone.now()
    if door.device and now - door.device.seen_at >= _STEP:
        FormDevice.objects.filter(pk=door.device.pk).update(seen_at=now)


def leave(door: Door) -> None:
    """Forget the browser: whoever comes back gives the birth date."""
    if door.device:
        FormDevice.objects.filter(pk=door.device.pk).update(left_at=timezone.now())


# ---------------------------------------------------------------- answering


@dataclass(frozen=True, slots=True)
class Saved:
    """
    An answer that the database has.

    Args:
        alert: raised by it, or the open one that it adds to.
        told: somebody has been told of the alert.
        again: it was saved before; nothing was written now.
    """

    answer: Answer
    alert: SafetyAlert | None
    told: bool
    again: bool = False


def save_answer(
    principal: Principal | None,
    request: FormRequest,
    link_id: str,
    sent: Mapping[str, Any],
    *,
    key: UUID,
    sequence: int,
    given_at: datetime | None = None,
    device: FormDevice | None = None,
    site: Path | None = None,
    origin: Origin | None = None,
) -> Saved:
    """
    Keep one answer as given; in the same transaction raise the alert that it calls for.

    Args:
        sent: fields as `asking.read_answer` takes them.
        key: made before the first try; the same key again changes nothing.
        sequence: order on the device.

    Raises:
        UnknownName: no such question. UserError: not an answer, too many, or the form has ended.
        Conflict: the key belongs to another answer.
    """
    if earlier := _earlier(request, key, link_id):
        return earlier
    shape = asking.shape_of(request.form, site)
    value = asking.read_answer(shape, link_id, sent)
    try:
        with transaction.atomic():
            _locked(request)
            if Answer.objects.filter(request=request).count() >= asking.requests().links.most_answers:
                raise UserError("This form was answered too many times: ask your clinic for a new link.")
            now = timezone.now()
            answer = Answer.objects.create(
                request=request,
                link_id=link_id,
                value=value,
                key=key,
                sequence=sequence,
                given_at=given_at if given_at and given_at <= now else None,
                saved_at=now,
                device=device,
                by_id=principal.user_id if principal else None,
            )
            alert, told = _alert(answer, asking.flags(shape, link_id, value), now)
            purpose = Purpose.TREATMENT if principal else Purpose.OWN
            events = [_about(request.patient, "C", f"Answer/{answer.pk}", purpose)]
            if alert and alert.answer_id == answer.pk:
                events.append(_about(request.patient, "C", f"SafetyAlert/{alert.pk}", purpose))
            audit.record(request.patient.site_id, events, principal=principal, origin=origin)
    except IntegrityError:  # the same answer, sent twice at once: the other came first
        if earlier := _earlier(request, key, link_id):
            return earlier
        raise
    return Saved(answer, alert, told)


def _earlier(request: FormRequest, key: UUID, link_id: str) -> Saved | None:
    answer = Answer.objects.filter(request=request, key=key).first()
    if answer is None:
        return None
    if answer.link_id != link_id:
        raise Conflict("This answer was sent before for another question: reload the page.")
    alert = SafetyAlert.objects.filter(answer=answer).first()
    return Saved(answer, alert, bool(alert and alert.notices.exists()), again=True)


@transaction.atomic
def finish(
    principal: Principal | None, request: FormRequest, *, site: Path | None = None, origin: Origin | None = None
) -> FormEvent:
    """
    End a form: its answers become one QuestionnaireResponse of the chart.

    Returns:
        The event `done`; `declined` if the patient would rather not say anything at all, and then nothing is
        written into the chart. The one that was, if it had ended before.

    Raises:
        UserError: questions are open that must be answered or declined, or nothing was answered.
    """
    FormRequest.objects.select_for_update(no_key=True).get(pk=request.pk)
    ended = FormEvent.objects.filter(request=request, kind__in=TERMINAL).first()
    if ended:
        if ended.kind == "withdrawn":
            raise UserError("Your clinic does not need this form any more: there is nothing left to do.")
        return ended
    shape, answers = asking.shape_of(request.form, site), answers_of(request)
    left = asking.required(shape, answers)
    if left:
        raise UserError(f"{len(left)} questions are open: answer each, or say that you would rather not.")
    record = ""
    kind = "declined" if asking.is_blank(shape, answers) else "done"
    if kind == "done":
        author = f"Practitioner/{principal.user_id}" if principal else f"Patient/{request.patient_id}"
        zone = ZoneInfo(request.patient.site.zone)
        resource = asking.resource(
            shape,
            answers,
            authored=timezone.now().astimezone(zone).isoformat(timespec="seconds"),
            subject=f"Patient/{request.patient_id}",
            author=author,
        )
        resource["id"] = str(request.pk)
        by = "staff" if principal else "form"
        rows = add_records(principal, request.patient, [resource], by=by, reason=request.why, origin=origin)  # type: ignore[arg-type]
        record = rows[0].name
    _audit(principal, request.patient, "U", request, origin)
    return _event(request, kind, principal, record=record)


# ---------------------------------------------------------------- alerts


def _alert(answer: Answer, flags: tuple[str, ...], now: datetime) -> tuple[SafetyAlert | None, bool]:
    """Raise the alert that an answer calls for, unless an open one of the form says the same already."""
    if not flags:
        return None, False
    patient = answer.request.patient
    for alert in open_alerts(patient.site_id).filter(request=answer.request):
        if set(flags) <= set(alert.flags):
            return alert, alert.notices.exists()
    alert = SafetyAlert.objects.create(
        patient=patient, request=answer.request, answer=answer, flags=list(flags), raised_at=now
    )
    return alert, bool(_notify(alert, 1, now))


def _notify(alert: SafetyAlert, number: int, now: datetime) -> list[AlertNotice]:
    """Put an alert into the hands of those whom step `number` reaches now."""
    ring, users = reached_at(alert.patient, number, now)
    rows = [AlertNotice(alert=alert, step=number, ring=ring, user=user, at=now) for user in users]
    AlertNotice.objects.bulk_create(rows, ignore_conflicts=True)  # another process may have written the same step
    return rows


def escalate(now: datetime | None = None) -> int:
    """
    Write every step that is due on alerts that nobody closed. May run at any time, twice, and in several processes.

    Returns:
        How many notices were written.
    """
    now = now or timezone.now()
    written = 0
    for site_id in Site.objects.values_list("pk", flat=True):
        for alert in open_alerts(site_id):
            done = set(alert.notices.values_list("step", flat=True))
            due = [n for n in range(1, crisis.step_at(alert.raised_at, now) + 1) if n not in done]
            if not due:
                continue
            with transaction.atomic():
                SafetyAlert.objects.select_for_update(no_key=True).get(pk=alert.pk)
                done = set(alert.notices.values_list("step", flat=True))  # by another process, meanwhile
                rows = [row for number in due if number not in done for row in _notify(alert, number, now)]
                events = [_about(alert.patient, "E", f"SafetyAlert/{alert.pk}", Purpose.TREATMENT)]
                audit.record(site_id, events if rows else [])
            written += len(rows)
    return written


@transaction.atomic
def act_on_alert(
    principal: Principal, alert: SafetyAlert, outcome: str, what: str, *, origin: Origin | None = None
) -> AlertAction:
    """
    Write down what was done about an alert. `reached` and `handed-over` end the escalation, `not-reached` does not.

    Raises:
        Forbidden: by someone whom the alert has not reached.
        UserError: the outcome is not one of these, or nothing is said of what was done.
        Conflict: someone closed it meanwhile.
    """
    if outcome not in OUTCOMES:
        raise UserError(f"outcome: choose one of {', '.join(OUTCOMES)}.")
    if not what.strip():
        raise UserError("What was done is empty: write whom you reached, how, and what was agreed.")
    if principal.user_id not in owners(alert):
        raise Forbidden("This alert is in other hands: tell the person on call.")
    SafetyAlert.objects.select_for_update(no_key=True).get(pk=alert.pk)
    if AlertAction.objects.filter(alert=alert, outcome__in=CLOSING).exists():
        raise Conflict("Someone closed this alert meanwhile: read what was done.")
    action = AlertAction.objects.create(
        alert=alert, outcome=outcome, what=what.strip()[:1000], at=timezone.now(), by_id=principal.user_id
    )
    events = [_about(alert.patient, "U", f"SafetyAlert/{alert.pk}", Purpose.TREATMENT, outcome)]
    audit.record(alert.patient.site_id, events, principal=principal, origin=origin)
    return action


@transaction.atomic
def put_on_call(
    principal: Principal | None,
    site: Site,
    user: User,
    begins: datetime,
    ends: datetime,
    *,
    origin: Origin | None = None,
) -> OnCall:
    """
    Put someone on the rota.

    Raises:
        Forbidden: by someone who is neither coordinator nor site admin there.
        UserError: the person holds no role there, or the end is not after the beginning.
    """
    _keeps_rota(principal, site.pk)
    if not Membership.objects.filter(user=user, site=site, role__in=STAFF, until=None).exists():
        raise UserError("This person has no role at the site: choose someone who works here.")
    if ends <= begins:
        raise UserError("ends: not after the beginning; correct the times.")
    row = OnCall.objects.create(
        site=site,
        user=user,
        begins=begins,
        ends=ends,
        entered_at=timezone.now(),
        entered_by_id=principal.user_id if principal else None,
    )
    audit.record(site.pk, [Event("setting", "C", entity=f"OnCall/{row.pk}")], principal=principal, origin=origin)
    return row


@transaction.atomic
def take_off_call(principal: Principal, row: OnCall, *, origin: Origin | None = None) -> None:
    """
    Take someone off the rota.

    Raises:
        Forbidden: by someone who is neither coordinator nor site admin there.
    """
    _keeps_rota(principal, row.site_id)
    OnCall.objects.filter(pk=row.pk, withdrawn_at=None).update(withdrawn_at=timezone.now())
    audit.record(row.site_id, [Event("setting", "D", entity=f"OnCall/{row.pk}")], principal=principal, origin=origin)


def _keeps_rota(principal: Principal | None, site_id: UUID) -> None:
    if principal and (principal.site_id != site_id or not principal.has(Role.COORDINATOR, Role.SITE_ADMIN)):
        raise Forbidden("Only a coordinator or a site admin of this site keeps the rota: ask one.")


# ---------------------------------------------------------------- formulation


@transaction.atomic
def decide_dimension(
    principal: Principal,
    patient: Patient,
    dimension: str,
    *,
    level: int | None,
    accepted: bool,
    reason: str,
    chart_version: int,
    origin: Origin | None = None,
) -> FormulationDecision:
    """
    Take the finding of a dimension as it was shown, or not.

    Args:
        level: as shown. chart_version: of the chart it was made from.

    Raises:
        Forbidden: by someone who is no clinician. UserError: no such dimension, or a rejection without a reason.
    """
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician formulates: ask one of the care team.")
    if dimension not in {row.id for row in formulation_rules().dimension}:
        raise UserError(f"dimension: {dimension[:40]!r} is not one of the formulation; reload the page.")
    if not accepted and not reason.strip():
        raise UserError("reason: empty; say why you do not take this finding.")
    row = FormulationDecision.objects.create(
        patient=patient,
        dimension=dimension,
        level=level,
        accepted=accepted,
        reason=reason.strip()[:1000],
        chart_version=chart_version,
        content_version=content_version(),
        at=timezone.now(),
        by_id=principal.user_id,
    )
    events = [_about(patient, "C", f"FormulationDecision/{row.pk}", Purpose.TREATMENT)]
    audit.record(patient.site_id, events, principal=principal, origin=origin)
    return row


# ---------------------------------------------------------------- parts of the above


def _locked(request: FormRequest) -> None:
    """Hold a form that has not ended, until the transaction does."""
    FormRequest.objects.select_for_update(no_key=True).get(pk=request.pk)
    ended = FormEvent.objects.filter(request=request, kind__in=TERMINAL).first()
    if ended:
        raise Conflict(f"This form is {ended.kind} already: nothing was changed.")


def _event(request: FormRequest, kind: str, principal: Principal | None, note: str = "", record: str = "") -> FormEvent:
    return FormEvent.objects.create(
        request=request,
        kind=kind,
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
        note=note.strip()[:500],
        record=record,
    )


def _about(patient: Patient, action: Action, entity: str, purpose: Purpose, reason: str = "") -> Event:
    return Event("patient-record", action, patient_id=patient.pk, purpose=purpose, entity=entity, reason=reason)


def _audit(
    principal: Principal | None, patient: Patient, action: Action, request: FormRequest, origin: Origin | None
) -> None:
    purpose = Purpose.ADMINISTRATION if principal else Purpose.OWN
    event = _about(patient, action, f"FormRequest/{request.pk}", purpose)
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
