"""What the frame of a page knows: `{% load shell %}`. Only `web/base.html` uses it."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

from django import template
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from openkap.people.policy import policy_of
from openkap.people.request import disclose
from openkap.people.selectors import taken_for
from openkap.people.types import Purpose, Role
from openkap.web import navigation, words
from openkap.web.identity import band_of
from openkap.web.kept import markup

register = template.Library()


@register.simple_tag(takes_context=True)
def main_bar(context: dict[str, Any]) -> SafeString:
    """The bar on top."""
    return _main_bar(context["principal"].roles, _route(context["request"]), get_language())


@register.simple_tag(takes_context=True)
def find_url(context: dict[str, Any]) -> str:
    """Where the box looks for a person; empty for who finds nobody."""
    return navigation.find_url(context["principal"].roles)


@register.simple_tag(takes_context=True)
def my_roles(context: dict[str, Any]) -> str:
    """Roles of the one who is signed in."""
    return ", ".join(sorted(str(words.ROLES[role]) for role in context["principal"].roles))


@register.inclusion_tag("web/band.html", takes_context=True)
def identity_band(context: dict[str, Any]) -> dict[str, Any]:
    """Whose record is open; nothing on other pages, and nothing to the patient."""
    request = context.get("request")
    patient = getattr(request, "patient", None)
    if request is None or patient is None:
        return {}
    policy = policy_of(request.resolver_match.func)
    if policy is None or policy.purpose in (None, Purpose.OWN):
        return {}
    like = taken_for(context["principal"], policy.purpose, patient)
    disclose(request, like)
    return {
        "band": band_of(patient, policy.purpose, like),
        "emergency": request.emergency,
        "inside": _inside_bar(context["principal"].roles, patient.pk, _route(request)),
    }


# The bars stand on every page and follow from roles and route alone.


@cache
def _main_bar(roles: frozenset[Role], here: str, language: str) -> SafeString:
    return _bar(navigation.main(roles, here), _("Main"), _("Menu"))


def _inside_bar(roles: frozenset[Role], patient_id: UUID, here: str) -> SafeString:
    bar = _inside_anyone(roles, here, get_language())
    return mark_safe(bar.replace(str(navigation.NOBODY), str(patient_id)))


@cache
def _inside_anyone(roles: frozenset[Role], here: str, language: str) -> SafeString:
    return _bar(navigation.inside(roles, navigation.NOBODY, here), _("In this record"), _("Record"))


def _bar(entries: list[navigation.Entry], label: str, word: str) -> SafeString:
    if not entries:
        return SafeString()
    return markup("web/bar.html", {"entries": entries, "label": label, "word": word})


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""
