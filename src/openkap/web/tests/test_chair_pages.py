"""The doors of the chair page: entries come in once each, in order, under the right name; sheets and back-entry."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import DataError
from django.test import Client

from openkap.dose import events as e
from openkap.dose import services, services_book, store
from openkap.dose.adverse import missing
from openkap.dose.known import holds_due, read
from openkap.dose.models import AdverseVersion, DosingSession, SessionEvent
from openkap.dose.tests.ward import Ward
from openkap.dose.types import Phase
from openkap.kernel.quantity import DoseMg
from openkap.people.models import AuditEvent
from openkap.people.services import assign_care_team
from openkap.people.together import together
from openkap.people.types import Role
from openkap.web.case import today
from openkap.web.dose.chair import views
from tests.database import Clinic


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic).to_dosing()


def url(ward: Ward, rest: str = "") -> str:
    return f"/p/{ward.patient.pk}/dose/{ward.row.pk}/{rest}"


def entry(kind: str, key: str = "", **more: Any) -> dict[str, Any]:
    fields = {name: more.pop(name) for name in list(more) if name not in ("taken_s", "happened_s", "device_at")}
    return {"key": key or str(uuid4()), "kind": kind, "fields": fields, **more}


def reading(measure: str, value: float, unit: str, taken_s: int, **more: Any) -> dict[str, Any]:
    return entry("Read", measure=measure, value=str(value), unit=unit, taken_s=taken_s, **more)


def send(ward: Ward, *entries: dict[str, Any], role: Role = Role.NURSE, by: str = "", client: Client | None = None):
    body = {"by": by or str(ward.clinic.users[role].pk), "events": list(entries)}
    client = client or ward.clinic.client(role)
    return client.post(url(ward, "events/"), json.dumps(body), content_type="application/json")


def results(reply) -> list[tuple[str, str]]:
    return [(one["state"], one["text"]) for one in reply.json()["results"]]


def now_s(ward: Ward) -> int:
    return store.load(ward.row).now_s


@pytest.mark.hazard("HAZ-36", "C1")
@pytest.mark.goal("RG-04")
def test_an_entry_that_comes_again_is_told_what_became_of_the_first(ward: Ward):
    ward.later(600)
    one = reading("spo2", 97, "%", now_s(ward))
    assert results(send(ward, one)) == [("accepted", "")]
    assert results(send(ward, one, one)) == [("repeated", ""), ("repeated", "")]
    assert SessionEvent.objects.filter(session=ward.row, key=one["key"]).count() == 1
    other = {**one, "fields": {**one["fields"], "value": "79"}}
    [(state, text)] = results(send(ward, other))
    assert state == "refused" and "used for something else" in text


@pytest.mark.hazard("HAZ-63", "C1")
def test_a_dose_goes_on_only_with_a_fresh_proof_and_never_by_the_wire_of_the_chair(ward: Ward):
    ward.do(e.Pause, reason="looks around")
    [(state, text)] = results(send(ward, entry("Resume")))
    assert state == "refused" and "nothing that is entered on this page" in text
    client = ward.clinic.client(Role.NURSE)
    page = client.get(url(ward)).content.decode()
    assert 'data-event="Resume"' not in page and f'href="{url(ward, "give/")}">Go on with the dose' in page
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 0}]
    session.save()
    form = {"act": "resume", "idempotency_key": str(uuid4())}
    assert client.post(url(ward, "give/"), form).status_code == 404
    assert client.post(url(ward, "give/proved/"), form).status_code == 401
    assert ward.session.phase is Phase.PAUSED
    assert ward.clinic.client(Role.NURSE).post(url(ward, "give/proved/"), form).status_code == 302
    assert ward.session.phase is Phase.DOSING


@pytest.mark.hazard("HAZ-05", "C1")
def test_the_page_of_another_chair_asks_for_both_identifiers_once_the_patient_sits_in_one(ward: Ward):
    other, client = services_book.add_chair(None, ward.clinic.site.pk, "Bay 2"), ward.clinic.client(Role.NURSE)
    text = client.get(url(ward, "place/")).content.decode()
    assert "The patient sits in Bay 1." in text and 'name="born"' in text
    assert url(ward, "place/") in client.get(url(ward)).content.decode()
    form = {"chair": str(other.pk), "name": "Ida Example", "born": "1988-04-03", "idempotency_key": str(uuid4())}
    assert client.post(url(ward, "place/"), form).status_code == 422
    form |= {"born": "1988-04-02", "idempotency_key": str(uuid4())}
    assert client.post(url(ward, "place/"), form).status_code == 302
    page = client.get(url(ward)).content.decode()
    assert "Bay 2" in page and "Moved from Bay 1 to Bay 2" in page


def test_a_tablet_that_counts_a_second_ahead_is_right_and_its_repeat_too(ward: Ward):
    one = reading("spo2", 97, "%", now_s(ward) + 3)
    assert results(send(ward, one)) == [("accepted", "")]
    assert results(send(ward, one)) == [("repeated", "")]
    [(state, text)] = results(send(ward, reading("spo2", 97, "%", now_s(ward) + 600)))
    assert state == "refused" and "device's clock" in text


def test_what_is_refused_says_why_and_holds_up_nothing(ward: Ward):
    ward.later(60)
    at = now_s(ward)
    reply = send(
        ward,
        reading("spo2", 197, "%", at),
        reading("spo2", 97, "mm[Hg]", at),
        entry("Start"),
        entry("Read", measure="spo2"),
        reading("spo2", 98, "%", at),
    )
    found = results(reply)
    assert [state for state, _ in found] == ["refused"] * 4 + ["accepted"]
    assert "outside 1 to 100" in found[0][1] and "enter it in %" in found[1][1]
    assert "nothing that is entered on this page" in found[2][1] and "not whole" in found[3][1]


@pytest.mark.hazard("HAZ-39", "C1")
def test_a_leap_is_accepted_and_asked_for_again(ward: Ward):
    ward.later(60)
    [(state, text)] = results(send(ward, reading("systolic", 195, "mm[Hg]", now_s(ward))))
    assert (state, text) == ("accepted", "Systolic 195 mmHg is a leap: measure it again now.")


@pytest.mark.hazard("HAZ-36", "C2")
@pytest.mark.hazard("HAZ-37", "C1")
def test_a_late_entry_keeps_its_time_is_marked_and_a_clock_that_is_off_is_said(ward: Ward):
    ward.later(900)
    at, now = now_s(ward) - 600, datetime.now().astimezone()
    right = reading("spo2", 97, "%", at, device_at=(now - timedelta(seconds=600)).isoformat())
    wrong = reading("heart-rate", 77, "/min", at, device_at=(now + timedelta(hours=9)).isoformat())
    assert send(ward, right).json()["skew_s"] is None
    reply = send(ward, wrong).json()
    assert abs(reply["skew_s"] - (9 * 3600 + 600)) < 10
    assert "entered" in reply["parts"]["events"]
    row = SessionEvent.objects.get(key=wrong["key"])
    assert json.loads(row.document)["taken_s"] == at and row.elapsed_s >= at + 600
    assert row.device_at is not None


@pytest.mark.hazard("HAZ-63", "C1")
def test_what_one_person_typed_is_not_written_under_another_name(ward: Ward):
    reply = send(ward, reading("spo2", 97, "%", 0), role=Role.PRESCRIBER, by=str(ward.clinic.users[Role.NURSE].pk))
    assert reply.status_code == 409
    assert reply.json()["text"] == "Somebody else is signed in now: nothing was written."


@pytest.mark.parametrize("body", ["", "[]", "{", '{"by": "x", "events": []}', '{"by": "x", "events": [{"key": "1"}]}'])
def test_what_is_no_list_of_entries_changes_nothing(ward: Ward, body: str):
    before = SessionEvent.objects.count()
    reply = ward.clinic.client(Role.NURSE).post(url(ward, "events/"), body, content_type="application/json")
    assert reply.status_code == 422 and reply.json()["text"]
    assert SessionEvent.objects.count() == before


def test_the_state_sends_parts_once_and_then_only_the_time(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    first = client.get(url(ward, "state/")).json()
    parts = {"head", "alerts", "next", "vitals", "chart", "events", "watch", "ready", "sheet", "feed"}
    assert set(first["parts"]) == parts
    seen = AuditEvent.objects.filter(patient=ward.patient, type="patient-record").count()
    again = client.get(url(ward, "state/"), {"have": first["digest"]}).json()
    assert again["parts"] == {} and again["sequence"] == first["sequence"]
    assert AuditEvent.objects.filter(patient=ward.patient, type="patient-record").count() == seen  # nothing was shown
    send(ward, reading("spo2", 97, "%", now_s(ward)))
    assert client.get(url(ward, "state/"), {"have": first["digest"]}).json()["parts"]["vitals"]


@pytest.mark.hazard("HAZ-63", "C1")
@pytest.mark.hazard("HAZ-47", "C1")
def test_asking_is_no_sign_of_a_person_but_in_an_emergency_nobody_is_signed_out(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    client.get(url(ward))
    session = client.session
    session["seen_at"] = long_ago = session["seen_at"] - 300
    session.save()
    client.get(url(ward, "state/"))
    assert client.session["seen_at"] == long_ago
    assert b"data-idle" in client.get(url(ward)).content
    session = client.session
    session["seen_at"] = long_ago
    session.save()
    ward.do(e.Emergency)
    client.get(url(ward, "state/"))
    assert client.session["seen_at"] > long_ago
    assert b"data-idle" not in client.get(url(ward, "emergency/")).content


@pytest.mark.hazard("HAZ-47", "C1")
def test_without_a_script_one_button_calls_the_emergency_once_and_shows_the_sheet(ward: Ward):
    client, key = ward.clinic.client(Role.NURSE), str(uuid4())
    reply = client.post(url(ward, "emergency/"), {"idempotency_key": key}, follow=True)
    client.post(url(ward, "emergency/"), {"idempotency_key": key})
    text = reply.content.decode()
    for words in ("41 mg", "82 kg", "What to do first", "Only by the prescriber&#x27;s order.", "Prescriber Person"):
        assert words in text
    assert SessionEvent.objects.filter(session=ward.row, kind="Emergency").count() == 1
    assert ward.session.phase is Phase.ESCALATED
    assert "A prescriber ends it." in text
    done = send(ward, entry("EmergencyOver", reason="calm again", false_alarm=True))
    assert results(done)[0][0] == "refused"
    done = send(ward, entry("Stop", reason="emergency", given_mg="10"), role=Role.PRESCRIBER)
    done = send(ward, entry("EmergencyOver", reason="calm again", false_alarm=True), role=Role.PRESCRIBER)
    assert results(done) == [("accepted", "")]


@pytest.mark.hazard("HAZ-47", "C1")
def test_an_emergency_that_is_refused_says_that_nobody_was_called_and_a_booked_one_has_no_button(clinic: Clinic):
    ward = Ward(clinic)
    client = clinic.client(Role.NURSE)
    text = client.get(url(ward)).content.decode()
    assert "data-emergency hidden" in text
    assert not client.get(url(ward, "state/")).json()["may_call"]
    assert "Call the emergency" not in client.get(url(ward, "emergency/")).content.decode()
    reply = client.post(url(ward, "emergency/"), {"idempotency_key": str(uuid4())})
    assert reply.status_code == 409 and "Nobody was called: " in reply.content.decode()
    ward.do(e.Arrive)
    assert "data-emergency hidden" not in client.get(url(ward)).content.decode()
    said = client.get(url(ward, "state/")).json()
    assert (said["may_call"], said["emergency"]) == (True, False)
    ward.do(e.Emergency)
    assert client.get(url(ward, "state/")).json()["emergency"]


def test_the_clock_of_an_emergency_counts_from_the_tap(ward: Ward):
    ward.later(600)
    at = now_s(ward) - 120
    assert results(send(ward, entry("Emergency", happened_s=at))) == [("accepted", "")]
    assert f'data-since="{at}"' in ward.clinic.client(Role.NURSE).get(url(ward)).content.decode()


@pytest.mark.hazard("HAZ-36", "C1")
def test_what_no_database_keeps_is_refused_alone_and_holds_up_nothing(ward: Ward, monkeypatch):
    ward.later(60)
    act = services.act

    def choosy(principal, row, made, **more):
        with together():  # as the database would refuse it: what came of it is undone
            acted = act(principal, row, made, **more)
            if acted.session.log[-1].event.key == bad["key"]:
                raise DataError("a value that cannot be kept")
        return acted

    bad = entry("Note", text="bad")
    monkeypatch.setattr(services, "act", choosy)
    reply = send(
        ward,
        entry("Note", text="calm\x00er", happened_s=now_s(ward)),
        bad,
        reading("spo2", "NaN", "%", now_s(ward)),
        reading("spo2", 97, "%", 10**30, device_at=datetime.now().astimezone().isoformat()),
        reading("spo2", 98, "%", now_s(ward)),
    )
    assert [state for state, _ in results(reply)] == ["accepted", "refused", "refused", "refused", "accepted"]
    assert "calmer" in SessionEvent.objects.get(session=ward.row, kind="Note").document


@pytest.mark.hazard("HAZ-42", "C1")
def test_the_watch_goes_over_by_offer_and_taking(ward: Ward):
    other = str(ward.clinic.users[Role.THERAPIST].pk)
    [(state, text)] = results(send(ward, entry("OfferWatch", to=str(uuid4()), summary="calm")))
    assert state == "refused" and "Nobody here has that account" in text
    assert results(send(ward, entry("OfferWatch", to=other, summary="calm"))) == [("accepted", "")]
    assert ward.session.observer.id != other  # type: ignore[union-attr]
    page = ward.clinic.client(Role.THERAPIST).get(url(ward)).content.decode()
    assert "I take the watch" in page
    assert results(send(ward, entry("TakeWatch"), role=Role.THERAPIST)) == [("accepted", "")]
    assert ward.session.observer.id == other  # type: ignore[union-attr]


@pytest.mark.hazard("HAZ-01", "C2")
@pytest.mark.hazard("HAZ-33", "C3")
def test_the_page_says_who_order_phase_weight_allergies_and_what_counts_first(ward: Ward):
    text = ward.clinic.client(Role.THERAPIST).get(url(ward)).content.decode()
    for words in (
        "Ida Example",
        "born 2 Apr 1988",
        "41 mg · 0.5 mg/kg · 0.82 mL of 50 mg/mL",
        "0 of 40 min",
        "82 kg",
        "ketamine: not known",
        "bedside monitor's own alarm comes first",
        "You are safe. I am here, and I am staying.",
        "Severe headache",
    ):
        assert words in text, words


def test_only_those_who_care_for_the_person_find_the_session(ward: Ward, clinic: Clinic):
    assert clinic.client(Role.COORDINATOR).get(url(ward)).status_code == 404
    other = f"/p/{clinic.noah.pk}/dose/{ward.row.pk}/"
    assign_care_team(None, clinic.noah, clinic.users[Role.NURSE])
    assert clinic.client(Role.NURSE).get(other).status_code == 404


def test_the_tablet_gets_a_key_only_where_the_site_keeps_entries_on_its_disk(ward: Ward, settings):
    client = ward.clinic.client(Role.NURSE)

    def key(client: Client) -> str:
        text = client.get(url(ward)).content.decode()
        config = text.partition('id="chair-config" type="application/json">')[2].partition("</script>")[0]
        return json.loads(config)["key"]

    assert key(client) == ""
    settings.ENVIRONMENT = replace(django_settings.ENVIRONMENT, tablet_store="encrypted")
    mine, other = key(client), key(ward.clinic.client(Role.PRESCRIBER))
    assert len(mine) == 44 and mine != other


# -- paper -----------------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-46", "C1")
@pytest.mark.goal("RG-44")
def test_a_sheet_holds_who_what_was_given_limits_last_values_what_is_due_and_when_it_was_printed(ward: Ward):
    text = ward.clinic.client(Role.NURSE).get(url(ward, "paper/")).content.decode()
    for words in (
        "Ida Example",
        "born 2 Apr 1988",
        "Bay 1",
        "0.82 mL of 50 mg/mL",
        "Systolic 126 mmHg",
        "160 or more, up 30 or more",
        "(10)",
        "In an emergency",
        f"printed {today(ward.patient):%a}",
        "Nurse Person",
    ):
        assert words in text, words


@pytest.mark.goal("RG-44")
def test_the_sheets_of_all_rooms_hold_those_one_cares_for_and_say_how_many_are_left_out(ward: Ward, clinic: Clinic):
    assign_care_team(None, clinic.noah, clinic.users[Role.PRESCRIBER])
    other = Ward(clinic, patient=clinic.noah, chair="Bay 2")
    other.do(e.Arrive, Role.PRESCRIBER)
    nurse = clinic.client(Role.NURSE).get("/rooms/downtime/").content.decode()
    assert "Ida Example" in nurse and "Noah Example" not in nurse and "1 session of people" in nurse
    prescriber = clinic.client(Role.PRESCRIBER).get("/rooms/downtime/").content.decode()
    assert "Noah Example" in prescriber
    assert AuditEvent.objects.filter(patient=clinic.noah, type="patient-record").exists()


@pytest.mark.hazard("HAZ-46", "C2")
@pytest.mark.hazard("HAZ-36", "C2")
@pytest.mark.goal("RG-44")
def test_readings_from_paper_keep_their_time_and_are_kept_once(ward: Ward):
    ward.later(1800)
    client, key = ward.clinic.client(Role.NURSE), str(uuid4())
    zone = store.zone_of(ward.row.site)
    at = datetime.now(zone) - timedelta(minutes=10)
    form = {"idempotency_key": key, "at": f"{at:%H:%M}", "systolic": "131", "diastolic": "84", "seen_by": "Tom"}
    assert client.post(url(ward, "later/"), form).status_code == 302
    assert client.post(url(ward, "later/"), form).status_code == 302
    read = [r for r in ward.session.readings if r.quantity.value in (131, 84)]
    assert {r.measure for r in read} == {"systolic", "diastolic"}
    said = now_s(ward) - read[0].taken_s
    assert 600 <= said <= 661 and read[0].entered.elapsed_s - read[0].taken_s >= 600
    assert SessionEvent.objects.filter(session=ward.row, kind="Note").count() == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"at": "", "systolic": "131"}, "Time: write when it was taken"),
        ({"at": "9", "systolic": "131"}, "Time: write hours and minutes"),
        ({"at": "now"}, "No reading is filled in"),
        ({"at": "now", "systolic": "1310"}, "Systolic: write a number from 20 to 350."),
        ({"at": "now", "systolic": "80", "diastolic": "90"}, "Systolic must be above diastolic"),
        ({"at": "ahead", "systolic": "131"}, "Time: it is ahead of now"),
        ({"at": "before", "systolic": "131"}, "Time: it is before the patient arrived"),
    ],
)
def test_a_line_from_paper_with_a_fault_writes_nothing_and_says_which(ward: Ward, fields: dict, says: str):
    ward.later(1800)
    before = SessionEvent.objects.count()
    zone = store.zone_of(ward.row.site)
    at = f"{datetime.now(zone) - timedelta(minutes=3):%H:%M}"
    times = {"now": at, "ahead": f"{datetime.now(zone) + timedelta(minutes=5):%H:%M}"}
    times["before"] = f"{datetime.now(zone) - timedelta(minutes=40):%H:%M}"
    form = {"idempotency_key": str(uuid4()), **fields, "at": times.get(fields["at"], fields["at"])}
    reply = ward.clinic.client(Role.NURSE).post(url(ward, "later/"), form)
    assert reply.status_code == 422
    assert says in reply.content.decode()
    assert SessionEvent.objects.count() == before


@pytest.mark.hazard("HAZ-46", "C2")
def test_what_stood_on_paper_can_be_entered_after_the_end(ward: Ward):
    ward.later(1800)
    ward.do(e.Emergency)
    ward.do(e.Stop, Role.PRESCRIBER, reason="emergency", given_mg=DoseMg(Decimal(20)))
    ward.do(e.Transfer, Role.PRESCRIBER, to="the hospital", reason="emergency")
    assert ward.session.phase is Phase.TRANSFERRED
    client = ward.clinic.client(Role.NURSE)
    assert url(ward, "later/") in client.get(url(ward)).content.decode()
    at = datetime.now(store.zone_of(ward.row.site)) - timedelta(minutes=10)
    form = {"idempotency_key": str(uuid4()), "at": f"{at:%H:%M}", "spo2": "91", "seen_by": "Tom"}
    assert client.post(url(ward, "later/"), form).status_code == 302
    assert ward.session.readings[-1].quantity.value == 91


@pytest.mark.hazard("HAZ-37", "C1")
@pytest.mark.parametrize(
    ("utc", "came_s", "clock", "ago_s"),
    [
        ("2026-10-25T01:40", 5400, "02:30", 600),  # twice on this night: the last one before now
        ("2026-10-25T00:50", 5400, "02:30", 1200),  # the first one
        ("2026-10-25T01:10", 5400, "02:30", 2400),  # the second is ahead, the first was 40 minutes ago
        ("2026-03-29T01:20", 5400, "01:50", 1800),  # over the hour that is not
        ("2026-03-29T01:20", 5400, "02:30", None),  # in it
        ("2026-06-02T22:10", 5400, "23:50", 1200),  # over midnight
    ],
)
def test_a_time_on_paper_is_counted_in_utc(ward: Ward, utc: str, came_s: int, clock: str, ago_s: int | None):
    session = ward.session
    now = datetime.fromisoformat(f"{utc}+00:00")
    assert session.clock is not None
    session = replace(session, clock=replace(session.clock, at=now, elapsed_s=session.now_s + came_s))
    ward.row.site.zone = "Europe/Vienna"
    found, why = views._elapsed(session, ward.row, time.fromisoformat(clock))
    assert (None if found is None else session.now_s - found) == ago_s
    assert bool(why) == (ago_s is None)


@pytest.mark.hazard("HAZ-51", "C1")
def test_one_tap_files_an_adverse_event_with_its_time_once_and_holds_the_next_dose(ward: Ward):
    ward.later(600)
    page = ward.clinic.client(Role.NURSE).get(url(ward)).content.decode()
    assert page.count('data-event="Untoward"') == 1
    tapped = {**entry("Untoward"), "happened_s": now_s(ward)}
    assert results(send(ward, tapped, tapped)) == [("accepted", ""), ("repeated", "")]
    row = AdverseVersion.objects.get()
    made = read(row)
    assert (made.onset_min, made.by.name, made.text) == (10, "Nurse Person", "Seen at the chair, to be described.")
    assert set(missing(made)) == {"term", "grade", "relation", "action", "serious"}
    assert "Adverse event, to be described" in ward.clinic.client(Role.NURSE).get(url(ward)).content.decode()
    later = DosingSession(patient=ward.patient, site=ward.clinic.site)
    assert [hold.id for hold in holds_due(later)] == [made.id]
