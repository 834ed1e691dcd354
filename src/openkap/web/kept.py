"""
Pages whose body follows from one person's rows: made once for each state of them (case.following), framed anew.

What differs from reply to reply (who is signed in, the tokens of forms, the band) stands in the frame. The body is
made without the request, so that nothing of one reader can stand in it for another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from openkap.people.request import ClinicRequest
from openkap.web.case import following
from openkap.web.parts import Words


def markup(template: str, context: Mapping[str, Any]) -> SafeString:
    """A template that knows nothing but what it is given."""
    return mark_safe(render_to_string(template, dict(context)))


def page_about(
    request: ClinicRequest,
    template: str,
    gather: Callable[[], Mapping[str, Any]],
    *,
    title: Words,
    page_class: str = "stack gap-5",
) -> HttpResponse:
    """
    A page about the patient of the request that holds no form.

    Args:
        template: of the body. It has what `gather` gives, and the `patient`.
        gather: from rows about the patient, content, the day and the roles of the reader; from nothing else.
    """
    patient = request.patient
    what = ("body", template, request.principal.roles, get_language())
    body = following(patient, what, lambda: markup(template, {"patient": patient, **gather()}))
    return render(request, "web/kept.html", {"title": title, "page_class": page_class, "body": body})
