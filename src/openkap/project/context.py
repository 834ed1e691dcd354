"""What every template knows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from openkap.people.devices import idle_limit, is_shared


def deployment(request: HttpRequest) -> dict[str, object]:
    """
    `demonstration`: nothing is real; `relaxed_sign_in`: staff need no second factor; `idle`: seconds after which
    an untouched page of someone signed in is covered; `shared_device`: several people use this browser.
    """
    principal = getattr(request, "principal", None)
    return {
        "demonstration": not settings.PRODUCTION,
        "relaxed_sign_in": not settings.STAFF_MFA,
        "principal": principal,
        "idle": int(idle_limit(request).total_seconds()) if principal else None,
        "shared_device": is_shared(request),
    }
