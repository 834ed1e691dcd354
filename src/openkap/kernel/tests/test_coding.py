"""Codes check themselves. The examples are published codes; the mutants are made from them."""

import pytest

from openkap.kernel.coding import ICD10CM, LOINC, RXNORM, SNOMED, Code
from openkap.kernel.errors import UserError

GOOD = {
    LOINC: ["8480-6", "8462-4", "29463-7", "8302-2", "39156-5", "44249-1", "69737-5", "70274-6", "59284-0", "3016-3"],
    SNOMED: ["73211009", "22298006", "38341003", "197480006", "371631005", "404684003", "138875005"],
    ICD10CM: ["F41.1", "F411", "F41", "F40.01", "O99.345", "Z79.899", "T40.411A", "C7A.1"],
    RXNORM: ["6130", "2119365", "1"],
}


@pytest.mark.parametrize(("system", "code"), [(s, c) for s, codes in GOOD.items() for c in codes])
def test_a_published_code_is_taken(system: str, code: str):
    assert Code(system, code).code == code


@pytest.mark.hazard("HAZ-73", "C1")
@pytest.mark.parametrize(("system", "code"), [(s, c) for s in (LOINC, SNOMED) for c in GOOD[s]])
def test_each_single_wrong_digit_is_caught(system: str, code: str):
    for place, right in enumerate(code):
        for digit in "0123456789":
            if right not in ("-", digit):
                with pytest.raises(UserError, match="correct the code"):
                    Code(system, code[:place] + digit + code[place + 1 :])


@pytest.mark.parametrize("code", GOOD[SNOMED])
def test_two_neighbouring_digits_swapped_are_caught_in_snomed(code: str):
    for place in range(len(code) - 1):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        if swapped != code:
            with pytest.raises(UserError):
                Code(SNOMED, swapped)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (LOINC, "84806"),
        (LOINC, "٨٤٨٠-٦"),
        (LOINC, ""),
        (SNOMED, "073211009"),
        (SNOMED, "7321100"),
        (ICD10CM, "41.1"),
        (ICD10CM, "F41.12345"),
        (ICD10CM, "f41.1"),
        (ICD10CM, "F4"),
        (RXNORM, "abc"),
        (RXNORM, "1234567890"),
        (RXNORM, "٦١٣٠"),
    ],
)
def test_a_code_of_another_form_is_refused(system: str, code: str):
    with pytest.raises(UserError, match="is not a code of"):
        Code(system, code)


def test_a_code_of_an_unknown_system_is_kept_as_it_is():
    assert Code("https://lab.example/codes", "whatever 1").code == "whatever 1"


def test_the_same_code_in_another_system_is_another_code():
    assert Code(LOINC, "8480-6", "systolic").same(Code(LOINC, "8480-6", "Systolic blood pressure"))
    assert not Code(RXNORM, "6130").same(Code("https://lab.example/codes", "6130"))
