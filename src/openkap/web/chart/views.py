"""What is known of one person: facts, their records, what disagrees, what nobody has looked at, what arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from openkap.chart import services
from openkap.chart.fhir.statement import Author, can_state, statement
from openkap.chart.models import Import, Record
from openkap.chart.selectors import (
    Kept,
    chart_of,
    history_of,
    kept_records,
    preview,
    version_of,
    waiting_imports,
)
from openkap.chart.standing import record_of
from openkap.chart.vocabulary import Fact, facts
from openkap.kernel.errors import EXIT, Conflict, UserError
from openkap.people.models import Patient
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Label, Purpose
from openkap.web.case import case_of, opened, today
from openkap.web.chart import shown
from openkap.web.chart.forms import BringForm, FactForm, ReasonForm, SettleForm, TakeForm, as_typed
from openkap.web.kept import page_about

clinicians = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
LARGEST = 10 * 2**20  # bytes of a file that is sent by hand


@clinicians
def facts_page(request: ClinicRequest) -> HttpResponse:
    """Every fact: what disagrees first, then what waits for a person, then what is known."""
    return page_about(request, "chart/facts.html", lambda: _facts(request.patient), title=_("Facts"))


def _facts(patient: Patient) -> dict[str, Any]:
    chart = opened(patient)
    case, rows = chart.case, shown.rows(chart.case.view)
    return {
        "conflicts": [row for row in rows if row.state.status == "conflict"],
        "rows": [row for row in rows if row.state.status != "conflict"],
        "medicines": case.chart.medicines,
        "waiting": chart.waiting,
        "imports": waiting_imports([patient]),
        "unmapped": case.unmapped,
        "open": sum(fact.kind != "derived" for fact in facts().values()) - sum(r.fact.kind != "derived" for r in rows),
        "statable": [fact for fact in facts().values() if can_state(fact)],
    }


@clinicians
def enter(request: ClinicRequest, fact: str) -> HttpResponse:
    """State one fact."""
    row = facts().get(fact)
    if row is None or not can_state(row):
        raise Http404
    patient = request.patient
    start = {"on": today(patient), "version": version_of(patient)}
    form = FactForm(request.POST or None, fact=row, initial=start)
    if request.method == "POST" and form.is_valid():

        def write() -> None:
            said = statement(str(patient.pk), author=_author(request), **form.stated)
            if fact == "weight" and form.stated["on"] == today(patient):  # weighed again: the later of a day holds
                now = timezone.now().astimezone(ZoneInfo(patient.site.zone))
                said["effectiveDateTime"] = now.isoformat(timespec="milliseconds")
            services.add_records(
                request.principal,
                patient,
                [said],
                by="staff",
                expected_version=form.cleaned_data["version"],
                origin=origin_of(request),
            )

        if (fault := _tried(form, write)) is None:
            return HttpResponseRedirect(_next(request, reverse("chart:facts", args=[patient.pk])))
        return _form_again(request, "chart/enter.html", form, fault, {"fact": row})
    status = 422 if request.method == "POST" else 200
    return render(request, "chart/enter.html", {"form": form, "fact": row}, status=status)


@clinicians
def settle(request: ClinicRequest, fact: str) -> HttpResponse:
    """Choose which of several sources holds."""
    row = facts().get(fact)
    if row is None:
        raise Http404
    patient = request.patient
    case = case_of(patient)
    state = case.view.state(fact)
    if state.status != "conflict":
        return HttpResponseRedirect(reverse("chart:facts", args=[patient.pk]))
    sources = shown.choices_of(case.chart.readings.get(fact, ()), state.sources)
    form = SettleForm(request.POST or None, sources=sources, initial={"version": version_of(patient)})
    context = {
        "fact": row,
        "sources": sources,
        "beside": len({record_of(source) for source, _words in sources}) < 2,
        "record": sources[0][0].partition("#")[0].split("/") if sources else [],
    }
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data

        def write() -> None:
            services.resolve(
                request.principal,
                patient,
                fact,
                keep=said["keep"],
                reason=said["reason"],
                on=case.view.on,
                expected_version=said["version"] or 0,
                origin=origin_of(request),
            )

        if (fault := _tried(form, write)) is None:
            return HttpResponseRedirect(reverse("chart:facts", args=[patient.pk]))
        return _form_again(request, "chart/settle.html", form, fault, context)
    status = 422 if request.method == "POST" else 200
    return render(request, "chart/settle.html", {"form": form, **context}, status=status)


@clinicians
def review(request: ClinicRequest) -> HttpResponse:
    """Look at imported records: take them as true, or not."""
    patient = request.patient
    kept = kept_records(patient)
    waiting = _waiting(kept)
    form = ReasonForm(request.POST or None)
    form.fields["reason"].required = False
    if request.method == "POST":
        chosen = set(request.POST.getlist("record"))
        records = [record for record in waiting if str(record.pk) in chosen]
        accept = request.POST.get("say") == "accept"
        form.is_valid()

        def write() -> None:
            if not records:
                raise UserError(_("No record is chosen: tick those you looked at."))
            services.review(
                request.principal,
                patient,
                records,
                accept=accept,
                reason=form.cleaned_data.get("reason", ""),
                origin=origin_of(request),
            )

        if (fault := _tried(form, write)) is None:
            done = reverse("chart:facts" if len(records) == len(waiting) else "chart:review", args=[patient.pk])
            return HttpResponseRedirect(done)
        context = {
            "rows": shown.record_rows(waiting, _readings(request), opened(patient).case.records),
            "chosen": chosen,
        }
        return _form_again(request, "chart/review.html", form, fault, context)
    rows = shown.record_rows(waiting, _readings(request), opened(patient).case.records)
    # Nothing is ticked by itself: who accepts has asked for it, one by one or all.
    chosen = {str(record.pk) for record in waiting} if request.GET.get("tick") == "all" else set()
    return render(request, "chart/review.html", {"form": form, "rows": rows, "chosen": chosen})


@clinicians
def bring(request: ClinicRequest) -> HttpResponse:
    """Send a file about this person; it waits for the next page."""
    form = BringForm(request.POST or None, request.FILES or None)
    received = Import.objects.filter(patient=request.patient).select_related("decision", "received_by")
    context: dict[str, Any] = {"received": received.order_by("-received_at")[:50]}
    if request.method == "POST" and form.is_valid():
        made: list[Import] = []

        def write() -> None:
            made.append(keep_file(request, form, request.patient))

        if (fault := _tried(form, write)) is None:
            return HttpResponseRedirect(reverse("chart:received", args=[request.patient.pk, made[0].pk]))
        return _form_again(request, "chart/bring.html", form, fault, context)
    status = 422 if request.method == "POST" else 200
    return render(request, "chart/bring.html", {"form": form, **context}, status=status)


@clinicians
def received(request: ClinicRequest, import_id: UUID) -> HttpResponse:
    """What a received file would change; take it or set it aside."""
    patient = request.patient
    row = get_object_or_404(Import.objects.select_related("decision", "patient"), pk=import_id, patient=patient)
    form = TakeForm(request.POST or None)
    context = {"received": row, "preview": preview(request.principal, row), "decision": getattr(row, "decision", None)}
    if request.method == "POST" and form.is_valid():
        reason, origin = form.cleaned_data["reason"], origin_of(request)
        aside = request.POST.get("say") == "aside"

        def write() -> None:
            if aside:
                services.set_aside(request.principal, row, reason=reason, origin=origin)
            else:
                services.take(request.principal, row, patient, reason=reason, origin=origin)

        if (fault := _tried(form, write)) is None:
            return HttpResponseRedirect(reverse("chart:facts" if aside else "chart:review", args=[patient.pk]))
        return _form_again(request, "chart/received.html", form, fault, context)
    return render(request, "chart/received.html", {"form": form, **context})


@clinicians
def record(request: ClinicRequest, resource_type: str, logical_id: str) -> HttpResponse:
    """Every version of one record; correct it, or say that it is not to be used."""
    patient = request.patient
    versions = [row for row in history_of(patient, resource_type, logical_id) if row.label != Label.PSYCHOTHERAPY_NOTE]
    if not versions:
        raise Http404
    newest = versions[-1]
    kept = kept_records(patient)
    read = [reading for reading in _readings(request) if record_of(reading.source) == newest.name]
    fact = _correctable(newest, read)
    current = read[0] if read else None
    start: dict[str, Any] = {"version": version_of(patient)}
    if fact and current:
        start |= {"value": as_typed(current.value), "unit": current.unit, "on": as_typed(current.when)}
    form: FactForm | ReasonForm = FactForm(None, fact=fact, why=True, initial=start) if fact else ReasonForm(None)
    refusal = ReasonForm(None, prefix="refuse")
    context: dict[str, Any] = {
        "record": newest,
        "row": shown.record_rows([newest], read)[0],
        "versions": list(reversed(versions)),
        "refused": kept.refused.get(newest.name),
        "waiting": newest.name in kept.unreviewed,
        "fact": fact,
        "refusal": refusal,
        "pretty": msgspec.json.format(newest.content.encode(), indent=2).decode(),
    }
    if request.method == "POST":
        form, fault = _change(request, newest, fact, start)
        if fault is None:
            return HttpResponseRedirect(reverse("chart:record", args=[patient.pk, resource_type, logical_id]))
        return _form_again(request, "chart/record.html", form, fault, context)
    return render(request, "chart/record.html", {"form": form, **context})


def keep_file(request: ClinicRequest, form: BringForm, patient: Any) -> Import:
    """
    Receive the file of a form.

    Raises:
        UserError: it is too large, or no bundle about one person.
    """
    file = form.cleaned_data["file"]
    if file.size > LARGEST:
        raise UserError(_("The file is larger than 10 MB: export one person at a time."))
    return services.receive(
        request.principal,
        file.read(),
        source=form.cleaned_data["source"],
        patient=patient,
        origin=origin_of(request),
    )


# ---------------------------------------------------------------- parts of the above


def _change(
    request: ClinicRequest, newest: Record, fact: Fact | None, start: dict[str, Any]
) -> tuple[Any, UserError | None]:
    patient, origin = request.patient, origin_of(request)
    if request.POST.get("say") == "refuse" or fact is None:
        plain = ReasonForm(request.POST, prefix="refuse")
        plain.is_valid()
        reason = plain.cleaned_data.get("reason", "")
        return plain, _tried(
            plain,
            lambda: services.review(request.principal, patient, [newest], accept=False, reason=reason, origin=origin),
        )
    form = FactForm(request.POST, fact=fact, why=True, initial=start)
    if not form.is_valid():
        return form, UserError(_("Some fields are not filled in: they are marked below."))

    def write() -> None:
        said = statement(str(patient.pk), author=_author(request), **form.stated)
        services.amend(
            request.principal,
            patient,
            newest,
            said,
            expected_version=form.cleaned_data["version"],
            reason=form.cleaned_data["reason"],
            origin=origin,
        )

    return form, _tried(form, write)


def _correctable(record: Record, read: list[Any]) -> Fact | None:
    """The fact of a record that says just one, in a form in which it can be stated anew."""
    names = {reading.fact for reading in read}
    if record.resource_type != "Observation" or len(names) != 1:
        return None
    fact = facts()[names.pop()]
    return fact if can_state(fact) and not fact.repeats and fact.asked else None


def _waiting(kept: Kept) -> list[Record]:
    return [record for record in kept.records if record.name in kept.unreviewed and record.name not in kept.refused]


def _readings(request: ClinicRequest) -> list[Any]:
    return [reading for rows in chart_of(request.patient).readings.values() for reading in rows]


def _author(request: ClinicRequest) -> Author:
    return Author(str(request.principal.user_id), request.principal.name)


def _tried(form: Any, write: Callable[[], Any]) -> UserError | None:
    """Do it; a fault of the input stands on the form."""
    try:
        write()
    except UserError as fault:
        form.add_error(None, str(fault))
        return fault
    return None


def _form_again(
    request: ClinicRequest, template: str, form: Any, fault: UserError, context: dict[str, Any]
) -> HttpResponse:
    """The page with what was typed and the reason; after a conflict it is ready to be sent again."""
    if isinstance(fault, Conflict) and "version" in form.fields:
        form.data = form.data.copy()
        form.data[form.add_prefix("version")] = version_of(request.patient)
    return render(request, template, {"form": form, **context}, status=EXIT[fault.code][1])


def _next(request: ClinicRequest, usual: str) -> str:
    """Back to the page that asked, if it is one of this person's own."""
    asked = request.GET.get("next", "")
    return asked if asked.startswith(f"/p/{request.patient.pk}/") else usual
