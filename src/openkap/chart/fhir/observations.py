"""Observations: measurements, results, yes/no facts, scores, with their components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from openkap.chart.fhir import values
from openkap.chart.fhir.codes import codings, observation_facts
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.values import Readable, Unusable
from openkap.chart.types import Reading, Standing
from openkap.chart.vocabulary import Fact, fact_of, is_item
from openkap.kernel import coding
from openkap.kernel.clock import When
from openkap.kernel.quantity import number

_COUNTS = ("final", "amended", "corrected")
_MAY_RAISE = ("registered", "preliminary")
_STATED_WEIGHT = "3142-7"
_DRUG_SCREEN_PANEL = ("cocaine", "amphetamine", "opioid", "ketamine", "pcp", "benzodiazepine", "cannabis")


def read_observation(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add what one Observation says to the notebook."""
    status = resource.get("status")
    if status not in (*_COUNTS, *_MAY_RAISE):
        note.skip(resource, name, f"status {status!r} is not read: only final, amended and corrected results count")
        return
    standing: Standing = "final" if status in _COUNTS else "tentative"
    moment = values.effective(resource, note.zone)
    if isinstance(moment, Unusable):
        note.skip(resource, name, f"date: {moment.reason}")
        return
    understood = observation_facts(resource.get("code"))
    if understood == ["urine-drug-screen"] and not values.cannot_be_had(resource.get("dataAbsentReason")):
        screen = _drug_screen(resource, name, moment, standing)
        note.add(screen)
        if screen.standing == "unreadable":
            note.skip(resource, name, f"urine drug screen: {screen.reason}")
        return
    if len(understood) > 1:
        note.skip(resource, name, f"its codes mean different facts ({', '.join(understood)}): correct the coding")
        return
    before = len(note.readings)
    for fact in understood:
        _read_one(fact_of(fact), resource, resource, name, moment, standing, note)
    for part in _components(resource):
        meant = observation_facts(part.get("code"))
        if len(meant) > 1:
            note.skip(part, name, f"its codes mean different facts ({', '.join(meant)}): correct the coding")
        elif meant:
            _read_one(fact_of(meant[0]), part, resource, name, moment, standing, note)
    if len(note.readings) == before:
        note.skip(resource, name, "no code of it is in the vocabulary")
    _refuse_swapped_pressures(resource, name, note, before)


def _refuse_swapped_pressures(resource: dict[str, Any], name: str, note: Notebook, since: int) -> None:
    """In one reading the systolic pressure lies above the diastolic; else neither number is used."""
    amounts = {r.fact: r.value for r in note.readings[since:] if isinstance(r.value, Decimal)}
    systolic, diastolic = amounts.get("systolic"), amounts.get("diastolic")
    if systolic is None or diastolic is None or systolic > diastolic:
        return
    reason = f"systolic {number(systolic)} is not above diastolic {number(diastolic)}: measure again"
    note.readings[since:] = [
        replace(r, value=None, standing="unreadable", reason=reason, unread=True)
        if r.fact in ("systolic", "diastolic")
        else r
        for r in note.readings[since:]
    ]
    note.skip(resource, name, reason)


def _read_one(
    fact: Fact,
    element: dict[str, Any],
    resource: dict[str, Any],
    name: str,
    moment: When | None,
    standing: Standing,
    note: Notebook,
) -> None:
    """Read the value of a whole observation or of one component."""
    excuse = values.cannot_be_had(element.get("dataAbsentReason"))
    if excuse and standing == "final" and note.performed_by_clinician(resource):
        note.add(Reading(fact.id, None, moment, name, standing="unobtainable", reason=excuse))
        return
    value = _value(fact, element)
    stated = fact.id == "weight" and (_has_code(element, _STATED_WEIGHT) or note.by_patient(resource))
    barred = stated or (fact.by == "C" and note.by_patient(resource))
    if barred and not stated:
        value = Unusable("counts only when a clinician gave it")
    if stated and not isinstance(value, Unusable):
        value = Unusable("stated by the patient, not measured: weigh on a scale")
    if isinstance(value, Unusable):
        reason = value.reason
        unread = not barred and "dataAbsentReason" not in element and any(key.startswith("value") for key in element)
        note.add(
            Reading(fact.id, None, moment, name, standing="unreadable", reason=reason, stated=stated, unread=unread)
        )
        note.skip(element if element is not resource else resource, name, f"{fact.words}: {reason}")
        return
    amount, unit = value
    note.add(
        Reading(
            fact.id,
            amount,
            moment,
            name,
            unit,
            standing,
            range=values.reference_range(element, fact, unit) if unit else None,
            interpretation=values.interpretation(element),
            by=note.measured_by(resource) if fact.id == "weight" else "",
        )
    )


def _value(fact: Fact, element: dict[str, Any]) -> Readable:
    if element.get("dataAbsentReason") is not None:
        reason = values.absent_reason(element["dataAbsentReason"]) or "no reason given"
        return Unusable(f"the value is absent ({reason}): obtain it")
    found = values.choice(element, "value")
    if found is None:
        return Unusable("it has no value: obtain it")
    if isinstance(found, Unusable):
        return found
    suffix, value = found
    read = _READERS.get(fact.kind)
    result = read(fact, suffix, value) if read else None
    if result is None:
        return Unusable(f"value{suffix} does not say it: see the fact convention for {fact.id}")
    return result


def _yes_no(fact: Fact, suffix: str, value: Any) -> Readable | None:
    return (value, None) if suffix == "Boolean" and isinstance(value, bool) else None


def _number(fact: Fact, suffix: str, value: Any) -> Readable | None:
    if suffix == "Quantity":
        read = values.quantity(value, fact)
    elif suffix == "Integer" and fact.unit in ("1", "{score}", "h") and values.decimal(value) is not None:
        amount = values.decimal(value)
        assert amount is not None
        read = (amount, fact.unit)
    else:
        return None
    if isinstance(read, Unusable):
        return read
    return values.in_bounds(read[0], fact) or read


def _score(fact: Fact, suffix: str, value: Any) -> Readable | None:
    if suffix == "Boolean" and isinstance(value, bool) and is_item(fact.id):
        return Decimal(int(value)), fact.unit
    if suffix == "CodeableConcept":
        found = values.answer_codes(value, fact)
        answer = values.frequency_answer(value) if fact.id == "phq-9.9" else None
        if len(found) == 1:
            return found[0], None
        return (answer, fact.unit) if answer is not None else None
    return None if fact.options else _number(fact, suffix, value)


def _choice(fact: Fact, suffix: str, value: Any) -> Readable | None:
    found = values.answer_codes(value, fact) if suffix == "CodeableConcept" else ()
    if fact.repeats:
        return (found, None) if found else None
    return (found[0], None) if len(found) == 1 else None


def _result(fact: Fact, suffix: str, value: Any) -> Readable | None:
    result = values.test_result(value) if suffix == "CodeableConcept" else None
    return (result, None) if result else Unusable("the result is not coded positive or negative: code it")


def _date(fact: Fact, suffix: str, value: Any) -> Readable | None:
    if suffix != "DateTime":
        return None
    moment = values.when(value, None)
    return (moment, None) if isinstance(moment, When) else moment


_READERS = {
    "history": _yes_no,
    "state": _yes_no,
    "number": _number,
    "score": _score,
    "choice": _choice,
    "result": _result,
    "date": _date,
}


def _drug_screen(resource: dict[str, Any], name: str, moment: When | None, standing: Standing) -> Reading:
    """Positive if any substance is, negative if every substance reported is; else it cannot be used."""
    whole, stated = _result_of(resource), "valueCodeableConcept" in resource
    results = []
    for part in _components(resource):
        listed = any(code in _DRUG_SCREEN_PANEL for _, code, _ in codings(part.get("code")))
        if listed or _result_of(part) == "positive":  # a substance nobody listed raises, and clears nothing
            results.append(_result_of(part))
    if "positive" in (*results, whole):
        return Reading("urine-drug-screen", "positive", moment, name, standing=standing)
    if None not in results and (whole == "negative" or (results and not stated)):
        return Reading("urine-drug-screen", "negative", moment, name, standing=standing)
    reason = "not every substance has a result coded positive or negative: complete it"
    unread = stated or bool(results)
    return Reading("urine-drug-screen", None, moment, name, standing="unreadable", reason=reason, unread=unread)


def _result_of(element: dict[str, Any]) -> str | None:
    if element.get("dataAbsentReason") is not None or isinstance(values.choice(element, "value"), Unusable):
        return None
    return values.test_result(element.get("valueCodeableConcept"))


def _components(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    listed = resource.get("component")
    for part in listed if isinstance(listed, list) else ():
        if isinstance(part, dict):
            yield part


def _has_code(element: dict[str, Any], loinc: str) -> bool:
    return any(system == coding.LOINC and code == loinc for system, code, _ in codings(element.get("code")))
