"""
A session as FHIR R4: one Bundle (collection) of what happened, for another record system.

Encounter, the doses as MedicationAdministration, every reading as Observation (struck ones as entered in error, those
that took their place as corrected, unconfirmed ones as preliminary), alerts as DetectedIssue with who took them, and
adverse events. Codes are those of the fact convention; what has no code of the world carries one of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from openkap import __version__
from openkap.chart.vocabulary import facts, ingredients
from openkap.dose import events as e
from openkap.dose.adverse import Adverse
from openkap.dose.alerts import ARTEFACT
from openkap.dose.library import shipped
from openkap.dose.record import dose_words, moment
from openkap.dose.session import Session
from openkap.dose.types import ENDED, Administration, Alert, Phase, Reading, Staff
from openkap.kernel.coding import BASE, FACT, INSTRUMENT, LOINC, RXNORM, SNOMED, UCUM
from openkap.kernel.content import content_version
from openkap.kernel.quantity import unit_words
from openkap.plan.fhir import CONTENT_TAG, ROUTES, SYNTHETIC
from openkap.plan.library import adverse_events
from openkap.plan.words import ROUTE_WORDS

Resource = dict[str, Any]

READING = f"{BASE}/CodeSystem/reading"
TERM = f"{BASE}/CodeSystem/adverse-event"
ALERT = f"{BASE}/CodeSystem/alert"
PHASE = f"{BASE}/CodeSystem/session-phase"
GRADE = f"{BASE}/CodeSystem/adverse-event-grade"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
PATIENT = {"reference": f"{BASE}/Patient/subject"}
ENCOUNTER = {"reference": f"{BASE}/Encounter/session"}
DEVICE = {"reference": f"{BASE}/Device/openkap"}
STATUS = {Phase.BOOKED: "planned", Phase.CANCELLED: "cancelled"}
SEVERITY = {"red": "high", "amber": "moderate"}
FATAL = 5  # GRADE-5 of the content, death
SEVERE = ("mild", "moderate", "severe")  # R4 has no worse; the grade stands beside it


def session_bundle(
    session: Session, events: Iterable[Adverse] = (), *, record_number: str = "", synthetic: bool = False
) -> Resource:
    """
    The Bundle of a session as its log stands.

    Args:
        events: adverse events of this session, each in its newest version.
        record_number: of the patient. synthetic: tags every resource as a test record.

    Returns:
        Valid R4; the same session gives the same Bundle.
    """
    doses = [_dose(place, dose, session) for place, dose in enumerate(session.given, 1)]
    devices = {x.event.key: x.event.device for x in session.log if isinstance(x.event, e.Read)}
    readings = [_reading(place, reading, session, devices) for place, reading in enumerate(session.readings, 1)]
    places = {reading.id: place for place, reading in enumerate(session.readings, 1)}
    alerts = [_alert(place, alert, session, places) for place, alert in enumerate(session.alerts, 1)]
    adverse = [_adverse(place, event, session, doses) for place, event in enumerate(events, 1)]
    found = [_patient(session, record_number), _encounter(session), *doses, *readings, *alerts, *adverse]
    resources = [*found, *_people(session, events), _device(session), _provenance(session, found)]
    tags = [{"system": CONTENT_TAG, "code": session.protocol.content}, *([SYNTHETIC] if synthetic else [])]
    for resource in resources:
        resource["meta"] = {"tag": list(tags)}
    entries = [{"fullUrl": _url(resource), "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "meta": {"tag": list(tags)}, "type": "collection", "entry": entries}


# -- who, when -------------------------------------------------------------------------------------------


def _patient(session: Session, record_number: str) -> Resource:
    resource: Resource = {"resourceType": "Patient", "id": "subject"}
    if record_number:
        resource["identifier"] = [{"value": record_number}]
    return resource | {"name": [{"text": session.person.name}], "birthDate": session.person.born.isoformat()}


def _people(session: Session, events: Iterable[Adverse]) -> list[Resource]:
    """Everyone whom a resource names, once."""
    staff: dict[str, Staff] = {entry.event.by.id: entry.event.by for entry in session.log}
    staff |= {event.by.id: event.by for event in events}
    staff |= {alert.acknowledged[0].id: alert.acknowledged[0] for alert in session.alerts if alert.acknowledged}
    return [
        {"resourceType": "Practitioner", "id": one.id, "name": [{"text": one.name}]}
        for one in staff.values()
        if one.id != "system"
    ]


def _by(staff: Staff) -> dict[str, str]:
    return DEVICE if staff.id == "system" else {"reference": f"{BASE}/Practitioner/{staff.id}", "display": staff.name}


def _encounter(session: Session) -> Resource:
    over = session.phase in ENDED
    status = STATUS.get(session.phase, "finished" if over else "in-progress")
    resource: Resource = {
        "resourceType": "Encounter",
        "id": "session",
        "identifier": [{"system": f"{BASE}/session", "value": session.id}],
        "status": status,
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "AMB"},
        "type": [{"coding": [{"system": PHASE, "code": session.phase.name.lower()}], "text": session.phase.value}],
        "subject": PATIENT,
    }
    begun = next((x.stamp.at for x in session.log if x.after is Phase.ARRIVED), None)
    if begun is not None:
        ended = next((x.stamp.at for x in session.log if x.after in ENDED and x.before not in ENDED), None)
        resource["period"] = {"start": _at(begun), **({"end": _at(ended)} if ended else {})}
    if session.observer:
        resource["participant"] = [{"individual": _by(session.observer)}]
    return resource


# -- doses, readings -------------------------------------------------------------------------------------


def _dose(place: int, dose: Administration, session: Session) -> Resource:
    paused = bool(dose.paused_s) and dose.paused_s[-1][1] is None
    running = "on-hold" if paused else "in-progress"
    status = running if dose.ended is None else "completed" if dose.complete else "stopped"
    dosage: dict[str, Any] = {
        "text": dose_words(dose),
        "route": {"coding": [{"system": SNOMED, "code": ROUTES[dose.route]}], "text": ROUTE_WORDS[dose.route]},
    }
    if dose.ended is not None:  # while it runs nobody knows how much of it was given
        dosage["dose"] = {"value": (dose.given_mg or dose.mg).mg, "unit": "mg", "system": UCUM, "code": "mg"}
    if dose.rates:
        rate = dose.rates[-1][1]
        dosage["rateQuantity"] = {"value": rate.value, "unit": unit_words(rate.unit), "system": UCUM, "code": rate.unit}
    if dose.ended is not None and dose.ended.at > dose.started.at:
        when: dict[str, Any] = {"effectivePeriod": {"start": _at(dose.started.at), "end": _at(dose.ended.at)}}
    elif dose.ended is None:
        when = {"effectivePeriod": {"start": _at(dose.started.at)}}
    else:
        when = {"effectiveDateTime": _at(dose.started.at)}
    dosed = "dose" in dosage or "rateQuantity" in dosage  # R4 lets a dosage say neither in no case (mad-1)
    return {
        "resourceType": "MedicationAdministration",
        "id": f"dose-{place}",
        "identifier": [{"system": f"{BASE}/session/{session.id}/order", "value": f"{dose.order}.{dose.step}"}],
        "status": status,
        "medicationCodeableConcept": {
            "coding": [{"system": RXNORM, "code": ingredients()[dose.drug].rxnorm}],
            "text": f"{dose.drug}, lot {dose.lot}",
        },
        "subject": PATIENT,
        "context": ENCOUNTER,
        **when,
        "performer": [{"actor": _by(dose.by)}],
        **({"dosage": dosage} if dosed else {"note": [{"text": dose_words(dose)}]}),
    }


def _reading(place: int, reading: Reading, session: Session, devices: dict[str, str]) -> Resource:
    measure = session.protocol.measures[reading.measure]
    status = "corrected" if reading.replaces else "final"
    if not reading.confirmed:
        status = "preliminary"
    if reading.voided:
        status = "entered-in-error"
    resource: Resource = {
        "resourceType": "Observation",
        "id": f"reading-{place}",
        "status": status,
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": _kind(reading.measure)}]}],
        "code": {"coding": [_code(reading.measure)], "text": measure.title},
        "subject": PATIENT,
        "encounter": ENCOUNTER,
        "effectiveDateTime": _at(moment(session, reading.taken_s) or reading.entered.at),
        "issued": _at(reading.entered.at),
        "performer": [_by(reading.by)],
        "valueQuantity": {
            "value": reading.quantity.value,
            "unit": unit_words(measure.unit) or measure.unit,
            "system": UCUM,
            "code": measure.unit,
        },
    }
    if device := devices.get(reading.id):  # the value is the device's, the act of filing it is the performer's
        resource["device"] = {"display": device}
    if reading.voided:
        resource["note"] = [{"text": reading.voided}]
    return resource


def _fact(name: str) -> str:
    return next((row.fact for row in shipped().readings.measure if row.name == name), "")


def _kind(name: str) -> str:
    fact = facts().get(_fact(name))
    return "vital-signs" if fact and any(code.system == "loinc" for code in fact.codes) else "survey"


def _code(name: str) -> dict[str, str]:
    """LOINC where the vocabulary has it; else our name: of a fact, an instrument or a reading."""
    fact = facts().get(_fact(name))
    if fact is None:
        return {"system": READING, "code": name}
    loinc = next((code.code for code in fact.codes if code.system == "loinc"), None)
    if loinc is not None:
        return {"system": LOINC, "code": loinc}
    return {"system": INSTRUMENT if fact.kind == "score" else FACT, "code": fact.id}


# -- alerts, adverse events ------------------------------------------------------------------------------


def _alert(place: int, alert: Alert, session: Session, places: dict[str, int]) -> Resource:
    coding = [{"system": ALERT, "code": row} for row in alert.rows]
    status = "preliminary" if alert.ended is None else "entered-in-error" if alert.ended[0] == ARTEFACT else "final"
    resource: Resource = {
        "resourceType": "DetectedIssue",
        "id": f"alert-{place}",
        "status": status,
        "code": {"coding": coding, "text": alert.about} if coding else {"text": alert.about},
        "severity": SEVERITY[alert.level],
        "patient": PATIENT,
        "author": DEVICE,
        "detail": f"{alert.level.capitalize()}: {alert.text}" + (f" Over: {alert.ended[0]}" if alert.ended else ""),
    }
    if (raised := moment(session, alert.raised_s)) is not None:
        resource["identifiedDateTime"] = _at(raised)
    found = [places[one] for one in alert.readings if one in places]
    if found:
        resource["evidence"] = [{"detail": [{"reference": f"{BASE}/Observation/reading-{n}"}]} for n in found]
    if alert.acknowledged:
        who, at_s = alert.acknowledged
        taken: dict[str, Any] = {"action": {"text": "taken by a person"}, "author": _by(who)}
        if (when := moment(session, at_s)) is not None:
            taken["date"] = _at(when)
        resource["mitigation"] = [taken]
    return resource


def _adverse(place: int, event: Adverse, session: Session, doses: list[Resource]) -> Resource:
    term = next((row.term for row in adverse_events().event if row.id == event.term), "")
    coding = [{"system": TERM, "code": event.term}] if event.term else []
    coding += [{"system": GRADE, "code": str(event.grade)}] if event.grade is not None else []
    said = event.text or term or "not said"
    resource: Resource = {
        "resourceType": "AdverseEvent",
        "id": f"adverse-{place}",
        "identifier": {
            "system": f"{BASE}/session/{event.session}/adverse",
            "value": f"{event.id}, version {event.version}",
        },
        "actuality": "actual",
        "event": {"coding": coding, "text": said} if coding else {"text": said},
        "subject": PATIENT,
        "encounter": ENCOUNTER,
        "recordedDate": _at(event.at),
        "recorder": _by(event.by),
        "outcome": _coded("adverse-event-outcome", _outcome(event)),
    }
    if (onset := _onset(event, session)) is not None:
        resource["date"] = _at(onset)
    if event.serious is not None:
        resource["seriousness"] = _coded("adverse-event-seriousness", "serious" if event.serious else "non-serious")
    if event.grade is not None:
        word = next(row.title.lower() for row in shipped().adverse.grade if row.grade == event.grade)
        resource["severity"] = _coded("adverse-event-severity", word if word in SEVERE else SEVERE[-1])
    if suspects := _suspects(event, session, doses):
        causality = [{"assessment": {"text": event.relation}}]
        resource["suspectEntity"] = [{"instance": {"reference": _url(x)}, "causality": causality} for x in suspects]
    return resource


def _outcome(event: Adverse) -> str:
    if event.grade == FATAL:
        return "fatal"
    return "resolved" if event.resolved_min is not None else "unknown"


def _onset(event: Adverse, session: Session) -> datetime | None:
    """When it began; None where nobody said, or there was no dose to count from."""
    if event.onset_min is None or not session.given:
        return None
    first = session.given[0].started
    found = moment(session, max(0, first.elapsed_s + event.onset_min * 60))
    return found or first.at + timedelta(minutes=event.onset_min)


def _suspects(event: Adverse, session: Session, doses: list[Resource]) -> list[Resource]:
    """The dose it began after; every dose where nobody said when; none where a person says or implies it was none."""
    if event.relation in ("not assessed", "unrelated") or not doses:
        return []
    if event.onset_min is None:
        return doses
    onset_s = session.given[0].started.elapsed_s + event.onset_min * 60
    # minutes are whole: a dose that began inside that minute counts as begun
    before = [x for x, dose in zip(doses, session.given, strict=True) if dose.started.elapsed_s < onset_s + 60]
    return before[-1:] if event.onset_min >= 0 else []


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


# -- where it comes from ---------------------------------------------------------------------------------


def _device(session: Session) -> Resource:
    return {
        "resourceType": "Device",
        "id": "openkap",
        "deviceName": [{"name": "OpenKAP", "type": "model-name"}],
        "version": [
            {"type": {"text": "software"}, "value": __version__},
            {"type": {"text": "clinical content of the session"}, "value": session.protocol.content},
            {"type": {"text": "clinical content of the codes"}, "value": content_version()},
        ],
    }


def _provenance(session: Session, found: list[Resource]) -> Resource:
    last = session.log[-1].stamp.at if session.log else None
    return {
        "resourceType": "Provenance",
        "id": "origin",
        "target": [{"reference": _url(one)} for one in found if one["resourceType"] != "Patient"],
        "recorded": _at(last) if last else f"{session.day.isoformat()}T00:00:00Z",
        "agent": [
            {
                "type": {"coding": [{"system": f"{_TERMINOLOGY}/provenance-participant-type", "code": "assembler"}]},
                "who": DEVICE,
            }
        ],
    }


def _at(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _url(resource: Resource) -> str:
    return f"{BASE}/{resource['resourceType']}/{resource['id']}"
