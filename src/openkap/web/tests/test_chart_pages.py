"""The pages on facts and files, as a clinician and a coordinator use them."""

import json
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from openkap.chart.models import Import, Record, Resolution
from openkap.chart.selectors import kept_records, version_of
from openkap.people.models import Patient, PatientIdentifier
from openkap.people.types import Role
from tests.database import Clinic

FACT = "https://openkap.example/fhir/CodeSystem/fact"


def fact(name: str, value: bool, identity: str) -> dict:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": FACT, "code": name}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-11-20",
        "valueBoolean": value,
    }


def file(*resources: dict, mrn: str = "A-1", **patient) -> SimpleUploadedFile:
    person = {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": "1988-04-02",
        "name": [{"family": "Example", "given": ["Ida"]}],
        "identifier": [{"system": "urn:x", "value": mrn}],
        **patient,
    }
    entries = [{"resource": resource} for resource in (person, *resources)]
    content = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return SimpleUploadedFile("export.json", content.encode(), "application/json")


def post(client, path: str, **fields):
    return client.post(path, {"idempotency_key": str(uuid.uuid4()), **fields})


@pytest.fixture
def known(clinic: Clinic) -> Clinic:
    PatientIdentifier.objects.create(patient=clinic.ida, site=clinic.site, system="urn:x", value="A-1")
    return clinic


def here(clinic: Clinic, rest: str = "") -> str:
    return f"/p/{clinic.ida.pk}/facts/{rest}"


def imported(clinic: Clinic, client, *resources: dict) -> None:
    sent = post(client, here(clinic, "imports/"), source="Referring clinic", file=file(*resources))
    assert sent.status_code == 302
    taken = post(client, sent["Location"], say="take")
    assert taken.status_code == 302


@pytest.mark.hazard("HAZ-06", "C3")
def test_a_file_is_sent_looked_at_taken_and_reviewed(known: Clinic):
    client = known.client(Role.PRESCRIBER)
    imported(known, client, fact("aneurysm", False, "a"), fact("avm", False, "b"))
    page = client.get(here(known)).content.decode()
    assert "imported records nobody has looked at" in page
    rows = [str(r.pk) for r in kept_records(known.ida).records]
    assert post(client, here(known, "review/"), say="accept", record=rows).status_code == 302
    page = client.get(here(known)).content.decode()
    assert "nobody has looked at" not in page
    assert re.search(r"Aneurysm[^<]*</th>\s*<td>no</td>", page)


def test_a_refusal_of_imported_records_wants_a_reason_and_keeps_what_was_ticked(known: Clinic):
    client = known.client(Role.PRESCRIBER)
    imported(known, client, fact("avm", True, "b"))
    (row,) = [r for r in kept_records(known.ida).records if r.resource_type == "Observation"]
    answer = post(client, here(known, "review/"), say="refuse", record=[str(row.pk)])
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "The reason is empty" in page
    assert re.search(rf'value="{row.pk}"\s+checked', page)


@pytest.mark.hazard("HAZ-01", "C1")
def test_a_file_of_another_person_cannot_be_taken(known: Clinic):
    PatientIdentifier.objects.create(patient=known.noah, site=known.site, system="urn:x", value="N-1")
    client = known.client(Role.PRESCRIBER)
    sent = post(client, here(known, "imports/"), source="X", file=file(fact("avm", True, "b"), mrn="N-1"))
    page = client.get(sent["Location"]).content.decode()
    assert "about another person" in page
    assert "Noah" not in page
    assert "Take into the record" not in page
    assert post(client, sent["Location"], say="take", reason="sure").status_code == 409
    assert Record.objects.count() == 0


def test_a_file_that_is_no_bundle_is_refused_in_one_sentence_and_the_source_stays_typed(known: Clinic):
    client = known.client(Role.PRESCRIBER)
    broken = SimpleUploadedFile("x.json", b"{", "application/json")
    answer = post(client, here(known, "imports/"), source="Referring clinic", file=broken)
    assert answer.status_code == 400
    assert "is not JSON" in answer.content.decode()
    assert 'value="Referring clinic"' in answer.content.decode()
    assert Import.objects.count() == 0


def test_a_conflict_is_settled_on_its_page(known: Clinic):
    client = known.client(Role.PRESCRIBER)
    imported(known, client, fact("avm", True, "b"), fact("avm", False, "c"))
    rows = [str(r.pk) for r in kept_records(known.ida).records]
    post(client, here(known, "review/"), say="accept", record=rows)
    page = client.get(here(known)).content.decode()
    assert "Records disagree" in page
    page = client.get(here(known, "settle/avm/")).content.decode()
    keep = re.search(r'value="(Observation/[^"]+)"', page)
    assert keep
    assert "checked" not in page  # nothing is preselected
    version = version_of(known.ida)
    answer = post(client, here(known, "settle/avm/"), keep=keep[1], reason="", version=version)
    assert answer.status_code == 422
    answer = post(client, here(known, "settle/avm/"), keep=keep[1], reason="angiogram", version=version)
    assert answer.status_code == 302
    assert Resolution.objects.get().reason == "angiogram"


def test_a_fact_is_entered_and_read_back(known: Clinic):
    client = known.client(Role.NURSE)
    fields = {"value": "61.46", "on": "2026-11-24", "version": version_of(known.ida)}
    assert post(client, here(known, "enter/weight/"), **fields).status_code == 302
    assert "61.46" in client.get(here(known)).content.decode()


@pytest.mark.hazard("HAZ-07", "C1")
def test_pounds_are_shown_in_kg_first_and_only_kg_are_filed_with_what_was_read(known: Clinic):
    client, path = known.client(Role.NURSE), here(known, "enter/weight/")
    assert "lb_av" not in client.get(path).content.decode()
    fields = {"pounds": "135.5", "on": "2026-11-24", "version": version_of(known.ida), "note": "in shoes"}
    shown = post(client, path, **fields)
    page = shown.content.decode()
    assert shown.status_code == 422 and Record.objects.count() == 0
    assert "135.5 lb are 61.462 kg: compare" in page  # 135.5 × 0.45359237
    assert 'value="61.462"' in page and "in shoes" in page
    assert post(client, path, **fields, value="61.462").status_code == 302
    said = json.loads(Record.objects.get().content)
    assert (said["valueQuantity"]["value"], said["valueQuantity"]["code"]) == (61.462, "kg")
    assert said["note"] == [{"text": "Read as 135.5 lb. in shoes"}]


@pytest.mark.hazard("HAZ-07", "C1")
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"value": "135.5", "pounds": "135.5"}, "135.5 lb are 61.462 kg and not 135.5 kg"),
        ({"value": "135.5", "unit": "[lb_av]"}, "This is entered in kg"),
        ({"value": "", "pounds": ""}, "The weight is empty"),
    ],
)
def test_a_weight_of_two_minds_is_not_filed(known: Clinic, fields: dict, sentence: str):
    answer = post(
        known.client(Role.NURSE),
        here(known, "enter/weight/"),
        **fields,
        on="2026-11-24",
        version=version_of(known.ida),
    )
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert Record.objects.count() == 0


@pytest.mark.goal("RG-05")
def test_two_who_enter_from_one_page_both_keep_what_they_typed(known: Clinic):
    client = known.client(Role.NURSE)
    start = version_of(known.ida)
    first = {"value": "yes", "on": "2026-11-24", "version": start}
    assert post(client, here(known, "enter/avm/"), **first).status_code == 302
    second = {"value": "61", "unit": "kg", "on": "2026-11-24", "version": start, "note": "after lunch"}
    answer = post(client, here(known, "enter/weight/"), **second)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "after lunch" in page
    newer = re.search(r'name="version" value="(\d+)"', page)
    assert newer
    assert post(client, here(known, "enter/weight/"), **{**second, "version": newer[1]}).status_code == 302


@pytest.mark.hazard("HAZ-02", "C1")
def test_an_impossible_weight_changes_nothing_and_says_why(known: Clinic):
    client = known.client(Role.NURSE)
    fields = {"value": "9000", "unit": "kg", "on": "2026-11-24", "version": version_of(known.ida)}
    answer = post(client, here(known, "enter/weight/"), **fields)
    assert answer.status_code == 422
    assert "above what is possible" in answer.content.decode()
    assert Record.objects.count() == 0


def test_a_record_is_corrected_with_a_reason_and_the_former_is_shown(known: Clinic):
    client = known.client(Role.NURSE)
    fields = {"value": "71", "unit": "kg", "on": "2026-11-24", "version": version_of(known.ida)}
    post(client, here(known, "enter/weight/"), **fields)
    record = Record.objects.get()
    path = here(known, f"records/Observation/{record.logical_id}/")
    again = {**fields, "value": "61", "version": version_of(known.ida), "say": "amend"}
    assert post(client, path, **again).status_code == 422
    assert post(client, path, **again, reason="misread the scale").status_code == 302
    page = client.get(path).content.decode()
    assert "misread the scale" in page
    assert "Version 2" in page


def test_a_record_of_another_patient_is_not_there(known: Clinic):
    client = known.client(Role.NURSE)
    assert client.get(here(known, f"records/Observation/{uuid.uuid4()}/")).status_code == 404


def test_a_referral_becomes_a_patient_only_by_a_persons_choice(known: Clinic):
    client = known.client(Role.COORDINATOR)
    sent = post(client, "/referrals/", source="X", file=file(mrn="Z-9", birthDate="1971-02-03"))
    before = Patient.objects.count()
    page = client.get(sent["Location"]).content.decode()
    assert "checked" not in page
    assert post(client, sent["Location"]).status_code == 422
    answer = post(client, sent["Location"], who="new", reason="letter of today")
    assert answer.status_code == 302
    assert Patient.objects.count() == before + 1


@pytest.mark.hazard("HAZ-03", "C1")
@pytest.mark.hazard("HAZ-06", "C1")
def test_a_referral_of_someone_with_the_same_birth_date_is_asked(known: Clinic):
    client = known.client(Role.COORDINATOR)
    sent = post(client, "/referrals/", source="X", file=file(mrn="Z-9"))
    page = client.get(sent["Location"]).content.decode()
    assert "A like name proves nothing" in page
    answer = post(client, sent["Location"], who=str(known.ida.pk))
    assert answer.status_code == 422
    assert "say how you know" in answer.content.decode()


def test_a_referral_waits_only_for_who_sent_it_and_the_coordinator(known: Clinic):
    sent = post(known.client(Role.THERAPIST), "/referrals/", source="X", file=file(mrn="Z-9"))
    assert known.client(Role.NURSE).get(sent["Location"]).status_code == 404
    assert known.client(Role.COORDINATOR).get(sent["Location"]).status_code == 200
