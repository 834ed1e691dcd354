"""
A device that several people use: its sessions end sooner, and it says so at sign-in.

The mark is a cookie of the browser, so that it holds for whoever sits down there, however they sign in.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from openkap.people.policy import public

_KEPT = timedelta(days=400)  # browsers keep no cookie longer


def is_shared(request: HttpRequest) -> bool:
    """True where somebody said at sign-in that the device is shared."""
    return request.COOKIES.get(settings.SHARED_DEVICE_COOKIE_NAME) == "1"


def idle_limit(request: HttpRequest) -> timedelta:
    """How long a session lasts without anybody being there."""
    return settings.SESSION_IDLE_SHARED if is_shared(request) else settings.SESSION_IDLE


@public()
def device(request: HttpRequest) -> HttpResponse:
    """Mark this browser as shared, or take the mark away."""
    response = redirect("account_login")
    if request.method == "POST" and "shared" in request.POST:
        response.set_cookie(
            settings.SHARED_DEVICE_COOKIE_NAME,
            "1",
            max_age=_KEPT,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    elif request.method == "POST":
        response.delete_cookie(settings.SHARED_DEVICE_COOKIE_NAME, samesite="Lax")
    return response
