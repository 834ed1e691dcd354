"""
Messages to patients (HAZ-57): who gets one, what it says, once, and none after a cancellation. Sent to real servers;
judged from what these got, by a model that shares nothing with what makes them.
"""

from __future__ import annotations

import email
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from openkap.kernel.errors import Conflict, ContentFault, Forbidden, UserError
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from openkap.schedule import (
    messages,
    services_booking,
    services_contact,
    services_message,
    services_post,
)
from openkap.schedule.models import Reminder
from openkap.schedule.models_message import Attempt, Contact, Message, Said
from openkap.schedule.outgoing import Outgoing, outgoing_of
from openkap.schedule.tests.lodge import START, Lodge
from openkap.schedule.tests.telling import (
    FILE,
    MAIL,
    MORNING,
    NOON,
    TEXT,
    body,
    book,
    cancel,
    due_items,
    move,
    reached,
    round_at,
    still_verified,
    texts,
    why,
)
from tests.database import Clinic, make_clinic
from tests.postboxes import Post, Smtp, SmtpHandler


@pytest.fixture
def lodge(clinic: Clinic, site: Path) -> Lodge:
    return Lodge(clinic, guests=4)


# -- what it says ------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-57", "C1")
@pytest.mark.hazard("HAZ-61", "C1")
@pytest.mark.hazard("HAZ-64", "C1")
def test_a_message_says_day_and_hour_to_one_address_and_nothing_else(lodge: Lodge, smtp: Smtp, post: Post):
    by_mail, by_text = lodge.patients[:2]
    for patient, channel in ((by_mail, "mail"), (by_text, "text")):
        reached(lodge, patient, channel)
        still_verified(patient)
        book(lodge, patient, NOON, "Ketamine dose 1")
        book(lodge, patient, NOON + timedelta(hours=3), "Integration of the ketamine dose")
    assert round_at(MORNING) == 2
    [mail], [(_path, headers, said)] = smtp.got, post.got
    parsed = email.message_from_string(mail)
    assert parsed.get_all("To") == ["person0@post.example"] and smtp.rcpt == [["rcpt TO:<person0@post.example>"]]
    assert not parsed.get_all("Cc") and not parsed.get_all("Bcc") and "person1" not in mail
    assert parsed["Subject"] == "Your appointment" and parsed["From"] == "desk@house.example"
    words = "You have appointments on Monday 15 March at 12:00 and 15:00. Answer here: https://visits.example/a/"
    assert re.fullmatch(re.escape(words) + r"[\w-]{24}/", body(mail))
    assert re.fullmatch(re.escape(words) + r"[\w-]{24}/", said["text"]) and said["to"] == "+436600000001"
    assert set(said) == {"to", "text", "key"} and headers["Idempotency-Key"] == said["key"]
    whole = mail + repr(headers) + repr(said)
    unsaid = ("ketamine", "dose", "integrat", "Amara", "Björn", "Guest", by_mail.record_number, str(by_mail.pk))
    assert not [one for one in (*unsaid, "openkap", "Am Fluss") if one.casefold() in whole.casefold()]
    trail = "".join(map(str, AuditEvent.objects.values_list("entity", "reason")))
    assert "person0" not in trail and "6600000" not in trail


@pytest.mark.hazard("HAZ-57", "C1")
def test_what_it_is_is_said_only_to_who_asked_for_it_and_not_after_they_took_that_back(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida, detail=True)
    still_verified(ida)
    book(lodge, ida, NOON, "Preparation 1")
    round_at(MORNING)
    assert texts(smtp) == ["On Monday 15 March you have: 12:00 Preparation 1."]
    book(lodge, ida, NOON + timedelta(hours=1), "Dose 1")
    services_message.make_due(lodge.site, services_message.outgoing(), MORNING)
    services_contact.choose(lodge.coordinator, ida, channel="mail", detail=False)
    round_at(MORNING)
    round_at(MORNING)
    assert texts(smtp)[1:] == ["You have an appointment on Monday 15 March at 13:00."]


def test_the_clocks_of_the_clinic_are_named_to_who_lives_by_others(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida, zone="Europe/Vienna")
    still_verified(ida)
    book(lodge, ida, NOON)
    round_at(MORNING)
    assert texts(smtp) == ["You have an appointment on Monday 15 March at 12:00. Times of UTC."]


# -- who gets one --------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-57", "C1")
def test_who_was_not_asked_or_has_no_verified_contact_gets_nothing_and_is_told_by_a_person(
    lodge: Lodge, smtp: Smtp, post: Post
):
    ida = lodge.patients[0]
    book(lodge, ida, NOON)

    def nothing(reason: str) -> None:
        assert round_at(MORNING) == 0 and smtp.got == post.got == [] and why(lodge) == [("reminder", reason)]

    nothing("not-asked")
    services_contact.choose(lodge.coordinator, ida, channel="none")
    nothing("none")
    services_contact.choose(lodge.coordinator, ida, channel="mail")
    nothing("no-contact")
    contact = services_contact.set_contact(lodge.coordinator, ida, channel="mail", value="ida@post.example")
    nothing("unverified")
    services_contact.read_back(lodge.coordinator, ida, "mail", contact.pk)
    still_verified(ida)
    late = NOON + timedelta(days=171)
    book(lodge, ida, late)
    assert round_at(late - timedelta(hours=2)) == 0  # 180 days after it was read back
    assert why(lodge, late - timedelta(hours=2)) == [("reminder", "stale")]
    services_contact.set_contact(lodge.coordinator, ida, channel="mail", value="other@post.example")
    nothing("unverified")  # what was changed is not verified, whatever the one before was
    services_contact.end_contact(lodge.coordinator, ida, "mail")
    nothing("no-contact")


@pytest.mark.hazard("HAZ-57", "C1")
def test_nothing_leaves_a_site_that_did_not_switch_it_on(lodge: Lodge, site: Path, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    book(lodge, ida, NOON)
    file = site / "messages.toml"
    whole = file.read_text()
    file.write_text(whole.replace("on = true", "on = false"))
    assert round_at(MORNING) == 0 and why(lodge) == [("reminder", "off")]
    file.write_text("nonsense")
    assert round_at(MORNING) == 0 and why(lodge) == [("reminder", "off")]
    file.unlink()
    assert round_at(MORNING) == 0 and smtp.got == []
    file.write_text(whole)
    assert round_at(MORNING) == 1


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_code_verifies_the_contact_it_was_sent_to_and_no_other(lodge: Lodge, smtp: Smtp, clinic: Clinic):
    ida = lodge.patients[0]
    services_contact.choose(lodge.coordinator, ida, channel="mail")
    services_contact.set_contact(lodge.coordinator, ida, channel="mail", value="ida@post.example")
    ways = services_message.outgoing()
    services_contact.ask_code(lodge.coordinator, ida, "mail", ways)
    assert services_post.round_once() == 1
    code = re.search(r"Your code is (\d{6})\.", body(smtp.got[0]))[1]  # type: ignore[index]
    assert code not in repr(list(Message.objects.values())) and "ida@" not in repr(list(Contact.objects.values()))
    with pytest.raises(UserError, match="not the code"):
        services_contact.prove(lodge.coordinator, ida, "mail", f"{(int(code) + 1) % 10**6:06}")
    services_contact.prove(lodge.coordinator, ida, "mail", f" {code[:3]} {code[3:]} ")
    assert services_contact.contacts_of(ida)["mail"].state == "verified"
    with pytest.raises(UserError, match="not the code"):  # once
        services_contact.prove(lodge.coordinator, ida, "mail", code)
    services_contact.set_contact(lodge.coordinator, ida, channel="mail", value="new@post.example")
    assert services_contact.contacts_of(ida)["mail"].state == "unverified"


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_code_cannot_be_guessed_through_and_is_not_sent_without_end(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    services_contact.set_contact(lodge.coordinator, ida, channel="mail", value="ida@post.example")
    ways = services_message.outgoing()
    services_contact.ask_code(lodge.coordinator, ida, "mail", ways)
    services_post.round_once()
    code = re.search(r"Your code is (\d{6})\.", body(smtp.got[0]))[1]  # type: ignore[index]
    for n in range(1, 6):
        with pytest.raises(UserError):
            services_contact.prove(lodge.coordinator, ida, "mail", f"{(int(code) + n) % 10**6:06}")
    with pytest.raises(UserError):  # the right one comes too late
        services_contact.prove(lodge.coordinator, ida, "mail", code)
    for _ in range(4):
        services_contact.ask_code(lodge.coordinator, ida, "mail", ways)
    with pytest.raises(UserError, match="Too many codes"):
        services_contact.ask_code(lodge.coordinator, ida, "mail", ways)


@pytest.mark.hazard("HAZ-57", "C1")
def test_nobody_reads_back_their_own_number_or_speaks_for_another(lodge: Lodge, clinic: Clinic):
    own, other = clinic.principal(Role.PATIENT), lodge.patients[0]
    contact = services_contact.set_contact(own, clinic.ida, channel="text", value="+43 660 123 45 67")
    with pytest.raises(Forbidden):
        services_contact.read_back(own, clinic.ida, "text", contact.pk)
    for act in (
        lambda who: services_contact.choose(who, other, channel="none"),
        lambda who: services_contact.set_contact(who, other, channel="mail", value="a@b.example"),
    ):
        for who in (own, clinic.principal(Role.BILLING)):
            with pytest.raises(Forbidden):
                act(who)
    services_contact.set_contact(own, clinic.ida, channel="text", value="+43 660 7654321")
    with pytest.raises(Conflict):  # changed while somebody read the former one
        services_contact.read_back(lodge.coordinator, clinic.ida, "text", contact.pk)
    rows = services_contact.contacts_of(clinic.ida)
    assert rows["text"].value == "+436607654321" and rows["text"].state == "unverified"


@pytest.mark.parametrize(
    ("channel", "value"),
    [
        ("mail", "ida@post.example, noah@post.example"),
        ("mail", "ida@post.example\nBcc: noah@post.example"),
        ("mail", "Ida <ida@post.example>"),
        ("mail", "nobody"),
        ("text", "0660 1234567"),
        ("text", "+43 660 1234567, +43 660 1234568"),
        ("fax", "+43 660 1234567"),
    ],
)
@pytest.mark.hazard("HAZ-61", "C1")
def test_what_is_no_single_address_is_refused(lodge: Lodge, channel: str, value: str):
    with pytest.raises(UserError):
        services_contact.set_contact(lodge.coordinator, lodge.patients[0], channel=channel, value=value)


def test_a_contact_that_was_moved_to_another_patient_does_not_open(lodge: Lodge):
    row = reached(lodge, lodge.patients[0])
    Contact.objects.filter(pk=row.pk).update(patient=lodge.patients[1])
    row.refresh_from_db()
    assert services_contact.opened(row) is None


@pytest.mark.parametrize(
    ("now", "lives", "goes"),
    [
        ("2027-03-15T20:59:00+00:00", "UTC", "2027-03-15T20:59:00+00:00"),
        ("2027-03-15T21:00:00+00:00", "UTC", "2027-03-16T08:00:00+00:00"),
        ("2027-03-15T07:59:59+00:00", "UTC", "2027-03-15T08:00:00+00:00"),
        ("2027-03-15T08:00:00+00:00", "UTC", "2027-03-15T08:00:00+00:00"),
        ("2027-03-15T11:00:00+00:00", "America/New_York", "2027-03-15T12:00:00+00:00"),
        ("2027-03-28T00:30:00+00:00", "Europe/Vienna", "2027-03-28T06:00:00+00:00"),  # an hour is skipped that night
        ("2027-10-30T22:30:00+00:00", "Europe/Vienna", "2027-10-31T07:00:00+00:00"),  # and one comes twice
        ("2027-03-15T12:00:00+00:00", "Pacific/Auckland", "2027-03-15T19:00:00+00:00"),
    ],
)
@pytest.mark.hazard("HAZ-57", "C1")
def test_nothing_goes_while_it_is_night_where_the_patient_lives(now: str, lives: str, goes: str):
    assert messages.may_go_at(datetime.fromisoformat(now), lives) == datetime.fromisoformat(goes)


# -- once ----------------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-57", "C1")
@pytest.mark.parametrize("arrived", [False, True])
def test_a_crash_while_it_is_sent_sends_it_never_again_and_says_so(
    lodge: Lodge, smtp: Smtp, monkeypatch: pytest.MonkeyPatch, arrived: bool
):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    row = book(lodge, ida, NOON)
    send = services_post._send

    def dies(ways: Outgoing, ready: services_post.Ready) -> Any:
        if arrived:
            send(ways, ready)
        raise SystemExit

    monkeypatch.setattr(services_post, "_send", dies)
    with pytest.raises(SystemExit):
        round_at(MORNING)
    monkeypatch.undo()
    assert why(lodge) == [("reminder", "")] and Message.objects.get().state == "sending"
    for minutes in range(0, 300, 7):
        round_at(MORNING + timedelta(minutes=minutes))
    assert len(smtp.got) == arrived
    assert why(lodge) == [("reminder", "unknown")]
    assert services_booking.told(lodge.coordinator, ida, START) == 1
    assert why(lodge) == []
    cancel(lodge, row)  # they may know it: so they are told that it is off
    round_at(MORNING + timedelta(hours=6))
    assert texts(smtp)[-1] == "Your appointment on Monday 15 March at 12:00 is off."


@pytest.mark.hazard("HAZ-57", "C1")
def test_a_server_that_took_it_and_did_not_answer_is_not_asked_again(
    lodge: Lodge, smtp: Smtp, monkeypatch: pytest.MonkeyPatch
):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    book(lodge, ida, NOON)
    say = SmtpHandler.say

    def silent(self: SmtpHandler, line: str) -> None:
        if line == "250 taken":
            self.connection.shutdown(2)
            raise ConnectionAbortedError
        say(self, line)

    monkeypatch.setattr(SmtpHandler, "say", silent)
    monkeypatch.setattr(smtp, "handle_error", lambda *_: None)
    round_at(MORNING)
    assert [item.message.state for item in due_items(lodge)] == ["unknown"]  # type: ignore[union-attr]
    monkeypatch.undo()
    for minutes in range(0, 300, 7):
        round_at(MORNING + timedelta(minutes=minutes))
    assert len(smtp.got) == 1


@pytest.mark.hazard("HAZ-57", "C1")
def test_what_is_refused_is_tried_again_with_longer_waits_and_then_told_by_a_person(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    book(lodge, ida, NOON)
    smtp.reply = "450 later"
    at, waits = MORNING, []
    assert round_at(at) == 1 and round_at(at) == 0
    while (message := Message.objects.get()).state == "waiting":
        assert message.next_at is not None and message.fault == "SMTP 450"
        waits.append((message.next_at - at).total_seconds())
        at = message.next_at
        assert round_at(at - timedelta(seconds=1)) == 0 and round_at(at) == 1
    assert waits == [60, 120, 240]
    assert why(lodge, at) == [("reminder", "failed")]
    smtp.reply = "250 ok"
    assert round_at(at + timedelta(hours=2)) == 0 and smtp.got == []
    assert Attempt.objects.count() == 4
    assert services_booking.told(lodge.coordinator, ida, START) == 1
    assert why(lodge, at) == []


@pytest.mark.hazard("HAZ-57", "C1")
def test_the_link_of_a_try_that_failed_opens_nothing(lodge: Lodge, post: Post):
    ida = lodge.patients[0]
    reached(lodge, ida, "text")
    still_verified(ida)
    book(lodge, ida, NOON)
    post.status = 503
    round_at(MORNING)
    post.status = 200
    round_at(MORNING + timedelta(minutes=2))
    first, second = (re.search(r"/a/([\w-]+)/", said["text"])[1] for _path, _headers, said in post.got)  # type: ignore[index]
    assert first != second
    assert services_message.door(first, MORNING) is None and services_message.door(second, MORNING) is not None


@pytest.mark.hazard("HAZ-57", "C1")
def test_nobody_gets_a_storm(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    row = book(lodge, ida, NOON)
    for n in range(12):
        round_at(MORNING + timedelta(minutes=10 * n))
        move(lodge, row, NOON + timedelta(minutes=15 * (n + 1)))
    round_at(MORNING + timedelta(hours=3))
    assert len(smtp.got) == 6 and why(lodge, MORNING + timedelta(hours=3)) == [("change", "many")]


@pytest.mark.hazard("HAZ-57", "C1")
def test_two_processes_on_one_database_send_each_once(transactional_db: None, site: Path, smtp: Smtp, seed: int):
    lodge = Lodge(make_clinic(), guests=4)
    for patient in lodge.patients:
        reached(lodge, patient)
        still_verified(patient)
        for hour in range(3):
            book(lodge, patient, NOON + timedelta(days=hour))

    def process(number: int) -> None:
        rng = Random(f"{seed} {number}")
        try:
            for day in range(3):
                for _ in range(4):
                    round_at(MORNING + timedelta(days=day, minutes=rng.randrange(3)))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(process, range(3)))
    assert len(smtp.got) == len(set(smtp.got)) == 12
    days = ("Monday 15", "Tuesday 16", "Wednesday 17")
    assert sorted(texts(smtp)) == sorted([f"You have an appointment on {day} March at 12:00." for day in days] * 4)
    assert {row.state for row in Message.objects.all()} == {"sent"} and Attempt.objects.count() == 12


@pytest.mark.hazard("HAZ-57", "C1")
def test_the_database_itself_lets_an_event_be_said_once(lodge: Lodge):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    book(lodge, ida, NOON)
    round_at(MORNING)
    row = Said.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


# -- moved and off --------------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-57", "C2")
def test_what_waits_is_recalled_and_what_was_sent_is_followed_by_what_changed(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    one, two = book(lodge, ida, NOON), book(lodge, ida, NOON + timedelta(hours=4))
    night = NOON - timedelta(hours=14)  # 22:00: it waits for the morning
    round_at(night)
    assert Message.objects.get().state == "waiting" and smtp.got == []
    cancel(lodge, two)
    round_at(night)
    assert sorted(Message.objects.values_list("state", flat=True)) == ["recalled", "waiting"]
    eight = NOON - timedelta(hours=4)
    round_at(eight - timedelta(minutes=1))
    assert smtp.got == []
    round_at(eight)
    assert texts(smtp) == ["You have an appointment on Monday 15 March at 12:00."]
    move(lodge, one, NOON + timedelta(days=3))
    round_at(eight + timedelta(minutes=5))
    assert texts(smtp)[1:] == ["Your appointment on Monday 15 March at 12:00 is now on Thursday 18 March at 12:00."]
    assert Reminder.objects.get(state="waits").due_at == NOON + timedelta(days=2)
    cancel(lodge, one)
    for minutes in range(10, 100, 9):
        round_at(eight + timedelta(minutes=minutes))
    assert texts(smtp)[2:] == ["Your appointment on Thursday 18 March at 12:00 is off."]
    assert "Answer here" not in body(smtp.got[2])
    round_at(NOON + timedelta(days=2, hours=2))
    assert len(smtp.got) == 3


@pytest.mark.hazard("HAZ-57", "C1", "C2")
@pytest.mark.parametrize("what", ["cancelled", "moved", "told", "none", "changed", "ended", "detail"])
def test_what_is_no_longer_so_when_it_is_about_to_be_sent_does_not_go(lodge: Lodge, smtp: Smtp, what: str):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    row, ways = book(lodge, ida, NOON), services_message.outgoing()
    assert services_message.make_due(lodge.site, ways, MORNING) == 1
    if what == "cancelled":
        cancel(lodge, row)
    elif what == "moved":
        move(lodge, row, NOON + timedelta(minutes=30))
    elif what == "told":
        services_booking.told(lodge.coordinator, ida, START)
    elif what == "changed":
        services_contact.set_contact(lodge.coordinator, ida, channel="mail", value="other@post.example")
    elif what == "ended":
        services_contact.end_contact(lodge.coordinator, ida, "mail")
    else:
        channel = "none" if what == "none" else "mail"
        services_contact.choose(lodge.coordinator, ida, channel=channel, detail=what == "detail")
    assert services_post.send_due(ways, MORNING) == 0 and smtp.got == []
    assert Message.objects.get().state == "recalled" and not Said.objects.filter(live=True).exists()


@pytest.mark.hazard("HAZ-57", "C2")
def test_what_a_person_told_and_has_changed_is_told_by_message_or_by_a_person(lodge: Lodge, smtp: Smtp):
    chose, did_not = lodge.patients[:2]
    reached(lodge, chose)
    still_verified(chose)
    rows = [book(lodge, patient, NOON) for patient in (chose, did_not)]
    for patient in (chose, did_not):
        assert services_booking.told(lodge.coordinator, patient, START) == 1
    for row in rows:
        move(lodge, row, NOON + timedelta(hours=2))
    round_at(MORNING)
    assert texts(smtp) == ["Your appointment on Monday 15 March at 12:00 is now on Monday 15 March at 14:00."]
    assert why(lodge) == [("change", "not-asked")]
    ways = services_message.outgoing()
    assert services_message.told_change(lodge.coordinator, did_not, ways, now=MORNING) == 1
    assert services_message.told_change(lodge.coordinator, did_not, ways, now=MORNING) == 0
    assert why(lodge) == [] and not Reminder.objects.filter(state="waits").exists()
    cancel(lodge, rows[1])
    assert why(lodge) == [("change", "not-asked")]


@pytest.mark.hazard("HAZ-57", "C2")
def test_a_change_that_would_come_after_the_night_too_late_is_told_by_a_person(lodge: Lodge, smtp: Smtp):
    ida = lodge.patients[0]
    reached(lodge, ida)
    still_verified(ida)
    early = NOON - timedelta(hours=4, minutes=15)  # 07:45
    row = book(lodge, ida, early)
    round_at(early - timedelta(hours=12))
    assert len(smtp.got) == 1
    cancel(lodge, row)
    assert round_at(early - timedelta(hours=8)) == 0
    assert why(lodge, early - timedelta(hours=8)) == [("change", "quiet")]


# -- the site's file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (FILE, "nothing to send by"),
        (FILE.replace('by = "Dr Ines Varga"', 'by = ""') + TEXT.format(port=9), "nobody who decided"),
        (FILE.replace("https://visits", "http://visits") + TEXT.format(port=9), "link is no address"),
        (
            FILE.replace("https://visits.example/", "https://visits.example/?a=1") + TEXT.format(port=9),
            "more than host",
        ),
        (FILE.replace("visits", "ketamine-clinic") + TEXT.format(port=9), "link says what is done"),
        (FILE.replace("River Road 1", "Psychiatry ward") + TEXT.format(port=9), "address says what is done"),
        (FILE.replace("River Road 1, second door", "") + TEXT.format(port=9), "address is empty"),
        (FILE + MAIL.format(port=9).replace("desk@", "anxiety@"), "from says what is done"),
        (FILE + MAIL.format(port=9).replace("127.0.0.1", "smtp.example"), "unencrypted"),
        (FILE + '[text]\nhook = "http://texts.example/"', "not https"),
        (FILE + '[text]\nhook = "https://texts.example/"\ntoken_file = "none"', "no file none"),
        (FILE + "[fax]", "fax"),
    ],
)
@pytest.mark.hazard("HAZ-57", "C1")
def test_a_file_at_fault_says_what_to_correct(tmp_path: Path, text: str, fault: str):
    (tmp_path / "messages.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentFault, match=fault):
        outgoing_of(tmp_path)
