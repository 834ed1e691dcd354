"""What the frame of a page knows: `{% load shell %}`. Only `web/base.html` uses it."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse

from openkap.people.policy import policy_of
from openkap.people.request import disclose
from openkap.people.selectors import taken_for
from openkap.people.types import Purpose
from openkap.web import navigation, words
from openkap.web.identity import band_of

register = template.Library()


@register.simple_tag(takes_context=True)
def main_navigation(context: dict[str, Any]) -> list[navigation.Entry]:
    """The bar on top."""
    return navigation.main(context["principal"], _route(context["request"]))


@register.simple_tag(takes_context=True)
def find_url(context: dict[str, Any]) -> str:
    """Where the box looks for a person; empty for who finds nobody."""
    url = reverse("find:people")
    return url if any(entry.url == url for entry in main_navigation(context)) else ""


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
        "inside": navigation.inside(context["principal"], patient.pk, _route(request)),
    }


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""
