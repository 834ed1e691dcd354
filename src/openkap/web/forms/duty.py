"""Alerts after a suicidality answer, for those whom they have reached, and the rota that says who is on call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openkap.assess import asking, crisis, services
from openkap.assess.models import OnCall, SafetyAlert
from openkap.assess.selectors import alert_or_404, alerts_for, is_closed, owners
from openkap.assess.selectors import rota as rota_of
from openkap.chart.selectors import kept_records
from openkap.kernel.clock import instant_of
from openkap.kernel.errors import UserError
from openkap.people.models import Membership, Patient, Site, User
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.types import CLINICIANS, STAFF, Role
from openkap.web.forms.shown import words_of
from openkap.web.identity import full_name

OUTCOMES: list[tuple[str, str | Promise]] = [
    ("reached", _("I reached the patient")),
    ("handed-over", _("I handed over to an emergency service")),
    ("not-reached", _("I tried and did not reach the patient")),
]
RINGS: dict[str, str | Promise] = {
    "on-call": _("on call"),
    "care-team": _("care team"),
    "clinicians": _("all clinicians"),
    "staff": _("all staff"),
}


class ActForm(forms.Form):
    """What was done; nothing is chosen beforehand."""

    outcome = forms.ChoiceField(label=_("What happened"), choices=OUTCOMES, widget=forms.RadioSelect)
    what = forms.CharField(
        label=_("What you did"),
        max_length=1000,
        widget=forms.Textarea,
        help_text=_("Whom you reached, how, and what was agreed."),
    )


class WallField(forms.DateTimeField):
    """A time as the clocks of the site show it, whatever the zone of the server; `zone` is set by the form."""

    zone: ZoneInfo

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):  # the parent reads the server's zone into what was typed
            typed = super().to_python(value)
        if typed is None:
            return None
        try:
            return instant_of(typed.replace(tzinfo=None), self.zone)
        except UserError as fault:
            raise forms.ValidationError(str(fault)) from None


class DutyForm(forms.Form):
    """Who is on call from when to when, in the time of the site."""

    user = forms.ChoiceField(label=_("Person"))
    begins = WallField(
        label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    ends = WallField(
        label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )

    def __init__(self, *args: Any, people: list[tuple[str, str]], zone: ZoneInfo, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["user"].choices = [("", _("Choose a person")), *people]  # type: ignore[attr-defined]
        for name in ("begins", "ends"):
            self.fields[name].zone = zone  # type: ignore[attr-defined]


@staff()
def alerts(request: ClinicRequest) -> HttpResponse:
    """Alerts in this person's hands."""
    found = alerts_for(request.principal)
    disclose(request, {alert.patient for alert in found})
    context = {
        "rows": [_row(request, alert) for alert in found],
        "sees_rota": request.principal.has(Role.COORDINATOR, Role.SITE_ADMIN, *CLINICIANS),
    }
    return render(request, "forms/alerts.html", context)


@staff()
def alert(request: ClinicRequest, alert_id: UUID) -> HttpResponse:
    """One alert: who needs a call, what was answered, who else has it, and what was done."""
    found = alert_or_404(request.principal, alert_id)
    form = ActForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.act_on_alert(request.principal, found, data["outcome"], data["what"], origin=origin_of(request))
            return redirect("duty:alert", alert_id=found.pk)
        except UserError as fault:
            form.add_error(None, str(fault))
    disclose(request, [found.patient])
    now = timezone.now()
    closed = is_closed(found)
    number = crisis.step_at(found.raised_at, now)
    context = _row(request, found) | {
        "form": form,
        "closed": closed,
        "actions": found.actions.select_related("by").order_by("pk"),
        "outcomes": dict(OUTCOMES),
        "owners": sorted(owners(found, now).values(), key=lambda user: user.name),
        "next_at": None if closed else crisis.due_at(found.raised_at, number + 1),
        "notices": found.notices.select_related("user").order_by("step", "user__name")[:60],
        "rings": RINGS,
    }
    return render(request, "forms/alert.html", context, status=422 if form.errors else 200)


@staff(Role.COORDINATOR, Role.SITE_ADMIN, *CLINICIANS)
def rota(request: ClinicRequest) -> HttpResponse:
    """Who is on call now and next; coordinator and site admin enter it."""
    site = Site.objects.get(pk=request.principal.site_id)
    may_enter = request.principal.has(Role.COORDINATOR, Role.SITE_ADMIN)
    form = DutyForm(request.POST or None, people=_people(site), zone=ZoneInfo(site.zone))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            services.put_on_call(
                request.principal,
                site,
                User.objects.get(pk=data["user"]),
                data["begins"],
                data["ends"],
                origin=origin_of(request),
            )
            return redirect("duty:rota")
        except UserError as fault:
            form.add_error(None, str(fault))
    now = timezone.now()
    rows = rota_of(site.pk, now)
    context = {
        "site": site,
        "form": form if may_enter else None,
        "rows": [{"row": row, "now": row.begins <= now} for row in rows],
        "covered": any(row.begins <= now for row in rows),
    }
    return render(request, "forms/rota.html", context, status=422 if form.errors else 200)


@staff(Role.COORDINATOR, Role.SITE_ADMIN)
def take_off(request: ClinicRequest, pk: int) -> HttpResponse:
    """Take someone off the rota."""
    row = OnCall.objects.filter(pk=pk, site=request.principal.site_id).first()
    if row is None:
        raise Http404
    if request.method == "POST":
        services.take_off_call(request.principal, row, origin=origin_of(request))
    return redirect("duty:rota")


def _row(request: ClinicRequest, alert: SafetyAlert) -> dict[str, Any]:
    """An alert as it is shown: staff who are no clinicians see who needs a call, not what was answered."""
    row: dict[str, Any] = {
        "alert": alert,
        "patient": alert.patient,
        "name": full_name(alert.patient),
        "numbers": _numbers(alert.patient),
    }
    if request.principal.has(*CLINICIANS):
        shape = asking.shape_of(alert.request.form)
        question = shape.question(alert.answer.link_id)
        row |= {"form_title": shape.title, "asked": question, "said": words_of(question, alert.answer.value)}
    return row


def _numbers(patient: Patient) -> list[str]:
    """Telephone numbers that the record has of a patient."""
    found: list[str] = []
    for record in kept_records(patient).records:
        if record.resource_type == "Patient":
            telecom = msgspec.json.decode(record.content).get("telecom") or []
            found += [t["value"] for t in telecom if t.get("system") in ("phone", "sms") and t.get("value")]
    return found


def _people(site: Site) -> list[tuple[str, str]]:
    held = Membership.objects.filter(site=site, until=None, role__in=STAFF)
    found = User.objects.filter(is_active=True, pk__in=held.values("user")).order_by("name")
    return [(str(user.pk), user.name) for user in found]
