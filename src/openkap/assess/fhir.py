"""
Instruments as FHIR R4: Questionnaire out and in, QuestionnaireResponse in and out.

A response is read as the facts-in-FHIR sheet, section 5, says: `linkId` is the position in the answer
list, or a LOINC item code where the instrument has them. What cannot be read is never dropped: it makes
the score invalid while the safety flags of the rest stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

from openkap.assess.definition import Instrument
from openkap.assess.instruments import answer_codes, by_panel, form, instrument
from openkap.assess.rulebook import context_value, read_agoraphobia, read_sex
from openkap.assess.scoring import NOT_APPLICABLE
from openkap.assess.types import Form, FormItem, Option, ScoreRequest
from openkap.kernel.coding import ANSWER, BASE, INSTRUMENT, LOINC
from openkap.kernel.errors import UnreadableDocument, UserError

QUESTIONNAIRE = f"{BASE}/Questionnaire/"
LOINC_QUESTIONNAIRE = "http://loinc.org/q/"
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
OWN_ANSWERS = f"{BASE}/CodeSystem/instrument-answer"
STEM = "stem"
NO_TEXT = "The wording of this instrument does not ship; items carry a neutral label until a site installs its text."

STATUSES = ("in-progress", "completed", "amended", "stopped")


# --- requests --------------------------------------------------------------------------------------


def read_score_document(doc: object) -> list[ScoreRequest]:
    """
    Read what `openkap score` is given.

    Args:
        doc: parsed JSON: `{"instrument", "answers", "context"}`, a QuestionnaireResponse, or a list
            of these. Decimals may be Decimal or float.

    Raises:
        UserError: not of this form; the sentence names the field.
        UnknownName: no such instrument.
    """
    if isinstance(doc, list):
        return [_element(entry, k) for k, entry in enumerate(doc)]
    return [_request(doc)]


def _element(doc: object, place: int) -> ScoreRequest:
    """One element of a list; whatever is wrong with it, the message begins with its place."""
    try:
        return _request(doc, "")
    except UserError as fault:
        raise type(fault)(f"[{place}]: {fault}", code=fault.code) from None


def _request(doc: object, what: str = "document: ") -> ScoreRequest:
    if not isinstance(doc, dict):
        raise UnreadableDocument(f"{what}not an object; give an instrument with answers or a QuestionnaireResponse.")
    if "resourceType" in doc:
        return read_response(doc)
    for key in ("instrument", "answers"):
        if key not in doc:
            raise UserError(f"{key}: missing; give instrument and answers.")
    _refuse_unknown(doc, ("instrument", "answers", "context"))
    name, answers = doc["instrument"], doc["answers"]
    if not isinstance(name, str):
        raise UserError("instrument: not a text; give the id of an instrument, such as gad-7.")
    if not isinstance(answers, list):
        raise UserError("answers: not a list; give one answer per item, null for unanswered.")
    found, context = instrument(name.lower()), _context(doc.get("context"))
    context_value(found, context)
    return ScoreRequest(instrument=found.id, answers=tuple(answers), context=context)


def _context(given: object) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UserError("context: not an object; give sex, agoraphobia or value_set, or leave it out.")
    _refuse_unknown(given, ("sex", "agoraphobia", "value_set"), "context.")
    read_sex(given.get("sex"))
    read_agoraphobia(given.get("agoraphobia"))
    return given


def _refuse_unknown(doc: Mapping[str, object], allowed: tuple[str, ...], within: str = "") -> None:
    for key in doc:
        if key not in allowed:
            raise UserError(f"{within}{key}: not known here; remove it ({', '.join(allowed)} are read).")


# --- QuestionnaireResponse in ----------------------------------------------------------------------


def read_response(doc: Mapping[str, Any], context: Mapping[str, object] | None = None) -> ScoreRequest:
    """
    Read a QuestionnaireResponse.

    Args:
        doc: the resource.
        context: what is known about the patient: sex, agoraphobia, value_set.

    Raises:
        UserError: another resource, no questionnaire, a status that does not count, a broken item.
        UnknownName: the questionnaire is no instrument.
    """
    if doc.get("resourceType") != "QuestionnaireResponse":
        raise UnreadableDocument(
            f"resourceType: {doc.get('resourceType')!r} is no QuestionnaireResponse; give the response of one"
            " instrument, or read a whole Bundle with `openkap assess`."
        )
    if doc.get("modifierExtension"):
        raise UserError("modifierExtension: not understood, so the response is not read; remove it.")
    status = doc.get("status")
    if status not in STATUSES:
        raise UserError(f"status: {status!r} is not read; it must be one of {', '.join(STATUSES)}.")
    found, version = _questionnaire_of(doc.get("questionnaire"))
    links = _links(found)
    given: dict[int, list[object]] = {}
    faults: list[str] = []
    for item in _leaves(doc.get("item"), "item"):
        link = item["linkId"]
        if link not in links:
            faults.append(f"UNKNOWN_ITEM:{link}")
            continue
        number = links[link]
        if number <= 0:
            continue
        values = [_value(found, number, answer) for answer in item.get("answer") or [{}]]
        if number in given or len(values) > 1:
            faults.append(f"REPEATED_ITEM:{number}")
        given.setdefault(number, []).extend(values)
    return ScoreRequest(
        instrument=found.id,
        answers=tuple(_worst(given.get(k, [])) for k in range(1, found.items + 1)),
        context=dict(context or {}),
        faults=tuple(dict.fromkeys(faults)),
        status=status,
        authored=str(doc.get("authored") or ""),
        form_version=version,
    )


def instrument_of(canonical: str) -> str:
    """
    Id of the instrument that a questionnaire address names, with or without `|version`.

    Raises:
        UnknownName: it names none.
    """
    return _questionnaire_of(canonical)[0].id


def is_instrument(canonical: object) -> bool:
    """True if the address has the form of an instrument's, known or not."""
    return isinstance(canonical, str) and canonical.startswith((QUESTIONNAIRE, LOINC_QUESTIONNAIRE))


def _questionnaire_of(canonical: object) -> tuple[Instrument, str]:
    if not isinstance(canonical, str) or not is_instrument(canonical):
        raise UserError(f"questionnaire: {canonical!r} names no instrument; write {QUESTIONNAIRE}ID or a LOINC panel.")
    address, _, version = canonical.partition("|")
    if address.startswith(LOINC_QUESTIONNAIRE):
        return instrument(by_panel(address.removeprefix(LOINC_QUESTIONNAIRE))), version
    return instrument(address.removeprefix(QUESTIONNAIRE).lower()), version


def _links(found: Instrument) -> dict[str, int]:
    """linkId -> position in the answer list; 0 for what belongs to the form and is not scored."""
    links = {STEM: 0}
    for code in (found.loinc.total, *found.loinc.unscored):
        if code:
            links |= {code: 0, f"/{code}": 0}
    links |= {str(found.items + k): 0 for k in range(1, found.unscored + 1)}
    links |= {str(k): k for k in range(1, found.items + 1)}
    for k, code in enumerate(found.loinc.items, start=1):
        links |= {code: k, f"/{code}": k}
    return links


def _leaves(items: object, place: str) -> Iterator[Mapping[str, Any]]:
    """Items in document order, groups walked; a group without answer of its own is no item."""
    waiting = _listed(items, place)[::-1]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, dict) or not isinstance(item.get("linkId"), str):
            raise UserError(f"{place}: an entry has no linkId; give each item its linkId.")
        answers = _listed(item.get("answer"), f"{place}.answer")
        if not all(isinstance(answer, dict) for answer in answers):
            raise UserError(f"{place}.answer: item {item['linkId']} has an answer that is no object; correct it.")
        below = [*_listed(item.get("item"), place), *(i for a in answers for i in _listed(a.get("item"), place))]
        waiting.extend(reversed(below))
        if answers or not below:
            yield item


def _listed(value: object, place: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UserError(f"{place}: not a list; write a list, or leave it out.")
    return value


def _value(found: Instrument, number: int, answer: Mapping[str, Any]) -> object:
    """The answer as a list entry: a number, a boolean, NA, None, or what was sent if it cannot be read."""
    if "valueDecimal" in answer:
        return _whole(answer["valueDecimal"])
    if "valueCoding" in answer and isinstance(answer["valueCoding"], dict):
        return _coded(found, number, answer["valueCoding"])
    return next((value for key, value in answer.items() if key.startswith("value")), None)


def _whole(number: object) -> object:
    if isinstance(number, float | Decimal) and isfinite(number) and number == int(number):
        return int(number)
    return number


def _coded(found: Instrument, number: int, coding: Mapping[str, Any]) -> object:
    code = coding.get("code")
    if code == NOT_APPLICABLE:
        return NOT_APPLICABLE
    read = [
        _whole(extension.get("valueDecimal", extension.get("valueInteger")))
        for extension in coding.get("extension") or ()
        if isinstance(extension, dict) and extension.get("url") == ORDINAL
    ]
    if coding.get("system") == LOINC and code in answer_codes(found, number):
        read.append(answer_codes(found, number)[code])
    # A coding whose number and code disagree says nothing that can be scored.
    return read[0] if read and all(value == read[0] for value in read) else f"coding {code}"


def _worst(values: Sequence[object]) -> object:
    """Of an item that came twice, the highest number: the form is invalid, but a safety flag must not hide."""
    numbers = [v for v in values if isinstance(v, int | float | Decimal)]
    if len(values) > 1 and numbers:
        return max(numbers)
    return values[0] if values else None


# --- QuestionnaireResponse out ---------------------------------------------------------------------


def response(
    name: str,
    answers: Sequence[object],
    beside: Mapping[int, int] | None = None,
    *,
    authored: str,
    subject: str = "",
    status: str = "completed",
) -> dict[str, Any]:
    """
    Write answers as a QuestionnaireResponse.

    Args:
        name: instrument id.
        answers: in list order, None for unanswered.
        beside: answers to items that no score counts, by number.
        authored: FHIR dateTime.
        subject: reference to the patient, such as `Patient/p1`.

    Raises:
        UserError: wrong number of answers, or an answer the instrument does not have.
    """
    shape = form(name)
    items = [item for item in shape.items if item.scored]
    if len(answers) != len(items):
        raise UserError(f"answers: {len(answers)} given, {name} has {len(items)} items; give one per item.")
    written: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{QUESTIONNAIRE}{name}|{shape.version}",
        "status": status,
        "authored": authored,
        "item": [
            *(_answered(item, answer) for item, answer in zip(items, answers, strict=True)),
            *(_answered(item, beside[item.number]) for item in shape.items if beside and item.number in beside),
        ],
    }
    return written | ({"subject": {"reference": subject}} if subject else {})


def _answered(item: FormItem, answer: object) -> dict[str, Any]:
    entry: dict[str, Any] = {"linkId": str(item.number), "text": item.text}
    if answer is None:
        return entry
    if item.yes_no and type(answer) in (bool, int) and answer in (0, 1):
        return entry | {"answer": [{"valueBoolean": bool(answer)}]}
    if item.may_be_na and answer == NOT_APPLICABLE:
        return entry | {"answer": [{"valueCoding": _not_applicable()}]}
    option = next((o for o in item.options if type(answer) is int and o.value == answer), None)
    if option is None:
        raise UserError(f"answers[{item.number - 1}]: {answer!r} is no answer of item {item.number}; correct it.")
    return entry | {"answer": [{"valueCoding": _coding(option)}]}


def _coding(option: Option) -> dict[str, Any]:
    return {
        "extension": [{"url": ORDINAL, "valueDecimal": option.value}],
        "system": LOINC if option.loinc else OWN_ANSWERS,
        "code": option.loinc or str(option.value),
        "display": option.text,
    }


def _not_applicable() -> dict[str, Any]:
    return {"system": ANSWER, "code": NOT_APPLICABLE, "display": "Not applicable"}


# --- Questionnaire out and in ----------------------------------------------------------------------


def questionnaire(shape: Form) -> dict[str, Any]:
    """Write a form as a Questionnaire; the licence of the wording stands in `copyright`."""
    written: dict[str, Any] = {
        "resourceType": "Questionnaire",
        "id": shape.instrument,
        "language": shape.language,
        "url": f"{QUESTIONNAIRE}{shape.instrument}",
        "version": shape.version,
        "name": "".join(part.capitalize() for part in shape.instrument.split("-")),
        "title": shape.title,
        "status": "active",
        "subjectType": ["Patient"],
        "copyright": shape.copyright,
    }
    if not all(item.worded for item in shape.items):
        written["description"] = NO_TEXT
    if shape.panel:
        written["code"] = [{"system": LOINC, "code": shape.panel}]
    stem = [{"linkId": STEM, "type": "display", "text": shape.stem}] if shape.stem else []
    written["item"] = stem + [_item(shape.instrument, item) for item in shape.items]
    return written


def _item(name: str, item: FormItem) -> dict[str, Any]:
    codes = [{"system": INSTRUMENT, "code": f"{name}.{item.number}"}] if item.scored else []
    codes += [{"system": LOINC, "code": item.loinc}] if item.loinc else []
    written: dict[str, Any] = {"linkId": str(item.number)}
    if codes:
        written["code"] = codes
    written |= {"text": item.text, "type": "boolean" if item.yes_no else "choice"}
    options = [{"valueCoding": _coding(option)} for option in item.options]
    options += [{"valueCoding": _not_applicable()}] if item.may_be_na else []
    return written | ({"answerOption": options} if options else {})


def read_questionnaire(doc: Mapping[str, Any]) -> Form:
    """
    Read a Questionnaire that `questionnaire` wrote back into the same form.

    Raises:
        UserError: another resource, or not the Questionnaire of an instrument.
    """
    if doc.get("resourceType") != "Questionnaire":
        raise UnreadableDocument(
            f"resourceType: {doc.get('resourceType')!r} is no Questionnaire; give the Questionnaire of an instrument."
        )
    found, _ = _questionnaire_of(doc.get("url"))
    items = [item for item in _leaves(doc.get("item"), "item") if item["linkId"] != STEM]
    stem = next((i.get("text", "") for i in _listed(doc.get("item"), "item") if i["linkId"] == STEM), "")
    return Form(
        instrument=found.id,
        version=str(doc.get("version", "")),
        title=str(doc.get("title", "")),
        language=str(doc.get("language", "")),
        stem=stem,
        copyright=str(doc.get("copyright", "")),
        items=tuple(_read_item(item) for item in items),
        panel=_code_of(doc, LOINC),
    )


def _read_item(item: Mapping[str, Any]) -> FormItem:
    if not item["linkId"].isdecimal():
        raise UserError(f"item: linkId {item['linkId']!r} is no position; number the items from 1.")
    number = int(item["linkId"])
    codings = [option.get("valueCoding", {}) for option in item.get("answerOption") or ()]
    return FormItem(
        number=number,
        text=item.get("text", ""),
        worded=item.get("text") != f"Item {number}",
        scored=bool(_code_of(item, INSTRUMENT)),
        options=tuple(_read_option(coding) for coding in codings if coding.get("code") != NOT_APPLICABLE),
        yes_no=item.get("type") == "boolean",
        loinc=_code_of(item, LOINC),
        may_be_na=any(coding.get("code") == NOT_APPLICABLE for coding in codings),
    )


def _read_option(coding: Mapping[str, Any]) -> Option:
    value = next(
        (_whole(e.get("valueDecimal")) for e in coding.get("extension") or () if e.get("url") == ORDINAL), None
    )
    if type(value) is not int:
        raise UserError(f"answerOption {coding.get('code')!r}: no whole ordinalValue; give each option its number.")
    loinc = coding.get("code", "") if coding.get("system") == LOINC else ""
    return Option(value=value, text=coding.get("display", ""), loinc=loinc)


def _code_of(element: Mapping[str, Any], system: str) -> str:
    return next((code.get("code", "") for code in element.get("code") or () if code.get("system") == system), "")
