"""What every template knows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def deployment(request: HttpRequest) -> dict[str, object]:
    """`demonstration`: true where nothing is real; `relaxed_sign_in`: true where staff need no second factor."""
    return {
        "demonstration": not settings.PRODUCTION,
        "relaxed_sign_in": not settings.STAFF_MFA,
        "principal": getattr(request, "principal", None),
    }
