"""What was measured and what it may mean: scores over time, the formulation to take or not, one page to read before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from openkap.assess import services
from openkap.assess.score_chart import ScoreRecord
from openkap.assess.selectors import alerts_of, decisions_of, open_requests, state_of
from openkap.assess.summary import assessment
from openkap.chart.selectors import version_of
from openkap.chart.vocabulary import facts
from openkap.kernel.errors import EXIT, UserError
from openkap.people.models import Patient
from openkap.people.policy import about_patient
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import CLINICIANS, Purpose
from openkap.plan.words import instrument_name
from openkap.web import words
from openkap.web.assess.drawing import lines_of, series_of, unscored_of
from openkap.web.assess.told import entries_of
from openkap.web.case import case_of
from openkap.web.identity import full_name


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def scores(request: ClinicRequest) -> HttpResponse:
    """Scores over time as pictures with their tables, and the formulation."""
    return _page(request)


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def decide(request: ClinicRequest, dimension: str) -> HttpResponse:
    """Take the finding of one dimension as it was shown, or not, with the reason."""
    if request.method != "POST":
        return redirect("assess:scores", patient_id=request.patient.pk)
    try:
        services.decide_dimension(
            request.principal,
            request.patient,
            dimension,
            level=_number(request.POST.get("level", "")),
            accepted="accept" in request.POST,
            reason=request.POST.get("reason", ""),
            chart_version=_number(request.POST.get("version", "")) or 0,
            origin=origin_of(request),
        )
    except UserError as fault:
        return _page(request, {dimension: str(fault)}, EXIT[fault.code][1])
    return redirect(f"{reverse('assess:scores', args=[request.patient.pk])}#d-{dimension}")


@about_patient(*CLINICIANS, purpose=Purpose.TREATMENT)
def first_hour(request: ClinicRequest) -> HttpResponse:
    """One page for the therapist before the first hour."""
    case = case_of(request.patient)
    document = assessment(case.view, case.records)
    context = {
        "name": full_name(request.patient),
        "on": case.view.on,
        "alerts": alerts_of([request.patient]),
        "document": document,
        "gaps": _gaps(document["gaps"], case.records),
        "latest": [lines[-1] for lines in lines_of(case.records).values() if lines],
        "dimensions": _dimensions(request, document, {}),
        "inventories": entries_of(document["inventories"]),
        "diagnoses": [d for d in document["diagnoses"]["disorders"] if d["status"] != "absent"],
        "waiting": [state_of(r) for r in open_requests(Patient.objects.filter(pk=request.patient.pk))],
    }
    return render(request, "assess/first_hour.html", context)


def _gaps(gaps: list[dict[str, Any]], records: Iterable[ScoreRecord]) -> list[str]:
    """What was never measured before what has only grown old; each thing once."""
    # An older form of a course is no gap where a newer one counts, nor is what our own sources do not tell.
    counts = {record.instrument for record in records if record.usable}
    rows = [
        gap
        for gap in sorted(gaps, key=lambda gap: gap["part"] == "scores")
        if not (gap["part"] == "scores" and gap["fact"] in counts)
        and not (gap["part"] == "treatment_history" and gap["fact"] not in facts())
    ]
    said = [(gap["fact"], words.plain(gap["text"])) for gap in rows]
    named = [
        f"{instrument_name(fact)}{text.removeprefix(fact)}" if text.startswith(fact) else text for fact, text in said
    ]
    first: dict[str, str] = {}
    for text in named:
        first.setdefault(text.partition(":")[0], words.sentence(text))
    return list(first.values())


def _page(request: ClinicRequest, faults: dict[str, str] | None = None, status: int = 200) -> HttpResponse:
    case = case_of(request.patient)
    document = assessment(case.view, case.records)
    drawings = series_of(case.records)
    context = {
        "name": full_name(request.patient),
        "on": case.view.on,
        "series": [d for d in drawings if len(d.series.points) > 1],
        "once": [d for d in drawings if len(d.series.points) == 1],
        "unscored": unscored_of(case.records),
        "dimensions": _dimensions(request, document, faults or {}),
        "statements": document["statements"],
        "version": version_of(request.patient),
        "faults": faults or {},
        "now": timezone.now(),
    }
    return render(request, "assess/scores.html", context, status=status)


def _dimensions(request: ClinicRequest, document: dict[str, Any], faults: dict[str, str]) -> list[dict[str, Any]]:
    """Each dimension with the last decision about it; a decision about another level is out of date."""
    decisions = decisions_of(request.patient)
    rows = []
    for name, found in document["formulation"].items():
        decision = decisions.get(name)
        rows.append(
            {
                "id": name,
                "found": found,
                "bars": [n <= (found["level"] or 0) for n in (1, 2, 3)],
                "decision": decision,
                "stale": decision is not None and decision.level != found["level"],
                "fault": faults.get(name, ""),
                "typed": request.POST.get("reason", "") if faults.get(name) else "",
            }
        )
    return rows


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
