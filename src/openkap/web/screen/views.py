"""The verdict of one person: what is missing, what was found, on what basis, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language

from openkap.kernel.errors import EXIT, Conflict, UserError
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.screen import services
from openkap.screen.clearing import Way, clearing, way_for
from openkap.screen.decisions import digest_of, finding_of, open_points
from openkap.screen.document import finding_document, screening_document
from openkap.screen.models import Override, Signoff
from openkap.screen.selectors import screening_as_signed, signed_verdicts
from openkap.screen.types import Finding, Standpoint
from openkap.web import parts
from openkap.web.case import following, opened
from openkap.web.judge import judge, judged
from openkap.web.kept import markup
from openkap.web.screen import requests, shown
from openkap.web.screen.forms import DecideForm, ReasonForm, SignForm

clinicians = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
settlers = about_patient(Role.PRESCRIBER, Role.NURSE, purpose=Purpose.TREATMENT, step_up=True)
signer = about_patient(Role.PRESCRIBER, purpose=Purpose.TREATMENT, step_up=True)


@clinicians
def verdict(request: ClinicRequest) -> HttpResponse:
    """Verdict, what to ask, findings by class, decisions, signatures."""
    dose_day = "dose-day" in request.GET
    what = ("verdict", dose_day, request.principal.roles, get_language())
    made = following(request.patient, what, lambda: _parts(request, dose_day))
    return render(request, "screen/verdict.html", made)


@clinicians
def printed(request: ClinicRequest) -> HttpResponse:
    """The same on paper: every basis open, nothing to press."""
    return render(request, "screen/print.html", _page(request, "dose-day" in request.GET))


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def ask(request: ClinicRequest) -> HttpResponse:
    """Ask the patient for the forms that would answer what is missing; those for trained people go to staff."""
    back = HttpResponseRedirect(reverse("screen:verdict", args=[request.patient.pk]) + "#ask")
    if request.method != "POST":
        return back
    now = judge(request.patient)
    wanted = set(request.POST.getlist("form"))
    for form, names in requests.wanted(now.screening, request.patient).items():
        if form in wanted:
            requests.send(request.principal, request.patient, form, names, now.site, origin_of(request))
    return back


def _parts(request: ClinicRequest, dose_day: bool) -> dict[str, Any]:
    """The parts of the page that hold no form, and what the form needs."""
    page = _page(request, dose_day) | {"patient": request.patient}
    made = {name: markup(f"screen/_{name}.html", page) for name in ("verdict", "asks", "groups", "side")}
    now = page["now"]  # of which only this: the whole would hold the chart
    stood = {"on": now.on, "chart_version": now.chart_version, "content_version": now.content_version}
    return made | {name: page[name] for name in ("dose_day", "forms", "unreviewed")} | {"now": stood}


def _page(request: ClinicRequest, dose_day: bool) -> dict[str, Any]:
    patient, principal = request.patient, request.principal
    now, _ = judged(patient, dose_day=dose_day)
    # A signature is under the verdict of an ordinary day; the checks of a dose day are signed at the chair.
    ordinary = judge(patient) if dose_day else now
    groups = shown.groups(now, patient, principal)
    asks = shown.asks(now, patient, requests.asked(now.screening, patient))
    forms = list(requests.wanted(now.screening, patient))
    return {
        "now": now,
        "document": screening_document(now.screening),
        "dose_day": dose_day,
        "groups": groups,
        "asks": asks,
        "forms": forms,
        "lead": "" if forms or opened(patient).waiting else shown.lead(asks, groups),
        "open": open_points(ordinary.screening),
        "unreviewed": opened(patient).waiting,
        "signed": signed_verdicts(patient, ordinary),
        "ways": clearing().way,
        "closed": clearing().only_the_fact,
        "prescribes": principal.has(Role.PRESCRIBER),
    }


@settlers
def decide(request: ClinicRequest, kind: str, rule: str, ground: str) -> HttpResponse:
    """Clear a hold, explain a gap, or record what was arranged about a caution."""
    now = judge(request.patient)
    finding, way = _found(now, kind, rule, ground)
    form = DecideForm(request.POST or None, way=way)
    context = {"f": finding_document(finding), "way": way, "action": shown.ACTIONS[way.kind]}

    def act() -> None:
        services.decide(
            request.principal,
            request.patient,
            judge,
            kind=way.kind,
            rule=rule,
            ground=ground,
            origin=origin_of(request),
            **form.cleaned_data,
        )

    return _answer(request, "screen/decide.html", form, act, context, anchor=f"#{rule}-{finding.class_}")


def _found(now: Standpoint, kind: str, rule: str, ground: str) -> tuple[Finding, Way]:
    finding = finding_of(now.found, rule, ground)
    if finding is None:
        raise Conflict("The findings have changed since this page was made: read them again, then decide.")
    way = way_for(finding)
    if way is None or way.kind != kind:
        raise UserError(f"{rule} cannot be settled in this way: go back to the verdict and see who may do what.")
    return finding, way


@settlers
def withdraw(request: ClinicRequest, pk: int) -> HttpResponse:
    """Take a decision about a finding back."""
    row = (
        Override.objects.filter(patient=request.patient, pk=pk).exclude(kind="withdrawal").select_related("by").first()
    )
    if row is None:
        raise Http404
    form = ReasonForm(request.POST or None)

    def act() -> None:
        reason, origin = form.cleaned_data["reason"], origin_of(request)
        services.withdraw_decision(request.principal, request.patient, judge, pk, reason=reason, origin=origin)

    return _answer(request, "screen/withdraw.html", form, act, {"row": row, "word": shown.TAKEN[row.kind]})


@signer
def sign(request: ClinicRequest) -> HttpResponse:
    """Sign the verdict, after the person's birth date."""
    now = judge(request.patient)
    form = SignForm(request.POST or None, initial={"digest": digest_of(now.screening)})
    document = screening_document(now.screening)
    context = {
        "document": document,
        "groups": parts.by_class(document["findings"]),
        "open": open_points(now.screening),
        "now": now,
        "meaning": services.MEANING,
    }

    def act() -> None:
        services.sign(request.principal, request.patient, judge, origin=origin_of(request), **form.cleaned_data)

    return _answer(request, "screen/sign.html", form, act, context, anchor="#signatures")


@clinicians
def signed(request: ClinicRequest, pk: int) -> HttpResponse:
    """A verdict as it was signed."""
    row = Signoff.objects.filter(patient=request.patient, pk=pk, withdraws=None).first()
    if row is None:
        raise Http404
    document = screening_as_signed(row)
    context = {"row": row, "document": document, "groups": parts.by_class(document["findings"])}
    return render(request, "screen/signed.html", context)


@signer
def unsign(request: ClinicRequest, pk: int) -> HttpResponse:
    """Take a signature under a verdict back."""
    row = Signoff.objects.filter(patient=request.patient, pk=pk, withdraws=None).first()
    if row is None:
        raise Http404
    form = ReasonForm(request.POST or None)

    def act() -> None:
        reason, origin = form.cleaned_data["reason"], origin_of(request)
        services.withdraw_signature(request.principal, request.patient, pk, reason=reason, origin=origin)

    return _answer(request, "screen/unsign.html", form, act, {"row": row}, anchor="#signatures")


def _answer(
    request: ClinicRequest,
    template: str,
    form: forms.Form,
    act: Callable[[], None],
    context: dict[str, Any],
    *,
    anchor: str = "",
) -> HttpResponse:
    """The form; or what it does, then back to the verdict. A refusal keeps what was typed and says why on top."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                act()
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            else:
                return HttpResponseRedirect(reverse("screen:verdict", args=[request.patient.pk]) + anchor)
    return render(request, template, {"form": form, **context}, status=status)
