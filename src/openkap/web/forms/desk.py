"""The work list of forms: who was asked for what, how far it is, and what to do about it. It shows no answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.assess import asking, services
from openkap.assess.asking import REMOVED
from openkap.assess.intake import DECLINED
from openkap.assess.models import TERMINAL, FormRequest
from openkap.assess.selectors import WORDS, FormState, answers_of, open_requests, request_or_404, requests_of, state_of
from openkap.kernel.errors import EXIT, UserError
from openkap.people.models import Patient
from openkap.people.policy import about_patient, staff
from openkap.people.request import ClinicRequest, disclose, origin_of
from openkap.people.selectors import visible_patients
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.web.forms.known import known_answers
from openkap.web.forms.shown import Shown, ShownField, shown
from openkap.web.identity import full_name

ARRANGING = (Role.COORDINATOR, *CLINICIANS)
MOST_ROWS = 200
SHAPES: dict[str, str] = {
    "overdue": "hold", "opened": "info", "sent": "plain", "assigned": "miss",
    "done": "ok", "declined": "caution", "withdrawn": "plain",
}  # fmt: skip
NAMES: dict[str, str | Promise] = {
    "overdue": gettext_lazy("overdue"),
    "opened": gettext_lazy("opened"),
    "sent": gettext_lazy("sent"),
    "assigned": gettext_lazy("not sent"),
    "done": gettext_lazy("done"),
    "declined": gettext_lazy("declined"),
    "withdrawn": gettext_lazy("withdrawn"),
}
STEPS: dict[str, str | Promise] = NAMES | {
    "asked-again": gettext_lazy("asked for again"),
    "chased": gettext_lazy("chased"),
}


class AskForm(forms.Form):
    """Which form, by when, why."""

    form = forms.ChoiceField(label=gettext_lazy("Form"))
    due = forms.DateField(
        label=gettext_lazy("Due"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    why = forms.CharField(label=gettext_lazy("Why"), max_length=200, required=False)
    by_staff = forms.BooleanField(label=gettext_lazy("Staff fill it in with the patient"), required=False)
    requirement_met = forms.BooleanField(
        label=gettext_lazy("What this form needs first is recorded"), required=False,
        help_text=gettext_lazy("Some forms, such as PCL-5, are given only after an event is recorded."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        choices = [(name, asking.title_of(name)) for name in asking.form_ids()]
        self.fields["form"].choices = [("", _("Choose a form")), *choices]  # type: ignore[attr-defined]


class NoteForm(forms.Form):
    """Words of whoever acts."""

    note = forms.CharField(label=gettext_lazy("What you did, or why"), max_length=500)


@staff(*ARRANGING)
def work_list(request: ClinicRequest) -> HttpResponse:
    """Forms of everyone whom this person may see; overdue first."""
    show = request.GET.get("show", "open")
    patients = visible_patients(request.principal, Purpose.ADMINISTRATION)
    found = requests_of(patients) if show in ("all", *TERMINAL) else open_requests(patients)
    states = [state_of(row) for row in found]
    if show in WORDS:
        states = [state for state in states if state.word == show]
    states.sort(key=lambda s: (WORDS.index(s.word), -s.days_late))
    rows = states[:MOST_ROWS]
    disclose(request, {state.request.patient for state in rows})
    context = {"rows": [row_of(s) for s in rows], "show": show, "filters": _filters(), "more": len(states) - len(rows)}
    return render(request, "forms/work.html", context)


@about_patient(*ARRANGING, purpose=Purpose.ADMINISTRATION)
def of_patient(request: ClinicRequest) -> HttpResponse:
    """Forms of one person, and asking for another."""
    return _patient_page(request)


@about_patient(*ARRANGING, purpose=Purpose.ADMINISTRATION)
def ask(request: ClinicRequest) -> HttpResponse:
    """Ask for a form."""
    if request.method != "POST":
        return redirect("forms:patient", patient_id=request.patient.pk)
    form = AskForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            services.ask_form(
                request.principal,
                request.patient,
                data["form"],
                why=data["why"],
                due=data["due"],
                by_staff=data["by_staff"],
                requirement_met=data["requirement_met"],
                site=settings.ENVIRONMENT.site,
                origin=origin_of(request),
            )
            return redirect("forms:patient", patient_id=request.patient.pk)
        except UserError as fault:
            form.add_error(None, str(fault))
    return _patient_page(request, form, 422)


@about_patient(*ARRANGING, purpose=Purpose.ADMINISTRATION, once=False)
def link(request: ClinicRequest, request_id: UUID) -> HttpResponse:
    """Make a new link and show it, once. Not repeated from a kept reply: the link itself is kept nowhere."""
    asked = request_or_404(request.patient, request_id)
    if request.method != "POST":
        return redirect("forms:patient", patient_id=request.patient.pk)
    try:
        made, token = services.make_link(
            request.principal, asked, note=request.POST.get("note", ""), origin=origin_of(request)
        )
    except UserError as fault:
        return _patient_page(request, status=EXIT[fault.code][1], sentence=str(fault))
    address = request.build_absolute_uri(reverse("forms:question", args=[token]))
    context = {"address": address, "link": made, "state": state_of(request_or_404(request.patient, request_id))}
    return render(request, "forms/link.html", context)


@about_patient(*ARRANGING, purpose=Purpose.ADMINISTRATION)
def chase(request: ClinicRequest, request_id: UUID) -> HttpResponse:
    """Write down what was done to get a form back."""
    return _note(request, request_id, services.chase)


@about_patient(*ARRANGING, purpose=Purpose.ADMINISTRATION)
def withdraw(request: ClinicRequest, request_id: UUID) -> HttpResponse:
    """Take a request back."""
    return _note(request, request_id, services.withdraw)


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, once=False)
def enter(request: ClinicRequest, request_id: UUID) -> HttpResponse:
    """
    All questions on one page, for whoever fills the form in with the patient: digits choose, Enter moves on.

    What can be saved is saved although another answer is at fault: it may be one that raises an alert.
    """
    asked = request_or_404(request.patient, request_id)
    shape = asking.shape_of(asked.form, settings.ENVIRONMENT.site)
    faults: dict[str, str] = {}
    if request.method == "POST":
        faults = _keep(request, asked, shape)
        if not faults and "finish" in request.POST:
            try:
                services.finish(request.principal, asked, site=settings.ENVIRONMENT.site, origin=origin_of(request))
                return redirect("forms:patient", patient_id=request.patient.pk)
            except UserError as fault:
                faults[""] = str(fault)
        if not faults:
            return redirect("forms:enter", patient_id=request.patient.pk, request_id=request_id)
    answers = answers_of(asked)
    known = known_answers(request.patient, shape)
    rows = [_row(shown(q, answers, known.get(q.link)), request, faults) for q in asking.asked(shape, answers)]
    context = {
        "shape": shape,
        "rows": rows,
        "state": state_of(asked),
        "faults": faults,
        "left": len(asking.still_open(shape, answers)),
        "words": asking.requests().words,
        "alerts": list(asked.alerts.all()),
        "lists": any(q.kind == "entries" for q in shape.questions),
    }
    return render(request, "forms/enter.html", context, status=422 if faults else 200)


# ---------------------------------------------------------------- parts of the above


def row_of(state: FormState) -> dict[str, Any]:
    """A line of the list."""
    return {
        "state": state,
        "patient": state.request.patient,
        "name": full_name(state.request.patient),
        "shape": SHAPES[state.word],
        "word": NAMES[state.word],
        "history": [(STEPS[event.kind], event) for event in state.events],
    }


def _filters() -> list[tuple[str, str | Promise]]:
    return [("open", _("open")), *((word, NAMES[word]) for word in WORDS), ("all", _("all"))]


def _patient_page(
    request: ClinicRequest, form: AskForm | None = None, status: int = 200, sentence: str = ""
) -> HttpResponse:
    states = [state_of(row) for row in requests_of(Patient.objects.filter(pk=request.patient.pk))]
    states.sort(key=lambda state: (WORDS.index(state.word), -state.days_late))
    context = {
        "rows": [row_of(state) for state in states],
        "form": form or AskForm(initial={"form": request.GET.get("form", ""), "why": request.GET.get("why", "")}),
        "note": NoteForm(),
        "sentence": sentence,
        "enters": request.principal.has(*CLINICIANS),
        "name": full_name(request.patient),
    }
    return render(request, "forms/patient.html", context, status=status)


def _note(request: ClinicRequest, request_id: UUID, act: Callable[..., Any]) -> HttpResponse:
    asked = request_or_404(request.patient, request_id)
    if request.method == "POST":
        try:
            act(request.principal, asked, request.POST.get("note", ""), origin=origin_of(request))
        except UserError as fault:
            return _patient_page(request, status=EXIT[fault.code][1], sentence=str(fault))
    return redirect("forms:patient", patient_id=request.patient.pk)


def _keep(request: ClinicRequest, asked: FormRequest, shape: asking.FormShape) -> dict[str, str]:
    """Save what was filled in and differs from what is saved; faults by question."""
    answers, faults = answers_of(asked), {}
    now = int(timezone.now().timestamp() * 1000)
    for link, sent in _given(request, shape, answers):
        try:
            if asking.read_answer(shape, link, sent) == answers.get(link):
                continue
            services.save_answer(
                request.principal,
                asked,
                link,
                sent,
                key=uuid4(),
                sequence=now,
                site=settings.ENVIRONMENT.site,
                origin=origin_of(request),
            )
        except UserError as fault:
            faults[link.partition("/")[0]] = str(fault)
    return faults


def _given(
    request: ClinicRequest, shape: asking.FormShape, answers: dict[str, object]
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """What the page sent: an entry that is taken out or added comes before the word that its list is whole."""
    if taken := request.POST.get("remove"):
        yield taken, {"value": [REMOVED]}
    for question in shape.questions:
        if entry := _new_entry(request, question):
            yield f"{question.link}/{shown(question, answers).next_number}", entry
        if texts := [text for text in request.POST.getlist(f"q-{question.link}") if text.strip()]:
            yield question.link, {"value": texts}


def _new_entry(request: ClinicRequest, question: asking.Question) -> dict[str, list[str]]:
    """Fields of an entry that was filled in, as `asking.read_answer` takes them; empty if nothing was."""
    typed = {f"value-{f.link}": request.POST.getlist(f"q-{question.link}-{f.link}") for f in question.fields}
    return typed if any(text.strip() for texts in typed.values() for text in texts) else {}


def _row(question: Shown, request: ClinicRequest, faults: dict[str, str]) -> dict[str, Any]:
    typed = request.POST.getlist(f"q-{question.q.link}")
    return {
        "s": question,
        "text": typed[0] if typed else question.text,
        "fault": faults.get(question.q.link, ""),
        "options": [(code, words, code in (typed or question.chosen)) for code, words in question.q.options],
        "declined": question.declined or typed == [DECLINED],
        "closed": "closed" in question.chosen,
        "fields": _fields(question, request, bool(faults.get(question.q.link))),
    }


def _fields(question: Shown, request: ClinicRequest, again: bool) -> list[ShownField]:
    """Controls of a new entry; with what was typed, where it was refused."""
    return [
        replace(
            field,
            prefix=f"q-{question.q.link}-",
            chosen=tuple(request.POST.getlist(f"q-{question.q.link}-{field.q.link}")) if again else (),
        )
        for field in question.fields
    ]
