"""Diagnoses that a screening rule names in words, by the codes a record carries them in; and events without a day."""

from datetime import date

import pytest

from openkap.chart.expression import Setting
from openkap.chart.rule_language import parse
from openkap.kernel.clock import Span
from tests.fhir_cases import (
    FACT,
    ICD10CM,
    SNOMED,
    concept,
    condition,
    intake,
    item,
    observation,
    read,
    state,
    view,
    without,
)

# Code, title as its publisher words it (in short), facts. From ICD-10-CM and SNOMED CT, not from the vocabulary.
NAMED = """
I67.4 | hypertensive encephalopathy | hypertensive-crisis
I25.2 | old myocardial infarction | coronary-event
Z95.1 | aortocoronary bypass graft | coronary-event
Z95.5 | coronary angioplasty implant and graft | coronary-event
Z98.61 | coronary angioplasty status | coronary-event
I25.110 | coronary atherosclerosis with unstable angina | coronary-event
I25.710 | atherosclerosis of vein bypass graft with unstable angina | coronary-event
I23.0 | haemopericardium after infarction | coronary-event
I11.0 | hypertensive heart disease with heart failure | heart-failure-valve-hcm
I13.2 | hypertensive heart and kidney disease with heart failure | heart-failure-valve-hcm
I35.2 | aortic stenosis with insufficiency | heart-failure-valve-hcm
I34.0 | mitral insufficiency | heart-failure-valve-hcm
I42.2 | other hypertrophic cardiomyopathy | heart-failure-valve-hcm hcm
I45.81 | long QT syndrome | arrhythmia
I49.01 | ventricular fibrillation | arrhythmia
I67.0 | dissection of cerebral arteries | aneurysm
I77.71 | dissection of carotid artery | aneurysm
I25.42 | coronary artery dissection | aneurysm
I69.10 | sequelae of intracerebral haemorrhage | intracranial-haemorrhage
S06.5X0A | traumatic subdural haemorrhage | intracranial-haemorrhage head-injury
I69.351 | hemiplegia after cerebral infarction | stroke-tia
D32.0 | meningioma | raised-icp
C79.31 | secondary malignant neoplasm of brain | raised-icp
G93.6 | cerebral oedema | raised-icp
S02.19XA | fracture of base of skull | head-injury
R56.1 | post-traumatic seizures | seizure-disorder
G31.83 | dementia with Lewy bodies | dementia
F10.27 | alcohol-induced persisting dementia | dementia sud-active
F10.231 | alcohol withdrawal delirium | delirium sud-active
F06.2 | psychotic disorder due to a known condition | psychotic-symptoms
Z34.01 | supervision of normal first pregnancy | pregnant
Z3A.12 | 12 weeks of gestation | pregnant
K74.60 | cirrhosis of liver | liver-disease
K70.41 | alcoholic hepatic failure with coma | liver-disease hepatic-failure
Z49.31 | adequacy testing for haemodialysis | dialysis
R31.0 | gross haematuria | haematuria-unexplained
Z99.81 | dependence on supplemental oxygen | home-oxygen
J06.9 | acute upper respiratory infection | acute-respiratory-infection
J45.41 | moderate asthma with acute exacerbation | acute-respiratory-infection
T88.4XXA | failed or difficult intubation | difficult-airway
K31.84 | gastroparesis | gastroparesis
O11.1 | pre-existing hypertension with pre-eclampsia | eclampsia pregnant
""".strip().splitlines()

NEIGHBOURS = {
    "I25.10": "coronary-event",  # coronary disease without unstable angina
    "Z95.0": "coronary-event",  # a pacemaker
    "I42.0": "hcm",
    "I45.2": "arrhythmia",
    "I77.1": "aneurysm",
    "F17.221": "delirium",  # nicotine dependence in remission
    "F10.220": "delirium",  # intoxication without delirium
    "J45.40": "acute-respiratory-infection",  # asthma without a flare
    "Z99.89": "home-oxygen",
    "K76.0": "liver-disease",
}

SNOMED_NAMED = {
    "399211009": "coronary-event",
    "401303003": "coronary-event",
    "128609009": "aneurysm",
    "233985008": "aneurysm",
    "274100004": "intracranial-haemorrhage",
    "266257000": "stroke-tia",
    "422504002": "stroke-tia",
    "9651007": "arrhythmia",
    "49436004": "arrhythmia",
    "72892002": "pregnant",
    "47505003": "ptsd",
}


@pytest.mark.parametrize("row", NAMED)
def test_a_diagnosis_that_a_rule_names_is_read_from_its_plain_code(row):
    code, _, names = (part.strip() for part in row.split("|"))
    readings = read(condition(ICD10CM, code)).readings
    assert {name: readings[name][0].value for name in names.split()} == dict.fromkeys(names.split(), True)


@pytest.mark.parametrize("code", SNOMED_NAMED)
def test_a_diagnosis_that_a_rule_names_is_read_from_its_snomed_code(code):
    assert read(condition(SNOMED, code)).readings[SNOMED_NAMED[code]][0].value is True


@pytest.mark.parametrize("code", NEIGHBOURS)
def test_a_neighbour_of_a_plain_code_does_not_mean_it(code):
    assert NEIGHBOURS[code] not in read(condition(ICD10CM, code)).readings


@pytest.mark.parametrize(
    ("code", "word", "fact"),
    [
        ("N18.6", "End stage renal disease on dialysis", "dialysis"),
        ("Z88.4", "Allergy to ketamine", "ketamine-allergy"),
        ("Q28.3", "Congenital cerebral aneurysm", "aneurysm"),
    ],
)
def test_a_code_that_says_too_little_counts_only_with_the_word(code, word, fact):
    assert read(condition(ICD10CM, code)).readings[fact][0].standing == "unconfirmed"
    worded = condition(ICD10CM, code) | {"code": concept(ICD10CM, code, text=word)}
    assert read(worded).readings[fact][0].standing == "final"


# -- events without a day: they raise or ask, and never clear --------------------------------------


def recent(*resources):
    """Was there a coronary event within six months: true, false or unknown?"""
    seen = view(*resources)
    answer = parse("coronary-event and within(coronary-event-on, $recent)").evaluate(
        Setting(seen, {"recent": Span.parse("6 mo")}, {})
    )
    return "true" if answer.is_true else "false" if answer.is_false else "unknown"


OLD = condition(ICD10CM, "I21.4", id="mi", onsetDateTime="2015-03-01")
STATUS_CODES = ["I25.2", "Z95.1", "Z95.5", "Z98.61"]


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("code", STATUS_CODES)
def test_an_old_infarction_bypass_or_stent_without_a_day_asks_when(code):
    assert recent(condition(ICD10CM, code)) == "unknown"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("code", STATUS_CODES)
def test_the_onset_of_a_status_code_may_raise_and_never_clears(code):
    assert recent(condition(ICD10CM, code, onsetDateTime="2026-10-20")) == "true"
    assert recent(condition(ICD10CM, code, onsetDateTime="2015-03-01")) == "unknown"


@pytest.mark.hazard("HAZ-20", "C1")
@pytest.mark.parametrize("later", [condition(ICD10CM, "I21.4", id="b"), condition(ICD10CM, "Z95.5", id="b")])
def test_an_event_without_a_day_is_not_covered_by_an_older_dated_one(later):
    assert recent(OLD) == "false"
    assert recent(OLD, later) == "unknown"
    newer = condition(ICD10CM, "I21.4", id="c", onsetDateTime="2026-10-20")
    assert recent(OLD, later, newer) == "true"


def test_the_answer_to_when_the_last_one_was_settles_an_event_without_a_day():
    stent = condition(ICD10CM, "Z95.5", recordedDate="2026-01-01")
    assert recent(stent, intake(item("coronary-event-on", valueDate="2015-03-01"))) == "false"


def test_an_answer_given_before_the_event_was_known_does_not_settle_it():
    stent = condition(ICD10CM, "Z95.5", recordedDate="2026-11-22")
    asked = observation(FACT, "coronary-event-on", valueDateTime="2015-03-01", effectiveDateTime="2026-11-01")
    assert recent(stent, asked) == "unknown"


def test_never_is_no_answer_where_an_event_is_recorded():
    never = intake(item("coronary-event-on", _valueDate={"extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "not-applicable"}
    ]}), authored="2026-11-01")  # fmt: skip
    assert recent(condition(ICD10CM, "I21.4", recordedDate="2026-11-22"), never) == "unknown"


# -- short-lived states ----------------------------------------------------------------------------


def test_an_infection_counts_for_its_look_back_after_onset_also_where_the_list_keeps_it_active():
    def cold(**more):
        return state("acute-respiratory-infection", condition(ICD10CM, "J06.9", **more)).status

    assert cold(onsetDateTime="2026-11-18") == "known"
    assert cold(onsetDateTime="2026-11-17") == "stale"
    assert cold(recordedDate="2014-02-01") == "stale"
    undated = without(condition(ICD10CM, "J06.9"), "recordedDate")
    assert state("acute-respiratory-infection", undated).status == "known"


def test_a_state_that_lasts_stands_whatever_its_onset():
    assert state("cystitis", condition(ICD10CM, "N30.00", onsetDateTime="2014-02-01")).status == "known"
    assert state("pregnant", condition(ICD10CM, "Z34.90", onsetDateTime="2026-07-01"), on=date(2026, 11, 25)).value
