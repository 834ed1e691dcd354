"""Measurements and results: what is not exactly a number in an allowed unit is unknown, and listed."""

from datetime import timedelta, timezone
from decimal import Decimal

import pytest

from openkap.chart.fhir.reader import read_chart
from openkap.chart.view import View
from tests.fhir_cases import (
    ANSWER,
    BASE,
    FACT,
    INSTRUMENT,
    LOINC,
    NEGATIVE,
    ON,
    POSITIVE,
    SNOMED,
    SUBJECT,
    UCUM,
    bundle,
    concept,
    listed,
    measured,
    observation,
    pressure,
    quantity,
    read,
    state,
    view,
    without,
)

# -- status ----------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_a_final_status_counts(status):
    assert state("weight", measured("29463-7", 70, "kg", status=status)).value == 70


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize("status", ["registered", "preliminary"])
def test_a_preliminary_result_is_seen_only_by_the_view_that_raises(status):
    result = measured("29463-7", 70, "kg", status=status)
    assert state("weight", result).status == "unknown"
    assert state("weight", result, tentative=True).value == 70


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "unknown", "Final", "", None, 7, ["final"], {}])
def test_any_other_status_is_not_read_and_is_listed(status):
    chart = read(measured("29463-7", 70, "kg", status=status))
    assert "weight" not in chart.readings and "is not read" in listed(chart)


# -- units -----------------------------------------------------------------------------------------

# The convention's table of section 3: LOINC, a value in an allowed UCUM unit, the value in the fact's own unit.
# Conversions by hand: 1 lb = 0.45359237 kg, 1 in = 2.54 cm.
ALLOWED = [
    ("systolic", "8480-6", "120", "mm[Hg]", "120"),
    ("diastolic", "8462-4", "80", "mm[Hg]", "80"),
    ("heart-rate", "8867-4", "72", "/min", "72"),
    ("heart-rate", "8867-4", "72", "{beats}/min", "72"),
    ("heart-rate", "8867-4", "72", "/min{beats}", "72"),
    ("heart-rate", "8867-4", "72", "1/min", "72"),
    ("heart-rate", "8867-4", "72", "min-1", "72"),
    ("respiratory-rate", "9279-1", "14", "/min", "14"),
    ("respiratory-rate", "9279-1", "14", "{breaths}/min", "14"),
    ("spo2", "59408-5", "98", "%", "98"),
    ("spo2", "2708-6", "98", "%", "98"),
    ("weight", "29463-7", "70", "kg", "70"),
    ("weight", "3141-9", "70000", "g", "70"),
    ("weight", "29463-7", "220", "[lb_av]", "99.7903214"),
    ("height", "8302-2", "170", "cm", "170"),
    ("height", "8302-2", "1.7", "m", "170"),
    ("height", "8302-2", "70", "[in_i]", "177.8"),
    ("alt", "1742-6", "22", "U/L", "22"),
    ("ast", "1920-8", "22", "U/L", "22"),
    ("alp", "6768-6", "70", "U/l", "70"),
    ("ggt", "2324-2", "18", "U/L", "18"),
    ("bilirubin", "1975-2", "0.6", "mg/dL", "0.6"),
    ("bilirubin", "1975-2", "0.6", "mg/dl", "0.6"),
    ("bilirubin", "14631-6", "10", "umol/L", "10"),
    ("tsh", "3016-3", "2", "m[IU]/L", "2"),
    ("tsh", "3016-3", "2", "u[IU]/mL", "2"),
    ("tsh", "3016-3", "2", "u[iU]/ml", "2"),
    ("ft4", "3024-7", "1.2", "ng/dL", "1.2"),
    ("ft4", "14920-3", "15", "pmol/L", "15"),
    ("egfr", "98979-8", "95", "mL/min/{1.73_m2}", "95"),
    ("egfr", "62238-1", "95", "mL/min/{1.73_m2}", "95"),
    ("egfr", "33914-3", "95", "ml/min/{1.73_m2}", "95"),
    ("qtc", "8636-3", "410", "ms", "410"),
]


@pytest.mark.hazard("HAZ-73", "C1")
@pytest.mark.parametrize(("fact", "loinc", "value", "unit", "expected"), ALLOWED)
def test_every_code_and_unit_of_the_convention_is_read_exactly(fact, loinc, value, unit, expected):
    assert state(fact, measured(loinc, Decimal(value), unit)).value == Decimal(expected)


@pytest.mark.hazard("HAZ-07", "C3")
@pytest.mark.hazard("HAZ-73", "C1")
@pytest.mark.parametrize(
    ("fact", "loinc", "amount"),
    [
        ("weight", "29463-7", quantity(11, "[stone_av]")),
        ("weight", "29463-7", {"value": 154, "unit": "lb"}),
        ("weight", "29463-7", {"value": 70, "unit": "kg"}),
        ("weight", "29463-7", quantity(154, "lb")),
        ("weight", "29463-7", quantity(154, "[lb_tr]")),
        ("weight", "29463-7", quantity(70, "Kg")),
        ("weight", "29463-7", quantity(70, "KG")),
        ("weight", "29463-7", quantity(70, "kg/m2")),
        ("weight", "29463-7", quantity(70, "")),
        ("weight", "29463-7", quantity(70, "1")),
        ("weight", "29463-7", {"value": 70, "code": "kg"}),
        ("weight", "29463-7", {"value": 70, "code": "kg", "system": "http://snomed.info/sct"}),
        ("weight", "29463-7", {"value": 70}),
        ("weight", "29463-7", quantity("70", "kg")),
        ("weight", "29463-7", quantity(True, "kg")),
        ("weight", "29463-7", quantity(None, "kg")),
        ("weight", "29463-7", {"system": UCUM, "code": "kg"}),
        ("weight", "29463-7", quantity(70, "kg", comparator="<")),
        ("weight", "29463-7", quantity(Decimal("7E+999999999"), "kg")),
        ("weight", "29463-7", quantity(Decimal("7E-999999999"), "kg")),
        ("weight", "29463-7", quantity(float("nan"), "kg")),
        ("weight", "29463-7", quantity(float("inf"), "kg")),
        ("weight", "29463-7", []),
        ("weight", "29463-7", "70 kg"),
        ("systolic", "8480-6", {"value": 120, "unit": "mmHg"}),
        ("systolic", "8480-6", quantity(120, "mmHg")),
        ("systolic", "8480-6", quantity(16, "kPa")),
        ("systolic", "8480-6", quantity(120, "mm[hg]")),
        ("systolic", "8480-6", quantity(12, "cm[H2O]")),
        ("heart-rate", "8867-4", quantity(72, "Hz")),
        ("heart-rate", "8867-4", quantity(72, "bpm")),
        ("heart-rate", "8867-4", quantity(72, "/s")),
        ("height", "8302-2", quantity(6, "[ft_i]")),
        ("height", "8302-2", quantity(1700, "mm")),
        ("bilirubin", "1975-2", quantity(6, "mg/L")),
        ("alt", "1742-6", quantity(1, "ukat/L")),
        ("tsh", "3016-3", quantity(2, "mU/L")),
        ("egfr", "98979-8", quantity(95, "mL/min")),
        ("qtc", "8636-3", quantity(Decimal("0.41"), "s")),
        ("spo2", "59408-5", quantity(Decimal("0.98"), "1")),
    ],
)
def test_any_other_unit_is_unknown_listed_and_never_a_number(fact, loinc, amount):
    result = observation(LOINC, loinc, valueQuantity=amount)
    found = state(fact, result)
    assert (found.status, found.value) == ("unknown", None)
    assert "Observation/o" in listed(read(result))


@pytest.mark.hazard("HAZ-39", "C1")
@pytest.mark.parametrize(
    ("loinc", "value", "unit"),
    [
        ("29463-7", 0, "kg"),
        ("29463-7", -70, "kg"),
        ("29463-7", 7000, "kg"),
        ("8302-2", 1.7, "cm"),
        ("8302-2", 0, "m"),
        ("59408-5", 980, "%"),
        ("59408-5", 0, "%"),
        ("8867-4", 7200, "/min"),
        ("8480-6", 1200, "mm[Hg]"),
        ("8480-6", 0, "mm[Hg]"),
        ("1742-6", -1, "U/L"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_bounds(loinc, value, unit):
    chart = read(measured(loinc, value, unit))
    assert all(r.value is None for rows in chart.readings.values() for r in rows)
    assert "cannot be: give a value between" in listed(chart)


@pytest.mark.hazard("HAZ-07", "C1")
def test_pounds_and_their_kilograms_are_one_weight():
    pounds = state("weight", measured("29463-7", 220, "[lb_av]"))
    kilograms = state("weight", measured("29463-7", Decimal("99.7903214"), "kg"))
    assert (pounds.value, pounds.unit) == (kilograms.value, kilograms.unit)


# -- other ways of having no value -----------------------------------------------------------------


@pytest.mark.parametrize("reason", ["asked-declined", "not-performed", "unknown", "error"])
def test_an_absent_value_is_unknown_with_its_reason(reason):
    absent = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", reason)
    result = without(measured("29463-7", 70, "kg", dataAbsentReason=absent), "valueQuantity")
    assert reason in state("weight", result).reason


def test_a_value_beside_a_reason_for_its_absence_is_not_used():
    absent = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "error")
    assert state("weight", measured("29463-7", 70, "kg", dataAbsentReason=absent)).status == "unknown"


def test_two_values_together_are_not_used():
    result = measured("29463-7", 70, "kg", valueString="70")
    assert "stand together" in state("weight", result).reason


@pytest.mark.parametrize(
    "value", [{"valueString": "70 kg"}, {"valueInteger": 70}, {"valueRange": {}}, {}, {"valueQuantity": None}]
)
def test_another_kind_of_value_is_unknown(value):
    assert state("weight", observation(LOINC, "29463-7", **value)).status == "unknown"


# -- codes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "coded",
    [
        concept("urn:oid:2.16.840.1.113883.6.1", "29463-7"),
        {"coding": [{"system": "http://a", "code": "x"}, {"system": LOINC, "code": "29463-7"}]},
        {"coding": [{"system": LOINC, "code": "29463-7"}, {"system": LOINC, "code": "3141-9"}]},
        {"coding": [{"system": LOINC, "code": " 29463-7 "}]},
        {"coding": [None, 7, {"system": LOINC, "code": "29463-7"}], "text": "anything"},
    ],
)
def test_a_code_is_found_among_others_and_by_the_oid_of_its_system(coded):
    assert state("weight", measured("29463-7", 70, "kg", code=coded)).value == 70


@pytest.mark.parametrize(
    "coded",
    [
        {"text": "Body weight"},
        {"coding": [{"code": "29463-7"}]},
        {"coding": [{"system": "http://loinc.org/", "code": "29463-7"}]},
        {"coding": [{"system": SNOMED, "code": "29463-7"}]},
        {"coding": [{"system": LOINC, "display": "Body weight"}]},
        {"coding": [{"system": LOINC, "code": "29463-8"}]},
        {"coding": {"system": LOINC, "code": "29463-7"}},
        "29463-7",
        None,
    ],
)
def test_words_a_missing_system_or_an_unknown_one_are_listed_and_not_read(coded):
    chart = read(measured("29463-7", 70, "kg", code=coded))
    assert not chart.readings and "no code of it is in the vocabulary" in listed(chart)


def test_codes_that_mean_two_facts_are_refused():
    both = {"coding": [{"system": LOINC, "code": "29463-7"}, {"system": LOINC, "code": "8302-2"}]}
    chart = read(measured("29463-7", 70, "kg", code=both))
    assert not chart.readings and "different facts" in listed(chart)


# -- components and pressure -----------------------------------------------------------------------


def test_the_components_of_a_panel_are_read():
    chart = view(pressure(122, 78))
    assert (chart.state("systolic").value, chart.state("diastolic").value) == (122, 78)


def test_a_component_without_a_value_leaves_the_other_one():
    panel = pressure(122, 78)
    panel["component"][1] = without(panel["component"][1], "valueQuantity")
    chart = view(panel)
    assert chart.state("systolic").value == 122 and chart.state("diastolic").status == "unknown"


@pytest.mark.hazard("HAZ-39", "C1")
@pytest.mark.parametrize(("systolic", "diastolic"), [(78, 122), (100, 100)])
def test_a_swapped_pair_is_unreadable_and_listed(systolic, diastolic):
    chart = view(pressure(systolic, diastolic))
    assert chart.state("systolic").status == chart.state("diastolic").status == "unknown"
    assert f"systolic {systolic} is not above diastolic {diastolic}: measure again" in listed(chart.chart)


@pytest.mark.parametrize("component", ["x", {}, [None], [7], [{}]])
def test_misshapen_components_are_listed_and_not_a_crash(component):
    assert "Observation/o" in listed(read(without(pressure(1, 2), "component") | {"component": component}))


def test_the_mean_takes_every_fresh_reading_of_two_days():
    readings = [pressure(150, 90, "2026-11-20"), pressure(130, 80, "2026-11-10"), pressure(131, 82, "2026-11-10")]
    chart = view(*({**r, "id": f"o{n}"} for n, r in enumerate(readings)))
    assert chart.state("systolic-mean").value == Decimal("137")
    assert chart.state("diastolic-mean").value == Decimal("84")


@pytest.mark.parametrize(
    "days", [["2026-11-20"], ["2026-11-20", "2026-11-20"], ["2026-11-20", "2026-10-25"], ["2026-11-20", "2026-11"]]
)
def test_readings_of_one_day_or_beyond_the_look_back_make_no_mean(days):
    chart = view(*({**pressure(150, 90, day), "id": f"o{n}"} for n, day in enumerate(days)))
    assert chart.state("systolic-mean").status == "unknown"


# -- dates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ({"effectiveDateTime": "2026-11-20T23:30:00-05:00"}, "2026-11-20"),
        ({"effectiveInstant": "2026-11-20T10:00:00.123Z"}, "2026-11-20"),
        ({"effectivePeriod": {"start": "2026-11-01", "end": "2026-11-18"}}, "2026-11-18"),
        ({"effectivePeriod": {"start": "2026-11-01"}, "issued": "2026-11-19T08:00:00Z"}, "2026-11-19"),
        ({"issued": "2026-11-19T08:00:00Z"}, "2026-11-19"),
        ({"effectiveDateTime": "2026-11"}, "2026-11-01"),
    ],
)
def test_the_date_is_the_effective_time_the_end_of_a_period_or_the_time_of_issue(dates, day):
    found = state("weight", without(measured("29463-7", 70, "kg"), "effectiveDateTime") | dates)
    assert found.when is not None and found.when.earliest.isoformat() == day


def test_no_date_is_stale():
    found = state("weight", without(measured("29463-7", 70, "kg"), "effectiveDateTime"))
    assert found.status == "stale" and "without a date" in found.reason


@pytest.mark.parametrize(
    "date",
    ["20.11.2026", "2026-13-01", "2026-02-30", "26-11-20", "", "yesterday", 20261120, {}, "2026-11-20T25:00:00Z"],
)
def test_what_is_no_date_is_listed_and_its_value_not_used(date):
    chart = read(measured("29463-7", 70, "kg", effectiveDateTime=date))
    assert "weight" not in chart.readings and "date:" in listed(chart)


def test_two_dates_together_are_not_used():
    chart = read(measured("29463-7", 70, "kg", effectiveInstant="2026-11-20T10:00:00Z"))
    assert "weight" not in chart.readings and "stand together" in listed(chart)


def test_a_date_after_the_day_of_decision_is_not_used_and_listed():
    chart = view(measured("29463-7", 70, "kg", effectiveDateTime="2093-11-20"))
    assert chart.state("weight").status == "unknown"
    assert "after 2026-11-25" in chart.from_the_future()[0].reason


@pytest.mark.hazard("HAZ-56", "C1")
def test_an_instant_gets_its_day_from_the_calendar_that_is_asked_for():
    document = bundle(measured("29463-7", 70, "kg", effectiveDateTime="2026-11-25T23:30:00-05:00"))
    written = View(read_chart(document), ON).state("weight")
    assert written.value == 70, "without a zone, the day on the wall where it was recorded"
    elsewhere = View(read_chart(document, timezone(timedelta(hours=9))), ON).state("weight")
    assert elsewhere.status == "unknown", "in Tokyo that is the 26th, after the day of decision"


# -- who measured ----------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-08", "C1")
@pytest.mark.parametrize(
    "result",
    [
        measured("3142-7", 70, "kg"),
        measured("29463-7", 70, "kg", performer=[SUBJECT]),
        measured("29463-7", 70, "kg", performer=[{"reference": "Practitioner/d"}, SUBJECT]),
        measured("29463-7", 70, "kg", performer=[{"reference": "http://a/Patient/p/_history/1"}]),
    ],
)
def test_a_stated_weight_is_never_a_measured_one(result):
    assert state("weight", result).status == "unknown"
    assert "weigh on a scale" in listed(read(result))


def test_a_weight_that_a_clinician_measured_counts():
    assert state("weight", measured("29463-7", 70, "kg", performer=[{"reference": "Practitioner/d"}])).value == 70


# -- limits of normal ------------------------------------------------------------------------------


def result_with(**more):
    return measured("1742-6", 60, "U/L", **more)


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ({"referenceRange": [{"high": quantity(40, "U/L")}]}, Decimal("1.5")),
        ({"referenceRange": [{"high": {"value": 40}}]}, Decimal("1.5")),
        ({"referenceRange": [{"low": {"value": 5}, "high": {"value": 40}}]}, Decimal("1.5")),
        ({"referenceRange": [{"high": {"value": 40}}, {"high": {"value": 40}}]}, Decimal("1.5")),
    ],
)
def test_a_result_is_set_against_its_own_upper_limit(more, times):
    assert state("alt-times-uln", result_with(**more)).value == times


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"referenceRange": []},
        {"referenceRange": [{"text": "below 40"}]},
        {"referenceRange": [{"high": quantity(40, "ukat/L")}]},
        {"referenceRange": [{"high": {"value": 40, "unit": "ukat/L"}}]},
        {"referenceRange": [{"high": quantity(40, "U/L", comparator="<")}]},
        {"referenceRange": [{"high": {"value": 40}}, {"high": {"value": 120}}]},
        {"referenceRange": [{"high": {"value": 40}, "type": {"coding": [{"code": "therapeutic"}]}}]},
        {"referenceRange": [{"low": {"value": 5}}]},
        {"interpretation": [{"coding": [{"code": "H"}]}]},
        {"interpretation": [{"coding": [{"code": "N"}]}, {"coding": [{"code": "H"}]}]},
    ],
)
def test_without_a_clear_upper_limit_the_multiple_is_unknown(more):
    assert state("alt-times-uln", result_with(**more)).status == "unknown"


@pytest.mark.parametrize("letter", ["N", "L"])
def test_without_a_limit_a_normal_or_low_liver_test_is_not_raised(letter):
    found = state("alt-times-uln", result_with(interpretation=[{"coding": [{"code": letter}]}]))
    assert found.status == "known" and found.value.high <= 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "more", "level"),
    [
        (Decimal("0.01"), {"referenceRange": [{"low": {"value": Decimal("0.4")}, "high": {"value": 4}}]}, "suppressed"),
        (Decimal("0.4"), {"referenceRange": [{"low": {"value": Decimal("0.4")}, "high": {"value": 4}}]}, "in-range"),
        (4, {"referenceRange": [{"low": {"value": Decimal("0.4")}, "high": {"value": 4}}]}, "in-range"),
        (Decimal("4.1"), {"referenceRange": [{"low": {"value": Decimal("0.4")}, "high": {"value": 4}}]}, "raised"),
        (2, {"interpretation": [{"coding": [{"code": "N"}]}]}, "in-range"),
        (2, {"interpretation": [{"coding": [{"code": "L"}]}]}, "suppressed"),
        (2, {"referenceRange": [{"high": {"value": 4}}]}, None),
        (2, {}, None),
    ],
)
def test_a_hormone_is_suppressed_in_range_or_raised_by_its_own_range(value, more, level):
    assert state("tsh-level", measured("3016-3", value, "m[IU]/L", **more)).value == level


# -- coded results ---------------------------------------------------------------------------------


@pytest.mark.parametrize("loinc", ["2106-3", "2118-8"])
@pytest.mark.parametrize(
    ("system", "code", "status"),
    [
        (SNOMED, NEGATIVE, "absent"),
        (LOINC, "LA6577-6", "absent"),
        (SNOMED, POSITIVE, "known"),
        (LOINC, "LA6576-8", "known"),
        (SNOMED, "82334004", "unknown"),
        ("http://a", NEGATIVE, "unknown"),
        (SNOMED, "negative", "unknown"),
    ],
)
def test_a_pregnancy_test_is_positive_or_negative_by_code_and_else_unknown(loinc, system, code, status):
    assert state("hcg", observation(LOINC, loinc, valueCodeableConcept=concept(system, code))).status == status


def test_a_result_in_words_or_with_both_codes_is_unknown():
    words = observation(LOINC, "2106-3", valueString="negative")
    both = {"coding": [{"system": SNOMED, "code": NEGATIVE}, {"system": SNOMED, "code": POSITIVE}]}
    assert state("hcg", words).status == state("hcg", observation(LOINC, "2106-3", valueCodeableConcept=both)).status
    assert state("hcg", words).status == "unknown"


def drug_screen(results, **more):
    parts = [
        {"code": concept(FACT, substance), **({"valueCodeableConcept": concept(SNOMED, code)} if code else {})}
        for substance, code in results
    ]
    return observation(FACT, "urine-drug-screen", component=parts, **more)


@pytest.mark.parametrize(
    ("results", "more", "value"),
    [
        ([("cocaine", NEGATIVE), ("opioid", NEGATIVE)], {}, "negative"),
        ([("cocaine", NEGATIVE), ("opioid", POSITIVE)], {}, "positive"),
        ([("cocaine", NEGATIVE), ("opioid", None)], {}, None),
        ([("cocaine", NEGATIVE), ("opioid", "82334004")], {}, None),
        ([("cocaine", NEGATIVE), ("xylazine", POSITIVE)], {}, "positive"),
        ([("xylazine", NEGATIVE)], {}, None),
        ([], {}, None),
        ([], {"valueCodeableConcept": concept(SNOMED, NEGATIVE)}, "negative"),
        ([("cocaine", NEGATIVE)], {"valueCodeableConcept": concept(SNOMED, POSITIVE)}, "positive"),
        ([("cocaine", NEGATIVE)], {"valueCodeableConcept": concept(SNOMED, "82334004")}, None),
        ([], {"valueCodeableConcept": concept(SNOMED, NEGATIVE), "dataAbsentReason": {"text": "x"}}, None),
    ],
)
def test_a_drug_screen_is_positive_by_one_substance_and_negative_only_by_all(results, more, value):
    found = drug_screen(results, **more)
    assert state("urine-drug-screen", found).value == value
    assert (value is None) == ("urine drug screen:" in listed(read(found)))


# -- facts, scores ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "status"), [(True, "known"), (False, "absent")])
def test_a_fact_can_be_stated_or_denied_by_its_name(value, status):
    assert state("ptsd", observation(FACT, "ptsd", valueBoolean=value)).status == status


@pytest.mark.parametrize("value", [{"valueBoolean": "false"}, {"valueString": "no"}, {"valueInteger": 0}, {}])
def test_a_denial_that_is_no_boolean_denies_nothing(value):
    assert state("ptsd", observation(FACT, "ptsd", **value)).status == "unknown"


@pytest.mark.parametrize(
    "name", ["panic", "gad", "social-anxiety", "copd", "consent", "age", "bmi", "medication-list", "nothing"]
)
def test_a_name_that_no_item_has_cannot_be_stated(name):
    assert name not in read(observation(FACT, name, valueBoolean=False)).readings


def test_a_clinician_s_fact_does_not_count_from_the_patient():
    said = observation(FACT, "bp-hazard", valueBoolean=False, performer=[SUBJECT])
    assert state("bp-hazard", said).status == "unknown"


@pytest.mark.parametrize(
    ("system", "code", "value", "fact", "expected"),
    [
        (LOINC, "70274-6", {"valueInteger": 12}, "gad-7", 12),
        (LOINC, "44261-6", {"valueInteger": 12}, "phq-9", 12),
        (LOINC, "44260-8", {"valueInteger": 1}, "phq-9.9", 1),
        (LOINC, "44260-8", {"valueCodeableConcept": concept(LOINC, "LA6570-1")}, "phq-9.9", 2),
        (LOINC, "75626-2", {"valueQuantity": quantity(3, "{score}")}, "audit-c", 3),
        (LOINC, "82667-7", {"valueInteger": 2}, "dast-10", 2),
        (INSTRUMENT, "phq-9.9", {"valueInteger": 0}, "phq-9.9", 0),
        (INSTRUMENT, "ymrs", {"valueInteger": 4}, "ymrs", 4),
        (INSTRUMENT, "stop-bang", {"valueInteger": 3}, "stop-bang", 3),
        (INSTRUMENT, "gad-7", {"valueInteger": 22}, "gad-7", None),
        (INSTRUMENT, "gad-7", {"valueInteger": -1}, "gad-7", None),
        (INSTRUMENT, "gad-7", {"valueQuantity": quantity(12, "kg")}, "gad-7", None),
        (INSTRUMENT, "gad-7", {"valueString": "12"}, "gad-7", None),
        (
            INSTRUMENT,
            "c-ssrs-screen",
            {"valueCodeableConcept": concept(ANSWER, "moderate")},
            "c-ssrs-screen",
            "moderate",
        ),
        (INSTRUMENT, "c-ssrs-screen", {"valueCodeableConcept": concept(ANSWER, "extreme")}, "c-ssrs-screen", None),
        (INSTRUMENT, "c-ssrs-screen", {"valueCodeableConcept": concept("http://a", "high")}, "c-ssrs-screen", None),
        (INSTRUMENT, "weight", {"valueInteger": 70}, "weight", None),
    ],
)
def test_totals_and_single_items_come_by_loinc_or_by_our_own_code(system, code, value, fact, expected):
    assert state(fact, observation(system, code, **value)).value == expected


def test_a_level_with_two_answers_is_unknown():
    both = {"coding": [{"system": ANSWER, "code": "high"}, {"system": ANSWER, "code": "low"}]}
    assert state("c-ssrs-screen", observation(INSTRUMENT, "c-ssrs-screen", valueCodeableConcept=both)).value is None


def test_the_names_of_our_systems_are_those_of_the_convention():
    assert [s.removeprefix(BASE) for s in (FACT, INSTRUMENT, ANSWER)] == [
        "/CodeSystem/fact",
        "/CodeSystem/instrument",
        "/CodeSystem/answer",
    ]
