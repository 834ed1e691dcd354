"""What every response carries and every request passes, whoever asks."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("openkap.request")

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# No inline script or style, nothing from elsewhere, so no nonce is needed.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # data: the TOTP picture
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()" for feature in ("camera", "microphone", "geolocation", "payment", "usb", "browsing-topics")
)


def log_request(get_response: Handler) -> Handler:
    """One line a request: the name of the route, never its path."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        request.request_id = secrets.token_hex(8)  # type: ignore[attr-defined]
        began = time.monotonic()
        response = get_response(request)
        principal = getattr(request, "principal", None)
        log.info(
            "request.done",
            extra={
                "request_id": request.request_id,  # type: ignore[attr-defined]
                "route": request.resolver_match.view_name if request.resolver_match else "none",
                "method": request.method,
                "status": response.status_code,
                "ms": round((time.monotonic() - began) * 1000),
                "user": str(principal.user_id) if principal else None,
                "site": str(principal.site_id) if principal else None,
            },
        )
        return response

    return handle


def add_headers(get_response: Handler) -> Handler:
    """
    The policies that a browser enforces for us.

    Static files come from further in and keep their own caching; every page made for a person is no-store.
    """

    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        response.headers["X-Frame-Options"] = "DENY"
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store, private"
        return response

    return handle


def refuse_other_sites(get_response: Handler) -> Handler:
    """An unsafe request that a browser says came from another site is refused, whatever token it has."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        origin = request.headers.get("Sec-Fetch-Site", "same-origin")
        if request.method not in SAFE and origin not in ("same-origin", "none"):
            return HttpResponse("This request came from another site and was refused.", status=403)
        return get_response(request)

    return handle
