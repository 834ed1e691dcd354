"""
The list of medicine ingredients. Oracle: the RxNorm codes of the fact sheet, section 0.5, and a medicine
cabinet written down without looking at the list.
"""

import pytest

from openkap.chart.vocabulary import MedicinesFile, check_medicines, ingredients, medicines, members
from openkap.kernel.content import convert
from openkap.kernel.errors import ContentFault

RXNORM = """
ketamine 6130 · esketamine 2119365 · diazepam 3322 · lorazepam 6470 · clonazepam 2598 · alprazolam 596 ·
midazolam 6960 · lamotrigine 28439 · lithium 6448 · tranylcypromine 10734 · phenelzine 8123 · theophylline 10438 ·
aminophylline 689 · naltrexone 7243 · memantine 6719 · clarithromycin 21212 · ketoconazole 6135 ·
itraconazole 28031 · rifampin 9384 · carbamazepine 2002 · phenytoin 8183 · ticlopidine 10594 · clopidogrel 32968 ·
methylphenidate 6901 · modafinil 30125 · levothyroxine 10582 · buprenorphine 1819 · methadone 6813 ·
risperidone 35636 · haloperidol 5093 · clozapine 2626 · olanzapine 61381 · escitalopram 321988 · citalopram 2556 ·
sertraline 36437 · paroxetine 32937 · fluoxetine 4493 · fluvoxamine 42355 · venlafaxine 39786 · duloxetine 72625 ·
buspirone 1827 · pregabalin 187832 · hydroxyzine 5553 · labetalol 6185 · ondansetron 26225
"""

CABINET = """
tylenol, advil, aspirin, lipitor, simvastatin, lisinopril, amlodipine, metoprolol, metformin, ozempic, lantus,
synthroid, omeprazole, pepcid, zoloft, lexapro, prozac, effexor, wellbutrin, xanax, klonopin, ativan, ambien,
adderall, ritalin, concerta, strattera, gabapentin, lyrica, topamax, lamictal, albuterol, ventolin, advair, flonase,
singulair, claritin, zyrtec, benadryl, prednisone, amoxicillin, azithromycin, doxycycline, ciprofloxacin, warfarin,
eliquis, xarelto, plavix, sumatriptan, ondansetron, melatonin, vitamin d, vitamin c, vitamin b12, folic acid,
magnesium, zinc, fish oil, multivitamin, st john's wort, ginkgo biloba, ashwagandha, turmeric, grapefruit juice,
viagra, flomax, estradiol, mirena, paracetamol, salbutamol, adrenaline, frusemide, co-codamol, suboxone, methadone
"""

# One or two agents of every row of section 2, and the class that its rule asks for.
AGENTS = {
    "benzodiazepine": "diazepam alprazolam clonazepam lorazepam oxazepam temazepam nitrazepam clobazam",
    "z-drug": "zolpidem zopiclone",
    "sedating-antihistamine": "hydroxyzine diphenhydramine promethazine",
    "barbiturate": "phenobarbital",
    "gabapentinoid": "gabapentin pregabalin",
    "cns-depressant": "zolpidem hydroxyzine phenobarbital pregabalin quetiapine",
    "opioid": "methadone buprenorphine oxycodone tramadol",
    "naltrexone-product": "naltrexone",
    "maoi": "tranylcypromine phenelzine selegiline",
    "stimulant": "amfetamine methylphenidate modafinil armodafinil cocaine",
    "decongestant": "pseudoephedrine phenylephrine",
    "xanthine": "theophylline aminophylline",
    "sympathomimetic": "vasopressin ergometrine epinephrine",
    "thyroid-hormone": "levothyroxine liothyronine",
    "ssri": "escitalopram citalopram sertraline paroxetine fluoxetine fluvoxamine",
    "snri": "venlafaxine duloxetine",
    "bupropion-product": "bupropion",
    "antipsychotic": "clozapine risperidone haloperidol olanzapine",
    "nmda-antagonist": "memantine amantadine dextromethorphan nitrous-oxide dextromethorphan-bupropion",
    "antihypertensive": "labetalol lisinopril amlodipine",
    "beta-blocker": "labetalol propranolol",
    "glp1-agonist": "semaglutide liraglutide",
    "inducing-anticonvulsant": "carbamazepine phenytoin phenobarbital",
    "cyp-inhibitor": "ritonavir cobicistat ketoconazole fluconazole nefazodone fluvoxamine",
}


def labels() -> dict[str, str]:
    """Every id and name with its ingredient."""
    return {label: row.id for row in medicines().ingredient for label in (row.id, *row.names)}


@pytest.mark.hazard("HAZ-23", "C1")
def test_rxnorm_codes_are_those_of_the_fact_sheet_and_no_other():
    sheet = dict(pair.split() for pair in RXNORM.replace("\n", " ").split("·"))
    assert len(sheet) == 45
    coded = {row.id: row.rxnorm for row in medicines().ingredient if row.rxnorm}
    assert coded == {labels()[name]: code for name, code in sheet.items()}


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize("group", AGENTS)
def test_every_agent_of_an_interaction_row_is_in_its_class(group: str):
    assert set(AGENTS[group].split()) <= members(group)


def test_every_class_was_compared():
    assert {c.id for c in medicines().drug_class} == set(AGENTS)


@pytest.mark.parametrize("name", [n.strip() for n in CABINET.replace("\n", " ").split(",")])
def test_an_ordinary_medicine_cabinet_is_understood(name: str):
    assert name in labels()


def test_the_list_is_broad():
    assert len([row for row in medicines().ingredient if not row.classes]) >= 250


def test_medicines_that_sound_alike_are_kept_apart():
    assert labels()["celexa"] == "citalopram"
    assert labels()["celebrex"] == "celecoxib"
    assert labels()["lexapro"] == "escitalopram"
    assert "citalopram" in ingredients()
    assert "escitalopram" in ingredients()


GOOD = [
    {"id": "citalopram", "rxnorm": "2556", "names": ["celexa"], "classes": ["ssri"]},
    {"id": "escitalopram", "rxnorm": "321988", "names": ["lexapro"]},
]


def file(*rows: dict[str, object], classes: tuple[str, ...] = ("ssri",)) -> MedicinesFile:
    data = {
        "content": {"title": "t", "version": "1"},
        "class": [{"id": c, "words": c} for c in classes],
        "ingredient": list(rows),
    }
    return convert(data, MedicinesFile, "t.toml")


def test_the_file_from_which_the_faults_are_made_is_good():
    check_medicines(file(*GOOD))


@pytest.mark.hazard("HAZ-23", "C1")
@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "celecoxib", "names": ["celexa"]}, "citalopram and celecoxib both claim 'celexa'"),
        ({"id": "celecoxib", "rxnorm": "2556"}, "citalopram and celecoxib both claim '2556'"),
        ({"id": "celecoxib", "names": ["escitalopram"]}, "escitalopram and celecoxib both claim 'escitalopram'"),
        ({"id": "celecoxib", "names": ["Celebrex"]}, "'Celebrex'; write it in lower case"),
        ({"id": "celecoxib", "names": ["ssri"]}, "'ssri' is a class and a name of celecoxib"),
        ({"id": "celecoxib", "classes": ["nsaid"]}, "celecoxib is in class 'nsaid', which does not exist"),
    ],
)
def test_a_name_that_can_be_read_in_two_ways_is_refused(row: dict[str, object], words: str):
    with pytest.raises(ContentFault, match=words):
        check_medicines(file(*GOOD, row))


def test_a_class_without_a_member_is_refused():
    with pytest.raises(ContentFault, match="class snri has no member"):
        check_medicines(file(*GOOD, classes=("ssri", "snri")))
