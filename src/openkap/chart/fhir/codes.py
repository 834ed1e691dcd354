"""From the world's codes to fact names: built once from the vocabulary, then only looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from openkap.chart.fhir.denial import denies
from openkap.chart.vocabulary import CodeMatch, facts, is_item
from openkap.kernel import coding

# The same systems as older exports write them.
_ALIASES = {
    "urn:oid:2.16.840.1.113883.6.90": coding.ICD10CM,
    "urn:oid:2.16.840.1.113883.6.96": coding.SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": coding.LOINC,
    "urn:oid:2.16.840.1.113883.6.88": coding.RXNORM,
}

IN_REMISSION = re.compile(r"F1\d\.[12]1|F30\.[34]|F31\.7")


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    A fact that a code means.

    Args:
        fact: its name.
        past: the code says that the condition is over.
        doubtful: the code alone does not say enough; the record's words would have to.
        undated: the onset of the entry is not the day of the event.
        episode: it counts for the look-back after its onset.
    """

    fact: str
    past: bool = False
    doubtful: bool = False
    undated: bool = False
    episode: bool = False


def codings(concept: Any) -> Iterator[tuple[str, str, str]]:
    """(system, code, display) of each usable coding of a CodeableConcept, system names made canonical."""
    if not isinstance(concept, dict):
        return
    listed = concept.get("coding")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and isinstance(item.get("code"), str):
            system = item.get("system")
            display = item.get("display")
            yield (
                _ALIASES.get(system, system) if isinstance(system, str) else "",
                item["code"].strip(),
                display if isinstance(display, str) else "",
            )


def texts_of(concept: Any) -> list[str]:
    """The text of a concept and the displays of its codings."""
    if not isinstance(concept, dict):
        return []
    own = [concept["text"]] if isinstance(concept.get("text"), str) else []
    return own + [display for _, _, display in codings(concept) if display]


def words(concept: Any) -> str:
    """Everything a concept says in words, lower case."""
    return " ".join(texts_of(concept)).lower()


def condition_meanings(concept: Any) -> list[Meaning]:
    """The facts that a condition's codes mean; several codings of one concept add up."""
    text = ". ".join(texts_of(concept)).lower()
    found: dict[str, Meaning] = {}
    for system, code, _ in codings(concept):
        for meaning in _one_condition(system, code, text):
            before = found.get(meaning.fact)
            if before is None or (before.doubtful and not meaning.doubtful):
                found[meaning.fact] = meaning
    return list(found.values())


def observation_facts(concept: Any) -> list[str]:
    """The facts that an observation's codes mean."""
    found: list[str] = []
    for system, code, _ in codings(concept):
        if system == coding.LOINC:
            found.extend(_by_loinc().get(code, ()))
        elif (
            code in facts()
            and (
                (system == coding.FACT and facts()[code].asked and facts()[code].kind != "derived")
                or (system == coding.INSTRUMENT and facts()[code].kind == "score")
            )
        ) or (system == coding.INSTRUMENT and is_item(code)):
            found.append(code)
    return list(dict.fromkeys(found))


def icd10(code: str) -> str:
    """An ICD-10-CM code in its usual form: upper case, with its dot."""
    code = code.upper()
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 and "." not in code else code


def _one_condition(system: str, code: str, text: str) -> Iterator[Meaning]:
    if system == coding.FACT:
        if code in facts() and facts()[code].is_yes_no:
            yield Meaning(code)
    elif system == coding.SNOMED:
        for fact, match in _by_snomed().get(code, ()):
            yield _meaning(fact, match, match.past, text)
    elif system == coding.ICD10CM:
        code = icd10(code)
        over = bool(IN_REMISSION.match(code))
        for fact, match, pattern, unless in _by_icd10().get(code[:1], ()):
            if pattern.match(code) and not (unless and unless.match(code)):
                yield _meaning(fact, match, match.past or over, text)


def _meaning(fact: str, match: CodeMatch, past: bool, text: str) -> Meaning:
    doubtful = bool(match.text) and (not any(word in text for word in match.text) or denies(text, match.text))
    return Meaning(fact, past, doubtful, match.undated, match.episode)


def _pattern(*prefixes: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(p).replace("x", "[0-9A-Z]") for p in prefixes))


@cache
def _by_icd10() -> dict[str, list[tuple[str, CodeMatch, re.Pattern[str], re.Pattern[str] | None]]]:
    table: dict[str, list[tuple[str, CodeMatch, re.Pattern[str], re.Pattern[str] | None]]] = {}
    for fact in facts().values():
        for match in fact.codes:
            if match.system == "icd10":
                unless = _pattern(*match.unless) if match.unless else None
                table.setdefault(match.code[0], []).append((fact.id, match, _pattern(match.code), unless))
    return table


@cache
def _by_snomed() -> dict[str, list[tuple[str, CodeMatch]]]:
    table: dict[str, list[tuple[str, CodeMatch]]] = {}
    for fact in facts().values():
        for match in fact.codes:
            if match.system == "snomed":
                table.setdefault(match.code, []).append((fact.id, match))
    return table


@cache
def _by_loinc() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for fact in facts().values():
        for match in fact.codes:
            if match.system == "loinc":
                table.setdefault(match.code, []).append(fact.id)
    return table
