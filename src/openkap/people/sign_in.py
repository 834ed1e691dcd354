"""
Sign-in: password with TOTP, or a passkey, through allauth; what must be recorded; how long it lasts.

Staff need a second factor, and prescribers, site admins and privacy leads a passkey, before they reach
anything but the pages that set it up. `OPENKAP_STAFF_MFA=off` relaxes that, in demonstration mode only.
"""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import authentication_step_completed, password_changed, password_reset
from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from django.urls import reverse

from openkap.people import audit
from openkap.people.audit import Event
from openkap.people.models import Site, User
from openkap.people.request import client_address, origin_of
from openkap.people.selectors import principal_of
from openkap.people.types import PASSKEY, Principal

SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
_FACTORS = "second_factors"


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by a site admin; nobody signs up, and no mail is sent."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Notices stand in the audit trail; mail would need a server, and would name the clinic."""


class FactorAdapter(DefaultMFAAdapter):
    """Secrets of codes are encrypted in the database with a key that is not in it."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode("ascii")).decode()


def _cipher() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [hashlib.sha256(f"openkap.second-factor:{secret!s}".encode()).digest() for secret in secrets]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def display_name(user: User) -> str:
    """How allauth's pages call a user."""
    return user.name


def invitation_path(user: User) -> str:
    """
    The path of a page on which the user sets a password: after the account was made, or when it was lost.

    Works once, for a day. Whoever hands it over answers for who gets it.
    """
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, _, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})


def missing_factor(request: HttpRequest, principal: Principal) -> Literal["second-factor", "passkey"] | None:
    """What the principal has to set up before going on."""
    if not settings.STAFF_MFA or not principal.is_staff:
        return None
    factors = request.session.get(_FACTORS)
    if factors is None:
        kinds = Authenticator.objects.filter(user=principal.user_id).values_list("type", flat=True)
        factors = request.session[_FACTORS] = sorted(set(kinds))
    if principal.roles & PASSKEY:
        return None if Authenticator.Type.WEBAUTHN in factors else "passkey"
    return None if {Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP} & set(factors) else "second-factor"


def recently_proved(request: HttpRequest) -> bool:
    """True if the person proved who they are within the last five minutes (`ACCOUNT_REAUTHENTICATION_TIMEOUT`)."""
    age = time.time() - proved_at(request).timestamp()
    return 0 <= age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def proved_at(request: HttpRequest) -> datetime:
    """When the person last proved who they are, by the server; long ago if they never did."""
    records = get_authentication_records(request, request.user)  # type: ignore[arg-type]
    return datetime.fromtimestamp(records[-1]["at"] if records else 0, UTC)


# ---------------------------------------------------------------- what happens at each step


def connect() -> None:
    """Record each step, and give the session a new id when the person proves who they are."""
    user_logged_in.connect(_signed_in, dispatch_uid="people.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="people.signed_out")
    user_login_failed.connect(_refused, dispatch_uid="people.refused")
    authentication_failed.connect(_second_factor_refused, dispatch_uid="people.second_factor_refused")
    authentication_step_completed.connect(_proved_again, dispatch_uid="people.proved_again")
    post_save.connect(_factor_added, sender=Authenticator, dispatch_uid="people.factor_added")
    post_delete.connect(_factor_removed, sender=Authenticator, dispatch_uid="people.factor_removed")
    for signal, what in (
        (password_changed, "password changed"),
        (password_reset, "password set by invitation"),
    ):
        signal.connect(_password(what), weak=False, dispatch_uid=f"people.{what}")


def _signed_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    now = int(time.time())
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = now
    request.session.pop(_FACTORS, None)
    _record(request, user, Event("sign-in", "E"))


def _signed_out(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        _record(request, user, Event("sign-out", "E"))


def _refused(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    # The same work for an address without an account, so that the time tells nothing.
    user = User.objects.filter(email__iexact=str(credentials.get("email", ""))).first()
    _record(request, user, Event("sign-in", "E", "denied", reason="password"))


def _second_factor_refused(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    _record(request, user, Event("sign-in", "E", "denied", reason="second factor"))


def _proved_again(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    if request.user.is_authenticated:
        request.session.cycle_key()
        _record(request, user, Event("step-up", "E"))


def _factor_added(sender: Any, instance: Authenticator, created: bool, **_: Any) -> None:
    if created:
        _factor_changed(instance, "added")


def _factor_removed(sender: Any, instance: Authenticator, **_: Any) -> None:
    _factor_changed(instance, "removed")


def _factor_changed(factor: Authenticator, how: str) -> None:
    # From the row and not from allauth's signals, which come after the transaction.
    request = context.request
    if request is not None:
        request.session.pop(_FACTORS, None)
    event = Event("account", "U", entity=f"User/{factor.user_id}", reason=f"{factor.type} {how}")
    _record(request, factor.user, event)


def _password(what: str) -> Any:
    def receive(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
        _record(request, user, Event("account", "U", entity=f"User/{user.pk}", reason=what))

    return receive


def _record(request: HttpRequest | None, user: User | None, event: Event) -> None:
    principal = principal_of(user) if user else None
    site_id = principal.site_id if principal else _first_site()
    if site_id is not None:  # before the first run there is no site, and so nobody to sign in
        origin = origin_of(request) if request else None
        audit.record(site_id, [event], principal=principal, user_id=user.pk if user else None, origin=origin)


def _first_site() -> UUID | None:
    return Site.objects.order_by("pk").values_list("pk", flat=True).first()
