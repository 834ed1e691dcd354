"""The board as a stream: server-sent events, as long as whoever opened it may watch (RG-29)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from openkap.dose.live import GONE, RELOAD, message
from openkap.web.dose.board.boards import CHECK_S, Board, Kind, beat_message

T = TypeVar("T")
LONGEST_UNASKED_S = 15.0  # without a word that the screen may watch it is shown nothing any more
RETRY = b"retry: 2000\n\n"
QUIET = b": here\n\n"
HEADERS = {"X-Accel-Buffering": "no"}
Note = Callable[[frozenset[UUID]], None]


def stream(
    request: HttpRequest, board: Board, kind: Kind, may: Callable[[], bool], note: Note, only: UUID | None = None
) -> HttpResponseBase:
    """
    The board of a site for one screen.

    Args:
        may: asked again and again: may this screen watch still?
        note: records whom the screen is shown beside those on the board when it began.
        only: the one session that this screen hears of, without any tile.

    Returns:
        Messages `state`, `session`, `floor`, `beat`, and at last `gone`. A server that cannot stream sends the state
        once, and the browser asks again.
    """
    last = request.headers.get("Last-Event-ID", "")
    if not isinstance(request, ASGIRequest):
        state = board.state(kind) if only is None else b""
        return HttpResponse(RETRY + state + beat_message(), content_type="text/event-stream")
    told = _told(board, kind, may, note, last) if only is None else _word(board, kind, may, only)
    return StreamingHttpResponse(told, content_type="text/event-stream", headers=HEADERS)


async def _told(board: Board, kind: Kind, may: Callable[[], bool], note: Note, last: str) -> AsyncIterator[bytes]:
    seen = board.patients
    one = board.watch(kind, may)
    try:
        await _asked(board.begin)
        seen = await _noted(board, seen, note)
        yield RETRY if last and last == board.number() else RETRY + await _asked(board.state, kind)
        yield await _asked(beat_message)
        while True:
            said: Any = await one.box.next(CHECK_S)
            if said is GONE or time.monotonic() - one.asked > LONGEST_UNASKED_S:
                yield message("gone", "{}")
                return
            if board.patients - seen:
                seen = await _noted(board, seen, note)
            if said is RELOAD:
                said = await _asked(board.state, kind)
            yield said or QUIET
    finally:
        board.leave(one)


async def _word(board: Board, kind: Kind, may: Callable[[], bool], only: UUID) -> AsyncIterator[bytes]:
    """That one session moved, and the heartbeat; what it is the page asks for itself."""
    one = board.watch(kind, may, only)
    try:
        await _asked(board.begin)
        yield RETRY + await _asked(beat_message)
        while True:
            said: Any = await one.box.next(CHECK_S)
            if said is GONE or time.monotonic() - one.asked > LONGEST_UNASKED_S:
                yield message("gone", "{}")
                return
            yield QUIET if said is None or said is RELOAD else said
    finally:
        board.leave(one)


async def _noted(board: Board, seen: frozenset[UUID], note: Note) -> frozenset[UUID]:
    """Nobody new is shown before it is on record that they were."""
    there = board.patients
    if there - seen:
        await _asked(note, there - seen)
    return seen | there


async def _asked(act: Callable[..., T], *values: Any) -> T:
    """Ask the database in the request's own thread, and hold no connection while the stream waits for hours."""

    def ask() -> T:
        try:
            return act(*values)
        finally:
            connections.close_all()

    return await sync_to_async(ask)()
