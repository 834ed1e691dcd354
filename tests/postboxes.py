"""Real servers on this machine for what leaves a site: one that takes mail, one that takes messages for phones."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Post(HTTPServer):
    """A paging service: keeps what it got, answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PostHandler)
        self.status, self.got = 200, []  # type: ignore[var-annotated]


class PostHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append((self.path, dict(self.headers), json.loads(body)))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Smtp(socketserver.ThreadingTCPServer):
    """A mail server as far as a message needs one; `reply` answers the recipient. `got`: mails, `rcpt`: envelopes."""

    daemon_threads = allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SmtpHandler)
        self.reply, self.got, self.rcpt = "250 ok", [], []  # type: ignore[var-annotated]


class SmtpHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        self.say("220 here")
        to: list[str] = []
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                self.say("354 go on")
                lines = list(iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), "."))
                server.got.append("\n".join(lines))
                server.rcpt.append(to)
                self.say("250 taken")
            elif verb == "RCPT":
                to.append(line)
                self.say(server.reply)
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def running(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
