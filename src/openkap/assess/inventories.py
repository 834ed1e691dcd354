"""
Inventories of the intake: lists the patient gives, read as answered and ranked. No score is made of them.

A value that cannot be read is listed and left out; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Literal, cast

import msgspec

from openkap.chart.types import Response, Unmapped
from openkap.kernel.clock import When
from openkap.kernel.coding import ANSWER
from openkap.kernel.content import Header, load
from openkap.kernel.errors import ContentFault, UserError
from openkap.kernel.source import Sourced

FieldType = Literal["text", "code", "yes-no", "rating", "hours", "days", "date"]
NUMBERS = ("rating", "hours", "days")


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One question of an inventory.

    Args:
        id: linkId: the inventory's id, then the attribute it becomes.
        options: answer code -> words, for `code`.
        needed: an entry without it is no entry.
    """

    id: str
    type: FieldType
    text: str
    options: dict[str, str] = {}
    needed: bool = False


class Inventory(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A repeating group.

    Args:
        title, text: as the patient sees them.
        use: what the list is for, for the clinician.
        rank: rating that orders it, highest first; `order_by`: date that orders it, earliest first.
    """

    title: str
    text: str
    use: str
    field: tuple[Field, ...]
    rank: str = ""
    order_by: str = ""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Facts of the body-load panel that are measured, not told."""

    facts: tuple[str, ...]


class InventoriesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/inventories.toml`."""

    content: Header
    inventory: tuple[Inventory, ...]
    measured: Measured
    limits: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What every entry has.

    Args:
        source: the response it stands in.
        when: when that was filled in.
        tentative: the form was not finished.
    """

    source: str
    when: When | None
    tentative: bool


@dataclass(frozen=True, slots=True)
class Trigger(Entry):
    """What sets the anxiety off; `distress` 0-10."""

    label: str
    distress: Decimal | None = None
    avoided: bool | None = None


@dataclass(frozen=True, slots=True)
class RootEvent(Entry):
    """An event that the anxiety may have grown from."""

    label: str
    on: When | None = None
    linked_fear: str | None = None


@dataclass(frozen=True, slots=True)
class Image(Entry):
    """A recurrent image; `kind` `flash-forward` or `memory`, ratings 0-10."""

    scene: str
    kind: str | None = None
    vividness: Decimal | None = None
    distress: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WorryDomain(Entry):
    """A part of life worried about; hours a day; `real_threat` `yes`, `no` or `unsure`; proportion 0-10."""

    domain: str
    hours: Decimal | None = None
    real_threat: str | None = None
    useful_action: str | None = None
    proportion: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LifeSpace(Entry):
    """A place, role or task, and whether it is avoided."""

    place_or_role: str
    avoided: bool | None = None
    since: When | None = None


@dataclass(frozen=True, slots=True)
class MedicineBurden(Entry):
    """What troubles the patient about a medicine; `bother` 0-10."""

    medicine: str
    effect: str | None = None
    bother: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PanicAttack(Entry):
    """One attack of the panic log; `peak` 0-10."""

    on: When
    place: str | None = None
    expected: bool | None = None
    peak: Decimal | None = None
    feared: str | None = None


@dataclass(frozen=True, slots=True)
class BodyLoad(Entry):
    """A bodily symptom; days of the last seven, `bother` 0-10."""

    symptom: str
    days: Decimal | None = None
    bother: Decimal | None = None


KINDS: dict[str, type[Entry]] = {
    "trigger": Trigger,
    "root-event": RootEvent,
    "image": Image,
    "worry-domain": WorryDomain,
    "life-space": LifeSpace,
    "medicine-burden": MedicineBurden,
    "panic-attack": PanicAttack,
    "body-load": BodyLoad,
}


@dataclass(frozen=True, slots=True)
class NotRead:
    """An answer that could not be used: where it stands and why."""

    source: str
    link: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inventories:
    """
    All inventories of a chart.

    Args:
        entries: by inventory id, in order; an inventory nobody answered is missing.
        not_read: answers that could not be used.
    """

    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    not_read: tuple[NotRead, ...] = ()

    def of(self, name: str) -> tuple[Any, ...]:
        """The entries of one inventory; empty if it was not answered."""
        return self.entries.get(name, ())

    def document(self) -> dict[str, Any]:
        """As `openkap assess` shows them."""
        return {name: [_document(entry) for entry in entries] for name, entries in self.entries.items()} | {
            "not_read": [{"source": n.source, "link": n.link, "reason": n.reason} for n in self.not_read]
        }


@cache
def inventory_rules() -> InventoriesFile:
    """The inventories, checked against the types they become."""
    file = load("assess", "inventories.toml", InventoriesFile)
    where = "assess/content/inventories.toml"
    if {row.id for row in file.inventory} != set(KINDS):
        raise ContentFault(f"{where}: the inventories are not {', '.join(KINDS)}; add or remove one in both places.")
    for row in file.inventory:
        ours = {f.name for f in fields(KINDS[row.id])} - {f.name for f in fields(Entry)}
        if {attribute(row, f) for f in row.field} != ours:
            raise ContentFault(f"{where}: {row.id} does not have the fields {', '.join(sorted(ours))}; correct them.")
    return file


def attribute(row: Inventory, question: Field) -> str:
    """The attribute that a field becomes: `trigger-distress` -> `distress`."""
    return question.id.removeprefix(f"{row.id}-").replace("-", "_")


def read_inventories(responses: Iterable[Response], on: date) -> Inventories:
    """
    Read the inventories of intake responses.

    For each inventory the newest finished response that answers it stands; where none is finished, the
    newest unfinished one, marked tentative. A response dated after `on` is not used.
    """
    usable = [r for r in responses if r.when is None or r.when.earliest <= on]
    usable.sort(key=lambda r: (not r.tentative, r.when is not None, r.when or When.on(date.min)), reverse=True)
    opened = [(response, [i for i in _items(response.resource) if i.get("linkId") in KINDS]) for response in usable]
    entries: dict[str, tuple[Entry, ...]] = {}
    faults: list[NotRead] = []
    for row in inventory_rules().inventory:
        for response, inside in opened:
            groups = [i for i in inside if i.get("linkId") == row.id]
            if groups:
                entries[row.id] = _ordered(row, [e for g in groups for e in _entry(row, g, response, faults)])
                break
    return Inventories(entries, tuple(faults))


def understood(listed: Unmapped) -> bool:
    """True for an intake answer that the chart lists as not used and that an inventory reads."""
    return listed.code in _field_ids()


@cache
def _field_ids() -> frozenset[str]:
    return frozenset(f.id for row in inventory_rules().inventory for f in row.field)


# --- reading -----------------------------------------------------------------------------------------


def _entry(row: Inventory, group: Mapping[str, Any], response: Response, faults: list[NotRead]) -> Iterator[Entry]:
    known = {f.id: f for f in row.field}
    said: dict[str, Any] = {}
    for item in _items(group):
        link, answers = str(item.get("linkId")), item.get("answer")
        if link not in known:
            faults.append(NotRead(response.source, link, f"not a question of the inventory {row.id}"))
            continue
        if not isinstance(answers, list) or not answers:
            continue
        try:
            said[attribute(row, known[link])] = _value(known[link], answers)
        except UserError as fault:
            faults.append(NotRead(response.source, link, str(fault)))
    needed = next(f for f in row.field if f.needed)
    if said.get(attribute(row, needed)) is None:
        if said:
            faults.append(NotRead(response.source, needed.id, "missing, so the entry is left out: answer it"))
        return
    yield KINDS[row.id](source=response.source, when=response.when, tentative=response.tentative, **said)


def _value(question: Field, answers: Sequence[Any]) -> object:
    if len(answers) > 1:
        raise UserError("answered more than once: keep one answer")
    answer = answers[0] if isinstance(answers[0], dict) else {}
    key, value = next(((k, v) for k, v in answer.items() if k.startswith("value")), ("", None))
    if question.type == "text" and key == "valueString" and isinstance(value, str) and value.strip():
        return value.strip()
    if question.type == "yes-no" and isinstance(value, bool):
        return value
    if question.type == "date" and key in ("valueDate", "valueDateTime") and isinstance(value, str):
        return When.parse(value)
    if question.type == "code" and key == "valueCoding" and isinstance(value, dict):
        if value.get("system") == ANSWER and value.get("code") in question.options:
            return value["code"]
        raise UserError(f"{value.get('code')!r} is not one of {', '.join(question.options)}")
    if question.type in NUMBERS and key in ("valueInteger", "valueDecimal"):
        return _number(question, value)
    raise UserError(f"{key or 'no value'} does not answer it: give a {question.type}")


def _number(question: Field, value: object) -> Decimal:
    low, high = inventory_rules().limits[question.type]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise UserError(f"{value!r} is not a number: give one from {low} to {high}")
    number = Decimal(str(value))
    if not number.is_finite() or not low <= number <= high:
        raise UserError(f"{value} is outside {low} to {high}: correct it")
    return number


def _items(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Items below a response or group, groups opened except an inventory's own."""
    waiting = _children(node)[::-1]
    while waiting:
        item = waiting.pop()
        yield item
        if item.get("linkId") not in KINDS:
            waiting.extend(reversed(_children(item)))


def _children(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answers = node.get("answer")
    holders = [node, *(a for a in (answers if isinstance(answers, list) else ()) if isinstance(a, dict))]
    listed = [holder.get("item") for holder in holders]
    return [child for items in listed if isinstance(items, list) for child in items if isinstance(child, dict)]


def _ordered(row: Inventory, entries: list[Entry]) -> tuple[Entry, ...]:
    by = next((attribute(row, f) for f in row.field if f.id in (row.rank, row.order_by)), "")
    if row.rank:
        return tuple(sorted(entries, key=lambda e: _rank(getattr(e, by)), reverse=True))
    if row.order_by:
        return tuple(sorted(entries, key=lambda e: getattr(e, by) or When.on(date.max)))
    return tuple(entries)


def _rank(value: Decimal | None) -> Decimal:
    return Decimal(-1) if value is None else value  # what was not rated comes last


def _document(entry: Entry) -> dict[str, Any]:
    return {f.name: _plain(getattr(entry, f.name)) for f in fields(cast(Any, entry))}


def _plain(value: object) -> object:
    if isinstance(value, When):
        return value.text
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
