"""
One server for both kinds of request: live streams (`/live/`) by ASGI, everything else by WSGI.

Under ASGI Django opens a new database connection for each request, which costs six times the work of a
small page (ADR 0001); handed to WSGI inside the same process, a page keeps its thread and its connection.
"""

from __future__ import annotations

from typing import Any, cast

from openkap.project.wsgi import application as pages  # first: it sets Django up

from a2wsgi import WSGIMiddleware  # isort: skip
from django.core.asgi import get_asgi_application  # isort: skip
from openkap.people import keeping  # isort: skip
from openkap.project import escalation, heartbeat, postman  # isort: skip

THREADS = 4
LIVE = "/live/"

_pages: Any = WSGIMiddleware(cast(Any, pages), workers=THREADS)
_live = get_asgi_application()
keeping.prepare()
escalation.start()
heartbeat.start()
postman.start()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The dispatcher."""
    if scope.get("path", "").startswith(LIVE):
        await _live(scope, receive, send)
        return

    async def incoming() -> Any:
        """The server's `receive` gives an awaitable; a thread of the WSGI side can wait for a coroutine only."""
        return await receive()

    await _pages(scope, incoming, send)
