"""
The clinic app as a site runs it, in processes of its own, over the database of the test.

    with Served(tmp_path) as served:             # one worker, unless told
        surf = Surf(chromium, clinic, served.url)
        served.freeze(); served.thaw(); served.kill(); served.kill_worker(pid)

Streams need it: Django's own test server cannot send one. It ends only processes that it started, by their number.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from django.conf import settings
from django.db import connection

START = (
    "import sys; from granian.server import Server; from granian.constants import Interfaces;"
    "Server('openkap.project.asgi:application', address='127.0.0.1', port=int(sys.argv[1]),"
    " interface=Interfaces.ASGINL, workers=int(sys.argv[2]), respawn_failed_workers=True,"
    " workers_kill_timeout=5, log_access=False).serve()"
)


class Served:
    """
    Args:
        folder: for what the server keeps beside the database, and its log.
        workers: processes that serve.
        port: None takes a free one.
    """

    def __init__(self, folder: Path, workers: int = 1, port: int | None = None):
        self.folder, self.workers, self.port = folder, workers, port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def __enter__(self) -> Served:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it answers."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "OPENKAP_DATABASE": address(),
            "OPENKAP_SECRET_KEY": settings.SECRET_KEY,
            "OPENKAP_DATA": str(data),
            "DJANGO_SETTINGS_MODULE": "openkap.project.settings",
        }
        environment.pop("OPENKAP_SITE", None)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(self.port), str(self.workers)],
                stdout=log,
                stderr=log,
                env=environment,
            )
        for _ in range(600):
            if self.answers():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"The server does not answer: {self.log()[-3000:]}")

    def answers(self) -> bool:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            client.request("GET", "/alive/")
            return client.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()

    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    # -- what happens to it --------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Every process stands still, and its connections stay open."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """Every process is gone, without a word."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)
            self.process = None

    def kill_worker(self, pid: int) -> None:
        """One of its workers is gone; the server starts another."""
        assert pid in self.pids()[1:], f"{pid} is no process of this server"
        os.kill(pid, signal.SIGKILL)

    def pids(self) -> list[int]:
        """The server and its workers."""
        return _family(self.process.pid) if self.process is not None else []


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def address() -> str:
    """The database of the test, as the environment names it."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}".replace("////", "///")
    return f"postgresql://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
