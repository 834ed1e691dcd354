"""Signs that a record is another person's or out of use, birth dates that cannot be, and names that steer a page."""

import pytest

from openkap.chart.fhir.reader import BIRTH_SEX, PRONOUNS, pronouns
from openkap.chart.view import View
from openkap.kernel.plain import without_direction_marks
from openkap.pathway import open_chart
from tests.fhir_cases import (
    LOINC,
    NEGATIVE,
    ON,
    POSITIVE,
    SNOMED,
    concept,
    listed,
    observation,
    patient,
    read,
    statement,
    view,
)


@pytest.mark.parametrize("born", ["2027-11-25", "2026-11-26", "2027", "1899-12-31", "1850", "0001-01-01"])
def test_a_birth_date_that_cannot_be_gives_no_age_and_says_why(born):
    chart = read(who=patient(birthDate=born))
    age = View(chart, ON).state("age")
    assert (age.status, age.value, age.missing) == ("unknown", None, ("birth-date",))
    assert born in age.reason and "correct" in age.reason
    assert born in "\n".join(u.reason for u in open_chart(chart, ON).unmapped)


@pytest.mark.parametrize(("born", "age"), [("1900-01-01", 126), ("2026-11-25", 0), ("1988-06-14", 38)])
def test_a_birth_date_that_can_be_gives_the_age(born, age):
    assert view(who=patient(birthDate=born)).state("age").value == age


def test_a_birth_year_that_has_begun_gives_no_age_below_nought():
    assert view(who=patient(birthDate="2026")).state("age").value == 0


def test_a_record_out_of_use_is_read_and_said_to_be_so():
    links = [{"type": kind, "other": {"reference": f"Patient/{kind}"}} for kind in ("replaced-by", "refer", "seealso")]
    chart = read(who=patient(active=False, link=links))
    doubts = [u.reason for u in chart.unmapped if u.whose]
    assert len(doubts) == 3 and "not active" in doubts[0]
    assert "Patient/replaced-by" in doubts[1] and "Patient/refer" in doubts[2]
    assert not [u for u in read(who=patient(active=True)).unmapped if u.whose]


@pytest.mark.parametrize(("sex", "result", "doubts"), [("M", POSITIVE, 1), ("M", NEGATIVE, 0), ("F", POSITIVE, 0)])
def test_a_positive_pregnancy_test_in_a_man_s_record_is_listed(sex, result, doubts):
    who = patient(extension=[{"url": BIRTH_SEX, "valueCode": sex}])
    test = observation(LOINC, "2106-3", valueCodeableConcept=concept(SNOMED, result))
    chart = read(test, who=who)
    assert len([u for u in chart.unmapped if u.whose]) == doubts
    assert ("birth sex M" in listed(chart)) is bool(doubts)


# -- direction ------------------------------------------------------------------------------------------

CONTROLS = [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]


@pytest.mark.parametrize("control", CONTROLS)
def test_no_control_of_direction_reaches_a_name_or_a_text(control):
    name = f"Ida {control}Konijn"
    chart = read(
        statement(f"{control}sertraline 50 mg"),
        statement(f"{control}unheard-of", id="n"),
        who=patient(name=[{"text": name}]),
    )
    assert chart.patient.name == "Ida Konijn"
    assert control not in "".join([*(m.text for m in chart.medicines), *(u.text or "" for u in chart.unmapped)])
    family = read(who=patient(name=[{"family": f"Konijn{control}", "given": ["Ida"]}])).patient.name
    assert family == "Ida Konijn"


def test_marks_that_belong_to_a_name_stay():
    assert without_direction_marks("\u200fعبد الله") == "\u200fعبد الله"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([{"text": "they/them"}], "they/them"),
        ([{"coding": [{"system": "http://loinc.org", "code": "LA29519-8", "display": "she/her"}]}], "she/her"),
        ([{"text": "she/her"}, {"text": "they/them"}], ""),  # several: somebody asks
        ([{"text": "she/her"}, {"text": "she/her"}], "she/her"),
        (["she"], ""),
        ([{}], ""),
        ([], ""),
    ],
)
def test_pronouns_are_read_from_their_extension_where_it_says_one_thing(values, said):
    parts = [{"url": PRONOUNS, "extension": [{"url": "value", "valueCodeableConcept": value}]} for value in values]
    assert pronouns(patient(extension=parts)) == said
