"""Content review in the app: who reads, who signs, what is written where, and that no half is ever left."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as here
from django.db import DatabaseError

from openkap.cli.page import content_page
from openkap.kernel.content import fingerprint
from openkap.kernel.site import Site
from openkap.people import audit
from openkap.people.models import AuditEvent, Effect
from openkap.people.types import Role
from openkap.project.start import settle_content
from openkap.review.catalogue import chapters
from openkap.review.folder import Held
from openkap.review.signing import sign_rows, signable
from openkap.web.content.lines import Wanted, chosen, lines
from tests.database import Clinic

ROW, CHAPTER = "SCR-HTN-1", "rules-heart-brain"
ADDRESS = f"/content/rows/{CHAPTER}/{ROW}/"


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    settings.ENVIRONMENT = replace(here.ENVIRONMENT, site=site, data=tmp_path / "data")
    return site


def print_of(name: str = ROW, site: Site | None = None) -> str:
    return fingerprint(signable(chapters(site or Site()))[name])


def form(*names: str, **more: str) -> dict:
    return {
        "row": [f"{name}@{print_of(name)}" for name in names or (ROW,)],
        "meaning": "reviewed and right for this site",
        "review_by": "2099-11-25",
        "idempotency_key": str(uuid4()),
        **more,
    }


def test_a_prescriber_signs_a_chosen_set_and_the_command_line_says_the_same(clinic: Clinic, folder: Path):
    client = clinic.client(Role.PRESCRIBER)
    page = client.get("/content/sign/?row=SCR-HTN-1&row=DOS-IV").content.decode()
    assert "Sign 2 rows" in page and print_of() in page and "Prescriber Person" in page
    assert client.post("/content/sign/", form(ROW, "DOS-IV")).status_code == 302
    site = Site.open(folder)
    assert set(site.signatures) == {ROW, "DOS-IV"}
    one = site.signatures[ROW]
    assert (one.by, one.role, one.fingerprint) == ("Prescriber Person", "prescriber", print_of())
    assert one.review_by == date(2099, 11, 25)
    assert "Prescriber Person" in content_page(site)
    assert "Prescriber Person" in client.get(ADDRESS).content.decode()
    events = AuditEvent.objects.filter(type="content", action="C").values_list("entity", flat=True)
    assert sorted(events) == ["Row/DOS-IV", "Row/SCR-HTN-1"]


def test_the_same_form_twice_signs_once(clinic: Clinic, folder: Path):
    client, sent = clinic.client(Role.PRESCRIBER), form()
    assert [client.post("/content/sign/", sent).status_code for _ in range(2)] == [302, 302]
    assert len(Site.open(folder).signed_before) == 1


@pytest.mark.hazard("HAZ-74", "C1")
def test_a_row_that_changed_meanwhile_is_shown_as_changed_and_not_signed(clinic: Clinic, folder: Path):
    client, sent = clinic.client(Role.PRESCRIBER), form()
    about = {"value": "150", "reason": "no anaesthetist on site", "seen": print_of(), "idempotency_key": str(uuid4())}
    assert clinic.client(Role.SITE_ADMIN).post(f"{ADDRESS}limits/systolic/", about).status_code == 302
    response = client.post("/content/sign/", sent)
    assert response.status_code == 409
    assert "changed while you looked" in response.content.decode()
    assert Site.open(folder).signed_before == ()


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.parametrize("where", ["audit", "effect"])
def test_when_the_transaction_fails_the_file_is_as_before(clinic: Clinic, folder: Path, monkeypatch, where: str):
    client = clinic.client(Role.PRESCRIBER)
    client.post("/content/sign/", form())
    before = (folder / "signatures.toml").read_bytes()

    def fail(*args, **kwargs):
        raise DatabaseError("disk full")

    if where == "audit":
        monkeypatch.setattr("openkap.web.content.actions.audit.record", fail)
    else:
        monkeypatch.setattr(Effect.objects, "create", fail)
    with pytest.raises(DatabaseError):
        client.post("/content/sign/", form("SCR-HTN-2"))
    assert (folder / "signatures.toml").read_bytes() == before
    monkeypatch.undo()
    assert not AuditEvent.objects.filter(entity="Row/SCR-HTN-2").exists()
    assert audit.faults(clinic.site.pk) == []


def test_a_signature_is_withdrawn_with_a_reason_and_stays_in_the_history(clinic: Clinic, folder: Path):
    client = clinic.client(Role.PRESCRIBER)
    client.post("/content/sign/", form())
    sent = {"seen": print_of(), "reason": "new guideline", "idempotency_key": str(uuid4())}
    assert client.post(f"{ADDRESS}withdraw/", {**sent, "reason": ""}).status_code == 422
    assert client.post(f"{ADDRESS}withdraw/", sent).status_code == 302
    page = client.get(ADDRESS).content.decode()
    assert "new guideline" in page and "unsigned" in page
    assert len(Site.open(folder).signed_before) == 2


def test_a_limit_is_tightened_by_an_admin_and_not_loosened(clinic: Clinic, folder: Path):
    client = clinic.client(Role.SITE_ADMIN)
    sent = {"reason": "no anaesthetist on site", "seen": print_of(), "idempotency_key": str(uuid4())}
    refused = client.post(f"{ADDRESS}limits/systolic/", {**sent, "value": "200"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "looser than allowed" in page and "no anaesthetist on site" in page and 'value="200"' in page
    assert client.post(f"{ADDRESS}limits/systolic/", {**sent, "value": "150"}).status_code == 302
    site = Site.open(folder)
    assert site.overrides[ROW]["systolic"].by == "Site-Admin Person"
    end = {"end": "1", "reason": "trained", "seen": print_of(site=site), "idempotency_key": str(uuid4())}
    assert client.post(f"{ADDRESS}limits/systolic/", end).status_code == 302
    assert Site.open(folder).overrides == {}


def test_a_number_of_a_plan_row_is_set_as_far_as_the_row_says(clinic: Clinic, folder: Path):
    client = clinic.client(Role.SITE_ADMIN)
    found = chosen(lines(Site.open(folder)), Wanted(mark="settable", room="plan"))
    line = next(line for line in found if line.row.id == "LOW-FEAR")
    path = f"/content/rows/{line.chapter.id}/LOW-FEAR/limits/line/"
    sent = {"value": "6", "reason": "our patients say so late", "seen": line.fingerprint}
    assert "limits/line/" in client.get(f"/content/rows/{line.chapter.id}/LOW-FEAR/").content.decode()
    assert client.post(path, {**sent, "value": "600", "idempotency_key": str(uuid4())}).status_code == 422
    assert client.post(path, {**sent, "idempotency_key": str(uuid4())}).status_code == 302
    assert Site.open(folder).overrides["LOW-FEAR"]["line"].value == 6


def test_an_admin_reads_and_does_not_sign(clinic: Clinic, folder: Path):
    client = clinic.client(Role.SITE_ADMIN)
    assert client.get(ADDRESS).status_code == 200
    assert client.get("/content/sign/?row=SCR-HTN-1").status_code == 403
    assert client.post("/content/sign/", form()).status_code == 403
    assert not list(folder.iterdir())


@pytest.mark.hazard("HAZ-79", "C1")
def test_in_a_demonstration_a_signature_is_practice_and_decides_nothing(clinic: Clinic, tmp_path: Path):
    client = clinic.client(Role.PRESCRIBER)
    assert client.post("/content/sign/", form()).status_code == 302
    page = client.get(ADDRESS).content.decode()
    assert "practice" in page and "Prescriber Person" in page
    assert (tmp_path / "data" / "practice" / "signatures.toml").is_file()
    assert Site.open(None).signatures == {}
    assert AuditEvent.objects.filter(type="content-practice").count() == 1


@pytest.mark.hazard("HAZ-65", "C1")
@pytest.mark.parametrize("recorded", [True, False])
def test_no_signature_stands_without_its_event_after_a_process_was_killed(clinic: Clinic, folder: Path, recorded: bool):
    """As a killed process leaves the folder: the file in place, the transaction gone (or just done)."""
    killed = Held(folder, "of-a-request")
    sign_rows(killed, {ROW: print_of()}, by="Prescriber Person", role="prescriber", on=date(2026, 11, 25))
    if recorded:
        audit.record(clinic.site.pk, [audit.Event("content", "C")], origin=audit.Origin(request_id="of-a-request"))
    settle_content()
    assert bool(Site.open(folder).signatures) is recorded
    told = AuditEvent.objects.filter(type="content", outcome="failure", entity="Change/of-a-request")
    assert told.exists() is not recorded
    assert clinic.client(Role.PRESCRIBER).post("/content/sign/", form()).status_code == 302
    assert Site.open(folder).signatures


def test_each_filter_shows_what_it_says_and_each_row_is_in_one_state(folder: Path):
    site = Site.open(folder)
    found = lines(site)
    assert len(found) == sum(len(chapter.rows) for chapter in chapters(site))
    assert len(chosen(found, Wanted(state="unsigned"))) == sum(bool(line.state) for line in found)
    assert chosen(found, Wanted(state="signed")) == []
    for mark in ("unverified", "reading", "retracted", "settable"):
        fit = chosen(found, Wanted(mark=mark))
        assert 0 < len(fit) < len(found)
    assert {line.chapter.room for line in chosen(found, Wanted(room="plan"))} == {"plan"}
    assert ROW in {line.row.id for line in chosen(found, Wanted(q="systolic pressure"))}
    assert chosen(found, Wanted(q="no such words anywhere")) == []


def test_every_row_has_a_page_of_its_own(clinic: Clinic, folder: Path, count):
    client = clinic.client(Role.SITE_ADMIN)
    found = lines(Site.open(folder))
    step = max(len(found) // count(5_000), 1)
    for line in found[::step]:
        response = client.get(f"/content/rows/{line.chapter.id}/{line.row.id}/")
        assert response.status_code == 200, line.row.id
        assert line.row.id in response.content.decode()


def test_the_sign_page_of_every_waiting_row_fits_in_one_form(clinic: Clinic, folder: Path):
    client = clinic.client(Role.PRESCRIBER)
    page = client.get("/content/sign/?all=1").content.decode()
    names = [line.row.id for line in lines(Site.open(folder)) if line.state]
    assert page.count('name="row"') == len(names)
    assert client.post("/content/sign/", form(*names)).status_code == 302
    assert len(Site.open(folder).signatures) == len(names)
