"""Our own intake response, and other questionnaires that the assess room scores."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from openkap.chart.fhir import values
from openkap.chart.fhir.naming import name_ingredients
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.values import Readable, Unusable
from openkap.chart.types import MedicineList, Reading, Response, Standing, Trial, Unmapped
from openkap.chart.vocabulary import Fact, facts
from openkap.kernel import coding
from openkap.kernel.clock import When

INTAKE = f"{coding.BASE}/Questionnaire/intake"
TRIAL_GROUP = "prior-treatment"

_FINAL = ("completed", "amended")
_UNFINISHED = ("in-progress", "stopped")
_THERAPIES = ("cbt", "exposure", "emdr", "act", "psychodynamic", "mindfulness", "other-therapy")


def read_response(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add one QuestionnaireResponse: intake items become facts, instruments wait to be scored."""
    status = resource.get("status")
    if status not in (*_FINAL, *_UNFINISHED):
        note.skip(resource, name, f"status {status!r} is not read")
        return
    moment = values.when(resource.get("authored"), note.zone)
    if isinstance(moment, Unusable):
        note.skip(resource, name, f"date: {moment.reason}")
        return
    canonical = resource.get("questionnaire")
    questionnaire = canonical.split("|")[0] if isinstance(canonical, str) else ""
    if not questionnaire:
        note.skip(resource, name, "does not say which questionnaire it answers")
        return
    response = Response(resource, name, moment, status in _UNFINISHED)
    if questionnaire != INTAKE:
        note.responses.append(response)
        return
    note.intake.append(response)
    _read_intake(resource, name, moment, "tentative" if response.tentative else "final", note)


def _read_intake(resource: dict[str, Any], name: str, moment: When | None, standing: Standing, note: Notebook) -> None:
    clinician = note.by_clinician(resource)
    for item in items(resource, stop_at=TRIAL_GROUP):
        link = item.get("linkId")
        if link == TRIAL_GROUP:
            if standing == "final":
                note.trials.append(_trial(item, name, note))
            continue
        answers = _answers(item)
        if not answers or not isinstance(link, str):
            continue
        fact = facts().get(link)
        where = f"{name}#{link}"
        if fact is None or not fact.is_item:
            note.unmapped.append(Unmapped(INTAKE, link, None, where, "not an item of the intake"))
        elif fact.by == "C" and not clinician:
            note.skip({}, where, f"{fact.words} counts only when a clinician answers: the author is not a Practitioner")
        else:
            excuse = next(filter(None, map(_excuse, answers)), "")
            if excuse and clinician and standing == "final":
                note.add(Reading(fact.id, None, moment, where, standing="unobtainable", reason=excuse))
            else:
                _add_answer(fact, answers, where, moment, standing, note)


def _add_answer(
    fact: Fact, answers: list[dict[str, Any]], where: str, moment: When | None, standing: Standing, note: Notebook
) -> None:
    value = _answer(fact, answers)
    if isinstance(value, Unusable):
        declined = value.reason == "asked-declined"
        never = value.reason == "not-applicable" and fact.kind == "date"
        if never:
            note.add(Reading(fact.id, False, moment, where, standing=standing))
            return
        reason = "asked, declines to say" if declined else value.reason
        unread = not declined and any(key.startswith("value") for answer in answers for key in answer)
        word: Standing = "declined" if declined else "unreadable"
        note.add(Reading(fact.id, None, moment, where, standing=word, reason=reason, unread=unread))
        if not declined:
            note.skip({}, where, f"{fact.words}: {reason}")
        return
    answer, unit = value
    if fact.id == "treatment-history-complete" and standing == "tentative":
        return  # of an unfinished form the trials are not read either, so it cannot speak for them
    note.add(Reading(fact.id, answer, moment, where, unit, standing))
    if fact.id == "medication-reconciled-on" and isinstance(answer, When) and standing == "final":
        note.lists.append(MedicineList(answer, where, written=moment))


def _answer(fact: Fact, answers: list[dict[str, Any]]) -> Readable:
    """The value of an item, or why it has none; `asked-declined` and `not-applicable` come as they are."""
    if len(answers) > 1 and not fact.repeats:
        return Unusable("answered more than once: keep one answer")
    read = []
    for answer in answers:
        absent = [values.absent_reason(v) for k, v in answer.items() if k.startswith("_value")]
        if any(absent):  # said to be absent, whatever stands beside it
            return Unusable(next(filter(None, absent)))
        found = values.choice(answer, "value")
        if not isinstance(found, tuple):
            return found or Unusable("no value: answer it")
        suffix, value = found
        if isinstance(value, dict) and values.absent_reason({"extension": value.get("extension")}):
            return Unusable(values.absent_reason({"extension": value.get("extension")}))
        one = _one_answer(fact, suffix, value)
        if isinstance(one, Unusable):
            return one
        read.append(one)
    if fact.repeats:
        return tuple(str(value) for value, _ in read), None
    return read[0]


def _excuse(answer: dict[str, Any]) -> str:
    """Why an item cannot be answered, where it has no value and says so."""
    if any(key.startswith("value") for key in answer):
        return ""
    return next(filter(None, (values.cannot_be_had(v) for k, v in answer.items() if k.startswith("_value"))), "")


def _one_answer(fact: Fact, suffix: str, value: Any) -> Readable:
    if fact.is_yes_no and suffix == "Boolean" and isinstance(value, bool):
        return value, None
    if fact.kind == "choice" and suffix == "Coding":
        code = next(iter(values.answer_codes(value, fact)), None)
        return (code, None) if code else Unusable(f"the code is not one of {', '.join(fact.options)}: choose one")
    if fact.kind == "date" and suffix in ("Date", "DateTime"):
        moment = values.when(value, None)
        return (moment, None) if isinstance(moment, When) else moment or Unusable("no date: give one")
    if fact.kind == "number":
        return _number_answer(fact, suffix, value)
    return Unusable(f"value{suffix} does not answer it: see the fact convention for {fact.id}")


def _number_answer(fact: Fact, suffix: str, value: Any) -> Readable:
    if suffix == "Quantity":
        read = values.quantity(value, fact)
        if isinstance(read, Unusable):
            return read
    else:
        amount = values.decimal(value) if suffix in ("Integer", "Decimal") else None
        if amount is None:
            return Unusable(f"value{suffix} does not answer it: see the fact convention for {fact.id}")
        read = (amount, fact.unit)
    return values.in_bounds(read[0], fact) or read


def _trial(group: dict[str, Any], name: str, note: Notebook) -> Trial:
    """One repetition of the prior-treatment group; what is not said stays None."""
    said: dict[str, Any] = {}
    for child in items(group):
        link, answers = str(child.get("linkId")), _answers(child)
        if answers and (link in said or len(answers) > 1):
            note.skip({}, f"{name}#{link}", "answered more than once in one trial: keep one answer")
            said[link] = {}
        elif answers:
            said[link] = answers[0]

    def number(link: str) -> Decimal | None:
        answer = said.get(link, {})
        if link != "trial-max-dose":
            return values.decimal(next((answer[k] for k in ("valueDecimal", "valueInteger") if k in answer), None))
        dose = answer.get("valueQuantity")
        if not isinstance(dose, dict) or dose.get("comparator") or dose.get("system") not in values.UCUM:
            return None
        return values.decimal(dose.get("value")) if dose.get("code") == "mg/d" else None

    def code(link: str) -> str | None:
        coded = said.get(link, {}).get("valueCoding")
        return coded.get("code") if isinstance(coded, dict) and isinstance(coded.get("code"), str) else None

    ended = values.when(said.get("trial-ended-on", {}).get("valueDate"), None)
    read: dict[str, Any] = {
        "trial-kind": code("trial-kind"),
        "trial-treatment": _treatment(said.get("trial-treatment", {}), name, note),
        "trial-max-dose": number("trial-max-dose"),
        "trial-weeks": number("trial-weeks"),
        "trial-sessions": number("trial-sessions"),
        "trial-adherence": number("trial-adherence"),
        "trial-outcome": code("trial-outcome"),
        "trial-ended-on": ended if isinstance(ended, When) else None,
        "trial-source": code("trial-source"),
    }
    for link, answer in said.items():
        if link not in read:
            note.skip({}, f"{name}#{link}", "not an item of a prior treatment")
        elif read[link] is None and any(key.startswith("value") for key in answer):
            note.skip({}, f"{name}#{link}", "its value does not answer it: see the fact convention for prior treatment")
    return Trial(
        kind=read["trial-kind"],
        treatment=read["trial-treatment"],
        max_dose_mg=read["trial-max-dose"],
        weeks=read["trial-weeks"],
        sessions=read["trial-sessions"],
        adherence=read["trial-adherence"],
        outcome=read["trial-outcome"],
        ended=read["trial-ended-on"],
        told_by=read["trial-source"],
        source=name,
    )


def _treatment(answer: dict[str, Any], name: str, note: Notebook) -> str | None:
    """A therapy code, an ingredient, or the words as written where neither is known."""
    coded = answer.get("valueCoding")
    text = answer.get("valueString")
    if isinstance(coded, dict):
        if coded.get("code") in _THERAPIES:
            return str(coded["code"])
        named = name_ingredients({"coding": [coded]})
        text = coded.get("display") or coded.get("code")
    else:
        named = name_ingredients({"text": text}) if isinstance(text, str) else None
        if isinstance(text, str) and text.strip().lower() in _THERAPIES:
            return text.strip().lower()
    if named and len(named.ingredients) == 1:
        return named.ingredients[0]
    if isinstance(text, str):
        note.skip({"code": {"text": text}}, f"{name}#{TRIAL_GROUP}", "treatment not understood: name its ingredient")
        return text
    return None


def items(node: dict[str, Any], stop_at: str = "") -> Iterator[dict[str, Any]]:
    """Every item below a response, group or answer, in order, without recursion; `stop_at` groups stay closed."""
    stack = [node]
    while stack:
        current = stack.pop()
        children: list[dict[str, Any]] = []
        for holder in (current, *_answers(current)):
            listed = holder.get("item")
            children.extend(child for child in (listed if isinstance(listed, list) else ()) if isinstance(child, dict))
        if current is not node:
            yield current
            if stop_at and current.get("linkId") == stop_at:
                continue
        stack.extend(reversed(children))


def _answers(item: dict[str, Any]) -> list[dict[str, Any]]:
    listed = item.get("answer")
    return [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
