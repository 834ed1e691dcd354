"""
The one vocabulary of facts: what each is called, how it is asked, which codes of the world mean it,
in which units it comes, how old it may be. `content/vocabulary.toml` holds it; this module reads it.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Literal

import msgspec

from openkap.kernel.clock import Span
from openkap.kernel.content import Header, load, refuse_dangling, refuse_duplicates, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.quantity import known_unit
from openkap.kernel.source import Row, Sourced

_ITEM = re.compile(r"([a-z0-9-]+)\.([1-9][0-9]?)")

# history: yes/no, a presence never goes stale, a denial is asked again after twelve months.
# state:   yes/no with a look-back; a current condition without a date stands now.
# number, choice, date: one value. result: positive/negative of a test. score: total of an instrument.
# derived: computed from other facts on the day of decision.
Kind = Literal["history", "state", "number", "choice", "date", "result", "score", "derived"]


class CodeMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A code of the world that means this fact.

    Args:
        system: `icd10`, `snomed` or `loinc`.
        code: a whole SNOMED CT or LOINC code; for ICD-10-CM a prefix in which `x` stands for any character.
        unless: ICD-10-CM prefixes below it that do not mean the fact.
        text: words of which one must stand in the record's text; without them the code only
            makes the fact unconfirmed.
        tag: how the mapping was checked.
        past: the code says the condition is over or in remission: history, never current.
        undated: the code says that there was an event and not when (an old infarction, a stent in place), so
            the onset of its entry does not settle the day: it may raise, and the day is asked for.
        episode: short-lived (an infection): it counts for the look-back after its onset, also while it is active.
    """

    system: Literal["icd10", "snomed", "loinc"]
    code: str
    unless: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    tag: Literal["V", "S", "K", "D", "P"] = "V"
    past: bool = False
    undated: bool = False
    episode: bool = False


class Fact(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    One name of the vocabulary.

    Args:
        id: the name; for ever, never reused.
        kind: how readings of it add up, see `Kind`.
        words: the fact in words, lower case, as it stands in a sentence.
        question: what to ask to know it.
        look_back: how old it may be; empty for history.
        by: `C` counts only when a clinician gave it; `P` from anyone.
        unit, units: the unit it is kept in, and those it may arrive in.
        least, most: values outside are refused as impossible (not as abnormal).
        options: allowed answer codes of a choice.
        repeats: a choice with several answers.
        codes: codes of the world that mean it.
        detail_of: the fact whose presence makes this one worth asking.
        denied_by: facts whose denial denies this one too.
        stands: a presence inside the look-back stands, whatever was said since ("positive within 30 days").
        implies: the fact that cannot be denied where this one is stated: both together are a conflict.
        module: module of the structured interview that asks it.
        asked: false where a record of another kind carries it (a diagnosis, a signed consent), so that
            neither an intake item nor a plain statement may.
        from_: base facts of a derived fact, asked in its place.
        reading: how OpenKAP reads what the convention leaves open.
    """

    kind: Kind
    words: str
    question: str = ""
    look_back: str = ""
    by: Literal["C", "P"] = "P"
    unit: str = ""
    units: tuple[str, ...] = ()
    least: Decimal | None = None
    most: Decimal | None = None
    options: tuple[str, ...] = ()
    repeats: bool = False
    codes: tuple[CodeMatch, ...] = ()
    detail_of: str = ""
    denied_by: tuple[str, ...] = ()
    implies: str = ""
    stands: bool = False
    module: str = ""
    asked: bool = True
    from_: tuple[str, ...] = msgspec.field(default=(), name="from")
    reading: str = ""
    tag: Literal["V", "S", "K", "D", "P"] = "P"

    @property
    def span(self) -> Span | None:
        return Span.parse(self.look_back) if self.look_back else None

    @property
    def is_yes_no(self) -> bool:
        return self.kind in ("history", "state")

    @property
    def is_item(self) -> bool:
        """True if the intake asks it: answers and attestations, never a measurement, test or score."""
        return self.asked and (
            self.is_yes_no or self.kind in ("choice", "date") or (self.kind == "number" and not self.codes)
        )


class Policy(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number that governs all facts, such as how long a denial holds."""

    value: str


class VocabularyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`vocabulary.toml`."""

    content: Header
    policy: tuple[Policy, ...]
    fact: tuple[Fact, ...]


class Ingredient(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A medicine ingredient.

    Args:
        id: the ingredient's name, lower case.
        rxnorm: its RxNorm ingredient code, where the fact sheet gives one.
        names: other names (brands, salts, spellings) that mean it.
        classes: groups that the interaction rules speak of.
        tag: how the row was checked.
    """

    rxnorm: str = ""
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    tag: Literal["V", "S", "K", "D", "P"] = "K"


class DrugClass(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of ingredients that rules name."""

    words: str


class MedicinesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`medicines.toml`."""

    content: Header
    drug_class: tuple[DrugClass, ...] = msgspec.field(name="class")
    ingredient: tuple[Ingredient, ...]


@cache
def _file() -> VocabularyFile:
    file = load("chart", "vocabulary.toml", VocabularyFile)
    _check(file.fact)
    refuse_dangling(file.policy, sources("chart"), "chart/content/vocabulary.toml")
    return file


@cache
def facts() -> dict[str, Fact]:
    """Every fact by name, in the order of the file, which is the order of asking."""
    return {fact.id: fact for fact in _file().fact}


@cache
def fact_of(name: str) -> Fact:
    """
    The fact of this name; `ID.n`, one item of an instrument that is a fact itself, is a score with its look-back.

    Raises:
        KeyError: neither.
    """
    if name in facts():
        return facts()[name]
    item = _ITEM.fullmatch(name)
    whole = facts().get(item[1]) if item else None
    if item is None or whole is None or whole.kind != "score":
        raise KeyError(name)
    words = f"{whole.words} item {item[2]}"
    question = f"What is the answer to item {item[2]} of the {whole.words}?"
    return Fact(
        id=name, kind="score", words=words, question=question, look_back=whole.look_back, unit="{score}",
        units=("{score}",), least=Decimal(0), most=whole.most if whole.most is not None else Decimal(1),
    )  # fmt: skip


def is_item(name: str) -> bool:
    """True for `ID.n`, an item of an instrument: whether that instrument has it, the assess room knows."""
    item = _ITEM.fullmatch(name)
    return bool(item) and item[1] in facts() and facts()[item[1]].kind == "score"  # type: ignore[index]


@cache
def implying(parent: str) -> tuple[str, ...]:
    """The facts that cannot be stated while `parent` is denied."""
    return tuple(fact.id for fact in facts().values() if fact.implies == parent)


@cache
def policy(name: str) -> Span:
    """A governing span by id, such as `denial-holds`."""
    return Span.parse(_policy_value(name))


@cache
def percent(name: str) -> Decimal:
    """A governing percentage by id, such as `weight-agrees`."""
    return Decimal(_policy_value(name))


@cache
def earliest_birth() -> date:
    """The first birth date that a living patient can have."""
    return date.fromisoformat(_policy_value("earliest-birth"))


@cache
def consent_version() -> str:
    """The version of the consent form that counts."""
    return _policy_value("consent-version")


def _policy_value(name: str) -> str:
    return next(p.value for p in _file().policy if p.id == name)


@cache
def medicines() -> MedicinesFile:
    """
    Every ingredient and class.

    Raises:
        ContentFault: a class that does not exist, has no member or is named like an ingredient; a name
            or code that two ingredients claim.
    """
    file = load("chart", "medicines.toml", MedicinesFile)
    check_medicines(file)
    return file


def check_medicines(file: MedicinesFile) -> None:
    """Raise ContentFault where a name of the file could be read in two ways, or in none."""
    where = "chart/content/medicines.toml"
    refuse_duplicates(file.ingredient, where)
    refuse_duplicates(file.drug_class, where)
    empty = {c.id for c in file.drug_class}
    classes = frozenset(empty)
    claimed: dict[str, str] = {}
    for row in file.ingredient:
        for label in (row.id, *row.names, *((row.rxnorm,) if row.rxnorm else ())):
            if label != label.lower().strip():
                raise ContentFault(f"{where}: {row.id} has the name {label!r}; write it in lower case.")
            if label in classes:
                raise ContentFault(f"{where}: {label!r} is a class and a name of {row.id}; rename one.")
            other = claimed.setdefault(label, row.id)
            if other != row.id:
                raise ContentFault(f"{where}: {other} and {row.id} both claim {label!r}; leave it with one.")
        for name in row.classes:
            if name not in classes:
                raise ContentFault(f"{where}: {row.id} is in class {name!r}, which does not exist.")
        empty -= set(row.classes)
    if empty:
        raise ContentFault(f"{where}: class {min(empty)} has no member; add one or remove the class.")


@cache
def ingredients() -> dict[str, Ingredient]:
    """Every ingredient by id."""
    return {row.id: row for row in medicines().ingredient}


@cache
def members(group: str) -> frozenset[str]:
    """The ingredients of a class, or the ingredient itself where `group` names one."""
    if group in ingredients():
        return frozenset({group})
    found = frozenset(row.id for row in medicines().ingredient if group in row.classes)
    if not found:
        raise ContentFault(f"No ingredient is, or belongs to, {group!r}: correct the rule or add the class.")
    return found


def _check(rows: tuple[Fact, ...]) -> None:
    names = {row.id for row in rows}
    where = "chart/content/vocabulary.toml"
    for row in rows:
        for other in (*row.denied_by, *row.from_, *(name for name in (row.detail_of, row.implies) if name)):
            if other not in names:
                raise ContentFault(f"{where}: {row.id} speaks of {other!r}, which is not a fact; correct the name.")
        for unit in (*row.units, *((row.unit,) if row.unit else ())):
            if not known_unit(unit):
                raise ContentFault(f"{where}: {row.id} uses unit {unit!r}, which is not in units.toml.")
        if row.kind == "choice" and not row.options:
            raise ContentFault(f"{where}: {row.id} is a choice without options; list them.")
        if row.kind == "derived" and not row.from_:
            raise ContentFault(f"{where}: {row.id} is derived but names no base facts; add `from`.")
        if row.kind != "derived" and not row.question:
            raise ContentFault(f"{where}: {row.id} has no question; say what to ask.")
