"""
Damaged bundles: no crash, no wrong patient, no unit or status accepted in silence (RG-21).

The oracle reads the damaged JSON by itself: it knows the convention's units, statuses and patient, and nothing of the
program's.
"""

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openkap.chart.fhir.reader import read_chart
from openkap.chart.types import Chart, Reading
from openkap.kernel.errors import UserError
from openkap.pathway import open_case, screen_case
from openkap.synthetic.case import Case, condition, medicine
from tests.fhir_cases import ICD10CM, LOINC, ON, medicine_list, pressure
from tests.fuzz.mutate import mutated

UCUM = "http://unitsofmeasure.org"
# The convention, section 3: what one unit is in the fact's own (lb and inch by definition).
FACTORS = {
    "systolic": {"mm[Hg]": "1"},
    "diastolic": {"mm[Hg]": "1"},
    "heart-rate": {"/min": "1", "{beats}/min": "1"},
    "respiratory-rate": {"/min": "1", "{beats}/min": "1"},
    "spo2": {"%": "1"},
    "weight": {"kg": "1", "g": "0.001", "[lb_av]": "0.45359237"},
    "height": {"cm": "1", "m": "100", "[in_i]": "2.54"},
    **{name: {"U/L": "1"} for name in ("alt", "ast", "alp", "ggt")},
    "bilirubin": {"mg/dL": "1", "mg/dl": "1", "umol/L": "1"},
    "tsh": {"m[IU]/L": "1", "u[IU]/mL": "1"},
    "ft4": {"ng/dL": "1", "pmol/L": "1"},
    "egfr": {"mL/min/{1.73_m2}": "1"},
    "qtc": {"ms": "1"},
}
COUNTS = {"final", "amended", "corrected"}
RAISES = {"registered", "preliminary"}
FORM_COUNTS, FORM_RAISES = {"completed", "amended"}, {"in-progress", "stopped"}
# A list's words alone may raise.
TAKEN = {"MedicationStatement": {"active", "intended", "on-hold"}, "MedicationRequest": {"active"}, "List": {"current"}}
# Units of the same kind that are not on the fact's list: what they come to may raise, and clears nothing.
RAISING = {
    "qtc": {"s": "1000", "min": "60000"},
    "weight": {"mg": "0.000001", "ug": "0.000000001"},
}


def whole_case() -> dict[str, Any]:
    """A case with some of everything that the import reads."""
    case = Case(ON, medicines=["sertraline 50 MG Oral Tablet", "diazepam 5 MG"], hcg="negative")
    case.instruments = {name: case.instruments[name] for name in ("gad-7", "phq-9")}
    bundle = case.bundle()
    subject = {"reference": "Patient/synthetic"}
    extra = [
        pressure(124, 80) | {"id": "panel", "subject": subject},
        condition("old", ICD10CM, "I21.9", ON) | {"onsetDateTime": "2019-02-03"},
        medicine("third", "lithium") | {"status": "stopped"},
        medicine_list("MedicationStatement/medicine-0", "MedicationStatement/medicine-1") | {"subject": subject},
    ]
    bundle["entry"] += [{"resource": resource} for resource in extra]
    return json.loads(json.dumps(bundle, default=float))


CASE = whole_case()


def read_or_refuse(document: Any) -> Chart | None:
    """The chart, or None where the bundle was refused in the proper way; any other error fails the test."""
    try:
        return read_chart(json.dumps(document).encode())
    except UserError:
        return None


def check(document: Any) -> Chart | None:
    chart = read_or_refuse(document)
    if chart is None:
        return None
    resources = _resources(document)
    patients = [r for r in resources if r["resourceType"] == "Patient"]
    told = {json.dumps({k: v for k, v in p.items() if k != "meta"}, sort_keys=True) for p in patients}
    assert len(told) == 1, "exactly one patient; copies of one record may differ in their meta"
    mine = f"Patient/{patients[0]['id']}" if isinstance(patients[0].get("id"), str) else None
    by_name: dict[str, list[Any]] = {}
    for resource in resources:
        by_name.setdefault(f"{resource['resourceType']}/{resource.get('id')}", []).append(resource)
    for rows in chart.readings.values():
        for reading in rows:
            _check_reading(reading, by_name.get(reading.source.split("#")[0], []), mine)
    for taken in chart.medicines:
        records = by_name.get(taken.source, [])
        if len(records) == 1 and taken.standing == "current":
            _check_source(records[0], mine)
            assert records[0]["status"] in TAKEN[records[0]["resourceType"]]
    return chart


def _resources(document: Any) -> list[Any]:
    return [
        e["resource"]
        for e in document["entry"]
        if isinstance(e, dict)
        and not e.get("modifierExtension")
        and isinstance(e.get("resource"), dict)
        and isinstance(e["resource"].get("resourceType"), str)
    ]


def _check_source(record: Any, mine: str | None) -> None:
    """It is about this patient and nothing may turn its meaning round."""
    said = [one for key in ("subject", "patient") for one in _listed(record.get(key)) if isinstance(one, dict)]
    literal = [one["reference"] for one in said if isinstance(one.get("reference"), str)]
    assert literal, "a record without a subject is not read"
    if mine:
        tails = {"/".join(r.split("/_history/")[0].split("/")[-2:]) for r in literal}
        assert tails == {mine}, "the wrong patient"
    assert not record.get("implicitRules")
    assert not any(_modifiers(record)), "a modifier that nobody understands"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _modifiers(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [v for k, v in node.items() if k == "modifierExtension" and v] + [
            m for v in node.values() for m in _modifiers(v)
        ]
    return [m for v in node for m in _modifiers(v)] if isinstance(node, list) else []


def _check_reading(reading: Reading, records: list[Any], mine: str | None) -> None:
    if len(records) != 1:  # two versions of one record, or a record without an id
        assert reading.standing == "disputed" or not records or all(r == records[0] for r in records)
        return
    record = records[0]
    if record["resourceType"] == "Patient":  # a birth date that cannot be: the age is not known, and nothing else
        assert (reading.fact, reading.standing) == ("birth-date", "unreadable")
        return
    _check_source(record, mine)
    kind, status = record["resourceType"], record.get("status")
    if kind == "Observation":
        assert status in COUNTS | RAISES
        assert reading.standing != "final" or status in COUNTS, "a preliminary result counts for nothing final"
        if isinstance(reading.value, Decimal) and reading.fact in FACTORS:
            assert any(_is(reading, q) for q in _quantities(record)), f"{reading.fact} {reading.value} from nowhere"
    elif kind == "QuestionnaireResponse":
        assert status in FORM_COUNTS | FORM_RAISES
        assert reading.standing != "final" or status in FORM_COUNTS
    elif kind == "Condition" and reading.value is True and reading.standing == "final":
        assert _codes(record.get("verificationStatus")) in (None, {"confirmed"})
        if reading.stands_now:
            assert _codes(record.get("clinicalStatus")) in (None, {"active"}, {"recurrence"}, {"relapse"})
    elif kind == "Consent" and reading.value == "signed":
        assert status == "active"


def _codes(concept: Any) -> set[str] | None:
    return None if concept is None else {str(c.get("code")) for c in concept["coding"]}


def _quantities(record: Any) -> list[Any]:
    parts = [record, *(p for p in record.get("component") or [] if isinstance(p, dict))]
    return [p["valueQuantity"] for p in parts if isinstance(p.get("valueQuantity"), dict)]


def _is(reading: Reading, quantity: Any) -> bool:
    known = FACTORS[reading.fact] | (RAISING.get(reading.fact, {}) if reading.standing == "tentative" else {})
    factor = known.get(str(quantity.get("code")))
    amount = quantity.get("value")
    if factor is None or quantity.get("system") != UCUM or quantity.get("comparator"):
        return False
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        return False
    return Decimal(str(amount)) * Decimal(factor) == reading.value


@pytest.mark.goal("RG-21")
@pytest.mark.hazard("HAZ-06", "C2")
@pytest.mark.hazard("HAZ-73", "C1")
@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize("part", range(4))
def test_damaged_bundles_are_refused_or_read_without_a_wrong_patient_unit_or_status(part, seed, count):
    read = 0
    for number in range(count(100_000) // 4):
        draw = random.Random(f"{seed}-{part}-{number}")
        document = mutated(CASE, draw, draw.choice([1, 1, 2, 4, 12]))
        try:
            read += check(document) is not None
        except Exception as fault:
            raise AssertionError(f"case {seed}-{part}-{number}: {fault!r}") from fault
    assert read > 10, "the damage must leave something to read"


@pytest.mark.goal("RG-21")
def test_damaged_bundles_go_through_screening_without_a_crash(seed, count):
    for number in range(count(5_000)):
        draw = random.Random(f"{seed}-screen-{number}")
        document = mutated(CASE, draw, draw.choice([1, 3, 8]))
        try:
            screen_case(open_case(json.dumps(document).encode(), ON))
        except UserError:
            continue
        except Exception as fault:
            raise AssertionError(f"case {seed}-screen-{number}: {fault!r}") from fault


@pytest.mark.goal("RG-21")
def test_damaged_bytes_are_refused_or_read(seed, count):
    data = json.dumps(CASE).encode()
    for number in range(count(20_000)):
        draw = random.Random(f"{seed}-bytes-{number}")
        damaged = bytearray(data)
        for _ in range(draw.choice([1, 1, 3, 20])):
            place = draw.randrange(len(damaged))
            damaged[place : place + draw.choice([0, 1, 1, 5])] = draw.choice(
                [b"", b"\x00", b"\xff", b'"', b"{", b"]", b"1e999999999", b"NaN"]
            )
        try:
            read_chart(bytes(damaged))
        except UserError:
            continue
        except Exception as fault:
            raise AssertionError(f"case {seed}-bytes-{number}: {fault!r}") from fault


# -- by hypothesis: any value in any place ---------------------------------------------------------

LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
KEYS = sorted({key for resource in _resources(CASE) for key in resource})


@pytest.mark.goal("RG-21")
@given(st.sampled_from(range(len(CASE["entry"]))), st.sampled_from(KEYS), ANYTHING)
def test_any_value_of_any_element_is_refused_or_read(place, key, anything):
    document = json.loads(json.dumps(CASE))
    document["entry"][place]["resource"][key] = anything
    check(document)


@pytest.mark.goal("RG-21")
@given(
    st.sampled_from([e for e in CASE["entry"] if "valueQuantity" in e["resource"]]),
    ANYTHING,
    ANYTHING,
    ANYTHING,
    st.text(max_size=12),
)
def test_any_quantity_is_refused_or_exactly_its_own(entry, value, code, system, unit):
    for quantity in (
        {"value": value, "code": entry["resource"]["valueQuantity"]["code"], "system": UCUM, "unit": unit},
        {"value": 70, "code": code, "system": UCUM, "unit": unit},
        {"value": 70, "code": unit, "system": UCUM},
        {"value": 70, "code": entry["resource"]["valueQuantity"]["code"], "system": system},
    ):
        document = {"resourceType": "Bundle", "type": "collection", "entry": [CASE["entry"][0]]}
        document["entry"] = [CASE["entry"][0], {"resource": entry["resource"] | {"valueQuantity": quantity}}]
        check(document)


@pytest.mark.goal("RG-21")
@given(
    st.text(max_size=12),
    st.sampled_from(["Observation", "Condition", "MedicationStatement", "QuestionnaireResponse", "Consent"]),
)
def test_any_status_is_read_only_where_the_convention_names_it(status, kind):
    document = json.loads(json.dumps(CASE))
    for entry in document["entry"]:
        if entry["resource"]["resourceType"] == kind:
            entry["resource"]["status"] = status
    check(document)


def test_the_oracle_would_see_a_wrong_unit_a_wrong_status_and_a_wrong_patient():
    weight = next(e["resource"] for e in CASE["entry"] if e["resource"].get("id") == "weight-0")
    assert weight["code"]["coding"][0]["system"] == LOINC
    reading = next(r for r in read_chart(json.dumps(CASE).encode()).readings["weight"])
    _check_reading(reading, [weight], "Patient/synthetic")
    for wrong in (
        weight | {"valueQuantity": weight["valueQuantity"] | {"code": "[lb_av]"}},
        weight | {"status": "preliminary"},
        weight | {"status": "entered-in-error"},
        weight | {"subject": {"reference": "Patient/other"}},
        weight | {"modifierExtension": [{"url": "http://a"}]},
    ):
        with pytest.raises(AssertionError):
            _check_reading(reading, [wrong], "Patient/synthetic")
