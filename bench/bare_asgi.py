"""
What pages are measured beside: the page of bare_pages.py with nothing in front of the view, behind the same server,
with the same database and the same way from ASGI to WSGI as the product's pages (project/asgi.py).
"""

from __future__ import annotations

import os
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "openkap.project.settings"

import django

django.setup()

from a2wsgi import WSGIMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

settings.MIDDLEWARE, settings.ROOT_URLCONF = [], "bare_pages"
_pages: Any = WSGIMiddleware(WSGIHandler(), workers=4)  # type: ignore[arg-type]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """As openkap.project.asgi does it."""

    async def incoming() -> Any:
        return await receive()

    await _pages(scope, incoming, send)
