"""`openkap demo`, as a stranger runs it: made, served, signed in to over the wire, made anew."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

OPENKAP = str(Path(sys.executable).with_name("openkap"))
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def call(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENKAP_", "DJANGO_"))}
    command = [OPENKAP, "demo", *arguments]
    return subprocess.run(
        command, check=False, cwd=folder, env=kept | variables, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("clinic")
    return folder, call(folder, "--no-serve")


def test_it_prints_the_address_and_a_sign_in_for_each_role(made):
    _folder, said = made
    assert said.returncode == 0, said.stderr
    assert re.search(r"^http://127\.0\.0\.1:8000$", said.stdout, re.MULTILINE)
    assert "Everybody here is synthetic" in said.stdout
    for role in ("prescriber", "nurse", "therapist", "coordinator", "site-admin", "privacy-lead"):
        assert re.search(rf"@demo\.example\s+{role}\s", said.stdout)
    assert "60 of 60 people" in said.stderr


def test_everybody_in_it_is_labelled_synthetic(made):
    folder, _said = made
    with sqlite3.connect(folder / "openkap-demo" / "openkap.sqlite3") as database:
        for table in ("people_user", "people_patient"):
            assert database.execute(f"select min(synthetic), count(*) > 5 from {table}").fetchone() == (1, 1)


@pytest.mark.hazard("HAZ-71", "C1")
def test_it_is_kept_and_served_and_lets_in_by_the_printed_password(made):
    folder, said = made
    password = re.search(r"with the password: (.+)", said.stdout)
    assert password
    with served(folder) as address, httpx.Client(base_url=address, follow_redirects=True) as client:
        front = client.get("/")
        assert front.status_code == 200
        assert "synthetic" in front.text
        page = client.get("/account/sign-in/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        fields = {"login": "prescriber@demo.example", "password": password[1], "csrfmiddlewaretoken": token[1]}
        inside = client.post("/account/sign-in/", data=fields, headers={"Origin": address})
        assert inside.status_code == 200
        today = client.get("/today/")
        assert today.status_code == 200
        assert "Dr Ines Varga" in today.text


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENKAP_", "DJANGO_"))}
    with subprocess.Popen(
        [OPENKAP, "demo"],
        cwd=folder,
        env=kept | {"OPENKAP_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(30)


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the clinic stopped by itself"
        try:
            if httpx.get(f"{address}/alive/").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the clinic did not answer within a minute")


def test_it_is_for_no_site(tmp_path):
    said = call(tmp_path, "--no-serve", OPENKAP_SITE=str(tmp_path))
    assert said.returncode == 2
    assert said.stderr.startswith("openkap: OPENKAP_SITE is set")
    assert list(tmp_path.iterdir()) == []


def test_a_reset_leaves_people_alone_who_are_not_synthetic(made, tmp_path):
    folder, _said = made
    kept = tmp_path / "openkap-demo"
    kept.mkdir()
    source = sqlite3.connect(folder / "openkap-demo" / "openkap.sqlite3")
    target = sqlite3.connect(kept / "openkap.sqlite3")
    source.backup(target)
    source.close()
    target.execute("update people_patient set synthetic = 0 where record_number = '000001'")
    target.commit()
    before = target.execute("select count(*) from people_patient").fetchone()
    said = call(tmp_path, "--reset", "--no-serve")
    assert said.returncode == 2
    assert "not synthetic" in said.stderr
    assert target.execute("select count(*) from people_patient").fetchone() == before
    target.close()


def test_the_walk_has_its_own_options():
    said = call(Path.cwd(), "--on", "2026-11-25")
    assert said.returncode == 2
    assert "--walk" in said.stderr
