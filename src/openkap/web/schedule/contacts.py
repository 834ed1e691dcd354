"""How one patient wants to be told, and where: the same page for the patient and for staff; what was sent so far."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.schedule import messages, services_contact, services_group, services_message
from openkap.schedule.models_message import ALIAS
from openkap.web.schedule.forms import ChoiceForm, GroupNameForm
from openkap.web.schedule.tell import past_of

STATES = {"verified": "ok", "stale": "hold", "unverified": "miss"}


# Not once: a wrong code is refused and counted all the same, and everything else may be said twice.
@about_patient(Role.COORDINATOR, *CLINICIANS, purpose=Purpose.ADMINISTRATION, once=False)
def contacts(request: ClinicRequest) -> HttpResponse:
    """For staff: asked once, kept with who and when; read back by whoever talks to the patient."""
    return _page(request, "schedule/contacts.html", "retreat:contacts", own=False)


@about_patient(Role.PATIENT, purpose=Purpose.OWN, once=False)
def my_contacts(request: ClinicRequest) -> HttpResponse:
    """For the patient."""
    return _page(request, "schedule/my_contacts.html", "retreat:my-contacts", own=True)


def _page(request: ClinicRequest, template: str, route: str, *, own: bool) -> HttpResponse:
    patient, act = request.patient, request.POST.get("act", "")
    choice, shown = services_contact.choice_of(patient), services_group.group_name_of(patient)
    form = ChoiceForm(
        request.POST if act == "choose" else None,
        auto_id="choice_%s",
        initial={
            "channel": choice.channel if choice else "",
            "detail": choice.detail if choice else False,
            "zone": choice.zone if choice else patient.site.zone,
        },
    )
    name = GroupNameForm(
        request.POST if act == "name" else None,
        auto_id="name_%s",
        initial={"shown": shown.shown if shown else "nothing", "alias": shown.alias if shown else ""},
    )
    fault, status = "", 200
    if request.method == "POST":
        try:
            if _done(request, act, form, name):
                return HttpResponseRedirect(reverse(route, args=[patient.pk]))
            status = 422
        except UserError as why:
            fault, status = str(why), EXIT[why.code][1]
    ways = services_message.outgoing()
    there = services_contact.contacts_of(patient)
    context: dict[str, Any] = {
        "choice": choice,
        "form": form,
        "name": name,
        "name_said": shown,
        "fault": fault,
        "wrong": next((one for one in (form, name) if one.is_bound and one.errors), None),
        "ways": [
            {
                "channel": channel,
                "words": words,
                "here": ways.has(channel),
                "where": there.get(channel),
                "shape": STATES[there[channel].state] if channel in there else "",
                "chosen": choice is not None and choice.channel == channel,
                "label": label,
                "kind": kind,
            }
            for channel, words, label, kind in (
                ("mail", _("Mail"), _("Mail address"), "email"),
                ("text", _("Text message"), _("Telephone number, with its country"), "tel"),
            )
        ],
        "nowhere": ways.nowhere,
        "on": ways.on,
        "days": messages.number("MSG-VERIFY", "days"),
        "past": past_of(patient),
        "given": patient.given,
        "own": own,
    }
    return render(request, template, context, status=status)


def _done(request: ClinicRequest, act: str, form: ChoiceForm, name: GroupNameForm) -> bool:
    """Do what was asked; False if a form does not hold."""
    who, patient, origin = request.principal, request.patient, origin_of(request)
    channel = request.POST.get("channel", "")
    if act == "choose":
        if not form.is_valid():
            return False
        services_contact.choose(who, patient, **form.cleaned_data, origin=origin)
    elif act == "name":
        if not name.is_valid():
            return False
        said = name.cleaned_data
        alias = said["alias"] if said["shown"] == ALIAS else ""
        services_group.choose_name(who, patient, said["shown"], alias, origin=origin)
    elif act == "contact":
        services_contact.set_contact(who, patient, channel=channel, value=request.POST.get("value", ""), origin=origin)
    elif act == "end":
        services_contact.end_contact(who, patient, channel, origin=origin)
    elif act == "read-back":
        services_contact.read_back(who, patient, channel, _uuid(request.POST.get("contact", "")), origin=origin)
    elif act == "code":
        services_contact.ask_code(who, patient, channel, services_message.outgoing(), origin=origin)
    elif act == "prove":
        services_contact.prove(who, patient, channel, request.POST.get("code", ""), origin=origin)
    else:
        raise UserError("Nothing was chosen: press one of the buttons of the page.")
    return True


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UserError("The address or number was changed meanwhile: read the new one back.") from None
