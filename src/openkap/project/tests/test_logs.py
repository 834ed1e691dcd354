"""Logs hold no health data, whatever goes wrong."""

import io
import json
import logging
import uuid

import pytest
from django.db import IntegrityError
from django.test import Client

from openkap.people import middleware
from openkap.people.types import Role
from openkap.project.logs import OneLine
from tests.database import Clinic

CANARY = "Zyxwvut-7731"


@pytest.fixture
def written():
    """Everything that would reach standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine())
    loggers = [logging.getLogger(name) for name in ("", "openkap", "django", "django.request", "django.server")]
    for logger in loggers:
        logger.addHandler(handler)
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().setLevel(before)
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.mark.hazard("HAZ-64", "C1")
@pytest.mark.goal("RG-39")
def test_no_way_to_log_lets_a_value_through(written: io.StringIO):
    log = logging.getLogger("openkap.anything")
    log.warning("saw %s", CANARY)
    log.warning(CANARY)
    log.warning("patient.%s", CANARY)
    extra = {"route": f"patient {CANARY}", "user": f"{CANARY} Ada", "note": CANARY}
    log.warning("request.done", extra=extra)
    logging.getLogger("django.db.backends").warning("INSERT ... %s", CANARY)
    logging.getLogger("another.library").error(f"could not parse {CANARY}")
    try:
        raise IntegrityError(f"Key (family)=({CANARY}) already exists.")
    except IntegrityError:
        log.exception("audit.unwritten")
        logging.getLogger("django.request").exception("Internal Server Error: /patient/%s/", CANARY)
    text = written.getvalue()
    assert CANARY not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"audit.unwritten", "request.done"} <= {line["event"] for line in lines}
    assert any(line.get("exception") == "IntegrityError" and line["places"] for line in lines)


@pytest.mark.hazard("HAZ-64", "C1", "C2")
@pytest.mark.goal("RG-39")
def test_requests_of_every_outcome_leave_nothing_of_the_patient_in_the_log(
    clinic: Clinic, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    client = clinic.client(Role.PRESCRIBER)
    client.raise_request_exception = False
    for path in ("/", f"/nothing/{CANARY}/", f"/?q={CANARY}", f"/account/factors/?next={CANARY}"):
        client.get(path)
    client.post("/account/sign-in/", {"login": f"{CANARY}@clinic.example", "password": CANARY})
    Client().post("/account/factors/", {"family": CANARY})

    def broken(*args: object):
        raise RuntimeError(f"cannot handle {CANARY}")

    monkeypatch.setattr(middleware, "policy_of", broken)
    assert client.get("/", headers={"User-Agent": CANARY}).status_code == 500
    text = written.getvalue()
    assert CANARY not in text
    assert str(clinic.ida.pk) not in text
    assert '"event": "request.done"' in text
    assert uuid.UUID(next(json.loads(line)["user"] for line in text.splitlines() if '"user"' in line))
