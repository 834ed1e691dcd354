"""Pages of messages and of lists of guests: who says what, what a link shows to anybody, which list is refused."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from openkap.assess import asking
from openkap.people import services as people
from openkap.people.models import AuditEvent, Patient
from openkap.people.once import FIELD
from openkap.people.types import Role
from openkap.schedule import services_booking, services_contact, services_group, services_message, services_post
from openkap.schedule.models import BOOKED, Appointment, Reminder, Resource
from openkap.schedule.models_message import Code, Message, Roster
from openkap.schedule.services_booking import Wanted
from openkap.schedule.tests.lodge import START, Lodge, programme, signed
from tests.database import Clinic, changing

pytestmark = pytest.mark.django_db
CANARIES = {"Amara": "Zqamara", "Björn": "Zqbjorn", "Clara": "Zqclara"}


@pytest.fixture
def lodge(clinic: Clinic) -> Lodge:
    signed(clinic.ida, clinic.users[Role.PRESCRIBER], programme(2))
    return Lodge(clinic, guests=3, also=[clinic.ida])


@pytest.fixture
def published(lodge: Lodge) -> Lodge:
    lodge.publish()
    return lodge


def post(client: Client, path: str, **fields: object) -> Any:
    return client.post(path, {FIELD: str(uuid4()), **fields})


def text_of(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def soon(lodge: Lodge, patient: Patient, hours: float = 20) -> Appointment:
    """An appointment whose reminder is due."""
    at = (timezone.now() + timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
    wanted = Wanted(f"x{hours}", "dose", "Ketamine dose", at, at + timedelta(hours=1), patient=patient.pk)
    return services_booking.book(lodge.coordinator, lodge.site, wanted)


def by_day(at: datetime) -> datetime:
    """The same, at an hour at which messages go."""
    return datetime.combine(at.date(), time(12), tzinfo=UTC)


# -- how a patient is told ------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-57", "C1")
def test_staff_ask_once_and_what_was_said_stands_there_with_who_and_when(lodge: Lodge, clinic: Clinic):
    path = f"/p/{clinic.ida.pk}/messages/"
    nurse = clinic.client(Role.NURSE)
    assert "Not asked yet" in text_of(nurse.get(path))
    reply = post(nurse, path, act="choose", channel="mail", zone="Mars")
    assert reply.status_code == 422 and "it is not a time zone" in text_of(reply)
    assert post(nurse, path, act="choose", channel="mail", zone="UTC").status_code == 302
    assert post(nurse, path, act="contact", channel="mail", value="ida@post.example").status_code == 302
    text = text_of(nurse.get(path))
    assert "Nurse Person" in text and "not verified" in text and "ida@post.example" in text
    contact = services_contact.contacts_of(clinic.ida)["mail"].row
    assert post(nurse, path, act="read-back", channel="mail", contact=contact.pk).status_code == 302
    assert "read back" in text_of(nurse.get(path))
    reply = post(nurse, path, act="contact", channel="mail", value="a@b.example, c@d.example")
    assert reply.status_code == 422 and "one address alone" in text_of(reply)
    assert "By mail" in text_of(nurse.get(f"/p/{clinic.ida.pk}/appointments/"))


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_patient_changes_the_way_on_their_own_page_and_sees_what_was_sent(lodge: Lodge, clinic: Clinic):
    mine, patient = f"/p/{clinic.ida.pk}/my-messages/", clinic.client(Role.PATIENT)
    assert post(patient, mine, act="choose", channel="text", zone="UTC").status_code == 302
    assert post(patient, mine, act="contact", channel="text", value="+43 660 1234567").status_code == 302
    contact = services_contact.contacts_of(clinic.ida)["text"].row
    refused = post(patient, mine, act="read-back", channel="text", contact=contact.pk)
    assert refused.status_code == 403 and "A person of the clinic reads it back" in text_of(refused)
    services_contact.read_back(lodge.coordinator, clinic.ida, "text", contact.pk)
    row = soon(lodge, clinic.ida)
    services_post.round_once(by_day(timezone.now()))
    Message.objects.filter(kind="reminder").update(state="sent", next_at=None)
    days = text_of(patient.get(f"/p/{clinic.ida.pk}/my-programme/"))
    assert "By text message" in days and "You have an appointment on" in days and "by text message" in days
    assert "Answer here" not in days and "{link}" not in patient.get(mine).content.decode()
    assert post(patient, mine, act="choose", channel="none", zone="UTC").status_code == 302
    assert "No messages: in person" in text_of(patient.get(f"/p/{clinic.ida.pk}/my-programme/"))
    assert row.pk and post(clinic.client(Role.PATIENT), f"/p/{clinic.noah.pk}/my-messages/").status_code == 404


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_wrong_code_counts_although_the_page_refuses_it(lodge: Lodge, clinic: Clinic):
    mine, patient = f"/p/{clinic.ida.pk}/my-messages/", clinic.client(Role.PATIENT)
    post(patient, mine, act="contact", channel="mail", value="ida@post.example")
    contact = services_contact.contacts_of(clinic.ida)["mail"].row
    code = services_contact.new_code(contact, timezone.now())
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(5):
        reply = post(patient, mine, act="prove", channel="mail", code=wrong)
        assert reply.status_code == 422 and "not the code" in text_of(reply)
    assert Code.objects.get().tries == 5
    assert post(patient, mine, act="prove", channel="mail", code=code).status_code == 422


# -- told by a person -----------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-57", "C1", "C2")
def test_the_coordinator_reads_whom_to_tell_and_why_no_message_goes(lodge: Lodge, clinic: Clinic):
    row = soon(lodge, clinic.ida)
    client = clinic.client(Role.COORDINATOR)
    text = text_of(client.get("/calendar/due/"))
    assert "Tell them yourself" in text and "Nobody has asked yet how this person wants to be told." in text
    assert "“You have an appointment on" in text and "ketamine" not in text.casefold()
    day = row.starts_at.date()
    assert post(client, "/calendar/due/", patient=clinic.ida.pk, day=day).status_code == 302
    assert "You have an appointment" not in text_of(client.get("/calendar/due/"))
    services_booking.cancel(lodge.coordinator, row, reason="asked to")
    text = text_of(client.get("/calendar/due/"))
    assert "is off.”" in text
    assert post(client, "/calendar/told/", patient=clinic.noah.pk).status_code == 302  # nothing of this person
    assert "is off.”" in text_of(client.get("/calendar/due/"))
    assert post(client, "/calendar/told/", patient=clinic.ida.pk).status_code == 302
    assert "is off.”" not in text_of(client.get("/calendar/due/"))
    assert "Coordinator Person" in text_of(client.get(f"/p/{clinic.ida.pk}/messages/"))
    nobody = post(clinic.client(Role.NURSE), "/calendar/told/", patient=lodge.patients[0].pk)
    assert nobody.status_code == 404


# -- the link ---------------------------------------------------------------------------------------------------


def linked(
    lodge: Lodge, patient: Patient, monkeypatch: pytest.MonkeyPatch, hours: float = 20
) -> tuple[Appointment, str]:
    """An appointment and the link of the reminder that went."""
    services_contact.choose(lodge.coordinator, patient, channel="mail")
    contact = services_contact.set_contact(lodge.coordinator, patient, channel="mail", value="ida@post.example")
    services_contact.read_back(lodge.coordinator, patient, "mail", contact.pk)
    row, sent = soon(lodge, patient, hours), []
    send = services_post._send
    monkeypatch.setattr(services_post, "_send", lambda ways, ready: sent.append(ready.text) or send(ways, ready))
    monkeypatch.setattr(services_post.messages, "may_go_at", lambda now, lives: now)
    services_post.round_once()
    return row, re.search(r"http://127\.0\.0\.1:8000(/a/[\w-]+/)", sent[-1])[1]  # type: ignore[index]


@pytest.mark.hazard("HAZ-57", "C1")
@pytest.mark.hazard("HAZ-64", "C1")
def test_a_link_shows_day_hour_and_place_and_nothing_of_the_person_or_the_clinic(
    lodge: Lodge, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
):
    row, path = linked(lodge, clinic.ida, monkeypatch)
    reply = Client().get(path)
    page, text = reply.content.decode(), text_of(reply)
    assert f"{row.starts_at:%A}" in text and f"{row.starts_at:%H:%M}" in text and "1 River Road" in text
    unsaid = (
        "Ida",
        "Example",
        "ketamin",
        "dose",
        "Am Fluss",
        "clinic",
        "treat",
        "OpenKAP",
        str(clinic.ida.pk),
        "Varga",
    )
    assert not [one for one in unsaid if one.casefold() in page.casefold()]
    assert path.split("/")[2] not in repr(list(Message.objects.values()))
    assert "no-store" in reply["Cache-Control"]


@pytest.mark.hazard("HAZ-57", "C1")
def test_only_a_press_answers_and_who_cannot_come_is_called_and_keeps_the_appointment(
    lodge: Lodge, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
):
    row, path = linked(lodge, clinic.ida, monkeypatch)
    phone, desk = Client(), clinic.client(Role.COORDINATOR)
    for _ in range(3):
        phone.get(path)  # a mail program looks before the patient does
    assert Message.objects.get().answer == ""
    assert "you said that you come" in text_of(phone.post(path, {"answer": "come"}))
    assert "wants a call" not in text_of(desk.get("/calendar/due/"))
    for _ in range(2):
        assert "somebody will call you" in text_of(phone.post(path, {"answer": "call"}))
    text = text_of(desk.get("/calendar/due/"))
    assert "Cannot come, wants a call Ida Example" in text and "Nothing was moved or cancelled." in text
    phone.post(path, {"answer": "come"})
    assert "Said later: I will come." in text_of(desk.get("/calendar/due/"))
    message = Message.objects.get()
    row.refresh_from_db()
    assert row.state == BOOKED
    assert post(desk, "/calendar/told/", patient=lodge.patients[0].pk, message=message.pk).status_code == 404
    assert post(desk, "/calendar/told/", patient=clinic.ida.pk, message=message.pk).status_code == 302
    assert "wants a call" not in text_of(desk.get("/calendar/due/"))
    assert phone.post(path, {"answer": "nonsense"}).status_code == 404
    said = AuditEvent.objects.filter(type="message", patient=clinic.ida, purpose="own")
    assert list(said.order_by("sequence").values_list("reason", flat=True)) == ["come", "call", "come"]


@pytest.mark.hazard("HAZ-57", "C1", "C2")
def test_a_link_ends_when_it_moves_is_cancelled_or_begins(
    lodge: Lodge, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
):
    row, path = linked(lodge, clinic.ida, monkeypatch)
    later = Wanted(
        "x", "dose", "D", row.starts_at + timedelta(hours=1), row.ends_at + timedelta(hours=1), clinic.ida.pk
    )
    token = path.split("/")[2]
    assert services_message.door(token, row.starts_at - timedelta(minutes=1)) is not None
    assert services_message.door(token, row.starts_at) is None
    services_booking.amend(lodge.coordinator, row, later, reason="moved")
    for reply in (Client().get(path), Client().post(path, {"answer": "come"})):
        assert reply.status_code == 404 and "This link has ended" in text_of(reply)
    assert Message.objects.get().answer == ""


@pytest.mark.hazard("HAZ-71", "C2")
def test_links_cannot_be_guessed_through(lodge: Lodge, clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    _row, path = linked(lodge, clinic.ida, monkeypatch)
    cache.clear()
    most = asking.requests().links.unknown_links_per_hour
    for n in range(most):
        assert Client().get(f"/a/{'x' * 20}{n}/").status_code == 404
    assert Client().get(f"/a/{'y' * 24}/").status_code == 429
    assert Client().get(path).status_code == 429  # the right one neither, from there
    cache.clear()


# -- what guests see of one another --------------------------------------------------------------------------------


def group_of(patient: Patient, *others: Patient) -> None:
    """All of them attend one group."""
    mine = Appointment.objects.filter(patient=patient, kind="group", state=BOOKED).first()
    assert mine is not None and mine.within is not None
    for one in others:
        theirs = Appointment.objects.filter(patient=one, kind="group", state=BOOKED).first()
        assert theirs is not None
        Appointment.objects.filter(pk=theirs.pk).update(
            within=mine.within, starts_at=mine.starts_at, ends_at=mine.ends_at
        )


@pytest.mark.hazard("HAZ-61", "C1")
def test_guests_see_of_one_another_what_each_agreed_to_and_nothing_before(published: Lodge, clinic: Clinic):
    amara, bjorn, clara = published.patients[:3]
    group_of(clinic.ida, amara, bjorn, clara)
    patient = clinic.client(Role.PATIENT)

    def beside() -> list[str]:
        return re.findall(r"Also there: ([^<]*)<", patient.get(f"/p/{clinic.ida.pk}/my-programme/").content.decode())

    assert beside() == []
    services_group.choose_name(published.coordinator, amara, "first")
    services_group.choose_name(published.coordinator, bjorn, "alias", "Bear")
    services_group.choose_name(published.coordinator, clara, "nothing")
    assert beside() == ["Amara, Bear"]
    whole = patient.get(f"/p/{clinic.ida.pk}/my-programme/").content.decode()
    assert "Björn" not in whole and "Clara" not in whole and "Guest" not in whole
    services_group.choose_name(published.coordinator, amara, "nothing")
    assert beside() == ["Bear"]
    assert post(patient, f"/p/{clinic.ida.pk}/my-messages/", act="name", shown="alias", alias=" ").status_code == 422
    assert post(patient, f"/p/{clinic.ida.pk}/my-messages/", act="name", shown="alias", alias="Owl").status_code == 302
    assert services_group.agreed([clinic.ida]) == {clinic.ida.pk: "Owl"}


@pytest.mark.hazard("HAZ-61", "C1", "C2")
@pytest.mark.hazard("HAZ-57", "C1")
def test_a_participant_reads_no_string_of_another_on_any_page_mail_feed_or_link(
    published: Lodge, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
):
    everybody = [*published.patients]
    canaries: dict[object, set[str]] = {}
    for place, one in enumerate(everybody):
        words = {f"Zq{place}given", f"Zq{place}family", f"zq{place}mail"}
        canaries[one.pk] = words
        Patient.objects.filter(pk=one.pk).update(given=f"Zq{place}given", family=f"Zq{place}family")
        services_contact.choose(published.coordinator, one, channel="mail", detail=True)
        contact = services_contact.set_contact(
            published.coordinator, one, channel="mail", value=f"zq{place}mail@post.example"
        )
        services_contact.read_back(published.coordinator, one, "mail", contact.pk)
    group_of(clinic.ida, *everybody[:3])
    Reminder.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    sent: list[services_post.Ready] = []
    send = services_post._send
    monkeypatch.setattr(services_post, "_send", lambda ways, ready: sent.append(ready) or send(ways, ready))
    monkeypatch.setattr(services_post.messages, "may_go_at", lambda now, lives: now)
    monkeypatch.setattr(services_post.messages, "number", lambda row, name: 60)
    for _ in range(5):
        services_post.round_once()
    assert len(sent) > 12
    for place, one in enumerate(everybody):
        user = one.account
        if user is None:
            user = people.create_user(None, clinic.site, email=f"guest{place}@clinic.example", name=f"Guest {place}")
            people.grant_role(None, user, clinic.site, Role.PATIENT)
            Patient.objects.filter(pk=one.pk).update(account=user)
        foreign = set().union(*(words for pk, words in canaries.items() if pk != one.pk))
        client = clinic.client(user)
        page = clinic.client(Role.COORDINATOR).post(f"/p/{one.pk}/appointments/", {"act": "make"}).content.decode()
        feed = re.search(r"/calendar/([\w-]{20,})\.ics", page)
        assert feed is not None
        mine = [ready for ready in sent if ready.to.mail == f"zq{place}mail@post.example"]
        links = [re.search(r"(/a/[\w-]+/)", ready.text)[1] for ready in mine]  # type: ignore[index]
        shown = [client.get(f"/p/{one.pk}/{name}/").content.decode() for name in ("my-programme", "my-messages")]
        shown += [Client().get(f"/calendar/{feed[1]}.ics").content.decode(), *(ready.text for ready in mine)]
        shown += [Client().get(link).content.decode() for link in links]
        assert len(shown) > 6 and f"Zq{place}given" in shown[0]
        assert not [(n, word) for n, text in enumerate(shown) for word in foreign if word in text]
        for other in everybody:
            if other.pk != one.pk:
                for name in ("my-programme", "my-messages", "messages", "appointments"):
                    assert client.get(f"/p/{other.pk}/{name}/").status_code == 404
        for path in (
            f"/retreats/{published.retreat.pk}/guests/",
            f"/retreats/{published.retreat.pk}/",
            "/calendar/due/",
        ):
            assert client.get(path).status_code in (403, 404)


# -- lists that leave the screen ------------------------------------------------------------------------------------


def taken(client: Client, lodge: Lodge, **fields: object) -> tuple[Roster, str]:
    reply = post(client, f"/retreats/{lodge.retreat.pk}/guests/", **fields)
    assert reply.status_code == 302
    return Roster.objects.latest("at"), reply["Location"]


def look(client: Client, code: str) -> str:
    return text_of(client.post("/retreats/lists/", {"code": code}))


@pytest.mark.hazard("HAZ-61", "C2")
def test_a_list_on_paper_says_who_took_it_when_until_when_and_what_then(published: Lodge, clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    row, path = taken(client, published, form="paper")
    text = text_of(client.get(path))
    assert f"List {row.code}" in text and "printed by Coordinator Person on" in text and "Then shred it." in text
    assert text.count(f"Coordinator Person · {row.at:%-d %b %Y %H:%M} · {row.code}") == 14  # across the sheet
    assert f"Good until {row.ends_at:%a %-d %b %Y, %H:%M}" in text and row.ends_at - row.at == timedelta(hours=24)
    assert "Amara Guest" in text and "Ida Example" in text
    printed = AuditEvent.objects.filter(type="print", entity=f"Roster/{row.code}", user=clinic.users[Role.COORDINATOR])
    assert set(printed.values_list("patient", flat=True)) == {one.pk for one in published.patients}


@pytest.mark.hazard("HAZ-61", "C2")
def test_a_list_names_whom_its_reader_may_see_and_opens_for_nobody_else(published: Lodge, clinic: Clinic):
    nurse = clinic.client(Role.NURSE)
    row, path = taken(nurse, published, form="paper")
    for reply in (nurse.get(f"/retreats/{published.retreat.pk}/guests/"), nurse.get(path)):
        text = text_of(reply)
        assert "Ida Example" in text and "Amara" not in text and "Guest 1" in text
    named = AuditEvent.objects.filter(entity=f"Roster/{row.code}").values_list("patient", flat=True)
    assert set(named) == {clinic.ida.pk}
    assert clinic.client(Role.COORDINATOR).get(path).status_code == 404
    assert clinic.client(Role.SITE_ADMIN).get(path).status_code == 403
    assert "It is good." in look(clinic.client(Role.COORDINATOR), row.code)


@pytest.mark.hazard("HAZ-61", "C2")
def test_a_list_that_is_old_replaced_or_older_than_what_it_lists_is_refused(published: Lodge, clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    row, path = taken(client, published, form="paper")
    assert "It is good." in look(client, row.code.lower().replace("-", " "))
    second, second_path = taken(client, published, form="paper")
    assert "newer one was taken" in look(client, row.code) and client.get(path).status_code == 410
    assert "It is good." in look(client, second.code)
    moved = Appointment.objects.filter(retreat=published.retreat, state=BOOKED, patient=clinic.ida).first()
    assert moved is not None
    services_booking.cancel(published.coordinator, moved, reason="asked to")
    assert "What it lists has changed since" in look(client, second.code)
    over = client.get(second_path)
    assert over.status_code == 410 and "Amara" not in over.content.decode()
    third, third_path = taken(client, published, form="paper")
    services_group.choose_name(published.coordinator, clinic.ida, "first")
    assert "What it lists has changed since" in look(client, third.code)
    fourth, _path = taken(client, published, form="paper")
    with changing("schedule_roster"):
        Roster.objects.filter(pk=fourth.pk).update(ends_at=timezone.now())
    assert "It is too old." in look(client, fourth.code) and client.get(third_path).status_code == 410
    assert "There is no such list here." in look(client, "AAAA-AAAA")
    assert look(client, "") and "There is no such list" in look(client, "' OR 1=1 --")


@pytest.mark.hazard("HAZ-61", "C2")
def test_a_file_carries_the_same_marks_needs_a_fresh_sign_in_and_is_an_export(published: Lodge, clinic: Clinic):
    path = f"/retreats/{published.retreat.pk}/guests/file/"
    stale = clinic.client(Role.COORDINATOR)
    session = stale.session
    session["account_authentication_methods"] = [{"method": "password", "at": 0}]
    session.save()
    assert post(stale, path).status_code == 401 and not Roster.objects.exists()
    Patient.objects.filter(pk=clinic.ida.pk).update(given="=HYPERLINK(1)")
    reply = post(clinic.client(Role.COORDINATOR), path)
    row = Roster.objects.get()
    lines = list(csv.reader(reply.content.decode().splitlines()))
    assert lines[0] == [f"List {row.code}", "taken by Coordinator Person"]
    assert lines[1][3] == f"{row.ends_at:%Y-%m-%d %H:%M}" and "delete it" in lines[2][0]
    assert [line[1] for line in lines[5:] if line[0] == "G04"] == ["'=HYPERLINK(1) Example"]
    therapists = set(Resource.objects.filter(sort="therapist").values_list("name", flat=True))
    assert {line[4] for line in lines[5:]} <= therapists
    exported = AuditEvent.objects.filter(type="export", entity=f"Roster/{row.code}")
    assert exported.count() == 4
    assert "It is good." in look(clinic.client(Role.NURSE), row.code)


@pytest.mark.hazard("HAZ-61", "C2")
def test_what_hangs_at_a_door_has_initials_or_nothing_and_not_what_is_done_there(published: Lodge, clinic: Clinic):
    client = clinic.client(Role.COORDINATOR)
    unsaid = (
        "Amara",
        "Björn",
        "Clara",
        "Ida",
        "Example",
        "Guest",
        "Dose",
        "Integration",
        "Preparation",
        "Varga",
        "Haddad",
    )
    for initials in ("", "1"):
        _row, path = taken(client, published, form="doors", day=START.isoformat(), initials=initials)
        page = client.get(path).content.decode()
        main = text_of(type("R", (), {"content": page[page.index("<article") : page.rindex("</article>")].encode()})())
        assert not [word for word in unsaid if word in main]
        assert "Monday 15 March" in main and (initials or "in use" in main)
        assert bool(re.search(r"\b[A-Z]\. [A-Z]\.", main)) is bool(initials)
