"""
The link in a message: day, hour and where to come, and two buttons. It needs no sign-in, so it shows nothing else: no
name, no clinic, no kind of appointment. It ends when what it is about changes or begins.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from openkap.people.policy import public
from openkap.people.request import origin_of
from openkap.schedule import services_message
from openkap.web.forms.phone import count_unknown, too_many_unknown


@public()
def reply(request: HttpRequest, token: str) -> HttpResponse:
    """Look, or answer. To look changes nothing: a mail program may open the link before the patient does."""
    if too_many_unknown(request):
        return _shut(request, 429)
    if request.method == "POST":
        found = services_message.answer(token, request.POST.get("answer", ""), origin=origin_of(request))
    else:
        found = services_message.door(token)
    if found is None:
        count_unknown(request)
        return _shut(request, 404)
    with timezone.override(ZoneInfo(found.message.patient.site.zone)):
        context = {
            "starts": found.starts,
            "address": services_message.outgoing().address,
            "answer": found.message.answer,
        }
        return render(request, "schedule/reply.html", context)


def _shut(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, "schedule/reply.html", {"shut": True}, status=status)
