"""The gate of one session: who it is, what is asked of the day, what is confirmed, what keeps it shut."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect

from openkap.chart import services as chart
from openkap.chart.fhir.statement import Author
from openkap.dose import events as e
from openkap.dose.gate import LIMITS, TRIED, green
from openkap.dose.gate import gate as lines
from openkap.dose.selectors import session_or_404
from openkap.dose.session import Session
from openkap.dose.types import Phase
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Role
from openkap.web.case import today
from openkap.web.dose import acts
from openkap.web.dose.chair.shown import PHASES
from openkap.web.dose.gate.forms import AnswerForm, DecideForm, FactsForm, LiftForm, PersonForm
from openkap.web.dose.gate.shown import Shown, shown
from openkap.web.judge import dose_day

BEFORE = (Phase.ARRIVED, Phase.GATE, Phase.READY, Phase.PEAK)


FREE = frozenset({"person", "open", "facts", "answer", "judge", "pass"})
PROVED = frozenset({"decide", "lift"})


@acts.clinicians
def gate(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """What keeps the gate shut, and everything that can be done about it here."""
    return _gate(request, session_id, FREE)


@acts.dosers
def gate_proved(request: ClinicRequest, session_id: UUID) -> HttpResponse:
    """A decision, or a hold that is lifted, by somebody who has proved within the last minutes who they are."""
    if request.method != "POST":
        return HttpResponseRedirect(acts.to("dose:gate", session_or_404(request.patient, session_id)))
    return _gate(request, session_id, PROVED)


def _gate(request: ClinicRequest, session_id: UUID, may: frozenset[str]) -> HttpResponse:
    row, session = acts.found(request, session_id)
    page = _page(request, session)
    sent = acts.sent(request, may)
    forms = {
        "person": PersonForm(request.POST if sent == "person" else None, auto_id="person-%s"),
        "facts": FactsForm(request.POST if sent == "facts" else None, auto_id="facts-%s", facts=page.facts),
        "answer": AnswerForm(request.POST if sent == "answer" else None, auto_id="answer-%s"),
        "decide": DecideForm(request.POST if sent == "decide" else None, auto_id="decide-%s"),
        "lift": LiftForm(request.POST if sent == "lift" else None, auto_id="lift-%s"),
    }
    here = acts.to("dose:gate", row)

    def act(name: str) -> str | None:
        said: Any = forms[name].cleaned_data if name in forms else {}
        if name == "person":
            acts.happen(request, row, e.ConfirmPerson, name=said["name"], born=said["born"])
        elif name == "open":
            acts.happen(request, row, e.OpenGate)
        elif name == "facts":
            _write_facts(request, forms["facts"])
            acts.judge_again(request, row)
        elif name == "answer":
            acts.happen(request, row, e.Answer, **forms["answer"].asked)  # type: ignore[attr-defined]
            return f"{here}#confirm"
        elif name == "decide":
            acts.happen(request, row, e.Decide, row=said["row"], reason=said["reason"])
        elif name == "lift":
            acts.happen(request, row, e.LiftHold, hold=said["hold"], reason=said["reason"])
        elif name == "judge":
            acts.judge_again(request, row)
        elif name == "pass":
            acts.happen(request, row, e.PassGate)
            return acts.to("dose:give", row)
        return here

    def context() -> dict[str, Any]:
        after_row, after = acts.found(request, session_id)
        assert after.clock is not None
        return {
            "row": after_row,
            "here": acts.to("dose:gate", after_row),
            "proved": acts.to("dose:gate-proved", after_row),
            "phase": PHASES[after.phase],
            "prescribes": request.principal.has(Role.PRESCRIBER),
            "doses": request.principal.has(Role.PRESCRIBER, Role.NURSE),
            "session": after,
            "page": _page(request, after),
            "before": after.phase in BEFORE,
            "at_chair": (LIMITS, TRIED),
            "judged": after.judged is not None,
            "stale": after.judged is None or after.read_since or after.judged.day != after.clock.day,
            "open": green(lines(after, after.clock)),
            "sent": sent,
        }

    return acts.answer(request, "dose/gate/gate.html", forms, act, context)


def _page(request: ClinicRequest, session: Session) -> Shown:
    assert session.clock is not None
    screening = dose_day(request.patient, session.clock.day).screening if session.phase in BEFORE else None
    return shown(session, session.clock, screening, request.principal.roles)


def _write_facts(request: ClinicRequest, form: Any) -> None:
    patient = request.patient
    author = Author(str(request.principal.user_id), request.principal.name)
    said = form.statements(str(patient.pk), today(patient), author)
    chart.add_records(
        request.principal, patient, said, by="staff", reason="asked at the gate", origin=origin_of(request)
    )
