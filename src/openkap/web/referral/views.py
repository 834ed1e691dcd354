"""A file about someone who may not be here yet: who is it, and then into the register and the chart."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from openkap.chart import services
from openkap.chart.models import Import
from openkap.chart.selectors import preview
from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.types import CLINICIANS, Role
from openkap.web.chart.forms import BringForm
from openkap.web.chart.views import keep_file
from openkap.web.referral.forms import WhoForm

may_refer = staff(Role.COORDINATOR, *CLINICIANS)


def _mine(request: ClinicRequest) -> Q:
    """Files that this person may decide on: one's own, and all of the site for the coordinator."""
    whose = Q(site=request.principal.site_id, patient=None)
    return whose if request.principal.has(Role.COORDINATOR) else whose & Q(received_by=request.principal.user_id)


@may_refer
def bring(request: ClinicRequest) -> HttpResponse:
    """Send a file; list those that wait."""
    form = BringForm(request.POST or None, request.FILES or None)
    waiting = Import.objects.filter(_mine(request), decision=None).order_by("-received_at")[:100]
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = keep_file(request, form, None)
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(reverse("referral:decide", args=[row.pk]))
    return render(request, "referral/bring.html", {"form": form, "waiting": waiting}, status=status)


@may_refer
def decide(request: ClinicRequest, import_id: UUID) -> HttpResponse:
    """Whose file is this: one of those who are here, somebody new, or nobody's."""
    row = get_object_or_404(Import.objects.select_related("decision"), _mine(request), pk=import_id)
    seen = preview(request.principal, row)
    disclose(request, seen.candidates)
    form = WhoForm(request.POST or None, candidates=seen.candidates)
    context = {"received": row, "preview": seen, "decision": getattr(row, "decision", None)}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return HttpResponseRedirect(_act(request, row, form))
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
    return render(request, "referral/decide.html", {"form": form, **context}, status=status)


def _act(request: ClinicRequest, row: Import, form: WhoForm) -> str:
    who, reason, origin = form.cleaned_data["who"], form.cleaned_data["reason"], origin_of(request)
    if who == "nobody":
        services.set_aside(request.principal, row, reason=reason, origin=origin)
        return reverse("referral:bring")
    if who == "new":
        patient = services.register(request.principal, row, reason=reason, origin=origin)
    else:
        patient = form.candidates[who]
        if not reason.strip():
            raise UserError(_("The reason is empty: say how you know that this file is about this person."))
        services.take(request.principal, row, patient, reason=reason, origin=origin)
    return reverse("patient:desk", args=[patient.pk])
