"""Whoever writes waits in a queue of the system, and the turn never stays with anybody."""

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from openkap.people.models import Site
from openkap.project import serve
from openkap.project.sqlite import base

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the queue is SQLite's"),
]


def turn_is_free() -> bool:
    """Asked from another process, which does not wait."""
    name = f"{connection.settings_dict['NAME']}.turn"
    text = "import fcntl, sys; fcntl.flock(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    return subprocess.run([sys.executable, "-c", text, name], check=False, capture_output=True).returncode == 0


def test_the_turn_is_held_as_long_as_the_transaction_and_no_longer():
    with transaction.atomic():
        Site.objects.create(name="One")
        assert not turn_is_free()
        with transaction.atomic():
            Site.objects.create(name="Two")
        assert not turn_is_free()
    assert turn_is_free()
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.create(name=None)
    assert turn_is_free()
    with transaction.atomic():
        transaction.set_rollback(True)
    assert turn_is_free()


def test_a_connection_that_is_closed_or_killed_in_the_middle_gives_it_back():
    def close_and_go_on() -> None:
        with transaction.atomic():
            connection.close()
            Site.objects.create(name="Three")

    with pytest.raises(DatabaseError, match="closed"):
        close_and_go_on()
    assert turn_is_free()
    name = str(connection.settings_dict["NAME"])
    text = (
        "import fcntl, os, sys, signal; f = open(sys.argv[1] + '.turn', 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", text, name], check=False)
    assert turn_is_free()


def test_many_writers_all_come_to_write():
    def write(number: int) -> None:
        for turn in range(5):
            with transaction.atomic():
                Site.objects.create(name=f"{number}.{turn}")
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Site.objects.count() == 40
    assert Path(f"{connection.settings_dict['NAME']}.turn").stat().st_mode & 0o077 == 0


def test_a_turn_that_never_comes_is_waited_for_no_longer_than_sqlite_itself_would(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "LONGEST_S", 0.05)
    with Path(f"{connection.settings_dict['NAME']}.turn").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # somebody who hangs and holds nothing of SQLite's
        with transaction.atomic():
            Site.objects.create(name="Four")
    assert Site.objects.filter(name="Four").exists()


def test_without_a_turn_writing_goes_on(monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(base, "_taken", full)
    with transaction.atomic():
        Site.objects.create(name="Five")
    assert Site.objects.filter(name="Five").exists()


def test_no_connection_is_carried_into_the_processes_that_serve():
    assert connection.connection is not None or connection.ensure_connection() is None
    serve._let_go_of_the_database()
    assert connection.connection is None
