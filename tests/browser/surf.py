"""
The clinic in a real browser, for journeys and for looking at pages.

    def test_something(surf):
        page = surf.open("/today/", Role.NURSE)                        # signed in, 1280 px wide
        page = surf.open("/today/", Role.NURSE, size="phone", dark=True)
        surf.check(page)                                               # axe, no sideways scroll

A test fails at its end if any page wrote an error to the console, asked another origin or got a reply of 500.
`OPENKAP_SHOTS=folder` keeps a picture of every page that `check` sees.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page

from openkap.people.models import User
from openkap.people.types import Role
from tests.database import PASSWORD, Clinic

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SHOTS = os.environ.get("OPENKAP_SHOTS")

Size = Literal["desktop", "tablet", "phone", "zoom-400"]
SIZES: dict[Size, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "tablet": {"viewport": {"width": 820, "height": 1180}, "has_touch": True},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "zoom-400": {"viewport": {"width": 320, "height": 256}},  # 1280 × 1024 at 400 %
}
WORST = ("serious", "critical")


class Surf:
    """
    Opens pages of a clinic.

    Args:
        url: of the server, without a slash at the end.
        clinic: who is there.
        faults: what pages complained of; a test may empty it where a complaint is expected.
    """

    def __init__(self, browser: Browser, clinic: Clinic, url: str):
        self.browser, self.clinic, self.url = browser, clinic, url
        self.faults: list[str] = []
        self._contexts: list[BrowserContext] = []

    def open(
        self, path: str, role: Role | User | None = None, *, size: Size = "desktop", dark: bool = False, **more: Any
    ) -> Page:
        """A page in a browser of its own; `role`: who is signed in; `more` goes to playwright's new_context."""
        context = self.browser.new_context(color_scheme="dark" if dark else "light", **SIZES[size] | more)
        self._contexts.append(context)
        if role is not None:
            session = self.clinic.client(role).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.url}])
        page = context.new_page()
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        page.on("request", lambda request: self._note_request(request.url))
        page.on("response", lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 500 else None)
        page.goto(f"{self.url}{path}")
        return page

    def sign_in(self, page: Page, role: Role) -> None:
        """By typing, as people do."""
        user = self.clinic.users[role]
        user.set_password(PASSWORD)
        user.save()
        page.goto(f"{self.url}/account/sign-in/")
        page.get_by_label("Email").fill(user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()

    def check(self, page: Page, name: str = "") -> None:
        """No serious fault that axe knows, and no sideways scroll of the whole page."""
        if SHOTS:
            self.shoot(page, name or re.sub(r"\W+", "-", page.url.removeprefix(self.url)).strip("-"))
        self.until(page, "document.readyState === 'complete' && document.scrollingElement !== null")
        wide = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px wider than the screen"
        assert serious_faults(page) == []

    def until(self, page: Page, true: str, seconds: float = 10) -> None:
        """Wait for a script to say true. Asked from outside: page.wait_for_function evals, which our pages forbid."""
        end = time.monotonic() + seconds
        while not page.evaluate(true):
            assert time.monotonic() < end, f"{true} is not so after {seconds} s on {page.url}"
            page.wait_for_timeout(50)

    def shoot(self, page: Page, name: str) -> None:
        """Keep a picture, named after width and scheme too."""
        width = (page.viewport_size or {})["width"]
        scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
        page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)

    def close(self) -> None:
        """End every browser of the test."""
        for context in self._contexts:
            context.close()

    def _note_request(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"asked another origin: {url}")


def serious_faults(page: Page) -> list[str]:
    """What axe calls serious or critical: rule, and the first element that breaks it."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']}: {v['help']} at {v['nodes'][0]['html'][:200]}" for v in found["violations"] if v["impact"] in WORST
    ]


def weight(page: Page) -> int:
    """Bytes of the page and of everything it loaded, as they came over the line."""
    return page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, entry) => sum + entry.transferSize, 0)"
    )
