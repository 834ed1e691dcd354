"""The board of a retreat: guests by days on one screen; a session in the hand; publishing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Role
from openkap.plan import selectors as plans
from openkap.schedule import selectors, services, services_runs
from openkap.schedule.models import Guest, Retreat, Version
from openkap.schedule.types import Placed
from openkap.web.judge import judge
from openkap.web.schedule import shown
from openkap.web.schedule.names import Names, names_of

watchers = staff(Role.COORDINATOR, Role.SITE_ADMIN, *CLINICIANS)
planners = staff(Role.COORDINATOR)


@watchers
def all_retreats(request: ClinicRequest) -> HttpResponse:
    """Retreats of the site, and the one thing to do where there is none."""
    rows = [(row, selectors.last_day(row), row.guests.count()) for row in selectors.retreats(request.principal.site_id)]
    context = {
        "rows": rows,
        "plans": request.principal.has(Role.COORDINATOR),
        "arranges": request.principal.has(Role.COORDINATOR, *CLINICIANS),
    }
    return render(request, "schedule/all.html", context)


@watchers
def board(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """Guests by days."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    return render(request, "schedule/board.html", _board(request, retreat, request.GET.get("s", "")))


def _board(request: ClinicRequest, retreat: Retreat, chosen: str = "", fault: str = "") -> dict[str, Any]:
    names = names_of(request, retreat)
    draft, published = selectors.draft_of(retreat), selectors.published_of(retreat)
    run = selectors.last_run(retreat)
    context: dict[str, Any] = {
        "retreat": retreat,
        "names": names,
        "last": selectors.last_day(retreat),
        "draft": draft,
        "published": published,
        "run": run,
        "going": run is not None and services_runs.is_going(run),
        "plans": request.principal.has(Role.COORDINATOR),
        "arranges": request.principal.has(Role.COORDINATOR, *CLINICIANS),
        "guests": len(names.guests),
        "fault": fault,
        "legend": [(*shown.LETTERS[kind], words) for kind, words in shown.LEGEND],
    }
    if draft is not None:
        instance, plan = selectors.problem_of(draft)
        context |= {
            "board": shown.board(names, instance, plan),
            "costs": shown.costs(instance, draft.terms),
            "total": draft.objective,
            "people": len(instance.staff),
            "rooms": len(instance.rooms),
            "later": [(names.of(one.code), left) for one in names.guests if (left := shown.outside(one, retreat.days))],
        }
        if published is not None:
            now, broken = services.since_published(retreat)
            context["broken"] = list(dict.fromkeys(names.broken(now, one) for one in broken))
        if chosen and request.principal.has(Role.COORDINATOR):
            context["hand"] = shown.in_hand(names, draft, chosen)
    return context


@planners
def session(request: ClinicRequest, retreat_id: UUID, name: str) -> HttpResponse:
    """A session in the hand: what holds it, where it could go, why not elsewhere; moving it is a new version."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    draft = selectors.draft_of(retreat)
    if draft is None:
        raise Http404
    names = names_of(request, retreat)
    if request.method == "POST":
        try:
            services.move(
                request.principal,
                _expected(draft, request.POST.get("version", "")),
                _placed(name, request.POST.get("to", "")),
                reason=_("moved: %(session)s") % {"session": names.titles.get(name, name)},
                origin=origin_of(request),
            )
        except UserError as why:
            context = _board(request, retreat, name, names.told(str(why)))
            return render(request, "schedule/board.html", context, status=EXIT[why.code][1])
        return HttpResponseRedirect(reverse("retreat:board", args=[retreat.pk]) + f"?s={name}#hand")
    hand = shown.in_hand(names, draft, name)
    if hand is None:
        raise Http404
    template = "schedule/_hand.html" if request.headers.get("HX-Request") else "schedule/session.html"
    return render(request, template, {"retreat": retreat, "draft": draft, "hand": hand})


def _expected(draft: Version, number: str) -> Version:
    """The version that the page showed, whose move it is."""
    if number.isdigit() and int(number) != draft.number:
        return draft.retreat.versions.filter(number=int(number)).first() or draft
    return draft


def _placed(name: str, value: str) -> Placed:
    start, _bar, rest = value.partition("|")
    people, _bar, room = rest.partition("|")
    if not start.isdigit() or len(start) > 6:
        raise UserError("to: no time was chosen; choose one of those that are offered.")
    return Placed(
        activity=name, start=int(start), staff=tuple(one for one in people.split(",") if one), room=room or None
    )


@planners
def undo(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """The version before, as the newest one."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    draft = selectors.draft_of(retreat)
    if request.method == "POST" and draft is not None:
        before = retreat.versions.filter(number=draft.number - 1).first()
        try:
            if before is None or request.POST.get("version") != str(draft.number):
                raise UserError("There is nothing to undo: look at the calendar as it is now.")
            instance, plan = selectors.problem_of(before)
            services.write_version(
                request.principal,
                retreat,
                instance,
                plan,
                reason=_("undone: %(reason)s") % {"reason": draft.reason},
                expected=draft.number,
                origin=origin_of(request),
            )
        except UserError as why:
            context = _board(request, retreat, fault=str(why))
            return render(request, "schedule/board.html", context, status=EXIT[why.code][1])
    return HttpResponseRedirect(reverse("retreat:board", args=[retreat.pk]))


@planners
def publish(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """Book every session of the newest version."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    draft = selectors.draft_of(retreat)
    if request.method == "POST" and draft is not None:
        names = names_of(request, retreat)
        try:
            shown_version = _expected(draft, request.POST.get("version", ""))
            services.publish(request.principal, shown_version, why_not(names), origin=origin_of(request))
        except UserError as why:
            context = _board(request, retreat, fault=names.told(str(why)))
            return render(request, "schedule/board.html", context, status=EXIT[why.code][1])
    return HttpResponseRedirect(reverse("retreat:board", args=[retreat.pk]))


def why_not(names: Names) -> Callable[[Sequence[Guest]], list[str]]:
    """Guests whose plan is not signed any more, is another by now, or needs review: nothing of them is booked."""

    def told(guests: Sequence[Guest]) -> list[str]:
        standing = plans.standings([guest.patient for guest in guests])
        found = []
        for guest in guests:
            now = standing.get(guest.patient_id)
            who = names.of(guest.code)
            if now is None or not now.signed or now.draft:
                found.append(_("The plan of %(who)s is not signed: have it signed first.") % {"who": who})
            elif now.version != guest.programme.version:
                text = _("%(who)s has a newer plan: build anew, or make a retreat with it.")
                found.append(text % {"who": who})
            elif now.moved and plans.moved_ground(guest.programme, judge(guest.patient)):
                text = _("The plan of %(who)s needs review: something under it has changed since it was signed.")
                found.append(text % {"who": who})
        return found

    return told
