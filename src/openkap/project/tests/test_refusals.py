"""A production site that is safe starts; each fault alone stops it and is named."""

import dataclasses
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from openkap.kernel.errors import UserError
from openkap.people import audit, services
from openkap.people.append_only import protect, release
from openkap.people.models import AuditEvent
from openkap.people.services import Identity
from openkap.project import checks
from openkap.project.environment import Database

SECRET = "kF3-9xQw_7LmZp2Rt8Vb5Nc1Yd6Ha4JsGe0UiOoTyXz-BvCnMqWrEt"


CRISIS = (
    '[[line]]\nid = "house"\nname = "Am Fluss, on call"\nnumber = "+43 1 555-0100"\n'
    'source = "house list"\nby = "Ada Admin"\non = 2026-11-01\n'
)


@pytest.fixture
def site(db: None, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Settings of a production site without fault."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (tmp_path / "crisis.toml").write_text(CRISIS)
    settings.PRODUCTION = True
    settings.ENVIRONMENT = dataclasses.replace(
        settings.ENVIRONMENT,
        site=tmp_path,
        data=data,
        secret=SECRET,
        tls="proxy",
        checkpoints=tmp_path,
        backup=tmp_path,
        hosts=("clinic.example",),
        database=Database("sqlite", str(data / "db.sqlite3")),
    )
    settings.SECRET_KEY = SECRET
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["clinic.example"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.STAFF_MFA = True
    settings.SECURE_HSTS_SECONDS = 1
    monkeypatch.setattr(checks, "clock_is_synchronised", lambda: True)
    monkeypatch.setattr(checks, "file_system", lambda path: "ext4")
    return settings


def test_a_safe_production_site_starts(site):
    assert list(checks.refusals()) == []
    checks.refuse_if_unsafe()


@pytest.mark.goal("RG-46")
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEBUG", True, "OPENKAP_DEBUG is on"),
        ("SECRET_KEY", "short", "OPENKAP_SECRET_KEY is weak"),
        ("SECRET_KEY", "a" * 80, "OPENKAP_SECRET_KEY is weak"),
        ("SECRET_KEY", "django-insecure-" + SECRET, "OPENKAP_SECRET_KEY is weak"),
        ("ALLOWED_HOSTS", ["clinic.example", "*"], "OPENKAP_HOSTS has a wildcard"),
        ("ALLOWED_HOSTS", [".example"], "OPENKAP_HOSTS has a wildcard"),
        ("ALLOWED_HOSTS", ["127.0.0.1", "localhost"], "OPENKAP_HOSTS is unset"),
        ("SESSION_COOKIE_SECURE", False, "The session cookie is not secure"),
        ("SESSION_COOKIE_HTTPONLY", False, "Scripts can read the session cookie"),
        ("CSRF_COOKIE_SECURE", False, "The CSRF cookie is not secure"),
        ("SECURE_HSTS_SECONDS", 0, "HSTS is off"),
        ("STAFF_MFA", False, "OPENKAP_STAFF_MFA is off"),
    ],
)
def test_an_unsafe_setting_alone_stops_it(site, name: str, value: object, sentence: str):
    setattr(site, name, value)
    assert only_fault().startswith(sentence)


@pytest.mark.goal("RG-46")
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("tls", "off", "There is no TLS"),
        ("secret", None, "There is no secret"),
        ("checkpoints", None, "OPENKAP_CHECKPOINTS is unset"),
        ("backup", None, "OPENKAP_BACKUP is unset"),
    ],
)
def test_something_missing_from_the_environment_alone_stops_it(site, name: str, value: object, sentence: str):
    site.ENVIRONMENT = dataclasses.replace(site.ENVIRONMENT, **{name: value})
    assert only_fault().startswith(sentence)


@pytest.mark.goal("RG-46")
def test_data_that_others_on_the_machine_can_read_stop_it(site):
    site.ENVIRONMENT.data.chmod(0o750)
    assert "Others on this machine can open 'data'" in only_fault()


@pytest.mark.goal("RG-46")
def test_a_secret_that_others_on_the_machine_can_read_stops_it(site):
    path = site.ENVIRONMENT.data / "secret-key"
    path.write_text(SECRET)
    path.chmod(0o644)
    assert "Others on this machine can open 'secret-key'" in only_fault()


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-75", "C2")
def test_one_damaged_page_of_a_file_is_found(tmp_path: Path):
    path = tmp_path / "some.sqlite3"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE t (a TEXT)")
        made.executemany("INSERT INTO t VALUES (?)", [(f"row {n}" * 50,) for n in range(500)])
        made.execute("CREATE INDEX i ON t (a)")
    whole = path.read_bytes()
    for content, is_whole in ((whole, True), (whole[:12288] + b"\xa5" * 4096 + whole[16384:], False)):
        path.write_bytes(content)
        with closing(sqlite3.connect(path)) as opened:
            assert (opened.execute(checks.WHOLE).fetchone()[0] == "ok") is is_whole


@pytest.mark.skipif(settings.ENVIRONMENT.database.engine != "sqlite", reason="PostgreSQL looks at its own pages")
def test_a_damaged_file_stops_it(site, monkeypatch: pytest.MonkeyPatch):
    really = checks._one
    monkeypatch.setattr(checks, "_one", lambda asked: "row 7 missing" if asked == checks.WHOLE else really(asked))
    assert only_fault().startswith("The database file is damaged")


@pytest.mark.goal("RG-46")
@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p"])
def test_sqlite_on_a_network_drive_stops_it(site, monkeypatch: pytest.MonkeyPatch, kind: str):
    monkeypatch.setattr(checks, "file_system", lambda path: kind)
    assert "network drive" in only_fault()


@pytest.mark.goal("RG-46")
def test_a_clock_that_nobody_sets_stops_it(site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "clock_is_synchronised", lambda: False)
    assert "The clock of this machine is not synchronised" in only_fault()


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-79", "C1")
def test_an_account_of_the_demonstration_stops_it(site):
    where = services.open_site("Am Fluss")
    services.create_user(None, where, email="demo@clinic.example", name="Demo", synthetic=True)
    assert "accounts of the demonstration" in only_fault()


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-79", "C1")
def test_a_patient_of_the_demonstration_stops_it(site):
    import datetime

    where = services.open_site("Am Fluss")
    services.register_patient(None, where, Identity("A", "B", datetime.date(1990, 1, 1)), synthetic=True)
    assert "patients of the demonstration" in only_fault()


ENGINE_FAULTS = {
    "sqlite": [
        ("SELECT sqlite_version()", "3.40.1", "This SQLite can lose data"),
        ("PRAGMA mmap_size", 2**20, "SQLite maps the database into memory"),
        ("PRAGMA synchronous", 1, "SQLite does not wait for the disk"),
    ],
    "postgresql": [
        ("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", True, "The database user is a superuser"),
        ("SHOW fsync", "off", "PostgreSQL does not wait for the disk"),
        ("SHOW synchronous_commit", "off", "PostgreSQL answers before a commit is on the disk"),
    ],
}


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-75", "C1")
@pytest.mark.parametrize("fault", [0, 1, 2])
def test_a_database_that_can_lose_data_stops_it(site, monkeypatch: pytest.MonkeyPatch, fault: int):
    query, answer, sentence = ENGINE_FAULTS[connection.vendor][fault]
    really = checks._one
    monkeypatch.setattr(checks, "_one", lambda asked: answer if asked == query else really(asked))
    assert only_fault().startswith(sentence)


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-48", "C1")
@pytest.mark.parametrize(
    ("text", "sentence"), [(None, "The site's folder has no crisis.toml"), ("line = 3", "crisis.toml")]
)
def test_a_site_that_does_not_say_whom_a_patient_calls_in_a_crisis_does_not_start(site, text, sentence):
    path = site.ENVIRONMENT.site / "crisis.toml"
    path.unlink()
    if text:
        path.write_text(text)
    assert only_fault().startswith(sentence)


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-78", "C1")
def test_a_table_whose_triggers_are_gone_stops_it(site):
    release(connection, "people_auditevent")
    try:
        assert only_fault().startswith("Rows of people_auditevent can be changed or deleted")
    finally:
        protect(connection, "people_auditevent")


@pytest.mark.goal("RG-46")
@pytest.mark.hazard("HAZ-65", "C1")
def test_an_audit_trail_whose_end_is_not_whole_stops_it(site):
    where = services.open_site("Am Fluss")
    for number in range(12):
        audit.record(where.pk, [audit.Event("setting", "U", entity=f"Thing/{number}")])
    audit.keep_checkpoint(site.ENVIRONMENT.checkpoints, where.pk)
    assert list(checks.refusals()) == []
    assert audit.faults_at_the_end(where.pk, audit.kept_checkpoints(site.ENVIRONMENT.checkpoints, where.pk), 5) == []
    release(connection, "people_auditevent")
    AuditEvent.objects.filter(site=where, sequence=9).update(entity="Thing/other")
    protect(connection, "people_auditevent")
    assert "Event 9 is not as it was written" in only_fault()
    release(connection, "people_auditevent")
    AuditEvent.objects.filter(site=where, sequence__gte=9).delete()
    protect(connection, "people_auditevent")
    assert "The chain ends at 8, but it had 12 events" in only_fault()


@pytest.mark.skipif(settings.ENVIRONMENT.database.engine != "postgresql", reason="SQLite is read whole instead")
@pytest.mark.parametrize(("asked", "answer", "said"), [("DAMAGED", 3, "damaged"), ("HALF_MADE", "i", "not valid")])
def test_a_damaged_postgresql_stops_it(site, monkeypatch: pytest.MonkeyPatch, asked: str, answer: object, said: str):
    really, query = checks._one, getattr(checks, asked)
    monkeypatch.setattr(checks, "_one", lambda text: answer if text == query else really(text))
    assert said in only_fault()


@pytest.mark.goal("RG-46")
def test_pending_migrations_stop_it(site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks.MigrationExecutor, "migration_plan", lambda self, targets: ["one"])
    assert "Migrations are pending" in only_fault()


@pytest.mark.hazard("HAZ-79", "C1")
def test_a_demonstration_listens_on_loopback_alone(settings):
    settings.PRODUCTION = False
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, bind="0.0.0.0")
    assert only_fault().startswith("OPENKAP_BIND opens a demonstration to the network")


def only_fault() -> str:
    found = list(checks.refusals())
    assert len(found) == 1, found
    with pytest.raises(UserError, match="OpenKAP does not start"):
        checks.refuse_if_unsafe()
    return found[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's table of mounts")
def test_the_kind_of_a_file_system_is_found():
    assert checks.file_system(Path("/proc/self")) == "proc"


def test_the_sqlite_in_use_is_the_repaired_one():
    import sqlite3

    assert sqlite3.sqlite_version_info >= (3, 51, 3)
    assert settings.DATABASES


@pytest.mark.parametrize(
    ("variables", "status", "sentence"),
    [
        ({}, 0, ""),
        ({"OPENKAP_PORT": "x"}, 2, "OPENKAP_PORT is 'x'"),
        ({"OPENKAP_SITE": "."}, 2, "There is no TLS"),
        ({"OPENKAP_BIND": "0.0.0.0"}, 2, "OPENKAP_BIND opens a demonstration to the network"),
    ],
)
def test_the_command_says_whether_it_would_start(tmp_path: Path, variables: dict, status: int, sentence: str):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENKAP_", "DJANGO_"))}
    environment = {**kept, "OPENKAP_DATA": str(tmp_path / "data"), **variables}
    command = [str(Path(sys.executable).parent / "openkap"), "serve", "--check"]
    run = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == status, run.stderr
    assert run.stdout == ""
    assert sentence in run.stderr
    assert len(run.stderr.splitlines()) <= 1


@pytest.mark.hazard("HAZ-33", "C1")
def test_a_site_without_a_phone_is_told_so_and_one_whose_phones_are_at_fault_does_not_start(site, tmp_path: Path):
    (said,) = checks.notes()
    assert said.startswith("No phone is set up: an alert that nobody takes stays on the screens.")
    (tmp_path / "alerts.toml").write_text('[[phone]]\nname = "Duty"\nhook = "https://pager.example/1"\n')
    assert list(checks.notes()) == list(checks.refusals()) == []
    (tmp_path / "alerts.toml").write_text('[[phone]]\nname = "Duty"\nhook = "ftp://pager.example/1"\n')
    (fault,) = checks.refusals()
    assert "Duty has a hook that is not https" in fault
