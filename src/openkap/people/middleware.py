"""
Between sign-in and the views: how long a session lasts, and the gate that applies each view's policy.

The gate refuses a view without a policy, finds the patient among those the principal may see, and writes
the audit event of a read before the reply leaves. If the event cannot be written, nothing is shown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from openkap.kernel.errors import EXIT, UserError
from openkap.people import audit
from openkap.people.audit import Event
from openkap.people.devices import idle_limit
from openkap.people.once import FIELD, new_key
from openkap.people.policy import Policy, policy_of
from openkap.people.reads import record_read
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.selectors import emergency_of, principal_of, visible_patient
from openkap.people.sign_in import SEEN_AT, SIGNED_IN_AT, missing_factor, recently_proved
from openkap.people.types import Principal

Handler = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("openkap.gate")

_STEP = 15  # s: the session is written at most this often to note that a person is there
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
EMERGENCY_WORD = "emergency access"


class SessionLimits:
    """
    Ends a session that was idle too long, or is too old. Sets `request.principal`.

    What is shown to somebody who is signed in is in the time of the site, whatever the zone of the server.
    """

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.principal = None  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            principal = principal_of(request.user)
            if _is_over(request, principal is not None and principal.is_staff):
                logout(request)
            else:
                request.principal = principal  # type: ignore[attr-defined]
                if principal is not None:
                    with timezone.override(ZoneInfo(principal.zone)):
                        return self.get_response(request)
        return self.get_response(request)


def _is_over(request: HttpRequest, is_staff: bool) -> bool:
    now = time.time()
    began, seen = request.session.get(SIGNED_IN_AT, 0), request.session.get(SEEN_AT, 0)
    longest = settings.SESSION_LONGEST_STAFF if is_staff else settings.SESSION_LONGEST_PATIENT
    return bool(now - began >= longest.total_seconds() or now - seen >= idle_limit(request).total_seconds())


class Gate:
    """Applies the policy that each view declares (policy.py)."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: ClinicRequest) -> HttpResponseBase:
        request.disclosed, request.emergency = set(), None
        request.access = "none"  # type: ignore[attr-defined]
        response = self.get_response(request)
        if request.disclosed and _shows_something(request, response) and not self._recorded(request):
            return HttpResponse(
                _("The audit trail cannot be written, so nothing can be shown: tell your administrator."), status=503
            )
        return response

    def process_view(
        self, request: ClinicRequest, view: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        request.access = "refused"  # type: ignore[attr-defined]
        policy = policy_of(view)
        if policy is None:
            log.error("view.undeclared")
            raise PermissionDenied
        refusal = None if policy.is_public else self._refusal(request, policy, kwargs)
        if refusal is None:
            request.access = "allowed"  # type: ignore[attr-defined]
        return refusal

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponseBase | None:
        """A fault of the input becomes one sentence with the status of the table of errors."""
        if not isinstance(fault, UserError):
            return None
        if request.method not in SAFE and request.POST:
            return keep_typed(request, str(fault), EXIT[fault.code][1])
        return render(request, "people/refused.html", {"sentence": str(fault)}, status=EXIT[fault.code][1])

    def _refusal(self, request: ClinicRequest, policy: Policy, kwargs: dict[str, Any]) -> HttpResponseBase | None:
        """The reply to someone who may not pass; None lets the request through."""
        principal: Principal | None = getattr(request, "principal", None)
        if principal is None:
            if request.user.is_authenticated and policy.before_roles:
                return None
            return _sign_in_first(request)
        if not policy.before_roles and (missing := missing_factor(request, principal)):
            page = "mfa_add_webauthn" if missing == "passkey" else "mfa_activate_totp"
            return redirect(page)
        if not policy.admits(principal.roles):
            self._record_denial(request, kwargs)
            raise Http404 if policy.purpose else PermissionDenied
        if policy.purpose:
            patient_id = kwargs.pop("patient_id")
            emergency = not policy.step_up
            patient = visible_patient(principal, patient_id, policy.purpose, policy.roles, emergency=emergency)
            if patient is None:
                self._record_denial(request, {"patient_id": patient_id})
                raise Http404
            request.patient = patient
            request.disclosed = {patient.pk}
            request.emergency = emergency_of(principal, patient, policy.purpose, policy.roles)
        if policy.step_up and not recently_proved(request):
            return _prove_again(request)
        if policy.activity and time.time() - request.session.get(SEEN_AT, 0) >= _STEP:
            request.session[SEEN_AT] = int(time.time())
        return None

    def _recorded(self, request: ClinicRequest) -> bool:
        policy = policy_of(request.resolver_match.func) if request.resolver_match else None
        events = [
            Event(
                "patient-record",
                "R",
                patient_id=patient_id,
                purpose=policy.purpose if policy else None,
                entity=_route(request),
                reason=EMERGENCY_WORD if request.emergency else "",
            )
            for patient_id in sorted(request.disclosed)
        ]
        try:
            record_read(request.principal.site_id, events, principal=request.principal, origin=origin_of(request))
        except DatabaseError:
            log.exception("audit.unwritten")
            return False
        return True

    def _record_denial(self, request: ClinicRequest, kwargs: dict[str, Any]) -> None:
        # The id as asked for, not a reference: an absent one takes the same work as a foreign one.
        asked = f"Patient/{kwargs['patient_id']}" if "patient_id" in kwargs else ""
        event = Event(
            "denial",
            "E",
            "denied",
            entity=asked,
            reason=request.resolver_match.view_name if request.resolver_match else "",
        )
        audit.record(request.principal.site_id, [event], principal=request.principal, origin=origin_of(request))


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _shows_something(request: HttpRequest, response: HttpResponseBase) -> bool:
    allowed = getattr(request, "access", "") == "allowed"
    return allowed and not (300 <= response.status_code < 400 or response.status_code in (204, 404, 500, 503))


def _sign_in_first(request: HttpRequest) -> HttpResponseBase:
    if request.user.is_authenticated:
        raise PermissionDenied  # an account without any role
    if request.method in SAFE:
        return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
    return keep_typed(request, _("You are signed out. What you typed is kept on this page."), status=401)


def _prove_again(request: HttpRequest) -> HttpResponseBase:
    if request.method in SAFE:
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")
    return keep_typed(request, _("Prove who you are again before this. What you typed is kept here."), status=401)


def keep_typed(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """
    A page that holds what a refused form had, to be sent again once the reason is gone.

    Only for a request of our own page: what another site wrote is not shown.
    """
    own = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    spent = status == EXIT["conflict"][1]  # the key may be what the conflict is about
    kept = [name for name in request.POST if not _is_secret(name) and not (spent and name == FIELD)]
    typed = [(name, value) for name in kept for value in request.POST.getlist(name)]
    if FIELD not in kept:
        typed.append((FIELD, new_key()))
    return render(
        request,
        "people/keep_typed.html",
        {"sentence": sentence, "typed": typed if own else [], "path": request.get_full_path(), "status": status},
        status=status,
    )


def _is_secret(name: str) -> bool:
    return name in ("csrfmiddlewaretoken", "code") or "password" in name
