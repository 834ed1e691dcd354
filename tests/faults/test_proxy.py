"""The bad line is as bad as it says, and otherwise as good."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.faults.proxy import Proxy


class Echo(BaseHTTPRequestHandler):
    """Says back what came, and keeps it."""

    protocol_version = "HTTP/1.1"
    got: list[bytes] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def line() -> Iterator[Proxy]:
    Echo.got = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Proxy(server.server_address[1]) as line:
        yield line
    server.shutdown()
    server.server_close()


def post(line: Proxy, body: bytes, timeout: float = 10) -> bytes:
    client = http.client.HTTPConnection("localhost", line.port, timeout=timeout)
    try:
        client.request("POST", "/", body)
        return client.getresponse().read()
    finally:
        client.close()


FAULTS = (OSError, http.client.HTTPException)


def test_a_good_line_passes_everything_on(line):
    assert post(line, b"a" * 300_000) == b"a" * 300_000


def test_a_line_that_is_down_lets_nobody_in_and_is_good_again_afterwards(line):
    line.be(down=True)
    with pytest.raises(FAULTS):
        post(line, b"one")
    line.be()
    assert post(line, b"two") == b"two"
    assert Echo.got == [b"two"]


def test_a_dropped_reply_means_that_the_request_arrived(line):
    line.be(drop_reply=True)
    with pytest.raises(FAULTS):
        post(line, b"one")
    assert Echo.got == [b"one"]


def test_a_cut_reply_arrives_in_part(line):
    line.be(cut_reply=140)
    with pytest.raises(FAULTS):
        post(line, b"x" * 1000)
    assert Echo.got == [b"x" * 1000]


def test_a_reset_request_does_not_arrive(line):
    line.be(reset=True)
    with pytest.raises(FAULTS):
        post(line, b"one")
    assert Echo.got == []


def test_a_doubled_request_arrives_twice(line):
    line.be(doubled=True)
    assert post(line, b"one") == b"one"
    assert Echo.got == [b"one", b"one"]


def test_a_frozen_line_says_nothing_until_it_thaws(line):
    line.be(frozen=True)
    with pytest.raises(FAULTS):
        post(line, b"one", timeout=0.3)
    line.be()
    assert post(line, b"two") == b"two"


def test_chance_lets_some_through(line):
    line.be(reset=True, chance=0.5)
    ended = 0
    for n in range(20):
        try:
            post(line, str(n).encode())
        except FAULTS:
            ended += 1
    assert 0 < ended < 20
    assert ended == len(line.met)
