"""What may be read. Every query about patients starts from `visible_patients`; ids in a request only narrow it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import CharField, DateTimeField, F, Field, Q, QuerySet, UUIDField
from django.http import Http404
from django.utils import timezone

from openkap.people import names
from openkap.people.models import CareTeam, EmergencyAccess, Membership, Patient, Site, SiteContact, User
from openkap.people.policy import reaches
from openkap.people.prepared import Prepared
from openkap.people.types import Principal, Purpose, Relation, Role


def visible_patients(
    principal: Principal,
    purpose: Purpose,
    roles: frozenset[Role] | None = None,
    *,
    emergency: bool = True,
    now: datetime | None = None,
) -> QuerySet[Patient]:
    """
    The patients that this principal may see for this purpose; none by default.

    Args:
        roles: count only these of the principal's roles; None counts all.
        emergency: count patients whose record the principal opened in an emergency.
        now: None takes the clock.
    """
    return _reached(principal, reaches(principal, purpose, roles), emergency, now)


def _reached(
    principal: Principal, relations: frozenset[Relation], emergency: bool, now: datetime | None
) -> QuerySet[Patient]:
    if Relation.SITE in relations:
        return Patient.objects.filter(site_id=principal.site_id)
    near = Q(pk__in=())
    if Relation.ASSIGNED in relations:
        near |= Q(pk__in=CareTeam.objects.filter(user=principal.user_id, until=None).values("patient"))
    if emergency and Relation.EMERGENCY in relations:
        near |= Q(pk__in=open_emergencies(principal, now).values("patient"))
    if Relation.SELF in relations:
        near |= Q(account=principal.user_id)
    return Patient.objects.filter(near, site_id=principal.site_id)


def visible_patient(
    principal: Principal,
    patient_id: UUID,
    purpose: Purpose,
    roles: frozenset[Role] | None = None,
    *,
    emergency: bool = True,
) -> Patient | None:
    """The patient, if it is one of `visible_patients`."""
    found = _one_of(reaches(principal, purpose, roles), emergency)
    return found.first(user=principal.user_id, site=principal.site_id, now=timezone.now(), patient=patient_id)


def visible_ids(principal: Principal, purpose: Purpose) -> list[UUID]:
    """Ids of `visible_patients`."""
    found = _ids(reaches(principal, purpose))
    rows = found.rows(user=principal.user_id, site=principal.site_id, now=timezone.now())
    return [row.pk for row in rows]


def patient_or_404(
    principal: Principal, patient_id: UUID, purpose: Purpose, roles: frozenset[Role] | None = None
) -> Patient:
    """
    The patient, if the principal may see it.

    Raises:
        Http404: there is none, or it is not visible; the two look alike.
    """
    found = visible_patient(principal, patient_id, purpose, roles)
    if found is None:
        raise Http404
    return found


def principal_of(user: User, site_id: UUID | None = None) -> Principal | None:
    """
    The user with the roles held now at a site.

    Args:
        site_id: None takes the site where the user has been longest.

    Returns:
        None if the user holds no role there.
    """
    rows: list[Any] = _HELD.rows(user=user.pk)  # each with the zone of its site
    held = [(row.site_id, row.role, row.zone) for row in rows]
    if site_id is None and held:
        site_id = held[0][0]
    roles = frozenset(Role(role) for site, role, _zone in held if site == site_id)
    if not roles or site_id is None:
        return None
    zone = next(zone for site, _role, zone in held if site == site_id)
    return Principal(user.pk, site_id, roles, user.name, zone)


def care_team(principal: Principal, patient: Patient) -> QuerySet[CareTeam]:
    """Who cares for a patient now, who came first first; the patient must come from `visible_patients`."""
    found = CareTeam.objects.filter(patient=patient, patient__site=principal.site_id, until=None)
    return found.select_related("user").order_by("since", "pk")


def contact_of(site: Site | UUID) -> SiteContact | None:
    """Whom a patient of the site calls in a crisis; None if the site has set nobody."""
    return SiteContact.objects.filter(site=site).order_by("-pk").first()


def found_patients(visible: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """
    Those of the visible patients whose names, record number and birth date fit what was typed, by name.

    Every word must fit the beginning of some word, in any order, with or without accents.

    Args:
        visible: from `visible_patients`.
    """
    for readings in names.asked(text):
        fits = Q(pk__in=())
        for word in readings:
            fits |= Q(folded__contains=f" {word}")
        visible = visible.filter(fits)
    return visible.order_by("family", "given", "birth_date", "pk")


def like_named(visible: QuerySet[Patient], patients: Iterable[Patient]) -> dict[UUID, list[Patient]]:
    """
    For each of these patients the visible others whose names begin alike, in one query.

    Args:
        visible: from `visible_patients`.
    """
    people = list(patients)
    groups: dict[str, list[Patient]] = {}
    for patient in _named(visible, {patient.like_key for patient in people}):
        groups.setdefault(patient.like_key, []).append(patient)
    return {p.pk: [other for other in groups.get(p.like_key, ()) if other.pk != p.pk] for p in people}


def taken_for(principal: Principal, purpose: Purpose, patient: Patient) -> list[Patient]:
    """Others whom the principal may see and whose names begin alike."""
    found = _alike(reaches(principal, purpose))
    rows = found.rows(user=principal.user_id, site=principal.site_id, now=timezone.now(), key=patient.like_key)
    return [other for other in rows if other.pk != patient.pk]


def _named(visible: QuerySet[Patient], keys: Iterable[str]) -> QuerySet[Patient]:
    return visible.filter(like_key__in=keys).order_by("family", "given", "pk")


def open_emergencies(principal: Principal, now: datetime | None = None) -> QuerySet[EmergencyAccess]:
    """The records that this principal opened in an emergency and that are open still."""
    after = now or timezone.now()
    return EmergencyAccess.objects.filter(user=principal.user_id, site=principal.site_id, until__gt=after)


def emergency_of(
    principal: Principal, patient: Patient, purpose: Purpose, roles: frozenset[Role] | None = None
) -> EmergencyAccess | None:
    """The emergency access by which alone the principal reaches this visible patient; None: by a relation."""
    relations = reaches(principal, purpose, roles)
    if Relation.EMERGENCY not in relations or Relation.SITE in relations:
        return None
    found = _EMERGENCY.first(user=principal.user_id, site=principal.site_id, now=timezone.now(), patient=patient.pk)
    if found and CareTeam.objects.filter(patient=patient, user=principal.user_id, until=None).exists():
        return None
    return found


# ---------------------------------------------------------------- written once (prepared.py)

_WHO: dict[str, Field[Any, Any]] = {"user": UUIDField(), "site": UUIDField(), "now": DateTimeField()}


def _someone(user: UUID, site: UUID) -> Principal:
    return Principal(user, site, frozenset(), "")


@cache
def _one_of(relations: frozenset[Relation], emergency: bool) -> Prepared[Patient]:
    return Prepared(
        lambda user, site, now, patient: _reached(_someone(user, site), relations, emergency, now).filter(pk=patient),
        **_WHO,
        patient=UUIDField(),
    )


@cache
def _ids(relations: frozenset[Relation]) -> Prepared[Patient]:
    return Prepared(
        lambda user, site, now: _reached(_someone(user, site), relations, True, now).only("pk").order_by("pk"), **_WHO
    )


@cache
def _alike(relations: frozenset[Relation]) -> Prepared[Patient]:
    return Prepared(
        lambda user, site, now, key: _named(_reached(_someone(user, site), relations, True, now), [key]),
        **_WHO,
        key=CharField(),
    )


_EMERGENCY = Prepared(
    lambda user, site, now, patient: (
        open_emergencies(_someone(user, site), now).filter(patient=patient).order_by("-until")
    ),
    **_WHO,
    patient=UUIDField(),
)
_HELD = Prepared(
    lambda user: (
        Membership.objects.filter(user=user, until=None).annotate(zone=F("site__zone")).order_by("since", "pk")
    ),
    user=UUIDField(),
)
