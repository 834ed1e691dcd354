"""
The door for devices (HAZ-05): shut unless the site opens it and says why. What comes through it is offered to the nurse
at the chair and is filed by nobody but her; what belongs to no session stays in quarantine for good (ADR 0018).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import live, services
from openkap.dose import observation as sent
from openkap.dose.floor import staff_of
from openkap.dose.library import measure, shipped
from openkap.dose.models import DosingSession
from openkap.dose.models_device import Device, DeviceBinding, DeviceValue, FeedSwitch
from openkap.dose.needs import right_person
from openkap.dose.protocol import Measure
from openkap.dose.session import Session
from openkap.dose.store import load as session_of
from openkap.dose.types import Phase, Staff, Stamp
from openkap.kernel.content import Header, load
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.kernel.quantity import Quantity
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Patient, Site
from openkap.people.types import CLINICIANS, Principal, Purpose, Role

SHORTEST_REASON = 20
SHOWN = 200  # values of the quarantine on one page
OFF = "The door for devices is shut at this site."


class _Silence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    drop_s: int


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old_s: int
    ahead_s: int


class DeviceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`content/device.toml`."""

    content: Header
    silence: _Silence
    value: _Value


@cache
def policy() -> DeviceFile:
    """Times as shipped."""
    return load("dose", "device.toml", DeviceFile)


@dataclass(frozen=True, slots=True)
class Received:
    """What came of an Observation: whose it is (None: quarantine), and whether it was known already."""

    session: UUID | None
    repeated: bool


# -- the switch and the devices ---------------------------------------------------------------------------


def is_on(site_id: UUID) -> bool:
    """True if the site has opened the door."""
    row = FeedSwitch.objects.filter(site=site_id).order_by("-pk").first()
    return row is not None and row.on


@transaction.atomic
def switch(principal: Principal, on: bool, reason: str, *, origin: Origin | None = None) -> FeedSwitch:
    """
    Open or shut the door; the reason says by which opinion. Shutting it ends every binding.

    Raises:
        Forbidden: by someone who is no site admin. UserError: no reason.
    """
    _admin(principal)
    if len(reason.strip()) < SHORTEST_REASON:
        raise UserError("The reason is too short: say why, and which regulatory opinion is on file.")
    Site.objects.select_for_update(no_key=True).get(pk=principal.site_id)
    row = FeedSwitch.objects.create(
        site_id=principal.site_id,
        on=on,
        reason=reason.strip()[:500],
        by_id=principal.user_id,
        name=principal.name,
        at=timezone.now(),
    )
    if not on:
        for binding in _open(principal.site_id):
            _end(binding, "the door was shut")
    _audit(principal, "FeedSwitch", row.pk, "U", f"{'on' if on else 'off'}: {reason.strip()}", origin)
    return row


@transaction.atomic
def add_device(principal: Principal, name: str, *, origin: Origin | None = None) -> tuple[Device, str]:
    """
    A device that may send.

    Returns:
        The row, and its token, which is kept nowhere else.

    Raises:
        Forbidden: by someone who is no site admin. UserError: no name, or it is taken.
    """
    _admin(principal)
    if not name.strip():
        raise UserError("name: the device has no name; write the one on its label.")
    if Device.objects.filter(site=principal.site_id, name=name.strip()[:60], revoked_at=None).exists():
        raise UserError(f"name: there is a device {name.strip()} already; choose another name.")
    token = secrets.token_urlsafe(32)
    row = Device.objects.create(
        site_id=principal.site_id,
        name=name.strip()[:60],
        digest=_digest(token.encode()),
        made_by_id=principal.user_id,
        made_at=timezone.now(),
    )
    _audit(principal, "Device", row.pk, "C", row.name, origin)
    return row, token


@transaction.atomic
def revoke_device(principal: Principal, device_id: UUID, *, origin: Origin | None = None) -> None:
    """Its token opens nothing any more. Raises Forbidden: by someone who is no site admin. UserError: there is none."""
    _admin(principal)
    row = Device.objects.filter(pk=device_id, site=principal.site_id, revoked_at=None).first()
    if row is None:
        raise UserError("This device was revoked already: nothing was changed.")
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    for binding in _open(principal.site_id).filter(device=row):
        _end(binding, "the device was revoked")
    _audit(principal, "Device", row.pk, "D", row.name, origin)


def devices(site_id: UUID) -> QuerySet[Device]:
    """Those that may send."""
    return Device.objects.filter(site=site_id, revoked_at=None).select_related("made_by").order_by("name")


# -- whose it is ------------------------------------------------------------------------------------------


@transaction.atomic
def bind(
    principal: Principal,
    row: DosingSession,
    device: Device,
    *,
    name: str,
    born: date | None,
    origin: Origin | None = None,
) -> DeviceBinding:
    """
    From now on the device is at the chair of this session, whose patient was asked for both identifiers there.

    Raises:
        Forbidden: by somebody who is no clinician. UserError: the door is shut, it is another site's device, or name or
        birth date are not the patient's. Conflict: the patient is not in the house, or sits in no chair.
    """
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician at the chair says whose a device is: ask one.")
    if not is_on(row.site_id):
        raise UserError(OFF)
    if device.site_id != row.site_id or device.revoked_at is not None:
        raise UserError("device: this device is not in use here; choose another one.")
    held = DosingSession.objects.select_for_update(no_key=True).get(pk=row.pk)
    if held.phase == Phase.BOOKED.value or held.ended_at is not None or held.chair_id is None:
        raise Conflict("The patient does not sit in a chair of this session: no device is bound to it.")
    asked = e.ConfirmPerson(
        key="", patient=str(row.patient_id), by=staff_of(principal), name=name, born=born or date.min
    )
    if (why := right_person(session_of(held), asked, None)) is not None:
        raise UserError(why.text)
    Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    now = timezone.now()
    for before in DeviceBinding.objects.filter(device=device, ended_at=None):
        _end(before, "bound to another chair")
    made = DeviceBinding.objects.create(
        device=device, session=held, chair_id=held.chair_id, by_id=principal.user_id, at=now, heard_at=now
    )
    _audit(principal, "DeviceBinding", made.pk, "C", f"{device.name} to DosingSession/{row.pk}", origin, row.patient)
    live.wake(row.site_id, row.pk, held.sequence)
    return made


@transaction.atomic
def unbind(principal: Principal, binding: DeviceBinding, *, origin: Origin | None = None) -> None:
    """The device belongs to nobody any more. Raises Forbidden: by somebody who is no clinician."""
    if not principal.has(*CLINICIANS):
        raise Forbidden("Only a clinician at the chair says whose a device is: ask one.")
    _end(binding, "taken off")
    _audit(principal, "DeviceBinding", binding.pk, "D", "taken off", origin, binding.session.patient)


def why_over(binding: DeviceBinding, now: datetime) -> str:
    """Why a binding does not hold any more; empty while it does."""
    session = binding.session
    if session.ended_at is not None:
        return "the session is over"
    if session.chair_id != binding.chair_id:
        return "the patient sits in another chair"
    if now - binding.heard_at > timedelta(seconds=policy().silence.drop_s):
        return "the device was silent too long"
    return ""


def bound(row: DosingSession, now: datetime | None = None) -> list[DeviceBinding]:
    """The devices at the chair of a session that still are its."""
    found = DeviceBinding.objects.filter(session=row, ended_at=None).select_related("device", "session")
    return [one for one in found if not why_over(one, now or timezone.now())]


def _open(site_id: UUID) -> QuerySet[DeviceBinding]:
    return DeviceBinding.objects.filter(device__site=site_id, ended_at=None)


def _end(binding: DeviceBinding, how: str) -> None:
    DeviceBinding.objects.filter(pk=binding.pk, ended_at=None).update(ended_at=timezone.now(), ended_how=how)


# -- what it sends ----------------------------------------------------------------------------------------


def device_of(token: str) -> Device | None:
    """The device whose token this is, where its site has opened the door."""
    found = Device.objects.filter(digest=_digest(token.encode()), revoked_at=None).select_related("site").first()
    return found if found is not None and is_on(found.site_id) else None


@transaction.atomic
def receive(device: Device, document: Any, *, origin: Origin | None = None) -> Received:
    """
    Keep an Observation: as proposals at the chair whose it is, or in quarantine. It files nothing.

    Raises:
        UserError: it is none that is taken. Conflict: another one came with its identifier.
    """
    said = sent.read(document, _measures(), _names())
    digest = _digest(json.dumps(document, sort_keys=True, default=str).encode())
    Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    known = DeviceValue.objects.filter(device=device, identifier=said.identifier).select_related("binding").first()
    if known is not None:
        if known.digest != digest:
            raise Conflict("identifier: another Observation came with it before; each has its own.")
        return Received(known.binding.session_id if known.binding else None, True)
    now = timezone.now()
    binding, why = _whose(device, now)
    if binding is not None and (wrong := _another(said.subject, binding) or _untimely(said.at, now)):
        binding, why = None, wrong
    for place, (name, quantity) in enumerate(said.values):
        DeviceValue.objects.create(
            site_id=device.site_id,
            device=device,
            identifier=said.identifier,
            place=place,
            digest=digest,
            measure=name,
            value=quantity.value,
            unit=quantity.unit,
            measured_at=said.at,
            at=now,
            binding=binding,
            why=why,
        )
    what = f"to DosingSession/{binding.session_id}" if binding else f"quarantine: {why}"
    event = Event(
        "device",
        "C",
        patient_id=binding.session.patient_id if binding else None,
        purpose=Purpose.TREATMENT,
        entity=f"Device/{device.pk}",
        reason=what,
    )
    audit.record(device.site_id, [event], origin=origin)
    if binding is not None:
        live.wake(device.site_id, binding.session_id, binding.session.sequence)
    return Received(binding.session_id if binding else None, False)


def _whose(device: Device, now: datetime) -> tuple[DeviceBinding | None, str]:
    """The binding that holds now; one that does not is ended in the same breath, and only a person makes another."""
    rows = DeviceBinding.objects.select_for_update(of=("self",), no_key=True).select_related("session")
    found = rows.filter(device=device, ended_at=None).first()
    if found is None:
        return None, "bound to no session"
    if why := why_over(found, now):
        _end(found, why)
        return None, why
    found.heard_at = now
    found.save(update_fields=["heard_at"])
    return found, ""


def _another(subject: str, binding: DeviceBinding) -> str:
    """A monitor with somebody else's admission still in it: what it says of whose it is counts against the binding."""
    if subject in ("", f"Patient/{binding.session.patient_id}"):
        return ""
    return "it does not say whose it is so that it can be compared" if subject == "?" else "it names another patient"


def _untimely(at: datetime, now: datetime) -> str:
    times = policy().value
    if at - now > timedelta(seconds=times.ahead_s):
        return "its time is ahead of the server's clock"
    if now - at > timedelta(seconds=times.old_s):
        return "it was measured too long ago"
    return ""


# -- what the nurse does with it ---------------------------------------------------------------------------


def proposals(row: DosingSession, now: datetime | None = None) -> list[DeviceValue]:
    """The newest value of each measure that waits at a chair; none that is old, and none of a binding that is over."""
    now = now or timezone.now()
    since = now - timedelta(seconds=policy().value.old_s)
    holds = [one.pk for one in bound(row, now)]
    if not holds:
        return []
    found = DeviceValue.objects.filter(binding__in=holds, filed_by=None, at__gte=since).select_related("device")
    newest = {one.measure: one for one in found.order_by("at", "place")}
    later = DeviceValue.objects.filter(binding__session=row, at__gte=since).exclude(filed_by=None)
    for one in later:  # filed meanwhile: what came before it is no value of now
        if one.measure in newest and newest[one.measure].at <= one.at:
            del newest[one.measure]
    return list(newest.values())


@transaction.atomic
def file_value(
    principal: Principal, row: DosingSession, value_id: UUID, *, key: str, origin: Origin | None = None
) -> services.Acted:
    """
    The nurse takes over a value of the device: it is a reading of hers, marked with the device it came from.

    Raises:
        UserError: it is no proposal of this session any more.
    """
    value = DeviceValue.objects.select_for_update(of=("self",), no_key=True).filter(pk=value_id).first()
    if value is None or value.binding_id is None or (value.filed_by_id is not None and value.event != key):
        raise UserError("This value of the device waits no more: take a reading.")
    if value.filed_by_id is None and value.pk not in {one.pk for one in proposals(row)}:
        raise UserError("This value of the device waits no more: take a reading.")
    now, device = timezone.now(), Device.objects.get(pk=value.device_id).name

    def made(by: Staff, session: Session, at: Stamp) -> e.Event:
        first = next((x.event for x in session.log if x.event.key == key), None)
        if isinstance(first, e.Read):
            return first
        taken = max(0, at.elapsed_s - int((now - value.at).total_seconds()))
        quantity = Quantity(value.number, value.unit)
        return e.Read(
            key=key,
            patient=session.patient,
            by=by,
            measure=value.measure,
            quantity=quantity,
            taken_s=taken,
            device=device,
        )

    acted = services.act(principal, row, made, origin=origin)
    if acted.refused is None:
        DeviceValue.objects.filter(pk=value.pk).update(filed_by=principal.user_id, filed_at=now, event=key)
    return acted


def quarantine(site_id: UUID) -> Sequence[DeviceValue]:
    """What belonged to nobody, the newest first."""
    found = DeviceValue.objects.filter(site=site_id, binding=None).select_related("device").order_by("-at", "place")
    return list(found[:SHOWN])


# -- parts -------------------------------------------------------------------------------------------------


@cache
def _measures() -> dict[str, Measure]:
    return {row.name: measure(row) for row in shipped().readings.measure if row.check == "vitals"}


@cache
def _names() -> dict[str, str]:
    return {row.fact: row.name for row in shipped().readings.measure if row.check == "vitals" and row.fact}


def _admin(principal: Principal) -> None:
    if not principal.has(Role.SITE_ADMIN):
        raise Forbidden("Only a site admin keeps the door for devices: ask one.")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _audit(
    principal: Principal,
    kind: str,
    pk: Any,
    action: audit.Action,
    reason: str,
    origin: Origin | None,
    patient: Patient | None = None,
) -> None:
    event = Event(
        "setting" if patient is None else "device",
        action,
        patient_id=patient.pk if patient else None,
        entity=f"{kind}/{pk}",
        reason=reason[:500],
    )
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
