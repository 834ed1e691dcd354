"""What may be read. Every query about patients starts from `visible_patients`; ids in a request only narrow it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from openkap.people import names
from openkap.people.models import CareTeam, EmergencyAccess, Membership, Patient, Site, SiteContact, User
from openkap.people.policy import reaches
from openkap.people.types import Principal, Purpose, Relation, Role


def visible_patients(
    principal: Principal, purpose: Purpose, roles: frozenset[Role] | None = None, *, emergency: bool = True
) -> QuerySet[Patient]:
    """
    The patients that this principal may see for this purpose; none by default.

    Args:
        roles: count only these of the principal's roles; None counts all.
        emergency: count patients whose record the principal opened in an emergency.
    """
    relations = reaches(principal, purpose, roles)
    if Relation.SITE in relations:
        return Patient.objects.filter(site_id=principal.site_id)
    near = Q(pk__in=())
    if Relation.ASSIGNED in relations:
        near |= Q(pk__in=CareTeam.objects.filter(user=principal.user_id, until=None).values("patient"))
    if emergency and Relation.EMERGENCY in relations:
        near |= Q(pk__in=open_emergencies(principal).values("patient"))
    if Relation.SELF in relations:
        near |= Q(account=principal.user_id)
    return Patient.objects.filter(near, site_id=principal.site_id)


def patient_or_404(
    principal: Principal, patient_id: UUID, purpose: Purpose, roles: frozenset[Role] | None = None
) -> Patient:
    """
    The patient, if the principal may see it.

    Raises:
        Http404: there is none, or it is not visible; the two look alike.
    """
    found = visible_patients(principal, purpose, roles).filter(pk=patient_id).first()
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
    held = list(
        Membership.objects.filter(user=user, until=None)
        .order_by("since", "pk")
        .values_list("site_id", "role", "site__zone")
    )
    if site_id is None and held:
        site_id = held[0][0]
    roles = frozenset(Role(role) for site, role, _zone in held if site == site_id)
    if not roles or site_id is None:
        return None
    zone = next(zone for site, _role, zone in held if site == site_id)
    return Principal(user.pk, site_id, roles, user.name, zone)


def care_team(principal: Principal, patient: Patient) -> QuerySet[CareTeam]:
    """Who cares for a patient now; the patient must come from `visible_patients`."""
    return CareTeam.objects.filter(patient=patient, patient__site=principal.site_id, until=None).select_related("user")


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
    keys = {patient.like_key for patient in people}
    groups: dict[str, list[Patient]] = {}
    for patient in visible.filter(like_key__in=keys).order_by("family", "given", "pk"):
        groups.setdefault(patient.like_key, []).append(patient)
    return {p.pk: [other for other in groups.get(p.like_key, ()) if other.pk != p.pk] for p in people}


def open_emergencies(principal: Principal) -> QuerySet[EmergencyAccess]:
    """The records that this principal opened in an emergency and that are open still."""
    return EmergencyAccess.objects.filter(user=principal.user_id, site=principal.site_id, until__gt=timezone.now())


def emergency_of(
    principal: Principal, patient: Patient, purpose: Purpose, roles: frozenset[Role] | None = None
) -> EmergencyAccess | None:
    """The emergency access by which alone the principal reaches this visible patient; None: by a relation."""
    relations = reaches(principal, purpose, roles)
    if Relation.EMERGENCY not in relations or Relation.SITE in relations:
        return None
    found = open_emergencies(principal).filter(patient=patient).order_by("-until").first()
    if found and CareTeam.objects.filter(patient=patient, user=principal.user_id, until=None).exists():
        return None
    return found
