"""What live boards are measured beside: a stream that passes on what comes in, with nothing in between."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

_boxes: set[asyncio.Queue[bytes]] = set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """`/stream` streams, `/post` passes its query on to every stream."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/stream":
        await _stream(send)
        return
    body = b"ok"
    if scope["path"] == "/post":
        asked = parse_qs(scope["query_string"].decode())
        data = f'{{"session": "{asked["session"][0]}", "sequence": {asked["sequence"][0]}}}'
        for box in _boxes:
            box.put_nowait(f"event: session\ndata: {data}\n\n".encode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Any) -> None:
    box: asyncio.Queue[bytes] = asyncio.Queue()
    _boxes.add(box)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        while True:
            await send({"type": "http.response.body", "body": await box.get(), "more_body": True})
    finally:
        _boxes.discard(box)
