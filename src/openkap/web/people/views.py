"""What a site admin keeps: accounts with their roles, and the site's crisis contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openkap.people import services, services_accounts
from openkap.people.models import User
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.selectors import contact_of
from openkap.people.selectors_oversight import accounts_of
from openkap.people.services_site import set_contact
from openkap.people.types import STAFF, Role
from openkap.web.people.forms import ContactForm, InviteForm, ReasonForm, RoleForm
from openkap.web.people.tried import answer

_LINK = "invitation"  # of the session: shown to the admin who made it, for a short while
_LINK_SHOWN = 600  # s


@staff(Role.SITE_ADMIN)
def accounts(request: ClinicRequest) -> HttpResponse:
    """Everyone who works here, and who did."""
    people = list(accounts_of(request.principal))
    return render(
        request,
        "people/accounts.html",
        {"open": [u for u in people if _is_open(u)], "closed": [u for u in people if not _is_open(u)]},
    )


@staff(Role.SITE_ADMIN, step_up=True)
def invite(request: ClinicRequest) -> HttpResponse:
    """A new account and its one-time link."""
    form = InviteForm(request.POST or None)

    def act() -> HttpResponse:
        said = form.cleaned_data
        user = services_accounts.invite(
            request.principal,
            email=said["email"],
            name=said["name"],
            roles=[Role(role) for role in said["roles"]],
            origin=origin_of(request),
        )
        return _make_link(request, user)

    return answer(request, "people/invite.html", form, act)


@staff(Role.SITE_ADMIN)
def account(request: ClinicRequest, user_id: UUID) -> HttpResponse:
    """One account: roles, and what can be done."""
    user = get_object_or_404(accounts_of(request.principal), pk=user_id)
    kept = request.session.get(_LINK) or {}
    fresh = kept.get("user") == str(user.pk) and timezone.now().timestamp() - kept["at"] < _LINK_SHOWN
    link = request.build_absolute_uri(kept["path"]) if fresh else ""
    own = user.pk == request.principal.user_id
    return render(
        request,
        "people/account.html",
        {"person": user, "link": link, "own": own, "open": _is_open(user), "missing": _missing(user)},
    )


@staff(Role.SITE_ADMIN, step_up=True)
def change(request: ClinicRequest, user_id: UUID, what: str) -> HttpResponse:
    """One change of an account, confirmed on a page of its own."""
    user = get_object_or_404(accounts_of(request.principal), pk=user_id)
    if what not in _CHANGES:
        raise Http404
    title, sentence, make_form, act = _CHANGES[what]
    form = make_form(user, request.POST or None)

    def run() -> HttpResponse:
        done = act(request, user, form.cleaned_data)
        return done or HttpResponseRedirect(reverse("people:account", args=[user.pk]))

    context = {"person": user, "title": title, "sentence": sentence, "sure": what in ("close", "withdraw")}
    return answer(request, "people/change.html", form, run, context)


@staff(Role.SITE_ADMIN)
def contact(request: ClinicRequest) -> HttpResponse:
    """Whom a patient calls in a crisis."""
    now = contact_of(request.principal.site_id)
    initial = {
        "crisis_name": now.crisis_name if now else "",
        "crisis_phone": now.crisis_phone if now else "",
        "crisis_note": now.crisis_note if now else "",
        "seen": now.pk if now else None,
    }
    form = ContactForm(request.POST or None, initial=initial)

    def act() -> HttpResponse:
        set_contact(request.principal, request.principal.site_id, **form.cleaned_data, origin=origin_of(request))
        return HttpResponseRedirect(reverse("people:contact"))

    return answer(request, "people/contact.html", form, act, {"now": now})


# ---------------------------------------------------------------- parts of the above


def _is_open(user: User) -> bool:
    return user.is_active and bool(user.held)  # type: ignore[attr-defined]


def _missing(user: User) -> list[Role]:
    return sorted(STAFF - {Role(row.role) for row in user.held})  # type: ignore[attr-defined]


def _held(user: User) -> list[Role]:
    return sorted(Role(row.role) for row in user.held)  # type: ignore[attr-defined]


def _make_link(request: ClinicRequest, user: User) -> HttpResponse:
    path = services_accounts.link_for(request.principal, user, origin=origin_of(request))
    request.session[_LINK] = {"user": str(user.pk), "path": path, "at": timezone.now().timestamp()}
    return HttpResponseRedirect(reverse("people:account", args=[user.pk]))


def _grant(request: ClinicRequest, user: User, said: dict[str, Any]) -> None:
    principal = request.principal
    services.grant_role(principal, user, principal.site_id, Role(said["role"]), origin=origin_of(request))


def _withdraw(request: ClinicRequest, user: User, said: dict[str, Any]) -> None:
    principal = request.principal
    services.withdraw_role(principal, user, principal.site_id, Role(said["role"]), origin=origin_of(request))


def _link(request: ClinicRequest, user: User, said: dict[str, Any]) -> HttpResponse:
    return _make_link(request, user)


def _sessions(request: ClinicRequest, user: User, said: dict[str, Any]) -> None:
    services_accounts.end_sessions(request.principal, user, origin=origin_of(request))


def _close(request: ClinicRequest, user: User, said: dict[str, Any]) -> None:
    services_accounts.close_account(request.principal, user, reason=said["reason"], origin=origin_of(request))


def _reopen(request: ClinicRequest, user: User, said: dict[str, Any]) -> None:
    services_accounts.open_account(request.principal, user, origin=origin_of(request))


Act = Callable[[ClinicRequest, User, dict[str, Any]], HttpResponse | None]
_CHANGES: dict[str, tuple[Any, Any, Callable[[User, Any], Form], Act]] = {
    "grant": (
        _("Give a role"),
        _("The person signs in again and then holds it."),
        lambda user, data: RoleForm(data, offered=_missing(user)),
        _grant,
    ),
    "withdraw": (
        _("Take a role away"),
        _("All sessions of the person end. With the last clinical role the care of all patients ends too."),
        lambda user, data: RoleForm(data, offered=_held(user)),
        _withdraw,
    ),
    "link": (
        _("Make a one-time link"),
        _("It lets whoever holds it set a password for this account, once, within a day. Hand it over in person."),
        lambda user, data: Form(data),
        _link,
    ),
    "sessions": (
        _("End all sessions"),
        _("The person is signed out everywhere."),
        lambda u, data: Form(data),
        _sessions,
    ),
    "close": (
        _("Close the account"),
        _("Sessions, roles and the care of patients end. What the person wrote and signed stays."),
        lambda user, data: ReasonForm(data),
        _close,
    ),
    "reopen": (
        _("Open the account again"),
        _("It has no role until you give one."),
        lambda user, data: Form(data),
        _reopen,
    ),
}
