"""
Short case histories as raw FHIR, each with the answer that the fact sheets give.

Written from the safety and dosing fact sheet and the FHIR convention alone, never from what the program prints: a
vignette changes one thing in the record of a complete, unremarkable person, the way an EHR or a form would write it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from openkap.synthetic.case import Case

ON = date(2026, 11, 25)
B = "https://openkap.example/fhir"
ICD, SCT, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct", "http://loinc.org"
RXNORM, UCUM = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://unitsofmeasure.org"
FACT, INSTRUMENT, ANSWER = (f"{B}/CodeSystem/{name}" for name in ("fact", "instrument", "answer"))
SUBJECT = {"reference": "Patient/synthetic"}
Bundle = dict[str, Any]
Change = Callable[[Bundle], None]

COMPLETE: Bundle = json.loads(json.dumps(Case(ON).bundle(), default=float))
DOSE_DAY: Bundle = json.loads(
    json.dumps(
        Case(
            ON,
            today=True,
            answers={
                "escort": "confirmed",
                "identity-checked": True,
                "solids-h": 9,
                "fluids-h": 3,
                "driving-agreement": True,
                "interval-change": False,
                "equipment-ready": True,
                "sitter-assigned": True,
                "alcohol-24h": False,
                "cannabis-24h": False,
                "illicit-stimulant-72h": False,
            },
            measurements={
                "systolic": [(122, "mm[Hg]", 0, None), (118, "mm[Hg]", 10, None)],
                "diastolic": [(78, "mm[Hg]", 0, None), (76, "mm[Hg]", 10, None)],
                "heart-rate": [(72, "/min", 0, None)],
                "respiratory-rate": [(14, "/min", 0, None)],
                "spo2": [(98, "%", 0, None)],
            },
            scores={"cadss-6": 0, "suds": 3},
        ).bundle(),
        default=float,
    )
)


@dataclass(frozen=True)
class Vignette:
    """
    One history and what the sheets say of it.

    Args:
        name: the history in words.
        changes: what makes this record differ from the unremarkable one.
        verdict: by the verdict table.
        found: finding -> "class truth" that must be among the findings.
        never: rules that must not be among the findings.
        dose_day: judged on the day of the dose.
    """

    name: str
    changes: tuple[Change, ...]
    verdict: str
    found: dict[str, str]
    never: tuple[str, ...] = ()
    dose_day: bool = False

    def bundle(self) -> Bundle:
        made = copy.deepcopy(DOSE_DAY if self.dose_day else COMPLETE)
        for change in self.changes:
            change(made)
        return made


# -- changes ---------------------------------------------------------------------------------------


def resource(bundle: Bundle, identity: str) -> dict[str, Any]:
    return next(e["resource"] for e in bundle["entry"] if e["resource"].get("id") == identity)


def add(*resources: dict[str, Any]) -> Change:
    return lambda bundle: bundle["entry"].extend({"resource": copy.deepcopy(one)} for one in resources)


def gone(*identities: str) -> Change:
    def change(bundle: Bundle) -> None:
        for one in identities:
            resource(bundle, one)
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"].get("id") not in identities]

    return change


def alter(identity: str, **elements: Any) -> Change:
    return lambda bundle: resource(bundle, identity).update(copy.deepcopy(elements))


def amount(identity: str, value: Any, code: str | None = None, **more: Any) -> Change:
    def change(bundle: Bundle) -> None:
        quantity = resource(bundle, identity)["valueQuantity"]
        quantity["value"] = value
        if code is not None:
            quantity |= {"code": code, "unit": code}
        quantity.update(more)

    return change


def dated(day: str, *identities: str) -> Change:
    def change(bundle: Bundle) -> None:
        for one in identities:
            resource(bundle, one)["effectiveDateTime"] = day

    return change


def answer(**items: Any) -> Change:
    """Intake answers by fact name, `_` for `-`; None takes the question out."""

    def change(bundle: Bundle) -> None:
        form = resource(bundle, "intake")
        for name, value in items.items():
            link = name.replace("_", "-")
            form["item"] = [i for i in form["item"] if i["linkId"] != link]
            if value is not None:
                form["item"].append({"linkId": link, "answer": [value if isinstance(value, dict) else _answer(value)]})

    return change


def _answer(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    return {"valueDate": value} if value[:4].isdigit() else {"valueCoding": {"system": ANSWER, "code": value}}


DECLINED = {
    "_valueBoolean": {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined"}
        ]
    }
}


def said(code: str, system: str = ICD, clinical: str | None = "active", sure: str | None = "confirmed", **more: Any):
    """A Condition as a problem list holds it."""
    one = {
        "resourceType": "Condition",
        "id": f"c-{code.replace('.', '-')}-{sure}",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": SUBJECT,
        "recordedDate": "2026-11-20",
    }
    for element, table, value in (
        ("clinicalStatus", "condition-clinical", clinical),
        ("verificationStatus", "condition-ver-status", sure),
    ):
        if value:
            coding = {"system": f"http://terminology.hl7.org/CodeSystem/{table}", "code": value}
            one[element] = {"coding": [coding]}
    return one | more


def takes(text: str, status: str = "active", mg: float | None = None, **more: Any) -> dict[str, Any]:
    one: dict[str, Any] = {
        "resourceType": "MedicationStatement",
        "id": "m-" + "".join(c for c in text.lower() if c.isalnum())[:40],
        "status": status,
        "medicationCodeableConcept": {"text": text},
        "subject": SUBJECT,
    }
    if mg:
        dose = {"value": mg, "unit": "mg", "system": UCUM, "code": "mg"}
        repeat = {"frequency": 1, "period": 1, "periodUnit": "d"}
        one["dosage"] = [{"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": dose}]}]
    return one | more


def observed(code: str, value: dict[str, Any], day: str = "2026-11-20", system: str = LOINC, **more: Any):
    return (
        {
            "resourceType": "Observation",
            "id": f"o-{code}-{day}",
            "status": "final",
            "code": {"coding": [{"system": system, "code": code}]},
            "subject": SUBJECT,
            "effectiveDateTime": day,
        }
        | value
        | more
    )


def pressure(systolic: int, diastolic: int, day: str, **more: Any) -> dict[str, Any]:
    parts = [
        {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", systolic), ("8462-4", diastolic))
    ]
    return observed("85354-9", {"component": parts}, day, **more)


def hcg(result: str, day: str = "2026-11-20") -> dict[str, Any]:
    return observed("2106-3", {"valueCodeableConcept": {"coding": [{"system": SCT, "code": result}]}}, day)


NEGATIVE, POSITIVE = "260385009", "10828004"
NO_PRESSURE = gone("systolic-0", "systolic-1", "diastolic-0", "diastolic-1")


def two_pressures(systolic: int, diastolic: int) -> tuple[Change, ...]:
    days = ("2026-11-18", "2026-11-23")
    return (NO_PRESSURE, *(add(pressure(systolic, diastolic, day)) for day in days))


def allergic(text: str | None = None, code: str | None = None, sure: str = "confirmed", **more: Any) -> dict[str, Any]:
    named: dict[str, Any] = {"text": text} if text else {}
    if code:
        named["coding"] = [{"system": RXNORM, "code": code}]
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"allergy-{sure}",
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}
            ]
        },
        "verificationStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": sure}
            ]
        },
        "code": named,
        "patient": SUBJECT,
        "recordedDate": "2026-11-20",
    } | more


def form(instrument: str, answers: list[Any], day: str = "2026-11-22", status: str = "completed") -> dict[str, Any]:
    items = [
        {"linkId": str(n), "answer": [{"valueBoolean": a} if isinstance(a, bool) else {"valueInteger": a}]}
        for n, a in enumerate(answers, 1)
        if a is not None
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"f-{instrument}-{day}",
        "questionnaire": f"{B}/Questionnaire/{instrument}",
        "status": status,
        "subject": SUBJECT,
        "authored": day,
        "item": items,
    }


def scored(instrument: str, total: int, day: str = "2026-11-20") -> dict[str, Any]:
    return observed(instrument, {"valueInteger": total}, day, INSTRUMENT)


def risk(level: str, day: str = "2026-11-20") -> dict[str, Any]:
    value = {"valueCodeableConcept": {"coding": [{"system": ANSWER, "code": level}]}}
    return observed("c-ssrs-screen", value, day, INSTRUMENT)


def born(day: str) -> Change:
    return alter("synthetic", birthDate=day)
