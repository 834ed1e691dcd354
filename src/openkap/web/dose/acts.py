"""What a person does in a session, from a form: found, done once, refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from openkap.dose import events as e
from openkap.dose import services, store
from openkap.dose.models import DosingSession
from openkap.dose.selectors import session_or_404
from openkap.dose.services import Acted
from openkap.dose.session import Session
from openkap.dose.types import Staff, Stamp
from openkap.kernel.errors import EXIT, UserError
from openkap.people.once import FIELD, new_key
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.judge import dose_day

clinicians = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
dosers = about_patient(Role.PRESCRIBER, Role.NURSE, purpose=Purpose.TREATMENT, step_up=True)
handlers = about_patient(Role.PRESCRIBER, Role.NURSE, purpose=Purpose.TREATMENT)  # to stop a drug no proof is asked for
prescribers = about_patient(Role.PRESCRIBER, purpose=Purpose.TREATMENT, step_up=True)
Given = Callable[[Staff, Session, Stamp], Any]


class Unchanged(UserError):
    """A session refused an event; the sentence says why."""


def found(request: ClinicRequest, session_id: UUID) -> tuple[DosingSession, Session]:
    """A session of the patient of this page, as it is now."""
    row = session_or_404(request.patient, session_id)
    return row, store.load(row)


def happen(request: ClinicRequest, row: DosingSession, kind: type[e.Event], /, **fields: Any) -> Acted:
    """
    One event by the person who sends this form; the key of the form is its key.

    Args:
        fields: of the event; what can be called is given who acts, the session, and now.

    Raises:
        Unchanged: the session refused it.
    """
    key = request.headers.get("Idempotency-Key") or request.POST.get(FIELD) or new_key()

    def event(by: Staff, session: Session, now: Stamp) -> e.Event:
        made = {name: value(by, session, now) if callable(value) else value for name, value in fields.items()}
        return kind(key=key, patient=session.patient, by=by, **made)

    done = services.act(request.principal, row, event, judge_of=dose_day, origin=origin_of(request))
    if done.refused is not None:
        raise Unchanged(done.refused.text)
    return done


def sent(request: ClinicRequest, may: frozenset[str]) -> str:
    """
    Which act a form of a page sent; empty where none was.

    Args:
        may: what is done at this address; some acts have an address of their own, which asks for a fresh proof.

    Raises:
        Http404: an act that is not of this address.
    """
    name = request.POST.get("act", "")
    if request.method == "POST" and name not in may:
        raise Http404
    return name


def judge_again(request: ClinicRequest, row: DosingSession) -> Acted:
    """Judge the screening of the dose day from the chart as it stands."""
    return services.judge_now(request.principal, row, dose_day, key=new_key(), origin=origin_of(request))


def answer(
    request: ClinicRequest,
    template: str,
    forms_: dict[str, forms.Form],
    act: Callable[[str], str | None],
    context: Callable[[], dict[str, Any]],
) -> HttpResponse:
    """
    A page of forms: which of several was sent stands in `act`. What it does, then back to `next`.

    Args:
        forms_: by name, bound where it was sent.
        act: does it, and gives where to go; a fault of the input keeps what was typed and is said on top.
        context: of the page, made after the act was refused.
    """
    status, fault = 200, None
    if request.method == "POST":
        name = next(iter(forms_)) if len(forms_) == 1 else request.POST.get("act", "")
        form = forms_.get(name)
        try:
            if form is None or form.is_valid():
                return HttpResponseRedirect(act(name) or request.path)
            status = 422
        except UserError as why:
            status = EXIT[why.code][1]
            if form is not None:
                form.add_error(None, str(why))
            else:
                fault = str(why)
    return render(request, template, {**context(), **forms_, "fault": fault}, status=status)


def to(route: str, row: DosingSession) -> str:
    """The address of a page of this session."""
    return reverse(route, args=[row.patient_id, row.pk])
