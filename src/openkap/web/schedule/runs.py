"""Searches: building a plan while one watches, somebody is away, and the smallest repair as a picture."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from openkap.kernel.clock import instant_of
from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Role
from openkap.schedule import selectors, services, services_house, services_runs
from openkap.schedule.least import forced
from openkap.schedule.models import BUILD, FAILED, PERSON, REPAIR, RUNS, WAITS, Retreat, Run
from openkap.web.schedule import shown
from openkap.web.schedule.forms import AwayForm
from openkap.web.schedule.names import names_of
from openkap.web.schedule.views import planners, why_not

SECONDS = (10, 30, 60, 180)


@planners
def build(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """Ask for a plan; how long it may take is said first."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    fault, status = "", 200
    if request.method == "POST":
        try:
            services.renew_programmes(request.principal, retreat, origin=origin_of(request))
            said = request.POST.get("seconds", "")
            seconds = int(said) if said.isdigit() and int(said) in SECONDS else services_runs.BUILD_S
            whole = request.POST.get("whole", "1") == "1"
            asked = services_runs.ask(
                request.principal, retreat, kind=BUILD, seconds=seconds, whole=whole, origin=origin_of(request)
            )
            return HttpResponseRedirect(reverse("retreat:run", args=[retreat.pk, asked.pk]))
        except UserError as why:
            fault, status = names_of(request, retreat).told(str(why)), EXIT[why.code][1]
    context = {"retreat": retreat, "fault": fault, "seconds": SECONDS, "draft": selectors.draft_of(retreat)}
    return render(request, "schedule/build.html", context, status=status)


@planners
def away(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """Somebody cannot be there: say who and until when, and the smallest repair is looked for."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    names = names_of(request, retreat)
    form = AwayForm(
        request.POST or None,
        people=list(selectors.resources(retreat.site_id, PERSON)),
        guests=[(guest.code, names.of(guest.code)) for guest in names.guests],
        initial={"first": retreat.start, "last": retreat.start},
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return HttpResponseRedirect(_absent(request, retreat, form))
            except UserError as why:
                form.add_error(None, names.told(str(why)))
                status = EXIT[why.code][1]
    context = {"retreat": retreat, "form": form, "published": selectors.published_of(retreat)}
    return render(request, "schedule/away.html", context, status=status)


@planners
def repair(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """Look for the smallest repair of what was published, as things stand now."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    if request.method != "POST":
        return HttpResponseRedirect(reverse("retreat:board", args=[retreat.pk]))
    asked = services_runs.ask(request.principal, retreat, kind=REPAIR, origin=origin_of(request))
    return HttpResponseRedirect(reverse("retreat:run", args=[retreat.pk, asked.pk]))


def _absent(request: ClinicRequest, retreat: Retreat, form: AwayForm) -> str:
    zone, (begins, ends) = ZoneInfo(retreat.site.zone), form.hours
    who = form.cleaned_data["who"]
    guest = next((one for one in selectors.guests_of(retreat) if one.code == who), None)
    person = None if guest else selectors.resources(retreat.site_id, PERSON).filter(pk=int(who[1:])).first()
    absence = services_house.absent(
        request.principal,
        retreat.site,
        kind=form.cleaned_data["kind"],
        starts_at=instant_of(begins, zone),
        ends_at=instant_of(ends, zone),
        resource=person,
        patient=guest.patient if guest else None,
        origin=origin_of(request),
    )
    kind = REPAIR if selectors.published_of(retreat) is not None else BUILD
    asked = services_runs.ask(request.principal, retreat, kind=kind, absence=absence, origin=origin_of(request))
    return reverse("retreat:run", args=[retreat.pk, asked.pk])


@planners
def run(request: ClinicRequest, retreat_id: UUID, run_id: UUID) -> HttpResponse:
    """How far a search is; what came of it; stop it, take it over, try another."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    row = selectors.run_or_404(retreat, run_id)
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_act(request, retreat, row))
        except UserError as why:
            context = _shown(request, retreat, row) | {"fault": names_of(request, retreat).told(str(why))}
            return render(request, "schedule/run.html", context, status=EXIT[why.code][1])
    return render(request, "schedule/run.html", _shown(request, retreat, row))


@staff(Role.COORDINATOR, activity=False)
def live(request: ClinicRequest, retreat_id: UUID, run_id: UUID) -> HttpResponse:
    """The part of the page that moves while a search goes on; once it is over the page is loaded anew."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    row = selectors.run_or_404(retreat, run_id)
    context = _progress(row)
    response = render(request, "schedule/_progress.html", {"retreat": retreat, "run": row, **context})
    if not context["going"]:
        response["HX-Refresh"] = "true"
    return response


def _act(request: ClinicRequest, retreat: Retreat, row: Run) -> str:
    act, origin = request.POST.get("act", ""), origin_of(request)
    here = reverse("retreat:run", args=[retreat.pk, row.pk])
    back = reverse("retreat:board", args=[retreat.pk])
    if act == "stop":
        services_runs.stop(request.principal, row)
        return here
    if act == "accept":
        names = names_of(request, retreat)
        services_runs.accept(request.principal, row, why_not(names), origin=origin)
        return back
    if act == "take":
        services_runs.take_over(request.principal, row, origin=origin)
        return back
    if act in ("another", "leave-out"):
        asked = services_runs.ask(
            request.principal,
            retreat,
            kind=row.kind,
            absence=row.absence,
            seconds=row.seconds,
            seed=row.seed + 1,
            whole=act == "another" and row.whole,
            origin=origin,
        )
        return reverse("retreat:run", args=[retreat.pk, asked.pk])
    raise UserError(_("Nothing was chosen: press one of the buttons."))


def _progress(row: Run) -> dict[str, Any]:
    going = services_runs.is_going(row)
    instance = selectors.decoded(row.instance)
    last = row.course[-1] if row.course else None
    return {
        "going": going,
        "seconds": last[0] if last else 0,
        "missing": last[2] if last else None,
        "objective": last[1] if last else None,
        "points": shown.course(row),
        "costs": shown.costs(instance, row.terms) if row.terms else [],
        "lost": not going and row.state in (WAITS, RUNS),
        "failed": row.state == FAILED,
    }


def _shown(request: ClinicRequest, retreat: Retreat, row: Run) -> dict[str, Any]:
    names = names_of(request, retreat)
    context: dict[str, Any] = {
        "retreat": retreat,
        "run": row,
        "conflict": shown.conflict(names, row),
        "draft": selectors.draft_of(retreat),
        **_progress(row),
    }
    if row.absence is not None:
        who = row.absence.resource.name if row.absence.resource else ""
        if row.absence.patient is not None:
            who = next((names.of(one.code) for one in names.guests if one.patient_id == row.absence.patient_id), "")
        context["absent"] = {"who": who, "kind": row.absence.kind, "row": row.absence}
    if row.kind == REPAIR and row.plan and not context["going"] and row.base is not None:
        instance, plan = selectors.decoded(row.instance), selectors.plan_of(row.plan)
        before = selectors.plan_of(row.base.plan)
        assert instance.baseline is not None
        after = services.with_past(instance, before, plan, instance.baseline.now)
        board = shown.board(names, instance, after, before)
        context |= {
            "board": board,
            "touched": [one for one in board.rows if one.touched],
            "changes": shown.changes(names, instance, before, after),
            "moved": shown.moved(names, instance, before, after),
            "cannot_stay": len(forced(instance)),
        }
    return context
