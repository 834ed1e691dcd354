"""`openkap demo`: the synthetic clinic on this machine, made at the first call and kept until it is made anew."""

from __future__ import annotations

import os
import sys
import time
from datetime import date
from pathlib import Path

from openkap.kernel.errors import UserError
from openkap.project.environment import Environment
from openkap.project.serve import listen, make_ready

FOLDER = "openkap-demo"


def run(*, reset: bool, serve: bool) -> int:
    """
    Open the synthetic clinic; the exit status.

    Args:
        reset: make it anew.
        serve: False makes it and stops.

    Raises:
        UserError: a site is named, or the database holds people who are not synthetic.
    """
    if os.environ.get("OPENKAP_SITE"):
        raise UserError("OPENKAP_SITE is set, and the demonstration is for no site: unset it, or call openkap serve.")
    os.environ.setdefault("OPENKAP_DATA", FOLDER)
    if reset:
        _forget(Environment.read(os.environ))
    environment = make_ready()

    from django.utils import timezone

    from openkap.people.models import Site, User
    from openkap.project import demonstration

    if not User.objects.exists():
        began = time.monotonic()
        _say("Making the synthetic clinic, once: staff of each role, sixty people, a retreat of twelve.")
        demonstration.fill(timezone.localdate(), _say)
        _say(f"Made in {time.monotonic() - began:.0f} s. openkap demo --reset makes it anew.")
    elif not demonstration.is_synthetic():
        raise UserError("The database holds people who are not synthetic: name another folder in OPENKAP_DATA.")
    made = demonstration.made_on(Site.objects.get().pk)
    if made and made != date.today():
        _say(f"This clinic was made on {made}: its facts have grown older since. openkap demo --reset makes it anew.")
    print(f"http://{environment.bind}:{environment.port}")
    print("Everybody here is synthetic. Sign in with the password:", demonstration.PASSWORD)
    print("\n".join(demonstration.sign_ins()), flush=True)
    if serve:
        listen(environment)
    return 0


def _forget(environment: Environment) -> None:
    """Remove the demonstration's own database; one that another program made is left alone."""
    if environment.database.engine != "sqlite":
        raise UserError("--reset removes a SQLite file only: empty the PostgreSQL database yourself.")
    path = Path(environment.database.name)
    if not path.exists():
        return
    if not _made_here(path):
        raise UserError(f"{path} holds people who are not synthetic: it is left as it is; name another OPENKAP_DATA.")
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)


def _made_here(path: Path) -> bool:
    from openkap.project import sqlite

    sqlite.swap()
    import sqlite3

    database = sqlite3.connect(path)
    try:
        real = "select count(*) from {} where not synthetic"
        return all(database.execute(real.format(t)).fetchone()[0] == 0 for t in ("people_user", "people_patient"))
    except sqlite3.DatabaseError:
        return False
    finally:
        database.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
