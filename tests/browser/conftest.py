"""What the tests in this folder share; `surf` is described in surf.py."""

import os
from collections.abc import Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.surf import CHROMIUM, QUIET, Surf
from tests.database import Clinic, make_clinic

expect.set_options(timeout=20_000)  # ms; the machine of the tests may be busy, and none waits for what will not come


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
            item.add_marker(pytest.mark.xdist_group("browser"))  # one Chromium at a time


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, started once."""
    assert CHROMIUM, "Chromium is not installed: run make dev."
    earlier = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright runs a loop in this thread
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
        connections.close_all()  # with a loop running, Django gives this thread a second connection
    if earlier is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def clinic(chromium: Browser, transactional_db: None) -> Clinic:
    """The small clinic of tests/database.py, where the server of the test sees it too."""
    return make_clinic()


@pytest.fixture
def surf(chromium: Browser, clinic: Clinic, live_server) -> Iterator[Surf]:
    """The clinic in a browser; whatever a page complains of fails the test."""
    surf = Surf(chromium, clinic, live_server.url.replace("127.0.0.1", "localhost"))
    yield surf
    surf.close()
    connections.close_all()
    assert surf.faults == []
