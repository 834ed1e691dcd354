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
from django.contrib.auth import get_user, logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from openkap.kernel.errors import EXIT, UserError
from openkap.people import audit, keeping
from openkap.people.audit import Event
from openkap.people.devices import idle_limit
from openkap.people.models import User
from openkap.people.once import FIELD, new_key
from openkap.people.policy import Policy, policy_of
from openkap.people.reads import record_read
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.selectors import emergency_of, principal_of, visible_patient
from openkap.people.services_sealed import principal_by_seal, seal_of
from openkap.people.sign_in import SEEN_AT, SIGNED_IN_AT, missing_factor, recently_proved
from openkap.people.types import Principal

Handler = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("openkap.gate")

_STEP = 15  # s: the session is written at most this often to note that a person is there
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
EMERGENCY_WORD = "emergency access"


class KeptSession(SessionMiddleware):
    """Django's, but a page that was read is shown also where the session cannot be written."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        try:
            return super().process_response(request, response)
        except (DatabaseError, SessionInterrupted) as fault:
            cause = _of_database(fault)
            if cause is None or not keeping.refuses(cause):
                raise
            keeping.failed(cause)
            return response if request.method in SAFE else unkept(request)


def _of_database(fault: BaseException | None) -> DatabaseError | None:
    """What the database said: Django takes any fault of saving a session for a session that was deleted."""
    while fault is not None and not isinstance(fault, DatabaseError):
        fault = fault.__context__
    return fault


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
            is_staff = principal is not None and principal.is_staff
            if _is_over(request, is_staff) and not _goes_on_reading(request, is_staff):
                pass  # signed out
            else:
                request.principal = principal  # type: ignore[attr-defined]
                if principal is not None:
                    with timezone.override(ZoneInfo(principal.zone)):
                        return self.get_response(request)
        return self.get_response(request)


def _is_over(request: HttpRequest, is_staff: bool) -> bool:
    idle = time.time() - request.session.get(SEEN_AT, 0) >= idle_limit(request).total_seconds()
    return idle or _is_too_old(request, is_staff)


def _is_too_old(request: HttpRequest, is_staff: bool) -> bool:
    longest = settings.SESSION_LONGEST_STAFF if is_staff else settings.SESSION_LONGEST_PATIENT
    return bool(time.time() - request.session.get(SIGNED_IN_AT, 0) >= longest.total_seconds())


def _goes_on_reading(request: HttpRequest, is_staff: bool) -> bool:
    """
    End a session that is over. Where nothing can be written it cannot be ended, nobody could sign in anew, and that
    somebody was there could not be noted: whoever watches reads on, for as long as a session lasts at all (HAZ-46).
    """
    try:
        logout(request)
    except DatabaseError as fault:
        if not keeping.refuses(fault):
            raise
        keeping.failed(fault)
        if is_staff and request.method in SAFE and not _is_too_old(request, is_staff):
            return True
        request.user = AnonymousUser()
    return False


def still_signed_in(request: HttpRequest) -> Principal | None:
    """
    Who a request that was let in long ago belongs to by now, for what stays open: None once the sign-in is over,
    whatever ended it (time, sign-out, another password, ended sessions, a closed account). No sign of a person.
    """
    again = HttpRequest()
    again.session = type(request.session)(request.session.session_key)
    again.COOKIES = request.COOKIES
    user = get_user(again)
    principal = principal_of(user) if isinstance(user, User) else None
    return None if principal is None or _is_over(again, principal.is_staff) else principal


class Gate:
    """Applies the policy that each view declares (policy.py)."""

    def __init__(self, get_response: Handler):
        self.get_response = get_response

    def __call__(self, request: ClinicRequest) -> HttpResponseBase:
        kept = keeping.heal()
        response = self._reply(request)
        if kept and not keeping.works() and _is_page(request, response):
            return self._reply(request)  # it was made before anybody knew: now it says so
        return response

    def _reply(self, request: ClinicRequest) -> HttpResponseBase:
        request.disclosed, request.emergency = set(), None
        request.access = "none"  # type: ignore[attr-defined]
        response = self.get_response(request)
        if request.disclosed and _shows_something(request, response) and not self._recorded(request):
            return unkept(request)
        return response

    def process_view(
        self, request: ClinicRequest, view: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        request.access = "refused"  # type: ignore[attr-defined]
        policy = policy_of(view)
        if policy is None:
            log.error("view.undeclared")
            raise PermissionDenied
        try:
            refusal = None if policy.is_public else self._refusal(request, policy, kwargs)
        except DatabaseError as fault:  # a denial that cannot be recorded
            if not keeping.refuses(fault):
                raise
            keeping.failed(fault)
            return unkept(request)
        if refusal is None:
            request.access = "allowed"  # type: ignore[attr-defined]
        return refusal

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponseBase | None:
        """A fault of the input becomes one sentence with the status of the table of errors; so does a full disk."""
        if isinstance(fault, DatabaseError | InterfaceError) and keeping.refuses(fault):
            keeping.failed(fault)
            return unkept(request)
        if not isinstance(fault, UserError):
            return None
        if request.method not in SAFE and request.POST:
            return keep_typed(request, str(fault), EXIT[fault.code][1])
        return render(request, "people/refused.html", {"sentence": str(fault)}, status=EXIT[fault.code][1])

    def _refusal(self, request: ClinicRequest, policy: Policy, kwargs: dict[str, Any]) -> HttpResponseBase | None:
        """The reply to someone who may not pass; None lets the request through."""
        if policy.sealed:
            return _sealed(request)
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
            record_read(
                request.principal.site_id,
                events,
                principal=request.principal,
                origin=origin_of(request),
                watches=policy is not None and policy.watches,
            )
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


def _sealed(request: ClinicRequest) -> HttpResponseBase | None:
    """Lets in the browser that opened the envelope, as one who has no role; whoever is signed in counts for nothing."""
    row = seal_of(str(request.get_signed_cookie(settings.SEALED_COOKIE_NAME, default="")))
    if row is None:
        return redirect("sealed:open")
    request.seal, request.principal = row, principal_by_seal(row)
    return None


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _is_page(request: HttpRequest, response: HttpResponseBase) -> bool:
    return request.method == "GET" and response.status_code == 200 and not response.streaming


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
    typed = _typed(request, spent=status == EXIT["conflict"][1])  # the key may be what the conflict is about
    context = {"sentence": sentence, "typed": typed, "path": request.get_full_path(), "status": status}
    return render(request, "people/keep_typed.html", context, status=status)


def unkept(request: HttpRequest) -> HttpResponse:
    """
    Nothing can be written: what was sent is not kept, and is shown to be sent again; the same key lets it count once.

    Never raises: the database may be away altogether.
    """
    try:
        typed = [] if request.method in SAFE else _typed(request)
        context = {"typed": typed, "path": request.get_full_path(), "reading": request.method in SAFE}
        return render(request, "people/unkept.html", context, status=503)
    except (DatabaseError, InterfaceError):
        return HttpResponse(_("Nothing can be written or read now: use the paper sheets."), status=503)


def _typed(request: HttpRequest, spent: bool = False) -> list[tuple[str, str]]:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return []
    kept = [name for name in request.POST if not _is_secret(name) and not (spent and name == FIELD)]
    typed = [(name, value) for name in kept for value in request.POST.getlist(name)]
    if FIELD not in kept:
        typed.append((FIELD, new_key()))
    return typed


def _is_secret(name: str) -> bool:
    return name in ("csrfmiddlewaretoken", "code") or "password" in name
