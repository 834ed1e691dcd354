"""The waiting list: who waits for what, first come first; entered, changed, ended; what each entry was before."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from openkap.kernel.errors import EXIT, UserError
from openkap.people.models import Patient
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.schedule import needs, selectors_single, services_waiting
from openkap.schedule.models import WAITS, Waiting
from openkap.schedule.needs import Ask
from openkap.schedule.services_waiting import Terms
from openkap.web.schedule.forms import WEEKDAYS, day_field, hour_field
from openkap.web.schedule.offers import suits_in_words
from openkap.web.schedule.single import ask_in, asked

arrangers = about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION)


class TermsForm(forms.Form):
    """Until when somebody waits, and when they can come."""

    until = day_field(_("Waits until, this day with it"))
    weekdays = forms.MultipleChoiceField(
        label=_("Days that suit"),
        choices=WEEKDAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: any day."),
    )
    begins = hour_field(_("Not before"), required=False, help_text=_("Empty: any hour."))
    ends = hour_field(_("Over by"), required=False, help_text=_("Empty: any hour."))
    note = forms.CharField(
        label=_("Note"),
        max_length=200,
        required=False,
        help_text=_("When somebody can come, never why: everybody who plans reads it. Nothing about health."),
    )

    @property
    def terms(self) -> Terms:
        said = self.cleaned_data
        days = tuple(int(day) for day in said["weekdays"])
        return Terms(said["until"], days, said["begins"], said["ends"], said["note"])


class EntryForm(TermsForm):
    """A new entry: for what somebody waits, too."""

    what = forms.ChoiceField(label=_("Waits for"))
    field_order = ("what", "until", "weekdays", "begins", "ends", "note")

    def __init__(self, *args: Any, patient: Patient, **kwargs: Any):
        super().__init__(*args, **kwargs)
        plan = selectors_single.planned({patient.pk: patient}).get(patient.pk)
        sessions = plan.document["programme"]["sessions"] if plan else []
        mine = [(f"s:{one['id']}", one["title"]) for one in sessions if plan and one["id"] not in plan.begins]
        beside = [(f"k:{row.id}", row.title) for row in needs.kinds()]
        choices = [
            ("", _("Choose")),
            *([(_("Of the signed plan"), mine)] if mine else []),
            (_("Beside the plan"), beside),
        ]
        self.fields["what"].choices = choices  # type: ignore[attr-defined]

    @property
    def ask(self) -> Ask:
        sort, _colon, name = self.cleaned_data["what"].partition(":")
        return Ask(session=name) if sort == "s" else Ask(row=name)


@staff(Role.COORDINATOR, *CLINICIANS)
def everybody(request: ClinicRequest) -> HttpResponse:
    """Who waits, first come first."""
    mine = visible_patients(request.principal, Purpose.ADMINISTRATION).values("pk")
    rows = list(selectors_single.waiting(request.principal.site_id).filter(patient__in=mine))
    disclose(request, [row.patient for row in rows])
    today = timezone.now().astimezone(ZoneInfo(request.principal.zone)).date()
    context = {
        "rows": [(row, suits_in_words(selectors_single.suits(row)), row.until < today, _find(row)) for row in rows]
    }
    return render(request, "schedule/waiting.html", context)


def _find(row: Waiting) -> str:
    """Where times for an entry are."""
    return reverse("retreat:book", args=[row.patient_id]) + "?" + asked(Ask(row.session, row.row))


@arrangers
def of_patient(request: ClinicRequest) -> HttpResponse:
    """What somebody waits for, and a new entry."""
    given = ask_in(request.GET)
    chosen = f"s:{given.session}" if given.session else f"k:{given.row}" if given.row else ""
    form = EntryForm(request.POST or None, patient=request.patient, initial={"what": chosen})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services_waiting.enter(
                    request.principal, request.patient, form.ask, form.terms, origin=origin_of(request)
                )
                return HttpResponseRedirect(reverse("retreat:wait", args=[request.patient.pk]))
            except UserError as why:
                form.add_error(None, str(why))
                status = EXIT[why.code][1]
    rows = list(selectors_single.waiting_of(request.patient).prefetch_related("versions__by"))
    context = {
        "patient": request.patient,
        "form": form,
        "waits": [(row, suits_in_words(selectors_single.suits(row)), _find(row)) for row in rows if row.state == WAITS],
        "past": [row for row in rows if row.state != WAITS],
    }
    return render(request, "schedule/wait.html", context, status=status)


@arrangers
def entry(request: ClinicRequest, entry_id: UUID) -> HttpResponse:
    """One entry: change it, end it, what it was before."""
    row = Waiting.objects.filter(pk=entry_id, patient=request.patient).select_related("patient__site").first()
    if row is None:
        raise Http404
    act = request.POST.get("act", "")
    kept = {
        "until": row.until, "weekdays": [str(day) for day in row.weekdays], "begins": row.begins, "ends": row.ends,
        "note": row.note,
    }  # fmt: skip
    form = TermsForm(request.POST if act == "change" else None, initial=kept)
    fault, status = "", 200
    if request.method == "POST":
        status = 422
        try:
            if act == "end":
                services_waiting.end(
                    request.principal,
                    row,
                    reason=request.POST.get("reason", "")[:200],
                    expected=_number(request.POST.get("version", "")),
                    origin=origin_of(request),
                )
                return HttpResponseRedirect(reverse("retreat:wait", args=[request.patient.pk]))
            if form.is_valid():
                services_waiting.change(
                    request.principal,
                    row,
                    form.terms,
                    expected=_number(request.POST.get("version", "")),
                    origin=origin_of(request),
                )
                return HttpResponseRedirect(reverse("retreat:wait", args=[request.patient.pk]))
        except UserError as why:
            fault, status = str(why), EXIT[why.code][1]
    context = {
        "patient": request.patient,
        "row": row,
        "form": form,
        "fault": fault,
        "find": _find(row),
        "history": row.versions.select_related("by").order_by("-version"),
    }
    return render(request, "schedule/entry.html", context, status=status)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
