"""What stands in the rooms about one person today, as the pathway page needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from openkap.assess import selectors as assess
from openkap.assess.models import SafetyAlert
from openkap.assess.selectors import FormState
from openkap.chart.selectors import waiting_imports
from openkap.dose.selectors import sessions_of
from openkap.dose.types import Phase
from openkap.pathway import assess_case
from openkap.people.models import Patient
from openkap.plan import selectors as plan
from openkap.plan.models import Programme
from openkap.plan.words import band_words, instrument_name
from openkap.screen.document import screening_document
from openkap.screen.selectors import signed_verdicts
from openkap.web import words
from openkap.web.case import opened
from openkap.web.judge import judge
from openkap.web.parts import AskRow, Words
from openkap.web.patient.line import Where

ASKED = 6  # decisive questions on this page; the verdict shows all


@dataclass(frozen=True)
class Block:
    """One thing that stands in the way."""

    shape: str
    title: Words
    why: Words
    area: str  # of the page where it is settled
    url: str = ""  # where it is settled outside this record

    @property
    def action(self) -> Words:
        """What the button says."""
        return ACTIONS[self.area]


ACTIONS: dict[str, Words] = {
    "": gettext_lazy("Review now"),
    "screen": gettext_lazy("Open the verdict"),
    "chart": gettext_lazy("Open the facts"),
    "forms": gettext_lazy("Open the forms"),
}


@dataclass(frozen=True)
class Found:
    """
    One person today.

    Args:
        where: the counts of the line.
        screening: document of the verdict.
        assessment: document of scores and formulation.
        forms: asked for and not ended, the latest first.
        programme: the newest plan.
        alerts: safety answers that nobody has closed.
    """

    where: Where
    screening: Mapping[str, Any]
    assessment: Mapping[str, Any]
    forms: tuple[FormState, ...]
    programme: Programme | None
    alerts: tuple[SafetyAlert, ...]


def found(patient: Patient) -> Found:
    """Read and judge; the patient must come from the gate."""
    now = judge(patient)
    screening, chart = screening_document(now.screening), opened(patient)
    assessment = chart.following("assessment", lambda: assess_case(chart.case))
    forms = [assess.state_of(row) for row in assess.requests_of(Patient.objects.filter(pk=patient.pk))]
    open_ = sorted((form for form in forms if form.open), key=lambda form: -form.days_late)
    programme = plan.newest(patient)
    moved = plan.moved_ground(programme, now) if programme else []
    signed = signed_verdicts(patient, now)
    live = [f for f in screening["findings"] if f["truth"] != "false"]
    count = {name: sum(f["truth"] == "true" and f["class"] == name for f in live) for name in words.CLASSES}
    where = Where(
        records=chart.records,
        unreviewed=len(chart.unreviewed),
        arrived=len(waiting_imports([patient])),
        forms_open=len(open_),
        forms_late=sum(form.word == "overdue" for form in open_),
        forms_done=sum(form.word == "done" for form in forms),
        scored=sum(score["usable"] for score in assessment["scores"]),
        verdict=screening["verdict"],
        missing=sum(f["truth"] == "unknown" for f in live),
        excludes=count["exclude"],
        holds=count["hold"],
        cautions=count["caution"],
        verdict_signed=signed[0].state if signed and signed[0].state in ("in-force", "stale") else "",
        plan=plan.state_of(programme, programme.version, moved) if programme else "",
        plan_version=programme.version if programme else 0,
        **_sessions(patient),
    )
    return Found(where, screening, assessment, tuple(open_), programme, tuple(assess.alerts_of([patient])))


def _sessions(patient: Patient) -> dict[str, Any]:
    rows = list(sessions_of(patient))
    inside = next((row for row in rows if row.ended_at is None and row.phase != Phase.BOOKED.value), None)
    to_come = [row.day for row in rows if row.phase == Phase.BOOKED.value]
    return {
        "in_house": inside.phase if inside else "",
        "booked_on": words.day(min(to_come)) if to_come else "",
        "sessions": sum(row.ended_at is not None and row.began_at is not None for row in rows),
    }


def blocks(found: Found) -> list[Block]:
    """What stands in the way of a signed plan, worst first; what is not known is listed apart."""
    return list(_blocks(found))


def _blocks(found: Found) -> Iterator[Block]:
    for alert in found.alerts:
        day = words.day(timezone.localdate(alert.raised_at))
        why = _("Given on %(day)s.") % {"day": day}
        yield Block("stop", _("A safety answer is open"), why, "", reverse("duty:alert", args=[alert.pk]))
    for name in ("exclude", "hold"):
        for finding in found.screening["findings"]:
            if finding["truth"] == "true" and finding["class"] == name:
                yield Block(
                    words.SHAPES[name], finding["title"], words.sentence(words.plain(finding["because"])), "screen"
                )
    where = found.where
    if where.unreviewed:
        title = ngettext(
            "%d imported record was not looked at", "%d imported records were not looked at", where.unreviewed
        )
        why = _("Until then each may raise a finding and clears none.")
        yield Block("caution", title % where.unreviewed, why, "chart")
    if where.arrived:
        title = ngettext("%d file waits for a decision", "%d files wait for a decision", where.arrived)
        yield Block("caution", title % where.arrived, _("Nothing of it is in the chart yet."), "chart")
    for form in found.forms:
        if form.word == "overdue":
            late = ngettext("%d day late.", "%d days late.", form.days_late) % form.days_late
            yield Block("caution", _("%(form)s is overdue") % {"form": form.title}, late, "forms")


def questions(found: Found) -> list[AskRow]:
    """The shortest list of facts that settles the verdict."""
    decisive = [ask for ask in found.screening["ask"] if ask["decisive"]]
    return [
        AskRow(ask["question"], words.sentence(ask["reason"]), code=", ".join(ask["rules"])) for ask in decisive[:ASKED]
    ]


@dataclass(frozen=True)
class ScoreRow:
    """The newest score of an instrument."""

    name: str
    on: date | None
    total: str
    note: str


def score_rows(found: Found) -> list[ScoreRow]:
    """The newest score of each instrument, by name."""
    newest: dict[str, Mapping[str, Any]] = {}
    for score in found.assessment["scores"]:
        before = newest.get(score["instrument"])
        if before is None or (score["on"] or "") >= (before["on"] or ""):
            newest[score["instrument"]] = score
    return [
        ScoreRow(
            name=instrument_name(name),
            on=date.fromisoformat(score["on"][:10]) if score["on"] and len(score["on"]) >= 10 else None,
            total=_("not scored") if score["total"] is None else words.figure(score["total"]),
            note=score["why_not"] or band_words(score["band"] or ""),
        )
        for name, score in sorted(newest.items())
    ]
