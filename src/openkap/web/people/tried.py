"""Running a service for a form: its refusal becomes a sentence on the form, and what was typed stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import render

from openkap.kernel.errors import EXIT, UserError
from openkap.people.request import ClinicRequest


def answer(
    request: ClinicRequest,
    template: str,
    form: Form,
    act: Callable[[], HttpResponse],
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """
    The page of a form, or what `act` answers once the form is whole.

    Args:
        act: called with the valid form; may raise UserError, whose sentence is shown on the form.
    """
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return act()
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
    return render(request, template, {"form": form, **(context or {})}, status=status)
