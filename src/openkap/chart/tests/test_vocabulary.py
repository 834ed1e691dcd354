"""The vocabulary against the fact convention and the safety and dosing fact sheet, transcribed here by hand."""

import re

import pytest

from openkap.chart.fhir.codes import observation_facts
from openkap.chart.vocabulary import consent_version, facts, ingredients, medicines, members, policy
from openkap.kernel import coding
from openkap.kernel.coding import Code
from openkap.kernel.errors import ContentFault
from tests.fhir_cases import ICD10CM, LOINC, SNOMED, concept, condition, read

# Section 9 of the convention. b boolean, c code, d date, n number; C only from a clinician; [look-back]; =options.
SECTION_9 = """
interview-tool c C [90 d] =mini,scid,diamond,other
interview-on d C [90 d]
interview-modules c C [90 d] =gad,panic,agoraphobia,social-anxiety,ptsd,depression,mania,psychosis,\
substance,borderline,dissociative
agoraphobia b
ptsd b
caffeine-high b [90 d]
sleep-loss b [90 d]
alcohol-or-cannabis-load b [90 d]
non-adherence b [90 d]
wrong-diagnosis b C [90 d]
treatment-history-complete b C [90 d]
capacity-attested b C [90 d]
teach-back-done b C [90 d]
legal-compulsion b [90 d]
escort c [30 d] =confirmed,arranged,none
adult-reachable-24h b [90 d]
safe-housing b [90 d]
altered-state-willing b [90 d]
bp-hazard b C [90 d]
hypertensive-crisis b
hypertensive-crisis-on d
coronary-event b
coronary-event-on d
heart-failure-valve-hcm b
hf-decompensated-on d
nyha-class n =1-4
valve-severe b
hcm b
arrhythmia b
arrhythmia-uncontrolled b C
aneurysm b
avm b
intracranial-haemorrhage b
stroke-tia b
stroke-tia-on d
raised-icp b
head-injury b
head-injury-on d
seizure-disorder b
last-seizure-on d
dementia b
delirium b
delirium-on d
cognitive-screen c C [12 mo] =normal,impaired
psychotic-disorder b
psychotic-symptoms b [30 d]
schizophrenia-relative b
mania-current b [30 d]
bipolar b
sud-active b [90 d]
ketamine-misuse b
safety-plan-on d [30 d]
dissociative-disorder b
borderline b
self-harm-or-admission-on d
pregnant b [30 d]
could-become-pregnant b [90 d]
contraception c [90 d] =effective,none,declines
breastfeeding b [90 d]
liver-disease b
child-pugh c C [90 d] =A,B,C
dialysis b
cystitis b [30 d]
haematuria-unexplained b [30 d]
ketamine-cystitis b
hyperthyroidism b
angle-closure-glaucoma b
open-globe-injury b
open-angle-glaucoma b
severe-respiratory-disease b
home-oxygen b
acute-respiratory-infection b [7 d]
sleep-apnoea b
sleep-apnoea-treated b
sleep-apnoea-severity c =mild,moderate,severe
ketamine-allergy b
porphyria b
asa-class n C [90 d] =1-6
mallampati n C [12 mo] =1-4
difficult-airway b
severe-reflux b
gastroparesis b
medication-reconciled-on d C [7 d]
supplement-grapefruit b [7 d]
alcohol-24h b [0 d]
cannabis-24h b [0 d]
illicit-stimulant-72h b [0 d]
identity-checked b C [0 d]
solids-h n [0 d]
fluids-h n [0 d]
driving-agreement b [0 d]
interval-change b [0 d]
equipment-ready b C [0 d]
sitter-assigned b C [0 d]
sign-cognitive n =0-9
sign-somatic n =0-9
sign-avoidance n =0-9
sign-past-event n =0-9
sign-imagery n =0-9
sign-parts n =0-9
sign-social n =0-9
index-event b
recurrent-image b
parts-language b
session-fear n [30 d] =0-10
""".strip().splitlines()
ROW = re.compile(r"(?P<name>\S+) (?P<kind>[bcdn])(?P<by> C)?(?: \[(?P<look_back>[^\]]+)\])?(?: =(?P<options>\S+))?")
ITEMS = {row["name"]: row.groupdict() for row in map(ROW.fullmatch, SECTION_9) if row}

# Without a look-back of its own a disorder is a state whose denial holds as long as that of history.
NO_LOOK_BACK_STATES = {"agoraphobia", "ptsd"}


def test_the_transcript_is_whole():
    assert len(ITEMS) == len(SECTION_9)


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_of_the_convention_is_a_fact_of_its_kind(name):
    row, fact = ITEMS[name], facts()[name]
    kinds = {"b": ("state" if row["look_back"] else "history",), "c": ("choice",), "d": ("date",), "n": ("number",)}
    assert fact.kind in (kinds[row["kind"]] if name not in NO_LOOK_BACK_STATES else ("state",))
    assert fact.look_back == (row["look_back"] or ("12 mo" if name in NO_LOOK_BACK_STATES else ""))
    assert fact.by == ("C" if row["by"] else "P")
    assert fact.is_item and fact.question.endswith(("?", "."))


@pytest.mark.parametrize("name", [n for n, row in ITEMS.items() if row["options"]])
def test_every_item_has_the_options_or_bounds_of_the_convention(name):
    fact, options = facts()[name], ITEMS[name]["options"] or ""
    if ITEMS[name]["kind"] == "n":
        assert (fact.least, fact.most) == tuple(map(int, options.split("-")))
    else:
        assert fact.options == tuple(options.split(","))


def test_nothing_else_is_an_item():
    assert {name for name, fact in facts().items() if fact.is_item} == set(ITEMS)


def test_every_item_is_also_a_code_of_our_system():
    assert [n for n in ITEMS if observation_facts(concept(coding.FACT, n)) != [n]] == []


# Section 3: LOINC codes, units, look-back.
SECTION_3 = {
    "systolic": ("8480-6", "mm[Hg]", "30 d"),
    "diastolic": ("8462-4", "mm[Hg]", "30 d"),
    "heart-rate": ("8867-4", "/min", "30 d"),
    "respiratory-rate": ("9279-1", "/min", "30 d"),
    "spo2": ("59408-5 2708-6", "%", "30 d"),
    "weight": ("29463-7 3141-9 3142-7", "kg g [lb_av]", "30 d"),
    "height": ("8302-2", "cm m [in_i]", ""),
    "alt": ("1742-6", "U/L", "90 d"),
    "ast": ("1920-8", "U/L", "90 d"),
    "alp": ("6768-6", "U/L", "90 d"),
    "ggt": ("2324-2", "U/L", "90 d"),
    "bilirubin": ("1975-2 14631-6", "mg/dL umol/L", "90 d"),
    "tsh": ("3016-3", "m[IU]/L u[IU]/mL", "90 d"),
    "ft4": ("3024-7 14920-3", "ng/dL pmol/L", "90 d"),
    "egfr": ("98979-8 62238-1 33914-3", "mL/min/{1.73_m2}", "90 d"),
    "hcg": ("2106-3 2118-8", "", "30 d"),
    "qtc": ("8636-3", "ms", "90 d"),
    "urine-drug-screen": ("", "", "30 d"),
}


@pytest.mark.parametrize("name", SECTION_3)
def test_every_measurement_has_the_codes_units_and_look_back_of_the_convention(name):
    codes, units, look_back = SECTION_3[name]
    fact = facts()[name]
    assert [m.code for m in fact.codes if m.system == "loinc"] == codes.split()
    assert (list(fact.units), fact.look_back) == (units.split(), look_back)
    assert fact.kind == ("number" if units else "result")


# Section 5: look-backs of scores.
SCORES = dict.fromkeys("gad-7 phq-9 phq-9.9 ham-a pdss pdss-sr lsas-sr lsas-ca spin ymrs c-ssrs-screen".split(), "30 d")
SCORES |= dict.fromkeys("audit-c audit dast-10 des-ii stop-bang ipss icsi".split(), "90 d")


@pytest.mark.parametrize("name", SCORES)
def test_every_score_has_the_look_back_of_the_convention(name):
    assert (facts()[name].kind, facts()[name].look_back) == ("score", SCORES[name])


@pytest.mark.parametrize(
    ("loinc", "name"),
    [
        ("44261-6", "phq-9"),
        ("44260-8", "phq-9.9"),
        ("70274-6", "gad-7"),
        ("75626-2", "audit-c"),
        ("82667-7", "dast-10"),
    ],
)
def test_every_score_code_of_the_sheet_means_its_score(loinc, name):
    assert observation_facts(concept(LOINC, loinc)) == [name]


def test_the_denial_of_a_history_fact_holds_for_twelve_months():
    assert str(policy("denial-holds")) == "12 months" and str(policy("weight-comparison")) == "90 days"


# The safety and dosing fact sheet, 1.1 to 1.4: ICD-10-CM codes and the facts that its rows speak of.
CODES = """
F41.1 gad
F41.0 panic
F40.00 agoraphobia
F40.01 agoraphobia panic
F40.02 agoraphobia
F40.10 social-anxiety
F40.11 social-anxiety
I16.0 hypertensive-crisis
I16.9 hypertensive-crisis
I21.4 coronary-event
I22.0 coronary-event
I20.0 coronary-event
I50.22 heart-failure-valve-hcm
I35.0 heart-failure-valve-hcm
I42.1 heart-failure-valve-hcm hcm
I71.4 aneurysm
I67.1 aneurysm
I72.3 aneurysm
Q28.2 avm
Q28.0 avm
Q27.39 avm
I77.0 arteriovenous-fistula
I61.9 intracranial-haemorrhage
I60.7 intracranial-haemorrhage
I62.00 intracranial-haemorrhage
I63.9 stroke-tia
G45.9 stroke-tia
Z86.73 stroke-tia
G93.2 raised-icp
G91.2 raised-icp
C71.9 raised-icp
D43.0 raised-icp
S06.5X0A head-injury
G40.909 seizure-disorder
R56.9 seizure-disorder
F01.50 dementia
F02.80 dementia
F03.90 dementia
G30.9 dementia
F05 delirium
F20.9 psychotic-disorder
F21 psychotic-disorder
F22 psychotic-disorder
F23 psychotic-disorder
F24 psychotic-disorder
F25.0 psychotic-disorder
F28 psychotic-disorder
F29 psychotic-disorder
F10.951 psychotic-symptoms
F30.2 psychotic-symptoms
F31.2 psychotic-symptoms
F31.5 psychotic-symptoms
F31.64 psychotic-symptoms
F32.3 psychotic-symptoms
F33.3 psychotic-symptoms
F53.1 psychotic-symptoms
F30.10 mania-current bipolar
F31.0 mania-current bipolar
F31.13 mania-current bipolar
F31.2 mania-current bipolar
F31.62 mania-current bipolar
F31.81 bipolar
F10.20 sud-active
F19.20 sud-active
F44.81 dissociative-disorder
F60.3 borderline
F43.10 ptsd
Z33.1 pregnant
O09.90 pregnant
O99.89 pregnant
Z39.1 breastfeeding
K72.00 liver-disease hepatic-failure
N30.00 cystitis
E05.90 hyperthyroidism
H40.20X0 angle-closure-glaucoma
S05.00XA open-globe-injury
H40.11X0 open-angle-glaucoma
J96.10 severe-respiratory-disease
J44.9 copd
G47.33 sleep-apnoea
E80.20 porphyria
O14.00 eclampsia pregnant
O15.9 eclampsia pregnant
""".strip().splitlines()


@pytest.mark.parametrize("row", CODES)
def test_every_icd_code_of_the_sheet_means_its_facts(row):
    code, *expected = row.split()
    assert set(expected) <= set(read(condition(ICD10CM, code)).readings)


@pytest.mark.parametrize(
    "code",
    (
        "G45.4 I20.9 I42.0 I35.1 Q27.0 I77.1 F40.2 F41.9 F32.2 F43.2 F17.200"
        " H40.0 Z86.711 G47.30 F60.2 F44.0 Z33.2 F30.9X E04.9 K70.0 J45.909 N39.0 E80.1"
    ).split(),
)
def test_a_neighbouring_code_does_not_mean_what_the_sheet_s_code_means(code):
    found = set(read(condition(ICD10CM, code)).readings)
    assert not found & {
        "stroke-tia",
        "coronary-event",
        "hcm",
        "avm",
        "aneurysm",
        "gad",
        "panic",
        "social-anxiety",
        "ptsd",
    }
    assert not found & {"sud-active", "open-angle-glaucoma", "sleep-apnoea", "borderline", "dissociative-disorder"}
    assert not found & {"pregnant", "hyperthyroidism", "liver-disease", "cystitis", "porphyria", "psychotic-symptoms"}


# The sheet, 0.5, SNOMED CT.
SNOMED_SHEET = {
    "21897009": "gad",
    "371631005": "panic",
    "25501002": "social-anxiety",
    "70691001": "agoraphobia",
    "22298006": "coronary-event",
    "84114007": "heart-failure-valve-hcm",
    "230690007": "stroke-tia",
    "58214004": "psychotic-disorder",
    "13746004": "bipolar",
    "77386006": "pregnant",
    "84757009": "seizure-disorder",
    "34486009": "hyperthyroidism",
    "2776000": "delirium",
    "52448006": "dementia",
    "78275009": "sleep-apnoea",
    "20010003": "borderline",
}


@pytest.mark.parametrize("code", SNOMED_SHEET)
def test_every_snomed_code_of_the_sheet_means_its_fact(code):
    chart = read(condition(SNOMED, code))
    assert [r.standing for r in chart.readings[SNOMED_SHEET[code]]] == ["final"]


def test_glaucoma_without_a_type_is_unconfirmed():
    assert read(condition(SNOMED, "23986001")).readings["angle-closure-glaucoma"][0].standing == "unconfirmed"


@pytest.mark.parametrize("code", ["F16.10", "F16.20"])
@pytest.mark.parametrize(
    ("words", "standing"),
    [("Ketamine abuse", "final"), ("PCP use", "final"), ("LSD use", "unconfirmed"), (None, "unconfirmed")],
)
def test_a_hallucinogen_code_is_ketamine_misuse_only_with_the_word(code, words, standing):
    coded = concept(ICD10CM, code, text=words) if words else concept(ICD10CM, code)
    assert read(condition(ICD10CM, code) | {"code": coded}).readings["ketamine-misuse"][0].standing == standing


# -- the files themselves --------------------------------------------------------------------------

SYSTEMS = {"loinc": coding.LOINC, "snomed": coding.SNOMED}


def test_every_loinc_and_snomed_code_has_a_true_check_digit():
    for fact in facts().values():
        for match in fact.codes:
            if match.system in SYSTEMS:
                Code(SYSTEMS[match.system], match.code)


def test_every_icd_prefix_has_the_form_of_one():
    prefixes = [p for f in facts().values() for m in f.codes if m.system == "icd10" for p in (m.code, *m.unless)]
    assert [p for p in prefixes if not re.fullmatch(r"[A-Z](\d([0-9Ax](\.[0-9x]{1,3})?)?)?", p)] == []


def test_every_code_of_a_fact_reads_back_as_the_fact():
    for name, fact in facts().items():
        for match in fact.codes:
            if match.system == "loinc":
                assert name in observation_facts(concept(LOINC, match.code))
            else:
                system = SNOMED if match.system == "snomed" else ICD10CM
                assert name in read(condition(system, match.code.replace("x", "0"))).readings, (name, match.code)


def test_no_loinc_code_means_two_facts():
    codes = [m.code for f in facts().values() for m in f.codes if m.system == "loinc"]
    assert len(codes) == len(set(codes))


def test_rxnorm_codes_have_their_form_and_stand_once():
    codes = [row.rxnorm for row in medicines().ingredient if row.rxnorm]
    assert len(codes) == len(set(codes)) and all(Code(coding.RXNORM, code) for code in codes)


def test_a_name_of_a_medicine_means_one_ingredient():
    names = [name.lower() for row in ingredients().values() for name in {row.id, *row.names}]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_class_nobody_belongs_to_is_refused():
    with pytest.raises(ContentFault, match="no-such-class"):
        members("no-such-class")


def test_the_consent_version_is_said():
    assert consent_version()
