"""Medicines: statements, orders, and the lists that say which of them are current."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from openkap.chart.fhir import values
from openkap.chart.fhir.codes import codings, texts_of, words
from openkap.chart.fhir.naming import Named, as_taken, denies_ketamine, name_ingredients, names_ketamine
from openkap.chart.fhir.notebook import Notebook
from openkap.chart.fhir.values import Unusable
from openkap.chart.types import Medicine, MedicineList, Reading
from openkap.kernel import coding
from openkap.kernel.clock import When
from openkap.kernel.plain import without_direction_marks

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
_ORDER: dict[str, Standing] = {"active": "current", "completed": "past", "stopped": "past"}
_ORDER_INTENTS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_OTHER_INTENTS = ("proposal", "plan", "option")
# What does not count, and leaves no doubt that it does not. Any other status leaves the list in doubt.
_NOT_CURRENT = ("completed", "stopped", "not-taken", "entered-in-error", "cancelled", "draft", "on-hold")
_PER_DAY = {"h": Decimal(24), "d": Decimal(1), "wk": Decimal(1) / 7}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: where it leads, and the words beside it."""

    reference: str | None
    display: str

    @property
    def concept(self) -> dict[str, Any]:
        """The words as a record would carry them."""
        return {"code": {"text": self.display}} if self.display else {}


def leaves_doubt(resource: dict[str, Any]) -> bool:
    """True if a record that is not read might be a medicine that is taken now."""
    kind, status = resource.get("resourceType"), resource.get("status")
    if kind == "MedicationStatement":
        return status not in _NOT_CURRENT or status == "on-hold"
    if kind == "MedicationRequest":
        return status not in _NOT_CURRENT and resource.get("intent") not in _OTHER_INTENTS
    return False


def read_statement(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add one MedicationStatement."""
    standing = _STATEMENT.get(str(resource.get("status")))
    if standing is None:
        note.skip(resource, name, f"status {resource.get('status')!r} is not read", medicine=leaves_doubt(resource))
        return
    moment = values.effective(resource, note.zone)
    if moment is None:
        moment = values.when(resource.get("dateAsserted"), note.zone)
    _add(resource, name, standing, moment, resource.get("dosage"), note)


def read_request(resource: dict[str, Any], name: str, note: Notebook) -> None:
    """Add one MedicationRequest that is an order."""
    standing = _ORDER.get(str(resource.get("status")))
    intent = resource.get("intent")
    if "doNotPerform" in resource and resource["doNotPerform"] is not False:
        note.skip(resource, name, "an order not to give the medicine")
        return
    if intent not in _ORDER_INTENTS or standing is None:
        reason = f"{intent} with status {resource.get('status')!r} is not an active order"
        note.skip(resource, name, reason, medicine=leaves_doubt(resource))
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
    if isinstance(moment, Unusable):
        note.skip(resource, name, f"date: {moment.reason}")
        return
    if resource.get("status") != "current" or resource.get("mode") == "changes":
        why = "lists changes only" if resource.get("mode") == "changes" else f"status {resource.get('status')!r}"
        note.skip(resource, name, f"{why}: give the current list")
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


def check_lists(note: Notebook) -> None:
    """Once all is read: a list is understood only where each of its entries is a current medicine."""
    standings = {medicine.source: medicine.standing for medicine in note.medicines}
    doubted = {entry.resource for entry in note.unmapped if entry.medicine}
    for medicine_list in note.lists:
        for source in medicine_list.entries or ():
            if standings.get(source) != "current" and source not in doubted:
                reason = f"stands on the list of current medicines {medicine_list.source} and is not read as one"
                note.skip({}, source, f"{reason}: correct its status", medicine=True)
                doubted.add(source)


def daily_mg(dosage: Any) -> Decimal | None:
    """Daily dose in mg from `dosage[0]`: dose times frequency over period; None if any part is missing."""
    first = dosage[0] if isinstance(dosage, list) and dosage and isinstance(dosage[0], dict) else {}
    rates = first.get("doseAndRate")
    rate = rates[0] if isinstance(rates, list) and rates and isinstance(rates[0], dict) else {}
    dose = rate.get("doseQuantity")
    repeat = first["timing"].get("repeat") if isinstance(first.get("timing"), dict) else None
    if not isinstance(dose, dict) or not isinstance(repeat, dict):
        return None
    if dose.get("code") != "mg" or dose.get("system") not in values.UCUM or dose.get("comparator"):
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


def _since(resource: dict[str, Any], note: Notebook) -> When | None:
    """Start of a period of use, whose end may be planned."""
    period = resource.get("effectivePeriod")
    start = values.when(period.get("start"), note.zone) if isinstance(period, dict) else None
    return start if isinstance(start, When) else None


def _add(
    resource: dict[str, Any], name: str, standing: Standing, moment: When | Unusable | None, dosage: Any, note: Notebook
) -> None:
    if isinstance(moment, Unusable):  # the medicine counts all the same, as one without a date
        note.skip(resource, name, f"date: {moment.reason}")
        moment = None
    concept, named = _medicine(resource, note)
    if standing == "current":
        named = as_taken(concept, named)
    if named is None or named.strange or not named.ingredients:
        what = named.strange if named else "no ingredient of the vocabulary"
        shown = {"code": concept} if concept else resource
        note.skip(shown, name, f"medicine not understood: {what}", medicine=standing == "current")
    if named and named.ingredients:
        since = _since(resource, note)
        note.medicines.append(
            Medicine(named.ingredients, standing, daily_mg(dosage), name, moment, _text(concept), since)
        )


def _medicine(resource: dict[str, Any], note: Notebook) -> tuple[dict[str, Any], Named | None]:
    """The medicine's concept and what it names; of its own, or of the Medication it refers to."""
    own = resource.get("medicationCodeableConcept")
    reference = resource.get("medicationReference")
    if isinstance(own, dict):
        return own, None if reference is not None else name_ingredients(own)
    target = None
    if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
        target = note.bundle.resolve(reference["reference"], resource)
    if target is None or target.get("resourceType") != "Medication" or note.may_mean_otherwise(target):
        return {}, None
    code: dict[str, Any] = target["code"] if isinstance(target.get("code"), dict) else {}
    if target.get("status") == "entered-in-error":
        return code, None
    by_code = name_ingredients(code)
    return (code, by_code) if by_code else _of_parts(target.get("ingredient"), code)


def _of_parts(parts: Any, code: dict[str, Any]) -> tuple[dict[str, Any], Named | None]:
    """A Medication that is described by its ingredients alone; one that is not understood spoils the whole."""
    listed = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    concepts = [part.get("itemCodeableConcept") for part in listed]
    named = [name_ingredients(concept) for concept in concepts]
    known = dict.fromkeys(i for one in named if one for i in one.ingredients)
    if not known:
        return code, None
    strange = next((one.strange for one in named if one and one.strange), "")
    if None in named:
        strange = "an ingredient that is not in the vocabulary"
    return {"text": " / ".join(filter(None, map(_text, concepts))), **code}, Named(tuple(known), strange)


def _medicine_list(name: str, moment: When | None, entries: list[Item], note: Notebook) -> None:
    sources = []
    for item in entries:
        entry = note.bundle.entry(item.reference) if item.reference else None
        if entry is not None:
            sources.append(entry.name)
            continue
        where = f" ({item.reference})" if item.reference else ""
        reason = f"an entry of the medicine list leads nowhere{where}: send the medicine's own record with it"
        note.skip(item.concept, name, reason, medicine=True)
        named = as_taken(item.concept["code"], name_ingredients(item.concept["code"])) if item.display else None
        if named and named.ingredients:  # words alone may raise; the list stays not understood
            note.medicines.append(
                Medicine(named.ingredients, "current", None, name, moment, _text(item.concept["code"]))
            )
    note.lists.append(MedicineList(moment, name, tuple(sources)))


def _allergy_list(name: str, moment: When | None, entries: list[Item], note: Notebook) -> None:
    """A list of allergies without ketamine on it denies a ketamine allergy; the entries speak for themselves."""
    clears = True
    for item in entries:
        target = note.bundle.resolve(item.reference) if item.reference else None
        if target is not None and target.get("resourceType") == "AllergyIntolerance" and _says_what(target):
            clears = clears and not allergy_to_ketamine(target)
            continue
        clears = False
        where = f" ({item.reference})" if item.reference else ""
        reason = f"an entry of the allergy list cannot be read{where}: send the allergy's own record, in words"
        note.skip(item.concept, name, reason)
        stated = item.concept.get("code")
        if target is None and names_ketamine(stated) and not denies_ketamine(stated):
            note.add(Reading("ketamine-allergy", True, moment, name))
    if clears:
        note.add(Reading("ketamine-allergy", False, moment, name))


def _says_what(allergy: dict[str, Any]) -> bool:
    """Words, or the code of a known ingredient; a bare code that nobody here can read might mean ketamine."""
    return bool(words(allergy.get("code"))) or name_ingredients(allergy.get("code")) is not None


def allergy_to_ketamine(resource: dict[str, Any]) -> bool:
    """True if an AllergyIntolerance names ketamine, as its substance or as what a reaction followed."""
    reactions = resource.get("reaction")
    followed = [r.get("substance") for r in reactions if isinstance(r, dict)] if isinstance(reactions, list) else []
    return any(map(names_ketamine, (resource.get("code"), *followed)))


def denied_in_words(resource: dict[str, Any]) -> bool:
    """True if an AllergyIntolerance names ketamine in words alone, and only to deny it."""
    reactions = resource.get("reaction")
    followed = [r.get("substance") for r in reactions if isinstance(r, dict)] if isinstance(reactions, list) else []
    return denies_ketamine(resource.get("code")) and not any(map(names_ketamine, followed))


def _list_entries(resource: dict[str, Any]) -> list[Item]:
    listed = resource.get("entry")
    found: list[Item] = []
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("deleted") is not True:
            item = entry["item"] if isinstance(entry.get("item"), dict) else {}
            reference, display = item.get("reference"), item.get("display")
            found.append(
                Item(reference if isinstance(reference, str) else None, display if isinstance(display, str) else "")
            )
    return found


def _text(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    return next((without_direction_marks(text) for text in texts_of(concept)), "")
