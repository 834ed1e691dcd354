"""The door for devices: shut by itself, no value is filed but by a nurse at the chair whose device it is."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import services_book, services_device
from openkap.dose.models import AlertState, SessionEvent
from openkap.dose.models_device import Device, DeviceBinding, DeviceValue
from openkap.dose.tests.ward import Ward
from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import services as people
from openkap.people.models import AuditEvent
from openkap.people.services import Identity
from openkap.people.types import Role
from tests.database import Clinic

WHY = "counsel's opinion of 3 November 2026 is on file"


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic).to_dosing()


@pytest.fixture
def monitor(clinic: Clinic) -> tuple[Device, str]:
    services_device.switch(clinic.principal(Role.SITE_ADMIN), True, WHY)
    return services_device.add_device(clinic.principal(Role.SITE_ADMIN), "Monitor 3")


def bind(ward: Ward, device: Device, **changes: Any) -> DeviceBinding:
    person = {"name": ward.session.person.name, "born": ward.session.person.born, **changes}
    return services_device.bind(ward.clinic.principal(Role.NURSE), ward.row, device, **person)


def observation(systolic: float = 128, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    def part(code: str, value: float, unit: str = "mm[Hg]") -> dict[str, Any]:
        quantity = {"value": value, "system": "http://unitsofmeasure.org", "code": unit}
        return {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueQuantity": quantity}

    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "urn:monitor", "value": str(uuid4())}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "effectiveDateTime": (at or timezone.now()).isoformat(),
        "component": [part("8480-6", systolic), part("8462-4", 81)],
        **changes,
    }


def send(token: str, document: Any) -> Any:
    body = document if isinstance(document, str) else json.dumps(document)
    headers = {"Authorization": f"Bearer {token}"}
    return Client().post("/api/fhir/Observation", body, content_type="application/fhir+json", headers=headers)


def file_it(ward: Ward, value: DeviceValue, key: str = "", role: Role = Role.NURSE) -> dict[str, str]:
    entry = {"key": key or str(uuid4()), "kind": "FileValue", "fields": {"value": str(value.pk)}}
    body = {"by": str(ward.clinic.users[role].pk), "events": [entry]}
    path = f"/p/{ward.patient.pk}/dose/{ward.row.pk}/events/"
    return ward.clinic.client(role).post(path, json.dumps(body), content_type="application/json").json()["results"][0]


@pytest.mark.hazard("HAZ-05", "C2")
def test_the_door_is_shut_until_a_site_admin_opens_it_with_a_reason_on_record(clinic: Clinic):
    admin = clinic.principal(Role.SITE_ADMIN)
    _device, token = services_device.add_device(admin, "Monitor 3")
    assert send(token, observation()).status_code == 401
    with pytest.raises(UserError, match="too short"):
        services_device.switch(admin, True, "because")
    with pytest.raises(Forbidden):
        services_device.switch(clinic.principal(Role.PRESCRIBER), True, WHY)
    assert (
        clinic.client(Role.SITE_ADMIN)
        .post("/site/devices/switch/", {"reason": WHY, "idempotency_key": str(uuid4())})
        .status_code
        == 302
    )
    text = clinic.client(Role.SITE_ADMIN).get("/site/devices/").content.decode()
    assert "Site-Admin Person" in text and "opinion of 3 November" in text
    assert AuditEvent.objects.filter(type="setting", reason=f"on: {WHY}").exists()
    assert send(token, observation()).status_code == 201
    assert send("", observation()).status_code == send("wrong", observation()).status_code == 401


@pytest.mark.hazard("HAZ-05", "C2")
def test_a_value_of_a_bound_device_waits_at_its_chair_and_is_filed_by_one_tap_marked_and_once(ward: Ward, monitor: Any):
    device, token = monitor
    bind(ward, device)
    before = SessionEvent.objects.count()
    assert send(token, observation(231)).status_code == 201
    assert SessionEvent.objects.count() == before and not AlertState.objects.exists()  # no alarm comes from the signal
    client, path = ward.clinic.client(Role.NURSE), f"/p/{ward.patient.pk}/dose/{ward.row.pk}/"
    assert "Systolic 231 mmHg" in client.get(path).content.decode()
    value, other = services_device.proposals(ward.row)
    assert (value.measure, other.measure) == ("systolic", "diastolic")
    key = str(uuid4())
    assert file_it(ward, value, key)["state"] == "accepted"
    assert file_it(ward, value, key)["state"] == "repeated"
    assert file_it(ward, value)["state"] == "refused"
    [reading] = [x for x in ward.session.readings if x.quantity.value == 231]
    assert reading.by.name == "Nurse Person"
    assert AlertState.objects.exists()
    assert "from device Monitor 3" in client.get(f"{path}record/").content.decode()
    assert [one.measure for one in services_device.proposals(ward.row)] == ["diastolic"]


@pytest.mark.hazard("HAZ-05", "C2")
def test_an_unbound_device_s_data_go_to_quarantine_are_shown_there_and_cannot_be_filed(ward: Ward, monitor: Any):
    _device, token = monitor
    assert send(token, observation(199)).status_code == 201
    value = DeviceValue.objects.get(measure="systolic")
    assert value.binding is None and value.why == "bound to no session"
    assert file_it(ward, value)["state"] == "refused"
    text = ward.clinic.client(Role.NURSE).get("/rooms/quarantine/").content.decode()
    assert "199 mmHg" in text and "Monitor 3" in text and "bound to no session" in text
    assert services_device.proposals(ward.row) == []


@pytest.mark.hazard("HAZ-05", "C2")
@pytest.mark.parametrize("how", ["end", "chair", "silence", "off", "revoked", "shut", "another"])
def test_a_binding_ends_with_the_session_a_move_silence_or_by_hand_and_only_a_person_makes_another(
    ward: Ward, monitor: Any, how: str
):
    device, token = monitor
    made, nurse = bind(ward, device), ward.clinic.principal(Role.NURSE)
    admin = ward.clinic.principal(Role.SITE_ADMIN)
    send(token, observation(141))
    [value, _] = services_device.proposals(ward.row)
    if how == "end":
        ward.do(e.Stop, reason="ends", given_mg=lambda _by, session, _now: session.given[0].mg)
        ward.do(e.Leave, how="against advice", reason="goes", advice_given=True)
    elif how == "chair":
        chair = services_book.add_chair(None, ward.clinic.site.pk, "Bay 2")
        services_book.place_in(nurse, ward.row, chair, name="Ida Example", born=ward.patient.birth_date)
    elif how == "silence":
        DeviceBinding.objects.update(heard_at=timezone.now() - timedelta(seconds=601))
    elif how == "off":
        services_device.unbind(nurse, made)
    elif how == "revoked":
        services_device.revoke_device(admin, device.pk)
    elif how == "shut":
        services_device.switch(admin, False, WHY)
        services_device.switch(admin, True, WHY)
    else:
        people.assign_care_team(None, ward.clinic.noah, ward.clinic.users[Role.NURSE])
        other = Ward(ward.clinic, patient=ward.clinic.noah, chair="Bay 3")
        other.do(e.Arrive)
        bind(other, device)
    assert services_device.proposals(ward.row) == []
    assert file_it(ward, value)["state"] == "refused"
    reply = send(token, observation(142))
    assert reply.status_code == (401 if how == "revoked" else 201)
    late = DeviceValue.objects.filter(measure="systolic", value=142).first()
    assert late is None or late.binding is None or late.binding.session_id != ward.row.pk
    send(token, observation(143))
    assert services_device.proposals(ward.row) == []  # nothing binds it again by itself


@pytest.mark.hazard("HAZ-05", "C2")
def test_a_device_is_bound_only_with_both_identifiers_by_a_clinician_at_a_chair(ward: Ward, monitor: Any):
    device, _token = monitor
    for wrong in ({"name": "Ida Exampel"}, {"born": None}, {"name": ""}):
        with pytest.raises(UserError, match="Name and birth date are not those"):
            bind(ward, device, **wrong)
    with pytest.raises(Forbidden):
        services_device.bind(ward.clinic.principal(Role.SITE_ADMIN), ward.row, device, name="", born=None)
    people.assign_care_team(None, ward.clinic.noah, ward.clinic.users[Role.NURSE])
    booked = Ward(ward.clinic, patient=ward.clinic.noah, chair="Bay 3")
    with pytest.raises(Conflict, match="does not sit"):
        bind(booked, device)
    assert not DeviceBinding.objects.exists()


@pytest.mark.hazard("HAZ-05", "C2")
def test_who_moves_away_and_back_is_asked_again_before_a_device_is_theirs(ward: Ward, monitor: Any):
    device, token = monitor
    bind(ward, device)
    nurse, first = ward.clinic.principal(Role.NURSE), ward.chair
    for chair in (services_book.add_chair(None, ward.clinic.site.pk, "Bay 9"), first):
        services_book.place_in(nurse, ward.row, chair, name=ward.session.person.name, born=ward.session.person.born)
    send(token, observation(150))
    value = DeviceValue.objects.get(measure="systolic")
    assert value.binding is None
    assert value.why == "bound to no session"
    assert DeviceBinding.objects.get().ended_how == "the patient sits in another chair"


@pytest.mark.hazard("HAZ-05", "C2")
@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (lambda ward: {"reference": f"Patient/{ward.patient.pk}"}, ""),
        (lambda ward: {"reference": f"Patient/{ward.clinic.noah.pk}"}, "it names another patient"),
        (lambda ward: {"display": "Ida Example"}, "it does not say whose it is so that it can be compared"),
        (lambda ward: ["Ida"], "it does not say whose it is so that it can be compared"),
    ],
)
def test_a_device_that_names_somebody_names_the_person_at_the_chair_or_is_in_quarantine(
    ward: Ward, monitor: Any, subject: Callable[[Ward], Any], why: str
):
    device, token = monitor
    bind(ward, device)
    send(token, observation(150, subject=subject(ward)))
    value = DeviceValue.objects.get(measure="systolic")
    assert (value.binding is None, value.why) == (why != "", why)


@pytest.mark.hazard("HAZ-05", "C2")
def test_in_a_room_of_eight_with_random_moves_no_value_is_filed_where_its_binding_was_not_confirmed(
    clinic: Clinic, monitor: Any, seed: int, count: Callable[[int], int]
):
    rng, nurse = random.Random(seed), clinic.principal(Role.NURSE)
    admin = clinic.principal(Role.SITE_ADMIN)
    wards, tokens, confirmed = [], [], {}
    for n in range(8):
        who = people.register_patient(
            None, clinic.site, Identity("Room", f"Guest{'abcdefgh'[n]}", clinic.ida.birth_date)
        )
        people.assign_care_team(None, who, clinic.users[Role.NURSE])
        ward = Ward(clinic, patient=who, chair=f"Seat {n}")
        ward.do(e.Arrive)
        wards.append(ward)
        tokens.append(services_device.add_device(admin, f"Cuff {n}"))
    spare = [services_book.add_chair(None, clinic.site.pk, f"Spare {n}") for n in range(2)]
    for _ in range(count(8000)):
        ward, n = rng.choice(wards), rng.randrange(8)
        device, token = tokens[n]
        ward.row.refresh_from_db()
        step = rng.random()
        if step < 0.2:  # somebody moves to a chair that is free: whatever was bound there is not theirs
            taken = {one.row.chair_id for one in wards}
            free = [c for c in (*spare, *(w.chair for w in wards)) if c.pk not in taken]
            if free:
                services_book.place_in(
                    nurse, ward.row, rng.choice(free), name=ward.session.person.name, born=clinic.ida.birth_date
                )
                ward.row.refresh_from_db()
                confirmed = {k: s for k, s in confirmed.items() if s != ward.row.pk}
        elif step < 0.4:
            bind(ward, device)
            confirmed[device.pk] = ward.row.pk
        elif step < 0.45:  # a wrong name binds nothing
            with pytest.raises(UserError):
                bind(ward, device, name="Guestz Room")
        elif step < 0.5:
            DeviceBinding.objects.filter(device=device).update(heard_at=timezone.now() - timedelta(hours=1))
            confirmed.pop(device.pk, None)
        else:
            document = observation(rng.randint(90, 190))
            assert send(token, document).status_code == 201
            value = DeviceValue.objects.get(identifier=f"urn:monitor|{document['identifier'][0]['value']}", place=0)
            assert (value.binding.session_id if value.binding else None) == confirmed.get(device.pk)
            state = file_it(ward, value)["state"]
            assert (state == "accepted") == (confirmed.get(device.pk) == ward.row.pk)
    filed = DeviceValue.objects.exclude(filed_by=None)
    assert all(value.binding is not None for value in filed)
    for value in filed:
        event = SessionEvent.objects.get(key=value.event)
        assert event.session_id == value.binding.session_id


@pytest.mark.goal("RG-04")
def test_an_observation_counts_once_by_its_identifier_and_another_with_it_is_refused(ward: Ward, monitor: Any):
    device, token = monitor
    bind(ward, device)
    one = observation(128)
    assert [send(token, one).status_code for _ in range(3)] == [201, 200, 200]
    assert DeviceValue.objects.count() == 2
    assert send(token, {**observation(150), "identifier": one["identifier"]}).status_code == 409


def test_a_round_value_is_written_as_people_write_it(ward: Ward, monitor: Any):
    device, token = monitor
    bind(ward, device)
    send(token, observation(100))
    client, path = ward.clinic.client(Role.NURSE), f"/p/{ward.patient.pk}/dose/{ward.row.pk}/"
    assert "Systolic 100 mmHg" in client.get(path).content.decode()
    assert file_it(ward, services_device.proposals(ward.row)[0])["state"] == "accepted"
    assert "Systolic pressure 100 mmHg, from device Monitor 3" in client.get(f"{path}record/").content.decode()


def test_a_value_that_is_old_or_ahead_goes_to_quarantine_and_one_that_waited_too_long_is_offered_no_more(
    ward: Ward, monitor: Any
):
    device, token = monitor
    bind(ward, device)
    now = timezone.now()
    send(token, observation(171, now - timedelta(seconds=320)))
    send(token, observation(172, now + timedelta(seconds=90)))
    assert {one.why for one in services_device.quarantine(ward.clinic.site.pk)} == {
        "it was measured too long ago",
        "its time is ahead of the server's clock",
    }
    send(token, observation(173))
    assert len(services_device.proposals(ward.row)) == 2
    assert services_device.proposals(ward.row, now + timedelta(seconds=305)) == []


def wrong_unit() -> dict[str, Any]:
    made = observation()
    made["component"][0]["valueQuantity"]["code"] = "kPa"
    return made


def turned(**more: Any) -> dict[str, Any]:
    """A pressure one of whose parts has something more."""
    made = observation(128)
    made["component"][0] |= more
    return made


def texted() -> dict[str, Any]:
    made = observation(128)
    made["component"][0]["valueQuantity"]["value"] = "1_28"
    return made


@pytest.mark.goal("RG-22")
@pytest.mark.hazard("HAZ-73", "C1", "C2")
@pytest.mark.parametrize(
    ("document", "status", "says"),
    [
        (observation(modifierExtension=[{"url": "x"}]), 422, "modifierExtension"),
        (turned(modifierExtension=[{"url": "x"}]), 422, "modifierExtension"),
        (turned(dataAbsentReason={"text": "artefact"}), 422, "dataAbsentReason"),
        (observation(implicitRules="http://x.example"), 422, "implicitRules"),
        (texted(), 422, "no single number"),
        (observation(effectiveDateTime="0001-01-01T00:00:00+14:00"), 422, "effectiveDateTime"),
        ("{", 400, "no JSON"),
        ("[" * 5000, 400, "no JSON"),
        ([], 422, "resourceType"),
        ({"resourceType": "Patient"}, 422, "resourceType"),
        (observation(status="preliminary"), 422, "status"),
        (observation(identifier=[]), 422, "identifier"),
        (observation(effectiveDateTime="2026-11-29"), 422, "effectiveDateTime"),
        (observation(component=[]), 422, "no vital sign"),
        (observation(999), 422, "outside"),
        (observation(float("nan")), 400, "no JSON"),
        (wrong_unit(), 422, "send Systolic pressure in mm[Hg]"),
        (observation(code={"coding": [{"system": "http://loinc.org", "code": "1-1"}]}), 422, "no vital sign"),
        (observation(note="x" * 70_000), 413, "smaller"),
    ],
)
def test_what_is_no_vital_sign_is_refused_in_one_sentence_and_kept_nowhere(
    ward: Ward, monitor: Any, document: Any, status: int, says: str
):
    reply = send(monitor[1], document)
    assert reply.status_code == status
    assert says in reply.json()["issue"][0]["diagnostics"]
    assert not DeviceValue.objects.exists()


def test_the_chair_leads_to_its_devices_where_they_are_bound_and_taken_off(ward: Ward, monitor: Any):
    device, _ = monitor
    client, path = ward.clinic.client(Role.NURSE), f"/p/{ward.patient.pk}/dose/{ward.row.pk}/"
    assert f"{path}device/" in client.get(path).content.decode()
    form = {"device": str(device.pk), "name": "Ida Example", "born": "1988-04-02", "idempotency_key": str(uuid4())}
    assert client.post(f"{path}device/", form).status_code == 302
    [one] = services_device.bound(ward.row)
    assert "Monitor 3" in client.get(f"{path}device/").content.decode()
    assert client.post(f"{path}device/", {"off": str(one.pk), "idempotency_key": str(uuid4())}).status_code == 302
    assert services_device.bound(ward.row) == []
