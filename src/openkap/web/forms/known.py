"""What the record already says in answer to a question, to be confirmed by a person and never taken over by itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from openkap.assess.asking import NO, YES, FormShape, Question
from openkap.chart.types import State
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import When
from openkap.people.models import Patient
from openkap.web.case import case_of


@dataclass(frozen=True)
class Known:
    """A known answer: its code, its words, and the day it is from."""

    code: str
    words: str
    on: str


def known_answers(patient: Patient, shape: FormShape) -> dict[str, Known]:
    """Settled facts within their look-back, by question. Lists are never filled in from the record."""
    if shape.is_instrument:
        return {}
    view = case_of(patient).view
    found = {}
    for question in shape.questions:
        if question.kind in ("choice", "number", "date") and not question.several and question.link in facts():
            known = _known(question, view.state(question.link))
            if known:
                found[question.link] = known
    return found


def _known(question: Question, state: State) -> Known | None:
    if not state.settled or state.when is None:
        return None
    code = _code(state.value)
    words = dict(question.options).get(code, code)
    if question.options and code not in dict(question.options):
        return None
    return Known(code, words, state.when.text[:10])


def _code(value: object) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else str(value)
    return value.text if isinstance(value, When) else str(value)
