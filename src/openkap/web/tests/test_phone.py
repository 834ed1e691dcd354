"""A form on a phone without script: the link is the only door, and every fault ends in one sentence."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from openkap.assess import services
from openkap.assess.models import Answer, FormRequest, SafetyAlert
from openkap.assess.selectors import answers_of, state_of
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from tests.database import Clinic


class Phone:
    """A browser without script that opened a link."""

    def __init__(self, clinic: Clinic, form: str = "phq-9", patient=None):
        self.request = services.ask_form(None, patient or clinic.ida, form)
        self.link, self.token = services.make_link(None, self.request)
        self.client = Client()

    def path(self, tail: str = "") -> str:
        return f"/f/{self.token}/{tail}"

    def begin(self, **sent):
        return self.client.post(self.path("begin/"), sent)

    def say(self, link: str, code: str = "", **more):
        sent = {"key": str(uuid4()), "link_id": link} | ({"value": code} if code else {}) | more
        return self.client.post(self.path("answer/"), sent)

    def page(self, tail: str = "") -> str:
        return self.client.get(self.path(tail)).content.decode()


@pytest.fixture
def phone(clinic: Clinic) -> Phone:
    return Phone(clinic)


def sentence_of(text: str) -> str:
    return re.sub(r"<[^>]*>", " ", text)


@pytest.mark.hazard("HAZ-53", "C1")
def test_the_first_page_says_a_first_name_and_nothing_else_of_the_patient(phone, clinic):
    page = phone.page()
    assert "Hello Ida" in page
    for secret in ("Example", "1988", clinic.ida.record_number, str(clinic.ida.pk)):
        assert secret not in sentence_of(page)
    assert "bothered" not in page  # no question before somebody says that it is them


def test_opening_the_link_changes_nothing_until_begin_is_pressed(phone):
    for _ in range(3):  # a preview of a chat program opens it too
        phone.page()
    assert not phone.link.devices.exists()
    assert not phone.request.events.filter(kind="opened").exists()
    assert phone.begin().status_code == 302
    assert "Question 1 of 10" in phone.page()
    assert phone.request.events.filter(kind="opened").exists()


def test_a_form_is_answered_by_plain_posts_and_resumed_at_the_first_open_question(phone):
    phone.begin()
    for k in range(1, 4):
        assert phone.say(str(k), "1").headers["Location"].endswith(f"?q={k + 1}")
    assert "Question 4 of 10" in phone.page()
    for k in range(4, 9):
        phone.say(str(k), "0")
    phone.say("9", "0")
    page = phone.page("send/")
    assert "last question" in page
    assert phone.client.post(phone.path("send/")).status_code == 302
    assert "Your answers are with your clinic" in phone.page()
    assert state_of(phone.request).word == "done"


def test_sending_twice_and_going_back_afterwards_is_harmless(phone):
    phone.begin()
    for k in range(1, 10):
        phone.say(str(k), "0")
    phone.client.post(phone.path("send/"))
    assert phone.client.post(phone.path("send/")).status_code == 200
    assert "with your clinic" in phone.say("1", "3").content.decode()
    assert answers_of(phone.request)["1"] == "0"


@pytest.mark.goal("RG-04")
def test_a_double_tap_is_one_answer(phone):
    phone.begin()
    key = str(uuid4())
    for _ in range(2):
        phone.say("1", "2", key=key)
    assert Answer.objects.count() == 1


@pytest.mark.hazard("HAZ-48", "C1", "C3")
def test_help_is_the_next_page_after_a_suicidality_answer_in_an_unfinished_form(phone):
    phone.begin()
    reply = phone.client.get(phone.say("9", "1").headers["Location"])
    page = reply.content.decode()
    assert reply.wsgi_request.path.endswith("/help/")
    assert page.index('href="tel:988"') < page.index("Go on when you are ready")
    assert "Your clinic has not set its own number" in page
    assert "Your clinic has been told" in page
    assert "Change my answer" in page
    assert SafetyAlert.objects.count() == 1


@pytest.mark.hazard("HAZ-48", "C1")
def test_the_page_of_a_form_with_such_an_answer_keeps_the_numbers_at_its_end(phone):
    phone.begin()
    for k in range(1, 10):
        phone.say(str(k), "1")
    phone.client.post(phone.path("send/"))
    assert 'href="tel:988"' in phone.page()


def test_help_opens_whatever_the_link_is_worth(phone, clinic):
    services.withdraw(clinic.principal(Role.COORDINATOR), phone.request, "not needed")
    assert 'href="tel:988"' in phone.page("help/")
    assert 'href="tel:988"' in Client().get("/f/nothing/help/").content.decode()


@pytest.mark.hazard("HAZ-48", "C1")
def test_a_broken_file_of_the_site_does_not_keep_help_away(phone, settings, tmp_path, monkeypatch):
    (tmp_path / "crisis.toml").write_text("line = 3")
    monkeypatch.setattr("openkap.web.forms.phone.settings.ENVIRONMENT", _at(settings.ENVIRONMENT, tmp_path))
    assert 'href="tel:988"' in phone.page("help/")


def _at(environment, folder):
    from dataclasses import replace

    return replace(environment, site=folder)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"link_id": "1"}, "Choose or write an answer"),
        ({"link_id": "1", "value": "7"}, "not one of those offered"),
        ({"link_id": "99", "value": "1"}, "not in this form"),
        ({"link_id": "1", "value": "1", "key": "1"}, "without its key"),
        ({"link_id": "1", "value": "1", "sequence": "9" * 400}, ""),
    ],
)
def test_what_is_no_answer_comes_back_as_one_sentence_on_the_same_page(phone, sent, sentence):
    phone.begin()
    reply = phone.client.post(phone.path("answer/"), {"key": str(uuid4())} | sent)
    assert reply.status_code in ((422, 404) if sentence else (302,))
    if sentence:
        assert sentence in reply.content.decode()
        assert "Question 1 of 10" in reply.content.decode()


# --- links that do not open --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["expired", "newer", "withdrawn", "unknown"])
def test_a_link_that_does_not_open_says_so_and_how_to_get_a_new_one(phone, clinic, how, time_machine):
    coordinator = clinic.principal(Role.COORDINATOR)
    path = phone.path()
    if how == "expired":
        time_machine.move_to(phone.link.expires_at + timedelta(seconds=1))
    elif how == "newer":
        services.make_link(coordinator, phone.request)
    elif how == "withdrawn":
        services.withdraw(coordinator, phone.request, "not needed")
    else:
        path = "/f/unknown-token/"
    reply = Client().get(path)
    text = sentence_of(reply.content.decode())
    assert reply.status_code == {"withdrawn": 200, "unknown": 404}.get(how, 410)
    assert ("Ask your clinic for a new link" in text) == (how != "withdrawn")
    assert "Ida" not in text


@pytest.mark.hazard("HAZ-63", "C2")
def test_a_forwarded_link_asks_for_the_birth_date(phone):
    phone.begin()
    other = Client()
    assert "Your birth date" in other.get(phone.path()).content.decode()
    assert "another device" in other.post(phone.path("begin/")).content.decode()
    assert "does not match" in other.post(phone.path("begin/"), {"birth_date": "1988-04-03"}).content.decode()
    assert "not a date" in other.post(phone.path("begin/"), {"birth_date": "2. April"}).content.decode()
    assert other.post(phone.path("begin/"), {"birth_date": "1988-04-02"}).status_code == 302
    assert "Question 1" in other.get(phone.path()).content.decode()


@pytest.mark.hazard("HAZ-63", "C2")
def test_who_stops_leaves_nothing_open_on_a_shared_device(phone):
    phone.begin()
    phone.say("1", "2")
    assert "Come back with the same link" in phone.client.post(phone.path("stop/")).content.decode()
    page = phone.page()
    assert "Your birth date" in page
    assert "bothered" not in page
    assert phone.say("2", "1").status_code == 403


@pytest.mark.hazard("HAZ-63", "C2")
def test_a_link_opens_its_own_form_and_nothing_else(phone, clinic):
    phone.begin()
    for path in ("/today/", "/forms/", f"/p/{clinic.ida.pk}/", f"/p/{clinic.ida.pk}/forms/", "/alerts/"):
        assert phone.client.get(path).status_code == 302  # to sign in
    second = Phone(clinic, "gad-7")
    assert "Hello" in phone.client.get(second.path()).content.decode()  # the other link is not begun on this device


def test_guessing_links_is_slowed_down(clinic):
    client = Client()
    codes = [client.get(f"/f/{number}/").status_code for number in range(31)]
    assert codes[:30] == [404] * 30
    assert codes[30] == 429


def test_each_reading_of_answers_is_in_the_audit_trail(phone):
    phone.begin()
    before = AuditEvent.objects.filter(action="R").count()
    phone.page()
    assert AuditEvent.objects.filter(action="R", entity=f"FormLink/{phone.link.pk}").count() == before + 1


@pytest.mark.hazard("HAZ-48", "C3")
def test_an_answer_that_waited_for_a_signal_for_hours_is_taken_although_the_page_is_not_shown(phone, time_machine):
    time_machine.move_to("2026-11-25T22:00:00+00:00", tick=False)
    phone.link, phone.token = services.make_link(None, phone.request)
    phone.begin()
    time_machine.shift(timedelta(hours=9))
    assert "Your birth date" in phone.page()
    assert phone.say("9", "2").headers["Location"].split("?")[0].endswith("/help/")
    assert SafetyAlert.objects.exists()
    assert "Your birth date" in phone.page()


def test_a_script_gets_short_replies(phone):
    phone.begin()
    accept = {"headers": {"accept": "application/json"}}
    sent = {"key": str(uuid4()), "link_id": "9", "value": "1", "sequence": "1764000000000"}
    assert phone.client.post(phone.path("answer/"), sent, **accept).json() == {
        "saved": True, "help": True, "told": True,
    }  # fmt: skip
    assert Client().post(phone.path("answer/"), sent, **accept).json()["enter"] is True
    bad = phone.client.post(phone.path("answer/"), sent | {"key": str(uuid4()), "value": "8"}, **accept)
    assert (bad.status_code, set(bad.json())) == (422, {"sentence"})


# --- the intake --------------------------------------------------------------------------------------


def test_lists_dates_and_declined_questions_of_the_intake_by_plain_posts(clinic):
    phone = Phone(clinic, "intake")
    phone.begin()
    assert "Add this one" in phone.page("?q=trigger")
    phone.say("trigger", next="1", **{"value-trigger-label": "Buses <script>", "value-trigger-avoided": "true"})
    assert "Buses &lt;script&gt;" in phone.page("?q=trigger")
    phone.say("trigger", next="2", **{"value-trigger-label": "a slip"})
    phone.say("trigger", remove="2")
    phone.say("trigger", close="1")
    phone.say("pregnant", decline="1")
    phone.say("self-harm-or-admission-on", never="1")
    assert answers_of(phone.request) == {
        "trigger/1": {"trigger-label": "Buses <script>", "trigger-avoided": "true"},
        "trigger/2": "removed",
        "trigger": "closed",
        "pregnant": "asked-declined",
        "self-harm-or-admission-on": "not-applicable",
    }
    reply = phone.say("trigger", next="3", **{"value-trigger-distress": "8"})
    assert "leave the whole entry out" in reply.content.decode()
    assert 'value="8"' in reply.content.decode()  # what was typed is kept


@pytest.mark.hazard("HAZ-53", "C1")
def test_what_the_record_knows_is_shown_only_after_the_birth_date_and_chosen_by_nobody(clinic):
    earlier = Phone(clinic, "dose-day")
    earlier.begin()
    earlier.say("solids-h", "9")
    for link in (
        "fluids-h",
        "alcohol-24h",
        "cannabis-24h",
        "illicit-stimulant-72h",
        "interval-change",
        "driving-agreement",
    ):
        earlier.say(link, decline="1")
    earlier.client.post(earlier.path("send/"))
    later = Phone(clinic, "dose-day")
    later.begin()
    assert "We have from" not in later.page("?q=solids-h")
    proved = Phone(clinic, "dose-day")  # the same request, a newer link
    proved.begin(birth_date="1988-04-02")
    page = proved.page("?q=solids-h")
    assert "We have from" in page
    assert "Still right" in page
    body = page.partition("data-body")[2].partition("</form>")[0]
    assert 'name="value" type="text" inputmode="numeric" maxlength="12" value=""' in body


def test_a_page_for_a_phone_is_light(clinic):
    for form in ("phq-9", "intake"):
        phone = Phone(clinic, form, clinic.noah)
        phone.begin()
        assert len(phone.page().encode()) < 100_000
    assert FormRequest.objects.count() == 2
