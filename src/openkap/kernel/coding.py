"""Codes as types: a code cannot travel without its system, and a malformed one does not exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from openkap.kernel.errors import UserError

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"

# The names we give to what FHIR has no name for. A name, never fetched.
BASE = "https://openkap.example/fhir"
FACT = f"{BASE}/CodeSystem/fact"
INSTRUMENT = f"{BASE}/CodeSystem/instrument"
ANSWER = f"{BASE}/CodeSystem/answer"


@dataclass(frozen=True, slots=True)
class Code:
    """
    A code in a system.

    Args:
        system: absolute address of the code system.
        code: the code, checked against the system's form where we know it.
        display: words for a reader; never used to decide.
    """

    system: str
    code: str
    display: str = ""

    def __post_init__(self) -> None:
        check = _FORMS.get(self.system)
        if check and not check(self.code):
            raise UserError(f"{self.code!r} is not a code of {self.system}: correct the code.")

    def same(self, other: Code) -> bool:
        return (self.system, self.code) == (other.system, other.code)


def _mod10(code: str) -> bool:
    """LOINC's Luhn check digit."""
    if not re.fullmatch(r"[0-9]{1,7}-[0-9]", code):
        return False
    digits = code[:-2]
    odd = str(int(digits[::-1][::2][::-1]) * 2)
    even = digits[::-1][1::2][::-1]
    total = sum(map(int, even + odd))
    return (10 - total % 10) % 10 == int(code[-1])


_VERHOEFF_D = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
_VERHOEFF_P = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
]


def _verhoeff(code: str) -> bool:
    """SNOMED CT's Verhoeff check digit."""
    if not re.fullmatch(r"[1-9][0-9]{5,17}", code):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _VERHOEFF_D[check][_VERHOEFF_P[place % 8][int(digit)]]
    return check == 0


_FORMS: dict[str, Callable[[str], object]] = {
    LOINC: _mod10,
    SNOMED: _verhoeff,
    ICD10CM: re.compile(r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?").fullmatch,
    RXNORM: re.compile(r"[0-9]{1,9}").fullmatch,
}
