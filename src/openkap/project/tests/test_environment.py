"""What the environment may say, and the sentence for each thing it may not."""

from pathlib import Path

import pytest

from openkap.kernel.errors import UserError
from openkap.project.environment import SECRET_FILE, Environment, prepare


def test_without_any_variable_it_is_a_demonstration_on_loopback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    found = Environment.read({})
    assert not found.production
    assert (found.bind, found.port, found.tls, found.staff_mfa, found.debug) == ("127.0.0.1", 8000, "off", False, False)
    assert found.database.name == str(tmp_path / "openkap-data" / "openkap.sqlite3")


def test_a_site_folder_makes_it_a_production_site_where_staff_need_a_second_factor(tmp_path: Path):
    found = Environment.read({"OPENKAP_SITE": str(tmp_path)})
    assert found.production
    assert found.staff_mfa


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"OPENKAP_SITE": "nowhere"}, "OPENKAP_SITE names 'nowhere', which is not a folder: create it or unset it."),
        ({"OPENKAP_BACKUP": "nowhere"}, "OPENKAP_BACKUP names 'nowhere', which is not a folder"),
        ({"OPENKAP_CHECKPOINTS": "nowhere"}, "OPENKAP_CHECKPOINTS names 'nowhere', which is not a folder"),
        ({"OPENKAP_PORT": "http"}, "OPENKAP_PORT is 'http': write a number from 1 to 65535."),
        ({"OPENKAP_PORT": "70000"}, "OPENKAP_PORT is '70000'"),
        ({"OPENKAP_PORT": "٨٠"}, "OPENKAP_PORT is"),
        ({"OPENKAP_DEBUG": "yes"}, "OPENKAP_DEBUG is 'yes': write on or off."),
        ({"OPENKAP_STAFF_MFA": "0"}, "OPENKAP_STAFF_MFA is '0': write on or off."),
        ({"OPENKAP_TABLET_STORE": "disk"}, "OPENKAP_TABLET_STORE is 'disk': write memory or encrypted."),
        ({"OPENKAP_TLS": "cert.pem"}, "OPENKAP_TLS is neither proxy nor"),
        ({"OPENKAP_TZ": "Europe/Nowhere"}, "OPENKAP_TZ 'Europe/Nowhere' is not a time zone"),
        ({"OPENKAP_DATABASE": "mysql://x/y"}, "OPENKAP_DATABASE cannot be read"),
        ({"OPENKAP_DATABASE": "postgresql://host"}, "OPENKAP_DATABASE cannot be read"),
        ({"OPENKAP_DATABASE": "postgresql://u:p@host:port/x"}, "OPENKAP_DATABASE cannot be read"),
    ],
)
def test_a_wrong_variable_is_named_with_its_remedy(variables: dict[str, str], sentence: str):
    with pytest.raises(UserError) as caught:
        Environment.read(variables)
    assert sentence in str(caught.value)


def test_all_faults_are_said_at_once_and_no_password_is_repeated():
    with pytest.raises(UserError) as caught:
        Environment.read({"OPENKAP_PORT": "x", "OPENKAP_TZ": "y", "OPENKAP_DATABASE": "mysql://u:geheim@h/d"})
    assert all(name in str(caught.value) for name in ("OPENKAP_PORT", "OPENKAP_TZ", "OPENKAP_DATABASE"))
    assert "geheim" not in str(caught.value)


def test_a_database_address_is_taken_apart():
    found = Environment.read({"OPENKAP_DATABASE": "postgresql://kap:p%40ss@db.example:5433/clinic"}).database
    assert (found.name, found.user, found.password, found.host, found.port) == (
        "clinic", "kap", "p@ss", "db.example", "5433",
    )  # fmt: skip
    assert "p@ss" not in repr(found)


def test_the_first_run_makes_a_secret_that_only_this_account_reads_and_later_runs_keep_it(tmp_path: Path):
    variables = {"OPENKAP_DATA": str(tmp_path / "data")}
    prepare(Environment.read(variables))
    path = tmp_path / "data" / SECRET_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    first = Environment.read(variables)
    prepare(first)
    assert first.secret == path.read_text()
    assert len(first.secret or "") >= 64
