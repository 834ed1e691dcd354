"""The door for devices: opened by a site admin with a reason, a device bound at the chair, quarantine for the rest."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from openkap.dose import selectors, services_device
from openkap.dose.library import shipped
from openkap.dose.models_device import FeedSwitch
from openkap.kernel.quantity import unit_words
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.dose.device.forms import BindForm, DeviceForm, SwitchForm
from openkap.web.people.tried import answer


@staff(Role.SITE_ADMIN)
def keep(request: ClinicRequest) -> HttpResponse:
    """Whether the door is open, since when and why; the devices that may send."""
    site = request.principal.site_id
    rows = FeedSwitch.objects.filter(site=site).order_by("-pk")[:20]
    context = {"on": services_device.is_on(site), "switches": rows, "devices": services_device.devices(site)}
    return render(request, "dose/device/keep.html", context)


@staff(Role.SITE_ADMIN, step_up=True)
def switch(request: ClinicRequest) -> HttpResponse:
    """Open or shut it."""
    form, on = SwitchForm(request.POST or None), services_device.is_on(request.principal.site_id)

    def act() -> HttpResponse:
        services_device.switch(request.principal, not on, form.cleaned_data["reason"], origin=origin_of(request))
        return HttpResponseRedirect(reverse("device:keep"))

    return answer(request, "dose/device/switch.html", form, act, {"on": on})


@staff(Role.SITE_ADMIN, step_up=True)
def new(request: ClinicRequest) -> HttpResponse:
    """A device; its token is shown here once."""
    form = DeviceForm(request.POST or None)

    def act() -> HttpResponse:
        name = form.cleaned_data["name"]
        row, token = services_device.add_device(request.principal, name, origin=origin_of(request))
        address = request.build_absolute_uri(reverse("device:observation"))
        return render(request, "dose/device/made.html", {"row": row, "token": token, "address": address})

    return answer(request, "dose/device/new.html", form, act)


@staff(Role.SITE_ADMIN)
def revoke(request: ClinicRequest, device_id: UUID) -> HttpResponse:
    """Its token opens nothing any more; one of another site looks like none."""
    if not services_device.devices(request.principal.site_id).filter(pk=device_id).exists():
        raise Http404
    if request.method == "POST":
        services_device.revoke_device(request.principal, device_id, origin=origin_of(request))
    return HttpResponseRedirect(reverse("device:keep"))


@staff(*CLINICIANS)
def quarantine(request: ClinicRequest) -> HttpResponse:
    """What devices sent that belonged to nobody. It is of no one patient and is never filed."""
    titles = {one.name: one.title for one in shipped().readings.measure}
    rows = [
        {
            "at": one.at,
            "device": one.device,
            "title": titles.get(one.measure, one.measure),
            "number": one.number,
            "words": unit_words(one.unit),
            "why": one.why,
        }
        for one in services_device.quarantine(request.principal.site_id)
    ]
    return render(request, "dose/device/quarantine.html", {"rows": rows})


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def bind(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """Which devices are at this chair: bound by a person with both identifiers, taken off by one tap."""
    row = selectors.session_or_404(request.patient, session_id)
    here = reverse("device:bind", args=[request.patient.pk, row.pk])
    now = services_device.bound(row)
    off = next((one for one in now if str(one.pk) == request.POST.get("off")), None)
    if off is not None:
        services_device.unbind(request.principal, off, origin=origin_of(request))
        return HttpResponseRedirect(here)
    form = BindForm(request.POST or None, devices=list(services_device.devices(row.site_id)))

    def act() -> HttpResponse:
        said = dict(form.cleaned_data)
        device = form.devices[said.pop("device")]
        services_device.bind(request.principal, row, device, **said, origin=origin_of(request))
        return HttpResponseRedirect(here)

    context = {"row": row, "bound": now, "on": services_device.is_on(row.site_id)}
    return answer(request, "dose/device/bind.html", form, act, context)
