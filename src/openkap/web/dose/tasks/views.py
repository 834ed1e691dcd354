"""Calls and follow-ups of sessions: who, what, until when. A coordinator sees who is to be called, and no value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from openkap.dose.models import Task
from openkap.dose.selectors import closed_tasks, open_tasks
from openkap.dose.services_after import close_task
from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.dose.tasks.forms import CloseForm
from openkap.web.dose.tasks.words import KINDS, OTHER
from openkap.web.identity import full_name
from openkap.web.parts import Shape, Words

BACK = timedelta(days=7)  # how long a closed task stays in sight
MOST = 100


@dataclass(frozen=True)
class Row:
    """
    One task of the list.

    Args:
        what: by kind; text: with values, for clinicians alone. late: it is due; when: until when, in words.
    """

    task: Task
    name: str
    what: Words
    text: str
    shape: Shape
    late: bool
    when: str
    url: str


@staff(*CLINICIANS, Role.COORDINATOR)
def tasks(request: ClinicRequest) -> HttpResponse:
    """What is open, the latest first, and what was done in the last days."""
    principal, now = request.principal, timezone.now()
    clinical = principal.has(*CLINICIANS)
    mine = visible_patients(principal, Purpose.TREATMENT if clinical else Purpose.ADMINISTRATION)
    if clinical and principal.has(Role.COORDINATOR):
        mine = mine | visible_patients(principal, Purpose.ADMINISTRATION)
    treated = set(visible_patients(principal, Purpose.TREATMENT).values_list("pk", flat=True)) if clinical else set()
    found = list(open_tasks(principal.site_id).filter(patient__in=mine)[: MOST + 1])
    done = list(closed_tasks(principal.site_id, now - BACK).filter(patient__in=mine)[:MOST])
    disclose(request, [task.patient for task in (*found[:MOST], *done)])
    context = {
        "rows": [_row(task, now, task.patient_id in treated) for task in found[:MOST]],
        "more": len(found) > MOST,
        "done": [_row(task, now, task.patient_id in treated) for task in done],
        "clinical": clinical,
    }
    return render(request, "dose/tasks/tasks.html", context)


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def close(request: ClinicRequest, pk: int) -> HttpResponse:
    """Close one with what came of it."""
    task = Task.objects.filter(patient=request.patient, pk=pk).select_related("patient", "session", "done_by").first()
    if task is None:
        raise Http404
    form, status = CloseForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                outcome = form.cleaned_data["outcome"]
                close_task(request.principal, request.patient, pk, outcome=outcome, origin=origin_of(request))
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
                task.refresh_from_db()
            else:
                return HttpResponseRedirect(reverse("dose:tasks"))
    context: dict[str, Any] = {"form": form, "row": _row(task, timezone.now(), True)}
    return render(request, "dose/tasks/close.html", context, status=status)


def _row(task: Task, now: datetime, treats: bool) -> Row:
    late = task.done_at is None and task.due <= now
    return Row(
        task=task,
        name=full_name(task.patient),
        what=KINDS.get(task.kind, OTHER),
        text=task.text if treats else "",
        shape="caution" if late else "plain",
        late=late,
        when=due_words(task.due, now),
        url=reverse("dose:task", args=[task.patient_id, task.pk]) if treats else "",
    )


def due_words(due: datetime, now: datetime) -> str:
    """How long until then, or since: `2 h late`, `in 35 min`, `now`."""
    minutes = round((due - now).total_seconds() / 60)
    hours = round(abs(minutes) / 60)
    if abs(minutes) < 1:
        return _("now")
    if abs(minutes) < 60:
        said = ngettext("%d min", "%d min", abs(minutes)) % abs(minutes)
    elif hours < 48:
        said = ngettext("%d h", "%d h", hours) % hours
    else:
        days = round(hours / 24)
        said = ngettext("%d day", "%d days", days) % days
    return _("in %s") % said if minutes > 0 else _("%s late") % said
