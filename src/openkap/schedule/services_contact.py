"""
How a patient wants to be told, and where: asked once, kept with who said so and when. An address or number counts only
while it is verified (MSG-VERIFY): by a code that was sent to it, or by a person who read it back to the patient.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from openkap.kernel import sealing
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.post import is_address
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient
from openkap.people.types import CLINICIANS, Principal, Purpose, Role
from openkap.schedule import messages
from openkap.schedule.models_message import CODE, MAIL, NONE, READ_BACK, TEXT, Choice, Code, Contact, Message, Verified
from openkap.schedule.outgoing import Outgoing

CHANNELS = (MAIL, TEXT)
_USE = b"openkap.contact"
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
VERIFIED, STALE, UNVERIFIED = "verified", "stale", "unverified"


@dataclass(frozen=True)
class Where:
    """
    A contact as it stands.

    Args:
        state: `verified`, `stale` or `unverified`. value: None if its secret is no longer configured.
        at, how, by: of the newest verification; how is `code` or `read-back`.
    """

    row: Contact
    value: str | None
    state: str
    at: datetime | None = None
    how: str = ""
    by: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Reach:
    """
    Where a message to a patient may go now.

    Args:
        contact: None: nowhere. why: a word that says why nowhere (see `words`). zone: where the patient lives.
    """

    contact: Contact | None
    why: str
    detail: bool = False
    zone: str = ""


# -- what was chosen ---------------------------------------------------------------------------------------


@transaction.atomic
def choose(
    principal: Principal | None,
    patient: Patient,
    *,
    channel: str,
    detail: bool = False,
    zone: str = "",
    origin: Origin | None = None,
) -> Choice:
    """
    How this patient wants to be told from now on.

    Args:
        principal: the patient, or staff who asked; None is a demonstration. channel: `mail`, `text` or `none`.
        detail: a message may say what the appointment is. zone: where the patient lives; empty: as the clinic.

    Raises:
        Forbidden: by somebody else. UserError: no such channel or zone.
    """
    _may(principal, patient)
    if channel not in (*CHANNELS, NONE):
        raise UserError("channel: choose mail, text message or no messages.")
    zone = zone.strip() or patient.site.zone
    if zone not in available_timezones():
        raise UserError("zone: it is not a time zone; write one such as Europe/Vienna.")
    row = Choice.objects.create(
        patient=patient,
        channel=channel,
        detail=detail and channel != NONE,
        zone=zone,
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )
    _audit(principal, patient, "C", f"MessageChoice/{row.pk}", "detail" if row.detail else "", origin)
    return row


def choice_of(patient: Patient) -> Choice | None:
    """What was chosen last; None: nobody has asked."""
    return Choice.objects.filter(patient=patient).select_related("by").order_by("-pk").first()


# -- where -----------------------------------------------------------------------------------------------


@transaction.atomic
def set_contact(
    principal: Principal | None, patient: Patient, *, channel: str, value: str, origin: Origin | None = None
) -> Contact:
    """
    The address or number of a patient from now on; not verified, whatever the one before was.

    Raises:
        Forbidden: by somebody else. UserError: it is none; Conflict: it stands there already.
    """
    _may(principal, patient)
    value = _normal(channel, value)
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    former = Contact.objects.filter(patient=patient, channel=channel, ended_at=None).first()
    now = timezone.now()
    if former is not None:
        if opened(former) == value:
            raise Conflict("This address or number stands there already: nothing was changed.")
        Contact.objects.filter(pk=former.pk).update(ended_at=now)
    row = Contact(patient=patient, channel=channel, at=now, by_id=principal.user_id if principal else None)
    row.sealed = sealing.seal(value, settings.SECRET_KEY, use=_USE, bound=_bound(row))
    row.save(force_insert=True)
    _audit(principal, patient, "C", f"Contact/{row.pk}", "", origin)
    return row


@transaction.atomic
def end_contact(principal: Principal, patient: Patient, channel: str, *, origin: Origin | None = None) -> None:
    """
    An address or number is no longer the patient's.

    Raises:
        Forbidden: by somebody else.
    """
    _may(principal, patient)
    row = Contact.objects.filter(patient=patient, channel=channel, ended_at=None).first()
    if row is not None:
        Contact.objects.filter(pk=row.pk).update(ended_at=timezone.now())
        _audit(principal, patient, "D", f"Contact/{row.pk}", "", origin)


def opened(row: Contact) -> str | None:
    """The address or number; None if its secret is no longer configured."""
    known = [str(one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return sealing.unseal(bytes(row.sealed), known, use=_USE, bound=_bound(row))


def contacts_of(patient: Patient, now: datetime | None = None) -> dict[str, Where]:
    """The open contacts of a patient by channel, each with how far it counts."""
    found = Contact.objects.filter(patient=patient, ended_at=None).prefetch_related("verified__by")
    return {row.channel: _where(row, now or timezone.now()) for row in found}


def _where(row: Contact, now: datetime) -> Where:
    last = max(row.verified.all(), key=lambda one: one.pk, default=None)
    value = opened(row)
    if last is None:
        return Where(row, value, UNVERIFIED)
    until = last.at + timedelta(days=messages.number("MSG-VERIFY", "days"))
    state = VERIFIED if now < until else STALE
    return Where(row, value, state, last.at, last.how, last.by.name if last.by else "", until)


# -- verified --------------------------------------------------------------------------------------------


@transaction.atomic
def read_back(
    principal: Principal | None, patient: Patient, channel: str, contact: UUID, *, origin: Origin | None = None
) -> Verified:
    """
    A person read the address or number back to the patient, who said that it is right.

    Args:
        contact: the one that was read.

    Raises:
        Forbidden: by somebody who is no staff of the clinic. Conflict: it was changed meanwhile.
    """
    if principal is not None and not _is_staff(principal, patient):
        raise Forbidden("A person of the clinic reads it back: ask for a code, or call the clinic.")
    return _verify(principal, _open_contact(patient, channel, contact), READ_BACK, origin)


@transaction.atomic
def ask_code(
    principal: Principal, patient: Patient, channel: str, outgoing: Outgoing, *, origin: Origin | None = None
) -> Message:
    """
    Send a code to an address or number.

    Raises:
        Forbidden: by somebody else. UserError: there is none, nothing leaves the site that way, or too many were sent.
    """
    _may(principal, patient)
    row = Contact.objects.filter(patient=patient, channel=channel, ended_at=None).select_for_update().first()
    if row is None:
        raise UserError("There is no address or number of this kind: enter it first.")
    if not outgoing.has(channel):
        raise UserError("Nothing is sent that way here: have it read back by a person.")
    now = timezone.now()
    lately = Message.objects.filter(patient=patient, kind=CODE, made_at__gt=now - timedelta(hours=24)).count()
    if lately >= messages.number("MSG-VERIFY", "codes"):
        raise UserError("Too many codes were sent within a day: have it read back by a person, or try tomorrow.")
    Message.objects.filter(contact=row, kind=CODE, state="waiting").update(state="recalled", next_at=None, ended_at=now)
    made = Message.objects.create(
        site_id=patient.site_id,
        patient=patient,
        contact=row,
        kind=CODE,
        text=messages.code(messages.number("MSG-VERIFY", "code_min")),
        made_at=now,
        next_at=now,
    )
    _audit(principal, patient, "C", f"Message/{made.pk}", "code", origin)
    return made


def new_code(contact: Contact, now: datetime) -> str:
    """A code for one message that is about to be sent. It is kept as its hash; earlier ones end."""
    Code.objects.filter(contact=contact, used_at=None, ends_at__gt=now).update(ends_at=now)
    said = f"{secrets.randbelow(10**6):06}"
    ends = now + timedelta(minutes=messages.number("MSG-VERIFY", "code_min"))
    Code.objects.create(contact=contact, digest=_digest(contact, said), ends_at=ends)
    return said


def prove(principal: Principal, patient: Patient, channel: str, said: str, *, origin: Origin | None = None) -> Verified:
    """
    Somebody gives back the code that came; a wrong one counts as a try.

    Raises:
        Forbidden: by somebody else. UserError: it is not the code, it is too old, or it was tried too often.
    """
    _may(principal, patient)
    with transaction.atomic():
        now = timezone.now()
        contact = Contact.objects.filter(patient=patient, channel=channel, ended_at=None).first()
        most = messages.number("MSG-VERIFY", "code_tries")
        code = (
            Code.objects.select_for_update()
            .filter(contact=contact, used_at=None, ends_at__gt=now, tries__lt=most)
            .order_by("-pk")
            .first()
            if contact
            else None
        )
        if code is not None and contact is not None:
            Code.objects.filter(pk=code.pk).update(tries=F("tries") + 1)
            if constant_time_compare(code.digest, _digest(contact, "".join(said.split()))):
                Code.objects.filter(pk=code.pk).update(used_at=now)
                return _verify(principal, contact, CODE, origin)
    raise UserError("This is not the code that was sent last, or it is too old: look again, or ask for another.")


def _verify(principal: Principal | None, contact: Contact, how: str, origin: Origin | None) -> Verified:
    row = Verified.objects.create(
        contact=contact, how=how, at=timezone.now(), by_id=principal.user_id if principal else None
    )
    _audit(principal, contact.patient, "U", f"Contact/{contact.pk}", f"verified by {how}", origin)
    return row


def _open_contact(patient: Patient, channel: str, contact: UUID) -> Contact:
    row = Contact.objects.filter(patient=patient, channel=channel, ended_at=None, pk=contact).first()
    if row is None:
        raise Conflict("The address or number was changed meanwhile: read the new one back.")
    return row


# -- where a message may go ------------------------------------------------------------------------------


def reach(patients: Iterable[Patient], outgoing: Outgoing, now: datetime) -> dict[UUID, Reach]:
    """Where a message to each of these patients may go now, or why nowhere; in a few queries for all."""
    wanted = {one.pk: one for one in patients}
    chosen = {row.patient_id: row for row in Choice.objects.filter(patient__in=wanted).order_by("pk")}
    open_: dict[tuple[UUID, str], Where] = {}
    for row in Contact.objects.filter(patient__in=wanted, ended_at=None).prefetch_related("verified__by"):
        open_[row.patient_id, row.channel] = _where(row, now)
    return {pk: _reach(chosen.get(pk), open_, outgoing, pk, one.site.zone) for pk, one in wanted.items()}


def _reach(
    choice: Choice | None, open_: dict[tuple[UUID, str], Where], outgoing: Outgoing, pk: UUID, zone: str
) -> Reach:
    if not outgoing.on:
        return Reach(None, "off", zone=zone)
    if choice is None:
        return Reach(None, "not-asked", zone=zone)
    if choice.channel == NONE:
        return Reach(None, "none", zone=choice.zone)
    if not outgoing.has(choice.channel):
        return Reach(None, "no-way", zone=choice.zone)
    where = open_.get((pk, choice.channel))
    if where is None:
        return Reach(None, "no-contact", zone=choice.zone)
    if where.state != VERIFIED:
        return Reach(None, where.state, zone=choice.zone)
    if where.value is None:
        return Reach(None, "unreadable", zone=choice.zone)
    return Reach(where.row, "", choice.detail, choice.zone)


# -- parts of the above ----------------------------------------------------------------------------------


def _is_staff(principal: Principal, patient: Patient) -> bool:
    return principal.site_id == patient.site_id and principal.has(Role.COORDINATOR, *CLINICIANS)


def _may(principal: Principal | None, patient: Patient) -> None:
    if principal is None or _is_staff(principal, patient):
        return
    if principal.has(Role.PATIENT) and principal.user_id == patient.account_id:
        return
    raise Forbidden("Only the patient, a coordinator or a clinician says how the patient is told.")


def _normal(channel: str, value: str) -> str:
    if channel == MAIL:
        address = value.strip()
        if not is_address(address) or not address.isascii():
            raise UserError("The mail address is not one: write it as name@example.org, one address alone.")
        return address
    if channel == TEXT:
        number = re.sub(r"[\s()/.\-]", "", value)
        if not _NUMBER.fullmatch(number):
            raise UserError("The telephone number is not one: write it with its country, such as +43 660 1234567.")
        return number
    raise UserError("channel: choose mail or text message.")


def _bound(row: Contact) -> bytes:
    return row.patient_id.bytes + row.pk.bytes + row.channel.encode()


def _digest(contact: Contact, said: str) -> str:
    return salted_hmac("openkap.contact-code", f"{contact.pk}:{said}", algorithm="sha256").hexdigest()


def _audit(
    principal: Principal | None,
    patient: Patient,
    action: audit.Action,
    entity: str,
    reason: str,
    origin: Origin | None,
) -> None:
    own = principal is not None and principal.user_id == patient.account_id
    purpose = Purpose.OWN if own else Purpose.ADMINISTRATION
    event = Event("contact", action, patient_id=patient.pk, purpose=purpose, entity=entity, reason=reason)
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
