"""A session in FHIR: valid, whole, and saying of each value whether it still counts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from openkap.dose import adverse as ae
from openkap.dose import events as e
from openkap.dose.alerts import ARTEFACT
from openkap.dose.fhir import session_bundle
from openkap.dose.tests.sessions import BEGIN, DOCTOR, SECOND, Case, by_mouth, case
from openkap.dose.types import Phase
from openkap.kernel.quantity import DoseMg, Quantity
from openkap.kernel.r4 import faults
from openkap.plan.fhir import SYNTHETIC

DAY = timedelta(days=1)


def whole() -> Case:
    """An infusion with a correction, an alert that was taken, and an early stop."""
    run = case().to_dosing()
    run.do(e.SetRate, after_s=30, rate=Quantity(Decimal("1.2"), "mL/h"))
    run.now_s += 600
    run.check(systolic=158)
    (alert,) = run.session.open_alerts()
    run.do(e.Acknowledge, SECOND, alert=alert.id)
    wrong = next(r for r in run.session.readings if r.measure == "spo2" and r.taken_s == run.now_s)
    run.do(e.Correct, reading=wrong.id, reason="slip", quantity=Quantity(Decimal(97), "%"), taken_s=run.now_s)
    run.do(e.Stop, after_s=5, reason="enough", given_mg=DoseMg(Decimal("20.5")))
    run.do(e.Leave, DOCTOR, how="prescriber agrees", reason="child at home", advice_given=True)
    return run


def events(run: Case) -> list[ae.Adverse]:
    made = ae.drafted(run.session, run.session.alerts[0], SECOND, BEGIN + timedelta(minutes=12))
    full = replace(made, term="AE-BP", grade=4, relation="probable", serious=("life",), resolved_min=30, version=2)
    return [made, full, replace(full, grade=1, serious=())]


def of(bundle: dict, kind: str) -> list[dict]:
    return [x["resource"] for x in bundle["entry"] if x["resource"]["resourceType"] == kind]


SESSIONS = {
    "booked": lambda: case().session,
    "running": lambda: case().to_dosing().session,
    "paused": lambda: paused().session,
    "lozenge": lambda: case("sublingual").to_dosing(by_mouth()).session,
    "into the muscle": lambda: case("im").session,
    "ended": lambda: whole().session,
    "home": lambda: home().session,
}


def paused() -> Case:
    run = case().to_dosing()
    run.do(e.Pause, reason="nausea")
    return run


def home() -> Case:
    run = case().to_leaving()
    run.do(e.Discharge)
    return run


def test_a_value_that_a_device_sent_names_it_and_the_person_who_filed_it():
    run = case().to_dosing()
    run.do(e.Read, SECOND, measure="spo2", quantity=Quantity(Decimal(97), "%"), taken_s=run.now_s, device="Monitor 3")
    bundle = session_bundle(run.session)
    assert faults(bundle) == []
    *typed, sent = of(bundle, "Observation")
    assert sent["device"] == {"display": "Monitor 3"}
    assert sent["performer"][0]["display"] == SECOND.name
    assert not any("device" in one for one in typed)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_in_any_phase_is_valid_r4(name):
    found = events(whole()) if name == "ended" else []
    bundle = session_bundle(SESSIONS[name](), found, record_number="A-17", synthetic=True)
    assert faults(bundle) == []
    assert all(SYNTHETIC in x["resource"]["meta"]["tag"] for x in bundle["entry"])


def test_every_bundle_satisfies_the_referees(referees):
    run = whole()
    dead = replace(events(run)[1], id="ae-9", grade=5, resolved_min=None, onset_min=-5)
    artefact = replace(run.session.alerts[0], ended=(ARTEFACT, run.now_s))
    odd = session_bundle(replace(run.session, alerts=(artefact,)), [dead])
    made = [odd, session_bundle(run.session, events(run)), *(session_bundle(make()) for make in SESSIONS.values())]
    encoder = msgspec.json.Encoder(decimal_format="number")
    assert referees.check([msgspec.json.decode(encoder.encode(bundle)) for bundle in made]) == []


def test_a_dose_says_product_route_amount_really_given_rate_and_who():
    (dose,) = of(session_bundle(whole().session), "MedicationAdministration")
    assert dose["status"] == "stopped"
    assert dose["dosage"]["dose"] == {
        "value": Decimal("20.5"),
        "unit": "mg",
        "system": "http://unitsofmeasure.org",
        "code": "mg",
    }
    assert dose["dosage"]["rateQuantity"]["code"] == "mL/h"
    assert dose["dosage"]["route"]["coding"][0]["code"] == "47625008"
    assert set(dose["effectivePeriod"]) == {"start", "end"}
    (running,) = of(session_bundle(case().to_dosing().session), "MedicationAdministration")
    assert running["status"] == "in-progress" and set(running["effectivePeriod"]) == {"start"}
    assert "rateQuantity" in dose["dosage"]
    assert "dosage" not in running and "41 mg" in running["note"][0]["text"]  # how much of it, nobody knows yet
    (held,) = of(session_bundle(paused().session), "MedicationAdministration")
    assert held["status"] == "on-hold"


@pytest.mark.hazard("HAZ-78", "C1")
def test_a_struck_value_leaves_as_entered_in_error_and_the_one_in_its_place_as_corrected():
    run = whole()
    found = of(session_bundle(run.session), "Observation")
    assert len(found) == len(run.session.readings)
    struck = [x for x in found if x["status"] == "entered-in-error"]
    assert [(x["valueQuantity"]["value"], x["note"][0]["text"]) for x in struck] == [
        (Decimal(98), "Ana Nurse (synthetic): slip")
    ]
    assert [x["valueQuantity"]["value"] for x in found if x["status"] == "corrected"] == [Decimal(97)]
    leap = case().to_dosing()
    leap.read(systolic=200)
    last = of(session_bundle(leap.session), "Observation")[-1]
    assert last["status"] == "preliminary"


@pytest.mark.parametrize(
    ("measure", "system", "code"),
    [("systolic", "http://loinc.org", "8480-6"), ("heart-rate", "http://loinc.org", "8867-4"),
     ("moaas", "https://openkap.example/fhir/CodeSystem/reading", "moaas"),
     ("cadss-6", "https://openkap.example/fhir/CodeSystem/instrument", "cadss-6")],
)  # fmt: skip
def test_codes_are_those_of_the_vocabulary(measure, system, code):
    run = case().to_dosing()
    place = next(n for n, r in enumerate(run.session.readings) if r.measure == measure)
    found = of(session_bundle(run.session), "Observation")[place]
    assert found["code"]["coding"] == [{"system": system, "code": code}]


def test_alerts_say_who_took_them_and_events_their_grade_and_that_nobody_asked():
    run = whole()
    bundle = session_bundle(run.session, events(run))
    alert = of(bundle, "DetectedIssue")[0]
    assert alert["severity"] == "moderate" and "Systolic pressure 158" in alert["detail"]
    assert alert["mitigation"][0]["author"]["display"] == SECOND.name
    assert alert["evidence"]
    draft, severe, mild = of(bundle, "AdverseEvent")
    assert "seriousness" not in draft and "severity" not in draft
    assert severe["severity"]["coding"][0]["code"] == "severe"
    assert {c["code"] for c in severe["event"]["coding"]} == {"AE-BP", "4"}
    assert mild["severity"]["coding"][0]["code"] == "mild"
    assert mild["seriousness"]["coding"][0]["code"] == "non-serious"
    assert (draft["outcome"]["coding"][0]["code"], severe["outcome"]["coding"][0]["code"]) == ("unknown", "resolved")


def test_the_encounter_begins_with_the_arrival_and_a_booking_has_no_time_yet():
    run = case().to_dosing()
    arrived = next(x for x in run.session.log if isinstance(x.event, e.Arrive))
    noted = replace(arrived, before=Phase.BOOKED, after=Phase.BOOKED, stamp=replace(arrived.stamp, at=BEGIN - DAY))
    (one,) = of(session_bundle(replace(run.session, log=(noted, *run.session.log))), "Encounter")
    assert one["period"]["start"] == arrived.stamp.at.isoformat(timespec="seconds")
    (booked,) = of(session_bundle(replace(case().session, log=(noted,))), "Encounter")
    assert "period" not in booked


@pytest.mark.parametrize(
    ("changed", "doses"),
    [
        ({"relation": "not assessed"}, 0),
        ({"relation": "unrelated"}, 0),
        ({"relation": "probable", "onset_min": -20}, 0),
        ({"relation": "probable", "onset_min": 0}, 1),
        ({"relation": "probable", "onset_min": None}, 1),
    ],
)
def test_a_dose_is_suspected_only_where_somebody_holds_it_related_and_it_came_before(changed, doses):
    run = whole()
    event = replace(events(run)[1], **changed)
    bundle = session_bundle(run.session, [event])
    assert faults(bundle) == []
    (one,) = of(bundle, "AdverseEvent")
    assert len(one.get("suspectEntity", [])) == doses
    assert ("date" in one) is (event.onset_min is not None)


def test_of_two_doses_the_one_before_the_onset_is_suspected_and_the_onset_has_its_time():
    run = whole()
    first = run.session.given[0]
    later = replace(
        first.started, elapsed_s=first.started.elapsed_s + 5400, at=first.started.at + timedelta(minutes=90)
    )
    session = replace(run.session, given=(first, replace(first, step=2, started=later, ended=later)))
    event = replace(events(run)[1], resolved_min=None)
    for minute, dose in ((10, "dose-1"), (89, "dose-1"), (90, "dose-2"), (120, "dose-2")):
        (one,) = of(session_bundle(session, [replace(event, onset_min=minute)]), "AdverseEvent")
        assert [x["instance"]["reference"].rsplit("/", 1)[1] for x in one["suspectEntity"]] == [dose]
        assert one["date"] == (first.started.at + timedelta(minutes=minute)).isoformat(timespec="seconds")
    (one,) = of(session_bundle(session, [replace(event, onset_min=None)]), "AdverseEvent")
    assert len(one["suspectEntity"]) == 2


def test_a_death_is_coded_as_one():
    run = whole()
    event = replace(events(run)[1], grade=5, resolved_min=None)
    (one,) = of(session_bundle(run.session, [event]), "AdverseEvent")
    assert one["outcome"]["coding"][0]["code"] == "fatal"


def test_an_alert_that_was_an_artefact_leaves_as_entered_in_error():
    run = whole()
    alert = run.session.alerts[0]
    session = replace(run.session, alerts=(replace(alert, ended=(ARTEFACT, run.now_s)),))
    bundle = session_bundle(session)
    assert of(bundle, "DetectedIssue")[0]["status"] == "entered-in-error" and faults(bundle) == []
    session = replace(run.session, alerts=(replace(alert, ended=("quiet", run.now_s)),))
    assert of(session_bundle(session), "DetectedIssue")[0]["status"] == "final"
