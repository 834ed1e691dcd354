"""The plan of one person: options side by side, what changed and why, edit, sign, print, export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from django import forms
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from openkap.kernel.errors import EXIT, Conflict, NoSolution, UserError
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose, Role
from openkap.plan import diff, selectors, services
from openkap.plan.edits import read_edits
from openkap.plan.fhir import plan_bundle
from openkap.plan.html import blocks_html, plan_html, sprite_html, style_source
from openkap.plan.models import Programme
from openkap.plan.pdf import plan_pdf
from openkap.plan.sheet import plan_sheet
from openkap.screen.decisions import open_points
from openkap.web.judge import judge, propose
from openkap.web.parts import Change
from openkap.web.plan import dose_panel
from openkap.web.plan.forms import PlanForm, changeable, initial
from openkap.web.screen.forms import ReasonForm, SignForm

# Sections that stand open, in this order; the others are one click away.
OPEN = ("missing", "calendar", "regimen", "edits", "options", "modalities", "alternatives", "limits")

clinicians = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
lookers = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, once=False)  # looking at a dose writes nothing
signer = about_patient(Role.PRESCRIBER, purpose=Purpose.TREATMENT, step_up=True)
exporter = about_patient(*CLINICIANS, purpose=Purpose.TREATMENT, step_up=True)

BACKGROUND = (
    "fact",
    "option",
    "consent",
    "limit of the evidence",
    "missing",
)  # changes that a reader may look at later


@clinicians
def newest(request: ClinicRequest) -> HttpResponse:
    """The newest version; without one, the way to a first."""
    row = selectors.newest(request.patient)
    if row is None:
        now = judge(request.patient)
        return render(request, "plan/none.html", {"verdict": now.screening.verdict, "now": now})
    return _shown(request, row, row.version)


@clinicians
def version(request: ClinicRequest, version: int) -> HttpResponse:
    """One version, also an old one."""
    row = _row(request, version)
    last = selectors.newest(request.patient)
    assert last is not None
    return _shown(request, row, last.version)


def _shown(request: ClinicRequest, row: Programme, last: int) -> HttpResponse:
    now = judge(request.patient)
    moved = selectors.moved_ground(row, now)
    sheet = plan_sheet(_stored(row))
    sections = [{**part, "html": blocks_html(part["blocks"])} for part in sheet["sections"]]
    near, far = _changes(row.changes)
    context = {
        "row": row,
        "state": selectors.state_of(row, last, moved),
        "last": last,
        "moved": moved if row.version == last else [],
        "signature": selectors.signature_of(row),
        "withdrawal": selectors.withdrawal_of(row),
        "sheet": sheet,
        "sections": sorted((p for p in sections if p["id"] in OPEN), key=lambda p: OPEN.index(p["id"])),
        "annex": [part for part in sections if part["id"] not in OPEN],
        "sprite": sprite_html(),
        "near": near,
        "far": far,
        "open": open_points(now.screening) if row.version == last else [],
        "prescribes": request.principal.has(Role.PRESCRIBER),
        "dose_form": dose_panel.empty_form(request.patient, row),
    }
    return render(request, "plan/plan.html", context)


@lookers
def dose(request: ClinicRequest) -> HttpResponse:
    """What a dose would do in people like this: typed, computed, shown; nothing is kept."""
    shown = dose_panel.look(request.patient, request.POST if request.method == "POST" else None)
    refused = request.method == "POST" and shown.answer is None and not request.headers.get("HX-Request")
    return render(request, "plan/dose.html", {"dose_form": shown.form, "would": shown}, status=422 if refused else 200)


@clinicians
def versions(request: ClinicRequest) -> HttpResponse:
    """Every version with author, reason, and what it changed."""
    rows = selectors.versions(request.patient)
    last = rows[0].version if rows else 0
    shown = [
        {
            "row": row,
            "state": selectors.state_of(row, last, ()),
            "signature": selectors.signature_of(row),
            "near": _changes(row.changes)[0],
            "before": row.version - 1,
        }
        for row in rows
    ]
    return render(request, "plan/versions.html", {"versions": shown})


@clinicians
def compare(request: ClinicRequest, version: int, other: int) -> HttpResponse:
    """What changed from one version to another."""
    old, new = _row(request, other), _row(request, version)
    found = diff.changes(selectors.document_of(old), selectors.document_of(new))
    near, far = _changes(found)
    return render(request, "plan/compare.html", {"old": old, "new": new, "near": near, "far": far})


@clinicians
def edit(request: ClinicRequest) -> HttpResponse:
    """Make the first or the next version from wishes and changes; a plan is never typed."""
    row = selectors.newest(request.patient)
    if request.method == "POST":  # the fields are those of the version that the person saw
        row = selectors.version_of(request.patient, _number(request.POST.get("version", "")))
    document = selectors.document_of(row) if row else None
    shape = _shape(document)
    start = initial(row.preferences, row.edits) if row else {}
    form = PlanForm(request.POST or None, initial=start | {"version": row.version if row else 0}, **shape)
    context: dict[str, Any] = {"row": row, "document": document}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = _write(request, form)
            except Conflict as fault:
                status, form, theirs = 409, *_both(request, form, str(fault))
                context |= theirs
            except UserError as fault:
                form.add_error(None, str(fault))
                status = EXIT[fault.code][1]
            except NoSolution as refusal:
                form.add_error(None, str(refusal))
                context["refusal"] = refusal.document
                status = EXIT[refusal.code][1]
            else:
                return HttpResponseRedirect(reverse("plan:version", args=[request.patient.pk, made.version]))
    return render(request, "plan/edit.html", {"form": form, **context}, status=status)


def _shape(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of a plan can be changed beyond wishes."""
    regimen = document["regimen"] if document else None
    return {
        "sessions": changeable(document) if document else [],
        "unit": regimen["dose"]["unit"] if regimen else "",
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _write(request: ClinicRequest, form: PlanForm) -> Programme:
    edits = read_edits([msgspec.to_builtins(one) for one in form.edits])
    return services.write(
        request.principal,
        request.patient,
        propose,
        expected_version=form.cleaned_data["version"],
        preferences=form.preferences,
        edits=edits,
        reason=form.cleaned_data["reason"],
        draft=form.cleaned_data["draft"],
        origin=origin_of(request),
    )


def _both(request: ClinicRequest, form: PlanForm, sentence: str) -> tuple[PlanForm, dict[str, Any]]:
    """What the other clinician made meanwhile, and a form that still holds everything this one typed."""
    last = selectors.newest(request.patient)
    seen = selectors.version_of(request.patient, form.cleaned_data["version"])
    typed = request.POST.copy()
    typed["version"] = str(last.version if last else 0)
    again = PlanForm(typed, **_shape(selectors.document_of(last) if last else None))
    again.is_valid()
    again.add_error(None, sentence)
    theirs = diff.changes(selectors.document_of(seen), selectors.document_of(last)) if seen and last else []
    return again, {"theirs": last, "seen": seen, "near": _changes(theirs)[0]}


@signer
def sign(request: ClinicRequest) -> HttpResponse:
    """Sign the newest version, after the person's birth date."""
    row = selectors.newest(request.patient)
    if row is None:
        raise Http404
    now = judge(request.patient)
    document = selectors.document_of(row)
    form = SignForm(request.POST or None, initial={"digest": row.digest})
    context = {
        "row": row,
        "document": document,
        "moved": selectors.moved_ground(row, now),
        "open": open_points(now.screening),
        "signature": selectors.signature_of(row),
        "near": _changes(row.changes)[0],
        "meaning": services.MEANING,
    }

    def act() -> None:
        given = form.cleaned_data
        services.sign(
            request.principal,
            request.patient,
            judge,
            version=row.version,
            digest=given["digest"],
            birth_date=given["birth_date"],
            origin=origin_of(request),
        )

    return _answer(request, "plan/sign.html", form, act, context)


@signer
def unsign(request: ClinicRequest, version: int) -> HttpResponse:
    """Take the signature under a version back."""
    row = _row(request, version)
    form = ReasonForm(request.POST or None)

    def act() -> None:
        reason, origin = form.cleaned_data["reason"], origin_of(request)
        services.withdraw(request.principal, request.patient, version, reason=reason, origin=origin)

    context = {"row": row, "signature": selectors.signature_of(row)}
    return _answer(request, "plan/unsign.html", form, act, context)


def _answer(
    request: ClinicRequest, template: str, form: forms.Form, act: Callable[[], None], context: dict[str, Any]
) -> HttpResponse:
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
                return HttpResponseRedirect(reverse("plan:newest", args=[request.patient.pk]))
    return render(request, template, {"form": form, **context}, status=status)


# ---------------------------------------------------------------- paper and other systems


@clinicians
def page(request: ClinicRequest, version: int) -> HttpResponse:
    """A version as one self-contained page for print; it brings its own policy for its one style element."""
    row = _row(request, version)
    _noted(request, row, "html")
    text = plan_html(_stored(row))
    response = HttpResponse(text)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {style_source(text)}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return response


@clinicians
def pdf(request: ClinicRequest, version: int) -> HttpResponse:
    """A version on paper."""
    row = _row(request, version)
    _noted(request, row, "pdf")
    return _file(plan_pdf(_stored(row)), "application/pdf", f"plan-{row.version}.pdf", inline=True)


@exporter
def export(request: ClinicRequest, version: int, form: str) -> HttpResponse:
    """A version for another system: the plan document, or FHIR R4."""
    row = _row(request, version)
    if form not in ("json", "fhir"):
        raise Http404
    _noted(request, row, form)
    if form == "json":
        return _file(row.document.encode(), "application/json", f"plan-{row.version}.json")
    bundle = msgspec.json.Encoder(decimal_format="number").encode(plan_bundle(selectors.document_of(row), row.at))
    return _file(bundle, "application/fhir+json", f"plan-{row.version}.fhir.json")


def _noted(request: ClinicRequest, row: Programme, form: str) -> None:
    services.note_export(request.principal, request.patient, row, form, origin=origin_of(request))


def _file(content: bytes, kind: str, name: str, *, inline: bool = False) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'{"inline" if inline else "attachment"}; filename="{name}"'
    return response


# ---------------------------------------------------------------- small readings


def _row(request: ClinicRequest, version: int) -> Programme:
    row = selectors.version_of(request.patient, version)
    if row is None:
        raise Http404
    return row


def _stored(row: Programme) -> dict[str, Any]:
    """The document of a version with who wrote and who signed it, as the sheet prints it."""
    document = selectors.document_of(row)
    signed = selectors.signature_of(row)
    document["stored"] = {
        "version": row.version,
        "author": row.author.name,
        "at": _moment(row.at),
        "reason": row.reason,
    }
    if signed and not selectors.withdrawal_of(row):
        document["signed"] = {"name": signed.name, "role": signed.role, "at": _moment(signed.at)}
    return document


def _moment(at: Any) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M %Z")


def _changes(found: Iterable[Mapping[str, Any]]) -> tuple[list[Change], list[Change]]:
    """What changed in the plan itself, and what changed behind it."""
    near: list[Change] = []
    far: list[Change] = []
    for one in found:
        what = (
            f"{one['part'].capitalize()}: {one['title']}" if one["part"] != one["title"] else one["title"].capitalize()
        )
        (far if one["part"] in BACKGROUND else near).append(Change(what, one["was"], one["now"]))
    return near, far
