"""Start the clinic app, after everything that speaks against starting it was asked. `openkap serve` calls it."""

from __future__ import annotations

import os
import sys

import django
from granian.constants import Interfaces
from granian.server import Server

from openkap.project.environment import Environment, prepare

STOPS_WITHIN = 10  # s from the signal to the end; what was acknowledged is on the disk before


def run(check_only: bool) -> int:
    """
    Serve until stopped; the exit status.

    Args:
        check_only: say whether it would start, and stop.

    Raises:
        UserError: a variable is wrong, or the deployment is unsafe; the text names each fault.
    """
    environment = make_ready()

    from openkap.project.checks import notes, refuse_if_unsafe
    from openkap.project.start import first_run, note_zone_data

    refuse_if_unsafe()
    for line in (*notes(), *first_run()):
        print(line, file=sys.stderr)
    if not check_only:
        note_zone_data()
        listen(environment)
    return 0


def make_ready() -> Environment:
    """
    Read the environment, make folder and tables; from here on models can be imported.

    Raises:
        UserError: a variable is wrong, or the folder or the database cannot be opened.
    """
    environment = Environment.read(os.environ)
    os.umask(0o077)  # the database is for this account alone
    prepare(environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "openkap.project.settings"
    django.setup()

    from openkap.project.start import open_database

    open_database(environment.update)
    return environment


def listen(environment: Environment) -> None:
    """Serve until stopped."""
    scheme = "https" if environment.tls == "files" else "http"
    print(f"{scheme}://{environment.bind}:{environment.port}", file=sys.stderr)
    if not environment.production:
        print("Demonstration: everybody is synthetic, and staff need no second factor.", file=sys.stderr)
    _let_go_of_the_database()
    Server(
        "openkap.project.asgi:application",
        address=environment.bind,
        port=environment.port,
        interface=Interfaces.ASGINL,
        workers=environment.workers,
        respawn_failed_workers=True,
        workers_kill_timeout=STOPS_WITHIN,
        log_access=False,  # a path may name a patient's id
        ssl_cert=environment.certificate,
        ssl_key=environment.key,
    ).serve()


def _let_go_of_the_database() -> None:
    """Each worker opens its own: a connection carried across a fork shares file locks, or a socket, with its parent."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]
