"""The first page, the sign of life, and what is shown when something cannot be."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from openkap.people.middleware import keep_typed
from openkap.people.policy import public


@public()
def home(request: HttpRequest) -> HttpResponse:
    """Today for staff; to others, what this is, and in demonstration mode that nobody here is real."""
    principal = getattr(request, "principal", None)
    if principal and principal.is_staff:
        return redirect("today:day")
    return render(request, "people/home.html")


@public()
def alive(request: HttpRequest) -> HttpResponse:
    """For whoever watches the server."""
    return HttpResponse("ok", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The request could not be read, or is larger than any page of ours asks for."""
    if isinstance(exception, RequestDataTooBig):
        return _say(request, _("This is too large and nothing was saved: go back, shorten it and send it again."), 413)
    return _say(request, _("This request cannot be read: go back and try again."), 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Signed in, but this page is for another role."""
    return _say(request, _("Your role does not open this page: ask a site admin if it should."), 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Absent, or not this person's to see; the two look alike."""
    return _say(
        request, _("There is nothing here that you can see: check the address, or look for it from Today."), 404
    )


def failed(request: HttpRequest) -> HttpResponse:
    """A fault of the program; nothing was written."""
    return _say(request, _("Something went wrong on our side and nothing was saved: go back and try again."), 500)


def stale_page(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or old, as after signing in anew in another tab."""
    return keep_typed(request, _("This page was open too long. What you typed is kept here: send it again."), 403)


def _say(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    return render(request, "people/refused.html", {"sentence": sentence}, status=status)
