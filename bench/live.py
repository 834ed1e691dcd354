"""
Live sessions: readings go in, and every board that watches shows them. From the reading to the screen, p50 and p99.

    python bench/live.py [--sessions 200] [--watchers 50] [--every 5] [--seconds 30] [--only ENGINE] [--write]

Builds a synthetic clinic with so many sessions under way, serves it as `openkap serve` does, and lets each session post
a reading every few seconds through the tablet's own door while screens watch streams. Beside it stands a bare stream in
the same server: a reading that is echoed to as many screens with nothing in between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from http_client import Browser, read_reply  # noqa: E402
from report import write_part  # noqa: E402
from web import WORKERS, Server, _free_port, sign_in  # noqa: E402

PASSWORD = "seven grey herons at dusk"
GOAL_P99_S, GOAL_MAX_S = 2, 5  # RG-13
_CSRF = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')


# ---------------------------------------------------------------- a clinic with sessions under way


def build(sessions: int) -> list[tuple[str, str]]:
    """So many people who have arrived and are watched; (patient, session) of each."""
    from datetime import date
    from datetime import time as noon

    from django.utils import timezone

    from openkap.dose import events as e
    from openkap.dose import floor, services, services_book, store
    from openkap.kernel.site import Site
    from openkap.people import services as people
    from openkap.people.selectors import principal_of
    from openkap.people.types import Role

    site = people.open_site("Bench")
    users = {}
    for role in (Role.NURSE, Role.COORDINATOR, Role.PRESCRIBER):
        user = people.create_user(
            None, site, email=f"{role}@bench.example", name=f"{role} (synthetic)", password=PASSWORD
        )
        people.grant_role(None, user, site, role)
        users[role] = user
    nurse, desk = principal_of(users[Role.NURSE]), principal_of(users[Role.COORDINATOR])
    assert nurse is not None and desk is not None
    floor.begin_shift(nurse, Role.NURSE)
    made = []
    for n in range(sessions):
        # Names unlike each other: the band of a page names whoever is called alike, and each such read is audited.
        letters = "".join("bcdfghjklmnpqrstvwxz"[n // 20**place % 20] + "aeiou"[n % 5] for place in (0, 1, 2))
        who = people.Identity(family=letters.title(), given=letters[::-1].title(), birth_date=date(1980, 1, 1))
        patient = people.register_patient(None, site, who, synthetic=True)
        people.assign_care_team(None, patient, users[Role.NURSE])
        chair = services_book.add_chair(None, site.pk, f"Bay {n + 1}")
        day = timezone.now().astimezone(store.zone_of(site)).date()
        said = {"day": day, "at": noon(12), "route": "iv", "drug": "ketamine", "chair": chair, "maintenance": False}
        row = services_book.book(desk, patient, Site(), **said)
        done = services.act(nurse, row, lambda by, s, now: e.Arrive(key=str(uuid4()), patient=s.patient, by=by))
        assert done.refused is None, done.refused
        made.append((str(patient.pk), str(row.pk)))
    return made


# ---------------------------------------------------------------- who watches, who enters


class Screens:
    """Streams, and when each of them first showed an event."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], dict[asyncio.Task | None, float]] = {}  # by screen, the first time
        self.bytes = self.messages = self.beats = 0

    async def watch(self, port: int, browser: Browser, path: str) -> None:
        """Read one stream until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        try:
            writer.write(browser.request("GET", path).replace(b"Accept: text/html", b"Accept: text/event-stream"))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(f"The stream was refused: {head[:200]!r}")
            event = b""
            while line := await reader.readline():
                self.bytes += len(line)
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                    self.messages += 1
                    self.beats += event == b"beat"
                elif line.startswith(b"data: ") and event == b"session":
                    self._note(line)
        finally:
            writer.close()

    def _note(self, line: bytes) -> None:
        now = time.perf_counter()
        session = re.search(rb'"session": "([^"]+)"', line)
        number = re.search(rb'"sequence": (\d+)', line)
        if session and number:
            # a tile that is made anew as minutes pass shows the same event again: that is no later showing
            self.seen.setdefault((session[1].decode(), int(number[1])), {}).setdefault(asyncio.current_task(), now)


class Posted:
    """What was entered: when each event was sent, and when its reply came."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, int], tuple[float, float]] = {}
        self.replies: list[float] = []
        self.faults: list[str] = []


async def enter(
    port: int, browser: Browser, me: tuple[str, str], who: tuple[str, str], every_s: float, until: float, posted: Posted
) -> None:
    """One tablet: a reading every few seconds. `me`: token and account of the one signed in there."""
    (token, by), (patient, session) = me, who
    path = f"/p/{patient}/dose/{session}/events/"
    await asyncio.sleep(random.random() * every_s)
    reader = writer = None
    while time.perf_counter() < until:
        began = time.perf_counter()
        entry = {
            "key": str(uuid4()),
            "kind": "Read",
            "fields": {"measure": "spo2", "value": str(random.randint(95, 99)), "unit": "%"},
        }
        body = json.dumps({"by": by, "events": [entry]}).encode()
        head = browser.request("POST", path).split(b"\r\n\r\n")[0]
        more = f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nX-CSRFToken: {token}\r\n\r\n"
        request = head + more.encode() + body
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
            writer.write(request)
            reply = await read_reply(reader)  # type: ignore[arg-type]
            now = time.perf_counter()
            if reply.status != 200:
                posted.faults.append(f"{reply.status} {reply.body[:120]!r}")
            else:
                said = json.loads(reply.body)
                posted.sent[session, int(said["sequence"])] = (began, now)
                posted.replies.append(now - began)
        except (OSError, asyncio.IncompleteReadError) as fault:
            posted.faults.append(type(fault).__name__)
            writer = None
        await asyncio.sleep(max(0.0, every_s - (time.perf_counter() - began)))
    if writer is not None:
        writer.close()


async def alive(port: int, browser: Browser, token: str) -> None:
    """The nurse's screen says that it is there, as a page does."""
    while True:
        await browser.call("POST", "/rooms/here/", {"device": "bench", "csrfmiddlewaretoken": token})
        await asyncio.sleep(10)


async def run(server: Server, made: list[tuple[str, str]], watchers: int, every_s: float, seconds: float) -> dict:
    """One run; what was found."""
    browser = await sign_in(server.port, "nurse@bench.example", PASSWORD)
    patient, session = made[0]
    page = await browser.call("GET", f"/p/{patient}/dose/{session}/")
    found = re.search(rb'"by": ?"([^"]+)"', page.body)
    csrf = _CSRF.search(page.body) or re.search(rb'"token": ?"([^"]+)"', page.body)
    if not (found and csrf):
        raise RuntimeError(f"The chair does not open: {page.status} {page.body[:500]!r}")
    by, token = found[1].decode(), csrf[1].decode()
    screens, posted = Screens(), Posted()
    streams = [asyncio.ensure_future(screens.watch(server.port, browser, "/live/rooms/")) for _ in range(watchers)]
    streams.append(asyncio.ensure_future(alive(server.port, browser, token)))
    await asyncio.sleep(5)
    if failed := [one for one in streams if one.done()]:
        await failed[0]
    screens.seen.clear()
    first_bytes, first_messages = screens.bytes, screens.messages
    busy, began = server.processor_s(), time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(enter(server.port, browser, (token, by), who, every_s, until, posted) for who in made))
    whole = time.perf_counter() - began
    busy = server.processor_s() - busy
    await asyncio.sleep(3)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return _found(screens, posted, watchers, whole, busy, server) | {
        "bytes": screens.bytes - first_bytes,
        "messages": screens.messages - first_messages,
    }


def _found(screens: Screens, posted: Posted, watchers: int, whole: float, busy: float, server: Server) -> dict:
    """A reading is on a screen when that screen shows its event or a later one of the session."""
    latest: dict[str, list[tuple[int, list[float]]]] = {}
    for (session, number), times in screens.seen.items():
        latest.setdefault(session, []).append((number, list(times.values())))
    late, from_reply, missed = [], [], 0
    for (session, number), (began, replied) in posted.sent.items():
        shown = [times for n, times in latest.get(session, ()) if n >= number]
        if not shown or max(len(times) for times in shown) < watchers:
            missed += 1
        first = min(shown, key=min, default=None)
        if first is not None:
            late += [at - began for at in first]
            from_reply += [max(0.0, at - replied) for at in first]
    return {
        "readings": len(posted.sent),
        "per_s": len(posted.sent) / whole,
        "screen": _quantiles(late),
        "after_reply": _quantiles(from_reply),
        "reply": _quantiles(posted.replies),
        "missed": missed,
        "faults": posted.faults[:5],
        "fault_count": len(posted.faults),
        "cpu": busy / whole,
        "cpu_ms": busy * 1000 / max(1, len(posted.sent)),
        "memory": server.resident_mb(),
        "beats": screens.beats,
        "load": os.getloadavg()[0],
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {"p50": float("nan"), "p99": float("nan"), "max": float("nan")}
    ordered = sorted(values)
    return {
        "p50": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "max": ordered[-1],
    }


# ---------------------------------------------------------------- a bare stream beside


async def bare(server: Server, sessions: int, watchers: int, every_s: float, seconds: float) -> dict:
    """The same load on a stream that only passes on what comes in."""
    screens, posted = Screens(), Posted()
    browser = Browser(server.port)
    streams = [asyncio.ensure_future(screens.watch(server.port, browser, "/stream")) for _ in range(watchers)]
    await asyncio.sleep(1)
    busy, began = server.processor_s(), time.perf_counter()
    until = began + seconds

    async def tablet(n: int) -> None:
        await asyncio.sleep(random.random() * every_s)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        number = 0
        while time.perf_counter() < until:
            number += 1
            at = time.perf_counter()
            writer.write(browser.request("GET", f"/post?session={n}&sequence={number}"))
            await read_reply(reader)
            posted.sent[str(n), number] = (at, time.perf_counter())
            posted.replies.append(time.perf_counter() - at)
            await asyncio.sleep(every_s)
        writer.close()

    await asyncio.gather(*(tablet(n) for n in range(sessions)))
    whole = time.perf_counter() - began
    busy = server.processor_s() - busy
    await asyncio.sleep(1)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return _found(screens, posted, watchers, whole, busy, server)


# ---------------------------------------------------------------- the whole


def one(arguments: argparse.Namespace) -> dict[str, Any]:
    """Both servers, over the database that the environment names."""
    from openkap.project.serve import make_ready

    make_ready()
    from django.db import connection

    made = build(arguments.sessions)
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
    load = {"watchers": arguments.watchers, "every_s": arguments.every, "seconds": arguments.seconds}
    with _one_worker(), Server("bare_stream:application", _free_port()) as server:
        beside = asyncio.run(bare(server, arguments.sessions, **load))
    os.environ["OPENKAP_PORT"] = str(port := _free_port())
    with Server("openkap.project.asgi:application", port) as server:
        found = asyncio.run(run(server, made, **load))
    return {"engine": connection.vendor, "found": found, "bare": beside}


class _one_worker:  # noqa: N801  an echo without a database cannot pass from one process to another
    def __enter__(self) -> None:
        import web

        self.before, web.WORKERS = web.WORKERS, 1

    def __exit__(self, *_: object) -> None:
        import web

        web.WORKERS = self.before


def engines(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Each database in processes of its own."""
    for engine in ("sqlite", "postgresql"):
        if arguments.only not in (None, engine):
            continue
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "OPENKAP_DATA": folder, "OPENKAP_TZ": "UTC"}
            environment.pop("OPENKAP_SITE", None)
            environment.pop("OPENKAP_DATABASE", None)
            result = Path(folder) / "result.json"
            command = [sys.executable, __file__, *sys.argv[1:], "--result", str(result)]
            if engine == "postgresql":
                command = [sys.executable, str(HERE.parent / "tools" / "with_postgres.py"), *command]
            subprocess.run(command, check=True, env=environment)
            yield json.loads(result.read_text())


def report(arguments: argparse.Namespace, results: list[dict[str, Any]]) -> list[str]:
    """The lines of docs/benchmarks.md."""
    lines = [
        f"{arguments.sessions} sessions, each with a reading every {arguments.every:g} s through the tablet's door;"
        f" {arguments.watchers} screens watch all of them; {arguments.seconds:g} s, {os.cpu_count()} cores that the"
        f" clients share, {WORKERS} processes. Goal from the reading to the screen: p99 {GOAL_P99_S} s, longest"
        f" {GOAL_MAX_S} s, none missed (RG-13). Bare: one process that passes on what it gets, no database.",
        "",
        "| | readings, a second | reading to screen ms: p50, p99, longest | reply ms: p50, p99 |"
        " reply to screen ms: p50, p99 | missed | cores busy | processor ms a reading | server MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    loads = ", ".join(f"{result['found']['load']:.0f}" for result in results)
    lines[0] += f" Load of the machine at the end of each run: {loads}."
    for result in results:
        name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[result["engine"]]
        for what, row in ((f"bare stream beside {name}", result["bare"]), (name, result["found"])):
            lines.append(_line(what, row))
        times = result["found"]["screen"]["p50"] / result["bare"]["screen"]["p50"]
        lines.append(f"| {name}, times bare at p50 | | {times:.0f} | | | | | | |")
    return lines


def _line(what: str, row: dict[str, Any]) -> str:
    def ms(of: dict[str, float], *names: str) -> str:
        return ", ".join(f"{of[name] * 1000:.0f}" for name in names)

    return (
        f"| {what} | {row['readings']}, {row['per_s']:.0f} | {ms(row['screen'], 'p50', 'p99', 'max')} |"
        f" {ms(row['reply'], 'p50', 'p99')} | {ms(row['after_reply'], 'p50', 'p99')} | {row['missed']} |"
        f" {row['cpu']:.2f} | {row['cpu_ms']:.1f} | {row['memory']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--write", action="store_true", help="rewrite this part of docs/benchmarks.md")
    parser.add_argument("--result", type=Path)
    arguments = parser.parse_args()
    if arguments.result:
        arguments.result.write_text(json.dumps(one(arguments)))
        return
    results = list(engines(arguments))
    lines = report(arguments, results)
    print("\n".join(lines))
    for result in results:
        if result["found"]["fault_count"]:
            print(result["engine"], result["found"]["fault_count"], "faults, such as", result["found"]["faults"])
    if arguments.write:
        write_part("## Live sessions", lines)


if __name__ == "__main__":
    main()
