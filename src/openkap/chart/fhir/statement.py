"""
One fact as a clinician states it, written in FHIR so that the reader reads back the same.

What a resource of another kind carries is written as that: a diagnosis as Condition, consent as Consent.
Source: fact convention, sections 2, 3, 6 and 9
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from openkap.chart.fhir.reader import CONSENT_POLICY
from openkap.chart.vocabulary import Fact, consent_version, facts
from openkap.kernel import coding
from openkap.kernel.errors import UnknownName, UserError
from openkap.kernel.quantity import known_unit

_RESULTS = {"negative": ("260385009", "Negative"), "positive": ("10828004", "Positive")}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
Stated = bool | Decimal | str | date | tuple[str, ...]


@dataclass(frozen=True)
class Author:
    """Who states it: a practitioner, by the id and the name under a signature."""

    id: str
    name: str

    @property
    def reference(self) -> dict[str, Any]:
        return {"reference": f"Practitioner/{self.id}", "type": "Practitioner", "display": self.name}


def can_state(fact: Fact) -> bool:
    """True if a person may state it; birth date and what is computed come from elsewhere."""
    return (
        fact.kind != "derived" and fact.id != "birth-date" and (fact.asked or bool(fact.codes) or fact.id == "consent")
    )


def statement(
    patient_id: str,
    name: str,
    value: Stated,
    on: date,
    author: Author,
    *,
    unit: str = "",
    upper_limit: Decimal | None = None,
    lower_limit: Decimal | None = None,
    note: str = "",
) -> dict[str, Any]:
    """
    The resource that says this fact.

    Args:
        patient_id: for the subject.
        name: fact of the vocabulary.
        value: truth, number in `unit`, answer code or several, `positive`/`negative`, or a date.
        on: the day on which it was true, or was found.
        author: who says so.
        unit: UCUM; empty takes the fact's own.
        upper_limit, lower_limit: of the laboratory, in `unit`.
        note: in the author's words.

    Raises:
        UnknownName: no such fact, or it cannot be stated.
        UserError: the value or the unit does not fit the fact.
    """
    fact = facts().get(name)
    if fact is None or not can_state(fact):
        raise UnknownName(f"fact: {name!r} cannot be stated; choose one of the vocabulary.")
    about = {"reference": f"Patient/{patient_id}"}
    more: dict[str, Any] = {"note": [{"text": note}]} if note else {}
    if fact.id == "consent":
        return _consent(about, value, on)
    if not fact.asked:
        return {**_condition(fact, about, value, on, author), **more}
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": _code(fact),
        "subject": about,
        "effectiveDateTime": on.isoformat(),
        "performer": [author.reference],
        **more,
    }
    if isinstance(value, tuple):
        return _several(fact, about, value, on, author)
    if fact.kind == "number":
        observation["valueQuantity"] = amount = _amount(fact, value, unit or fact.unit)
        limits = {
            side: {**amount, "value": limit}
            for side, limit in (("low", lower_limit), ("high", upper_limit))
            if limit is not None
        }
        return {**observation, **({"referenceRange": [limits]} if limits else {})}
    return {**observation, **_value(fact, value)}


def _code(fact: Fact) -> dict[str, Any]:
    if fact.kind in ("number", "result") and (first := next((c for c in fact.codes if c.system == "loinc"), None)):
        return {"coding": [{"system": coding.LOINC, "code": first.code, "display": fact.words}]}
    system = coding.INSTRUMENT if fact.kind == "score" else coding.FACT
    return {"coding": [{"system": system, "code": fact.id}], "text": fact.words}


def _amount(fact: Fact, value: Stated, unit: str) -> dict[str, Any]:
    if not isinstance(value, Decimal):
        raise UserError(f"{fact.id}: give a number.")
    if (fact.unit or fact.units) and (unit not in (fact.unit, *fact.units) or not known_unit(unit)):
        raise UserError(
            f"{fact.id}: {unit!r} is no unit of it; use {', '.join(dict.fromkeys((fact.unit, *fact.units)))}."
        )
    for limit, word in ((fact.least, "below"), (fact.most, "above")):
        wrong = limit is not None and unit == fact.unit and (value < limit if word == "below" else value > limit)
        if wrong:
            raise UserError(f"{fact.id}: {value} is {word} what is possible ({limit}); check the number.")
    shown = {"unit": unit, "system": coding.UCUM, "code": unit} if unit else {}
    return {"value": value, **shown}


def _value(fact: Fact, value: Stated) -> dict[str, Any]:
    if fact.is_yes_no and isinstance(value, bool):
        return {"valueBoolean": value}
    if fact.kind == "date" and isinstance(value, date):
        return {"valueDateTime": value.isoformat()}
    if fact.kind == "result" and value in _RESULTS:
        code, words = _RESULTS[str(value)]
        return {"valueCodeableConcept": {"coding": [{"system": coding.SNOMED, "code": code, "display": words}]}}
    if isinstance(value, str) and value in fact.options:
        return {"valueCodeableConcept": {"coding": [{"system": coding.ANSWER, "code": value}]}}
    if fact.kind == "score" and isinstance(value, Decimal) and value == value.to_integral_value():
        return {"valueInteger": int(value)}
    raise UserError(f"{fact.id}: {value!r} does not answer it; {_remedy(fact)}.")


def _remedy(fact: Fact) -> str:
    if fact.options:
        return f"choose one of {', '.join(fact.options)}"
    kinds = {"date": "give a date", "result": "choose positive or negative", "score": "give a whole number"}
    return kinds.get(fact.kind, "answer yes or no")


def _several(fact: Fact, about: dict[str, Any], value: tuple[str, ...], on: date, author: Author) -> dict[str, Any]:
    """Several answers of one question travel only in the intake."""
    if not fact.repeats or not value or any(one not in fact.options for one in value):
        raise UserError(f"{fact.id}: {', '.join(value) or 'nothing'} does not answer it; {_remedy(fact)}.")
    answers = [{"valueCoding": {"system": coding.ANSWER, "code": one}} for one in value]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{coding.BASE}/Questionnaire/intake",
        "status": "completed",
        "subject": about,
        "authored": on.isoformat(),
        "author": author.reference,
        "item": [{"linkId": fact.id, "answer": answers}],
    }


def _condition(fact: Fact, about: dict[str, Any], value: Stated, on: date, author: Author) -> dict[str, Any]:
    """A diagnosis: present and confirmed, or refuted."""
    if not isinstance(value, bool):
        raise UserError(f"{fact.id}: answer yes or no.")
    icd = next((c.code for c in fact.codes if c.system == "icd10" and "x" not in c.code), None)
    found = [{"system": coding.FACT, "code": fact.id}] if not value or icd is None else []
    found += [{"system": coding.ICD10CM, "code": icd}] if value and icd else []
    present = {"clinicalStatus": _status("condition-clinical", "active")}
    return {
        "resourceType": "Condition",
        **present,
        "verificationStatus": _status("condition-ver-status", "confirmed" if value else "refuted"),
        "code": {"coding": found, "text": fact.words},
        "subject": about,
        "recordedDate": on.isoformat(),
        "recorder": author.reference,
    }


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _consent(about: dict[str, Any], value: Stated, on: date) -> dict[str, Any]:
    status = {"signed": "active", "not-given": "rejected"}.get(str(value))
    if status is None:
        raise UserError("consent: choose one of signed, not-given.")
    return {
        "resourceType": "Consent",
        "status": status,
        "scope": {"coding": [{"system": f"{_TERMINOLOGY}/consentscope", "code": "treatment"}]},
        "category": [{"coding": [{"system": coding.LOINC, "code": "59284-0"}]}],
        "patient": about,
        "dateTime": on.isoformat(),
        "policy": [{"uri": f"{CONSENT_POLICY}|{consent_version()}"}],
    }
