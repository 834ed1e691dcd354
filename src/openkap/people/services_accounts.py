"""
Accounts of a site: invite, close, open again, end sessions. Each is one transaction with its audit event.

Roles are given and withdrawn in `services.py`; nobody changes the own account here.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from openkap.kernel.errors import Forbidden, UserError
from openkap.people import audit, services
from openkap.people.audit import Event, Origin
from openkap.people.models import CareTeam, Membership, User
from openkap.people.sign_in import invitation_path
from openkap.people.types import STAFF, Principal, Role


@transaction.atomic
def invite(
    principal: Principal, *, email: str, name: str, roles: Collection[Role], origin: Origin | None = None
) -> User:
    """
    Make an account that is entered first by a one-time link (`link_for`).

    Raises:
        Forbidden: by someone who is no site admin.
        UserError: no role of staff is chosen, or name or address is not fit.
    """
    _admin(principal)
    if not roles or not set(roles) <= STAFF:
        raise UserError("No role is chosen: choose at least one of the clinic's roles.")
    user = services.create_user(principal, principal.site_id, email=email, name=name, origin=origin)
    for role in roles:
        services.grant_role(principal, user, principal.site_id, role, origin=origin)
    return user


@transaction.atomic
def link_for(principal: Principal, user: User, *, origin: Origin | None = None) -> str:
    """
    The path at which the person sets a password; it works once, for a day. Whoever makes it hands it over in person.

    Raises:
        Forbidden: for the own account, or one of another site. UserError: the account is closed.
    """
    _of_site(principal, user)
    if not user.is_active:
        raise UserError("This account is closed: open it again first.")
    _account("U", user, "invitation made", principal, origin)
    return invitation_path(user)


@transaction.atomic
def end_sessions(principal: Principal, user: User, *, origin: Origin | None = None) -> None:
    """End every session of the user at once. Raises Forbidden for one of another site."""
    _of_site(principal, user)
    _end(user)
    _account("U", user, "sessions ended", principal, origin)


@transaction.atomic
def close_account(principal: Principal, user: User, *, reason: str, origin: Origin | None = None) -> None:
    """
    Close an account: sessions, roles and assignments at this site end; what the person wrote stays.

    Raises:
        Forbidden: for the own account, or one of another site.
        UserError: it is closed already, or no reason is given.
    """
    _of_site(principal, user)
    if not reason.strip():
        raise UserError("The reason is empty: say why the account is closed.")
    if not user.is_active:
        raise UserError("This account is closed already: nothing was changed.")
    now = timezone.now()
    Membership.objects.filter(user=user, site=principal.site_id, until=None).update(until=now)
    CareTeam.objects.filter(user=user, patient__site=principal.site_id, until=None).update(until=now)
    if not Membership.objects.filter(user=user, until=None).exists():  # a role at another site keeps it open there
        User.objects.filter(pk=user.pk).update(is_active=False)
    _end(user)
    _account("D", user, f"closed: {reason.strip()}", principal, origin)


@transaction.atomic
def open_account(principal: Principal, user: User, *, origin: Origin | None = None) -> None:
    """Open a closed account again, without any role. Raises Forbidden for one of another site."""
    _of_site(principal, user)
    User.objects.filter(pk=user.pk).update(is_active=True)
    _account("U", user, "opened again", principal, origin)


# ---------------------------------------------------------------- parts of the above


def _admin(principal: Principal) -> None:
    if not principal.has(Role.SITE_ADMIN):
        raise Forbidden("Only a site admin changes accounts: ask one.")


def _of_site(principal: Principal, user: User) -> None:
    _admin(principal)
    if user.pk == principal.user_id:
        raise Forbidden("Nobody changes the own account here: ask another site admin.")
    if not Membership.objects.filter(user=user, site=principal.site_id).exists():
        raise Forbidden("This account belongs to another site: ask its admin.")


def _end(user: User) -> None:
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch", "is_active"])


def _account(action: audit.Action, user: User, what: str, principal: Principal, origin: Origin | None) -> None:
    event = Event("account", action, entity=f"User/{user.pk}", reason=what[:500])
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
