"""The board over all rooms: who sees what of whom, kept up to date tile by tile, and on a wall without a sign-in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from openkap.dose import events as e
from openkap.dose import heart, services, services_book, store
from openkap.dose.live import GONE
from openkap.dose.models import DosingSession, Presence, SessionEvent, Shift
from openkap.dose.models_wall import WallScreen
from openkap.dose.tests.ward import Ward, at_another_hour
from openkap.kernel.site import Site
from openkap.people import services as people
from openkap.people import services_accounts
from openkap.people.models import AuditEvent
from openkap.people.types import Role
from openkap.schedule.models import Appointment
from openkap.web.dose.board import boards as module
from openkap.web.dose.board.boards import boards
from openkap.web.dose.board.views import COOKIE
from tests.database import Clinic


@pytest.fixture(autouse=True)
def _no_boards_of_before() -> Iterator[None]:
    boards.forget()
    yield
    boards.forget()


@pytest.fixture
def ward(clinic: Clinic) -> Ward:
    return Ward(clinic)


def tile(page: str, name: str = "Bay 1") -> str:
    found = [part for part in re.findall(r"<li class=\"tile\".*?</li>", page, re.DOTALL) if f">{name}<" in part]
    assert len(found) == 1
    return found[0]


def page(clinic: Clinic, role: Role, path: str = "/rooms/") -> str:
    response = clinic.client(role).get(path)
    assert response.status_code == 200
    return response.content.decode()


def messages(body: bytes) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for block in body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in lines:
            found.setdefault(lines["event"], []).append(json.loads(lines["data"]))
    return found


# -- who sees what ---------------------------------------------------------------------------------------


def test_a_chair_shows_initials_and_the_way_to_the_session_and_no_name(ward: Ward):
    ward.arrive()
    for role in (Role.NURSE, Role.THERAPIST, Role.PRESCRIBER):
        said = page(ward.clinic, role)
        assert "I. E." in tile(said) and f"/rooms/{ward.row.pk}/" in tile(said)
        assert ward.patient.given not in tile(said) and str(ward.patient.pk) not in said


def test_the_coordinator_and_the_wall_learn_that_there_is_an_alert_and_not_about_what(ward: Ward):
    ward.to_dosing()
    ward.read(spo2=85)
    assert "Oxygen saturation" in tile(page(ward.clinic, Role.NURSE))
    said = tile(page(ward.clinic, Role.COORDINATOR))
    assert "Red alert" in said and "Nurse Person" in said
    assert "Oxygen" not in said and "<a " not in said and "85" not in re.sub(r'"[^"]*"', "", said)
    client = wall_of(ward.clinic)
    on_wall = tile(client.get("/rooms/wall/").content.decode())
    assert "Red alert" in on_wall and "Oxygen" not in on_wall and "<a " not in on_wall


def test_whom_the_board_shows_is_on_record_before_it_is_shown(ward: Ward):
    ward.arrive()
    reads = AuditEvent.objects.filter(type="patient-record", action="R", patient=ward.patient)
    page(ward.clinic, Role.COORDINATOR)
    assert reads.filter(entity="dose:board").count() == 1
    ward.clinic.client(Role.NURSE).get("/live/rooms/")
    assert reads.filter(entity="dose:live-rooms").count() == 1


def test_a_tile_leads_those_who_care_for_the_person_and_tells_others_how_they_could(ward: Ward):
    ward.arrive()
    nurse = ward.clinic.client(Role.NURSE).get(f"/rooms/{ward.row.pk}/")
    assert nurse.status_code == 302 and str(ward.patient.pk) in nurse.headers["Location"]
    people.end_assignment(None, ward.patient, ward.clinic.users[Role.NURSE], reason="another ward")
    other = ward.clinic.client(Role.NURSE).get(f"/rooms/{ward.row.pk}/")
    assert other.status_code == 403 and str(ward.patient.pk) not in other.content.decode()
    assert ward.clinic.client(Role.NURSE).get(f"/rooms/{uuid4()}/").status_code == 404


def test_another_site_sees_nothing_of_this_one(ward: Ward):
    ward.arrive()
    far = people.create_user(None, ward.clinic.other, email="far@clinic.example", name="Far Nurse")
    people.grant_role(None, far, ward.clinic.other, Role.NURSE)
    client = Client()
    client.force_login(far)
    said = client.get("/rooms/").content.decode()
    assert "Bay 1" not in said and "I. E." not in said
    assert client.get(f"/rooms/{ward.row.pk}/").status_code == 404
    assert messages(client.get("/live/rooms/").content)["state"][0]["tiles"] == []


def test_a_free_chair_says_who_comes_today(ward: Ward):
    assert "Free" in tile(page(ward.clinic, Role.NURSE)) and "Today: I. E." in tile(page(ward.clinic, Role.NURSE))
    ward.do(e.Arrive)
    assert "Arrived" in tile(page(ward.clinic, Role.NURSE))
    ward.do(e.Cancel, reason="not today")
    assert "Free" in tile(page(ward.clinic, Role.NURSE)) and "I. E." not in tile(page(ward.clinic, Role.NURSE))


def test_a_session_that_cannot_be_shown_hides_no_other(ward: Ward, monkeypatch: pytest.MonkeyPatch):
    ward.arrive()
    real = store.load

    def broken(row):
        if row.pk == ward.row.pk:
            raise ValueError("a log that no code understands")
        return real(row)

    monkeypatch.setattr(store, "load", broken)
    services_book.add_chair(None, ward.clinic.site.pk, "Bay 2")
    said = page(ward.clinic, Role.NURSE)
    assert "Cannot be shown" in tile(said) and "Look at the patient" in tile(said)
    assert "Free" in tile(said, "Bay 2")


# -- kept up to date -------------------------------------------------------------------------------------


class Screen:
    """A board that is watched, with the messages that it sent."""

    def __init__(self, clinic: Clinic, monkeypatch: pytest.MonkeyPatch, may=lambda: True):
        self.board = boards.of(clinic.site.pk)
        monkeypatch.setattr(module.follower, "follow", lambda listener: None)
        self.loop = asyncio.new_event_loop()
        self.one = self.loop.run_until_complete(self._watch(may))
        self.board.begin()

    async def _watch(self, may):
        return self.board.watch("full", may)

    async def _tablet(self, session):
        return self.board.watch("full", lambda: True, session)

    def got(self) -> dict[str, list[dict]]:
        said = self.loop.run_until_complete(self.one.box.next(0.01))
        return messages(said) if isinstance(said, bytes) else {str(said): []}


@pytest.fixture
def requested() -> Iterator[list[Screen]]:
    found: list[Screen] = []
    yield found
    for one in found:
        one.loop.close()


@pytest.fixture
def screen(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    found = Screen(ward.clinic, monkeypatch)
    yield found
    found.loop.close()


def test_an_event_sends_the_tile_of_its_chair_and_no_other(ward: Ward, screen: Screen):
    services_book.add_chair(None, ward.clinic.site.pk, "Bay 2")
    ward.do(e.Arrive)
    screen.board.heard({ward.row.pk})
    [said] = screen.got()["session"]
    ward.row.refresh_from_db()
    assert said["place"] == f"chair-{ward.chair.pk}" and said["sequence"] == ward.row.sequence
    assert "Arrived" in said["html"]


@pytest.mark.goal("RG-13")
def test_a_tile_is_made_once_for_all_screens(ward: Ward, screen: Screen, monkeypatch: pytest.MonkeyPatch):
    made, real = [], module.shown.tile
    monkeypatch.setattr(module.shown, "tile", lambda *a: made.append(1) or real(*a))
    for _ in range(20):
        screen.loop.run_until_complete(screen._watch(lambda: True))
    ward.do(e.Arrive)
    screen.board.heard({ward.row.pk})
    assert made == [1]
    boxes = [watch.box for watch in screen.board._watches]
    said = {screen.loop.run_until_complete(box.next(0.1)) for box in boxes}
    assert len(boxes) == 21 and len(said) == 1


@pytest.mark.goal("RG-13")
def test_a_tablet_hears_of_its_own_session_alone_and_of_the_heartbeat(ward: Ward, screen: Screen):
    other = Ward(ward.clinic, patient=ward.clinic.noah, chair="Bay 2")
    tablet = screen.loop.run_until_complete(screen._tablet(ward.row.pk))
    other.do(e.Arrive)
    ward.do(e.Arrive)
    screen.board.heard({other.row.pk, ward.row.pk})
    ward.row.refresh_from_db()
    said = messages(screen.loop.run_until_complete(tablet.box.next(0.1)))
    assert said == {"session": [{"session": str(ward.row.pk), "sequence": ward.row.sequence, "silent": False}]}
    boards._beat = 0.0
    boards.turn()
    assert "beat" in messages(screen.loop.run_until_complete(tablet.box.next(0.1)))
    nurse = ward.clinic.client(Role.NURSE)
    assert set(messages(nurse.get(f"/live/rooms/?only={ward.row.pk}").content)) == {"beat"}
    for wrong in (other.row.pk, uuid4(), "x"):  # somebody whom this nurse does not care for, nobody, nonsense
        assert nurse.get(f"/live/rooms/?only={wrong}").status_code == 404


def test_a_board_is_built_once_for_all_who_connect(ward: Ward, screen: Screen, monkeypatch: pytest.MonkeyPatch):
    built, real = [], screen.board._rebuild
    monkeypatch.setattr(screen.board, "_rebuild", lambda: built.append(1) or real())
    screen.board.leave(screen.one)
    screen.board.turn()
    for _ in range(5):
        screen.board.begin()
        screen.board.shown("full")
    assert built == []
    screen.board._wanted -= module.IDLE_S + 1
    screen.board.turn()  # nobody watches and nobody comes: it is kept no longer
    screen.board.begin()
    assert built == [1]


def test_what_no_event_tells_is_found_by_looking(ward: Ward, screen: Screen):
    """A session booked into a chair, and one whose event nobody heard of."""
    second = services_book.add_chair(None, ward.clinic.site.pk, "Bay 2")
    services_book.place_in(ward.clinic.principal(Role.COORDINATOR), ward.row, second)
    screen.board.turn()
    said = {one["place"]: one["html"] for one in screen.got()["session"]}
    assert "Today: I. E." in said[f"chair-{second.pk}"]
    assert "nobody booked" in said[f"chair-{ward.chair.pk}"]
    ward.do(e.Arrive)
    screen.board._due.clear()
    screen.board.turn()
    assert "Arrived" in screen.got()["session"][-1]["html"]


def test_who_changes_the_chair_leaves_the_old_one_free(ward: Ward, screen: Screen):
    screen.board.heard({ward.row.pk})
    screen.got()
    second = services_book.add_chair(None, ward.clinic.site.pk, "Bay 2")
    services_book.place_in(ward.clinic.principal(Role.NURSE), ward.row, second)
    ward.do(e.Arrive)
    screen.board.heard({ward.row.pk})
    said = {one["place"]: one["html"] for one in screen.got()["session"]}
    assert "Free" in said.get(f"chair-{ward.chair.pk}", "Free") and "Arrived" in said[f"chair-{second.pk}"]


def test_a_session_without_a_chair_has_a_place_until_it_ends(ward: Ward, screen: Screen):
    ward.row.chair = None
    ward.row.save()
    ward.do(e.Arrive)
    screen.board.heard({ward.row.pk})
    assert "No chair yet" in screen.got()["session"][-1]["html"]
    ward.do(e.Cancel, reason="not today")
    screen.board.heard({ward.row.pk})
    assert screen.got()["session"][-1] == {"place": f"session-{ward.row.pk}", "sequence": 0, "html": ""}


def test_minutes_pass_on_a_tile_though_nothing_happens(ward: Ward, screen: Screen, monkeypatch: pytest.MonkeyPatch):
    ward.to_dosing()
    screen.board.heard({ward.row.pk})
    assert "minute 0" in screen.got()["session"][-1]["html"]
    ward.later(120)
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    screen.board.turn()
    assert "minute 2" in screen.got()["session"][-1]["html"]


@pytest.mark.hazard("HAZ-35", "C1")
@pytest.mark.goal("RG-10")
def test_a_tablet_that_is_not_heard_is_said_within_ten_seconds_and_no_longer_once_it_is_back(
    ward: Ward, screen: Screen, monkeypatch: pytest.MonkeyPatch
):
    ward.arrive()
    nurse = ward.clinic.client(Role.NURSE)
    assert nurse.post("/rooms/here/", {"device": "tablet", "session": str(ward.row.pk)}).status_code == 200
    screen.board.turn()
    screen.got()

    def look(seconds: float) -> list[dict]:
        Presence.objects.filter(device="tablet").update(seen_at=timezone.now() - timedelta(seconds=seconds))
        screen.board._due.clear()
        screen.board._looked = 0.0
        screen.board.turn()
        return screen.got().get("session", [])

    assert look(8.5) == []
    assert "tablet not heard" in look(9.1)[-1]["html"].lower()
    ward.clinic.client(Role.PRESCRIBER).post("/rooms/here/", {"device": "far", "session": str(ward.row.pk)})
    screen.board._looked = 0.0
    assert list(screen.board._silent()) == [ward.row.pk]  # the same page elsewhere is no tablet at the chair
    assert "tablet not heard" not in look(0)[-1]["html"].lower()
    assert module.limit_s("WATCH-CONTACT") == 10 and module.SWEEP_S + module.LOOK_S <= 2


@pytest.mark.hazard("HAZ-35", "C1")
@pytest.mark.goal("RG-10")
def test_a_screen_that_hears_of_one_session_alone_is_told_that_its_tablet_fell_silent(ward: Ward, screen: Screen):
    ward.arrive()
    ward.clinic.client(Role.NURSE).post("/rooms/here/", {"device": "tablet", "session": str(ward.row.pk)})
    far = screen.loop.run_until_complete(screen._tablet(ward.row.pk))
    screen.board.turn()
    Presence.objects.filter(device="tablet").update(seen_at=timezone.now() - timedelta(seconds=9.1))
    screen.board._due.clear()
    screen.board._looked = 0.0
    screen.board.turn()
    [*_, said] = messages(screen.loop.run_until_complete(far.box.next(0.1)))["session"]
    assert said["silent"] is True
    path = f"/p/{ward.patient.pk}/dose/{ward.row.pk}/state/"
    assert ward.clinic.client(Role.PRESCRIBER).get(path).json()["silent_s"] == 9
    assert ward.clinic.client(Role.NURSE).get(path).json()["silent_s"] is None  # it is the tablet


@pytest.mark.hazard("HAZ-69", "C1")
@pytest.mark.goal("RG-29")
@pytest.mark.parametrize("how", ["sessions ended", "role taken", "signed out", "idle", "closed"])
def test_a_stream_ends_when_the_sign_in_does(ward: Ward, monkeypatch: pytest.MonkeyPatch, how: str, rf, requested):
    from openkap.people.sign_in import SEEN_AT, SIGNED_IN_AT
    from openkap.web.dose.board.views import _may

    clinic, user = ward.clinic, ward.clinic.users[Role.NURSE]
    client = clinic.client(Role.NURSE)
    client.get("/rooms/")
    request = rf.get("/live/rooms/")
    request.session, request.principal, request.COOKIES = client.session, clinic.principal(Role.NURSE), {}
    screen = Screen(clinic, monkeypatch, _may(request))
    requested.append(screen)

    def check() -> object:
        screen.board._due.clear()
        screen.board.turn()
        return screen.loop.run_until_complete(screen.one.box.next(0.01))

    assert check() is not GONE
    if how == "sessions ended":
        services_accounts.end_sessions(clinic.principal(Role.SITE_ADMIN), user)
    elif how == "closed":
        services_accounts.close_account(clinic.principal(Role.SITE_ADMIN), user, reason="left")
    elif how == "role taken":
        people.withdraw_role(None, user, clinic.site, Role.NURSE)
    elif how == "signed out":
        client.logout()
    else:
        session = client.session
        session[SEEN_AT] = session[SIGNED_IN_AT] - 3600
        session.save()
    assert check() is GONE
    assert module.CHECK_S <= 15


def test_a_stream_and_the_sign_of_life_are_no_activity(ward: Ward):
    from openkap.people.sign_in import SEEN_AT

    client = ward.clinic.client(Role.NURSE)
    client.get("/rooms/")
    session = client.session
    session[SEEN_AT] -= 300
    session.save()
    before = client.session[SEEN_AT]
    client.get("/live/rooms/")
    client.post("/rooms/here/", {"device": "a"})
    assert client.session[SEEN_AT] == before


# -- the heartbeat ---------------------------------------------------------------------------------------


@pytest.mark.hazard("HAZ-34", "C2")
@pytest.mark.goal("RG-16")
def test_the_page_says_that_alerts_do_not_work_before_any_script_does(ward: Ward):
    alarm = r'<div class="alarm" id="alarm"[^>]*hidden'
    assert not re.search(alarm, page(ward.clinic, Role.NURSE))  # no heartbeat at all
    heart.stamp("one")
    assert re.search(alarm, page(ward.clinic, Role.NURSE))


@pytest.mark.hazard("HAZ-34", "C2")
@pytest.mark.goal("RG-16")
def test_every_screen_gets_the_age_of_the_heartbeat_every_few_seconds(ward: Ward, screen: Screen):
    heart.stamp("one")
    boards._beat = 0.0
    boards.turn()
    [said] = screen.got()["beat"]
    assert said["age_s"] < 5 and said["lost_s"] == 15
    assert module.BEAT_S <= 3
    boards.turn()
    assert "beat" not in screen.got()


@pytest.mark.hazard("HAZ-33", "C3")
def test_every_board_says_that_the_bedside_monitor_comes_first(ward: Ward):
    words = "The bedside monitor&#x27;s own alarm comes first."
    pages = [page(ward.clinic, Role.NURSE), page(ward.clinic, Role.COORDINATOR)]
    pages.append(wall_of(ward.clinic).get("/rooms/wall/").content.decode())
    assert [words in said.replace("'", "&#x27;") for said in pages] == [True] * 3


@pytest.mark.hazard("HAZ-42", "C2")
def test_the_coordinator_sees_that_an_observer_is_out_of_reach(ward: Ward):
    ward.to_dosing()
    services.beat_all()
    assert "out of reach" not in page(ward.clinic, Role.COORDINATOR)
    Presence.objects.filter(user=ward.clinic.users[Role.NURSE]).update(seen_at=timezone.now() - timedelta(minutes=6))
    services.beat_all()
    assert "Observer out of reach: Nurse Person" in tile(page(ward.clinic, Role.COORDINATOR))


# -- who is on the floor ---------------------------------------------------------------------------------


def test_somebody_begins_and_ends_a_shift_from_the_board(clinic: Clinic):
    client = clinic.client(Role.NURSE)
    assert "not on the floor" in client.get("/rooms/").content.decode()
    client.post("/rooms/floor/", {"role": "nurse", "idempotency_key": str(uuid4())})
    assert Shift.objects.get(until=None).role == Role.NURSE
    assert "You are on the floor as nurse" in client.get("/rooms/").content.decode()
    client.post("/rooms/floor/", {"end": "1", "idempotency_key": str(uuid4())})
    assert not Shift.objects.filter(until=None).exists()


@pytest.mark.parametrize("role", ["prescriber", "", "captain"])
def test_a_role_that_is_not_ones_own_is_refused(clinic: Clinic, role: str):
    reply = clinic.client(Role.NURSE).post("/rooms/floor/", {"role": role, "idempotency_key": str(uuid4())})
    assert reply.status_code in (403, 422)
    assert not Shift.objects.exists()


@pytest.mark.hazard("HAZ-33", "C2")
def test_the_board_says_whose_screen_is_not_heard_and_that_the_last_ring_is_empty(ward: Ward):
    said = page(ward.clinic, Role.NURSE)
    assert "Tom Second" in said and "no screen of" not in said and 'class="fault"' not in said
    Presence.objects.filter(user=ward.second).update(seen_at=timezone.now() - timedelta(minutes=2))
    Shift.objects.filter(role="coordinator").update(until=timezone.now())
    said = page(ward.clinic, Role.NURSE)
    assert re.search(r"no screen of [^<]*Tom Second", said)
    assert 'class="fault"' in said and "would reach nobody" in said


def test_a_sign_of_life_names_only_a_session_of_somebody_in_ones_care(ward: Ward):
    client = ward.clinic.client(Role.NURSE)
    before = AuditEvent.objects.count()
    assert client.post("/rooms/here/", {"device": "a", "session": str(ward.row.pk)}).status_code == 200
    assert Presence.objects.get(device="a").session_id == ward.row.pk
    assert AuditEvent.objects.count() == before
    for wrong in (str(uuid4()), "x"):
        assert client.post("/rooms/here/", {"device": "b", "session": wrong}).status_code == 404
    coordinator = ward.clinic.client(Role.COORDINATOR)
    assert coordinator.post("/rooms/here/", {"device": "c", "session": str(ward.row.pk)}).status_code == 404
    assert not Presence.objects.filter(device__in=["b", "c"]).exists()


@pytest.mark.hazard("HAZ-33", "C2")
def test_a_screen_that_shows_an_alert_gives_a_receipt_and_acknowledges_nothing(ward: Ward):
    ward.to_dosing()
    ward.row.refresh_from_db()
    before = ward.row.sequence
    ward.read(systolic=160)
    nurse, coordinator = ward.clinic.client(Role.NURSE), ward.clinic.client(Role.COORDINATOR)
    trail = AuditEvent.objects.count()

    def say(client: Client, sequence: int) -> list[str]:
        shows = json.dumps({str(ward.row.pk): sequence, str(uuid4()): 7})
        assert client.post("/rooms/here/", {"device": "a", "shows": shows}).status_code == 200
        receipts = SessionEvent.objects.filter(session=ward.row, kind="Receipt", sequence__gt=before)
        return [one.by.name for one in receipts.select_related("by").order_by("sequence") if one.by]

    ward.row.refresh_from_db()
    assert say(nurse, before) == []  # the page is of before the alert
    assert say(coordinator, ward.row.sequence) == []  # it has not reached the desk
    assert say(nurse, ward.row.sequence) == say(nurse, ward.row.sequence) == [ward.clinic.users[Role.NURSE].name]
    [alert] = ward.session.open_alerts()
    assert alert.acknowledged is None and len(alert.shown) == 1
    assert AuditEvent.objects.count() == trail
    assert nurse.post("/rooms/here/", {"device": "a", "shows": "[1]"}).status_code == 422


@pytest.mark.hazard("HAZ-33", "C2")
def test_no_screen_shows_a_session_of_another_site(ward: Ward):
    ward.to_dosing()
    ward.read(systolic=160)
    before = SessionEvent.objects.count()
    DosingSession.objects.filter(pk=ward.row.pk).update(site=ward.clinic.other)
    reply = ward.clinic.client(Role.NURSE).post(
        "/rooms/here/", {"device": "a", "shows": json.dumps({str(ward.row.pk): 999})}
    )
    assert reply.status_code == 200
    assert SessionEvent.objects.count() == before


# -- on a wall -------------------------------------------------------------------------------------------


def wall_of(clinic: Clinic, role: Role = Role.NURSE, hours: int = 8) -> Client:
    client = clinic.client(role)
    form = {"name": "corridor", "hours": hours, "idempotency_key": str(uuid4())}
    assert client.post("/rooms/walls/", form).headers["Location"] == "/rooms/wall/"
    return client


@pytest.mark.parametrize("role", [Role.NURSE, Role.SITE_ADMIN])
def test_a_wall_shows_the_board_and_nobody_is_signed_in_there(ward: Ward, role: Role):
    client = wall_of(ward.clinic, role)
    cookie = client.cookies[COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Strict"
    assert client.get("/rooms/wall/").status_code == 200
    assert client.get("/rooms/").status_code == 302  # to the sign-in
    assert messages(client.get("/live/wall/").content)["state"]
    made = AuditEvent.objects.get(type="setting", entity=f"WallScreen/{WallScreen.objects.get().pk}")
    assert (made.action, made.user_id) == ("C", ward.clinic.users[role].pk)


@pytest.mark.parametrize("how", ["taken back", "over", "forged", "none"])
def test_a_wall_goes_dark(ward: Ward, how: str):
    client = wall_of(ward.clinic)
    row = WallScreen.objects.get()
    if how == "taken back":
        ward.clinic.client(Role.SITE_ADMIN).post(f"/rooms/walls/{row.pk}/end/", {"idempotency_key": str(uuid4())})
        assert AuditEvent.objects.filter(type="setting", action="D", entity=f"WallScreen/{row.pk}").exists()
    elif how == "over":
        now = timezone.now()
        WallScreen.objects.update(made_at=now - timedelta(hours=9), until=now - timedelta(seconds=1))
    elif how == "forged":
        client.cookies[COOKIE] = client.cookies[COOKIE].value[:-2] + "xx"
    else:
        client = Client()
    reply = client.get("/rooms/wall/")
    assert reply.status_code == 403 and "Bay 1" not in reply.content.decode()
    assert client.get("/live/wall/").status_code == 204


def test_the_token_of_a_wall_is_kept_nowhere(ward: Ward):
    client = wall_of(ward.clinic)
    token = client.cookies[COOKIE].value.split(":")[0]
    assert token not in str(WallScreen.objects.values().get())


@pytest.mark.parametrize("hours", [0, 17, "many"])
def test_a_wall_shows_the_board_for_a_shift_and_no_longer(clinic: Clinic, hours):
    form = {"name": "corridor", "hours": hours, "idempotency_key": str(uuid4())}
    reply = clinic.client(Role.NURSE).post("/rooms/walls/", form)
    assert reply.status_code == 200 and not WallScreen.objects.exists()


def test_walls_of_another_site_are_neither_listed_nor_ended(ward: Ward):
    wall_of(ward.clinic)
    row = WallScreen.objects.get()
    WallScreen.objects.update(site=ward.clinic.other)
    client = ward.clinic.client(Role.NURSE)
    assert "corridor<" not in client.get("/rooms/walls/").content.decode()
    assert client.post(f"/rooms/walls/{row.pk}/end/", {"idempotency_key": str(uuid4())}).status_code == 404
    assert WallScreen.objects.get().ended_at is None


@pytest.mark.hazard("HAZ-55", "C2")
def test_the_board_names_who_would_stand_without_a_chair_and_who_watches_too_many(ward: Ward, clinic: Clinic):
    assert "is not free before" not in page(clinic, Role.NURSE)
    now = timezone.now()
    DosingSession.objects.filter(pk=ward.row.pk).update(phase="recovery", began_at=now - timedelta(minutes=200))
    Appointment.objects.filter(pk=ward.row.appointment_id).update(
        starts_at=now - timedelta(minutes=200), ends_at=now - timedelta(minutes=40)
    )
    later = services_book.book(
        clinic.principal(Role.COORDINATOR), clinic.noah, Site(), day=ward.row.day, at=at_another_hour(ward.row),
        route="iv", drug="ketamine", chair=ward.chair,
    )  # fmt: skip
    Appointment.objects.filter(pk=later.appointment_id).update(
        starts_at=now + timedelta(minutes=5), ends_at=now + timedelta(minutes=165)
    )
    boards.forget()
    for role in (Role.NURSE, Role.COORDINATOR):
        assert re.search(r"N\. E\. at \d\d:\d\d: Bay 1 is not free before about \d\d:\d\d\.", page(clinic, role))
    nurse = clinic.users[Role.NURSE]
    DosingSession.objects.filter(pk=later.pk).update(chair=None)
    DosingSession.objects.update(phase="dosing", observer=nurse)
    boards.forget()
    assert f"{nurse.name} watches 2 people in the acute phase, 1 at most." in page(clinic, Role.NURSE)
