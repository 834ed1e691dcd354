"""What a request carries once it is through the gate, and how a view says whose data it shows."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from openkap.people.audit import Origin
from openkap.people.models import EmergencyAccess, Patient, User
from openkap.people.models_sealed import SealedKey
from openkap.people.types import Principal


class ClinicRequest(HttpRequest):
    """
    The request that a view behind a policy gets.

    Args:
        principal: who asks.
        patient: whose page it is; only where the policy is `about_patient`.
        request_id: random, the same in log and audit trail.
        seal: the sealed envelope by which alone the page is open; only where the policy is `sealed`.
        emergency: the emergency access by which alone the page is open; None otherwise.
        disclosed: patients whose data the reply shows; each read is audited before the reply leaves.
    """

    user: User
    principal: Principal
    patient: Patient
    request_id: str
    seal: SealedKey
    emergency: EmergencyAccess | None
    disclosed: set[UUID]


def disclose(request: ClinicRequest, patients: Iterable[Patient]) -> None:
    """Say that the reply shows something of these patients, such as the rows of a list."""
    request.disclosed.update(patient.pk for patient in patients)


def origin_of(request: HttpRequest) -> Origin:
    """Address, device and id of a request, for the audit trail."""
    return Origin(
        client=client_address(request),
        device=request.headers.get("User-Agent", "")[:200],
        request_id=getattr(request, "request_id", ""),
    )


def client_address(request: HttpRequest) -> str:
    """The address of the client; behind our own proxy the one that the proxy saw."""
    if settings.ENVIRONMENT.tls == "proxy" and (seen := request.headers.get("X-Forwarded-For")):
        return seen.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
