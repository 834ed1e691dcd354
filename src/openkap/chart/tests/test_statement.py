"""What a clinician states about a fact is read back as that, for every fact of the vocabulary."""

from datetime import date
from decimal import Decimal

import pytest

from openkap.chart.fhir.reader import read_chart
from openkap.chart.fhir.statement import Author, can_state, statement
from openkap.chart.view import View
from openkap.chart.vocabulary import Fact, facts
from openkap.kernel import r4
from openkap.kernel.clock import When
from openkap.kernel.errors import UserError

ON = date(2026, 11, 25)
WHO = Author("0b6c", "Dr Ines Varga")
STATED = [fact for fact in facts().values() if can_state(fact)]


def example(fact: Fact):
    """A value of the fact that differs from what a missing answer would give."""
    if fact.repeats:
        return tuple(fact.options[:2])
    if fact.options:
        return fact.options[-1]
    if fact.is_yes_no:
        return True
    if fact.kind == "date":
        return date(2026, 11, 20)
    if fact.kind == "result":
        return "negative"
    least = fact.least if fact.least is not None else Decimal(2)
    return min(least + 2, fact.most) if fact.most is not None else least + 2


def read(resource: dict, on: date = ON):
    person = {"resourceType": "Patient", "id": "p", "birthDate": "1988-04-02"}
    entries = [{"resource": person}, {"resource": resource | {"id": "s"}}]
    return read_chart({"resourceType": "Bundle", "type": "collection", "entry": entries})


@pytest.mark.parametrize("fact", STATED, ids=[fact.id for fact in STATED])
def test_a_stated_fact_is_read_back(fact: Fact):
    value = example(fact)
    resource = statement("p", fact.id, value, ON, WHO)
    assert r4.faults(resource | {"id": "s"}) == []
    rows = read(resource).readings.get(fact.id, ())
    (row,) = rows
    assert row.standing == "final"
    said = row.value
    if isinstance(said, When):
        assert said.earliest == value
    elif fact.kind == "result":
        assert said in (False, "negative")
    else:
        assert said == value


@pytest.mark.parametrize("fact", [f for f in STATED if f.is_yes_no], ids=lambda fact: fact.id)
def test_a_denied_fact_is_read_back_as_asked_and_denied(fact: Fact):
    chart = read(statement("p", fact.id, False, ON, WHO))
    assert View(chart, ON).state(fact.id).status == "absent"


def test_a_result_carries_the_limits_of_its_laboratory():
    resource = statement("p", "alt", Decimal(30), ON, WHO, upper_limit=Decimal(40))
    assert resource["referenceRange"] == [
        {"high": {"value": Decimal(40), "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"}}
    ]


@pytest.mark.hazard("HAZ-02", "C1")
@pytest.mark.parametrize(
    ("name", "value", "unit", "said"),
    [
        ("weight", Decimal(70), "[stone_av]", "no unit of it"),
        ("weight", Decimal(5000), "kg", "above what is possible"),
        ("weight", True, "kg", "give a number"),
        ("escort", "perhaps", "", "choose one of"),
        ("aneurysm", "yes", "", "answer yes or no"),
        ("hcg", "maybe", "", "positive or negative"),
        ("gad", "yes", "", "answer yes or no"),
        ("consent", "perhaps", "", "choose one of signed"),
        ("interview-modules", ("gad", "nonsense"), "", "choose one of"),
        ("birth-date", ON, "", "cannot be stated"),
        ("nonsense", True, "", "cannot be stated"),
    ],
)
def test_what_does_not_answer_the_fact_is_refused_with_the_remedy(name, value, unit, said):
    with pytest.raises(UserError, match=said):
        statement("p", name, value, ON, WHO, unit=unit)
