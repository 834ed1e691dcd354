"""
The plan document as FHIR R4: one Bundle that any record system can file as a proposal.

Nothing in it is an order: the CarePlan, its sessions and the medicine are drafts of intent `proposal`,
findings and verdict are preliminary. Days and windows stand in a RequestGroup, start to start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from openkap import __version__
from openkap.chart.vocabulary import ingredients
from openkap.kernel.coding import BASE, RXNORM, SNOMED, UCUM
from openkap.kernel.content import content_version
from openkap.plan import words

Document = Mapping[str, Any]
Resource = dict[str, Any]

SYNTHETIC = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "synthetic"}
CONTENT_TAG = f"{BASE}/CodeSystem/content-version"
RULE = f"{BASE}/CodeSystem/rule"
ROW = f"{BASE}/CodeSystem/content-row"
MODULE = f"{BASE}/screen"
SESSION_KIND = f"{BASE}/CodeSystem/session-kind"

# Routes of administration: SNOMED CT codes only, no descriptions (facts-in-FHIR sheet, section 10).
ROUTES = {
    "iv": "47625008",
    "im": "78421000",
    "sc": "34206005",
    "sublingual": "37839007",
    "oral": "26643006",
    "nasal": "46713006",
}
SEVERITY = {"exclude": "high", "hold": "high", "caution": "moderate", "inform": "low"}
PATIENT = {"reference": f"{BASE}/Patient/subject"}
DEVICE = {"reference": f"{BASE}/Device/openkap"}


def plan_bundle(document: Document, recorded: datetime | None = None) -> Resource:
    """
    The Bundle (collection) of a plan document.

    Args:
        document: as `openkap.plan.propose.propose` gives it, or the same read back from JSON.
        recorded: when it was made, with zone; by default the first moment of the day of decision in UTC,
            so that the same document gives the same Bundle.

    Returns:
        Valid R4. Versions of program and content stand in `meta.tag`, Device and Provenance; every
        resource about a synthetic person carries the test-record tag.
    """
    moment = recorded or datetime.fromisoformat(document["on"]).replace(tzinfo=UTC)
    drafted = document["regimen"] if document["verdict"] != "exclude" else None
    sessions = document["programme"]["sessions"]
    issues = [_issue(f, document) for f in document["findings"] if f["truth"] != "false"]
    goals = [_goal(name) for name in document["summary"]["disorders"]]
    medicine = [_medicine(drafted, document)] if drafted else []
    consent = [_consent(document)] if document["consent_topics"] else []
    requests = [_session(s, document) for s in sessions]
    asks = [_ask(place, ask, document) for place, ask in enumerate(document["missing"], 1)]
    plan = _care_plan(document, goals, medicine, [*issues, *asks, *consent])
    resources = [
        _patient(document["patient"]),
        plan,
        *goals,
        _group(sessions, document),
        *requests,
        *medicine,
        _verdict(document),
        *issues,
        *asks,
        *consent,
        _device(),
    ]
    resources.append(_provenance(document, moment, resources))
    tags = [{"system": CONTENT_TAG, "code": content_version()}]
    if document["patient"]["synthetic"]:
        tags.append(SYNTHETIC)
    for resource in resources:
        resource["meta"] = {"tag": list(tags)}
    entries = [{"fullUrl": _url(r), "resource": r} for r in resources]
    return {"resourceType": "Bundle", "meta": {"tag": list(tags)}, "type": "collection", "entry": entries}


def _url(resource: Resource) -> str:
    return f"{BASE}/{resource['resourceType']}/{resource['id']}"


def _reference(resource: Resource) -> dict[str, str]:
    return {"reference": _url(resource)}


def _notes(*texts: str) -> list[dict[str, str]]:
    return [{"text": said} for said in texts if said]


def _patient(patient: Mapping[str, Any]) -> Resource:
    resource: Resource = {"resourceType": "Patient", "id": "subject"}
    if patient["record"]:
        resource["identifier"] = [{"value": patient["record"]}]
    if patient["name"]:
        resource["name"] = [{"text": patient["name"]}]
    if patient["birth_date"]:
        resource["birthDate"] = patient["birth_date"]
    return resource


def _care_plan(
    document: Document, goals: Sequence[Resource], medicine: Sequence[Resource], beside: Sequence[Resource]
) -> Resource:
    said = [_remarked(row) for row in document["limits"]]
    ways = [
        f"{m['title']} ({m['role']}): {m['wording']}. {words.GATE_WORDS[m['gate']['state']]}."
        for m in document["modalities"]
    ]
    references = [{"reference": f"{BASE}/RequestGroup/sessions"}, *map(_reference, medicine)]
    resource: Resource = {
        "resourceType": "CarePlan",
        "id": "programme",
        "status": "draft",
        "intent": "proposal",
        "title": document["programme"]["title"],
        "description": f"{words.DRAFT}. {document['programme']['outline']}",
        "subject": PATIENT,
        "created": document["on"],
        "author": DEVICE,
        "activity": [{"reference": reference} for reference in references],
        "note": _notes(*ways, *said),
    }
    if goals:
        resource["goal"] = [_reference(g) for g in goals]
    resource["supportingInfo"] = [{"reference": f"{BASE}/GuidanceResponse/verdict"}, *map(_reference, beside)]
    return resource


def _remarked(row: Mapping[str, Any]) -> str:
    """A statement, with the remark that a source of it was retracted, which never goes without it."""
    return f"{row['text']} Retracted or corrected: {row['retracted']}" if row["retracted"] else row["text"]


def _goal(disorder: str) -> Resource:
    return {
        "resourceType": "Goal",
        "id": f"goal-{disorder}",
        "lifecycleStatus": "proposed",
        "description": {
            "text": f"Less {words.DISORDER_WORDS[disorder]}; the person's own aim and target are to be agreed"
        },
        "subject": PATIENT,
    }


# -- sessions --------------------------------------------------------------------------------------


def _session(session: Mapping[str, Any], document: Document) -> Resource:
    timing: dict[str, Any] = {
        "repeat": {"duration": session["minutes"], "durationUnit": "min"},
        "code": {"text": f"day {session['day'] + 1} of the programme, a suggestion"},
    }
    if "date" in session:
        timing["event"] = [session["date"]]
    resource: Resource = {
        "resourceType": "ServiceRequest",
        "id": session["id"],
        "status": "draft",
        "intent": "proposal",
        "category": [{"coding": [{"system": SESSION_KIND, "code": session["kind"]}]}],
        "code": {"text": session["title"]},
        "subject": PATIENT,
        "occurrenceTiming": timing,
        "authoredOn": document["on"],
        "requester": DEVICE,
        "note": _notes(words.DRAFT, session["why"], _list("Who", session["roles"]), _list("Needs", session["needs"])),
    }
    if session["roles"]:
        resource["performerType"] = {"text": ", ".join(session["roles"])}
    return resource


def _list(name: str, values: Sequence[str]) -> str:
    return f"{name}: {'; '.join(values)}" if values else ""


def _group(sessions: Sequence[Mapping[str, Any]], document: Document) -> Resource:
    """The order of sessions: each after the start of others, by a range of hours."""
    return {
        "resourceType": "RequestGroup",
        "id": "sessions",
        "status": "draft",
        "intent": "proposal",
        "subject": PATIENT,
        "authoredOn": document["on"],
        "author": DEVICE,
        "note": _notes(words.DRAFT, "Offsets count from start to start."),
        "action": [_action(s) for s in sessions],
    }


def _action(session: Mapping[str, Any]) -> dict[str, Any]:
    action: dict[str, Any] = {
        "id": session["id"],
        "title": session["title"],
        "resource": {"reference": f"{BASE}/ServiceRequest/{session['id']}"},
    }
    if session["after"]:
        action["relatedAction"] = [
            {"actionId": a["id"], "relationship": "after-start", "offsetRange": _range(a["min_h"], a["max_h"])}
            for a in session["after"]
        ]
    return action


def _range(least: int, most: int | None) -> dict[str, Any]:
    found = {"low": _quantity(least, "h")}
    return found if most is None else found | {"high": _quantity(most, "h")}


def _quantity(value: Any, code: str) -> dict[str, Any]:
    return {"value": value, "unit": code, "system": UCUM, "code": code}


# -- the medicine ----------------------------------------------------------------------------------


def _medicine(regimen: Mapping[str, Any], document: Document) -> Resource:
    drug = regimen["drug"]
    code = ingredients()[drug].rxnorm
    chosen = "named in the preferences" if regimen["chosen_by"] == "preferences" else "first by order, not chosen"
    basis = f"{regimen['evidence']}; {words.standing(regimen['evidence_class'], regimen['verified'])}"
    return {
        "resourceType": "MedicationRequest",
        "id": "regimen",
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code}], "text": drug},
        "subject": PATIENT,
        "authoredOn": document["on"],
        "requester": DEVICE,
        "note": _notes(words.DRAFT, f"{regimen['id']}: {regimen['title']}; {chosen}.", basis, *regimen["warnings"]),
        "dosageInstruction": [_dosage(place, step, regimen) for place, step in enumerate(regimen["dose"]["steps"], 1)],
    }


def _dosage(place: int, step: Mapping[str, Any], regimen: Mapping[str, Any]) -> dict[str, Any]:
    dose = regimen["dose"]
    absolute, per_kg = words.dose_words(step, dose["weight_kg"])
    weight = "dosing weight not known"
    if dose["weight_kg"] is not None:
        weighed = f", measured on {words.long_date(dose['weight_on'])}" if dose["weight_on"] else ""
        weight = f"dosing weight {words.figure(dose['weight_kg'], 'kg')}{weighed}"
    route = words.ROUTE_WORDS[regimen["route"]]
    duration = f", over {words.figure(dose['duration_min'], 'min')}" if dose["duration_min"] is not None else ""
    dosage: dict[str, Any] = {
        "sequence": place,
        "text": f"From dose {step['dose']}: {absolute}; {per_kg}; {weight}; {route}{duration}; {step['condition']}",
        "route": {"coding": [{"system": SNOMED, "code": ROUTES[regimen["route"]]}], "text": route},
    }
    if dose["duration_min"] is not None:
        dosage["timing"] = {"repeat": {"duration": dose["duration_min"], "durationUnit": "min"}}
    if step["mg"] is not None:
        dosage["doseAndRate"] = [{"doseQuantity": _quantity(step["mg"], "mg")}]
    return dosage


# -- verdict, findings, questions, consent -----------------------------------------------------------


def _verdict(document: Document) -> Resource:
    """The verdict as a guidance response; a RiskAssessment would say the same in a resource made for probabilities."""
    word = document["verdict"]
    return {
        "resourceType": "GuidanceResponse",
        "id": "verdict",
        "contained": [
            {"resourceType": "Parameters", "id": "out", "parameter": [{"name": "verdict", "valueCode": word}]},
        ],
        "moduleUri": MODULE,
        "status": "data-required" if word == "insufficient" else "success",
        "subject": PATIENT,
        "occurrenceDateTime": document["on"],
        "performer": DEVICE,
        "note": _notes(
            f"Verdict {word}: {words.VERDICT_WORDS[word]}.",
            words.DRAFT,
            "" if document["signable"] else "This draft can never be signed.",
        ),
        "outputParameters": {"reference": "#out"},
        "result": {"reference": f"{BASE}/CarePlan/programme"},
    }


def _issue(finding: Mapping[str, Any], document: Document) -> Resource:
    unknown = "Not known. " if finding["truth"] == "unknown" else ""
    sure = words.standing(finding["evidence"], finding["verified"])
    return {
        "resourceType": "DetectedIssue",
        "id": f"{finding['rule']}-{finding['class']}",
        "status": "preliminary",
        "code": {"coding": [{"system": RULE, "code": finding["rule"]}], "text": finding["title"]},
        "severity": SEVERITY[finding["class"]],
        "patient": PATIENT,
        "identifiedDateTime": document["on"],
        "author": DEVICE,
        "detail": f"{words.CLASS_WORDS[finding['class']]}. {unknown}{words.sentence(finding['because'])} "
        f"Action: {words.sentence(finding['action'])} Evidence: {sure}.",
    }


def _ask(place: int, ask: Mapping[str, Any], document: Document) -> Resource:
    return {
        "resourceType": "Task",
        "id": f"ask-{place}",
        "status": "draft",
        "intent": "proposal",
        "code": {"text": "ask for a missing fact"},
        "description": ask["question"],
        "for": PATIENT,
        "authoredOn": document["on"],
        "requester": DEVICE,
        "note": _notes(ask["reason"], _list("Rules that wait", ask["rules"])),
    }


def _consent(document: Document) -> Resource:
    """The topics to talk through, as a form; it is not the consent."""
    return {
        "resourceType": "Questionnaire",
        "id": "consent-topics",
        "url": f"{BASE}/Questionnaire/consent-topics",
        "version": content_version(),
        "name": "ConsentTopics",
        "title": "Consent: topics to talk through",
        "status": "draft",
        "subjectType": ["Patient"],
        "item": [
            {
                "linkId": row["id"],
                "text": f"{row['title']}: {row['text']}" if row["title"] else row["text"],
                "type": "boolean",
            }
            for row in document["consent_topics"]
        ],
    }


# -- where it comes from -----------------------------------------------------------------------------


def _device() -> Resource:
    return {
        "resourceType": "Device",
        "id": "openkap",
        "deviceName": [{"name": "OpenKAP", "type": "model-name"}],
        "version": [
            {"type": {"text": "software"}, "value": __version__},
            {"type": {"text": "clinical content"}, "value": content_version()},
        ],
    }


def _provenance(document: Document, moment: datetime, resources: Sequence[Resource]) -> Resource:
    """Who made it from which rows of content, each with the fingerprint of the row as it was used."""
    rows = [
        {"role": "source", "what": {"identifier": {"system": ROW, "value": f"{name}#{mark}"}, "display": name}}
        for name, mark in document["content_rows"].items()
    ]
    return {
        "resourceType": "Provenance",
        "id": "origin",
        "target": [_reference(r) for r in resources if r["resourceType"] not in ("Patient", "Device")],
        "recorded": moment.isoformat(),
        "agent": [
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                            "code": "assembler",
                        }
                    ]
                },
                "who": DEVICE,
            }
        ],
        "entity": [
            {
                "role": "source",
                "what": {
                    "identifier": {"system": CONTENT_TAG, "value": content_version()},
                    "display": "clinical content",
                },
            },
            *rows,
        ],
    }
