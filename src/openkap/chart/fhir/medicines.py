"""Medicines: statements, orders, and the lists that say which of them are current."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from openkap.chart.fhir import values
from openkap.chart.fhir.codes import codings
from openkap.chart.fhir.conditions import names_ketamine
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.values import Unusable
from openkap.chart.types import Medicine, MedicineList, Reading
from openkap.chart.vocabulary import ingredients
from openkap.kernel import coding
from openkap.kernel.clock import When

MEDICINE_LIST = "10160-0"
ALLERGY_LIST = "48765-2"
_EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"

Standing = Literal["current", "past", "not-taken"]

_STATEMENT: dict[str, Standing] = {
    "active": "current",
    "intended": "current",
    "on-hold": "current",
    "completed": "past",
    "stopped": "past",
    "not-taken": "not-taken",
}
_ORDER_INTENTS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_ORDER: dict[str, Standing] = {"active": "current", "completed": "past", "stopped": "past"}
_PER_DAY = {"h": Decimal(24), "d": Decimal(1), "wk": Decimal(1) / 7}

_SEPARATOR = re.compile(r"\s*(?:/|\+|,|;|-|\band\b|\bwith\b)\s*")
_NOT_A_NAME = re.compile(r"\d|(?:m?[lg]|mcg|µg|hr?|day|actuat\w*|unit|tablet|capsule|dose|spray)\b")


@dataclass(frozen=True, slots=True)
class Named:
    """Ingredients a text or code was understood to name, and what of it was not understood."""

    ingredients: tuple[str, ...]
    strange: str = ""


def read_statement(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add one MedicationStatement."""
    standing = _STATEMENT.get(str(resource.get("status")))
    if standing is None:
        note.skip(resource, name, f"status {resource.get('status')!r} is not read")
        return
    moment = values.effective(resource, note.zone)
    if moment is None:
        moment = values.when(resource.get("dateAsserted"), note.zone)
    dosage = resource.get("dosage")
    _add(resource, name, standing, moment, dosage, note)


def read_request(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add one MedicationRequest that is an order."""
    standing = _ORDER.get(str(resource.get("status")))
    if resource.get("intent") not in _ORDER_INTENTS or standing is None:
        note.skip(resource, name, f"{resource.get('intent')} with status {resource.get('status')!r} is not an active order")
        return
    moment = values.when(resource.get("authoredOn"), note.zone)
    _add(resource, name, standing, moment, resource.get("dosageInstruction"), note)


def read_list(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add a reconciled medicine list, or an allergy list."""
    codes = {code for system, code, _ in codings(resource.get("code")) if system == coding.LOINC}
    if not codes & {MEDICINE_LIST, ALLERGY_LIST}:
        note.skip(resource, name, "no list that is read here")
        return
    moment = values.when(resource.get("date"), note.zone)
    if resource.get("status") != "current" or isinstance(moment, Unusable):
        reason = moment.reason if isinstance(moment, Unusable) else f"status {resource.get('status')!r}: not current"
        note.skip(resource, name, reason)
        return
    entries = _list_entries(resource)
    none_known = any(
        system == _EMPTY and code == "nilknown" for system, code, _ in codings(resource.get("emptyReason"))
    )
    if not entries and not none_known:
        note.skip(resource, name, "empty without the reason `nilknown`: nothing known is not the same as nothing there")
        return
    if entries and none_known:
        note.skip(resource, name, "has entries and says that there are none: correct it")
        return
    if MEDICINE_LIST in codes:
        _medicine_list(name, moment, entries, note)
    else:
        _allergy_list(name, moment, entries, note)


def name_ingredients(concept: Any) -> Named | None:
    """
    The ingredients a medicine concept names: by RxNorm ingredient code, else by the words at its head.

    Returns:
        None if nothing of it is in the vocabulary. A code and words that name different ingredients
        are understood as neither.
    """
    by_code = {
        _by_rxnorm()[code] for system, code, _ in codings(concept) if system == coding.RXNORM and code in _by_rxnorm()
    }
    texts = [concept["text"]] if isinstance(concept, dict) and isinstance(concept.get("text"), str) else []
    texts += [display for _, _, display in codings(concept) if display]
    by_words = [named for named in map(parse_words, texts) if named.ingredients]
    if by_code and by_words and not any(by_code & set(named.ingredients) for named in by_words):
        return Named((), "its code and its words name different medicines")
    if by_words:
        found = dict.fromkeys(i for named in by_words for i in named.ingredients)
        strange = next((named.strange for named in by_words if named.strange), "")
        return Named(tuple(dict.fromkeys([*by_code, *found])), strange)
    return Named(tuple(sorted(by_code))) if by_code else None


def parse_words(text: str) -> Named:
    """
    The ingredients at the head of a medicine's name; a combination gives each part.

    >>> parse_words("sertraline 100 MG Oral Tablet").ingredients
    ('sertraline',)
    """
    rest = text.strip().lower()
    found: list[str] = []
    while True:
        head = _head(rest)
        if head is None:
            return Named(tuple(found), rest if found or rest else "")
        found.append(head[0])
        rest = rest[head[1] :]
        following = _next_part(rest)
        if following is None:
            return Named(tuple(dict.fromkeys(found)))
        rest = following


def _next_part(rest: str) -> str | None:
    """What follows the next separator, if it could be another ingredient and not a strength."""
    for separator in _SEPARATOR.finditer(rest):
        before, after = rest[: separator.start()], rest[separator.end() :]
        if re.search(r"\d", before):
            # Past the strength only another named ingredient counts: "a 5 MG / b 20 MG", not "5 MG/ML".
            if separator.group().strip() == "/" and _head(after):
                return after
            continue
        if after and not _NOT_A_NAME.match(after):
            return after
    return None


def _head(text: str) -> tuple[str, int] | None:
    """The longest ingredient name at the head of a text, as (ingredient, length)."""
    words = re.match(r"[a-z0-9'’.]+(?:[ -][a-z0-9'’.]+){0,4}", text)
    if not words:
        return None
    candidate = words.group()
    while candidate:
        if candidate in _by_name():
            return _by_name()[candidate], len(candidate)
        cut = max(candidate.rfind(" "), candidate.rfind("-"))
        candidate = candidate[:cut] if cut > 0 else ""
    return None


def _add(
    resource: dict[str, Any], name: str, standing: Standing, moment: When | None | Unusable, dosage: Any, note: Notebook
) -> None:
    if isinstance(moment, Unusable):
        note.skip(resource, name, f"date: {moment.reason}", medicine=standing == "current")
        return
    concept = _concept(resource, note)
    named = name_ingredients(concept) if concept is not None else None
    text = _text(concept)
    if named is None or named.strange:
        what = named.strange if named else "no ingredient of the vocabulary"
        shown = {"code": concept} if concept else resource
        note.skip(shown, name, f"medicine not understood: {what}", medicine=standing == "current")
    if named and named.ingredients:
        note.medicines.append(Medicine(named.ingredients, standing, daily_mg(dosage), name, moment, text))


def _concept(resource: dict[str, Any], note: Notebook) -> dict[str, Any] | None:
    """The medicine's concept, of its own or of the Medication it refers to (with its ingredients)."""
    own = resource.get("medicationCodeableConcept")
    if isinstance(own, dict):
        return own
    reference = resource.get("medicationReference")
    target = None
    if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
        target = note.bundle.resolve(reference["reference"], resource)
    if target is None or target.get("resourceType") != "Medication":
        return None
    code = target.get("code")
    if isinstance(code, dict) and name_ingredients(code):
        return code
    parts = target.get("ingredient")
    concepts = [
        part["itemCodeableConcept"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("itemCodeableConcept"), dict)
    ]
    if concepts:
        return {"text": " / ".join(_text(c) for c in concepts)}
    return code if isinstance(code, dict) else None


def daily_mg(dosage: Any) -> Decimal | None:
    """Daily dose in mg from `dosage[0]`: dose times frequency over period; None if any part is missing."""
    first = dosage[0] if isinstance(dosage, list) and dosage and isinstance(dosage[0], dict) else {}
    rates = first.get("doseAndRate")
    rate = rates[0] if isinstance(rates, list) and rates and isinstance(rates[0], dict) else {}
    dose = rate.get("doseQuantity")
    repeat = (first.get("timing") or {}).get("repeat") if isinstance(first.get("timing"), dict) else None
    if not isinstance(dose, dict) or not isinstance(repeat, dict) or dose.get("code", dose.get("unit")) != "mg":
        return None
    amount, times, period = (
        values.decimal(dose.get("value")),
        values.decimal(repeat.get("frequency", 1)),
        values.decimal(repeat.get("period")),
    )
    per_day = _PER_DAY.get(str(repeat.get("periodUnit")))
    if amount is None or times is None or not period or per_day is None:
        return None
    return amount * times / period * per_day


def _medicine_list(name: str, moment: When | None, entries: list[str | None], note: Notebook) -> None:
    sources = []
    for reference in entries:
        entry = note.bundle.entry(reference) if reference else None
        if entry is None:
            note.skip({}, name, f"an entry of the medicine list leads nowhere ({reference})", medicine=True)
        else:
            sources.append(entry.name)
    note.lists.append(MedicineList(moment, name, tuple(sources)))


def _allergy_list(name: str, moment: When | None, entries: list[str | None], note: Notebook) -> None:
    """A list of allergies without ketamine on it denies a ketamine allergy; the entries speak for themselves."""
    for reference in entries:
        target = note.bundle.resolve(reference) if reference else None
        if target is None or not any(codings(target.get("code"))) and not _text(target.get("code")):
            note.skip({}, name, f"an entry of the allergy list cannot be read ({reference})")
            return
        if names_ketamine(target.get("code")):
            return
    note.add(Reading("ketamine-allergy", False, moment, name))


def _list_entries(resource: dict[str, Any]) -> list[str | None]:
    listed = resource.get("entry")
    found: list[str | None] = []
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and not entry.get("deleted"):
            item = entry.get("item")
            reference = item.get("reference") if isinstance(item, dict) else None
            found.append(reference if isinstance(reference, str) else None)
    return found


def _text(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    if isinstance(concept.get("text"), str):
        return concept["text"]
    return next((display for _, _, display in codings(concept) if display), "")


@cache
def _by_rxnorm() -> dict[str, str]:
    return {row.rxnorm: row.id for row in ingredients().values() if row.rxnorm}


@cache
def _by_name() -> dict[str, str]:
    table = {}
    for row in ingredients().values():
        for spelled in (row.id, *row.names):
            table[spelled.lower()] = row.id
            table[spelled.lower().replace("-", " ")] = row.id
    return table
