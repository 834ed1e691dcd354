"""
People that others made go through the import: nobody crashes it, nothing is lost, nobody is eligible by silence.

Sources: carebundle 0.5.0 and clinosim 0.6.5 (PyPI), @medplum/mock 4.5.2 (npm). The npm package `fhir` ships no people.
"""

import json
from datetime import date
from importlib.metadata import version

import pytest

from openkap.chart.fhir.reader import read_chart
from openkap.chart.types import Chart
from openkap.chart.view import View
from openkap.pathway import open_case, screen_case
from tests.realworld.people import CLINOSIM_SCENARIOS, Person, carebundle_people, clinosim_people, medplum_people

SUPPORTING = {"Patient", "Practitioner", "PractitionerRole", "Organization", "Medication", "Provenance"}

# ICD-10-CM prefixes that these people bring, and what a reader of the safety sheet would conclude from them.
KNOWN = {
    "I21": "coronary-event",
    "I61": "intracranial-haemorrhage",
    "I63": "stroke-tia",
    "I48": "arrhythmia",
    "I50": "heart-failure-valve-hcm",
    "J44": "copd",
}


def resources(person: Person) -> list[Person]:
    return [entry["resource"] for entry in person["entry"]]


def last_day(person: Person) -> date:
    """A day after everything that the record says, so that nothing is of the future."""
    text = json.dumps(person)
    return max(date(int(year), 12, 31) for year in range(2020, 2036) if f'"{year}-' in text)


def check(person: Person) -> Chart:
    """The three promises; gives the chart for more."""
    data = json.dumps(person).encode()
    chart = read_chart(data)
    used = {r.source.split("#")[0] for rows in chart.readings.values() for r in rows}
    used |= {m.source for m in chart.medicines} | {m.source.split("#")[0] for m in chart.lists}
    used |= {r.source for r in (*chart.responses, *chart.intake)}
    named = used | {u.resource.split("#")[0] for u in chart.unmapped}
    urls = {id(e["resource"]): e.get("fullUrl") for e in person["entry"]}
    lost = [
        r
        for r in resources(person)
        if r["resourceType"] not in SUPPORTING and not {f"{r['resourceType']}/{r.get('id')}", urls[id(r)]} & named
    ]
    assert lost == []
    case = open_case(data, last_day(person))
    assert screen_case(case).verdict != "eligible"
    return chart


def check_known(person: Person, chart: Chart) -> int:
    """Every diagnosis that is confirmed, or not doubted, is a presence on the chart; gives how many there were."""
    seen = 0
    view = View(chart, last_day(person))
    for resource in resources(person):
        if resource["resourceType"] != "Condition":
            continue
        verification = json.dumps(resource.get("verificationStatus", "confirmed"))
        for coding in resource.get("code", {}).get("coding", []):
            prefix = str(coding.get("code", ""))[:3]
            if "icd-10-cm" in coding.get("system", "") and prefix in KNOWN and '"confirmed"' in verification:
                assert view.state(KNOWN[prefix]).value is True, (prefix, KNOWN[prefix])
                seen += 1
    return seen


def check_numbers(person: Person, chart: Chart) -> int:
    """A weight or pressure on the chart is the number of the record: same resource, same value, no other unit."""
    by_name = {f"{r['resourceType']}/{r.get('id')}": r for r in resources(person)}
    by_name |= {e["fullUrl"]: e["resource"] for e in person["entry"] if "fullUrl" in e}
    seen = 0
    for fact, unit in (("weight", "kg"), ("systolic", "mm[Hg]"), ("diastolic", "mm[Hg]"), ("heart-rate", "/min")):
        for reading in chart.readings.get(fact, ()):
            if reading.value is None:
                continue
            record = by_name[reading.source]
            amounts = [
                record.get("valueQuantity", {}),
                *(c.get("valueQuantity", {}) for c in record.get("component", [])),
            ]
            assert any(float(reading.value) == a.get("value") and reading.unit == unit for a in amounts)  # type: ignore[arg-type]
            seen += 1
    return seen


def test_the_versions_are_those_that_were_tried():
    assert (version("carebundle"), version("clinosim")) == ("0.5.0", "0.6.5")


@pytest.mark.hazard("HAZ-20", "C1")
def test_people_of_carebundle(seed):
    numbers = 0
    people = list(carebundle_people(seed, each=3))
    for person in people:
        numbers += check_numbers(person, check(person))
    assert len(people) > 20 and numbers > 20


@pytest.mark.slow
@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("scenario", CLINOSIM_SCENARIOS)
def test_people_of_clinosim(scenario, seed):
    numbers = known = 0
    for person in clinosim_people(seed, scenario, count=2):
        chart = check(person)
        numbers += check_numbers(person, chart)
        known += check_known(person, chart)
    assert numbers > 20


@pytest.mark.slow
def test_the_diagnoses_of_clinosim_are_found(seed):
    found = sum(
        check_known(p, read_chart(p)) for s in ("acute_mi", "cerebral_infarction") for p in clinosim_people(seed, s, 2)
    )
    assert found > 0


@pytest.mark.slow
@pytest.mark.hazard("HAZ-20", "C1")
def test_people_of_medplum():
    people = list(medplum_people())
    assert len(people) >= 4
    for person in people:
        check(person)
