"""
The only writers of this room. Each is one transaction that also holds its audit event.

A first argument `principal` is who does it; None is the first run of a site, or its demonstration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit, names
from openkap.people.audit import Event, Origin
from openkap.people.models import (
    CareTeam,
    Membership,
    Patient,
    PatientIdentifier,
    PatientVersion,
    Site,
    User,
)
from openkap.people.types import CLINICIANS, Principal, Purpose, Role

EARLIEST_BIRTH = date(1900, 1, 1)
_LONGEST_NAME, _LONGEST_IDENTIFIER = 200, 255
_LONGEST_PRONOUNS = 60


def open_site(name: str, zone: str = "UTC") -> Site:
    """Make a site."""
    return Site.objects.create(name=name, zone=zone)


# ---------------------------------------------------------------- accounts and roles


@transaction.atomic
def create_user(
    principal: Principal | None,
    site: Site | UUID,
    *,
    email: str,
    name: str,
    password: str | None = None,
    synthetic: bool = False,
    origin: Origin | None = None,
) -> User:
    """
    Make an account without any role.

    Args:
        password: None makes an account that is entered first by an invitation.

    Raises:
        UserError: address or password is not fit, or the address has an account.
    """
    site_id = _site_id(principal, site)
    email, name = email.strip().lower(), name.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise UserError("The e-mail address is not one: write it as name@clinic.example.") from None
    if not name:
        raise UserError("The name is empty: write it as it should stand under a signature.")
    user = User(email=email, name=name, synthetic=synthetic)
    if password is None:
        user.set_unusable_password()
    else:
        try:
            validate_password(password, user)
        except ValidationError as fault:
            raise UserError(f"The password cannot be used: {' '.join(fault.messages)}") from None
        user.set_password(password)
    if User.objects.filter(email=email).exists():
        raise UserError("This e-mail address has an account already: use that one, or another address.")
    user.save()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)  # where allauth looks
    audit.record(site_id, [Event("account", "C", entity=f"User/{user.pk}")], principal=principal, origin=origin)
    return user


@transaction.atomic
def grant_role(
    principal: Principal | None, user: User, site: Site | UUID, role: Role, *, origin: Origin | None = None
) -> Membership:
    """
    Give a user a role at a site; the user's sessions end.

    Raises:
        Forbidden: by someone who is not site admin there, or to oneself.
        UserError: the role is held already.
    """
    site_id = _administers(principal, user, site)
    if Membership.objects.filter(user=user, site_id=site_id, role=role, until=None).exists():
        raise UserError(f"This person is {role} here already: nothing was changed.")
    row = Membership.objects.create(
        user=user,
        site_id=site_id,
        role=role,
        since=timezone.now(),
        granted_by_id=principal.user_id if principal else None,
    )
    _end_sessions(user)
    _privilege("C", user, site_id, f"role {role}", principal, origin)
    return row


@transaction.atomic
def withdraw_role(
    principal: Principal | None, user: User, site: Site | UUID, role: Role, *, origin: Origin | None = None
) -> None:
    """
    Take a role away; sessions end, and with the last clinical role the care-team assignments too.

    Raises:
        Forbidden: by someone who is not site admin there, or from oneself.
        UserError: the role is not held.
    """
    site_id = _administers(principal, user, site)
    now = timezone.now()
    if not Membership.objects.filter(user=user, site_id=site_id, role=role, until=None).update(until=now):
        raise UserError(f"This person is not {role} here: nothing was changed.")
    kept = set(Membership.objects.filter(user=user, site_id=site_id, until=None).values_list("role", flat=True))
    if not kept & CLINICIANS:
        CareTeam.objects.filter(user=user, patient__site=site_id, until=None).update(until=now)
    _end_sessions(user)
    _privilege("D", user, site_id, f"role {role}", principal, origin)


# ---------------------------------------------------------------- care team


@transaction.atomic
def assign_care_team(
    principal: Principal | None, patient: Patient, user: User, *, origin: Origin | None = None
) -> CareTeam:
    """
    Put a clinician on the care team of a patient.

    Raises:
        Forbidden: by someone who is not coordinator at the patient's site.
        UserError: the user is no clinician there, or assigned already.
    """
    _coordinates(principal, patient)
    held = Membership.objects.filter(user=user, site=patient.site_id, until=None).values_list("role", flat=True)
    if not set(held) & CLINICIANS:
        raise UserError("This person is no clinician at the patient's site: choose a prescriber, nurse or therapist.")
    if CareTeam.objects.filter(patient=patient, user=user, until=None).exists():
        raise UserError("This person is on the care team already: nothing was changed.")
    row = CareTeam.objects.create(patient=patient, user=user, since=timezone.now())
    event = Event("care-team", "C", patient_id=patient.pk, purpose=Purpose.ADMINISTRATION, entity=f"User/{user.pk}")
    audit.record(patient.site_id, [event], principal=principal, origin=origin)
    return row


@transaction.atomic
def end_assignment(
    principal: Principal | None, patient: Patient, user: User, *, reason: str, origin: Origin | None = None
) -> None:
    """
    End an assignment: from now on the patient's record does not exist for this user.

    Raises:
        Forbidden: by someone who is not coordinator at the patient's site.
        UserError: there is no such assignment.
    """
    _coordinates(principal, patient)
    if not CareTeam.objects.filter(patient=patient, user=user, until=None).update(until=timezone.now()):
        raise UserError("This person is not on the care team: nothing was changed.")
    event = Event(
        "care-team",
        "D",
        patient_id=patient.pk,
        purpose=Purpose.ADMINISTRATION,
        entity=f"User/{user.pk}",
        reason=reason,
    )
    audit.record(patient.site_id, [event], principal=principal, origin=origin)


# ---------------------------------------------------------------- patients


@dataclass(frozen=True)
class Identity:
    """
    Who a patient is.

    Args:
        birth_sex: female, male or unknown.
        identifiers: (system, value) pairs of other systems.
        pronouns: as the person says, such as she/her; empty: not asked.
    """

    family: str
    given: str
    birth_date: date
    birth_sex: str = "unknown"
    identifiers: tuple[tuple[str, str], ...] = field(default=())
    pronouns: str = ""


@transaction.atomic
def register_patient(
    principal: Principal | None,
    site: Site | UUID,
    identity: Identity,
    *,
    reason: str = "registered",
    account: User | None = None,
    synthetic: bool = False,
    origin: Origin | None = None,
) -> Patient:
    """
    Make a patient with the next record number of the site.

    Raises:
        Forbidden: by someone who is neither coordinator nor clinician there.
        UserError: a field is wrong. Conflict: an identifier belongs to another patient.
    """
    site_id = _site_id(principal, site)
    if principal and not principal.has(Role.COORDINATOR, *CLINICIANS):
        raise Forbidden("Only a coordinator or a clinician registers patients: ask one of them.")
    _check(identity)
    Site.objects.select_for_update(no_key=True).get(pk=site_id)  # one record number at a time
    record_number = f"{Patient.objects.filter(site_id=site_id).count() + 1:06d}"
    patient = Patient.objects.create(
        id=uuid4(),
        site_id=site_id,
        record_number=record_number,
        family=identity.family.strip(),
        given=identity.given.strip(),
        birth_date=identity.birth_date,
        birth_sex=identity.birth_sex,
        pronouns=identity.pronouns.strip() or None,
        account=account,
        synthetic=synthetic,
        **_findable(identity, record_number),
    )
    _identify(patient, identity.identifiers)
    _remember(patient, identity, principal, reason)
    _patient_event("C", patient, principal, reason, origin)
    return patient


@transaction.atomic
def amend_patient(
    principal: Principal,
    patient: Patient,
    identity: Identity,
    *,
    expected_version: int,
    reason: str,
    origin: Origin | None = None,
) -> Patient:
    """
    Correct who a patient is. The earlier version stays readable.

    Args:
        patient: from `visible_patients`.
        expected_version: the version that the person saw.

    Raises:
        Conflict: someone else amended meanwhile, or an identifier belongs to another patient.
        UserError: a field is wrong, or no reason is given.
    """
    _check(identity)
    if not reason.strip():
        raise UserError("The reason is empty: say why the identity is corrected.")
    changed = Patient.objects.filter(pk=patient.pk, site=principal.site_id, version=expected_version).update(
        version=F("version") + 1,
        family=identity.family.strip(),
        given=identity.given.strip(),
        birth_date=identity.birth_date,
        birth_sex=identity.birth_sex,
        pronouns=identity.pronouns.strip() or None,
        **_findable(identity, patient.record_number),
    )
    if not changed:
        raise Conflict("Someone else changed this patient meanwhile: look at the new version, then correct again.")
    patient.refresh_from_db()
    wanted = set(identity.identifiers)
    for row in list(patient.identifiers.all()):
        if (row.system, row.value) not in wanted:
            row.delete()
    _identify(patient, wanted - set(patient.identifiers.values_list("system", "value")))
    _remember(patient, identity, principal, reason)
    _patient_event("U", patient, principal, reason, origin)
    return patient


# ---------------------------------------------------------------- parts of the above


def _site_id(principal: Principal | None, site: Site | UUID) -> UUID:
    site_id = site if isinstance(site, UUID) else site.pk
    if principal and principal.site_id != site_id:
        raise Forbidden("This belongs to another site: sign in there.")
    return site_id


def _administers(principal: Principal | None, user: User, site: Site | UUID) -> UUID:
    site_id = _site_id(principal, site)
    if principal and not principal.has(Role.SITE_ADMIN):
        raise Forbidden("Only a site admin changes roles: ask one.")
    if principal and principal.user_id == user.pk:
        raise Forbidden("Nobody changes the own roles: ask another site admin.")
    return site_id


def _coordinates(principal: Principal | None, patient: Patient) -> None:
    _site_id(principal, patient.site_id)
    if principal and not principal.has(Role.COORDINATOR):
        raise Forbidden("Only a coordinator changes the care team: ask one.")


def _end_sessions(user: User) -> None:
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])


def _privilege(
    action: audit.Action, user: User, site_id: UUID, what: str, principal: Principal | None, origin: Origin | None
) -> None:
    event = Event("privilege", action, entity=f"User/{user.pk}", reason=what)
    audit.record(site_id, [event], principal=principal, origin=origin)


def _patient_event(
    action: audit.Action, patient: Patient, principal: Principal | None, reason: str, origin: Origin | None
) -> None:
    event = Event(
        "patient-record",
        action,
        patient_id=patient.pk,
        purpose=Purpose.ADMINISTRATION,
        entity=f"Patient/{patient.pk}",
        entity_version=patient.version,
        reason=reason,
    )
    audit.record(patient.site_id, [event], principal=principal, origin=origin)


def _check(identity: Identity) -> None:
    if not identity.family.strip() and not identity.given.strip():
        raise UserError("The name is empty: give a family name, a given name, or both.")
    today = timezone.localdate()
    if not EARLIEST_BIRTH <= identity.birth_date <= today:
        raise UserError(f"The birth date is not between {EARLIEST_BIRTH} and today: correct it.")
    if identity.birth_sex not in ("female", "male", "unknown"):
        raise UserError("The birth sex is none of female, male and unknown: choose one.")
    for words, text, longest in (
        ("family name", identity.family, _LONGEST_NAME),
        ("given name", identity.given, _LONGEST_NAME),
        ("pronouns", identity.pronouns, _LONGEST_PRONOUNS),
        *(("identifier", part, _LONGEST_IDENTIFIER) for pair in identity.identifiers for part in pair),
    ):
        if len(text.strip()) > longest:
            raise UserError(f"The {words} is longer than {longest} letters: shorten it.")
        if not names.is_writable(text):
            raise UserError(f"The {words} holds a character that cannot be seen: type it anew.")
    if any(not system.strip() or not value.strip() for system, value in identity.identifiers):
        raise UserError("An identifier has no system or no value: give both, or leave it out.")


def _findable(identity: Identity, record_number: str) -> dict[str, str]:
    family, given = identity.family.strip(), identity.given.strip()
    return {
        "folded": names.folded(family, given, record_number, identity.birth_date),
        "like_key": names.like_key(family, given),
    }


def _identify(patient: Patient, identifiers: Iterable[tuple[str, str]]) -> None:
    try:
        with transaction.atomic():
            for system, value in identifiers:
                PatientIdentifier.objects.create(patient=patient, site_id=patient.site_id, system=system, value=value)
    except IntegrityError:
        raise Conflict("An identifier belongs to another patient of this site: open that record and compare.") from None


def _remember(patient: Patient, identity: Identity, principal: Principal | None, reason: str) -> None:
    shown: dict[str, Any] = {
        "family": patient.family,
        "given": patient.given,
        "birth_date": identity.birth_date.isoformat(),
        "birth_sex": identity.birth_sex,
        "pronouns": identity.pronouns.strip(),
        "identifiers": [list(pair) for pair in identity.identifiers],
    }
    PatientVersion.objects.create(
        patient=patient,
        version=patient.version,
        identity=shown,
        known_at=timezone.now(),
        known_by_id=principal.user_id if principal else None,
        reason=reason,
    )
