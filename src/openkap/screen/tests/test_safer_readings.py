"""What a later, lower or illegible record does not undo: pressure of the day, high risk of suicide, an ECG in s."""

from __future__ import annotations

import pytest

from openkap.kernel import coding
from openkap.synthetic.case import Case

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
DIAGNOSES = [("R45.851", coding.ICD10CM), ("T14.91XA", coding.ICD10CM), ("6471006", coding.SNOMED)]


# -- the pressure gate ----------------------------------------------------------------------------------


def pressures(on, *readings) -> list[dict]:
    found = []
    for hour, systolic, diastolic in readings:
        at = f"{on.isoformat()}T{hour:02}:00:00Z"
        for name, code, value in (("systolic", "8480-6", systolic), ("diastolic", "8462-4", diastolic)):
            found.append(
                {
                    "resourceType": "Observation", "id": f"{name}-{hour}", "status": "final", "effectiveDateTime": at,
                    "subject": {"reference": "Patient/synthetic"},
                    "code": {"coding": [{"system": coding.LOINC, "code": code}]},
                    "valueQuantity": {"value": value, "unit": "mm[Hg]", "system": coding.UCUM, "code": "mm[Hg]"},
                }
            )  # fmt: skip
    return found


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(8, 165, 80), (9, 130, 80)], "BPG-3"),
        ([(8, 130, 80), (9, 165, 80)], "BPG-3"),
        ([(8, 120, 100), (9, 130, 80)], "BPG-3"),
        ([(8, 185, 80), (9, 130, 80)], "BPG-4"),
        ([(8, 120, 112), (9, 165, 80)], "BPG-4"),
        ([(8, 150, 80), (9, 130, 80)], None),
        ([(8, 130, 80), (9, 150, 80)], "BPG-2"),
        ([(8, 159, 99), (9, 140, 90)], None),
        ([(8, 165, 80), (9, 150, 80)], "BPG-3"),
    ],
)
def test_a_pressure_that_forbids_the_dose_stands_for_the_day(case, screened, on, readings, expected):
    outcome = screened(case(today=True, extra=pressures(on, *readings)), dose_day=True)
    gate = {f.rule for f in outcome.findings if f.rule in ("BPG-2", "BPG-3", "BPG-4")}
    assert gate == ({expected} if expected else set())
    if expected in ("BPG-3", "BPG-4"):
        assert outcome.verdict == "hold"


# -- risk of suicide ------------------------------------------------------------------------------------


def screens(case: Case, *levels: tuple[int, str]) -> list[dict]:
    found = []
    for ago, level in levels:
        found.append(
            {
                "resourceType": "Observation", "id": f"cssrs-{ago}", "status": "final",
                "effectiveDateTime": case.day(ago).isoformat(), "subject": {"reference": "Patient/synthetic"},
                "code": {"coding": [{"system": coding.INSTRUMENT, "code": "c-ssrs-screen"}]},
                "valueCodeableConcept": {"coding": [{"system": coding.ANSWER, "code": level}]},
            }
        )  # fmt: skip
    return found


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ([(15, "high"), (1, "none_identified")], "hold"),
        ([(30, "high"), (0, "low")], "hold"),
        ([(31, "high"), (0, "none_identified")], "eligible"),
        ([(15, "moderate"), (1, "none_identified")], "eligible"),
        ([(15, "none_identified"), (1, "high")], "hold"),
    ],
)
def test_a_high_screen_of_the_past_month_is_not_undone_by_a_newer_one(case, screened, levels, verdict):
    plain = case(suicide_screen=None)
    plain.extra = screens(plain, *levels)
    assert screened(plain).verdict == verdict


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(("code", "system"), DIAGNOSES)
@pytest.mark.parametrize(
    ("dates", "verdict"),
    [
        ({"recorded_ago": 2}, "insufficient"),  # the screen of the case is five days old
        ({"recorded_ago": 5}, "eligible"),
        ({"recorded_ago": 400}, "eligible"),
        ({}, "insufficient"),
    ],
)
def test_a_diagnosis_of_suicidality_asks_for_a_screen_of_its_day_or_later(case, screened, code, system, dates, verdict):
    plain = case()
    diagnosis = coded(plain, code, system, **dates)
    plain.extra = [diagnosis]
    outcome = screened(plain)
    assert outcome.verdict == verdict
    if verdict == "insufficient":
        assert [a.fact for a in outcome.ask] == ["c-ssrs-screen"]
        assert {f.rule for f in outcome.findings} == {"SCR-SI-2", "SCR-SI-3"}


def coded(case: Case, code: str, system: str, *, recorded_ago: int | None = None, status: str = "active") -> dict:
    row = {
        "resourceType": "Condition", "id": "suicidality", "subject": {"reference": "Patient/synthetic"},
        "code": {"coding": [{"system": system, "code": code}]},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": status}]},
    }  # fmt: skip
    return row | ({"recordedDate": case.day(recorded_ago).isoformat()} if recorded_ago is not None else {})


def test_a_resolved_diagnosis_asks_from_its_day_and_a_diagnosis_clears_nothing(case, screened):
    plain = case()
    plain.extra = [coded(plain, "R45.851", coding.ICD10CM, recorded_ago=2, status="resolved")]
    assert screened(plain).verdict == "insufficient"
    bare = case(suicide_screen=None)
    bare.extra = [coded(bare, "R45.851", coding.ICD10CM, recorded_ago=2)]
    assert screened(bare).verdict == "insufficient"
    high = case(suicide_screen="high")
    high.extra = [coded(high, "R45.851", coding.ICD10CM, recorded_ago=2)]
    assert screened(high).verdict == "hold"


# -- a value in another unit, or that nobody could read ---------------------------------------------------


def ecg(case: Case, value: object, unit: str) -> dict:
    return {
        "resourceType": "Observation", "id": "ecg", "status": "final", "effectiveDateTime": case.day(2).isoformat(),
        "subject": {"reference": "Patient/synthetic"}, "code": {"coding": [{"system": coding.LOINC, "code": "8636-3"}]},
        "valueQuantity": {"value": value, "unit": unit, "system": coding.UCUM, "code": unit},
    }  # fmt: skip


@pytest.mark.hazard("HAZ-20", "C2")
@pytest.mark.parametrize(
    ("value", "unit", "truth"),
    [(0.51, "s", "unknown"), (0.41, "s", "unknown"), (510, "ms", "true"), (410, "ms", None), (5, "kg", "unknown")],
)
def test_a_qtc_in_a_unit_that_is_not_listed_is_asked_for_and_never_passes(case, found, value, unit, truth):
    plain = case(measurements={"qtc": []})
    plain.extra = [ecg(plain, value, unit)]
    assert found(plain, "SCR-CVD-3") == ({"hold": truth} if truth else {})


def test_a_qtc_in_seconds_does_not_let_an_older_one_stand(case, found):
    plain = case()
    plain.extra = [ecg(plain, 0.45, "s")]
    assert found(plain, "SCR-CVD-3") == {"hold": "unknown"}


def test_a_pregnancy_test_in_words_waits_to_be_read(case, found):
    plain = case()
    words = {
        "resourceType": "Observation", "id": "hcg-words", "status": "final",
        "effectiveDateTime": plain.day(1).isoformat(),
        "subject": {"reference": "Patient/synthetic"}, "code": {"coding": [{"system": coding.LOINC, "code": "2106-3"}]},
        "valueString": "positive",
    }  # fmt: skip
    plain.extra = [words]
    assert found(plain, "SCR-PREG-1") == {"exclude": "unknown"}


# -- allergies, men, azoles -------------------------------------------------------------------------------


def test_a_denied_allergy_in_words_asks_and_excludes_nobody(case, screened):
    plain = case(answers={"ketamine-allergy": None})
    plain.extra = [
        {
            "resourceType": "AllergyIntolerance", "id": "denied", "patient": {"reference": "Patient/synthetic"},
            "code": {"text": "no known ketamine allergy"},
        }
    ]  # fmt: skip
    outcome = screened(plain)
    assert (outcome.verdict, [a.fact for a in outcome.ask]) == ("insufficient", ["ketamine-allergy"])


def test_a_positive_pregnancy_test_of_a_man_keeps_the_letter_of_the_rule(case, found):
    assert found(case(sex="M", hcg="positive"), "SCR-PREG-1") == {}
    assert found(case(sex="F", hcg="positive"), "SCR-PREG-1") == {"exclude": "true"}


# Section 2 of the safety and dosing fact sheet: the agents that each row names, and the finding at its worst.
NAMED = {
    "DDI-CNS-1": "zolpidem zopiclone hydroxyzine diphenhydramine phenobarbital gabapentin pregabalin quetiapine",
    "DDI-OPI-1": "methadone buprenorphine morphine oxycodone",
    "DDI-MAO-1": "tranylcypromine phenelzine selegiline",
    "DDI-STIM-1": "amfetamine methylphenidate modafinil armodafinil pseudoephedrine cocaine",
    "DDI-THEO-1": "theophylline aminophylline",
    "DDI-SYMP-1": "vasopressin ergometrine epinephrine",
    "DDI-THY-1": "levothyroxine liothyronine",
    "DDI-SSRI-1": "escitalopram sertraline paroxetine citalopram fluoxetine fluvoxamine",
    "DDI-SNRI-1": "venlafaxine duloxetine bupropion",
    "DDI-AP-1": "clozapine risperidone haloperidol olanzapine",
    "DDI-MEM-1": "memantine amantadine dextromethorphan dextromethorphan-bupropion nitrous-oxide",
    "DDI-AHT-1": "propranolol metoprolol lisinopril amlodipine",
    "DDI-GLP-1": "semaglutide liraglutide",
    "DDI-BZD-1": "alprazolam chlordiazepoxide clobazam clonazepam lorazepam nitrazepam oxazepam temazepam diazepam",
    "DDI-NTX-1": "naltrexone",
    "DDI-LTG-1": "lamotrigine",
    "DDI-LI-1": "lithium",
    "DDI-CYP-1": "clarithromycin",
    "DDI-CYP-2": "itraconazole",
    "DDI-CYP-3": "ticlopidine clopidogrel",
    "DDI-CYP-4": "grapefruit",
    "DDI-CYP-5": "rifampicin",
    "DDI-CYP-6": "rifampicin",
    "DDI-CYP-7": "st-johns-wort",
    "DDI-CYP-8": "carbamazepine phenytoin phenobarbital",
    "DDI-CYP-9": "ritonavir cobicistat ketoconazole itraconazole fluconazole voriconazole posaconazole isavuconazole"
    " clotrimazole miconazole nefazodone fluvoxamine",
    "DDI-CYP-11": "diazepam",
}


@pytest.mark.parametrize(("rule", "agent"), [(rule, agent) for rule, named in NAMED.items() for agent in named.split()])
def test_every_agent_that_a_row_names_fires_the_row(case, found, rule, agent):
    plain = case(medicines=[agent.replace("-", " ") if agent == "st-johns-wort" else agent])
    plain.measurements["tsh"] = [(9, "m[IU]/L", 10, 4)]
    assert "true" in found(plain, rule).values()
