"""
The clinic app under sixteen connections: time, processor time and a bare page beside, on SQLite and PostgreSQL.

    python bench/web.py [--patients 1000] [--requests 320] [--only sqlite|postgresql]

Builds a synthetic clinic (clinic.py), serves it as `openkap serve` does with the whole security chain, and rewrites its
own part of docs/benchmarks.md. `--patients 10000` is the full size: two million records, some minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from http_client import Browser, Job, Reply, race  # noqa: E402
from report import write_web  # noqa: E402

from openkap.project.environment import Environment  # noqa: E402

CONNECTIONS = 16
WORKERS = Environment.read(os.environ).workers
TICKS = os.sysconf("SC_CLK_TCK")
WARM = 8  # rounds before it counts
GOAL_MS, GOAL_RATIO = 100, 2.5


# ---------------------------------------------------------------- servers


class Server:
    """An ASGI application behind granian, as project/serve.py starts it."""

    def __init__(self, application: str, port: int):
        self.port = port
        start = (
            "import sys; sys.path.insert(0, sys.argv[1]); from granian.server import Server;"
            "from granian.constants import Interfaces;"
            "Server(sys.argv[2], address='127.0.0.1', port=int(sys.argv[3]),"
            " interface=Interfaces.ASGINL, workers=int(sys.argv[4]), workers_kill_timeout=10, log_access=False).serve()"
        )
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        command = [sys.executable, "-c", start, str(HERE), application, str(port), str(WORKERS)]
        path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), str(HERE)]))
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env={**os.environ, "PYTHONPATH": path}, start_new_session=True
        )

    def __enter__(self) -> Server:
        for _ in range(300):
            try:
                if asyncio.run(Browser(self.port).call("GET", "/alive/")).status:
                    return self
            except OSError:
                time.sleep(0.1)
        self.log.seek(0)
        raise RuntimeError(f"The server does not answer: {self.log.read()[-2000:].decode()}")

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)

    def processor_s(self) -> float:
        """Seconds of processor that the server and its workers have used."""
        return sum(_processor_s(pid) for pid in _family(self.process.pid))

    def resident_mb(self) -> float:
        """Memory of the server and its workers."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _family(self.process.pid)]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


# ---------------------------------------------------------------- what is asked for


def says(*wanted: str) -> Callable[[Reply], bool]:
    """True of a page that has these texts."""
    needles = [text.encode() for text in wanted]
    return lambda reply: reply.status == 200 and all(needle in reply.body for needle in needles)


async def sign_in(port: int, email: str, password: str) -> Browser:
    """A browser in which somebody is signed in, by the page for it."""
    browser = Browser(port)
    page = await browser.call("GET", "/account/sign-in/")
    fields = {"csrfmiddlewaretoken": _token(page), "login": email, "password": password}
    reply = await browser.call("POST", "/account/sign-in/", fields)
    if reply.status != 302:
        raise RuntimeError(f"{email} was not let in: {reply.status}")
    return browser


def _token(page: Reply) -> str:
    found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    if found is None:
        raise RuntimeError(f"No form: {page.status} {page.body[:300]!r}")
    return found[1].decode()


async def phones(port: int, tokens: list[str]) -> list[tuple[Browser, str, str, list[str]]]:
    """(browser, token, csrf token, questions) of each form that is open on a phone."""
    opened = []
    for token in tokens:
        browser = Browser(port)
        start = await browser.call("GET", f"/f/{token}/")
        await browser.call("POST", f"/f/{token}/begin/", {"csrfmiddlewaretoken": _token(start)})
        page = await browser.call("GET", f"/f/{token}/")
        questions = [q.decode() for q in re.findall(rb'data-q="([^"]+)"', page.body)]
        if not questions:
            raise RuntimeError(f"No questions: {page.status} {page.body[:300]!r}")
        opened.append((browser, token, _token(page), questions))
    return opened


def saves(opened: list[tuple[Browser, str, str, list[str]]]) -> Iterator[Job]:
    """Answers to one question after another, on one phone after another; they end at the next question."""
    for number in range(10**9):
        browser, token, csrf, questions = opened[number % len(opened)]
        fields = {
            "csrfmiddlewaretoken": csrf,
            "key": str(uuid4()),
            "link_id": questions[number // len(opened) % len(questions)],
            "value": "1",
        }
        yield browser.request("POST", f"/f/{token}/answer/", fields), lambda reply: reply.status == 302


async def scenarios(port: int, clinic: dict[str, Any], password: str) -> list[tuple[str, Iterator[Job], list[Job]]]:
    """(what, jobs without end, each job once) of every page that is measured."""
    prescriber = await sign_in(port, "prescriber@demo.example", password)
    coordinator = await sign_in(port, "coordinator@demo.example", password)

    def pages(browser: Browser, paths: list[str], expected: Callable[[Reply], bool]) -> list[Job]:
        return [(browser.request("GET", path), expected) for path in paths]

    people = await coordinator.call("GET", "/people/")
    csrf = _token(people)
    searches = [
        (coordinator.request("POST", "/people/", {"csrfmiddlewaretoken": csrf, "q": family[:2]}), says("people"))
        for family in clinic["families"]
    ]
    inside = ['class="ident"']
    of_each = lambda rest: [f"/p/{patient}/{rest}" for patient in clinic["mine"]]  # noqa: E731
    found: list[tuple[str, list[Job]]] = [
        ("Today, prescriber", pages(prescriber, ["/today/"], says("page-head"))),
        ("Today, coordinator", pages(coordinator, ["/today/"], says("page-head"))),
        ("People, with a search", searches),
        ("Patient: pathway", pages(prescriber, of_each(""), says(*inside))),
        ("Patient: facts", pages(prescriber, of_each("facts/"), says(*inside))),
        ("Patient: verdict", pages(prescriber, of_each("screen/"), says(*inside))),
    ]
    rows = [(what, iter(cycle(jobs)), jobs) for what, jobs in found]
    endless = saves(await phones(port, clinic["phones"]))
    return [*rows, ("Form: an answer is saved", endless, list(islice(endless, CONNECTIONS)))]


# ---------------------------------------------------------------- measuring


def measure(server: Server, jobs: Iterator[Job], requests: int) -> dict[str, float]:
    """Times of so many requests at sixteen connections, and what each cost the server."""
    before = server.processor_s()
    spent, whole = asyncio.run(race(server.port, CONNECTIONS, islice(jobs, requests)))
    cost = (server.processor_s() - before) * 1000 / len(spent)
    ordered = sorted(spent)
    return {
        "p50": statistics.median(ordered) * 1000,
        "p95": ordered[int(len(ordered) * 0.95)] * 1000,
        "per_s": len(spent) / whole,
        "cpu": cost,
    }


def first_time(server: Server, jobs: list[Job]) -> float:
    """Processor ms a page, where each is asked for once: nothing of it was computed before."""
    before = server.processor_s()
    asyncio.run(race(server.port, 1, iter(jobs)))
    return (server.processor_s() - before) * 1000 / len(jobs)


def measured(clinic: dict[str, Any], requests: int) -> dict[str, Any]:
    """Every page of a clinic that stands in the database that the environment names."""
    from openkap.project.demonstration import PASSWORD

    port = _free_port()
    rows: list[dict[str, Any]] = []
    with Server("bare_asgi:application", port) as bare:
        jobs = cycle([(Browser(port).request("GET", "/"), says("SYN-000001"))])
        measure(bare, jobs, requests // 4)
        rows.append({"what": "a bare page", **measure(bare, jobs, requests)})
    os.environ["OPENKAP_PORT"] = str(port := _free_port())
    with Server("openkap.project.asgi:application", port) as server:
        for what, jobs, each in asyncio.run(scenarios(port, clinic, PASSWORD)):
            first = first_time(server, each)
            for _ in range(WARM):  # new connections each time, so that each process comes to open every chart
                asyncio.run(race(port, CONNECTIONS, islice(jobs, len(each))))
            load = os.getloadavg()[0]
            rows.append({"what": what, "first": first, "load": load, **measure(server, jobs, requests)})
            print(what, {key: round(value, 1) for key, value in rows[-1].items() if key != "what"}, file=sys.stderr)
        memory = server.resident_mb()
    return {"patients": clinic["patients"], "records": clinic["records"], "memory": memory, "rows": rows}


def one(patients: int, requests: int, result: Path) -> None:
    """Build and measure one clinic in the empty database that the environment names."""
    from openkap.project.serve import make_ready

    environment = make_ready()
    from clinic import build
    from django.db import connection

    clinic = vars(build(patients, date.today()))
    connection.close()
    found = measured(clinic, requests) | {"engine": environment.database.engine}
    result.write_text(json.dumps(found), encoding="utf-8")


def main() -> None:
    """Both databases one after the other, then the report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=int, default=1000)
    options.add_argument("--requests", type=int, default=320)
    options.add_argument("--only", choices=("sqlite", "postgresql"))
    options.add_argument("--no-report", action="store_true")
    options.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    said = options.parse_args()
    if said.into:
        one(said.patients, said.requests, said.into)
        return
    found = []
    for engine in ("sqlite", "postgresql") if said.only is None else (said.only,):
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result.json"
            command = [sys.executable, __file__, "--patients", str(said.patients), "--requests", str(said.requests)]
            command += ["--into", str(result)]
            if engine == "postgresql":
                command = [sys.executable, str(HERE.parent / "tools" / "with_postgres.py"), *command]
            environment = {**os.environ, "OPENKAP_DATA": folder}
            environment.pop("OPENKAP_DATABASE", None)
            subprocess.run(command, check=True, env=environment)
            found.append(json.loads(result.read_text(encoding="utf-8")))
    write_web(found, CONNECTIONS, GOAL_MS, GOAL_RATIO, write=not said.no_report)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
