"""Whom a person tells what: reminders and changes that no message can bring, failed ones, patients who want a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.people.models import Patient, Site
from openkap.people.policy import staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.schedule import messages, selectors_message, services_message
from openkap.schedule.models_message import REMINDER, Message
from openkap.schedule.selectors_message import Item
from openkap.schedule.services_contact import Reach

WHY: dict[str, str | Promise] = {
    "off": gettext_lazy("Messages are switched off at this site."),
    "not-asked": gettext_lazy("Nobody has asked yet how this person wants to be told."),
    "none": gettext_lazy("Wants no messages."),
    "no-way": gettext_lazy("Wants a way that is not switched on at this site."),
    "no-contact": gettext_lazy("Gave no address or number for the way they chose."),
    "unverified": gettext_lazy("The address or number was never verified."),
    "stale": gettext_lazy("The address or number was verified too long ago."),
    "unreadable": gettext_lazy("The address or number cannot be read: enter it anew."),
    "quiet": gettext_lazy("It is night where they live, and in the morning it is too late."),
    "many": gettext_lazy("Got as many messages as may go in a day."),
    "failed": gettext_lazy("A message failed."),
    "unknown": gettext_lazy("A message is not known to have gone."),
}


@dataclass(frozen=True)
class Row:
    """
    Something to tell one patient.

    Args:
        say: the words, as a message would say them, without a link. why: no message goes; empty: one does, `at` then.
        day: of a reminder, for the form that says it was done.
    """

    patient: Patient
    item: Item
    say: str
    why: str
    at: datetime | None

    @property
    def is_reminder(self) -> bool:
        return self.item.kind == REMINDER


@dataclass(frozen=True)
class Call:
    """A patient who cannot come and wants to be called; `later`: what they said after that."""

    patient: Patient
    message: Message
    starts: tuple[datetime, ...]

    @property
    def comes_after_all(self) -> bool:
        return self.message.answer == "come"


def to_tell(request: ClinicRequest, site: Site, visible: dict[UUID, Patient]) -> dict[str, object]:
    """What the coordinator's page shows of it: who is told by a person, what goes by itself, who wants a call."""
    now, ways = timezone.now(), services_message.outgoing()
    rows = [_row(item, site) for item in selectors_message.items(site, ways, now) if item.patient.pk in visible]
    calls = [
        Call(row.patient, row, tuple(sorted(one.starts_at for one in row.said.all() if one.starts_at is not None)))
        for row in selectors_message.calls(site.pk)
        if row.patient_id in visible
    ]
    disclose(request, [*(row.patient for row in rows), *(call.patient for call in calls)])
    return {
        "by_person": [row for row in rows if row.why],
        "by_itself": [row for row in rows if not row.why],
        "calls": calls,
        "ways": ways,
    }


def _row(item: Item, site: Site) -> Row:
    plain = Reach(None, "", detail=False, zone=site.zone)
    why = str(WHY[item.why]) if item.why else ""
    message = item.message
    if message is not None and message.fault:
        why = f"{why[:-1]}: {message.fault}." if why else ""
    return Row(
        item.patient, item, words(item.text(ZoneInfo(site.zone), plain)), why, message.next_at if message else None
    )


def words(text: str) -> str:
    """A text without the place of its link."""
    reply = messages.reply_words()
    return text.replace(reply, "").strip()


@staff(Role.COORDINATOR, *CLINICIANS)
def told(request: ClinicRequest) -> HttpResponse:
    """Somebody told a patient what moved or is off, or called one who asked for it."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("retreat:due"))
    visible = visible_patients(request.principal, Purpose.ADMINISTRATION).select_related("site")
    patient = next((one for one in visible if str(one.pk) == request.POST.get("patient")), None)
    if patient is None:
        raise Http404
    disclose(request, [patient])
    if asked := request.POST.get("message"):
        row = next((one for one in selectors_message.calls(patient.site_id) if str(one.pk) == asked), None)
        if row is None or row.patient_id != patient.pk:
            raise Http404
        services_message.called(request.principal, row, origin=origin_of(request))
    else:
        services_message.told_change(request.principal, patient, services_message.outgoing(), origin=origin_of(request))
    return HttpResponseRedirect(reverse("retreat:due"))


STATES: dict[str, tuple[str, str | Promise]] = {
    "waiting": ("plain", gettext_lazy("waits")),
    "sending": ("plain", gettext_lazy("is being sent")),
    "sent": ("ok", gettext_lazy("sent")),
    "failed": ("stop", gettext_lazy("failed")),
    "unknown": ("hold", gettext_lazy("not known to have gone")),
    "recalled": ("plain", gettext_lazy("recalled, not sent")),
    "told": ("ok", gettext_lazy("told by a person")),
}


@dataclass(frozen=True)
class Past:
    """A message as it is shown to its patient and to staff."""

    at: datetime
    what: str
    shape: str
    word: str | Promise
    text: str
    answer: str


def past_of(patient: Patient, most: int = 20) -> list[Past]:
    """What was sent, what waits, what a person told, the newest first."""
    found = []
    for row in selectors_message.messages_of(patient, most):
        shape, word = STATES[row.state]
        what = (
            {"mail": _("by mail"), "text": _("by text message")}[row.contact.channel] if row.contact else _("in person")
        )
        if row.state == "told" and row.by is not None:
            what = row.by.name
        answer = {"come": _("answered: I will come"), "call": _("answered: I cannot come, call me")}.get(row.answer, "")
        text = words(row.text).replace(messages.CODE, "······") if row.text else ""
        found.append(Past(row.ended_at or row.next_at or row.made_at, what, shape, word, text, answer))
    return found
