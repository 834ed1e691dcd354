"""Roles, purposes, relations and labels: the words in which permission is said. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What someone is at a site."""

    PATIENT = "patient"
    PROXY = "proxy"
    PRESCRIBER = "prescriber"
    NURSE = "nurse"
    THERAPIST = "therapist"
    COORDINATOR = "coordinator"
    BILLING = "billing"
    RESEARCHER = "researcher"
    SITE_ADMIN = "site-admin"
    PRIVACY_LEAD = "privacy-lead"
    SYSTEM = "system"


class Purpose(StrEnum):
    """Why a record is opened."""

    TREATMENT = "treatment"
    ADMINISTRATION = "administration"  # who someone is, when they come; no notes, no answers
    PAYMENT = "payment"
    OVERSIGHT = "oversight"  # who looked
    OWN = "own"  # a patient's own record
    PRIVATE_NOTE = "private-note"  # psychotherapy notes, for their author alone


class Relation(StrEnum):
    """How near a patient must be for a role to reach the record."""

    SELF = "self"
    ASSIGNED = "assigned"  # on the care team today
    SITE = "site"
    EMERGENCY = "emergency"  # opened with a reason, for an hour


class Label(StrEnum):
    """Labels that stick to a fact and to all that is derived from it."""

    PART_2 = "42-cfr-part-2"
    PSYCHOTHERAPY_NOTE = "psychotherapy-note"


CLINICIANS = frozenset({Role.PRESCRIBER, Role.NURSE, Role.THERAPIST})
STAFF = frozenset(Role) - {Role.PATIENT, Role.PROXY, Role.SYSTEM}
PASSKEY = frozenset({Role.PRESCRIBER, Role.SITE_ADMIN, Role.PRIVACY_LEAD})  # a stolen code must not sign


@dataclass(frozen=True)
class Principal:
    """
    Who asks.

    Args:
        user_id, site_id: random ids.
        roles: held at this site now.
        name: for signatures and pages, never for logs.
        zone: of the site, IANA name; every time on a page is in it.
    """

    user_id: UUID
    site_id: UUID
    roles: frozenset[Role]
    name: str = ""
    zone: str = "UTC"

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF)

    def has(self, *roles: Role) -> bool:
        return bool(self.roles & set(roles))
