"""Guests of a retreat as a list: on the screen, on paper with its watermark and its end, in a file, at the doors."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.people.models import Patient
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_ids
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.schedule import messages, selectors, services_group
from openkap.schedule.models import Retreat
from openkap.schedule.models_message import Roster
from openkap.schedule.services_group import DOORS, FILE, PAPER, Guest

MARKS = range(14)  # how often who took it stands across the sheet
keepers = staff(Role.COORDINATOR, *CLINICIANS)
REFUSED: dict[str, str | Promise] = {
    "old": gettext_lazy("It is too old. Shred it, and print another."),
    "changed": gettext_lazy("What it lists has changed since. Shred it, and print another."),
    "replaced": gettext_lazy("A newer one was taken by the same person. Shred this one."),
}


def _guests(request: ClinicRequest, retreat: Retreat) -> list[tuple[Guest, str]]:
    """Guests with the names that this person may read; each is a read of that record."""
    visible = set(visible_ids(request.principal, Purpose.ADMINISTRATION))
    rows = services_group.guests_of(retreat)
    disclose(request, [one.patient for one in rows if one.patient.pk in visible])
    return [
        (
            one,
            f"{one.patient.given} {one.patient.family}".strip()
            if one.patient.pk in visible
            else _("Guest %(n)s") % {"n": int(one.code[1:])},
        )
        for one in rows
    ]


def _named(request: ClinicRequest, rows: list[tuple[Guest, str]]) -> list[Patient]:
    return [one.patient for one, _name in rows if one.patient.pk in request.disclosed]


@keepers
def roster(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """The list on the screen; printing it makes a list with a code and an end."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    rows = _guests(request, retreat)
    if request.method == "POST":
        doors, initials = request.POST.get("form") == DOORS, bool(request.POST.get("initials"))
        made = services_group.take_list(
            request.principal,
            retreat,
            DOORS if doors else PAPER,
            _named(request, rows) if initials or not doors else [],
            day=_day(request.POST.get("day", ""), retreat) if doors else None,
            initials=doors and initials,
            origin=origin_of(request),
        )
        return HttpResponseRedirect(reverse("retreat:roster-paper", args=[retreat.pk, made.pk]))
    context = {
        "retreat": retreat,
        "rows": rows,
        "hours": messages.number("MSG-PAPER", "hours"),
        "days": [retreat.start + timedelta(days=n) for n in range(retreat.days)],
    }
    return render(request, "schedule/roster.html", context)


@keepers
def paper(request: ClinicRequest, retreat_id: UUID, list_id: UUID) -> HttpResponse:
    """
    A list as it is printed, for whoever took it and while it is good.

    Raises:
        Http404: it is none of this retreat, or somebody else's.
    """
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    row = Roster.objects.filter(pk=list_id, retreat=retreat, by=request.principal.user_id).exclude(form=FILE).first()
    if row is None:
        raise Http404
    if (state := services_group.standing(row)) != "good":
        over = {"retreat": retreat, "row": row, "sentence": REFUSED[state]}
        return render(request, "schedule/roster_over.html", over, status=410)
    if row.form == DOORS:
        return _doors(request, retreat, row)
    context = {"retreat": retreat, "row": row, "rows": _guests(request, retreat), "marks": MARKS}
    return render(request, "schedule/roster_paper.html", context)


def _doors(request: ClinicRequest, retreat: Retreat, row: Roster) -> HttpResponse:
    """Rooms and hours of a day, to hang beside the doors: initials where asked for, or nothing."""
    mine = set(visible_ids(request.principal, Purpose.ADMINISTRATION)) if row.initials else set()
    disclose(request, [one.patient for one in selectors.guests_of(retreat) if one.patient_id in mine])
    day = row.day or retreat.start
    context = {
        "retreat": retreat,
        "row": row,
        "day": day,
        "doors": services_group.doors(retreat, day, initials=row.initials, mine=mine).items(),
        "marks": MARKS,
    }
    return render(request, "schedule/doors_paper.html", context)


def _day(text: str, retreat: Retreat) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return retreat.start
    return min(max(day, retreat.start), selectors.last_day(retreat))


@staff(Role.COORDINATOR, *CLINICIANS, step_up=True)
def file(request: ClinicRequest, retreat_id: UUID) -> HttpResponse:
    """The list as a file for another program, marked as the paper is."""
    retreat = selectors.retreat_or_404(request.principal, retreat_id)
    if request.method != "POST":
        return HttpResponseRedirect(reverse("retreat:roster", args=[retreat.pk]))
    rows = _guests(request, retreat)
    made = services_group.take_list(request.principal, retreat, FILE, _named(request, rows), origin=origin_of(request))
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow([_("List %(code)s") % {"code": made.code}, _("taken by %(name)s") % {"name": _cell(made.name)}])
    out.writerow([_("on"), _wall(made.at), _("good until"), _wall(made.ends_at)])
    out.writerow([_("Then delete it. Pass it to nobody. Its code is looked up under Lists of guests.")])
    out.writerow([])
    out.writerow([_("guest"), _("name"), _("comes"), _("goes"), _("therapist")])
    for one, name in rows:
        out.writerow([one.code, _cell(name), _wall(one.comes), _wall(one.goes), _cell(one.therapist)])
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="list-{made.code}.csv"'
    return response


def _cell(text: str) -> str:
    """No spreadsheet takes a name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _wall(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else ""


@staff(Role.COORDINATOR, Role.SITE_ADMIN, *CLINICIANS, once=False)
def look_up(request: ClinicRequest) -> HttpResponse:
    """Whether a list that somebody holds is still good. The code goes in the body."""
    context: dict[str, object] = {"code": "", "asked": request.method == "POST"}
    if request.method == "POST":
        code = request.POST.get("code", "")[:20]
        row = services_group.look_up(request.principal, code)
        context["code"] = code
        if row is not None:
            state = services_group.standing(row)
            context |= {"row": row, "good": state == "good", "sentence": REFUSED.get(state, "")}
    return render(request, "schedule/look_up.html", context)
