"""
The screening rules, read from `content/`, and the proof that they are well formed.

`rules()` is what every screening call uses: it only loads. `check()` parses every condition and compares
it with its limits and facts; `openkap content check` and the tests call it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache

import msgspec

from openkap.chart.expression import Compare, Node, facts_named, limits_named
from openkap.chart.rule_language import parse
from openkap.chart.vocabulary import facts, ingredients
from openkap.kernel.clock import Span
from openkap.kernel.content import Header, load, refuse_dangling, refuse_duplicates, sources
from openkap.kernel.errors import ContentFault
from openkap.kernel.source import Sourced
from openkap.screen.types import CLASSES, Arm, Rule, RulesFile

FILES = ("indication", "heart-brain", "mind", "medical", "interactions", "dose-day")


@cache
def rules() -> dict[str, Rule]:
    """
    Every rule by id, in the order of the files.

    Raises:
        ContentFault: a file does not load, an id stands twice, or a source does not exist.
    """
    found: list[Rule] = []
    for name in FILES:
        file = load("screen", f"{name}.toml", RulesFile)
        refuse_dangling(file.rule, sources("screen"), f"screen/content/{name}.toml")
        found.extend(file.rule)
    refuse_duplicates(found, "screen/content")
    return {rule.id: rule for rule in found}


class EquivalentTable(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    A published table of benzodiazepine doses that are about as much as diazepam 5 mg.

    Args:
        title: whose table it is.
        mg: mg of each ingredient that equal diazepam 5 mg.
    """

    title: str
    mg: dict[str, Decimal]


class Mark(Sourced, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A published amount beside which a sum is shown; it decides nothing."""

    title: str
    value: Decimal
    unit: str


class EquivalentsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`diazepam-equivalents.toml`."""

    content: Header
    table: tuple[EquivalentTable, ...]
    mark: tuple[Mark, ...]


@cache
def diazepam_equivalents() -> EquivalentsFile:
    """
    The tables of DDI-BZD-EQ and the mark of DDI-BZD-1.

    Raises:
        ContentFault: a source or an ingredient does not exist.
    """
    where = "screen/content/diazepam-equivalents.toml"
    file = load("screen", "diazepam-equivalents.toml", EquivalentsFile)
    refuse_dangling((*file.table, *file.mark), sources("screen"), where)
    for table in file.table:
        for name in table.mg:
            if name not in ingredients():
                raise ContentFault(f"{where}: {table.id} speaks of {name!r}, which medicines.toml does not have.")
    return file


def check(book: Mapping[str, Rule] | None = None) -> None:
    """
    Prove that every rule is well formed, besides what loading proves.

    Args:
        book: the rules to check; those of the content files by default.

    Raises:
        ContentFault: a condition that cannot be read; a limit that is missing, unused or in another unit
            than its fact; arms out of order; a look-back or mitigation for no fact; a source nobody cites.
    """
    shipped = book is None
    book = rules() if book is None else book
    for rule in book.values():
        _check(rule)
    if shipped:
        equivalents = diazepam_equivalents()
        cited = {key for row in (*book.values(), *equivalents.table, *equivalents.mark) for key in row.sources}
        for key in sources("screen"):
            if key not in cited:
                raise ContentFault(f"screen/content/sources.toml: no rule cites {key!r}; remove it or cite it.")


def conditions(arm: Arm) -> Iterator[Node]:
    """Every condition of an arm, parsed: when it fires, and when another missing policy holds."""
    yield parse(arm.when)
    for other in arm.missing_if:
        yield parse(other.when)


def _check(rule: Rule) -> None:
    if not rule.arm:
        raise ContentFault(f"{rule.id} has no arm; say when it fires.")
    ranks = [CLASSES.index(arm.class_) for arm in rule.arm]
    if ranks != sorted(ranks):
        raise ContentFault(f"{rule.id}: its arms are not in order; write the worst class first.")
    read: set[str] = set()
    used: set[str] = set()
    for arm in rule.arm:
        for condition in conditions(arm):
            used |= limits_named(condition)
            read |= set(facts_named(condition))
            _check_limits(rule, condition)
    for name in rule.limits:
        if name not in used:
            raise ContentFault(f"{rule.id}: limit {name} is used by no condition; remove it or use it.")
    for name, span in rule.look_back.items():
        if name not in read:
            raise ContentFault(f"{rule.id}: look_back names {name!r}, which no condition reads; correct the name.")
        Span.parse(span)
    for name in rule.mitigation:
        if name not in facts():
            raise ContentFault(f"{rule.id}: mitigation {name!r} is not a fact of the vocabulary; correct the name.")


def _check_limits(rule: Rule, condition: Node) -> None:
    for name in sorted(limits_named(condition)):
        if name not in rule.limits:
            raise ContentFault(f"{rule.id}: ${name} is not among its limits; add [rule.limits.{name}].")
    for atom in condition.atoms():
        limit = rule.limits.get(getattr(atom, "limit", ""))
        if limit is None:
            continue
        where = f"{rule.id}: limit {atom.limit}"  # type: ignore[attr-defined]
        is_number = isinstance(limit.value, Decimal)
        if isinstance(atom, Compare) is not is_number:
            raise ContentFault(f"{where} is {'a number' if is_number else 'a span'}, which cannot stand there.")
        unit = facts()[atom.fact].unit if isinstance(atom, Compare) else ""
        if limit.unit != unit:
            raise ContentFault(f"{where} is in {limit.unit!r}, its fact {atom.fact} in {unit!r}; use that unit.")  # type: ignore[attr-defined]
        if limit.loosest is not None and not _is_looser(limit.loosest, limit.value, limit.tighter):
            raise ContentFault(f"{where}: loosest {limit.loosest} is stricter than the limit itself; correct it.")


def _is_looser(loosest: Decimal | str, value: Decimal | str, tighter: str) -> bool:
    if isinstance(loosest, str) or isinstance(value, str):
        return False  # no span has a margin yet: comparing months with weeks needs a day to count from
    return loosest <= value if tighter == "higher" else loosest >= value
