"""What every template knows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from openkap.dose.floor import ON_FLOOR
from openkap.people import keeping
from openkap.people.devices import idle_limit, is_shared
from openkap.people.types import CLINICIANS


def deployment(request: HttpRequest) -> dict[str, object]:
    """
    `demonstration`: nothing is real; `relaxed_sign_in`: staff need no second factor; `idle`: seconds after which
    an untouched page of someone signed in is covered; `shared_device`: several people use this browser; `unkept`:
    nothing can be written now; `downtime`: where a clinician finds the sheets for that;
    `here_url`: where a page of somebody whom alerts may reach says that it is open.
    """
    principal = getattr(request, "principal", None)
    return {
        "demonstration": not settings.PRODUCTION,
        "relaxed_sign_in": not settings.STAFF_MFA,
        "principal": principal,
        "idle": int(idle_limit(request).total_seconds()) if principal else None,
        "shared_device": is_shared(request),
        "unkept": not keeping.works(),
        "downtime": _address("dose:downtime") if principal and principal.has(*CLINICIANS) else "",
        "here_url": _address("dose:here") if principal and principal.has(*ON_FLOOR) else "",
    }


def _address(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:  # a room by itself, in its tests
        return ""
