"""Which ingredients a medicine's code or words name, and what of them was not understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from openkap.chart.fhir.codes import codings, texts_of, words
from openkap.chart.fhir.denial import denies, says_not_taken
from openkap.chart.vocabulary import ingredients
from openkap.kernel import coding

_SEPARATOR = re.compile(r"\s*(?:/|\+|,|;|-|\band\b|\bwith\b)\s*")
_LIST_MARKS = (",", ";", "-", "with")
_BEFORE_THE_NAME = re.compile(r"\d+(?:\.\d+)?\s*(?:hr|ml|actuat\w*|day)\s+")
# Strengths, forms and directions: words of a medicine's name that name no ingredient.
_NOT_A_NAME = re.compile(
    r"\d|(?:[mkµu]?[lg]|mcg|iu|meq|hrs?|h|hours?|days?|week|actuat\w*|units?|doses?|sprays?|puffs?|tab\w*|cap\w*|oral\w*|film"
    r"|coated|solution|suspension|syrup|drops|inject\w*|inhal\w*|topical|cream|ointment|gel|patch|transdermal|nasal"
    r"|ophthalmic|sublingual|extended|delayed|modified|immediate|sustained|controlled|prolonged|release|er|xr|sr|cr|la"
    r"|dr|xl|mr|prefilled|syringe|pen|twice|once|daily|every|as|at|by|for|prn|food|meals?|water|breakfast|bid|tid|od)\b"
)
_KETAMINE = ("ketamine", "esketamine")
_KETAMINE_CODES = ("6130", "2119365")


@dataclass(frozen=True, slots=True)
class Named:
    """Ingredients a text or code was understood to name, and what of it was not understood."""

    ingredients: tuple[str, ...]
    strange: str = ""


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
    texts = texts_of(concept)
    by_words = [named for named in map(parse_words, texts) if named.ingredients]
    if by_code and by_words and not any(by_code & set(named.ingredients) for named in by_words):
        return Named((), "its code and its words name different medicines")
    if by_words:
        found = dict.fromkeys(i for named in by_words for i in named.ingredients)
        strange = next((named.strange for named in by_words if named.strange), "")
        return Named(tuple(dict.fromkeys([*sorted(by_code), *found])), strange)
    return Named(tuple(sorted(by_code))) if by_code else None


def as_taken(concept: Any, named: Named | None) -> Named | None:
    """
    What a medicine that is said to be current names, where its words say that it is not taken: what its code
    names, and that it was not understood.
    """
    if not any(map(says_not_taken, texts_of(concept))):
        return named
    bare = [{"system": system, "code": code} for system, code, _ in codings(concept)]
    by_code = name_ingredients({"coding": bare})
    return Named(by_code.ingredients if by_code else (), "its words say that it is not taken: correct its status")


def parse_words(text: str) -> Named:
    """
    The ingredients at the head of a medicine's name; a combination gives each part.

    >>> parse_words("sertraline 100 MG Oral Tablet").ingredients
    ('sertraline',)
    """
    rest = _BEFORE_THE_NAME.sub("", text.strip().lower(), count=1) if text[:1].isdigit() else text.strip().lower()
    found: list[str] = []
    while True:
        head = _head(rest)
        if head is None:
            return Named(tuple(dict.fromkeys(found)), rest)
        found.append(head[0])
        rest = rest[head[1] :]
        following = _next_part(rest)
        if following is None:
            return Named(tuple(dict.fromkeys([*found, *_mentioned(rest)])))
        rest = following


def names_ketamine(concept: Any) -> bool:
    """True if a code or the words of a concept name ketamine or esketamine, or a brand of theirs."""
    said = words(concept)
    return _coded_ketamine(concept) or any(name in said for name in _names_of_ketamine())


def denies_ketamine(concept: Any) -> bool:
    """True if words alone name ketamine, and only to deny an allergy to it: "no known ketamine allergy"."""
    said = [text for text in texts_of(concept) if any(name in text.lower() for name in _names_of_ketamine())]
    denied = all(denies(text, _names_of_ketamine(), allergy=True) for text in said)
    return bool(said) and denied and not _coded_ketamine(concept)


def _coded_ketamine(concept: Any) -> bool:
    return any(
        (system == coding.RXNORM and code in _KETAMINE_CODES) or (system == coding.FACT and code == "ketamine-allergy")
        for system, code, _ in codings(concept)
    )


def _next_part(rest: str) -> str | None:
    """What follows the next separator, if it is another ingredient and not a strength, form or direction."""
    for separator in _SEPARATOR.finditer(rest):
        before, after = rest[: separator.start()], rest[separator.end() :]
        mark = separator.group().strip()
        if not after or _NOT_A_NAME.match(after) or (mark == "-" and before.strip()):
            continue
        # Past the strength a comma leads to directions more often than to a second medicine.
        if mark in _LIST_MARKS and re.search(r"\d", before) and _head(after) is None:
            continue
        return after
    return None


def _mentioned(rest: str) -> list[str]:
    """Ingredients named further on: a medicine that stands in the text is never overlooked."""
    found = (_by_name().get(word) for word in re.findall(r"[a-z][a-z'’-]+", rest))
    return [name for name in found if name]


def _head(text: str) -> tuple[str, int] | None:
    """The longest ingredient name at the head of a text, as (ingredient, length)."""
    beginning = re.match(r"[a-z0-9'’.]+(?:[ -][a-z0-9'’.]+){0,4}", text)
    candidate = beginning.group() if beginning else ""
    while candidate:
        if candidate in _by_name():
            return _by_name()[candidate], len(candidate)
        cut = max(candidate.rfind(" "), candidate.rfind("-"))
        candidate = candidate[:cut] if cut > 0 else ""
    return None


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


@cache
def _names_of_ketamine() -> frozenset[str]:
    rows = [row for row in ingredients().values() if row.id in _KETAMINE]
    return frozenset([*_KETAMINE, *(name.lower() for row in rows for name in row.names)])
