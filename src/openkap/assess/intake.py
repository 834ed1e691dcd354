"""
The intake questionnaire: built from the vocabulary of facts, written as FHIR R4, and its answers too.

Wording, order and options stand in `content/intake.toml`; what a question settles, its kind and its limits
come from the vocabulary, so that the two cannot drift apart.

Source: fact convention, sections 7 to 9
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from openkap.assess.intake_form import Group, IntakeFile, Item, Part, TrialField, TrialForm, intake
from openkap.assess.inventories import Field, Inventory, inventory_rules
from openkap.chart.vocabulary import Fact, facts
from openkap.kernel.clock import When
from openkap.kernel.coding import ANSWER, BASE, FACT, RXNORM, UCUM
from openkap.kernel.errors import UserError

URL = f"{BASE}/Questionnaire/intake"
TRIAL_GROUP = "prior-treatment"
EXTENSIONS = "http://hl7.org/fhir/StructureDefinition"
MAY_DECLINE = f"{BASE}/StructureDefinition/may-decline"
MAY_BE_NEVER = f"{BASE}/StructureDefinition/may-be-never"

# Answers that are no value: asked and not told, and an event that never was.
DECLINED = "asked-declined"
NEVER = "not-applicable"

PARTS: tuple[Part, ...] = ("patient", "both", "clinician")


# --- Questionnaire -----------------------------------------------------------------------------------


def questionnaire(part: Literal["all", "patient", "clinician"] = "all") -> dict[str, Any]:
    """
    The intake as a FHIR R4 Questionnaire.

    Args:
        part: the whole form, or what the patient or the clinician fills in; each has the prior treatments.
            All three have one canonical address, because each may answer a part of one form.
    """
    file = intake()
    parts = [p for p in PARTS if part in ("all", p) or p == "both"]
    return {
        "resourceType": "Questionnaire",
        "id": "intake" if part == "all" else f"intake-{part}",
        "language": "en",
        "url": URL,
        "version": file.content.version,
        "name": "Intake",
        "title": file.words.title,
        "status": "active",
        "subjectType": ["Patient"],
        "item": [_part(p, file) for p in parts],
    }


def _part(part: Part, file: IntakeFile) -> dict[str, Any]:
    notes = {"patient": file.words.welcome, "clinician": file.words.clinician_note, "both": ""}
    note = [_display(f"part-{part}-note", notes[part])] if notes[part] else []
    groups = [_group(group, file) for group in file.group if group.part == part]
    return {"linkId": f"part-{part}", "text": getattr(file.words, part), "type": "group", "item": note + groups}


def _group(group: Group, file: IntakeFile) -> dict[str, Any]:
    rules = _inventory_rows()
    items = [_display(f"{group.id}-note", group.text)] if group.text else []
    items += [_item(item, group, file) for item in group.item]
    items += [_trial(file.trial)] if group.prior_treatment else []
    items += [_inventory(rules[name]) for name in group.inventories]
    return {"linkId": f"group-{group.id}", "text": group.title, "type": "group", "item": items}


def _display(link: str, text: str) -> dict[str, Any]:
    return {"linkId": link, "text": text, "type": "display"}


def _item(item: Item, group: Group, file: IntakeFile) -> dict[str, Any]:
    fact = facts()[item.id]
    extensions = [{"url": MAY_DECLINE, "valueString": file.words.decline}] if group.part == "patient" else []
    if item.never:
        extensions.append({"url": MAY_BE_NEVER, "valueString": file.words.never})
    extensions += _limits(fact)
    written: dict[str, Any] = {"extension": extensions} if extensions else {}
    written |= {
        "linkId": item.id,
        "code": [{"system": FACT, "code": item.id}],
        "text": item.text or fact.question,
        "type": _type(fact),
    }
    parent = fact.detail_of
    if parent and any(parent == i.id for g in file.group if g.part == group.part for i in g.item):
        written["enableWhen"] = [{"question": parent, "operator": "=", "answerBoolean": True}]
    if fact.repeats:
        written["repeats"] = True
    if item.options:
        written["answerOption"] = _options(item.options)
    return written


def _type(fact: Fact) -> str:
    if fact.is_yes_no:
        return "boolean"
    return {"choice": "choice", "date": "date", "number": "integer"}[fact.kind]


def _limits(fact: Fact) -> list[dict[str, Any]]:
    if fact.kind != "number":
        return []
    ends = (("minValue", fact.least), ("maxValue", fact.most))
    return [{"url": f"{EXTENSIONS}/{name}", "valueInteger": int(end)} for name, end in ends if end is not None]


def _options(options: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"valueCoding": {"system": ANSWER, "code": code, "display": words}} for code, words in options.items()]


def _trial(form: TrialForm) -> dict[str, Any]:
    children = []
    for field in form.field:
        child: dict[str, Any] = {"linkId": field.id, "text": field.text, "type": field.type}
        if field.options:
            child["answerOption"] = _options(field.options)
        if field.unit:
            unit = {"system": UCUM, "code": field.unit, "display": field.unit}
            child = {"extension": [{"url": f"{EXTENSIONS}/questionnaire-unitOption", "valueCoding": unit}]} | child
        children.append(child)
    return {"linkId": TRIAL_GROUP, "text": form.title, "type": "group", "repeats": True, "item": children}


def _inventory_rows() -> dict[str, Inventory]:
    return {row.id: row for row in inventory_rules().inventory}


def _inventory(row: Inventory) -> dict[str, Any]:
    children: list[dict[str, Any]] = [_display(f"{row.id}-note", row.text)]
    children += [_field(field) for field in row.field]
    return {"linkId": row.id, "text": row.title, "type": "group", "repeats": True, "item": children}


_FIELD_TYPES = {
    "text": "string",
    "code": "choice",
    "yes-no": "boolean",
    "rating": "integer",
    "hours": "decimal",
    "days": "integer",
    "date": "date",
}


def _field(field: Field) -> dict[str, Any]:
    written: dict[str, Any] = {"linkId": field.id, "text": field.text, "type": _FIELD_TYPES[field.type]}
    if field.options:
        written["answerOption"] = _options(field.options)
    limits = inventory_rules().limits.get(field.type)
    if limits:
        key = "valueDecimal" if field.type == "hours" else "valueInteger"
        ends = zip(("minValue", "maxValue"), limits, strict=True)
        written = {"extension": [{"url": f"{EXTENSIONS}/{name}", key: end} for name, end in ends]} | written
    return written


# --- QuestionnaireResponse ---------------------------------------------------------------------------


def response(
    answers: Mapping[str, object],
    *,
    authored: str,
    subject: str,
    author: str = "",
    status: str = "completed",
    trials: Sequence[Mapping[str, object]] = (),
    inventories: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
) -> dict[str, Any]:
    """
    Write answers as a FHIR R4 QuestionnaireResponse.

    Args:
        answers: by fact: bool, whole number, answer code (several for a repeated choice), FHIR date,
            `DECLINED`, or `NEVER` for a date that never was.
        authored: FHIR dateTime.
        subject: reference to the patient.
        author: reference to who answered; a Practitioner for items that only a clinician can answer.
        trials: prior treatments, each by child linkId; `trial-treatment` may be a therapy code, words,
            or `{"rxnorm": code, "display": words}`.
        inventories: entries by inventory id, each by field linkId.

    Raises:
        UserError: an item that the intake does not have, or a value that does not answer it.
    """
    file = intake()
    _refuse_unknown(answers, file.items, "answers")
    given = inventories or {}
    _refuse_unknown(given, _inventory_rows(), "inventories")
    written: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|{file.content.version}",
        "status": status,
        "subject": {"reference": subject},
        "authored": authored,
    }
    if author:
        written["author"] = {"reference": author}
    parts = [_answered_part(part, answers, trials, given) for part in PARTS]
    items = [part for part in parts if part["item"]]
    return written | ({"item": items} if items else {})


def _answered_part(
    part: Part,
    answers: Mapping[str, object],
    trials: Sequence[Mapping[str, object]],
    inventories: Mapping[str, Sequence[Mapping[str, object]]],
) -> dict[str, Any]:
    file, rules, groups = intake(), _inventory_rows(), []
    for group in (g for g in file.group if g.part == part):
        items = [_answered(item, answers[item.id]) for item in group.item if item.id in answers]
        items += [_answered_trial(trial, file.trial) for trial in trials] if group.prior_treatment else []
        for name in group.inventories:
            items += [_answered_entry(rules[name], entry) for entry in inventories.get(name, ())]
        if items:
            groups.append({"linkId": f"group-{group.id}", "text": group.title, "item": items})
    return {"linkId": f"part-{part}", "text": getattr(file.words, part), "item": groups}


def _answered(item: Item, value: object) -> dict[str, Any]:
    fact = facts()[item.id]
    values = value if fact.repeats and isinstance(value, list | tuple) else [value]
    answer = [_answer(item, fact, one) for one in values]
    return {"linkId": item.id, "text": item.text or fact.question, "answer": answer}


def _answer(item: Item, fact: Fact, value: object) -> dict[str, Any]:
    kind = _type(fact)
    if value == DECLINED or (value == NEVER and item.never):
        absent = {"extension": [{"url": f"{EXTENSIONS}/data-absent-reason", "valueCode": value}]}
        return {"valueCoding": absent} if kind == "choice" else {f"_value{kind.capitalize()}": absent}
    if kind == "boolean" and isinstance(value, bool):
        return {"valueBoolean": value}
    if kind == "choice" and value in item.options:
        return {"valueCoding": _coding(str(value), item.options)}
    if kind == "date" and isinstance(value, str):
        return {"valueDate": When.parse(value).text}
    if kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return {"valueInteger": value}
    raise UserError(f"answers.{item.id}: {value!r} does not answer it; give a {kind}.")


def _coding(code: str, options: Mapping[str, str]) -> dict[str, Any]:
    return {"system": ANSWER, "code": code, "display": options[code]}


def _answered_trial(trial: Mapping[str, object], form: TrialForm) -> dict[str, Any]:
    known = {field.id: field for field in form.field}
    _refuse_unknown(trial, known, "trials")
    items = [
        {"linkId": name, "text": field.text, "answer": [_trial_answer(field, trial[name])]}
        for name, field in known.items()
        if trial.get(name) is not None
    ]
    return {"linkId": TRIAL_GROUP, "text": form.title, "item": items}


def _trial_answer(field: TrialField, value: object) -> dict[str, Any]:
    if isinstance(value, str) and value in field.options:
        return {"valueCoding": _coding(value, field.options)}
    if field.type == "open-choice" and isinstance(value, Mapping):
        return {"valueCoding": {"system": RXNORM, "code": value["rxnorm"], "display": value["display"]}}
    if field.type == "open-choice" and isinstance(value, str):
        return {"valueString": value}
    if field.type == "date" and isinstance(value, str):
        return {"valueDate": When.parse(value).text}
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if field.type == "quantity":
            return {"valueQuantity": {"value": value, "unit": field.unit, "system": UCUM, "code": field.unit}}
        if field.type == "decimal" or (field.type == "integer" and isinstance(value, int)):
            return {f"value{field.type.capitalize()}": value}
    raise UserError(f"trials.{field.id}: {value!r} does not answer it; give a {field.type}.")


def _answered_entry(row: Inventory, entry: Mapping[str, object]) -> dict[str, Any]:
    known = {field.id: field for field in row.field}
    _refuse_unknown(entry, known, f"inventories.{row.id}")
    items = [
        {"linkId": name, "text": field.text, "answer": [_field_answer(field, entry[name])]}
        for name, field in known.items()
        if entry.get(name) is not None
    ]
    return {"linkId": row.id, "text": row.title, "item": items}


def _field_answer(field: Field, value: object) -> dict[str, Any]:
    kind = _FIELD_TYPES[field.type]
    if kind == "choice" and value in field.options:
        return {"valueCoding": _coding(str(value), field.options)}
    if kind == "boolean" and isinstance(value, bool):
        return {"valueBoolean": value}
    if kind == "string" and isinstance(value, str):
        return {"valueString": value}
    if kind == "date" and isinstance(value, str):
        return {"valueDate": When.parse(value).text}
    if kind in ("integer", "decimal") and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return {f"value{kind.capitalize()}": value}
    raise UserError(f"inventories.{field.id}: {value!r} does not answer it; give a {kind}.")


def _refuse_unknown(given: Mapping[str, object], known: Mapping[str, object], where: str) -> None:
    for name in given:
        if name not in known:
            raise UserError(f"{where}.{name}: the intake does not ask it; use one of its link ids.")
