"""
A bad line: a small TCP proxy that drops, delays, resets, cuts and doubles what passes.

    with Proxy(port) as line:                    # listens on a port of its own, passes everything on to `port`
        page.goto(line.url)
        line.be(cut_reply=300)                   # every reply ends after 300 bytes
        line.be(down=True); line.be()            # away; back

It runs a loop in a thread of its own, so that tests with a browser, whose loop is in the test's thread, can use it.
Faults hold for connections that stand as for new ones. `chance` and a seeded `random` make them happen at random.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)  # closing with no lingering sends a reset


@dataclass(frozen=True)
class Line:
    """
    What the line does.

    Args:
        down: nobody is let in, and whoever is in is thrown out.
        frozen: connections stand and nothing passes, as behind a firewall that forgot them.
        delay_s: each piece waits so long, in both directions.
        drop_reply: the request arrives and its reply never does: the connection ends.
        cut_reply: so many bytes of each reply pass, then the connection ends.
        reset: the request is not passed on; the client sees a reset.
        doubled: the request is sent twice, over two connections; the client gets the first one's reply.
        chance: how likely each request is to meet drop_reply, cut_reply, reset or doubled.
    """

    down: bool = False
    frozen: bool = False
    delay_s: float = 0.0
    drop_reply: bool = False
    cut_reply: int | None = None
    reset: bool = False
    doubled: bool = False
    chance: float = 1.0


class Proxy:
    """
    Args:
        port: of the server behind, on loopback.
        seed: of the chances.
    """

    def __init__(self, port: int, seed: int = 0):
        self._behind, self._line = port, Line()
        self._random = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.port = 0
        self.met: list[str] = []  # which faults happened, in order

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def be(self, **what: object) -> None:
        """Behave so from now on; without words, as a good line."""
        line = Line(**what)  # type: ignore[arg-type]

        async def change() -> None:
            self._line = line
            if line.down:
                self._throw_out()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(10)

    def cut_all(self) -> None:
        """Throw out whoever is in, once."""

        async def cut() -> None:
            self._throw_out()

        asyncio.run_coroutine_threadsafe(cut(), self._loop).result(10)

    def __enter__(self) -> Proxy:
        self._thread.start()
        started = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(started, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def end() -> None:
            self._server.close()
            self._throw_out()
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _throw_out(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._line.down:
            self.met.append("down")
            _reset(writer)
            return
        self._open.add(writer)
        behind: asyncio.StreamWriter | None = None
        try:
            from_behind, behind = await asyncio.open_connection("127.0.0.1", self._behind)
            call = _Call(self, reader, writer, from_behind, behind)
            await call.run()
        except OSError:
            pass  # either end went away: so does the other
        finally:
            self._open.discard(writer)
            for end in (writer, behind):
                if end is not None:
                    end.close()

    def happens(self) -> bool:
        return self._random.random() < self._line.chance

    @property
    def line(self) -> Line:
        return self._line


@dataclass
class _Call:
    """One connection of a client, and the one to the server that goes with it."""

    proxy: Proxy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    from_behind: asyncio.StreamReader
    behind: asyncio.StreamWriter
    left: int | None = None  # bytes of the reply that may still pass; None: all

    async def run(self) -> None:
        """Pass on until one end is done."""
        ways = [asyncio.ensure_future(self._requests()), asyncio.ensure_future(self._replies())]
        _done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in rest:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _requests(self) -> None:
        while data := await self.reader.read(CHUNK):
            await self._wait()
            line, new = self.proxy.line, data.split(b" ", 1)[0] in METHODS
            meets = new and self.proxy.happens()
            self.left = None
            if meets and line.reset:
                self.proxy.met.append("reset")
                _reset(self.writer)
                return
            if meets and line.doubled:
                self.proxy.met.append("doubled")
                data = await self._whole(data)
                await self._double(data)
            elif meets and line.drop_reply:
                self.proxy.met.append("drop_reply")
                self.left = 0
            elif meets and line.cut_reply is not None:
                self.proxy.met.append("cut_reply")
                self.left = line.cut_reply
            self.behind.write(data)
            await self.behind.drain()

    async def _replies(self) -> None:
        while data := await self.from_behind.read(CHUNK):
            await self._wait()
            if self.left is not None:
                self.writer.write(data[: self.left])
                self.left -= len(data)
                if self.left <= 0:
                    with contextlib.suppress(OSError):
                        await self.writer.drain()
                    return
            else:
                self.writer.write(data)
            await self.writer.drain()

    async def _wait(self) -> None:
        if self.proxy.line.delay_s:
            await asyncio.sleep(self.proxy.line.delay_s)
        while self.proxy.line.frozen:
            await asyncio.sleep(0.02)

    async def _whole(self, data: bytes) -> bytes:
        """A request with its body: browsers send the two apart."""
        while b"\r\n\r\n" not in data:
            data += await self.reader.read(CHUNK)
        head, _, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: *(\d+)", head)
        missing = int(found[1]) - len(body) if found else 0
        return data + (await self.reader.readexactly(missing) if missing > 0 else b"")

    async def _double(self, data: bytes) -> None:
        """The same request once more beside, whose reply is thrown away."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy._behind)
        writer.write(data)
        await writer.drain()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(CHUNK), 10)
        writer.close()


METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"DELETE")


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    if found is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
