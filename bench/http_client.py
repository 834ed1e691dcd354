"""
A small HTTP client of our own for one server: connections that stay open, and as little work as can be.

It shares the machine with the server that it measures, so it costs a tenth of what a comfortable client costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Browser:
    """Cookies of one browser, and its connections."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, fields: dict[str, str] | None = None) -> bytes:
        """The bytes of a request."""
        body = urlencode(fields).encode() if fields is not None else b""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "User-Agent: bench", "Accept: text/html"]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if fields is not None:
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def call(self, method: str, path: str, fields: dict[str, str] | None = None) -> Reply:
        """One request on a connection of its own; cookies are kept."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self.request(method, path, fields))
            reply = await read_reply(reader)
        finally:
            writer.close()
        for name, value in reply.headers:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return reply


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """Read one reply, by its length or in chunks."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)]
    said = dict(headers)
    if said.get("transfer-encoding") == "chunked":
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return Reply(status, headers, b"".join(parts))
    length = int(said.get("content-length", 0))
    return Reply(status, headers, await reader.readexactly(length))


Job = tuple[bytes, Callable[[Reply], bool]]


async def race(port: int, connections: int, jobs: Iterable[Job]) -> tuple[list[float], float]:
    """
    Do the jobs, each connection taking the next as soon as it has its reply.

    Returns:
        Seconds of each, and of all together.

    Raises:
        RuntimeError: a reply was not what its job expects.
    """
    waiting, spent = iter(jobs), []

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        try:
            for request, expected in waiting:
                began = time.perf_counter()
                writer.write(request)
                reply = await read_reply(reader)
                spent.append(time.perf_counter() - began)
                if not expected(reply):
                    raise RuntimeError(f"{request[:80]!r}: {reply.status} {reply.body[:300]!r}")
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    return spent, time.perf_counter() - began
