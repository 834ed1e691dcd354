"""A device that several people use locks sooner, whoever signs in."""

import pytest
import time_machine

from openkap.people.types import Role
from tests.database import Clinic

PATH = "/account/factors/"


@pytest.mark.hazard("HAZ-63", "C1")
@pytest.mark.goal("RG-29")
@pytest.mark.parametrize("role", [Role.NURSE, Role.PRESCRIBER, Role.PATIENT])
def test_on_a_shared_device_a_session_ends_after_five_idle_minutes_whoever_signs_in(clinic: Clinic, role: Role):
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        client, own = clinic.client(role), clinic.client(role)
        client.post("/account/device/", {"shared": "1"})
        assert 'data-idle="300"' in client.get(PATH).content.decode()
        assert 'data-idle="900"' in own.get(PATH).content.decode()
        clock.shift(299)
        assert client.get(PATH).status_code == 200
        clock.shift(301)
        assert client.get(PATH).status_code == 302
        assert own.get(PATH).status_code == 200


@pytest.mark.hazard("HAZ-63", "C1")
def test_the_mark_stays_for_the_next_person_and_is_taken_away_where_it_was_set(clinic: Clinic):
    client = clinic.client(None)
    assert client.get("/account/device/", {"shared": "1"}).status_code == 302
    assert "shared" not in client.cookies
    client.post("/account/device/", {"shared": "1"})
    mark = client.cookies["shared"]
    assert mark["httponly"] and mark["samesite"] == "Lax" and int(mark["max-age"]) > 365 * 86400
    assert "locks after 5 minutes" in client.get("/account/sign-in/").content.decode()
    client.post("/account/device/")
    assert "locks after 5 minutes" not in client.get("/account/sign-in/").content.decode()
