"""Medicines and their lists: what is not understood is listed first, and never reads as nothing taken."""

import random
import string
from decimal import Decimal

import pytest

from openkap.chart.fhir.naming import parse_words
from openkap.chart.vocabulary import ingredients
from tests.fhir_cases import (
    FACT,
    NIL_KNOWN,
    ON,
    RXNORM,
    UCUM,
    concept,
    intake,
    item,
    listed,
    medicine_list,
    order,
    quantity,
    read,
    statement,
    view,
    without,
)


def standing(*resources):
    return [(m.ingredients, m.standing) for m in read(*resources).medicines]


def list_status(*resources, on=ON):
    return view(*resources, on=on).state("medication-list").status


# -- statements and orders -------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", "current"),
        ("intended", "current"),
        ("on-hold", "current"),
        ("completed", "past"),
        ("stopped", "past"),
        ("not-taken", "not-taken"),
    ],
)
def test_a_statement_s_status_says_whether_it_is_taken(status, expected):
    assert standing(statement("sertraline", status)) == [(("sertraline",), expected)]


@pytest.mark.hazard("HAZ-73", "C2")
@pytest.mark.parametrize("status", ["entered-in-error", "unknown", "Active", "", None, 7])
def test_any_other_statement_is_not_read_and_is_listed(status):
    chart = read(statement("sertraline", status))
    assert not chart.medicines and "MedicationStatement/m: status" in listed(chart)


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    ("status", "doubt"), [("unknown", True), (None, True), ("Active", True), ("entered-in-error", False)]
)
def test_a_statement_of_unknown_status_leaves_the_list_in_doubt(status, doubt):
    assert (list_status(statement("sertraline", status), RECONCILED) == "unknown") is doubt


@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"])
def test_an_active_order_is_current(intent):
    assert standing(order("sertraline", intent=intent)) == [(("sertraline",), "current")]


@pytest.mark.parametrize(("status", "expected"), [("completed", "past"), ("stopped", "past")])
def test_an_order_that_ended_is_past(status, expected):
    assert standing(order("sertraline", status=status)) == [(("sertraline",), expected)]


@pytest.mark.parametrize(
    ("more", "doubt"),
    [
        ({"intent": "plan"}, False),
        ({"intent": "proposal"}, False),
        ({"intent": "option"}, False),
        ({"status": "draft"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "entered-in-error"}, False),
        ({"doNotPerform": True}, False),
        ({"status": "unknown"}, True),
        ({"status": None}, True),
        ({"intent": None}, True),
        ({"intent": "wish"}, True),
    ],
)
def test_what_is_no_active_order_is_listed_and_in_doubt_only_where_it_might_be_one(more, doubt):
    chart = read(order("sertraline", **more))
    assert not chart.medicines and "MedicationRequest/r" in listed(chart)
    assert (list_status(order("sertraline", **more), RECONCILED) == "unknown") is doubt


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    "spoiled",
    [
        {"modifierExtension": [{"url": "http://a"}]},
        {"subject": None},
        {"subject": {"display": "Marisol"}},
        {"dosage": [{"modifierExtension": [{"url": "http://a"}]}]},
    ],
)
@pytest.mark.parametrize("status", ["active", "intended", "on-hold"])
def test_a_current_statement_that_cannot_be_read_leaves_the_list_in_doubt(spoiled, status):
    assert list_status(statement("phenelzine", status, **spoiled), RECONCILED) == "unknown"


def test_a_medicine_with_an_unreadable_date_counts_all_the_same():
    chart = read(statement("sertraline", effectiveDateTime="last week"))
    assert chart.medicines[0].standing == "current" and "date:" in listed(chart)


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        ({"effectiveDateTime": "2026-11-01", "dateAsserted": "2026-11-03"}, "2026-11-01"),
        ({"effectivePeriod": {"start": "2020-01-01", "end": "2026-11-02"}}, "2026-11-02"),
        ({"dateAsserted": "2026-11-03"}, "2026-11-03"),
    ],
)
def test_a_statement_is_dated_by_its_time_else_when_it_was_asserted(dates, day):
    when = read(statement("sertraline", **dates)).medicines[0].when
    assert when is not None and when.text == day


def test_an_order_is_dated_when_it_was_written():
    when = read(order("sertraline", authoredOn="2026-11-03")).medicines[0].when
    assert when is not None and when.text == "2026-11-03"


def test_a_medicine_dated_after_the_day_of_decision_is_not_used_and_leaves_the_list_in_doubt():
    chart = view(statement("phenelzine", effectiveDateTime="2093-01-01"), RECONCILED)
    assert chart.current_medicines() == [] and chart.from_the_future()
    assert chart.state("medication-list").status == "unknown"


# -- naming ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sertraline", ("sertraline",)),
        ("Sertraline 100 MG Oral Tablet", ("sertraline",)),
        ("  SERTRALINE hydrochloride ", ("sertraline",)),
        ("24 HR venlafaxine 75 MG Extended Release Oral Capsule", ("venlafaxine",)),
        ("2 ML ketamine 50 MG/ML Injection", ("ketamine",)),
        ("Zoloft 50mg", ("sertraline",)),
        ("sertraline 50 MG Oral Tablet [Zoloft]", ("sertraline",)),
        ("sertraline, 50 mg, twice daily with food", ("sertraline",)),
        ("venlafaxine extended-release 75 mg", ("venlafaxine",)),
        ("diazepam 5 MG/ML Injectable Solution", ("diazepam",)),
        ("sertraline / diazepam", ("sertraline", "diazepam")),
        ("sertraline 50 MG / diazepam 5 MG Oral Tablet", ("sertraline", "diazepam")),
        ("sertraline + diazepam", ("sertraline", "diazepam")),
        ("sertraline and diazepam", ("sertraline", "diazepam")),
        ("sertraline 50 mg and diazepam 5 mg", ("sertraline", "diazepam")),
        ("sertraline 50 mg, diazepam 5 mg", ("sertraline", "diazepam")),
        ("sertraline-diazepam", ("sertraline", "diazepam")),
        ("sertraline 50 mg diazepam 5 mg", ("sertraline", "diazepam")),
    ],
)
def test_the_ingredients_of_a_name_are_found_and_every_part_of_a_combination(words, expected):
    named = parse_words(words)
    assert (named.ingredients, named.strange) == (expected, "")


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    "words",
    [
        "sertralin",
        "setraline 50 mg",
        "sertralinee",
        "zolof",
        "sertraline / fenelzine",
        "sertraline 50 MG / fenelzine 15 MG",
        "sertraline and fenelzine",
        "sertraline 50 mg + fenelzine 15 mg",
        "sertraline, fenelzine",
        "little blue pill",
        "?",
        "50 mg",
    ],
)
def test_a_misspelled_or_foreign_part_is_unmapped_and_leaves_the_list_in_doubt(words):
    chart = view(statement(words), RECONCILED)
    assert "medicine not understood" in listed(chart.chart)
    assert chart.state("medication-list").status == "unknown"
    assert chart.taking("maoi").is_unknown


@pytest.mark.hazard("HAZ-23", "C1")
def test_drawn_names_that_are_in_no_vocabulary_never_clear(seed, count):
    draw = random.Random(seed)
    known = {name.lower() for row in ingredients().values() for name in (row.id, *row.names)}
    for _ in range(count(20_000)):
        name = draw.choice(sorted(known))
        place = draw.randrange(len(name))
        letter = draw.choice(string.ascii_lowercase)
        spoiled = draw.choice([name[:place] + name[place + 1 :], name[:place] + letter + name[place:]])
        if not spoiled.strip() or set(parse_words(spoiled).ingredients):
            continue  # still a name, or begins with one
        assert view(statement(spoiled), RECONCILED).taking("maoi").is_unknown, spoiled


# Ingredient codes of the safety and dosing fact sheet, section 0.5.
RXNORM_SHEET = """
ketamine 6130 esketamine 2119365 diazepam 3322 lorazepam 6470 clonazepam 2598 alprazolam 596 midazolam 6960
lamotrigine 28439 lithium 6448 tranylcypromine 10734 phenelzine 8123 theophylline 10438 aminophylline 689
naltrexone 7243 memantine 6719 clarithromycin 21212 ketoconazole 6135 itraconazole 28031 rifampin 9384
carbamazepine 2002 phenytoin 8183 ticlopidine 10594 clopidogrel 32968 methylphenidate 6901 modafinil 30125
levothyroxine 10582 buprenorphine 1819 methadone 6813 risperidone 35636 haloperidol 5093 clozapine 2626
olanzapine 61381 escitalopram 321988 citalopram 2556 sertraline 36437 paroxetine 32937 fluoxetine 4493
fluvoxamine 42355 venlafaxine 39786 duloxetine 72625 buspirone 1827 pregabalin 187832 hydroxyzine 5553
labetalol 6185 ondansetron 26225
""".split()


@pytest.mark.parametrize(("name", "code"), list(zip(RXNORM_SHEET[::2], RXNORM_SHEET[1::2], strict=True)))
def test_every_ingredient_of_the_sheet_is_found_by_its_code_and_by_its_word(name, code):
    by_code = statement(None, medicationCodeableConcept=concept(RXNORM, code))
    ours = {"rifampin": "rifampicin"}.get(name, name)
    assert standing(by_code) == standing(statement(name)) == [((ours,), "current")]


@pytest.mark.parametrize(
    "coded",
    [
        {"coding": [{"system": RXNORM, "code": "36437", "display": "phenelzine 15 MG Oral Tablet"}]},
        {"coding": [{"system": RXNORM, "code": "36437"}], "text": "phenelzine"},
    ],
)
def test_a_code_and_words_that_name_different_medicines_are_understood_as_neither(coded):
    chart = read(statement(None, medicationCodeableConcept=coded))
    assert not chart.medicines and "different medicines" in listed(chart)


def test_a_product_code_with_words_is_named_by_the_words():
    coded = {"coding": [{"system": RXNORM, "code": "312940", "display": "sertraline 100 MG Oral Tablet"}]}
    assert standing(statement(None, medicationCodeableConcept=coded)) == [(("sertraline",), "current")]


@pytest.mark.parametrize("coded", [concept("http://a", "36437"), concept(FACT, "36437"), {}, {"coding": "36437"}])
def test_a_code_of_another_system_names_nothing(coded):
    assert not read(statement(None, medicationCodeableConcept=coded)).medicines


# -- referred medicines ----------------------------------------------------------------------------


def medication(**more):
    return {"resourceType": "Medication", "id": "x", **more}


def referring(**more):
    return statement(None, medicationReference={"reference": "Medication/x"}, **more)


@pytest.mark.parametrize(
    "inner",
    [
        medication(code={"text": "sertraline"}),
        medication(code=concept(RXNORM, "36437")),
        medication(ingredient=[{"itemCodeableConcept": concept(RXNORM, "36437")}]),
        medication(code={"text": "blue pill"}, ingredient=[{"itemCodeableConcept": {"text": "sertraline"}}]),
    ],
)
def test_a_medicine_is_found_where_the_statement_refers_to_it(inner):
    contained = statement(None, medicationReference={"reference": "#x"}, contained=[inner])
    assert standing(referring(), inner) == standing(contained) == [(("sertraline",), "current")]


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    "inner",
    [
        medication(code={"text": "blue pill"}),
        medication(),
        medication(status="entered-in-error", code={"text": "sertraline"}),
        medication(modifierExtension=[{"url": "http://a"}], code={"text": "sertraline"}),
        {"resourceType": "Practitioner", "id": "x"},
    ],
)
def test_a_referred_medicine_that_is_not_understood_leaves_the_list_in_doubt(inner):
    chart = view(referring(), inner, RECONCILED)
    assert not chart.chart.medicines and chart.state("medication-list").status == "unknown"


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    "second", [{"itemReference": {"reference": "Substance/1"}}, {"itemCodeableConcept": {"text": "fenelzine"}}, {}]
)
def test_a_combination_with_one_part_not_understood_is_in_doubt_and_its_other_part_counts(second):
    inner = medication(ingredient=[{"itemCodeableConcept": {"text": "sertraline"}}, second])
    chart = view(referring(), inner, RECONCILED)
    assert chart.taking("sertraline").is_true and chart.state("medication-list").status == "unknown"


def test_a_concept_beside_a_reference_is_understood_as_neither():
    both = referring(medicationCodeableConcept={"text": "sertraline"})
    assert not read(both, medication(code={"text": "phenelzine"})).medicines


# -- daily dose ------------------------------------------------------------------------------------


def dosage(dose, **repeat):
    return [{"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": dose}]}]


@pytest.mark.parametrize(
    ("value", "repeat", "daily"),
    [
        (50, {"frequency": 1, "period": 1, "periodUnit": "d"}, 50),
        (50, {"frequency": 2, "period": 1, "periodUnit": "d"}, 100),
        (50, {"period": 1, "periodUnit": "d"}, 50),
        (50, {"frequency": 1, "period": 8, "periodUnit": "h"}, 150),
        (Decimal("0.5"), {"frequency": 3, "period": 1, "periodUnit": "d"}, Decimal("1.5")),
        (70, {"frequency": 1, "period": 1, "periodUnit": "wk"}, 10),
        (50, {"frequency": 1, "period": 2, "periodUnit": "d"}, 25),
    ],
)
def test_the_daily_dose_is_dose_times_frequency_over_period(value, repeat, daily):
    found = read(statement("sertraline", dosage=dosage(quantity(value, "mg"), **repeat))).medicines[0].daily_mg
    assert found is not None and round(found, 6) == daily


def test_an_order_s_daily_dose_stands_in_its_instruction():
    told = dosage(quantity(50, "mg"), frequency=1, period=1, periodUnit="d")
    assert read(order("sertraline", dosageInstruction=told)).medicines[0].daily_mg == 50


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "50 mg",
        [{"text": "50 mg daily"}],
        dosage(quantity(50, "mg")),
        dosage(quantity(50, "g"), frequency=1, period=1, periodUnit="d"),
        dosage({"value": 50, "unit": "mg"}, frequency=1, period=1, periodUnit="d"),
        dosage({"value": 50, "unit": "mg", "system": UCUM, "code": "ug"}, frequency=1, period=1, periodUnit="d"),
        dosage(quantity(50, "mg", comparator="<"), frequency=1, period=1, periodUnit="d"),
        dosage(quantity("50", "mg"), frequency=1, period=1, periodUnit="d"),
        dosage(quantity(50, "mg"), frequency=1, period=0, periodUnit="d"),
        dosage(quantity(50, "mg"), frequency=1, period=1, periodUnit="mo"),
        dosage(quantity(50, "mg"), frequency="1", period=1, periodUnit="d"),
        [{"timing": "daily", "doseAndRate": {}}],
    ],
)
def test_without_a_clear_dose_it_is_unknown_and_the_medicine_counts(told):
    chart = read(statement("sertraline", dosage=told))
    assert chart.medicines[0].daily_mg is None and chart.medicines[0].standing == "current"


# -- is the list known -----------------------------------------------------------------------------

RECONCILED = intake(item("medication-reconciled-on", valueDate="2026-11-24"), id="meds")


@pytest.mark.parametrize(
    "given",
    [
        [medicine_list("MedicationStatement/m"), statement("sertraline")],
        [medicine_list("MedicationRequest/r"), order("sertraline")],
        [medicine_list("http://a/fhir/MedicationStatement/m"), statement("sertraline")],
        [medicine_list(**NIL_KNOWN)],
        [RECONCILED, statement("sertraline")],
        [RECONCILED],
        [medicine_list("MedicationStatement/m"), statement("sertraline"), statement("diazepam", "stopped", id="old")],
    ],
)
def test_a_reconciled_list_is_known_and_then_no_rule_of_another_medicine_fires(given):
    chart = view(*given)
    assert chart.state("medication-list").status == "known"
    assert chart.taking("maoi").is_false


@pytest.mark.hazard("HAZ-23", "C2")
@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2026-11-25", "known"),
        ("2026-11-18", "known"),
        ("2026-11-17", "stale"),
        ("2026-11-26", "unknown"),
        ("2026", "stale"),
    ],
)
def test_a_list_holds_seven_days_both_ends_inside(day, status):
    assert list_status(medicine_list(date=day, **NIL_KNOWN)) == status
    assert list_status(intake(item("medication-reconciled-on", valueDate=day), id="meds")) == status


@pytest.mark.hazard("HAZ-23", "C2")
@pytest.mark.parametrize(
    "given",
    [
        [],
        [statement("sertraline")],
        [medicine_list()],
        [medicine_list(emptyReason={"text": "nilknown"})],
        [medicine_list(emptyReason=concept("http://terminology.hl7.org/CodeSystem/list-empty-reason", "unavailable"))],
        [medicine_list(emptyReason=concept("http://terminology.hl7.org/CodeSystem/list-empty-reason", "notasked"))],
        [medicine_list("MedicationStatement/m", **NIL_KNOWN), statement("sertraline")],
        [medicine_list(status="retired", **NIL_KNOWN)],
        [medicine_list(mode="changes", **NIL_KNOWN)],
        [medicine_list(loinc="29549-3", **NIL_KNOWN)],
        [medicine_list(code={"text": "Medications"}, **NIL_KNOWN)],
        [medicine_list("MedicationStatement/gone")],
        [medicine_list(entry=[{"item": {"display": "sertraline"}}])],
        [medicine_list(entry=[{}])],
        [medicine_list("MedicationStatement/m"), statement("blue pill")],
        [medicine_list("MedicationStatement/m"), statement("sertraline", "stopped")],
        [medicine_list("MedicationStatement/m"), statement("sertraline", "entered-in-error")],
        [medicine_list("MedicationStatement/m"), statement("sertraline", "not-taken")],
        [medicine_list("Medication/x"), medication(code={"text": "sertraline"})],
        [without(medicine_list(**NIL_KNOWN), "date")],
        [intake(item("medication-reconciled-on", valueDate="2026-11-24"), by="Patient/p")],
        [intake(item("medication-reconciled-on", valueDate="2026-11-24"), status="in-progress")],
        [intake(item("medication-reconciled-on", valueDate="2026-11-24"), authored="2093-01-01")],
        [intake(item("medication-reconciled-on", valueBoolean=True))],
    ],
)
def test_any_other_list_leaves_every_interaction_unknown(given):
    chart = view(*given)
    assert chart.state("medication-list").status != "known"
    assert chart.taking("maoi").is_unknown


def test_a_current_medicine_that_is_not_on_the_list_is_a_conflict():
    found = view(medicine_list("MedicationStatement/m"), statement("sertraline"), statement("diazepam", id="b"))
    assert found.state("medication-list").status == "conflict" and "diazepam" in found.state("medication-list").reason


def test_nothing_known_beside_a_current_medicine_is_a_conflict():
    assert list_status(medicine_list(**NIL_KNOWN), statement("sertraline")) == "conflict"


def test_a_list_with_entries_outweighs_a_reconciliation_of_the_same_day():
    assert list_status(RECONCILED, medicine_list(**NIL_KNOWN), statement("sertraline")) == "conflict"


@pytest.mark.hazard("HAZ-23", "C1")
def test_a_medicine_that_is_taken_fires_whether_or_not_the_list_is_known():
    assert view(statement("phenelzine")).taking("maoi").is_true


@pytest.mark.parametrize("status", ["stopped", "not-taken", "completed"])
def test_a_medicine_that_is_not_taken_does_not_fire(status):
    assert view(statement("phenelzine", status), RECONCILED).taking("maoi").is_false
