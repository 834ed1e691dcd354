"""
A form on a patient's phone. The link is the only door: no account, no session, nothing else can be reached.

Every page works without script by plain posts; `static/web/form.js` adds one page for all questions, which
keeps answers on the phone while there is no signal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from openkap.assess import asking, crisis, services
from openkap.assess.asking import CLOSED, REMOVED
from openkap.assess.intake import DECLINED, NEVER
from openkap.assess.models import SafetyAlert
from openkap.assess.selectors import Door, answers_of, door
from openkap.kernel.errors import EXIT, UserError
from openkap.people import audit
from openkap.people.audit import Event
from openkap.people.once import new_key
from openkap.people.policy import public
from openkap.people.request import client_address, origin_of
from openkap.people.types import Purpose
from openkap.web.forms.known import Known, known_answers
from openkap.web.forms.shown import shown

log = logging.getLogger("openkap.forms")
View = Callable[..., HttpResponse]

WHY_SHUT: dict[str, str | Promise] = {
    "unknown": gettext_lazy("This link is not one of ours, or a part of it is missing."),
    "expired": gettext_lazy("This link is too old to be used."),
    "revoked": gettext_lazy("This link has ended, because a newer one was made or the birth date did not match."),
    "withdrawn": gettext_lazy("Your clinic does not need this form any more."),
    "done": gettext_lazy("Thank you. Your answers are with your clinic."),
    "declined": gettext_lazy("Thank you. Your clinic will ask you in person."),
}
_ENDED_WELL = ("done", "declined", "withdrawn")


def through_the_door(view: View) -> View:
    """Give the view the open door of its token; a shut or unknown one is answered here, in one sentence."""

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        if too_many_unknown(request):
            return _shut(request, "unknown", 429)
        found = door(token, request.COOKIES.get(_cookie(token), ""))
        if found is None:
            count_unknown(request)
            return _shut(request, "unknown", 404)
        if found.why_shut:
            return _shut(request, found.why_shut, 200 if found.why_shut in _ENDED_WELL else 410, found)
        with timezone.override(ZoneInfo(found.link.request.patient.site.zone)):
            return view(request, token, found)

    return opened


@public()
@through_the_door
def question(request: HttpRequest, token: str, found: Door) -> HttpResponse:
    """The next open question, or the one that `q` names; before that, who asks and what."""
    if found.device is None:
        return _start(request, token, found)
    services.seen(found)
    _record_read(request, found)
    return _page(request, token, found, request.GET.get("q", ""))


@public()
@require_POST
@through_the_door
def begin(request: HttpRequest, token: str, found: Door) -> HttpResponse:
    """Let this browser in."""
    said = request.POST.get("birth_date", "").strip()
    try:
        born = date.fromisoformat(said) if said else None
    except ValueError:
        return _start(request, token, found, _("The birth date is not a date: write it as 1988-04-02."), 422)
    try:
        browser = services.enter(found, born, origin=origin_of(request))
    except UserError as fault:
        return _start(request, token, found, str(fault), EXIT[fault.code][1])
    response = redirect("forms:question", token=token)
    response.set_cookie(
        _cookie(token),
        browser,
        path=reverse("forms:question", args=[token]),
        expires=found.link.expires_at,
        httponly=True,
        secure=settings.TLS,
        samesite="Lax",
    )
    return response


@public()
@require_POST
@through_the_door
def answer(request: HttpRequest, token: str, found: Door) -> HttpResponse:
    """Keep one answer. A script gets JSON; a plain form goes on to help, or to the next question."""
    scripted = request.headers.get("Accept") == "application/json"
    if found.writer is None:
        sentence = _("Give your birth date to go on here.")
        if scripted:
            return JsonResponse({"sentence": sentence, "enter": True}, status=403)
        return _start(request, token, found, sentence, 403)
    services.seen(found)
    shape = asking.shape_of(found.request.form, settings.ENVIRONMENT.site)
    link_id = _link(shape, request)
    try:
        saved = services.save_answer(
            None,
            found.request,
            link_id,
            _sent(request),
            key=_key(request),
            sequence=_sequence(request),
            given_at=_given_at(request),
            device=found.writer,
            site=settings.ENVIRONMENT.site,
            origin=origin_of(request),
        )
    except UserError as fault:
        status = EXIT[fault.code][1]
        if scripted:
            return JsonResponse({"sentence": str(fault)}, status=status)
        return _page(request, token, found, link_id.partition("/")[0], str(fault), status)
    calls_for_help = bool(asking.flags(shape, link_id, saved.answer.value))
    if scripted:
        return JsonResponse({"saved": True, "help": calls_for_help, "told": saved.told})
    if calls_for_help:
        return redirect(f"{reverse('forms:help', args=[token])}?q={link_id}")
    following = link_id.partition("/")[0] if "/" in link_id else _following(shape, answers_of(found.request), link_id)
    return redirect(f"{reverse('forms:question', args=[token])}?q={following}")


@public()
@through_the_door
def send(request: HttpRequest, token: str, found: Door) -> HttpResponse:
    """The last page: what is open, and the button that ends the form."""
    if found.device is None:
        return _start(request, token, found)
    sentence, status = "", 200
    if request.method == "POST":
        try:
            services.finish(None, found.request, site=settings.ENVIRONMENT.site, origin=origin_of(request))
            return redirect("forms:question", token=token)
        except UserError as fault:
            sentence, status = str(fault), EXIT[fault.code][1]
    shape = asking.shape_of(found.request.form, settings.ENVIRONMENT.site)
    left = asking.required(shape, answers_of(found.request))
    context = _frame(request, token, found) | {"left": left, "sentence": sentence, "first": shape.questions[0].link}
    return render(request, "forms/send.html", context, status=status)


@public()
@require_POST
@through_the_door
def stop(request: HttpRequest, token: str, found: Door) -> HttpResponse:
    """Leave: this browser is forgotten, what was answered stays."""
    services.leave(found)
    response = render(request, "forms/stopped.html", _frame(request, token, found))
    response.delete_cookie(_cookie(token), path=reverse("forms:question", args=[token]))
    return response


@public()
def crisis_help(request: HttpRequest, token: str) -> HttpResponse:
    """Help at once. It opens whether or not the link does; it says nothing of anybody."""
    found = None if too_many_unknown(request) else door(token, request.COOKIES.get(_cookie(token), ""))
    context: dict[str, Any] = {"help": _help(), "token": token, "back": ""}
    if found and not found.why_shut and found.device:
        alerts = list(SafetyAlert.objects.filter(request=found.request))
        context |= {
            "raised": bool(alerts),
            "told": any(alert.notices.exists() for alert in alerts),
            "back": request.GET.get("q", ""),
            "is_open": True,
        }
    return render(request, "forms/help.html", context)


# ---------------------------------------------------------------- parts of the above


def _page(
    request: HttpRequest, token: str, found: Door, wanted: str, sentence: str = "", status: int = 200
) -> HttpResponse:
    shape = asking.shape_of(found.request.form, settings.ENVIRONMENT.site)
    answers = answers_of(found.request)
    asked = asking.asked(shape, answers)
    here = next((q for q in asked if q.link == wanted), None)
    here = here or next(iter(asking.still_open(shape, answers)), None)
    if here is None or wanted == "end":
        return redirect("forms:send", token=token)
    known: dict[str, Known] = {}
    if found.device and found.device.proved:
        known = known_answers(found.request.patient, shape)
    rows = [shown(q, answers, known.get(q.link)) for q in shape.questions]
    place = asked.index(here)
    typed = {name: request.POST.getlist(name) for name in request.POST} if sentence else {}
    context = _frame(request, token, found) | {
        "question": shown(here, answers, known.get(here.link), typed=typed),
        "questions": rows,
        "number": place + 1,
        "of": len(asked),
        "before": asked[place - 1].link if place else "",
        "sentence": sentence,
        "key": new_key(),
        "words": asking.requests().words,
        "help": _help(),
        "may_remember": not known and not (found.device and found.device.proved) and not shape.is_instrument,
    }
    return render(request, "forms/question.html", context, status=status)


def _start(request: HttpRequest, token: str, found: Door, sentence: str = "", status: int = 200) -> HttpResponse:
    shape = asking.shape_of(found.request.form, settings.ENVIRONMENT.site)
    asks_birth_date = found.is_bound
    context = _frame(request, token, found) | {
        "minutes": shape.minutes,
        "count": len(asking.asked(shape, answers_of(found.request))),
        "asks_birth_date": asks_birth_date,
        "offers_birth_date": not asks_birth_date and not shape.is_instrument,
        "sentence": sentence,
    }
    return render(request, "forms/start.html", context, status=status)


def _shut(request: HttpRequest, why: str, status: int, found: Door | None = None) -> HttpResponse:
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"sentence": str(WHY_SHUT[why]), "shut": why}, status=409 if status == 200 else status)
    raised = bool(found and found.device and SafetyAlert.objects.filter(request=found.request).exists())
    context = {
        "sentence": WHY_SHUT[why],
        "well": why in _ENDED_WELL,
        "help": _help() if raised else None,
        "form_id": str(found.request.pk) if found else "",
    }
    return render(request, "forms/shut.html", context, status=status)


def _frame(request: HttpRequest, token: str, found: Door) -> dict[str, Any]:
    """What each page of an open form says: a first name and the clinic, nothing more of who it is for."""
    return {
        "token": token,
        "form_id": str(found.request.pk),
        "title": asking.title_of(found.request.form),
        "first_name": found.request.patient.given.split(" ")[0],
        "clinic": found.request.patient.site.name,
        "synthetic": found.request.patient.synthetic,
    }


def _following(shape: asking.FormShape, answers: dict[str, object], link_id: str) -> str:
    """The next open question after this one, else the first open one, else the end."""
    open_links = [q.link for q in asking.still_open(shape, answers)]
    order = [q.link for q in shape.questions]
    later = [link for link in open_links if order.index(link) > order.index(link_id)]
    return next(iter([*later, *open_links]), "end")


def _link(shape: asking.FormShape, request: HttpRequest) -> str:
    """The question that is answered; of a list the entry, unless a button speaks of the whole list."""
    base = request.POST.get("link_id", "")
    if "remove" in request.POST:
        return f"{base}/{request.POST['remove']}"
    is_list = any(q.link == base and q.kind == "entries" for q in shape.questions)
    if is_list and not {"close", "decline"} & set(request.POST):
        return f"{base}/{request.POST.get('next', '')}"
    return base


def _sent(request: HttpRequest) -> dict[str, list[str]]:
    for name, code in (("decline", DECLINED), ("never", NEVER), ("close", CLOSED), ("remove", REMOVED)):
        if name in request.POST:
            return {"value": [code]}
    return {name: request.POST.getlist(name) for name in request.POST if name.startswith("value")}


def _key(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("key", ""))
    except ValueError:
        raise UserError("This answer came without its key: reload the page and send it again.") from None


def _sequence(request: HttpRequest) -> int:
    text = request.POST.get("sequence", "")
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    return int(timezone.now().timestamp() * 1000)


def _given_at(request: HttpRequest) -> datetime | None:
    text = request.POST.get("sequence", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        return None
    return datetime.fromtimestamp(int(text) / 1000, UTC) if int(text) < 32_503_680_000_000 else None


def _record_read(request: HttpRequest, found: Door) -> None:
    """The page shows what was answered so far: a read, written before it leaves."""
    event = Event(
        "patient-record",
        "R",
        patient_id=found.request.patient_id,
        purpose=Purpose.OWN,
        entity=f"FormLink/{found.link.pk}",
    )
    audit.record(found.request.patient.site_id, [event], origin=origin_of(request))


def _help() -> crisis.Help:
    """Help of the site; where its own file is at fault, the national lines: somebody may need them now."""
    try:
        return crisis.help_of(settings.ENVIRONMENT.site)
    except UserError:
        log.exception("crisis.unreadable")
        return crisis.help_of(None)


def _cookie(token: str) -> str:
    return f"form-{token[:8]}"


def too_many_unknown(request: HttpRequest) -> bool:
    """True if this address tried too many links that do not exist within the hour."""
    tried = cache.get(f"unknown-links:{client_address(request)}", 0)
    return bool(tried >= asking.requests().links.unknown_links_per_hour)


def count_unknown(request: HttpRequest) -> None:
    """Count a link that does not exist against the address that tried it."""
    name = f"unknown-links:{client_address(request)}"
    if not cache.add(name, 1, timeout=3600):
        cache.incr(name)
