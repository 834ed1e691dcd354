"""
A made-up person as a FHIR bundle, built from plain answers.

Tests and the demonstration take a case that is complete and unremarkable, change what they are about,
and write the bundle. Every bundle carries the tag that marks a test record, so that no synthetic person
can pass for a real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from openkap.chart.vocabulary import consent_version, facts
from openkap.kernel import coding

TEST_RECORD = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "synthetic"}
_BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_PATIENT = {"reference": "Patient/synthetic"}
_CLINICIAN = {"reference": "Practitioner/synthetic-clinician"}

_DENIED = """
caffeine-high sleep-loss alcohol-or-cannabis-load non-adherence wrong-diagnosis legal-compulsion bp-hazard
hypertensive-crisis coronary-event heart-failure-valve-hcm arrhythmia aneurysm avm intracranial-haemorrhage
stroke-tia raised-icp head-injury seizure-disorder dementia delirium psychotic-symptoms psychotic-disorder
schizophrenia-relative mania-current bipolar sud-active ketamine-misuse dissociative-disorder borderline ptsd
pregnant could-become-pregnant breastfeeding liver-disease dialysis cystitis haematuria-unexplained
ketamine-cystitis hyperthyroidism angle-closure-glaucoma open-globe-injury open-angle-glaucoma
severe-respiratory-disease home-oxygen acute-respiratory-infection sleep-apnoea ketamine-allergy porphyria
difficult-airway severe-reflux gastroparesis supplement-grapefruit
""".split()
_AFFIRMED = """
treatment-history-complete capacity-attested teach-back-done adult-reachable-24h safe-housing altered-state-willing
""".split()
_LIVER = {"alt": ("U/L", 22, 40), "ast": ("U/L", 20, 40), "alp": ("U/L", 70, 120), "ggt": ("U/L", 18, 55)}
_INSTRUMENTS = {"phq-9": [1, 1, 1, 1, 0, 1, 0, 0, 0], "audit-c": [1, 0, 0], "dast-10": [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]}
_DISORDERS = {
    "gad": (["F41.1"], {"gad-7": [3, 3, 3, 2, 2, 2, 2]}),
    "panic": (["F41.0"], {"pdss-sr": [3, 3, 2, 2, 1, 2, 2]}),
    "agoraphobia": (["F40.01"], {"pdss-sr": [3, 3, 2, 2, 2, 2, 2]}),
    "social-anxiety": (["F40.10"], {"lsas-sr": [2] * 24 + [1] * 24}),
}


@dataclass
class Case:
    """
    A complete, unremarkable case: change what a test is about, then call `bundle()`.

    Args:
        on: the day of decision; every date is set from it.
        sex: birth sex, `F` or `M`.
        disorder: `gad`, `panic`, `agoraphobia` or `social-anxiety`.
        born: birth date.
        record: number by which the referring clinic knows the person.
        answers: intake items by fact name: bool, code, date, Decimal, or None to leave it out.
        measurements: fact name -> list of (value, unit, days ago, upper limit or None).
        instruments: instrument id -> answers.
        scores: instrument id -> total, for forms filled in elsewhere.
        conditions: (code system, code, extra elements).
        medicines: current medicines: their text, or text and daily dose in mg.
        trials: prior treatments as dicts of link ids and values.
        today: intake and scores are of the day of decision itself, as on a dose day.
        extra: further resources.
    """

    on: date
    sex: str = "F"
    disorder: str = "gad"
    born: date = date(1988, 6, 14)
    name: str = "Marisol Oduya"
    record: str = "SYN-0001"
    answers: dict[str, Any] = field(default_factory=dict)
    measurements: dict[str, list[tuple[Any, str, int, Any]]] = field(default_factory=dict)
    instruments: dict[str, list[Any]] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    suicide_screen: str | None = "none_identified"
    conditions: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    medicines: list[str | tuple[str, Any]] = field(default_factory=list)
    trials: list[dict[str, Any]] = field(default_factory=list)
    extra: list[dict[str, Any]] = field(default_factory=list)
    today: bool = False
    consent: str | None = "active"
    drug_screen: str | None = "negative"
    hcg: str | None = None

    def __post_init__(self) -> None:
        codes, severity = _DISORDERS[self.disorder]
        self.answers = (
            dict.fromkeys(_DENIED, False)
            | dict.fromkeys(_AFFIRMED, True)
            | {
                "interview-tool": "mini",
                "interview-on": self.day(20),
                "interview-modules": list(facts()["interview-modules"].options),
                "escort": "arranged",
                "asa-class": Decimal(2),
                "mallampati": Decimal(1),
                "cognitive-screen": "normal",
                "medication-reconciled-on": self.day(2),
                "session-fear": Decimal(2),
            }
            | self.answers
        )
        usual: dict[str, list[tuple[Any, str, int, Any]]] = {
            "systolic": [(122, "mm[Hg]", 3, None), (118, "mm[Hg]", 10, None)],
            "diastolic": [(78, "mm[Hg]", 3, None), (76, "mm[Hg]", 10, None)],
            "heart-rate": [(72, "/min", 3, None)],
            "respiratory-rate": [(14, "/min", 3, None)],
            "spo2": [(98, "%", 3, None)],
            "weight": [(Decimal("61.4"), "kg", 3, None)],
            "height": [(166, "cm", 3, None)],
            "qtc": [(410, "ms", 10, None)],
            "egfr": [(95, "mL/min/{1.73_m2}", 10, None)],
            "tsh": [(2, "m[IU]/L", 10, 4)],
            "bilirubin": [(Decimal("0.6"), "mg/dL", 10, Decimal("1.2"))],
            **{name: [(value, unit, 10, top)] for name, (unit, value, top) in _LIVER.items()},
        }
        self.measurements = usual | self.measurements
        self.instruments = severity | _INSTRUMENTS | {"des-ii": [0] * 28} | self.instruments
        self.scores = {"ipss": 3} | self.scores
        self.conditions = [(coding.ICD10CM, code, {}) for code in codes] + self.conditions
        if not self.trials:
            self.trials = [drug_trial("sertraline", self.day(120)), therapy_trial("cbt", self.day(90))]

    def day(self, ago: int) -> date:
        """The date so many days before the day of decision."""
        return self.on - timedelta(days=ago)

    @property
    def recent(self) -> date:
        """The day on which forms were filled in."""
        return self.day(0 if self.today else 5)

    def bundle(self) -> dict[str, Any]:
        """The case as a FHIR R4 collection bundle."""
        resources = [
            self._patient(),
            {"resourceType": "Practitioner", "id": "synthetic-clinician", "name": [{"text": "Dr Ines Varga"}]},
            self._intake(),
            *self._observations(),
            *self._responses(),
            *self._conditions(),
            *self._medicines(),
            *self.extra,
        ]
        if self.consent:
            resources.append(self._consent())
        entries = [
            {"fullUrl": f"{coding.BASE}/{r['resourceType']}/{r['id']}", "resource": r} if "id" in r else {"resource": r}
            for r in resources
        ]
        return {"resourceType": "Bundle", "type": "collection", "entry": entries}

    # -- the resources -----------------------------------------------------------------------------

    def _patient(self) -> dict[str, Any]:
        given, _, family = self.name.partition(" ")
        return {
            "resourceType": "Patient",
            "id": "synthetic",
            "meta": {"tag": [TEST_RECORD]},
            "identifier": [{"system": f"{coding.BASE}/record", "value": self.record}],
            "name": [{"given": [given], "family": family}],
            "gender": {"F": "female", "M": "male"}.get(self.sex, "unknown"),
            "birthDate": self.born.isoformat(),
            "extension": [{"url": _BIRTH_SEX, "valueCode": self.sex}],
        }

    def _intake(self) -> dict[str, Any]:
        items = [item(name, value) for name, value in self.answers.items() if value is not None]
        items += [trial_item(trial) for trial in self.trials]
        return {
            "resourceType": "QuestionnaireResponse",
            "id": "intake",
            "questionnaire": f"{coding.BASE}/Questionnaire/intake",
            "status": "completed",
            "subject": _PATIENT,
            "authored": self.recent.isoformat(),
            "author": _CLINICIAN,
            "item": items,
        }

    def _observations(self) -> list[dict[str, Any]]:
        made = []
        for name, rows in self.measurements.items():
            for place, (value, unit, ago, top) in enumerate(rows):
                made.append(measurement(f"{name}-{place}", name, value, unit, self.day(ago), top))
        for name, total in self.scores.items():
            score = _observation(f"score-{name}", coding.INSTRUMENT, name, self.recent)
            made.append({**score, "valueInteger": total})
        if self.drug_screen:
            made.append(self._coded("drug-screen", "urine-drug-screen", self.drug_screen))
        if self.hcg:
            made.append(self._coded("hcg", "hcg", self.hcg))
        if self.suicide_screen:
            made.append(
                {
                    **_observation("c-ssrs", coding.INSTRUMENT, "c-ssrs-screen", self.recent),
                    "valueCodeableConcept": {"coding": [{"system": coding.ANSWER, "code": self.suicide_screen}]},
                }
            )
        return made

    def _coded(self, identity: str, name: str, result: str) -> dict[str, Any]:
        answer = {"coding": [{"system": coding.SNOMED, "code": _RESULT_CODES[result]}]}
        if name == "urine-drug-screen":
            parts = ("cocaine", "amphetamine", "opioid", "ketamine", "pcp", "benzodiazepine", "cannabis")
            return {
                **_observation(identity, coding.FACT, name, self.recent),
                "component": [
                    {"code": {"coding": [{"system": coding.FACT, "code": part}]}, "valueCodeableConcept": answer}
                    for part in parts
                ],
            }
        return {**_observation(identity, coding.LOINC, "2106-3", self.recent), "valueCodeableConcept": answer}

    def _responses(self) -> list[dict[str, Any]]:
        return [
            questionnaire_response(identity, answers, self.recent)
            for identity, answers in self.instruments.items()
            if answers is not None
        ]

    def _conditions(self) -> list[dict[str, Any]]:
        return [
            condition(f"condition-{place}", system, code, self.day(20)) | more
            for place, (system, code, more) in enumerate(self.conditions)
        ]

    def _medicines(self) -> list[dict[str, Any]]:
        return [medicine(f"medicine-{place}", text) for place, text in enumerate(self.medicines)]

    def _consent(self) -> dict[str, Any]:
        return {
            "resourceType": "Consent",
            "id": "consent",
            "status": self.consent,
            "scope": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]
            },
            "category": [{"coding": [{"system": coding.LOINC, "code": "59284-0"}]}],
            "patient": _PATIENT,
            "dateTime": self.recent.isoformat(),
            "policy": [{"uri": f"{coding.BASE}/Consent/ketamine-programme|{consent_version()}"}],
        }


_RESULT_CODES = {"negative": "260385009", "positive": "10828004"}


def item(name: str, value: Any) -> dict[str, Any]:
    """One answered intake item."""
    values = value if isinstance(value, list) else [value]
    return {"linkId": name, "answer": [_answer(name, v) for v in values]}


def _answer(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, date):
        return {"valueDate": value.isoformat()}
    if isinstance(value, (int, Decimal)):
        return {"valueInteger": int(value)}
    return {"valueCoding": {"system": coding.ANSWER, "code": value}}


def measurement(identity: str, name: str, value: Any, unit: str, day: date, top: Any = None) -> dict[str, Any]:
    """An Observation of a number, with the upper limit of normal where there is one."""
    code = next(match.code for match in facts()[name].codes if match.system == "loinc")
    amount = {"value": value, "unit": unit, "system": coding.UCUM, "code": unit}
    observation = {**_observation(identity, coding.LOINC, code, day), "valueQuantity": amount}
    if top is not None:
        low = {"low": {**amount, "value": Decimal("0.4")}} if name == "tsh" else {}
        observation["referenceRange"] = [{**low, "high": {**amount, "value": top}}]
    return observation


def _observation(identity: str, system: str, code: str, day: date) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": _PATIENT,
        "effectiveDateTime": day.isoformat(),
    }


def condition(identity: str, system: str, code: str, day: date) -> dict[str, Any]:
    """A confirmed, active Condition."""
    return {
        "resourceType": "Condition",
        "id": identity,
        "clinicalStatus": _status("condition-clinical", "active"),
        "verificationStatus": _status("condition-ver-status", "confirmed"),
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": _PATIENT,
        "recordedDate": day.isoformat(),
    }


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


def medicine(identity: str, named: str | tuple[str, Any]) -> dict[str, Any]:
    """A current medicine in words, with its daily dose in mg where one is given."""
    text, daily = (named, None) if isinstance(named, str) else named
    statement: dict[str, Any] = {
        "resourceType": "MedicationStatement",
        "id": identity,
        "status": "active",
        "subject": _PATIENT,
        "medicationCodeableConcept": {"text": text},
    }
    if daily is not None:
        dose = {"value": daily, "unit": "mg", "system": coding.UCUM, "code": "mg"}
        once_a_day = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
        statement["dosage"] = [{"timing": once_a_day, "doseAndRate": [{"doseQuantity": dose}]}]
    return statement


def questionnaire_response(instrument: str, answers: list[Any], day: date) -> dict[str, Any]:
    """A completed instrument, answered in order."""
    items = [
        {"linkId": str(place), "answer": [{"valueBoolean": a} if isinstance(a, bool) else {"valueInteger": a}]}
        for place, a in enumerate(answers, 1)
        if a is not None
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"form-{instrument}",
        "questionnaire": f"{coding.BASE}/Questionnaire/{instrument}",
        "status": "completed",
        "subject": _PATIENT,
        "authored": day.isoformat(),
        "item": items,
    }


def drug_trial(ingredient: str, ended: date, **changes: Any) -> dict[str, Any]:
    """An adequate medicine trial without effect, from the record."""
    return {
        "trial-kind": "medication",
        "trial-treatment": ingredient,
        "trial-max-dose": Decimal(100),
        "trial-weeks": Decimal(12),
        "trial-adherence": 95,
        "trial-outcome": "none",
        "trial-ended-on": ended,
        "trial-source": "record",
    } | changes


def therapy_trial(therapy: str, ended: date, **changes: Any) -> dict[str, Any]:
    """An adequate course of therapy without effect, from the record."""
    return {
        "trial-kind": "psychotherapy",
        "trial-treatment": therapy,
        "trial-weeks": Decimal(14),
        "trial-sessions": 14,
        "trial-outcome": "partial",
        "trial-ended-on": ended,
        "trial-source": "record",
    } | changes


def trial_item(trial: dict[str, Any]) -> dict[str, Any]:
    """One repetition of the prior-treatment group."""
    children = []
    for link, value in trial.items():
        if value is None:
            continue
        if link == "trial-max-dose":
            answer: dict[str, Any] = {"valueQuantity": {"value": value, "system": coding.UCUM, "code": "mg/d"}}
        elif link == "trial-weeks":
            answer = {"valueDecimal": value}
        elif link == "trial-treatment" and trial.get("trial-kind") == "medication":
            answer = {"valueString": value}
        else:
            answer = _answer(link, value)
        children.append({"linkId": link, "answer": [answer]})
    return {"linkId": "prior-treatment", "item": children}
