"""The envelope: what is no bundle about exactly one patient is refused whole, in one sentence with a remedy."""

import json

import fhirkit
import pytest

from openkap.chart.fhir import bundle as envelope
from openkap.chart.fhir.reader import read_chart
from openkap.kernel.errors import UnreadableDocument
from tests.fhir_cases import (
    ICD10CM,
    LOINC,
    SUBJECT,
    bundle,
    condition,
    intake,
    item,
    listed,
    measured,
    medicine_list,
    patient,
    read,
    state,
    statement,
    without,
)


def refusal(document: object) -> str:
    with pytest.raises(UnreadableDocument) as caught:
        read_chart(document)  # type: ignore[arg-type]
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence, "one sentence"
    assert ":" in sentence or ";" in sentence, "what is wrong, then the remedy"
    return sentence


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<Bundle/>", "not JSON"),
        (b'{"resourceType":"Bundle"', "not JSON"),
        (b'{"resourceType":"Bundle","total":NaN}', "not JSON"),
        (b'{"resourceType":"Bundle","total":Infinity}', "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b'{"text":"\xc3\x28"}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"Bundle"', "not a JSON object"),
        (b"{}", "resourceType is missing"),
        (b'{"resourceType":7}', "resourceType is missing"),
        (b'{"resourceType":"Patient","id":"p"}', "is a Patient"),
        (b'{"resourceType":"Bundle"}', "Bundle.type"),
        (b'{"resourceType":"Bundle","type":["collection"]}', "Bundle.type"),
        (b'{"resourceType":"Bundle","type":"collection"}', "no Patient"),
        (b'{"resourceType":"Bundle","type":"collection","entry":{}}', "Bundle.entry"),
        (b'{"resourceType":"Bundle","type":"collection","entry":[]}', "no Patient"),
        (b'{"resourceType":"Bundle","type":"collection","implicitRules":"http://a/b","entry":[]}', "implicitRules"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_sentence(data, said):
    assert said in refusal(data)


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction", "document"])
def test_four_types_of_bundle_are_read(kind):
    assert read_chart(bundle(kind=kind)).patient.source == "Patient/p"


@pytest.mark.parametrize("kind", ["history", "batch", "message", "transaction-response", "batch-response", "", None])
def test_any_other_type_is_refused_and_named(kind):
    assert "Bundle.type" in refusal(bundle(kind=kind))


def test_a_document_beyond_the_size_limit_is_refused(monkeypatch):
    monkeypatch.setattr(envelope, "MAX_BYTES", 1024)
    assert "larger than" in refusal(json.dumps(bundle(intake(*[item("ptsd", valueBoolean=False)] * 50))).encode())


def test_ten_thousand_levels_are_refused():
    deep = b'{"resourceType":"Bundle","type":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    assert "too deeply" in refusal(deep)


def nested(depth: int) -> dict:
    inner = item("ptsd", valueBoolean=True)
    for _ in range(depth):
        inner = {"linkId": "group", "item": [inner]}
    return intake(inner)


@pytest.mark.parametrize("depth", [1, 40, 150, 900, 20_000])
def test_an_answer_is_found_at_any_depth_and_what_r4_tools_cannot_follow_is_listed(depth):
    chart = read(nested(depth))
    assert chart.readings["ptsd"][0].value is True
    assert ("not valid R4" in listed(chart)) == (depth > 100)


def test_two_versions_too_deep_to_compare_are_refused_and_not_a_crash():
    assert "too deeply" in refusal(bundle(nested(20_000), nested(20_000)))


@pytest.mark.parametrize(
    ("resource", "sign"),
    [
        ({"resourceType": "Condition", "subject": SUBJECT, "clinicalStatus": "active"}, "STU3"),
        ({"resourceType": "AllergyIntolerance", "patient": SUBJECT, "clinicalStatus": "active"}, "STU3"),
        ({"resourceType": "MedicationStatement", "status": "active", "taken": "y", "subject": SUBJECT}, "STU3"),
        ({"resourceType": "QuestionnaireResponse", "questionnaire": {"reference": "Questionnaire/1"}}, "STU3"),
        ({"resourceType": "MedicationOrder", "patient": SUBJECT}, "DSTU2"),
        ({"resourceType": "Condition", "patient": SUBJECT}, "DSTU2"),
        ({"resourceType": "AllergyIntolerance", "patient": SUBJECT, "substance": {"text": "x"}}, "DSTU2"),
        ({"resourceType": "QuestionnaireResponse", "group": {}}, "DSTU2"),
        ({"resourceType": "MedicationStatement", "medication": {"concept": {"text": "x"}}, "subject": SUBJECT}, "R5"),
        ({"resourceType": "MedicationRequest", "medication": {"concept": {"text": "x"}}, "subject": SUBJECT}, "R5"),
        ({"resourceType": "Consent", "subject": SUBJECT, "status": "active"}, "R5"),
    ],
)
def test_another_fhir_version_is_refused_and_named(resource, sign):
    sentence = refusal(bundle(resource))
    assert sign in sentence and "entry[1]" in sentence and "R4" in sentence


# -- exactly one patient ---------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-06", "C2")
def test_two_patients_are_refused_by_name():
    assert "Patient/p and Patient/other" in refusal(bundle(patient(id="other")))


@pytest.mark.hazard("HAZ-06", "C2")
def test_one_id_with_two_contents_is_two_patients():
    assert "2 patients" in refusal(bundle(patient(birthDate="1970-01-01")))


def test_the_same_patient_twice_is_one_patient():
    assert read(patient()).patient.source == "Patient/p"


def test_the_same_patient_under_two_addresses_is_one_patient():
    one, two = "urn:uuid:11111111-1111-4111-8111-111111111111", "urn:uuid:22222222-2222-4222-8222-222222222222"
    document = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": one, "resource": patient()},
            {"fullUrl": two, "resource": patient()},
            {"resource": condition(ICD10CM, "F41.1", subject={"reference": one}) | {"id": "x"}},
            {"resource": condition(ICD10CM, "F43.1", subject={"reference": two}) | {"id": "y"}},
        ],
    }
    assert {"gad", "ptsd"} <= set(read_chart(document).readings)


@pytest.mark.hazard("HAZ-06", "C2")
@pytest.mark.parametrize(
    "foreign",
    [
        {"subject": {"reference": "Patient/other"}},
        {"subject": {"reference": "http://elsewhere/Patient/other"}},
        {"subject": {"reference": "Patient/other/_history/2"}},
        {"subject": {"reference": "urn:uuid:33333333-3333-4333-8333-333333333333"}},
        {"patient": {"reference": "Patient/other"}},
        {"subject": SUBJECT, "patient": {"reference": "Patient/other"}},
        {"subject": [SUBJECT, {"reference": "Patient/other"}]},
        {"subject": {"reference": "#inner"}, "contained": [{"resourceType": "Patient", "id": "inner"}]},
        {"subject": {"reference": "Patient/p "}},
        {"subject": {"reference": "Patient/P"}},
    ],
)
@pytest.mark.parametrize("kind", ["Observation", "Appointment"])
def test_a_resource_of_another_person_refuses_the_whole_bundle_and_is_named(foreign, kind):
    foreign_resource = {"resourceType": kind, "id": "foreign", "status": "final", **foreign}
    assert f"{kind}/foreign is about" in refusal(bundle(foreign_resource))


@pytest.mark.hazard("HAZ-06", "C2")
def test_an_address_that_two_records_claim_leads_to_neither():
    shared = "urn:uuid:44444444-4444-4444-8444-444444444444"
    document = bundle(condition(ICD10CM, "F41.1", subject={"reference": shared}))
    document["entry"][0]["fullUrl"] = shared
    document["entry"].append({"fullUrl": shared, "resource": {"resourceType": "Practitioner", "id": "d"}})
    assert "is about urn:uuid" in refusal(document)


@pytest.mark.hazard("HAZ-06", "C2")
def test_the_tail_of_an_address_does_not_outweigh_the_resource_s_own_id():
    document = bundle(condition(ICD10CM, "F41.1", subject={"reference": "Patient/other"}))
    document["entry"][0]["fullUrl"] = "http://a/Patient/other"
    assert "is about Patient/other" in refusal(document)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {},
        {"identifier": {"system": "http://a/mrn", "value": "7"}},
        {"display": "Marisol"},
        "Patient/p",
        ["Patient/p"],
    ],
)
def test_without_a_literal_subject_a_resource_is_listed_and_not_read(subject):
    chart = read(condition(ICD10CM, "F20.0", subject=subject))
    assert "psychotic-disorder" not in chart.readings and "by reference whom it is about" in listed(chart)


@pytest.mark.parametrize("reference", ["Group/family", "Device/9", "http://a/Location/3"])
def test_a_resource_about_a_device_or_a_group_is_listed_and_not_read(reference):
    chart = read(measured("29463-7", 70, "kg", subject={"reference": reference}))
    assert "weight" not in chart.readings and f"is about {reference}" in listed(chart)


# -- references ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("https://ehr.example/r4/Patient/p", "https://ehr.example/r4/Patient/p"),
        ("https://ehr.example/r4/Patient/p", "Patient/p"),
        ("https://ehr.example/r4/Patient/p", "https://other.example/Patient/p"),
        ("https://ehr.example/r4/Patient/p", "Patient/p/_history/3"),
        ("urn:uuid:11111111-1111-4111-8111-111111111111", "urn:uuid:11111111-1111-4111-8111-111111111111"),
        (None, "Patient/p"),
    ],
)
def test_a_reference_resolves_by_address_by_uuid_by_type_and_id_and_by_its_tail(full_url, reference):
    document = bundle(condition(ICD10CM, "F43.1", subject={"reference": reference}))
    if full_url:
        document["entry"][0]["fullUrl"] = full_url
    assert "ptsd" in read_chart(document).readings


def test_a_patient_without_an_id_is_found_by_the_address_of_the_entry():
    document = bundle(condition(ICD10CM, "F43.1", subject={"reference": "Patient/x9"}), who=without(patient(), "id"))
    document["entry"][0]["fullUrl"] = "http://a/Patient/x9"
    assert "ptsd" in read_chart(document).readings


def test_a_contained_resource_is_found_by_its_fragment():
    inner = {"resourceType": "Medication", "id": "m1", "code": {"text": "sertraline"}}
    chart = read(statement(None, contained=[inner], medicationReference={"reference": "#m1"}))
    assert chart.medicines[0].ingredients == ("sertraline",)


def test_a_reference_out_of_the_bundle_is_listed_and_no_fault():
    chart = read(measured("29463-7", 70, "kg", encounter={"reference": "Encounter/77"}))
    assert chart.readings["weight"][0].value == 70
    assert "Observation/o: a reference of it leads nowhere (Encounter/77)" in listed(chart)


# -- the same record twice -------------------------------------------------------------------------


def test_the_same_record_twice_counts_once():
    chart = read(measured("29463-7", 70, "kg"), measured("29463-7", 70, "kg"))
    assert len(chart.readings["weight"]) == 1 and not chart.unmapped


def test_one_id_with_two_contents_is_a_conflict_and_neither_number_is_used():
    found = state("weight", measured("29463-7", 70, "kg"), measured("29463-7", 75, "kg"))
    assert found.status == "conflict" and found.value is None
    assert "other content" in listed(read(measured("29463-7", 70, "kg"), measured("29463-7", 75, "kg")))


def test_a_record_disputed_with_itself_leaves_no_mean_pressure():
    mean = state(
        "systolic-mean",
        measured("8480-6", 120, "mm[Hg]", id="a"),
        measured("8480-6", 150, "mm[Hg]", id="a"),
        measured("8480-6", 130, "mm[Hg]", id="b", effectiveDateTime="2026-11-10"),
    )
    assert mean.status == "conflict"


def test_a_disputed_list_clears_no_medicine():
    taken = statement("sertraline")
    twice = [medicine_list("MedicationStatement/m"), medicine_list("MedicationStatement/m", date="2026-11-23")]
    assert read(taken, *twice).lists == ()


def test_a_disputed_form_raises_nothing_final_and_holds_no_trial():
    trial = {"linkId": "prior-treatment", "item": [item("trial-weeks", valueDecimal=12)]}
    chart = read(intake(trial), intake(trial, item("ptsd", valueBoolean=False)))
    assert chart.trials == () and {r.standing for r in chart.readings["ptsd"]} == {"disputed"}


# -- entries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({}, "no resource"),
        (None, "no resource"),
        ("x", "no resource"),
        ({"resource": None}, "no resource"),
        ({"resource": []}, "no resource"),
        ({"resource": {"id": "x"}}, "no resource"),
        ({"resource": {"resourceType": 5}}, "no resource"),
        ({"response": {"status": "200"}}, "no resource"),
        ({"resource": condition(ICD10CM, "F20.0"), "request": {"method": "DELETE", "url": "Condition/c"}}, "delete"),
        ({"resource": condition(ICD10CM, "F20.0"), "modifierExtension": [{"url": "http://a"}]}, "modifierExtension"),
    ],
)
def test_an_entry_that_is_no_record_is_listed_by_its_place(entry, reason):
    document = bundle()
    document["entry"].append(entry)
    chart = read_chart(document)
    assert "entry[1]" in listed(chart) and reason in listed(chart) and not chart.readings


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_transaction_that_writes_is_read(method):
    document = bundle(condition(ICD10CM, "F43.1"), kind="transaction")
    document["entry"][1]["request"] = {"method": method, "url": "Condition"}
    assert "ptsd" in read_chart(document).readings


@pytest.mark.parametrize("kind", ["Immunization", "Procedure", "DiagnosticReport", "Bundle", "Basic", "Nonsense"])
def test_a_type_that_is_not_read_is_listed(kind):
    assert f"{kind} is not read" in listed(read({"resourceType": kind, "id": "x", "subject": SUBJECT}))


@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Organization", "Medication", "Provenance"])
def test_supporting_records_are_no_facts_and_no_noise(kind):
    assert read({"resourceType": kind, "id": "x"}).unmapped == ()


@pytest.mark.hazard("HAZ-73", "C1")
@pytest.mark.parametrize(
    "where",
    [
        {"modifierExtension": [{"url": "http://a/negated", "valueBoolean": True}]},
        {"implicitRules": "http://a/rules"},
        {"stage": [{"modifierExtension": [{"url": "http://a"}]}]},
        {"evidence": [{"detail": [{"modifierExtension": [{"url": "http://a"}]}]}]},
    ],
)
def test_a_modifier_that_nobody_understands_keeps_a_record_from_being_read(where):
    chart = read(condition(ICD10CM, "F20.0", **where))
    assert not chart.readings and "may change its meaning" in listed(chart)


def test_a_modifier_on_the_patient_leaves_birth_date_and_sex_unknown():
    chart = read(who=patient(modifierExtension=[{"url": "http://a"}]))
    assert chart.patient.born is None and "modifier extension" in listed(chart)


# -- breaches of R4 --------------------------------------------------------------------------------


def test_a_breach_of_r4_is_listed_with_its_path_and_the_rest_is_read():
    chart = read(measured("29463-7", 70, "kg", colour="green"))
    assert chart.readings["weight"][0].value == 70
    assert "not valid R4: Observation.colour" in listed(chart)


def test_a_record_with_many_breaches_lists_five_and_counts_the_rest():
    chart = read(measured("29463-7", 70, "kg", **{f"wrong{n}": n for n in range(9)}))
    assert listed(chart).count("not valid R4") == 6 and "4 more faults" in listed(chart)


def test_a_breach_in_the_patient_is_listed():
    assert "not valid R4: Patient" in listed(read(who=patient(birthPlace="x")))


# -- the patient -----------------------------------------------------------------------------------

SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"


@pytest.mark.parametrize(
    ("codes", "sex"),
    [(["F"], "F"), (["M"], "M"), (["UNK"], None), (["OTH"], None), ([], None), (["M", "F"], None), (["M", "M"], "M")],
)
def test_birth_sex_is_f_or_m_by_the_extension_and_else_unknown(codes, sex):
    who = patient(gender="male", extension=[{"url": SEX, "valueCode": code} for code in codes])
    assert read(who=who).patient.birth_sex == sex


@pytest.mark.parametrize(
    ("said", "dead"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2026-01-01"}, True),
        ({"deceasedDateTime": "garbage"}, True),
        ({"deceasedBoolean": "true"}, True),
    ],
)
def test_deceased_is_read_and_silence_means_alive(said, dead):
    assert read(who=patient(**said)).patient.deceased is dead


def test_a_birth_date_that_is_no_date_is_listed_and_unknown():
    chart = read(who=patient(birthDate="14.06.1988"))
    assert chart.patient.born is None and "birthDate" in listed(chart)


@pytest.mark.hazard("HAZ-79", "C1")
@pytest.mark.parametrize("key", ["tag", "security"])
def test_a_synthetic_person_is_known_by_the_label(key):
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
    assert read(who=patient(meta={key: [label]})).patient.synthetic
    assert not read(who=patient(meta={key: [{"code": "other"}]})).patient.synthetic


@pytest.mark.parametrize(
    "mess", [{"meta": []}, {"name": "x"}, {"name": [{"given": "x"}]}, {"identifier": [7]}, {"extension": {}}]
)
def test_a_misshapen_patient_is_read_as_far_as_it_is_clear(mess):
    assert read(who=patient(**mess)).patient.source == "Patient/p"


# -- consent ---------------------------------------------------------------------------------------


def consent(**more):
    plain = {
        "resourceType": "Consent",
        "id": "k",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": SUBJECT,
        "dateTime": "2026-11-20",
        "policy": [{"uri": "https://openkap.example/fhir/Consent/ketamine-programme"}],
    }
    return {key: value for key, value in (plain | more).items() if value is not None}


@pytest.mark.parametrize(
    ("change", "status", "value"),
    [
        ({}, "known", "signed"),
        ({"policy": [{"uri": "https://openkap.example/fhir/Consent/ketamine-programme|2026.1"}]}, "known", "signed"),
        ({"policy": [{"uri": "https://openkap.example/fhir/Consent/ketamine-programme|1999"}]}, "unknown", None),
        ({"status": "draft"}, "unknown", None),
        ({"status": "proposed"}, "unknown", None),
        ({"status": "rejected"}, "known", "not-given"),
        ({"status": "inactive"}, "known", "not-given"),
        ({"status": "inactive", "dateTime": None}, "known", "not-given"),
        ({"status": "entered-in-error"}, "unknown", None),
        ({"status": None}, "unknown", None),
        ({"dateTime": None}, "unknown", None),
        ({"dateTime": "soon"}, "unknown", None),
        ({"dateTime": "2093-01-01"}, "unknown", None),
        ({"scope": {"coding": [{"code": "research"}]}}, "unknown", None),
        ({"category": [{"coding": [{"system": LOINC, "code": "59284-1"}]}]}, "unknown", None),
        ({"category": [{"coding": [{"code": "59284-0"}]}]}, "unknown", None),
        ({"policy": [{"uri": "http://a/other"}]}, "unknown", None),
        ({"policy": "x"}, "unknown", None),
        ({"provision": {"type": "deny"}}, "unknown", None),
        ({"provision": []}, "known", "signed"),
    ],
)
def test_consent_is_signed_not_given_or_unknown(change, status, value):
    found = state("consent", consent(**change))
    assert (found.status, found.value) == (status, value)


def test_a_refusal_without_a_date_outlives_an_earlier_signature():
    refused = consent(id="k2", status="inactive", dateTime=None)
    assert state("consent", consent(), refused).value == "not-given"


def test_neither_an_item_nor_a_plain_statement_can_sign_a_consent():
    said = item("consent", valueCoding={"code": "signed"})
    plain = {"coding": [{"system": "https://openkap.example/fhir/CodeSystem/fact", "code": "consent"}]}
    observed = measured("29463-7", 1, "kg") | {"code": plain, "valueCodeableConcept": {"coding": [{"code": "signed"}]}}
    assert state("consent", intake(said), without(observed, "valueQuantity")).status == "unknown"


# -- two copies, and keys given twice --------------------------------------------------------------


def test_two_copies_that_differ_in_meta_only_are_one_record():
    first = measured("8302-2", 170, "cm", id="same", meta={"versionId": "1", "lastUpdated": "2026-11-20T08:00:00Z"})
    second = first | {"meta": {"versionId": "2", "lastUpdated": "2026-11-21T08:00:00Z", "source": "urn:other"}}
    chart = read(first, second)
    assert [r.standing for r in chart.readings["height"]] == ["final"]
    assert "other content" not in listed(chart)
    assert state("height", first, second | {"status": "amended"}).status == "conflict"


@pytest.mark.parametrize("labelled_first", [True, False])
def test_a_test_label_on_one_copy_of_the_patient_is_kept(labelled_first):
    tag = {"tag": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}
    copies = [patient(meta=tag), patient(meta={"versionId": "2"})]
    whole = bundle(who=copies[0] if labelled_first else copies[1])
    whole["entry"].append({"resource": copies[1] if labelled_first else copies[0]})
    assert read_chart(whole).patient.synthetic


@pytest.mark.parametrize(
    ("good", "bad", "key"),
    [
        ('"status": "final"', '"status": "final", "status": "preliminary"', "status"),
        ('"status": "final"', '"status": "entered-in-error", "status": "final"', "status"),
        ('"value": 170', '"value": 170, "value": 17', "value"),
        ('"type": "collection"', '"type": "collection", "type": "collection"', "type"),
        ('"status": "final"', '"status": "final", "note": [{"text": "a\\u0022"}], "status": "final"', "status"),
    ],
)
def test_a_key_given_twice_is_refused_in_one_sentence(good, bad, key):
    data = json.dumps(bundle(measured("8302-2", 170, "cm", id="h")))
    assert good in data
    assert repr(key) in refusal(data.replace(good, bad, 1).encode())


@pytest.mark.parametrize(
    "text", ['quoted \\"words\\"', "\\u0022", "\\u00e4 / \\\\ \\/ \\n", '{\\"status\\": 1, \\"status\\": 2}']
)
def test_quotation_marks_and_escapes_in_a_text_are_no_second_key(text):
    data = json.dumps(bundle(measured("8302-2", 170.5, "cm", id="h", note=[{"text": "PLACE"}])))
    assert read_chart(data.replace("PLACE", text).encode()).readings["height"]


def test_a_sound_bundle_is_validated_once_and_a_broken_entry_once_more(monkeypatch):
    asked = []
    validate = fhirkit.validate
    monkeypatch.setattr(fhirkit, "validate", lambda given: asked.append(given) or validate(given))
    heights = [measured("8302-2", 170 + k, "cm", id=f"h{k}") for k in range(5)]
    data = json.dumps(bundle(*heights)).encode()
    read_chart(data)
    assert asked == [data]
    heights[3]["status"] = ["final"]
    assert "h3" in listed(read(*heights))
    assert [given.get("id") for given in asked[2:]] == ["h3"]
